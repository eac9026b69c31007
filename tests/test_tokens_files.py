"""Files of other tokenizers: every setting gives the ids of `tokenizers`, or is refused by name.

The last test reads published tokenizers, which are too large to keep here. It runs where the
environment variable LESSONS_LIB_TOKENIZERS names a folder with a folder for each, in which a
tokenizer.json and its tokenizer_config.json stand, and compares 10,000 texts.
"""

import copy
import hashlib
import json
import os
import random
import unicodedata
from pathlib import Path

import pytest
import tokenizers
import transformers
from tokenizers import AddedToken, Regex, models, normalizers, pre_tokenizers, processors, trainers

from lessons_lib.corpus.stories import sample
from lessons_lib.tokens import GPT2_PATTERN, BPETokenizer
from lessons_lib.tokens.portable import check_portable

STORIES = "".join(str(s) for lang in ("en", "es") for s in sample(60, seed=1, language=lang))
CORPUS = [
    STORIES,
    "don't WE'LL 1234567 12 ½ ²³ Ⅷ --- === !!! ... \n\n  x = [1, 2]\r\n\treturn foo_bar(\"a\")\n"
    * 9,
    "café cafe\u0301 n\u0303 ñ \u1112\u1161\u11ab 한국어 日本語 世界 🦊🐢 👩\u200d👩\u200d👧 ﬁ Å Å "
    * 9,
]
TEXTS = [
    "",
    " ",
    "a",
    STORIES[:3000],
    "don't WE'LL ROCK 'ſ 'S 1234567890 ½²Ⅷ٣ 1a2b",
    "e\u0301 cafe\u0301 a\u0323\u0301 \u1112\u1161\u11ab 한국어 Å Å ﬁ ① \u0344",
    "日本語カタカナひらがな世界 mixed漢字text",
    "👩\u200d👩\u200d👧 🦊🐢 🇪🇸 ☺️",
    " \t\n\r\n\n  x  \u00a0\u2028 y\u3000\u0085z   \n",
    "a" * 300 + "ab" * 100 + " " * 150 + "-=" * 80,
    "\x00\x01\x7f\u00ad\ufeff\u200b",
    "<|end|>a<|end|><|end|> <tool>b</tool> <|a|><|a|>b<|a|>c ñu <x>é</x> <|pad|>",
    'if x == 1:\n\treturn  foo_bar("a")  # no\n\n\n"""doc"""',
]
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK = [
    r"\p{N}{1,3}",
    "[一-龥\u3040-ゟ゠-ヿ]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^"""
    "\r\n"
    r"""\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+["""
    "\r\n"
    r"""]*|\s*[\r\n]+|\s+(?!\S)|\s+""",
]
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False)


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def made(
    pre=GPT2, normalizer=None, alphabet=True, size=700, tokens=("<|end|>",), corpus=CORPUS, **model
):
    """Train a tokenizer with the library `tokenizers`."""
    engine = tokenizers.Tokenizer(models.BPE(**model))
    engine.pre_tokenizer = pre
    if normalizer:
        engine.normalizer = normalizer
    engine.decoder = tokenizers.decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet else [],
        show_progress=False,
    )
    engine.train_from_iterator(corpus, trainer)
    return engine


def read_as(file, folder):
    """Return both libraries' tokenizers of one file, given as the engine or its content."""
    if isinstance(file, tokenizers.Tokenizer):
        file = json.loads(file.to_str())
    text = json.dumps(file)
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    return tokenizers.Tokenizer.from_str(text), BPETokenizer.from_pretrained(folder)


def ids_of(engine, text):
    return engine.encode(text, add_special_tokens=False).ids


def assert_same(engine, ours, texts=TEXTS):
    for text in texts:
        assert ours.encode(text, "all") == ids_of(engine, text), text


def assert_travels(engine, ours, folder):
    """Our own files of a tokenizer give the same ids, in both libraries."""
    ours.save_pretrained(folder / "again")
    again = BPETokenizer.from_pretrained(folder / "again")
    theirs = tokenizers.Tokenizer.from_file(str(folder / "again" / "tokenizer.json"))
    ours.save(folder / "own.json")
    loaded = BPETokenizer.load(folder / "own.json")
    for text in TEXTS:
        ids = ids_of(engine, text)
        assert ids_of(theirs, text) == ids, text
        for other in (again, loaded):
            assert other.encode(text, "all") == ids, text
            assert other.encode(text) == ours.encode(text), text
    names = ("vocab", "merges", "special_tokens", "user_defined", "pattern", "normalizer", "end")
    for name in names:
        assert getattr(loaded, name) == getattr(ours, name), name
        assert getattr(again, name) == getattr(ours, name), name


