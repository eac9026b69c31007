"""DiT given what is none: folders of either kind, pictures, times, conditions, steps, seeds."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch

from lessons_lib.base.hub import write_folder
from lessons_lib.corpus.pictures import draw
from lessons_lib.corpus.pictures import sample as draw_scenes
from lessons_lib.dit import (
    Captions,
    DiT,
    DiTConfig,
    as_pictures,
    caption_condition,
    ddim_step,
    ddpm_schedule,
    ddpm_step,
    euler_step,
    flow_loss,
    flow_time,
    guided,
    heun_step,
    noisy,
    painter_batch,
    plane_waves,
    read_back,
    sample,
    seeded_noise,
    to_picture,
    to_velocity,
    train_painter,
    without,
)
from lessons_lib.training import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = {"image_size": 8, "patch_size": 4, "d_model": 16, "n_heads": 2, "n_layers": 2}
TOLD = DiTConfig(**SIZES, d_condition=12, n_waves=8)
LABELLED = DiTConfig(**SIZES, n_classes=5, n_waves=8)
THEIRS = replace(LABELLED, predicts="noise", path="ddpm", n_waves=256, qk_norm=False, patch_size=2)
SMALL = DiTConfig(d_model=16, n_heads=2, n_layers=1, d_condition=128, n_waves=8)
X = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
T = torch.tensor([0.25, 0.5])
LABELS = torch.tensor([1, 2])
NAN, META = math.nan, torch.device("meta")


def awake(config):
    torch.manual_seed(0)
    model = DiT(config)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return model.eval()


def captions(n=2, length=3):
    return Captions(
        torch.ones(n, 12), torch.ones(n, length, 12), torch.ones(n, length, dtype=torch.bool)
    )


def refused(cases):
    """Each message has its call, which must end in it."""
    for match, run in cases.items():
        with pytest.raises(ValueError, match=match):
            run()


# ---------------------------------------------------------------- folders

FILE = "diffusion_pytorch_model.safetensors"
CONVOLUTION = "pos_embed.proj.weight"


@pytest.fixture
def folder(tmp_path):
    awake(THEIRS).save_pretrained(tmp_path / "transformer")
    return tmp_path / "transformer"


def change(folder, edit=None, **entries):
    """Change tensors by a function, and entries of config.json."""
    path = folder / "config.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(found | entries), encoding="utf-8")
    if edit:
        tensors = safetensors.torch.load_file(folder / FILE)
        edit(tensors)
        safetensors.torch.save_file(tensors, folder / FILE)


@pytest.mark.parametrize("size", [60_000, 2**18, 2**24])
def test_absurd_sizes_ask_for_no_memory(folder, size):
    change(folder, sample_size=size)
    with pytest.raises(ValueError, match="16777216 numbers for the places of patches"):
        DiT.from_pretrained(folder)


def test_absurd_widths_ask_for_no_memory(folder):
    change(folder, attention_head_dim=2**19)
    with pytest.raises(ValueError, match="do not fit the model"):
        DiT.from_pretrained(folder)
    refused(
        {
            "expected n_steps": lambda: replace(THEIRS, n_steps=10**6),
            r"expected n \* n \* d_model": lambda: plane_waves(10**6, 64),
        }
    )


@pytest.mark.parametrize(
    ("edit", "entries"),
    [
        (None, {"patch_size": 1, "in_channels": 12, "sample_size": 4}),
        (lambda x: x.update({CONVOLUTION: x[CONVOLUTION].reshape(16, 12, 1, 1)}), {}),
        (lambda x: x.update({CONVOLUTION: x[CONVOLUTION].reshape(16, 3, 1, 4)}), {}),
        (lambda x: x.update({CONVOLUTION: x[CONVOLUTION].flatten(1)}), {}),
    ],
)
def test_patches_of_another_form_with_as_many_numbers(folder, edit, entries):
    """Taken as they come, they would be read in a wrong order."""
    change(folder, edit, **entries)
    with pytest.raises(ValueError, match=r"pos_embed.proj.weight: expected the shape \(D, C, "):
        DiT.from_pretrained(folder)


def test_an_embedder_that_a_layer_lacks_is_named(folder):
    part = "norm1.emb.timestep_embedder.linear_1.weight"
    change(folder, lambda x: x.pop(f"transformer_blocks.1.{part}"))
    with pytest.raises(ValueError, match=r"missing embedders.1.first.weight$"):
        DiT.from_pretrained(folder)


@pytest.mark.parametrize("name", ["transformer_blocks.0.weight", "embedders.0", "embedders.9.x"])
def test_surplus_tensors_are_named(folder, name):
    change(folder, lambda x: x.update({name: torch.zeros(1)}))
    with pytest.raises(ValueError, match=f"surplus {name}"):
        DiT.from_pretrained(folder)


def test_types_of_weights(folder):
    before = DiT.from_pretrained(folder)

    def store(dtype):
        return lambda x: x.update({name: tensor.to(dtype) for name, tensor in x.items()})

    for dtype in (torch.float64, torch.bfloat16):
        change(folder, store(dtype))
        again = DiT.from_pretrained(folder)
        assert again.config == before.config
        for one, other in zip(again.parameters(), before.parameters(), strict=True):
            assert one.dtype == torch.float32
            assert torch.equal(one, other.to(dtype).float())
    change(folder, store(torch.float8_e4m3fn))
    with pytest.raises(ValueError, match="expected floating-point numbers, got"):
        DiT.from_pretrained(folder)


@pytest.mark.parametrize("wrong", [None, 3, ""])
def test_what_is_no_folder(wrong):
    with pytest.raises(ValueError, match="expected a folder, got"):
        DiT.from_pretrained(wrong)


def test_the_older_name_of_such_models(folder):
    before = DiT.from_pretrained(folder)
    change(folder, _class_name="Transformer2DModel", num_vector_embeds=None)
    again = DiT.from_pretrained(folder)
    assert again.config == before.config
    steps = torch.tensor([3, 700])
    assert torch.equal(again(X, steps, LABELS), before(X, steps, LABELS))
    change(folder, norm_type="ada_norm_single")
    with pytest.raises(ValueError, match="expected a DiTTransformer2DModel"):
        DiT.from_pretrained(folder)


def test_the_scheduler_of_a_pipeline_says_what_is_predicted(folder):
    path = folder.parent / "scheduler" / "scheduler_config.json"
    path.parent.mkdir()
    usual = {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02}
    for entries, predicts, n_steps in (
        ({}, "noise", 1000),
        (usual | {"num_train_timesteps": 500, "prediction_type": "sample"}, "picture", 500),
    ):
        path.write_text(json.dumps(entries), encoding="utf-8")
        config = DiT.from_pretrained(folder).config
        assert (config.predicts, config.n_steps) == (predicts, n_steps)
    for entries, match in (
        ({"prediction_type": "v_prediction"}, "expected prediction_type among"),
        ({"beta_schedule": "squaredcos_cap_v2"}, "expected beta_schedule among"),
        ({"beta_end": 0.012}, "expected beta_end among"),
        ({"rescale_betas_zero_snr": True}, "expected rescale_betas_zero_snr"),
    ):
        path.write_text(json.dumps(entries), encoding="utf-8")
        with pytest.raises(ValueError, match=match):
            DiT.from_pretrained(folder)


def test_sizes_of_numpy_are_written(tmp_path):
    sizes = {name: np.int64(size) for name, size in SIZES.items()}
    model = DiT(DiTConfig(**sizes, n_classes=np.int64(3)))
    model.save_pretrained(tmp_path)
    assert DiT.from_pretrained(tmp_path).config == model.config


def test_what_json_cannot_hold_leaves_no_half_of_a_folder(tmp_path):
    with pytest.raises((TypeError, AttributeError)):
        write_folder(tmp_path / "new", {"size": object()}, {"x": torch.zeros(1)})
    assert not (tmp_path / "new").exists()


# ---------------------------------------------------------------- the network


def test_other_places_types_and_nothing_in_captions():
    model, labelled, said = awake(TOLD), awake(LABELLED), captions()
    away = Captions(*(part.to(META) for part in said))
    hole = said.words.clone()
    hole[0, 2] = NAN
    unread = said._replace(words=hole, real=said.real & torch.tensor([True, True, False]))
    refused(
        {
            "expected pictures on cpu, as the model": lambda: model(X.to(META), T, said),
            "expected times on cpu": lambda: model(X, T.to(META), said),
            "expected a condition on cpu, as the m": lambda: model(X, T, away),
            "a condition on cpu": lambda: labelled(X, T, LABELS.to(META)),
            "finite floating-point numbers": lambda: model(X, T, unread),
            "vectors of finite": lambda: model(X, T, said._replace(pooled=said.pooled * NAN)),
            "vectors of finite floating": lambda: model(X, T, Captions(*(p > 0 for p in said))),
            "'NoneType'": lambda: model(X, T, Captions(None, None, None)),
            "'list'": lambda: model(X, T, Captions([1.0], [1.0], [True])),
        }
    )
    wide = Captions(said.pooled.double(), said.words.double(), said.real)
    torch.testing.assert_close(model(X, T, wide), model(X, T, said))


def test_guidance_of_what_the_model_refuses():
    model, labelled, said = awake(TOLD), awake(LABELLED), captions()
    refused(
        {
            r"times of shape \(2,\) from 0 to 1, got 0.5": lambda: guided(model, X, 0.5, said, 2),
            "a tensor of floating-point": lambda: guided(model, X.numpy(), T, said, 2),
            "expected captions, got list": lambda: guided(model, X, T, ["a fox", "a hen"], 2),
            "expected captions, got Tensor": lambda: guided(model, X, T, LABELS, 2),
            r"vectors \(2, 12\)": lambda: guided(model, X, T, captions(3), 2),
            r"labels of shape \(2,\), integers, got C": lambda: guided(labelled, X, T, said, 2),
            r"labels of shape \(2,\), integers, got l": lambda: guided(labelled, X, T, [1, 2], 2),
        }
    )


def test_guidance_lets_slopes_through():
    model = awake(TOLD)
    guided(model, X, T, captions(), 2.0).square().mean().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_rows_that_are_none():
    said = captions()
    for rows in (torch.tensor([1, 0]), torch.tensor([True]), [True, False]):
        with pytest.raises(ValueError, match=r"expected rows \(2,\), booleans"):
            without(said, rows)


# ---------------------------------------------------------------- steps


def test_nothing_is_repeated_to_fill_a_batch():
    one, left = X[:1], ddpm_schedule(10)
    for run in (
        lambda: noisy(X, one, T),
        lambda: to_picture(one, X, T, "noise"),
        lambda: to_velocity(one, X, T, "velocity"),
        lambda: to_velocity(torch.cat([X, X], 1), X, T, "picture"),
        lambda: euler_step(X, one, 1.0, 0.5),
        lambda: heun_step(X, lambda x, t: X if t == 1 else one, 1.0, 0.5),
        lambda: ddpm_step(X, one, 5, 4, left),
        lambda: ddpm_step(X, X, 5, 4, left, noise=one),
        lambda: ddim_step(one, X, 5, 4, left),
        lambda: ddim_step(X, X, 5, 4, left, eta=0.5, noise=one),
    ):
        with pytest.raises(ValueError, match="of shape"):
            run()
    with pytest.raises(ValueError, match="expected floating-point numbers"):
        noisy((255 * X.abs()).byte(), X, T)


def test_heun_refuses_before_it_asks():
    with pytest.raises(ValueError, match="expected s"):
        heun_step(X, lambda x, t: pytest.fail("it was asked"), 0.5, 0.75)


@pytest.mark.parametrize("step", [ddpm_step, ddim_step])
def test_schedules_that_are_none(step):
    good = ddpm_schedule(10)
    for wrong in (good.tolist(), good.numpy(), good[:, None], torch.arange(10)):
        with pytest.raises(ValueError, match="expected a schedule as of ddpm_schedule"):
            step(X, X, 5, 4, wrong)
    for wrong in (good.flip(0), good * NAN, good * 0, torch.ones(10), 1 - good):
        with pytest.raises(ValueError, match="expected a schedule that falls between 1 and 0"):
            step(X, X, 5, 4, wrong)


def test_tables_without_an_end_or_with_nothing_left():
    refused(
        {
            "expected n_steps to be an integer from 1 to 10000": lambda: ddpm_schedule(10**9),
            "leave something and take something, got 0.5": lambda: ddpm_schedule(1000, first=0.5),
            "take something, got 1e-30": lambda: ddpm_schedule(3, first=1e-30, last=1e-20),
            r"from 0 to 1, got tensor\(\[nan": lambda: flow_time(torch.tensor([NAN])),
            "from 0 to 1, got tensor": lambda: flow_time(torch.tensor([0.5, -1.0])),
            "the numbers of the shape": lambda: seeded_noise((10**12,), 0),
            "expected a shape, such as": lambda: seeded_noise(3, 0),
        }
    )


def test_all_noise_may_be_fresh():
    """From the noise to the last step but one, as good as nothing of the old noise stays."""
    left = ddpm_schedule(1000, "cosine")
    found = ddim_step(X, X, 999, 0, left, eta=1.0, noise=X.flip(0))
    assert found.isfinite().all()
    expected = ddpm_step(X, X, 999, 0, left, noise=X.flip(0))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3 * expected.abs().max().item())


# ---------------------------------------------------------------- sampling


@pytest.mark.parametrize("sampler", ["euler", "ddpm"])
@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.uint32, np.int64, torch.tensor])
def test_seeds_of_any_kind_of_integer(sampler, kind):
    model, said = awake(TOLD), captions()
    expected = sample(model, said, 2, seed=7, sampler=sampler)
    assert torch.equal(sample(model, said, 2, seed=kind(7), sampler=sampler), expected)


def test_what_cannot_be_sampled():
    model, labelled, said = awake(TOLD), awake(LABELLED), captions()
    broken = awake(TOLD)
    with torch.no_grad():
        broken.output.bias.fill_(NAN)
    for seed in (-1, 2**32, 1.5, None):
        for noise in (None, X):
            with pytest.raises(ValueError, match="expected seed"):
                sample(model, said, 2, seed=seed, sampler="ddpm", noise=noise)
    refused(
        {
            "steps to be an integer from 1 to 10000": lambda: sample(model, said, 10**6),
            "noise for 2 pictures, got 1": lambda: sample(model, said, 2, noise=X[:1]),
            "floating-point pictures": lambda: sample(model, said, 2, noise=X.byte()),
            "expected noise on cpu": lambda: sample(model, said, 2, noise=X.to(META)),
            r"labels of shape \(1,\), integers, got int": lambda: sample(labelled, 3, 2),
            r"integers, got torch.int64 \(\)": lambda: sample(labelled, LABELS[0], 2),
            r"integers, got torch.int64 \(0,\)": lambda: sample(labelled, LABELS[:0], 2),
            "'NoneType'": lambda: sample(model, Captions(None, None, None), 2),
            "after step 1 of 2.*guidance of 1e": lambda: sample(model, said, 2, 1e38),
            "after step 1 of 1": lambda: sample(broken, said, 1),
        }
    )


def test_what_was_sampled_can_be_worked_with():
    found = sample(awake(TOLD), captions(), 2)
    found += 0.0
    awake(TOLD)(found, T, captions()).sum().backward()


# ---------------------------------------------------------------- pictures, captions, learning


def test_pictures_that_are_none():
    refused(
        {
            "expected finite numbers, got nan": lambda: as_pictures(X * NAN),
            "finite numbers, got inf": lambda: as_pictures(X.abs() * math.inf),
            "got torch.uint8": lambda: as_pictures(X.byte()),
            "got ndarray": lambda: as_pictures(X.numpy()),
        }
    )
    scenes = draw_scenes(2, 0)
    pictures = np.stack([draw(scene) for scene in scenes])
    refused(
        {
            "several scenes, got NoneType": lambda: read_back(None, pictures),
            "several scenes, got list_it": lambda: read_back(iter(scenes), pictures),
            "several pictures, got NoneType": lambda: read_back(scenes, None),
        }
    )


def test_captions_from_whatever_yields_them():
    both = ["a red ball", "un zorro"]
    expected = caption_condition(both)
    for kind in (tuple, iter, np.array):
        found = caption_condition(kind(both))
        assert all(map(torch.equal, found, expected))
    for wrong in (None, 3, iter([])):
        with pytest.raises(ValueError, match="a sequence of captions"):
            caption_condition(wrong)


def test_lessons_that_are_none():
    model, labelled, said = awake(TOLD), awake(LABELLED), captions()
    draws = torch.Generator().manual_seed(0)
    refused(
        {
            "a tensor of floating-point": lambda: flow_loss(model, X.byte(), said, draws),
            "expected captions, got list": lambda: flow_loss(model, X, ["a fox"] * 2, draws),
            r"vectors \(2, 12\)": lambda: flow_loss(model, X, captions(3), draws),
            "expected captions, got Tensor": lambda: flow_loss(model, X, LABELS, draws),
            r"labels of shape \(2,\)": lambda: flow_loss(labelled, X, LABELS[:1], draws),
            "expected languages, such as": lambda: painter_batch(2, 0, "en"),
            r"got \[\]": lambda: painter_batch(2, 0, []),
        }
    )


def test_trainings_that_cannot_go_on():
    fixed = DiT(SMALL).requires_grad_(False)
    one = Recipe(n_steps=4, batch_size=2)
    wild = replace(one, lr=1e30, matrix_lr=1e30, warm_up=0.0)
    refused(
        {
            "weights can all learn": lambda: train_painter(fixed, one),
            "expected a finite loss, got .* at step": lambda: train_painter(DiT(SMALL), wild),
            "expected seed": lambda: train_painter(DiT(SMALL), replace(one, seed=2**70)),
        }
    )


def test_trainings_with_seeds_of_numpy():
    losses = []
    for seed in (20, np.int64(20)):
        torch.manual_seed(0)
        losses.append(train_painter(DiT(SMALL), Recipe(n_steps=2, batch_size=2, seed=seed)))
    assert losses[0] == losses[1]
