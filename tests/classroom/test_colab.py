"""The set-up cell's question: is all there that the library needs, and what does a learner do?"""

from importlib import metadata

import pytest

from lessons_lib.classroom import colab


@pytest.fixture
def installed(monkeypatch):
    """Pretend that exactly these versions are installed."""

    def pretend(versions, requires):
        def version(name):
            if name not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(colab.metadata, "version", version)
        monkeypatch.setattr(colab.metadata, "requires", lambda name: requires)

    return pretend


def test_this_environment_is_ready(capsys):
    assert colab.faults() == []
    colab.check("en")
    version = metadata.version("lessons-lib")
    assert capsys.readouterr().out == f"lessons_lib {version} is ready.\n"
    colab.check("es")
    assert capsys.readouterr().out == f"lessons_lib {version} está lista.\n"


def test_builds_of_a_version_will_do(installed):
    needs = ["torch>=2.6", "numpy>=2.0", "ipywidgets>=7.7.1", "tqdm"]
    have = {"torch": "2.11.0+cu128", "numpy": "2.1.3", "ipywidgets": "7.7.1", "tqdm": "4"}
    installed(have, needs)
    assert colab.faults() == []
    installed({**have, "torch": "2.13.0.dev20260801+cu130"}, needs)
    assert colab.faults() == []
    installed({**have, "torch": "2.6.0rc1", "ipywidgets": "7.7.0"}, needs)
    assert [(str(r), v) for r, v in colab.faults()] == [
        ("torch>=2.6", "2.6.0rc1"),
        ("ipywidgets>=7.7.1", "7.7.0"),
    ]


def test_a_requirement_of_another_platform_is_passed_over(installed):
    installed({}, ['colorama>=0.4; sys_platform == "no-such-platform"', 'pytest; extra == "dev"'])
    assert colab.faults() == []


def test_what_a_learner_reads(installed, capsys):
    installed({"numpy": "1.26.4", "lessons-lib": "9"}, ["numpy>=2.0", "tiktoken>=0.7"])
    colab.check("en")
    assert capsys.readouterr().out == (
        "numpy 1.26.4 is installed; the notebook needs numpy>=2.0.\n"
        "tiktoken is not installed; the notebook needs tiktoken>=0.7.\n"
        "Run this in a new cell, then choose Runtime > Restart session:\n\n"
        '    %pip install "numpy>=2.0" "tiktoken>=0.7"\n'
    )
    colab.check("es")
    out = capsys.readouterr().out
    assert out.startswith("numpy 1.26.4 no sirve; el cuaderno necesita numpy>=2.0.\nFalta tiktoken")
    assert out.endswith('    %pip install "numpy>=2.0" "tiktoken>=0.7"\n')


def test_check_refuses_another_language():
    with pytest.raises(ValueError, match=r"expected one of \['en', 'es'\], got 'fr'"):
        colab.check("fr")
