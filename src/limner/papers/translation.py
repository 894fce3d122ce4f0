"""CMM-Net's third block, the translation of landmark images to pixels: Wang et al., "Every Smile is Unique", CVPR 2018; trained apart.

    w_t = G(y_t, z_0): a U-Net on [landmark image of frame t, neutral face], 1 + 3 channels
    L_rec = E || z_t - w_t ||_1                        L_adv = E log D([z_0, z_t]) + E log(1 - D([z_0, w_t]))
Frame by frame; the teacher's landmark images are drawings of true points, at test come those that the landmark half decodes.
The tags behind the numbers: `slides` are printed there; `spec A4` etc. are field conventions where the paper is silent; `ours` too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn

from limner import guides, raster
from limner.models.conditional import to_bytes, to_signed
from limner.models.translation import MovingUNet, learn_translation, translate
from limner.nn.critic import PatchCritic
from limner.nn.unet import UNet
from limner.papers.monitor import moved_frames
from limner.training.config import from_json
from limner.training.loop import Stage, generator_of
from limner.types import InputError


@dataclass(frozen=True, kw_only=True)
class TranslationConfig:
    """Every number of a translation run."""

    recipe: str = "translation"
    seed: int = 0
    guide: str = "face"  # paper: facial landmarks
    size: int = 64  # slides: 64 x 64
    style: str = "lines"  # spec A2: as the landmark half draws
    width_px: float = 1.0  # spec A2
    net: str = "moving"  # ours: the paper prints no layers; "pix2pix": those of spec A4, which need far more pictures and steps
    widths: tuple[int, ...] = (32, 64, 128, 192, 192)  # ours: each halves the size
    depth: int = 1  # ours: residual blocks at each; "moving" alone
    most_flow_px: float = 8.0  # ours: how far the neutral face's colours move; "moving" alone
    norm: str = "batch"  # spec A4: of pix2pix's net and of the critic; running statistics at test
    drop: float = 0.5  # spec A4; "pix2pix" alone
    drop_layers: int = 3  # spec A4: the three innermost of the decoder; "pix2pix" alone
    critic_widths: tuple[int, ...] = (64, 128, 256)  # ours: spec A4 says PatchGAN
    critic_strided: int = 2  # ours: patches of 34 x 34, half the face
    adversarial: str = "gan"  # slides; the generator's half in the non-saturating form
    adversarial_weight: float = 0.2  # ours; slides: 1, but at that weight it paints specks into eyes
    l1_weight: float = 100.0  # spec A4
    rate: float = 1e-3  # ours; spec A5, pix2pix: 2e-4
    betas: tuple[float, ...] = (0.9, 0.99)  # ours; spec A5, pix2pix: 0.5, 0.999
    critic_rate: float = 2e-4  # spec A5
    critic_betas: tuple[float, ...] = (0.5, 0.999)  # spec A5: b1; pix2pix: b2
    clip: float = 1000.0  # ours: pix2pix clips nothing; this only catches what would blow up
    batch: int = 16  # spec A5: 16-64
    steps: tuple[int, ...] = (6000,)  # ours: 22 minutes of one CPU core with AVX512-bf16, twice that without
    warm_up: float = 0.03  # ours: part of the steps over which the rate grows
    flip: bool = True  # ours: as pix2pix
    jitter: int = 2  # ours: pixels; pix2pix shifts by up to 30 of 286
    precision: str = "bf16"  # ours: halves the time on a CPU with AVX512-bf16; "no" for float32 throughout
    accumulate: int = 1  # ours: micro-batches a step, each of `batch`
    ema: float | None = 0.995  # ours: decay of a running average of the weights; the paper says nothing of one
    maps: str = "soft"  # spec A4: decoded landmark images enter as they are; "hard": 0 or 1, parted at 0.5
    monitor_every: int = 250  # ours
    best: bool = False  # ours: whether the weights kept are those with the best SSIM on validation people, in place of the last

    def __post_init__(self) -> None:
        if len(self.steps) != 1:
            raise ValueError("steps is one number")
        if self.size % 2 ** len(self.widths):
            raise ValueError(f"size must be divisible by {2 ** len(self.widths)}: each of the {len(self.widths)} widths halves it")
        if self.net not in ("moving", "pix2pix"):
            raise ValueError(f"no net {self.net!r}; there are: moving, pix2pix")
        if self.net == "moving" and len(self.widths) < 2:
            raise ValueError(f"the net moving has at least two widths, not {len(self.widths)}")
        if not 0 <= self.critic_strided <= len(self.critic_widths):
            raise ValueError(
                f"critic_strided is from 0 to {len(self.critic_widths)}, the number of critic_widths; not {self.critic_strided}"
            )
        if self.norm not in ("batch", "instance", "none"):
            raise ValueError(f"no norm {self.norm!r}; there are: batch, instance, none")
        if self.adversarial not in ("gan", "lsgan", "hinge"):
            raise ValueError(f"no adversarial loss {self.adversarial!r}; there are: gan, lsgan, hinge")
        if self.maps not in ("soft", "hard"):
            raise ValueError(f"maps are soft or hard, not {self.maps!r}")


class Translation(
    nn.Module, PyTorchModelHubMixin, library_name="limner", license="apache-2.0", tags=["facial-landmarks", "image-to-image"]
):
    """Generator and critic: save_pretrained, from_pretrained, translate."""

    family = "translation"

    def __init__(self, *, settings: dict[str, Any]):
        super().__init__()
        c = self.settings = from_json(TranslationConfig, settings)
        self.guide = guides.load(c.guide)
        self.generator = _generator(c)
        self.critic = PatchCritic(in_channels=3 + 3, widths=c.critic_widths, strided=c.critic_strided, norm=c.norm)  # type: ignore[arg-type]

    def draw(self, points_NK2: torch.Tensor) -> torch.Tensor:
        """(N, K, 2) points in pixels of the S x S frame -> landmark images (N, 1, S, S), 0 or 1. InputError: points of another guide."""
        if points_NK2.shape[-2:] != (self.guide.num_points, 2):
            raise InputError(f"this translation is of {self.guide.num_points} points ({self.guide.name}), not {tuple(points_NK2.shape)}")
        c = self.settings
        return raster.draw(points_NK2.float(), self.guide.lines, c.size, width_px=c.width_px, style=c.style)  # type: ignore[arg-type]

    def maps_of(self, driver: np.ndarray | torch.Tensor) -> torch.Tensor:
        """What drives, as landmark images (T, 1, S, S): drawn from points (T, K, 2), or decoded maps (T, S, S) as `maps` says."""
        driver = torch.as_tensor(driver, dtype=torch.float32)
        if driver.ndim == 3 and driver.shape[-1] == 2:
            return self.draw(driver)
        if driver.shape[1:] != (self.settings.size, self.settings.size):
            raise InputError(f"this translation is of {self.settings.size} pixels; landmark images of {tuple(driver.shape)} do not fit it")
        return (driver if self.settings.maps == "soft" else (driver > 0.5).float())[:, None]

    @torch.no_grad()
    def translate(self, driver: np.ndarray | torch.Tensor, neutral: np.ndarray, *, seed: int | None = None, batch: int = 32) -> np.ndarray:
        """The neutral face, moved -> frames (T, S, S, 3) uint8.

        driver: (T, K, 2) points in pixels of the S x S crop, or landmark images (T, S, S) in [0, 1]. neutral: (S, S, 3) uint8.
        seed: dropout as noise, the same for every frame, so that nothing flickers; None: none, the network's mean picture.
        InputError where one of them is of another size or guide.
        """
        size, device = self.settings.size, next(self.parameters()).device
        if neutral.shape != (size, size, 3):
            raise InputError(f"this translation is of {size} pixels; a neutral face of {neutral.shape} does not fit it")
        maps, net = self.maps_of(driver), self.generator.eval()
        z_0 = to_signed(torch.from_numpy(np.array(neutral))).permute(2, 0, 1)[None].to(device)
        made = []
        for some in maps.split(batch):
            noise = None if seed is None else [generator_of("translate", seed) for _ in some]
            moved = translate(net, some.to(device), z_0.expand(len(some), -1, -1, -1), noise)
            made.append(to_bytes(moved).cpu())
        return torch.cat(made).permute(0, 2, 3, 1).contiguous().numpy()


def _generator(c: TranslationConfig) -> nn.Module:
    if c.net == "moving":
        return MovingUNet(widths=c.widths, depths=(c.depth,) * len(c.widths), most_flow_px=c.most_flow_px).to(
            memory_format=torch.channels_last
        )  # type: ignore[call-overload]
    shape: dict[str, Any] = {"norm": c.norm, "drop": c.drop, "drop_layers": c.drop_layers}
    return UNet(size=c.size, in_channels=(1 + 3,), out_channels=3, widths=c.widths, **shape)


def check(config: TranslationConfig, store: Any) -> None:
    """InputError where the store's clips have no frames, too small ones, or points of another guide."""
    from limner.data.frames import check_frames

    check_frames(store, size=config.size, guide=guides.load(config.guide))


