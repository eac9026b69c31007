"""Folders and the hub: broken files, two sources for one thing, and configurations of all kinds."""

import json
import math
import os
import random
import subprocess
import sys
from unittest import mock

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports that read it

import pytest
import torch
import transformers
from huggingface_hub import errors
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from lessons_lib.base.hub import (
    CheckpointUnavailable,
    Entries,
    add_once,
    checkpoint_folder,
    end_entry,
    open_checkpoint,
    same_tensor,
    write_folder,
)
from lessons_lib.gpt import GPT, GPTConfig
from lessons_lib.llama import Llama, LlamaConfig, RopeScaling

pytestmark = pytest.mark.usefixtures("one_thread")

V = 29
KINDS = {
    "gpt2": GPT(GPTConfig(V, 12, 8, 2, 2, end_ids=(3,))),
    "llama": Llama(
        LlamaConfig(V, 12, 8, 4, 2, 12, 2, rope_scaling=RopeScaling(4.0, 1.0, 2.0, 8), end_ids=(3,))
    ),
    "qwen3": Llama(LlamaConfig(V, 12, 8, 2, 2, 12, 1, 4, qk_norm=True, tied=True)),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def folder(tmp_path, kind):
    """A small model in the format of `transformers`, with weights that tell mistakes apart."""
    model, generator = KINDS[kind], torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(float("norm.weight" in name), 0.3, generator=generator)
    model.save_pretrained(tmp_path)
    return tmp_path


def read(folder):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return (GPT if config.get("model_type") == "gpt2" else Llama).from_pretrained(folder)


def change(folder, **entries):
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | entries
    path.write_text(json.dumps(config), encoding="utf-8")


# ---------------------------------------------------------------- configurations of all kinds

NAMES = [
    *("model_type", "vocab_size", "n_positions", "n_embd", "n_head", "n_layer", "n_inner"),
    *("layer_norm_epsilon", "activation_function", "tie_word_embeddings", "bos_token_id"),
    *("eos_token_id", "max_position_embeddings", "hidden_size", "num_attention_heads"),
    *("num_key_value_heads", "head_dim", "num_hidden_layers", "intermediate_size"),
    *("rms_norm_eps", "hidden_act", "attention_bias", "mlp_bias", "rope_theta", "rope_scaling"),
    *("rope_parameters", "scale_attn_weights", "scale_attn_by_inverse_layer_idx"),
    *("reorder_and_upcast_attn", "add_cross_attention", "use_sliding_window", "sliding_window"),
    *("max_window_layers", "layer_types", "partial_rotary_factor", "quantization_config"),
    *("per_layer_config", "dtype", "torch_dtype", "is_causal", "pruned_heads", "pad_token_id"),
    *("attn_pdrop", "resid_pdrop", "attention_dropout", "initializer_range", "use_cache"),
    *("pretraining_tp", "unknown"),
]
LAYER_TYPES = [["full_attention"] * 2, ["full_attention"], ["full_attention", "sliding_attention"]]
ROPES = [
    *({"rope_type": kind} for kind in ("default", "linear", "dynamic", "yarn", "longrope", "x")),
    *({"rope_type": "default", "rope_theta": theta} for theta in (10000, 10000.0, 5e5, 0, "1")),
    {"type": "default"},
    {"type": "linear", "factor": 2.0},
    {"rope_type": "linear", "type": "default", "factor": 2.0},
    {"rope_theta": 10000.0, "partial_rotary_factor": 0.5},
    {
        "rope_type": "llama3",
        "rope_theta": 10000.0,
        "factor": 2.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 6,
    },
    {"rope_type": "llama3", "factor": 2.0},
]
VALUES = [
    *(None, True, False, 0, 1, 2, 3, 4, 8, 12, 24, 29, 32, -1, 10**9, 2**63, 10**30, 10**400),
    *(1.0, 4.0, 0.5, 1e-6, 1e-5, -0.5, 1e300, math.nan, math.inf, "", "4", "gelu", "gelu_new"),
    *("silu", "relu", "float16", "bfloat16", "float32", "float8_e4m3fn", "int8", "llama", "qwen3"),
    *([], [1], [3, 5], ["3"], [None], {}, {"a": 1}, {"0": {"hidden_size": 4}}),
    *LAYER_TYPES,
]


def mutate(config, rng):
    """Set, remove or nudge one to three entries."""
    config = json.loads(json.dumps(config))
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        name = rng.choice([*config] if config and rng.random() < 0.5 else NAMES)
        action = rng.random()
        if name in ("rope_parameters", "rope_scaling") and action < 0.6:
            config[name] = rng.choice(ROPES)
        elif action < 0.15:
            config.pop(name, None)
        elif action < 0.35 and type(config.get(name)) in (int, float):
            config[name] *= rng.choice([0.5, 2, -1, 1.0, 1 + 1e-9])
        elif action < 0.5 and isinstance(config.get(name), dict) and config[name]:
            config[name][rng.choice([*config[name]])] = rng.choice(VALUES)
        else:
            config[name] = rng.choice(VALUES)
    return config


def test_a_mutated_configuration_gives_a_model_or_a_value_error(folder, kind):
    """And where `transformers` opens the same folder, the same logits."""
    original = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "generation_config.json").unlink()
    load = (GPT if kind == "gpt2" else Llama).from_pretrained
    token_ids = torch.randint(V, (2, 7), generator=torch.Generator().manual_seed(1))
    rng, seen, opened, compared = random.Random(5), set(), 0, 0
    for _ in range(700):
        config = mutate(original, rng)
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        try:
            model = load(folder)
        except ValueError:
            continue
        opened += 1
        if model.config in seen or compared == 10:
            continue
        seen.add(model.config)
        try:
            theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        except Exception:
            continue  # stricter than we are
        compared += 1
        with torch.no_grad():
            ids = token_ids[:, : model.config.context_length]
            expected = theirs.eval()(ids).logits
            # float32 has 7 digits; logits of size 10, and two layers of sums over 8 to 29 numbers
            assert_close(model(ids), expected, rtol=1e-4, atol=1e-4, msg=f"{config}")
    assert opened > 100
    assert compared == 10


