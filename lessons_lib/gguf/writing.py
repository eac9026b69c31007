"""Writing: values, entries and tensors as bytes, in one go."""

import math
import os
import struct
from collections.abc import Mapping, Sequence

import numpy as np

from lessons_lib.base.files import write_atomic
from lessons_lib.base.validation import check_text
from lessons_lib.gguf.layout import (
    ALIGNMENT,
    LIST,
    MAGIC,
    NUMBERS,
    TEXT,
    TYPE_NUMBERS,
    VERSION,
    check_alignment,
    round_up,
)
from lessons_lib.quantization import FORMATS, quantize


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
