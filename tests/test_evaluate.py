"""`limner evaluate` on small stores: perfect copies, harm of four kinds, stores of others, and everything that cannot be compared."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save
from scipy.ndimage import gaussian_filter

from drawn_faces import drawn_clips
from limner.data.records import COLUMNS
from limner.data.store import Store, StoreWriter
from limner.evaluation.detections import Detections
from limner.evaluation.evaluate import Networks, evaluate, told
from limner.evaluation.looking import look_at
from limner.evaluation.report import seen_with
from limner.types import InputError

PIXELS, PEOPLE = (Networks(detector=False, recognition=False, identity=identity) for identity in (False, True))
POINTS = Networks(identity=False, recognition=False)
SIZE, NUM = 32, 8


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Nothing comes out of the user's cache, or goes into it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIMNER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def clips():
    return [clip for clip in drawn_clips(6, SIZE, NUM) if clip.label == "posed"]


def written(path, clips) -> Store:
    with StoreWriter(path, encoding="raw") as writer:
        for clip in clips:
            writer.add(clip)
    return Store(path)


@pytest.fixture(scope="module")
def real(clips, tmp_path_factory) -> Store:
    return written(tmp_path_factory.mktemp("stores") / "real", clips)


def made(clips, path, change, modes=1) -> Store:
    """Each clip's imitations: change(clip, rng of clip and mode) -> clip."""
    return written(
        path,
        [
            replace(change(clip, np.random.default_rng([number, mode])), id=f"{clip.id}/mode_{mode + 1}")
            for number, clip in enumerate(clips)
            for mode in range(modes)
        ],
    )


def noisy(sigma):
    return lambda clip, rng: replace(clip, frames=(clip.frames + rng.normal(0, sigma, clip.frames.shape)).clip(0, 255).astype(np.uint8))


def blurred(sigma):
    return lambda clip, rng: replace(clip, frames=gaussian_filter(clip.frames, (0, sigma, sigma, 0)))


def in_order(order):
    def change(clip, rng):
        at = order(rng)
        return replace(clip, frames=clip.frames[at], points=clip.points[at])

    return change


