"""DiT beside `diffusers`' numbers, its parts beside torch and beside numbers worked by hand."""

import json
import math
import os
from dataclasses import replace
from functools import partial
from itertools import pairwise

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports that read it

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F

from lessons_lib.corpus.pictures import Scene, Thing, draw, read
from lessons_lib.corpus.pictures import sample as draw_scenes
from lessons_lib.dit import (
    Captions,
    DiT,
    DiTBlock,
    DiTConfig,
    as_input,
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
    modulate,
    noisy,
    painter_batch,
    painter_rate,
    patchify,
    plane_waves,
    random_times,
    read_back,
    sample,
    seeded_noise,
    time_waves,
    to_picture,
    to_velocity,
    train_painter,
    unpatchify,
    without,
)
from lessons_lib.dit.files import to_hub_dit
from lessons_lib.dit.learning import follow_weights, make_painter_optimizers
from lessons_lib.dit.sampling import to_parts
from lessons_lib.intro import random_bits
from lessons_lib.training import AdamW, Muon, Recipe
from tools import dit_oracle as oracle

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = {"image_size": 8, "patch_size": 4, "d_model": 16, "n_heads": 2, "n_layers": 2}
TOLD = DiTConfig(**SIZES, d_condition=12, n_waves=8)
LABELLED = DiTConfig(**SIZES, n_classes=5, n_waves=8, predicts="noise", path="ddpm", n_steps=50)


def awake(config, seed=0):
    """A model whose gates are open: with the weights of the start it answers zero."""
    torch.manual_seed(seed)
    model = DiT(config)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return model.eval().requires_grad_(False)


def some_captions(n=2, length=3, width=12, seed=0):
    draws = torch.Generator().manual_seed(seed)
    pooled, words = (torch.randn(*s, generator=draws) for s in ((n, width), (n, length, width)))
    real = torch.arange(length)[None] < torch.tensor([length - i % 2 for i in range(n)])[:, None]
    return Captions(pooled, words, real)


def some_pictures(n=2, size=8, seed=1):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


HALVES = torch.tensor([0.25, 0.5])


# ---------------------------------------------------------------- beside diffusers


@pytest.fixture(scope="module")
def theirs():
    return json.loads(oracle.FILE.read_text(encoding="utf-8"))


@pytest.fixture(params=oracle.MODELS)
def pair(request, theirs, tmp_path):
    """Ours, read from a folder as diffusers writes it, and what diffusers computed with it."""
    sizes, shared = oracle.MODELS[request.param]
    found = theirs["models"][request.param]
    tensors = oracle.weights(found["shapes"], shared)
    safetensors.torch.save_file(tensors, tmp_path / "diffusion_pytorch_model.safetensors")
    entries = {"_class_name": "DiTTransformer2DModel", "_diffusers_version": "0.42.1", **sizes}
    (tmp_path / "config.json").write_text(json.dumps(entries), encoding="utf-8")
    return DiT.from_pretrained(tmp_path), found, sizes, shared


def test_forward_and_slopes_equal_those_of_diffusers(pair):
    ours, found, sizes, shared = pair
    assert ours.config.one_embedder == shared
    x, t, labels, noise = oracle.model_inputs(sizes)
    said = ours(x, t, labels)
    expected = torch.tensor(found["said"]).view(said.shape)
    torch.testing.assert_close(said, expected, rtol=1e-6, atol=1e-5)
    loss = (said - noise).square().mean()
    assert loss.item() == pytest.approx(found["loss"], rel=1e-5)
    loss.backward()
    slopes = to_hub_dit({name: p.grad for name, p in ours.named_parameters()}, ours.config)
    assert slopes.keys() == found["slopes"].keys()
    for name, slope in slopes.items():
        if shared and ".emb." in name:  # there, each layer keeps its own part of this slope
            if "blocks.0." not in name:
                continue
            parts = [value for key, value in found["slopes"].items() if key[20:] == name[20:]]
            first = np.sum([part[1:] for part in parts], 0)
        else:
            length, *first = found["slopes"][name]
            assert slope.norm().item() == pytest.approx(length, rel=1e-4, abs=1e-5), name
        ours_first = slope.flatten()[:3]
        np.testing.assert_allclose(ours_first, first, rtol=1e-4, atol=1e-5, err_msg=name)


def test_saved_folders_are_those_of_diffusers(pair, tmp_path):
    ours, found, sizes, shared = pair
    folder = tmp_path / "again"
    ours.save_pretrained(folder)
    entries = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert entries["_class_name"] == "DiTTransformer2DModel"
    unused = {"norm_num_groups"}
    assert all(entries[name] == value for name, value in sizes.items() if name not in unused)
    tensors = safetensors.torch.load_file(folder / "diffusion_pytorch_model.safetensors")
    expected = oracle.weights(found["shapes"], shared)
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], expected[name]) for name in tensors)


