"""A GGUF file may come from anywhere: all errors are `ValueError`s, soon and in little memory."""

import itertools
import math
import os
import random
import struct
import time
import tracemalloc

import numpy as np
import pytest

from lessons_lib.gguf import (
    LONGEST_HEADER,
    LONGEST_TEXTS,
    MOST_ENTRIES,
    MOST_TEXTS,
    PRE_TOKENIZERS,
    ByteReader,
    describe_gguf,
    gguf_bytes,
    hex_view,
    pack_value,
    parse_gguf,
    read_gguf,
    read_model,
    read_tokenizer,
    to_gguf_tensors,
    write_config,
    write_tokenizer,
)
from lessons_lib.gpt import GPT, GPTConfig
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.tokens import BPETokenizer

SECONDS, BYTES = 0.1, 50e6  # of the processor's time, and of memory: the most that an error takes
METADATA = {
    "general.architecture": "llama",
    "general.alignment": 32,
    "number": -7,
    "float": 0.5,
    "truth": True,
    "list": [1, 2, 3],
    "truths": [True, False],
    "words": ["a", "", "niña", "日本", "x" * 200],
}
TENSORS = {
    "matrix": (np.arange(64, dtype=np.float32).reshape(2, 32), "Q8_0"),
    "cube": (np.arange(12, dtype=np.float32).reshape(2, 3, 2), "F32"),
    "vector": (np.ones(3, np.float32), "F16"),
}


def valid():
    return bytearray(gguf_bytes(METADATA, TENSORS))


def places():
    """Where each field of the valid file begins, by what the reader calls it."""
    reader = ByteReader(valid(), explain=10**6)
    parse_gguf(reader)
    return {meaning.rsplit(": ", 1)[0]: start for start, _, meaning in reader.notes}


PLACES = places()
END = max(t.offset + t.data.nbytes for t in parse_gguf(valid()).tensors.values())  # no padding


def patched(name, data):
    """The valid file with other bytes in a field."""
    file = valid()
    file[PLACES[name] : PLACES[name] + len(data)] = data
    return file


def refusal(file, seconds=SECONDS) -> str:
    """The message of the error, if it comes in time and in little memory."""
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(ValueError) as error:  # noqa: PT011, the callers look at the message
            parse_gguf(file)
        assert time.process_time() - start < seconds
        assert tracemalloc.get_traced_memory()[1] < BYTES
    finally:
        tracemalloc.stop()
    assert type(error.value) is ValueError
    assert len(str(error.value)) < 600
    return str(error.value)


def u32(n):
    return struct.pack("<I", n)


def u64(n):
    return struct.pack("<Q", n)


# -------------------------------------------------------------------------------------- every field


def test_the_valid_file_is_valid():
    file = parse_gguf(valid())
    assert file.metadata == METADATA
    assert [tensor.shape for tensor in file.tensors.values()] == [(2, 32), (2, 3, 2), (3,)]
    assert parse_gguf(bytes(valid())).metadata == METADATA
    assert parse_gguf(np.frombuffer(valid(), np.uint8)).metadata == METADATA


@pytest.mark.parametrize("magic", [b"GGXX", b"gguf", b"FUGG", b"\0\0\0\0", b"GGML", b"\x89PNG"])
def test_other_magic(magic):
    assert refusal(patched("magic", magic)) == (f"magic at byte 0: expected b'GGUF', got {magic!r}")


@pytest.mark.parametrize("version", [0, 1, 4, 99, 2**32 - 1])
def test_other_versions(version):
    message = refusal(patched("version", u32(version)))
    assert message == f"version at byte 4: expected 2 or 3 in little-endian order, got {version}"


@pytest.mark.parametrize("version", [1, 2, 3])
def test_big_endian_files(version):
    message = refusal(patched("version", struct.pack(">I", version)))
    assert message.startswith("version at byte 4: expected 2 or 3 in little-endian order, ")
    assert message.endswith(f"got {version} in big-endian order")


def test_every_cut():
    file = valid()
    for cut in range(END):
        message = refusal(file[:cut])
        assert " at byte " in message
        assert "expected " in message
        assert ", got " in message


