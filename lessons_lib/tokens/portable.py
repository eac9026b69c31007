r"""Patterns that the engines of regular expressions read alike.

The package `regex` and the Oniguruma inside `tokenizers` differ in more than a few signs: `$` and
`^`, `\w`, `{1,3}+`, classes in classes, letters that are two letters in another case.
"""

import regex

from lessons_lib.base.validation import check_pattern

__all__ = ["check_portable"]

_ESCAPED = r"\\(?:[rntsSd.^$*+?()\[\]{}|/\\\-&!\"#,:;=@%~]|[pP]\{(?:L[ultmo]?|N[d]?|P|S|M|Zs)\})"
_PLAIN = r"[^\\\[\]&\-^]|(?<!&)&(?!&)"  # a character in a class
_CLASS = rf"\[\^?+-?+(?:(?:{_PLAIN})-(?:{_PLAIN})|{_ESCAPED}|(?:{_PLAIN})|(?<!\[)\^)++-?+\]"
_TOKENS = regex.compile(
    rf"(?P<atom>{_ESCAPED}|{_CLASS}|[^\\.^$*+?()\[\]{{}}|])"
    r"|(?P<case>\(\?i:(?:'s\|'t\|'re\|'ve\|'m\|'ll\|'d|\[sdmt\]\|ll\|ve\|re)\))"
    r"|(?P<open>\(\?(?:[:>]|<?[=!]))"
    r"|(?P<close>\))"
    r"|(?P<or>\|)"
    r"|(?P<times>[?*+][?+]?+|\{[0-9]{1,3}(?:,[0-9]{0,3})?\})"
)


def check_portable(pattern: str) -> str:
    r"""Return `pattern` if the engines are known to read it alike.

    Raises:
        ValueError: no pattern, or one with a sign outside the common ones.

    >>> check_portable(r"\p{N}{1,3}|\s+(?!\S)")
    '\\p{N}{1,3}|\\s+(?!\\S)'
    >>> check_portable(r"\w+$")
    Traceback (most recent call last):
    ...
    ValueError: expected a pattern that all engines read alike, got '\\w+$' from '\\w+$' on
    """
    check_pattern(pattern)
    place, opened, repeatable = 0, [], False
    while place < len(pattern):
        found = _TOKENS.match(pattern, place)
        kind = found and found.lastgroup
        if kind == "open":
            opened.append(found[0] in ("(?:", "(?>"))
        if not found or (kind == "times" and not repeatable):
            raise ValueError(
                f"expected a pattern that all engines read alike, got {pattern!r:.200} "
                f"from {pattern[place:]!r:.40} on"
            )
        repeatable = opened.pop() if kind == "close" else kind in ("atom", "case")
        place = found.end()
    return pattern
