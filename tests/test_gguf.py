"""GGUF files beside bytes written by hand, the `gguf` package, and models of `transformers`."""

import contextlib
import doctest
import importlib
import math
import os
import struct
import subprocess
import sys
import tracemalloc
from dataclasses import replace

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports that read it

import gguf as package
import numpy as np
import pytest
import safetensors.numpy
import torch

from lessons_lib.classroom.practice.gguf import check_read_safetensors
from lessons_lib.gguf import (
    NUMBERS,
    TENSOR_TYPES,
    TYPE_NUMBERS,
    GGUFTensor,
    describe_gguf,
    from_gguf_tensors,
    gguf_bytes,
    half_rotary,
    hex_view,
    interleave_rotary,
    load_gguf,
    main,
    pack_value,
    parse_gguf,
    read_config,
    read_gguf,
    read_model,
    read_scaling,
    tensor_shapes,
    to_gguf_tensors,
    write_config,
    write_gguf,
    write_tensors,
    write_tokenizer,
)
from lessons_lib.gpt import GPT, GPTConfig, to_hub_gpt2
from lessons_lib.llama import (
    Llama,
    LlamaConfig,
    RopeScaling,
    rotate_half,
    rotate_pairs,
    rotation_speeds,
    to_hub_llama,
)
from lessons_lib.quantization import ENCODERS, FORMATS, quantize_model
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import story_model
from tests import foreign_gguf

END = "<|end|>"
TEXT = "Una niña vio 12 peces; a girl saw 345 fish. 日本の猫 🐟 مرحبا\r\n\t¿Qué? I'll see.\n\n" * 4
TOKENIZER = BPETokenizer.train(TEXT, 320, special_tokens=[END])
V = TOKENIZER.vocab_size
TINY = LlamaConfig(V, 64, 64, 4, 2, 96, n_kv_heads=2)
KINDS = {
    "llama": lambda: Llama(TINY),
    "tied": lambda: Llama(replace(TINY, tied=True)),
    "plain heads": lambda: Llama(replace(TINY, n_kv_heads=None)),
    "wide heads": lambda: Llama(replace(TINY, d_head=32, n_kv_heads=1)),
    "long": lambda: Llama(replace(TINY, rope_scaling=RopeScaling(8.0, 1.0, 4.0, 40))),
    "qwen3": lambda: Llama(replace(TINY, qk_norm=True, rope_base=1e6, eps=1e-6)),
    "qwen3 tied": lambda: Llama(replace(TINY, qk_norm=True, tied=True, d_head=32)),
    "gpt2": lambda: GPT(GPTConfig(V, 64, 64, 4, 2)),
    "gpt2 narrow": lambda: GPT(GPTConfig(V, 64, 64, 4, 2, d_ff=96, eps=1e-6)),
}


pytestmark = pytest.mark.usefixtures("one_thread")


def make(kind, seed=0):
    """A model whose norms and biases are not the ones it starts with."""
    torch.manual_seed(seed)
    model = KINDS[kind]().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.gguf"


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# ---------------------------------------------------------------------------- byte by byte, by hand


def text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def by_hand():
    """A file with one number, one text, one list, and two tensors, the first one 2 x 3."""
    header = b"GGUF" + struct.pack("<IQQ", 3, 2, 3)
    header += text("answer") + struct.pack("<II", 4, 42)
    header += text("greeting") + struct.pack("<I", 8) + text("¡hola!")
    header += text("list") + struct.pack("<IIQ", 9, 5, 3) + struct.pack("<3i", -1, 0, 7)
    header += text("matrix") + struct.pack("<I2QIQ", 2, 3, 2, 0, 0)
    header += text("vector") + struct.pack("<I1QIQ", 1, 32, 8, 32)
    header += bytes(-len(header) % 32)
    matrix = np.arange(6, dtype="<f4").tobytes() + bytes(8)
    vector = np.float16(0.5).tobytes() + np.arange(-16, 16, dtype=np.int8).tobytes() + bytes(30)
    return header + matrix + vector


def test_reading_what_was_written_by_hand():
    file = parse_gguf(by_hand())
    assert file.metadata == {"answer": 42, "greeting": "¡hola!", "list": [-1, 0, 7]}
    assert (file.version, file.alignment, file.data_offset % 32) == (3, 32, 0)
    matrix, vector = file.tensors["matrix"], file.tensors["vector"]
    assert (matrix.type, matrix.shape, matrix.size) == ("F32", (2, 3), 6)
    assert (matrix.offset, vector.offset) == (file.data_offset, file.data_offset + 32)
    np.testing.assert_array_equal(matrix.array(), [[0, 1, 2], [3, 4, 5]])
    assert (vector.type, vector.shape, vector.data.shape) == ("Q8_0", (32,), (34,))
    np.testing.assert_array_equal(vector.array(), 0.5 * np.arange(-16, 16))


