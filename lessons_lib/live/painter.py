"""The painter: a caption becomes a picture in the page, step by step, and is read back."""

import base64
import functools
import json
import struct
import zlib
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import ClassVar

import numpy as np
import traitlets

from lessons_lib.clip import CLIP, WordTokenizer, picture_model
from lessons_lib.corpus.pictures import (
    PLACES,
    THINGS,
    TIMES,
    Scene,
    Thing,
    Wording,
    caption,
    describe,
    nearest,
    sample,
    split_of,
)
from lessons_lib.corpus.pictures.drawing import HEIGHT, SCALE, WIDTH, background
from lessons_lib.corpus.pictures.shapes import Canvas
from lessons_lib.corpus.pictures.things import paint_thing
from lessons_lib.corpus.stories import LANGUAGES
from lessons_lib.dit import DiT, painter
from lessons_lib.gguf import gguf_bytes
from lessons_lib.live.figure import LiveFigure, decimal

__all__ = [
    "PRESETS",
    "STORED",
    "Painter",
    "asked_parts",
    "pack_painter",
    "pack_picture",
    "painter_file",
    "scene_words",
]

STORED = Path(__file__).parents[1] / "models" / "painted.json"  # by tools.painted
SEED, STEPS, GUIDANCE = 0, 4, 2.0  # of the stored pictures, and of the page at first
PRESETS = (*sample(5, 11, "test"), *sample(1, 3, "pairs"))
NOUNS = Wording(place=False, time=False)
FALLBACK = {
    "en": {
        "text": "The book's model has painted these captions, none of which it was trained on. "
        "With scripts switched on, it paints in the page, also what you type.",
        "asked": "Asked for",
        "read": "Reads as",
        "distance": "Distance",
        "alt": "Painted for the caption “{}”; it reads as: {}",
    },
    "es": {
        "text": "El modelo del libro ha pintado estas descripciones, con ninguna de las cuales se "
        "entrenó. Con los scripts activados, pinta en la propia página, también lo que escribas.",
        "asked": "Se pedía",
        "read": "Se lee como",
        "distance": "Distancia",
        "alt": "Pintado para la descripción «{}»; se lee como: {}",
    },
}


# ---------------------------------------------------------------- the file


def _only(language: str, how: Wording, things: Sequence[Thing] = (), **where: str) -> str:
    """Say of a scene what a wording asks for; what it does not ask for may be anything."""
    scene = {"place": "lake", "time": "rain"} | where
    return describe(Scene(tuple(things) or (Thing("fox"),), **scene), language, how)


def scene_words(language: str) -> dict[str, list[str]]:
    """Return the words of scenes, in the order of `THINGS`, `PLACES` and `TIMES`.

    Things as one, two and three of them, with their colours and, one of each name, without.
    """
    objects = [thing for thing in THINGS if not thing.is_animal]
    words = {}
    for n, things in ((1, THINGS), (2, objects), (3, objects)):
        said = [_only(language, NOUNS, [thing] * n) for thing in things]
        plain = [_only(language, NOUNS._replace(colour=False), [thing] * n) for thing in things]
        words |= {f"things.{n}": said, f"names.{n}": list(dict.fromkeys(plain))}
    place, time = (Wording(things=False, place=one, time=not one) for one in (True, False))
    words["places"] = [_only(language, place, place=one) for one in PLACES]
    words["times"] = [_only(language, time, time=one) for one in TIMES]
    return words


def _side(language: str) -> str:
    """Return what stands between two things of which the first is on the left."""
    pair = [Thing("fox"), Thing("ball", "red")]
    one, other = (_only(language, NOUNS, [thing]) for thing in pair)
    return _only(language, NOUNS, pair).removeprefix(one).removesuffix(other)


def _sprite(thing: Thing, scale: float = 1.0, turned: bool = False) -> tuple:
    """Return a thing's colours and what it leaves of the background, in the whole of its box."""
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5 - WIDTH / 2, np.arange(HEIGHT) + 1.5 - HEIGHT)
    canvas = Canvas((-x if turned else x) / scale, y / scale, scale)
    paint_thing(canvas, thing)
    return canvas.rgb.ravel(), 1 - canvas.alpha.ravel()


