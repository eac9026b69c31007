"""Models, losses and optimizers compute where their weights are, on whatever device.

`meta` is a device without numbers: most operations on it and on the CPU at once are errors, as on a
GPU, and so is asking for a number. Checks that look at numbers are left out here.
"""

import pytest
import torch

import lessons_lib.attention
import lessons_lib.gpt
import lessons_lib.llama
from lessons_lib.base.parallel import own_device, process_group
from lessons_lib.clip import CLIP, CLIPConfig, TowerConfig, contrastive_loss, sigmoid_loss, towers
from lessons_lib.clip import learning as clip_learning
from lessons_lib.dit import DiT, DiTConfig, flow_loss, path
from lessons_lib.fine_tuning import add_lora
from lessons_lib.gpt import GPT, GPTConfig, loss
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.training import SGD, Recipe, make_optimizers, story_losses
from lessons_lib.training.speed import recompute_blocks

META = torch.device("meta")
LLAMA = LlamaConfig(40, 16, 16, n_heads=2, n_layers=2, d_ff=24, n_kv_heads=1, qk_norm=True)
TOWER = TowerConfig(16, 2, 1)


@pytest.fixture(autouse=True)
def unchecked(monkeypatch):
    """Leave out the checks that look at numbers."""
    for module in (lessons_lib.gpt, lessons_lib.llama, towers):
        monkeypatch.setattr(module, "check_token_ids", lambda *_: None)
    monkeypatch.setattr(lessons_lib.attention, "check_mask", lambda mask: mask)
    monkeypatch.setattr(towers, "check_pictures", lambda pictures, size: pictures)
    monkeypatch.setattr(clip_learning, "check_scores", lambda logits, also=None: logits)
    monkeypatch.setattr(DiT, "check", lambda model, *inputs: inputs)
    monkeypatch.setattr(path, "check_times", lambda t, n: t)


def all_there(model):
    return {p.grad.device.type for p in model.parameters() if p.grad is not None} == {"meta"}


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("config", [GPTConfig(40, 16, 16, 2, 2), LLAMA])
def test_a_language_model_learns_where_it_is(config, again):
    model = (GPT if isinstance(config, GPTConfig) else Llama)(config).to(META)
    if again:
        recompute_blocks(model)
    ids = torch.zeros(2, 17, dtype=torch.long, device=META)
    loss(model, ids).backward()
    assert all_there(model)
    optimizers = [*make_optimizers(model, Recipe(n_steps=1)), SGD(model.parameters(), 0.1, 0.9)]
    for optimizer in optimizers:
        optimizer.step()
        states = [v for state in optimizer.state.values() for v in state.values()]
        assert {v.device.type for v in states if isinstance(v, torch.Tensor)} == {"meta"}


def test_here_a_stray_tensor_is_an_error():
    with pytest.raises(RuntimeError, match=r"device|meta"):
        loss(Llama(LLAMA).to(META), torch.zeros(2, 17, dtype=torch.long))


def test_adapters_learn_where_they_are():
    model = add_lora(Llama(LLAMA), rank=2, alpha=4).to(META)
    loss(model, torch.zeros(2, 17, dtype=torch.long, device=META)).backward()
    assert all_there(model)


def test_stories_are_read_where_the_model_is():
    model = Llama(LLAMA).to(META)
    tokenizer = type("Tokenizer", (), {"encode": lambda *_, **__: [1, 2, 3]})()
    story = type("Story", (), {"text": "x"})()
    assert story_losses(model, tokenizer, [story]).device.type == "meta"


def test_captions_and_pictures_meet_where_they_are(monkeypatch):
    ends = torch.full((2,), 7, device=META)
    monkeypatch.setattr(towers, "caption_ends", lambda *_: ends)
    monkeypatch.setattr(torch.Tensor, "__index__", lambda _: 8)  # behind the last end
    config = CLIPConfig(40, 8, TOWER, TOWER, 16, image_size=8, patch_size=4, end_id=None)
    model = CLIP(config).to(META)
    ids = torch.zeros(2, 8, dtype=torch.long, device=META)
    also = torch.zeros(2, 2, dtype=torch.bool, device=META)
    logits = model(ids, torch.zeros(2, 8, 8, 3, device=META))
    (contrastive_loss(logits, also) + sigmoid_loss(logits, 0.0, also)).backward()
    assert all_there(model)


@pytest.mark.parametrize("predicts", ["picture", "velocity", "noise"])
def test_a_painter_learns_where_it_is(predicts):
    config = DiTConfig(8, 4, 3, 16, 1, 2, n_classes=5, predicts=predicts)
    model = DiT(config).to(META)
    pictures = torch.zeros(2, 3, 8, 8, device=META)
    labels = torch.zeros(2, dtype=torch.long, device=META)
    flow_loss(model, pictures, labels, torch.Generator()).backward()
    assert all_there(model)


def test_the_device_is_chosen_in_one_place(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert own_device() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert own_device() == torch.device("cuda", 3)
    with process_group() as device:
        assert device == own_device()
