"""GGUF files as others write them: models of `transformers` through the `gguf` package's writer."""

import gguf
import torch
import transformers
from gguf import GGMLQuantizationType, GGUFWriter
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from lessons_lib.gguf import write_tokenizer
from tests.test_llama import LLAMA3, PLAIN

SIZES = {
    "max_position_embeddings": 128,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "tie_word_embeddings": False,
    "attn_implementation": "eager",
}
KINDS = {
    "llama": ("llama", {"rope_parameters": PLAIN}),
    "llama tied": ("llama", {"rope_parameters": PLAIN, "tie_word_embeddings": True}),
    "llama 3.1": ("llama", {"rope_parameters": LLAMA3}),
    "plain heads": ("llama", {"rope_parameters": PLAIN, "num_key_value_heads": 4}),
    "one kv head": ("llama", {"rope_parameters": PLAIN, "num_key_value_heads": 1}),
    "wide heads": ("llama", {"rope_parameters": PLAIN, "head_dim": 32}),
    "qwen3": ("qwen3", {"rope_parameters": PLAIN | {"rope_theta": 1e6}}),
    "qwen3 tied": ("qwen3", {"rope_parameters": PLAIN, "tie_word_embeddings": True}),
    "gpt2": ("gpt2", {}),
}


def random_model(kind: str, vocab_size: int, seed: int = 0) -> torch.nn.Module:
    """A tiny model of `transformers`, its weights large enough to tell mistakes apart."""
    name, changes = KINDS[kind]
    if name == "gpt2":
        sizes = {"n_positions": 128, "n_embd": 64, "n_layer": 2, "n_head": 4}
        config = transformers.GPT2Config(**sizes, vocab_size=vocab_size, bos_token_id=None)
        kind = transformers.GPT2LMHeadModel
    else:
        sizes = SIZES | changes | {"vocab_size": vocab_size, "bos_token_id": None}
        config = {"llama": transformers.LlamaConfig, "qwen3": transformers.Qwen3Config}[name]
        kind = {"llama": transformers.LlamaForCausalLM, "qwen3": transformers.Qwen3ForCausalLM}
        config, kind = config(**sizes, eos_token_id=None), kind[name]
    torch.manual_seed(seed)
    model = kind(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model


def convert(model: torch.nn.Module, path, tokenizer, type: str = "F32") -> dict[str, torch.Tensor]:
    """Write a model of `transformers` as llama.cpp's converter does; return what was written."""
    config, name = model.config, model.config.model_type
    arch = {value: key for key, value in gguf.MODEL_ARCH_NAMES.items()}[name]
    names = gguf.get_tensor_name_map(arch, config.num_hidden_layers)
    writer = GGUFWriter(path, name)
    writer.add_name(f"a tiny {name}")
    _add_sizes(writer, config)
    written = {}
    for theirs, tensor in model.state_dict().items():
        if theirs == "lm_head.weight" and config.tie_word_embeddings:
            continue
        if name == "gpt2" and tensor.ndim == 2 and ".h." in theirs:
            tensor = tensor.T  # they multiply from the right
        if name == "llama" and theirs.endswith(("q_proj.weight", "k_proj.weight")):
            heads = config.num_attention_heads
            heads = config.num_key_value_heads if "k_proj" in theirs else heads
            parts = tensor.reshape(heads, 2, -1, tensor.shape[1])
            tensor = parts.swapaxes(1, 2).reshape(tensor.shape)
        written[names.get_name(theirs, try_suffixes=(".weight", ".bias"))] = tensor
    if getattr(config, "rope_parameters", PLAIN)["rope_type"] == "llama3":
        speeds, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
        base = config.rope_parameters["rope_theta"]
        plain = base ** -(torch.arange(0, config.head_dim, 2) / config.head_dim)
        written["rope_freqs.weight"] = plain / speeds
    for own, tensor in written.items():
        array = tensor.float().contiguous().numpy()
        kind = GGMLQuantizationType[type if array.ndim > 1 else "F32"]
        writer.add_tensor(own, gguf.quants.quantize(array, kind), raw_dtype=kind)
    _add_tokenizer(writer, write_tokenizer(tokenizer, config.vocab_size))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return written


def _add_sizes(writer: GGUFWriter, config) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    if config.model_type == "gpt2":
        writer.add_feed_forward_length(4 * config.n_embd)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
        return
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    if config.model_type == "qwen3" or config.head_dim * config.num_attention_heads != (
        config.hidden_size
    ):
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)


def _add_tokenizer(writer: GGUFWriter, entries: dict) -> None:
    entries = {name.removeprefix("tokenizer.ggml."): value for name, value in entries.items()}
    writer.add_tokenizer_model(entries["model"])
    writer.add_tokenizer_pre(entries["pre"])
    writer.add_token_list(entries["tokens"])
    writer.add_token_types(entries["token_type"])
    writer.add_token_merges(entries["merges"])
    writer.add_bos_token_id(entries["bos_token_id"])
    writer.add_eos_token_id(entries["eos_token_id"])
    writer.add_add_bos_token(entries["add_bos_token"])
