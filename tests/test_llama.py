"""Llama beside `transformers`, its parts beside torch and beside numbers worked by hand."""

import doctest
import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports that read it

import pytest
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file, save_file
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from lessons_lib import llama
from lessons_lib.base.hub import CheckpointUnavailable
from lessons_lib.block import LayerNorm, count_parameters
from lessons_lib.gpt import greedy, loss
from lessons_lib.llama import (
    Llama,
    LlamaConfig,
    RMSNorm,
    RopeScaling,
    RotaryEmbedding,
    SwiGLU,
    from_hub_llama,
    llama_block,
    llama_parameters,
    read_llama_config,
    rotate_half,
    rotate_pairs,
    rotation_speeds,
    to_hub_llama,
    write_llama_config,
)
from lessons_lib.tokens import BPETokenizer

SIZES = {
    "vocab_size": 97,
    "max_position_embeddings": 160,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "bos_token_id": None,
    "eos_token_id": None,
    "attn_implementation": "eager",
}
PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 40,
}
KINDS = {
    "llama": ("llama", {"rope_parameters": PLAIN, "tie_word_embeddings": False}),
    "llama 3.1": ("llama", {"rope_parameters": LLAMA3, "tie_word_embeddings": False}),
    "llama tied": ("llama", {"rope_parameters": LLAMA3, "tie_word_embeddings": True}),
    "plain heads": ("llama", {"rope_parameters": PLAIN, "num_key_value_heads": 4}),
    "wide heads": ("llama", {"rope_parameters": PLAIN, "head_dim": 32}),
    "qwen3": ("qwen3", {"rope_parameters": PLAIN | {"rope_theta": 1e6}}),
    "qwen3 tied": ("qwen3", {"rope_parameters": PLAIN, "tie_word_embeddings": True}),
}
TINY = LlamaConfig(31, 24, 16, 4, 2, 24, n_kv_heads=2)


pytestmark = pytest.mark.usefixtures("one_thread")


def theirs_of(kind, **changes):
    """A model of `transformers` with weights large enough to tell mistakes apart."""
    model_type, options = KINDS[kind]
    config = {"llama": transformers.LlamaConfig, "qwen3": transformers.Qwen3Config}[model_type]
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config(**SIZES | options | changes))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            torch.nn.init.normal_(weight, mean=float("norm" in name), std=0.15)
    return model.eval()


@pytest.fixture(scope="module", params=KINDS)
def pair(request, tmp_path_factory):
    """Ours read from the folder that theirs wrote, and theirs."""
    theirs = theirs_of(request.param)
    folder = tmp_path_factory.mktemp("model")
    theirs.save_pretrained(folder)
    return Llama.from_pretrained(folder), theirs


def random_ids(batch, n_tokens, vocab_size=97, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocab_size, (batch, n_tokens), generator=generator)


def tiny(**changes):
    torch.manual_seed(3)
    model = Llama(LlamaConfig(**{**TINY.__dict__, **changes}))
    with torch.no_grad():
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.3)
    return model


# -------------------------------------------------------------------- the model beside its peer
# Both compute in float32 with the same operations; 1e-5 leaves room for other orders of adding up.


def test_logits_equal_those_of_transformers(pair):
    ours, theirs = pair
    ids = random_ids(3, 100)
    with torch.no_grad():
        expected, got = theirs(ids).logits, ours(ids)
    assert expected.std() > 0.3  # not a comparison of zeros
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


def test_padded_batches_equal_those_of_transformers(pair):
    ours, theirs = pair
    ids = random_ids(3, 60, seed=2)
    real = torch.arange(60) < torch.tensor([60, 37, 1])[:, None]
    with torch.no_grad():
        expected = theirs(ids, attention_mask=real.long()).logits
        got = ours(ids, real)
        torch.testing.assert_close(got[real], expected[real], atol=1e-5, rtol=0)
        # and padding changes nothing: each sequence is as if it were alone
        alone = ours(ids[1:2, :37])[0]
        torch.testing.assert_close(got[1, :37], alone, atol=1e-5, rtol=0)


def test_left_padding_beside_transformers(pair):
    ours, theirs = pair
    ids = random_ids(2, 30, seed=4)
    real = torch.arange(30) >= torch.tensor([0, 11])[:, None]
    positions = torch.arange(30).expand(2, -1)
    with torch.no_grad():
        expected = theirs(ids, attention_mask=real.long(), position_ids=positions).logits
        torch.testing.assert_close(ours(ids, real)[real], expected[real], atol=1e-5, rtol=0)


