"""Pages, languages, duplicates, mixtures: against datasketch, trafilatura and py3langid."""

import json
import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.corpus.web import SAMPLES, make_web
from lessons_lib.data import (
    ByteModel,
    candidate_pairs,
    choose_bands,
    decode_page,
    draw_mixture,
    estimate_jaccard,
    extract_text,
    find_leaks,
    fingerprint,
    hash_orders,
    identify_language,
    is_boilerplate,
    jaccard,
    keep_first,
    language_bits,
    letters,
    line_rates,
    lsh_probability,
    mask_personal_data,
    min_hash,
    mix,
    mixture_weights,
    near_duplicates,
    page_blocks,
    quality_flaws,
    rates,
    shingles,
    tale_gap,
    tale_model,
    tale_tokenizer,
    word_runs,
    words_of,
)
from lessons_lib.ngrams import NGram, nats_to_bits_per_byte
from tools.house import ROOT

ORACLE = json.loads((ROOT / "tests" / "oracles" / "data.json").read_text(encoding="utf-8"))
WEB = make_web(300)
TEXTS = [extract_text(page.body) for page in WEB.pages]
PROSE = [page.kind in ("story", "article") for page in WEB.pages]
words = st.lists(st.sampled_from(("ana", "leo", "sol", "mar", "luz")), max_size=12).map(" ".join)

# -------------------------------------------------------------------------------------------- HTML


def test_a_page_by_hand():
    page = """<html><head><title>T</title><script>if (a < b) "<p>no</p>"</script></head><body>
    <div id=top-menu><a href=/>Home</a></div><h1>Ana&nbsp;&amp; Leo</h1>
    <p>It <b>rain</b>ed<br>all day.<p>We <a href=x>read</a> and read.
    <ul><li><a href=1>More</a><li><a href=2>Yet more</a></ul>
    <footer><p>Terms</footer>After.<p>© 2020 Ana"""
    assert extract_text(page).split("\n") == [
        "Ana & Leo", "It rained", "all day.", "We read and read.", "After.",
    ]  # fmt: skip


def test_the_share_of_links_and_who_stands_aside():
    blocks = page_blocks('<p>ab <a>cd</a></p><nav>ef</nav><p class="x share-y">gh</p>')
    assert [(block.text, block.link_share, block.aside) for block in blocks] == [
        ("ab cd", 0.5, False), ("ef", 0, True), ("gh", 0, True),
    ]  # fmt: skip
    assert not is_boilerplate(blocks[0])


def test_all_that_the_pages_say_is_found_and_little_else():
    found = line_rates(TEXTS, [page.text for page in WEB.pages])
    assert found.recall.mean == 1
    assert 0.9 < found.precision.mean < 1


def test_trafilatura_reads_the_same_words():
    pages = make_web(60).pages
    both = [
        jaccard(set(words_of(extract_text(page.body))), set(words_of(text)))
        for page, text in zip(pages, ORACLE["pages"], strict=True)
        if text
    ]
    assert np.mean(both) > 0.85
    ours, theirs = (
        line_rates(texts, [page.text for page in pages])
        for texts in ([extract_text(page.body) for page in pages], ORACLE["pages"])
    )
    assert ours.recall.mean >= theirs.recall.mean


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("año".encode(), "año"),
        ("\ufeffaño".encode(), "año"),
        ("año".encode("utf-16"), "año"),
        ("año".encode("cp1252"), "año"),
        (b'<meta charset="koi8-r">' + "мир".encode("koi8-r"), '<meta charset="koi8-r">мир'),
        (b"<meta charset=no-such-code>\xf1", "<meta charset=no-such-code>ñ"),
        (b"<meta charset=utf-8>\xf1", "<meta charset=utf-8>ñ"),
        (b"a\x81b", "a\ufffdb"),
        (b"", ""),
    ],
)
def test_encodings(body, text):
    assert decode_page(body) == text


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("", ""),
        ("   \n", ""),
        ("no tags at all", "no tags at all"),
        ("a\x00b<p>c\x07d", "ab\ncd"),
        ("<div class=menu><p>everything</p>", "everything"),
        ("<p>a</b></i></div>b", "a\nb"),
        ("<script>never closed <p>a", ""),
        ("<p>1 < 2 & 3 > 2", "1 < 2 & 3 > 2"),
        ("&#128512; &eacute; &unknown; &#x1F600;", "😀 é &unknown; 😀"),
        ("<p>東京</p><p>Αθήνα", "東京\nΑθήνα"),
        ("<a href=x>only links", ""),
        ("<p>open <!-- a comment --> end", "open end"),
    ],
)
def test_broken_and_strange_pages(page, text):
    assert extract_text(page) == text


