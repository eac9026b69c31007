"""Forward and backward pass of our GPT, Llama and CLIP beside those of `transformers`.

    python -m benchmarks.transformers_parity [--repeats 10]

Equal shapes, float32, no dropout, two threads; the models take turns, and medians are compared.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import transformers
from torch import Tensor, nn

from lessons_lib.base import console
from lessons_lib.clip import CLIP, CLIPConfig, TowerConfig, contrastive_loss
from lessons_lib.clip.files import write_clip_config
from lessons_lib.gpt import GPT, GPTConfig, loss
from lessons_lib.llama import Llama, LlamaConfig

VOCAB, CONTEXT, WIDTH, HEADS, LAYERS, BATCH = 4096, 256, 384, 6, 6, 8
PAIRS = 64  # of captions and pictures


def step(model: nn.Module, compute: Callable[[], Tensor]) -> float:
    """Return the seconds of one forward and backward pass."""
    model.zero_grad()
    start = time.perf_counter()
    compute().backward()
    return time.perf_counter() - start


def compare(name: str, ours: nn.Module, theirs: nn.Module, repeats: int) -> None:
    """Print the medians of two models of text and their ratio."""
    ids = torch.randint(VOCAB, (BATCH, CONTEXT + 1))
    runs = {
        "ours": (ours, lambda: loss(ours, ids)),
        "transformers": (theirs, lambda: theirs(ids[:, :-1], labels=ids[:, :-1]).loss),
    }
    take_turns(name, runs, repeats)


def compare_clips(name: str, ours: CLIP, theirs: nn.Module, repeats: int) -> None:
    """Print the medians of two models of captions and pictures and their ratio."""
    c = ours.config
    ids = torch.randint(4, c.vocab_size, (PAIRS, c.context_length))
    ids[:, -1] = c.end_id
    pictures = torch.rand(PAIRS, c.image_size, c.image_size, 3)
    pixels = (2 * pictures - 1).permute(0, 3, 1, 2).contiguous()
    runs = {
        "ours": (ours, lambda: contrastive_loss(ours(ids, pictures))),
        "transformers": (
            theirs,
            lambda: theirs(input_ids=ids, pixel_values=pixels, return_loss=True).loss,
        ),
    }
    take_turns(name, runs, repeats)


def take_turns(name: str, runs: dict[str, tuple], repeats: int) -> None:
    """Time each run `repeats` times in turn; print the medians and their ratio."""
    seconds = {who: [] for who in runs}
    for turn in range(repeats + 1):
        for who, run in runs.items():
            taken = step(*run)
            if turn:  # the first turn warms up
                seconds[who].append(taken)
    medians = {who: statistics.median(values) for who, values in seconds.items()}
    ratio = medians["ours"] / medians["transformers"]
    print(
        f"{name:6} ours {medians['ours']:.3f} s, "
        f"transformers {medians['transformers']:.3f} s, ratio {ratio:.2f}"
    )


def main() -> None:
    """Compare both models."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    torch.manual_seed(0)
    torch.set_num_threads(2)
    gpt2 = transformers.GPT2Config(
        vocab_size=VOCAB,
        n_positions=CONTEXT,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        attn_pdrop=0.0,
        embd_pdrop=0.0,
        resid_pdrop=0.0,
        bos_token_id=None,
        eos_token_id=None,
    )
    compare(
        "GPT-2",
        GPT(GPTConfig(VOCAB, CONTEXT, WIDTH, HEADS, LAYERS)),
        transformers.GPT2LMHeadModel(gpt2),
        repeats,
    )
    llama = transformers.LlamaConfig(
        vocab_size=VOCAB,
        max_position_embeddings=CONTEXT,
        hidden_size=WIDTH,
        intermediate_size=1024,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS // 2,
        bos_token_id=None,
        eos_token_id=None,
    )
    compare(
        "Llama",
        Llama(LlamaConfig(VOCAB, CONTEXT, WIDTH, HEADS, LAYERS, 1024, n_kv_heads=HEADS // 2)),
        transformers.LlamaForCausalLM(llama),
        repeats,
    )
    for name, layers in {"CLIP": (2, 3), "deeper": (4, 6)}.items():
        text, vision = (TowerConfig(128, 4, n) for n in layers)
        config = CLIPConfig(VOCAB, 24, text, vision)
        compare_clips(name, CLIP(config), transformers.CLIPModel(their_config(config)), repeats)


def their_config(config: CLIPConfig) -> transformers.CLIPConfig:
    """Return the same sizes for `transformers`."""
    entries = write_clip_config(config)
    towers = {name: entries[name] for name in ("text_config", "vision_config")}
    return transformers.CLIPConfig(**towers, projection_dim=config.d_shared)


if __name__ == "__main__":
    console.run(main)
