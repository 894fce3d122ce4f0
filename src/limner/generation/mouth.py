"""What an opening mouth shows: a dark cavity and the upper teeth, fixed to the skull, lit like the photo.

Lengths in units are inter-ocular distances (outer eye corners, about 90 mm). Shapes: T frames, H W pixels of a box. Numbers inside the
formulas of `paint`, `contact_shade` and `_teeth` are ours, chosen by eye beside the training people's open smiles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from limner import geometry
from limner.generation import slits, support
from limner.generation.slits import smoothstep
from limner.guides.face import GUIDE

# Visible widths of the upper teeth from the midline, central incisor to second premolar and beyond, seen from the front (the arch turns
# away): after Wheeler's mesiodistal widths 8.5, 6.5, 7.5, 7.0, 7.0 mm, foreshortened and a tenth narrower, as the training people's open
# smiles show them. In units of 90 mm. The person's right and left differ a little, as real rows do (ours).
BOUNDS = ((0.0, 0.083, 0.146, 0.203, 0.246, 0.281, 0.310), (0.0, 0.085, 0.145, 0.204, 0.248, 0.282, 0.310))
EDGES = (
    (0.0, -0.008, 0.001, -0.008, -0.014, -0.022),
    (0.001, -0.006, -0.001, -0.009, -0.013, -0.022),
)  # ours: lower than the central one's
BRIGHT = ((1.0, 0.97, 0.90, 0.93, 0.90, 0.85), (0.985, 0.975, 0.91, 0.92, 0.89, 0.85))  # ours: canines are darker
HEIGHT = 0.112  # Wheeler: the central incisor's crown, 10.5 mm
ARC = 0.55  # ours: the edges rise by ARC x^2 to the sides (the smile arc)
EDGE_LEAST, EDGE_MOST = 0.035, 0.062  # ours: where the incisal edge lies below the closed mouth's line; the lower lip uncovers it
LIP_CLEARANCE = 0.012  # ours: between the edge and a lower lip that is near
# 1.05 (ours) times what was fitted on 31 open smiles of the 66 training people: bright part of the teeth over that of the eyes
TEETH_OVER_SCLERA = (1.25, 1.26, 1.20)
TEETH_TONE = (1.057, 0.989, 0.945)  # fitted: their colour over their light; eyes are more coloured than teeth
WARM_SHADE = (1.0, 1.10, 1.14)  # ours: powers of the shade by channel; light that reaches into a mouth comes off its walls
TEETH_MOST = 232.0  # ours: never paper white
CAVITY_OVER_SKIN = (0.22, 0.12, 0.12)  # ours; the darkest tenth of those mouths is (0.39, 0.30, 0.32) of the skin, lips' shade included
GUM_OVER_SKIN = (0.80, 0.52, 0.54)  # ours
TONGUE = 0.55  # ours: the tongue of a wide open mouth, of the gums' light
CONTACT, CONTACT_UNIT = 0.40, 0.010  # ours: the dark line of closed lips, its depth and half width
# Light of an open mouth over that of the cheeks: toothy smiles 0.85 to 1.34, half-open talking mouths 0.40 to 0.73 (London, GRID; ours)
TEETH_SEEN = (0.75, 0.85)
CHEEKS = ((41, 40, 31, 48), (46, 47, 35, 54))  # skin beside the nose
LUMA = (0.299, 0.587, 0.114)  # BT.601
GREY = (3.0, 10.0)  # ours: channels of skin this near to one another (of 255) are a grey photo; London's skin differs by 23 and more
OPEN_UNIT = (0.010, 0.026)  # ours: a gap wider than that of the photo by so much begins to show, and shows all of, the interior


@dataclass(frozen=True)
class Palette:
    """Colours of the photo's light: (3,) float, 0..255."""

    teeth: torch.Tensor
    gum: torch.Tensor
    cavity: torch.Tensor


def _inside(photo: np.ndarray, polygons: list[np.ndarray]) -> np.ndarray:
    """(N, 3) float64: the photo's pixels within the polygons, each (M, 2) pixels."""
    from PIL import Image, ImageDraw

    every = np.concatenate(polygons)
    low = np.clip(np.floor(every.min(0)).astype(int), 0, None)
    high = np.clip(np.ceil(every.max(0)).astype(int) + 1, low + 1, np.maximum(photo.shape[1::-1], low + 1))
    mask = Image.new("1", (int(high[0] - low[0]), int(high[1] - low[1])))
    for polygon in polygons:
        ImageDraw.Draw(mask).polygon([(float(x), float(y)) for x, y in polygon - low], fill=1)
    patch = photo[low[1] : high[1], low[0] : high[0]]
    return patch[np.asarray(mask)[: patch.shape[0], : patch.shape[1]]].astype(np.float64)


