"""Energy of a run: counters in a folder like that of Linux, a meter, a range; carbon; the card."""

import json
import subprocess
import sys
import threading

import pytest

from lessons_lib.base.files import write_atomic
from lessons_lib.responsibility import __main__ as command
from lessons_lib.responsibility.card import MISSING, amount, write_card
from lessons_lib.responsibility.energy import (
    Energy,
    EnergyMeter,
    carbon,
    estimated_energy,
    facts,
    figure,
    grids,
    metered_energy,
    read_energy,
    write_energy,
)
from tools.house import ROOT

FULL = 262_143_328_850  # microjoules: what a counter of an Intel processor shows at most
ZONES = {
    "intel-rapl:0": "package-0",
    "intel-rapl:0:0": "core",
    "intel-rapl:0:1": "dram",
    "intel-rapl:1": "package-1",
    "intel-rapl:2": "psys",
    "intel-rapl-mmio:0": "package-0",
}
SUMMED = ("intel-rapl:0", "intel-rapl:0:1", "intel-rapl:1")


@pytest.fixture
def powercap(tmp_path):
    """A folder like /sys/class/powercap with two processors; every counter at 1000 µJ."""
    for zone, name in ZONES.items():
        folder = tmp_path / zone
        folder.mkdir()
        (folder / "name").write_text(f"{name}\n")
        (folder / "max_energy_range_uj").write_text(f"{FULL}\n")
        (folder / "energy_uj").write_text("1000\n")
    (tmp_path / "intel-rapl").mkdir()  # the type of control itself: no counter in it
    return tmp_path


def count(powercap, *zones, to):
    for zone in zones:
        write_atomic(powercap / zone / "energy_uj", f"{to}\n".encode())


def test_processors_and_their_memory_are_summed(powercap):
    with EnergyMeter(powercap) as meter:
        count(powercap, *ZONES, to=2_001_000)
    assert meter.energy() == Energy(6.0, 6.0, "counters")  # 2 J of each in SUMMED


def test_what_was_counted_before_the_run_does_not_count(powercap):
    meter = EnergyMeter(powercap)
    count(powercap, *ZONES, to=9_000_000)
    with meter:
        count(powercap, *ZONES, to=9_500_000)
    assert meter.energy().low == 1.5


def test_counters_that_begin_anew(powercap):
    count(powercap, *SUMMED, to=FULL - 400_000)
    with EnergyMeter(powercap) as meter:
        count(powercap, *SUMMED, to=600_000)  # 0.4 J up to the end, 0.6 J after it
        meter.read()
        assert meter.energy().low == pytest.approx(3.0)
        count(powercap, *SUMMED, to=100_000)  # once around, nearly
    whole = (FULL - 500_000) / 1e6
    assert meter.energy().low == pytest.approx(3 * (1 + whole))


def test_readings_in_between_see_every_new_beginning(powercap):
    has_read = threading.Event()

    class Telling(EnergyMeter):
        def read(self):
            super().read()
            has_read.set()

    with Telling(powercap, every=0.001) as meter:
        for to in (FULL - 1000, 500, FULL - 500, 0):
            count(powercap, "intel-rapl:0", to=to)
            for _ in range(2):  # the first may have begun before the counter moved
                has_read.clear()
                assert has_read.wait(60)
    assert not meter._thread.is_alive()
    assert meter.energy().low == pytest.approx(
        (FULL - 2000 + 1500 + FULL - 1000 + 500) / 1e6, abs=1e-6
    )


@pytest.mark.parametrize("text", ["", "-5", "many", "1e6", "\xff", "1" * 21])
@pytest.mark.parametrize("zone", SUMMED)
def test_a_counter_that_is_none(powercap, zone, text):
    (powercap / zone / "energy_uj").write_bytes(text.encode("latin-1"))
    with EnergyMeter(powercap) as meter:
        pass
    assert meter.energy() is None


@pytest.mark.parametrize("zone", SUMMED)
def test_a_counter_that_may_not_be_read(powercap, zone):
    (powercap / zone / "energy_uj").unlink()
    (powercap / zone / "energy_uj").mkdir()  # opening it is an OSError, for root too
    with EnergyMeter(powercap) as meter:
        pass
    assert meter.energy() is None


def test_a_counter_that_is_lost_meanwhile(powercap):
    with EnergyMeter(powercap) as meter:
        (powercap / "intel-rapl:1" / "energy_uj").unlink()
    assert meter.energy() is None


