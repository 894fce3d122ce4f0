"""Batches drawn ahead in the background while a step computes.

What is drawn hangs on its number alone (training.loop seeds a generator for each), so the order in which threads finish changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def drawn_ahead(draw: Callable[[int], T], steps: Iterable[int], *, ahead: int, loaders: int = 1) -> Iterator[Iterator[T]]:
    """Gives draw(step) for one step after the other, up to `ahead` of them drawn before they are asked for, by `loaders` threads.

    ahead 0: drawn when asked for, by the asking thread. What `draw` raises is raised where its batch is asked for.
    """
    if ahead < 1:
        yield map(draw, steps)
        return
    pool = ThreadPoolExecutor(max(1, loaders), thread_name_prefix="limner-loader")
    try:
        yield _in_order(pool, draw, steps, max(ahead, loaders))
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(pool: ThreadPoolExecutor, draw: Callable[[int], T], steps: Iterable[int], ahead: int) -> Iterator[T]:
    waiting = deque()
    for step in steps:
        waiting.append(pool.submit(draw, step))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
