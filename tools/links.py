"""List the book's links to other sites, and visit them.

    python -m tools.links           # renew book/links.tsv from the built pages
    python -m tools.links --check   # fail where the list lacks a link or has one too many
    python -m tools.links --visit   # request each, and write what came back

The list keeps the date and the result of each link's last visit; a link without them has never
been visited. Links to the book's own repository and site are not listed: they differ in each fork.
Visiting needs nothing beyond Python.
"""

import argparse
import datetime
import re
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote, urldefrag, urlsplit

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from tools.addresses import ROOT, repository, site_url

LIST = ROOT / "book" / "links.tsv"
HEADER = ("url", "used in", "checked", "result")
AGENT = "Mozilla/5.0 (compatible; book-link-check)"
TIMEOUT = 20  # seconds for one answer
TRIES = 3
PAUSE = 1.0  # seconds between two requests to one host
# A server that is there, but does not serve programs or not now: no reason to change the link.
REFUSED = {401, 403, 405, 429}


@dataclass(frozen=True)
class Link:
    """A link, the places that use it, and the day and result of its last visit."""

    url: str
    places: tuple[str, ...]
    checked: str = ""
    result: str = ""

    @property
    def broken(self) -> bool:
        """Whether the last visit found that the link leads nowhere."""
        code = re.match(r"\d+", self.result)
        return bool(self.result) and not (code and (int(code[0]) < 400 or int(code[0]) in REFUSED))


def _is_own(url: str) -> bool:
    """Tell whether a link leads to the book's own repository or site."""
    name, site = repository(), site_url()
    parts = urlsplit(url)
    of_the_repository = name and f"/{name}/".lower() in f"{parts.path}/".lower()
    hosts = ("github.com", "colab.research.google.com", "raw.githubusercontent.com")
    return bool((of_the_repository and parts.netloc in hosts) or (site and url.startswith(site)))


