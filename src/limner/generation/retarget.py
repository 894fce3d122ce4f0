"""Another body's motion fitted to the person of a photo: the motion's directions, the photo's own lengths, place and ground.

Limbs keep how much the motion foreshortens them, as a share of its own longest. A limb that the motion holds still stays as the photo has
it. What would need another view, turning round above all, is left out and said. Pure functions of points.

Shapes: T time, K = 18 points, B = 8 bones. Places are complex pixels (generation.limbs).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from limner import geometry
from limner.generation import limbs
from limner.generation.limbs import BONES, LEGS, LIMBS, SEEN, as_complex, as_points
from limner.generation.pose import Pose, joined, started, unfolded
from limner.generation.shown import drivable
from limner.guides.body import GUIDE, NECK
from limner.types import InputError, Motion

STILL_RAD = np.radians(10.0)  # ours: a bone that turns by less is held still: about twice what a detector's noise makes of a standing man
STILL_LENGTH = 0.2  # ours: of its reference length; foreshortening that changes by less is none
LONGEST = 95.0  # ours: percentile of a bone's lengths over time that is its true one: one bad frame must not count
LEAST_SHARE = 0.85  # ours: of what the stature lets expect: a bone never seen unforeshortened is at least so long
MOST_STRETCH = 1.5  # ours: a bone's pixels stretched by more smear
TORSO_SHARE = (0.4, 1.25)  # ours: how far a bow may shorten the photo's torso, and how far one that bows in the photo is lengthened
HEAD_TURN_RAD = np.radians(30.0)  # ours: a head tilted by more would part from its neck
HEAD_STILL_RAD = np.radians(4.0)  # ours: a head that leans by less stays as the photo has it
FACING_SHARE = 0.35  # ours: shoulders nearer to one another than this share of the torso do not say which way a body faces
LEAVES = 0.5  # ours: with this share of the body's width beyond the picture's side it is taken to walk out of it


@dataclass(frozen=True, kw_only=True)
class Retargeted:
    """A motion in the photo's pixels. how: a few words; notes: what was left out, a line each; moved: what it moves of the person."""

    motion: Motion
    how: str
    notes: tuple[str, ...]
    moved: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A skeleton's lengths in pixels. bones: (B,) references; torso: None where hips or neck were never seen."""

    bones: np.ndarray
    torso: float | None


def retarget(
    motion: Motion,
    points: np.ndarray,
    confidence: np.ndarray,
    size: tuple[int, int],
    *,
    mirror: bool = False,
    speed: float = 1.0,
    loop: bool = False,
) -> Retargeted:
    """A body motion -> the same done by the person of a photo whose points (K, 2) with confidence (K,) are in a picture of `size` pixels.

    It starts in the photo's own pose, unless `loop` makes its end meet its beginning. speed: 2 is twice as fast, in half the frames.
    InputError: a motion of another guide, of a single frame, without a body, or one that moves nothing of what the photo shows.
    """
    if motion.guide != GUIDE.name:
        raise InputError(f"the motion is of the guide {motion.guide!r}; to move a person it must be of {GUIDE.name!r}")
    if motion.num_frames < 2:
        raise InputError("the motion has a single frame, so nothing moves" if motion.num_frames else "the motion has no frames")
    photo, seen = photo_skeleton(points, confidence)
    places, ever = cleaned(mirrored(motion) if mirror else motion, speed)
    notes: list[str] = []
    places, ever = paired(places, ever, photo, seen, notes)
    theirs, own = measured(places, ever), measured(photo[None], seen)
    moves = moving(places, ever, theirs)
    driven = drivable(moves, ever, photo, np.where(seen, np.maximum(confidence, SEEN), 0), own.bones, size, notes)
    pose = posed(places, ever, theirs, photo, seen, own, driven)
    pose = joined(pose, float(motion.fps)) if loop else started(pose, float(motion.fps))
    moved = unfolded(pose, photo, seen, driven, spot=loop)
    if driven & set(LEGS) and not loop and walks_out(np.real(moved[:, seen]), np.real(photo[seen]), size[0]):
        notes.append("the motion would leave the picture, so it is done on the spot")
        moved = unfolded(pose, photo, seen, driven, spot=True)
    result = replace(
        motion,
        points=np.where(seen[:, None], as_points(moved), as_points(photo)).astype(np.float32),
        confidence=np.tile(np.where(seen, np.maximum(confidence, SEEN), 0), (len(moved), 1)).astype(np.float32),
        size=size,
    )
    return Retargeted(motion=result, how=described(driven), notes=tuple(notes), moved=tuple(sorted(driven)))


