"""The formulas of questions as MathML, which browsers, paper and QTI show without a script.

They are short: letters, numbers, signs, superscripts and subscripts, fractions, a few names.
"""

import re
from html import escape

__all__ = ["mathml"]

TOKENS = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:[.,]\d+)*|[^\s]", re.S)
TEXT = re.compile(r"\\text\{([^{}]*)\}")
LETTERS = {
    **{"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "varepsilon": "ε", "eta": "η"},
    **{"theta": "θ", "lambda": "λ", "mu": "μ", "pi": "π", "sigma": "σ", "tau": "τ", "ell": "ℓ"},
    **{"infty": "∞", "phi": "φ", "rho": "ρ", "epsilon": "ϵ", "omega": "ω"},
}
NAMES = ("cos", "exp", "ln", "log", "max", "min", "sin", "softmax")
SIGNS = {
    **{"cdot": "⋅", "times": "×", "approx": "≈", "leftarrow": "←", "rightarrow": "→", "to": "→"},
    **{"le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "in": "∈", "sum": "∑"},
    **{"pm": "±", "dots": "…", "ldots": "…", "top": "⊤", "mid": "∣", "sim": "∼", "prod": "∏"},
}


def mathml(formula: str) -> str:
    r"""Return a formula of TeX as an element of MathML.

    Raises `ValueError` for what it does not know, and for braces that do not match.

    >>> mathml("x_1^2")[49:-7]
    '<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>'
    """
    texts = TEXT.findall(formula)
    tokens = TOKENS.findall(TEXT.sub(r"\\text ", formula).replace("{,}", ","))
    reader = _Reader(formula, tokens[::-1], texts[::-1])
    row = reader.row()
    if reader.tokens:
        raise ValueError(f"expected braces that match, got {formula!r}")
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML">{row}</math>'


class _Reader:
    """Reads a formula from its tokens, the first of which stands last."""

    def __init__(self, formula: str, tokens: list[str], texts: list[str]):
        self.formula, self.tokens, self.texts = formula, tokens, texts

    def row(self) -> str:
        """Read up to the end, or to a brace that closes."""
        parts = []
        while self.tokens and self.tokens[-1] != "}":
            parts.append(self.scripted())
        return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"

    def scripted(self) -> str:
        """Read one part with what stands above and below it."""
        function = self.tokens[-1][1:] in NAMES
        parts = {"": self.part()}
        while self.tokens and self.tokens[-1] in ("^", "_"):
            sign = self.tokens.pop()
            parts[sign] = self.part()
        tag = {2: "msup" if "^" in parts else "msub", 3: "msubsup"}.get(len(parts), "")
        inner = "".join(parts[sign] for sign in ("", "_", "^") if sign in parts)
        if function and self.tokens and self.tokens[-1] != "}":  # its argument follows
            return f"{_element(tag, inner)}<mo>\u2061</mo>"
        return _element(tag, inner)

    def part(self) -> str:
        """Read a letter, a number, a sign, a name, or what stands in braces."""
        if not self.tokens or self.tokens[-1] in "}^_":
            raise ValueError(f"expected something more in the formula {self.formula!r}")
        token = self.tokens.pop()
        if token == "{":
            inner = self.row()
            if not self.tokens:
                raise ValueError(f"expected braces that match, got {self.formula!r}")
            self.tokens.pop()
            return inner
        if token.startswith("\\"):
            return self.named(token[1:])
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f"<mi>{token}</mi>"
        return f"<mo>{escape({'-': '−', '*': '∗'}.get(token, token))}</mo>"

    def named(self, name: str) -> str:
        """Read what a command of TeX stands for."""
        if name == "text" and self.texts:
            return f"<mtext>{escape(self.texts.pop())}</mtext>"
        if name == "frac":
            return f"<mfrac>{self.part()}{self.part()}</mfrac>"
        if name == "sqrt":
            return f"<msqrt>{self.part()}</msqrt>"
        if name in LETTERS:
            return f"<mi>{LETTERS[name]}</mi>"
        if name in NAMES:
            return f"<mi>{name}</mi>"
        if name in SIGNS or not name.isalpha():
            sign = SIGNS.get(name, {",": "", ";": "", " ": ""}.get(name, name))
            return f"<mo>{escape(sign)}</mo>" if sign else '<mspace width="0.2em"/>'
        raise ValueError(f"expected a formula of known commands, got \\{name} in {self.formula!r}")


def _element(tag: str, inner: str) -> str:
    return f"<{tag}>{inner}</{tag}>" if tag else inner
