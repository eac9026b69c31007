"""The chapter `tokens` against hand-worked cases, tiktoken and the Rust `tokenizers` trainer."""

import json
import os
import random
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
import regex
import tiktoken
import tokenizers
import torch
import transformers
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lessons_lib import tokens as module
from lessons_lib.corpus.stories import sample
from lessons_lib.corpus.texts import TextUnavailable, load_text
from lessons_lib.tokens import (
    BPE,
    GPT2_PATTERN,
    GPT4_PATTERN,
    BPETokenizer,
    CharTokenizer,
    TokenChain,
    bits_per_byte,
    byte_characters,
    count_pairs,
    embed,
    merge_pair,
    split_special,
    split_words,
    tokens_per_word,
    train_bpe,
    train_bpe_naive,
)

PATTERNS = [GPT2_PATTERN, GPT4_PATTERN]
END = "<|endoftext|>"
STORIES = "".join(str(s) for lang in ("en", "es") for s in sample(150, seed=1, language=lang))

# The engines carry different Unicode versions: a character that Unicode added lately is a letter in
# one and not yet in the other. Python's own table is older than both, so what it knows, both know.
KNOWN = st.characters(exclude_categories=("Cs", "Cn"))
ANY_TEXT = st.text(KNOWN) | st.text(
    st.sampled_from("aábBñÑ 12'sS\n\r\t.,¿?!\u00a0\u0301\u017f\u200d🐢👩世界ßİ\u2028\x85")
)


@pytest.fixture(scope="module", params=PATTERNS, ids=["gpt2", "gpt4"])
def trained(request):
    return BPETokenizer.train(STORIES, 900, special_tokens=[END], pattern=request.param)


@pytest.fixture(scope="module")
def theirs(trained):
    return trained.to_tiktoken()


def real_text(name):
    try:
        return load_text(name)
    except TextUnavailable as error:
        pytest.skip(str(error))


# ---------------------------------------------------------------- characters


def test_char_tokenizer_numbers_sorted_characters():
    tokenizer = CharTokenizer("señal")
    assert tokenizer.characters == ["a", "e", "l", "s", "ñ"]
    assert tokenizer.vocab_size == 5
    assert tokenizer.encode("leña") == [2, 1, 4, 0]
    assert tokenizer.decode([2, 1, 4, 0]) == "leña"
    assert tokenizer.encode("") == []


def test_char_tokenizer_errors():
    with pytest.raises(ValueError, match="got an empty one"):
        CharTokenizer("")
    with pytest.raises(ValueError, match="got 'ñ'"):
        CharTokenizer("abc").encode("ñ")
    for wrong in ([3], [-1]):
        with pytest.raises(ValueError, match="from 0 to 2"):
            CharTokenizer("abc").decode(wrong)
    with pytest.raises(ValueError, match=r"integers, got \[1\.5\]"):
        CharTokenizer("abc").decode([1.5])


# ------------------------------------------------------------ words and pairs


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (GPT2_PATTERN, ["I", "'", "LL", " pay", " 1234", " €...", "\n\n ", " ok", "!", "\n"]),
        (GPT4_PATTERN, ["I", "'LL", " pay", " ", "123", "4", " €...\n\n", " ", " ok", "!\n"]),
    ],
)
def test_split_words_by_hand(pattern, words):
    assert split_words("I'LL pay 1234 €...\n\n  ok!\n", pattern) == words


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=ANY_TEXT)
@settings(max_examples=300)
def test_split_words_equals_tiktokens_split(pattern, text):
    # With bytes alone in its vocabulary, tiktoken gives a word's bytes: the split shows once each
    # word is one token, so each distinct word is made a token of its own.
    words = split_words(text, pattern)
    assert "".join(words) == text
    ranks = {bytes([byte]): byte for byte in range(256)}
    for word in words:
        ranks.setdefault(word.encode(), len(ranks))
    engine = tiktoken.Encoding("split", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    assert engine.encode_ordinary(text) == [ranks[word.encode()] for word in words]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a", "regular expression"),
        (regex.compile("."), "regular expression"),
        (r"(\w)|.", "without"),
        (r"\w+", "matches all text"),
        (r"(?r)\S+|\s+", "matches all text"),
        (r"\S*|\s", "matches all text"),
    ],
)
def test_split_words_rejects_patterns(pattern, message):
    with pytest.raises(ValueError, match=message):
        split_words("a b", pattern)


