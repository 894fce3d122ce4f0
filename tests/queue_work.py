"""Work for tests of the queue: what a worker process may meet."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

from limner.types import InputError


def api():
    """For the API: the seed of a smile says what becomes of it."""
    do = work()

    def smile(kind: str, settings: dict, folder_in: Path, folder_out: Path, progress) -> None:
        kinds = ("copy", "hang", "die", "refuse", "fault", "steps")
        do(kinds[settings["seed"]], {**settings, "steps": 100_000}, folder_in, folder_out, progress)

    return smile


def work():
    def do(kind: str, settings: dict, folder_in: Path, folder_out: Path, progress) -> None:
        print("libraries print")
        if kind == "copy":
            for path in folder_in.iterdir():
                (folder_out / path.name).write_bytes(path.read_bytes())
            (folder_out / "pid").write_text(str(os.getpid()))
        elif kind == "steps":
            for step in range(settings["steps"]):
                progress("stepping", step, settings["steps"])
                time.sleep(settings.get("each_s", 0.02))
        elif kind == "hang":
            tempfile.mkstemp()  # what a job killed here leaves
            progress("hanging", 0, 1)
            time.sleep(1000)
        elif kind == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif kind == "refuse":
            raise InputError("no face\nin it")
        elif kind == "fault":
            raise ZeroDivisionError

    return do
