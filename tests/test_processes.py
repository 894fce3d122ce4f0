"""Several processes: the gradients and the trained weights of one, on the joint batch; they stop together; the command writes one model."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from limner.data.prepare import prepare_smiles
from limner.training import checkpoint
from limner.training.loop import accelerator_of, fit, generator_of
from small_gan import Gan, draw, stages
from two_processes import NORMS, gradients

HERE = Path(__file__).parent


def together(args: list[str], num: int = 2) -> list[tuple[int, str]]:
    """Starts `num` processes of python ARGS that know of one another as torchrun's do; -> their exit codes and what they said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(num), "OMP_NUM_THREADS": "1"}
    started = []
    for rank in range(num):
        env = common | {"RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(num)}
        started.append(subprocess.Popen([sys.executable, *args], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    said = [process.communicate(timeout=200)[1] for process in started]
    return [(process.returncode, text) for process, text in zip(started, said)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pair")
    for code, said in together([str(HERE / "two_processes.py"), str(out)]):
        assert code == 0, said
    return out


def found(pair: Path) -> list[dict]:
    return [json.loads((pair / f"found-{index}.json").read_text()) for index in range(2)]


def furthest(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    """The largest difference, of the tensor's largest number."""
    assert first.keys() == second.keys()
    return max(float((first[name] - second[name]).abs().max() / (1e-6 + second[name].abs().max())) for name in first)


@pytest.mark.parametrize("norm", NORMS)
def test_two_processes_get_the_gradients_of_one_on_the_joint_batch(pair: Path, norm: str):
    """Critic's update and generator's. With BatchNorm in training each process normalises its own part, so there they differ."""
    one = gradients(Gan(norm=norm), [draw(generator_of("whole"), num=8)["x"]], accelerator_of(cpu=True))
    two = [load_file(pair / f"gradients-{norm}-{index}.safetensors") for index in range(2)]
    assert furthest(two[0], two[1]) == 0
    assert furthest(two[0], one) < 1e-4 if norm != "batch" else furthest(two[0], one) > 1e-2


def test_a_whole_training_resumed_in_between_is_that_of_one_process_with_two_micro_batches(pair: Path, tmp_path: Path):
    net = Gan(norm="frozen")
    fit(net, stages(net, 4, noise=0.1), out=tmp_path, seed=3, accelerator=accelerator_of(cpu=True), show=False, ema=0.5, accumulate=2)
    ended = [load_file(pair / f"ended-{index}.safetensors") for index in range(2)]
    assert furthest(ended[0], ended[1]) == 0
    assert furthest(ended[0], net.state_dict()) < 1e-4
    kept = checkpoint.latest(pair / "run")
    assert kept is not None
    assert [path.name for path in kept.parent.iterdir()] == ["step_00000008"]


def test_a_parameter_that_some_processes_use_gets_the_mean_and_one_that_none_uses_nothing(pair: Path):
    assert [(one["processes"], one["sometimes"], one["never"]) for one in found(pair)] == [(2, pytest.approx(2.0), True)] * 2


def test_all_stop_where_one_meets_nan_or_another_folder(pair: Path):
    first, second = found(pair)
    assert "the loss of another process is not a finite number at step 0 of one" in first["stopped"]
    assert "the loss (l1) is not a finite number at step 0 of one" in second["stopped"]
    assert not (pair / "poisoned" / "checkpoints").exists()
    assert all("the processes see different checkpoints" in one["apart"] for one in (first, second))
    assert first["unfit"] == second["unfit"]
    assert "does not fit its config" in first["unfit"]


COMMAND = """
import sys
from limner.cli import main
from limner.papers.train import train
store, run = sys.argv[1:]
train("cmmnet-points-tiny", store, run, stop_after=7, show=False)
command = ["train", "cmmnet-points-tiny", "--data", store, "--out", run]
sys.exit(10 * main(command) + main([*command, "--set", "seed=1"]))
"""


def test_the_command_in_two_processes_writes_one_model_resumes_and_refuses(tmp_path: Path):
    store, run = tmp_path / "store", tmp_path / "run"
    prepare_smiles(store, people=10, seed=0)
    (code, said), (other, silent) = together(["-c", COMMAND, str(store), str(run)])
    assert (code, other, silent) == (2, 2, ""), said
    assert "13 steps in" in said
    assert (run / "model" / "model.safetensors").is_file()
    assert said.splitlines()[-1] == f"limner: {run} holds a run with seed = 0, not 1; name another folder, or repeat its settings"
