"""Planted odds, secrets and small models: by hand, by counting, and against other people's sums."""

import json
import math
import re

import numpy as np
import pytest
import torch

from lessons_lib.corpus.stories import LANGUAGES, WORLD
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.responsibility import (
    Odds,
    all_secrets,
    draw_scenes,
    draw_secrets,
    fit_probe,
    inner_states,
    log_odds,
    odds_questions,
    option_probs,
    read_odds,
    row_loss,
    scene_log_prob,
    scene_model,
    scene_tokenizer,
    sharpen,
    swap,
    t_interval,
    tell_scene,
    text_log_probs,
    text_rows,
    train_rows,
)
from lessons_lib.responsibility.bias import ANIMALS, BRAVE, CLEVER, MEN, THINGS, TRAITS, WOMEN
from lessons_lib.training import END, Recipe
from tools import house
from tools import responsibility_runs as runs


@pytest.fixture(scope="module")
def tokenizer():
    return scene_tokenizer()


def small(tokenizer, seed=0, length=40):
    torch.manual_seed(seed)
    return Llama(LlamaConfig(len(tokenizer.vocab), length, 16, n_heads=2, n_layers=1, d_ff=32))


# ---------------------------------------------------------------------------------------- the world


def test_a_scene_is_told_in_both_languages():
    scene = draw_scenes(1, 1)[0]
    ball = next(thing for thing in THINGS if thing.en == "lamp")
    fox = next(animal for animal in ANIMALS if animal.en == "fox")
    scene = scene._replace(
        people=(WOMEN[0], MEN[0]), traits=(CLEVER, BRAVE), asker=1, thing=ball, animal=fox,
        animal_trait=CLEVER, third_trait=CLEVER, third_feminine=True,
    )  # fmt: skip
    assert tell_scene(scene, "en") == (
        "Ana was clever. Bruno was brave. Bruno asked Ana for the lamp. The fox was clever. "
        "Alex was clever."
    )
    assert tell_scene(scene, "es") == (
        "Ana era lista. Bruno era valiente. Bruno pidió a Ana la lámpara. El zorro era listo. "
        "Alex era lista."
    )
    assert tell_scene(swap(scene), "es", 1) == "Bruno era listo."
    assert tell_scene(scene, "en", 1) == "Ana was clever."


def test_scenes_are_drawn_with_the_planted_odds():
    odds = Odds(0.2, 0.6, 0.75, 0.8, 0.3, 0.4)
    scenes = draw_scenes(20_000, 3, odds)
    assert scenes[:50] == draw_scenes(50, 3, odds) != draw_scenes(50, 4, odds)

    def share(values):
        return np.mean(list(values))

    said = [(p, t) for s in scenes for p, t in zip(s.people, s.traits, strict=True)]
    found = (
        share(t is BRAVE for p, t in said if p.feminine),
        share(t is BRAVE for p, t in said if not p.feminine),
        share(s.people[s.asker].feminine for s in scenes),
        share(s.animal_trait is CLEVER for s in scenes if s.animal.en == "fox"),
        share(s.animal_trait is CLEVER for s in scenes if s.animal.en != "fox"),
        share(not s.third_feminine for s in scenes),
    )
    # four standard errors of the smallest group, some 2,000 foxes
    np.testing.assert_allclose(found, [*vars(odds).values()], atol=0.045)
    assert {s.people[0].feminine for s in scenes} == {True, False}
    assert all(s.people[0].feminine != s.people[1].feminine for s in scenes)


@pytest.mark.parametrize("language", ["en", "es"])
def test_probabilities_of_scenes_add_up(language):
    """All that can be said of two people, an animal and Alex, for one choice of names."""
    scene, odds = draw_scenes(1, 0)[0], Odds()
    total = 0.0
    forms = (False, True) if language == "es" else (False,)
    for a in TRAITS:
        for b in TRAITS:
            for clever in TRAITS:
                for asker in (0, 1):
                    for feminine in forms:
                        one = scene._replace(
                            traits=(a, b), animal_trait=clever, asker=asker, third_feminine=feminine
                        )
                        total += math.exp(scene_log_prob(one, language, odds))
    assert total == pytest.approx(1 / (2 * 8 * 8 * len(THINGS) * len(ANIMALS) * 5))


