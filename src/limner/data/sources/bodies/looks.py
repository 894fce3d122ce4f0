"""How an invented person looks and dresses, whatever they do; and how one clip of them was taken.

Every number here is ours, by eye, where nothing else is said. What differs between people is in `Look`, what differs between clips of one
person in `Outfit` (two a person, as KTH's people change clothes) and `Scene`. Nothing here knows how the person moves.
Colours are sRGB 0..255.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limner.data.sources.kinematics import Build

LOOK_STREAM, OUTFIT_STREAM, SCENE_STREAM = 2001, 2002, 2003  # ours: keep these draws apart from those of the motion

Colour = tuple[float, float, float]

# From very light to very dark: the middles of the six Fitzpatrick types as cameras show them in daylight
SKINS = ((240, 208, 186), (226, 182, 154), (206, 158, 122), (172, 122, 88), (128, 84, 58), (88, 58, 44))
HAIRS = ((26, 22, 20), (44, 32, 26), (70, 48, 34), (104, 74, 48), (164, 130, 84), (196, 168, 118), (126, 62, 34), (150, 148, 146))
STYLES = ("short", "crop", "bald", "long", "bun", "bob", "curls")
STYLE_ODDS = ((0.42, 0.24, 0.10, 0.04, 0.03, 0.03, 0.14), (0.12, 0.04, 0.01, 0.38, 0.20, 0.20, 0.05))  # broad-shouldered, others
TOPS = (
    (236, 236, 232), (34, 36, 42), (48, 66, 110), (150, 36, 42), (58, 98, 66), (150, 152, 158), (214, 190, 150), (96, 70, 118),
    (222, 120, 50), (72, 140, 176), (226, 196, 70), (214, 130, 150), (96, 60, 44), (120, 130, 90), (28, 100, 104), (200, 60, 90),
)  # fmt: skip
BOTTOMS = (
    (36, 42, 60), (60, 80, 116), (100, 122, 156), (30, 30, 32), (120, 118, 112), (150, 132, 98), (84, 88, 66), (62, 48, 42),
    (200, 192, 176), (70, 72, 80),
)  # fmt: skip
SHOES = ((236, 236, 236), (28, 28, 30), (96, 62, 40), (60, 72, 110), (180, 40, 44), (130, 132, 136), (206, 170, 60))
TOP_KINDS = ("tee", "long", "hoodie", "shirt", "jacket", "tank", "polo")
TOP_ODDS = (0.30, 0.18, 0.14, 0.14, 0.10, 0.07, 0.07)
BOTTOM_KINDS = ("trousers", "jeans", "shorts", "leggings", "joggers")
BOTTOM_ODDS = (0.28, 0.34, 0.14, 0.10, 0.14)
PATTERNS = ("plain", "rings", "stripes", "checks", "print", "halves", "dots", "band")
PATTERN_ODDS = (0.36, 0.15, 0.07, 0.10, 0.12, 0.07, 0.05, 0.08)
PLACES = ("meadow", "street", "hall", "room", "sand", "studio")


@dataclass(frozen=True, kw_only=True)
class Look:
    """One person. slim: 0 broad-shouldered .. 1 broad-hipped; bulk: how thick limbs and trunk are, the mean person's 1."""

    build: Build
    slim: float
    bulk: float
    skin: Colour
    hair: Colour
    style: str
    volume: float
    beard: float
    lips: float
    brow: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Outfit:
    """What they wear: kinds of garment, their colours, the pattern of the top; loose: how wide it hangs, metres."""

    top: str
    top_colour: Colour
    second: Colour
    inner: Colour
    pattern: str
    period_m: float
    loose_m: float
    bottom: str
    bottom_colour: Colour
    bottom_loose_m: float
    shoe: Colour
    sole: Colour
    socks: Colour
    belt: bool
    seed: int


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One clip. sun: direction to the light (x right, y down, z away), unit length; ambient: share of the light that has none.

    height_share: of the picture that the standing person takes; distance_m, eye_m: the camera's, before and over the ground."""

    place: str
    sun: tuple[float, float, float]
    ambient: float
    shadow: float
    gains: tuple[float, float, float]
    ground: Colour
    far: Colour
    distance_m: float
    eye_m: float
    height_share: float
    seed: int


def draw_look(index: int, seed: int) -> Look:
    """The look of person `index`: the same whatever else is drawn."""
    rng = np.random.default_rng([seed, index, LOOK_STREAM])
    slim = float(rng.beta(0.7, 0.7))
    tone = float(rng.uniform(0, len(SKINS) - 1))
    skin = _between(SKINS, tone)
    odds = np.array((3, 3, 2.4, 1.6, 1, 0.7, 0.5, 0.8)) * np.where(tone > 2.6, (3, 2, 0.5, 0, 0, 0, 0, 0.4), 1)
    style = str(rng.choice(STYLES, p=np.array(STYLE_ODDS[0]) * (1 - slim) + np.array(STYLE_ODDS[1]) * slim))
    return Look(
        build=Build.random(rng),
        slim=slim,
        bulk=float(np.clip(rng.normal(1.0, 0.10), 0.82, 1.3)),
        skin=_scaled(skin, rng.uniform(0.94, 1.06)),
        hair=_scaled(HAIRS[int(rng.choice(len(HAIRS), p=odds / odds.sum()))], rng.uniform(0.85, 1.15)),
        style=style,
        volume=float(rng.uniform(0, 1)),
        beard=float(rng.uniform(0.3, 0.9)) if slim < 0.5 and rng.random() < 0.35 else 0.0,
        lips=float(rng.uniform(0.3, 0.8)),
        brow=float(rng.uniform(0.5, 1.0)),
        seed=int(rng.integers(2**31)),
    )


