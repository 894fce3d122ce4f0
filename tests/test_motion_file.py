"""The motion file: what is written comes back, and what is wrong is named with its place."""

from __future__ import annotations

import json
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limner.guides.face import GUIDE
from limner.media.motion import MAX_FRAMES, read_motion, write_motion
from limner.types import InputError, Motion


def motion(num: int = 5, **changes: Any) -> Motion:
    rng = np.random.default_rng(0)
    fields: dict[str, Any] = {
        "guide": "face",
        "points": (GUIDE.canonical * 100 + 256 + rng.normal(size=(num, 68, 2))).astype(np.float32),
        "confidence": np.ones((num, 68), np.float32),
        "fps": Fraction(30000, 1001),
        "size": (640, 480),
        "label": "spontaneous",
        "mode": 2,
        "seed": 7,
        "provenance": {"made_by": "limner 0.1.0", "ünï": [1, None]},
    }
    return Motion(**{**fields, **changes})


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    """A good motion file, parsed, to be spoilt."""
    write_motion(tmp_path / "good.motion.json", motion())
    return json.loads((tmp_path / "good.motion.json").read_text("utf-8"))


def refused(tmp_path: Path, content: Any) -> str:
    """The one line with which a document (or text) is refused."""
    path = tmp_path / "bad.motion.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    with pytest.raises(InputError) as caught:
        read_motion(path)
    line = str(caught.value)
    assert "bad.motion.json" in line
    assert "\n" not in line
    assert len(line) < 400
    return line


