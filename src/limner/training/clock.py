"""Where a training run's time goes: waiting for data, steps, checkpoints, monitors."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """`with clock("data"): ...` adds to that part's seconds."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.seconds: dict[str, float] = defaultdict(float)
        self.steps = 0
        self.before = 0.0  # seconds of training before this start, where a run goes on

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[part] += time.perf_counter() - start

    @property
    def total(self) -> float:
        """Seconds since the run began, or went on."""
        return time.perf_counter() - self.start

    @property
    def trained(self) -> float:
        """Seconds of steps, waiting for data and monitors since the run's very beginning."""
        return self.before + sum(self.seconds[part] for part in ("data", "step", "monitor"))

    def waiting_share(self) -> float:
        """Of the time that training itself takes (no checkpoints, no monitors), the part that waits for data, 0..1."""
        return self.seconds["data"] / max(1e-9, self.seconds["data"] + self.seconds["step"])

    def rates(self) -> dict[str, float]:
        """What is logged: steps a second of training itself, and the waiting share."""
        seconds = self.seconds["data"] + self.seconds["step"]
        return {"steps_per_s": self.steps / max(1e-9, seconds), "waiting_share": self.waiting_share()}

    def line(self) -> str:
        """One line for the user, at the end."""
        parts = ((f"{name} {100 * self.seconds[name] / max(1e-9, self.total):.1f} %") for name in ("checkpoints", "monitor"))
        rate, waiting = self.rates()["steps_per_s"], 100 * self.waiting_share()
        return f"{self.steps} steps in {self.total:.0f} s: {rate:.2f} steps/s, waiting for data {waiting:.1f} %; {', '.join(parts)}"
