"""What the API takes of one client, and how much at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from limner.types import InputError

MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class ApiLimits:
    """photo_mib, video_mib: of one upload. megapixels: of a photo, or a frame of a video. frames: of a driving video or motion, and of all
    modes of a smile together. modes, size_px: of a smile. job_s: one job may work so long. queue: jobs that wait or work; half of them may
    be one client's. keep_s: results stay so long. upload_s: an upload must arrive within. check_s: looking at one may take so long."""

    photo_mib: int = 32  # ours: a phone's photo has 2 to 15
    video_mib: int = 128  # ours: a minute of a phone's Full HD
    megapixels: float = 50.0  # ours: what phones make; decoded 150 MB
    frames: int = 1500  # ours: a minute at 25 a second
    modes: int = 6  # as many as the motion model that ships has
    size_px: int = 1920  # ours: Full HD
    job_s: float = 300.0  # ours: far more than a smile takes, far less than a hang
    queue: int = 16  # ours: the last of them waits a minute or two
    keep_s: float = 3600.0
    upload_s: float = 60.0  # ours: a phone's photo over 1 Mbit/s takes half of it
    check_s: float = 20.0  # ours: 49 megapixels took 5 on a busy machine

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise InputError(f"{name} is {value}; it must be more than 0")

    def told(self) -> dict[str, Any]:
        """The limits as JSON."""
        return asdict(self)
