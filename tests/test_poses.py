"""Other tools' skeletons in and out: BVH by hand and from real files, OpenPose, COCO, Penn, CSV; and what is wrong said in one line."""

from __future__ import annotations

import json
import tarfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from limner import guides
from limner.data.sources.kinematics import shipped
from limner.geometry import unit_length
from limner.guides.body import GUIDE
from limner.media.motion import read_motion
from limner.media.poses.bvh import body_of, read_bvh
from limner.media.poses.exports import export_motion
from limner.media.poses.imports import import_motion, settle
from limner.types import InputError

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not there")
SMALL = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT LeftUpLeg
  {
    OFFSET 1 0 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT LeftLeg
    {
      OFFSET 0 -4 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      End Site
      {
        OFFSET 0 -4 0
      }
    }
  }
  JOINT RightUpLeg
  {
    OFFSET -1 0 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -4 0
    }
  }
  JOINT LeftArm
  {
    OFFSET 1.5 5 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT LeftForeArm
    {
      OFFSET 3 0 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      End Site
      {
        OFFSET 2 0 0
      }
    }
  }
  JOINT RightArm
  {
    OFFSET -1.5 5 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET -3 0 0
    }
  }
}
MOTION
Frames: 2
Frame Time: .04
"""
REST = [0, 10, 0, *[0] * 21]
RAISED = list(REST)
RAISED[3 + 3 * 4] = 90  # the left arm's Zrotation: from sideways to straight up


def small(*rows: list[float]) -> str:
    return SMALL + "\n".join(" ".join(map(str, row)) for row in rows or (REST, RAISED)) + "\n"


def test_forward_kinematics_by_hand():
    bvh = read_bvh(small())
    assert bvh.fps == 25
    elbow = bvh.names.index("LeftForeArm")
    np.testing.assert_allclose(bvh.places[0, elbow], (4.5, 15, 0), atol=1e-12)
    np.testing.assert_allclose(bvh.places[1, elbow], (1.5, 18, 0), atol=1e-12)
    np.testing.assert_allclose(bvh.places[1, elbow + 1], (1.5, 20, 0), atol=1e-12)
    points, confidence, missing = body_of(bvh)
    at = {name: points[:, k] for k, name in enumerate(GUIDE.point_names)}
    np.testing.assert_allclose(at["elbow_left"][1], (1.5, -18, 0), atol=1e-12)  # y down
    np.testing.assert_allclose(at["neck"][0], (0, -15, 0), atol=1e-12)  # the middle of the shoulders
    np.testing.assert_allclose(at["knee_left"][0], (1, -6, 0), atol=1e-12)
    assert set(missing) == {"nose", "elbow_right", "wrist_right", "wrist_left", "knee_right", "ankle_right", "ankle_left"}
    assert (confidence[:, GUIDE.point_names.index("knee_right")] == 0).all()


def test_a_person_faces_the_viewer_at_first_however_the_file_turns_them():
    straight = body_of(read_bvh(small()))[0]
    turned = [list(REST), list(RAISED)]
    for row in turned:
        row[5] = 70  # Yrotation of the root
    np.testing.assert_allclose(body_of(read_bvh(small(*turned)))[0], straight, atol=1e-9)


def test_import_of_a_bvh(tmp_path: Path):
    path = tmp_path / "arm.bvh"
    path.write_text(small())
    motion = import_motion(path).motion
    assert (motion.num_frames, motion.fps, motion.size) == (2, 25, (512, 512))
    assert np.isfinite(motion.points).all()
    seen = motion.points[motion.confidence > 0]
    assert seen.min() > 0
    assert seen.max() < 512
    side = import_motion(path, yaw_deg=90).motion
    arm = [GUIDE.point_names.index(name) for name in ("shoulder_left", "elbow_left")]
    assert abs(np.diff(side.points[0, arm, 0])[0]) < 1e-3  # seen from the side the left arm points away
    assert import_motion(path, fps=Fraction(50)).motion.num_frames == 4


@needs_data
@pytest.mark.parametrize("path", sorted((DATA / "bodies" / "bvh").glob("*.bvh")), ids=lambda path: path.stem)
def test_real_bvh_files(path: Path):
    imported = import_motion(path, fps=Fraction(25))
    motion = imported.motion
    assert imported.notes == ("never seen: eye_right, eye_left, ear_right, ear_left",)
    limbs = list(range(14))
    assert (motion.confidence[:, limbs] == 1).all()
    points = motion.points
    x = points[0, :, 0]
    assert x[2] < x[1] < x[5]  # seen from the front at first: the person's right at the picture's left
    assert x[8] < x[11]
    upright = (points[:, 0, 1] < points[:, 1, 1]) & (points[:, 1, 1] < points[:, [8, 11], 1].mean(1))
    assert upright.mean() > 0.8
    bvh = read_bvh(path.read_text())
    places = body_of(bvh)[0]
    for a, b in ((8, 9), (9, 10), (2, 3), (3, 4)):  # bones of one length throughout
        length = np.linalg.norm(places[:, a] - places[:, b], axis=-1)
        np.testing.assert_allclose(length, length[0], rtol=1e-3)
    torso = np.linalg.norm(places[:, 1] - places[:, [8, 11]].mean(1), axis=-1).mean()
    legs = np.linalg.norm(places[0, 8] - places[0, 9]) + np.linalg.norm(places[0, 9] - places[0, 10])
    assert 1.3 < legs / torso < 2.4


@needs_data
def test_cmu_jumping_jacks_are_as_fast_as_ours():
    """The wrists of the recorded jacks go up and down about as often as those that ship."""
    from limner.data.sources.kinematics import period_s

    motion = import_motion(DATA / "bodies" / "bvh" / "cmu1__jumping_jacks.bvh").motion
    height = motion.points[:, 4, 1] - motion.points[:, 2, 1]
    high = height < 0
    jacks = int((np.diff(high.astype(int)) == 1).sum())
    assert jacks == 3
    starts = np.flatnonzero(np.diff(high.astype(int)) == 1)
    seconds = float(np.diff(starts).mean() / motion.fps)
    assert seconds == pytest.approx(period_s("jumping-jack"), rel=0.2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no BVH file: it does not begin with HIERARCHY"),
        ("ply\nformat", "is no BVH file"),
        (small().replace("Frames: 2", "Frames: 3"), "says it has 3 frames of 24 numbers, and has 48 numbers"),
        (small()[:300], "is a BVH file cut short"),
        (small().replace("Frames: 2", "Frames: 0"), "has no frames"),
        (small().replace(".04", "0"), "has a frame time of 0 s"),
        (small().replace(".04", "soon"), "has 'soon' where a number should be"),
        (small([*REST[:-1], float("nan")], REST), "frame 0 holds a number that is not finite"),
        (small().replace("90", "up"), "holds something among its frames that is no number"),
        (
            small().replace("Zrotation Xrotation Yrotation\n  JOINT", "Zrotation Wrotation Yrotation\n  JOINT"),
            "has the channel 'wrotation'",
        ),
        (
            small().replace("LeftArm", "Tail").replace("RightUpLeg", "Paw"),
            "is a BVH of another hierarchy: it lacks elbow_right, wrist_right, shoulder_left, wrist_left, hip_right",
        ),
    ],
)
def test_what_is_wrong_with_a_bvh(tmp_path: Path, text: str, words: str):
    path = tmp_path / "bad.bvh"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        import_motion(path)
    line = str(caught.value)
    assert words in line
    assert line.startswith(str(path))
    assert "\n" not in line


@needs_data
def test_openpose_of_a_real_picture(tmp_path: Path):
    source = (DATA / "annotations" / "openpose_json" / "random_keypoints.json").read_text()
    for t in (2, 10, 1):
        (tmp_path / f"frame_{t}_keypoints.json").write_text(source)
    imported = import_motion(tmp_path, fps=Fraction(30), size=(1023, 682))
    motion = imported.motion
    assert (motion.num_frames, motion.size, motion.fps) == (3, (1023, 682), 30)
    assert "2 people at once; followed is the largest" in imported.notes
    assert (motion.confidence[:, [0, 14, 15]] == 0).all()  # seen from behind
    assert not (motion.points == 0).any()
    np.testing.assert_allclose(motion.points[1, 1], (447.67, 204.633), atol=0.2)
    child = import_motion(tmp_path, person=2).motion
    assert unit_length(child.points[0], GUIDE) < unit_length(motion.points[0], GUIDE)
    with pytest.raises(InputError, match="there is no person 3; its first frame with people shows 2"):
        import_motion(tmp_path, person=3)


@needs_data
def test_coco_and_penn_of_real_files(tmp_path: Path):
    coco = import_motion(DATA / "annotations" / "coco" / "test_coco.json").motion
    assert coco.num_frames == 4
    assert (coco.confidence[0] > 0).all()
    with tarfile.open(DATA / "bodies" / "penn_action_labels.tar.gz") as archive:
        member = next(member for member in archive if member.name.endswith("0001.mat"))
        file = archive.extractfile(member)
        assert file is not None
        (tmp_path / "0001.mat").write_bytes(file.read())
    penn = import_motion(tmp_path / "0001.mat").motion
    assert penn.num_frames == 151
    assert penn.size[0] > penn.points[penn.confidence > 0].max(0)[0] * 0.9
    assert (penn.confidence[:, 14:] == 0).all()
    broken = tmp_path / "broken.mat"
    broken.write_bytes((tmp_path / "0001.mat").read_bytes()[:900])
    for content in (broken.read_bytes(), b"no mat file at all", b""):
        broken.write_bytes(content)
        with pytest.raises(InputError, match=r"broken.mat"):
            import_motion(broken)


def test_out_and_in_again(tmp_path: Path):
    """A motion that ships, with joints taken out, through each format and back."""
    sent = shipped.load("walking-side", seconds=1)
    sent.confidence[3:5, 4] = 0
    sent.confidence[:, 16] = 0
    for name in ("walk.csv", "walk.json", "walk"):
        export_motion(tmp_path / name, sent)
        got = import_motion(tmp_path / name, fps=sent.fps, size=sent.size).motion
        assert got.num_frames == sent.num_frames
        assert ((got.confidence > 0) == (sent.confidence > 0)).all() or name == "walk.json"
        known = (sent.confidence > 0) & (got.confidence > 0)
        np.testing.assert_allclose(got.points[known], sent.points[known], atol=1e-3)
        assert (got.confidence[3:5, 4] == 0).all()
        assert np.linalg.norm(got.points[3:5, 4] - sent.points[3:5, 4], axis=-1).max() < 10  # where it goes between the frames
        assert (got.confidence[:, 16] == 0).all()
    with pytest.raises(InputError, match=r"the folder .*walk is not empty"):
        export_motion(tmp_path / "walk", sent)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", "{", "is not valid JSON"),
        ("a.json", "{}", "is neither OpenPose's JSON ('people') nor COCO's"),
        ("a.json", '{"people": []}', "no frame shows a person"),
        ("a.json", '{"people": [{"pose_keypoints_2d": [1, 2]}]}', "person 0 has 2 numbers; OpenPose writes 54 (COCO) or 75 (BODY_25)"),
        ("a.json", '{"people": [{"pose_keypoints_2d": ["x"]}]}', "something among its key points that is no number"),
        ("a.json", json.dumps({"people": [{"pose_keypoints_2d": [float("nan")] * 54}]}), "hardly a joint is ever seen"),
        ("a.json", '{"images": [], "annotations": []}', "is no COCO file of key points"),
        ("a.json", '{"guide": "body", "frames": []}', "is a motion file already"),
        ("a.csv", "a,b\n1,2\n", "has none of the columns nose_x, nose_y"),
        ("a.csv", "nose_x,nose_y\n1,inf\n", "frame 0 holds 'inf', no finite place"),
        ("a.csv", "nose_x,nose_y\n1\n", "frame 0 has 1 fields, the head 2"),
        ("a.csv", "nose_x,nose_y\n", "has no frames"),
        ("a.fbx", "x", "motions are imported from .bvh, .json"),
        ("none.bvh", None, "does not exist"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, name: str, content: str | None, words: str):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as caught:
        import_motion(tmp_path / name)
    assert words in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settling_never_seen_joints():
    body = guides.load("body")
    points = np.repeat(body.canonical[None].astype(float) * 100 + 300, 5, 0)
    points[:, :, 0] += np.arange(5)[:, None]
    holes, sure = points.copy(), np.ones((5, 18))
    holes[2, 4], sure[2, 4] = np.nan, 0
    holes[:, 10], sure[:, 10] = 0, 0
    settled = settle(holes, sure)
    np.testing.assert_allclose(settled, points, atol=1e-3)


def test_the_commands(limner, tmp_path: Path):
    code, said, _ = limner("motion", "list")
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == list(shipped.MOTIONS)
    out = tmp_path / "w.motion.json"
    assert limner("motion", "export", "walking", "-o", out)[0] == 0
    assert read_motion(out, guide="body").num_frames == shipped.load("walking").num_frames
    assert limner("motion", "export", out, "-o", tmp_path / "w.csv")[0] == 0
    again = tmp_path / "again.motion.json"
    code, said, errors = limner("motion", "import", tmp_path / "w.csv", "--size", "512x512", "-o", again)
    assert code == 0
    assert "80 frames at 25 a second" in said
    assert "no rate is stated" in errors[0]
    np.testing.assert_allclose(read_motion(again).points, read_motion(out).points, atol=2e-3)
    for asked, words in (
        (("import", tmp_path / "no.bvh", "-o", again, "--force"), "does not exist"),
        (("import", tmp_path / "w.csv", "-o", again), "already there"),
        (("import", tmp_path / "w.csv", "-o", again, "--force", "--size", "big"), "write it as 640x480"),
        (("import", tmp_path / "w.csv", "-o", again, "--force", "--yaw", "30"), "only the person of a .bvh can be turned"),
        (("export", "flying", "-o", tmp_path / "x.csv"), "neither a motion file nor a motion that ships: walking"),
        (("export", "walking", "-o", tmp_path / "x.bvh"), "a motion is exported as .csv, as .json"),
    ):
        code, _, errors = limner("motion", *asked)
        assert code == 2
        assert words in errors[0]
        assert len(errors) == 1


@pytest.mark.parametrize("name", shipped.MOTIONS)
def test_motions_that_ship(name: str):
    motion = shipped.load(name)
    assert 30 <= motion.num_frames <= 120
    assert motion.points.min() > 0
    assert motion.points.max() < 512
    step = np.linalg.norm(np.diff(motion.points, axis=0), axis=-1).max()
    assert np.linalg.norm(motion.points[0] - motion.points[-1], axis=-1).max() <= step * 1.05 + 0.1  # it closes on itself
    assert motion.provenance["loops"]


def test_a_bodys_motion_is_inspected(limner, tmp_path: Path):
    motion = shipped.load("boxing-side", seconds=1)
    motion.confidence[:, 16] = 0
    from limner.media.motion import write_motion

    write_motion(tmp_path / "b.motion.json", motion)
    code, said, _ = limner("inspect", tmp_path / "b.motion.json", "--out", tmp_path / "b.png")
    assert code == 0
    assert "never seen  ear_right" in said
    from limner.media.pictures import read_picture

    pixels = read_picture(tmp_path / "b.png").pixels.astype(int)
    assert (np.ptp(pixels, axis=2) > 100).sum() > 500  # limbs have their colours
