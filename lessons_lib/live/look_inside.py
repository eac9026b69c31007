"""Look inside: the book's own model opened up while it reads a story and answers."""

import functools
from collections.abc import Iterable, Sequence
from html import escape
from typing import ClassVar, NamedTuple

import torch
import traitlets
from torch import Tensor

from lessons_lib.attention import merge_heads, repeat_heads, split_heads
from lessons_lib.base.validation import check_integer
from lessons_lib.corpus.stories import sample
from lessons_lib.live.figure import LiveFigure, decimal, html_table, visible
from lessons_lib.live.model_in_page import model_file
from lessons_lib.llama import Llama
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import END, story_model

__all__ = ["LookInside", "Seen", "look", "questions", "right_answers"]

PANELS = ("heads", "stream", "head", "clocks", "cache", "next", "bits", "text", "file")
REPLAYED = {"next", "text"}  # the panels that what is stored for a replay suffices for
MOST_REPLAYED = 24  # tokens
FAINTEST = 20  # thousandths: smaller weights are not stored for a replay
N_QUESTIONS = 60
SEED = 0  # kept for tests of what was learned
STORY = 13  # of the questions: one that is short, and the answer is who was given something
N_GUESSES, N_NEXT, N_ROWS = 4, 8, 6  # as many as the page shows
BETWEEN = {"en": '" "', "es": "». «"}  # a question and its answer
BEHIND = {"en": ',"', "es": "»,"}  # an answer
FALLBACK = {
    "en": {
        "story": "The model of this book reads a story and goes on, always with the most probable "
        "token. With scripts switched on, the page shows what happens inside it.",
        "caption": "Where the heads look from the last token of the question",
        "head": ["Head", "Most at", "Weight"],
        "name": "Layer {}, head {}",
    },
    "es": {
        "story": "El modelo de este libro lee un cuento y lo continúa, siempre con el token más "
        "probable. Con los scripts activados, la página muestra lo que ocurre dentro.",
        "caption": "Adónde miran las cabezas desde el último token de la pregunta",
        "head": ["Cabeza", "Sobre todo a", "Peso"],
        "name": "Capa {}, cabeza {}",
    },
}


class Seen(NamedTuple):
    """What happens inside a model that reads a text."""

    weights: Tensor  # (N, H, T, T): of each layer and head, from each position to each
    stream: Tensor  # (N + 1, T, D): before the first block, and after each
    guesses: Tensor  # (N + 1, T, V): the stream's probabilities of the next token
    queries: Tensor  # (N, H, T, K): as they meet the keys
    keys: Tensor  # (N, G, T, K)
    values: Tensor  # (N, G, T, K)


@torch.no_grad()
def look(model: Llama, ids: Sequence[int], off: Iterable[tuple[int, int]] = ()) -> Seen:
    """Read a text and return what happens inside.

    Args:
        model: of N layers.
        ids: the token ids (T) of the text.
        off: layers and heads, both from 0 on, that are switched off: they look, but pass nothing
            on.

    Raises:
        ValueError: a layer or a head that the model does not have.

    Source: nostalgebraist, "interpreting GPT: the logit lens", 2020, for the guesses.
    """
    x = model.token_embedding(torch.tensor([list(ids)]))
    mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    passes = torch.ones(len(model.blocks), model.config.n_heads, dtype=x.dtype)
    for layer, head in off:
        check_integer("layer", layer, 0, len(model.blocks) - 1)
        passes[layer, check_integer("head", head, 0, model.config.n_heads - 1)] = 0
    stream, weights, parts = [x], [], []
    for i, block in enumerate(model.blocks):
        own, y = block.attention, block.attention_norm(x)
        q = split_heads(own.query(y), own.n_heads)
        k, v = (split_heads(part(y), own.n_kv_heads) for part in (own.key, own.value))
        q, k = own.prepare(q, k)
        parts.append((q[0], k[0], v[0]))
        shared = own.n_heads // own.n_kv_heads
        scores = q @ repeat_heads(k, shared).mT / q.shape[-1] ** 0.5
        weights.append(scores.masked_fill(~mask, -torch.inf).softmax(-1))
        mixed = weights[-1] @ repeat_heads(v, shared) * passes[i][:, None, None]
        x = x + own.output(merge_heads(mixed))
        x = x + block.feed_forward(block.feed_norm(x))
        stream.append(x)
    streams = torch.cat(stream)
    guesses = model.head(model.final_norm(streams)).softmax(-1)
    return Seen(torch.cat(weights), streams, guesses, *map(torch.stack, zip(*parts, strict=True)))


