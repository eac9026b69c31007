"""The chapter `gpt` against hand-worked cases and the GPT-2 of `transformers`."""

import doctest
import json
import math
import os
import random

os.environ["HF_HUB_OFFLINE"] = "1"  # before any import of the hub's client

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

from lessons_lib import gpt as module
from lessons_lib.base.checkpoints import weights_sha256
from lessons_lib.base.hub import write_folder
from lessons_lib.block import count_parameters
from lessons_lib.corpus.stories import sample
from lessons_lib.gpt import (
    GPT,
    GPTConfig,
    GPTFiles,
    check_token_ids,
    from_hub_gpt2,
    gpt_parameters,
    greedy,
    initialise,
    load_tensors,
    loss,
    make_block,
    padding_mask,
    read_gpt2_config,
    to_hub_gpt2,
    write_gpt2_config,
)
from lessons_lib.tokens import BPETokenizer

V, T, D, H, L = 97, 128, 32, 4, 3
CONFIG = GPTConfig(V, T, D, H, L)
# 32 bits hold 7 digits; sums over 32 to 128 numbers, three layers deep, lose one or two of them.
PARITY = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A GPT-2 of random numbers, every bias and norm too, as `transformers` writes it."""
    config = GPT2Config(
        vocab_size=V,
        n_positions=T,
        n_embd=D,
        n_head=H,
        n_layer=L,
        bos_token_id=None,
        eos_token_id=None,
    )
    path = tmp_path_factory.mktemp("gpt2")
    randomise(GPT2LMHeadModel(config)).save_pretrained(path)
    return path


def randomise(model, std=0.15, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(0, std, generator=generator)
            if "norm.weight" in name or (".ln_" in name and name.endswith("weight")):
                parameter += 1
    return model


@pytest.fixture
def ours(folder):
    return GPT.from_pretrained(folder)


@pytest.fixture(scope="module")
def theirs(folder):
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()


def ids(*shape, seed=1):
    return torch.randint(V, shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- equal to transformers


def test_logits_are_those_of_transformers(ours, theirs):
    text = ids(2, 100)
    expected = theirs(text).logits
    assert expected.std() > 0.3  # not all alike
    assert_close(ours(text), expected, **PARITY)
    assert_close(ours(ids(1, T)), theirs(ids(1, T)).logits, **PARITY)  # the whole context
    assert_close(ours(ids(3, 1)), theirs(ids(3, 1)).logits, **PARITY)  # a single token


@pytest.mark.parametrize("side", ["right", "left"])
def test_padded_batches(ours, theirs, side):
    real = torch.ones(3, 40, dtype=torch.bool)
    for row, n_padding in enumerate((0, 7, 39)):
        padding = slice(40 - n_padding, None) if side == "right" else slice(0, n_padding)
        real[row, padding] = False
    text = ids(3, 40)
    found = ours(text, real)
    positions = torch.arange(40).expand(3, -1)
    expected = theirs(text, attention_mask=real.long(), position_ids=positions).logits
    assert_close(found[real], expected[real], **PARITY)
    other = torch.where(real, text, (text + 1) % V)  # other ids in the padding
    assert torch.equal(ours(other, real)[real], found[real])


def test_right_padding_changes_nothing_before_it(ours):
    text = ids(2, 40)
    real = torch.ones(2, 40, dtype=torch.bool)
    real[:, 30:] = False
    assert_close(ours(text, real)[:, :30], ours(text[:, :30]), **PARITY)
    assert_close(ours(text, torch.ones_like(real)), ours(text), **PARITY)


def test_fifty_greedy_tokens(tmp_path):
    model = randomise(GPT(CONFIG), std=0.5)  # so that the texts do not soon repeat one token
    model.save_pretrained(tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    expected = theirs.generate(ids(4, 20), max_new_tokens=50, do_sample=False, pad_token_id=0)
    found = greedy(model, ids(4, 20), 50)
    assert torch.equal(found, expected)
    assert len(found[:, 20:].unique()) > 8


def test_loss_and_gradients(ours, theirs):
    text = ids(2, 65)
    found = loss(ours, text)
    expected = theirs(text, labels=text).loss
    assert_close(found, expected, **PARITY)
    found.backward()
    theirs.zero_grad()
    expected.backward()
    gradients = {name: p.grad for name, p in theirs.transformer.named_parameters()}
    translated = from_hub_gpt2(gradients)
    assert translated.keys() == dict(ours.named_parameters()).keys()
    for name, parameter in ours.named_parameters():
        assert parameter.grad.abs().max() > 1e-6 or name.endswith("key.bias")
        assert_close(parameter.grad, translated[name], **PARITY)


def test_transformers_opens_what_we_save(tmp_path):
    stories = "".join(story.text for story in sample(50, seed=1, language="en"))
    tokenizer = BPETokenizer.train(stories, 300, ["<|end|>"])
    model = randomise(GPT(GPTConfig(tokenizer.vocab_size, 64, 24, 3, 2, d_ff=40)))
    model.save_pretrained(tmp_path / "new" / "folder", tokenizer)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "new" / "folder").eval()
    text = " a brave turtle had 12 lamps. <|end|>"
    encoded = tokenizer.encode(text, allowed_special=["<|end|>"])
    opened = AutoTokenizer.from_pretrained(tmp_path / "new" / "folder")
    assert opened.encode(text) == encoded
    token_ids = torch.tensor([encoded])
    assert_close(model(token_ids), theirs(token_ids).logits, **PARITY)
    again = GPT.from_pretrained(tmp_path / "new" / "folder")
    assert again.config == model.config
    assert torch.equal(again(token_ids), model(token_ids))


# ---------------------------------------------------------------- the model by itself


def test_parameters_by_formula():
    assert gpt_parameters(GPTConfig()) == 124_439_808
    assert gpt_parameters(GPTConfig(d_model=1600, n_heads=25, n_layers=48)) == 1_557_611_200
    # by hand: tables 3*2 + 5*2, four maps of 2*2+2, two of 2*8 with 8 + 2 biases, five norms
    assert gpt_parameters(GPTConfig(3, 5, 2, 1, 1)) == 16 + 24 + 42 + 8 + 4
    for config in (CONFIG, GPTConfig(11, 4, 6, 3, 2, d_ff=5), GPTConfig(1, 1, 1, 1, 1)):
        assert count_parameters(GPT(config)) == gpt_parameters(config)


def test_one_table_for_input_and_output(ours):
    with torch.no_grad():
        before = ours(ids(1, 9))
        ours.token_embedding.weight[7] *= 3
        after = ours(ids(1, 9))
    assert 7 not in ids(1, 9)
    changed = (before != after).any((0, 1)).nonzero().flatten().tolist()
    assert changed == [7]


def test_logits_by_hand():
    """No blocks that do anything: the logits are products of normalised sums with the table."""
    model = GPT(GPTConfig(3, 2, 2, 1, 1))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith("blocks") and "norm" not in name:
                parameter.zero_()
        model.token_embedding.weight.copy_(torch.tensor([[1.0, 0], [0, 2], [3, 3]]))
        model.position_embedding.weight.copy_(torch.tensor([[0.0, 0], [5, 0]]))
    # token 0 at position 0: (1, 0) becomes (1, -1); token 1 at position 1: (5, 2) too
    expected = torch.tensor([[[1.0, -2, 0], [1, -2, 0]]])
    assert_close(model(torch.tensor([[0, 1]])), expected, rtol=0, atol=1e-4)  # eps of the norm


def test_changing_a_token_leaves_what_comes_before(ours):
    text = ids(2, 50)
    before = ours(text)
    for t in (0, 1, 30, 49):
        changed = text.clone()
        changed[:, t] = (changed[:, t] + 1) % V
        after = ours(changed)
        assert torch.equal(after[:, :t], before[:, :t])
        assert not torch.equal(after[:, t], before[:, t])


def test_permuting_the_batch_permutes_the_outputs(ours):
    text, order = ids(4, 30), torch.tensor([2, 0, 3, 1])
    assert torch.equal(ours(text[order]), ours(text)[order])


def test_positions_matter(ours):
    logits = ours(torch.full((1, 5), 3))
    assert not torch.equal(logits[0, 1], logits[0, 2])


def test_ids_of_32_bits(ours):
    assert torch.equal(ours(ids(2, 9).int()), ours(ids(2, 9)))
    assert torch.equal(loss(ours, ids(2, 9).int()), loss(ours, ids(2, 9)))


def test_initialise():
    torch.manual_seed(0)
    model = GPT(GPTConfig(500, 64, 128, 4, 8))
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name
        elif "norm" in name:
            assert (parameter == 1).all(), name
        else:
            adds = name.endswith(("attention.output.weight", "feed_forward.down.weight"))
            std = 0.02 / 4 if adds else 0.02  # sqrt(2 * 8) = 4
            # the std of n draws is uncertain by std / sqrt(2 n): 0.8 % for the smallest table
            assert abs(parameter.std() / std - 1) < 0.04, name
            assert abs(parameter.mean()) < 0.05 * std, name
    initialise(model, 8, std=0.5)
    assert abs(model.token_embedding.weight.std() / 0.5 - 1) < 0.02


def test_the_first_loss_is_that_of_guessing():
    torch.manual_seed(0)
    model = GPT(GPTConfig(1000, 64, 64, 4, 2))
    text = torch.randint(1000, (8, 65), generator=torch.Generator().manual_seed(0))
    assert abs(loss(model, text).item() - math.log(1000)) < 0.05


class Fixed(torch.nn.Module):
    """Gives the same logits (T, V), whatever the ids."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, token_ids):
        return self.logits[: token_ids.shape[1]].expand(len(token_ids), -1, -1)


