"""Numbers, names and limits of the format, and how an error names the place of a fault."""

from lessons_lib.base.validation import check_integer
from lessons_lib.quantization import FORMATS

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
READ_VERSIONS = (2, 3)  # 3 added nothing but files of big machines, highest byte first

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
    9: ("Q8_1", 32, 36),
    15: ("Q8_K", 256, 292),
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

# Types that llama.cpp had once; it too refuses files that hold them.
FORMER_TYPES = {
    4: "Q4_2",
    5: "Q4_3",
    31: "Q4_0_4_4",
    32: "Q4_0_4_8",
    33: "Q4_0_8_8",
    36: "IQ4_NL_4_4",
    37: "IQ4_NL_4_8",
    38: "IQ4_NL_8_8",
}

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


def check_alignment(alignment: object, place: str = "") -> int:
    """Return `alignment` if it is a power of two; `ValueError`, with the place, if not."""
    if type(alignment) is not int or alignment < 1 or alignment & (alignment - 1):
        got = f"{alignment!r:.60}"
        raise ValueError(f"general.alignment{place}: expected a power of two, got {got}")
    return alignment


def round_up(n: int, multiple: int) -> int:
    """Return the first multiple of `multiple` from `n` on.

    Raises:
        ValueError: `n` below 0, or `multiple` below 1.

    >>> round_up(33, 32)
    64
    """
    n, multiple = check_integer("n", n, 0), check_integer("multiple", multiple, 1)
    return -(-n // multiple) * multiple
