"""What shows through the slits of the face: eyes between their lids, teeth between the lips.

Numbers without another source are ours, by eye beside photos of faces at 256 pixels.

Shapes: T frames, K = 68 points, h w pixels of a box of the picture. A box is a pair of slices, rows and columns.
"""

from __future__ import annotations

import numpy as np

from limner.data.sources.faces.looks import Look, Scene
from limner.data.sources.faces.noise import smooth
from limner.geometry import apply_affine

EYES = (tuple(range(36, 42)), tuple(range(42, 48)))
UPPER_INNER, LOWER_INNER = (60, 61, 62, 63, 64), (60, 67, 66, 65, 64)
IRIS_UNIT, PUPIL = 0.069, 0.38  # ours, by eye: radius of the iris, units (6 mm of 90); of the pupil, a share of it
TEETH_UNIT = (0.088, 0.068, 0.072, 0.062, 0.058)  # widths from the middle: incisors, canine, premolars (Wheeler's, over 90 mm)
SHORTER = (0.0, 0.012, 0.002, 0.014, 0.022)  # ours: how much shorter than the first incisor each of these is, units, by eye
ARCH_UNIT = 0.34  # ours, by eye: radius of the row of teeth seen from the front
NODES = 65  # ours: of each lip's edge, drawn straight between them

Box = tuple[slice, slice]
Layer = tuple[Box, np.ndarray, np.ndarray]  # a box, its colours (T, h, w, 3) 0..255, and how much they cover (T, h, w, 1)


def box_of(points: np.ndarray, margin: float, size: int) -> Box:
    """The pixels round (T, k, 2) points."""
    low = np.floor(points.min((0, 1)) - margin).astype(int).clip(0, size - 2)
    high = np.ceil(points.max((0, 1)) + margin).astype(int).clip(low + 2, size)
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def places(box: Box) -> np.ndarray:
    """(h, w, 2) pixel centres."""
    y, x = np.mgrid[box[0], box[1]] + 0.5
    return np.stack([x, y], -1)


def eye(points: np.ndarray, which: int, to_head: np.ndarray, look: Look, scene: Scene, size: int) -> list[Layer]:
    """One eye: the ball with its iris between the lids, then the lashes. points: (T, 68, 2) pixels; to_head: (T, 2, 3) to units."""
    lids = points[:, list(EYES[which])]
    unit = 1 / np.hypot(to_head[0, 0, 0], to_head[0, 1, 0])
    box = box_of(lids, 0.05 * unit, size)
    at = places(box)
    soft = max(0.9, 0.010 * unit)  # ours, by eye: edges blur over about a pixel, and more where the face is large
    inside = np.min([_right_of(lids[:, i], lids[:, (i + 1) % 6], at) for i in range(6)], 0)
    top = np.min([_right_of(lids[:, i], lids[:, i + 1], at) for i in range(3)], 0) / unit
    head = apply_affine(to_head[:, None], np.broadcast_to(at, (len(points), *at.shape)))
    corners = apply_affine(to_head, lids[:, [0, 3]])
    centre = corners.mean(1) + np.array(scene.gaze) + (0.0, -0.016)  # ours, by eye: the pupil stands a little above the line of the corners
    offset = (head - centre[:, None, None]) / IRIS_UNIT
    radius = np.hypot(offset[..., 0], offset[..., 1])
    sideways = np.abs(head[..., 0] - corners.mean(1)[:, None, None, 0]) / 0.155  # ours: half an eye's width in units, by eye
    # ours, by eye: not white, darker and redder towards the corners
    ball = np.array([206.0, 198.0, 193.0]) * (1 - 0.22 * sideways**2)[..., None] - np.array([0, 14.0, 12.0]) * (sideways**3)[..., None]
    angle = np.arctan2(offset[..., 1], offset[..., 0])
    fibres = 1 + 0.10 * np.sin(angle * 23 + look.seed % 7) * smooth((radius - 0.4) / 0.3)  # ours: by eye
    # ours, by eye: lighter below, where light falls in
    iris = look.iris * ((0.75 + 0.5 * radius * (radius < 0.8) + 0.25 * offset[..., 1]) * fibres)[..., None]
    edge = 0.9 / (IRIS_UNIT * unit)
    colour = ball + (iris - ball) * smooth((1 - radius) / edge + 0.5)[..., None]
    # ours, by eye: the dark ring round the iris
    colour = colour * (1 - 0.45 * smooth((radius - 0.78) / 0.2) * smooth((1.08 - radius) / 0.1))[..., None]
    colour = colour * (1 - 0.93 * smooth((PUPIL - radius) / edge + 0.5))[..., None]
    colour = colour * (0.42 + 0.58 * smooth(top / 0.06))[..., None]  # ours: the upper lid's shadow
    # ours, by eye: towards the light, above the middle
    glint = np.hypot(offset[..., 0] + 0.32 * np.sign(scene.light[0] + 1e-6) * -1, offset[..., 1] + 0.35)
    colour = colour + (250 - colour) * (0.85 * smooth((0.20 - glint) / (2 * edge) + 0.5))[..., None]
    lash = np.min([_from_segment(lids[:, i], lids[:, i + 1], at) for i in range(3)], 0)
    under = np.min([_from_segment(lids[:, i], lids[:, (i + 1) % 6], at) for i in (3, 4, 5)], 0)
    width = max(0.55, 0.011 * unit)  # ours: by eye
    # ours, by eye: the upper lashes are dark, the lower ones hardly seen
    dark = 0.80 * smooth(1.5 - lash / width) + 0.22 * smooth(1.4 - under / width)
    # ours, by eye: half as light as the hair, and never light
    lashes = np.broadcast_to(np.minimum(look.hair * 0.5, (46.0, 34.0, 30.0)), colour.shape)
    return [(box, colour, smooth(inside / soft + 0.5)[..., None]), (box, lashes, dark.clip(0, 1)[..., None])]


