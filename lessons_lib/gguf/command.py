"""Looking at files: the command `python -m lessons_lib.gguf`, bytes and summaries."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import regex

from lessons_lib.base.validation import check_integer
from lessons_lib.gguf.layout import shown
from lessons_lib.gguf.names import SIZE_NAMES
from lessons_lib.gguf.reading import GGUF, ByteReader, GGUFTensor, map_file, parse_gguf


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
