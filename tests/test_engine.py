"""The training engine: averaged weights, accumulation, batches drawn ahead, what is logged, and what it says when it must stop."""

from __future__ import annotations

import resource
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from limner.training import checkpoint
from limner.training.ahead import drawn_ahead
from limner.training.average import EVERY, Average
from limner.training.clock import Clock
from limner.training.log import Log
from limner.training.loop import accelerator_of, fit, generator_of
from limner.training.step import take_step
from limner.types import InputError
from small_gan import Gan, Learn, draw, stages


def run(out: Path, net: Gan | None = None, *, stage: dict | None = None, **more) -> tuple[dict[str, torch.Tensor], bool]:
    net = net or Gan()
    done = fit(net, stages(net, **(stage or {})), out=out, seed=3, accelerator=accelerator_of(cpu=True), show=False, **more)
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}, done


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def trained(out: Path) -> dict[str, torch.Tensor]:
    folder = checkpoint.latest(out)
    assert folder is not None
    return checkpoint.read_tensors(folder / "model.safetensors")


# Averaged weights


def test_the_average_by_hand():
    net = torch.nn.Linear(1, 1, bias=False)
    average = Average(net, 0.9)
    with torch.no_grad():
        net.weight.fill_(5.0)
        average.mean["weight"].fill_(1.0)
    average.update(EVERY - 1)
    assert average.mean["weight"].item() == 1.0
    average.update(EVERY)  # the beginning: keep = (1 + 4) / (10 + 4), four steps at once
    assert average.mean["weight"].item() == pytest.approx(5 - 4 * (5 / 14) ** 4)
    average.mean["weight"].fill_(1.0)
    average.update(1000 * EVERY)
    assert average.mean["weight"].item() == pytest.approx(5 - 4 * 0.9**4)
    with average.shown():
        assert net.weight.item() == pytest.approx(5 - 4 * 0.9**4)
    assert net.weight.item() == 5.0
    for wrong in (1.0, -0.1):
        with pytest.raises(ValueError, match="ema is a number from 0 to below 1"):
            Average(net, wrong)


def test_the_average_is_shown_and_kept_and_changes_no_training(tmp_path: Path):
    net, seen = Gan(), []
    ended, _ = run(tmp_path / "ema", net, ema=0.5, stage={"steps": 6, "monitor": lambda: seen.append(net.out.bias.item()) or {}})
    plain, _ = run(tmp_path / "plain", stage={"steps": 6})
    assert same(trained(tmp_path / "ema"), plain)
    assert not same(ended, plain)
    kept = checkpoint.read_tensors(checkpoint.latest(tmp_path / "ema") / "average.safetensors")
    assert same(ended, kept)
    assert seen[-1] == kept["out.bias"].item() != plain["out.bias"].item()
    again, _ = run(tmp_path / "ema", ema=0.5, stage={"steps": 6})  # all is done: the model is the average again
    assert same(again, ended)


@pytest.mark.parametrize("stop", [1, 4, 6, 9])
def test_all_of_it_resumes_bitwise(tmp_path: Path, stop: int):
    """Dropout from torch's own generator, noise from the step's, two optimizers, micro-batches and an average."""
    more = {"accumulate": 2, "ema": 0.9, "stage": {"steps": 6, "noise": 0.1}}
    straight, _ = run(tmp_path / "straight", Gan(drop=0.3), **more)
    assert not run(tmp_path / "broken", Gan(drop=0.3), stop_after=stop, **more)[1]
    torch.rand(7)  # whatever else the new process has drawn
    resumed, done = run(tmp_path / "broken", Gan(drop=0.3), **more)
    assert done
    assert same(resumed, straight)
    assert same(trained(tmp_path / "broken"), trained(tmp_path / "straight"))


def test_the_monitor_leaves_every_module_in_its_mode(tmp_path: Path):
    net = Gan(norm="frozen").train()
    modes = [module.training for module in net.modules()]
    run(tmp_path, net, stage={"monitor": lambda: net.eval() and {}}, monitor_every=1)
    assert [module.training for module in net.modules()] == modes
    assert len(set(modes)) == 2


# Accumulation