def test_loss_by_hand():
    p = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    model = Fixed(p.log().tolist())
    # after the first token came 1 (p = 1/4), after the second 2 (p = 0.8)
    expected = -(math.log(0.25) + math.log(0.8)) / 2
    assert math.isclose(loss(model, torch.tensor([[0, 1, 2]])), expected, rel_tol=1e-6)
    both = loss(model, torch.tensor([[0, 1, 2], [2, 0, 0]]))
    expected = -(math.log(0.25) + math.log(0.8) + math.log(0.5) + math.log(0.1)) / 4
    assert math.isclose(both, expected, rel_tol=1e-6)


def test_greedy_takes_the_first_of_the_best():
    model = Fixed([[0.0, 3.0, 3.0], [1.0, 0.0, 1.0], [0.0, 0.0, 5.0]])
    assert greedy(model, torch.tensor([[2], [1]]), 3).tolist() == [[2, 1, 0, 2], [1, 1, 0, 2]]
    assert greedy(model, torch.tensor([[2]]), 0).tolist() == [[2]]


def test_padding_mask_by_hand():
    real = torch.tensor([[True, True, False], [False, True, True]])
    expected = [[[1, 0, 0], [1, 1, 0], [1, 1, 1]], [[1, 0, 0], [0, 1, 0], [0, 1, 1]]]
    assert padding_mask(real)[:, 0].int().tolist() == expected
    assert padding_mask(real).shape == (2, 1, 3, 3)
    assert padding_mask(real.long()).dtype == torch.bool


