"""The diagrams: nothing on top of anything, both languages, 11 pixels and more, and true."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
import torch

from lessons_lib import figures
from lessons_lib.base import language
from lessons_lib.evaluation import wilson
from lessons_lib.figures import sketch, style
from lessons_lib.figures.diagrams.legend import legend
from lessons_lib.figures.sketch import Sketch
from lessons_lib.ngrams import count_ngrams
from lessons_lib.quantization import FORMATS
from lessons_lib.tokens import BPE, train_bpe
from lessons_lib.training import END, story_model
from tools import house

SVG = "{http://www.w3.org/2000/svg}"
NAMES = [name for name in figures.__all__ if name.endswith("_diagram")]
CHAPTERS = [
    slug
    for slug in house.chapters(house.ROOT)
    if (house.ROOT / "book" / "en" / f"{slug}.ipynb").is_file()
]
PHONE = 358  # pixels of a page's column on a telephone 390 wide


def drawn_by(name: str):
    """Return the function that draws a diagram."""
    return legend if name == "legend" else getattr(figures, name)


@pytest.fixture(params=language.LANGUAGES)
def speaking(request):
    language.speak(request.param)
    yield request.param
    language.speak("en")


@pytest.fixture(params=[*NAMES, "legend"])
def drawing(request, speaking):
    return drawn_by(request.param)()


class Seen:
    """Where a drawing's texts, boxes and lines are."""

    def __init__(self, svg: str):
        self.root = ElementTree.fromstring(svg)
        _, _, self.width, self.height = map(float, self.root.get("viewBox").split())
        self.texts = [self._text(text) for text in self.root.iter(f"{SVG}text")]
        _, *rects = self.root.iter(f"{SVG}rect")
        self.boxes = [self._box(rect) for rect in rects if "behind" not in rect.get("class")]
        self.points = [
            point for path in self.root.iter(f"{SVG}path") for point in self._along(path.get("d"))
        ]

    def _text(self, text):
        size, x, y = (float(text.get(key)) for key in ("font-size", "x", "y"))
        bold = "strong" in (text.get("class") or "")
        wide = sketch.text_width(text.text.rstrip(), size, bold)
        left = x - {"start": 0, "middle": wide / 2, "end": wide}[text.get("text-anchor")]
        return left, y - 0.8 * size, left + wide, y + 0.25 * size, text.text

    def _box(self, rect):
        left, top, width, height = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
        return left, top, left + width, top + height

    def _along(self, path):
        corners = [tuple(map(float, pair)) for pair in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]
        for (x1, y1), (x2, y2) in pairwise(corners):
            yield from ((x1 + (x2 - x1) * i / 40, y1 + (y2 - y1) * i / 40) for i in range(41))


def collisions(seen: Seen) -> list[str]:
    """List texts that leave the drawing, or lie on another text, an edge of a box or a line."""
    found = []
    for i, (left, top, right, bottom, text) in enumerate(seen.texts):
        if left < 2 or right > seen.width - 2 or top < 0 or bottom > seen.height:
            found.append(f"{text!r} leaves the drawing")
        for left2, top2, right2, bottom2, other in seen.texts[:i]:
            if left < right2 and left2 < right and top + 1 < bottom2 and top2 + 1 < bottom:
                found.append(f"{text!r} lies on {other!r}")
        for x1, y1, x2, y2 in seen.boxes:
            inside = x1 + 1 <= left and right <= x2 - 1 and y1 <= top and bottom <= y2
            if not (inside or right <= x1 or left >= x2 or bottom <= y1 or top >= y2):
                found.append(f"{text!r} crosses the edge of a box")
        if any(left < x < right and top + 1 < y < bottom - 1 for x, y in seen.points):
            found.append(f"a line crosses {text!r}")
    return found


def test_no_text_lies_on_anything(drawing):
    assert collisions(Seen(drawing._repr_svg_())) == []


def test_letters_have_eleven_pixels_on_a_telephone(drawing):
    seen = Seen(drawing._repr_svg_())
    sizes = [float(text.get("font-size")) for text in seen.root.iter(f"{SVG}text")]
    assert min(sizes) * min(1, PHONE / seen.width) >= 11
    assert float(seen.root.get("width")) >= seen.width  # and not smaller where there is room


def test_what_is_seen_is_said(drawing, speaking):
    root = ElementTree.fromstring(drawing._repr_svg_())
    assert (root.get("role"), root.get("aria-label")) == ("img", drawing.alt)
    assert 150 < len(drawing.alt) < 700
    assert not re.search(r"\d[.,]\d", drawing.alt.replace("," if speaking == "es" else ".", "#"))


@pytest.mark.parametrize("name", NAMES)
def test_each_language_has_labels_of_its_own_and_the_same_drawing(name):
    seen = []
    try:
        for code in language.LANGUAGES:
            language.speak(code)
            first, second = (getattr(figures, name)()._repr_svg_() for _ in range(2))
            assert first == second
            seen.append(Seen(first))
    finally:
        language.speak("en")
    english, spanish = seen
    assert {text[4] for text in english.texts} != {text[4] for text in spanish.texts}
    assert len(english.boxes) == len(spanish.boxes)
    assert english.height == spanish.height