@pytest.mark.parametrize(
    "changes",
    [
        {"vocab_size": 2**24},
        {"context_length": 10**30},
        {"n_layers": 10**9},
        {"d_model": 2**25},
        {"n_heads": 2**40, "d_model": 2**40},
        {"d_ff": 10**12},
        {"eps": math.nan},
        {"eps": -1e-5},
        {"eps": "1e-5"},
        {"vocab_size": True},
        {"end_ids": [1]},
        {"end_ids": (V,)},
        {"end_ids": (-1,)},
        {"end_ids": (1, 1)},
        {"end_ids": (1.0,)},
    ],
)
def test_sizes_beyond_all_models(kind, changes):
    config = KINDS[kind].config
    if changes == {"vocab_size": 2**24}:
        assert type(config)(**config.__dict__ | changes).vocab_size == 2**24  # the largest
        return
    with pytest.raises(ValueError, match=r"expected .*, got"):
        type(config)(**config.__dict__ | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"rope_base": 0.0},
        {"rope_base": math.inf},
        {"tied": 1},
        {"qk_norm": None},
        {"d_ff": None},
        {"d_head": 2**30},
    ],
)
def test_rotations_and_settings_that_are_none(changes):
    with pytest.raises(ValueError, match=r"expected .*, got"):
        LlamaConfig(**KINDS["llama"].config.__dict__ | changes)


@pytest.mark.parametrize(
    "changes", [{"factor": 0.0}, {"low": 4.0}, {"high": math.nan}, {"old_context": 8.5}]
)
def test_stretched_rotations_that_are_none(changes):
    with pytest.raises(ValueError, match=r"expected .*, got"):
        RopeScaling(**changes)


def test_entries():
    entries = Entries({"a": 3, "b": 3, "c": 4, "n": None, "t": 1})
    assert entries.integer("a", "b") == 3
    assert entries.take("z", usual="usual") == "usual"
    assert entries.integer("n", usual=None) is None
    with pytest.raises(ValueError, match="one value for a, c, got"):
        entries.take("a", "c")
    with pytest.raises(ValueError, match=r"expected 'z' in config\.json, got \['a', 'b'"):
        entries.take("z")
    with pytest.raises(ValueError, match="expected t among"):
        entries.truth("t", False)
    with pytest.raises(ValueError, match="n to be an integer of at least 1, got None"):
        entries.integer("n")


