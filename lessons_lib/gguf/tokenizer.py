"""The tokenizer in the metadata: its tokens, its merges, and how texts are cut."""

from lessons_lib.gguf.reading import GGUF, check_whole
from lessons_lib.tokens import GPT2_PATTERN, GPT4_PATTERN, BPETokenizer, byte_characters

# How the texts are cut into words: the name in the files, and the pattern.
PRE_TOKENIZERS = {
    "gpt-2": GPT2_PATTERN,
    "llama-bpe": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "smollm": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+",
}
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5  # kinds of tokens
BYTE_CHARACTERS = byte_characters()


def write_tokenizer(tokenizer: BPETokenizer, vocab_size: int) -> dict[str, object]:
    """Return the metadata that hold a tokenizer.

    A text ends with the special token that has "end" in its name, else the first special one, else
    the byte 0, which no text contains; for llama.cpp, it begins with the same.

    Args:
        tokenizer: with a pattern of `PRE_TOKENIZERS`, or GPT-4's, which is written as "llama-bpe":
            the two differ only in spaces after a line end at the very end of a text.
        vocab_size: V of the model; ids that the tokenizer lacks become unused tokens.

    Raises:
        ValueError: another pattern, more tokens than V, or two that would look alike.
    """
    names = {pattern: name for name, pattern in PRE_TOKENIZERS.items()}
    pre = (names | {GPT4_PATTERN: "llama-bpe"}).get(tokenizer.pattern)
    if pre is None or tokenizer.vocab_size > vocab_size:
        got = f"{tokenizer.pattern!r} and {tokenizer.vocab_size} tokens"
        raise ValueError(f"expected a pattern of PRE_TOKENIZERS and {vocab_size} tokens, got {got}")
    special = {i: text for text, i in tokenizer.special_tokens.items()}
    shown_as = {i: show_bytes(token) for i, token in tokenizer.vocab.items()} | special
    tokens = [shown_as.get(i, f"[PAD{i}]") for i in range(vocab_size)]
    if len(set(tokens)) < vocab_size:
        raise ValueError("expected tokens that look different in a file, got two that do not")
    kinds = [
        CONTROL if i in special else NORMAL if i in shown_as else UNUSED for i in range(vocab_size)
    ]
    zero = tokens.index(show_bytes(b"\0"))
    end = next((i for i in special if "end" in special[i]), next(iter(special), zero))
    entries = {
        "model": "gpt2",
        "pre": pre,
        "tokens": tokens,
        "token_type": kinds,
        "merges": [f"{show_bytes(left)} {show_bytes(right)}" for left, right in tokenizer.merges],
        "bos_token_id": end,
        "eos_token_id": end,
        "add_bos_token": False,
    }
    return {f"tokenizer.ggml.{name}": value for name, value in entries.items()}


def show_bytes(token: bytes) -> str:
    """Return the bytes of a token as visible characters, see `byte_characters`."""
    return "".join(BYTE_CHARACTERS[byte] for byte in token)


def read_tokenizer(gguf: GGUF) -> BPETokenizer:
    """Return the tokenizer that a file holds.

    llama.cpp takes a word that is a token of a "llama-bpe" vocabulary as a whole; ours merges,
    which gives the same wherever the merges lead to that token.

    Raises:
        ValueError: the file is one of several parts; the tokenizer is no byte-level BPE, cuts words
            in a way that is not in `PRE_TOKENIZERS`, or is broken.
    """
    check_whole(gguf)
    start = "tokenizer.ggml."
    found = {k.removeprefix(start): v for k, v in gguf.metadata.items() if k.startswith(start)}
    kind, pre = found.get("model"), str(found.get("pre"))
    if kind != "gpt2" or pre not in PRE_TOKENIZERS:
        expected = f"the tokenizer gpt2, cut as one of {[*PRE_TOKENIZERS]}"
        raise ValueError(f"expected {expected}, got {kind!r:.60}, cut as {pre!r:.60}")
    byte_of = {character: byte for byte, character in BYTE_CHARACTERS.items()}
    read = lambda text: bytes(byte_of[character] for character in text)  # noqa: E731
    try:
        tokens, merges = list(found["tokens"]), list(found["merges"])
        kinds = found.get("token_type", [NORMAL] * len(tokens))
        if unknown := {*kinds} - {NORMAL, CONTROL, USER_DEFINED, UNUSED}:
            raise ValueError(f"tokens of the types {sorted(unknown)}")
        numbered = list(zip(range(len(tokens)), tokens, kinds, strict=True))
        vocab = {i: read(token) for i, token, kind in numbered if kind == NORMAL}
        special = {t: i for i, t, kind in numbered if kind in (CONTROL, USER_DEFINED)}
        pairs = [tuple(map(read, merge.split(" "))) for merge in merges]
        return BPETokenizer(vocab, pairs, special, PRE_TOKENIZERS[pre])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"expected a byte-level tokenizer, got {error!r:.300}") from None