def test_every_class_has_a_colour(drawing):
    root, css = ElementTree.fromstring(drawing._repr_svg_()), style.style_sheet()
    used = {name for one in root.iter() for name in (one.get("class") or "").split()}
    assert not {name for name in used - {"behind"} if not re.search(rf"\.{name}\b", css)}
    assert not re.search(r'(fill|stroke)="(?!none)', drawing._repr_svg_())  # none of their own


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("role", style.ROLES)
def test_colours_can_be_read(role, dark):
    line, pale = style.ROLES[role][2 * dark : 2 * dark + 2]
    ink, paper = (style.GROUND[name][dark] for name in ("ink", "paper"))
    assert contrast(ink, pale) >= 7 - 2 * dark  # letters in a box
    assert contrast(line, paper) >= 4.5  # letters of that colour
    assert contrast(line, pale) >= 3  # its edge
    assert len({colours[2 * dark] for colours in style.ROLES.values()}) >= len(style.ROLES) - 1


COLLISIONS = {
    "nothing": (lambda s: s.text(180, 50, "word"), None),
    "edge": (lambda s: s.text(350, 50, "too far right"), "leaves the drawing"),
    "box": (lambda s: s.box(100, 10, 40, 30, "too long for it"), "crosses the edge of a box"),
    "line": (lambda s: (s.text(90, 50, "word"), s.line((0, 50), (200, 50))), "a line crosses"),
    "text": (lambda s: (s.text(90, 50, "word"), s.text(95, 55, "word")), "lies on"),
}


@pytest.mark.parametrize("kind", COLLISIONS)
def test_a_collision_is_seen(kind):
    draw, expected = COLLISIONS[kind]
    board = Sketch(100, "")
    draw(board)
    found = collisions(Seen(board.drawing()._repr_svg_()))
    assert len(found) == (expected is not None)
    assert all(expected in one for one in found)


def test_a_sketch_refuses_an_unknown_role():
    with pytest.raises(ValueError, match=r"expected one of .*'query'.*, got 'querry'"):
        Sketch(10, "").box(0, 0, 5, 5, role="querry")


def test_a_sketch_by_hand():
    board = Sketch(40, ("one box", "un recuadro"), width=100)
    box = board.box(10, 10, 40, 20, ("0.5 < 1", "0.5 < 1"), "query")
    board.arrow((50, 20), (90, 20))
    assert (box.right, box.bottom, box.x, box.y) == (50, 30, 30, 20)
    root = ElementTree.fromstring(board.drawing()._repr_svg_())
    assert root.get("viewBox") == "0 0 100 40"
    (text,) = root.iter(f"{SVG}text")
    assert (text.text, text.get("x"), text.get("text-anchor")) == ("0.5 < 1", "30", "middle")
    line, head = root.iter(f"{SVG}path")
    assert line.get("d") == "M50 20L83.3 20"
    assert head.get("d") == "M90 20L83.3 23.7L83.3 16.3Z"


# ---------------------------------------------------------------- what they say is true


def labels(name: str) -> list[str]:
    return [text[4] for text in Seen(getattr(figures, name)()._repr_svg_()).texts]


@pytest.mark.parametrize("speaking", language.LANGUAGES, indirect=True)
def test_the_path_shows_the_book_s_own_model(speaking, one_thread):
    model, tokenizer = story_model(speaking)
    told = {
        "en": "Once upon a time there was a kind cat called Max. He lived",
        "es": "Había una vez un gato amable llamado Max. Vivía",
    }[speaking]
    ids = tokenizer.encode(END + told, allowed_special=[END])
    probs = model(torch.tensor([ids]))[0, -1].softmax(-1)
    drawn = labels("path_diagram")
    for i in ids[-3:]:
        assert drawn[drawn.index(str(i)) - 1] == tokenizer.decode([i]).strip()
    ends = [i for i, label in enumerate(drawn) if re.fullmatch(r"0[.,]\d\d", label)]
    for i in ends:
        [guess] = tokenizer.encode(f" {drawn[i - 1]}")
        assert probs[guess].item() == pytest.approx(float(drawn[i].replace(",", ".")), abs=0.015)
    assert len(ends) == 3


def test_the_tokens_are_those_of_one_merge():
    drawn = labels("tokens_diagram")
    assert [int(label) for label in drawn[2:23:2]] == list(b"banana band")
    _, merges = train_bpe("banana band", 257)
    assert [int(label) for label in drawn[24:39:2]] == BPE(merges).encode("banana band")
    assert drawn[23:38:2] == ["b", "an", "an", "a", "␣", "b", "an", "d"]


