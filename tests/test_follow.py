"""A person followed both ways by a detector that sees what it is told; and MoveNet on real strips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limner.data.follow import ENLARGED_PX, follow
from limner.data.sources import strips
from limner.detect.movenet import MoveNet
from limner.guides.body import CANONICAL
from limner.types import Body, InputError

SHARED = Path(__file__).parents[2] / "shared"
MODEL = SHARED / "models" / "movenet_single_pose_lightning_ptq.tflite"


class Told:
    """Frames carry their number in their first pixel; the person stands at a place that goes with it, and is seen in some of them."""

    def __init__(self, seen: set[int], first_seen: set[int]):
        self.seen, self.first_seen, self.sizes = seen, first_seen, set()

    def body(self, pixels: np.ndarray) -> Body:
        t = int(pixels[0, 0, 0])
        points = np.array(CANONICAL) * 60 + (200 + 3 * t, 200)
        return Body(points=points, confidence=np.full(18, 0.9), box=(0, 0, 1, 1))

    def bodies(self, pixels: np.ndarray) -> list[Body]:
        self.sizes.add(pixels.shape)
        return [self.body(pixels)] if int(pixels[0, 0, 0]) in self.first_seen else []

    def start(self, pixels: np.ndarray, body: Body) -> None:
        pass

    def see(self, pixels: np.ndarray) -> Body | None:
        return self.body(pixels) if int(pixels[0, 0, 0]) in self.seen else None


def frames(num: int, side: int = 96) -> list[np.ndarray]:
    return [np.full((side, side, 3), t, np.uint8) for t in range(num)]


def test_what_is_lost_forwards_is_found_backwards():
    """The search finds the person only from frame 12 on: the frames before are seen from behind."""
    finder = Told(seen=set(range(24)) - {17, 18}, first_seen=set(range(12, 24)) - {17, 18})
    found = follow(frames(24), finder, 25.0)
    assert finder.sizes == {(ENLARGED_PX, ENLARGED_PX, 3)}
    assert found.seen.sum() == 22
    assert (found.confidence[:, 4] > 0).all()  # two frames are a short gap: filled, half as sure
    assert found.confidence[17, 4] == pytest.approx(0.45)
    scale = 96 / ENLARGED_PX
    np.testing.assert_allclose(found.points[:, 1, 0], (200 + 3 * np.arange(24)) * scale, atol=0.05)  # straight motion stays what it is


def test_nobody_is_nobody():
    found = follow(frames(5), Told(seen=set(), first_seen=set()), 25.0)
    assert not found.seen.any()
    assert (found.confidence == 0).all()
    assert np.isfinite(found.points).all()


@pytest.mark.skipif(not MODEL.exists(), reason="../shared/models is not there")
def test_movenet_reads_a_real_strip():
    [raw] = [raw for raw in strips.index(SHARED / "data" / "bodies" / "weizmann64", test="03") if raw.id == "wave_two_hands_03"]
    pixels = np.array(Image.open(raw.path).convert("RGB").crop((10 * 64, 0, 11 * 64, 64)))
    points, confidence = MoveNet(MODEL).read(pixels, np.array([32.0, 32.0]), 64.0)
    assert confidence[2:14].mean() > 0.5
    assert points[[4, 7], 1].max() < points[1, 1]  # both hands are over the shoulders
    assert points[[10, 13], 1].min() > 50  # the feet are at the bottom


def test_what_is_no_model_is_one_line(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        MoveNet(tmp_path / "none.tflite").read(np.zeros((8, 8, 3), np.uint8), np.array([4.0, 4]), 8)
    (tmp_path / "bad.tflite").write_bytes(b"no model")
    with pytest.raises(InputError, match="no TensorFlow Lite model"):
        MoveNet(tmp_path / "bad.tflite").read(np.zeros((8, 8, 3), np.uint8), np.array([4.0, 4]), 8)
