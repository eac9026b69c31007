"""`python -m lessons_lib.gguf FILE`: what is in a file, or what is wrong with it."""

from lessons_lib.base import console
from lessons_lib.gguf.command import main

if __name__ == "__main__":
    console.run(main, ValueError, OSError)