NOT_REAL = {
    "one axis": (torch.ones(3, dtype=torch.bool), r"shape \(B, T\), got \(3,\)"),
    "three axes": (torch.ones(1, 2, 3), r"shape \(B, T\), got \(1, 2, 3\)"),
    "nothing": (torch.ones(0, 3), r"got \(0, 3\)"),
    "words": ("yes", "expected rows of booleans, got 'yes'"),
    "rows that differ": ([[True], [True, False]], "expected rows of booleans"),
    "other numbers": (torch.tensor([[1, 2]]), "expected booleans, or 0 and 1, got 2"),
    "NaN": ([[float("nan"), 1.0]], "expected booleans, or 0 and 1, got nan"),
}


@pytest.mark.parametrize("name", NOT_REAL)
def test_padding_that_is_none(name):
    real, message = NOT_REAL[name]
    with pytest.raises(ValueError, match=message):
        padding_mask(real)


def test_padding_as_lists():
    real = [[1, 1, 0], [0, 1, 1]]
    assert torch.equal(padding_mask(real), padding_mask(torch.tensor(real)))


def test_make_block_uses_the_config():
    block = make_block(GPTConfig(5, 5, 6, 3, 1, d_ff=7, eps=0.1))
    assert (block.attention.n_heads, block.feed_forward.up.out_features) == (3, 7)
    assert (block.attention_norm.eps, block.feed_norm.eps) == (0.1, 0.1)


# ---------------------------------------------------------------- files


