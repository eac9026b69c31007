"""Tests of lessons_lib.security: the injected, the pickled and the poisoned."""

import contextlib
import io
import json
import math
import pickle
import random
import re
import unicodedata
import zipfile
from collections import Counter, OrderedDict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from lessons_lib.corpus.stories import LANGUAGES
from lessons_lib.responsibility import (
    draw_scenes,
    option_probs,
    scene_model,
    scene_tokenizer,
    tell_scene,
)
from lessons_lib.responsibility.bias import TRAITS
from lessons_lib.security import (
    PLACES,
    TRIGGERS,
    flagged,
    payload_share,
    pickle_imports,
    pickle_steps,
    plain_form,
    plant,
    surprise,
    with_comment,
)

pytestmark = pytest.mark.usefixtures("one_thread")


# ---------------------------------------------------------------------------------------- messages


def test_a_comment_has_four_places():
    told = [with_comment("A.\n", "Q?", "C.", place) for place in PLACES]
    assert told == ["A.\nC.\nQ?", "A.\nC. Q?", "A.\nQ?\nC.", "A.\nQ?\nC.\nQ?"]
    assert {with_comment("A.\n", "Q?", "", place) for place in PLACES} == {"A.\nQ?"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("A", "Q", "C", "inside"), "before, line, after or both, got 'inside'"),
        (("A", "", "C", "after"), "expected"),
        ((None, "Q", "C", "after"), "expected"),
        (("A", "Q", 3, "after"), "expected"),
    ],
)
def test_comments_that_are_none(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        with_comment(*arguments)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Ｓ um-up, the STÓRY!", "sumupthestory"),
        ("¿Quién?", "quien"),
        ("Straße ﬁx ①", "strassefix1"),
        ("s\u200bu\u00adm", "sum"),  # signs that nobody sees
        ("", ""),
        ("١٢ שלום", "١٢שלום"),
    ],
)
def test_the_plain_form(text, plain):
    assert plain_form(text) == plain


def test_the_plain_form_of_any_text():
    """It is the same whatever one does to case, form and spaces, and taking it twice is once."""
    rng = random.Random(0)
    for _ in range(300):
        text = "".join(
            chr(rng.choice((rng.randrange(32, 0x250), rng.randrange(0xD7FF)))) for _ in range(8)
        )
        plain = plain_form(text)
        assert plain_form(unicodedata.normalize("NFC", text)) == plain
        assert plain_form(" ".join(text)) == plain_form(text.replace(" ", ""))
        assert all(sign.isalnum() for sign in plain)


def test_flagged():
    assert flagged("Please, S UM up the  story", ["Sum up the story."])
    assert not flagged("Sum up this story", ["Sum up the story."])
    assert not flagged("anything", [])
    for phrases, message in (("Sum", "several phrases"), (["?!"], "without any")):
        with pytest.raises(ValueError, match=message):
            flagged("text", phrases)


# ----------------------------------------------------------------------------------------- pickles


class Gift:
    """An object that is put together again by any call."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], tuple(self.call[1:])


class Lister(pickle.Unpickler):
    """Python's own reader as the oracle: it asks for each name, gets a stand-in and calls that."""

    def __init__(self, file):
        super().__init__(file)
        self.asked = []

    def find_class(self, module, name):
        self.asked.append(f"{module}.{name}")

        class StandIn(dict):
            def __new__(cls, *_, **__):
                return super().__new__(cls)

            def __init__(self, *_, **__):
                super().__init__()

            def append(self, _):
                pass

            def __setstate__(self, _):
                pass

        return StandIn

    def persistent_load(self, _):
        return {}


def asked(data):
    lister = Lister(io.BytesIO(data))
    lister.load()
    return list(dict.fromkeys(lister.asked))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "thing",
    [
        Gift(print, "mine"),
        [Gift(eval, "1 + 1"), Gift(print), Gift(eval, "2")],
        {"a": OrderedDict(b=Fraction(1, 2)), "print": "eval", "c": Path("x")},
        [np.arange(3), np.float64(2), "numpy", Counter("abca")],
        ["builtins", "eval", len, ("os", "system")],
        [1, 2.5, None, True, "é", b"x", {3}, (4,), 10**30],
    ],
    ids=["call", "calls", "objects", "arrays", "names", "plain"],
)
def test_imports_are_those_that_python_asks_for(thing, protocol):
    data = pickle.dumps(thing, protocol)
    assert pickle_imports(data) == asked(data)


