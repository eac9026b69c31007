"""The printed editions: joined from the built pages, with contents, outline, links and formulas."""

import io
from collections import Counter

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from tools import pdf
from tools.addresses import version

SLUGS = ["intro", "attention"]
pytestmark = pytest.mark.site


@pytest.fixture(scope="module")
def joined(site):
    """The whole English edition as one page."""
    return BeautifulSoup(pdf.document(site, "en"), "html.parser")


def test_every_chapter_is_in_the_joined_page(joined):
    slugs = [slug for _, slug in pdf.chapters("en")]
    assert [section["id"] for section in joined.select("body > section")] == slugs
    assert [row["href"] for row in joined.select("nav .chapter")] == [f"#{slug}" for slug in slugs]
    titles = [" ".join(h1.get_text().split()) for h1 in joined.select("body > section h1")]
    assert [row.span.get_text() for row in joined.select("nav .chapter")] == titles
    assert titles[1] == "1. Tokens: from text to numbers"
    parts = [part.get_text() for part in joined.select("nav .part")]
    assert parts == list(dict.fromkeys(part for part, _ in pdf.chapters("en") if part))


def test_links_of_the_joined_page_lead_somewhere(joined):
    ids = Counter(element["id"] for element in joined.find_all(id=True))
    assert {name: count for name, count in ids.items() if count > 1} == {}
    links = [link["href"] for link in joined.select("body a[href]")]
    assert [link for link in links if link[0] == "#" and link[1:] not in ids] == []
    assert [link for link in links if not link.startswith(("#", "https://", "http://"))] == []
    assert len({link for link in links if link[0] == "#"}) > 100


def test_nothing_of_the_joined_page_is_dead_or_hidden(joined):
    assert joined.select("body :is(script, button, input, .headerlink)") == []
    assert {details.get("open") for details in joined.select("details")} == {""}
    assert len(joined.select("figure.live-figure .live-fallback")) > 10
    assert len(joined.select("svg.drawing")) > 20
    sources = [image["src"] for image in joined.select("img")]
    assert [source for source in sources if not source.startswith(("file://", "data:"))] == []


def test_a_link_that_leaves_the_book_becomes_text():
    slugs = ["intro", "tokens"]
    assert pdf._joined("tokens.html#x", "intro", slugs) == "#tokens--x"
    assert pdf._joined("tokens.html", "intro", slugs) == "#tokens"
    assert pdf._joined("#y", "intro", slugs) == "#intro--y"
    assert pdf._joined("https://example.org/#y", "intro", slugs) == "https://example.org/#y"
    assert pdf._joined("search.html", "intro", slugs) == ""
    assert pdf._joined("../en/tokens.html", "intro", slugs) == ""


def test_without_pages_there_is_no_book(tmp_path):
    with pytest.raises(ValueError, match=r"expected the built page en/intro\.html"):
        pdf.document(tmp_path, "en")


# --- Printed ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def html(site):
    return pdf.document(site, "es", SLUGS)


@pytest.fixture(scope="module")
def book(browser, html):
    """Two Spanish chapters in print."""
    return PdfReader(io.BytesIO(pdf.print_book(browser, html, "es")))


@pytest.fixture(scope="module")
def texts(book):
    return [page.extract_text() for page in book.pages]


def squeezed(text: str) -> str:
    """Return a text's letters, however its lines break and its ligatures are written."""
    return "".join(text.replace("ﬁ", "fi").replace("ﬂ", "fl").split())


def test_cover_and_properties(book, texts):
    assert {tuple(map(round, page.mediabox[2:])) for page in book.pages} <= {(595, 842), (596, 842)}
    assert squeezed("Construye un LLM, paso a paso") in squeezed(texts[0])
    assert f"Versión {version()} del 20" in texts[0]
    assert "CC BY 4.0" in texts[0]
    assert book.metadata.title == "Construye un LLM, paso a paso"
    assert book.metadata["/CreationDate"].endswith("000000Z")
    assert book.trailer["/Root"]["/Lang"] == "es"
    assert book.trailer["/Root"]["/MarkInfo"]["/Marked"]