def test_writing_what_was_written_by_hand():
    vector = 0.5 * np.arange(-16, 16, dtype=np.float32)
    vector[0] = -63.5  # the largest one gives the scale: 0.5
    metadata = {"answer": 42, "greeting": "¡hola!", "list": [-1, 0, 7]}
    tensors = {
        "matrix": (np.arange(6, dtype=np.float32).reshape(2, 3), "F32"),
        "vector": (vector, "Q8_0"),
    }
    expected = bytearray(by_hand())
    expected[-62] = 0x81  # -127 in place of -16
    assert gguf_bytes(metadata, tensors) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, struct.pack("<II", 4, 0)),
        (2**32 - 1, struct.pack("<II", 4, 2**32 - 1)),
        (-1, struct.pack("<Ii", 5, -1)),
        (2**32, struct.pack("<IQ", 10, 2**32)),
        (2**64 - 1, struct.pack("<IQ", 10, 2**64 - 1)),
        (-(2**63), struct.pack("<Iq", 11, -(2**63))),
        (0.5, struct.pack("<If", 6, 0.5)),
        (math.inf, struct.pack("<If", 6, math.inf)),
        (1e300, struct.pack("<Id", 12, 1e300)),
        (True, struct.pack("<IB", 7, 1)),
        ("", struct.pack("<IQ", 8, 0)),
        ("ñ", struct.pack("<IQ", 8, 2) + "ñ".encode()),
        ([1, 2], struct.pack("<IIQ2i", 9, 5, 2, 1, 2)),
        ([1, 2**31], struct.pack("<IIQ2q", 9, 11, 2, 1, 2**31)),
        ([2**64 - 1], struct.pack("<IIQQ", 9, 10, 1, 2**64 - 1)),
        ((False, True), struct.pack("<IIQ2B", 9, 7, 2, 0, 1)),
        (["a", ""], struct.pack("<IIQ", 9, 8, 2) + text("a") + text("")),
        ([], struct.pack("<IIQ", 9, 8, 0)),
        (np.uint8(7), struct.pack("<IB", 0, 7)),
        (np.float64(0.1), struct.pack("<Id", 12, 0.1)),
        (np.array([1, 2], np.int16), struct.pack("<IIQ2h", 9, 3, 2, 1, 2)),
        ([np.uint8(1), np.uint8(2)], struct.pack("<IIQ2B", 9, 0, 2, 1, 2)),
    ],
)
def test_values_of_the_metadata(value, expected):
    assert pack_value(value) == expected
    [back] = parse_gguf(gguf_bytes({"x": value}, {})).metadata.values()
    assert back == (list(value) if isinstance(value, tuple | np.ndarray) else value)


@pytest.mark.parametrize(
    "value",
    [
        *(None, b"bytes", {"a": 1}, [1, "a"], [1, True], [1, 2.0], [[1]], [None]),
        *(2**64, -(2**63) - 1, [-1, 2**63], 1j, np.float16(1), np.zeros((2, 2)), np.array(3)),
    ],
    ids=repr,
)
def test_values_that_no_file_holds(value):
    with pytest.raises(ValueError, match="expected texts or numbers of one type"):
        pack_value(value)


def test_surrogates_are_no_text():
    with pytest.raises(ValueError, match="lone surrogates"):
        gguf_bytes({"x": "\ud800"}, {})
    with pytest.raises(ValueError, match="lone surrogates"):
        gguf_bytes({"\ud800": 1}, {})


def test_lists_are_read_when_asked_for():
    words = [f"word {i} ñ" for i in range(3000)] + ["long " * 100, "", "last"]
    file = parse_gguf(gguf_bytes({"words": words, "numbers": list(range(9))}, {}))
    found = file.metadata["words"]
    assert found == words
    assert found != words[:-1]
    assert found != "word"
    assert len(found) == 3003
    assert (found[0], found[-1], found[-3], found[2999]) == (
        words[0],
        "last",
        words[-3],
        words[2999],
    )
    assert found[2998:3001] == words[2998:3001]
    assert found[::-1] == words[::-1]
    assert list(found) == words
    assert "word 7 ñ" in found
    with pytest.raises(IndexError):
        found[3003]
    assert repr(found) == "<3003 values: 'word 0 ñ', 'word 1 ñ', 'word 2 ñ', ...>"
    assert repr(file.metadata["numbers"][:0]) == "[]"
    assert file.metadata["numbers"][4] == 4
    assert type(file.metadata["numbers"][4]) is int


# -------------------------------------------------------------------------- beside the gguf package


VALUES = {
    "a.uint8": np.uint8(255),
    "a.int8": np.int8(-128),
    "a.uint16": np.uint16(65535),
    "a.int16": np.int16(-32768),
    "a.uint32": np.uint32(2**32 - 1),
    "a.int32": np.int32(-(2**31)),
    "a.float32": np.float32(0.1),
    "a.bool": np.bool_(True),
    "a.uint64": np.uint64(2**64 - 1),
    "a.int64": np.int64(-(2**63)),
    "a.float64": np.float64(0.1),
}


