"""What a detector sees in clips, kept by their content: a clip that was looked at once is not looked at again.

The key is the clip's pixels, the detector, and the size that they were enlarged to. Files lie in
`detections/` of the cache (LIMNER_CACHE, or limner/ in the XDG cache), 20 kB each; they can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np

from limner.evaluation.compare import DETECT_PX, Follower, Seen, seen_in
from limner.media.files import atomic_write, make_folder
from limner.types import Clip, InputError

VERSION = "3"  # raised when the detector's reading of a picture changes
FOLDER = "detections"


def kept_in(cache: Path | None, name: str) -> Path:
    """A folder of the evaluation's cache; None: in LIMNER_CACHE, or limner/ in the XDG cache."""
    from limner.weights.fetch import cache_folder

    return Path(cache or cache_folder()) / name


class Detections:
    """`of(clip)` -> what the detector sees, or None where it loses the face. seconds: spent in the detector; found: out of the cache.

    cache: the folder; None: the default one."""

    def __init__(self, detector: Follower | None = None, cache: Path | None = None):
        self._detector, self._cache = detector, cache
        self._folder: Path | None = None
        self.seconds, self.found, self.looked = 0.0, 0, 0

    @property
    def detector(self) -> Follower:
        """The detector, opened when first needed."""
        if self._detector is None:
            from limner.detect.face import FaceDetector

            self._detector = FaceDetector()
        return self._detector

    def of(self, clip: Clip) -> Seen | None:
        path = self._path(clip)
        if path.exists():
            kept = _load(path, clip.num_frames)
            if kept is not None:
                self.found += 1
                return kept[0]
        start = time.perf_counter()
        seen = seen_in(clip, self.detector)
        self.seconds += time.perf_counter() - start
        self.looked += 1
        _save(path, seen)
        return seen

    @property
    def version(self) -> str:
        """What is seen hangs on, beside the clip."""
        kind = type(self._detector).__name__ if self._detector is not None else "FaceDetector"
        return f"{kind}|{DETECT_PX}|{VERSION}"

    def _path(self, clip: Clip) -> Path:
        frames = np.ascontiguousarray(clip.frames)
        told = f"{hashlib.sha256(frames.data).hexdigest()}|{frames.shape}|{self.version}"
        if self._folder is None:
            self._folder = kept_in(self._cache, FOLDER)
        name = hashlib.sha256(told.encode()).hexdigest()[:40]
        return self._folder / name[:2] / f"{name}.safetensors"


def _save(path: Path, seen: Seen | None) -> None:
    from safetensors.numpy import save_file

    make_folder(path.parent)
    arrays = {"lost": np.ones(1, np.uint8)}
    if seen is not None:  # in one piece: safetensors would write a view's bytes in the order of its memory
        arrays = {name: np.ascontiguousarray(getattr(seen, name), np.float32) for name in ("points", "au")}
    with atomic_write(path) as temporary:
        save_file(arrays, temporary)


def _load(path: Path, num: int) -> tuple[Seen | None] | None:
    """What was kept, in a tuple; None where the file is damaged, and the clip is looked at anew."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
        if "lost" in arrays:
            return (None,)
        points, au = arrays["points"], arrays["au"]
        if points.shape != (num, 68, 2) or au.shape != (num, 2) or not (np.isfinite(points).all() and np.isfinite(au).all()):
            return None
        return (Seen(points=points, au=au),)
    except (SafetensorError, OSError, KeyError, InputError):
        return None
