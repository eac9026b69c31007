"""A wall of pictures and captions that look for them, with the scores of the book's CLIP."""

import base64
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar, NamedTuple

import torch
import traitlets

from lessons_lib.clip import picture_model, show
from lessons_lib.corpus.pictures import (
    ANIMALS,
    OBJECTS,
    PLACES,
    THINGS,
    TIMES,
    Scene,
    Thing,
    Wording,
    caption,
    describe,
    exchange_colours,
    sample,
)
from lessons_lib.live.figure import LiveFigure, decimal, html_table

__all__ = ["CaptionWall"]

SCENES = tuple(sample(12, seed=6, split="test"))
FALLBACK = {
    "en": ("Captions and the pictures that fit them best", ["Caption", "Picture", "Percent"]),
    "es": ("Descripciones y las imágenes que mejor les van", ["Descripción", "Imagen", "%"]),
}


class Wall(NamedTuple):
    """What the figure shows: pictures as bytes, captions, and the cosines of both."""

    pictures: list[str]
    captions: list[str]
    cosines: list[list[float]]
    scale: float


def _captions(language: str) -> list[str]:
    """Return captions that say all, then twins of the same words, names, places and times."""
    full = [caption(scene, language) for scene in SCENES]
    twins = []
    for scene in SCENES:
        other = exchange_colours(scene) or replace(scene, things=scene.things[::-1])
        if other != scene:
            twins.append(caption(other, language))
    by_name = {thing.name: (thing,) for thing in THINGS}
    alone = Wording(colour=False, place=False, time=False)
    names = [
        describe(Scene(by_name[name], "lake", "rain"), language, alone)
        for name in (*OBJECTS, *ANIMALS)
    ]
    fox = (Thing("fox"),)  # which is not said
    where, when = (Wording(things=False, time=one, place=not one) for one in (False, True))
    places = [describe(Scene(fox, place, "rain"), language, where) for place in PLACES]
    times = [describe(Scene(fox, "lake", time), language, when) for time in TIMES]
    return [*full, *twins, *names, *places, *times]


@lru_cache(maxsize=2)
def wall(language: str) -> Wall:
    """Return the wall of a language, with all cosines to 3 decimals."""
    model, tokenizer = picture_model()
    pictures, captions = show(SCENES), _captions(language)
    with torch.inference_mode():
        words = model.encode_text(tokenizer.batch(captions))
        cosines = (words @ model.encode_pictures(pictures).T).double()
    pixels = (pictures * 255).round().to(torch.uint8).numpy()
    return Wall(
        [base64.b64encode(picture.tobytes()).decode() for picture in pixels],
        captions,
        [[round(x, 3) for x in row] for row in cosines.tolist()],
        float(round(model.log_scale.exp().item())),
    )


class CaptionWall(LiveFigure):
    """Twelve pictures, a caption that looks for its own, and a picture that asks back.

    The scores are cosines of the book's CLIP times a factor that the reader moves; the bars are
    their softmax over the pictures. A picture that is pressed, or dragged into the frame, shows
    which captions fit it best.

    Args:
        language: ``"en"`` or ``"es"``, also of the captions.

    Raises:
        ValueError: another language.
    """

    slug = "caption_wall"
    label: ClassVar = {"en": "A caption looks for its picture", "es": "Una descripción busca"}
    caption: ClassVar = {
        "en": "A caption chooses among twelve pictures, and a picture among captions.",
        "es": "Una descripción elige entre doce imágenes, y una imagen entre descripciones.",
    }

    pictures = traitlets.List(traitlets.Unicode()).tag(sync=True)
    captions = traitlets.List(traitlets.Unicode()).tag(sync=True)
    cosines = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    scale = traitlets.Float().tag(sync=True)

    def __init__(self, language: str = "en"):
        made = wall("es" if language == "es" else "en")
        super().__init__(**made._asdict(), language=language)

    def _fallback(self) -> str:
        title, head = FALLBACK[self.language]
        shares = (self.scale * torch.tensor(self.cosines[: len(SCENES)])).softmax(1)
        rows = [
            [text, str(row.argmax().item() + 1), decimal(100 * row.max().item(), 0, self.language)]
            for text, row in zip(self.captions, shares, strict=False)
        ]
        return html_table(title, head, rows)

    def __repr__(self) -> str:
        return f"CaptionWall(language={self.language!r})"
