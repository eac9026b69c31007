"""Measure the evening's runs, plan larger ones, and write both into the page `evenings`.

    python -m tools.evenings measure quijote quijote-model quijote.log
    python -m tools.evenings            write the tables and pictures into book/en and book/es
    python -m tools.evenings --check    change nothing, list what is stale

`measure` takes the folder that the training command wrote and what it printed. It writes the model
as GGUF files into the folder, measures each on the text's last tenth, and stores all of it in
`tools/evenings.json`. A table stands between `<!-- evenings: NAME -->` and `<!-- end of evenings
-->`. The plans are computed by the formulas of `lessons_lib.scaling`; nobody ran them.
"""

import argparse
import json
import math
import re
from pathlib import Path

import matplotlib.pyplot as plt

from lessons_lib.base import console, language
from lessons_lib.base.files import write_atomic
from lessons_lib.corpus.texts import load_text
from lessons_lib.figures.ink import svg_of
from lessons_lib.figures.plots import Figure, curves
from lessons_lib.gguf import load_gguf, write_gguf
from lessons_lib.gpt import GPTConfig, gpt_parameters
from lessons_lib.llama import Llama, LlamaConfig, llama_parameters
from lessons_lib.responsibility import card
from lessons_lib.scaling import activation_memory, model_flops, training_memory, training_seconds
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import Windows, evaluate
from tools import house

FILE = "tools/evenings.json"
TYPES = ("F32", "Q8_0", "Q4_0")
NGRAMS = {  # bits per byte by order, as the chapter on n-grams prints them
    "quijote": {1: 3.10, 2: 2.16, 3: 1.87, 4: 1.90},
    "shakespeare": {1: 3.65, 2: 2.57, 3: 2.34, 4: 2.40},
}
COMMAND = (
    "python -m lessons_lib.training --text {name} --vocab-size {vocab_size} --d-model {d_model} "
    "--n-layers {n_layers} --context {context} --minutes 10 --every {every} --out {name}-model"
)
RECIPES = {
    "quijote": {"vocab_size": 1024, "d_model": 128, "n_layers": 4, "context": 128, "every": 250},
    "shakespeare": {"vocab_size": 512, "d_model": 128, "n_layers": 4, "context": 128, "every": 250},
}
CARDS = {  # peak in 16-bit products, gigabytes
    "RTX 4090": (165.2e12, 24),
    "A100": (312e12, 80),
    "H100": (989e12, 80),
}
SHARE, READINGS, BYTES_PER_TOKEN = 0.4, 4, 4
PLANS = (  # bytes of text; width, layers, heads; windows at a time
    (0.1e9, (256, 4, 4), 64),
    (1e9, (512, 12, 8), 32),
    (3e9, (768, 12, 12), 32),
)
CONTEXT, VOCAB = 512, 8192
GPT2_TOKENS = 10e9
WORDS = {
    "en": {
        "minutes": "minutes",
        "bits": "bits per byte",
        "model": "the model, on the last tenth",
        "order": "counting, order 3",
        "runs": ("what", "*Quijote*", "Shakespeare"),
        "rows": (
            "bytes of the last tenth",
            "tokens of the first nine tenths",
            "parameters",
            "steps in 10 minutes",
            "tokens read, in passes through the text",
            "tokens a second",
            "counting, order {}: bits per byte",
            "**this model: bits per byte**",
            "lowest on the way: bits per byte",
            "loss of the last batch, nats per token",
            "loss on the last tenth, nats per token",
        ),
        "files": (
            "type",
            "*Quijote*, bytes",
            "bits per byte",
            "Shakespeare, bytes",
            "bits per byte",
        ),
        "sample": "After {} minutes ({} bits per byte):",
        "plans": ("text", "width, layers", "parameters", "tokens read", "operations", "memory"),
        "text": "{} GB",
        "gpt2": ("machines", "hours, computed"),
    },
    "es": {
        "minutes": "minutos",
        "bits": "bits por byte",
        "model": "el modelo, en el último décimo",
        "order": "contar, orden 3",
        "runs": ("qué", "*Quijote*", "Shakespeare"),
        "rows": (
            "bytes del último décimo",
            "tokens de los nueve primeros décimos",
            "parámetros",
            "pasos en 10 minutos",
            "tokens leídos, en vueltas al texto",
            "tokens por segundo",
            "contar, orden {}: bits por byte",
            "**este modelo: bits por byte**",
            "lo más bajo por el camino: bits por byte",
            "pérdida del último lote, nats por token",
            "pérdida en el último décimo, nats por token",
        ),
        "files": (
            "tipo",
            "*Quijote*, bytes",
            "bits por byte",
            "Shakespeare, bytes",
            "bits por byte",
        ),
        "sample": "A los {} minutos ({} bits por byte):",
        "plans": ("texto", "ancho, capas", "parámetros", "tokens leídos", "operaciones", "memoria"),
        "text": "{} GB",
        "gpt2": ("máquinas", "horas, calculadas"),
    },
}


