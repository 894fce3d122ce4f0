"""Facts about the warp renderer, on a drawn face: what may move and what may not."""

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt
from skimage.draw import polygon2mask

from limner import geometry, warp
from limner.generation import lips, mouth, neutral, skin, slits
from limner.generation.render import WarpRenderer
from limner.guides.face import GUIDE
from limner.types import Face, InputError

SIZE = (320, 300)  # width, height
UNIT = 90.0
AWAY = (1.0, 1.02, 0.95, 1.04, 0.9)  # sizes of a head that comes and goes


def face_of(points: np.ndarray) -> Face:
    return Face(points=points.astype(np.float32), box=(*points.min(0), *points.max(0)), confidence=1.0)


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return (GUIDE.canonical * UNIT + (SIZE[0] / 2, 110)).astype(np.float32).astype(np.float64)


@pytest.fixture(scope="module")
def photo(points) -> np.ndarray:
    """A skin-coloured head with noise as its texture, on a background of vertical stripes."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    picture = np.where((x[..., None] // 10) % 2, 60.0, 200.0) * np.ones(3)
    head = ((x - SIZE[0] / 2) / (0.86 * UNIT)) ** 2 + ((y - 145) / (1.15 * UNIT)) ** 2 < 1
    picture[head] = np.array([190.0, 140, 120]) + rng.normal(0, 6, (int(head.sum()), 1))
    for eye in (points[36:42], points[42:48]):
        centre = eye.mean(0)
        picture[np.hypot((x - centre[0]) / 14, (y - centre[1]) / 5) < 1] = 235
        picture[np.hypot(x - centre[0], y - centre[1]) < 5] = 30
    outer = points[48:60].mean(0)
    picture[np.hypot((x - outer[0]) / 25, (y - outer[1]) / 8) < 1] = (180, 90, 90)
    return picture.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def renderer(photo, points) -> WarpRenderer:
    return WarpRenderer(photo, face_of(points))


def render(renderer: WarpRenderer, points: np.ndarray) -> np.ndarray:
    return next(iter(renderer.render(points[None])))


def smile(points: np.ndarray, amount: float) -> np.ndarray:
    return points + amount * UNIT * neutral.numbers()["smile"]


def opened(points: np.ndarray, gap: float) -> np.ndarray:
    out = points.copy()
    out[[65, 66, 67, 55, 56, 57, 58, 59], 1] += gap * UNIT
    out[5:12, 1] += 0.8 * gap * UNIT
    return out


def test_own_points_give_the_photo_back_bit_for_bit(renderer, photo, points):
    assert np.array_equal(render(renderer, points), photo)


def test_the_computed_picture_of_no_motion_is_the_photo_too(renderer, photo, points):
    x0, y0, x1, y1 = renderer.box
    assert np.array_equal(renderer._patches(points[None])[0], photo[y0:y1, x0:x1])


@pytest.mark.parametrize("gap", [0.023, 0.03, 0.06])
def test_a_mouth_that_is_open_in_the_photo_starts_to_move_without_a_jump(photo, points, gap):
    own = opened(points, gap)
    renderer = WarpRenderer(photo, face_of(own))
    x0, y0, x1, y1 = renderer.box
    assert np.array_equal(renderer._patches(own[None])[0], photo[y0:y1, x0:x1])
    moved = renderer._patches(opened(own, 1e-3)[None])[0].astype(int)
    around = np.s_[int(own[50, 1]) - y0 : int(own[57, 1]) - y0, int(own[48, 0]) - x0 : int(own[54, 0]) - x0]
    assert np.abs(moved - photo[y0:y1, x0:x1])[around].max() < 10  # the noise of the skin, moved by 0.1 px


@pytest.mark.parametrize(("green", "bright"), [((20, 110, 20), False), ((60, 250, 60), True)])
def test_an_open_mouth_keeps_bright_teeth_and_gives_a_dark_gap_up(photo, points, green, bright):
    """The photo's mouth shows green. Bright, as teeth are, it stays; dark, it is painted over once the mouth widens; nothing jumps."""
    own = opened(points, 0.12)
    photo = photo.copy()
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    across, middle = own[64, 0] - own[60, 0], own[60:68].mean(0)
    photo[((x - middle[0]) / (0.45 * across)) ** 2 + ((y - middle[1]) / 5) ** 2 < 1] = green
    renderer = WarpRenderer(photo, face_of(own))
    wide = own.copy()
    wide[48:, 0] += 0.3 * (own[48:, 0] - middle[0])
    frames = np.stack(list(renderer.render(own + np.linspace(0, 1, 41)[:, None, None] * (wide - own)))).astype(float)
    box = np.s_[:, int(own[50, 1]) : int(own[57, 1]), int(wide[48, 0]) : int(wide[54, 0])]
    assert mouth.shows_teeth(photo, own) == bright
    seen = (frames[box][..., 1] - frames[box][..., 0] > 60).sum((1, 2))
    assert seen[2] > 0.9 * seen[0] > 100
    assert seen[-1] > 0.9 * seen[0] if bright else seen[-1] < 0.03 * seen[0]
    steps = np.abs(np.diff(frames[box], axis=0)).mean((1, 2, 3))
    assert steps.max() < 3 * np.median(steps[steps > 0]) + 0.5


