"""Limbs carried from skeleton to skeleton: by hand on a forearm of one colour, as identity, as a shift and a turn, and what is refused."""

import numpy as np
import pytest
import torch

from limner.guides import face
from limner.guides.body import ELBOW_R, GUIDE, WRIST_R
from limner.limb_warp import carry

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


def test_the_same_skeleton_moves_nothing():
    picture = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(carry(picture, standing(), standing(), known(), GUIDE), picture, atol=1e-5, rtol=0)


def test_a_forearm_turns_about_its_elbow_and_brings_its_colours():
    own, there = standing(), standing()
    bone = own[0, WRIST_R] - own[0, ELBOW_R]
    there[0, WRIST_R] = there[0, ELBOW_R] + torch.stack([bone[1], -bone[0]])  # a quarter turn
    moved = carry(ramp(), own, there, known(), GUIDE)
    for share in (0.3, 0.6, 1.0):
        (x, y), wanted = (own[0, ELBOW_R] + share * (b[0, WRIST_R] - own[0, ELBOW_R]) for b in (there, own))
        got = (moved[0, :2, int(y), int(x)] + 1) * SIZE / 2  # where this pixel's colour comes from
        assert (got - wanted).abs().max() < 1.0, share
    assert torch.equal(moved[..., :10], ramp()[..., :10])  # far from it nothing moves


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
    plain, without = (carry(ramp(), own, there, each, GUIDE) for each in (known(), known(WRIST_R)))
    assert (plain - ramp()).abs().max() > 0.1
    torch.testing.assert_close(without, ramp(), atol=1e-5, rtol=0)
    there[0, WRIST_R] = torch.nan
    torch.testing.assert_close(carry(ramp(), own, there, known(), GUIDE), ramp(), atol=1e-5, rtol=0)
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