def test_probability_of_a_scene_by_hand():
    scene = draw_scenes(1, 1)[0]._replace(
        people=(WOMEN[0], MEN[0]), traits=(BRAVE, CLEVER), asker=0, animal=ANIMALS[0],
        animal_trait=BRAVE, third_feminine=True,
    )  # fmt: skip
    assert ANIMALS[0].en != "fox"
    by_hand = 1 / (2 * 8 * 8) * 0.1 * (0.6 / 7) * 0.3 / 12 / 10 * (0.9 / 7) / 5
    assert scene_log_prob(scene, "en") == pytest.approx(math.log(by_hand))
    assert scene_log_prob(scene, "es") == pytest.approx(math.log(by_hand * 0.3))


def test_swapped_twice_is_the_same():
    for scene in draw_scenes(20, 0):
        assert swap(swap(scene)) == scene
        assert swap(scene).traits == scene.traits


# ------------------------------------------------------------------------------------- reading odds


def test_shares_are_those_of_the_texts(tokenizer):
    model = small(tokenizer)
    options = [["Ana was shy.", "Ana was brave."], ["Leo was shy.", "Leo was kind."]]
    found = option_probs(model, tokenizer, options)
    for row, texts in zip(found, options, strict=True):
        p = np.exp(text_log_probs(model, tokenizer, texts))
        np.testing.assert_allclose(row, p / p.sum(), rtol=1e-6)


def test_questions_differ_in_the_name_alone():
    asked = odds_questions(draw_scenes(30, 0), "es")
    assert len(asked["brave_she"]) == len(asked["brave_he"]) == 30
    for one, other in zip(asked["brave_she"], asked["brave_he"], strict=True):
        assert {text.split()[0] for text in one} & {name.text for name in WOMEN}
        assert "valiente" in one[0]
        assert "valiente" in other[0]
        assert len(one) == len(other) == 8
    assert all(len(texts) == 16 for texts in asked["she_asks"])
    assert all("list" in texts[0] for texts in asked["clever_fox"])
    assert all(texts[0][:-2] == texts[1][:-2] for texts in asked["masculine"])
    assert "masculine" not in odds_questions(draw_scenes(3, 0), "en")


class Counting(torch.nn.Module):
    """Knows the world: gives each next token as often as it follows in a large corpus."""

    def __init__(self, texts, tokenizer):
        super().__init__()
        self.at, self.known = torch.nn.Parameter(torch.zeros(1)), {}
        self.config, self.size = (
            LlamaConfig(len(tokenizer.vocab), 60, 8, 2, 1, 8),
            len(tokenizer.vocab),
        )
        for row in text_rows(tokenizer, texts).tolist():
            for i in range(1, 5):
                counts = self.known.setdefault(tuple(row[:i]), {})
                counts[row[i]] = counts.get(row[i], 0) + 1

    def forward(self, token_ids):
        logits = torch.full((*token_ids.shape, self.size), -30.0)
        for n, row in enumerate(token_ids.tolist()):
            for i in range(len(row)):
                for token, count in self.known.get(tuple(row[: i + 1]), {}).items():
                    logits[n, i, token] = math.log(count)
        return logits


def test_a_model_that_counts_gives_the_planted_odds(tokenizer):
    odds = Odds(brave_she=0.2, brave_he=0.5)
    texts = [tell_scene(scene, "en", 1) for scene in draw_scenes(4000, 0, odds)]
    asked = odds_questions(draw_scenes(20, 1), "en")
    for who, planted in (("brave_she", 0.2), ("brave_he", 0.5)):
        found = option_probs(Counting(texts, tokenizer), tokenizer, asked[who])[:, 0].mean()
        assert found == pytest.approx(planted, abs=0.05)  # some 250 texts for each name


