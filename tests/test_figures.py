"""The pictures hold the numbers they are given, in the language that was chosen."""

import re
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

from lessons_lib import figures
from lessons_lib.base import language
from lessons_lib.figures.ink import svg_of


def test_strips_are_as_wide_as_the_text():
    figure = figures.strips({"bytes": [("41", 1), ("C3", 1)], "tokens": [("Añ", 2)]}, "bytes")
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [1, 1, 2]
    assert [bar.get_x() for bar in axes.patches] == [0, 1, 0]
    assert [text.get_text() for text in axes.texts] == ["41", "C3", "Añ"]
    assert axes.get_xlabel() == "bytes"
    assert axes.get_xlim() == (0, 2)


def test_bars_show_their_values():
    figure = figures.bars(
        {"a": {"x": 1.0, "y": 2.0}, "b": {"x": 3.0, "y": 4.25}}, "tokens per word"
    )
    (axes,) = figure.axes
    assert [bar.get_height() for bar in axes.patches] == [1, 3, 2, 4.25]
    assert [text.get_text() for text in axes.texts] == ["1.00", "3.00", "2.00", "4.25"]
    assert axes.get_ylabel() == "tokens per word"
    assert len({(bar.get_facecolor(), bar.get_hatch()) for bar in axes.patches}) == 2


def test_figures_refuse_what_they_cannot_show():
    for groups in (
        {},
        {"a": {}},
        {"a": {"x": 1}, "b": {"y": 1}},
        {"a": dict.fromkeys("abcdefg", 1)},
    ):
        with pytest.raises(ValueError, match="the same 1 to 6 bars"):
            figures.bars(groups, "y")
    with pytest.raises(ValueError, match="at most 6 series"):
        figures.curves([1], {key: [1] for key in "abcdefg"}, "x", "y")


def test_curves_plot_every_series():
    figure = figures.curves([1, 2, 4], {"a": [3, 2, 1], "b": [1, 1, 1]}, "x", "y", log_x=True)
    (axes,) = figure.axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[3, 2, 1], [1, 1, 1]]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "2", "4"]
    assert len({line.get_marker() for line in axes.lines}) == 2


