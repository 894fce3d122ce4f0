"""What a training run shows of itself: the K modes drawn over time and how far apart they are (the collapse monitor); moved frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from limner import geometry, raster
from limner.guides.face import GUIDE

FILMS = 8  # ours: held-out films on which a model that makes whole ones is watched


def sheet(points_KTP2: np.ndarray, *, cell: int = 112, moments: int = 8) -> np.ndarray:
    """(K, T, 68, 2) points in units -> (K * cell, moments * cell, 3) uint8: a row a mode, dark lines on white, first frame in pale red."""
    num = points_KTP2.shape[1]
    at = np.linspace(0, num - 1, moments).round().astype(int)
    matrix = geometry.unit_to_map(GUIDE, cell)
    rows = []
    for points_TP2 in points_KTP2:
        px = torch.from_numpy(geometry.apply_affine(matrix, points_TP2[np.concatenate([[0], at])]).astype(np.float32))
        ink = raster.draw(px, GUIDE.lines, cell, width_px=0.9, edge="soft")[:, 0]
        still, moving = ink[:1], ink[1:]
        red = (1 - moving) * 255
        other = (1 - moving) * (1 - 0.45 * still) * 255
        rows.append(torch.stack([red, other, other], -1).permute(1, 0, 2, 3).flatten(1, 2))
    return torch.cat(rows).round().to(torch.uint8).numpy()


def monitor_of(model: Any, neutrals: Sequence[np.ndarray]) -> Callable[[], dict[str, Any]]:
    """-> a function measuring the model as it stands on these neutral faces: mode_distance/<label> in units, a sheet a label."""
    from limner.measures import mode_distance

    def measure() -> dict[str, Any]:
        found: dict[str, Any] = {}
        for label in model.label_names:
            motions = [[m.points_unit for m in model.generate(one, label=label, modes=model.max_modes)] for one in neutrals]
            if model.max_modes > 1:
                found[f"mode_distance/{label}"] = float(np.mean([mode_distance(modes, GUIDE) for modes in motions]))
            found[f"modes/{label}"] = sheet(np.stack(motions[0]))
        return found

    return measure


def refined_faces(
    reference: np.ndarray, warped: np.ndarray, truth: np.ndarray, points: np.ndarray, refine: Callable[[], np.ndarray]
) -> Callable[[], dict[str, Any]]:
    """-> a function measuring what a refiner makes of held-out warps as it stands: SSIM and the mouth's, how far each exceeds the warp's,
    and a sheet, a row a face: reference, warp, refined, truth.

    reference, warped, truth: (N, S, S, 3) uint8; points: (N, 68, 2), the truth's, in their pixels. refine: -> (N, S, S, 3) uint8.
    """
    from limner.measures import mouth_ssim, ssim

    def likeness(made: np.ndarray) -> tuple[float, float]:
        mouths = [mouth_ssim(*each) for each in zip(made, truth, points, strict=True)]
        return ssim(made, truth), float(np.mean(mouths))

    before = likeness(warped)

    def measure() -> dict[str, Any]:
        made = refine()
        whole, mouth = likeness(made)
        return {
            "ssim": whole,
            "ssim_over_warp": whole - before[0],
            "mouth_ssim": mouth,
            "mouth_ssim_over_warp": mouth - before[1],
            "sheet": np.concatenate([np.concatenate(row, 1) for row in zip(reference, warped, made, truth, strict=True)]),
        }

    return measure


def moved_frames(held_out: Any, starts: Sequence[int], move: Callable[[np.ndarray], np.ndarray], *, moments: int = 4) -> Callable[[], dict]:
    """-> a function measuring what a model makes of held-out clips as it stands: SSIM and PSNR of all but the first frame, and a sheet of
    true frames above made ones.

    held_out: data.frames.Frames. starts: the rows of the clips' first frames. move: rows of one clip, the first of which is its first
    frame -> (M, S, S, 3) uint8, those moments made from that frame.
    """
    from limner.measures import psnr, ssim

    rows = [np.linspace(start, held_out.last[start], moments).round().astype(int) for start in starts]
    truth = [np.stack([held_out.picture(row) for row in some]) for some in rows]

    def measure() -> dict[str, Any]:
        made = [move(some) for some in rows]
        pairs = [(a[1:], b[1:]) for a, b in zip(made, truth)]
        return {
            "ssim": float(np.mean([ssim(a, b) for a, b in pairs])),
            "psnr": float(np.mean([psnr(a, b) for a, b in pairs])),
            "sheet": np.concatenate([np.concatenate([*true, *made_of]) for true, made_of in zip(truth, made)], 1),
        }

    return measure


def moved_films(
    held_out: Any, model: Any, label: int | None, rebuild: Callable[[np.ndarray], np.ndarray] | None = None
) -> Callable[[], dict]:
    """-> as `moved_frames`, of a model that makes whole films (`film(first, label=...)`) of held-out people's first frames.

    held_out: data.films.Films. label: only films of that one. rebuild: in place of films, frames -> frames.
    """
    rows = np.flatnonzero(held_out.labels == label) if label is not None else np.arange(len(held_out))
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, FILMS).round().astype(int))]
    starts = {int(held_out.rows[row][0]): held_out.label_names[held_out.labels[row]] for row in rows}
    frames = held_out.frames

    def move(at: np.ndarray) -> np.ndarray:
        if rebuild is not None:
            return rebuild(np.stack([frames.picture(row) for row in at]))
        first, last = int(at[0]), int(frames.last[at[0]])
        film = model.film(frames.picture(first), label=starts[first])
        return film[((at - first) / max(1, last - first) * (len(film) - 1)).round().astype(int)]

    return moved_frames(frames, list(starts), move)
