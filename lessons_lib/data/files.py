"""Documents of files: text, JSON lines, tables and datasets, packed or not, in constant memory."""

import codecs
import csv
import glob
import gzip
import hashlib
import io
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

__all__ = ["Document", "file_mark", "find_files", "read_documents"]

Document = Iterator[str]  # the text in parts, to be read before the next document is asked for

_CHUNK = 1 << 16  # bytes or characters read at a time
_LONGEST = 1 << 26  # bytes of a line of JSON or CSV, 64 MB
_ROWS = 256  # of a table, read at a time
_PACKED = (".gz", ".zst")


def find_files(inputs: Iterable[str | os.PathLike]) -> list[Path]:
    """Return the files that are meant, each once: those of folders and patterns in order of names.

    Args:
        inputs: files, folders, patterns such as ``"news/*.jsonl.gz"``, or folders that `datasets`
            wrote. In folders, files of other kinds are passed over, and so are hidden ones.

    Raises:
        ValueError: nothing there, a file of another kind, or a dataset in several parts or with its
            rows rearranged.
    """
    if isinstance(inputs, str | os.PathLike):
        inputs = [inputs]
    try:
        given_paths = [Path(one) for one in inputs]
    except TypeError:
        raise ValueError(f"expected paths of files to read, got {inputs!r:.80}") from None
    found = {}
    for given in given_paths:
        if given.is_dir():
            files = [path for path in _inside(given) if _kind(path)]
        elif given.exists():
            files = [given]
        else:
            files = sorted(map(Path, glob.glob(str(given), recursive=True)))
            files = [path for path in files if path.is_file()]
        if not files:
            raise ValueError(f"expected files to read at {given}, got none of {_known()}")
        for path in files:
            if not _kind(path):
                raise ValueError(f"expected a file of {_known()}, got {path}")
            found.setdefault(path.resolve(), path)
    if not found:
        raise ValueError("expected files to read, got none")
    return list(found.values())