def test_padding_of_another_shape(pair):
    """Of (1, 9) or (9,), every text would get the same padding, and nothing would complain."""
    for wrong in ((1, 9), (2, 8), (9,), (2, 9, 1)):
        with pytest.raises(ValueError, match=r"a boolean for each id, of shape \(2, 9\), got"):
            pair[0](random_ids(2, 9), torch.ones(wrong, dtype=torch.bool))


def test_greedy_continuation_equals_that_of_transformers(pair):
    ours, theirs = pair
    ids = random_ids(2, 7, seed=5)
    expected = theirs.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=50,
        min_new_tokens=50,
        do_sample=False,
        pad_token_id=0,
    )
    assert torch.equal(greedy(ours, ids, 50), expected)


def test_gradients_equal_those_of_transformers(pair):
    ours, theirs = pair
    ids = random_ids(2, 41, seed=6)
    ours.zero_grad()
    theirs.zero_grad()
    loss(ours, ids).backward()
    logits = theirs(ids[:, :-1]).logits
    F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
    expected = from_hub_llama(
        {name: weight.grad for name, weight in theirs.named_parameters()}, ours.config
    )
    seen = 0
    for name, weight in ours.named_parameters():
        torch.testing.assert_close(weight.grad, expected[name], atol=1e-5, rtol=0)
        seen += int(weight.grad.abs().max() > 1e-4)
    assert seen == len(list(ours.parameters()))


def test_saved_folders_are_opened_by_transformers(pair, tmp_path):
    ours, _ = pair
    tokenizer = BPETokenizer.train("banana bandana in a bandana", 97 + 180)
    ours.save_pretrained(tmp_path, tokenizer)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    ids = random_ids(2, 100, seed=7)
    with torch.no_grad():
        assert type(theirs).__name__.startswith("Qwen3" if ours.config.qk_norm else "Llama")
        torch.testing.assert_close(theirs(ids).logits, ours(ids), atol=1e-5, rtol=0)
    text = "a banana"
    opened = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert opened.encode(text, add_special_tokens=False) == tokenizer.encode(text)
    again = Llama.from_pretrained(tmp_path)
    assert again.config == ours.config
    assert all(
        torch.equal(a, b) for a, b in zip(again.parameters(), ours.parameters(), strict=True)
    )


@pytest.mark.parametrize("kind", ["llama", "llama 3.1", "qwen3"])
def test_older_spelling_of_the_configuration(kind):
    hub = {k: v for k, v in theirs_of(kind).config.to_dict().items() if k != "rope_parameters"}
    rope = dict(KINDS[kind][1]["rope_parameters"])
    hub["rope_theta"] = rope.pop("rope_theta")
    hub["rope_scaling"] = rope if rope["rope_type"] == "llama3" else None
    assert read_llama_config(hub) == read_llama_config(theirs_of(kind).config.to_dict())


def test_a_configuration_written_and_read_is_the_same():
    for config in (
        TINY,
        LlamaConfig(31, 24, 16, 4, 2, 24, 4, 8, 1e-6, 5e5, RopeScaling(4.0, 1, 2, 12), True, True),
    ):
        n_kv_heads, d_head = config.kv_heads_and_width
        full = LlamaConfig(**{**config.__dict__, "n_kv_heads": n_kv_heads, "d_head": d_head})
        assert read_llama_config(write_llama_config(config)) == full
        json.dumps(write_llama_config(config))