def their_file(path, values, tensors, alignment=None):
    """A file by the package's own writer."""
    writer = package.GGUFWriter(path, "none")
    if alignment:
        writer.add_custom_alignment(alignment)
    for name, value in values.items():
        if isinstance(value, list):
            if isinstance(value[0], np.generic):
                sub_type = package.GGUFValueType[value[0].dtype.name.upper()]
                value = [item.item() for item in value]
            else:
                sub_type = package.GGUFValueType.STRING
            kind = package.GGUFValueType.ARRAY
            writer.add_key_value(name, value, kind, sub_type=sub_type)
        elif isinstance(value, str):
            writer.add_string(name, value)
        else:
            kind = package.GGUFValueType[value.dtype.name.upper()]
            writer.add_key_value(name, value.item(), kind)
    for name, (array, type) in tensors.items():
        kind = package.GGMLQuantizationType[type]
        writer.add_tensor(name, package.quants.quantize(array, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


LISTS = {f"list.{name}": [value, value] for name, value in VALUES.items()}
TEXTS = {"a.text": "¡hola! 日本", "list.text": ["a", "", "日本" * 50]}
TENSORS = {
    f"t.{type}": (numbers(*shape, seed=i), type)
    for i, (type, shape) in enumerate(
        [
            ("F32", (7,)),
            ("F16", (3, 5)),
            ("BF16", (2, 3, 4)),
            ("Q8_0", (3, 64)),
            ("Q4_0", (2, 2, 3, 32)),
            ("Q4_1", (1, 32)),
            ("Q5_0", (5, 96)),
            ("Q5_1", (32,)),
            ("MXFP4", (2, 64)),
        ]
    )
}


@pytest.mark.parametrize("alignment", [None, 8, 64, 4096])
def test_the_bytes_are_those_of_the_gguf_package(path, alignment):
    their_file(path, VALUES | LISTS | TEXTS, TENSORS, alignment)
    start = {"general.architecture": "none"}
    if alignment:
        start["general.alignment"] = alignment
    assert path.read_bytes() == gguf_bytes(start | VALUES | LISTS | TEXTS, TENSORS)


def test_our_reader_opens_files_of_the_gguf_package(path):
    their_file(path, VALUES | LISTS | TEXTS, TENSORS, 64)
    file = read_gguf(path)
    assert (file.alignment, file.metadata["general.alignment"]) == (64, 64)
    for name, value in (VALUES | LISTS | TEXTS).items():
        plain = [getattr(v, "item", lambda v=v: v)() for v in np.ravel(value)]
        assert file.metadata[name] == (plain if isinstance(value, list) else plain[0])
    for name, (array, type) in TENSORS.items():
        tensor, kind = file.tensors[name], package.GGMLQuantizationType[type]
        assert (tensor.type, tensor.shape) == (type, array.shape)
        data = package.quants.quantize(array, kind)
        assert tensor.data.tobytes() == data.tobytes()
        expected = package.quants.dequantize(data, kind)
        np.testing.assert_array_equal(tensor.array(), expected.reshape(array.shape))


def test_the_gguf_package_opens_our_files(path):
    write_tensors(path, {"general.architecture": "none"} | VALUES | LISTS | TEXTS, TENSORS)
    reader, ours = package.GGUFReader(path), read_gguf(path)
    for name, value in ours.metadata.items():
        assert reader.fields[name].contents() == value
    assert [tensor.name for tensor in reader.tensors] == list(TENSORS)
    for tensor in reader.tensors:
        own = ours.tensors[tensor.name]
        assert tensor.tensor_type.name == own.type
        assert tuple(reversed(tensor.shape.tolist())) == own.shape
        assert tensor.data_offset == own.offset
        assert tensor.data.tobytes() == own.data.tobytes()
        values = package.quants.dequantize(tensor.data, tensor.tensor_type)
        np.testing.assert_array_equal(values.reshape(own.shape), own.array())


def test_the_tables_are_those_of_the_gguf_package():
    for number, (name, block, size) in TENSOR_TYPES.items():
        kind = package.GGMLQuantizationType(number)
        assert kind.name == name
        if name != "Q8_1":  # whose size there is that of the past
            assert package.GGML_QUANT_SIZES[kind] == (block, size)
    assert TYPE_NUMBERS.keys() == FORMATS.keys()
    for number, name in NUMBERS.items():
        assert package.GGUFValueType[name.upper()] == number
    files = {kind.name.removeprefix("MOSTLY_"): kind.value for kind in package.LlamaFileType}
    alias = {"F32": "ALL_F32", "Q3_K": "Q3_K_S", "Q4_K": "Q4_K_S", "Q5_K": "Q5_K_S"}
    alias["MXFP4"] = "MXFP4_MOE"
    for name, (_, file_type) in TYPE_NUMBERS.items():
        assert file_type == files[alias.get(name, name)]


def test_types_that_can_only_be_listed(path):
    writer = package.GGUFWriter(path, "none")
    data = np.arange(2 * 18, dtype=np.uint8).reshape(2, 18)
    writer.add_tensor("x", data, raw_dtype=package.GGMLQuantizationType.IQ4_NL)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    file = read_gguf(path)
    tensor = file.tensors["x"]
    assert (tensor.type, tensor.shape, tensor.data.shape) == ("IQ4_NL", (2, 32), (2, 18))
    np.testing.assert_array_equal(tensor.data, data)
    assert "IQ4_NL" in describe_gguf(file)
    with pytest.raises(ValueError, match=r"expected a type among .*, got IQ4_NL"):
        tensor.array()


# ------------------------------------------------------------------------------- mapped, and atomic


@contextlib.contextmanager
def peak_memory():
    """A list that holds the peak of the memory that Python and NumPy took, in bytes."""
    peak = []
    tracemalloc.start()
    try:
        yield peak
        peak.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def test_tensors_are_mapped_and_not_read(path):
    """A file of 400 MB, most of it a hole: opening takes less than 1 MB."""
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, 0)
    header += text("x") + struct.pack("<I2QIQ", 2, 10**4, 10**4, 0, 0)
    path.write_bytes(header)
    os.truncate(path, 96 + 4 * 10**8)
    with peak_memory() as peak:
        tensor = read_gguf(path).tensors["x"]
    assert peak[0] < 1e6
    assert isinstance(tensor.data, np.memmap)
    assert tensor.data.dtype == np.uint8
    assert tensor.shape == (10**4, 10**4)
    assert tensor.data.shape == (10**4, 4 * 10**4)
    with pytest.raises(ValueError, match="read-only"):
        tensor.data[0, 0] = 1


def test_lists_of_texts_take_eight_bytes_each(path):
    """Not the 60 and more of a list of Python texts."""
    write_tensors(path, {"words": [f"word {i}" for i in range(100_000)]}, {})
    with peak_memory() as peak:
        file = read_gguf(path)
    assert file.metadata["words"][99_999] == "word 99999"
    assert peak[0] < 1.3e6


def test_writing_is_atomic(path, monkeypatch):
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            write_gguf(path, make("llama"), TOKENIZER, "F32")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("kind", "type", "name"),
    [
        ("llama", "Q4_K", "token_embd.weight"),
        ("gpt2", "Q6_K", "token_embd.weight"),
        ("wide heads", "Q5_K", "token_embd.weight"),
    ],
)
def test_rows_that_a_type_cannot_hold(path, kind, type, name):
    with pytest.raises(ValueError, match=rf"{name}: expected rows .*multiple of 256.*got 64"):
        write_gguf(path, make(kind), TOKENIZER, type)
    assert not path.exists()


