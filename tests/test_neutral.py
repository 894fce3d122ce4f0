"""Facts about the estimated neutral points and about the transfer of motions."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from limner import geometry
from limner.bench.faces import VALIDATION
from limner.generation import neutral, transfer
from limner.guides.face import FROM_MEDIAPIPE, GUIDE
from limner.types import InputError, Motion

SHARED = Path(__file__).parents[1].parent / "shared"
PIXELS = geometry.invert_affine(np.array([[0.01, 0.002, -2.0], [-0.002, 0.01, -1.0]]))  # a tilted face, about 98 px a unit


def smiling(strength: float = 1.0) -> np.ndarray:
    return GUIDE.canonical + strength * neutral.numbers()["smile"]


def test_a_neutral_face_comes_back_exactly():
    points = geometry.apply_affine(PIXELS, GUIDE.canonical)
    found, strength = neutral.estimate_neutral(points)
    assert np.array_equal(found, points)
    assert strength < neutral.LEAST


@pytest.mark.parametrize("strength", [0.8, 1.5])
def test_the_smile_goes_wherever_the_face_is(strength):
    points = geometry.apply_affine(PIXELS, smiling(strength))
    found, read = neutral.estimate_neutral(points)
    unit = geometry.align(found.astype(np.float64), GUIDE)
    off = lambda p: np.linalg.norm(p - GUIDE.canonical, axis=-1)[48:].mean()  # noqa: E731
    assert off(unit) < 0.35 * off(smiling(strength))
    assert read == pytest.approx(strength, abs=0.5)


@pytest.mark.parametrize("gap", [0.08, 0.2, 0.4])
def test_an_open_mouth_closes(gap):
    points = GUIDE.canonical.astype(np.float64)
    points[[65, 66, 67], 1] += gap
    points[55:60, 1] += gap * 0.9
    points[5:12, 1] += gap * 0.8
    found, strength = neutral.estimate_neutral(points)
    closed = (found[[67, 66, 65], 1] - found[[61, 62, 63], 1]) / geometry.unit_length(found, GUIDE)
    assert strength > 1
    assert (closed > -1e-6).all()
    assert (closed < 0.012).all()


@pytest.mark.shared
def test_validation_people_come_nearer_to_their_neutral_photo():
    path = SHARED / "data" / "faces" / "london_points.npz"
    if not path.exists():
        pytest.skip("the real data folder ../shared is absent")
    data = np.load(path)
    chosen = np.isin(data["ids"], VALIDATION)
    rest, smile = (geometry.align(data[k][chosen][:, list(FROM_MEDIAPIPE)].astype(np.float64), GUIDE) for k in ("neutral", "smiling"))
    found = np.array([neutral.estimate_neutral(p)[0] for p in smile])
    before, after = (np.linalg.norm(p - rest, axis=-1)[:, 48:].mean() for p in (smile, found))
    assert after < 0.7 * before  # 0.0227 and 0.0356 of the inter-ocular distance


def test_another_persons_motion_keeps_the_own_first_frame_and_scales_with_the_eyes():
    reference = geometry.apply_affine(PIXELS, GUIDE.canonical)
    first = 300 + 40 * GUIDE.canonical * (1.1, 0.9)
    motion = np.stack([first, first])
    motion[1, 48] += (0.0, -8.0)
    moved = transfer.transfer(motion, reference)
    assert np.allclose(moved[0], reference, atol=1e-4)
    step = np.linalg.norm(moved[1, 48] - reference[48]) / geometry.unit_length(reference, GUIDE)
    assert step == pytest.approx(8 / geometry.unit_length(first, GUIDE), rel=1e-4)
    assert np.allclose(np.delete(moved[1], 48, 0), np.delete(reference, 48, 0), atol=1e-4)
    assert not transfer.is_same_face(motion, reference)
    assert transfer.is_same_face(np.stack([reference + 1.0]), reference)
    alike = reference + np.array([0.025 * geometry.unit_length(reference, GUIDE), 0.0])  # someone else, photographed just so
    assert not transfer.is_same_face(alike[None], reference)
    with pytest.raises(InputError, match="must start with a face"):
        transfer.transfer(np.zeros((2, 68, 2)), reference)
    with pytest.raises(InputError, match="frame 1 of the motion has its points on one another"):
        transfer.transfer(np.stack([first, np.zeros_like(first)]), reference)


def test_a_motion_is_scaled_to_another_size():
    points = np.arange(68 * 2, dtype=np.float32).reshape(1, 68, 2)
    motion = Motion(guide="face", points=points, confidence=np.ones((1, 68), np.float32), fps=Fraction(25), size=(100, 200))
    assert transfer.to_picture(motion, (100, 200)) is motion
    scaled = transfer.to_picture(motion, (200, 300))
    assert np.allclose(scaled.points, points * (2, 1.5))
    assert scaled.size == (200, 300)