def mouth(points: np.ndarray, to_head: np.ndarray, look: Look, size: int) -> list[Layer]:
    """What open lips show: dark, upper teeth that stay with the head, lower ones that go with the jaw."""
    inner = points[:, 60:68]
    unit = 1 / np.hypot(to_head[0, 0, 0], to_head[0, 1, 0])
    box = box_of(inner, 0.02 * unit + 1, size)
    at = places(box)
    upper, lower = _edges(points, at)
    head_points = apply_affine(to_head, points)
    head = apply_affine(to_head[:, None], np.broadcast_to(at, (len(points), *at.shape)))
    rest = head_points[0, 61:68].mean(0)  # where the lips touch at rest
    jaw = np.maximum(head_points[:, 8, 1] - head_points[0, 8, 1], 0)
    u, v = head[..., 0] - rest[0], head[..., 1] - rest[1]
    colour = np.broadcast_to(np.array([58.0, 20.0, 20.0]), (*u.shape, 3))  # ours, by eye: the dark of a mouth
    # ours, by eye: lower teeth, narrower and darker, seen once the jaw is down
    colour = _row(colour, u, (0.055 + jaw)[:, None, None] - v, look, unit, length=0.075, width=0.80, light=0.62)
    # ours, by eye: upper teeth in an arc
    colour = _row(colour, u, v - 0.012 + 0.16 * u * u, look, unit, length=look.teeth[3], width=1.0, light=0.92)
    depth = smooth(upper / (0.05 * unit))  # ours, by eye: the upper lip's shadow
    # ours, by eye: and the dark of the corners
    colour = colour * (0.62 + 0.38 * depth)[..., None] * (1 - 0.5 * (u / 0.27).clip(-1, 1)[..., None] ** 4)
    soft = max(0.8, 0.008 * unit)  # ours: by eye
    open_ = smooth(upper / soft + 0.5) * smooth(lower / soft + 0.5) * smooth((upper + lower) / (1.5 * soft) - 0.1)
    return [(box, colour, open_[..., None])]


