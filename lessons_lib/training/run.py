"""A run: many steps, that can be stopped at any moment and go on as if nothing had been."""

import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from lessons_lib.base.checkpoints import before, differences
from lessons_lib.base.files import lock_folder, write_atomic
from lessons_lib.base.parallel import (
    first_alone,
    own_model,
    own_parameters,
    rank_and_size,
    same_for_all,
    share,
)
from lessons_lib.base.progress import progress_bar
from lessons_lib.gpt import loss
from lessons_lib.training.data import Windows, evaluate
from lessons_lib.training.gradients import clip_gradients
from lessons_lib.training.optimizers import learning_rate
from lessons_lib.training.recipe import Recipe, make_optimizers
from lessons_lib.training.speed import Meter
from lessons_lib.training.state import fill, read_state, shapes_in, write_state

# What is to be made small: from the model and windows (B, T + 1), the mean loss of their tokens, or
# the sum of their losses and how many tokens that are.
LossFunction = Callable[[nn.Module, Tensor], Tensor | tuple[Tensor, Tensor | int]]


class TrainingDiverged(ArithmeticError):
    """The loss is no longer a number."""


class Run:
    """A training run: all that changes while it goes on, and how to keep it on disk.

    Args:
        model: with `blocks` and a `config`; compiled or not.
        data: what to learn from.
        recipe: how.
        folder: where to write `record.jsonl` and `checkpoint.pt`; None writes nothing.
        sharded: split the weights among the processes (FSDP2).
        loss_fn: what to make small, see `train`.
        parts: each process writes its own part of the checkpoints.

    Raises:
        ValueError: windows longer than the model can read, or a batch that the processes and the
            parts of `accumulate` cannot share.
    """

    def __init__(
        self,
        model: nn.Module,
        data: Windows,
        recipe: Recipe,
        folder: str | os.PathLike | None = None,
        sharded: bool = False,
        loss_fn: LossFunction = loss,
        parts: bool = False,
    ):
        inner = own_model(model)
        most = inner.config.context_length
        if data.length > most:
            raise ValueError(f"expected windows of at most {most} tokens, got {data.length}")
        self.rank, self.size = rank_and_size()
        if recipe.batch_size % (self.size * recipe.accumulate):
            raise ValueError(
                f"expected a batch that {self.size} processes times {recipe.accumulate} parts can "
                f"share, got {recipe.batch_size}"
            )
        self.model, self.data, self.recipe, self.loss_fn = model, data, recipe, loss_fn
        sizes = {k: v for k, v in vars(inner.config).items() if k != "end_ids"}
        self.model_settings = {f"model.{k}": repr(v) for k, v in sizes.items()}
        self.model_settings["model"] = type(inner).__name__  # sharding gives it another
        self.compute = share(model, sharded)
        self.optimizers = make_optimizers(inner, recipe)
        self.parameters = own_parameters(model)
        self.folder, self.parts = None if folder is None else Path(folder), parts
        self.n_done, self.n_saved, self.seconds, self.record = 0, None, 0.0, []
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)

    def settings(self) -> dict:
        """Describe the run: what must be equal for it to go on, the end of a text not among it."""
        settings = {f"recipe.{name}": value for name, value in asdict(self.recipe).items()}
        settings |= {"data.tokens": self.data.n_tokens, "data.sum": self.data.checksum()}
        return settings | self.model_settings | {"data.length": self.data.length}

    @property
    def finished(self) -> bool:
        """Whether the recipe's end is reached."""
        target = self.recipe.target_loss
        reached = [line["validation"] for line in self.record[-1:] if "validation" in line]
        if target is not None and reached and reached[0] <= target:
            return True
        return self.recipe.progress(self.n_done, self.seconds) >= 1

    def due(self, every: int) -> bool:
        """Whether what happens every so many steps happens now."""
        return every > 0 and self.n_done % every == 0

    def step(self) -> dict:
        """Take one step and return its line of the record.

        Raises:
            TrainingDiverged: the loss or the gradient is no longer a number; nothing was changed.
            ValueError: a batch of which no token counts.
        """
        recipe = self.recipe
        total = self.slopes()
        length = clip_gradients(self.parameters.values(), recipe.clip)
        if not (math.isfinite(total) and math.isfinite(length)):
            kept = f"; {self.checkpoint} is from step {self.n_saved}" if self.n_saved else ""
            raise TrainingDiverged(
                f"the loss at step {self.n_done} is {total:g}, its gradient {length:g} long: try "
                f"a lower learning rate (now {recipe.lr:g} and {recipe.matrix_lr}), a longer "
                f"warm-up, or float32{kept}"
            )
        done = recipe.progress(self.n_done + 1, self.seconds)
        rate = learning_rate(done, recipe.warm_up, recipe.final)
        for optimizer, full in zip(self.optimizers, (recipe.lr, recipe.matrix_lr), strict=False):
            for group in optimizer.param_groups:
                group["lr"] = rate * full
            optimizer.step()
            optimizer.zero_grad()
        self.n_done += 1
        return {"step": self.n_done, "loss": total, "rate": rate, "gradient": length}

    def slopes(self) -> float:
        """Give all parameters the gradient of the batch's mean loss, and return that loss.

        The parts of a batch, in this process and in others, are added up and divided by all their
        counted tokens together: a mean of means would give the tokens of a part with few of them
        more weight than others.
        """
        recipe, total, n = self.recipe, 0.0, 0.0
        rows = self.data.batch(self.n_done, recipe.batch_size, recipe.seed)[self.rank :: self.size]
        device = next(self.model.parameters()).device
        half = torch.autocast(device.type, torch.bfloat16, recipe.precision == "bfloat16")
        for part in rows.to(device).chunk(recipe.accumulate):
            with half:
                value = self.loss_fn(self.compute, part)
            # a mean counts once: all parts have equally many tokens
            value, count = value if isinstance(value, tuple) else (value, 1)
            value.backward()
            total, n = total + value.item(), n + float(count)
        # PyTorch has taken the gradients' mean over the processes, so it is divided by a mean too
        total, n = same_for_all(total, mean=True), same_for_all(n, mean=True)
        if not n > 0:
            raise ValueError(
                f"expected a batch with tokens that count, got none at step {self.n_done}"
            )
        if n != 1:
            for p in self.parameters.values():
                if p.grad is not None:
                    p.grad.div_(n)
        return total / n

    # ------------------------------------------------------------ keeping it

    @property
    def checkpoint(self) -> Path:
        """Where the state of the run is kept."""
        return self.folder / "checkpoint.pt"

    def save(self) -> None:
        """Write the checkpoint: weights, optimizers, place in the data, random state, record."""
        more = {
            "settings": self.settings(),
            "random": torch.get_rng_state(),
            "n_done": self.n_done,
            "seconds": self.seconds,
            "record": self.record,
        }
        with self.naming_what_is_kept():
            write_state(self.checkpoint, self.parameters, self.optimizers, more, self.parts)
        self.n_saved = self.n_done

    @contextmanager
    def kept(self, resume: bool) -> Iterator[None]:
        """Have the folder for this run alone, and begin or go on in it.

        Raises:
            ValueError: another run is there, going on or stopped, or see `restore`.
        """
        if self.folder is None:
            if resume:
                raise ValueError("expected a folder with the run to go on with, got none")
            yield
            return
        with ExitStack() as stack:
            first_alone(lambda: stack.enter_context(lock_folder(self.folder)) and None)
            self.restore() if resume else self.begin()
            yield

    def begin(self) -> None:
        """Write the first checkpoint, so that a run can go on from its first moment.

        Raises:
            ValueError: the folder holds a run.
        """
        own = (self.checkpoint, before(self.checkpoint), self.folder / "record.jsonl")
        found = first_alone(lambda: [path.name for path in own if path.exists()])
        if found:
            raise ValueError(
                f"expected a folder without a run, got {self.folder} with {', '.join(found)}: go "
                "on with that run (resume=True, in the command --resume), take another folder, or "
                "remove these files"
            )
        self.save()

    def restore(self) -> None:
        """Go on where the last whole checkpoint was written; later lines of the record are dropped.

        Raises:
            ValueError: no whole checkpoint, or one of a run with other settings, all of them named.
        """
        state = read_state(self.checkpoint)
        own = {name: tuple(p.shape) for name, p in self.parameters.items()}
        changed = differences(state["settings"], self.settings()) or differences(
            shapes_in(state), own
        )
        if changed:
            raise ValueError(
                f"expected the settings of the run in {self.checkpoint}; these differ:\n  "
                + "\n  ".join(changed)
            )
        fill(state, self.checkpoint, self.parameters, self.optimizers)
        torch.set_rng_state(state["random"])
        self.n_done = self.n_saved = state["n_done"]
        self.seconds, self.record = state["seconds"], state["record"]
        lines = "".join(json.dumps(line) + "\n" for line in self.record)
        first_alone(lambda: write_atomic(self.folder / "record.jsonl", lines.encode()))

    def note(self, line: dict) -> None:
        """Add a line to the record, in memory and on disk."""
        self.record.append(line)
        if self.folder and self.rank == 0:
            path = self.folder / "record.jsonl"
            with self.naming_what_is_kept(), open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    @contextmanager
    def naming_what_is_kept(self) -> Iterator[None]:
        """Add to an error of the disk, such as a full one, how the run can go on."""
        try:
            yield
        except OSError as error:
            if self.n_saved is None:
                raise
            kept = f"the checkpoint of step {self.n_saved} is kept: mend that, then resume"
            raise OSError(error.errno, f"{error.strerror}; {kept}", error.filename) from error


