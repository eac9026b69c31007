"""Build both editions of the book into one static site, and serve it.

    python -m tools.site                # build into _build/site
    python -m tools.site --serve 8000   # serve _build/site on 127.0.0.1

The site needs no server: it also opens from its folder. Each edition is built by Jupyter Book
from ``book/<language>`` with ``_config.yml`` and ``_toc.yml``, under which lie the edition's own
words (``book/<language>/_edition.yml``); every warning is an error. The old site stays in place
until the new one is complete.
"""

import argparse
import contextlib
import copy
import functools
import gc
import http.server
import io
import multiprocessing
import re
import shutil
import sys
import time
from collections.abc import Iterable
from html import escape
from pathlib import Path

import yaml

from lessons_lib.base import console
from tools import addresses
from tools.book_site import editions
from tools.book_site.front import front_page, live_files, lost_page
from tools.book_site.share import share_picture
from tools.house import chapters

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "site"


def _read(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def edition_toc(toc: dict, edition: dict) -> dict:
    """Return the table of contents of one edition: its own files and captions.

    Raises:
        ValueError: a caption has no translation, or a file is not below ``book/en/``.
    """
    toc, captions = copy.deepcopy(toc), edition["captions"]

    def translate(entry):
        for key in ("root", "file"):
            if key in entry:
                if not entry[key].startswith("book/en/"):
                    raise ValueError(f"_toc.yml: expected a file below book/en/, got {entry[key]}")
                entry[key] = entry[key].removeprefix("book/en/")
        if "caption" in entry and edition["language"] != "en":
            if entry["caption"] not in captions:
                raise ValueError(
                    f"book/{edition['language']}/_edition.yml: expected a translation of the "
                    f"caption {entry['caption']!r} under 'captions', got {sorted(captions)}"
                )
            entry["caption"] = captions[entry["caption"]]
        for key in ("parts", "chapters", "sections"):
            for child in entry.get(key, ()):
                translate(child)

    translate(toc)
    return toc


def _merge(base: dict, top: dict) -> dict:
    merged = dict(base)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merge(base[key], value) if both else value
    return merged


def edition_config(language: str) -> dict:
    """Return the book's settings with an edition's own laid over them."""
    return _merge(_read(ROOT / "_config.yml"), editions()[language]["config"])


def _build_edition(language: str, work: Path) -> tuple[str, str, float]:
    """Build one edition below ``work``; return its language, what went wrong, and the seconds."""
    from jupyter_book.sphinx import build_sphinx
    from sphinx.util.console import nocolor

    if not sys.stderr.isatty():
        nocolor()
    gc.disable()  # what Sphinx makes of a page lives until the end of this process
    start = time.perf_counter()
    edition, base = editions()[language], addresses.site_url()
    html, doctrees = work / "html", work / "doctrees"
    shutil.rmtree(html, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)

    config = edition_config(language)
    config["sphinx"]["local_extensions"] = {"tools.book_site": str(ROOT)}
    toc = edition_toc(_read(ROOT / "_toc.yml"), edition)
    (work / "_config.yml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    (work / "_toc.yml").write_text(yaml.safe_dump(toc, allow_unicode=True), encoding="utf-8")

    log = io.StringIO()
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        result = build_sphinx(
            ROOT / "book" / language,
            html,
            noconfig=True,
            path_config=work / "_config.yml",
            doctreedir=doctrees,
            confoverrides={
                "external_toc_path": (work / "_toc.yml").as_posix(),
                "latex_individualpages": False,
                "nitpicky": True,
                "book_has_both_editions": True,
                "html_baseurl": base and f"{base}{language}/",
            },
            warningiserror=True,
            keep_going=True,
            quiet=True,
        )
    problems = log.getvalue() if result else ""
    if result:
        # Sphinx warns of a page once, when it reads it: the next build must read it again.
        shutil.rmtree(doctrees, ignore_errors=True)
        problems = problems or f"the build ended with {result!r}"
    else:
        first = f"{toc['root']}.html"
        (html / "index.html").write_text(
            f'<!DOCTYPE html>\n<html lang="{language}">\n<meta charset="utf-8">\n'
            f"<title>{edition['title']}</title>\n"
            f'<meta http-equiv="refresh" content="0; url={first}">\n'
            f'<main><h1><a href="{first}">{edition["title"]}</a></h1></main>\n</html>\n',
            encoding="utf-8",
        )
    return language, problems, time.perf_counter() - start


def build(site: Path = SITE, work: Path | None = None) -> None:
    """Build both editions and the page that offers them.

    Args:
        site: the folder to make; replaced only when everything has been built.
        work: the folder that keeps what speeds up the next build (default: beside the site).

    Raises:
        RuntimeError: an edition gave warnings or errors; they are the message.
    """
    site = site.resolve()
    work = work or site.parent / "editions"
    every = editions()
    with multiprocessing.get_context("spawn").Pool(len(every)) as pool:
        jobs = [pool.apply_async(_build_edition, (code, work / code)) for code in every]
        done = [job.get() for job in jobs]
    problems = [f"{ROOT / 'book' / code}:\n{text}" for code, text, _ in done if text]
    if problems:
        raise RuntimeError("\n".join(problems))
    for code, _, seconds in done:
        print(f"{every[code]['name']}: built in {seconds:.1f} s")

    new, old = (site.with_name(f".{site.name}-{state}") for state in ("new", "old"))
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    for code in every:
        leave = shutil.ignore_patterns("*.map", ".buildinfo*", "objects.inv", ".doctrees")
        shutil.copytree(work / code / "html", new / code, ignore=leave)
    _share_static(new, every)
    (new / ".nojekyll").touch()
    _front(new, every)
    if base := addresses.site_url():
        (new / "sitemap.xml").write_text(_sitemap(base, every), encoding="utf-8")
        robots = f"User-agent: *\nAllow: /\n\nSitemap: {base}sitemap.xml\n"
        (new / "robots.txt").write_text(robots, encoding="utf-8")
    if site.exists():
        site.rename(old)
    new.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def _share_static(new: Path, languages: Iterable[str]) -> None:
    """Put the files that the editions' pages load into one folder, for both languages.

    Raises:
        RuntimeError: two editions have another file of the same name.
    """
    shared = new / "_static"
    for code in languages:
        own = new / code / "_static"
        for path in [path for path in own.rglob("*") if path.is_file()]:
            target = shared / path.relative_to(own)
            if target.exists() and target.read_bytes() != path.read_bytes():
                raise RuntimeError(f"expected one {target.name} for all editions, got another")
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        shutil.rmtree(own)
        for page in (new / code).rglob("*.html"):
            up = "../" * len(page.relative_to(new).parent.parts)
            text = page.read_text(encoding="utf-8")
            text = re.sub(r'\b(href|src)="_static/', rf'\1="{up}_static/', text)
            page.write_text(text, encoding="utf-8")


def _front(new: Path, every: dict[str, dict]) -> None:
    """Write the front page with its files, the page of a lost address, the pictures for links."""
    toc = _read(ROOT / "_toc.yml")
    tocs = [edition_toc(toc, edition) for edition in every.values()]
    own = [dict(edition) for edition in every.values()]
    files = live_files(every)
    for name, text in files.items():
        (new / "_static" / name).write_text(text, encoding="utf-8")
    page = front_page(own, tocs, next(iter(files)))
    (new / "index.html").write_text(page, encoding="utf-8")
    (new / "404.html").write_text(lost_page(own), encoding="utf-8")
    for edition in own:
        picture = share_picture(edition["title"], edition["front"]["lead"], edition["trace"])
        (new / "_static" / f"share_{edition['language']}.png").write_bytes(picture)


def _sitemap(base: str, languages: Iterable[str]) -> str:
    """Return the list of all pages for search engines, each with its other languages."""
    languages, entries = list(languages), []
    for slug in chapters(ROOT):
        pages = {code: f"{base}{code}/{slug}.html" for code in languages}
        links = "".join(
            f'<xhtml:link rel="alternate" hreflang="{code}" href="{escape(page)}"/>'
            for code, page in {**pages, "x-default": pages[languages[0]]}.items()
        )
        entries += [f"<url><loc>{escape(page)}</loc>{links}</url>" for page in pages.values()]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
        ' xmlns:xhtml="http://www.w3.org/1999/xhtml">\n' + "\n".join(entries) + "\n</urlset>\n"
    )


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing about single requests."""


def server(site: Path = SITE, port: int = 0) -> http.server.ThreadingHTTPServer:
    """Return a server of a folder on 127.0.0.1; port 0 takes a free one."""
    handler = functools.partial(_Handler, directory=str(site))
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)


def main(arguments: list[str] | None = None) -> int:
    """Build the site, or serve the one that is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--serve", nargs="?", type=int, const=8000, metavar="PORT", help="serve the built site"
    )
    port = parser.parse_args(arguments).serve
    if port is not None:
        if not (SITE / "index.html").exists():
            print("There is no site yet: build it with `make book`.", file=sys.stderr)
            return 1
        with server(SITE, port) as serving, contextlib.suppress(KeyboardInterrupt):
            print(
                f"The book is at http://127.0.0.1:{serving.server_port}/ (Ctrl+C ends)", flush=True
            )
            serving.serve_forever()
        return 0
    print("Building the book ...", flush=True)
    try:
        build()
    except RuntimeError as error:
        print(f"{error}\nThe book was not built.", file=sys.stderr)
        return 1
    print(f"Open {SITE / 'index.html'} in a browser, or run `make serve`.")
    return 0


if __name__ == "__main__":
    console.run(main)
