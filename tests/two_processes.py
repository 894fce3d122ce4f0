"""One of several gloo processes, for tests/test_processes.py: python two_processes.py OUT, with RANK, WORLD_SIZE and so on set."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from limner.training.loop import Stage, accelerator_of, fit, generator_of
from limner.training.step import take_step
from limner.types import InputError
from small_gan import Gan, Learn, draw, stages

NORMS = ("none", "frozen", "batch")


def gradients(net: Gan, batches: list[torch.Tensor], accelerator) -> dict[str, torch.Tensor]:
    """What one step of SGD at rate 1 takes off the weights: the gradients of the critic's update, then of the generator's."""
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    learn = Learn(net, sgd=True)
    take_step(learn, [(generator_of(0), {"x": x}) for x in batches], learn.optimizers(), accelerator, clip=1e9, place="here")
    return {name: before[name] - p.detach() for name, p in net.named_parameters()}


class Sometimes:
    """Uses a parameter in the first process alone, and another one in none."""

    def __init__(self, net: torch.nn.Linear, index: int):
        self.net, self.index = net, index

    def updates(self, batch, generator):
        yield "sgd", {"l": self.net.weight.sum() * 4 if self.index == 0 else torch.zeros((), requires_grad=True)}, {}


def main(out: Path) -> None:
    accelerator = accelerator_of()
    index, found = accelerator.process_index, {"processes": accelerator.num_processes}
    whole = draw(generator_of("whole"), num=8)["x"]
    for norm in NORMS:
        mine = gradients(Gan(norm=norm), [whole.chunk(accelerator.num_processes)[index]], accelerator)
        save_file(mine, out / f"gradients-{norm}-{index}.safetensors")
    net = torch.nn.Linear(1, 1)
    before = net.weight.item()
    sgd = {"sgd": torch.optim.SGD(net.parameters(), lr=1.0)}
    take_step(Sometimes(net, index), [(generator_of(0), {})], sgd, accelerator, clip=1e9, place="here")
    found |= {"sometimes": before - net.weight.item(), "never": net.bias.grad is None}
    net = Gan(norm="frozen")
    fit(net, stages(net, 4, noise=0.1), out=out / "run", seed=3, accelerator=accelerator, show=False, ema=0.5, stop_after=5)
    net = Gan(norm="frozen")
    fit(net, stages(net, 4, noise=0.1), out=out / "run", seed=3, accelerator=accelerator, show=False, ema=0.5)
    save_file(net.state_dict(), out / f"ended-{index}.safetensors")
    try:  # not a number in the second process alone
        net = Gan()
        learn = Learn(net, poison=True)
        stage = Stage(name="one", steps=9, objective=learn, batch=lambda generator: {"x": 3.0 * index + draw(generator)["x"]}, clip=1e9)
        fit(net, [stage], out=out / "poisoned", seed=3, accelerator=accelerator, show=False)
    except InputError as error:
        found["stopped"] = str(error)
    try:  # a folder that only the first process sees
        fit(Gan(norm="frozen"), [], out=out / "run" if index == 0 else out / "none", seed=3, accelerator=accelerator, show=False)
    except InputError as error:
        found["apart"] = str(error)
    try:  # a checkpoint that does not fit, in the first process alone
        fit(Gan(norm="frozen" if index else "none"), [], out=out / "run", seed=3, accelerator=accelerator, show=False)
    except InputError as error:
        found["unfit"] = str(error)
    (out / f"found-{index}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
