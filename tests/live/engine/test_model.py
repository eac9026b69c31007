"""The engine's model: the library's logits and tokens, and files that do not fit."""

import re

import numpy as np
import pytest
import torch

from lessons_lib.generation import generate
from lessons_lib.gguf import load_gguf, parse_gguf, read_model, write_tokenizer
from lessons_lib.live.model_in_page import model_file
from lessons_lib.training import story_model
from tests.live.engine import page as engines
from tests.live.engine.page import (
    GREEDY,
    TOLERANCE,
    T,
    beginning,
    floats,
    give,
    page_greedy,
    page_logits,
    refusals,
    small_file,
    small_model,
    torch_logits,
    with_token,
    write,
)
from tests.test_gguf_hostile import u32

pytestmark = pytest.mark.site
page, engine = engines.page, engines.engine  # fixtures


@pytest.mark.parametrize(
    ("language", "text"), [("en", "Once upon a time"), ("es", "Había una vez"), ("en", "")]
)
def test_greedy_story_token_for_token(engine, language, text):
    model, tokenizer = story_model(language)
    ids = beginning(tokenizer, text)
    expected = generate(model, ids, 100, GREEDY, stop_ids=())
    assert page_greedy(engine, model_file(language), ids, 100) == expected


@pytest.mark.parametrize(
    ("type", "language"),
    [("F32", "en"), ("F16", "es"), ("Q8_0", "es"), ("Q4_0", "en")],
)
def test_logits_of_a_file(engine, tmp_path, language, type):
    """Of any type of file the library's logits, and those of types with all bits the model's."""
    model, tokenizer = story_model(language)
    data = write(tmp_path, model, tokenizer, type)
    ids = [*beginning(tokenizer, "A fox and a niña. "), *range(100, 140)]
    found = page_logits(engine, data, ids)
    expected = torch_logits(load_gguf(tmp_path / "model.gguf")[0], ids)
    assert 1 < abs(expected).max() < 100
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)
    own = torch_logits(model, ids)
    if type in ("F32", "F16"):
        np.testing.assert_allclose(found, own, rtol=0, atol=TOLERANCE)
    else:
        assert abs(found - own).max() > 100 * TOLERANCE


@pytest.mark.parametrize("type", ["Q8_0", "Q4_0"])
def test_logits_of_the_page_s_own_quantization(engine, tmp_path, type):
    model, tokenizer = story_model("en")
    write(tmp_path, model, tokenizer, type)
    ids = beginning(tokenizer, "Once upon a time there was")
    found = page_logits(engine, model_file("en"), ids, type)
    expected = torch_logits(load_gguf(tmp_path / "model.gguf")[0], ids)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


SMALL = {
    "llama": {},
    "grouped": {"n_kv_heads": 2},
    "one key head": {"n_kv_heads": 1, "rope_base": 500.0, "eps": 0.01},
    "tied": {"tied": True},
    "wide heads": {"d_head": 12, "n_heads": 2, "n_kv_heads": 1, "tied": True},
    "qwen3": {"qk_norm": True},
    "qwen3, grouped and tied": {"qk_norm": True, "n_kv_heads": 2, "tied": True, "d_head": 16},
    "odd sizes": {"d_model": 7, "n_heads": 1, "d_head": 6, "d_ff": 5, "n_layers": 3},
}


@pytest.mark.parametrize("name", SMALL)
def test_logits_and_tokens_of_small_models(engine, tmp_path, name):
    """Rotary layouts, shared keys, tied tables, and sizes that are no multiples of four."""
    model, tokenizer = small_model(**SMALL[name])
    data = write(tmp_path, model, tokenizer)
    ids = torch.randint(model.config.vocab_size, (30,)).tolist()
    expected = torch_logits(model, ids)
    np.testing.assert_allclose(page_logits(engine, data, ids), expected, rtol=0, atol=TOLERANCE)
    found = page_greedy(engine, data, ids[:5], 40)
    assert found == generate(model, ids[:5], 40, GREEDY, stop_ids=())


