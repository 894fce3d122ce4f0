"""Pieces of work side by side, each on one thread of torch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

MOST_WORKERS = 4  # ours: more would only hold more frames in memory


def ahead(work: Callable[[np.ndarray], np.ndarray], pieces: list[np.ndarray]) -> Iterator[np.ndarray]:
    """work(piece) of each piece, in order, as many at a time as torch has threads, each on a single one of them.

    Many small operations on two threads mostly wait for one another; two pieces side by side do not.
    """
    num = min(torch.get_num_threads(), len(pieces), MOST_WORKERS)
    if num < 2:
        yield from map(work, pieces)
        return
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(num, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        running = deque(pool.submit(work, piece) for piece in pieces[:num])
        try:
            for piece in [*pieces[num:], *[None] * num]:
                yield running.popleft().result()
                if piece is not None:
                    running.append(pool.submit(work, piece))
        finally:
            for future in running:
                future.cancel()
            torch.set_num_threads(threads)  # the workers' own setting also becomes that of threads to come
