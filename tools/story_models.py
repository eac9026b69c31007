"""Train the book's own models of the stories and store them in the package: `make model`.

    python -m tools.story_models              train both languages
    python -m tools.story_models --language es
    python -m tools.story_models --card       write the model cards anew from the stored results

Each model is a folder of `lessons_lib/models` in the format of `transformers`: weights in 16 bits,
the tokenizer, the record of the run, what was measured (`results.json`) and a card made from that.
The world knows how probable every next token is. The models learn from these probabilities, not
from the one token that was drawn: each story then teaches what many would.

The Spanish model begins as the English one: who does what is found out in the same way in both
languages, and after that only words are left to learn.

A model is written only if it is good enough for the book. A run that was stopped goes on where it
was; to begin anew, delete `_build/models`.
"""

import argparse
import json
import multiprocessing
import pickle
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import regex
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.base import console
from lessons_lib.base.checkpoints import read_checkpoint
from lessons_lib.base.files import write_atomic
from lessons_lib.base.linear import Linear
from lessons_lib.base.progress import progress_bar
from lessons_lib.corpus.stories import WORLD, Story, World, alternatives, entropy, log_prob, sample
from lessons_lib.generation import Sampling, generate_batch
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import (
    END,
    Recipe,
    Windows,
    story_data,
    story_losses,
    story_tokenizer,
    train,
)
from lessons_lib.training.run import Run
from tools.house import LANGUAGES, ROOT

MODELS = ROOT / "lessons_lib" / "models"
RUNS = ROOT / "_build" / "models"  # a run that was stopped goes on from here
CONFIG = LlamaConfig(
    vocab_size=1024,
    context_length=512,
    d_model=256,
    n_heads=8,
    n_layers=3,
    d_ff=256,
    qk_norm=True,
)
EMBEDDING_SIZE = 0.5  # of the numbers in the token embedding at the start
BATCH = {"batch_size": 8, "evaluate_every": 200, "save_every": 200}


class Stage(NamedTuple):
    """A part of the training."""

    world: World
    n_stories: int
    seed: int  # of the stories
    length: int  # tokens of a window
    recipe: Recipe
    is_hard: Callable[[Story], bool] | None = None  # if given, every second story is a hard one


def alike(story: Story) -> bool:
    """Tell whether the friends are of one gender: who speaks is then told by nothing but memory."""
    return story.facts.hero.feminine == story.facts.friend.feminine


def answers(story: Story) -> bool:
    """Tell whether a friend answers another of the same gender: who asked tells who speaks."""
    return alike(story) and any(event.action == "ask" for event in story.facts.events)


def speaks(story: Story) -> bool:
    """Tell whether one answers, or likes a thing in a story in which one was given away."""
    actions = {event.action for event in story.facts.events}
    return alike(story) and ("ask" in actions or actions >= {"give", "admire"})


# In stories of few events it is easier to find out who holds what.
SHORT = replace(WORLD, min_events=0, max_events=2)
FULL, LOWER = {"lr": 0.02, "matrix_lr": 0.02}, {"lr": 0.014, "matrix_lr": 0.014}
STAGES = {
    "en": {
        "short": Stage(SHORT, 3_200, 2, 112, Recipe(n_steps=400, final=1.0, **FULL, **BATCH)),
        "all": Stage(
            WORLD, 50_000, 2, 160, Recipe(n_steps=2_000, final=0.3, **FULL, **BATCH), speaks
        ),
        "last": Stage(WORLD, 80_000, 9, 160, Recipe(n_steps=1_500, **LOWER, **BATCH), answers),
    },
    # Begins as the English model, which knows already how to find out who does what.
    "es": {
        "last": Stage(WORLD, 160_000, 9, 160, Recipe(n_steps=3_400, **FULL, **BATCH), answers),
    },
}
N_TESTS, N_SAMPLES = 500, 100
MIN_P = 0.1
LARGEST_RATIO = 1.03
LEAST_TOLD = 95  # of the samples with min-p


