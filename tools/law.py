"""Write the tables of the page on law and cost from the dated file.

    python -m tools.law             write the tables into book/en and book/es
    python -m tools.law --check     change nothing, list what is stale or lacks its source

Laws with their articles and days, licences, figures and grids stand in
`lessons_lib/responsibility/law.toml`, both languages side by side, each with its source and with
how it was checked. What the stored models cost is calculated from their `results.json`. A table
stands between `<!-- law: NAME -->` and `<!-- end of law -->`.
"""

import argparse
import datetime
import json
import re
from collections.abc import Iterator
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.responsibility.card import amount, number
from lessons_lib.responsibility.energy import Energy, carbon, estimated_energy, facts
from tools import house

FILE = "lessons_lib/responsibility/law.toml"
MODELS = "lessons_lib/models"
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
    "diciembre",
}
NEEDED = {"text": 1, "reports": 2, "no": 0}  # addresses that each way of checking has to name
FIELDS = {  # what an entry of each kind has to have
    "law": ("id", "place", "name", "note", "source", "entry"),
    "entry": ("article", "date", "text", "checked", "seen"),
    "pending": ("place", "name", "article", "date", "text", "checked", "seen"),
    "licence": ("name", "of", "text", "source", "checked", "seen"),
    "figure": ("id", "name", "low", "high", "unit", "year", "text", "source", "checked", "seen"),
    "grid": ("id", "name", "low", "high", "year", "source", "checked", "seen"),
}
WORDS = {
    "en": {
        "date": "Checked on {}.",
        "day": "{day} {month} {year}",
        "not yet": "**{}**, to come",
        "source": "source",
        "where": "[Where it stands]({}).",
        "law": ("Article", "Applies from", "What it says", "Checked"),
        "pending": ("What", "Article", "State of", "What it would change", "Checked"),
        "licence": ("Licence", "Of what", "What it asks", "Source, check"),
        "figure": ("What", "How much", "What is counted", "Year", "Source, check"),
        "grid": ("Grid", "g CO2e per kWh", "Years", "Source, check"),
        "models": ("Model", "Minutes × threads", "Energy", "CO2e, all grids", "CO2e, Spain"),
        "total": "**Together**",
        "range": "{} to {}",
        "text": "wording",
        "reports": "{} reports",
        "no": "**not verified**",
    },
    "es": {
        "date": "Comprobado el {}.",
        "day": "{day} de {month} de {year}",
        "not yet": "**{}**, por venir",
        "source": "fuente",
        "where": "[Dónde está]({}).",
        "law": ("Artículo", "Se aplica desde", "Qué dice", "Comprobado"),
        "pending": ("Qué", "Artículo", "Situación el", "Qué cambiaría", "Comprobado"),
        "licence": ("Licencia", "De qué", "Qué pide", "Fuente, comprobación"),
        "figure": ("Qué", "Cuánto", "Qué se cuenta", "Año", "Fuente, comprobación"),
        "grid": ("Red", "g CO2e por kWh", "Años", "Fuente, comprobación"),
        "models": ("Modelo", "Minutos × hilos", "Energía", "CO2e, todas las redes", "CO2e, España"),
        "total": "**Juntos**",
        "range": "de {} a {}",
        "text": "texto leído",
        "reports": "{} fuentes",
        "no": "**sin verificar**",
    },
}


def stale(day: datetime.date, today: datetime.date) -> bool:
    """Whether more than nine months lie between two days.

    >>> stale(datetime.date(2026, 11, 30), datetime.date(2027, 8, 30))
    False
    >>> stale(datetime.date(2026, 11, 30), datetime.date(2027, 8, 31))
    True
    """
    months = 12 * (today.year - day.year) + today.month - day.month
    return months > 9 or (months == 9 and today.day > day.day)


# ---------------------------------------------------------------- the file


def entries(data: dict) -> Iterator[tuple[str, str, dict]]:
    """Yield each entry of the file: its kind, what it is called in a finding, and itself."""
    for kind in FIELDS:
        for place, one in enumerate(data.get(kind, []), 1):
            name = one.get("id") or one.get("name", {}).get("en") or f"number {place}"
            yield kind, f"{kind} {name}", one
            for entry in one.get("entry", []) if kind == "law" else []:
                yield "entry", f"law {name}, article {entry.get('article')}", entry


