"""Text of any size becomes tokens on disk, once: streaming, on several processes, resumable."""

import codecs
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lessons_lib.base.checkpoints import differences
from lessons_lib.base.files import lock_folder, write_atomic
from lessons_lib.base.progress import progress_bar
from lessons_lib.base.validation import check_integer, check_text
from lessons_lib.data.files import file_mark, find_files, read_documents
from lessons_lib.tokens import BPETokenizer
from lessons_lib.tokens.engine import Encoded, Encoder, encode_batches
from lessons_lib.tokens.streams import SAFE_CUTS, cut_text
from lessons_lib.training.shards import FORMAT, INDEX, TOKENIZER, read_index
from lessons_lib.training.stories import END

__all__ = ["Place", "has_shards", "read_pieces", "tokenize_files"]

_BATCH = 1 << 18  # characters that a process encodes at once
_MANY = 2048  # documents that it encodes at once
_WORTH = 1 << 22  # bytes of input that a further process is started for
_WRITING = ".writing-shard"  # its name says to `lock_folder` that it may be removed


@dataclass(frozen=True)
class Place:
    """Where a document ends: its file, its number there, and the empty ones up to there."""

    file: int = 0
    document: int = 0
    empty: int = 0


def tokenize_files(
    inputs: Iterable[str | os.PathLike],
    tokenizer: BPETokenizer,
    out: str | os.PathLike,
    processes: int | None = None,
    *,
    column: str = "text",
    encoding: str = "utf-8",
    shard_tokens: int = 100_000_000,
) -> dict:
    """Write the tokens of files as a folder of shards, for `Shards` to read; return its index.

    The files are read as a stream: memory stays constant, whatever their size. What is written
    depends on the inputs and the tokenizer, not on the number of processes. A call that was stopped
    at any moment, even by ``kill -9`` or a full disk, goes on when it is made again, and then the
    folder is to the bit what one call would have written. A shard appears only when it is whole.

    Args:
        inputs: files, folders or patterns, see `find_files` and `read_documents`. Empty documents
            are left out and counted.
        tokenizer: with an end, which comes behind each document, and once before the first.
        out: the folder to write.
        processes: how many encode; None: as many as there are cores, if the text is long enough. In
            a script, more than one asks for ``if __name__ == "__main__"``.
        column: where the text of JSON lines and tables stands.
        encoding: of text, JSON lines and CSV.
        shard_tokens: a shard ends with the document that reaches this number.

    Returns:
        The index: format, dtype, vocab_size, end_id, tokenizer (its checksum), inputs, and shards,
        each with its file, tokens, documents, bytes (of text) and sha256.

    Raises:
        ValueError: bad input as in `find_files` and `read_documents`; no text at all; a tokenizer
            without an end; a folder that another process writes in or that holds something else,
            such as shards of another tokenizer.
        OSError: the disk is full, or a process was ended; the shards so far are kept.
    """
    files = find_files(inputs)
    end_id = _end_of(tokenizer)
    settings = {
        "format": FORMAT,
        "dtype": "<u2" if tokenizer.vocab_size <= 1 << 16 else "<u4",
        "vocab_size": tokenizer.vocab_size,
        "end_id": end_id,
        "tokenizer": tokenizer.digest(),
        "column": check_text(column),
        "encoding": _check_encoding(encoding),
        "shard_tokens": check_integer("shard_tokens", shard_tokens, 1),
    }
    if processes is None:
        total = sum(path.stat().st_size for path in files)
        processes = min(_cores(), 1 + total // _WORTH)
    check_integer("processes", processes, 1)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with lock_folder(out), _saying_what_is_kept(out):
        writer = _Writer(out, settings, files, tokenizer)
        if not writer.complete:
            encoder = Encoder(tokenizer, end_id, settings["dtype"])
            pattern = None if _uncut(tokenizer) else tokenizer.pattern
            batches = _batches(read_pieces(files, pattern, column, encoding, writer.place))
            with progress_bar("tokenizing", None, unit=" tokens", unit_scale=True) as bar, writer:
                for encoded, ends in encode_batches(encoder, batches, processes):
                    writer.add(encoded, ends)
                    bar.update(encoded.n_tokens)
                writer.finish()
    return read_index(out)


def has_shards(out: Path) -> bool:
    """Whether a call wrote shards there, some or all.

    Raises:
        ValueError: an index that is none.
    """
    return (out / INDEX).exists() and bool(read_index(out)["shards"])


def _end_of(tokenizer: BPETokenizer) -> int:
    """Return the id of the token that ends a text."""
    if not isinstance(tokenizer, BPETokenizer):
        raise ValueError(f"expected a BPETokenizer, got {tokenizer!r:.80}")
    end = tokenizer.end_id
    end = tokenizer.special_tokens.get(END) if end is None else end
    if end is None:
        raise ValueError(
            f"expected a tokenizer with an end, such as special_tokens=[{END!r}], got {tokenizer}"
        )
    return end


def _check_encoding(encoding: str) -> str:
    try:
        "".encode(encoding)  # there are encodings of no text, such as hex
        return codecs.lookup(encoding).name
    except (LookupError, TypeError):
        raise ValueError(f"expected an encoding such as utf-8, got {encoding!r:.40}") from None


def _uncut(tokenizer: BPETokenizer) -> bool:
    """Whether nothing is known of where texts can be cut without changing their tokens."""
    more = tokenizer.normalizer or tokenizer.normalized or tokenizer.user_defined
    return bool(more) or tokenizer.pattern not in SAFE_CUTS


def _cores() -> int:
    """Return the number of cores that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


@contextmanager
def _saying_what_is_kept(out: Path) -> Iterator[None]:
    """Add to an error of the disk how to go on."""
    try:
        yield
    except OSError as error:
        kept = f"the shards in {out} are kept: mend that, then call the same again"
        if error.errno is None:
            raise OSError(f"{error}; {kept}") from error
        raise OSError(error.errno, f"{error.strerror}; {kept}", error.filename) from error


# ------------------------------------------------------------------------------------- reading


def read_pieces(
    files: list[Path],
    pattern: str | None,
    column: str = "text",
    encoding: str = "utf-8",
    place: Place = Place(),
) -> Iterator[tuple[str, Place | None]]:
    """Yield the text behind `place` in pieces, each with where its document ends, if it does.

    Raises:
        ValueError: see `read_documents`; a text that is none (half a character); one that cannot
            be cut, see `cut_text`.
    """
    empty = place.empty
    for number in range(place.file, len(files)):
        skipped = place.document if number == place.file else 0
        documents = read_documents(files[number], column, encoding)
        for document_number, document in enumerate(documents, 1):
            if document_number <= skipped:
                for _ in document:
                    pass
                continue
            last = None
            try:
                for piece in cut_text(document, pattern):
                    if last is not None:
                        yield last, None
                    last = _whole_characters(piece)
            except ValueError as error:
                where = "" if str(files[number]) in str(error) else f"in {files[number]}: "
                raise ValueError(f"{where}{error} (document {document_number})") from None
            if last is None:
                empty += 1
            else:
                yield last, Place(number, document_number, empty)
    # What is empty behind the last text is counted when all is done.
    yield "", Place(len(files), 0, empty)


def _whole_characters(text: str) -> str:
    """Return a text that has bytes; JSON can spell half a character."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"expected whole characters, got {text[error.start : error.end]!r}"
            ) from None
    return text


