"""People in real photographs: where their joints are, who is found, and what is said where nobody is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from limner.detect.body import BodyDetector, missing_parts, pick_body
from limner.geometry import unit_length
from limner.guides.body import GUIDE
from limner.media.pictures import read_picture
from limner.media.poses.layouts import convert
from limner.types import Body, InputError

DATA = Path(__file__).parents[2] / "shared" / "data" / "annotations"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not there")


@pytest.fixture(scope="module")
def detector() -> BodyDetector:
    return BodyDetector()


def annotated(number: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The people that COCO's annotators marked in a picture, most joints first: points (18, 2), confidence (18,)."""
    marked = json.loads((DATA / "coco" / "test_coco.json").read_text())["annotations"]
    rows = [np.array(item["keypoints"], float).reshape(17, 3) for item in marked if item["image_id"] == number and item["num_keypoints"]]
    return [convert("coco-17", row[:, :2], row[:, 2] / 2) for row in rows]


def apart(body: Body, points: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Distance of each joint that both know, in torsos."""
    both = (known > 0) & (body.confidence > 0)
    torso = max(float(unit_length(body.points, GUIDE)), np.ptp(points[both], 0).max() / 4)
    return np.linalg.norm(body.points[both] - points[both], axis=1) / torso


@needs_data
@pytest.mark.parametrize(("number", "least"), [(785, 1), (196141, 4), (197388, 3)])
def test_joints_are_where_annotators_put_them(detector, number, least):
    bodies = detector.bodies(read_picture(DATA / "coco" / f"{number:012d}.jpg").pixels)
    people = annotated(number)
    met = [min(float(np.median(apart(body, *person))) for person in people) for body in bodies]
    assert len(bodies) >= least
    assert max(met) < 0.3
    assert met[0] < 0.15
    assert np.mean(np.array(met) < 0.2) >= 0.75


@needs_data
def test_openpose_sees_the_same_people(detector):
    pixels = read_picture(DATA / "openpose_json" / "random.jpg").pixels
    people = json.loads((DATA / "openpose_json" / "random_keypoints.json").read_text())["people"]
    rows = [np.array(person["pose_keypoints"]).reshape(18, 3) for person in people]
    bodies = detector.bodies(pixels)
    assert len(bodies) == 2
    for body in bodies:
        torso = np.median(apart(body, *min(((r[:, :2], r[:, 2]) for r in rows), key=lambda p: np.median(apart(body, *p)))))
        assert torso < 0.15
    assert pick_body(bodies).box == bodies[0].box
    assert "2 people found; the largest is taken" in " ".join(pick_body(bodies).warnings)
    assert pick_body(bodies, 2).box == bodies[1].box
    with pytest.raises(InputError, match=r"there is no person 3; 2 people were found"):
        pick_body(bodies, 3)
    mask = bodies[0].mask
    assert mask is not None
    assert mask.shape == pixels.shape[:2]
    for k in (1, 2, 5, 8, 11, 9, 12):
        x, y = bodies[0].points[k]
        assert mask[int(y), int(x)] > 0.5
    assert mask[:50].max() < 0.1  # the sky
    for body in bodies:  # each can be followed, with the other beside them
        detector.start(pixels, body)
        again = detector.see(pixels)
        assert again is not None
        assert np.median(np.linalg.norm(again.points - body.points, axis=1)) < 0.1 * unit_length(body.points, GUIDE)


def test_half_a_person_has_no_legs(detector):
    from skimage import data

    body = detector.find(data.astronaut())
    assert (body.confidence[[9, 10, 12, 13]] == 0).all()
    assert (body.confidence[[0, 1, 2, 5]] > 0.9).all()
    assert not (body.points == 0).all(1).any()
    assert any("legs can be seen" in line for line in body.warnings)


@needs_data
def test_a_small_person_is_found(detector):
    from PIL import Image

    photo = Image.fromarray(read_picture(DATA / "coco" / "000000000785.jpg").pixels)
    large = detector.find(np.asarray(photo))
    canvas = Image.new("RGB", (900, 700), (200, 205, 210))
    canvas.paste(photo.resize((128, 85), Image.Resampling.LANCZOS), (640, 480))
    small = detector.bodies(np.asarray(canvas))[0]
    expected = large.points * 0.2 + (640, 480)
    assert np.median(np.linalg.norm(small.points - expected, axis=1)) < 0.15 * unit_length(expected, GUIDE)


def test_nobody(detector):
    with pytest.raises(InputError, match="no person found; limner needs a person whose arms or legs can be seen"):
        detector.find(np.full((200, 300, 3), 180, np.uint8))
    with pytest.raises(InputError, match="no person found"):
        detector.find(np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))


def test_a_tiny_person_is_refused():
    body = Body(points=np.zeros((18, 2), np.float32), confidence=np.ones(18, np.float32), box=(0, 0, 10, 30))
    with pytest.raises(InputError, match="the person is only 30 pixels large; they must have at least 40"):
        pick_body([body])


def test_missing_parts_in_words():
    sure = np.ones(18)
    assert missing_parts(sure) == ()
    sure[[10, 13]] = 0
    assert missing_parts(sure) == ("legs",)
    sure[3] = 0
    assert missing_parts(sure) == ("right arm", "legs")
