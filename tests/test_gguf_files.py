"""Files that people have: of version 2, unpadded, in parts, with a table twice, of all types.

What llama.cpp and the `gguf` package open, we open, or we say why not.
"""

import ctypes
import os
import struct

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports that read it

import gguf as package
import numpy as np
import pytest
import torch

from lessons_lib.gguf import (
    TENSOR_TYPES,
    check_tensors,
    describe_gguf,
    gguf_bytes,
    load_gguf,
    parse_gguf,
    read_config,
    read_gguf,
    read_model,
    read_tokenizer,
    to_gguf_tensors,
    write_config,
    write_gguf,
    write_tensors,
    write_tokenizer,
)
from lessons_lib.gpt import GPT, GPTConfig
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.quantization import FORMATS
from lessons_lib.tokens import BPETokenizer
from tests.llama_cpp import library
from tests.llama_cpp_models import ask

TEXT = "Una niña vio 12 peces; a girl saw 345 fish. I'll see.\n\n" * 4
TOKENIZER = BPETokenizer.train(TEXT, 300, ["<|end|>"])
V = TOKENIZER.vocab_size
IDS = TOKENIZER.encode(TEXT)[:40]
SIZES = {"vocab_size": V, "context_length": 64, "d_model": 32, "n_heads": 2, "n_layers": 2}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.gguf"


def make(kind="llama", **changes):
    torch.manual_seed(0)
    if kind == "gpt2":
        model = GPT(GPTConfig(**SIZES | changes))
    else:
        model = Llama(LlamaConfig(**SIZES | {"d_ff": 64, "qk_norm": kind == "qwen3"} | changes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.eval()


def parts_of(model, type="F32"):
    """The metadata and the tensors of a model's file."""
    entries = write_config(model.config) | write_tokenizer(TOKENIZER, V)
    tensors = to_gguf_tensors(model.state_dict(), model.config).items()
    return entries, {name: (t.numpy(), type if t.ndim > 1 else "F32") for name, t in tensors}


def check_logits(path, model, most=1e-4):
    """The file opens in llama.cpp and here, and both predict as the model does."""
    with torch.no_grad():
        expected = model(torch.tensor([IDS]))[0]
        ours = read_model(read_gguf(path))(torch.tensor([IDS]))[0]
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)
    [theirs] = ask(path, prompts=[IDS])["logits"]
    assert np.abs(theirs - expected.numpy()).max() < most


# -------------------------------------------------------------------------------- version, padding


def test_version_2_is_read_as_version_3(path):
    write_gguf(path, make(), TOKENIZER)
    data = bytearray(path.read_bytes())
    data[4] = 2
    path.write_bytes(data)
    assert read_gguf(path).version == 2
    assert len(package.GGUFReader(path).tensors) == len(read_gguf(path).tensors)
    assert describe_gguf(read_gguf(path)).startswith("GGUF version 2: llama, ")
    assert load_gguf(path)[1].vocab == TOKENIZER.vocab
    check_logits(path, make())


@pytest.mark.parametrize(
    ("version", "order", "got"),
    [
        (1, "<", "1"),
        (4, "<", "4"),
        (2, ">", "2 in big-endian order"),
        (3, ">", "3 in big-endian order"),
    ],
)
def test_other_versions_are_refused_by_all(path, version, order, got):
    write_gguf(path, make(), TOKENIZER)
    data = bytearray(path.read_bytes())
    data[4:8] = struct.pack(f"{order}I", version)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"^version at byte 4: expected 2 or 3 .*, got {got}$"):
        read_gguf(path)
    with pytest.raises(RuntimeError, match="failed"):
        ask(path)


