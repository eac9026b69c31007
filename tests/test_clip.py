"""CLIP beside `transformers`, its parts beside torch and beside numbers worked by hand."""

import json
import math
import os
import random
from dataclasses import replace

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports that read it

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
import transformers

from lessons_lib.clip import (
    CLIP,
    CLIPConfig,
    TowerConfig,
    WordTokenizer,
    caption_ends,
    check_pictures,
    classify,
    contrastive_loss,
    make_blocks,
    patches,
    picture_batch,
    picture_words,
    quick_gelu,
    read_block,
    recall,
    show,
    sigmoid_loss,
    train_clip,
)
from lessons_lib.clip.files import from_hub_clip, to_hub_clip
from lessons_lib.clip.learning import MOST_SCALE, also_true
from lessons_lib.clip.words import BEGIN, END, PAD, SPECIAL, UNKNOWN
from lessons_lib.corpus.pictures import (
    caption,
    describe,
    draw,
    same_words,
    sample,
    split_of,
    wording,
)
from lessons_lib.training import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = TowerConfig(16, 2, 1)
TINY = CLIPConfig(12, 8, SMALL, SMALL, 8, image_size=8, patch_size=4)

# vocabulary, context, text, vision, shared, image, patch, end, mean, deviation
SHAPES = {
    "as the book's": CLIPConfig(
        60, 24, TowerConfig(32, 4, 2), TowerConfig(32, 4, 3), 24, 32, 8, 3, None, None
    ),
    "of two widths": CLIPConfig(
        91,
        11,
        TowerConfig(24, 3, 1, 40),
        TowerConfig(48, 2, 2, 100, 1e-6, "gelu"),
        16,
        28,
        7,
        90,
        (0.48, 0.46, 0.41),
        (0.27, 0.26, 0.28),
    ),
    "with the old end": CLIPConfig(
        50,
        9,
        TowerConfig(32, 2, 2),
        TowerConfig(16, 2, 1),
        12,
        20,
        10,
        None,
        (0.5,) * 3,
        (0.5,) * 3,
    ),
}


def tower_of(tower, **others):
    return {
        "hidden_size": tower.d_model,
        "intermediate_size": tower.d_ff or 4 * tower.d_model,
        "num_hidden_layers": tower.n_layers,
        "num_attention_heads": tower.n_heads,
        "layer_norm_eps": tower.eps,
        "hidden_act": tower.activation,
        **others,
    }


@pytest.fixture(scope="module", params=SHAPES)
def pair(request, tmp_path_factory):
    """A model of `transformers` with weights large enough to tell mistakes apart, and ours."""
    c = SHAPES[request.param]
    torch.manual_seed(0)
    end = 2 if c.end_id is None else c.end_id
    text = {"vocab_size": c.vocab_size, "max_position_embeddings": c.context_length}
    config = transformers.CLIPConfig(
        text_config=tower_of(c.text, eos_token_id=end, bos_token_id=1, pad_token_id=0, **text),
        vision_config=tower_of(c.vision, image_size=c.image_size, patch_size=c.patch_size),
        projection_dim=c.d_shared,
    )
    theirs = transformers.CLIPModel(config).eval()
    with torch.no_grad():
        for p in theirs.parameters():
            p.add_(0.1 * torch.randn_like(p))
    folder = tmp_path_factory.mktemp("clip")
    theirs.save_pretrained(folder)
    if c.mean:
        colours = {"do_normalize": True, "image_mean": c.mean, "image_std": c.deviation}
        (folder / "preprocessor_config.json").write_text(json.dumps(colours))
    ours = CLIP.from_pretrained(folder)
    assert ours.config == replace(
        c, **{n: replace(t, d_ff=t.d_ff or 4 * t.d_model) for n, t in towers(c).items()}
    )
    return theirs, ours


def towers(config):
    return {"text": config.text, "vision": config.vision}


def inputs(config, n_captions=3, n_pictures=4):
    """Captions of different lengths, padded behind their ends, and pictures."""
    draws = torch.Generator().manual_seed(1)
    end = config.vocab_size - 1 if config.end_id is None else config.end_id
    first = 4
    shape = (n_captions, config.context_length)
    ids = torch.randint(first, config.vocab_size - 1, shape, generator=draws)
    real = torch.ones(shape, dtype=torch.long)
    for row in range(n_captions):
        place = config.context_length - 1 - 2 * row
        ids[row, 0], ids[row, place], ids[row, place + 1 :] = 1, end, 0
        real[row, place + 1 :] = 0
    size = config.image_size
    return ids, real, torch.rand(n_pictures, size, size, 3, generator=draws)


