"""Adapters as files: a folder that `peft` opens, or a GGUF file that llama.cpp applies."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from lessons_lib.base.files import write_atomic
from lessons_lib.base.validation import check_integer, check_number
from lessons_lib.fine_tuning.lora import add_lora, check_plain, lora_parts
from lessons_lib.gguf import (
    from_gguf_tensors,
    read_gguf,
    to_gguf_tensors,
    write_config,
    write_tensors,
)
from lessons_lib.llama import Llama, from_hub_llama, to_hub_llama

# Our names of the maps -> those in the files of `transformers`.
PEFT_NAMES = {
    "query": "q_proj",
    "key": "k_proj",
    "value": "v_proj",
    "output": "o_proj",
    "gate": "gate_proj",
    "up": "up_proj",
    "down": "down_proj",
}
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
# Settings of peft that change what an adapter computes, and the only value that ours can do.
PLAIN = {
    "bias": "none",
    "use_dora": False,
    "fan_in_fan_out": False,
    "modules_to_save": None,
    "rank_pattern": {},
    "alpha_pattern": {},
    "layer_replication": None,
    "lora_bias": False,
}
# The same of newer versions; they are not written, so that older ones open the file too.
NONE = (
    "alora_invocation_tokens",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_qalora",
)
STARTS = (True, False, "gaussian", "orthogonal", "eva")  # that leave the large matrices alone
Thin = dict[str, tuple[Tensor, Tensor]]  # the name of a map -> A, B


def save_adapter(model: Llama, path: str | os.PathLike, type: str = "F32") -> None:
    """Write a model's thin matrices, and nothing of the model itself.

    Args:
        model: a Llama with LoRA.
        path: a folder, in the format of `peft`; or a file whose name ends in ".gguf", which
            llama.cpp applies with ``--lora``.
        type: of the numbers in a GGUF file, "F32" or "F16"; a folder has 32 bits.

    Raises:
        ValueError: a model without LoRA, or another type.

    Source: `peft`, whose folders these are; `convert_lora_to_gguf.py` of llama.cpp.
    """
    parts = dict(lora_parts(model))
    if not parts or not isinstance(model, Llama):
        raise ValueError(f"expected a Llama with LoRA, got a {model.__class__.__name__} without")
    thin = {name: (part.A.detach(), part.B.detach()) for name, part in parts.items()}
    part = next(iter(parts.values()))
    if type not in ("F32", "F16"):
        raise ValueError(f"expected the type F32 or F16, got {type!r}")
    if Path(path).suffix == ".gguf":
        _write_gguf(thin, model, part.scale * part.rank, path, type)
        return
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for letter, which in (("A", 0), ("B", 1)):
        own = {f"{name}.weight": pair[which] for name, pair in thin.items()}
        for name, tensor in to_hub_llama(own, model.config).items():
            module = name.removesuffix(".weight")
            tensors[f"{PREFIX}{module}.lora_{letter}.weight"] = tensor.contiguous()
    targets = sorted({PEFT_NAMES[name.rpartition(".")[2]] for name in parts})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": None,
        "r": part.rank,
        "lora_alpha": part.alpha,
        "use_rslora": part.rs,
        "lora_dropout": 0.0,
        "target_modules": targets,
        "inference_mode": True,
        "init_lora_weights": True,
    } | PLAIN
    write_atomic(folder / WEIGHTS, safetensors.torch.save(tensors, {"format": "pt"}))
    write_atomic(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())


def load_adapter(model: Llama, path: str | os.PathLike) -> Llama:
    """Give a model the thin matrices of a file; in place.

    Args:
        model: a Llama without LoRA, of the sizes of the one that the adapter was made for.
        path: as for `save_adapter`.

    Returns:
        The model; take the adapter away again with `remove_lora`.

    Raises:
        ValueError: a file of another kind, with settings that ours cannot do, or for another
            model; then the model is as it was.
        OSError: no such file.
    """
    check_plain(model)
    if Path(path).suffix == ".gguf":
        thin, rank, alpha, rs = _read_gguf(model, path)
    else:
        thin, rank, alpha, rs = _read_folder(model, Path(path))
    maps = {name: module.weight for name, module in model.named_modules() if name in thin}
    for name, (a, b) in thin.items():
        shape = tuple(maps[name].shape) if name in maps else None
        if shape is None or (tuple(b.shape), tuple(a.shape)) != (
            (shape[0], rank),
            (rank, shape[1]),
        ):
            raise ValueError(
                f"expected an adapter of rank {rank} for this model, got A {tuple(a.shape)} and "
                f"B {tuple(b.shape)} for {name} of shape {shape}"
            )
    targets = {name.rpartition(".")[2] for name in thin}
    expected = {
        name
        for name, module in model.named_modules()
        if name.rpartition(".")[2] in targets and isinstance(module, torch.nn.Linear)
    }
    if expected != set(thin):
        raise ValueError(f"expected thin matrices for each of {sorted(expected)}, got {len(thin)}")
    add_lora(model, rank, alpha, targets, rs)
    with torch.no_grad():
        for name, part in lora_parts(model):
            part.A.copy_(thin[name][0])
            part.B.copy_(thin[name][1])
    return model


def _read_folder(model: Llama, folder: Path) -> tuple[Thin, int, float, bool]:
    """Read a folder of peft's."""
    try:
        config = json.loads((folder / CONFIG).read_bytes())
        tensors = safetensors.torch.load_file(folder / WEIGHTS)
    except (ValueError, RecursionError, SafetensorError) as error:
        raise ValueError(f"expected an adapter of peft in {folder}, got {error!r:.200}") from None
    if not isinstance(config, Mapping) or config.get("peft_type") != "LORA":
        raise ValueError(f"expected an adapter of the type LORA in {folder}, got {config!r:.80}")
    for name, only in PLAIN.items():
        if config.get(name, only) not in (only, None):
            raise ValueError(f"expected {name} {only!r} in {CONFIG}, got {config[name]!r:.60}")
    for name in NONE:
        if config.get(name):
            raise ValueError(f"expected no {name} in {CONFIG}, got {config[name]!r:.60}")
    start, rs = config.get("init_lora_weights", True), config.get("use_rslora") or False
    if start not in STARTS or not isinstance(rs, bool):
        raise ValueError(
            f"expected init_lora_weights among {STARTS} and use_rslora True or False in {CONFIG}, "
            f"got {start!r:.40} and {rs!r:.40}"
        )
    rank = check_integer("r", config.get("r"), 1)
    alpha = check_number("lora_alpha", config.get("lora_alpha"), above=0)
    halves: dict[str, dict[str, Tensor]] = {"A": {}, "B": {}}
    for name, tensor in tensors.items():
        module, _, kind = name.removeprefix(PREFIX).rpartition(".lora_")
        if kind not in ("A.weight", "B.weight"):
            raise ValueError(f"expected lora_A and lora_B alone in {WEIGHTS}, got {name:.80}")
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            raise ValueError(f"expected finite floating-point numbers, got others in {name:.80}")
        halves[kind[0]][f"{module}.weight"] = tensor.float()
    _check_targets(config.get("target_modules"), halves["A"])
    plain = replace(model.config, tied=False)
    own = {letter: from_hub_llama(half, plain) for letter, half in halves.items()}
    return _pairs(own["A"], own["B"]), rank, float(alpha), rs


