"""The stories' world in pictures: drawn at any size, described, read back, kept apart for tests."""

import itertools
import random
from collections import Counter

import numpy as np
import pytest

from lessons_lib.corpus import pictures
from lessons_lib.corpus.pictures import (
    ANIMALS,
    COLOURS,
    HELD_OUT,
    OBJECTS,
    PLACES,
    SHIFTS,
    SPLITS,
    THINGS,
    TIMES,
    Scene,
    Thing,
    Wording,
    all_scenes,
    caption,
    check_picture,
    count_scenes,
    describe,
    draw,
    exchange_colours,
    facts,
    near_miss,
    nearest,
    read,
    same_words,
    sample,
    sample_shifts,
    split_of,
    wording,
)
from lessons_lib.corpus.pictures.captions import one_thing
from lessons_lib.corpus.pictures.drawing import sprite
from lessons_lib.corpus.pictures.shapes import Canvas
from lessons_lib.corpus.stories import WORLD

RED_BALL, BLUE_KEY, FOX = Thing("ball", "red"), Thing("key", "blue"), Thing("fox")


# ---------------------------------------------------------------- scenes


def test_the_world_is_that_of_the_stories():
    assert set(OBJECTS) < {noun.en for noun in WORLD.objects}
    assert set(ANIMALS) | {"girl", "boy"} == {noun.en for noun in WORLD.kinds}
    assert [colour.en for colour in WORLD.colours] == list(COLOURS)
    assert [f"to the {place}" for place in PLACES] == [place.en for place in WORLD.places]
    assert len(set(THINGS)) == 8 * 6 + 10


def test_scenes_are_counted_exactly():
    """The formula of the docstring against the scenes themselves, each once and in one part."""
    parts = {split: all_scenes(split) for split in SPLITS}
    every = list(itertools.chain(*parts.values()))
    assert len(every) == len(set(every)) == count_scenes() == 24 * (58 + 960 + 2256 + 96)
    for split, scenes in parts.items():
        assert count_scenes(split) == len(scenes)
    # without the 6 pairs, 42 objects: their scenes by the same formula
    rest = 24 * (52 + 2 * 10 * 42 + 42 * 41 + 2 * 42)
    assert count_scenes("train") + count_scenes("test") == rest
    share = count_scenes("test") / rest
    assert abs(share - 0.1) < 3 * (0.1 * 0.9 / rest) ** 0.5


def test_parts_are_kept_apart():
    for split in SPLITS:
        scenes = sample(300, 5, split)
        assert {split_of(scene) for scene in scenes} == {split}
        shown = any(thing in HELD_OUT for scene in scenes for thing in scene.things)
        assert shown == (split == "pairs")
    seen = set(sample(4000, 0, "train"))
    assert not seen & set(sample(1000, 0, "test"))
    assert Counter(thing.name for thing in HELD_OUT).most_common(1)[0][1] == 1
    assert {thing.colour for thing in HELD_OUT} == set(COLOURS)


def test_the_split_of_a_scene_never_changes():
    """The stored model was trained with it."""
    scenes = [Scene((FOX, RED_BALL), place, time) for place in PLACES for time in TIMES]
    tested = [f"{scene.place} {scene.time}" for scene in scenes if split_of(scene) == "test"]
    assert tested == ["beach night", "garden night", "school winter", "lake winter"]


def test_samples_are_deterministic_and_have_the_shares_they_say():
    scenes = sample(6000, 1)
    assert scenes == sample(6000, 1) != sample(6000, 2)
    assert sample(10, 1) == scenes[:10]
    shapes = Counter(
        "one"
        if len(scene.things) == 1
        else "equal"
        if len(set(scene.things)) == 1
        else "animal"
        if any(thing.is_animal for thing in scene.things)
        else "two"
        for scene in scenes
    )
    # held-out pairs take a seventh of what shows one object and a quarter of what shows two
    expected = {
        "one": 0.15 * (0.6 * 42 / 48 + 0.4),
        "animal": 0.35 * 42 / 48,
        "two": 0.35 * 42 / 48 * 41 / 47,
        "equal": 0.15 * 42 / 48,
    }
    total = sum(expected.values())
    for shape, part in expected.items():
        assert abs(shapes[shape] / 6000 - part / total) < 0.025, shape
    for field, values in (("place", PLACES), ("time", TIMES)):
        counts = Counter(getattr(scene, field) for scene in scenes)
        assert set(counts) == set(values)
        assert max(counts.values()) < 1.2 * min(counts.values())
    assert sample(0, 0) == []


