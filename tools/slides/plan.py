"""Choose what of a chapter goes on which slide, for both languages at once.

By itself a heading begins a slide, with the first sentence below it as its claim. Formulas, tables,
lists, pictures, live figures and code go on slides, code in steps of 14 lines at most; a question
to predict keeps its answer back. The other prose becomes the speaker's notes. A cell's metadata
`slides` says where a chapter wants it otherwise:

    {"slide": "new"}        begins a slide
    {"slide": "same"}       begins none, as long as there is room
    {"slide": "skip"}       nothing of it is shown; its prose stays in the notes
    {"take": [1, 3]}        of prose: these of its paragraphs, whole, and no others
    {"take": ["output"]}    of code: "code", "output" or both
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from tools.slides import sizes
from tools.slides.parts import (
    Part,
    answer_of,
    is_topic,
    only_asserts,
    only_imports,
    sentences,
)

MOST = 48  # slides of a deck, before code without a result of its own is left out
SHORTEST = 75  # minutes of a lecture
LONGEST = 90
LED = ("formula", "list", "table", "output")  # what a paragraph may announce
MORE = 4  # steps of code that may be tried beyond those it needs
ANOTHER = 24  # how bad another step is, in both languages
EMPTY = 320  # pixels: a slide with so much room and nothing but prose gets more of it
MUCH = 240  # pixels: with less room, what is new begins a slide
RESULTS = ("output", "picture", "live")
CALL = 3  # lines of code that only draw what is seen below them
HEIGHTS = {
    "text": sizes.paragraph,
    "label": sizes.paragraph,
    "quote": lambda source: sizes.paragraph(source) + 28,
    "list": sizes.bullets,
    "table": sizes.table,
    "formula": sizes.formula,
    "answer": lambda source: sum(map(sizes.paragraph, source.split("\n\n"))) + 20,
    "code": sizes.code,
    "output": sizes.output,
    "picture": sizes.picture,
    "live": lambda source: 540,
}


@cache
def height(kind: str, text: str) -> int:
    """Return the height of a block of one language."""
    return HEIGHTS[kind](text)


@dataclass
class Block:
    """What stands on a slide below its title.

    Attributes:
        kind: as in `Part`, or label: the words before an answer.
        texts: by language.
        cell: the id of its cell.
        keep: stays with the next block.
        new: begins a slide, unless much room is left.
        forced: begins a slide in any case.
        same: begins none while there is room.
        extra: is left out where there is no room.
        hidden: is seen after a pause.
        alt: of a picture, by language.
        whole: the paragraph of which it is a sentence.
        before: prose for the notes before it.
        after: prose for the notes after it.
    """

    kind: str
    texts: dict[str, str]
    cell: str
    keep: bool = False
    new: bool = False
    forced: bool = False
    same: bool = False
    extra: bool = False
    hidden: bool = False
    alt: dict[str, str] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)
    before: list[Part] = field(default_factory=list)
    after: list[Part] = field(default_factory=list)

    @property
    def height(self) -> int:
        """Its height in pixels, in the language that needs more."""
        return max(height(self.kind, text) for text in self.texts.values())


@dataclass
class Slide:
    """One slide: a title, blocks below it and what the speaker says."""

    title: dict[str, str]
    section: int
    blocks: list[Block] = field(default_factory=list)
    notes: list[Part] = field(default_factory=list)

    @property
    def left(self) -> int:
        """How many pixels are free."""
        used = sum(block.height for block in self.blocks)
        return sizes.ROOM - max(map(sizes.title, self.title.values())) - used


@dataclass
class Section:
    """What lies between two headings."""

    title: dict[str, str]
    level: int
    parts: list[Part] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    notes: list[Part] = field(default_factory=list)

    @property
    def is_exercises(self) -> bool:
        """Whether learners' own code goes here."""
        return any("exercise" in part.tags for part in self.parts)

    @property
    def weight(self) -> int:
        """How much there is to say: words, and six for a line of code."""
        words = 0
        for part in self.parts:
            text = part.texts.get("en", "")
            if part.kind == "code":
                hidden = part.tags & {"exercise", "hide-cell"}
                words += 0 if hidden else 6 * (text.count("\n") + 1)
            elif part.kind not in ("output", "picture", "live"):
                words += len(text.split())
        return words


