"""One run of the command: how options are parsed, how progress is shown, how every end becomes one line and an exit code."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any, TypeVar

from limner.cli import INTERRUPTED

T = TypeVar("T")
OK, FAULT, REFUSED, STOPPED = 0, 1, 2, 130
interrupted = threading.Event()


def say(line: str) -> None:
    """A line for the user beside the result: standard error, at once. Of several processes of one training the first speaks for all."""
    if os.environ.get("RANK", "0") == "0":
        print(line, file=sys.stderr, flush=True)


class Session:
    """Holds Ctrl-C for the length of a command: the first raises KeyboardInterrupt, later ones wait until all is put in order.

    last: the process ends with this command, so what comes after its end changes nothing any more.
    """

    def __init__(self, *, last: bool) -> None:
        self.last = last

    def __enter__(self) -> Session:
        interrupted.clear()
        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # its remarks on a home it cannot write are not the user's business
        self.before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.before[number] = signal.signal(number, self._stop)
        return self

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, signal.SIG_IGN if self.last else handler)

    def exit_code(self, error: BaseException) -> int:
        """The one line and the exit code that an exception stands for."""
        if os.environ.get("LIMNER_DEBUG") == "1" and not isinstance(error, SystemExit):
            import traceback

            traceback.print_exception(error)
        if interrupted.is_set() or isinstance(error, KeyboardInterrupt):  # a library may have turned it into something else
            say(INTERRUPTED)
            return STOPPED
        from limner.types import InputError  # not above: it imports numpy, which Ctrl-C may have left half imported

        if isinstance(error, SystemExit):
            return error.code if isinstance(error.code, int) else OK if error.code is None else FAULT
        if isinstance(error, InputError):
            say(f"limner: {one_line(error)}")
            return REFUSED
        if isinstance(error, BrokenPipeError):  # the reader of our output went away, as `head` does
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return OK
        if isinstance(error, MemoryError) or re.search("allocate memory|out of memory", str(error)):  # torch raises a RuntimeError
            say("limner: not enough memory; try a smaller --size or fewer --modes")
            return REFUSED
        say(f"limner: a fault of ours, {type(error).__name__}: {one_line(error)} (LIMNER_DEBUG=1 shows where; please report it)")
        return FAULT


def one_line(error: BaseException) -> str:
    """The error's message without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def parse(record: type[T], command: str, args: Sequence[str]) -> T:
    """Command line -> the record of its options, by tyro; what it cannot read is refused in one line."""
    import tyro

    from limner.types import InputError

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(
                record, prog=f"limner {command}", args=list(args), config=(tyro.conf.FlagCreatePairsOff, tyro.conf.HelptextFromCommentsOff)
            )
    except SystemExit as end:
        if end.code in (0, None):
            raise
        raise InputError(f"{_plain(said.getvalue())} (limner {command} --help shows the options)") from None


def _plain(said: str) -> str:
    """What tyro said of options it cannot read, boxed or not, as one plain clause."""
    text = " ".join(re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯─]|--{2,}", " ", said).split())
    if text.startswith("Missing from") or "Missing from limner" in text:
        return f"missing: {', '.join(re.findall(r'(--[a-z-]+|(?<=[:)] )[A-Z][A-Z.|json]+)(?= )', text.partition('limner')[2]))}"
    if found := re.search(r"Error parsing (\S+): .*?(?: from \[|to float: )('.*?')", text):
        return f"{found[1]} cannot be {found[2]}"
    if found := re.search(r"[Mm]issing value for argument '(\S+)'", text):
        return f"{found[1]} needs a value"
    text = text.partition("For full helptext")[0].partition("Got errors")[0].strip()
    if found := re.search(r"Unrecognized options: (.*?)(?: (?:Perhaps you meant|Arguments similar)(.*)|$)", text):
        return _unknown(found[1].split(", "), found[2] or "")
    text = re.sub(r"^(Parsing error|Value error|Required options|Missing argument\w*) ", "", text)
    return text[:1].lower() + text[1:] or "the options cannot be read"


def _unknown(words: list[str], similar: str) -> str:
    """['--qualty', '3'] and what tyro finds similar -> 'cannot make sense of --qualty; perhaps --quality'."""
    from difflib import get_close_matches

    unknown = [word for word in words if word.startswith("-")] or words
    known = sorted(set(re.findall(r"--[a-z-]+", similar)).difference(unknown))
    meant = [name for word in unknown for name in get_close_matches(word, known, n=1)]
    return f"cannot make sense of {', '.join(unknown)}" + (f"; perhaps {', '.join(meant)}" if meant else "")


class Bar:
    """A progress bar on standard error for what takes over two seconds; silent where that is no terminal."""

    AFTER_S = 2.0  # the issue: on anything over two seconds

    def __init__(self, title: str) -> None:
        self.title, self.start, self.bar, self.task = title, time.monotonic(), None, None

    def __call__(self, stage: str, done: int, total: int) -> None:
        if interrupted.is_set():  # swallowed by a callback or a library: stop here
            raise KeyboardInterrupt
        if not sys.stderr.isatty() or (self.bar is None and time.monotonic() - self.start < self.AFTER_S and done):
            return
        if self.bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self.task = self.bar.add_task(self.title)
            self.bar.start()
        assert self.task is not None
        self.bar.update(self.task, description=f"{self.title}: {stage}", completed=done, total=total if total > 1 else None)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()
