"""Fit the numbers behind the procedural smiles: who the faces are and how a smile moves them.

    .venv/bin/python tools/fit_smile_shapes.py ../shared/data/faces src/limner/data/sources

Reads london_points.npz (478 points of 82 people, neutral and smiling; the 16 validation people are left out) and ict/ (the ICT face model),
writes smile_shapes.safetensors, a few kilobytes of means, directions and spreads, and its card smile_shapes.md. No point of any one person
is stored. Everything is in units of the canonical face frame (guides.face.GUIDE): x right, y down, outer eye corners 1 apart.

Shapes: P people, C components, K points.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from limner.bench.faces import VALIDATION
from limner.geometry import align, fit_similarity, mirror, scale_of
from limner.guides.face import FROM_MEDIAPIPE, GUIDE
from limner.measures.action_units import CORNERS, PER_LIFT, PER_WIDTH

NUM_NEUTRAL = 24  # ours: 99.8 % of the variance of the neutral shapes
NUM_STYLE = 8  # ours: 96 % of what strength and mouth opening leave
LEAST_STRENGTH = 0.3  # ours: a style is read from smiles that are there
EYES = slice(36, 48)
BROWS = slice(17, 27)
CHEEK_OUTLINE = [0, 1, 2, 3, 13, 14, 15, 16]  # of the jaw line, what no jaw moves
STABLE = [*CHEEK_OUTLINE, 27, 28, 29, 30, 33, 36, 39, 42, 45]  # tell a turned head from a smile
JAW_WEIGHT = 0.3  # ours: in the styles the jaw line, where the mesh is least sure, counts less than the lips
LOWER_LIDS = (40, 41, 46, 47)
LID_RISE_UNIT = 0.006  # ours: lower lid rise per AU6 intensity; London's mean smile lifts it 0.005, a full one about 0.0125
ICT_DIRECTIONS = {
    "cheek_raise": ("cheekSquint_L", "cheekSquint_R", "cheekRaiser_L", "cheekRaiser_R", "eyeSquint_L", "eyeSquint_R"),
    "jaw_open": ("jawOpen",),
    "brow_up": ("browInnerUp_L", "browInnerUp_R", "browOuterUp_L", "browOuterUp_R"),
}


def with_mirror(points: np.ndarray) -> np.ndarray:
    """(P, K, 2) -> (2P, K, 2): every face and its mirror image, so that the statistics favour no side."""
    return np.concatenate([points, mirror(points, GUIDE)])


def components(values: np.ndarray, num: int) -> tuple[np.ndarray, np.ndarray, float]:
    """(P, K, 2) centred -> components (num, K, 2) of unit length, their standard deviations (num,), the share of variance they hold."""
    flat = values.reshape(len(values), -1)
    _, singular, directions = np.linalg.svd(flat, full_matrices=False)
    share = float((singular[:num] ** 2).sum() / (singular**2).sum())
    return directions[:num].reshape(num, -1, 2), singular[:num] / np.sqrt(len(flat) - 1), share


def lip_gap(points: np.ndarray) -> np.ndarray:
    """(..., K, 2) -> (...,) distance between the inner lips, mean of the three middle pairs."""
    return (points[..., [67, 66, 65], 1] - points[..., [61, 62, 63], 1]).mean(-1)


def au12_of(direction: np.ndarray) -> np.ndarray:
    """(..., K, 2) displacement -> (...,) AU12 that measures.action_units reads in it, before it shrinks the small ones."""
    right, left = (direction[..., list(pair), :].mean(-2) for pair in CORNERS)
    return PER_WIDTH * (left[..., 0] - right[..., 0]) - PER_LIFT * (left[..., 1] + right[..., 1]) / 2


def without_au12(direction: np.ndarray, smile: np.ndarray) -> np.ndarray:
    """The direction less as much smile as it holds: what is left moves the lips but is no AU12."""
    return direction - smile * (au12_of(direction) / au12_of(smile))[..., None, None]


def without_turn(moved: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """(P, K, 2) displacements less what a small yaw and pitch of the head between the two photos explains of the stable points."""
    small = 0.01
    turned = np.stack([GUIDE.canonical + small * depth[:, None] * axis for axis in np.eye(2)])
    fields = (align(turned, GUIDE) - GUIDE.canonical) / small
    angles, *_ = np.linalg.lstsq(fields[:, STABLE].reshape(2, -1).T, moved[:, STABLE].reshape(len(moved), -1).T, rcond=None)
    return moved - np.tensordot(angles.T, fields, 1)


def fit_london(path: Path, depth: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Neutral shapes and smile displacements of the 66 training people -> (tensors, figures for the card).

    path: london_points.npz. depth: (K,) of a face, units, for taking out turns of the head.
    """
    data = np.load(path)
    train = ~np.isin(data["ids"], VALIDATION)
    assert train.sum() == 66, "the training people of data/README.md"
    dense_to_68 = list(FROM_MEDIAPIPE)
    neutral = with_mirror(align(data["neutral"][train][:, dense_to_68].astype(np.float64), GUIDE))
    moved = with_mirror(align(data["smiling"][train][:, dense_to_68].astype(np.float64), GUIDE)) - neutral
    moved = without_turn(moved, depth)
    mean = neutral.mean(0)
    basis, std, neutral_share = components(neutral - mean, NUM_NEUTRAL)
    lid_rise = float(-moved[:, list(LOWER_LIDS), 1].mean())
    still = [*range(EYES.start, EYES.stop), *range(BROWS.start, BROWS.stop), *GUIDE.rigid, *CHEEK_OUTLINE]
    moved[:, still] = 0.0  # the eyes belong to AU6, the brows to themselves

    # moved = strength * smile + gap * opening + strength * style: least squares for the first two, components of what they leave.
    # As strength is AU12 / 5 of the very displacement, smile holds all of AU12, opening and style none.
    strength, gap = au12_of(moved) / 5, lip_gap(moved)
    design = np.stack([strength, gap], 1)
    directions, *_ = np.linalg.lstsq(design, moved.reshape(len(moved), -1), rcond=None)
    smile, opening = directions.reshape(2, -1, 2)
    assert np.allclose(au12_of(directions.reshape(2, -1, 2)), (5, 0)), "least squares keeps a linear reading"
    strong = strength > LEAST_STRENGTH
    style = (moved - (design @ directions).reshape(moved.shape))[strong] / strength[strong, None, None]
    weight = np.where(np.arange(GUIDE.num_points) < 17, JAW_WEIGHT, 1.0)[:, None]
    style_basis, style_std, style_share = components((style - style.mean(0)) * weight, NUM_STYLE)
    codes = ((neutral - mean).reshape(len(neutral), -1) @ basis.reshape(NUM_NEUTRAL, -1).T / std)[strong]
    styles = (style * weight).reshape(len(style), -1) @ style_basis.reshape(NUM_STYLE, -1).T
    explained = foretold(codes, styles, np.tile(np.arange(train.sum()), 2)[strong])
    opened = gap[strong] > 0.02  # ours: lips more than 2 % of the inter-ocular distance apart are open
    gaps = (gap / strength)[strong][opened]
    figures = {"neutral_share": neutral_share, "style_share": style_share, "style_foretold": explained, "lid_rise": lid_rise}
    figures |= {"open_share": float(opened.mean()), "open_gap": float(gaps.mean()), "open_gap_std": float(gaps.std())}
    return {
        "neutral_mean": mean,
        "neutral_components": basis,
        "neutral_std": std,
        "smile": smile,
        "opening": opening,
        "style_components": style_basis / weight,
        "style_std": style_std,
        "open_gap": np.array([opened.mean(), gaps.mean(), gaps.std()]),
    }, figures


