"""The colours of the book's drawings, by what they stand for, in light, in dark and on paper.

One thing has one colour in the whole book. Each has two: a line, for edges, arrows and letters,
and a pale one, for areas under letters. They follow Okabe and Ito ("Color Universal Design",
2008), whose colours readers with any of the common kinds of colour blindness can tell apart; no
drawing relies on colour alone.

A drawing carries its own style sheet. In the book's pages and in Jupyter it follows the theme; as
a picture by itself, as on GitHub, the reader's system. On paper it is light.
"""

__all__ = ["CURVES", "FAMILY", "ROLES", "style_sheet"]

FAMILY = (
    '"Book Sans", system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", '
    "sans-serif"
)
# For each role: line and pale in light, line and pale in dark.
ROLES = {
    "plain": ("#4b5866", "#f5f3ee", "#a9b1bb", "#1e252d"),  # tokens, numbers, steps
    "mark": ("#3d3526", "#e8dfc8", "#e9dfc6", "#4d4635"),  # what the diagram is about
    "query": ("#7a5c00", "#fbf0b2", "#f0d36a", "#423b12"),
    "key": ("#00629b", "#cfe5f5", "#7cc4f0", "#12384f"),
    "value": ("#00704f", "#cdebdf", "#5fd0a8", "#0f4034"),
    "stream": ("#8f3d70", "#f5dfec", "#eba7cf", "#4a2a3e"),
    "gradient": ("#a83f00", "#fbdccb", "#ff9f6e", "#53270f"),
    "trained": ("#45479f", "#dfe0f8", "#b4b7fb", "#2b2d5c"),  # weights that learn
    "frozen": ("#5b6570", "#e3e6ea", "#a9b1bb", "#2c333b"),  # weights that stay
}
GROUND = {"ink": ("#1d2733", "#e8e6e1"), "paper": ("#fffefb", "#14181e")}
# Okabe and Ito's colours of curves and bars, and lighter ones for a dark ground.
CURVES = {
    "#0072B2": "#4FB3EE",
    "#E69F00": "#F5BC45",
    "#009E73": "#35CFA0",
    "#CC79A7": "#E39BC4",
    "#56B4E9": "#9AD5F8",
    "#D55E00": "#FF8A3D",
}
PALE = {  # of CURVES
    "#CCE3F0": "#17384B",
    "#FAECCC": "#4A3A12",
    "#CCECE3": "#10453A",
    "#F5E4ED": "#4B2D40",
    "#DDF0FB": "#24475A",
    "#F7DFCC": "#56300F",
}


def _variables(dark: bool) -> str:
    """Return the colours as properties, such as --query and --query-pale."""
    pairs = {f"--{name}": both[dark] for name, both in GROUND.items()}
    for role, colours in ROLES.items():
        pairs[f"--{role}"], pairs[f"--{role}-pale"] = colours[2 * dark : 2 * dark + 2]
    for name, colours in (("curve", CURVES), ("tint", PALE)):
        for i, both in enumerate(colours.items()):
            pairs[f"--{name}-{i}"] = both[dark]
    return ";".join(f"{name}:{colour}" for name, colour in pairs.items())


# Where the page, not the system, says that it is dark: the book, JupyterLab, Colab, VS Code.
DARK_PAGES = ("html[data-theme=dark]", "[data-jp-theme-light=false]", "html[theme=dark]")


def style_sheet() -> str:
    """Return the style sheet that every drawing carries and that the book's pages share."""
    dark = ",".join(f"{page} .drawing" for page in (*DARK_PAGES, ".vscode-dark"))
    roles = "".join(
        f".drawing .{role}{{fill:var(--{role}-pale);stroke:var(--{role})}}"
        f".drawing .{role}-line{{fill:none;stroke:var(--{role})}}"
        f".drawing .{role}-ink{{fill:var(--{role});stroke:none}}"
        for role in ROLES
    )
    return (
        f".drawing{{{_variables(False)};font-family:{FAMILY};background:var(--paper)}}"
        f"@media screen{{{dark}{{{_variables(True)}}}}}"
        f"@media screen and (prefers-color-scheme:dark)"
        f"{{:root.drawing{{{_variables(True)}}}}}"
        ".drawing text{fill:var(--ink);stroke:none}"
        ".drawing text.muted{fill:var(--plain)}"
        ".drawing text.strong{font-weight:700}"
        ".drawing text.code{font-family:ui-monospace,Menlo,Consolas,"
        '"DejaVu Sans Mono","Book Mono",monospace}'
        f"{roles}"
        ".drawing .sheet{fill:var(--paper)}"
        ".drawing .dashed{stroke-dasharray:5 3}"
        ".drawing .frame{fill:none;stroke:var(--plain);stroke-dasharray:2 3}"
    )
