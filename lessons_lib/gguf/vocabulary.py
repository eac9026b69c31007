"""What llama.cpp makes of a vocabulary: names of pre-tokenizers, types of tokens, special texts.

Source: `src/llama-vocab.cpp` in https://github.com/ggml-org/llama.cpp. Where it does what a
`BPETokenizer` does not, the file is refused: the ids are the same, or there are none.
"""

import bisect
from collections.abc import Iterable, Sequence

import regex

from lessons_lib.gguf.layout import shown
from lessons_lib.tokens import GPT2_PATTERN

# How the texts are cut into words: the name in the files, and the pattern.
PRE_TOKENIZERS = {
    "gpt-2": GPT2_PATTERN,
    "llama-bpe": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "smollm": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+",
}

# Other names for the same cuts.
OTHER_NAMES = {
    "gpt-2": "phi-2 gigachat a.x-4.0 mellum mpt olmo jais trillion granite-docling exaone4",
    "llama-bpe": "llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano"
    " dbrx smaug-bpe glm4 chatglm-bpe",
    "qwen2": "deepseek-r1-qwen kormo stablelm2 hunyuan solar-open megrez grok-2",
    "smollm": "starcoder refact command-r codeshell exaone minerva-7b",
}
PRE_NAMES = {name: name for name in PRE_TOKENIZERS} | {
    other: name for name, others in OTHER_NAMES.items() for other in others.split()
}
# With Llama's cut, but for these a word that is a token is merged all the same.
MERGES_FIRST = ("dbrx", "smaug-bpe", "glm4", "chatglm-bpe")

UNDEFINED, NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(7)  # kinds of tokens

# Texts that are control tokens, or user-defined ones, whatever the file says of them.
ENDS = {
    *("<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>"),
    *("<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]"),
    *("<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>", "[e~["),
    "<｜end▁of▁sentence｜>",
}
CHANNELS = {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"}
# Texts that may become control tokens; which of several, depends on the order in a hash table.
GAPS = {
    *("<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<PRE>", "▁<PRE>", "<|code_prefix|>"),
    *("<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<SUF>", "▁<SUF>", "<|code_suffix|>"),
    *("<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<MID>", "▁<MID>", "<|code_middle|>"),
    *("<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "<|prefix|>", "<|suffix|>"),
    *("<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>"),
    *("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", "<|middle|>"),
}
LONGEST_SPECIAL = 2**10  # bytes of a special or user-defined token
MOST_LOOKS = 2**20  # comparisons of such tokens, which take a second


def settle_kinds(tokens: Sequence[str], kinds: Sequence[int]) -> list[int]:
    """Return the types of tokens as llama.cpp settles them: some it knows by their text.

    Raises:
        ValueError: a type that has no meaning here, or a text whose type nobody can foresee.
    """
    known = (NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED)
    if unknown := {*kinds} - {*known}:
        raise ValueError(f"expected tokens of the types {known}, got {sorted(unknown)!r:.60}")
    present, channels = {*tokens}, CHANNELS
    if present & {"<|call|>", "<|calls|>"} and present & {"<|return|>", "<|flush|>"}:
        channels = CHANNELS | {"<|end|>"}
    if present >= {"<|tool_response>", "</s>"}:
        raise ValueError("expected <|tool_response> or </s>, got both")
    settled = []
    for token, kind in zip(tokens, kinds, strict=True):
        if token in GAPS and kind not in (CONTROL, UNKNOWN):
            raise ValueError(f"expected {token} to be of type {CONTROL}, control, got {kind}")
        kind = USER_DEFINED if token in channels else CONTROL if token in ENDS else kind
        settled.append(CONTROL if kind == UNKNOWN else kind)
    return settled


def check_apart(texts: Sequence[str]) -> None:
    """Make sure that no two special tokens can claim the same letters.

    llama.cpp looks for the longest token first, everywhere; `split_special` from left to right.
    They differ where one begins inside another that is no longer than it, and goes on behind it.

    Raises:
        ValueError: two that do, or one of more than 1,024 bytes.
    """
    texts, looks = sorted(texts), 0
    firsts = {text[:1] for text in texts}
    for text in texts:
        if len(text.encode()) > LONGEST_SPECIAL:
            expected = f"special tokens of at most {LONGEST_SPECIAL} bytes"
            raise ValueError(f"expected {expected}, got {shown(text)}")
        for i in range(1, len(text)):
            if text[i] not in firsts:
                continue
            shared, at, looks = text[i:], bisect.bisect_left(texts, text[i:]), looks + 1
            if looks > MOST_LOOKS:
                raise ValueError(
                    "expected special tokens that overlap less, got too many to compare"
                )
            while at < len(texts) and texts[at].startswith(shared):
                other, at, looks = texts[at], at + 1, looks + 1
                longer = other != shared and len(other.encode()) >= len(text.encode())
                if other != text and longer and not (text[:i] + other).startswith(other):
                    got = f"{shown(text)} and {shown(other)}"
                    raise ValueError(f"expected special tokens that cannot overlap, got {got}")


def check_no_words(texts: Iterable[str], pattern: str) -> None:
    """Make sure that no token beside the ordinary ones could be taken for a word.

    Where llama.cpp looks up whole words before merging, it finds such tokens too.

    Raises:
        ValueError: one could.
    """
    word = regex.compile(pattern)
    for text in texts:
        if word.fullmatch(text):
            expected = "control and unused tokens that are no words"
            raise ValueError(f"expected {expected}, got {shown(text)}")
