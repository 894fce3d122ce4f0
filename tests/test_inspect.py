"""limner inspect: what a store, a run and a motion file hold, checked against what was put in; and what it refuses."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from limner.contents import drawing
from limner.contents.runs import parameters
from limner.data.store import SHARDS, StoreWriter
from limner.guides.face import GUIDE
from limner.media.motion import write_motion
from limner.media.pictures import read_picture
from limner.types import Clip, Motion

SHIPPED = Path(__file__).parents[1] / "src" / "limner" / "weights" / "cmmnet_points"


def smiling(num: int, amount: float = 0.08) -> np.ndarray:
    """(num, 68, 2) pixels: the mean face in a picture of 64, its lip corners pulled out and up to `amount` units amid the frames."""
    pull = amount * np.sin(np.linspace(0, np.pi, num))
    points = np.repeat(GUIDE.canonical[None].astype(np.float64), num, 0)
    for corner, side in ((48, -1), (60, -1), (54, 1), (64, 1)):
        points[:, corner] += pull[:, None] * np.array([side, -1])
    return (24 * points + (32, 24)).astype(np.float32)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two people; a clip of points alone and two with pictures, the last in a shard of its own."""
    rng = np.random.default_rng(0)
    with StoreWriter(tmp_path / "store", clips_per_shard=2, note={"settings": {"source": "by hand"}}) as writer:
        for number, (person, split) in enumerate((("ann", "train"), ("ann", "train"), ("bob", "test"))):
            num = 9 + number
            frames = rng.integers(0, 255, (num, 64, 64, 3), np.uint8) if number else None
            au = np.stack([np.zeros(num), np.linspace(0, 2 + number, num)], -1).astype(np.float32)
            writer.add(
                Clip(
                    id=f"c{number}", source="hand", subject=person, split=split, label="posed" if number else None, points=smiling(num),
                    confidence=np.ones((num, 68), np.float32), fps=Fraction(25), duration_s=0.5 * (1 + number), size=(64, 64), au=au,
                    frames=frames,
                )
            )  # fmt: skip
    return tmp_path / "store"


def told(limner, *args: object, code: int = 0) -> dict:
    ended, said, _ = limner("inspect", *args, "--json")
    assert ended == code
    return json.loads(said)


def test_a_store(limner, store: Path, tmp_path: Path) -> None:
    said = told(limner, store)
    assert (said["kind"], said["clips"], said["people"], said["damaged"]) == ("store", 3, 2, [])
    assert said["by"] == {
        "source": {"hand": 3},
        "split": {"train": 2, "test": 1},
        "label": {"posed": 2, "none": 1},
        "kind": {"transition": 3},
        "encoding": {"png": 2, "none": 1},
    }
    assert said["people_by_split"] == {"train": 1, "test": 1}
    assert said["frames"] == {"least": 9, "median": 10, "most": 11, "sum": 30}
    assert said["duration_s"] == {"least": 0.5, "median": 1.0, "most": 1.5, "sum": 3.0}
    assert said["au_max"]["AU12"] == {"least": 2, "median": 3, "most": 4, "sum": 9}
    assert said["settings"] == {"source": "by hand"}
    code, words, errors = limner("inspect", store, "--out", tmp_path / "sheet.png", "--points")
    assert (code, errors) == (0, [])
    for line in ("3 of 2 people", "train 2 of 1, test 1 of 1", "9 to 11 (median 10) a clip, of 64 x 64 pixels", "as it was written"):
        assert line in words
    sheet = read_picture(tmp_path / "sheet.png").pixels
    assert sheet.shape[0] > 3 * 112  # three rows
    assert sheet.shape[1] > 8 * 112  # of eight moments
    assert limner("inspect", store, "--out", tmp_path / "sheet.png")[2] == [
        f"limner: {tmp_path / 'sheet.png'} is already there; --force replaces it, or name another with --out"
    ]
    limner("inspect", store, "--out", tmp_path / "sheet.png", "--rows", 1, "--force")
    assert read_picture(tmp_path / "sheet.png").pixels.shape[0] < 2 * 112