@pytest.mark.parametrize("value", [7, "text", [1, 2], ["a", "niña"], ["", ""], [True], []])
def test_every_cut_of_a_file_that_ends_with_a_value(value):
    """No tensors, and nothing behind the value that would be missed."""
    file = bytes(gguf_bytes({"x": value}, {}))
    size = 24 + 8 + 1 + len(pack_value(value))
    assert parse_gguf(file[:size]).metadata["x"] == value
    for cut in range(size):
        assert " at byte " in refusal(file[:cut])


def test_every_cut_of_a_file_on_disk(tmp_path):
    path, file = tmp_path / "cut.gguf", valid()
    for cut in [0, 1, 3, 4, 23, 24, 100, 300, END - 1]:
        path.write_bytes(file[:cut])
        with pytest.raises(ValueError, match=r" at byte \d+: expected"):
            read_gguf(path)


def test_a_cut_names_the_field():
    for name, start in PLACES.items():
        if start == 0 or name.startswith(("words", "length of words")):
            continue
        message = refusal(valid()[: start + 1]) if name in TENSORS else refusal(valid()[:start])
        if name in TENSORS:
            assert message.split(" at byte ")[0] in TENSORS
        elif name not in ("list", "truths") and "name of" not in name:
            assert message.startswith(f"{name} at byte {start}: expected "), (name, message)


HUGE = [2**63, 2**63 - 1, 2**64 - 1, 2**32, 2**62]


@pytest.mark.parametrize("size", HUGE)
@pytest.mark.parametrize(
    "name",
    [
        *("number of tensors", "number of entries", "length of name of entry 0"),
        *("length of general.architecture", "number of values of list", "length of words[3]"),
        *("number of values of words", "number of values of truths", "length of words[0]"),
        *("length of name of tensor 1", "dimension 0 of matrix", "dimension 2 of cube"),
        *("offset of matrix", "offset of cube", "offset of vector"),
    ],
)
def test_huge_numbers(name, size):
    field = name.removeprefix("number of values of ").removeprefix("length of ")
    message = refusal(patched(name, u64(size)))
    assert field.split(" of ")[-1].removesuffix(" entry 0") in message
    assert " at byte " in message


@pytest.mark.parametrize(
    ("name", "most"), [("number of tensors", MOST_ENTRIES), ("number of entries", MOST_ENTRIES)]
)
def test_counts_beyond_what_is_read(name, most):
    message = refusal(patched(name, u64(most + 1)))
    assert message == f"{name} at byte {PLACES[name]}: expected at most {most}, got {most + 1}"
    assert " at byte " in refusal(patched(name, u64(most)))  # the file is too short for them


@pytest.mark.parametrize("name", ["name of entry 1", "name of tensor 1"])
def test_long_names(name):
    message = refusal(patched(f"length of {name}", u64(2**16)))
    place = PLACES[f"length of {name}"]
    assert message == f"length of {name} at byte {place}: expected at most 65535, got 65536"


@pytest.mark.parametrize("name", ["general.architecture", "words[3]", "name of tensor 0"])
def test_texts_longer_than_the_file(name):
    place = PLACES[f"length of {name}"]
    for extra in (1, 10):
        message = refusal(patched(f"length of {name}", u64(len(valid()) - place - 8 + extra)))
        assert name.split("[")[0] in message
        assert " at byte " in message


@pytest.mark.parametrize("kind", [13, 14, 255, 2**31, 2**32 - 1])
def test_unknown_types_of_values(kind):
    for name in ("number", "the values of list", "words"):
        message = refusal(patched(f"type of {name}", u32(kind)))
        place = PLACES[f"type of {name}"]
        known = [n for n in range(13) if n != 9 or "values" not in name]
        assert message == f"type of {name} at byte {place}: expected one of {known}, got {kind}"


def test_nested_lists():
    message = refusal(patched("type of the values of list", u32(9)))
    assert message.startswith(f"type of the values of list at byte {PLACES['list'] - 12}: ")
    assert message.endswith(", got 9")
    deep = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + u64(1) + b"x" + u32(9)
    deep += (u32(9) + u64(1)) * 100_000
    assert refusal(deep).endswith("expected one of [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12], got 9")


