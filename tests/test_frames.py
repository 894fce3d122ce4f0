"""Frames out of a store: the neutral frame beside any frame of its clip, mirrored and shifted alike, and what does not fit."""

import numpy as np
import pytest
import torch

from drawn_faces import drawn_store
from limner import geometry, raster
from limner.data.frames import Frames, shifted
from limner.data.prepare import prepare_smiles
from limner.data.store import Store
from limner.guides.face import GUIDE
from limner.media.pictures import resize
from limner.training.loop import generator_of
from limner.types import InputError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return drawn_store(tmp_path_factory.mktemp("frames") / "store", people=10)


@pytest.fixture(scope="module")
def frames(store):
    return Frames(store, split="train", size=32, guide=GUIDE)


def test_a_sample_is_a_frame_its_neutral_frame_and_its_points(store, frames):
    assert len(frames) == 8 * 2 * 8  # training people, labels, frames
    drawn = frames.draw(6, generator_of(0))
    assert drawn["neutral"].shape == drawn["frames"].shape == (6, 3, 32, 32)
    assert drawn["neutral"].dtype == torch.uint8
    for neutral, frame, points in zip(drawn["neutral"], drawn["frames"], drawn["points"]):
        of = [i for i in store.select(split="train") if np.array_equal(store[i].frames[0], neutral.permute(1, 2, 0).numpy())]
        at = [(i, t) for i in of for t in range(8) if np.array_equal(store[i].frames[t], frame.permute(1, 2, 0).numpy())]
        assert any(np.allclose(store[i].points[t], points) for i, t in at)


def test_the_same_generator_draws_the_same_and_people_stay_in_their_split(store, frames):
    first, same, other = (frames.draw(4, generator_of(seed), flip=True, jitter=2) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["frames"], other["frames"])
    assert not set(frames.subjects) & set(Frames(store, split="val", size=32, guide=GUIDE).subjects)


def test_frames_read_when_drawn_are_those_held_in_memory(store, frames):
    read = Frames(store, split="train", size=32, guide=GUIDE, in_memory=0)
    assert read.pixels is None
    first, same = (one.draw(5, generator_of(3), flip=True, jitter=1) for one in (frames, read))
    assert all(torch.equal(first[name], same[name]) for name in first)


def test_points_follow_the_picture_when_it_is_mirrored_and_shifted(frames):
    plain = frames.draw(64, generator_of(5))
    moved = frames.draw(64, generator_of(5), flip=True, jitter=3)
    kinds = set()
    for before, after, p, q in zip(plain["frames"], moved["frames"], plain["points"], moved["points"]):
        picture, mirrored = before.permute(1, 2, 0).numpy(), geometry.mirror(p.numpy(), GUIDE, 32)
        for flip, (source, points) in enumerate(((picture, p.numpy()), (picture[:, ::-1], mirrored))):
            shift = (q.numpy() - points).mean(0).round()
            if np.allclose(q.numpy() - points, shift, atol=1e-4) and np.array_equal(
                shifted(source, shift.astype(int)), after.permute(1, 2, 0)
            ):
                kinds.add((flip, *shift))
                break
        else:
            pytest.fail("no flip and shift of the frame explains both the picture and its points")
    assert {flip for flip, *_ in kinds} == {0, 1}
    assert {x for _, x, _ in kinds} == {-3, -2, -1, 0, 1, 2, 3}


def test_a_shift_by_hand():
    picture = np.arange(9).reshape(3, 3, 1).repeat(3, -1)
    assert shifted(picture, np.array([1, 0]))[..., 0].tolist() == [[0, 0, 1], [3, 3, 4], [6, 6, 7]]
    assert shifted(picture, np.array([0, -2]))[..., 0].tolist() == [[6, 7, 8], [6, 7, 8], [6, 7, 8]]


def test_larger_frames_come_down_and_their_points_with_them(tmp_path):
    store = drawn_store(tmp_path / "large", people=1, size=64)
    small = Frames(store, split="train", size=32, guide=GUIDE)
    assert np.array_equal(small.picture(3), resize(store[0].frames[3], (32, 32)))
    assert np.allclose(small.points[3], store[0].points[3] / 2)
    ink = raster.draw(torch.from_numpy(small.points[:1]), {"lip": GUIDE.lines["lip_outer"]}, 32)[0, 0].numpy() > 0
    reddish = small.picture(0)[..., 0].astype(int) - small.picture(0)[..., 1]
    assert reddish[ink].mean() > reddish.mean() + 30  # the points lie on the lips still


def test_what_does_not_fit_is_one_line(store, tmp_path):
    with pytest.raises(InputError, match=r"are 32 pixels large, the recipe asks for 64; prepare the store with --size 64, or take"):
        Frames(store, split="train", size=64, guide=GUIDE)
    prepare_smiles(tmp_path / "points", people=10, seed=0, quiet=True)
    with pytest.raises(InputError, match="has no clip with frames in split 'train'; a translation learns from pixels"):
        Frames(Store(tmp_path / "points"), split="train", size=64, guide=GUIDE)
