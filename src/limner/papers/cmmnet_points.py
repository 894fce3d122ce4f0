"""cmmnet-points (ours): CMM-Net's three phases over exact points, with multiple-choice learning where the paper pushes.

(1) A variational embedding of frames: what every point did since the neutral frame, and how the head moved.
(2) The Cond-LSTM gives the common pattern of a label for this face; a style, drawn from N(0, I), says how this time differs.
(3) K LSTMs turn the common pattern into K modes. Each real sequence teaches the mode nearest to it (Guzman-Rivera et al. 2012),
    so modes come to differ as real smiles differ; push and pull of the paper are there as options.

Two kinds of sequence, "transition" (neutral to apex) and "smile" (to the apex, its peaks, and back), share one network; a store of
recordings holds transitions alone, and `smile_frames=0` learns from these. Each sequence brings its own true duration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn

from limner.guides.face import GUIDE
from limner.models import frames
from limner.models.point_objectives import LearnConditional, LearnFrames, LearnModes, PointWeights
from limner.models.point_sequences import PointSequences
from limner.models.sequence import names_its_mode
from limner.papers.motion import KINDS, ModeMotion, check_request, finish
from limner.papers.sequences import prepare_sequences
from limner.training.config import from_json
from limner.training.loop import Stage, generator_of


@dataclass(frozen=True, kw_only=True)
class CMMNetPointsConfig:
    """Every number of a cmmnet-points run. The whole recipe is ours: the paper works on maps."""

    recipe: str = "cmmnet-points"
    seed: int = 0
    modes: int = 3  # paper: K = 3 in Fig. 6
    num_frames: int = 32  # paper: T = 32
    smile_frames: int = 64  # ours: onset, peaks and offset at about the same rate; 0: transitions alone, which is what recordings give
    latent: int = 24  # ours: 99 % of the corpus' variance needs about 20
    identity: int = 12  # ours: principal shapes of the neutral face
    identity_limit: float = 2.5  # ours: in standard deviations
    identity_noise: float = 0.3  # ours: a real face may lie off the corpus
    style: int = 16  # ours
    style_spread: float = 0.8  # ours: standard deviations of a drawn style; keeps the rarest out
    hidden: int = 128  # ours
    mode_hidden: int = 64  # ours
    bend: int = 96  # ours
    label_features: int = 8  # ours: spec A2 gives 16 for two labels beside 128 codes
    time_features: int = 4  # ours
    phi_pool: str = "flat"  # spec A3
    sigma_unit: float = 0.01  # ours: what counts as one unit of error, of the inter-ocular distance
    kl_weight: float = 0.02  # ours
    style_kl_weight: float = 0.01  # ours
    speed_weight: float = 3.0  # ours: a frame's step weighs as three times its place
    duration_weight: float = 0.2  # ours
    jerk_weight: float = 0.1  # ours: as lively as the real ones, part by part
    choice_weight: float = 1.0  # ours: multiple-choice learning
    choice_mouth: float = 1.0  # ours: beside all points, the mouth's once more: modes should differ where one looks
    choice_sure: float = 0.4  # ours: a mode learns from the 40 % of its sequences that are most its own
    choice_slack: float = 1.3  # ours: a mode takes at most 1.3 / K of a batch
    choice_relax: float = 0.01  # ours: Rupprecht et al. 2017 use 0.05
    push_weight: float = 0.01  # ours: spec A3 gives 1; here choice does the work
    pull_weight: float = 0.0  # ours: the chosen targets pull already
    pull: str = "mean_bce"  # spec A3; L1 over points stands for BCE
    batch: int = 64  # ours
    smile_share: float = 0.35  # ours: part of the batches that are full smiles
    steps: tuple[int, ...] = (300, 600, 900)  # ours: of the three phases
    rate: float = 2e-3  # ours: spec A5 gives 1e-3
    finetune_rate: float = 2e-4  # spec A5: 1e-4 when finetuning, of 1e-3
    accumulate: int = 1  # ours: micro-batches a step, each of `batch`
    ema: float | None = None  # ours: decay of a running average of the weights

    def __post_init__(self) -> None:
        if self.modes < 1:
            raise ValueError("modes is at least 1")
        if self.num_frames < 2:
            raise ValueError(f"num_frames is at least 2, not {self.num_frames}: in one frame nothing moves")
        if self.smile_frames and self.smile_frames < 2:
            raise ValueError(f"smile_frames is at least 2, or 0 to learn from transitions alone; not {self.smile_frames}")
        if len(self.steps) != 3:
            raise ValueError("steps are three numbers, one for each phase")


class CMMNetPoints(
    nn.Module, PyTorchModelHubMixin, library_name="limner", license="apache-2.0", tags=["facial-landmarks", "motion-generation"]
):
    """The networks of cmmnet-points with what they need to generate by themselves: save_pretrained, from_pretrained, generate."""

    def __init__(self, *, settings: dict[str, Any], label_names: list[str]):
        super().__init__()
        self.settings = from_json(CMMNetPointsConfig, settings)
        self.label_names = tuple(label_names)
        c = self.settings
        self.kinds = KINDS if c.smile_frames else KINDS[:1]
        self.net = PointSequences(
            features=2 * GUIDE.num_points + frames.HEAD,
            latent=c.latent,
            identity=c.identity,
            style=c.style,
            hidden=c.hidden,
            mode_hidden=c.mode_hidden,
            bend=c.bend,
            num_labels=len(label_names),
            num_kinds=len(self.kinds),
            num_modes=c.modes,
            label_features=c.label_features,
            time_features=c.time_features,
            identity_limit=c.identity_limit,
            phi_pool=c.phi_pool,
        )

    @property
    def max_modes(self) -> int:
        return self.settings.modes

    def length_of(self, kind: str) -> int:
        """Frames of a sequence of that kind."""
        return self.settings.num_frames if kind == "transition" else self.settings.smile_frames

    @torch.no_grad()
    def generate(
        self, neutral_unit: np.ndarray, *, label: str, modes: int | str = 3, seed: int = 0, kind: str = "transition"
    ) -> list[ModeMotion]:
        """(68, 2) neutral points in the unit frame -> one motion a mode, or the Cond-LSTM's own ("conditional").

        seed 0 takes the style's mean, any other seed draws one for each mode. InputError on an unknown label or kind, or too many modes.
        """
        num_modes = check_request(self, label, modes, kind)
        neutral = np.asarray(neutral_unit, np.float32)
        net, number, device = self.net.eval(), self.kinds.index(kind), next(self.parameters()).device
        identity = net.identity_of(torch.from_numpy(neutral.reshape(1, -1)).to(device))
        style = torch.zeros(1 + self.max_modes, net.style)  # the first is the Cond-LSTM's own
        if seed:
            style = self.settings.style_spread * torch.randn(style.shape, generator=generator_of("style", seed))
        style = style[1 : 1 + num_modes] if num_modes else style[:1]
        labels = torch.tensor([self.label_names.index(label)] * len(style), device=device)
        condition = net.condition(identity.expand(len(style), -1), labels, number, style.to(device))
        codes = net.conditional(condition, self.length_of(kind)).split(1)
        if num_modes:
            codes = [net.modes.one(k, one, condition[k : k + 1]) for k, one in enumerate(codes)]
        codes_NKTD = torch.stack(list(codes), 1)
        features_KTF = net.decode(codes_NKTD, identity)[0].cpu().numpy()
        if kind == "smile":
            features_KTF = calm(features_KTF)
        mean, spread = net.log_duration[number].tolist()
        seconds = (net.log_durations(codes_NKTD)[0] * spread + mean).exp().tolist()
        return [
            finish(features, neutral, duration, mode=k) for k, (features, duration) in enumerate(zip(features_KTF, seconds, strict=True))
        ]

    @torch.no_grad()
    def phi_accuracy(self, neutrals_unit: np.ndarray, *, label: str) -> float:
        """How often the push classifier names the mode, on transitions of (N, 68, 2) neutral faces, 0..1."""
        net = self.net.eval()
        identity = net.identity_of(torch.from_numpy(neutrals_unit.astype(np.float32)).flatten(1))
        labels = torch.full((len(identity),), self.label_names.index(label))
        condition = net.condition(identity, labels, 0, torch.zeros(len(identity), net.style))
        logits = net.classify(net.modes(net.conditional(condition, self.settings.num_frames), condition))
        return names_its_mode(logits)


def calm(features_KTF: np.ndarray) -> np.ndarray:
    """Each frame drawn a little towards its neighbours; the first and the last stay. (K, T, F) -> the same shape.

    ours: over 64 steps the LSTMs learn the training points' tremor as a ripple of every other frame, which shows in the AU6 curve. A tenth
    from either side takes 40 % of it away; more would leave the motion calmer than the real ones' range of jerk.
    """
    calmed = features_KTF.copy()
    calmed[:, 1:-1] += 0.1 * (features_KTF[:, :-2] - 2 * features_KTF[:, 1:-1] + features_KTF[:, 2:])
    return calmed


def prepare(config: CMMNetPointsConfig, store: Any) -> tuple[Any, list[Stage]]:
    """A model for this config, ready to train, and its stages."""
    return prepare_sequences(config, store, build, stages)


def build(config: CMMNetPointsConfig, label_names: tuple[str, ...], training: Mapping[str, Any]) -> CMMNetPoints:
    """A model ready to train: its statistics, and the embedding begun at the principal motions. training: kind -> Sequences."""
    torch.manual_seed(config.seed)  # the initial weights
    model = CMMNetPoints(settings=asdict(config), label_names=list(label_names))
    neutral = np.concatenate([s.points_unit[:, 0] for s in training.values()]).reshape(-1, 2 * GUIDE.num_points)
    mean = neutral.mean(0)
    _, spread, axes = np.linalg.svd(neutral - mean, full_matrices=False)
    spread = spread[: config.identity] / np.sqrt(len(neutral))
    model.net.neutral_mean.copy_(torch.from_numpy(mean))
    model.net.neutral_basis.copy_(torch.from_numpy((axes[: config.identity] / np.maximum(spread, 1e-6)[:, None]).T.copy()))
    for number, kind in enumerate(model.kinds):
        logs = np.log(training[kind].duration_s)
        model.net.log_duration[number] = torch.tensor([logs.mean(), max(logs.std(), 1e-3)])
    features = np.concatenate(
        [frames.from_points(s.points_unit[:400, ::4], GUIDE).reshape(-1, 2 * GUIDE.num_points + 4) for s in training.values()]
    )
    _, spread, axes = np.linalg.svd(features, full_matrices=False)
    spread = np.maximum(spread[: config.latent] / np.sqrt(len(features)), 1e-4)
    with torch.no_grad():
        model.net.decoder.basis.weight.copy_(torch.from_numpy(axes[: config.latent].T * spread))
        model.net.decoder.basis.bias.zero_()
        model.net.encoder.straight.weight[: config.latent].copy_(torch.from_numpy(axes[: config.latent] / spread[:, None]))
        model.net.encoder.straight.weight[config.latent :].zero_()
        model.net.encoder.straight.bias.copy_(torch.tensor([0.0] * config.latent + [-4.0] * config.latent))
    return model


@dataclass
class Batches:
    """Draws batches of one kind of sequence, balanced over the labels."""

    arrays: list[dict[str, torch.Tensor]]
    size: int
    shares: tuple[float, ...]
    rows: list[list[torch.Tensor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = [[(a["labels"] == label).nonzero()[:, 0] for label in a["labels"].unique()] for a in self.arrays]

    def __call__(self, generator: torch.Generator) -> dict[str, torch.Tensor]:
        kind = int(torch.rand((), generator=generator) < self.shares[1])
        groups = self.rows[kind]
        each = max(1, self.size // len(groups))
        picked = torch.cat([group[torch.randint(len(group), (each,), generator=generator)] for group in groups])
        return {name: tensor[picked] for name, tensor in self.arrays[kind].items()} | {"kind": torch.tensor(kind)}


def batches(config: CMMNetPointsConfig, model: CMMNetPoints, training: Mapping[str, Any]) -> Batches:
    arrays = []
    for number, kind in enumerate(model.kinds):
        s = training[kind]
        mean, spread = model.net.log_duration[number].tolist()
        arrays.append(
            {
                "features": torch.from_numpy(frames.from_points(s.points_unit, GUIDE)),
                "neutral": torch.from_numpy(s.points_unit[:, 0].reshape(len(s), -1)),
                "labels": torch.from_numpy(s.labels),
                "duration": torch.from_numpy(((np.log(s.duration_s) - mean) / spread).astype(np.float32)),
            }
        )
    share = config.smile_share if len(model.kinds) > 1 else 0.0
    return Batches(arrays, config.batch, (1 - share, share))


def stages(config: CMMNetPointsConfig, model: CMMNetPoints, training: Mapping[str, Any], monitor=None) -> list[Stage]:
    """The three phases, each starting from the one before."""
    c = config
    weights = PointWeights(
        sigma_unit=c.sigma_unit,
        kl=c.kl_weight,
        style_kl=c.style_kl_weight,
        speed=c.speed_weight,
        duration=c.duration_weight,
        choice=c.choice_weight,
        jerk=c.jerk_weight,
        choice_mouth=c.choice_mouth,
        choice_sure=c.choice_sure,
        choice_slack=c.choice_slack,
        choice_relax=c.choice_relax,
        push=c.push_weight,
        pull=c.pull_weight,
        pull_kind=c.pull,
        identity_noise=c.identity_noise,
    )
    draw = batches(config, model, training)
    phases = (
        ("1 frames", LearnFrames, {"embedding": c.rate}),
        ("2 conditional", LearnConditional, {"embedding": c.finetune_rate, "sequence": c.rate}),
        ("3 modes", LearnModes, {"embedding": c.finetune_rate, "sequence": c.finetune_rate * 3, "modes": c.rate}),
    )
    return [
        Stage(name=name, steps=steps, objective=cls(model.net, weights, rates), batch=draw, learning_rate=fade, monitor=monitor)
        for (name, cls, rates), steps in zip(phases, c.steps, strict=True)
    ]


def fade(part: float) -> float:
    """ours: full rate for the first half, then a cosine down to 2 %."""
    return 1.0 if part < 0.5 else 0.02 + 0.98 * 0.5 * (1 + float(np.cos(2 * np.pi * (part - 0.5))))