@pytest.mark.parametrize("kind", [42, 1000, 2**32 - 1])
def test_unknown_types_of_tensors(kind):
    message = refusal(patched("type of cube", u32(kind)))
    place = PLACES["type of cube"]
    assert message.startswith(f"type of cube at byte {place}: expected one of [0, 1, 2, 3, 6, ")
    assert message.endswith(f", 41], got {kind}")


@pytest.mark.parametrize("n_dims", [5, 6, 255, 2**31, 2**32 - 1])
def test_too_many_dimensions(n_dims):
    message = refusal(patched("number of dimensions of cube", u32(n_dims)))
    place = PLACES["number of dimensions of cube"]
    expected = "expected at most 4, got"
    assert message == f"number of dimensions of cube at byte {place}: {expected} {n_dims}"


def test_names_twice():
    file = gguf_bytes({"one": 1, "two": 2}, {"t1": TENSORS["vector"], "t2": TENSORS["vector"]})
    entries, tensors = file.replace(b"two", b"one"), file.replace(b"t2", b"t1")
    assert refusal(entries) == (
        f"name of entry 1 at byte {file.index(b'two') - 8}: expected a new one, got one again"
    )
    assert refusal(tensors) == (
        f"name of tensor 1 at byte {file.index(b't2') - 8}: expected a new one, got t1 again"
    )


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc3", b"\x80", b"\xe6\x97", b"\xed\xa0\x80", b"\xc0\x80"]
)
@pytest.mark.parametrize(
    "name", ["name of entry 0", "general.architecture", "words[0]", "words[3]", "name of tensor 0"]
)
def test_texts_that_are_no_utf8(name, bad):
    """Truncated characters, lone surrogates, and longer codes than needed, too."""
    size = {"words[0]": 1, "words[3]": 6}.get(name, 6)
    message = refusal(patched(name, bad[:size].ljust(size, b"\xff")))
    assert message.startswith(f"{name} at byte {PLACES[name]}: expected UTF-8, got b'\\x")


def test_characters_that_would_end_in_the_next_length():
    """An unfinished character, and behind it a length whose first byte would finish it."""
    words = ["ab", "x" * 0x83, "c"]
    file = gguf_bytes({"words": words}, {})
    assert parse_gguf(file).metadata["words"] == words
    at = file.index(b"ab")
    file[at + 1] = 0xC3
    assert str(bytes(file[at : at + 3]), "utf-8") == "aÃ"  # read across the border, it is UTF-8
    assert refusal(file) == f"words[0] at byte {at + 1}: expected UTF-8, got b'\\xc3'"


def test_one_bad_text_among_many():
    words = ["a word"] * 5000
    for i in (0, 999, 1000, 1001, 4999):
        file = gguf_bytes({"words": [*words[:i], "b word", *words[i + 1 :]]}, {})
        at = file.index(b"b word")
        file[at] = 0xFF
        assert refusal(file) == f"words[{i}] at byte {at}: expected UTF-8, got b'\\xff'"


def first_bad_text(texts):
    """Where the first text that is no UTF-8 stands, and its first bad byte: read one by one."""
    for i, text in enumerate(texts):
        try:
            text.decode()
        except UnicodeDecodeError as error:
            return i, error.start
    return None


@pytest.mark.parametrize("seed", range(150))
def test_lists_of_texts_of_all_lengths(seed):
    """Long and short ones, cut at any byte, across the pieces in which they are checked."""
    rng = random.Random(seed)
    letters = "aaaé\N{SNOWMAN}\N{GRINNING FACE}"
    longest = rng.choice((3, 12, 130, 1_000, 100_000))
    n_texts = 200_000 // longest // 50 + 3
    words = [
        "".join(rng.choices(letters, k=rng.randrange(longest))).encode() for _ in range(n_texts)
    ]
    if seed % 5:
        i = rng.randrange(n_texts)
        cut = rng.randrange(len(words[i]) + 1)
        words[i] = words[i][:cut] + rng.choice((b"", b"\xff", b"\xc3", b"\x83"))
    start = b"GGUF" + struct.pack("<IQQ", 3, 0, 1)
    file = start + texts(b"a", words)
    bad = first_bad_text(words)
    if bad is None:
        assert list(parse_gguf(file + bytes(32)).metadata["a"]) == [w.decode() for w in words]
    else:
        i, place = bad
        at = len(start) + 25 + sum(8 + len(word) for word in words[:i]) + 8 + place
        got = words[i][place : place + 1]
        assert refusal(file) == f"a[{i}] at byte {at}: expected UTF-8, got {got!r}"


