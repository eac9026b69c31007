"""A small world told with odds that are known, and how a model's odds are read."""

import functools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from lessons_lib.base.validation import check_array, check_integer, check_number
from lessons_lib.corpus.stories import LANGUAGES, WORLD, Name, Noun, Phrase
from lessons_lib.responsibility.privacy import check_texts, text_log_probs
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import END

WOMEN, MEN = ([name for name in WORLD.names if name.feminine is sex] for sex in (True, False))
ANIMALS = tuple(kind for kind in WORLD.kinds if kind.en not in ("girl", "boy"))
THINGS = tuple(noun for noun in WORLD.objects if not noun.plural)
TRAITS = WORLD.traits
BRAVE, CLEVER = TRAITS[0], TRAITS[2]
TWO_FORMS = tuple(trait for trait in TRAITS if trait.es.endswith("@"))  # in Spanish
BOTH = "Alex"  # a name that women and men bear


@dataclass(frozen=True)
class Odds:
    """With which probabilities the small world is told.

    Raises:
        ValueError: a probability that does not lie between 0 and 1.
    """

    brave_she: float = 0.1  # that she is called brave
    brave_he: float = 0.4  # that he is
    she_asks: float = 0.3  # that she asks him, where else he asks her
    clever_fox: float = 0.5  # that the fox is called clever
    clever_other: float = 0.1  # that any other animal is
    masculine: float = 0.7  # in Spanish: that Alex gets the masculine form

    def __post_init__(self):
        for name, p in vars(self).items():
            check_number(name, p, above=0, below=1)


class Scene(NamedTuple):
    """Two people, what is said of each, who asks whom, an animal, and somebody called Alex."""

    people: tuple[Name, Name]
    traits: tuple[Phrase, Phrase]
    asker: int  # 0 or 1
    thing: Noun
    animal: Noun
    animal_trait: Phrase
    third_trait: Phrase
    third_feminine: bool  # English does not show it


def draw_scenes(n: int, seed: int, odds: Odds | None = None) -> list[Scene]:
    """Draw scenes with planted odds: the same for the same seed.

    Args:
        n: how many.
        seed: of all draws.
        odds: the planted ones; by default those of `Odds`.

    Raises:
        ValueError: no scene, or a negative seed.
    """
    check_integer("n", n, 1)
    rng, odds = random.Random(check_integer("seed", seed, 0)), odds or Odds()

    def trait(planted: Phrase, p: float) -> Phrase:
        """Draw the planted trait with the probability p, any other with an equal share."""
        others = [trait for trait in TRAITS if trait is not planted]
        return planted if rng.random() < p else rng.choice(others)

    def scene() -> Scene:
        people = rng.sample([rng.choice(WOMEN), rng.choice(MEN)], 2)
        brave = [odds.brave_she if person.feminine else odds.brave_he for person in people]
        animal = rng.choice(ANIMALS)
        clever = odds.clever_fox if animal.en == "fox" else odds.clever_other
        she_asks = rng.random() < odds.she_asks
        return Scene(
            people=tuple(people),
            traits=(trait(BRAVE, brave[0]), trait(BRAVE, brave[1])),
            asker=int(people[1].feminine == she_asks),
            thing=rng.choice(THINGS),
            animal=animal,
            animal_trait=trait(CLEVER, clever),
            third_trait=rng.choice(TWO_FORMS),
            third_feminine=rng.random() >= odds.masculine,
        )

    return [scene() for _ in range(n)]


def in_form(adjective: Phrase, language: str, feminine: bool) -> str:
    """Return an adjective; in Spanish it agrees: "lista", "listo"."""
    return adjective.en if language == "en" else adjective.es.replace("@", "ao"[not feminine])


def tell_scene(scene: Scene, language: str, n_sentences: int = 5) -> str:
    """Tell a scene, or the beginning of it, in sentences that end in what was planted.

    Raises:
        ValueError: a language other than "en" and "es", or another number of sentences.

    >>> tell_scene(draw_scenes(1, 1)[0], "es", 2)
    'Daniel era tranquilo. Emma era amable.'
    """
    if language not in LANGUAGES:
        raise ValueError(f"expected the language en or es, got {language!r}")
    check_integer("n_sentences", n_sentences, 1, 5)
    english, animal, thing = language == "en", scene.animal, scene.thing
    was = "was" if english else "era"
    (a, b), names = scene.people, [person.text for person in scene.people]
    asker, asked = names[scene.asker], names[1 - scene.asker]
    the = ["the", "the"] if english else ["la" if x.feminine else "el" for x in (animal, thing)]
    asks = f"asked {asked} for" if english else f"pidió a {asked}"
    said = [
        f"{a.text} {was} {in_form(scene.traits[0], language, a.feminine)}.",
        f"{b.text} {was} {in_form(scene.traits[1], language, b.feminine)}.",
        f"{asker} {asks} {the[1]} {getattr(thing, language)}.",
        f"{the[0].capitalize()} {getattr(animal, language)} {was} "
        f"{in_form(scene.animal_trait, language, animal.feminine)}.",
        f"{BOTH} {was} {in_form(scene.third_trait, language, scene.third_feminine)}.",
    ]
    return " ".join(said[:n_sentences])