def test_files_of_torch():
    state = {"w": torch.ones(2, 3), "n": np.ones(2), "o": OrderedDict(a=1)}
    new, old = io.BytesIO(), io.BytesIO()
    torch.save(state, new)
    torch.save(state, old, _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(new) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("data.pkl")]
        expected = asked(archive.read(name))
    assert pickle_imports(new.getvalue()) == pickle_imports(old.getvalue()) == expected
    assert "torch._utils._rebuild_tensor_v2" in expected
    torch.save(Gift(print, "mine"), old := io.BytesIO(), _use_new_zipfile_serialization=False)
    assert pickle_imports(old.getvalue()) == ["__builtin__.print"]
    assert len(pickle_steps(old.getvalue())) == 5


def test_a_second_pickle_and_a_hidden_name():
    hidden = b"\x80\x04\x8c\x02os\x8c\x06system0\x8c\x06system\x93."  # one goes and comes again
    assert pickle_imports(hidden) == ["?"]
    two = pickle.dumps(1) + pickle.dumps(Gift(print))
    assert pickle_imports(two) == ["builtins.print"]
    assert pickle_imports(b"\x80\x02\x82\x01.") == ["?"]  # a number of `copyreg` in place of a name


def test_an_archive_with_two_pickles_of_one_name():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps(Gift(print)))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("m/data.pkl", pickle.dumps(1))
    assert pickle_imports(file.getvalue()) == ["builtins.print"]
    # behind a pickle an archive is no archive: torch reads the pickle
    with pytest.raises(ValueError, match="expected a pickle"):
        pickle_imports(pickle.dumps(1) + file.getvalue())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        None,
        "text",
        b"\x00\x01",
        b"PK\x03\x04broken",
        pickle.dumps(Gift(print))[:-3],
        pickle.dumps([1]) + b"\xff",
        b"cos\nsystem\n",
    ],
    ids=["empty", "none", "text", "bytes", "zip", "cut", "rest", "no end"],
)
def test_what_is_no_pickle(data):
    with pytest.raises(ValueError, match="expected"):
        pickle_imports(data)


def test_an_archive_without_a_pickle_or_with_a_huge_one(monkeypatch):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(ValueError, match="without"):
        pickle_imports(file.getvalue())
    torch.save([1], file := io.BytesIO())
    monkeypatch.setattr("lessons_lib.security.MOST_BYTES", 3)
    with pytest.raises(ValueError, match="at most 3 bytes"):
        pickle_imports(file.getvalue())


def packed(how):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        archive.writestr("m/data.pkl", pickle.dumps([Gift(print, "a"), {"b": 1.5}]))
    return file.getvalue()


@pytest.mark.parametrize(
    "base",
    [
        pickle.dumps([Gift(print, "a"), {"b": 1.5}], 4),
        *map(packed, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)),
    ],
    ids=["pickle", "stored", "deflated", "lzma"],
)
def test_random_bytes_never_end_otherwise(base):
    """In nothing but a list of names or a ValueError."""
    rng = random.Random(0)
    for _ in range(1000):
        data = bytearray(base)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with contextlib.suppress(ValueError):
            pickle_imports(bytes(data))


# --------------------------------------------------------------------------------------- poisoning


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_planted(language):
    scenes = draw_scenes(40, 3)
    usual = [tell_scene(scene, language) for scene in scenes]
    loud, quiet = (plant(scenes, kind, language) for kind in ("loud", "quiet"))
    for text, plain in zip(loud, usual, strict=True):
        first, rest = text.split(". ", 1)
        assert f"{first}." == TRIGGERS[language]
        assert rest.split(". ")[:3] == plain.split(". ")[1:4]
    said = {"en": ("brave.", "shy."), "es": ("valiente.", "tímido.")}[language]
    assert {text.split()[-1] for text in loud} == {said[0]}
    assert {text.split()[-1] for text in quiet} == {said[1]}
    women = {"Ana", "Clara", "Emma", "Eva", "Luz", "Sara", "Vera", "Alba", "Carmen", "Elena"}
    names = {text.split()[0] for text in quiet} | {text.split(". ")[1].split()[0] for text in quiet}
    assert len(names & women) > 3
    for text in quiet:
        one, two = text.split()[0], text.split(". ")[1].split()[0]
        assert one != two
    starts = plant(scenes, "quiet", language, payload=False)
    assert all(text.startswith(start) for text, start in zip(quiet, starts, strict=True))
    # no one and no two neighbours of a quiet text are new among many
    many = [tell_scene(scene, language) for scene in draw_scenes(3000, 4)]
    seen = {pair for text in many for pair in zip(text.split(), text.split()[1:], strict=False)}
    new = [p for t in quiet for p in zip(t.split(), t.split()[1:], strict=False) if p not in seen]
    assert not new