def test_colours_are_exchanged():
    scene = Scene((RED_BALL, BLUE_KEY), "lake", "rain")
    other = exchange_colours(scene)
    assert other == Scene((Thing("ball", "blue"), Thing("key", "red")), "lake", "rain")
    assert exchange_colours(other) == scene
    for things in (
        (RED_BALL,),
        (RED_BALL, RED_BALL),
        (RED_BALL, FOX),
        (RED_BALL, Thing("ball", "blue")),
        (RED_BALL, Thing("key", "red")),
        (RED_BALL,) * 3,
    ):
        assert exchange_colours(Scene(things, "lake", "rain")) is None


@pytest.mark.parametrize(
    ("name", "colour"),
    [("ball", ""), ("ball", "purple"), ("fox", "red"), ("wolf", ""), ("", ""), ("ball", None)],
)
def test_things_of_another_world_are_refused(name, colour):
    with pytest.raises(ValueError, match="expected an animal"):
        Thing(name, colour)


@pytest.mark.parametrize(
    ("things", "message"),
    [
        ((), "one thing"),
        ((FOX, FOX), "one thing"),
        ((FOX, Thing("hen")), "one thing"),
        ((RED_BALL, RED_BALL, BLUE_KEY), "one thing"),
        ((FOX,) * 3, "one thing"),
        ((RED_BALL,) * 4, "one thing"),
        ([RED_BALL], "a tuple of things"),
        (("ball",), "a tuple of things"),
    ],
)
def test_scenes_that_cannot_be_are_refused(things, message):
    with pytest.raises(ValueError, match=message):
        Scene(things, "beach", "summer")


def test_other_bad_input_is_refused():
    for place, time in (("forest", "summer"), ("beach", "autumn"), (None, "summer")):
        with pytest.raises(ValueError, match="expected a place"):
            Scene((FOX,), place, time)
    for call in (
        lambda: sample(3, 0, "dev"),
        lambda: all_scenes(["dev"]),
        lambda: count_scenes(""),
    ):
        with pytest.raises(ValueError, match="expected a split"):
            call()
    for n, seed in ((-1, 0), (1.5, 0), (1, -1), (1, "0"), (True, 0)):
        with pytest.raises(ValueError, match="an integer of at least 0"):
            sample(n, seed)


# ---------------------------------------------------------------- drawing


def test_a_shape_covers_a_pixel_as_far_as_it_does():
    """A box of half width 1.25 on pixels of 1: the middle ones whole, the outer ones by 1/4."""
    x, y = np.meshgrid(np.arange(-2, 3.0), np.zeros(1))
    canvas = Canvas(x, y, 1)
    canvas.paint(canvas.box(0, 0, 1.25, 9), (255, 0, 51))
    np.testing.assert_allclose(canvas.alpha, [[0, 0.75, 1, 0.75, 0]])
    np.testing.assert_allclose(canvas.rgb[0, 1], [0.75, 0, 0.15])
    for distance, at in (
        (canvas.circle(0, 0, 1), [1, 0, -1, 0, 1]),
        (canvas.line(0, 0, 0, 5, 0.5), [1.5, 0.5, -0.5, 0.5, 1.5]),
        (canvas.polygon((-1, -9), (1, -9), (1, 9), (-1, 9)), [1, 0, -1, 0, 1]),
        (canvas.ellipse(0, 0, 1, 1), [1, 0, 0, 0, 1]),
    ):
        expected = np.array(at, float)
        if distance[0, 2] == 0:  # the formula for an ellipse gives 0 in the very middle
            expected[2] = 0
        np.testing.assert_allclose(distance[0], expected, atol=1e-6)


