"""Alignment: changing a model towards what is wanted, from preferences and from rewards.

It adds to a model that answers what makes it answer better: scores from comparisons, losses that
raise the better of two answers, and losses that reinforce answers by their rewards. And for answers
that can all be listed, the policy that no training can beat.

Shapes: B answers, T tokens, G groups of N answers to the same question, K answers that there are.
Log-probabilities are in nats; `beta` says how dear a departure from the reference is.

Sources:
    Bradley and Terry, "Rank analysis of incomplete block designs", 1952; Ford, "Solution of a
        ranking problem from binary comparisons", 1957: when scores from comparisons exist.
    Kullback and Leibler, "On information and sufficiency", 1951: the divergence.
    Rafailov et al., "Direct Preference Optimization", 2023, arXiv:2305.18290.
    Azar et al., "A General Theoretical Paradigm to Understand Learning from Human Preferences",
        2023, arXiv:2310.12036: IPO.
    Zhao et al., "SLiC-HF", 2023, arXiv:2305.10425: the hinge.
    Chowdhury, Kini and Natarajan, "Provably Robust DPO", 2024, arXiv:2403.00409.
    Schulman et al., "Proximal Policy Optimization Algorithms", 2017, arXiv:1707.06347: the clip.
    Schulman, "Approximating KL divergence", 2020: the estimate k3.
    Shao et al., "DeepSeekMath", 2024, arXiv:2402.03300: GRPO.
    Yu et al., "DAPO", 2025, arXiv:2503.14476; Liu et al., "Understanding R1-Zero-Like Training",
        2025, arXiv:2503.20783: Dr. GRPO.
"""

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.base.validation import check_array, check_integer, check_number, check_real
from lessons_lib.corpus.tasks import Task
from lessons_lib.fine_tuning import encode_chat
from lessons_lib.generation import Sampling, generate_batch
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import clip_gradients

__all__ = [
    "Pair",
    "Scores",
    "answer_log_probs",
    "check_log_probs",
    "dpo_loss",
    "draw_answers",
    "fit_scores",
    "group_advantages",
    "kl_divergence",
    "kl_estimate",
    "optimum",
    "policy_loss",
    "prefer",
    "preference",
    "reinforce",
]

# ------------------------------------------------------------------------------------- preferences


def preference(a: float, b: float) -> float:
    """Return how probable it is that A is preferred to B, by their scores (Bradley-Terry).

    Args:
        a: the score of A.
        b: the score of B.

    Raises:
        ValueError: a score that is no finite number.

    Source: Bradley and Terry 1952, with scores that are logarithms of theirs.

    >>> preference(1.0, 1.0), round(preference(2.0, 0.0), 3)
    (0.5, 0.881)
    """
    gap = check_number("a", a) - check_number("b", b)
    return 1 / (1 + math.exp(-gap)) if gap > -700 else 0.0


class Scores(NamedTuple):
    """What comparisons say of each of K things: scores that add up to 0, and standard errors."""

    scores: np.ndarray
    errors: np.ndarray


def fit_scores(wins: Sequence[Sequence[int]]) -> Scores:
    """Find the scores of K things that make the comparisons most probable.

    Args:
        wins: how often the thing of each row was preferred to that of each column: (K, K), with a
            diagonal of 0.

    Returns:
        Scores that add up to 0, and how far off they may be: the standard errors.

    Raises:
        ValueError: wins that are no such table, or from which no finite scores follow because some
            things never lose to the rest.

    Source: Bradley and Terry 1952; Ford 1957: the scores exist where everything leads to everything
    by wins. The maximum is found with Newton's method, the errors are from the curvature there.

    >>> fit_scores([[0, 3], [1, 0]]).scores.round(3)
    array([ 0.549, -0.549])
    """
    wins = check_array("wins", wins, least=0)
    n = len(wins) if wins.ndim else 0
    if wins.shape != (n, n) or n < 2 or np.diag(wins).any():
        raise ValueError(f"expected wins (K, K) with a diagonal of 0, got shape {wins.shape}")
    reached = np.eye(n) + (wins > 0)
    for _ in range(n.bit_length()):  # by paths of up to 2, 4, 8 ... wins
        reached = (reached @ reached > 0) * 1.0
    if not reached.all():
        raise ValueError("expected everything to be preferred, if over others, to everything else")
    played, scores = wins + wins.T, np.zeros(n)
    for _ in range(100):
        chance = 1 / (1 + np.exp(scores[None] - scores[:, None]))  # of row against column
        slope = (wins * chance.T - wins.T * chance).sum(1)
        weights = played * chance * chance.T
        curvature = np.diag(weights.sum(1)) - weights + weights.mean()  # which fixes the sum
        step = np.linalg.solve(curvature, slope)
        scores = scores + step / max(1.0, np.abs(step).max())
        if np.abs(step).max() < 1e-9:
            errors = np.sqrt(np.diag(np.linalg.inv(curvature) - 1 / weights.sum()))
            return Scores(scores - scores.mean(), errors)
    raise ValueError("expected wins from which scores follow, got some that differ too much")