def test_the_matrix_that_does_not_fit_is_named(path):
    """All rows but those of one matrix are multiples of 32."""
    model = Llama(replace(TINY, d_ff=48))
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match=r"blk\.0\.ffn_down\.weight: .* of 32, .* Q8_0, got 48"):
        write_gguf(path, model, TOKENIZER, "Q8_0")
    assert path.read_bytes() == b"old"
    write_gguf(path, model, TOKENIZER, "F16")


@pytest.mark.parametrize("type", ["Q2_K", "Q3_K", "IQ4_NL", "q8_0", "", None, 8])
def test_types_that_cannot_be_written(path, type):
    with pytest.raises(ValueError, match=f"expected a type among .*, got {type!r}"):
        write_gguf(path, make("llama"), TOKENIZER, type)
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "array", "type", "message"),
    [
        ("x", np.zeros((2, 31)), "Q8_0", r"x: expected rows .* multiple of 32.* got 31"),
        ("x", np.zeros(()), "F32", "1 to 4 dimensions"),
        ("x", np.zeros((1,) * 5), "F32", "1 to 4 dimensions"),
        ("x", np.zeros((0, 4)), "F32", "1 to 4 dimensions"),
        ("x" * 64, np.zeros(4), "F32", "at most 63 bytes"),
        ("x", np.zeros(4), "F64", "x: expected a type among"),
        ("x", np.zeros(256), "Q2_K", "x: expected one of"),
        ("x", np.zeros(4, complex), "F32", "x: "),
    ],
)
def test_tensors_that_no_file_holds(name, array, type, message):
    with pytest.raises(ValueError, match=message):
        gguf_bytes({}, {name: (array, type)})


@pytest.mark.parametrize("alignment", [0, 3, -8, 2.0, True, "32"])
def test_alignments_that_cannot_be(alignment):
    with pytest.raises(ValueError, match=r"general\.alignment: expected a power of two"):
        gguf_bytes({"general.alignment": alignment}, {})


# ------------------------------------------------------------------------------------ rotary layout