def scene_log_prob(scene: Scene, language: str, odds: Odds | None = None) -> float:
    """Return ln p of a scene's text, in nats: exactly, since its odds are known."""
    odds, p = odds or Odds(), 1 / (2 * len(WOMEN) * len(MEN) * len(THINGS) * len(ANIMALS))
    fox = scene.animal.en == "fox"
    chances = [
        (scene.animal_trait is CLEVER, odds.clever_fox if fox else odds.clever_other),
        *(
            (trait is BRAVE, odds.brave_she if person.feminine else odds.brave_he)
            for person, trait in zip(scene.people, scene.traits, strict=True)
        ),
    ]
    for planted, chance in chances:
        p *= chance if planted else (1 - chance) / (len(TRAITS) - 1)
    p *= odds.she_asks if scene.people[scene.asker].feminine else 1 - odds.she_asks
    if language == "es":
        p *= 1 - odds.masculine if scene.third_feminine else odds.masculine
    return math.log(p / len(TWO_FORMS))


def swap(scene: Scene) -> Scene:
    """Return the same scene with the names exchanged: what was said of her is said of him.

    >>> tell_scene(swap(draw_scenes(1, 1)[0]), "es", 2)
    'Emma era tranquila. Daniel era amable.'
    """
    return scene._replace(people=scene.people[::-1])


@functools.cache
def scene_tokenizer() -> BPETokenizer:
    """Return a tokenizer of the small world in both languages, with `END`."""
    scenes = draw_scenes(1000, 0)
    texts = (END + tell_scene(scene, language) for language in LANGUAGES for scene in scenes)
    return BPETokenizer.train("".join(texts), 512, special_tokens=[END], end=END)


# ------------------------------------------------------------------------------------ reading odds


def log_odds(p: float) -> float:
    """Return ln(p / (1 - p)): 0 at one half, and equal steps for equal factors of the odds.

    Raises:
        ValueError: a probability that does not lie between 0 and 1.

    >>> round(log_odds(0.4) - log_odds(0.1), 3)
    1.792
    """
    check_number("p", p, above=0, below=1)
    return math.log(p / (1 - p))