def test_steps_of_tables_equal_those_of_diffusers(theirs):
    x, said, _, fresh = oracle.step_inputs()
    rows = [table for table in oracle.TABLES for _ in oracle.PLACES]
    for (kind, first, last, predicts, clip, n, _, eta), row in zip(
        rows, theirs["tables"], strict=True
    ):
        left = ddpm_schedule(n, kind, first, last)
        now, before = row["now"], row["before"]
        np.testing.assert_allclose(left[[0, now, -1]], row["left"], rtol=1e-6)
        one = ddpm_step(x, said, now, before, left, predicts, fresh, clip)
        two = ddim_step(x, said, now, before, left, predicts, eta, fresh, clip)
        for name, step in (("ddpm", one), ("ddim", two)):
            expected = torch.tensor(row[name]).view(x.shape)
            room = 1e-6 * max(1.0, expected.abs().max().item())  # as near as 32 bits are there
            torch.testing.assert_close(step, expected, rtol=0, atol=room, msg=f"{name} {row}")


def test_steps_of_the_flow_equal_those_of_diffusers(theirs):
    x, one, two, _ = oracle.step_inputs()
    for (t, s), step in zip(pairwise([*oracle.SIGMAS, 0.0]), theirs["flow"]["euler"], strict=True):
        expected = torch.tensor(step).view(x.shape)
        torch.testing.assert_close(euler_step(x, one, t, s), expected, rtol=0, atol=1e-6)
    for row in theirs["flow"]["heun"]:
        velocities, (t, s) = iter([one, two]), row["times"]
        asked = []

        def velocity_at(mixture, time, velocities=velocities, asked=asked):
            asked.append(mixture)
            return next(velocities)

        found = heun_step(x, velocity_at, t, s)
        for mine, name in ((asked[1], "ahead"), (found, "then")):
            expected = torch.tensor(row[name]).view(x.shape)
            torch.testing.assert_close(mine, expected, rtol=0, atol=1e-6)


# ---------------------------------------------------------------- the network's parts


@pytest.mark.parametrize(
    ("shape", "size"), [((2, 3, 8, 8), 4), ((1, 4, 6, 6), 3), ((1, 1, 5, 5), 1)]
)
def test_patches_go_out_and_come_back(shape, size):
    x = torch.rand(shape)
    cut = patchify(x, size)
    theirs = F.unfold(x, size, stride=size).transpose(1, 2)  # channels first within a patch
    theirs = theirs.unflatten(-1, (shape[1], size**2)).transpose(-1, -2).flatten(-2)
    assert torch.equal(cut, theirs)
    assert torch.equal(unpatchify(cut, size), x)


@pytest.mark.parametrize("shape", [(1, 3, 12), (1, 4, 10), (4, 12), (1, 0, 12), (1, 4, 0)])
def test_what_fills_no_square_picture_is_refused(shape):
    with pytest.raises(ValueError, match="expected patches"):
        unpatchify(torch.zeros(shape), 2)


@pytest.mark.parametrize(("shape", "size"), [((3, 8, 8), 4), ((1, 3, 8, 8), 3), ((1, 3, 8, 8), 0)])
def test_pictures_that_patches_do_not_fill(shape, size):
    with pytest.raises(ValueError, match="expected"):
        patchify(torch.zeros(shape), size)


def test_waves_by_hand():
    t = torch.tensor([0.0, 3.0, 700.0])
    found = time_waves(t, 6)
    for row, time in zip(found.tolist(), t.tolist(), strict=True):
        angles = [time * 10_000 ** (-i / 2) for i in range(3)]
        expected = [math.cos(a) for a in angles] + [math.sin(a) for a in angles]
        np.testing.assert_allclose(row, expected, atol=1e-4)  # an angle of 700 has 4 decimals
    with pytest.raises(ValueError, match="an even n, got 5"):
        time_waves(t, 5)
    with pytest.raises(ValueError, match=r"shape \(B,\)"):
        time_waves(t[:, None], 6)


def test_places_by_hand():
    """The vector of row 2 and column 1: its first half knows the column alone."""
    found = plane_waves(3, 8)[2 * 3 + 1]
    expected = [f(p * w) for p in (1, 2) for f in (math.sin, math.cos) for w in (1, 0.01)]
    np.testing.assert_allclose(found, expected, atol=1e-7)
    with pytest.raises(ValueError, match="divisible by 4"):
        plane_waves(3, 6)


def test_modulation_by_hand():
    x = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    found = modulate(x, torch.tensor([[1.0, 0.0]]), torch.tensor([[-1.0, 0.5]]))
    assert torch.equal(found, torch.tensor([[[1.0, 3.0], [1.0, 6.0]]]))


def test_a_block_begins_as_the_identity():
    """adaLN-zero: the gates are shut, whatever the time and the condition."""
    torch.manual_seed(0)
    model = DiT(TOLD)
    x, c = torch.randn(2, 5, 16), torch.randn(2, 16)
    mask = torch.ones(5, 5, dtype=torch.bool)
    for block in model.blocks:
        assert isinstance(block, DiTBlock)
        assert torch.equal(block(x, c, mask), x)
    assert not model(some_pictures(), HALVES, some_captions()).any()
    with torch.no_grad():
        model.blocks[0].modulation.weight.normal_()
    assert not torch.equal(model.blocks[0](x, c, mask), x)


