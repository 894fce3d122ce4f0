"""CMM-Net's landmark half: Wang, Alameda-Pineda, Xu, Fua, Ricci, Sebe, "Every Smile is Unique", CVPR 2018.

Block 1. A VAE embeds landmark images (64 x 64). y_0, the drawing of the neutral face, becomes h_0; a label-conditioned LSTM gives
    h_1 .. h_T; the VAE's decoder gives x_1 .. x_T.                            L_BCE = - sum y log x + (1 - y) log(1 - x)
Block 2. K LSTMs turn h into h_1 .. h_K, decoded by the same decoder.          L_push = - sum_k log phi_k(h_*k), and L_pull
Training: (1) the VAE; (2) finetune the VAE, train the Cond-LSTM; (3) finetune both, train the K LSTMs. Block 3, the translation to
pixels, is trained apart (translation.py). Last (ours): a reader of points out of maps, so that motions come out as points.
The tags behind the numbers: `slides` are printed there; `spec A2` etc. are field conventions where the paper is silent; `ours` too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn

from limner import geometry, raster
from limner.guides.face import GUIDE
from limner.models import frames
from limner.models.embedding import LearnEmbedding, MapEmbedding
from limner.models.points_from_maps import LearnPoints, PointsFromMaps
from limner.models.sequence import LearnConditional, LearnModes, ModeSequences, names_its_mode
from limner.nn.recurrent import CondLSTM, ModeClassifier, ModeLSTMs
from limner.nn.vae import MapDecoder, MapEncoder
from limner.papers.motion import ModeMotion, check_request, finish
from limner.papers.sequences import prepare_sequences
from limner.training.config import from_json
from limner.training.loop import Stage, generator_of


@dataclass(frozen=True, kw_only=True)
class CMMNetConfig:
    """Every number of a cmmnet run."""

    recipe: str = "cmmnet"
    seed: int = 0
    size: int = 64  # slides: 64 x 64
    num_frames: int = 32  # slides: T = 32
    modes: int = 3  # slides: K = 3 in Fig. 6
    style: str = "lines"  # spec A2: 1-px lines, not dots
    width_px: float = 1.0  # spec A2
    channels: tuple[int, ...] = (32, 64, 128, 256)  # spec A2: DCGAN-shaped, 64 -> 4
    latent: int = 128  # spec A2
    kl_weight: float = 1.0  # spec A2: 1 with BCE summed over the pixels (both are divided by their number here)
    hidden: int = 128  # spec A2: one layer, hidden = latent, and a linear layer out
    label_features: int = 16  # spec A2: one-hot -> linear, joined to the input at every step
    mode_hidden: int = 128  # spec A3: as the Cond-LSTM
    residual: bool = True  # ours: a mode begins as the Cond-LSTM's own sequence
    push_pool: str = "flat"  # spec A3: the whole sequence enters phi
    pull: str = "mean_bce"  # spec A3: mean_bce, per_mode_bce, embed_l2 or none; the paper's own form could not be read
    push_weight: float = 1.0  # spec A3: 1 : 1 after per-element normalisation
    pull_weight: float = 1.0  # spec A3
    vae_rate: float = 1e-3  # spec A5
    lstm_rate: float = 1e-3  # spec A5
    finetune_rate: float = 1e-4  # spec A5
    clip: float = 5.0  # spec A5: 1-5
    batch_images: int = 64  # spec A5: 16-64
    batch: int = 32  # spec A5: 32 sequences, balanced over the labels
    moments: int = 2  # ours: frames of each sequence decoded in a step, drawn afresh (an unbiased part of the sum over t)
    sequences: int = 2560  # ours: at most so many, drawn once and kept as bytes (335 MB)
    steps: tuple[int, ...] = (700, 800, 500, 800)  # ours: VAE, + Cond-LSTM, + K LSTMs, and the reader of points
    reader_channels: tuple[int, ...] = (16, 32, 64, 128)  # ours
    reader_rate: float = 1e-3  # ours
    precision: str = "bf16"  # ours: halves the time on a CPU with AMX; the LSTMs stay in float32. "no" for float32 throughout
    smooth_frames: float = 1.0  # ours: Gaussian over time on points read frame by frame
    accumulate: int = 1  # ours: micro-batches a step, each of `batch`
    ema: float | None = None  # ours: decay of a running average of the weights; none, as the paper says nothing of one
    translation: str = "translation"  # slides: trained apart, where the store has frames; "" for the landmark half alone

    def __post_init__(self) -> None:
        if self.modes < 1:
            raise ValueError("modes is at least 1")
        if self.num_frames < 2:
            raise ValueError(f"num_frames is at least 2, not {self.num_frames}: in one frame nothing moves")
        if len(self.steps) != 4:
            raise ValueError("steps are four numbers: VAE, Cond-LSTM, K LSTMs, reader of points")
        if self.size != 2 ** len(self.channels) * (self.size >> len(self.channels)):
            raise ValueError(f"size must be divisible by {2 ** len(self.channels)}")
        if self.pull not in ("mean_bce", "per_mode_bce", "embed_l2", "none"):
            raise ValueError(f"no pull loss {self.pull!r}; there are: mean_bce, per_mode_bce, embed_l2, none")


class CMMNet(nn.Module, PyTorchModelHubMixin, library_name="limner", license="apache-2.0", tags=["facial-landmarks", "motion-generation"]):
    """Blocks 1 and 2 with the reader of points: save_pretrained, from_pretrained, generate."""

    kinds = ("transition",)
    duration_s: torch.Tensor  # (labels,) mean of the real ones

    def __init__(self, *, settings: dict[str, Any], label_names: list[str]):
        super().__init__()
        c = self.settings = from_json(CMMNetConfig, settings)
        self.label_names = tuple(label_names)
        shape = {"size": c.size, "channels": c.channels, "latent": c.latent}
        self.net = ModeSequences(
            embedding=MapEmbedding(encoder=MapEncoder(**shape), decoder=MapDecoder(**shape), latent=c.latent),
            conditional=CondLSTM(latent=c.latent, hidden=c.hidden, num_labels=len(label_names), label_features=c.label_features),
            modes=ModeLSTMs(latent=c.latent, hidden=c.mode_hidden, num_modes=c.modes, residual=c.residual),
            phi=ModeClassifier(latent=c.latent, num_steps=c.num_frames, num_modes=c.modes, pool=c.push_pool),
            num_frames=c.num_frames,
        )
        self.net.embedding.to(memory_format=torch.channels_last)  # faster on CPU  # type: ignore[call-overload]
        self.reader = PointsFromMaps(size=c.size, channels=c.reader_channels, num_points=GUIDE.num_points)
        self.register_buffer("duration_s", torch.ones(len(label_names)))

    @property
    def max_modes(self) -> int:
        return self.settings.modes

    def draw(self, points_unit: torch.Tensor) -> torch.Tensor:
        """(N, 68, 2) points in units -> landmark images (N, 1, S, S), 0 or 1."""
        matrix = torch.from_numpy(geometry.unit_to_map(GUIDE, self.settings.size)).float()
        points_px = points_unit.float() @ matrix[:, :2].T + matrix[:, 2]
        return raster.draw(points_px, GUIDE.lines, self.settings.size, width_px=self.settings.width_px, style=self.settings.style)  # type: ignore[arg-type]

    @torch.no_grad()
    def maps(self, neutral_unit: np.ndarray, *, label: str, modes: int | str = 3, seed: int = 0) -> torch.Tensor:
        """(68, 2) neutral points -> the decoded landmark images (K, T, S, S) in (0, 1), as the paper shows them; K = 1 for "conditional".

        seed 0 takes the posterior's mean for h_0; any other seed draws h_0 from q(h | y_0).
        """
        num_modes = check_request(self, label, modes, "transition")
        net, device = self.net.eval(), next(self.parameters()).device
        y_0 = self.draw(torch.from_numpy(np.asarray(neutral_unit, np.float32))[None]).to(device)
        h_0, _, _ = net.embedding.encode(y_0, generator_of("h_0", seed) if seed else None)
        h_NKTD = net.conditional(h_0, torch.tensor([self.label_names.index(label)], device=device), self.settings.num_frames)[:, None]
        if num_modes:
            h_NKTD = net.modes(h_NKTD[:, 0])[:, :num_modes]
        return torch.sigmoid(net.embedding.decode(h_NKTD).float())[0, :, :, 0]

    @torch.no_grad()
    def generate(
        self, neutral_unit: np.ndarray, *, label: str, modes: int | str = 3, seed: int = 0, kind: str = "transition"
    ) -> list[ModeMotion]:
        """(68, 2) neutral points in the unit frame -> one motion a mode. Points are read out of the decoded maps, relative to the first.

        The duration is the mean of the label's real ones: CMM-Net has none. InputError on an unknown label or kind, or too many modes.
        """
        check_request(self, label, modes, kind)
        neutral = np.asarray(neutral_unit, np.float32)
        motions = []
        for mode, maps_THW in enumerate(self.maps(neutral, label=label, modes=modes, seed=seed)):
            read = self.reader.eval()(maps_THW[:, None]).cpu().numpy()
            moved = frames.from_points(smooth(read, self.settings.smooth_frames), GUIDE)
            motions.append(finish(moved, neutral, float(self.duration_s[self.label_names.index(label)]), mode=mode))
        return motions

    @torch.no_grad()
    def phi_accuracy(self, neutrals_unit: np.ndarray, *, label: str) -> float:
        """How often the push classifier names the mode, on (N, 68, 2) neutral faces, 0..1."""
        h_0, _, _ = self.net.embedding.encode(self.draw(torch.from_numpy(neutrals_unit.astype(np.float32))))
        labels = torch.full((len(h_0),), self.label_names.index(label))
        return names_its_mode(self.net.phi(self.net.modes(self.net.conditional(h_0, labels, self.settings.num_frames))))


def smooth(points_TP2: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian over time, sigma in frames; 0 leaves the points as they are."""
    if sigma <= 0:
        return points_TP2
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(points_TP2, sigma, axis=0, mode="nearest").astype(points_TP2.dtype)


