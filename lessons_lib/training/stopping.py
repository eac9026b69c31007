"""A signal that asks a run to end, such as a cluster sends before it takes the machine away."""

import signal
from types import TracebackType
from typing import Self

from lessons_lib.base.parallel import same_for_all

__all__ = ["Stopping"]


class Stopping:
    """Notes SIGTERM and SIGINT (Ctrl-C) while it is open, so that a run can end between two steps.

    Called, it says whether one came, to any of the processes: `train` asks so after each step.
    Signals that follow change nothing: `torchrun` passes on what a terminal has already sent to
    all. SIGKILL cannot be noted; then the last checkpoint is where the run goes on.

    >>> with Stopping() as stopping:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     stopping(), stopping.name, stopping.status
    (True, 'SIGTERM', 143)
    """

    def __init__(self):
        self.number = 0  # of the signal, 0 before one comes
        self.before = {}

    def __enter__(self) -> Self:
        """Begin to note signals. Only a process's main thread may."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self.before[number] = signal.signal(number, self.note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back to those who had them."""
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def note(self, number: int, frame: object) -> None:
        """Note the number of a signal; the first counts."""
        self.number = self.number or number

    def __call__(self) -> bool:
        """Return whether a signal came, to whichever process: the same answer in all of them."""
        self.number = int(same_for_all(self.number))
        return self.number > 0

    @property
    def name(self) -> str:
        """The signal's name."""
        return signal.Signals(self.number).name

    @property
    def status(self) -> int:
        """The exit status that shells give for this signal: 128 and its number."""
        return 128 + self.number