def prepared(config, pictures):
    """Pictures as `transformers` wants them."""
    if config.mean:
        pictures = (pictures - torch.tensor(config.mean)) / torch.tensor(config.deviation)
    return pictures.permute(0, 3, 1, 2)


# ---------------------------------------------------------------- beside transformers


def test_logits_and_vectors_equal_those_of_transformers(pair):
    theirs, ours = pair
    ids, real, pictures = inputs(ours.config)
    pixels = prepared(ours.config, pictures)
    with torch.no_grad():
        out = theirs(input_ids=ids, pixel_values=pixels, attention_mask=real)
        again = theirs(input_ids=ids, pixel_values=pixels)
        torch.testing.assert_close(ours(ids, pictures), out.logits_per_text, rtol=0, atol=1e-5)
        torch.testing.assert_close(ours(ids, pictures), again.logits_per_text, rtol=0, atol=1e-5)
        torch.testing.assert_close(ours.encode_text(ids), out.text_embeds, rtol=0, atol=1e-6)
        seen = ours.encode_pictures(pictures)
        torch.testing.assert_close(seen, out.image_embeds, rtol=0, atol=1e-6)


def test_loss_and_gradients_equal_those_of_transformers(pair):
    theirs, ours = pair
    ids, _, pictures = inputs(ours.config, n_captions=3, n_pictures=3)
    theirs.zero_grad(), ours.zero_grad()
    pixels = prepared(ours.config, pictures)
    expected = theirs(input_ids=ids, pixel_values=pixels, return_loss=True).loss
    found = contrastive_loss(ours(ids, pictures))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    expected.backward(), found.backward()
    own = to_hub_clip({name: p.grad for name, p in ours.named_parameters()})
    named = dict(theirs.named_parameters())
    assert own.keys() == named.keys()
    for name, p in named.items():
        torch.testing.assert_close(own[name], p.grad, rtol=1e-4, atol=1e-5, msg=name)


def test_saved_folders_are_opened_by_transformers(pair, tmp_path):
    _, ours = pair
    ours.save_pretrained(tmp_path)
    theirs = transformers.CLIPModel.from_pretrained(tmp_path).eval()
    ids, real, pictures = inputs(ours.config)
    with torch.no_grad():
        pixels = prepared(ours.config, pictures)
        out = theirs(input_ids=ids, pixel_values=pixels, attention_mask=real)
        torch.testing.assert_close(ours(ids, pictures), out.logits_per_text, rtol=0, atol=1e-5)
    again = CLIP.from_pretrained(tmp_path)
    assert again.config == ours.config
    for name, tensor in ours.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


def test_pictures_are_prepared_as_the_folder_says(tmp_path):
    """An image processor of `transformers` makes the same numbers of the same picture."""
    mean, deviation = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)
    config = replace(TINY, image_size=32, patch_size=8, mean=mean, deviation=deviation)
    CLIP(config).save_pretrained(tmp_path)
    colours = json.loads((tmp_path / "preprocessor_config.json").read_text(encoding="utf-8"))
    assert (colours["image_mean"], colours["image_std"]) == (list(mean), list(deviation))
    CLIP(replace(config, mean=None, deviation=None)).save_pretrained(tmp_path)
    found = CLIP.from_pretrained(tmp_path).config
    assert (found.mean, found.deviation) == (None, None)


def test_tensors_are_translated_both_ways():
    model = CLIP(TINY)
    there = to_hub_clip(model.state_dict())
    assert there["vision_model.embeddings.patch_embedding.weight"].shape == (16, 3, 4, 4)
    there["text_model.embeddings.position_ids"] = torch.arange(8)[None]  # in older files
    back = from_hub_clip(there)
    assert back.keys() == model.state_dict().keys()
    assert all(torch.equal(back[name], x) for name, x in model.state_dict().items())


# ---------------------------------------------------------------- parts