def test_damaged_clips_are_named_and_the_rest_is_told(limner, store: Path, tmp_path: Path) -> None:
    shard = store / SHARDS / "00001.safetensors"
    content = bytearray(shard.read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    at = json.loads(content[8 : 8 + length])["0.points"]["data_offsets"][0]
    content[8 + length + at] ^= 1  # one bit of one point
    shard.write_bytes(content)
    code, words, errors = limner("inspect", store, "--out", tmp_path / "sheet.png")
    assert code == 2
    assert "damaged     1 of 3: c2" in words
    assert len(errors) == 1
    assert "1 of 3 clips" in errors[0]
    shard.unlink()
    assert [item["clip"] for item in told(limner, store, code=2)["damaged"]] == ["c2"]
    assert (tmp_path / "sheet.png").exists()  # of those that can be drawn


def test_an_empty_store(limner, tmp_path: Path) -> None:
    StoreWriter(tmp_path / "store").close()
    assert told(limner, tmp_path / "store")["clips"] == 0
    assert "0 of 0 people" in limner("inspect", tmp_path / "store")[1]
    assert limner("inspect", tmp_path / "store", "--out", tmp_path / "a.png")[0] == 2
    assert not (tmp_path / "a.png").exists()


def test_a_motion_file(limner, tmp_path: Path) -> None:
    path = tmp_path / "m.motion.json"
    confidence = np.ones((21, 68), np.float32)
    confidence[20] = 0
    motion = Motion(
        guide="face", points=smiling(21), confidence=confidence, fps=Fraction(30000, 1001), size=(64, 64), label="posed", mode=2, seed=7,
        provenance={"made_by": "hand"},
    )  # fmt: skip
    write_motion(path, motion)
    said = told(limner, path)
    assert (said["guide"], said["frames"], said["fps"], said["size"], said["label"], said["mode"], said["seed"]) == (
        "face", 21, "30000/1001", [64, 64], "posed", 2, 7,
    )  # fmt: skip
    assert said["frames_unseen"] == 1
    assert said["provenance"] == {"made_by": "hand"}
    au = said["au"]
    assert (au["start"]["AU12"], au["peak"]["frame"], au["end"]["frame"]) == (0, 10, 19)
    assert au["peak"]["AU12"] > 3
    code, words, _ = limner("inspect", path, "-o", tmp_path / "strip.png")
    assert code == 0
    assert "posed, mode 2, seed 7" in words
    assert (read_picture(tmp_path / "strip.png").pixels < 200).any()


def test_a_finished_model_and_a_run(limner, tmp_path: Path) -> None:
    said = told(limner, SHIPPED)
    assert (said["kind"], said["recipe"], said["finished"]) == ("model", "cmmnet-points", True)
    from safetensors.numpy import load_file

    assert said["models"] == {".": sum(tensor.size for tensor in load_file(SHIPPED / "model.safetensors").values())}
    run = tmp_path / "run"
    step = run / "checkpoints" / "step_00000007"
    step.mkdir(parents=True)
    (run / "config.json").write_text(json.dumps({"config": {"recipe": "cmmnet", "steps": [5, 10], "seed": 3}, "data": "abcd"}))
    (step / "state.json").write_text(json.dumps({"done": 7, "stage": "2 conditional"}))
    (step / "model.safetensors").write_bytes((SHIPPED / "model.safetensors").read_bytes())
    said = told(limner, run)
    assert (said["steps_done"], said["steps_planned"], said["finished"], said["stage"]) == (7, 15, False, "2 conditional")
    assert said["stages"] == [{"steps": 5, "done": 5}, {"steps": 10, "done": 2}]
    assert said["store_fingerprint"] == "abcd"
    assert "7 of 15, in stage 2 conditional; not finished" in limner("inspect", run)[1]
    assert "has logged nothing to draw" in limner("inspect", run, "--out", tmp_path / "a.png")[2][0]
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(run / "logs")) as log:
        for at in range(3):
            log.add_scalar("loss", 2.0 - at, at)
    assert told(limner, run)["logged"] == {"loss": {"step": 2, "value": 0}}
    assert limner("inspect", run, "--out", tmp_path / "a.png")[0] == 0
    (step / "model.safetensors").write_bytes(b"PK\3\4 a pickle")
    assert "no safetensors file" in limner("inspect", run)[2][0]


def test_parameters_come_from_the_head_alone(tmp_path: Path) -> None:
    head = json.dumps({"a": {"dtype": "F32", "shape": [3, 5], "data_offsets": [0, 60]}, "__metadata__": {"x": "y"}}).encode()
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(head)) + head)  # no tensor follows
    assert parameters(tmp_path / "a.safetensors") == 15


def test_a_run_is_told_without_torch() -> None:
    code = f"import sys; from limner.cli import main; main(['inspect', {str(SHIPPED)!r}]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_what_is_refused(limner, store: Path, astronaut_png: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.json").write_text("{}")
    for path, said in (
        (tmp_path / "none", "does not exist"),
        (tmp_path / "empty", "is neither a clip store (no manifest.parquet) nor a run (no config.json"),
        (astronaut_png, "is no motion file (.motion.json), and no folder"),
        (tmp_path / "a.json", "a.json"),
    ):
        code, printed, errors = limner("inspect", path)
        assert (code, printed, len(errors)) == (2, "", 1)
        assert said in errors[0]
    assert "--rows 0" in limner("inspect", store, "--rows", 0)[2][0]
    assert "ends in .png" in limner("inspect", store, "--out", tmp_path / "sheet.jpg")[2][0]
    (store / "manifest.parquet").write_bytes(b"no parquet")
    assert "cannot be read" in limner("inspect", store)[2][0]


def test_a_long_name_ends_before_the_pictures():
    row = drawing.Row(
        lines=("anna__spontaneous__smile_single_face__1/mode_1",), cells=(np.zeros((drawing.CELL_PX, drawing.CELL_PX, 3), np.uint8),)
    )
    sheet = drawing.contact_sheet("made", [row])
    assert (sheet[40:, drawing.SIDE_PX - 4 : drawing.SIDE_PX] == drawing.PAPER).all()
