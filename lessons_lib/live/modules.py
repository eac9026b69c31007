"""The figures' JavaScript as text: a figure's module with all that it needs, and the engine alone.

A figure is an ES module. The elements and the ways of writing that all share, ``common.js``, stand
in front of it. What it calculates with it imports from the engine, the page's own small library in
``engine/``, which knows no page: its files run in a worker too. Browsers do not find files
beside a module that Jupyter sends, nor any that lie in a folder, so everything becomes one text. A
worker gets the engine's part of it as a text, too, see `beside` in ``common.js``.
"""

import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["FOLDER", "engine_source", "import_names", "module_source", "read_module"]

FOLDER = Path(__file__).parent
IMPORT = re.compile(r'^import \{([^{}]+)\} from "(\./(?:engine/)?)(\w+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export \{([^{}]+)\};\n\Z", re.MULTILINE)


def read_module(path: Path) -> str:
    """Return the text of an ES module.

    Raises:
        ValueError: it imports otherwise than ``import { names } from "./engine/file.js";``, or
            ``"./file.js"`` where it is a file of the engine itself.
    """
    source = path.read_text(encoding="utf-8")
    way = "./" if path.parent.name == "engine" else "./engine/"
    others = IMPORT.sub(lambda found: found[0] * (found[2] != way), source)
    if re.search(r"^\s*import\b|\bimport\(", others, re.MULTILINE):
        raise ValueError(f"{path.name}: expected imports of names from the engine, got another")
    return source


def import_names(source: str) -> str:
    r"""Return a module's text with its imports as constants, taken from the object `engine`.

    >>> import_names('import { softmax } from "./engine/sampling.js";\n')
    'const { softmax } = engine.sampling;\n'
    """
    return IMPORT.sub(r"const {\1} = engine.\3;\n", source)


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
    parts, open_files = {}, []

    def add(name: str) -> None:
        if name in open_files:
            raise ValueError(f"{name}.js: expected no circle of imports, got {open_files}")
        if name in parts:
            return
        path = folder / "engine" / f"{name}.js"
        if not path.exists():
            raise ValueError(f"expected a file of the engine, got {name}.js")
        source = read_module(path)
        open_files.append(name)
        add_all(source)
        open_files.pop()
        body, n_exports = EXPORT.subn(r"return {\1};\n", import_names(source))
        if n_exports != 1 or re.search(r"^\s*export\b", body, re.MULTILINE):
            raise ValueError(f"{name}.js: expected one 'export {{ names }};' at the end")
        parts[name] = f"engine.{name} = (() => {{\n{body}}})();\n"

    def add_all(source: str) -> None:
        for *_, name in IMPORT.findall(source):
            add(name)

    if sources is None:
        for path in sorted((folder / "engine").glob("*.js")):
            add(path.stem)
    else:
        add_all("".join(sources))
    if not parts:
        return ""
    made = ["const makeEngine = () => {\nconst engine = {};\n", *parts.values(), "return engine;\n"]
    return "".join([*made, "};\nconst engine = makeEngine();\n"])


def module_source(slug: str, folder: Path = FOLDER) -> str:
    """Return a figure's ES module: what it needs of the engine, ``common.js``, ``<slug>.js``."""
    common = (folder / "common.js").read_text(encoding="utf-8")
    figure = read_module(folder / f"{slug}.js")
    return "\n".join([engine_source([figure], folder), common, import_names(figure)])
