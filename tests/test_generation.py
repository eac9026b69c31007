"""Generation beside `transformers`, beside exact enumeration, and the cache beside no cache."""

import copy
import doctest
import itertools
import math
import os
import random
from fractions import Fraction
from itertools import accumulate

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports that read it

from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers
from transformers.generation import logits_process as theirs

from lessons_lib import generation
from lessons_lib.generation import (
    KVCache,
    LlamaStep,
    ModelDraft,
    PaddedCache,
    Reader,
    Sampling,
    TextStream,
    accept_draft,
    beam_search,
    cached_attention,
    cached_logits,
    filter_logits,
    generate,
    generate_batch,
    mark_seen,
    min_p,
    pad_prompts,
    pick_token,
    repetition_penalty,
    sample_token,
    speculative,
    stops_of,
    stream,
    token_probs,
    token_steps,
    top_k,
    top_p,
)
from lessons_lib.gpt import GPT, GPTConfig, greedy
from lessons_lib.llama import Llama, LlamaConfig, RopeScaling
from lessons_lib.ngrams import NGram
from lessons_lib.tokens import BPETokenizer

V, CONTEXT = 31, 24
SIZES = dict(vocab_size=V, context_length=CONTEXT, d_model=16, n_heads=4, n_layers=2)
KINDS = {
    "gpt": lambda: GPT(GPTConfig(**SIZES)),
    "llama": lambda: Llama(LlamaConfig(**SIZES, d_ff=24)),
    "grouped": lambda: Llama(LlamaConfig(**SIZES, d_ff=24, n_kv_heads=2)),
    "qwen3": lambda: Llama(
        LlamaConfig(**SIZES, d_ff=24, n_kv_heads=2, d_head=6, qk_norm=True, tied=True)
    ),
    "long": lambda: Llama(
        LlamaConfig(**SIZES, d_ff=24, n_kv_heads=1, rope_scaling=RopeScaling(4.0, 1, 4, 16))
    ),
}


pytestmark = pytest.mark.usefixtures("one_thread")