@pytest.mark.parametrize(("n_heads", "d_head"), [(1, 2), (1, 8), (4, 2), (3, 6), (8, 32)])
def test_the_rotary_layouts_are_inverse(n_heads, d_head):
    rows = torch.randn(n_heads * d_head, 5)
    there = interleave_rotary(rows, n_heads)
    assert torch.equal(half_rotary(there, n_heads), rows)
    assert torch.equal(interleave_rotary(half_rotary(rows, n_heads), n_heads), rows)
    converter = rows.reshape(n_heads, 2, d_head // 2, 5).swapaxes(1, 2).reshape(rows.shape)
    assert torch.equal(there, converter)
    assert torch.equal(there.sort(0).values, rows.sort(0).values)


def test_the_layout_makes_neighbours_of_partners():
    """Rotating neighbours in the one layout is rotating halves in the other."""
    x, angles = torch.randn(7, 12), torch.rand(7, 6)
    halves, pairs = rotate_half(x, angles), rotate_pairs(interleave_rotary(x.T, 1).T, angles)
    torch.testing.assert_close(interleave_rotary(halves.T, 1).T, pairs)


@pytest.mark.parametrize("reorder", [interleave_rotary, half_rotary])
def test_rows_that_are_no_heads(reorder):
    with pytest.raises(ValueError, match="expected 3 heads of an even width, got 9 rows"):
        reorder(torch.zeros(9, 2), 3)


# ----------------------------------------------------------------------------------- there and back


def same_tensors(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


def test_models_come_back(path, kind):
    model = make(kind)
    write_gguf(path, model, TOKENIZER, "F32", {"general.name": "Tiny"})
    loaded, tokenizer = load_gguf(path)
    assert type(loaded) is type(model)
    same_tensors(model.state_dict(), loaded.state_dict())
    ids = torch.tensor([tokenizer.encode(TEXT)[:50]])
    with torch.no_grad():
        assert torch.equal(model(ids), loaded(ids))
    assert tokenizer.vocab == TOKENIZER.vocab
    assert tokenizer.merges == TOKENIZER.merges
    assert tokenizer.special_tokens == {END: V - 1}
    config = loaded.config
    if isinstance(model, Llama):
        n_kv_heads, d_head = model.config.kv_heads_and_width
        assert config == replace(model.config, n_kv_heads=n_kv_heads, d_head=d_head)
        assert ("output.weight" in read_gguf(path).tensors) == (not config.tied)
    else:
        assert config == replace(model.config, d_ff=model.config.d_ff or 256)
    assert read_gguf(path).metadata["general.name"] == "Tiny"


@pytest.mark.parametrize("type", ENCODERS)
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_quantized_models_come_back_as_their_types_say(path, kind, type):
    torch.manual_seed(0)
    sizes = {"d_model": 256, "n_heads": 4, "n_layers": 1, "d_ff": 256}
    config = LlamaConfig(V, 64, **sizes) if kind == "llama" else GPTConfig(V, 64, **sizes)
    model = Llama(config) if kind == "llama" else GPT(config)
    write_gguf(path, model, TOKENIZER, type)
    file = read_gguf(path)
    assert {t.type for t in file.tensors.values() if len(t.shape) > 1} == {type}
    assert {t.type for t in file.tensors.values() if len(t.shape) == 1} == {"F32"}
    assert file.metadata["general.file_type"] == TYPE_NUMBERS[type][1]
    expected = to_gguf_tensors(model.state_dict(), config)
    # whole rows change places, so that quantizing before and after gives the same
    same_tensors(quantize_model(model, type).state_dict(), read_model(file).state_dict())
    assert list(file.tensors) == list(expected)


def test_half_precision_models_are_written_in_full(path):
    model = make("llama").bfloat16()
    write_gguf(path, model, TOKENIZER, "F32")
    same_tensors(model.float().state_dict(), Llama.from_gguf(path).state_dict())


def test_the_class_must_fit_the_file(path):
    write_gguf(path, make("llama"), TOKENIZER)
    assert isinstance(Llama.from_gguf(path), Llama)
    with pytest.raises(ValueError, match="expected a GPT in the file, got a Llama"):
        GPT.from_gguf(path)
    write_gguf(path, make("gpt2"), TOKENIZER)
    assert isinstance(GPT.from_gguf(path), GPT)
    with pytest.raises(ValueError, match="expected a Llama in the file, got a GPT"):
        Llama.from_gguf(path)


def test_the_books_model(path):
    """The stored models change with the recipe; their kind and sizes do not."""
    model, tokenizer = story_model("en")
    write_gguf(path, model, tokenizer, "F32")
    loaded, read = load_gguf(path)
    same_tensors(model.state_dict(), loaded.state_dict())
    story = "<|end|>Once upon a time there was a dog named Léo.<|end|>"
    assert read.encode(story, "all") == tokenizer.encode(story, "all")
    reader = package.GGUFReader(path)
    assert reader.fields["general.architecture"].contents() == "qwen3"
    end = tokenizer.special_tokens[END]
    for name in ("bos", "eos"):
        assert reader.fields[f"tokenizer.ggml.{name}_token_id"].contents() == end
    assert reader.fields["tokenizer.ggml.token_type"].contents()[end] == 3


def test_what_cannot_be_written(path):
    with pytest.raises(ValueError, match="expected a Llama or a GPT, got Linear"):
        write_gguf(path, torch.nn.Linear(2, 2), TOKENIZER)
    both = Llama(replace(TINY, qk_norm=True, rope_scaling=RopeScaling()))
    with pytest.raises(ValueError, match="expected qk_norm or rope_scaling, got both"):
        write_gguf(path, both, TOKENIZER)
    assert not path.exists()


def test_names_are_those_of_the_gguf_package(kind):
    """Through the names of `transformers`, which both sides know."""
    model = make(kind)
    names = to_gguf_tensors(model.state_dict(), model.config).keys() - {"rope_freqs.weight"}
    if isinstance(model, GPT):
        table = package.get_tensor_name_map(package.MODEL_ARCH.GPT2, 2)
        hub = to_hub_gpt2(model.state_dict())
    else:
        arch = "QWEN3" if model.config.qk_norm else "LLAMA"
        table = package.get_tensor_name_map(package.MODEL_ARCH[arch], 2)
        hub = to_hub_llama(model.state_dict(), model.config)
    assert names == {table.get_name(name, (".weight", ".bias")) for name in hub}


def test_translations_of_tensors_are_inverse(kind):
    model = make(kind)
    there = to_gguf_tensors(model.state_dict(), model.config)
    assert {name: tuple(tensor.shape) for name, tensor in there.items()} == tensor_shapes(
        model.config
    )
    same_tensors(model.state_dict(), from_gguf_tensors(there, model.config))


# ---------------------------------------------------------------------------- files of other people


@pytest.mark.parametrize("kind", foreign_gguf.KINDS)
def test_files_of_converters(path, kind):
    theirs = foreign_gguf.random_model(kind, V)
    written = foreign_gguf.convert(theirs, path, TOKENIZER)
    file = read_gguf(path)
    assert file.tensors.keys() == written.keys()
    for name, tensor in written.items():
        np.testing.assert_array_equal(file.tensors[name].array(), tensor.float().numpy())
    model, tokenizer = load_gguf(path)
    ids = torch.tensor([tokenizer.encode(TEXT)[:60]])
    with torch.no_grad():
        # float32 sums in another order; logits of up to 10
        torch.testing.assert_close(model(ids), theirs(ids).logits, atol=5e-5, rtol=0)
    assert tokenizer.encode(TEXT + END, "all") == TOKENIZER.encode(TEXT + END, "all")


@pytest.mark.parametrize("type", ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_quantized_files_of_converters(path, kind, type):
    theirs = foreign_gguf.random_model(kind, V)
    written = foreign_gguf.convert(theirs, path, TOKENIZER, type)
    file, kind = read_gguf(path), package.GGMLQuantizationType[type]
    model = read_model(file)
    expected = {}
    for name, tensor in written.items():
        array = tensor.float().contiguous().numpy()
        if array.ndim > 1:
            array = package.quants.dequantize(package.quants.quantize(array, kind), kind)
        np.testing.assert_array_equal(file.tensors[name].array(), array)
        expected[name] = torch.from_numpy(array)
    same_tensors(from_gguf_tensors(expected, model.config), model.state_dict())


def test_gpt2_with_its_table_twice(path):
    model = make("gpt2")
    tensors = {
        name: (tensor.numpy(), "F32")
        for name, tensor in to_gguf_tensors(model.state_dict(), model.config).items()
    }
    tensors["output.weight"] = tensors["token_embd.weight"]
    write_tensors(path, write_config(model.config), tensors)
    same_tensors(model.state_dict(), GPT.from_gguf(path).state_dict())
    tensors["output.weight"] = (2 * tensors["token_embd.weight"][0], "F32")
    write_tensors(path, write_config(model.config), tensors)
    with pytest.raises(
        ValueError, match=r"output\.weight: expected the numbers of token_embd\.weight, .* in F32"
    ):
        GPT.from_gguf(path)


@pytest.mark.parametrize(
    ("d_head", "base", "scaling"),
    [
        (128, 500000.0, RopeScaling(8.0, 1.0, 4.0, 8192)),  # Llama 3.1
        (64, 500000.0, RopeScaling(32.0, 1.0, 4.0, 8192)),  # Llama 3.2
        (16, 10000.0, RopeScaling(8.0, 1.0, 4.0, 40)),
        (8, 10000.0, RopeScaling(2.0, 1.0, 4.0, 100)),
    ],
)
def test_stretched_positions_are_recognised(d_head, base, scaling):
    speeds = rotation_speeds(d_head, base)
    factors = (speeds / rotation_speeds(d_head, base, scaling)).numpy()
    tensor = parse_gguf(gguf_bytes({}, {"rope_freqs.weight": (factors, "F32")})).tensors
    found = read_scaling(tensor["rope_freqs.weight"], d_head, base)
    torch.testing.assert_close(
        rotation_speeds(d_head, base, found),
        rotation_speeds(d_head, base, scaling),
        rtol=1e-4,
        atol=0,
    )
    assert (found.factor, found.low, found.high) == (scaling.factor, 1.0, 4.0)
    if ((factors > 1.01) & (factors < 0.99 * scaling.factor)).any():  # else several are the same
        assert found.old_context == scaling.old_context


@pytest.mark.parametrize(
    "factors",
    [
        *([1, 1, 1, 1], [1, 2, 2], [2, 2, 2, 2], [0, 1, 2, 8], [1, -1, 2, 8], [8, 1, 1, 1]),
        *([1, 1, 1, math.nan], [1, 1, 1, math.inf], [1, 1.5, 8, 8], [1, 3, 2, 8]),
    ],
)
def test_other_stretchings_are_refused(factors):
    array = np.array(factors, np.float32)
    tensor = GGUFTensor("F32", array.shape, 0, array.view(np.uint8))
    with pytest.raises(ValueError, match="rope_freqs"):
        read_scaling(tensor, 8, 10000.0)


def changed(kind, changes=(), without=(), tensors=()):
    """The bytes of a model's file with other metadata or tensors."""
    model = make(kind)
    entries = write_config(model.config) | write_tokenizer(TOKENIZER, V) | dict(changes)
    found = {
        name: (tensor.numpy(), "F32")
        for name, tensor in to_gguf_tensors(model.state_dict(), model.config).items()
    } | dict(tensors)
    kept = [{k: v for k, v in part.items() if k not in without} for part in (entries, found)]
    return parse_gguf(gguf_bytes(*kept))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"general.architecture": "mamba"}, "llama, qwen3 or gpt2, got 'mamba'"),
        ({"general.architecture": ["llama"]}, "llama, qwen3 or gpt2, got <1 values"),
        ({"llama.block_count": 0}, "block_count to be an integer of at least 1, got 0"),
        ({"llama.block_count": "2"}, "block_count to be an integer"),
        ({"llama.block_count": 3}, r"blk\.2\.attn_q\.weight: expected .*, got none"),
        (
            {"llama.block_count": 2**63},
            "from 1 to 10000, got 9223372036854775808",
        ),
        ({"llama.feed_forward_length": 97}, r"blk\.0\.ffn_gate\.weight: expected \(97, 64\)"),
        ({"llama.feed_forward_length": 2**62}, f"d_ff to be an integer from 1 to .*, got {2**62}"),
        ({"llama.feed_forward_length": 2**24}, r"blk\.0\.ffn_gate\.weight: expected \(1677"),
        ({"llama.feed_forward_length": 2**64 - 1}, "d_ff to be an integer from 1 to "),
        ({"llama.embedding_length": 2**40}, f"d_model to be an integer from 1 to .*, got {2**40}"),
        ({"llama.attention.head_count": 3}, "n_heads divisible"),
        ({"llama.attention.head_count": [4, 4]}, "head_count to be an integer"),
        ({"llama.attention.head_count": 2**63}, "expected"),
        ({"llama.attention.head_count_kv": 4}, r"attn_k\.weight: expected \(64, 64\), got \(32"),
        ({"llama.attention.key_length": 8}, "heads of one width"),
        ({"llama.rope.dimension_count": 8}, "heads of one width"),
        ({"llama.rope.dimension_count": [16]}, "heads of one width"),
        ({"llama.attention.key_length": "16"}, "key_length to be an integer"),
        ({"llama.rope.freq_base": 0.0}, "rope_base to be a finite number above 0"),
        ({"llama.rope.freq_base": 1e300}, r"freq_base to be a number of .*, got 1e\+300"),
        ({"llama.rope.freq_base": math.nan}, "freq_base to be a number of at least 0, got nan"),
        ({"llama.rope.freq_base": "10000"}, "freq_base to be a number of at least 0"),
        ({"llama.attention.layer_norm_rms_epsilon": -1.0}, "epsilon to be a number of at least 0"),
        ({"llama.rope.scaling.type": "yarn"}, r"plain llama, got llama\.rope\.scaling\.type"),
        ({"llama.expert_count": 8}, r"plain llama, got llama\.expert_count = 8"),
        ({"llama.rope.scaling.factor": 4.0}, r"plain llama, got llama\.rope\.scaling\.factor"),
    ],
)
def test_models_that_are_not_ours(changes, message):
    with pytest.raises(ValueError, match=message):
        read_model(changed("llama", changes))


