"""Looking at a run: its page in a browser, a sweep and its picture, TensorBoard's files."""

import functools
import http.server
import json
import re
import sys
import threading
import types

import pytest

from lessons_lib.base import language
from lessons_lib.figures import sweep as picture
from lessons_lib.training import TrainingDiverged, read_record
from lessons_lib.training.command import main, read_arguments
from lessons_lib.training.sweep import best_rate, rates_of, sweep
from lessons_lib.training.watching import page_html, tensorboard_watch, thinned, write_page
from tests.live.page import listening
from tools.house import ROOT

STEPS = ["--steps", "4", "--every", "2", "--stories", "200", "--batch", "2", "--context", "96"]
COMMAND = ["--text", "stories", "--d-model", "16", "--n-heads", "2", "--n-layers", "1", *STEPS]


def line(step, **more):
    told = {"step": step, "loss": 7 - step / 500, "rate": 0.5, "gradient": 1.25}
    return told | {"tokens": 64 * step, "seconds": 2.0 * step} | more


def report(step):
    machine = {"tokens_per_second": 1234.5, "mfu": 0.4, "memory_bytes": 25 * 10**8}
    return line(step, validation=6.5, machine=machine | {"seconds_left": 3723.0})


def a_record(n=1000):
    return [report(step) if step % 100 == 0 else line(step) for step in range(1, n + 1)]


def test_a_long_record_is_thinned_and_keeps_its_reports():
    record = a_record(10_000)
    kept = thinned(record)
    assert len(kept) <= 501
    assert [x for x in kept if "machine" in x] == record[99::100]
    assert thinned(record[:50]) == record[:50]
    assert thinned([]) == []
    reports = [report(step) for step in range(1, 5001)]
    assert len(thinned(reports)) < 900
    assert thinned(reports)[-1] == reports[-1]


def test_a_page_is_one_file_and_no_name_gets_out_of_its_place():
    name = "</script><b>&"
    page = page_html({name: a_record(3)}, {name: "record.jsonl"}, True)
    assert page.count("</script>") == 2
    assert "<b>" not in page.split("<noscript>")[1].split("</noscript>")[0]
    assert "https:" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "src=" not in page


@pytest.fixture
def opened(tab):
    troubles = []
    with listening(
        tab,
        console=lambda message: troubles.append(message.text),
        pageerror=lambda error: troubles.append(str(error)),
    ):
        tab.set_viewport_size({"width": 390, "height": 800})
        yield tab
    assert troubles == []


def numbers(tab):
    terms, values = tab.locator("dt").all_inner_texts(), tab.locator("dd").all_inner_texts()
    return dict(zip(terms, values, strict=True))


def test_the_page_of_a_run_shows_its_last_numbers_in_both_languages(opened, tmp_path):
    write_page(tmp_path, {"a run": [*a_record(1000), line(1001)]}, {"a run": "r"}, done=True)
    opened.goto((tmp_path / "record.html").as_uri() + "?lang=en")
    seen = numbers(opened)
    assert (seen["step"], seen["loss"], seen["validation"]) == ("1,001", "4.998", "6.500")
    assert (seen["time"], seen["time left"]) == ("33:22", "1:02:03")
    assert (seen["tokens per second"], seen["MFU"], seen["memory"]) == (
        "1,235",
        "40%",
        "2.5\u00a0GB",
    )
    assert opened.title() == "Training: a run"
    assert opened.locator("svg").count() == 4
    label = opened.locator("svg").first.get_attribute("aria-label")
    assert "validation: last 6.5" in label
    assert opened.locator("tbody tr, table > tr").count() == 11
    assert opened.evaluate("document.documentElement.scrollWidth") == 390
    opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    seen = numbers(opened)
    assert (seen["paso"], seen["pérdida"]) == ("1\u00a0001", "4,998")
    assert seen["memoria"] == "2,5\u00a0GB"
    assert opened.evaluate("document.documentElement.lang") == "es"
    assert opened.evaluate("document.activeElement.textContent") == "English"


