"""What a DiT learns first: the stored record, and a short run of its tool."""

import json

from lessons_lib.training import Recipe
from tools import dit_first


def test_the_stored_record_is_of_the_stops():
    lines = json.loads(dit_first.STORED.read_text(encoding="utf-8"))
    assert [line["step"] for line in lines] == list(dit_first.STOPS)
    for line in lines:
        assert list(line) == ["step", *dit_first.PARTS, "rmse"]
        assert all(0 <= line[part] <= 1 for part in dit_first.PARTS)
        assert line["scene"] <= line["things"] <= min(line["names"], line["colours"])
    assert lines[-1]["rmse"] < lines[0]["rmse"] / 2


def test_a_short_run_is_measured_at_its_stops(tmp_path, monkeypatch):
    monkeypatch.setattr(dit_first, "STORED", tmp_path / "first.json")
    monkeypatch.setattr(dit_first, "STOPS", (1, 3))
    monkeypatch.setattr(dit_first, "N_TESTS", 2)
    monkeypatch.setattr(dit_first, "RECIPE", Recipe(n_steps=6, batch_size=2, matrix_lr=0.02))
    dit_first.main()
    lines = json.loads(dit_first.STORED.read_text(encoding="utf-8"))
    assert [line["step"] for line in lines] == [1, 3]
    assert all(0.1 < line["rmse"] < 0.4 for line in lines)  # nothing is learned yet
