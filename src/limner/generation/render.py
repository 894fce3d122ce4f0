"""The photo, moved by points: the warp renderer. Only the face's surroundings are computed anew; the rest is the photo's own bytes.

Shapes: T frames, K = 68 points, H W pixels, h w nodes of the coarse grid. Lengths in units are inter-ocular distances (outer eye corners).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
import torch

from limner import geometry, warp
from limner.generation import lips, mouth, person, shade, skin, slits, support
from limner.guides.face import GUIDE
from limner.types import Face, InputError

MARGIN_UNIT = 0.25  # ours: how much further the texture reaches, for displacements out of the support
BOX_MARGIN_UNIT = 0.16  # ours: round a slit, where the sheets are blended pixel by pixel
FILL_MARGIN_UNIT = 0.03  # ours: round a slit, where what lies behind it is painted
SOFT_UNIT = 0.008  # ours: softness of a slit's edges
NODES_A_UNIT = 13  # ours: of the coarse grid; with 18 a London smile differs by 4 / 255 at most, by 0.01 on average
MOST_WORKERS = 4  # ours: more would only hold more frames in memory
PIXELS_AT_ONCE, MOST_AT_ONCE = 800_000, 16  # ours: bounds memory, and keeps small faces from paying for many small calls
STILL_PX = 1e-4


class WarpRenderer:
    """Renders points as pictures of one photo.

    photo: (H, W, 3) uint8 sRGB. face: the face in it, its points in the photo's pixels. neutral_points: (68, 2), where the points of a
    photo that smiles would lie at rest, if known. where: (H, W) bool, True on the person; "find" looks for it; None: not known, then the
    background is guarded by moving less near the face's outline. InputError if the points are not finite or lie on one another.
    """

    def __init__(
        self,
        photo: np.ndarray,
        face: Face,
        *,
        neutral_points: np.ndarray | None = None,
        where: np.ndarray | Literal["find"] | None = "find",
    ) -> None:
        points = np.asarray(face.points, np.float64)
        if points.shape != (GUIDE.num_points, 2) or not np.isfinite(points).all():
            raise InputError(f"the renderer needs {GUIDE.num_points} finite face points; this face has {points.shape}")
        self.photo, self.points = photo, points
        self.unit = float(geometry.unit_length(points, GUIDE))
        if self.unit < 1:
            raise InputError("the face's points lie on one another; find the face again")
        rest = points if neutral_points is None else np.asarray(neutral_points, np.float64)
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
        self.own = {slit.name: slits.shape_of(slit, points[None]) for slit in (slits.MOUTH, *slits.EYES)}
        tx0, ty0, tx1, ty1 = support.box_of(points, photo.shape[:2], support.FADE_UNIT + MARGIN_UNIT)
        colour = torch.from_numpy(photo[ty0:ty1, tx0:tx1].astype(np.float32)).permute(2, 0, 1)
        ratio = shade.laid_on(points, (tx0, ty0, tx1, ty1), self.unit)
        layers = None if inside is None else person.take_apart(photo, inside, points, (tx0, ty0, tx1, ty1))
        self.plate = None if layers is None else layers.plate[:, y0 - ty0 : y1 - ty0, x0 - tx0 : x1 - tx0].contiguous()
        alpha = [] if layers is None else [layers.alpha]
        # Channels: the photo (3), what a smile does to its light (1), the share of the person (1 where there is background)
        self.texture = warp.sharp_texture(torch.cat([colour, ratio, *alpha]))
        self.closed = lips.closed_texture(photo, points) if float(self.own["mouth"].gap()) > skin.OPEN_UNIT * self.unit else None
        self.texture_origin = (float(tx0), float(ty0))

    def render(self, points_TK2: np.ndarray) -> Iterator[np.ndarray]:
        """(T, 68, 2) pixel points -> T frames (H, W, 3) uint8. The reference's own points give the photo back exactly."""
        points_TK2 = np.asarray(points_TK2, np.float64)
        if points_TK2.ndim != 3 or points_TK2.shape[1:] != (GUIDE.num_points, 2) or not np.isfinite(points_TK2).all():
            raise InputError(f"expected finite points (T, {GUIDE.num_points}, 2), got {points_TK2.shape}")
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
            self._part(position, sheets[:, first : first + 2], shapes[slit.name], *self._slit_box(slit, points_TK2, BOX_MARGIN_UNIT))
        sampled = warp.sample(self.texture, position, self.texture_origin)
        smile = torch.from_numpy(shade.strength(points_TK2, self.points)).float().view(-1, 1, 1, 1)
        colours = sampled[:, :3].mul_(sampled[:, 3:4].mul_(smile).exp_())
        if self.closed is not None and motion.closing.any():
            rows, columns = self._slit_box(slits.MOUTH, points_TK2, FILL_MARGIN_UNIT)
            self._cover(colours[:, :, rows, columns], position[:, rows, columns], motion)
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

    def _slit_box(self, slit: slits.Slit, points_TK2: np.ndarray, margin_unit: float) -> tuple[slice, slice]:
        """Rows and columns of the support's box round all places the slit takes in these frames and in the photo."""
        every = np.concatenate([points_TK2[:, list(slit.inner)].reshape(-1, 2), self.points[list(slit.inner)]])
        margin = margin_unit * self.unit
        x0, y0, x1, y1 = self.box
        low, high = np.floor(every.min(0) - margin).astype(int), np.ceil(every.max(0) + margin).astype(int)
        left, right = np.clip((low[0] - x0, high[0] - x0), 0, x1 - x0)
        top, bottom = np.clip((low[1] - y0, high[1] - y0), 0, y1 - y0)
        return slice(int(top), int(bottom)), slice(int(left), int(right))

    def _part(self, position: torch.Tensor, pair: torch.Tensor, shape: slits.Shape, rows: slice, columns: slice) -> None:
        """Round a slit, blends the sheet above (pair[:, 0]) and the one below so that they part along the slit; in place."""
        at = self.pixels[rows, columns]
        if at.numel() == 0:
            return
        num, _, h, w, _ = pair.shape
        both = pair.permute(0, 1, 4, 2, 3).reshape(num, 4, h, w)
        above, below = self.upsampler.part(both, rows, columns).permute(0, 2, 3, 1).split(2, -1)
        share = slits.side(shape, *shape.local(at[None]), max(1.0, SOFT_UNIT * self.unit))[..., None]
        taper = self._taper(at.shape[0], at.shape[1])
        region = position[:, rows, columns]
        region += taper * (at + above + share * (below - above) - region)

    def _taper(self, height: int, width: int) -> torch.Tensor:
        """(H, W, 1): 1 inside a slit's box, falling to 0 at its border."""
        edge = 0.6 * BOX_MARGIN_UNIT * self.unit
        ramp = lambda n: torch.minimum(torch.arange(n) + 0.5, n - 0.5 - torch.arange(n)).div(edge).clamp(0, 1)  # noqa: E731
        t = torch.minimum(ramp(height)[:, None], ramp(width)[None])
        return (t * t * (3 - 2 * t))[..., None]

    def _cover(self, region: torch.Tensor, position: torch.Tensor, motion: skin.Motion) -> None:
        """Where an open mouth of the photo closes, lip takes the place of the teeth that its lips' edges still carry; in place."""
        assert self.closed is not None
        lip = warp.sample(self.closed[0], position, self.closed[1])
        closing = torch.from_numpy(support.smoothstep(motion.closing / 0.6)).float().view(-1, 1, 1, 1)
        region.lerp_(lip[:, :3], lip[:, 3:] * closing)

    def _fill(self, colours: torch.Tensor, slit: slits.Slit, shape: slits.Shape, motion: skin.Motion, rows: slice, columns: slice) -> None:
        """Paints what lies behind a slit: the photo's own eye or teeth, kept in place, or a mouth's interior; in place."""
        at = self.pixels[rows, columns][None].expand(len(motion.points), -1, -1, -1)
        if at.numel() == 0:
            return
        soft = max(1.0, SOFT_UNIT * self.unit)
        u, v = shape.local(at)
        shown = slits.opening(shape, u, v, soft)[:, None]
        region = colours[:, :, rows, columns]
        own_gap, gap = float(self.own[slit.name].gap()) / self.unit, shape.gap() / self.unit
        if slit is slits.MOUTH:
            # The photo's own teeth serve until the mouth opens to more than twice, and not at all where it was closed.
            keep = (3 - gap / max(own_gap, 1e-6)).clamp(0, 1) * float(np.clip((own_gap - 0.02) / 0.02, 0, 1))
            low, high = mouth.OPEN_UNIT
            open_ = torch.maximum(((gap - own_gap * (1 - keep) - low) / (high - low)).clamp(0, 1), keep)
            open_ = open_ * torch.from_numpy(1 - support.smoothstep((motion.closing - 0.8) / 0.15)).float()
        else:
            keep = torch.ones(len(gap))
            open_ = keep * float(np.clip((own_gap - 0.01) / 0.02, 0, 1))  # eyes closed in the photo have nothing behind them
        keep, shown = keep.view(-1, 1, 1, 1), shown * open_.view(-1, 1, 1, 1)
        behind = warp.sample(self.texture[:3], self._behind(slit, shape, motion, at), self.texture_origin) if keep.any() else 0.0
        if (keep < 1).any():
            behind = self.interior.paint(at, shape, motion.head).lerp_(torch.as_tensor(behind), keep)
        region += shown * (behind - region)
        if slit is slits.MOUTH and motion.closing.any():
            closed = torch.from_numpy(support.smoothstep((motion.closing - 0.6) / 0.4)).float().view(-1, 1, 1, 1)
            region *= 1 - closed * mouth.contact_shade(shape, u, v, self.unit)[:, None]

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
        return (low + high) / 2 + ((high - low) * 0.75 + support.FADE_UNIT * self.unit) * np.stack([np.cos(angle), np.sin(angle)], -1)


def ahead(work: Callable[[np.ndarray], np.ndarray], pieces: list[np.ndarray]) -> Iterator[np.ndarray]:
    """work(piece) of each piece, in order, as many at a time as torch has threads, each on a single one of them.

    Many small operations on two threads mostly wait for one another; two pieces side by side do not.
    """
    num = min(torch.get_num_threads(), len(pieces), MOST_WORKERS)
    if num < 2:
        yield from map(work, pieces)
        return
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(num, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        running = deque(pool.submit(work, piece) for piece in pieces[:num])
        try:
            for piece in [*pieces[num:], *[None] * num]:
                yield running.popleft().result()
                if piece is not None:
                    running.append(pool.submit(work, piece))
        finally:
            for future in running:
                future.cancel()
            torch.set_num_threads(threads)  # the workers' own setting also becomes that of threads to come
