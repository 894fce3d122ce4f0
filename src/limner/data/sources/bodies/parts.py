"""The shapes of a dressed person: trunk, head, hair, arms, legs and shoes as lofts.

Half widths and depths are fractions of the stature, by eye beside the breadths of Drillis & Contini 1966 (as in Winter, Biomechanics and
Motor Control); lengths are the build's own. Clothes stand off the body by what they hang loose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limner.data.sources.bodies.loft import Dots, line_weights, loft
from limner.data.sources.bodies.looks import Look, Outfit
from limner.data.sources.faces.noise import smooth

EAR_UP = 0.109  # of the stature, from the neck joint: kinematics.skeleton.EAR
# Rows of (place along, half width, half depth, shift to the front); an arm's and a leg's place is a fraction of the stature
# fmt: off
ARM = (
    (-.026, .002, .002, 0), (-.021, .016, .016, 0), (-.008, .0245, .0255, 0), (.012, .0285, .030, 0), (.05, .029, .030, 0),
    (.10, .0262, .0275, 0), (.15, .0232, .0245, 0), (.186, .0212, .0215, 0), (.215, .0232, .022, 0), (.25, .0212, .0195, 0),
    (.30, .0165, .0145, 0), (.332, .0142, .0118, 0),
)
HAND = (
    (.345, .0165, .0112, 0), (.372, .0215, .0115, 0), (.40, .0205, .0098, 0), (.425, .0165, .0085, 0), (.437, .009, .006, 0),
    (.441, .001, .001, 0),
)
FIST = ((.345, .0170, .0140, 0), (.365, .0215, .0200, .002), (.385, .0210, .0215, .004), (.398, .015, .015, .004), (.405, .001, .001, .004))
LEG = (
    (-.050, .003, .003, 0), (-.044, .024, .024, 0), (-.025, .041, .040, -.004), (0, .047, .047, -.007), (.05, .0465, .049, -.003),
    (.12, .042, .047, 0), (.20, .0335, .038, .002), (.245, .030, .033, .003), (.28, .0285, .032, 0), (.33, .0305, .0345, -.006),
    (.40, .025, .027, -.004), (.46, .019, .021, -.001), (.491, .0185, .021, 0), (.503, .015, .017, 0), (.510, .002, .002, 0),
)
SHOE = (
    (-.014, .003, .003, .016), (-.011, .013, .015, .020), (0, .019, .024, .026), (.03, .0195, .027, .029), (.05, .0195, .025, .027),
    (.075, .022, .019, .020), (.105, .0252, .015, .0155), (.13, .0235, .0125, .013), (.145, .017, .010, .0105), (.153, .002, .003, .008),
)
# Height over the neck joint, half width, front, back: of the head, from the line between the ears
HEAD = (
    (.053, .002, .034, .026), (.056, .014, .044, .010), (.062, .023, .048, -.010), (.070, .029, .0495, -.026), (.080, .0335, .050, -.038),
    (.090, .0375, .0505, -.047), (.100, .0395, .0505, -.053), (.110, .0412, .050, -.057), (.118, .0422, .049, -.059),
    (.130, .0435, .0515, -.061), (.145, .0435, .050, -.060), (.160, .0395, .042, -.055), (.172, .0300, .029, -.044),
    (.179, .0170, .014, -.028), (.182, .001, .000, -.004),
)
# How far hair stands off, of the stature: least and most
STYLED = {
    "short": (.004, .009), "crop": (.001, .003), "long": (.005, .010), "bun": (.003, .005), "bob": (.007, .012), "curls": (.012, .024),
}
# fmt: on


@dataclass(frozen=True, kw_only=True)
class Part:
    """One loft. along: (R,) metres on its line. place, tangent: (R, J) weights of the line's joints."""

    name: str
    along: np.ndarray
    place: np.ndarray
    tangent: np.ndarray
    dots: Dots


