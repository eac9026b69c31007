"""Tokens on disk: shards that were written once and are read window by window, never whole.

A folder of shards holds files of raw tokens (`shard-00000.bin`, two or four bytes each, the lower
one first), the tokenizer, and `index.json`, which says what is in them. The chapter `data` writes
them. A text stands between two `END`: the row of all shards is END text END text END.

Source: the raw tokens of nanoGPT and llm.c (A. Karpathy), with an index beside them.
"""

import hashlib
import json
import os
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lessons_lib.base.validation import check_integer, check_positions
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training.data import Windows

__all__ = ["FORMAT", "INDEX", "TOKENIZER", "Shards", "TokensOnDisk", "read_index", "split_shards"]

FORMAT = "lessons_lib tokens on disk, version 1"
INDEX = "index.json"
TOKENIZER = "bpe.json"
_AGAIN = 512  # reads; the pages that were touched are then given back


def read_index(folder: str | os.PathLike) -> dict:
    """Return what `index.json` says of a folder of shards.

    Raises:
        ValueError: no such file, or another one.
    """
    path = Path(folder) / INDEX
    try:
        index = json.loads(path.read_bytes())
        if index["format"] != FORMAT or index["dtype"] not in ("<u2", "<u4"):
            raise ValueError(f"another format, {index['format']!r:.60} of {index['dtype']!r:.20}")
        for shard in index["shards"]:
            if Path(shard["file"]).name != shard["file"]:
                raise ValueError(f"a file elsewhere, {shard['file']!r:.60}")
            check_integer("tokens", shard["tokens"], 1)
        return index
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"expected a folder of shards, got {path}: {reason}") from None


class TokensOnDisk:
    """The tokens of several files as one row (N,), read by memory map where they are asked for.

    Args:
        files: paths, each with its number of tokens.
        dtype: of a token, such as ``"<u2"``.

    Raises:
        ValueError: a file that is missing or has another length.
    """

    def __init__(self, files: list[tuple[Path, int]], dtype: str):
        self.dtype, self.paths = np.dtype(dtype), [path for path, _ in files]
        self.bounds = list(accumulate((n for _, n in files), initial=0))
        self._maps, self._reads = {}, 0
        for path, n in files:
            size = path.stat().st_size if path.is_file() else None
            if size != n * self.dtype.itemsize:
                got = "no file" if size is None else f"{size:,} bytes"
                raise ValueError(
                    f"expected {n * self.dtype.itemsize:,} bytes in the shard {path}, got {got}"
                )

    def __len__(self) -> int:
        """Return N."""
        return self.bounds[-1]

    def __getitem__(self, places: slice) -> Tensor:
        """Return the tokens from one place to another, (n,) of 64 bits."""
        first, last, step = places.indices(len(self))
        if step != 1:
            raise ValueError(f"expected tokens that follow one another, got the step {step}")
        return torch.from_numpy(self.read(first, np.empty(max(0, last - first), np.int64)))

    def read(self, first: int, out: np.ndarray) -> np.ndarray:
        """Fill `out` (n,) with the tokens from `first` on, and return it."""
        self._reads += 1
        if self._reads % _AGAIN == 0:
            self._maps.clear()  # else the memory of this process seems to grow with what it read
        done = 0
        number = bisect_right(self.bounds, first) - 1
        while done < len(out):
            begin = first + done - self.bounds[number]
            part = self._map(number)[begin : begin + len(out) - done]
            out[done : done + len(part)] = part
            done, number = done + len(part), number + 1
        return out

    def _map(self, number: int) -> np.ndarray:
        if number not in self._maps:
            # as a plain array, of which a part is taken faster
            self._maps[number] = np.asarray(np.memmap(self.paths[number], self.dtype, "r"))
        return self._maps[number]


