"""BVH: a hierarchy of joints and their angles -> where each joint is, and of them the body guide's points.

Shapes: T time, J joints. A joint's rotation is the product of its channels in the file's order; what its position channels say replaces its
offset. Lengths are the file's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from limner.guides.body import GUIDE
from limner.media.poses.layouts import gather
from limner.media.video import parse_fps
from limner.types import InputError

MOST_JOINTS, MOST_FRAMES = 500, 100_000  # ours: a body with hands has under 100
NOSE_AHEAD = 0.35  # ours: the nose before the middle of the head, in heights of the head
CHANNELS = {f"{axis}{kind}".lower(): (kind, "XYZ".index(axis)) for axis in "XYZ" for kind in ("position", "rotation")}

# Names by which tools call a joint, the surest first (letters and digits, small; {s} is left or l, right or r). A Mixamo `LeftShoulder` is
# the collar bone and its `LeftArm` the shoulder; CMU's `LeftShoulder` is the shoulder.
NAMES: dict[str, tuple[str, ...]] = {
    "shoulder": ("{s}arm", "{s}uparm", "{s}upperarm", "upperarm{s}", "{s}humerus", "{s}shldr", "{s}shoulder", "shoulder{s}"),
    "elbow": ("{s}forearm", "{s}lowarm", "{s}lowerarm", "lowerarm{s}", "forearm{s}", "{s}radius", "{s}elbow", "elbow{s}"),
    "wrist": ("{s}wrist", "wrist{s}", "{s}hand", "hand{s}"),
    "hip": ("{s}upleg", "{s}upperleg", "{s}thigh", "thigh{s}", "{s}femur", "{s}hip", "hip{s}"),
    "knee": ("{s}leg", "{s}lowleg", "{s}lowerleg", "{s}shin", "shin{s}", "{s}calf", "calf{s}", "{s}tibia", "{s}knee", "knee{s}"),
    "ankle": ("{s}foot", "foot{s}", "{s}ankle", "ankle{s}"),
}


@dataclass(frozen=True, kw_only=True)
class Bvh:
    """names: of the joints; "" is an end site. parents: of each, -1 of the root. places: (T, J, 3), the file's own axes."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    places: np.ndarray
    fps: Fraction


@dataclass
class _Joint:
    name: str
    parent: int
    offset: tuple[float, ...]
    channels: tuple[str, ...] = ()


def read_bvh(text: str) -> Bvh:
    """The text of a BVH file -> where its joints are. InputError that says what is wrong with it."""
    words = text.split()
    if not words or words[0].upper() != "HIERARCHY":
        raise InputError("is no BVH file: it does not begin with HIERARCHY")
    try:
        joints, at = _hierarchy(words)
        rows, fps = _frames(words, at, sum(len(joint.channels) for joint in joints))
    except (IndexError, StopIteration) as error:
        raise InputError("is a BVH file cut short") from error
    names, parents = tuple(joint.name for joint in joints), tuple(joint.parent for joint in joints)
    return Bvh(names=names, parents=parents, places=_places(joints, rows), fps=fps)


def _hierarchy(words: list[str]) -> tuple[list[_Joint], int]:
    """The joints, parents first, end sites without a name among them; and where the motion begins."""
    joints: list[_Joint] = []
    open_: list[int] = []
    at = 1
    while words[at].upper() != "MOTION":
        word = words[at].upper()
        if word in ("ROOT", "JOINT", "END"):
            start = next(k for k in range(at + 1, len(words)) if words[k] == "{")
            name = "" if word == "END" else " ".join(words[at + 1 : start])
            if words[start + 1].upper() != "OFFSET":
                raise InputError(f"joint {name!r} of the BVH file has no OFFSET")
            joints.append(_Joint(name, open_[-1] if open_ else -1, tuple(_number(word) for word in words[start + 2 : start + 5])))
            open_.append(len(joints) - 1)
            at = start + 5
        elif word == "CHANNELS":
            num = int(_number(words[at + 1]))
            names = tuple(word.lower() for word in words[at + 2 : at + 2 + num])
            if unknown := [name for name in names if name not in CHANNELS]:
                raise InputError(f"joint {joints[open_[-1]].name!r} of the BVH file has the channel {unknown[0][:30]!r}")
            joints[open_[-1]].channels = names
            at += 2 + num
        elif word == "}":
            open_.pop()
            at += 1
        else:
            raise InputError(f"has {words[at][:30]!r} amid the BVH hierarchy")
        if len(joints) > MOST_JOINTS:
            raise InputError(f"has more than {MOST_JOINTS} joints")
    return joints, at + 1


