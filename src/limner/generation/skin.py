"""How the skin moves: three sheets (brow, cheek, chin), sewn together at the corners of eyes and mouth, parted along lids and lips.

One smooth field over an opening mouth would stretch the lips over it. So each sheet follows only its own side of a slit: the brow sheet the
upper lids, the cheek sheet the lower lids and the upper lip, the chin sheet the lower lip. Beyond the slits they blend.

Shapes: T frames, K = 68 points, h w nodes of the coarse grid. Backward: displacements lead from a place in the output to one in the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from limner import geometry, warp
from limner.generation import slits, support
from limner.guides.face import GUIDE

UPPER_LIDS, LOWER_LIDS = (37, 38, 43, 44), (40, 41, 46, 47)
UPPER_LIP, LOWER_LIP = (49, 50, 51, 52, 53, 61, 62, 63), (55, 56, 57, 58, 59, 65, 66, 67)
LEFT_OUT = (LOWER_LIDS, UPPER_LIDS + LOWER_LIP, UPPER_LIP)  # brow, cheek, chin
INNER_UPPER, INNER_LOWER = [61, 62, 63], [67, 66, 65]
OPEN_UNIT = 0.02  # ours: a photo's mouth counts as open from this gap on, fully from twice this
INSET_UNIT = (0.010, 0.018)  # ours: of the upper and the lower lip's edge when it closes
LIDS = (([37, 38], [41, 40]), ([43, 44], [47, 46]))  # upper and lower, of each eye
LID_INSET_UNIT = (0.006, 0.012)  # ours: of the upper and the lower lid's edge when it shuts
SHUTTING = 0.6  # ours: from this part of the way to shut
NUM_ANCHORS = 16  # ours: still places round the support
SEAM_UNIT = 0.10  # ours: least width of the blend between sheets away from the slits
SMOOTHING = {"jaw": 2e-2, "brow": 5e-3, "nose": 2e-3, "eye": 1e-3, "lip": 1e-3, "anchor": 1e-3}  # ours, units^2: where the detector jitters


def smoothing() -> torch.Tensor:
    """(68 + NUM_ANCHORS,) how loosely each centre is held, the spline's smoothing; units^2."""
    parts = [name.split("_")[0] for name in GUIDE.point_names] + ["anchor"] * NUM_ANCHORS
    return torch.tensor([SMOOTHING[part] for part in parts])


@dataclass(frozen=True)
class Motion:
    """What T frames ask of the photo: points (T, 68, 2) in the output, their sources (T, 68, 2) in the photo, pixels, and the head's
    similarity (T, 2, 3), output -> photo. closing: (T,) how far an open mouth of the photo has closed, 0..1.
    shut: slit name -> (T,) how far the photo's open lids have met, 0 until they nearly do; 0 of the mouth."""

    points: np.ndarray
    sources: np.ndarray
    head: np.ndarray
    closing: np.ndarray
    shut: dict[str, np.ndarray]


def motion_of(points_TK2: np.ndarray, reference_K2: np.ndarray) -> Motion:
    """Parts the points' motion: the head's similarity is fitted on the guide's rigid points.

    Where the photo's mouth is open and closes, the lips' inner edges are taken a little outside the detector's: what it calls lip may still
    be tooth, and closed lips must not show any. Likewise lids that shut, and the white of the eye.
    """
    rigid = list(GUIDE.rigid)
    sources = np.broadcast_to(reference_K2, points_TK2.shape).copy()
    head = geometry.fit_similarity(points_TK2[:, rigid], sources[:, rigid])
    unit = geometry.unit_length(reference_K2, GUIDE)
    _, down = support.upright(reference_K2)
    turn = np.swapaxes(head[..., :2], 1, 2)

    def gaps(upper: list[int], lower: list[int]) -> tuple[float, np.ndarray]:
        """The photo's gap and each frame's, as the photo's head stands: signed, as what passes each other is as closed as what meets."""
        own = (reference_K2[lower] - reference_K2[upper]).mean(0) @ down
        now = ((points_TK2[:, lower] - points_TK2[:, upper]).mean(1)[:, None] @ turn)[:, 0] @ down
        return float(own / unit), now / unit

    own, gap = gaps(INNER_UPPER, INNER_LOWER)
    closing = np.clip((own - OPEN_UNIT) / OPEN_UNIT, 0, 1) * np.clip(1 - gap / max(own, 1e-6), 0, 1)
    inset = closing[:, None, None] * unit * down
    sources[:, INNER_UPPER] -= INSET_UNIT[0] * inset
    sources[:, INNER_LOWER] += INSET_UNIT[1] * inset
    shut = {slits.MOUTH.name: np.zeros(len(points_TK2))}  # closed lips may blend
    for slit, (upper, lower) in zip(slits.EYES, LIDS):
        own, gap = gaps(upper, lower)
        shut[slit.name] = support.smoothstep((1 - gap / max(own, OPEN_UNIT) - SHUTTING) / (1 - SHUTTING))
        inset = shut[slit.name][:, None, None] * unit * down
        sources[:, upper] -= LID_INSET_UNIT[0] * inset
        sources[:, lower] += LID_INSET_UNIT[1] * inset
    return Motion(points_TK2, sources, head, closing, shut)