def test_over_http_the_page_follows_the_record(opened, tmp_path):
    """Written at step 2; the record has gone on, and its last line is not whole yet."""
    write_page(tmp_path, {"x": a_record(2)}, {"x": "record.jsonl"}, done=False)
    text = "".join(json.dumps(each) + "\n" for each in a_record(300)) + '{"step": 3'
    (tmp_path / "record.jsonl").write_text(text)
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    handler = functools.partial(quiet, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        opened.goto(f"http://127.0.0.1:{server.server_port}/record.html?lang=es")
        opened.get_by_text("19\u00a0200").first.wait_for()
        assert numbers(opened)["paso"] == "300"
        server.shutdown()


def test_before_the_first_step_the_page_says_so(opened, tmp_path):
    write_page(tmp_path, {"x": []}, {"x": "record.jsonl"}, done=True)
    opened.goto((tmp_path / "record.html").as_uri() + "?lang=en")
    assert opened.get_by_text("No step yet.").count() == 1


# ---------------------------------------------------------------- sweeps


@pytest.mark.parametrize(
    "text", ["1e-3", "1e-3,x", "1e-3,1e-3", "0,1e-3", "1e-3,-1", "1e-3,inf", ""]
)
def test_rates_that_are_no_sweep_are_refused(text):
    with pytest.raises(ValueError, match="expected"):
        rates_of(text)


def test_a_sweep_keeps_a_table_and_a_run_that_diverged_is_a_result(tmp_path):
    def run(rate, folder):
        if rate > 0.1:
            raise TrainingDiverged("too fast")
        return [line(1, validation=abs(rate - 0.01))]

    rows = sweep([0.001, 0.01, 0.02, 1.0], tmp_path, run)
    assert [row["validation"] for row in rows] == pytest.approx([0.009, 0, 0.01, None])
    found = json.loads((tmp_path / "sweep.json").read_text())
    assert found == {"rows": rows, "best": 0.01}
    assert best_rate([rows[-1]]) is None
    assert '"path":"lr-0.02/record.jsonl"' in (tmp_path / "record.html").read_text()
    assert sweep([0.1, 0.2], tmp_path / "none", lambda rate, folder: None) is None


def test_the_picture_of_a_sweep_speaks_both_languages(tmp_path):
    rows = [{"lr": 0.001, "validation": 3.5}, {"lr": 0.01, "validation": 2.5}]
    rows.append({"lr": 1.0, "validation": None})
    (tmp_path / "sweep.json").write_text(json.dumps({"rows": rows}))
    try:
        for tongue, words in (
            ("en", ("learning rate", "best: 0.01")),
            ("es", ("mejor: 0,01", "2,6")),
        ):
            picture.main([str(tmp_path), "--language", tongue])
            drawn = (tmp_path / "sweep.svg").read_text(encoding="utf-8")
            assert all(word in drawn for word in words)
    finally:
        language.speak("en")
    with pytest.raises(ValueError, match="a run that did not diverge"):
        picture.sweep_figure(rows[-1:])
    with pytest.raises(ValueError, match=r"expected a sweep's table in .*sweep.json"):
        picture.main([str(tmp_path / "none")])


def test_the_command_sweeps_and_goes_on_with_a_sweep(tmp_path, capsys):
    command = [*COMMAND, "--out", str(tmp_path), "--sweep", "1e-2,1e-3"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "best: --lr 0.01 --matrix-lr 0.04" in said  # Muon's rate keeps its ratio
    folders = sorted(path.name for path in tmp_path.glob("lr-*"))
    assert folders == ["lr-0.001", "lr-0.01"]
    table = (tmp_path / "sweep.json").read_text()
    for folder in folders:
        record = read_record(tmp_path / folder / "record.jsonl")
        assert [each["step"] for each in record if "machine" in each] == [2, 4]
        assert (tmp_path / folder / "record.html").exists()
    assert main([*command, "--resume"]) == 0
    assert (tmp_path / "sweep.json").read_text() == table
    with pytest.raises(ValueError, match="expected a folder without a run"):
        main(command)
    with pytest.raises(ValueError, match="expected learning rates"):
        read_arguments([*COMMAND, "--out", "x", "--sweep", "fast"])


# ---------------------------------------------------------------- TensorBoard


def test_tensorboard_is_told_what_the_record_tells(tmp_path, monkeypatch):
    told, made = [], []

    class SummaryWriter:
        def __init__(self, folder, purge_step):
            made.append((folder, purge_step))

        def add_scalar(self, name, value, step):
            told.append((name, value, step))

        def flush(self):
            told.append("flush")

    module = types.ModuleType("tensorboard")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    watch = tensorboard_watch(tmp_path)
    assert made == []
    watch(line(5))
    watch(report(6))
    assert made == [(tmp_path, 5)]  # what was told from there on comes again
    assert told[:3] == [("loss/batch", 6.99, 5), ("rate", 0.5, 5), ("gradient", 1.25, 5)]
    assert ("loss/validation", 6.5, 6) in told
    assert ("machine/mfu", 0.4, 6) in told
    assert told[-1] == "flush"


def test_without_tensorboard_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r"expected the package tensorboard.*pip install"):
        tensorboard_watch("x")


def test_tensorboard_reads_its_files(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    watch = tensorboard_watch(tmp_path)
    for each in a_record(100):
        watch(each)
    found = reader.EventAccumulator(str(tmp_path)).Reload()
    assert len(found.Scalars("loss/batch")) == 100
    assert [e.value for e in found.Scalars("loss/validation")] == [6.5]


# ---------------------------------------------------------------- the page on long runs


@pytest.mark.parametrize("tongue", language.LANGUAGES)
def test_the_page_on_long_runs_names_options_that_there_are(tongue, capsys):
    page = (ROOT / "book" / tongue / "long_runs.md").read_text(encoding="utf-8")
    called = re.findall(r"-m lessons_lib\.training ((?:.|\\\n)*?)['\n]", page)
    assert len(called) == 5
    named = {word for line in [*called, *re.findall(r"`(--[\w-]+)", page)] for word in line.split()}
    named = {word for word in named if word.startswith("--")} - {
        "--shutdown-timeout",
        "--signal",
        "--node-rank",
    }
    with pytest.raises(SystemExit):
        main(["--help"])
    assert named <= set(re.findall(r"--[\w-]+", capsys.readouterr().out))
    assert {"--sweep", "--sharded-checkpoints", "--resume", "--compile"} <= named
