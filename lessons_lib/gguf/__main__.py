"""`python -m lessons_lib.gguf FILE`: what is in a file, or what is wrong with it."""

import sys

from lessons_lib.gguf.command import main

try:
    main()
except (ValueError, OSError) as error:
    sys.exit(f"error: {error}")
