"""Several short runs that differ in their learning rate only, and which was best."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from lessons_lib.base.files import write_atomic
from lessons_lib.base.parallel import first_alone
from lessons_lib.base.validation import check_number
from lessons_lib.training.run import TrainingDiverged
from lessons_lib.training.watching import write_page

__all__ = ["best_rate", "rates_of", "sweep", "sweep_folder"]


def rates_of(text: str) -> list[float]:
    """Read learning rates between commas, and sort them.

    Raises:
        ValueError: fewer than two, one twice, or one that is no number above 0.

    >>> rates_of("3e-3,1e-3")
    [0.001, 0.003]
    """
    try:
        rates = sorted(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"expected learning rates such as 1e-3,3e-3, got {text!r}") from None
    for rate in rates:
        check_number("a learning rate", rate, above=0)
    if len(rates) < 2 or len(set(rates)) < len(rates):
        raise ValueError(f"expected two learning rates or more, none twice, got {text!r}")
    return rates


def sweep_folder(folder: Path, rate: float) -> Path:
    """Return where the run with a learning rate is kept."""
    return folder / f"lr-{rate:g}"


def best_rate(rows: Sequence[dict]) -> float | None:
    """Return the learning rate of the lowest validation loss, None if all runs diverged."""
    whole = [row for row in rows if row["validation"] is not None]
    return min(whole, key=lambda row: row["validation"])["lr"] if whole else None


def sweep(
    rates: Sequence[float], folder: Path, run: Callable[[float, Path], list[dict] | None]
) -> list[dict] | None:
    """Run with each rate, and keep the table in `sweep.json` and the curves in a page.

    Args:
        rates: learning rates.
        folder: each run gets a folder in it.
        run: trains with a rate in a folder and returns the record, with a validation loss in its
            last line; None if it was told to stop. A run that diverges is a result too.

    Returns:
        For each rate its lr, steps and validation (nats per token; None: diverged); None if a run
        was told to stop.
    """
    rows, records = [], {}
    for rate in rates:
        own = sweep_folder(folder, rate)
        try:
            record = run(rate, own)
        except TrainingDiverged:
            record = []
        if record is None:
            return None
        loss = record[-1]["validation"] if record else None
        rows.append({"lr": rate, "steps": len(record), "validation": loss})
        records[own.name] = record
        first_alone(lambda: _keep(folder, rows, records, len(rows) == len(rates)))
    return rows


def _keep(folder: Path, rows: list[dict], records: dict[str, list[dict]], done: bool) -> None:
    table = {"rows": rows, "best": best_rate(rows)}
    write_atomic(folder / "sweep.json", (json.dumps(table, indent=1) + "\n").encode())
    write_page(folder, records, {name: f"{name}/record.jsonl" for name in records}, done)