class Shards(Windows):
    """A folder of shards, read in windows of T + 1 tokens: `Windows` of what memory cannot hold.

    All that can be asked of `Windows` can be asked here, and the same comes: the windows of a step
    depend on the tokens, the seed and the step alone, whatever number of processes share them. What
    is in memory is the order of the windows, 8 bytes each.

    Args:
        folder: what `lessons_lib.data` wrote.
        length: T.
        begin: the first token to use.
        end: the token before which to stop; None: all.
        tokenizer: if given, the shards have to be its.

    Attributes:
        index: what the folder's `index.json` says.
        end_id: the token between texts.

    Raises:
        ValueError: no finished folder of shards, a shard that is missing or has another length,
            shards of another tokenizer, or too few tokens for a window.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        length: int = 256,
        begin: int = 0,
        end: int | None = None,
        tokenizer: BPETokenizer | None = None,
    ):
        self.folder, self.index = Path(folder), read_index(folder)
        if not self.index["complete"]:
            raise ValueError(
                f"expected finished shards in {self.folder}, got some: the command that writes "
                "them was stopped, and goes on when it is called again"
            )
        if tokenizer is not None and tokenizer.digest() != self.index["tokenizer"]:
            raise ValueError(f"expected shards of {tokenizer}, got {self.folder} of another one")
        files = [(self.folder / s["file"], s["tokens"]) for s in self.index["shards"]]
        self.token_ids = TokensOnDisk(files, self.index["dtype"])
        n_tokens = len(self.token_ids)
        self.begin = check_integer("begin", begin, 0, n_tokens)
        self.end = n_tokens if end is None else check_integer("end", end, self.begin, n_tokens)
        self.length = check_integer("length", length, 1)
        self.last = self.end - self.begin - length - 1
        if self.last < 0:
            raise ValueError(
                f"expected at least {length + 1} tokens for a window, got {self.end - self.begin}"
            )
        self.end_id, self.starts, self._order = self.index["end_id"], None, (None, None)

    def __repr__(self) -> str:
        """Return what it holds: how many tokens, and in windows of what length."""
        return f"Shards({self.n_tokens:,} tokens, length {self.length})"

    @property
    def n_tokens(self) -> int:
        """How many tokens there are to learn from."""
        return self.end - self.begin

    @property
    def all_tokens(self) -> Tensor:
        """All tokens to learn from, in memory: (N,)."""
        return self.token_ids[self.begin : self.end]

    def rows(self, starts: Tensor) -> Tensor:
        """Return the windows (B, T + 1) that begin at `starts` (B,)."""
        starts = check_positions("starts", starts, self.last + 1)
        rows = np.empty((len(starts), self.length + 1), np.int64)
        for start, row in zip(starts.tolist(), rows, strict=True):
            self.token_ids.read(self.begin + start, row)
        return torch.from_numpy(rows)

    def checksum(self) -> int:
        """Return a number that differs where the tokens differ; nothing is read."""
        sums = [shard["sha256"] for shard in self.index["shards"]]
        told = json.dumps([sums, self.begin, self.end]).encode()
        return int(hashlib.sha256(told).hexdigest()[:15], 16)

    def documents(self, rows: Tensor) -> Tensor:
        """Return for each token of windows (B, T) the number of its text; an `END` begins one."""
        return (rows == self.end_id).cumsum(1)

    def tokenizer(self) -> BPETokenizer:
        """Return the tokenizer that lies beside the shards.

        Raises:
            ValueError: it is broken, or another one.
        """
        tokenizer = BPETokenizer.load(self.folder / TOKENIZER)
        if tokenizer.digest() != self.index["tokenizer"]:
            raise ValueError(f"expected the shards' own tokenizer in {self.folder}, got another")
        return tokenizer

    def verify(self) -> None:
        """Read all shards once and compare their checksums and ids with the index.

        Raises:
            ValueError: a shard that was changed, or an id outside the vocabulary.
        """
        for path, shard in zip(self.token_ids.paths, self.index["shards"], strict=True):
            digest, largest = hashlib.sha256(), 0
            with open(path, "rb") as file:
                while data := file.read(1 << 20):
                    digest.update(data)
                    largest = max(largest, int(np.frombuffer(data, self.token_ids.dtype).max()))
            if digest.hexdigest() != shard["sha256"]:
                raise ValueError(f"expected the shard {path} as it was written, got another")
            if largest >= self.index["vocab_size"]:
                raise ValueError(
                    f"expected ids below {self.index['vocab_size']} in {path}, got {largest}"
                )


def split_shards(
    folder: str | os.PathLike, length: int, most: int = 1_000_000
) -> tuple[Shards, Shards]:
    """Return the shards to train on, and the last tenth of them, at most `most` tokens, to test on.

    Raises:
        ValueError: as `Shards`.
    """
    whole = Shards(folder, length)
    cut = whole.n_tokens - min(whole.n_tokens // 10, check_integer("most", most, 1))
    return Shards(folder, length, end=cut), Shards(folder, length, begin=cut)