def _frames(words: list[str], at: int, channels: int) -> tuple[np.ndarray, Fraction]:
    """The numbers of each frame (T, C), and the rate."""
    if words[at].lower() != "frames:":
        raise InputError("has no 'Frames:' after MOTION")
    num = int(_number(words[at + 1]))
    if [word.lower() for word in words[at + 2 : at + 4]] != ["frame", "time:"]:
        raise InputError("has no 'Frame Time:'")
    seconds = _number(words[at + 4])
    if not seconds > 0:
        raise InputError(f"has a frame time of {seconds:g} s")
    values = words[at + 5 :]
    if num < 1 or not values:
        raise InputError("has no frames")
    if num > MOST_FRAMES:
        raise InputError(f"has {num:,} frames; at most {MOST_FRAMES:,} are read")
    if len(values) != num * channels:
        raise InputError(f"says it has {num} frames of {channels} numbers, and has {len(values)} numbers: cut short, or another hierarchy")
    try:
        rows = np.array(values, np.float64).reshape(num, channels)
    except ValueError as error:
        raise InputError("holds something among its frames that is no number") from error
    if not np.isfinite(rows).all():
        raise InputError(f"frame {int(np.argwhere(~np.isfinite(rows))[0, 0])} holds a number that is not finite")
    return rows, parse_fps(_rate(seconds))


def _rate(seconds: float) -> Fraction:
    """The rate of a frame time, a plain one where one is near: .03333 and .0333333 are 30 a second, .008342 is 119.88."""
    exact = 1 / seconds
    plain = [Fraction(n) for n in (24, 25, 30, 50, 60, 100, 120)] + [Fraction(n * 1000, 1001) for n in (24, 30, 60, 120)]
    near = min(plain, key=lambda rate: abs(float(rate) - exact))
    return near if abs(float(near) / exact - 1) < 5e-4 else Fraction(exact).limit_denominator(1001)


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError as error:
        raise InputError(f"has {word[:30]!r} where a number should be") from error


def _places(joints: list[_Joint], rows: np.ndarray) -> np.ndarray:
    """Forward kinematics: (T, J, 3)."""
    num = len(rows)
    places, turns = np.empty((num, len(joints), 3)), np.empty((num, len(joints), 3, 3))
    at = 0
    for k, joint in enumerate(joints):
        offset = np.broadcast_to(np.array(joint.offset), (num, 3)).copy()
        turn = np.broadcast_to(np.eye(3), (num, 3, 3))
        moved = [CHANNELS[name][1] for name in joint.channels if CHANNELS[name][0] == "position"]
        for name in joint.channels:
            kind, axis = CHANNELS[name]
            if kind == "position":
                offset[:, axis] = rows[:, at]
            else:
                turn = turn @ _turn(axis, rows[:, at])
            at += 1
        if joint.parent < 0:
            places[:, k], turns[:, k] = offset if moved else np.array(joint.offset), turn
        else:
            places[:, k] = places[:, joint.parent] + (turns[:, joint.parent] @ offset[..., None])[..., 0]
            turns[:, k] = turns[:, joint.parent] @ turn
    return places


