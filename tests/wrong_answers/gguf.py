"""Wrong answers to the exercises of the chapter `gguf`."""

import json
import math

import numpy as np

from lessons_lib.classroom.practice.gguf import check_misplaced, check_unnoticed
from lessons_lib.gguf import parse_gguf


def safetensors(data, order="little", size=None, base=None, names=None, dtype=None, shape=list):
    size = int.from_bytes(data[:8], order) if size is None else size(data)
    header = json.loads(data[8 : 8 + size])
    rest = data[(8 + size if base is None else base(size)) :]
    arrays = {}
    for name, entry in header.items():
        if names is None and name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        kind = dtype or {"F32": "<f4", "F16": "<f2"}[entry["dtype"]]
        values = np.frombuffer(rest[start:end], kind)
        arrays[name] = values.reshape(shape(entry["shape"]))
    return arrays


def one_after_the_other(data):
    size = int.from_bytes(data[:8], "little")
    header, at, arrays = json.loads(data[8 : 8 + size]), 8 + size, {}
    for name in header.keys() - {"__metadata__"}:
        count = math.prod(header[name]["shape"])
        values = np.frombuffer(data, "<f4", count, at)
        arrays[name], at = values.reshape(header[name]["shape"]), at + 4 * count
    return arrays


def places_of(data, change, notices=False, keep=False):
    places, now = [], bytearray(data)
    for i in range(len(data)):
        now = now if keep else bytearray(data)
        now[i] = change(now[i])
        try:
            parse_gguf(bytes(now))
            refused = False
        except ValueError:
            refused = True
        if refused == notices:
            places.append(i)
    return places


def by_halves(rows, n_heads, change):
    width = len(rows) // n_heads
    heads = [rows[at : at + width] for at in range(0, len(rows), width)]
    return [row for head in heads for row in change(head)]


def beyond(places, n_bytes):
    return [name for name, (offset, size) in places.items() if offset + size > n_bytes]


def past_the_misplaced(places, n_bytes):
    names, free = [], 0
    for name, (offset, size) in sorted(places.items(), key=lambda place: place[1]):
        if offset < free or offset + size > n_bytes:
            names.append(name)
        else:
            free = offset + size
    return names


def against_the_last(places, n_bytes, ordered=True, edge=0):
    names, free = [], 0
    items = sorted(places.items(), key=lambda place: place[1][0]) if ordered else places.items()
    for name, (offset, size) in items:
        if offset < free + edge or offset + size > n_bytes:
            names.append(name)
        free = offset + size
    return names


WRONG = {
    "check_read_safetensors": {
        "nothing": lambda data: {},
        "highest byte first": lambda data: safetensors(data, order="big"),
        "one byte of length": lambda data: safetensors(data, size=lambda data: data[0]),
        "from the start": lambda data: safetensors(data, base=lambda size: 0),
        "without the eight bytes": lambda data: safetensors(data, base=lambda size: size),
        "metadata as a tensor": lambda data: safetensors(data, names="all"),
        "F32 always": lambda data: safetensors(data, dtype="<f4"),
        "flat": lambda data: safetensors(data, shape=lambda shape: -1),
        "shape turned round": lambda data: safetensors(data, shape=lambda shape: shape[::-1]),
        "highest byte of numbers first": lambda data: safetensors(data, dtype=">f4"),
        "one after the other": one_after_the_other,
    },
    "check_to_halves": {
        "nothing": lambda rows, n_heads: list(rows),
        "across heads": lambda rows, n_heads: [*rows[::2], *rows[1::2]],
        "the other way": lambda rows, n_heads: by_halves(
            rows,
            n_heads,
            lambda h: [h[i + f] for i in range(len(h) // 2) for f in (0, len(h) // 2)],
        ),
        "seconds first": lambda rows, n_heads: by_halves(
            rows, n_heads, lambda h: [*h[1::2], *h[::2]]
        ),
        "halves exchanged": lambda rows, n_heads: by_halves(
            rows, n_heads, lambda h: [*h[len(h) // 2 :], *h[: len(h) // 2]]
        ),
        "first head only": lambda rows, n_heads: [
            *by_halves(rows[: len(rows) // n_heads], 1, lambda h: [*h[::2], *h[1::2]]),
            *rows[len(rows) // n_heads :],
        ],
        "width for heads": lambda rows, n_heads: by_halves(
            rows, len(rows) // n_heads, lambda h: [*h[::2], *h[1::2]]
        ),
    },
    "check_misplaced": {
        "nothing": lambda places, n_bytes: [],
        "all": lambda places, n_bytes: list(places),
        "begins beyond": lambda places, n_bytes: [
            name for name, (offset, _) in places.items() if offset >= n_bytes
        ],
        "beyond only": beyond,
        "overlaps only": lambda places, n_bytes: check_misplaced.solution(places, 10**6),
        "as listed": lambda places, n_bytes: against_the_last(places, n_bytes, ordered=False),
        "against the last": against_the_last,
        "past the misplaced": past_the_misplaced,
        "edges touch": lambda places, n_bytes: against_the_last(places, n_bytes, edge=1),
        "end not allowed": lambda places, n_bytes: check_misplaced.solution(places, n_bytes - 1),
        "names in order": lambda places, n_bytes: sorted(
            check_misplaced.solution(places, n_bytes), reverse=True
        ),
        "listed order": lambda places, n_bytes: [
            name for name in places if name in check_misplaced.solution(places, n_bytes)
        ],
    },
    "check_unnoticed": {
        "nothing": lambda data: [],
        "those refused": lambda data: places_of(data, lambda byte: byte ^ 255, notices=True),
        "how many": lambda data: len(check_unnoticed.solution(data)),
        "changes stay": lambda data: places_of(data, lambda byte: byte ^ 255, keep=True),
        "one more": lambda data: places_of(data, lambda byte: (byte + 1) % 256),
        "one bit": lambda data: places_of(data, lambda byte: byte ^ 1),
        "set to 0": lambda data: places_of(data, lambda byte: 0),
        "the header only": lambda data: [
            i for i in check_unnoticed.solution(data) if i < parse_gguf(data).data_offset
        ],
    },
}

FOUND_BY = {
    ("check_read_safetensors", "from the start"): "from its end",
    ("check_read_safetensors", "flat"): "its shape",
    ("check_read_safetensors", "shape turned round"): "its shape",
    ("check_read_safetensors", "metadata as a tensor"): "no tensor",
    ("check_read_safetensors", "F32 always"): "two bytes",
    ("check_read_safetensors", "one byte of length"): "several of the eight",
    ("check_unnoticed", "the header only"): "the tensors too",
    ("check_to_halves", "across heads"): "stays where it is",
    ("check_misplaced", "begins beyond"): "ends beyond",
    ("check_misplaced", "beyond only"): "before a has ended",
    ("check_misplaced", "as listed"): "another order",
    ("check_misplaced", "against the last"): "inside a",
    ("check_misplaced", "past the misplaced"): "before b has ended",
    ("check_misplaced", "edges touch"): "all is well",
    ("check_misplaced", "listed order"): "order of the offsets",
}
