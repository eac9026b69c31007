"""MyST as plain Markdown: each construct by hand, and none gets through that is not known."""

import pytest

from tools.house import LANGUAGES, ROOT, chapters
from tools.plain_markdown import Edition, plain, read_edition

SITE = "https://some.github.io/fork"


@pytest.fixture(params=[SITE, ""], ids=["site", "no-address"])
def site(request, monkeypatch):
    monkeypatch.setenv("BOOK_REPOSITORY", "some/fork" if request.param else "")
    monkeypatch.delenv("BOOK_BASE_URL", raising=False)
    return request.param


@pytest.fixture
def published(monkeypatch):
    monkeypatch.setenv("BOOK_REPOSITORY", "some/fork")
    monkeypatch.delenv("BOOK_BASE_URL", raising=False)


def edition(language="en"):
    titles = {"tokens": "Tokens", "gpt": "GPT", "glossary": "Glossary", "references": "References"}
    return Edition(language, titles, {"merge_pairs": ("tokens", "Merging pairs")})


def rewritten(text, language="en"):
    return plain(text, edition(language), "gpt")


def test_links_between_pages(site):
    base = f"{SITE}/en/" if site else ""
    end = "html" if site else "ipynb"
    assert rewritten("See [it](tokens.ipynb#bpe) and [b](./gpt.ipynb).") == (
        f"See [it]({base}tokens.{end}#bpe) and [b]({base or './'}gpt.{end})."
    )
    here = f"{SITE}/en/gpt.html" if site else ""
    assert rewritten("[up](#top)") == f"[up]({here}#top)"
    if site:
        assert rewritten("[es](../es/tokens.ipynb)") == f"[es]({SITE}/es/tokens.html)"
        assert rewritten("[w](glossary.md#term-x)", "es") == f"[w]({SITE}/es/glossary.html#term-x)"
        assert rewritten('<a href="tokens.ipynb">') == f'<a href="{SITE}/en/tokens.html">'
        assert rewritten("![logo](../_static/favicon.svg)") == (
            f"![logo]({SITE}/_static/favicon.svg)"
        )
        assert rewritten("[x]: tokens.ipynb") == f"[x]: {SITE}/en/tokens.html"


@pytest.mark.parametrize(
    "text",
    [
        "[paper](https://arxiv.org/abs/1706.03762) and [x](https://en.wikipedia.org/wiki/A_(b))",
        "`[a](nowhere.ipynb)` and ``{ref}`x` ``",
        "```python\n[a](nowhere.ipynb)\n(label)=\n{{ x }}\n```",
        "~~~\n:::{note}\n~~~",
        "$\\frac{{a}}{{b}}$ costs \\$5",
        "$$\n\\frac{{a}}{{b}}\n$$",
        "$$ {{a}} $$ {x}",
        "> **Predict first.** [1] (a) = {b}",
        "<details><summary>Answer</summary>\n\nText.\n\n</details>",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "",
    ],
)
def test_plain_markdown_stays(site, text):
    assert rewritten(text) == text


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (":::{note}\nOne.\n\nTwo.\n:::", "> **Note**\n>\n> One.\n>\n> Two."),
        ("```{warning} Hot.\n```\nafter", "> **Warning**\n>\n> Hot.\nafter"),
        (":::{admonition} A *title*\n:class: tip\n\nText.\n:::", "> **A *title***\n>\n> Text."),
        (
            "::::{dropdown} Answer\n:::{tip}\nInner.\n:::\n::::",
            "<details><summary>Answer</summary>\n\n> **Tip**\n>\n> Inner.\n\n</details>",
        ),
        (
            ":::{note}\n:class: dropdown\nText.\n:::",
            "<details><summary>Note</summary>\n\nText.\n\n</details>",
        ),
        (
            ":::{figure} ../_static/favicon.svg\n:alt: A sign\nThe *caption*.\n:::",
            f"![A sign]({SITE}/_static/favicon.svg)\n\nThe *caption*.",
        ),
        ("```{math}\n:label: one\na = b\n```", "$$\na = b\n$$"),
        ("```{code-block} python\n:linenos:\nx = {{}}\n```", "```python\nx = {{}}\n```"),
        ("(here)=\n## Title", "## Title"),
        ("% a comment\nText", "Text"),
        ("{doc}`tokens`", f"[Tokens]({SITE}/en/tokens.html)"),
        ("{doc}`that <gpt>`", f"[that]({SITE}/en/gpt.html)"),
        ("{ref}`merge_pairs`", f"[Merging pairs]({SITE}/en/tokens.html#merge-pairs)"),
        ("{ref}`so <merge_pairs>`", f"[so]({SITE}/en/tokens.html#merge-pairs)"),
        ("a {term}`logits <logit>`", f"a [logits]({SITE}/en/glossary.html)"),
        ("{cite}`a2017,b2018`", f"[a2017, b2018]({SITE}/en/references.html)"),
        ("{math}`x^2` {kbd}`Ctrl`", "$x^2$ <kbd>Ctrl</kbd>"),
        ("{{ repository }}", "https://github.com/some/fork"),
        ("{{ clone }}", "git clone https://github.com/some/fork.git"),
        ("{{ '[x](' + site + ')' }}", f"[x]({SITE}/)"),
    ],
)
def test_constructs(published, text, result):
    assert rewritten(text) == result


def test_words_of_spanish(published):
    assert rewritten(":::{seealso}\nEso.\n:::", "es") == "> **Véase también**\n>\n> Eso."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (":::{tableofcontents}\n:::", "unknown directive"),
        (":::note\n:::", "unknown directive"),
        (":::{note}\nno end", "without an end"),
        ("{eq}`one`", "unknown role: 'eq'"),
        ("{ref}`nowhere`", "unknown label: 'nowhere'"),
        ("{doc}`nowhere`", "unknown page: 'nowhere'"),
        ("[a](nowhere.ipynb)", "unknown page: 'nowhere'"),
        ("[a](tokens)", "unknown target"),
        ("[a](../../README.md)", "unknown target"),
        ("![a](picture.png)", "unknown target"),
        ("![a](../_static/nowhere.png)", "unknown file"),
        ("{{ nowhere }}", "unknown substitution"),
        ("a[^1]", "footnote"),
        ("term\n: definition", "unknown construct"),
        ("+++", "unknown construct"),
    ],
)
def test_what_is_not_known_is_an_error(site, text, message):
    with pytest.raises(ValueError, match=message):
        rewritten(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_books_pages_are_read(language):
    found = read_edition(ROOT, language)
    assert list(found.titles) == chapters(ROOT)
    assert all(title != slug for slug, title in found.titles.items())


def test_labels_are_read(tmp_path):
    (tmp_path / "book/en").mkdir(parents=True)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/en/a\n")
    page = "(top)=\n# A title\n\ntext\n\n(deep-one)=\n\n## Deep\n\n(loose)=\ntext\n"
    (tmp_path / "book/en/a.md").write_text(page)
    assert read_edition(tmp_path, "en") == Edition(
        "en",
        {"a": "A title"},
        {"top": ("a", "A title"), "deep-one": ("a", "Deep"), "loose": ("a", "A title")},
    )
