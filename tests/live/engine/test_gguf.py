"""GGUF files in the engine: the library's values and refusals."""

import random

import numpy as np
import pytest

from lessons_lib.gguf import (
    MOST_ENTRIES,
    MOST_TEXTS,
    TENSOR_TYPES,
    gguf_bytes,
    parse_gguf,
)
from lessons_lib.quantization import ENCODERS
from tests import test_gguf_hostile as hostile
from tests.live.engine import page as engines
from tests.live.engine.page import give, refusals, small_file
from tests.test_gguf_hostile import HUGE, patched, u32, u64

pytestmark = pytest.mark.site
page, engine = engines.page, engines.engine  # fixtures

DEEP = b"GGUF" + u32(3) + u64(0) + u64(1) + u64(1) + b"x" + u32(9) + (u32(9) + u64(1)) * 100_000
NAMED_LIKE_OBJECTS = {"__proto__": 1, "constructor": "text", "hasOwnProperty": [1]}


def broken_files():
    """The corpus of `tests/test_gguf_hostile.py`."""
    valid = bytes(hostile.valid())
    for cut in range(hostile.END):
        yield f"cut at {cut}", valid[:cut]
    for magic in (b"GGXX", b"gguf", b"FUGG", b"\0\0\0\0", b"\x89PNG", b"\xff\xfe\0\n"):
        yield f"magic {magic}", patched("magic", magic)
    for version in (0, 1, 4, 99, 2**32 - 1, 3 << 24, 1 << 24):
        yield f"version {version}", patched("version", u32(version))
    fields = ["number of tensors", "number of entries", "length of name of entry 0"]
    fields += ["length of general.architecture", "number of values of list", "length of words[3]"]
    fields += ["number of values of words", "number of values of truths", "length of words[0]"]
    fields += ["length of name of tensor 1", "dimension 0 of matrix", "dimension 2 of cube"]
    fields += ["offset of matrix", "offset of cube", "offset of vector"]
    for name in fields:
        for size in (*HUGE, 2**53, 2**53 + 1, MOST_ENTRIES + 1, MOST_TEXTS + 1):
            yield f"{name} {size}", patched(name, u64(size))
    for name in ("name of entry 1", "name of tensor 1"):
        yield f"long {name}", patched(f"length of {name}", u64(2**16))
    for kind in (13, 14, 255, 2**31, 2**32 - 1):
        for name in ("number", "the values of list", "words"):
            yield f"type of {name} {kind}", patched(f"type of {name}", u32(kind))
        yield f"type of cube {kind}", patched("type of cube", u32(max(kind, 42)))
    yield "a list of lists", patched("type of the values of list", u32(9))
    yield "lists of lists of lists", DEEP
    for n in (5, 255, 2**32 - 1):
        name = "number of dimensions of cube"
        yield f"{name} {n}", patched(name, u32(n))
    one = hostile.TENSORS["vector"]
    twice = gguf_bytes({"one": 1, "two": 2}, {"t1": one, "t2": one})
    yield "entries twice", twice.replace(b"two", b"one")
    yield "tensors twice", twice.replace(b"t2", b"t1")
    for bad in (b"\xff", b"\xc3", b"\x80", b"\xe6\x97", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90"):
        for name in ("name of entry 0", "general.architecture", "words[3]", "name of tensor 0"):
            yield f"{bad} in {name}", patched(name, bad.ljust(6, b"\xff"))
            yield f"{bad} later in {name}", patched(name, b"a" + bad.ljust(5, b"b"))
    for name in ("truth", "truths"):
        yield f"{name} 2", patched(name, b"\x02")
    for n in (0, 3, 33, 2**31, 2**31 + 1):
        yield f"alignment {n}", patched("general.alignment", u32(n))
    for kind in (6, 7):
        yield f"alignment as {kind}", patched("type of general.alignment", u32(kind))
    for n in (1, 31, 33, 63, 32, 64):
        yield f"offset of matrix {n}", patched("offset of matrix", u64(n))
        yield f"offset of cube {n}", patched("offset of cube", u64(n + 1))
    for n in (192, 2**20, 2**40, 2**64 - 32):
        yield f"offset of vector {n}", patched("offset of vector", u64(n))
    for a, b in ((2**32, 2**32), (2**63, 2), (2**62, 4), (32, 2**60), (2**64 - 32, 1)):
        yield f"matrix of {a} by {b}", patched("dimension 0 of matrix", u64(a) + u64(b))
    for n in (0, 1, 31, 33, 2**63 - 1):
        yield f"rows of {n}", patched("dimension 0 of matrix", u64(n))
    yield "no numbers", patched("dimension 1 of cube", u64(0))


def python_refusal(data):
    try:
        parse_gguf(bytes(data))
    except ValueError as error:
        return str(error)
    return None


def test_broken_files_are_refused_where_the_library_refuses_them(page):
    names, files = zip(*broken_files(), strict=True)
    assert len(files) > 700
    for name, data, (message, time, taken) in zip(names, files, refusals(page, files), strict=True):
        expected = python_refusal(data)
        assert expected is not None, name
        assert message is not None, name
        assert message == expected, name
        assert time < 100, (name, time)
        assert taken < 1e6, (name, taken)


def test_texts_are_counted_over_the_whole_file(page):
    files = [hostile.TOO_MANY_TEXTS, hostile.TOO_LONG_TEXTS]
    for data, (message, *_) in zip(files, refusals(page, files), strict=True):
        assert message == python_refusal(data)


def test_a_valid_file_is_opened(engine):
    files = [hostile.valid(), gguf_bytes(NAMED_LIKE_OBJECTS, {}), gguf_bytes({}, {})]
    assert [message for message, *_ in refusals(engine, files)] == [None] * 3
    give(engine, "valid", hostile.valid())
    give(engine, "names", gguf_bytes(NAMED_LIKE_OBJECTS, {}))
    found = engine.evaluate(
        """() => {
            const plain = ({ value }) => value?.get
                ? Array.from({ length: value.length }, (_, i) => value.get(i)) : value;
            return Object.values(files).map((bytes) => {
                const file = inside.parseGGUF(bytes);
                return [
                    [...file.metadata].map(([name, entry]) => [name, plain(entry)]),
                    [...file.tensors].map(([name, t]) => [name, t.type.name, t.rows, t.columns]),
                ];
            });
        }"""
    )
    assert dict(found[0][0]) == hostile.METADATA
    assert found[0][1] == [
        ["matrix", "Q8_0", 2, 32], ["cube", "F32", 6, 2], ["vector", "F16", 1, 3]
    ]  # fmt: skip
    assert dict(map(tuple, found[1][0])) == NAMED_LIKE_OBJECTS


def test_two_thousand_mutated_files(page):
    """The page opens and refuses what the library does, in the same words."""
    rng, base = random.Random(2_000), hostile.valid()
    files = [bytes(hostile.mutated(base, rng)) for _ in range(2_000)]
    opened = 0
    for data, (message, time, taken) in zip(files, refusals(page, files), strict=True):
        expected = python_refusal(data)
        assert time < 100
        assert taken < 1e6
        assert message == expected
        opened += expected is None
    assert 200 < opened < 1_800


@pytest.mark.parametrize("type", ["F32", "F16", "Q8_0", "Q4_0"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(page, type, bad):
    """In the third row of a matrix: its first byte, or that of its block, is named."""
    data = small_file(type=type)
    tensor = parse_gguf(data).tensors["blk.1.ffn_down.weight"]
    number = np.array(bad, "<f4" if type == "F32" else "<f2").tobytes()
    at = tensor.offset + 2 * tensor.data.shape[1]
    data[at : at + len(number)] = number
    [[message, *_]] = refusals(page, [data], "inside.openFile(bytes, never)")
    assert message.startswith(f"blk.1.ffn_down.weight at byte {at}: expected finite numbers, got ")


@pytest.mark.parametrize("type", sorted(set(ENCODERS) - {"F32", "F16", "Q4_0", "Q8_0"}))
def test_types_are_refused_by_name(page, type):
    """The page names types that it cannot decode; the file itself is sound."""
    sizes = {"d_model": 256, "d_ff": 256, "n_layers": 1}
    data = small_file(sizes=sizes, type=type)
    assert refusals(page, [data])[0][0] is None
    [[message, *_]] = refusals(page, [data], "inside.openFile(bytes, never)")
    assert message.startswith("type of token_embd.weight at byte ")
    assert message.endswith(f"expected one of F32, F16, Q8_0, Q4_0, got {type}")


def test_the_table_of_types_is_the_library_s(engine):
    known = engine.evaluate("inside.TYPES")
    assert {
        int(number): (type["name"], type["size"], type["bytes"]) for number, type in known.items()
    } == TENSOR_TYPES
