"""How an invented person looks, whatever she does; and how one clip of her was taken.

Every number here is ours, by eye beside photos, where nothing else is said. What differs between people is in `Look`, what differs between
clips of one person in `Scene`: light, background, clothes, where the eyes rest. Nothing here knows how the person moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limner.data.sources.faces.texture import load_basis

LOOK_STREAM, SCENE_STREAM = 1001, 1002  # ours: keep these draws apart from those of the motion (smiles.py)
# ours: sRGB, by eye: browns, hazel, green, blues, grey
IRISES = ((92, 58, 36), (74, 48, 32), (58, 40, 30), (104, 84, 52), (96, 104, 78), (104, 124, 142), (92, 116, 148), (124, 132, 134))
# ours: sRGB, by eye: black to blond, red last
HAIRS = ((24, 20, 19), (38, 28, 24), (56, 40, 31), (84, 58, 40), (112, 80, 52), (156, 122, 78), (190, 158, 108), (122, 62, 36))
GREYS = ((148, 146, 144), (190, 188, 184), (110, 108, 107))  # ours: sRGB, by eye
STYLES = ("short", "crop", "bald", "receding", "full", "long", "bob", "tied", "curly", "wavy")
# ours: about half short, half long, few bald
STYLE_ODDS = (0.20, 0.11, 0.06, 0.07, 0.08, 0.16, 0.09, 0.10, 0.07, 0.06)
FEMALE = ("long", "bob", "tied", "wavy")  # ours: styles that go without a beard
FRAMES = ((28, 26, 26), (70, 44, 30), (120, 118, 116), (40, 44, 70), (130, 100, 60))  # ours: sRGB of glasses, by eye
# ours: sRGB, by eye
CLOTHES = ((236, 236, 234), (30, 32, 38), (52, 64, 96), (120, 40, 44), (70, 90, 70), (150, 150, 156), (196, 176, 146), (90, 70, 110))


@dataclass(frozen=True, kw_only=True)
class Look:
    """One person. skin: codes of the neutral skin, folds: of what a smile changes, standard deviations. tone: shift of the cheeks' chromas.

    Colours are sRGB 0..255. seed: of the still noise of skin and hair. teeth: width, warmth 0..1, gap between the incisors (units),
    gum line (units), irregularity 0..1. glasses: None, or half width, half height, roundness, rim, colour."""

    skin: np.ndarray
    folds: np.ndarray
    fold_depth: float
    tone: np.ndarray
    iris: np.ndarray
    hair: np.ndarray
    style: str
    volume: float
    hairline: float
    fringe: float
    beard: float
    beard_full: bool
    freckles: float
    ears: tuple[float, float]
    neck: float
    teeth: tuple[float, float, float, float, float]
    glasses: tuple[float, float, float, float, tuple[int, int, int]] | None
    seed: int


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One clip. light: direction (x, y) that it comes from, 0 frontal; its depth 0..1; gains of the channels. gaze: units."""

    light: tuple[float, float]
    depth: float
    gains: np.ndarray
    background: np.ndarray
    clothes: np.ndarray
    neckline: tuple[float, float]
    gaze: tuple[float, float]
    seed: int


