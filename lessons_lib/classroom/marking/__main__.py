"""Run the command: `python -m lessons_lib.classroom.marking`."""

import sys

from lessons_lib.classroom.marking.command import main

if __name__ == "__main__":
    sys.exit(main())