def _drawings() -> dict[str, np.ndarray]:
    """Return all things, animals that look to the left, small things, and backgrounds."""
    objects, animals = ([x for x in THINGS if x.is_animal == one] for one in (False, True))
    kinds = {
        "things": [_sprite(thing) for thing in THINGS],
        "turned": [_sprite(thing, turned=True) for thing in animals],
        "small": [_sprite(thing, SCALE[3]) for thing in objects],
    }
    arrays = {"backgrounds": [background(p, t, 32).ravel() for p in PLACES for t in TIMES]}
    for name, sprites in kinds.items():
        colours, clear = zip(*sprites, strict=True)
        arrays |= {f"{name}.colours": colours, f"{name}.clear": clear}
    return {f"drawings.{name}": np.array(rows, np.float32) for name, rows in arrays.items()}


def pack_painter(model: DiT, clip: CLIP, tokenizer: WordTokenizer) -> bytes:
    """Return a painter with all that the page needs, as a GGUF file.

    The model and the text tower in their own names, matrices in F16; the vocabulary; the words of
    scenes; and the drawings that the reader compares with.
    """
    config, tower = model.config, clip.config.text
    metadata = {
        "general.architecture": "painter",
        "text.n_heads": tower.n_heads,
        "text.n_layers": tower.n_layers,
        "dit.n_heads": config.n_heads,
        "dit.n_layers": config.n_layers,
        "dit.n_waves": config.n_waves,
        "dit.patch_size": config.patch_size,
        "dit.feed_eps": config.feed_eps,
        "words": tokenizer.words,
    }
    for language in LANGUAGES:
        words = {**scene_words(language), "side": _side(language)}
        metadata |= {f"{language}.{name}": value for name, value in words.items()}
    own = {f"dit.{name}": tensor for name, tensor in model.state_dict().items()}
    own |= {f"text.{name}": tensor for name, tensor in clip.text.state_dict().items()}
    arrays = {name: tensor.detach().float().numpy() for name, tensor in own.items()}
    tensors = {name: (x, "F16" if x.ndim > 1 else "F32") for name, x in arrays.items()}
    tensors["dit.places"] = (model.places.float().numpy(), "F32")
    tensors |= {name: (x, "F16") for name, x in _drawings().items()}
    return bytes(gguf_bytes(metadata, tensors))


@functools.cache
def painter_file() -> bytes:
    """Return the book's own painter as the page gets it, see `pack_painter`."""
    return pack_painter(painter(), *picture_model())


# ---------------------------------------------------------------- the figure


def _pixels(text: str) -> np.ndarray:
    """Return a stored picture: (32, 32, 3) of bytes."""
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(32, 32, 3)


def pack_picture(picture: np.ndarray) -> str:
    """Return a picture of numbers from 0 to 1 as the page reads it, three bytes a pixel."""
    return base64.b64encode((255 * picture).round().astype(np.uint8).tobytes()).decode()


def png(pixels: np.ndarray) -> str:
    """Return a picture of bytes (H, W, 3) as the address of a PNG.

    It is not compressed, so that the address is the same with every version of zlib.

    Source: the PNG specification, third edition, sections 5 and 10.
    """
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)  # each row as it is
    size = struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF)
    packed = b"\x78\x01\x01" + size + rows + struct.pack(">I", zlib.adler32(rows))
    file = b"\x89PNG\r\n\x1a\n"
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    for kind, data in ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")):
        check = zlib.crc32(kind + data)
        file += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
    return "data:image/png;base64," + base64.b64encode(file).decode()


