"""Gradients: numbers that remember how they were made, and find their slopes on the way back.

The chapter `gradients`. It adds to the models what training stands on: a tape in NumPy that
computes the slope of one number, the loss, with respect to every parameter, and a tiny GPT made of
it. PyTorch does the same, faster; later chapters use PyTorch.

Shapes: B batch, T positions, H heads, K width of a head, D width of the model, F width of the
feed-forward network, V vocabulary, N positions of all texts together. All numbers have 64 bits.

Sources:
    Linnainmaa, "Taylor expansion of the accumulated rounding error", 1976, BIT 16, 146-160:
        slopes from the result back to the start.
    Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986.
    Karpathy, "micrograd", 2020: a tape for single numbers, with a topological order.
    torch.autograd: what is accumulated where, and the oracle of the tests.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Self

import numpy as np

from lessons_lib.base.validation import (
    MOST_LAYERS,
    MOST_NUMBERS,
    check_array,
    check_heads,
    check_id_rows,
    check_ids,
    check_integer,
    check_number,
    check_product,
    check_rows,
    check_together,
)

__all__ = [
    "Arithmetic",
    "Node",
    "Tables",
    "Tensor",
    "TinyGPT",
    "attention",
    "block",
    "cross_entropy",
    "feed_forward",
    "fit",
    "gpt_shapes",
    "in_order",
    "linear",
    "log_softmax",
    "loss",
    "multi_head",
    "rms_norm",
]


def in_order(last: "Node") -> list["Node"]:
    """Return all nodes that `last` was made from, and itself: each after those it was made from.

    Source: depth-first search with a list of its own in place of calls, as a model of many layers
    would exceed Python's limit for calls within calls.
    """
    order, seen, waiting = [], set(), [(last, False)]
    while waiting:
        node, sources_done = waiting.pop()
        if sources_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            waiting.append((node, True))
            waiting += [(source, False) for source, _ in node.made_from]
    return order


def fit(slope: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Undo broadcasting: add a slope up over the axes along which an array was repeated.

    >>> fit(np.ones((2, 3)), (3,)), fit(np.ones((2, 3)), (2, 1))
    (array([2., 2., 2.]), array([[3.],
           [3.]]))
    """
    slope = slope.sum(tuple(range(slope.ndim - len(shape))))  # axes that were not there
    repeated = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return slope.sum(repeated, keepdims=True)


class Node:
    """An array that remembers how it was made, and finds the slopes of what it was made from.

    Args:
        array: a number or an array of numbers; kept as a copy in 64 bits.
        made_from: pairs of another node and a function that takes the slope of this node and
            returns that of the other.

    Attributes:
        array: the numbers.
        gradient: how fast the last result grew with each of them; the same shape, 0 at first.

    Raises:
        ValueError: no numbers, or NaN among them.
    """

    __array_ufunc__ = None  # NumPy leaves `array + node` to the node

    def __init__(self, array: object, *made_from: tuple[Self, Callable]):
        self.array = check_array("array", array, finite=False)
        self.gradient = np.zeros_like(self.array)
        self.made_from = made_from

    def backward(self) -> None:
        """Add the slope of this one number to `gradient` of every node that it was made from.

        Raises:
            ValueError: this is not one number.

        Source: as `torch.Tensor.backward`, which keeps the gradients of the first nodes only.
        """
        if self.array.size != 1:
            raise ValueError(f"expected one number to go back from, got shape {self.array.shape}")
        slopes = {self: np.ones_like(self.array)}
        for node in reversed(in_order(self)):
            slope = slopes.pop(node)  # whatever was made from this node has sent its part
            node.gradient += slope
            for source, rule in node.made_from:
                part = fit(rule(slope), source.array.shape)
                slopes[source] = slopes[source] + part if source in slopes else part

    def beside(self, other: object, sign: str) -> Self:
        """Return `other`, a node or plain numbers, as a node that broadcasts with this one.

        Raises:
            ValueError: shapes that do not go together.
        """
        other = other if isinstance(other, Node) else type(self)(other)
        check_together(sign, self.array.shape, other.array.shape)
        return other

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.array.shape})"


class Arithmetic(Node):
    """A node that can be added, multiplied, and put into exp and log, number by number."""

    def __add__(self, other: object) -> Self:
        other = self.beside(other, "+")
        total = self.array + other.array
        return type(self)(total, (self, lambda slope: slope), (other, lambda slope: slope))

    def __mul__(self, other: object) -> Self:
        other = self.beside(other, "*")
        a, b = self.array, other.array
        return type(self)(a * b, (self, lambda slope: slope * b), (other, lambda slope: slope * a))

    def __sub__(self, other: object) -> Self:
        return self + self.beside(other, "-") * -1

    def __neg__(self) -> Self:
        return self * -1

    __radd__, __rmul__ = __add__, __mul__  # 2 + x and 2 * x

    def exp(self) -> Self:
        """Return e to the power of each number."""
        result = np.exp(self.array)
        return type(self)(result, (self, lambda slope: slope * result))

    def log(self) -> Self:
        """Return the natural logarithm of each number, all above 0."""
        array = check_array("the numbers of log", self.array, above=0)
        return type(self)(np.log(array), (self, lambda slope: slope / array))