SAME = in_order(lambda rng: np.arange(NUM))
DROPPED, LOST = in_order(lambda rng: np.arange(NUM) // 2 * 2), in_order(lambda rng: np.arange(NUM) // 4 * 4)
SHUFFLED = in_order(lambda rng: np.r_[0, 1 + rng.permutation(NUM - 1)])


@pytest.fixture(scope="module")
def harmed(clips, real, tmp_path_factory):
    """Scores of the originals' copies under growing harm, by name."""
    folder = tmp_path_factory.mktemp("harmed")
    changes = {"same": SAME, "noise 6": noisy(6), "noise 25": noisy(25), "blur 0.8": blurred(0.8), "blur 2": blurred(2), "dropped": DROPPED}
    changes |= {"lost": LOST, "shuffled": SHUFFLED}
    stores = [made(clips, folder / name.replace(" ", "_"), change) for name, change in changes.items()]
    scores = evaluate(real, stores, networks=PEOPLE, names=list(changes))
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    return {row["name"]: {key: score["value"] for key, score in row["scores"].items()} for row in scores["rows"]}


def test_a_copy_is_perfect(harmed):
    same, original = harmed["same"], harmed["Original"]
    assert {"ssim": 1, "ms_ssim": 1, "psnr": 100, "mouth_ssim": 1}.items() <= {key: round(value, 5) for key, value in same.items()}.items()
    for key in ("lpips", "fid", "fvd", "aed", "is_difference"):
        assert same[key] == pytest.approx(0, abs=1e-3), key
    assert same["kid"] <= 0  # unbiased: of a set with itself the pairs of a frame with itself count on one side alone
    for key in ("sharpness", "flicker", "frame_difference", "is", "identity"):
        assert same[key] == pytest.approx(original[key], rel=1e-6), key


@pytest.mark.parametrize(("less", "more"), [("noise 6", "noise 25"), ("blur 0.8", "blur 2"), ("dropped", "lost")])
def test_more_harm_scores_worse(harmed, less, more):
    for key in ("ssim", "ms_ssim", "psnr", "mouth_ssim"):
        assert harmed["same"][key] > harmed[less][key] > harmed[more][key], key
    for key in ("lpips", "fvd") + (() if less == "dropped" else ("fid", "kid")):
        assert harmed["same"][key] < harmed[less][key] < harmed[more][key], key


def test_each_harm_is_seen_by_what_should_see_it(harmed):
    original = harmed["Original"]
    assert harmed["blur 2"]["sharpness"] < harmed["blur 0.8"]["sharpness"] < original["sharpness"]
    assert harmed["noise 25"]["sharpness"] > harmed["noise 6"]["sharpness"] > original["sharpness"]
    assert harmed["noise 25"]["flicker"] > harmed["noise 6"]["flicker"] > original["flicker"]
    assert harmed["shuffled"]["flicker"] > original["flicker"]
    assert harmed["shuffled"]["ssim"] < 1
    assert harmed["shuffled"]["fvd"] > harmed["same"]["fvd"] + 1e-3
    assert harmed["noise 25"]["identity"] < original["identity"]
    assert harmed["noise 25"]["aed"] > harmed["noise 6"]["aed"] > 0


def test_points_alone(tmp_path):
    bare = [replace(clip, frames=None) for clip in drawn_clips(3, SIZE, NUM)]
    jitter = lambda sigma: lambda clip, rng: replace(clip, points=clip.points + rng.normal(0, sigma, clip.points.shape).astype(np.float32))  # noqa: E731
    changes = {"same": SAME_POINTS, "jitter": jitter(0.1), "shaken": jitter(0.5), "still": STILL}
    stores = [made(bare, tmp_path / name, change, modes=2) for name, change in changes.items()]
    scores = evaluate(written(tmp_path / "real", bare), stores, networks=POINTS)
    assert any("clips without pixels" in note for note in scores["notes"])
    found = {row["name"]: {key: score["value"] for key, score in row["scores"].items()} for row in scores["rows"]}
    same, original = found["same"], found["Original"]
    for key in ("au_curves", "au_clip", "au_clip_dtw", "landmark_error", "modes_apart"):
        assert same[key] == pytest.approx(0, abs=1e-9), key
    assert same["jitter"] == pytest.approx(original["jitter"])
    for key in ("landmark_error", "jitter", "au_clip", "au_clip_dtw"):
        assert same[key] < found["jitter"][key] < found["shaken"][key], key
    assert found["still"]["jitter"] == found["still"]["modes_within"] == 0
    assert found["still"]["au12_curves"] > 10  # no smile at all: 32 moments of what is missing
    assert found["still"]["au_curves"] == pytest.approx(found["still"]["au12_curves"] + found["still"]["au6_curves"])
    assert found["shaken"]["modes_apart"] > found["jitter"]["modes_apart"] > 0
    assert "ssim" not in same
    assert {"posed", "spontaneous"} == set(scores["rows"][1]["labels"])


SAME_POINTS = lambda clip, rng: clip  # noqa: E731
STILL = lambda clip, rng: replace(clip, points=clip.points[:1].repeat(NUM, 0))  # noqa: E731


def by_hand(path, clips, names) -> Store:
    """A store that no code of limner writes: a Parquet table and a safetensors file, as docs/architecture.md has them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tensors, rows = {}, []
    for number, (clip, name) in enumerate(zip(clips, names)):
        tensors |= {f"{number}.frames": clip.frames, f"{number}.points": clip.points, f"{number}.confidence": clip.confidence}
        row = {"id": name, "source": "another method", "subject": clip.subject, "label": clip.label, "kind": "transition", "split": "test"}
        row |= {"fps": "25", "duration_s": 1.0, "num_frames": len(clip.frames), "num_points": clip.points.shape[1], "width": clip.size[0]}
        row |= {"height": clip.size[1], "encoding": "raw", "shard": f"a.safetensors#{number}", "hash": name}
        rows.append({column: row.get(column, "") for column, _ in COLUMNS})
    (path / "shards").mkdir(parents=True)
    (path / "shards" / "a.safetensors").write_bytes(save({key: np.ascontiguousarray(value) for key, value in tensors.items()}))
    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in COLUMNS]).with_metadata({"limner.store": '{"version": 1}'})
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink)
    (path / "manifest.parquet").write_bytes(sink.getvalue())
    return Store(path)


def test_clips_of_another_method_are_judged_alike(clips, real, tmp_path):
    blurry = [blurred(1.0)(clip, None) for clip in clips]
    named = by_hand(tmp_path / "named", blurry, [f"{clip.id}/their_own" for clip in clips])
    own = made(clips, tmp_path / "own", blurred(1.0))
    rows = evaluate(real, [named, own], networks=PIXELS)["rows"]
    assert rows[1]["scores"] == rows[2]["scores"]
    nameless = by_hand(tmp_path / "nameless", blurry, [f"video{i:03d}" for i in range(len(clips))])
    scores = evaluate(real, [nameless], networks=PIXELS)
    assert not scores["paired"]
    assert any("nothing is compared frame by frame" in note for note in scores["notes"])
    assert "ssim" not in scores["rows"][1]["scores"]
    assert scores["rows"][1]["scores"]["fid"]["value"] > 0


def test_sizes_and_lengths_that_differ_are_brought_together_and_said(clips, real, tmp_path):
    smaller = [replace(clip, frames=clip.frames[:, ::2, ::2], points=clip.points / 2, size=(16, 16)) for clip in clips]
    shorter = [replace(clip, **{name: getattr(clip, name)[:5] for name in ("frames", "points", "confidence", "au")}) for clip in clips]
    stores = [made(smaller, tmp_path / "small", SAME), made(shorter, tmp_path / "short", SAME_POINTS)]
    scores = evaluate(real, stores, networks=PIXELS)
    assert scores["pixels"] == [16, 16]
    assert any("all are compared at 16 x 16" in note for note in scores["notes"])
    assert any("clips of other lengths than their originals" in note for note in scores["notes"])
    assert 0 < scores["rows"][2]["scores"]["ssim"]["value"] < 1


def test_stores_that_imitate_different_clips_meet_where_both_do(clips, real, tmp_path):
    stores = [made(clips[:4], tmp_path / "first", SAME), made(clips[2:], tmp_path / "second", SAME)]
    scores = evaluate(real, stores, networks=PIXELS)
    assert [row["clips"] for row in scores["rows"]] == [2, 2, 2]
    assert any("4 clips are imitated, 2 by every store" in note for note in scores["notes"])
    with pytest.raises(InputError, match="no clip in common"):
        evaluate(real, [made(clips[:2], tmp_path / "a", SAME), made(clips[4:], tmp_path / "b", SAME)], networks=PIXELS)


def test_one_clip_and_identical_clips(clips, real, tmp_path):
    scores = evaluate(real, [made(clips[:1], tmp_path / "one", noisy(9))], networks=PIXELS)
    (row,) = scores["rows"][1:]
    assert row["scores"]["ssim"]["low"] is None
    assert "one person alone: no score has an interval" in scores["notes"]
    assert "needs two films" in row["scores"]["fvd"]["refused"]
    frozen = [replace(clip, frames=clips[0].frames, points=clips[0].points) for clip in clips]
    scores = evaluate(written(tmp_path / "equal", frozen), [made(frozen, tmp_path / "same", SAME)], networks=PIXELS)
    json.dumps(scores, allow_nan=False)
    assert scores["rows"][1]["scores"]["fid"]["value"] == pytest.approx(0, abs=1e-3)


def test_what_cannot_be_evaluated_is_refused_in_a_line(clips, real, tmp_path):
    empty = written(tmp_path / "empty", [])
    with pytest.raises(InputError, match="is empty"):
        evaluate(real, [empty])
    with pytest.raises(InputError, match="name at least one store"):
        evaluate(real, [])
    body = [replace(clip, points=clip.points[:, :18], confidence=clip.confidence[:, :18]) for clip in clips[:2]]
    with pytest.raises(InputError, match="different guides"):
        evaluate(real, [made(body, tmp_path / "bodies", SAME_POINTS)])
    strange = written(tmp_path / "strange", [replace(clips[0], id="nobody/mode_1"), replace(clips[1], id=f"{clips[1].id}/mode_1")])
    with pytest.raises(InputError, match=r"'nobody/mode_1' of store .* was made from no clip"):
        evaluate(real, [strange])


def test_a_broken_clip_is_left_out_and_named(clips, real, tmp_path):
    broken = clips[2].points.copy()
    broken[3, 5] = np.nan
    some = [*clips[:2], replace(clips[2], points=broken), *clips[3:]]
    store = by_hand(tmp_path / "broken", some, [f"{clip.id}/mode_1" for clip in some])
    scores = evaluate(real, [store], networks=PIXELS)
    assert any("left out" in note and "frame 3 holds a point that is no number" in note for note in scores["notes"])
    assert scores["rows"][1]["clips"] == len(clips) - 1
    worst = by_hand(tmp_path / "worst", [replace(clips[0], points=np.full_like(clips[0].points, np.nan))], [f"{clips[0].id}/mode_1"])
    with pytest.raises(InputError, match=r"nothing of .* can be read"):
        evaluate(real, [worst], networks=PIXELS)


def test_unlabelled_clips_lose_only_what_needs_labels(clips, tmp_path):
    plain = [replace(clip, label=None) for clip in clips]
    networks = Networks(detector=False, cache=tmp_path / "cache")
    scores = evaluate(written(tmp_path / "real", plain), [made(plain, tmp_path / "same", SAME)], networks=networks)
    assert any("labels were not recognised" in note and "0 labels" in note for note in scores["notes"])
    assert "recognised" not in scores["metrics"]
    labelled = evaluate(written(tmp_path / "named", clips), [made(clips, tmp_path / "alike", SAME)], networks=networks, limit=2)
    assert any("labels were not recognised" in note for note in labelled["notes"])
    assert scores["rows"][1]["scores"]["ssim"]["value"] == pytest.approx(1)


def test_the_page_needs_nothing_else(limner, real, clips, tmp_path):
    fake = made(clips, tmp_path / "fake <b>", noisy(10), modes=2)
    out = tmp_path / "out"
    code, said, _ = limner("evaluate", "--real", real.path, "--fake", fake.path, "--out", out, "--no-detector", "--no-recognition")
    assert code == 0
    assert "| SSIM (11x11 Gaussian), mean of the modes |" in said
    page = (out / "index.html").read_text()
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)""", page)
    assert "<script" not in page
    assert "url(" not in page
    assert "fake &lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("<video") == 6  # a person each
    scores = json.loads((out / "scores.json").read_text())
    assert scores["rows"][1]["scores"]["ssim_best"]["value"] >= scores["rows"][1]["scores"]["ssim"]["value"]
    assert "by limner's own network" in (out / "scores.md").read_text()
    assert "lost the face" not in page + (out / "scores.md").read_text()  # nobody looked for one
    code, _, lines = limner("evaluate", "--real", real.path, "--out", out)
    assert (code, len(lines)) == (2, 1)