def shows_teeth(photo: np.ndarray, points: np.ndarray) -> float:
    """1 where the photo's open mouth shows a bright row of teeth, 0 where it shows a dark gap. points: (68, 2) pixels of the photo."""
    mouth, skin = _inside(photo, [points[60:68]]), _inside(photo, [points[list(c)] for c in CHEEKS])
    if not len(mouth) or not len(skin):
        return 0.0
    ratio = np.median(mouth @ LUMA) / max(float(np.median(skin @ LUMA)), 1.0)
    return float(np.clip((ratio - TEETH_SEEN[0]) / (TEETH_SEEN[1] - TEETH_SEEN[0]), 0, 1))


def colourful(photo: np.ndarray, points: np.ndarray) -> float:
    """0 for a photo without colour, 1 for one with: from the spread of the channels in the skin beside the nose. points: (68, 2) pixels."""
    skin = _inside(photo, [points[list(c)] for c in CHEEKS])
    spread = float(np.median(np.ptp(skin, axis=1))) if len(skin) else 255.0
    return float(np.clip((spread - GREY[0]) / (GREY[1] - GREY[0]), 0, 1))


def palette(photo: np.ndarray, points: np.ndarray) -> Palette:
    """Reads the light off the whites of the eyes and the skin beside the nose. points: (68, 2) pixels of the photo."""
    skin_pixels, eye_pixels = _inside(photo, [points[list(c)] for c in CHEEKS]), _inside(photo, [points[36:42], points[42:48]])
    skin = np.median(skin_pixels, 0) if len(skin_pixels) else np.array([150.0, 110.0, 95.0])
    teeth = skin * 0.5 + 70.0
    if len(eye_pixels) >= 12:
        light = eye_pixels @ LUMA
        teeth = eye_pixels[light >= np.percentile(light, 80)].mean(0) * TEETH_OVER_SCLERA
    teeth = 0.4 * teeth + 0.6 * (teeth @ LUMA) * np.array(TEETH_TONE)
    low = skin.max() * 0.75 + 20.0  # closed eyes show no white: the teeth are then judged by the skin
    teeth = teeth * max(1.0, low / teeth.max())
    teeth = teeth * min(1.0, TEETH_MOST / teeth.max())
    as_tensor = lambda a: torch.from_numpy(np.asarray(a)).float()  # noqa: E731
    return Palette(as_tensor(teeth), as_tensor(skin * GUM_OVER_SKIN), as_tensor(skin * CAVITY_OVER_SKIN))


class Interior:
    """Paints the inside of a mouth for one photo. points: (68, 2) of the photo; rest: (68, 2) the same person's neutral points."""

    def __init__(self, photo: np.ndarray, points: np.ndarray, rest: np.ndarray) -> None:
        self.palette = palette(photo, points)
        self.colour = colourful(photo, points)
        self.unit = float(geometry.unit_length(points, GUIDE))
        self.axis, self.down = support.upright(points)
        line = rest[[60, 61, 62, 63, 64, 65, 66, 67]].mean(0)
        middle = points[[27, 33, 51]].mean(0) @ self.axis * 0.5 + line @ self.axis * 0.5
        height = (rest[62] + rest[66]) / 2 @ self.down
        self.origin = middle * self.axis + height * self.down

    def paint(self, at_THW2: torch.Tensor, shape: slits.Shape, head_T23: np.ndarray) -> torch.Tensor:
        """Places of the output -> colours (T, 3, H, W), 0..255, as if the lips were not there. head: output -> photo."""
        head = torch.from_numpy(head_T23).float()
        photo = torch.einsum("tij,thwj->thwi", head[:, :, :2], at_THW2) + head[:, None, None, :, 2] - torch.from_numpy(self.origin).float()
        x = photo @ torch.from_numpy(self.axis).float() / self.unit
        y = photo @ torch.from_numpy(self.down).float() / self.unit
        u, v = shape.local(at_THW2)
        scale = torch.from_numpy(geometry.scale_of(head_T23)).float()[:, None, None] / self.unit  # output pixels -> units
        upper, lower = slits.look_up(shape.upper, u), slits.look_up(shape.lower, u)
        below_lip, above_lip = (v - upper) * scale, (lower - v) * scale
        edge = self._edge(shape, head)
        teeth, cover = _teeth(x, y, edge, 1.0 / self.unit)
        corner = torch.minimum(u, 1 - u).clamp(0, 0.5)
        dim = 0.30 + 0.70 * smoothstep(corner / 0.30)  # the cheeks' shade: dark corners
        dim = dim * (1 - 0.50 * torch.exp(-below_lip.clamp_min(0) / 0.013)) * (1 - 0.20 * torch.exp(-above_lip.clamp_min(0) / 0.012))
        dim = dim * (0.45 + 0.55 * smoothstep((above_lip + below_lip) / 0.055))  # a narrow gap lets little light in
        depth = smoothstep((above_lip + below_lip) / 0.25)
        p = self.palette
        colour = lambda c: c.view(1, 3, 1, 1)  # noqa: E731
        wide = smoothstep((above_lip + below_lip - 0.10) / 0.14)
        tongue = wide * smoothstep(corner / 0.35) * torch.exp(-((above_lip.clamp_min(0) / 0.07) ** 2)) * smoothstep(above_lip / 0.02)
        cavity = colour(p.cavity) * (1.25 - 0.5 * depth)[:, None]
        cavity = cavity + tongue[:, None] * (colour(p.gum) * TONGUE - cavity)
        gum = colour(p.gum) * dim[:, None]
        bright = colour(p.teeth) * (teeth * dim).clamp_min(1e-3)[:, None] ** colour(torch.tensor(WARM_SHADE))
        at_gum = smoothstep((edge - HEIGHT - y) / 0.02 + 0.5)[:, None]
        upper_row = bright * (1 - at_gum) + gum * at_gum
        shown = (cover * smoothstep(corner / 0.10))[:, None]
        inside = cavity * (1 - shown) + upper_row * shown
        grey = (inside * colour(torch.tensor(LUMA))).sum(1, keepdim=True)
        return grey + self.colour * (inside - grey)

    def _edge(self, shape: slits.Shape, head: torch.Tensor) -> torch.Tensor:
        """(T, 1, 1) where the incisal edge of the central teeth lies: as low as the lower lip allows, within what teeth are long."""
        middle = slits.NODES // 2
        lip = shape.place(torch.full((len(head), 1, 1), 0.5), shape.lower[:, middle, None, None])[:, 0, 0]
        photo = torch.einsum("tij,tj->ti", head[:, :, :2], lip) + head[:, :, 2] - torch.from_numpy(self.origin).float()
        height = photo @ torch.from_numpy(self.down).float() / self.unit  # the lower lip's, in the teeth's frame
        return (height - LIP_CLEARANCE).clamp(EDGE_LEAST, EDGE_MOST)[:, None, None]