def check_facts(data: dict, today: datetime.date) -> list[str]:
    """List what the file lacks: days, articles, sources, a language, or that it is too old."""
    findings = []
    day = data.get("checked_on")
    if not _is_day(day):
        findings.append(f"{FILE}: expected a day in checked_on, got {day!r}")
    elif day > today:
        findings.append(f"{FILE}: checked on {day}, which is to come")
    elif stale(day, today):
        findings.append(f"{FILE}: checked on {day}: check each entry anew, then change the day")
    for kind, name, entry in entries(data):
        findings += [f"{FILE}: {name}: {what}" for what in _lacks(kind, entry)]
    return findings


def _is_day(day: object) -> bool:
    return isinstance(day, datetime.date) and not isinstance(day, datetime.datetime)


def _lacks(kind: str, entry: dict) -> Iterator[str]:
    for field in FIELDS[kind]:
        may_be_empty = field == "unit" or (field == "seen" and entry.get("checked") == "no")
        if field not in entry or (entry[field] in ("", [], {}) and not may_be_empty):
            yield f"no {field}"
    for field in ("place", "name", "note", "text", "of"):
        texts = entry.get(field)
        if texts and (sorted(texts) != sorted(house.LANGUAGES) or not all(texts.values())):
            yield f"{field} has to be said in {' and '.join(house.LANGUAGES)}"
    if "date" in entry and not _is_day(entry["date"]):
        yield f"expected a day in date, got {entry['date']!r}"
    for url in [entry.get("source", "https://"), *entry.get("seen", [])]:
        if not url.startswith("https://"):
            yield f"expected an address, got {url!r}"
    if kind != "law":
        checked, seen = entry.get("checked"), set(entry.get("seen", []))
        if checked not in NEEDED:
            yield f"expected checked to be one of {', '.join(NEEDED)}, got {checked!r}"
        elif len(seen) < NEEDED[checked]:
            yield f"checked by {checked}, which takes {NEEDED[checked]} in seen, got {len(seen)}"
    if "low" in entry and "high" in entry and not 0 <= entry["low"] <= entry["high"]:
        yield f"expected a range, got {entry['low']} to {entry['high']}"


# ---------------------------------------------------------------- the tables


def write_day(day: datetime.date, language: str) -> str:
    """Write a day as the language does.

    >>> write_day(datetime.date(2026, 8, 2), "es")
    '2 de agosto de 2026'
    """
    month = MONTHS[language].split()[day.month - 1]
    return WORDS[language]["day"].format(day=day.day, month=month, year=day.year)


def _number(value: float, language: str) -> str:
    """Write a number with the digits it has in the file."""
    text = f"{value:f}".rstrip("0") if isinstance(value, float) else f"{value}."
    return number(value, language, len(text.partition(".")[2]))


def _range(entry: dict, language: str) -> str:
    ends = [_number(entry[end], language) for end in ("low", "high")]
    return ends[0] if ends[0] == ends[1] else WORDS[language]["range"].format(*ends)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _how(entry: dict, language: str) -> str:
    words = WORDS[language]
    told = words[entry["checked"]].format(len(entry["seen"]))
    return f"[{words['source']}]({entry['source']}); {told}" if "source" in entry else told


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    rule = "|" + "---|" * len(heads)
    lines = [heads, *rows]
    head, *rest = ["| " + " | ".join(cells) + " |" for cells in lines]
    return "\n".join([head, rule, *rest])


