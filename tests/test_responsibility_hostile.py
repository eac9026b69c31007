"""The tools of responsible use given what is none: files, scores, texts, noise, logits."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.responsibility import (
    DPSGD,
    Watermark,
    dp_epsilon,
    draw_secrets,
    exposure,
    inner_states,
    membership_auc,
    scene_tokenizer,
    text_log_probs,
    text_rows,
    train_rows,
    write_card,
)
from lessons_lib.responsibility.energy import (
    Energy,
    EnergyMeter,
    carbon,
    estimated_energy,
    metered_energy,
    write_energy,
)
from lessons_lib.training import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")

TOKENIZER = scene_tokenizer()
MODEL = Llama(LlamaConfig(len(TOKENIZER.vocab), 20, 8, 2, 1, 8))


def refused(cases):
    """Each message has its call, which must end in it."""
    for match, run in cases.items():
        with pytest.raises(ValueError, match=match):
            run()


# ---------------------------------------------------------------- cards

LOSS = '{"step": 1, "loss": 2.0'


def header(entries):
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text


CUT = header({"a": {"dtype": "F32", "shape": [9, 9], "data_offsets": [0, 324]}})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"[" * 100_000),
        ("config.json", b'{"model_type": "x", "vocab_size": NaN}'),
        ("config.json", b'{"model_type": "x", "vocab_size": 1' + b"0" * 400 + b"}"),
        ("config.json", b'{"model_type": "x", "vocab_size": true}'),
        ("model.safetensors", CUT),
        ("record.jsonl", b'{"step": 1, "loss": NaN}'),
        ("record.jsonl", f'{LOSS}, "seconds": Infinity}}'.encode()),
        ("record.jsonl", f'{LOSS}, "seconds": 1e300}}'.encode()),
        ("results.json", b"[1]"),
        ("results.json", b'{"minutes": 1e300}'),
        ("results.json", b'{"minutes": 1, "threads": 1' + b"0" * 400 + b"}"),
        ("energy.json", b'{"low": 0, "high": 1e300, "how": "meter"}'),
        ("facts.json", b'{"licence": "\\ud800"}'),
        ("config.json", None),
    ],
)
def test_files_that_are_not_whole_are_named(tmp_path, name, content):
    if content is None:
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"expected .*{name} to be whole, got"):
        write_card(tmp_path)
    assert not (tmp_path / "CARD.md").exists()


def test_a_text_stays_in_its_cell(tmp_path):
    said = {"licence": "a\r# b\u2028c\x0bd \\| e | <script>", "ask": ""}
    (tmp_path / "facts.json").write_text(json.dumps(said), encoding="utf-8")
    (tmp_path / "record.jsonl").write_text(
        f'{LOSS}, "note": "\u2028"}}\r\n\n{LOSS}}}\n', encoding="utf-8"
    )
    text = write_card(tmp_path).read_text(encoding="utf-8")
    assert "| a # b c d \\| e \\| &lt;script> |\n" in text
    assert "| Whom to ask | *not recorded* |" in text
    assert "| Training loss of the last step, nats per token | 2.000 |" in text


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"architectures": "LlamaForCausalLM"}, "LlamaForCausalLM"),
        ({"_class_name": "DiTTransformer2DModel"}, "DiTTransformer2DModel"),
    ],
)
def test_whatever_names_the_architecture(tmp_path, config, kind):
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert f"| Architecture | {kind} |" in write_card(tmp_path).read_text(encoding="utf-8")


def test_cards_of_nothing():
    refused(
        {
            "expected a folder, got None": lambda: write_card(None),
            "expected a folder, got ''": lambda: write_card(""),
            "expected a language among": lambda: write_card(".", ["en"]),
            "expected a grid among": lambda: write_card(".", "en", ["ES"]),
        }
    )


# ---------------------------------------------------------------- energy


def test_energy_beyond_all_bounds(tmp_path):
    refused(
        {
            "expected after": lambda: metered_energy(0, 1e308),
            "expected seconds": lambda: estimated_energy(1e308),
            "expected threads": lambda: estimated_energy(1, 10**305),
            "expected every": lambda: EnergyMeter(every=1e300),
            "expected an Energy, got None": lambda: write_energy(tmp_path, None),
            "expected low": lambda: write_energy(tmp_path, Energy(math.nan, 1.0, "meter")),
            "expected an Energy, got": lambda: carbon((1.0, 2.0, "meter")),
            "expected a grid among": lambda: carbon(Energy(1.0, 2.0, "meter"), ["ES"]),
        }
    )
    assert not list(tmp_path.iterdir())


def test_a_meter_reads_twice(tmp_path):
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    for name, text in (("name", "package-0"), ("energy_uj", "0"), ("max_energy_range_uj", "9")):
        (zone / name).write_text(text, encoding="ascii")
    meter = EnergyMeter(tmp_path)
    for joules in (1.0, 2.0):
        with meter:
            now = int((zone / "energy_uj").read_text(encoding="ascii"))
            (zone / "energy_uj").write_text(str(now + int(joules * 1e6)), encoding="ascii")
        assert meter.energy() == Energy(joules, joules, "counters")


# ---------------------------------------------------------------- privacy


def test_one_text_is_not_several():
    refused(
        {
            "expected several texts, got 'Ana'": lambda: text_log_probs(MODEL, TOKENIZER, "Ana"),
            "several texts, got None": lambda: text_log_probs(MODEL, TOKENIZER, None),
            "several texts, got 'abc'": lambda: exposure(MODEL, TOKENIZER, "a", "abc"),
            "several texts, got 'Ana was'": lambda: text_rows(TOKENIZER, "Ana was"),
            "several texts, got 'Ana w'": lambda: inner_states(MODEL, TOKENIZER, "Ana w"),
            "at least one text": lambda: text_rows(TOKENIZER, iter([])),
        }
    )
    texts = ["Ana was brave.", "Max was shy."]
    expected = text_log_probs(MODEL, TOKENIZER, texts)
    assert np.array_equal(text_log_probs(MODEL, TOKENIZER, iter(texts)), expected)


def test_scores_of_any_kind_of_number_and_of_none():
    expected = membership_auc([1.0, 2.0], [0.0, 1.0])
    one, other = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([0.0, 1.0])
    assert membership_auc(one, other) == expected
    assert membership_auc(one.bfloat16(), other.bfloat16()) == expected
    for wrong in (["1"], [1j], [[1], [1, 2]], [math.nan], None, iter([1.0])):
        with pytest.raises(ValueError, match="expected scores_in"):
            membership_auc(wrong, [0.0])


def test_epsilon_at_the_ends():
    """Where all take part, a step loses a / (2 noise^2) at the order a; fewer lose no more."""
    assert dp_epsilon(1e-200, 0.01, 1000, 1e-5) > 1e100
    assert 0 < dp_epsilon(1e200, 0.01, 1000, 1e-5) < 0.01
    around = [dp_epsilon(noise, 0.5, 10, 1e-5) for noise in (0.02, 0.011, 0.0099, 0.005, 1e-6)]
    assert around == sorted(around)
    assert around[2] == pytest.approx(around[1] * (0.011 / 0.0099) ** 2, rel=1e-2)
    assert dp_epsilon(1e-6, 0.5, 10, 1e-5) == pytest.approx(10 * 1.1 / 2 / 1e-12, rel=1e-3)
    with pytest.raises(ValueError, match="expected n_steps"):
        dp_epsilon(1.0, 0.01, 10**400, 1e-5)


def test_losses_that_no_weight_changes():
    one = [torch.ones(2)]

    def step(loss, model=None):
        return DPSGD(model or nn.Linear(2, 1), loss, 0.1, 1.0, 1.0, 2).step(one)

    def square(model, x):
        return model(x).square().sum()

    refused(
        {
            "weights that are trained": lambda: step(square, nn.Linear(2, 1).requires_grad_(False)),
            r"a loss \(\) that weights change, got 3": lambda: step(lambda model, x: 3.0),
            r"a loss \(\) that weights change": lambda: step(lambda model, x: x.sum()),
            r"expected a loss \(\)": lambda: step(lambda model, x: model(torch.stack([x, x]))),
        }
    )
    model = nn.Linear(2, 1)
    model.unused = nn.Parameter(torch.zeros(3))
    step(square, model)
    assert model.unused.detach().any()  # noise hides that it was not used


def test_seeds_of_numpy_and_rows_that_are_none():
    rows = text_rows(TOKENIZER, ["Ana was brave.", "Max was shy."])
    weights = []
    for seed in (3, np.int64(3)):
        torch.manual_seed(0)
        model = Llama(MODEL.config)
        weights.append(train_rows(model, rows, Recipe(n_steps=2, batch_size=2, seed=seed)))
    pairs = zip(*(model.parameters() for model in weights), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    refused(
        {
            "expected several texts": lambda: text_rows(TOKENIZER, 3),
            "expected repetitions": lambda: draw_secrets(0, "en", 3),
            "expected each": lambda: draw_secrets(0, "en", each=10**12),
        }
    )


# ---------------------------------------------------------------- watermark


def test_logits_and_tokens_that_are_none():
    mark, logits = Watermark(50), torch.zeros(50)
    refused(
        {
            "rows of token ids, got None": lambda: mark.process(None, logits),
            "rows of token ids, got 'ab'": lambda: mark.process("ab", logits),
            r"rows of token ids, got \[\[1\]": lambda: mark.process([[1], [1, 2]], logits),
            "floating-point logits, got ndarray": lambda: mark.process([1], logits.numpy()),
            "floating-point logits, got torch.int64": lambda: mark.process([1], logits.long()),
            "expected vocab_size": lambda: Watermark(10**12),
            "expected bias": lambda: Watermark(50, bias=1e39),
        }
    )


def test_slopes_go_through_a_watermark():
    logits = torch.zeros(2, 50, requires_grad=True)
    Watermark(50).process([[1], [2]], logits).sum().backward()
    assert (logits.grad == 1).all()