@pytest.mark.parametrize("speaking", language.LANGUAGES, indirect=True)
def test_the_counts_are_those_of_the_chapter(speaking):
    text = {
        "en": "the dog saw the cat . the cat saw the dog . the cat ran .",
        "es": "un perro tras un gato . un gato tras un perro . un gato salta .",
    }[speaking].split()
    vocabulary = sorted(set(text))
    counts = count_ngrams([vocabulary.index(word) for word in text], 2)
    drawn = labels("counting_diagram")
    rows = [i for i, label in enumerate(drawn) if re.fullmatch(r"\d", label)][:9:3]
    columns = [vocabulary.index(word) for word in drawn[8:11]]
    for row in rows:
        followed = counts[vocabulary.index(drawn[row - 1]),]
        assert [int(n) for n in drawn[row : row + 3]] == [followed[i] for i in columns]
    shares = [float(label.replace(",", ".")) for label in drawn if re.match(r"\d[.,]\d", label)]
    assert shares == [3 / 5, 2 / 5]


def test_latents_are_twelve_times_fewer_numbers():
    sizes = [re.findall(r"\d+", label) for label in labels("latents_diagram") if "×" in label]
    picture, latents = (math.prod(map(int, size)) for size in sizes)
    assert picture == 12 * latents
    assert "12 times fewer" in figures.latents_diagram().alt


def test_bits_and_bytes_add_up():
    drawn = " ".join(labels("four_bits_diagram"))
    for name, weights, total in re.findall(r"(Q\w+): (\d+) weights, (\d+) bytes", drawn):
        assert int(weights) == FORMATS[name].block_size
        assert int(total) == FORMATS[name].layout.itemsize
        assert FORMATS[name].bits_per_weight == 4.5
    fields = {name: kind[0].itemsize for name, kind in FORMATS["Q4_K"].layout.fields.items()}
    assert [*fields.values()] == [2, 2, 12, 128]
    assert "d 2 d min 2 scales, min. 12 levels 128 " in drawn


def test_the_error_bars_of_the_exam_are_wilson_s():
    svg = figures.exam_diagram()._repr_svg_()
    drawn = labels("exam_diagram")
    bars = re.findall(r'class="mark-line" d="M([\d.]+) \d+L([\d.]+) \d+"', svg)
    right = [drawn[drawn.index(name) + 1 :][:10].count("✓") for name in "AB"]
    assert right == [8, 7]
    assert [drawn[drawn.index(name) + 11] for name in "AB"] == ["8", "7"]
    for n_right, ends in zip(right, bars, strict=True):
        shares = [(float(x) - 46) / 280 for x in ends]  # the axis: 0 at 46, 1 at 326
        assert shares == pytest.approx(wilson(n_right, 10), abs=0.01)


# ---------------------------------------------------------------- where they stand


def structure(cell) -> bool:
    """Tell whether a cell draws a diagram of structure."""
    return cell.cell_type == "code" and bool(
        re.search(r"^figures\.(\w+_diagram|graph)\(", cell.source, re.M)
    )


@pytest.mark.parametrize("code", house.LANGUAGES)
@pytest.mark.parametrize("slug", CHAPTERS)
def test_a_chapter_has_its_diagram_in_the_first_third(slug, code):
    cells = house.read_notebook(house.ROOT / "book" / code / f"{slug}.ipynb").cells
    before, total = 0, sum(len(cell.source) for cell in cells)
    for i, cell in enumerate(cells):
        if structure(cell):
            assert before < total / 3
            assert i < len(cells) / 3
            return
        before += len(cell.source)
    raise AssertionError("no diagram of structure")


@pytest.mark.parametrize("code", house.LANGUAGES)
@pytest.mark.parametrize("slug", CHAPTERS)
def test_stored_diagrams_are_those_of_the_library(slug, code):
    language.speak(code)
    try:
        for cell in house.read_notebook(house.ROOT / "book" / code / f"{slug}.ipynb").cells:
            called = re.fullmatch(r"figures\.(\w+_diagram)\(\)", cell.source)
            if called:
                drawing = getattr(figures, called[1])()
                [output] = cell.outputs
                assert output.data["image/svg+xml"] == drawing._repr_svg_()
                assert cell.metadata.mystnb.image.alt == drawing.alt
    finally:
        language.speak("en")


@pytest.mark.parametrize("code", house.LANGUAGES)
@pytest.mark.parametrize("slug", CHAPTERS)
def test_stored_pictures_are_drawings(slug, code):
    for cell in house.read_notebook(house.ROOT / "book" / code / f"{slug}.ipynb").cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            assert "image/png" not in data, cell.id  # white in the dark, blurred on many screens
            if "image/svg+xml" in data:
                assert style.style_sheet() in data["image/svg+xml"], cell.id


def test_every_diagram_stands_in_a_chapter():
    assert len(CHAPTERS) >= 13
    drawn = set()
    for path in house.notebooks(house.ROOT, (), ("en",)):
        for cell in house.read_notebook(path).cells:
            drawn.update(re.findall(r"^figures\.(\w+_diagram)\(", cell.source, re.M))
    assert drawn == set(NAMES)
