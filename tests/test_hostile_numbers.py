"""Every numeric argument of every public function, given what is no number of its range.

For each public name of the chapters, the table has a call that works. Each of its numeric
arguments in turn becomes NaN, infinite, negative, zero, a truth value, a text, a fraction or
nothing: that must end in a `ValueError` that says what was expected, or be named as valid here.
"""

import copy
import importlib
import inspect
import math
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lessons_lib import (
    alignment,
    attention,
    block,
    clip,
    data,
    dit,
    evaluation,
    fine_tuning,
    generation,
    gguf,
    gpt,
    gradients,
    intro,
    llama,
    ngrams,
    quantization,
    responsibility,
    scaling,
    security,
    tokens,
    training,
)
from lessons_lib.base.linear import Linear
from lessons_lib.corpus import tasks

CHAPTERS = [
    intro,
    tokens,
    ngrams,
    attention,
    block,
    gpt,
    llama,
    training,
    generation,
    scaling,
    quantization,
    gguf,
    gradients,
    evaluation,
    fine_tuning,
    alignment,
    clip,
    dit,
    responsibility,
    security,
    data,
]
HOSTILE = [math.nan, math.inf, -math.inf, -1, 0, True, False, "3", 2.5, None, 1j, [1], np.True_]

FLOAT, INTEGER = "float", "integer"
ANY_SIGN = {-1, 0, 2.5}
SEVERAL = "several"  # takes arrays too


def kind(of, *valid):
    """A numeric argument: an integer or a float, and the hostile values that are valid for it."""
    return of, set(valid)


SIZE = kind(INTEGER)  # from 1 on
COUNT = kind(INTEGER, 0)  # from 0 on
OPTIONAL_SIZE = kind(INTEGER, None)
POSITIVE = kind(FLOAT, 2.5)
AMOUNT = kind(FLOAT, 0, 2.5)  # from 0 on
PART = kind(FLOAT, 0)  # below 1, or at most 1

torch.manual_seed(0)
CONFIG = llama.LlamaConfig(7, 12, 8, 2, 1, 8)
MODEL = llama.Llama(CONFIG)
GENERATOR = torch.Generator().manual_seed(0)
IDS = torch.tensor([[1, 2, 3]])
NGRAM = ngrams.NGram([0, 1, 0, 1], 2, 3)
TOKENIZER = tokens.BPETokenizer.train("one two one two", 258)
X = np.float32(np.random.default_rng(0).normal(size=(2, 32)))
LOGITS = torch.tensor([0.0, 1.0, 2.0])
PARAMETER = nn.Parameter(torch.ones(2, 2))
SIZES = {"vocab_size": 5, "context_length": 6, "d_model": 4, "n_heads": 2, "n_layers": 1}
SIZE_KINDS = dict.fromkeys(SIZES, SIZE)
INSIDE = kind(FLOAT)  # between 0 and 1
WEIGHTS = {
    name.removeprefix("blocks.0."): gradients.Tensor(np.ones(shape))
    for name, shape in gradients.gpt_shapes(5, 6, 4, 1).items()
}
STREAM = gradients.Tensor(np.ones((1, 3, 4)))
MEETING = tasks.sample(1, 1, kind="meetings")
CHAT = dict(zip(("model", "tokenizer"), fine_tuning.chat_model(), strict=True))


SHELF = tempfile.TemporaryDirectory()  # texts and their tokens
LINES = Path(SHELF.name) / "lines.txt"
LINES.write_text("one two one two\n" * 9, encoding="utf-8")
ENDED = tokens.BPETokenizer.train("one two one two", 259, special_tokens=["<|end|>"], end="<|end|>")
PACKED = Path(SHELF.name) / "tokens"
data.tokenize_files([LINES], ENDED, PACKED, processes=1)
TEXTS = ["one two three four five six", "One two three four five six!", "seven"]


def tokenize(**arguments):
    with tempfile.TemporaryDirectory() as folder:
        return data.tokenize_files([LINES], ENDED, Path(folder) / "out", **arguments)


def run(iterator_of, **arguments):
    """Go through what a generator yields: it checks when it begins."""
    return list(iterator_of(**arguments))


def windows(**arguments):
    data = training.Windows(range(30), 4)
    return data.batch(**arguments)


WORDS = clip.WordTokenizer(clip.picture_words())
SMALL = clip.TowerConfig(8, 2, 1)
SCENES = responsibility.draw_scenes(1, 0)
TELLER = dict(zip(("model", "tokenizer"), training.story_model("en"), strict=True))

PAINTER = dit.DiT(
    dit.DiTConfig(
        image_size=4, patch_size=2, d_model=8, n_heads=2, n_layers=1, n_classes=3, n_waves=4
    )
)
TOLD = dit.DiT(dit.DiTConfig(d_model=8, n_heads=2, n_layers=1, d_condition=128, n_waves=4))
MIX, HALVES, LABELS = torch.ones(2, 3, 4, 4), torch.tensor([0.5, 0.5]), torch.tensor([0, 1])