def foretold(codes: np.ndarray, styles: np.ndarray, person: np.ndarray) -> float:
    """Share of the styles' variance that the neutral codes foretell: ridge regression, leaving one person (and her mirror image) out."""
    guess = np.zeros_like(styles)
    for one in np.unique(person):
        rest = person != one
        ridge = np.linalg.solve(codes[rest].T @ codes[rest] + 100 * np.eye(codes.shape[1]), codes[rest].T @ styles[rest])
        guess[person == one] = codes[person == one] @ ridge
    return float(1 - ((styles - guess) ** 2).sum() / ((styles - styles.mean(0)) ** 2).sum())


def fit_ict(folder: Path) -> dict[str, np.ndarray]:
    """ICT expression directions at the 68 points, projected from the front: (K, 2) each, and the depth (K,) of the neutral face."""
    model = np.load(folder / "ict_facekit_compact.npz")
    vertices = json.loads((folder / "multipie68_vertices.json").read_text())["multipie68_vertex_index"]
    names = [str(name) for name in model["expr_names"]]
    neutral = model["neutral"][vertices].astype(np.float64)
    front = neutral[:, :2] * (1, -1)  # its y axis points up
    rigid = list(GUIDE.rigid)
    to_unit = fit_similarity(front[rigid], GUIDE.canonical[rigid])
    scale = float(scale_of(to_unit))
    tensors = {"depth": (neutral[:, 2] - neutral[rigid, 2].mean()) * scale}
    for key, parts in ICT_DIRECTIONS.items():
        delta = sum(model["expr_delta"][names.index(part)][vertices, :2].astype(np.float64) for part in parts)
        direction = delta * (1, -1) @ to_unit[:, :2].T
        tensors[key] = (direction + mirror(direction, GUIDE)) / 2
    raise_ = tensors["cheek_raise"]
    raise_[[*range(EYES.start), *range(EYES.stop, GUIDE.num_points), *GUIDE.rigid]] = 0.0  # of AU6 the 68 points show the eyes only
    tensors["jaw_open"][list(GUIDE.rigid)] = 0.0
    tensors["cheek_raise"] = raise_ * (-LID_RISE_UNIT / raise_[list(LOWER_LIDS), 1].mean())
    return tensors


