"""The text of a motion file -> its fields. Frames are read one at a time, so that a file too long is refused before it fills the memory."""

from __future__ import annotations

import json
import reprlib
from typing import Any

import numpy as np

from limner.types import InputError

MAX_FRAMES = 100_000  # ours: over an hour at 25 frames a second
SPACE = " \t\r\n"


def parse(text: str) -> dict[str, Any]:
    """The top-level object, by key; of its two long lists each entry is made an array as soon as it is read.

    InputError, and json's own ValueError with line and column, for what is not one."""
    decoder = json.JSONDecoder()
    fields: dict[str, Any] = {}
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise InputError("is not a motion file: it must hold one JSON object")
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        key, at = decoder.raw_decode(text, at)
        if not isinstance(key, str):
            raise InputError(f"is not valid JSON: {kind_of(key)} stands where a name should")
        if key in fields:
            raise InputError(f"has {reprlib.repr(key)} twice")
        at = _expect(text, at, ":")
        if key in ("frames", "confidence") and text[at : at + 1] == "[":
            fields[key], at = _list(text, at, decoder, key)
        else:
            fields[key], at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != "}":
            at = _expect(text, at, ",")
    if text[_skip(text, at + 1) :]:
        raise InputError("is not a motion file: something follows its end")
    return fields


def _list(text: str, at: int, decoder: json.JSONDecoder, key: str) -> tuple[list[np.ndarray], int]:
    """The list that begins at `at`, as arrays, and where it ends."""
    entries: list[np.ndarray] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        value, at = decoder.raw_decode(text, at)
        if len(entries) >= MAX_FRAMES:
            raise InputError(f"has more than {MAX_FRAMES:,} frames")
        entries.append(_points_of(value, len(entries)) if key == "frames" else confidences_of(value, len(entries)))
        at = _skip(text, at)
        if text[at : at + 1] != "]":
            at = _expect(text, at, ",")
    return entries, at + 1


def _points_of(value: Any, frame: int) -> np.ndarray:
    """One entry of `frames` -> (K, 2) float32. InputError that names the point."""
    if not isinstance(value, list):
        raise InputError(f"frame {frame} is {kind_of(value)}; expected a list of points [x, y]")
    for k, point in enumerate(value):
        if not isinstance(point, list) or len(point) != 2:
            raise InputError(f"frame {frame}, point {k} is {kind_of(point)}; expected two numbers [x, y]")
        for number in point:
            if type(number) not in (int, float):
                raise InputError(f"frame {frame}, point {k} holds {kind_of(number)} where a number should be")
            if not abs(number) < 1e9:
                raise InputError(f"frame {frame}, point {k} is not a finite place: {str(number)[:20]}")
    return np.array(value, np.float32).reshape(-1, 2)


def confidences_of(value: Any, frame: int) -> np.ndarray:
    """One entry of `confidence` -> (1,) or (K,) float32 in 0..1."""
    numbers = value if isinstance(value, list) else [value]
    for k, number in enumerate(numbers):
        if type(number) not in (int, float) or not 0 <= number <= 1:
            where = f"frame {frame}, point {k}" if isinstance(value, list) else f"frame {frame}"
            raise InputError(f"confidence of {where} is {number if type(number) in (int, float) else kind_of(number)}; it must lie in 0..1")
    return np.array(numbers, np.float32)


def _skip(text: str, at: int) -> int:
    """The next place that is no white space."""
    while at < len(text) and text[at] in SPACE:
        at += 1
    return at


def _expect(text: str, at: int, sign: str) -> int:
    """Past the sign that must come next, and the white space after it."""
    at = _skip(text, at)
    if text[at : at + 1] != sign:
        raise json.JSONDecodeError(f"expecting {sign!r}", text, min(at, len(text)))
    return _skip(text, at + 1)


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    words = {str: "text", bool: "true or false", dict: "an object", type(None): "null", int: "a number", float: "a number"}
    return words[type(value)] + (f" ({value[:20]!r})" if isinstance(value, str) else f" ({value})" if type(value) in (int, float) else "")
