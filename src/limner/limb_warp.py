"""Limbs of a picture carried from one skeleton to another, in plain torch: a first guess of a person in another pose.

Each limb is a capsule about its bone and moves with it (Siarohin et al., "Deformable GANs for Pose-based Human Image Generation", CVPR
2018, move a network's features so; here the picture itself moves). Sampling is backward: a place of the new limb, so far along the bone
and so far across it, takes its colour from the same place of the old one. Where the old limbs were, what lies round them closes in.

Shapes: N batch, K points, S limbs, H W pixels. Pixel centres lie at integers + 0.5.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from limner.types import Guide

SHORTEST_PX = 1e-3  # of a bone: below, it has no direction
STILL = 0.02  # ours: units; a limb whose ends move less stays the picture's own the more, the less it moves
CLEARED = 0.12  # ours: units beyond its reach an old limb is taken out: a foot's tip, hair; of 0.1 to 0.3 the least give the best SSIM


def carry(
    picture_N3HW: torch.Tensor, own_NK2: torch.Tensor, points_NK2: torch.Tensor, known_NK: torch.Tensor, guide: Guide
) -> torch.Tensor:
    """(N, 3, H, W) pictures whose skeletons are `own` -> the same with the limbs where `points` has them; elsewhere as they were.

    own, points: (N, K, 2) pixels. known: (N, K) bool, joints that both skeletons have; a limb with an end that is not known stays out, and
    so do all where the guide's unit is not known. Limbs that move are laid on one another in the order of `guide.flesh`, over the picture
    with the old ones taken out. ValueError: a guide without flesh, points of another number.
    """
    if not guide.flesh:
        raise ValueError(f"the guide {guide.name!r} does not say how far its limbs reach")
    for points in (own_NK2, points_NK2):
        if points.shape[1:] != (guide.num_points, 2):
            raise ValueError(f"expected points (N, {guide.num_points}, 2), got {tuple(points.shape)}")
    known_NK = known_NK & torch.isfinite(own_NK2).all(-1) & torch.isfinite(points_NK2).all(-1)
    own_NK2, points_NK2 = (torch.where(known_NK[..., None], points, torch.zeros_like(points)) for points in (own_NK2, points_NK2))
    ends = [(guide.lines[name][0], guide.lines[name][-1]) for name in guide.flesh]
    starts, stops = ([end[side] for end in ends] for side in (0, 1))
    unit_N, own_unit_N = _unit(points_NK2, guide), _unit(own_NK2, guide)
    sized_N = known_NK[:, [k for place in guide.unit_ends for k in place]].all(-1) & (unit_N > SHORTEST_PX) & (own_unit_N > SHORTEST_PX)
    there_NS = known_NK[:, starts] & known_NK[:, stops] & sized_N[:, None]
    way_NK = (points_NK2 - own_NK2).norm(dim=-1) / unit_N.clamp_min(SHORTEST_PX)[:, None]
    moved_NS = (torch.maximum(way_NK[:, starts], way_NK[:, stops]) / STILL).clamp_max(1)
    moving, resting = ((there_NS * share)[..., None, None] for share in (moved_NS, 1 - moved_NS))

    height, width = picture_N3HW.shape[-2:]
    y, x = (torch.arange(side, device=points_NK2.device, dtype=points_NK2.dtype) + 0.5 for side in (height, width))
    places_HW2 = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
    bones, own_bones = ((each[:, starts], each[:, stops]) for each in (points_NK2, own_NK2))
    reach_NS2, own_reach_NS2 = (each[:, None, None] * points_NK2.new_tensor(list(guide.flesh.values())) for each in (unit_N, own_unit_N))
    was = _to_bone(places_HW2, *own_bones)
    left = 1 - _shares(*was, own_reach_NS2 + CLEARED * own_unit_N[:, None, None]) * moving
    stays = 1 - _shares(*was, own_reach_NS2) * resting
    carried = closed(picture_N3HW, 1 - (1 - left.prod(1, keepdim=True)) * stays.prod(1, keepdim=True))

    along, across, length = _to_bone(places_HW2, *bones)
    share = _shares(along, across, length, reach_NS2) * moving
    scale = (own_unit_N / unit_N.clamp_min(SHORTEST_PX))[:, None, None, None]
    sources = _from_bone(along, across, length, scale, *own_bones)
    grid = 2 * sources / sources.new_tensor([width, height]) - 1
    limbs = F.grid_sample(
        picture_N3HW.repeat_interleave(len(ends), 0), grid.flatten(0, 1), padding_mode="border", align_corners=False
    ).unflatten(0, (-1, len(ends)))
    for s in range(len(ends)):
        carried = torch.lerp(carried, limbs[:, s], share[:, s : s + 1])
    return carried


def closed(picture_NCHW: torch.Tensor, kept_N1HW: torch.Tensor) -> torch.Tensor:
    """Pictures, and how much of each pixel stays, 0..1 -> the same with what does not stay closed over from round it: from the finest of
    ever coarser pictures that knows it (push-pull, Gortler et al., "The Lumigraph", 1996). A picture of which nothing stays is 0."""
    if min(picture_NCHW.shape[-2:]) == 1:
        return picture_NCHW * (kept_N1HW > 0)
    pooled = {"kernel_size": 2, "ceil_mode": True, "count_include_pad": False}
    share = F.avg_pool2d(kept_N1HW, **pooled)
    coarse = F.avg_pool2d(picture_NCHW * kept_N1HW, **pooled) / share.clamp_min(1e-6)
    behind = closed(coarse, (4 * share).clamp_max(1))
    behind = F.interpolate(behind, size=picture_NCHW.shape[-2:], mode="bilinear", align_corners=False)
    return torch.lerp(behind, picture_NCHW, kept_N1HW)


def _shares(along: torch.Tensor, across: torch.Tensor, length: torch.Tensor, reach_NS2: torch.Tensor) -> torch.Tensor:
    """1 within a limb, a half at its skin, soon 0 without: 2^-(d / r)^4. reach: (N, S, 2) pixels across the bone, beyond its end."""
    radius, beyond = reach_NS2[..., None, None].unbind(2)
    apart = torch.hypot(across, along - torch.minimum(along.clamp_min(0), length + beyond)) / radius.clamp_min(SHORTEST_PX)
    return torch.exp2(-(apart**4))


def _unit(points_NK2: torch.Tensor, guide: Guide) -> torch.Tensor:
    """As `geometry.unit_length`, of tensors; -> (N,)."""
    start, end = (points_NK2[:, list(places)].mean(1) for places in guide.unit_ends)
    return (end - start).norm(dim=-1)


def _bone(start_NS2: torch.Tensor, stop_NS2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """-> a bone's direction (N, S, 1, 1, 2), of length 1, and its length (N, S, 1, 1)."""
    bone = stop_NS2 - start_NS2
    length_NS = bone.norm(dim=-1)
    return (bone / length_NS[..., None].clamp_min(SHORTEST_PX))[:, :, None, None], length_NS[..., None, None]