def check_log_probs(mask: Tensor | bool = True, **tensors: Tensor) -> list[Tensor]:
    """Return tensors of one shape in 32 bits or more, as 16 hold no sum of many log-probabilities.

    Args:
        mask: of the same shape (B, T), with a True in each row; what stands where it is False does
            not count, and 0 comes back there. True: all counts.
        tensors: by what they are called.

    Raises:
        ValueError: no tensors of real numbers, shapes that differ, no values, NaN or infinity, or
            a mask of anything but True and False, or with a row without True.
    """
    tensors |= {} if mask is True else {"mask": mask}
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor) or tensor.is_complex():
            raise ValueError(f"expected {name} to be a tensor of numbers, got {tensor!r:.80}")
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"expected tensors of one shape, got {shapes}")
    if mask is not True:
        mask = check_real(tensors.pop("mask"))
        if not mask.any(1).all():
            raise ValueError(f"expected a mask with a token in each row, got {mask.sum(1)}")
    found = []
    for name, tensor in tensors.items():
        tensor = tensor if mask is True else tensor.masked_fill(~mask, 0)
        wrong = tensor[~tensor.isfinite()].tolist()
        if wrong or not tensor.numel():
            got = wrong[0] if wrong else "none"
            raise ValueError(f"expected {name} to be one or more finite numbers, got {got}")
        found.append(tensor.to(torch.promote_types(tensor.dtype, torch.float32)))
    return found


def dpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    beta: float,
    kind: str = "sigmoid",
    flipped: float = 0.1,
) -> Tensor:
    """Return the loss of pairs of answers of which one is preferred, averaged over the pairs.

    What counts is the margin: by how many nats the model has raised the preferred answer, compared
    with the reference, more than the other. A model that is its own reference has the margin 0, and
    so the loss ln 2 for `sigmoid`: it thinks each order equally probable.

    Args:
        chosen: ln p of the preferred answers, summed over their tokens: (B,).
        rejected: of the others.
        reference_chosen: the same of the reference, which is not trained.
        reference_rejected: the same for the others.
        beta: above 0.
        kind: "sigmoid" (DPO), "ipo", "hinge", or "robust", for preferences some of which are wrong.
        flipped: for "robust", the share of preferences that are the wrong way round, below 0.5.

    Raises:
        ValueError: shapes that differ, NaN or infinity, answers that are equal in all four numbers
            in every pair, another kind, or a number out of its range.

    Source: Rafailov et al. 2023, equation 7; Azar et al. 2023, equation 17, over summed
    log-probabilities (`trl` divides each answer's by its length: do so before, and the losses are
    equal); Zhao et al. 2023; Chowdhury et al. 2024, equation 12.
    """
    given = {"chosen": chosen, "rejected": rejected}
    reference = {"reference_chosen": reference_chosen, "reference_rejected": reference_rejected}
    good, bad, good_before, bad_before = check_log_probs(**given, **reference)
    check_number("beta", beta, above=0)
    check_number("flipped", flipped, least=0, below=0.5)
    if torch.equal(good, bad) and torch.equal(good_before, bad_before):
        raise ValueError("expected pairs of two answers, got the same answer as both")
    margin = (good - good_before) - (bad - bad_before)
    if kind == "sigmoid":
        losses = -F.logsigmoid(beta * margin)
    elif kind == "ipo":
        losses = (margin - 1 / (2 * beta)) ** 2
    elif kind == "hinge":
        losses = F.relu(1 - beta * margin)
    elif kind == "robust":
        right, wrong = -F.logsigmoid(beta * margin), -F.logsigmoid(-beta * margin)
        losses = ((1 - flipped) * right - flipped * wrong) / (1 - 2 * flipped)
    else:
        raise ValueError(f"expected the kind sigmoid, ipo, hinge or robust, got {kind!r}")
    return losses.mean()


# ----------------------------------------------------------------------------------------- rewards