SHAPES = {
    "GPT-2": lambda: made(),
    "Llama 3": lambda: made(
        pre_tokenizers.Sequence([split(LLAMA3), BYTES]), ignore_merges=True, size=900
    ),
    "Qwen3": lambda: made(pre_tokenizers.Sequence([split(LLAMA3), BYTES]), normalizers.NFC()),
    "SmolLM2": lambda: made(
        pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), GPT2]),
        alphabet=False,
        size=350,
        tokens=["<|end|>", "<|a|>"],
    ),
    "SmolLM2 with unknown": lambda: made(
        pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), GPT2]),
        alphabet=False,
        size=350,
        tokens=["<unk>", "<|end|>"],
        unk_token="<unk>",
    ),
    "unknown fused": lambda: made(
        alphabet=False, size=350, tokens=["<unk>"], unk_token="<unk>", fuse_unk=True
    ),
    "few bytes": lambda: made(alphabet=False, size=60, corpus=["banana bandana"]),
    "gpt-oss": lambda: made(pre_tokenizers.Sequence([split(O200K), BYTES]), ignore_merges=True),
    "DeepSeek-V3": lambda: made(
        pre_tokenizers.Sequence([*map(split, DEEPSEEK), BYTES]), normalizers.Sequence([])
    ),
    "digits in a row": lambda: made(
        pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False), GPT2])
    ),
    "sequences in sequences": lambda: made(
        pre_tokenizers.Sequence(
            [pre_tokenizers.Sequence([split(r"\p{N}")]), pre_tokenizers.Sequence([GPT2])]
        ),
        normalizers.Sequence([normalizers.Sequence([normalizers.NFKC()])]),
    ),
    "NFD": lambda: made(normalizer=normalizers.NFD()),
    "NFKD": lambda: made(normalizer=normalizers.NFKD()),
    "no cuts": lambda: made(BYTES, size=400, corpus=["banana bandana " * 30]),
    "a pattern with gaps": lambda: made(pre_tokenizers.Sequence([split("[a-z]+"), BYTES])),
    "a text as pattern": lambda: made(
        pre_tokenizers.Sequence([pre_tokenizers.Split("a.", "isolated"), BYTES])
    ),
    "kept, not removed": lambda: made(
        pre_tokenizers.Sequence([split(LLAMA3, "removed", invert=True), BYTES])
    ),
    "inverted": lambda: made(pre_tokenizers.Sequence([split(LLAMA3, invert=True), BYTES])),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_ids_equal_those_of_tokenizers(shape, tmp_path):
    engine, ours = read_as(SHAPES[shape](), tmp_path)
    assert_same(engine, ours)
    assert_travels(engine, ours, tmp_path)
    assert len(ours.merges) > 5


def shuffled(engine, seed=0):
    """Merges in an order that nobody learned; some list a pair before those that make its parts."""
    file = json.loads(engine.to_str())
    random.Random(seed).shuffle(file["model"]["merges"])
    return file


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", ["GPT-2", "Llama 3", "SmolLM2 with unknown", "no cuts"])
def test_merges_in_any_order(shape, seed, tmp_path):
    engine, ours = read_as(shuffled(SHAPES[shape](), seed), tmp_path)
    assert_same(engine, ours)
    draw = random.Random(seed)
    words = ["".join(draw.choices("banadi ", k=draw.choice([9, 60, 400]))) for _ in range(100)]
    assert_same(engine, ours, words)
    assert_travels(engine, ours, tmp_path)


