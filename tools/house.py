"""The plan of the house: reading order, notebooks on disk, and the checks of its architecture.

The table of contents is the architecture. A chapter is a page, a module and a test file of the
same name; a module may import only what earlier chapters built. Beside the chapters stand a few
other rooms, each with a rule of its own (`check_floors`).
"""

import ast
import contextlib
import re
import subprocess
from pathlib import Path

import nbformat.v4
import yaml
from nbformat import NotebookNode

from lessons_lib.base.files import write_atomic

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "lessons_lib"
LANGUAGES = ("en", "es")

GROUND = ("base", "corpus")  # below every chapter, in this order
# modules that stand and wait for their chapters, in order
COMING = ()
BESIDE = ("live", "classroom")  # a file in them named after a chapter stands on its floor
PLOTTING = ("matplotlib", "ipywidgets", "anywidget")
NEVER_SHIPPED = {
    r"\b(TOD[O]|FIXM[E]|XX[X])\b": "an open task",
    r"/wor[k]/|\.\./share[d]|/opt/wheel[s]": "a path of one machine",
}
# One word of Spanish prose is spelt like the first of the open-task marks.
SPANISH = re.compile(r"(^|/)es/|\.es\.md$")


# ---------------------------------------------------------------- reading and writing


def report(findings: list[str]) -> int:
    """Print findings one a line and return the exit status: 1 if there are any, else 0."""
    for finding in findings:
        print(finding)
    return int(bool(findings))


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook as it stands on disk: nothing repaired, no missing id invented."""
    return nbformat.v4.reads(path.read_text(encoding="utf-8"))


def notebook_text(nb: NotebookNode) -> str:
    """Return the one way in which a notebook is written to disk."""
    return nbformat.v4.writes(nb) + "\n"


def write_notebook(path: Path, nb: NotebookNode) -> None:
    """Write a notebook atomically."""
    write_atomic(path, notebook_text(nb).encode())


def chapters(root: Path) -> list[str]:
    """Return the slugs of all pages in reading order, as `_toc.yml` lists them."""

    def files(entry):
        if isinstance(entry, list):
            return [name for item in entry for name in files(item)]
        if not isinstance(entry, dict):
            return []
        own = [entry[key] for key in ("root", "file") if key in entry]
        return own + [name for value in entry.values() for name in files(value)]

    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    return [Path(name).name for name in files(toc)]


def notebooks(root: Path, slugs=(), languages=LANGUAGES) -> list[Path]:
    """Return the notebooks in reading order; those that the table of contents lacks come last.

    Raises `ValueError` for a slug that no chosen language has.
    """
    order = {slug: i for i, slug in enumerate(chapters(root))}
    paths = [path for lang in languages for path in (root / "book" / lang).glob("*.ipynb")]
    if unknown := set(slugs) - {path.stem for path in paths}:
        raise ValueError(f"expected slugs of notebooks, got {', '.join(sorted(unknown))}")
    paths = [path for path in paths if not slugs or path.stem in slugs]
    place = {lang: i for i, lang in enumerate(languages)}
    return sorted(
        paths, key=lambda p: (order.get(p.stem, len(order)), p.stem, place[p.parent.name])
    )


def where(root: Path, path: Path, cell: NotebookNode | None = None) -> str:
    """Return the start of a message: the path from the root and, if given, the cell's id."""
    name = path.relative_to(root).as_posix()
    return name if cell is None else f"{name} [{cell.get('id', '?')}]"


def tags(cell: NotebookNode) -> set[str]:
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", ()))


def is_solution(cell: NotebookNode) -> bool:
    """Tell an exercise's solution from other folded cells, such as code for the curious."""
    return "hide-cell" in tags(cell) and cell.id.startswith("solution-")


def build_header(source: str) -> tuple[str, list[str]] | None:
    """Return module and names of a build cell, None for any other cell.

    A build cell begins with `# lessons_lib.tokens :: count_pairs, merge_pair`. Raises
    `ValueError` for a first line that begins like one and goes on otherwise.
    """
    first = source.partition("\n")[0].rstrip()
    if not first.startswith(f"# {PACKAGE}."):
        return None
    match = re.fullmatch(r"# ([\w.]+) :: (\w+(?:, \w+)*)", first)
    if not match:
        raise ValueError(f"expected '# {PACKAGE}.module :: name, name', got {first!r}")
    return match[1], match[2].split(", ")


def split_magics(source: str) -> tuple[list[str], str]:
    """Split a cell into IPython's own lines (those that begin with % or !) and plain Python."""
    if source.startswith("%%"):
        return [source], ""
    lines = source.splitlines()
    magics = [line for line in lines if re.match(r"\s*[%!]", line)]
    try:
        ast.parse(source)
    except SyntaxError:
        kept = (re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in lines)
        return magics, "\n".join(kept)
    return [], source