@pytest.mark.parametrize("left", range(10))
def test_lengths_that_lie_in_two_pieces(left):
    """No length is taken for text, and no text for a length, in pieces of 2^16 bytes."""
    words = [b"x" * (2**16 - 8 - left), b"y" * 0x8080_80]
    start = b"GGUF" + struct.pack("<IQQ", 3, 0, 1)
    file = bytearray(start + texts(b"a", words))
    first = len(start) + 25
    assert len(parse_gguf(bytes(file) + bytes(32)).metadata["a"]) == 2
    for at in (*range(first + 2**17 - 9, first + 2**17 + 9), len(file) - 1):
        bad = file.copy()
        bad[at] = 0xFF
        assert f"a[1] at byte {at}: expected UTF-8" in refusal(bad, seconds=math.inf)


@pytest.mark.parametrize("name", ["truth", "truths"])
@pytest.mark.parametrize("byte", [2, 255])
def test_truth_values_are_zero_or_one(name, byte):
    message = refusal(patched(name, bytes([byte])))
    expected = f"expected truth values 0 and 1, got {byte}"
    assert message == f"{name} at byte {PLACES[name]}: {expected}"


# -------------------------------------------------------------------------------- places of tensors


@pytest.mark.parametrize("alignment", [0, 3, 33, 2**31 + 1])
def test_alignments_that_are_no_power_of_two(alignment):
    message = refusal(patched("general.alignment", u32(alignment)))
    place = PLACES["general.alignment"]
    assert message == (
        f"general.alignment at byte {place}: expected a power of two, got {alignment}"
    )


@pytest.mark.parametrize("kind", [5, 6, 7])
def test_alignments_of_other_types(kind):
    """As a float, and as a truth value; as int32 the number is the same."""
    file = patched("type of general.alignment", u32(kind))
    if kind == 5:
        assert parse_gguf(file).alignment == 32
    else:
        assert " at byte " in refusal(file)


def test_a_huge_alignment_puts_the_tensors_outside():
    assert "expected an end up to byte" in refusal(patched("general.alignment", u32(2**31)))


@pytest.mark.parametrize("offset", [1, 31, 33, 63])
def test_unaligned_offsets(offset):
    message = refusal(patched("offset of matrix", u64(offset)))
    place = PLACES["offset of matrix"]
    assert message.startswith(f"offset of matrix at byte {place}: expected a multiple of 32 ")
    assert message.endswith(f"got {offset}")


@pytest.mark.parametrize("offset", [0, 32, 64])
def test_overlapping_tensors(offset):
    """The matrix has 68 bytes, and with its padding 96."""
    message = refusal(patched("offset of cube", u64(offset)))
    assert " of matrix at" in message or " of cube at" in message
    assert "expected a multiple of 32 from " in message


def test_tensors_inside_one_another():
    tensors = {"large": (np.ones(64, np.float32), "F32"), "small": TENSORS["vector"]}
    file = gguf_bytes({}, tensors)
    reader = ByteReader(file, explain=10**6)
    parse_gguf(reader)
    [place] = [start for start, _, meaning in reader.notes if meaning.startswith("offset of small")]
    file[place : place + 8] = u64(128)
    assert refusal(file) == (
        f"offset of small at byte {place}: expected a multiple of 32 from 256 on, got 128"
    )


@pytest.mark.parametrize("offset", [192, 2**20, 2**40, 2**64 - 32])
def test_tensors_outside_the_file(offset):
    message = refusal(patched("offset of vector", u64(offset)))
    assert message.startswith(f"vector at byte {PLACES['offset of vector']}: ")
    assert (
        f"expected an end up to byte {len(valid())}, that of the file, got 6 bytes from" in message
    )


