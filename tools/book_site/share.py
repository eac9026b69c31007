"""The picture that other sites show beside a link to the book, drawn anew with each build."""

import io
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
SIZE, SCALE = (1200, 630), 2  # drawn larger and made smaller: smooth lines
INK, SOFT, PAPER, ACCENT, WARM = "#1d2733", "#4b5866", "#f7f5f0", "#0a5c7a", "#8a3b12"
COLOURS = 64
MARGIN, LINE = 70, 88  # pixels


def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / f"DejaVuSans{'-Bold' if bold else ''}.ttf", size * SCALE)


def share_picture(title: str, lead: str, told: dict) -> bytes:
    """Return a PNG of 1200 by 630: the book's title and its model answering, with its arcs.

    Args:
        title: the book's title.
        lead: what the reader will have built.
        told: a trace, see `tools.traces`.
    """
    picture = Image.new("RGB", [SCALE * side for side in SIZE], PAPER)
    draw = ImageDraw.Draw(picture)
    margin, right = MARGIN * SCALE, (SIZE[0] - MARGIN) * SCALE
    draw.text((margin, margin), title, INK, _font(54, bold=True))
    for i, line in enumerate(_lines(draw, lead, _font(25), right - margin)):
        draw.text((margin, (160 + 38 * i) * SCALE), line, SOFT, _font(25))
    font, places, x, y = _font(32), {}, margin, 345 * SCALE
    first, last = _shown(told)
    for word in _words(told["pieces"], first, last):
        width = draw.textlength("".join(piece for _, piece in word), font)
        if x + width > right:
            x, y = margin, y + LINE * SCALE
        for i, piece in word:
            piece = piece.lstrip() if x == margin else piece
            answered = i >= told["answer"]
            colour = WARM if answered else ACCENT if i >= told["given"] else SOFT
            draw.text((x, y), piece, colour, font)
            width = draw.textlength(piece, font)
            places[i] = (x + width / 2, y + 4 * SCALE)
            x += width
    step = told["steps"][told["answer"] - told["given"]]
    for place, weight in step["arcs"]:
        if place in places:
            _arc(draw, places[told["answer"] - 1], places[place], weight)
    small = picture.resize(SIZE, Image.Resampling.LANCZOS).quantize(
        COLOURS, Image.Quantize.MAXCOVERAGE
    )
    data = io.BytesIO()
    small.save(data, "PNG", optimize=True)
    return data.getvalue()


def _lines(draw: ImageDraw.ImageDraw, text: str, font, width: float) -> list[str]:
    """Break a text into lines of at most a width."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _shown(told: dict) -> tuple[int, int]:
    """Return the first piece of the last whole sentence given, and the piece behind the answer."""
    stops = [i for i, piece in enumerate(told["pieces"]) if "." in piece]
    given = [i for i in stops if i < told["given"]]
    return given[-2] + 1, next(i for i in stops if i >= told["answer"]) + 1


def _words(pieces: list[str], first: int, last: int) -> list[list[tuple[int, str]]]:
    """Return the numbered pieces word by word; a word begins with a space."""
    words = []
    for i in range(first, last):
        if not words or pieces[i].startswith(" "):
            words.append([])
        words[-1].append((i, pieces[i]))
    return words


def _arc(draw: ImageDraw.ImageDraw, start: tuple, end: tuple, weight: float) -> None:
    """Draw a curve that rises from one place and comes down at another."""
    height = min(64 * SCALE, 16 * SCALE + abs(start[0] - end[0]) / 5)
    (x0, y0), (x3, y3) = start, end
    points = []
    for i in range(61):
        t = i / 60
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        x = a * x0 + b * x0 + c * x3 + d * x3
        points.append((x, a * y0 + b * (y0 - height) + c * (y3 - height) + d * y3))
    draw.line(points, ACCENT, round((1 + 3 * weight) * SCALE), joint="curve")
