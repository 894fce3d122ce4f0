"""Silence for C code that writes to the terminal past Python: what the user is to read, limner says itself."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator

EVERYTHING = re.compile(rb"")


@contextlib.contextmanager
def quiet(chatter: re.Pattern[bytes] = EVERYTHING) -> Iterator[None]:
    """Keeps what is written to file descriptor 2 meanwhile; afterwards passes on the lines that do not begin as `chatter`.

    Where there is no standard error, or no temporary folder to keep it in, nothing is held back.
    """
    with contextlib.ExitStack() as stack:
        try:
            sys.stderr.flush()
            kept = stack.enter_context(tempfile.TemporaryFile())
            real = os.dup(2)
        except (OSError, AttributeError, ValueError):
            yield
            return
        os.dup2(kept.fileno(), 2)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            os.dup2(real, 2)
            os.close(real)
            kept.seek(0)
            for line in kept:
                if not chatter.match(line):
                    os.write(2, line)
