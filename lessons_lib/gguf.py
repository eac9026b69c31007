"""GGUF: the file in which models travel, read and written byte by byte.

The chapter `gguf`. It adds to the quantized model the file that llama.cpp, Ollama and LM Studio
open: a header that says everything about the model, its tokenizer included, then the tensors,
aligned so that they can be used where they lie. Files by others open as our `Llama` and `GPT`.

    python -m lessons_lib.gguf FILE              what is in a file
    python -m lessons_lib.gguf FILE --hex 256    its first bytes, and what they mean

A file may come from anywhere. Everything it says is checked before it is believed; what is wrong is
a `ValueError` that names the field and the byte where it stands.

Sources:
    The GGUF specification, version 3, `docs/gguf.md` in https://github.com/ggml-org/ggml.
    llama.cpp, https://github.com/ggml-org/llama.cpp: the names of tensors and metadata, the
        pre-tokenizers, and the order of the numbers in a head.
    The `gguf` package, whose files these equal in everything that a reader sees.
"""

import argparse
import codecs
import math
import os
import struct
import sys
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import regex
import torch
from torch import Tensor

from lessons_lib.base.files import write_atomic
from lessons_lib.base.validation import check_integer, check_text
from lessons_lib.gpt import GPT, GPTConfig, GPTFiles
from lessons_lib.llama import Llama, LlamaConfig, LlamaFiles, RopeScaling, rotation_speeds
from lessons_lib.quantization import ENCODERS, FORMATS, dequantize, quantize
from lessons_lib.tokens import GPT2_PATTERN, GPT4_PATTERN, BPETokenizer, byte_characters

__all__ = [
    "ALIGNMENT",
    "GGUF",
    "GPT_EPS",
    "HEAD_WIDTHS",
    "KNOWN_SIZES",
    "KV_HEADS",
    "LAYER_NAMES",
    "LIST",
    "LONGEST_HEADER",
    "LONGEST_NAME",
    "LONGEST_TEXTS",
    "MAGIC",
    "MOST_ENTRIES",
    "MOST_TEXTS",
    "NORMAL",
    "NUMBERS",
    "PRE_TOKENIZERS",
    "SIZE_NAMES",
    "TABLE_NAMES",
    "TENSOR_TYPES",
    "TEXT",
    "TYPE_NAMES",
    "TYPE_NUMBERS",
    "VALUE_TYPES",
    "VERSION",
    "ByteReader",
    "GGUFTensor",
    "MetadataList",
    "TensorEntry",
    "check_alignment",
    "check_tensors",
    "check_texts",
    "decode_text",
    "describe_gguf",
    "describe_tensors",
    "from_gguf",
    "from_gguf_tensors",
    "gguf_bytes",
    "half_rotary",
    "hex_rows",
    "hex_view",
    "interleave_rotary",
    "load_gguf",
    "main",
    "map_file",
    "model_entries",
    "number_type",
    "pack_tensor_entry",
    "pack_text",
    "pack_value",
    "parse_gguf",
    "place_tensors",
    "read_config",
    "read_count",
    "read_float",
    "read_gguf",
    "read_model",
    "read_numbers",
    "read_scaling",
    "read_start",
    "read_tensor_entry",
    "read_text",
    "read_texts",
    "read_tokenizer",
    "read_value",
    "round_up",
    "show_bytes",
    "shown",
    "tensor_shapes",
    "to_gguf_tensors",
    "write_config",
    "write_gguf",
    "write_tensors",
    "write_tokenizer",
    "wrong",
]


# ---------------------------------------------------------------------------- numbers of the format

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32

# What a file calls the types of the values in its metadata; numbers have NumPy's names.
NUMBERS = {
    0: "uint8",
    1: "int8",
    2: "uint16",
    3: "int16",
    4: "uint32",
    5: "int32",
    6: "float32",
    7: "bool",
    10: "uint64",
    11: "int64",
    12: "float64",
}
TEXT, LIST = 8, 9
VALUE_TYPES = NUMBERS | {TEXT: "text", LIST: "list"}

# What a file calls the type of a tensor, and itself if all its matrices are of this type.
TYPE_NUMBERS = {
    "F32": (0, 0),
    "F16": (1, 1),
    "Q4_0": (2, 2),
    "Q4_1": (3, 3),
    "Q5_0": (6, 8),
    "Q5_1": (7, 9),
    "Q8_0": (8, 7),
    "Q2_K": (10, 10),
    "Q3_K": (11, 11),
    "Q4_K": (12, 14),
    "Q5_K": (13, 16),
    "Q6_K": (14, 18),
    "BF16": (30, 32),
    "MXFP4": (39, 38),
}

# The types of tensors, and how many numbers stand in how many bytes. The last ones can only be
# listed: how their bytes become numbers, `FORMATS` does not say.
TENSOR_TYPES = {
    number: (name, FORMATS[name].block_size, FORMATS[name].bytes_per_block)
    for name, (number, _) in TYPE_NUMBERS.items()
} | {
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}
TYPE_NAMES = {number: name for number, (name, *_) in TENSOR_TYPES.items()}

# More than these no real model has, and nothing beyond them is read: tensors or entries of the
# metadata, texts in all lists, bytes of a name, bytes of all other texts, bytes of a header.
MOST_ENTRIES, MOST_TEXTS, LONGEST_NAME = 2**12, 3 * 2**18, 2**16 - 1
LONGEST_TEXTS, LONGEST_HEADER = 2**23, 2**24


# ------------------------------------------------------------------------------- reading the header


def shown(text: str, most: int = 60) -> str:
    r"""Return `text` fit for a terminal: cut, and what is no visible character spelled out.

    >>> shown("line\nend")
    'line\\nend'
    """
    cut = text[:most] if text[:most].isprintable() else repr(text[:most])[1:-1]
    return cut if len(text) <= most else f"{cut}..."


def wrong(name: str, at: int, expected: object, got: object) -> ValueError:
    """Return the error for a field that is not as it must be, with the byte where it stands."""
    return ValueError(f"{shown(name, 120)} at byte {at}: expected {expected}, got {got}")


