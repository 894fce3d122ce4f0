"""The photo of a person, moved by a skeleton without any training: the warp renderer for bodies.

The person is taken apart into layers that turn with their bones (generation.layers), what lies behind is filled from the rest of the photo
(generation.fill), and all is laid together again. The view stays the photo's: nobody turns round. Outside the person, where it was and
where it goes, the photo's own bytes remain.

Shapes: T frames, K = 18 points, H W pixels, V vertices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from limner.generation import limbs
from limner.generation.cloth import sleeved
from limner.generation.cut_out import take_apart
from limner.generation.fill import fill
from limner.generation.layers import CLOTH, Layer, Turns, layers_of
from limner.generation.limbs import HIPS, LIMBS, as_complex, as_points
from limner.generation.mesh import backward_map, carried
from limner.generation.still import Stillness
from limner.guides.body import GUIDE, NECK
from limner.types import InputError

MARGIN = 0.12  # ours: statures round the mask and the joints that the person's box reaches
RIM = 0.012  # ours: statures round the person that are filled too: an edge's light and the mask's error
RIM_PX = 3.0  # ours: and so many pixels
LEAST_ALPHA = 0.02  # ours: a smaller share of the person in a pixel is none
# ours: a foot turns less than its shin by this share, but by no more than so many radians: soles keep to the ground
FOOT_LEVEL, FOOT_MOST_RAD = 0.6, np.radians(26.0)
FAR_OFF = 3.0  # ours: picture sides; joints farther away are not followed


@dataclass(frozen=True)
class _Turns:
    """How each part is turned in each frame. torso: (T,) complex factor; limbs: name -> (T, 2) radians and (T, 2) lengths; head: (T,)."""

    torso: np.ndarray
    limbs: dict[str, tuple[np.ndarray, np.ndarray]]
    head: np.ndarray


@dataclass(frozen=True)
class _Ground:
    """What lies behind layers that move. moving: their names; plate: (H, W, 3) uint8, the photo without them; lacks: (h, w, 3) float32 of
    the person's box, what all layers at rest on the plate lack of the photo."""

    moving: set[str]
    plate: np.ndarray
    lacks: np.ndarray


