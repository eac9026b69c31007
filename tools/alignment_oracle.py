"""Writes tests/oracles/alignment.json: what `trl` says of the same log-probabilities.

`trl` is not needed to read or to test the book; run it where version 1.16 is installed:

    python -m tools.alignment_oracle

The losses are those of its trainers, DPOTrainer and GRPOTrainer, called on a trainer that has
nothing but settings, with a model that returns the numbers it is given.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import torch
import trl
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.grpo_trainer import GRPOTrainer

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic

FILE = Path(__file__).parents[1] / "tests" / "oracles" / "alignment.json"
PAIRS, TOKENS = 4, 6


def alone() -> SimpleNamespace:
    """Return what stands for the other processes of a training where there are none."""
    same = {name: lambda one, **_: one for name in ("gather", "gather_for_metrics", "reduce")}
    return SimpleNamespace(device="cpu", num_processes=1, **same)


def dpo_losses(own: torch.Tensor, reference: torch.Tensor, lengths: torch.Tensor) -> list:
    """Return kind, beta and loss of pairs: (2 B, T) log-probabilities, the preferred first."""
    mask = torch.arange(TOKENS) < lengths[:, None]
    inputs = {
        "input_ids": torch.zeros(2 * PAIRS, TOKENS + 1, dtype=torch.long),
        "completion_mask": torch.cat([torch.zeros(2 * PAIRS, 1), mask], 1).long(),
    }
    found = []
    for kind in ("sigmoid", "ipo", "hinge", "robust"):
        for beta in (0.1, 0.5):
            trainer = MagicMock(
                loss_types=[kind], loss_weights=[1.0], beta=beta, label_smoothing=0.1
            )
            trainer.f_divergence_type, trainer.ld_alpha = "reverse_kl", None
            trainer.precompute_ref_logps = trainer.aux_loss_enabled = False
            trainer.use_weighting = False
            trainer.ref_model = lambda **_: SimpleNamespace(log_probs=reference * mask)
            trainer.model.training, trainer.accelerator = False, alone()
            zeros = torch.zeros(mask.shape)
            said = SimpleNamespace(
                log_probs=own * mask, entropy=zeros, mean_logits=zeros, is_top1=mask
            )
            loss = DPOTrainer._compute_loss(
                trainer, lambda said=said, **_: said, inputs, return_outputs=False
            )
            found.append([kind, beta, loss.item()])
    return found


def policy_losses(given: dict[str, torch.Tensor], mask: torch.Tensor) -> list:
    """Return kind, beta and loss of answers: (B, T) log-probabilities, advantages (B,)."""
    inputs = {
        "prompt_ids": torch.zeros(len(mask), 1, dtype=torch.long),
        "prompt_mask": torch.ones(len(mask), 1, dtype=torch.long),
        "completion_ids": torch.zeros(mask.shape, dtype=torch.long),
        "completion_mask": mask.long(),
        "num_items_in_batch": mask.sum().float(),
        "old_per_token_logps": given["old"],
        "ref_per_token_logps": given["reference"],
        "advantages": given["advantages"],
    }
    found = []
    for kind in ("grpo", "dapo", "dr_grpo"):
        for beta in (0.0, 0.04):
            trainer = MagicMock(loss_type=kind, beta=beta, epsilon_low=0.2, epsilon_high=0.2)
            trainer.args = SimpleNamespace(delta=None, use_bias_correction_kl=False)
            trainer.importance_sampling_level, trainer.top_entropy_quantile = "token", 1.0
            trainer.off_policy_mask_threshold = None
            trainer.use_vllm = trainer.aux_loss_enabled = trainer._entropy_bonus_enabled = False
            trainer.model.training, trainer.max_completion_length = False, mask.shape[1]
            trainer.accelerator = alone()
            answer = (given["own"], torch.zeros(mask.shape), None)
            trainer._get_per_token_logps_and_entropies.return_value = answer
            loss = GRPOTrainer._compute_loss(trainer, None, inputs)
            found.append([kind, beta, loss.item()])
    return found


def numbers() -> dict:
    """Return the log-probabilities and what each loss is."""
    torch.manual_seed(0)
    own = -2 * torch.rand(2 * PAIRS, TOKENS, dtype=torch.float64)
    reference = own + 0.5 * torch.randn(2 * PAIRS, TOKENS, dtype=torch.float64)
    lengths = torch.tensor([6, 3, 5, 2, 4, 6, 1, 5])
    shape = (5, 7)
    given = {"own": -torch.rand(shape, dtype=torch.float64)}
    given["old"] = given["own"] + 0.3 * torch.randn(shape, dtype=torch.float64)
    given["reference"] = given["own"] + 0.3 * torch.randn(shape, dtype=torch.float64)
    given["advantages"] = torch.randn(5, dtype=torch.float64)
    mask = torch.arange(7) < torch.tensor([7, 2, 4, 1, 6])[:, None]
    return {
        "made_with": {"trl": trl.__version__},
        "pairs": {
            "own": own.tolist(),
            "reference": reference.tolist(),
            "lengths": lengths.tolist(),
            "losses": dpo_losses(own, reference, lengths),
        },
        "answers": {
            **{name: tensor.tolist() for name, tensor in given.items()},
            "mask": mask.tolist(),
            "losses": policy_losses(given, mask),
        },
    }


def main() -> None:
    """Write the file."""
    FILE.parent.mkdir(exist_ok=True)
    write_atomic(FILE, (json.dumps(numbers(), indent=1) + "\n").encode())


if __name__ == "__main__":
    console.run(main)
