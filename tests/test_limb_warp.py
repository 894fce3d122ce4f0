"""Limbs carried from skeleton to skeleton: by hand on a forearm of one colour, as identity, as a shift and a turn, and what is refused."""

import numpy as np
import pytest
import torch

from limner.guides import face
from limner.guides.body import ELBOW_R, GUIDE, WRIST_R
from limner.limb_warp import carry, closed

SIZE = 96


def standing(scale=18.0, at=(48.0, 44.0)):
    """(1, 18, 2): the guide's own skeleton, a torso `scale` pixels long."""
    return torch.from_numpy(GUIDE.canonical * scale + np.array(at, np.float32))[None]


def known(*missing):
    found = torch.ones(1, 18, dtype=torch.bool)
    found[:, list(missing)] = False
    return found


def ramp():
    """A picture whose red says x, whose green says y, in -1..1."""
    side = (torch.arange(SIZE) + 0.5) * 2 / SIZE - 1
    return torch.stack([side.expand(SIZE, SIZE), side[:, None].expand(SIZE, SIZE), torch.zeros(SIZE, SIZE)])[None]


def on_bones(points):
    """Rows and columns of pixels on the limbs: their middles."""
    x, y = torch.stack([(points[0, line[0]] + points[0, line[-1]]) / 2 for line in (GUIDE.lines[name] for name in GUIDE.flesh)]).long().T
    return y, x


def test_the_same_skeleton_keeps_its_limbs_and_what_is_far_from_them():
    picture = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    carried = carry(picture, standing(), standing(), known(), GUIDE)
    y, x = on_bones(standing())
    assert (carried - picture)[..., y, x].abs().max() < 0.05
    assert (carried - picture)[..., :12].abs().max() < 1e-5


def test_who_steps_aside_leaves_the_background():
    """A white figure before a wall that darkens downward."""
    wall = ramp() * 0.2
    wall[:, 0] = 0.0
    own, there = standing(12.0, (26.0, 44.0)), standing(12.0, (68.0, 44.0))
    mask = carry(torch.ones(1, 3, SIZE, SIZE), own, own, known(), GUIDE)  # only to say that ones stay ones
    torch.testing.assert_close(mask, torch.ones_like(mask))
    white, wanted = (laid(wall, points) for points in (own, there))
    carried = carry(white, own, there, known(), GUIDE)
    y, x = on_bones(own)
    assert (white - wall)[..., y, x].abs().max() > 0.9
    assert (carried - wall)[..., y, x].abs().max() < 0.15  # the wall has closed over it
    y, x = on_bones(there)
    assert (carried - wanted)[..., y, x].abs().max() < 0.1  # and there it stands


def laid(picture, points):
    """White limbs on a picture, as thin as half their reach."""
    from limner.raster import draw

    lines = {name: GUIDE.lines[name] for name in GUIDE.flesh}
    return torch.lerp(picture, torch.ones_like(picture), draw(points, lines, SIZE, width_px=3.0))


def test_holes_close_over_by_hand():
    flat = torch.full((1, 1, 5, 7), 0.3)
    kept = torch.ones(1, 1, 5, 7)
    kept[..., 1:4, 2:5] = 0
    torch.testing.assert_close(closed(flat * kept, kept), flat)
    assert torch.equal(closed(flat, torch.ones_like(flat)), flat)
    assert torch.equal(closed(flat, torch.zeros_like(flat)), torch.zeros_like(flat))
    two = torch.tensor([[[[1.0, 9.0]]]])
    assert closed(two, torch.tensor([[[[1.0, 0.0]]]])).tolist() == [[[[1.0, 0.0]]]]  # a row one pixel high has no coarser one
    four = torch.tensor([[[[1.0, 3.0], [9.0, 9.0]]]])
    got = closed(four, torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]]))
    torch.testing.assert_close(got, torch.tensor([[[[1.0, 3.0], [2.0, 2.0]]]]))  # the mean of what is known


def test_a_forearm_turns_about_its_elbow_and_brings_its_colours():
    own, there = standing(), standing()
    bone = own[0, WRIST_R] - own[0, ELBOW_R]
    there[0, WRIST_R] = there[0, ELBOW_R] + torch.stack([bone[1], -bone[0]])  # a quarter turn
    moved = carry(ramp(), own, there, known(), GUIDE)
    for share in (0.3, 0.6, 1.0):
        (x, y), wanted = (own[0, ELBOW_R] + share * (b[0, WRIST_R] - own[0, ELBOW_R]) for b in (there, own))
        got = (moved[0, :2, int(y), int(x)] + 1) * SIZE / 2  # where this pixel's colour comes from
        assert (got - wanted).abs().max() < 1.0, share
    torch.testing.assert_close(moved[..., :10], ramp()[..., :10], atol=1e-5, rtol=0)  # far from it nothing moves


def test_who_steps_aside_and_comes_nearer_is_shifted_and_grows():
    own, there = standing(12.0, (30.0, 44.0)), standing(18.0, (60.0, 46.0))
    moved = carry(ramp(), own, there, known(), GUIDE)
    for name in ("thigh_left", "upper_arm_right", "trunk_left"):
        start, stop = GUIDE.lines[name]
        x, y = (there[0, start] + there[0, stop]) / 2 + torch.tensor([0.0, 2.0])
        wanted = (own[0, start] + own[0, stop]) / 2 + torch.tensor([0.0, 2.0]) * 12 / 18
        got = (moved[0, :2, int(y), int(x)] + 1) * SIZE / 2
        assert (got - wanted).abs().max() < 1.0, name


def test_limbs_that_are_not_known_stay_out():
    own, there = standing(), standing()
    there[0, WRIST_R] += torch.tensor([-8.0, -20.0])
    still = carry(ramp(), own, own, known(WRIST_R), GUIDE)
    plain, without = (carry(ramp(), own, there, each, GUIDE) for each in (known(), known(WRIST_R)))
    assert (plain - still).abs().max() > 0.1
    assert torch.equal(without, still)
    there[0, WRIST_R] = torch.nan
    assert torch.equal(carry(ramp(), own, there, known(), GUIDE), still)
    unsized = carry(ramp(), own, standing(25.0), known(*GUIDE.unit_ends[0]), GUIDE)
    assert torch.equal(unsized, ramp())


def test_a_bone_seen_from_its_end_gives_numbers():
    own, there = standing(), standing()
    own[0, WRIST_R] = own[0, ELBOW_R]
    there[0, WRIST_R] = there[0, ELBOW_R] + torch.tensor([9.0, 0.0])
    for a, b in ((own, there), (there, own)):
        assert torch.isfinite(carry(ramp(), a, b, known(), GUIDE)).all()


def test_what_is_refused():
    with pytest.raises(ValueError, match="the guide 'face' does not say how far its limbs reach"):
        carry(ramp(), torch.zeros(1, 68, 2), torch.zeros(1, 68, 2), torch.ones(1, 68, dtype=torch.bool), face.GUIDE)
    with pytest.raises(ValueError, match=r"expected points \(N, 18, 2\)"):
        carry(ramp(), standing(), torch.zeros(1, 17, 2), known(), GUIDE)