def group_advantages(rewards: Tensor, kind: str = "grpo") -> Tensor:
    """Return how much better each answer is than the others to its question: (G, N).

    Args:
        rewards: of N answers to each of G questions: (G, N), N at least 2.
        kind: "grpo": less the group's mean, divided by its standard deviation and 0.0001; "dr_grpo"
            without the division; "leave_one_out": less the mean of the other answers.

    Returns:
        Advantages, 0 where all answers of a group have the same reward: nothing can be learned
        from them.

    Raises:
        ValueError: another shape, rewards that are no finite numbers, or another kind.

    Source: Shao et al. 2024, section 4.1.2; Liu et al. 2025; Ahmadian et al. 2024,
    arXiv:2402.14740: leave one out.

    >>> group_advantages(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), "dr_grpo").tolist()
    [[0.5, -0.5], [0.0, 0.0]]
    """
    shape = tuple(rewards.shape) if isinstance(rewards, Tensor) else type(rewards).__name__
    if isinstance(shape, str) or len(shape) != 2 or shape[0] < 1 or shape[1] < 2:
        raise ValueError(f"expected a tensor of rewards (G, N), at least 2 answers, got {shape}")
    check_array("rewards", rewards, truth=True)
    rewards = rewards.to(torch.promote_types(rewards.dtype, torch.float32))
    differ = (rewards != rewards[:, :1]).any(1, keepdim=True)
    centred = (rewards - rewards.mean(1, keepdim=True)) * differ
    if kind == "grpo":
        return centred / (rewards.std(1, keepdim=True) + 1e-4)
    if kind == "dr_grpo":
        return centred
    if kind == "leave_one_out":
        return centred * (rewards.shape[1] / (rewards.shape[1] - 1))
    raise ValueError(f"expected the kind grpo, dr_grpo or leave_one_out, got {kind!r}")


def kl_estimate(log_probs: Tensor, reference_log_probs: Tensor) -> Tensor:
    """Estimate, token by token, the KL divergence of a policy from a reference, from its words.

    With d = ln p of the reference less ln p of the policy it is exp(d) - d - 1: never below 0, and
    right on average over what the policy says.

    Args:
        log_probs: ln p of tokens that the policy has drawn, by the policy.
        reference_log_probs: the same, by the reference.

    Raises:
        ValueError: shapes that differ, NaN or infinity.

    Source: Schulman 2020, the estimate k3.
    """
    own, others = check_log_probs(log_probs=log_probs, reference_log_probs=reference_log_probs)
    departure = others - own
    return departure.expm1() - departure  # expm1(d) is exp(d) - 1, without its rounding


def policy_loss(
    log_probs: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    kind: str = "grpo",
    clip: float = 0.2,
    beta: float = 0,
    reference_log_probs: Tensor | None = None,
) -> Tensor:
    """Return the loss that makes answers with an advantage more probable, and others less.

    Args:
        log_probs: ln p of each token of each answer, by the model in training: (B, T).
        old_log_probs: by the model that wrote the answers.
        advantages: of each token, or of each answer as (B, 1).
        mask: which tokens belong to the answers; True = counts. Each answer has at least one. What
            stands elsewhere does not matter, whatever it is.
        kind: "grpo": the mean over each answer's tokens, then over answers; "dapo": over all
            tokens; "dr_grpo": the sum over tokens, divided by B and T.
        clip: no gain from a token whose probability has changed by more than this part.
        beta: the weight of `kl_estimate` to the reference.
        reference_log_probs: by the reference; needed where `beta` is above 0.

    Raises:
        ValueError: shapes that differ, NaN or infinity, an answer without tokens, another kind, a
            number out of its range, or no reference for a `beta` above 0.

    Source: Shao et al. 2024, equation 3, with the clip of Schulman et al. 2017; Yu et al. 2025,
    equation 8; Liu et al. 2025. `trl` also multiplies the KL by the ratio, unless told not to.
    """
    if getattr(advantages, "shape", None) == (len(log_probs), 1):
        advantages = advantages.expand_as(log_probs)
    given = {"log_probs": log_probs, "old_log_probs": old_log_probs, "advantages": advantages}
    own, old, advantages = check_log_probs(mask, **given)
    ratio = (own - old).clamp(max=80).exp()  # e^80 is near the largest number of 32 bits
    near = ratio.clamp(1 - check_number("clip", clip, above=0), 1 + clip)
    losses = -torch.minimum(ratio * advantages, near * advantages)
    if check_number("beta", beta, least=0):
        [reference] = check_log_probs(mask, reference_log_probs=reference_log_probs)
        losses = losses + beta * kl_estimate(own, reference)
    losses = losses * mask
    if kind == "grpo":
        return (losses.sum(1) / mask.sum(1)).mean()
    if kind == "dapo":
        return losses.sum() / mask.sum()
    if kind == "dr_grpo":
        return losses.sum() / mask.numel()
    raise ValueError(f"expected the kind grpo, dapo or dr_grpo, got {kind!r}")


