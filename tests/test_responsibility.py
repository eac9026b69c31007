"""Privacy, personal data, watermark and card, against `transformers` and other people's numbers."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from transformers import WatermarkDetector, WatermarkingConfig
from transformers.configuration_utils import PretrainedConfig

from lessons_lib.corpus.stories import sample as sample_stories
from lessons_lib.gpt import GPT, GPTConfig
from lessons_lib.responsibility import (
    DPSGD,
    Watermark,
    dp_epsilon,
    exposure,
    find_personal_data,
    is_dni,
    is_iban,
    membership_auc,
    roc,
    text_log_probs,
    write_card,
)
from lessons_lib.responsibility.card import LINES, MISSING, SECTIONS, number
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import END, Recipe, Windows, story_losses, story_model, train
from tools.house import ROOT

# ----------------------------------------------------------------------------------------- exposure


class Fixed(nn.Module):
    """Gives the same logits whatever stands before."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(torch.as_tensor(logits))
        self.config = GPTConfig(len(logits), 16, 4, 1, 1)

    def forward(self, token_ids):
        return self.logits.expand(*token_ids.shape, -1)


@pytest.fixture(scope="module")
def letters():
    """A tokenizer of bytes, and a model that knows how often each stands."""
    tokenizer = BPETokenizer.train("a", 257, [END])
    logits = torch.full((257,), -20.0)
    logits[[ord("a"), ord("b"), ord("c")]] = torch.tensor([0.6, 0.3, 0.1]).log()
    return Fixed(logits), tokenizer


def test_probability_of_a_text_by_hand(letters):
    found = text_log_probs(*letters, ["a", "abc", "ba"])
    assert found == pytest.approx(np.log([0.6, 0.018, 0.18]), abs=1e-4)


def test_probability_of_a_text_is_that_of_the_story(one_thread):
    model, tokenizer = story_model("en")
    stories = sample_stories(5, 0, "en")
    end = text_log_probs(model, tokenizer, [story.text for story in stories], size=2)
    whole = -story_losses(model, tokenizer, stories).detach().numpy()
    assert end == pytest.approx(whole, abs=1e-3)  # that a story ends here costs nothing


def test_exposure_is_counted_from_the_top(letters):
    candidates = [x + y for x in "abc" for y in "ab"]  # aa ab ba bb ca cb, of which ab and ba tie
    found = [exposure(*letters, text, candidates) for text in ("aa", "ab", "bb", "ca", "cb")]
    assert found == pytest.approx([math.log2(6 / rank) for rank in (1, 3, 4, 5, 6)])


def test_what_was_not_seen_is_exposed_by_chance(letters):
    """The mean over all candidates is that of log2 (N / rank) for a rank of equal chances."""
    model, tokenizer = letters
    rng = np.random.default_rng(0)
    candidates = sorted({"".join(rng.choice([*"abc"], 6)) for _ in range(60)})
    mean = np.mean([exposure(model, tokenizer, text, candidates) for text in candidates])
    assert mean < 1.45


def test_training_exposes_what_is_repeated(one_thread):
    """A canary that stands sixteen times in a small text ends at the top of all of its form."""
    tokenizer = BPETokenizer.train("a", 257, [END])
    rng = np.random.default_rng(1)
    texts = ["code " + "".join(rng.choice([*"0123"], 4)) for _ in range(60)]
    canary = "code 3120"
    candidates = [
        f"code {a}{b}{c}{d}" for a in "0123" for b in "0123" for c in "0123" for d in "0123"
    ]
    found = []
    for n in (0, 16):
        torch.manual_seed(0)
        model = GPT(GPTConfig(257, 16, 32, 2, 1))
        whole = END.join(["", *(text for text in texts if text != canary), *[canary] * n, ""])
        data = Windows(tokenizer.encode(whole, allowed_special=[END]), 16)
        train(model, data, Recipe(n_steps=300, batch_size=16, lr=0.01, matrix_lr=None))
        found.append(exposure(model, tokenizer, canary, candidates))
    assert found[0] < 3
    assert found[1] == 8  # the most probable of 256


@pytest.mark.parametrize(
    ("canary", "candidates"),
    [("a", ["a"]), ("a", ["a", "a", "b"]), ("c", ["a", "b"]), ("", ["", "b"])],
)
def test_candidates_that_are_none(letters, canary, candidates):
    with pytest.raises(ValueError, match="expected"):
        exposure(*letters, canary, candidates)


def test_texts_that_are_too_long(letters):
    assert len(text_log_probs(*letters, ["a" * 16])) == 1
    with pytest.raises(ValueError, match="expected texts of at most 16 tokens, got 17"):
        text_log_probs(*letters, ["a" * 17])
    with pytest.raises(ValueError, match="at least one text"):
        text_log_probs(*letters, [])


