"""Synthetic people in motion: the same at every worker, size and run; joints where limbs are drawn; nothing still moves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from limner.cli import main
from limner.data.prepare import prepare_bodies
from limner.data.sources import kinematics, synthetic_bodies
from limner.data.sources.bodies.draw import draw
from limner.data.sources.bodies.loft import Dots, axes, carried, line_weights, loft, unit
from limner.data.sources.bodies.looks import draw_look, draw_outfit, draw_scene
from limner.data.sources.bodies.places import PLAIN
from limner.data.sources.synthetic_bodies import CLIPS, HIDDEN, person_clips, staged
from limner.data.store import Store
from limner.guides import body
from limner.types import InputError

SEED = 3


@pytest.fixture(scope="module")
def clips():
    return list(itertools.islice(person_clips(2, SEED, 64, actions=("walking", "hand-waving")), 5))


def test_a_clip_is_an_action_with_exact_joints(clips):
    for clip in clips:
        assert clip.frames.shape == (32, 64, 64, 3)
        assert clip.points.shape == (32, 18, 2)
        assert clip.kind == "action"
        assert clip.label in ("walking", "hand-waving")
        assert set(np.unique(clip.confidence)) <= {np.float32(HIDDEN), np.float32(1)}
        assert clip.points.min() > 0
        assert clip.points.max() < 64
    assert [clip.label for clip in clips] == ["walking"] * CLIPS + ["hand-waving"]
    waving = clips[-1]
    assert (waving.confidence == 1).mean() > 0.9  # seen from the front, nothing hides anything for long


def test_points_are_the_projected_joints_and_lie_on_the_person():
    """Without a background whatever is not the plain grey is the person: joints lie on it, and limbs are joined without gaps."""
    for action in ("walking", "hand-waving", "boxing"):
        look = draw_look(4, SEED)
        scene = draw_scene(4, 0, 0, SEED)
        figure, camera = staged(action, look, scene, 96, np.random.default_rng(5))
        drawn = draw(figure, look, draw_outfit(4, 0, SEED), scene, camera, 96, behind=False)
        np.testing.assert_allclose(drawn.points, camera.project(figure.joints), atol=1e-3)
        person = np.abs(drawn.frames.astype(int) - np.array(PLAIN)).max(-1) > 2
        for t in range(0, 32, 5):
            for a, b in body.LINES.values():
                for share in (0.0, 0.3, 0.6, 1.0):
                    x, y = drawn.points[t, a] * (1 - share) + drawn.points[t, b] * share
                    assert person[t, int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].any(), (action, t, a, b, share)


def test_nothing_moves_where_nothing_moves():
    look, outfit, scene = draw_look(1, SEED), draw_outfit(1, 0, SEED), draw_scene(1, 0, 0, SEED)
    figure, camera = staged("walking", look, scene, 64, np.random.default_rng(0))
    still = kinematics.Figure(**{name: np.repeat(value[:1], 3, 0) for name, value in vars(figure).items()})
    frames = draw(still, look, outfit, scene, camera, 64).frames
    np.testing.assert_array_equal(frames[0], frames[2])


def test_the_place_stands_still_while_the_person_moves(clips):
    walking = clips[0]
    far = np.abs(np.arange(64) + 0.5 - walking.points[..., 0].mean()) > 12 + np.ptp(walking.points[..., 0]) / 2
    if far.any():
        assert np.ptp(walking.frames[:, :20, far].astype(int), axis=0).max() == 0


def test_texture_rides_on_the_limb():
    """A figure moved sideways by whole pixels under a far camera is the same picture, moved."""
    look, outfit, scene = draw_look(6, SEED), draw_outfit(6, 1, SEED), draw_scene(6, 0, 0, SEED)
    figure, camera = staged("walking", look, scene, 96, np.random.default_rng(1))
    first = kinematics.Figure(**{name: value[:1] for name, value in vars(figure).items()})
    far = type(camera)(focal=camera.focal * 1e4 / camera.distance_m, distance_m=1e4, eye_m=camera.eye_m, centre=camera.centre)
    a = draw(first, look, outfit, scene, far, 96, behind=False).frames[0]
    step = np.array([[4 * far.distance_m / far.focal, 0.0, 0.0]])
    b = draw(first.moved(step), look, outfit, scene, far, 96, behind=False).frames[0]
    assert np.abs(a[:, :-4].astype(int) - b[:, 4:]).mean() < 1.0


def test_a_joint_behind_the_body_is_said_to_be_hidden():
    look, outfit, scene = draw_look(2, SEED), draw_outfit(2, 0, SEED), draw_scene(2, 0, 0, SEED)
    figure = kinematics.figure("hand-clapping", 2, 25, build=look.build)
    _, camera = staged("hand-clapping", look, scene, 96, np.random.default_rng(0))
    front = draw(figure, look, outfit, scene, camera, 96, behind=False).seen[0]
    back = draw(figure.turned(180), look, outfit, scene, camera, 96, behind=False).seen[0]
    assert front[[body.NOSE, body.EYE_L, body.WRIST_L]].all()
    assert not back[[body.NOSE, body.EYE_L, body.WRIST_L]].any()


def test_a_loft_covers_a_ball_evenly():
    turns = np.linspace(-1, 1, 41)
    profile = np.stack([turns, np.sqrt(1 - turns**2), np.sqrt(1 - turns**2), 0 * turns], 1)
    _, dots = loft(profile, 0.05)
    places = dots.offset + np.stack([0 * dots.along, 0 * dots.along, dots.along], -1)
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 1, atol=0.01)
    middle = np.abs(dots.along) < 0.9
    assert (dots.normal[middle] * places[middle]).sum(1).min() > 0.98
    from scipy.spatial import KDTree

    rng = np.random.default_rng(0)
    anywhere = unit(rng.normal(size=(2000, 3)))
    gaps, _ = KDTree(places).query(anywhere)
    assert gaps.max() < 0.05 * 0.85  # no place of the surface is further from a dot
    assert isinstance(dots.where(middle), Dots)


def test_a_bent_line_passes_near_its_joint_and_ends_in_its_ends():
    joints = np.array([[0.0, 0, 0], [0, 1, 0], [1, 1, 0]])
    place, tangent = line_weights((1.0, 1.0), np.array([-0.1, 0.0, 0.5, 1.0, 1.5, 2.0]), 0.2)
    np.testing.assert_allclose(place @ joints, [[0, -0.1, 0], [0, 0, 0], [0, 0.5, 0], [0.05, 0.95, 0], [0.5, 1, 0], [1, 1, 0]], atol=1e-12)
    np.testing.assert_allclose(unit(tangent @ joints)[3], np.array([1, 1, 0]) / np.sqrt(2), atol=1e-12)


def test_axes_are_carried_without_spin():
    x, y, z = np.eye(3)
    np.testing.assert_allclose(carried(z, x, y), z, atol=1e-12)  # square to the turn: stays
    np.testing.assert_allclose(carried(y, x, y), -x, atol=1e-12)
    frame = axes(z, y)
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(frame[1:], [z, y])


def test_the_store_is_the_same_for_any_number_of_workers_and_goes_on(tmp_path, monkeypatch):
    options = {"people": 10, "size": 48, "limit": 5, "actions": ("boxing",), "quiet": True}
    one = prepare_bodies(tmp_path / "one", **options)
    assert len(one) == 5
    assert set(one.table["label"].to_pylist()) == {"boxing"}
    two = prepare_bodies(tmp_path / "two", workers=2, **options)
    assert one.table["hash"] == two.table["hash"]
    monkeypatch.setattr("limner.data.prepare.FRAMES_PER_SHARD", 2 * 32)
    calls = itertools.count()
    original = synthetic_bodies.draw_scene

    def cut(*arguments):
        if next(calls) == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(synthetic_bodies, "draw_scene", cut)
    with pytest.raises(KeyboardInterrupt):
        prepare_bodies(tmp_path / "cut", **options)
    assert 0 < len(Store(tmp_path / "cut")) < 5
    monkeypatch.setattr(synthetic_bodies, "draw_scene", original)
    assert prepare_bodies(tmp_path / "cut", **options).table["hash"] == one.table["hash"]


def test_256_pixels_are_kept_as_jpeg_and_the_background_can_be_left_out(tmp_path):
    store = prepare_bodies(tmp_path / "s", people=10, size=256, limit=1, actions=("walking",), background=False, quiet=True)
    assert store.row(0)["encoding"] == "jpeg"
    clip = store[0]
    assert clip.frames is not None
    np.testing.assert_allclose(clip.frames[0, 0, 0], PLAIN, atol=2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 32}, "--size 32: it must be at least 48"),
        ({"people": 3}, "at least 10"),
        ({"actions": ("flying",)}, "no action 'flying'; there are: walking"),
        ({"workers": 0}, "--workers 0"),
    ],
)
def test_what_cannot_be_made_is_said(tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        prepare_bodies(tmp_path / "s", **options, quiet=True)


def test_the_command(tmp_path, capsys):
    args = ["prepare", "synthetic-bodies", str(tmp_path / "s"), "--people", "10", "--limit", "1", "--actions", "running", "--size", "48"]
    assert main([*args, "--workers", "1"]) == 0
    assert Store(tmp_path / "s").row(0)["label"] == "running"
    assert main(["prepare", "synthetic-bodies", str(tmp_path / "t"), "--actions", "flying"]) == 2
    assert "no action 'flying'" in capsys.readouterr().err


def test_a_detector_that_never_saw_them_finds_them():
    """The bench on four people: in the frame, found, joints where they are."""
    from limner.bench import synthetic_bodies as bench
    from limner.detect.body import BodyDetector

    detector, rows = BodyDetector(), []
    for index, action in enumerate(("walking", "hand-waving")):
        drawn = bench.moments(index, action)
        rows += [(action, *bench.look(drawn, k, detector)) for k in (0, 2)]
    said = bench.summary(rows)
    assert said["found"] == 1
    assert said["pck_02"] > 0.7