class Follower:
    """Counts how often it is asked; sees the clip's corner pixel as the place of every point."""

    looked = 0

    def track(self, frames):
        frames = list(frames)
        self.looked += 1
        points = np.stack([np.random.default_rng(0).normal(0, 9, (68, 2)) + float(frame[0, 0, 0]) for frame in frames])
        points = np.ascontiguousarray(points.transpose(2, 0, 1), np.float32).transpose(1, 2, 0)  # a view, as the real detector gives
        return points, np.ones(len(frames), np.float32), np.zeros((len(frames), 478, 2), np.float32)


def test_detections_are_kept_by_content(clips, tmp_path):
    follower = Follower()
    first = Detections(follower, tmp_path)
    seen = first.of(clips[0])
    again = Detections(follower, tmp_path).of(clips[0])
    assert follower.looked == 1
    assert seen is not None
    assert again is not None
    np.testing.assert_array_equal(seen.points, again.points)
    np.testing.assert_allclose(seen.au, again.au)
    Detections(follower, tmp_path).of(clips[1])
    assert follower.looked == 2
    (file,) = [path for path in tmp_path.rglob("*.safetensors") if path.stat().st_size and path.name == first._path(clips[0]).name]
    file.write_bytes(file.read_bytes()[:50])  # damaged: looked at anew
    Detections(follower, tmp_path).of(clips[0])
    assert follower.looked == 3


