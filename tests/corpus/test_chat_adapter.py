"""The adapter with which the stored chat model answers in the other language."""

import json
from dataclasses import replace

import pytest

from lessons_lib.corpus.stories import LANGUAGES, sample
from lessons_lib.corpus.tasks import ABOUT, ask, meetings
from lessons_lib.corpus.tasks import sample as sample_tasks
from lessons_lib.fine_tuning import answer_tasks, chat_model, load_adapter, lora_parts
from lessons_lib.live.chat import ADAPTER, PROVERBS, right_after
from tools import chat_adapter as tool

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def results():
    return json.loads(ADAPTER.with_name("results.json").read_text(encoding="utf-8"))


def test_it_is_small_and_its_card_says_what_was_measured(results):
    assert ADAPTER.stat().st_size < 110_000
    card = ADAPTER.with_name("README.md").read_text(encoding="utf-8")
    assert card == tool.card(results)
    model = load_adapter(chat_model()[0], ADAPTER)
    numbers = sum(part.A.numel() + part.B.numel() for _, part in lora_parts(model))
    assert numbers == results["numbers"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_answers_are_as_right_as_measured(results, language):
    model, tokenizer = chat_model()
    kinds = ("home", "mood", "holder")
    tasks = [task for kind in kinds for task in sample_tasks(8, 0, language, kind)]
    shares = []
    for adapted in (False, True):
        if adapted:
            load_adapter(model, ADAPTER)
        answers = answer_tasks(model, tokenizer, tasks, 40)
        right = [
            right_after(PROVERBS[language], *pair) for pair in zip(tasks, answers, strict=True)
        ]
        shares.append(sum(right) / len(right))
    assert shares[0] == 0  # it does so with the adapter alone
    assert abs(shares[1] - sum(results["right"][language][kind] for kind in kinds) / 3) < 0.25


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_other_language_says_the_same(language):
    for i, story in enumerate(sample(30, 3, language)):
        for kind in ABOUT:
            task = ask(story, kind, i)
            other = tool.in_other_language(task, i)
            assert (other.kind, other.language) == (kind, "es" if language == "en" else "en")
            assert tool.other_answer(other, i) == task.answer
    [task] = meetings(1, 5, language)
    assert tool.other_answer(tool.in_other_language(task, 5), 5) == task.answer


def test_an_adapter_is_written_only_if_it_is_good_enough(monkeypatch, tmp_path):
    recipe = replace(tool.RECIPE, n_steps=1, batch_size=1)
    path = tmp_path / "adapter" / "adapter.gguf"
    values = {"RECIPE": recipe, "N_TESTS": 1, "ADAPTER": path, "LEAST_RIGHT": 1.1}
    values["KINDS"] = ("home",)
    for name, value in values.items():
        monkeypatch.setattr(tool, name, value)
    assert tool.main([]) == 1
    assert not path.exists()
    monkeypatch.setattr(tool, "LEAST_RIGHT", 0.0)
    assert tool.main([]) == 0
    written = {one.name for one in path.parent.iterdir()}
    assert written == {"adapter.gguf", "README.md", "results.json"}