class Tables(Arithmetic):
    """A node that knows matrix products, sums and means."""

    def __matmul__(self, other: object) -> Self:
        other = other if isinstance(other, Node) else type(self)(other)
        a, b = self.array, other.array
        check_product(a.shape, b.shape)
        to_a = (self, lambda slope: slope @ b.swapaxes(-1, -2))
        return type(self)(a @ b, to_a, (other, lambda slope: a.swapaxes(-1, -2) @ slope))

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Self:
        """Add up along one axis, several, or all of them."""
        kept, shape = self.array.sum(axis, keepdims=True).shape, self.array.shape
        back = (self, lambda slope: np.broadcast_to(slope.reshape(kept), shape))
        return type(self)(self.array.sum(axis, keepdims=keepdims), back)

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Self:
        """Return the sum, divided by how many numbers were added up."""
        size = check_integer("the size of an array with a mean", self.array.size, 1)
        total = self.sum(axis, keepdims)
        return total * (total.array.size / size)


class Tensor(Tables):
    """A node with all of that, whose places can be taken and whose shape can be changed.

    Args:
        array: a number or an array of numbers.

    Raises:
        ValueError: see `Node`; shapes that do not go together, axes that are not there, a logarithm
            of what is not above 0.
        IndexError: a place that is not there.

    >>> x = Tensor([1.0, 2.0])
    >>> (x * x).sum().backward()
    >>> x.gradient
    array([2., 4.])
    """

    def __getitem__(self, index: object) -> Self:
        def back(slope: np.ndarray) -> np.ndarray:
            spread = np.zeros_like(self.array)
            np.add.at(spread, index, slope)  # a place that was taken twice gets both
            return spread

        return Tensor(self.array[index], (self, back))

    def reshape(self, *shape: int) -> Self:
        """Return the same numbers in another shape."""
        own = self.array.shape
        return Tensor(self.array.reshape(shape), (self, lambda slope: slope.reshape(own)))

    def swapaxes(self, i: int, j: int) -> Self:
        """Return the array with two axes swapped."""
        return Tensor(self.array.swapaxes(i, j), (self, lambda slope: slope.swapaxes(i, j)))


def log_softmax(x: Tensor) -> Tensor:
    """Return the logarithms of the softmax along the last axis.

    The largest number is subtracted first: a constant, which changes neither result nor slopes.
    """
    shifted = x - x.array.max(-1, keepdims=True)
    return shifted - shifted.exp().sum(-1, keepdims=True).log()


def cross_entropy(logits: Tensor, targets: Sequence[int]) -> Tensor:
    """Return the mean surprise at the targets, in nats.

    Args:
        logits: (N, V).
        targets: N token ids.

    Raises:
        ValueError: other shapes, no positions at all, or ids outside the vocabulary.

    Source: as `torch.nn.functional.cross_entropy`.
    """
    rows = check_rows("logits", logits.array)
    targets = check_ids(targets, rows.shape[1])
    if len(targets) != len(rows):
        raise ValueError(f"expected {len(rows)} targets, as many as rows, got {len(targets)}")
    return -log_softmax(logits)[np.arange(len(rows)), targets].mean()