def draw_look(index: int, seed: int) -> Look:
    """The look of person `index`: the same whatever else is drawn."""
    rng = np.random.default_rng([seed, index, LOOK_STREAM])
    basis = load_basis()
    skin = np.clip(rng.normal(size=len(basis.skin)) * 1.05, -2.2, 2.2)  # ours: a little wider than the 66
    skin[0] = rng.uniform(-1.3, 2.3)  # ours: the first component is how dark the skin is: all tones alike often
    style = str(rng.choice(STYLES, p=STYLE_ODDS))
    hair = np.array(HAIRS[int(rng.choice(len(HAIRS), p=_hair_odds(skin[0])))], float) * rng.uniform(0.85, 1.15)
    if rng.random() < 0.12:  # ours: one in eight is grey
        hair = np.array(GREYS[rng.integers(len(GREYS))], float)
    bearded = style not in FEMALE and rng.random() < 0.32  # ours: a third of those who may
    # ours: brown eyes most often, of dark skins always
    odds = np.array([1, 1, 1, 0.8, 0.7, 0.8, 0.8, 0.5]) * np.where(skin[0] > 0.6, (1, 1.5, 2, 0.2, 0, 0, 0, 0), 1)
    glasses = rng.random() < 1 / 6  # ours: one in six
    frame = int(rng.integers(len(FRAMES)))
    return Look(
        skin=skin,
        folds=np.clip(rng.normal(size=len(basis.styles)) * 0.8, -1.8, 1.8),  # ours: a little narrower than the training people's
        fold_depth=float(rng.uniform(0.8, 1.35)),  # ours: by eye
        tone=rng.normal(size=2) * 0.45 * basis.tone[:, 2],  # ours, by eye: less than photos differ by, for part of that is the cameras'
        iris=np.array(IRISES[int(rng.choice(8, p=odds / odds.sum()))], float) * rng.uniform(0.85, 1.15),
        hair=hair,
        style=style,
        volume=float(rng.uniform(0.0, 1.0)),
        hairline=float(rng.uniform(-0.76, -0.50)),  # ours, by eye: units
        fringe=float(rng.uniform(0.3, 1.0)) if rng.random() < 0.22 and style not in ("bald", "crop", "receding", "tied") else 0.0,
        beard=float(rng.uniform(0.25, 0.95)) if bearded else 0.0,
        beard_full=bool(rng.random() < 0.65),
        freckles=float(rng.uniform(0.3, 1.0)) if skin[0] < 0.3 and rng.random() < 0.2 else 0.0,
        ears=(float(rng.uniform(0.85, 1.15)), float(rng.uniform(0.3, 1.0))),  # ours: size, and how far they stand out, by eye
        neck=float(rng.uniform(0.50, 0.62)),  # ours: half width, units, by eye
        teeth=(
            float(rng.uniform(0.92, 1.10)),
            float(rng.uniform(0, 1)),
            float(max(0.0, rng.normal(-0.006, 0.006))),
            float(rng.uniform(0.085, 0.125)),
            float(rng.uniform(0, 1)),
        ),
        glasses=_glasses(rng, frame) if glasses else None,
        seed=int(rng.integers(2**31)),
    )


def _glasses(rng: np.random.Generator, frame: int) -> tuple[float, float, float, float, tuple[int, int, int]]:
    """Half width, half height, roundness, rim, colour."""
    shape = (float(rng.uniform(low, high)) for low, high in ((0.25, 0.30), (0.16, 0.23), (2.2, 4.5), (0.012, 0.03)))
    half_width, half_height, power, rim = shape
    return half_width, half_height, power, rim, FRAMES[frame]


def _hair_odds(darkness: float) -> np.ndarray:
    """Dark skin goes with dark hair."""
    light = np.array([1.0, 1.5, 1.5, 1.4, 1.2, 0.9, 0.7, 0.5])
    odds = np.where(
        darkness > 0.6, (3.0, 2.0, 0.5, 0, 0, 0, 0, 0), np.where(darkness > 0.0, light * (2, 2, 1, 1, 0.5, 0.2, 0.1, 0.3), light)
    )
    return odds / odds.sum()


def draw_scene(index: int, label: int, number: int, seed: int) -> Scene:
    """How clip `number` of a label of person `index` was taken."""
    rng = np.random.default_rng([seed, index, SCENE_STREAM, label, number])
    warm, bright = rng.normal(0, 0.035), rng.normal(0, 0.05)  # ours: by eye, as cameras differ in white and exposure
    return Scene(
        light=(float(rng.normal(0, 0.55)), float(rng.normal(-0.35, 0.25))),  # ours: mostly from above, from either side
        depth=float(rng.uniform(0.15, 0.75)),  # ours, by eye: from flat to a strong shade
        gains=(1 + np.array([warm, 0.2 * warm, -warm])) * (1 + bright),
        background=_background(rng),
        clothes=np.array(CLOTHES[rng.integers(len(CLOTHES))], float) * rng.uniform(0.85, 1.05),
        neckline=(float(rng.uniform(1.36, 1.6)), float(rng.uniform(0.0, 0.45))),  # ours, by eye: units
        # ours: units: a person who looks into the camera, nearly
        gaze=(float(np.clip(rng.normal(0, 0.008), -0.02, 0.02)), float(np.clip(rng.normal(0, 0.005), -0.012, 0.012))),
        seed=int(rng.integers(2**31)),
    )


def _background(rng: np.random.Generator) -> np.ndarray:
    """(3,) a muted colour, often light."""
    grey = rng.uniform(60, 225)  # ours: by eye
    return np.clip(grey + rng.normal(0, 8, 3), 20, 240)