def test_count_pairs_stays_inside_words():
    assert count_pairs([[1, 2, 1, 2], [2, 3]]) == {(1, 2): 2, (2, 1): 1, (2, 3): 1}
    assert count_pairs([[1], []]) == {}


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([1, 1, 1], [9, 1]),
        ([1, 1, 1, 1], [9, 9]),
        ([2, 1, 1], [2, 9]),
        ([1], [1]),
        ([], []),
        ([1, 2, 1], [1, 2, 1]),
    ],
)
def test_merge_pair_goes_from_left_to_right(ids, expected):
    assert merge_pair(ids, (1, 1), 9) == expected


# ------------------------------------------------------------------- training


def test_training_the_textbook_case():
    # First aa (4 places). Then ab and (aa)a stand twice each; (97, 98) is smaller than (256, 97).
    # Then (aa)(ab).
    assert train_bpe_naive("aaabdaaabac", 3) == [(97, 97), (97, 98), (256, 257)]
    vocab, merges = train_bpe("aaabdaaabac", 259)
    assert merges == [(b"a", b"a"), (b"a", b"b"), (b"aa", b"ab")]
    assert [vocab[i] for i in (256, 257, 258)] == [b"aa", b"ab", b"aaab"]


@given(text=st.text("aab bñ1.", max_size=60), n_merges=st.integers(0, 25))
@example(text="11111111", n_merges=4)  # a pair that comes and goes within one merge
@settings(max_examples=300)
def test_fast_training_equals_naive_training(text, n_merges):
    vocab, merges = train_bpe(text, 256 + n_merges)
    naive = train_bpe_naive(text, n_merges)
    assert [(vocab[left], vocab[right]) for left, right in naive] == merges
    assert len(vocab) == 256 + len(naive)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_training_equals_the_rust_trainer(pattern):
    """The trainer of Hugging Face `tokenizers` breaks ties by its ids, which are made ours here.

    It numbers characters in their order, so each byte is handed to it as one character of a block
    of 256 that follow one another. Its words are cut by our pattern beforehand.
    """
    words = [
        "".join(chr(0x4E00 + byte) for byte in word.encode())
        for word in split_words(STORIES, pattern)
    ]
    engine = tokenizers.Tokenizer(tokenizers.models.BPE())
    engine.train_from_iterator(
        words,
        tokenizers.trainers.BpeTrainer(
            vocab_size=1200,
            initial_alphabet=[chr(0x4E00 + byte) for byte in range(256)],
            show_progress=False,
        ),
    )
    _, merges = train_bpe(STORIES, 1200, pattern=pattern)
    shown = [["".join(chr(0x4E00 + byte) for byte in part) for part in pair] for pair in merges]
    assert json.loads(engine.to_str())["model"]["merges"] == shown
    assert len(merges) > 500


def test_training_stops_when_no_pair_is_left():
    vocab, merges = train_bpe("ab ab", 1000)
    assert merges == [(b"a", b"b"), (b" ", b"ab")]
    assert len(vocab) == 258
    for text, n_tokens in (("", 0), ("a", 1), ("a b", 2)):
        assert len(BPETokenizer.train(text, 300).encode(text)) == n_tokens


