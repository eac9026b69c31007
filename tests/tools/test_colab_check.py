"""What the run with Colab's packages reports; the run itself takes gigabytes and half an hour."""

import io
import sys
from pathlib import Path

import pytest

from tools import colab_check

WIDGET = "application/vnd.jupyter.widget-view+json"


def code(id_, *outputs):
    return {"id": id_, "cell_type": "code", "source": "", "outputs": list(outputs)}


def printed(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": [text]}


def shown(**data):
    return {
        "output_type": "display_data",
        "data": {key.replace("_", "/"): data[key] for key in data},
    }


SOURCE = [code("set-up"), code("a"), code("live", shown(text_html='<figure class="live-figure">'))]
WIDGETS = {"output_type": "display_data", "data": {WIDGET: {}, "text/plain": ""}}
READY = code("set-up", printed("Note\n"), printed("lessons_lib 0.1.0 está lista.\n"))


@pytest.mark.parametrize(
    ("cells", "finding"),
    [
        ([READY, code("a", printed("1\n")), code("live", WIDGETS)], None),
        ([code("set-up", printed("pip: 404\n")), code("a"), code("live", WIDGETS)], "not ready"),
        ([READY, code("a", printed("Old!\n", "stderr")), code("live", WIDGETS)], "a warning\nOld!"),
        ([READY, code("a"), code("live", shown(text_plain="BPE()"))], "is not shown as a widget"),
    ],
)
def test_findings(cells, finding):
    found = colab_check.examine({"cells": cells}, {"cells": SOURCE}, "en/x.ipynb")
    assert len(found) == bool(finding)
    if finding:
        assert found[0].startswith("en/x.ipynb [")
        assert finding in found[0]


FREEZE = """\
# Do not modify this file
anywidget==0.9.21
en-core-web-sm @ https://a.example/en_core_web_sm-3.6.0/en_core_web_sm-3.6.0-py3-none-any.whl#sha256=8
google-colab @ file:///colabtools/dist/google-colab-1.0.0.tar.gz
ipykernel==6.17.1
ipython==7.34.0
ipywidgets==7.7.1
Matplotlib==3.10.0
numpy==2.1.3
torch @ https://a.example/whl/cu128/torch-2.11.0%2Bcu128-cp313-cp313-linux_x86_64.whl#sha256=a8-9
"""


@pytest.mark.parametrize(
    ("before", "after", "finding"),
    [
        ("torch @", "torch @", None),
        ("torch-2.11.0%2Bcu128", "torch-2.11.0+cpu", None),
        (
            "torch @ https://a.example/whl/cu128/torch-2.11.0%2Bcu128-cp313",
            "torch==2.11.0+cpu",
            None,
        ),
        ("numpy==2.1.3", "numpy==2.1.30", "numpy: 2.1.3 in colab_check.py, 2.1.30 in Colab's list"),
        ("torch-2.11.0", "torch-2.12.0", "torch: 2.11.0 in colab_check.py, 2.12.0 in Colab's list"),
        ("ipython==", "ipython-x==", "ipython: 7.34.0 in colab_check.py, none in Colab's list"),
    ],
)
def test_versions_that_are_no_longer_colabs_are_found(before, after, finding):
    assert before in FREEZE
    found = colab_check.outdated(FREEZE.replace(before, after), torch="2.11.0")
    assert found == ([finding] if finding else [])


def test_readers_and_students_notebooks_run_then_colabs_list_is_read(monkeypatch, tmp_path, capsys):
    def fetch(address, timeout):
        assert (address, timeout) == (colab_check.COLABS_LIST, 60)
        return io.BytesIO(FREEZE.encode())

    ran, wheel = [], tmp_path / "x.whl"
    wheel.touch()
    books = [f"{variant}{language}" for variant in ("", "student/") for language in ("en", "es")]
    files = {f"{book}/intro.ipynb": "" for book in [*books, "instructor/en"]}
    there = dict.fromkeys(("torch", "numpy", "ipywidgets", "ipython"), "1")
    monkeypatch.setenv("BOOK_WHEEL_URL", "")  # is set in the run
    monkeypatch.setattr(colab_check, "make_environment", lambda *_: Path(sys.executable))
    monkeypatch.setattr(colab_check, "installed", lambda _: there)
    monkeypatch.setattr(colab_check, "build_wheel", lambda _: wheel)
    monkeypatch.setattr(colab_check.publish, "build", lambda: (files, []))
    monkeypatch.setattr(colab_check, "run_notebook", lambda *call: ran.append(call[-1]) or [])
    monkeypatch.setattr(colab_check.urllib.request, "urlopen", fetch)
    arguments = ["intro", "--dir", str(tmp_path), "--torch"]
    assert colab_check.main([*arguments, "2.11.0"]) == 0
    assert ran == [f"{book}/intro.ipynb" for book in books]
    ran.clear()
    assert colab_check.main([*arguments, "2.12.0", "--variant", "student"]) == 1
    assert ran == ["student/en/intro.ipynb", "student/es/intro.ipynb"]
    assert "torch: 2.12.0 in colab_check.py, 2.11.0 in Colab's list" in capsys.readouterr().out

    def fail(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(colab_check.urllib.request, "urlopen", fail)
    assert colab_check.main([*arguments, "2.11.0"]) == 1
    assert "pip-freeze.txt: no network" in capsys.readouterr().out


def test_a_command_that_fails_says_what_it_printed():
    assert colab_check.command(sys.executable, "-c", "print('fine')") == "fine\n"
    with pytest.raises(RuntimeError, match="no luck"):
        colab_check.command(sys.executable, "-c", "import sys; sys.exit('no luck')")


def test_the_environment_is_made_once(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(colab_check, "command", lambda *arguments: made.append(arguments))
    folder = tmp_path / "env"
    folder.mkdir()
    wanted = "\n".join([sys.executable, *colab_check.PACKAGES]).format(torch="2.11.0")
    (folder / "packages").write_text(wanted)
    assert colab_check.make_environment(folder, sys.executable, "2.11.0") == folder / "bin/python"
    assert made == []


def test_this_python_lists_its_packages():
    packages = colab_check.installed(sys.executable)
    assert "numpy" in packages
    assert "lessons-lib" not in packages
