"""Values as JSON: what a student's process and the judge send each other.

Of answers only plain values travel: no object of the student's own, whose `==` could say anything.
Arguments may hold objects of the library too, such as a configuration.
"""

import array
import itertools
import pickle
import sys
from collections import UserList, deque
from collections.abc import ItemsView, Iterable, KeysView, Mapping, ValuesView
from decimal import Decimal
from fractions import Fraction

__all__ = ["pack", "pack_arguments", "unpack", "unpack_arguments"]

LONGEST = 1_000_000  # elements that are taken from a generator


def pack(value: object) -> object:
    """Turn an answer into what JSON can hold; `TypeError` with the type's name where it cannot."""
    for plain in (bool, int, float, str):
        if isinstance(value, plain):
            return plain(value)
    if isinstance(value, Fraction | Decimal):
        return float(value)
    if value is None:
        return None
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            return [kind.__name__, [pack(item) for item in value]]
    if isinstance(value, Mapping):
        return ["dict", [[pack(key), pack(item)] for key, item in value.items()]]
    if isinstance(value, bytes | bytearray | memoryview):
        return ["bytes", bytes(value).hex()]
    if isinstance(value, UserList | array.array):
        return ["list", [pack(item) for item in value]]
    if isinstance(value, range | deque | KeysView | ValuesView | ItemsView):
        return ["tuple", [pack(item) for item in value]]
    if (torch := sys.modules.get("torch")) and isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if np := sys.modules.get("numpy"):
        if isinstance(value, np.generic):
            return pack(value.item())
        if isinstance(value, np.ndarray):
            if value.dtype.kind not in "biufc":
                return pack(value.tolist())
            return ["array", value.dtype.str, list(value.shape), value.tobytes().hex()]
    if isinstance(value, Iterable) and not isinstance(value, type):
        return ["iter", [pack(item) for item in itertools.islice(value, LONGEST)]]
    raise TypeError(type(value).__name__)


def unpack(packed: object) -> object:
    """Give back what `pack` was given: an iterator for a generator, arrays for tensors."""
    if not isinstance(packed, list):
        return packed
    kind, *content = packed
    if kind == "bytes":
        return bytes.fromhex(*content)
    if kind == "array":
        import numpy as np

        dtype, shape, data = content
        if np.dtype(dtype).kind not in "biufc":
            raise TypeError(f"expected numbers, got {dtype}")
        return np.frombuffer(bytes.fromhex(data), dtype).reshape(shape).copy()
    if kind == "dict":
        return {unpack(key): unpack(item) for key, item in content[0]}
    kinds = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "iter": iter}
    return kinds[kind]([unpack(item) for item in content[0]])


def pack_arguments(arguments: tuple) -> list:
    """Turn a case's arguments into what JSON can hold; tensors and the library's objects as bytes.

    They come back as what they were. Raises `TypeError` for an object of another package.
    """
    return [
        ["object", pickle.dumps(one).hex()]
        if type(one).__module__.partition(".")[0] in ("lessons_lib", "torch")
        else pack(one)
        for one in arguments
    ]


def unpack_arguments(packed: list) -> tuple:
    """Give back what `pack_arguments` was given. Never for what a student's process has sent."""
    return tuple(
        pickle.loads(bytes.fromhex(one[1]))
        if isinstance(one, list) and one[0] == "object"
        else unpack(one)
        for one in packed
    )
