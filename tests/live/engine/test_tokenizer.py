"""The engine's tokenizer: the library's words and token ids."""

import random
import re

import pytest
import regex

from lessons_lib.generation import TextStream
from lessons_lib.gguf import PRE_TOKENIZERS, parse_gguf, read_tokenizer, show_bytes, write_tokenizer
from lessons_lib.live.model_in_page import model_file
from lessons_lib.tokens import BPETokenizer, split_words
from lessons_lib.training import END, story_model
from tests.live.engine import page as engines
from tests.live.engine.page import TEXTS, T, give, refusals, small_file, small_model, write
from tests.llama_cpp_models import ask

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
    found = engines.fetch(
        engine,
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


# ------------------------------------------------------------------------------ other vocabularies

STORY = "a girl saw a fish and a niña saw two girls, aa aaa abab 12 123 " * 3
LEARNED = write_tokenizer(BPETokenizer.train(STORY, 300, [END], end=END), 300)
LAST = LEARNED[f"{T}eos_token_id"]
USERS = ["<think>", "</think>", "gi rl", "   ", "\n\n"]


def vocabulary(users=(), words=(), shuffle=False, **entries):
    """Metadata of a tokenizer with more tokens, its merges perhaps in another order."""
    found = {name.removeprefix(T): value for name, value in LEARNED.items()}
    n_tokens = len(found["tokens"])
    found["tokens"] = [*found["tokens"], *users, *words]
    found["token_type"] = [*found["token_type"][:n_tokens], *[4] * len(users), *[1] * len(words)]
    if shuffle:
        found["merges"] = random.Random(3).sample(found["merges"], len(found["merges"]))
    found |= entries
    return {f"{T}{name}": value for name, value in found.items()}


def file_of(metadata, drop=()):
    sizes = {"vocab_size": len(metadata[f"{T}tokens"])}
    return small_file(metadata, sizes=sizes, drop=[f"{T}{name}" for name in drop])


def page_ids(engine, data, texts):
    give(engine, "model", data)
    return engine.evaluate(
        """async (texts) => {
            const { tokenizer } = await inside.openFile(files.model, never);
            return texts.map((text) => tokenizer.encode(text));
        }""",
        texts,
    )


def hard_texts(alphabet, n=150):
    rng = random.Random(4)
    made = ["".join(rng.choices(alphabet, k=rng.randrange(1, 40))) for _ in range(n)]
    return [text for text in TEXTS if text] + made


@pytest.mark.parametrize(
    ("pre", "shuffle"),
    [
        *(("gpt-2", True), ("gpt-2", False), ("llama-bpe", True), ("llama-bpe", False)),
        *(("falcon3", True), ("dbrx", True), ("qwen2", True), ("exaone", False)),
    ],
)
def test_ids_are_llama_cpp_s(engine, tmp_path, pre, shuffle):
    """User-defined tokens, merges in any order, words that no merge makes, other names of cuts."""
    data = file_of(vocabulary(USERS, ["fish", "Ġgirlx", "ĠaĠf"], shuffle, pre=pre))
    (tmp_path / "model.gguf").write_bytes(data)
    texts = hard_texts([*"aabgirl nñ 12fsh", *USERS, "fish", " girlx", "  ", END, "<think"])
    expected = ask(tmp_path / "model.gguf", texts)["ids"]
    assert page_ids(engine, data, texts) == expected


OPENED = {  # what differs, and the tokens that begin and end a text
    "as it is": ({}, {"start": LAST, "eos": LAST}),
    "asked": ({"bos_token_id": 5, "add_bos_token": True}, {"start": 5, "eos": LAST}),
    "not asked": ({"bos_token_id": 5, "add_bos_token": False}, {"start": None, "eos": LAST}),
    "no ids": ({"drop": ["bos_token_id", "eos_token_id"]}, {"start": None, "eos": None}),
    "llama's usual start": (
        {"pre": "llama3", "drop": ["add_bos_token", "bos_token_id"]}, {"start": 11, "eos": LAST}
    ),
    "not with this cut": (
        {"pre": "glm4", "bos_token_id": 5, "drop": ["add_bos_token"]}, {"start": None, "eos": LAST}
    ),
    "an end that is no token": ({"eos_token_id": 300}, {"start": None, "eos": None}),
    "an end that is a word": ({"eos_token_id": 97}, {"start": None, "eos": None}),
    "more types than tokens": (
        {"token_type": [*LEARNED[f"{T}token_type"], 1, 6]}, {"start": LAST, "eos": LAST}
    ),
    "other tasks": (
        {"eot_token_id": 7, "padding_token_id": 8, "add_space_prefix": True, "scores": [0.5]},
        {"start": LAST, "eos": LAST},
    ),
    "switched off": (
        {"add_eos_token": False, "remove_extra_whitespaces": False}, {"start": LAST, "eos": LAST}
    ),
}  # fmt: skip


def test_settings_that_are_honoured(engine):
    for name, (entries, expected) in OPENED.items():
        entries = dict(entries)
        drop = entries.pop("drop", ())
        data = file_of(vocabulary(**entries), drop)
        give(engine, "model", data)
        found = engine.evaluate(
            """async () => {
                const { start, eos } = (await inside.openFile(files.model, never)).tokenizer;
                return { start: start ?? null, eos: eos ?? null };
            }"""
        )
        assert found == expected, name
        assert read_tokenizer(parse_gguf(data)).end_id == expected["eos"], name


def test_bytes_that_no_text_has_may_be_missing(engine, tmp_path):
    metadata = vocabulary()
    never = [show_bytes(bytes([byte])) for byte in (0xC0, 0xC1, *range(0xF5, 0x100))]
    tokens = [f"[PAD{i}]" if one in never else one for i, one in enumerate(LEARNED[f"{T}tokens"])]
    kinds = [5 if one.startswith("[PAD") else 1 for one in tokens[:-1]]
    metadata |= {f"{T}tokens": tokens, f"{T}token_type": [*kinds, 3]}
    data = file_of(metadata)
    (tmp_path / "model.gguf").write_bytes(data)
    texts = hard_texts([*"aabgirl nñ 12fsh", "👨‍👩‍👧", "猫"], 30)
    assert page_ids(engine, data, texts) == ask(tmp_path / "model.gguf", texts)["ids"]


def replaced(i, token, kind=None):
    tokens, kinds = [*LEARNED[f"{T}tokens"]], [*LEARNED[f"{T}token_type"]]
    tokens[i], kinds[i] = token, kind or kinds[i]
    return {"tokens": tokens, "token_type": kinds}


CUTS = "expected the tokenizer gpt2, cut as one of ['gpt-2', 'llama-bpe', 'qwen2', 'smollm'], got "
REFUSED = {  # what differs, and how the sentence ends; the last three only the page refuses
    "other tokenizer": ({"model": "llama"}, f"{CUTS}'llama', cut as 'gpt-2'"),
    "no tokenizer": ({"drop": ["model"]}, f"{CUTS}None, cut as 'gpt-2'"),
    "other cuts": ({"pre": "deepseek-llm"}, f"{CUTS}'gpt2', cut as 'deepseek-llm'"),
    "no cuts": ({"drop": ["pre"]}, f"{CUTS}'gpt2', cut as 'None'"),
    "cuts of all objects": ({"pre": "constructor"}, f"{CUTS}'gpt2', cut as 'constructor'"),
    "few types": ({"token_type": [1, 1]}, "expected a type for each of 300 tokens, got 2"),
    "type 6": (
        {"token_type": [1] * 299 + [6]}, "expected tokens of the types (1, 2, 3, 4, 5), got [6]"
    ),
    "types 0 and 9": (
        {"token_type": [9, 0] + [1] * 298},
        "expected tokens of the types (1, 2, 3, 4, 5), got [0, 9]",
    ),
    "token twice": (replaced(5, "e"), "expected tokens that differ, got e 2 times"),
    "byte missing": (replaced(65, "zz"), "expected a token for each byte, got none for [b'A']"),
    "fill in the middle": (
        replaced(298, "<fim_prefix>", 4), "expected <fim_prefix> to be of type 3, control, got 4"
    ),
    "tool response": (
        {"users": ["<|tool_response>", "</s>"]}, "expected <|tool_response> or </s>, got both"
    ),
    "overlapping": (
        {"users": ["ab<", "<more>"]},
        "expected special tokens that cannot overlap, got ab< and <more>",
    ),
    "long": (
        {"users": ["x" * 1025]},
        f"expected special tokens of at most 1024 bytes, got {'x' * 60}...",
    ),
    "a word": (
        {"users": ["horse"], "pre": "llama-bpe"},
        "expected control and unused tokens that are no words, got horse",
    ),
    "ends appended": ({"add_eos_token": True}, "expected a tokenizer without this, got true"),
    "charsmap": ({"precompiled_charsmap": [1]}, "without this, got a list of 1 values"),
    "a start of words": ({"add_bos_token": "yes"}, "expected true or false, got yes"),
}  # fmt: skip


def test_vocabularies_that_are_refused(page):
    files = []
    for changes, _ in REFUSED.values():
        changes = dict(changes)
        drop = changes.pop("drop", ())
        files.append(file_of(vocabulary(**changes), drop))
    files.append(
        small_file(vocabulary() | {"general.name": "My Phi-3 Mini"}, sizes={"vocab_size": 300})
    )
    files.append(small_file(vocabulary(), sizes={"vocab_size": 320}))
    found = [one for one, *_ in refusals(page, files, "inside.openFile(bytes, never)")]
    for i, (name, (_, sentence)) in enumerate(REFUSED.items()):
        assert found[i], name
        assert found[i].endswith(sentence), (name, found[i])
        sentence = sentence.removesuffix("true").removesuffix("a list of 1 values")
        with pytest.raises(ValueError, match=re.escape(sentence.removesuffix("yes"))):
            read_tokenizer(parse_gguf(files[i]))
    assert found[-2] == "expected no Phi-3, whose special tokens take in spaces, got one by name"
    assert found[-1] == "expected 320 tokens, a row of token_embd.weight each, got 300"