# ---------------------------------------------------------------- floors


def module_path(root: Path, module: str) -> Path | None:
    """Return the file of a dotted module name, None where there is none."""
    base = root.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return base if base.is_dir() else None


def imports(root: Path, tree: ast.AST, parents: tuple[str, ...] = ()) -> set[str]:
    """Return the dotted names of all modules that a tree imports, inside functions too.

    `parents` are the packages that the file stands in: relative imports start there.
    """
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = parents[: len(parents) - node.level + 1] if node.level else ()
            base = ".".join((*above, *filter(None, [node.module])))
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                own = inner.split(".")[0] == PACKAGE
                found.add(inner if own and module_path(root, inner) else base)
        elif isinstance(node, ast.Call) and node.args:
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            name = getattr(node.args[0], "value", None)
            if called in ("import_module", "__import__") and isinstance(name, str):
                found.add(name)
    return found


def check_floors(root: Path) -> list[str]:
    """List every import that runs up: from a chapter to a later one, or to a room not open to it.

    - A chapter's module imports earlier chapters and the ground rooms; no plotting. So does a
      module of `COMING`, as if its chapter were the next of `_toc.yml`. A chapter may be a package;
      its modules import each other.
    - `corpus` imports `base`, which imports nothing of the house; `figures` imports both and
      plotting.
    - A file of `live` or `classroom` named after a chapter and a chapter's notebooks import that
      chapter, earlier ones and all rooms beside. Other files of the two import what they like.
    """
    listed = chapters(root)
    waiting = [slug for slug in COMING if slug not in listed]
    order = {slug: i for i, slug in enumerate([*listed, *waiting])}
    findings = []

    def floor(module: str) -> int:
        room, *inner = module.split(".")[1:]
        names = inner if room in BESIDE else [room]
        return max((order.get(name, -1) for name in names), default=-1)

    def own(modules: set[str]) -> list[str]:
        return sorted(name for name in modules if name.startswith(f"{PACKAGE}."))

    def check_exist(at: str, modules: list[str]) -> None:
        for name in modules:
            if not module_path(root, name):
                findings.append(f"{at}: imports {name}, which does not exist")

    for path in sorted((root / PACKAGE).rglob("*.py")):
        at = where(root, path)
        parts = path.relative_to(root).with_suffix("").parts
        module, room = ".".join(parts).removesuffix(".__init__"), parts[1]
        used = imports(root, ast.parse(path.read_text(encoding="utf-8")), parts[:-1])
        drawn = sorted({name.split(".")[0] for name in used} & set(PLOTTING))
        used = own(used)
        check_exist(at, used)
        below = GROUND[: GROUND.index(room)] if room in GROUND else GROUND
        chapter, ground = room in order, room in (*GROUND, "__init__")
        if not (chapter or ground or room in (*BESIDE, "figures")):
            findings.append(f"{at}: neither a chapter of _toc.yml nor a room of the house")
            continue
        if chapter or ground:
            findings += [f"{at}: imports {name}, a plotting package" for name in drawn]
        for name in used:
            other = name.split(".")[1]
            if room in BESIDE:
                if 0 <= floor(module) < floor(name):
                    findings.append(f"{at}: imports {name}, a later chapter")
            elif chapter and other in order:
                if order[other] > order[room]:
                    findings.append(f"{at}: imports {name}, a later chapter")
            elif other in order:
                findings.append(f"{at}: imports {name}, but stands below every chapter")
            elif other != room and other not in below:
                findings.append(f"{at}: imports {name}, a room not open to it")

    for path in notebooks(root):
        if path.stem not in listed:
            findings.append(f"{where(root, path)}: not in _toc.yml")
            continue
        for cell in read_notebook(path).cells:
            if cell.cell_type != "code":
                continue
            at = where(root, path, cell)
            try:
                used = imports(root, ast.parse(split_magics(cell.source)[1]))
                header = build_header(cell.source)
            except SyntaxError as error:
                findings.append(f"{at}: not Python: {error.msg}")
                continue
            except ValueError:  # a finding of tools.weave
                header = None
            used = own(used | ({header[0]} if header else set()))
            check_exist(at, used)
            findings += [
                f"{at}: uses {name}, a later chapter"
                for name in used
                if floor(name) > order[path.stem]
            ]
    return findings


# ---------------------------------------------------------------- doors, docstrings, words


def check_doors(root: Path) -> list[str]:
    """List pages missing in a language, and chapter modules without tests of the same name."""
    findings = []
    for slug in chapters(root):
        for lang in LANGUAGES:
            page = root / "book" / lang / slug
            if not any(page.with_suffix(end).is_file() for end in (".ipynb", ".md")):
                findings.append(f"_toc.yml: book/{lang}/{slug} does not exist")
        if module_path(root, f"{PACKAGE}.{slug}"):
            test = root / "tests" / f"test_{slug}.py"
            if not test.is_file():
                findings.append(f"{where(root, test)}: does not exist")
    return findings


