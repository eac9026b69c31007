"""Tokenizers in GGUF files: cut and numbered as llama.cpp does, or refused by name."""

import contextlib
import time

import pytest
import torch

from lessons_lib.generation import Sampling, generate
from lessons_lib.gguf import (
    PRE_NAMES,
    PRE_TOKENIZERS,
    gguf_bytes,
    load_gguf,
    parse_gguf,
    read_gguf,
    read_tokenizer,
    to_gguf_tensors,
    write_config,
    write_gguf,
    write_tensors,
    write_tokenizer,
)
from lessons_lib.gguf.vocabulary import check_apart
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.tokens import GPT2_PATTERN, GPT4_PATTERN, BPETokenizer
from lessons_lib.training import story_model
from tests.llama_cpp_models import ask, tell

END = "<|end|>"
TEXT = "Una niña vio 12 peces; a girl saw 345 fish. 日本の猫 🐟 مرحبا\r\n\t¿Qué? I'll see.\n\n" * 4
TOKENIZER = BPETokenizer.train(TEXT, 320, special_tokens=[END], end=END)
V = TOKENIZER.vocab_size
BYTES = {i: bytes([i]) for i in range(256)}
LLAMA = PRE_TOKENIZERS["llama-bpe"]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.gguf"


def write(path, entries):
    """A file with these entries of a tokenizer, and a model with a row for each token."""
    entries = {f"tokenizer.ggml.{name}": value for name, value in entries.items()}
    sizes = {"context_length": 64, "d_model": 32, "n_heads": 2, "n_layers": 1, "d_ff": 32}
    model = Llama(LlamaConfig(len(entries["tokenizer.ggml.tokens"]), **sizes))
    tensors = to_gguf_tensors(model.state_dict(), model.config).items()
    tensors = {name: (tensor.numpy(), "F32") for name, tensor in tensors}
    write_tensors(path, write_config(model.config) | entries, tensors)
    return path


def entries_of(tokenizer=TOKENIZER, **changes):
    found = write_tokenizer(tokenizer, tokenizer.vocab_size)
    found = {name.removeprefix("tokenizer.ggml."): value for name, value in found.items()}
    return {name: value for name, value in (found | changes).items() if value is not None}


def more_tokens(*tokens, **changes):
    """The entries of the tokenizer above with more tokens: text and type."""
    found = entries_of()
    found["tokens"] = [*found["tokens"], *(text for text, _ in tokens)]
    found["token_type"] = [*found["token_type"], *(kind for _, kind in tokens)]
    return {name: value for name, value in (found | changes).items() if value is not None}


def check_alike(path, texts):
    """llama.cpp's ids, with special tokens and without, also after writing the file anew."""
    read = read_tokenizer(read_gguf(path))
    again = path.with_name("again.gguf")
    model, tokenizer = load_gguf(path)
    write_gguf(again, model, tokenizer)
    once_more = read_tokenizer(read_gguf(again))
    for special, allowed in ((False, ()), (True, "all")):
        expected = ask(path, texts, special=special)["ids"]
        assert [read.encode(text, allowed) for text in texts] == expected
        assert [once_more.encode(text, allowed) for text in texts] == expected
        assert ask(again, texts, special=special)["ids"] == expected
    return read


def refused(entries, message):
    entries = {f"tokenizer.ggml.{name}": value for name, value in entries.items()}
    with pytest.raises(ValueError, match=message) as error:
        read_tokenizer(parse_gguf(gguf_bytes(entries, {})))
    assert len(str(error.value)) < 500


# ------------------------------------------------------------------------------------ cuts by name


@pytest.mark.parametrize("pre", PRE_NAMES)
def test_every_name_of_a_cut(path, pre):
    texts = ["It's 12345 o'clock, DON'T! x  \n\n y <|end|> ñ 日本 12 '", "a\r\n\tb  c 1 22 333 ?!"]
    write(path, entries_of(pre=pre))
    expected = ask(path, texts)["ids"]
    assert [read_tokenizer(read_gguf(path)).encode(text) for text in texts] == expected


