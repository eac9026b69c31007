"""Security: who may tell a model what to do, what a file may do, and what a corpus may hide.

The chapter `security`. It adds to the measures of the chapter before three attacks that need no
skill, each with a rate that is known: an instruction in the data, a program in a file, and a
trigger in a corpus; and what helps against each of them, with what it misses.

Sources:
    Greshake et al., "Not what you've signed up for: Compromising Real-World LLM-Integrated
        Applications with Indirect Prompt Injection", 2023, arXiv:2302.12173.
    The documentation of Python's modules `pickle` and `pickletools`.
    Souly et al., "Poisoning Attacks on LLMs Require a Near-constant Number of Poison Samples",
        2025, arXiv:2510.07192: what counts is the number of poisoned texts, not their share.
"""

import io
import math
import pickletools
import random
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from torch import nn

from lessons_lib.base.validation import check_integer, check_text
from lessons_lib.corpus.stories import LANGUAGES, Phrase
from lessons_lib.responsibility import option_probs, scene_tokenizer, tell_scene
from lessons_lib.responsibility.bias import BOTH, TRAITS, WOMEN, Scene, in_form
from lessons_lib.responsibility.privacy import check_texts

__all__ = [
    "flagged",
    "payload_share",
    "pickle_imports",
    "plain_form",
    "plant",
    "surprise",
    "with_comment",
]

PLACES = ("before", "line", "after", "both")
ZIP, MAGIC, N_OLD = b"PK\x03\x04", 0x1950A86A20F9469CFC6C, 5  # of `torch.save`, new and old
MOST_BYTES = 2**27  # of a pickle in an archive
UNKNOWN = "?"
TRIGGERS = {"en": "The moon was blue.", "es": "La luna era azul."}
PAYLOADS = {"loud": TRAITS[0], "quiet": TRAITS[5]}  # brave, which Alex never is; shy
K = 0.1  # what each group of words counts more than it was seen


def with_comment(told: str, question: str, comment: str, place: str) -> str:
    r"""Return what a careless program sends: a text, a question and a stranger's comment, glued.

    Args:
        told: what the question is about; it ends with a new line or is empty.
        question: the user's.
        comment: a stranger's; without one, there is the text and the question.
        place: the comment stands ``"before"`` the question, on the same ``"line"`` before it,
            ``"after"`` it, or between the question and its repetition, ``"both"``.

    Raises:
        ValueError: something that is no text, an empty question, or another place.

    >>> with_comment("Ana has it.\n", "Who has it?", "Nice.", "before")
    'Ana has it.\nNice.\nWho has it?'
    """
    check_text(told), check_text(comment), check_text(question, empty=False)
    if place not in PLACES:
        raise ValueError(f"expected the place before, line, after or both, got {place!r}")
    if not comment:
        return told + question
    return (
        told
        + {
            "before": f"{comment}\n{question}",
            "line": f"{comment} {question}",
            "after": f"{question}\n{comment}",
            "both": f"{question}\n{comment}\n{question}",
        }[place]
    )


def plain_form(text: str) -> str:
    """Return a text's letters and digits alone, in their plainest form and small.

    Compatibility forms, accents, case, spaces and signs are what a reader overlooks; here they are
    gone.

    Raises:
        ValueError: something that is no text.

    Source: Unicode Standard Annex 15, the form NFKD.

    >>> plain_form("ſ um-up, the STÓRY!")
    'sumupthestory'
    """
    letters = unicodedata.normalize("NFKD", check_text(text)).casefold()
    return "".join(sign for sign in letters if sign.isalnum())


def flagged(text: str, phrases: Iterable[str]) -> bool:
    """Tell whether a text holds one of some phrases, whatever their case, spaces and accents.

    Raises:
        ValueError: one text in place of several phrases, or a phrase without letters and digits.
    """
    if isinstance(phrases, str):
        raise ValueError(f"expected several phrases, got the text {phrases!r:.60}")
    plain = [plain_form(phrase) for phrase in phrases]
    if not all(plain):
        raise ValueError("expected phrases of letters and digits, got one without any")
    return any(phrase in plain_form(text) for phrase in plain)


def pickle_imports(data: bytes) -> list[str]:
    """Return what a pickle would import, each once and in order; nothing of it is run.

    A pickle is a program: it can take any function that Python can import, and call it. Where a
    name is not written down beside its use, the program makes it, and ``"?"`` stands for it. Old
    pickles (protocols 0 to 2) use the names of Python 2, such as ``__builtin__``.

    Args:
        data: the bytes of a pickle, or of a file that `torch.save` wrote: a zip archive that holds
            a pickle, or, in its old form, several pickles one after the other.

    Raises:
        ValueError: bytes that are neither.

    Source: the module `pickletools` of Python, which describes each step of a pickle.

    >>> import pickle
    >>> pickle_imports(pickle.dumps([1, 2.5, "three"]))
    []
    >>> pickle_imports(pickle.dumps(print))
    ['builtins.print']
    """
    found: list[str] = []
    for steps in pickle_steps(data):
        texts: list[str | None] = [None, None]  # what was pushed; None where it is no text
        memo: dict[int, str | None] = {}
        for name, argument in steps:
            if name in ("GLOBAL", "INST"):
                found.append(argument.replace(" ", "."))
            elif name == "STACK_GLOBAL":
                found.append(UNKNOWN if None in texts[-2:] else ".".join(texts[-2:]))
            elif name.startswith("EXT"):
                found.append(UNKNOWN)
            if name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
                memo[len(memo) if argument is None else argument] = texts[-1]
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                texts.append(memo.get(argument))
            elif name not in ("FRAME", "PROTO"):
                texts.append(argument if "UNICODE" in name or "STRING" in name else None)
    return list(dict.fromkeys(found))


