"""The loop: it learns, it goes on bit for bit where it stopped or was killed, it stops at NaN; checkpoints are all or nothing."""

import copy
import json
from dataclasses import dataclass

import pytest
import torch

from limner.training import checkpoint
from limner.training.config import from_json, override, to_json
from limner.training.loop import Stage, accelerator_of, fit, generator_of
from limner.types import InputError


class Line:
    """y = a x + b learned by two optimizers in turn, with noise on the inputs, so that generators matter."""

    def __init__(self, net, poison=None):
        self.net, self.poison = net, poison

    def optimizers(self):
        return {"weight": torch.optim.Adam([self.net.weight], lr=0.05), "bias": torch.optim.Adam([self.net.bias], lr=0.05)}

    def updates(self, batch, generator):
        for name in ("weight", "bias"):
            noise = 0.01 * torch.randn(batch["x"].shape, generator=generator)
            loss = (self.net(batch["x"] + noise) - 3 * batch["x"] - 1).square().mean()
            if self.poison is not None and float(batch["x"].sum()) == self.poison:
                loss = loss * float("nan")
            yield name, {"square": loss}, {}


def draw(generator):
    return {"x": torch.rand(16, 1, generator=generator)}


def line(steps, out, *, batch=draw, stop_after=None, poison=None, net=None, **more):
    if net is None:
        torch.manual_seed(0)
        net = torch.nn.Linear(1, 1)
    shared = {"steps": steps, "objective": Line(net, poison), "batch": batch, "learning_rate": lambda part: 1 - part / 2}
    stages = [Stage(name=name, **shared) for name in ("one", "two")]
    done = fit(net, stages, out=out, seed=7, accelerator=accelerator_of(cpu=True), stop_after=stop_after, show=False, **more)
    return net, done


def test_the_loop_learns(tmp_path):
    net, done = line(200, tmp_path)
    assert done
    assert net.weight.item() == pytest.approx(3, abs=0.1)
    assert net.bias.item() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("stop", [3, 5, 7])
def test_stopped_and_gone_on_is_straight_bitwise(tmp_path, stop):
    straight, _ = line(5, tmp_path / "straight")
    _, done = line(5, tmp_path / "broken", stop_after=stop)
    assert not done
    resumed, done = line(5, tmp_path / "broken")
    assert done
    assert torch.equal(resumed.weight, straight.weight)
    assert torch.equal(resumed.bias, straight.bias)
    again, _ = line(5, tmp_path / "broken")  # finished: nothing more happens
    assert torch.equal(again.weight, straight.weight)


def test_moments_keep_the_memory_format_of_their_weights(tmp_path):
    """Fused Adam walks through weights and moments side by side: moments of another layout would go to other weights."""

    def three_more(net, optimizer, first):
        for step in range(first, first + 3):
            optimizer.zero_grad()
            (net(torch.randn(2, 3, 8, 8, generator=generator_of(step))) ** 2).mean().backward()
            optimizer.step()

    torch.manual_seed(0)
    nets = [torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)]
    first = torch.optim.Adam(nets[0].parameters(), fused=True)
    three_more(nets[0], first, 0)
    checkpoint.save(tmp_path, nets[0], {"net": first}, {}, 1)
    nets.append(copy.deepcopy(nets[0]))
    second = torch.optim.Adam(nets[1].parameters(), fused=True)
    checkpoint.restore_optimizers(checkpoint.latest(tmp_path), {"net": second})
    three_more(nets[0], first, 3)
    three_more(nets[1], second, 3)
    assert torch.equal(nets[0].weight, nets[1].weight)


def test_the_same_parts_give_the_same_generator_and_others_another():
    first, same, other = generator_of(1, "a", 2), generator_of(1, "a", 2), generator_of(1, "a", 3)
    drawn = torch.rand(4, generator=first)
    assert torch.equal(drawn, torch.rand(4, generator=same))
    assert not torch.equal(drawn, torch.rand(4, generator=other))


def test_nan_stops_with_one_line_and_keeps_the_last_good_checkpoint(tmp_path):
    good, _ = line(10, tmp_path, stop_after=4)

    def poisoned(generator):
        return {"x": torch.zeros(16, 1)}

    with pytest.raises(InputError, match=r"the loss \(square\) is not a finite number at step 4 of one; the last good checkpoint is kept"):
        line(10, tmp_path, batch=poisoned, poison=0.0)
    kept = checkpoint.latest(tmp_path)
    assert torch.equal(checkpoint.read_tensors(kept / "model.safetensors")["weight"], good.weight)


