"""A model card from what a run wrote down, with what it did not write down named as missing."""

import json
import math
import os
from datetime import timedelta
from pathlib import Path

from lessons_lib.base.checkpoints import read_checkpoint
from lessons_lib.base.files import write_atomic

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
        "energy": "Energy",
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
        "energy": "Energía",
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


def write_card(folder: str | os.PathLike, language: str = "en") -> Path:
    """Write a model card into the folder of a model or a run, and return its path.

    It says what these files say: `config.json` and `model.safetensors` (a model's), `record.jsonl`
    and `checkpoint.pt` (a run's), and `facts.json`, an object in which texts can be given for the
    entries of `SECTIONS`, such as "licence". Each is optional; what none of them says stands in the
    card as not recorded. A card that is there is written anew.

    Args:
        folder: of a model, of a run, or of both.
        language: "en" or "es".

    Raises:
        ValueError: another language, a folder without any of these files, or a broken one, by name.
    """
    if language not in LINES:
        raise ValueError(f"expected a language among {[*LINES]}, got {language!r}")
    path = Path(folder)
    facts, files = {}, []
    for name, read in READERS.items():
        if (path / name).exists():
            files.append(name)
            try:
                facts |= read(path / name, language)
            except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
                raise ValueError(f"expected {path / name} to be whole, got: {error!r}") from None
    if not files:
        raise ValueError(f"expected {', '.join(READERS)} or some of them in {path}, got none")
    words = LINES[language]
    lines = [f"# {words['title']}", "", words["made"].format(files=", ".join(files)), ""]
    for section, entries in SECTIONS.items():
        lines += [f"## {words[section]}", "", "| | |", "|---|---|"]
        for entry in entries:
            value = str(facts.get(entry, MISSING[language]))
            value = value.replace("|", "\\|").replace("\n", " ")
            lines.append(f"| {words[entry]} | {value} |")
        lines.append("")
    lines += [f"## {words['summary']}", "", words["law"], ""]
    card = path / NAMES[language]
    write_atomic(card, "\n".join(lines).encode())
    return card


def number(value: float, language: str, digits: int = 0) -> str:
    r"""Write a number as the language does.

    >>> number(1234567, "es"), number(1234.5, "es", 1), number(1234.5, "en", 1)
    ('1\u202f234\u202f567', '1234,5', '1,234.5')
    """
    text = f"{value:,.{digits}f}"
    if language == "en":
        return text
    whole, _, rest = text.partition(".")
    whole = whole.replace(",", "" if abs(value) < 10_000 else "\u202f")
    return f"{whole},{rest}" if rest else whole


def _read_config(path: Path, language: str) -> dict[str, str]:
    config = json.loads(path.read_bytes())
    architecture = ", ".join(config.get("architectures") or [config["model_type"]])
    sizes = ("num_hidden_layers", "n_layer", "hidden_size", "n_embd", "num_attention_heads")
    named = [f"{name} {config[name]}" for name in (*sizes, "n_head") if name in config]
    facts = {"architecture": architecture, "sizes": ", ".join(named)}
    if "vocab_size" in config:
        facts["vocabulary"] = number(config["vocab_size"], language)
    context = config.get("max_position_embeddings", config.get("n_positions"))
    return facts if context is None else facts | {"context": number(context, language)}


def _read_weights(path: Path, language: str) -> dict[str, str]:
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > path.stat().st_size - 8:
            raise ValueError("a header that is longer than the file")
        tensors = json.loads(file.read(size))
    shapes = [entry["shape"] for name, entry in tensors.items() if name != "__metadata__"]
    return {"parameters": number(sum(math.prod(shape) for shape in shapes), language)}


def _read_record(path: Path, language: str) -> dict[str, str]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if not lines:
        return {}
    first, last = lines[0], lines[-1]
    facts = {
        "steps": number(last["step"], language),
        "read": number(last["tokens"], language),
        "time": str(timedelta(seconds=round(last["seconds"]))),
        "last": number(last["loss"], language, 3),
    }
    if first["step"] == 1:  # a stored record may keep only every tenth line
        facts["first"] = number(first["loss"], language, 3)
    measured = [line["validation"] for line in lines if "validation" in line]
    return facts | ({"validation": number(measured[-1], language, 3)} if measured else {})


def _read_checkpoint(path: Path, language: str) -> dict[str, str]:
    settings = read_checkpoint(path)["settings"]
    recipe = {k.removeprefix("recipe."): v for k, v in settings.items() if k.startswith("recipe.")}
    return {
        "size": number(settings["data.tokens"], language),
        "recipe": ", ".join(f"`{k}` {v}" for k, v in recipe.items() if v is not None),
    }


def _read_facts(path: Path, _language: str) -> dict[str, str]:
    facts = json.loads(path.read_bytes())
    known = {entry for entries in SECTIONS.values() for entry in entries}
    for name, text in facts.items():
        if name not in known or not isinstance(text, str):
            raise ValueError(
                f"expected texts for some of {sorted(known)}, got {name}: {text!r:.60}"
            )
    return facts


READERS = {
    "config.json": _read_config,
    "model.safetensors": _read_weights,
    "record.jsonl": _read_record,
    "checkpoint.pt": _read_checkpoint,
    "facts.json": _read_facts,
}