def check_docstrings(root: Path) -> list[str]:
    """List modules, public functions, classes and methods of the library without a docstring."""
    findings = []

    def visit(node: ast.AST, at: str) -> None:
        if not (ast.get_docstring(node) or "").strip():
            findings.append(f"{at}: no docstring")
        for child in node.body:
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = not isinstance(node, ast.Module | ast.ClassDef)
                if not (inner or child.name.startswith("_")):
                    visit(child, f"{at} {child.name}")

    for path in sorted((root / PACKAGE).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if text.strip():
            visit(ast.parse(text), where(root, path))
    return findings


def shipped_files(root: Path) -> list[Path]:
    """Return the files that git tracks or would track; outside a repository, all of them."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=root, capture_output=True
    )
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
    else:
        names = [path.relative_to(root).as_posix() for path in root.rglob("*")]
    return sorted(root / name for name in names if (root / name).is_file())


def check_words(root: Path) -> list[str]:
    """List open tasks and paths of one machine in any text that ships (vendored files apart)."""
    findings = []
    for path in shipped_files(root):
        name = where(root, path)
        if "vendor" in path.relative_to(root).parts:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if path.suffix == ".ipynb":  # pictures in base64 spell everything sooner or later
            text = re.sub(r'"image/(png|jpeg)": "[^"]*"', "", text)
        for pattern, what in NEVER_SHIPPED.items():
            for match in re.finditer(pattern, text):
                if match[0] == "TOD" + "O" and SPANISH.search(name):
                    continue
                line = text.count("\n", 0, match.start()) + 1
                findings.append(f"{name}:{line}: {match[0]}, {what}")
    return findings


def unnamed_encodings(tree: ast.AST) -> list[ast.Call]:
    """Return the calls that read or write text in whatever encoding the machine at hand has."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if _lacks_encoding(call)]


def _lacks_encoding(call: ast.Call) -> bool:
    function, method = getattr(call.func, "id", ""), getattr(call.func, "attr", "")
    given = {k.arg: k.value for k in call.keywords} | dict(enumerate(call.args))
    if "encoding" in given or None in given:  # None: **options
        return False
    if function == "open" or method in ("open", "fdopen"):
        mode = given.get("mode", given.get(0 if method == "open" else 1, ast.Constant("r")))
        mode = mode.value if isinstance(mode, ast.Constant) else None
        return isinstance(mode, str) and bool(re.fullmatch("[rwaxt+]+", mode))
    if method in ("read_text", "write_text"):
        return len(call.args) < (1 if method == "read_text" else 2)
    asked = [given.get(name) for name in ("text", "universal_newlines")]
    return any(isinstance(value, ast.Constant) and value.value is True for value in asked)


def check_encodings(root: Path) -> list[str]:
    """List text that is read or written without naming its encoding: in code, notebooks, prose."""
    findings, sources = [], []
    for room in (PACKAGE, "tools", "benchmarks"):
        for path in sorted((root / room).rglob("*.py")):
            sources.append((where(root, path), path.read_text(encoding="utf-8")))
    for path in notebooks(root):
        cells = [c for c in read_notebook(path).cells if c.cell_type == "code"]
        sources += [(where(root, path, c), split_magics(c.source)[1]) for c in cells]
    for path in [path for path in shipped_files(root) if path.suffix == ".md"]:
        text = path.read_text(encoding="utf-8")
        blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        sources += [(where(root, path), block) for block in blocks]
    for at, source in sources:
        with contextlib.suppress(SyntaxError):  # a finding of `check_floors`
            for call in unnamed_encodings(ast.parse(source)):
                findings.append(f"{at}:{call.lineno}: {ast.unparse(call)[:60]}, no encoding named")
    return findings


def check_tables(root: Path) -> list[str]:
    """List tables of Markdown with a column that has no name: a screen reader says none either."""
    texts = [
        (where(root, path), path.read_text(encoding="utf-8"))
        for path in shipped_files(root)
        if path.suffix == ".md"
    ]
    for path in notebooks(root):
        cells = [c for c in read_notebook(path).cells if c.cell_type == "markdown"]
        texts += [(where(root, path, cell), cell.source) for cell in cells]
    return [
        f"{at}: a column without a name: {header[1]}"
        for at, text in texts
        for header in re.finditer(r"^[ \t]*(\|.*\|)[ \t]*\n[ \t]*\|[ :|-]+\|$", text, re.MULTILINE)
        if re.search(r"\|\s*\|", header[1])
    ]


def check(root: Path) -> list[str]:
    """List everything in which the house differs from its plan."""
    return (
        check_floors(root)
        + check_doors(root)
        + check_docstrings(root)
        + check_words(root)
        + check_encodings(root)
        + check_tables(root)
    )