# name: (what to call, arguments that work, the numeric ones and what else is valid for them)
CALLS = {
    "dit.DiTConfig": (
        dit.DiTConfig,
        {"image_size": 4, "patch_size": 1, "channels": 1, "d_model": 4, "n_layers": 1}
        | {
            "n_heads": 1,
            "d_ff": 4,
            "n_classes": 2,
            "d_condition": None,
            "n_steps": 9,
            "out_channels": 1,
        }
        | {"n_waves": 4, "feed_eps": 1e-5},
        dict.fromkeys(("image_size", "patch_size", "channels", "d_model", "n_layers"), SIZE)
        | {"n_heads": SIZE, "d_ff": OPTIONAL_SIZE, "n_classes": SIZE, "n_steps": SIZE}
        | {"d_condition": OPTIONAL_SIZE}
        | {"out_channels": OPTIONAL_SIZE, "n_waves": SIZE, "feed_eps": AMOUNT},
    ),
    "dit.patchify": (dit.patchify, {"x": MIX, "size": 2}, {"size": SIZE}),
    "dit.unpatchify": (dit.unpatchify, {"x": torch.ones(1, 4, 12), "size": 2}, {"size": SIZE}),
    "dit.time_waves": (dit.time_waves, {"t": HALVES, "n": 4}, {"n": SIZE}),
    "dit.plane_waves": (dit.plane_waves, {"n": 2, "d_model": 4}, {"n": SIZE, "d_model": SIZE}),
    "dit.ddpm_schedule": (
        dit.ddpm_schedule,
        {"n_steps": 4, "first": 0.1, "last": 0.2},
        {"n_steps": SIZE, "first": kind(FLOAT), "last": kind(FLOAT)},
    ),
    "dit.seeded_noise": (dit.seeded_noise, {"shape": (2, 2), "seed": 1}, {"seed": COUNT}),
    "dit.guided": (
        dit.guided,
        {"model": PAINTER, "x": MIX, "t": HALVES, "condition": LABELS, "guidance": 2.0},
        {"guidance": AMOUNT},
    ),
    "dit.euler_step": (
        dit.euler_step,
        {"x": MIX, "velocity": MIX, "t": 0.5, "s": 0.2},
        {"t": kind(FLOAT), "s": PART},
    ),
    "dit.heun_step": (
        dit.heun_step,
        {"x": MIX, "velocity_at": lambda x, t: x, "t": 0.5, "s": 0.2},
        {"t": kind(FLOAT), "s": PART},
    ),
    "dit.ddpm_step": (
        dit.ddpm_step,
        {"x": MIX, "prediction": MIX, "now": 3, "before": 2, "schedule": dit.ddpm_schedule(4)},
        {"now": kind(INTEGER), "before": kind(INTEGER, -1, 0)},
    ),
    "dit.ddim_step": (
        dit.ddim_step,
        {"x": MIX, "prediction": MIX, "now": 3, "before": 2, "schedule": dit.ddpm_schedule(4)}
        | {"eta": 0.5, "noise": MIX},
        {"now": kind(INTEGER), "before": kind(INTEGER, -1, 0), "eta": PART},
    ),
    "dit.sample": (
        dit.sample,
        {"model": PAINTER, "condition": LABELS, "steps": 2, "guidance": 2.0, "seed": 1},
        {"steps": SIZE, "guidance": AMOUNT, "seed": COUNT},
    ),
    "dit.paint": (
        dit.paint,
        {"captions": ["a fox"], "steps": 1, "guidance": 2.0, "seed": 1},
        {"steps": SIZE, "guidance": AMOUNT, "seed": COUNT},
    ),
    "dit.random_times": (
        dit.random_times,
        {"n": 2, "generator": torch.Generator(), "mean": 0.5, "deviation": 1.0},
        {"n": SIZE, "mean": kind(FLOAT, *ANY_SIGN), "deviation": AMOUNT},
    ),
    "dit.flow_loss": (
        dit.flow_loss,
        {"model": PAINTER, "x": MIX, "condition": LABELS, "generator": torch.Generator()}
        | {"drop": 0.5},
        {"drop": PART},
    ),
    "dit.painter_batch": (
        dit.painter_batch,
        {"n": 2, "seed": 1, "full": 0.5},
        {"n": SIZE, "seed": COUNT, "full": PART},
    ),
    "dit.painter_rate": (
        dit.painter_rate,
        {"progress": 0.5, "warm_up": 0.1, "final": 0.1, "fall": 0.5},
        {"progress": PART, "warm_up": PART, "final": PART, "fall": kind(FLOAT)},
    ),
    "dit.train_painter": (
        dit.train_painter,
        {"model": TOLD, "recipe": training.Recipe(n_steps=1, batch_size=2), "keep": 0.5}
        | {"fall": 0.5},
        {"keep": PART, "fall": kind(FLOAT)},
    ),
    "clip.TowerConfig": (
        clip.TowerConfig,
        {"d_model": 4, "n_heads": 2, "n_layers": 1, "d_ff": 4, "eps": 1e-5},
        {"d_model": SIZE, "n_heads": SIZE, "n_layers": SIZE, "d_ff": OPTIONAL_SIZE, "eps": AMOUNT},
    ),
    "clip.CLIPConfig": (
        clip.CLIPConfig,
        {"vocab_size": 9, "context_length": 8, "d_shared": 4, "image_size": 4, "patch_size": 2}
        | {"end_id": 3},
        dict.fromkeys(
            ("vocab_size", "context_length", "d_shared", "image_size", "patch_size"), SIZE
        )
        | {"end_id": kind(INTEGER, 0, None)},
    ),
    "clip.patches": (clip.patches, {"pictures": torch.ones(1, 4, 4, 3), "size": 2}, {"size": SIZE}),
    "clip.check_pictures": (
        clip.check_pictures,
        {"pictures": torch.ones(1, 4, 4, 3), "size": 4},
        {"size": SIZE},
    ),
    "clip.caption_ends": (
        clip.caption_ends,
        {"token_ids": torch.tensor([[1, 3, 0]]), "end_id": 3},
        {"end_id": kind(INTEGER, 0, None)},
    ),
    "clip.recall": (clip.recall, {"logits": torch.eye(3), "k": 1}, {"k": SIZE}),
    "clip.sigmoid_loss": (
        clip.sigmoid_loss,
        {"logits": torch.eye(3), "bias": -1.0},
        {"bias": kind(FLOAT, *ANY_SIGN)},
    ),
    "clip.picture_batch": (
        clip.picture_batch,
        {"n": 3, "seed": 1, "tokenizer": WORDS, "hard": 0.5},
        {"n": SIZE, "seed": COUNT, "hard": PART},
    ),
    "clip.train_clip": (
        clip.train_clip,
        {
            "model": clip.CLIP(clip.CLIPConfig(WORDS.vocab_size, 24, SMALL, SMALL, 4)),
            "tokenizer": WORDS,
            "recipe": training.Recipe(n_steps=1, batch_size=2),
            "hard": 0.5,
        },
        {"hard": PART},
    ),
    "intro.next_char_counts": (
        intro.next_char_counts,
        {"text": "banana", "prompt": "an", "max_context": 3},
        {"max_context": COUNT},
    ),
    "intro.next_char_probs": (
        intro.next_char_probs,
        {"text": "banana", "prompt": "an", "max_context": 3},
        {"max_context": COUNT},
    ),
    "intro.continue_text": (
        intro.continue_text,
        {"text": "banana", "prompt": "an", "n": 2, "seed": 1, "max_context": 3},
        {"n": COUNT, "seed": kind(INTEGER, 0, None), "max_context": COUNT},
    ),
    "intro.pick_char": (
        intro.pick_char,
        {"counts": {"a": 5, "d": 4}, "place": 1},
        {"place": COUNT},
    ),
    "intro.random_bits": (intro.random_bits, {"seed": 1}, {"seed": COUNT}),
    "tokens.train_bpe": (
        tokens.train_bpe,
        {"text": "banana", "vocab_size": 257},
        {"vocab_size": SIZE},
    ),
    "tokens.train_bpe_naive": (
        tokens.train_bpe_naive,
        {"text": "banana", "n_merges": 1},
        {"n_merges": COUNT},
    ),
    "tokens.learn_merges": (
        tokens.learn_merges,
        {"words": {"banana": 1}, "n_merges": 1},
        {"n_merges": COUNT},
    ),
    "tokens.tokens_per_word": (
        tokens.tokens_per_word,
        {"n_tokens": 3, "text": "a b"},
        {"n_tokens": COUNT},
    ),
    "tokens.bits_per_byte": (
        tokens.bits_per_byte,
        {"ids": [1, 2], "n_bytes": 3},
        {"n_bytes": SIZE},
    ),
    "ngrams.count_ngrams": (ngrams.count_ngrams, {"ids": [0, 1], "n": 1}, {"n": SIZE}),
    "ngrams.add_k_probs": (
        ngrams.add_k_probs,
        {"counts": Counter({0: 1}), "vocab_size": 2, "k": 1.0},
        {"vocab_size": SIZE, "k": AMOUNT},
    ),
    "ngrams.NGram": (
        ngrams.NGram,
        {"ids": [0, 1], "n": 1, "vocab_size": 2},
        {"n": SIZE, "vocab_size": SIZE},
    ),
    "ngrams.sample_tokens": (
        ngrams.sample_tokens,
        {"model": NGRAM, "context": [0], "n_tokens": 1, "seed": 1},
        {"n_tokens": COUNT, "seed": COUNT},
    ),
    "ngrams.nats_to_bits_per_byte": (
        ngrams.nats_to_bits_per_byte,
        {"nats": 1.0, "n_bytes": 2},
        # Nats may be a difference, or infinite where a token had the probability 0.
        {"nats": kind(FLOAT, -1, 0, 2.5, math.inf, -math.inf, SEVERAL), "n_bytes": SIZE},
    ),
    "attention.causal_mask": (
        attention.causal_mask,
        {"n_queries": 1, "n_keys": 2},
        {"n_queries": SIZE, "n_keys": OPTIONAL_SIZE},
    ),
    "attention.split_heads": (
        attention.split_heads,
        {"x": torch.ones(1, 2, 4), "n_heads": 2},
        {"n_heads": SIZE},
    ),
    "attention.repeat_heads": (
        attention.repeat_heads,
        {"x": torch.ones(1, 2, 4, 2), "n_times": 2},
        {"n_times": SIZE},
    ),
    "attention.MultiHeadAttention": (
        attention.MultiHeadAttention,
        {"d_model": 4, "n_heads": 2, "n_kv_heads": 1, "d_head": 2},
        {
            "d_model": SIZE,
            "n_heads": SIZE,
            "n_kv_heads": OPTIONAL_SIZE,
            "d_head": OPTIONAL_SIZE,
        },
    ),
    "block.LayerNorm": (
        block.LayerNorm,
        {"d_model": 4, "eps": 1e-5},
        {"d_model": SIZE, "eps": AMOUNT},
    ),
    "block.FeedForward": (
        block.FeedForward,
        {"d_model": 4, "d_ff": 8},
        {"d_model": SIZE, "d_ff": OPTIONAL_SIZE},
    ),
    "block.sinusoidal_positions": (
        block.sinusoidal_positions,
        {"n_positions": 2, "d_model": 4},
        {"n_positions": SIZE, "d_model": SIZE},
    ),
    "block.block_flops": (
        block.block_flops,
        {"n_tokens": 2, "d_model": 4, "d_ff": 8},
        {"n_tokens": SIZE, "d_model": SIZE, "d_ff": OPTIONAL_SIZE},
    ),
    "gpt.GPTConfig": (
        gpt.GPTConfig,
        SIZES | {"d_ff": 8, "eps": 1e-5},
        SIZE_KINDS | {"d_ff": OPTIONAL_SIZE, "eps": AMOUNT},
    ),
    "gpt.check_token_ids": (
        gpt.check_token_ids,
        {"token_ids": torch.tensor([[0, 0]]), "vocab_size": 5, "context_length": 6},
        {"vocab_size": SIZE, "context_length": SIZE},
    ),
    "gpt.initialise": (
        gpt.initialise,
        {"model": nn.Linear(2, 2), "n_layers": 1, "std": 0.1},
        {"n_layers": SIZE, "std": AMOUNT},
    ),
    "gpt.greedy": (
        gpt.greedy,
        {"model": MODEL, "token_ids": IDS, "n_tokens": 1},
        {"n_tokens": COUNT},
    ),
    "llama.RMSNorm": (llama.RMSNorm, {"d": 4, "eps": 1e-5}, {"d": SIZE, "eps": AMOUNT}),
    "llama.SwiGLU": (llama.SwiGLU, {"d_model": 4, "d_ff": 8}, {"d_model": SIZE, "d_ff": SIZE}),
    "llama.RopeScaling": (
        llama.RopeScaling,
        {"factor": 8.0, "low": 1.0, "high": 4.0, "old_context": 64},
        {"factor": POSITIVE, "low": AMOUNT, "high": POSITIVE, "old_context": SIZE},
    ),
    "llama.rotation_speeds": (
        llama.rotation_speeds,
        {"d_head": 4, "base": 100.0},
        {"d_head": SIZE, "base": POSITIVE},
    ),
    "llama.RotaryEmbedding": (
        llama.RotaryEmbedding,
        {"d_head": 4, "base": 100.0},
        {"d_head": SIZE, "base": POSITIVE},
    ),
    "llama.LlamaConfig": (
        llama.LlamaConfig,
        SIZES | {"d_ff": 8, "n_kv_heads": 1, "d_head": 2, "eps": 1e-5, "rope_base": 100.0},
        SIZE_KINDS
        | {
            "d_ff": SIZE,
            "n_kv_heads": OPTIONAL_SIZE,
            "d_head": OPTIONAL_SIZE,
            "eps": AMOUNT,
            "rope_base": POSITIVE,
        },
    ),
    "training.numeric_gradient": (
        training.numeric_gradient,
        {"function": lambda: torch.ones(()), "x": torch.ones(2), "step": 0.1},
        {"step": POSITIVE},
    ),
    "training.SGD": (
        training.SGD,
        {"parameters": [PARAMETER], "lr": 0.1, "momentum": 0.5},
        {"lr": AMOUNT, "momentum": PART},
    ),
    "training.AdamW": (
        training.AdamW,
        {"parameters": [PARAMETER], "lr": 0.1, "eps": 1e-8, "weight_decay": 0.1},
        {"lr": AMOUNT, "eps": POSITIVE, "weight_decay": AMOUNT},
    ),
    "training.Muon": (
        training.Muon,
        {"parameters": [PARAMETER], "lr": 0.1, "momentum": 0.5, "weight_decay": 0.1},
        {"lr": AMOUNT, "momentum": PART, "weight_decay": AMOUNT},
    ),
    "training.orthogonalise": (
        training.orthogonalise,
        {"matrix": torch.eye(2), "n_steps": 1},
        {"n_steps": COUNT},
    ),
    "training.learning_rate": (
        training.learning_rate,
        {"progress": 0.5, "warm_up": 0.1, "final": 0.1},
        # Beyond the end, the rate stays.
        {"progress": kind(FLOAT, 0, 2.5), "warm_up": PART, "final": PART},
    ),
    "training.clip_gradients": (
        training.clip_gradients,
        {"parameters": [PARAMETER], "longest": 1.0},
        {"longest": POSITIVE},
    ),
    "training.Windows": (training.Windows, {"token_ids": range(9), "length": 2}, {"length": SIZE}),
    "training.Windows.batch": (
        windows,
        {"step": 1, "size": 2, "seed": 1},
        {"step": COUNT, "size": SIZE, "seed": COUNT},
    ),
    "training.evaluate": (
        training.evaluate,
        {"model": MODEL, "data": training.Windows([1] * 9, 2), "most": 2, "size": 2},
        {"most": SIZE, "size": SIZE},
    ),
    "training.train": (
        training.train,
        {
            "model": MODEL,
            "data": training.Windows([1] * 9, 2),
            "recipe": training.Recipe(n_steps=1, batch_size=2),
            "peak": 1e9,
        },
        {"peak": kind(FLOAT, 2.5, None)},
    ),
    "training.Recipe": (
        training.Recipe,
        {
            "n_steps": 4,
            "seconds": 1.0,
            "target_loss": 1.0,
            "batch_size": 4,
            "accumulate": 1,
            "lr": 0.1,
            "matrix_lr": 0.1,
            "weight_decay": 0.1,
            "warm_up": 0.1,
            "final": 0.1,
            "clip": 1.0,
            "seed": 1,
            "evaluate_every": 1,
            "save_every": 1,
        },
        {
            "n_steps": OPTIONAL_SIZE,
            "seconds": kind(FLOAT, 2.5, None),
            "target_loss": kind(FLOAT, *ANY_SIGN, None),
            "batch_size": SIZE,
            "accumulate": SIZE,
            "lr": POSITIVE,
            "matrix_lr": kind(FLOAT, 2.5, None),
            "weight_decay": AMOUNT,
            "warm_up": PART,
            "final": PART,
            "clip": POSITIVE,
            "seed": COUNT,
            "evaluate_every": COUNT,
            "save_every": COUNT,
        },
    ),
    "training.story_tokenizer": (
        training.story_tokenizer,
        {"vocab_size": 258},
        {"vocab_size": SIZE},
    ),
    "training.story_data": (
        training.story_data,
        {
            "language": "en",
            "tokenizer": tokens.BPETokenizer.train("a", 257, [training.END]),
            "n_stories": 1,
            "length": 2,
            "seed": 1,
        },
        {"n_stories": SIZE, "length": SIZE, "seed": COUNT},
    ),
    "training.write_text": (
        training.write_text,
        {
            "model": llama.Llama(llama.LlamaConfig(258, 12, 8, 2, 1, 8)),
            "tokenizer": TOKENIZER,
            "start": "one",
            "n_tokens": 1,
            "seed": 1,
        },
        {"n_tokens": COUNT, "seed": COUNT},
    ),
    "generation.top_k": (generation.top_k, {"logits": LOGITS, "k": 2}, {"k": SIZE}),
    "generation.top_p": (generation.top_p, {"logits": LOGITS, "p": 0.5}, {"p": kind(FLOAT)}),
    "generation.min_p": (generation.min_p, {"logits": LOGITS, "p": 0.5}, {"p": PART}),
    "generation.repetition_penalty": (
        generation.repetition_penalty,
        {"logits": LOGITS, "seen": LOGITS > 0, "penalty": 1.2},
        {"penalty": POSITIVE},
    ),
    "generation.Sampling": (
        generation.Sampling,
        {
            "temperature": 0.5,
            "top_k": 2,
            "top_p": 0.5,
            "min_p": 0.1,
            "repetition_penalty": 1.2,
        },
        {
            "temperature": AMOUNT,
            "top_k": OPTIONAL_SIZE,
            "top_p": kind(FLOAT),
            "min_p": PART,
            "repetition_penalty": POSITIVE,
        },
    ),
    "generation.KVCache": (
        generation.KVCache,
        {"model": MODEL, "n_positions": 4, "batch_size": 1},
        {"n_positions": OPTIONAL_SIZE, "batch_size": SIZE},
    ),
    "generation.cached_attention": (
        lambda layer: torch.inference_mode()(generation.cached_attention)(
            MODEL.blocks[0].attention, torch.ones(1, 2, 8), generation.KVCache(MODEL, 4), layer
        ),
        {"layer": 0},
        {"layer": COUNT},
    ),
    "generation.cached_logits": (
        lambda n_logits: generation.cached_logits(
            MODEL, IDS, generation.KVCache(MODEL, 4), n_logits
        ),
        {"n_logits": 1},
        {"n_logits": OPTIONAL_SIZE},
    ),
    "generation.pad_prompts": (
        generation.pad_prompts,
        {"prompts": [[0]], "vocab_size": 5},
        {"vocab_size": SIZE},
    ),
    "generation.mark_seen": (
        generation.mark_seen,
        {"token_ids": torch.tensor([[0]]), "vocab_size": 5},
        {"vocab_size": SIZE},
    ),
    "generation.token_steps": (
        lambda **arguments: run(generation.token_steps, **arguments),
        {"model": MODEL, "prompts": [[1]], "n_tokens": 1, "seed": 1},
        {"n_tokens": COUNT, "seed": COUNT},
    ),
    "generation.generate_batch": (
        generation.generate_batch,
        {"model": MODEL, "prompts": [[1]], "n_tokens": 1, "seed": 1},
        {"n_tokens": COUNT, "seed": COUNT},
    ),
    "generation.generate": (
        generation.generate,
        {"model": MODEL, "token_ids": [1], "n_tokens": 1, "seed": 1},
        {"n_tokens": COUNT, "seed": COUNT},
    ),
    "generation.stream": (
        lambda **arguments: run(generation.stream, **arguments),
        {"model": MODEL, "tokenizer": TOKENIZER, "token_ids": [1], "n_tokens": 1, "seed": 1},
        {"n_tokens": COUNT, "seed": COUNT},
    ),
    "generation.beam_search": (
        generation.beam_search,
        {"model": MODEL, "token_ids": [1], "n_tokens": 1, "n_beams": 2},
        {"n_tokens": COUNT, "n_beams": SIZE},
    ),
    "generation.speculative": (
        generation.speculative,
        {
            "model": MODEL,
            "draft": ngrams.NGram([0, 1], 1, 7),
            "token_ids": [1],
            "n_tokens": 1,
            "n_guesses": 1,
            "seed": 1,
        },
        {"n_tokens": COUNT, "n_guesses": SIZE, "seed": COUNT},
    ),
    "scaling.training_flops": (
        scaling.training_flops,
        {"n_parameters": 2.0, "n_tokens": 3.0},
        {"n_parameters": AMOUNT, "n_tokens": AMOUNT},
    ),
    "scaling.model_flops": (
        scaling.model_flops,
        {"config": CONFIG, "n_tokens": 2},
        {"n_tokens": SIZE},
    ),
    "scaling.training_memory": (
        scaling.training_memory,
        {"n_parameters": 2.0},
        {"n_parameters": AMOUNT},
    ),
    "scaling.activation_memory": (
        scaling.activation_memory,
        {"config": CONFIG, "batch_size": 1, "n_tokens": 2, "n_bytes": 4},
        {"batch_size": SIZE, "n_tokens": SIZE, "n_bytes": SIZE},
    ),
    "scaling.kv_cache_memory": (
        scaling.kv_cache_memory,
        {"config": CONFIG, "batch_size": 1, "n_tokens": 2, "n_bytes": 4},
        {"batch_size": SIZE, "n_tokens": SIZE, "n_bytes": SIZE},
    ),
    "scaling.utilisation": (
        scaling.utilisation,
        {"flops": 1.0, "seconds": 1.0, "peak": 2.0},
        {"flops": AMOUNT, "seconds": POSITIVE, "peak": POSITIVE},
    ),
    "scaling.training_seconds": (
        scaling.training_seconds,
        {"flops": 1.0, "peak": 1.0, "utilisation": 0.5},
        {"flops": AMOUNT, "peak": POSITIVE, "utilisation": kind(FLOAT)},
    ),
    "scaling.peak_flops": (
        scaling.peak_flops,
        {"size": 2, "n_times": 1},
        {"size": SIZE, "n_times": SIZE},
    ),
    "scaling.check_points": (
        scaling.check_points,
        {"x": [1, 2], "y": [1, 2], "least": 1},
        {"least": SIZE},
    ),
    "scaling.PowerLaw.__call__": (
        scaling.PowerLaw(1.0, 0.5),
        {"x": 2.0},
        {"x": kind(FLOAT, 2.5, SEVERAL)},
    ),
    "scaling.LossLaw": (
        scaling.LossLaw,
        {"floor": 1.0, "a": 1.0, "alpha": 0.5, "b": 1.0, "beta": 0.5},
        {"floor": AMOUNT, "a": AMOUNT, "alpha": POSITIVE, "b": AMOUNT, "beta": POSITIVE},
    ),
    "scaling.LossLaw.__call__": (
        scaling.CHINCHILLA,
        {"n_parameters": 2.0, "n_tokens": 2.0},
        {"n_parameters": kind(FLOAT, 2.5, SEVERAL), "n_tokens": kind(FLOAT, 2.5, SEVERAL)},
    ),
    "scaling.compute_optimal": (scaling.compute_optimal, {"flops": 1e9}, {"flops": POSITIVE}),
    "scaling.pipeline_schedule": (
        scaling.pipeline_schedule,
        {"n_stages": 2, "n_micro_batches": 2},
        {"n_stages": SIZE, "n_micro_batches": SIZE},
    ),
    "scaling.bubble_fraction": (
        scaling.bubble_fraction,
        {"n_stages": 2, "n_micro_batches": 2},
        {"n_stages": SIZE, "n_micro_batches": SIZE},
    ),
    "quantization.float_bits": (
        quantization.float_bits,
        {"number": 1.5},
        {"number": kind(FLOAT, *ANY_SIGN, math.nan, math.inf, -math.inf)},  # floats have bits
    ),
    "quantization.round_absmax": (quantization.round_absmax, {"x": X, "most": 7}, {"most": SIZE}),
    "quantization.round_signed": (quantization.round_signed, {"x": X, "half": 8}, {"half": SIZE}),
    "quantization.round_zero_point": (
        quantization.round_zero_point,
        {"x": X, "most": 15},
        {"most": SIZE},
    ),
    "quantization.cut_to_levels": (quantization.cut_to_levels, {"x": X, "most": 7}, {"most": SIZE}),
    "quantization.pack": (
        quantization.pack,
        {"levels": np.zeros((1, 8), np.uint8), "bits": 4, "width": 4},
        {"bits": SIZE, "width": SIZE},
    ),
    "quantization.unpack": (
        quantization.unpack,
        {"data": np.zeros((1, 8), np.uint8), "bits": 4, "width": 4},
        {"bits": SIZE, "width": SIZE},
    ),
    "quantization.step_levels": (
        quantization.step_levels,
        {"x": X, "low": X[0], "inverse": X[0], "most": 7},
        {"most": SIZE},
    ),
    "quantization.signed_levels": (quantization.signed_levels, {"x": X, "half": 8}, {"half": SIZE}),
    "quantization.search_scale": (quantization.search_scale, {"x": X, "half": 8}, {"half": SIZE}),
    "quantization.search_scale_and_min": (
        quantization.search_scale_and_min,
        {"x": X, "weights": abs(X), "most": 7, "first": 0.5, "n_trials": 1},
        {"most": SIZE, "first": kind(FLOAT, *ANY_SIGN), "n_trials": COUNT},
    ),
    "gguf.read_float": (
        lambda usual: gguf.read_float({}, "eps", usual),
        {"usual": 1.0},
        {"usual": POSITIVE},
    ),
    "gguf.round_up": (gguf.round_up, {"n": 5, "multiple": 4}, {"n": COUNT, "multiple": SIZE}),
    "gguf.hex_view": (gguf.hex_view, {"buffer": b"GGUF", "n_bytes": 4}, {"n_bytes": SIZE}),
    "gguf.half_rotary": (
        gguf.half_rotary,
        {"rows": torch.ones(4, 2), "n_heads": 1},
        {"n_heads": SIZE},
    ),
    "gguf.interleave_rotary": (
        gguf.interleave_rotary,
        {"rows": torch.ones(4, 2), "n_heads": 1},
        {"n_heads": SIZE},
    ),
    "gguf.write_tokenizer": (
        gguf.write_tokenizer,
        {"tokenizer": TOKENIZER, "vocab_size": 258},
        {"vocab_size": SIZE},
    ),
    "gradients.TinyGPT": (
        gradients.TinyGPT,
        {
            "vocab_size": 5,
            "context_length": 6,
            "d_model": 4,
            "n_heads": 2,
            "n_layers": 1,
            "seed": 1,
        },
        SIZE_KINDS | {"seed": COUNT},
    ),
    "gradients.gpt_shapes": (
        gradients.gpt_shapes,
        {"vocab_size": 5, "context_length": 6, "d_model": 4, "n_layers": 1},
        {name: SIZE for name in SIZES if name != "n_heads"},
    ),
    "gradients.multi_head": (
        lambda n_heads: gradients.multi_head(STREAM, WEIGHTS, n_heads),
        {"n_heads": 2},
        {"n_heads": SIZE},
    ),
    "gradients.block": (
        lambda n_heads: gradients.block(STREAM, WEIGHTS, n_heads),
        {"n_heads": 2},
        {"n_heads": SIZE},
    ),
    "gradients.rms_norm": (
        gradients.rms_norm,
        {"x": STREAM, "weight": gradients.Tensor(np.ones(4)), "eps": 1e-5},
        {"eps": AMOUNT},
    ),
    "evaluation.accuracy": (
        evaluation.accuracy,
        {"right": [True, False], "confidence": 0.9},
        {"confidence": INSIDE},
    ),
    "evaluation.bootstrap": (
        evaluation.bootstrap,
        {"values": [1.0, 2.0], "n_times": 3, "seed": 1, "confidence": 0.9},
        {"n_times": SIZE, "seed": COUNT, "confidence": INSIDE},
    ),
    "evaluation.calibration_error": (
        evaluation.calibration_error,
        {"confidences": [0.5], "right": [True], "n_bins": 3},
        {"n_bins": SIZE},
    ),
    "evaluation.reliability": (
        evaluation.reliability,
        {"confidences": [0.5], "right": [True], "n_bins": 3},
        {"n_bins": SIZE},
    ),
    "evaluation.paired_difference": (
        evaluation.paired_difference,
        {"a": [1.0, 0.0], "b": [0.0, 1.0], "confidence": 0.9},
        {"confidence": INSIDE},
    ),
    "evaluation.pass_at_k": (
        evaluation.pass_at_k,
        {"n": 4, "c": 2, "k": 3},
        {"n": SIZE, "c": COUNT, "k": SIZE},
    ),
    "evaluation.questions_needed": (
        evaluation.questions_needed,
        {"p_a": 0.5, "p_b": 0.6, "disagree": None, "power": 0.8, "confidence": 0.9},
        {
            "p_a": PART,
            "p_b": PART,
            "disagree": kind(FLOAT, None),
            "power": INSIDE,
            "confidence": INSIDE,
        },
    ),
    "evaluation.seen_before": (
        evaluation.seen_before,
        {"token_ids": [1, 2, 3], "training_ids": [1, 2, 3], "n": 2},
        {"n": SIZE},
    ),
    "evaluation.story_questions": (
        evaluation.story_questions,
        {"n": 2, "seed": 1, "things": 1},
        {"n": COUNT, "seed": COUNT, "things": SIZE},
    ),
    "evaluation.wilson": (
        evaluation.wilson,
        {"n_right": 2, "n": 4, "confidence": 0.9},
        {"n_right": kind(FLOAT, 0, 2.5), "n": SIZE, "confidence": INSIDE},
    ),
    "evaluation.z_value": (evaluation.z_value, {"confidence": 0.9}, {"confidence": INSIDE}),
    "fine_tuning.LoRALinear": (
        fine_tuning.LoRALinear,
        {"base": Linear(4, 4, bias=False), "rank": 2, "alpha": 2.0},
        {"rank": SIZE, "alpha": POSITIVE},
    ),
    "fine_tuning.add_lora": (
        lambda **arguments: fine_tuning.add_lora(llama.Llama(CONFIG), **arguments),
        {"rank": 2, "alpha": 2.0, "seed": 1},
        {"rank": SIZE, "alpha": POSITIVE, "seed": COUNT},
    ),
    "fine_tuning.average": (
        fine_tuning.average,
        {"one": MODEL, "other": MODEL, "part": 0.3},
        {"part": PART},
    ),
    "fine_tuning.documents": (
        fine_tuning.documents,
        {"token_ids": IDS, "end_id": 2},
        {"end_id": COUNT},
    ),
    "fine_tuning.pack": (
        fine_tuning.pack,
        {"texts": [[0, 1, 0]], "length": 3, "end_id": 0},
        {"length": SIZE, "end_id": COUNT},
    ),
    "fine_tuning.packed_windows": (
        fine_tuning.packed_windows,
        {"texts": [[0, 1, 0]], "length": 3, "end_id": 0},
        {"length": SIZE, "end_id": COUNT},
    ),
    "fine_tuning.answer_tasks": (
        fine_tuning.answer_tasks,
        CHAT | {"tasks": MEETING, "n_tokens": 1, "size": 1, "seed": 1},
        {"n_tokens": COUNT, "size": SIZE, "seed": COUNT},
    ),
    "fine_tuning.reply": (
        fine_tuning.reply,
        CHAT | {"messages": [{"role": "user", "content": "a"}], "n_tokens": 1, "seed": 1},
        {"n_tokens": COUNT, "seed": COUNT},
    ),
    "fine_tuning.reply_batch": (
        fine_tuning.reply_batch,
        CHAT | {"chats": [[{"role": "user", "content": "a"}]], "n_tokens": 1, "seed": 1},
        {"n_tokens": COUNT, "seed": COUNT},
    ),
    "fine_tuning.widen": (
        fine_tuning.widen,
        {"model": MODEL, "n_new": 2},
        {"n_new": SIZE},
    ),
    "alignment.dpo_loss": (
        alignment.dpo_loss,
        {"chosen": -torch.ones(2), "rejected": -2 * torch.ones(2)}
        | dict.fromkeys(["reference_chosen", "reference_rejected"], -torch.ones(2))
        | {"beta": 0.1, "kind": "robust", "flipped": 0.2},
        {"beta": POSITIVE, "flipped": PART},
    ),
    "alignment.optimum": (
        alignment.optimum,
        {"reference_probs": [0.5, 0.5], "rewards": [0.0, 1.0], "beta": 1.0},
        {"beta": POSITIVE},
    ),
    "alignment.policy_loss": (
        alignment.policy_loss,
        {
            "log_probs": -torch.ones(2, 3),
            "old_log_probs": -torch.ones(2, 3),
            "advantages": torch.ones(2, 3),
            "mask": torch.ones(2, 3, dtype=torch.bool),
            "clip": 0.2,
            "beta": 0.1,
            "reference_log_probs": -torch.ones(2, 3),
        },
        {"clip": POSITIVE, "beta": AMOUNT},
    ),
    "alignment.draw_answers": (
        alignment.draw_answers,
        CHAT | {"tasks": MEETING, "size": 2, "n_tokens": 1, "seed": 1},
        {"size": SIZE, "n_tokens": COUNT, "seed": COUNT},
    ),
    "alignment.prefer": (
        lambda **arguments: alignment.prefer(
            copy.deepcopy(MODEL), [alignment.Pair([1], [2], [3])], **arguments
        ),
        {"beta": 0.1, "lr": 1e-4, "size": 1},
        {"beta": POSITIVE, "lr": POSITIVE, "size": SIZE},
    ),
    "alignment.reinforce": (
        lambda **arguments: alignment.reinforce(
            copy.deepcopy(CHAT["model"]),
            CHAT["tokenizer"],
            [MEETING],
            lambda task, text: len(text),
            **arguments,
        ),
        {"size": 2, "lr": 1e-4, "beta": 0.1, "n_tokens": 2, "seed": 1},
        {"size": SIZE, "lr": POSITIVE, "beta": AMOUNT, "n_tokens": SIZE, "seed": COUNT},
    ),
    "alignment.preference": (
        alignment.preference,
        {"a": 1.0, "b": 0.0},
        {"a": kind(FLOAT, *ANY_SIGN), "b": kind(FLOAT, *ANY_SIGN)},
    ),
    "responsibility.Odds": (
        responsibility.Odds,
        vars(responsibility.Odds()),
        dict.fromkeys(vars(responsibility.Odds()), INSIDE),
    ),
    "responsibility.DPSGD": (
        responsibility.DPSGD,
        {"model": MODEL, "loss_fn": training.Windows, "lr": 1.0, "noise": 1.0, "longest": 1.0}
        | {"batch_size": 2, "seed": 0},
        {"lr": POSITIVE, "noise": AMOUNT, "longest": POSITIVE, "batch_size": SIZE, "seed": COUNT},
    ),
    "responsibility.Watermark": (
        responsibility.Watermark,
        {"vocab_size": 8, "ratio": 0.5, "bias": 2.0, "key": 3},
        {"vocab_size": SIZE, "ratio": INSIDE, "bias": AMOUNT, "key": SIZE},
    ),
    "responsibility.dp_epsilon": (
        responsibility.dp_epsilon,
        {"noise": 1.0, "sampling_rate": 0.1, "n_steps": 2, "delta": 1e-3},
        {"noise": AMOUNT, "sampling_rate": PART, "n_steps": COUNT, "delta": INSIDE},
    ),
    "responsibility.draw_scenes": (
        responsibility.draw_scenes,
        {"n": 2, "seed": 0},
        {"n": SIZE, "seed": COUNT},
    ),
    "responsibility.draw_secrets": (
        responsibility.draw_secrets,
        {"seed": 0, "language": "en", "each": 1},
        {"seed": COUNT, "each": SIZE},
    ),
    "responsibility.fit_probe": (
        responsibility.fit_probe,
        {"states": np.eye(2), "labels": [True, False], "pull": 0.1},
        {"pull": POSITIVE},
    ),
    "responsibility.log_odds": (responsibility.log_odds, {"p": 0.5}, {"p": INSIDE}),
    "responsibility.membership_auc": (
        responsibility.membership_auc,
        {"scores_in": [1.0], "scores_out": [0.0], "confidence": 0.9},
        {"confidence": INSIDE},
    ),
    "responsibility.scene_model": (
        responsibility.scene_model,
        {"texts": ["Ana was shy."], "seed": 0, "n_steps": 1},
        {"seed": COUNT, "n_steps": SIZE},
    ),
    "responsibility.sharpen": (
        responsibility.sharpen,
        {"probs": [0.5, 0.5], "temperature": 1.0},
        {"temperature": AMOUNT},
    ),
    "responsibility.t_interval": (
        responsibility.t_interval,
        {"values": [1.0, 2.0], "confidence": 0.9},
        {"confidence": INSIDE},
    ),
    "responsibility.tell_scene": (
        responsibility.tell_scene,
        {"scene": SCENES[0], "language": "en", "n_sentences": 1},
        {"n_sentences": SIZE},
    ),
    "responsibility.text_log_probs": (
        responsibility.text_log_probs,
        TELLER | {"texts": ["One morning"], "size": 2},
        {"size": SIZE},
    ),
    "security.surprise": (
        security.surprise,
        {"texts": ["one two", "one three"], "order": 2},
        {"order": SIZE},
    ),
    "data.ByteModel": (data.ByteModel, {"text": "one two", "n": 2}, {"n": SIZE}),
    "data.Shards": (
        data.Shards,
        {"folder": PACKED, "length": 2, "begin": 0, "end": 9},
        {"length": SIZE, "begin": COUNT, "end": kind(INTEGER, None)},
    ),
    "data.candidate_pairs": (
        data.candidate_pairs,
        {"signatures": [data.min_hash(text) for text in TEXTS], "bands": 4},
        {"bands": SIZE},
    ),
    "data.choose_bands": (
        data.choose_bands,
        {"threshold": 0.5, "n_hashes": 8},
        {"threshold": INSIDE, "n_hashes": SIZE},
    ),
    "data.document_loss": (
        data.document_loss,
        {"model": MODEL, "token_ids": IDS, "end_id": 2},
        {"end_id": COUNT},
    ),
    "data.draw_mixture": (
        data.draw_mixture,
        {"sources": {"one": TEXTS, "two": TEXTS}, "weights": [0.5, 0.5], "n": 3, "seed": 1},
        {"n": COUNT, "seed": COUNT},
    ),
    "data.find_leaks": (data.find_leaks, {"texts": TEXTS, "exam": TEXTS[:1], "n": 4}, {"n": SIZE}),
    "data.hash_orders": (
        data.hash_orders,
        {"n_hashes": 4, "seed": 1},
        {"n_hashes": SIZE, "seed": COUNT},
    ),
    "data.keep_first": (data.keep_first, {"n": 3, "pairs": []}, {"n": COUNT}),
    "data.lsh_probability": (
        data.lsh_probability,
        {"similarity": 0.5, "bands": 4, "rows": 2},
        {"similarity": PART, "bands": SIZE, "rows": SIZE},
    ),
    "data.min_hash": (
        data.min_hash,
        {"text": TEXTS[0], "n_hashes": 4, "seed": 1, "width": 3},
        {"n_hashes": SIZE, "seed": COUNT, "width": SIZE},
    ),
    "data.mixture_weights": (
        data.mixture_weights,
        {"sizes": [3, 1], "temperature": 1.0},
        {"temperature": POSITIVE},
    ),
    "data.near_duplicates": (
        data.near_duplicates,
        {"texts": TEXTS, "threshold": 0.5, "n_hashes": 8, "seed": 1, "width": 3},
        {"threshold": INSIDE, "n_hashes": SIZE, "seed": COUNT, "width": SIZE},
    ),
    "data.shingles": (data.shingles, {"text": TEXTS[0], "width": 3}, {"width": SIZE}),
    "data.tale_model": (
        data.tale_model,
        {"texts": TEXTS * 30, "seed": 1, "n_steps": 1},
        {"seed": COUNT, "n_steps": SIZE},
    ),
    "data.tokenize_files": (
        tokenize,
        {"processes": 1, "shard_tokens": 9},
        {"processes": kind(INTEGER, None), "shard_tokens": SIZE},
    ),
    "data.word_runs": (data.word_runs, {"text": TEXTS[0], "n": 2}, {"n": SIZE}),
}

