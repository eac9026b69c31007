"""What all live figures have in common: shared code, two languages, and how numbers are written."""

import re

import pytest
import torch

from lessons_lib import live as figures
from lessons_lib.live import (
    AttentionMap,
    BlockCalculator,
    BPEPlayground,
    BudgetCalculator,
    CaptionWall,
    Chat,
    ErrorBars,
    ExposedSecrets,
    GraphWalk,
    InjectionLab,
    LookInside,
    MinHashLab,
    ModelInPage,
    NextCharacter,
    NextToken,
    NGramLab,
    OptimizerRace,
    Painter,
    PlantedOdds,
    PreferenceOptimum,
    Quantizer,
    RotaryClock,
    TrainInPage,
)
from lessons_lib.live.figure import decimal, plain, scientific
from lessons_lib.live.modules import FOLDER, module_source
from lessons_lib.tokens import BPETokenizer
from tests.live import page as live

pytestmark = pytest.mark.site
page = live.page  # a fixture

TEXT = "la luna y la lámpara"


# A figure of each kind, with numbers that have decimals, a minus, thousands and powers of ten.
MAKE = {
    "attention_map": lambda language: AttentionMap(
        ["a", "b", "c"], [[[1], [2], [-1]]], [[[1], [0], [3]]], language=language
    ),
    "block_calculator": lambda language: BlockCalculator(ratio=2.5, language=language),
    "bpe_playground": lambda language: BPEPlayground(
        {"b": BPETokenizer.train(TEXT, 262)}, TEXT, language
    ),
    "budget_calculator": lambda language: BudgetCalculator(n_devices=16384, language=language),
    "caption_wall": lambda language: CaptionWall(language),
    "chat": lambda language: Chat(language),
    "error_bars": lambda language: ErrorBars(71, 55, 2000, 40, language),
    "exposed_secrets": lambda language: ExposedSecrets(language=language),
    "graph_walk": lambda language: GraphWalk(2.5, -1.5, 0.5, 0, 7, language),
    "injection_lab": lambda language: InjectionLab(language),
    "look_inside": lambda language: LookInside(language=language),
    "min_hash_lab": lambda language: MinHashLab(language=language),
    "model_in_page": lambda language: ModelInPage(language=language),
    "next_character": lambda language: NextCharacter(TEXT, ["la l"], 1, language=language),
    "next_token": lambda language: NextToken(
        ["la"], torch.linspace(-3, 1, 20)[None], [b"%d" % i for i in range(20)], language
    ),
    "ngram_lab": lambda language: NGramLab(TEXT, ["la luna"], 2, "add-k", 0.1, language),
    "optimizer_race": lambda language: OptimizerRace(step=60, lr=0.2, language=language),
    "painter": lambda language: Painter(language),
    "planted_odds": lambda language: PlantedOdds(language=language),
    "preference_optimum": lambda language: PreferenceOptimum(language=language),
    "quantizer": lambda language: Quantizer(
        torch.linspace(-1000, 1e-7, 32), "Q4_1", 20, language=language
    ),
    "rotary_clock": lambda language: RotaryClock([1, -2], [3, 0.5], 60, 2, 12.5, language),
    "train_in_page": lambda language: TrainInPage(language=language),
}
SAME = {  # words of both languages
    *(
        "AdamW",
        "Bits",
        "Bytes",
        "FLOPs",
        "Factor τ",
        "GB",
        "Hashes",
        "Nats",
        "SGD",
        "Token",
        "Tokens",
        "tokens",
        "X MB",
        "bits",
    ),
    "Witten-Bell",
    "q·k = X; / √Y = Z",
    "tokens D ↑",
    "↻ X",
}
POINT = re.compile(r"\d\.\d")  # a decimal point
COMMA = re.compile(r"\d,(?=\d)(?!\d{3}(?!\d))")  # a comma that does not part thousands


def test_there_is_one_of_each_kind():
    modules = {path.stem for path in FOLDER.glob("*.js")} - {"common"}
    assert set(MAKE) == modules == set(figures._MODULES.values()) - {"figure"}


