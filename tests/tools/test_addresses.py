"""Every address of the book comes from one setting: in a fork, all are the fork's."""

import re
import subprocess
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools import addresses

ENVIRONMENT = ("BOOK_REPOSITORY", "BOOK_BASE_URL", "BOOK_RELEASE", "BOOK_WHEEL_URL")


@pytest.fixture
def setting(monkeypatch):
    """Set the environment: what is not named is unset."""

    def change(**values):
        for name in ENVIRONMENT:
            monkeypatch.delenv(name, raising=False)
        for name, value in values.items():
            monkeypatch.setenv(f"BOOK_{name}", value)

    return change


def test_repository_comes_from_the_environment(setting):
    setting(REPOSITORY="some-one/a.book")
    assert addresses.repository() == "some-one/a.book"
    assert addresses.repository_url() == "https://github.com/some-one/a.book"
    setting(REPOSITORY="")
    assert addresses.repository() is None
    setting(REPOSITORY="https://github.com/a/b")
    with pytest.raises(ValueError, match="owner/name"):
        addresses.repository()


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("https://github.com/a/b.git", "a/b"),
        ("git@github.com:a/b-c.git", "a/b-c"),
        ("https://github.com/a/b", "a/b"),
        ("https://example.org/a/b.git", None),
    ],
)
def test_repository_comes_from_the_remote(setting, monkeypatch, tmp_path, remote, name):
    setting()
    monkeypatch.setattr(addresses, "ROOT", tmp_path)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert addresses.repository() is None
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", remote], check=True)
    assert addresses.repository() == name


@pytest.mark.parametrize(
    ("values", "site"),
    [
        ({"REPOSITORY": ""}, ""),
        ({"REPOSITORY": "Some-One/Book"}, "https://some-one.github.io/Book/"),
        ({"REPOSITORY": "Me/me.github.io"}, "https://me.github.io/"),
        ({"REPOSITORY": "a/b", "BASE_URL": "https://book.example/x"}, "https://book.example/x/"),
        ({"REPOSITORY": "a/b", "BASE_URL": "https://book.example/"}, "https://book.example/"),
        ({"REPOSITORY": "a/b", "BASE_URL": ""}, ""),
        ({"REPOSITORY": "", "BASE_URL": "http://127.0.0.1:80"}, "http://127.0.0.1:80/"),
    ],
)
def test_site(setting, values, site):
    setting(**values)
    assert addresses.site_url() == site
    assert addresses.page_url("es", "tokens") == (site and f"{site}es/tokens.html")


def test_a_site_that_is_no_address(setting):
    setting(REPOSITORY="a/b", BASE_URL="example.org/book")
    with pytest.raises(ValueError, match=r"expected BOOK_BASE_URL as http\(s\)://\.\.\., got 'exa"):
        addresses.site_url()


def test_notebooks_in_colab(setting):
    setting(REPOSITORY="some/fork")
    colab = "https://colab.research.google.com/github/some/fork/blob/notebooks/"
    assert addresses.colab_url("es", "tokens") == f"{colab}es/tokens.ipynb"
    assert addresses.colab_url("en", "gpt", "student") == f"{colab}student/en/gpt.ipynb"
    setting(REPOSITORY="")
    assert addresses.colab_url("es", "tokens") is None


def test_wheel(setting):
    project = Path(addresses.ROOT, "pyproject.toml").read_text(encoding="utf-8")
    version = tomllib.loads(project)["project"]["version"]
    file = f"lessons_lib-{version}-py3-none-any.whl"
    setting(REPOSITORY="some/fork")
    releases = "https://github.com/some/fork/releases/download/"
    assert addresses.wheel_url() == f"{releases}book/{file}"
    setting(REPOSITORY="some/fork", RELEASE="v1.2")
    assert addresses.wheel_url() == f"{releases}v1.2/{file}"
    setting(REPOSITORY="some/fork", RELEASE="v1.2", WHEEL_URL="http://127.0.0.1/x.whl")
    assert addresses.wheel_url() == "http://127.0.0.1/x.whl"
    setting(REPOSITORY="")
    assert addresses.wheel_url() is None


def test_words_of_the_pages(setting):
    setting(REPOSITORY="some/fork")
    words = addresses.substitutions("en")
    assert words["repository"] == "https://github.com/some/fork"
    assert words["clone"] == "git clone https://github.com/some/fork.git"
    assert words["site"] == "https://some.github.io/fork/"
    assert words["wheel"] == addresses.wheel_url()
    setting(REPOSITORY="")
    words = addresses.substitutions("en")
    assert words["clone"] == "git clone ADDRESS-OF-THE-REPOSITORY"
    assert all("ADDRESS-OF-THE-" in word for word in words.values())
    words = addresses.substitutions("es")
    assert words["clone"] == "git clone DIRECCIÓN-DEL-REPOSITORIO"
    assert all("DIRECCIÓN-DEL-" in word for word in words.values())


@pytest.mark.site
def test_every_address_of_the_built_site_is_the_forks(site):
    """The site of the tests is built as if published from owner/name."""
    pages = [page for page in site.rglob("*.html") if "_static" not in page.parts]
    for page in pages:
        html = page.read_text(encoding="utf-8")
        buttons = re.findall(r'<a href="(https://[^"]*)"[^>]*class="btn', html)
        edits = [link for link in buttons if "/edit/" in link]
        assert all("/github.com/owner/name" in link or "/owner/name/" in link for link in buttons)
        if re.search(r'href="[^"]*_sources/', html):  # a page of the book, not the search
            assert edits == [
                f"https://github.com/owner/name/edit/main/book/{page.parent.name}/{page.stem}.ipynb"
            ] or edits == [
                f"https://github.com/owner/name/edit/main/book/{page.parent.name}/{page.stem}.md"
            ]
        for link in re.findall(r'<link rel="(?:canonical|alternate)"[^>]*href="([^"]*)"', html):
            assert link.startswith("https://owner.github.io/name/")


@pytest.mark.site
def test_sitemap_lists_every_page_with_its_other_language(site):
    names = {
        "s": "http://www.sitemaps.org/schemas/sitemap/0.9",
        "x": "http://www.w3.org/1999/xhtml",
    }
    base = "https://owner.github.io/name/"
    found = {}
    for url in ElementTree.parse(site / "sitemap.xml").getroot().findall("s:url", names):
        links = {link.get("hreflang"): link.get("href") for link in url.findall("x:link", names)}
        found[url.find("s:loc", names).text.removeprefix(base)] = links
    pages = [page for language in ("en", "es") for page in (site / language).glob("*.html")]
    slugs = {page.stem for page in pages} - {"index", "search", "genindex"}
    assert found == {
        f"{language}/{slug}.html": {
            "en": f"{base}en/{slug}.html",
            "es": f"{base}es/{slug}.html",
            "x-default": f"{base}en/{slug}.html",
        }
        for language in ("en", "es")
        for slug in slugs
    }
    assert f"Sitemap: {base}sitemap.xml" in (site / "robots.txt").read_text(encoding="utf-8")
