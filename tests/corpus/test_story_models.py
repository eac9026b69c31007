"""The book's own models: as good as their cards say, and readable by others."""

import json
import math
import pickle
import re
from collections import defaultdict
from dataclasses import asdict, replace

import pytest
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file
from torch.nn import functional as F

from lessons_lib.base.checkpoints import weights_sha256
from lessons_lib.corpus.stories import WORLD, entropy, enumerate_stories, log_prob, sample
from lessons_lib.generation import Sampling, generate
from lessons_lib.llama import Llama
from lessons_lib.training import (
    END,
    Recipe,
    read_record,
    story_losses,
    story_model,
    story_tokenizer,
)
from tools import story_models
from tools.house import LANGUAGES


@pytest.fixture(params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture
def folder(language):
    return story_models.MODELS / language


@pytest.fixture
def results(folder):
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_weights_are_small_and_of_16_bits(folder):
    path = folder / "model.safetensors"
    assert path.stat().st_size <= 4_000_000
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    assert theirs.dtype == torch.float16
    assert type(theirs).__name__ == "Qwen3ForCausalLM"
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt", "sha256": weights_sha256(load_file(path))}


def test_transformers_gives_the_same_logits_and_ids(language, folder):
    model, tokenizer = story_model(language)
    heads = {"n_kv_heads": story_models.CONFIG.n_heads, "d_head": 32}  # what the files spell out
    assert model.config == replace(story_models.CONFIG, end_ids=(tokenizer.end_id,), **heads)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    text = END + sample(1, seed=5, language=language)[0].text
    ids = tokenizer.encode(text, allowed_special=[END])
    assert transformers.AutoTokenizer.from_pretrained(folder)(text)["input_ids"] == ids
    with torch.no_grad():
        got, expected = model(torch.tensor([ids])), theirs(torch.tensor([ids])).logits
    # Trained logits reach 20: 1e-4 is a rounding error of float32 some 50 times over.
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-5)


def test_stories_end_by_themselves(language, folder, tmp_path):
    """Nobody says where: the files do, those in the repository and those that we write."""
    model, tokenizer = story_model(language)
    ids = generate(model, [tokenizer.end_id], 300, Sampling(temperature=0))
    assert 50 < len(ids) < 299
    assert log_prob(tokenizer.decode(ids), language) < 0  # a whole story that the world can tell
    assert model.config.end_ids == (tokenizer.end_id,)
    model.save_pretrained(tmp_path, tokenizer)
    for files in (folder, tmp_path):
        theirs = transformers.AutoModelForCausalLM.from_pretrained(files, dtype=torch.float32)
        opened = transformers.AutoTokenizer.from_pretrained(files)
        assert (opened.eos_token, opened.eos_token_id) == (END, tokenizer.end_id)
        text = theirs.generate(torch.tensor([[tokenizer.end_id]]), max_new_tokens=300)
        assert text[0].tolist() == [tokenizer.end_id, *ids, tokenizer.end_id]


def test_tokenizer_is_the_one_that_training_makes(language):
    stored, trained = story_model(language)[1], story_tokenizer()
    assert stored.vocab == trained.vocab
    assert stored.end == trained.end == END
    assert stored.encode(END, "all") == [stored.end_id] == [1023]


def test_model_is_as_far_from_the_floor_as_its_card_says(language, results):
    model, tokenizer = story_model(language)
    stories = sample(60, seed=0, language=language)
    least = -torch.tensor([story.log_prob for story in stories])
    excess = story_losses(model, tokenizer, stories) - least
    error = excess.std() / len(stories) ** 0.5
    # The first 60 of the 500 stories that the card speaks of.
    assert abs(excess.mean() - results["excess"]) < 4 * error
    assert 1.0 < results["ratio"] <= story_models.LARGEST_RATIO
    assert results["entropy"] == entropy(language)


def test_samples_are_stories_of_the_world(language, results):
    model, _ = story_model(language)
    plain = story_models.count_told(model, language, Sampling())
    filtered = story_models.count_told(model, language, Sampling(min_p=story_models.MIN_P))
    # Other processors round differently, and a story may take another turn.
    assert abs(plain - results["told_stories"]) <= 5
    assert abs(filtered - results["told_stories_min_p"]) <= 3