def test_a_file_of_a_machine_of_the_other_order_is_refused(path):
    writer = package.GGUFWriter(path, "llama", endianess=package.GGUFEndian.BIG)
    writer.add_block_count(2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(ValueError, match="little-endian order, got 3 in big-endian order"):
        read_gguf(path)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_the_last_tensor_needs_no_padding(path, kind):
    """The last one, a norm of 36 numbers, has 144 bytes, and 16 of padding."""
    model = make(kind, d_model=36)
    write_gguf(path, model, TOKENIZER)
    whole = path.read_bytes()
    last = max(read_gguf(path).tensors.values(), key=lambda tensor: tensor.offset)
    end = last.offset + last.data.nbytes
    assert len(whole) - end == 16
    for size in (end, end + 1, end + 15):
        path.write_bytes(whole[:size])
        assert read_gguf(path).tensors.keys() == parse_gguf(whole).tensors.keys()
    path.write_bytes(whole[:end])
    assert len(package.GGUFReader(path).tensors) == len(parse_gguf(whole).tensors)
    check_logits(path, model, 5e-3 if kind == "gpt2" else 1e-4)
    path.write_bytes(whole[: end - 1])
    with pytest.raises(ValueError, match=rf"expected an end up to byte {end - 1}, that of the"):
        read_gguf(path)
    with pytest.raises(RuntimeError, match="failed"):
        ask(path)


# ------------------------------------------------------------------------------------------- parts


def split(folder, entries, tensors, n_parts):
    """Write the parts of a file as llama.cpp's llama-gguf-split does, with the package's writer."""
    names = sorted(tensors, key=lambda name: name == "output.weight")  # the output comes last
    paths = []
    for i, chosen in enumerate(np.array_split(np.array(names), n_parts)):
        paths.append(folder / f"model-{i + 1:05}-of-{n_parts:05}.gguf")
        writer = package.GGUFWriter(paths[-1], entries["general.architecture"])
        writer.add_uint16("split.no", i)
        writer.add_uint16("split.count", n_parts)
        writer.add_int32("split.tensors.count", len(tensors))
        for name, value in entries.items():
            if i == 0 and name != "general.architecture":
                kind = package.GGUFValueType.get_type(value)
                kind = package.GGUFValueType.UINT32 if kind.name == "INT32" else kind
                writer.add_key_value(name, value, kind)
        for name in chosen:
            writer.add_tensor(str(name), tensors[name][0])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return paths


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_parts_of_a_file_say_which_they_are(tmp_path, kind):
    """llama.cpp opens them all by the first; without its output, that looks like a tied model."""
    model = make(kind)
    paths = split(tmp_path, *parts_of(model), 3)
    [theirs] = ask(paths[0], prompts=[IDS])["logits"]
    with torch.no_grad():
        expected = model(torch.tensor([IDS]))[0].numpy()
    assert np.abs(theirs - expected).max() < 5e-3
    for i, path in enumerate(paths, 1):
        message = f"^expected a whole file, got part {i} of 3: join .*llama-gguf-split --merge$"
        for read in (read_config, read_model, read_tokenizer):
            with pytest.raises(ValueError, match=message):
                read(read_gguf(path))
        for read in (load_gguf, Llama.from_gguf, GPT.from_gguf):
            with pytest.raises(ValueError, match=message):
                read(path)
        assert "split.count" in describe_gguf(read_gguf(path))  # but it can be looked at


def test_a_tied_looking_first_part_is_refused(path):
    """All but the output: before, it opened as another model."""
    entries, tensors = parts_of(make())
    del tensors["output.weight"]
    write_tensors(path, entries, tensors)
    assert read_config(read_gguf(path)).tied
    part = {"split.no": np.uint16(0), "split.count": np.uint16(2)}
    write_tensors(path, entries | part, tensors)
    with pytest.raises(ValueError, match="got part 1 of 2: join the parts"):
        read_model(read_gguf(path))


@pytest.mark.parametrize("count", [0, 1])
def test_one_part_is_a_whole_file(path, count):
    entries, tensors = parts_of(make())
    write_tensors(path, entries | {"split.no": 0, "split.count": np.uint16(count)}, tensors)
    check_logits(path, make())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split.count": "many"}, "expected split.count to be an integer of at least 0, got 'many"),
        ({"split.count": 2.5}, "expected split.count to be an integer"),
        ({"split.count": [2]}, "expected split.count to be an integer"),
        ({"split.count": -1}, "expected split.count to be an integer of at least 0, got -1"),
        ({"split.count": 2, "split.no": "x" * 10**6}, "expected split.no to be an integer"),
        ({"split.count": 2, "split.no": -1}, "expected split.no to be an integer"),
        ({"split.count": 2}, "got part 1 of 2"),
        ({"split.count": 2**64 - 1, "split.no": 2**64 - 1}, f"got part {2**64} of {2**64 - 1}"),
    ],
)
def test_odd_numbers_of_parts(changes, message):
    entries, tensors = parts_of(make())
    file = parse_gguf(gguf_bytes(entries | changes, tensors))
    for read in (read_config, read_tokenizer):
        with pytest.raises(ValueError, match=message) as error:
            read(file)
        assert len(str(error.value)) < 200