def gradients(net: Gan, batches: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """What one step of SGD at rate 1 takes off the weights: critic, then generator, each update's mean gradient."""
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    learn = Learn(net, sgd=True)
    draws = [(generator_of(0), {"x": x}) for x in batches]
    take_step(learn, draws, learn.optimizers(), accelerator_of(cpu=True), clip=1e9, place="here")
    return {name: before[name] - p.detach() for name, p in net.named_parameters()}


@pytest.mark.parametrize("norm", ["none", "frozen", "batch"])
def test_micro_batches_are_one_batch_but_for_batch_statistics(norm: str):
    x = draw(generator_of("x"), num=8)["x"]
    joint, parted = gradients(Gan(norm=norm), [x]), gradients(Gan(norm=norm), list(x.split(2)))
    apart = max(float((joint[name] - parted[name]).abs().max() / (1e-6 + joint[name].abs().max())) for name in joint)
    assert apart < 1e-4 if norm != "batch" else apart > 1e-2


def test_the_second_update_sees_what_the_first_has_changed():
    """In lockstep: with two equal micro-batches all is as with one of them, the generator against the critic's new weights included."""
    x = draw(generator_of("x"))["x"]
    one, two = gradients(Gan(), [x]), gradients(Gan(), [x, x])
    assert all(torch.allclose(one[name], two[name], atol=1e-6) for name in one)


def test_an_objective_that_disagrees_with_itself_is_a_fault():
    class Odd(Learn):
        def updates(self, batch, generator):
            yield ("critic" if batch["x"].sum() > 0 else "generator"), {"l": self.net.out.bias.sum()}, {}

    odd = Odd(Gan())
    draws = [(generator_of(0), {"x": torch.full((1, 1, 8, 8), value)}) for value in (1.0, -1.0)]
    with pytest.raises(ValueError, match="the same updates for every micro-batch"):
        take_step(odd, draws, odd.optimizers(), accelerator_of(cpu=True), clip=1.0, place="here")


def test_the_gradient_is_clipped_by_its_norm():
    net = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.zeros_(net.weight)

    class Steep:
        def updates(self, batch, generator):
            yield "sgd", {"l": (net.weight * torch.tensor([[30.0, 40.0]])).sum()}, {}

    optimizers = {"sgd": torch.optim.SGD(net.parameters(), lr=1.0)}
    take_step(Steep(), [(generator_of(0), {})], optimizers, accelerator_of(cpu=True), clip=5.0, place="here")
    assert torch.allclose(net.weight.detach(), torch.tensor([[-3.0, -4.0]]), atol=1e-4)


# Batches drawn ahead


@pytest.mark.parametrize(("ahead", "loaders"), [(0, 1), (2, 1), (3, 3)])
def test_batches_come_in_order_and_ahead(ahead: int, loaders: int):
    begun, at_first = [], []

    def slow_first(step: int) -> int:
        begun.append(step)
        time.sleep(0.02 if step % 3 == 0 else 0)
        return step

    with drawn_ahead(slow_first, range(9), ahead=ahead, loaders=loaders) as batches:
        at_first.append(next(batches))
        end = time.monotonic() + 60
        while len(begun) < 1 + ahead and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.05)
        assert sorted(begun) == list(range(1 + ahead))
        assert at_first + list(batches) == list(range(9))


def test_what_drawing_raises_is_raised_and_no_thread_is_left():
    def broken(step: int) -> int:
        if step == 2:
            raise InputError("clip 7 is damaged")
        return step

    with drawn_ahead(broken, range(100), ahead=2) as batches:
        assert [next(batches), next(batches)] == [0, 1]
        with pytest.raises(InputError, match="clip 7 is damaged"):
            next(batches)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("limner-loader")]


def test_drawn_ahead_or_not_the_weights_are_the_same(tmp_path: Path):
    first, _ = run(tmp_path / "a", stage={"noise": 0.1, "ahead": 0})
    second, _ = run(tmp_path / "b", stage={"noise": 0.1, "ahead": 3}, loaders=3)
    assert same(first, second)


def test_a_slow_loader_is_seen_and_a_busy_trainer_too():
    """Waiting is what is left of the loading after the step's own time: 20 ms to draw beside 100 ms of work costs next to nothing."""
    shares = []
    for step_s in (0.0, 0.1):
        clock = Clock()
        with drawn_ahead(lambda step: time.sleep(0.02), range(12), ahead=2) as batches:
            for _ in range(12):
                with clock("data"):
                    next(batches)
                with clock("step"):
                    time.sleep(step_s)
                clock.steps += 1
        shares.append(clock.waiting_share())
    assert shares[0] > 0.8
    assert shares[1] < 0.5
    assert "12 steps in" in clock.line()
    assert "waiting for data" in clock.line()


# What stops a run


