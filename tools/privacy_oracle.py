"""Writes tests/oracles/privacy.json: what opacus says of the same noise, rates and steps.

It is not needed to read or to test the book; run it where opacus is installed:

    python -m tools.privacy_oracle
"""

import json
from importlib.metadata import version
from pathlib import Path

from opacus.accountants.analysis.rdp import compute_rdp, get_privacy_spent

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.responsibility.privacy import ORDERS

FILE = Path(__file__).parents[1] / "tests" / "oracles" / "privacy.json"
RUNS = [  # noise, sampling rate, steps, delta
    (1.0, 0.01, 1000, 1e-5),
    (0.5, 0.02, 300, 1e-5),
    (4.0, 0.1, 200, 1e-6),
    (10.0, 0.01, 500, 1e-5),
    (0.3, 0.05, 50, 1e-3),
    (2.0, 1.0, 20, 1e-5),
    (1.1, 0.004, 10_000, 1e-6),
    (20.0, 0.5, 100, 1e-5),
    (50.0, 0.01, 10, 1e-5),
    (0.8, 0.2, 5, 1e-2),
]


def epsilon(noise: float, rate: float, n_steps: int, delta: float) -> float:
    """Return opacus's epsilon, at the orders of this library."""
    orders = ORDERS.tolist()
    lost = compute_rdp(q=rate, noise_multiplier=noise, steps=n_steps, orders=orders)
    return float(get_privacy_spent(orders=orders, rdp=lost, delta=delta)[0])


def main() -> None:
    """Write the file."""
    found = {
        "made_with": {"opacus": version("opacus")},
        "epsilon": [[*run, epsilon(*run)] for run in RUNS],
    }
    write_atomic(FILE, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    console.run(main)