# ---------------------------------------------------------------- the end of a text


@pytest.mark.parametrize(
    ("config", "generation", "expected"),
    [
        (3, "none", (3,)),
        ([5, 3, 5], "none", (5, 3)),
        (None, "none", ()),
        (3, {"eos_token_id": 4}, (4,)),
        (3, {"eos_token_id": [4, 5]}, (4, 5)),
        (3, {"eos_token_id": None}, ()),
        (3, {"do_sample": True}, ()),  # as `transformers`: the file stands alone
        (50256, "none", ()),  # what GPT2Config has by default: such a token can never come
    ],
)
def test_ends_as_in_transformers(folder, config, generation, expected):
    change(folder, eos_token_id=config)
    (folder / "generation_config.json").unlink()
    if generation != "none":
        text = json.dumps(generation)
        (folder / "generation_config.json").write_text(text, encoding="utf-8")
    assert read(folder).config.end_ids == expected
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder).generation_config
    ends = theirs.eos_token_id
    ends = ends if isinstance(ends, list) else [] if ends is None else [ends]
    assert tuple(i for i in dict.fromkeys(ends) if i < V) == expected


@pytest.mark.parametrize("text", ["", "[]", "{", '{"eos_token_id": "3"}', '{"eos_token_id": true}'])
def test_a_broken_generation_config(folder, text):
    (folder / "generation_config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="expected"):
        read(folder)


class Tokenizer:
    """Says where its texts end."""

    def __init__(self, end_id):
        self.end_id = end_id

    def save_pretrained(self, folder):
        (folder / "tokenizer.json").write_text("{}", encoding="utf-8")


@pytest.mark.parametrize("ends", [(), (3,), (3, 5)])
def test_ends_are_written_and_read(tmp_path, kind, ends):
    config = KINDS[kind].config
    model = type(KINDS[kind])(type(config)(**config.__dict__ | {"end_ids": ends}))
    model.save_pretrained(tmp_path)
    assert read(tmp_path).config.end_ids == ends
    for name in ("config", "generation_config"):
        entries = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
        assert entries["eos_token_id"] == end_entry(ends)
    model.save_pretrained(tmp_path, Tokenizer(None))
    assert read(tmp_path).config.end_ids == ends
    if ends:
        model.save_pretrained(tmp_path, Tokenizer(3))
        assert read(tmp_path).config.end_ids == ends
        with pytest.raises(ValueError, match=r"end with one of \(3.*got 7"):
            model.save_pretrained(tmp_path / "other", Tokenizer(7))
        assert not (tmp_path / "other").exists()
    else:
        model.save_pretrained(tmp_path, Tokenizer(7))
        assert read(tmp_path).config.end_ids == (7,)
        with pytest.raises(ValueError, match="end_ids"):
            model.save_pretrained(tmp_path, Tokenizer(V))


def test_transformers_stops_where_we_do(folder, kind):
    """No argument says where: the folder does."""
    model = read(folder)
    greedy = torch.tensor([[1, 2]])
    for _ in range(6):
        greedy = torch.cat([greedy, model(greedy)[:, -1].argmax(-1, keepdim=True)], 1)
    end = greedy[0, 4].item()  # the third new token, if it did not come before
    first = greedy[0, 2:].tolist().index(end)
    config = model.config
    model.config = type(config)(**config.__dict__ | {"end_ids": (end,)})
    model.save_pretrained(folder)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder)
    got = theirs.generate(greedy[:, :2], max_new_tokens=6, do_sample=False, pad_token_id=0)
    assert got.tolist() == greedy[:, : 3 + first].tolist()


# ---------------------------------------------------------------- broken and doubled files


