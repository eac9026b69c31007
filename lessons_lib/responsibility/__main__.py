"""The command `python -m lessons_lib.responsibility card FOLDER --language es`."""

import argparse
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.responsibility.card import LINES, write_card


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m lessons_lib.responsibility", description="Say what a model is made of."
    )
    commands = parser.add_subparsers(required=True)
    card = commands.add_parser("card", help="write a model card from what a run wrote down")
    card.add_argument("folder", type=Path, help="of a model or of a run")
    card.add_argument("--language", choices=[*LINES], default="en")
    options = parser.parse_args()
    print(write_card(options.folder, options.language))


if __name__ == "__main__":
    console.run(main, ValueError, OSError)
