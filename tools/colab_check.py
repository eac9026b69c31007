"""Run the published notebooks as in Colab, with its versions of the packages that matter.

    python -m tools.colab_check                     all notebooks, some gigabytes, half an hour
    python -m tools.colab_check tokens gpt          some chapters
    python -m tools.colab_check --language es       one language
    python -m tools.colab_check --variant student   the notebooks without solutions only
    python -m tools.colab_check --python PATH       a Python to make the environment with

It makes an environment with the packages of the list `PACKAGES` (kept for the next time), builds
the wheel, serves it on this machine in place of the release, and publishes the notebooks with that
address. Then each notebook runs as in a fresh session: alone in an empty folder, the library not
installed, Colab's environment variable set. The instructors' notebooks have the same code as the
others and do not run again. An error is a finding, and so is any other package that is not what it
was before. Last, Colab's published list of its packages is read: a version here that is no longer
Colab's is a finding too.

Without Python 3.13 this Python takes its place.
"""

import argparse
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from lessons_lib.base import console
from tools import addresses, house, publish
from tools.site import server
from tools.wheel import build as build_wheel

OUT = house.ROOT / "_build" / "colab"
PYTHON = "3.13"
# Colab's versions where a notebook could tell the difference; the others as they come.
PACKAGES = (
    "anywidget==0.9.21",
    "einops",
    "huggingface_hub",
    "ipykernel==6.17.1",
    "ipython==7.34.0",
    "ipywidgets==7.7.1",
    "matplotlib==3.10.0",
    "nbconvert",
    "numpy==2.1.3",
    "packaging",
    "regex",
    "safetensors",
    "tiktoken",
    "tokenizers",
    "torch=={torch}",
    "tqdm",
)
TORCH = "2.11.0"
COLABS_LIST = "https://raw.githubusercontent.com/googlecolab/backend-info/main/pip-freeze.txt"
TIMEOUT = 900  # seconds for one notebook
WIDGET = "application/vnd.jupyter.widget-view+json"
LISTING = "from importlib.metadata import distributions as d;import json;" + (
    "print(json.dumps({i.metadata['Name'].lower().replace('_', '-'): i.version for i in d()}))"
)


def command(*arguments: str | Path, **options) -> str:
    """Run a program and return what it printed.

    Raises:
        RuntimeError: it failed; the message is the end of what it printed.
    """
    options = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
    done = subprocess.run([str(argument) for argument in arguments], **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, arguments))}\n{done.stdout[-4000:]}")
    return done.stdout


def find_python() -> str:
    """Return Colab's Python if it is installed, else this one."""
    name = f"python{PYTHON}"
    for path in (shutil.which(name), *Path.home().glob(f".pyenv/versions/{PYTHON}.*/bin/{name}")):
        if path and not subprocess.run([path, "--version"], capture_output=True).returncode:
            return str(path)
    return sys.executable