def test_record_and_card_belong_to_the_model(language, folder, results, tmp_path):
    record = read_record(folder / "record.jsonl")
    steps = tokens = 0
    for name, (_, _, _, length, recipe, _) in story_models.STAGES[language].items():
        lines = [line for line in record if line["stage"] == name]
        assert lines[-1]["step"] == recipe.n_steps
        steps, tokens = steps + recipe.n_steps, tokens + lines[-1]["tokens"]
        said = {f"recipe.{name}": value for name, value in asdict(recipe).items()}
        said |= {"data.length": length}
        assert said.items() <= results["settings"][name].items()
    assert (results["steps"], results["tokens"]) == (steps, tokens)
    # From the first steps: the Spanish model begins as the English one, and has found most of its
    # words when it is first evaluated.
    assert record[-1]["loss"] < 0.15 * record[0]["loss"]
    # All stages are measured on stories of all lengths, which the first one does not learn.
    evaluated = [line["validation"] for line in record if "validation" in line]
    assert evaluated[-1] < evaluated[0]
    assert evaluated[-1] < 1.01 * min(evaluated)
    (tmp_path / "results.json").write_text(json.dumps(results), encoding="utf-8")
    story_models.write_card(tmp_path)
    assert (tmp_path / "README.md").read_bytes() == (folder / "README.md").read_bytes()