# Public names with numeric parameters that no call above covers, each with the reason.
RECORDS = {
    "data.Block": "what was read from a page",
    "generation.Beam": "what beam_search found",
    "generation.Speculation": "what speculative found",
    "responsibility.Interval": "what t_interval found",
    "responsibility.Scene": "what was drawn",
    "responsibility.Secret": "what was drawn",
    "responsibility.Span": "what was found in a text",
    "scaling.StoredRun": "what an experiment measured",
    "scaling.PowerLaw": "what a fit found",
    "quantization.Format": "a row of a table",
    "quantization.FloatBits": "texts",
    "quantization.reciprocal": "`beyond` is what stands for too large: any float, NaN too",
    "quantization.fit_super_blocks": "hands its numbers to search_scale_and_min",
    "tokens.merge_pair": "puts one thing in place of two: ids, but any others as well",
    "generation.TextStream": "has no numbers",
    "gguf.GGUF": "what was read from a file",
    "gguf.GGUFTensor": "what was read from a file",
    "gguf.TensorEntry": "what was read from a file",
    "gguf.ByteReader": "a place in a file",
    "gguf.MetadataList": "what was read from a file",
    "gguf.decode_text": "places in a file that ByteReader checks",
    "gguf.place_tensors": "numbers of a file, tested by broken files",
    "gguf.pack_tensor_entry": "numbers that write_gguf made",
    "gguf.hex_rows": "a part of hex_view",
    "gguf.read_numbers": "numbers of a file, tested by broken files",
    "gguf.read_texts": "numbers of a file, tested by broken files",
    "gguf.read_text": "numbers of a file, tested by broken files",
    "gguf.read_tensor_entry": "numbers of a file, tested by broken files",
    "gguf.read_scaling": "numbers of a file, tested by broken files",
    "gguf.shown": "a part of messages",
    "gguf.wrong": "makes messages",
    "dit.ReadBack": "what read_back found",
    "evaluation.Accuracy": "what accuracy found",
    "evaluation.Bin": "what reliability found",
    "evaluation.Question": "`answer` is checked against its choices",
    "evaluation.pick": "takes arrays, checked by check_real",
}