def test_deep_and_long_pages_are_read():
    deep = "<div>" * 50_000 + "deep" + "</div>" * 50_000
    assert extract_text(deep) == "deep"
    assert extract_text("<p>" * 50_000 + "x" + "</b>" * 50_000) == "x"
    for piece in ("<", "<!--", "<a ", "<p x='", "</", "&#", "<![CDATA["):
        assert extract_text(piece * 20_000) is not None
    line = "word " * 200_000
    assert extract_text(line) == line.strip()


@given(st.text(max_size=200))
@settings(max_examples=50)
def test_any_text_is_a_page(text):
    found = extract_text(text)
    assert "\x00" not in found
    assert all(line == " ".join(line.split()) for line in found.split("\n"))


# ---------------------------------------------------------------------------------------- language


def test_bits_are_those_of_the_ngram_model():
    text, model = "la casa está en silencio y llueve", ByteModel(SAMPLES["es"], 3)
    plain = NGram(list(SAMPLES["es"].encode()), 3, 256)
    nats = plain.surprises(list(text.encode())).sum()
    assert math.isclose(model.bits_per_byte(text), nats_to_bits_per_byte(nats, len(text.encode())))
    assert model.bits_per_byte("a") > 0


def test_py3langid_says_the_same():
    said = [
        (identify_language(text), theirs) for texts in ORACLE["languages"].values()
        for text, theirs in texts
    ]  # fmt: skip
    assert np.mean([ours == theirs for ours, theirs in said]) > 0.97
    for language, texts in ORACLE["languages"].items():
        assert np.mean([identify_language(text) == language for text, _ in texts]) > 0.9


def test_pages_are_identified():
    for page, text in zip(WEB.pages, TEXTS, strict=True):
        if page.kind in ("story", "article"):
            assert identify_language(text) == page.language


@pytest.mark.parametrize(
    "text", ["", "12 345 €", "東京は日本の首都です", "Η Αθήνα", "@ana www.x.org"]
)
def test_no_language(text):
    assert identify_language(text) is None


def test_only_letters_count_and_only_the_beginning():
    assert letters("L'hôtel d’Ana — 3 niños!") == "l'hôtel d’ana niños"
    assert language_bits("LOS NIÑOS 33") == language_bits("los niños")
    assert identify_language("the house is old " * 60_000) == "en"
    assert set(language_bits("7").values()) == {math.inf}


# -------------------------------------------------------------------------------------- duplicates


def test_signatures_are_datasketch_s():
    for text, signature in ORACLE["signatures"].items():
        assert min_hash(text, 64, 7).tolist() == signature


def test_bands_are_datasketch_s():
    for threshold, n_hashes, bands, rows in ORACLE["bands"]:
        assert choose_bands(threshold, n_hashes) == (bands, rows)


def test_shingles_by_hand():
    assert shingles("A, b c. D", 3) == {"a b c", "b c d"}
    assert shingles("one two", 5) == {"one two"}
    assert shingles(" .. ", 5) == set()
    assert jaccard({1}, set()) == 0
    assert jaccard(set(), set()) == 1


def test_mixing_and_orders_are_permutations():
    numbers = np.arange(20_000, dtype=np.uint32)
    assert len(np.unique(mix(numbers))) == len(numbers)
    assert (hash_orders(8, 3)[0] % 2 == 1).all()
    assert all(
        len(np.unique(a * numbers + b)) == len(numbers)
        for a, b in zip(*hash_orders(8, 3), strict=True)
    )
    assert (hash_orders(4, 3)[1] == hash_orders(8, 3)[1][:4]).all()


def test_a_longer_signature_begins_with_a_shorter_one():
    assert (min_hash("a b c d e f g", 100, 5)[:20] == min_hash("a b c d e f g", 20, 5)).all()


def test_estimates_lie_within_their_error():
    """In 200 pairs of known similarity the errors, in standard errors, have mean 0 and spread 1."""
    errors, n = [], 256
    for seed in range(200):
        shared = 20 + seed % 60
        one = " ".join(f"w{seed}x{i}" for i in range(100))
        other = " ".join([f"w{seed}x{i}" for i in range(shared)] + [f"v{i}" for i in range(40)])
        true = jaccard(shingles(one, 1), shingles(other, 1))
        got = estimate_jaccard(min_hash(one, n, seed, 1), min_hash(other, n, seed, 1))
        errors.append((got - true) / math.sqrt(true * (1 - true) / n))
    assert abs(np.mean(errors)) < 0.25  # 3.5 standard errors of a mean of 200
    assert 0.8 < np.std(errors) < 1.2


def test_candidates_come_as_often_as_the_curve_says():
    rng, caught = np.random.default_rng(0), 0
    for _ in range(600):
        base = rng.integers(0, 2**32, 24, dtype=np.uint32)
        other = np.where(rng.random(24) < 0.7, base, base + np.uint32(1))
        caught += candidate_pairs([base, other], 8) == {(0, 1)}
    assert abs(caught / 600 - lsh_probability(0.7, 8, 3)) < 0.04  # 4 standard errors