class ByteReader:
    """Reads a file's bytes from front to back, and never beyond the end.

    Args:
        buffer: the bytes, in memory or mapped.
        explain: note down what the first so many bytes mean.

    Attributes:
        at: where the next value begins, in bytes.
        end: where the file ends, or the longest header that is read.
        n_texts, text_bytes: how many texts of lists have been read, and bytes of other texts.
        notes: (first byte, number of bytes, meaning) of what has been read.
    """

    def __init__(self, buffer: bytes | np.ndarray, explain: int = 0):
        self.data = buffer if isinstance(buffer, np.ndarray) else np.frombuffer(buffer, np.uint8)
        self.view = memoryview(self.data)
        self.at, self.end = 0, min(len(self.data), LONGEST_HEADER)
        self.explain, self.notes, self.n_texts, self.text_bytes = explain, [], 0, 0

    def take(self, size: int, name: str) -> int:
        """Step over `size` bytes; return where they begin."""
        start, left = self.at, self.end - self.at
        if size > left:
            place = "file" if self.end == len(self.data) else "longest header"
            raise wrong(name, start, f"{size} bytes", f"{left}: the {place} ends at {self.end}")
        self.at = start + size
        return start

    def number(self, kind: str, name: str) -> int | float:
        """Read one number of a NumPy type, its lowest byte first."""
        dtype = np.dtype(kind).newbyteorder("<")
        start = self.take(dtype.itemsize, name)
        value = np.frombuffer(self.view, dtype, 1, start).item()
        self.note(start, dtype.itemsize, name, value)
        return value

    def note(self, start: int, size: int, name: str, value: object) -> None:
        """Keep what `size` bytes from `start` on mean."""
        if start < self.explain:
            self.notes.append((start, size, f"{name}: {shown(str(value))}"))


def decode_text(file: ByteReader, start: int, stop: int, name: str) -> str:
    """Return the text of some bytes of the file."""
    try:
        return str(file.view[start:stop], "utf-8")
    except UnicodeDecodeError as error:
        at = start + error.start
        raise wrong(name, at, "UTF-8", bytes(file.view[at : at + 1])) from None


def read_text(file: ByteReader, name: str, most: int = LONGEST_TEXTS) -> str:
    """Read a text: its length, at most `most` bytes, then the bytes."""
    at, size = file.at, file.number("uint64", f"length of {name}")
    most = min(most, LONGEST_TEXTS - file.text_bytes)
    if size > most:
        raise wrong(f"length of {name}", at, f"at most {most}", size)
    start = file.take(size, name)
    file.text_bytes += size
    text = decode_text(file, start, file.at, name)
    file.note(start, file.at - start, name, text)
    return text


class MetadataList(Sequence):
    """A list in the metadata, whose values are read from the file when they are asked for.

    Args:
        size: how many values it has.
        read: returns the value of a number from 0 to `size - 1`.
    """

    def __init__(self, size: int, read: Callable[[int], object]):
        self.size, self.read = size, read

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, i: int | slice) -> object:
        chosen = range(self.size)[i]
        return [self.read(j) for j in chosen] if isinstance(i, slice) else self.read(chosen)

    def __eq__(self, other: object) -> bool:
        alike = isinstance(other, Sequence) and not isinstance(other, str | bytes)
        return list(self) == list(other) if alike else NotImplemented

    def __repr__(self) -> str:
        return f"<{self.size} values: {str(self[:3])[1:-1]}{', ...' if self.size > 3 else ''}>"


def read_numbers(file: ByteReader, kind: int, size: int, name: str) -> np.ndarray:
    """Step over `size` numbers of the type `NUMBERS[kind]`; return them as a view of the file."""
    dtype = np.dtype(NUMBERS[kind]).newbyteorder("<")
    start = file.take(size * dtype.itemsize, name)
    values = np.frombuffer(file.view, dtype, size, start)
    if NUMBERS[kind] == "bool" and size and (most := values.view(np.uint8).max()) > 1:
        raise wrong(name, start, "truth values 0 and 1", most)
    file.note(start, size * dtype.itemsize, name, values[0] if size == 1 else f"{size} numbers")
    return values


def read_texts(file: ByteReader, size: int, name: str) -> array:
    """Step over `size` texts; return where the length of each begins, and where all end."""
    if size > (most := MOST_TEXTS - file.n_texts):
        raise wrong(f"number of values of {name}", file.at - 8, f"at most {most}", size)
    file.n_texts += size
    view, at, starts = file.view[: file.end], file.at, array("q", [file.at])
    read_length, add = struct.Struct("<Q").unpack_from, starts.append
    try:
        for _ in range(size):
            at += 8 + read_length(view, at)[0]
            add(at)
    except (struct.error, OverflowError):
        pass  # a length that is cut off, or that no file has: one text is missing now
    if starts[-1] > file.end:
        starts.pop()
    n_whole = len(starts) - 1
    if n_whole < size:
        expected = f"a text that ends up to byte {file.end}"
        raise wrong(f"{name}[{n_whole}]", starts[-1], expected, "one that goes on")
    file.at = at
    check_texts(file, starts, name)
    return starts


def check_texts(file: ByteReader, starts: array, name: str) -> None:
    """Make sure that texts are UTF-8, and note them down.

    They are read in pieces, lengths included: a length below 128 is itself UTF-8, eight characters,
    larger ones are blanked, and a character that a text leaves unfinished cannot go on with either.
    """
    edges, end = np.frombuffer(starts, np.int64), starts[-1]
    decoder = codecs.getincrementaldecoder("utf-8")()
    for first in range(starts[0], end, 2**16):
        last = min(first + 2**16, end)
        piece = file.data[first:last].copy()
        low, high = np.searchsorted(edges, (first - 7, last))  # whose lengths are in the piece
        here, after = edges[low:high], edges[low + 1 : high + 1]
        places = (here[after - here >= 8 + 128, None] + np.arange(8)).ravel() - first
        piece[places[(places >= 0) & (places < last - first)]] = 0
        unfinished = len(decoder.getstate()[0])
        try:
            decoder.decode(piece.tobytes(), last == end)
        except UnicodeDecodeError as error:
            at = first - unfinished + error.start
            text = f"{name}[{bisect_right(starts, at) - 1}]"
            raise wrong(text, at, "UTF-8", bytes(file.view[at : at + 1])) from None
    for i, (start, stop) in enumerate(pairwise(starts)):
        if start >= file.explain:
            break
        text = str(file.view[start + 8 : min(stop, start + 1000)], "utf-8", "ignore")
        file.note(start, 8, f"length of {name}[{i}]", stop - start - 8)
        file.note(start + 8, stop - start - 8, f"{name}[{i}]", text)


def read_type(file: ByteReader, name: str, known: Mapping[int, str]) -> int:
    """Read the number that stands for a type, one of those known."""
    at = file.take(4, f"type of {name}")
    kind = int.from_bytes(file.view[at : file.at], "little")
    if kind not in known:
        raise wrong(f"type of {name}", at, f"one of {sorted(known)}", kind)
    file.note(at, 4, f"type of {name}", f"{kind}, {known[kind]}")
    return kind


