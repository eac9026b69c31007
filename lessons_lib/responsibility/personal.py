"""Personal data in texts: what has a form can be found, and check digits say whether it is one."""

from collections.abc import Iterator
from typing import NamedTuple

import regex

from lessons_lib.base.validation import check_text

LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"  # of a DNI or NIE: its number modulo 23
IBAN_LENGTHS = {  # of countries near to this book; others are checked by their digits alone
    "AD": 24, "AT": 20, "BE": 16, "BR": 29, "CH": 21, "CR": 22, "DE": 22, "DO": 28, "ES": 24,
    "FR": 27, "GB": 22, "GT": 28, "IE": 22, "IT": 27, "LU": 20, "NL": 18, "PT": 25, "SV": 28,
}  # fmt: skip

# What is not joined to more letters or digits. An IBAN comes first, since a part of one can look
# like a telephone number.
_PATTERNS = {
    "iban": r"(?<!\w)[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}(?!\w)",
    "email": r"(?<![\w.+-])[\w+-]+(?:\.[\w+-]+)*@(?:[\w-]+\.)+\p{L}{2,}(?![\w-])",
    "nie": r"(?<!\w)[XYZ][ -]?\d{7}[ -]?[A-Z](?!\w)",
    "dni": r"(?<!\w)(?:\d{8}|\d{2}\.\d{3}\.\d{3})[ -]?[A-Z](?!\w)",
    "telephone": (
        r"(?<![\w.,+-])(?:\+\d{1,3}[ .-]?(?:\(?\d{1,4}\)?[ .-]?){2,5}\d{2,4}"  # +52 55 1234 5678
        r"|[6-9]\d{2}(?:([ .-]?)\d{3}\1\d{3}|([ .-])\d{2}\2\d{2}\2\d{2}))(?![\w-]|[.,]\d)"
    ),
}
_FINDERS = {kind: regex.compile(pattern, regex.IGNORECASE) for kind, pattern in _PATTERNS.items()}


class Span(NamedTuple):
    """Where something stands in a text, and what it is."""

    start: int
    end: int
    kind: str  # "email", "telephone", "dni", "nie" or "iban"
    text: str


def is_dni(text: str) -> bool:
    """Tell whether a DNI's or NIE's letter is that of its number.

    Source: Real Decreto 1553/2005; the letter is the one at the number modulo 23, where the X, Y or
    Z of a NIE counts as 0, 1 or 2.

    >>> is_dni("12345678Z"), is_dni("12345678A"), is_dni("X1234567L")
    (True, False, True)
    """
    plain = regex.sub(r"[ .-]", "", check_text(text)).upper()
    if not regex.fullmatch(r"(?:[XYZ]\d{7}|\d{8})[A-Z]", plain, flags=regex.ASCII):
        return False
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return LETTERS[int(number) % 23] == plain[-1]


def is_iban(text: str) -> bool:
    """Tell whether the check digits of an IBAN are right.

    Source: ISO 13616: the first four characters behind the others, letters as 10 to 35, leave 1
    when divided by 97.

    >>> is_iban("ES91 2100 0418 4502 0005 1332"), is_iban("ES92 2100 0418 4502 0005 1332")
    (True, False)
    """
    plain = regex.sub(r"[ -]", "", check_text(text)).upper()
    if not regex.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", plain, flags=regex.ASCII):
        return False
    if len(plain) != IBAN_LENGTHS.get(plain[:2], len(plain)):
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def find_personal_data(text: str) -> list[Span]:
    """Find what has the form of personal data, in the order of the text; no two spans overlap.

    E-mail addresses, telephone numbers (with a country's code, or Spanish ones of nine digits), and
    the DNI, NIE and IBAN whose check digits are right. Names, addresses and what somebody tells of
    themselves have no form, and are not found.

    Raises:
        ValueError: no text.

    >>> find_personal_data("Write to ana@example.org or 612 345 678.")[1]
    Span(start=28, end=39, kind='telephone', text='612 345 678')
    """
    check_text(text)
    found: list[Span] = []
    for kind, finder in _FINDERS.items():
        for span in _checked(kind, finder, text):
            if all(span.end <= other.start or other.end <= span.start for other in found):
                found.append(span)
    return sorted(found)


def _checked(kind: str, finder: regex.Pattern, text: str) -> Iterator[Span]:
    """Yield what a pattern finds and its check digits allow."""
    for match in finder.finditer(text):
        start, stop = match.span()
        whole = True
        if kind == "iban":
            stop = _iban_end(text, start, stop)
            whole = stop > start
        elif kind == "telephone":
            whole = 9 <= sum(c.isdigit() for c in match[0]) <= 15
        elif kind in ("dni", "nie"):
            whole = is_dni(match[0])
        if whole:
            yield Span(start, stop, kind, text[start:stop])


def _iban_end(text: str, start: int, stop: int) -> int:
    """Return where an IBAN ends, without words that follow it; its start where it is none."""
    for end in range(stop, start + 14, -1):
        if is_iban(text[start:end]) and not regex.match(r"[\w]", text[end : end + 1]):
            return end
    return start