def test_each_gate_opens_its_own_part():
    """With one of the six maps of the modulation alone, the block does what that one is for."""
    torch.manual_seed(0)
    block, x, c = DiT(TOLD).blocks[0], torch.randn(1, 3, 16), torch.zeros(1, 16)
    mask = torch.ones(3, 3, dtype=torch.bool)
    normed = F.layer_norm(x, (16,), eps=1e-6)
    with torch.no_grad():
        for part, expected in {
            0: x,  # shift without its gate
            2: x + block.attention(normed, mask),
            5: x + block.feed_forward(F.layer_norm(x, (16,), eps=1e-5)),
        }.items():
            block.modulation.bias.zero_().view(6, 16)[part] = 1
            torch.testing.assert_close(block(x, c, mask), expected, rtol=0, atol=1e-6)


def test_padding_and_missing_captions_change_nothing():
    model, said, x = awake(TOLD), some_captions(), some_pictures()
    longer = Captions(
        said.pooled,
        torch.cat([said.words, 9 * torch.ones(2, 2, 12)], 1),
        torch.cat([said.real, torch.zeros(2, 2, dtype=torch.bool)], 1),
    )
    out = model(x, HALVES, said)
    torch.testing.assert_close(model(x, HALVES, longer), out, rtol=0, atol=1e-5)
    nothing = model(x, HALVES, None)
    torch.testing.assert_close(model(x, HALVES, without(said)), nothing, rtol=0, atol=1e-5)
    assert (out - nothing).abs().max() > 1e-2
    rows = without(said, torch.tensor([True, False]))
    half = model(x, HALVES, rows)
    torch.testing.assert_close(half[0], nothing[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(half[1], out[1], rtol=0, atol=1e-5)


def test_each_picture_is_painted_on_its_own():
    model, said, x = awake(TOLD), some_captions(), some_pictures()
    both = model(x, HALVES, said)
    for i in range(2):
        alone = Captions(*(part[i : i + 1] for part in said))
        one = model(x[i : i + 1], HALVES[i : i + 1], alone)
        torch.testing.assert_close(one[0], both[i], rtol=0, atol=1e-5)
    words = said._replace(words=said.words.flip(1), real=torch.ones_like(said.real))
    assert (model(x, HALVES, words) - both).abs().max() > 1e-3  # words count


def test_half_the_bits_say_nearly_the_same():
    for config, t, said in (
        (TOLD, HALVES, some_captions()),
        (LABELLED, torch.tensor([0, 49]), torch.tensor([1, 2])),
    ):
        model, x = awake(config), some_pictures()
        whole, half = model(x, t, said), model.bfloat16()(x, t, said)
        assert half.dtype == torch.bfloat16
        assert (half.float() - whole).abs().mean() < 0.05 * whole.abs().mean()


def test_labels_say_what_to_paint():
    model, x, t = awake(LABELLED), some_pictures(), torch.tensor([0, 49])
    one, other = (model(x, t, torch.tensor([label, label])) for label in (1, 2))
    assert (one - other).abs().max() > 1e-2
    none = torch.tensor([5, 5])
    assert torch.equal(model(x, t, None), model(x, t, none))


def test_inputs_that_are_none():
    told, labelled = awake(TOLD), awake(LABELLED)
    x, said = some_pictures(), some_captions()
    ones = torch.tensor([1, 2])
    for match, run in {
        r"shape \(B, 3, 8, 8\)": lambda: told(torch.zeros(2, 4, 8, 8), HALVES, said),
        "floating-point pictures": lambda: told(x.int(), HALVES, said),
        "finite numbers": lambda: told(x * math.nan, HALVES, said),
        "from 0 to 1, got 1.25": lambda: told(x, HALVES + 1, said),
        "from 0 to 1, got nan": lambda: told(x, HALVES * math.nan, said),
        r"times of shape \(2,\)": lambda: told(x, torch.tensor([0.5]), said),
        "expected captions, got Tensor": lambda: told(x, HALVES, ones),
        r"vectors \(2, 12\)": lambda: told(x, HALVES, some_captions(3)),
        "booleans": lambda: told(x, HALVES, said._replace(real=said.real.float())),
        "steps of shape": lambda: labelled(x, HALVES, ones),
        "steps from 0 to 49, got 50": lambda: labelled(x, torch.tensor([0, 50]), ones),
        "labels from 0 to 5, got 6": lambda: labelled(x, ones, torch.tensor([0, 6])),
        r"labels of shape \(2,\)": lambda: labelled(x, ones, said),
    }.items():
        with pytest.raises(ValueError, match=match):
            run()


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"patch_size": 3}, "divisible by patch_size"),
        ({"d_model": 18}, "divisible by 4"),
        ({"n_waves": 9}, "even n_waves"),
        ({"n_heads": 3}, "divisible by n_heads"),
        ({"n_classes": 3}, "not both"),
        ({"d_condition": None}, "n_classes or d_condition"),
        ({"predicts": "score"}, "expected predicts among"),
        ({"path": "ode"}, "expected a path among"),
        ({"qk_norm": 1}, "True or False"),
        ({"out_channels": 2}, "expected out_channels"),
    ],
)
def test_sizes_that_are_none(changed, match):
    with pytest.raises(ValueError, match=match):
        replace(TOLD, **changed)


# ---------------------------------------------------------------- the path