def test_a_real_face_is_found_in_the_frames_of_both_sides(astronaut, clips, tmp_path):
    face = np.ascontiguousarray(astronaut[20:230, 115:325])
    frames = np.stack([np.roll(face, t, 1) for t in (0, 0, 1, 2)])  # she moves to the right
    points = np.repeat(clips[0].points[:1] * np.float32(210 / SIZE), 4, 0)
    shown = {"frames": frames, "points": points, "confidence": np.ones((4, 68), np.float32), "au": None, "size": (210, 210)}
    real = [replace(clips[number], **shown) for number in (0, 1)]
    still = [replace(clip, frames=frames[:1].repeat(4, 0)) for clip in real]
    grey = [replace(clip, frames=np.full_like(frames, 128)) for clip in real]
    stores = [made(some, tmp_path / name, SAME_POINTS) for name, some in (("same", real), ("still", still), ("grey", grey))]
    networks = Networks(identity=False, recognition=False, cache=tmp_path / "cache")
    rows = evaluate(written(tmp_path / "real", real), stores, networks=networks)["rows"]
    scores = {row["name"]: {key: score["value"] for key, score in row["scores"].items() if "value" in score} for row in rows}
    for key in ("landmark_error", "au_curves", "au_clip_dtw"):
        assert scores["same"][key] == pytest.approx(0, abs=1e-6), key
    assert 0.3 < scores["still"]["landmark_error"] < 5  # a pixel of 210, of a face whose eyes' outer corners are about 60 apart
    assert scores["still"]["jitter"] < scores["Original"]["jitter"]
    assert [row["lost"] for row in rows] == [0, 0, 0, 2]
    assert "landmark_error" not in scores["grey"]
    assert len(list((tmp_path / "cache" / "detections").rglob("*.safetensors"))) == 3  # by their pixels: moving, still, grey


