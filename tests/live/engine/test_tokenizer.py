"""The engine's tokenizer: the library's words and token ids."""

import random

import pytest
import regex

from lessons_lib.generation import TextStream
from lessons_lib.gguf import PRE_TOKENIZERS
from lessons_lib.live.model_in_page import model_file
from lessons_lib.tokens import BPETokenizer, split_words
from lessons_lib.training import END, story_model
from tests.live.engine import page as engines
from tests.live.engine.page import TEXTS, give, small_model, write

pytestmark = pytest.mark.site
page, engine = engines.page, engines.engine  # fixtures


@pytest.mark.parametrize("language", ["en", "es"])
def test_token_ids_of_hard_texts(engine, language):
    _, tokenizer = story_model(language)
    rng = random.Random(3)
    alphabet = [*"theoxwani 's lrd  12é·'.,<|end|>", *"\n\t\u00a0\u0085\ufeff\u0301ñ猫🦊\u3000\rⅧ"]
    texts = [
        *TEXTS,
        END,
        *("".join(rng.choices(alphabet, k=rng.randrange(60))) for _ in range(300)),
    ]
    give(engine, "model", model_file(language))
    found = engine.evaluate(
        """async (texts) => {
            const { tokenizer } = await inside.openFile(files.model, never);
            const decode = (ids) => {
                const next = tokenizer.stream();
                return ids.map((id) => next(id)).join("") + next();
            };
            return texts.map((text) => {
                const ids = tokenizer.encode(text);
                return [ids, decode(ids)];
            });
        }""",
        texts,
    )
    assert found == [[tokenizer.encode(text), text] for text in texts]


def test_no_character_is_broken(engine):
    """Tokens in any order, half characters and bytes that are no text: as `TextStream`."""
    _, tokenizer = story_model("en")
    rng = random.Random(5)
    rows = [tokenizer.encode(text) for text in TEXTS]
    n_texts = len(rows)
    rows += [[rng.randrange(1024) for _ in range(60)] for _ in range(50)]
    rows += [[rng.randrange(256) for _ in range(60)] for _ in range(50)]
    give(engine, "model", model_file("en"))
    found = engine.evaluate(
        """async (rows) => {
            const { tokenizer } = await inside.openFile(files.model, never);
            return rows.map((ids) => {
                const next = tokenizer.stream();
                return [...ids.map((id) => next(id)), next()];
            });
        }""",
        rows,
    )
    for i, (ids, pieces) in enumerate(zip(rows, found, strict=True)):
        stream = TextStream(tokenizer)
        expected = [*(stream.push(one) for one in ids), stream.end()]
        assert "".join(pieces) == "".join(expected)
        # Of bytes that are no text, Python's decoder holds back some longer.
        assert i >= n_texts or pieces == expected


@pytest.mark.parametrize("pre", PRE_TOKENIZERS)
def test_words_of_every_way_to_cut(engine, pre):
    rng = random.Random(7)
    alphabet = [*"aA bB1 23's'S'T'll'RE'Ve'm'd.,!  ", *"\n\r\t\u0085\u00a0\ufeffſKñé\u0301猫🦊٣½"]
    texts = [*TEXTS, *("".join(rng.choices(alphabet, k=rng.randrange(50))) for _ in range(500))]
    found = engine.evaluate(
        """([pre, texts]) => {
            const words = new RegExp(inside.PRE_TOKENIZERS[pre], "gu");
            return texts.map((text) => text.match(words) ?? []);
        }""",
        [pre, texts],
    )
    assert found == [split_words(text, PRE_TOKENIZERS[pre]) for text in texts]


def test_kinds_of_all_characters(engine):
    """Each character is letter, number, space or other for both, as far as both know it."""
    codes = [*range(0xD800), *range(0xE000, 0x33000), *range(0xE0000, 0xE0200)]
    everything = "".join(map(chr, codes))
    found = engine.evaluate(
        """everything => {
            const words = new RegExp(inside.PRE_TOKENIZERS["gpt-2"], "gu");
            const count = (text) => text.match(words).length;
            return Array.from(everything, (one) => /\\p{Cn}/u.test(one) ? "new" :
                [`a${one}b`, `1${one}2`, `.${one}.`].map(count).join("")
            );
        }""",
        everything,
    )
    new = set(regex.findall(r"\p{Cn}", everything))
    known = [(one, n) for one, n in zip(everything, found, strict=True) if n != "new"]
    known = [(one, n) for one, n in known if one not in new]
    assert len(known) > 160_000
    for one, words in known:
        texts = (f"a{one}b", f"1{one}2", f".{one}.")
        kind = regex.match(r"(\p{L})|(\p{N})|( )|(\s)|", one).lastindex
        expected = {1: "133", 2: "313", 3: "222", 4: "333", None: "331"}[kind]
        assert words == expected, (one, [split_words(text) for text in texts])


def test_merges_that_make_one_token_twice(engine, tmp_path):
    """Several pairs for one token, and ids in another order than the merges."""
    pieces = [bytes([byte]) for byte in range(256)] + [b"aa", b"aaa", b"ab", b"aab", b"abab"]
    vocab = {2 * i if i < 256 else 1023 - 2 * i: piece for i, piece in enumerate(pieces)}
    vocab = {rank: vocab[i] for rank, i in enumerate(sorted(vocab))}
    merges = [(b"a", b"a"), (b"a", b"aa"), (b"aa", b"a"), (b"a", b"b"), (b"a", b"ab")]
    merges += [(b"aa", b"b"), (b"ab", b"ab")]
    tokenizer = BPETokenizer.from_merges(vocab, merges)
    model, _ = small_model(vocab_size=tokenizer.vocab_size)
    rng = random.Random(2)
    texts = ["".join(rng.choices("aaab ", k=rng.randrange(40))) for _ in range(300)]
    give(engine, "model", write(tmp_path, model, tokenizer))
    found = engine.evaluate(
        """async (texts) => {
            const { tokenizer } = await inside.openFile(files.model, never);
            return texts.map((text) => tokenizer.encode(text));
        }""",
        texts,
    )
    assert found == [tokenizer.encode(text) for text in texts]


def test_patterns_of_the_page_are_the_library_s(engine):
    """A new way to cut words in the library is missed here."""
    assert set(engine.evaluate("Object.keys(inside.PRE_TOKENIZERS)")) == set(PRE_TOKENIZERS)