def test_heat_map_writes_every_number_where_it_belongs():
    matrix = [[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]]
    figure = figures.heat_map(matrix, ["lamp", "hat"], ["Ana", "lamp", "lamp"], "weight")
    axes, bar = figure.axes
    [cells] = axes.collections
    assert cells.get_array().tolist() == matrix
    assert cells.get_cmap().name == "cividis"
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(c, r): f"{matrix[r][c]:.2f}" for r in range(2) for c in range(3)}
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["Ana", "lamp", "lamp"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["lamp", "hat"]
    assert bar.get_xlabel() == "weight"
    assert axes.yaxis_inverted()  # the first row on top


def luminance(colour):
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_heat_map_gives_turned_names_a_height_of_their_own():
    numbers = np.zeros((2, 10))
    short = figures.heat_map(numbers, ["a", "b"], ["x"] * 10, "weight")
    long = figures.heat_map(numbers, ["a", "b"], ["x"] * 9 + ["sombrero"], "weight")
    heights = []
    for figure in (short, long):
        figure.draw_without_rendering()
        heights.append(figure.axes[0].get_window_extent().height)
    assert heights[1] == pytest.approx(heights[0], rel=0.1)
    assert long.get_figheight() > short.get_figheight()


def test_heat_map_numbers_can_be_read_on_every_colour():
    numbers = [i / 100 for i in range(101)]
    axes = figures.heat_map([numbers], ["a"], numbers, "x").axes[0]
    (image,) = axes.collections
    for number, text in zip(numbers, axes.texts, strict=True):
        ground, ink = (
            luminance(image.to_rgba(number)),
            luminance(mpl.colors.to_rgb(text.get_color())),
        )
        contrast = (max(ground, ink) + 0.05) / (min(ground, ink) + 0.05)
        assert contrast >= 4.5  # WCAG 2, level AA, for small text


def test_heat_map_of_equal_or_negative_numbers():
    axes = figures.heat_map([[2.0]], ["a"], ["b"], "x", ".0f").axes[0]
    assert axes.texts[0].get_text() == "2"
    image = figures.heat_map([[-3.0, 1.0]], ["a"], ["b", "c"], "x").axes[0].collections[0]
    assert (image.norm.vmin, image.norm.vmax) == (-3, 1)
    for matrix in ([[1, 2]], [[1], [2]], [1], []):
        with pytest.raises(ValueError, match="expected 1 x 1 numbers, got"):
            figures.heat_map(matrix, ["a"], ["b"], "x")
    with pytest.raises(ValueError, match=r"expected 0 x 0 numbers, got \(0, 0\)"):
        figures.heat_map(np.zeros((0, 0)), [], [], "x")


def test_points_and_lines_stand_on_logarithmic_axes():
    groups = {"width 32": ([10, 100], [5, 4]), "width 64": ([1000], [2])}
    figure = figures.points(groups, {"fit": ([10, 1000], [5, 2])}, "FLOPs", "nats")
    (axes,) = figure.axes
    drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]
    assert drawn == [([10, 100], [5, 4]), ([1000], [2]), ([10, 1000], [5, 2])]
    assert [line.get_linestyle() for line in axes.lines] == ["None", "None", "-"]
    assert len({line.get_marker() for line in axes.lines}) == 3
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("FLOPs", "nats")
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["width 32", "width 64", "fit"]
    for groups, lines in (dict.fromkeys("abcdefg", ([1], [1])), {}), ({}, dict.fromkeys("abcd")):
        with pytest.raises(ValueError, match="at most 6 groups and 3 lines"):
            figures.points(groups, lines, "x", "y")


def test_no_line_passes_behind_a_legend(capsys):
    """Lines at every height leave no place inside: the legend stands above them."""
    places = list(range(1, 33))

    def is_inside(series):
        figure = figures.curves(places, series, "x", "y")
        (axes,) = figure.axes
        axes.set_yscale("log")  # what a notebook changes afterwards
        figure._ipython_display_()
        capsys.readouterr()
        figure.draw_without_rendering()
        return bool(axes.get_legend().get_window_extent().y0 < axes.get_window_extent().y1)

    spread = {f"line {height}": [4.0**-height] * 32 for height in range(6)}
    assert is_inside({"a": places})
    assert is_inside({"a": places, **dict.fromkeys("bc", [1] * 32)})
    assert not is_inside(spread)


def test_boxes_belong_to_their_owners():
    left = [(0, 0, 2, 1, "layer 1", 0), (0, 1, 2, 1, "layer 2", 1)]
    figure = figures.boxes({"pipeline": left, "data": [(0, 0, 1, 2, "all", 0)]})
    first, second = figure.axes
    assert [axes.get_title() for axes in (first, second)] == ["pipeline", "data"]
    assert [box.get_bbox().bounds for box in first.patches] == [(0, 0, 2, 1), (0, 1, 2, 1)]
    assert [text.get_text() for text in first.texts] == ["layer 1", "layer 2"]
    assert [text.get_position() for text in first.texts] == [(1, 0.5), (1, 1.5)]
    looks = [(box.get_facecolor(), box.get_hatch()) for box in (*first.patches, *second.patches)]
    assert looks[0] == looks[2] != looks[1]
    assert first.yaxis_inverted()
    with pytest.raises(ValueError, match=r"owners from 0 to 5, got \[0, 6\]"):
        figures.boxes({"a": [(0, 0, 1, 1, "x", 0), (0, 0, 1, 1, "x", 6)]})