def test_a_block_read_at_one_place_is_the_whole_block_there():
    torch.manual_seed(0)
    block = make_blocks(TowerConfig(16, 4, 1))[0]
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x, places = torch.randn(3, 6, 16, requires_grad=True), torch.tensor([5, 0, 2])
    rows = torch.arange(3)
    everyone = torch.ones(6, 6, dtype=torch.bool)
    for whole, found in (
        (block(x), read_block(block, x, places)),
        (block(x, everyone), read_block(block, x, places, everyone)),
    ):
        # as many numbers, added in another order
        torch.testing.assert_close(found, whole[rows, places], rtol=1e-4, atol=1e-4)
        slopes = [
            torch.autograd.grad(y.square().sum(), [x, *block.parameters()])
            for y in (found, whole[rows, places])
        ]
        for got, expected in zip(*slopes, strict=True):
            near = 1e-4 * expected.abs().max().item() + 1e-4  # keys' biases have none
            torch.testing.assert_close(got, expected, rtol=1e-3, atol=near)


def test_quick_gelu_by_hand():
    x = torch.tensor([-2.0, 0.5, 4.0], dtype=torch.float64)
    expected = [v / (1 + math.exp(-1.702 * v)) for v in x.tolist()]
    np.testing.assert_allclose(quick_gelu(x), expected, rtol=1e-12)
    assert (quick_gelu(x) - F.gelu(x)).abs().max() > 1e-3  # nearly, but not GELU


@pytest.mark.parametrize(("height", "width", "size"), [(8, 8, 4), (6, 9, 3), (4, 4, 1), (5, 5, 5)])
def test_patches_beside_unfold(height, width, size):
    pictures = torch.rand(2, height, width, 3)
    found = patches(pictures, size)
    theirs = F.unfold(pictures.permute(0, 3, 1, 2), size, stride=size).transpose(1, 2)
    theirs = theirs.unflatten(-1, (3, size * size)).transpose(-1, -2).flatten(-2)
    assert torch.equal(found, theirs)
    assert found.shape == (2, height * width // size**2, 3 * size**2)


@pytest.mark.parametrize(
    ("shape", "size"), [((2, 8, 8, 3), 3), ((8, 8, 3), 4), ((1, 8, 6, 3), 4), ((1, 8, 8, 3), 0)]
)
def test_pictures_that_patches_do_not_fill(shape, size):
    with pytest.raises(ValueError, match="expected"):
        patches(torch.zeros(shape), size)


def test_what_stands_behind_the_end_changes_nothing():
    torch.manual_seed(0)
    model = CLIP(TINY)
    short = torch.tensor([[BEGIN, 5, 6, END]])
    long = torch.tensor([[BEGIN, 5, 6, END, PAD, 7, 9], [BEGIN, 8, 9, 10, 11, 5, END]])
    torch.testing.assert_close(model.encode_text(short), model.encode_text(long)[:1])
    changed = torch.tensor([[BEGIN, 5, 7, END]])
    assert (model.encode_text(changed) - model.encode_text(short)).abs().max() > 1e-3


def test_captions_are_read_at_their_first_end():
    ids = torch.tensor([[1, 7, 3, 0], [1, 3, 9, 3], [3, 1, 1, 9]])
    assert caption_ends(ids, 3).tolist() == [2, 1, 0]
    assert caption_ends(ids, None).tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="token 9, in each caption, got none in caption 0"):
        caption_ends(ids, 9)


def test_the_order_of_patches_and_captions_counts():
    torch.manual_seed(0)
    model, pictures = CLIP(TINY), torch.rand(1, 8, 8, 3)
    turned = pictures.flip(2)
    assert (model.encode_pictures(pictures) - model.encode_pictures(turned)).abs().max() > 1e-3
    ids = torch.tensor([[BEGIN, 5, 6, END], [BEGIN, 6, 5, END]])
    one, other = model.encode_text(ids)
    assert (one - other).abs().max() > 1e-3
    for vectors in (model.encode_text(ids), model.encode_pictures(pictures)):
        torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(len(vectors)))
    logits = model(ids, pictures)
    assert logits.shape == (2, 1)
    assert logits.abs().max() <= 1 / 0.07 + 1e-4


# ---------------------------------------------------------------- losses and measures