HUB = write_llama_config(TINY)
SCALED = write_llama_config(LlamaConfig(31, 24, 16, 4, 2, 24, rope_scaling=RopeScaling()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attention_bias": True}, "attention_bias among .*False.*got True"),
        ({"mlp_bias": True}, "mlp_bias"),
        ({"hidden_act": "gelu"}, "hidden_act.*silu.*got 'gelu'"),
        ({"use_sliding_window": True}, "use_sliding_window"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "layer_types.*sliding"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4}}, "rope_type.*got 'yarn'"),
        ({"rope_parameters": None, "rope_scaling": {"type": "linear"}}, "rope_type.*got 'linear'"),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "partial_rotary_factor"),
        ({"num_key_value_heads": 3}, "n_heads divisible by n_kv_heads, got 4 and 3"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor among"),
        ({"rope_scaling": {"rope_theta": 5.0}}, r"one rope_theta, got 10000\.0 and 5\.0"),
        ({"rope_parameters": []}, "entries with names in rope_parameters"),
        ({"rope_theta": 3.0}, r"one rope_theta, got 3\.0 and 10000\.0"),
        ({"sliding_window": 8}, "no sliding_window below 24, got 8"),
        ({"layer_types": ["full_attention"]}, "expected 2 layer_types"),
        ({"quantization_config": {"bits": 4}}, "quantization_config among"),
        ({"per_layer_config": {"0": {"num_key_value_heads": 1}}}, "per_layer_config among"),
        ({"is_causal": False}, "is_causal among .*True"),
        ({"dtype": "float8_e4m3fn"}, "dtype among .* got 'float8_e4m3fn'"),
        ({"dtype": "float16", "torch_dtype": "float32"}, "one value for dtype, torch_dtype"),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings among .* got 1"),
        ({"tie_word_embeddings": None}, "tie_word_embeddings among .* got None"),
        (
            {"rms_norm_eps": float("nan")},
            "rms_norm_eps to be a finite number .*, got nan",
        ),
        ({"rms_norm_eps": 10**400}, "rms_norm_eps to be a finite number"),
        ({"rms_norm_eps": True}, "rms_norm_eps to be a finite number .* got True"),
        ({"num_hidden_layers": True}, "num_hidden_layers to be an integer .* got True"),
        ({"num_hidden_layers": 10**9}, "n_layers to be an integer from 1 to 10000"),
        ({"vocab_size": 2**63}, "vocab_size to be an integer"),
        ({"eos_token_id": 2.5}, "eos_token_id to be integers or null"),
        ({"eos_token_id": [1, None]}, "eos_token_id to be integers or null"),
        ({"hidden_size": 0}, "hidden_size"),
        ({"max_position_embeddings": "long"}, "max_position_embeddings"),
    ],
)
def test_what_the_files_may_not_say(changes, message):
    with pytest.raises(ValueError, match=message):
        read_llama_config(HUB | changes)


@pytest.mark.parametrize(
    "key", ["vocab_size", "hidden_size", "num_attention_heads", "intermediate_size", "model_type"]
)
def test_a_missing_entry_is_named(key):
    with pytest.raises(ValueError, match=key):
        read_llama_config({k: v for k, v in HUB.items() if k != key})


@pytest.mark.parametrize(
    "key", ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"]
)
def test_a_missing_entry_of_the_scaling_is_named(key):
    rope = {k: v for k, v in SCALED["rope_parameters"].items() if k != key}
    with pytest.raises(ValueError, match=key):
        read_llama_config(SCALED | {"rope_parameters": rope, "rope_scaling": None})


def test_tensors_that_do_not_fit_are_all_named(tmp_path):
    tiny().save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["model.norm.weight"]
    tensors["model.layers.1.mlp.gate_proj.weight"] = torch.zeros(3, 5)
    tensors["model.layers.0.self_attn.q_proj.bias"] = torch.zeros(16)
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="do not fit the model") as error:
        Llama.from_pretrained(tmp_path)
    for words in (
        "missing final_norm.weight",
        "blocks.1.feed_forward.gate.weight: expected the shape (24, 16), got (3, 5)",
        "surplus blocks.0.attention.query.bias",
    ):
        assert words in str(error.value)


def test_files_of_another_model_and_no_files(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match="got 'gpt2'"):
        Llama.from_pretrained(tmp_path)
    with pytest.raises(CheckpointUnavailable, match="nobody/llama-of-this-name"):
        Llama.from_pretrained("nobody/llama-of-this-name")


def test_tied_files_with_or_without_the_table_twice_and_old_buffers():
    model = tiny(tied=True)
    files = to_hub_llama(model.state_dict(), model.config)
    assert "lm_head.weight" not in files
    twice = files | {
        "lm_head.weight": files["model.embed_tokens.weight"],
        "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(2),
    }
    for theirs in (files, twice):
        ours = from_hub_llama(theirs, model.config)
        assert ours.keys() == model.state_dict().keys()
        assert torch.equal(ours["head.weight"], model.token_embedding.weight)


# -------------------------------------------------------------------------------------- the parts


def test_rms_norm_by_hand():
    norm = RMSNorm(2, eps=0.0)
    torch.testing.assert_close(norm(torch.tensor([3.0, 4.0])), torch.tensor([3.0, 4]) / 12.5**0.5)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([2.0, -1.0]))
    torch.testing.assert_close(norm(torch.tensor([[1.0, 1.0]])), torch.tensor([[2.0, -1.0]]))