def spelling(name, tensors):
    bare = {key.removeprefix("transformer."): tensor for key, tensor in tensors.items()}
    mask = torch.ones(T, T).tril().view(1, 1, T, T)
    return {
        "as written": tensors,
        "without prefix": bare,
        "with masks": bare
        | {f"h.{i}.attn.bias": mask for i in range(L)}
        | {f"h.{i}.attn.masked_bias": torch.tensor(-1e4) for i in range(L)},
        "with the head": tensors | {"lm_head.weight": bare["wte.weight"].clone()},
        "bare with the head": bare | {"lm_head.weight": bare["wte.weight"].clone()},
        "both prefixes": tensors | bare,
        "16 bits": {key: tensor.bfloat16() for key, tensor in tensors.items()},
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        *["as written", "without prefix", "with masks", "with the head", "bare with the head"],
        "both prefixes",
    ],
)
def test_spellings_of_the_hub(folder, ours, name):
    model = GPT(CONFIG)
    load_tensors(model, from_hub_gpt2(spelling(name, load_file(folder / "model.safetensors"))))
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, ours.state_dict()[key]), key


def test_numbers_of_16_bits(folder, ours):
    model = GPT(CONFIG)
    tensors = spelling("16 bits", load_file(folder / "model.safetensors"))
    load_tensors(model, from_hub_gpt2(tensors))
    assert model.token_embedding.weight.dtype == torch.float32
    assert torch.equal(model.token_embedding.weight, ours.token_embedding.weight.bfloat16().float())


def test_translation_there_and_back(folder):
    tensors = load_file(folder / "model.safetensors")
    back = to_hub_gpt2(from_hub_gpt2(tensors))
    assert back.keys() == {f"transformer.{key.removeprefix('transformer.')}" for key in tensors}
    for key, tensor in tensors.items():
        name = f"transformer.{key.removeprefix('transformer.')}"
        assert torch.equal(back[name], tensor), key


def test_config_there_and_back(folder):
    for config in (CONFIG, GPTConfig(), GPTConfig(7, 8, 9, 3, 2, d_ff=10, eps=1e-6)):
        assert read_gpt2_config(json.loads(json.dumps(write_gpt2_config(config)))) == config
    assert read_gpt2_config(json.loads((folder / "config.json").read_text())) == CONFIG


def test_weights_in_parts(folder, ours, tmp_path):
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    parts = {"model-00001-of-00002.safetensors": names[::2]}
    parts["model-00002-of-00002.safetensors"] = names[1::2]
    index = {"weight_map": {name: part for part, own in parts.items() for name in own}}
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    for part, own in parts.items():
        save_file({name: tensors[name] for name in own}, tmp_path / part)
    assert torch.equal(GPT.from_pretrained(tmp_path)(ids(1, 9)), ours(ids(1, 9)))
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ValueError, match="safetensors file model-00002-of-00002"):
        GPT.from_pretrained(tmp_path)


def test_all_problems_in_one_message_and_nothing_loaded(ours):
    model = GPT(CONFIG)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tensors = dict(ours.state_dict())
    del tensors["final_norm.bias"], tensors["blocks.2.attention.key.weight"]
    tensors |= {"extra": torch.ones(1), "blocks.0.feed_norm.bias": torch.ones(D + 1)}
    with pytest.raises(ValueError, match="do not fit") as caught:
        load_tensors(model, tensors)
    for words in (
        "missing final_norm.bias",
        "missing blocks.2.attention.key.weight",
        "surplus extra",
        f"blocks.0.feed_norm.bias: expected the shape ({D},), got ({D + 1},)",
    ):
        assert words in str(caught.value)
    assert str(caught.value).count(";") == 3
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.pop("wte.weight"), "missing token_embedding.weight"),
        (lambda t: t.pop("h.1.attn.c_attn.bias"), "missing blocks.1.attention.key.bias"),
        (lambda t: t.update({"h.3.ln_1.bias": t["ln_f.bias"]}), "surplus blocks.3.attention_norm"),
        (lambda t: t.update({"h.0.attn.c_attn.weight": torch.ones(D, 3 * D + 1)}), "c_attn"),
        (lambda t: t.update({"h.0.attn.c_attn.bias": torch.tensor(1.0)}), "c_attn"),
        (lambda t: t.update({"h.0.mlp.c_fc.weight": torch.ones(4 * D, D)}), r"up.weight: expected"),
        (
            lambda t: t.update({"lm_head.weight": t["wte.weight"] + 1}),
            "another from '(lm_head|wte)",
        ),
        (lambda t: t.update({"lm_head.weight": torch.ones(2, 2)}), "another from '(lm_head|wte).w"),
        (lambda t: t.update({"score.weight": torch.ones(2)}), "surplus score.weight"),
        (
            lambda t: t.update({"transformer.ln_f.bias": t["ln_f.bias"] + 1}),
            "tensor for 'ln_f",
        ),
        (lambda t: t.update({"ln_f.bias": t["ln_f.bias"].long()}), "numbers, got torch.int64"),
    ],
)
def test_files_that_do_not_fit(folder, tmp_path, spoil, message):
    tensors = spelling("without prefix", load_file(folder / "model.safetensors"))
    spoil(tensors)
    save_file(
        {name: tensor.clone() for name, tensor in tensors.items()}, tmp_path / "model.safetensors"
    )
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(ValueError, match=message):
        GPT.from_pretrained(tmp_path)


