"""A training killed outright again and again, for tests/test_kills.py: python killed_training.py OUT SEED -> what happened, as JSON.

The interpreter forks a child for each attempt, so that no time goes into imports. A checkpoint is written after every step and is large
beside the step, so that many of the kills fall into a save.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from limner.training.loop import accelerator_of, fit
from small_gan import Gan, stages

STEPS, WIDTH = 12, 320


def train(out: Path) -> None:
    net = Gan(width=WIDTH, norm="batch", drop=0.2)
    more = {"accumulate": 2, "ema": 0.9, "save_every": 1, "log_every": 1}
    fit(net, stages(net, STEPS, noise=0.1), out=out, seed=5, accelerator=accelerator_of(cpu=True), show=False, **more)


def halves(out: Path) -> list[str]:
    """Checkpoints that are being written."""
    return [path.name for path in (out / "checkpoints").glob(".step_*")]


def attempt(out: Path, limit_s: float, *, in_a_save: bool = False) -> bool:
    """A child that goes on with the training, killed after so long, or as it begins to save; -> whether it came to the end first."""
    left = halves(out)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            train(out)
            code = 0
        finally:
            os._exit(code)
    end = time.monotonic() + limit_s
    while time.monotonic() < end and not (in_a_save and set(halves(out)) - set(left)):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert status == 0, status
            return True
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def main(out: Path, seed: int) -> None:
    draw, kills, in_a_save, seen = random.Random(seed), 0, 0, set()
    train(out / "straight")  # in this process, which has thus imported and compiled all that its children need
    start = time.monotonic()
    while kills < 12:
        in_save = kills % 4 == 1
        limit_s = 9 if in_save else draw.uniform(0.05, 0.6 if kills > 3 else 0.1)  # the first soon: an idle machine is done in under 1 s
        if attempt(out / "killed", limit_s, in_a_save=in_save):
            break
        kills += 1
        names = [path.name for path in (out / "killed" / "checkpoints").glob("*")]
        in_a_save += bool(halves(out / "killed"))
        seen |= {name for name in names if not name.startswith(".")}
        assert sum(not name.startswith(".") for name in names) <= 2, names  # the new one, and one not yet swept up
    assert attempt(out / "killed", 200)
    print(json.dumps({"kills": kills, "in_a_save": in_a_save, "checkpoints": len(seen), "seconds": time.monotonic() - start}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
