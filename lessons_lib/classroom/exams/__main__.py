"""Make an exam for each student, with key and marking sheet; or analyse what they answered.

python -m lessons_lib.classroom.exams make --plan midterm --students class.csv --seed 7 --out DIR
python -m lessons_lib.classroom.exams analyse marking-en.csv --out DIR
"""

import argparse
import sys
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.classroom.exams.analysis import analyse
from lessons_lib.classroom.exams.answers import Answers, read_answers
from lessons_lib.classroom.exams.drawing import blueprint, draw_exam, plenty, pool
from lessons_lib.classroom.exams.plan import Plan, load_plan, plans
from lessons_lib.classroom.exams.sheets import key, marking_sheet, sheets
from lessons_lib.classroom.exams.students import read_students
from lessons_lib.classroom.exams.tables import as_number
from lessons_lib.classroom.exams.words import RESULTS
from lessons_lib.classroom.printing import print_pdf
from lessons_lib.classroom.questions.source import KINDS, LANGUAGES, LEVELS

__all__ = ["examine", "main", "make"]

FEW = (
    "For so many minutes the questions of these chapters, levels and kinds are few: "
    "students get many of the same ones. Name more of them, or fewer minutes."
)


def make(plan: Plan, students: str, seed: int, language: str, out: Path, pdf: bool) -> list[Path]:
    """Write the exams of a class, their key and the marking sheet; return the files.

    Raises `ValueError` as the parts do, or where a PDF cannot be printed: all else is there then.
    """
    questions = pool(plan)
    slots = blueprint(plan, seed, questions)
    if not plenty(slots, questions):
        print(FEW, file=sys.stderr)
    exams = [
        draw_exam(student, slots, questions, seed, language) for student in read_students(students)
    ]
    texts = {
        f"exams-{language}.html": sheets(plan, exams, language).encode(),
        f"key-{language}.html": key(plan, exams, language).encode(),
        f"marking-{language}.csv": marking_sheet(exams, language),
    }
    files = _write(texts, out)
    for page in files[:2] if pdf else ():
        print_pdf(page, page.with_suffix(".pdf"))
        files.append(page.with_suffix(".pdf"))
    return files


def examine(
    answers: Path,
    language: str | None,
    out: Path,
    roster: Path | None = None,
    book: Path | None = None,
    title: str | None = None,
) -> list[Path]:
    """Write what a table of answers shows, in its language or another; return the files.

    With a platform's list of students, their points also go to a file for its gradebook.

    Raises `ValueError` as `read_answers` and `read_roster` do.
    """
    # Drawing needs Matplotlib's seconds: whoever makes exams does without them.
    from lessons_lib.classroom.exams import results
    from lessons_lib.classroom.exams.report import items_table, options_table, report
    from lessons_lib.classroom.marking.gradebooks import read_roster

    given = read_answers(answers)
    language = language or given.language
    listed = read_roster(roster) if roster else None
    analysis = analyse(Answers(given.responses, language))
    found = results.results(given)
    files = {
        f"analysis-{language}.html": report(analysis, language).encode(),
        f"items-{language}.csv": items_table(analysis, language),
        f"answers-{language}.csv": options_table(analysis, language),
        f"points-{language}.csv": results.results_table(found, language),
    }
    written = _write(files, out)
    if listed and book:
        title = title or RESULTS[language]["title"]
        text, said = results.gradebook(found, listed, title, language)
        write_atomic(book, text.encode())
        written.append(book)
        for line in said:
            print(line, file=sys.stderr)
    return written


def _write(files: dict[str, bytes], out: Path) -> list[Path]:
    out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_atomic(out / name, data)
    return [out / name for name in files]


def _plan(args: argparse.Namespace) -> Plan:
    """Return the plan that the command line names or describes."""
    if args.plan:
        if args.chapters or args.minutes or args.levels or args.kinds:
            raise ValueError("expected --plan or its parts (--chapters, --minutes ...), got both")
        return load_plan(args.plan)
    if not args.chapters or not args.minutes:
        raise ValueError(f"expected --plan ({', '.join(plans())}) or --chapters and --minutes")
    given = {"chapters": tuple(args.chapters.split(",")), "minutes": args.minutes}
    if args.levels:
        given["levels"] = _shares(args.levels)
    if args.kinds:
        given["kinds"] = tuple(args.kinds.split(","))
    return Plan(**given)


def _shares(text: str) -> dict[str, float]:
    """Read levels such as `recall,apply` or `recall=1,apply=2`."""
    pairs = (one.partition("=") for one in text.split(","))
    return {level: as_number(share or "1", f"--levels {level}") for level, _, share in pairs}


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(
        prog="python -m lessons_lib.classroom.exams", description=__doc__.split("\n")[0]
    )
    commands = parser.add_subparsers(required=True, dest="command", metavar="make|analyse")
    one = commands.add_parser("make", help="make an exam for each student")
    one.add_argument("--plan", help=f"{', '.join(plans())}, or a TOML file")
    one.add_argument("--chapters", help="their names with commas between")
    one.add_argument("--minutes", type=int, help="of the whole exam")
    one.add_argument("--levels", help=f"with shares or without: {'=1,'.join(LEVELS)}=1")
    one.add_argument("--kinds", help=f"of questions; by default {','.join(KINDS)}")
    one.add_argument("--students", required=True, metavar="FILE.csv|N", help="a list, or how many")
    one.add_argument("--seed", type=int, default=0, help="another one makes other exams")
    one.add_argument("--language", choices=LANGUAGES, default="en")
    one.add_argument("--no-pdf", action="store_true", help="write HTML and CSV alone")
    one.add_argument("--out", type=Path, required=True, help="the folder that the files go to")
    two = commands.add_parser("analyse", help="analyse a marking sheet that is filled in")
    two.add_argument("answers", type=Path, metavar="ANSWERS.csv")
    two.add_argument("--language", choices=LANGUAGES, help="of the report; by default the table's")
    two.add_argument("--out", type=Path, required=True, help="the folder that the files go to")
    two.add_argument("--roster", type=Path, help="the students as Canvas or Moodle lists them")
    two.add_argument("--gradebook", type=Path, help="write points for the roster's platform")
    two.add_argument("--column", help="what the exam is called there")
    args = parser.parse_args(arguments)
    if args.command == "analyse":
        if bool(args.roster) != bool(args.gradebook) or (args.column and not args.roster):
            raise ValueError("expected --roster and --gradebook together, got one of them")
        if args.roster and args.roster.absolute() == args.gradebook.absolute():
            raise ValueError(f"expected another file for the points, got the list {args.roster}")
        files = examine(
            args.answers, args.language, args.out, args.roster, args.gradebook, args.column
        )
    else:
        pdf = not args.no_pdf
        files = make(_plan(args), args.students, args.seed, args.language, args.out, pdf)
    for path in files:
        console.tell(str(path))
    return 0


if __name__ == "__main__":
    console.run(main, ValueError)