def test_reading_again_what_is_shared(engine, tmp_path):
    """`readAll` after another text gives the logits of reading everything anew."""
    model, tokenizer = small_model(n_kv_heads=2)
    give(engine, "model", write(tmp_path, model, tokenizer))
    texts = [[1, 2, 3, 4], [1, 2, 5], [1, 2, 5], [9], [9, 8, 7], [9, 8]]
    found = engines.fetch(
        engine,
        """async (texts) => {
            const { model } = await inside.openFile(files.model, never);
            const session = new inside.Session(model);
            const rows = [];
            for (const ids of texts) {
                await session.readAll(ids, never);
                rows.push([Array.from(session.logits), [...session.ids]]);
            }
            return rows;
        }""",
        texts,
    )
    for ids, (logits, read) in zip(texts, found, strict=True):
        assert read == ids
        np.testing.assert_allclose(logits, torch_logits(model, ids)[-1], atol=TOLERANCE)


MERGES = write_tokenizer(small_model()[1], 263)[f"{T}merges"]
MODELS = {
    "no architecture": ({"drop": ["general.architecture"]}, "general.architecture"),
    "gpt2": ({"entries": {"general.architecture": "gpt2"}}, "general.architecture"),
    "a number for it": ({"entries": {"general.architecture": 7}}, "general.architecture"),
    "experts": ({"entries": {"llama.expert_count": 8}}, "llama.expert_count"),
    "scaling": ({"entries": {"llama.rope.scaling.type": "yarn"}}, "llama.rope.scaling.type"),
    "no width": ({"drop": ["llama.embedding_length"]}, "llama.embedding_length"),
    "width 0": ({"entries": {"llama.embedding_length": 0}}, "llama.embedding_length"),
    "width below 0": ({"entries": {"llama.embedding_length": -1}}, "llama.embedding_length"),
    "width as float": ({"entries": {"llama.embedding_length": 32.0}}, "llama.embedding_length"),
    "width as text": ({"entries": {"llama.embedding_length": "32"}}, "llama.embedding_length"),
    "width as list": ({"entries": {"llama.embedding_length": [32]}}, "llama.embedding_length"),
    "width huge": (
        {"entries": {"llama.embedding_length": np.uint64(2**63)}}, "llama.embedding_length"
    ),
    "other width": ({"entries": {"llama.embedding_length": 16}}, "dimensions of token_embd.weight"),
    "layers": ({"entries": {"llama.block_count": 2**31}}, "llama.block_count"),
    "one layer more": ({"entries": {"llama.block_count": 3}}, "blk.2.attn_norm.weight"),
    "one layer less": ({"entries": {"llama.block_count": 1}}, "blk.1.attn_norm.weight"),
    "heads": ({"entries": {"llama.attention.head_count": 5}}, "llama.attention.head_count"),
    "key heads": (
        {"entries": {"llama.attention.head_count_kv": 2}}, "dimensions of blk.0.attn_k.weight"
    ),
    "head width": ({"entries": {"llama.attention.key_length": 7}}, "llama.attention.value_length"),
    "rope of a part": (
        {"entries": {"llama.rope.dimension_count": 4}}, "llama.rope.dimension_count"
    ),
    "eps nan": (
        {"entries": {"llama.attention.layer_norm_rms_epsilon": float("nan")}},
        "llama.attention.layer_norm_rms_epsilon",
    ),
    "eps none": (
        {"drop": ["llama.attention.layer_norm_rms_epsilon"]},
        "llama.attention.layer_norm_rms_epsilon",
    ),
    "base infinite": ({"entries": {"llama.rope.freq_base": float("inf")}}, "llama.rope.freq_base"),
    "base 0": ({"entries": {"llama.rope.freq_base": 0.0}}, "llama.rope.freq_base"),
    "context huge": (
        {
            "entries": {"llama.context_length": 2**31, "llama.block_count": 1},
            "drop": [],
            "sizes": {"n_layers": 1, "d_model": 1, "n_heads": 1, "d_head": 30_000, "tied": True},
        },
        "llama.context_length",
    ),
    "no table": ({"drop": ["token_embd.weight"]}, "token_embd.weight"),
    "no norm": ({"drop": ["output_norm.weight"]}, "output_norm.weight"),
    "a bias": ({"tensors": {"blk.0.attn_q.bias": floats(32)}}, "blk.0.attn_q.bias"),
    "factors": ({"tensors": {"rope_freqs.weight": floats(4)}}, "rope_freqs.weight"),
    "three dimensions": (
        {"tensors": {"blk.0.ffn_up.weight": floats(1, 64, 32)}}, "dimensions of blk.0.ffn_up.weight"
    ),
    "a norm as a matrix": (
        {"tensors": {"blk.0.attn_norm.weight": floats(4, 8)}},
        "dimensions of blk.0.attn_norm.weight",
    ),
    "turned": (
        {"tensors": {"blk.1.ffn_up.weight": floats(32, 64)}}, "dimensions of blk.1.ffn_up.weight"
    ),
    "no tokens": ({"drop": [f"{T}tokens"]}, f"{T}tokens"),
    "numbers for tokens": ({"entries": {f"{T}tokens": [1] * 263}}, f"{T}tokens"),
    "kinds as text": ({"entries": {f"{T}token_type": ["1"] * 263}}, f"{T}token_type"),
    "no byte": ({"entries": with_token(65, "日")}, f"{T}tokens[65]"),
    "token that no merge makes": ({"entries": with_token(261, "qq")}, f"{T}merges["),
    "no merges": ({"drop": [f"{T}merges"]}, f"{T}merges"),
    "merge of three": ({"entries": {f"{T}merges": ["a b c", *MERGES]}}, f"{T}merges[0]"),
    "merge of one": ({"entries": {f"{T}merges": [*MERGES, "a"]}}, f"{T}merges[6]"),
    "merge too early": ({"entries": {f"{T}merges": ["Ġa w", *MERGES]}}, f"{T}merges[0]"),
    "merge of others": ({"entries": {f"{T}merges": [*MERGES, "q q"]}}, f"{T}merges[6]"),
    "start below": ({"entries": {f"{T}bos_token_id": -1}}, f"{T}bos_token_id"),
    "start as text": ({"entries": {f"{T}bos_token_id": "1"}}, f"{T}bos_token_id"),
}  # fmt: skip