class Lessons:
    """Stories as tokens, and after each token the true probabilities of the next.

    Args:
        stories: of the world.
        tokenizer: knows `END`, which stands before each story and behind the last.
        world: what the stories are made of.

    Attributes:
        token_ids: (N,).
        next_ids, next_probs: (N - 1, WIDTH), the tokens that may follow and their probabilities;
            rows of fewer are filled up with probability 0.
        other_kinds: (N,), where a friend is named, the first token of the other's kind; else -1.
    """

    WIDTH = 16

    def __init__(self, stories: Sequence[Story], tokenizer: BPETokenizer, world: World = WORLD):
        self.tokenizer, self.world, self.known = tokenizer, world, {}
        self.word = regex.compile(tokenizer.pattern)
        [end] = tokenizer.encode(END, allowed_special=[END])
        told: list[int] = []
        places, ids, probs = [], [], []  # of all that could be said where chance decides
        others: dict[int, int] = {}
        for story in stories:
            story_ids = tokenizer.encode(story.text)
            lengths = [len(tokenizer.vocab[token_id]) for token_id in story_ids]
            token_at = {place: k for k, place in enumerate(accumulate(lengths, initial=0))}
            for k, chances in self.chances(story, token_at):
                places += [(len(told) + k, column) for column in range(len(chances))]
                ids += chances
                probs += chances.values()
            others |= {len(told) + k: kind for k, kind in self.named(story, token_at)}
            told += [end, *story_ids]
        told.append(end)
        self.token_ids = torch.tensor(told)
        self.starts = (self.token_ids == end).nonzero()[:-1, 0]
        self.next_ids = torch.zeros(len(told) - 1, self.WIDTH, dtype=torch.int16)
        self.next_probs = torch.zeros(len(told) - 1, self.WIDTH)
        self.next_ids[:, 0], self.next_probs[:, 0] = self.token_ids[1:], 1.0
        self.other_kinds = torch.full((len(told),), -1)
        self.other_kinds[list(others)] = torch.tensor(list(others.values()))
        rows, columns = torch.tensor(places).T
        self.next_ids[rows, columns] = torch.tensor(ids, dtype=torch.int16)
        self.next_probs[rows, columns] = torch.tensor(probs)

    def named(self, story: Story, token_at: dict[int, int]) -> Iterator[tuple[int, int]]:
        """Yield where a friend is named once both are known, and what the other's kind begins with.

        Places count as in `token_ids` from the story's start, of which `END` is the first.
        """
        text, (hero, friend) = story.text, (story.facts.hero, story.facts.friend)
        other = {hero.name: friend.kind, friend.name: hero.kind}
        known = text.index(friend.kind, text.index(friend.name))
        for name in regex.finditer("|".join(other), text, pos=known):
            kind = self.encoded("", (f" {other[name[0]]}",))[0]
            yield token_at[len(text[: name.end()].encode())], kind[0]

    def chances(
        self, story: Story, token_at: dict[int, int]
    ) -> Iterator[tuple[int, dict[int, float]]]:
        """Yield where a token of a story could have been another, and the chances of each.

        A place of chance begins inside a word of the text: its alternatives are encoded with the
        words that lead to it, and compared with the story token by token for as long as several
        begin like the story.
        """
        words = [m.start() for m in self.word.finditer(story.text)]
        for place in alternatives(story, world=self.world):
            word = words[bisect_right(words, place.position) - 1]
            k = token_at[len(story.text[:word].encode())]
            ways = self.encoded(story.text[word : place.position], place.texts)
            taken = ways[place.taken]
            left = list(zip(ways, place.probs, strict=True))
            for depth in range(len(taken)):
                if len(left) == 1:
                    break
                chances: dict[int, float] = {}
                for way, p in left:
                    chances[way[depth]] = chances.get(way[depth], 0.0) + p
                total = sum(chances.values())
                yield k + depth, {token_id: p / total for token_id, p in chances.items()}
                left = [(way, p) for way, p in left if way[depth] == taken[depth]]

    def encoded(self, before: str, texts: tuple[str, ...]) -> list[list[int]]:
        """Encode each text after the words before it, without a space that the next word takes."""
        ways = [(before + text).rstrip(" ") for text in texts]
        for way in ways:
            if way not in self.known:
                self.known[way] = self.tokenizer.encode(way)
        return [self.known[way] for way in ways]

    def surprise(self, logits: Tensor, places: Tensor) -> Tensor:
        """Return the mean cross-entropy, in nats, with the true probabilities as the targets.

        Args:
            logits: (B, T, V).
            places: (B, T + 1), where the windows' tokens stand in `token_ids`.
        """
        here = places[:, :-1]
        chosen = logits.log_softmax(-1).gather(2, self.next_ids[here].long())
        return -(self.next_probs[here] * chosen).sum(-1).mean()

    def windows(self, length: int) -> Windows:
        """Return windows of places, each beginning with a story."""
        return Windows(torch.arange(len(self.token_ids)), length, self.starts)