def make(kind, dtype=torch.float32, seed=0):
    """A model with weights large enough to tell mistakes apart."""
    torch.manual_seed(seed)
    model = KINDS[kind]()
    with torch.no_grad():
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.4)
    return model.to(dtype).eval()


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def random_ids(batch, n_tokens, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(V, (batch, n_tokens), generator=generator)


def uncached(model, ids):
    with torch.no_grad():
        return model(ids)


# ------------------------------------------------------------------- functions on logits, by others


def logits_of(seed, rows=5, size=V, scale=3.0):
    return scale * torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("k", [1, 2, 7, V - 1, V, V + 5])
def test_top_k_equals_that_of_transformers(k):
    for seed in range(20):
        logits = logits_of(seed)
        assert torch.equal(top_k(logits, k), theirs.TopKLogitsWarper(k)(None, logits))
    tied = logits_of(0).round()  # equal logits at the border are all kept
    assert torch.equal(top_k(tied, k), theirs.TopKLogitsWarper(k)(None, tied))


@pytest.mark.parametrize("p", [1e-6, 0.1, 0.5, 0.9, 0.999])
def test_top_p_equals_that_of_transformers(p):
    for seed in range(20):
        logits = logits_of(seed)
        assert torch.equal(top_p(logits, p), theirs.TopPLogitsWarper(p)(None, logits))


@pytest.mark.parametrize("p", [1e-6, 0.05, 0.5, 1.0])
def test_min_p_equals_that_of_transformers(p):
    for seed in range(20):
        logits = logits_of(seed)
        assert torch.equal(min_p(logits, p), theirs.MinPLogitsWarper(p)(None, logits))


@pytest.mark.parametrize("penalty", [0.5, 1.0, 1.3, 10.0])
def test_repetition_penalty_equals_that_of_transformers(penalty):
    for seed in range(20):
        logits, ids = logits_of(seed), random_ids(5, 9, seed)
        expected = theirs.RepetitionPenaltyLogitsProcessor(penalty)(ids, logits)
        assert torch.equal(repetition_penalty(logits, mark_seen(ids, V), penalty), expected)


def test_all_settings_in_the_order_of_transformers():
    for seed in range(50):
        logits, ids = logits_of(seed), random_ids(5, 9, seed)
        expected = logits
        for one in (
            theirs.RepetitionPenaltyLogitsProcessor(1.4),
            theirs.TemperatureLogitsWarper(0.7),
            theirs.TopKLogitsWarper(9),
            theirs.TopPLogitsWarper(0.8),
            theirs.MinPLogitsWarper(0.1),
        ):
            expected = one(ids, expected)
        sampling = Sampling(0.7, top_k=9, top_p=0.8, min_p=0.1, repetition_penalty=1.4)
        assert torch.equal(filter_logits(logits, sampling, mark_seen(ids, V)), expected)
        # token_probs calculates with 64 bits from the same 32-bit logits
        torch.testing.assert_close(
            token_probs(logits, sampling, mark_seen(ids, V)).float(), expected.softmax(-1)
        )


def test_top_p_by_hand_and_at_its_borders():
    probs = torch.tensor([0.125, 0.5, 0.25, 0.125])
    kept = [
        (top_p(probs.log(), p).isfinite().nonzero().flatten().tolist())
        for p in (0.4, 0.5, 0.51, 0.75, 0.76, 0.875, 0.9, 1)
    ]
    assert kept == [[1], [1], [1, 2], [1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3]]
    even = top_p(torch.zeros(1024), 0.25)  # of equals the smallest ids
    assert even.isfinite().tolist() == [True] * 256 + [False] * 768
    tiny = torch.tensor([0.0, -80.0])  # 1 + e^-80 is 1, and yet 1 keeps all
    assert torch.equal(top_p(tiny, 1.0), tiny)


def test_filters_keep_what_is_forbidden_forbidden():
    logits = torch.tensor([-math.inf, 1.0, -math.inf, 0.5])
    for filtered in (top_k(logits, 3), top_p(logits, 0.99), min_p(logits, 0.0)):
        assert torch.equal(filtered, logits)
    probs = token_probs(logits, Sampling(top_k=3, top_p=0.99))
    assert probs[[0, 2]].tolist() == [0, 0]
    assert probs.sum().item() == pytest.approx(1)


def test_filters_on_one_row_are_those_of_the_batch():
    logits = logits_of(3)
    sampling = Sampling(0.5, top_k=7, top_p=0.7, min_p=0.01)
    rows = torch.stack([filter_logits(row, sampling) for row in logits])
    assert torch.equal(rows, filter_logits(logits, sampling))


def test_temperature():
    logits = torch.tensor([0.0, math.log(2), math.log(4)])
    probs = token_probs(logits, Sampling(temperature=0.5))
    torch.testing.assert_close(probs.float(), torch.tensor([1.0, 4.0, 16.0]) / 21)
    cold, hot = (token_probs(logits, Sampling(temperature=t)) for t in (1e-3, 1e9))
    torch.testing.assert_close(cold, torch.tensor([0.0, 0, 1]).double())
    torch.testing.assert_close(hot, torch.full((3,), 1 / 3).double())
    ties = torch.tensor([1.0, 2.0, 2.0])
    assert token_probs(ties, Sampling(temperature=0)).tolist() == [0, 1, 0]
    huge = torch.tensor([1e30, 0.0])
    assert token_probs(huge, Sampling(temperature=1e-6)).tolist() == [1, 0]


def chi_square(counts, probs):
    """The sum of (seen - expected) ** 2 / expected, and how many of the numbers are free."""
    expected = counts.sum() * probs
    assert (counts[expected == 0] == 0).all()
    seen = expected > 0
    return (((counts - expected)[seen] ** 2) / expected[seen]).sum(), seen.sum() - 1


def assert_drawn_from(counts, probs):
    """Chi-square within 4.5 standard deviations of its mean: by chance wrong 1 time in 100,000."""
    statistic, freedom = chi_square(np.asarray(counts, float), np.asarray(probs, float))
    assert statistic < freedom + 4.5 * math.sqrt(2 * freedom) + 10, (statistic, freedom)


def test_samples_have_the_probabilities():
    probs = token_probs(logits_of(1, rows=1, size=12), Sampling(top_k=9))[0]
    generator = torch.Generator().manual_seed(0)
    drawn = sample_token(probs.expand(20_000, -1), generator)
    assert_drawn_from(torch.bincount(drawn, minlength=12), probs)
    # and the test can fail: a tenth of one probability moved to another
    best = probs.argmax()
    moved = probs.clone()
    moved[best] *= 0.9
    moved[probs > 0][0] += 0.1 * probs[best]
    with pytest.raises(AssertionError):
        assert_drawn_from(torch.bincount(drawn, minlength=12), moved / moved.sum())


def test_impossible_tokens_are_never_drawn():
    probs = torch.tensor([0.0, 0.5, 0.0, 0.5, 0.0]).double()
    drawn = sample_token(probs.expand(10_000, -1), torch.Generator().manual_seed(0))
    assert set(drawn.tolist()) == {1, 3}


def test_places_at_the_ends_of_the_line(monkeypatch):
    probs = torch.tensor([0.0, 0.5, 0.0, 0.5, 0.0]).double()
    for place, token_id in [(0.0, 1), (0.5 - 2**-53, 1), (0.5, 3), (1 - 2**-53, 3)]:
        monkeypatch.setattr(
            torch, "rand", lambda *_, p=place, **__: torch.tensor([p], dtype=torch.float64)
        )
        assert sample_token(probs, torch.Generator()) == token_id


def kept_by_definition(probs, p):
    """The most probable tokens until they add up to p, in exact fractions."""
    kept, total = set(), Fraction(0)
    for i in sorted(range(len(probs)), key=lambda i: (-probs[i], i)):
        if total >= p:
            break
        kept.add(i)
        total += probs[i]
    return kept


def test_top_p_and_min_p_where_a_sum_reaches_p_exactly():
    """In 32 bits, and by a sum less its last part, such sums fell to either side of p."""
    rng = random.Random(0)
    cases = [([2, 1, 1], Fraction(1, 2)), ([2, 1, 1], Fraction(3, 4)), ([4, 3, 3], Fraction(7, 10))]
    for _ in range(300):
        shares = [rng.randint(1, 9) for _ in range(rng.randint(2, 8))]
        sums = list(accumulate(sorted(shares, reverse=True)))
        cases.append((shares, Fraction(rng.choice(sums), sum(shares))))
    for shares, p in cases:
        logits = torch.tensor(shares, dtype=torch.float64).log() + rng.uniform(-9, 9)
        expected = kept_by_definition([Fraction(s, sum(shares)) for s in shares], p)
        least = Fraction(rng.choice(shares), max(shares))
        worthy = {i for i, share in enumerate(shares) if Fraction(share, max(shares)) >= least}
        for wanted, found in [
            (expected, top_p(logits, float(p))),
            (expected, filter_logits(logits, Sampling(top_p=float(p)))),
            (expected, token_probs(logits, Sampling(top_p=float(p))).log()),
            (worthy, min_p(logits, float(least))),
            (worthy, token_probs(logits, Sampling(min_p=float(least))).log()),
        ]:
            assert set(found.isfinite().nonzero()[:, 0].tolist()) == wanted, (shares, p, least)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_filters_keep_what_token_probs_draws_from(dtype):
    """The same logits are kept whichever function is asked, in whatever type they come."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        logits = (torch.randn(50, generator=generator) * 3).to(dtype)
        sums = logits.double().softmax(-1).sort(descending=True).values.cumsum(-1)
        for p in (sums[3].item(), sums[3].item() + 1e-7, sums[3].item() - 1e-7):
            for sampling in (Sampling(top_p=p), Sampling(min_p=p / 9), Sampling(top_k=7, top_p=p)):
                kept = filter_logits(logits, sampling).isfinite()
                assert torch.equal(kept, token_probs(logits, sampling) > 0)


@pytest.mark.parametrize(
    "bad",
    [[math.nan, 1.0], [0.0, 0.0], [math.inf, 0.0], [-0.5, 1.0], [-1.0, -1.0], []],
)
def test_probabilities_that_are_none_draw_no_token(bad):
    """Some gave an id outside the vocabulary."""
    for rows in (torch.tensor(bad), torch.tensor([[0.5] * len(bad), bad])):
        with pytest.raises(
            ValueError, match=r"probs to be finite, not negative, and above 0 in sum"
        ):
            sample_token(rows, torch.Generator())
    with pytest.raises(ValueError, match="array of probabilities"):
        sample_token(torch.tensor(0.5), torch.Generator())


def test_probabilities_of_32_bits_are_drawn_too():
    probs = torch.tensor([0.0, 3.0, 0.0])
    assert sample_token(probs, torch.Generator()) == 1


def test_pick_token_greedy_and_drawn():
    logits, generator = logits_of(2), torch.Generator().manual_seed(0)
    assert torch.equal(pick_token(logits, Sampling(temperature=0), generator), logits.argmax(-1))
    assert torch.equal(pick_token(logits, Sampling(top_k=1), generator), logits.argmax(-1))
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter(1, logits.argmax(-1)[:, None], True)
    harsh = Sampling(temperature=0, repetition_penalty=1e6)
    second = logits.topk(2).indices[:, 1]
    assert torch.equal(pick_token(logits.abs() + logits, harsh, generator, seen), second)


@pytest.mark.parametrize("bad", [[math.nan, 1.0], [math.inf, 1.0], [-math.inf, -math.inf]])
def test_logits_without_a_largest_one(bad):
    for sampling in (Sampling(), Sampling(temperature=0), Sampling(top_k=1)):
        with pytest.raises(ValueError, match="finite largest one, got"):
            pick_token(torch.tensor([bad]), sampling, torch.Generator())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.1}, "temperature to be a finite number of at least 0, got -0.1"),
        ({"temperature": math.nan}, "temperature to be a finite number of at least 0, got nan"),
        ({"temperature": math.inf}, "temperature"),
        ({"top_k": 0}, "top_k to be an integer of at least 1, got 0"),
        ({"top_k": 2.5}, "top_k to be an integer"),
        ({"top_p": 0}, "top_p to be a finite number above 0 and at most 1, got 0"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_p": math.nan}, "top_p"),
        ({"min_p": -0.1}, "min_p to be a finite number of at least 0 and at most 1, got -0.1"),
        ({"min_p": 1.5}, "min_p"),
        ({"repetition_penalty": 0}, "repetition_penalty to be a finite number above 0, got 0"),
        ({"repetition_penalty": math.inf}, "repetition_penalty"),
    ],
)
def test_settings_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**options)


# -------------------------------------------------------------------------------------- the cache


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_cached_equals_uncached_for_every_split(kind, dtype, tolerance):
    """The tolerances are those of the arithmetic: logits are of size 1 to 10."""
    model, ids = make(kind, dtype), random_ids(3, CONTEXT)
    expected = uncached(model, ids)
    assert expected.std() > 0.5
    scale = max(1.0, expected.abs().max().item())
    for split in range(1, CONTEXT):
        cache = KVCache(model, batch_size=3)
        parts = [
            cached_logits(model, part, cache) for part in ids.split([split, CONTEXT - split], 1)
        ]
        got = torch.cat(parts, dim=1)
        torch.testing.assert_close(got, expected, atol=tolerance * scale, rtol=0)
        assert cache.length == CONTEXT


def test_cached_equals_uncached_for_uneven_pieces(kind):
    model, ids = make(kind, torch.float64), random_ids(2, CONTEXT, seed=5)
    expected = uncached(model, ids)
    for sizes in ([1] * CONTEXT, [5, 1, 1, 7, 2, 8], [1, 23], [23, 1]):
        cache = KVCache(model, CONTEXT, batch_size=2)
        got = torch.cat([cached_logits(model, part, cache) for part in ids.split(sizes, 1)], dim=1)
        torch.testing.assert_close(got, expected, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_a_reader_equals_the_model_for_every_split(kind, dtype, tolerance):
    """Prefill, then token by token: for a Llama these steps are in NumPy."""
    model, ids = make(kind, dtype), random_ids(1, CONTEXT, seed=2)
    expected = uncached(model, ids)[0]
    scale = max(1.0, expected.abs().max().item())
    for split in range(1, CONTEXT):
        reader = Reader(model, KVCache(model, CONTEXT))
        assert (reader.step is None) == (kind == "gpt")
        got = [reader.next_logits(ids[:, :split])[0]]
        got += [reader.next_logits(ids[:, t : t + 1])[0] for t in range(split, CONTEXT)]
        torch.testing.assert_close(
            torch.stack(got), expected[split - 1 :], atol=tolerance * scale, rtol=0
        )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_greedy_tokens_equal_those_without_a_cache(kind, dtype):
    model = make(kind, dtype)
    for seed, length in enumerate((1, 2, 9, CONTEXT - 1)):
        ids = random_ids(1, length, seed)
        expected = greedy(model, ids, CONTEXT - length)[0, length:].tolist()
        got = generate(model, ids[0].tolist(), CONTEXT - length, Sampling(temperature=0))
        assert got == expected


def test_sixteen_bits_and_extreme_weights():
    model = make("qwen3").bfloat16()
    reader = Reader(model, KVCache(model))
    assert reader.step is None  # NumPy has no such numbers
    ids = random_ids(1, 9)
    got = [reader.next_logits(part) for part in ids.split([5, 1, 1, 1, 1], 1)][-1]
    # bfloat16 has 8 bits: two orders of adding up differ by some hundredths
    torch.testing.assert_close(got.float(), uncached(model, ids)[:, -1].float(), atol=0.3, rtol=0.1)
    model = make("llama", torch.float64)
    with torch.no_grad():
        for block in model.blocks:
            block.feed_forward.gate.weight *= 1e4  # e ** -g overflows
    with np.errstate(all="raise", under="ignore"):
        got = Reader(model, KVCache(model))
        rows = torch.cat([got.next_logits(ids[:, t : t + 1]) for t in range(9)])
    torch.testing.assert_close(rows, uncached(model, ids)[0], rtol=1e-9, atol=1e-9)


def test_a_cache_set_back_forgets(kind):
    model, ids = make(kind, torch.float64), random_ids(1, 12)
    cache = KVCache(model)
    cached_logits(model, ids, cache)
    cache.length = 5
    other = torch.cat([ids[:, :5], random_ids(1, 4, seed=9)], dim=1)
    got = cached_logits(model, other[:, 5:], cache)
    torch.testing.assert_close(got, uncached(model, other)[:, 5:], atol=1e-12, rtol=1e-12)


def test_rows_of_a_cache(kind):
    model, ids = make(kind, torch.float64), random_ids(2, 6)
    cache = KVCache(model, batch_size=2)
    cached_logits(model, ids, cache)
    cache.keys, cache.values = cache.keys[:, [1, 1, 0]], cache.values[:, [1, 1, 0]]
    new = random_ids(3, 2, seed=3)
    whole = torch.cat([ids[[1, 1, 0]], new], dim=1)
    got = cached_logits(model, new, cache)
    torch.testing.assert_close(got, uncached(model, whole)[:, 6:], atol=1e-12, rtol=1e-12)


def test_wanted_logits_only_and_the_cache_s_size(kind):
    model, ids = make(kind), random_ids(2, 7)
    cache = KVCache(model, 9, batch_size=2)
    two = cached_logits(model, ids, cache, n_logits=2)
    torch.testing.assert_close(two, uncached(model, ids)[:, -2:], atol=1e-4, rtol=1e-5)
    attention = model.blocks[0].attention
    d_head = attention.query.out_features // attention.n_heads
    assert cache.keys.shape == cache.values.shape == (2, 2, attention.n_kv_heads, 9, d_head)


def test_steps_write_into_the_cache_that_torch_reads():
    model, ids = make("qwen3", torch.float64), random_ids(1, 12)
    cache = KVCache(model)
    step = LlamaStep(model, cache)
    cached_logits(model, ids[:, :3], cache)
    for token_id in ids[0, 3:7].numpy():
        step(token_id[None])
    got = cached_logits(model, ids[:, 7:], cache)
    torch.testing.assert_close(got, uncached(model, ids)[:, 7:], atol=1e-12, rtol=1e-12)
    assert not LlamaStep.fits(make("gpt"), KVCache(make("gpt")))


def test_a_full_cache_and_bad_sizes(kind):
    model = make(kind)
    cache = KVCache(model, 5)
    cached_logits(model, random_ids(1, 3), cache)
    with pytest.raises(ValueError, match=r"T from 1 to 2, got \(1, 3\)"):
        cached_logits(model, random_ids(1, 3), cache)
    reader = Reader(model, KVCache(model, 2))
    reader.next_logits(random_ids(1, 2))
    with pytest.raises(ValueError, match="T from 1 to 0"):
        reader.next_logits(random_ids(1, 1))
    with pytest.raises(ValueError, match=f"at most {CONTEXT} positions"):
        KVCache(model, CONTEXT + 1)
    with pytest.raises(ValueError, match="n_positions"):
        KVCache(model, 0)


def test_a_padded_cache_takes_rows_of_booleans(kind):
    model = make(kind)
    rows = [[False, True, True], [True, True, True]]
    assert PaddedCache(model, rows).positions(3).tolist() == [[0, 0, 1], [0, 1, 2]]
    for real in (rows[0], torch.ones(3, dtype=torch.bool), torch.full((2, 3), 2), "yes", 5):
        with pytest.raises(ValueError, match=r"expected .*booleans"):
            PaddedCache(model, real)
    with pytest.raises(ValueError, match=f"at most {CONTEXT} positions"):
        PaddedCache(model, torch.ones(1, CONTEXT + 1, dtype=torch.bool))


def test_a_cache_of_another_number_of_texts(kind):
    """One text read into a cache of two would be written into both rows."""
    model = make(kind)
    real = torch.ones(2, 5, dtype=torch.bool)
    for cache, n_texts in itertools.product(
        (KVCache(model, 5, batch_size=2), PaddedCache(model, real)), (1, 3)
    ):
        with pytest.raises(ValueError, match=f"number of texts .* from 2 to 2, got {n_texts}"):
            cached_logits(model, random_ids(n_texts, 3), cache)
        x = torch.ones(n_texts, 3, model.config.d_model)
        with pytest.raises(ValueError, match=f"number of texts .* from 2 to 2, got {n_texts}"):
            cached_attention(model.blocks[0].attention, x, cache, 0)
        assert cache.length == 0
        assert not cache.keys.any()


# ---------------------------------------------------------------------------- writing and stopping


def test_greedy_and_penalised_texts_equal_those_of_transformers(tmp_path):
    for kind in ("gpt", "qwen3", "long"):
        model = make(kind)
        model.save_pretrained(tmp_path / kind)
        other = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / kind).eval()
        for penalty in (1.0, 1.5):
            ids = random_ids(1, 5)
            expected = other.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=CONTEXT - 5,
                min_new_tokens=CONTEXT - 5,
                do_sample=False,
                repetition_penalty=penalty,
                pad_token_id=0,
            )
            sampling = Sampling(temperature=0, repetition_penalty=penalty)
            assert generate(model, ids[0], CONTEXT - 5, sampling) == expected[0, 5:].tolist()


def test_batches_of_different_lengths_equal_one_by_one(kind):
    model = make(kind)
    prompts = [random_ids(1, n, seed=n)[0].tolist() for n in (7, 1, 12, 4)]
    sampling = Sampling(temperature=0, repetition_penalty=1.2)
    alone = [generate(model, prompt, 12, sampling) for prompt in prompts]
    assert generate_batch(model, prompts, 12, sampling) == alone
    stops = {next(one for one in alone[0] if alone[0].index(one) > 0)}
    alone = [generate(model, prompt, 12, sampling, stops) for prompt in prompts]
    assert generate_batch(model, prompts, 12, sampling, stops) == alone
    assert any(0 < len(text) < 12 for text in alone)


@pytest.mark.parametrize("lengths", [(3,), (3, 1, 5)])
def test_texts_that_have_ended_are_read_no_further(kind, lengths):
    """What is drawn for the others is what would have been drawn beside them."""
    model, read = make(kind, torch.float64), []
    prompts = [random_ids(1, lengths[i % len(lengths)], seed=i)[0].tolist() for i in range(32)]
    sampling = Sampling(repetition_penalty=1.1)
    stops = {0, 1, 2, 3}
    steps = zip(*token_steps(model, prompts, 18, sampling, seed=5), strict=True)
    expected = [list(itertools.takewhile(lambda one: one not in stops, ids)) for ids in steps]
    keep = Reader.keep

    def noted(reader, going):
        keep(reader, going)
        read.append(len(reader.rows))
        assert reader.cache.keys.shape[1] == len(reader.rows) >= sum(going)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reader, "keep", noted)
        assert generate_batch(model, prompts, 18, sampling, stops, seed=5) == expected
    assert read[0] > read[-1] > 0


def test_when_all_texts_have_ended_nothing_more_is_yielded(kind):
    model = make(kind)
    assert len(list(token_steps(model, [[1], [2]], 9, stop_ids=range(V)))) == 1
    with pytest.raises(ValueError, match="sequence of integers"):
        list(token_steps(model, [[1]], 2, stop_ids=[1.5]))


def test_equal_prompts_are_read_once(kind):
    """A 0 that was filled in is another token than a real one."""
    model, read = make(kind), []
    hook = lambda module, given, result: read.append(len(given[0]))  # noqa: E731
    handle = model.final_norm.register_forward_hook(hook)
    greedy = Sampling(temperature=0)
    for prompts, n_different in (
        ([[5, 7, 1], [5, 7, 1], [2, 0], [0, 2, 0], [2, 0], [9]], 4),
        ([[3, 4, 2]] * 5, 1),
        ([[3, 4, 2], [4, 3, 2]], 2),
    ):
        read.clear()
        found = generate_batch(model, prompts, 4, greedy, ())
        assert read == [n_different, *[len(prompts)] * (0 if isinstance(model, Llama) else 3)]
        assert found == [generate(model, prompt, 4, greedy, ()) for prompt in prompts]
    handle.remove()


def test_padded_logits_equal_those_alone(kind):
    model = make(kind, torch.float64)
    prompts = [random_ids(1, n, seed=n)[0].tolist() for n in (7, 1, 12, 4)]
    ids, real = pad_prompts(prompts, V)
    real = torch.nn.functional.pad(real, (0, 3), value=True)
    reader = Reader(model, PaddedCache(model, real))
    new, texts = random_ids(4, 3, seed=8), prompts
    for part in (ids, *new.split(1, dim=1)):
        got = reader.next_logits(part)
        if part is not ids:
            column = part[:, 0].tolist()
            texts = [[*text, one] for text, one in zip(texts, column, strict=True)]
        for row, text in enumerate(texts):
            expected = uncached(model, torch.tensor([text]))[0, -1]
            torch.testing.assert_close(got[row], expected, atol=1e-12, rtol=1e-12)


def test_drawn_texts_have_the_model_s_probabilities():
    model = make("qwen3", torch.float64)
    sampling = Sampling(temperature=0.8, top_k=4)
    counts, probs = pairs_of_tokens(
        model,
        sampling,
        lambda seed: generate_batch(model, [[3, 1]] * 500, 2, sampling, seed=seed),
        8,
    )
    assert_drawn_from(counts, probs)


def pairs_of_tokens(model, sampling, write, times):
    """Counts of the first two new tokens after [3, 1], and their exact probabilities."""
    one, two = torch.tensor([[3, 1]]), torch.tensor([[3, 1, one] for one in range(V)])
    first, second = (
        token_probs(uncached(model, ids)[:, -1], sampling, mark_seen(ids, V)) for ids in (one, two)
    )
    counts = np.zeros((V, V))
    for seed in range(times):
        for pair in write(seed):
            counts[tuple(pair)] += 1
    return counts, (first[0][:, None] * second).numpy()


def test_the_same_seed_and_another():
    model = make("gpt")
    first, again, other = (generate(model, [1], 20, seed=seed) for seed in (3, 3, 4))
    assert first == again != other


def test_tensors_and_arrays_as_prompts():
    model = make("gpt")
    expected = generate(model, [1, 2, 3], 5)
    assert generate(model, np.array([1, 2, 3]), 5) == generate(model, torch.tensor([1, 2, 3]), 5)
    assert generate(model, (1, 2, 3), 5) == expected
    assert generate(model, [1, 2, 3], 0) == []


def test_stop_tokens_are_left_out():
    model = make("llama")
    whole = generate(model, [1], 20, Sampling(temperature=0, repetition_penalty=2.0))
    stop = whole[6]
    expected = whole[: whole.index(stop)]
    assert 0 < len(expected) < 20
    sampling = Sampling(temperature=0, repetition_penalty=2.0)
    assert generate(model, [1], 20, sampling, [stop]) == expected
    assert generate(model, [1], 20, sampling, {V + 100}) == whole


def test_without_stop_tokens_the_model_says_where_texts_end():
    model, sampling = make("llama"), Sampling(temperature=0)
    whole = generate(model, [1], 20, sampling)
    stop = next(token_id for token_id in whole if whole.index(token_id) > 1)
    expected = whole[: whole.index(stop)]
    model.config = replace(model.config, end_ids=(V - 1 if stop != V - 1 else 0, stop))
    assert generate(model, [1], 20, sampling) == expected
    assert generate_batch(model, [[1], [1]], 20, sampling) == [expected, expected]
    assert speculative(model, ModelDraft(model), [1], 20, sampling).token_ids == expected
    assert beam_search(model, [1], 20, n_beams=1)[0].token_ids == [*expected, stop]
    assert "".join(stream(model, TOKENIZER, [1], 20, sampling)) == TOKENIZER.decode(expected)
    assert generate(model, [1], 20, sampling, stop_ids=()) == whole
    assert speculative(model, ModelDraft(model), [1], 20, sampling, stop_ids=()).token_ids == whole
    assert stops_of(model, None) == set(model.config.end_ids)
    assert stops_of(model, [3, 3]) == {3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[]], 3), "at least one token"),
        (([], 3), "at least one token"),
        (([[1], []], 3), "at least one token"),
        (([[V]], 3), f"ids from 0 to {V - 1}, got {V}"),
        (([[-1]], 3), "got -1"),
        (([["a"]], 3), "sequence of integers"),
        (([[1]], -1), "n_tokens to be an integer of at least 0, got -1"),
        (([[1]], 2.5), "n_tokens"),
        (([[1] * 20], 5), f"within the context of {CONTEXT}, got 20 \\+ 5"),
        (([[1], [1] * (CONTEXT + 1)], 0), "within the context"),
        (
            ([[1]], 3, Sampling(), (), -1),
            "seed to be an integer from 0 to 18446744073709551615, got -1",
        ),
        (([[1]], 3, Sampling(), ["a"]), "sequence of integers"),
    ],
)
def test_bad_prompts_and_lengths(arguments, message):
    with pytest.raises(ValueError, match=message):
        generate_batch(make("gpt"), *arguments)


def test_a_model_that_overflowed_is_reported():
    model = make("gpt")
    with torch.no_grad():
        model.final_norm.weight.fill_(math.nan)
    with pytest.raises(ValueError, match="finite largest one, got nan"):
        generate(model, [1], 3, Sampling(temperature=0))


def test_no_gradients_are_kept_and_steps_are_lists():
    model = make("qwen3")
    steps = list(token_steps(model, [[1], [2, 3]], 4))
    assert [len(step) for step in steps] == [2] * 4
    assert torch.is_grad_enabled()
    assert all(weight.grad is None for weight in model.parameters())


# ---------------------------------------------------------------------------------- text in pieces

TOKENIZER = BPETokenizer.train("año niño 🦊🦊 árbol, café; \u0301", 262, ["<|end|>"])


def pieces_of(ids, stops=()):
    text = TextStream(TOKENIZER, stops)
    return [*(text.push(one) for one in ids), text.end()], text.stopped


def test_characters_are_never_broken():
    text = "El niño 🦊 comió crème brûlée\n"
    ids = list(text.encode())  # the worst tokens: single bytes
    pieces, stopped = pieces_of(ids)
    assert "".join(pieces) == text
    assert "\ufffd" not in "".join(pieces)
    assert not stopped
    assert pieces[6:8] == ["", "ñ"][:0] or pieces[text.encode().index("ñ".encode())] == ""
    shown = ""
    for byte, piece in enumerate(pieces[:-1], 1):
        shown += piece
        whole = bytes(ids[:byte]).decode(errors="ignore")
        assert shown == whole  # nothing is held back longer than needed


def test_any_bytes_stream_as_they_decode_at_once():
    rng = np.random.default_rng(0)
    for _ in range(300):
        ids = rng.choice(
            [0x41, 0xC3, 0xA9, 0xF0, 0x9F, 0xA6, 0x8A, 0xE2, 0x82, 258, 261], 12
        ).tolist()
        assert "".join(pieces_of(ids)[0]) == TOKENIZER.decode(ids)


def test_stop_texts_are_cut_and_held_back():
    ids = list(b"one two.\n\nthree")
    pieces, stopped = pieces_of(ids, ["\n\n"])
    assert "".join(pieces) == "one two."
    assert stopped
    assert "".join(pieces_of(list(b"a\nb\n"), ["\n\n"])[0]) == "a\nb\n"
    assert pieces_of(list(b"aab"), ["aab", "zz"]) == (["", "", "", ""], True)
    assert "".join(pieces_of(list(b"xaaab"), ["aab"])[0]) == "xa"
    assert "".join(pieces_of(list(b"stop and end"), ["end", "and"])[0]) == "stop "
    assert "".join(pieces_of(list("año".encode()), ["ñ"])[0]) == "a"


def test_stop_texts_beside_the_whole_text():
    rng = np.random.default_rng(1)
    for _ in range(500):
        text = "".join(rng.choice(list("abñ"), 12))
        stops = ["".join(rng.choice(list("abñ"), rng.integers(1, 4))) for _ in range(2)]
        places = [text.index(stop) for stop in stops if stop in text]
        pieces, stopped = pieces_of(list(text.encode()), stops)
        assert stopped == bool(places)
        got = "".join(pieces)
        if not places:
            assert got == text
            continue
        # of several stops, the one that is complete first ends the text
        ends = min(text.index(stop) + len(stop) for stop in stops if stop in text)
        first = min(text[:ends].index(stop) for stop in stops if stop in text[:ends])
        assert got == text[:first]


def test_streams_of_a_model_are_its_text():
    torch.manual_seed(0)
    model = Llama(LlamaConfig(TOKENIZER.vocab_size, 64, 16, 2, 1, 32))
    for seed in range(5):
        ids = generate(model, [65], 60, seed=seed)
        pieces = list(stream(model, TOKENIZER, [65], 60, seed=seed))
        assert "".join(pieces) == TOKENIZER.decode(ids)
        assert all(pieces)
        stop = [ids[30]]
        ids = generate(model, [65], 60, stop_ids=stop, seed=seed)
        pieces = stream(model, TOKENIZER, [65], 60, stop_ids=stop, seed=seed)
        assert "".join(pieces) == TOKENIZER.decode(ids)
        text = TOKENIZER.decode(generate(model, [65], 60, seed=seed))
        word = text[10:12]
        pieces = stream(model, TOKENIZER, [65], 60, stop_texts=[word], seed=seed)
        assert "".join(pieces) == text[: text.index(word)]


@pytest.mark.parametrize(
    ("stops", "message"),
    [("ab", "sequence of stop texts, got 'ab'"), ([""], "at least one character"), ([3], "str")],
)
def test_bad_stop_texts(stops, message):
    with pytest.raises(ValueError, match=message):
        TextStream(TOKENIZER, stops)


# ------------------------------------------------------------------------------------- beam search


def exact_log_probs(model, prompt, n_tokens):
    """The log-probability of every text of `n_tokens` tokens: an array of V ** n_tokens."""
    texts = torch.cartesian_prod(*[torch.arange(V)] * n_tokens).reshape(-1, n_tokens)
    whole = torch.cat([torch.tensor([prompt]).expand(len(texts), -1), texts], dim=1)
    log_probs = uncached(model, whole).double().log_softmax(-1)[:, len(prompt) - 1 : -1]
    return texts, log_probs.gather(-1, texts[..., None])[..., 0].sum(1)


def test_enough_beams_find_the_most_probable_texts(kind):
    model = make(kind)
    texts, log_probs = exact_log_probs(model, [3, 1], 2)
    best, places = log_probs.topk(V)
    beams = beam_search(model, [3, 1], 2, n_beams=V)
    assert [beam.token_ids for beam in beams] == texts[places].tolist()
    np.testing.assert_allclose([beam.log_prob for beam in beams], best, atol=1e-4)


def test_one_beam_is_greedy(kind):
    model = make(kind)
    [beam] = beam_search(model, [3, 1], 15, n_beams=1)
    assert beam.token_ids == generate(model, [3, 1], 15, Sampling(temperature=0))


def test_beams_equal_those_of_transformers(tmp_path):
    model = make("qwen3")
    model.save_pretrained(tmp_path)
    other = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    for seed in range(4):
        ids = random_ids(1, 4, seed)
        expected = other.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=12,
            min_new_tokens=12,
            num_beams=5,
            num_return_sequences=5,
            do_sample=False,
            length_penalty=0.0,
            pad_token_id=0,
            return_dict_in_generate=True,
            output_scores=True,
        )
        beams = beam_search(model, ids[0], 12, n_beams=5)
        assert [beam.token_ids for beam in beams] == expected.sequences[:, 4:].tolist()
        np.testing.assert_allclose(
            [beam.log_prob for beam in beams], expected.sequences_scores, atol=1e-3
        )


def test_beams_that_end():
    """With every beginning kept, the best texts of up to 3 tokens, among those that have ended."""
    torch.manual_seed(1)
    model = GPT(GPTConfig(5, 8, 8, 2, 1))
    with torch.no_grad():
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.5)
    known = {}
    for n in (1, 2, 3):
        for text in itertools.product(range(5), repeat=n):
            if 4 in text[:-1] or (n < 3 and text[-1] != 4):
                continue
            log_probs = uncached(model, torch.tensor([[0, *text]]))[0].double().log_softmax(-1)
            known[text] = sum(log_probs[i, one].item() for i, one in enumerate(text))
    beams = beam_search(model, [0], 3, n_beams=200, stop_ids=[4])
    assert len(beams) == len(known)
    for beam in beams:
        assert beam.log_prob == pytest.approx(known[tuple(beam.token_ids)], abs=1e-5)
    scores = [beam.log_prob for beam in beams]
    assert scores == sorted(scores, reverse=True)
    assert sum(math.exp(score) for score in scores) == pytest.approx(1, abs=1e-5)
    [only] = beam_search(model, [0], 3, n_beams=1, stop_ids=range(5))
    assert len(only.token_ids) == 1


def test_beam_errors_and_no_tokens():
    model = make("gpt")
    assert beam_search(model, [1], 0) == [([], 0.0)]
    with pytest.raises(ValueError, match="n_beams to be an integer of at least 1, got 0"):
        beam_search(model, [1], 3, n_beams=0)
    with pytest.raises(ValueError, match="at most 24 positions"):
        beam_search(model, [1], CONTEXT)
    with pytest.raises(ValueError, match="at least one token"):
        beam_search(model, [], 3)


def test_beams_of_a_broken_model_are_refused(kind):
    """Such beams had a log-probability of NaN; greedy wrote on as if nothing had been."""
    model = make(kind)
    with torch.no_grad():
        model.final_norm.weight[0] = math.nan
    with pytest.raises(ValueError, match="finite largest one, got nan"):
        beam_search(model, [1], 3)
    with pytest.raises(ValueError, match="finite largest one, got nan"):
        greedy(model, torch.tensor([[1]]), 3)


def test_beams_leave_out_what_is_impossible(monkeypatch):
    """Of two tokens that can come, three beams after one step are two."""
    model, read = make("llama"), generation.cached_logits

    def two_of_them(*arguments, **options):
        logits = read(*arguments, **options)
        return logits.index_fill(-1, torch.arange(2, V), -math.inf)

    monkeypatch.setattr(generation, "cached_logits", two_of_them)
    beams = beam_search(model, [1], 1, n_beams=3)
    assert sorted(beam.token_ids for beam in beams) == [[0], [1]]
    assert sum(math.exp(beam.log_prob) for beam in beams) == pytest.approx(1)


@pytest.mark.parametrize(
    ("p", "q", "guesses", "message"),
    [
        ([[math.nan, 1.0], [0.5, 0.5]], [[0.5, 0.5]], [0], "p and q to be finite"),
        ([[0.5, 0.5], [0.5, 0.5]], [[-0.5, 1.5]], [0], "p and q to be finite"),
        ([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5]], [-1], "ids from 0 to 1, got -1"),
        ([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5]], [2], "ids from 0 to 1, got 2"),
        ([[0.5, 0.5]], [[0.5, 0.5]], [0], r"expected n \+ 1, n and n, got 1, 1 and 1"),
        ([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5]], [], r"got 2, 1 and 0"),
    ],
)
def test_drafts_that_are_none(p, q, guesses, message):
    p, q = torch.tensor(p).double(), [torch.tensor(row).double() for row in q]
    with pytest.raises(ValueError, match=message):
        accept_draft(p, q, guesses, torch.Generator().manual_seed(0))


# ----------------------------------------------------------------------------- speculative decoding


def accepted(rule, p, q):
    """Counts of the first tokens and of the second ones, from 6,000 guesses drawn from q."""
    generator, counts = torch.Generator().manual_seed(0), torch.zeros(2, 6)
    for _ in range(6000):
        guess = sample_token(q, generator).item()
        for place, token_id in enumerate(rule(p, [q], [guess], generator)):
            counts[place, token_id] += 1
    return counts


P = token_probs(logits_of(5, rows=2, size=6, scale=1.5), Sampling())
SURE = torch.tensor([0.0, 0, 1, 0, 0, 0]).double()


@pytest.mark.parametrize("q", [P[0], P[1], SURE, torch.ones(6).double() / 6])
def test_accepted_drafts_are_distributed_as_p(q):
    """Whatever q guesses, the first token is distributed as p's first row, the next as its last."""
    first, second = accepted(accept_draft, P, q)
    assert_drawn_from(first, P[0])
    assert_drawn_from(second, P[1])
    # of the guesses, the share that the two distributions have in common passes
    common = torch.minimum(P[0], q).sum().item()
    assert second.sum().item() / 6000 == pytest.approx(common, abs=0.03)


def wrong_rule(passes, instead):
    def rule(p, q, guesses, generator):
        [guess], place = guesses, torch.rand((), generator=generator)
        if passes(place, p[0, guess], q[0][guess]):
            return [guess, sample_token(p[-1], generator).item()]
        return [sample_token(instead(p[0], q[0]), generator).item()]

    return rule


@pytest.mark.parametrize(
    ("passes", "instead"),
    [
        (lambda u, p, q: True, lambda p, q: p),
        (lambda u, p, q: u * q < p, lambda p, q: p),
        (lambda u, p, q: p >= q, lambda p, q: (p - q).clamp(min=0)),
        (lambda u, p, q: u * p < q, lambda p, q: (p - q).clamp(min=0)),
        (lambda u, p, q: u < p, lambda p, q: (p - q).clamp(min=0)),
        (lambda u, p, q: u * q < p, lambda p, q: (p - q).abs()),
    ],
)
def test_wrong_rules_are_found(passes, instead):
    with pytest.raises(AssertionError):
        assert_drawn_from(
            accepted(wrong_rule(passes, instead), P, torch.ones(6).double() / 6)[0], P[0]
        )


def flat(model):
    """The same model, less sure of itself: a draft that is often but not always right."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.final_norm.weight /= 300
    return ModelDraft(other)


@pytest.mark.parametrize("draft", ["flat", "n-gram", "itself"])
@pytest.mark.parametrize(
    "sampling", [Sampling(0.4, top_k=5), Sampling(repetition_penalty=3.0, top_k=3)]
)
def test_speculative_texts_have_the_model_s_probabilities(draft, sampling):
    model = make("qwen3", torch.float64)
    draft = {
        "flat": lambda: flat(model),
        "n-gram": lambda: NGram(random_ids(1, 300)[0].tolist(), 2, V),
        "itself": lambda: ModelDraft(model),
    }[draft]()

    def write(seed):
        return [speculative(model, draft, [3, 1], 2, sampling, n_guesses=2, seed=seed).token_ids]

    assert_drawn_from(*pairs_of_tokens(model, sampling, write, 500))


def test_a_draft_that_is_always_believed_is_found(monkeypatch):
    model, sampling = make("qwen3", torch.float64), Sampling(0.4, top_k=5)
    draft = flat(model)

    def believe(p, q, guesses, generator):
        return [*guesses, sample_token(p[-1], generator).item()]

    def write(seed):
        return [speculative(model, draft, [3, 1], 2, sampling, n_guesses=2, seed=seed).token_ids]

    monkeypatch.setattr(generation, "accept_draft", believe)
    counts, probs = pairs_of_tokens(model, sampling, write, 500)
    with pytest.raises(AssertionError):
        assert_drawn_from(counts, probs)


@pytest.mark.parametrize("n_guesses", [1, 2, 5, 40])
def test_speculative_greedy_equals_greedy(kind, n_guesses):
    model, sampling = make(kind), Sampling(temperature=0)
    expected = generate(model, [3, 1], 20, sampling)
    poor = speculative(model, ModelDraft(make("gpt", seed=4)), [3, 1], 20, sampling, n_guesses)
    perfect = speculative(model, ModelDraft(model), [3, 1], 20, sampling, n_guesses)
    assert poor.token_ids == perfect.token_ids == expected
    assert perfect.n_reads == math.ceil(20 / (n_guesses + 1))
    assert perfect.n_reads <= poor.n_reads <= 20


def test_speculative_stops():
    model, sampling = make("qwen3"), Sampling(temperature=0)
    whole = generate(model, [3, 1], 20, sampling)
    for stop in whole[2:12]:
        expected = generate(model, [3, 1], 20, sampling, [stop])
        for draft in (ModelDraft(model), ModelDraft(make("gpt", seed=4))):
            got = speculative(model, draft, [3, 1], 20, sampling, stop_ids=[stop])
            assert got.token_ids == expected


def test_a_model_draft_reads_only_what_is_new():
    model = make("qwen3", torch.float64)
    draft, rng = ModelDraft(model), np.random.default_rng(0)
    text = [1]
    for _ in range(60):
        text = text[: rng.integers(1, len(text) + 1)] + rng.integers(V, size=2).tolist()
        text = text[:CONTEXT]
        expected = uncached(model, torch.tensor([text]))[0, -1].softmax(-1)
        torch.testing.assert_close(draft.probs(text), expected, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(draft.probs(text), expected, atol=1e-12, rtol=1e-12)


def test_speculative_errors_and_no_tokens():
    model = make("gpt")
    draft = ModelDraft(model)
    assert speculative(model, draft, [1], 0) == ([], 0)
    with pytest.raises(ValueError, match="n_guesses to be an integer of at least 1, got 0"):
        speculative(model, draft, [1], 3, n_guesses=0)
    with pytest.raises(ValueError, match=r"31 probabilities, got \(7,\)"):
        speculative(model, NGram([1, 2, 3], 2, 7), [1], 3)
    with pytest.raises(ValueError, match="at most 24 positions"):
        speculative(model, draft, [1], CONTEXT)


def test_examples_in_docstrings():
    results = doctest.testmod(generation)
    assert results.attempted >= 7
    assert results.failed == 0