class BodyWarp:
    """Renders skeletons as pictures of one photo.

    photo: (H, W, 3) uint8 sRGB. body: the person in it: `points` (18, 2) pixels, `confidence` (18,), `mask` (H, W) in 0..1.
    InputError where its shoulders are not seen or its mask is empty.
    """

    def __init__(self, photo: np.ndarray, body: Any) -> None:
        from limner.generation.retarget import photo_skeleton

        self.photo = photo
        self.places, self.seen = photo_skeleton(body.points, body.confidence)
        self.stature = stature_of(self.places, self.seen)
        self.box = _box(body.mask, body.points[self.seen], self.stature)
        x0, y0, x1, y1 = self.box
        pixels, mask = np.ascontiguousarray(photo[y0:y1, x0:x1]), np.ascontiguousarray(body.mask[y0:y1, x0:x1], np.float32)
        if not (mask > 0.5).any():
            raise InputError("the person's outline is not found; take a photo with more light between the person and the background")
        self.corner = x0 + 1j * y0
        knuckles = None if body.hands is None else as_complex(body.hands) - self.corner
        apart = take_apart(pixels, mask, self.places - self.corner, self.seen, self.stature, knuckles)
        self.parts = sleeved(apart, self.places - self.corner, self.seen)
        self.layers = layers_of(pixels, self.parts, self.places - self.corner, self.seen, np.asarray(body.confidence))
        self.still = Stillness(self.parts, self.layers)
        self._ground: _Ground | None = None

    def render(self, points_TK2: np.ndarray) -> Iterator[np.ndarray]:
        """(T, 18, 2) pixel points -> T frames (H, W, 3) uint8, one by one. The photo's own points give the photo back.

        Joints that the photo does not show are left aside. InputError, before the first frame: other shapes, points that are not finite.
        """
        places, turns = self._followed(points_TK2)
        return self._frames(places, turns, self._ground_for(places, turns))

    def joints(self, points_TK2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(T, 18, 2) pixel points -> (T, 18, 2) where the photo's own pixels of each joint come to lie, NaN of a joint off the person, and
        (T, 18) bool whether they are in sight there rather than behind another part. Exact: no detector looks. InputError as of render."""
        places, turns = self._followed(points_TK2)
        own = as_points(self.places - self.corner)
        names, order = self.still.owners(own), [layer.name for layer in self.layers]
        at, shown = np.full((*places.shape, 2), np.nan), np.zeros(places.shape, bool)
        for t in range(len(places)):
            moved = self._all_moved(places[t], turns, t)
            for k in np.flatnonzero(self.seen):
                i = order.index(names[k])
                at[t, k] = carried(self.layers[i].mesh, moved[i], own[k])
                if np.isfinite(at[t, k]).all():
                    shown[t, k] = not any(_covers(front, now, at[t, k]) for front, now in zip(self.layers[i + 1 :], moved[i + 1 :]))
        return at, shown

    def _followed(self, points_TK2: np.ndarray) -> tuple[np.ndarray, _Turns]:
        """(T, 18, 2) pixel points -> (T, K) complex places, those of joints not seen the photo's, and how every part turns."""
        points = np.asarray(points_TK2, np.float64)
        if points.ndim != 3 or points.shape[1:] != (GUIDE.num_points, 2):
            raise InputError(f"a body's motion is (T, {GUIDE.num_points}, 2) points; this one is {points.shape}")
        limit = FAR_OFF * max(self.photo.shape)
        if not (np.isfinite(points[:, self.seen]).all() and np.abs(points[:, self.seen]).max(initial=0) < limit):
            raise InputError("the motion has points that are not finite, or far outside the picture")
        places = as_complex(points)
        places[:, ~self.seen] = self.places[~self.seen]
        return places, self._turns(places)

    def _frames(self, places: np.ndarray, turns: _Turns, ground: _Ground) -> Iterator[np.ndarray]:
        for t in range(len(places)):
            frame = self.photo.copy()
            if float(np.abs(places[t] - self.places)[self.seen].max()) >= 1e-3:
                made, (x0, y0, x1, y1) = self._composed(self._all_moved(places[t], turns, t), ground)
                frame[y0:y1, x0:x1] = np.clip(made + 0.5, 0, 255).astype(np.uint8)
            yield frame

    def _ground_for(self, places: np.ndarray, turns: _Turns) -> _Ground:
        """What lies behind the layers that move in any of these frames; the last one made is kept."""
        names = set()
        for t in range(len(places)):
            shares = self.still.shares([v - self.box[:2] for v in self._all_moved(places[t], turns, t)])
            names |= {layer.name for layer, share in zip(self.layers, shares) if share.max(initial=0) > 0}
        if self._ground is None or self._ground.moving != names:
            x0, y0, x1, y1 = self.box
            leaves = self.parts.of(*(part for part in self.parts.names if part.partition("/")[0] in names))
            hole, never = np.zeros(self.photo.shape[:2], bool), np.zeros(self.photo.shape[:2], bool)
            rim = RIM * self.stature + RIM_PX
            hole[y0:y1, x0:x1] = _widened(leaves & (self.parts.alpha > LEAST_ALPHA), rim)
            never[y0:y1, x0:x1] = _widened(self.parts.alpha > LEAST_ALPHA, rim)
            plate = fill(self.photo, hole, never)
            bare = _Ground(names, plate, np.zeros((y1 - y0, x1 - x0, 3), np.float32))
            rest, (a0, b0, _, _) = self._composed([layer.mesh.vertices + self.box[:2] for layer in self.layers], bare)
            lacks = self.photo[y0:y1, x0:x1] - rest[y0 - b0 : y1 - b0, x0 - a0 : x1 - a0]
            self._ground = _Ground(names, plate, lacks)
        return self._ground

    def _turns(self, places: np.ndarray) -> _Turns:
        """By how much every part is turned in each frame, continuous in time, so that no limb takes the other way round."""
        hips = self.seen[list(HIPS)].all()
        own = self.places[NECK] - (self.places[list(HIPS)].mean() if hips else self.places[NECK] + 1j * self.stature)
        trunk = places[:, NECK] - places[:, list(HIPS)].mean(1) if hips else np.full(len(places), own)
        torso = trunk / own if abs(own) > 1e-6 else np.ones(len(places), complex)
        angle = np.unwrap(np.angle(torso))
        found = {}
        for name in (layer.name for layer in self.layers if layer.name in LIMBS):
            root, mid, end = LIMBS[name]
            pairs = [(root, mid), (mid, end)] if self.seen[end] else [(root, mid), (root, mid)]
            factors = np.stack([(places[:, b] - places[:, a]) / _not_zero(self.places[b] - self.places[a]) for a, b in pairs], 1)
            lengths = np.abs(factors)
            if not self.seen[end]:
                lengths[:, 1] = 1.0
            first = angle + np.unwrap(_wrapped(np.angle(factors[:, 0]) - angle))
            second = first + np.unwrap(_wrapped(np.angle(factors[:, 1]) - first))
            found[name] = (np.stack([first, second], 1), lengths)
        head = [k for k in limbs.HEAD if self.seen[k]]
        tilt = np.zeros(len(places))
        if head:
            now, before = places[:, head].mean(1) - places[:, NECK], self.places[head].mean() - self.places[NECK]
            tilt = angle + np.unwrap(_wrapped(np.angle(now / _not_zero(before)) - angle))
        return _Turns(np.abs(torso) * np.exp(1j * angle), found, tilt)

    def _composed(self, moved: list[np.ndarray], ground: _Ground) -> tuple[np.ndarray, tuple[int, int, int, int]]:
        """One frame's layers, their vertices moved, over the ground: (h, w, 3) float32 of a box, and the box."""
        import cv2

        box = self._reach(moved)
        x0, y0, x1, y1 = box
        c0, d0, c1, d1 = self.box
        out = ground.plate[y0:y1, x0:x1].astype(np.float32)
        shares = self.still.shares([vertices - self.box[:2] for vertices in moved])
        keep = np.zeros(out.shape[:2], np.float32)  # of what the layers at rest lack of the photo
        keep[d0 - y0 : d1 - y0, c0 - x0 : c1 - x0] = 1 - self.still.left(shares)
        for i, (layer, vertices) in enumerate(zip(self.layers, moved)):
            a0, b0, a1, b1 = _clipped(vertices, box)
            if a1 <= a0 or b1 <= b0:
                continue
            source = backward_map(layer.mesh, vertices, (a0, b0, a1, b1)) - 0.5
            source[np.isnan(source)] = -16.0
            laid = cv2.remap(layer.texture, source, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)  # type: ignore[call-overload]
            alpha = np.clip(laid[..., 3:] / 255, 0, 1)
            region = out[b0 - y0 : b1 - y0, a0 - x0 : a1 - x0]
            region += np.minimum(np.maximum(laid[..., :3], 0), 255 * alpha) - alpha * region
            if shares[i].max(initial=0) > 0:
                away = cv2.remap(self.still.over_layer(i, shares[i]), source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)  # type: ignore[call-overload]
                keep[b0 - y0 : b1 - y0, a0 - x0 : a1 - x0] *= 1 - alpha[..., 0] * away
        out[d0 - y0 : d1 - y0, c0 - x0 : c1 - x0] += keep[d0 - y0 : d1 - y0, c0 - x0 : c1 - x0, None] * ground.lacks
        return out, box

    def _all_moved(self, places: np.ndarray, turns: _Turns, t: int) -> list[np.ndarray]:
        return [self._moved(layer, places, turns, t) for layer in self.layers]

    def _reach(self, moved: list[np.ndarray]) -> tuple[int, int, int, int]:
        """The box of the person where it was and where it is now, within the picture."""
        height, width = self.photo.shape[:2]
        every = np.concatenate([*moved, np.array([self.box[:2], self.box[2:]], float)])
        low = np.floor(every.min(0)).clip(0, (width, height)).astype(int)
        high = np.ceil(every.max(0)).clip(0, (width, height)).astype(int)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def _moved(self, layer: Layer, places: np.ndarray, turns: _Turns, t: int) -> np.ndarray:
        """(V, 2) where a layer's vertices go in the picture, in frame t."""
        at = as_complex(layer.mesh.vertices) + self.corner
        torso = turns.torso[t]
        if layer.name in ("torso", CLOTH):
            hips = bool(self.seen[list(HIPS)].all())
            fixed = list(HIPS) if hips else [NECK]
            own, now = self.places[fixed].mean(), places[fixed].mean()
            axis = _not_zero(self.places[NECK] - own) if hips else -1j
            rigid = now + _stretched(at - own, axis, abs(torso)) * np.exp(1j * np.angle(torso))
            for limb, (share, with_limb) in layer.pulls.items():
                root = LIMBS[limb][0]
                unmoved = places[root] + (at - self.places[root]) * np.exp(1j * np.angle(torso))
                rigid = rigid + share * (self._limb(limb, with_limb, at, places, turns, t) - unmoved)
            return as_points(rigid)
        if layer.name == "head":
            own = at - self.places[NECK]
            angle = np.angle(torso)
            turn = angle + layer.turns.root * (_wrapped(turns.head[t] - angle) if len(turns.head) else 0)
            return as_points(places[NECK] + own * np.exp(1j * turn))
        return as_points(self._limb(layer.name, layer.turns, at, places, turns, t))

    def _limb(self, name: str, shares: Turns, at: np.ndarray, places: np.ndarray, turns: _Turns, t: int) -> np.ndarray:
        """(V,) complex: places of a limb, turned about root and middle joint by the share each has of either bone's turn."""
        root, mid, end = LIMBS[name]
        angles, lengths = turns.limbs.get(name, (np.zeros((1, 2)), np.ones((1, 2))))
        (first, second), (long_1, long_2) = angles[t], lengths[t]
        base = np.angle(turns.torso[t])
        bone_1 = _not_zero(self.places[mid] - self.places[root])
        bone_2 = _not_zero(self.places[end] - self.places[mid]) if self.seen[end] else bone_1
        from_root = _stretched(at - self.places[root], bone_1, 1 + shares.root * (long_1 - 1))
        by_root = places[root] + from_root * np.exp(1j * (base + shares.root * (first - base)))
        own = at - self.places[mid]
        both = (1 - shares.bend) * _stretched(own, bone_1, long_1) + shares.bend * _stretched(own, bone_2, long_2)
        by_mid = places[mid] + both * np.exp(1j * (first + shares.bend * (second - first)))
        level = np.clip(FOOT_LEVEL * second, -FOOT_MOST_RAD, FOOT_MOST_RAD)
        by_end = places[end] + (at - self.places[end]) * np.exp(1j * (second - shares.foot * level))
        share, tip = np.clip(4 * shares.bend, 0, 1), np.clip(4 * shares.foot, 0, 1)  # where the joints' surroundings meet
        return (1 - tip) * ((1 - share) * by_root + share * by_mid) + tip * by_end


def _covers(layer: Layer, moved: np.ndarray, place: np.ndarray) -> bool:
    """Whether a layer, its vertices moved, lies over a place (2,) of the picture."""
    x, y = np.floor(place).astype(int)
    column, row = backward_map(layer.mesh, moved, (x, y, x + 1, y + 1))[0, 0]
    return bool(np.isfinite(column) and layer.texture[int(row), int(column), 3] > 127)


def stature_of(places: np.ndarray, seen: np.ndarray) -> float:
    """The stature in pixels that a photo's skeleton speaks for."""
    hips, shoulders = list(HIPS), list(limbs.SHOULDERS)
    torso = float(abs(places[NECK] - places[hips].mean())) if seen[hips].all() and seen[NECK] else None
    apart = float(abs(places[shoulders[1]] - places[shoulders[0]])) if seen[shoulders].all() else None
    try:
        return max(16.0, limbs.stature(np.abs(limbs.bone_vectors(places)), limbs.bones_seen(seen), torso, apart))
    except ValueError as error:
        raise InputError("too little of the person is seen to move it") from error


def _box(mask: np.ndarray, points: np.ndarray, stature: float) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 round the mask and the joints, within the picture."""
    rows, columns = np.nonzero(mask > 0.3)
    every = np.concatenate([points, np.stack([columns, rows], 1)]) if len(rows) else points
    height, width = mask.shape
    low = np.floor(every.min(0) - MARGIN * stature).clip(0, (width - 2, height - 2)).astype(int)
    high = np.ceil(every.max(0) + MARGIN * stature).clip(2, (width, height)).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _clipped(vertices: np.ndarray, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """The box of vertices (V, 2) within another."""
    if not len(vertices):
        return box[0], box[1], box[0], box[1]
    low, high = np.floor(vertices.min(0)).astype(int), np.ceil(vertices.max(0)).astype(int)
    return max(low[0], box[0]), max(low[1], box[1]), min(high[0], box[2]), min(high[1], box[3])


def _widened(mask: np.ndarray, by_px: float) -> np.ndarray:
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(~mask)) <= by_px


def _stretched(vector: np.ndarray, axis: complex, by: np.ndarray | float) -> np.ndarray:
    """Complex vectors made `by` times as long along an axis."""
    axis = axis / abs(axis)
    turned = vector * np.conj(axis)
    return (turned.real * by + 1j * turned.imag) * axis


def _wrapped(angle: Any) -> Any:
    """Radians -> the same turn between -pi and pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _not_zero(vector: complex) -> complex:
    return vector if abs(vector) > 1e-6 else 1e-6 + 0j