def test_the_path_by_hand():
    x, noise = torch.tensor([[[2.0]], [[2.0]]]), torch.tensor([[[-1.0]], [[-1.0]]])
    assert noisy(x, noise, torch.tensor([0.0, 1.0])).flatten().tolist() == [2.0, -1.0]
    mixed = noisy(x, noise, HALVES)
    assert mixed.flatten().tolist() == [1.25, 0.5]
    with pytest.raises(ValueError, match="noise of shape"):
        noisy(x, noise[:1], HALVES)
    with pytest.raises(ValueError, match="from 0 to 1"):
        noisy(x, noise, torch.tensor([0.0, 2.0]))


@pytest.mark.parametrize("predicts", ["picture", "velocity", "noise"])
def test_one_of_the_three_says_the_others(predicts):
    x, noise = some_pictures(seed=2).double(), some_pictures(seed=3).double()
    t = HALVES.double()
    said = {"picture": x, "velocity": noise - x, "noise": noise}[predicts]
    mixed = noisy(x, noise, t)
    torch.testing.assert_close(to_picture(said, mixed, t, predicts), x)
    torch.testing.assert_close(to_velocity(said, mixed, t, predicts), noise - x)
    for end in (torch.zeros(2), torch.ones(2)):
        for change in (to_picture, to_velocity):
            assert change(said, mixed, end.double(), predicts).isfinite().all()
    for change in (to_picture, to_velocity):
        with pytest.raises(ValueError, match="expected predicts among"):
            change(said, mixed, t, "score")


@pytest.mark.parametrize("kind", ["linear", "scaled_linear", "cosine"])
def test_schedules_fall_from_nearly_all_to_nearly_nothing(kind):
    left = ddpm_schedule(1000, kind, *((0.00085, 0.012) if kind == "scaled_linear" else ()))
    assert (left.diff() < 0).all()
    assert left[0] > 0.99
    assert 0 <= left[-1] < 0.01
    times = flow_time(left)
    assert (times.diff() > 0).all()
    assert times[0] > 0
    assert times[-1] <= 1


def test_schedules_by_hand_and_what_is_none():
    expected = [0.9, 0.9 * 0.7, 0.9 * 0.7 * 0.5]
    np.testing.assert_allclose(ddpm_schedule(3, first=0.1, last=0.5), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="expected a schedule among"):
        ddpm_schedule(3, "sigmoid")


@pytest.mark.parametrize("predicts", ["picture", "velocity", "noise"])
def test_both_views_are_one_path(predicts):
    """A DDPM mixture, divided by its sizes, is the flow's; what is said of it means the same."""
    x, noise = some_pictures(seed=2).double(), some_pictures(seed=3).double()
    left = torch.tensor(0.37, dtype=torch.float64)
    a, b = left.sqrt(), (1 - left).sqrt()
    mixed = a * x + b * noise
    t = flow_time(left).expand(2)
    torch.testing.assert_close(mixed / (a + b), noisy(x, noise, t))
    said = {"picture": x, "velocity": noise - x, "noise": noise}[predicts]
    for found, true in zip(to_parts(said, mixed, left, predicts), (x, noise), strict=True):
        torch.testing.assert_close(found, true)


def test_noise_of_a_seed():
    """By hand from the numbers of `random_bits`; normal; another seed is another noise."""
    bits = random_bits(7)
    u, w = ((next(bits) + 0.5) / 2**32 for _ in range(2))
    far, turn = math.sqrt(-2 * math.log(u)), 2 * math.pi * w
    first = [far * math.cos(turn), far * math.sin(turn)]
    np.testing.assert_allclose(seeded_noise((2,), 7), first, rtol=1e-6)
    many = seeded_noise((3, 50, 41), 0)
    assert many.shape == (3, 50, 41)
    assert many.dtype == torch.float32
    assert abs(many.mean()) < 0.05
    assert abs(many.std() - 1) < 0.05
    assert abs((many.flatten()[1:] * many.flatten()[:-1]).mean()) < 0.05
    assert torch.equal(many, seeded_noise((3, 50, 41), 0))
    assert not torch.equal(many, seeded_noise((3, 50, 41), 1))
    assert torch.equal(seeded_noise((3,), 5), seeded_noise((4,), 5)[:3])


# ---------------------------------------------------------------- guidance and steps


def test_guidance_of_one_is_the_model_and_of_none_does_not_listen():
    model, said, x = awake(TOLD), some_captions(), some_pictures()
    heard, unheard = model(x, HALVES, said), model(x, HALVES, None)
    assert torch.equal(guided(model, x, HALVES, said, 1), heard)
    assert torch.equal(guided(model, x, HALVES, said), heard)
    deaf = guided(model, x, HALVES, said, 0)
    torch.testing.assert_close(deaf, unheard, rtol=0, atol=1e-5)
    more = guided(model, x, HALVES, said, 3)
    torch.testing.assert_close(more, unheard + 3 * (heard - unheard), rtol=0, atol=1e-4)
    for wrong in (-0.1, math.nan, math.inf, "2"):
        with pytest.raises(ValueError, match="expected guidance"):
            guided(model, x, HALVES, said, wrong)
    with pytest.raises(ValueError, match="a condition to follow"):
        guided(model, x, HALVES, None, 2)


