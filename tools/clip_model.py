"""Train the book's CLIP on the pictures of the stories and store it: a part of `make model`.

    python -m tools.clip_model                train, measure, store
    python -m tools.clip_model --card         write the model card anew from the stored results

It learns from pairs that are drawn as it goes, in both languages. In the first part many scenes are
followed by one that differs in one respect (`near_miss`), so that names are worth looking at; in
the second most are followed by one of the same words in another order (`same_words`). What it can
do is measured on scenes that are kept apart by their hash.
"""

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.clip import (
    CLIP,
    CLIPConfig,
    WordTokenizer,
    classify,
    picture_words,
    recall,
    show,
    train_clip,
)
from lessons_lib.corpus.pictures import (
    ANIMALS,
    HELD_OUT,
    OBJECTS,
    PLACES,
    THINGS,
    TIMES,
    Scene,
    Thing,
    Wording,
    all_scenes,
    caption,
    count_scenes,
    describe,
    exchange_colours,
    near_miss,
    same_words,
    sample,
)
from lessons_lib.corpus.pictures.captions import one_thing
from lessons_lib.training import Recipe
from tools.house import LANGUAGES, ROOT
from tools.stored import train_or

FOLDER = ROOT / "lessons_lib" / "models" / "clip"
BATCH = 128


class Part(NamedTuple):
    """A part of the training: its recipe, and what scenes are how often followed by."""

    recipe: Recipe
    hard: float
    twin: Callable[[Scene, random.Random], Scene | None]


def colours_first(scene: Scene, rng: random.Random) -> Scene | None:
    """Exchange the colours wherever that changes something; else as `same_words`."""
    return exchange_colours(scene) or same_words(scene, rng)


PARTS = (
    Part(Recipe(n_steps=800, batch_size=BATCH, lr=0.003, matrix_lr=0.02), 0.4, near_miss),
    Part(Recipe(n_steps=600, batch_size=BATCH, lr=0.003, matrix_lr=0.02, seed=1), 0.8, same_words),
    Part(Recipe(n_steps=300, batch_size=BATCH, lr=0.003, matrix_lr=0.02, seed=2), 1.0, same_words),
    Part(
        Recipe(n_steps=200, batch_size=BATCH, lr=0.002, matrix_lr=0.01, seed=3), 1.0, colours_first
    ),
)
N_TESTS = 1000
# What a measure is called in the card, and the least that will do in each language.
MEASURES = {
    "caption": "finds its picture among {n:,}",
    "picture": "finds its caption among {n:,}",
    "thing": "names the thing, of 18",
    "full": "names the thing with its colour, of 58",
    "place": "names the place, of 6",
    "time": "names the time, of 4",
    "colours": "tells two things from the same ones with their colours exchanged",
    "side": "tells left from right",
    "number": "counts, 1 to 3",
    "pairs": "names a colour and an object never seen together, of 48",
}
LEAST = {"caption": 0.93, "picture": 0.93, "thing": 0.85, "colours": 0.9}


def new_model() -> tuple[CLIP, WordTokenizer]:
    """Return the model before it has learned anything, and its tokenizer."""
    torch.manual_seed(0)
    tokenizer = WordTokenizer(picture_words())
    return CLIP(CLIPConfig(tokenizer.vocab_size)), tokenizer


# ---------------------------------------------------------------- measuring


