"""Whether the study server keeps what it confirmed: many simulated raters at once on loopback, and a kill -9 amid their answers.

    limner bench study

Every tenth answer is sent twice, as by a double click. Afterwards each rater's confirmed answers are compared with the database.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from limner.data.store import Store, StoreWriter
from limner.evaluation.study.answers import CHOICES, Answers
from limner.evaluation.study.build import StudySettings, build
from limner.evaluation.study.plan import Plan
from limner.media.files import write_text
from limner.types import Clip

PEOPLE, SIZE, FRAMES = 40, 16, 3
DOUBLE = 10  # every tenth answer
PATIENCE_S = 120.0  # a rater asks again for so long


def run(*, raters: int = 50, out: Path | None = None) -> dict[str, Any]:
    """Prints and returns the figures. DependencyError without the extra `study`."""
    from limner.web import require

    require("study", "fastapi", "uvicorn")
    with tempfile.TemporaryDirectory(prefix="limner-study-") as folder:
        plan = small_study(Path(folder))
        found = _measured(Path(folder) / "study", plan, raters)
    print(
        f"{found['raters']} raters at once, server killed after {found['killed_after']} of {found['answers']} answers and started again: "
        f"{found['lost']} lost, {found['doubled']} doubled\n"
        f"{found['answers_per_s']:.0f} answers/s before the kill; an answer confirmed in {found['p50_ms']:.0f} ms (median), "
        f"{found['p95_ms']:.0f} ms (95 %); back after {found['down_s']:.1f} s"
    )
    if out is not None:
        write_text(out, json.dumps(found, indent=1) + "\n")
    return found


def small_study(folder: Path) -> Plan:
    """A study of two methods that paint one colour each, in folder / "study"."""
    stores = {}
    for name, shade in (("dark", 40), ("light", 200)):
        with StoreWriter(folder / name) as writer:
            for person in range(PEOPLE):
                writer.add(
                    Clip(
                        id=f"p{person}/mode_1", source="bench", subject=f"p{person}", split="test", label="posed", size=(SIZE, SIZE),
                        points=np.zeros((FRAMES, 1, 2), np.float32), confidence=np.ones((FRAMES, 1), np.float32), fps=Fraction(25),
                        duration_s=0.1, frames=np.full((FRAMES, SIZE, SIZE, 3), shade, np.uint8),
                    )
                )  # fmt: skip
        stores[name] = Store(folder / name)
    return build(stores, folder / "study", StudySettings())


class Server:
    """`limner study serve` as a process of its own."""

    def __init__(self, study: Path, port: int = 0) -> None:
        command = [sys.executable, "-m", "limner", "study", "serve", str(study), "--port", str(port)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        if "http://" not in line:
            raise RuntimeError(f"the server did not start: {line.strip()}")
        self.port = int(line.partition("http://")[2].split()[0].rpartition(":")[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


@dataclass
class Rater:
    """One simulated rater: answers all their pairs, asks again until each is confirmed. confirmed: task -> choice."""

    port: int
    seed: int
    confirmed: dict[str, str] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)
    cookie: str = ""
    failure: BaseException | None = None

    def run(self) -> None:
        try:
            rng = np.random.default_rng(self.seed)
            tasks = self._ask("POST", "/api/raters", {"simulated": True})["tasks"]
            for number, task in enumerate(tasks):
                choice = CHOICES[int(rng.integers(3))]
                for _ in range(1 + (number % DOUBLE == 0)):
                    start = time.perf_counter()
                    self._ask("PUT", f"/api/answers/{task['id']}", {"choice": choice})
                    self.took_s.append(time.perf_counter() - start)
                self.confirmed[task["id"]] = choice
        except BaseException as error:  # shown by the one that waits for all
            self.failure = error

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Until the server confirms. RuntimeError where it refuses, or stays away."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                connection.request(method, path, json.dumps(body), {"Content-Type": "application/json", "Cookie": self.cookie})
                reply = connection.getresponse()
                told = json.loads(reply.read())
                if cookie := reply.headers["set-cookie"]:
                    self.cookie = cookie.partition(";")[0]
                if reply.status < 300:
                    return told
                if reply.status not in (429, 503):
                    raise RuntimeError(f"{method} {path}: {reply.status} {told}")
            except (OSError, http.client.HTTPException, ValueError):
                pass
            finally:
                connection.close()
            time.sleep(0.05)
        raise RuntimeError("the server stayed away")


def _measured(study: Path, plan: Plan, raters: int) -> dict[str, Any]:
    server = Server(study)
    try:
        crowd = [Rater(server.port, seed) for seed in range(raters)]
        threads = [threading.Thread(target=rater.run, daemon=True) for rater in crowd]
        wanted, start = raters * len(plan.checks) + raters * min(plan.per_rater, len(plan.compared)), time.perf_counter()
        for thread in threads:
            thread.start()
        while sum(len(rater.confirmed) for rater in crowd) < wanted / 2 and any(thread.is_alive() for thread in threads):
            time.sleep(0.005)
        server.kill()
        killed_after, before_s = sum(len(rater.confirmed) for rater in crowd), time.perf_counter() - start
        took = np.concatenate([rater.took_s for rater in crowd]) * 1000  # before the kill: what comes after has waited for the restart
        start = time.perf_counter()
        server = Server(study, server.port)
        down_s = time.perf_counter() - start
        for thread in threads:
            thread.join()
    finally:
        server.kill()
    if failures := [rater.failure for rater in crowd if rater.failure is not None]:
        raise failures[0]
    lost, doubled, answers = compared(study, plan, crowd)
    return {
        "raters": raters, "answers": answers, "killed_after": killed_after, "lost": lost, "doubled": doubled,
        "answers_per_s": killed_after / before_s, "p50_ms": float(np.quantile(took, 0.5)), "p95_ms": float(np.quantile(took, 0.95)),
        "down_s": down_s,
    }  # fmt: skip


def compared(study: Path, plan: Plan, crowd: list[Rater]) -> tuple[int, int, int]:
    """-> (confirmed answers that are not in the database as given, rows beyond one for each, rows)."""
    answers = Answers(study, plan)
    try:
        votes = answers.votes()
        kept: dict[str, str | None] = {}
        for rater in crowd:
            kept |= {task.id: task.choice for task in answers.tasks(rater.cookie.partition("=")[2])}
    finally:
        answers.close()
    confirmed = {task: choice for rater in crowd for task, choice in rater.confirmed.items()}
    lost = sum(kept.get(task) != choice for task, choice in confirmed.items())
    return lost, len(votes) - len(confirmed), len(votes)
