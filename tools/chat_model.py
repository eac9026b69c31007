"""Train the book's chat model and store it in the package: a part of `make model`.

    python -m tools.chat_model                train, measure, store
    python -m tools.chat_model --card         write the model card anew from the stored results

It begins as the average of the two models of the stories, learns to answer tasks of every kind in
both languages, and keeps telling stories. While it learns it also guesses, wherever a friend is
named, that friend's trait: a story names a trait once and never needs it again, so that a model of
stories has no reason to remember it.

A run that was stopped goes on where it was; to begin anew, delete `_build/models/chat`.
"""

import json
import random
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import regex
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.base.linear import Linear
from lessons_lib.corpus.stories import WORLD, Story
from lessons_lib.corpus.stories import sample as sample_stories
from lessons_lib.corpus.tasks import KINDS, Task, ask, dialogue, meetings, sample
from lessons_lib.fine_tuning.chat import TEMPLATE, chat_tokenizer, encode_chat
from lessons_lib.fine_tuning.loss import answer_mask, document_mask, documents, packed_windows
from lessons_lib.fine_tuning.models import answer_tasks, average, widen
from lessons_lib.llama import Llama
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import END, Recipe, Windows, story_losses, story_model, train
from lessons_lib.training.run import Run
from tools.house import LANGUAGES, ROOT
from tools.stored import train_or

FOLDER = ROOT / "lessons_lib" / "models" / "chat"
RUN = ROOT / "_build" / "models" / "chat"
SEED = 21  # of the data
LENGTH = 352  # tokens of a row
RECIPE = Recipe(
    n_steps=1_950,
    batch_size=5,
    lr=0.01,
    matrix_lr=0.015,
    save_every=100,
)
# Of each 100 texts in a language. A chat has eight questions about one story.
MIX = {"chat": 30, "translation": 44, "order": 11, "meetings": 12, "story": 7}
# How likely each kind is among the eight.
ASKED = {
    "holder": 2.0,
    "person": 2.0,
    "trait": 1.4,
    "home": 0.6,
    "mood": 0.6,
    "count": 1.2,
    "unknown": 1.8,
    "summary": 1.1,
    "program": 1.3,
}
PER_CHAT, PER_TRANSLATION = 8, 3
THINKING = 0.6  # part of the answers to meetings that are written out
PROMPTS = 0.1  # weight of the tokens that users say: they tell stories, which keeps the model able
GUESS = 0.3  # weight of the guessed traits
N_TESTS = 200
LEAST_RIGHT = 0.85  # of the answers, in each language


Text = tuple[list[int], Story | None]  # ids, and the story that a chat is about