def test_the_contrastive_loss_by_hand():
    logits = torch.tensor([[2.0, 0.0], [1.0, 3.0]])
    rows = [-math.log(math.exp(a) / (math.exp(a) + math.exp(b))) for a, b in ((2, 0), (3, 1))]
    columns = [-math.log(math.exp(a) / (math.exp(a) + math.exp(b))) for a, b in ((2, 1), (3, 0))]
    expected = (sum(rows) + sum(columns)) / 4
    assert contrastive_loss(logits).item() == pytest.approx(expected)
    assert contrastive_loss(torch.zeros(7, 7)).item() == pytest.approx(math.log(7))


def test_false_negatives_are_left_out():
    torch.manual_seed(0)
    logits = torch.randn(4, 4, requires_grad=True)
    also = torch.eye(4, dtype=torch.bool)
    assert contrastive_loss(logits, also).item() == contrastive_loss(logits).item()
    also[0, 2] = True
    loss = contrastive_loss(logits, also)
    loss.backward()
    assert logits.grad[0, 2] == 0
    assert (logits.grad != 0).sum() == 15
    without = logits.detach().clone()
    without[0, 2] = -1e9
    assert loss.item() == pytest.approx(contrastive_loss(without).item())
    everything = torch.ones(4, 4, dtype=torch.bool)
    assert contrastive_loss(logits, everything).item() == pytest.approx(0)


def test_the_sigmoid_loss_by_a_loop():
    torch.manual_seed(0)
    logits, bias = torch.randn(3, 3), -1.5
    total = 0.0
    for i in range(3):
        for j in range(3):
            sign = 1 if i == j else -1
            total += math.log(1 + math.exp(-sign * (logits[i, j].item() + bias)))
    assert sigmoid_loss(logits, bias).item() == pytest.approx(total / 3, rel=1e-5)
    also = torch.zeros(3, 3, dtype=torch.bool)
    also[1, 0] = True
    less = math.log(1 + math.exp(logits[1, 0].item() + bias))
    assert sigmoid_loss(logits, bias, also).item() == pytest.approx((total - less) / 3, rel=1e-5)


@pytest.mark.parametrize("loss", [contrastive_loss, lambda x, also=None: sigmoid_loss(x, 0, also)])
def test_scores_that_are_no_square_are_refused(loss):
    for shape in ((2, 3), (1, 1), (4,), (0, 0)):
        with pytest.raises(ValueError, match="N from 2 on"):
            loss(torch.zeros(shape))
    for also in (torch.zeros(3, 3), torch.zeros(2, 3, dtype=torch.bool)):
        with pytest.raises(ValueError, match="expected booleans"):
            loss(torch.zeros(3, 3), also)


def test_recall_by_hand():
    logits = torch.tensor([[5.0, 1.0, 0.0], [4.0, 3.0, 5.0], [1.0, 1.0, 1.0]])
    assert recall(logits) == pytest.approx(2 / 3)
    assert recall(logits, 2) == pytest.approx(2 / 3)
    assert recall(logits, 3) == 1
    assert recall(logits.T) == pytest.approx(2 / 3)
    for bad in (torch.zeros(2, 3), torch.zeros(0, 0)):
        with pytest.raises(ValueError, match=r"scores \(N, N\)"):
            recall(bad)
    for k in (0, 4, 1.0):
        with pytest.raises(ValueError, match="k to be an integer from 1 to 3"):
            recall(logits, k)


def test_classes_are_means_of_their_captions():
    torch.manual_seed(0)
    tokenizer = WordTokenizer(["a", "b", "c", "d", "e", "f", "g", "h"])
    model, pictures = CLIP(TINY), torch.rand(5, 8, 8, 3)
    options = ["a b", ["c", "d e", "f"], "g h a"]
    found = classify(model, tokenizer, pictures, options)
    with torch.no_grad():
        vectors = [
            sum(model.encode_text(tokenizer.batch([text]))[0] for text in texts)
            for texts in (["a b"], ["c", "d e", "f"], ["g h a"])
        ]
        table = torch.stack([v / v.norm() for v in vectors])
        assert torch.equal(found, (model.encode_pictures(pictures) @ table.T).argmax(1))
    for bad in ("a b", ["a b"]):
        with pytest.raises(ValueError, match="at least two options"):
            classify(model, tokenizer, pictures, bad)
    with pytest.raises(ValueError, match="at most 6 words"):
        classify(model, tokenizer, pictures, ["a", "a b c d e f g"])


