"""Real texts: from a folder, the cache, a (local) origin, a path; and every way that can fail."""

import hashlib
import http.server
import io
import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import IPython
import pytest

from lessons_lib.base.progress import progress_bar
from lessons_lib.corpus import texts
from lessons_lib.corpus.texts import TextUnavailable, load_text

PLAY = "First Citizen:\nBefore we proceed any further, hear me speak.\n" * 3_000
FIRST_LINE = texts._SOURCES["quijote"].first_line
NOVEL = (
    f"{FIRST_LINE}\n\nCapítulo primero\n\n"
    "En un lugar de la Mancha, de cuyo nombre\nno quiero acordarme, no ha mucho tiempo...\n"
    "«La libertad, Sancho, es uno de los más preciosos dones...»\n"
    "van ya tropezando, y han de caer del todo, sin duda alguna. Vale.\n\nFin\n"
)
# as Project Gutenberg serves it: byte order mark, notices, contents, preliminaries, CRLF
EBOOK = "\ufeff" + (
    "The Project Gutenberg eBook of Don Quijote\n\n"
    "*** START OF THE PROJECT GUTENBERG EBOOK DON QUIJOTE ***\n\n\n"
    f"El ingenioso hidalgo\n\n{FIRST_LINE}\nCapítulo primero\n\nTASA\n\nYo, escribano...\n\n"
    f"{NOVEL}\n\n\n*** END OF THE PROJECT GUTENBERG EBOOK DON QUIJOTE ***\n\nUpdated editions...\n"
).replace("\n", "\r\n")