def said(page):
    """All that figures say: what is seen, and what screen readers say instead."""
    return page.locator("figure").evaluate(
        """(figure) => {
            const names = ["aria-label", "aria-valuetext"];
            const heard = names.flatMap((name) =>
                [...figure.querySelectorAll(`[${name}]`)].map((one) => one.getAttribute(name)));
            const options = [...figure.querySelectorAll("option")].map((one) => one.textContent);
            const hidden = figure.querySelector(".live-fallback");
            hidden.remove();
            return [hidden.innerHTML, figure.innerText, ...heard, ...options].join("\\n");
        }"""
    )


@pytest.mark.parametrize("slug", MAKE)
def test_decimals_have_the_sign_of_the_language(page, slug):
    for language, other in (("en", COMMA), ("es", POINT)):
        live.mount(page, MAKE[slug](language))
        for slider in page.get_by_role("slider").all():
            slider.press("ArrowRight")
        text = said(page)
        assert other.findall(text) == []
        own = {"en": POINT, "es": re.compile(r"\d,\d")}[language]
        assert own.search(text), text


def test_words_exist_in_both_languages(page):
    same = set()
    for slug in MAKE:
        live.internals(page, slug, "STRINGS")
        english, spanish = page.evaluate(
            """() => {
                const leaves = (name, one) => typeof one === "object"
                    ? Object.entries(one).flatMap(([key, value]) => leaves(`${name}.${key}`, value))
                    : [[name, typeof one === "function" ? one("X", "Y", "Z") : one]];
                return ["en", "es"].map((language) => leaves("say", inside.STRINGS[language]));
            }"""
        )
        assert [name for name, _ in english] == [name for name, _ in spanish]
        assert all(text.strip() for _, text in english + spanish)
        same |= {a for (_, a), (_, b) in zip(english, spanish, strict=True) if a == b}
        assert [text for _, text in spanish if POINT.search(text)] == []
        before, strings = module_source(slug).split("const STRINGS = {", 1)
        code = before + strings.split("\n};\n", 1)[1]
        for key in {name.split(".")[1] for name, _ in english}:
            used = key[4:].lower() if key.startswith("unit") and key != "unit" else key
            by_name = "say[" in code and re.search(rf"\b{used}\b", code)
            assert by_name or re.search(rf"\bsay\.{key}\b", code), f"{slug}: {key}"
    assert sorted(same ^ SAME) == []


def test_modules_follow_their_properties_and_let_go(page):
    for slug in set(MAKE) - {"model_in_page"}:  # which speaks with a kernel: it has its own test
        figure = MAKE[slug]("en")
        assert figure._esm == module_source(slug)
        before, after, followed, left, elements = live.follow(
            page, figure, "form span, form legend"
        )
        assert before != after
        assert set(followed.split()) == {f"change:{name}" for name in figure.props}
        assert (left, elements) == (0, 1)


NUMBERS = [0, 0.7, -0.0, -0.0004, 3, 1234.56, 9999.96, 12345.678, -65536, 0.1 + 0.2, 1e6, 2.5e20]


@pytest.mark.parametrize("language", ["en", "es"])
def test_numbers_are_written_as_python_writes_them(page, language):
    live.internals(page, "quantizer", "decimal", "plain", "scientific")
    found = page.evaluate(
        """([numbers, small, language]) => [
            ...numbers.flatMap((one) => [0, 1, 3].map((n) => inside.decimal(one, n, language))),
            inside.decimal(Infinity, 2, language),
            ...[...numbers, ...small].map((one) => inside.plain(one, language)),
            ...small.flatMap((one) => [0, 2].map((n) => inside.scientific(one, language, n))),
            inside.plain(2n ** 62n, language),
        ]""",
        [NUMBERS, small := [1.6e-7, -3e-9, 5.876e23, 1e21, 1e-6], language],
    )
    assert found == [
        *(decimal(one, n, language) for one in NUMBERS for n in (0, 1, 3)),
        "∞",
        *(plain(one, language) for one in NUMBERS + small),
        *(scientific(one, language, n) for one in small for n in (0, 2)),
        plain(2**62, language),
    ]
    assert decimal(float("inf"), 2, language) == "∞"


