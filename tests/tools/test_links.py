"""The list of links to other sites: complete, and visited as it should be."""

import http.server
import threading
from collections import Counter
from urllib.parse import urlsplit

import pytest

from tools import links
from tools.links import Link


@pytest.mark.site
def test_the_list_has_the_links_of_the_pages(site, monkeypatch):
    monkeypatch.setenv("BOOK_REPOSITORY", "owner/name")
    monkeypatch.delenv("BOOK_BASE_URL", raising=False)
    found = links.find(site)
    assert links.differences(links.read(links.LIST), found) == [], "run `make links`"
    assert "https://arxiv.org/abs/1706.03762" in found
    assert all(found.values())
    assert not [url for url in found if "owner/name" in url or "owner.github.io" in url]
    with pytest.raises(ValueError, match="expected built pages"):
        links.find(site / "nowhere")


PAGE = """<nav><a href="https://around.example/">x</a></nav>
<article class="bd-article"><a href="https://z.example/{0}#a">x</a>
<a href="tokens.html">x</a> <a href="mailto:x@example.org">x</a> <a href="">x</a>
<link href="https://b.example/"></article><footer><a href="https://around.example/">x</a></footer>
"""


@pytest.fixture
def pages(tmp_path):
    """A site of two pages in each language."""
    for language in ("en", "es"):
        (tmp_path / language).mkdir()
        for name in ("two", "one"):
            (tmp_path / language / f"{name}.html").write_text(PAGE.format(name))
    return tmp_path


FOUND = {
    "https://b.example/": ("en/one", "en/two", "es/one", "es/two"),
    "https://z.example/one#a": ("en/one", "es/one"),
    "https://z.example/two#a": ("en/two", "es/two"),
}


def test_links_are_those_of_the_articles_to_other_sites_sorted(pages):
    assert list(links.find(pages).items()) == list(FOUND.items())


def test_links_to_the_own_repository_are_not_listed(monkeypatch):
    monkeypatch.setenv("BOOK_REPOSITORY", "owner/name")
    monkeypatch.delenv("BOOK_BASE_URL", raising=False)
    own = [
        "https://github.com/owner/name",
        "https://github.com/Owner/Name/issues/new",
        "https://colab.research.google.com/github/owner/name/blob/notebooks/en/tokens.ipynb",
        "https://owner.github.io/name/en/tokens.html",
    ]
    others = ["https://github.com/owner/names", "https://arxiv.org/abs/1706.03762"]
    assert [url for url in own + others if links._is_own(url)] == own
    monkeypatch.setenv("BOOK_REPOSITORY", "")
    assert [url for url in own + others if links._is_own(url)] == []


def test_the_list_is_read_and_written(tmp_path):
    path = tmp_path / "links.tsv"
    assert links.read(path) == []
    stored = [
        Link("https://a.example/", ("en/intro", "es/intro")),
        Link("https://b.example/#x", ("es/intro",), "2026-01-31", "200"),
    ]
    links.write(stored, path)
    assert path.read_bytes().splitlines()[0] == b"url\tused in\tchecked\tresult"
    assert links.read(path) == stored
    path.write_text("url\tused in\tchecked\tresult\nhttps://a.example/\ten/intro\n")
    with pytest.raises(ValueError, match=r"links\.tsv:2: expected 4 cells, got 2"):
        links.read(path)
    path.write_text("address\n")
    with pytest.raises(ValueError, match="expected the columns"):
        links.read(path)


def test_renewing_keeps_what_is_known():
    old = [
        Link("https://a.example/", ("en/x",), "2026-01-31", "404"),
        Link("https://b.example/", ()),
    ]
    found = {"https://a.example/": ("en/y",), "https://c.example/": ("es/y",)}
    new = links.renewed(old, found)
    assert new == [
        Link("https://a.example/", ("en/y",), "2026-01-31", "404"),
        Link("https://c.example/", ("es/y",)),
    ]
    assert links.differences(new, found) == []
    assert links.differences(old, found) == [
        "missing: https://c.example/ (es/y)",
        "no longer used: https://b.example/",
        "used elsewhere: https://a.example/: listed for en/x, found in en/y",
    ]


