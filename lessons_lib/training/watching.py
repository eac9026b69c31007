"""Looking at a run while it goes on: a page beside its record, and files for TensorBoard.

The page is one file that asks for nothing from elsewhere. Opened as a file it shows what the run
last wrote into it, and opens itself again; over `python -m http.server` it reads the record every
few seconds.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lessons_lib.base.files import write_atomic

__all__ = ["PAGE", "page_html", "tensorboard_watch", "thinned", "write_page"]

PAGE = "record.html"
_MOST = 400  # lines of a record in the page
_HERE = Path(__file__).parent
_HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Training</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<main id="page"><noscript>{without}</noscript></main>
<script type="application/json" id="data">{data}</script>
<script type="module">
{script}</script>
</body>
</html>
"""


def thinned(record: Sequence[dict], most: int = _MOST) -> list[dict]:
    """Return at most about `most` lines of a record: the reports and lines between, evenly."""
    stride = -(-len(record) // most) if record else 1
    reports = [i for i, line in enumerate(record) if "machine" in line or "validation" in line]
    every = -(-len(reports) // most) if reports else 1
    last = range(len(record))[-1:]
    kept = {*range(0, len(record), stride), *reports[::every], *reports[-1:], *last}
    return [record[i] for i in sorted(kept)]


def page_html(runs: Mapping[str, Sequence[dict]], paths: Mapping[str, str], done: bool) -> str:
    """Return the page that shows the records of runs.

    Args:
        runs: names and records; of a single run, the name is its folder's.
        paths: where the page finds each record, from its own folder.
        done: nothing more will come.
    """
    shown = [
        {"name": name, "path": paths[name], "lines": thinned(record)}
        for name, record in runs.items()
    ]
    data = json.dumps({"runs": shown, "done": done}, separators=(",", ":"), ensure_ascii=False)
    last = {name: record[-1]["loss"] for name, record in runs.items() if record}
    told = "; ".join(f"{_plain(name)}: loss {loss:.3f}" for name, loss in last.items())
    return _HTML.format(
        style=(_HERE / "page.css").read_text(encoding="utf-8"),
        script=(_HERE / "page.js").read_text(encoding="utf-8"),
        data=data.replace("<", "\\u003c"),
        without=told,
    )


def _plain(name: str) -> str:
    return name.replace("&", "&amp;").replace("<", "&lt;")


def write_page(
    folder: str | os.PathLike,
    runs: Mapping[str, Sequence[dict]],
    paths: Mapping[str, str],
    done: bool,
) -> None:
    """Write the page into a folder, see `page_html`."""
    # A name that is no text, of a file from another system, is shown by its escapes.
    page = page_html(runs, paths, done).encode("utf-8", "backslashreplace")
    write_atomic(Path(folder) / PAGE, page)


def tensorboard_watch(folder: str | os.PathLike) -> Callable[[dict], None]:
    """Return what to watch a run with so that TensorBoard can show it.

    A run that goes on replaces what it had told of the steps that it takes again.

    Raises:
        ValueError: there is no package `tensorboard`.

    Source: `torch.utils.tensorboard`.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ValueError(
            "expected the package tensorboard, got none: pip install tensorboard"
        ) from None
    writers = []

    def watch(line: dict) -> None:
        step = line["step"]
        if not writers:
            writers.append(SummaryWriter(folder, purge_step=step))
        told = {"loss/batch": line["loss"], "rate": line["rate"], "gradient": line["gradient"]}
        if "validation" in line:
            told["loss/validation"] = line["validation"]
        told |= {f"machine/{name}": value for name, value in line.get("machine", {}).items()}
        for name, value in told.items():
            writers[0].add_scalar(name, value, step)
        if "machine" in line:
            writers[0].flush()

    return watch