def train(
    model: nn.Module,
    data: Windows,
    recipe: Recipe,
    validation: Windows | None = None,
    folder: str | os.PathLike | None = None,
    resume: bool = False,
    sharded: bool = False,
    watch: Callable[[dict], None] = lambda line: None,
    loss_fn: LossFunction = loss,
    stop: Callable[[], object] = lambda: False,
    parts: bool = False,
    peak: float | None = None,
) -> list[dict]:
    """Train a model in place and return the record of the run, a line for each step.

    Args:
        model: GPT, Llama, or another with `blocks`, a `config`, and logits (B, T, V).
        data: what to learn from.
        recipe: how, and until when.
        validation: what to measure the loss on, as often as the recipe says and at the end.
        folder: where to keep `record.jsonl`, `checkpoint.pt` and the checkpoint before it, for this
            run alone.
        resume: go on from the checkpoint in `folder`, as if the run had never stopped. If it is
            broken, a warning says so, and the one before is used.
        sharded: split the weights among the processes that `torchrun` started.
        watch: is called with each line of the record.
        loss_fn: what to make small: takes the model and windows (B, T + 1) and returns the mean
            over their tokens; or, where not all tokens count, the sum over those that do, and how
            many they are. By default the mean cross-entropy of each next token.
        stop: is asked after each step, in all processes; once it answers yes, in all of them, the
            run is saved and ends early. `Stopping` answers so after a signal.
        parts: each process writes its own part of the checkpoints, with PyTorch's
            `torch.distributed.checkpoint`, so that none has to hold the whole. Any number of
            processes can go on from there, with or without parts.
        peak: the operations a second of each process's machine, see `measure_peak`; then the record
            says what share of them the run uses.

    Returns:
        Lines with step, loss (nats per token), rate (part of the full one), gradient (its length),
        tokens (read so far), seconds, and at times validation (nats per token) and machine: what
        `Meter` tells of speed, memory and the time left.

    Raises:
        ValueError: see `Run`; `resume` without a folder or with other settings; a folder with
            another run, going on or stopped.
        OSError: the disk is full, or the folder cannot be written; the last checkpoint is kept.
        TrainingDiverged: the loss is no longer a number; the last checkpoint is kept.
    """
    run = Run(model, data, recipe, folder, sharded, loss_fn, parts)
    meter = Meter(model, data.length, recipe, peak)
    bar_from = {"total": recipe.n_steps, "unit": " steps"}
    with run.kept(resume), progress_bar("training", **bar_from, initial=run.n_done) as bar:
        began = time.perf_counter() - run.seconds
        meter.note(run.n_done, run.seconds)
        while not run.finished:
            line = run.step()
            run.seconds = same_for_all(time.perf_counter() - began)
            meter.note(run.n_done, run.seconds)
            tokens = run.n_done * recipe.batch_size * data.length
            line |= {"tokens": tokens, "seconds": round(run.seconds, 3)}
            if run.finished or run.due(recipe.evaluate_every):
                line["machine"] = meter.report()
                if validation:
                    line["validation"] = evaluate(run.compute, validation)
            run.note(line)
            watch(line)
            stopping = stop()
            if folder and (run.finished or stopping or run.due(recipe.save_every)):
                run.save()
            if stopping:
                break
            bar.set_postfix_str(f"loss {line['loss']:.3f}, {meter.text()}")
            bar.update()
    return run.record


def read_record(path: str | os.PathLike) -> list[dict]:
    """Read a run's `record.jsonl`; a last line that was cut off is left out.

    Raises:
        ValueError: a line that is none of a record.
    """
    *lines, _ = Path(path).read_bytes().split(b"\n")  # behind the last end of a line: cut off
    record = []
    for number, line in enumerate(lines, 1):
        try:
            record.append(json.loads(line))
            if not isinstance(record[-1], dict):
                raise ValueError(f"{type(record[-1]).__name__} in place of a dict")
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"expected a line of JSON for each step in {path}, got in line {number}: {error}"
            ) from None
    return record
