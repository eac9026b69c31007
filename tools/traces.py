"""Store how the book's own model writes the end of a story, for the book's front page.

    python -m tools.traces            # write tools/book_site/trace_<language>.json
    python -m tools.traces --check    # change nothing, say which differ from what the model does

A trace holds the pieces of the text, how many of them were given, which one begins the answer to
the story's question, and for each piece that the model wrote: the most probable pieces with their
probabilities, and where its heads looked back to most. The model is that of `lessons_lib/models`,
in 64 bits, and always takes its best guess.
"""

import argparse
import json
from pathlib import Path

import torch

from lessons_lib.attention import attention_weights, causal_mask, split_heads
from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.training import END, story_model
from tools import house

FOLDER = Path(__file__).resolve().parent / "book_site"
GIVEN = {
    "en": "Once upon a time there was a kind boy called Daniel. He lived by the sea and had a red "
    "kite. One winter day, full of joy, Daniel met Hugo, a quiet rabbit. Daniel gave the kite to "
    "Hugo. Back home",
    "es": "Había una vez un niño amable llamado Pablo. Vivía en la colina y tenía unos zapatos "
    "blancos. Un día de verano, con el ceño fruncido, Pablo conoció a Vera, una rana valiente. "
    "Pablo le dio los zapatos a Vera. Ya en casa",
}
WHO = {"en": "Hugo", "es": "Vera"}  # the answer to the question that the story asks
MOST = 80  # pieces that the model writes
ARCS, GUESSES = 5, 3  # kept for each piece
FAINTEST = 0.2  # of the weights that are drawn
CLOSE = 0.011  # stored numbers have two decimals


def _weights(model, ids: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits (T, V) of a text and all heads' weights (L, H, T, T)."""
    found = []

    def look(attention, inputs):
        q, k = (split_heads(part(inputs[0]), attention.n_heads) for part in parts(attention))
        q, k = attention.prepare(q, k)
        found.append(attention_weights(q, k, causal_mask(len(ids)))[0])

    def parts(attention):
        return attention.query, attention.key

    hooks = [block.attention.register_forward_pre_hook(look) for block in model.blocks]
    with torch.inference_mode():
        logits = model(torch.tensor([ids]))[0]
    for hook in hooks:
        hook.remove()
    return logits, torch.stack(found)


def trace(language: str) -> dict:
    """Return the trace of the stored model in a language: see this module's docstring.

    Raises:
        ValueError: a language without a model.
    """
    model, tokenizer = story_model(language)
    model = model.double().eval()
    [end] = tokenizer.encode(END, allowed_special=[END])
    given = tokenizer.encode(GIVEN[language])
    ids, steps = [end, *given], []
    for _ in range(MOST):
        logits, weights = _weights(model, ids)
        probs, best = logits[-1].softmax(-1).topk(GUESSES)
        if best[0] == end:
            break
        strongest = weights[:, :, -1].amax(dim=(0, 1))  # of all heads of all layers
        strongest[0] = strongest[-1] = 0  # where a head looks that looks nowhere, and itself
        arcs = [
            [place - 1, round(float(strongest[place]), 2)]
            for place in strongest.argsort(descending=True)[:ARCS].tolist()
            if strongest[place] >= FAINTEST
        ]
        names = [tokenizer.decode([one]) if one != end else "" for one in best.tolist()]
        guesses = [
            [name, round(float(p), 2)] for name, p in zip(names, probs, strict=True) if p >= 0.005
        ]
        steps.append({"arcs": arcs, "guesses": guesses})
        ids.append(int(best[0]))
    pieces = [tokenizer.decode([one]) for one in ids[1:]]
    text = tokenizer.decode(ids[1:])
    if "".join(pieces) != text:
        raise ValueError(f"expected pieces that are texts of their own, got {pieces}")
    starts = [len("".join(pieces[:i])) for i in range(len(pieces))]
    answer = text.index(WHO[language], text.index("?"))
    said = max(i for i, start in enumerate(starts) if start <= answer)
    return {"given": len(given), "answer": said, "pieces": pieces, "steps": steps}


def alike(one: object, other: object) -> bool:
    """Whether two traces are the same but for rounding, which differs between processors."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= CLOSE
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other


def path(language: str) -> Path:
    """Return where a language's trace is stored."""
    return FOLDER / f"trace_{language}.json"


def check() -> list[str]:
    """Return which stored traces are missing or differ from what the model does."""
    findings = []
    for language in house.LANGUAGES:
        file = path(language)
        if not file.exists():
            findings.append(f"{file.name}: missing")
        elif not alike(json.loads(file.read_text(encoding="utf-8")), trace(language)):
            findings.append(f"{file.name}: not what the model writes; run tools.traces")
    return findings


def main(arguments: list[str] | None = None) -> int:
    """Write the traces, or check them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, list what differs")
    if parser.parse_args(arguments).check:
        return house.report(check())
    for language in house.LANGUAGES:
        text = json.dumps(trace(language), ensure_ascii=False, separators=(",", ":"))
        write_atomic(path(language), f"{text}\n".encode())
        print(f"{path(language).name}: {len(text):,} characters")
    return 0


if __name__ == "__main__":
    console.run(main)
