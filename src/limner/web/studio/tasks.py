"""What the studio's warm process does: the same functions that the commands call, told how far they are and asked to stop in between.

Only files of the session's own folder are read and written. What is refused comes back as the terminal's one line.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.types import InputError
from limner.web.studio.desk import CANCELLED, DONE, FAILED, REFUSED, SAY_EVERY_S, Cancelled

if TYPE_CHECKING:
    from limner.generation.moves import BodyEngine
    from limner.generation.smiles import Engine

Progress = Callable[[str, int, int], None]
MOST_DRIVER_FRAMES = 3000  # ours: as many as limner smile renders; two minutes at 25 frames a second
LITTLE_MEMORY = "not enough memory; choose a smaller size or fewer modes"


class Bench:
    """The engines of the process, made when first needed and then kept."""

    @cached_property
    def faces(self) -> Engine:
        from limner.generation.smiles import Engine

        return Engine()

    @cached_property
    def bodies(self) -> BodyEngine:
        from limner.generation.moves import BodyEngine

        return BodyEngine()

    def warm(self) -> None:
        """Everything that the first smile would wait for."""
        import tempfile

        from skimage import data

        from limner.generation.settings import SmileSettings
        from limner.generation.smiles import make_smiles
        from limner.media.pictures import read_picture

        with tempfile.TemporaryDirectory(prefix="limner-warm-") as folder:
            picture = read_picture(data.astronaut(), name="warm")
            make_smiles(picture, Path(folder), SmileSettings(size=128, frames=2, modes=2), self.faces)


@dataclass
class Teller:
    """A Progress that sends what it is told, not too often, and raises Cancelled once the job is to stop."""

    pipe: Connection
    stop: Any
    stage: str = ""
    said_at: float = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self.stop.is_set():
            raise Cancelled
        now = time.monotonic()
        if stage != self.stage or now - self.said_at > SAY_EVERY_S:
            self.stage, self.said_at = stage, now
            self.pipe.send(("progress", stage, done, total))


def serve(pipe: Connection, stop: Any) -> None:
    """The process: warms up, then takes one job after the other until the other end of the pipe is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's; it ends this process
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    bench = Bench()
    if not pipe.poll(0):
        bench.warm()
    while True:
        try:
            task, arguments = pipe.recv()
        except EOFError:
            return
        answer = one(bench, task, arguments, Teller(pipe, stop))
        try:
            pipe.send(answer)
        except OSError:
            return


def one(bench: Bench, task: str, arguments: dict[str, Any], progress: Progress) -> tuple[str, Any]:
    """Does one job -> (how it ended, its answer or the line that says why not)."""
    try:
        return DONE, TASKS[task](bench, progress, **arguments)
    except Cancelled:
        return CANCELLED, ""
    except InputError as error:
        return REFUSED, sentence(error)
    except MemoryError:
        return REFUSED, LITTLE_MEMORY
    except Exception as error:
        if os.environ.get("LIMNER_DEBUG") == "1":
            import traceback

            traceback.print_exception(error)
        if "allocate memory" in str(error) or "out of memory" in str(error):  # torch raises a RuntimeError
            return REFUSED, LITTLE_MEMORY
        return FAILED, f"a fault of ours, {type(error).__name__}: {sentence(error)} (LIMNER_DEBUG=1 shows where; please report it)"


def sentence(error: BaseException) -> str:
    """The error's message on one line, as the terminal says it."""
    from limner.cli.session import one_line

    return one_line(error)


def smile(bench: Bench, progress: Progress, *, photo: Path, name: str, out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """`limner smile` of one photo into out/<name>/ -> its folder, its result.json and the curves of its modes."""
    from limner.generation.settings import SmileSettings
    from limner.generation.smiles import make_smiles
    from limner.media.pictures import read_picture

    progress("reading the photo", 0, 1)
    checked = SmileSettings(**settings)
    outcome = make_smiles(read_picture(photo, name=name), out, checked, bench.faces, progress=progress)
    return {"folder": outcome.folder, "result": outcome.result, "curves": [curve.tolist() for curve in outcome.curves]}


TASKS: dict[str, Callable[..., dict[str, Any]]] = {"smile": smile}
