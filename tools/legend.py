"""Draw the legend of the drawings' colours, which the page on notation shows.

python -m tools.legend            write book/<language>/colours.svg
python -m tools.legend --check    change nothing, list what is stale
"""

import argparse
from pathlib import Path

from lessons_lib.base import console, language
from lessons_lib.base.files import write_atomic
from lessons_lib.figures.diagrams.legend import legend
from tools import house

NAME = "colours.svg"


def drawn(code: str) -> str:
    """Return the legend in one language, as its file holds it."""
    before = language.chosen()
    language.speak(code)
    try:
        return legend()._repr_svg_() + "\n"
    finally:
        language.speak(before)


def check(root: Path) -> list[str]:
    """List the legends that are not those of the library."""
    findings = []
    for code in house.LANGUAGES:
        path = root / "book" / code / NAME
        if not path.is_file() or path.read_text(encoding="utf-8") != drawn(code):
            findings.append(f"{house.where(root, path)}: stale; run python -m tools.legend")
    return findings


def main(argv: list[str] | None = None, root: Path = house.ROOT) -> int:
    """Write or check the legends; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.legend", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--check", action="store_true", help="change nothing, list what is stale")
    if parser.parse_args(argv).check:
        return house.report(check(root))
    for code in house.LANGUAGES:
        write_atomic(root / "book" / code / NAME, drawn(code).encode())
    return 0


if __name__ == "__main__":
    console.run(main)
