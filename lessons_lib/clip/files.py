"""What a CLIP does with files: reading and writing the folders of `transformers`."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from torch import Tensor, nn

from lessons_lib.base.files import write_atomic
from lessons_lib.base.hub import (
    Entries,
    add_once,
    checkpoint_folder,
    open_checkpoint,
    read_json,
    write_folder,
)
from lessons_lib.base.validation import check_integer
from lessons_lib.clip.sizes import LEGACY_END, CLIPConfig, TowerConfig
from lessons_lib.gpt import build_model

if TYPE_CHECKING:
    from lessons_lib.clip.words import WordTokenizer

# our name -> the name in the files; {} is the number of the layer
_LAYER = {
    "attention_norm": "layer_norm1",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.out_proj",
    "feed_norm": "layer_norm2",
    "feed_forward.up": "mlp.fc1",
    "feed_forward.down": "mlp.fc2",
}
_WHOLE = {
    "log_scale": "logit_scale",
    "text.token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "text.position_embedding.weight": "text_model.embeddings.position_embedding.weight",
    "text.final_norm.weight": "text_model.final_layer_norm.weight",
    "text.final_norm.bias": "text_model.final_layer_norm.bias",
    "text.projection.weight": "text_projection.weight",
    "vision.class_vector": "vision_model.embeddings.class_embedding",
    "vision.patch_map.weight": "vision_model.embeddings.patch_embedding.weight",
    "vision.position_embedding.weight": "vision_model.embeddings.position_embedding.weight",
    "vision.first_norm.weight": "vision_model.pre_layrnorm.weight",  # so it is spelt there
    "vision.first_norm.bias": "vision_model.pre_layrnorm.bias",
    "vision.final_norm.weight": "vision_model.post_layernorm.weight",
    "vision.final_norm.bias": "vision_model.post_layernorm.bias",
    "vision.projection.weight": "visual_projection.weight",
}
_COLOURS = "preprocessor_config.json"  # holds mean and deviation


class CLIPFiles(nn.Module):
    """What `CLIP` does with files: reading and writing the format of `transformers`."""

    @classmethod
    def from_pretrained(cls, path_or_repo: str | os.PathLike) -> Self:
        """Read a CLIP: a folder, or a repository on the hub such as "openai/clip-vit-base-patch32".

        Raises:
            ValueError: the files are no CLIP, or tensors are missing, surplus or of other shapes,
                all of them named.
            CheckpointUnavailable: see `checkpoint_folder`.
        """
        folder = checkpoint_folder(path_or_repo)
        hub, tensors = open_checkpoint(folder, "clip")
        path = folder / _COLOURS
        colours = read_json(path) if path.exists() else {}
        return build_model(cls, read_clip_config(hub, colours), from_hub_clip(tensors))

    def save_pretrained(
        self, folder: str | os.PathLike, tokenizer: "WordTokenizer | None" = None
    ) -> None:
        """Write the model, and a tokenizer, as a folder that `transformers` opens.

        Raises:
            ValueError: a tokenizer of another vocabulary, or one whose captions end otherwise.
        """
        config = self.config
        if tokenizer is not None:
            ours, theirs = ((x.vocab_size, x.end_id) for x in (config, tokenizer))
            if ours != theirs:
                raise ValueError(f"expected a tokenizer of vocabulary and end {ours}, got {theirs}")
        write_folder(folder, write_clip_config(config), to_hub_clip(self.state_dict()), tokenizer)
        write_atomic(Path(folder) / _COLOURS, _dump(write_colours(config)))


def _dump(entries: Mapping[str, Any]) -> bytes:
    return (json.dumps(entries, indent=2) + "\n").encode()


# ---------------------------------------------------------------- sizes


def read_clip_config(hub: Mapping[str, Any], colours: Mapping[str, Any]) -> CLIPConfig:
    """Translate the config.json of a CLIP and, if there is one, its preprocessor_config.json.

    Raises:
        ValueError: an entry missing or of another kind, or something that this CLIP does not do.
    """
    entries = Entries(hub)
    entries.only_plain()
    text, vision = (_part(entries, name) for name in ("text_config", "vision_config"))
    vision.only("num_channels", 3)
    end = check_integer("eos_token_id", text.take("eos_token_id", usual=49407), 0)
    mean, deviation = _read_colours(Entries(colours))
    return CLIPConfig(
        vocab_size=text.integer("vocab_size", usual=49408),
        context_length=text.integer("max_position_embeddings", usual=77),
        text=_tower(text, 512, 8, 2048),
        vision=_tower(vision, 768, 12, 3072),
        d_shared=entries.integer("projection_dim", usual=512),
        image_size=vision.integer("image_size", usual=224),
        patch_size=vision.integer("patch_size", usual=32),
        end_id=None if end == LEGACY_END else end,
        mean=mean,
        deviation=deviation,
    )


def _part(entries: Entries, name: str) -> Entries:
    """Return the entries of one tower, which may be missing where all are as usual."""
    part = entries.take(name, usual={})
    if not isinstance(part, dict):
        raise ValueError(f"expected {name} to be entries with names, got {part!r:.80}")
    return Entries(part)


def _tower(part: Entries, width: int, heads: int, inner: int) -> TowerConfig:
    return TowerConfig(
        d_model=part.integer("hidden_size", usual=width),
        n_heads=part.integer("num_attention_heads", usual=heads),
        n_layers=part.integer("num_hidden_layers", usual=12),
        d_ff=part.integer("intermediate_size", usual=inner),
        eps=part.number("layer_norm_eps", usual=1e-5),
        activation=part.take("hidden_act", usual="quick_gelu"),
    )


def _read_colours(colours: Entries) -> tuple[tuple | None, tuple | None]:
    """Return mean and deviation, None each where the folder names none."""
    if not colours.truth("do_normalize", True):
        return None, None
    found = [colours.take(name, usual=None) for name in ("image_mean", "image_std")]
    return tuple(tuple(x) if isinstance(x, list) else x for x in found)


def write_clip_config(config: CLIPConfig) -> dict[str, Any]:
    """Translate a configuration into the config.json of a CLIP."""
    ends = {
        "bos_token_id": None,
        "eos_token_id": LEGACY_END if config.end_id is None else config.end_id,
        "pad_token_id": None,
    }
    towers = {
        f"{name}_config": {
            "model_type": f"clip_{name}_model",
            "hidden_size": tower.d_model,
            "intermediate_size": tower.d_ff or 4 * tower.d_model,
            "num_hidden_layers": tower.n_layers,
            "num_attention_heads": tower.n_heads,
            "layer_norm_eps": tower.eps,
            "hidden_act": tower.activation,
            "projection_dim": config.d_shared,
        }
        for name, tower in (("text", config.text), ("vision", config.vision))
    }
    towers["text_config"] |= {
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context_length,
        **ends,
    }
    towers["vision_config"] |= {
        "image_size": config.image_size,
        "patch_size": config.patch_size,
        "num_channels": 3,
    }
    return {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": config.d_shared,
        **towers,
    }


def write_colours(config: CLIPConfig) -> dict[str, Any]:
    """Return how pictures are prepared, as `transformers` has it."""
    size = {"height": config.image_size, "width": config.image_size}
    named = config.mean is not None
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": size,
        "do_center_crop": False,
        "do_rescale": True,
        "do_normalize": named,
        **({"image_mean": config.mean, "image_std": config.deviation} if named else {}),
    }


# ---------------------------------------------------------------- tensors


def from_hub_clip(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Translate the tensors of a CLIP's file into ours.

    The files keep the map of the patches as a convolution (D, 3, size, size), whose patches have
    the colours before the rows; and older ones hold the numbers of the positions.

    Raises:
        ValueError: a tensor that stands there twice, with other numbers.
    """
    whole = {theirs: ours for ours, theirs in _WHOLE.items()}
    parts = {theirs: ours for ours, theirs in _LAYER.items()}
    found = {}
    for name, tensor in tensors.items():
        if name.endswith(".position_ids"):
            continue
        tower, _, rest = name.partition("_model.encoder.layers.")
        layer, _, part = rest.partition(".")
        module, _, kind = part.rpartition(".")
        if module in parts:
            own = f"{tower}.blocks.{layer}.{parts[module]}.{kind}"
        else:
            own = whole.get(name, name)
        if own == "vision.patch_map.weight" and tensor.ndim == 4:
            tensor = tensor.permute(0, 2, 3, 1).flatten(1)
        add_once(found, own, tensor, name)
    return found


def to_hub_clip(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Translate our tensors into those of a CLIP's file: `from_hub_clip` the other way round."""
    theirs = {}
    for name, tensor in tensors.items():
        tower, _, rest = name.partition(".blocks.")
        layer, _, part = rest.partition(".")
        module, _, kind = part.rpartition(".")
        if name == "vision.patch_map.weight":
            size = round((tensor.shape[1] / 3) ** 0.5)
            tensor = tensor.unflatten(1, (size, size, 3)).permute(0, 3, 1, 2)
        own = f"{tower}_model.encoder.layers.{layer}.{_LAYER[module]}.{kind}" if rest else None
        theirs[own or _WHOLE[name]] = tensor
    return theirs