@pytest.mark.parametrize("pre", [None, "default", "deepseek-v3", "gpt-4o", "tekken", "", "GPT-2"])
def test_cuts_that_are_not_here(pre):
    refused(entries_of(pre=pre), rf"cut as one of \['gpt-2', .*, got 'gpt2', cut as '{pre}'$")


@pytest.mark.parametrize("model", ["llama", "bert", "t5", "gpt-2", None, 7])
def test_other_tokenizers(model):
    refused(entries_of(model=model), rf"expected the tokenizer gpt2, .*, got {model!r}, cut as")


def test_whole_words_come_first_for_llama(path):
    """The merges make "a bc" of "abc", and never the token "abc"."""
    vocab = BYTES | {256: b"bc", 257: b"ab", 258: b"abc"}
    merges = [(b"b", b"c"), (b"a", b"b"), (b"ab", b"c")]
    texts = ["abc", " abc", "abcabc", "abc!"]
    for whole, pre in ((True, "llama-bpe"), (False, "dbrx")):
        tokenizer = BPETokenizer(vocab, merges, pattern=LLAMA, ignore_merges=whole)
        entries = entries_of(tokenizer)
        assert entries["pre"] == pre
        read = check_alike(write(path, entries), texts)
        assert read.ignore_merges is whole
        assert read.encode("abc") == ([258] if whole else [97, 256])


def test_whole_words_come_first_for_llama_only():
    tokenizer = BPETokenizer(BYTES, [], ignore_merges=True)
    with pytest.raises(ValueError, match=r"pattern of PRE_TOKENIZERS, got .*, ignore_merges True"):
        write_tokenizer(tokenizer, 256)


@pytest.mark.parametrize("kind", [2, 3, 4, 5])
def test_tokens_that_could_be_words(path, kind):
    """Where words are looked up first, llama.cpp finds "Ġdog" of any type."""
    entries = more_tokens(("Ġdog", kind), pre="llama-bpe")
    write(path, entries)
    assert ask(path, [" dog"])["ids"] == [[V]]
    refused(entries, "expected control and unused tokens that are no words, got  dog$")
    write(path, entries | {"pre": "gpt-2"})
    assert check_alike(path, [" dog", "Ġdog"]).encode(" dog") != [V]


# ---------------------------------------------------------------------------------- types of tokens


def test_types_of_tokens(path):
    """Always, where special tokens are parsed, and never."""
    tokens = [("<think>", 4), ("</think>", 4), ("<s>", 3), ("<what>", 2), ("<never>", 5), ("  ", 4)]
    texts = [
        "a<think>b</think>",
        "<s> a <what>",
        "<never><never>",
        "a  b   c     d",
        f"{END}x{END}",
    ]
    read = check_alike(write(path, more_tokens(*tokens)), texts)
    assert read.user_defined == {"<think>": V, "</think>": V + 1, "  ": V + 5}
    assert read.special_tokens == {END: V - 1, "<s>": V + 2, "<what>": V + 3}
    assert read.encode("<think>") == [V]
    assert len(read.encode("<s>")) > 1


def test_without_types_all_are_ordinary_but_the_known_ends(path):
    """Old files of GPT-2 have no types; llama.cpp knows its end by its text."""
    entries = more_tokens(("<|endoftext|>", 1), token_type=None, eos_token_id=V)
    read = check_alike(write(path, entries), [f"a<|endoftext|>b{END}"])
    assert read.special_tokens == {END: V - 1, "<|endoftext|>": V}
    assert (read.end, read.end_id) == ("<|endoftext|>", V)


def test_more_types_than_tokens(path):
    entries = entries_of()
    entries["token_type"] = [*entries["token_type"], 3, 6, 99]
    assert check_alike(write(path, entries), [TEXT]).vocab == TOKENIZER.vocab


@pytest.mark.parametrize(
    ("token", "kind", "special"),
    [
        ("<|im_end|>", 1, True),
        ("<|im_end|>", 4, True),
        ("</s>", 5, True),
        ("<｜end▁of▁sentence｜>", 1, True),
        ("[EOS]", 1, True),
        ("<|channel|>", 3, False),
        ("<|start|>", 1, False),
        ("<|fim_prefix|>", 3, True),
    ],
)
def test_texts_that_llama_cpp_knows(path, token, kind, special):
    read = check_alike(write(path, more_tokens((token, kind))), [f"a{token}b {token}"])
    assert token in (read.special_tokens if special else read.user_defined)