def with_hard(stories: Sequence[Story], is_hard: Callable[[Story], bool]) -> list[Story]:
    """Return the hard stories, each with an easy one behind it.

    The true probabilities after a beginning are the same however often it is read, so reading some
    more often teaches nothing false.
    """
    hard = [story for story in stories if is_hard(story)]
    easy = [story for story in stories if not is_hard(story)]
    return [story for pair in zip(hard, easy, strict=False) for story in pair]


class Student(nn.Module):
    """A model that guesses, for as long as it learns, more than it has to say.

    - The second token from here. For "La tiene Marco" and "La tengo yo" it must find out who holds
      the thing in order to say "tiene" or "tengo", a coin flip until it can. The name that comes
      next leads there. Source: Gloeckle et al. 2024, section 2, with one linear map.
    - Where a friend is named, the other's kind, from the last block but one. Who answers a
      question of Ana's is a coin flip until a model can find out who is not Ana, and what she is.
    """

    AHEAD, OTHER = 0.5, 0.2  # weights of the guesses

    def __init__(self, model: Llama):
        super().__init__()
        self.model, self.config = model, model.config
        self.second, self.other = (
            Linear(model.config.d_model, model.config.vocab_size, bias=False) for _ in range(2)
        )
        for guess in (self.second, self.other):
            nn.init.normal_(guess.weight, std=0.02)

    @property
    def blocks(self) -> nn.ModuleList:
        """The model's."""
        return self.model.blocks

    def forward(self, token_ids: Tensor) -> Tensor:
        """Return the logits (B, T, V) of the next token for token ids (B, T)."""
        return self.model(token_ids)

    def loss(self, places: Tensor, lessons: Lessons) -> Tensor:
        """Return the loss of the next token plus the weighted losses of the guesses."""
        token_ids, model = lessons.token_ids[places], self.model
        *blocks, last = model.blocks
        x = model.token_embedding(token_ids[:, :-1])
        for block in blocks:
            x = block(x)
        before, x = x, model.final_norm(last(x))
        loss = lessons.surprise(model.head(x), places)
        second = self.second(x[:, :-1]).flatten(0, 1)
        loss = loss + self.AHEAD * F.cross_entropy(second, token_ids[:, 2:].flatten())
        kinds = lessons.other_kinds[places[:, :-1]]
        named = kinds >= 0
        other = self.other(model.final_norm(before[named]))
        return loss + self.OTHER * F.cross_entropy(other, kinds[named])


def prepare(stage: Stage, language: str) -> bytes:
    """Return a stage's lessons as bytes, which reach another process through any pipe.

    Tensors as they are would take the way through shared memory, of which containers have little.
    """
    stories = sample(stage.n_stories, stage.seed, language, world=stage.world)
    if stage.is_hard:
        stories = with_hard(stories, stage.is_hard)
    return pickle.dumps(Lessons(stories, story_tokenizer(), stage.world))


def count_told(model: Llama, language: str, sampling: Sampling) -> int:
    """Return how many of the stories drawn from the model the world can tell."""
    tokenizer = story_tokenizer()
    [end] = tokenizer.encode(END, allowed_special=[END])
    drawn = generate_batch(model, [[end]] * N_SAMPLES, 250, sampling, stop_ids=[end])
    told = 0
    for ids in drawn:
        try:
            told += log_prob(tokenizer.decode(ids), language) < 0
        except ValueError:
            continue
    return told


def measure(model: Llama, language: str) -> dict:
    """Return how far the model is from the floor, and how many of its stories can be told."""
    tests = sample(N_TESTS, seed=0, language=language)
    losses = story_losses(model, story_tokenizer(), tests).double()
    least = -torch.tensor([story.log_prob for story in tests], dtype=torch.float64)
    excess = losses - least
    return {
        "language": language,
        "parameters": sum(p.numel() for p in model.parameters()),
        "entropy": entropy(language),
        "tested_stories": N_TESTS,
        "loss": losses.mean().item(),
        "least_loss": least.mean().item(),
        "ratio": (losses.mean() / least.mean()).item(),
        "excess": excess.mean().item(),
        "excess_error": (excess.std() / N_TESTS**0.5).item(),
        "sampled_stories": N_SAMPLES,
        "told_stories": count_told(model, language, Sampling()),
        "told_stories_min_p": count_told(model, language, Sampling(min_p=MIN_P)),
    }


