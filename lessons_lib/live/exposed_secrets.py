"""Exposed secrets: how often one was told against what the model gives away, by epsilon."""

import functools
import json
import math
from pathlib import Path
from typing import ClassVar

import numpy as np
import traitlets

from lessons_lib.live.figure import LiveFigure, decimal, html_table
from lessons_lib.responsibility import all_secrets, t_interval

__all__ = ["ExposedSecrets", "exposures"]

# by tools.responsibility_runs
STORED = Path(__file__).parents[1] / "models" / "responsibility.json"
N_SECRETS = len(all_secrets("Ana", "en"))  # that a name can have
FALLBACK = {
    "en": {
        "caption": "Exposure in bits, with 95% intervals; by chance {}",
        "head": ["ε", "Nats beyond the world", "{} times"],
    },
    "es": {
        "caption": "Exposición en bits, con intervalos del 95 %; por azar {}",
        "head": ["ε", "Nats más que el mundo", "{} veces"],
    },
}


@functools.cache
def exposures() -> tuple[list[int], list[dict]]:
    """Return how often secrets were told, and for each epsilon what is known of them.

    Each `bits` is a mean, and Student's interval of several models, each with secrets and texts of
    its own, cut to what an exposure can be; `nats` is what an unseen text costs beyond its world.
    An epsilon that is infinite is None.
    """
    stored = json.loads(STORED.read_text(encoding="utf-8"))["privacy"]["runs"]
    most = math.log2(N_SECRETS)
    rows = []
    for run in stored:
        intervals = [t_interval(np.mean(models, 1)) for models in run["exposure"].values()]
        bits = [[min(max(end, 0.0), most) for end in interval] for interval in intervals]
        rows.append(
            {"epsilon": run["epsilon"], "nats": float(np.mean(run["extra_nats"])), "bits": bits}
        )
    return [int(told) for told in stored[0]["exposure"]], rows


def chance() -> float:
    """Return the mean exposure of a secret that was never told: any rank is as likely."""
    return math.log2(N_SECRETS) - float(np.log2(np.arange(1, N_SECRETS + 1)).mean())


class ExposedSecrets(LiveFigure):
    """Exposure against repetitions, for the epsilon that the reader chooses, from stored runs.

    Args:
        epsilon: one of those that were trained: infinite, 8, 3, 1 or 0.5.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: another epsilon, or another language.
    """

    slug = "exposed_secrets"
    label: ClassVar = {"en": "Exposed secrets", "es": "Secretos expuestos"}
    caption: ClassVar = {
        "en": "Stored runs. Less ε means more noise; see also what the noise costs.",
        "es": "Ejecuciones guardadas. Menos ε es más ruido; mira también lo que cuesta el ruido.",
    }

    at = traitlets.Int(0).tag(sync=True)
    told = traitlets.List(traitlets.Int()).tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    chance = traitlets.Float().tag(sync=True)

    def __init__(self, epsilon: float = math.inf, language: str = "en"):
        told, rows = exposures()
        known = [math.inf if row["epsilon"] is None else row["epsilon"] for row in rows]
        if epsilon not in known:
            raise ValueError(f"expected epsilon to be one of {known}, got {epsilon!r:.40}")
        super().__init__(
            at=known.index(epsilon), told=told, rows=rows, chance=chance(), language=language
        )

    def _fallback(self) -> str:
        words = FALLBACK[self.language]

        def written(number: float) -> str:
            return decimal(number, 1, self.language)

        rows = []
        for row in self.rows:
            bits = [
                f"{written(mean)} ({written(low)} – {written(high)})"
                for mean, low, high in row["bits"]
            ]
            rows.append([epsilon_text(row["epsilon"], self.language), written(row["nats"]), *bits])
        *head, times = words["head"]
        head += [times.format(told) for told in self.told]
        return html_table(words["caption"].format(written(self.chance)), head, rows)

    def __repr__(self) -> str:
        epsilon = self.rows[self.at]["epsilon"]
        shown = "math.inf" if epsilon is None else f"{epsilon:g}"
        return f"ExposedSecrets(epsilon={shown}, language={self.language!r})"


def epsilon_text(epsilon: float | None, language: str) -> str:
    """Return an epsilon as it is written: 8, 0.5, or ∞ for None."""
    return "∞" if epsilon is None else decimal(epsilon, 1 if epsilon % 1 else 0, language)
