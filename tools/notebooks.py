"""Run the notebooks in place and keep them in one form; nobody edits outputs by hand.

    python -m tools.notebooks                  run all notebooks and store their outputs
    python -m tools.notebooks tokens           run one chapter, in both languages
    python -m tools.notebooks --language es    run one language
    python -m tools.notebooks --format         normalise without running
    python -m tools.notebooks --check          run and change nothing, list what is wrong

Each notebook runs in a fresh kernel of this Python, in an empty folder, offline, with one thread
and a fixed hash seed. Nothing is stored when a cell fails, or when a cell tagged `real-text` had to
do without its text.
"""

import argparse
import ast
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

from lessons_lib.base import console
from tools import house

LONGEST = 30  # lines of a code cell
SHORTEST_ALT = 20  # characters
TIMEOUT = 600  # seconds for one cell
WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
TEXTS_VARIABLE = "LESSONS_LIB_TEXTS"  # named by the message of a real text that is not there
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "LESSONS_LIB_OFFLINE": "1",
    "TQDM_DISABLE": "1",
}
UNSTABLE = {
    r"object at 0x": "an object's address",
    r"(?<![\w.])/(home|root|tmp|Users)/|\bC:\\": "a path of one machine",
}
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class NotebookError(Exception):
    """A notebook that cannot be stored; the message says why."""


# ---------------------------------------------------------------- running


def normalise(nb: NotebookNode) -> NotebookNode:
    """Return the notebook in its one form: fixed metadata, no widget state, streams merged."""
    nb = nbformat.from_dict(nb)
    nb.nbformat, nb.nbformat_minor = 4, 5
    nb.metadata.pop("widgets", None)
    nb.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    nb.metadata["language_info"] = {"name": "python"}
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        outputs = []
        for output in cell.outputs:
            output.get("data", {}).pop(WIDGET, None)
            output.get("metadata", {}).pop(WIDGET, None)
            stream = output.output_type == "stream"
            if stream and outputs and outputs[-1].get("name") == output.name:
                outputs[-1].text += output.text
            else:
                outputs.append(output)
        cell.outputs = outputs
    return nb


def invalid(nb: NotebookNode) -> str | None:
    """Return what makes this no notebook of format 4.5, None if nothing does; repair nothing."""
    for error in nbformat.validator.iter_validate(nb, version=4, version_minor=5):
        return f"not a notebook of format 4.5: {str(error).splitlines()[0]}"
    return None


def run(nb: NotebookNode, root: Path, name: str = "notebook") -> NotebookNode:
    """Run a notebook in a fresh kernel and return it normalised, with the outputs of this run.

    Raises `NotebookError` with the failing cell's source and traceback, or if a real text is
    missing.
    """
    nb = nbformat.from_dict(nb)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    kernel = AsyncKernelManager(kernel_name="python3")
    kernel.kernel_spec_manager.kernel_dirs = []  # this Python, whatever kernels are installed
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as settings,
        tqdm(total=len(nb.cells), desc=name, unit="cell", disable=False) as bar,
    ):
        paths = filter(None, [str(root), os.environ.get("PYTHONPATH")])
        environment = {
            **os.environ,
            **ENVIRONMENT,
            "PYTHONPATH": os.pathsep.join(paths),
            "IPYTHONDIR": settings,
        }
        environment.pop("MPLBACKEND", None)  # the kernel's own: pictures inline
        current = {}  # the cell that runs
        client = NotebookClient(
            nb,
            km=kernel,
            timeout=TIMEOUT,
            record_timing=False,
            on_cell_start=lambda **started: current.update(started),
            on_cell_complete=lambda **_: bar.update(),
        )
        try:
            client.execute(cwd=folder, env=environment, cleanup_kc=True)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            at = f"{name} [{current['cell'].get('id', '?')}]"
            raise NotebookError(f"{at} failed\n\n{ANSI.sub('', str(error))}") from None
    for cell in nb.cells:
        if lacks_text(cell):
            raise NotebookError(
                f"{name} [{cell.id}]: not stored, because a real text is missing; set the variable "
                f"{TEXTS_VARIABLE} to the folder that holds the text, then run again"
            )
    return normalise(nb)


def lacks_text(cell: NotebookNode) -> bool:
    """Tell whether a cell that uses a real text says in its output that it had none."""
    if cell.cell_type != "code" or "real-text" not in house.tags(cell):
        return False
    return any(TEXTS_VARIABLE in text for output in cell.outputs for text in texts(output))


# ---------------------------------------------------------------- checking


def texts(output: NotebookNode) -> list[str]:
    """Return all text of an output, pictures apart."""
    if output.output_type == "stream":
        return [output.text]
    if output.output_type == "error":
        return [output.ename, output.evalue, *output.traceback]
    data = (value for mime, value in output.data.items() if mime not in PICTURES[:2])
    return [value if isinstance(value, str) else str(value) for value in data]


def produces_output(source: str) -> bool:
    """Tell whether a cell surely has output, as far as its text alone shows it.

    That is: it calls `print`, `display` or `plt.show` outside function bodies, or it ends in an
    expression that has a value. Of other calls the text does not tell what they return.
    """
    tree = ast.parse(house.split_magics(source)[1])

    def calls(node: ast.AST) -> bool:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            return False
        if isinstance(node, ast.Call) and not any(word.arg == "file" for word in node.keywords):
            name = ast.unparse(node.func)
            if name in ("print", "display", "plt.show"):
                return True
        return any(calls(child) for child in ast.iter_child_nodes(node))

    if calls(tree):
        return True
    last = tree.body[-1] if tree.body else None
    silenced = source.rstrip().endswith(";")
    if not isinstance(last, ast.Expr) or silenced:
        return False
    unknown = ast.Call | ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr
    none = isinstance(last.value, ast.Constant) and last.value.value is None
    return not (none or isinstance(last.value, unknown))