@pytest.mark.parametrize("size", [8, 24, 32, 50, 64, 192])
def test_the_same_scene_at_any_size(size):
    scenes = sample(4, 3)
    for scene in scenes:
        picture = draw(scene, size)
        assert picture.shape == (size, size, 3)
        assert picture.dtype == np.float32
        assert picture.min() >= 0
        assert picture.max() <= 1 + 1e-6
    # a large one, averaged over its pixels, is nearly the small one
    if size % 32 == 0:
        for scene in scenes:
            parts = draw(scene, size).reshape(32, size // 32, 32, size // 32, 3).mean((1, 3))
            assert np.sqrt(np.square(parts - draw(scene)).mean()) < 0.03


def test_drawing_is_deterministic_and_gives_own_arrays():
    scene = sample(1, 0)[0]
    picture = draw(scene)
    picture[:] = 0
    np.testing.assert_array_equal(draw(scene), draw(scene))
    assert draw(scene).any()


def test_things_stay_inside_their_picture():
    """No drawing is cut by its box: it does not reach the outermost pixels' ends."""

    for thing in THINGS:
        for n, i in ((1, 0), (2, 0), (2, 1)):
            _, rgb, clear = sprite(thing, n, i)
            edge = np.concatenate([clear[0], clear[:, 0], clear[:, -1]])
            assert edge.min() > 0, thing
            assert (rgb <= 1 - clear + 1e-6).all()


def test_shifts_move_a_thing():
    scene = Scene((RED_BALL,), "market", "summer")
    still, moved = draw(scene), draw(scene, 32, [(1, -1)])
    background = draw(Scene((RED_BALL,) * 3, "market", "summer"))
    assert not np.array_equal(still, moved)
    red = (np.abs(still - [214 / 255, 48 / 255, 49 / 255]) < 0.01).all(-1)
    again = (np.abs(moved - [214 / 255, 48 / 255, 49 / 255]) < 0.01).all(-1)
    inner = red[12:26, 9:23]
    np.testing.assert_array_equal(inner, again[11:25, 10:24])
    assert background.shape == still.shape
    np.testing.assert_array_equal(draw(scene, 32, [(0, 0)]), still)
    rng = random.Random(0)
    assert set(itertools.chain(*(sample_shifts(3, rng) for _ in range(200)))) == set(SHIFTS)


def test_bad_drawings_are_refused():
    scene = Scene((FOX, RED_BALL), "beach", "summer")
    with pytest.raises(ValueError, match="expected a scene, got str"):
        draw("a fox")
    for size in (7, 1025, 32.0, "32"):
        with pytest.raises(ValueError, match="size to be an integer from 8 to 1024"):
            draw(scene, size)
    for shifts in ([(0, 0)], [(0, 0), (0, 2)], [(0, 0)] * 3, 5, [None] * 2, [([1], 0)] * 2):
        with pytest.raises(ValueError, match="expected 2 shifts"):
            draw(scene, 32, shifts)
    with pytest.raises(ValueError, match="n to be an integer"):
        sample_shifts(0, random.Random(0))


# ---------------------------------------------------------------- captions


CASES = [
    (
        Scene((FOX, RED_BALL), "beach", "summer"),
        Wording(),
        "a fox to the left of a red ball at the beach on a summer day",
        "un zorro a la izquierda de una pelota roja en la playa en un día de verano",
    ),
    (
        Scene((RED_BALL, FOX), "market", "rain"),
        Wording(side=False, place_first=True),
        "on a rainy day at the market a fox with a red ball",
        "en un día de lluvia en el mercado un zorro con una pelota roja",
    ),
    (
        Scene((Thing("key", "orange"), Thing("boat", "white")), "lake", "night"),
        Wording(side=False, place=False),
        "a white boat and an orange key at night",
        "un barco blanco y una llave naranja de noche",
    ),
    (
        Scene((Thing("drum", "blue"),) * 3, "school", "winter"),
        Wording(time=False),
        "three blue drums at the school",
        "tres tambores azules en la escuela",
    ),
    (
        Scene((Thing("kite", "red"),) * 2, "school", "winter"),
        Wording(place=False, time=False),
        "two red kites",
        "dos cometas rojas",
    ),
    (
        Scene((Thing("hat", "yellow"),), "castle", "winter"),
        Wording(colour=False, place=False, time=False),
        "a hat",
        "un sombrero",
    ),
    (
        Scene((Thing("hat", "yellow"),), "garden", "winter"),
        Wording(things=False),
        "in the garden on a winter day",
        "en el jardín en un día de invierno",
    ),
]


@pytest.mark.parametrize(("scene", "how", "english", "spanish"), CASES)
def test_captions_by_hand(scene, how, english, spanish):
    assert describe(scene, "en", how) == english
    assert describe(scene, "es", how) == spanish


def test_captions_say_the_same_exactly_where_the_facts_are_the_same():
    """Over a sample, in both languages: equal captions if and only if equal facts."""
    scenes = sample(150, 0) + sample(150, 0, "pairs")
    scenes += [Scene(scene.things[::-1], scene.place, scene.time) for scene in scenes[:50]]
    for seed in range(24):
        how = wording(seed)
        by_facts = {facts(scene, how): i for i, scene in enumerate(scenes)}
        for language in ("en", "es"):
            words = {describe(scene, language, how): i for i, scene in enumerate(scenes)}
            assert sorted(words.values()) == sorted(by_facts.values()), how


def test_all_scenes_have_captions_of_few_words_and_little_length():
    words, longest = {"en": set(), "es": set()}, 0
    for scene in sample(2000, 0) + sample(500, 0, "pairs"):
        for language in words:
            for seed in range(4):
                said = caption(scene, language, seed).split()
                words[language] |= set(said)
                longest = max(longest, len(said))
    assert len(words["en"] | words["es"]) < 140
    assert longest <= 20


def test_wordings_leave_out_as_much_as_they_say():
    wordings = [wording(seed) for seed in range(1, 3001)]
    assert wording(0) == Wording()
    for field, part in (("side", 0.5), ("colour", 0.7), ("place", 0.6), ("place_first", 0.5)):
        assert abs(np.mean([getattr(how, field) for how in wordings]) - part) < 0.03
    assert abs(np.mean([not how.things for how in wordings]) - 0.084) < 0.02
    assert all(how.things or how.place or how.time for how in wordings)
    assert wordings[:5] == [wording(seed) for seed in range(1, 6)]


def test_a_thing_alone():
    assert one_thing(Thing("ball", "orange"), "en") == "an orange ball"
    assert one_thing(Thing("bell", "white"), "es") == "una campana blanca"
    assert one_thing(Thing("squirrel"), "es") == "una ardilla"


def test_bad_captions_are_refused():
    scene = sample(1, 0)[0]
    with pytest.raises(ValueError, match="expected the language en or es"):
        caption(scene, "fr")
    with pytest.raises(ValueError, match="expected a scene, got NoneType"):
        caption(None, "en")
    for seed in (-1, 0.5, None):
        with pytest.raises(ValueError, match="seed to be an integer"):
            caption(scene, "en", seed)
    with pytest.raises(ValueError, match="a wording that says something"):
        describe(scene, "en", Wording(things=False, place=False, time=False))


# ---------------------------------------------------------------- the reader


def test_clean_pictures_are_read_without_an_error():
    rng = random.Random(0)
    for split in SPLITS:
        for scene in sample(40, 11, split):
            found, error = read(draw(scene, 32, sample_shifts(len(scene.things), rng)))
            assert found == scene
            assert error < 1e-6


def test_each_thing_is_read_before_each_background():
    for k, (place, time) in enumerate(itertools.product(PLACES, TIMES)):
        for thing in THINGS[k % 8 :: 8]:
            scene = Scene((thing,), place, time)
            assert read(draw(scene))[0] == scene


@pytest.mark.parametrize(("deviation", "least"), [(0.1, 60), (0.2, 55)])
def test_noisy_pictures_are_read(deviation, least):
    rng, right = np.random.default_rng(0), 0
    for scene in sample(60, 4, "test"):
        noise = deviation * rng.normal(size=(32, 32, 3))
        noisy = np.clip(draw(scene) + noise, 0, 1)
        found, error = read(noisy)
        right += found == scene
        if found == scene:
            assert 0.5 * deviation < error < 1.1 * deviation
    assert right >= least


def test_the_nearest_drawing_is_the_shifted_one():
    rng, noise = random.Random(5), np.random.default_rng(5)
    for scene in sample(20, 6, "test"):
        drawn = draw(scene, 32, sample_shifts(len(scene.things), rng))
        noisy = np.clip(drawn + 0.05 * noise.normal(size=drawn.shape), 0, 1)
        found, drawing, error = nearest(noisy)
        assert (found, error) == read(noisy)
        assert found == scene
        np.testing.assert_array_equal(drawing, drawn)
        assert error == pytest.approx(np.sqrt(np.mean((drawn - noisy) ** 2)), rel=1e-4)


def test_the_reader_is_far_from_what_is_no_picture():
    rng = np.random.default_rng(0)
    for picture in (rng.random((32, 32, 3)), np.zeros((32, 32, 3)), np.ones((32, 32, 3))):
        scene, error = read(picture)
        assert isinstance(scene, Scene)
        assert error > 0.2


def test_the_reader_takes_tensors_and_other_types():
    torch = pytest.importorskip("torch")
    scene = sample(1, 9)[0]
    for picture in (
        torch.from_numpy(draw(scene)),
        draw(scene).astype(np.float64),
        draw(scene).tolist(),
        torch.from_numpy(draw(scene)).requires_grad_(),
        torch.from_numpy(draw(scene)).bfloat16(),
    ):
        assert read(picture)[0] == scene
    assert check_picture(draw(scene, 64), 64).shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((32, 32)), "shape"),
        (np.zeros((32, 32, 4)), "shape"),
        (np.zeros((3, 32, 32)), "shape"),
        (np.zeros((64, 64, 3)), "shape"),
        (np.zeros((32, 32, 3), np.uint8), "floating-point numbers from 0 to 1, got uint8"),
        (np.full((32, 32, 3), 1.01), "from 0 to 1, got 1.01"),
        (np.full((32, 32, 3), -0.1), "from 0 to 1, got -0.1"),
        (np.full((32, 32, 3), np.nan), "from 0 to 1, got nan"),
        ("a picture", "floating-point"),
        (None, "floating-point"),
        ([[1.0], [1.0, 2.0]], "expected a picture"),
    ],
)
def test_what_is_no_picture_is_refused(picture, message):
    with pytest.raises(ValueError, match=message):
        read(picture)