@pytest.mark.parametrize(
    ("write", "en", "es"),
    [
        (lambda say: decimal(1234.5, 2, say), "1,234.50", "1234,50"),
        (lambda say: decimal(12345.678, 1, say), "12,345.7", "12\u202f345,7"),
        (lambda say: decimal(9999.96, 1, say), "10,000.0", "10\u202f000,0"),
        (lambda say: decimal(-0.0004, 3, say), "0.000", "0,000"),
        (lambda say: decimal(-0.5, 1, say), "−0.5", "−0,5"),
        (lambda say: plain(4.0, say), "4", "4"),
        (lambda say: plain(0.00005, say), "0.00005", "0,00005"),
        (lambda say: plain(-65536, say), "−65,536", "−65\u202f536"),
        (lambda say: scientific(5.876e23, say, 2), "5.88 × 10²³", "5,88 × 10²³"),
        (lambda say: scientific(-3e-7, say), "−3 × 10⁻⁷", "−3 × 10⁻⁷"),
    ],
)
def test_numbers_as_the_chapters_write_them(write, en, es):
    assert write("en").replace("\u00a0", " ") == en
    assert write("es").replace("\u00a0", " ") == es


DRAWN = [  # their drawing comes first, the numbers stand folded below
    *(
        "attention_map",
        "block_calculator",
        "budget_calculator",
        "injection_lab",
        "exposed_secrets",
        "min_hash_lab",
        "next_token",
        "optimizer_race",
        "planted_odds",
        "preference_optimum",
        "rotary_clock",
    ),
]


@pytest.mark.parametrize("slug", DRAWN)
@pytest.mark.parametrize("language", ["en", "es"])
def test_drawing_and_controls_share_the_screen_of_a_phone(page, slug, language):
    live.mount(page, MAKE[slug](language), width=390, unfolded=False)
    assert page.locator("details.live-fold:not([open])").count() == 1
    top = page.locator("form").bounding_box()["y"]
    boxes = page.locator(
        "form :is(svg, .live-stage, input, select, button, textarea):visible"
    ).evaluate_all(
        "all => all.filter(one => !one.closest('details')).map("
        "one => one.getBoundingClientRect().bottom)"
    )
    assert max(boxes) - top < 700
    sizes = page.locator("svg text").evaluate_all(
        "all => all.map(one => { const box = one.ownerSVGElement; return"
        " parseFloat(getComputedStyle(one).fontSize) * box.getScreenCTM().a; })"
    )
    assert min(sizes, default=11) >= 11


@pytest.mark.parametrize("slug", DRAWN)
def test_a_drawing_follows_the_width_of_its_place(page, slug):
    live.mount(page, MAKE[slug]("en"), width=800)
    for width in (390, 1200, 340):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            """() => [...document.querySelectorAll("svg.live-drawing")].every((one) => {
                const [, , wide, high] = one.getAttribute("viewBox").split(" ").map(Number);
                const box = one.getBoundingClientRect();
                return Math.abs(wide - box.width) < 1 && Math.abs(high - box.height) < 1;
            })"""
        )


def test_many_changes_are_drawn_at_most_once_a_frame(page):
    live.internals(page, "attention_map", "onceAFrame")
    drawn = page.evaluate(
        """async () => {
            let drawn = 0;
            const show = inside.onceAFrame(() => (drawn += 1));
            const frame = () => new Promise((done) => requestAnimationFrame(done));
            for (let i = 0; i < 50; i += 1) show();
            const counts = [drawn];
            for (let i = 0; i < 3; i += 1) {
                await frame();
                counts.push(drawn);
            }
            show();
            return [...counts, drawn];
        }"""
    )
    assert drawn[:3] == [1, 2, 2]
    assert drawn[-1] == 3
