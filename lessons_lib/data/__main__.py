"""`python -m lessons_lib.data`."""

from lessons_lib.base import console
from lessons_lib.data.command import main

if __name__ == "__main__":
    console.run(main, ValueError, OSError)
