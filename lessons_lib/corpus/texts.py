"""Real texts beside the stories: Shakespeare in English, Don Quijote in Spanish, or a file.

No text is part of the book. `load_text` takes it from a folder named by the environment variable
``LESSONS_LIB_TEXTS``, else from its own cache, else it downloads it once. However it comes, a
known text is the same: UTF-8 without byte order mark, lines ended by a newline, without the notices
that its origin puts around it; and it is checked before it is used or kept.

Environment variables: ``LESSONS_LIB_TEXTS``, a folder with ``tinyshakespeare.txt`` or
``quijote.txt``; ``LESSONS_LIB_CACHE``, the folder to keep downloads in; ``LESSONS_LIB_OFFLINE=1``
forbids downloads.

Sources: the Shakespeare excerpt of char-rnn (A. Karpathy), and Project Gutenberg's e-book 2000.
Both texts are in the public domain.
"""

import hashlib
import http.client
import io
import os
import re
import sys
import urllib.request
import warnings
from dataclasses import dataclass
from pathlib import Path

from lessons_lib.base.files import write_atomic
from lessons_lib.base.progress import progress_bar


class TextUnavailable(OSError):
    """A known text is neither on this computer nor to be had from its origin."""


@dataclass(frozen=True)
class _Source:
    """Where a known text comes from, and what it is known by."""

    file: str
    url: str
    sha256: str | None = None  # of the clean text, where the origin is stable
    sizes: tuple[int, int] = (0, sys.maxsize)  # bytes of the clean text, least and most
    phrases: tuple[str, ...] = ()  # known to stand in it, with single spaces
    first_line: str = ""  # where the work itself begins
    most: int = 4_000_000  # bytes that the origin may send, with its notices

    def flaw(self, text: str) -> str | None:
        """Say what is wrong with a clean text that should be this one; None if nothing is."""
        data = text.encode()
        if self.sha256 and hashlib.sha256(data).hexdigest() != self.sha256:
            return f"its {len(data):,} bytes have another checksum"
        if not self.sizes[0] <= len(data) <= self.sizes[1]:
            return f"it has {len(data):,} bytes, expected {self.sizes[0]:,} to {self.sizes[1]:,}"
        words = " ".join(text.split())
        missing = [phrase for phrase in self.phrases if phrase not in words]
        return f"it lacks the words {missing[0]!r}" if missing else None


