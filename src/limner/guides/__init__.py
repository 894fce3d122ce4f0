"""What is tracked. One file a guide; the file's name is the guide's name, so a new guide is one new file."""

from __future__ import annotations

import importlib
import pkgutil

from limner.types import Guide, InputError


def names() -> list[str]:
    """Names of the guides there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Guide:
    """The guide of that name. InputError if there is none."""
    if name not in names():
        raise InputError(f"no guide {name!r}; there are: {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}").GUIDE