def test_guidance_with_labels():
    model, x, t = awake(LABELLED), some_pictures(), torch.tensor([3, 40])
    labels = torch.tensor([1, 4])
    heard, unheard = model(x, t, labels), model(x, t, None)
    found = guided(model, x, t, labels, 2.5)
    torch.testing.assert_close(found, unheard + 2.5 * (heard - unheard), rtol=0, atol=1e-4)


def test_steps_of_the_flow_by_hand():
    x, v = torch.tensor([2.0]), torch.tensor([4.0])
    assert euler_step(x, v, 0.5, 0.25).item() == 1.0
    seen = []

    def falling(mixture, t):
        seen.append((mixture.item(), t))
        return torch.tensor([8 * t])

    assert heun_step(x, falling, 0.5, 0.25).item() == 2 - 0.25 * (4 + 2) / 2
    assert seen == [(2.0, 0.5), (1.0, 0.25)]
    assert heun_step(x, falling, 0.5, 0.0).item() == 2 - 0.5 * 4
    assert len(seen) == 3  # asked once on the way to 0
    for t, s in ((0.5, 0.5), (0.5, 0.6), (1.5, 0.5), (0.5, -0.1)):
        with pytest.raises(ValueError, match="expected"):
            euler_step(x, v, t, s)


def test_heun_is_of_second_order():
    """For x' = x, halving the steps divides Heun's error by 4, Euler's by 2."""
    errors = {}
    for n in (20, 40):
        euler = heun = torch.ones(1, dtype=torch.float64)
        for i in range(n):
            t, s = 1 - i / (2 * n), 1 - (i + 1) / (2 * n)
            euler = euler_step(euler, euler, t, s)
            heun = heun_step(heun, lambda x, t: x, t, s)
        errors[n] = [abs(x.item() - math.exp(-0.5)) for x in (euler, heun)]
    ratios = [a / b for a, b in zip(errors[20], errors[40], strict=True)]
    assert ratios[0] == pytest.approx(2, abs=0.1)
    assert ratios[1] == pytest.approx(4, abs=0.2)


@pytest.mark.parametrize("step", [ddim_step, ddpm_step])
def test_the_last_step_is_the_picture(step):
    x, picture = some_pictures(), some_pictures(seed=5)
    found = step(x, picture, 30, -1, ddpm_schedule(50), "picture", noise=some_pictures(seed=6))
    torch.testing.assert_close(found, picture, rtol=0, atol=1e-6)
    clipped = step(x, 3 * picture, 30, -1, ddpm_schedule(50), "picture", clip=True)
    torch.testing.assert_close(clipped, (3 * picture).clamp(-1, 1), rtol=0, atol=1e-6)
    for now, before in ((50, 3), (-1, -2), (5, 5), (5, 7), (2.5, 1)):
        with pytest.raises(ValueError, match="expected"):
            step(x, picture, now, before, ddpm_schedule(50))


def test_ddim_is_exact_where_the_noise_is_known():
    """One leap equals many small steps, and both stay on the path."""
    left, x, noise = ddpm_schedule(50).double(), some_pictures().double(), some_pictures(2, 8, 4)
    mix = lambda i: left[i] ** 0.5 * x + (1 - left[i]) ** 0.5 * noise  # noqa: E731
    leap = ddim_step(mix(49), noise, 49, 10, left)
    torch.testing.assert_close(leap, mix(10))
    slow = mix(49)
    for now in range(49, 10, -1):
        slow = ddim_step(slow, noise, now, now - 1, left)
    torch.testing.assert_close(slow, leap)
    with pytest.raises(ValueError, match="fresh noise for an eta"):
        ddim_step(x, noise, 20, 10, left, eta=0.5)


def test_ddim_with_all_fresh_noise_is_ddpm():
    x, said, fresh = (some_pictures(seed=i).double() for i in range(3))
    left = ddpm_schedule(50).double()
    one = ddim_step(x, said, 30, 20, left, eta=1.0, noise=fresh)
    torch.testing.assert_close(one, ddpm_step(x, said, 30, 20, left, noise=fresh))


class Knows:
    """Says what is asked of one picture that it knows, from any mixture."""

    def __init__(self, picture, config):
        self.picture, self.config = picture, config

    def check(self, x, t, condition):
        """It takes anything."""

    def __call__(self, x, t, condition):
        picture = self.picture.expand_as(x)
        if self.config.predicts == "picture":
            return picture
        if self.config.path == "ddpm":
            left = ddpm_schedule(self.config.n_steps)[t].view(-1, 1, 1, 1)
            return (x - left.sqrt() * picture) / (1 - left).sqrt()
        t = t.view(-1, 1, 1, 1)
        noise = (x - (1 - t) * picture) / t
        return noise if self.config.predicts == "noise" else noise - picture


@pytest.mark.parametrize("sampler", ["euler", "heun", "ddim", "ddpm"])
@pytest.mark.parametrize("predicts", ["picture", "velocity", "noise"])
def test_whoever_knows_the_picture_paints_it(sampler, predicts):
    picture = some_pictures(1)
    model = Knows(picture, replace(TOLD, predicts=predicts))
    for steps in (2, 7):
        found = sample(model, some_captions(), steps, 2.0, 3, sampler)
        room = 0.02 if predicts == "noise" else 1e-4  # at time 1 the noise says nothing of it
        torch.testing.assert_close(found, picture.expand(2, -1, -1, -1), rtol=0, atol=room)


