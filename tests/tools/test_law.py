"""The dated file of laws and costs, and the page that is made from it; defects are planted here."""

import copy
import datetime
import re
import shutil
import subprocess
import sys

import pytest

from lessons_lib.responsibility.card import amount
from lessons_lib.responsibility.energy import facts, figure, grids
from tools import house, law

TODAY = datetime.date(2026, 12, 1)


@pytest.fixture
def data():
    """The file's content, to be changed."""
    return copy.deepcopy(facts())


def text(language):
    return (house.ROOT / "book" / language / "law.md").read_text(encoding="utf-8")


def test_nine_months_are_counted():
    day = datetime.date(2026, 11, 30)
    assert not law.stale(day, day)
    assert not law.stale(day, datetime.date(2027, 8, 30))
    assert law.stale(day, datetime.date(2027, 8, 31))
    assert law.stale(day, datetime.date(2028, 1, 1))
    assert not law.stale(datetime.date(2026, 2, 28), datetime.date(2026, 11, 28))


def test_file_and_pages_are_in_order_today():
    """Fails when the file is nine months old: check each entry anew, then change its day."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    assert law.check(house.ROOT, today) == []


def test_file_grows_old(data):
    day = data["checked_on"]
    nine_months_on = (day + datetime.timedelta(days=285)).replace(day=1)
    assert law.check_facts(data, day) == []
    (finding,) = law.check_facts(data, nine_months_on)
    assert "check each entry anew" in finding
    (finding,) = law.check_facts(data, day - datetime.timedelta(days=1))
    assert "which is to come" in finding
    for bad in ("2026-11-30", None, datetime.datetime(2026, 11, 30)):
        data["checked_on"] = bad
        (finding,) = law.check_facts(data, TODAY)
        assert "expected a day in checked_on" in finding


@pytest.mark.parametrize(("kind", "fields"), law.FIELDS.items())
def test_what_an_entry_lacks_is_found(data, kind, fields):
    entries = [one for name, _, one in law.entries(data) if name == kind]
    assert len(entries) > 4
    for field in fields:
        for empty in (True, False):
            if field in ("unit", "low", "high") and empty:
                continue  # of a ratio there is none, and 0 is a number
            entry = entries[-1]
            kept = entry.pop(field)
            if empty:
                entry[field] = type(kept)() if field != "date" else ""
            found = [one for one in law.check_facts(data, TODAY) if one.endswith(f"no {field}")]
            assert len(found) == 1, (kind, field)
            entry[field] = kept
    assert law.check_facts(data, TODAY) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"date": "2026"}, "expected a day in date, got '2026'"),
        ({"checked": "maybe"}, "expected checked to be one of text, reports, no, got 'maybe'"),
        ({"checked": "reports", "seen": ["https://a.org"]}, "which takes 2 in seen, got 1"),
        ({"checked": "reports", "seen": ["https://a.org"] * 2}, "which takes 2 in seen, got 1"),
        ({"checked": "text", "seen": ["http://a.org"]}, "expected an address, got 'http://a.org'"),
        ({"text": {"en": "Yes."}}, "text has to be said in en and es"),
        ({"text": {"en": "Yes.", "es": ""}}, "text has to be said in en and es"),
    ],
)
def test_defects_of_an_entry_are_found(data, change, finding):
    data["law"][0]["entry"][0] |= change
    (found,) = law.check_facts(data, TODAY)
    assert found.startswith(f"{law.FILE}: law ai-act, article 2(6), 2(8): ")
    assert finding in found


def test_ranges_that_are_none(data):
    for low, high in ((2, 1), (-1, 1)):
        data["figure"][0] |= {"low": low, "high": high}
        assert f"got {low} to {high}" in law.check_facts(data, TODAY)[0]


def test_what_nobody_verified_says_so(data):
    entry = data["law"][0]["entry"][0]
    entry |= {"checked": "no", "seen": []}
    assert law.check_facts(data, TODAY) == []
    for language, words in (("en", "**not verified**"), ("es", "**sin verificar**")):
        assert words in law.tables(house.ROOT, data, language)["laws"]
        assert words in text(language)  # how to read the tables


@pytest.mark.parametrize("language", house.LANGUAGES)
def test_page_that_drifts_is_found(tmp_path, language):
    for one in house.LANGUAGES:
        target = tmp_path / "book" / one / "law.md"
        target.parent.mkdir(parents=True)
        target.write_text(text(one), encoding="utf-8")
    changed = tmp_path / "book" / language / "law.md"
    for path in (house.ROOT / law.MODELS).glob("*/results.json"):
        (tmp_path / law.MODELS / path.parent.name).mkdir(parents=True)
        shutil.copy(path, tmp_path / law.MODELS / path.parent.name)
    assert law.check(tmp_path, facts()["checked_on"]) == []
    for old, new, finding in (
        ("53(1) |", "53(2) |", "stale; run python -m tools.law"),
        ("<!-- law: grids -->", "", "expected places"),
    ):
        changed.write_text(text(language).replace(old, new, 1), encoding="utf-8")
        (found,) = law.check(tmp_path, facts()["checked_on"])
        assert f"book/{language}/law.md" in found
        assert finding in found


def test_both_pages_lead_to_the_same_places():
    english, spanish = (re.findall(r"\]\((\S+?)\)", text(one)) for one in house.LANGUAGES)
    assert english == spanish
    assert len(english) > 30


def test_days_and_numbers_are_written_as_the_language_does(data):
    day = datetime.date(2026, 8, 2)
    assert law.write_day(day, "en") == "2 August 2026"
    tables = {language: law.tables(house.ROOT, data, language) for language in house.LANGUAGES}
    assert "0.74 to 3.5 W" in tables["en"]["figures"]
    assert "de 0,74 a 3,5 W" in tables["es"]["figures"]
    assert "0 to 11,390 t CO2e" in tables["en"]["figures"]
    assert "| 1 to 1.54 |" in tables["en"]["figures"]
    assert "**2 December 2027**, to come" in tables["en"]["laws"]
    assert "| 2 de agosto de 2026 |" in tables["es"]["laws"]


def test_stored_models_are_summed(data):
    models = law.spent(house.ROOT)
    assert models.keys() >= {"chat", "clip", "en", "es"}
    assert "adapter" not in models  # its time was not recorded
    minutes, threads, energy = models["en"]
    assert energy.low == pytest.approx(60 * minutes * threads * 3.5, abs=0.01)
    low, high = (sum(one[2][end] for one in models.values()) / 3600 for end in (0, 1))
    last = law.tables(house.ROOT, data, "en")["models"].splitlines()[-1]
    assert f"| {amount(low, high, {'Wh': 1}, 'en')} |" in last


@pytest.mark.parametrize("language", house.LANGUAGES)
def test_numbers_of_the_page_are_those_of_the_file(language):
    """The prose names the ends of the estimate, and how far two grids lie apart."""
    page = text(language).replace(",", ".") if language == "es" else text(language)
    ends = [figure(name)[1] for name in ("thread", "processor", "overhead")]
    assert ends == [3.5, 85, 1.54]
    assert all(f"{end:g}" in page for end in ends)
    assert {"en": "nine times", "es": "nueve veces"}[language] in page
    assert 9 <= grids()["PL"][0] / grids()["FR"][1] < 10


@pytest.mark.parametrize("language", house.LANGUAGES)
def test_cases_compute_what_they_say(language):
    blocks = re.findall(r"```python\n(.*?)```", text(language), re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        exec(compile(block, "law.md", "exec"), {})


def test_command():
    command = [sys.executable, "-m", "tools.law", "--check"]
    done = subprocess.run(command, cwd=house.ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
