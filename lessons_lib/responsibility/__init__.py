"""Responsible use, measured: odds that a model learns, what it keeps of single texts, and marks.

The chapter `responsibility`. A small world is told with planted `Odds`, and `read_odds` says what a
model has made of them. Privacy is measured by `exposure` and `membership_auc` and bought with noise
(`DPSGD`, whose bound is `dp_epsilon`). `find_personal_data` looks through texts, `Watermark` marks
what is generated, and `write_card` says what a run has written down and what it has not.

Shapes: N texts or questions, K options, D model width, T positions, V vocabulary.

Sources:
    Zhao et al., "Men Also Like Shopping", 2017, arXiv:1707.09457: a model amplifies what it learns.
    Carlini et al., "The Secret Sharer", 2019, arXiv:1802.08232: exposure.
    Yeom et al., "Privacy Risk in Machine Learning", 2018, arXiv:1709.01604: membership by the loss.
    Abadi et al., "Deep Learning with Differential Privacy", 2016, arXiv:1607.00133: DP-SGD.
    Kirchenbauer et al., "A Watermark for Large Language Models", 2023, arXiv:2301.10226.
    Mitchell et al., "Model Cards for Model Reporting", 2019, arXiv:1810.03993.
"""

from lessons_lib.responsibility.bias import (
    Interval,
    Odds,
    Scene,
    draw_scenes,
    fit_probe,
    inner_states,
    log_odds,
    odds_questions,
    option_probs,
    read_odds,
    scene_log_prob,
    scene_tokenizer,
    sharpen,
    swap,
    t_interval,
    tell_scene,
)
from lessons_lib.responsibility.card import write_card
from lessons_lib.responsibility.learning import row_loss, scene_model, text_rows, train_rows
from lessons_lib.responsibility.personal import Span, find_personal_data, is_dni, is_iban
from lessons_lib.responsibility.privacy import (
    DPSGD,
    dp_epsilon,
    exposure,
    membership_auc,
    roc,
    text_log_probs,
)
from lessons_lib.responsibility.secrets import Secret, all_secrets, draw_secrets
from lessons_lib.responsibility.watermark import Watermark

__all__ = [
    "DPSGD",
    "Interval",
    "Odds",
    "Scene",
    "Secret",
    "Span",
    "Watermark",
    "all_secrets",
    "dp_epsilon",
    "draw_scenes",
    "draw_secrets",
    "exposure",
    "find_personal_data",
    "fit_probe",
    "inner_states",
    "is_dni",
    "is_iban",
    "log_odds",
    "membership_auc",
    "odds_questions",
    "option_probs",
    "read_odds",
    "roc",
    "row_loss",
    "scene_log_prob",
    "scene_model",
    "scene_tokenizer",
    "sharpen",
    "swap",
    "t_interval",
    "tell_scene",
    "text_log_probs",
    "text_rows",
    "train_rows",
    "write_card",
]
