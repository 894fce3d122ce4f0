"""warp-refine (ours): a warped photo, made true where a warp cannot be: teeth, folds, shade. In no paper; it stands beside CMM-Net's own.

    y = (1 - g m) W(at + g f) + g a        W: the warp; a, m, f: what the network adds, how much of the warp goes, a small flow; g: the gate

Everything happens in a frame of fixed size in which the face is upright and always as large, so that a photo of any size is refined alike.
The gate is 0 where the points stand as in the photo and grows smoothly with their displacement: the photo itself is never changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn

from limner import geometry
from limner.guides.face import GUIDE
from limner.models import refine
from limner.models.learn_refine import LearnRefine
from limner.nn.critic import PatchCritic
from limner.nn.precision import computes_bf16
from limner.nn.refine import RefineNet
from limner.papers.monitor import refined_faces
from limner.training.config import from_json
from limner.training.loop import Stage
from limner.types import InputError

MOUTH = slice(48, 60)
MARGIN = 8 / 192  # ours: round the lips, of the frame's side: the protocol's mouth box
MOST_PAIRS = 4000  # ours: kept in memory


@dataclass(frozen=True, kw_only=True)
class WarpRefineConfig:
    """Every number of a warp-refine run."""

    recipe: str = "warp-refine"
    seed: int = 0
    size: int = 192  # ours: side of the working frame, pixels; the inter-ocular distance is 87
    window: int = 128  # ours: of the frame, trained on at once
    widths: tuple[int, ...] = (32, 64, 128, 160)  # ours: 2 GFLOP a frame
    depths: tuple[int, ...] = (1, 1, 2, 2)  # ours: residual blocks
    most_flow_px: float = 6.0  # ours: of the working frame
    ssim_weight: float = 1.0  # ours
    mouth_weight: float = 1.0  # ours: a stranger looks at the mouth
    l1_weight: float = 0.5  # ours
    gradient_weight: float = 0.08  # ours: as sharp as the real face, patch by patch
    adversarial_weight: float = 0.01  # ours: 0 for no critic
    match_weight: float = 0.5  # ours: the critic's features
    critic_widths: tuple[int, ...] = (32, 64, 128)  # ours
    critic_side: int = 96  # ours: the critic looks at the mouth and what is round it
    critic_rate: float = 2e-4  # ours: pix2pix
    rate: float = 1e-3  # ours
    batch: int = 8  # ours
    steps: tuple[int, ...] = (1400,)  # ours: on 66 people the held-out figures are at their best by about a thousand
    ema: float = 0.995  # ours
    clip: float = 1.0  # ours
    targets: int = 6  # ours: later frames that each clip's first is warped to
    copies: int = 1  # ours: of each pair, with points a little off
    jitter_unit: float = 0.004  # ours: as far as a detector's points differ
    back: float = 0.4  # ours: share of pairs that go from a smile to rest
    turn_rad: float = 0.05  # ours: spread of the augmentation's rotation
    grow: float = 0.05  # ours: of its scale, log
    shift_px: float = 3.0  # ours: of its shift
    bright: float = 0.12  # ours: of its brightness, log; a third of it for each channel, as much for the contrast
    precision: str = "bf16"  # ours: where the processor computes it
    monitor_every: int = 500  # ours

    def __post_init__(self) -> None:
        if len(self.steps) != 1:
            raise ValueError("steps is one number")
        if len(self.depths) != len(self.widths):
            raise ValueError(f"each of the {len(self.widths)} widths has a depth; there are {len(self.depths)} depths")
        if self.size % 16 or self.window % 16 or self.window > self.size:
            raise ValueError("size and window are divisible by 16, the window no larger")
        if self.critic_side > self.window:
            raise ValueError("critic_side is no larger than the window")


class WarpRefine(nn.Module, PyTorchModelHubMixin, library_name="limner", license="apache-2.0", tags=["face", "image-to-image"]):
    """The network that ships, and its critic while it learns: save_pretrained, from_pretrained, layer."""

    family = "warp-refine"

    def __init__(self, *, settings: dict[str, Any], critic: bool = False):
        super().__init__()
        c = self.settings = from_json(WarpRefineConfig, settings)
        self.net = RefineNet(fine=refine.FINE, smooth=refine.SMOOTH, widths=c.widths, depths=c.depths, most_flow_px=c.most_flow_px).to(
            memory_format=torch.channels_last
        )  # type: ignore[call-overload]
        self.critic = PatchCritic(in_channels=6, widths=c.critic_widths, strided=2, norm="none") if critic else None

    @torch.no_grad()
    def layer(self, warped_NCHW: torch.Tensor, own_unit: np.ndarray, points_unit_NK2: np.ndarray) -> torch.Tensor:
        """Warped faces (N, 3, S, S) in 0..1 in the working frame and both poses in units -> what is laid on them (models.refine.gated)."""
        fine, smooth, gate = refine.inputs(warped_NCHW, own_unit, points_unit_NK2)
        short = self.settings.precision == "bf16" and not warped_NCHW.is_cuda and computes_bf16()
        with torch.autocast("cpu", torch.bfloat16, enabled=short):
            found = self.net(*(part.contiguous(memory_format=torch.channels_last) for part in (fine, smooth)))
        return refine.gated(found, gate)


def prepare(config: WarpRefineConfig, store: Any, warp: Callable[..., np.ndarray] | None = None) -> tuple[WarpRefine, list[Stage]]:
    """A model for this config, ready to train, and its one stage. warp: data.pairs.Warp, handed in. InputError as load_pairs."""
    from limner.data.pairs import held_out_pairs, load_pairs

    if warp is None:
        raise InputError("warp-refine learns on warped frames: train it with `limner train`, or hand in warp=")
    rng = np.random.default_rng([config.seed, 1])
    pairs = load_pairs(store, warp, split="train", targets=config.targets, jitter_unit=config.jitter_unit, copies=config.copies, rng=rng)[
        :MOST_PAIRS
    ]
    torch.manual_seed(config.seed)
    model = WarpRefine(settings=asdict(config), critic=config.adversarial_weight > 0)
    return model, stages(config, model, pairs, monitor_of(model, held_out_pairs(store, warp)))


def stages(config: WarpRefineConfig, model: WarpRefine, pairs: list[Any], monitor: Callable | None = None) -> list[Stage]:
    """The one stage."""
    c = config
    weights = {name: getattr(c, f"{name}_weight") for name in ("ssim", "mouth", "l1", "gradient", "adversarial", "match")}
    objective = LearnRefine(model.net, model.critic, weights=weights, rate=c.rate, critic_rate=c.critic_rate, critic_side=c.critic_side)
    rows = [[i for i, pair in enumerate(pairs) if pair.forward is forward] for forward in (True, False)]

    def batch(generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        chosen = [pairs[int(rng.choice(rows[int(rng.random() < c.back)]))] for _ in range(c.batch)]
        return draw(c, chosen, rng)

    more = {"learning_rate": cosine, "clip": c.clip, "ahead": 4, "monitor": monitor}
    return [Stage(name="warp-refine", steps=c.steps[0], objective=objective, batch=batch, **more)]


def monitor_of(model: WarpRefine, shown: list[Any]) -> Callable[[], dict[str, Any]] | None:
    """-> what `monitor.refined_faces` measures, of first frames and the pairs from them to the last ones; None where there are none.

    All but the network's answer is computed once, so each look costs a forward pass of so many frames and their SSIM."""
    if not shown:
        return None
    size, pairs = model.settings.size, [pair for _, pair in shown]
    own, goal = np.stack([pair.own for pair in pairs]), np.stack([pair.points for pair in pairs])

    def in_frame(pictures: list[np.ndarray], points_NK2: np.ndarray) -> torch.Tensor:
        every = zip(
            (torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255 for picture in pictures), refine.to_work(points_NK2, size)
        )
        return torch.cat([refine.take(picture, matrix[None], (size, size), mode="bicubic") for picture, matrix in every]).clamp(0, 1)

    reference = in_frame([first for first, _ in shown], own)
    warped, truth = in_frame([pair.warped for pair in pairs], goal), in_frame([pair.truth for pair in pairs], goal)
    own_unit, goal_unit = (geometry.apply_affine(geometry.to_unit(points, GUIDE), points) for points in (own, goal))
    fine, smooth, gate = refine.inputs(warped, own_unit, goal_unit)

    def refined() -> np.ndarray:
        device = next(model.net.parameters()).device
        layer = refine.gated(model.net(fine.to(device), smooth.to(device)), gate.to(device)).float().cpu()
        return _bytes(refine.laid_on(warped, layer))

    points = geometry.apply_affine(geometry.unit_to_map(GUIDE, size), goal_unit)
    return refined_faces(_bytes(reference), _bytes(warped), _bytes(truth), points, refined)


