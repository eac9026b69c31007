"""The Markdown of questions as HTML: paragraphs, code, formulas, emphasis. All else is escaped."""

import re
from collections.abc import Callable
from html import escape, unescape

__all__ = [
    "as_html",
    "code_block",
    "code_span",
    "fenced",
    "formulas",
    "in_brackets",
    "inline_html",
    "shown_length",
]

COMMAND = re.compile(r"\\[A-Za-z]+")  # of TeX
FENCE = re.compile(r"^(`{3,})[^\n`]*\n(.*?)^\1[ \t]*$", re.M | re.S)
PARTS = re.compile(
    r"(?P<ticks>`+)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)"
    r"|(?<!\\)\$(?P<maths>[^\s$](?:[^$]*[^\s$])?)\$(?!\d)"
    r"|\*\*(?P<strong>[^\s*](?:[^*]*[^\s*])?)\*\*"
    r"|(?<![\w*])\*(?P<em>[^\s*](?:[^*]*[^\s*])?)\*(?![\w*])",
    re.S,
)


def in_brackets(formula: str) -> str:
    r"""Return a formula in \( and \), where MathJax looks for it."""
    return rf"\({escape(formula, quote=False)}\)"


def inline_html(text: str, maths: Callable[[str], str] = in_brackets) -> str:
    r"""Return a line of Markdown as HTML; `maths` writes its formulas.

    >>> inline_html("a < `b`, *c*, $d_1$")
    'a &lt; <code>b</code>, <em>c</em>, \\(d_1\\)'
    """
    parts, start = [], 0
    for match in PARTS.finditer(text):
        parts.append(escape(text[start : match.start()], quote=False))
        if match["code"] is not None:
            parts.append(f"<code>{escape(_within(match['code']), quote=False)}</code>")
        elif match["maths"] is not None:
            parts.append(maths(match["maths"]))
        else:
            tag = "strong" if match["strong"] is not None else "em"
            parts.append(f"<{tag}>{inline_html(match[tag], maths)}</{tag}>")
        start = match.end()
    return "".join([*parts, escape(text[start:], quote=False)])


def formulas(text: str) -> set[str]:
    """Return the formulas of Markdown of several paragraphs."""
    found = set()
    as_html(text, lambda formula: found.add(formula) or "")
    return found


def shown_length(text: str) -> int:
    """Return about how many characters a reader sees of a line of Markdown."""
    shown = inline_html(text, lambda formula: re.sub(r"[{}^_ ]", "", COMMAND.sub("x", formula)))
    return len(unescape(re.sub(r"<[^>]*>", "", shown)))


def _within(code: str) -> str:
    """Return what stands in ticks, without the spaces that keep it from them."""
    padded = code.startswith(" ") and code.endswith(" ") and code.strip()
    return code[1:-1] if padded else code


def as_html(text: str, maths: Callable[[str], str] = in_brackets) -> str:
    """Return Markdown of several paragraphs as HTML; `maths` writes its formulas."""
    parts, start = [], 0
    for match in FENCE.finditer(text):
        parts += [
            _paragraphs(text[start : match.start()], maths),
            code_block(match[2].rstrip("\n")),
        ]
        start = match.end()
    return "".join([*parts, _paragraphs(text[start:], maths)])


def _paragraphs(text: str, maths: Callable[[str], str]) -> str:
    blocks = (block.strip() for block in re.split(r"\n\s*\n", text))
    return "".join(f"<p>{inline_html(block, maths)}</p>" for block in blocks if block)


def code_block(code: str) -> str:
    """Return lines of code as HTML."""
    return f"<pre><code>{escape(code, quote=False)}</code></pre>"


def code_span(code: str) -> str:
    """Return code in Markdown's ticks, more of them than the code has in a row."""
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", code)), default=0))
    space = " " if code.startswith("`") or code.endswith("`") else ""
    return f"{ticks}{space}{code}{space}{ticks}"


def fenced(code: str, language: str = "python") -> str:
    """Return lines of code in a fence that is longer than any in them."""
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{code}\n{ticks}"
