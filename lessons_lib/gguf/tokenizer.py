"""The tokenizer in the metadata: its tokens, its merges, and how texts are cut."""

from collections import Counter
from collections.abc import Mapping, Sequence

import regex

from lessons_lib.base.validation import check_integer
from lessons_lib.gguf.layout import shown
from lessons_lib.gguf.reading import GGUF, MetadataList, check_whole
from lessons_lib.gguf.vocabulary import (
    CONTROL,
    MERGES_FIRST,
    NORMAL,
    PRE_NAMES,
    PRE_TOKENIZERS,
    UNUSED,
    USER_DEFINED,
    check_apart,
    check_no_words,
    settle_kinds,
)
from lessons_lib.tokens import GPT4_PATTERN, BPETokenizer, byte_characters

BYTE_CHARACTERS = byte_characters()
NEVER_IN_TEXTS = (0xC0, 0xC1, *range(0xF5, 0x100))  # UTF-8 has no use for them
BYTES = {character: byte for byte, character in BYTE_CHARACTERS.items()}
START = "tokenizer.ggml."
NO_END = BYTE_CHARACTERS[0]  # the end of texts that have none
# What says how the tokenizer works, or changes nothing; others name tokens with a task, or ask for
# something that is not done here.
SETTINGS = ("model", "pre", "tokens", "token_type", "merges", "add_bos_token", "add_space_prefix")
SETTINGS += ("scores",)
ENDS_OF_TEXT = ("eos_token_id", "eot_token_id", "eom_token_id")  # of a text, a turn, a message


class FileTokenizer(BPETokenizer):
    """A tokenizer from a file, with what else the file says of it.

    Attributes:
        settings: entries of the metadata without "tokenizer.ggml.", such as the token that begins
            a text, and whether it does; `write_tokenizer` writes them again.
    """

    settings: Mapping[str, object] = {}


def write_tokenizer(
    tokenizer: BPETokenizer, vocab_size: int, end_ids: Sequence[int] = ()
) -> dict[str, object]:
    """Return the metadata that hold a tokenizer.

    A file has to name an end of text. Without one, it is the byte 0, which no text contains; for
    llama.cpp, a text begins with the same.

    Args:
        tokenizer: with a pattern of `PRE_TOKENIZERS`, or GPT-4's, which is written as Llama's: the
            two differ only in spaces after a line end at the very end of a text.
        vocab_size: V of the model; ids that the tokenizer lacks become unused tokens.
        end_ids: of the model, the tokens that end a text, at most three; the tokenizer's own is the
            first of them.

    Raises:
        ValueError: another pattern or setting that no file holds, more tokens than V, two that
            would look alike, or that llama.cpp would take for something else; more ends.
    """
    if tokenizer.vocab_size > check_integer("vocab_size", vocab_size, 1):
        raise ValueError(f"expected at most {vocab_size} tokens, got {tokenizer.vocab_size}")
    ordinary = {i: token for token, i in tokenizer.ordinary.items()}
    check_bytes(ordinary)
    special = {i: text for text, i in tokenizer.special_tokens.items()}
    users = {i: text for text, i in tokenizer.user_defined.items()}
    shown_as = {i: show_bytes(token) for i, token in ordinary.items()} | special | users
    tokens = [shown_as.get(i, f"[PAD{i}]") for i in range(vocab_size)]
    if len(set(tokens)) < vocab_size:
        raise ValueError("expected tokens that look different in a file, got two that do not")
    given = [(special, CONTROL), (users, USER_DEFINED), (shown_as, NORMAL)]
    kinds = [next((kind for ids, kind in given if i in ids), UNUSED) for i in range(vocab_size)]
    for token, kind, settled in zip(tokens, kinds, settle_kinds(tokens, kinds), strict=True):
        if kind != settled:
            raise ValueError(f"expected {token} to be of type {settled}, got {kind}")
    check_apart([*special.values(), *users.values()])
    if tokenizer.ignore_merges:
        check_no_words(map(spelled, [*special.values(), *users.values()]), tokenizer.pattern)
    settings = getattr(tokenizer, "settings", {})
    own = () if tokenizer.end_id is None else (tokenizer.end_id,)
    ends = [*dict.fromkeys((*own, *end_ids))] or [tokens.index(NO_END)]
    if len(ends) > len(ENDS_OF_TEXT):
        raise ValueError(f"expected at most {len(ENDS_OF_TEXT)} tokens that end a text, got {ends}")
    entries = {
        "model": "gpt2",
        "pre": name_cut(tokenizer),
        "tokens": tokens,
        "token_type": kinds,
        "merges": [f"{show_bytes(left)} {show_bytes(right)}" for left, right in tokenizer.merges],
        "bos_token_id": ends[0],
        "add_bos_token": False,
    }
    entries |= settings | dict(zip(ENDS_OF_TEXT, ends, strict=False))
    return {f"{START}{name}": value for name, value in entries.items()}