def _batches(
    pieces: Iterator[tuple[str, Place | None]],
) -> Iterator[tuple[list[tuple[str, bool]], list[Place]]]:
    """Gather pieces until encoding them is worth a message to another process."""
    batch, ends, size = [], [], 0
    for text, end in pieces:
        if text:
            batch.append((text, end is not None))
        if end is not None:
            ends.append(end)
        size += len(text)
        if size >= _BATCH or len(batch) >= _MANY:
            yield batch, ends
            batch, ends, size = [], [], 0
    if batch or ends:
        yield batch, ends


# ------------------------------------------------------------------------------------- writing


class _Writer:
    """A folder of shards that is being written: the index, and the shard that is not whole yet."""

    def __init__(self, out: Path, settings: dict, files: list[Path], tokenizer: BPETokenizer):
        self.out, self.marks = out, [file_mark(path) for path in files]
        self.dtype, self.limit = np.dtype(settings["dtype"]), settings["shard_tokens"]
        self.settings, self.file = settings, None
        if has_shards(out):
            self.index = read_index(out)
            self._check_same()
        else:
            self._check_empty()
            tokenizer.save(out / TOKENIZER)
            self.index = settings | {"complete": False, "shards": []}
            self.place = Place()
            self._write_index()
        self.complete = self.index["complete"]
        self.place = Place(*self.index["place"], self.index["empty"])
        self._begin()

    def _check_same(self) -> None:
        saved = {name: self.index.get(name) for name in self.settings}
        saved["inputs"] = self.index.get("inputs")
        all_files = Place(len(self.marks))
        place = all_files if self.index["complete"] else Place(*self.index["place"])
        given = self.settings | {"inputs": self._mark(place)}
        if changed := differences(saved, given):
            raise ValueError(
                f"expected the inputs and settings of the shards in {self.out}, or another folder; "
                "these differ:\n  " + "\n  ".join(changed)
            )
        for shard in self.index["shards"]:
            path = self.out / shard["file"]
            if not path.is_file() or path.stat().st_size != shard["tokens"] * self.dtype.itemsize:
                raise ValueError(f"expected the shard {path}, whole, got none: begin again")

    def _check_empty(self) -> None:
        known = {".lock", TOKENIZER, INDEX}  # a call that was stopped at its begin leaves these
        if found := sorted({path.name for path in self.out.iterdir()} - known):
            raise ValueError(
                f"expected an empty folder or one of shards, got {self.out} with {found[0]}"
            )

    def _mark(self, place: Place) -> dict:
        """Return what the files that were begun are known by; later ones may still change."""
        begun = self.marks[: place.file + (place.document > 0)]
        told = json.dumps(begun).encode()
        return {"files": len(begun), "sha256": hashlib.sha256(told).hexdigest()}

    def _write_index(self) -> None:
        place = self.place
        self.index["inputs"] = self._mark(place)
        self.index |= {"place": [place.file, place.document], "empty": place.empty}
        write_atomic(self.out / INDEX, (json.dumps(self.index, indent=1) + "\n").encode())

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *error: object) -> None:
        if self.file is not None:
            with suppress(OSError):  # of what is still to be written, on a full disk
                self.file.close()
            Path(self.file.name).unlink(missing_ok=True)

    def _begin(self) -> None:
        self.n_tokens = 0 if self.index["shards"] else 1  # the `END` before all
        self.n_documents = self.n_bytes = 0
        self.file, self.digest = None, hashlib.sha256()

    def _write(self, tokens: np.ndarray) -> None:
        if self.file is None:
            self.file = (self.out / f"{_WRITING}-{len(self.index['shards'])}").open("wb")
            if not self.index["shards"]:
                self._write_bytes(np.array([self.settings["end_id"]], self.dtype))
        self._write_bytes(tokens)
        self.n_tokens += len(tokens)

    def _write_bytes(self, tokens: np.ndarray) -> None:
        data = tokens.tobytes()
        self.file.write(data)
        self.digest.update(data)

    def add(self, encoded: Encoded, ends: list[Place]) -> None:
        """Write a batch; a document that fills the shard ends it."""
        tokens = np.frombuffer(encoded.data, self.dtype)
        n_tokens = n_bytes = 0  # of the batch, written or counted so far
        for (token, byte), place in zip(encoded.ends, ends, strict=False):
            self.n_documents += 1
            if self.n_tokens + token - n_tokens >= self.limit:
                self._write(tokens[n_tokens:token])
                self.n_bytes += byte - n_bytes
                n_tokens, n_bytes, self.place = token, byte, place
                self._close()
        if n_tokens < len(tokens):
            self._write(tokens[n_tokens:])
            self.n_bytes += encoded.n_bytes - n_bytes
        if len(ends) > len(encoded.ends):
            self.place = ends[-1]  # behind all files

    def _close(self) -> None:
        """Let the shard appear, whole, and then in the index."""
        name = f"shard-{len(self.index['shards']):05}.bin"
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        os.replace(self.file.name, self.out / name)
        shard = {"file": name, "tokens": self.n_tokens, "documents": self.n_documents}
        shard |= {"bytes": self.n_bytes, "sha256": self.digest.hexdigest()}
        self.index["shards"].append(shard)
        self._write_index()
        self._begin()

    def finish(self) -> None:
        """Close the last shard, and say that all is done.

        Raises:
            ValueError: there was no text.
        """
        if self.file is not None:
            self._close()
        if not self.index["shards"]:
            raise ValueError(f"expected at least one document with text, got {self.place.empty}")
        self.index["complete"] = True
        self._write_index()
