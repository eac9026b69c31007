"""Responsible use, measured: what a model keeps of single texts, and marks and cards that tell.

Privacy is measured by `exposure` and `membership_auc` and bought with noise (`DPSGD`, whose bound
is `dp_epsilon`). `find_personal_data` looks through texts, `Watermark` marks what is generated, and
`write_card` says what a run has written down and what it has not.
"""

from lessons_lib.responsibility.card import write_card
from lessons_lib.responsibility.personal import Span, find_personal_data, is_dni, is_iban
from lessons_lib.responsibility.privacy import (
    DPSGD,
    dp_epsilon,
    exposure,
    membership_auc,
    roc,
    text_log_probs,
)
from lessons_lib.responsibility.watermark import Watermark

__all__ = [
    "DPSGD",
    "Span",
    "Watermark",
    "dp_epsilon",
    "exposure",
    "find_personal_data",
    "is_dni",
    "is_iban",
    "membership_auc",
    "roc",
    "text_log_probs",
    "write_card",
]