def _turn(axis: int, degrees: np.ndarray) -> np.ndarray:
    """Right-handed rotation about an axis; (T, 3, 3)."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    out = np.zeros((len(degrees), 3, 3))
    a, b = (axis + 1) % 3, (axis + 2) % 3
    out[:, axis, axis] = 1
    out[:, a, a] = out[:, b, b] = cos
    out[:, a, b], out[:, b, a] = -sin, sin
    return out


def body_of(bvh: Bvh) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """-> the guide's points (T, 18, 3), x right, y down, z away, as somebody whom the person faces at first sees them; confidence (T, 18);
    and the names of the points that the file lacks.

    The neck is the middle of the shoulders; the nose lies before the middle of the head; eyes and ears no such file has. InputError where
    no shoulders, or no hips, are found: nobody knows then where the front is."""
    where = _where(bvh.names)
    lacking = [name for name in GUIDE.point_names if name.split("_")[0] in NAMES and name not in where]
    for part in ("shoulder", "hip"):
        if any(name.startswith(part) for name in lacking):
            has = ", ".join(filter(None, bvh.names))
            raise InputError(f"is a BVH of another hierarchy: it lacks {', '.join(lacking)}; its joints are {has[:200]}")
    places = _upright(bvh, where)
    head = next((k for k, name in enumerate(bvh.names) if _plain(name) == "head"), None)
    if head is None:
        return *gather(where, places, np.ones(places.shape[:2])), ("nose", *lacking)
    top = next((k for k, parent in enumerate(bvh.parents) if parent == head and not bvh.names[k]), head)
    height = np.linalg.norm(places[:, top] - places[:, head], axis=1, keepdims=True)
    nose = (places[:, head] + places[:, top]) / 2 + NOSE_AHEAD * height * _ahead(places, where)
    where = where | {"nose": (places.shape[1],)}
    places = np.concatenate([places, nose[:, None]], 1)
    return *gather(where, places, np.ones(places.shape[:2])), tuple(lacking)


def _where(names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """The guide's points that the joints' names tell of -> which joints make them."""
    known = {_plain(name): k for k, name in reversed(list(enumerate(names))) if name}
    found: dict[str, tuple[int, ...]] = {}
    for part, spellings in NAMES.items():
        for side in ("right", "left"):
            tried = [spelling.format(s=s) for spelling in spellings for s in (side, side[0])]
            if (name := next((name for name in tried if name in known), None)) is not None:
                found[f"{part}_{side}"] = (known[name],)
    if {"shoulder_right", "shoulder_left"} <= found.keys():
        found["neck"] = (*found["shoulder_right"], *found["shoulder_left"])
    return found


def _plain(name: str) -> str:
    """'mixamorig:LeftUpLeg', 'Bip01 L Thigh' -> 'leftupleg', 'lthigh'."""
    return re.sub(r"^bip\d*", "", re.sub(r"[^a-z0-9]", "", name.rpartition(":")[2].lower()))


def _upright(bvh: Bvh, where: dict[str, tuple[int, ...]]) -> np.ndarray:
    """The joints (T, J, 3) with x right, y down, z away from somebody whom the person faces in the first half second."""
    trunk = bvh.places[:, list(where["neck"])].mean(1) - bvh.places[:, [*where["hip_right"], *where["hip_left"]]].mean(1)
    x, y, z = np.moveaxis(bvh.places, -1, 0)
    if abs(trunk.mean(0)[2]) > abs(trunk.mean(0)[1]):  # z is up
        y, z = z, -y
    places = np.stack([x, -y, -z], -1)
    first = max(1, round(float(bvh.fps) / 2))
    across = sum(places[:first, where[f"{part}_left"][0]] - places[:first, where[f"{part}_right"][0]] for part in ("shoulder", "hip"))
    across = np.asarray(across).mean(0)
    length = float(np.hypot(across[0], across[2]))
    cos, sin = (across[0] / length, across[2] / length) if length > 0 else (1.0, 0.0)
    return places @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])


def _ahead(places: np.ndarray, where: dict[str, tuple[int, ...]]) -> np.ndarray:
    """The way the chest faces, level; (T, 3) of length 1."""
    across = places[:, where["shoulder_left"][0]] - places[:, where["shoulder_right"][0]]
    ahead = np.stack([across[:, 2], np.zeros(len(across)), -across[:, 0]], -1)
    return ahead / np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
