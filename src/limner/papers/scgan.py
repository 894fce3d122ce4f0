"""Skeleton-aided articulated motion generation: Yan, Xu, Ni, Zhang & Yang, ACM MM 2017. One person + a skeleton sequence -> frames.

    y_hat_t = G(x, s_t, z)                                     x: a reference picture of the person; s_t: the skeleton, coloured limbs
    min_G max_D  L_c + lambda L_L1 + beta L_tri
    L_c   = E log D(x, s, y) + E log(1 - D(x, s, y_hat))       L_L1 = E || y - y_hat ||_1
    L_tri = sum [ |t_a - t_p|^2 - |t_a - t_n|^2 + alpha ]_+    over generated frames of one clip: a frame, the next, a distant one
G is a U-Net, siamese or stacked (models.skeleton); z is dropout in its decoder, drawn at test too, once a clip, so that nothing flickers.
In training x is any frame of the clip, at test its first. Ours (`carry`): G also sees x with its limbs carried to s_t.
The tags behind the numbers: `slides` are printed there (Tables I and II as spec B2 decodes them); `spec` are conventions where the paper
is silent; `ours` too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn

from limner import guides, raster
from limner.limb_warp import carry
from limner.models.conditional import FRAMES, Triplets, to_bytes, to_signed
from limner.models.skeleton import CARRY_CHANNELS, IN_CHANNELS, STRUCTURES, learn_pose, pose
from limner.nn.critic import PatchCritic
from limner.nn.unet import UNet
from limner.papers.monitor import moved_frames
from limner.papers.translation import fading
from limner.training.config import from_json
from limner.training.loop import Stage, generator_of
from limner.types import InputError

LOSSES = ("l1", "gan", "l1+gan", "l1+gan+triplet")  # slides: the columns of Table III, less the real frames'
SKIPS: dict[str, tuple[int, ...] | None] = {"both": None, "pose": (0,), "appearance": (1,)}
CRITICS = ("slides", "pix2pix286")
Skeletons = tuple[torch.Tensor, torch.Tensor]  # (N, K, 2) points in pixels of the S x S frame, (N, K) confidence, 0 where one is missing


@dataclass(frozen=True, kw_only=True)
class ScganConfig:
    """Every number of a run. Of `widths` and `critic_widths` a smaller size takes the first: as many layers as halve it to 1 x 1, 4 x 4."""

    recipe: str = "scgan-siamese"
    seed: int = 0
    guide: str = "body"  # spec B3: KTH and Human3.6M; the slides' skeletons are OpenPose's
    size: int = 256  # slides: Tables I and II
    line_px: float | None = None  # spec B3: width of the limbs; none: 4 px at 256 and in proportion
    structure: str = "siamese"  # slides: siamese, stacked1 or stacked2
    skips: str = "both"  # spec B2: of a siamese generator: both, appearance or pose
    tied: bool = False  # spec B2: one encoder's weights for both
    widths: tuple[int, ...] = (64, 128, 256, 512, 512, 512, 512, 512)  # slides: Table I; the decoder gives 512 .. 64 and 3 (spec B2)
    keep: bool = False  # ours: whether the network also says where the reference stays as it is; the paper's draws the whole picture
    carry: bool = (
        False  # ours: whether the network mends the reference with its limbs carried to the skeleton (limb_warp), in place of drawing anew
    )
    norm: str = "batch"  # slides; none on the first layer, at 1 x 1 (spec B2) and on the picture
    drop: float = 0.5  # slides
    drop_layers: int = 3  # spec B2: pix2pix's three innermost; 8 is Table I read literally, but for the picture itself
    critic: str = "slides"  # slides: six layers of stride 2, then one number; "pix2pix286": the last keeps its side, a number a patch
    critic_widths: tuple[int, ...] = (64, 128, 256, 512, 512, 512)  # slides: Table II
    losses: str = "l1+gan+triplet"  # slides: l1, gan, l1+gan or l1+gan+triplet
    adversarial: str = "gan"  # slides; the generator's half in the non-saturating form
    adversarial_weight: float = 1.0  # slides
    l1_weight: float = 100.0  # spec B1: lambda, pix2pix's
    triplet_weight: float = 1.0  # spec B1: beta
    margin: float = 0.2  # spec B1: alpha, FaceNet's
    gap: int = 5  # spec B1: the negative lies at least so many frames off, any such frame alike
    feature: str = "disc"  # spec B1: what t is of a generated frame, of length 1: "disc", what the critic's head sees, or its "pixels"
    rate: float = 2e-4  # spec B2: pix2pix
    betas: tuple[float, ...] = (0.5, 0.999)  # spec B2: pix2pix
    clip: float = 1000.0  # ours: pix2pix clips nothing; this only catches what would blow up
    batch: int = 6  # spec B2: 1-8 frames; with triplets a third as many clips of three
    steps: tuple[int, ...] = (20000,)  # ours
    least_confidence: float = 0.3  # ours: mean over the joints, of a frame that is learned from
    flip: bool = True  # ours: as pix2pix; right and left change their colours
    jitter: int = 8  # spec B2: pixels of 256, the same for x, s and y; pix2pix shifts by up to 30 of 286
    precision: str = "bf16"  # ours: "no" for float32 throughout
    accumulate: int = 1  # ours: micro-batches a step, each of `batch`
    ema: float | None = None  # ours: decay of a running average of the weights; none, as the paper says nothing of one

    def __post_init__(self) -> None:
        depth = self.size.bit_length() - 1
        if self.size != 1 << depth or depth < 4 or depth > len(self.widths):
            raise ValueError(
                f"size is a power of two from 16 to {1 << len(self.widths)}, as {len(self.widths)} widths allow; not {self.size}"
            )
        if depth - 2 > len(self.critic_widths):
            raise ValueError(f"a critic of {self.size} pixels has {depth - 2} critic_widths, not {len(self.critic_widths)}")
        if len(self.steps) != 1:
            raise ValueError("steps is one number")
        for name, value, there in (
            ("losses", self.losses, LOSSES),
            ("structure", self.structure, STRUCTURES),
            ("skips", self.skips, tuple(SKIPS)),
            ("critic", self.critic, CRITICS),
            ("feature", self.feature, ("disc", "pixels")),
            ("adversarial", self.adversarial, ("gan", "lsgan", "hinge")),
        ):
            if value not in there:
                raise ValueError(f"no {name} {value!r}; there are: {', '.join(there)}")
        if self.carry and (self.structure != "siamese" or self.tied or self.keep):
            raise ValueError("carry is for structure siamese, neither tied (its encoders see pictures of different kinds) nor with keep")
        if self.by_clip and self.batch % FRAMES:
            raise ValueError(f"with triplets the batch is a multiple of {FRAMES}, not {self.batch}")

    @property
    def depth(self) -> int:
        """Layers that halve the size to 1 x 1."""
        return self.size.bit_length() - 1

    @property
    def by_clip(self) -> bool:
        """Whether a batch is of clips of three frames."""
        return "triplet" in self.losses

    @property
    def shift_px(self) -> int:
        """The jitter at this size."""
        return round(self.jitter * self.size / 256)


class Scgan(nn.Module, PyTorchModelHubMixin, library_name="limner", license="apache-2.0", tags=["pose", "image-to-image", "video"]):
    """Generator and critic: save_pretrained, from_pretrained, move."""

    family = "scgan"

    def __init__(self, *, settings: dict[str, Any]):
        super().__init__()
        c = self.settings = from_json(ScganConfig, settings)
        self.guide = guides.load(c.guide)
        channels = IN_CHANNELS[c.structure] if not c.carry else CARRY_CHANNELS
        self.generator = UNet(
            size=c.size,
            in_channels=channels,
            out_channels=4 if c.keep else 3,
            widths=c.widths[: c.depth],
            skips=SKIPS[c.skips] if len(channels) > 1 else None,
            tied=c.tied and len(channels) > 1,
            norm=c.norm,  # type: ignore[arg-type]
            drop=c.drop,
            drop_layers=c.drop_layers,
        )
        self.critic = critic_of(c)

    def draw(self, points_NK2: torch.Tensor, confidence_NK: torch.Tensor | None = None) -> torch.Tensor:
        """(N, K, 2) points in pixels of the S x S frame, (N, K) confidence -> skeletons (N, 3, S, S) uint8, black where no limb is.

        A joint of confidence 0 is missing, and so are its limbs. InputError: points of another guide."""
        if points_NK2.shape[-2:] != (self.guide.num_points, 2):
            raise InputError(f"this run is of {self.guide.num_points} points ({self.guide.name}), not {tuple(points_NK2.shape)}")
        c = self.settings
        drawn = raster.draw_coloured(points_NK2.float(), self.guide, c.size, confidence_NK=confidence_NK, width_px=c.line_px)
        return (drawn * 255).round().to(torch.uint8)

    @torch.no_grad()
    def hints(self, reference_N3SS: torch.Tensor, own: Skeletons, wanted: Skeletons) -> torch.Tensor:
        """uint8 references with their own skeletons (N, or one for all), and those wanted -> (N, 6, S, S) uint8: the references with their
        limbs carried there, and their own skeletons drawn."""
        (points_NK2, confidence_NK), num = wanted, len(reference_N3SS)
        own_NK2, own_NK = own[0].expand(num, -1, -1), own[1].expand(num, -1)
        carried = carry(to_signed(reference_N3SS), own_NK2, points_NK2, (own_NK > 0) & (confidence_NK > 0), self.guide)
        return torch.cat([to_bytes(carried), self.draw(own_NK2, own_NK)], 1)

    @torch.no_grad()
    def move(
        self,
        points: np.ndarray,
        reference: np.ndarray,
        *,
        own: np.ndarray | None = None,
        confidence: np.ndarray | None = None,
        own_confidence: np.ndarray | None = None,
        seed: int | None = 0,
        batch: int = 32,
    ) -> np.ndarray:
        """The person of a reference, moved -> frames (T, S, S, 3) uint8.

        points: (T, K, 2) pixels of the S x S frame. confidence: (T, K), 0 where a joint is missing. reference: (S, S, 3) uint8. own,
        own_confidence: (K, 2), (K,) its own skeleton, asked for where limbs are carried. Joints of a confidence not given are seen.
        seed: of the dropout, the same for all frames; None: no dropout, the network's mean picture.
        InputError where one of them is of another size or guide.
        """
        size, device = self.settings.size, next(self.parameters()).device
        if reference.shape != (size, size, 3):
            raise InputError(f"this run is of {size} pixels; a reference of {reference.shape} does not fit it")
        if self.settings.carry and own is None:
            raise ValueError("this run carries limbs: give the reference's own skeleton")
        wanted, owns = _skeletons(points, confidence), None if own is None else _skeletons(own[None], own_confidence)
        x_13SS, net, made = torch.from_numpy(np.array(reference)).permute(2, 0, 1)[None], self.generator.eval(), []
        for some in zip(*(each.split(batch) for each in wanted)):
            skeletons, x_N3SS = self.draw(*some), x_13SS.expand(len(some[0]), -1, -1, -1)
            noise = None if seed is None else [generator_of("move", seed) for _ in skeletons]
            hints = to_signed(self.hints(x_N3SS, owns, some).to(device)) if self.settings.carry and owns else None
            x, s = (to_signed(pictures.to(device)) for pictures in (x_N3SS, skeletons))
            made.append(to_bytes(pose(net, self.settings.structure, x, s, noise, keep=self.settings.keep, hints_N6HW=hints)).cpu())
        return torch.cat(made).permute(0, 2, 3, 1).contiguous().numpy()


def _skeletons(points: np.ndarray, confidence: np.ndarray | None) -> Skeletons:
    """(N, K, 2), (N, K) or None for joints that are all there -> tensors; a reference's (K,) confidence counts as (1, K)."""
    points_NK2 = torch.as_tensor(np.asarray(points, np.float32))
    if confidence is None:
        return points_NK2, torch.ones(points_NK2.shape[:2])
    return points_NK2, torch.as_tensor(np.asarray(confidence, np.float32)).reshape(points_NK2.shape[:2])