def build(language: str) -> None:
    """Train, measure and store the model of one language.

    Raises:
        ValueError: a model that is not good enough; nothing is written.
    """
    tokenizer = story_tokenizer()
    torch.manual_seed(0)
    model = Llama(CONFIG)
    nn.init.normal_(model.token_embedding.weight, std=EMBEDDING_SIZE)

    def watch(line: dict) -> None:
        if line["step"] % 50 == 0:
            print(f"{language}: {line}", flush=True)

    student = Student(model)
    if language != "en":
        english = read_checkpoint(RUNS / "en" / "last" / "checkpoint.pt")
        student.load_state_dict(english["model"])
    record, settings, tokens, seconds = [], {}, 0, 0.0
    stages = STAGES[language]
    prepared = []
    spawn = multiprocessing.get_context("spawn")
    with progress_bar("stories", len(stages)) as bar, ProcessPoolExecutor(mp_context=spawn) as pool:
        for lessons in pool.map(partial(prepare, language=language), stages.values()):
            prepared.append(lessons)
            bar.update()
    for (name, stage), pickled in zip(stages.items(), prepared, strict=True):
        lessons, recipe = pickle.loads(pickled), stage.recipe
        data = lessons.windows(stage.length)
        validation = story_data(language, tokenizer, 200, stage.length, seed=1)
        folder = RUNS / language / name
        resume = (folder / "checkpoint.pt").exists()
        loss_fn = partial(Student.loss, lessons=lessons)
        lines = train(
            student, data, recipe, validation, folder, resume, watch=watch, loss_fn=loss_fn
        )
        record += [{"stage": name, **line} for line in lines]
        settings[name] = Run(student, data, recipe).settings()
        tokens, seconds = tokens + lines[-1]["tokens"], seconds + lines[-1]["seconds"]
    stored = model.half().float()  # what 16 bits keep is what is measured
    results = measure(stored, language) | {
        "steps": len(record),
        "tokens": tokens,
        "minutes": seconds / 60,
        "threads": torch.get_num_threads(),
        "settings": settings,
    }
    print(json.dumps(results, indent=2))
    if results["ratio"] > LARGEST_RATIO:
        raise ValueError(
            f"expected at most {LARGEST_RATIO} of the floor, got {results['ratio']:.4f}"
        )
    if results["told_stories_min_p"] < LEAST_TOLD:
        raise ValueError(
            f"expected at least {LEAST_TOLD} of {N_SAMPLES} stories that the world can tell, "
            f"got {results['told_stories_min_p']}"
        )
    folder = MODELS / language
    stored.half().save_pretrained(folder, tokenizer)
    kept = [line for line in record if line["step"] % 10 == 0]
    lines = "".join(json.dumps(line) + "\n" for line in kept)
    write_atomic(folder / "record.jsonl", lines.encode())
    write_atomic(folder / "results.json", (json.dumps(results, indent=2) + "\n").encode())
    write_card(folder)


def write_card(folder: Path) -> None:
    """Write the model card, in the model's language, from what was measured."""
    r = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    card = {"en": _english_card, "es": _spanish_card}[r["language"]](r)
    write_atomic(folder / "README.md", card.encode())


def _english_card(r: dict) -> str:
    stages = STAGES["en"]
    seeds = " and ".join(f"seed {n}" for n in sorted({stage.seed for stage in stages.values()}))
    lengths = " and then ".join(str(n) for n in sorted({s.length for s in stages.values()}))
    first = f"short ones of at most two events for {stages['short'].recipe.n_steps} steps, then"
    return f"""# A model of children's stories (English)

A language model that tells the stories of the book's small world, and nothing else. The book trains
it, looks into it, makes it smaller and teaches it to answer; it is of no other use.

- **Architecture**: Qwen3 (Llama with norms on queries and keys), {r["parameters"]:,} parameters:
  {CONFIG.n_layers} layers of width {CONFIG.d_model}, {CONFIG.n_heads} heads, feed-forward width
  {CONFIG.d_ff}. Weights in float16.
- **Tokenizer**: byte-level BPE with {CONFIG.vocab_size:,} tokens, made from both
  languages; `{END}` begins and ends each story.
- **Training data**: stories told by `lessons_lib.corpus.stories` ({seeds}):
  {first} stories of all lengths. They come from a program: no person wrote them, and no person is
  in them.
- **Teacher**: at each token the model learned from the true probabilities of all tokens, which the
  program knows, and not from the drawn token alone. While it learned it also guessed the second
  token from there and, where a friend is named, what the other friend is. Half of the longer
  stories were such in which it is hard to know who speaks.
- **Training**: {r["steps"]:,} steps of {BATCH["batch_size"]} windows of {lengths}
  tokens ({r["tokens"]:,} tokens in all), Muon for the matrices and AdamW for the
  rest, float32, seed 0; {r["minutes"]:.1f} minutes on {r["threads"]} processor thread(s). `make
  model` trains it again.
- **Measured** on {r["tested_stories"]} stories that it has not seen (seed 0):
  {r["loss"]:.2f} nats per story. The true probabilities cost {r["least_loss"]:.2f} on them; the
  excess is {r["excess"]:.2f} ± {r["excess_error"]:.2f} nats, a ratio of {r["ratio"]:.3f}. (The
  entropy of the world is {r["entropy"]:.2f} nats per story.)
- **Of {r["sampled_stories"]} stories drawn from it** with min-p {MIN_P}, {r["told_stories_min_p"]}
  are stories that the world can tell; without any filter, {r["told_stories"]}.
- **Limits**: outside of this world it writes nonsense. It knows no facts and understands no
  questions.

The weights are under the same licence as the book's code.
"""