def make_environment(folder: Path, python: str, torch: str) -> Path:
    """Make the environment, unless it is there already; return its Python."""
    wanted = "\n".join([python, *PACKAGES]).format(torch=torch)
    ready, inside = folder / "packages", folder / "bin" / "python"
    if not (ready.is_file() and ready.read_text(encoding="utf-8") == wanted):
        print(f"Making an environment with {python}: some minutes", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        command(python, "-m", "venv", folder)
        command(inside, "-m", "pip", "install", "--quiet", *wanted.split("\n")[1:])
        ready.write_text(wanted, encoding="utf-8")
    return inside


def installed(python: Path) -> dict[str, str]:
    """Return the versions of all installed packages but the library's."""
    packages = json.loads(command(python, "-I", "-c", LISTING))
    packages.pop("lessons-lib", None)
    return packages


def run_notebook(python: Path, text: str, name: str) -> list[str]:
    """Run a notebook as in a fresh session of Colab; return what is wrong with it."""
    command(python, "-m", "pip", "uninstall", "--quiet", "--yes", "lessons-lib")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as settings:
        (Path(folder) / "notebook.ipynb").write_text(text, encoding="utf-8")
        environment = {
            **os.environ,
            "COLAB_RELEASE_TAG": "release-colab",
            "IPYTHONDIR": settings,
            "JUPYTER_DATA_DIR": settings,
            "LESSONS_LIB_OFFLINE": "1",
        }
        for variable in ("PYTHONPATH", "MPLBACKEND"):
            environment.pop(variable, None)
        try:
            command(
                *(python, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace"),
                *(f"--ExecutePreprocessor.timeout={TIMEOUT}", "notebook.ipynb"),
                cwd=folder,
                env=environment,
            )
        except RuntimeError as error:
            return [f"{name}: {error}"]
        ran = (Path(folder) / "notebook.ipynb").read_text(encoding="utf-8")
        return examine(json.loads(ran), json.loads(text), name)


def examine(nb: dict, source: dict, name: str) -> list[str]:
    """Return what is wrong in a notebook that has run to its end.

    Args:
        nb: the notebook after the run.
        source: the published notebook, with the book's own outputs.
        name: of the notebook, for the findings.
    """
    findings = []
    for cell, stored in zip(nb["cells"], source["cells"], strict=True):
        outputs, at = cell.get("outputs", ()), f"{name} [{cell['id']}]"
        printed = "".join("".join(output.get("text", ())) for output in outputs)
        if cell["id"] == "set-up":
            if not re.search(r"lessons_lib \S+ (is ready|está lista)\.", printed):
                findings.append(f"{at}: not ready\n{printed}")
        elif any(output.get("name") == "stderr" for output in outputs):
            findings.append(f"{at}: a warning\n{printed}")
        live = any(
            'class="live-figure"' in "".join(output.get("data", {}).get("text/html", ""))
            for output in stored.get("outputs", ())
        )
        if live and not any(WIDGET in output.get("data", {}) for output in outputs):
            findings.append(f"{at}: a live figure is not shown as a widget")
    return findings


def outdated(frozen: str, torch: str = TORCH) -> list[str]:
    """Say which versions of `PACKAGES` are not Colab's.

    Args:
        frozen: what `pip freeze` prints in Colab: lines of `name==version` or `name @ wheel`.
        torch: the version of torch that stands for `{torch}`.
    """
    lines = re.findall(r"^([\w.-]+)(?:==| @ \S*/[\w.]+-)(\d[\w.]*)", frozen, re.MULTILINE)
    theirs = {name.lower(): version for name, version in lines}
    ours = [package.format(torch=torch).split("==") for package in PACKAGES if "==" in package]
    return [
        f"{name}: {version} in {Path(__file__).name}, {theirs.get(name, 'none')} in Colab's list"
        for name, version in ours
        if theirs.get(name) != version
    ]


def main(argv: list[str] | None = None) -> int:
    """Run notebooks and report; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.colab_check", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("slugs", nargs="*", help="chapters; all without any")
    parser.add_argument("--language", choices=house.LANGUAGES, help="one edition only")
    parser.add_argument("--variant", choices=("student", "instructor"), help="this one only")
    parser.add_argument("--python", default=find_python(), help="makes the environment")
    parser.add_argument("--torch", default=TORCH, metavar="VERSION", help=f"default {TORCH}")
    parser.add_argument("--dir", type=Path, default=OUT, help="keeps the environment")
    args = parser.parse_args(argv)
    try:
        paths = house.notebooks(
            house.ROOT, args.slugs, (args.language,) if args.language else house.LANGUAGES
        )
    except ValueError as error:
        parser.error(str(error))
    out = args.dir.resolve()
    out.mkdir(parents=True, exist_ok=True)
    python = make_environment(out / "env", args.python, args.torch)
    before = installed(python)
    wheel = build_wheel(out / "wheel")
    with server(wheel.parent) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{serving.server_port}/{wheel.name}"
        os.environ["BOOK_WHEEL_URL"] = address
        files, findings = publish.build()
        house.report(findings)
        variants = [args.variant] if args.variant else ["", "student"]
        for variant, path in itertools.product(variants, paths):
            name = addresses.notebook_path(path.parent.name, path.stem, variant)
            start = time.perf_counter()
            found = run_notebook(python, files[name], name) if name in files else []
            seconds = time.perf_counter() - start
            print(f"{name}: {seconds:.0f} s", *found, sep="\n", flush=True)
            findings += found
        serving.shutdown()
    after = installed(python)
    changed = [
        f"{name}: {before.get(name)} before, {after.get(name)} after"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    version = command(python, "--version").strip()
    seen = ", ".join(
        f"{name} {after[name]}" for name in ("torch", "numpy", "ipywidgets", "ipython")
    )
    print(f"{version}, {seen}; wheel of {wheel.stat().st_size / 1e6:.1f} MB")
    try:
        with urllib.request.urlopen(COLABS_LIST, timeout=60) as answer:
            changed += outdated(answer.read().decode(), args.torch)
    except OSError as error:
        changed.append(f"{COLABS_LIST}: {error}")
    return house.report(changed) or int(bool(findings))


if __name__ == "__main__":
    console.run(main)
