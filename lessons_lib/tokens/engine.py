"""Many texts at once: the merges inside tiktoken, in as many processes as there are.

Nothing here needs PyTorch, so that a process that only encodes stays small.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple, TypeVar

import numpy as np

from lessons_lib.tokens.tokenizer import BPETokenizer

__all__ = ["Encoded", "Encoder", "encode_batches"]

T = TypeVar("T")


class Encoded(NamedTuple):
    """A batch as tokens: their bytes, and where each document ends, in tokens and bytes of text."""

    data: bytes
    ends: list[tuple[int, int]]
    n_tokens: int
    n_bytes: int


class Encoder:
    """Text to tokens as `BPETokenizer.encode` gives them, without special tokens, but faster.

    The merges run inside tiktoken wherever that gives the same ids, else in Python.

    Args:
        tokenizer: whose tokens.
        end_id: the token behind each document.
        dtype: of the tokens, such as ``"<u2"``: two bytes, the lower one first.
    """

    def __init__(self, tokenizer: BPETokenizer, end_id: int, dtype: str):
        self.tokenizer, self.end_id, self.dtype = tokenizer, end_id, np.dtype(dtype)
        try:
            self.fast = tokenizer.to_tiktoken()
        except ValueError:  # it cannot say what this tokenizer does
            self.fast = None

    def encode(self, text: str) -> np.ndarray:
        """Return the tokens of a text, an array (N,)."""
        if self.fast is None:
            return np.array(self.tokenizer.encode(text), self.dtype)
        try:
            if hasattr(self.fast, "encode_to_numpy"):  # the oldest versions have only lists
                return self.fast.encode_to_numpy(text, disallowed_special=()).astype(self.dtype)
            return np.array(self.fast.encode_ordinary(text), self.dtype)
        except ValueError:  # the engine's stack is too small for a million spaces
            return np.array(self.tokenizer.encode(text), self.dtype)

    def batch(self, pieces: Sequence[tuple[str, bool]]) -> Encoded:
        """Return the tokens of pieces of text; each says whether its document ends with it."""
        rows, ends, n_tokens, n_bytes = [], [], 0, 0
        end = np.array([self.end_id], self.dtype)
        for text, is_last in pieces:
            rows.append(self.encode(text))
            n_tokens += len(rows[-1])
            n_bytes += len(text.encode())
            if is_last:
                rows.append(end)
                n_tokens += 1
                ends.append((n_tokens, n_bytes))
        return Encoded(b"".join(row.tobytes() for row in rows), ends, n_tokens, n_bytes)


_own: Encoder | None = None  # of a process that encodes for another


def _begin(encoder: Encoder) -> None:
    """Make ready a process that encodes; it ends with the one that started it."""
    global _own
    _own = encoder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process says what happens
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)


def _encode(pieces: Sequence[tuple[str, bool]]) -> Encoded:
    return _own.batch(pieces)


def encode_batches(
    encoder: Encoder, batches: Iterable[tuple[Sequence[tuple[str, bool]], T]], processes: int
) -> Iterator[tuple[Encoded, T]]:
    """Yield each batch as tokens, in order, with what came beside it.

    Args:
        encoder: how.
        batches: pieces of text as for `Encoder.batch`, and anything beside them. They are asked for
            only as fast as they are encoded.
        processes: how many encode; with 1, this process does.

    Raises:
        OSError: a process was ended from outside, as happens where memory runs out.
    """
    if processes == 1:
        for pieces, beside in batches:
            yield encoder.batch(pieces), beside
        return
    context = multiprocessing.get_context("spawn")  # as on all systems, and without PyTorch
    pool = ProcessPoolExecutor(processes, context, _begin, (encoder,))
    waiting = deque()
    try:
        for pieces, beside in batches:
            waiting.append((pool.submit(_encode, pieces), beside))
            if len(waiting) > 2 * processes:
                future, beside = waiting.popleft()
                yield future.result(), beside
        while waiting:
            future, beside = waiting.popleft()
            yield future.result(), beside
    except BrokenProcessPool:
        raise OSError("a process that encodes was ended; is there enough memory?") from None
    finally:
        pool.shutdown(cancel_futures=True)