@dataclass
class Deck:
    """The slides of a chapter, with the minutes of each section."""

    slug: str
    sections: list[Section]
    slides: list[Slide]
    minutes: list[int]


def sections_of(parts: list[Part]) -> list[Section]:
    """Return the sections of a chapter; the first is what stands before the first heading."""
    found = []
    for part in parts:
        if part.kind == "heading" and part.level <= 2:
            found.append(Section(part.texts, part.level))
        else:
            found[-1].parts.append(part)
    return found


def minutes_of(weights: list[int]) -> list[int]:
    """Share out a lecture of 75 to 90 minutes by how much there is to say; none gets nothing.

    >>> minutes_of([3000, 1000, 10])
    [56, 18, 1]
    """
    total = max(len(weights), min(LONGEST, max(SHORTEST, round(sum(weights) / 70))))
    exact = [total * weight / sum(weights) for weight in weights]
    shares = [max(1, int(one)) for one in exact]
    order = sorted(range(len(exact)), key=lambda i: exact[i] - shares[i], reverse=True)
    for i in order[: max(0, total - sum(shares))]:
        shares[i] += 1
    while sum(shares) > total:
        shares[shares.index(max(shares))] -= 1
    return shares


# ---------------------------------------------------------------- cutting what is long


@cache
def code_steps(source: str, count: int) -> tuple[float, list[str]] | None:
    """Cut code into so many steps of at most 14 lines; None where that cannot be.

    Cuts lie at empty lines and between statements rather than within them. The first number says
    how bad the cuts are.
    """
    lines = source.split("\n")
    n, even = len(lines), len(lines) / count
    cost = {(0, 0): (0.0, 0)}  # lines used, steps: cost, where the last step began
    for steps in range(1, count + 1):
        for end in range(1, n + 1):
            choices = []
            for start in range(max(0, end - sizes.STEP), end):
                if (start, steps - 1) in cost:
                    here = cost[start, steps - 1][0] + (end - start - even) ** 2 / 16
                    here += _cut_cost(lines, end) if end < n else 0
                    choices.append((here, start))
            if choices:
                cost[end, steps] = min(choices)
    if (n, count) not in cost:
        return None
    cuts = [n]
    for steps in range(count, 0, -1):
        cuts.append(cost[cuts[-1], steps][1])
    cuts.reverse()
    steps = ["\n".join(lines[a:b]).strip("\n") for a, b in pairwise(cuts)]
    return cost[n, count][0], steps


def _cut_cost(lines: list[str], at: int) -> float:
    """Return how bad it is to cut code before a line."""
    line = lines[at]
    if not line.strip():
        return 40.0
    indent = len(line) - len(line.lstrip())
    closes = 60 if line.lstrip()[0] in ")]}" else 0
    goes_on = 0 if not lines[at - 1].rstrip().endswith(("(", "[", "{", ",", ":")) else 30
    inside = 15 if indent and lines[at - 1].strip() else 0
    return closes + goes_on + inside + indent - (12 if not lines[at - 1].strip() else 0)


