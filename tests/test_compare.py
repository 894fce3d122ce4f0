"""Two stores compared: a perfect imitation, a frozen one, and what cannot be compared."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from limner import geometry
from limner.data.clips import crop, crop_matrix
from limner.data.store import Store, StoreWriter
from limner.detect.face import FaceDetector
from limner.evaluation.compare import Scores, compare
from limner.generation.render import WarpRenderer
from limner.types import Clip, Face, InputError

NUM = 5


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


@pytest.fixture(scope="module")
def real(astronaut, detector, tmp_path_factory) -> Store:
    """One real face at 64 px whose mouth closes: her smile goes back by hand-made points, drawn by the warp."""
    face = detector.faces(astronaut)[0]
    matrix = crop_matrix(face.points, 64)
    frame, points = crop(astronaut, matrix, 64), geometry.apply_affine(matrix, face.points).astype(np.float32)
    moving = np.repeat(points[None], NUM, 0)
    for corner, way in ((48, 1), (60, 1), (54, -1), (64, -1)):
        moving[:, corner] += np.linspace(0, 1, NUM)[:, None] * np.array([2.0 * way, 1.5])
    low, high = points.min(0), points.max(0)
    at = Face(points=points, box=(low[0], low[1], high[0], high[1]), confidence=1.0)
    frames = np.stack(list(WarpRenderer(frame, at).render(moving)))
    path = tmp_path_factory.mktemp("stores") / "real"
    return written(path, [clip("anna", moving, frames), clip("bea", moving, frames[:, :, ::-1].copy())])


def clip(name: str, points: np.ndarray, frames: np.ndarray | None) -> Clip:
    size, ones = (64, 64), np.ones(points.shape[:2], np.float32)
    shared = {"source": "test", "split": "test", "label": "posed", "fps": Fraction(25), "duration_s": 0.16, "size": size}
    return Clip(id=name, subject=name, points=points, confidence=ones, frames=frames, **shared)


def written(path, clips) -> Store:
    with StoreWriter(path) as writer:
        for one in clips:
            writer.add(one)
    return Store(path)


def imitation(real: Store, path, change, *, names=("mode_1",)) -> Store:
    return written(path, [replace(one, id=f"{one.id}/{name}", frames=change(one, k)) for one in real for k, name in enumerate(names)])


def test_a_perfect_imitation_scores_perfectly(real, detector, tmp_path):
    table = compare(real, imitation(real, tmp_path / "same", lambda one, k: one.frames), detector).table()
    assert table["ssim"]["mean"] == pytest.approx(1)
    assert table["mouth_ssim"]["mean"] == pytest.approx(1)
    assert table["flicker_ratio"]["mean"] == pytest.approx(1)
    assert table["au12_distance"]["mean"] == table["landmark_error_pct"]["mean"] == table["au12_mean_curve"]["mean"] == 0
    assert table["jitter"]["mean"] == pytest.approx(table["jitter_real"]["mean"])
    assert "modes_apart" not in table  # a single mode has no distance


def test_a_frozen_face_is_told_from_a_moving_one(real, detector, tmp_path):
    frozen = imitation(real, tmp_path / "frozen", lambda one, k: np.repeat(one.frames[:1], NUM, 0))
    table = compare(real, frozen, detector).table()
    assert table["mouth_ssim"]["mean"] < 0.95
    assert table["mouth_ssim"]["mean"] < table["ssim"]["mean"] < 1  # it is the mouth that moves
    assert table["landmark_error_pct"]["mean"] > 0.3
    assert table["flicker_ratio"]["mean"] == 0


def test_modes_their_mean_their_best_and_their_distance(real, detector, tmp_path):
    def change(one, k):
        return one.frames if k == 0 else np.repeat(one.frames[:1], NUM, 0)

    table = compare(real, imitation(real, tmp_path / "two", change, names=("mode_1", "mode_2")), detector).table()
    assert table["mouth_ssim_best"]["mean"] == pytest.approx(1)
    assert table["mouth_ssim"]["mean"] < table["mouth_ssim_best"]["mean"]
    assert table["modes_apart_px"]["mean"] > 1
    assert table["modes_apart"]["mean"] > 0


def test_a_face_that_is_lost_is_counted(real, detector, tmp_path):
    grey = imitation(real, tmp_path / "grey", lambda one, k: np.full_like(one.frames, 128))
    scores = compare(real, grey, detector)
    assert scores.lost == 2
    assert "au12_distance" not in scores.table()


def test_the_interval_is_over_people_not_clips():
    scores = Scores()
    for person, value in (("anna", 1.0), ("anna", 1.0), ("anna", 1.0), ("bea", 0.0)):
        scores.add("ssim", value, person)
    assert scores.table()["ssim"] == {"mean": 0.5, "low": 0.0, "high": 1.0, "n": 4}


def test_what_cannot_be_compared_is_said(real, detector, tmp_path):
    stranger = written(tmp_path / "stranger", [replace(real[0], id="carla/mode_1", subject="carla")])
    with pytest.raises(InputError, match=r"clip 'carla/mode_1' of store .* was made from no clip of"):
        compare(real, stranger, detector)
    bare = written(tmp_path / "bare", [replace(real[0], id="anna/mode_1", frames=None)])
    with pytest.raises(InputError, match="has no pixels: clip 'anna/mode_1' is points alone"):
        compare(real, bare, detector)
