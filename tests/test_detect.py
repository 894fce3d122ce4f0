"""Faces found at any size and tilt, points where the independent reference has them, refusals in one line, and silence."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from limner.detect.backends import CHATTER, Solutions, Tasks, quiet
from limner.detect.face import MIN_FACE_PX, UNSURE, FaceDetector, pick_face, size_of
from limner.detect.mesh import IBUG, MIRROR, certainty, yaw_of
from limner.detect.search import cut, overlap
from limner.geometry import apply_affine
from limner.guides.face import GUIDE
from limner.guides.face import MIRROR as MIRROR_68
from limner.types import DependencyError, Face, InputError


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture(scope="module")
def seen(detector: FaceDetector, astronaut: np.ndarray) -> Face:
    faces = detector.faces(astronaut)
    assert len(faces) == 1
    return faces[0]


def apart(points: np.ndarray, wanted: np.ndarray) -> float:
    """Mean distance in % of the inter-ocular distance."""
    return float(100 * np.linalg.norm(points - wanted, axis=1).mean() / np.linalg.norm(wanted[36] - wanted[45]))


def london(shared: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(shared / "data/faces/london" / f"{name}.jpg").convert("RGB"))


# -- geometry of crops and the mesh, without any model


def test_cut_shows_what_its_transform_says() -> None:
    y, x = np.mgrid[:200, :300] + 0.5  # the value at a pixel is its centre's place
    picture = np.stack([x / 2, y, np.zeros_like(x)], -1).astype(np.uint8)
    for centre, side, angle, size in (((150, 100), 60, 0, 120), ((150, 100), 60, 30, 60), ((140, 90), 120, -70, 40)):
        crop, matrix = cut(picture, np.array(centre), side, angle, size)
        places = np.stack(np.meshgrid(np.arange(4, size - 4) + 0.5, np.arange(4, size - 4) + 0.5), -1).reshape(-1, 2)
        wanted = apply_affine(matrix, places)
        got = crop[4:-4, 4:-4].reshape(-1, 3)
        assert np.abs(got[:, 0] - (wanted[:, 0] / 2 - 0.25)).max() < 1.6  # truncation to whole numbers
        assert np.abs(got[:, 1] - (wanted[:, 1] - 0.5)).max() < 1.6
        assert np.allclose(apply_affine(matrix, np.array([[size / 2, size / 2]])), [centre])
        assert np.isclose(np.hypot(matrix[0, 0], matrix[1, 0]), side / size)
    outside, _ = cut(picture, np.array([-500, -500]), 50, 0, 16)
    assert (outside == 127).all()


def test_overlap_by_hand() -> None:
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == 0.5
    assert overlap((0, 0, 10, 10), (2, 2, 4, 4)) == 1  # inside
    assert overlap((0, 0, 1, 1), (2, 2, 3, 3)) == 0


def test_the_meshs_mirror() -> None:
    mirror = np.array(MIRROR)
    assert (mirror[mirror] == np.arange(478)).all()
    assert [MIRROR[i] for i in IBUG] == [IBUG[j] for j in MIRROR_68]
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_CONTOURS, FACEMESH_TESSELATION

    for edges, share in ((FACEMESH_CONTOURS, 0.9), (FACEMESH_TESSELATION, 0.99)):
        whole = {frozenset(edge) for edge in edges}
        assert np.mean([frozenset((MIRROR[a], MIRROR[b])) in whole for a, b in edges]) > share


def test_certainty_falls_with_every_reason_to_doubt() -> None:
    assert certainty(0.95, 0.01, 0.0) == 1.0
    for scores in (0.95, 0.9, 0.85, 0.6, 0.25), (0.95,) * 5:
        for ways in (0.01, 0.03, 0.05, 0.08, 0.2), (0.01,) * 5:
            values = [certainty(score, way, 0.0) for score, way in zip(scores, ways)]
            assert values == sorted(values, reverse=True)
    assert certainty(0.95, 0.01, 50) == certainty(0.95, 0.01, -50) < 0.8
    assert 0 <= certainty(0.0, 1.0, 90) < 0.1
    head = np.zeros((478, 3))
    head[454], head[234] = (1, 0, 0), (-1, 0, 0)
    assert yaw_of(head) == 0
    head[454, 2], head[234, 2] = 0.5, -0.5
    assert yaw_of(head) == pytest.approx(1.45 * 26.565, abs=0.01)


# -- what is refused and said, on faces made by hand


def face(x: float = 100, y: float = 100, size: float = 120, **more) -> Face:
    points = GUIDE.canonical - GUIDE.canonical.min(0)
    points = (points / np.ptp(points, axis=0).max() * size + [x, y]).astype(np.float32)
    (x0, y0), (x1, y1) = points.min(0), points.max(0)
    return Face(points=points, box=(x0, y0, x1, y1), confidence=0.9, **more)


def test_pick_face_refuses_in_one_line() -> None:
    big, small = face(), face(300, 100, 80)
    assert pick_face([big], (400, 500, 3)).points is big.points
    assert pick_face([big], (400, 500)).warnings == ()
    assert pick_face([big, small], (400, 500)).warnings == ("2 faces found; the largest is taken (--face 2 takes the next)",)
    assert pick_face([big, small], (400, 500), 2).points is small.points
    assert pick_face([big, small], (400, 500), 1).warnings == ()
    cases = [
        ([], (400, 500), None, "no face found"),
        ([big], (400, 500), 2, "there is no face 2; 1 face was found"),
        ([big, small], (400, 500), 3, "there is no face 3; 2 faces were found"),
        ([big], (400, 500), 0, "there is no face 0"),
        ([face(size=MIN_FACE_PX - 1)], (400, 500), None, "only 63 pixels large; it must have at least 64"),
        ([face(x=-5)], (400, 500), None, "cut by the picture's left border"),
        ([face(y=-5)], (400, 500), None, "cut by the picture's top border"),
        ([big], (400, 210), None, "cut by the picture's right border"),
        ([big], (210, 500), None, "cut by the picture's bottom border"),
        ([face(yaw_deg=-60)], (400, 500), None, r"seen from the side \(turned by about 60 degrees\)"),
    ]
    for faces, shape, index, message in cases:
        with pytest.raises(InputError, match=message):
            pick_face(faces, shape, index)
    assert pick_face([face(x=-1)], (400, 500)).box[0] < 0  # within what the mesh guesses


# -- on real pictures


def test_the_portrait(seen: Face) -> None:
    assert seen.confidence > 0.9
    assert seen.warnings == ()
    assert abs(seen.yaw_deg) < 25
    assert seen.points.shape == (68, 2)
    assert seen.points.dtype == np.float32
    assert seen.dense is not None
    assert np.array_equal(seen.dense[IBUG], seen.points)
    assert 80 < size_of(seen) < 110
    # Read off an enlargement by eye: the eyes' centres, the mouth's corners, the lower rim of the upper teeth, the chin.
    for part, place in (
        (slice(36, 42), (204, 101)),
        (slice(42, 48), (247, 103)),
        ([48], (203, 140)),
        ([54], (244, 141)),
        ([8], (223, 177)),
    ):
        assert np.abs(seen.points[part].mean(0) - place).max() < 2.5, part


def test_points_follow_the_picture(detector: FaceDetector, astronaut: np.ndarray, seen: Face) -> None:
    flipped = detector.faces(np.ascontiguousarray(astronaut[:, ::-1]))[0]
    back = flipped.points[list(MIRROR_68)] * [-1, 1] + [512, 0]
    assert apart(back, seen.points) < 0.5  # left and right are treated alike
    twice = detector.faces(np.asarray(Image.fromarray(astronaut).resize((1024, 1024), Image.Resampling.BICUBIC)))[0]
    assert apart(twice.points / 2, seen.points) < 2
    moved = detector.faces(np.roll(astronaut, (37, 53), (0, 1)))[0]
    assert apart(moved.points - [53, 37], seen.points) < 1.5


@pytest.mark.parametrize("angle", [20, -45, 90, 180])
def test_tilted_heads(angle: int, detector: FaceDetector, astronaut: np.ndarray, seen: Face) -> None:
    turned = np.asarray(Image.fromarray(astronaut).rotate(angle, Image.Resampling.BICUBIC, fillcolor=(127, 127, 127)))
    faces = detector.faces(turned)
    a = np.radians(angle)
    wanted = (seen.points - 256) @ np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) + 256  # y down: PIL turns counterclockwise
    assert apart(faces[0].points, wanted) < 2.5
    assert faces[0].confidence > 0.8


def test_small_and_several_faces(detector: FaceDetector, astronaut: np.ndarray) -> None:
    head = Image.fromarray(astronaut[:220, 120:340])
    canvas = Image.new("RGB", (1500, 1000), (90, 120, 90))
    canvas.paste(head.resize((160, 160), Image.Resampling.LANCZOS), (1250, 780))
    alone = detector.faces(np.asarray(canvas))
    assert len(alone) == 1
    assert MIN_FACE_PX < size_of(alone[0]) < 80
    canvas.paste(head.resize((320, 320), Image.Resampling.LANCZOS), (200, 300))
    both = detector.faces(np.asarray(canvas))
    assert [round(size_of(f) / 10) for f in both] == [13, 7]
    assert pick_face(both, (1000, 1500), 2).box[0] > 1200
    canvas.paste(head.resize((100, 100), Image.Resampling.LANCZOS), (1000, 100))
    with pytest.raises(InputError, match="pixels large"):
        pick_face(detector.faces(np.asarray(canvas.crop((900, 0, 1200, 300)))), (300, 300))


def test_close_ups_and_cut_faces(detector: FaceDetector, astronaut: np.ndarray, seen: Face) -> None:
    x0, y0, x1, y1 = (round(v) for v in seen.box)
    close = astronaut[y0 - 14 : y1 + 4, x0 - 3 : x1 + 4]
    face_close = pick_face(
        detector.faces(np.asarray(Image.fromarray(close).resize((close.shape[1] * 4, close.shape[0] * 4)))), (2000, 2000)
    )
    assert apart(face_close.points / 4 + [x0 - 3, y0 - 14], seen.points) < 4
    cut_off = np.ascontiguousarray(astronaut[:, (x0 + x1) // 2 - 15 :])
    with pytest.raises(InputError, match=r"cut by the picture's left border|no face found"):
        pick_face(detector.faces(cut_off), cut_off.shape)


@pytest.mark.parametrize("kind", ["black", "noise", "one pixel", "a strip"])
def test_no_face(kind: str, detector: FaceDetector) -> None:
    rng = np.random.default_rng(0)
    pixels = {
        "black": np.zeros((300, 400, 3), np.uint8),
        "noise": rng.integers(0, 255, (300, 400, 3), np.uint8),
        "one pixel": np.zeros((1, 1, 3), np.uint8),
        "a strip": np.zeros((3, 900, 3), np.uint8),
    }[kind]
    assert detector.faces(pixels) == []
    with pytest.raises(InputError, match="no face found"):
        pick_face([], pixels.shape)


def test_hidden_faces_are_said_to_be_unsure(detector: FaceDetector, astronaut: np.ndarray, seen: Face) -> None:
    masked = Image.fromarray(astronaut)
    left, bottom = seen.points[0, 0], seen.points[8, 1]
    ImageDraw.Draw(masked).rectangle((left - 2, seen.points[29][1], seen.points[16][0] + 2, bottom + 4), fill=(120, 160, 200))
    hidden = detector.faces(np.asarray(masked))[0]
    assert hidden.confidence < UNSURE < seen.confidence
    assert "partly hidden" in hidden.warnings[0]


def test_follows_a_face_and_holds_it_where_it_is_lost(detector: FaceDetector, astronaut: np.ndarray) -> None:
    small = astronaut[:256, 100:356]
    frames = [np.zeros_like(small), small, np.roll(small, 3, 1), np.roll(small, 6, 1), np.zeros_like(small), np.roll(small, 9, 1)]
    points, confidence, dense = detector.track(iter(frames))
    assert points.shape == (6, 68, 2)
    assert dense.shape == (6, 478, 2)
    assert points.dtype == confidence.dtype == dense.dtype == np.float32
    assert (confidence > 0.8).tolist() == [False, True, True, True, False, True]
    assert confidence[0] == confidence[4] == 0
    assert np.array_equal(points[0], points[1])
    assert np.array_equal(points[4], points[3])
    for t, shift in ((2, 3), (3, 6), (5, 9)):
        assert apart(points[t] - [shift, 0], points[1]) < 2
    with pytest.raises(InputError, match="no frame of the video shows a face"):
        detector.track([np.zeros((64, 64, 3), np.uint8)])


@pytest.mark.shared
def test_london_against_the_reference_points(shared: Path, detector: FaceDetector) -> None:
    table = np.load(shared / "data/faces/london_points.npz")
    off = []
    for k in (5, 30, 55, 80):
        for kind in ("neutral", "smiling"):
            faces = detector.faces(london(shared, f"{table['ids'][k]}_{kind}"))
            assert len(faces) == 1
            assert faces[0].confidence > 0.85
            off.append(apart(faces[0].points, table[kind][k][IBUG]))
    assert np.mean(off) < 2.2, off  # two generations of the same mesh differ by 1.7 on all 82 people
    assert max(off) < 4


@pytest.mark.shared
def test_both_backends_agree(shared: Path, detector: FaceDetector) -> None:
    tasks = FaceDetector(shared / "models/face_landmarker.task")
    assert isinstance(detector.backend, Solutions)
    assert isinstance(tasks.backend, Tasks)
    photo = london(shared, "006_smiling")
    assert apart(tasks.faces(photo)[0].points, detector.faces(photo)[0].points) < 2
    strengths, names = tasks.blendshapes([london(shared, "006_neutral"), np.zeros((64, 64, 3), np.uint8), photo])
    assert strengths.shape == (3, 52)
    smile = names.index("mouthSmileLeft")
    assert np.isnan(strengths[1]).all()
    assert strengths[2, smile] > strengths[0, smile] + 0.3
    with pytest.raises(DependencyError, match="blendshapes need the Tasks model"):
        detector.blendshapes([photo])


@pytest.mark.shared
def test_a_video_with_and_without_a_face(shared: Path, detector: FaceDetector) -> None:
    from limner.media.video import read_video

    _, frames = read_video(shared / "data/faces/video/smile_then_no_face.mov")
    chosen = [frame for t, frame in enumerate(frames) if t % 12 == 0]
    points, confidence, _ = detector.track(chosen)
    assert np.isfinite(points).all()
    assert (confidence[:5] > 0.9).all()
    assert (confidence[7:] == 0).all()  # frame 84 on


def test_models_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.task").write_bytes(b"PK\3\4 no bundle")
    with pytest.raises(InputError, match=r"broken\.task is not a MediaPipe face landmarker"):
        FaceDetector(tmp_path / "broken.task").faces(np.zeros((8, 8, 3), np.uint8))
    monkeypatch.setenv("LIMNER_FACE_MODEL", str(tmp_path / "none.task"))
    with pytest.raises(InputError, match=r"none\.task does not exist"):
        FaceDetector().faces(np.zeros((8, 8, 3), np.uint8))


def test_a_bundle_of_nonsense_is_no_model(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "odd.task", "w") as bundle:
        for name in ("face_detector.tflite", "face_landmarks_detector.tflite", "face_blendshapes.tflite"):
            bundle.writestr(name, b"no model " * 100)
    with pytest.raises(InputError, match=r"odd\.task is not a MediaPipe face landmarker"):
        FaceDetector(tmp_path / "odd.task").faces(np.zeros((8, 8, 3), np.uint8))


def test_a_mediapipe_in_pieces_is_said_not_fetched_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIMNER_FACE_MODEL", raising=False)
    monkeypatch.setitem(sys.modules, "mediapipe.python.solutions.face_mesh", types.ModuleType("half_a_module"))
    with pytest.raises(DependencyError, match=r"does not load \(.*half_a_module.*pip install --force-reinstall mediapipe"):
        FaceDetector().faces(np.zeros((8, 8, 3), np.uint8))


def test_without_mp_solutions_the_model_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe.python.solutions.face_detection", None)  # as in newer mediapipe
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path))
    monkeypatch.delenv("LIMNER_FACE_MODEL", raising=False)
    monkeypatch.setattr("limner.detect.backends.MODEL_URL", "http://127.0.0.1:1/face_landmarker.task")
    with pytest.raises(DependencyError, match=r"download it to .*face_landmarker\.task, or set LIMNER_FACE_MODEL to its path"):
        FaceDetector().faces(np.zeros((8, 8, 3), np.uint8))


# -- silence


def test_nothing_is_said_past_us_and_nothing_imported_early(astronaut_png: Path) -> None:
    assert speak(astronaut_png) == ("1\n", "")


@pytest.mark.shared
def test_the_tasks_backend_is_as_quiet(shared: Path, astronaut_png: Path) -> None:
    assert speak(astronaut_png, LIMNER_FACE_MODEL=str(shared / "models/face_landmarker.task")) == ("1\n", "")


def speak(photo: Path, **variables: str) -> tuple[str, str]:
    """What a fresh Python says that counts the faces of a photo: (standard output, standard error)."""
    code = (
        "import sys, limner.detect.face as f\nassert not {'mediapipe', 'cv2', 'torch', 'matplotlib'} & set(sys.modules)\n"
        "from limner.media.pictures import read_picture\nd = f.FaceDetector()\n"
        "print(len(d.faces(read_picture(sys.argv[1]).pixels)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(photo)], capture_output=True, text=True, timeout=120, env={**os.environ, **variables}
    )
    return run.stdout, run.stderr


def no_room() -> None:
    raise FileNotFoundError("No usable temporary directory found")


def test_only_chatter_is_swallowed(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with quiet():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nout of memory\n")
        os.write(2, b"W0000 00:00:1795450466.239293   11958 inference_feedback_manager.cc:114] Feedback manager requires\n")
    assert capfd.readouterr().err == "out of memory\n"
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.TemporaryFile", no_room)
        with quiet():
            os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
    assert CHATTER.match(b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR")
