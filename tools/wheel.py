"""Build the library's wheel: everything that a notebook needs, the same bytes from the same files.

    python -m tools.wheel              build into _build/wheel
    python -m tools.wheel --out DIR    build into another folder

It is built from a copy, so that nothing left by an earlier build gets in. Where this environment
has no setuptools that is new enough, `build` fetches one.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from tools import addresses, house

OUT = house.ROOT / "_build" / "wheel"
SOURCES = ("pyproject.toml", "README.md", "LICENSE", house.PACKAGE)
SETUPTOOLS = 77  # the first that knows what pyproject.toml says of the licence
EPOCH = "315532800"  # 1980-01-01, the first day that a zip file knows


def _has_setuptools() -> bool:
    try:
        return int(metadata.version("setuptools").split(".")[0]) >= SETUPTOOLS
    except metadata.PackageNotFoundError:
        return False


def build(out: Path = OUT) -> Path:
    """Build the wheel into a folder and return its file.

    Raises:
        RuntimeError: the build failed; the message is what it printed.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "source")
        for path in house.shipped_files(house.ROOT):
            name = path.relative_to(house.ROOT)
            if name.parts[0] in SOURCES:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, folder / name)
        command = [sys.executable, "-m", "build", "--wheel", "--outdir", temporary, folder]
        done = subprocess.run(
            command + ["--no-isolation"] * _has_setuptools(),
            cwd=temporary,
            env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
            capture_output=True,
            encoding="utf-8",
        )
        if done.returncode:
            raise RuntimeError(f"{done.stdout}\n{done.stderr}")
        out.mkdir(parents=True, exist_ok=True)
        wheel = out / addresses.wheel_name()
        write_atomic(wheel, (Path(temporary) / wheel.name).read_bytes())
    return wheel


def main(argv: list[str] | None = None) -> int:
    """Build the wheel; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.wheel", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to write")
    try:
        wheel = build(parser.parse_args(argv).out)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    console.run(main)
