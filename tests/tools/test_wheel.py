"""The wheel: all that a notebook needs, nothing else, and quick to import."""

import os
import subprocess
import sys
import zipfile
from email import message_from_bytes

import pytest

from tools import addresses, house, wheel

LARGEST = 20_000_000  # bytes: five models of at most 4 MB each
# What opens a chapter that needs no PyTorch, and what any chapter may import.
LIGHT = (
    "classroom.colab",
    "classroom.practice.intro",
    "classroom.practice.ngrams",
    "classroom.practice.tokens",
    "corpus.stories",
    "corpus.texts",
    "figures",
    "intro",
    "live",
    "live.bpe_playground",
    "live.next_character",
    "live.ngram_lab",
    "ngrams",
    "quantization",
    "tokens",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return wheel.build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def names(built):
    with zipfile.ZipFile(built) as file:
        return set(file.namelist())


def run_outside(folder, code, *path):
    """Run Python in an empty folder, with nothing of the repository in reach but `path`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_the_wheel_holds_the_package_and_nothing_else(names):
    package = {
        path.relative_to(house.ROOT).as_posix()
        for path in house.shipped_files(house.ROOT)
        if house.PACKAGE in path.relative_to(house.ROOT).parts[:1]
    }
    assert {name for name in names if ".dist-info/" not in name} == package
    kinds = {name.rpartition(".")[2] for name in package}
    assert {"py", "js", "css", "json", "safetensors"} <= kinds


def test_the_wheel_is_small_and_named_by_the_version(built):
    assert built.stat().st_size < LARGEST
    assert built.name == addresses.wheel_name()
    with zipfile.ZipFile(built) as file:
        [metadata] = [name for name in file.namelist() if name.endswith(".dist-info/METADATA")]
        headers = message_from_bytes(file.read(metadata))
    assert headers["Version"] == addresses.version()
    # A bound from above would make Colab replace packages that it has loaded.
    needs = headers.get_all("Requires-Dist")
    assert needs
    assert not [need for need in needs if "<" in need or "==" in need or "~" in need]


def test_an_installed_wheel_works_in_an_empty_folder(built, tmp_path):
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(built) as file:
        file.extractall(installed)
    code = (
        "import lessons_lib\n"
        "from lessons_lib.live.modules import module_source\n"
        "from lessons_lib.training import story_model\n"
        "from lessons_lib.corpus.stories import sample\n"
        "model, tokenizer = story_model('es')\n"
        "assert sample(1, seed=1, language='es')\n"
        "assert 'hola' == tokenizer.decode(tokenizer.encode('hola'))\n"
        "assert 'engine.vocabulary = ' in module_source('bpe_playground')\n"
        "print(lessons_lib.__file__)\n"
    )
    done = run_outside(empty, code, installed)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(installed / "lessons_lib" / "__init__.py")


def test_pytorch_is_imported_only_where_it_is_needed(tmp_path):
    code = "import importlib, sys\n"
    for name in LIGHT:
        code += (
            f"importlib.import_module('lessons_lib.{name}')\n"
            f"assert 'torch' not in sys.modules, {name!r}\n"
        )
    code += "from lessons_lib.live import BPEPlayground, NextCharacter, NGramLab\n"
    code += "assert 'torch' not in sys.modules\n"
    # Sharded tensors take as long to import as PyTorch itself.
    code += "import torch\nbefore = 'torch.distributed.tensor' in sys.modules\n"
    code += "import lessons_lib.training\n"
    code += "assert ('torch.distributed.tensor' in sys.modules) == before\n"
    done = run_outside(tmp_path, code, house.ROOT)
    assert done.returncode == 0, done.stderr


def test_every_live_figure_is_found_by_its_name():
    from lessons_lib import live

    assert all(getattr(live, name).__name__ == name for name in live.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = live.Nothing
