"""kill -9 at any moment, inside a save too: the same command goes on, and ends bit for bit where the undisturbed training ends."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from limner.data.prepare import prepare_smiles
from limner.media.files import lock_folder
from limner.papers.train import train
from limner.training import checkpoint
from limner.types import InputError

HERE = Path(__file__).parent
ENV = os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "store"
    prepare_smiles(path, people=10, seed=0)
    return path


def assert_same(first: Path, second: Path) -> None:
    a, b = checkpoint.read_tensors(first), checkpoint.read_tensors(second)
    assert a.keys() == b.keys()
    assert not [name for name in a if not torch.equal(a[name], b[name])]


def test_killed_again_and_again_is_straight_bitwise(tmp_path: Path):
    command = [sys.executable, HERE / "killed_training.py", tmp_path, "1"]
    said = subprocess.run(command, env=ENV, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    happened = json.loads(said.stdout)
    assert happened["kills"] >= 3, happened
    assert happened["in_a_save"] >= 1, happened
    for name in ("model", "average", "optimizers"):
        assert_same(*(checkpoint.latest(tmp_path / run) / f"{name}.safetensors" for run in ("straight", "killed")))
    assert [path.name for path in (tmp_path / "killed" / "checkpoints").iterdir()] == ["step_00000024"]  # what was cut is swept up


def test_a_second_run_is_kept_out_until_the_first_ends_or_dies(store: Path, tmp_path: Path):
    run, tiny = tmp_path / "run", ("cmmnet-points-tiny", store)
    train(*tiny, run, stop_after=1, show=False)
    held = lock_folder(run)
    assert held is not None
    with pytest.raises(InputError, match=r"another run is training in .*run; wait for it to end, or name another folder"):
        train(*tiny, run, show=False)
    held.close()
    assert train(*tiny, run, stop_after=2, show=False) is None
    code = "import sys, time; from pathlib import Path; from limner.media.files import lock_folder; held = lock_folder(Path(sys.argv[1]))"
    process = subprocess.Popen([sys.executable, "-c", f"{code}; print('held', flush=True); time.sleep(99)", run], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(InputError, match="another run is training"):
        train(*tiny, run, show=False)
    process.kill()
    process.communicate()
    assert train(*tiny, run, stop_after=3, show=False) is None  # a dead process holds nothing


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["cmmnet-tiny", "cmmnet-points-tiny"])
def test_the_command_killed_at_eight_random_moments_is_straight_bitwise(store: Path, tmp_path: Path, recipe: str):
    steps = "steps=40,40,40,40" if recipe == "cmmnet-tiny" else "steps=60,60,60"
    draw = random.Random(recipe)

    def command(name: str) -> list[str]:
        return [sys.executable, "-m", "limner", "train", recipe, "--data", str(store), "--out", str(tmp_path / name), "--set", steps]

    subprocess.run(command("straight"), env=ENV, check=True)
    for _ in range(8):
        process = subprocess.Popen(command("killed"), env=ENV)
        time.sleep(draw.uniform(2, 12))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command("killed"), env=ENV, check=True)
    assert_same(*(tmp_path / name / "model" / "model.safetensors" for name in ("straight", "killed")))