@pytest.mark.parametrize("seed", range(20))
def test_every_pair_that_makes_a_token(seed, tmp_path):
    """As in Llama 3: several pairs make one token, with ranks of their own; long words too."""
    draw = random.Random(seed)
    words = {"".join(draw.choices("ab", k=draw.choice([2, 2, 3, 3, 4, 5]))) for _ in range(25)}
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *sorted(words)]
    pairs = [(w[:i], w[i:]) for w in words for i in range(1, len(w))]
    merges = [pair for pair in pairs if set(pair) <= {*tokens}]
    draw.shuffle(merges)
    made_words = {left + right for left, right in merges} | set(tokens[:256])
    vocab = {token: i for i, token in enumerate(t for t in tokens if t in made_words)}
    merges = [pair for pair in merges if set(pair) <= made_words]
    merges += draw.sample(merges, len(merges) // 4)  # of a pair given twice, the last counts
    model = {"type": "BPE", "vocab": vocab, "merges": [list(pair) for pair in merges]}
    model["ignore_merges"] = bool(seed % 2)
    whole = json.loads(made(BYTES, size=256).to_str())
    try:
        engine, ours = read_as(whole | {"model": model, "added_tokens": []}, tmp_path)
    except ValueError as error:  # a word that only merges of missing parts would make
        assert "surplus" in str(error)  # noqa: PT017
        return
    texts = ["".join(draw.choices("ab", k=draw.randrange(150))) for _ in range(150)]
    assert_same(engine, ours, texts)


def test_merges_as_texts_or_pairs(tmp_path):
    file = json.loads(made().to_str())
    pairs = file["model"]["merges"]
    texts = [pair if isinstance(pair, str) else " ".join(pair) for pair in pairs]
    for merges in (texts, ["#version: 0.2", *texts], [text.split(" ") for text in texts]):
        file["model"]["merges"] = merges
        assert_same(*read_as(file, tmp_path))
    for wrong in (["a"], ["a b c"], [["a", "b", "c"]], [texts[0], ["a", "b"]], [["a", 3]], [3]):
        file["model"]["merges"] = wrong
        (tmp_path / "tokenizer.json").write_text(json.dumps(file), encoding="utf-8")
        with pytest.raises(ValueError, match="expected merges"):
            BPETokenizer.from_pretrained(tmp_path)


# --------------------------------------------------------------------------- added tokens


ADDED = [
    AddedToken("<tool>", special=False, normalized=False),
    AddedToken("</tool>", special=False, normalized=True),
    AddedToken("<|a|>", special=True, normalized=True),
    AddedToken("<|a|><|a|>", special=False, normalized=False),
    AddedToken("cafe\u0301", special=False, normalized=True),
    AddedToken("  ", special=False, normalized=True),
    AddedToken("<x>é", special=False, normalized=False),
    AddedToken("ñu", special=True, normalized=True),
    AddedToken("ﬁ①", special=False, normalized=True),
    AddedToken("\n\n\n", special=False, normalized=False),
    AddedToken("日本", special=True, normalized=False),
    AddedToken("|>b", special=False, normalized=False),  # before <|a|>, though that begins earlier
]


@pytest.mark.parametrize("normalizer", [None, "NFC", "NFD", "NFKC"])
def test_added_tokens_special_or_not_normalized_or_not(normalizer, tmp_path):
    engine = made(normalizer=normalizer and getattr(normalizers, normalizer)())
    engine.add_tokens(ADDED)
    engine, ours = read_as(engine, tmp_path)
    assert {"<tool>", "</tool>", "  "} < ours.user_defined.keys()
    assert {"<|end|>", "<|a|>", "ñu"} < ours.special_tokens.keys()
    draw = random.Random(0)
    parts = [t.content for t in ADDED] + [*"<|a>xé fi1 ", "café", "n\u0303u", "\n", "\u0301", "ﬁ1"]
    mixed = ["<|a|>b"]
    mixed += ["".join(draw.choices(parts, k=draw.randrange(9))) for _ in range(500)]
    assert_same(engine, ours, [*TEXTS, *mixed])
    assert_travels(engine, ours, tmp_path)
    for text in [*TEXTS, *mixed]:
        assert list(ours.encode_iterable([text[:5], text[5:]], "all")) == ours.encode(text, "all")
        assert list(ours.encode_iterable([*text])) == ours.encode(text)
        if normalizer is None:
            assert ours.decode(ours.encode(text)) == text
        else:
            joined = unicodedata.normalize(normalizer, ours.decode(ours.encode(text)))
            assert joined == unicodedata.normalize(normalizer, text)


def test_user_defined_tokens_need_no_permission():
    tokenizer = BPETokenizer.train("banana", 258, ["<|end|>"])
    arguments = (tokenizer.vocab, tokenizer.merges, tokenizer.special_tokens)
    tokenizer = BPETokenizer(*arguments, end="<|end|>", user_defined=["<tool>", "</tool>"])
    assert tokenizer.user_defined == {"<tool>": 258, "</tool>": 259}
    assert tokenizer.encode("a<tool>b<|end|>")[:3] == [97, 258, 98]
    assert tokenizer.encode("<tool><|end|>", "all") == [258, 257]
    assert tokenizer.decode([258, 257]) == "<tool><|end|>"
    with pytest.raises(ValueError, match="more settings"):
        tokenizer.to_tiktoken()
    for settings, message in [
        ({"user_defined": ["<|end|>"]}, "both"),
        ({"user_defined": {"<tool>": 256}}, "ids of their own"),
        ({"user_defined": ["an"]}, "apart from ordinary ones"),
        ({"user_defined": ["x"]}, "at least two bytes"),
        ({"user_defined": ["<tool>"], "end": "<tool>"}, "the end among the special tokens"),
        ({"normalizer": "nfc"}, "normalizer of"),
        ({"normalizer": []}, "normalizer of"),
        ({"normalized": ["<tool>"]}, "normalized tokens among"),
        ({"ignore_merges": 1}, "ignore_merges to be True or False"),
        ({"unknown": "<unk>"}, "unknown token among"),
        ({"pattern": []}, "a pattern or several"),
        ({"pattern": [GPT2_PATTERN, "("]}, "regular expression"),
        ({"pattern": {GPT2_PATTERN}}, "a pattern or several"),
    ]:
        with pytest.raises(ValueError, match=message):
            BPETokenizer.from_merges(*arguments, **settings)
    empty = BPETokenizer.from_merges(*arguments, pattern=[r"x*", GPT2_PATTERN])
    with pytest.raises(ValueError, match="without empty matches"):
        empty.encode("ab")


def test_bytes_that_the_vocabulary_lacks():
    """What `tokenizers` does: an unknown token for each, or nothing, whose neighbours then meet."""
    vocab = {i: bytes([i]) for i in range(256) if i != ord("-")} | {300: b"ab"}
    arguments = (vocab, [(b"a", b"b")], ["<unk>"], r"[\s\S]+")
    with pytest.raises(ValueError, match="1 missing"):
        BPETokenizer(*arguments)
    left_out = BPETokenizer(*arguments, drop_unknown=True)
    assert left_out.encode("a--b") == [300]
    assert left_out.encode("--") == []
    told = BPETokenizer(*arguments, unknown="<unk>")
    assert told.encode("a--b") == [97, 301, 301, 98]
    fused = BPETokenizer(*arguments, unknown="<unk>", fuse_unknown=True)
    assert fused.encode("a--b-ab") == [97, 301, 98, 301, 300]
    assert repr(told) == "BPETokenizer(257 tokens: 255 bytes, 1 merges, 1 special)"
    for tokenizer in (left_out, told, fused):
        with pytest.raises(ValueError, match="expected all bytes"):
            tokenizer.to_tiktoken()


def test_a_word_may_be_a_token_whatever_the_merges():
    """ "abc" merges to a, bc; the merge that would make the token never comes to its turn."""
    merges = [(b"b", b"c"), (b"a", b"b"), (b"ab", b"c")]
    vocab = dict(enumerate([bytes([i]) for i in range(256)] + [b"bc", b"ab", b"abc"]))
    assert BPETokenizer(vocab, merges).encode("abc") == [97, 256]
    whole = BPETokenizer(vocab, merges, ignore_merges=True)
    assert whole.encode("abc") == [258]
    assert whole.encode("abcd") == [97, 256, 100]


def test_long_words_merge_one_place_at_a_time():
    """(ab, a) comes before (a, b): each new ab takes the next a before that can find its b."""
    merges = [(b"ab", b"a"), (b"a", b"b")]
    vocab = dict(enumerate([bytes([i]) for i in range(256)] + [b"aba", b"ab"]))
    tokenizer = BPETokenizer(vocab, merges, pattern=r"[\s\S]+")
    assert tokenizer.encode("abab") == [256, 98]
    assert tokenizer.encode("abab" * 100) == [256, 98] * 100


# ------------------------------------------------------------------------ orders of the ids


def numbered(places, vocab_size=300, seed=0):
    """Return a tokenizer whose special tokens have the ids `places`, and the others the rest."""
    special = {f"<|{n}|>": i for n, i in enumerate(places)}
    trained = BPETokenizer.train(STORIES, vocab_size)
    free = [i for i in range(max(vocab_size, *places) + 50) if i not in places]
    vocab = dict(zip(free, trained.vocab.values(), strict=False))
    return BPETokenizer.from_merges(vocab, trained.merges, special, end="<|0|>")


ORDERS = {
    "first": [0, 1],
    "first, the other way round": [1, 0],
    "last": [300, 301],
    "last, the other way round": [301, 300],
    "in a gap": [300, 400],
    "in several gaps": [5, 310, 7, 500, 1000, 20, 302],
    "far away": [100_000],
    "among the bytes": [65, 97],
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("also", [0, 2])
def test_ids_of_special_tokens_wherever_they_are(order, also, tmp_path):
    tokenizer = numbered(ORDERS[order])
    extra = {f"<tool {n}>": i for n, i in enumerate([2000, 1500][:also])}
    tokenizer = BPETokenizer(
        tokenizer.vocab, tokenizer.merges, tokenizer.special_tokens, end="<|0|>", user_defined=extra
    )
    tokenizer.save_pretrained(tmp_path)
    engine = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    back = BPETokenizer.from_pretrained(tmp_path)
    opened = transformers.AutoTokenizer.from_pretrained(tmp_path)
    marks = "".join(f"{token} x" for token in [*tokenizer.special_tokens, *extra])
    for text in [*TEXTS, marks, marks * 3 + STORIES[:500]]:
        ids = tokenizer.encode(text, "all")
        assert ids_of(engine, text) == ids
        assert opened(text, add_special_tokens=False)["input_ids"] == ids
        assert back.encode(text, "all") == ids
    assert [tokenizer.special_tokens[t] for t in tokenizer.special_tokens] == ORDERS[order]
    assert back.special_tokens == tokenizer.special_tokens
    assert (back.vocab, back.user_defined) == (tokenizer.vocab, tokenizer.user_defined)
    assert opened.eos_token_id == back.end_id == ORDERS[order][0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"special_tokens": ["Ġan"]}, "unlike the bytes of others, got 'Ġan'"),  # as " an" is shown
        ({"special_tokens": ["é"]}, "unlike the bytes of others, got 'é'"),  # as the byte 0xE9 is
        ({"special_tokens": ["Ã±"], "ignore_merges": True}, "unlike the bytes"),  # as "ñ" is
        ({"special_tokens": {"<|a|>": 2**32}}, "ids of 32 bits"),
        ({"pattern": r"\w+|\W+"}, "that all engines read alike"),
        ({"pattern": (r"\p{N}", r"\S+|\s+$")}, "that all engines read alike"),
    ],
)
def test_what_a_file_cannot_hold_is_not_written(settings, message, tmp_path):
    trained = BPETokenizer.train("an an an", 259)
    tokenizer = BPETokenizer(trained.vocab, trained.merges, **settings)
    with pytest.raises(ValueError, match=message):
        tokenizer.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    tokenizer.save(tmp_path / "own.json")
    assert BPETokenizer.load(tmp_path / "own.json").vocab == tokenizer.vocab


