"""The figures' modules as text: what they import stands in front of them, each file once."""

import re

import pytest

from lessons_lib.live.modules import FOLDER, engine_source, module_source
from tests.live import page as live

page = live.page  # a fixture

FILES = {
    "common.js": 'const shared = "shared";\n',
    "engine/low.js": "const hidden = 1;\nlet times = 0;\nconst one = () => hidden + times++;\n"
    "export { one };\n",
    "engine/high.js": 'import { one } from "./low.js";\n\nconst hidden = 10;\n'
    "const two = () => hidden + one();\nexport {\n  two,\n};\n",
    "engine/other.js": "const unused = 1;\nexport { unused };\n",
    "figure.js": 'import { two } from "./engine/high.js";\nimport {\n  one,\n} from '
    '"./engine/low.js";\n'
    "const hidden = 100;\nexport default { numbers: () => [one(), two(), hidden] };\n",
    "plain.js": "export default { text: shared };\n",
    "parts/top.js": 'import { below } from "./below.js";\n'
    "const three = () => below + shared;\nexport { three };\n",
    "parts/below.js": 'const below = "below ";\nexport { below };\n',
    "drawn.js": 'import { three } from "./parts/top.js";\nexport default { text: three() };\n',
}


def folder_of(tmp_path, **changes):
    for room in ("engine", "parts"):
        (tmp_path / room).mkdir()
    for name, text in (FILES | changes).items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.site
def test_files_keep_their_names_to_themselves_and_are_there_once(page, tmp_path):
    source = module_source("figure", folder_of(tmp_path))
    found = page.evaluate(
        "source => import(`data:text/javascript,${encodeURIComponent(source)}`)"
        ".then((module) => module.default.numbers())",
        source,
    )
    assert found == [1, 12, 100]  # `low` counts its calls: the first is the figure's
    assert "unused" not in source


def test_a_figure_without_imports_has_no_engine(tmp_path):
    source = module_source("plain", folder_of(tmp_path))
    assert source.split() == (FILES["common.js"] + FILES["plain.js"]).split()


def test_the_whole_engine(tmp_path):
    source = engine_source(folder=folder_of(tmp_path))
    assert re.findall(r"^engine\.(\w+) = ", source, re.M) == ["low", "high", "other"]


@pytest.mark.site
def test_parts_know_what_all_figures_share_and_one_another(page, tmp_path):
    source = module_source("drawn", folder_of(tmp_path))
    found = page.evaluate(
        "source => import(`data:text/javascript,${encodeURIComponent(source)}`)"
        ".then((module) => module.default.text)",
        source,
    )
    assert found == "below shared"
    assert "parts" not in module_source("plain", tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("figure.js", 'import { x } from "./parts/none.js";\n', "a file of the parts, got none"),
        ("parts/top.js", 'import { x } from "./engine/low.js";\n', "top.js: expected imports"),
        ("figure.js", 'import { x } from "./engine/none.js";\n', "a file of the engine, got none"),
        ("figure.js", 'import { one } from "./low.js";\n', "expected imports of names"),
        ("engine/low.js", 'import { x } from "./engine/other.js";\n', "low.js: expected imports"),
        ("figure.js", 'import x from "./engine/low.js";\n', "figure.js: expected imports of names"),
        ("figure.js", 'import { x } from "https://x.org/low.js";\n', "expected imports of names"),
        ("figure.js", 'const x = await import("./engine/low.js");\n', "expected imports of names"),
        ("engine/low.js", "const one = 1;\n", "low.js: expected one 'export"),
        (
            "engine/low.js",
            "export const one = 1;\nexport { one };\n",
            "low.js: expected one 'export",
        ),
        ("engine/low.js", "export { one };\nconst one = 1;\n", "low.js: expected one 'export"),
        (
            "engine/low.js",
            'import { two } from "./high.js";\nexport { two };\n',
            r"high.js: expected no circle of imports, got \['high', 'low'\]",
        ),
    ],
)
def test_what_cannot_be_put_together_is_refused(tmp_path, name, text, message):
    folder = folder_of(tmp_path, **{name: text})
    with pytest.raises(ValueError, match=message):
        module_source("drawn" if name == "parts/top.js" else "figure", folder)


@pytest.mark.site
def test_the_engine_knows_no_page(page):
    """It runs in a worker, which has no document, and asks for nothing that only a page has."""
    found = page.evaluate(
        """async (source) => {
            const text = `${source}
                onmessage = () => postMessage([
                    Object.keys(engine), engine.sampling.softmax([0, 0]), typeof document,
                ]);`;
            const worker = new Worker(`data:text/javascript,${encodeURIComponent(text)}`);
            const answer = new Promise((resolve) => {
                worker.onmessage = ({ data }) => resolve(data);
            });
            worker.postMessage(0);
            return answer;
        }""",
        engine_source(),
    )
    files = sorted(path.stem for path in (FOLDER / "engine").glob("*.js"))
    assert [sorted(found[0]), *found[1:]] == [files, [0.5, 0.5], "undefined"]
    for path in (FOLDER / "engine").glob("*.js"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(document|window|localStorage|alert)\b", source), path.name