def asserts(source: str) -> bool:
    """Tell whether a cell holds an `assert`."""
    tree = ast.parse(house.split_magics(source)[1])
    return any(isinstance(node, ast.Assert) for node in ast.walk(tree))


def check_markdown(source: str) -> list[str]:
    """List pictures of a Markdown cell that lack alternative text."""
    findings = []
    directive = re.compile(r"^(`{3,}|:{3,})\{(image|figure)\}(.*?)^\1\s*$", re.M | re.S)
    for block in directive.finditer(source):
        if not re.search(r"^:alt:\s*\S", block[3], re.M):
            findings.append(f"a {block[2]} directive without :alt:")
    text = re.sub(r"^(`{3,}|~{3,}).*?^\1", "", source, flags=re.M | re.S)
    text = re.sub(r"(`+).+?\1", "", text)
    if re.search(r"!\[\s*\]", text):
        findings.append("an image without alternative text")
    for tag in re.findall(r"<img\b[^>]*>", text, re.I):
        if not re.search(r"""\balt\s*=\s*["']?\s*[^"'\s>]""", tag, re.I):
            findings.append("an <img> without alternative text")
    return findings


def check_code(cell: NotebookNode, count: int) -> list[str]:
    """List what is wrong with a code cell that should be the `count`-th to run."""
    findings = []
    tags = house.tags(cell)
    if cell.execution_count != count:
        findings.append(f"execution count {cell.execution_count}, expected {count}: run it cleanly")
    build = cell.source.startswith(f"# {house.PACKAGE}.")  # tools.weave measures these
    if (length := len(cell.source.splitlines())) > LONGEST and not build:
        findings.append(f"{length} lines, {LONGEST} at most")
    try:
        if not cell.outputs and "no-output" not in tags and produces_output(cell.source):
            findings.append("produces output but has none stored")
        if tags & {"nbval-ignore-output", "real-text"} and not asserts(cell.source):
            findings.append("its output is not compared, and it asserts nothing")
    except SyntaxError as error:
        findings.append(f"not Python: {error.msg}")
    if "nbval-skip" in tags:
        findings.append("tag nbval-skip: every cell is tested")
    if lacks_text(cell):
        findings.append(f"stored without its real text; set {TEXTS_VARIABLE} and run it")
    for output in cell.outputs:
        error = output.output_type == "error"
        if error and "raises-exception" not in tags:
            findings.append(f"an error is stored: {output.ename}")
        if output.get("name") == "stderr":
            findings.append("a warning or other stderr output is stored")
        if WIDGET in output.get("data", {}):
            findings.append("the state of a widget is stored")
        for text in texts(output):
            findings += [
                f"output shows {what}: {match[0]}"
                for pattern, what in UNSTABLE.items()
                if (match := re.search(pattern, text))
            ]
            if not error and "\x1b" in text:
                findings.append("output with terminal colours")
    if any(mime in output.get("data", {}) for output in cell.outputs for mime in PICTURES):
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if len(alt.strip()) < SHORTEST_ALT:
            findings.append(
                f"a picture without alternative text of at least {SHORTEST_ALT} characters "
                "(metadata mystnb.image.alt)"
            )
    return findings


def check_notebook(root: Path, path: Path) -> list[str]:
    """List what is wrong with one notebook as it is stored."""
    at = house.where(root, path)
    nb = house.read_notebook(path)
    if error := invalid(nb):
        return [f"{at}: {error}"]
    findings, seen, count = [], set(), 0
    for cell in nb.cells:
        at = house.where(root, path, cell)
        if cell.id in seen:
            findings.append(f"{at}: the id of two cells")
        seen.add(cell.id)
        found = []
        if cell.cell_type == "code":
            count += 1
            found = check_code(cell, count)
        elif cell.cell_type == "markdown":
            found = check_markdown(cell.source)
        findings += [f"{at}: {finding}" for finding in found]
    if house.notebook_text(normalise(nb)) != path.read_text(encoding="utf-8"):
        findings.append(
            f"{house.where(root, path)}: not normalised; run python -m tools.notebooks --format"
        )
    return findings


def check(root: Path, slugs=(), languages=house.LANGUAGES) -> list[str]:
    """List what is wrong with the notebooks as they are stored."""
    paths = house.notebooks(root, slugs, languages)
    return [finding for path in paths for finding in check_notebook(root, path)]


def main(argv: list[str] | None = None, root: Path = house.ROOT) -> int:
    """Run, format or check notebooks; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.notebooks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("slugs", nargs="*", help="chapters; all without any")
    parser.add_argument("--language", choices=house.LANGUAGES, help="one edition only")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--format", action="store_true", help="normalise without running")
    mode.add_argument("--check", action="store_true", help="change nothing, list what is wrong")
    args = parser.parse_args(argv)
    languages = (args.language,) if args.language else house.LANGUAGES
    try:
        paths = house.notebooks(root, args.slugs, languages)
    except ValueError as error:
        parser.error(str(error))
    if args.check:
        return house.report(check(root, args.slugs, languages))
    for path in paths:
        nb = house.read_notebook(path)
        at = house.where(root, path)
        try:
            if error := invalid(nb):
                raise NotebookError(f"{at}: {error}")
            nb = normalise(nb) if args.format else run(nb, root, at)
        except NotebookError as error:
            print(error, file=sys.stderr)
            return 1
        house.write_notebook(path, nb)
    return 0


if __name__ == "__main__":
    console.run(main)
