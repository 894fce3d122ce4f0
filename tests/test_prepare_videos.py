"""Raw recordings to a store, on real faces: what is kept, what is not and why, the same for any number of workers; and motion extract."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limner.data import videos
from limner.data.clips import ClipConfig, crop, crop_matrix, prepare_clip
from limner.data.film import steady
from limner.data.page import PAGE
from limner.data.samples import load_sequences
from limner.data.sources.raw import RawClip
from limner.data.store import Store
from limner.data.transitions import TransitionConfig
from limner.data.videos import REPORT, prepare_videos
from limner.detect.face import FaceDetector
from limner.generation.smiles import Engine
from limner.geometry import apply_affine, compose_affine, invert_affine
from limner.guides.face import GUIDE
from limner.media.motion import read_motion, write_motion
from limner.media.video import VideoWriter, read_timed, read_video
from limner.types import InputError
from raw_trees import disfa, disfa_plus, uva_nemo, write_mp4

NUM = 24  # frames of a recording of the astronaut
LABELS = np.repeat([0.0, 1, 2, 3, 4, 5], [8, 2, 2, 2, 2, 8]).astype(np.float32)  # the last 0 is frame 7, the first 5 frame 16
ONSET, APEX = 7, 16


@pytest.fixture(scope="module")
def recording(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> RawClip:
    """A folder of frames, the portrait moving to the right by 1 pixel a frame, with AU12 labels that rise."""
    folder = tmp_path_factory.mktemp("raw") / "astronaut"
    folder.mkdir()
    portrait = Image.fromarray(astronaut[:256, 96:352])
    for t in range(NUM):
        portrait.transform(portrait.size, Image.Transform.AFFINE, (1, 0, -t, 0, 1, 0)).save(folder / f"{t}.png")
    return RawClip(
        id="a", source="test", path=folder, subject="eileen", split="train", label="posed", fps=Fraction(20), au=LABELS[:, None],
        au_names=("AU12",),
    )  # fmt: skip


def altered(raw: RawClip, **changes: object) -> RawClip:
    return RawClip(**{**vars(raw), **changes})  # type: ignore[arg-type]


def same(one: Store, other: Store) -> bool:
    return one.table["id"].to_pylist() == other.table["id"].to_pylist() and one.table["hash"].to_pylist() == other.table["hash"].to_pylist()


def test_labels_choose_the_transition(recording: RawClip, engine: Engine) -> None:
    prepared = prepare_clip(recording, engine.detector, ClipConfig(size=48))
    (clip,) = prepared.clips
    (kept,) = prepared.entry["kept"]
    assert (kept["onset"], kept["apex"], prepared.entry["reason"]) == (ONSET, APEX, None)
    assert prepared.entry["au"] == {"AU06": "estimated", "AU12": "labels"}
    assert (clip.id, clip.label, clip.split, clip.size, clip.num_frames) == ("a__1", "posed", "train", (48, 48), 32)
    assert clip.duration_s == pytest.approx((APEX - ONSET) / 20)
    assert clip.fps == Fraction(31 * 20, APEX - ONSET)
    assert clip.au is not None
    assert clip.frames is not None
    np.testing.assert_allclose(clip.au[[0, -1], 1], [0, 5])
    assert (np.diff(clip.au[:, 1]) >= 0).all()
    # Nine frames to the right, by the crop's scale; the crop itself stands still
    scale = np.hypot(*(clip.points[0, 45] - clip.points[0, 36])) / np.hypot(*np.subtract(*_eyes(recording, engine)))
    moved = (clip.points[-1] - clip.points[0]).mean(0)
    np.testing.assert_allclose(moved, [(APEX - ONSET) * scale, 0], atol=0.4)
    wanted = np.roll(clip.frames[0].astype(float), round(float(moved[0])), axis=1)
    assert (
        np.abs(wanted - clip.frames[-1])[8:40, 8:40].mean() < 12 < np.abs(clip.frames[0].astype(float) - clip.frames[-1])[8:40, 8:40].mean()
    )


def _eyes(recording: RawClip, engine: Engine) -> tuple[np.ndarray, np.ndarray]:
    points = engine.detector.faces(np.asarray(Image.open(recording.path / f"{ONSET}.png")))[0].points
    return points[36], points[45]


def test_what_gives_no_clip(recording: RawClip, engine: Engine, tmp_path: Path) -> None:
    def why(raw: RawClip) -> tuple[str, str]:
        prepared = prepare_clip(raw, engine.detector)
        assert not prepared.clips
        return prepared.entry["reason"], prepared.entry["why"]

    assert why(altered(recording, au=None, au_names=())) == ("no smile", "AU12 stays under 0.5")
    assert recording.au is not None
    reason, said = why(altered(recording, au=np.repeat(recording.au, 2, 0)))
    assert reason == "unreadable"
    assert f"{NUM} frames, its AU12 labels {2 * NUM} rows" in said
    gap = recording.au.copy()
    gap[10:12] = np.nan  # two frames of the rise have no label
    reason, said = why(altered(recording, au=gap))
    assert reason == "no smile"
    assert "at rest for 0 frames" in said
    reason, said = why(altered(recording, path=write_mp4(tmp_path / "grey.mp4"), fps=None))
    assert reason == "no face"
    assert "none of the 3 frames" in said
    mixed = tmp_path / "mixed"
    shutil.copytree(recording.path, mixed)
    Image.new("RGB", (100, 80)).save(mixed / "5.png")
    reason, said = why(altered(recording, path=mixed))
    assert reason == "unreadable"
    assert "frame 5 is 100 x 80 pixels, the first 256 x 256" in said


def test_crop_takes_points_and_pixels_to_the_same_place() -> None:
    turn = np.array([[2.0, -1.0, 150.0], [1.0, 2.0, 90.0]]) @ np.diag([40.0, 40.0, 1.0])  # a face turned by 27 degrees, 89 px between eyes
    points = apply_affine(turn, GUIDE.canonical)
    matrix = crop_matrix(points, 64)
    np.testing.assert_allclose(matrix, compose_affine(invert_affine(turn), matrix_of_canonical()), atol=1e-4)
    for k in (8, 36, 54):
        picture = np.full((320, 320, 3), 127, np.uint8)  # as what lies outside it
        x, y = points[k].astype(int)
        picture[y - 4 : y + 5, x - 4 : x + 5] = 255
        bright = crop(picture, matrix, 64)[..., 0].astype(float) - 127
        seen = [(bright.sum(axis) * (np.arange(64) + 0.5)).sum() / bright.sum() for axis in (0, 1)]
        wanted = apply_affine(matrix, np.array([[x + 0.5, y + 0.5]]))[0]
        np.testing.assert_allclose(seen, wanted, atol=0.15)


def matrix_of_canonical() -> np.ndarray:
    return crop_matrix(GUIDE.canonical, 64)


def test_a_store_is_kept_gone_on_with_and_guarded(recording: RawClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "cut.mp4"
    bad.write_bytes(b"\0\0\0\x18ftypmp42 and no more")
    raws = [recording, altered(recording, id="b", path=bad, subject="b"), altered(recording, id="c", label="spontaneous")]
    store = tmp_path / "store"
    report = prepare_videos(raws, store, size=32)
    first = Store(store)
    assert [entry["reason"] for entry in report] == [None, "unreadable", None]
    assert first.table["id"].to_pylist() == ["a__1", "c__1"]
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("cut.mp4: no clip, unreadable: ")
    assert "2 clips of 3 recordings; 1 gave none (1 unreadable)" in said[-1]
    assert len(load_sequences(first, split="train")) == 2
    assert prepare_videos(raws, store, size=32) == report == json.loads((store / REPORT).read_text())["recordings"]
    assert "kept" in capsys.readouterr().out
    # Killed after the shard and before the report: the same in the end
    written = json.loads((store / REPORT).read_text())
    (store / REPORT).write_text(json.dumps(written | {"recordings": report[:1]}))
    assert prepare_videos(raws, store, size=32) == report
    assert same(Store(store), first)
    assert "goes on after 1 of 3" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"other settings.*--force"):
        prepare_videos(raws, store, size=48)
    prepare_videos(raws[:1], store, size=48, force=True, quiet=True)
    assert Store(store)[0].size == (48, 48)
    assert len(Store(store)) == 1
    none = tmp_path / "none"
    with pytest.raises(InputError, match=r"0 clips of 1 recording; 1 gave none \(1 unreadable\).*report\.json"):
        prepare_videos(raws[1:2], none)
    prepare_videos(raws[:1], none, size=32, quiet=True)  # a store that holds nothing is in nobody's way
    for size, workers, limit in ((4, 1, None), (64, 0, None), (64, 1, 0)):
        with pytest.raises(InputError, match="--"):
            prepare_videos(raws, none, size=size, workers=workers, limit=limit)


def test_thresholds_are_asked_for_kept_and_guarded(limner, recording: RawClip, tmp_path: Path) -> None:
    store = tmp_path / "store"
    higher = videos.smiles(32, TransitionConfig(least_apex=1.8, labels_apex=4.5))
    prepare_videos([recording], store, work=higher, quiet=True)
    said = json.loads((store / REPORT).read_text())["settings"]
    assert said == Store(store).note["settings"]
    assert (said["least_apex"], said["labels_apex"], said["rest"]) == (1.8, 4.5, 0.5)
    assert "and 1.8, which a smile must reach" in (store / PAGE).read_text(encoding="utf-8")
    with pytest.raises(InputError, match=r"made with other settings: least_apex 1.8 \(now 1.5\); use --force"):
        prepare_videos([recording], store, size=32)
    with pytest.raises(InputError, match="made of other recordings, or with other labels"):
        prepare_videos([altered(recording, label="spontaneous")], store, work=higher)
    with pytest.raises(InputError, match="1 no smile"):
        prepare_videos([recording], tmp_path / "none", work=videos.smiles(32, TransitionConfig(least_rise_frames=12)))
    write_mp4(tmp_path / "raw" / "kim" / "a.mp4")
    for words, answer in (
        ("apex=1.8", "no setting 'apex'; there are: rest, rest_frames, least_apex"),
        ("least_apex=9", "least_apex lies in 0.01..5, not at 9"),
        ("rest=1.7", "rest, 1.7, lies below what a smile must reach: 1.5, 2 of labels"),
        ("median_frames=4", "median_frames is odd, not 4"),
    ):
        code, _, refused = limner("prepare", "folder", tmp_path / "raw", tmp_path / "other", "--set", words)
        assert code == 2
        assert answer in refused[0]
    code, _, refused = limner("prepare", "folder", tmp_path / "raw", tmp_path / "other", "--set", "rest=0.4", "--workers", 1)
    assert "1 gave none (1 no face)" in refused[0]
    assert json.loads((tmp_path / "other" / REPORT).read_text())["settings"]["rest"] == 0.4


def test_long_recordings_are_safe_one_by_one(recording: RawClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(videos, "FRAMES_PER_SHARD", NUM)
    prepare_videos([recording, altered(recording, id="b")], tmp_path / "store", size=32, quiet=True)
    shards = [shard.partition("#")[0] for shard in Store(tmp_path / "store").table["shard"].to_pylist()]
    assert shards == ["00000.safetensors", "00001.safetensors"]


@pytest.mark.shared
def test_real_videos_to_a_store_by_any_number_of_workers(limner, shared: Path, tmp_path: Path) -> None:
    raw = tmp_path / "my videos"
    (raw / "kim" / "spontaneous").mkdir(parents=True)
    film = shutil.copy(shared / "data" / "faces" / "video" / "smile_single_face.mp4", raw / "kim" / "spontaneous" / "lächeln.mp4")
    (raw / "broken.mp4").write_bytes(Path(film).read_bytes()[:5000])
    write_mp4(raw / "lee" / "grey.mp4")
    code, said, refused = limner("prepare", "folder", raw, tmp_path / "one", "--workers", 1)
    assert (code, refused) == (0, [])
    assert "1 clip of 3 recordings; 2 gave none (1 no face, 1 unreadable)" in said
    store = Store(tmp_path / "one")
    clip = store[0]
    assert len(store) == 1
    assert clip.frames is not None
    assert clip.au is not None
    assert (clip.id, clip.subject, clip.label) == ("kim__spontaneous__lächeln__1", "kim", "spontaneous")
    assert clip.frames.shape == (32, 64, 64, 3)
    assert clip.points.shape == (32, 68, 2)
    entries = {entry["id"]: entry for entry in json.loads((tmp_path / "one" / REPORT).read_text(encoding="utf-8"))["recordings"]}
    kept = entries["kim__spontaneous__lächeln"]["kept"][0]
    assert abs(kept["onset"] - 17) <= 3  # data/README.md; where its peak is, test_transitions says
    assert clip.duration_s == pytest.approx((kept["apex"] - kept["onset"]) / 30)
    assert clip.points.min() > 0
    assert clip.points.max() < 64
    assert clip.au[0, 1] < 0.5
    assert clip.au[-1, 1] > 4
    assert (np.diff(clip.au[:, 1]) > -0.2).all()
    # Where the points say the mouth is: lips first, as red as they are, then teeth
    places = ((clip.points[:, 62] + clip.points[:, 66]) / 2).astype(int)
    lips, teeth = (clip.frames[t, places[t, 1], places[t, 0]].astype(int) for t in (0, -1))
    assert lips[0] - lips[1] > 60
    assert teeth[1] > lips[1] + 60
    assert teeth[0] - teeth[1] < 40
    limner("prepare", "folder", raw, tmp_path / "two", "--workers", 2)
    assert same(Store(tmp_path / "two"), store)
    assert (tmp_path / "two" / REPORT).read_text() == (tmp_path / "one" / REPORT).read_text()
    code, said, _ = limner("prepare", "folder", raw, tmp_path / "one")
    assert code == 0
    assert "kept" in said
    page = (tmp_path / "one" / PAGE).read_text(encoding="utf-8")
    assert page.count("<svg") == page.count('fill="#bfe3c0"') == 1  # one film has curves, one stretch of it is kept
    assert page.count("<img") == 2  # the clip, and of what shows no face how it looks
    assert page.count('href="#r') == 2  # those that gave none, each a link to its place
    assert not [word for word in ("http", "<script", "@import", "url(") if word in page]  # nothing is fetched
    assert "no face" in page
    assert "l\u00e4cheln" in page


def test_disfa_and_disfa_plus_by_their_labels(limner, recording: RawClip, tmp_path: Path) -> None:
    labels = {12: LABELS.astype(int).tolist(), 6: [0] * NUM}
    names = [f"{t:03d}.jpg" for t in range(NUM)]
    trees = {
        "disfa": disfa(tmp_path, {"SN001": labels}),
        "disfa-plus": disfa_plus(tmp_path, {("SN001", "A1_AU1_TrailNo_1"): labels}, names),
    }
    frames = [Image.open(recording.path / f"{t}.png") for t in range(NUM)]
    with VideoWriter(trees["disfa"] / "Videos_LeftCamera" / "LeftVideoSN001_comp.avi", fps=Fraction(20), size=(256, 256)) as writer:
        for frame in [*frames, frames[-1]]:  # a frame more than there are labels
            writer.write(np.asarray(frame))
    for name, frame in zip(names, frames, strict=True):
        frame.save(trees["disfa-plus"] / "Images" / "SN001" / "A1_AU1_TrailNo_1" / name, quality=95)
    for source, label in (("disfa", "spontaneous"), ("disfa-plus", "posed")):
        code, said, refused = limner("prepare", source, trees[source], tmp_path / source, "--workers", 1)
        assert (code, refused) == (0, []), said
        (clip,) = Store(tmp_path / source)
        assert (clip.source, clip.subject, clip.label, clip.duration_s) == (source, "SN001", label, pytest.approx((APEX - ONSET) / 20))
        (entry,) = json.loads((tmp_path / source / REPORT).read_text())["recordings"]
        assert entry["au"] == {"AU06": "labels", "AU12": "labels"}
    code, _, refused = limner("prepare", "uva-nemo", trees["disfa"], tmp_path / "nemo")
    assert code == 2
    assert "looked for" in refused[0]
    assert not (tmp_path / "nemo").exists()


def test_uva_nemo_from_its_tree_to_clips(limner, smiling: np.ndarray, tmp_path: Path) -> None:
    rows = [
        ("001_deliberate_smile_1.mp4", "001", "female", "23", "deliberate"),
        ("133_spontaneous_smile_1.mp4", "133", "male", "31", "spontaneous"),
    ]
    base = uva_nemo(tmp_path, rows)
    for name, *_ in rows:
        with VideoWriter(base / "videos" / name, fps=Fraction(50), size=(300, 300)) as writer:
            for frame in smiling:
                writer.write(frame)
    code, said, refused = limner("prepare", "uva-nemo", base, tmp_path / "store", "--size", 128, "--workers", 1)
    assert (code, refused) == (0, []), said
    posed, spontaneous = Store(tmp_path / "store")
    assert (posed.id, posed.split, posed.label, posed.size) == ("001_deliberate_smile_1__1", "train", "posed", (128, 128))
    assert (spontaneous.id, spontaneous.split, spontaneous.label) == ("133_spontaneous_smile_1__1", "test", "spontaneous")
    for clip in (posed, spontaneous):
        assert clip.num_frames == 32
        assert clip.au is not None
        assert clip.au[0, 1] < 0.5 < 2 < clip.au[-1, 1]
        assert 0.3 < clip.duration_s < 0.5  # the film is one second at 25 frames a second, half that at 50
    (base / "videos" / rows[0][0]).unlink()
    code, _, refused = limner("prepare", "uva-nemo", base, tmp_path / "other")
    assert code == 2
    assert "UvA-NEMO is half-unpacked" in refused[0]
    assert "lists 2 videos, missing: 1 (001_deliberate_smile_1.mp4)" in refused[0]
    assert "--partial" in refused[0]
    assert limner("prepare", "uva-nemo", base, tmp_path / "other", "--partial", "--workers", 1)[0] == 0
    assert Store(tmp_path / "other").table["id"].to_pylist() == ["133_spontaneous_smile_1__1"]


def test_motion_extract_then_render(limner, astronaut: np.ndarray, astronaut_png: Path, tmp_path: Path) -> None:
    video, motion_file = tmp_path / "a film.mp4", tmp_path / "a.motion.json"
    with VideoWriter(video, fps=Fraction(25), size=(256, 256)) as writer:
        for t in range(9):
            writer.write(astronaut[:256, 96 - t : 352 - t] if t < 6 else np.full((256, 256, 3), 90, np.uint8))
    code, said, _ = limner("motion", "extract", video, "-o", motion_file)
    assert code == 0
    assert "9 frames at 25 a second, 3 without a face" in said
    motion = read_motion(motion_file, "face")
    assert (motion.num_frames, motion.size, motion.fps) == (9, (256, 256), 25)
    np.testing.assert_array_equal(motion.confidence[:, 0] > 0, [True] * 6 + [False] * 3)
    np.testing.assert_allclose((motion.points[5] - motion.points[0]).mean(0), [5, 0], atol=0.5)
    code, _, refused = limner("motion", "extract", video, "-o", motion_file)
    assert code == 2
    assert "already there; --force" in refused[0]
    assert limner("motion", "extract", video, "-o", motion_file, "--force")[0] == 0
    code, said, _ = limner("render", astronaut_png, motion_file, "--size", 128, "--out", tmp_path / "out.mp4")
    assert code == 0
    assert "another face's motion" in said
    assert len(list(read_video(tmp_path / "out.mp4")[1])) == 9
    for bad, words in ((tmp_path / "no.mp4", "does not exist"), (write_mp4(tmp_path / "grey.mp4"), "none of the 3 frames shows a face")):
        code, _, refused = limner("motion", "extract", bad, "-o", tmp_path / "b.motion.json")
        assert code == 2
        assert words in refused[0]
        assert not (tmp_path / "b.motion.json").exists()
    assert limner("motion", "extract", video, "--guide", "hand", "-o", tmp_path / "b.motion.json")[0] == 2


def test_a_varying_rate_is_made_steady() -> None:
    times = np.array([0, 0.1, 0.2, 0.6, 1.0])  # five frames, 4 a second on the whole
    values = np.stack([times * 7, 1 - times], -1).astype(np.float32)[:, None]
    np.testing.assert_allclose(steady(values, times, 4.0), [[[t * 7, 1 - t]] for t in (0, 0.25, 0.5, 0.75, 1)], atol=1e-6)
    even = np.arange(5) / 4 + [0, 0.1, -0.1, 0.1, 0]  # a container's rounding
    assert steady(values, even, 4.0) is values


@pytest.mark.shared
def test_a_real_smile_drives_another_face(limner, shared: Path, astronaut_png: Path, tmp_path: Path) -> None:
    film, motion_file = shared / "data" / "faces" / "video" / "smile_single_face.mp4", tmp_path / "smile.motion.json"
    assert limner("motion", "extract", film, "--out", motion_file)[0] == 0
    motion = read_motion(motion_file)
    assert motion.num_frames == 72
    assert (motion.confidence > 0).all()
    few = type(motion)(**{**vars(motion), "points": motion.points[16:56:13], "confidence": motion.confidence[16:56:13]})
    write_motion(motion_file, few)
    assert limner("render", astronaut_png, motion_file, "--size", 256, "--out", tmp_path / "out.mp4")[0] == 0
    frames = list(read_video(tmp_path / "out.mp4")[1])
    assert len(frames) == 4
    wide = [np.ptp(FaceDetector().faces(frame)[0].points[[48, 54], 0]) for frame in (frames[0], frames[-1])]
    assert wide[1] > 1.15 * wide[0]  # the mouth has widened as the real one did


@pytest.mark.shared
def test_times_are_the_files_own(shared: Path) -> None:
    info, frames = read_timed(shared / "data" / "faces" / "video" / "smile_then_no_face.mov")
    times = np.array([next(frames)[0] for _ in range(60)], float)
    assert float(info.fps) == pytest.approx(26.4, abs=0.1)  # the mean; the file's rate varies
    np.testing.assert_allclose(np.diff(times), 1 / 30, atol=2e-3)
