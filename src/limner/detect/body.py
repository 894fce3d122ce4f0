"""People in pictures: 18 points of each, and which pixels are theirs.

By MediaPipe's pose model (`mp.solutions`, complexity 1: its weights lie inside the wheel), which finds one person in what it is shown. So
it is shown the whole picture, then a square below each face, then, whole and in overlapping squares, what is left when the people found are
painted over. In a crowd, where people overlap, some are missed. Of what lies outside the picture, or is hidden, it has guesses, which are
kept with confidence 0.

Shapes: H W pixels. All places in pixels of the picture, pixel centres at integers + 0.5.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import numpy as np

from limner.detect.backends import hushed, open_backend, quiet
from limner.detect.search import GROUND, candidates, cut
from limner.geometry import apply_affine, unit_length
from limner.guides.body import ANKLE_L, ANKLE_R, GUIDE, HIP_L, HIP_R, KNEE_L, KNEE_R, NECK, SHOULDER_L, SHOULDER_R
from limner.media.poses.layouts import convert
from limner.types import Body, DependencyError, InputError

SEEN = 0.3  # ours: visibility from which a joint counts as seen; hidden wrists and knees come with 0.0 to 0.3
LEAST = 4  # ours: fewer seen joints among shoulders, elbows, wrists, hips, knees and ankles are no person
LOOK_PX = 512  # ours: side of a crop that is looked at; the model sees 224 (where people are) and 256 (one person)
NEAR = 0.5  # ours: people smaller than this share of what was looked at are looked at again
TILES = (0.6, 0.35)  # ours: sides of the squares looked at, of the shorter side of the picture
WIDE = 1.5  # ours: a crop's side, in sides of the person in it
FACE_HEIGHTS = 9.0  # ours: side of the square that holds the person of a face, in face heights; a person is about 8 heads tall
SAME = 0.35  # ours: two readings whose joints lie nearer than this share of a torso are of one person
OWN = 0.5  # ours: of the picture's mask, from which a pixel is a person's
ON_MASK = 0.6  # ours: of the seen joints; people reach 0.7 and more, a pair of legs taken for a person half
MOST = 8  # ours: people looked for
LEAST_PX = 40  # ours: a person whose joints span less is refused
LIMBS = list(range(2, 14))
HANDS = [[18, 20], [17, 19]]  # MediaPipe's first knuckles of little and index finger, right and left


@dataclasses.dataclass(frozen=True)
class _Reading:
    """What the model says of a picture or crop: points (18, 2), confidence (18,), hands (2, 2), mask (H, W), of the whole picture."""

    points: np.ndarray
    confidence: np.ndarray
    hands: np.ndarray
    mask: np.ndarray


class BodyDetector:
    """Finds people and their joints. Reusable; opens its model on first use. DependencyError where mediapipe has no pose model."""

    def __init__(self) -> None:
        self._opened: Any = None
        self._faces: Any = None
        self._following: Any = None

    def find(self, pixels: np.ndarray, person: int | None = None) -> Body:
        """(H, W, 3) uint8 -> the largest person, or the `person`-th, counted from 1 and the largest. InputError: nobody, or no such one."""
        return pick_body(self.bodies(pixels), person)

    def bodies(self, pixels: np.ndarray) -> list[Body]:
        """(H, W, 3) uint8 -> the people in it, largest first."""
        found: list[_Reading] = []
        height, width = pixels.shape[:2]
        whole = (np.array([width / 2, height / 2]), float(max(width, height)))
        for centre, side in (whole, *self._below_faces(pixels)):
            self._add(found, pixels, pixels, centre, side)
        shown, num = pixels, 0
        for share in TILES if not found else TILES[:1]:  # those not seen so far, the others painted over
            for centre, side in (whole, *_tiles(width, height, share)):
                shown, num = (_painted(pixels, found), len(found)) if len(found) != num else (shown, num)
                if len(found) < MOST:
                    self._add(found, pixels, shown, centre, side)
        bodies = [_body(reading) for reading in found[:MOST]]
        return sorted((body for body in bodies if _span(body) >= LEAST_PX / 4), key=lambda body: -_span(body))

    def start(self, pixels: np.ndarray, body: Body) -> None:
        """Begins to follow a person found in a picture; `see` shows where they are in the next."""
        height, width = pixels.shape[:2]
        x0, y0, x1, y1 = body.box
        room = 0.25 * max(x1 - x0, y1 - y0)
        low = np.floor([max(0, x0 - room), max(0, y0 - room)]).astype(int)
        high = np.ceil([min(width, x1 + room), min(height, y1 + room)]).astype(int)
        alone = np.full_like(pixels, GROUND[0])  # nobody else may be taken for them
        alone[low[1] : high[1], low[0] : high[0]] = pixels[low[1] : high[1], low[0] : high[0]]
        if self._following is None:
            self._following = _open(static_image_mode=False, smooth_landmarks=False, min_detection_confidence=0.3)
        with quiet():  # begun anew, it speaks anew
            self._following.reset()
            self._see(alone)

    def see(self, pixels: np.ndarray) -> Body | None:
        """The followed person in the next picture, of the same size, without a mask; None where nobody is seen.

        Some 60 ms. It finds people where `bodies` does not, since it knows where to look; where it loses them it may come upon others."""
        if self._following is None:
            raise ValueError("nobody is followed; start(pixels, body) first")
        return self._see(pixels)

    def look(self, pixels: np.ndarray, box: tuple[float, float, float, float]) -> Body | None:
        """The person in a square round a box x0, y0, x1, y1, looked at afresh, whoever was followed before; None where nobody is seen."""
        x0, y0, x1, y1 = box
        reading = self._look(pixels, np.array([(x0 + x1) / 2, (y0 + y1) / 2]), WIDE * max(x1 - x0, y1 - y0, 16.0))
        return None if reading is None else _body(reading)

    def _see(self, pixels: np.ndarray) -> Body | None:
        result = hushed(self._following.process, np.ascontiguousarray(pixels))
        found = None if result.pose_landmarks is None else _joints(result, np.eye(3)[:2], pixels.shape[:2], pixels.shape[:2])
        return None if found is None else _bodily(*found)

    def _add(self, found: list[_Reading], pixels: np.ndarray, shown: np.ndarray, centre: np.ndarray, side: float) -> None:
        """Notes who is seen in a square of the picture, as it is `shown`, if that is somebody new; small people are looked at from near."""
        reading = self._look(shown, centre, side)
        if reading is None or _on_mask(reading) < ON_MASK:
            return
        box = _body(reading).box
        middle, long = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]), max(box[2] - box[0], box[3] - box[1], 16.0)
        looks = [1.3, WIDE, 2.2] if _inverted(reading) else [WIDE] if long < NEAR * side else []
        others = [other for wide in looks if (other := self._look(pixels, middle, wide * long)) is not None]
        if _inverted(reading):  # the model takes some who sit or bend for people on their heads
            others = [other for other in others if not _inverted(other)]
        best = max((other for other in others if _same(other, reading) or _inverted(reading)), key=_sureness, default=reading)
        least = 0.6 if _inverted(reading) else 0.9
        best = best if _sureness(best) >= least * _sureness(reading) else reading
        if not any(_same(best, other) or _within(best, other) for other in found):
            found.append(best)

    def _below_faces(self, pixels: np.ndarray) -> list[tuple[np.ndarray, float]]:
        """(centre, side) of a square below each face that is seen."""
        if self._faces is None:
            self._faces = open_backend()
        squares = []
        for item in candidates(self._faces, pixels):
            x0, y0, x1, y1 = item.box
            side = FACE_HEIGHTS * (y1 - y0)
            squares.append((np.array([(x0 + x1) / 2, y0 - (y1 - y0) + side / 2]), side))
        return squares

    def _look(self, pixels: np.ndarray, centre: np.ndarray, side: float) -> _Reading | None:
        """What the model sees in a square of the picture, enlarged or reduced to LOOK_PX."""
        crop, matrix = cut(pixels, centre, side, 0.0, LOOK_PX)
        result = hushed(self._model.process, np.ascontiguousarray(crop))
        if result.pose_landmarks is None:
            return None
        found = _joints(result, matrix, (LOOK_PX, LOOK_PX), pixels.shape[:2])
        if found is None:
            return None
        points, confidence, hands = found
        return _Reading(points, confidence, hands, _placed(result.segmentation_mask, matrix, pixels.shape[:2]))

    @property
    def _model(self) -> Any:
        if self._opened is None:
            self._opened = _open(static_image_mode=True, enable_segmentation=True, min_detection_confidence=0.5)
        return self._opened


def _open(**options: Any) -> Any:
    """MediaPipe's pose model. DependencyError where it has none."""
    try:
        with quiet():
            from mediapipe.python.solutions.pose import Pose

            pose = Pose(model_complexity=1, **options)
            hushed(pose.process, np.zeros((64, 64, 3), np.uint8))  # a first run makes it speak while nobody hears
    except ImportError as error:
        way = "pip install 'mediapipe==0.10.14'" if sys.version_info < (3, 13) else "Python 3.12, whose mediapipe has one"
        raise DependencyError(f"this mediapipe has no pose model inside, which finds people; try: {way}") from error
    return pose