@given(st.lists(words, max_size=6), st.sampled_from((0.3, 0.6, 1.0)))
@settings(max_examples=40)
def test_pairs_are_those_of_all_signatures_above_the_threshold(texts, threshold):
    found = near_duplicates(texts, threshold, n_hashes=32, width=2)
    for i, j in found:
        assert i < j
        a, b = (min_hash(texts[k], 32, width=2) for k in (i, j))
        assert estimate_jaccard(a, b) >= threshold
    same = {(i, j) for i, j in combinations(range(len(texts)), 2) if texts[i] == texts[j] != ""}
    assert same <= set(found)
    assert found == sorted(set(found))


def test_copies_of_the_web_are_found():
    kept = set(keep_first(300, near_duplicates(TEXTS, 0.5)))
    dropped = [i not in kept for i in range(300) if PROSE[i]]
    copies = [page.copy_of is not None for page in WEB.pages if page.kind in ("story", "article")]
    found = rates(dropped, copies)
    assert found.precision.mean > 0.97
    assert found.recall.mean > 0.97


def test_long_empty_and_strange_texts():
    assert near_duplicates([]) == []
    assert near_duplicates(["", "", " .. "]) == []
    assert near_duplicates(["東京 は 日本", "東京 は 日本!", "x"]) == [(0, 1)]
    assert (min_hash("", 4) == 2**32 - 1).all()
    assert min_hash("word " * 200_000, 16).shape == (16,)
    assert fingerprint("A b.") == fingerprint("a  B") != fingerprint("ab")


def test_keep_first_by_hand():
    assert keep_first(6, [(4, 5), (1, 4), (2, 3)]) == [0, 1, 2]
    assert keep_first(0, []) == []
    assert keep_first(3, [(2, 1), (1, 0)]) == [0]


# ----------------------------------------------------------------------- quality, people, the exam


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("The cat sat with the dog.", "words"),
        ("the of a b c d e f g h " * 10, "letters per word"),
        ("the # with # house # word " * 20, "symbols per word"),
        ("the with 1 2 3 4 5 6 7 house " * 10, "words with letters"),
        ("casa arbol camino perro " * 20, "stop words"),
        ("The house is to be sold with all of it.\n" * 12, "repeated lines"),
        ("the with the with the with " * 20, "most frequent pair"),
        ("the house that is with some people of the town and more\n" * 9, "lines that end"),
        ("The house of { with and that. " * 12, "placeholders"),
        ("lorem ipsum the house of with. " * 12, "placeholders"),
    ],
)
def test_each_rule_has_its_text(text, flaw):
    assert flaw in quality_flaws(text)


def test_good_prose_breaks_no_rule():
    for text in SAMPLES.values():
        assert quality_flaws(text) == {}
    assert "words" in quality_flaws("")
    kept = [not quality_flaws(text) for text in TEXTS]
    found = rates(kept, PROSE)
    assert found.precision.mean > 0.95
    assert found.recall.mean > 0.95


def test_personal_data_are_masked_and_the_rest_stays():
    text = "DNI 12345678Z, mail: ana@example.org."
    assert mask_personal_data(text) == "DNI [dni], mail: [email]."
    assert mask_personal_data("") == ""
    for page in WEB.pages:
        masked = mask_personal_data(page.text)
        assert all(one not in masked for one in page.personal if " at " not in one)


def test_leaks_by_hand_and_on_the_web():
    assert find_leaks(["a b c", "b c d", "c"], ["x B, c y"], 2) == [True, True, False]
    assert find_leaks(["a b c"], [], 2) == [False]
    assert word_runs("a b", 3) == set()
    exam = [story.text for stories in WEB.exam.values() for story in stories]
    leaked = [page.leaked for page in WEB.pages]
    by_n = {n: rates(find_leaks(TEXTS, exam, n), leaked) for n in (8, 25)}
    assert by_n[25].precision.mean > by_n[8].precision.mean
    assert by_n[25].recall.mean > 0.9


# --------------------------------------------------------------------------- mixing, and what for


def test_weights_by_hand():
    np.testing.assert_allclose(mixture_weights([800, 200]), [0.8, 0.2])
    np.testing.assert_allclose(mixture_weights([900, 100], 2), [0.75, 0.25])
    np.testing.assert_allclose(mixture_weights([5, 1, 1], 1e6), [1 / 3] * 3, atol=1e-5)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=6), st.floats(1, 20))
def test_weights_add_up_and_keep_their_order(sizes, temperature):
    found = mixture_weights(sizes, temperature)
    assert math.isclose(found.sum(), 1)
    assert (np.diff(found[np.argsort(sizes)]) >= -1e-12).all()