@pytest.mark.parametrize("full", ["0", "none", None])
def test_a_counter_that_does_not_say_where_it_is_full(powercap, full):
    path = powercap / "intel-rapl:0" / "max_energy_range_uj"
    path.unlink() if full is None else path.write_text(full)
    with EnergyMeter(powercap) as meter:
        count(powercap, "intel-rapl:0", to=3_001_000)
        meter.read()
        assert meter.energy().low == 3
        count(powercap, "intel-rapl:0", to=0)
    assert meter.energy() is None


def test_no_counters(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with EnergyMeter(folder) as meter:
            pass
        assert meter.energy() is None
    for every in (0, -1, float("nan"), "often"):
        with pytest.raises(ValueError, match="expected every"):
            EnergyMeter(tmp_path, every)


# ------------------------------------------------------------------------- meter, range, carbon


def test_a_meter_at_the_wall():
    assert metered_energy(1, 2).low == 3.6e6
    assert metered_energy(7.25, 7.25) == Energy(0, 0, "meter")
    for bad in ((-1, 2), (2, 1), (1, float("nan")), ("1", 2), (1, True)):
        with pytest.raises(ValueError, match=r"expected (before|after)"):
            metered_energy(*bad)


def test_range_by_hand():
    (thread, watts, room) = (figure(name)[1] for name in ("thread", "processor", "overhead"))
    assert (thread, watts, room) == (3.5, 85, 1.54)
    assert estimated_energy(10) == Energy(35, 1309, "estimate")
    assert estimated_energy(10, 2).low == 70
    assert estimated_energy(10, 2).high == 1309  # the processor's, as for one thread
    assert estimated_energy(10, 100).high == pytest.approx(10 * 350 * 1.54)
    assert estimated_energy(0) == Energy(0, 0, "estimate")


@pytest.mark.parametrize("bad", [(-1, 1), (float("inf"), 1), ("1", 1), (1, 0), (1, 1.5), (1, None)])
def test_range_of_what_is_none(bad):
    with pytest.raises(ValueError, match="expected"):
        estimated_energy(*bad)


def test_carbon_by_hand():
    one = Energy(3.6e6, 2 * 3.6e6, "estimate")
    low, high = grids()["ES"]
    assert carbon(one, "ES") == (low, 2 * high)
    least, most = min(low for low, _ in grids().values()), max(high for _, high in grids().values())
    assert carbon(one) == (least, 2 * most)
    assert carbon(Energy(0, 0, "meter"), "FR") == (0, 0)
    with pytest.raises(ValueError, match=r"expected a grid among ES, .*got 'XX'"):
        carbon(one, "XX")


def test_operations_that_the_dated_file_names():
    told = json.loads((ROOT / "lessons_lib/models/chat/results.json").read_text("utf-8"))
    operations = 6 * told["parameters"] * told["tokens"]
    assert f"{operations:.0e}" == "4e+13"
    (law,) = (law for law in facts()["law"] if law["id"] == "ai-act")
    (entry,) = (entry for entry in law["entry"] if entry["article"] == "3(63)")
    assert all("4 · 10¹³" in text for text in entry["text"].values())


# -------------------------------------------------------------------------------------- the card


@pytest.mark.parametrize(
    ("low", "high", "language", "text"),
    [
        (0.2, 0.2, "en", "0.20 J"),
        (0, 35.4, "en", "0 to 35 J"),
        (3599, 3600, "en", "1 Wh"),
        (3534, 67010, "es", "de 0,98 a 19 Wh"),
        (3.6e9, 4.6e9, "es", "de 1000 a 1300 kWh"),
        (0, 0, "es", "0 J"),
    ],
)
def test_amounts(low, high, language, text):
    assert amount(low, high, {"J": 1, "Wh": 3600, "kWh": 3.6e6}, language) == text


def line(name, text):
    (found,) = (row for row in text.splitlines() if row.startswith(f"| {name} | "))
    return found.removeprefix(f"| {name} | ").removesuffix(" |")


def test_card_of_a_run_in_stages_without_times(tmp_path):
    rows = [
        {"stage": "a", "step": 1, "loss": 3.0, "tokens": 10, "seconds": 100},
        {"stage": "a", "step": 2, "loss": 2.0, "tokens": 20, "seconds": 260},
        {"stage": "b", "step": 1, "loss": 1.5, "tokens": 30, "seconds": 100},
    ]
    record = tmp_path / "record.jsonl"
    record.write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = write_card(tmp_path, grid="ES").read_text("utf-8")
    assert (line("Steps", text), line("Time", text)) == ("3", "0:06:00")
    assert line("Tokens read in training", text) == "50"
    assert line("Energy and carbon", text).startswith(
        "0.35 to 13 Wh, an estimate: at the least 3.5"
    )
    assert "(electricity: Spain, 2021–2024)" in line("Energy and carbon", text)
    for row in rows:
        del row["tokens"], row["seconds"]
    record.write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = write_card(tmp_path).read_text("utf-8")
    for name in ("Time", "Tokens read in training", "Energy and carbon"):
        assert line(name, text) == MISSING["en"]


def test_what_was_measured_stands_in_the_card_before_what_is_estimated(tmp_path):
    (tmp_path / "results.json").write_text('{"minutes": 60, "threads": 2, "steps": 5}')
    text = write_card(tmp_path, "es").read_text("utf-8")
    assert line("Energía y carbono", text).startswith("de 7 a 130 Wh, estimación: ")
    assert "procesador, por 1,54 de la sala" in text
    assert "de la red más limpia a la más sucia" in text
    assert read_energy(write_energy(tmp_path, metered_energy(1, 1.03))).how == "meter"
    text = write_card(tmp_path, "es", "ES").read_text("utf-8")
    assert line("Energía y carbono", text).startswith(
        "30 Wh, según un medidor de consumo; de 4,4 a"
    )
    (tmp_path / "facts.json").write_text('{"energy": "solar"}')
    assert line("Energía y carbono", write_card(tmp_path, "es").read_text("utf-8")) == "solar"
    with pytest.raises(ValueError, match="expected a grid"):
        write_card(tmp_path, "es", "XX")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("energy.json", '{"low": 2, "high": 1, "how": "meter"}'),
        ("energy.json", '{"low": 1, "high": 2, "how": "magic"}'),
        ("energy.json", '{"low": 1}'),
        ("energy.json", "[]"),
        ("energy.json", "{"),
        ("results.json", '{"minutes": "ten"}'),
        ("results.json", '{"minutes": 1, "threads": 0}'),
        ("results.json", "3"),
    ],
)
def test_broken_files_are_named(tmp_path, name, data):
    (tmp_path / name).write_text(data)
    with pytest.raises(ValueError, match=name):
        write_card(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("model", ["en", "es", "chat", "clip"])
def test_cards_of_the_stored_models_say_what_they_cost(tmp_path, model):
    for name in ("record.jsonl", "results.json"):
        source = ROOT / "lessons_lib/models" / model / name
        (tmp_path / name).write_bytes(source.read_bytes())
    told = json.loads((tmp_path / "results.json").read_text("utf-8"))
    energy = line("Energy and carbon", write_card(tmp_path).read_text("utf-8"))
    wh = estimated_energy(60 * told["minutes"], told["threads"]).low / 3600
    assert energy.startswith((f"{wh:.2f} to ", f"{wh:.1f} to "))


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["responsibility", *map(str, arguments)])
    command.main()
    return capsys.readouterr().out.strip()


