"""A model card from what a run wrote down, with what it did not write down named as missing."""

import json
import math
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from lessons_lib.base.checkpoints import read_checkpoint
from lessons_lib.base.files import write_atomic
from lessons_lib.base.validation import check_number, check_text
from lessons_lib.responsibility.energy import (
    Energy,
    carbon,
    estimated_energy,
    facts,
    figure,
    grids,
    read_energy,
)

BROKEN = (  # what reading a file that is not whole raises
    *(ValueError, KeyError, TypeError, IndexError, AttributeError),
    *(OverflowError, RecursionError, OSError),
)
MISSING = {"en": "*not recorded*", "es": "*no consta*"}
NAMES = {"en": "CARD.md", "es": "CARD.es.md"}
LINES = {
    "en": {
        "title": "Model card",
        "made": "Made by `python -m lessons_lib.responsibility card` from files of this "
        "folder: {files}. What they do not say is marked.",
        "model": "The model",
        "architecture": "Architecture",
        "parameters": "Parameters",
        "sizes": "Sizes",
        "vocabulary": "Tokens in the vocabulary",
        "context": "Longest text it reads, in tokens",
        "data": "Training data",
        "source": "Source",
        "language": "Language",
        "licence": "Licence or right to use it",
        "size": "Tokens, each counted once",
        "read": "Tokens read in training",
        "personal": "Personal data in it, and what was done about them",
        "removed": "What was left out, and how (duplicates, test questions)",
        "training": "Training",
        "steps": "Steps",
        "time": "Time",
        "recipe": "Settings",
        "energy": "Energy and carbon",
        "counters": "{energy}, by the counters of the processor; {carbon} of CO2 equivalent{grid}",
        "meter": "{energy}, by a power meter; {carbon} of CO2 equivalent{grid}",
        "estimate": "{energy}, an estimate: at the least {thread} W for each thread, at the most "
        "{processor} W for the processor, times {overhead} for its room; {carbon} of CO2 "
        "equivalent{grid}",
        "between": "{} to {}",
        "somewhere": " (from the cleanest to the dirtiest grid of the page on law and cost)",
        "there": " (electricity: {}, {})",
        "results": "What was measured",
        "first": "Training loss of the first step, nats per token",
        "last": "Training loss of the last step, nats per token",
        "validation": "Last validation loss, nats per token",
        "use": "Use",
        "meant": "Meant for",
        "limits": "Known limits and biases",
        "ask": "Whom to ask",
        "summary": "Summary of the training content",
        "law": "The table *Training data* answers, for a model of this size, what Article 53(1)(d) "
        "of Regulation (EU) 2024/1689 asks of providers of general-purpose models. It is no legal "
        "advice.",
    },
    "es": {
        "title": "Ficha del modelo",
        "made": "Hecha por `python -m lessons_lib.responsibility card` a partir de los archivos de "
        "esta carpeta: {files}. Lo que no dicen está señalado.",
        "model": "El modelo",
        "architecture": "Arquitectura",
        "parameters": "Parámetros",
        "sizes": "Tamaños",
        "vocabulary": "Tokens del vocabulario",
        "context": "Texto más largo que lee, en tokens",
        "data": "Datos de entrenamiento",
        "source": "Procedencia",
        "language": "Idioma",
        "licence": "Licencia o derecho a usarlos",
        "size": "Tokens, contados una vez",
        "read": "Tokens leídos en el entrenamiento",
        "personal": "Datos personales que contienen y qué se hizo con ellos",
        "removed": "Qué se dejó fuera y cómo (duplicados, preguntas de examen)",
        "training": "Entrenamiento",
        "steps": "Pasos",
        "time": "Tiempo",
        "recipe": "Ajustes",
        "energy": "Energía y carbono",
        "counters": "{energy}, según los contadores del procesador; {carbon} de CO2 "
        "equivalente{grid}",
        "meter": "{energy}, según un medidor de consumo; {carbon} de CO2 equivalente{grid}",
        "estimate": "{energy}, estimación: como mínimo {thread} W por hilo; como máximo "
        "{processor} W por el procesador, por {overhead} de la sala; {carbon} de CO2 "
        "equivalente{grid}",
        "between": "de {} a {}",
        "somewhere": " (de la red más limpia a la más sucia de la página de leyes y costes)",
        "there": " (electricidad: {}, {})",
        "results": "Lo que se midió",
        "first": "Pérdida del primer paso, en nats por token",
        "last": "Pérdida del último paso, en nats por token",
        "validation": "Última pérdida de validación, en nats por token",
        "use": "Uso",
        "meant": "Pensado para",
        "limits": "Límites y sesgos conocidos",
        "ask": "A quién preguntar",
        "summary": "Resumen del contenido de entrenamiento",
        "law": "La tabla *Datos de entrenamiento* responde, para un modelo de este tamaño, a lo "
        "que el artículo 53, apartado 1, letra d), del Reglamento (UE) 2024/1689 pide a los "
        "proveedores de modelos de uso general. No es asesoramiento jurídico.",
    },
}
SECTIONS = {
    "model": ("architecture", "parameters", "sizes", "vocabulary", "context"),
    "data": ("source", "language", "licence", "size", "read", "personal", "removed"),
    "training": ("steps", "time", "recipe", "energy"),
    "results": ("first", "last", "validation"),
    "use": ("meant", "limits", "ask"),
}


