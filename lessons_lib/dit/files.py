"""What a DiT does with files: reading and writing its own folders and those of `diffusers`."""

import os
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn

from lessons_lib.base.hub import (
    Entries,
    add_once,
    read_json,
    read_weights,
    same_tensor,
    write_folder,
)
from lessons_lib.dit.sizes import DiTConfig
from lessons_lib.gpt import build_model

OURS, THEIRS = "lessons_lib_dit", "DiTTransformer2DModel"
OLDER = {"_class_name": "Transformer2DModel", "norm_type": "ada_norm_zero"}  # the same, of 2022
WEIGHTS = "diffusion_pytorch_model"  # the name of the file there
PREDICTIONS = {"epsilon": "noise", "sample": "picture"}  # a scheduler's word -> ours
# our name -> the name in the files
_BLOCK = {
    "modulation": "norm1.linear",
    "attention.query": "attn1.to_q",
    "attention.key": "attn1.to_k",
    "attention.value": "attn1.to_v",
    "attention.output": "attn1.to_out.0",
    "feed_forward.up": "ff.net.0.proj",
    "feed_forward.down": "ff.net.2",
}
_EMBEDDER = {
    "first": "timestep_embedder.linear_1",
    "second": "timestep_embedder.linear_2",
    "labels": "class_embedder.embedding_table",
}
_WHOLE = {"patch_map": "pos_embed.proj", "modulation": "proj_out_1", "output": "proj_out_2"}


