"""The bibliography's Sphinx settings: one file for both editions, each in its own words.

`sphinxcontrib-bibtex` reads ``book/references.bib``; the style here writes an entry as *authors
(year). Title. Where. Link.* in the edition's language.
"""

import os
from pathlib import Path

from pybtex.plugin import register_plugin
from pybtex.richtext import HRef, Tag, Text
from pybtex.style import FormattedEntry
from pybtex.style.formatting import BaseStyle

BIBLIOGRAPHY = Path(__file__).resolve().parents[2] / "book" / "references.bib"


def _initials(name):
    """Shorten Jean-Baptiste to J.-B., and leave the particle of a name as it is."""
    return name if name[0].islower() else "-".join(f"{part[0]}." for part in name.split("-"))


class EnglishStyle(BaseStyle):
    """The entries of the English edition."""

    last, others = "and", "and others"

    def format_entry(self, label, entry, bib_data=None):
        """Return an entry as rich text."""
        fields = entry.fields
        authors = self._authors(entry.persons.get("author", []))
        year = f"({fields['year']})" if "year" in fields else ""
        start = " ".join(filter(None, [authors, year]))
        title = Text.from_latex(fields["title"])
        parts = [f"{start.removesuffix('.')}. " if start else "", Tag("em", title.add_period())]
        for key in ("journal", "booktitle", "howpublished"):
            if key in fields:
                number = f"({fields['number']})" if "number" in fields else ""
                volume = f" {fields['volume']}{number}" if "volume" in fields else ""
                parts += [" ", fields[key], volume, "."]
        for key, name, place in (
            ("eprint", "arXiv:{}", "https://arxiv.org/abs/{}"),
            ("doi", "doi:{}", "https://doi.org/{}"),
            ("url", "{}", "{}"),
        ):
            if key in fields:
                shown = name.format(fields[key]).removeprefix("https://")
                parts += [" ", HRef(place.format(fields[key]), shown)]
        return FormattedEntry(entry.key, Text(*parts), label)

    def _authors(self, persons):
        names = []
        for person in persons:
            if str(person) == "others":
                return f"{', '.join(names)} {self.others}"
            initials = " ".join(map(_initials, [*person.first_names, *person.middle_names]))
            last = " ".join([*person.prelast_names, *person.last_names]).strip("{}")
            names.append(", ".join(filter(None, [last, initials])))
        start = ", ".join(names[:-1])
        return f"{start} {self.last} {names[-1]}" if start else "".join(names)


class SpanishStyle(EnglishStyle):
    """The entries of the Spanish edition."""

    last, others = "y", "y otros"


def _configure(app, config):
    config.bibtex_bibfiles = [Path(os.path.relpath(BIBLIOGRAPHY, app.srcdir)).as_posix()]
    config.bibtex_default_style = f"book-{config.language}"
    config.bibtex_cite_id = "{key}"


def setup(app):
    """Register the bibliography with Sphinx."""
    for language, style in {"en": EnglishStyle, "es": SpanishStyle}.items():
        register_plugin("pybtex.style.formatting", f"book-{language}", style)
    app.setup_extension("sphinxcontrib.bibtex")
    app.connect("config-inited", _configure)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