class _Server(http.server.ThreadingHTTPServer):
    """Answers by path, and keeps what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked = []


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.server.asked.append((self.command, self.path, self.headers["User-Agent"]))
        times = Counter(path for _, path, _ in self.server.asked)[self.path]
        status = {
            "/moved": 301,
            "/moved-too": 308,
            "/elsewhere": 302,
            "/other": 303,
            "/for-now": 307,
            "/moved-twice": 301,
            "/moved-then-elsewhere": 301,
            "/elsewhere-then-moved": 302,
            "/missing": 404,
            "/login": 401,
            "/private": 403,
            "/no-programs": 405,
            "/often": 429,
            "/no-head": 405 if self.command == "HEAD" else 200,
            "/busy": 503 if times < 3 else 200,
            "/down": 500,
        }.get(self.path, 200)
        if self.path == "/silent" or (self.path == "/silent-head" and self.command == "HEAD"):
            self.close_connection = True
            return
        self.send_response(status)
        if 300 < status < 400:
            targets = {
                "/moved-twice": "/moved",
                "/moved-then-elsewhere": "/elsewhere",
                "/elsewhere-then-moved": "/moved",
            }
            self.send_header("Location", targets.get(self.path, "/here"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "result", "broken", "asked"),
    [
        ("/here", "200", False, ["HEAD"]),
        ("/moved", "200, now {}/here", False, ["HEAD"]),
        ("/moved-too", "200, now {}/here", False, ["HEAD"]),
        ("/moved-twice", "200, now {}/here", False, ["HEAD"]),
        ("/moved-then-elsewhere", "200, now {}/elsewhere", False, ["HEAD"]),
        ("/elsewhere", "200", False, ["HEAD"]),
        ("/elsewhere-then-moved", "200", False, ["HEAD"]),
        ("/other", "200", False, ["HEAD"]),
        ("/for-now", "200", False, ["HEAD"]),
        ("/missing", "404", True, ["HEAD", "GET"]),
        ("/login", "401", False, ["HEAD", "GET"]),
        ("/private", "403", False, ["HEAD", "GET"]),
        ("/no-programs", "405", False, ["HEAD", "GET"]),
        ("/often", "429", False, ["HEAD", "GET"] * 3),
        ("/no-head", "200", False, ["HEAD", "GET"]),
        ("/busy", "200", False, ["HEAD", "GET", "HEAD"]),
        ("/down", "500", True, ["HEAD", "GET"] * 3),
        ("/silent", "error: ", True, ["HEAD", "GET"] * 3),
        ("/silent-head", "200", False, ["HEAD", "GET"]),
    ],
)
def test_a_visit(server, path, result, broken, asked):
    server.asked.clear()
    base = f"http://127.0.0.1:{server.server_port}"
    got = links.visit(base + path, pause=0)
    assert got.startswith(result.format(base)) if path == "/silent" else got == result.format(base)
    assert Link(base + path, (), "2026-01-31", got).broken is broken
    assert [method for method, where, _ in server.asked if where == path] == asked
    assert {agent for _, _, agent in server.asked} == {links.AGENT}


def test_pauses_become_longer(server, monkeypatch):
    pauses = []
    monkeypatch.setattr(links.time, "sleep", pauses.append)
    links.visit(f"http://127.0.0.1:{server.server_port}/down", pause=3)
    assert pauses == [3, 3, 6, 6, 12, 12]


def test_an_answer_is_waited_for_a_while_only(monkeypatch):
    waits = []

    def wait(self, request, data=None, timeout=None):
        waits.append(timeout)
        raise TimeoutError("timed out")

    monkeypatch.setattr(links.urllib.request.OpenerDirector, "open", wait)
    assert links.visit("https://a.example/", pause=0) == "error: timed out"
    assert waits == [links.TIMEOUT] * 6


def test_a_host_that_is_not_there_is_broken():
    with _Server() as gone:
        port = gone.server_port
    got = links.visit(f"http://127.0.0.1:{port}/", pause=0)
    assert got.startswith("error: ")
    assert Link("x", (), "2026-01-31", got).broken
    assert not Link("x", ()).broken


def test_all_are_visited_once_for_each_page(server, tmp_path, monkeypatch, capsys):
    server.asked.clear()
    base = f"http://127.0.0.1:{server.server_port}"
    path = tmp_path / "links.tsv"
    places = ("en/intro",)
    links.write([Link(f"{base}/{end}", places) for end in ("ñ", "here", "here#a", "missing")], path)
    monkeypatch.setattr(links, "LIST", path)
    monkeypatch.setattr(links, "PAUSE", 0)
    assert links.main(["--visit"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"404: {base}/missing (en/intro)",
        "4 links visited, 1 broken",
    ]
    rows = links.read(path)
    assert [urlsplit(row.url).path + row.result for row in rows] == [
        "/here200",
        "/here200",
        "/missing404",
        "/ñ200",
    ]
    assert len({row.checked for row in rows}) == 1
    assert rows[0].checked[:2] == "20"
    asked = [path for _, path, _ in server.asked]
    assert sorted(asked) == ["/%C3%B1", "/here", "/missing", "/missing"]


def test_the_command_renews_and_checks(pages, tmp_path, monkeypatch, capsys):
    path, find = tmp_path / "links.tsv", links.find
    monkeypatch.setattr(links, "LIST", path)
    monkeypatch.setattr(links, "find", lambda: find(pages))
    links.write([Link("https://b.example/", ("en/x",), "2026-01-31", "200")], path)
    old = path.read_bytes()
    assert links.main(["--check"]) == 1
    assert "missing: https://z.example/one#a (en/one, es/one)" in capsys.readouterr().out
    assert path.read_bytes() == old
    assert links.main([]) == 0
    assert capsys.readouterr().out == "links.tsv: 3 links, 2 never visited\n"
    assert links.read(path) == [
        Link(url, where, *(("2026-01-31", "200") if "b.example" in url else ()))
        for url, where in FOUND.items()
    ]
    assert links.main(["--check"]) == 0
    assert capsys.readouterr().out == "links.tsv: 3 links, as in the pages\n"
    path.write_text("address\n")
    assert links.main([]) == 1
    assert "expected the columns" in capsys.readouterr().err