def test_a_width_that_is_no_number_meets_stretched_positions():
    others = {"llama.attention.value_length", "llama.rope.dimension_count"}
    with pytest.raises(ValueError, match="key_length to be an integer"):
        read_config(changed("long", {"llama.attention.key_length": "16"}, others))


def test_entries_that_are_switched_off_do_no_harm():
    off = {"llama.expert_count": 0, "llama.rope.scaling.type": "none", "llama.use_x": False}
    assert read_config(changed("llama", off)).n_layers == 2


@pytest.mark.parametrize(
    ("kind", "without", "message"),
    [
        ("llama", "general.architecture", "got None"),
        ("llama", "llama.block_count", "block_count to be an integer of at least 1, got None"),
        ("llama", "llama.attention.layer_norm_rms_epsilon", "number of at least 0, got None"),
        ("gpt2", "gpt2.attention.layer_norm_epsilon", "number of at least 0, got None"),
        ("llama", "token_embd.weight", r"expected a tensor token_embd\.weight"),
        ("llama", "blk.1.attn_q.weight", r"blk\.1\.attn_q\.weight: expected \(64, 64\), got none"),
        ("gpt2", "blk.1.attn_qkv.bias", r"blk\.1\.attn_qkv\.bias: expected \(192,\), got none"),
        ("qwen3", "blk.0.attn_q_norm.weight", r"attn_q_norm\.weight: expected \(16,\), got none"),
    ],
)
def test_files_with_something_missing(kind, without, message):
    with pytest.raises(ValueError, match=message):
        read_model(changed(kind, without=[without]))