def write_card(folder: str | os.PathLike, language: str = "en", grid: str | None = None) -> Path:
    """Write a model card into the folder of a model or a run, and return its path.

    It says what these files say: `config.json` and `model.safetensors` (a model's), `record.jsonl`,
    `results.json` and `checkpoint.pt` (a run's), `energy.json` (what was measured of a run:
    `write_energy`), and `facts.json`, an object in which texts can be given for the entries of
    `SECTIONS`, such as "licence". Each is optional, and a later one knows better; what none of them
    says stands in the card as not recorded. Without a measured energy, the time of the run gives a
    range (`estimated_energy`). A card that is there is written anew.

    Args:
        folder: of a model, of a run, or of both.
        language: "en" or "es".
        grid: the country whose electricity it was, one of `grids`; without one, the carbon is a
            range over all of them.

    Raises:
        ValueError: no folder, another language or country, a folder without any of these files, or
            a broken one, by name.
    """
    if not isinstance(folder, str | os.PathLike) or folder == "":
        raise ValueError(f"expected a folder, got {folder!r:.80}")
    if language not in [*LINES]:
        raise ValueError(f"expected a language among {[*LINES]}, got {language!r}")
    if grid is not None and grid not in [*grids()]:
        raise ValueError(f"expected a grid among {', '.join(grids())}, got {grid!r}")
    path = Path(folder)
    said, files = {}, []
    for name, read in READERS.items():
        if (path / name).exists():
            files.append(name)
            try:
                said |= read(path / name, language)
            except BROKEN as error:
                raise ValueError(f"expected {path / name} to be whole, got: {error!r}") from None
    if not files:
        raise ValueError(f"expected {', '.join(READERS)} or some of them in {path}, got none")
    if isinstance(said.get("energy"), Energy):
        said["energy"] = spent(said["energy"], language, grid)
    words = LINES[language]
    lines = [f"# {words['title']}", "", words["made"].format(files=", ".join(files)), ""]
    for section, entries in SECTIONS.items():
        lines += [f"## {words[section]}", "", "| | |", "|---|---|"]
        for entry in entries:
            value = in_cell(said[entry]) if said.get(entry) else MISSING[language]
            lines.append(f"| {words[entry]} | {value} |")
        lines.append("")
    lines += [f"## {words['summary']}", "", words["law"], ""]
    card = path / NAMES[language]
    write_atomic(card, "\n".join(lines).encode())
    return card


def in_cell(text: str) -> str:
    r"""Return a text so that it stays in its cell of a table: one line, without tags.

    >>> print(in_cell("a|b\r# c <i>"))
    a\|b # c &lt;i>
    """
    return re.sub(r"\\*\|", r"\\|", " ".join(text.splitlines())).replace("<", "&lt;")


def number(value: float, language: str, digits: int = 0) -> str:
    r"""Write a number as the language does.

    Raises:
        ValueError: no finite number.

    >>> number(1234567, "es"), number(1234.5, "es", 1), number(1234.5, "en", 1)
    ('1\u202f234\u202f567', '1234,5', '1,234.5')
    """
    text = f"{check_number('a number of the card', value):,.{digits}f}"
    if language == "en":
        return text
    whole, _, rest = text.partition(".")
    whole = whole.replace(",", "" if abs(value) < 10_000 else "\u202f")
    return f"{whole},{rest}" if rest else whole


def amount(low: float, high: float, units: dict[str, float], language: str) -> str:
    """Write a range with two significant digits, in the largest of some units that fits its end.

    >>> amount(12600, 471240, {"J": 1, "Wh": 3600}, "en"), amount(5, 5, {"J": 1}, "en")
    ('3.5 to 130 Wh', '5 J')
    """
    unit, size = max(
        ((unit, size) for unit, size in units.items() if high >= size),
        key=lambda pair: pair[1],
        default=min(units.items(), key=lambda pair: pair[1]),
    )
    ends = []
    for value in (low / size, high / size):
        digits = 1 - math.floor(math.log10(value)) if value else 0
        rounded = round(value, digits)
        kept = max(digits, 0) if rounded % 1 else 0
        ends.append(number(rounded, language, kept))
    text = LINES[language]["between"].format(*ends) if ends[0] != ends[1] else ends[0]
    return f"{text} {unit}"


