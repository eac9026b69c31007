"""The commands `python -m lessons_lib.responsibility card` and `energy`."""

import argparse
import subprocess
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.responsibility.card import LINES, spent, write_card
from lessons_lib.responsibility.energy import (
    Energy,
    EnergyMeter,
    grids,
    metered_energy,
    write_energy,
)


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m lessons_lib.responsibility", description="Say what a model is made of."
    )
    commands = parser.add_subparsers(required=True)
    card = commands.add_parser("card", help="write a model card from what a run wrote down")
    card.set_defaults(do=lambda one: write_card(one.folder, one.language, one.grid))
    energy = commands.add_parser("energy", help="write down the energy of a run, for its card")
    energy.set_defaults(do=note_energy)
    for command in (card, energy):
        command.add_argument("folder", type=Path, help="of a model or of a run")
        command.add_argument("--language", choices=[*LINES], default="en")
        command.add_argument("--grid", choices=[*grids()], help="the electricity's country")
    way = energy.add_mutually_exclusive_group(required=True)
    way.add_argument(
        "--meter",
        nargs=2,
        type=float,
        metavar=("BEFORE", "AFTER"),
        help="what a power meter at the wall showed, in kWh",
    )
    way.add_argument(
        "--run",
        nargs=argparse.REMAINDER,
        metavar="COMMAND",
        help="run a command and read the processor's counters meanwhile",
    )
    options = parser.parse_args()
    print(options.do(options))


def note_energy(options: argparse.Namespace) -> str:
    """Write down what a meter or the counters say, and return it in words."""
    energy = metered_energy(*options.meter) if options.meter else counted(options.run)
    write_energy(options.folder, energy)
    return spent(energy, options.language, options.grid)


def counted(command: list[str], meter: EnergyMeter | None = None) -> Energy:
    """Run a command and return what the processor's counters counted.

    Raises:
        ValueError: there are no counters that may be read, none any more at the end, or no command.
        OSError: the command cannot be run.
        subprocess.CalledProcessError: it fails.
    """
    meter = meter or EnergyMeter()
    wish = "expected counters of energy that may be read, got none: read a power meter (--meter)"
    if meter.energy() is None:
        raise ValueError(wish)
    if not command:
        raise ValueError("expected a command behind --run, got none")
    with meter:
        subprocess.run(command, check=True)
    energy = meter.energy()
    if energy is None:
        raise ValueError(wish)
    return energy


if __name__ == "__main__":
    console.run(main, ValueError, OSError, subprocess.CalledProcessError)