def test_sampling_with_labels_and_what_is_refused():
    picture = some_pictures(1)
    model, labels = Knows(picture, LABELLED), torch.tensor([1, 2, 3])
    for sampler in ("ddim", "ddpm"):
        found = sample(model, labels, 10, 1.5, 0, sampler)
        torch.testing.assert_close(found, picture.expand(3, -1, -1, -1), rtol=0, atol=1e-4)
    for sampler in ("euler", "heun"):
        with pytest.raises(ValueError, match="got one of 'ddpm' that predicts the noise"):
            sample(model, labels, 10, sampler=sampler)
    for match, changed in {
        "steps to be an integer from 1 to 10000, got 0": {"steps": 0},
        "steps to be an integer from 1 to 50, got 51": {"steps": 51},
        "steps to be an integer from 1 to 10000, got 1000000": {"steps": 10**6},
        "expected guidance": {"guidance": -1},
        "expected a sampler among": {"sampler": "dpm++"},
        "expected seed": {"seed": -1},
    }.items():
        with pytest.raises(ValueError, match=match):
            sample(model, labels, **{"steps": 5, "sampler": "ddim", **changed})
    with pytest.raises(ValueError, match="a condition to follow"):
        sample(model, None, 5, sampler="ddim")


def test_samples_come_from_their_seeds():
    model, said = awake(TOLD), some_captions()
    both = sample(model, said, 3, 2.0, seed=5)
    second = Captions(*(part[1:] for part in said))
    torch.testing.assert_close(sample(model, second, 3, 2.0, seed=6), both[1:], rtol=0, atol=1e-4)
    noise = torch.stack([seeded_noise((3, 8, 8), seed) for seed in (5, 6)])
    assert torch.equal(sample(model, said, 3, 2.0, noise=noise), both)
    steps = []
    sample(model, said, 3, 2.0, noise=noise, watch=lambda done, x: steps.append((done, x)))
    assert [done for done, _ in steps] == [1, 2, 3]
    assert torch.equal(steps[-1][1], both)


# ---------------------------------------------------------------- learning


@pytest.mark.parametrize("predicts", ["picture", "velocity", "noise"])
def test_the_loss_by_hand(predicts):
    """A model that says zero: the loss is the mean square of what it should say, weighted."""
    model, x = DiT(TOLD), some_pictures(4)
    draws = torch.Generator().manual_seed(0)
    t = random_times(4, draws)
    noise = torch.randn(x.shape, generator=draws)
    true = {"picture": x, "velocity": noise - x, "noise": noise}[predicts]
    weights = [1 / max(time, 0.3) ** 2 if predicts == "picture" else 1.0 for time in t.tolist()]
    each = [w * true[i].square().mean().item() for i, w in enumerate(weights)]
    found = flow_loss(model, x, some_captions(4), torch.Generator().manual_seed(0), predicts)
    assert found.item() == pytest.approx(sum(each) / 4, rel=1e-5)
    if predicts == "picture":
        again = flow_loss(model, x, some_captions(4), torch.Generator().manual_seed(0))
        assert again.item() == found.item()  # what the model's configuration names


def loss_of(model, x, condition, drop):
    return flow_loss(model, x, condition, torch.Generator().manual_seed(0), drop=drop).item()


def test_captions_are_dropped():
    """With a drop of 1 the loss does not depend on captions or labels; with 0 it does."""
    x = some_pictures(4)
    labels = replace(LABELLED, path="flow", predicts="picture")
    for config, one, other in (
        (TOLD, some_captions(4), some_captions(4, seed=9)),
        (labels, torch.tensor([0, 1, 2, 3]), torch.tensor([4, 4, 4, 4])),
    ):
        loss = partial(loss_of, awake(config), x)
        assert loss(one, 1) == pytest.approx(loss(other, 1), rel=1e-5)
        assert abs(loss(one, 0) - loss(other, 0)) > 1e-4
    with pytest.raises(ValueError, match="expected drop"):
        flow_loss(awake(TOLD), x, some_captions(4), torch.Generator(), drop=1.5)
    with pytest.raises(ValueError, match="expected predicts among"):
        flow_loss(awake(TOLD), x, some_captions(4), torch.Generator(), "score")


def test_times_are_drawn_beyond_the_middle():
    t = random_times(20_000, torch.Generator().manual_seed(0))
    assert (t > 0).all()
    assert (t < 1).all()
    logits = torch.logit(t.double())
    assert logits.mean().item() == pytest.approx(0.5, abs=0.03)
    assert logits.std().item() == pytest.approx(1.2, abs=0.03)


def test_batches_are_pictures_of_their_captions():
    x, captions = painter_batch(6, 3)
    assert x.shape == (6, 3, 32, 32)
    assert len(captions) == 6
    again, same = painter_batch(6, 3)
    assert torch.equal(x, again)
    assert captions == same
    assert painter_batch(6, 4)[1] != captions
    scene = Scene((Thing("fox"),), "lake", "night")
    assert as_input(torch.from_numpy(draw(scene))[None]).shape == (1, 3, 32, 32)
    spanish = painter_batch(40, 0, ["es"])[1]
    assert not any({"an", "the", "on", "at"} & set(text.split()) for text in spanish)
    places = ("beach", "market", "garden", "castle", "school", "lake")
    full = painter_batch(30, 0, ["en"], full=1.0)[1]
    assert all(any(place in text for place in places) for text in full)


