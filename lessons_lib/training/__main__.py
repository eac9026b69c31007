"""`python -m lessons_lib.training`."""

from lessons_lib.base import console
from lessons_lib.training.command import main
from lessons_lib.training.run import TrainingDiverged

if __name__ == "__main__":
    console.run(main, ValueError, OSError, TrainingDiverged)
