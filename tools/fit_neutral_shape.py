"""Fit the regression that takes the smile off a face's points: the numbers of generation/neutral.py.

    .venv/bin/python tools/fit_neutral_shape.py ../shared/data/faces/london_points.npz

Ridge regression from smiling points (aligned, in units) to the displacement back to neutral, on the 66 training people of the London set,
each at several strengths of the smile, mirrored, with the jaw opened and the head turned a little (both by the ICT face model's
directions, src/limner/data/sources/smile_shapes.safetensors). Prints the error on the 16 validation people, which no fit has seen, and
writes src/limner/generation/neutral_shape.safetensors. Seeded: the same numbers come out every time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from limner import geometry
from limner.bench.faces import VALIDATION
from limner.generation import neutral
from limner.guides.face import FROM_MEDIAPIPE, GUIDE

RIDGE = 0.03  # ours: three-fold cross-validation on the training people is flat from 0.01 to 0.1
COPIES = 40  # ours: variants of each pair
STRENGTHS = (0.0, 0.0, 0.3, 0.6, 1.0, 1.0, 1.25)  # ours: parts of the person's own smile; neutral faces twice
OPEN_UNIT = 0.35  # ours: widest lip gap added by the jaw
TURN = 0.125  # ours: spread of the sines of yaw and pitch, about 7 degrees
MOUTH = slice(48, 68)


def variants(rest: np.ndarray, smiling: np.ndarray, jaw: np.ndarray, depth: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(P, 68, 2) pairs -> (COPIES P, 68, 2) points and the displacements that bring each back to rest, in units."""
    random = np.random.default_rng(seed)
    points, back = [], []
    for copy in range(COPIES):
        strength = random.choice(STRENGTHS, len(rest))[:, None, None]
        gap = np.where(random.random(len(rest)) < 0.4, random.random(len(rest)) * OPEN_UNIT, 0)[:, None, None]
        x, y = rest + strength * (smiling - rest) + gap * jaw, rest
        if copy % 2:
            x, y = geometry.mirror(x, GUIDE), geometry.mirror(y, GUIDE)
        turn = random.normal(0, TURN, (len(rest), 1, 2)) * depth[None, :, None] * (copy > 3)
        to_unit = geometry.to_unit(x + turn, GUIDE)
        points.append(geometry.apply_affine(to_unit, x + turn))
        back.append(geometry.apply_affine(to_unit, y + turn) - points[-1])
    return np.concatenate(points), np.concatenate(back)


def fit(points: np.ndarray, back: np.ndarray) -> dict[str, np.ndarray]:
    """Ridge regression back = (points - mean) slope + offset, the offset free."""
    x, y = points.reshape(len(points), -1), back.reshape(len(back), -1)
    mean = x.mean(0)
    x = np.c_[x - mean, np.ones(len(x))]
    penalty = np.eye(x.shape[1]) * RIDGE * len(x) / 100
    penalty[-1, -1] = 0
    solution = np.linalg.solve(x.T @ x + penalty, x.T @ y)
    return {"mean": mean.astype(np.float32), "slope": solution[:-1].astype(np.float32), "offset": solution[-1].astype(np.float32)}


def main(points_file: Path) -> None:
    data, dense_to_68 = np.load(points_file), list(FROM_MEDIAPIPE)
    rest, smiling = (geometry.align(data[kind][:, dense_to_68].astype(np.float64), GUIDE) for kind in ("neutral", "smiling"))
    held_out = np.isin(data["ids"], VALIDATION)
    shapes = load_file(neutral.NUMBERS.parents[1] / "data" / "sources" / "smile_shapes.safetensors")
    jaw = shapes["jaw_open"].astype(np.float64)
    jaw = jaw / (jaw[66, 1] - jaw[62, 1])
    numbers = fit(*variants(rest[~held_out], smiling[~held_out], jaw, shapes["depth"].astype(np.float64)))
    numbers["smile"] = (smiling - rest)[~held_out].mean(0).astype(np.float32)
    save_file(numbers, neutral.NUMBERS)
    neutral.NUMBERS.chmod(0o644)
    neutral.numbers.cache_clear()
    for name, chosen in (("training", ~held_out), ("validation", held_out)):
        found = np.array([neutral.estimate_neutral(p)[0] for p in smiling[chosen]])
        kept = np.array([np.array_equal(neutral.estimate_neutral(p)[0], p.astype(np.float32)) for p in rest[chosen]])
        moved = np.array([neutral.estimate_neutral(p)[0] for p in rest[chosen]]) - rest[chosen]
        before, after = (np.linalg.norm(p - rest[chosen], axis=-1)[:, MOUTH].mean() for p in (smiling[chosen], found))
        print(
            f"{name}: {chosen.sum()} people, mouth points off neutral by {before:.4f} before, {after:.4f} after; neutral photos: "
            f"{kept.sum()} exactly unchanged, mouth moved by "
            f"{np.linalg.norm(moved, axis=-1)[:, MOUTH].mean():.4f} on average (inter-ocular units)"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
