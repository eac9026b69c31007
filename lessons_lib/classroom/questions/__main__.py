"""Write the question bank in the formats of learning platforms.

python -m lessons_lib.classroom.questions export --format moodle --language es --out DIR
"""

import argparse
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.classroom.questions.asking import draw_all
from lessons_lib.classroom.questions.gift import gift
from lessons_lib.classroom.questions.moodle import moodle
from lessons_lib.classroom.questions.sheet import sheet
from lessons_lib.classroom.questions.source import LANGUAGES, load, slugs

FORMATS = ("moodle", "gift", "markdown")


def export(form: str, language: str, chapters: list[str], seeds: int, out: Path) -> list[Path]:
    """Write the questions of chapters in a format and a language; return the files.

    Raises `ValueError` for a chapter without questions, or unless `seeds` is at least 1.
    """
    drawn = draw_all([load(slug) for slug in chapters], seeds, language)
    texts = {
        "moodle": lambda: {f"questions-{language}.xml": moodle(drawn)},
        "gift": lambda: {f"questions-{language}.gift": gift(drawn)},
        "markdown": lambda: {
            f"questions-{language}.md": sheet(drawn, language),
            f"key-{language}.md": sheet(drawn, language, key=True),
        },
    }[form]()
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_atomic(out / name, text.encode())
    return [out / name for name in texts]


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(
        prog="python -m lessons_lib.classroom.questions", description=__doc__.split("\n")[0]
    )
    one = parser.add_subparsers(required=True, metavar="export").add_parser(
        "export", help="write the questions in a format"
    )
    one.add_argument("--format", choices=FORMATS, required=True)
    one.add_argument("--language", choices=LANGUAGES, default="en")
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
