"""Two towers, one for captions and one for pictures, made of the book's blocks."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.attention import MultiHeadAttention, causal_mask, merge_heads, split_heads
from lessons_lib.base.linear import Linear
from lessons_lib.base.validation import check_integer
from lessons_lib.block import Block, FeedForward, LayerNorm
from lessons_lib.clip.files import CLIPFiles
from lessons_lib.clip.sizes import ACTIVATIONS, CLIPConfig, TowerConfig
from lessons_lib.gpt import check_token_ids, initialise


def make_blocks(config: TowerConfig) -> nn.ModuleList:
    """Compose the layers of a tower from the book's parts."""
    d, bend = config.d_model, ACTIVATIONS[config.activation]
    return nn.ModuleList(
        Block(
            LayerNorm(d, config.eps),
            MultiHeadAttention(d, config.n_heads),
            LayerNorm(d, config.eps),
            FeedForward(d, config.d_ff, activation=bend),
        )
        for _ in range(config.n_layers)
    )


def read_block(block: Block, x: Tensor, places: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return what a block of `make_blocks` gives at one place of each row, without the others.

    The last block of a tower is read at one position alone: the others give their keys and values
    there, but need not ask and think any more.

    Args:
        block: the last one.
        x: the residual stream before it (B, T, D).
        places: (B,).
        mask: booleans (T, T), True where a position may attend; causal by default.

    Returns:
        (B, D).
    """
    attention, rows = block.attention, torch.arange(len(x), device=x.device)
    y = block.attention_norm(x)
    q = split_heads(attention.query(y[rows, places][:, None]), attention.n_heads)  # (B, H, 1, K)
    k, v = (split_heads(part(y), attention.n_heads) for part in (attention.key, attention.value))
    mask = causal_mask(x.shape[1]).to(x.device) if mask is None else mask
    mixed = F.scaled_dot_product_attention(q, k, v, mask[places][:, None, None])
    x = x[rows, places] + attention.output(merge_heads(mixed)[:, 0])
    return x + block.feed_forward(block.feed_norm(x))


def patches(pictures: Tensor, size: int) -> Tensor:
    """Cut pictures into squares, row by row: (M, H, W, C) to (M, P, size * size * C).

    Args:
        pictures: H and W divisible by `size`.
        size: the width and height of a patch, in pixels.

    Raises:
        ValueError: another number of axes, or a size that does not divide them.

    Source: Dosovitskiy et al. 2020, section 3.1.

    >>> patches(torch.arange(16).view(1, 4, 4, 1), 2)[0]
    tensor([[ 0,  1,  4,  5],
            [ 2,  3,  6,  7],
            [ 8,  9, 12, 13],
            [10, 11, 14, 15]])
    """
    check_integer("size", size, 1)
    if pictures.ndim != 4 or pictures.shape[1] % size or pictures.shape[2] % size:
        raise ValueError(
            f"expected pictures (M, H, W, C) that squares of {size} fill, "
            f"got {tuple(pictures.shape)}"
        )
    cut = pictures.unflatten(2, (-1, size)).unflatten(1, (-1, size))  # (M, h, s, w, s, C)
    return cut.transpose(2, 3).flatten(3).flatten(1, 2)


def check_pictures(pictures: Tensor, size: int) -> Tensor:
    """Return `pictures` if they are numbers (M, size, size, 3) from 0 to 1.

    Raises:
        ValueError: a size below 1, no tensor of floating-point numbers, another shape (as with
            transparency, a fourth number for each pixel), NaN, or numbers outside 0 to 1.
    """
    check_integer("size", size, 1)
    if not isinstance(pictures, Tensor) or not pictures.is_floating_point():
        got = getattr(pictures, "dtype", type(pictures).__name__)
        raise ValueError(f"expected a tensor of floating-point pictures from 0 to 1, got {got}")
    if pictures.ndim != 4 or pictures.shape[1:] != (size, size, 3) or not len(pictures):
        raise ValueError(
            f"expected pictures of shape (M, {size}, {size}, 3), got {tuple(pictures.shape)}"
        )
    least, most = pictures.aminmax()
    if not (least >= 0 and most <= 1):  # NaN is neither
        raise ValueError(
            f"expected pictures of numbers from 0 to 1, got {least.item():g} to {most.item():g}"
        )
    return pictures


def caption_ends(token_ids: Tensor, end_id: int | None) -> Tensor:
    """Return where each caption is read: at its first end, (N,).

    Args:
        token_ids: (N, T).
        end_id: the end; None takes the place of the largest id, as the first CLIP did.

    Raises:
        ValueError: a caption without its end.

    >>> caption_ends(torch.tensor([[1, 7, 3, 0], [1, 8, 9, 3]]), 3)
    tensor([2, 3])
    """
    if end_id is None:
        return token_ids.argmax(1)
    is_end = token_ids == check_integer("end_id", end_id, 0)
    missing = (~is_end.any(1)).nonzero().flatten().tolist()
    if missing:
        raise ValueError(
            f"expected the end, token {end_id}, in each caption, got none in caption {missing[0]}"
        )
    return is_end.int().argmax(1)


class TextTower(nn.Module):
    """Captions to vectors: a small GPT, read at the end of each caption.

    The end may attend to all that is before it; what stands behind it, padding, changes nothing.

    Source: Radford et al. 2021, section 2.4.
    """

    def __init__(self, config: CLIPConfig):
        super().__init__()
        self.config, tower = config, config.text
        self.token_embedding = nn.Embedding(config.vocab_size, tower.d_model)
        self.position_embedding = nn.Embedding(config.context_length, tower.d_model)
        self.blocks = make_blocks(tower)
        self.final_norm = LayerNorm(tower.d_model, tower.eps)
        self.projection = Linear(tower.d_model, config.d_shared, bias=False)
        start(self, tower)

    def hidden(self, token_ids: Tensor, ends: Tensor | None = None) -> Tensor:
        """Return a vector for each token, (N, T, D), or for those at `ends` (N,) alone, (N, D)."""
        check_token_ids(token_ids, self.config.vocab_size, self.config.context_length)
        x = self.token_embedding(token_ids) + self.position_embedding.weight[: token_ids.shape[1]]
        for block in self.blocks[:-1]:
            x = block(x)  # causal
        last = self.blocks[-1]
        x = last(x) if ends is None else read_block(last, x, ends)
        return self.final_norm(x)

    def forward(self, token_ids: Tensor) -> Tensor:
        """Map captions (N, T) to vectors (N, E) of any length."""
        check_token_ids(token_ids, self.config.vocab_size, self.config.context_length)
        ends = caption_ends(token_ids, self.config.end_id)
        token_ids = token_ids[:, : ends.max() + 1]  # nothing behind the last end is read
        return self.projection(self.hidden(token_ids, ends))


class VisionTower(nn.Module):
    """Pictures to vectors: a Transformer over patches, read at a vector of its own.

    Patches attend to each other in both directions. The first position holds no patch but a learned
    vector, which gathers what the others see.

    Source: Dosovitskiy et al. 2020, section 3.1, with the first normalisation of CLIP.
    """

    def __init__(self, config: CLIPConfig):
        super().__init__()
        self.config, tower = config, config.vision
        self.patch_map = Linear(3 * config.patch_size**2, tower.d_model, bias=False)
        self.class_vector = nn.Parameter(torch.zeros(tower.d_model))
        self.position_embedding = nn.Embedding(1 + config.n_patches, tower.d_model)
        self.first_norm = LayerNorm(tower.d_model, tower.eps)
        self.blocks = make_blocks(tower)
        self.final_norm = LayerNorm(tower.d_model, tower.eps)
        self.projection = Linear(tower.d_model, config.d_shared, bias=False)
        start(self, tower)
        nn.init.normal_(self.class_vector, std=tower.d_model**-0.5)

    def forward(self, pictures: Tensor) -> Tensor:
        """Map pictures (M, H, W, 3) to vectors (M, E) of any length."""
        config = self.config
        x = check_pictures(pictures, config.image_size).to(self.class_vector.dtype)
        if config.mean is not None:
            x = (x - x.new_tensor(config.mean)) / x.new_tensor(config.deviation)
        x = self.patch_map(patches(x, config.patch_size))  # (M, P, D)
        first = self.class_vector.expand(len(x), 1, -1)
        x = self.first_norm(torch.cat([first, x], 1) + self.position_embedding.weight)
        everyone = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device)
        for block in self.blocks[:-1]:
            x = block(x, everyone)
        x = read_block(self.blocks[-1], x, x.new_zeros(len(x), dtype=torch.long), everyone)
        return self.projection(self.final_norm(x))


def start(tower: nn.Module, config: TowerConfig) -> None:
    """Draw the weights that a tower's training starts from.

    Source: the code published with Radford et al. 2021, here with one deviation for all maps.
    """
    initialise(tower, config.n_layers, config.d_model**-0.5)
    for module in tower.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)


class CLIP(CLIPFiles):
    """Two towers that meet: how well each caption fits each picture.

    Args:
        config: the sizes.

    Raises:
        ValueError: in the methods, see `check_token_ids` (captions too long, among others),
            `caption_ends` and `check_pictures`.

    Source: Radford et al. 2021, figure 3. The factor that sharpens the scores is learned as its
    logarithm and begins at 1 / 0.07.
    """

    def __init__(self, config: CLIPConfig):
        super().__init__()
        self.config = config
        self.text, self.vision = TextTower(config), VisionTower(config)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    @property
    def blocks(self) -> nn.ModuleList:
        """The layers of both towers."""
        return nn.ModuleList([*self.text.blocks, *self.vision.blocks])

    def encode_text(self, token_ids: Tensor) -> Tensor:
        """Map captions (N, T) to vectors (N, E) of length 1."""
        return F.normalize(self.text(token_ids), dim=-1)

    def encode_pictures(self, pictures: Tensor) -> Tensor:
        """Map pictures (M, H, W, 3), numbers from 0 to 1, to vectors (M, E) of length 1."""
        return F.normalize(self.vision(pictures), dim=-1)

    def forward(self, token_ids: Tensor, pictures: Tensor) -> Tensor:
        """Return how well captions (N, T) fit pictures (M, H, W, 3): logits (N, M)."""
        words, seen = self.encode_text(token_ids), self.encode_pictures(pictures)
        return self.log_scale.exp() * words @ seen.T
