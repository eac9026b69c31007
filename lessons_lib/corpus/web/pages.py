"""How the small web writes its pages: one text in four kinds of HTML, with what is around it."""

import html
import random
from collections.abc import Sequence

from lessons_lib.corpus.web.words import AROUND

HOSTS = ("cuentos.example", "daily.example", "forum.example", "old-times.example")
SCRIPT = 'var page = {"ads": "<p>Buy now</p>", "n": 3 < 4}; // a text that is none'


def write_page(
    host: str, language: str, title: str, paragraphs: Sequence[str], rng: random.Random
) -> str:
    """Return a page of a host; each has its own HTML.

    ``cuentos`` names its parts (``<nav>``, ``<article>``, ``<footer>``), ``daily`` gives them
    classes, ``forum`` has neither, and ``old-times`` forgets to close its tags.
    """
    words = AROUND.get(language, AROUND["en"])
    kinds = {HOSTS[0]: _named, HOSTS[1]: _classes, HOSTS[2]: _bare, HOSTS[3]: _broken}
    return kinds[host](words, language, title, paragraphs, rng)


def _links(words: Sequence[str], between: str = "\n") -> str:
    return between.join(
        f'<a href="/{i}.html">{html.escape(word)}</a>' for i, word in enumerate(words)
    )


def _named(words: dict, language: str, title: str, paragraphs: Sequence[str], rng) -> str:
    body = "\n".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in paragraphs)
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>p {{ color: black }}</style></head>\n<body>"
        f"<nav><ul><li>{_links(words['menu'], '</li><li>')}</li></ul></nav>\n<main><article>\n"
        f"<h1>{html.escape(title)}</h1>\n{body}\n</article>\n"
        f"<aside><h2>{words['related'][0]}</h2>{_links(words['related'][1:])}</aside></main>\n"
        f"<footer><p>© 20{rng.randrange(10, 27)} {words['foot']}</p></footer>\n"
        f"<script>{SCRIPT}</script></body></html>"
    )


def _classes(words: dict, language: str, title: str, paragraphs: Sequence[str], rng) -> str:
    body = "\n".join(f"<div>{html.escape(paragraph)}</div>" for paragraph in paragraphs)
    return (
        f"<!DOCTYPE html><html><head><title>{html.escape(title)}</title></head><body>"
        f'<div class="cookie-banner"><p>{words["cookies"]}</p><button>{words["accept"]}</button>'
        f'</div><div id="main-menu">{_links(words["menu"])}</div>\n<div class="content">\n'
        f'<h1>{html.escape(title)}</h1>\n{body}\n</div>\n<div class="share">'
        f"{_links(words['share'])}</div>\n"
        f'<div class="footer">© {rng.randrange(2010, 2027)} {words["foot"]}</div></body></html>'
    )


def _bare(words: dict, language: str, title: str, paragraphs: Sequence[str], rng) -> str:
    body = "<br><br>\n".join(html.escape(paragraph) for paragraph in paragraphs)
    foot = words["foot"] if rng.random() < 0.7 else words["cookies"]
    return (
        f"<html><head><title>{html.escape(title)}</title></head><body><table><tr>\n"
        f"<td>{_links(words['menu'], ' | ')}</td></tr><tr><td><b>{html.escape(title)}</b><br>\n"
        f"{body}</td></tr></table>\n<p>{foot}</p></body></html>"
    )


def _broken(words: dict, language: str, title: str, paragraphs: Sequence[str], rng) -> str:
    spelt = [_entities(paragraph) for paragraph in paragraphs]
    body = "\n<P>".join(spelt)
    return (
        f"<HTML><TITLE>{html.escape(title)}</TITLE><BODY BGCOLOR=white><!-- menu > 5 -->\n<UL><LI>"
        f"{_links(words['menu'], '<LI>')}</UL><H1>{_entities(title)}</H1>\n<P>{body}\n"
        f"<script>{SCRIPT}</script><HR><CENTER>{_links(words['share'], ' &middot; ')}</CENTER>"
        f"<P><FONT SIZE=1>&copy; {rng.randrange(1996, 2005)} {_entities(words['foot'])}"
    )


def _entities(text: str) -> str:
    """Spell what is not ASCII as old pages did, and each second space as one that never breaks."""
    spelt = html.escape(text).encode("ascii", "xmlcharrefreplace").decode()
    words = spelt.split(" ")
    return " ".join(
        f"{word}&nbsp;{after}" if after else word
        for word, after in zip(words[::2], [*words[1::2], ""], strict=False)
    )