def rms_norm(x: Tensor, weight: Tensor, eps: float = 1e-5) -> Tensor:
    """Scale each vector of x (..., D) to a mean square of 1, then by the weight (D,).

    Args:
        x: (..., D).
        weight: (D,).
        eps: added to the mean square.

    Raises:
        ValueError: shapes that do not go together, a negative eps, or a vector of zeros with an
            eps of 0.

    Source: Zhang and Sennrich 2019, equation 4, as `lessons_lib.llama.RMSNorm`.
    """
    mean_square = (x * x).mean(-1, keepdims=True) + check_number("eps", eps, least=0)
    return x * (mean_square.log() * -0.5).exp() * weight  # 1 / sqrt(m) is e ** (-log(m) / 2)


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return for each query the mean of the values up to its own position (..., T, K).

    Raises:
        ValueError: shapes that do not go together.

    Source: Vaswani et al. 2017, equation 1, with the causal mask of the chapter `attention`.
    """
    n_tokens, d_head = q.array.shape[-2:]
    future = np.triu(np.full((n_tokens, n_tokens), -np.inf), 1)  # 0 where it may attend
    scores = q @ k.swapaxes(-1, -2) * d_head**-0.5 + future
    return log_softmax(scores).exp() @ v


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """Map x (..., D) with the weight (E, D) to (..., E)."""
    return x @ weight.swapaxes(0, 1)


def multi_head(x: Tensor, weights: Mapping[str, Tensor], n_heads: int) -> Tensor:
    """Let the positions of x (B, T, D) attend up to themselves, in several heads.

    Args:
        x: (B, T, D).
        weights: the four maps (D, D) of the attention, by their names in a `Block`.
        n_heads: H, a divisor of D.

    Raises:
        ValueError: see `check_heads`.
    """
    b, t, d = x.array.shape
    check_heads(d, n_heads)
    maps = [linear(x, weights[f"attention.{name}.weight"]) for name in ("query", "key", "value")]
    heads = [y.reshape(b, t, n_heads, d // n_heads).swapaxes(1, 2) for y in maps]  # (B, H, T, K)
    mixed = attention(*heads).swapaxes(1, 2).reshape(b, t, d)
    return linear(mixed, weights["attention.output.weight"])


def feed_forward(x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
    """Map x (B, T, D) up to width F, set what is negative to 0, and map down again."""
    up = linear(x, weights["feed_forward.up.weight"])
    return linear(up * (up.array > 0).astype(float), weights["feed_forward.down.weight"])


def block(x: Tensor, weights: Mapping[str, Tensor], n_heads: int) -> Tensor:
    """Map the residual stream x (B, T, D) to the next one, as a `Block` does."""
    x = x + multi_head(rms_norm(x, weights["attention_norm.weight"]), weights, n_heads)
    return x + feed_forward(rms_norm(x, weights["feed_norm.weight"]), weights)


def gpt_shapes(
    vocab_size: int, context_length: int, d_model: int, n_layers: int
) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter of a `TinyGPT`, by its name in a `GPT`.

    Raises:
        ValueError: a size below 1 or beyond all models.

    >>> gpt_shapes(10, 8, 4, 1)["blocks.0.feed_forward.up.weight"]
    (16, 4)
    """
    v = check_integer("vocab_size", vocab_size, 1, MOST_NUMBERS)
    t = check_integer("context_length", context_length, 1, MOST_NUMBERS)
    d = check_integer("d_model", d_model, 1, MOST_NUMBERS)
    shapes = {"token_embedding": (v, d), "position_embedding": (t, d)}
    for layer in range(check_integer("n_layers", n_layers, 1, MOST_LAYERS)):
        at = f"blocks.{layer}."
        shapes |= {at + "attention_norm": (d,), at + "feed_norm": (d,)}
        shapes |= {at + f"attention.{x}": (d, d) for x in ("query", "key", "value", "output")}
        shapes |= {at + "feed_forward.up": (4 * d, d), at + "feed_forward.down": (d, 4 * d)}
    shapes["final_norm"] = (d,)
    return {f"{name}.weight": shape for name, shape in shapes.items()}


class TinyGPT:
    """A GPT of Tensors: RMSNorm, no biases, ReLU, and one table to read and to write tokens.

    Args:
        vocab_size: V.
        context_length: the most positions that it can read.
        d_model: D.
        n_heads: H.
        n_layers: the number of blocks.
        seed: of the random numbers that it starts from.

    Attributes:
        parameters: Tensors by name, the names of a `GPT` whose blocks are made of such parts.

    Raises:
        ValueError: see `gpt_shapes`; a D that H does not divide; ids that are no rows (B, T) of
            the vocabulary, or too long ones.

    Source: Radford et al. 2019, with the parts that the first line names.
    """

    def __init__(
        self,
        vocab_size: int,
        context_length: int,
        d_model: int = 16,
        n_heads: int = 2,
        n_layers: int = 1,
        seed: int = 0,
    ):
        check_heads(d_model, n_heads)
        rng = np.random.default_rng(check_integer("seed", seed, 0))
        self.parameters, self.n_heads, self.n_layers = {}, n_heads, n_layers
        for name, shape in gpt_shapes(vocab_size, context_length, d_model, n_layers).items():
            start = np.ones(shape) if len(shape) == 1 else rng.normal(0, 0.02, shape)
            self.parameters[name] = Tensor(start)

    def __call__(self, token_ids: object) -> Tensor:
        """Return logits (B, T, V) for token ids (B, T)."""
        table, places, *_, norm = self.parameters.values()
        ids = check_id_rows(token_ids, len(table.array), len(places.array))
        x = table[ids] + places[: ids.shape[1]]  # (B, T, D)
        for layer in range(self.n_layers):
            at = f"blocks.{layer}."
            own = {n.removeprefix(at): p for n, p in self.parameters.items() if n.startswith(at)}
            x = block(x, own, self.n_heads)
        return linear(rms_norm(x, norm), table)


def loss(model: TinyGPT, token_ids: object) -> Tensor:
    """Return the mean surprise of each token after the first, in nats.

    Args:
        model: gives logits (B, T, V) for ids (B, T).
        token_ids: (B, T + 1); the first T are the input, the last T what should come out.

    Raises:
        ValueError: fewer than two tokens, or ids that the model does not know.

    Source: as `lessons_lib.gpt.loss`.
    """
    ids = check_id_rows(token_ids)
    logits = model(ids[:, :-1])  # (B, T, V)
    return cross_entropy(logits.reshape(-1, logits.array.shape[-1]), ids[:, 1:].ravel())