def _joints(
    result: Any, matrix: np.ndarray, seen_hw: tuple[int, ...], picture_hw: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """What the model says of a crop -> points (18, 2), confidence (18,) and hands (2, 2) in the picture, by the crop's transform; None:
    nobody."""
    high, wide = seen_hw[:2]
    rows = np.array([(item.x * wide, item.y * high, item.visibility) for item in result.pose_landmarks.landmark])
    points, confidence = convert("mediapipe-33", apply_affine(matrix, rows[:, :2]), np.maximum(rows[:, 2], 1e-6))
    outside = (points < 0).any(1) | (points > (picture_hw[1], picture_hw[0])).any(1)
    confidence[outside | (confidence < SEEN)] = 0
    if (confidence[LIMBS] > 0).sum() < LEAST or not unit_length(points, GUIDE) > 1:
        return None
    return points, confidence, apply_affine(matrix, rows[HANDS, :2].mean(1))


def pick_body(bodies: list[Body], person: int | None = None) -> Body:
    """The person to move: the largest, or the `person`-th, counted from 1 and the largest. InputError: nobody, no such one, too small."""
    if not bodies:
        raise InputError("no person found; limner needs a person whose arms or legs can be seen")
    if person is not None and not 1 <= person <= len(bodies):
        were = f"{len(bodies)} {'people were' if len(bodies) > 1 else 'person was'} found (1 is the largest)"
        raise InputError(f"there is no person {person}; {were}")
    body = bodies[(person or 1) - 1]
    if _span(body) < LEAST_PX:
        raise InputError(f"the person is only {_span(body):.0f} pixels large; they must have at least {LEAST_PX}")
    warnings = list(body.warnings)
    if person is None and len(bodies) > 1:
        warnings.append(f"{len(bodies)} people found; the largest is taken (--person 2 takes the next)")
    return dataclasses.replace(body, warnings=tuple(warnings))


def missing_parts(confidence: np.ndarray) -> tuple[str, ...]:
    """Which limbs are not seen, in words: "legs", "right arm" ...; confidence (18,)."""
    said = []
    for part, joints in (("arm", (3, 4, 6, 7)), ("leg", (KNEE_R, ANKLE_R, KNEE_L, ANKLE_L))):
        right, left = ((confidence[list(pair)] <= 0).any() for pair in (joints[:2], joints[2:]))
        if right and left:
            said.append(f"{part}s")
        elif right or left:
            said.append(f"{'right' if right else 'left'} {part}")
    return tuple(said)


def _body(reading: _Reading) -> Body:
    return dataclasses.replace(_bodily(reading.points, reading.confidence, reading.hands), mask=reading.mask)


def _bodily(points: np.ndarray, confidence: np.ndarray, hands: np.ndarray) -> Body:
    low, high = points[confidence > 0].min(0), points[confidence > 0].max(0)
    lost = missing_parts(confidence)
    return Body(
        points=points.astype(np.float32),
        confidence=confidence.astype(np.float32),
        box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        warnings=(f"not all of the {' and the '.join(lost)} can be seen",) if lost else (),
        hands=hands.astype(np.float32),
    )


def _span(body: Body) -> float:
    """The longer side of the box of the seen joints, pixels."""
    x0, y0, x1, y1 = body.box
    return max(x1 - x0, y1 - y0)


def _same(a: _Reading, b: _Reading) -> bool:
    """Whether two readings are of one person: their torsos lie together."""
    torso = [SHOULDER_R, SHOULDER_L, HIP_R, HIP_L]
    apart = np.linalg.norm(a.points[torso] - b.points[torso], axis=1).mean()
    return bool(apart < SAME * max(unit_length(a.points, GUIDE), unit_length(b.points, GUIDE)))


def _inverted(reading: _Reading) -> bool:
    """Whether the hips are above the neck."""
    return bool(reading.points[[HIP_R, HIP_L], 1].mean() < reading.points[NECK, 1])


def _on_mask(reading: _Reading) -> float:
    """The part of the seen joints that lies on the reading's own pixels: few of what is no person."""
    places = reading.points[reading.confidence > 0].astype(int)
    return float((reading.mask[places[:, 1].clip(0, len(reading.mask) - 1), places[:, 0].clip(0, reading.mask.shape[1] - 1)] > OWN).mean())


def _sureness(reading: _Reading) -> float:
    return float(reading.confidence.sum())


def _within(a: _Reading, b: _Reading) -> bool:
    """Whether two readings claim the same pixels: of the smaller mask, over half."""
    mine, other = a.mask > OWN, b.mask > OWN
    return bool((mine & other).sum() > 0.5 * max(1, min(mine.sum(), other.sum())))


def _placed(mask: np.ndarray | None, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A crop's mask, by its transform to picture pixels, in the picture (H, W) float32; outside the crop nobody is."""
    from PIL import Image

    height, width = size
    if mask is None:
        return np.zeros(size, np.float32)
    scale, (x, y) = matrix[0, 0], matrix[:, 2]
    back = (1 / scale, 0, -x / scale, 0, 1 / scale, -y / scale)
    source = Image.fromarray(np.asarray(mask, np.float32).clip(0, 1), mode="F")
    reduced = (
        source.resize((max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))), Image.Resampling.BOX)
        if scale < 1
        else None
    )
    if reduced is not None:
        back = (1.0, 0, -x, 0, 1.0, -y)
        source = reduced
    return np.asarray(source.transform((width, height), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR), np.float32)


def _painted(pixels: np.ndarray, found: list[_Reading]) -> np.ndarray:
    """The picture with everybody found painted over in its mean colour, a little beyond their masks."""
    from scipy.ndimage import maximum_filter

    if not found:
        return pixels
    gone = np.max([reading.mask for reading in found], axis=0) > OWN / 2
    grown = maximum_filter(gone, size=max(3, min(pixels.shape[:2]) // 40))
    return np.where(grown[..., None], pixels.mean((0, 1)).astype(np.uint8), pixels)


def _tiles(width: int, height: int, share: float) -> list[tuple[np.ndarray, float]]:
    """(centre, side) of overlapping squares of a share of the shorter side: people too small in the whole picture."""
    side = share * min(width, height)
    columns, rows = (max(1, round(1.5 * long / side)) for long in (width, height))
    places = [(x, y) for y in np.linspace(side / 2, height - side / 2, rows) for x in np.linspace(side / 2, width - side / 2, columns)]
    return [(np.array(place), side) for place in places]