OTHER_NAMES = {  # what the message calls an argument
    ("ngrams.NGram", "vocab_size"): "V",
    ("training.story_data", "n_stories"): "n",
}


def cases():
    for name, (_, _, numeric) in CALLS.items():
        for argument, (of, valid) in numeric.items():
            yield pytest.param(name, argument, of, valid, id=f"{name}-{argument}")


def is_valid(value, of, valid):
    """Whether a hostile value is one of those named, the same and of the same type."""
    if isinstance(value, bool | np.bool_ | str | complex | list):
        return False
    if of == INTEGER and isinstance(value, float):
        return False
    if isinstance(value, float) and math.isnan(value):
        return any(isinstance(v, float) and math.isnan(v) for v in valid)
    return value in valid


@pytest.mark.parametrize("name", CALLS)
def test_the_examples_work(name):
    function, arguments, numeric = CALLS[name]
    assert numeric.keys() <= arguments.keys()
    function(**arguments)


@pytest.mark.parametrize(("name", "argument", "of", "valid"), list(cases()))
def test_numbers_out_of_range_are_refused(name, argument, of, valid):
    function, arguments, _ = CALLS[name]
    for value in HOSTILE:
        if SEVERAL in valid and isinstance(value, list):
            continue
        changed = arguments | {argument: value}
        if is_valid(value, of, valid):
            function(**changed)
            continue
        with pytest.raises(ValueError, match=r"expected .* got ") as error:
            function(**changed)
        told = OTHER_NAMES.get((name, argument), argument)
        if isinstance(value, bool | str | complex) or value is None:
            assert told in str(error.value) or "number" in str(error.value), value


