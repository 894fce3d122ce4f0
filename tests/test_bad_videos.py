"""Bad recordings, stores and disks through `limner prepare`: one clear line each, the rest goes on, nothing already made is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from limner.data.store import MANIFEST, SHARDS, Store
from limner.data.videos import REPORT
from limner.media.files import LOCK, lock_folder
from limner.media.video import VideoWriter

POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")


def film(path: Path, frames: np.ndarray, fps: int = 25) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, fps=Fraction(fps), size=(frames[0].shape[1], frames[0].shape[0]), threads=1) as writer:
        for frame in frames:
            writer.write(np.ascontiguousarray(frame))
    return path


def sound(path: Path) -> None:
    """A file of sound alone."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        for _ in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 44100
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def without_frames(path: Path) -> None:
    """A video that says it is one, and holds no frame."""
    import av

    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.start_encoding()


@pytest.fixture(scope="module")
def raw(smiling: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one good film, and every bad one."""
    folder = tmp_path_factory.mktemp("raw") / "Łucja's films, 2026"
    good = film(folder / "anna" / "spontaneous" / "ein Lächeln.mp4", smiling)
    film(folder / "anna" / "same name.mp4", smiling[:6])
    film(folder / "anna" / "same name.m4v", smiling[:5])
    film(folder / "ben" / "same name.mp4", smiling[:4])
    (folder / "zero.mp4").write_bytes(b"")
    (folder / "text.avi").write_text("this is no video")
    (folder / "head only.mp4").write_bytes(good.read_bytes()[:600])
    (folder / "half.mp4").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    content = bytearray(good.read_bytes())
    for at in range(len(content) // 2, len(content) // 2 + 300):  # amid the frames: the decoder paints over it
        content[at] = at % 251
    (folder / "corrupt.mp4").write_bytes(content)
    sound(folder / "sound.mp4")
    without_frames(folder / "no frames.mkv")
    film(folder / "one frame.mp4", smiling[:1])
    film(folder / "one grey frame.mp4", np.full((1, 96, 96, 3), 120, np.uint8))
    film(folder / "nobody.mp4", np.full((5, 96, 96, 3), 120, np.uint8))
    gone = smiling.copy()
    gone[22:32] = 120
    film(folder / "gone for a while.mp4", gone)
    film(folder / "cut.mp4", np.concatenate([smiling[:10], smiling[36:]]))
    wide = Image.new("RGB", (3840, 2160), (90, 100, 110))
    wide.paste(Image.fromarray(smiling[0]).resize((1200, 1200)), (1300, 500))
    film(folder / "4K.mp4", np.stack([np.asarray(wide)] * 3))
    (folder / "a folder.mp4").mkdir()
    (folder / "link.mp4").symlink_to(folder / "nowhere.mp4")
    return folder


def test_each_bad_recording_is_told_and_the_good_one_kept(limner, raw: Path, tmp_path: Path) -> None:
    code, said, refused = limner("prepare", "folder", raw, tmp_path / "store", "--workers", 1)
    assert (code, refused) == (0, [])
    entries = {entry["id"]: entry for entry in json.loads((tmp_path / "store" / REPORT).read_text(encoding="utf-8"))["recordings"]}
    why = {name: (entry["reason"], entry["why"]) for name, entry in entries.items()}
    assert why.pop("anna__spontaneous__ein Lächeln") == (None, None)
    for name, words in (
        ("zero", "is empty"),
        ("text", "not a video that can be read"),
        ("half", "damaged"),
        ("head only", "is cut short"),
        ("corrupt", "damaged"),
        ("sound", "holds no video"),
        ("no frames", "holds no frames"),
    ):
        assert why[name][0] == "unreadable", (name, why[name])
        assert words in why[name][1], (name, why[name])
    assert why["one frame"] == ("no smile", "AU12 stays under 0.5")
    assert (entries["one frame"]["frames"], entries["4K"]["size"], entries["4K"]["frames_without_face"]) == (1, [3840, 2160], 0)
    assert "its only frame shows no face" in why["one grey frame"][1]
    assert why["nobody"][0] == "no face"
    assert "none of the 5 frames" in why["nobody"][1]
    assert why["gone for a while"][0] == "no smile"
    assert "the face is lost while it rises" in why["gone for a while"][1]
    assert entries["gone for a while"]["frames_without_face"] == 10
    assert entries["cut"]["cuts"] == [10]
    assert why["cut"][0] == "no smile"
    same = [name for name in entries if "same name" in name]
    assert len(same) == 3
    assert {entries[name]["subject"] for name in same} == {"anna", "ben"}
    assert {name for name in entries if "link" in name or "folder" in name} == set()
    store = Store(tmp_path / "store")
    assert store.table["id"].to_pylist() == ["anna__spontaneous__ein Lächeln__1"]
    store.verify()
    lines = said.splitlines()
    assert len([line for line in lines if ": no clip, " in line]) == len(why)  # one line each
    assert f"1 clip of {len(entries)} recordings" in lines[-1]


@pytest.fixture
def one(smiling: np.ndarray, tmp_path: Path) -> Path:
    """A folder with one good film."""
    film(tmp_path / "raw" / "ann" / "a.mp4", smiling)
    return tmp_path / "raw"


def command(*args: object, before: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, `before` run in it first."""
    code = f"import os, resource, sys\n{before}\nfrom limner.cli import main\nsys.exit(main({[str(arg) for arg in args]!r}))"
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)


