"""The clip store: what goes in comes out, in parts too; a killed run leaves a readable store; what does not fit is refused in one line."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from limner.data.records import clip_hash
from limner.data.store import VERSION, Store, StoreWriter, estimate_bytes
from limner.types import Clip, InputError


def make_clip(
    number: int = 0, *, frames: int = 5, pixels: bool = False, subject: str = "anna", split: str = "train", au: bool = True
) -> Clip:
    rng = np.random.default_rng(number)
    return Clip(
        id=f"clip{number}",
        source="test",
        subject=subject,
        split=split,
        points=rng.uniform(0, 16, (frames, 4, 2)).astype(np.float32),
        confidence=rng.uniform(0, 1, (frames, 4)).astype(np.float32),
        fps=Fraction(30000, 1001),
        duration_s=frames / 7,
        size=(16, 12),
        label="posed" if number % 2 else "spontaneous",
        kind="smile",
        frames=rng.integers(0, 256, (frames, 12, 16, 3)).astype(np.uint8) if pixels else None,
        au=rng.uniform(0, 5, (frames, 2)).astype(np.float32) if au else None,
    )


def same(a: Clip, b: Clip) -> None:
    for field in dataclasses.fields(Clip):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)
        else:
            assert left == right, field.name


def write(path: Path, clips: list[Clip], **options) -> Store:
    with StoreWriter(path, **options) as writer:
        for clip in clips:
            writer.add(clip)
    return Store(path)


@pytest.mark.parametrize("encoding", ["raw", "png"])
def test_what_goes_in_comes_out(tmp_path, encoding):
    clips = [make_clip(i, pixels=i != 1, frames=3 + i, au=i != 2) for i in range(5)]
    store = write(tmp_path / "s", clips, encoding=encoding, clips_per_shard=2, note={"made": "here"})
    assert len(store) == 5
    assert store.note == {"made": "here"}
    for wrote, read in zip(clips, store):
        same(wrote, read)
    store.verify()
    assert sorted(file.name for file in (tmp_path / "s" / "shards").iterdir()) == [
        "00000.safetensors",
        "00001.safetensors",
        "00002.safetensors",
    ]
    assert store.row(3)["duration_s"] == 6 / 7
    assert json.loads(store.row(3)["au_max"]) == pytest.approx(clips[3].au.max(0), abs=1e-4)  # pyright: ignore[reportOptionalMemberAccess]


def test_jpeg_frames_come_out_nearly(tmp_path):
    smooth = np.broadcast_to(np.arange(16, dtype=np.uint8)[:, None] * 10, (5, 12, 16, 3)).copy()
    clip = dataclasses.replace(make_clip(pixels=True), frames=smooth)
    store = write(tmp_path / "s", [clip], encoding="jpeg")
    assert np.abs(store[0].frames.astype(int) - smooth).max() <= 4  # pyright: ignore[reportOptionalMemberAccess]
    store.verify()
    stripes = np.zeros((5, 12, 16, 3), np.uint8)
    stripes[:, :, ::2], stripes[:, :, 1::2] = (200, 60, 60), (60, 60, 200)
    store = write(tmp_path / "t", [dataclasses.replace(clip, frames=stripes)], encoding="jpeg")
    assert np.abs(store[0].frames.astype(int) - stripes).max() <= 15  # pyright: ignore[reportOptionalMemberAccess]  # colour in full


@pytest.mark.parametrize("encoding", ["raw", "png"])
def test_a_slice_is_that_part(tmp_path, encoding):
    clip = make_clip(pixels=True, frames=9)
    part = write(tmp_path / "s", [clip], encoding=encoding).read(0, slice(2, 5))
    np.testing.assert_array_equal(part.points, clip.points[2:5])
    np.testing.assert_array_equal(part.frames, clip.frames[2:5])  # pyright: ignore[reportArgumentType, reportOptionalSubscript]
    assert part.num_frames == 3
    assert part.duration_s == clip.duration_s


def test_shards_are_plain_safetensors(tmp_path):
    from safetensors.numpy import load_file

    clip = make_clip()
    write(tmp_path / "s", [clip])
    np.testing.assert_array_equal(load_file(tmp_path / "s" / "shards" / "00000.safetensors")["0.points"], clip.points)


def test_selecting_rows(tmp_path):
    store = write(tmp_path / "s", [make_clip(i, subject=f"p{i}", split="test" if i == 3 else "train") for i in range(4)])
    assert store.select(split="train", label="posed") == [1]
    assert store.select(label=("posed", "spontaneous")) == [0, 1, 2, 3]
    assert store.select(where=lambda row: row["subject"] > "p1") == [2, 3]
    with pytest.raises(ValueError, match="no column colour; there are id, source"):
        store.select(colour="red")
    with pytest.raises(IndexError):
        store[4]
    same(store[-1], store[3])


def test_the_hash_moves_with_one_pixel_and_one_point():
    clip = make_clip(pixels=True)
    assert clip.frames is not None
    assert clip_hash(clip) == clip_hash(make_clip(pixels=True))
    pixel, point = clip.frames.copy(), clip.points.copy()
    pixel[4, 11, 15, 2] ^= 1
    point[4, 3, 1] = np.nextafter(point[4, 3, 1], np.float32(99))
    others = [dataclasses.replace(clip, frames=pixel), dataclasses.replace(clip, points=point), dataclasses.replace(clip, fps=Fraction(25))]
    assert len({clip_hash(one) for one in [clip, *others]}) == 4
    as_numpy = dataclasses.replace(clip, size=(np.int64(16), np.int64(12)), duration_s=np.float64(clip.duration_s))
    assert clip_hash(as_numpy) == clip_hash(clip)  # what it says counts, not in which type


def test_the_hash_of_a_plain_clip_is_pinned():
    """Stores outlive the code: the same clip must have the same hash in every limner."""
    clip = dataclasses.replace(make_clip(), points=np.zeros((5, 4, 2), np.float32), confidence=np.ones((5, 4), np.float32), au=None)
    assert clip_hash(clip) == "d1b3806c58fee901eba25d7bbf4f2fa332ea05fc239df079ed8a9a9421bdf781"


def test_an_existing_store_is_continued(tmp_path):
    write(tmp_path / "s", [make_clip(0)], note={"a": 1})
    store = write(tmp_path / "s", [make_clip(1)], note={"b": 2})
    assert [clip.id for clip in store] == ["clip0", "clip1"]
    assert store.note == {"a": 1, "b": 2}
    write(tmp_path / "s", [make_clip(i) for i in range(2, 8)], clips_per_shard=2)
    assert sorted(file.name[:5] for file in (tmp_path / "s" / "shards").iterdir()) == ["00000", "00001", "00002", "00003", "00004"]


def test_an_empty_store_is_a_store(tmp_path):
    assert len(write(tmp_path / "s", [])) == 0


def test_the_estimate_is_near(tmp_path):
    clips = [make_clip(i, frames=30, pixels=True) for i in range(40)]
    write(tmp_path / "s", clips, encoding="raw")
    true = sum(file.stat().st_size for file in (tmp_path / "s").rglob("*") if file.is_file())
    assert estimate_bytes(40, 30, points=4, size=(16, 12)) == pytest.approx(true, rel=0.2)


BAD_CLIPS = [
    ({"split": "exam"}, "split 'exam' is none of train, val, test"),
    ({"points": np.zeros((5, 4, 3), np.float32)}, r"points must be \(T, K, 2\)"),
    ({"points": np.array([[[0, 0]] * 4] * 3 + [[[0, np.nan]] * 4] * 2, np.float32)}, "frame 3 holds a point that is no number"),
    ({"confidence": np.ones((5, 3), np.float32)}, r"confidence must be \(5, 4\)"),
    ({"au": np.ones((4, 2), np.float32)}, r"au must be \(5, 2\)"),
    ({"au": np.full((5, 2), np.nan, np.float32)}, "holds what is no number"),
    ({"duration_s": float("inf")}, "it lasts inf s"),
    ({"fps": Fraction(0)}, "at 0 frames a second"),
    ({"frames": np.zeros((5, 16, 12, 3), np.uint8)}, r"frames must be uint8 \(5, 12, 16, 3\)"),
]


@pytest.mark.parametrize(("change", "says"), BAD_CLIPS)
def test_a_clip_that_does_not_fit_together_is_refused(tmp_path, change, says):
    with StoreWriter(tmp_path / "s") as writer, pytest.raises(InputError, match=f"clip 'clip0': .*{says}"):
        writer.add(dataclasses.replace(make_clip(), **change))


def test_a_subject_stays_in_one_split(tmp_path):
    write(tmp_path / "s", [make_clip(0)])
    with StoreWriter(tmp_path / "s") as writer:
        with pytest.raises(InputError, match="subject 'anna' is in split train, clip 'clip1' would put it in test too"):
            writer.add(make_clip(1, split="test"))
        with pytest.raises(InputError, match="already a clip 'clip0'"):
            writer.add(make_clip(0))


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"is not a clip store: it has no manifest\.parquet"):
        Store(tmp_path)
    (tmp_path / "manifest.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match="cannot be read"):
        Store(tmp_path)
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "manifest.parquet")
    with pytest.raises(InputError, match="is no manifest of a clip store: it lacks source, subject"):
        Store(tmp_path)


def test_a_newer_version_is_refused(tmp_path):
    store = write(tmp_path / "s", [make_clip()])
    newer = store.table.replace_schema_metadata({"limner.store": json.dumps({"version": VERSION + 1, "note": {}})})
    pq.write_table(newer, tmp_path / "s" / "manifest.parquet")
    with pytest.raises(InputError, match=f"has format version {VERSION + 1}, this limner reads up to {VERSION}: update limner"):
        Store(tmp_path / "s")


@pytest.mark.parametrize("head", [b"{x", b"[1]", b'{"version": "one"}', b"\xff"])
def test_a_head_that_is_none_is_no_manifest(tmp_path, head):
    store = write(tmp_path / "s", [make_clip()])
    pq.write_table(store.table.replace_schema_metadata({"limner.store": head}), tmp_path / "s" / "manifest.parquet")
    with pytest.raises(InputError, match="is no manifest of a clip store"):
        Store(tmp_path / "s")


@pytest.mark.parametrize(
    ("name", "key", "value", "says"),
    [
        ("points", "dtype", "BF16", "is damaged"),
        ("points", "shape", [5, 5, 2], "is damaged"),
        ("points", "data_offsets", [-8, 0], "is damaged"),
        ("points", "data_offsets", None, "is damaged"),
        ("points", "shape", [4, 5, 2], r"its points should be \(5, 4, 2\), shard 00000.safetensors has \(4, 5, 2\)"),
        ("confidence", "shape", [4, 5], r"its confidence should be \(5, 4\)"),
        ("au", "shape", [2, 5], r"its au should be \(5, 2\)"),
        ("frames", "shape", [5, 16, 12, 3], "its frames are damaged"),
    ],
)
def test_a_shard_that_says_something_else_is_told(tmp_path, name, key, value, says):
    write(tmp_path / "s", [make_clip(pixels=True)], encoding="raw")
    shard = tmp_path / "s" / "shards" / "00000.safetensors"
    whole = shard.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    header[f"0.{name}"][key] = value
    text = json.dumps(header).encode()
    shard.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + length :])
    with pytest.raises(InputError, match=f"disagree on clip 'clip0': .*{says}"):
        Store(tmp_path / "s")[0]


def test_frames_that_are_no_pictures_are_told(tmp_path):
    write(tmp_path / "s", [make_clip(pixels=True)])
    shard = tmp_path / "s" / "shards" / "00000.safetensors"
    whole = shard.read_bytes()
    at = whole.index(b"\x89PNG")
    for content in (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 12\n%%EndComments\n", bytes(60)):
        shard.write_bytes(whole[:at] + content + whole[at + len(content) :])
        with pytest.raises(InputError, match="disagree on clip 'clip0': its frames are damaged"):
            Store(tmp_path / "s")[0]


def test_manifest_and_shards_that_disagree_are_told(tmp_path):
    store = write(tmp_path / "s", [make_clip(0), make_clip(1)])
    shard = tmp_path / "s" / "shards" / "00000.safetensors"
    whole = shard.read_bytes()

    def complaint(content: bytes | None) -> str:
        shard.unlink(missing_ok=True)
        if content is not None:
            shard.write_bytes(content)
        with pytest.raises(InputError, match="manifest and shards disagree on clip 'clip") as caught:
            Store(tmp_path / "s").verify()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "shard 00000.safetensors is missing" in complaint(None)
    assert "cut short" in complaint(whole[:-8])
    assert "damaged" in complaint(b"\x05")
    assert "damaged" in complaint(b"\xff" * 64)
    assert "differs from its hash" in complaint(whole[:-1] + bytes([whole[-1] ^ 1]))
    shard.write_bytes(whole)
    wrong = store.table.set_column(store.table.column_names.index("num_frames"), "num_frames", pa.array([5, 6], pa.int64()))
    pq.write_table(wrong, tmp_path / "s" / "manifest.parquet")
    with pytest.raises(InputError, match=r"clip 'clip1': its points should be \(6, 4, 2\), shard .* has \(5, 4, 2\)"):
        Store(tmp_path / "s")[1]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot write the store"):
        StoreWriter(tmp_path / "file" / "store")


WRITER = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_store import make_clip
from limner.data.store import StoreWriter
with StoreWriter(Path({path!r}), clips_per_shard=3) as writer:
    for number in range(100_000):
        writer.add(make_clip(number, pixels=True, frames=20))
        print(number, flush=True)
"""


