"""From a page's HTML to what it says: read the blocks, drop what is not the text."""

import codecs
import re
from html.parser import HTMLParser
from typing import NamedTuple

from lessons_lib.base.validation import check_text

# What a page hides or runs, and does not say.
_SILENT = {"script", "style", "template", "noscript", "svg", "select", "title", "iframe", "object"}
# What ends a block of text. Everything else (`b`, `a`, `span`, `font`) stands inside of one.
_BLOCKS = set(
    re.findall(
        r"\w+",
        "address article aside blockquote body br button caption center dd div dl dt fieldset "
        "figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html li main nav ol p pre "
        "section summary table tbody td tfoot th thead tr ul",
    )
)
_EMPTY = set(re.findall(r"\w+", "area base br col embed hr img input link meta source track wbr"))
# Parts that say what they are: by their tag, or by a word of their class or id.
_ASIDE = {"nav", "footer", "aside", "form", "button"}
_NAMED_ASIDE = re.compile(
    r"(?<![a-z])(menu|nav|navbar|footer|sidebar|cookies?|banner|share|social|related|breadcrumbs?|"
    r"advert|ads|promo|newsletter)(?![a-z])",
    re.IGNORECASE,
)
_DECLARED = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufeff]")


class Block(NamedTuple):
    """A block of a page: its text, how much of it is links, whether it says to be no text."""

    text: str
    link_share: float  # characters in links, of all
    aside: bool  # stands in a menu, a footer, a form ...


def decode_page(body: bytes) -> str:
    """Return the characters of a page whose encoding nobody has said, or said wrongly.

    A byte order mark decides; else whatever is UTF-8 is taken as such, since by chance hardly
    anything is; else what the page declares; else Windows' Western encoding, as browsers do. What
    then stands for no character becomes U+FFFD.

    Raises:
        ValueError: no bytes.

    Source: WHATWG, HTML, section 13.2.3, but for the order: there a declaration is believed first.

    >>> decode_page("año".encode("cp1252")), decode_page("año".encode())
    ('año', 'año')
    """
    if not isinstance(body, bytes | bytearray):
        raise ValueError(f"expected the bytes of a page, got {type(body).__name__}")
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if body.startswith(mark):
            return bytes(body).decode(name, "replace").removeprefix("\ufeff")
    declared = _DECLARED.search(body[:1024])
    for name in ("utf-8", declared[1].decode("ascii", "replace") if declared else "cp1252"):
        try:
            return bytes(body).decode(name)
        except (UnicodeDecodeError, LookupError, ValueError):
            continue
    return bytes(body).decode("cp1252", "replace")


class _Reader(HTMLParser):
    """Gathers blocks from the events of Python's parser, which never complains."""

    def __init__(self):
        super().__init__()
        self.blocks: list[Block] = []
        self.open: list[tuple[str, bool]] = []  # tags, and whether each is an aside
        self.counts: dict[str, int] = {}
        self.asides = self.silent = 0
        self.link = False
        self.pieces: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.end_block()
        if tag == "a":
            self.link = True
        if tag in _EMPTY:
            return
        named = " ".join(value or "" for name, value in attrs if name in ("class", "id", "role"))
        aside = tag in _ASIDE or (tag not in ("body", "html") and bool(_NAMED_ASIDE.search(named)))
        self.open.append((tag, aside))
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.asides += aside
        self.silent += tag in _SILENT

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.end_block()

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.end_block()
        if tag == "a":
            self.link = False
        while self.counts.get(tag):  # what was left open inside ends with it
            name, aside = self.open.pop()
            self.counts[name] -= 1
            self.asides -= aside
            self.silent -= name in _SILENT
            if name == tag:
                break

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.pieces.append((data, self.link))

    def end_block(self) -> None:
        """Close the block that was being read, if it has any text."""
        text = " ".join("".join(piece for piece, _ in self.pieces).split())
        if text:
            linked = sum(len("".join(piece.split())) for piece, link in self.pieces if link)
            share = linked / len(text.replace(" ", ""))
            self.blocks.append(Block(text, share, self.asides > 0))
        self.pieces = []


def _tame(text: str) -> str:
    """Return a page without control characters, comments and tags that never end.

    Python's parser looks for each of their ends as far as the page goes: a page of nothing but
    beginnings would take it hours.
    """
    pieces = _CONTROL.sub("", text).split("<!--")
    said = [pieces[0]]
    for i, piece in enumerate(pieces[1:], 2):
        inside, end, after = piece.partition("-->")
        said.append(after if end else inside * (i == len(pieces)))
    text = "".join(said)
    end = text.rfind(">") + 1
    return text[:end] + text[end:].replace("<", "&lt;")


def page_blocks(html: str | bytes) -> list[Block]:
    """Return the blocks of a page in order: paragraphs, headings, cells, lines of a list.

    Broken pages are read as well as can be: a tag that is never closed ends with what it stands in.

    Args:
        html: the page; bytes go through `decode_page`.

    Raises:
        ValueError: neither text nor bytes, or lone surrogates.
    """
    text = decode_page(html) if isinstance(html, bytes | bytearray) else check_text(html)
    reader = _Reader()
    reader.feed(_tame(text))
    reader.close()
    reader.end_block()
    return reader.blocks


def is_boilerplate(block: Block) -> bool:
    """Tell whether a block belongs to the page and not to its text.

    Args:
        block: from `page_blocks`.

    Source: the share of links is the feature of Kohlschütter, Fankhauser and Nejdl, "Boilerplate
    Detection using Shallow Text Features", 2010; jusText and trafilatura use it too.
    """
    notice = "©" in block.text and len(block.text.split()) < 25
    return block.aside or block.link_share > 0.5 or notice


def extract_text(html: str | bytes) -> str:
    """Return what a page says, a block a line, without menus, notices, scripts and forms.

    Args:
        html: the page; bytes may be in any encoding, see `decode_page`.

    Returns:
        The text; empty if the page has none. If everything on it claims to be a menu or the like,
        which is what a broken page looks like, the claims are not believed.

    Raises:
        ValueError: neither text nor bytes, or lone surrogates.

    >>> extract_text("<nav><a href=/>Home</a></nav><p>It rained &amp; <b>snowed</b>.<p>© 2024 Ana")
    'It rained & snowed.'
    """
    blocks = page_blocks(html)
    kept = [block for block in blocks if not is_boilerplate(block)]
    if not kept:
        kept = [block for block in blocks if not is_boilerplate(block._replace(aside=False))]
    return "\n".join(block.text for block in kept)