def _row(
    below: np.ndarray, u: np.ndarray, v: np.ndarray, look: Look, unit: float, *, length: float, width: float, light: float
) -> np.ndarray:
    """Teeth painted over colours (T, h, w, 3). u: sideways from the middle, v: from the row's edge towards its gum, negative; units."""
    scale, warm, _gap, _, odd = look.teeth
    widths = np.array(TEETH_UNIT) * scale * width
    ends = ARCH_UNIT * np.sin(np.concatenate([[0.0], np.cumsum(widths)]) / ARCH_UNIT)
    side = np.abs(u)
    tooth = np.searchsorted(ends[1:-1], side.ravel()).reshape(side.shape)
    start, stop = ends[tooth], ends[tooth + 1]
    q = ((side - start) / (stop - start)).clip(0, 1)
    uneven = odd * 0.006 * np.sin(tooth * 2.3 + np.sign(u) + look.seed % 11)  # ours: by eye
    edge = -np.array(SHORTER)[tooth] + uneven - 0.012 * np.abs(2 * q - 1) ** 5  # ours, by eye: rounded corners
    soft = max(0.006, 0.8 / unit)  # ours: by eye
    white = np.array([244.0, 238.0, 226.0]) - warm * np.array([4.0, 12.0, 34.0])  # ours, by eye: teeth, from white to ivory
    # ours, by eye: each is round, the row goes back into the dark
    shape = 1 - 0.10 * np.abs(2 * q - 1) ** 2 - 0.30 * (side / 0.28).clip(0, 1.2) ** 2
    parted = np.minimum(side - start, stop - side)
    parted = np.where((tooth == 0) & (side - start < stop - side), side, parted)
    # ours, by eye: the lines between them, paler where pixels are coarse
    line = 1 - 0.42 * np.exp(-((parted / max(0.0045, 0.5 / unit)) ** 2)) * min(1.0, 0.25 + 0.006 * unit)
    teeth = white * (light * shape * line * (0.90 + 0.10 * smooth((edge - v) / 0.04)))[..., None]
    gum = np.array([186.0, 112.0, 112.0]) * light  # ours: by eye
    up = smooth(((edge - v) - length + 0.02 * np.abs(2 * q - 1) ** 2) / (soft + 0.006) + 0.5)[..., None]
    cover = smooth((edge - v) / soft + 0.5) * smooth((ends[-1] - side) / soft + 0.5)
    return below + (teeth + (gum - teeth) * up - below) * cover[..., None]


def _edges(points: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each place lies below the upper lip's edge and above the lower one's, (T, h, w) pixels; far outside beyond the corners."""
    from scipy.interpolate import PchipInterpolator

    below, above = [], []
    table = np.linspace(0, 1, NODES)
    for frame in points:
        along = frame[64] - frame[60]
        length = max(float(np.hypot(*along)), 1e-6)
        e = along / length
        local = (at - frame[60]) @ np.array([[e[0], -e[1]], [e[1], e[0]]])
        a, b = local[..., 0] / length, local[..., 1]
        for chosen, out, sign in ((UPPER_INNER, below, 1.0), (LOWER_INNER, above, -1.0)):
            knots = (frame[list(chosen)] - frame[60]) @ np.array([[e[0], -e[1]], [e[1], e[0]]])
            x = np.maximum.accumulate(knots[:, 0] / length + np.arange(5) * 1e-6)
            curve = PchipInterpolator(x, knots[:, 1])(table.clip(x[0], x[-1]))
            distance = sign * (b - np.interp(a, table, curve))
            out.append(np.where((a > 0) & (a < 1), distance, -9.0))
    return np.stack(below), np.stack(above)


def _right_of(start: np.ndarray, end: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(T, 2), (T, 2), (h, w, 2) -> (T, h, w) distance to the right of the lines, seen along them on the screen."""
    along = end - start
    along = along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-6)
    to = at[None] - start[:, None, None]
    return along[:, None, None, 0] * to[..., 1] - along[:, None, None, 1] * to[..., 0]


def _from_segment(start: np.ndarray, end: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(T, 2), (T, 2), (h, w, 2) -> (T, h, w) distance to the segments."""
    along = (end - start)[:, None, None]
    to = at[None] - start[:, None, None]
    part = ((to * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-9)).clip(0, 1)
    return np.linalg.norm(to - part[..., None] * along, axis=-1)