def test_two_writers_do_not_spoil_one_store(tmp_path):
    first = StoreWriter(tmp_path / "s", clips_per_shard=2)
    first.add(make_clip(0))
    with pytest.raises(InputError, match="another run is writing the store"):
        StoreWriter(tmp_path / "s")
    with pytest.raises(InputError, match="another run is writing the store"):
        StoreWriter(tmp_path / "s", fresh=True)
    first.close()
    store = write(tmp_path / "s", [make_clip(1)])
    store.verify()
    assert [clip.id for clip in store] == ["clip0", "clip1"]
    assert len(write(tmp_path / "s", [make_clip(2)], fresh=True)) == 1


def test_a_killed_run_leaves_a_readable_store(tmp_path):
    path = tmp_path / "s"
    script = WRITER.format(tests=str(Path(__file__).parent), path=str(path))
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 31:
            break
    time.sleep(0.02)  # somewhere in the middle of things
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    store = Store(path)
    assert len(store) >= 30
    store.verify()
    count = len(store)
    (path / "shards" / "99999.safetensors.part").write_bytes(b"half a shard")
    with StoreWriter(path) as writer:
        writer.add(make_clip(10**6))
    assert len(Store(path)) == count + 1
    Store(path).verify()
    assert not list((path / "shards").glob("*.part"))