# --------------------------------------------------------------------- refused, by name


def put(*path, value):
    """Return a change of a file: the value at the end of the path."""

    def change(file):
        node = file
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value

    return change


STEP = ("pre_tokenizer", "pretokenizers", 0)
ANY = [{"Sequence": {"id": "A", "type_id": 0}}]
TEMPLATE = {"type": "TemplateProcessing", "single": ANY, "pair": ANY, "special_tokens": {}}
REFUSED = [
    (put("version", value="2.0"), "version"),
    (put("truncation", value={"max_length": 2}), "truncation"),
    (put("padding", value={"strategy": "BatchLongest"}), "padding"),
    (put("surprise", value=None), "'surprise'"),
    (put("normalizer", value={"type": "Lowercase"}), "normalizer.*Lowercase"),
    (put("normalizer", value={"type": "Replace", "content": "a"}), "'content' in the normalizer"),
    (
        put(
            "normalizer",
            value={"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "NFKC"}]},
        ),
        "one normalizer",
    ),
    (put("post_processor", value={"type": "BertProcessing"}), "post_processor.*BertProcessing"),
    (put("post_processor", value=TEMPLATE | {"single": ANY * 2}), "one text in the template"),
    (put("decoder", value={"type": "WordPiece"}), "decoder"),
    (put("pre_tokenizer", value=None), "ByteLevel at the end"),
    (put("pre_tokenizer", value={"type": "Whitespace"}), "pre_tokenizer.*Whitespace|in the pre_t"),
    (put(*STEP, value={"type": "WhitespaceSplit"}), "WhitespaceSplit"),
    (put(*STEP, value={"type": "Whitespace"}), "'Whitespace'"),
    (put(*STEP, value={"type": "Punctuation", "behavior": "Isolated"}), "Punctuation"),
    (put(*STEP, value={"type": "Metaspace"}), "Metaspace"),
    (put(*STEP, value={"type": "Digits"}), "individual_digits"),
    (put(*STEP, "behavior", value="Removed"), "Removed"),
    (put(*STEP, "behavior", value="MergedWithPrevious"), "MergedWithPrevious"),
    (put(*STEP, "behavior", value="MergedWithNext"), "MergedWithNext"),
    (put(*STEP, "behavior", value="Contiguous"), "Contiguous"),
    (put(*STEP, "pattern", value={"Regex": r"\w+"}), "engines read alike"),
    (put(*STEP, "pattern", value={"Regex": r"(a|b)+"}), "without .groups"),
    (put(*STEP, "pattern", value={"String": ""}), "a Regex or a String"),
    (put(*STEP, "surprise", value=1), "'surprise'"),
    (put("pre_tokenizer", "pretokenizers", 1, "add_prefix_space", value=True), "add_prefix_space"),
    (put("pre_tokenizer", "pretokenizers", 1, "type", value="Digits"), "pre_tokenizer"),
    (put("model", "type", value="Unigram"), "Unigram"),
    (put("model", "dropout", value=0.1), "dropout"),
    (put("model", "continuing_subword_prefix", value="##"), "continuing_subword_prefix"),
    (put("model", "end_of_word_suffix", value="</w>"), "end_of_word_suffix"),
    (put("model", "byte_fallback", value=True), "byte_fallback"),
    (put("model", "ignore_merges", value=1), "ignore_merges"),
    (put("model", "surprise", value=1), "'surprise'"),
    (put("model", "vocab", "a", value=-1), "32 bits"),
    (put("model", "vocab", "a", value=2**32), "32 bits"),
    (put("model", "vocab", "a", value=True), "32 bits"),
    (put("model", "vocab", "a", value=1), "got 1 twice"),
    (put("model", "vocab", "a b", value=9000), "show bytes in the vocab, got 'a b'"),
    (put("model", "vocab", "qqq", value=9000), "surplus.*qqq"),
    (put("model", "merges", 0, value=["q", "世"]), "merges of tokens"),
    (put("added_tokens", 0, "single_word", value=True), "single_word"),
    (put("added_tokens", 0, "lstrip", value=True), "lstrip"),
    (put("added_tokens", 0, "rstrip", value=True), "rstrip"),
    (put("added_tokens", 0, "special", value=1), "special"),
    (put("added_tokens", 0, "surprise", value=1), "'surprise'"),
    (put("added_tokens", 0, "id", value=7), "to have the id 0, got 7"),
    (put("added_tokens", 0, "content", value="an"), "an"),
    (
        lambda file: file["added_tokens"][0].update(content="é", id=file["model"]["vocab"]["é"]),
        "unlike the bytes",
    ),
]


@pytest.fixture(scope="module")
def whole():
    engine = made(pre_tokenizers.Sequence([split(LLAMA3), BYTES]), size=330)
    return json.loads(engine.to_str())


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_other_settings_are_refused_by_name(number, whole, tmp_path):
    change, message = REFUSED[number]
    file = copy.deepcopy(whole)
    change(file)
    (tmp_path / "tokenizer.json").write_text(json.dumps(file), encoding="utf-8")
    with pytest.raises(ValueError, match=message) as found:
        BPETokenizer.from_pretrained(tmp_path)
    assert str(found.value).startswith("expected a byte-level tokenizer, got ")


def test_a_template_adds_nothing_here(whole, tmp_path):
    """A template's tokens are for who asks `tokenizers` for special tokens; we never add any."""
    file = copy.deepcopy(whole)
    template = processors.TemplateProcessing("<|end|> $A", None, [("<|end|>", 0)])
    byte_level = processors.ByteLevel(trim_offsets=False)
    engine = tokenizers.Tokenizer.from_str(json.dumps(file))
    engine.post_processor = processors.Sequence([byte_level, template])
    engine, ours = read_as(engine, tmp_path)
    assert engine.encode("a").ids == [0, *ours.encode("a")]
    assert_same(engine, ours)


@pytest.mark.parametrize(
    ("pattern", "fine"),
    [
        *((pattern, True) for pattern in (LLAMA3, O200K, *DEEPSEEK, GPT2_PATTERN, r"\s+|\S+")),
        *((p, True) for p in (r"[^\r\n]", r"a{2,3}b++", r"(?>a|b)+?", r"[-a]", r"[\]\-\\]", r"\.")),
        *((p, False) for p in (r"\w", ".", "^a", "a$", r"\b", r"a{1,3}+", "[a[b]]", "[a&&b]")),
        *((p, False) for p in ("(?i:k)", "(?i)a", r"\p{Han}", r"\h", "[[:alpha:]]", r"\Z", r"a]")),
        *((p, False) for p in ("a{,3}", "(?!a)*", r"\x41", r"\1", "(?x: a)", "[a--b]", r"\X")),
    ],
)
def test_patterns_that_engines_read_alike(pattern, fine):
    if fine:
        assert check_portable(pattern) == pattern
        theirs = split(pattern)
        for text in TEXTS[1:]:
            found = [piece for piece, _ in theirs.pre_tokenize_str(text)]
            ours = BPETokenizer.from_merges({i: bytes([i]) for i in range(256)}, [], (), [pattern])
            assert ours._split(text) == found
    else:
        with pytest.raises(ValueError, match=r"expected a (pattern|regular expression)"):
            check_portable(pattern)


# ------------------------------------------------------------------------------ hostile files


def nodes(file, path=()):
    """Yield the path of every node of a file; of long lists and vocabularies, a few."""
    yield path
    if isinstance(file, dict):
        children = list(file.items())
    elif isinstance(file, list):
        children = list(enumerate(file))
    else:
        return
    step = max(1, len(children) // 12)
    for key, child in children[::step]:
        yield from nodes(child, (*path, key))


VALUES = [None, True, False, 0, 1, -1, 7, 1.5, 2**33, "", "a", "Ġ", "é", "世", "NFC", "Sequence"]
VALUES += ["ByteLevel", "Split", "Digits", "Isolated", "Removed", "<|end|>", "#version", "a b"]
VALUES += [r"\s+|\S+", r"x*", [], {}, [[]], {"type": "NFC"}, {"type": "ByteLevel"}, ["a", "b"]]
VALUES += [{"type": "Digits", "individual_digits": True}, {"Regex": "a"}, {"String": "an"}]
NAMES = ["unk_token", "dropout", "ignore_merges", "normalizer", "use_regex", "type", "x", "Ġq"]


def mutate(file, draw):
    """Delete, replace, retype, double, swap or add one node, whichever."""
    file = json.loads(json.dumps(file))
    path = draw.choice([path for path in nodes(file) if path])
    *above, key = path
    parent = file
    for name in above:
        parent = parent[name]
    kind = draw.choice(["delete", "replace", "retype", "double", "swap", "add", "rename"])
    value = parent[key]
    if kind == "delete":
        del parent[key]
    elif kind == "replace":
        parent[key] = copy.deepcopy(draw.choice(VALUES))
    elif kind == "retype":
        parent[key] = draw.choice(
            [str(value), [value], {"type": value}, not value, len(str(value))]
        )
    elif isinstance(parent, list):
        other = draw.randrange(len(parent))
        if kind == "swap":
            parent[key], parent[other] = parent[other], parent[key]
        else:
            parent.insert(other, copy.deepcopy(value))
    elif kind == "swap":
        other = draw.choice(list(parent))
        parent[key], parent[other] = parent[other], parent[key]
    else:
        parent[draw.choice([*NAMES, *parent])] = copy.deepcopy(draw.choice([value, *VALUES]))
        if kind == "rename" and key in parent:
            del parent[key]
    return file


SHORT = [
    "",
    "banana band-ana, 12345 ñandú\r\n\n  x",
    "<|end|> cafe\u0301 é<tool>b<|a|> ﬁ世界🦊 ",
    "a b-q",
]


def changed_files(n_changes, seed):
    """Yield small files changed in every way."""
    draw = random.Random(seed)
    nothing = {"size": 290, "corpus": ["banana bandana, caña 123 ñandú café " * 9]}
    files = []
    for engine in (
        made(**nothing, tokens=["<|end|>", "<unk>"], unk_token="<unk>"),
        made(pre_tokenizers.Sequence([split(LLAMA3), BYTES]), normalizers.NFC(), **nothing),
        made(
            pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), GPT2]),
            **nothing | {"size": 60},
            alphabet=False,
            tokens=["<|end|>", "<unk>"],
            unk_token="<unk>",
            fuse_unk=True,
        ),
        made(**nothing | {"size": 60}, alphabet=False, ignore_merges=True),
    ):
        engine.add_tokens(
            [AddedToken("<tool>", normalized=True), AddedToken("<|a|>", special=True)]
        )
        engine.post_processor = processors.TemplateProcessing("$A", None, [])
        files.append(json.loads(engine.to_str()))
    for _ in range(n_changes):
        file = mutate(draw.choice(files), draw)
        if draw.random() < 0.3:
            file = mutate(file, draw) if isinstance(file, dict) and file else file
        yield json.dumps(file)