# --------------------------------------------------------------------------- training of a model


def answer_log_probs(
    model: nn.Module,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
) -> tuple[Tensor, Tensor]:
    """Return ln p of each token of B answers after their prompts, and which places have tokens.

    Args:
        model: gives logits (B, T, V) for token ids (B, T).
        prompts: token ids, at least one each.
        answers: token ids, at least one each; the `END` that closes an answer is part of it.

    Returns:
        Log-probabilities (B, T), 0 outside of the answers, and a mask (B, T), True inside.

    Raises:
        ValueError: not as many of both, none, or an empty prompt or answer.
    """
    if len(prompts) != len(answers) or not len(answers) or not all(map(len, [*prompts, *answers])):
        raise ValueError(
            f"expected as many prompts as answers, none of them empty, got {len(prompts)} and "
            f"{len(answers)}"
        )
    starts = torch.tensor([len(prompt) for prompt in prompts])[:, None]
    ends = starts + torch.tensor([len(answer) for answer in answers])[:, None]
    rows = [[*prompt, *answer] for prompt, answer in zip(prompts, answers, strict=True)]
    token_ids = torch.tensor([row + [0] * (int(ends.max()) - len(row)) for row in rows])
    places = torch.arange(1, token_ids.shape[1])  # of the tokens that are predicted
    mask = (starts <= places) & (places < ends)
    log_probs = model(token_ids[:, :-1]).log_softmax(-1)
    of_tokens = log_probs.gather(2, token_ids[:, 1:, None])[..., 0]
    return of_tokens.masked_fill(~mask, 0.0), mask


class Pair(NamedTuple):
    """Two answers to a prompt, as token ids; the first is preferred."""

    prompt: Sequence[int]
    chosen: Sequence[int]
    rejected: Sequence[int]