def test_rates_rise_stay_and_fall():
    found = [painter_rate(p) for p in (0.01, 0.04, 0.5, 0.75, 0.99, 1.0)]
    assert found == pytest.approx([0.25, 1, 1, 0.5, 0.02, 0.02])
    assert painter_rate(0.9, fall=0.2) == pytest.approx(0.5)
    assert painter_rate(0.5, warm_up=0.0, final=0.3, fall=1.0) == pytest.approx(0.5)


def test_muon_takes_the_matrices_of_the_blocks():
    adamw, muon = make_painter_optimizers(DiT(TOLD), Recipe(n_steps=1))
    assert isinstance(adamw, AdamW)
    assert isinstance(muon, Muon)
    matrices = [p for group in muon.param_groups for p in group["params"]]
    assert sorted(tuple(p.shape) for p in matrices) == sorted(
        2 * ([(16, 16)] * 4 + [(64, 16), (16, 64)])
    )
    (alone,) = make_painter_optimizers(DiT(TOLD), Recipe(n_steps=1, matrix_lr=None))
    assert len(alone.param_groups[0]["params"]) == len(list(DiT(TOLD).parameters()))


def test_means_follow_the_weights():
    model = DiT(TOLD)
    mean = [torch.zeros_like(p) for p in model.parameters()]
    follow_weights(mean, model.parameters(), 0.75)
    for smooth, p in zip(mean, model.parameters(), strict=True):
        torch.testing.assert_close(smooth, 0.25 * p.detach())


def test_a_training_leaves_the_means_of_its_weights():
    model = DiT(DiTConfig(d_model=8, n_heads=2, n_layers=1, d_condition=128, n_waves=4))
    mean = [p.detach().clone() for p in model.parameters()]

    def follow(step, _):
        keep = min(0.5, 1 - 4 / (step + 4))
        mean[:] = [
            keep * m + (1 - keep) * p.detach()
            for m, p in zip(mean, model.parameters(), strict=True)
        ]

    train_painter(model, Recipe(n_steps=8, batch_size=2), keep=0.5, watch=follow)
    for smooth, p in zip(mean, model.parameters(), strict=True):
        torch.testing.assert_close(p.detach(), smooth, rtol=0, atol=1e-6)


def test_a_short_training_learns_and_is_the_same_again():
    config = DiTConfig(d_model=32, n_heads=2, n_layers=1, d_condition=128, n_waves=16)
    recipe = Recipe(n_steps=30, batch_size=4, lr=0.003, matrix_lr=0.02)
    runs, seen = [], []
    for _ in range(2):
        torch.manual_seed(0)
        model = DiT(config)
        runs.append(train_painter(model, recipe, watch=lambda *told: seen.append(told)))
    assert runs[0] == runs[1]
    assert seen[:30] == list(enumerate(runs[0], 1))
    assert np.mean(runs[0][-10:]) < 0.8 * np.mean(runs[0][:5])
    with pytest.raises(ValueError, match="expected n_steps"):
        train_painter(DiT(config), Recipe(seconds=1.0))


# ---------------------------------------------------------------- captions, pictures, reading back


def test_captions_in_vectors():
    said = caption_condition(["a red ball", "un zorro junto al lago de noche"])
    assert said.pooled.shape == (2, 128)
    assert said.words.shape[::2] == (2, 128)
    assert said.real.sum(1).tolist() == [5, 9]
    torch.testing.assert_close(said.pooled.norm(dim=1), torch.full((2,), 128**0.5))
    alone = caption_condition(["a red ball"])
    torch.testing.assert_close(alone.pooled[0], said.pooled[0], rtol=0, atol=1e-4)
    torch.testing.assert_close(alone.words[0], said.words[0, :5], rtol=0, atol=1e-4)


def test_captions_that_say_nothing_are_named():
    for match, captions in {
        "some known word, got 'xyzzy plugh'": ["a fox", "xyzzy plugh"],
        "at most 22 words, got 30: 'a a a": ["a " * 30],
        "got ''": [""],
        "a sequence of captions": "a fox",
        "a sequence of captions, got": [],
        "expected text": [3],
    }.items():
        with pytest.raises(ValueError, match=match):
            caption_condition(captions)


def test_pictures_go_in_and_come_out():
    pictures = torch.rand(2, 8, 8, 3)
    x = as_input(pictures)
    assert x.shape == (2, 3, 8, 8)
    assert x[1, 2, 3, 4] == 2 * pictures[1, 3, 4, 2] - 1
    torch.testing.assert_close(as_pictures(x), pictures)
    for match, wrong in {
        "floating-point": (255 * pictures).byte(),
        "shape": torch.rand(2, 8, 8, 4),
        "from 0 to 1": 2 * pictures + 1,
        "from 0 to 1, got": pictures * math.nan,
        r"expected pictures of shape \(M, 8": torch.rand(2, 8, 6, 3),
    }.items():
        with pytest.raises(ValueError, match=match):
            as_input(wrong)
    with pytest.raises(ValueError, match="shape"):
        as_pictures(pictures[0])