@pytest.mark.parametrize("others", [["<|return|>", "<|call|>"], ["<|calls|>", "<|flush|>"]])
def test_ends_within_a_conversation(path, others):
    """In the vocabularies of gpt-oss and Solar, <|end|> ends a message and is always recognised."""
    read = check_alike(write(path, more_tokens(*((t, 3) for t in others))), [f"a{END}b{others[0]}"])
    assert read.user_defined == {END: V - 1}
    assert read.end is None


@pytest.mark.parametrize("kind", [0, 6, 7, -1])
def test_types_without_meaning(kind):
    refused(more_tokens(("<x>", kind)), rf"tokens of the types \(1, 2, 3, 4, 5\), got \[{kind}\]")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": None}, r"ggml\.tokens to be a list of texts, got None"),
        ({"tokens": 7}, r"ggml\.tokens to be a list of texts, got 7"),
        ({"tokens": "abc"}, r"ggml\.tokens to be a list of texts, got 'abc'"),
        ({"tokens": [1] * V}, r"ggml\.tokens to be a list of texts, got <320 values: 1, 1"),
        ({"tokens": ["a"] * V}, "expected tokens that differ, got a 320 times"),
        ({"tokens": ["a"]}, "expected a token for each byte, got none for"),
        ({"token_type": [1] * (V - 1)}, "expected a type for each of 320 tokens, got 319"),
        ({"token_type": "x" * V}, r"token_type to be a list of integers"),
        ({"token_type": [1.0] * V}, r"token_type to be a list of integers"),
        ({"token_type": [3] * V}, "expected special tokens that cannot overlap, got"),
        ({"merges": None}, r"ggml\.merges to be a list of texts, got None"),
        ({"merges": [1]}, r"ggml\.merges to be a list of texts"),
        ({"merges": ["a"]}, "byte-level tokenizer"),
        ({"merges": ["a b c"]}, "byte-level tokenizer"),
        ({"merges": ["日 本"]}, "byte-level tokenizer"),
        ({"merges": ["x y"]}, "byte-level tokenizer"),
        ({"merges": ["xyz q"]}, "byte-level tokenizer"),
        ({"eos_token_id": "end"}, "eos_token_id to be an integer of at least 0, got 'end'"),
        ({"eos_token_id": -1}, "eos_token_id to be an integer of at least 0, got -1"),
        ({"eos_token_id": [319]}, "eos_token_id to be an integer of at least 0"),
    ],
)
def test_tokenizers_that_cannot_be_read(changes, message):
    refused(entries_of(**changes), message)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([("<|fim_prefix|>", 1)], "expected <|fim_prefix|> to be of type 3, control, got 1"),
        ([("[PAD]", 4)], r"expected \[PAD\] to be of type 3, control, got 4"),
        ([("<|tool_response>", 3), ("</s>", 3)], "expected <|tool_response> or </s>, got both"),
        ([("<x", 3), ("xyz", 4)], "expected special tokens that cannot overlap, got <x and xyz"),
        ([("x" * 1025, 3)], "expected special tokens of at most 1024 bytes, got x"),
        ([("\N{SNOWMAN}", 1)], "byte-level tokenizer"),
        ([("zebra", 1)], "byte-level tokenizer"),
        ([("a", 3)], "expected tokens that differ, got a 2 times"),
        ([("", 1)], "byte-level tokenizer"),
    ],
)
def test_tokens_that_cannot_be_read(tokens, message):
    refused(more_tokens(*tokens), message.replace("|", r"\|"))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("add_eos_token", True, "tokenizer.ggml.add_eos_token: expected a tokenizer without this"),
        ("add_sep_token", True, "expected a tokenizer without this, got True"),
        ("precompiled_charsmap", [1], "precompiled_charsmap: expected a tokenizer without this"),
        ("remove_extra_whitespaces", True, "expected a tokenizer without this"),
        ("add_bos_token", "yes", "expected true or false, got 'yes'"),
    ],
)
def test_settings_that_are_not_done_here_are_refused(name, value, message):
    refused(entries_of(**{name: value}), message)