def _check_targets(targets: object, tensors: Mapping[str, Tensor]) -> None:
    """Check that the maps of a folder are those that it lists, if it does.

    Of other models' maps, which a list may name too, there is none here.
    """
    if not isinstance(targets, list):
        return
    listed = {str(name).rpartition(".")[2] for name in targets} & set(PEFT_NAMES.values())
    found = {name.split(".")[-2] for name in tensors}
    if found != listed:
        raise ValueError(f"expected tensors for {sorted(listed)}, got {sorted(found)}")


def _pairs(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> Thin:
    """Put the two thin matrices of each map together."""
    if not a or set(a) != set(b):
        odd = sorted(set(a) ^ set(b))[:3]
        raise ValueError(f"expected an A and a B for each map, got one alone or none: {odd}")
    return {name.removesuffix(".weight"): (a[name], b[name]) for name in a}


# ------------------------------------------------------------------------------------------- GGUF


def _write_gguf(thin: Thin, model: Llama, alpha: float, path: str | os.PathLike, type: str) -> None:
    """Write an adapter for llama.cpp, which scales by alpha / r."""
    tensors = {}
    for letter, which in (("a", 0), ("b", 1)):
        own = {f"{name}.weight": pair[which] for name, pair in thin.items()}
        for name, tensor in to_gguf_tensors(own, _plain(model, letter)).items():
            tensors[f"{name}.lora_{letter}"] = (tensor.float().cpu().numpy(), type)
    metadata = {
        "general.type": "adapter",
        "general.architecture": write_config(model.config)["general.architecture"],
        "adapter.type": "lora",
        "adapter.lora.alpha": float(alpha),
    }
    write_tensors(path, metadata, tensors)


def _plain(model: Llama, letter: str) -> object:
    """Return a configuration under which names alone are translated, and of B the rows.

    The rows of queries and keys stand in another order in the files of Llama; A has none of them.
    """
    qk_norm = model.config.qk_norm or letter == "a"
    return replace(model.config, tied=False, rope_scaling=None, qk_norm=qk_norm)


def _read_gguf(model: Llama, path: str | os.PathLike) -> tuple[Thin, int, float, bool]:
    """Read an adapter for llama.cpp."""
    gguf = read_gguf(path)
    found = gguf.metadata
    if (found.get("general.type"), found.get("adapter.type")) != ("adapter", "lora"):
        raise ValueError(f"expected a LoRA adapter, got a file of {found.get('general.type')!r}")
    own, theirs = write_config(model.config)["general.architecture"], "general.architecture"
    if found.get(theirs) != own:
        raise ValueError(f"expected an adapter for {own!r}, got one for {found.get(theirs)!r}")
    if tokens := found.get("adapter.alora.invocation_tokens"):
        raise ValueError(f"expected an adapter that is always on, got one for {tokens!r:.60}")
    alpha = check_number("adapter.lora.alpha", found.get("adapter.lora.alpha"), above=0)
    halves: dict[str, dict[str, Tensor]] = {"a": {}, "b": {}}
    for name, tensor in gguf.tensors.items():
        base, _, letter = name.rpartition(".lora_")
        if letter not in halves:
            raise ValueError(f"expected lora_a and lora_b alone, got {name:.80}")
        halves[letter][base] = torch.from_numpy(tensor.array())
    try:
        ours = {x: from_gguf_tensors(half, _plain(model, x)) for x, half in halves.items()}
    except (KeyError, ValueError) as error:
        raise ValueError(f"expected tensors of this model, got {error}") from None
    thin = _pairs(ours["a"], ours["b"])
    rank = next(iter(thin.values()))[0].shape[0]
    return thin, rank, float(alpha), False