def test_loss_curve_shows_a_record_and_its_floor():
    record = [{"step": 1, "loss": 7.0}, {"step": 2, "loss": 3.0, "validation": 4.0}]
    record.append({"step": 5, "loss": 0.5, "validation": 2.0})
    figure = figures.loss_curve(record, ("train", "new", "floor"), "steps", "nats", floor=0.3)
    (axes,) = figure.axes
    training, validation, floor = axes.lines
    assert (list(training.get_xdata()), list(training.get_ydata())) == ([1, 2, 5], [7, 3, 0.5])
    assert (list(validation.get_xdata()), list(validation.get_ydata())) == ([2, 5], [4, 2])
    assert set(floor.get_ydata()) == {0.3}
    assert axes.get_yscale() == "log"
    assert axes.get_xscale() == "linear"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["train", "new", "floor"]
    bare = figures.loss_curve(record[:1], ("train", "new", "floor"), "steps", "nats").axes[0]
    assert len(bare.lines) == 1
    with pytest.raises(ValueError, match="at least one step"):
        figures.loss_curve([], ("train", "new", "floor"), "steps", "nats")


RECORD = [{"step": i, "loss": 2.5 / i, "validation": 2.75 / i} for i in range(1, 4)]


def paired():
    figure, (left, right) = figures.panels(2, height=1.5)
    left.set(title="x 0.5")
    right.plot([1.25, 1.5], [0, 1], color=figures.COLOURS[0])
    return figure


DRAWN = {
    "strips": lambda: figures.strips({"x 0.5": [("1.5", 1), ("a", 1.25)]}, "width, 0.5"),
    "bars": lambda: figures.bars({"p = 0.9": {"y 1.5": 0.24}, "b": {"y 1.5": 43.7}}, "to 1.5"),
    "curves": lambda: figures.curves([0.25, 0.5], {"a 0.1": [0.3, 0.1]}, "x", "y", log_x=True),
    "curves, linear": lambda: figures.curves([0.25, 0.5], {"a": [0.3, 0.1]}, "to 0.5", "y"),
    "heat_map": lambda: figures.heat_map([[0.5, -0.25]], ["0.5"], ["1.5", "b"], "in 0.1 s"),
    "points": lambda: figures.points({"1.5": ([1, 2], [1.5, 2])}, {"0.5": ([1], [1])}, "x", "y"),
    "boxes": lambda: figures.boxes({"part 0.5": [(0, 0, 1, 1, "1.5", 0)]}),
    "panels": paired,
    "picture_grid": lambda: figures.picture_grid([np.ones((4, 4, 3))] * 2, ["0.5", "1.5 b"], 2),
    "loss_curve": lambda: figures.loss_curve(RECORD, ("a", "b", "0.5"), "x", "y", 0.3),
}


def written(figure):
    """Every text of a figure as it is drawn, also where Matplotlib makes it."""
    figure.canvas.draw()
    texts = [text.get_text() for text in figure.findobj(mpl.text.Text)]
    assert any(re.search(r"\d[.,]\d", text) for text in texts)
    return texts


SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", DRAWN)
def test_a_notebook_shows_a_drawing_in_the_page_s_inks(name, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append((data, raw)))
    for _ in range(2):
        DRAWN[name]()._ipython_display_()
    (data, raw), again = shown
    assert raw
    assert again[0] == data  # the same text each time
    assert sorted(data) == ["image/svg+xml", "text/plain"]
    root = ElementTree.fromstring(data["image/svg+xml"])
    _, _, width, _ = map(float, root.get("viewBox").split())
    assert root.get("class") == "drawing"
    assert 10 * 358 / width >= 10.5  # pixels of a letter on a telephone
    texts = {one.text for one in root.iter(f"{SVG}text") if (one.text or "").strip()}
    lines = {line for text in written(DRAWN[name]()) for line in text.split("\n")}
    assert texts
    assert texts <= lines  # letters stay letters
    drawn = data["image/svg+xml"].split("</style>", 1)[1]
    assert not re.search(r": #[0-9a-f]{6}", drawn) or name == "heat_map"
    assert "DejaVu" not in drawn


