"""What may lie behind a person: the hole is filled with pieces of the rest of the photo, so that it has the photo's own grain.

Wexler, Shechtman, Irani 2007 ("Space-Time Completion of Video") on a small pyramid: every patch that touches the hole looks for its nearest
whole patch, the hole's colours are the votes of those patches, again and again; then the offsets found are laid on the full picture.

Shapes: H W pixels, h w those of a small level, M patches of the hole, N whole patches, D = 3 PATCH^2 numbers a patch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

PATCH = 7  # ours: pixels of a patch's side, at every level
LEVELS_PX = (32, 64, 128)  # ours: the longest side of each level; finer ones cost the fourth power of it
ROUNDS = (8, 5, 2)  # ours: of search and vote at each level
ACROSS, ALONG = 1.5, 4.0  # ours: what an offset costs, in grey levels a patch pixel for a whole picture side: sideways, and up or down
AT_ONCE = 1500  # ours: patches searched together; bounds memory
REACH_PX = 4.0  # ours: how far beside itself the first guess looks for colours, at the coarsest level


@dataclass(frozen=True)
class _Level:
    """One level: picture (3, h, w) float, hole (h, w) bool."""

    picture: torch.Tensor
    hole: np.ndarray


def fill(photo: np.ndarray, hole: np.ndarray, never: np.ndarray | None = None) -> np.ndarray:
    """(H, W, 3) uint8 and (H, W) bool -> the photo with the hole filled, uint8; outside the hole unchanged, bit for bit.

    never: (H, W) bool, places that the hole must not be filled from. The same photo gives the same picture: nothing is random.
    """
    if not hole.any():
        return photo.copy()
    levels = [_level(photo, hole, side) for side in LEVELS_PX]
    barred = hole if never is None else hole | never
    blocked = [_small(barred, level.hole.shape) for level in levels]
    offsets: np.ndarray | None = None
    for level, bar, rounds in zip(levels, blocked, ROUNDS):
        offsets = _complete(level, bar, offsets, rounds)
    assert offsets is not None
    return _laid(photo, hole, offsets)


def _level(photo: np.ndarray, hole: np.ndarray, side: int) -> _Level:
    """The photo brought to a longest side; known pixels alone make its colours, and a place is a hole where any of it is."""
    height, width = hole.shape
    scale = min(1.0, side / max(height, width))
    h, w = max(PATCH + 1, round(height * scale)), max(PATCH + 1, round(width * scale))
    known = torch.from_numpy((~hole).astype(np.float32))[None]
    both = torch.cat([torch.from_numpy(photo.astype(np.float32)).permute(2, 0, 1) * known, known])
    small = torch.nn.functional.adaptive_avg_pool2d(both, (h, w))
    return _Level(small[:3] / small[3:].clamp_min(1e-3), _small(hole, (h, w)))


def _small(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) bool -> bool of another shape: where more than a little of it is True."""
    pooled = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(mask.astype(np.float32))[None], (shape[0], shape[1]))
    return pooled[0].numpy() > 0.02


def _complete(level: _Level, barred: np.ndarray, before: np.ndarray | None, rounds: int) -> np.ndarray:
    """Search and vote at one level -> (h, w, 2) int offsets (dy, dx) from each place to where its colour comes from."""
    from scipy.ndimage import binary_dilation

    from limner.generation.person import continued

    h, w = level.hole.shape
    touching = binary_dilation(level.hole, np.ones((PATCH, PATCH)))
    whole = np.logical_not(binary_dilation(barred, np.ones((PATCH, PATCH))))
    rim = PATCH // 2
    inner = np.zeros((h, w), bool)
    inner[rim : h - rim, rim : w - rim] = True
    sources = np.argwhere(whole & inner)
    if len(sources) < 16:  # next to nothing is known: every place keeps its own
        return np.zeros((h, w, 2), int)
    targets = np.argwhere(touching)
    picture = level.picture.clone()
    if before is None:
        guess = continued(picture.permute(1, 2, 0).numpy(), ~level.hole, REACH_PX)
        picture[:, level.hole] = torch.from_numpy(np.ascontiguousarray(guess[level.hole].T))
    else:
        picture = _voted(picture, level.hole, targets, _raised(before, (h, w), targets, inner & whole, sources), None)
    chosen = targets
    for _ in range(rounds):
        chosen, cost = _nearest(picture, targets, sources, (h, w))
        picture = _voted(picture, level.hole, targets, chosen, cost)
    offsets = np.zeros((h, w, 2), int)
    offsets[tuple(targets.T)] = chosen - targets
    return offsets


