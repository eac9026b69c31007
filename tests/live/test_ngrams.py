"""The n-gram lab in a real browser, driven by the keyboard: the same numbers as the library."""

import json
import math
import random

import numpy as np
import pytest

from lessons_lib.live import NGramLab
from lessons_lib.live.figure import decimal, visible
from lessons_lib.ngrams import NGram, add_k_probs, count_ngrams, cross_entropy, perplexity
from lessons_lib.tokens import CharTokenizer
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

COUNTED = (
    live.ENGLISH + live.SPANISH + "🦊 luna 🦊 lobo e\u0301a ～\n\n"
)  # ～ comes before 🦊, but not in UTF-16
TYPED = [
    "the fox slept. kz",
    "la niña 🦊 lobo",
    "zzz",
    "f",
    "",
    "e\u0301a\n",
    "THE fox: 12 猫",  # capitals, digits and a cat that the text does not contain
]
ORDER = "Order n: it looks at the n − 1 characters before"
ADDED = "k, added to each count"


def probabilities(text, context, n, smoothing, k):
    """The library's distribution after `context`, None where there is none."""
    tokenizer = CharTokenizer(text)
    ids = tokenizer.encode(context)[max(0, len(context) - n + 1) :]
    size = tokenizer.vocab_size
    if smoothing == "witten-bell":
        return NGram(tokenizer.encode(text), n, size).probs(ids)
    counts = count_ngrams(tokenizer.encode(text), len(ids) + 1).get(tuple(ids), {})
    k = k if smoothing == "add-k" else 0
    return add_k_probs(counts, size, k) if counts or k else None


def surprises(text, typed, n, smoothing, k):
    tokenizer, found = CharTokenizer(text), []
    for i, token in enumerate(tokenizer.encode(typed)):
        probs = probabilities(text, typed[:i], n, smoothing, k)
        found.append(-math.log(probs[token]) if probs is not None and probs[token] else math.inf)
    return found


def shown(page):
    data = page.locator(".live-surprises").evaluate("list => ({...list.dataset})")
    table = page.locator("table.live-bars").evaluate("table => ({...table.dataset})")
    return (
        [float(one.replace("Infinity", "inf")) for one in json.loads(data["surprises"])],
        float(data["mean"].replace("Infinity", "inf")),
        float(data["perplexity"].replace("Infinity", "inf")),
        table["context"],
        json.loads(table["probs"]),
    )


