"""A person moved without training: parts whose pixels are known, and real photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limner.generation.body_renderers import Learned, open_body_renderer
from limner.generation.body_warp import BodyWarp
from limner.generation.cut_out import hand_tips
from limner.generation.fill import fill
from limner.generation.matte import matte, pure_colours
from limner.generation.mesh import Mesh, backward_map, grid_over
from limner.guides.body import ANKLE_L, ANKLE_R, ELBOW_R, HIP_L, HIP_R, KNEE_L, KNEE_R, NECK, SHOULDER_R, WRIST_R
from limner.types import Body, InputError

RED, GREEN, BLUE, SKY = (200, 40, 40), (40, 170, 60), (40, 60, 190), (150, 170, 190)


def doll() -> tuple[np.ndarray, Body]:
    """A picture of 240 x 300 of a person made of bars: red torso, green arms held out level, blue legs, on a sky with a little grain."""
    rng = np.random.default_rng(0)
    photo = np.clip(np.array(SKY) + rng.integers(-6, 7, (300, 240, 1)), 0, 255).astype(np.uint8)
    mask = np.zeros((300, 240), np.float32)
    bars = [
        (RED, (95, 90, 145, 170)),
        (RED, (108, 55, 132, 92)),
        (GREEN, (35, 92, 96, 108)),
        (GREEN, (144, 92, 205, 108)),
        (BLUE, (97, 168, 117, 272)),
        (BLUE, (123, 168, 143, 272)),
    ]
    for colour, (x0, y0, x1, y1) in bars:
        photo[y0:y1, x0:x1], mask[y0:y1, x0:x1] = colour, 1
    points = np.zeros((18, 2), np.float32)
    points[[0, 14, 15, 16, 17]] = (120, 70), (116, 66), (124, 66), (111, 68), (129, 68)
    points[NECK] = 120, 96
    points[[2, 3, 4, 5, 6, 7]] = (98, 100), (68, 100), (42, 100), (142, 100), (172, 100), (198, 100)
    points[[8, 9, 10, 11, 12, 13]] = (108, 168), (107, 215), (107, 262), (132, 168), (133, 215), (133, 262)
    box = (42.0, 66.0, 198.0, 262.0)
    return photo, Body(points=points, confidence=np.ones(18, np.float32), box=box, mask=mask)


def hue(pixels: np.ndarray) -> np.ndarray:
    """(..., 3) -> the nearest of red, green, blue, sky as 0..3."""
    return np.linalg.norm(pixels[..., None, :].astype(float) - np.array([RED, GREEN, BLUE, SKY], float), axis=-1).argmin(-1)


@pytest.fixture(scope="module")
def warp() -> BodyWarp:
    return BodyWarp(*doll())


def raised(angle_deg: float) -> np.ndarray:
    """(18, 2): the doll with its right arm, straight, lifted by an angle from level."""
    points, angle = doll()[1].points.copy(), np.radians(angle_deg)
    for joint, far in ((ELBOW_R, 30), (WRIST_R, 56)):
        points[joint] = points[SHOULDER_R] + far * np.array([-np.cos(angle), -np.sin(angle)])
    return points


def test_the_photos_own_pose_gives_the_photo_back(warp: BodyWarp):
    (frame,) = warp.render(doll()[1].points[None])
    assert np.array_equal(frame, doll()[0])
    nearly = doll()[1].points + np.where(np.arange(18)[:, None] == WRIST_R, 0.3, 0)
    (frame,) = warp.render(nearly[None])
    assert np.abs(frame.astype(int) - doll()[0]).mean() < 0.2


def test_an_arm_goes_where_its_bones_go(warp: BodyWarp):
    (frame,) = warp.render(raised(90)[None])
    colours = hue(frame)
    assert (colours[50:85, 93:103] == 1).mean() > 0.95  # upright from the shoulder (98, 100)
    assert (colours[94:106, 37:80] == 3).mean() > 0.98  # no ghost where it was
    assert (colours[94:106, 150:200] == 1).mean() > 0.95  # the other arm stays
    wide = [(colours[y, 80:116] == 1).sum() for y in range(50, 84)]
    assert min(wide) >= 14  # 16 thick in the photo: no candy wrapper at the elbow (98, 70)
    assert max(wide) <= 18


def test_an_elbow_bends_without_growing_thin(warp: BodyWarp):
    points = doll()[1].points.copy()
    points[WRIST_R] = points[ELBOW_R] + (0, -26)  # the forearm straight up
    (frame,) = warp.render(points[None])
    green = hue(frame) == 1
    assert green[70:84, 64:72].mean() > 0.95
    towards = np.array([[68 + r * np.cos(a), 100 + r * np.sin(a)] for a in np.radians([20, 45, 70, 135]) for r in (0, 2, 4)])
    x, y = towards.astype(int).T
    assert green[y, x].all()  # the elbow's outside is filled


def test_outside_the_person_no_byte_changes(warp: BodyWarp):
    photo, _ = doll()
    (frame,) = warp.render(raised(60)[None])
    changed = (frame != photo).any(-1)
    assert not changed[:, 215:].any()
    assert not changed[:40].any()
    assert not changed[285:].any()
    assert not changed[180:, :85].any()
    assert changed[60:100, 40:95].any()


def test_what_rests_is_the_photo_bit_for_bit_however_poor_its_outline():
    photo, body = doll()
    assert body.mask is not None
    mask = body.mask.copy()
    mask[45:100, 96:150] = mask[160:280, 85:155] = 1  # sky taken for hair and trousers
    poor = BodyWarp(photo, Body(points=body.points, confidence=body.confidence, box=body.box, mask=mask))
    (frame,) = poor.render(raised(90)[None])
    changed = (frame != photo).any(-1)
    assert not changed[:, 112:].any()  # head, legs and the other arm
    assert not changed[180:].any()
    assert changed[92:108, 40:80].mean() > 0.9  # the arm left
    (other,) = poor.render((body.points + np.array([0, 30], np.float32))[None])  # all of it moves: nothing is kept
    assert (other != photo).any(-1)[45:280, 96:144].mean() > 0.3
    assert np.array_equal(next(poor.render(raised(90)[None])), frame)


def test_a_hand_goes_where_its_knuckles_say():
    _, body = doll()
    places, every = body.points[:, 0] + 1j * body.points[:, 1].astype(np.float64), np.ones(18, bool)
    down = hand_tips(places, every, 200.0, np.array([42 + 110j, 198 + 110j]))
    assert down["arm_right"] == pytest.approx(42 + 118j)  # 1.8 times the way from the wrist (42, 100)
    level = hand_tips(places, every, 100.0)
    assert level["arm_left"] == pytest.approx(206 + 100j)  # eight hundredths of a stature beyond the wrist (198, 100)
    far = hand_tips(places, every, 100.0, np.array([42 + 900j, 198 + 110j]))
    assert far["arm_right"] == pytest.approx(42 + 110.8j)  # no hand is longer than 0.108 statures


def test_an_edge_is_found_under_a_coarse_mask_and_keeps_no_rim_of_background():
    y, x = np.mgrid[:120, :160] + 0.5
    truth = np.clip(30.5 - np.hypot(x - 80, y - 60), 0, 1)[..., None]  # a disc, its edge a pixel wide
    rng = np.random.default_rng(0)
    grain = rng.integers(-5, 6, (120, 160, 1))
    photo = np.clip(truth * np.array(RED) + (1 - truth) * np.array(SKY) + grain, 0, 255).astype(np.uint8)
    mask = np.clip(0.5 + (33 - np.hypot(x - 78, y - 61)) / 8, 0, 1).astype(np.float32)  # displaced, too large, soft
    alpha = matte(photo, mask, [], [], 300.0)
    assert np.abs(mask - truth[..., 0]).mean() > 0.03
    assert np.abs(alpha - truth[..., 0]).mean() < 0.005
    colours = pure_colours(photo, alpha, 300.0)
    shown = (alpha > 0.05) & (alpha < 0.95)
    assert shown.sum() > 50
    assert np.abs(colours[shown] - RED).mean() < 12  # the photo's own pixels there: 40 and more


def test_where_a_mesh_folds_its_front_is_seen():
    mesh = Mesh(np.array([[0.0, 0], [10, 0], [0, 10], [20, 0]]), np.array([[0, 1, 2], [1, 3, 2]]))
    folded = np.array([[0.0, 0], [10, 0], [0, 10], [0.5, 0.5]])  # the second triangle turned over, onto the first
    at = backward_map(mesh, folded, (0, 0, 10, 10))
    np.testing.assert_allclose(at[2, 2], (2.5, 2.5), atol=1e-4)


def test_joints_that_the_photo_does_not_show_are_left_aside():
    photo, body = doll()
    confidence = body.confidence.copy()
    confidence[[KNEE_R, KNEE_L, ANKLE_R, ANKLE_L, HIP_R, HIP_L]] = 0
    half = BodyWarp(photo, Body(points=body.points, confidence=confidence, box=body.box, mask=body.mask))
    points = raised(45)
    points[[ANKLE_R, ANKLE_L]] = -5000
    (frame,) = half.render(points[None])
    assert (hue(frame)[200:260, 98:116] == 2).mean() > 0.95  # what nobody moves stands


@pytest.mark.parametrize(
    ("points", "says"),
    [(np.zeros((2, 17, 2)), "18"), (np.full((1, 18, 2), np.nan), "finite"), (np.full((1, 18, 2), 1e7), "far outside")],
)
def test_points_that_cannot_be(warp: BodyWarp, points: np.ndarray, says: str):
    with pytest.raises(InputError, match=says):
        warp.render(points)


def test_a_hole_is_filled_with_the_photos_own_stripes():
    y, x = np.mgrid[:96, :128]
    stripes = np.repeat((128 + 90 * np.sign(np.sin(2 * np.pi * y / 16)))[..., None], 3, 2).astype(np.uint8)
    hole = (np.abs(x - 64) < 14) & (np.abs(y - 48) < 20)
    broken = np.where(hole[..., None], 255, stripes).astype(np.uint8)
    made = fill(broken, hole)
    assert np.array_equal(made[~hole], stripes[~hole])
    assert (np.abs(made[hole].astype(int) - stripes[hole]) < 40).mean() > 0.9
    assert np.array_equal(made, fill(broken, hole))  # nothing is random


def test_a_mesh_at_rest_maps_every_pixel_to_itself_and_a_shifted_one_to_its_place():
    mask = np.zeros((20, 30), bool)
    mask[5:15, 8:20] = True
    mesh = grid_over(mask, 4)
    y, x = np.mgrid[:20, :30] + 0.5
    own = backward_map(mesh, mesh.vertices, (0, 0, 30, 20))
    np.testing.assert_allclose(own[mask], np.stack([x, y], -1)[mask], atol=1e-4)
    assert np.isnan(own[0, 0]).all()
    moved = backward_map(mesh, mesh.vertices * 2 + (3, 1), (10, 4, 70, 44))  # twice as large: no holes
    assert np.isfinite(moved[10 : 2 * 15 + 1 - 4 - 1, 2 * 8 + 3 - 10 : 2 * 20 + 3 - 10 - 1]).all()
    np.testing.assert_allclose(moved[10, 12], ((10 + 12.5 - 3) / 2, (4 + 10.5 - 1) / 2), atol=1e-4)


class Shift:
    """A network of eight pixels a side that paints its picture by the wrist's place."""

    class settings:
        size = 8

    def move(
        self, points: np.ndarray, reference: np.ndarray, *, own: np.ndarray, own_confidence: np.ndarray, confidence: np.ndarray
    ) -> np.ndarray:
        assert reference.shape == (8, 8, 3)
        assert own.shape == (18, 2)
        assert own_confidence.shape == (18,)
        assert confidence.shape == points.shape[:2]
        return np.stack([np.full((8, 8, 3), np.clip(p[WRIST_R, 0] * 10, 0, 255), np.uint8) for p in points])


def test_a_learned_renderer_gets_its_square_and_is_laid_back():
    photo, body = doll()
    first, second = Learned(photo, body, Shift()).render(np.stack([body.points, raised(45)]))
    assert first.shape == photo.shape
    assert np.array_equal(first[-3:], photo[-3:])  # beyond the square
    assert np.ptp(first[120:160, 100:140]) == 0
    assert first[140, 120, 0] < second[140, 120, 0]  # the wrist went right


def test_no_renderer_of_that_name(tmp_path: Path):
    with pytest.raises(InputError, match="no renderer"):
        open_body_renderer(str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="faces"):
        open_body_renderer("warp-refine")


def test_a_mask_without_a_person_is_refused():
    photo, body = doll()
    with pytest.raises(InputError, match="outline"):
        BodyWarp(photo, Body(points=body.points, confidence=body.confidence, box=body.box, mask=np.zeros((300, 240), np.float32)))