def in_parts(folder, spoil=lambda parts, index: None):
    """Write the weights again, in two parts with an index."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    files = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    own = {files[0]: names[::2], files[1]: names[1::2]}
    parts = {file: {name: tensors[name].clone() for name in own[file]} for file in files}
    index = {"metadata": {}, "weight_map": {n: file for file in files for n in own[file]}}
    spoil(parts, index)
    for file, part in parts.items():
        save_file(part, folder / file)
    text = json.dumps(index)
    (folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")
    return folder


def twice(parts, index, difference=0.0):
    first, second = parts.values()
    name = next(iter(first))
    second[name] = first[name] + difference


def test_weights_in_parts(folder, kind):
    before = read(folder).state_dict()
    after = read(in_parts(folder, twice)).state_dict()  # one tensor stands in both parts
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)


def rename(parts, index, name):
    index["weight_map"][next(iter(index["weight_map"]))] = name


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p, i: twice(p, i, 1.0), r"one tensor for '.*', got another from 'model-00002"),
        (lambda p, i: next(iter(p.values())).popitem(), "where the index has it, got none"),
        (lambda p, i: p.popitem(), r"safetensors file model-00002-of-00002\.safetensors, got"),
        (lambda p, i: rename(p, i, "model-00002-of-00002.safetensors"), "where the index has it"),
        (lambda p, i: rename(p, i, "../model.safetensors"), r"weight files beside .* got '\.\./m"),
        (lambda p, i: rename(p, i, "/etc/x.safetensors"), "weight files beside"),
        (lambda p, i: rename(p, i, "..\\x.safetensors"), "weight files beside"),
        (lambda p, i: rename(p, i, "C:x.safetensors"), "weight files beside"),
        (lambda p, i: rename(p, i, "a/b.safetensors"), "weight files beside"),
        (lambda p, i: rename(p, i, "pytorch_model.bin"), "weight files beside"),
        (lambda p, i: rename(p, i, 5), "weight files beside"),
        (lambda p, i: i.update(weight_map={}), "an index of weight files"),
        (lambda p, i: i.update(weight_map=["x"]), "an index of weight files"),
        (lambda p, i: i.pop("weight_map"), "an index of weight files"),
    ],
)
def test_broken_parts(folder, spoil, message):
    with pytest.raises(ValueError, match=message):
        read(in_parts(folder, spoil))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000])
@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json"])
def test_broken_json(folder, name, text):
    in_parts(folder)
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="expected"):
        open_checkpoint(folder, "gpt2", "llama", "qwen3")


@pytest.mark.parametrize("text", [b"\xff", b'\xef\xbb\xbf{"model_type": "gpt2"}', None])
def test_a_config_that_is_no_text(tmp_path, text):
    if text is not None:
        (tmp_path / "config.json").write_bytes(text)
    with pytest.raises(ValueError, match=r"expected a readable config\.json in"):
        open_checkpoint(tmp_path, "gpt2")


def test_pickled_weights_are_refused(folder):
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"pickled.*got \['config.json', .*'pytorch_model.bin'\]"):
        read(folder)
    os.rename(folder / "pytorch_model.bin", folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"expected a safetensors file model\.safetensors"):
        read(folder)


@pytest.mark.parametrize(
    "dtype",
    [torch.int64, torch.int8, torch.bool, torch.uint8, torch.float8_e4m3fn, torch.complex64],
)
def test_numbers_of_other_types(folder, dtype):
    tensors = load_file(folder / "model.safetensors")
    name = sorted(tensors)[-1]
    save_file(tensors | {name: tensors[name].to(dtype)}, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"expected floating-point numbers, got torch\."):
        read(folder)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floating_point_numbers_of_all_widths(folder, dtype):
    tensors = {n: t.to(dtype) for n, t in load_file(folder / "model.safetensors").items()}
    save_file(tensors, folder / "model.safetensors")
    model = read(folder)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    with torch.no_grad():
        ids = torch.arange(9)[None]
        assert_close(model(ids), theirs(ids).logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "qwen3"], indirect=True)
def test_a_tied_head_that_differs(folder, kind):
    tensors = load_file(folder / "model.safetensors")
    [table] = [name for name in tensors if name.endswith(("wte.weight", "embed_tokens.weight"))]
    before = read(folder).state_dict()
    save_file(tensors | {"lm_head.weight": tensors[table].clone()}, folder / "model.safetensors")
    assert all(torch.equal(t, before[name]) for name, t in read(folder).state_dict().items())
    for other in (tensors[table] + 1e-6, tensors[table][:-1].clone(), tensors[table].half()):
        save_file(tensors | {"lm_head.weight": other}, folder / "model.safetensors")
        with pytest.raises(ValueError, match=r"one tensor for '.*', got another from"):
            read(folder)


def test_names_with_and_without_prefix(folder, kind):
    tensors = load_file(folder / "model.safetensors")
    prefix = "transformer." if kind == "gpt2" else "model."
    before = read(folder).state_dict()
    bare = {name.removeprefix(prefix): t.clone() for name, t in tensors.items()}
    for files in (bare, tensors | bare):
        save_file(files, folder / "model.safetensors")
        assert all(torch.equal(t, before[name]) for name, t in read(folder).state_dict().items())
    name = next(name for name in bare if name not in tensors)
    save_file(tensors | {name: bare[name] + 1}, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"one tensor for '.*', got another from"):
        read(folder)


def test_same_tensor():
    nan = torch.tensor([math.nan, 1.0])
    assert same_tensor(nan, nan.clone())
    assert same_tensor(torch.arange(6).view(2, 3).T, torch.arange(6).view(2, 3).T.contiguous())
    assert same_tensor(torch.tensor(1.0), torch.tensor(1.0))
    assert not same_tensor(nan, nan.half())
    assert not same_tensor(nan, nan[:1])
    found = {}
    add_once(found, "a", nan, "here")
    add_once(found, "a", nan.clone(), "there")
    with pytest.raises(ValueError, match="one tensor for 'a', got another from 'there'"):
        add_once(found, "a", nan + 1, "there")
    assert found["a"] is nan


# ---------------------------------------------------------------- the hub


def fetching(error):
    return mock.patch("huggingface_hub.snapshot_download", side_effect=error)


def answer(kind, status):
    """An error of the hub's client, with the answer that it carries."""
    response = mock.Mock(status_code=status, headers={}, request=None)
    return kind("the hub's own words", response=response)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (lambda: answer(errors.GatedRepoError, 403), "only for those who have asked: accept its t"),
        (lambda: answer(errors.RepositoryNotFoundError, 401), "no public repository of this name"),
        (lambda: errors.LocalEntryNotFoundError("no"), "hub cannot be reached: go online once"),
        (lambda: errors.OfflineModeIsEnabled("no"), "hub cannot be reached: go online once"),
        (lambda: ConnectionError("no"), "hub cannot be reached: go online once"),
        (lambda: answer(errors.RevisionNotFoundError, 404), r"not be fetched \(RevisionNotFound"),
        (lambda: OSError("No space left"), r"not be fetched \(OSError: No space left\)"),
    ],
)
def test_gated_misspelled_and_offline_are_three_sentences(error, message):
    with fetching(error()), pytest.raises(CheckpointUnavailable, match=message) as caught:
        checkpoint_folder("somebody/something")
    assert "somebody/something" in str(caught.value)


