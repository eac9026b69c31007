"""What several test files share: the built book, a browser, a fixed number of threads."""

import threading
from collections import Counter
from typing import ClassVar

import pytest
import torch
from filelock import FileLock
from hypothesis import settings

from tools import site as book
from tools.browser import launch

settings.register_profile("no clock", deadline=None)  # a busy machine is no fault
settings.load_profile("no clock")
collect_ignore = ["classroom/exercises"]  # a lecturer's, read by `test_own.py`


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that at the end no worker is left with one.

    Those are the files that open pages, then the notebooks, then those of many tests.
    """
    pages = {item.path for item in items if item.get_closest_marker("site")}
    Chromium.users = {item.path for item in items if "browser" in getattr(item, "fixturenames", ())}
    sizes = Counter(item.path for item in items)
    # Diagrams are compared by a test of their own. The curves of a plot may differ in a last digit
    # between processors, and the cells assert what they draw.
    for notebook in {item.parent for item in items if hasattr(item.parent, "skip_compare")}:
        notebook.skip_compare = (*notebook.skip_compare, "image/svg+xml")
    items.sort(
        key=lambda item: (item.path not in pages, item.path.suffix != ".ipynb", -sizes[item.path])
    )


@pytest.fixture(scope="module")
def one_thread():
    """Tiny models on one thread: several would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def site(tmp_path_factory, worker_id):
    """The built site's folder: built once, as if published from owner/name, for all workers."""
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent
    folder = base / "site"
    with FileLock(base / "site.lock"), pytest.MonkeyPatch.context() as patch:
        if not folder.exists():
            patch.setenv("BOOK_REPOSITORY", "owner/name")
            patch.delenv("BOOK_BASE_URL", raising=False)
            book.build(folder, base / "editions")
    return folder


class Chromium:
    """One headless Chromium for all files of this worker that open pages, one after the other."""

    users: ClassVar[set] = set()  # those files
    playwright = browser = None

    @classmethod
    def start(cls):
        """Return the browser that runs, or start one."""
        from playwright.sync_api import sync_playwright

        if cls.browser is None or not cls.browser.is_connected():
            cls.stop()
            cls.playwright = sync_playwright().start()
            cls.browser = launch(cls.playwright)
        return cls.browser

    @classmethod
    def stop(cls):
        """End the browser, if one runs, and with it Playwright's event loop."""
        if cls.browser is not None:
            cls.browser.close()
        if cls.playwright is not None:
            cls.playwright.stop()
        cls.playwright = cls.browser = None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """End the browser before a file that opens no page: while it runs, asyncio is taken."""
    if item.path not in Chromium.users:
        Chromium.stop()


def pytest_sessionfinish():
    """Leave no browser behind."""
    Chromium.stop()


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    return Chromium.start()


@pytest.fixture(scope="module")
def tab(browser):
    """An empty tab for a file's tests, in turn: one each would cost a new process each."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def web(site):
    """The address of a server of the built site."""
    with book.server(site) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
