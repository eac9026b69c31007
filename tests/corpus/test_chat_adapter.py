"""The adapter with which the stored chat model answers in the other language."""

import json
from dataclasses import replace

import pytest

from lessons_lib.corpus.stories import LANGUAGES, sample
from lessons_lib.corpus.tasks import ABOUT, ask
from lessons_lib.fine_tuning import answer_tasks, chat_model, load_adapter, lora_parts
from lessons_lib.live.chat import ADAPTER, in_other_language
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
    tasks = [
        (kind, ask(story, kind, i))
        for kind in ("home", "mood", "holder")
        for i, story in enumerate(sample(8, 0, language))
    ]
    truths = [in_other_language(task, i % 8) for i, (_, task) in enumerate(tasks)]
    shares = []
    for adapted in (False, True):
        if adapted:
            load_adapter(model, ADAPTER)
        answers = answer_tasks(model, tokenizer, [task for _, task in tasks], 40)
        right = [truth.check(text) for truth, text in zip(truths, answers, strict=True)]
        shares.append(sum(right) / len(right))
    measured = sum(results["right"][language][kind] for kind in ("home", "mood", "holder")) / 3
    assert shares[0] < 0.1  # it does so with the adapter alone
    assert abs(shares[1] - measured) < 0.25


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_other_language_says_the_same(language):
    for i, story in enumerate(sample(30, 3, language)):
        for kind in (*ABOUT, "translation"):
            task = ask(story, kind, i)
            other = in_other_language(task, i)
            assert (other is task) == (kind == "translation")
            assert other.kind == kind
            assert in_other_language(other, i).answer == task.answer


def test_an_adapter_is_written_only_if_it_is_good_enough(monkeypatch, tmp_path):
    recipe = replace(tool.RECIPE, n_steps=1, batch_size=1)
    path = tmp_path / "adapter" / "adapter.gguf"
    values = {"RECIPE": recipe, "N_TESTS": 1, "ADAPTER": path, "LEAST_RIGHT": 1.1}
    for name, value in values.items():
        monkeypatch.setattr(tool, name, value)
    assert tool.main([]) == 1
    assert not path.exists()
    monkeypatch.setattr(tool, "LEAST_RIGHT", 0.0)
    assert tool.main([]) == 0
    written = {one.name for one in path.parent.iterdir()}
    assert written == {"adapter.gguf", "README.md", "results.json"}