class Origin(http.server.BaseHTTPRequestHandler):
    """An origin that answers well or badly, as the path asks."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path in ("/endless", "/announced"):
            self.send_response(200)
            if self.path == "/announced":
                self.send_header("Content-Length", "10000000000")
            self.end_headers()
            with suppress(OSError):  # the reader has had enough
                while self.server.sent < 10**9:
                    self.server.sent += self.wfile.write(bytes(1 << 16))
            return
        body = self.server.bodies.get(self.path)
        if body is None:
            self.send_error(404)
            return
        whole = len(body)
        self.send_response(200)
        if self.path != "/unsized":
            self.send_header("Content-Length", str(whole))
        self.end_headers()
        if self.path in ("/truncated", "/stalled"):
            body = body[: whole // 2]
        self.wfile.write(body)
        self.wfile.flush()
        if self.path == "/stalled":
            self.server.halfway.set()
            self.server.enough.wait()

    def log_message(self, *args):
        pass


@pytest.fixture
def origin():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    server.asked, server.halfway, server.enough = [], threading.Event(), threading.Event()
    server.sent = 0
    server.bodies = dict.fromkeys(("/play", "/truncated", "/stalled", "/unsized"), PLAY.encode())
    server.bodies |= {"/wrong": PLAY.encode()[:-2] + b"!\n", "/latin": "año".encode("latin-1")}
    server.bodies |= {"/novel": EBOOK.encode(), "/tome": EBOOK.replace("Sancho", "Pancho").encode()}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.enough.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A fresh cache, and no setting of the reader's own."""
    for name in ("LESSONS_LIB_TEXTS", "LESSONS_LIB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LESSONS_LIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache"


@pytest.fixture
def serve(origin, monkeypatch):
    """Let both texts come from a path of the local origin, and be known by their short forms."""

    def at(path):
        url = f"http://127.0.0.1:{origin.server_port}{path}"
        play = replace(
            texts._SOURCES["shakespeare"],
            url=url,
            sha256=hashlib.sha256(PLAY.encode()).hexdigest(),
        )
        novel = replace(texts._SOURCES["quijote"], url=url, sizes=(100, 1_000))
        monkeypatch.setattr(texts, "_SOURCES", {"shakespeare": play, "quijote": novel})

    return at


def kept_files(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


class TestDownload:
    @pytest.mark.parametrize("path", ["/play", "/unsized"])
    def test_success_is_kept_and_reused(self, serve, origin, cache, path):
        serve(path)
        assert load_text("shakespeare") == PLAY
        assert kept_files(cache) == ["tinyshakespeare.txt"]
        assert (cache / "tinyshakespeare.txt").read_bytes() == PLAY.encode()
        assert load_text("shakespeare") == PLAY
        assert origin.asked == [path]

    def test_notices_are_taken_off(self, serve, cache):
        serve("/novel")
        assert load_text("quijote") == NOVEL
        assert (cache / "quijote.txt").read_bytes() == NOVEL.encode()

    @pytest.mark.parametrize(
        ("name", "path", "reason"),
        [
            ("shakespeare", "/truncated", "ended after 91,500 of 183,000 bytes"),
            ("shakespeare", "/wrong", "183,000 bytes have another checksum"),
            ("shakespeare", "/missing", "HTTP Error 404"),
            ("shakespeare", "/latin", "expected UTF-8 text in http.* at offset 1"),
            ("quijote", "/play", "it has .* bytes, expected 100 to 1,000"),
            ("quijote", "/tome", "it lacks the words 'La libertad, Sancho"),
        ],
    )
    def test_failure_leaves_nothing(self, serve, cache, name, path, reason):
        serve(path)
        with pytest.raises(TextUnavailable, match=reason) as error:
            load_text(name)
        assert kept_files(cache) == []
        message = str(error.value)
        assert "set the environment variable LESSONS_LIB_TEXTS to a folder that holds" in message
        assert "\n" not in message
        assert isinstance(error.value, OSError)

    @pytest.mark.parametrize("path", ["/endless", "/announced"])
    @pytest.mark.parametrize("name", ["shakespeare", "quijote"])
    def test_more_than_a_text_is_not_read(self, serve, origin, cache, name, path):
        serve(path)
        with pytest.raises(TextUnavailable, match="more than 4,000,000 bytes came or were announc"):
            load_text(name)
        assert kept_files(cache) == []
        assert origin.sent < 2 * 10**7  # what was read, and what the system had in its pipes

    def test_no_network(self, serve, origin):
        serve("/play")
        url = texts._SOURCES["shakespeare"].url.replace(str(origin.server_port), "1")
        texts._SOURCES["shakespeare"] = replace(texts._SOURCES["shakespeare"], url=url)
        with pytest.raises(TextUnavailable, match="refused"):
            load_text("shakespeare")

    def test_offline_asks_nobody(self, serve, origin, monkeypatch):
        serve("/play")
        monkeypatch.setenv("LESSONS_LIB_OFFLINE", "1")
        with pytest.raises(TextUnavailable, match="LESSONS_LIB_OFFLINE forbids"):
            load_text("shakespeare")
        assert origin.asked == []
        monkeypatch.setenv("LESSONS_LIB_OFFLINE", "0")
        assert load_text("shakespeare") == PLAY

    def test_killed_in_the_middle(self, origin, cache):
        url = f"http://127.0.0.1:{origin.server_port}/stalled"
        program = (
            "from dataclasses import replace; from lessons_lib.corpus import texts\n"
            f"texts._SOURCES['quijote'] = replace(texts._SOURCES['quijote'], url={url!r})\n"
            "texts.load_text('quijote')"
        )
        reader = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
        try:
            assert origin.halfway.wait(timeout=60)
        finally:
            reader.kill()
            reader.wait()
        assert kept_files(cache) == []

    def test_interrupted_while_writing(self, serve, cache, monkeypatch):
        def interrupt(*args):
            raise KeyboardInterrupt

        serve("/play")
        monkeypatch.setattr(os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            load_text("shakespeare")
        assert kept_files(cache) == []

    def test_damaged_cache_is_fetched_again(self, serve, origin, cache):
        serve("/play")
        cache.mkdir()
        for damage in (PLAY[:1_000].encode(), b"\xff" * 10, b""):
            (cache / "tinyshakespeare.txt").write_bytes(damage)
            assert load_text("shakespeare") == PLAY
        assert len(origin.asked) == 3

    def test_cache_that_cannot_be_written(self, serve, cache):
        serve("/play")
        cache.write_text("a file where the folder should be")
        with pytest.warns(UserWarning, match="not kept"):
            assert load_text("shakespeare") == PLAY

    def test_bar_is_silent_without_a_terminal(self, serve, capfd):
        serve("/play")
        load_text("shakespeare")
        assert capfd.readouterr() == ("", "")

    def test_bar_in_a_terminal_wipes_itself(self, serve, monkeypatch):
        monkeypatch.delenv("TQDM_DISABLE", raising=False)
        terminal = io.StringIO()
        terminal.isatty = lambda: True
        monkeypatch.setattr(sys, "stderr", terminal)
        serve("/play")
        load_text("shakespeare")
        assert "tinyshakespeare.txt" in terminal.getvalue()
        assert terminal.getvalue().endswith("\r")
        assert terminal.getvalue().split("\r")[-2].isspace()
        monkeypatch.setenv("TQDM_DISABLE", "1")
        before = terminal.getvalue()
        progress_bar("tinyshakespeare.txt", 3).update()
        assert terminal.getvalue() == before

    def test_bar_in_a_notebook_leaves_no_output(self, serve, monkeypatch):
        monkeypatch.delenv("TQDM_DISABLE", raising=False)
        shown = []
        handle = SimpleNamespace(update=lambda data, raw: shown.append(data))
        monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=None))
        monkeypatch.setattr(
            IPython.display, "display", lambda data, raw, display_id: shown.append(data) or handle
        )
        serve("/play")
        load_text("shakespeare")
        assert any("tinyshakespeare.txt" in data.get("text/plain", "") for data in shown)
        assert shown[0] == shown[-1] == {}


class TestFolder:
    def test_comes_first(self, serve, origin, tmp_path, monkeypatch):
        serve("/play")
        (tmp_path / "tinyshakespeare.txt").write_bytes(PLAY.replace("\n", "\r\n").encode())
        (tmp_path / "quijote.txt").write_bytes(EBOOK.encode())
        monkeypatch.setenv("LESSONS_LIB_TEXTS", str(tmp_path))
        assert load_text("shakespeare") == PLAY
        assert load_text("quijote") == NOVEL
        assert origin.asked == []

    def test_clean_text_stays_as_it_is(self, serve, tmp_path, monkeypatch):
        serve("/missing")
        (tmp_path / "quijote.txt").write_bytes(NOVEL.encode())
        monkeypatch.setenv("LESSONS_LIB_TEXTS", str(tmp_path))
        assert load_text("quijote") == NOVEL

    def test_notices_go_even_where_the_first_line_is_unknown(self):
        source = texts._SOURCES["quijote"]
        text = EBOOK.removeprefix("\ufeff").replace("\r\n", "\n").replace(FIRST_LINE, "Parte I")
        clean = texts._clean(text, source)
        assert clean.startswith("El ingenioso hidalgo\n\nParte I\n")
        assert clean.endswith("Vale.\n\nFin\n")

    def test_without_the_file_the_search_goes_on(self, serve, tmp_path, monkeypatch):
        serve("/play")
        monkeypatch.setenv("LESSONS_LIB_TEXTS", str(tmp_path / "nowhere"))
        assert load_text("shakespeare") == PLAY

    def test_wrong_text(self, serve, tmp_path, monkeypatch):
        serve("/play")
        monkeypatch.setenv("LESSONS_LIB_TEXTS", str(tmp_path))
        (tmp_path / "tinyshakespeare.txt").write_text("To be, or not to be\n")
        with pytest.raises(ValueError, match=r"tinyshakespeare.txt is not .* another checksum"):
            load_text("shakespeare")
        (tmp_path / "quijote.txt").write_text(NOVEL[:-40] * 2)
        with pytest.raises(ValueError, match=r"quijote.txt is not the text 'quijote': it lacks"):
            load_text("quijote")

    @pytest.mark.parametrize("name", ["shakespeare", "quijote"])
    def test_real_texts(self, real_texts, name):
        text = load_text(name)
        assert texts._SOURCES[name].flaw(text) is None
        assert "\r" not in text
        assert "Gutenberg" not in text
        assert text.startswith({"shakespeare": "First Citizen:\n", "quijote": FIRST_LINE}[name])


REAL_TEXTS = os.environ.get("LESSONS_LIB_TEXTS")


@pytest.fixture
def real_texts(cache, monkeypatch):
    if not REAL_TEXTS:
        pytest.skip("LESSONS_LIB_TEXTS names no folder of real texts")
    monkeypatch.setenv("LESSONS_LIB_TEXTS", REAL_TEXTS)
    monkeypatch.setenv("LESSONS_LIB_OFFLINE", "1")


class TestPath:
    def test_file(self, tmp_path):
        path = tmp_path / "cuento.txt"
        path.write_bytes("\ufeffHabía una vez\r\nun ratón 🐭\n".encode())
        assert load_text(path) == load_text(str(path)) == "Había una vez\nun ratón 🐭\n"

    def test_missing_file(self, tmp_path):
        with pytest.raises(
            FileNotFoundError, match=r"'shakespeare' or 'quijote' or the path.*dune"
        ):
            load_text(tmp_path / "dune.txt")
        with pytest.raises(FileNotFoundError):
            load_text(tmp_path)

    def test_invalid_utf8(self, tmp_path):
        path = tmp_path / "latin.txt"
        path.write_bytes("mañana".encode("latin-1"))
        with pytest.raises(ValueError, match=r"UTF-8 text in .*latin.txt, got .* 0xf1 at offset 2"):
            load_text(path)

    @pytest.mark.parametrize("bad", [None, 3, b"quijote", ["quijote"]])
    def test_neither_name_nor_path(self, bad):
        with pytest.raises(ValueError, match="expected the name or path of a text, got "):
            load_text(bad)


class TestCacheFolder:
    def test_platform_folder(self, monkeypatch, tmp_path):
        monkeypatch.delenv("LESSONS_LIB_CACHE")
        variable = "LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME"
        monkeypatch.setenv(variable, str(tmp_path))
        assert texts._cache_folder() == tmp_path / "lessons_lib"
        monkeypatch.delenv(variable)
        assert texts._cache_folder().parts[-2:] == (".cache", "lessons_lib")
