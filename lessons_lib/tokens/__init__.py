r"""From text to numbers and back: characters, bytes, and byte-level byte-pair encoding (BPE).

The chapter `tokens`. It adds to the opening chapter the first stage of every language model: a
reversible map between text and a short list of integers.

A *byte* is a number from 0 to 255. A *token* is a piece of text, held as `bytes`. A *token id* is
the token's number in the vocabulary. A vocabulary trained here numbers the 256 bytes first, then
the merges in the order learned, then the special tokens; a published vocabulary may number them
otherwise, and `BPETokenizer.from_merges` keeps its numbers.

Sources:
    Gage, "A New Algorithm for Data Compression", The C Users Journal 12(2), 1994: the idea.
    Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016,
        arXiv:1508.07909: BPE for language models.
    Radford et al., "Language Models are Unsupervised Multitask Learners", 2019 (GPT-2): BPE over
        the bytes of words cut out by a pattern.
    The tiktoken package, MIT licence: the patterns and the behaviour that the tests compare with.
"""

from lessons_lib.tokens.bpe import (
    BPE,
    GPT2_PATTERN,
    GPT4_PATTERN,
    TokenChain,
    count_pairs,
    learn_merges,
    merge_pair,
    split_special,
    split_words,
    train_bpe,
    train_bpe_naive,
)
from lessons_lib.tokens.characters import CharTokenizer, byte_characters
from lessons_lib.tokens.embedding import embed
from lessons_lib.tokens.measures import bits_per_byte, tokens_per_word
from lessons_lib.tokens.tokenizer import BPETokenizer

__all__ = [
    "BPE",
    "GPT2_PATTERN",
    "GPT4_PATTERN",
    "BPETokenizer",
    "CharTokenizer",
    "TokenChain",
    "bits_per_byte",
    "byte_characters",
    "count_pairs",
    "embed",
    "learn_merges",
    "merge_pair",
    "split_special",
    "split_words",
    "tokens_per_word",
    "train_bpe",
    "train_bpe_naive",
]
