"""Limbs of a picture carried from one skeleton to another, in plain torch: a first guess of a person in another pose.

Each limb is a capsule about its bone and moves with it (Siarohin et al., "Deformable GANs for Pose-based Human Image Generation", CVPR
2018, move a network's features so; here the picture itself moves). Sampling is backward: a place of the new limb, so far along the bone
and so far across it, takes its colour from the same place of the old one.

Shapes: N batch, K points, S limbs, H W pixels. Pixel centres lie at integers + 0.5.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from limner.types import Guide

SHORTEST_PX = 1e-3  # of a bone: below, it has no direction


def carry(
    picture_N3HW: torch.Tensor, own_NK2: torch.Tensor, points_NK2: torch.Tensor, known_NK: torch.Tensor, guide: Guide
) -> torch.Tensor:
    """(N, 3, H, W) pictures whose skeletons are `own` -> the same with the limbs where `points` has them; elsewhere as they were.

    own, points: (N, K, 2) pixels. known: (N, K) bool, joints that both skeletons have; a limb with an end that is not known stays out, and
    so do all where the guide's unit is not known. Limbs are laid on one another in the order of `guide.flesh`. The old limb stays too:
    what lies behind it no picture tells. ValueError: a guide without flesh, points of another number.
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

    height, width = picture_N3HW.shape[-2:]
    y, x = (torch.arange(side, device=points_NK2.device, dtype=points_NK2.dtype) + 0.5 for side in (height, width))
    along, across, length = _to_bone(torch.stack(torch.meshgrid(x, y, indexing="xy"), -1), points_NK2[:, starts], points_NK2[:, stops])
    flesh_S2 = points_NK2.new_tensor(list(guide.flesh.values()))
    radius = (flesh_S2[:, 0] * unit_N[:, None])[..., None, None]
    reach = length + (flesh_S2[:, 1] * unit_N[:, None])[..., None, None]
    # 1 within a limb, a half at its skin, soon 0 without: 2^-(d / r)^4
    apart = torch.hypot(across, along - torch.minimum(along.clamp_min(0), reach)) / radius.clamp_min(SHORTEST_PX)
    share = torch.exp2(-(apart**4)) * there_NS[..., None, None]

    scale = (own_unit_N / unit_N.clamp_min(SHORTEST_PX))[:, None, None, None]
    sources = _from_bone(along, across, length, scale, own_NK2[:, starts], own_NK2[:, stops])
    grid = 2 * sources / sources.new_tensor([width, height]) - 1
    limbs = F.grid_sample(
        picture_N3HW.repeat_interleave(len(ends), 0), grid.flatten(0, 1), padding_mode="border", align_corners=False
    ).unflatten(0, (-1, len(ends)))
    carried = picture_N3HW
    for s in range(len(ends)):
        carried = torch.lerp(carried, limbs[:, s], share[:, s : s + 1])
    return carried


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
