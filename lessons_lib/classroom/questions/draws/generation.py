"""Numbers of the questions on the chapter `generation`, drawn from a seed."""

from random import Random

import torch

from lessons_lib.generation import (
    KVCache,
    Sampling,
    pad_prompts,
    repetition_penalty,
    sample_token,
    token_probs,
    top_p,
)
from lessons_lib.llama import Llama, LlamaConfig


def warm_probability(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `warm-probability`."""
    a, b, temperature = rng.choice([3, 4]), rng.choice([1, 2]), rng.choice([2, 4])

    def first(t: float) -> float:
        return token_probs(torch.tensor([float(a), float(b)]), Sampling(temperature=t))[0].item()

    return {
        "a": a,
        "b": b,
        "temperature": temperature,
        "answer": first(temperature),
        "decimals": 3,
        "wrong": [
            [first(1), "The temperature is left out.", "Falta la temperatura."],
            [
                first(1 / temperature),
                "Multiplied by the temperature, not divided.",
                "Multiplicado por la temperatura, no dividido.",
            ],
            [a / (a + b), "The softmax is left out.", "Falta el softmax."],
        ],
    }


def nucleus_size(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `nucleus-size`."""
    probs = rng.choice([[0.4, 0.3, 0.2, 0.1], [0.35, 0.25, 0.22, 0.18], [0.45, 0.25, 0.2, 0.1]])
    p = rng.choice([0.5, 0.55, 0.65, 0.75, 0.78])
    rng.shuffle(probs)
    kept = top_p(torch.tensor(probs, dtype=torch.float64).log(), p).isfinite().sum().item()
    return {
        "probs": probs,
        "p": p,
        "answer": kept,
        "wrong": [
            [
                kept - 1,
                "The token that reaches p stays too.",
                "El token con el que se llega a p también se queda.",
            ],
            [4, "The rest is forbidden.", "El resto queda prohibido."],
        ],
    }


def positions_computed(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `positions-computed`."""
    start, n = rng.randint(1, 4), 10 * rng.randint(2, 9)
    read = [len(range(start + step)) for step in range(n)]
    return {
        "start": start,
        "n": n,
        "answer": sum(read),
        "wrong": [
            [n, "This is the number with a cache.", "Este es el número con caché."],
            [n * (start + n), "The text grows step by step.", "El texto crece paso a paso."],
        ],
    }


def cache_size(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `cache-size`."""
    layers, heads, d_head = rng.randint(3, 5), rng.choice([2, 3]), rng.choice([4, 8])
    n = 10 * rng.randint(2, 6)
    sizes = {"d_model": 8, "n_heads": heads, "n_layers": layers, "d_ff": 4, "d_head": d_head}
    with torch.random.fork_rng(devices=[]):
        cache = KVCache(Llama(LlamaConfig(4, n, **sizes)))
    answer = cache.keys.numel() + cache.values.numel()
    return {
        "n_layers": layers,
        "n_kv_heads": heads,
        "d_head": d_head,
        "n_positions": n,
        "answer": answer,
        "wrong": [
            [answer // 2, "Keys and values count both.", "Cuentan las claves y los valores."],
            [answer // layers, "Each layer keeps its own.", "Cada capa guarda las suyas."],
        ],
    }


def acceptance(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `acceptance`."""
    p = rng.choice([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1], [0.4, 0.4, 0.2]])
    q = rng.choice([[0.1, 0.15, 0.75], [0.2, 0.05, 0.75], [0.1, 0.1, 0.8]])
    both = torch.tensor([p, q], dtype=torch.float64).log()
    answer = token_probs(both, Sampling()).amin(0).sum().item()
    return {
        "p": p,
        "q": q,
        "answer": answer,
        "decimals": 2,
        "wrong": [
            [1 - answer, "This is how often it fails.", "Esta es la parte que falla."],
            [
                sum(a * b for a, b in zip(p, q, strict=True)),
                "This is how often two draws agree.",
                "Esta es la probabilidad de que coincidan dos sorteos.",
            ],
        ],
    }


def penalised_logit(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `penalised-logit`."""
    logit, penalty = -rng.choice([1.5, 2.0, 3.0, 4.5]), rng.choice([1.2, 1.5, 2.0])
    row = torch.tensor([logit], dtype=torch.float64)
    return {
        "logit": logit,
        "penalty": penalty,
        "answer": repetition_penalty(row, torch.tensor([True]), penalty).item(),
        "decimals": 2,
        "wrong": [
            [logit / penalty, "Divided, it gets larger.", "Dividido, se hace mayor."],
            [logit, "The token was seen, so it changes.", "El token ya apareció, así que cambia."],
        ],
    }


def shape_of_padded(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-padded`."""
    a, b, c = rng.sample(range(2, 12), 3)
    ids, _ = pad_prompts([[1] * a, [1] * b, [1] * c], 2)
    return {
        "a": a,
        "b": b,
        "c": c,
        "answer": tuple(ids.shape),
        "wrong": [
            [(3, min(a, b, c)), "Nothing is cut off.", "No se corta nada."],
            [(3, a + b + c), "Rows stand below each other.", "Las filas van una debajo de otra."],
        ],
    }


def shape_of_probs(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-probs`."""
    b, v, k = rng.randint(2, 5), rng.randint(20, 60), rng.randint(6, 12)
    return {
        "batch": b,
        "vocab_size": v,
        "k": k,
        "answer": tuple(token_probs(torch.zeros(b, v), Sampling(top_k=k)).shape),
        "wrong": [
            [
                (b, k),
                "Forbidden tokens have the probability 0.",
                "Los prohibidos tienen probabilidad 0.",
            ],
            [(b,), "Nothing has been drawn yet.", "Todavía no se ha sacado nada."],
        ],
    }


def shape_of_drawn(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-drawn`."""
    b, n, v = rng.randint(2, 5), rng.randint(6, 9), rng.randint(10, 30)
    drawn = sample_token(torch.full((b, n, v), 1 / v), torch.Generator().manual_seed(0))
    return {
        "batch": b,
        "n": n,
        "vocab_size": v,
        "answer": tuple(drawn.shape),
        "wrong": [
            [(b, n, v), "The vocabulary's axis is gone.", "El eje del vocabulario desaparece."],
            [(b,), "Each row gives its own token.", "Cada fila da su token."],
        ],
    }
