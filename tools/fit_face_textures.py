"""Fit the skin of the synthetic faces: mean texture, its components, and what a smile changes.

    .venv/bin/python tools/fit_face_textures.py ../shared/data/faces src/limner/data/sources/faces

Reads the 66 training people of the Face Research Lab London Set (the 16 validation people are left out), lays each photo onto the
canonical face by its points, and writes face_textures.safetensors and its card face_textures.md. No picture of any one person is stored.

Y is luma at full size; C are the two chroma channels at half of it (BT.601, -128..127), as in a photo's own compression.
Shapes: P pictures, C components, H W pixels of the texture.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter
from skimage.draw import polygon2mask

from limner import warp
from limner.bench.faces import VALIDATION
from limner.data.sources.faces import surface
from limner.data.sources.faces.texture import CANONICAL, CHEEKS, PER_UNIT, SIZE_HW, halve, to_texture, to_ycc
from limner.guides.face import FROM_MEDIAPIPE
from limner.measures.action_units import action_units

NUM_SKIN = 40  # ours: see the card for the variance they hold
NUM_SMILE = 10  # ours
LEAST_STRENGTH = 0.3  # ours: a smile's change is read from smiles that are there
EDGE_UNIT = 0.03  # ours: so far inside the outline the skin is sure to be skin
MOST_CHANGE = 70.0  # ours, of 255: more is teeth, hair or a misaligned edge
RIDGE = 30.0  # ours: of the regression that asks whether skin foretells the smile's folds, in standard deviations squared
MOUTH_UNIT = 0.03  # ours: so near to the lips' contact a smiling photo may show teeth
SLOW_UNIT = 0.45  # ours: what varies more slowly between the two photos is their light


def laid_out(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A photo (H, W, 3) uint8 and its 79 points, pixels -> (H, W, 3) float32 on the canonical face's texture."""
    place = surface.locate(to_texture(CANONICAL)[None], points[None], SIZE_HW)
    picture = torch.from_numpy(photo.astype(np.float32)).permute(2, 0, 1)
    return warp.sample(warp.sharp_texture(picture), place)[0].permute(1, 2, 0).numpy().clip(0, 255)


