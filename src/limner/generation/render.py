"""The photo, moved by points: the warp renderer. Only the face's surroundings are computed anew; the rest is the photo's own bytes.

Shapes: T frames, K = 68 points, H W pixels, h w nodes of the coarse grid. Lengths in units are inter-ocular distances (outer eye corners).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch

from limner import geometry, warp
from limner.generation import lips, mouth, person, shade, skin, slits, support
from limner.generation.at_once import ahead
from limner.guides.face import GUIDE
from limner.types import Face, InputError

MARGIN_UNIT = 0.25  # ours: how much further the texture reaches, for displacements out of the support
BOX_MARGIN_UNIT = 0.16  # ours: round a slit, where the sheets are blended pixel by pixel
TAPER = 0.6  # ours: the share of that margin over which this blend gives way to the wide one
FILL_MARGIN_UNIT = 0.03  # ours: round a slit, where what lies behind it is painted
SOFT_UNIT = 0.008  # ours: softness of a slit's edges
NODES_A_UNIT = 13  # ours: of the coarse grid; with 18 a London smile differs by 4 / 255 at most, by 0.01 on average
PIXELS_AT_ONCE, MOST_AT_ONCE = 800_000, 16  # ours: bounds memory, and keeps small faces from paying for many small calls
EYE_OPEN_UNIT = (0.01, 0.03)  # ours: gaps of the photo's lids from which an eye begins to count as open, and does fully
# ours: a dark mouth so many times as high open, or as wide, as in the photo begins to give way to painted teeth, and has done so
TEETH_HIGHER, TEETH_WIDER = (1.2, 1.8), (1.08, 1.20)
LIPS_COVER = 0.6  # ours: of the way to closed, from which the lips are wholly painted over, and from which they begin to touch
NO_TEETH = (0.8, 0.95)  # ours: over this part of the way to closed, what is left of the photo's teeth goes
ANCHORS_AT = 0.75  # ours: how far from the face's middle the still places lie, in its width and height, beyond the support's margin
HARDER = 0.95  # ours: what shut lids take off the softness of their edge
STILL_PX = 1e-4  # ours: moved by less, the photo itself is the picture


class WarpRenderer:
    """Renders points as pictures of one photo.

    photo: (H, W, 3) uint8 sRGB. face: the face in it, its points in the photo's pixels. neutral_points: (68, 2), where the points of a
    photo that smiles would lie at rest, if known. where: (H, W) bool, True on the person; "find" looks for it; None: not known, then the
    background is guarded by moving less near the face's outline. InputError if one of these has another shape, or if points are not finite
    or lie on one another.
    """

    def __init__(
        self,
        photo: np.ndarray,
        face: Face,
        *,
        neutral_points: np.ndarray | None = None,
        where: np.ndarray | Literal["find"] | None = "find",
    ) -> None:
        if not (photo.dtype == np.uint8 and photo.ndim == 3 and photo.shape[2] == 3 and min(photo.shape[:2]) >= 2):
            raise InputError(f"the photo must be (H, W, 3) uint8, 2 pixels or more a side; this one is {photo.shape} {photo.dtype}")
        points = _checked(face.points, "the face")
        self.photo, self.points = photo, points
        self.unit = float(geometry.unit_length(points, GUIDE))
        if self.unit < 1:
            raise InputError("the face's points lie on one another; find the face again")
        rest = points if neutral_points is None else _checked(neutral_points, "the neutral face")
        if isinstance(where, np.ndarray) and where.shape != photo.shape[:2]:
            raise InputError(
                f"where shows a picture of {where.shape}, the photo is {photo.shape[:2]}: give the person's place in the photo"
            )
        self.step = max(2, round(self.unit / NODES_A_UNIT))
        self.box = support.box_of(points, photo.shape[:2])
        x0, y0, x1, y1 = self.box
        self.upsampler = warp.Upsampler((y1 - y0, x1 - x0), self.step)
        self.nodes = warp.nodes(self.box, self.step)
        self.pixels = warp.nodes(self.box, 1).permute(2, 0, 1).contiguous().permute(1, 2, 0)  # planar in memory, as fields are
        window, most = support.window(points, photo.shape[:2], self.nodes.numpy())
        inside = person.find_person(photo, points) if isinstance(where, str) else where
        if inside is None:
            most = np.minimum(most, person.may_move(points, self.box, self.step))
        self.window, self.most = torch.from_numpy(window).float(), torch.from_numpy(most).float()
        self.sheets = skin.Sheets(points, self.unit, self.nodes, self._anchors())
        self.interior = mouth.Interior(photo, points, rest)
        self.toothy = mouth.shows_teeth(photo, points)
        self.own = {slit.name: slits.shape_of(slit, points[None]) for slit in (slits.MOUTH, *slits.EYES)}
        self._take_texture(inside)
        self.closed = lips.closed_texture(photo, points) if float(self.own["mouth"].gap()) > skin.OPEN_UNIT * self.unit else None

    def _take_texture(self, inside: np.ndarray | None) -> None:
        """What frames are sampled from, and what lies behind the person; inside: (H, W) bool, where the person is, if known."""
        photo, points, (x0, y0, x1, y1) = self.photo, self.points, self.box
        tx0, ty0, tx1, ty1 = support.box_of(points, photo.shape[:2], support.FADE_UNIT + MARGIN_UNIT)
        colour = torch.from_numpy(photo[ty0:ty1, tx0:tx1].astype(np.float32)).permute(2, 0, 1)
        ratio = shade.laid_on(points, (tx0, ty0, tx1, ty1), self.unit)
        layers = None if inside is None else person.take_apart(photo, inside, points, (tx0, ty0, tx1, ty1))
        self.plate = None if layers is None else layers.plate[:, y0 - ty0 : y1 - ty0, x0 - tx0 : x1 - tx0].contiguous()
        alpha = [] if layers is None else [layers.alpha]
        # Channels: the photo (3), what a smile does to its light (1), the share of the person (1 where there is background)
        self.texture = warp.sharp_texture(torch.cat([colour, ratio, *alpha]))
        self.texture_origin = (float(tx0), float(ty0))

    def render(self, points_TK2: np.ndarray) -> Iterator[np.ndarray]:
        """(T, 68, 2) pixel points -> T frames (H, W, 3) uint8. The reference's own points give the photo back exactly.

        InputError, before the first frame, that names the frame whose points are not 68, not finite, or lie on one another.
        """
        points_TK2 = np.asarray(points_TK2, np.float64)
        if points_TK2.ndim != 3:
            raise InputError(f"a motion is (T, {GUIDE.num_points}, 2) points; this one is {points_TK2.shape}")
        for t, points in enumerate(points_TK2):
            _checked(points, f"frame {t}")
        x0, y0, x1, y1 = self.box
        num = min(MOST_AT_ONCE, max(1, PIXELS_AT_ONCE // ((x1 - x0) * (y1 - y0))))
        pieces = [points_TK2[start : start + num] for start in range(0, len(points_TK2), num)]
        for some, patches in zip(pieces, ahead(self._patches, pieces)):
            for patch, points in zip(patches, some):
                frame = self.photo.copy()
                if np.abs(points - self.points).max() > STILL_PX:
                    frame[y0:y1, x0:x1] = patch
                yield frame

    @torch.no_grad()
    def _patches(self, points_TK2: np.ndarray) -> np.ndarray:
        """(T, 68, 2) points -> (T, H, W, 3) uint8 pictures of the support's box."""
        motion = skin.motion_of(points_TK2, self.points)
        shapes_of = (slits.MOUTH, *slits.EYES)
        shapes = {slit.name: slits.shape_of(slit, points_TK2) for slit in shapes_of}
        sheets = self._displacements(motion)
        weights = skin.seam_weights(shapes, self.nodes, self.unit)
        coarse = (sheets * weights[..., None]).sum(1)
        position = self.pixels + self.upsampler(coarse.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        for slit, first in zip(shapes_of, (1, 0, 0)):
            self._part(position, sheets[:, first : first + 2], slit, shapes[slit.name], motion)
        sampled = warp.sample(self.texture, position, self.texture_origin)
        smile = torch.from_numpy(shade.strength(points_TK2, self.points)).float().view(-1, 1, 1, 1)
        colours = sampled[:, :3].mul_(sampled[:, 3:4].mul_(smile).exp_())
        if self.closed is not None:
            rows, columns = self._slit_box(slits.MOUTH, points_TK2, FILL_MARGIN_UNIT)
            self._cover(colours[:, :, rows, columns], position[:, rows, columns], shapes["mouth"], motion)
        if self.plate is not None:
            colours = torch.lerp(self.plate, colours, sampled[:, 4:])
        for slit in shapes_of:
            self._fill(colours, slit, shapes[slit.name], motion, *self._slit_box(slit, points_TK2, FILL_MARGIN_UNIT))
        return colours.add_(0.5).clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()

    def _displacements(self, motion: skin.Motion) -> torch.Tensor:
        """(T, 3, h, w, 2): of each sheet, head motion included, zero at the support's border."""
        nodes = self.nodes.numpy()
        head = torch.from_numpy(geometry.apply_affine(motion.head[:, None], nodes[None])).float() - self.nodes
        field = self.window[..., None] * (head[:, None] + self.sheets(motion))
        # No displacement goes above what its place may move; those well below it stay as they are.
        far = torch.linalg.vector_norm(field, dim=-1, keepdim=True) / self.most[..., None]
        return field * (1 + far.square().square()).rsqrt().sqrt()

    def _reach(self, slit: slits.Slit, points_TK2: np.ndarray, margin_unit: float) -> tuple[np.ndarray, np.ndarray]:
        """Upper left and lower right corner of what lies within a margin of the slit, in each frame and in the photo; two (T, 2) pixels."""
        inner = list(slit.inner)
        own, every, margin = self.points[inner], points_TK2[:, inner], margin_unit * self.unit
        return np.minimum(every.min(1), own.min(0)) - margin, np.maximum(every.max(1), own.max(0)) + margin

    def _slit_box(self, slit: slits.Slit, points_TK2: np.ndarray, margin_unit: float) -> tuple[slice, slice]:
        """Rows and columns of the support's box round all places the slit takes in these frames and in the photo."""
        low, high = self._reach(slit, points_TK2, margin_unit)
        x0, y0, x1, y1 = self.box
        left, right = (int(np.clip(x - x0, 0, x1 - x0)) for x in (np.floor(low[:, 0].min()), np.ceil(high[:, 0].max())))
        top, bottom = (int(np.clip(y - y0, 0, y1 - y0)) for y in (np.floor(low[:, 1].min()), np.ceil(high[:, 1].max())))
        return slice(top, bottom), slice(left, right)

    def _part(self, position: torch.Tensor, pair: torch.Tensor, slit: slits.Slit, shape: slits.Shape, motion: skin.Motion) -> None:
        """Round a slit, blends the sheet above (pair[:, 0]) and the one below so that they part along the slit; in place."""
        rows, columns = self._slit_box(slit, motion.points, BOX_MARGIN_UNIT)
        at = self.pixels[rows, columns]
        if at.numel() == 0:
            return
        num, _, h, w, _ = pair.shape
        both = pair.permute(0, 1, 4, 2, 3).reshape(num, 4, h, w)
        above, below = self.upsampler.part(both, rows, columns).permute(0, 2, 3, 1).split(2, -1)
        # Between lids that meet, a place half-way between two sheets would be the white of the photo's eye
        soft = max(1.0, SOFT_UNIT * self.unit) * (1 - HARDER * _column(motion.shut[slit.name])[:, None])
        share = slits.side(shape, *shape.local(at[None]), soft)[..., None]
        low, high = self._reach(slit, motion.points, BOX_MARGIN_UNIT)  # each frame's own: its picture hangs on no other frame
        region = position[:, rows, columns]
        region += self._taper(at, low, high) * (at + above + share * (below - above) - region)

    def _taper(self, at_HW2: torch.Tensor, low_T2: np.ndarray, high_T2: np.ndarray) -> torch.Tensor:
        """(T, H, W, 1): 1 well inside each frame's box low..high, falling to 0 at its border. at_HW2: places of an upright grid."""
        ramp = lambda at, k: torch.minimum(at - _column(low_T2[:, k]), _column(high_T2[:, k]) - at)  # noqa: E731
        depth = torch.minimum(ramp(at_HW2[0, :, 0], 0)[:, None], ramp(at_HW2[:, 0, 1], 1)[:, :, None])
        return slits.smoothstep(depth.div_(TAPER * BOX_MARGIN_UNIT * self.unit))[..., None]

    def _own_teeth(self, shape: slits.Shape, motion: skin.Motion) -> torch.Tensor:
        """(T,) how much of what the photo's open mouth shows is kept: a row of teeth always, a dark gap only while it is hardly stretched.

        A half-open mouth that widens would tear into patches; teeth once seen must stay the person's own.
        """
        own, scale = self.own["mouth"], torch.from_numpy(geometry.scale_of(motion.head)).float()
        higher = shape.gap() * scale / max(float(own.gap()), 1e-6 * self.unit)
        wider = shape.length * scale / own.length
        parts = [((last - by) / (last - first)).clamp(0, 1) for by, (first, last) in ((higher, TEETH_HIGHER), (wider, TEETH_WIDER))]
        return (parts[0] * parts[1]).clamp_min(self.toothy)

    def _cover(self, region: torch.Tensor, position: torch.Tensor, shape: slits.Shape, motion: skin.Motion) -> None:
        """Where an open mouth of the photo closes, or gives its teeth up, lip takes the place of what its lips' edges carry; in place."""
        assert self.closed is not None
        closing = torch.from_numpy(support.smoothstep(motion.closing / LIPS_COVER)).float()
        amount = torch.maximum(closing, 1 - self._own_teeth(shape, motion)).view(-1, 1, 1, 1)
        if region.numel() and amount.any():
            lip = warp.sample(self.closed[0], position, self.closed[1])
            region.lerp_(lip[:, :3], lip[:, 3:] * amount)

    def _fill(self, colours: torch.Tensor, slit: slits.Slit, shape: slits.Shape, motion: skin.Motion, rows: slice, columns: slice) -> None:
        """Paints what lies behind a slit: the photo's own eye or teeth, kept in place, or a mouth's interior; in place."""
        at = self.pixels[rows, columns][None].expand(len(motion.points), -1, -1, -1)
        if at.numel() == 0:
            return
        soft = max(1.0, SOFT_UNIT * self.unit)
        u, v = shape.local(at)
        shown = slits.opening(shape, u, v, soft)[:, None]
        region = colours[:, :, rows, columns]
        part, keep = self._seen(slit, shape, motion)
        keep, shown = keep.view(-1, 1, 1, 1), shown * part.view(-1, 1, 1, 1)
        behind = warp.sample(self.texture[:3], self._behind(slit, shape, motion, at), self.texture_origin) if keep.any() else 0.0
        if (keep < 1).any():
            behind = self.interior.paint(at, shape, motion.head).lerp_(torch.as_tensor(behind), keep)
        region += shown * (behind - region)
        if slit is slits.MOUTH and motion.closing.any():
            closed = torch.from_numpy(support.smoothstep((motion.closing - LIPS_COVER) / (1 - LIPS_COVER))).float().view(-1, 1, 1, 1)
            region *= 1 - closed * mouth.contact_shade(shape, u, v, self.unit)[:, None]

    def _seen(self, slit: slits.Slit, shape: slits.Shape, motion: skin.Motion) -> tuple[torch.Tensor, torch.Tensor]:
        """How much of what lies behind a slit is painted, and how much of that is the photo's own (the rest: a painted interior); two (T,).

        Continuous in the points, and nothing but the photo's own where the slit is as open as in the photo, so that no layer ever jumps.
        """
        own_gap, gap = float(self.own[slit.name].gap()) / self.unit, shape.gap() / self.unit
        if slit is not slits.MOUTH:
            low, high = EYE_OPEN_UNIT  # eyes closed in the photo have nothing behind them
            return torch.full_like(gap, np.clip((own_gap - low) / (high - low), 0, 1)), torch.ones_like(gap)
        own = float(np.clip(own_gap / skin.OPEN_UNIT - 1, 0, 1))  # 1: the photo's mouth is open, 0: closed, painted from its first gap
        low, high = mouth.OPEN_UNIT
        painted = (1 - own) * ((gap - own_gap - low) / (high - low)).clamp(0, 1)
        keep = own * self._own_teeth(shape, motion)
        closed = support.smoothstep((motion.closing - NO_TEETH[0]) / (NO_TEETH[1] - NO_TEETH[0]))
        part = own + painted
        return part * torch.from_numpy(1 - closed).float(), keep / part.clamp_min(1e-6)

    def _behind(self, slit: slits.Slit, shape: slits.Shape, motion: skin.Motion, at: torch.Tensor) -> torch.Tensor:
        """Where in the photo lies what is seen through a slit: rigid with the head, stretched only as far as the slit opens wider."""
        corners = [slit.upper[0], slit.upper[-1]]
        linear = torch.from_numpy(motion.head[:, :, :2]).float()
        start = torch.from_numpy(motion.points[:, corners].mean(1)).float()
        end = torch.from_numpy(self.points[corners].mean(0)).float()
        rigid = torch.einsum("tij,thwj->thwi", linear, at - start[:, None, None]) + end
        own = self.own[slit.name]
        u, v = own.local(rigid)
        table = torch.linspace(0, 1, slits.NODES)[None, None].expand(len(at), 1, -1)
        edges = []
        for edge in (shape.upper, shape.lower):
            place = shape.place(table, edge[:, None])
            moved = torch.einsum("tij,thwj->thwi", linear, place - start[:, None, None]) + end
            edges.append(own.local(moved)[1][:, 0])
        upper, lower = slits.look_up(own.upper, u), slits.look_up(own.lower, u)
        top = torch.minimum(slits.look_up(edges[0], u), upper)
        bottom = torch.maximum(slits.look_up(edges[1], u), lower)
        stretched = upper + (v - top) * ((lower - upper) / (bottom - top).clamp_min(1e-3)).clamp_max(1.0)
        return own.place(u, stretched)

    def _anchors(self) -> np.ndarray:
        """16 points round the support that stay where they are; (16, 2)."""
        angle = np.arange(skin.NUM_ANCHORS) * (2 * np.pi / skin.NUM_ANCHORS)
        low, high = self.points.min(0), self.points.max(0)
        return (low + high) / 2 + ((high - low) * ANCHORS_AT + support.FADE_UNIT * self.unit) * np.stack([np.cos(angle), np.sin(angle)], -1)


def _column(values_T: np.ndarray) -> torch.Tensor:
    """(T,) numbers -> (T, 1) float32."""
    return torch.from_numpy(values_T).float()[:, None]


def _checked(points: np.ndarray, name: str) -> np.ndarray:
    """Pixel points (68, 2), float64. InputError that begins with the name if they are others, not finite, or lie on one another."""
    points = np.asarray(points, np.float64)
    if points.shape != (GUIDE.num_points, 2):
        raise InputError(f"{name} has points {points.shape}; the renderer needs {GUIDE.num_points} face points ({GUIDE.num_points}, 2)")
    if not np.isfinite(points).all():
        raise InputError(f"{name} has points that are not finite; the renderer needs all {GUIDE.num_points}")
    if np.ptp(points[list(GUIDE.rigid)], 0).max() < 1:
        raise InputError(f"{name} has its points on one another; it must be a face")
    return points
