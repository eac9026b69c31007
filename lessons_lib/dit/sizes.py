"""The sizes of a diffusion Transformer, and what its numbers mean."""

from dataclasses import dataclass

from lessons_lib.base.validation import (
    MOST_LAYERS,
    MOST_NUMBERS,
    check_heads,
    check_integer,
    check_number,
)

MOST_STEPS = 10_000  # beyond every published table
PREDICTIONS = ("picture", "velocity", "noise")
PATHS = ("flow", "ddpm")


@dataclass(frozen=True)
class DiTConfig:
    """The sizes of a DiT; the defaults are those of the book's own.

    Args:
        image_size: the width and height of a picture, in pixels.
        patch_size: the same of a patch.
        channels: C, the numbers of a pixel.
        d_model: D, divisible by 4.
        n_layers: the number of blocks.
        n_heads: H, the heads of each attention.
        d_ff: F, 4 D by default.
        n_classes: the number of labels that a picture can have, if labels say what to paint.
        d_condition: the width of a caption's vectors, if captions say it: one of the two is given.
        predicts: "picture", "velocity" or "noise", what the output is to be.
        path: "flow", with times from 0 to 1, or "ddpm", with steps counted from 0.
        n_steps: how many steps the path "ddpm" has.
        out_channels: the numbers of a pixel that come out; C by default. Where there are more, the
            first C are the prediction, the rest how sure it is.
        n_waves: of the time, even and at least 4.
        qk_norm: whether queries and keys are brought to length sqrt(D / H) before they meet.
        one_embedder: whether all layers share what time and label become, or have one each.
        feed_eps: added to the variance in the norm before the feed-forward network.

    Raises:
        ValueError: a size below 1 or beyond all models, sizes that do not divide, labels and
            captions both or neither, or another prediction or path.
    """

    image_size: int = 32
    patch_size: int = 8
    channels: int = 3
    d_model: int = 160
    n_layers: int = 4
    n_heads: int = 5
    d_ff: int | None = None
    n_classes: int | None = None
    d_condition: int | None = None
    predicts: str = "picture"
    path: str = "flow"
    n_steps: int = 1000
    out_channels: int | None = None
    n_waves: int = 128
    qk_norm: bool = True
    one_embedder: bool = True
    feed_eps: float = 1e-5

    def __post_init__(self):
        for name in ("image_size", "patch_size", "channels"):
            check_integer(name, getattr(self, name), 1, MOST_NUMBERS)
        check_integer("n_steps", self.n_steps, 1, MOST_STEPS)
        check_integer("n_layers", self.n_layers, 1, MOST_LAYERS)
        check_heads(self.d_model, self.n_heads)
        for name in ("d_ff", "n_classes", "d_condition"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), 1, MOST_NUMBERS)
        if self.out_channels is not None:
            check_integer("out_channels", self.out_channels, self.channels, MOST_NUMBERS)
        check_number("feed_eps", self.feed_eps, least=0)
        check_integer("n_waves", self.n_waves, 4, MOST_NUMBERS)
        for name in ("qk_norm", "one_embedder"):
            if type(setting := getattr(self, name)) is not bool:
                raise ValueError(f"expected {name} to be True or False, got {setting!r:.80}")
        self._check_together()

    def _check_together(self):
        if self.image_size % self.patch_size:
            raise ValueError(
                f"expected an image_size divisible by patch_size, got {self.image_size} and "
                f"{self.patch_size}"
            )
        if self.n_patches * self.d_model > MOST_NUMBERS:  # of which no file holds one
            raise ValueError(
                f"expected at most {MOST_NUMBERS} numbers for the places of patches, got "
                f"{self.n_patches} patches of {self.d_model}"
            )
        if self.d_model % 4 or self.n_waves % 2:
            raise ValueError(
                f"expected a d_model divisible by 4 and an even n_waves, got {self.d_model} and "
                f"{self.n_waves}"
            )
        if (self.n_classes is None) == (self.d_condition is None):
            raise ValueError(
                f"expected n_classes or d_condition, and not both, got {self.n_classes} and "
                f"{self.d_condition}"
            )
        if self.predicts not in PREDICTIONS:
            raise ValueError(f"expected predicts among {PREDICTIONS}, got {self.predicts!r:.80}")
        if self.path not in PATHS:
            raise ValueError(f"expected a path among {PATHS}, got {self.path!r:.80}")

    @property
    def n_patches(self) -> int:
        """P, the patches of a picture."""
        return (self.image_size // self.patch_size) ** 2

    @property
    def n_inputs(self) -> int:
        """The numbers of a patch that goes in."""
        return self.patch_size**2 * self.channels

    @property
    def n_outputs(self) -> int:
        """The numbers of a patch that comes out."""
        return self.patch_size**2 * (self.out_channels or self.channels)

    @property
    def n_embedders(self) -> int:
        """How many times and labels are embedded in different ways."""
        return 1 if self.one_embedder else self.n_layers
