"""Consoles: nothing that is printed can fail because of the characters in it.

A console need not have all characters: on Windows a pipe has those of cp1252, and where `LC_ALL` is
C, Python may have ASCII. What is missing is written by its number.
"""

import io
import sys
from collections.abc import Callable
from typing import NoReturn, TextIO

__all__ = ["forgive", "run", "tell"]


def forgive(stream: TextIO) -> TextIO:
    """Let a stream write escapes for what its encoding lacks; return it."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def tell(text: str) -> None:
    """Print a text, with escapes for what the encoding of the output lacks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def run(main: Callable[[], int | None], *told: type[Exception]) -> NoReturn:
    """Call `main` as a command, on a console of any encoding, and end with its exit status.

    Args:
        main: returns the exit status; None is 0.
        told: errors of which a user is told in one sentence.
    """
    forgive(sys.stdout)
    forgive(sys.stderr)
    try:
        status = main()
    except told as error:
        sys.exit(f"error: {error}")
    sys.exit(status)