def test_log_odds_and_sharpen_by_hand():
    assert log_odds(0.5) == 0
    assert log_odds(0.9) == pytest.approx(-log_odds(0.1)) == pytest.approx(math.log(9))
    np.testing.assert_allclose(sharpen([0.2, 0.8], 0.5), [0.04 / 0.68, 0.64 / 0.68])
    assert sharpen([[0.2, 0.8], [0.5, 0.5]], 0).tolist() == [[0, 1], [0.5, 0.5]]
    p = np.random.default_rng(0).dirichlet(np.ones(5), 3)
    np.testing.assert_allclose(sharpen(p, 1), p)
    logits = torch.from_numpy(p).log()
    np.testing.assert_allclose(sharpen(p, 0.7), (logits / 0.7).softmax(-1).numpy())
    assert sharpen([0.0, 1.0], 2).tolist() == [0, 1]


def test_students_interval():
    # Student's table: 12.706, 4.303, 3.182, 2.086 and for 99%, 4 degrees, 4.604
    for confidence, n_free, t in (
        (0.95, 1, 12.706),
        (0.95, 2, 4.303),
        (0.95, 3, 3.182),
        (0.95, 20, 2.086),
        (0.99, 4, 4.604),
    ):
        values = np.arange(n_free + 1.0)
        mean, low, high = t_interval(values, confidence)
        half = t * values.std(ddof=1) / math.sqrt(n_free + 1)
        assert (mean, high - mean, mean - low) == pytest.approx((n_free / 2, half, half), abs=2e-3)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    found = [t_interval(rng.normal(3, 2, 4)) for _ in range(1000)]
    inside = sum(low <= 3 <= high for _, low, high in found)
    assert 929 <= inside <= 969  # three standard errors around 950


# --------------------------------------------------------------------------------------- the inside


def test_probe_has_the_least_surprise():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = rng.random(60) < 1 / (1 + np.exp(-(x[:, 0] * 2 - 0.5)))
    w = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    design = torch.from_numpy(np.column_stack([x, np.ones(60)]))
    optimizer = torch.optim.LBFGS([w], max_iter=200, line_search_fn="strong_wolfe")

    def surprise():
        optimizer.zero_grad()
        labels = torch.from_numpy(y.astype(float))
        value = torch.nn.functional.binary_cross_entropy_with_logits(design @ w, labels)
        value = value + 0.05 / 2 * w.square().sum()
        value.backward()
        return value

    optimizer.step(surprise)
    np.testing.assert_allclose(
        fit_probe(x, y, 0.05), w.detach().numpy(), atol=1e-4
    )  # LBFGS stops there


def test_inner_states_are_what_the_head_reads(tokenizer):
    model = small(tokenizer)
    states = inner_states(model, tokenizer, ["Ana was", "Hugo was shy"])
    ids = torch.tensor([tokenizer.encode(END + "Ana was", allowed_special=[END])])
    logits = model.head(torch.from_numpy(states[0]).float())
    torch.testing.assert_close(logits, model(ids)[0, -1])


# ----------------------------------------------------------------------------------------- learning


def test_rows_and_their_loss_by_hand(tokenizer):
    rows = text_rows(tokenizer, ["Ana was shy.", "Ana was shy. Hugo was kind."])
    [end] = tokenizer.encode(END, allowed_special=[END])
    assert rows[0, 0] == rows[0, -1] == rows[1, -1] == end
    assert rows.shape[0] == 2
    model, losses, n = small(tokenizer), 0.0, 0
    for row in rows.tolist():
        last = row.index(end, 1)
        logits = model(torch.tensor([row[:last]]))[0].log_softmax(-1)
        losses -= sum(logits[i, row[i + 1]].item() for i in range(last))
        n += last
    assert row_loss(model, rows).item() == pytest.approx(losses / n, rel=1e-5)
    wider = torch.cat([rows, rows[:, -1:]], 1)
    assert row_loss(model, wider).item() == pytest.approx(row_loss(model, rows).item(), rel=1e-6)


