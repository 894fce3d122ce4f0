"""limner in a browser: servers and their pages. Thin; nothing below imports it, and its servers need an extra of pyproject.toml.

`jobs` and `worker`, the queue, need none.
"""

from __future__ import annotations


def require(extra: str, *modules: str) -> None:
    """DependencyError, naming the extra, unless the modules it brings are there."""
    import importlib

    from limner.types import DependencyError

    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise DependencyError(f"this needs {name}; install it with: pip install 'limner[{extra}]'") from error
