"""Facts about `limner bench faces`: the protocol is the given one, and it refuses what holds no pairs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from limner.bench import face_rows, faces
from limner.types import InputError

SHARED = Path(__file__).parents[1].parent / "shared"


@pytest.mark.shared
def test_the_bench_agrees_with_the_protocols_own_tool(tmp_path):
    """Three people through our code and through the given script: the same crops, the same five figures."""
    folder, tool = SHARED / "data" / "faces" / "london", SHARED / "tools" / "london_protocol.py"
    if not (folder.is_dir() and tool.is_file()):
        pytest.skip("the real data folder ../shared is absent")
    readings = faces.readings_of(folder, None)[:3]
    pairs = [faces.pair_of(folder, reading) for reading in readings]
    np.savez(tmp_path / "points.npz", ids=[reading["id"] for reading in readings], **_columns(readings))
    run = lambda *args: subprocess.run([sys.executable, tool, *args], check=True, capture_output=True, text=True).stdout  # noqa: E731
    run("pairs", folder, tmp_path / "points.npz", tmp_path / "pairs.npz")
    np.savez(tmp_path / "frames.npz", frames=np.array([face_rows.plain_spline(pair) for pair in pairs]))
    theirs = json.loads(run("score", tmp_path / "pairs.npz", tmp_path / "frames.npz"))["all"]
    ours = np.mean([faces.score(face_rows.plain_spline(pair), pair) for pair in pairs], 0)
    assert np.allclose(ours, [theirs[name] for name in faces.MEASURES], atol=1e-3)
    crops = np.load(tmp_path / "pairs.npz")["reference"].astype(int)
    assert np.abs(crops - [pair.reference for pair in pairs]).max() <= 1


def _columns(readings):
    return {name: np.array([reading[name] for reading in readings]) for name in ("neutral", "smiling", "smile")}


def test_the_bench_refuses_a_folder_without_pairs(tmp_path):
    with pytest.raises(InputError, match="holds no pair"):
        faces.run(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        faces.run(tmp_path / "absent")
