"""A small, dirty web whose truth is known: what each page says, what it is, whose copy it is.

Pages hold stories of both languages, articles of five, spam and noise, copies and near copies,
personal data, and stories that an exam will ask about; around the text stand menus, notices and
scripts, in four kinds of HTML. The same seed makes the same web on every platform.

It stands beside the chapters, uses the standard library and `corpus.stories`, and its words are its
own.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lessons_lib.base.validation import check_integer
from lessons_lib.corpus.stories import WORLD, Story, sample
from lessons_lib.corpus.web.pages import HOSTS, write_page
from lessons_lib.corpus.web.words import (
    AROUND,
    CONTACTS,
    DAYS,
    LANGUAGES,
    LOREM,
    PLACES,
    SAMPLES,
    SENTENCES,
    SPAM,
    THINGS,
)

__all__ = ["LANGUAGES", "SAMPLES", "TALES", "Page", "Web", "exam_stories", "make_web"]

TALES = replace(WORLD, min_events=0, max_events=0)  # the shortest stories
EXAM_SEED = 0  # kept for tests of what was learned, as in the other chapters
KINDS = {"story": 0.44, "article": 0.22, "spam": 0.08, "noise": 0.06, "copy": 0.20}
SPANISH = 0.2  # of the stories
CONTACT, LEAK = 0.15, 0.05  # of the pages with personal data; of those of stories with one's exam
LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"  # of a DNI, by its number modulo 23
TITLES = {"en": "Tale number {}", "es": "Cuento número {}"}


@dataclass(frozen=True)
class Page:
    """A page as it comes from a server, and the truth about it.

    Attributes:
        url: where it stands.
        body: its HTML, as bytes in UTF-8 or, without a word of it, in Windows' Western encoding.
        text: what it says, a paragraph a line, without anything around it.
        kind: "story", "article", "spam" or "noise".
        language: of its text; "" for noise.
        copy_of: the number of the page whose text it repeats, None for an original.
        changed: how many places of the copy are not as in the original; 0 for an exact one.
        personal: the personal data in its text, as they stand there.
        leaked: whether it holds a story of the exam.
    """

    url: str
    body: bytes
    text: str
    kind: str
    language: str
    copy_of: int | None = None
    changed: int = 0
    personal: tuple[str, ...] = ()
    leaked: bool = False


@dataclass(frozen=True)
class Web:
    """All pages, what the hosts' ``robots.txt`` say, and the exam that must not be learned."""

    pages: tuple[Page, ...]
    robots: dict[str, str]
    exam: dict[str, tuple[Story, ...]]


ROBOTS = {
    HOSTS[0]: "User-agent: *\nAllow: /\n",
    HOSTS[1]: "User-agent: *\nDisallow: /members/\n",
    HOSTS[2]: "User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /\n\nUser-agent: *\nAllow: /\n",
    HOSTS[3]: "",
}


def exam_stories(language: str, n: int = 30) -> tuple[Story, ...]:
    """Return stories that a model is tested on, and should not have seen.

    Raises:
        ValueError: a language other than "en" and "es", or a negative number.
    """
    return tuple(sample(n, EXAM_SEED, language, world=TALES))


def make_web(n_pages: int = 1000, seed: int = 1) -> Web:
    """Make a web of `n_pages` pages.

    Args:
        n_pages: at least 1; those of a larger web begin with those of a smaller one.
        seed: at least 1; 0 is kept for the exam.

    Raises:
        ValueError: a number out of range.

    >>> web = make_web(3)
    >>> [page.kind for page in web.pages]
    ['story', 'noise', 'noise']
    """
    check_integer("n_pages", n_pages, 1, 10**6)
    maker = _Maker(check_integer("seed", seed, 1))
    while len(maker.pages) < n_pages:
        maker.add()
    exam = {language: tuple(maker.exam[language]) for language in ("en", "es")}
    return Web(tuple(maker.pages), dict(ROBOTS), exam)


