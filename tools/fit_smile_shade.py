"""Fit the expression ratio image of a smile: the numbers of generation/shade.py.

    .venv/bin/python tools/fit_smile_shade.py ../shared/data/faces/london ../shared/data/faces/london_points.npz

For each of the 66 training people: log brightness of the smiling photo over that of the neutral one, both laid onto the canonical face by
their points; light from elsewhere (slow in space) taken out; a line through 0 over the strength of the smile, pixel by pixel, with the
mirror images, so that one symmetric map remains. Eyes and the mouth's opening are left out: they are not skin.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.draw import polygon2mask

from limner import geometry, warp
from limner.bench.faces import VALIDATION
from limner.generation import shade
from limner.guides.face import FROM_MEDIAPIPE, GUIDE

SLOW_PX = 16  # ours: wider than any fold; what varies more slowly is the light of the two photos
MOST_LOG = 0.5  # ours: larger ratios are hair, shirts and misaligned edges
BLUR_PX = 0.8  # ours: people's folds do not coincide more exactly than this
FADE_PX = 5.0  # ours: from skin to what is left out


def on_canonical(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Log brightness of a photo on the canonical face; (MAP_SIZE, MAP_SIZE)."""
    size = shade.MAP_SIZE
    source, in_map = shade.to_map(points)
    centres = torch.from_numpy(in_map / size)[None]
    at = warp.nodes((0, 0, size, size), 1).double()
    position = warp.evaluate_spline(warp.fit_spline(centres, torch.from_numpy(source)[None], 1e-4), centres, at.reshape(-1, 2) / size)
    brightness = torch.from_numpy(photo.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))[None]
    return np.log(warp.sample(warp.sharp_texture(brightness), position.view(1, size, size, 2).float())[0, 0].numpy().clip(2) + 8)


def skin_mask() -> np.ndarray:
    """1 on the canonical face's skin, fading to 0 towards the eyes, the mouth's opening and the outline."""
    points = geometry.apply_affine(geometry.unit_to_map(GUIDE, shade.MAP_SIZE), GUIDE.canonical.astype(np.float64))
    filled = lambda indices: polygon2mask((shade.MAP_SIZE, shade.MAP_SIZE), points[indices][:, ::-1] - 0.5)  # noqa: E731
    face = filled([*range(17), *range(26, 16, -1)])
    lips = points[60:68]
    lips = polygon2mask(face.shape, (lips + (lips - lips.mean(0)) * (0.05, 0) + np.array([(0, -1.5)] * 5 + [(0, 1.5)] * 3))[:, ::-1] - 0.5)
    hole = filled([*range(36, 42)]) | filled([*range(42, 48)]) | lips
    ramp = lambda mask, width: np.clip(distance_transform_edt(mask) / width, 0, 1)  # noqa: E731
    return ramp(face, 2 * FADE_PX) * ramp(~hole, FADE_PX / 2)


def main(folder: Path, points_file: Path) -> None:
    data, dense_to_68 = np.load(points_file), list(FROM_MEDIAPIPE)
    logs, strengths = [], []
    for k in np.flatnonzero(~np.isin(data["ids"], VALIDATION)):
        points = {kind: data[kind][k][dense_to_68].astype(np.float64) for kind in ("neutral", "smiling")}
        canonical = {
            kind: on_canonical(np.asarray(Image.open(folder / f"{data['ids'][k]}_{kind}.jpg").convert("RGB").reduce(2)), points[kind] / 2)
            for kind in points
        }
        logs.append(canonical["smiling"] - canonical["neutral"])
        strengths.append(shade.strength(points["smiling"], points["neutral"]))
    log, strength = np.array(logs), np.array(strengths)
    log = np.clip(log - gaussian_filter(log, (0, SLOW_PX, SLOW_PX)), -MOST_LOG, MOST_LOG)
    slope = (strength[:, None, None] * (log + log[:, :, ::-1]) / 2).sum(0) / (strength**2).sum()
    ratio = gaussian_filter(slope, BLUR_PX) * skin_mask()
    save_file({"log_ratio": ratio.astype(np.float16)}, shade.NUMBERS)
    shade.NUMBERS.chmod(0o644)
    print(f"{len(log)} people; a mean smile's log ratio lies within {ratio.min():+.3f} .. {ratio.max():+.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