class Lessons:
    """Chats and stories as packed rows, and at each friend's name the number of the trait.

    Args:
        n_rows: about how many rows of `LENGTH` + 1 tokens.
        tokenizer: knows the roles.
    """

    def __init__(self, n_rows: int, tokenizer: BPETokenizer, seed: int = SEED):
        self.tokenizer, self.rng = tokenizer, random.Random(seed)
        self.trait_of = {
            word: number
            for number, trait in enumerate(WORLD.traits)
            for word in (trait.en, trait.es.replace("@", "a"), trait.es.replace("@", "o"))
        }
        texts, traits, total = [], {}, 0
        for ids, story in self.texts(seed):
            if len(ids) <= LENGTH + 1:
                texts.append(ids)
                traits[tuple(ids)] = self.named(ids, story) if story else {}
                total += len(ids)
            if total >= n_rows * (LENGTH + 1) * 0.99:
                break
        self.data = packed_windows(texts, LENGTH, tokenizer.end_id)
        self.traits = torch.full_like(self.data.token_ids, -1)
        self.find(traits)

    def find(self, traits: dict[tuple[int, ...], dict[int, int]]) -> None:
        """Note the traits at the places where the texts came to stand."""
        ids = self.data.token_ids.view(-1, LENGTH + 1)
        numbers = documents(ids, self.tokenizer.end_id)
        for row in range(len(ids)):
            _, lengths = numbers[row].unique_consecutive(return_counts=True)
            first = 0
            for n in lengths.tolist():
                text = tuple(ids[row, first : first + n].tolist())
                for place, trait in traits.get(text, {}).items():
                    self.traits[row * (LENGTH + 1) + first + place] = trait
                first += n

    def texts(self, seed: int) -> Iterator[Text]:
        """Yield token ids without end, and the story that a chat is about."""
        kinds, weights = zip(*MIX.items(), strict=True)
        round_ = 0
        while True:
            round_ += 1
            stories = {}
            for language in LANGUAGES:
                stories[language] = iter(
                    sample_stories(4000, seed * 1000 + round_ * 2 + (language == "es"), language)
                )
            for _ in range(1800):
                language = self.rng.choice(LANGUAGES)
                kind = self.rng.choices(kinds, weights)[0]
                yield from getattr(self, kind)(stories[language], language)

    def encode(self, tasks: Sequence[Task]) -> list[int]:
        """Return the ids of some tasks and their answers as one chat."""
        return encode_chat(dialogue(tasks), self.tokenizer)

    def chat(self, stories: Iterator[Story], _language: str) -> Iterator[Text]:
        """Yield a chat about one story."""
        story = next(stories)
        left, chosen = dict(ASKED), []
        while len(chosen) < PER_CHAT:
            kind = self.rng.choices([*left], [*left.values()])[0]
            left[kind] *= 0.35 if kind in ("person", "trait", "unknown") else 0
            chosen.append(ask(story, kind, self.rng.randrange(2**32)))
        while True:
            ids = self.encode(chosen)
            if len(ids) <= LENGTH + 1:
                break
            chosen.pop()
        yield ids, story

    def translation(self, stories: Iterator[Story], _language: str) -> Iterator[Text]:
        """Yield a chat of sentences to translate, each of another story."""
        tasks = [
            ask(next(stories), "translation", self.rng.randrange(2**32))
            for _ in range(PER_TRANSLATION)
        ]
        yield self.encode(tasks), None

    def order(self, stories: Iterator[Story], _language: str) -> Iterator[Text]:
        """Yield an order and its story."""
        yield self.encode([ask(next(stories), "order")]), None

    def meetings(self, _stories: Iterator[Story], language: str) -> Iterator[Text]:
        """Yield chats of one question, some answered in a word."""
        for task in meetings(2, self.rng.randrange(1, 2**32), language):
            if self.rng.random() > THINKING:
                task = Task(task.kind, language, task.question, task.accepted[0])
            yield self.encode([task]), None

    def story(self, stories: Iterator[Story], _language: str) -> Iterator[Text]:
        """Yield a story alone."""
        text = END + next(stories).text + END
        yield self.tokenizer.encode(text, allowed_special=[END]), None

    def named(self, ids: list[int], story: Story) -> dict[int, int]:
        """Return the place of the last token of each name whose trait is known there."""
        facts, text = story.facts, self.tokenizer.decode(ids)
        known = text.index(f"{facts.friend.name}, ") + len(facts.friend.name) + 1
        ends, total = {}, 0
        for place, token_id in enumerate(ids):
            total += len(self.tokenizer.vocab[token_id])
            ends[total] = place
        found = {}
        for person in (facts.hero, facts.friend):
            for match in regex.finditer(rf"\b{person.name}\b", text):
                place = ends.get(len(text[: match.end()].encode()))
                if place is not None and (person == facts.hero or match.start() >= known):
                    found[place] = self.trait_of[person.trait]
        return found