def photo_skeleton(points: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K,) complex places of a photo's person and which are seen; the neck is made of the shoulders if need be. InputError without."""
    photo, seen = as_complex(points), np.asarray(confidence) >= SEEN
    if not seen[list(limbs.SHOULDERS)].any():
        raise InputError("no shoulder of the person is seen; limner needs at least an upper body")
    if not seen[NECK]:
        photo[NECK], seen[NECK] = limbs.middle(photo, limbs.SHOULDERS, seen), True
    return photo, seen


def mirrored(motion: Motion) -> Motion:
    """The motion flipped left to right in its own picture."""
    points = geometry.mirror(motion.points, GUIDE, width=float(motion.size[0]))
    return replace(motion, points=points, confidence=motion.confidence[:, list(GUIDE.mirror)])


def cleaned(motion: Motion, speed: float) -> tuple[np.ndarray, np.ndarray]:
    """(T', K) complex places at that speed, gaps led straight over, and (K,) which joints are ever seen. InputError where too few are."""
    seen = np.asarray(motion.confidence) > 0
    ever = np.asarray(seen.any(0))
    places = as_complex(motion.points)
    frames = np.arange(len(places))
    for k in np.flatnonzero(ever & ~seen.all(0)):
        at = frames[seen[:, k]]
        own: np.ndarray = places[at, k]
        places[:, k] = np.interp(frames, at, np.real(own)) + 1j * np.interp(frames, at, np.imag(own))
    if not ever[NECK] and ever[list(limbs.SHOULDERS)].all():
        places[:, NECK], ever[NECK] = places[:, list(limbs.SHOULDERS)].mean(1), True
    if not limbs.bones_seen(ever).any() and not ever[list(limbs.HEAD)].any():
        raise InputError("the motion sees no limb of a body in any frame")
    return geometry.resample(places, max(2, round(len(places) / speed))), ever


