"""The process that does jobs, one after the other, for `limner.web.jobs`: `python -m limner.web.worker MODULE:FUNCTION`.

It reads jobs as lines of JSON and answers with lines of JSON; what libraries print goes to standard error. It ends with the server.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from limner.types import InputError

Progress = Callable[[str, int, int], None]
Do = Callable[[str, dict[str, Any], Path, Path, Progress], None]
REPORT_S = 0.1  # ours: a page needs no more


class Cancelled(BaseException):
    """The job at work is not wanted any more; no `except Exception` on the way may keep it."""


class Inbox:
    """Jobs as they come in; and whether the one at work was cancelled. The process ends when the server does."""

    def __init__(self, lines: TextIO) -> None:
        self.jobs: queue.Queue[dict[str, Any]] = queue.Queue()
        self.cancelled: set[str] = set()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()

    def _read(self, lines: TextIO) -> None:
        for line in lines:
            told = json.loads(line)
            if "cancel" in told:
                self.cancelled.add(told["cancel"])
            else:
                self.jobs.put(told)
        os._exit(0)


def main() -> None:
    """Loads the work, then does jobs for ever."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    inbox = Inbox(sys.stdin)
    module, _, name = sys.argv[1].partition(":")
    do: Do = getattr(importlib.import_module(module), name)()

    def say(**told: Any) -> None:
        channel.write(json.dumps(told) + "\n")
        channel.flush()

    say(ready=True)
    while True:
        job = inbox.jobs.get()
        say(id=job["id"], **outcome(do, job, inbox, say))
        inbox.cancelled.discard(job["id"])


def outcome(do: Do, job: dict[str, Any], inbox: Inbox, say: Callable[..., None]) -> dict[str, Any]:
    """Does one job -> how it ended: its state, and why it came to nothing."""
    last = [("", 0.0)]

    def progress(stage: str, done: int, total: int) -> None:
        if job["id"] in inbox.cancelled:
            raise Cancelled
        now = time.monotonic()
        if stage != last[0][0] or now - last[0][1] >= REPORT_S:
            last[0] = stage, now
            say(id=job["id"], stage=stage, done=done, total=total)

    try:
        do(job["kind"], job["settings"], Path(job["in"]), Path(job["out"]), progress)
    except Cancelled:
        return {"state": "cancelled"}
    except InputError as error:
        return {"state": "refused", "error": " ".join(str(error).split())}
    except MemoryError:
        return {"state": "refused", "error": "not enough memory; ask for a smaller size or fewer modes"}
    except Exception as error:
        import traceback

        traceback.print_exc()
        return {"state": "failed", "error": f"a fault of ours, {type(error).__name__}"}
    return {"state": "done"}


if __name__ == "__main__":
    main()