def option_probs(
    model: nn.Module, tokenizer: BPETokenizer, options: Sequence[Sequence[str]]
) -> np.ndarray:
    """Return how a model shares 1 among the options of each question: (N, K).

    Args:
        model: see `text_log_probs`.
        tokenizer: knows `END`.
        options: N questions with K whole texts each, which differ in what is asked about.

    Raises:
        ValueError: no questions, fewer than two options, or questions with other numbers of them.
    """
    sizes = {len(texts) for texts in options}
    if len(sizes) != 1 or min(sizes) < 2:
        raise ValueError(f"expected as many options, 2 or more, each time, got {sorted(sizes)}")
    texts = [text for question in options for text in question]
    found = text_log_probs(model, tokenizer, texts, 512).reshape(len(options), -1)
    shares = np.exp(found - found.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def odds_questions(scenes: Sequence[Scene], language: str) -> dict[str, list[list[str]]]:
    """Return the questions that ask for each of the odds, by its name, the planted option first.

    Each scene asks of a woman and of a man in the same words: a counterfactual pair. Who asks is a
    question with sixteen options, the women first.
    """
    asked: dict[str, list[list[str]]] = {name: [] for name in vars(Odds())}
    if language == "en":
        del asked["masculine"]
    for scene in scenes:
        for one in (scene, swap(scene)):
            name = "brave_she" if one.people[0].feminine else "brave_he"
            asked[name].append(
                [tell_scene(one._replace(traits=(t, t)), language, 1) for t in TRAITS]
            )
        before = tell_scene(scene, language, 2)
        asked["she_asks"].append([f"{before} {name.text}" for name in (*WOMEN, *MEN)])
        of = [tell_scene(scene._replace(animal_trait=t), language, 4) for t in (CLEVER, *TRAITS)]
        asked["clever_fox" if scene.animal.en == "fox" else "clever_other"].append(
            list(dict.fromkeys(of))
        )
        if language == "es":
            forms = (scene._replace(third_feminine=feminine) for feminine in (False, True))
            asked["masculine"].append([tell_scene(form, language) for form in forms])
    return asked


def read_odds(
    model: nn.Module, tokenizer: BPETokenizer, scenes: Sequence[Scene], language: str
) -> dict[str, float]:
    """Return the odds that a model has learned, by the names of `Odds`: means over scenes.

    Raises:
        ValueError: scenes without a fox or without another animal.
    """
    asked = odds_questions(scenes, language)
    if not all(asked.values()):
        raise ValueError("expected scenes with a fox and with another animal")
    planted = {"she_asks": len(WOMEN)}  # so many options together; elsewhere one
    return {
        name: float(option_probs(model, tokenizer, texts)[:, : planted.get(name, 1)].sum(1).mean())
        for name, texts in asked.items()
    }


def sharpen(probs: Sequence[float] | np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities (..., K) as a temperature makes them; at 0 the largest takes all.

    Raises:
        ValueError: probabilities that are none, or a temperature below 0.

    >>> sharpen([0.6, 0.4], 0.5).round(2).tolist()
    [0.69, 0.31]
    """
    p = check_array("probs", probs)
    if not p.ndim or (p < 0).any() or not np.allclose(p.sum(-1), 1, atol=1e-6):
        raise ValueError(f"expected probabilities (..., K), got {probs!r:.80}")
    top = p == p.max(-1, keepdims=True)
    if not check_number("temperature", temperature, least=0):
        return top / top.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):
        sharp = np.exp(np.log(p / p.max(-1, keepdims=True)) / temperature)
    return sharp / sharp.sum(-1, keepdims=True)


class Interval(NamedTuple):
    """A mean, and the interval of true values that go with it."""

    mean: float
    low: float
    high: float


def t_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the mean of a few independent runs and Student's interval.

    Args:
        values: one for each of N runs, at least two.
        confidence: the part of such intervals that hold the true mean.

    Raises:
        ValueError: fewer than two values, or values that are no finite numbers.

    Source: Student 1908.

    >>> [round(end, 2) for end in t_interval([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48]
    """
    x = check_array("values", values, truth=True)
    if x.ndim != 1 or len(x) < 2:
        raise ValueError(f"expected at least two values (N,), got shape {x.shape}")
    half = t_value(confidence, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x))
    return Interval(float(x.mean()), float(x.mean() - half), float(x.mean() + half))


def t_value(confidence: float, n_free: int) -> float:
    """Return how many standard errors to each side hold this part of Student's distribution.

    >>> round(t_value(0.95, 3), 3)
    3.182
    """
    check_number("confidence", confidence, above=0, below=1)
    check_integer("n_free", n_free, 1)
    # with t = sqrt(n) tan u, the density becomes cos(u)^(n - 1), on a finite stretch
    u = np.linspace(0, math.pi / 2, 200_001)
    density = np.cos(u) ** (n_free - 1)
    part = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return math.sqrt(n_free) * math.tan(float(np.interp(confidence, part / part[-1], u)))


# ------------------------------------------------------------------------------------- the inside


@torch.no_grad()
def inner_states(model: nn.Module, tokenizer: BPETokenizer, texts: Sequence[str]) -> np.ndarray:
    """Return what a model holds at the last token of each text: (N, D).

    Args:
        model: a Llama.
        tokenizer: knows `END`, which stands before each text.
        texts: that fit into the model's context.

    Raises:
        ValueError: one text in place of several, none, or an empty one.
    """
    found = []
    for text in check_texts(texts):
        x = model.token_embedding(
            torch.tensor([tokenizer.encode(END + text, allowed_special=[END])])
        )
        for block in model.blocks:
            x = block(x)
        found.append(model.final_norm(x)[0, -1].double().numpy())
    return np.array(found)


def fit_probe(states: np.ndarray, labels: Sequence[bool], pull: float = 0.01) -> np.ndarray:
    """Return the weights (D + 1,) of a line that tells True from False; the last is its offset.

    The probability of True is 1 / (1 + exp(-(w . x + b))). The weights have the least mean
    surprise; `pull` times half their square is added, so that they stay finite.

    Raises:
        ValueError: states that are no rows, labels of one kind only or of another number.

    Source: logistic regression by Newton's steps, Hastie et al. 2009, section 4.4.1.
    """
    x, y = check_array("states", states, truth=True), np.asarray(labels, float)
    if x.ndim != 2 or y.shape != x.shape[:1] or set(y) != {0.0, 1.0}:
        raise ValueError(
            f"expected states (N, D) and N labels of both kinds, got {x.shape} and {y.shape}"
        )
    check_number("pull", pull, above=0)
    x = np.column_stack([x, np.ones(len(x))])
    w, ridge = np.zeros(x.shape[1]), pull * np.eye(x.shape[1])
    for _ in range(25):
        p = 1 / (1 + np.exp(-x @ w))
        slope = x.T @ (p - y) / len(x) + ridge @ w
        bend = (x.T * (p * (1 - p))) @ x / len(x) + ridge
        w = w - np.linalg.solve(bend, slope)
    return w