def paired(places: np.ndarray, ever: np.ndarray, photo: np.ndarray, seen: np.ndarray, notes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Where one is seen from the front and the other from behind, limbs on the same side of the picture go together."""
    theirs, ours = facing(places, ever), facing(photo[None], seen)
    steady = theirs[np.abs(theirs) > FACING_SHARE]
    if (steady > 0).any() and (steady < 0).any():
        notes.append("the motion turns round; a photo has one view, so only what shows in the picture plane is moved")
    if len(theirs) and not len(steady) and len(ours) and abs(ours[0]) > FACING_SHARE:
        notes.append("the motion is seen from the side and the photo is not: limbs move in the picture plane, the view stays the photo's")
    if not len(steady) or not len(ours) or abs(ours[0]) < FACING_SHARE or np.sign(np.median(steady)) == np.sign(ours[0]):
        return places, ever
    notes.append("the photo and the motion show opposite sides of a body; limbs on the same side of the picture are paired")
    order = list(GUIDE.mirror)
    return places[:, order], ever[order]


def facing(places: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(T,) how far the left shoulder lies to the right of the right one, in torsos: above 0 a front, below a back; empty: unknown."""
    if not seen[list(limbs.SHOULDERS)].all():
        return np.zeros(0)
    across = places[:, limbs.SHOULDERS[1]] - places[:, limbs.SHOULDERS[0]]
    torso = np.abs(_trunk(places, seen)) if _has_trunk(seen) else np.abs(across)
    return np.real(across) / max(float(np.percentile(torso, LONGEST)), 1e-6)


def _has_trunk(seen: np.ndarray) -> bool:
    return bool(seen[NECK] and seen[list(limbs.HIPS)].any())


def _trunk(places: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(..., K) -> (...) from the hips' middle to the neck."""
    return places[..., NECK] - limbs.middle(places, limbs.HIPS, seen)


def measured(places: np.ndarray, seen: np.ndarray) -> Measured:
    """Reference lengths of a skeleton over time: each bone's longest, its other side's if that is longer, no less than the stature asks."""
    lengths, there = np.percentile(np.abs(limbs.bone_vectors(places)), LONGEST, axis=0), limbs.bones_seen(seen)
    torso = float(np.percentile(np.abs(_trunk(places, seen)), LONGEST)) if _has_trunk(seen) else None
    left, right = limbs.SHOULDERS
    apart = float(np.abs(places[:, left] - places[:, right]).max()) if seen[left] and seen[right] else None
    try:
        height = limbs.stature(lengths, there, torso, apart)
    except ValueError:  # a head alone
        return Measured(bones=np.ones(len(BONES)), torso=torso)
    known = np.where(there, lengths, 0)
    return Measured(bones=np.maximum(np.maximum(known, known[limbs.OTHER_SIDE]), LEAST_SHARE * height * limbs.SHARES), torso=torso)


def moving(places: np.ndarray, ever: np.ndarray, theirs: Measured) -> set[str]:
    """Which of the limbs, "torso" and "head" the motion moves, and "travel" where the body leaves its place."""
    vectors, there = limbs.bone_vectors(places), limbs.bones_seen(ever)
    found = {name for name in LIMBS if any(there[b] and turns(vectors[:, b], theirs.bones[b]) for b in limbs.bones_of(name))}
    if theirs.torso:
        if turns(_trunk(places, ever), theirs.torso):
            found.add("torso")
        if np.ptp(np.real(limbs.middle(places, limbs.HIPS, ever))) > theirs.torso:
            found.add("travel")
    if _has_head(ever) and float(np.percentile(np.abs(_tilt(places, ever)), LONGEST)) > HEAD_STILL_RAD:
        found.add("head")
    return found


def _has_head(seen: np.ndarray) -> bool:
    return bool(seen[NECK] and seen[list(limbs.HEAD)].any())


def _tilt(places: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(T, K) -> (T,) radians by which the head leans sideways beyond the torso, from its mean over time."""
    head = limbs.middle(places, limbs.HEAD, seen) - places[:, NECK]
    if _has_trunk(seen):
        head = head * np.exp(-1j * np.angle(_trunk(places, seen)))
    return np.angle(head * np.conj(head.mean()))


def turns(vectors_T: np.ndarray, reference: float) -> bool:
    """Whether a bone's vectors turn, or change their foreshortening, by more than noise."""
    mean = vectors_T.mean()
    angles = np.abs(np.angle(vectors_T * np.conj(mean)))[np.abs(vectors_T) > STILL_LENGTH * reference]
    low, high = np.percentile(np.abs(vectors_T), (100 - LONGEST, LONGEST))
    return bool(high - low > 2 * STILL_LENGTH * reference or (len(angles) and np.percentile(angles, LONGEST) > STILL_RAD))


def posed(
    places: np.ndarray, ever: np.ndarray, theirs: Measured, photo: np.ndarray, seen: np.ndarray, own: Measured, driven: set[str]
) -> Pose:
    """The motion as a Pose over time of the photo's person: directions and foreshortening theirs, lengths the photo's own."""
    num = len(places)
    vectors, mine = limbs.bone_vectors(places), limbs.bone_vectors(photo)
    both = limbs.bones_seen(ever) & limbs.bones_seen(seen)
    bones = np.tile(mine, (num, 1))
    for b in (b for name in driven & set(LIMBS) for b in limbs.bones_of(name) if both[b]):
        bones[:, b] = vectors[:, b] * min(own.bones[b], MOST_STRETCH * abs(mine[b])) / theirs.bones[b]
    torso, head = np.ones(num, complex), np.zeros(num)
    if "torso" in driven and theirs.torso:
        trunk = _trunk(places, ever)
        share = np.clip(np.abs(trunk) / theirs.torso, *TORSO_SHARE)
        torso = share * np.exp(1j * np.angle(trunk * np.conj(_trunk(photo, seen))))
    if "head" in driven:
        head = np.clip(_tilt(places, ever), -HEAD_TURN_RAD, HEAD_TURN_RAD)
    scale = float(own.bones[4:].sum() / theirs.bones[4:].sum())
    return Pose.of(places, ever, bones=bones, torso=torso, head=head, scale=scale, leg_px=float(theirs.bones[4:6].sum()), own=mine)


def walks_out(x_TK: np.ndarray, photo_x: np.ndarray, width: int) -> bool:
    """Whether a body leaves the picture sideways by more than the photo's own pose does. x_TK: of the seen joints over time."""
    out = max(-float(x_TK.min()), float(x_TK.max()) - width)
    own = max(0.0, -float(photo_x.min()), float(photo_x.max()) - width)
    return out - own > LEAVES * (float(np.ptp(photo_x)) + 1)


def described(driven: set[str]) -> str:
    """What moves, in words."""
    parts = [("arms", set(limbs.ARMS)), ("legs", set(LEGS)), ("torso", {"torso"}), ("head", {"head"})]
    return "another body's motion in the person's own proportions: " + ", ".join(name for name, group in parts if group & driven)