def test_lips_are_painted_over_where_the_mouth_is_open_and_nowhere_else():
    small = GUIDE.canonical * 20.0 + (60, 50)
    grey = np.full((120, 120, 3), 128, np.uint8)
    assert lips.closed_texture(grey, opened(small, 0.1 / UNIT)) is None, "open by less than a pixel"
    found = lips.closed_texture(grey, opened(small, 4 / UNIT))
    assert found is not None
    texture, (x0, y0) = found
    middle = opened(small, 4 / UNIT)[60:68].mean(0)
    assert texture[3, int(2 * (middle[1] - y0)), int(2 * (middle[0] - x0))] == 1
    assert texture[3, 0].max() == texture[3, -1].max() == 0
    assert 0 <= texture[3].min() <= texture[3].max() == 1


def test_outside_the_support_nothing_changes(renderer, photo, points):
    frame = render(renderer, smile(points, 1.5))
    x0, y0, x1, y1 = renderer.box
    changed = (frame != photo).any(-1)
    assert changed[y0:y1, x0:x1].any()
    changed[y0:y1, x0:x1] = False
    assert not changed.any()


def test_the_support_ends_without_a_step(renderer, points):
    """The displacement falls to zero at the border of the support, and nowhere folds outside the slits."""
    motion = skin.motion_of(smile(points, 1.5)[None] + 3.0, points)
    field = renderer._displacements(motion).numpy()
    for border in (field[:, :, 0], field[:, :, -1], field[:, :, :, 0], field[:, :, :, -1]):
        assert np.abs(border).max() == 0
    shapes = {slit.name: slits.shape_of(slit, motion.points) for slit in (slits.MOUTH, *slits.EYES)}
    weights = skin.seam_weights(shapes, renderer.nodes, renderer.unit)
    whole = (torch.from_numpy(field) * weights[..., None]).sum(1)
    area = warp.jacobian(whole, renderer.step)[0].numpy()
    away = np.linalg.norm(renderer.nodes.numpy()[:-1, :-1, None] - motion.points[0, 48:], axis=-1).min(-1) > 0.1 * UNIT
    assert area[away].min() > 0.2