def draw_outfit(index: int, number: int, seed: int) -> Outfit:
    """Outfit `number` of person `index`."""
    rng = np.random.default_rng([seed, index, OUTFIT_STREAM, number])
    top = str(rng.choice(TOP_KINDS, p=TOP_ODDS))
    bottom = str(rng.choice(BOTTOM_KINDS, p=BOTTOM_ODDS))
    first, second, inner = (_scaled(TOPS[int(k)], rng.uniform(0.85, 1.1)) for k in rng.choice(len(TOPS), 3, replace=False))
    jeans = (60.0, 80.0, 116.0) if rng.random() < 0.6 else (36.0, 42.0, 60.0)
    return Outfit(
        top=top,
        top_colour=first,
        second=second,
        inner=inner,
        pattern=str(rng.choice(PATTERNS, p=PATTERN_ODDS)),
        period_m=float(rng.uniform(0.05, 0.14)),
        loose_m=float(rng.uniform(0.004, 0.012)) + {"hoodie": 0.016, "jacket": 0.016, "long": 0.003}.get(top, 0.0),
        bottom=bottom,
        bottom_colour=_scaled(jeans if bottom == "jeans" else BOTTOMS[int(rng.integers(len(BOTTOMS)))], rng.uniform(0.85, 1.1)),
        bottom_loose_m={"leggings": 0.002, "jeans": 0.009, "joggers": 0.014, "shorts": 0.018}.get(bottom, 0.014)
        + float(rng.uniform(0, 0.008)) * (bottom != "leggings"),
        shoe=_scaled(SHOES[int(rng.integers(len(SHOES)))], rng.uniform(0.85, 1.05)),
        sole=(232.0, 230.0, 226.0) if rng.random() < 0.55 else (40.0, 38.0, 38.0),
        socks=(230.0, 230.0, 228.0) if rng.random() < 0.5 else (40.0, 40.0, 46.0),
        belt=bool(rng.random() < 0.4),
        seed=int(rng.integers(2**31)),
    )


def draw_scene(index: int, action: int, number: int, seed: int) -> Scene:
    """How clip `number` of an action of person `index` was taken."""
    rng = np.random.default_rng([seed, index, SCENE_STREAM, action, number])
    place = str(rng.choice(PLACES))
    across, up, towards = rng.uniform(-0.8, 0.8), rng.uniform(0.75, 1.5), rng.uniform(0.15, 0.9)
    sun = np.array([across, -up, -towards])
    sun /= np.linalg.norm(sun)
    warm, bright = rng.normal(0, 0.03), rng.normal(0, 0.06)
    gains = (1 + np.array([warm, 0.2 * warm, -warm])) * (1 + bright)
    soft = place in ("hall", "studio", "room")
    ground, far = _colours(place, rng)
    return Scene(
        place=place,
        sun=(float(sun[0]), float(sun[1]), float(sun[2])),
        ambient=float(rng.uniform(0.5, 0.7) if soft else rng.uniform(0.34, 0.6)),
        shadow=float(rng.uniform(0.25, 0.45) if soft else rng.uniform(0.4, 0.62)),
        gains=(float(gains[0]), float(gains[1]), float(gains[2])),
        ground=ground,
        far=far,
        distance_m=float(rng.uniform(5.0, 9.0)),
        eye_m=float(rng.uniform(0.95, 1.7)),
        height_share=float(rng.uniform(0.62, 0.84)),
        seed=int(rng.integers(2**31)),
    )


def _colours(place: str, rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Of the ground, and of what stands behind it."""
    ground, far = {
        "meadow": ((104, 128, 66), (178, 196, 214)),
        "street": ((128, 126, 124), (158, 140, 124)),
        "hall": ((172, 142, 106), (206, 204, 198)),
        "room": ((120, 104, 96), (200, 190, 172)),
        "sand": ((206, 186, 148), (168, 192, 214)),
        "studio": ((190, 190, 190), (196, 196, 198)),
    }[place]
    tint = rng.normal(0, 7, 3)
    return _scaled(np.add(ground, tint), rng.uniform(0.8, 1.15)), _scaled(np.add(far, tint), rng.uniform(0.7, 1.1))


def _between(colours: tuple[tuple[int, int, int], ...], at: float) -> np.ndarray:
    low = min(int(at), len(colours) - 2)
    a, b = np.array(colours[low], float), np.array(colours[low + 1], float)
    return a + (at - low) * (b - a)


def _scaled(colour: np.ndarray | Colour | tuple[int, int, int], by: float) -> Colour:
    red, green, blue = (float(np.clip(value * by, 6, 246)) for value in colour)
    return red, green, blue