# --------------------------------------------------------------------------------- one table, twice


@pytest.mark.parametrize("types", [("F32", "F32"), ("F32", "F16"), ("BF16", "F32"), ("F16", "F32")])
def test_a_table_that_is_given_twice_alike(path, types):
    """GPT-2 in two types whose numbers are the same: those of 8 bits are numbers of 16 and 32."""
    model = make("gpt2")
    with torch.no_grad():
        table = model.token_embedding.weight
        table.copy_((table * 16).round() / 16)
    entries, tensors = parts_of(model)
    for name, type in zip(("token_embd", "output"), types, strict=True):
        tensors[f"{name}.weight"] = (table.detach().numpy(), type)
    write_tensors(path, entries, tensors)
    check_logits(path, model, 5e-3)


@pytest.mark.parametrize("types", [("F32", "F32"), ("Q4_0", "Q8_0"), ("F32", "Q8_0")])
def test_a_table_that_is_given_twice_and_differs(path, types):
    """As llama.cpp's own tool quantizes GPT-2: the output finer than the table. It opens that."""
    entries, tensors = parts_of(make("gpt2"))
    table = tensors["token_embd.weight"][0]
    other = table.copy()
    other[-1, -1] += 0.5
    tensors["token_embd.weight"] = (table, types[0])
    tensors["output.weight"] = (other, types[1])
    write_tensors(path, entries, tensors)
    assert len(ask(path, prompts=[IDS])["logits"]) == 1
    message = (
        r"^output\.weight: expected the numbers of token_embd\.weight, the one table of our GPT, "
        f"got others, in {types[1]} beside {types[0]}$"
    )
    with pytest.raises(ValueError, match=message):
        read_model(read_gguf(path))


def test_large_tables_are_compared_in_pieces(path):
    """A difference in the last of 3 million numbers; F32 beside F16."""
    table = np.zeros((3 * 2**10, 2**10), np.float32)
    entries = {"general.architecture": "gpt2"}
    other = table.copy()
    other[-1, -1] = 1
    for again, differs in ((table, False), (other, True)):
        tensors = {"token_embd.weight": (table, "F32"), "output.weight": (again, "F16")}
        file = parse_gguf(gguf_bytes(entries, tensors))
        message = "got others" if differs else "expected tensors of 12 layers"
        with pytest.raises(ValueError, match=message):
            check_tensors(file, GPTConfig(vocab_size=3 * 2**10, d_model=2**10, n_heads=8))


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_a_llama_may_have_two_equal_tables(path, kind):
    """It has an output of its own, so nothing is in doubt."""
    model = make(kind, tied=True)
    entries, tensors = parts_of(model)
    tensors["output.weight"] = tensors["token_embd.weight"]
    write_tensors(path, entries, tensors)
    check_logits(path, model)


def test_names_twice_are_refused_by_all(path):
    """Two tables of one name, in two types."""
    entries, tensors = parts_of(make())
    tensors["token_embd.weighs"] = (tensors["token_embd.weight"][0], "F16")
    data = gguf_bytes(entries, tensors).replace(b"embd.weighs", b"embd.weight")
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"expected a new one, got token_embd\.weight again"):
        read_gguf(path)
    with pytest.raises(ValueError, match=r"duplicated tensor with name token_embd\.weight"):
        package.GGUFReader(path)
    with pytest.raises(RuntimeError, match="failed"):
        ask(path)


# ------------------------------------------------------------------------------------------- types


def test_sizes_of_types_are_those_of_llama_cpp():
    """Q8_1 has 36 bytes; the `gguf` package says 40, as it was once."""
    functions = library().ggml_blck_size, library().ggml_type_size, library().ggml_type_name
    for function, result in zip(
        functions, (ctypes.c_int64, ctypes.c_size_t, ctypes.c_char_p), strict=True
    ):
        function.restype = result
    for number, (name, block, size) in TENSOR_TYPES.items():
        their_block, their_size, their_name = (function(number) for function in functions)
        assert (their_block, their_size) == (block, size), name
        assert their_name.decode().upper() == name
    assert {*TENSOR_TYPES} == {*package.GGMLQuantizationType}