class DiTFiles(nn.Module):
    """What `DiT` does with files."""

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> Self:
        """Read a DiT: a folder of ours, or one of `diffusers`' DiTTransformer2DModel.

        Where such a folder stands beside that of a scheduler, as in a pipeline, the scheduler says
        what the model predicts, and of how many steps.

        Raises:
            ValueError: no such folder, another model, something that this DiT does not do, or
                tensors missing, surplus or of other shapes, all of them named.
        """
        if not isinstance(folder, str | os.PathLike) or folder == "":
            raise ValueError(f"expected a folder, got {folder!r:.80}")
        folder = Path(folder)
        entries = read_json(folder / "config.json")
        older = all(entries.get(name) == value for name, value in OLDER.items())
        if entries.get("model_type") == OURS:
            config, tensors = read_dit_config(entries), read_weights(folder)
        elif older or entries.get("_class_name") == THEIRS:
            config = replace(read_hub_config(entries), **read_scheduler(folder))
            tensors = from_hub_dit(read_weights(folder, WEIGHTS), config.patch_size)
            config = replace(config, one_embedder=share_embedders(tensors, config.n_layers))
        else:
            got = entries.get("_class_name", entries.get("model_type"))
            raise ValueError(f"expected a {THEIRS} or {OURS} in {folder}, got {got!r:.80}")
        return build_model(cls, config, tensors)

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Write the model, as a folder that `diffusers` opens if it knows such a model."""
        config, tensors = self.config, self.state_dict()
        if is_hub_model(config):
            tensors = to_hub_dit(tensors, config)
            write_folder(folder, write_hub_config(config), tensors, weights=WEIGHTS)
        else:
            write_folder(folder, {"model_type": OURS, **asdict(config)}, tensors)


# ---------------------------------------------------------------- sizes


def read_dit_config(entries: Mapping[str, Any]) -> DiTConfig:
    """Translate the config.json of a folder of ours.

    Raises:
        ValueError: an entry missing, or one that `DiTConfig` refuses.
    """
    found = Entries(entries)
    return DiTConfig(**{field.name: found.take(field.name) for field in fields(DiTConfig)})


def read_hub_config(entries: Mapping[str, Any]) -> DiTConfig:
    """Translate the config.json of a DiTTransformer2DModel, which says the noise of a DDPM.

    Raises:
        ValueError: an entry of another kind, or something that this DiT does not do.
    """
    found = Entries(entries)
    found.only("norm_type", "ada_norm_zero")
    found.only("activation_fn", "gelu-approximate")
    found.only("norm_elementwise_affine", False)
    found.only("attention_bias", True)
    for name in ("dropout", "upcast_attention"):  # neither changes what is computed here
        found.take(name, usual=None)
    heads = found.integer("num_attention_heads", usual=16)
    return DiTConfig(
        image_size=found.integer("sample_size", usual=32),
        patch_size=found.integer("patch_size", usual=2),
        channels=found.integer("in_channels", usual=4),
        d_model=heads * found.integer("attention_head_dim", usual=72),
        n_layers=found.integer("num_layers", usual=28),
        n_heads=heads,
        n_classes=found.integer("num_embeds_ada_norm", usual=1000),
        predicts="noise",
        path="ddpm",
        out_channels=found.integer("out_channels", usual=None),
        n_waves=256,
        qk_norm=False,
        feed_eps=found.number("norm_eps", usual=1e-5),
    )


def read_scheduler(folder: Path) -> dict[str, Any]:
    """Return what the scheduler beside a model's folder says of it; nothing if none is there.

    Raises:
        ValueError: a prediction or a table that this DiT does not have.
    """
    path = folder.resolve().parent / "scheduler" / "scheduler_config.json"
    if not path.exists():
        return {}
    found = Entries(read_json(path))
    found.only("prediction_type", *PREDICTIONS)
    found.only("beta_schedule", "linear")
    found.only("beta_start", 1e-4)
    found.only("beta_end", 0.02)
    found.only("trained_betas", None)
    found.only("rescale_betas_zero_snr", False)
    return {
        "predicts": PREDICTIONS[found.take("prediction_type", usual="epsilon")],
        "n_steps": found.integer("num_train_timesteps", usual=1000),
    }


def is_hub_model(config: DiTConfig) -> bool:
    """Return whether `diffusers` has models of these sizes and of this kind."""
    alike = {"predicts": "noise", "path": "ddpm", "n_steps": 1000, "n_waves": 256}
    alike |= {"qk_norm": False, "d_condition": None}
    widths = (None, 4 * config.d_model)
    return config.d_ff in widths and all(getattr(config, k) == v for k, v in alike.items())


def write_hub_config(config: DiTConfig) -> dict[str, Any]:
    """Translate a configuration into that of a DiTTransformer2DModel."""
    return {
        "_class_name": THEIRS,
        "activation_fn": "gelu-approximate",
        "attention_bias": True,
        "attention_head_dim": config.d_model // config.n_heads,
        "dropout": 0.0,
        "in_channels": config.channels,
        "norm_elementwise_affine": False,
        "norm_eps": config.feed_eps,
        "norm_type": "ada_norm_zero",
        "num_attention_heads": config.n_heads,
        "num_embeds_ada_norm": config.n_classes,
        "num_layers": config.n_layers,
        "out_channels": config.out_channels,
        "patch_size": config.patch_size,
        "sample_size": config.image_size,
        "upcast_attention": False,
    }


# ---------------------------------------------------------------- tensors


def from_hub_dit(tensors: Mapping[str, Tensor], size: int) -> dict[str, Tensor]:
    """Translate the tensors of a DiTTransformer2DModel into ours.

    Args:
        tensors: as the files have them: the map of the patches is a convolution (D, C, size, size).
        size: of the patches.

    Raises:
        ValueError: a convolution of another shape, or two tensors of one name that differ.
    """
    blocks, embedders, whole = (
        {theirs: ours for ours, theirs in table.items()} for table in (_BLOCK, _EMBEDDER, _WHOLE)
    )
    found = {}
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        own = f"{whole[module]}.{kind}" if module in whole else name
        if module.startswith("transformer_blocks."):
            layer, _, part = module.removeprefix("transformer_blocks.").partition(".")
            inner = part.removeprefix("norm1.emb.")
            if part in blocks:
                own = f"blocks.{layer}.{blocks[part]}.{kind}"
            elif inner != part and inner in embedders:
                own = f"embedders.{layer}.{embedders[inner]}.{kind}"
        if own == "patch_map.weight":
            if tensor.ndim != 4 or tensor.shape[2:] != (size, size):
                raise ValueError(
                    f"{name}: expected the shape (D, C, {size}, {size}), got {tuple(tensor.shape)}"
                )
            tensor = tensor.permute(0, 2, 3, 1).flatten(1)
        add_once(found, own, tensor, name)
    return found


def share_embedders(tensors: dict[str, Tensor], n_layers: int) -> bool:
    """Keep one embedder where all layers have one and all are equal; say whether one is left."""
    names = [name for name in tensors if name.startswith("embedders.")]
    parts = {}
    for name in names:
        layer, _, part = name.removeprefix("embedders.").partition(".")
        parts.setdefault(part, {})[layer] = tensors[name]
    wanted = {str(layer) for layer in range(n_layers)}
    same = all(
        layers.keys() == wanted and all(same_tensor(x, layers["0"]) for x in layers.values())
        for layers in parts.values()
    )
    for name in names if same else ():
        if not name.startswith("embedders.0."):
            del tensors[name]
    return same


def to_hub_dit(tensors: Mapping[str, Tensor], config: DiTConfig) -> dict[str, Tensor]:
    """Translate our tensors into those of a DiTTransformer2DModel: `from_hub_dit` backwards."""
    theirs, size = {}, config.patch_size
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        if name == "patch_map.weight":
            tensor = tensor.unflatten(1, (size, size, -1)).permute(0, 3, 1, 2)
        room, _, rest = module.partition(".")
        layer, _, part = rest.partition(".")
        if room == "blocks":
            theirs[f"transformer_blocks.{layer}.{_BLOCK[part]}.{kind}"] = tensor
        elif room == "embedders":
            for i in range(config.n_layers) if config.one_embedder else [layer]:
                theirs[f"transformer_blocks.{i}.norm1.emb.{_EMBEDDER[part]}.{kind}"] = tensor
        else:
            theirs[f"{_WHOLE[module]}.{kind}"] = tensor
    return theirs
