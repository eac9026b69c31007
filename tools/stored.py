"""What the commands share that train the book's stored models."""

import argparse
import sys
from collections.abc import Callable, Sequence


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