def test_changed_files_are_refused_or_read_alike(tmp_path):
    """For more of it: `FUZZ=100000 python -m pytest tests/test_tokens_files.py -k changed`."""
    path, read, refused = tmp_path / "tokenizer.json", 0, 0
    for text in changed_files(int(os.environ.get("FUZZ", "2000")), 0):
        path.write_text(text, encoding="utf-8")
        try:
            ours = BPETokenizer.from_pretrained(tmp_path)
            ids = [ours.encode(short, "all") for short in SHORT]
        except ValueError as error:
            assert "expected" in str(error)  # noqa: PT017
            refused += 1
            continue
        try:
            engine = tokenizers.Tokenizer.from_str(text)
            theirs = [ids_of(engine, short) for short in SHORT]
        except KeyboardInterrupt:
            raise
        except BaseException:  # it refuses the file too, some by a panic of Rust
            continue
        assert ids == theirs, text
        read += 1
    assert read > 200
    assert refused > 1000


def test_changed_files_of_our_own(tmp_path):
    """The checksum is made again after each change, so that the content itself is attacked."""
    draw, path = random.Random(0), tmp_path / "own.json"
    tokenizer = numbered([3, 400], 290)
    arguments = (tokenizer.vocab, tokenizer.merges, tokenizer.special_tokens)
    BPETokenizer(*arguments, user_defined={"<tool>": 600}, normalizer="NFC").save(path)
    whole, read = json.loads(path.read_text(encoding="utf-8")), 0
    for _ in range(300):
        file = mutate(whole, draw)
        content = {key: file.get(key) for key in whole if key not in ("format", "sha256")}
        if file.get("sha256") == whole["sha256"]:
            file["sha256"] = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        path.write_text(json.dumps(file), encoding="utf-8")
        try:
            loaded = BPETokenizer.load(path)
            ids = loaded.encode(SHORT[1], "all")
        except ValueError as error:
            assert "expected" in str(error)  # noqa: PT017
            continue
        assert set(ids) <= set(loaded.vocab)
        read += 1
    assert read > 10