def test_nothing_is_learned_across_special_tokens():
    text = f"ab{END}ab{END}ab"
    vocab, merges = train_bpe(text, 300, special_tokens=[END])
    assert merges == [(b"a", b"b")]
    assert vocab[257] == END.encode()
    assert len(vocab) == 258


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocab_size": 255}, "at least 256"),
        ({"vocab_size": 256, "special_tokens": [END]}, "at least 257"),
        ({"vocab_size": 300.5}, "integer of at least 256, got 300.5"),
        ({"vocab_size": 300, "special_tokens": END}, "a sequence of special tokens"),
        ({"vocab_size": 300, "special_tokens": [END, END]}, "that differ"),
        ({"vocab_size": 300, "special_tokens": [""]}, "at least two bytes"),
        ({"vocab_size": 300, "special_tokens": [3]}, "expected text"),
        ({"vocab_size": 300, "special_tokens": None}, "a sequence of special tokens"),
        ({"vocab_size": 300, "pattern": "("}, "regular expression"),
    ],
)
def test_training_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        train_bpe("a text", **arguments)


@pytest.mark.parametrize("text", ["caf\udce9", "\ud83d", b"bytes", None])
def test_bad_text_is_named(text):
    for use in (lambda t: train_bpe(t, 300), BPETokenizer.train("abc", 257).encode):
        with pytest.raises(ValueError, match=r"lone surrogates, got '\\ud|expected text"):
            use(text)


# ------------------------------------------------------------------- encoding


def test_encoding_applies_merges_in_the_order_learned():
    # (b, c) was learned first: "abc" becomes a, bc, although "ab" would come first from the left.
    tokenizer = BPE([(b"b", b"c"), (b"a", b"b")])
    assert [tokenizer.tokens[i] for i in tokenizer.encode("abc ab")] == [b"a", b"bc", b" ", b"ab"]


@given(text=ANY_TEXT)
@settings(max_examples=300)
def test_ids_equal_tiktokens_and_come_back(trained, theirs, text):
    ids = trained.encode(text)
    assert ids == theirs.encode_ordinary(text)
    assert ids == BPE(trained.merges, trained.pattern).encode(text)
    assert trained.decode(ids) == text
    assert trained.decode_bytes(ids) == text.encode()


def test_ids_equal_tiktokens_on_every_known_character(trained):
    text = "".join(
        chr(i) for i in range(0x110000) if unicodedata.category(chr(i)) not in ("Cs", "Cn")
    )
    assert len(text) > 200_000
    assert trained.encode(text) == trained.to_tiktoken().encode_ordinary(text)


@pytest.mark.parametrize("pattern", PATTERNS, ids=["gpt2", "gpt4"])
@pytest.mark.parametrize("name", ["shakespeare", "quijote"])
def test_ids_equal_tiktokens_on_real_texts(name, pattern):
    text = real_text(name)
    tokenizer = BPETokenizer.train(text[:400_000], 2048, pattern=pattern)
    piece = text[200_000:600_000]
    ids = tokenizer.encode(piece)
    assert ids == tokenizer.to_tiktoken().encode_ordinary(piece)
    assert tokenizer.decode(ids) == piece


@given(word=st.text("ab", min_size=90, max_size=400))
@settings(max_examples=100)
def test_long_words_equal_tiktokens(word):
    tokenizer = BPETokenizer.train("abaab babab aaab bbbaa aaaaaaa bbbbbb", 280)
    ids = tokenizer.encode(word)
    assert ids == tokenizer.to_tiktoken().encode_ordinary(word)
    assert ids == BPE(tokenizer.merges).encode(word)


def test_a_word_of_two_megabytes():
    tokenizer = BPETokenizer.train(STORIES, 500)
    word = "".join(random.Random(0).choices("aeiounrstl", k=1000)) * 2000
    ids = tokenizer.encode(word)
    assert tokenizer.decode(ids) == word
    # Merges never look further than a token, so the middle repeats what a shorter word gives.
    short = tokenizer.encode(word[:50_000])
    assert ids[:10_000] == short[:10_000]


def test_training_on_one_word_of_a_megabyte():
    word = "".join(random.Random(0).choices("abc", k=1_000_000))
    vocab, merges = train_bpe(word, 260)
    assert [(vocab[a], vocab[b]) for a, b in train_bpe_naive(word, 4)] == merges