class _Article(HTMLParser):
    """The links of a page's own text, without what stands around it on every page."""

    def __init__(self, text: str):
        super().__init__()
        self.links, self.inside = [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.inside |= tag == "article"
        if self.inside:
            self.links += [value for key, value in attributes if key == "href" and value]

    def handle_endtag(self, tag):
        self.inside &= tag != "article"


def find(site: Path | None = None) -> dict[str, tuple[str, ...]]:
    """Return the links to other sites and where each is used.

    Args:
        site: the built site's folder (default: where `tools.site` builds it).

    Raises:
        ValueError: the site has not been built.
    """
    from tools.book_site import editions
    from tools.site import SITE

    site = site or SITE
    places = defaultdict(set)
    for code in editions():
        pages = sorted((site / code).glob("*.html"))
        if not pages:
            raise ValueError(
                f"expected built pages in {site / code}, got none: run `python -m tools.site` first"
            )
        for page in pages:
            for url in _Article(page.read_text(encoding="utf-8")).links:
                places[url].add(f"{code}/{page.stem}")
    return {
        url: tuple(sorted(where))
        for url, where in sorted(places.items())
        if urlsplit(url).scheme in ("http", "https") and not _is_own(url)
    }


def read(path: Path) -> list[Link]:
    """Return the stored list; an absent file is an empty one.

    Raises:
        ValueError: the file is not such a list.
    """
    if not path.exists():
        return []
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    if tuple(head.split("\t")) != HEADER:
        raise ValueError(f"{path}: expected the columns {HEADER}, got {head!r}")
    links = []
    for number, line in enumerate(lines, 2):
        cells = line.split("\t")
        if len(cells) != len(HEADER):
            raise ValueError(f"{path}:{number}: expected {len(HEADER)} cells, got {len(cells)}")
        links.append(Link(cells[0], tuple(cells[1].split(", ")), *cells[2:]))
    return links


def write(links: list[Link], path: Path) -> None:
    """Store the list."""
    rows = [HEADER] + [
        (link.url, ", ".join(link.places), link.checked, link.result) for link in links
    ]
    write_atomic(path, "".join("\t".join(row) + "\n" for row in rows).encode())


def renewed(links: list[Link], found: dict[str, tuple[str, ...]]) -> list[Link]:
    """Return the list of what was found, with what is known of it."""
    known = {link.url: link for link in links}
    return [replace(known.get(url, Link(url, ())), places=where) for url, where in found.items()]


def differences(links: list[Link], found: dict[str, tuple[str, ...]]) -> list[str]:
    """Say where a list differs from what was found."""
    listed = {link.url: link.places for link in links}
    messages = [f"missing: {url} ({', '.join(found[url])})" for url in found if url not in listed]
    messages += [f"no longer used: {url}" for url in listed if url not in found]
    messages += [
        f"used elsewhere: {url}: listed for {', '.join(listed[url])}, "
        f"found in {', '.join(found[url])}"
        for url in found
        if url in listed and listed[url] != found[url]
    ]
    return messages


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow every redirect; `moved` is where the permanent ones at the start lead."""

    def __init__(self):
        self.moved, self.permanent = "", True

    def redirect_request(self, request, answer, code, message, headers, address):
        self.permanent &= code in (301, 308)
        if self.permanent:
            self.moved = address
        return super().redirect_request(request, answer, code, message, headers, address)


def _request(url: str, method: str) -> str:
    """Return the status of one request, with the address to which it was led for good."""
    redirects = _Redirects()
    request = urllib.request.Request(url, method=method, headers={"User-Agent": AGENT})
    with urllib.request.build_opener(redirects).open(request, timeout=TIMEOUT) as answer:
        return f"{answer.status}, now {redirects.moved}" if redirects.moved else str(answer.status)


def visit(url: str, pause: float) -> str:
    """Request a link until there is an answer, and return its status or what went wrong.

    HEAD is tried first, then GET, because some servers refuse HEAD. What fails for a while (no
    answer, 429, 5xx) is tried again, each time after a longer pause.
    """
    address = quote(urldefrag(url).url, safe="%/:=&?~#+!$,;'@()*[]")
    result = ""
    for attempt in range(TRIES):
        for method in ("HEAD", "GET"):
            time.sleep(pause * 2**attempt)
            try:
                return _request(address, method)
            except urllib.error.HTTPError as error:
                result = str(error.code)
                passing = error.code == 429 or error.code >= 500
            except (OSError, ValueError, HTTPException) as error:
                result = " ".join(f"error: {getattr(error, 'reason', error)}".split())
                passing = True
        if not passing:
            break
    return result


def visit_all(links: list[Link], today: str, pause: float, threads: int = 4) -> list[Link]:
    """Visit every link, those of one host one after the other, and return the new list."""
    hosts = defaultdict(list)
    for link in links:
        hosts[urlsplit(link.url).netloc].append(link)

    def visit_host(group: list[Link]) -> list[Link]:
        results = {}  # several links may differ in their fragments only
        for link in group:
            address = urldefrag(link.url).url
            if address not in results:
                results[address] = visit(address, pause)
        return [replace(x, checked=today, result=results[urldefrag(x.url).url]) for x in group]

    with ThreadPoolExecutor(threads) as pool:
        visited = [link for group in pool.map(visit_host, hosts.values()) for link in group]
    return sorted(visited, key=lambda link: link.url)


def main(arguments: list[str] | None = None) -> int:
    """Renew, check or visit the list."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    todo = parser.add_mutually_exclusive_group()
    todo.add_argument("--check", action="store_true", help="fail where the list is not right")
    todo.add_argument("--visit", action="store_true", help="request each link of the list")
    options = parser.parse_args(arguments)
    try:
        links = read(LIST)
        if options.visit:
            links = visit_all(links, datetime.date.today().isoformat(), PAUSE)
            write(links, LIST)
            broken = [link for link in links if link.broken]
            for link in broken:
                print(f"{link.result}: {link.url} ({', '.join(link.places)})")
            print(f"{len(links)} links visited, {len(broken)} broken")
            return bool(broken)
        found = find()
        if options.check:
            messages = differences(links, found)
            print("\n".join(messages or [f"{LIST.name}: {len(links)} links, as in the pages"]))
            return bool(messages)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    links = renewed(links, found)
    write(links, LIST)
    never = sum(not link.checked for link in links)
    print(f"{LIST.name}: {len(links)} links, {never} never visited")
    return 0


if __name__ == "__main__":
    console.run(main)
