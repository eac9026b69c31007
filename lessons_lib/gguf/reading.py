"""Reading: the header value by value, then the tensors where they lie."""

import codecs
import math
import os
import struct
from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from lessons_lib.base.validation import check_integer
from lessons_lib.gguf.layout import (
    ALIGNMENT,
    FORMER_TYPES,
    LIST,
    LONGEST_HEADER,
    LONGEST_NAME,
    LONGEST_TEXTS,
    MAGIC,
    MOST_ENTRIES,
    MOST_TEXTS,
    NUMBERS,
    READ_VERSIONS,
    TENSOR_TYPES,
    TEXT,
    TYPE_NAMES,
    VALUE_TYPES,
    VERSION,
    check_alignment,
    round_up,
    shown,
    wrong,
)
from lessons_lib.quantization import FORMATS, dequantize


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
        former = known is TYPE_NAMES and FORMER_TYPES.get(kind)
        got = f"{kind}, {former}, which llama.cpp has given up" if former else kind
        raise wrong(f"type of {name}", at, f"one of {sorted(known)}", got)
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


def read_start(file: ByteReader) -> int:
    """Read the magic bytes and the version, and return that."""
    start = file.take(4, "magic")
    if (magic := bytes(file.view[:4])) != MAGIC:
        raise wrong("magic", start, MAGIC, magic)
    file.note(start, 4, "magic", "GGUF")
    version = file.number("uint32", "version")
    if version not in READ_VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
        got = f"{swapped} in big-endian order" if version % 2**16 == 0 < version else version
        raise wrong("version", 4, "2 or 3 in little-endian order", got)
    return version


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
        ValueError: no GGUF of version 2 or 3 in little-endian order, or a broken one.
        OSError: the file cannot be read.
    """
    return parse_gguf(map_file(path))


def check_whole(gguf: GGUF) -> None:
    """Make sure that a file is not one of the parts into which large models are cut.

    Raises:
        ValueError: it is one; which of how many, and what to do.
    """
    count, number = (gguf.metadata.get(f"split.{name}", 0) for name in ("count", "no"))
    if count not in (0, 1):
        which = check_integer("split.no", number, 0) + 1
        part = f"part {which} of {check_integer('split.count', count, 0)}"
        advice = "join the parts with llama.cpp's llama-gguf-split --merge"
        raise ValueError(f"expected a whole file, got {part}: {advice}")


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
    version = read_start(file)
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
    return GGUF(metadata, tensors, data_offset, alignment, version)


def place_tensors(
    file: ByteReader, entries: Mapping[str, TensorEntry], data_offset: int, alignment: int
) -> dict[str, GGUFTensor]:
    """Find the bytes of each tensor: inside the file, aligned, and nobody else's.

    The padding behind a tensor is its own; behind the last one, there may be none.

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
        if start + size > len(file.data):
            expected = f"an end up to byte {len(file.data)}, that of the file"
            raise wrong(name, at + 4, expected, f"{size} bytes from {start} on")
        data = file.data[start : start + size].reshape(*others, row_bytes)
        tensors[name] = GGUFTensor(kind, shape, start, data)
    return {name: tensors[name] for name in entries}