def prepare(config: TranslationConfig, store: Any) -> tuple[Translation, list[Stage]]:
    """A model for this config, ready to train, and its one stage. InputError as `check`."""
    from limner.data.frames import Frames, held_out

    shape: dict[str, Any] = {"size": config.size, "guide": guides.load(config.guide)}
    frames, watched = Frames(store, split="train", **shape), held_out(store, **shape)
    model = build(config)
    return model, stages(config, model, frames, None if watched is None else monitor_of(model, watched))


def build(config: TranslationConfig) -> Translation:
    """A model ready to train."""
    torch.manual_seed(config.seed)  # the initial weights
    return Translation(settings=asdict(config))


def stages(config: TranslationConfig, model: Translation, frames: Any, monitor: Callable | None = None) -> list[Stage]:
    """The one stage, on frames of the training people drawn afresh."""
    c = config
    objective = learn_translation(
        model.generator,
        model.critic,
        adversarial=c.adversarial,  # type: ignore[arg-type]
        adversarial_weight=c.adversarial_weight,
        l1_weight=c.l1_weight,
        rate=c.rate,
        critic_rate=c.critic_rate,
        betas=(c.betas[0], c.betas[1]),
        critic_betas=(c.critic_betas[0], c.critic_betas[1]),
    )

    def batch(generator: torch.Generator) -> dict[str, torch.Tensor]:
        drawn = frames.draw(c.batch, generator, flip=c.flip, jitter=c.jitter)
        return {"maps": model.draw(drawn["points"]).to(torch.uint8), "neutral": drawn["neutral"], "frames": drawn["frames"]}

    more: dict[str, Any] = {"learning_rate": partial(fading, warm_up=c.warm_up), "monitor": monitor, "clip": c.clip}
    best = "ssim" if c.best and monitor else None
    return [Stage(name="translation", steps=c.steps[0], objective=objective, batch=batch, best=best, **more)]


def fading(part: float, *, warm_up: float = 0.0) -> float:
    """ours: full rate for the first half, then linearly to 0, as later pix2pix code does; at the start it grows over `warm_up`."""
    growing = part / warm_up + 0.05 if part < warm_up else 1.0  # 0.05: the very first step moves too
    return min(1.0, growing, 2.0 * (1.0 - part))


def monitor_of(model: Translation, held_out: Any, *, people: int = 6) -> Callable[[], dict[str, Any]]:
    """-> what `monitor.moved_frames` measures, of a clip of each of some held-out people."""
    starts = [int(held_out.first[held_out.subjects == one][0]) for one in sorted(set(held_out.subjects))[:people]]
    return moved_frames(held_out, starts, lambda rows: model.translate(held_out.points[rows], held_out.picture(rows[0])))
