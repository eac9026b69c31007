"""The energy of a run: measured where the machine lets it be read, else a range; and its carbon.

Three ways, from best to worst. A power meter at the wall counts all that the machine takes
(`metered_energy`). The processor's own counters, where Linux shows them, count the processor and
often its memory, with whatever else runs at the time, but no screen and no graphics card
(`EnergyMeter`). Without either, the time of the run gives a range (`estimated_energy`). What is
assumed in it, and the carbon of the grids, stand in the dated file `law.toml` with their sources.

Source: the Linux kernel's documentation, "Power Capping Framework".
"""

import json
import os
import re
import threading
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from lessons_lib.base.files import write_atomic
from lessons_lib.base.validation import check_integer, check_number

POWERCAP = Path("/sys/class/powercap")
# A package is a whole processor; its memory is a zone below it that it does not count itself.
# Other zones (cores, graphics) are parts of a package, or the package once more.
_ZONES = {r"intel-rapl:\d+": "package", r"intel-rapl:\d+:\d+": "dram"}
JOULES_PER_KWH = 3.6e6
MOST_KWH, MOST_SECONDS, MOST_THREADS = 1e12, 1e10, 2**24  # beyond any run


class Energy(NamedTuple):
    """What a run took, in joules: between `low` and `high`, which are equal if it was measured."""

    low: float
    high: float
    how: str  # one of WAYS


WAYS = ("counters", "meter", "estimate")


@cache
def facts() -> dict[str, Any]:
    """Return what the dated file says: laws, licences, grids and figures, each with its source."""
    return tomllib.loads(Path(__file__).with_name("law.toml").read_text(encoding="utf-8"))


def figure(name: str) -> tuple[float, float]:
    """Return the two ends of a figure of the dated file, by its name there."""
    (found,) = (entry for entry in facts()["figure"] if entry["id"] == name)
    return found["low"], found["high"]


def grids() -> dict[str, tuple[float, float]]:
    """Return by country, as in ISO 3166 ("ES"), the carbon of its electricity: grams per kWh.

    Two numbers for each, the least and the most of the years in the dated file; "WORLD" too.
    """
    return {grid["id"]: (grid["low"], grid["high"]) for grid in facts()["grid"]}


# ------------------------------------------------------------------------------------ measured


def metered_energy(before: float, after: float) -> Energy:
    """Return the energy between two readings of a power meter at the wall.

    Args:
        before: the meter's number before the run, in kWh.
        after: the number after it.

    Raises:
        ValueError: a number below 0, none or beyond all meters, or the second below the first.

    >>> metered_energy(12.5, 12.53)
    Energy(low=108000.0, high=108000.0, how='meter')
    """
    check_number("before", before, least=0, most=MOST_KWH)
    check_number("after", after, least=before, most=MOST_KWH)
    joules = round((after - before) * JOULES_PER_KWH, 3)  # a meter shows a watt-second at best
    return Energy(joules, joules, "meter")


class EnergyMeter:
    """Reads the energy counters of the processors while something runs.

    Where there are none, or they may not be read (Linux keeps them from ordinary users), it
    measures nothing and says so: `energy` is then None.

    >>> with EnergyMeter("no such folder") as meter:
    ...     pass
    >>> meter.energy() is None
    True

    Args:
        folder: where Linux shows the counters.
        every: seconds between two readings. A counter begins anew when it is full, at the soonest
            after some minutes; it may do so once between two readings and no more.

    Raises:
        ValueError: `every` is not above 0, or above a day.
    """

    def __init__(self, folder: str | Path = POWERCAP, every: float = 30.0):
        self.every = check_number("every", every, above=0, most=86_400)
        self._counters = _counters(Path(folder))
        self._last = {zone: _microjoules(zone / "energy_uj") for zone in self._counters}
        self._total = 0
        self._lock = threading.Lock()

    def __enter__(self) -> "EnergyMeter":
        self.read()
        self._total = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error) -> None:
        self._done.set()
        self._thread.join()
        self.read()

    def _watch(self) -> None:
        while not self._done.wait(self.every):
            self.read()

    def read(self) -> None:
        """Add what the counters have counted since the last reading."""
        with self._lock:
            for zone, full in self._counters.items():
                now, before = _microjoules(zone / "energy_uj"), self._last[zone]
                if now is None or before is None or (now < before and not full):
                    self._counters = {}  # one that is lost makes the sum meaningless
                    return
                self._total += now - before if now >= before else now + full - before
                self._last[zone] = now

    def energy(self) -> Energy | None:
        """Return what was counted up to the last reading, None where nothing could be."""
        if not self._counters:
            return None
        return Energy(self._total / 1e6, self._total / 1e6, "counters")


