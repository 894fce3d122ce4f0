"""Synthetic faces: the same person at every worker, size and run; exact points; one person's clips are of her, another's of another."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from limner import geometry
from limner.bench.synthetic import SEED, look, one_clip
from limner.data.prepare import prepare_faces
from limner.data.sources import smiles, synthetic_faces
from limner.data.sources.faces.draw import draw
from limner.data.sources.faces.looks import draw_look, draw_scene
from limner.data.store import Store
from limner.detect.face import FaceDetector
from limner.guides.face import GUIDE
from limner.measures import flicker, ssim
from limner.types import InputError


@pytest.fixture(scope="module")
def clips():
    return list(itertools.islice(synthetic_faces.person_clips(3, SEED, 64), 3))


def test_a_clip_is_what_prepare_writes(clips):
    for clip in clips:
        assert clip.frames.shape == (32, 64, 64, 3)
        assert clip.frames.dtype == np.uint8
        assert clip.points.shape == (32, 68, 2)
        assert clip.kind == "transition"
        assert float((clip.num_frames - 1) / clip.fps) == pytest.approx(clip.duration_s, rel=1e-3)
        # aligned by its first frame, on eyes and nose
        np.testing.assert_allclose(
            geometry.to_unit(clip.points[0].astype(np.float64), GUIDE), geometry.invert_affine(geometry.unit_to_map(GUIDE, 64)), atol=1e-5
        )
        assert np.abs(clip.au[0]).max() < 0.05  # begins neutral
        assert clip.au[-1, 1] > 1.5  # ends in a smile


def test_points_and_curves_are_the_corpus_own(clips):
    originals = [clip for clip in smiles.person_clips(3, SEED) if clip.kind == "transition"]
    for clip, original in zip(clips, originals):
        assert (clip.id, clip.subject, clip.split, clip.label) == (original.id, original.subject, original.split, original.label)
        np.testing.assert_allclose(clip.au[[0, -1]], original.au[[0, -1]], atol=1e-5)
        for t, of in ((0, 0), (-1, -1)):
            np.testing.assert_allclose(geometry.align(clip.points[t], GUIDE), geometry.align(original.points[of], GUIDE), atol=1e-3)


def test_what_does_not_move_stands_still():
    look_, scene = draw_look(5, SEED), draw_scene(5, 0, 0, SEED)
    clip = next(synthetic_faces.person_clips(5, SEED, 64))
    frames = draw(np.repeat(clip.points[:1], 3, 0), np.zeros((3, 2), np.float32), look_, scene, 64)
    assert flicker(frames) == 0
    np.testing.assert_array_equal(frames[0], frames[2])


def test_two_people_are_two_people_and_one_stays_herself(clips):
    others = [next(synthetic_faces.person_clips(index, SEED, 64)) for index in (4, 6, 7)]
    face = (slice(16, 52), slice(16, 48))
    own = np.mean([ssim(a.frames[0][face], b.frames[0][face]) for a, b in itertools.combinations(clips, 2)])
    apart = np.mean([ssim(clips[0].frames[0][face], other.frames[0][face]) for other in others])
    assert own > apart + 0.1


def test_a_smile_changes_the_mouth_most():
    clip = next(c for c in synthetic_faces.person_clips(3, SEED, 64) if c.au[-1, 1] > 2.5)
    change = np.abs(clip.frames[-1].astype(float) - clip.frames[0]).mean(-1)
    assert change[42:56, 18:46].mean() > 2 * change[4:18, 18:46].mean()


def test_a_detector_finds_them_and_their_points_lie_where_they_should():
    hits, errors = look([one_clip(index, 64) for index in range(4)], FaceDetector())
    assert np.mean(hits) >= 0.75
    assert 100 * np.mean(errors) < 6


def test_the_store_is_the_same_for_any_number_of_workers_and_goes_on(tmp_path, monkeypatch):
    options = {"people": 10, "size": 32, "limit": 11, "quiet": True}
    one = prepare_faces(tmp_path / "one", **options)
    assert len(one) == 11
    two = prepare_faces(tmp_path / "two", workers=2, **options)
    assert one.table["hash"] == two.table["hash"]
    monkeypatch.setattr("limner.data.prepare.FRAMES_PER_SHARD", 2 * 32 // 4)  # shards of two clips at this size
    calls = itertools.count()
    original = synthetic_faces.draw_scene

    def cut(*arguments):
        if next(calls) == 9:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(synthetic_faces, "draw_scene", cut)
    with pytest.raises(KeyboardInterrupt):
        prepare_faces(tmp_path / "cut", **options)
    assert 0 < len(Store(tmp_path / "cut")) < 11
    monkeypatch.setattr(synthetic_faces, "draw_scene", original)
    assert prepare_faces(tmp_path / "cut", **options).table["hash"] == one.table["hash"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 16}, "--size 16: it must be at least 32 and at most 512"),
        ({"limit": 0}, "--limit 0: it must be at least 1"),
        ({"workers": 0}, "--workers 0: it must be at least 1"),
        ({"people": 3}, "--people 3: at least 10 are needed"),
    ],
)
def test_what_cannot_be_made_is_said(tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        prepare_faces(tmp_path / "store", **options)