class Examiner:
    """Asks a model in one language, always about the same scenes.

    Args:
        model: who is examined.
        tokenizer: knows its words.
        language: of the captions.
        n: how many scenes, all different, none of them ever trained on.
    """

    def __init__(self, model: CLIP, tokenizer: WordTokenizer, language: str, n: int):
        self.model, self.tokenizer, self.language, self.n = model, tokenizer, language, n
        self.rng = random.Random(7)

    def words(self, texts: Sequence[str]) -> Tensor:
        """Return the vectors of captions."""
        return self.model.encode_text(self.tokenizer.batch(texts))

    def full(self, scenes: Sequence[Scene]) -> Tensor:
        """Return the vectors of captions that say all."""
        return self.words([caption(scene, self.language) for scene in scenes])

    def seen(self, scenes: Sequence[Scene]) -> Tensor:
        """Return the vectors of pictures."""
        return self.model.encode_pictures(show(scenes, self.rng))

    def search(self) -> dict[str, float]:
        """Captions look for their pictures, and pictures for their captions."""
        scenes = list(dict.fromkeys(sample(3 * self.n, 0, "test")))[: self.n]
        scores = self.full(scenes) @ self.seen(scenes).T
        return {"caption": recall(scores), "picture": recall(scores.T)}

    def naming(self) -> dict[str, float]:
        """Say what is in pictures of one thing; each name is the mean of 24 captions."""
        single = [scene for scene in all_scenes("test") if len(scene.things) == 1]
        scenes = (single * (1 + self.n // len(single)))[: self.n]
        pictures = show(scenes, self.rng)
        by_name = {thing.name: thing for thing in THINGS}
        names = [by_name[name] for name in (*OBJECTS, *ANIMALS)]
        grounds = [(place, time) for place in PLACES for time in TIMES]
        how = Wording(colour=False)
        captions = [
            [describe(Scene((thing,), *ground), self.language, how) for ground in grounds]
            for thing in names
        ]
        said = [names[i].name for i in self.classify(pictures, captions)]
        full = [THINGS[i] for i in self.classify(pictures, self.alone(THINGS))]
        place, time = (Wording(things=False, time=one, place=not one) for one in (False, True))
        fox = (Thing("fox"),)  # which is not said
        places = [describe(Scene(fox, x, "rain"), self.language, place) for x in PLACES]
        times = [describe(Scene(fox, "lake", x), self.language, time) for x in TIMES]
        where = [PLACES[i] for i in self.classify(pictures, places)]
        when = [TIMES[i] for i in self.classify(pictures, times)]
        return {
            "thing": same(said, [scene.things[0].name for scene in scenes]),
            "full": same(full, [scene.things[0] for scene in scenes]),
            "place": same(where, [scene.place for scene in scenes]),
            "time": same(when, [scene.time for scene in scenes]),
        }

    def alone(self, things: Sequence[Thing]) -> list[str]:
        """Return the words for things alone."""
        return [one_thing(thing, self.language) for thing in things]

    def classify(self, pictures: Tensor, options: Sequence) -> list[int]:
        """Return the number of the best option for each picture."""
        return classify(self.model, self.tokenizer, pictures, options).tolist()

    def binding(self) -> dict[str, float]:
        """Choose between a caption and another one of the same words."""
        scenes = [scene for scene in all_scenes("test") if exchange_colours(scene)]
        scenes = random.Random(1).sample(scenes, min(self.n, len(scenes)))
        seen, how = self.seen(scenes), Wording(side=False)
        right = self.words([describe(scene, self.language, how) for scene in scenes])
        wrong = [describe(exchange_colours(scene), self.language, how) for scene in scenes]
        turned = [replace(scene, things=scene.things[::-1]) for scene in scenes]
        sides = [
            self.words([caption(s, self.language) for s in group]) for group in (scenes, turned)
        ]
        return {
            "colours": better(seen, right, self.words(wrong)),
            "side": better(seen, *sides),
        }

    def counting(self) -> dict[str, float]:
        """Say how many equal things there are."""
        scenes = [scene for scene in all_scenes("test") if len(set(scene.things)) == 1]
        scenes = [scene for scene in scenes if scene.things[0].colour]
        seen = self.seen(scenes)
        options = [
            self.words(
                [caption(replace(s, things=s.things[:1] * k), self.language) for s in scenes]
            )
            for k in (1, 2, 3)
        ]
        said = torch.stack([(seen * option).sum(1) for option in options]).argmax(0) + 1
        return {"number": same(said.tolist(), [len(scene.things) for scene in scenes])}

    def unseen(self) -> dict[str, float]:
        """Name what was never seen: a colour and an object that are known, not together."""
        scenes = [Scene((t,), place, time) for t in HELD_OUT for place in PLACES for time in TIMES]
        objects = [thing for thing in THINGS if thing.colour]
        said = self.classify(show(scenes, self.rng), self.alone(objects))
        return {"pairs": same([objects[i] for i in said], [s.things[0] for s in scenes])}


def same(said: Sequence, true: Sequence) -> float:
    """Return which part of what was said is true."""
    return sum(one == other for one, other in zip(said, true, strict=True)) / len(said)


def better(seen: Tensor, right: Tensor, wrong: Tensor) -> float:
    """Return for which part of the pictures the right caption is nearer than the wrong one."""
    return ((seen * right).sum(1) > (seen * wrong).sum(1)).double().mean().item()


@torch.inference_mode()
def measure(model: CLIP, tokenizer: WordTokenizer, n: int) -> dict:
    """Return all measures in each language, and how captions of both find each other."""
    results = {}
    for language in LANGUAGES:
        one = Examiner(model, tokenizer, language, n)
        results[language] = (
            one.search() | one.naming() | one.binding() | one.counting() | one.unseen()
        )
    scenes = list(dict.fromkeys(sample(3 * n, 0, "test")))[:n]
    english, spanish = (
        model.encode_text(tokenizer.batch([caption(scene, language) for scene in scenes]))
        for language in LANGUAGES
    )
    return results | {"translation": recall(english @ spanish.T)}


# ---------------------------------------------------------------- storing


def build() -> None:
    """Train, measure and store the model.

    Raises:
        ValueError: a model that is not good enough; nothing is written.
    """
    model, tokenizer = new_model()

    def watch(step: int, loss: float) -> None:
        if step % 50 == 0:
            print(f"step {step}, loss {loss:.3f}", flush=True)

    start, losses = time.process_time(), []
    for recipe, hard, twin in PARTS:
        losses += train_clip(model, tokenizer, recipe, LANGUAGES, hard, twin, watch)
    store(model, tokenizer, losses, time.process_time() - start)


def store(model: CLIP, tokenizer: WordTokenizer, losses: list[float], seconds: float) -> None:
    """Measure a trained model and write it, if it is good enough.

    Args:
        model: what was trained.
        tokenizer: knows its words.
        losses: of its steps.
        seconds: of the processor.

    Raises:
        ValueError: a measure below `LEAST`; nothing is written.
    """
    stored = model.half().float()  # what 16 bits keep is what is measured
    results = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "tested": N_TESTS,
        "kept apart": count_scenes("test"),
        "steps": len(losses),
        "minutes": seconds / 60,
        "threads": torch.get_num_threads(),
        "right": measure(stored, tokenizer, N_TESTS),
    }
    print(json.dumps(results, indent=2))
    low = {
        f"{name} ({language})": results["right"][language][name]
        for language in LANGUAGES
        for name, least in LEAST.items()
        if results["right"][language][name] < least
    }
    if low:
        raise ValueError(f"expected at least {LEAST}, got {low}")
    stored.half().save_pretrained(FOLDER, tokenizer)
    record = [{"step": i + 1, "loss": round(loss, 4)} for i, loss in enumerate(losses)]
    lines = "".join(json.dumps(line) + "\n" for line in record if line["step"] % 10 == 0)
    write_atomic(FOLDER / "record.jsonl", lines.encode())
    write_atomic(FOLDER / "results.json", (json.dumps(results, indent=2) + "\n").encode())
    write_card()


def write_card() -> None:
    """Write the model card from what was measured."""
    r = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    right, n = r["right"], r["tested"]

    def cell(language: str, name: str) -> str:
        value = right[language][name]
        return f"{value:.3f} ± {(value * (1 - value) / n) ** 0.5:.3f}"

    rows = "".join(
        f"| {text.format(n=n)} | {cell('en', name)} | {cell('es', name)} |\n"
        for name, text in MEASURES.items()
    )
    rest = sum(part.recipe.n_steps for part in PARTS[1:])
    card = f"""# A CLIP of children's stories (English and Spanish)

It says how well a caption fits a picture of the book's small world: animals and coloured objects in
six places. The book uses it to show how words find pictures, and its text tower to tell an image
model what to paint; it is of no other use.

- **Architecture**: CLIP, {r["parameters"]:,} parameters: a text tower of 2 layers and a vision
  tower of 3, both 128 wide, patches of 8 by 8 pixels, pictures of 32 by 32. Weights in float16.
- **Training data**: pictures and captions of `lessons_lib.corpus.pictures`, drawn as it learned:
  no person drew or wrote them, and no person is in them. Each caption is in one of the two
  languages.
- **Training**: {r["steps"]:,} steps of {BATCH} pairs with the contrastive loss, Muon for the
  matrices and AdamW for the rest, seeds 0 to 3; {r["minutes"]:.1f} minutes of {r["threads"]}
  processor thread(s). In the first {PARTS[0].recipe.n_steps} steps {PARTS[0].hard:.0%} of the
  scenes were followed by one that differs in one respect; in the last {rest} steps nearly all of
  those with two things by one of the same words in another order.
  Captions that are true of another picture of the batch were not held against it. `make model`
  trains it again.
- **Measured** on scenes kept apart by their hash ({r["kept apart"]:,} of them; {n:,} for the
  search, at most {n:,} pictures for the rest, half of their things a pixel off their usual place).
  The errors are those of so many independent questions.

| it | English | Spanish |
|---|---|---|
{rows}
  An English caption finds the Spanish one of the same scene among {n:,} in
  {right["translation"]:.3f} of cases, though the two were never shown as a pair.

- **Limits**: it knows 125 words and this world alone, and it always answers.

The weights are under the same licence as the book's code.
"""
    write_atomic(FOLDER / "README.md", card.encode())


def main() -> int:
    """Train, or write the card; the exit status says whether all went well."""
    return train_or("card", write_card, build, __doc__)


if __name__ == "__main__":
    console.run(main)