@pytest.mark.parametrize("eps", [1e-6, 1e-5, 0.5])
def test_rms_norm_is_that_of_torch(eps):
    x = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
    ours, theirs = RMSNorm(8, eps), torch.nn.RMSNorm(8, eps)
    with torch.no_grad():
        ours.weight.uniform_(-2, 2)
        theirs.weight.copy_(ours.weight)
    torch.testing.assert_close(ours(x), theirs(x))
    assert not torch.allclose(ours(x), LayerNorm(8)(x))


def test_rms_norm_adds_up_squares_of_16_bit_numbers_in_32():
    torch.manual_seed(0)
    x = torch.randn(5, 64, dtype=torch.bfloat16)
    ours = RMSNorm(64).bfloat16()
    theirs = transformers.models.llama.modeling_llama.LlamaRMSNorm(64, eps=1e-5).bfloat16()
    assert ours(x).dtype == torch.bfloat16
    assert torch.equal(ours(x), theirs(x))


def test_rms_norm_of_zeros_is_zero():
    assert torch.equal(RMSNorm(4)(torch.zeros(3, 4)), torch.zeros(3, 4))


def test_swiglu_by_hand():
    net = SwiGLU(1, 2)
    with torch.no_grad():
        net.gate.weight.copy_(torch.tensor([[0.0], [1.0]]))
        net.up.weight.copy_(torch.tensor([[5.0], [3.0]]))
        net.down.weight.copy_(torch.tensor([[7.0, 2.0]]))
        # the first gate is shut, the second is 2 sigmoid(2)
        expected = 2 * (2 / (1 + torch.tensor(-2.0).exp())) * 6
        torch.testing.assert_close(net(torch.tensor([[[2.0]]])).squeeze(), expected)
    assert count_parameters(net) == 6


def test_rotation_speeds_by_hand():
    torch.testing.assert_close(rotation_speeds(4, 100.0), torch.tensor([1.0, 0.1]))
    assert rotation_speeds(2, 7.0).tolist() == [1.0]


@pytest.mark.parametrize("factor", [2.0, 8.0, 32.0])
@pytest.mark.parametrize("context", [32, 8192])
def test_scaled_speeds_are_those_of_transformers(factor, context):
    rope = LLAMA3 | {"factor": factor, "original_max_position_embeddings": context}
    config = transformers.LlamaConfig(**SIZES | {"head_dim": 128, "rope_parameters": rope})
    expected, attention_factor = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    got = rotation_speeds(128, 500000.0, RopeScaling(factor, 1.0, 4.0, context))
    assert attention_factor == 1
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=0)
    plain = rotation_speeds(128, 500000.0)
    assert torch.equal(got[:2], plain[:2])  # fast ones stay,
    torch.testing.assert_close(got[-1], plain[-1] / factor)  # slow ones slow down,
    kept = got / plain
    assert (kept.diff() <= 1e-6).all()  # and no faster pair slows down more than a slower one
    assert ((kept > 1 / factor + 0.01) & (kept < 0.99)).any()


@pytest.mark.parametrize(
    ("d_head", "base", "message"),
    [
        (5, 100.0, "even d_head"),
        (0, 100.0, "d_head"),
        (4, 0.0, "base to be .* above 0"),
        (4, -1.0, "base"),
    ],
)
def test_speeds_refuse(d_head, base, message):
    with pytest.raises(ValueError, match=message):
        rotation_speeds(d_head, base)


def test_rotation_by_hand():
    quarter = torch.tensor([[torch.pi / 2, torch.pi]])
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    pairs = rotate_pairs(x, quarter)  # (1, 2) a quarter turn, (3, 4) half a turn
    torch.testing.assert_close(pairs, torch.tensor([[-2.0, 1.0, -3.0, -4.0]]))
    halves = rotate_half(x, quarter)  # (1, 3) a quarter turn, (2, 4) half a turn
    torch.testing.assert_close(halves, torch.tensor([[-3.0, -2.0, 1.0, -4.0]]))


@pytest.mark.parametrize("rotate", [rotate_pairs, rotate_half])
def test_rotation_keeps_lengths_and_sees_only_the_distance(rotate):
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 16, generator=generator, dtype=torch.float64)
    speeds = rotation_speeds(16, 100.0).double()

    def product(m, n):
        return (rotate(q, speeds[None] * m) * rotate(k, speeds[None] * n)).sum()

    torch.testing.assert_close(rotate(q, 5 * speeds[None]).norm(), q.norm())
    torch.testing.assert_close(product(0, 0), (q * k).sum())
    for distance in (0, 1, 7):
        for start in (0, 3, 1000):
            torch.testing.assert_close(product(start, start + distance), product(0, distance))
    assert abs(product(0, 1) - product(0, 7)) > 0.1


