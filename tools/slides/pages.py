"""Write a deck as one page of HTML, and the page that lists all decks."""

import re
from dataclasses import dataclass
from html import escape

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from tools.book_site.drawings import inline
from tools.slides import sizes
from tools.slides.parts import Part, answer_of, reader
from tools.slides.plan import Block, Deck, Slide

WORDS = {
    "en": {
        "decks": "Slides",
        "about": "One deck for each chapter, made from its notebook.",
        "keys": "Keys: → next, S the speaker's window, N notes beside the slide, "
        "T light or dark, Esc all slides, F the whole screen, ? all keys.",
        "notes": "notes beside the slide",
        "theme": "light or dark",
        "plan": "Time plan",
        "part": "Section {i} of {n}: {minutes} min, from {start} to {end}",
        "count": "{slides} slides, {minutes} minutes",
        "chapter": "Chapter",
        "list": "All slides",
        "more": "Scroll here",
    },
    "es": {
        "decks": "Diapositivas",
        "about": "Una presentación por capítulo, hecha a partir de su cuaderno.",
        "keys": "Teclas: → siguiente, S la ventana de quien habla, N notas al lado, T claro u "
        "oscuro, Esc todas las diapositivas, F pantalla completa, ? todas las teclas.",
        "notes": "notas al lado",
        "theme": "claro u oscuro",
        "plan": "Plan de tiempo",
        "part": "Sección {i} de {n}: {minutes} min, de {start} a {end}",
        "count": "{slides} diapositivas, {minutes} minutos",
        "chapter": "Capítulo",
        "list": "Todas las diapositivas",
        "more": "Desplázate aquí",
    },
}
MATHS = 'window.MathJax = {"options": {"enableMenu": false, "ignoreHtmlClass": ".*", '
MATHS += '"processHtmlClass": "math"}, "chtml": {"matchFontHeight": false}}'
THEME = (
    "document.documentElement.dataset.theme = "
    'matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";'
)