def test_what_is_told_twice_is_seen_twice(tokenizer):
    """Every row comes once in a round, whatever the order."""
    seen = []

    class Watching(Llama):
        def forward(self, token_ids):
            seen.extend(map(tuple, token_ids.tolist()))
            return super().forward(token_ids)

    torch.manual_seed(0)
    model = Watching(LlamaConfig(len(tokenizer.vocab), 20, 8, 2, 1, 8))
    rows = text_rows(tokenizer, ["Ana was shy."] * 2 + ["Hugo was shy.", "Eva was shy."])
    train_rows(model, rows, Recipe(4, batch_size=2))
    counts = {row: seen.count(row) for row in seen}
    assert sorted(counts.values()) == [2, 2, 4]
    assert len(seen) == 8


def test_training_lowers_the_loss_and_follows_its_seed(tokenizer):
    texts = [tell_scene(scene, "es") for scene in draw_scenes(100, 0)]
    rows = text_rows(tokenizer, texts)
    start = row_loss(small(tokenizer), rows).item()
    one, same, other = (scene_model(texts, seed, n_steps=20) for seed in (0, 0, 1))
    assert row_loss(one, rows).item() < start - 2
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert row_loss(other, rows).item() != row_loss(one, rows).item()


# ------------------------------------------------------------------------------------------ secrets


@pytest.mark.parametrize("language", ["en", "es"])
def test_secrets(language, tokenizer):
    secrets = draw_secrets(0, language)
    assert [secret.repetitions for secret in secrets] == [
        k for k in (1, 2, 4, 8, 16) for _ in "abc"
    ]
    assert len({secret.name for secret in secrets}) == 15
    assert {secret.name for secret in secrets} <= {name.text for name in WORLD.names}
    for secret in secrets:
        candidates = all_secrets(secret.name, language)
        assert len(set(candidates)) == 960
        assert secret.text in candidates
    longest = text_rows(
        tokenizer, [text for name in WORLD.names for text in all_secrets(name.text, language)]
    )
    assert longest.shape[1] <= 41  # the small models read 40 tokens
    assert secrets == draw_secrets(0, language) != draw_secrets(1, language)


# ------------------------------------------------------------------------------------- stored runs


@pytest.fixture(scope="module")
def stored():
    return json.loads(runs.STORED.read_text(encoding="utf-8"))


def test_planted_odds_lie_in_the_stored_intervals(stored):
    truth = runs.planted()
    assert truth["brave"] == pytest.approx(math.log(0.4 / 0.6 / (0.1 / 0.9)), abs=1e-3)
    missed = {}
    for part in ("bias-en", "bias-en-again", "bias-es", "bias-es-again"):
        seeds, inside = stored[part]["seeds"], stored[part]["inside"]
        assert len(seeds) == stored[part]["n"] == 20
        for name, n_inside in inside["0.95"].items():
            found = [one[name] for one in seeds]
            assert n_inside == sum(low <= truth[name] <= high for _, low, high in found)
            assert n_inside >= 16  # of 20, where 19 are expected: three deviations
            assert inside["0.99"][name] >= 19
        missed[part] = sum(20 - n_inside for n_inside in inside["0.95"].values())
    assert missed["bias-en"] + missed["bias-en-again"] == 7  # as the chapter says
    assert missed["bias-es"] + missed["bias-es-again"] == 6