def test_models_that_do_not_fit(page):
    files = [small_file(**changes) for changes, _ in MODELS.values()]
    results = refusals(page, files, "inside.openFile(bytes, never)")
    for (name, (_, field)), (message, time, taken) in zip(MODELS.items(), results, strict=True):
        assert message is not None, name
        assert message.startswith(field), (name, message)
        assert re.search(r" at byte \d+: expected .*, got ", message), (name, message)
        assert time < 100, (name, time)
        assert taken < 1e6, (name, taken)


def without_padding():
    """A file that ends where the numbers of its last tensor end."""
    data = small_file({"general.alignment": 256})
    last = max(parse_gguf(data).tensors.values(), key=lambda tensor: tensor.offset)
    cut = data[: last.offset + last.data.nbytes]
    assert len(cut) < len(data)
    return cut


def of_version(number):
    data = small_file()
    data[4:8] = u32(number)
    return data


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            {"split.count": 3},
            "expected a whole file, got part 1 of 3: join the parts with llama.cpp's "
            "llama-gguf-split --merge",
        ),
        (
            {"split.count": np.uint16(12), "split.no": np.uint16(11), "split.tensors.count": 5},
            "expected a whole file, got part 12 of 12: join the parts with llama.cpp's "
            "llama-gguf-split --merge",
        ),
    ],
)
def test_parts_of_files(page, entries, message):
    data = small_file(entries, drop=["token_embd.weight"])
    assert refusals(page, [data], "inside.openFile(bytes, never)")[0][0] == message
    with pytest.raises(ValueError, match=re.escape(message)):
        read_model(parse_gguf(data))


def test_parts_without_a_number(page):
    files = [
        small_file({f"split.{name}": value}) for name in ("no", "count") for value in (-1, "2")
    ]
    for message, *_ in refusals(page, files, "inside.openFile(bytes, never)"):
        assert re.match(
            r"split.(no|count) at byte \d+: expected an integer from 0 on, got", message
        )


def test_the_small_file_itself_is_opened(page):
    # Without types too: the text of the end says that it is no ordinary token.
    files = [small_file(), small_file(drop=[f"{T}token_type", f"{T}eos_token_id"])]
    files += [small_file({"llama.expert_count": 0, "llama.rope.scaling.type": "none"})]
    files += [without_padding(), of_version(2), small_file({"split.count": 1, "split.no": 0})]
    results = refusals(page, files, "inside.openFile(bytes, never)")
    assert [message for message, *_ in results] == [None] * 6