# --------------------------------------------------------------------------------------- membership


def test_area_by_counting_pairs():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, 40), rng.integers(0, 5, 30)
    pairs = np.mean([(x > y) + 0.5 * (x == y) for x in a for y in b])
    auc, low, high = membership_auc(a, b)
    assert auc == pytest.approx(pairs)
    assert low < auc < high
    area = np.trapezoid(*roc(a, b).T[::-1])
    assert auc == pytest.approx(area)
    assert membership_auc(b, a) == pytest.approx((1 - auc, 1 - high, 1 - low))


def test_interval_holds_the_true_area_as_often_as_it_says():
    """Two normal distributions a standard deviation apart have the area Phi(1 / sqrt 2)."""
    rng = np.random.default_rng(0)
    true = 0.5 * (1 + math.erf(0.5))
    inside = 0
    for _ in range(400):
        _, low, high = membership_auc(rng.normal(1, 1, 30), rng.normal(0, 1, 30))
        inside += low < true < high
    assert 0.92 < inside / 400 < 0.98


def test_all_apart_is_not_certain():
    auc, low, high = membership_auc([5.0, 6.0, 7.0], [1.0, 2.0, 3.0])
    assert (auc, high) == (1, 1)
    assert 0.4 < low < 0.8


@pytest.mark.parametrize("bad", [[], [math.nan], [[1.0]], "ab"])
def test_scores_that_are_none(bad):
    for pair in ((bad, [1.0]), ([1.0], bad)):
        with pytest.raises(ValueError, match=r"expected scores|could not convert"):
            membership_auc(*pair)


# ----------------------------------------------------------------------------- differential privacy

ORACLE = json.loads((ROOT / "tests" / "oracles" / "privacy.json").read_text())


@pytest.mark.parametrize(("noise", "rate", "n_steps", "delta", "epsilon"), ORACLE["epsilon"])
def test_epsilon_is_that_of_opacus(noise, rate, n_steps, delta, epsilon):
    assert dp_epsilon(noise, rate, n_steps, delta) == pytest.approx(epsilon, abs=1e-6)


def test_epsilon_at_its_ends():
    assert dp_epsilon(1, 0, 100, 1e-5) == 0 == dp_epsilon(1, 0.1, 0, 1e-5)
    assert dp_epsilon(0, 0.1, 1, 1e-5) == math.inf
    one, more = (dp_epsilon(1, 0.1, n, 1e-5) for n in (10, 20))
    assert one < more < 2 * one


@pytest.mark.parametrize(
    "bad", [(-1, 0.1, 1, 0.1), (1, 1.1, 1, 0.1), (1, 0.1, 1.5, 0.1), (1, 0.1, 1, 0), (1, 0.1, 1, 1)]
)
def test_epsilon_of_what_is_none(bad):
    with pytest.raises(ValueError, match=r"expected .* got"):
        dp_epsilon(*bad)


def squares(model, example):
    """The squared error of a line."""
    return (model(example[:2]) - example[2]).square().sum()


def test_noiseless_steps_are_those_of_clipped_gradients():
    torch.manual_seed(0)
    model, other = nn.Linear(2, 1), nn.Linear(2, 1)
    other.load_state_dict(model.state_dict())
    examples = torch.randn(8, 3) * 3
    DPSGD(model, squares, 0.1, 0.0, 20.0, 4).step(examples)
    sums, lengths = torch.zeros(3), []
    for x1, x2, y in examples.tolist():  # by hand: the gradient of (w x + b - y)^2
        error = 2 * (other.weight[0].detach() @ torch.tensor([x1, x2]) + other.bias.detach() - y)
        gradient = error * torch.tensor([x1, x2, 1.0])
        lengths.append(gradient.norm().item())
        sums += gradient * min(1, 20 / lengths[-1])
    assert min(lengths) < 20 < max(lengths)  # short ones stay as they are
    moved = torch.cat([(other.weight - model.weight)[0], other.bias - model.bias])
    torch.testing.assert_close(moved, 0.1 * sums / 4)


def test_noise_has_the_size_that_is_asked_for():
    model = nn.Linear(2000, 1, bias=False)
    start = model.weight.detach().clone()
    optimizer = DPSGD(model, squares, 1.0, noise=3.0, longest=0.5, batch_size=10, seed=1)
    assert optimizer.step([]) == 0
    assert (model.weight - start).std().item() == pytest.approx(3.0 * 0.5 / 10, rel=0.05)