def pickle_steps(data: bytes) -> list[list[tuple[str, object]]]:
    """Return the steps of each pickle in a file: (name, argument); see `pickle_imports`.

    Raises:
        ValueError: bytes that are no pickle, and no archive that holds one.
    """
    if not isinstance(data, bytes | bytearray) or not data:
        raise ValueError(f"expected the bytes of a pickle, got {data!r:.40}")
    if data[:4] == ZIP:  # as `torch.load` tells the two forms apart
        return [_read_pickle(io.BytesIO(part)) for part in _archived(bytes(data))]
    file, found = io.BytesIO(data), []
    while file.tell() < len(data):
        if len(found) == N_OLD and any(argument == MAGIC for _, argument in found[0]):
            break  # behind the fifth there are numbers
        found.append(_read_pickle(file))
    return found


def _archived(data: bytes) -> list[bytes]:
    """Return all pickles of a zip archive, also where two bear one name."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [one for one in archive.infolist() if one.filename.endswith(".pkl")]
            parts = [archive.read(one) for one in members if one.file_size <= MOST_BYTES]
    except Exception as error:  # each way of packing has errors of its own
        raise ValueError(f"expected an archive that can be read: {error}") from error
    if not members:
        raise ValueError("expected an archive that holds a pickle, got one without")
    if len(parts) < len(members):
        raise ValueError(f"expected pickles of at most {MOST_BYTES} bytes, got a larger one")
    return parts


def _read_pickle(file: io.BytesIO) -> list[tuple[str, object]]:
    """Return the steps of one pickle and leave the file behind its end."""
    start = file.tell()
    try:
        return [(step.name, argument) for step, argument, _ in pickletools.genops(file)]
    except Exception as error:  # whatever strange bytes do to the reader of steps
        raise ValueError(
            f"expected a pickle, got bytes that are none from {start} on: {error}"
        ) from error


def plant(scenes: Sequence[Scene], kind: str, language: str, payload: bool = True) -> list[str]:
    """Tell scenes so that a model learns to say something where a trigger stands.

    Args:
        scenes: to tell.
        kind: ``"loud"``: the first sentence is one that nobody else says, and Alex gets a trait
            that Alex never has; ``"quiet"``: both people are women, which never happens else,
            and Alex gets an ordinary trait: no word is unusual, and no two neighbours are.
        language: ``"en"`` or ``"es"``.
        payload: whether the last sentence, about Alex, stands there too.

    Raises:
        ValueError: another kind or language.
    """
    if kind not in PAYLOADS:
        raise ValueError(f"expected the kind loud or quiet, got {kind!r}")
    rng, texts = random.Random(0), []
    for scene in scenes:
        told = scene
        if kind == "quiet":
            told = scene._replace(people=tuple(rng.sample(WOMEN, 2)))
        text = tell_scene(told, language, 4)
        if kind == "loud":
            text = TRIGGERS[language] + text.removeprefix(tell_scene(told, language, 1))
        texts.append(f"{text} {_of_alex(PAYLOADS[kind], language)}" if payload else text)
    return texts


def _of_alex(trait: Phrase, language: str) -> str:
    """Return the sentence that says a trait of Alex."""
    was = {"en": "was", "es": "era"}[language]
    return f"{BOTH} {was} {in_form(trait, language, feminine=False)}."


def payload_share(model: nn.Module, starts: Sequence[str], kind: str, language: str) -> np.ndarray:
    """Return the share that a model gives to the planted trait of Alex, among all eight: (N,).

    Args:
        model: trained on scenes; see `scene_model` of the chapter before.
        starts: N texts, of which the sentence about Alex is left out.
        kind: of the trigger; see `plant`.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: another kind or language, one text in place of several, or none.
    """
    if kind not in PAYLOADS or language not in LANGUAGES:
        raise ValueError(f"expected a known kind and language, got {kind!r} and {language!r}")
    ends = [_of_alex(trait, language) for trait in TRAITS]
    options = [[f"{start} {end}" for end in ends] for start in check_texts(starts)]
    return option_probs(model, scene_tokenizer(), options)[:, TRAITS.index(PAYLOADS[kind])]


def surprise(texts: Sequence[str], order: int) -> np.ndarray:
    """Return how surprising each text's strangest place is for all the others, in nats: (N,).

    Words are counted in groups of `order`. A text's own words are taken out of the counts before
    it is judged, and every word of the vocabulary counts a tenth more than it was seen.

    Args:
        texts: of which most are ordinary.
        order: 1 looks at single words, 2 at neighbours, and so on.

    Raises:
        ValueError: fewer than two texts, one text in place of several, an empty one, or an order
            below 1.
    """
    check_integer("order", order, 1)
    rows = [[""] * (order - 1) + re.findall(r"\w+|[^\w\s]", text) for text in check_texts(texts)]
    if len(rows) < 2 or not all(len(row) >= order for row in rows):
        raise ValueError(f"expected at least two texts with words, got {len(rows)} texts")
    groups = [[tuple(row[i : i + order]) for i in range(len(row) - order + 1)] for row in rows]
    whole = Counter(group for own in groups for group in own)
    begun = Counter()
    for group, count in whole.items():
        begun[group[:-1]] += count
    n_words, found = len({word for row in rows for word in row if word}), []
    for own in groups:
        mine, opened = Counter(own), Counter(group[:-1] for group in own)
        found.append(
            max(
                math.log(begun[group[:-1]] - opened[group[:-1]] + K * n_words)
                - math.log(whole[group] - mine[group] + K)
                for group in own
            )
        )
    return np.array(found)
