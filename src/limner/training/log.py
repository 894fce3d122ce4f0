"""What a run writes about itself while it trains: TensorBoard always, Weights & Biases beside it where asked for."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from limner.media.files import reason_of, write_text
from limner.types import InputError

KINDS = ("tensorboard", "wandb")


class Log:
    """Numbers and pictures over steps, into RUN/logs, and to W&B where `kinds` names it. Only the main process has one.

    A run that goes on drops what TensorBoard had logged after the step it goes on from. InputError where W&B is not installed or refuses,
    or where RUN/logs cannot be written.
    """

    def __init__(self, out: Path, done: int, kinds: Sequence[str] = ("tensorboard",), config: Mapping[str, Any] | None = None):
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown:
            raise InputError(f"no log {unknown[0]!r}; there are: {', '.join(KINDS)}")
        self.folder, self.wandb = out / "logs", _wandb_run(out, config or {}) if "wandb" in kinds else None
        from torch.utils.tensorboard import SummaryWriter

        with self._writing():
            self.board = SummaryWriter(str(self.folder), purge_step=done)

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """name -> number, at this step."""
        with self._writing():
            for name, value in values.items():
                self.board.add_scalar(name, float(value), step)
            self.board.flush()
        if self.wandb is not None:
            self.wandb.log({**values, "step": step})

    def pictures(self, values: Mapping[str, np.ndarray], step: int) -> None:
        """name -> (H, W, 3) uint8, at this step."""
        with self._writing():
            for name, value in values.items():
                self.board.add_image(name, np.asarray(value), step, dataformats="HWC")
            self.board.flush()
        if self.wandb is not None and values:
            import wandb  # type: ignore[import-not-found]

            self.wandb.log({name: wandb.Image(np.asarray(value)) for name, value in values.items()} | {"step": step})

    def __enter__(self) -> Log:
        self.hook, threading.excepthook = threading.excepthook, self._uncaught
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if self.wandb is not None:
                self.wandb.finish(exit_code=0 if kind is None else 1)
            with self._writing() if kind is None else contextlib.suppress(OSError):
                self.board.close()
        finally:
            threading.excepthook = self.hook

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._refusal(error) from None

    def _uncaught(self, args: threading.ExceptHookArgs) -> None:
        """TensorBoard's writing thread prints no traceback: what it met is raised again where the loop logs next."""
        if type(args.thread).__name__ != "_AsyncWriterThread":
            self.hook(args)

    def _refusal(self, error: OSError) -> InputError:
        return InputError(f"training stopped: cannot write {self.folder} ({reason_of(error)}); the last good checkpoint is kept")


def _wandb_run(out: Path, config: Mapping[str, Any]) -> Any:
    """A W&B run that the next start of the same RUN goes on with; its id is kept in RUN/wandb.json."""
    try:
        import wandb  # type: ignore[import-not-found]
    except ImportError as error:
        what = "the log wandb needs the package of that name" if error.name == "wandb" else f"wandb cannot be imported ({error})"
        raise InputError(f"{what}: pip install 'limner[wandb]', or leave --log out") from None
    path = out / "wandb.json"
    name = json.loads(path.read_text())["id"] if path.exists() else secrets.token_hex(8)
    if not path.exists():
        write_text(path, json.dumps({"id": name}) + "\n")
    try:
        run = wandb.init(project="limner", name=out.name, id=name, resume="allow", dir=str(out), config=dict(config))
    except wandb.Error as error:
        raise InputError(f"W&B refuses ({' '.join(str(error).split())}); `wandb login`, WANDB_MODE=offline, or no --log") from None
    run.define_metric("*", step_metric="step")
    return run


def progress_bar(show: bool) -> Any:
    """How far each stage is, on standard error; a context that gives None where it is not shown."""
    if not show:
        return contextlib.nullcontext()
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, refresh_per_second=2, console=Console(stderr=True))