def test_drawings_are_read_back_as_they_are():
    scenes = draw_scenes(6, 0, "test")
    pictures = np.stack([draw(scene) for scene in scenes])
    found = read_back(scenes, pictures)
    assert all(part.mean == 1 for part in found[:7])
    assert found.rmse < 1e-3
    turned = read_back(scenes, pictures[::-1])
    assert turned.scene.mean < 1
    assert turned.rmse == pytest.approx(found.rmse)
    noise = np.random.default_rng(0).random(pictures.shape).astype(np.float32)
    far = read_back(scenes, noise)
    assert far.rmse > 0.2
    distances = [read(picture)[1] for picture in noise]
    assert far.rmse == pytest.approx(np.mean(distances))
    assert far.rmse_error == pytest.approx(np.std(distances, ddof=1) / 6**0.5)


def test_names_colours_and_pairs_are_told_apart():
    ball, key = Thing("ball", "red"), Thing("key", "blue")
    swapped = (Thing("ball", "blue"), Thing("key", "red"))
    scene, other = Scene((ball, key), "lake", "rain"), Scene(swapped, "lake", "night")
    sides = Scene((key, ball), "lake", "rain")
    found = read_back([scene, scene], np.stack([draw(other), draw(sides)]))
    shares = {name: getattr(found, name).mean for name in found._fields[:7]}
    assert shares == {
        "place": 1,
        "time": 0.5,
        "number": 1,
        "names": 1,
        "colours": 1,
        "things": 0.5,
        "scene": 0,
    }


def test_what_cannot_be_read_back():
    scenes = draw_scenes(2, 0)
    pictures = np.stack([draw(scene) for scene in scenes])
    for match, arguments in {
        "the number of scenes": (scenes[:1], pictures[:1]),
        "expected 2 pictures, got 1": (scenes, pictures[:1]),
        "expected scenes, got str": (["a fox", "a hen"], pictures),
        "from 0 to 1": (scenes, pictures + 2),
    }.items():
        with pytest.raises(ValueError, match=match):
            read_back(*arguments)


# ---------------------------------------------------------------- files


def test_saved_folders_come_back(tmp_path):
    one, flow = replace(LABELLED, one_embedder=False), replace(LABELLED, path="flow")
    for i, config in enumerate((TOLD, LABELLED, one, flow)):
        model = awake(config)
        model.save_pretrained(tmp_path / str(i))
        again = DiT.from_pretrained(tmp_path / str(i))
        assert again.config == config
        assert all(torch.equal(again.state_dict()[k], x) for k, x in model.state_dict().items())


def changed(folder, file, **entries):
    """Change entries of a file; those that become None are taken out."""
    path = folder / file
    found = json.loads(path.read_text(encoding="utf-8")) | entries
    for name in [name for name, value in entries.items() if value is None]:
        del found[name]
    path.write_text(json.dumps(found), encoding="utf-8")


def hub_model():
    return awake(replace(LABELLED, n_steps=1000, n_waves=256, qk_norm=False))


def test_missing_tensors_are_all_named(tmp_path):
    for model, stem in ((awake(TOLD), "model"), (hub_model(), "diffusion_pytorch_model")):
        folder = tmp_path / stem
        model.save_pretrained(folder)
        path = folder / f"{stem}.safetensors"
        tensors = safetensors.torch.load_file(path)
        for name in [name for name in tensors if name.endswith(("patch_map.weight", "proj.bias"))]:
            del tensors[name]
        tensors["stranger"] = torch.zeros(2)
        safetensors.torch.save_file(tensors, path)
        with pytest.raises(ValueError, match="do not fit the model: ") as error:
            DiT.from_pretrained(folder)
        assert "missing patch_map." in str(error.value)
        assert "surplus stranger" in str(error.value)


@pytest.mark.parametrize(
    ("entries", "match"),
    [
        ({"_class_name": "UNet2DModel"}, "expected a DiTTransformer2DModel"),
        ({"norm_type": "layer_norm"}, "norm_type"),
        ({"activation_fn": "geglu"}, "activation_fn"),
        ({"norm_elementwise_affine": True}, "norm_elementwise_affine"),
        ({"attention_bias": False}, "attention_bias"),
        ({"num_layers": 0}, "num_layers"),
        ({"patch_size": 3}, "divisible by patch_size"),
        ({"sample_size": "8"}, "sample_size"),
        ({"num_layers": 3}, "missing blocks.2."),
    ],
)
def test_folders_of_diffusers_that_are_none(tmp_path, entries, match):
    hub_model().save_pretrained(tmp_path)
    changed(tmp_path, "config.json", **entries)
    with pytest.raises(ValueError, match=match):
        DiT.from_pretrained(tmp_path)


def test_folders_of_ours_that_are_none(tmp_path):
    awake(TOLD).save_pretrained(tmp_path)
    for entries, match in (
        ({"predicts": "noises"}, "expected predicts among"),
        ({"predicts": "noise", "d_model": "16"}, "expected d_model"),
        ({"d_model": 20}, "expected the shape"),
        ({"path": None}, "expected 'path' in config"),
    ):
        changed(tmp_path, "config.json", **entries)
        with pytest.raises(ValueError, match=match):
            DiT.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="expected a readable config"):
        DiT.from_pretrained(tmp_path / "nothing")