def _to_bone(places_HW2: torch.Tensor, start_NS2: torch.Tensor, stop_NS2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Places -> how far along each bone from its start, and how far across it, both (N, S, H, W); and the bones' lengths."""
    direction, length = _bone(start_NS2, stop_NS2)
    rel = places_HW2 - start_NS2[:, :, None, None]
    along = (rel * direction).sum(-1)
    across = direction[..., 0] * rel[..., 1] - direction[..., 1] * rel[..., 0]
    return along, across, length


def _from_bone(
    along: torch.Tensor,
    across: torch.Tensor,
    length: torch.Tensor,
    scale: torch.Tensor,
    start_NS2: torch.Tensor,
    stop_NS2: torch.Tensor,
) -> torch.Tensor:
    """The inverse for other bones; -> (N, S, H, W, 2). Within a bone its length is stretched; beyond it, and across, `scale` counts."""
    direction, own_length = _bone(start_NS2, stop_NS2)
    within = torch.minimum(along.clamp_min(0), length)
    far = (within * (own_length / length.clamp_min(SHORTEST_PX)) + (along - within) * scale)[..., None]
    aside = torch.stack([-direction[..., 1], direction[..., 0]], -1)
    return start_NS2[:, :, None, None] + far * direction + (across * scale)[..., None] * aside
