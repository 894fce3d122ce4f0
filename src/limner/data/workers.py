"""Work spread over processes: results in the order of the work, few ahead of it, and no process left behind whatever happens.

Ctrl-C, a fault, a worker killed for lack of memory, the first process killed outright: each ends all of them.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from limner.types import InputError

WAITING = 2  # ours: pieces handed to each worker ahead: none waits, and no more results than that are held

Piece = TypeVar("Piece")
Result = TypeVar("Result")


@contextlib.contextmanager
def spread(one: Callable[[Piece], Result], pieces: Iterable[Piece], workers: int) -> Iterator[Iterator[Result]]:
    """`one` of each piece, in their order; by one worker in this process, by more in processes of their own.

    one: a function that can be sent to another process, of a module (or functools.partial of such); what it raises is raised here.
    InputError, in the body of the `with`: a worker was killed.
    """
    if workers == 1:
        yield map(one, pieces)
        return
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=begin_work)
    try:
        yield _in_order(pool, one, pieces, WAITING * workers)
        pool.shutdown()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise


def _in_order(pool: ProcessPoolExecutor, one: Callable[[Piece], Result], pieces: Iterable[Piece], most: int) -> Iterator[Result]:
    running: deque[Future[Result]] = deque()
    try:
        for piece in pieces:
            running.append(pool.submit(one, piece))
            if len(running) >= most:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    except BrokenProcessPool as error:
        raise InputError("a worker was killed, most likely for lack of memory; the same command with fewer --workers goes on") from error


def begin_work() -> None:
    """A worker's first act. Ctrl-C goes to every process of a terminal, and the first one puts things in order; and where that one is
    killed, its workers end too, which would wait for more work for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if (first := multiprocessing.parent_process()) is not None:
        threading.Thread(target=lambda: (first.join(), os._exit(1)), daemon=True).start()
