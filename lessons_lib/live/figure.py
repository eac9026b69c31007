"""What all live figures share: the widget, the HTML in the notebook, numbers, visible tokens."""

import json
import math
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from html import escape
from typing import ClassVar

import anywidget
import traitlets

from lessons_lib.base.validation import check_text
from lessons_lib.live.modules import FOLDER, module_source

__all__ = [
    "LiveFigure",
    "check_prompts",
    "decimal",
    "html_table",
    "plain",
    "scientific",
    "visible",
]

VISIBLE = {" ": "·", "\n": "↵", "\t": "⇥"}
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class LiveFigure(anywidget.AnyWidget):
    """A figure computed in the browser, shown by a Jupyter kernel or by a page without one.

    A subclass gives `slug` (its ES module is ``<slug>.js``), `label` and `caption` (for each
    language), its properties as synced traits, and `_fallback`.

    IPython stores three forms of it: the widget for a front end with a kernel; HTML that holds the
    properties and the fallback, equal for equal figures; and one line of plain text. (ipywidgets 7,
    which Colab has, shows the widget and leaves the HTML out.)

    Attributes:
        language: ``"en"`` or ``"es"``: the language of the buttons, the caption and the fallback.

    Source: the anywidget package; Sphinx sees only the HTML.
    """

    _css = FOLDER / "live.css"
    slug: ClassVar[str]
    label: ClassVar[dict[str, str]]
    caption: ClassVar[dict[str, str]]

    language = traitlets.Unicode("en").tag(sync=True)

    @property
    def _esm(self) -> str:
        return module_source(self.slug)

    @traitlets.validate("language")
    def _check_language(self, proposal: traitlets.Bunch) -> str:
        if proposal["value"] not in ("en", "es"):
            raise ValueError(f"expected language 'en' or 'es', got {proposal['value']!r}")
        return proposal["value"]

    @property
    def props(self) -> dict:
        """The properties that the figure's JavaScript reads, by name."""
        inherited = anywidget.AnyWidget.class_trait_names(sync=True)
        names = [name for name in self.traits(sync=True) if name[0] != "_"]
        return {name: getattr(self, name) for name in sorted(set(names) - set(inherited))}

    def _fallback(self) -> str:
        """Return HTML that says the main thing without scripts."""
        raise NotImplementedError

    def to_html(self) -> str:
        """Return the figure as HTML: properties as JSON, fallback, caption."""
        props = json.dumps(self.props, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        props = props.replace("<", "\\u003c")  # nothing in the JSON can end the script element
        return (
            f'<figure class="live-figure" data-live="{self.slug}" lang="{self.language}"'
            f' aria-label="{escape(self.label[self.language])}">'
            f'<script type="application/json" class="live-props">{props}</script>'
            f'<div class="live-fallback">{self._fallback()}</div>'
            f"<figcaption>{escape(self.caption[self.language])}</figcaption></figure>"
        )

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/html": self.to_html()}, metadata

    def __repr__(self) -> str:
        return f"{type(self).__name__}(language={self.language!r})"


def check_prompts(text: str, prompts: Sequence[str] | None, most: int) -> list[str]:
    """Return texts to begin with, by default how `text` begins.

    Raises:
        ValueError: `text` has no or more than `most` characters; no prompts; one that is no text.
    """
    if not 0 < len(check_text(text)) <= most:
        raise ValueError(f"expected 1 to {most} characters, got {len(text)}")
    prompts = [text[:12]] if prompts is None else prompts
    if isinstance(prompts, str) or not prompts:
        raise ValueError(f"expected a sequence of prompts, got {prompts!r}")
    return [check_text(prompt) for prompt in prompts]


def visible(token: bytes) -> str:
    r"""Return a token as it can be read: a space as ``·``, a byte that is no text as ``<C3>``.

    Line ends and tabs get a sign, other characters without ink their code point, and a combining
    mark at the start a circle to stand on.

    >>> visible(b" ni\xc3"), visible("\u0301\u200d\n".encode())
    ('·ni<C3>', '◌́<U+200D>↵')
    """
    shown = ""
    for character in token.decode("utf-8", "surrogateescape"):
        kind = unicodedata.category(character)
        if "\udc80" <= character <= "\udcff":
            shown += f"<{ord(character) - 0xDC00:02X}>"
        elif character in VISIBLE:
            shown += VISIBLE[character]
        elif kind in ("Cc", "Cf") or kind[0] == "Z":
            shown += f"<U+{ord(character):04X}>"
        else:
            shown += "◌" * (not shown and kind[0] == "M") + character
    return shown


def decimal(number: float, digits: int, language: str) -> str:
    """Write a number with so many digits after the point, as `decimal` in ``common.js`` does.

    >>> decimal(12345.678, 2, "en"), decimal(1234.5, 1, "es"), decimal(-0.0004, 3, "es")
    ('12,345.68', '1234,5', '0,000')
    """
    if number == math.inf:
        return "∞"
    return _localised(f"{number:z,.{digits}f}" if digits else f"{round(number):,}", language)


def scientific(number: float, language: str, digits: int | None = None) -> str:
    r"""Write a number with so many digits after the first, and a power of ten.

    >>> scientific(5.876e23, "es", 2), scientific(-3e-7, "en")
    ('5,88\xa0×\xa010²³', '−3\xa0×\xa010⁻⁷')
    """
    exact = Decimal(str(number)).normalize()
    first, power = (f"{exact:e}" if digits is None else f"{number:.{digits}e}").split("e")
    return f"{_localised(first, language)}\u00a0×\u00a010{str(int(power)).translate(RAISED)}"


def plain(number: float, language: str) -> str:
    r"""Write a number with the digits that it has and no more.

    >>> plain(4.0, "es"), plain(0.00005, "es"), plain(1e-7, "es")
    ('4', '0,00005', '1\xa0×\xa010⁻⁷')
    """
    if number and not 1e-6 <= abs(number) < 1e21:  # where JavaScript, too, takes a power of ten
        return scientific(number, language)
    return _localised(f"{Decimal(str(number)).normalize():z,f}", language)


def _localised(digits: str, language: str) -> str:
    """Write digits such as ``"-12,345.5"`` as `localised` in ``common.js`` does."""
    whole, point, rest = digits.replace("-", "−").partition(".")
    if language == "es":
        whole = whole.replace(",", "\u202f" if len(whole.strip("−")) > 5 else "")
        point = point and ","
    return whole + point + rest


def html_table(caption: str, head: list[str], rows: list[list[str]]) -> str:
    """Return an HTML table; the cells of `rows` are HTML, the first of each row its heading."""
    columns = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<table class="live-table"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>"
    )