@contextmanager
def files_of_at_most(size: int):
    """A disk that is full after so many bytes of a file: a real refusal of the system while writing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def moments(net: Gan) -> dict[str, torch.optim.Optimizer]:
    """Optimizers that have made a step."""
    learn = Learn(net)
    optimizers = learn.optimizers()
    take_step(learn, [(generator_of(0), draw(generator_of(0)))], optimizers, accelerator_of(cpu=True), clip=1.0, place="")
    return optimizers


def test_a_disk_that_fills_up_keeps_the_checkpoint_before(tmp_path: Path):
    straight, _ = run(tmp_path / "straight")
    run(tmp_path / "full", stop_after=2)
    before, net = trained(tmp_path / "full"), Gan()
    whole = (checkpoint.latest(tmp_path / "full") / "optimizers.safetensors").stat().st_size
    for size in (0, whole // 3, whole - 1):  # at once, within the weights, at the very end of the moments
        with (
            files_of_at_most(size),
            pytest.raises(InputError, match=r"cannot write .* \(the file grew larger than allowed\); the ch.* is kept"),
        ):
            checkpoint.save(tmp_path / "full", net, moments(net), {}, 3)
        assert [path.name for path in (tmp_path / "full" / "checkpoints").iterdir()] == ["step_00000002"]
    assert same(trained(tmp_path / "full"), before)
    assert same(run(tmp_path / "full")[0], straight)


def test_a_log_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    said = r"training stopped: cannot write .*logs \(the file grew larger than allowed\); the last good checkpoint is kept"
    with pytest.raises(InputError, match=said), Log(tmp_path, 0) as log, files_of_at_most(0):  # noqa: PT012
        for step in range(50):
            log.numbers({"a": 1.0}, step)
            time.sleep(0.01)
    assert "Traceback" not in capsys.readouterr().err
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "logs").write_text("in the way")
    with pytest.raises(InputError, match=r"cannot write .*logs \("):
        Log(tmp_path / "b", 0)


def test_weights_that_are_not_finite_are_never_kept(tmp_path: Path):
    run(tmp_path, stop_after=2)
    net = Gan(norm="batch")
    net.critic[1].running_var.fill_(float("inf"))
    with pytest.raises(InputError, match=r"critic\.1\.running_var is not finite any more, .* the one before is kept"):
        checkpoint.save(tmp_path, net, {}, {}, 3)
    assert checkpoint.latest(tmp_path).name == "step_00000002"


def test_a_gradient_that_is_not_finite_stops_before_the_weights_move(tmp_path: Path):
    net = torch.nn.Linear(1, 1)

    class Cliff:
        def optimizers(self):
            return {"adam": torch.optim.Adam(net.parameters())}

        def updates(self, batch, generator):
            yield "adam", {"root": (net.weight * 0).sqrt().sum()}, {}  # 0, and its slope is not finite

    before = net.weight.detach().clone()
    with pytest.raises(InputError, match="the gradient is not a finite number at step 5 of two"):
        take_step(Cliff(), [(generator_of(0), {})], Cliff().optimizers(), accelerator_of(cpu=True), clip=1.0, place="step 5 of two")
    assert torch.equal(net.weight.detach(), before)


def test_settings_of_the_engine_that_cannot_be_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InputError, match="accumulate is at least 1, not 0"):
        run(tmp_path, accumulate=0)
    with pytest.raises(InputError, match="precision is no or bf16, not 'fp16'"):
        accelerator_of("fp16", cpu=True)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    with pytest.raises(InputError, match="precision is no or bf16"):
        accelerator_of(cpu=True)
    with pytest.raises(InputError, match="no log 'mlflow'; there are: tensorboard, wandb"):
        Log(tmp_path, 0, ("mlflow",))


# What is logged


def test_losses_rates_speed_and_pictures_are_logged(tmp_path: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    picture = torch.full((4, 6, 3), 200, dtype=torch.uint8).numpy()
    monitor = {"ssim": 0.5, "sheet": picture}
    run(tmp_path, stage={"monitor": lambda: monitor, "learning_rate": lambda part: 1 - part}, log_every=1)
    events = EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    names = set(events.Tags()["scalars"])
    assert {"one/critic", "one/l1", "one/told", "two/ssim", "rate/generator", "engine/steps_per_s", "engine/waiting_share"} <= names
    assert [scalar.value for scalar in events.Scalars("rate/critic")][:3] == pytest.approx([1e-2, 2e-2 / 3, 1e-2 / 3])
    assert events.Tags()["images"] == ["one/sheet", "two/sheet"]
    assert [scalar.step for scalar in events.Scalars("two/ssim")] == [6]


def test_wandb_says_what_to_install_or_logs_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    try:
        import wandb  # noqa: F401
    except ImportError:
        with pytest.raises(InputError, match=r"needs the package of that name: pip install 'limner\[wandb\]'"):
            run(tmp_path, logs=("tensorboard", "wandb"))
        return
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    more = {"logs": ("tensorboard", "wandb"), "config": {"recipe": "small"}, "log_every": 1}
    run(tmp_path, stop_after=2, **more)
    name = (tmp_path / "wandb.json").read_text()
    run(tmp_path, **more)
    assert (tmp_path / "wandb.json").read_text() == name  # the same W&B run goes on
    assert len(list(tmp_path.glob("wandb/offline-run-*/*.wandb"))) == 2


def test_checkpoints_take_a_small_part_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No save_every: the second save waits until the first has cost no more than the share; with one, every so many steps."""
    from limner.training import loop

    saved = []
    monkeypatch.setattr(loop, "SAVE_AFTER_S", 0.0)
    monkeypatch.setattr(loop.checkpoint, "save", lambda *args: (saved.append(args[4]), time.sleep(0.05)))
    start = time.perf_counter()
    run(tmp_path / "clock", stage={"steps": 40, "ahead": 0})
    seconds = time.perf_counter() - start
    by_the_clock = [step for step in saved if step not in (40, 80)]
    assert {40, 80} <= set(saved)
    assert 0.05 * len(by_the_clock) <= max(0.05, 0.1 * seconds)
    saved.clear()
    run(tmp_path / "steps", stage={"steps": 6}, save_every=4)
    assert saved == [4, 6, 8, 12]