def read_value(file: ByteReader, name: str) -> object:
    """Read a value of the metadata: its type, then a number, a text, or a list of these.

    Lists of lists, which the format has but no model and not llama.cpp, are refused.
    """
    kind = read_type(file, name, VALUE_TYPES)
    if kind == TEXT:
        return read_text(file, name)
    if kind != LIST:
        return read_numbers(file, kind, 1, name)[0].item()
    kind = read_type(file, f"the values of {name}", NUMBERS | {TEXT: "text"})
    size = file.number("uint64", f"number of values of {name}")
    if kind == TEXT:
        starts = read_texts(file, size, name)
        return MetadataList(size, lambda i: decode_text(file, starts[i] + 8, starts[i + 1], name))
    numbers = read_numbers(file, kind, size, name)
    return MetadataList(size, lambda i: numbers[i].item())


@dataclass(frozen=True)
class TensorEntry:
    """What the header says of a tensor; whether that can be is not checked yet.

    Args:
        name: such as "blk.0.attn_q.weight".
        sizes: of its dimensions; the first is that of a row, whose numbers are neighbours.
        kind: its type, one of `TENSOR_TYPES`.
        offset: where it begins, in bytes from the start of the tensors.
        at: where in the file the type stands; the offset follows, the sizes stand before.
    """

    name: str
    sizes: tuple[int, ...]
    kind: int
    offset: int
    at: int


def read_tensor_entry(file: ByteReader, i: int) -> TensorEntry:
    """Read entry `i` in the list of tensors."""
    name = read_text(file, f"name of tensor {i}", LONGEST_NAME)
    at, n_dims = file.at, file.number("uint32", f"number of dimensions of {name}")
    if n_dims > 4:
        raise wrong(f"number of dimensions of {name}", at, "at most 4", n_dims)
    sizes = tuple(file.number("uint64", f"dimension {d} of {name}") for d in range(n_dims))
    at, kind = file.at, read_type(file, name, TYPE_NAMES)
    return TensorEntry(name, sizes, kind, file.number("uint64", f"offset of {name}"), at)


def read_count(file: ByteReader, name: str) -> int:
    """Read how many tensors or entries there are."""
    at, count = file.at, file.number("uint64", f"number of {name}")
    if count > MOST_ENTRIES:
        raise wrong(f"number of {name}", at, f"at most {MOST_ENTRIES}", count)
    return count


def read_start(file: ByteReader) -> None:
    """Read the magic bytes and the version."""
    start = file.take(4, "magic")
    if (magic := bytes(file.view[:4])) != MAGIC:
        raise wrong("magic", start, MAGIC, magic)
    file.note(start, 4, "magic", "GGUF")
    version = file.number("uint32", "version")
    if version != VERSION:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
        got = f"{swapped} in big-endian order" if version % 2**16 == 0 < version else version
        raise wrong("version", 4, f"{VERSION} in little-endian order", got)


# ------------------------------------------------------------------------------------- a whole file


@dataclass(frozen=True, eq=False)
class GGUFTensor:
    """A tensor where it lies in the file; nothing of it is read before it is asked for.

    Args:
        type: such as "F32" or "Q4_0", see `TENSOR_TYPES`.
        shape: as in NumPy, the width of a row last.
        offset: where it begins, in bytes from the start of the file.
        data: uint8 (..., bytes per row), a view of the file.
    """

    type: str
    shape: tuple[int, ...]
    offset: int
    data: np.ndarray = field(repr=False)

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    def array(self) -> np.ndarray:
        """Return its numbers as float32.

        Raises:
            ValueError: a type that `FORMATS` lacks.
        """
        if self.type not in FORMATS:
            raise ValueError(f"expected a type among {sorted(FORMATS)}, got {self.type}")
        return dequantize(self.data, self.type, self.shape)


@dataclass(frozen=True, eq=False)
class GGUF:
    """An open GGUF file.

    Args:
        metadata: name to number, text or list, in the order of the file.
        tensors: name to tensor, likewise.
        data_offset: where the tensors begin, in bytes.
        alignment: each of them begins a multiple of so many bytes further on.
        version: of the format.
    """

    metadata: dict[str, object] = field(repr=False)
    tensors: dict[str, GGUFTensor] = field(repr=False)
    data_offset: int
    alignment: int = ALIGNMENT
    version: int = VERSION


def read_gguf(path: str | os.PathLike) -> GGUF:
    """Open a GGUF file: the header is read, the tensors are mapped and read when they are used.

    The file must stay as it is while it is open.

    Raises:
        ValueError: no GGUF of version 3 in little-endian order, or a broken one.
        OSError: the file cannot be read.
    """
    return parse_gguf(map_file(path))


def map_file(path: str | os.PathLike) -> np.ndarray:
    """Return a file's bytes, uint8 (n,), mapped into memory: read only where they are used."""
    empty = os.path.getsize(path) == 0  # nothing to map
    return np.zeros(0, np.uint8) if empty else np.memmap(path, np.uint8, "r")


def parse_gguf(buffer: bytes | np.ndarray | ByteReader) -> GGUF:
    """Read a GGUF file from its bytes; errors as for `read_gguf`.

    Args:
        buffer: bytes, uint8 (n,), or a reader that stands at their start.

    >>> parse_gguf(b"GGUF" + struct.pack("<IQQ", 3, 0, 0)).tensors
    {}
    >>> parse_gguf(b"GGXX")
    Traceback (most recent call last):
    ...
    ValueError: magic at byte 0: expected b'GGUF', got b'GGXX'
    """
    file = buffer if isinstance(buffer, ByteReader) else ByteReader(buffer)
    read_start(file)
    n_tensors, n_entries = read_count(file, "tensors"), read_count(file, "entries")
    metadata, entries = {}, {}
    for i in range(n_entries):
        at, name = file.at, read_text(file, f"name of entry {i}", LONGEST_NAME)
        if name in metadata:
            raise wrong(f"name of entry {i}", at, "a new one", f"{shown(name)} again")
        at = file.at + 4  # behind the type
        metadata[name] = read_value(file, name)
        if name == "general.alignment":
            check_alignment(metadata[name], f" at byte {at}")
    for i in range(n_tensors):
        at, entry = file.at, read_tensor_entry(file, i)
        if entry.name in entries:
            raise wrong(f"name of tensor {i}", at, "a new one", f"{shown(entry.name)} again")
        entries[entry.name] = entry
    alignment = metadata.get("general.alignment", ALIGNMENT)
    data_offset = round_up(file.at, alignment)
    tensors = place_tensors(file, entries, data_offset, alignment)
    return GGUF(metadata, tensors, data_offset, alignment)


