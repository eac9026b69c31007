"""The report of an item analysis: a page with plots, and its tables as CSV."""

from html import escape

import matplotlib.pyplot as plt
import numpy as np

from lessons_lib.base.language import chosen, speak
from lessons_lib.classroom.exams.analysis import Analysis, Item
from lessons_lib.classroom.exams.report_words import WORDS
from lessons_lib.classroom.exams.tables import write_table
from lessons_lib.classroom.questions.maths import mathml
from lessons_lib.classroom.questions.paper import page
from lessons_lib.classroom.questions.text import inline_html
from lessons_lib.figures.ink import svg_of
from lessons_lib.figures.plots import COLOURS, panels

__all__ = ["items_table", "options_table", "report", "sentences"]


def sentences(item: Item, language: str) -> list[str]:
    """Return a sentence in Markdown for each thing that is to be mended in a question."""
    words = WORDS[language]
    return [words[f"finding {name}"].format(about) for name, about in item.findings]


def report(analysis: Analysis, language: str) -> str:
    """Return the analysis as a page of HTML."""
    words = WORDS[language]
    mend = [item for item in analysis.items if item.findings and item.findings[0][0] != "few"]
    few = [item for item in analysis.items if item.findings[:1] and item not in mend]
    parts = [f"<h1>{words['title']}</h1>", f"<p>{_summary(analysis, language)}</p>"]
    parts.append(f"<p>{_reliability(analysis, language)}</p>")
    alt = words["alt"].format(len(analysis.items), len(analysis.totals))
    parts.append(
        f'<figure role="img" aria-label="{escape(alt)}">{_plots(analysis, mend, language)}'
        f"<figcaption>{words['caption']}</figcaption></figure>"
    )
    parts.append(f"<h2>{words['mend']}</h2>")
    lines = [
        f"<li><strong>{escape(item.question)}</strong>: "
        + " ".join(inline_html(said, mathml) for said in sentences(item, language))
        + "</li>"
        for item in mend
    ]
    parts.append(f"<ul>{''.join(lines)}</ul>" if lines else f"<p>{words['nothing']}</p>")
    if few:
        parts.append(f"<p>{words['few'].format(len(few))}</p>")
    parts += [f"<h2>{words['items']}</h2>", _html(_item_rows(analysis, language), 1, language)]
    if len(rows := _option_rows(analysis, language)) > 1:
        parts += [f"<h2>{words['options']}</h2>", _html(rows, 2, language)]
    return page(words["title"], "\n".join(parts), language)


def _summary(analysis: Analysis, language: str) -> str:
    """Say how many students and questions there were, and how it went."""
    totals = 100 * np.array(analysis.totals)
    said = WORDS[language]["summary"].format(
        students=len(totals),
        questions=len(analysis.items),
        mean=_number(totals.mean(), language, 1),
        deviation=_number(totals.std(ddof=1), language, 1),
    )
    missing = WORDS[language]["missing"].format(analysis.missing)
    return f"{said} {missing}" if analysis.missing and analysis.places else said


def _reliability(analysis: Analysis, language: str) -> str:
    words = WORDS[language]
    if analysis.reliability is None:
        return words["no alpha places" if not analysis.places else "no alpha"]
    value, low, high = (_number(one, language) for one in analysis.reliability)
    name = words["kr20" if analysis.whole else "alpha"]
    said = words["reliability"].format(name=name, value=value, low=low, high=high)
    error = 100 * np.std(analysis.totals, ddof=1) * max(0, 1 - analysis.reliability[0]) ** 0.5
    return f"{said} {words['error'].format(_number(error, language, 1))}"


def _number(value: float | None, language: str, decimals: int = 2) -> str:
    if value is None:
        return "–"
    text = f"{value:.{decimals}f}"
    return text.replace(".", ",") if language == "es" else text


def _plots(analysis: Analysis, mend: list[Item], language: str) -> str:
    """Draw discrimination against difficulty, and how many students got how much."""
    words, before = WORDS[language], chosen()
    speak(language)
    try:
        figure, (left, right) = panels(2, 2.8)
        shown = [item for item in analysis.items if item.discrimination is not None]
        for i, flagged in enumerate((False, True)):
            some = [item for item in shown if (item in mend) == flagged]
            left.plot(
                [item.difficulty for item in some],
                [item.discrimination for item in some],
                "os"[i],
                color=COLOURS[i],
                label=words["to mend" if flagged else "fine"],
            )
        left.axhline(0, color="#333333", linewidth=0.8)
        left.set(xlim=(-0.05, 1.05), xlabel=words["difficulty"], ylabel=words["discrimination"])
        left.legend(frameon=False, loc="lower left", bbox_to_anchor=(-0.3, 1), ncols=2)
        right.hist(np.clip(analysis.totals, 0, 1), np.linspace(0, 1, 11), color=COLOURS[0])
        right.set(xlabel=words["total"], ylabel=words["students"])
        right.yaxis.get_major_locator().set_params(integer=True)
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
        svg = svg_of(figure)
        plt.close(figure)
    finally:
        speak(before)
    return svg


def _item_rows(analysis: Analysis, language: str) -> list[tuple]:
    words = WORDS[language]
    rows = [tuple(words[name] for name in ("question", "n", "difficulty", "discrimination"))]
    for item in analysis.items:
        rows.append((item.question, item.n, item.difficulty, item.discrimination))
    return rows


def _option_rows(analysis: Analysis, language: str) -> list[tuple]:
    words = WORDS[language]
    names = ("question", "answer", "right", "n", "share", "best", "least")
    rows = [tuple(words[name] for name in names)]
    for item in analysis.items:
        for one in item.options:
            right = words["yes"] if one.right else ""
            share = one.n / item.n
            rows.append((item.question, one.text, right, one.n, share, one.best, one.least))
    return rows


def items_table(analysis: Analysis, language: str) -> bytes:
    """Return a CSV table with a row for each question, and what is to be mended."""
    head, *rows = _item_rows(analysis, language)
    said = [" ".join(sentences(item, language)) for item in analysis.items]
    full = [
        tuple("" if cell is None else cell for cell in (*row, text))
        for row, text in zip(rows, said, strict=True)
    ]
    return write_table([(*head, WORDS[language]["mend"]), *full], language)


def options_table(analysis: Analysis, language: str) -> bytes:
    """Return a CSV table with a row for each answer to each question."""
    return write_table(_option_rows(analysis, language), language)


def _html(rows: list[tuple], texts: int, language: str) -> str:
    """Return a table whose first columns are texts, the others numbers."""

    def cell(value: object, i: int, tag: str) -> str:
        number = isinstance(value, float) or value is None
        text = _number(value, language) if number else inline_html(str(value), mathml)
        return f"<{tag}{' class=of' if i >= texts else ''}>{text}</{tag}>"

    head, *body = (
        "".join(cell(value, i, "td" if n else "th") for i, value in enumerate(row))
        for n, row in enumerate(rows)
    )
    lines = "".join(f"<tr>{row}</tr>" for row in body)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
