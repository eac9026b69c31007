"""What is stored of the assistant's stages bears out the chapter's words; its tool still runs."""

import json
import math

import numpy as np
import pytest
import torch

from lessons_lib.corpus.stories import LANGUAGES
from lessons_lib.corpus.tasks import KINDS, NOT_SAID
from lessons_lib.fine_tuning import chat_model
from tools import chat_adapter
from tools import stages as tool

pytestmark = pytest.mark.usefixtures("one_thread")
STORED = json.loads(tool.STORED.read_text(encoding="utf-8"))
FURTHER = [*tool.LEARN]


@pytest.fixture
def chat():
    return chat_model()


def share(stage, language, kind):
    """The share of right answers in each run of a stage."""
    return np.array([run[language][kind] / run[language]["n"] for run in STORED[stage]])


def test_all_kinds_are_stored_for_all_stages():
    assert [*STORED] == [*tool.STAGES]
    for stage, runs in STORED.items():
        assert len(runs) == (1 if stage == "before" else len(tool.SEEDS))
        for run in runs:
            assert [*run] == [*LANGUAGES, *(["seconds"] if stage in FURTHER else [])]
            assert run.get("seconds", 0) < 60
            for language in LANGUAGES:
                assert [*run[language]] == ["n", *KINDS, "drawn", "excess"]
                n = tool.N_BEFORE if stage == "before" else tool.N_TESTS
                assert run[language]["n"] == n
                assert all(0 <= run[language][kind] <= n for kind in KINDS)


def test_half_an_interval_is_that_many_deviations():
    """Of Student's t with three degrees of freedom, whose distribution has a closed form."""
    t = 1.59 * math.sqrt(4)
    x = t / math.sqrt(3)
    assert 2 / math.pi * (math.atan(x) + x / (1 + x * x)) == pytest.approx(0.95, abs=5e-4)


@pytest.mark.parametrize("stage", FURTHER)
def test_going_on_changes_little_in_all(stage):
    each = [share(stage, one, k) - share("sft", one, k) for one in LANGUAGES for k in KINDS]
    change = np.mean(each, axis=0)
    assert abs(change.mean()) < 1.59 * change.std(ddof=1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_chapter_says_of_rows(language):
    assert max(share("before", language, kind)[0] for kind in KINDS) == 0
    assert np.mean([share("sft", language, kind) for kind in KINDS]) > 0.85
    for stage in ("sft", *FURTHER):
        for kind in ("person", "trait"):
            assert 0.58 < share(stage, language, kind).mean() < 0.72  # two thirds
    drawn, most = share("rl", language, "drawn"), share("sft", language, "meetings")
    assert drawn.min() > share("sft", language, "drawn").max()
    assert drawn.mean() > 0.9
    assert most.mean() == 1


def test_an_exam_finds_what_is_stored(chat, monkeypatch):
    monkeypatch.setattr(tool, "KINDS", ("mood", "holder"))
    monkeypatch.setattr(tool, "N_STORIES", 2)
    found = tool.examine(*chat, tool.N_TESTS, 0)
    for language in LANGUAGES:
        for kind in ("mood", "holder", "drawn"):
            stored = STORED["sft"][0][language][kind]
            assert abs(found[language][kind] - stored) <= (5 if kind == "drawn" else 1)


def test_pairs_are_half_and_half_and_of_both_languages(chat, monkeypatch):
    monkeypatch.setattr(tool, "N_ASKED", 4)
    monkeypatch.setattr(tool, "N_PAIRS", 12)
    model, tokenizer = chat
    refusals = [[*tokenizer.encode(no), tokenizer.end_id] for no in NOT_SAID.values()]
    pairs = tool.draw_pairs(model, tokenizer, 0)
    assert len(pairs) == 12
    assert sum(pair.chosen in refusals for pair in pairs) == 6
    assert sum(pair.rejected in refusals for pair in pairs) == 6
    said = [answer for pair in pairs for answer in (pair.chosen, pair.rejected)]
    assert all(refusal in said for refusal in refusals)


@pytest.mark.parametrize("stage", FURTHER)
def test_each_way_of_going_on_changes_the_model_and_leaves_it_plain(chat, monkeypatch, stage):
    for name, value in {"N_ASKED": 4, "N_PAIRS": 4, "N_STEPS": 1, "N_TASKS": 2}.items():
        monkeypatch.setattr(tool, name, value)
    monkeypatch.setattr(tool, "LORA", tool.replace(tool.LORA, n_steps=2))
    monkeypatch.setattr(chat_adapter, "N_STORIES", 40)
    model, tokenizer = chat
    names = [name for name, _ in model.named_parameters()]
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    tool.LEARN[stage](model, tokenizer, 0)
    assert [name for name, _ in model.named_parameters()] == names
    assert not all(torch.equal(before[name], now) for name, now in model.named_parameters())


def test_stages_are_noted_in_their_order(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tool, "STORED", tmp_path / "stages.json")
    monkeypatch.setattr(tool, "run", lambda stage, seed: {stage: seed})
    for stages in (["rl"], ["before", "dpo"]):
        monkeypatch.setattr("sys.argv", ["stages", *stages])
        assert tool.main() == 0
    stored = json.loads(tool.STORED.read_text(encoding="utf-8"))
    assert [*stored] == ["before", "dpo", "rl"]
    assert stored["dpo"] == [{"dpo": seed} for seed in range(4)]
    monkeypatch.setattr("sys.argv", ["stages", "ppo"])
    with pytest.raises(SystemExit):
        tool.main()
    assert "expected stages among before, sft" in capsys.readouterr().err