def test_no_example_moves_more_than_it_may():
    model = nn.Linear(2, 1)
    start = [p.detach().clone() for p in model.parameters()]
    DPSGD(model, squares, 1.0, 0.0, longest=0.25, batch_size=1).step(torch.tensor([[1e3, -1e3, 7]]))
    moved = math.sqrt(
        sum((p - q).square().sum().item() for p, q in zip(model.parameters(), start, strict=True))
    )
    assert moved == pytest.approx(0.25, rel=1e-4)


def test_an_example_without_a_gradient_is_refused():
    model = nn.Linear(2, 1)
    before = model.weight.detach().clone()
    with pytest.raises(ValueError, match="expected a finite gradient"):
        DPSGD(model, squares, 1.0, 1.0, 1.0, 1).step(torch.tensor([[math.nan, 0, 0]]))
    assert torch.equal(model.weight, before)


# ------------------------------------------------------------------------------------ personal data

PAGE = """Hola, soy la secretaría. Escriban a ana.perez+curso@correo.example.org, o a
(ventas@example.com). Teléfonos: 612 345 678, 612-34-56-78, +34 912345678, +52 55 1234 5678 y
+54 9 11 1234-5678. DNI 12345678Z, 12.345.678-z; NIE X1234567L. Falso: 12345678A, X1234567T.
IBAN ES91 2100 0418 4502 0005 1332, GB29NWBK60161331926819 y ES92 2100 0418 4502 0005 1332.
Pedido 123456789012, año 2026, precio 1.234.567,89 euros, versión 3.11.7, del 600 al 700.
"""


def test_page():
    found = [(span.kind, span.text) for span in find_personal_data(PAGE)]
    assert found == [
        ("email", "ana.perez+curso@correo.example.org"),
        ("email", "ventas@example.com"),
        ("telephone", "612 345 678"),
        ("telephone", "612-34-56-78"),
        ("telephone", "+34 912345678"),
        ("telephone", "+52 55 1234 5678"),
        ("telephone", "+54 9 11 1234-5678"),
        ("dni", "12345678Z"),
        ("dni", "12.345.678-z"),
        ("nie", "X1234567L"),
        ("iban", "ES91 2100 0418 4502 0005 1332"),
        ("iban", "GB29NWBK60161331926819"),
    ]
    for span in find_personal_data(PAGE):
        assert PAGE[span.start : span.end] == span.text