# ---------------------------------------------------------------- words


def test_words_beside_the_package_tokenizers(tmp_path):
    tokenizer = WordTokenizer(picture_words())
    tokenizer.save_pretrained(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    texts = [caption(s, language, s_) for s_, s in enumerate(sample(40, 3)) for language in LANGS]
    texts += ["A RED ball!", "¡Una pelota, roja!", "a red balloon", "jardi\u0301n", "two  foxes,1"]
    for text in texts:
        assert theirs(text)["input_ids"] == tokenizer.encode(text), text
    assert theirs.pad_token_id == PAD
    assert theirs.eos_token_id == END == tokenizer.end_id
    again = WordTokenizer.from_pretrained(tmp_path)
    assert again.words == tokenizer.words


LANGS = ("en", "es")


def test_captions_become_ids_and_words_again():
    tokenizer = WordTokenizer(["a", "red", "ball", "ñandú"])
    assert tokenizer.vocab_size == 8
    assert tokenizer.encode("A  red, ball.") == [BEGIN, 4, 5, 6, END]
    assert tokenizer.encode("a blue ñandú") == [BEGIN, 4, UNKNOWN, 7, END]
    assert tokenizer.unknown_words("A blue, old ball") == ["blue", "old"]
    batch = tokenizer.batch(["a", "a red ball"])
    assert batch.tolist() == [[BEGIN, 4, END, PAD, PAD], [BEGIN, 4, 5, 6, END]]
    assert tokenizer.decode(batch[1]) == "a red ball"
    assert tokenizer.decode([UNKNOWN, 7]) == f"{SPECIAL[UNKNOWN]} ñandú"


def test_the_vocabulary_holds_every_caption():
    tokenizer = WordTokenizer(picture_words())
    assert len(tokenizer.words) == 125
    for split in ("train", "test", "pairs"):
        for seed, scene in enumerate(sample(300, 1, split)):
            for language in LANGS:
                text = caption(scene, language, seed)
                assert not tokenizer.unknown_words(text)
                assert tokenizer.decode(tokenizer.encode(text)) == text


def test_bad_words_are_refused(tmp_path):
    for words in ([], ["a", "a"], ["A"], ["two words"], ["x1"], [""], [None]):
        with pytest.raises(ValueError, match="expected"):
            WordTokenizer(words)
    tokenizer = WordTokenizer(["a", "ball"])
    for text in ("", "...", "zzz", "un balón"):
        with pytest.raises(ValueError, match="some known word"):
            tokenizer.encode(text)
    with pytest.raises(ValueError, match="expected text"):
        tokenizer.encode(3)
    for texts in ("a ball", []):
        with pytest.raises(ValueError, match="a sequence of captions"):
            tokenizer.batch(texts)
    with pytest.raises(ValueError, match="at most 2 words, got 3"):
        tokenizer.batch(["a", "a ball ball"], 4)
    with pytest.raises(ValueError, match="ids from 0 to 5"):
        tokenizer.decode([6])
    path = tmp_path / "tokenizer.json"
    for content in ({}, {"model": {"type": "BPE", "vocab": {}}}, {"model": 3}):
        path.write_text(json.dumps(content))
        with pytest.raises(ValueError, match="vocabulary of a WordTokenizer"):
            WordTokenizer.from_pretrained(tmp_path)
    path.write_text(json.dumps({"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 2}}}))
    with pytest.raises(ValueError, match="ids from 0 on"):
        WordTokenizer.from_pretrained(tmp_path)


# ---------------------------------------------------------------- pairs to learn from


def test_batches_are_pairs_of_scenes_for_training():
    tokenizer = WordTokenizer(picture_words())
    one, two = (picture_batch(24, 5, tokenizer, hard=0.5) for _ in range(2))
    for x, y in zip(one, two, strict=True):
        assert torch.equal(x, y)
    assert not torch.equal(one.pictures, picture_batch(24, 6, tokenizer).pictures)
    assert one.pictures.shape == (24, 32, 32, 3)
    assert len(one.token_ids) == 24
    assert one.also.diagonal().all()
    spanish = picture_batch(12, 1, tokenizer, ["es"])
    words = {word for ids in spanish.token_ids for word in tokenizer.decode(ids).split()}
    assert words & {"en", "una", "un", "de"}
    assert not words & {"a", "the", "at"} - {"a"}


def test_false_negatives_are_known_exactly():
    """Caption i is true of picture j exactly where the captions of both, so worded, are equal."""
    scenes = sample(40, 3)
    wordings = [wording(i) for i in range(len(scenes))]
    also = also_true(scenes, wordings)
    for i, how in enumerate(wordings):
        own = describe(scenes[i], "en", how)
        for j, scene in enumerate(scenes):
            assert also[i, j] == (describe(scene, "en", how) == own)
    assert also.sum() > len(scenes)


def test_twins_follow_their_scenes():
    """With `hard` of 1, every scene is asked for its twin."""
    tokenizer = WordTokenizer(picture_words())
    told = []

    def twin(scene, rng):
        told.append(scene)
        return same_words(scene, rng)

    batch = picture_batch(16, 3, tokenizer, ["en"], 1.0, twin)
    assert len(batch.pictures) == len(batch.token_ids) == 16
    assert told[:2] == sample(2, random.Random(3).getrandbits(32))
    without = picture_batch(16, 3, tokenizer, ["en"], 1.0, lambda scene, rng: None)
    assert torch.equal(without.pictures[0], batch.pictures[0]) or len(set(told[0].things)) > 1
    for bias in (math.nan, "b"):
        with pytest.raises(ValueError, match="bias to be a finite number"):
            sigmoid_loss(torch.zeros(2, 2), bias)


def test_pictures_are_shown_as_drawn():
    scenes = sample(3, 0)
    expected = torch.from_numpy(np.stack([draw(scene) for scene in scenes]))
    assert torch.equal(show(scenes), expected)
    assert not torch.equal(show(scenes * 5, random.Random(1))[:3], expected)
    with pytest.raises(ValueError, match="at least one scene"):
        show([])


def test_training_makes_the_loss_smaller():
    """A small model, after 90 steps: well below chance, ln 16 = 2.77 nats."""
    torch.manual_seed(0)
    tokenizer = WordTokenizer(picture_words())
    small = TowerConfig(32, 2, 1)
    model = CLIP(CLIPConfig(tokenizer.vocab_size, 24, small, small, 32))
    heard = []
    recipe = Recipe(n_steps=90, batch_size=16)
    losses = train_clip(model, tokenizer, recipe, ["en"], watch=lambda *line: heard.append(line))
    assert heard == [(i + 1, loss) for i, loss in enumerate(losses)]
    assert sum(losses[:3]) / 3 > 2.4
    assert sum(losses[-10:]) / 10 < 2.2
    assert model.log_scale <= MOST_SCALE
    assert all(split_of(scene) == "train" for scene in sample(200, 3))


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (torch.zeros(1, 16, 16, 3), r"shape \(M, 8, 8, 3\)"),
        (torch.zeros(1, 8, 8, 4), "shape"),
        (torch.zeros(1, 3, 8, 8), "shape"),
        (torch.zeros(8, 8, 3), "shape"),
        (torch.zeros(0, 8, 8, 3), "shape"),
        (torch.zeros(1, 8, 8, 3, dtype=torch.uint8), "floating-point pictures from 0 to 1, got"),
        (np.zeros((1, 8, 8, 3)), "floating-point pictures"),
        (torch.full((1, 8, 8, 3), 1.5), "from 0 to 1, got 1.5"),
        (torch.full((1, 8, 8, 3), -0.5), "from 0 to 1, got -0.5"),
        (torch.full((1, 8, 8, 3), math.nan), "from 0 to 1, got nan"),
        (torch.full((1, 8, 8, 3), 255.0), "from 0 to 1"),
        (None, "floating-point pictures"),
    ],
)
def test_bad_pictures_are_refused(pictures, message):
    model = CLIP(TINY)
    with pytest.raises(ValueError, match=message):
        model.encode_pictures(pictures)
    with pytest.raises(ValueError, match=message):
        check_pictures(pictures, 8)
    with pytest.raises(ValueError, match=message):
        model(torch.tensor([[BEGIN, 5, END]]), pictures)


def test_bad_captions_are_refused():
    model = CLIP(TINY)
    for ids, message in (
        (torch.tensor([[BEGIN, 5, 6, END, 0, 0, 0, 0, 0]]), "T from 1 to 8"),
        (torch.tensor([[BEGIN, 12, END]]), "ids from 0 to 11"),
        (torch.tensor([[1.0]]), "integer token ids"),
        (torch.tensor([BEGIN, 5, END]), r"shape \(B, T\)"),
        (torch.tensor([[BEGIN, 5, END], [BEGIN, 5, 6]]), "none in caption 1"),
    ):
        with pytest.raises(ValueError, match=message):
            model.encode_text(ids)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vocab_size": 0}, "vocab_size"),
        ({"context_length": 1.5}, "context_length"),
        ({"d_shared": -1}, "d_shared"),
        ({"image_size": 30}, "divisible by patch_size"),
        ({"patch_size": 0}, "patch_size"),
        ({"end_id": 12}, "end_id"),
        ({"end_id": 2}, "an end_id other than 2"),
        ({"mean": None}, "mean and deviation, or neither"),
        ({"mean": (0.5, 0.5)}, "three numbers"),
        ({"mean": (0.5, 0.5, math.nan)}, "mean to be a finite number"),
        ({"deviation": (0.5, 0.5, 0)}, "above 0"),
        ({"deviation": 0.5}, "three numbers"),
    ],
)
def test_bad_sizes_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(TINY, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_model": 15}, "divisible by n_heads"),
        ({"n_layers": 0}, "n_layers"),
        ({"d_ff": 0}, "d_ff"),
        ({"eps": -1}, "eps"),
        ({"activation": "relu"}, "an activation among"),
        ({"activation": None}, "an activation among"),
    ],
)
def test_bad_towers_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changes)


