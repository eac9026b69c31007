"""The engine's training: PyTorch's losses, step by step, and the optimizers of the chapter."""

import base64
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lessons_lib.intro import random_bits
from lessons_lib.live.train_in_page import N_HELD, pack_stories, word_stories
from lessons_lib.training import AdamW, Muon
from tests.live.engine import page as engines

pytestmark = pytest.mark.site
page, engine = engines.page, engines.engine  # fixtures

EPS, WIDER, SHARPNESS, BASE, HEAD, WARM_UP = 1e-6, 4, 12, 1000, 16, 20
RATES = {"muon": (0.03, 0.02), "adamw": (0.02, 0.02)}


def normalised(x):
    return x * (x.square().mean(-1, keepdim=True) + EPS).rsqrt()


class Net(nn.Module):
    """The page's model in PyTorch, whose slopes its own tape finds."""

    def __init__(self, vocab_size, d_model, n_layers, seed=1):
        super().__init__()
        bits, bound = random_bits(seed), math.sqrt(3 / d_model)
        d, f = d_model, WIDER * d_model

        def parameter(rows, columns, most):
            drawn = [(2 * next(bits) / 2**32 - 1) * most for _ in range(rows * columns)]
            return nn.Parameter(torch.tensor(drawn, dtype=torch.float32).view(rows, columns))

        self.table = parameter(vocab_size, d, 1)
        shapes = [(3 * d, d, 1), (d, d, 0.3), (f, d, 1), (d, f, 0.15)]
        self.layers = nn.ParameterList(
            parameter(rows, columns, share * bound)
            for _ in range(n_layers)
            for rows, columns, share in shapes
        )
        self.head = parameter(vocab_size, d, 0.1 * bound)

    def turned(self, x):
        half = HEAD // 2
        speeds = BASE ** (-torch.arange(half, dtype=torch.float64) / half)
        angles = torch.arange(x.shape[1], dtype=torch.float64)[:, None] * speeds
        cos, sin = angles.cos().float(), angles.sin().float()
        first, second = x[..., :half], x[..., half:]
        return torch.cat([first * cos - second * sin, first * sin + second * cos], -1)

    def forward(self, ids):
        """Logits (T, V) of one story's ids (T)."""
        x = normalised(self.table[ids])
        for qkv, mix, up, down in zip(*[iter(self.layers)] * 4, strict=True):
            heads = (normalised(x) @ qkv.T).view(len(ids), 3, -1, HEAD).permute(1, 2, 0, 3)
            q, k = self.turned(normalised(heads[0])), self.turned(normalised(heads[1]))
            found = F.scaled_dot_product_attention(
                q[None], k[None], heads[2][None], is_causal=True, scale=SHARPNESS / HEAD
            )[0]
            x = x + found.transpose(0, 1).reshape(len(ids), -1) @ mix.T
            x = x + F.relu(normalised(x) @ up.T).square() @ down.T
        return normalised(x) @ self.head.T

    def paid(self, stories):
        """What stories cost together, in nats."""
        costs = []
        for story in stories:
            ids = torch.tensor(story)
            read = torch.cat([torch.tensor([0]), ids[:-1]])
            costs.append(F.cross_entropy(self(read), ids, reduction="sum"))
        return torch.stack(costs).sum()


def torch_run(language, d_model, n_layers, optimizer, n_steps, batch_size=4):
    """The losses of each step, and what 10 held-out stories cost the averages at the end."""
    words, stories = word_stories(language)
    net = Net(len(words), d_model, n_layers)
    matrix_rate, rate = RATES[optimizer]
    tables = [net.table, net.head]
    optimizers = [AdamW([*tables, *net.layers], lr=rate)]
    if optimizer == "muon":
        optimizers = [AdamW(tables, lr=rate), Muon(net.layers, lr=matrix_rate)]
    full = [one.param_groups[0]["lr"] for one in optimizers]
    averages = [p.detach().clone() for p in net.parameters()]
    losses = []
    for step in range(n_steps):
        batch = stories[step * batch_size : (step + 1) * batch_size]
        paid = net.paid(batch)
        (paid / sum(map(len, batch))).backward()
        for one, lr in zip(optimizers, full, strict=True):
            one.param_groups[0]["lr"] = lr * min(1, (step + 1) / WARM_UP)
            one.step()
            one.zero_grad()
        keep = min(0.98, (2 + step) / (11 + step))
        for average, p in zip(averages, net.parameters(), strict=True):
            average.lerp_(p.detach(), 1 - keep)
        losses.append(paid.item() / batch_size)
    with torch.no_grad():
        for average, p in zip(averages, net.parameters(), strict=True):
            p.copy_(average)
        held = net.paid(stories[-N_HELD:][:10]).item() / 10
    return losses, held, sum(p.numel() for p in net.parameters())


def give_stories(engine, language):
    engine.evaluate(
        """async (text) => {
            const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
            window.data = await inside.openStories(bytes);
        }""",
        base64.b64encode(pack_stories(language)).decode(),
    )


def test_the_stories_arrive(engine):
    for language in ("en", "es"):
        give_stories(engine, language)
        words, stories = word_stories(language)
        assert engine.evaluate("data.words") == words
        every = "() => [...data.stories, ...data.held].map((one) => Array.from(one))"
        assert engines.fetch(engine, every) == stories
        assert engine.evaluate("data.held.length") == N_HELD


@pytest.mark.parametrize(
    ("language", "d_model", "n_layers", "optimizer"),
    [("en", 48, 1, "muon"), ("es", 32, 2, "adamw"), ("es", 64, 1, "muon")],
)
def test_twenty_steps_cost_what_they_cost_in_torch(engine, language, d_model, n_layers, optimizer):
    give_stories(engine, language)
    found, held, parameters = engine.evaluate(
        """async (settings) => {
            const trainer = new inside.Trainer(data, settings);
            trainer.held = trainer.held.slice(0, 10);
            const losses = [];
            while (losses.length < 20) losses.push(await trainer.step(1, never));
            return [losses, await trainer.heldOut(never), trainer.nParameters];
        }""",
        {"dModel": d_model, "nLayers": n_layers, "optimizer": optimizer},
    )
    losses, paid, n_parameters = torch_run(language, d_model, n_layers, optimizer, 20)
    assert parameters == n_parameters
    # Nats per story of some 114 tokens: 1e-4 of a nat for each token.
    np.testing.assert_allclose(found, losses, atol=0.0114)
    assert abs(held - paid) < 0.0114
    assert losses[-1] < 0.8 * losses[0]