def test_two_pictures_of_a_page_share_no_ids():
    pictures = [svg_of(DRAWN[name]()) for name in ("bars", "curves", "boxes")]
    ids = [set(re.findall(r' id="([^"]+)"', picture)) for picture in pictures]
    assert all(ids)
    assert not (ids[0] & ids[1]) | (ids[1] & ids[2]) | (ids[0] & ids[2])
    for own, picture in zip(ids, pictures, strict=True):
        assert {*re.findall(r'(?:url\(#|href="#)([^")]+)', picture)} == own


def test_places_are_rounded_and_texts_are_not():
    svg = svg_of(figures.curves([0.125, 0.25], {"p = 0.0625 #ffffff": [1 / 3, 2 / 3]}, "x", "y"))
    drawn = svg.split("</style>", 1)[1]
    tags, texts = re.findall(r"<[^>]*>", drawn), re.sub(r"<[^>]*>", " ", drawn)
    assert not re.search(r"\d\.\d\d", "".join(tags))
    assert "p = 0.0625 #ffffff" in texts


def test_long_names_are_broken_or_turned():
    groups = {
        "temperature 0.5 and some more words": {"a": 0.25, "b": 0.5},
        "short": {"a": 1.0, "b": 2.0},
    }
    axes = figures.bars(groups, "y").axes[0]
    first, second = axes.get_xticklabels()
    assert (first.get_text(), first.get_rotation()) == ("temperature 0.5 and some\nmore words", 0)
    assert second.get_text() == "short"
    many = {f"embedding {i}": {"a": 12.25} for i in range(12)}
    axes = figures.bars(many, "y").axes[0]
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {90}
    assert {label.get_rotation() for label in axes.texts} == {90}
    axes = figures.strips({"file": [("list of tensors", 1), ("w", 9)]}, "bytes").axes[0]
    assert axes.texts[0].get_text() == "list\nof\ntensors"
    axes = figures.strips({"It is in the basket": [("a", 1)]}, "tokens").axes[0]
    assert axes.get_yticklabels()[0].get_text() == "It is in the\nbasket"
    axes = figures.boxes(
        {"a rather long title of some words": [(0, 0, 1, 1, "x", 0)], "b": []}
    ).axes[0]
    assert "\n" in axes.get_title()


def test_every_public_function_is_drawn():
    plots = {name for name in figures.__all__ if not name.endswith("_diagram")}
    assert {name.split(",")[0] for name in DRAWN} == plots - {"COLOURS", "Drawing", "graph"}


@pytest.mark.parametrize("name", DRAWN)
def test_spanish_figures_have_the_decimal_comma(name):
    english = written(DRAWN[name]())
    language.speak("es")
    spanish = written(DRAWN[name]())
    assert not [text for text in spanish if re.search(r"\d\.\d", text)]
    # Matplotlib 3.9 writes the labels of a logarithmic axis as formulas.
    commas = ["{,}" if "$" in text else "," for text in english]
    assert spanish == [
        re.sub(r"(\d)\.(\d)", rf"\1{comma}\2", text)
        for text, comma in zip(english, commas, strict=True)
    ]


@pytest.mark.parametrize("name", DRAWN)
def test_english_figures_are_those_of_matplotlib(name, monkeypatch):
    def pixels():
        figure = DRAWN[name]()
        figure.canvas.draw()
        return bytes(figure.canvas.buffer_rgba())

    ours = pixels()
    monkeypatch.setattr(figures.plots, "Figure", mpl.figure.Figure)
    assert ours == pixels()


def test_what_a_notebook_adds_is_translated_too():
    language.speak("es")
    figure = DRAWN["points"]()
    figure.axes[0].set(xscale="linear", yscale="linear", xticks=[1, 1.5], ylim=(0, 2.5))
    figure.axes[0].annotate("1.25 nats, Llama 3.1", (1, 1))
    texts = written(figure)
    assert {"1,25 nats, Llama 3.1", "1,5"} <= {*texts}
    assert repr(figure).startswith("<Figure size ")  # as notebooks have stored it


