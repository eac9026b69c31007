"""The book's chat model: what stands in its folder is true, and llama.cpp answers as we do."""

import json
import os
from dataclasses import asdict, replace

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports that read it

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lessons_lib.corpus.stories import LANGUAGES, WORLD
from lessons_lib.corpus.tasks import KINDS, sample
from lessons_lib.fine_tuning import (
    TEMPLATE,
    answer_tasks,
    chat_model,
    chat_text,
    documents,
    encode_chat,
    load_adapter,
)
from lessons_lib.gguf import write_gguf
from lessons_lib.live.chat import ADAPTER
from tests.llama_cpp_models import chat
from tools import chat_model as tool

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def stored():
    return chat_model()


@pytest.fixture(scope="module")
def results():
    return json.loads((tool.FOLDER / "results.json").read_text(encoding="utf-8"))


def test_its_folder_is_small_and_whole():
    sizes = {path.name: path.stat().st_size for path in tool.FOLDER.iterdir()}
    assert sum(sizes.values()) < 4_000_000
    assert {"README.md", "config.json", "model.safetensors", "record.jsonl"} < set(sizes)


def test_its_card_says_what_was_measured(results):
    card = (tool.FOLDER / "README.md").read_text(encoding="utf-8")
    for language in LANGUAGES:
        for kind in KINDS:
            assert f"{results['right'][language][kind]:.3f}" in card


def test_its_card_is_the_one_that_its_tool_writes(monkeypatch, tmp_path):
    stored = {name: (tool.FOLDER / name).read_bytes() for name in ("README.md", "results.json")}
    (tmp_path / "results.json").write_bytes(stored["results.json"])
    monkeypatch.setattr(tool, "FOLDER", tmp_path)
    tool.write_card()
    assert (tmp_path / "README.md").read_bytes() == stored["README.md"]


def test_it_was_trained_as_its_tool_says(results):
    recipe = {f"recipe.{name}": value for name, value in asdict(tool.RECIPE).items()}
    assert recipe.items() <= results["settings"].items()
    assert results["tested"] == tool.N_TESTS


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_answers_are_as_right_as_measured(stored, results, language):
    """Six tasks of each kind: a part of those that were measured."""
    for kind in ("home", "mood", "holder", "count"):
        tasks = sample(12, 0, language, kind)
        answers = answer_tasks(*stored, tasks, 40)
        right = sum(task.check(text) for task, text in zip(tasks, answers, strict=True)) / 12
        assert abs(right - results["right"][language][kind]) < 0.4


def test_transformers_opens_it(stored):
    model, tokenizer = stored
    theirs = AutoTokenizer.from_pretrained(tool.FOLDER)
    assert theirs.chat_template == TEMPLATE
    [task] = sample(1, 3)
    text = theirs.apply_chat_template(task.messages, tokenize=False, add_generation_prompt=True)
    assert text == chat_text(task.messages, add_generation_prompt=True)
    other = AutoModelForCausalLM.from_pretrained(tool.FOLDER, dtype=torch.float32)
    ids = torch.tensor([encode_chat(task.messages, tokenizer, add_generation_prompt=True)])
    with torch.no_grad():
        torch.testing.assert_close(other(ids).logits, model(ids), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("adapter", [None, ADAPTER])
def test_it_chats_in_llama_cpp(tmp_path, adapter):
    """The answers to fifty chats, to the letter; with the stored adapter too."""
    model, tokenizer = chat_model()
    metadata = {"tokenizer.chat_template": TEMPLATE}
    write_gguf(tmp_path / "chat.gguf", model, tokenizer, "F32", metadata)
    kinds = [kind for kind in KINDS if kind != "order"]
    tasks = [
        task for language in LANGUAGES for kind in kinds for task in sample(3, 2, language, kind)
    ][:50]
    if adapter:
        load_adapter(model, adapter)
    ours = answer_tasks(model, tokenizer, tasks, 60)
    theirs = chat(tmp_path / "chat.gguf", [task.messages for task in tasks], 60, adapter)
    assert [text.strip() for text in theirs] == [text.strip() for text in ours]


def test_the_lessons_know_the_traits(stored):
    """Where a name is marked, the story of that text says so of that name."""
    _, tokenizer = stored
    lessons = tool.Lessons(12, tokenizer)
    ids = lessons.data.token_ids.view(-1, tool.LENGTH + 1)
    traits, seen = lessons.traits.view_as(ids), 0
    for row, marks in zip(ids, traits, strict=True):
        numbers = documents(row[None], tokenizer.end_id)[0]
        for place in (marks >= 0).nonzero()[:, 0].tolist():
            text = tokenizer.decode(row[numbers == numbers[place]].tolist())
            trait = WORLD.traits[marks[place]]
            assert trait.en in text or trait.es.rstrip("@") in text
            seen += 1
    assert seen > 50


def test_a_model_is_written_only_if_it_is_good_enough(monkeypatch, tmp_path):
    recipe = replace(tool.RECIPE, n_steps=1, save_every=0)
    for name, value in {
        "RECIPE": recipe,
        "N_TESTS": 1,
        "FOLDER": tmp_path / "chat",
        "RUN": tmp_path / "run",
        "LEAST_RIGHT": 0.5,
    }.items():
        monkeypatch.setattr(tool, name, value)
    with pytest.raises(ValueError, match=r"at least 0\.5 of the answers right"):
        tool.build()
    assert not (tmp_path / "chat").exists()
    monkeypatch.setattr(tool, "LEAST_RIGHT", 0.0)
    tool.build()  # goes on with the run that is there
    written = {path.name for path in (tmp_path / "chat").iterdir()}
    assert {"README.md", "results.json", "record.jsonl", "model.safetensors"} < written