CARD = """# smile_shapes.safetensors

Means, spreads and directions from which limner draws procedural faces and smiles, in units of the canonical face frame
(outer eye corners 1 apart, x right, y down). Made by `tools/fit_smile_shapes.py`; no point of any one person is stored.

| tensor | what | from |
|---|---|---|
{rows}

Figures: {num_neutral} neutral components hold {neutral_share:.1%} of the variance; {num_style} style components hold
{style_share:.1%} of what strength (AU12 / 5, as measures.action_units reads it) and mouth opening leave of the smiles; the neutral
shape foretells {style_foretold:.1%} of the style's variance (ridge regression, leaving one person out), so a person's style is drawn
independently of the shape. {open_share:.0%} of the smiles stronger than {least} open the mouth, by
{open_gap:.3f} +- {open_gap_std:.3f} units per unit of strength. The mean smile lifts the lower lids by {lid_rise:.4f} units.
Turns of the head between the two photos were taken out.

Credit: Face Research Lab London Set, DeBruine & Jones 2017, doi 10.6084/m9.figshare.5047666.v5, CC BY 4.0 (66 training people; validation
people {validation} never used). ICT-FaceKit, USC Institute for Creative Technologies,
MIT.

Limits: frontal photos of 66 adults at rest and at one instant of a smile: nothing here says how a smile moves in time (that comes
from the literature, see timing.py), nor how children or very old people smile.
"""


def main(faces: Path, out: Path) -> None:
    ict = fit_ict(faces / "ict")
    london, figures = fit_london(faces / "london_points.npz", ict["depth"])
    ict["jaw_open"] = without_au12(ict["jaw_open"], london["smile"])  # a laugh's jaw does not pull its corners down
    tensors = {key: np.ascontiguousarray(value, np.float32) for key, value in (london | ict).items()}
    save_file(tensors, out / "smile_shapes.safetensors", metadata={"format": "limner.smile_shapes 1"})
    rows = "\n".join(
        f"| {k} | {'x'.join(map(str, v.shape))} | {'London, CC BY 4.0' if k in london else 'ICT-FaceKit, MIT'} |"
        for k, v in tensors.items()
    )
    card = CARD.format(
        rows=rows, num_neutral=NUM_NEUTRAL, num_style=NUM_STYLE, least=LEAST_STRENGTH, validation=" ".join(VALIDATION), **figures
    )
    (out / "smile_shapes.md").write_text(card)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