class Student(nn.Module):
    """A chat model that guesses, for as long as it learns, the trait of each friend it names.

    The guess is made from the last block but one, so that the last can answer with it.
    """

    def __init__(self, model: Llama):
        super().__init__()
        self.model, self.config = model, model.config
        self.trait = Linear(model.config.d_model, len(WORLD.traits), bias=False)
        nn.init.normal_(self.trait.weight, std=0.02)

    @property
    def blocks(self) -> nn.ModuleList:
        """The model's."""
        return self.model.blocks

    def forward(self, token_ids: Tensor) -> Tensor:
        """Return the logits (B, T, V) of the next token for token ids (B, T)."""
        return self.model(token_ids)

    def loss(self, places: Tensor, lessons: Lessons) -> Tensor:
        """Return the mean loss of the answers, plus some for the prompts and for the guesses."""
        ids, model, end = lessons.data.token_ids[places], self.model, lessons.tokenizer.end_id
        numbers = documents(ids, end)
        mask = document_mask(numbers[:, :-1])
        *blocks, last = model.blocks
        x = model.token_embedding(ids[:, :-1])
        for block in blocks:
            x = block(x, mask)
        logits = model.head(model.final_norm(last(x, mask)))
        losses = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        counts = answer_mask(ids, lessons.tokenizer)[:, 1:].flatten()
        opens = ((ids[:, 1:] == end) & (numbers[:, 1:] != numbers[:, :-1])).flatten()
        said = ~counts & ~opens
        # divided by what a batch has on average, so that each token weighs the same in all
        size = len(losses)
        value = (losses[counts].sum() + PROMPTS * losses[said].sum()) / (0.4 * size)
        traits = lessons.traits[places[:, :-1]]
        named = traits >= 0
        if named.any():
            guess = self.trait(model.final_norm(x[named]))
            value = value + GUESS * F.cross_entropy(guess, traits[named])
        return value


def start() -> tuple[Llama, BPETokenizer]:
    """Return the average of the two models of the stories, with tokens for who speaks."""
    (english, tokenizer), (spanish, _) = (story_model(language) for language in LANGUAGES)
    return widen(average(english, spanish, 0.4), 2), chat_tokenizer(tokenizer)


def measure(model: Llama, tokenizer: BPETokenizer, n: int) -> dict:
    """Return for each language which part of each kind of task is answered rightly."""
    results: dict[str, dict[str, float]] = {}
    for language in LANGUAGES:
        results[language] = {}
        for kind in KINDS:
            tasks = sample(n, 0, language, kind)
            answers = answer_tasks(model, tokenizer, tasks, 200 if kind == "order" else 80)
            right = [task.check(text) for task, text in zip(tasks, answers, strict=True)]
            results[language][kind] = sum(right) / len(right)
        stories = sample_stories(min(100, 2 * n), 0, language)
        least = torch.tensor([story.log_prob for story in stories])
        excess = story_losses(model, tokenizer, stories) + least
        results[language]["excess"] = excess.mean().item()
    return results


def build() -> None:
    """Train, measure and store the model.

    Raises:
        ValueError: a model that is not good enough; nothing is written.
    """
    torch.manual_seed(0)
    model, tokenizer = start()
    lessons = Lessons(RECIPE.n_steps * RECIPE.batch_size, tokenizer)
    student = Student(model)
    data = Windows(torch.arange(len(lessons.data.token_ids)), LENGTH, lessons.data.starts)

    def watch(line: dict) -> None:
        if line["step"] % 50 == 0:
            print(line, flush=True)

    resume = (RUN / "checkpoint.pt").exists()
    loss_fn = partial(Student.loss, lessons=lessons)
    record = train(student, data, RECIPE, None, RUN, resume, watch=watch, loss_fn=loss_fn)
    stored = model.half().float()  # what 16 bits keep is what is measured
    results = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "tested": N_TESTS,
        "steps": len(record),
        "tokens": record[-1]["tokens"],
        "minutes": record[-1]["seconds"] / 60,
        "threads": torch.get_num_threads(),
        "right": measure(stored, tokenizer, N_TESTS),
        "settings": Run(student, data, RECIPE).settings(),
    }
    print(json.dumps(results, indent=2))
    means = {language: mean(results["right"][language]) for language in LANGUAGES}
    if min(means.values()) < LEAST_RIGHT:
        raise ValueError(f"expected at least {LEAST_RIGHT} of the answers right, got {means}")
    save(stored.half(), tokenizer, FOLDER)
    kept = [line for line in record if line["step"] % 10 == 0]
    lines = "".join(json.dumps(line) + "\n" for line in kept)
    write_atomic(FOLDER / "record.jsonl", lines.encode())
    write_atomic(FOLDER / "results.json", (json.dumps(results, indent=2) + "\n").encode())
    write_card()


