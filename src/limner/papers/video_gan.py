"""Video-GAN, conditional: Vondrick, Pirsiavash & Torralba, "Generating Videos with Scene Dynamics", NIPS 2016.

    film = m * f + (1 - m) * b: one code of the first frame x gives a still background b, and a moving foreground f with its mask m (3-D)
    L_D = CE(D(film), real) + CE(D(G(x)), generated)        L_G = CE(D(G(x)), real) + lambda | G(x)_1 - x |_1
There is no noise, so a face and a label give one film. How a smile's label enters is not said: one model per class, or `labels="told"`.
The tags behind the numbers: `spec A8` are read from the authors' own code; `ours` are choices where that and the papers are silent.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn

from limner import guides
from limner.models.conditional import to_bytes
from limner.models.video_gan import FilmGenerator, LearnFilms
from limner.nn.video import FilmCritic, FrameEncoder, TwoStreams
from limner.papers.first_frame import asked
from limner.papers.monitor import moved_films
from limner.training.config import from_json
from limner.training.loop import Stage


@dataclass(frozen=True, kw_only=True)
class VideoGanConfig:
    """Every number of a run."""

    recipe: str = "video-gan"
    seed: int = 0
    guide: str = "face"  # slides: of faces
    size: int = 64  # spec A8
    num_frames: int = 32  # spec A8
    labels: str = "apart"  # spec A8: one model per class; "told": one for all, which generator and critic are told by channels of the input
    widths: tuple[int, ...] = (128, 256, 512, 1024)  # spec A8: of the encoder and the critic; the two streams mirror them
    frame_weight: float = 10.0  # spec A8: lambda
    film_weight: float = 0.0  # ours: L1 of all frames against the true film; the paper's loss asks the first frame alone
    adversarial_weight: float = 1.0  # spec A8
    rate: float = 2e-4  # spec A8
    critic_rate: float = 2e-4  # spec A8
    betas: tuple[float, ...] = (0.5, 0.999)  # spec A8
    clip: float = 1000.0  # ours: theirs clips nothing; this only catches what would blow up
    batch: int = 32  # spec A8
    steps: tuple[int, ...] = (2000,)  # ours: of each class; theirs: 100 epochs of their films
    flip: bool = True  # ours
    jitter: int = 2  # ours: pixels; theirs: a crop of 64 out of 128, but faces come aligned
    precision: str = "bf16"  # ours: "no" for float32 throughout
    accumulate: int = 1  # ours: micro-batches a step, each of `batch`
    monitor_every: int = 100  # ours
    best: bool = True  # ours: the weights kept are those with the best SSIM on validation people

    def __post_init__(self) -> None:
        if len(self.steps) != 1:
            raise ValueError("steps is one number, of each class")
        if self.labels not in ("apart", "told"):
            raise ValueError(f"labels are apart or told, not {self.labels!r}")
        if self.num_frames != 2 ** (len(self.widths) + 1):
            raise ValueError(f"{len(self.widths)} widths make films of {2 ** (len(self.widths) + 1)} frames, not {self.num_frames}")
        if self.size % 2 ** len(self.widths):
            raise ValueError(f"size must be divisible by {2 ** len(self.widths)}: each of the {len(self.widths)} widths halves it")


class VideoGan(nn.Module, PyTorchModelHubMixin, library_name="limner", license="apache-2.0", tags=["image-to-video", "face"]):
    """Generators and critics, of each class or of all: save_pretrained, from_pretrained, film."""

    family = "video-gan"
    max_modes = 1  # there is no noise

    def __init__(self, *, settings: dict[str, Any], label_names: list[str]):
        super().__init__()
        c = self.settings = from_json(VideoGanConfig, settings)
        self.guide, self.label_names = guides.load(c.guide), tuple(label_names)
        told, number = (len(label_names), 1) if c.labels == "told" else (0, len(label_names))
        back = c.widths[::-1]
        self.generators = nn.ModuleList(
            FilmGenerator(encoder=FrameEncoder(in_channels=3 + told, widths=c.widths), streams=TwoStreams(widths=back), num_labels=told)
            for _ in range(number)
        )
        shape = {"widths": c.widths, "num_frames": c.num_frames, "size": c.size}
        self.critics = nn.ModuleList(FilmCritic(in_channels=3 + told, **shape) for _ in range(number))  # type: ignore[arg-type]

    @torch.no_grad()
    def film(self, first: np.ndarray, *, label: str, seed: int = 0) -> np.ndarray:
        """The first frame (S, S, 3) uint8 and a label -> (T, S, S, 3) uint8; the same with any seed. InputError: another size or label."""
        x, number = asked(self, first, label)
        net = self.generators[number if len(self.generators) > 1 else 0].eval()
        made = net(x, torch.tensor([number], device=x.device))[0]
        return to_bytes(made).permute(1, 2, 3, 0).cpu().contiguous().numpy()


def prepare(config: VideoGanConfig, store: Any) -> tuple[VideoGan, list[Stage]]:
    """A model for this config, ready to train, and its stages, one a class. InputError as data.films.Films."""
    from limner.data.films import Films, held_out_films

    shape: dict[str, Any] = {"size": config.size, "num_frames": config.num_frames, "guide": guides.load(config.guide)}
    films, watched = Films(store, split="train", **shape), held_out_films(store, **shape)
    model = build(config, films.label_names)
    return model, stages(config, model, films, watched)


def build(config: VideoGanConfig, label_names: tuple[str, ...]) -> VideoGan:
    """A model ready to train."""
    torch.manual_seed(config.seed)  # the initial weights
    return VideoGan(settings=asdict(config), label_names=list(label_names))


def stages(config: VideoGanConfig, model: VideoGan, films: Any, watched: Any) -> list[Stage]:
    """One stage for all labels, or one a label, on films of the training people drawn afresh."""
    apart = config.labels == "apart"
    return [
        _stage(config, model, films, watched, number if apart else None, f"video-gan {name}" if apart else "video-gan")
        for number, name in enumerate(model.label_names if apart else ("",))
    ]


def _stage(config: VideoGanConfig, model: VideoGan, films: Any, watched: Any, label: int | None, name: str) -> Stage:
    c = config
    objective = LearnFilms(
        model.generators[label or 0],  # type: ignore[arg-type]
        model.critics[label or 0],  # type: ignore[arg-type]
        frame_weight=c.frame_weight,
        film_weight=c.film_weight,
        adversarial_weight=c.adversarial_weight,
        rate=c.rate,
        critic_rate=c.critic_rate,
        betas=(c.betas[0], c.betas[1]),
    )

    def batch(generator: torch.Generator) -> dict[str, torch.Tensor]:
        return films.draw(c.batch, generator, label=label, flip=c.flip, jitter=c.jitter)

    monitor = None if watched is None else moved_films(watched, model, label)
    best = "ssim" if c.best and monitor else None
    return Stage(name=name, steps=c.steps[0], objective=objective, batch=batch, monitor=monitor, clip=c.clip, best=best)
