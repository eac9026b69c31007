"""Write the question bank in the formats of learning platforms, and for paper.

python -m lessons_lib.classroom.questions export --format moodle --language es --out DIR
"""

import argparse
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.classroom.printing import print_pdf
from lessons_lib.classroom.questions.asking import draw_all
from lessons_lib.classroom.questions.drawing import Drawn
from lessons_lib.classroom.questions.gift import gift
from lessons_lib.classroom.questions.moodle import moodle
from lessons_lib.classroom.questions.paper import paper
from lessons_lib.classroom.questions.qti_package import package
from lessons_lib.classroom.questions.sheet import sheet
from lessons_lib.classroom.questions.source import LANGUAGES, load, slugs

FORMATS = ("moodle", "gift", "qti", "markdown", "html", "pdf")


def export(form: str, language: str, chapters: list[str], seeds: int, out: Path) -> list[Path]:
    """Write the questions of chapters in a format and a language; return the files.

    Both may be `all`. Raises `ValueError` for a chapter without questions, unless `seeds` is at
    least 1, or where a PDF cannot be printed: its HTML is there all the same.
    """
    banks = [load(slug) for slug in chapters]
    out.mkdir(parents=True, exist_ok=True)
    written, printed = [], []
    for lang in LANGUAGES if language == "all" else [language]:
        drawn = draw_all(banks, seeds, lang)
        for one in FORMATS[:-2] + FORMATS[-1:] if form == "all" else [form]:
            for name, text in _texts(one, drawn, lang).items():
                write_atomic(out / name, text if isinstance(text, bytes) else text.encode())
                written.append(out / name)
                if one == "pdf":
                    printed.append(out / name)
    for page in printed:
        print_pdf(page, page.with_suffix(".pdf"))
    return written + [page.with_suffix(".pdf") for page in printed]


def _texts(form: str, drawn: list[Drawn], language: str) -> dict[str, str | bytes]:
    """Return the files of a format: what they are called and what they hold."""
    if form == "moodle":
        return {f"questions-{language}.xml": moodle(drawn)}
    if form == "gift":
        return {f"questions-{language}.gift": gift(drawn)}
    if form == "qti":
        return {f"questions-{language}.zip": package(drawn)}
    write, end = (sheet, "md") if form == "markdown" else (paper, "html")
    return {
        f"questions-{language}.{end}": write(drawn, language),
        f"key-{language}.{end}": write(drawn, language, key=True),
    }


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(
        prog="python -m lessons_lib.classroom.questions", description=__doc__.split("\n")[0]
    )
    one = parser.add_subparsers(required=True, metavar="export").add_parser(
        "export", help="write the questions in a format"
    )
    one.add_argument("--format", choices=(*FORMATS, "all"), required=True)
    one.add_argument("--language", choices=(*LANGUAGES, "all"), default="en")
    one.add_argument("--chapters", help="their names with commas between; all by default")
    one.add_argument("--seeds", type=int, default=1, help="draws of each question with numbers")
    one.add_argument("--out", type=Path, required=True, help="the folder that the files go to")
    args = parser.parse_args(arguments)
    chapters = args.chapters.split(",") if args.chapters else slugs()
    for path in export(args.format, args.language, chapters, args.seeds, args.out):
        console.tell(str(path))
    return 0


if __name__ == "__main__":
    console.run(main, ValueError)
