"""What is painted on the dots: skin, face, hair, clothes with their patterns, folds and seams, shoes. sRGB 0..255, in still light.

Every number is ours, by eye.
"""

from __future__ import annotations

import numpy as np

from limner.data.sources.bodies.loft import Dots, unit
from limner.data.sources.bodies.looks import Look, Outfit
from limner.data.sources.bodies.parts import Part, hem, legging, sleeve
from limner.data.sources.faces.noise import sheet_noise, smooth

WHITE, DARK = np.array([236.0, 234.0, 230.0]), np.array([30.0, 26.0, 26.0])
CREASE = 0.10  # how much folds lighten and darken cloth


def paint(parts: dict[str, Part], look: Look, outfit: Outfit) -> dict[str, Dots]:
    """The dots of every part with their colours; those that nothing shows on (skin under hair, shaved places of hair) are left out."""
    painted = {}
    for name, part in parts.items():
        kind = name.partition("_")[0]
        dots = {"trunk": _trunk, "head": _head, "hair": _hair, "tail": _tail, "arm": _arm, "leg": _leg, "foot": _foot}[kind](
            part.dots, look, outfit
        )
        painted[name] = dots
    return painted


def _mix(low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
    return low + (high - low) * np.asarray(share)[..., None]


def _skin(dots: Dots, look: Look) -> np.ndarray:
    grain = sheet_noise(dots.offset[:, 0] * 60, dots.along * 60, look.seed % 997)
    return np.array(look.skin) * (1 + 0.025 * grain)[:, None]


def _cloth(colour: np.ndarray, u: np.ndarray, v: np.ndarray, seed: int, folds: np.ndarray | float = 1.0) -> np.ndarray:
    """Cloth with folds: wide ones across, fine ones of the weave. u around, v along, metres."""
    wide = sheet_noise(u * 9 + 3.1, v * 14, seed % 991) + 0.6 * sheet_noise(u * 20, v * 30, seed % 983)
    weave = sheet_noise(u * 160, v * 160, seed % 977)
    return colour * (1 + CREASE * folds * wide + 0.02 * weave)[:, None]


def _pattern(outfit: Outfit, u: np.ndarray, v: np.ndarray, front: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The top's colours (N, 3): u metres around, v metres down; front: on the front; high: 0 hem .. 1 neck."""
    first, second, p = np.array(outfit.top_colour), np.array(outfit.second), outfit.period_m
    share = {
        "plain": lambda: np.zeros(len(u)),
        "rings": lambda: (v / p % 1 < 0.5).astype(float),
        "stripes": lambda: (u / p % 1 < 0.3).astype(float),
        "checks": lambda: 0.5 * (u / p % 1 < 0.45) + 0.5 * (v / p % 1 < 0.45),
        "print": lambda: (front & (np.abs(u) < 0.085) & (np.abs(high - 0.68) < 0.14)).astype(float),
        "halves": lambda: (high < 0.55).astype(float),
        "dots": lambda: ((u / p % 1 - 0.5) ** 2 + (v / p % 1 - 0.5) ** 2 < 0.07).astype(float),
        "band": lambda: (np.abs(high - 0.72) < 0.10).astype(float),
    }[outfit.pattern]()
    return _mix(first, second, share)


def _trunk(dots: Dots, look: Look, outfit: Outfit) -> Dots:
    build = look.build
    x, y = dots.offset[:, 0], dots.offset[:, 1]
    h, front = dots.along / build.torso, dots.normal[:, 1] > 0
    bottom = _cloth(np.array(outfit.bottom_colour), x, dots.along, outfit.seed + 1)
    if outfit.belt:
        bottom = _mix(bottom, np.broadcast_to(DARK, bottom.shape), (h > 0.10) & (h < 0.17))
    high = (h - hem(outfit)) / (1.0 - hem(outfit))
    top = _cloth(_pattern(outfit, x, -dots.along, front, high), x, dots.along, outfit.seed)
    if outfit.top in ("jacket", "shirt"):
        inner = _cloth(np.broadcast_to(np.array(outfit.inner), top.shape), x, dots.along, outfit.seed + 2)
        open_m = 0.035 if outfit.top == "jacket" else 0.012 * (h > 0.93)
        top = _mix(top, inner, front & (np.abs(x) < open_m))
        if outfit.top == "shirt":
            top = top * (1 - 0.22 * (front & (np.abs(x - 0.008) < 0.003)))[:, None]
    if outfit.top == "hoodie":
        top = top * (1 - 0.25 * (front & (np.abs(np.abs(x) - 0.10 + 0.3 * (0.3 - h)) < 0.006) & (h > 0.12) & (h < 0.32)))[:, None]
    top = top * (1 - 0.20 * (np.abs(h - hem(outfit) - 0.02) < 0.006))[:, None]
    neck = _neckline(outfit, x, front, y)
    colour = _mix(bottom, top, h > hem(outfit))
    skin = _skin(dots, look) * (1 - 0.30 * smooth((h - 1.10) / 0.12) * front)[:, None]  # the chin's shade
    colour = _mix(colour, skin, h > neck)
    edge = np.abs(h - neck) < 0.012
    colour = colour * (1 - 0.18 * edge * (outfit.top != "tank"))[:, None]
    # Less light comes between the arms and the trunk, and between the legs
    shade = 1 - 0.22 * np.exp(-(((np.abs(x) - 0.10 * build.stature_m) / 0.03) ** 2)) * (h > 0.55) * (h < 0.95)
    shade -= 0.35 * smooth((-0.06 - h) / 0.1)
    return _with(dots, colour * shade[:, None])


def _neckline(outfit: Outfit, x: np.ndarray, front: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Torso lengths over the hips where cloth ends and the neck begins."""
    deep = {"tank": 0.16, "tee": 0.075, "long": 0.065, "polo": 0.07, "shirt": 0.06, "jacket": 0.03, "hoodie": 0.02}[outfit.top]
    top = {"hoodie": 1.115, "shirt": 1.125, "jacket": 1.12, "polo": 1.115}.get(outfit.top, 1.085)
    if outfit.top == "tank":
        top = 1.07
    return np.where(front, top - deep * np.exp(-((x / 0.045) ** 2)), top - 0.01)


def _arm(dots: Dots, look: Look, outfit: Outfit) -> Dots:
    build, end = look.build, sleeve(look, outfit)
    u = dots.angle * 0.045
    plain = np.array(outfit.second if outfit.pattern == "band" and outfit.seed % 2 else outfit.top_colour)
    if outfit.pattern in ("rings", "checks", "stripes", "dots"):
        base = _pattern(outfit, u, dots.along, np.zeros(len(u), bool), np.full(len(u), 0.5))
    else:
        base = np.broadcast_to(plain, dots.offset.shape)
    bend = np.exp(-(((dots.along - build.upper_arm) / 0.06) ** 2))
    cloth = _cloth(base, u, dots.along, outfit.seed + 3, 1 + 0.8 * bend)
    cloth = cloth * (1 - 0.2 * (np.abs(dots.along - end + 0.02) < 0.004))[:, None]
    if outfit.top in ("hoodie", "jacket", "long"):
        cloth = cloth * (1 - 0.12 * (dots.along > end - 0.05))[:, None]
    skin = _skin(dots, look)
    elbow = np.exp(-(((dots.along - build.upper_arm) / 0.025) ** 2)) * (dots.normal[:, 1] < -0.3)
    skin = skin * (1 - 0.10 * elbow)[:, None]
    tips = dots.along / build.stature_m / build.arms
    finger = np.abs(dots.offset[:, 0] / (0.0205 * build.stature_m) * 2 % 1 - 0.5) < 0.10
    skin = skin * (1 - 0.28 * (finger & (tips > 0.385)))[:, None]
    return _with(dots, _mix(skin, cloth, dots.along < end))


def _leg(dots: Dots, look: Look, outfit: Outfit) -> Dots:
    build, end = look.build, legging(look, outfit)
    u = dots.angle * 0.07
    bend = np.exp(-(((dots.along - build.thigh) / 0.08) ** 2)) + 0.8 * smooth((dots.along - end + 0.12) / 0.1)
    cloth = _cloth(np.array(outfit.bottom_colour), u, dots.along, outfit.seed + 5, 0.8 + 0.8 * bend)
    if outfit.bottom == "jeans":  # worn lighter on the thigh's front
        worn = np.exp(-(((dots.along - 0.55 * build.thigh) / 0.16) ** 2)) * np.maximum(dots.normal[:, 1], 0)
        cloth = _mix(cloth, np.minimum(cloth * 1.5 + 16, 235), 0.45 * worn)
    if outfit.bottom == "joggers" and outfit.seed % 2:
        cloth = _mix(cloth, np.broadcast_to(WHITE, cloth.shape), np.abs(dots.normal[:, 1] - 0.05) < 0.10)
    skin = _skin(dots, look)
    socks = np.broadcast_to(np.array(outfit.socks), skin.shape)
    bare = _mix(skin, socks, dots.along > build.thigh + build.shin * 0.86)
    colour = _mix(bare, cloth, dots.along < end)
    return _with(dots, colour * (1 - 0.25 * np.exp(-((dots.along / 0.10) ** 2)))[:, None])


def _foot(dots: Dots, look: Look, outfit: Outfit) -> Dots:
    up, s = dots.offset[:, 1] / look.build.stature_m, dots.along / look.build.stature_m
    shoe = np.broadcast_to(np.array(outfit.shoe), dots.offset.shape)
    toe = shoe * (1 - 0.15 * (np.abs(s - 0.118) < 0.004))[:, None]
    laces = (dots.normal[:, 1] > 0.55) & (s > 0.06) & (s < 0.10) & (s / 0.012 % 1 < 0.45)
    toe = _mix(toe, np.broadcast_to(WHITE if sum(outfit.shoe) < 500 else DARK, toe.shape), 0.8 * laces)
    return _with(dots, _mix(toe, np.broadcast_to(np.array(outfit.sole), toe.shape), up < 0.008))


def _head(dots: Dots, look: Look, outfit: Outfit) -> Dots:
    """The face: brows, eyes, nose, lips; and what stands out of the skull: nose and ears."""
    scale = look.build.stature_m * look.build.head
    x, y, z = dots.offset[:, 0] / scale, dots.along / scale, dots.offset[:, 1] / scale
    front = dots.normal[:, 1] > 0.2
    offset, normal = dots.offset.copy(), dots.normal.copy()
    bridge = np.where(y < 0.099, 0.0035, 0.014)
    nose = 0.013 * np.exp(-((x / 0.0075) ** 2) - ((y - 0.099) / bridge) ** 2) * front
    offset[:, 1] += nose * scale
    normal[:, 0] += nose * 2 * x / 0.0075**2
    normal[:, 2] += nose * 2 * (y - 0.099) / bridge**2
    ear = 0.008 * np.exp(-(((y - 0.110) / 0.010) ** 2) - ((z + 0.004) / 0.006) ** 2)
    offset[:, 0] += np.sign(x) * ear * scale
    blush = np.exp(-(((np.abs(x) - 0.024) / 0.009) ** 2) - ((y - 0.094) / 0.008) ** 2) * front
    colour = _skin(dots, look)
    colour = _mix(colour, colour * (1.02, 0.88, 0.86), 0.5 * blush)
    colour = colour * (1 - 0.25 * np.exp(-(((y - 0.0935) / 0.0018) ** 2) - (x / 0.008) ** 2) * front)[:, None]  # under the nose
    colour = colour * (1 - 0.35 * smooth((0.062 - y) / 0.006))[:, None]  # under the chin
    if look.beard:
        jaw = (y < 0.090 - 0.010 * np.exp(-((x / 0.010) ** 2)) * (y > 0.083)) & (z > -0.012)
        colour = _mix(colour, np.broadcast_to(np.array(look.hair), colour.shape), look.beard * jaw * smooth((0.098 - y) / 0.01))
    side = np.abs(x)
    socket = np.exp(-(((side - 0.0180) / 0.0095) ** 2) - ((y - 0.1195) / 0.0055) ** 2) * front
    colour = colour * (1 - 0.22 * socket)[:, None]
    eye = ((side - 0.0180) / 0.0075) ** 2 + ((y - 0.1180) / 0.0030) ** 2
    colour = _mix(colour, np.broadcast_to(WHITE * 0.92, colour.shape), smooth(2.2 - 1.6 * eye) * front)
    iris = ((side - 0.0180) / 0.0032) ** 2 + ((y - 0.1180) / 0.0032) ** 2
    colour = _mix(colour, np.broadcast_to(DARK, colour.shape), smooth(2.2 - 1.6 * iris) * front * 0.95)
    brow = np.exp(-(((y - 0.1258 - 0.0012 * np.sin((side - 0.01) * 160)) / 0.0018) ** 2)) * (side > 0.009) * (side < 0.029) * front
    colour = _mix(colour, np.broadcast_to(np.array(look.hair) * 0.8, colour.shape), look.brow * brow)
    lip = np.exp(-(((y - 0.0835) / 0.0028) ** 4)) * (side < 0.0125 - 0.6 * np.abs(y - 0.0835)) * front
    colour = _mix(colour, np.clip(colour * (0.92, 0.66, 0.66), 0, 255), look.lips * lip)
    colour = colour * (1 - 0.5 * np.exp(-(((y - 0.0837) / 0.0009) ** 2)) * (side < 0.0115) * front)[:, None]
    shown = Dots(ring=dots.ring, offset=offset, normal=unit(normal), along=dots.along, angle=dots.angle, colour=colour)
    return shown


def _hair(dots: Dots, look: Look, outfit: Outfit) -> Dots:
    scale = look.build.stature_m * look.build.head
    x, y, z = dots.offset[:, 0] / scale, dots.along / scale, dots.offset[:, 1] / scale
    wave = 0.003 * sheet_noise(x * 220, y * 90, look.seed % 953)
    line = 0.074 + 0.0 * x  # the nape
    line = np.where(z > -0.030, 0.105 + wave, line)  # behind the ears
    line = np.where(z > -0.012, 0.128 - 0.020 * (look.style in ("long", "bob", "curls")) + wave, line)  # temples
    line = np.where(z > 0.016, 0.146 + 0.010 * np.exp(-((x / 0.02) ** 2)) * look.volume + wave, line)  # forehead
    return _strands(dots.where(y > line), look)


def _tail(dots: Dots, look: Look, outfit: Outfit) -> Dots:
    return _strands(dots, look)


def _strands(dots: Dots, look: Look) -> Dots:
    curl = 260 if look.style == "curls" else 30
    wide, fine = (sheet_noise(dots.angle * k, dots.along * curl, look.seed % p) for k, p in ((26, 967), (60, 971)))
    strands = wide + 0.6 * fine
    shine = np.exp(-(((dots.normal[:, 2] - 0.55) / 0.2) ** 2))
    return _with(dots, np.clip(np.array(look.hair) * (1 + 0.22 * strands + 0.35 * shine)[:, None] + 4 * shine[:, None], 0, 250))


def _with(dots: Dots, colour: np.ndarray) -> Dots:
    return Dots(ring=dots.ring, offset=dots.offset, normal=dots.normal, along=dots.along, angle=dots.angle, colour=colour)