def _inside(folder: Path) -> list[Path]:
    """Return the files of a folder; of a folder that `datasets` wrote, those that its state names.

    Beside these, such a folder may hold what was computed from them; and of several folders, one
    mostly has the texts to test on.
    """
    if (folder / "dataset_dict.json").is_file():
        parts = ", ".join(sorted(path.name for path in folder.iterdir() if path.is_dir()))
        raise ValueError(f"expected a single part of the dataset in {folder}, got all: {parts}")
    state = folder / "state.json"
    if state.is_file():
        try:
            told = json.loads(state.read_bytes())
            names = [Path(file["filename"]).name for file in told["_data_files"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"expected a dataset in {folder}, got: {error!r}") from None
        if told.get("_indices_data_files"):
            raise ValueError(f"expected a dataset with its rows in order, got {folder}: flatten it")
        return [folder / name for name in names]
    files = []
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            files += _inside(path) if path.is_dir() else [path]
    return files


def file_mark(path: Path) -> list:
    """Return what a file is known by: name, bytes, and the checksum of its begin and its end."""
    size, digest = path.stat().st_size, hashlib.sha256()
    with open(path, "rb") as file:
        digest.update(file.read(_CHUNK))
        file.seek(max(0, size - _CHUNK))
        digest.update(file.read(_CHUNK))
    return [path.name, size, digest.hexdigest()]


def read_documents(path: Path, column: str = "text", encoding: str = "utf-8") -> Iterator[Document]:
    """Yield the documents of a file, each in parts: read one before asking for the next.

    A file of text is one document. Of JSON lines and of tables, each row is one, and its text
    stands in `column`; a row without a text is an empty document.

    Raises:
        ValueError: other bytes than the encoding's, a file that was cut short, a broken line, one
            of more than 64 MB, or a row without the column; the message says where.
    """
    read = _KINDS[_kind(path)]
    with _naming(path):
        if read in (_parquet, _arrow):
            for document in read(path, column):
                yield _named(document, path)
            return
        with _opened(path) as file:
            for document in read(file, column, encoding):
                yield _named(document, path)


def _kind(path: Path) -> str:
    """Return the ending that says what a file is, "" for an unknown one."""
    *_, last = path.suffixes or [""]
    if last.lower() in _PACKED:
        inner = Path(path.stem).suffix.lower()
        return inner if inner in _KINDS and _KINDS[inner] not in (_parquet, _arrow) else ""
    return last.lower() if last.lower() in _KINDS else ""


def _known() -> str:
    return " ".join(_KINDS) + ", also as " + " ".join(_PACKED)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say in errors which file it was."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"expected a whole packed file, got {path}: {error}") from None
    except OSError as error:
        if error.errno is not None:  # the disk's own trouble
            raise
        raise ValueError(f"expected a whole file, got {path}: {error}") from None
    except (csv.Error, ValueError) as error:
        raise ValueError(f"in {path}: {error}") from None


def _named(document: Document, path: Path) -> Document:
    with _naming(path):
        yield from document


def _package(name: str, of: str) -> ModuleType:
    """Import an optional package."""
    try:
        return __import__(name, fromlist=["_"])
    except ImportError:
        top = name.split(".")[0]
        raise ValueError(f"expected the package {top} for {of}: pip install {top}") from None


def _opened(path: Path) -> io.BufferedIOBase:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rb")
    if path.suffix.lower() == ".zst":
        return io.BufferedReader(_Zstandard(path), _CHUNK)
    return open(path, "rb")


class _Zstandard(io.RawIOBase):
    """A .zst file unpacked. The package's own reader takes one that was cut short for a whole one.

    Raises:
        EOFError: the file was cut short.
        ValueError: it is broken.
    """

    def __init__(self, path: Path):
        self.package = _package("zstandard", ".zst files")
        self.file, self.unpacker, self.rest = path.open("rb"), None, b""

    def readable(self) -> bool:
        return True

    def readinto(self, room: memoryview) -> int:
        while not self.rest:
            packed = self.unpacker.unused_data if self.unpacker and self.unpacker.eof else b""
            packed = packed or self.file.read(_CHUNK >> 2)
            if not packed:
                if self.unpacker and not self.unpacker.eof:
                    raise EOFError("it ended before its end-of-stream marker")
                return 0
            if self.unpacker is None or self.unpacker.eof:  # a file may hold several frames
                self.unpacker = self.package.ZstdDecompressor().decompressobj()
            try:
                self.rest = memoryview(self.unpacker.decompress(packed))
            except self.package.ZstdError as error:
                raise ValueError(f"expected a whole packed file, got one broken: {error}") from None
        n = min(len(room), len(self.rest))
        room[:n] = self.rest[:n]
        self.rest = self.rest[n:]
        return n

    def close(self) -> None:
        self.file.close()
        super().close()


# ---------------------------------------------------------------------------- the kinds of files


def _text(file: io.BufferedIOBase, column: str, encoding: str) -> Iterator[Document]:
    yield _decoded(file, encoding)


def _decoded(file: io.BufferedIOBase, encoding: str) -> Document:
    """Yield the text of a file, without a byte order mark, its lines ended by newlines."""
    decoder, n_read, held, first = codecs.getincrementaldecoder(encoding)(), 0, "", True
    while True:
        data = file.read(_CHUNK)
        waiting = len(decoder.getstate()[0])
        try:
            part = held + decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise _wrong_byte(error, encoding, n_read - waiting) from None
        n_read += len(data)
        if first and part:
            part, first = part.removeprefix("\ufeff"), False
        held = "\r" if data and part.endswith("\r") else ""
        yield part[: len(part) - len(held)].replace("\r\n", "\n")
        if not data:
            return


def _wrong_byte(error: UnicodeDecodeError, encoding: str, before: int) -> ValueError:
    return ValueError(
        f"expected text in {encoding}, got the byte 0x{error.object[error.start]:02x} at offset "
        f"{before + error.start:,} ({error.reason}); name another encoding, or convert the file"
    )


def _lines(file: io.BufferedIOBase, encoding: str) -> Iterator[str]:
    """Yield the lines of a file with their ends."""
    n_read = 0
    while data := file.readline(_LONGEST + 1):
        if len(data) > _LONGEST:
            raise ValueError(f"expected lines of at most {_LONGEST:,} bytes, got a longer one")
        try:
            line = data.decode(encoding)
        except UnicodeDecodeError as error:
            raise _wrong_byte(error, encoding, n_read) from None
        yield line if n_read else line.removeprefix("\ufeff")
        n_read += len(data)


def _cell(value: object, where: str) -> Document:
    """Return a cell's text as a document."""
    if value is not None and not isinstance(value, str):
        raise ValueError(f"expected text in {where}, got {value!r:.60}")
    return iter([value] if value else [])


def _json_lines(file: io.BufferedIOBase, column: str, encoding: str) -> Iterator[Document]:
    for number, line in enumerate(_lines(file, encoding), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"expected JSON in line {number}, got: {error}") from None
        if not isinstance(row, dict) or column not in row:
            got = ", ".join(row) if isinstance(row, dict) else type(row).__name__
            raise ValueError(f"expected {column!r} in line {number}, got: {got:.200}")
        yield _cell(row[column], f"line {number}")


def _table(separator: str) -> Callable[..., Iterator[Document]]:
    """Return how tables with this separator are read."""

    def read(file: io.BufferedIOBase, column: str, encoding: str) -> Iterator[Document]:
        csv.field_size_limit(_LONGEST)
        rows = csv.reader(_lines(file, encoding), delimiter=separator, strict=True)
        names = next(rows, [])
        _check_column(names, column)
        place = names.index(column)
        for row in rows:
            if row and len(row) != len(names):
                raise ValueError(
                    f"expected {len(names)} cells up to line {rows.line_num}, got {len(row)}"
                )
            if row:
                yield _cell(row[place], f"line {rows.line_num}")

    return read


def _parquet(path: Path, column: str) -> Iterator[Document]:
    parquet = _package("pyarrow.parquet", ".parquet files")
    with parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        _check_column(file.schema_arrow.names, column)
        parts = file.iter_batches(_ROWS, columns=[column], use_threads=False)
        yield from _cells(parts, column)


def _arrow(path: Path, column: str) -> Iterator[Document]:
    arrow = _package("pyarrow", ".arrow files")
    with arrow.memory_map(str(path)) as source:
        try:
            parts = arrow.ipc.open_stream(source)  # as `datasets` writes them
        except arrow.ArrowInvalid:
            file = arrow.ipc.open_file(source)
            _check_column(file.schema.names, column)
            yield from _cells(map(file.get_batch, range(file.num_record_batches)), column)
            return
        _check_column(parts.schema.names, column)
        yield from _cells(parts, column)


def _check_column(names: list[str], column: str) -> None:
    if names.count(column) != 1:
        raise ValueError(f"expected a column {column!r}, got: {', '.join(names):.200}")


def _cells(parts: Iterable, column: str) -> Iterator[Document]:
    """Yield the cells of a column of Arrow's record batches, none of which reaches beyond its file.

    Arrow itself trusts what a file says about lengths, and would end the process.
    """
    number = 0
    for part in parts:
        values = part.column(part.schema.get_field_index(column))
        values.validate(full=True)
        for start in range(0, len(values), _ROWS):
            for value in values.slice(start, _ROWS).to_pylist():
                number += 1
                yield _cell(value, f"row {number}")


_KINDS = {
    ".txt": _text,
    ".text": _text,
    ".md": _text,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".csv": _table(","),
    ".tsv": _table("\t"),
    ".parquet": _parquet,
    ".arrow": _arrow,
}
