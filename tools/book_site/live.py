"""Pack the live figures' modules into one classic script.

A figure is an ES module with anywidget's interface, which Jupyter loads with ``common.js`` in front
of it. Browsers refuse modules opened from a folder (``file://``), so the pages get one ordinary
script instead: ``common.js`` once, each module in a function of its own, and a small loader that
brings the page's figures to life. Other files they may not read either, so the model of the figure
`ModelInPage` is a script too.
"""

import base64
import re
from pathlib import Path

MODEL_FIGURE = re.compile(r'<figure [^>]*data-live="model_in_page" lang="(\w+)"')
LOADER = Path(__file__).with_name("live_loader.js")


def pack_figures(folder: Path) -> str:
    """Return one classic script with every ``*.js`` module of a folder, and its ``common.js``.

    Raises:
        ValueError: a module imports, or does not end in its only export ``export default``.
    """
    common = Path(folder) / "common.js"
    modules = [
        f'"{path.stem}": (() => {{\n{_as_function_body(path)}\n}})(),\n'
        for path in sorted(Path(folder).glob("*.js"))
        if path != common
    ]
    shared = common.read_text(encoding="utf-8")
    figures = f"(() => {{\n{shared}return {{\n{''.join(modules)}}};\n}})()"
    loader = LOADER.read_text(encoding="utf-8")
    return f'(() => {{\n"use strict";\nconst modules = {figures};\n{loader}}})();\n'


def _as_function_body(path: Path) -> str:
    source = path.read_text(encoding="utf-8").rstrip()
    if re.search(r"^\s*import\b", source, re.MULTILINE):
        raise ValueError(f"{path.name}: expected a module without imports, got an import")
    exports = re.findall(r"^\s*export\b.*", source, re.MULTILINE)
    if len(exports) != 1 or not exports[0].strip().startswith("export default {"):
        raise ValueError(f"{path.name}: expected exactly one 'export default {{', got {exports}")
    body, exported = re.split(r"^\s*export default ", source, flags=re.MULTILINE)
    if not re.fullmatch(r"\{.*\};|\{\n(?:[ \t].*\n|\n)*\};", exported):
        raise ValueError(f"{path.name}: expected 'export default {{...}};' at the end")
    return f"{body}return {exported}"


def pack_model(language: str) -> str:
    """Return a classic script that holds the book's model, a GGUF file, as text in base64."""
    from lessons_lib.live.model_in_page import model_file  # takes seconds, and few pages need it

    text = base64.b64encode(model_file(language)).decode()
    return f'(globalThis.bookModels ??= {{}}).{language} = "{text}";\n'
