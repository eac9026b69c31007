"""The figures' JavaScript as text: a figure's module with all that it needs, and the engine alone.

A figure is an ES module. The elements and the ways of writing that all share, ``common.js``, stand
in front of it. What it calculates with it imports from the engine, the page's own small library in
``engine/``, which knows no page: its files run in a worker too. Browsers do not find files
beside a module that Jupyter sends, nor any that lie in a folder, so everything becomes one text. A
worker gets the engine's part of it as a text, too, see `beside` in ``common.js``. Large figures
keep some of what they draw in files of ``parts/``, which know ``common.js`` and each other.
"""

import re
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "FOLDER",
    "engine_source",
    "import_names",
    "module_source",
    "parts_source",
    "read_module",
    "shared_source",
]

FOLDER = Path(__file__).parent
IMPORT = re.compile(
    r'^import \{([^{}]+)\} from "(\./(?:(?:engine|parts)/)?)(\w+)\.js";\n', re.MULTILINE
)
ROOMS = {"engine": "the engine", "parts": "the parts"}
EXPORT = re.compile(r"^export \{([^{}]+)\};\n\Z", re.MULTILINE)


def read_module(path: Path) -> str:
    """Return the text of an ES module.

    Raises:
        ValueError: it imports otherwise than ``import { names } from "./engine/file.js";``, or
            ``"./parts/file.js"``; in a file of the engine, or in a part, ``"./file.js"``.
    """
    source = path.read_text(encoding="utf-8")
    ways = ("./",) if path.parent.name in ROOMS else ("./engine/", "./parts/")
    others = IMPORT.sub(lambda found: found[0] * (found[2] not in ways), source)
    if re.search(r"^\s*import\b|\bimport\(", others, re.MULTILINE):
        raise ValueError(f"{path.name}: expected imports of names from the engine, got another")
    return source


def import_names(source: str, room: str = "engine") -> str:
    r"""Return a module's text with its imports as constants, taken from the objects of the rooms.

    `room` is where the module lies itself, "engine" or "parts".

    >>> import_names('import { softmax } from "./engine/sampling.js";\n')
    'const { softmax } = engine.sampling;\n'
    """
    return IMPORT.sub(
        lambda found: f"const {{{found[1]}}} = {_room(found[2], room)}.{found[3]};\n", source
    )


def _room(way: str, own: str) -> str:
    """Return where a file lies that is imported by some way, by a file of the room `own`."""
    return own if way == "./" else way.strip("./")


def engine_source(sources: Iterable[str] | None = None, folder: Path = FOLDER) -> str:
    """Return JavaScript that makes the object `engine`, with an entry for each file of the engine.

    The function that makes it stays there as `makeEngine`: its text is all that a worker needs.

    Args:
        sources: modules whose imports are wanted, and what these import; by default all files.
        folder: where the folder of the engine lies.

    Raises:
        ValueError: a file that is missing, imports in a circle, or does not end in its one
            ``export { names };``.
    """
    folder = Path(folder)
    if sources is None:
        names = [path.stem for path in sorted((folder / "engine").glob("*.js"))]
    else:
        names = _imported(sources, "./engine/")
    files = _rooms(names, folder / "engine")
    if not files:
        return ""
    made = ["const makeEngine = () => {\nconst engine = {};\n", *files, "return engine;\n"]
    return "".join([*made, "};\nconst engine = makeEngine();\n"])


def parts_source(sources: Iterable[str], folder: Path = FOLDER) -> str:
    """Return JavaScript that makes the object `parts`, of the files in ``parts/`` that are wanted.

    Raises:
        ValueError: see `engine_source`.
    """
    files = _rooms(_imported(sources, "./parts/"), Path(folder) / "parts")
    return "".join(["const parts = {};\n", *files]) if files else ""


def _imported(sources: Iterable[str], way: str) -> list[str]:
    return [name for _, found, name in IMPORT.findall("".join(sources)) if found == way]


def _rooms(names: Iterable[str], folder: Path) -> list[str]:
    """Return the files of a folder, with all that these import from there, each as an entry."""
    room, files, open_files = folder.name, {}, []

    def add(name: str) -> None:
        if name in open_files:
            raise ValueError(f"{name}.js: expected no circle of imports, got {open_files}")
        if name in files:
            return
        path = folder / f"{name}.js"
        if not path.exists():
            raise ValueError(f"expected a file of {ROOMS[room]}, got {name}.js")
        source = read_module(path)
        open_files.append(name)
        for other in _imported([source], "./"):
            add(other)
        open_files.pop()
        body, n_exports = EXPORT.subn(r"return {\1};\n", import_names(source, room))
        if n_exports != 1 or re.search(r"^\s*export\b", body, re.MULTILINE):
            raise ValueError(f"{name}.js: expected one 'export {{ names }};' at the end")
        files[name] = f"{room}.{name} = (() => {{\n{body}}})();\n"

    for name in names:
        add(name)
    return [*files.values()]


def shared_source(sources: Iterable[str], folder: Path = FOLDER) -> str:
    """Return what figures share and use: the engine, ``common.js``, their parts."""
    sources = list(sources)
    common = (Path(folder) / "common.js").read_text(encoding="utf-8")
    return "\n".join([engine_source(sources, folder), common, parts_source(sources, folder)])


def module_source(slug: str, folder: Path = FOLDER) -> str:
    """Return a figure's ES module: what it needs of what all share, and ``<slug>.js``."""
    figure = read_module(folder / f"{slug}.js")
    return "\n".join([shared_source([figure], folder), import_names(figure)])