def prefer(
    model: nn.Module,
    pairs: Sequence[Pair],
    beta: float = 0.1,
    lr: float = 1e-4,
    size: int = 8,
    kind: str = "sigmoid",
) -> list[float]:
    """Train a model on pairs of answers, once through, in place; the reference is its beginning.

    Args:
        model: gives logits (B, T, V) for token ids (B, T).
        pairs: in the order in which they are learned from.
        beta: see `dpo_loss`.
        lr: the learning rate of AdamW.
        size: pairs in a step.
        kind: see `dpo_loss`.

    Returns:
        The loss of each step, before it.

    Raises:
        ValueError: no pairs, or an argument out of its range.

    Source: Rafailov et al. 2023, section 4.
    """
    if not len(pairs):
        raise ValueError("expected at least one pair, got none")
    reference = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), check_number("lr", lr, above=0), (0.9, 0.95))
    losses = []
    for first in range(0, len(pairs), check_integer("size", size, 1)):
        prompts, chosen, rejected = zip(*pairs[first : first + size], strict=True)
        batch = (2 * prompts, chosen + rejected)
        own, before = (answer_log_probs(one, *batch)[0].sum(1) for one in (model, reference))
        loss = dpo_loss(*own.chunk(2), *before.chunk(2), beta, kind)
        loss.backward()
        clip_gradients(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def draw_answers(
    model: nn.Module,
    tokenizer: BPETokenizer,
    tasks: Sequence[Task],
    size: int,
    n_tokens: int = 64,
    seed: int = 0,
) -> tuple[list[list[int]], list[list[int]], list[str]]:
    """Draw answers to tasks as the model finds them probable: `size` to each, side by side.

    Args:
        model: has learned to chat.
        tokenizer: knows the roles.
        tasks: what is asked.
        size: answers to each task.
        n_tokens: at most so many in an answer.
        seed: of what is drawn.

    Returns:
        Prompts and answers as token ids, each answer with its `END` unless the limit cut it off,
        and the answers as texts.

    Raises:
        ValueError: an argument out of its range; see `generate_batch`.
    """
    end = tokenizer.end_id
    asked = [encode_chat(task.messages, tokenizer, add_generation_prompt=True) for task in tasks]
    prompts = [ids for ids in asked for _ in range(check_integer("size", size, 1))]
    drawn = generate_batch(model, prompts, n_tokens, Sampling(), [end], seed)
    answers = [ids + [end] * (len(ids) < n_tokens) for ids in drawn]
    return prompts, answers, [tokenizer.decode(ids) for ids in drawn]


def reinforce(
    model: nn.Module,
    tokenizer: BPETokenizer,
    batches: Iterable[Sequence[Task]],
    reward: Callable[[Task, str], float],
    size: int = 8,
    lr: float = 1e-4,
    beta: float = 0.0,
    n_tokens: int = 64,
    seed: int = 0,
) -> list[float]:
    """Train a model on the rewards of its own answers, in place; a step for each batch of tasks.

    The model that writes is the one that learns, so the ratio of the loss is 1 and its clip idle.

    Args:
        model: has learned to chat; where `beta` is above 0 its beginning is the reference.
        tokenizer: knows the roles.
        batches: the tasks of each step.
        reward: what an answer to a task is worth.
        size: answers to each task, at least 2.
        lr: the learning rate of AdamW.
        beta: see `policy_loss`.
        n_tokens: at most so many in an answer.
        seed: of what is drawn.

    Returns:
        The mean reward of the answers of each step, before it.

    Raises:
        ValueError: an argument out of its range; see `draw_answers` and `group_advantages`.

    Source: Shao et al. 2024, section 4.1, with the loss "dapo" of Yu et al. 2025.
    """
    check_number("lr", lr, above=0)
    held = check_number("beta", beta, least=0) > 0
    reference = copy.deepcopy(model).requires_grad_(False) if held else None
    optimizer = torch.optim.AdamW(model.parameters(), lr, betas=(0.9, 0.95), weight_decay=0.0)
    means = []
    for drawn, tasks in enumerate(batches, check_integer("seed", seed, 0)):
        *rows, texts = draw_answers(model, tokenizer, tasks, size, n_tokens, drawn)
        answered = zip([task for task in tasks for _ in range(size)], texts, strict=True)
        rewards = torch.tensor([float(reward(task, text)) for task, text in answered])
        advantages = group_advantages(rewards.view(len(tasks), size)).view(-1, 1)
        own, mask = answer_log_probs(model, *rows)
        before = answer_log_probs(reference, *rows)[0] if held else None
        policy_loss(own, own.detach(), advantages, mask, "dapo", 0.2, beta, before).backward()
        clip_gradients(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        means.append(rewards.mean().item())
    return means


# ------------------------------------------------------------------------------- the known optimum


def optimum(reference_probs: Sequence[float], rewards: Sequence[float], beta: float) -> np.ndarray:
    """Return the policy with the most reward, less beta times its divergence from a reference.

    It is proportional to the reference times exp(reward / beta): where all answers can be listed,
    this is what DPO and GRPO can at best arrive at.

    Args:
        reference_probs: of K answers, adding up to 1.
        rewards: of the same answers.
        beta: above 0.

    Raises:
        ValueError: not as many of both, probabilities that do not add up to 1, rewards that are no
            finite numbers, or a beta not above 0.

    Source: Rafailov et al. 2023, equation 4.

    >>> optimum([0.5, 0.5], [math.log(3), 0.0], beta=1.0).round(3)
    array([0.75, 0.25])
    """
    probs = check_array("reference_probs", reference_probs, least=0)
    rewards = check_array("rewards", rewards)
    whole = math.isclose(probs.sum(), 1, rel_tol=1e-6)
    if probs.shape != rewards.shape or probs.ndim != 1 or not whole:
        raise ValueError(
            f"expected as many rewards as probabilities, which add up to 1, got {probs}, {rewards}"
        )
    beta = check_number("beta", beta, above=0)
    weights, possible = np.zeros_like(probs), probs > 0
    with np.errstate(over="ignore"):  # what is worse by more than any number has the weight 0
        worse = (rewards[possible] - rewards[possible].max()) / beta
    weights[possible] = probs[possible] * np.exp(worse)
    return weights / weights.sum()


def kl_divergence(p: Sequence[float], q: Sequence[float]) -> float:
    """Return the KL divergence of p from q, in nats: what it costs to take q for p.

    Args:
        p: probabilities of K answers, adding up to 1.
        q: other probabilities of the same answers.

    Raises:
        ValueError: not as many of both, or numbers that are no probabilities.

    Source: Kullback and Leibler 1951.

    >>> kl_divergence([0.5, 0.5], [0.5, 0.5]), kl_divergence([1.0, 0.0], [0.0, 1.0])
    (0.0, inf)
    """
    p, q = check_array("p", p, least=0), check_array("q", q, least=0)
    sums = math.isclose(p.sum(), 1, rel_tol=1e-6) and math.isclose(q.sum(), 1, rel_tol=1e-6)
    if p.shape != q.shape or p.ndim != 1 or not sums:
        raise ValueError(f"expected two distributions over the same answers, got {p} and {q}")
    here = p > 0
    with np.errstate(divide="ignore"):
        nats = (p[here] * (np.log(p[here]) - np.log(q[here]))).sum()
    return max(0.0, float(nats))  # rounding may leave a little less than 0