KINDS = [kind for kind in package.GGMLQuantizationType if kind.name != "Q8_1"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_type_of_the_gguf_package_is_known_by_name(path, kind):
    """It opens and can be listed; where it cannot be decoded, the model's error names it."""
    block, size = package.GGML_QUANT_SIZES[kind]
    model = make(d_model=256, d_ff=256, n_layers=1)
    entries, tensors = parts_of(model)
    writer = package.GGUFWriter(path, "llama")
    for name, value in entries.items():
        if name != "general.architecture":
            writer.add_key_value(name, value, package.GGUFValueType.get_type(value))
    for name, (array, _) in tensors.items():
        if name == "blk.0.ffn_up.weight":
            rows = np.zeros((256, 256 // block * size), np.uint8)
            types = {"F32": np.float32, "F16": np.float16, "F64": np.float64}
            types |= {f"I{n}": np.dtype(f"int{n}") for n in (8, 16, 32, 64)}
            writer.add_tensor(name, rows.view(types.get(kind.name, np.uint8)), raw_dtype=kind)
        else:
            writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    file = read_gguf(path)
    assert file.tensors["blk.0.ffn_up.weight"].type == kind.name
    assert f" {kind.name} " in describe_gguf(file)
    if kind.name in FORMATS:
        assert isinstance(read_model(file), Llama)
    else:
        message = rf"^blk\.0\.ffn_up\.weight: expected a type among \['BF16'.*, got {kind.name}$"
        with pytest.raises(ValueError, match=message):
            read_model(file)


@pytest.mark.parametrize(
    ("number", "name"), [(4, "Q4_2"), (5, "Q4_3"), (31, "Q4_0_4_4"), (36, "IQ4_NL_4_4")]
)
def test_types_of_the_past_are_refused_by_name(path, number, name):
    entries, tensors = parts_of(make())
    data = gguf_bytes(entries, tensors)
    at = data.index(b"blk.0.ffn_up.weight") + 19 + 4 + 16
    assert data[at : at + 4] == bytes(4)
    data[at : at + 4] = struct.pack("<I", number)
    path.write_bytes(data)
    message = f"at byte {at}: expected one of .*, got {number}, {name}, which llama.cpp has given"
    with pytest.raises(ValueError, match=message):
        read_gguf(path)
    with pytest.raises(RuntimeError, match="failed"):
        ask(path)


# ----------------------------------------------------------------------------- model and vocabulary


@pytest.mark.parametrize("n_tokens", [V - 1, V + 1])
def test_one_token_for_each_row(path, n_tokens):
    entries, tensors = parts_of(make())
    if n_tokens > V:
        entries |= write_tokenizer(TOKENIZER, n_tokens)
    else:
        for name in ("tokens", "token_type"):
            entries[f"tokenizer.ggml.{name}"] = entries[f"tokenizer.ggml.{name}"][:n_tokens]
    write_tensors(path, entries, tensors)
    with pytest.raises(ValueError, match=rf"expected {V} tokens, a row of .* each, got {n_tokens}"):
        load_gguf(path)
    with pytest.raises(RuntimeError, match="failed"):
        ask(path)


@pytest.mark.parametrize(
    "name",
    [
        *("general.architecture", "general.file_type", "general.quantization_version"),
        *("llama.block_count", "llama.rope.scaling.type", "tokenizer.ggml.eos_token_id"),
        *("tokenizer.ggml.tokens", "split.count"),
    ],
)
def test_metadata_that_the_model_gives_itself(path, name):
    with pytest.raises(ValueError, match=f"beside what the model itself says, got {name}$"):
        write_gguf(path, make(), TOKENIZER, metadata={"general.name": "x", name: 7})
    assert not path.exists()


def test_metadata_beside_the_models_own(path):
    more = {"general.name": "Tiny", "tokenizer.chat_template": "{{ x }}", "gpt2.block_count": 7}
    more |= {"tokenizer.ggml.padding_token_id": 3, "general.alignment": 64}
    write_gguf(path, make(), TOKENIZER, metadata=more)
    found = read_gguf(path)
    assert {name: found.metadata[name] for name in more} == more
    assert found.alignment == 64
    check_logits(path, make())