def test_command_notes_a_meter(monkeypatch, capsys, tmp_path):
    out = run(monkeypatch, capsys, "energy", tmp_path, "--grid", "FR", "--meter", 12.5, 12.53)
    assert out.startswith("30 Wh, by a power meter; 1.2 to 2 g of CO2 equivalent (electricity: Fra")
    assert read_energy(tmp_path / "energy.json") == metered_energy(12.5, 12.53)


def test_command_reads_the_counters_while_something_runs(monkeypatch, capsys, tmp_path, powercap):
    folder = tmp_path / "run"
    folder.mkdir()
    zone = powercap / "intel-rapl:0" / "energy_uj"
    script = f"open({str(zone)!r}, 'w').write('5001000')"
    monkeypatch.setattr(command, "EnergyMeter", lambda: EnergyMeter(powercap))
    out = run(monkeypatch, capsys, "energy", folder, "--run", sys.executable, "-c", script)
    assert out.startswith("5 J, by the counters of the processor")
    assert read_energy(folder / "energy.json") == Energy(5, 5, "counters")

    (folder / "energy.json").unlink()
    with pytest.raises(ValueError, match="expected a command behind --run"):
        run(monkeypatch, capsys, "energy", folder, "--run")
    with pytest.raises(subprocess.CalledProcessError):
        run(monkeypatch, capsys, "energy", folder, "--run", sys.executable, "-c", "1 / 0")
    for script in (f"import os; os.remove({str(zone)!r})", "raise SystemExit('must not run')"):
        with pytest.raises(ValueError, match="expected counters of energy"):
            run(monkeypatch, capsys, "energy", folder, "--run", sys.executable, "-c", script)
    assert not [*folder.iterdir()]