def show_bytes(token: bytes) -> str:
    """Return the bytes of a token as visible characters, see `byte_characters`."""
    return "".join(BYTE_CHARACTERS[byte] for byte in token)


def name_cut(tokenizer: BPETokenizer) -> str:
    """Return the name for how a tokenizer cuts texts, and whether whole words come first.

    Raises:
        ValueError: it has none, or another setting that no file holds.
    """
    for name in ("normalizer", "normalized", "unknown"):
        if value := getattr(tokenizer, name):
            raise ValueError(f"expected no {name}, which no GGUF file holds, got {value!r:.60}")
    patterns = {PRE_TOKENIZERS[plain]: plain for plain in PRE_TOKENIZERS}
    name = (patterns | {GPT4_PATTERN: "llama-bpe"}).get(tokenizer.pattern)
    if name == "llama-bpe" and not tokenizer.ignore_merges:
        return MERGES_FIRST[0]
    if name is None or (tokenizer.ignore_merges and name != "llama-bpe"):
        got = f"{tokenizer.pattern!r:.300}, ignore_merges {tokenizer.ignore_merges}"
        raise ValueError(f"expected a pattern of PRE_TOKENIZERS, got {got}")
    return name


def read_tokenizer(gguf: GGUF) -> FileTokenizer:
    """Return the tokenizer that a file holds.

    Raises:
        ValueError: the file is one of several parts; the tokenizer is no byte-level BPE, cuts words
            in a way that has no name in `PRE_NAMES`, is broken, or one of which llama.cpp makes
            other tokens than a `BPETokenizer`.
    """
    check_whole(gguf)
    found = {k.removeprefix(START): v for k, v in gguf.metadata.items() if k.startswith(START)}
    kind, pre = found.get("model"), str(found.get("pre"))
    if kind != "gpt2" or pre not in PRE_NAMES:
        expected = f"the tokenizer gpt2, cut as one of {[*PRE_TOKENIZERS]}"
        raise ValueError(f"expected {expected}, got {kind!r:.60}, cut as {pre!r:.60}")
    check_settings(found)
    if regex.search("phi-?3", str(gguf.metadata.get("general.name")), regex.IGNORECASE):
        raise ValueError("expected no Phi-3, whose special tokens take in spaces, got one by name")
    tokens = [text or f"[EMPTY_{i}]" for i, text in enumerate(read_list(found, "tokens", str))]
    if len({*tokens}) < len(tokens):
        [(twice, n)] = Counter(tokens).most_common(1)
        raise ValueError(f"expected tokens that differ, got {shown(twice)} {n} times")
    kinds = read_list(found, "token_type", int) if "token_type" in found else [NORMAL] * len(tokens)
    if len(kinds) < len(tokens):
        raise ValueError(f"expected a type for each of {len(tokens)} tokens, got {len(kinds)}")
    numbered = list(enumerate(zip(tokens, settle_kinds(tokens, kinds[: len(tokens)]), strict=True)))
    special = {token: i for i, (token, kind) in numbered if kind == CONTROL}
    users = {token: i for i, (token, kind) in numbered if kind == USER_DEFINED}
    check_apart([*special, *users])
    whole = PRE_NAMES[pre] == "llama-bpe" and pre not in MERGES_FIRST
    pattern = PRE_TOKENIZERS[PRE_NAMES[pre]]
    if whole:
        others = (token for _, (token, kind) in numbered if kind != NORMAL)
        check_no_words(map(spelled, others), pattern)
    try:
        vocab = {i: read_bytes(token) for i, (token, kind) in numbered if kind == NORMAL}
        merges = [tuple(map(read_bytes, m.split(" "))) for m in read_list(found, "merges", str)]
        end_id = read_id(found, "eos_token_id", len(tokens))
        end = None if end_id is None else tokens[end_id]
        tokenizer = FileTokenizer(
            vocab,
            list(dict.fromkeys(merges)),  # of a merge given twice, the first counts
            special,
            pattern,
            end if end in special else None,
            user_defined=users,
            ignore_merges=whole,
            drop_unknown=check_bytes(vocab),
        )
    except (KeyError, ValueError) as error:
        raise ValueError(f"expected a byte-level tokenizer, got {error!r:.300}") from None
    usual = {"bos_token_id": 11, "add_bos_token": whole}  # what llama.cpp does when told nothing
    own = ("model", "tokens", "token_type", "merges", "eos_token_id")
    tokenizer.settings = usual | {name: v for name, v in found.items() if name not in own}
    return tokenizer


