"""What the commands share that store something: models, and what experiments found."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from lessons_lib.base.files import write_atomic


def note_part(path: Path, part: str, found: dict) -> None:
    """Write what one part of an experiment found beside what the others did."""
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    stored[part] = found
    text = json.dumps(dict(sorted(stored.items())), indent=1, ensure_ascii=False)
    write_atomic(path, (text + "\n").encode())


def run_parts(
    parts: Mapping[str, Callable[[], None]], about: str, arguments: Sequence[str] | None = None
) -> None:
    """Run the parts of an experiment that are asked for, all by default, on one thread.

    Args:
        parts: by name.
        about: the tool's docstring, whose first line is the help's.
        arguments: of the command; those of the process by default.
    """
    parser = argparse.ArgumentParser(description=about.split("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[*parts, []], help="all by default")
    torch.set_num_threads(1)
    for part in parser.parse_args(arguments).parts or parts:
        parts[part]()


def train_or(
    flag: str,
    other: Callable[[], None],
    build: Callable[[], None],
    about: str,
    arguments: Sequence[str] | None = None,
) -> int:
    """Train a model, or do something else where a flag asks for it; return the exit status.

    Args:
        flag: such as "card".
        other: what it asks for.
        build: trains and stores the model.
        about: the tool's docstring, whose first line is the help's.
        arguments: of the command; those of the process by default.
    """
    parser = argparse.ArgumentParser(description=about.split("\n")[0])
    parser.add_argument(f"--{flag}", action="store_true", dest="asked")
    try:
        (other if parser.parse_args(arguments).asked else build)()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
