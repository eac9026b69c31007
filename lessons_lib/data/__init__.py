"""What a model learns from: pages of a web become texts, and texts become a mixture to train on.

The chapter `data`. A page goes through `extract_text`, `identify_language`, `quality_flaws`,
`near_duplicates`, `mask_personal_data` and `find_leaks`; what is left is weighed by
`mixture_weights`, and what is too large for memory becomes shards of tokens (`tokenize_files`,
`Shards`). The small web of `lessons_lib.corpus.web` knows the truth about each of its
pages, so every step has a precision and a recall (`rates`), and `tale_gap` says what it was good
for: how far above the best possible loss a model stays.

Shapes: N texts, K sources, n hashes, cut into b bands of r rows.

Sources:
    Broder, "On the resemblance and containment of documents", 1997: shingles and MinHash.
    Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3: bands.
    Rae et al., "Scaling Language Models" (Gopher), 2021, arXiv:2112.11446, and Raffel et al. (C4),
        2020, arXiv:1910.10683: rules of quality.
    Penedo et al., "The FineWeb Datasets", 2024, arXiv:2406.17557; Soldaini et al., "Dolma", 2024,
        arXiv:2402.00159: whole pipelines.
"""

from lessons_lib.data.cleaning import find_leaks, mask_personal_data, word_runs
from lessons_lib.data.duplicates import (
    candidate_pairs,
    choose_bands,
    estimate_jaccard,
    fingerprint,
    hash_orders,
    jaccard,
    keep_first,
    lsh_probability,
    min_hash,
    mix,
    near_duplicates,
    shingles,
    words_of,
)
from lessons_lib.data.html import Block, decode_page, extract_text, is_boilerplate, page_blocks
from lessons_lib.data.language import (
    ByteModel,
    identify_language,
    language_bits,
    language_models,
    letters,
)
from lessons_lib.data.learning import tale_gap, tale_model, tale_tokenizer
from lessons_lib.data.measures import Rates, line_rates, rates
from lessons_lib.data.mixture import draw_mixture, mixture_weights
from lessons_lib.data.quality import RULES, quality_flaws
from lessons_lib.data.shards import document_loss
from lessons_lib.data.tokenize import tokenize_files
from lessons_lib.training.shards import Shards

__all__ = [
    "RULES",
    "Block",
    "ByteModel",
    "Rates",
    "Shards",
    "candidate_pairs",
    "choose_bands",
    "decode_page",
    "document_loss",
    "draw_mixture",
    "estimate_jaccard",
    "extract_text",
    "find_leaks",
    "fingerprint",
    "hash_orders",
    "identify_language",
    "is_boilerplate",
    "jaccard",
    "keep_first",
    "language_bits",
    "language_models",
    "letters",
    "line_rates",
    "lsh_probability",
    "mask_personal_data",
    "min_hash",
    "mix",
    "mixture_weights",
    "near_duplicates",
    "page_blocks",
    "quality_flaws",
    "rates",
    "shingles",
    "tale_gap",
    "tale_model",
    "tale_tokenizer",
    "tokenize_files",
    "word_runs",
    "words_of",
]
