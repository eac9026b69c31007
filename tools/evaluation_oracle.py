"""Writes tests/oracles/evaluation.json: what SciPy and scikit-learn say of the same numbers.

Neither is needed to read or to test the book; run it where they are installed:

    python -m tools.evaluation_oracle
"""

import json
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn.calibration import calibration_curve

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic

FILE = Path(__file__).parents[1] / "tests" / "oracles" / "evaluation.json"


def numbers() -> dict:
    """Return arguments and results of each function that has a counterpart."""
    rng = np.random.default_rng(0)
    shares = [(0, 1), (0, 20), (1, 3), (7, 20), (20, 20), (123, 200), (4999, 10000)]
    wilson = [
        [k, n, level, *stats.binomtest(k, n).proportion_ci(level, "wilson")]
        for k, n in shares
        for level in (0.8, 0.95, 0.99)
    ]
    pairs = [(0, 0), (0, 1), (1, 4), (5, 5), (3, 14), (40, 70)]
    sign = [[a, b, stats.binomtest(a, a + b).pvalue if a + b else 1.0] for a, b in pairs]
    values = rng.normal(size=30).round(3)
    drawn = stats.bootstrap(
        (values,), np.mean, n_resamples=20000, method="percentile", random_state=0
    ).confidence_interval
    sure = rng.random(200).round(3)
    right = (rng.random(200) < sure**2).astype(int)
    true, said = calibration_curve(right, sure, n_bins=10)
    return {
        "made_with": {"scipy": scipy.__version__, "sklearn": sklearn.__version__},
        "wilson": wilson,
        "sign_test": sign,
        "bootstrap": {"values": values.tolist(), "interval": list(drawn)},
        "standard_error": float(stats.sem(values)),
        "reliability": {
            "confidences": sure.tolist(),
            "right": right.tolist(),
            "said": said.tolist(),
            "true": true.tolist(),
        },
    }


def main() -> None:
    """Write the file."""
    FILE.parent.mkdir(exist_ok=True)
    write_atomic(FILE, (json.dumps(numbers(), indent=1) + "\n").encode())


if __name__ == "__main__":
    console.run(main)