def test_settings_that_say_no_are_read(path):
    check_alike(write(path, entries_of(add_eos_token=False, add_sep_token=False)), [TEXT])


def test_names_of_phi3_are_refused():
    entries = write_tokenizer(TOKENIZER, V)
    for name in ("Phi-3 mini", "my phi3"):
        with pytest.raises(ValueError, match="expected no Phi-3"):
            read_tokenizer(parse_gguf(gguf_bytes(entries | {"general.name": name}, {})))


def test_empty_tokens_get_a_name(path):
    check_alike(write(path, more_tokens(("", 5), ("", 5), ("", 3))), ["a", f"[EMPTY_{V + 2}]"])


# -------------------------------------------------------------------------- special tokens in a row


def test_why_tokens_that_overlap_are_refused(path):
    """llama.cpp finds the longest first, wherever it stands."""
    write(path, more_tokens(("<x", 4), ("xyz", 4)))
    assert ask(path, ["<xyz"])["ids"] == [[60, V + 1]]


def test_spaces_in_a_row(path):
    """As in the vocabularies of code: runs of spaces, which overlap and are found alike."""
    tokens = [(" " * n, 4) for n in (2, 3, 4, 7, 8)] + [("<a>", 4), ("<a><a>", 3)]
    texts = ["x" + " " * n + "y" + " " * (n // 2) for n in range(1, 40)]
    check_alike(write(path, more_tokens(*tokens)), [*texts, "<a><a><a>", "<a> <a><a><a><a>"])


@pytest.mark.parametrize(
    ("texts", "apart"),
    [
        (["<a>", "<b>"], True),
        (["  ", "   ", "     "], True),
        (["ab", "xaby"], True),
        (["ab", "abc", "abcd"], True),
        (["ab", "ba"], False),
        (["ab", "bc"], False),
        (["abc", "cd"], True),  # the longer one first, from the left too
        (["ab", "bcd"], False),
        (["aba", "aba"], True),
        (["ñ<", "<abc"], False),
        (["<|>", ">|<|"], False),
    ],
)
def test_tokens_apart(texts, apart):
    with contextlib.nullcontext() if apart else pytest.raises(ValueError, match="cannot overlap"):
        check_apart(texts)


@pytest.mark.parametrize(
    "texts",
    [
        [" " * n for n in range(1, 1025)],
        [f"{i:x}" * 100 for i in range(10_000)],
        ["ab" * n for n in range(1, 500)] + ["ba" * n for n in range(1, 500)],
    ],
    ids=["runs", "numbers", "pairs"],
)
def test_comparing_tokens_takes_no_longer_than_it_may(texts):
    start = time.process_time()
    with pytest.raises(ValueError, match="overlap"):
        check_apart(texts)
    assert time.process_time() - start < 10


def test_runs_of_spaces_are_apart():
    check_apart([" " * n for n in range(1, 100)] + ["\t" * n for n in range(1, 20)])


# -------------------------------------------------------------------------------- merges and bytes


def test_merges_in_any_order(path):
    """A merge before those of its parts, and the higher one first."""
    vocab = BYTES | {256: b"abc", 257: b"bc", 258: b"ab", 259: b"ca"}
    for merges in (["ab c", "b c", "a b", "c a"], ["c a", "a b", "ab c", "b c"], ["a bc", "b c"]):
        pairs = [tuple(part.encode() for part in merge.split()) for merge in merges]
        made = {left + right for left, right in pairs}
        tokens = dict(enumerate([*BYTES.values(), *(t for t in vocab.values() if t in made)]))
        tokenizer = BPETokenizer(tokens, pairs)
        texts = ["abc", "abcabc", "aabbcc", "cabcab bcabca", "ca"]
        check_alike(write(path, entries_of(tokenizer)), texts)


def test_several_merges_make_one_token(path):
    """Each has its own rank."""
    vocab = BYTES | {256: b"ab", 257: b"bc", 258: b"abc"}
    merges = [(b"ab", b"c"), (b"b", b"c"), (b"a", b"b"), (b"a", b"bc")]
    texts = ["abc", "abcabc", "ab bc", "aabcc"]
    check_alike(write(path, entries_of(BPETokenizer(vocab, merges))), texts)


def test_of_a_merge_given_twice_the_first_counts(path):
    vocab = BYTES | {256: b"ab", 257: b"bc"}
    entries = entries_of(BPETokenizer(vocab, [(b"a", b"b"), (b"b", b"c")]))
    entries["merges"] = ["a b", "b c", "a b"]
    read = check_alike(write(path, entries), ["abc"])
    assert read.encode("abc") == [256, 99]


def test_bytes_that_no_text_has_may_be_missing(path):
    order = [byte for byte in range(256) if byte not in (0xC0, 0xC1, 0xF5, 0xFF)]
    tokenizer = BPETokenizer(
        {i: bytes([byte]) for i, byte in enumerate(order)}, [], {END: 252}, drop_unknown=True
    )
    check_alike(write(path, entries_of(tokenizer)), [TEXT, END])
    assert "Á" not in entries_of(tokenizer)["tokens"]  # as the byte C1 is shown


@pytest.mark.parametrize("byte", [0, 0x41, 0xC2, 0xF4])
def test_other_bytes_may_not(byte):
    vocab = {i: token for i, token in BYTES.items() if i != byte}
    with pytest.raises(ValueError, match=r"expected a token for each byte, got none for \[b'"):
        write_tokenizer(BPETokenizer(vocab, [], drop_unknown=True), 256)
    entries = entries_of(BPETokenizer(BYTES, []))
    del entries["tokens"][byte], entries["token_type"][byte]
    refused(entries, r"expected a token for each byte, got none for \[b'")


# -------------------------------------------------------------------------------- ends and the rest


@pytest.mark.parametrize("end", ["<|fin|>", "<|end|>", None])
def test_the_end_is_carried(path, end):
    """Not guessed from names: the last special token, whose name means nothing, or none."""
    tokenizer = BPETokenizer.train(TEXT, 300, ["<|end|>", "<x>", "<|fin|>"], end=end)
    entries, read = read_back(tokenizer)
    expected = 0 if end is None else tokenizer.special_tokens[end]
    assert entries["tokenizer.ggml.eos_token_id"] == expected
    assert (read.end, read.end_id) == (end, None if end is None else expected)
    assert read_back(read)[0] == entries


def test_ends_outside_the_vocabulary_are_none():
    entries = write_tokenizer(TOKENIZER, V)
    for end in (V, 2**32 - 1):
        file = parse_gguf(gguf_bytes(entries | {"tokenizer.ggml.eos_token_id": end}, {}))
        assert read_tokenizer(file).end is None


SIZES = {"context_length": 64, "d_model": 32, "n_heads": 2, "n_layers": 1, "d_ff": 32}


@pytest.mark.parametrize("ids", [(), (7,), (7, 300), (300, 7, 65)])
def test_ends_of_the_model(path, ids):
    """Where the tokenizer has none, the model's configuration says it; at most three."""
    tokenizer = BPETokenizer.train(TEXT, 320, [END])
    model = Llama(LlamaConfig(320, **SIZES, end_ids=ids))
    write_gguf(path, model, tokenizer)
    loaded, read = load_gguf(path)
    assert loaded.config.end_ids == ids
    assert read.end is None
    names = [f"tokenizer.ggml.{name}_token_id" for name in ("eos", "eot", "eom")]
    found = read_gguf(path).metadata
    assert tuple(found[name] for name in names if name in found) == (ids or (0,))
    again = path.with_name("again.gguf")
    write_gguf(again, loaded, read)
    assert read_gguf(again).metadata["tokenizer.ggml.eos_token_id"] == (ids or (0,))[0]
    assert load_gguf(again)[0].config.end_ids == ids


def test_ends_of_model_and_tokenizer(path):
    """The tokenizer's comes first; if the model's are others, nothing is written."""
    write_gguf(path, Llama(LlamaConfig(V, **SIZES, end_ids=(7, V - 1))), TOKENIZER)
    assert load_gguf(path)[0].config.end_ids == (V - 1, 7)
    assert load_gguf(path)[1].end == END
    write_gguf(path, Llama(LlamaConfig(V, **SIZES)), TOKENIZER)
    assert load_gguf(path)[0].config.end_ids == (V - 1,)
    path.unlink()
    for ids, message in (((7,), "one of"), ((V - 1, 1, 2, 3), "at most 3 tokens that end a text")):
        with pytest.raises(ValueError, match=message):
            write_gguf(path, Llama(LlamaConfig(V, **SIZES, end_ids=ids)), TOKENIZER)
    assert not path.exists()


def test_llama_cpp_stops_where_the_book_stops(path):
    """The end has a name that llama.cpp does not know, so it has to be the one of the file."""
    model, own = story_model("en")
    end_id = own.end_id
    vocab = {i: token for i, token in own.vocab.items() if i != end_id}
    tokenizer = BPETokenizer(vocab, own.merges, {"<|fin|>": end_id}, own.pattern, "<|fin|>")
    write_gguf(path, model, tokenizer)
    start = [end_id, *tokenizer.encode("Once upon a time")]
    told = generate(model, start, 300, Sampling(0.0))
    assert 20 < len(told) < 300
    story = tokenizer.decode(told)
    assert tell(path, start, 300) == (story, "stop")
    text, reason = tell(path, start, 5)
    assert story.startswith(text)
    assert reason == "length"


def test_what_else_a_file_says_is_kept(path):
    more = {"bos_token_id": 65, "add_bos_token": True, "add_space_prefix": True}
    more |= {"padding_token_id": 66, "eot_token_id": 67, "unknown_token_id": 68}
    entries = more_tokens(("<think>", 4), pre="falcon3", **more)
    read = check_alike(write(path, entries), [TEXT, "<think>"])
    again = entries_of(read)
    assert {name: again[name] for name in more} == more
    assert again == entries


def test_what_llama_cpp_does_when_told_nothing(path):
    """It begins texts of Llama's kind with a token, and takes that of number 11."""
    for pre, begins in (("llama-bpe", True), ("dbrx", False), ("gpt-2", False)):
        entries = entries_of(pre=pre, add_bos_token=None, bos_token_id=None)
        read = check_alike(write(path, entries), [TEXT])
        assert read.settings["add_bos_token"] is begins
        assert read.settings["bos_token_id"] == 11


# ------------------------------------------------------------------------------------- there, back


def read_back(tokenizer, vocab_size=None):
    entries = write_tokenizer(tokenizer, vocab_size or tokenizer.vocab_size)
    return entries, read_tokenizer(parse_gguf(gguf_bytes(entries, {})))


@pytest.mark.parametrize("pre", PRE_TOKENIZERS)
def test_tokenizers_come_back(pre):
    tokenizer = BPETokenizer.train(TEXT, 320, [END, "<|user|>"], PRE_TOKENIZERS[pre], END)
    entries, read = read_back(tokenizer)
    assert entries["tokenizer.ggml.pre"] == ("dbrx" if pre == "llama-bpe" else pre)
    assert (read.vocab, read.merges) == (tokenizer.vocab, tokenizer.merges)
    assert (read.special_tokens, read.pattern) == (tokenizer.special_tokens, tokenizer.pattern)
    assert (read.end, read.ignore_merges) == (END, False)
    assert read.encode(TEXT + END, "all") == tokenizer.encode(TEXT + END, "all")


def test_the_metadata_of_a_tokenizer():
    tokenizer = BPETokenizer.train("banana bandana", 259, [END], end=END)
    entries = {
        k.removeprefix("tokenizer.ggml."): v for k, v in write_tokenizer(tokenizer, 261).items()
    }
    assert entries["model"] == "gpt2"
    assert entries["pre"] == "gpt-2"
    assert entries["tokens"][32] == "Ġ"
    assert entries["tokens"][97] == "a"
    assert entries["tokens"][256:] == ["an", "ban", END, "[PAD259]", "[PAD260]"]
    assert entries["token_type"][255:] == [1, 1, 1, 3, 5, 5]
    assert entries["merges"] == ["a n", "b an"]
    assert (entries["bos_token_id"], entries["eos_token_id"]) == (258, 258)
    assert entries["add_bos_token"] is False


def test_bytes_alone_are_a_tokenizer():
    tokenizer = BPETokenizer({i: bytes([i]) for i in range(256)}, [])
    entries, read = read_back(tokenizer)
    assert entries["tokenizer.ggml.merges"] == []
    assert read.encode("ñ") == [195, 177]


def test_a_published_order_of_ids_comes_back():
    """GPT-2 numbers the visible bytes first; there may be ids that nothing has."""
    order = [*range(33, 127), *range(161, 173), *range(174, 256)]
    order += [byte for byte in range(256) if byte not in order]
    vocab = {i: bytes([byte]) for i, byte in enumerate(order)} | {300: b"an"}
    tokenizer = BPETokenizer(vocab, [(b"a", b"n")], {END: 270})
    entries, read = read_back(tokenizer, 310)
    assert entries["tokenizer.ggml.tokens"][260] == "[PAD260]"
    assert read.vocab == tokenizer.vocab
    assert read.encode("banana" + END, "all") == tokenizer.encode("banana" + END, "all")
    assert entries["tokenizer.ggml.eos_token_id"] == order.index(0)


def test_gpt4s_pattern_is_written_as_that_of_llama():
    tokenizer = BPETokenizer.train(TEXT, 320, [END], GPT4_PATTERN)
    entries, read = read_back(tokenizer)
    assert PRE_NAMES[entries["tokenizer.ggml.pre"]] == "llama-bpe"
    assert read.encode(TEXT) == tokenizer.encode(TEXT)
    assert read.pattern == LLAMA


def test_tokenizers_that_cannot_be_written():
    with pytest.raises(ValueError, match="expected at most 319 tokens, got 320"):
        write_tokenizer(TOKENIZER, 319)
    other = BPETokenizer.train(TEXT, 300, pattern=r"\S+|\s+")
    with pytest.raises(ValueError, match="expected a pattern of PRE_TOKENIZERS"):
        write_tokenizer(other, 300)
    twins = BPETokenizer.train("an an an", 259, ["Ġan"])  # looks as " an" does
    assert b" an" in twins.vocab.values()
    with pytest.raises(ValueError, match="expected tokens that look different"):
        write_tokenizer(twins, 260)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"normalizer": "NFC"}, "expected no normalizer, which no GGUF file holds, got 'NFC'"),
        ({"normalized": ["<x>"]}, "expected no normalized, .*, got"),
        ({"unknown": "<x>"}, "expected no unknown, .*, got '<x>'"),
        ({"user_defined": {"<|im_end|>": 257}}, "im_end.* to be of type 3, got 4"),
        ({"user_defined": {"<fim_pad>": 257}}, "<fim_pad> to be of type 3, control, got 4"),
        ({"user_defined": {">y>z": 257}}, "cannot overlap, got <x> and >y>z"),
        ({"pattern": (GPT2_PATTERN, r"\d")}, "expected a pattern of PRE_TOKENIZERS"),
        ({"pattern": LLAMA, "ignore_merges": True, "user_defined": {"dog": 257}}, "no words"),
    ],
)
def test_settings_that_cannot_be_written(changes, message):
    tokenizer = BPETokenizer(BYTES, [], {"<x>": 256}, **changes)
    with pytest.raises(ValueError, match=message):
        write_tokenizer(tokenizer, tokenizer.vocab_size)


def test_tokens_of_a_model_go_into_the_model():
    """Every id is a row: those of user-defined tokens too."""
    tokenizer = BPETokenizer(BYTES, [], {"<x>": 256}, user_defined={"<think>": 300})
    entries, read = read_back(tokenizer, 301)
    assert read.user_defined == {"<think>": 300}
    assert entries["tokenizer.ggml.token_type"][256:258] == [3, 5]
    assert torch.tensor(read.encode("a<think><x>", "all")).tolist() == [97, 300, 256]
