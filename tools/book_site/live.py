"""Pack the live figures' modules into classic scripts, one for each page.

A figure is an ES module with anywidget's interface. Browsers refuse modules opened from a folder
(``file://``), so the pages get one ordinary script instead: the engine and ``common.js`` once, each
module in a function of its own, and a small loader that brings the page's figures to life. Other
files they may not read either, so the model of `ModelInPage` and `LookInside` is a script too, and
so are the stories that `TrainInPage` trains on, the chat model of `Chat` and `InjectionLab`, the
adapter of `Chat`, and the model of `Painter`.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from lessons_lib.live.modules import import_names, read_module, shared_source

FILE_FIGURE = re.compile(
    r'<figure [^>]*data-live="'
    r'(chat|injection_lab|look_inside|model_in_page|painter|train_in_page)" lang="(\w+)"'
)
FIGURE = re.compile(r'<figure [^>]*data-live="(\w+)"')
ALL_FIGURES = re.compile(r'(<script [^>]*src=)"_static/live\.js[^"]*"')
LOADER = Path(__file__).with_name("live_loader.js")


def pack_figures(folder: Path, names: Iterable[str] | None = None) -> str:
    """Return one classic script with ``*.js`` modules of a folder, and what they share.

    Args:
        folder: where the modules lie, beside ``common.js``.
        names: the figures that are wanted, without ``.js``; all by default.

    Raises:
        ValueError: a figure that the folder does not have; a module that imports from elsewhere
            than the engine, or does not end in its only export ``export default``; see also
            `engine_source`.
    """
    common = Path(folder) / "common.js"
    paths = {path.stem: path for path in sorted(Path(folder).glob("*.js")) if path != common}
    names = sorted(paths if names is None else names)
    if unknown := [name for name in names if name not in paths]:
        raise ValueError(f"expected figures of {sorted(paths)}, got {unknown}")
    paths = [paths[name] for name in names]
    modules = {path: read_module(path) for path in paths}
    bodies = [
        f'"{path.stem}": (() => {{\n{_as_function_body(path.name, source)}\n}})(),\n'
        for path, source in modules.items()
    ]
    shared = shared_source(modules.values(), Path(folder))
    figures = f"(() => {{\n{shared}return {{\n{''.join(bodies)}}};\n}})()"
    loader = LOADER.read_text(encoding="utf-8")
    return f'(() => {{\n"use strict";\nconst modules = {figures};\n{loader}}})();\n'


def write_scripts(outdir: Path, folder: Path) -> None:
    """Give each page a script with the figures that it has, named by what it holds.

    Args:
        outdir: the folder of the pages, which ask for ``_static/live.js``.
        folder: see `pack_figures`.
    """
    for page in outdir.glob("*.html"):
        html = page.read_text(encoding="utf-8")
        if not ALL_FIGURES.search(html):
            continue
        script = pack_figures(folder, set(FIGURE.findall(html)))
        name = f"live-{hashlib.sha256(script.encode()).hexdigest()[:10]}.js"
        (outdir / "_static" / name).write_text(script, encoding="utf-8")
        page.write_text(ALL_FIGURES.sub(rf'\1"_static/{name}"', html), encoding="utf-8")


def _as_function_body(name: str, source: str) -> str:
    source = import_names(source).rstrip()
    exports = re.findall(r"^\s*export\b.*", source, re.MULTILINE)
    if len(exports) != 1 or not exports[0].strip().startswith("export default {"):
        raise ValueError(f"{name}: expected exactly one 'export default {{', got {exports}")
    body, exported = re.split(r"^\s*export default ", source, flags=re.MULTILINE)
    if not re.fullmatch(r"\{.*\};|\{\n(?:[ \t].*\n|\n)*\};", exported):
        raise ValueError(f"{name}: expected 'export default {{...}};' at the end")
    return f"{body}return {exported}"


def pack_model(language: str) -> str:
    """Return a classic script that holds the book's model, a GGUF file, as text in base64."""
    from lessons_lib.live.model_in_page import model_file  # takes seconds, and few pages need it

    return _pack_file(f"model_{language}", model_file(language))


def pack_chat() -> dict[str, str]:
    """Return by name the scripts of the chat model and its adapter, which both languages share."""
    from lessons_lib.live.chat import adapter_file, chat_file

    files = {"chat_model": chat_file(), "chat_adapter": adapter_file()}
    return {f"{name}.js": _pack_file(name, data) for name, data in files.items()}


def pack_painter() -> dict[str, str]:
    """Return the script of `Painter` by its name: the model that paints, of both languages."""
    from lessons_lib.live.painter import painter_file

    return {"painter.js": _pack_file("painter", painter_file())}


def pack_files(figure: str, language: str) -> dict[str, str]:
    """Return by name the text of the scripts that a figure found by `FILE_FIGURE` asks for."""
    if figure in ("chat", "injection_lab"):
        return pack_chat()
    if figure == "painter":
        return pack_painter()
    if figure == "train_in_page":
        return {f"stories_{language}.js": pack_training_stories(language)}
    return {f"model_{language}.js": pack_model(language)}


def pack_training_stories(language: str) -> str:
    """Return a classic script that holds the stories of the figure `TrainInPage`, in base64."""
    from lessons_lib.live.train_in_page import pack_stories

    return _pack_file(f"stories_{language}", pack_stories(language))


def _pack_file(name: str, data: bytes) -> str:
    text = base64.b64encode(data).decode()
    return f'(globalThis.bookFiles ??= {{}}).{name} = "{text}";\n'
