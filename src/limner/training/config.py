"""Configs as plain data: overrides from the command line, JSON and back. A config is a frozen dataclass of numbers, words and tuples."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, TypeVar

from limner.types import InputError

C = TypeVar("C")
COUNTS = ("batch", "batch_images", "accumulate", "loaders", "monitor_every")  # at least 1, whatever the recipe


def override(config: C, changes: Mapping[str, Any]) -> C:
    """`config` with fields replaced; words from a command line are read as the type of the field's present value.

    None, or the word 'none', is nothing where a field's type says that it may be; elsewhere the word is a name like any (a norm's).
    InputError that lists the fields where one is unknown, and one that names the field where a value does not fit.
    """
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    unknown = [key for key in changes if key not in fields]
    if unknown:
        raise InputError(f"no setting {unknown[0]!r}; there are: {', '.join(fields)}")
    types = {field.name: str(field.type) for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    changed = {}
    for key, value in changes.items():
        present = fields[key]
        if "None" in types[key]:
            present = 0.0 if present is None and "float" in types[key] else present
            changed[key] = None if value is None or str(value).lower() == "none" else _like(present, value, key)
        else:
            changed[key] = _like(present, value, key)
    for key, value in changed.items():
        _check(key, value)
    try:
        return dataclasses.replace(config, **changed)  # type: ignore[type-var]
    except (ValueError, TypeError) as error:
        raise InputError(str(error)) from None


def to_json(config: Any) -> dict[str, Any]:
    """A config as JSON-ready data (tuples become lists)."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(config).items()}


def from_json(cls: type[C], content: Mapping[str, Any]) -> C:
    """The config that `to_json` wrote. InputError where a field is unknown, missing or of the wrong type."""
    try:
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in content.items()})
    except TypeError as error:
        raise InputError(f"this config is not one of this limner's: {error}") from None


def _check(key: str, value: Any) -> None:
    """InputError for what no recipe can train with, by the names that all of them share."""
    numbers = [part for part in (value if isinstance(value, tuple) else (value,)) if isinstance(part, (int, float))]
    if not all(math.isfinite(number) for number in numbers):
        raise InputError(f"{key} is a finite number, not {value!r}")
    if key in COUNTS and min(numbers, default=1) < 1:
        raise InputError(f"{key} is at least 1, not {value!r}")
    if key == "steps" and min(numbers, default=0) < 0:
        raise InputError(f"steps are at least 0, not {value!r}")
    if (key == "rate" or key.endswith("_rate")) and min(numbers, default=0) < 0:
        raise InputError(f"{key} is at least 0, not {value!r}")
    if key.endswith("betas") and not (len(numbers) == 2 and all(0 <= number < 1 for number in numbers)):
        raise InputError(f"{key} are two numbers from 0 to below 1, not {value!r}")


def _like(present: Any, value: Any, key: str) -> Any:
    kind = type(present)
    if kind is bool and isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise InputError(f"{key} is true or false, not {value!r}")
        return value.lower() == "true"
    if kind is tuple:
        parts = value.split(",") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else (value,)
        return tuple(_like(present[0], part, key) for part in parts) if present else tuple(parts)
    if kind in (int, float, str) and not isinstance(value, kind):
        try:
            if value is None or (kind is int and int(value) != float(value)):
                raise ValueError
            return kind(value)
        except (TypeError, ValueError):
            raise InputError(f"{key} takes a value like {present!r}, not {value!r}") from None
    return value