@functools.cache
def questions(language: str) -> list[tuple[str, str]]:
    """Return held-out stories up to the answer of their question, and how they go on.

    Raises:
        ValueError: a language other than "en" and "es".
    """
    found = []
    for story in sample(N_QUESTIONS, SEED, language):
        before = story.facts.question + BETWEEN[language]
        end = story.text.rindex(before + story.facts.answer) + len(before)
        found.append((story.text[:end], story.facts.answer + BEHIND[language]))
    return found


def right_answers(
    model: Llama,
    tokenizer: BPETokenizer,
    asked: Sequence[tuple[str, str]],
    off: Iterable[tuple[int, int]] = (),
) -> int:
    """Count the questions of which a model gives the right answer, always with its best token.

    Args:
        model: see `look`.
        tokenizer: knows `END`.
        asked: texts, and how they have to go on.
        off: see `look`.
    """
    [end], off, right = tokenizer.encode(END, allowed_special=[END]), list(off), 0
    for text, answer in asked:
        ids, expected = [end, *tokenizer.encode(text)], tokenizer.encode(answer)
        best = look(model, [*ids, *expected], off).guesses[-1].argmax(-1).tolist()
        right += best[len(ids) - 1 : -1] == expected
    return right


class LookInside(LiveFigure):
    """The book's stored model opened up: its heads, its stream, its cache, its next token.

    It shows how the model reads a story that ends in a question, and answers. What the reader sees
    before asking for more is stored with the figure; then the page loads the model, as for
    `ModelInPage`.

    Args:
        panels: what stands below the story: "heads", "stream", "head", "clocks", "cache", "next",
            "bits", "text", or "file", which opens a small GGUF file of the reader's.
        replay: show at first how the model went on, as it is stored, token by token; with no other
            panels than "next" and "text".
        language: ``"en"`` or ``"es"``, of the words and of the model.

    Raises:
        ValueError: another language, another panel, or panels that cannot be replayed.
    """

    slug = "look_inside"
    label: ClassVar = {
        "en": "Look inside the model of this book",
        "es": "Mira dentro del modelo de este libro",
    }
    caption: ClassVar = {
        "en": "The model of this book at work in your browser, opened up.",
        "es": "El modelo de este libro, abierto, mientras trabaja en tu navegador.",
    }

    panels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    questions = traitlets.List().tag(sync=True)
    asked = traitlets.List().tag(sync=True)
    stored = traitlets.Dict().tag(sync=True)
    size = traitlets.Int().tag(sync=True)

    def __init__(
        self, panels: Sequence[str] = PANELS, language: str = "en", *, replay: bool = False
    ):
        if language not in FALLBACK:
            raise ValueError(f"expected language 'en' or 'es', got {language!r}")
        if isinstance(panels, str) or not set(panels) <= set(PANELS):
            raise ValueError(f"expected some of {list(PANELS)}, got {panels!r}")
        if replay and not set(panels) <= REPLAYED:
            raise ValueError(f"expected panels of {sorted(REPLAYED)} to replay, got {panels!r}")
        stored = dict(_stored(language))
        if "clocks" in panels:
            config = story_model(language)[0].config
            stored["sizes"] = stored["sizes"] | {"arch": "qwen3", "ropeBase": config.rope_base}
        if replay:
            stored["replay"] = _replay(language)
        super().__init__(
            panels=list(panels),
            questions=[list(question) for question in questions(language)],
            asked=_asked(language),
            stored=stored,
            size=len(model_file(language)),
            language=language,
        )
        self.on_msg(self._answer)

    def _answer(self, _: LiveFigure, content: dict, __: list) -> None:
        """Send the file to a front end that asks for it."""
        if content == {"type": "load"}:
            self.send({"type": "model"}, buffers=[model_file(self.language)])

    def _fallback(self) -> str:
        say = FALLBACK[self.language]
        text, answer = self.asked
        n, n_heads = len(self.stored["tokens"]), self.stored["sizes"]["nHeads"]
        rows = []
        for i in range(len(self.stored["weights"]) // n):
            weights = self.stored["weights"][i * n : (i + 1) * n]
            best = weights.index(max(weights))
            name = say["name"].format(i // n_heads + 1, i % n_heads + 1)
            token = visible(self.stored["tokens"][best].encode())
            weight = decimal(weights[best] / 1000, 2, self.language)
            rows.append([escape(name), f'<span class="live-token">{escape(token)}</span>', weight])
        table = html_table(say["caption"], say["head"], rows) if "heads" in self.panels else ""
        return (
            f'<p>{say["story"]}</p><p class="live-story">{escape(text)}<b>{escape(answer)}</b></p>'
            f"{table}"
        )

    def __repr__(self) -> str:
        return f"LookInside({self.panels!r}, language={self.language!r})"


def _asked(language: str) -> list[str]:
    """Return the question that stands there first, up to the name of who has it, and the rest."""
    text, answer = questions(language)[STORY]
    words, name, end = answer.partition(_holder(language))
    kept = words.rstrip(" ")
    return [text + kept, words[len(kept) :] + name + end]


def _holder(language: str) -> str:
    return sample(N_QUESTIONS, SEED, language)[STORY].facts.friend.name


@functools.cache
def _stored(language: str) -> dict:
    """Return what the page shows before it has loaded the model.

    In 64 bits, and rounded, so that the order of additions, which differs between processors, does
    not matter; the answers are the most probable tokens in 32 bits too.
    """
    model, tokenizer = story_model(language)
    right = right_answers(model, tokenizer, questions(language))
    model.double()
    [end] = tokenizer.encode(END, allowed_special=[END])
    ids = [end, *tokenizer.encode(_asked(language)[0])]
    seen = look(model, ids)

    def best(probs: Tensor, n: int) -> list[list]:
        return _best(probs, n, tokenizer)

    weights = seen.weights[:, :, -1]  # (N, H, T)
    # The head that looks most at the friend, who has it.
    places = torch.tensor(ids) == tokenizer.encode(f" {_holder(language)}")[0]
    layer, head = divmod(int((weights * places).amax(-1).argmax()), weights.shape[1])
    own = weights[layer, head]
    rows = own.topk(N_ROWS).indices.tolist()

    def short(numbers: Tensor) -> list[float]:
        return [round(number, 2) for number in numbers.tolist()]

    keys, values = seen.keys[layer, head], seen.values[layer, head]
    zoom = {
        "q": short(seen.queries[layer, head, -1]),
        "rows": [{"place": i, "k": short(keys[i]), "v": short(values[i])} for i in rows],
        "mixed": short(own @ values),
    }
    config, heads = model.config, model.config.kv_heads_and_width
    return {
        "tokens": [tokenizer.vocab[i].decode() for i in ids],
        "sizes": {
            "nLayers": config.n_layers,
            "nHeads": config.n_heads,
            "nKvHeads": heads[0],
            "dHead": heads[1],
        },
        "layer": layer,
        "head": head,
        "weights": (1000 * weights).round().int().flatten().tolist(),
        "guesses": [best(row, N_GUESSES) for row in seen.guesses[:, -1]],
        "next": best(seen.guesses[-1, -1], N_NEXT),
        "zoom": zoom,
        "right": right,
    }


def _best(probs: Tensor, n: int, tokenizer: BPETokenizer) -> list[list]:
    """Return the `n` most probable tokens, as they are shown, with their probabilities."""
    found = probs.topk(n)
    pairs = zip(found.indices.tolist(), found.values.tolist(), strict=True)
    return [[visible(tokenizer.vocab[i]), round(p, 3)] for i, p in pairs]


@functools.cache
def _replay(language: str) -> list[dict]:
    """Return how the model goes on: each token, where the stored head looks, and what comes next.

    In 64 bits and rounded, as what is stored.
    """
    model, tokenizer = story_model(language)
    model.double()
    [end] = tokenizer.encode(END, allowed_special=[END])
    ids = [end, *tokenizer.encode(_asked(language)[0])]
    stored = _stored(language)
    steps = []
    seen = look(model, ids)
    while len(steps) < MOST_REPLAYED:
        ids.append(int(seen.guesses[-1, -1].argmax()))
        if ids[-1] == end:
            break
        seen = look(model, ids)
        weights = (1000 * seen.weights[stored["layer"], stored["head"], -1]).round().int().tolist()
        steps.append(
            {
                "text": tokenizer.vocab[ids[-1]].decode(),
                "weights": [[i, one] for i, one in enumerate(weights) if one >= FAINTEST],
                "next": _best(seen.guesses[-1, -1], N_NEXT, tokenizer),
            }
        )
    return steps
