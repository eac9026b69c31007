"""MyST's Markdown as plain Markdown, which Colab and GitHub show too.

Links between pages lead to the book's site where its address is known and stay relative where it is
not. Directives become block quotes, `<details>`, pictures and code; roles become links and text;
substitutions become what they stand for. A construct that this module does not know is an error:
a reader would see it raw.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, StrictUndefined, TemplateError

from tools import addresses, house

__all__ = ["Edition", "plain", "read_edition"]

ADMONITIONS = {
    "en": {
        "attention": "Attention",
        "caution": "Caution",
        "danger": "Danger",
        "error": "Error",
        "hint": "Hint",
        "important": "Important",
        "note": "Note",
        "seealso": "See also",
        "tip": "Tip",
        "warning": "Warning",
    },
    "es": {
        "attention": "Atención",
        "caution": "Precaución",
        "danger": "Peligro",
        "error": "Error",
        "hint": "Pista",
        "important": "Importante",
        "note": "Nota",
        "seealso": "Véase también",
        "tip": "Consejo",
        "warning": "Aviso",
    },
}
FENCE = re.compile(r"( {0,3})(`{3,}|~{3,}|:{3,})(?:\{([^}]*)\})?[ \t]*(.*)")
LABEL = re.compile(r"^\(([\w:.-]+)\)=[ \t]*$", re.M)
INLINE = re.compile(
    r"""
      \{(?P<role>[\w:-]+)\}(?P<ticks>`+)(?P<content>.+?)(?P=ticks)(?!`)
    | (?<!`)(?P<fence>`+)(?!`).+?(?<!`)(?P=fence)(?!`)
    | \$\$.+?\$\$ | (?<!\\)\$(?=\S)[^$]+?(?<=\S)\$
    | \{\{(?P<value>.+?)\}\}
    | (?P<footnote>\[\^[^\]\s]+\])
    | (?P<before>(?<=\])\(|^\[[^\]]+\]:[ \t]*|\b(?:href|src)=")(?P<target>[^()\s">]+)
    """,
    re.X | re.S | re.M,
)


@dataclass
class Edition:
    """What a page of one language may refer to: pages by slug, and labels."""

    language: str
    titles: dict[str, str] = field(default_factory=dict)
    labels: dict[str, tuple[str, str]] = field(default_factory=dict)  # slug, title


def read_edition(root: Path, language: str) -> Edition:
    """Read the titles and labels of all pages that `_toc.yml` lists."""
    edition = Edition(language)
    for slug in house.chapters(root):
        page = root / "book" / language / slug
        if page.with_suffix(".ipynb").is_file():
            cells = house.read_notebook(page.with_suffix(".ipynb")).cells
            text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        else:
            text = page.with_suffix(".md").read_text(encoding="utf-8")
        title = re.search(r"^# (.+)$", text, re.M)
        edition.titles[slug] = title[1] if title else slug
        for label in re.finditer(LABEL.pattern + r"\s*(?:^#+ (.+)$)?", text, re.M):
            edition.labels[label[1]] = slug, label[2] or edition.titles[slug]
    return edition


def plain(text: str, edition: Edition, slug: str) -> str:
    """Return a page's Markdown without what only MyST understands.

    Args:
        text: a Markdown cell.
        edition: what it may refer to.
        slug: the page that it stands on.

    Raises:
        ValueError: a construct that is not known, or a reference that leads nowhere.
    """
    return "\n".join(_Page(edition, slug).blocks(text.split("\n")))


@dataclass
class _Page:
    edition: Edition
    slug: str

    def blocks(self, lines: list[str]) -> list[str]:
        """Rewrite lines: fenced blocks and displayed formulas one by one, text in between."""
        done, prose, lines = [], [], list(lines)

        def flush():
            if prose:
                done.extend(self.inline("\n".join(prose)).split("\n"))
                prose.clear()

        while lines:
            line = lines.pop(0)
            if fence := FENCE.fullmatch(line):
                flush()
                done += self.fenced(fence, line, _until_end(fence, lines))
            elif line.lstrip().startswith("$$") and line.count("$$") == 1:
                flush()
                done.append(line)
                while lines and "$$" not in lines[0]:
                    done.append(lines.pop(0))
                done += lines[:1]
                del lines[:1]
            elif LABEL.fullmatch(line) or line.startswith("% "):
                flush()
            elif re.match(r"\+\+\+|: +\S", line):
                raise ValueError(f"unknown construct: {line!r}")
            else:
                prose.append(line)
        flush()
        return done

    def fenced(self, fence: re.Match, line: str, body: list[str]) -> list[str]:
        """Rewrite a fenced block: code as it is, a directive by its name."""
        indent, marks, name, argument = fence.groups()
        if name is None and marks[0] != ":":
            return [line, *body, f"{indent}{marks}"]
        options = {}
        while body and (option := re.fullmatch(r"\s*:([\w-]+):[ \t]*(.*)", body[0])):
            options[option[1]] = option[2]
            body.pop(0)
        while body and not body[0].strip():
            body.pop(0)
        titles = ADMONITIONS[self.edition.language]
        if name in titles:
            body, title = ([argument, *body] if argument else body), titles[name]
        elif name in ("admonition", "dropdown"):
            title = self.inline(argument)
        elif name in ("figure", "image"):
            picture = f"![{options.get('alt', '')}]({self.target(argument)})"
            return [picture, *(["", *self.blocks(body)] if body else [])]
        elif name == "math":
            return ["$$", *body, "$$"]
        elif name in ("code", "code-block"):
            return [f"```{argument}", *body, "```"]
        else:
            raise ValueError(f"unknown directive: {line.strip()!r}")
        body = self.blocks(body)
        if name == "dropdown" or "dropdown" in options.get("class", "").split():
            return [f"<details><summary>{title}</summary>", "", *body, "", "</details>"]
        return [f"> {row}".rstrip() for row in (f"**{title}**", "", *body)]

    def inline(self, text: str) -> str:
        """Rewrite the roles, substitutions and links of a text; code and formulas stay."""
        return INLINE.sub(self.replace, text)

    def replace(self, found: re.Match) -> str:
        if found["role"]:
            return self.role(found["role"], " ".join(found["content"].split()))
        if found["value"]:
            template = Environment(undefined=StrictUndefined).from_string(found[0])
            try:
                return template.render(addresses.substitutions(self.edition.language))
            except TemplateError as error:
                raise ValueError(f"unknown substitution: {found[0]!r} ({error})") from None
        if found["footnote"]:
            raise ValueError(f"unknown construct: a footnote, {found[0]!r}")
        if found["target"]:
            return found["before"] + self.target(found["target"])
        return found[0]

    def role(self, name: str, content: str) -> str:
        """Rewrite a role as a link or as text."""
        explicit = re.fullmatch(r"(.+?)\s*<(.+)>", content)
        text, to = explicit.groups() if explicit else ("", content)
        if name == "doc":
            slug = to.removesuffix(".ipynb").removesuffix(".md").removeprefix("./")
            return f"[{text or self.title(slug)}]({self.target(f'{slug}.ipynb')})"
        if name == "ref":
            if to not in self.edition.labels:
                raise ValueError(f"unknown label: {to!r}")
            slug, title = self.edition.labels[to]
            anchor = re.sub(r"[^a-z0-9]+", "-", to.lower()).strip("-")
            return f"[{text or title}]({self.target(f'{slug}.ipynb#{anchor}')})"
        if name == "term":
            return f"[{text or to}]({self.target('glossary.md')})"
        if name in ("cite", "cite:p", "cite:t"):
            references = self.target("references.md")
            keys = [key.strip() for key in to.split(",")]
            return f"[{', '.join(keys)}]({references})"
        if name == "math":
            return f"${content}$"
        if name in ("kbd", "sub", "sup"):
            return f"<{name}>{content}</{name}>"
        raise ValueError(f"unknown role: {name!r}")

    def title(self, slug: str) -> str:
        if slug not in self.edition.titles:
            raise ValueError(f"unknown page: {slug!r}")
        return self.edition.titles[slug]

    def target(self, target: str) -> str:
        """Return where a link or picture leads from outside the book's folder."""
        if re.match(r"[a-z][a-z+.-]*:|mailto:", target, re.I):
            return target
        path, mark, anchor = target.partition("#")
        language, site = self.edition.language, addresses.site_url()
        if static := re.fullmatch(r"(?:\.\./)?_static/(.+)", path):
            if not (house.ROOT / "book" / "_static" / static[1]).is_file():
                raise ValueError(f"unknown file: {target!r}")
            return f"{site}_static/{static[1]}" if site else target
        page = re.fullmatch(r"(?:\.\./(?P<language>\w\w)/|\./)?(?P<slug>\w+)\.(?:ipynb|md)", path)
        if path and not page:
            raise ValueError(f"unknown target of a link: {target!r}")
        slug = page["slug"] if page else self.slug
        self.title(slug)
        if not site:
            return target
        return addresses.page_url((page and page["language"]) or language, slug) + mark + anchor


def _until_end(fence: re.Match, lines: list[str]) -> list[str]:
    """Take the lines of a fenced block, and the fence that ends it, off the front of `lines`."""
    end = re.compile(rf" {{0,3}}{re.escape(fence[2][0])}{{{len(fence[2])},}}[ \t]*")
    body = []
    while lines:
        line = lines.pop(0)
        if end.fullmatch(line):
            return body
        body.append(line)
    raise ValueError(f"a block without an end: {fence[0].strip()!r}")
