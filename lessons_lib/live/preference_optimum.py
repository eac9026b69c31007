"""The optimum of a preference: where a reward leads, and where a judge with a flaw leads."""

from collections.abc import Sequence
from typing import ClassVar

import traitlets

from lessons_lib.alignment import kl_divergence, optimum
from lessons_lib.base.validation import check_array
from lessons_lib.live.figure import LiveFigure, decimal, html_table, plain

__all__ = ["PreferenceOptimum"]

BETAS = (10, 5, 3, 2, 1.5, 1, 0.7, 0.5, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05)  # of the slider
MOST = 2.0  # what can be paid
ANSWERS = {
    "en": (
        "Leo has it.",
        "Ana has it.",
        "Nobody. It is in the cave.",
        "The story does not say.",
        "Ana has it. Ana, surely Ana, has it.",
    ),
    "es": (
        "Lo tiene Leo.",
        "Lo tiene Ana.",
        "Nadie. Está en la cueva.",
        "El cuento no lo dice.",
        "Lo tiene Ana. Ana, seguro que Ana.",
    ),
}
FALLBACK = {
    "en": {
        "caption": "Shares of five answers, beta {}; the judge pays for length too",
        "head": [
            "Answer",
            "World pays",
            "Judge pays",
            "Reference",
            "For the truth",
            "For the judge",
        ],
        "divergence": "KL from the reference, nats",
        "reward": "True reward",
    },
    "es": {
        "caption": "Parte de cada respuesta, beta {}; el juez paga también la longitud",
        "head": [
            "Respuesta",
            "Paga el mundo",
            "Paga el juez",
            "Referencia",
            "Para la verdad",
            "Para el juez",
        ],
        "divergence": "KL respecto a la referencia, nats",
        "reward": "Recompensa verdadera",
    },
}


class PreferenceOptimum(LiveFigure):
    """Five answers to a question: the reference, the best policy for the truth, and for a judge.

    The reader changes beta, what the judge pays for an answer, and its share in the reference. The
    numbers are those of `lessons_lib.alignment`.

    Args:
        reference: share of each answer before training; above 0, adding up to 1.
        truth: what each is worth, 0 to 2.
        judge: what a judge with a flaw pays for each, 0 to 2.
        beta: one of the slider's.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: an argument out of its range, or not five numbers.
    """

    slug = "preference_optimum"
    label: ClassVar = {"en": "Where a reward leads", "es": "Adónde lleva una recompensa"}
    caption: ClassVar = {
        "en": "Leo has the book. The last answer is false and long, and the judge likes it.",
        "es": "El libro lo tiene Leo. La última respuesta es falsa y larga, y al juez le gusta.",
    }

    answers = traitlets.List(traitlets.Unicode()).tag(sync=True)
    reference = traitlets.List(traitlets.Float()).tag(sync=True)
    truth = traitlets.List(traitlets.Float()).tag(sync=True)
    judge = traitlets.List(traitlets.Float()).tag(sync=True)
    beta = traitlets.Float(1).tag(sync=True)

    def __init__(
        self,
        reference: Sequence[float] = (0.25, 0.35, 0.2, 0.15, 0.05),
        truth: Sequence[float] = (1, 0, 0, 0.5, 0),
        judge: Sequence[float] = (1, 0.2, 0.3, 0.5, 1.6),
        beta: float = 1,
        language: str = "en",
    ):
        given = {"reference": reference, "truth": truth, "judge": judge}
        lists = {name: check_array(name, one, least=0).tolist() for name, one in given.items()}
        for name, one in lists.items():
            if len(one) != len(ANSWERS["en"]) or max(one) > MOST:
                raise ValueError(
                    f"expected {name} to be {len(ANSWERS['en'])} numbers of at most {MOST:g}, "
                    f"got {one}"
                )
        optimum(lists["reference"], lists["truth"], 1)  # says if the shares do not add up to 1
        if not min(lists["reference"]):
            raise ValueError(f"expected shares above 0, got {lists['reference']}")
        if beta not in BETAS:
            raise ValueError(f"expected beta to be one of {BETAS}, got {beta}")
        answers = list(ANSWERS.get(language, ANSWERS["en"]))
        super().__init__(**lists, answers=answers, beta=float(beta), language=language)

    def _fallback(self) -> str:
        words = FALLBACK[self.language]
        policies = [
            list(self.reference),
            optimum(self.reference, self.truth, self.beta).tolist(),
            optimum(self.reference, self.judge, self.beta).tolist(),
        ]

        def written(numbers: Sequence[float]) -> list[str]:
            return [decimal(number, 3, self.language) for number in numbers]

        rows = [
            [
                answer,
                *(plain(pays[i], self.language) for pays in (self.truth, self.judge)),
                *written([policy[i] for policy in policies]),
            ]
            for i, answer in enumerate(self.answers)
        ]
        divergences = [kl_divergence(policy, self.reference) for policy in policies]
        rewards = [
            sum(p * worth for p, worth in zip(policy, self.truth, strict=True))
            for policy in policies
        ]
        rows.append([words["divergence"], "", "", *written(divergences)])
        rows.append([words["reward"], "", "", *written(rewards)])
        caption = words["caption"].format(plain(self.beta, self.language))
        return html_table(caption, words["head"], rows)

    def __repr__(self) -> str:
        return f"PreferenceOptimum(beta={self.beta:g}, language={self.language!r})"