_SOURCES = {
    "shakespeare": _Source(
        file="tinyshakespeare.txt",
        url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
    "quijote": _Source(
        file="quijote.txt",
        url="https://www.gutenberg.org/cache/epub/2000/pg2000.txt",
        # the transcribers still mend a word now and then: no checksum
        sizes=(2_000_000, 2_300_000),
        phrases=(
            "En un lugar de la Mancha, de cuyo nombre no quiero acordarme",
            "La libertad, Sancho, es uno de los más preciosos dones",
            "van ya tropezando, y han de caer del todo, sin duda alguna. Vale.",
        ),
        first_line="Primera parte del ingenioso hidalgo don Quijote de la Mancha",
    ),
}


def load_text(name_or_path: str | os.PathLike) -> str:
    """Load a real text: "shakespeare", "quijote", or a UTF-8 file of your own.

    Args:
        name_or_path: one of the two names, or the path of a text file, which is taken as it is
            except for a byte order mark and the line ends of Windows.

    Returns:
        The text, its lines ended by newlines.

    Raises:
        TextUnavailable: if a known text is nowhere on this computer and cannot be downloaded.
        FileNotFoundError: if there is no file at that path.
        ValueError: if a file is not UTF-8 (with the offset of the first bad byte), if a file in
            the folder of ``LESSONS_LIB_TEXTS`` is not the text that its name promises, or if the
            argument is neither a name nor a path.
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise ValueError(f"expected the name or path of a text, got {name_or_path!r}")
    if name_or_path in _SOURCES:
        return _load_known(str(name_or_path))
    path = Path(name_or_path)
    if not path.is_file():
        raise FileNotFoundError(
            f"expected {' or '.join(map(repr, _SOURCES))} or the path of a text file, "
            f"got {str(path)!r}, where there is no file"
        )
    return _decode(path.read_bytes(), str(path))


def _load_known(name: str) -> str:
    """Look in the reader's folder, then in the cache, then at the origin."""
    source = _SOURCES[name]
    folder = os.environ.get("LESSONS_LIB_TEXTS")
    if folder and (path := Path(folder) / source.file).is_file():
        text = _clean(_decode(path.read_bytes(), str(path)), source)
        if flaw := source.flaw(text):
            raise ValueError(f"{path} is not the text {name!r}: {flaw}")
        return text
    kept = _cache_folder() / source.file
    if kept.is_file():
        text = kept.read_bytes().decode("utf-8", errors="replace")
        if not source.flaw(text):
            return text
    try:
        text = _download(source)
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise TextUnavailable(
            f"The text {name!r} is not on this computer and could not be fetched from "
            f"{source.url} ({reason}): set the environment variable LESSONS_LIB_TEXTS to a folder "
            f"that holds {source.file}, or give load_text the path of a text file of your own."
        ) from error
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(kept, text.encode())
    except (OSError, ValueError) as error:
        warnings.warn(f"{kept} cannot be written, so this text is not kept: {error}", stacklevel=3)
    return text


def _cache_folder() -> Path:
    """Name the folder for downloads, as each platform has it."""
    if own := os.environ.get("LESSONS_LIB_CACHE"):
        return Path(own)
    system = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return Path(system or Path.home() / ".cache") / "lessons_lib"


def _decode(data: bytes, origin: str) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"expected UTF-8 text in {origin}, got the byte 0x{data[error.start]:02x} "
            f"at offset {error.start} ({error.reason})"
        ) from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _clean(text: str, source: _Source) -> str:
    """Keep the work alone, without its publisher's notices or its preliminary pages."""
    notice = re.compile(r"^\*\*\* ?(START|END) OF .*$", re.MULTILINE)
    for mark in reversed(list(notice.finditer(text))):
        text = text[mark.end() :] if mark[1] == "START" else text[: mark.start()]
    if source.first_line:
        # the line may stand in a table of contents too: its last place before the known words
        opening = re.search(r"\s+".join(map(re.escape, source.phrases[0].split())), text)
        start = text.rfind(source.first_line, 0, opening.start()) if opening else -1
        text = text[max(start, 0) :].strip() + "\n"
    return text


def _download(source: _Source, timeout: float = 30.0) -> str:
    """Fetch a text whole and check it; nothing is written. `timeout` in seconds without data."""
    if os.environ.get("LESSONS_LIB_OFFLINE", "0") not in ("", "0"):
        raise OSError("LESSONS_LIB_OFFLINE forbids downloads")
    request = urllib.request.Request(source.url, headers={"User-Agent": "lessons_lib"})
    body = io.BytesIO()
    too_long = OSError(f"more than {source.most:,} bytes came or were announced")
    with urllib.request.urlopen(request, timeout=timeout) as response:
        length = response.headers.get("Content-Length")
        expected = int(length) if length else None
        if (expected or 0) > source.most:
            raise too_long
        with progress_bar(source.file, expected, unit="B", unit_scale=True) as bar:
            while chunk := response.read(1 << 16):
                body.write(chunk)
                if body.tell() > source.most:
                    raise too_long
                bar.update(len(chunk))
    if expected is not None and body.tell() != expected:
        raise OSError(f"the download ended after {body.tell():,} of {expected:,} bytes")
    text = _clean(_decode(body.getvalue(), source.url), source)
    if flaw := source.flaw(text):
        raise OSError(f"what came is not the expected text: {flaw}")
    return text