def test_special_tokens_only_where_allowed():
    tokenizer = BPETokenizer.train(STORIES, 400, special_tokens=[END, "<|user|>"])
    text = f"one{END}two<|user|>"
    end, user = tokenizer.special_tokens[END], tokenizer.special_tokens["<|user|>"]
    assert (end, user) == (398, 399)
    assert end not in tokenizer.encode(text)
    assert tokenizer.encode(text, {END}).count(end) == 1
    assert user not in tokenizer.encode(text, {END})
    engine = tokenizer.to_tiktoken()
    for allowed in ((), {END}, "all"):
        ids = tokenizer.encode(text, allowed)
        assert tokenizer.decode(ids) == text
        expected = engine.encode(text, allowed_special=allowed or set(), disallowed_special=())
        assert ids == expected
    with pytest.raises(ValueError, match="special tokens of this tokenizer"):
        tokenizer.encode(text, {"<|nobody|>"})
    for wrong in (END, None, 3):
        with pytest.raises(ValueError, match='or "all"'):
            tokenizer.encode(text, wrong)


def test_special_tokens_may_come_from_any_iterable():
    listed = BPETokenizer.train("text", 300, special_tokens=["<b>", "<a>"])
    assert listed.special_tokens == {"<b>": 259, "<a>": 260}
    drawn = BPETokenizer.train("text", 300, special_tokens=(t for t in ["<b>", "<a>"]))
    assert drawn.special_tokens == listed.special_tokens
    assert list(BPETokenizer.train("text", 300, {"<b>", "<a>"}).special_tokens) == ["<a>", "<b>"]


def test_the_cache_stays_small_and_right(monkeypatch):
    monkeypatch.setattr(BPETokenizer, "_CACHE_WORDS", 3)
    tokenizer = BPETokenizer.train(STORIES, 500)
    assert tokenizer.encode(STORIES[:3000]) == BPE(tokenizer.merges).encode(STORIES[:3000])
    assert 0 < len(tokenizer._cache) <= 3
    tokenizer.encode("x" * 1000)
    assert max(map(len, tokenizer._cache)) <= BPETokenizer._CACHE_CHARACTERS


def test_of_overlapping_special_tokens_the_longest_wins():
    specials = ["<|a|>", "<|a|><|b|>", "|><|"]
    assert split_special("x<|a|><|b|>y<|a|>", specials) == ["x", "<|a|><|b|>", "y", "<|a|>"]
    tokenizer = BPETokenizer.train("text", 300, special_tokens=specials)
    ids = tokenizer.encode("x<|a|><|b|>y<|a|>", "all")
    numbers = tokenizer.special_tokens
    assert ids == [120, numbers["<|a|><|b|>"], 121, numbers["<|a|>"]]


def test_decoding_unknown_ids_and_broken_utf8():
    tokenizer = BPETokenizer.train("text", 258)
    assert tokenizer.decode([0xC3]) == "\ufffd"
    assert tokenizer.decode([0xC3, 0xB1]) == "ñ"
    assert tokenizer.decode(np.array([116, 101])) == "te"
    assert tokenizer.decode([]) == ""
    for wrong in (len(tokenizer.vocab), -1):
        with pytest.raises(ValueError, match=f"got {wrong}"):
            tokenizer.decode([wrong])
    for wrong in (["a"], [1.0], 5, [None]):
        with pytest.raises(ValueError, match="integers"):
            tokenizer.decode(wrong)
    for wrong in ([-1], [258]):
        with pytest.raises(ValueError, match="from 0 to 257"):
            BPE(tokenizer.merges).decode(wrong)


# ------------------------------------------------------------------- streams


SPACED = "<| end of text |>"
LONGER = END + "<|x|>"  # begins as another special token does
WHITE = "".join(
    random.Random(0).choices(["\r\n", "\n", " ", "  ", "\t", "a", "b.", "'s", ","], k=4000)
)


@pytest.fixture(scope="module", params=PATTERNS, ids=["gpt2", "gpt4"])
def whitespace(request):
    """A tokenizer with merges of spaces and line ends, where a wrong cut shows."""
    return BPETokenizer.train(
        WHITE, 400, special_tokens=[SPACED, END, LONGER], pattern=request.param
    )


