"""Progress bars where somebody can see them: on a terminal and in a notebook."""

import os
import sys

from tqdm import tqdm

from lessons_lib.base.console import forgive

__all__ = ["progress_bar"]


class _NotebookLine:
    """A line below a notebook cell that can be rewritten, and that leaves no output when blank.

    tqdm's own notebook bar stays behind in the saved notebook, as a widget that nobody can draw.
    """

    def __init__(self):
        from IPython.display import display

        self.handle = display({}, raw=True, display_id=True)

    def write(self, text: str) -> None:
        text = text.strip()
        self.handle.update({"text/plain": text} if text else {}, raw=True)

    def flush(self) -> None:
        """Do nothing: every write is shown at once."""


def progress_bar(name: str, total: float | None, **options) -> tqdm:
    """Make a bar for `total` units of work.

    Nothing is shown where the output goes to a file, or where the environment sets TQDM_DISABLE.

    Args:
        name: what is being done.
        total: how much there is to do, None if that is unknown.
        options: further arguments of `tqdm`, such as the unit.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    notebook = hasattr(shell, "kernel")
    unseen = not (notebook or sys.stderr.isatty())
    hidden = unseen or bool(os.environ.get("TQDM_DISABLE"))
    return tqdm(
        desc=name,
        total=total,
        ascii=None if not notebook else False,  # None: as the encoding of the terminal allows
        leave=False,
        file=_NotebookLine() if notebook and not hidden else forgive(sys.stderr),
        disable=hidden,
        **options,
    )