def _counters(folder: Path) -> dict[Path, int]:
    """Return the zones that count whole processors and their memory, with where each is full."""
    found = {}
    for zone in sorted(folder.glob("intel-rapl:*")):
        for form, name in _ZONES.items():
            told = _line(zone / "name") or ""
            if re.fullmatch(form, zone.name) and told.startswith(name):
                found[zone] = _microjoules(zone / "max_energy_range_uj") or 0
    readable = {zone: full for zone, full in found.items() if _line(zone / "energy_uj")}
    return readable if len(readable) == len(found) else {}  # a part would be no sum


def _line(path: Path) -> str | None:
    """Return what a small file says, None where it cannot be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _microjoules(path: Path) -> int | None:
    """Return the number in a file, None where there is none."""
    text = _line(path) or ""
    return int(text) if re.fullmatch(r"\d{1,20}", text) else None


def write_energy(folder: str | os.PathLike, energy: Energy) -> Path:
    """Write `energy.json` into the folder of a run, for its card, and return its path.

    Raises:
        ValueError: no energy, or no finite one.
    """
    check_energy(energy)
    path = Path(folder) / "energy.json"
    write_atomic(path, f"{json.dumps(energy._asdict())}\n".encode())
    return path


def read_energy(path: str | os.PathLike) -> Energy:
    """Read what `write_energy` wrote.

    Raises:
        ValueError: another content.
    """
    return check_energy(Energy(**json.loads(Path(path).read_bytes())))


def check_energy(energy: Energy) -> Energy:
    """Return an energy that is one.

    Raises:
        ValueError: something else, ends that are no finite numbers, or another way to know it.
    """
    if not isinstance(energy, Energy):
        raise ValueError(f"expected an Energy, got {energy!r:.80}")
    check_number("low", energy.low, least=0, most=MOST_KWH * JOULES_PER_KWH)
    check_number("high", energy.high, least=energy.low, most=MOST_KWH * JOULES_PER_KWH)
    if energy.how not in WAYS:
        raise ValueError(f"expected how to be one of {', '.join(WAYS)}, got {energy.how!r:.60}")
    return energy


# ----------------------------------------------------------------------------------- estimated


def estimated_energy(seconds: float, threads: int = 1) -> Energy:
    """Return a range for a run of which only the time is known.

    At the least, each thread takes what a busy one takes on average in a data centre, and nothing
    is lost around it. At the most, a whole processor of a common size works for the run alone, in
    a room that needs what an average data centre needs for cooling and the like.

    Args:
        seconds: that the run took.
        threads: of the processor, that were busy.

    Raises:
        ValueError: a time below 0, no thread, or more than there can be of either.

    >>> estimated_energy(3600)
    Energy(low=12600.0, high=471240.0, how='estimate')
    """
    check_number("seconds", seconds, least=0, most=MOST_SECONDS)
    check_integer("threads", threads, 1, MOST_THREADS)
    _, busy = figure("thread")
    _, processor = figure("processor")
    _, overhead = figure("overhead")
    low = seconds * threads * busy
    high = seconds * max(processor, threads * busy) * overhead
    return Energy(round(low, 3), round(high, 3), "estimate")


def carbon(energy: Energy, grid: str | None = None) -> tuple[float, float]:
    """Return between what grams of CO2 equivalent the making of some energy emits.

    Args:
        energy: of the run.
        grid: the country whose electricity it was, a key of `grids`; without one, the range goes
            from the cleanest of them to the dirtiest.

    Raises:
        ValueError: a country that is not in the file, or no energy.

    >>> low, high = carbon(Energy(3.6e6, 7.2e6, "estimate"), "ES")
    >>> (low, high) == (grids()["ES"][0], 2 * grids()["ES"][1])
    True
    """
    known = grids()
    check_energy(energy)
    if grid is not None and grid not in [*known]:
        raise ValueError(f"expected a grid among {', '.join(known)}, got {grid!r}")
    ends = known.values() if grid is None else [known[grid]]
    low, high = min(end for end, _ in ends), max(end for _, end in ends)
    return energy.low / JOULES_PER_KWH * low, energy.high / JOULES_PER_KWH * high