@given(
    pieces=st.lists(
        st.text("ab'1.,\"\r\n \t\u00a0\u2028é", max_size=8)
        | st.sampled_from(
            [SPACED, "<| end", " of text |>", END, LONGER, "<|x|>", "  ", "\n ", "\r\n\r\n", "'l"]
        )
    )
)
@example(pieces=["x", END + "<|", "x|>"])  # the end of a special token is not in sight yet
@settings(max_examples=1000)
def test_a_stream_gives_the_ids_of_the_whole(whitespace, pieces):
    whole = "".join(pieces)
    assert list(whitespace.encode_iterable(pieces)) == whitespace.encode(whole)
    assert list(whitespace.encode_iterable(pieces, "all")) == whitespace.encode(whole, "all")


def test_a_stream_of_another_pattern_waits_for_the_end():
    pattern = r"[^.]*\.|\S+|\s+"
    tokenizer = BPETokenizer.train("a b. c", 262, pattern=pattern)
    assert list(tokenizer.encode_iterable(["a b", ". c"])) == tokenizer.encode("a b. c")


@pytest.mark.parametrize("line", ['  "abc",\n', "x" * 9, "\n", "a b\n"])
def test_a_stream_looks_at_each_character_a_few_times(trained, line, monkeypatch):
    looked_at = []
    safe_cut = BPETokenizer._safe_cut

    def count(self, text, *arguments):
        looked_at.append(len(text))
        return safe_cut(self, text, *arguments)

    monkeypatch.setattr(BPETokenizer, "_safe_cut", count)
    assert list(trained.encode_iterable([line] * 3000)) == trained.encode(line * 3000)
    assert sum(looked_at) < 5 * 3000 * len(line)


def test_a_stream_is_lazy(trained):
    def pieces():
        yield "one two three "
        yield "four "
        raise RuntimeError("read too far")

    stream = trained.encode_iterable(pieces())
    assert next(stream) == trained.encode("one two three four")[0]


def test_a_stream_needs_constant_memory():
    code = """
import random, resource, sys, tracemalloc
from lessons_lib.tokens import BPETokenizer
words = "el perro y la niña vieron un barco en the big sea with many fish".split()
forms = [word + vowel * n for word in words for vowel in "aeiou" for n in range(4)]
draw = random.Random(0)
def pieces(n_pieces):
    for _ in range(n_pieces):
        yield " ".join(draw.choices(forms, k=12_000))[:50_000] + " "
tokenizer = BPETokenizer.train(" ".join(words), 320)
tracemalloc.start()
peaks = []
for n_pieces in (10, 40):
    tracemalloc.reset_peak()
    assert sum(1 for _ in tokenizer.encode_iterable(pieces(n_pieces))) > 1000
    peaks.append(tracemalloc.get_traced_memory()[1])
print(peaks[1] / peaks[0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.5  # four times the text; the rest is the cache filling up


# ---------------------------------------------- vocabularies from elsewhere


def test_from_merges_keeps_published_ids():
    """GPT-2 numbers its bytes in the order of their visible characters, and its end token last."""
    shown = byte_characters()
    order = sorted(range(256), key=lambda byte: shown[byte])
    merges = [(b" ", b"t"), (b" ", b"a"), (b"h", b"e")]
    vocab = dict(enumerate([bytes([b]) for b in order] + [a + b for a, b in merges]))
    tokenizer = BPETokenizer.from_merges(vocab, merges, {END: 50256})
    # In GPT-2's published vocabulary "!" is 0, "A" is 32, " t" is 256 and " a" is 257.
    assert tokenizer.encode("!A t a") == [0, 32, 256, 257]
    assert tokenizer.encode(END, "all") == [50256]
    assert tokenizer.vocab_size == 50257
    assert tokenizer.to_tiktoken().encode("!A t a") == [0, 32, 256, 257]
    listed = BPETokenizer.from_merges(vocab, merges, [END, "<|pad|>"])
    assert listed.special_tokens == {END: 259, "<|pad|>": 260}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v, m: v.pop(97), "1 missing"),
        (lambda v, m: v.update({300: b"zz"}), "1 surplus"),
        (lambda v, m: v.update({300: b"a"}), "one token twice"),
        (lambda v, m: v.update({-1: v.pop(97)}), "at least 0, got -1"),
        (lambda v, m: (v.update({300: b"qzz"}), m.append((b"q", b"zz"))), "merges of tokens"),
        (lambda v, m: m.append((b"a", "n")), "pairs of bytes"),
        (lambda v, m: m.append((b"a",)), "pairs of bytes"),
        (lambda v, m: v.update({97: "a"}), "ids and bytes"),
    ],
)
def test_from_merges_errors(change, message):
    vocab, merges = train_bpe("banana bandana", 259)
    change(vocab, merges)
    with pytest.raises(ValueError, match=message):
        BPETokenizer.from_merges(vocab, merges)


def test_several_pairs_may_make_one_token():
    """Files derived from tiktoken's list every pair that makes a token, not one."""
    merges = [(b"b", b"c"), (b"a", b"b"), (b"ab", b"c"), (b"a", b"bc")]
    tokens = [bytes([byte]) for byte in range(256)] + [b"bc", b"ab", b"abc"]
    tokenizer = BPETokenizer.from_merges(dict(enumerate(tokens)), merges)
    assert tokenizer.encode("abc") == tokenizer.to_tiktoken().encode("abc") == [258]
    assert tokenizer.encode("abc" * 50) == tokenizer.to_tiktoken().encode("abc" * 50)


