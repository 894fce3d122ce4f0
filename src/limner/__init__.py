"""limner: one still picture in, many true motions out.

from limner import smile, render

clips = smile("me.jpg", modes=3)          # three different smiles of the very face in the photo
clips[0].frames                           # (T, H, W, 3) uint8
clips[0].save("smile.mp4")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limner.api import RenderedClip, render, smile
    from limner.types import InputError, Motion

    __version__: str

__all__ = ["InputError", "Motion", "RenderedClip", "__version__", "render", "smile"]


def __getattr__(name: str) -> Any:
    """Loads what is asked for when it is asked for, so that `import limner` is quick."""
    if name == "__version__":
        from importlib.metadata import version

        return version("limner")
    if name in ("InputError", "Motion"):
        from limner import types

        return getattr(types, name)
    if name in __all__:
        from limner import api

        return getattr(api, name)
    raise AttributeError(f"module 'limner' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
