"""The pages on projects and on a course: their code runs, and their hours are those of the path."""

import re
import tomllib

import pytest

from lessons_lib.responsibility import bias
from lessons_lib.training import command
from tools import house, teaching

PAGES = {lang: house.ROOT / "book" / lang / "projects.md" for lang in house.LANGUAGES}
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
SMALLER = {  # what makes the code of the page quick
    "story_questions(60,": "story_questions(2,",
    "sample(200,": "sample(2,",
    '("Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q4_0", "MXFP4")': '("Q8_0", "Q4_0")',
    "draw_scenes(3000,": "draw_scenes(40,",
    "scene_model(texts, seed)": "scene_model(texts, seed, n_steps=1)",
    "draw_scenes(60,": "draw_scenes(4,",
}


def blocks(language="en"):
    return BLOCK.findall(PAGES[language].read_text(encoding="utf-8"))


def test_the_code_of_the_projects_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = "The hen sat by the well. A fox came by and asked for the lamp.\n" * 60
    (tmp_path / "mine.txt").write_text(text, encoding="utf-8")
    english = PAGES["en"].read_text(encoding="utf-8")
    train = re.search(r"^python -m lessons_lib\.training (.*)$", english, re.M)[1]
    small = "--steps 1 --d-model 16 --n-layers 1 --n-heads 2 --context 16 --vocab-size 300"
    command.main([*train.replace("--minutes 10", "").split(), *small.split()])
    used = set()
    for block in blocks():
        for long, short in SMALLER.items():
            used |= {long} if long in block else set()
            block = block.replace(long, short)
        exec(compile(block, "projects.md", "exec"), {})
    assert used == SMALLER.keys()
    out = capsys.readouterr().out
    assert re.search(r"^4 \d\.\d+$", out, re.M)  # counting with order 4
    assert "0 2 Accuracy" in out
    assert re.search(r"^Q4_0 4\.5 -?\d", out, re.M)
    assert "Interval(mean=" in out
    assert bias.Odds(brave_she=0.2, brave_he=0.3).brave_he == 0.3  # as the page plants them


@pytest.mark.parametrize("language", house.LANGUAGES)
def test_steps_and_presentations_take_the_hours_of_the_path(language):
    phrases = tomllib.loads((house.ROOT / teaching.PHRASES).read_text(encoding="utf-8"))
    weeks = [week for week in phrases["paths"]["14 weeks"] if language in week]
    minutes = sum(week["class_minutes"] + week["home_minutes"] for week in weeks)
    text = PAGES[language].read_text(encoding="utf-8")
    said = re.search(r"(\d+) (?:hours|horas).*?(\d+)½.*?(\d+)½", text)
    whole, work, talk = int(said[1]), int(said[2]) + 0.5, int(said[3]) + 0.5
    assert whole == work + talk == minutes / 60
    assert weeks[-1]["class_minutes"] == 60 * talk
    projects = re.split(r"^## ", text, flags=re.M)[2:]
    assert len(projects) == 4
    for project in projects:
        hours = re.findall(r"\((\d*)(½?)\u00a0h\)", project)
        assert sum(int(n or 0) + bool(half) / 2 for n, half in hours) == work, project[:30]
        assert len(re.findall(r"^\| ", project, re.M)) == 2  # its own criterion