def build_parts(look: Look, outfit: Outfit, spacing: float, *, fists: bool) -> dict[str, Part]:
    """Every part of a person, unpainted; dots at most `spacing` metres apart."""
    build, sides = look.build, ("right", "left")
    parts = {"trunk": _part("trunk", _trunk(look, outfit), (build.torso,), spacing, power=2.5)}
    head = _head(look, 0.0)
    parts["head"] = _part("head", head, (build.stature_m,), spacing, power=2.15)
    if look.style != "bald":
        least, most = STYLED[look.style]
        parts["hair"] = _part("hair", _head(look, least + look.volume * (most - least)), (build.stature_m,), spacing, power=2.15)
    if look.style in ("long", "bob", "bun"):
        parts["tail"] = _part("tail", _tail(look), (build.stature_m,), spacing)
    arm, leg = _arm(look, outfit, fists), _leg(look, outfit)
    for side in sides:
        parts[f"arm_{side}"] = _part(f"arm_{side}", arm, (build.upper_arm, build.forearm, build.hand), spacing, soft=build.of(0.026))
        leg_part = _part(f"leg_{side}", leg, (build.thigh, build.shin), spacing, soft=build.of(0.035))
        inward = -1.0 if side == "right" else 1.0
        inside = build.of(0.016) * (1 - smooth(leg_part.dots.along / build.thigh))  # thighs lie nearer the middle than the hips' joints
        leg_part.dots.offset[:, 0] += inward * inside
        parts[f"leg_{side}"] = leg_part
        parts[f"foot_{side}"] = _part(f"foot_{side}", np.array(SHOE) * build.stature_m, (build.heel + build.toe,), spacing, power=2.6)
    return parts


def _part(name: str, profile: np.ndarray, lengths: tuple[float, ...], spacing: float, *, power: float = 2.0, soft: float = 0.0) -> Part:
    along, dots = loft(profile, spacing, power)
    place, tangent = line_weights(lengths, along, soft)
    return Part(name=name, along=along, place=place, tangent=tangent, dots=dots)


def _dense(rows: np.ndarray, num: int = 90) -> np.ndarray:
    """The same profile in many rows, so that clothes can be put on it; its own rows stay among them."""
    from scipy.interpolate import PchipInterpolator

    along = np.union1d(np.linspace(rows[0, 0], rows[-1, 0], num), rows[:, 0])
    return np.concatenate([along[:, None], PchipInterpolator(rows[:, 0], rows[:, 1:])(along)], 1)


def hem(outfit: Outfit) -> float:
    """Where the top ends, in torso lengths over the hips."""
    return {"shirt": -0.02, "polo": 0.02, "hoodie": 0.02, "jacket": -0.04}.get(outfit.top, -0.01)


def _trunk(look: Look, outfit: Outfit) -> np.ndarray:
    """From the crotch to the neck, metres over the middle of the hips."""
    build, b = look.build, look.bulk
    chest, hips = build.shoulders * (1.03 - 0.08 * look.slim), build.hips * (0.98 + 0.06 * look.slim)
    waist, bust = 0.082 - 0.011 * look.slim, 0.062 + 0.008 * look.slim
    # fmt: off
    rows = np.array([
        (-0.20, 0.020, 0.020, 0), (-0.17, 0.060 * hips, 0.045, -0.004), (-0.08, 0.091 * hips, 0.060, -0.007),
        (0.05, 0.0955 * hips, 0.064, -0.007), (0.22, 0.088 * hips, 0.060, 0), (0.42, waist * b, 0.054 * b, 0.002),
        (0.62, 0.086 * chest * b, 0.059 * b, 0.004), (0.80, 0.0925 * chest, bust * b, 0.006), (0.92, 0.093 * chest, 0.055 * b, 0.001),
        (1.00, 0.089 * chest, 0.045, -0.003), (1.045, 0.076 * chest, 0.037, -0.005), (1.08, 0.050 * chest, 0.033, -0.004),
        (1.105, 0.034, 0.032, -0.001),
        (1.14, 0.0300, 0.032, 0.003), (1.30, 0.029, 0.031, 0.008),
    ])
    # fmt: on
    rows = _dense(rows)
    h, at = rows[:, 0].copy(), hem(outfit)
    metres = rows * build.stature_m
    metres[:, 0] = h * build.torso
    top = outfit.loose_m * smooth((h - at + 0.012) / 0.024) * (1 - smooth((h - 1.02) / 0.08))
    top *= 1 + 0.9 * np.exp(-(((h - at) / 0.16) ** 2)) * (outfit.top in ("tee", "shirt", "long", "tank"))
    bottom = 0.5 * outfit.bottom_loose_m * (1 - smooth((h - at) / 0.05))
    if outfit.top == "hoodie":  # the hood lies round the neck
        top += 0.030 * np.exp(-(((h - 1.06) / 0.05) ** 2))
    if outfit.top in ("shirt", "jacket", "polo"):
        top += 0.010 * np.exp(-(((h - 1.09) / 0.025) ** 2))
    metres[:, 1] += top + bottom
    metres[:, 2] += top + bottom
    return metres