def critic_of(c: ScganConfig) -> PatchCritic:
    """Table II: nine channels, layers of stride 2 down to 4 x 4, one number of the whole triple; or pix2pix's of the same widths."""
    widths = c.critic_widths[: c.depth - 2]
    patches = c.critic == "pix2pix286"
    return PatchCritic(
        in_channels=3 + 3 + 3,
        widths=widths,
        strided=len(widths) - patches,
        norm=c.norm,  # type: ignore[arg-type]
        head_padding=int(patches),
    )


def check(config: ScganConfig, store: Any) -> None:
    """InputError where clips have no frames, too small ones or points of another guide, or the guide's limbs cannot be carried."""
    from limner.data.frames import check_frames

    guide = guides.load(config.guide)
    if config.carry and not guide.flesh:
        raise InputError(f"the guide {guide.name!r} has no flesh, so that {config.recipe} cannot carry its limbs; take scgan-siamese")
    check_frames(store, size=config.size, guide=guide, kinds=None)


def prepare(config: ScganConfig, store: Any) -> tuple[Scgan, list[Stage]]:
    """A model for this config, ready to train, and its one stage. InputError as `check`."""
    from limner.data.frames import Frames, held_out

    shape: dict[str, Any] = {"size": config.size, "guide": guides.load(config.guide), "kinds": None}
    frames, watched = Frames(store, split="train", least_confidence=config.least_confidence, **shape), held_out(store, **shape)
    model = build(config)
    return model, stages(config, model, frames, None if watched is None else monitor_of(model, watched))