def prepare(config: CMMNetConfig, store: Any) -> tuple[Any, list[Stage]]:
    """A model for this config, ready to train, and its stages."""
    return prepare_sequences(config, store, build, stages)


def build(config: CMMNetConfig, label_names: tuple[str, ...], training: Mapping[str, Any]) -> CMMNet:
    """A model ready to train, with the training set's mean shape and durations. training: kind -> Sequences."""
    torch.manual_seed(config.seed)  # the initial weights
    model = CMMNet(settings=asdict(config), label_names=list(label_names))
    transitions = training["transition"]
    model.reader.mean.copy_(torch.from_numpy(transitions.points_unit.mean((0, 1))))
    for number in range(len(label_names)):
        model.duration_s[number] = float(transitions.duration_s[transitions.labels == number].mean())
    return model


class Drawings:
    """The training sequences, drawn once: frames (N, T, 1, S, S) uint8, points (N, T, 68, 2), labels (N,)."""

    def __init__(self, config: CMMNetConfig, model: CMMNet, sequences: Any):
        order = torch.randperm(len(sequences), generator=generator_of(config.seed, "sequences"))[: config.sequences]
        self.config = config
        self.points = torch.from_numpy(sequences.points_unit)[order]
        self.labels = torch.from_numpy(sequences.labels)[order]
        self.frames = torch.stack([model.draw(points).to(torch.uint8) for points in self.points])
        self.rows = [(self.labels == label).nonzero()[:, 0] for label in self.labels.unique()]

    def images(self, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Single frames and their points, from anywhere."""
        n = torch.randint(len(self.frames), (self.config.batch_images,), generator=generator)
        t = torch.randint(self.config.num_frames, (self.config.batch_images,), generator=generator)
        return {"frames": self.frames[n, t], "points": self.points[n, t]}

    def sequences(self, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Sequences balanced over the labels, at a few moments."""
        each = max(1, self.config.batch // len(self.rows))
        n = torch.cat([rows[torch.randint(len(rows), (each,), generator=generator)] for rows in self.rows])
        moments = torch.randperm(self.config.num_frames, generator=generator)[: self.config.moments]
        return {"first": self.frames[n, 0], "maps": self.frames[n][:, moments], "labels": self.labels[n], "moments": moments}


def stages(config: CMMNetConfig, model: CMMNet, training: Mapping[str, Any], monitor: Callable | None = None) -> list[Stage]:
    """The three phases, each starting from the one before, and the reader of points."""
    c, net = config, model.net
    data = Drawings(c, model, training["transition"])
    phase2 = {"kl_weight": c.kl_weight, "rate": c.lstm_rate, "finetune_rate": c.finetune_rate}
    vae = LearnEmbedding(net.embedding, kl_weight=c.kl_weight, rate=c.vae_rate)
    modes = LearnModes(net, push_weight=c.push_weight, pull_weight=c.pull_weight, pull=c.pull, mode_rate=c.lstm_rate, **phase2)  # type: ignore[arg-type]
    reader = LearnPoints(model.reader, net.embedding, rate=c.reader_rate)
    return [
        Stage(name="1 VAE", steps=c.steps[0], objective=vae, batch=data.images, clip=c.clip),
        Stage(name="2 Cond-LSTM", steps=c.steps[1], objective=LearnConditional(net, **phase2), batch=data.sequences, clip=c.clip),
        Stage(name="3 K LSTMs", steps=c.steps[2], objective=modes, batch=data.sequences, monitor=monitor, clip=c.clip),
        Stage(
            name="points from maps",
            steps=c.steps[3],
            objective=reader,
            batch=data.images,
            learning_rate=halved,
            monitor=monitor,
            clip=c.clip,
        ),
    ]


def halved(part: float) -> float:
    """ours: full rate for the first half, then linearly down to 5 %."""
    return 1.0 if part < 0.5 else 1.0 - 1.9 * (part - 0.5)