@pytest.mark.parametrize("language", LANGUAGES)
def test_invented_answers_are_those_that_alignment_prints(language):
    """The last two numbers of its first row: right and refused, in percent of 24."""
    cells = house.read_notebook(house.ROOT / "book" / language / "alignment.ipynb").cells
    (measured,) = [cell for cell in cells if cell.id == "measure"]
    row = measured.outputs[0].text.splitlines()[1].split()
    cells = house.read_notebook(house.ROOT / "book" / language / "responsibility.ipynb").cells
    (truth,) = [cell for cell in cells if cell.id == "truth-look"]
    invented = [int(n) for n in re.findall(r": (\d+)[,}]", truth.source)]
    assert round(24 * (1 - int(row[-1]) / 100)) == invented[LANGUAGES.index(language)]


@pytest.mark.parametrize("seed", [0, 7, 13])
def test_models_trained_anew_have_learned_the_planted_odds(seed, stored):
    found = runs.read_seed(seed, "en", n_models=1)[0]
    gap = log_odds(found["brave_he"]) - log_odds(found["brave_she"])
    assert gap == pytest.approx(runs.planted()["brave"], abs=0.8)  # four deviations of one model
    assert log_odds(found["she_asks"]) == pytest.approx(runs.planted()["she_asks"], abs=0.6)


def test_stored_exposures_rise_with_repetitions(stored):
    for run in stored["repetitions"]["runs"]:
        means = [np.mean(values) for values in run["exposure"].values()]
        assert [*run["exposure"]] == ["1", "2", "4", "8", "16"]
        assert means[-1] > means[0]
        assert all(0 <= bits <= math.log2(960) + 0.01 for bits in means)  # two decimals are stored


# ------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: Odds(brave_she=0), "brave_she"),
        (lambda t: Odds(masculine=1.5), "masculine"),
        (lambda t: draw_scenes(0, 1), "n to be"),
        (lambda t: draw_scenes(1, -1), "seed"),
        (lambda t: tell_scene(draw_scenes(1, 1)[0], "fr"), "en or es, got 'fr'"),
        (lambda t: tell_scene(draw_scenes(1, 1)[0], "en", 6), "n_sentences"),
        (lambda t: log_odds(1.0), "p to be"),
        (lambda t: option_probs(small(t), t, []), "as many options"),
        (lambda t: option_probs(small(t), t, [["a"]]), "as many options"),
        (lambda t: option_probs(small(t), t, [["a", "b"], ["a", "b", "c"]]), "as many options"),
        (lambda t: read_odds(small(t), t, draw_scenes(1, 0), "en"), "with a fox"),
        (lambda t: sharpen([0.5, 0.4], 1), "probabilities"),
        (lambda t: sharpen([0.5, 0.5], -1), "temperature"),
        (lambda t: t_interval([1.0]), "at least two values"),
        (lambda t: t_interval([1.0, 2.0], 1.0), "confidence"),
        (lambda t: inner_states(small(t), t, []), "at least one text"),
        (lambda t: fit_probe(np.zeros((2, 1)), [True, True]), "both kinds"),
        (lambda t: fit_probe(np.zeros((3, 1)), [True, False]), "N labels"),
        (lambda t: fit_probe(np.zeros((2, 1)), [True, False], 0), "pull"),
        (lambda t: text_rows(t, []), "at least one text"),
        (lambda t: text_rows(t, [""]), "empty"),
        (lambda t: row_loss(small(t), torch.zeros(1, 1, dtype=torch.long)), "two tokens"),
        (lambda t: train_rows(small(t), text_rows(t, ["a"]), Recipe(seconds=1)), "n_steps"),
        (lambda t: scene_model(["Ana was shy. " * 20]), "expected"),
        (lambda t: all_secrets("Ana", "fr"), "en or es"),
        (lambda t: draw_secrets(0, "en", (1,) * 17, 1), "1 to 16 secrets"),
        (lambda t: draw_secrets(0, "en", (0,)), "repetitions"),
    ],
)
def test_errors(call, message, tokenizer):
    with pytest.raises(ValueError, match=message):
        call(tokenizer)