def _spanish_card(r: dict) -> str:
    def decimal(number: float, places: int = 2) -> str:
        return f"{number:.{places}f}".replace(".", ",")

    def whole(number: int) -> str:
        return f"{number:,}".replace(",", " ") if number > 9999 else str(number)

    stages = STAGES["es"]
    seeds = " y ".join(f"semilla {n}" for n in sorted({stage.seed for stage in stages.values()}))
    lengths = " y después de ".join(str(n) for n in sorted({s.length for s in stages.values()}))
    return f"""# Un modelo de cuentos infantiles (español)

Un modelo de lenguaje que cuenta los cuentos del pequeño mundo del libro y nada más. El libro lo
entrena, mira dentro de él, lo hace más pequeño y le enseña a responder; no sirve para otra cosa.

- **Arquitectura**: Qwen3 (Llama con normas en las consultas y las claves),
  {whole(r["parameters"])} parámetros: {CONFIG.n_layers} capas de ancho {CONFIG.d_model},
  {CONFIG.n_heads} cabezas, red prealimentada de ancho {CONFIG.d_ff}. Pesos en float16.
- **Tokenizador**: BPE de bytes con {whole(CONFIG.vocab_size)} tokens, hecho con las dos lenguas;
  `{END}` empieza y acaba cada cuento.
- **Datos de entrenamiento**: cuentos de `lessons_lib.corpus.stories` ({seeds}), de todas las
  longitudes; el modelo empezó siendo el inglés. Los escribe un programa: ninguna persona los
  escribió ni aparece en ellos.
- **Maestro**: en cada token, el modelo aprendió de las probabilidades verdaderas de todos los
  tokens, que el programa conoce, y no solo del token sorteado. Mientras aprendía adivinaba también
  el segundo token a partir de ahí y, donde se nombra a un amigo, quién es el otro. La mitad de los
  cuentos más largos eran de los que hacen difícil saber quién habla.
- **Entrenamiento**: {whole(r["steps"])} pasos de {BATCH["batch_size"]} ventanas de {lengths} tokens
  ({whole(r["tokens"])} tokens en total), Muon para las matrices y AdamW para lo demás, float32,
  semilla 0; {decimal(r["minutes"], 1)} minutos con {r["threads"]} hilos de procesador. `make model`
  lo entrena otra vez.
- **Medido** con {r["tested_stories"]} cuentos que no ha visto (semilla 0):
  {decimal(r["loss"])} nats por cuento. Las probabilidades verdaderas pagan
  {decimal(r["least_loss"])} por ellos; el exceso es de {decimal(r["excess"])} ±
  {decimal(r["excess_error"])} nats, una razón de {decimal(r["ratio"], 3)}. (La entropía del mundo
  es de {decimal(r["entropy"])} nats por cuento.)
- **De {r["sampled_stories"]} cuentos sacados de él** con min-p {decimal(MIN_P, 1)},
  {r["told_stories_min_p"]} son cuentos que el mundo puede contar; sin ningún filtro,
  {r["told_stories"]}.
- **Límites**: fuera de este mundo escribe disparates. No sabe nada de hechos y no entiende
  preguntas.

Los pesos tienen la misma licencia que el código del libro.
"""


def main() -> int:
    """Train, or write the cards; the exit status says whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--language", choices=LANGUAGES)
    parser.add_argument("--card", action="store_true")
    options = parser.parse_args()
    for language in [options.language] if options.language else LANGUAGES:
        try:
            write_card(MODELS / language) if options.card else build(language)
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    console.run(main)