def cut_code(texts: dict[str, str]) -> list[dict[str, str]]:
    """Cut the code of both languages into the same number of steps."""
    texts = {language: text.strip("\n") for language, text in texts.items()}
    least = max(-(-(text.count("\n") + 1) // sizes.STEP) for text in texts.values())
    ways = []
    for count in range(least, least + MORE):
        steps = {language: code_steps(text, count) for language, text in texts.items()}
        if all(steps.values()):
            cost = sum(step[0] for step in steps.values()) + count * ANOTHER
            ways.append((cost, count, {language: step[1] for language, step in steps.items()}))
    if not ways:
        raise ValueError(f"expected code that can be cut, got {texts}")
    return _turned(min(ways, key=lambda way: way[:2])[2])


def _turned(pieces: dict[str, list[str]]) -> list[dict[str, str]]:
    """Turn lists by language into a list of texts by language."""
    return [dict(zip(pieces, each, strict=True)) for each in zip(*pieces.values(), strict=True)]


def _shared_out(lines: list[str], count: int) -> list[list[str]]:
    return [lines[len(lines) * i // count : len(lines) * (i + 1) // count] for i in range(count)]


def cut_output(texts: dict[str, str]) -> list[dict[str, str]]:
    """Cut a printed text into pieces of at most 16 lines of a slide, where it has the lines."""
    count = max(-(-sizes.lines_of_output(text) // sizes.OUTPUT) for text in texts.values())
    count = min(count, *(text.count("\n") + 1 for text in texts.values()))
    return _turned(
        {
            language: ["\n".join(piece) for piece in _shared_out(text.split("\n"), count)]
            for language, text in texts.items()
        }
    )


def _cut_rows(
    texts: dict[str, str], split: Callable[[str], list[str]], high: Callable[[str], int], head=0
) -> list[dict[str, str]]:
    """Cut a list or a table where its items or rows are too many for one slide."""
    rows = {language: split(text) for language, text in texts.items()}
    most = min(len(each) for each in rows.values()) - head
    for count in range(1, max(1, most) + 1):
        pieces = {
            language: ["\n".join(each[:head] + piece) for piece in _shared_out(each[head:], count)]
            for language, each in rows.items()
        }
        room = sizes.ROOM - 90
        if count >= most or all(high(one) <= room for each in pieces.values() for one in each):
            return _turned(pieces)
    return [texts]


def cut(part: Part, texts: dict[str, str]) -> list[dict[str, str]]:
    """Return the pieces of a part that is too long for one slide, in both languages."""
    if part.kind == "code":
        return cut_code(texts)
    if part.kind == "output":
        return cut_output(texts)
    if part.kind == "table":
        return _cut_rows(texts, sizes.rows, sizes.table, head=2)
    if part.kind == "list":
        return _cut_rows(texts, sizes.items, sizes.bullets)
    return [texts]


# ---------------------------------------------------------------- choosing


def first(texts: dict[str, str]) -> dict[str, str]:
    """Return the first sentence in each language."""
    return {language: sentences(text)[0] for language, text in texts.items()}


def last(texts: dict[str, str]) -> dict[str, str]:
    """Return the last sentence in each language."""
    return {language: sentences(text)[-1] for language, text in texts.items()}


def _all(texts: dict[str, str], test: Callable[[str], bool]) -> bool:
    return all(test(text) for text in texts.values())


class Chooser:
    """Walks through a section and chooses its blocks.

    Args:
        section: gets the blocks and the notes.
        dropped: ids of cells whose code is left out.
        opening: whether it is the chapter's beginning, whose question is no question to predict.
    """

    def __init__(self, section: Section, dropped: set[str], opening: bool):
        self.section, self.dropped, self.opening = section, dropped, opening
        self.ahead: list[Part] = []  # notes for the next block
        self.predict = False  # the next output is an answer
        self.forced = False  # the next block begins a slide in any case

    def run(self) -> None:
        """Choose the section's blocks."""
        parts = self.section.parts
        for i, part in enumerate(parts):
            if len(part.texts) < 2 or part.marks.get("slide") == "skip":
                self.note(part)
                continue
            start = part.number == 1 and part.marks.get("slide") == "new"
            self.forced = self.forced or start
            after = next((one for one in parts[i + 1 :] if self.shows(one)), None)
            before = parts[i - 1] if i else None
            if part.kind in ("code", *RESULTS):
                self.on_code(part, parts)
            elif "take" in part.marks:
                self.taken(part)
            else:
                getattr(self, f"on_{part.kind}")(part, before, after)
        self.section.notes += self.ahead

    def shows(self, part: Part) -> bool:
        """Tell what is not left out: prose, and cells of which something is shown."""
        if part.kind not in ("code", *RESULTS):
            return True
        own = [one for one in self.section.parts if one.cell == part.cell]
        left = part.cell in self.dropped and "take" not in part.marks
        return not left and part.marks.get("slide") != "skip" and bool(shown_of(own))

    def note(self, part: Part) -> None:
        """Leave prose to the speaker, after what has been shown."""
        if part.kind in ("code", *RESULTS):
            return
        if self.section.blocks:
            self.section.blocks[-1].after.append(part)
        else:
            self.ahead.append(part)

    def show(self, part: Part, texts: dict[str, str], **how) -> Block:
        """Put something on a slide."""
        kind = how.pop("kind", part.kind)
        block = Block(kind, texts, part.cell, alt=part.alt, **how)
        block.forced = self.forced
        block.whole = part.texts if block.kind == part.kind == "text" else {}
        block.same = part.marks.get("slide") == "same"
        block.before, self.ahead, self.forced = self.ahead, [], False
        self.section.blocks.append(block)
        return block

    def taken(self, part: Part) -> None:
        """Show a part of prose whole where its cell's metadata says so."""
        if part.number in part.marks["take"]:
            for texts in cut(part, part.texts):
                self.show(part, texts)
        else:
            self.note(part)

    def on_heading(self, part: Part, before: Part | None, after: Part | None) -> None:
        """Begin a slide with a heading of the third level."""
        self.show(part, part.texts, kind="label", new=True, keep=True)

    def on_text(self, part: Part, before: Part | None, after: Part | None) -> None:
        """Show what of a paragraph is its claim, what it announces or what it says of a result."""
        texts, shown = part.texts, []
        long = any(len(sentences(text)) > 2 or len(text) > 240 for text in texts.values())
        topic = _all(texts, is_topic)
        bold = _all(texts, lambda text: bool(re.fullmatch(r"\*\*[^*]+\*\*:?", text.strip())))
        announces = _all(texts, lambda text: text.rstrip().endswith((":", "：")))
        goes_on = _all(texts, lambda text: text[:1].islower())
        leads = after is not None and after.kind in (*LED, "code")
        if bold:
            self.show(part, texts, kind="label", new=True, keep=True)
            return
        if self.section.is_exercises and before is not None:
            numbered = _all(texts, lambda text: bool(re.match(r"\*\*\d+\.", text)))
            if numbered:
                self.show(part, first(texts))
        elif after is not None and after.kind == "answer":
            shown.append(self.show(part, texts, new=topic, keep=True))
        elif before is None or topic or _only_draws(after, self.section.parts):
            shown.append(
                self.show(
                    part, first(texts), new=topic, keep=bool(after and after.kind in (*LED, "code"))
                )
            )
        elif before.kind == "formula" and goes_on:
            shown.append(self.show(part, first(texts)))
        elif before.kind in RESULTS and self.shows(before):
            hidden = bool(self.section.blocks) and self.section.blocks[-1].hidden
            shown.append(self.show(part, first(texts), extra=True, hidden=hidden))
        if leads and announces and not (shown and shown[-1].texts == last(texts)):
            shown.append(self.show(part, texts if not long else last(texts), keep=True))
            if len(shown) == 2 and not long:
                self.section.blocks.remove(shown.pop(0))
        if not (shown and shown[-1].texts == texts):
            self.note(part)

    def on_quote(self, part: Part, before: Part | None, after: Part | None) -> None:
        """Show a question; the next output, or the answer below, comes after a pause."""
        self.predict = not self.opening
        self.show(part, part.texts, keep=self.predict, new=self.predict)

    def on_answer(self, part: Part, before: Part | None, after: Part | None) -> None:
        """Show an answer after a pause, below its question."""
        pairs = {language: answer_of(text) for language, text in part.texts.items()}
        questions = {language: pair[0] for language, pair in pairs.items()}
        if before is None or before.kind in ("answer", "heading") or _all(questions, _asks):
            self.show(part, questions, kind="label", keep=True)
        answers = {language: pair[1] for language, pair in pairs.items()}
        self.show(part, answers, hidden=True)

    def on_list(self, part: Part, before: Part | None, after: Part | None) -> None:
        """Show a list; where it is long, of each item its first sentence."""
        texts = part.texts
        if max(map(sizes.bullets, texts.values())) > sizes.ROOM - 90:
            texts = {language: _short_list(text) for language, text in texts.items()}
        for piece in cut(part, texts):
            self.show(part, piece)
        if texts != part.texts:
            self.note(part)

    def on_table(self, part: Part, before: Part | None, after: Part | None) -> None:
        """Show a table."""
        for piece in cut(part, part.texts):
            self.show(part, piece)

    def on_formula(self, part: Part, before: Part | None, after: Part | None) -> None:
        """Show a formula, with what its letters mean."""
        goes_on = after is not None and after.kind == "text"
        self.show(part, part.texts, keep=goes_on and _all(after.texts, lambda t: t[:1].islower()))

    def on_output(self, part: Part, before: Part | None, after: Part | None) -> None:
        """Show a block of text that stands in the prose."""
        for piece in cut(part, part.texts):
            self.show(part, piece)

    def on_code(self, part: Part, parts: list[Part]) -> None:
        """Show code in steps, and what it gives."""
        own = [one for one in parts if one.cell == part.cell]
        wanted = shown_of(own)
        if not self.shows(part):
            return
        if part.kind == "code" and "code" in wanted:
            keep = len(own) > 1 and own[1].kind == "output" and "output" in wanted
            pieces = cut(part, part.texts)
            for piece in pieces:
                self.show(part, piece, keep=keep and piece is pieces[-1])
        elif part.kind != "code" and "output" in wanted:
            pieces = cut(part, part.texts)
            for piece in pieces:
                self.show(part, piece, hidden=self.predict)
            self.predict = self.predict and part is not own[-1]


def _only_draws(part: Part | None, parts: list[Part]) -> bool:
    """Tell a cell of which only what it draws is shown."""
    if part is None or part.kind != "code":
        return False
    return shown_of([one for one in parts if one.cell == part.cell]) == ["output"]


def _asks(text: str) -> bool:
    return text.rstrip().rstrip(")").find("?") >= 0


def _short_list(source: str) -> str:
    """Return a list with the first sentence of each item."""
    return "\n".join(sentences(item.replace("\n", " "))[0] for item in sizes.items(source))


def shown_of(own: list[Part]) -> list[str]:
    """Return what of a code cell is shown unless it is left out."""
    code, results = own[0], own[1:]
    if "take" in code.marks:
        return code.marks["take"]
    if code.tags & {"exercise", "hide-cell"}:
        return []
    source = code.texts["en"]
    if any(one.kind == "live" for one in results):
        return ["output"]
    if any(one.kind == "picture" for one in results) and source.count("\n") < CALL:
        return ["output"]
    if not results and (only_imports(source) or only_asserts(source)):
        return []
    return ["code", "output"]


def leave_out(parts: list[Part]) -> list[str]:
    """Return the cells whose code may be left out, in the order in which it is.

    First what gives no output, then what compares with an earlier way, then the rest, and at last
    what the library holds; the longest first. Pictures and answers to a question stay.
    """
    cells: dict[str, list[Part]] = {}
    asked, waits = set(), False  # for the answer to a question
    for part in parts:
        if part.kind in ("code", *RESULTS):
            cells.setdefault(part.cell, []).append(part)
            if waits:
                asked.add(part.cell)
        if part.kind in ("quote", "heading", "answer", *RESULTS):
            waits = part.kind == "quote"
    ranks = []
    for cell, own in cells.items():
        source = own[0].texts["en"]
        drawn = {one.kind for one in own} & {"picture", "live"}
        if own[0].kind == "code" and not drawn and cell not in asked and shown_of(own):
            rank = (len(own) > 1) + (len(own) > 1 and "assert" not in source)
            rank = 3 if source.startswith("# lessons_lib") else rank
            ranks.append((rank, -source.count("\n"), cell))
    return [cell for *_, cell in sorted(ranks)]


# ---------------------------------------------------------------- laying out


def _place(slides: list[Slide], block: Block) -> None:
    """Put a block on the last slide, or on the next where there is no room."""
    if block.height > slides[-1].left and slides[-1].blocks:
        slides.append(Slide(slides[-1].title, slides[-1].section))
    slides[-1].notes += block.before
    slides[-1].blocks.append(block)
    slides[-1].notes += block.after


def _chunks(blocks: list[Block]) -> list[list[Block]]:
    """Group blocks with those that they stay with."""
    found: list[list[Block]] = []
    for block in blocks:
        if found and found[-1][-1].keep:
            found[-1].append(block)
        else:
            found.append([block])
    return found


def lay_out(section: Section, number: int) -> list[Slide]:
    """Return the slides of a section."""
    slides = [Slide(section.title, number)]
    for chunk in _chunks(section.blocks):
        here, needed = slides[-1], sum(block.height for block in chunk)
        if chunk[0].extra and needed > here.left:
            here.notes += chunk[0].before + chunk[0].after
            continue
        if needed > sizes.ROOM:  # it has to be cut: its beginning may stand here
            needed = sum(block.height for block in chunk[:2])
        full = chunk[0].new and not chunk[0].same and _is_full(here)
        begins = full or chunk[0].forced
        if here.blocks and (begins or needed > here.left):
            slides.append(Slide(section.title, number))
        if chunk[0].kind == "label" and not slides[-1].blocks and chunk[0].new:
            slides[-1].title = chunk[0].texts
            slides[-1].notes += chunk[0].before
            chunk = chunk[1:]
        for block in chunk:
            _place(slides, block)
    slides[-1].notes += section.notes
    found = [slide for slide in slides if slide.blocks or slide is slides[0]]
    for slide in found:
        if section.level > 1:
            _fill(slide)
    return found


def _fill(slide: Slide) -> None:
    """Show whole the paragraphs of a slide that has only their first sentences and much room."""
    if slide.left < EMPTY or any(block.kind not in ("text", "list") for block in slide.blocks):
        return
    for block in slide.blocks:
        texts = block.texts
        if block.kind != "text" or block.extra or block.whole in ({}, texts):
            continue
        block.texts = block.whole
        if slide.left < 0:
            block.texts = texts
        else:
            slide.notes = [part for part in slide.notes if part.texts != block.whole]


def _is_full(slide: Slide) -> bool:
    """Tell a slide on which something new should not begin."""
    return slide.left < MUCH


def make_deck(slug: str, parts: list[Part]) -> Deck:
    """Return the deck of a chapter; where it would be too long, some code stays in the notebook."""
    dropped: set[str] = set()
    waiting = leave_out(parts)
    while True:
        sections = sections_of(parts)
        for i, section in enumerate(sections):
            Chooser(section, dropped, opening=not i).run()
        slides = [slide for i, one in enumerate(sections) for slide in lay_out(one, i)]
        if len(slides) <= MOST or not waiting:
            break
        dropped.add(waiting.pop(0))
    minutes = minutes_of([max(1, section.weight) for section in sections])
    return Deck(slug, sections, slides, minutes)