@POSIX
def test_a_disk_that_is_full_while_a_shard_is_written(limner, one: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    full = "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"  # as a full disk: a file grows so far and no farther
    ended = command("prepare", "folder", one, store, "--workers", 1, before=full)
    assert ended.returncode == 2, ended.stderr
    assert [line for line in ended.stderr.splitlines() if line.startswith("limner: ")] == ended.stderr.splitlines()
    assert "cannot write" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not list(store.rglob("*.part"))
    assert not list((store / SHARDS).iterdir())
    assert limner("prepare", "folder", one, store, "--workers", 1)[0] == 0
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    more = film(one / "ben" / "b.mp4", np.full((3, 96, 96, 3), 120, np.uint8))
    code, _, refused = limner("prepare", "folder", one, store, "--workers", 1)  # other recordings: refused, the store stays as it is
    assert code == 2
    assert "made with other settings" in refused[0]
    assert "--force" in refused[0]
    more.unlink()
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before


@POSIX
def test_folders_that_cannot_be_written_or_read(limner, one: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, refused = limner("prepare", "folder", one, tmp_path / "file" / "store")
    assert code == 2
    assert "a part of its path is a file" in refused[0]
    code, _, refused = limner("prepare", "folder", one, tmp_path / "file")
    assert code == 2
    assert "is a file; name a folder" in refused[0]
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    if os.geteuid() == 0:  # who may do anything is refused nothing
        pytest.skip("root may write anywhere")
    code, _, refused = limner("prepare", "folder", one, locked / "store")
    assert code == 2
    assert "permission denied" in refused[0]
    (one / "ann").chmod(0)
    code, _, refused = limner("prepare", "folder", one, tmp_path / "store")
    (one / "ann").chmod(0o755)
    assert code == 2
    assert "permission denied" in refused[0]


def test_two_runs_on_one_folder_and_a_dead_one(limner, one: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    held = lock_folder(store)
    assert held is not None
    code, _, refused = limner("prepare", "folder", one, store, "--workers", 1)
    assert code == 2
    assert refused == [f"limner: another run is writing the store {store}; wait for it to end, or name another folder"]
    held.close()
    if not hasattr(signal, "SIGKILL"):
        return
    code = "\n".join(
        (
            "import time",
            "from pathlib import Path",
            "from limner.media.files import lock_folder",
            f"kept = lock_folder(Path({str(store)!r}))",
            "print('on', flush=True)",
            "time.sleep(99)",
        )
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert limner("prepare", "folder", one, store, "--workers", 1)[0] == 2
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert (store / LOCK).exists()  # the file stays, the lock went with its holder
    assert limner("prepare", "folder", one, store, "--workers", 1)[0] == 0


@POSIX
def test_workers_end_where_the_first_process_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "pool.py"
    lines = (
        "import multiprocessing, os, time",
        "from concurrent.futures import ProcessPoolExecutor",
        "from limner.data.workers import begin_work",
        "if __name__ == '__main__':",
        "    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn'), initializer=begin_work)",
        "    print(pool.submit(os.getpid).result(), flush=True)",
        "    time.sleep(99)",
    )
    script.write_text("\n".join(lines))
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        worker = int(first.stdout.readline())
        os.kill(worker, 0)  # it is there
        first.kill()
        first.wait()
    for _ in range(300):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        stat = Path(f"/proc/{worker}/stat")
        if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return  # ended; nobody has taken note of it, as in a container without an init
        time.sleep(0.1)
    pytest.fail(f"worker {worker} still runs")


def test_stores_that_are_damaged_or_newer(limner, one: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert limner("prepare", "folder", one, store, "--workers", 1)[0] == 0
    shard = store / SHARDS / "00000.safetensors"
    whole = shard.read_bytes()
    for damage, words in ((whole[: len(whole) // 2], "is cut short"), (b"", "is damaged"), (None, "is missing")):
        shard.unlink()
        if damage is not None:
            shard.write_bytes(damage)
        for args in (("prepare", "folder", one, store), ("inspect", store)):
            code, _, refused = limner(*args)
            assert code == 2
            assert "manifest and shards disagree on clip 'ann__a__1'" in refused[0]
            assert words in refused[0], (words, refused)
        shard.touch()
    shard.write_bytes(whole)
    assert limner("prepare", "folder", one, store)[0] == 0  # whole again: kept
    table = pq.read_table(store / MANIFEST)
    head = json.loads(table.schema.metadata[b"limner.store"])
    newer = table.replace_schema_metadata({"limner.store": json.dumps(head | {"version": 9})})
    pq.write_table(newer, store / MANIFEST)
    for args in (
        ("prepare", "folder", one, store),
        ("inspect", store),
        ("train", "cmmnet-points", "--data", store, "--out", tmp_path / "r"),
    ):
        code, _, refused = limner(*args)
        assert code == 2
        assert "has format version 9, this limner reads up to 1: update limner" in refused[0]
    assert shard.read_bytes() == whole