def test_what_is_missing_has_a_usual_value():
    usual = ["llama.attention.head_count_kv", "llama.attention.key_length", "llama.vocab_size"]
    usual += ["llama.attention.value_length", "llama.rope.dimension_count", "llama.rope.freq_base"]
    config = read_config(changed("plain heads", without=usual))
    assert config.kv_heads_and_width == (4, 16)
    assert config.rope_base == 10000.0


def test_tensors_too_many_or_of_another_shape():
    surplus = {"blk.0.attn_q.bias": (numbers(64), "F32")}
    with pytest.raises(ValueError, match=r"blk\.0\.attn_q\.bias: expected no such tensor"):
        read_model(changed("llama", tensors=surplus))
    flat = {"token_embd.weight": (numbers(64), "F32")}
    with pytest.raises(ValueError, match=r"token_embd\.weight: expected \(64, 64\), got \(64,\)"):
        read_model(changed("llama", tensors=flat))
    with pytest.raises(ValueError, match=r"rope_freqs\.weight: expected no such tensor"):
        read_model(changed("qwen3", tensors={"rope_freqs.weight": (numbers(8), "F32")}))


# ----------------------------------------------------------------------------- looking at the files


def test_the_hex_view_explains_every_byte():
    rows = hex_view(by_hand(), 10**6).split("\n")
    data = bytes.fromhex("".join(row[10:33] for row in rows))
    assert data == by_hand()
    places = [int(row[:8], 16) for row in rows]
    assert places == sorted(set(places))
    assert rows[0] == "00000000  47 47 55 46              GGUF      magic: GGUF"
    meanings = [row[45:] for row in rows if row[45:]]
    assert meanings[:5] == [
        "magic: GGUF",
        "version: 3",
        "number of tensors: 2",
        "number of entries: 3",
        "length of name of entry 0: 6",
    ]
    for expected in ("answer: 42", "greeting: ¡hola!", "list: 3 numbers", "padding"):
        assert expected in meanings
    assert "dimension 0 of matrix: 3" in meanings
    assert "vector: Q8_0 (32,)" in meanings