def spent(energy: Energy, language: str, grid: str | None = None) -> str:
    """Write the energy of a run and the carbon of making it, with how it is known."""
    words = LINES[language]
    place = words["somewhere"]
    for one in facts()["grid"]:
        if one["id"] == grid:
            place = words["there"].format(one["name"][language], one["year"])
    return words[energy.how].format(
        energy=amount(energy.low, energy.high, {"J": 1, "Wh": 3600, "kWh": 3.6e6}, language),
        carbon=amount(*carbon(energy, grid), {"mg": 1e-3, "g": 1, "kg": 1e3, "t": 1e6}, language),
        grid=place,
        thread=number(figure("thread")[1], language, 1),
        processor=number(figure("processor")[1], language),
        overhead=number(figure("overhead")[1], language, 2),
    )


def _entries(path: Path) -> Mapping[str, Any]:
    """Read entries with names.

    Raises:
        ValueError: something else.
    """
    found = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise ValueError(f"expected entries with names, got {found!r:.60}")
    return found


def _read_config(path: Path, language: str) -> dict[str, str]:
    config = _entries(path)
    said = config.get("architectures") or config.get("_class_name") or config["model_type"]
    architecture = ", ".join([said] if isinstance(said, str) else said)
    sizes = ("num_hidden_layers", "n_layer", "hidden_size", "n_embd", "num_attention_heads")
    named = [f"{name} {config[name]}" for name in (*sizes, "n_head") if name in config]
    said = {"architecture": architecture, "sizes": ", ".join(named)}
    if "vocab_size" in config:
        said["vocabulary"] = number(config["vocab_size"], language)
    context = config.get("max_position_embeddings", config.get("n_positions"))
    return said if context is None else said | {"context": number(context, language)}


def _read_weights(path: Path, language: str) -> dict[str, str]:
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > path.stat().st_size - 8:
            raise ValueError("a header that is longer than the file")
        tensors = json.loads(file.read(size))
    entries = [entry for name, entry in tensors.items() if name != "__metadata__"]
    shapes, ends = ([e["shape"] for e in entries], [e["data_offsets"][1] for e in entries])
    if path.stat().st_size != 8 + size + max(ends, default=0):
        raise ValueError(f"expected {max(ends, default=0)} bytes of weights, got others")
    return {"parameters": number(sum(math.prod(shape) for shape in shapes), language)}


def _read_record(path: Path, language: str) -> dict[str, str | Energy]:
    rows = path.read_text(encoding="utf-8").split("\n")
    lines = [json.loads(row) for row in rows if row.strip()]
    if not lines:
        return {}
    first, last = lines[0], lines[-1]
    stages = {line.get("stage"): line for line in lines}.values()  # each counts from 1 again
    said = {
        "steps": number(sum(line["step"] for line in stages), language),
        "last": number(last["loss"], language, 3),
    }
    if "tokens" in last:
        said["read"] = number(sum(line["tokens"] for line in stages), language)
    if "seconds" in last:
        said |= _took(sum(line["seconds"] for line in stages))
    if first["step"] == 1:  # a stored record may keep only every tenth line
        said["first"] = number(first["loss"], language, 3)
    measured = [line["validation"] for line in lines if "validation" in line]
    return said | ({"validation": number(measured[-1], language, 3)} if measured else {})


def _took(seconds: float, threads: int = 1) -> dict[str, str | Energy]:
    energy = estimated_energy(seconds, threads)
    return {"time": str(timedelta(seconds=round(seconds))), "energy": energy}


def _read_results(path: Path, language: str) -> dict[str, str | Energy]:
    results = _entries(path)
    names = {"steps": "steps", "read": "tokens"}
    said = {
        entry: number(results[name], language) for entry, name in names.items() if name in results
    }
    if "minutes" in results:
        said |= _took(60 * results["minutes"], results.get("threads", 1))
    return said


def _read_checkpoint(path: Path, language: str) -> dict[str, str]:
    settings = read_checkpoint(path)["settings"]
    recipe = {k.removeprefix("recipe."): v for k, v in settings.items() if k.startswith("recipe.")}
    return {
        "size": number(settings["data.tokens"], language),
        "recipe": ", ".join(f"`{k}` {v}" for k, v in recipe.items() if v is not None),
    }


def _read_energy(path: Path, _language: str) -> dict[str, Energy]:
    return {"energy": read_energy(path)}


def _read_facts(path: Path, _language: str) -> dict[str, str]:
    said = _entries(path)
    known = {entry for entries in SECTIONS.values() for entry in entries}
    for name, text in said.items():
        if name not in known or not isinstance(text, str):
            raise ValueError(
                f"expected texts for some of {sorted(known)}, got {name}: {text!r:.60}"
            )
        check_text(text)
    return said


READERS = {
    "config.json": _read_config,
    "model.safetensors": _read_weights,
    "record.jsonl": _read_record,
    "results.json": _read_results,
    "checkpoint.pt": _read_checkpoint,
    "energy.json": _read_energy,
    "facts.json": _read_facts,
}