def test_tensors_may_stand_in_any_order():
    file = parse_gguf(valid())
    cube, vector = (file.tensors[name].offset - file.data_offset for name in ("cube", "vector"))
    other = patched("offset of cube", u64(vector - 32))
    other[PLACES["offset of vector"] :][:8] = u64(cube)
    other[PLACES["offset of vector"] : PLACES["offset of vector"] + 8] = u64(cube)
    found = parse_gguf(other).tensors
    assert list(found) == list(TENSORS)
    assert found["cube"].offset > found["vector"].offset


@pytest.mark.parametrize(
    "sizes", [(2**32, 2**32), (2**63, 2), (2**62, 4), (32, 2**60), (2**64 - 32, 1)]
)
def test_products_that_overflow(sizes):
    """In 64 bits, the first one would be 0."""
    file = patched("dimension 0 of matrix", u64(sizes[0]) + u64(sizes[1]))
    message = refusal(file)
    assert message.startswith(f"matrix at byte {PLACES['offset of matrix']}: expected an end up to")
    assert str(math.prod(sizes) // 32 * 34) in message


@pytest.mark.parametrize("size", [0, 1, 31, 33, 2**63 - 1])
def test_rows_that_are_no_blocks(size):
    message = refusal(patched("dimension 0 of matrix", u64(size)))
    place = PLACES["dimension 0 of matrix"]
    expected = "expected at least 1, rows in blocks of 32, got"
    assert message == f"dimensions of matrix at byte {place}: {expected} {(size, 2)}"


def test_no_numbers_at_all():
    message = refusal(patched("dimension 1 of cube", u64(0)))
    assert message.startswith(f"dimensions of cube at byte {PLACES['dimension 0 of cube']}: ")


def test_names_in_messages_are_short_and_visible():
    name = "\x1b[31m" + "x" * 60_000
    file = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + u64(len(name)) + name.encode() + u32(99)
    message = refusal(file)
    assert "\x1b" not in message
    assert r"\x1b[31m" in message


# ------------------------------------------------------------------------ large files full of holes


def sparse(path, header, size):
    path.write_bytes(header)
    os.truncate(path, size)
    return np.memmap(path, np.uint8, "r")


START = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + u64(1) + b"x"
SIZE = 2**29


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (u32(8) + u64(SIZE - 60), f"expected at most {LONGEST_TEXTS - 1}, got {SIZE - 60}"),
        (u32(9) + u32(0) + u64(SIZE - 60), "longest header ends at"),
        (u32(9) + u32(10) + u64(2**24), "longest header ends at"),
        (u32(9) + u32(8) + u64(2**24), f"expected at most {MOST_TEXTS}, got {2**24}"),
    ],
)
def test_long_values_are_not_read(tmp_path, rest, message):
    """Half a gigabyte of zeros would be a fine text, or fifty million empty ones."""
    assert message in refusal(sparse(tmp_path / "holes", START + rest, SIZE))


def test_long_headers_are_not_read(tmp_path):
    """Nameless entries of zeros: the second one has the first one's name."""
    header = b"GGUF" + struct.pack("<IQQ", 3, MOST_ENTRIES, MOST_ENTRIES)
    message = refusal(sparse(tmp_path / "holes", header, SIZE))
    assert message == "name of entry 1 at byte 37: expected a new one, got  again"


def test_the_longest_header_that_is_read():
    """A list of numbers up to the end, and one byte more."""
    size = LONGEST_HEADER - len(START) - 16
    file = np.zeros(LONGEST_HEADER + 1, np.uint8)
    start = START + u32(9) + u32(0) + u64(size)
    file[: len(start)] = np.frombuffer(start, np.uint8)
    assert len(parse_gguf(file).metadata["x"]) == size
    start = START + u32(9) + u32(0) + u64(size + 1)
    file[: len(start)] = np.frombuffer(start, np.uint8)
    assert "the longest header ends" in refusal(file)


def texts(name, values):
    """An entry: a list of texts."""
    start = u64(len(name)) + name + u32(9) + u32(8) + u64(len(values))
    runs = ((value, sum(1 for _ in same)) for value, same in itertools.groupby(values))
    return start + b"".join((u64(len(value)) + value) * n for value, n in runs)


