"""The engine's painter: what the library's DiT paints, and what its reader of pictures reads."""

import base64
import random
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch

from lessons_lib.clip import picture_model
from lessons_lib.corpus.pictures import (
    PLACES,
    THINGS,
    TIMES,
    Scene,
    Thing,
    caption,
    draw,
    nearest,
    read,
    sample,
    sample_shifts,
)
from lessons_lib.corpus.stories import LANGUAGES
from lessons_lib.dit import (
    DiT,
    DiTConfig,
    as_pictures,
    caption_condition,
    paint,
    seeded_noise,
    time_waves,
)
from lessons_lib.dit import sample as all_steps
from lessons_lib.live.modules import engine_source
from lessons_lib.live.painter import PRESETS, asked_parts, pack_painter, painter_file
from tests.live import page as live
from tests.live.engine import page as engines
from tests.live.engine.page import TOLERANCE
from tests.live.engine.test_kernel import REFUSED

pytestmark = pytest.mark.site
page, engine = engines.page, engines.engine  # fixtures

HALF = 5e-4  # what numbers up to 1 lose in 16 bits, which is how the drawings are stored
CAPTIONS = ["a fox to the left of a red ball by the lake at night", "una pelota con un DRAGÓN"]


def small_painter(seed=0, **sizes):
    """A painter of random weights, each as 16 bits hold it."""
    torch.manual_seed(seed)
    model = DiT(DiTConfig(d_condition=128, **sizes)).eval()
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.add_(torch.randn_like(tensor) * (0.06 if tensor.ndim > 1 else 0.1))
            if tensor.ndim > 1:
                tensor.copy_(tensor.half())
    return model


PAINT = """async (given) => {
    const steps = [];
    const hear = rooms.painting.serve((told) =>
        told.step ? steps.push(told.step) : calls.hear(told));
    const calls = rooms.calls.makeCalls(hear);
    await calls.call("open", files.painter);
    const told = [];
    for (const one of given) {
        steps.length = 0;
        const answer = await calls.call("paint", one);
        const { way, guess, nearest, ...rest } = steps.at(-1) ?? {};
        const pictures = { way, guess, nearest };
        for (const name in pictures) pictures[name] = Array.from(pictures[name] ?? []);
        const ways = one.all ? steps.map((step) => Array.from(step.way)) : [];
        told.push([answer, { ...pictures, ...rest, ways }]);
    }
    return told;
}"""


def painted(page, data, *given):
    """What a program in the page tells that paints with a file."""
    engines.give(page, "painter", data)
    usual = {"steps": 4, "guidance": 2, "seed": 0, "language": "en"}
    return engines.fetch(page, PAINT, [usual | one for one in given])


def ways(model, text, steps, guidance, seed):
    """The library's mixtures behind each step, as pictures (steps, 3072)."""
    found = []
    all_steps(
        model,
        caption_condition([text]),
        steps,
        guidance,
        seed,
        watch=lambda _, x: found.append(as_pictures(x).flatten()),
    )
    return torch.stack(found)


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"patch_size": 16, "d_model": 20, "n_heads": 2, "n_layers": 1, "n_waves": 6},  # no kernel
        {"patch_size": 4, "d_model": 32, "n_heads": 4, "n_layers": 2, "feed_eps": 1e-2},
    ],
)
def test_each_step_is_the_library_s(engine, sizes):
    model = small_painter(**sizes)
    settings = [(4, 2.5, 7), (2, 1, 123456), (1, 0, 2**32 - 1)]
    given = [
        {"caption": text, "steps": steps, "guidance": guidance, "seed": seed, "all": True}
        for text in CAPTIONS
        for steps, guidance, seed in settings
    ]
    found = painted(engine, pack_painter(model, *picture_model()), *given)
    for one, (told, last) in zip(given, found, strict=True):
        expected = ways(model, one["caption"], one["steps"], one["guidance"], one["seed"])
        assert expected.std() > 0.1
        np.testing.assert_allclose(last["ways"], expected, rtol=0, atol=TOLERANCE)
        assert told == {
            "unknown": ["dragón"] if "DRAG" in one["caption"] else [],
            "refused": None,
        }
        # The last step ends at its guess.
        np.testing.assert_allclose(last["guess"], expected[-1], rtol=0, atol=TOLERANCE)


def test_the_model_s_own_pictures(engine):
    """The stored model, in both languages, with 4 and 16 steps; and what is read in them."""
    scenes = sample(2, 40, "test")
    given = [
        {"caption": caption(scene, language), "language": language, "steps": steps, "seed": seed}
        for seed, scene in enumerate(scenes)
        for language, steps in zip(LANGUAGES, (4, 16), strict=True)
    ]
    found = painted(engine, painter_file(), *given)
    for one, (_, last) in zip(given, found, strict=True):
        expected = paint([one["caption"]], one["steps"], 2.0, one["seed"])[0]
        np.testing.assert_allclose(last["way"], expected.ravel(), rtol=0, atol=TOLERANCE)
        scene, drawing, rmse = nearest(expected)
        assert last["text"] == caption(scene, one["language"])
        assert last["rmse"] == pytest.approx(rmse, abs=TOLERANCE)
        np.testing.assert_allclose(last["nearest"], drawing.ravel(), rtol=0, atol=2 * HALF)
        asked = scenes[one["seed"]]
        assert last["parts"] == asked_parts(asked, scene, one["language"])