def test_tiktoken_is_refused_merges_that_it_would_not_follow():
    vocab = dict(enumerate([bytes([b]) for b in range(256)] + [b"bc", b"ab", b"abc"]))
    tokenizer = BPETokenizer(vocab, [(b"b", b"c"), (b"a", b"b"), (b"ab", b"c")])
    assert tokenizer.encode("abc") == [97, 256]  # tiktoken would join these two
    with pytest.raises(ValueError, match="got none to b'abc'"):
        tokenizer.to_tiktoken()


def test_special_tokens_have_ids_of_their_own():
    vocab, merges = train_bpe("banana bandana", 259)
    with pytest.raises(ValueError, match="apart from ordinary ones"):
        BPETokenizer.from_merges(vocab, merges, ["ban"])
    for numbers in ({END: 97}, {END: 400, "<|b|>": 400}):
        with pytest.raises(ValueError, match="ids of their own"):
            BPETokenizer.from_merges(vocab, merges, numbers)


def test_tiktoken_needs_ids_in_the_order_of_the_merges():
    vocab, merges = train_bpe("banana bandana", 259)
    vocab[256], vocab[257] = vocab[257], vocab[256]
    tokenizer = BPETokenizer.from_merges(vocab, merges)
    assert tokenizer.decode(tokenizer.encode("banana")) == "banana"
    with pytest.raises(ValueError, match="order of the merges"):
        tokenizer.to_tiktoken()


# ----------------------------------------------------------------------- files


def test_files_come_back_whole(trained, tmp_path):
    path = tmp_path / "tokenizer.json"
    trained.save(path)
    loaded = BPETokenizer.load(path)
    for name in ("vocab", "merges", "special_tokens", "user_defined", "pattern"):
        assert getattr(loaded, name) == getattr(trained, name)
    assert loaded.encode(STORIES[:2000] + END, "all") == trained.encode(STORIES[:2000] + END, "all")
    text = path.read_text(encoding="utf-8")
    assert '"Ġ t' in text  # readable: a merge of a space and a letter
    assert os.listdir(tmp_path) == ["tokenizer.json"]


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizer = BPETokenizer.train("banana bandana ñandú", 270, [END])
    tokenizer.save(path)
    merges, whole = tokenizer.merges, path.read_bytes()
    draw = random.Random(0)
    damaged = [whole[:cut] for cut in range(0, len(whole), 97)]
    for _ in range(300):
        place = draw.randrange(len(whole))
        damaged.append(whole[:place] + bytes([draw.randrange(256)]) + whole[place + 1 :])
    damaged += [b"", b"[]", b"{}", b"null", b"\xff\xfe", b"[" * 100_000, whole * 2]
    refused = 0
    for data in damaged:
        path.write_bytes(data)
        try:  # a changed line end, say, leaves the content as it was
            assert BPETokenizer.load(path).merges == merges
            assert json.loads(data) == json.loads(whole)
        except ValueError as error:
            assert "expected a tokenizer file" in str(error)  # noqa: PT017
            refused += 1
    assert refused > 250