def test_the_outline_has_the_titles(book, html):
    chapters = [entry.title for entry in book.outline if not isinstance(entry, list)]
    headings = BeautifulSoup(html, "html.parser").select("body > section h1")
    titles = [" ".join(heading.get_text().split()) for heading in headings]
    assert chapters == ["Construye un LLM, paso a paso", "Índice", *titles]
    sections = [entry for entry in book.outline if isinstance(entry, list)]
    assert min(len(entries) for entries in sections) > 5


def test_the_contents_have_the_right_pages(book, texts, html):
    rows = BeautifulSoup(html, "html.parser").select("nav a")
    contents = squeezed("".join(texts[1 : pdf.page_numbers(book)[SLUGS[0]] - 1]))
    for row in rows:
        title, anchor = squeezed(row.span.get_text()), row["href"][1:]
        page = pdf.page_numbers(book)[anchor]
        assert squeezed(f"{title}{page}") in contents
        assert title in squeezed(texts[page - 1])
    # The number of a page and its chapter's title stand in its footer, which comes first.
    titles = {
        pdf.page_numbers(book)[row["href"][1:]]: row for row in rows if "chapter" in row["class"]
    }
    title = "Índice"
    for number, text in enumerate(texts[1:], 2):
        title = titles[number].span.get_text() if number in titles else title
        assert squeezed(text).startswith(squeezed(f"{number}{title}"))


def test_links_in_print_lead_somewhere(book):
    names = book.named_destinations
    inside, outside = [], []
    for page in book.pages:
        for annotation in page.get("/Annots", []):
            annotation = annotation.get_object()
            action = annotation.get("/A", {})
            if "/URI" in action:
                outside.append(action["/URI"])
            else:
                inside.append(annotation.get("/Dest", action.get("/D")))
    assert len(inside) > 30
    assert [name for name in inside if f"{name}" not in names] == []
    assert [address for address in outside if not address.startswith("https://")] == []


def test_formulas_tables_and_solutions_are_printed(book, texts):
    fonts = set()
    for page in book.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            font = font.get_object()
            about = font.get("/FontDescriptor")
            fonts.add(font["/BaseFont"] if "/BaseFont" in font else about["/FontName"])
    assert any("MathJax" in name for name in fonts), fonts
    assert any("STIX" in name for name in fonts), fonts
    whole = squeezed("".join(texts))
    assert whole.count(squeezed("Solución")) > 4
    assert squeezed("Todavía no") in whole  # what an exercise prints at first
    assert squeezed("Pesos de la cabeza") in whole  # a live figure's table
    assert "Mostrarlasolución" not in whole
    for page in book.pages[1:]:
        assert len(page.extract_text()) > 60


def test_page_numbers_that_do_not_settle_are_an_error(browser, monkeypatch):
    numbers = iter(range(100))
    monkeypatch.setattr(pdf, "page_numbers", lambda _: {"x": next(numbers)})
    planted = "<!DOCTYPE html><title>x</title><h1>x</h1>"
    with pytest.raises(RuntimeError, match="expected page numbers that settle, got others in 5"):
        pdf.print_book(browser, planted, "en")


def test_a_request_to_elsewhere_is_an_error(browser):
    planted = '<!DOCTYPE html><title>x</title><h1>x</h1><img src="https://example.org/x.png">'
    with pytest.raises(RuntimeError, match=r"request to elsewhere: https://example\.org/x\.png"):
        pdf.print_book(browser, planted, "en")
    planted = '<!DOCTYPE html><title>x</title><h1>x</h1><img src="file:///no/such.png">'
    with pytest.raises(RuntimeError, match="failed: file"):
        pdf.print_book(browser, planted, "en")
