r"""The tokenizer.json that `tokenizers` and `transformers` open: written, and read strictly.

Every setting in a file is honoured with the ids that the library `tokenizers` gives, or refused by
name with a `ValueError`; none is passed over. Honoured is what byte-level BPE needs: GPT-2, Llama
3, Qwen3, SmolLM2, gpt-oss and DeepSeek-V3.

Source: the package `tokenizers`, Apache-2.0 licence, whose behaviour the tests compare with.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lessons_lib.base.files import write_atomic
from lessons_lib.tokens.bpe import GPT2_PATTERN, GPT4_PATTERN, split_words
from lessons_lib.tokens.characters import byte_characters
from lessons_lib.tokens.portable import check_portable

if TYPE_CHECKING:
    from lessons_lib.tokens.tokenizer import BPETokenizer

__all__ = ["read", "write"]

# The same patterns without what the engine of `tokenizers` reads otherwise: there `{1,3}+` is a
# repetition of a repetition, and `$` also stands before a line end.
_PORTABLE = {
    GPT4_PATTERN: r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]|\s+(?!\S)|\s"
}
# Spellings of patterns that have a name here.
_SPELLED = {portable: own for own, portable in _PORTABLE.items()} | {
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": GPT2_PATTERN
}
_ALL = r"[\s\S]+"  # of a pre-tokenizer that cuts nothing
_SAMPLE = "a9\u0301. \t\r\n\u00b2\u2167\u4e16+_$\u200b\x00\u3000A"  # one character of each kind

_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
_BYTE_OF = {character: byte for byte, character in byte_characters().items()}
_SHOWN = byte_characters()


def _show(token: bytes) -> str:
    return "".join(_SHOWN[byte] for byte in token)


# -------------------------------------------------------------------------------------- writing


def write(tokenizer: "BPETokenizer", folder: str | os.PathLike) -> None:
    """Write a tokenizer as `BPETokenizer.save_pretrained` says."""
    added = tokenizer.special_tokens | tokenizer.user_defined
    ordinary = {_show(token): i for token, i in tokenizer.ordinary.items()}
    for text in added:
        _check_apart(text, ordinary, tokenizer.ignore_merges, tokenizer.normalizer)
    # With added tokens in the vocabulary too, `tokenizers` keeps their ids wherever these are.
    vocab = dict(sorted((ordinary | added).items(), key=lambda token: token[1]))
    if max(vocab.values()) >= 2**32:
        raise ValueError(f"expected ids of 32 bits, got {max(vocab.values())}")
    single = isinstance(tokenizer.pattern, str)
    patterns = [tokenizer.pattern] if single else tokenizer.pattern
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    byte_level |= {"use_regex": False}
    file = {
        "version": "1.0",
        "added_tokens": [_write_added(tokenizer, text) for text in sorted(added, key=added.get)],
        "normalizer": tokenizer.normalizer and {"type": tokenizer.normalizer},
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [*map(_write_split, patterns), byte_level],
        },
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "unk_token": tokenizer.unknown,
            "fuse_unk": tokenizer.fuse_unknown,
            "ignore_merges": tokenizer.ignore_merges,
            "vocab": vocab,
            "merges": [[_show(left), _show(right)] for left, right in tokenizer.merges],
        },
    }
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
    }
    if tokenizer.end is not None:
        settings["eos_token"] = tokenizer.end
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {"tokenizer.json": file, "tokenizer_config.json": settings}.items():
        data = json.dumps(content, ensure_ascii=False, indent=1).encode()
        write_atomic(folder / name, data)


def _write_added(tokenizer: "BPETokenizer", text: str) -> dict[str, object]:
    special = text in tokenizer.special_tokens
    i = (tokenizer.special_tokens if special else tokenizer.user_defined)[text]
    flags = {"normalized": text in tokenizer.normalized, "special": special}
    return {"id": i, "content": text} | dict.fromkeys(_FLAGS, False) | flags


def _write_split(pattern: str) -> dict[str, object]:
    written = _PORTABLE.get(pattern) or check_portable(pattern)
    return {
        "type": "Split",
        "pattern": {"Regex": written},
        "behavior": "Isolated",
        "invert": False,
    }


def _check_apart(
    text: str, ordinary: Mapping[str, int], ignore_merges: bool, normalizer: str | None
) -> None:
    """Refuse an added token that `tokenizers` would take for ordinary bytes in the vocabulary."""
    as_bytes = all(character in _BYTE_OF for character in text)
    # A word of ordinary text can look like that, and then becomes this token as a whole.
    whole = ignore_merges and (normalizer is not None or not text.isascii())
    if text in ordinary or (as_bytes and (len(text) == 1 or whole)):
        raise ValueError(f"expected added tokens unlike the bytes of others, got {text!r}")


# -------------------------------------------------------------------------------------- reading


def read(kind: type["BPETokenizer"], folder: str | os.PathLike) -> "BPETokenizer":
    """Read a tokenizer as `BPETokenizer.from_pretrained` says."""
    path = Path(folder) / "tokenizer.json"
    try:
        file = json.loads(path.read_bytes())
        return kind(**_read_file(file), end=_read_end(path.parent))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"expected a byte-level tokenizer, got {path}: {error}") from None


def _read_end(folder: Path) -> str | None:
    """Return the end token that tokenizer_config.json names, as a text or with its flags."""
    path = folder / "tokenizer_config.json"
    if not path.is_file():
        return None
    settings = json.loads(path.read_bytes())
    if not isinstance(settings, dict):
        raise ValueError(f"expected settings in {path.name}, got {settings!r:.80}")
    end = settings.get("eos_token")
    if isinstance(end, dict):
        end = end.get("content")
        if end is None:
            raise ValueError(f"expected a content of eos_token in {path.name}, got none")
    return end


def _open(node: object, at: str, needed: Mapping[str, type], also: Mapping[str, type]) -> dict:
    """Return the settings of one part of a file, None for those of `also` that it lacks.

    Raises:
        ValueError: a setting that is missing, of another type, or that nobody here knows.
    """
    if not isinstance(node, dict):
        raise ValueError(f"expected settings in {at}, got {node!r:.80}")
    for name, value in node.items():
        if name not in needed and name not in also:
            raise ValueError(f"expected no {name!r} in {at}, got {value!r:.80}")
        types = needed.get(name) or also[name] | None
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in _each(types)):
            raise ValueError(f"expected another {name} in {at}, got {value!r:.80}")
    if missing := needed.keys() - node.keys():
        raise ValueError(f"expected {' and '.join(sorted(missing))} in {at}, got none")
    return dict.fromkeys(also) | node


def _each(types: type) -> tuple:
    return getattr(types, "__args__", (types,))


def _refuse(settings: Mapping[str, object], at: str, usual: Mapping[str, tuple]) -> None:
    """Refuse settings of other values than the usual ones."""
    for name, values in usual.items():
        if settings[name] not in values:
            raise ValueError(f"expected {name} of {at} among {values}, got {settings[name]!r:.80}")


def _read_file(file: object) -> dict[str, object]:
    """Return the arguments of `BPETokenizer`."""
    parts = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
    also = dict.fromkeys((*parts, "truncation", "padding"), dict) | {"version": str}
    file = _open(file, "the file", {"model": dict}, also | {"added_tokens": list})
    _refuse(file, "the file", {"version": (None, "1.0"), "truncation": (None,), "padding": (None,)})
    _check_post_processor(file["post_processor"])
    if file["decoder"] is not None:
        _check_byte_level(file["decoder"], "decoder")
    normalizer = _read_normalizer(file["normalizer"])
    pattern = _read_pre_tokenizer(file["pre_tokenizer"])
    flags = {"fuse_unk": bool, "byte_fallback": bool, "ignore_merges": bool, "dropout": float | int}
    texts = ("type", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")
    needed = {"vocab": dict, "merges": list}
    model = _open(file["model"], "the model", needed, flags | dict.fromkeys(texts, str))
    usual = {"type": (None, "BPE"), "dropout": (None, 0), "byte_fallback": (None, False)}
    usual |= dict.fromkeys(texts[2:], (None, ""))
    _refuse(model, "the model", usual)

    shown = _check_shown(model["vocab"])
    added = _read_added(file["added_tokens"] or [], shown)
    ordinary = {text: i for text, i in shown.items() if text not in added}
    for text in added.keys() & shown.keys():
        _check_apart(text, ordinary, bool(model["ignore_merges"]), normalizer)
    vocab = {i: _read_bytes(text) for text, i in ordinary.items()}
    lacking = sorted(set(_BYTE_OF) - set(ordinary))
    unknown = model["unk_token"]
    if unknown not in added or unknown not in shown:
        if lacking and unknown is not None:
            raise ValueError(f"expected unk_token among the added tokens, got {unknown!r:.80}")
        unknown = None  # every byte has a token
    return {
        "vocab": vocab,
        "merges": _read_merges(model["merges"], ordinary),
        "special_tokens": {text: token["id"] for text, token in added.items() if token["special"]},
        "user_defined": {
            text: token["id"] for text, token in added.items() if not token["special"]
        },
        "normalized": [text for text, token in added.items() if token["normalized"]],
        "pattern": pattern,
        "normalizer": normalizer,
        "ignore_merges": bool(model["ignore_merges"]),
        "unknown": unknown,
        "fuse_unknown": bool(model["fuse_unk"]),
        "drop_unknown": bool(lacking) and unknown is None,
    }


def _check_shown(vocab: dict) -> dict[str, int]:
    seen = {}
    for text, i in vocab.items():
        if not isinstance(i, int) or isinstance(i, bool) or not 0 <= i < 2**32:
            raise ValueError(f"expected ids of 32 bits in the vocab, got {i!r:.80} for {text!r}")
        if seen.setdefault(i, text) != text:
            raise ValueError(f"expected ids that differ in the vocab, got {i} twice")
    return vocab


def _read_bytes(text: str) -> bytes:
    try:
        return bytes(_BYTE_OF[character] for character in text)
    except KeyError:
        raise ValueError(f"expected tokens that show bytes in the vocab, got {text!r}") from None


def _read_merges(merges: list, ordinary: Mapping[str, int]) -> list[tuple[bytes, bytes]]:
    if all(isinstance(pair, str) for pair in merges):
        # As in files merges.txt, whose first line `tokenizers` skips wherever it stands.
        merges = [pair.split(" ") for pair in merges if not pair.startswith("#version")]
    for pair in merges:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError(f"expected merges that are pairs, got {pair!r:.80}")
        texts = all(isinstance(text, str) for text in pair)
        if not texts or not {*pair, "".join(pair)} <= ordinary.keys():
            raise ValueError(f"expected merges of tokens in the vocab, got {pair!r:.80}")
    return [(_read_bytes(left), _read_bytes(right)) for left, right in merges]


def _read_added(tokens: list, vocab: Mapping[str, int]) -> dict[str, dict]:
    """Return the added tokens by their texts, with the ids that `tokenizers` gives them."""
    added, free = {}, len(vocab)
    needed = {"id": int, "content": str} | dict.fromkeys(_FLAGS, bool)
    for token in tokens:
        token = _open(token, "an added token", needed, {})
        text = token["content"]
        at = f"the added token {text!r}"
        _refuse(token, at, dict.fromkeys(_FLAGS[:3], (False,)))
        if text in added:
            raise ValueError(f"expected added tokens that differ, got {text!r} twice")
        i = vocab.get(text, free)  # that in the file is not asked
        if token["id"] != i:
            raise ValueError(f"expected {at} to have the id {i}, got {token['id']}")
        free = max(free, i + 1)
        added[text] = token
    return added


def _flatten(node: dict | None, inner: str, at: str) -> list[dict]:
    """Return the steps of a part, those of sequences in sequences too."""
    if node is None:
        return []
    if not isinstance(node, dict) or not isinstance(node.get("type"), str):
        raise ValueError(f"expected a {at} with a type, got {node!r:.80}")
    if node["type"] != "Sequence":
        return [node]
    steps = _open(node, at, {"type": str, inner: list}, {})[inner]
    return [step for one in steps for step in _flatten(one or {}, inner, at)]


def _read_normalizer(node: dict | None) -> str | None:
    steps = _flatten(node, "normalizers", "normalizer")
    for step in steps:
        _open(step, "the normalizer", {"type": str}, {})
        _refuse(step, "the normalizer", {"type": ("NFC", "NFD", "NFKC", "NFKD")})
    if len(steps) > 1:
        raise ValueError(f"expected one normalizer, got {[step['type'] for step in steps]}")
    return steps[0]["type"] if steps else None


def _check_byte_level(step: dict, at: str) -> dict[str, object]:
    needed = {"type": str, "add_prefix_space": bool, "trim_offsets": bool}
    step = _open(step, f"the {at}", needed, {"use_regex": bool})
    _refuse(step, f"the {at}", {"type": ("ByteLevel",)})
    return step


def _read_pre_tokenizer(node: dict | None) -> str | tuple[str, ...]:
    """Return the pattern, or several that cut one after the other."""
    at = "the pre_tokenizer"
    steps = _flatten(node, "pretokenizers", "pre_tokenizer")
    if not steps:
        raise ValueError(f"expected ByteLevel at the end of {at}, got no steps")
    last = _check_byte_level(steps.pop(), "pre_tokenizer")
    _refuse(last, at, {"add_prefix_space": (False,)})
    patterns, only_matches = [], False
    for step in steps:
        if step["type"] == "Digits":
            step = _open(step, at, {"type": str, "individual_digits": bool}, {})
            patterns.append(r"\p{N}" if step["individual_digits"] else r"\p{N}+")
            continue
        _refuse(step, at, {"type": ("Split", "Digits")})
        pattern, removes = _read_split(step, at)
        patterns.append(pattern)
        only_matches |= removes
    if last["use_regex"] is not False:
        patterns.append(GPT2_PATTERN)
    if only_matches and len(patterns) > 1:
        raise ValueError(f"expected no step beside a Split that removes in {at}, got more")
    if len(patterns) > 1:
        return tuple(patterns)
    [pattern] = patterns or [_ALL]
    # A single pattern has to match all text, or `split_words` says that it does not.
    return pattern if only_matches or _covers(pattern) else (pattern,)


def _read_split(step: dict, at: str) -> tuple[str, bool]:
    """Return the pattern of a split, and whether what it does not match is removed."""
    needed = {"type": str, "pattern": dict, "behavior": str, "invert": bool}
    step = _open(step, at, needed, {})
    pattern = _open(step["pattern"], f"the pattern of {at}", {}, {"Regex": str, "String": str})
    regex, string = pattern["Regex"], pattern["String"]
    if (not regex) == (not string):
        raise ValueError(f"expected a Regex or a String in {at}, got {step['pattern']!r:.80}")
    removes = (step["behavior"], step["invert"]) == ("Removed", True)
    if step["behavior"] != "Isolated" and not removes:
        got = f"{step['behavior']!r:.80} with invert {step['invert']}"
        raise ValueError(f"expected a Split in {at} that is Isolated, got {got}")
    if string:
        return "".join(f"\\{c}" if c in r".^$*+?()[]{}|\-&#" else c for c in string), removes
    return _SPELLED.get(regex) or check_portable(regex), removes


def _covers(pattern: str) -> bool:
    try:
        return bool(split_words(_SAMPLE, pattern))
    except ValueError:
        return False


def _check_post_processor(node: dict | None) -> None:
    """Refuse what would change ids even where no special tokens are asked for."""
    at = "the post_processor"
    for step in _flatten(node, "processors", "post_processor"):
        if step["type"] == "ByteLevel":
            _check_byte_level(step, "post_processor")
            continue
        _refuse(step, at, {"type": ("ByteLevel", "TemplateProcessing")})
        needed = {"type": str, "single": list, "pair": list, "special_tokens": dict}
        template = _open(step, at, needed, {})["single"]
        pieces = [list(piece) if isinstance(piece, dict) else piece for piece in template]
        texts = pieces.count(["Sequence"])
        if texts != 1 or texts + pieces.count(["SpecialToken"]) < len(pieces):
            raise ValueError(f"expected one text in the template of {at}, got {template!r:.80}")
