"""DiT: a Transformer that paints, by taking noise away in steps.

The chapter `dit`. It adds to the Transformer an output that is no word: patches of noise go in,
patches of a picture come out, and a caption, read by the text tower of `clip`, says which picture.

Shapes: B batch, C channels, P patches, T words, D width of the model, E width of the captions'
vectors, t (B,) times. Inside, pictures are (B, C, H, W), with numbers from -1 to 1; what is painted
comes out as (B, H, W, 3), from 0 to 1.

    sizes      the sizes, and what a model's numbers mean
    path       from a picture to noise: flow matching and DDPM
    model      the network
    files      its folders, and those of `diffusers`
    sampling   guidance and steps: Euler, Heun, DDIM, DDPM
    painting   the book's own painter
    learning   the loss, and a training
    measures   what was painted, read back

Sources:
    Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", 2020, arXiv:2006.11239: DDPM.
    Song, Meng and Ermon, "Denoising Diffusion Implicit Models", 2020, arXiv:2010.02502: DDIM.
    Nichol and Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021,
        arXiv:2102.09672: the cosine.
    Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2021,
        arXiv:2112.10752.
    Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", 2022,
        arXiv:2206.00364: Heun's steps.
    Ho and Salimans, "Classifier-Free Diffusion Guidance", 2022, arXiv:2207.12598.
    Liu, Gong and Liu, "Flow Straight and Fast", 2022, arXiv:2209.03003; Lipman et al., "Flow
        Matching for Generative Modeling", 2022, arXiv:2210.02747.
    Peebles and Xie, "Scalable Diffusion Models with Transformers", 2022, arXiv:2212.09748: the DiT.
    Esser et al., "Scaling Rectified Flow Transformers for High-Resolution Image Synthesis", 2024,
        arXiv:2403.03206: the times, captions as positions.
    Li and He, "Back to Basics: Let Denoising Generative Models Denoise", 2025, arXiv:2511.13720:
        the network names the picture.
    The `diffusers` package: the names in the files, and the schedulers.
"""

from lessons_lib.dit.learning import (
    flow_loss,
    painter_batch,
    painter_rate,
    random_times,
    train_painter,
)
from lessons_lib.dit.measures import ReadBack, read_back
from lessons_lib.dit.model import (
    Captions,
    DiT,
    DiTBlock,
    modulate,
    patchify,
    plane_waves,
    time_waves,
    unpatchify,
    without,
)
from lessons_lib.dit.painting import as_input, as_pictures, caption_condition, paint, painter
from lessons_lib.dit.path import (
    ddpm_schedule,
    flow_time,
    noisy,
    seeded_noise,
    to_picture,
    to_velocity,
)
from lessons_lib.dit.sampling import ddim_step, ddpm_step, euler_step, guided, heun_step, sample
from lessons_lib.dit.sizes import DiTConfig

__all__ = [
    "Captions",
    "DiT",
    "DiTBlock",
    "DiTConfig",
    "ReadBack",
    "as_input",
    "as_pictures",
    "caption_condition",
    "ddim_step",
    "ddpm_schedule",
    "ddpm_step",
    "euler_step",
    "flow_loss",
    "flow_time",
    "guided",
    "heun_step",
    "modulate",
    "noisy",
    "paint",
    "painter",
    "painter_batch",
    "painter_rate",
    "patchify",
    "plane_waves",
    "random_times",
    "read_back",
    "sample",
    "seeded_noise",
    "time_waves",
    "to_picture",
    "to_velocity",
    "train_painter",
    "unpatchify",
    "without",
]