def test_bodies_are_judged_by_pixels_and_networks(tmp_path):
    rng = np.random.default_rng(0)
    bodies = []
    for number in range(3):
        frames = rng.integers(0, 255, (6, 4, 4, 3)).repeat(8, 1).repeat(8, 2).astype(np.uint8)
        points, ones = rng.uniform(6, 26, (6, 18, 2)).astype(np.float32), np.ones((6, 18), np.float32)
        shown = {"points": points, "confidence": ones, "frames": frames, "size": (32, 32)}
        bodies.append(replace(drawn_clips(1, SIZE, 6)[0], id=f"b{number}", subject=f"b{number}", label="walking", au=None, **shown))
    scores = evaluate(
        written(tmp_path / "real", bodies), [made(bodies, tmp_path / "noisy", noisy(20))], networks=Networks(recognition=False)
    )
    found = scores["rows"][1]["scores"]
    assert scores["guide"] == "body"
    assert 0 < found["body_ssim"]["value"] < 1
    assert found["fid"]["value"] > 0
    assert not {"mouth_ssim", "landmark_error", "au_curves", "jitter"} & set(found)
    assert any("--body-judge" in note for note in scores["notes"])


def test_what_was_looked_at_is_kept_by_content(clips, tmp_path, monkeypatch):
    """Real stores, judges and files: the second evaluation reads no clip; what changed, and that alone, is looked at again."""
    from limner.evaluation import kept

    networks = replace(PEOPLE, cache=tmp_path / "cache")
    real = written(tmp_path / "real", clips)
    fake = made(clips, tmp_path / "fake", noisy(10), modes=2)

    def looked(store, networks=networks):
        """How many looks had to be taken (an original and its imitations: two), and the scores without the store's name."""
        found = look_at(real, [store], ["it"], networks, progress=lambda stage, done, total: None)
        return 2 * len(clips) - found.kept, json.dumps(told(found, real, [store])["rows"])

    num, first = looked(fake)
    assert num == 2 * len(clips)
    monkeypatch.setattr("limner.data.store.Store.read", lambda *_: pytest.fail("a clip was read"))
    assert looked(fake) == (0, first)
    monkeypatch.undo()
    harmed = [replace(clip, frames=clip.frames[::-1] if number == 3 else clip.frames) for number, clip in enumerate(fake)]
    other = written(tmp_path / "other", harmed)
    num, second = looked(other)
    assert num == 1  # clip 3 is a mode of one person; its original is known
    assert second != first
    assert looked(fake, replace(networks, identity=False))[0] == 2 * len(clips)  # another set of judges
    files = sorted((tmp_path / "cache" / "looks").rglob("*.safetensors"))
    for number, file in enumerate(files):  # cut, emptied, of nothing: as after a full disk
        file.write_bytes((file.read_bytes()[:40], b"", b"x" * 99)[number % 3])
    assert looked(fake) == (2 * len(clips), first)
    monkeypatch.setattr(kept, "code_version", lambda: "a measure was changed")
    assert looked(fake) == (2 * len(clips), first)


def test_a_missing_mode_is_said_each_time(clips, real, tmp_path):
    broken = replace(clips[0], points=np.full_like(clips[0].points, np.nan))
    store = by_hand(tmp_path / "made", [clips[0], broken, clips[1]], [f"{clips[0].id}/a", f"{clips[0].id}/b", f"{clips[1].id}/a"])
    networks = replace(PIXELS, cache=tmp_path / "cache")
    first, second = (evaluate(real, [store], networks=networks)["notes"] for _ in range(2))
    assert first == second
    assert any("left out" in note and "no number" in note for note in first)


def test_a_judges_accuracy_is_said():
    counts = {"right": 9, "n": 10, "share": 0.9, "low": 0.6, "high": 1.0}
    told = seen_with({"name": "limner action", "version": "abc", "held_out": {"store": "kth", "walking": counts, "all": counts}})
    assert told == "limner action (weights abc); it names 90.0 % of 10 real clips of people it never saw"