def _raised(before: np.ndarray, shape: tuple[int, int], targets: np.ndarray, allowed: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Offsets of the coarser level -> a source for each target of this one; a place that may not be one becomes the nearest that may."""
    from scipy.ndimage import distance_transform_edt

    scale = np.array(shape) / before.shape[:2]
    coarse = np.minimum((targets / scale).astype(int), np.array(before.shape[:2]) - 1)
    at = np.round(targets + before[tuple(coarse.T)] * scale).astype(int).clip(0, np.array(shape) - 1)
    nearest = np.asarray(distance_transform_edt(np.logical_not(allowed), return_distances=False, return_indices=True))
    return nearest[:, at[:, 0], at[:, 1]].T


def _patches(picture: torch.Tensor, at: np.ndarray) -> torch.Tensor:
    """(3, h, w) and (M, 2) rows and columns -> (M, D) patches round them; beyond the border the border's colour."""
    rim = PATCH // 2
    padded = torch.nn.functional.pad(picture[None], (rim,) * 4, mode="replicate")[0]
    windows = padded.unfold(1, PATCH, 1).unfold(2, PATCH, 1)  # (3, h, w, PATCH, PATCH)
    rows, columns = torch.from_numpy(at[:, 0]), torch.from_numpy(at[:, 1])
    return windows[:, rows, columns].permute(1, 0, 2, 3).reshape(len(at), -1)


def _nearest(picture: torch.Tensor, targets: np.ndarray, sources: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, torch.Tensor]:
    """The best source of each target, (M, 2), and what it costs (M,): squared difference of the patches, and the way there."""
    b = _patches(picture, sources)
    square, where = (b * b).sum(1), torch.from_numpy(sources).float()
    price = torch.tensor([ALONG, ACROSS]) ** 2 * b.shape[1] / max(shape) ** 2
    found, costs = [], []
    for start in range(0, len(targets), AT_ONCE):
        some = targets[start : start + AT_ONCE]
        a, here = _patches(picture, some), torch.from_numpy(some).float()
        cost = torch.addmm(square[None] + (a * a).sum(1)[:, None], a, b.T, alpha=-2)
        for axis in (0, 1):
            cost += price[axis] * (here[:, axis, None] - where[None, :, axis]).square()
        least = cost.min(1)
        found.append(sources[least.indices.numpy()])
        costs.append(least.values.clamp_min(0))
    return np.concatenate(found), torch.cat(costs)


def _voted(picture: torch.Tensor, hole: np.ndarray, targets: np.ndarray, chosen: np.ndarray, cost: torch.Tensor | None) -> torch.Tensor:
    """The picture with the hole's colours voted by the patches that cover them; cost: (M,), dear patches count less."""
    _, h, w = picture.shape
    rim = PATCH // 2
    weight = torch.ones(len(targets)) if cost is None else torch.exp(-cost / (2 * torch.quantile(cost, 0.5) + 1e-3)) + 1e-4
    total = torch.zeros(4, (h + 2 * rim) * (w + 2 * rim))
    patches = _patches(picture, chosen).reshape(len(targets), 3, PATCH, PATCH)
    for dy in range(PATCH):
        for dx in range(PATCH):
            place = torch.from_numpy((targets[:, 0] + dy) * (w + 2 * rim) + targets[:, 1] + dx)
            values = torch.cat([patches[:, :, dy, dx].T * weight, weight[None]])
            total.index_add_(1, place, values)
    laid = total.reshape(4, h + 2 * rim, w + 2 * rim)[:, rim : rim + h, rim : rim + w]
    out = picture.clone()
    where = torch.from_numpy(hole)
    out[:, where] = laid[:3, where] / laid[3:, where].clamp_min(1e-6)
    return out


def _laid(photo: np.ndarray, hole: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The small level's offsets on the full picture: each pixel blends what its four nearest places of the small level bring."""
    height, width = hole.shape
    h, w = offsets.shape[:2]
    scale = np.array([height / h, width / w])
    rows, columns = np.nonzero(hole)
    at = np.stack([rows, columns], 1)
    small = (at + 0.5) / scale - 0.5
    low = np.floor(small).astype(int)
    part = small - low
    total, weights = np.zeros((len(at), 3)), np.zeros((len(at), 1))
    for dy in (0, 1):
        for dx in (0, 1):
            cell = (low + np.array([dy, dx])).clip(0, (h - 1, w - 1))
            source = np.round(at + offsets[tuple(cell.T)] * scale).astype(int).clip(0, (height - 1, width - 1))
            weight = (np.abs(1 - dy - part[:, 0]) * np.abs(1 - dx - part[:, 1]))[:, None] * ~hole[tuple(source.T)][:, None]
            total += weight * photo[tuple(source.T)]
            weights += weight
    out = photo.copy()
    known = weights[:, 0] > 1e-6
    out[rows[known], columns[known]] = (total[known] / weights[known] + 0.5).astype(np.uint8)
    if not known.all():  # whose places all lead into the hole: as the surroundings
        import cv2

        rest = np.zeros(hole.shape, np.uint8)
        rest[rows[~known], columns[~known]] = 1
        out = cv2.inpaint(out, rest, 3, cv2.INPAINT_TELEA)
    return out
