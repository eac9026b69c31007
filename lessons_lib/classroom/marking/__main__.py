"""Run the command: `python -m lessons_lib.classroom.marking`."""

from lessons_lib.base import console
from lessons_lib.classroom.marking.command import main

if __name__ == "__main__":
    console.run(main)