def check_alignment(alignment: object, place: str = "") -> int:
    """Return `alignment` if it is a power of two; `ValueError`, with the place, if not."""
    if type(alignment) is not int or alignment < 1 or alignment & (alignment - 1):
        got = f"{alignment!r:.60}"
        raise ValueError(f"general.alignment{place}: expected a power of two, got {got}")
    return alignment


def round_up(n: int, multiple: int) -> int:
    """Return the first multiple of `multiple` from `n` on.

    >>> round_up(33, 32)
    64
    """
    return -(-n // multiple) * multiple


def place_tensors(
    file: ByteReader, entries: Mapping[str, TensorEntry], data_offset: int, alignment: int
) -> dict[str, GGUFTensor]:
    """Find the bytes of each tensor: inside the file, aligned, and nobody else's.

    The padding behind a tensor is its own, that behind the last one too.

    Raises:
        ValueError: it is otherwise, or rows are no whole blocks.
    """
    tensors, free = {}, 0  # where the tensor before ends
    for entry in sorted(entries.values(), key=lambda entry: entry.offset):
        name, at = entry.name, entry.at
        kind, block_size, block_bytes = TENSOR_TYPES[entry.kind]
        shape = tuple(reversed(entry.sizes)) or (1,)
        *others, row = shape
        if min(shape) < 1 or row % block_size:
            expected = f"at least 1, rows in blocks of {block_size}"
            raise wrong(f"dimensions of {name}", at - 8 * len(entry.sizes), expected, entry.sizes)
        if entry.offset % alignment or entry.offset < free:
            expected = f"a multiple of {alignment} from {free} on"
            raise wrong(f"offset of {name}", at + 4, expected, entry.offset)
        row_bytes = row // block_size * block_bytes
        start, size = data_offset + entry.offset, math.prod(others) * row_bytes
        free = entry.offset + round_up(size, alignment)
        if data_offset + free > len(file.data):
            expected = f"an end up to byte {len(file.data)}, that of the file"
            raise wrong(name, at + 4, expected, f"{size} bytes from {start} on, and padding")
        data = file.data[start : start + size].reshape(*others, row_bytes)
        tensors[name] = GGUFTensor(kind, shape, start, data)
    return {name: tensors[name] for name in entries}


# ------------------------------------------------------------------------------------------ writing


def pack_text(text: str) -> bytes:
    r"""Return a text as the file holds it: its length, then its bytes.

    >>> pack_text("año")
    b'\x04\x00\x00\x00\x00\x00\x00\x00a\xc3\xb1o'
    """
    data = check_text(text).encode()
    return struct.pack("<Q", len(data)) + data


def number_type(values: Sequence, integers: Sequence[str]) -> str:
    """Choose the type in which a file holds numbers.

    Args:
        values: all of one Python type, or all of one NumPy type, which they keep.
        integers: the types for Python integers; the first that holds them all is chosen.

    Raises:
        ValueError: no numbers, of several types, or too large.
    """
    kinds = {type(value) for value in values}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is bool:
        return "bool"
    if kind and issubclass(kind, np.generic) and np.dtype(kind).name in NUMBERS.values():
        return np.dtype(kind).name
    if kind is float:
        most = max((abs(x) for x in values if math.isfinite(x)), default=0)
        return "float32" if most <= float(np.finfo(np.float32).max) else "float64"
    for name in integers if kind is int else ():
        if np.iinfo(name).min <= min(values) and max(values) <= np.iinfo(name).max:
            return name
    raise ValueError(f"expected texts or numbers of one type for the metadata, got {values!r:.60}")


def pack_value(value: object) -> bytes:
    r"""Return a value of the metadata as the file holds it: its type, then the value.

    Integers become uint32 if they fit, floats float32; in lists, integers become int32. NumPy's
    numbers and arrays keep their type. A list without values is one of texts.

    >>> pack_value(7)
    b'\x04\x00\x00\x00\x07\x00\x00\x00'

    Raises:
        ValueError: neither text nor number, nor a list of one of them.
    """
    if isinstance(value, str):
        return struct.pack("<I", TEXT) + pack_text(value)
    codes = {name: code for code, name in NUMBERS.items()}
    if isinstance(value, bytes) or not (isinstance(value, Sequence) or getattr(value, "ndim", 0)):
        kind = number_type([value], ("uint32", "int32", "uint64", "int64"))
        number = np.array(value, np.dtype(kind).newbyteorder("<"))
        return struct.pack("<I", codes[kind]) + number.tobytes()
    if all(isinstance(item, str) for item in value):  # also if there are none
        start = struct.pack("<IIQ", LIST, TEXT, len(value))
        return start + b"".join(map(pack_text, value))
    kind = number_type(value, ("int32", "int64", "uint64"))
    numbers = np.array(value, np.dtype(kind).newbyteorder("<"))
    return struct.pack("<IIQ", LIST, codes[kind], len(value)) + numbers.tobytes()


def pack_tensor_entry(name: str, shape: Sequence[int], type: str, offset: int) -> bytes:
    """Return what the header says of a tensor.

    Raises:
        ValueError: a name of more than 63 bytes, a shape of other than 1 to 4 dimensions, or rows
            that are no whole blocks of `type`.
    """
    if type not in TYPE_NUMBERS:
        raise ValueError(f"{name}: expected a type among {[*TYPE_NUMBERS]}, got {type!r}")
    if len(check_text(name).encode()) > 63 or not 1 <= len(shape) <= 4 or min(shape) < 1:
        got = f"{name!r} of shape {tuple(shape)}"
        raise ValueError(f"expected a name of at most 63 bytes and 1 to 4 dimensions, got {got}")
    if shape[-1] % FORMATS[type].block_size:
        multiple = f"a multiple of {FORMATS[type].block_size}, the block of {type}"
        raise ValueError(f"{name}: expected rows whose width is {multiple}, got {shape[-1]}")
    dimensions = struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
    return pack_text(name) + dimensions + struct.pack("<IQ", TYPE_NUMBERS[type][0], offset)


def gguf_bytes(
    metadata: Mapping[str, object], tensors: Mapping[str, tuple[np.ndarray, str]]
) -> bytearray:
    """Compose a whole GGUF file.

    Args:
        metadata: name to value, see `pack_value`.
        tensors: name to an array of floats, and the type in which the file is to hold it.

    Raises:
        ValueError: see `pack_value`, `pack_tensor_entry` and `quantize`.
    """
    alignment = check_alignment(metadata.get("general.alignment", ALIGNMENT))
    file, end = bytearray(MAGIC), 0
    file += struct.pack("<IQQ", VERSION, len(tensors), len(metadata))
    for name, value in metadata.items():
        file += pack_text(name) + pack_value(value)
    for name, (values, type) in tensors.items():
        file += pack_tensor_entry(name, values.shape, type, end)
        blocks = values.size // FORMATS[type].block_size
        end = round_up(end + blocks * FORMATS[type].bytes_per_block, alignment)
    for name, (values, type) in tensors.items():
        file += bytes(-len(file) % alignment)
        try:
            file += quantize(values, type).tobytes()
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    file += bytes(-len(file) % alignment)
    return file


def write_tensors(
    path: str | os.PathLike,
    metadata: Mapping[str, object],
    tensors: Mapping[str, tuple[np.ndarray, str]],
) -> None:
    """Write a GGUF file, in one step; arguments and errors as for `gguf_bytes`."""
    write_atomic(path, gguf_bytes(metadata, tensors))


# ------------------------------------------------------------------------------- names and layouts


def interleave_rotary(rows: Tensor, n_heads: int) -> Tensor:
    """Bring the rows of a query or key map into the order of GGUF files of Llama.

    Rotary positions turn pairs of numbers. Ours are i and i + K / 2 of a head (`rotate_half`),
    those of llama.cpp for Llama are neighbours (`rotate_pairs`).

    Args:
        rows: (H K, ...), the heads one after the other.
        n_heads: H.

    Raises:
        ValueError: not H heads of an even width.

    >>> interleave_rotary(torch.tensor([0, 1, 2, 3]), n_heads=1)
    tensor([0, 2, 1, 3])
    """
    if len(rows) % (2 * n_heads):
        raise ValueError(f"expected {n_heads} heads of an even width, got {len(rows)} rows")
    return rows.unflatten(0, (n_heads, 2, -1)).transpose(1, 2).flatten(0, 2)


def half_rotary(rows: Tensor, n_heads: int) -> Tensor:
    """Bring rows back from the order of GGUF files of Llama: undo `interleave_rotary`.

    >>> half_rotary(torch.tensor([0, 2, 1, 3]), n_heads=1)
    tensor([0, 1, 2, 3])
    """
    if len(rows) % (2 * n_heads):
        raise ValueError(f"expected {n_heads} heads of an even width, got {len(rows)} rows")
    return rows.unflatten(0, (n_heads, -1, 2)).transpose(1, 2).flatten(0, 2)


# our name -> the name in the files
TABLE_NAMES = {
    "token_embedding": "token_embd",
    "position_embedding": "position_embd",
    "final_norm": "output_norm",
    "head": "output",
}
LAYER_NAMES = {
    "attention_norm": "attn_norm",
    "attention.query": "attn_q",
    "attention.key": "attn_k",
    "attention.value": "attn_v",
    "attention.output": "attn_output",
    "attention.prepare.q_norm": "attn_q_norm",
    "attention.prepare.k_norm": "attn_k_norm",
    "feed_norm": "ffn_norm",
    "feed_forward.gate": "ffn_gate",
    "feed_forward.up": "ffn_up",
    "feed_forward.down": "ffn_down",
}


def to_gguf_tensors(
    tensors: Mapping[str, Tensor], config: LlamaConfig | GPTConfig
) -> dict[str, Tensor]:
    """Translate a model's tensors into those of a GGUF file.

    The files of GPT-2 hold queries, keys and values in one matrix; those of Llama have the rows of
    queries and keys in another order; a table used twice stands there once.
    """
    theirs = {}
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        layer, _, part = module.removeprefix("blocks.").partition(".")
        module = f"blk.{layer}.{LAYER_NAMES[part]}" if part else TABLE_NAMES[module]
        theirs[f"{module}.{kind}"] = tensor
    if isinstance(config, GPTConfig):
        for name in [name for name in theirs if ".attn_q." in name]:
            parts = [theirs.pop(name.replace("attn_q", f"attn_{part}")) for part in "qkv"]
            theirs[name.replace("attn_q", "attn_qkv")] = torch.cat(parts)
        return theirs
    if config.tied:
        del theirs["output.weight"]
    if config.rope_scaling:
        _, d_head = config.kv_heads_and_width
        scaled = rotation_speeds(d_head, config.rope_base, config.rope_scaling)
        theirs["rope_freqs.weight"] = rotation_speeds(d_head, config.rope_base) / scaled
    return theirs if config.qk_norm else _reorder_heads(theirs, config, interleave_rotary)


def from_gguf_tensors(
    tensors: Mapping[str, Tensor], config: LlamaConfig | GPTConfig
) -> dict[str, Tensor]:
    """Translate the tensors of a GGUF file into ours: `to_gguf_tensors` the other way round."""
    tables = {theirs: own for own, theirs in TABLE_NAMES.items()}
    parts = {theirs: own for own, theirs in LAYER_NAMES.items()}
    if isinstance(config, LlamaConfig) and not config.qk_norm:
        tensors = _reorder_heads(tensors, config, half_rotary)
    ours = {}
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        layer, _, part = module.removeprefix("blk.").partition(".")
        if part == "attn_qkv":
            for own, third in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                ours[f"blocks.{layer}.attention.{own}.{kind}"] = third
        elif name != "rope_freqs.weight":
            module = f"blocks.{layer}.{parts[part]}" if part else tables[module]
            ours[f"{module}.{kind}"] = tensor
    if isinstance(config, LlamaConfig) and config.tied:
        ours["head.weight"] = ours["token_embedding.weight"]
    return ours


def _reorder_heads(
    tensors: Mapping[str, Tensor], config: LlamaConfig, reorder: Callable[[Tensor, int], Tensor]
) -> dict[str, Tensor]:
    n_kv_heads, _ = config.kv_heads_and_width
    heads = {"attn_q": config.n_heads, "attn_k": n_kv_heads}
    return {
        name: reorder(tensor, heads[part]) if (part := name.split(".")[-2]) in heads else tensor
        for name, tensor in tensors.items()
    }


def tensor_shapes(config: LlamaConfig | GPTConfig) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all tensors in the file of a model of these sizes.

    >>> tensor_shapes(GPTConfig(d_model=8, n_heads=2))["blk.11.attn_qkv.weight"]
    (24, 8)
    """
    v, d, f, h = config.vocab_size, config.d_model, config.d_ff, config.n_heads
    shapes = {"token_embd.weight": (v, d), "output_norm.weight": (d,)}
    if isinstance(config, GPTConfig):
        f = f or 4 * d
        shapes |= {"position_embd.weight": (config.context_length, d), "output_norm.bias": (d,)}
        maps = {"attn_qkv": (3 * d, d), "attn_output": (d, d), "ffn_up": (f, d), "ffn_down": (d, f)}
    else:
        g, k = config.kv_heads_and_width
        shapes |= {} if config.tied else {"output.weight": (v, d)}
        shapes |= {"rope_freqs.weight": (k // 2,)} if config.rope_scaling else {}
        maps = {"attn_q": (h * k, d), "attn_k": (g * k, d), "attn_v": (g * k, d)}
        maps |= {"attn_q_norm": (k,), "attn_k_norm": (k,)} if config.qk_norm else {}
        maps |= {
            "attn_output": (d, h * k),
            "ffn_gate": (f, d),
            "ffn_up": (f, d),
            "ffn_down": (d, f),
        }
    for part, shape in (maps | {"attn_norm": (d,), "ffn_norm": (d,)}).items():
        for layer in range(config.n_layers):
            shapes[f"blk.{layer}.{part}.weight"] = shape
            if isinstance(config, GPTConfig):
                shapes[f"blk.{layer}.{part}.bias"] = shape[:1]
    return shapes


def check_tensors(gguf: GGUF, config: LlamaConfig | GPTConfig) -> list[str]:
    """Make sure that a file has the tensors of a model of these sizes, before memory is taken.

    Returns:
        Their names. Some files of GPT-2 hold its table once more as the output's: that is left out.

    Raises:
        ValueError: tensors missing, surplus or of another shape; the first of them named.
    """
    found = {name: tensor.shape for name, tensor in gguf.tensors.items()}
    if isinstance(config, GPTConfig) and "output.weight" in found:
        table, again = (gguf.tensors[f"{name}.weight"] for name in ("token_embd", "output"))
        if table.type == again.type and np.array_equal(table.data, again.data):
            del found["output.weight"]
    if config.n_layers > len(found):
        raise ValueError(f"expected tensors of {config.n_layers} layers, got {len(found)} tensors")
    wanted = tensor_shapes(config)
    misfits = [name for name in wanted | found if wanted.get(name) != found.get(name)]
    for name in misfits:
        what = f"{wanted.get(name, 'no such tensor')}, got {found.get(name, 'none')}"
        raise ValueError(f"{shown(name)}: expected {what}; {len(misfits)} tensors do not fit")
    return list(found)


# ------------------------------------------------------------------------------- sizes of the model

# our name -> the name in the metadata, behind that of the architecture
SIZE_NAMES = {
    "context_length": "context_length",
    "d_model": "embedding_length",
    "n_heads": "attention.head_count",
    "n_layers": "block_count",
    "d_ff": "feed_forward_length",
}
KV_HEADS, ROPE_BASE = "attention.head_count_kv", "rope.freq_base"
HEAD_WIDTHS = ("attention.key_length", "attention.value_length", "rope.dimension_count")
GPT_EPS, LLAMA_EPS = "attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon"
KNOWN_SIZES = {*SIZE_NAMES.values(), KV_HEADS, ROPE_BASE, *HEAD_WIDTHS, GPT_EPS, LLAMA_EPS}


def write_config(config: LlamaConfig | GPTConfig) -> dict[str, object]:
    """Return the metadata that say of what kind and size a model is.

    Raises:
        ValueError: norms on queries and keys together with stretched rotary positions: for these,
            the files of Qwen3 have no place.
    """
    sizes = {name: getattr(config, own) for own, name in SIZE_NAMES.items()}
    if isinstance(config, GPTConfig):
        arch = "gpt2"
        sizes |= {SIZE_NAMES["d_ff"]: config.d_ff or 4 * config.d_model, GPT_EPS: config.eps}
    else:
        arch = "qwen3" if config.qk_norm else "llama"
        if config.qk_norm and config.rope_scaling:
            raise ValueError("expected qk_norm or rope_scaling, got both: no GGUF file holds them")
        n_kv_heads, d_head = config.kv_heads_and_width
        sizes |= {KV_HEADS: n_kv_heads, LLAMA_EPS: config.eps, "vocab_size": config.vocab_size}
        sizes |= {ROPE_BASE: float(config.rope_base)} | dict.fromkeys(HEAD_WIDTHS, d_head)
    return {"general.architecture": arch} | {f"{arch}.{name}": n for name, n in sizes.items()}


def read_config(gguf: GGUF) -> LlamaConfig | GPTConfig:
    """Return the kind and the sizes of the model in a file.

    Raises:
        ValueError: an architecture that is not here, an entry missing or of another kind, or one
            that asks for something that our models do not do.
    """
    arch, tensors = gguf.metadata.get("general.architecture"), gguf.tensors
    if arch not in ("llama", "qwen3", "gpt2"):
        raise ValueError(f"expected the architecture llama, qwen3 or gpt2, got {arch!r:.60}")
    sizes = model_entries(gguf, arch)
    config = {own: check_integer(name, sizes.get(name), 1) for own, name in SIZE_NAMES.items()}
    config["vocab_size"] = tensors["token_embd.weight"].shape[0]
    if arch == "gpt2":
        return GPTConfig(**config, eps=read_float(sizes, GPT_EPS))
    n_kv_heads = check_integer(KV_HEADS, sizes.get(KV_HEADS, config["n_heads"]), 1)
    d_head = sizes.get(HEAD_WIDTHS[0], config["d_model"] // config["n_heads"])
    check_integer(HEAD_WIDTHS[0], d_head, 1)
    if any(sizes.get(name, d_head) != d_head for name in HEAD_WIDTHS):
        raise ValueError(f"expected heads of one width, all of it turned, got {sizes}")
    config |= {"n_kv_heads": n_kv_heads, "d_head": d_head, "eps": read_float(sizes, LLAMA_EPS)}
    config |= {"rope_base": read_float(sizes, ROPE_BASE, 10000.0), "qk_norm": arch == "qwen3"}
    factors = tensors.get("rope_freqs.weight") if arch == "llama" else None
    scaling = read_scaling(factors, d_head, config["rope_base"]) if factors else None
    return LlamaConfig(**config, rope_scaling=scaling, tied="output.weight" not in tensors)


def model_entries(gguf: GGUF, arch: str) -> dict[str, object]:
    """Return the metadata of an architecture, its name cut off, if our models know them all.

    Raises:
        ValueError: an entry that they do not know and that is not switched off, or no table of
            tokens.
    """
    start = f"{arch}."
    found = {k.removeprefix(start): v for k, v in gguf.metadata.items() if k.startswith(start)}
    for name, value in found.items():
        if name not in KNOWN_SIZES and name != "vocab_size" and value not in (0, "none"):
            raise ValueError(f"expected a plain {arch}, got {start}{shown(name)} = {value!r:.60}")
    if "token_embd.weight" not in gguf.tensors:
        raise ValueError(f"expected a tensor token_embd.weight, got {len(gguf.tensors)} others")
    return found


def read_float(sizes: Mapping[str, object], name: str, usual: float | None = None) -> float:
    """Return a number of 32 bits, as the shortest decimal that stands for it.

    >>> read_float({"eps": float(np.float32(1e-5))}, "eps")
    1e-05
    """
    value = sizes.get(name, usual)
    if type(value) is not float or not 0 <= value <= float(np.finfo(np.float32).max):
        raise ValueError(f"expected {name} to be a number of at least 0, got {value!r:.60}")
    return float(str(np.float32(value)))


def read_scaling(factors: GGUFTensor, d_head: int, base: float) -> RopeScaling:
    """Return the stretching of rotary positions that slows each pair of numbers down so much.

    The file holds the factors (K / 2,), not what they come from. All published models blend between
    1 and 4 turns per old context; then the pairs that are blended tell how long that was.

    Raises:
        ValueError: not that many factors, or others than Llama 3 would have.
    """
    slower = factors.array().astype(float) if factors.shape == (d_head // 2,) else np.zeros(1)
    factor = float(slower.max())
    if not 0.999 < slower.min() < factor < math.inf:
        raise ValueError(f"expected {d_head // 2} factors from 1 on in rope_freqs, got {factors}")
    speeds = rotation_speeds(d_head, base).double()
    keep = (1 / slower - 1 / factor) / (1 - 1 / factor)  # 0 is slowed down in full, 1 not at all
    blended = (keep > 0.001) & (keep < 0.999)
    contexts = 2 * math.pi * (1 + 3 * keep) / speeds.numpy()
    old_context = round(contexts[blended if blended.any() else keep <= 0.001].min())
    scaling = RopeScaling(factor, 1.0, 4.0, old_context)
    if not np.allclose(speeds / rotation_speeds(d_head, base, scaling), slower, rtol=1e-4):
        raise ValueError(f"expected the factors of a Llama 3 in rope_freqs, got {slower}")
    return scaling


# ----------------------------------------------------------------------------------- the tokenizer

# How the texts are cut into words: the name in the files, and the pattern.
PRE_TOKENIZERS = {
    "gpt-2": GPT2_PATTERN,
    "llama-bpe": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "smollm": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+",
}
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5  # kinds of tokens
BYTE_CHARACTERS = byte_characters()


def write_tokenizer(tokenizer: BPETokenizer, vocab_size: int) -> dict[str, object]:
    """Return the metadata that hold a tokenizer.

    A text ends with the special token that has "end" in its name, else the first special one, else
    the byte 0, which no text contains; for llama.cpp, it begins with the same.

    Args:
        tokenizer: with a pattern of `PRE_TOKENIZERS`, or GPT-4's, which is written as "llama-bpe":
            the two differ only in spaces after a line end at the very end of a text.
        vocab_size: V of the model; ids that the tokenizer lacks become unused tokens.

    Raises:
        ValueError: another pattern, more tokens than V, or two that would look alike.
    """
    names = {pattern: name for name, pattern in PRE_TOKENIZERS.items()}
    pre = (names | {GPT4_PATTERN: "llama-bpe"}).get(tokenizer.pattern)
    if pre is None or tokenizer.vocab_size > vocab_size:
        got = f"{tokenizer.pattern!r} and {tokenizer.vocab_size} tokens"
        raise ValueError(f"expected a pattern of PRE_TOKENIZERS and {vocab_size} tokens, got {got}")
    special = {i: text for text, i in tokenizer.special_tokens.items()}
    shown_as = {i: show_bytes(token) for i, token in tokenizer.vocab.items()} | special
    tokens = [shown_as.get(i, f"[PAD{i}]") for i in range(vocab_size)]
    if len(set(tokens)) < vocab_size:
        raise ValueError("expected tokens that look different in a file, got two that do not")
    kinds = [
        CONTROL if i in special else NORMAL if i in shown_as else UNUSED for i in range(vocab_size)
    ]
    zero = tokens.index(show_bytes(b"\0"))
    end = next((i for i in special if "end" in special[i]), next(iter(special), zero))
    entries = {
        "model": "gpt2",
        "pre": pre,
        "tokens": tokens,
        "token_type": kinds,
        "merges": [f"{show_bytes(left)} {show_bytes(right)}" for left, right in tokenizer.merges],
        "bos_token_id": end,
        "eos_token_id": end,
        "add_bos_token": False,
    }
    return {f"tokenizer.ggml.{name}": value for name, value in entries.items()}


def show_bytes(token: bytes) -> str:
    """Return the bytes of a token as visible characters, see `byte_characters`."""
    return "".join(BYTE_CHARACTERS[byte] for byte in token)


def read_tokenizer(gguf: GGUF) -> BPETokenizer:
    """Return the tokenizer that a file holds.

    llama.cpp takes a word that is a token of a "llama-bpe" vocabulary as a whole; ours merges,
    which gives the same wherever the merges lead to that token.

    Raises:
        ValueError: it is no byte-level BPE, cuts words in a way that is not in `PRE_TOKENIZERS`, or
            is broken.
    """
    start = "tokenizer.ggml."
    found = {k.removeprefix(start): v for k, v in gguf.metadata.items() if k.startswith(start)}
    kind, pre = found.get("model"), str(found.get("pre"))
    if kind != "gpt2" or pre not in PRE_TOKENIZERS:
        expected = f"the tokenizer gpt2, cut as one of {[*PRE_TOKENIZERS]}"
        raise ValueError(f"expected {expected}, got {kind!r:.60}, cut as {pre!r:.60}")
    byte_of = {character: byte for byte, character in BYTE_CHARACTERS.items()}
    read = lambda text: bytes(byte_of[character] for character in text)  # noqa: E731
    try:
        tokens, merges = list(found["tokens"]), list(found["merges"])
        kinds = found.get("token_type", [NORMAL] * len(tokens))
        if unknown := {*kinds} - {NORMAL, CONTROL, USER_DEFINED, UNUSED}:
            raise ValueError(f"tokens of the types {sorted(unknown)}")
        numbered = list(zip(range(len(tokens)), tokens, kinds, strict=True))
        vocab = {i: read(token) for i, token, kind in numbered if kind == NORMAL}
        special = {t: i for i, t, kind in numbered if kind in (CONTROL, USER_DEFINED)}
        pairs = [tuple(map(read, merge.split(" "))) for merge in merges]
        return BPETokenizer(vocab, pairs, special, PRE_TOKENIZERS[pre])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"expected a byte-level tokenizer, got {error!r:.300}") from None


# ------------------------------------------------------------------------------------- whole models


def write_gguf(
    path: str | os.PathLike,
    model: Llama | GPT,
    tokenizer: BPETokenizer,
    type: str = "F32",
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write a model and its tokenizer to a file that llama.cpp opens; in one step.

    Args:
        path: where to.
        model: written as the architecture "llama", "qwen3" (with norms on queries and keys) or
            "gpt2".
        tokenizer: see `write_tokenizer`.
        type: of all matrices; what has one dimension stays in F32.
        metadata: further entries, such as {"general.name": "Stories"}; what the model and the
            tokenizer say of themselves stays.

    Raises:
        ValueError: a type that cannot be written or cannot hold the rows of a matrix, or what
            `write_config` and `write_tokenizer` refuse. Then nothing has been written.
    """
    if not isinstance(model, Llama | GPT):
        raise ValueError(f"expected a Llama or a GPT, got {model.__class__.__name__}")
    if type not in ENCODERS:
        raise ValueError(f"expected a type among {[*ENCODERS]}, got {type!r}")
    tensors = {
        name: (tensor.detach().float().cpu().numpy(), type if tensor.ndim > 1 else "F32")
        for name, tensor in to_gguf_tensors(model.state_dict(), model.config).items()
    }
    entries = write_config(model.config) | {"general.file_type": TYPE_NUMBERS[type][1]}
    entries |= {"general.quantization_version": 2}
    entries |= write_tokenizer(tokenizer, model.config.vocab_size)
    write_tensors(path, dict(metadata or {}) | entries, tensors)


def read_model(gguf: GGUF) -> Llama | GPT:
    """Return the model in an open file, in float32.

    Raises:
        ValueError: see `read_config`; tensors missing, surplus, of other shapes, or of a type that
            cannot be decoded.
    """
    config = read_config(gguf)
    names = check_tensors(gguf, config)
    tensors = {name: torch.from_numpy(gguf.tensors[name].array()) for name in names}
    model = Llama(config) if isinstance(config, LlamaConfig) else GPT(config)
    model.load_state_dict(from_gguf_tensors(tensors, config))
    return model


def load_gguf(path: str | os.PathLike) -> tuple[Llama | GPT, BPETokenizer]:
    """Return the model and the tokenizer in a file; errors as `read_gguf` and `read_model`."""
    gguf = read_gguf(path)
    return read_model(gguf), read_tokenizer(gguf)


def from_gguf(cls: type, path: str | os.PathLike) -> Llama | GPT:
    """Return the model in a GGUF file, whatever its tokenizer.

    Raises:
        ValueError: as `read_gguf` and `read_model`; a model of the other kind.
    """
    model = read_model(read_gguf(path))
    if not isinstance(model, cls):
        raise ValueError(f"expected a {cls.__name__} in the file, got a {type(model).__name__}")
    return model


# `Llama.from_gguf` and `GPT.from_gguf`: given to the two here, because the chapters of the models
# come before this one and know nothing of it.
LlamaFiles.from_gguf = GPTFiles.from_gguf = classmethod(from_gguf)


# --------------------------------------------------------------------------------- looking at files


def hex_rows(data: bytes, start: int, meaning: str) -> list[str]:
    """Write bytes in rows of 8: the place of the first, the bytes, their characters, a meaning.

    >>> hex_rows(b"GGUF", 0, "magic")
    ['00000000  47 47 55 46              GGUF      magic']
    """
    rows = []
    for at in range(0, len(data), 8):
        row = data[at : at + 8]
        characters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        text = "" if at else meaning
        rows.append(f"{start + at:08x}  {row.hex(' '):23}  {characters:8}  {text}".rstrip())
    return rows


def hex_view(buffer: bytes | np.ndarray, n_bytes: int = 256) -> str:
    """Show the first bytes of a GGUF file and what they mean, also of a broken one.

    Args:
        buffer: the file's bytes.
        n_bytes: how many to show.
    """
    file = ByteReader(buffer, explain=check_integer("n_bytes", n_bytes, 1))
    try:
        gguf, unknown = parse_gguf(file), "padding"
        for name, tensor in gguf.tensors.items():
            file.note(tensor.offset, tensor.data.nbytes, name, f"{tensor.type} {tensor.shape}")
    except ValueError as error:
        unknown = str(error)
    rows, at, end = [], 0, min(n_bytes, len(file.data))
    for start, size, meaning in [*sorted(file.notes), (end, 0, "")]:
        stop = min(start + size, end)
        rows += hex_rows(bytes(file.view[at:start]), at, unknown)
        rows += hex_rows(bytes(file.view[start:stop]), start, meaning)
        at = stop
    return "\n".join(rows)


def describe_gguf(gguf: GGUF) -> str:
    """Say what is in an open file: the model's sizes, its tokenizer, the metadata, the tensors."""
    found = {
        name: f"{value:g}" if isinstance(value, float) else shown(str(value))
        for name, value in gguf.metadata.items()
    }
    arch = found.get("general.architecture", "unknown architecture")
    tensors = gguf.tensors.values()
    n, n_bytes = sum(t.size for t in tensors), sum(t.data.nbytes for t in tensors)
    bits = f" in {n_bytes:,} bytes, {8 * n_bytes / n:.2f} bits per weight" if n else ""
    sizes = [f"{own} {found.get(f'{arch}.{name}', '?')}" for own, name in SIZE_NAMES.items()]
    tokens = [found.get(f"tokenizer.ggml.{name}", "?") for name in ("model", "pre", "tokens")]
    lines = [
        f"GGUF version {gguf.version}: {arch}, {n:,} parameters{bits}",
        "sizes: {}".format(", ".join(sizes)),
        "tokenizer: {}, cut as {}, {}".format(*tokens),
        f"\nmetadata: {len(found)} entries",
        *(f"  {shown(name):40} {value}" for name, value in found.items()),
        f"\ntensors: {len(tensors)}, from byte {gguf.data_offset:,} on",
    ]
    return "\n".join([*lines, *describe_tensors(gguf.tensors)])


def describe_tensors(tensors: Mapping[str, GGUFTensor]) -> list[str]:
    """List how much is of each type, then the tensors, those of all layers as one line."""
    parameters, alike = Counter(), Counter()
    for name, tensor in tensors.items():
        parameters[tensor.type] += tensor.size
        alike[shown(regex.sub(r"^blk\.\d+\.", "blk.*.", name)), tensor.type, tensor.shape] += 1
    lines = [f"  {type:8} {n:15,} parameters" for type, n in parameters.most_common()]
    for (name, type, shape), n in alike.items():
        lines.append(f"  {name:40} {type:8} {shape}{f', {n} times' if n > 1 else ''}")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Show what is in the file that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m lessons_lib.gguf", description="Say what is in a GGUF file."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--hex", type=int, metavar="N", help="show the first N bytes instead")
    options = parser.parse_args(arguments)
    file = map_file(options.file)
    print(describe_gguf(parse_gguf(file)) if options.hex is None else hex_view(file, options.hex))


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
