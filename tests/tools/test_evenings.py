"""The page of the evenings is what was measured and computed; defects are planted here."""

import json
import math
import re
import shutil

import pytest
import torch

from lessons_lib.corpus.stories import sample
from lessons_lib.llama import llama_parameters
from lessons_lib.training.command import main as train
from lessons_lib.training.command import new_model, read_arguments
from tools import evenings, house

ROOT = house.ROOT


def text(code):
    return (ROOT / "book" / code / "evenings.md").read_text(encoding="utf-8")


def test_page_and_pictures_are_those_of_the_stored_runs():
    assert evenings.check() == []


def test_stored_runs_are_of_the_printed_commands():
    runs = evenings.stored()
    assert [*runs] == [*evenings.RECIPES]
    for name, run in runs.items():
        assert run["command"] == evenings.command(name)
        assert f".venv/bin/{run['command']}\n" in text("en")
        end = run["reports"][-1]
        assert 600 <= end["seconds"] < 660
        assert run["files"]["F32"]["bits"] == pytest.approx(evenings.bits(run, end), abs=2e-3)
        assert [one["step"] for one in run["samples"]] == [r["step"] for r in run["reports"]]


@pytest.mark.parametrize("place", ["bits", "validation", "text"])
def test_another_number_is_found(tmp_path, place):
    for path in (evenings.FILE, *(f"book/{code}" for code in house.LANGUAGES)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_file():
            shutil.copy(ROOT / path, tmp_path / path)
        else:
            (tmp_path / path).mkdir()
            for file in [*(ROOT / path).glob("evening*")]:
                shutil.copy(file, tmp_path / path)
    runs = evenings.stored()
    assert evenings.check(tmp_path) == []
    run = runs["quijote"]
    changed = {
        "bits": run["files"]["Q4_0"],
        "validation": run["reports"][-1],
        "text": run["samples"][-1],
    }[place]
    changed[place] = "otra cosa" if place == "text" else changed[place] + 0.1
    (tmp_path / evenings.FILE).write_text(json.dumps(runs), encoding="utf-8")
    found = evenings.check(tmp_path)
    assert len(found) == (4 if place == "validation" else 2)  # the pictures too
    assert all("stale" in one for one in found)


def test_table_without_a_place_is_refused():
    broken = text("en").replace("<!-- evenings: plans -->", "")
    with pytest.raises(ValueError, match=r"expected places .*plans"):
        evenings.page(evenings.stored(), "en", broken)


def test_ngrams_are_those_of_their_chapter():
    notebook = json.loads((ROOT / "book/en/ngrams.ipynb").read_text(encoding="utf-8"))
    [cell] = [cell for cell in notebook["cells"] if cell["id"] == "real"]
    told = "".join(line for output in cell["outputs"] for line in output.get("text", ""))
    for name, orders in evenings.NGRAMS.items():
        line = re.search(rf"^{name} bits per byte: (.*)$", told, re.M)[1]
        assert line == str({order: f"{value:.2f}" for order, value in orders.items()})


def test_plans_are_of_models_that_the_command_trains():
    _, (d_model, n_layers, n_heads), _ = evenings.PLANS[1]
    line = next(line for line in text("en").splitlines() if "--text my-tokens --d-model" in line)
    options = read_arguments(line.split("lessons_lib.training ")[1].split())
    assert (options.d_model, options.n_layers, options.n_heads) == (d_model, n_layers, n_heads)
    with torch.device("meta"):
        model = new_model(options, evenings.VOCAB)
    found = evenings.plan(*evenings.PLANS[1])
    assert found["parameters"] == llama_parameters(model.config)
    assert options.batch // options.accumulate == evenings.PLANS[1][2]
    n_tokens = options.steps * options.batch * options.context
    assert n_tokens == pytest.approx(found["tokens"], rel=1e-4)
    assert found["memory"] < 24e9


def test_plan_by_hand():
    found = evenings.plan(*evenings.PLANS[2])
    assert found["tokens"] == 3e9
    six = 6 * found["parameters"] * found["tokens"]
    assert six < found["flops"] < 1.2 * six  # attention, and the table that counts once here
    for card, (peak, _) in evenings.CARDS.items():
        assert found["hours"][card] == pytest.approx(found["flops"] / peak / 0.4 / 3600)
    ratios = [
        p["tokens"] / p["parameters"] for p in (evenings.plan(*one) for one in evenings.PLANS)
    ]
    assert min(ratios) >= 19
    assert max(ratios) < 36


def test_gpt2_in_the_prose():
    found = evenings.gpt2()
    assert f"{found['parameters']:,}" in text("en")
    assert round(found["flops"] / 1e18, 1) == 8.5
    assert found["hours"]["A100"] > 1.5  # llm.c was faster
    assert found["hours"]["H100"] == pytest.approx(0.75, abs=0.01)
    options = read_arguments(
        re.search(r"lessons_lib\.training \\\n(.*?)```", text("en"), re.S)[1]
        .replace("\\", "")
        .split()
    )
    assert options.steps * options.batch * options.context == pytest.approx(10e9, rel=1e-4)
    assert options.batch / 8 / options.accumulate == 16


def test_losses_in_bits():
    for nats, bits in ((1.88, 2.71), (1.47, 2.12)):
        assert round(nats / math.log(2), 2) == bits
        assert f"{nats} nats per character | {bits} |" in text("en")


def test_a_run_is_measured(tmp_path, monkeypatch, capsys):
    told = "\n".join(story.text for story in sample(60, seed=1, language="en"))
    book, folder, log = tmp_path / "book.txt", tmp_path / "model", tmp_path / "log"
    book.write_text(told, encoding="utf-8")
    small = {"vocab_size": 300, "d_model": 32, "n_layers": 1, "context": 32, "every": 2}
    sizes = [f"--{key.replace('_', '-')}={value}" for key, value in small.items()]
    train(["--text", str(book), "--steps", "4", "--peak-tflops", "1", "--out", str(folder), *sizes])
    log.write_text(capsys.readouterr().out, encoding="utf-8")
    monkeypatch.setattr(evenings, "load_text", lambda _: told)
    monkeypatch.setitem(evenings.RECIPES, "shakespeare", small)
    found = evenings.measure("shakespeare", folder, log)
    assert [report["step"] for report in found["reports"]] == [2, 4]
    assert [one["step"] for one in found["samples"]] == [2, 4]
    assert found["bytes"] == len(told[int(0.9 * len(told)) :].encode())
    end = evenings.bits(found, found["reports"][-1])
    assert found["files"]["F32"]["bits"] == pytest.approx(end, abs=1e-3)
    sizes = [file["bytes"] for file in found["files"].values()]
    assert sizes == sorted(sizes, reverse=True)
    assert (folder / "Q4_0.gguf").stat().st_size == sizes[-1]