def header(*entries):
    """A file that ends where one more entry should stand."""
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries) + 1) + b"".join(entries)


HALF = [b""] * (MOST_TEXTS // 2)
HALVES = texts(b"a", HALF), texts(b"b", HALF)
# One letter beyond the first 65,536 makes Python store each in four bytes.
WIDE = b"x" * (LONGEST_TEXTS // 4) + "\N{GRINNING FACE}".encode()
WIDES = [u64(1) + name + u32(8) + u64(len(WIDE)) + WIDE for name in (b"a", b"b", b"c", b"d")]
TOO_MANY_TEXTS, TOO_LONG_TEXTS = header(*HALVES, texts(b"c", [b""])), header(*WIDES)


def test_texts_are_counted_over_all_lists():
    assert "name of entry 2" in refusal(header(*HALVES), seconds=math.inf)
    message = refusal(TOO_MANY_TEXTS, seconds=math.inf)
    assert "number of values of c" in message
    assert "expected at most 0, got 1" in message


def test_bytes_of_texts_are_counted_over_all_entries():
    assert "name of entry 3" in refusal(header(*WIDES[:3]), seconds=math.inf)
    at, left = 24 + 3 * len(WIDES[0]) + 13, LONGEST_TEXTS - 3 * len(WIDE) - 4
    message = refusal(TOO_LONG_TEXTS, seconds=math.inf)
    assert f"length of d at byte {at}: expected at most {left}, got {len(WIDE)}" in message


HOSTILE = {
    "entries": header(*(u64(4) + b"%04d" % i + u32(0) + b"\1" for i in range(MOST_ENTRIES - 1))),
    "tensors": b"GGUF"
    + struct.pack("<IQQ", 3, MOST_ENTRIES, 0)
    + b"".join(
        u64(4) + b"%04d" % i + u32(1) + u64(1) + u32(0) + u64(32 * i)
        for i in range(MOST_ENTRIES - 1)
    ),
    "empty texts": header(texts(b"a", [b""] * MOST_TEXTS)),
    "short texts": header(texts(b"a", [b"x" * 12] * MOST_TEXTS)),
    "long texts": header(texts(b"a", ["ñ".encode() * 65] * (LONGEST_HEADER // 140))),
    "wide texts": header(texts(b"a", [b"x" * 18_000 + "\N{GRINNING FACE}".encode()] * 900)),
    "one long text in a list": header(
        texts(b"a", [b"x" * (LONGEST_HEADER - 100) + "\N{GRINNING FACE}".encode()])
    ),
    "wide text": header(
        u64(1)
        + b"a"
        + u32(8)
        + u64(LONGEST_TEXTS - 1)
        + b"x" * (LONGEST_TEXTS - 5)
        + "\N{GRINNING FACE}".encode()
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_costliest_headers_need_little_memory(name):
    """Each is as long as it may be and breaks off at its end.

    Noting down the memory takes longer than reading, so the time is not looked at.
    """
    file = HOSTILE[name]
    assert len(file) <= LONGEST_HEADER
    assert f"at byte {len(file)}: expected 8 bytes" in refusal(file, seconds=math.inf)


# ------------------------------------------------------------------------------- thousands of files


def mutated(file, rng):
    """A copy with a few changes: bytes, numbers, cuts, pieces taken out, doubled or swapped."""
    file = bytearray(file)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(file) + 1)
        piece = file[at : at + rng.randrange(1, 40)]
        change = rng.randrange(8)
        if change < 3:
            file[at : at + 1] = bytes([rng.randrange(256)])
        elif change == 3:
            number = rng.choice((0, 1, 2**7, 2**15, 2**31, 2**32 - 1, 2**63, 2**64 - 1, len(file)))
            file[at : at + 8] = u64(number)
        elif change == 4:
            file[at : at + 4] = u32(rng.choice((0, 1, 2, 4, 7, 8, 9, 12, 30, 39, 2**31)))
        elif change == 5:
            del file[at : at + len(piece)]
        elif change == 6:
            file[at:at] = piece
        elif rng.random() < 0.3:
            del file[at:]
    return file


def check_opened(file, buffer):
    """Whatever was accepted lies inside the buffer, apart, and can be shown."""
    end = file.data_offset
    for tensor in sorted(file.tensors.values(), key=lambda tensor: tensor.offset):
        assert tensor.offset >= end
        end = tensor.offset + tensor.data.nbytes
        assert tensor.data.size == 0 or end <= len(buffer)
        if tensor.type in ("F32", "F16", "Q8_0"):
            assert tensor.array().shape == tensor.shape
    describe_gguf(file)


def opened_or_refused(read, source):
    """What was read and None, or None and the message of a plain `ValueError`."""
    try:
        return read(source), None
    except ValueError as error:
        if type(error) is not ValueError:  # such as UnicodeDecodeError
            raise
        return None, str(error)


def test_twenty_thousand_mutated_files():
    rng, base = random.Random(20_000), valid()
    opened, messages = 0, set()
    for _ in range(20_000):
        buffer = mutated(base, rng)
        file, message = opened_or_refused(parse_gguf, buffer)
        if message is None:
            opened += 1
            if opened % 10 == 0:
                check_opened(file, buffer)
        else:
            assert "expected " in message
            assert " at byte " in message
            messages.add(message.split(" at byte ")[0])
    # both happen often, and the errors are of many kinds
    assert 2_000 < opened < 18_000
    assert len(messages) > 100


def test_two_thousand_mutated_files_in_little_memory():
    """The same with Python's own account of memory, which takes time."""
    rng, base = random.Random(2_000), valid()
    tracemalloc.start()
    try:
        for _ in range(2_000):
            opened_or_refused(parse_gguf, mutated(base, rng))
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


def test_hex_views_of_mutated_files():
    rng, base = random.Random(1), valid()
    for _ in range(300):
        buffer = mutated(base, rng)
        rows = hex_view(bytes(buffer), 2000).split("\n") if buffer else []
        shown = bytes.fromhex("".join(row[10:33] for row in rows))
        assert shown == buffer[:2000]


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2"])
def test_models_in_mutated_files(kind):
    """A model or a `ValueError`; never memory for sizes that only the metadata claim.

    With tokens of all types, whole words first, an end, of version 2, as one part of one, and
    without padding at the end.
    """
    text, cut = "a girl saw a fish " * 3, PRE_TOKENIZERS["llama-bpe"]
    tokenizer = BPETokenizer.train(text, 262, ["<|end|>"], cut, "<|end|>")
    tokenizer = BPETokenizer(
        tokenizer.vocab,
        tokenizer.merges,
        tokenizer.special_tokens,
        cut,
        "<|end|>",
        user_defined={"<think>": 262, "  ": 263},
        ignore_merges=True,
    )
    sizes = {"context_length": 16, "d_model": 8, "n_heads": 2, "n_layers": 1, "d_ff": 8}
    sizes["vocab_size"] = tokenizer.vocab_size + 1
    config = GPTConfig(**sizes) if kind == "gpt2" else LlamaConfig(**sizes, qk_norm=kind == "qwen3")
    model = GPT(config) if kind == "gpt2" else Llama(config)
    tensors = to_gguf_tensors(model.state_dict(), config)
    entries = {"split.no": 0, "split.count": 1} | write_config(config)
    entries |= write_tokenizer(tokenizer, config.vocab_size, (264,))
    base = gguf_bytes(entries, {name: (t.numpy(), "F32") for name, t in tensors.items()})
    base[4] = 2
    del base[max(t.offset + t.data.nbytes for t in parse_gguf(base).tensors.values()) :]
    assert read_model(parse_gguf(base)).config.end_ids == (261, 264)
    header = parse_gguf(base).data_offset
    rng, opened = random.Random(3), 0
    tracemalloc.start()
    try:
        for _ in range(300):
            buffer = mutated(base[: rng.choice((700, header))], rng)
            buffer += base[len(buffer) :]
            for read in (read_model, read_tokenizer):
                file, message = opened_or_refused(parse_gguf, buffer)
                if message is None:
                    _, message = opened_or_refused(read, file)
                opened += message is None
        assert tracemalloc.get_traced_memory()[1] < BYTES
    finally:
        tracemalloc.stop()
    assert opened > 20