def test_the_layouts_are_equal_after_a_permutation():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 5, 8, generator=generator)
    angles = torch.randn(5, 4, generator=generator)
    order = torch.arange(8).reshape(4, 2).T.flatten()  # 0 2 4 6 1 3 5 7
    torch.testing.assert_close(
        rotate_half(x[..., order], angles), rotate_pairs(x, angles)[..., order]
    )
    assert not torch.allclose(rotate_half(x, angles), rotate_pairs(x, angles), atol=0.1)


def test_rotary_turns_row_t_by_t():
    generator = torch.Generator().manual_seed(0)
    q, k = (
        torch.randn(1, 4, 6, 8, generator=generator),
        torch.randn(1, 2, 6, 8, generator=generator),
    )
    turned_q, turned_k = RotaryEmbedding(8, 50.0)(q, k)
    angles = torch.arange(6)[:, None] * rotation_speeds(8, 50.0)
    torch.testing.assert_close(turned_q, rotate_half(q, angles))
    torch.testing.assert_close(turned_k, rotate_half(k, angles))
    assert torch.equal(turned_q[:, :, 0], q[:, :, 0])  # position 0 does not turn


def test_rotary_at_given_positions():
    """Rows stand where they are said to stand: those of a longer text, or of several texts."""
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 2, 4, 9, 8, generator=generator)
    rotary = RotaryEmbedding(8, 50.0)
    whole_q, whole_k = rotary(q, k)
    part_q, part_k = rotary(q[:, :, 5:], k[:, :, 5:], torch.arange(5, 9))
    assert torch.equal(part_q, whole_q[:, :, 5:])
    assert torch.equal(part_k, whole_k[:, :, 5:])
    places = torch.tensor([[3, 4], [6, 7]])[:, None]  # (B, 1, T): each text at its own
    rows = torch.stack([q[0, :, 3:5], q[1, :, 6:8]])
    turned, _ = rotary(rows, rows, places)
    assert torch.equal(turned, torch.stack([whole_q[0, :, 3:5], whole_q[1, :, 6:8]]))


def test_rotary_normalises_first():
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(1, 2, 3, 8, generator=generator) * 100
    rotary = RotaryEmbedding(8, q_norm=RMSNorm(8), k_norm=RMSNorm(8))
    with torch.no_grad():
        rotary.k_norm.weight.fill_(3.0)
        turned_q, turned_k = rotary(q, q)
    torch.testing.assert_close(turned_q.norm(dim=-1), torch.full((1, 2, 3), 8**0.5))
    torch.testing.assert_close(turned_k, 3 * turned_q)


def test_half_precision_keeps_the_angles():
    """In bfloat16 position 1001 would round to 1000; the angles stay in float32."""
    model = tiny(context_length=1100).bfloat16()
    rotary = model.blocks[0].attention.prepare
    assert rotary.speeds.dtype == torch.float32
    ids = random_ids(1, 1100, 31)
    with torch.no_grad():
        logits = model(ids)
    assert logits.dtype == torch.bfloat16
    assert logits.isfinite().all()
    q = torch.ones(1, 1, 1002, 4, dtype=torch.bfloat16)
    turned, _ = rotary(q, q)
    # the fastest pair turns by one radian from 1000 to 1001
    (a, _, b, _), (c, _, d, _) = turned[0, 0, -2:].float()
    turn = torch.atan2(d, c) - torch.atan2(b, a)
    assert abs((turn + torch.pi) % (2 * torch.pi) - torch.pi - 1) < 0.02


# --------------------------------------------------------------------------- properties and errors


def test_no_position_sees_the_future():
    model, ids = tiny(), random_ids(2, 20, 31)
    with torch.no_grad():
        before = model(ids)
        for t in (0, 7, 19):
            other = ids.clone()
            other[:, t] = (other[:, t] + 1) % 31
            after = model(other)
            assert torch.equal(after[:, :t], before[:, :t])
            assert not torch.allclose(after[:, t:], before[:, t:])


def test_permuting_the_batch_permutes_the_logits():
    model, ids = tiny(), random_ids(4, 9, 31)
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        torch.testing.assert_close(model(ids[order]), model(ids)[order], atol=1e-6, rtol=0)