def test_a_model_that_is_not_good_enough_is_not_stored(monkeypatch, tmp_path):
    recipe = replace(story_models.STAGES["en"]["all"].recipe, n_steps=1, evaluate_every=0)
    stage = story_models.Stage(WORLD, 50, 0, 160, recipe)
    monkeypatch.setattr(story_models, "STAGES", {"en": {"all": stage}})
    monkeypatch.setattr(story_models, "MODELS", tmp_path / "models")
    monkeypatch.setattr(story_models, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(story_models, "N_TESTS", 3)
    monkeypatch.setattr(story_models, "N_SAMPLES", 1)
    with pytest.raises(ValueError, match=r"expected at most 1\.03 of the floor"):
        story_models.build("en")
    assert not (tmp_path / "models").exists()


def test_lessons_of_a_stage_are_those_of_its_stories_the_hard_ones_first(language):
    stage = story_models.Stage(
        story_models.SHORT, 60, 4, 112, Recipe(n_steps=1), is_hard=story_models.alike
    )
    lessons = pickle.loads(story_models.prepare(stage, language))
    stories = sample(60, 4, language, world=story_models.SHORT)
    hard = [story for story in stories if story_models.alike(story)]
    told = story_tokenizer().decode(lessons.token_ids.tolist()).split(END)[1:-1]
    assert 5 < len(hard) < 55
    assert told[::2] == [story.text for story in hard[: len(told) // 2]]
    assert set(told[1::2]) <= {story.text for story in stories} - {story.text for story in hard}
    assert lessons.world.max_events == story_models.SHORT.max_events


def small_world():
    few = {name: getattr(WORLD, name)[:1] for name in ("openings", "homes", "times", "closings")}
    few |= {name: getattr(WORLD, name)[:1] for name in ("spots", "places", "games", "deeds")}
    few |= {"objects": WORLD.objects[:1] + WORLD.objects[13:14], "colours": WORLD.colours[:1]}
    few |= {"moods": WORLD.moods[:1], "relatives": WORLD.relatives[:1], "names": WORLD.names[6:10]}
    few |= {"kinds": WORLD.kinds[1:3] + WORLD.kinds[7:9], "traits": WORLD.traits[3:5]}
    return replace(WORLD, **few, min_events=0, max_events=1)


def test_lessons_are_the_true_probabilities_of_the_next_token(language):
    world, tokenizer = small_world(), story_tokenizer()
    [end] = tokenizer.encode(END, allowed_special=[END])
    stories = list(enumerate_stories(language, world=world))
    after = defaultdict(lambda: defaultdict(float))  # tokens so far -> next token -> probability
    for story in stories:
        ids = [*tokenizer.encode(story.text), end]
        for k, token_id in enumerate(ids):
            after[tuple(ids[:k])][token_id] += math.exp(story.log_prob)
    chosen = stories[::397]
    lessons = story_models.Lessons(chosen, tokenizer, world)
    place = 0
    for story in chosen:
        ids = tokenizer.encode(story.text)
        assert lessons.token_ids[place : place + len(ids) + 1].tolist() == [end, *ids]
        for k in range(len(ids) + 1):
            ids_of, row = (
                lessons.next_ids[place + k].tolist(),
                lessons.next_probs[place + k].tolist(),
            )
            got = {i: p for i, p in zip(ids_of, row, strict=True) if p > 0}
            expected = after[tuple(ids[:k])]
            total = sum(expected.values())
            assert got == pytest.approx({i: p / total for i, p in expected.items()}, abs=1e-6)
        place += len(ids) + 1


def test_lessons_weigh_each_token_as_the_world_does(language):
    stories = sample(30, seed=6, language=language)
    lessons = story_models.Lessons(stories, story_tokenizer())
    of_next = lessons.next_probs[lessons.next_ids == lessons.token_ids[1:, None]]
    assert of_next[of_next > 0].double().log().sum().item() == pytest.approx(
        sum(story.log_prob for story in stories), rel=1e-6
    )


def test_the_loss_of_lessons_is_the_cross_entropy_with_them():
    lessons = story_models.Lessons(sample(4, seed=6), story_tokenizer())
    windows = lessons.windows(12)
    assert len(windows) == 4
    places = windows.batch(0, 2, 0)
    logits = torch.randn(2, 12, 1024, generator=torch.Generator().manual_seed(0))
    targets = torch.zeros(2, 12, 1024)
    targets.scatter_add_(
        2, lessons.next_ids[places[:, :-1]].long(), lessons.next_probs[places[:, :-1]]
    )
    expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten(0, 1))
    torch.testing.assert_close(lessons.surprise(logits, places), expected)


def test_lessons_know_the_other_friends_kind(language):
    """Wherever a friend is named after the friend's kind, read back from the tokens."""
    tokenizer = story_tokenizer()
    stories = sample(40, seed=6, language=language)
    lessons = story_models.Lessons(stories, tokenizer)
    found = [
        (tokenizer.decode(lessons.token_ids[: k + 1].tolist()).rpartition(END)[2], kind)
        for k, kind in enumerate(lessons.other_kinds.tolist())
        if kind >= 0
    ]
    expected = []
    for story in stories:
        hero, friend = story.facts.hero, story.facts.friend
        met = story.text.index(friend.name)
        for word in re.finditer(r"\w+", story.text):
            if word[0] in (hero.name, friend.name) and word.start() > story.text.index(
                friend.kind, met
            ):
                kind = friend.kind if word[0] == hero.name else hero.kind
                expected.append((story.text[: word.end()], tokenizer.encode(f" {kind}")[0]))
    assert found == expected
    assert len(found) > 100


def test_other_languages_have_no_model():
    with pytest.raises(ValueError, match="expected the language en or es, got 'fr'"):
        story_model("fr")


@pytest.mark.parametrize(
    ("is_hard", "wanted"),
    [
        (story_models.answers, ["ask"]),
        (story_models.speaks, ["ask", "admire give"]),
    ],
)
def test_every_second_story_is_a_hard_one(is_hard, wanted):
    stories = sample(500, seed=8)
    chosen = story_models.with_hard(stories, is_hard)
    hard = []
    for story in chosen:
        actions = {event.action for event in story.facts.events}
        speaks = any(set(words.split()) <= actions for words in wanted)
        hard.append(speaks and story.facts.hero.feminine == story.facts.friend.feminine)
    assert len(chosen) > 60
    assert hard == [True, False] * (len(chosen) // 2)
    assert len(set(chosen)) == len(chosen)


def test_a_student_learns_the_next_token_and_its_guesses():
    lessons = story_models.Lessons(sample(4, seed=6), story_tokenizer())
    places = lessons.windows(90).batch(0, 2, 0)
    torch.manual_seed(0)
    student = story_models.Student(Llama(story_models.CONFIG))
    ids, model = lessons.token_ids[places], student.model
    first = lessons.surprise(model(ids[:, :-1]), places)
    seconds, states = [], []
    student.second.register_forward_hook(lambda layer, given, logits: seconds.append(logits))
    model.blocks[1].register_forward_hook(lambda block, given, x: states.append(x))
    whole = student.loss(places, lessons)
    second = [
        -seconds[0][row, t].log_softmax(-1)[ids[row, t + 2]] for row in range(2) for t in range(89)
    ]
    named = [
        (row, t, kind)
        for row in range(2)
        for t in range(90)
        if (kind := lessons.other_kinds[places[row, t]]) >= 0
    ]
    others = [
        -student.other(model.final_norm(states[0][row, t])).log_softmax(-1)[kind]
        for row, t, kind in named
    ]
    assert len(named) > 4
    expected = first + 0.5 * torch.stack(second).mean() + 0.2 * torch.stack(others).mean()
    torch.testing.assert_close(whole, expected)