def test_round_trip(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for confidence in (np.ones((5, 68)), np.full((5, 68), 0.5), np.repeat(rng.uniform(size=(5, 1)), 68, 1), rng.uniform(size=(5, 68))):
        sent = motion(confidence=confidence.astype(np.float32))
        write_motion(tmp_path / "a.motion.json", sent)
        got = read_motion(tmp_path / "a.motion.json")
        assert np.abs(got.points - sent.points).max() < 1e-3
        assert np.abs(got.confidence - sent.confidence).max() < 1e-3
        assert got.points.dtype == got.confidence.dtype == np.float32
        for name in ("guide", "fps", "size", "label", "mode", "seed", "provenance"):
            assert getattr(got, name) == getattr(sent, name), name
    write_motion(tmp_path / "b.motion.json", got)
    assert (tmp_path / "a.motion.json").read_bytes() == (tmp_path / "b.motion.json").read_bytes()


def test_a_frame_is_a_line(tmp_path: Path, document: dict[str, Any]) -> None:
    lines = (tmp_path / "good.motion.json").read_text("utf-8").splitlines()
    start = lines.index(' "frames": [')
    first = json.loads(lines[start + 1].rstrip(","))
    assert first == document["frames"][0]
    assert lines[start + 6] == " ],"
    assert document["fps"] == "30000/1001"
    assert document["confidence"] == 1
    assert all(len(str(number).split(".")[-1]) <= 3 for frame in document["frames"] for point in frame for number in point)


def test_what_may_be_left_out_or_written_by_hand(tmp_path: Path, document: dict[str, Any]) -> None:
    small = {key: document[key] for key in ("guide", "size", "frames")} | {"fps": 25, "note": "any other key is left aside"}
    path = tmp_path / "hand.motion.json"
    path.write_text("\ufeff" + json.dumps(small, indent=3), "utf-8")
    got = read_motion(path, guide="face")
    assert got.fps == 25
    assert (got.confidence == 1).all()
    assert (got.label, got.mode, got.seed, got.provenance) == (None, None, None, {})
    small["confidence"] = [1, 0.5, [0.25] * 68, 0, 1]
    path.write_text(json.dumps(small))
    assert read_motion(path).confidence[:, 3].tolist() == [1, 0.5, 0.25, 0, 1]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("guide", "hand", "the guide 'hand'; there are: "),
        ("guide", 3, "the guide 3; there are: "),
        ("format", "other", "of format 'other'"),
        ("version", 2, "of version 2; this limner reads version 1"),
        ("version", "1", "of version '1'"),
        ("fps", 0, "fps: a frame rate of 0 is out of range"),
        ("fps", -25, "out of range"),
        ("fps", "30/0", "'30/0' is no frame rate"),
        ("fps", "fast", "'fast' is no frame rate"),
        ("fps", float("nan"), "nan is no frame rate"),
        ("fps", float("inf"), "inf is no frame rate"),
        ("fps", 100000, "out of range"),
        ("fps", None, "None is no frame rate"),
        ("fps", [25], "is no frame rate"),
        ("size", [640], r"size is \[640\]; expected \[width, height\]"),
        ("size", [640, 0], "expected .width, height."),
        ("size", [640, 480.5], "expected .width, height."),
        ("size", "640x480", "expected .width, height."),
        ("frames", [], "has no frames"),
        ("frames", {}, "frames is an object; expected a list"),
        ("frames", [[]], "frame 0 has 0 points; the guide 'face' has 68"),
        ("frames", [3], r"frame 0 is a number \(3\); expected a list of points"),
        ("point_names", ["a"] * 68, "point 0 is 'a'; in the guide 'face' it is 'jaw_0'"),
        ("point_names", ["a"], "point_names is 1 entries; the guide 'face' has 68 points"),
        ("label", 3, r"label is a number \(3\); expected text"),
        ("mode", "first", "mode is text"),
        ("seed", 1.5, "seed is a number"),
        ("provenance", [1], "provenance is a list of 1"),
        ("confidence", 1.5, "confidence of frame 0 is 1.5; it must lie in 0..1"),
        ("confidence", [1, 1], "confidence has 2 entries for 5 frames"),
        ("confidence", [1, 1, -0.1, 1, 1], "confidence of frame 2 is -0.1"),
        ("confidence", [1, [1] * 67, 1, 1, 1], "confidence of frame 1 has 67 numbers for 68 points"),
        ("confidence", [1, [1] * 67 + ["x"], 1, 1, 1], r"confidence of frame 1, point 67 is text \('x'\)"),
    ],
)
def test_wrong_fields(key: str, value: Any, message: str, tmp_path: Path, document: dict[str, Any]) -> None:
    import re

    assert re.search(message, refused(tmp_path, document | {key: value}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: f[3].pop(), "frame 3 has 67 points; the guide 'face' has 68"),
        (lambda f: f[4].append([1, 2]), "frame 4 has 69 points"),
        (lambda f: f[2].__setitem__(7, [float("nan"), 1]), "frame 2, point 7 is not a finite place: nan"),
        (lambda f: f[2].__setitem__(7, [1, float("inf")]), "frame 2, point 7 is not a finite place: inf"),
        (lambda f: f[1].__setitem__(0, ["12", 1]), "frame 1, point 0 holds text ('12') where a number should be"),
        (lambda f: f[1].__setitem__(0, [None, 1]), "frame 1, point 0 holds null where a number should be"),
        (lambda f: f[1].__setitem__(0, [True, 1]), "frame 1, point 0 holds true or false where a number should be"),
        (lambda f: f[1].__setitem__(9, [1, 2, 3]), "frame 1, point 9 is a list of 3; expected two numbers [x, y]"),
        (lambda f: f[1].__setitem__(9, 5), "frame 1, point 9 is a number (5); expected two numbers"),
        (lambda f: f[0].__setitem__(67, [1e7, 0]), "frame 0, point 67 lies at (1e+07, 0), far outside the picture of 640 x 480"),
        (lambda f: f[0].__setitem__(67, [10**400, 0]), "frame 0, point 67 is not a finite place"),
    ],
)
def test_wrong_points_name_frame_and_point(spoil: Any, message: str, tmp_path: Path, document: dict[str, Any]) -> None:
    spoil(document["frames"])
    assert message in refused(tmp_path, document)


@pytest.mark.parametrize("key", ["guide", "fps", "size", "frames"])
def test_missing_fields(key: str, tmp_path: Path, document: dict[str, Any]) -> None:
    del document[key]
    assert f"lacks {key!r}" in refused(tmp_path, document)