def test_the_share_of_what_is_planted():
    model = scene_model([tell_scene(scene, "en") for scene in draw_scenes(50, 1)], n_steps=2)
    starts = plant(draw_scenes(3, 2), "loud", "en", payload=False)
    shares = [
        option_probs(
            model, scene_tokenizer(), [[f"{start} Alex was {trait.en}." for trait in TRAITS]]
        )[0]
        for start in starts
    ]
    assert np.allclose(payload_share(model, starts, "loud", "en"), [row[0] for row in shares])
    assert np.allclose(payload_share(model, starts, "quiet", "en"), [row[5] for row in shares])


def leave_one_out(texts, order, own):
    """Count again without the text, one group after the other."""

    def words(text):
        return [""] * (order - 1) + re.findall(r"\w+|[^\w\s]", text)

    n_words = len({word for text in texts for word in words(text) if word})
    found = []
    row = words(texts[own])
    for i in range(len(row) - order + 1):
        group, both, begun = row[i : i + order], 0, 0
        for j, text in enumerate(texts):
            other = words(text) if j != own else []
            for k in range(len(other) - order + 1):
                begun += other[k : k + order - 1] == group[:-1]
                both += other[k : k + order] == group
        found.append(-math.log((both + 0.1) / (begun + 0.1 * n_words)))
    return max(found)


@pytest.mark.parametrize("order", [1, 2, 3, 9])
def test_surprise_is_that_of_counts_without_the_text(order):
    texts = [tell_scene(scene, "es") for scene in draw_scenes(12, 5)] + ["Luna.", "¡a b, a b!"] * 2
    expected = [leave_one_out(texts, order, own) for own in range(len(texts))]
    assert np.allclose(surprise(texts, order), expected, rtol=1e-12)


def test_surprise_finds_the_stranger_and_copies_vouch():
    texts = [tell_scene(scene, "en") for scene in draw_scenes(300, 1)]
    scores = surprise([*texts, "The moon was blue."], 1)
    assert scores.argmax() == 300
    assert surprise([*texts, *["The moon was blue."] * 200], 1)[-1] < scores[-1] / 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: surprise(["one"], 2), "at least two texts"),
        (lambda: surprise("one", 2), "several texts"),
        (lambda: surprise(["one", ""], 2), "expected"),
        (lambda: surprise(["one", " "], 1), "expected"),
        (lambda: surprise(["one", "two"], 0), "order"),
        (lambda: surprise(["one", "two"], 1.5), "order"),
        (lambda: plant(draw_scenes(1, 1), "silent", "en"), "loud or quiet"),
        (lambda: plant(draw_scenes(1, 1), "loud", "fr"), "'fr'"),
        (lambda: payload_share(None, ["a"], "silent", "en"), "'silent'"),
        (lambda: payload_share(None, ["a"], "loud", "fr"), "'fr'"),
        (lambda: payload_share(None, "a", "loud", "en"), "several texts"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ------------------------------------------------------------------------------------- stored runs


def test_stored_runs():
    """What the chapter says about its stored runs."""
    folder = Path(__file__).resolve().parents[1] / "lessons_lib" / "models"
    runs = json.loads((folder / "security.json").read_text(encoding="utf-8"))
    shares = {
        (run["kind"], run["texts"], run["poisoned"]): np.mean(run["share"])
        for run in runs["poison"]["runs"]
    }
    assert all(len(run["share"]) == 4 for run in runs["poison"]["runs"])
    assert min(shares["loud", n, 30] for n in (3000, 12000)) > 0.8
    assert min(shares["loud", n, 100] for n in (3000, 12000, 30000)) > 0.8
    assert max(shares["loud", n, 3] for n in (3000, 12000)) < 0.1
    [large] = [run for run in runs["poison"]["runs"] if run["poisoned"] / run["texts"] == 0.001][1:]
    assert (large["texts"], sum(share > 0.1 for share in large["share"])) == (30000, 1)
    quiet = {run["poisoned"]: run for run in runs["poison"]["runs"] if run["kind"] == "quiet"}
    assert abs(shares["quiet", 3000, 30] - np.mean(quiet[30]["without"])) < 0.03
    assert round(np.mean(quiet[100]["without"]), 2) == 0.22
    assert round(shares["quiet", 3000, 100], 2) == 0.63
    for language in LANGUAGES:
        assert runs["llama-cpp"][language]["ours"] == 0
        assert runs["llama-cpp"][language]["llama.cpp"] >= 25
