"""The book's CLIP: what stands in its folder is true, and its tool writes only what is good."""

import json
import os
from dataclasses import replace

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports that read it

import pytest
import torch
import transformers

from lessons_lib.clip import CLIPConfig, TowerConfig, classify, picture_model, show
from lessons_lib.corpus.pictures import all_scenes, caption, sample
from lessons_lib.corpus.stories import LANGUAGES
from tools import clip_model as tool

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def stored():
    return picture_model()


@pytest.fixture(scope="module")
def results():
    return json.loads((tool.FOLDER / "results.json").read_text(encoding="utf-8"))


def test_its_card_is_the_one_that_its_tool_writes(monkeypatch, tmp_path):
    stored = {name: (tool.FOLDER / name).read_bytes() for name in ("README.md", "results.json")}
    (tmp_path / "results.json").write_bytes(stored["results.json"])
    monkeypatch.setattr(tool, "FOLDER", tmp_path)
    tool.write_card()
    assert (tmp_path / "README.md").read_bytes() == stored["README.md"]


def test_its_folder_is_small_and_whole():
    sizes = {path.name: path.stat().st_size for path in tool.FOLDER.iterdir()}
    assert sum(sizes.values()) < 4_000_000
    expected = {"README.md", "config.json", "model.safetensors", "record.jsonl", "tokenizer.json"}
    assert expected < set(sizes)


def test_its_card_says_what_was_measured(results):
    card = (tool.FOLDER / "README.md").read_text(encoding="utf-8")
    for language in LANGUAGES:
        right = results["right"][language]
        assert right.keys() == tool.MEASURES.keys()
        assert all(f"{value:.3f}" in card for value in right.values())
        assert all(right[name] >= least for name, least in tool.LEAST.items())


def test_it_is_as_good_as_measured(stored, results):
    """On 200 of the scenes that were measured, in both languages: three errors away at most."""
    again = tool.measure(*stored, 200)
    for language in LANGUAGES:
        for name in ("thing", "full", "place", "time", "colours"):
            p = results["right"][language][name]
            room = 3 * (max(p * (1 - p), 0.01) / 200) ** 0.5
            assert abs(again[language][name] - p) <= room, (language, name)
        assert again[language]["caption"] >= results["right"][language]["caption"] - 0.02


def test_transformers_opens_it(stored):
    model, tokenizer = stored
    theirs = transformers.CLIPModel.from_pretrained(tool.FOLDER, dtype=torch.float32).eval()
    words = transformers.AutoTokenizer.from_pretrained(tool.FOLDER)
    scenes = sample(5, 1, "test")
    texts = [caption(scene, language) for scene in scenes for language in LANGUAGES]
    ids = words(texts, padding=True, return_tensors="pt")
    assert torch.equal(ids["input_ids"], tokenizer.batch(texts))
    pictures = show(scenes)
    pixels = (2 * pictures - 1).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = theirs(**ids, pixel_values=pixels).logits_per_text
        # scores go to 100 / 3 and more, where float32 has four decimals left
        torch.testing.assert_close(model(ids["input_ids"], pictures), expected, rtol=0, atol=1e-4)


def test_it_knows_a_fox(stored):
    model, tokenizer = stored
    scenes = [s for s in all_scenes("test") if [t.name for t in s.things] == ["fox"]]
    options = ["a fox", "a duck", "un oso", "a rabbit"]
    assert classify(model, tokenizer, show(scenes), options).eq(0).all()


def test_a_model_is_written_only_if_it_is_good_enough(monkeypatch, tmp_path):
    small, short = TowerConfig(16, 2, 1), {"n_steps": 1, "batch_size": 4}
    for name, value in {
        "PARTS": [part._replace(recipe=replace(part.recipe, **short)) for part in tool.PARTS],
        "N_TESTS": 4,
        "FOLDER": tmp_path / "clip",
        "CLIPConfig": lambda size: CLIPConfig(size, 24, small, small, 8),
    }.items():
        monkeypatch.setattr(tool, name, value)
    with pytest.raises(ValueError, match="expected at least"):
        tool.build()
    assert not (tmp_path / "clip").exists()
    monkeypatch.setattr(tool, "LEAST", {})
    tool.build()
    written = {path.name for path in (tmp_path / "clip").iterdir()}
    assert {"README.md", "config.json", "model.safetensors", "results.json"} < written