def test_a_file_whose_length_looks_like_a_pickle_is_read(tmp_path):
    """A safetensors file begins with the length of its head: one in 32 begins with 0x80, as pickles do, some with PK."""
    from safetensors.torch import save_file

    found = set()
    for length in range(1, 300):
        save_file({"n" * length: torch.ones(1)}, tmp_path / "a.safetensors")
        start = (tmp_path / "a.safetensors").read_bytes()[:1]
        if start == b"\x80":
            found.add(length)
            assert checkpoint.read_tensors(tmp_path / "a.safetensors")["n" * length].item() == 1
    assert found
    save_file({"n" * 19220: torch.ones(1)}, tmp_path / "a.safetensors")
    while (tmp_path / "a.safetensors").read_bytes()[:2] != b"PK":
        length += 1
        save_file({"n" * (19000 + length): torch.ones(1)}, tmp_path / "a.safetensors")
    assert checkpoint.read_tensors(tmp_path / "a.safetensors")


def test_a_save_cut_short_leaves_the_one_before(tmp_path, monkeypatch):
    net, _ = line(5, tmp_path, stop_after=4)

    def cut(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write_json", cut)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(tmp_path, net, {}, {}, 5)
    monkeypatch.undo()
    assert checkpoint.latest(tmp_path).name == "step_00000004"
    straight, _ = line(5, tmp_path / "straight")
    resumed, _ = line(5, tmp_path)
    assert torch.equal(resumed.weight, straight.weight)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step_00000010"]  # what was cut is swept up


def test_a_checkpoint_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "checkpoints").write_text("in the way")
    with pytest.raises(InputError, match=r"cannot write .*step_00000001 .* the checkpoint before it is kept"):
        checkpoint.save(tmp_path, torch.nn.Linear(1, 1), {}, {}, 1)


def test_scalars_are_logged(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    line(30, tmp_path)
    events = EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    assert {"one/square", "two/square"} <= set(events.Tags()["scalars"])
    assert [scalar.step for scalar in events.Scalars("two/square")] == [30, 40, 50]


def test_checkpoint_files_that_are_not_whole_say_so(tmp_path):
    net, _ = line(3, tmp_path)
    file = checkpoint.latest(tmp_path) / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="no whole safetensors file"):
        checkpoint.read_tensors(file)
    torch.save(net.state_dict(), file)
    with pytest.raises(InputError, match="is a pickle"):
        checkpoint.read_tensors(file)
    file.unlink()
    with pytest.raises(InputError, match="is missing"):
        checkpoint.read_tensors(file)
    with pytest.raises(InputError, match="tensor 'bias' is missing, unknown or of another shape"):
        checkpoint.load_weights(net, {"weight": net.weight}, tmp_path)
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(InputError, match="is no JSON"):
        checkpoint.read_json(tmp_path / "broken.json")
    with pytest.raises(InputError, match="is no limner checkpoint"):
        checkpoint.read_json(tmp_path / "none" / "config.json")


@dataclass(frozen=True, kw_only=True)
class Numbers:
    steps: int = 3
    rate: float = 0.1
    sizes: tuple[int, ...] = (1, 2)
    on: bool = True

    def __post_init__(self):
        if self.steps < 1:
            raise ValueError("steps is at least 1")


def test_configs_are_overridden_checked_and_read_back():
    changed = override(Numbers(), {"steps": "5", "rate": "1e-3", "sizes": "4,5,6", "on": "false"})
    assert changed == Numbers(steps=5, rate=1e-3, sizes=(4, 5, 6), on=False)
    assert from_json(Numbers, json.loads(json.dumps(to_json(changed)))) == changed
    with pytest.raises(InputError, match="no setting 'stesp'; there are: steps, rate, sizes, on"):
        override(Numbers(), {"stesp": 1})
    with pytest.raises(InputError, match="steps takes a value like 3, not 'many'"):
        override(Numbers(), {"steps": "many"})
    with pytest.raises(InputError, match="steps is at least 1"):
        override(Numbers(), {"steps": "0"})
    with pytest.raises(InputError, match="on is true or false"):
        override(Numbers(), {"on": "perhaps"})
    with pytest.raises(InputError, match="not one of this limner's"):
        from_json(Numbers, {"depth": 3})
