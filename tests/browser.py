"""A real Chromium for tests of pages, through Playwright; a test that asks for it skips, saying so, where either is absent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """A headless Chromium: the system's."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install limner[dev])")
    path = os.environ.get("LIMNER_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium; or name one in LIMNER_CHROMIUM)")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"])
        yield found
        found.close()


class Served:
    """A command of limner that serves, on a port of its own; `address` is where. `kill` ends it at once, as a crash would."""

    def __init__(self, *args: object, port: int = 0, env: dict[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "limner", *map(str, args), "--port", str(port)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert "http://" in line, line + self.process.stderr.read()
        self.address = line.partition("http://")[2].split()[0].rstrip(";,.")
        self.port = int(self.address.rpartition(":")[2])

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()


def folder_of_votes(folder: Path) -> list:
    """The votes of a study, read beside its server."""
    from limner.evaluation.study.answers import Answers
    from limner.evaluation.study.plan import read_plan

    answers = Answers(folder, read_plan(folder))
    try:
        return answers.votes()
    finally:
        answers.close()