def asked_parts(scene: Scene, seen: Scene, language: str) -> list[dict]:
    """Return what the caption of a scene asks for, part by part, and whether it is seen.

    The things in their number, the place, the time, and which of two things is on the left.
    """
    say = functools.partial(_only, language)
    groups = [scene.things] if len(set(scene.things)) == 1 else [(one,) for one in scene.things]
    parts = [(say(NOUNS, group), seen.things.count(group[0]) == len(group)) for group in groups]
    where, when = (Wording(things=False, place=one, time=not one) for one in (True, False))
    parts.append((say(where, place=scene.place), seen.place == scene.place))
    parts.append((say(when, time=scene.time), seen.time == scene.time))
    if len(groups) == 2:
        parts.append((_side(language).strip(), seen.things == scene.things))
    return [{"text": text, "right": right} for text, right in parts]


def _judged(text: str, scene: Scene, language: str) -> dict:
    """Return a stored guess with all that is read in it."""
    seen, drawing, rmse = nearest(_pixels(text).astype(np.float32) / 255)
    return {
        "guess": text,
        "nearest": pack_picture(drawing),
        "text": caption(seen, language),
        "rmse": round(rmse, 5),
        "parts": asked_parts(scene, seen, language),
    }


@functools.cache
def _stored(language: str) -> dict[str, list]:
    """Return the steps for the first preset, and the pictures of all, with what is read in them."""
    stored = json.loads(STORED.read_text(encoding="utf-8"))[language]
    steps = [
        {"way": way, **_judged(guess, PRESETS[0], language)}
        for way, guess in zip(stored["ways"], stored["guesses"], strict=True)
    ]
    pairs = zip(stored["pictures"], PRESETS, strict=True)
    return {"steps": steps, "pictures": [_judged(*pair, language) for pair in pairs]}


class Painter(LiveFigure):
    """The book's own DiT, run by the page: a caption becomes a picture before the reader's eyes.

    Each step is shown, with the model's guess, the drawing that is nearest to it, and what is read
    in it. The weights are no part of the figure; they are loaded when
    somebody paints.

    Args:
        language: ``"en"`` or ``"es"``; captions may be in both, whatever it is.

    Raises:
        ValueError: another language.
    """

    slug = "painter"
    label: ClassVar = {"en": "The page paints", "es": "La página pinta"}
    caption: ClassVar = {
        "en": "The book's model paints a caption in your browser, and a program reads the picture.",
        "es": "El modelo del libro pinta una descripción en tu navegador, y un programa lee la "
        "imagen.",
    }

    presets = traitlets.List().tag(sync=True)
    stored = traitlets.Dict().tag(sync=True)
    size = traitlets.Integer().tag(sync=True)

    def __init__(self, language: str = "en"):
        if language not in FALLBACK:
            raise ValueError(f"expected language 'en' or 'es', got {language!r}")
        super().__init__(
            presets=[
                {"caption": caption(scene, language), "unseen": split_of(scene) == "pairs"}
                for scene in PRESETS
            ],
            stored={
                "seed": SEED,
                "guidance": GUIDANCE,
                "steps": _stored(language)["steps"],
            },
            size=len(painter_file()),
            language=language,
        )
        self.on_msg(self._answer)

    def _answer(self, _: LiveFigure, content: dict, __: list) -> None:
        """Send the model to a front end that asks for it."""
        if content == {"type": "load", "kind": "painter"}:
            self.send({"type": "painter"}, buffers=[painter_file()])

    def _fallback(self) -> str:
        say, items = FALLBACK[self.language], []
        for preset, one in zip(self.presets, _stored(self.language)["pictures"], strict=True):
            asked, seen = escape(preset["caption"]), escape(one["text"])
            distance = decimal(one["rmse"], 3, self.language)
            items.append(
                f'<li><img src="{png(_pixels(one["guess"]))}" width="128" height="128" '
                f'alt="{escape(say["alt"].format(preset["caption"], one["text"]))}">'
                f"<p>{say['asked']}: {asked}. {say['read']}: {seen}. "
                f"{say['distance']}: {distance}.</p></li>"
            )
        return f'<p>{say["text"]}</p><ul class="paint-strip">{"".join(items)}</ul>'
