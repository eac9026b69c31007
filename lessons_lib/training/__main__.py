"""`python -m lessons_lib.training`."""

import sys

from lessons_lib.training.command import main
from lessons_lib.training.run import TrainingDiverged

if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError, TrainingDiverged) as error:
        sys.exit(f"error: {error}")