def test_not_json_and_truncated(tmp_path: Path, document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for share in (0.02, 0.3, 0.5, 0.9, 0.9999):
        assert "not valid JSON, or cut short" in refused(tmp_path, text[: int(len(text) * share)])
    assert "must hold one JSON object" in refused(tmp_path, "[1, 2]")
    assert "must hold one JSON object" in refused(tmp_path, "hello")
    assert "must hold one JSON object" in refused(tmp_path, " \n")
    assert "something follows its end" in refused(tmp_path, text + " {}")
    assert "'fps' twice" in refused(tmp_path, '{"fps": 25, "fps": 30}')
    assert "a name should" in refused(tmp_path, "{3: 4}")
    assert "a name should" in refused(tmp_path, "{" + text + ": 1}")
    assert "nested too deeply" in refused(tmp_path, '{"frames": ' + "[" * 100_000)
    assert "frame 0 is null" in refused(tmp_path, '{"frames": [null]}')
    assert "not valid JSON" in refused(tmp_path, '{"frames": [[[1,2]] [[1,2]]]}')


def test_files_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\x89PNG\r\n\xff\xfe")
    (tmp_path / "empty").write_bytes(b"")
    for name, message in (("binary", "is not a text file"), ("empty", "is empty"), ("none", "does not exist"), ("", "is a folder")):
        with pytest.raises(InputError, match=message):
            read_motion(tmp_path / name)


def test_another_guide_than_needed(tmp_path: Path, document: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="is a motion of the guide 'face'; a 'body' motion is needed"):
        read_motion(tmp_path / "good.motion.json", guide="body")


def test_a_million_frames_are_refused_in_bounded_time(tmp_path: Path, document: dict[str, Any]) -> None:
    row = json.dumps(document["frames"][0][:1])
    head = '{"guide": "face", "fps": 25, "size": [640, 480], "frames": ['
    start = time.process_time()
    assert f"more than {MAX_FRAMES:,} frames" in refused(tmp_path, head + ", ".join([row] * 1_000_000) + "]}")
    assert time.process_time() - start < 8
    with (tmp_path / "huge.motion.json").open("wb") as file:  # a sparse file: takes no room
        file.write(head.encode())
        file.truncate(2**31)
    start = time.process_time()
    with pytest.raises(InputError, match="2048 MB; a motion file may have 100,000 frames"):
        read_motion(tmp_path / "huge.motion.json")
    assert time.process_time() - start < 0.5


def test_writing_takes_no_memory_for_the_whole_text(tmp_path: Path) -> None:
    import tracemalloc

    points = np.random.default_rng(0).uniform(0, 640, (1500, 68, 2)).astype(np.float32)
    sent = motion(points=points, confidence=np.ones((1500, 68), np.float32))
    tracemalloc.start()
    write_motion(tmp_path / "a.motion.json", sent)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 9e6  # its points, checked and as float64, are 6 MB; with all of the text, and its numbers one by one, 19
    np.testing.assert_allclose(read_motion(tmp_path / "a.motion.json").points, points, atol=6e-4)


def test_what_a_file_name_may_hold_comes_back(tmp_path: Path) -> None:
    sent = motion(provenance={"photo": "caf\udce9.jpg"})  # how Python names a file whose name is Latin-1
    write_motion(tmp_path / "a.motion.json", sent)
    assert read_motion(tmp_path / "a.motion.json").provenance == sent.provenance


def test_a_comma_left_by_hand_is_forgiven(tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "good.motion.json"
    lines = path.read_text("utf-8").splitlines()
    del lines[lines.index(" ],") - 1]  # the last frame
    path.write_text("\n".join(lines), "utf-8")
    assert read_motion(path).num_frames == 4


def test_long_nonsense_is_shown_in_short(tmp_path: Path, document: dict[str, Any]) -> None:
    for key in ("format", "version", "guide", "fps"):
        assert "..." in refused(tmp_path, document | {key: "x" * 100_000})
    assert "..." in refused(tmp_path, document | {"point_names": ["x" * 100_000] * 68})


def _many(*shape: int) -> np.ndarray:
    """One frame more than may be, taking no room."""
    return np.broadcast_to(np.float32(0), (MAX_FRAMES + 1, *shape))


def test_writing_refuses_what_could_not_be_read(tmp_path: Path) -> None:
    good = motion()
    for bad in (
        motion(points=np.full((5, 68, 2), np.nan, np.float32)),
        motion(points=good.points[:, :67]),
        motion(confidence=good.confidence[:4]),
    ):
        with pytest.raises(ValueError, match="motion"):
            write_motion(tmp_path / "a.motion.json", bad)
    for bad, message in (
        (motion(0), "has no frames"),
        (motion(points=_many(68, 2), confidence=_many(68)), f"has more than {MAX_FRAMES:,} frames"),
        (motion(points=good.points * 1000), "far outside the picture"),
        (motion(fps=Fraction(1000)), "fps: a frame rate of .1000. is out of range"),
        (motion(size=(0, 480)), "size is .0, 480.; expected .width, height."),
        (motion(mode="first"), "mode is text"),
    ):
        with pytest.raises(InputError, match=f"cannot write .*a.motion.json: the motion could not be read again .*{message}"):
            write_motion(tmp_path / "a.motion.json", bad)
    with pytest.raises(ValueError, match="JSON"):
        write_motion(tmp_path / "a.motion.json", motion(provenance={"score": float("nan")}))
    with pytest.raises(InputError, match="no guide 'hand'"):
        write_motion(tmp_path / "a.motion.json", motion(guide="hand"))
    with pytest.raises(InputError, match="cannot write"):
        write_motion(tmp_path / "none" / "a.motion.json", good)
    assert not list(tmp_path.iterdir())