def check(page, text, typed, n, smoothing, k):
    known = "".join(one for one in typed if one in text)
    found, mean, unsure, context, probs = shown(page)
    expected = surprises(text, known, n, smoothing, k)
    # Doubles on both sides; sums and logarithms may round otherwise.
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    if expected:
        np.testing.assert_allclose(mean, cross_entropy(expected), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(unsure, perplexity(expected), rtol=1e-11)
    assert context == known[max(0, len(known) - n + 1) :]
    after = probabilities(text, known, n, smoothing, k)
    assert (probs is None) == (after is None)
    if probs is not None:
        np.testing.assert_allclose(probs, after, rtol=1e-12, atol=1e-15)
    numbers = page.locator(".live-surprises small").all_text_contents()
    drawn = ["∞" if s == math.inf else f"{abs(s):.{2 if s < 10 else 1}f}" for s in expected]
    assert numbers == drawn
    signs = page.locator(".live-surprises .live-token").all_text_contents()
    assert signs == [visible(one.encode()) for one in known]


@pytest.mark.parametrize("typed", TYPED, ids=ascii)
def test_numbers_are_the_library_s(page, typed):
    live.mount(page, NGramLab(COUNTED, ["the fox"], n=1, smoothing="none"))
    live.write(page, "Your text", typed)
    for n in range(1, 6):
        live.focus(page, ORDER)
        page.keyboard.press("Home")
        for _ in range(n - 1):
            page.keyboard.press("ArrowRight")
        for smoothing in ("none", "add-k", "witten-bell"):
            page.locator(f"input[value={smoothing}]").press("Space")
            check(page, COUNTED, typed, n, smoothing, 0.1)


def test_order_smoothing_and_k_by_keyboard(page):
    typed = "the owl said"
    live.mount(page, NGramLab(COUNTED, [typed], n=3, k=0.1))
    check(page, COUNTED, typed, 3, "witten-bell", None)
    assert page.get_by_role("slider").count() == 1  # no k where it does nothing
    live.focus(page, ORDER)
    page.keyboard.press("ArrowRight")
    check(page, COUNTED, typed, 4, "witten-bell", None)
    live.focus(page, "Witten-Bell")
    page.keyboard.press("ArrowUp")
    assert live.focused(page) == "add-k"
    check(page, COUNTED, typed, 4, "add-k", 0.1)
    live.focus(page, ADDED)
    for key, k, says in [
        ("ArrowRight", 10**-0.5, "0.32"),
        ("End", 10, "10"),
        ("Home", 1e-4, "0.0001"),
        ("ArrowRight", 10**-3.5, "0.00032"),
    ]:
        page.keyboard.press(key)
        check(page, COUNTED, typed, 4, "add-k", k)
        assert page.get_by_role("slider").nth(1).get_attribute("aria-valuetext") == says
    live.focus(page, "add-k")
    page.keyboard.press("ArrowUp")
    check(page, COUNTED, typed, 4, "none", None)


def test_all_controls_can_be_reached_in_reading_order(page):
    live.mount(page, NGramLab(live.ENGLISH, ["the fox", "the owl"], smoothing="add-k"))
    assert live.reached(page, 6) == ["the fox", "the owl", "Your text", ORDER, "add-k", ADDED]


def test_prompts_and_what_is_left_out(page):
    live.mount(page, NGramLab("banana band", ["ban", "cab\r"], n=2))
    assert page.locator(".live-note").is_hidden()
    live.press(page, "cab\r")
    assert page.locator("textarea").input_value() == "cab\n"
    check(page, "banana band", "ab", 2, "witten-bell", None)
    note = page.locator(".live-note").inner_text()
    assert note == "Left out, because the counted text does not contain them: c <U+000D>"
    live.write(page, "Your text", "ñ")
    assert page.locator("dd").all_inner_texts() == ["0"]
    live.press(page, "ban")
    check(page, "banana band", "ban", 2, "witten-bell", None)
    assert page.locator("textarea").input_value() == "ban"


def test_words_say_what_the_numbers_say(page):
    live.mount(page, NGramLab("banana band", ["ban"], n=2, smoothing="none"))
    status = page.get_by_role("status")
    assert status.inner_text() == "It looks at n: seen 3 times; different characters after it: 2."
    rows = page.locator(".live-bars tbody tr").all_text_contents()
    assert rows == ["a0.6670.41", "d0.3331.10"]
    labels = page.locator("dt").all_inner_texts()
    assert labels == ["Characters", "Cross-entropy (nats per character)", "Perplexity"]
    mean = (math.log(11 / 2) + math.log(1) + math.log(4 / 3)) / 3
    values = page.locator("dd").all_inner_texts()
    assert values == ["3", f"{mean:.3f}", f"{math.exp(mean):.2f}"]
    live.write(page, "Your text", "d")
    assert status.inner_text() == (
        "It looks at d: never seen in the counted text. "
        "Without smoothing there are no probabilities here."
    )
    assert page.locator("table.live-bars").is_hidden()
    live.write(page, "Your text", "db")
    assert page.locator("dd").all_inner_texts() == ["2", "∞", "∞"]
    assert page.locator(".live-endless").count() == 1
    live.focus(page, ORDER)
    page.keyboard.press("Home")
    live.write(page, "Your text", "")
    assert status.inner_text() == (
        "It looks at no character: seen 11 times; different characters after it: 5."
    )


def test_random_texts(page):
    rng = random.Random(5)
    alphabet = "aab ñ🦊\u0301\n"
    cases = []
    for _ in range(150):
        text = "".join(rng.choices(alphabet, k=rng.randrange(1, 60)))
        typed = "".join(rng.choices(text, k=rng.randrange(12)))
        smoothing = rng.choice(["none", "add-k", "witten-bell"])
        cases.append([text, typed, rng.randrange(1, 6), smoothing, 10 ** rng.uniform(-4, 1)])
    live.internals(page, "ngram_lab", "makeModel", "surprisesOf")
    found = page.evaluate(
        """cases => cases.map(([text, typed, n, smoothing, k]) =>
            inside.surprisesOf(inside.makeModel(text), Array.from(typed), n, smoothing, k)
                .map(String))""",
        cases,
    )
    for case, numbers in zip(cases, found, strict=True):
        numbers = [float(one.replace("Infinity", "inf")) for one in numbers]
        np.testing.assert_allclose(numbers, surprises(*case), rtol=1e-12, atol=1e-12)
        _, own = NGramLab(case[0], ["x"], *case[2:]).surprises(case[1])
        np.testing.assert_allclose(own, surprises(*case), rtol=1e-12, atol=1e-12)


def test_the_longest_text(page):
    text = (COUNTED * 100)[:60_000]
    live.mount(page, NGramLab(text, ["the fox"], n=5))
    check(page, text, "the fox", 5, "witten-bell", None)


def test_it_speaks_spanish(page):
    live.mount(page, NGramLab(live.SPANISH, ["la luna"], smoothing="none", language="es"))
    body = page.locator(".live-body")
    assert body.get_attribute("lang") == "es"
    words = body.inner_text()
    for said in ("Suavizado", "Perplejidad", "Se fija en", "Lo que el modelo espera"):
        assert said in words
    assert "Smoothing" not in words


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    lab = NGramLab(
        *(live.ENGLISH if language == "en" else live.SPANISH, ["zzThe moon ñandú"], 4, "add-k"),
        language=language,
    )
    live.mount(page, lab, theme=theme, width=width)
    for smoothing in ("add-k", "none", "witten-bell"):
        page.locator(f"input[value={smoothing}]").press("Space")
        live.assert_accessible(page)


def test_two_labs_keep_their_choices_apart(page):
    live.mount(page, NGramLab(live.ENGLISH), NGramLab(live.ENGLISH, smoothing="none"))
    checked = "all => all.map(one => one.checked)"
    radios = page.locator("input[type=radio]")
    assert radios.evaluate_all(checked) == [False, False, True, True, False, False]
    radios.nth(1).press("Space")
    assert radios.evaluate_all(checked) == [False, True, False, True, False, False]


def test_fallback_without_scripts(page_without_scripts):
    page = page_without_scripts
    lab = NGramLab("banana band", ["b dé"], n=2, smoothing="none")
    page.set_content(live.html_page(lab, scripts=False))
    table = page.locator(".live-fallback table")
    assert table.locator("tbody tr").all_inner_texts() == ["b\t1.70", "·\t∞", "d\t∞"]
    assert table.locator("caption").inner_text() == (
        "Order 2, smoothing none: cross-entropy ∞ nats per character, perplexity ∞"
    )
    spanish = NGramLab("aab", ["ab"], n=1, language="es").to_html()
    p = [(2 + 2 * 1 / 2) / 5, (1 + 2 * 1 / 2) / 5]
    assert f"<td>{decimal(-math.log(p[0]), 2, 'es')}</td>" in spanish
    assert "Orden 1, suavizado Witten-Bell" in spanish
    assert "<td>0.00</td>" in NGramLab("aaa").to_html()  # the only character there is
    assert "cruzada – nats" in NGramLab("aab", ["ñ"], language="es").to_html()


def test_properties_are_those_that_the_page_reads():
    lab = NGramLab("a</script><b>", ["<!--<script>"], n=2, smoothing="add-k", k=1)
    found = live.Props(lab.to_html())
    assert json.loads("".join(found.scripts[:1])) == lab.props
    assert "b" not in found.tags
    assert lab.props == {
        "k": 1.0,
        "language": "en",
        "n": 2,
        "prompts": ["<!--<script>"],
        "smoothing": "add-k",
        "text": "a</script><b>",
    }
    assert repr(NGramLab("banana", n=2)) == (
        "NGramLab(6 characters, prompts=['banana'], n=2, smoothing='witten-bell', k=0.1, "
        "language='en')"
    )
    assert NGramLab("banana").to_html() == NGramLab("banana").to_html()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NGramLab(""), "1 to 60000 characters, got 0"),
        (lambda: NGramLab("a" * 60_001), "1 to 60000 characters, got 60001"),
        (lambda: NGramLab(b"a"), "text"),
        (lambda: NGramLab("a", "b"), "sequence of prompts"),
        (lambda: NGramLab("a", []), "sequence of prompts"),
        (lambda: NGramLab("a", [1]), "text"),
        (lambda: NGramLab("a", n=0), "n to be an integer of at least 1, got 0"),
        (lambda: NGramLab("a", n=6), "n from 1 to 5, got 6"),
        (lambda: NGramLab("a", smoothing="some"), "got 'some'"),
        (lambda: NGramLab("a", k=0), "k from 0.0001 to 10.0, got 0"),
        (lambda: NGramLab("a", k=math.nan), "got nan"),
        (lambda: NGramLab("a", language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