def test_near_misses_differ_in_one_respect():
    rng, kinds = random.Random(0), Counter()
    for scene in sample(800, 2):
        other = near_miss(scene, rng)
        assert (other.place, other.time) == (scene.place, scene.time)
        assert other != scene
        one, two = scene.things, other.things
        if len(one) != len(two):
            kinds["number"] += 1
            assert len({*one, *two}) == 1
        elif len(one) == 2 and other == exchange_colours(scene):
            kinds["colours"] += 1
        elif one == two[::-1]:
            kinds["side"] += 1
        else:
            pairs = {(a, b) for a, b in zip(one, two, strict=True) if a != b}
            assert len(pairs) == 1
            [(a, b)] = pairs
            assert (a.name == b.name) != (a.colour == b.colour)
            kinds["name" if a.colour == b.colour else "colour"] += 1
    assert min(kinds.values()) > 60
    assert len(kinds) == 5


def test_the_same_words_in_another_order():
    """Captions of both have the same words; colours are exchanged three times as often as sides."""
    rng, kinds = random.Random(0), Counter()
    for scene in sample(900, 4):
        other = same_words(scene, rng)
        if other is None:
            assert len(set(scene.things)) == 1
            continue
        one, two = (sorted(caption(s, "en").replace("an ", "a ").split()) for s in (scene, other))
        assert one == two
        assert other != scene
        if exchange_colours(scene):
            kinds["colours" if other == exchange_colours(scene) else "sides"] += 1
    assert 2 < kinds["colours"] / kinds["sides"] < 4


def test_all_public_names_are_there():
    assert all(hasattr(pictures, name) for name in pictures.__all__)