def test_the_hex_view_shows_only_what_was_asked_for():
    whole = hex_view(by_hand(), 10**6).split("\n")
    for n in range(1, 60):
        rows = hex_view(by_hand(), n).split("\n")
        assert bytes.fromhex("".join(row[10:33] for row in rows)) == by_hand()[:n]
        assert rows[:-1] == whole[: len(rows) - 1]
    with pytest.raises(ValueError, match="n_bytes"):
        hex_view(by_hand(), 0)


def test_the_hex_view_of_texts_in_lists():
    data = gguf_bytes({"words": ["ab", "", "ñ"]}, {})
    meanings = [row[45:] for row in hex_view(data, 200).split("\n")]
    assert "length of words[2]: 2" in meanings
    assert "words[2]: ñ" in meanings
    assert "words[0]: ab" in meanings


@pytest.mark.parametrize("cut", [0, 3, 10, 30, 70, 200])
def test_the_hex_view_of_a_broken_file(cut):
    view = hex_view(by_hand()[:cut], 1000)
    assert bytes.fromhex("".join(row[10:33] for row in view.split("\n"))) == by_hand()[:cut]
    assert cut == 0 or "magic: GGUF" in view or "magic at byte 0: expected 4 bytes, got 3" in view


def test_the_summary(path):
    write_gguf(path, make("qwen3"), TOKENIZER, "Q8_0", {"general.name": "tiny\x1b[31m"})
    summary = describe_gguf(read_gguf(path))
    n = sum(p.numel() for p in make("qwen3").parameters())
    assert f"GGUF version 3: qwen3, {n:,} parameters in " in summary
    size = sum(t.data.nbytes for t in read_gguf(path).tensors.values())
    assert f"{size:,} bytes, {8 * size / n:.2f} bits per weight" in summary
    assert "context_length 64, d_model 64, n_heads 4, n_layers 2, d_ff 96" in summary
    assert "tokenizer: gpt2, cut as gpt-2, <320 values: 'Ā', 'ā', 'Ă', ...>" in summary
    assert "qwen3.attention.layer_norm_rms_epsilon   1e-06" in summary
    assert "\x1b" not in summary
    assert r"tiny\x1b[31m" in summary
    rows = [row.split() for row in summary.split("\n")]
    vectors = sum(p.numel() for p in make("qwen3").parameters() if p.ndim == 1)
    assert ["Q8_0", f"{n - vectors:,}", "parameters"] in rows
    assert ["F32", f"{vectors:,}", "parameters"] in rows
    assert ["blk.*.attn_k.weight", "Q8_0", "(32,", "64),", "2", "times"] in rows
    assert ["output_norm.weight", "F32", "(64,)"] in rows


def test_the_summary_of_an_empty_file():
    summary = describe_gguf(parse_gguf(gguf_bytes({}, {})))
    assert summary.startswith("GGUF version 3: unknown architecture, 0 parameters\n")


def test_the_command(path, capsys):
    write_gguf(path, make("llama"), TOKENIZER, "Q4_0")
    main([str(path)])
    assert capsys.readouterr().out == describe_gguf(read_gguf(path)) + "\n"
    main([str(path), "--hex", "64"])
    assert capsys.readouterr().out == hex_view(path.read_bytes(), 64) + "\n"
    with pytest.raises(SystemExit):
        main([])
    with pytest.raises(ValueError, match="n_bytes"):
        main([str(path), "--hex", "0"])


def test_the_command_on_what_is_no_gguf_file(path):
    path.write_bytes(b"GGXX")
    command = [sys.executable, "-m", "lessons_lib.gguf", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: magic at byte 0: expected b'GGUF', got b'GGXX'\n"
    with pytest.raises(FileNotFoundError):
        main([str(path.with_name("none"))])


@pytest.mark.parametrize("room", ["layout", "reading", "writing", "names", "command"])
def test_doctests(room):
    result = doctest.testmod(importlib.import_module(f"lessons_lib.gguf.{room}"))
    assert result.attempted
    assert result.failed == 0


def test_the_safetensors_of_the_exercise_are_those_of_the_library():
    for case in check_read_safetensors.cases:
        found = safetensors.numpy.load(*case.arguments)
        lists = {name: values.tolist() for name, values in found.items()}
        assert check_read_safetensors.solution(*case.arguments) == lists