@pytest.mark.parametrize("reason", ["none", "no SIMD"])
def test_without_webassembly_it_paints_the_same(engine, reason):
    model = small_painter(n_layers=2)
    engines.give(engine, "painter", pack_painter(model, *picture_model()))
    way = engine.evaluate(
        f"""async ([source, refuse, given]) => {{
            const rooms = new Function(`${{refuse}}; ${{source}}; return engine;`)();
            const told = await ({PAINT})(given);
            return told[0][1].way;
        }}""",
        [
            engine_source(),
            REFUSED[reason],
            [{"caption": CAPTIONS[0], "steps": 2, "guidance": 2, "seed": 3, "language": "en"}],
        ],
    )
    expected = ways(model, CAPTIONS[0], 2, 2, 3)[-1]
    np.testing.assert_allclose(way, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_the_noise_of_a_seed_is_the_library_s(engine, seed):
    found = engine.evaluate(
        "([n, seed]) => Array.from(rooms.painting.seededNoise(n, seed))", [3 * 1024, seed]
    )
    expected = seeded_noise((3, 32, 32), seed).flatten()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    odd = engine.evaluate("(seed) => Array.from(rooms.painting.seededNoise(7, seed))", seed)
    assert odd == found[:7]


def test_times_become_the_library_s_waves(engine):
    times = [0.0, 1.0, 250.0, 999.5, 1000.0]
    found = engine.evaluate(
        "(times) => times.map((t) => Array.from(rooms.dit.timeWaves(t, 128)))", times
    )
    expected = time_waves(torch.tensor(times), 128)
    # The library's angles, up to 1,000, have 32 bits.
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


def test_captions_become_the_library_s_ids(engine):
    _, tokenizer = picture_model()
    texts = [*live.TEXTS, *CAPTIONS, "¡Una pelota ROJA!", "n\u0303 día\u0301 ½ Ⅷ 猫 a_ball2red"]
    found = engine.evaluate(
        """([words, texts]) => texts.map((text) =>
            rooms.captions.encodeCaption(rooms.captions.idsOf(words), text))""",
        [tokenizer.words, texts],
    )
    n_known = 0
    for text, told in zip(texts, found, strict=True):
        unknown = tokenizer.unknown_words(text)
        assert told["unknown"] == [*dict.fromkeys(unknown)]
        n_known += told["known"]
        if told["known"]:
            assert told["ids"] == tokenizer.encode(text)
        else:
            with pytest.raises(ValueError, match="some known word"):
                tokenizer.encode(text)
    assert n_known > 10


def test_the_text_tower_reads_as_the_library_s(engine):
    clip, tokenizer = picture_model()
    texts = [caption(scene, one, 5 * i) for i, scene in enumerate(PRESETS) for one in LANGUAGES]
    texts.append("a red ball " * 7)  # as long as can be
    engines.give(engine, "painter", small_file())
    found = engines.fetch(
        engine,
        """async (rows) => {
            const { tower } = await rooms.painting.openPainter(files.painter, never);
            return rows.map((ids) => Object.values(tower.read(ids)).map((one) => Array.from(one)));
        }""",
        [tokenizer.encode(text) for text in texts],
    )
    for text, (hidden, pooled) in zip(texts, found, strict=True):
        with torch.inference_mode():
            ids = tokenizer.batch([text])
            expected = clip.text.hidden(ids).flatten(), clip.text(ids).flatten()
        np.testing.assert_allclose(hidden, expected[0], rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(pooled, expected[1], rtol=0, atol=TOLERANCE)


@cache
def small_file():
    """A small painter with all that is not the model's own."""
    model = small_painter(patch_size=16, d_model=20, n_heads=2, n_layers=1, n_waves=6)
    return pack_painter(model, *picture_model())


READ = """async ([pictures, language]) => {
    const { drawings, words } = await rooms.painting.openPainter(files.painter, never);
    return pictures.map((text) => {
        const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
        const { scene, rmse, nearest } = drawings.read(new Float32Array(bytes.buffer));
        return [words[language].caption(scene), rmse, Array.from(nearest)];
    });
}"""


@pytest.mark.parametrize(("language", "deviation"), [("en", 0.0), ("es", 0.1), ("en", 0.3)])
def test_pictures_are_read_as_the_library_reads_them(engine, language, deviation):
    """Things at all places and shifts, clean and in noise, and what is no scene at all."""
    rng, chance = np.random.default_rng(3), random.Random(4)
    scenes = [Scene((thing,), "garden", "night") for thing in THINGS] if not deviation else []
    scenes += sample(20, 21, "test")
    pictures = [draw(s, shifts=sample_shifts(len(s.things), chance)) for s in scenes]
    pictures += [np.full((32, 32, 3), 0.5), rng.random((32, 32, 3))]
    noisy = [
        (one + deviation * rng.normal(size=one.shape)).clip(0, 1).astype("f4") for one in pictures
    ]
    engines.give(engine, "painter", small_file())
    texts = [base64.b64encode(one.tobytes()).decode() for one in noisy]
    found = engines.fetch(engine, READ, [texts, language])
    for one, (text, rmse, drawing) in zip(noisy, found, strict=True):
        scene, expected, error = nearest(one)
        assert (scene, error) == read(one)
        assert text == caption(scene, language)
        assert rmse == pytest.approx(error, abs=HALF)
        np.testing.assert_allclose(drawing, expected.ravel(), rtol=0, atol=2 * HALF)


CHECK = """async (asked) => {
    const { words } = await rooms.painting.openPainter(files.painter, never);
    return asked.map(([language, text, scene]) => words[language].check(text, scene));
}"""


def numbers(scene):
    """A scene as the engine has it."""
    things = [THINGS.index(thing) for thing in scene.things]
    ground = len(TIMES) * PLACES.index(scene.place) + TIMES.index(scene.time)
    return {"things": things, "background": ground}


@pytest.mark.parametrize("language", LANGUAGES)
def test_captions_are_compared_part_by_part(engine, language):
    """What a scene's whole caption asks for, and what of that other scenes have."""
    scenes = sample(40, 8)
    pairs = [(one, one) for one in scenes]
    for one, other in pairwise(scenes):
        half = Scene(one.things, other.place, one.time)
        turned = Scene(one.things[::-1], one.place, other.time)
        pairs += [(one, other), (one, half), (one, turned)]
    asked = [[language, caption(scene, language), numbers(seen)] for scene, seen in pairs]
    engines.give(engine, "painter", small_file())
    found = engines.fetch(engine, CHECK, asked)
    assert found == [asked_parts(scene, seen, language) for scene, seen in pairs]
    assert all(part["right"] for parts in found[:40] for part in parts)
    assert sum(not part["right"] for parts in found[40:] for part in parts) > 100


FOX, RED, BLUE = Thing("fox"), Thing("ball", "red"), Thing("ball", "blue")


PARTS = [
    ("a red ball and a fox", (FOX, RED), {"a red ball": True, "a fox": True}),
    ("A FOX; a ball!", (FOX, RED), {"a fox": True, "a ball": True}),
    ("two red balls", (RED,), {"two red balls": False}),
    ("two balls", (RED, BLUE), {"two balls": True}),
    ("a ball", (RED, BLUE), {"a ball": False}),
    ("a ball and a ball", (RED, BLUE), {"a ball": True}),
    ("una pelota con un zorro", (FOX, RED), {}),  # the other language's words
    ("a red", (FOX, RED), {}),
    (
        "a fox to the left of a ball",
        (RED, FOX),
        {"a fox": True, "a ball": True, "to the left of": False},
    ),
    (
        "by the lake at night at the market",
        (FOX,),
        {"by the lake": True, "at night": True, "at the market": False},
    ),
]


def test_parts_by_hand(engine):
    engines.give(engine, "painter", small_file())
    asked = [["en", text, numbers(Scene(things, "lake", "night"))] for text, things, _ in PARTS]
    for (text, _, right), found in zip(PARTS, engines.fetch(engine, CHECK, asked), strict=True):
        assert {part["text"]: part["right"] for part in found} == right, text


def test_captions_that_are_refused(engine):
    texts = ["", "¿¡123 ?!", "a" * 30, "dragón dragon", "a red ball " * 8]
    found = painted(engine, small_file(), *({"caption": text} for text in texts))
    assert [last["way"] for _, last in found] == [[]] * 5
    assert [told["refused"] for told, _ in found] == ["unknown"] * 4 + ["long"]
    assert found[3][0]["unknown"] == ["dragón", "dragon"]
    assert found[4][0]["most"] == 22
    for text in texts:
        with pytest.raises(ValueError, match=r"known word|at most 22 words"):
            caption_condition([text])


def test_a_file_without_a_tensor_is_refused(engine):
    data = small_file().replace(b"dit.caption.nothing", b"dit.caption.n0thing")
    engines.give(engine, "painter", data)
    error = engine.evaluate(
        """() => rooms.painting.openPainter(files.painter, never).then(
            () => null, ({ message }) => message)"""
    )
    assert error == "expected a tensor dit.caption.nothing, got none"