def test_every_dni_has_one_letter():
    for n in (0, 1, 22, 23, 99_999_999):
        assert sum(is_dni(f"{n:08}{letter}") for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 1
    # examples of the Spanish administration's own pages: 00000000T, 99999999R, X0000000T, Z9999999H
    assert all(map(is_dni, ["00000000T", "99999999R", "X0000000T", "Z9999999H"]))


@pytest.mark.parametrize(
    "iban",  # the examples of the IBAN registry of SWIFT
    ["DE89370400440532013000", "FR1420041010050500013M02606", "BR1800360305000010009795493C1",
     "GB29NWBK60161331926819", "CR05015202001026284066", "DO28BAGR00000001212453611324"],
)  # fmt: skip
def test_iban_of_the_registry(iban):
    assert is_iban(iban)
    for place in range(len(iban)):  # one wrong character is always noticed
        other = str((int(iban[place], 36) + 1) % (36 if iban[place].isalpha() else 10))
        assert not is_iban(iban[:place] + other + iban[place + 1 :])


def test_long_and_foreign_texts_take_no_time_and_find_nothing():
    for text in ("a" * 100_000, "1" * 100_000, "+1 " * 30_000, "a." * 50_000 + "@", "ES" * 50_000):
        assert len(find_personal_data(text)) < 2
    assert find_personal_data("שלום 你好 😀 ١٢٣٤٥٦٧٨٩") == []
    with pytest.raises(ValueError, match="text"):
        find_personal_data(None)


# ---------------------------------------------------------------------------------------- watermark


@pytest.mark.parametrize(("ratio", "bias", "key"), [(0.25, 2.0, 15485863), (0.5, 1.0, 7)])
def test_watermark_is_that_of_transformers(ratio, bias, key):
    config = WatermarkingConfig(greenlist_ratio=ratio, bias=bias, hashing_key=key)
    theirs = WatermarkDetector(PretrainedConfig(vocab_size=61, bos_token_id=61), "cpu", config)
    ours = Watermark(61, ratio, bias, key)
    rng = torch.Generator().manual_seed(0)
    ids, logits = torch.randint(61, (4, 30), generator=rng), torch.randn(4, 61, generator=rng)
    assert torch.equal(ours.process(ids, logits), theirs.processor(ids, logits))
    scores = theirs(ids, return_dict=True).z_score
    assert [ours.z_score(row) for row in ids] == pytest.approx(scores.tolist())


def draw(mark, n, rng):
    """Draw a text of equally probable tokens, marked or not."""
    ids = [0]
    for _ in range(n):
        logits = torch.zeros(mark.vocab_size)
        ids.append(torch.multinomial(mark.process(ids, logits).softmax(0), 1, generator=rng).item())
    return ids


def test_marked_texts_are_found_and_others_are_not():
    rng = torch.Generator().manual_seed(0)
    mark, none = Watermark(500), Watermark(500, bias=0)
    marked = [mark.z_score(draw(mark, 60, rng)) for _ in range(20)]
    plain = np.array([mark.z_score(draw(none, 60, rng)) for _ in range(200)])
    assert min(marked) > 4 > plain.max()
    assert abs(plain.mean()) < 0.25
    assert 0.85 < plain.std() < 1.15


@pytest.mark.parametrize(
    "bad", [{"ratio": 0}, {"ratio": 1}, {"bias": -1}, {"key": 0}, {"ratio": 0.01}]
)
def test_settings_that_are_none(bad):
    with pytest.raises(ValueError, match=r"expected .* got"):
        Watermark(10, **bad)


def test_texts_without_pairs():
    mark = Watermark(10)
    for bad in ([], [3], [3, 10], [-1, 2]):
        with pytest.raises(ValueError, match="expected"):
            mark.z_score(bad)
    for ids, logits in (([], torch.zeros(10)), ([1], torch.zeros(9)), ([[1]], torch.zeros(10))):
        with pytest.raises(ValueError, match="expected token ids"):
            mark.process(ids, logits)


# --------------------------------------------------------------------------------------------- card


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run that the command trained."""
    folder = tmp_path_factory.mktemp("run")
    command = [sys.executable, "-m", "lessons_lib.training", "--text", "stories", "--stories", "40"]
    sizes = [
        "--d-model",
        "16",
        "--n-layers",
        "1",
        "--n-heads",
        "2",
        "--steps",
        "3",
        "--out",
        folder,
    ]
    subprocess.run([*command, *map(str, sizes)], check=True, cwd=ROOT, capture_output=True)
    return folder


@pytest.mark.parametrize("language", ["en", "es"])
def test_card_says_what_the_run_wrote(run, language):
    path = write_card(run, language)
    text, record = path.read_text(encoding="utf-8"), (run / "record.jsonl").read_text().splitlines()
    last = json.loads(record[-1])
    words = LINES[language]
    for entry in (entry for entries in SECTIONS.values() for entry in entries):
        assert f"| {words[entry]} | " in text
    for entry, value in (
        ("steps", "3"),
        ("last", number(last["loss"], language, 3)),
        ("validation", number(last["validation"], language, 3)),
        ("vocabulary", number(1024, language)),
        ("source", "stories"),
        ("language", "en"),
        ("licence", MISSING[language]),
    ):
        assert f"| {words[entry]} | {value} |" in text
    from transformers import AutoModelForCausalLM

    n = sum(p.numel() for p in AutoModelForCausalLM.from_pretrained(run).parameters())
    assert f"| {words['parameters']} | {number(n, language)} |" in text


def test_card_says_what_the_author_adds(run, tmp_path):
    (tmp_path / "config.json").write_bytes((run / "config.json").read_bytes())
    (tmp_path / "facts.json").write_text(json.dumps({"licence": "CC BY | 4.0"}))
    text = write_card(tmp_path).read_text(encoding="utf-8")
    assert "| Licence or right to use it | CC BY \\| 4.0 |" in text
    assert f"| Steps | {MISSING['en']} |" in text
    assert "config.json, facts.json" in text


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("config.json", b"{"),
        ("config.json", b"[]"),
        ("config.json", b"{}"),
        ("record.jsonl", b'{"step": 1}\n'),
        ("record.jsonl", b"\xff\n"),
        ("record.jsonl", b"1\n"),
        ("model.safetensors", b"\xff" * 8),
        ("model.safetensors", b""),
        ("checkpoint.pt", b"nothing"),
        ("facts.json", b'{"colour": "red"}'),
        ("facts.json", b'{"licence": 3}'),
    ],
)
def test_broken_files_are_named(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=name):
        write_card(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_nothing_to_make_a_card_of(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ValueError, match="or some of them"):
            write_card(folder)
    with pytest.raises(ValueError, match="expected a language"):
        write_card(tmp_path, "fr")


def test_command(run):
    command = [sys.executable, "-m", "lessons_lib.responsibility", "card", str(run)]
    done = subprocess.run([*command, "--language", "es"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == str(run / "CARD.es.md")
    assert done.returncode == 0
    done = subprocess.run([*command[:-1], "nowhere"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: expected config.json")