def mean(right: dict[str, float]) -> float:
    """Return the mean over the kinds of tasks."""
    return sum(right[kind] for kind in KINDS) / len(KINDS)


def save(model: Llama, tokenizer: BPETokenizer, folder: Path) -> None:
    """Write a model that `transformers` opens, with the template by which it chats."""
    model.save_pretrained(folder, tokenizer)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_bytes()) | {"chat_template": TEMPLATE}
    write_atomic(path, json.dumps(settings, ensure_ascii=False, indent=1).encode())


def write_card() -> None:
    """Write the model card from what was measured."""
    r = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    english, spanish = (r["right"][language] for language in LANGUAGES)
    rows = "".join(f"| {kind} | {english[kind]:.3f} | {spanish[kind]:.3f} |\n" for kind in KINDS)
    who = [found[kind] for found in (english, spanish) for kind in ("person", "trait")]
    least, most = min(who), max(who)
    card = f"""# A model that chats about children's stories (English and Spanish)

It answers questions about the stories of the book's small world, sums them up, translates their
sentences, tells stories to order and writes small programs about them, in both languages. The book
uses it to show how an assistant is made and measured; it is of no other use.

- **Architecture**: Qwen3, {r["parameters"]:,} parameters, as the two models of the stories, with
  two more tokens: `<|user|>` and `<|assistant|>`. Weights in float16. The chat template stands in
  `tokenizer_config.json`.
- **Start**: the average of the two models of the stories, 0.6 of the English and 0.4 of the
  Spanish.
- **Training data**: tasks of `lessons_lib.corpus.tasks` and stories, both made by a program (seed
  {SEED}): no person wrote them, and no person is in them.
- **Training**: {r["steps"]:,} steps of {RECIPE.batch_size} packed rows of {LENGTH} tokens
  ({r["tokens"]:,} tokens in all), Muon for the matrices and AdamW for the rest, products in
  {r["settings"]["recipe.precision"]}, seed 0; {r["minutes"]:.1f} minutes on {r["threads"]}
  processor thread(s), which had to share the machine with other work. Answers count fully, what
  users say counts for {PROMPTS}, and while it learned it also guessed the trait of each friend that
  is named. `make model` trains it again.
- **Measured** on {r["tested"]} tasks of each kind that it has not seen (seed 0), the most probable
  answer, right to the letter or by the world's truth:

| task | English | Spanish |
|---|---|---|
{rows}| mean | {mean(english):.3f} | {mean(spanish):.3f} |
| excess of a story over the floor, nats | {english["excess"]:.2f} | {spanish["excess"]:.2f} |

- **Limits**: outside of this world it writes nonsense. It knows no facts, and it says false things
  as fluently as true ones. Who somebody is (`person`, `trait`) was to be right in 0.8 of the
  answers and is in {least:.2f} to {most:.2f}: a story names a trait once and never needs it again.
  To guess traits while it learned, and to be asked about them often, was not enough; half a minute
  more of LoRA, of pairs or of rewards (`python -m tools.stages`) added nothing certain.

The weights are under the same licence as the book's code.
"""
    write_atomic(FOLDER / "README.md", card.encode())


def main() -> int:
    """Train, or write the card; the exit status says whether all went well."""
    return train_or("card", write_card, build, __doc__)


if __name__ == "__main__":
    console.run(main)