@pytest.fixture(autouse=True)
def close_figures():
    yield
    language.speak("en")
    figures.plots.plt.close("all")


GRAPH = (
    {
        "a": (0, 0, "a < 1", -0.5, 3.0),
        "b": (2, 0, "b", 2.0, -1.5),
        "c": (1, 1, "c = a · b", -1.0, 1.5),
        "d": (1, 2, "d = c · c", 1.0, 1.0),
    },
    [("a", "c", 2.0), ("b", "c", -0.5), ("c", "d", -1.0), ("c", "d", -1.0)],
)


def test_a_graph_has_its_texts_as_texts():
    drawing = figures.graph(*GRAPH)
    svg = ElementTree.fromstring(drawing._repr_svg_())
    texts = [one.text for one in svg.iter("{http://www.w3.org/2000/svg}text")]
    arrows = ["·2", "·(−0.5)", "·(−1)", "·(−1)"]
    boxes = [
        ["a < 1", "−0.5", "↑ 3"],
        ["b", "2", "↑ −1.5"],
        ["c = a · b", "−1", "↑ 1.5"],
        ["d = c · c", "1", "↑ 1"],
    ]
    assert texts == arrows + [text for box in boxes for text in box]
    paths = [one.get("d") for one in svg.iter("{http://www.w3.org/2000/svg}path")]
    assert len(set(paths)) == 4  # two arrows between the same boxes are two
    assert float(svg.get("viewBox").split()[2]) <= 390  # a telephone's
    assert repr(drawing) == "<Drawing>"
    assert drawing._repr_svg_() == figures.graph(*GRAPH)._repr_svg_()


def test_a_graph_s_boxes_lie_in_the_picture_and_apart():
    svg = ElementTree.fromstring(figures.graph(*GRAPH)._repr_svg_())
    _, _, width, height = (float(number) for number in svg.get("viewBox").split())
    _, *boxes = svg.iter("{http://www.w3.org/2000/svg}rect")
    places = [[float(box.get(key)) for key in ("x", "y", "width", "height")] for box in boxes]
    for i, (x, y, wide, tall) in enumerate(places):
        assert min(x, y, width - x - wide, height - y - tall) > 0
        for x2, y2, *_ in places[:i]:
            assert abs(x - x2) > wide or abs(y - y2) > tall


def test_a_graph_in_spanish():
    language.speak("es")
    try:
        assert "↑ −1,5" in figures.graph(*GRAPH)._repr_svg_()
    finally:
        language.speak("en")


@pytest.mark.parametrize("arrows", [[("a", "z", 1.0)], [("z", "a", 1.0)]])
def test_a_graph_refuses_arrows_to_nowhere(arrows):
    with pytest.raises(ValueError, match=r"arrows between them, got \{'z'\}"):
        figures.graph(GRAPH[0], arrows)
    with pytest.raises(ValueError, match="expected boxes"):
        figures.graph({}, [])


def test_pictures_stand_in_a_grid():
    pictures = [np.full((8, 8, 3), value) for value in (0.0, 0.5, 1.0)]
    figure = figures.picture_grid(pictures, ["dark", "a grey one in the middle", "light"], 2)
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.images[0].get_array().mean() for axes in shown] == [0.0, 0.5, 1.0]
    assert [axes.texts[0].get_text().replace("\n", " ") for axes in shown] == [
        "dark",
        "a grey one in the middle",
        "light",
    ]
    assert len(figure.axes) == 4
    assert not any(axes.texts for axes in figures.picture_grid(pictures).axes)
    for bad in (([],), (pictures, ["one"]), (pictures, (), 0)):
        with pytest.raises(ValueError, match="expected pictures, a caption each or none"):
            figures.picture_grid(*bad)
