"""What of a notebook is a student's answer, and what is the book's."""

import json

from lessons_lib.classroom.marking import mark
from tests.classroom.test_marking import COUNT_NEXT, MOST_LIKELY, RIGHT, only, write_notebook


def test_a_folded_cell_may_hold_a_helper_and_a_solution_does_not_count(tmp_path):
    helper = "def places_of(text, context):\n    return range(len(text) - len(context))"
    answer = COUNT_NEXT.replace("range(len(text) - len(context))", "places_of(text, context)")
    path = write_notebook(tmp_path / "ana.ipynb", *RIGHT[:2], helper, answer, MOST_LIKELY)
    content = json.loads(path.read_text())
    content["cells"][2]["metadata"] = {"tags": ["hide-cell"]}
    content["cells"][4] |= {"source": f"{MOST_LIKELY}\n\n\ncheck_most_likely(most_likely)"}
    content["cells"][4]["metadata"] = {"tags": ["hide-cell"]}
    path.write_text(json.dumps(content))
    marks = mark(path)
    assert only(marks, "count_next").right
    assert not only(marks, "most_likely").right