def build(config: ScganConfig) -> Scgan:
    """A model ready to train."""
    torch.manual_seed(config.seed)  # the initial weights
    return Scgan(settings=asdict(config))


def stages(config: ScganConfig, model: Scgan, frames: Any, monitor: Callable | None = None) -> list[Stage]:
    """The one stage, on frames of the training people drawn afresh."""
    c = config
    objective = learn_pose(
        model.generator,
        model.critic,
        structure=c.structure,
        by_clip=c.by_clip,
        keep=c.keep,
        adversarial=c.adversarial,
        adversarial_weight=c.adversarial_weight if "gan" in c.losses else 0.0,
        l1_weight=c.l1_weight if "l1" in c.losses else 0.0,
        triplets=Triplets(weight=c.triplet_weight, margin=c.margin, feature=c.feature) if c.by_clip else None,
        rate=c.rate,
        betas=(c.betas[0], c.betas[1]),
    )

    def batch(generator: torch.Generator) -> dict[str, torch.Tensor]:
        more: dict[str, Any] = {"flip": c.flip, "jitter": c.shift_px}
        if c.by_clip:
            drawn = frames.draw_triplets(c.batch // FRAMES, generator, gap=c.gap, **more)
        else:
            drawn = frames.draw_pairs(c.batch, generator, **more)
        wanted, own = ((drawn[f"{of}points"], drawn[f"{of}confidence"]) for of in ("", "own_"))
        told = {"reference": drawn["reference"], "skeletons": model.draw(*wanted), "frames": drawn["frames"]}
        return told | ({"hints": model.hints(drawn["reference"], own, wanted)} if c.carry else {})

    return [Stage(name="scgan", steps=c.steps[0], objective=objective, batch=batch, learning_rate=fading, monitor=monitor, clip=c.clip)]


def monitor_of(model: Scgan, held_out: Any, *, clips: int = 6) -> Callable[[], dict[str, Any]]:
    """-> what `monitor.moved_frames` measures, of some held-out clips."""
    starts = np.unique(held_out.first)
    starts = starts[np.unique(np.linspace(0, len(starts) - 1, clips).round().astype(int))]

    def move(rows: np.ndarray) -> np.ndarray:
        points, confidence = held_out.points[rows], held_out.confidence[rows]
        return model.move(points, held_out.picture(rows[0]), own=points[0], confidence=confidence, own_confidence=confidence[0])

    return moved_frames(held_out, [int(start) for start in starts], move)