def filled(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(H, W, c) with its invalid pixels from their valid neighbours, the nearest first, smoothly."""
    out, weight = np.where(valid[..., None], values, 0.0), valid.astype(np.float64)
    for sigma in (1.5, 3, 6, 12, 24, 48):
        blurred = gaussian_filter(np.where(valid[..., None], values, 0.0), (sigma, sigma, 0))
        amount = gaussian_filter(valid.astype(np.float64), sigma)
        trust = np.clip(amount / 0.15, 0, 1) * (1 - weight)
        out += trust[..., None] * blurred / np.maximum(amount, 1e-9)[..., None]
        weight += trust
    return out / np.maximum(weight, 1e-9)[..., None]


def inside(indices: Iterable[int]) -> np.ndarray:
    """(H, W) bool: the polygon of some points of the canonical face."""
    return polygon2mask(SIZE_HW, to_texture(CANONICAL)[list(indices)][:, ::-1] - 0.5)


def regions() -> tuple[np.ndarray, np.ndarray]:
    """What is stored (the face, a little beyond its outline), and what of it is sure to be skin in a photo: (H, W) bool each."""
    face = inside([*range(17), *range(68, 79)])
    edge = round(EDGE_UNIT * PER_UNIT)
    eyes = inside(range(36, 42)) | inside(range(42, 48))
    return binary_dilation(face, iterations=edge), binary_erosion(face, iterations=edge) & ~eyes


def without_hair(values: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """(H, W) bool: the skin, less what is far darker or of another colour than the cheeks on forehead and temples: hair."""
    y, x = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]] + 0.5
    points = to_texture(CANONICAL)
    cheek = polygon2mask(SIZE_HW, points[[1, 41, 40, 31, 48, 4]][:, ::-1])
    cheek |= cheek[:, ::-1]
    usual, spread = np.median(values[cheek], 0), values[cheek].std(0) + 4
    brow_top = np.interp(x[0], points[17:27, 0], points[17:27, 1]) - 0.10 * PER_UNIT
    free = (y < brow_top) | (np.abs(x - SIZE_HW[1] / 2) > 0.60 * PER_UNIT) & (y < points[3, 1])
    dark = values[..., 0] < usual[0] * 0.62
    odd = np.abs(values - usual)[..., 1:].max(-1) > 4 * spread[1:].max()
    hair = binary_dilation(free & (dark | odd), iterations=3) & free
    return skin & ~hair


def read(faces: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """-> neutral textures (P, H, W, 3) as luma and chroma, smile minus neutral (P, H, W, 3), strength of the smile (P,) 0..1."""
    data, dense_to_68 = np.load(faces / "london_points.npz"), list(FROM_MEDIAPIPE)
    chosen = np.flatnonzero(~np.isin(data["ids"], VALIDATION))
    assert len(chosen) == 66, "the training people of data/README.md"
    _, skin = regions()
    mouth = binary_dilation(inside(range(60, 68)), iterations=round(MOUTH_UNIT * PER_UNIT))
    neutral, change, strength = [], [], []
    for k in chosen:
        pictures, valid = {}, {}
        for kind in ("neutral", "smiling"):
            dense = data[kind][k].astype(np.float64)
            points = np.concatenate([dense[dense_to_68], dense[list(surface.FOREHEAD_DENSE)]])
            photo = np.asarray(Image.open(faces / "london" / f"{data['ids'][k]}_{kind}.jpg").convert("RGB"))
            pictures[kind] = to_ycc(laid_out(photo, points))
            valid[kind] = without_hair(pictures[kind], skin)
        neutral.append(filled(pictures["neutral"], valid["neutral"]))
        both = valid["neutral"] & valid["smiling"] & ~mouth
        delta = pictures["smiling"] - pictures["neutral"]
        slow = gaussian_filter(np.where(both[..., None], delta, 0), (SLOW_UNIT * PER_UNIT,) * 2 + (0,))
        amount = gaussian_filter(both.astype(float), SLOW_UNIT * PER_UNIT)
        delta = filled((delta - slow / np.maximum(amount, 0.05)[..., None]).clip(-MOST_CHANGE, MOST_CHANGE), both)
        change.append(delta)
        points = np.stack([data[kind][k][dense_to_68] for kind in ("neutral", "smiling")])
        strength.append(action_units(points[1:], points[0])[0, 1] / 5)
    return np.stack(neutral), np.stack(change), np.array(strength)


def flat(pictures: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """(P, H, W, 3) -> (P, n + 2 m): luma of the stored pixels, then both chromas of the stored half-size pixels."""
    half = halve(stored[..., None].astype(np.float32))[..., 0] > 0
    rows = []
    for picture in pictures:
        chroma = halve(picture[..., 1:])
        rows.append(np.concatenate([picture[..., 0][stored], chroma[half].T.ravel()]))
    return np.stack(rows)


def components(rows: np.ndarray, num: int, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Centred rows (P, n) -> components (num, n) scaled by their standard deviations, codes (P, num) in those, variance held."""
    left, singular, right = np.linalg.svd(rows * weight, full_matrices=False)
    share = float((singular[:num] ** 2).sum() / (singular**2).sum())
    scale = singular[:num] / np.sqrt(len(rows) - 1)
    return right[:num] / weight * scale[:, None], left[:, :num] * np.sqrt(len(rows) - 1), share


def packed(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(C, n) float -> int8 and the scale (C,) of each row."""
    scale = np.abs(rows).max(1) / 127
    return (rows / scale[:, None]).round().astype(np.int8), scale.astype(np.float32)


def foretold(codes: np.ndarray, targets: np.ndarray, person: np.ndarray) -> float:
    """Share of the smile codes' variance that the skin codes foretell, leaving one person (and her mirror image) out."""
    guess = np.zeros_like(targets)
    for one in np.unique(person):
        rest = person != one
        guess[~rest] = codes[~rest] @ regress(codes[rest], targets[rest])
    return float(1 - ((targets - guess) ** 2).sum() / (targets**2).sum())


def tone(neutral: np.ndarray) -> np.ndarray:
    """(2, 3): the line on which the chromas of people's cheeks lie over their luma, and how far about it."""
    cheeks = np.median(neutral[:, CHEEKS[0], CHEEKS[1]].reshape(len(neutral), -1, 3), 1)
    design = np.stack([np.ones(len(cheeks)), cheeks[:, 0] - 128], 1)
    line, *_ = np.linalg.lstsq(design, cheeks[:, 1:], rcond=None)
    return np.column_stack([line.T, (cheeks[:, 1:] - design @ line).std(0)]).astype(np.float32)


def regress(codes: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.linalg.solve(codes.T @ codes + RIDGE * np.eye(codes.shape[1]), codes.T @ targets)


CARD = """# face_textures.safetensors

The skin of limner's synthetic faces: mean texture on the canonical face ({height} x {width} pixels, {per_unit} a unit), its components and
what a smile changes. Made by `tools/fit_face_textures.py`; no picture of any one person is stored.

| tensor | shape | what |
|---|---|---|
{rows}

Luma at full size, chroma (BT.601 Cb, Cr) at half of it. Rows are int8 times `*_scale`, in 0..255 per standard deviation.

Figures: {num_skin} components hold {skin_share:.1%} of the variance of the neutral skins of 66 people and their mirror images. The
mean change of a smile (per unit of strength, AU12 / 5) holds {mean_share:.1%} of what smiles stronger than {least} change, and
{num_smile} components {smile_share:.1%} of the rest. The skin codes foretell {foretold:.1%} of the smile codes' variance (ridge
regression, one person left out), so a person's folds are drawn independently of the neutral skin.

Credit: Face Research Lab London Set, DeBruine & Jones 2017, doi 10.6084/m9.figshare.5047666.v5, CC BY 4.0 (66 training people; validation
people {validation} never used).

Limits: 66 adults, frontal, in one soft light, at rest and at one instant of a smile. Hair, eyes and the mouth's inside are not in it.
"""


def main(faces: Path, out: Path) -> None:
    stored, _ = regions()
    neutral, change, strength = read(faces)
    mirrored = lambda pictures: np.concatenate([pictures, pictures[:, :, ::-1]])  # noqa: E731
    neutral, change, strength = mirrored(neutral), mirrored(change), np.tile(strength, 2)
    person = np.tile(np.arange(66), 2)
    rows = flat(neutral, stored)
    mean = rows.mean(0)
    luma = int(stored.sum())
    weight = np.concatenate([np.full(luma, 1.0), np.full(len(mean) - luma, 2.0)])  # chroma has a quarter of the pixels; each counts for 4
    basis, codes, skin_share = components(rows - mean, NUM_SKIN, weight)
    moved = flat(change, stored)
    smile = (moved * strength[:, None]).sum(0) / (strength**2).sum()
    strong = strength > LEAST_STRENGTH
    left = moved[strong] / strength[strong, None] - smile
    mean_share = 1 - float((left**2).sum() / ((moved[strong] / strength[strong, None]) ** 2).sum())
    styles, style_codes, smile_share = components(left, NUM_SMILE, weight)
    figures = {"skin_share": skin_share, "mean_share": mean_share, "smile_share": smile_share}
    figures["foretold"] = foretold(codes[strong], style_codes, person[strong])
    tensors: dict[str, np.ndarray] = {"stored": np.packbits(stored), "mean": mean.astype(np.float16), "smile": smile.astype(np.float16)}
    tensors["skin"], tensors["skin_scale"] = packed(basis)
    tensors["styles"], tensors["styles_scale"] = packed(styles)
    tensors["tone"] = tone(neutral[:66])
    tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    save_file(tensors, out / "face_textures.safetensors", metadata={"format": "limner.face_textures 1"})
    what = {
        "stored": "which pixels are stored, packed bits",
        "mean": "mean neutral skin: luma, then Cb, then Cr of the stored pixels",
        "smile": "mean change at full strength",
        "skin": "components of neutral skin",
        "skin_scale": "their scales",
        "styles": "components of a smile's change beyond its mean",
        "styles_scale": "their scales",
        "tone": "of Cb and Cr of the cheeks: value at luma 128, slope, spread about that line",
    }
    table = "\n".join(f"| {key} | {'x'.join(map(str, value.shape))} {value.dtype} | {what[key]} |" for key, value in tensors.items())
    (out / "face_textures.md").write_text(
        CARD.format(
            height=SIZE_HW[0], width=SIZE_HW[1], per_unit=PER_UNIT, rows=table, num_skin=NUM_SKIN, num_smile=NUM_SMILE,
            least=LEAST_STRENGTH, validation=" ".join(VALIDATION), **figures,
        )
    )  # fmt: skip
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
