"""The book's search: an index of sections and of the glossary's terms, read by `search.js`.

Sphinx's own search leads to whole pages, needs a server for its excerpts, and stems Spanish badly.
A section is what a reader wants to land on, so sections are what is listed here: page, anchor,
titles and text. The page's script cuts, weighs and ranks them when somebody searches.
"""

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes

HERE = Path(__file__).resolve().parent
# Neither prose nor code: formulas are TeX, raw parts are HTML.
SILENT = (nodes.math, nodes.math_block, nodes.raw, nodes.comment, nodes.image, nodes.target)
BLOCKS = (nodes.TextElement, nodes.literal_block)


def section_entries(doctree: nodes.document, page: str) -> list[list[str]]:
    """Return [address, page's title, section's title, prose, code] of each section of a page.

    A section's text is its own, without that of the sections inside it. Each term of a glossary
    is an entry of its own.
    """
    entries, top = [], ""
    for section in doctree.findall(nodes.section):
        title = section.next_node(nodes.title).astext()
        top = top or title
        prose, code = [], []
        for child in section.children:
            if not isinstance(child, nodes.section | nodes.title):
                _collect(child, prose, code)
        anchor = f"#{section['ids'][0]}" if section.parent is not doctree else ""
        entries.append([f"{page}.html{anchor}", top, title, _join(prose), _join(code)])
    for item in doctree.findall(nodes.definition_list_item):
        terms = [child for child in item.children if isinstance(child, nodes.term)]
        if terms and terms[0]["ids"] and isinstance(item.parent.parent, addnodes.glossary):
            prose, code = [], []
            for child in item.children:
                if not isinstance(child, nodes.term):
                    _collect(child, prose, code)
            title = ", ".join(term.astext() for term in terms)
            address = f"{page}.html#{terms[0]['ids'][0]}"
            entries.append([address, top, title, _join(prose), _join(code)])
    return entries


def _join(parts: list[str]) -> str:
    return re.sub(r"\s+", " ", " ".join(parts)).strip()


def _collect(node: nodes.Node, prose: list[str], code: list[str]) -> None:
    """Add the texts below `node`, block by block: neighbours are no single word."""
    if isinstance(node, (*SILENT, addnodes.glossary)):
        return
    if isinstance(node, nodes.literal_block):
        code.append(node.astext())
    elif isinstance(node, nodes.TextElement):
        text = "".join(
            leaf.astext()
            for leaf in node.findall(nodes.Text)
            if not isinstance(leaf.parent, SILENT)
        )
        prose.append(text)
    elif isinstance(node, nodes.container) and "cell_output" in node.get("classes", ()):
        return  # what a program printed is no place to look for words
    else:
        for child in node.children:
            _collect(child, prose, code)


def write_index(app, words: dict) -> None:
    """Write `search_<language>.js`: the edition's words, the sections of all pages, the search.

    Args:
        app: the Sphinx application, its pages written.
        words: the edition's `search` settings: stop words, aliases and what the page says.
    """
    entries = []
    for name in sorted(app.env.found_docs):
        entries += section_entries(app.env.get_doctree(name), name)
    data = json.dumps({"entries": entries, **words}, ensure_ascii=False, separators=(",", ":"))
    script = (HERE / "search.js").read_text(encoding="utf-8")
    target = Path(app.outdir) / "_static" / f"search_{words['language']}.js"
    target.write_text(f"const SEARCH = {data};\n{script}", encoding="utf-8")