def test_saving_keeps_links_and_permissions(tmp_path):
    path, link = tmp_path / "real.json", tmp_path / "link.json"
    tokenizer = BPETokenizer.train("banana", 258)
    tokenizer.save(path)
    path.chmod(0o600)
    link.symlink_to(path)
    tokenizer.save(link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600
    tokenizer.save(tmp_path / ("a" * 240 + ".json"))


def test_transformers_opens_what_is_saved(trained, tmp_path):
    trained.save_pretrained(tmp_path)
    engine = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = STORIES[:5000] + f"{END} IT'S 12345 ¿qué?\r\n\n  \t x \n \n"
    assert engine.encode(text).ids == trained.encode(text, "all")
    automatic = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert automatic(text)["input_ids"] == trained.encode(text, "all")
    assert automatic.decode(trained.encode(text)) == text
    back = BPETokenizer.from_pretrained(tmp_path)
    assert (back.vocab, back.merges) == (trained.vocab, trained.merges)
    assert (back.pattern, back.special_tokens) == (trained.pattern, trained.special_tokens)


@given(text=ANY_TEXT)
@settings(max_examples=200)
def test_ids_equal_those_of_tokenizers(trained, text, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / f"saved-{len(trained.pattern)}"
    if not folder.exists():
        trained.save_pretrained(folder)
    engine = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert engine.encode(text).ids == trained.encode(text)


def test_tokenizer_files_of_other_kinds_are_refused(tmp_path):
    BPETokenizer.train("banana", 258).save_pretrained(tmp_path)
    path = tmp_path / "tokenizer.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    changes = [
        {"model": whole["model"] | {"type": "Unigram"}},
        {"model": whole["model"] | {"merges": [["q", "z"]]}},
        {"normalizer": {"type": "Lowercase"}},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}},
        {"pre_tokenizer": None},
    ]
    for data in [
        b"",
        b"{}",
        path.read_bytes()[:-20],
        *(json.dumps(whole | c).encode() for c in changes),
    ]:
        path.write_bytes(data)
        with pytest.raises(ValueError, match="expected a byte-level tokenizer"):
            BPETokenizer.from_pretrained(tmp_path)
    with pytest.raises(FileNotFoundError):
        BPETokenizer.from_pretrained(tmp_path / "nowhere")