@pytest.mark.parametrize("kept", [0, 4, 100, 5000, -1])
def test_broken_weights(folder, tmp_path, kept):
    data = (folder / "model.safetensors").read_bytes()
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes(data[:kept])
    with pytest.raises(ValueError, match=r"expected a safetensors file model\.safetensors, got"):
        GPT.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "llama"}, r"of type \('gpt2',\).*got 'llama'"),
        ({"model_type": None}, "got None"),
        ({"n_embd": None}, "n_embd to be an integer"),
        ({"n_head": 5}, "divisible by n_heads"),
        ({"vocab_size": "97"}, "vocab_size to be an integer"),
        ({"layer_norm_epsilon": None}, "layer_norm_epsilon to be a finite number"),
        ({"activation_function": "relu"}, "activation_function among .* got 'relu'"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings among"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx among"),
        ({"reorder_and_upcast_attn": True}, "reorder_and_upcast_attn among"),
        ({"add_cross_attention": True}, "add_cross_attention among"),
        ({"hidden_size": 64}, "one value for n_embd, hidden_size"),
        ({"n_layer": 10**9}, "n_layers to be an integer from 1 to 10000"),
        ({"n_layer": 9000}, "expected 9000 layers, got"),
        ({"n_positions": 2**24}, "position_embedding.weight: expected the shape"),
        ({"n_head": True}, "n_head to be an integer"),
        ({"pruned_heads": {"0": [1]}}, "pruned_heads among"),
    ],
)
def test_configurations_that_do_not_fit(folder, tmp_path, change, message):
    config = json.loads((folder / "config.json").read_text())
    write_folder(tmp_path, config | change, load_file(folder / "model.safetensors"))
    with pytest.raises(ValueError, match=message):
        GPT.from_pretrained(tmp_path)


def test_an_entry_missing_in_the_config(folder):
    config = json.loads((folder / "config.json").read_text())
    del config["n_layer"]
    with pytest.raises(ValueError, match=r"expected 'n_layer' in config\.json, got"):
        read_gpt2_config(config)


def test_weights_of_which_a_bit_was_flipped_are_never_loaded(ours, tmp_path):
    ours.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    whole, expected = path.read_bytes(), ours.state_dict()
    rng = random.Random(0)
    header = 8 + int.from_bytes(whole[:8], "little")
    places = [rng.randrange(header, len(whole)) for _ in range(60)]
    places += [rng.randrange(header) for _ in range(60)]
    refused = 0
    for place in places:
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << rng.randrange(8)
        path.write_bytes(spoilt)
        try:
            found = GPT.from_pretrained(tmp_path).state_dict()
        except ValueError:
            refused += 1
            continue
        assert place < header  # such as the name of the checksum: the weights are what they were
        assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert refused > 100


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_checksum_is_of_names_kinds_shapes_and_numbers(dtype):
    tensors = {"b": torch.ones(2, 3, dtype=dtype), "a": torch.zeros(0, dtype=dtype)}
    tensors["c"] = torch.tensor(5, dtype=dtype)
    found = weights_sha256(tensors)
    assert found == weights_sha256(dict(reversed(tensors.items())))
    assert found == weights_sha256(tensors | {"b": torch.ones(3, 2, dtype=dtype).T})
    others = [
        {"B" if name == "b" else name: tensor for name, tensor in tensors.items()},
        tensors | {"b": tensors["b"].flatten()},
        tensors | {"b": tensors["b"].double()},
        tensors | {"b": torch.tensor([[1, 1, 1], [1, 1, -1]], dtype=dtype)},
        {name: tensor for name, tensor in tensors.items() if name != "a"},
    ]
    assert len({found, *map(weights_sha256, others)}) == 6