def command(name: str) -> str:
    """Return the command of a run, as the page prints it."""
    return COMMAND.format(name=name, **RECIPES[name])


# ---------------------------------------------------------------- measuring a run


def samples(log: str) -> list[dict]:
    r"""Return what the training command printed at its reports: step and text.

    >>> samples("step 2, 1 s, loss 3\n  9 tokens/s\n  Ay,\n  no\n\nwritten: x\n")
    [{'step': 2, 'text': 'Ay,\nno'}]
    """
    found = []
    for report in re.split(r"^(?=step \d)", log, flags=re.M)[1:]:
        first, _, *text = report.split("\n\nwritten:")[0].rstrip().split("\n")
        lines = [line.removeprefix("  ").rstrip() for line in text]
        found.append({"step": int(first.split(",")[0].split()[1]), "text": "\n".join(lines)})
    return found


def measure(name: str, folder: Path, log: Path) -> dict:
    """Write a trained model's GGUF files, measure them, and return what is to be stored."""
    text = load_text(name)
    last = text[int(0.9 * len(text)) :]
    model, tokenizer = Llama.from_pretrained(folder), BPETokenizer.from_pretrained(folder)
    windows = Windows(tokenizer.encode(last), RECIPES[name]["context"])
    width = len(last.encode()) / windows.n_tokens
    record = [
        json.loads(line)
        for line in (folder / "record.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    files = {}
    for type in TYPES:
        path = folder / f"{type}.gguf"
        write_gguf(path, model, tokenizer, type, {"general.name": f"{name}, ten minutes"})
        opened, again = load_gguf(path)
        assert again.encode(last[:2000]) == tokenizer.encode(last[:2000])
        bits = evaluate(opened.eval(), windows) / width / math.log(2)
        files[type] = {"bytes": path.stat().st_size, "bits": round(bits, 4)}
    return {
        "command": command(name),
        "parameters": sum(p.numel() for p in model.parameters()),
        "bytes": len(last.encode()),
        "bytes_per_token": round(width, 4),
        "tokens": len(tokenizer.encode(text[: int(0.9 * len(text))])),
        "reports": reports(record),
        "samples": samples(log.read_text(encoding="utf-8")),
        "files": files,
    }


def reports(record: list[dict]) -> list[dict]:
    """Return the lines of a record that measured the last tenth, rounded."""
    return [
        {
            "step": line["step"],
            "seconds": round(line["seconds"], 1),
            "tokens": line["tokens"],
            "loss": round(line["loss"], 3),
            "validation": round(line["validation"], 4),
        }
        for line in record
        if "validation" in line
    ]


def bits(run: dict, report: dict) -> float:
    """Return the bits per byte of a report."""
    return report["validation"] / run["bytes_per_token"] / math.log(2)


# ---------------------------------------------------------------- plans


def plan(n_bytes: float, sizes: tuple[int, int, int], at_once: int) -> dict:
    """Compute what a text of some bytes, read four times, asks of a model and of a card."""
    d_model, n_layers, n_heads = sizes
    d_ff = 256 * math.ceil(d_model * 8 / 3 / 256)
    config = LlamaConfig(
        VOCAB, CONTEXT, d_model, n_heads, n_layers, d_ff, n_heads // 2, qk_norm=True, tied=True
    )
    n_parameters = llama_parameters(config)
    n_tokens = READINGS * n_bytes / BYTES_PER_TOKEN
    flops = 3 * model_flops(config, CONTEXT) * n_tokens / CONTEXT
    memory = sum(training_memory(n_parameters).values())
    memory += activation_memory(config, at_once, CONTEXT)
    return {
        "parameters": n_parameters,
        "tokens": n_tokens,
        "flops": flops,
        "memory": memory,
        "hours": {card: hours(flops, card) for card in CARDS},
    }


def hours(flops: float, card: str, n: int = 1) -> float:
    """Return how many hours some cards take at the share of their peak that is taken for real."""
    return training_seconds(flops, n * CARDS[card][0], SHARE) / 3600


def gpt2() -> dict:
    """Compute GPT-2's smallest model on ten billion tokens."""
    config = GPTConfig()
    flops = 3 * model_flops(config, 1024) * GPT2_TOKENS / 1024
    return {
        "parameters": gpt_parameters(config),
        "flops": flops,
        "hours": {card: hours(flops, card, 8) for card in ("A100", "H100")},
    }


# ---------------------------------------------------------------- the page


def number(value: float, code: str, digits: int = 0) -> str:
    """Write a number as the language does, on one line."""
    return card.number(value, code, digits).replace("\u202f", "\u00a0")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _power(value: float, code: str) -> str:
    exponent = math.floor(math.log10(value))
    mantissa = number(value / 10**exponent, code, 1).replace(",", "{,}")
    return rf"${mantissa} \cdot 10^{{{exponent}}}$"


def _time(value: float, code: str) -> str:
    small = value < 1
    return f"{number(60 * value if small else value, code, 1)} {'min' if small else 'h'}"


def _runs(runs: dict, code: str) -> str:
    def facts(name: str, run: dict) -> list[str]:
        end = run["reports"][-1]
        best = min(bits(run, report) for report in run["reports"])
        return [
            number(run["bytes"], code),
            number(run["tokens"], code),
            number(run["parameters"], code),
            number(end["step"], code),
            number(end["tokens"] / run["tokens"], code, 1),
            number(end["tokens"] / end["seconds"], code),
            *(number(value, code, 2) for value in NGRAMS[name].values()),
            f"**{number(bits(run, end), code, 2)}**",
            number(best, code, 2),
            number(end["loss"], code, 2),
            number(end["validation"], code, 2),
        ]

    names = [*WORDS[code]["rows"]]
    names[6:7] = [names[6].format(order) for order in (1, 2, 3, 4)]
    columns = [facts(name, runs[name]) for name in RECIPES]
    return _table(WORDS[code]["runs"], [*zip(names, *columns, strict=True)])


def _files(runs: dict, code: str) -> str:
    rows = []
    for type in TYPES:
        found = [runs[name]["files"][type] for name in RECIPES]
        cells = [(number(f["bytes"], code), number(f["bits"], code, 3)) for f in found]
        rows.append((type, *cells[0], *cells[1]))
    return _table(WORDS[code]["files"], rows)


def _samples(run: dict, code: str) -> str:
    shown = run["reports"][0], run["reports"][len(run["reports"]) // 3], run["reports"][-1]
    texts = {one["step"]: one["text"] for one in run["samples"]}
    parts = []
    for report in shown:
        minutes = number(report["seconds"] / 60, code, 1)
        head = WORDS[code]["sample"].format(minutes, number(bits(run, report), code, 2))
        parts.append(f"{head}\n\n```text\n{texts[report['step']]}\n```")
    return "\n\n".join(parts)


def _plans(code: str) -> str:
    words, rows = WORDS[code], []
    for n_bytes, sizes, at_once in PLANS:
        found = plan(n_bytes, sizes, at_once)
        rows.append(
            (
                words["text"].format(number(n_bytes / 1e9, code, 1)),
                f"{sizes[0]}, {sizes[1]}",
                number(found["parameters"], code),
                number(found["tokens"], code),
                _power(found["flops"], code),
                f"{number(found['memory'] / 1e9, code, 1)} GB",
                *(_time(value, code) for value in found["hours"].values()),
            )
        )
    return _table((*words["plans"], *CARDS), rows)


def _gpt2(code: str) -> str:
    rows = [(f"8 × {card}", number(h, code, 1)) for card, h in gpt2()["hours"].items()]
    return _table(WORDS[code]["gpt2"], rows)


def tables(runs: dict, code: str) -> dict[str, str]:
    """Return each table of the page, in one language."""
    made = {f"command {name}": f"```console\n.venv/bin/{command(name)}\n```" for name in RECIPES}
    made |= {f"samples {name}": _samples(runs[name], code) for name in RECIPES}
    made |= {"runs": _runs(runs, code), "files": _files(runs, code)}
    return made | {"plans": _plans(code), "gpt2": _gpt2(code)}


def picture(name: str, run: dict, code: str) -> str:
    """Return the curve of a run as SVG: bits per byte over minutes, beside counting."""
    before, words = language.chosen(), WORDS[code]
    language.speak(code)
    try:
        minutes = [report["seconds"] / 60 for report in run["reports"]]
        series = {words["model"]: [bits(run, report) for report in run["reports"]]}
        figure: Figure = curves(minutes, series, words["minutes"], words["bits"])
        [axes] = figure.axes
        axes.axhline(NGRAMS[name][3], color="#333333", linestyle=":", label=words["order"])
        axes.legend(frameon=False)
        drawn = svg_of(figure)
        plt.close(figure)
        return drawn
    finally:
        language.speak(before)


def page(runs: dict, code: str, text: str) -> str:
    """Return the page with its tables made anew.

    Raises:
        ValueError: a table has no place, or a place no table.
    """
    made = tables(runs, code)
    found = re.findall(r"<!-- evenings: (.+?) -->", text)
    if sorted(found) != sorted(made):
        raise ValueError(f"book/{code}/evenings.md: expected places {[*made]}, got {found}")
    return re.sub(
        r"(<!-- evenings: (.+?) -->\n).*?(<!-- end of evenings -->)",
        lambda place: f"{place[1]}\n{made[place[2]]}\n\n{place[3]}",
        text,
        flags=re.DOTALL,
    )


def stored(root: Path = house.ROOT) -> dict:
    """Return the runs that were measured."""
    path = root / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def wanted(root: Path) -> dict[Path, str]:
    """Return the files that follow from the stored runs, and their text."""
    runs, found = stored(root), {}
    for code in house.LANGUAGES:
        path = root / "book" / code / "evenings.md"
        found[path] = page(runs, code, path.read_text(encoding="utf-8"))
        for name in RECIPES:
            found[path.with_name(f"evening_{name}.svg")] = picture(name, runs[name], code)
    return found


def check(root: Path = house.ROOT) -> list[str]:
    """List the files that are not as the stored runs make them."""
    return [
        f"{house.where(root, path)}: stale; run python -m tools.evenings"
        for path, text in wanted(root).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def main(argv: list[str] | None = None) -> int:
    """Measure a run, or write or check the page; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.evenings", description=__doc__)
    parser.add_argument("--check", action="store_true")
    commands = parser.add_subparsers(dest="what")
    add = commands.add_parser("measure").add_argument
    add("name", choices=[*RECIPES])
    add("folder", type=Path)
    add("log", type=Path)
    options = parser.parse_args(argv)
    if options.what == "measure":
        found = measure(options.name, options.folder, options.log)
        runs = stored() | {options.name: found}
        text = json.dumps(runs, ensure_ascii=False, indent=1) + "\n"
        write_atomic(house.ROOT / FILE, text.encode())
        for type, file in found["files"].items():
            print(f"{type:5} {file['bytes']:10,} bytes  {file['bits']:.3f} bits per byte")
        return 0
    if options.check:
        findings = check()
        print("\n".join(findings) or "The evenings are as they were run.")
        return int(bool(findings))
    for path, text in wanted(house.ROOT).items():
        write_atomic(path, text.encode())
    return 0


if __name__ == "__main__":
    console.run(main)