def tables(root: Path, data: dict, language: str) -> dict[str, str]:
    """Return by name what stands in the page's places."""
    words = WORDS[language]

    def when(day: datetime.date) -> str:
        text = write_day(day, language)
        return words["not yet"].format(text) if day > data["checked_on"] else text

    laws = [
        f"### {law['place'][language]}: {law['name'][language]}\n\n"
        f"{law['note'][language]} {words['where'].format(law['source'])}\n\n"
        + _table(
            words["law"],
            [
                (
                    entry["article"],
                    when(entry["date"]),
                    entry["text"][language],
                    _how(entry, language),
                )
                for entry in law["entry"]
            ],
        )
        for law in data["law"]
    ]
    pending = [
        (
            f"{one['place'][language]}: {one['name'][language]}",
            one["article"],
            write_day(one["date"], language),
            one["text"][language],
            _how(one, language),
        )
        for one in data["pending"]
    ]
    licences = [
        (one["name"][language], one["of"][language], one["text"][language], _how(one, language))
        for one in data["licence"]
    ]
    figures = [
        (
            _capital(one["name"][language]),
            f"{_range(one, language)} {one['unit']}".strip(),
            one["text"][language],
            one["year"],
            _how(one, language),
        )
        for one in data["figure"]
    ]
    grids = [
        (_capital(one["name"][language]), _range(one, language), one["year"], _how(one, language))
        for one in data["grid"]
    ]
    return {
        "date": words["date"].format(write_day(data["checked_on"], language)),
        "laws": "\n\n".join(laws),
        "pending": _table(words["pending"], pending),
        "licences": _table(words["licence"], licences),
        "figures": _table(words["figure"], figures),
        "grids": _table(words["grid"], grids),
        "models": _table(words["models"], _models(root, language)),
    }


def spent(root: Path) -> dict[str, tuple[float, int, Energy]]:
    """Return by stored model its minutes, its threads and its energy, where they were recorded."""
    found = {}
    for path in sorted((root / MODELS).glob("*/results.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        if "minutes" in told:
            energy = estimated_energy(60 * told["minutes"], told["threads"])
            found[path.parent.name] = (told["minutes"], told["threads"], energy)
    return found


def _models(root: Path, language: str) -> list[tuple[str, ...]]:
    models = spent(root)
    total = Energy(*(sum(one[2][end] for one in models.values()) for end in (0, 1)), "estimate")

    def costs(energy: Energy) -> tuple[str, ...]:
        grams = {"g": 1}
        return (
            amount(energy.low, energy.high, {"Wh": 3600}, language),
            amount(*carbon(energy), grams, language),
            amount(*carbon(energy, "ES"), grams, language),
        )

    rows = [
        (f"`{name}`", f"{number(minutes, language, 1)} × {threads}", *costs(energy))
        for name, (minutes, threads, energy) in models.items()
    ]
    return [*rows, (WORDS[language]["total"], "", *costs(total))]


def page(root: Path, data: dict, language: str, text: str) -> str:
    """Return the page with its tables made anew.

    Raises:
        ValueError: a table has no place, or a place no table.
    """
    made = tables(root, data, language)
    found = re.findall(r"<!-- law: (.+?) -->", text)
    if sorted(found) != sorted(made):
        raise ValueError(f"book/{language}/law.md: expected places {[*made]}, got {found}")
    return re.sub(
        r"(<!-- law: (.+?) -->\n).*?(<!-- end of law -->)",
        lambda place: f"{place[1]}\n{made[place[2]]}\n\n{place[3]}",
        text,
        flags=re.DOTALL,
    )


# ---------------------------------------------------------------- checking


def check(root: Path, today: datetime.date) -> list[str]:
    """List what the file lacks; if nothing, the pages that do not say what it says."""
    data = facts()
    if findings := check_facts(data, today):
        return findings
    for language in house.LANGUAGES:
        path = root / "book" / language / "law.md"
        text = path.read_text(encoding="utf-8")
        try:
            if page(root, data, language, text) != text:
                findings.append(f"{house.where(root, path)}: stale; run python -m tools.law")
        except ValueError as error:
            findings.append(str(error))
    return findings


def main(arguments: list[str] | None = None) -> int:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, list what is stale")
    options = parser.parse_args(arguments)
    root, today = house.ROOT, datetime.datetime.now(tz=datetime.UTC).date()
    if options.check:
        return house.report(check(root, today))
    if findings := check_facts(facts(), today):
        return house.report(findings)
    for language in house.LANGUAGES:
        path = root / "book" / language / "law.md"
        text = page(root, facts(), language, path.read_text(encoding="utf-8"))
        write_atomic(path, text.encode())
    return 0


if __name__ == "__main__":
    console.run(main)