def check_settings(found: Mapping[str, object]) -> None:
    """Check that the metadata ask for nothing that is not done here, such as an end appended.

    Raises:
        ValueError: they do, or what is a yes or a no is neither.
    """
    for name, value in found.items():
        known = name in SETTINGS or name.endswith("_token_id")
        if not known and not (isinstance(value, int | float | str) and not value):
            raise ValueError(f"{START}{name}: expected a tokenizer without this, got {value!r:.60}")
    if not isinstance(begins := found.get("add_bos_token", False), bool):
        raise ValueError(f"{START}add_bos_token: expected true or false, got {begins!r:.60}")


def read_list(found: Mapping[str, object], name: str, kind: type) -> list:
    """Return a list of the metadata, all of whose values are of one type."""
    values = found.get(name)
    items = list(values) if isinstance(values, Sequence) and not isinstance(values, str) else None
    if items is None or not all(type(item) is kind for item in items):
        expected = f"{START}{name} to be a list of {'texts' if kind is str else 'integers'}"
        raise ValueError(f"expected {expected}, got {values!r:.60}")
    return items


def read_id(found: Mapping[str, object], name: str, n_tokens: int) -> int | None:
    """Return the id of a token with a task; None where there is none, or none of the tokens."""
    value = found.get(name)
    if value is None:
        return None
    number = check_integer(f"{START}{name}", value, 0)
    return number if number < n_tokens else None


def read_ends(gguf: GGUF, n_tokens: int) -> tuple[int, ...]:
    """Return the ids of the tokens that end a text, as the file says; of `n_tokens`.

    Raises:
        ValueError: one that is no id.
    """
    found = {name: gguf.metadata.get(f"{START}{name}") for name in ENDS_OF_TEXT}
    ends = dict.fromkeys(read_id(found, name, n_tokens) for name in ENDS_OF_TEXT)
    tokens = gguf.metadata.get(f"{START}tokens")
    texts = tokens if isinstance(tokens, MetadataList) else ()
    return tuple(end for end in ends if end is not None and texts[end : end + 1] != [NO_END])


def check_bytes(vocab: Mapping[int, bytes]) -> bool:
    """Return whether bytes are missing, none of which is in any text.

    Raises:
        ValueError: others are missing. llama.cpp leaves them out of the text, and merges nothing
            across the hole.
    """
    missing = {bytes([byte]) for byte in range(256)}.difference(vocab.values())
    if found := sorted(missing - {bytes([byte]) for byte in NEVER_IN_TEXTS}):
        raise ValueError(f"expected a token for each byte, got none for {found[:3]}")
    return bool(missing)


def read_bytes(token: str) -> bytes:
    """Return the bytes that visible characters stand for; `KeyError` for another character."""
    return bytes(BYTES[character] for character in token)


def spelled(token: str) -> str:
    """Return the text whose bytes look like `token`, or what no word is."""
    try:
        return str(read_bytes(token), "utf-8")
    except (KeyError, UnicodeDecodeError):
        return ""