@dataclass
class Writer:
    """Writes one language's HTML.

    Attributes:
        language: "en" or "es".
        decks: the chapters that have a deck: links to others become text.
    """

    language: str
    decks: list[str]

    def __post_init__(self):
        self.words = WORDS[self.language]
        self._markdown = reader()
        self._markdown.renderer.rules |= {
            "math_inline": _inline_formula,
            "math_block": _formula,
            "amsmath": _formula,
            "math_block_label": _formula,
        }
        self._notes = reader()
        self._notes.renderer.rules |= dict.fromkeys(
            ("math_inline", "math_block", "amsmath", "math_block_label"), _plain_formula
        )

    # ------------------------------------------------------------ Markdown

    def markdown(self, source: str, notes: bool = False) -> str:
        """Return Markdown as HTML; links to chapters lead to their decks."""
        html = (self._notes if notes else self._markdown).render(source)
        return re.sub(r'<a href="([^"]*)">(.*?)</a>', self._link, html, flags=re.S)

    def inline(self, source: str) -> str:
        """Return one line of Markdown as HTML."""
        html = self._markdown.renderInline(source.replace("\n", " "))
        return re.sub(r'<a href="([^"]*)">(.*?)</a>', self._link, html, flags=re.S)

    def _link(self, match: re.Match) -> str:
        href, label = match.groups()
        if re.match(r"https?:", href):
            return match[0]
        slug = re.match(r"([\w-]*)", href)[1]
        return f'<a href="{slug}.html">{label}</a>' if slug in self.decks else label

    # ------------------------------------------------------------ blocks

    def block(self, block: Block) -> str:
        """Return a block as HTML."""
        text = block.texts[self.language]
        classes = f"{block.kind}{' fragment' if block.hidden else ''}"
        if block.kind == "code":
            small = any(map(sizes.is_small, block.texts.values()))
            body = highlight(text, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip("\n")
            classes += " small" if small else ""
            return f'<pre class="{classes} highlight"><code>{body}</code></pre>'
        if block.kind == "output":
            return f'<pre class="{classes}"><code>{escape(_unfenced(text))}</code></pre>'
        if block.kind == "picture":
            alt = block.alt.get(self.language, "")
            return f'<div class="{classes}">{inline(text, alt)}</div>'
        if block.kind == "live":
            return (
                f'<div class="{classes}" data-prevent-swipe tabindex="0" role="group" '
                f'aria-label="{self.words["more"]}">{text}</div>'
            )
        return f'<div class="{classes}">{self.markdown(text)}</div>'

    def title(self, source: str) -> str:
        """Return a slide's title: bold words that are no heading lose their stars."""
        return self.inline(re.sub(r"^\*\*(.*?)\*\*:?$", r"\1", source.strip()))

    def notes(self, parts: list[Part]) -> str:
        """Return what the speaker says."""
        html = []
        for part in parts:
            text = part.texts.get(self.language, "")
            if part.kind == "answer":
                summary, rest = answer_of(text)
                text = f"**{summary}**\n\n{rest}" if "`" not in summary else rest
            html.append(self.markdown(text, notes=True))
        return "".join(html)

    def slide(self, deck: Deck, number: int) -> str:
        """Return one slide."""
        slide = deck.slides[number]
        before = deck.slides[number - 1] if number else None
        level = 1 if number == 0 else 2
        goes_on = before is not None and before.title == slide.title
        classes = ["opening"] if level == 1 else ["goes-on"] if goes_on else []
        body = "\n".join(self.block(block) for block in slide.blocks)
        notes = self.notes(slide.notes)
        if number == 0:
            notes = f"{self.plan(deck)}{notes}"
        elif before.section != slide.section:
            notes = f"<p><strong>{self.part(deck, slide.section)}</strong></p>{notes}"
        aside = f'<aside class="notes">{notes}</aside>' if notes else ""
        return (
            f'<section class="{" ".join([*classes, *_only(slide)])}">\n'
            f"<h{level}>{self.title(slide.title[self.language])}</h{level}>\n{body}\n"
            f"{aside}\n</section>"
        )

    # ------------------------------------------------------------ time

    def part(self, deck: Deck, i: int) -> str:
        """Return when a section is given, counted from the lecture's beginning."""
        start = sum(deck.minutes[:i])
        return self.words["part"].format(
            i=i + 1,
            n=len(deck.minutes),
            minutes=deck.minutes[i],
            start=_clock(start),
            end=_clock(start + deck.minutes[i]),
        )

    def plan(self, deck: Deck) -> str:
        """Return the lecture's time plan."""
        rows, start = [], 0
        for section, minutes in zip(deck.sections, deck.minutes, strict=True):
            title = self.markdown(section.title[self.language], notes=True)
            title = title.strip().removeprefix("<p>").removesuffix("</p>")
            rows.append(f"<li>{_clock(start)} {title} ({minutes} min)</li>")
            start += minutes
        return f"<p><strong>{self.words['plan']}</strong></p><ul>{''.join(rows)}</ul>"

    def count(self, deck: Deck) -> str:
        """Return how many slides and minutes a deck has."""
        return self.words["count"].format(slides=len(deck.slides), minutes=sum(deck.minutes))

    # ------------------------------------------------------------ pages

    def deck(self, deck: Deck, live: str) -> str:
        """Return a deck's page; `live` is the name of the script with its live figures, or ""."""
        title = _plain(self.title(deck.sections[0].title[self.language]))
        slides = "\n".join(self.slide(deck, number) for number in range(len(deck.slides)))
        script = f'<script defer src="../_static/{live}"></script>\n' if live else ""
        return (
            f'<!DOCTYPE html>\n<html lang="{self.language}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(title)}</title>\n<script>{THEME}</script>\n"
            '<link rel="stylesheet" href="../_static/slides.css">\n'
            f"<script>{MATHS}</script>\n"
            '<script defer src="../_static/mathjax/tex-chtml.js"></script>\n'
            '<script defer src="../_static/reveal.js"></script>\n'
            '<script defer src="../_static/notes.js"></script>\n'
            f'<script defer src="../_static/slides.js" data-notes="{self.words["notes"]}" '
            f'data-colours="{self.words["theme"]}"></script>\n{script}</head>\n<body>\n'
            f'<main class="deck">\n<div class="reveal">\n<div class="slides">\n{slides}\n</div>\n'
            "</div>\n</main>\n"
            "</body>\n</html>\n"
        )


def index(writers: list[Writer], decks: list[Deck]) -> str:
    """Return the page that lists all decks in all languages, with their time plans."""
    bodies = []
    for writer in writers:
        words, rows = writer.words, []
        for deck in decks:
            title = writer.title(deck.sections[0].title[writer.language])
            rows.append(
                f'<li><a href="{writer.language}/{deck.slug}.html">{title}</a>'
                f"<details><summary>{writer.count(deck)}</summary>{writer.plan(deck)}</details></li>"
            )
        bodies.append(
            f'<section lang="{writer.language}"><h2>{words["decks"]}</h2>'
            f"<p>{words['about']} {words['keys']}</p><ul>{''.join(rows)}</ul></section>"
        )
    title = " · ".join(writer.words["decks"] for writer in writers)
    return (
        f'<!DOCTYPE html>\n<html lang="{writers[0].language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<script>{THEME}</script>\n"
        '<link rel="stylesheet" href="_static/slides.css">\n</head>\n'
        f'<body class="index"><main><h1>{title}</h1>{"".join(bodies)}</main></body>\n</html>\n'
    )


def _only(slide: Slide) -> list[str]:
    """Name what a slide is for, where its look depends on it."""
    kinds = {block.kind for block in slide.blocks}
    return ["alive"] if "live" in kinds else []


def _clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"


def _plain(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html)


def _unfenced(text: str) -> str:
    """Return what stands between the fences of a block in the prose."""
    match = re.fullmatch(r"(`{3,})[^\n]*\n(.*?)\n?\1", text.strip(), re.S)
    return match[2] if match else text


def _inline_formula(tokens, idx, options, env) -> str:
    return f'<span class="math">\\({escape(tokens[idx].content)}\\)</span>'


def _formula(tokens, idx, options, env) -> str:
    return f'<div class="math">\\[{escape(tokens[idx].content)}\\]</div>'


def _plain_formula(tokens, idx, options, env) -> str:
    return f"<code>{escape(tokens[idx].content.strip())}</code>"