def _bytes(pictures_NCHW: torch.Tensor) -> np.ndarray:
    """(N, 3, H, W) in 0..1 -> (N, H, W, 3) uint8."""
    return (255 * pictures_NCHW.clamp(0, 1)).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def cosine(part: float) -> float:
    """ours: warm up over the first twentieth, then half a cosine down to 2 %."""
    return min(1.0, 20 * part + 0.02) * (0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * part))))


def draw(c: WarpRefineConfig, pairs: list[Any], rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Pairs -> a batch: brought to the working frame, turned, mirrored, coloured a little, one window of each."""
    size, unit_back = c.size, geometry.invert_affine(geometry.unit_to_map(GUIDE, c.size))
    pictures, own, points = [], [], []
    for pair in pairs:
        turn = _similarity(c, rng)
        to_frame = [geometry.compose_affine(refine.to_work(p[None], size)[0], turn) for p in (pair.points, pair.own)]
        both = torch.from_numpy(np.concatenate([pair.warped, pair.truth], -1)).permute(2, 0, 1)[None].float() / 255
        seen = refine.take(both, to_frame[0][None], (size, size), mode="bicubic")[0].clamp(0, 1)
        units = [geometry.apply_affine(geometry.compose_affine(m, unit_back), p) for m, p in zip(to_frame, (pair.points, pair.own))]
        if rng.random() < 0.5:
            seen, units = seen.flip(-1), [geometry.mirror(p, GUIDE) for p in units]
        pictures.append(_coloured(c, seen, rng))
        points.append(units[0])
        own.append(units[1])
    stack, points_NK2, own_NK2 = torch.stack(pictures), np.stack(points), np.stack(own)
    fine, smooth, gate = refine.inputs(stack[:, :3], own_NK2, points_NK2)
    mouth = _mouths(points_NK2, size)
    corners = [_window(c, where, rng) for where in mouth[:, 0]]

    def cut(values: torch.Tensor, part: int = 1) -> torch.Tensor:
        side = c.window // part
        return torch.stack([v[:, y // part : y // part + side, x // part : x // part + side] for v, (y, x) in zip(values, corners)])

    return {
        "fine": cut(fine), "smooth": cut(smooth, 2), "gate": cut(gate), "mouth": cut(mouth),
        "warped": cut(stack[:, :3]), "truth": cut(stack[:, 3:]),
    }  # fmt: skip


def _similarity(c: WarpRefineConfig, rng: np.random.Generator) -> np.ndarray:
    """(2, 3): a small turn, growth and shift about the frame's middle."""
    angle, scale = rng.normal(0, c.turn_rad), np.exp(rng.normal(0, c.grow))
    cos, sin, middle = scale * np.cos(angle), scale * np.sin(angle), np.full(2, c.size / 2)
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.concatenate([linear, (middle - linear @ middle + rng.normal(0, c.shift_px, 2))[:, None]], 1)


def _coloured(c: WarpRefineConfig, seen: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Warp and truth (6, H, W) in other light, both the same."""
    gains = np.exp(rng.normal(0, c.bright) + rng.normal(0, c.bright / 3, (3, 1, 1)))
    power = float(np.exp(rng.normal(0, c.bright)))
    return ((seen.clamp_min(1e-4) ** power) * torch.from_numpy(np.concatenate([gains, gains])).float()).clamp(0, 1)


def _mouths(points_NK2: np.ndarray, size: int) -> torch.Tensor:
    """(N, 1, S, S): 1 in the box round the lips."""
    lips = geometry.apply_affine(geometry.unit_to_map(GUIDE, size), points_NK2)[:, MOUTH]
    low, high = lips.min(1) - MARGIN * size, lips.max(1) + MARGIN * size
    at = np.arange(size) + 0.5
    inside = [(at >= low[:, k, None]) & (at <= high[:, k, None]) for k in (0, 1)]
    return torch.from_numpy(inside[1][:, :, None] & inside[0][:, None, :]).float()[:, None]


def _window(c: WarpRefineConfig, mouth: torch.Tensor, rng: np.random.Generator) -> tuple[int, int]:
    """Where a sample's window begins, y x: mostly round the mouth, else anywhere."""
    most = c.size - c.window
    if rng.random() < 0.7:
        rows, columns = mouth.nonzero(as_tuple=True)
        centre = [int(v.float().mean()) if len(v) else c.size // 2 for v in (rows, columns)]
        at = [v + int(rng.integers(-c.size // 5, c.size // 5 + 1)) - c.window // 2 for v in centre]
    else:
        at = [int(v) for v in rng.integers(0, most + 1, 2)]
    y, x = (min(max(v, 0), most) // 16 * 16 for v in at)
    return y, x