# ------------------------------------------------------------------------- published ones


def test_published_tokenizers(tmp_path):
    folder = os.environ.get("LESSONS_LIB_TOKENIZERS")
    if not folder:
        pytest.skip("LESSONS_LIB_TOKENIZERS names no folder of published tokenizers")
    paths = sorted(Path(folder).rglob("tokenizer.json"))
    assert paths
    texts = many_texts(10_000)
    for path in paths:
        ours = BPETokenizer.from_pretrained(path.parent)
        engine = tokenizers.Tokenizer.from_file(str(path))
        marks = [*ours.special_tokens, *ours.user_defined]
        for number, text in enumerate(texts):
            if number % 10 == 0:
                text = marks[number % len(marks)] + text
            assert ours.encode(text, "all") == ids_of(engine, text), (path, text)
        ours.save_pretrained(tmp_path)
        assert_same(tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json")), ours)


def many_texts(n):
    """Return stories, whatever LESSONS_LIB_TEXTS holds, and characters of all kinds, cut up."""
    draw = random.Random(0)
    whole = STORIES + "".join(CORPUS) + "".join(TEXTS)
    if folder := os.environ.get("LESSONS_LIB_TEXTS"):
        whole += "".join(p.read_text(encoding="utf-8") for p in Path(folder).glob("*.txt"))
    known = [chr(i) for i in range(0x110000) if unicodedata.category(chr(i)) not in ("Cs", "Cn")]
    texts = []
    for number in range(n):
        start = draw.randrange(len(whole))
        text = whole[start : start + draw.randrange(400)]
        if number % 3 == 0:
            text += "".join(draw.choices(known, k=40))
        if number % 5 == 0:
            text += "".join(draw.choices("  \n\r\t'sS12 .,-é\u0301", k=30))
        texts.append(text)
    return texts