def test_a_mixture_reads_each_text_as_often_as_the_others():
    drawn = draw_mixture({"a": ["1", "2", "3"], "b": ["4"]}, [0.5, 0.5], 600, seed=1)
    counts = [drawn.count(x) for x in "1234"]
    assert max(counts[:3]) - min(counts[:3]) <= 1
    assert abs(counts[3] - 300) < 50  # 4 standard errors
    assert drawn == draw_mixture({"a": ["1", "2", "3"], "b": ["4"]}, [0.5, 0.5], 600, seed=1)
    assert draw_mixture({"a": ["1"]}, [1.0], 0) == []
    assert set(draw_mixture({"a": ["1"], "b": ["2"]}, [1.0, 0.0], 20)) == {"1"}


def test_rates_by_hand():
    found = rates([True, True, False, False], [True, False, True, True])
    assert (found.precision.mean, found.recall.mean) == (0.5, 1 / 3)
    assert rates([False], [True]).precision is None
    assert rates([True], [False]).recall is None
    lines = line_rates(["a\nb\nb"], ["a\nb\nc\nd"])
    assert (lines.precision.mean, lines.recall.mean) == (2 / 3, 0.5)


@pytest.mark.usefixtures("one_thread")
def test_a_model_of_tales_is_nearer_to_the_floor_than_one_of_noise():
    tales = [
        line for page in WEB.pages if page.kind == "story" and page.language == "en"
        for line in page.text.split("\n")[1:]
    ]  # fmt: skip
    good, bad = tale_model(tales, n_steps=12), tale_model(["lorem ipsum dolor sit"] * 40, n_steps=1)
    assert 0 < tale_gap(good, WEB.exam["en"][:3]) < tale_gap(bad, WEB.exam["en"][:3])
    assert tale_tokenizer() is tale_tokenizer()


# ------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda: extract_text(None), "expected text"),
        (lambda: extract_text("\ud800"), "surrogates"),
        (lambda: decode_page("text"), "the bytes of a page, got str"),
        (lambda: ByteModel("", 2), "at least one character"),
        (lambda: ByteModel("a", 0), "n to be"),
        (lambda: ByteModel("a", 2).bits_per_byte(""), "at least one character"),
        (lambda: identify_language(b"abc"), "expected text"),
        (lambda: shingles("a", 0), "width"),
        (lambda: min_hash(3, 4), "expected text"),
        (lambda: min_hash("a", 0), "n_hashes"),
        (lambda: min_hash("a", 4, -1), "seed"),
        (lambda: estimate_jaccard(np.ones(3), np.ones(4)), "of one length"),
        (lambda: estimate_jaccard(np.ones(0), np.ones(0)), "of one length"),
        (lambda: lsh_probability(1.1, 2, 2), "similarity"),
        (lambda: lsh_probability(0.5, 0, 2), "bands"),
        (lambda: choose_bands(0, 8), "threshold"),
        (lambda: candidate_pairs([np.ones(4), np.ones(5)], 2), "one length"),
        (lambda: candidate_pairs([np.ones(4)], 5), "5 at least"),
        (lambda: near_duplicates("text"), "several texts"),
        (lambda: near_duplicates(["a", 1]), "expected text"),
        (lambda: near_duplicates(["a"], 1.5), "threshold"),
        (lambda: keep_first(2, [(0, 2)]), "pair"),
        (lambda: keep_first(-1, []), "n to be"),
        (lambda: quality_flaws(None), "expected text"),
        (lambda: mask_personal_data(None), "expected text"),
        (lambda: find_leaks("text", []), "several texts"),
        (lambda: find_leaks(["a"], "exam"), "several texts"),
        (lambda: find_leaks(["a"], ["b"], 0), "n to be"),
        (lambda: mixture_weights([]), "sizes"),
        (lambda: mixture_weights([1, 0]), "sizes above 0"),
        (lambda: mixture_weights([1], 0), "temperature above 0"),
        (lambda: mixture_weights([1], -1), "temperature"),
        (lambda: draw_mixture({"a": ["x"]}, [0.5, 0.5], 1), "expected 1 weights, got 2"),
        (lambda: draw_mixture({"a": []}, [1.0], 1), "got none of a"),
        (lambda: draw_mixture({"a": ["x"]}, [1.0], -1), "n to be"),
        (lambda: rates([True], [True, False]), "as many of both"),
        (lambda: rates([], []), "expected"),
        (lambda: tale_model("text"), "several texts"),
        (lambda: tale_model(["a"]), "at least 81 tokens"),
        (lambda: tale_gap(None, []), "at least one tale"),
    ],
)  # fmt: skip
def test_errors(run, message):
    with pytest.raises(ValueError, match=message):
        run()