class _Maker:
    """Makes page after page, and remembers them so that later ones can copy them."""

    def __init__(self, seed: int):
        self.rng, self.seed = random.Random(seed), seed
        self.pages: list[Page] = []
        self.copied: list[int] = []  # the numbers of originals worth a copy
        self.exam = {language: exam_stories(language) for language in ("en", "es")}

    def add(self) -> None:
        """Make one more page."""
        kind = self.rng.choices(list(KINDS), list(KINDS.values()))[0]
        if kind == "copy" and self.copied:
            return self.copy()
        title, paragraphs, language = {
            "article": self.article, "spam": self.spam, "noise": self.noise,
        }.get(kind, self.stories)()  # fmt: skip
        leaked, personal = False, ()
        if kind in ("story", "copy"):
            kind = "story"
            if self.rng.random() < LEAK:
                paragraphs.append(self.rng.choice(self.exam[language]).text.strip())
                leaked = True
        if language and self.rng.random() < CONTACT:
            said, personal = self.contact(language)
            paragraphs.append(said)
        if kind in ("story", "article"):
            self.copied.append(len(self.pages))
        self.write(title, paragraphs, kind, language, personal=personal, leaked=leaked)

    def write(self, title, paragraphs, kind, language, **truth) -> None:
        """Put a page on a host, in its HTML and its encoding."""
        i, host = len(self.pages), self.rng.choice(HOSTS)
        area = self.rng.choice(("open", "open", "open", "members"))
        page = write_page(host, language or "en", title, paragraphs, self.rng)
        old = host in HOSTS[2:] and self.rng.random() < 0.5
        body = page.encode("cp1252" if old else "utf-8", "xmlcharrefreplace")
        text = "\n".join([title, *paragraphs])
        self.pages.append(
            Page(f"https://{host}/{area}/{i}.html", body, text, kind, language, **truth)
        )

    def stories(self) -> tuple[str, list[str], str]:
        """Return two new stories, told nowhere else."""
        language, i = "es" if self.rng.random() < SPANISH else "en", len(self.pages)
        told = sample(2, self.seed * 1_000_003 + i, language, world=TALES)
        return TITLES[language].format(i), [story.text.strip() for story in told], language

    def article(self) -> tuple[str, list[str], str]:
        """Return an article of eight sentences in two paragraphs, or a notice of two."""
        rng, language = self.rng, self.rng.choice(LANGUAGES)
        said = [
            sentence.format(
                place=rng.choice(PLACES),
                day=rng.choice(DAYS[language]),
                thing=rng.choice(THINGS[language]),
                n=rng.randrange(12, 400),
            )
            for sentence in rng.sample(SENTENCES[language], 8)
        ]
        said = [sentence[0].upper() + sentence[1:] for sentence in said]
        title, short = rng.choice(PLACES), rng.random() < 0.1
        return (
            title,
            [" ".join(said[:2])] if short else [" ".join(said[:4]), " ".join(said[4:])],
            language,
        )

    def spam(self) -> tuple[str, list[str], str]:
        """Return spam: words said over and over, or something to sell in good sentences."""
        language = self.rng.choice(("en", "es"))
        text = self.rng.choice(SPAM[language])
        if "." in text:
            return text.split()[0], [text], language
        words = text.split()
        said = [" ".join(self.rng.choices(words, k=30)) for _ in range(3)]
        return " ".join(words[:3]), [f"{text} {more}" for more in said], language

    def noise(self) -> tuple[str, list[str], str]:
        """Return a page without prose: an error, a list of prices, or filling text."""
        rng = self.rng
        if (kind := rng.randrange(3)) == 0:
            return "404", ["Not found."], ""
        if kind == 1:
            rows = [f"{rng.randrange(10**5)} | {rng.random() * 90:.2f} | #{i}" for i in range(40)]
            return "Prices", rows, ""
        words = LOREM.split()
        return "Page", [" ".join(rng.choices(words, k=60)) + "." for _ in range(2)], ""

    def contact(self, language: str) -> tuple[str, tuple[str, ...]]:
        """Return a sentence with personal data, or with numbers that only look like it."""
        rng, i = self.rng, len(self.pages)
        name, number = rng.choice(WORLD.names).text.lower(), rng.randrange(10**7, 10**8)
        account = f"{rng.randrange(10**20):020d}"
        check = 98 - int(f"{account}142800") % 97
        given = {
            "mail": f"{name}.{i}@example.org",
            "phone": f"6{rng.randrange(10**8):08d}",
            "dni": f"{number}{LETTERS[number % 23]}",
            "iban": f"ES{check:02d}{account}",
            "hidden": f"{name}{i} at example dot org",
        }
        form = rng.choice(CONTACTS[language])
        told = tuple(value for key, value in given.items() if f"{{{key}}}" in form)
        return form.format(**given, order=number), told

    def copy(self) -> None:
        """Repeat an earlier page: a few are copied often, most hardly ever."""
        rng = self.rng
        origin = self.copied[int(len(self.copied) * rng.random() ** 4)]
        page = self.pages[origin]
        title, *paragraphs = page.text.split("\n")
        changed = rng.choice((0, 0, 0, 1, 2, 3, 6))
        for _ in range(changed):
            i = rng.randrange(len(paragraphs))
            paragraphs[i] = self.change(paragraphs[i])
        if changed and rng.random() < 0.5:
            name, day = rng.choice(WORLD.names).text, rng.choice(DAYS[page.language])
            paragraphs.append(AROUND[page.language]["shared"].format(name, day))
        personal = tuple(one for one in page.personal if one in "\n".join(paragraphs))
        self.write(
            title, paragraphs, page.kind, page.language,
            copy_of=origin, changed=changed, personal=personal, leaked=page.leaked,
        )  # fmt: skip

    def change(self, paragraph: str) -> str:
        """Replace a word by another of the same paragraph."""
        words = paragraph.split(" ")
        plain = [i for i, word in enumerate(words) if word.isalpha() and word.islower()]
        if len(plain) > 1:
            at, by = self.rng.sample(plain, 2)
            words[at] = words[by]
        return " ".join(words)


def count_kinds(pages: Sequence[Page]) -> dict[str, int]:
    """Return how many pages there are of each kind."""
    return {kind: sum(page.kind == kind for page in pages) for kind in list(KINDS)[:-1]}