def contact_shade(shape: slits.Shape, u: torch.Tensor, v: torch.Tensor, unit: float) -> torch.Tensor:
    """How much of the light (T, H, W) is lost where lips meet that did not meet in the photo."""
    line = (slits.look_up(shape.upper, u) + slits.look_up(shape.lower, u)) / 2
    ends = smoothstep(torch.minimum(u, 1 - u) / 0.20)
    return CONTACT * ends * torch.exp(-(((v - line) / max(CONTACT_UNIT * unit, 0.7)) ** 2))


def _teeth(x: torch.Tensor, y: torch.Tensor, edge: torch.Tensor, pixel: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Places in units -> brightness of the row (about 0.6..1) and how much of each pixel it covers. pixel: its size in units."""
    side, left = x.abs(), (x > 0).long()
    lean = 0.06 * (edge - y)  # towards the gum the crowns grow narrower and lean to the midline
    at = (side + lean * (side / 0.3)).contiguous()
    bounds = torch.tensor(BOUNDS)
    which = sum((at >= bounds[left, k]).long() for k in range(1, len(EDGES[0])))
    low, high = bounds[left, which], bounds[left, which + 1]
    across = ((at - low) / (high - low) * 2 - 1).clamp(-1, 1)  # -1..1 over a tooth
    soft = max(pixel, 0.006)
    bottom = edge + torch.tensor(EDGES)[left, which] - ARC * side * side - 0.014 * across.abs() ** 5  # rounded corners
    cover = ((bottom - y) / soft + 0.5).clamp(0, 1)
    to_gap = torch.minimum(at - low, high - at)
    near_edge = smoothstep(1 - (bottom - y) / (0.6 * HEIGHT))  # gaps open towards the edge and close at the gum
    width = max(0.0042, 0.6 * pixel)
    gap = torch.exp(-((to_gap / width) ** 2)) * (0.05 + 0.19 * near_edge) * min(1.0, 0.0042 / width + 0.2)
    turn = 1 - 0.70 * smoothstep((side - 0.10) / 0.28)  # the arch turns away from the light
    crown = 1 - 0.09 * across * across + 0.05 * torch.exp(-(((across + 0.15) / 0.35) ** 2))  # rounded crowns, a soft gleam on each
    # A translucent edge, a warmer neck
    edge_tone = 1 - 0.12 * smoothstep((y - bottom + 0.035) / 0.035) - 0.06 * smoothstep((bottom - y - 0.05) / 0.05)
    return torch.tensor(BRIGHT)[left, which] * turn * crown * edge_tone * (1 - gap), cover