def sleeve(look: Look, outfit: Outfit) -> float:
    """How far the sleeve goes down the arm, metres from the shoulder; below 0 where there is none."""
    build = look.build
    short = {"tee": 0.55, "polo": 0.6}.get(outfit.top)
    if outfit.top == "tank":
        return -0.02 * build.stature_m
    return build.upper_arm * short if short else build.upper_arm + 0.97 * build.forearm


def legging(look: Look, outfit: Outfit) -> float:
    """How far trousers go down the leg, metres from the hip."""
    build = look.build
    return build.thigh * 0.86 if outfit.bottom == "shorts" else build.thigh + build.shin * 0.985


def _arm(look: Look, outfit: Outfit, fists: bool) -> np.ndarray:
    build = look.build
    rows = _dense(np.array((*ARM, *(FIST if fists else HAND))) * build.stature_m)
    thick = look.bulk * (1.0 - 0.10 * look.slim)
    s = rows[:, 0] / build.stature_m
    rows[:, 1:3] *= np.where(s < 0.33, thick, 1)[:, None]
    rows[:, 0] *= np.where(rows[:, 0] > 0, build.arms, 1)
    end = sleeve(look, outfit)
    cover = (1 - smooth((rows[:, 0] - end + 0.008) / 0.016)) * smooth((s + 0.03) / 0.01)
    flare = 1 + (0.9 * smooth(rows[:, 0] / max(end, 0.01)) if end < build.upper_arm else 0)
    rows[:, 1:3] += (outfit.loose_m * cover * flare)[:, None]
    return rows


def _leg(look: Look, outfit: Outfit) -> np.ndarray:
    build = look.build
    rows = _dense(np.array(LEG) * build.stature_m)
    s = rows[:, 0] / build.stature_m
    rows[:, 1:3] *= np.where(s < 0.45, look.bulk**0.8, 1)[:, None]
    rows[:, 0] *= np.where(rows[:, 0] > 0, build.legs, 1)
    end = legging(look, outfit)
    cover = (1 - smooth((rows[:, 0] - end + 0.008) / 0.016)) * smooth((s + 0.05) / 0.015)
    loose = outfit.bottom_loose_m * np.ones(len(s))
    if outfit.bottom in ("trousers", "jeans"):  # straight: they fall from the calf
        loose = loose + np.maximum(0, 0.0265 * build.stature_m - rows[:, 1]) * smooth((s - 0.30) / 0.05)
    if outfit.bottom == "joggers":
        loose = loose * (1 - 0.8 * smooth((rows[:, 0] - end + 0.06) / 0.05))
    rows[:, 1:3] += (loose * cover)[:, None]
    return rows


def _head(look: Look, off: float) -> np.ndarray:
    """off: how far it stands off the skin, fractions of the stature; metres over the neck joint."""
    rows = np.array(HEAD)
    middle = 0.118
    grown = np.stack(
        [
            middle + (rows[:, 0] - middle) * (1 + off / 0.065),
            rows[:, 1] + off * (rows[:, 1] > 0.005),
            (rows[:, 2] + rows[:, 3]) / 2,
            (rows[:, 2] - rows[:, 3]) / 2 + off * (rows[:, 1] > 0.005),
        ],
        1,
    )
    return (grown * look.build.stature_m * look.build.head)[:, [0, 1, 3, 2]]


def _tail(look: Look) -> np.ndarray:
    """Hair behind the head: falls to the shoulders, to the chin, or is a knot; metres over the neck joint."""
    if look.style == "bun":
        up, r = 0.165, 0.020 + 0.006 * look.volume
        turns = np.linspace(-1, 1, 9)
        return np.array([(up + r * t, r * max(0.02, np.sqrt(1 - t * t)), r * max(0.02, np.sqrt(1 - t * t)), -0.055) for t in turns]) * (
            look.build.stature_m * look.build.head
        )
    low = 0.060 if look.style == "bob" else -0.030 - 0.05 * look.volume
    # fmt: off
    rows = (
        (low, 0.004, 0.003, -0.046), (low + 0.012, 0.036, 0.014, -0.045), (0.07 if low < 0.05 else 0.085, 0.047, 0.024, -0.038),
        (0.12, 0.0475, 0.034, -0.031), (0.15, 0.045, 0.034, -0.028), (0.172, 0.030, 0.022, -0.022), (0.184, 0.004, 0.004, -0.015),
    )
    # fmt: on
    return np.array(rows) * look.build.stature_m * look.build.head