def edited(folder, **changes):
    """Write a folder whose config.json has other entries, those of a tower in a dictionary."""
    CLIP(TINY).save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for name, value in changes.items():
        config[name] = config.get(name, {}) | value if isinstance(value, dict) else value
    path.write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "siglip"}, "a model of type"),
        ({"text_config": 3}, "text_config to be entries"),
        ({"text_config": {"hidden_act": "relu"}}, "an activation among"),
        ({"text_config": {"eos_token_id": None}}, "eos_token_id"),
        ({"text_config": {"hidden_size": 20}}, "do not fit the model"),
        ({"vision_config": {"num_channels": 4}}, "num_channels among"),
        ({"vision_config": {"patch_size": 3}}, "divisible by patch_size"),
        ({"vision_config": {"image_size": "8"}}, "image_size"),
        ({"quantization_config": {}}, "quantization_config among"),
        ({"projection_dim": 9}, "do not fit the model"),
    ],
)
def test_folders_of_something_else_are_refused(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        CLIP.from_pretrained(edited(tmp_path, **changes))


def test_all_missing_tensors_are_named(tmp_path):
    CLIP(TINY).save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    for name in ("logit_scale", "visual_projection.weight"):
        del tensors[name]
    tensors["another"] = torch.zeros(1)
    safetensors.torch.save_file(tensors, path)
    with pytest.raises(ValueError, match=r"missing log_scale.*projection.*surplus another"):
        CLIP.from_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("[]")
    with pytest.raises(ValueError, match="entries with names"):
        CLIP.from_pretrained(tmp_path)


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match="a tokenizer of vocabulary and end"):
        CLIP(TINY).save_pretrained(tmp_path, WordTokenizer(["a"]))
    assert not list(tmp_path.iterdir())


def test_bad_batches_and_recipes_are_refused():
    tokenizer = WordTokenizer(picture_words())
    for n, seed in ((1, 0), (2.0, 0), (4, -1)):
        with pytest.raises(ValueError, match="to be an integer"):
            picture_batch(n, seed, tokenizer)
    for hard in (-0.1, 1.5, math.nan):
        with pytest.raises(ValueError, match="hard to be a finite number"):
            picture_batch(4, 0, tokenizer, hard=hard)
    with pytest.raises(ValueError, match="n_steps"):
        train_clip(CLIP(TINY), tokenizer, Recipe(seconds=1))