def test_an_error_keeps_what_was_finished(tmp_path):
    def interrupted() -> None:
        with StoreWriter(tmp_path / "s", clips_per_shard=2) as writer:
            for number in range(5):
                writer.add(make_clip(number))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [clip.id for clip in Store(tmp_path / "s")] == ["clip0", "clip1", "clip2", "clip3"]


def test_a_stamp_moves_with_whatever_changes_of_a_clip(tmp_path):
    clip = make_clip(pixels=True)
    frames = clip.frames.copy()
    frames[3, 5, 5, 0] ^= 1
    others = [
        clip,
        dataclasses.replace(clip, label="other"),
        dataclasses.replace(clip, points=clip.points + np.float32(0.01)),
        dataclasses.replace(clip, frames=frames),
    ]
    stamps = []
    for number, one in enumerate(others):
        with StoreWriter(tmp_path / str(number)) as writer:
            writer.add(one)
        stamps.append(Store(tmp_path / str(number)).stamp(0))
    assert len(set(stamps)) == 4
    with StoreWriter(tmp_path / "moved") as writer:  # the same clip elsewhere in a store
        writer.add(dataclasses.replace(clip, id="first"))
        writer.add(clip)
    assert Store(tmp_path / "moved").stamp(1) == stamps[0]
    (shard,) = (tmp_path / "0" / "shards").iterdir()
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    assert Store(tmp_path / "0").stamp(0) != stamps[0]
    shard.write_bytes(content[:-5])
    with pytest.raises(InputError, match="cut short"):
        Store(tmp_path / "0").stamp(0)