def test_the_end_is_carried_and_not_guessed(tmp_path):
    ends = ["<|user|>", "<|stop|>", "<|not the end|>"]
    tokenizer = BPETokenizer.train("banana bandana", 265, ends, end="<|stop|>")
    assert (tokenizer.end, tokenizer.end_id) == ("<|stop|>", tokenizer.special_tokens["<|stop|>"])
    again = BPETokenizer.from_merges(
        tokenizer.vocab, tokenizer.merges, tokenizer.special_tokens, end="<|stop|>"
    )
    tokenizer.save(tmp_path / "own.json")
    tokenizer.save_pretrained(tmp_path)
    opened = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert (opened.eos_token, opened.eos_token_id) == ("<|stop|>", tokenizer.end_id)
    for other in (
        again,
        BPETokenizer.load(tmp_path / "own.json"),
        BPETokenizer.from_pretrained(tmp_path),
    ):
        assert (other.end, other.end_id) == ("<|stop|>", tokenizer.end_id)
    settings_path = tmp_path / "tokenizer_config.json"
    for eos, end in [
        ("<|user|>", "<|user|>"),
        ({"content": "<|user|>", "lstrip": False, "__type": "AddedToken"}, "<|user|>"),
        (None, None),
    ]:
        settings_path.write_text(json.dumps({"eos_token": eos}), encoding="utf-8")
        assert BPETokenizer.from_pretrained(tmp_path).end == end
    for data in (b'{"eos_token": "<|nobody|>"}', b'{"eos_token": 3}', b"[]", b"{", b"[" * 10**5):
        settings_path.write_bytes(data)
        with pytest.raises(ValueError, match="expected a byte-level tokenizer"):
            BPETokenizer.from_pretrained(tmp_path)
    settings_path.unlink()
    none = BPETokenizer.from_pretrained(tmp_path)
    assert (none.end, none.end_id) == (None, None)
    none.save_pretrained(tmp_path)
    assert BPETokenizer.from_pretrained(tmp_path).end is None
    for wrong in ("<|nobody|>", "banana", 3, [], ""):
        with pytest.raises(ValueError, match="expected the end among the special tokens"):
            BPETokenizer.train("banana", 260, ends, end=wrong)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "tokenizer.json"
    BPETokenizer.train("old old", 258).save(path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        BPETokenizer.train("new new", 258).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["tokenizer.json"]
    with pytest.raises(FileNotFoundError):
        BPETokenizer.load(tmp_path / "nothing.json")


# ------------------------------------------------------------------ the rest


def test_byte_characters_are_visible_and_differ():
    shown = byte_characters()
    assert sorted(shown) == list(range(256))
    assert len(set(shown.values())) == 256
    assert all(regex.fullmatch(r"[^\s\p{C}]", c) for c in shown.values())
    assert (shown[ord(" ")], shown[ord("\n")], shown[ord("~")]) == ("Ġ", "Ċ", "~")
    # `tokenizers` carries the same table for the models that use it.
    assert sorted(shown.values()) == sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())


def test_embed_is_a_product_with_one_hot_rows():
    table = np.random.default_rng(0).normal(size=(5, 3))
    ids = np.array([[4, 0], [2, 2]])
    assert embed(ids, table).shape == (2, 2, 3)
    np.testing.assert_array_equal(embed(ids, table), np.eye(5)[ids] @ table)
    assert embed([], table).shape == (0, 3)
    assert embed([[]], table).shape == (1, 0, 3)
    assert embed(2, table).shape == (3,)
    for wrong in ([5], [-1]):
        with pytest.raises(ValueError, match="from 0 to 4"):
            embed(wrong, table)
    with pytest.raises(ValueError, match="integer token ids"):
        embed([0.5], table)


def test_measures():
    assert tokens_per_word(6, "una casa azul") == 2
    assert bits_per_byte([7] * 10, 10) == 0
    assert bits_per_byte(list(range(256)), 256) == pytest.approx(8, abs=1e-12)
    assert bits_per_byte([1, 1, 1, 2], 4) == pytest.approx(0.811278, abs=1e-6)
    assert bits_per_byte(torch.tensor([1, 1, 2, 2]), 8) == 0.5
    assert f"{bits_per_byte(np.array([3]), 1):.2f}" == "0.00"
    for wrong in (
        lambda: tokens_per_word(1, "  "),
        lambda: tokens_per_word(1, None),
        lambda: bits_per_byte([], 3),
        lambda: bits_per_byte([1], 0),
    ):
        with pytest.raises(ValueError, match="expected"):
            wrong()


def test_a_chain_remembers_every_place():
    chain = TokenChain([b"aab", b"ab"])
    assert dict(chain.places) == {(97, 97): [1], (97, 98): [2, 5]}
    assert list(chain.merge((97, 98), 256)) == [(1, (97, 97), (97, 256))]
    assert [i for i in chain.ids if i >= 0] == [97, 256, 256]


def test_the_module_needs_no_torch():
    code = "import sys, lessons_lib.tokens; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert set(module.__all__) <= set(dir(module))