def test_offline_as_the_client_says_it():
    with pytest.raises(CheckpointUnavailable, match="hub cannot be reached"):
        checkpoint_folder("nobody/nothing")


def test_what_can_be_no_name(tmp_path):
    assert checkpoint_folder(tmp_path) == tmp_path
    assert checkpoint_folder(str(tmp_path)) == tmp_path
    for wrong in (tmp_path / "not" / "here", "a b", "", None, 5):
        with pytest.raises(ValueError, match="expected a folder or a repository's name, got"):
            checkpoint_folder(wrong)


def test_without_the_client_of_the_hub(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(CheckpointUnavailable, match="needs the package huggingface_hub"):
        checkpoint_folder("nobody/nothing")


def test_write_folder_makes_folders(tmp_path):
    config = {"bos_token_id": None, "eos_token_id": 4, "x": 1}
    write_folder(tmp_path / "a" / "b", config, {"t": torch.ones(2, 3).T})
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
    ]
    assert torch.equal(load_file(tmp_path / "a" / "b" / "model.safetensors")["t"], torch.ones(3, 2))


OPEN = """
import sys
import torch
from lessons_lib.training import story_model
story_model("en")
print(sorted({"sympy", "torch._dynamo"} & set(sys.modules)))
"""


def test_a_model_opens_without_the_compiler():
    """Loading PyTorch's compiler takes more than a second."""
    run = subprocess.run([sys.executable, "-c", OPEN], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