def test_as_many_kv_heads_as_heads_are_plain_heads():
    """Also: shared heads equal plain heads whose keys and values are copies."""
    ids = random_ids(2, 9, 31)
    plain, grouped = tiny(n_kv_heads=None), tiny(n_kv_heads=4)
    few = tiny(n_kv_heads=2)
    copies = few.state_dict()
    for name, weight in copies.items():
        if name.endswith(("attention.key.weight", "attention.value.weight")):
            copies[name] = weight.unflatten(0, (2, 4)).repeat_interleave(2, 0).flatten(0, 1)
    many = tiny(n_kv_heads=4)
    many.load_state_dict(copies)
    with torch.no_grad():
        assert torch.equal(plain(ids), grouped(ids))
        torch.testing.assert_close(many(ids), few(ids), atol=1e-5, rtol=1e-5)


PUBLISHED = {
    "Llama 2 7B": (LlamaConfig(32000, 4096, 4096, 32, 32, 11008), 6_738_415_616),
    "Llama 3 8B": (LlamaConfig(128256, 8192, 4096, 32, 32, 14336, 8), 8_030_261_248),
    "Llama 3.1 70B": (LlamaConfig(128256, 131072, 8192, 64, 80, 28672, 8), 70_553_706_496),
    "Mistral 7B": (LlamaConfig(32000, 32768, 4096, 32, 32, 14336, 8), 7_241_732_096),
    "Qwen3 0.6B": (
        LlamaConfig(151936, 40960, 1024, 16, 28, 3072, 8, 128, qk_norm=True, tied=True),
        596_049_920,
    ),
    "Qwen3 8B": (
        LlamaConfig(151936, 40960, 4096, 32, 36, 12288, 8, 128, qk_norm=True),
        8_190_735_360,
    ),
    "Gemma 2B": (LlamaConfig(256000, 8192, 2048, 8, 18, 16384, 1, 256, tied=True), 2_506_172_416),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_parameters(name):
    config, published = PUBLISHED[name]
    assert llama_parameters(config) == published


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tied": True},
        {"qk_norm": True},
        {"d_head": 10},
        {"n_kv_heads": 1},
        {"n_kv_heads": None},
    ],
)
def test_the_formula_counts_the_model(changes):
    model = tiny(**changes)
    assert llama_parameters(model.config) == count_parameters(model)


def test_a_block_has_no_biases_and_its_own_norms():
    block = llama_block(LlamaConfig(**{**TINY.__dict__, "qk_norm": True}))
    names = {name for name, _ in block.named_parameters()}
    assert not any("bias" in name for name in names)
    assert {"attention.prepare.q_norm.weight", "attention.prepare.k_norm.weight"} < names
    assert not any("prepare" in name for name, _ in llama_block(TINY).named_parameters())


def test_one_token_and_the_whole_context():
    model = tiny()
    with torch.no_grad():
        assert model(random_ids(1, 1, 31)).shape == (1, 1, 31)
        assert model(random_ids(1, 24, 31)).shape == (1, 24, 31)
    with pytest.raises(ValueError, match="T from 1 to 24"):
        model(random_ids(1, 25, 31))
    with pytest.raises(ValueError, match="ids from 0 to 30, got 31 to 31"):
        model(torch.full((1, 3), 31))
    with pytest.raises(ValueError, match=r"integer token ids, got torch\.float32"):
        model(torch.zeros(1, 3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vocab_size": 0}, "vocab_size"),
        ({"context_length": 0}, "context_length"),
        ({"n_layers": 0}, "n_layers"),
        ({"d_ff": 1.5}, "d_ff"),
        ({"n_heads": 3, "n_kv_heads": None}, "d_model divisible by n_heads, got 16 and 3"),
        ({"n_kv_heads": 3}, "n_heads divisible by n_kv_heads, got 4 and 3"),
    ],
)
def test_configurations_that_cannot_be(changes, message):
    with pytest.raises(ValueError, match=message):
        LlamaConfig(**{**TINY.__dict__, **changes})


def test_starting_weights_are_reproducible_and_small():
    torch.manual_seed(0)
    first = Llama(TINY)
    torch.manual_seed(0)
    second = Llama(TINY)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
    assert abs(loss(first, random_ids(4, 25, 31)) - torch.tensor(31.0).log()) < 0.1


def test_doctests():
    assert doctest.testmod(llama).failed == 0