def numeric_parameters(function):
    """Names of the parameters that are annotated as numbers, or have one as default."""
    try:
        signature = inspect.signature(function)
    except ValueError:
        return
    for name, parameter in signature.parameters.items():
        annotation = parameter.annotation
        text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
        words = {word.strip() for word in text.split("|")} - {"None"}
        if (words and words <= {"int", "float"}) or type(parameter.default) in (int, float):
            yield name


def test_every_public_number_is_attacked():
    missing = []
    for module in CHAPTERS:
        chapter = module.__name__.removeprefix("lessons_lib.")
        for public in importlib.import_module(module.__name__).__all__:
            value, name = getattr(module, public), f"{chapter}.{public}"
            if not (inspect.isfunction(value) or inspect.isclass(value)) or name in RECORDS:
                continue
            covered = CALLS[name][2] if name in CALLS else {}
            missing += [
                f"{name}({parameter})"
                for parameter in numeric_parameters(value)
                if parameter not in covered
            ]
    assert not missing


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, np.float32, np.float64])
def test_numbers_of_numpy_and_torch_are_numbers(dtype):
    """What is refused above is refused for its value, not for where it comes from."""
    one = dtype(1)
    for number in (one, np.array(one), torch.tensor(one.item())):
        assert scaling.training_flops(number, number) == 6
        assert generation.Sampling(temperature=number).temperature == 1
        if np.issubdtype(dtype, np.integer):
            assert attention.causal_mask(number).tolist() == [[True]]