class Sheets:
    """The displacement of each sheet, relative to the head's similarity, on the nodes of a coarse grid.

    reference_K2: the photo's points. unit: inter-ocular distance, pixels. nodes_hw2: positions. anchors: (NUM_ANCHORS, 2) still places.
    """

    def __init__(self, reference_K2: np.ndarray, unit: float, nodes_hw2: torch.Tensor, anchors: np.ndarray) -> None:
        self.reference, self.unit, self.nodes, self.anchors = reference_K2, unit, nodes_hw2, anchors
        self.centre = reference_K2.mean(0)
        self.at = ((nodes_hw2 - torch.from_numpy(self.centre).float()) / unit).reshape(-1, 2)
        self.smoothing = smoothing()
        everything = np.arange(GUIDE.num_points + len(anchors))
        self.members = [torch.from_numpy(np.setdiff1d(everything, left_out)) for left_out in LEFT_OUT]

    def __call__(self, motion: Motion) -> torch.Tensor:
        """-> (T, 3, h, w, 2) pixels: brow, cheek, chin."""
        num = len(motion.points)
        rest = motion.sources - geometry.apply_affine(motion.head, motion.points)
        anchors = np.broadcast_to(self.anchors, (num, *self.anchors.shape))
        centres = torch.from_numpy((np.concatenate([motion.points, anchors], 1) - self.centre) / self.unit)
        values = torch.from_numpy(np.concatenate([rest, np.zeros(anchors.shape)], 1))
        count = centres.shape[1]
        # Every sheet knows the same centres, those of the other sheets with weight 0, so that the kernel is computed once.
        coefficients = centres.new_zeros(num, count + 3, 2 * len(self.members))
        for k, member in enumerate(self.members):
            own = warp.fit_spline(centres[:, member], values[:, member], self.smoothing[member].to(centres))
            coefficients[:, torch.cat([member, torch.arange(count, count + 3)]), 2 * k : 2 * k + 2] = own
        field = warp.evaluate_spline(coefficients.float(), centres.float(), self.at)
        height, width = self.nodes.shape[:2]
        return field.view(num, height, width, len(self.members), 2).permute(0, 3, 1, 2, 4)


def seam_weights(shapes: dict[str, slits.Shape], at_hw2: torch.Tensor, unit: float) -> torch.Tensor:
    """Shares of brow, cheek and chin sheet at places (h, w, 2) -> (T, 3, h, w), summing to 1: the wide blend, for all but the slits."""
    at = at_hw2[None]
    below = {name: slits.side(shape, *shape.local(at), SEAM_UNIT * unit) for name, shape in shapes.items()}
    right, left = shapes["eye_right"], shapes["eye_left"]
    inner = right.start + right.axis * right.length[:, None]
    bridge = left.start - inner
    share = (((at - inner[:, None, None]) * bridge[:, None, None]).sum(-1) / (bridge * bridge).sum(-1)[:, None, None]).clamp(0, 1)
    under_eyes = below["eye_right"] * (1 - share) + below["eye_left"] * share
    under_mouth = below["mouth"] * under_eyes
    return torch.stack([1 - under_eyes, under_eyes - under_mouth, under_mouth], 1)
