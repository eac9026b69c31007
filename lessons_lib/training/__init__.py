"""Training: a model takes many small steps downhill, until it predicts nearly as well as possible.

The chapter `training`. It adds to the models what makes them learn: gradients, optimizers, a
schedule, batches, and a loop that can be stopped at any moment and goes on as if nothing had been.

    python -m lessons_lib.training --text quijote --minutes 3 --out quijote-model

Shapes: B batch, T positions, V vocabulary. Losses are in nats per token.

Sources:
    Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986:
        gradient descent with momentum.
    Kingma and Ba, "Adam", 2014, arXiv:1412.6980; Loshchilov and Hutter, "Decoupled Weight Decay
        Regularization", 2017, arXiv:1711.05101: AdamW.
    Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
        kellerjordan.github.io/posts/muon.
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2012,
        arXiv:1211.5063: clipping.
"""

from lessons_lib.training.command import write_text
from lessons_lib.training.data import Windows, evaluate
from lessons_lib.training.gradients import clip_gradients, cross_entropy_gradient, numeric_gradient
from lessons_lib.training.optimizers import SGD, AdamW, Muon, learning_rate, orthogonalise
from lessons_lib.training.recipe import Recipe, make_optimizers
from lessons_lib.training.run import TrainingDiverged, read_record, train
from lessons_lib.training.stopping import Stopping
from lessons_lib.training.stories import END, story_data, story_losses, story_model, story_tokenizer

__all__ = [
    "END",
    "SGD",
    "AdamW",
    "Muon",
    "Recipe",
    "Stopping",
    "TrainingDiverged",
    "Windows",
    "clip_gradients",
    "cross_entropy_gradient",
    "evaluate",
    "learning_rate",
    "make_optimizers",
    "numeric_gradient",
    "orthogonalise",
    "read_record",
    "story_data",
    "story_losses",
    "story_model",
    "story_tokenizer",
    "train",
    "write_text",
]