def test_saving_leaves_the_model_alone(ours, tmp_path):
    before = ours(ids(1, 9))
    ours.save_pretrained(tmp_path)
    ours.save_pretrained(tmp_path)  # over itself
    names = ["config.json", "generation_config.json", "model.safetensors"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert torch.equal(ours(ids(1, 9)), before)
    assert isinstance(ours, GPTFiles)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (torch.ones(1, 3), "integer token ids, got torch.float32"),
        (torch.ones(1, 3, dtype=torch.bool), "integer token ids, got torch.bool"),
        ([[1, 2]], "integer token ids, got list"),
        (torch.tensor([1, 2]), r"shape \(B, T\) with T from 1 to 128, got \(2,\)"),
        (torch.ones(1, 0, dtype=torch.long), r"got \(1, 0\)"),
        (torch.ones(1, T + 1, dtype=torch.long), r"T from 1 to 128, got \(1, 129\)"),
        (torch.tensor([[0, V]]), "ids from 0 to 96, got 0 to 97"),
        (torch.tensor([[-1, 5]]), "ids from 0 to 96, got -1 to 5"),
    ],
)
def test_ids_that_are_none(ours, wrong, message):
    for call in (ours, lambda one: check_token_ids(one, V, T)):
        with pytest.raises(ValueError, match=message):
            call(wrong)
    assert ours(torch.ones(0, 3, dtype=torch.long)).shape == (0, 3, V)  # a batch of none


def test_padding_of_another_shape(ours):
    for shape in ((1, 9), (2, 8), (2,)):
        with pytest.raises(ValueError, match=r"a boolean for each id, of shape \(2, 9\), got"):
            ours(ids(2, 9), torch.ones(shape, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"of shape \(2, 9\), got list"):
        ours(ids(2, 9), [[True] * 9] * 2)


def test_a_text_that_outgrows_the_context(ours):
    assert greedy(ours, ids(1, T - 1), 2).shape == (1, T + 1)  # the last is never read
    with pytest.raises(ValueError, match="T from 1 to 128"):
        greedy(ours, ids(1, T - 1), 3)
    with pytest.raises(ValueError, match="n_tokens to be an integer of at least 0, got -1"):
        greedy(ours, ids(1, 3), -1)


def test_loss_of_too_little(ours):
    with pytest.raises(ValueError, match=r"got \(1, 0\)"):
        loss(ours, torch.tensor([[5]]))
    for wrong in (V, -1, -100):  # -100 is what F.cross_entropy would leave out silently
        with pytest.raises(ValueError, match="ids from 0 to 96"):
            loss(ours, torch.tensor([[5, wrong]]))


@pytest.mark.parametrize(
    "sizes",
    [
        *[(0, 5, 4, 2, 1), (5, 0, 4, 2, 1), (5, 5, 0, 2, 1), (5, 5, 4, 0, 1), (5, 5, 4, 2, 0)],
        *[(5, 5, 4, 3, 1), (5, 5, 4, 2, 1, 0), (5.0, 5, 4, 2, 1)],
    ],
)
def test_sizes_that_are_none(sizes):
    with pytest.raises(ValueError, match=r"expected .* got"):
        GPTConfig(*sizes)


def test_no_nan_is_hidden(ours):
    with torch.no_grad():
        ours.position_embedding.weight[3] = math.nan
    assert ours(ids(1, 3)).isfinite().all()
    assert ours(ids(1, 6))[0, 3:].isnan().all()


def test_the_loss_is_that_of_torch(ours):
    text = ids(3, 20)
    expected = F.cross_entropy(ours(text)[:, :-1].transpose(1, 2), text[:, 1:])
    assert_close(loss(ours, text), expected, **PARITY)


def test_doctests():
    assert doctest.testmod(module).failed == 0