def test_a_straight_line_behind_the_moving_head_stays_straight(photo, points):
    """Vertical stripes 10 px apart: their edges, read at sub-pixel places, stay within 1 px of their places beside a head that moves."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    inside = lambda x, y: ((x - SIZE[0] / 2) / (0.86 * UNIT)) ** 2 + ((y - 145) / (1.15 * UNIT)) ** 2 < 1  # noqa: E731
    head = inside(x, y)
    turn = np.deg2rad(3.0)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = (points - points.mean(0)) @ rotation.T + points.mean(0) + np.array([5.0, 3.0])
    back = (np.stack([x, y], -1) - points.mean(0) - np.array([5.0, 3.0])) @ rotation + points.mean(0)
    # Lines are hidden where the head was or is, and fade over in a rim of 7 px (4 % of this head) round it
    covered = distance_transform_edt(~(head | inside(back[..., 0], back[..., 1]))) < 8
    for where in (head, None):
        frame = render(WarpRenderer(photo, face_of(points), where=where), moved).astype(float)
        assert np.abs(frame - photo)[head].mean() > 1, "the head moves"
        rows = range(SIZE[1]) if where is not None else range(int(points[8, 1]))  # below the chin a neck is assumed
        worst = 0.0
        for edge in range(20, SIZE[0] - 20, 10):
            for row in rows:
                if covered[row, edge - 5 : edge + 5].any():
                    continue
                now, before = (picture[row, edge - 5 : edge + 5].astype(float).mean() for picture in (frame[..., 0], photo[..., 0]))
                worst = max(worst, abs(now - before) / 140 * 10)  # a shift by d px changes the mean of 10 px across an edge by 140 d / 10
        assert worst < 1.0, where is None


def test_moving_all_points_moves_the_face(renderer, photo, points):
    frame = render(renderer, points + np.array([2.0, 1.0])).astype(float)
    nose = slice(int(points[28, 1]), int(points[33, 1])), slice(int(points[31, 0]), int(points[35, 0]))
    shifted = np.roll(photo, (1, 2), (0, 1)).astype(float)
    assert np.abs(frame[nose] - shifted[nose]).mean() < 1.0
    assert np.abs(frame[nose] - photo[nose]).mean() > 3.0


def test_frames_do_not_depend_on_their_neighbours(renderer, points):
    """Not on their number, on how wide the others smile, or on how near the others come."""
    centre = points.mean(0)
    sequence = np.stack([centre + near * (opened(smile(points, a), a / 5) - centre) for a, near in zip((0, 0.3, 0.9, 1.2, 0.4), AWAY)])
    together = list(renderer.render(sequence))
    alone = [render(renderer, p) for p in sequence]
    assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(together, alone))


def test_threads_change_neither_the_frames_nor_torchs_setting(renderer, points, monkeypatch):
    monkeypatch.setattr("limner.generation.render.MOST_AT_ONCE", 2)
    sequence = np.stack([smile(points, a) for a in np.linspace(0, 1, 7)])
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = list(renderer.render(sequence))
        torch.set_num_threads(3)
        several = list(renderer.render(sequence))
        abandoned = renderer.render(sequence)
        next(abandoned)
        abandoned.close()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert all(np.array_equal(a, b) for a, b in zip(one, several))
    assert len(several) == 7


def test_the_interior_appears_only_when_the_mouth_opens(renderer, points):
    inside = np.s_[int(points[62, 1]) : int(points[62, 1]) + 2, int(points[61, 0]) : int(points[63, 0])]
    closed = render(renderer, smile(points, 0.5) * 1.0)
    assert (closed[inside].astype(int)[..., 0] > 120).all(), "closed lips show lips"
    wide = opened(points, 0.25)
    frame = render(renderer, wide).astype(int)
    middle = int(points[66, 0])
    column = frame[int(wide[62, 1]) + 2 : int(wide[66, 1]) - 2, middle - 3 : middle + 3].mean((1, 2))
    assert column.max() > 110, "teeth"
    assert column[-1] < 70, "a dark cavity below them"


def test_a_grey_photo_stays_grey(photo, points):
    grey = np.repeat(photo.mean(-1, keepdims=True).astype(np.uint8), 3, -1)
    frame = render(WarpRenderer(grey, face_of(points)), opened(points, 0.12)).astype(int)
    assert np.abs(frame - grey).max() > 30  # the mouth's inside is there
    assert np.ptp(frame, axis=-1).max() <= 1
    assert mouth.colourful(photo, points) == 1


def test_teeth_are_no_bar_of_light(renderer, points):
    wide = opened(smile(points, 1.0), 0.08)
    frame = render(renderer, wide).astype(float)
    row = int((wide[62, 1] + wide[66, 1]) / 2)
    light = frame[row - 1 : row + 2, int(wide[60, 0]) + 1 : int(wide[64, 0]) - 1].mean((0, 2))
    num = len(light)
    assert light.max() < 1.06 * mouth.TEETH_MOST
    assert light[: num // 8].mean() < 0.75 * light[num // 3 : -num // 3].mean(), "dark corners"
    assert light[num // 3 : -num // 3].std() > 3, "gaps between teeth"


def test_a_blink_covers_the_iris_and_does_not_squash_it(renderer, photo, points):
    half = points.copy()
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        half[upper] += 0.6 * (points[lower] - points[upper])
    frame = render(renderer, half)
    eye = half[36:42]
    dark = (frame[..., 0] < 90) & (np.abs(np.mgrid[: SIZE[1], : SIZE[0]][0] - eye[:, 1].mean()) < 8)
    columns = dark[:, int(eye[:, 0].min()) : int(eye[:, 0].max())].any(0).sum()
    assert 7 <= columns <= 12, "the iris keeps its width"
    shut = points.copy()
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        shut[upper] = shut[lower]
    frame = render(renderer, shut)
    inside = frame[int(eye[:, 1].mean()) - 3 : int(eye[:, 1].mean()) + 1, int(eye[1, 0]) : int(eye[2, 0])]
    assert (inside[..., 0] > 100).all(), "a closed lid shows no iris"


def test_shut_lids_show_no_white_between_them(points):
    photo = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)
    for eye in (points[36:42], points[42:48]):
        photo[polygon2mask(photo.shape[:2], eye[:, ::-1] - 0.5)] = 250
    shut = points.copy()
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        shut[upper] = shut[lower]
    frame = render(WarpRenderer(photo, face_of(points), where=None), shut)
    assert (frame > 170).any(-1).sum() < 20  # of 332; 43 where the edge stays soft and the lids keep the rim of the eye


def test_slit_curves_pass_through_their_points(points):
    shape = slits.shape_of(slits.EYES[0], points[None])
    u, v = shape.local(torch.from_numpy(points[[36, 37, 38, 39]]).float()[None, None])
    assert (slits.look_up(shape.upper, u) - v).abs().max() < 0.05
    assert np.allclose(u[0, 0].numpy()[[0, -1]], [0, 1], atol=1e-5)


def test_what_it_refuses(photo, points):
    face = face_of(points)
    with pytest.raises(InputError, match="face has points that are not finite"):
        WarpRenderer(photo, face_of(points * np.nan))
    with pytest.raises(InputError, match="on one another"):
        WarpRenderer(photo, face_of(points * 0 + 50))
    with pytest.raises(InputError, match="neutral face has points that are not finite"):
        WarpRenderer(photo, face, neutral_points=points * np.inf)
    with pytest.raises(InputError, match=r"must be \(H, W, 3\) uint8"):
        WarpRenderer(photo / 255.0, face)
    with pytest.raises(InputError, match="where shows a picture of"):
        WarpRenderer(photo, face, where=np.ones((3, 3), bool))


@pytest.mark.parametrize(
    ("fault", "message"), [(np.nan, "frame 1 has points that are not finite"), (0.0, "frame 1 has its points on one another")]
)
def test_a_faulty_frame_is_named_before_any_is_drawn(renderer, points, fault, message):
    with pytest.raises(InputError, match=message):
        next(renderer.render(np.stack([points, points * fault, points])))


def test_motions_of_another_shape_are_refused(renderer, points):
    with pytest.raises(InputError, match="a motion is"):
        next(renderer.render(points))
    with pytest.raises(InputError, match="frame 0 has points"):
        next(renderer.render(points[None, :60]))


def test_a_tilted_face_at_the_border_renders(photo, points):
    turn = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0]])
    tilted = geometry.apply_affine(turn, points - points.mean(0)) + np.array([60.0, 150.0])
    frame = render(WarpRenderer(photo, face_of(tilted)), tilted + np.array([3.0, 2.0]))
    assert frame.shape == photo.shape
