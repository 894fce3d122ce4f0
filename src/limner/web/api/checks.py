"""What is uploaded, looked at by its content alone, in a process with bounded memory and time: what crashes or hangs it harms nobody.

A photo leaves as plain pixels, so that no decoder of pictures runs where the models are. A video is only taken apart so far as to know that
it is one, and how long; playlists and other text that names files or addresses never reach FFmpeg.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from limner.types import InputError

PHOTO, MOTION = "photo", "motion"
PIXELS, ABOUT, POINTS, VIDEO = "photo.npy", "about.json", "motion.json", "motion"
MEMORY = 4 * 2**30  # ours: of addresses; 50 megapixels of 16 bits and their copies, Python and FFmpeg take some 2
HEAD_BYTES = 64
TEXT_STARTS = (b"{", b"\xef\xbb\xbf")


def work() -> Callable[..., None]:
    """For limner.web.jobs: do("photo" | "motion", {"pixels", "frames"}, folder with the upload, folder for what is passed on, progress)."""
    _bound_memory()
    import av  # noqa: F401  (these now, so that the first upload need not wait for them)
    from PIL import Image

    import limner.generation.settings
    import limner.media.motion
    import limner.media.pictures  # noqa: F401

    Image.init()

    def do(kind: str, settings: dict[str, Any], folder_in: Path, folder_out: Path, progress: Callable[..., None]) -> None:
        path = folder_in / "upload"
        try:
            about = (photo if kind == PHOTO else motion)(path, folder_out, settings)
        except InputError as error:
            raise InputError(str(error).replace(str(path), f"the {kind}").replace(path.name, f"the {kind}")) from error
        except MemoryError:
            raise InputError(f"the {kind} needs too much memory; make it smaller first") from None
        except Exception as error:  # foreign bytes: whatever a decoder meets is theirs
            raise InputError(f"the {kind} cannot be read, or is damaged ({type(error).__name__})") from error
        (folder_out / ABOUT).write_text(json.dumps(about), "utf-8")

    return do


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def photo(path: Path, out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Decodes a photo into out/photo.npy, (H, W, 3) uint8 -> {"notes"}. InputError: no picture, damaged, too large, too small."""
    from PIL import Image

    from limner.generation.settings import MIN_SIZE
    from limner.media.pictures import FORMATS, read_picture

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Image.init()
        try:
            with Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN]) as header:
                size = header.size
        except Image.DecompressionBombError:
            raise InputError(f"{path} has too many pixels; at most {settings['pixels'] / 1e6:g} megapixels are taken") from None
        except Exception:
            size = (0, 0)  # read_picture says what it is
    if size[0] * size[1] > settings["pixels"]:
        raise InputError(f"{path} has {size[0]} x {size[1]} pixels; at most {settings['pixels'] / 1e6:g} megapixels are taken")
    picture = read_picture(path, name="photo")
    height, width = picture.pixels.shape[:2]
    if min(width, height) < MIN_SIZE:
        raise InputError(f"{path} is {width}x{height} pixels; at least {MIN_SIZE} on each side are needed")
    np.save(out / PIXELS, picture.pixels, allow_pickle=False)
    return {"notes": list(picture.notes)}


def motion(path: Path, out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """A motion file or a video, passed on as it came -> {"frames", "guide"}. InputError: neither, damaged, too long, too large."""
    from limner.media.signatures import video_kind

    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise InputError(f"{path} is empty")
    if head.startswith(TEXT_STARTS) or head.lstrip().startswith(b"{"):
        from limner.media.motion import read_motion

        read = read_motion(path)
        _check_frames(path, read.num_frames, settings)
        path.replace(out / POINTS)
        return {"frames": read.num_frames, "guide": read.guide}
    if video_kind(head) is None and not head.startswith(b"GIF8"):
        raise InputError(f"{path} is neither a motion file nor a video that limner knows (MP4, QuickTime, WebM, Matroska, AVI, GIF ...)")
    num = _check_video(path, settings)
    path.replace(out / VIDEO)
    return {"frames": num, "guide": None}


def _check_video(path: Path, settings: dict[str, Any]) -> int:
    """Frames of a video, counted as packets, undecoded but for the first. InputError as `motion`."""
    import av

    from limner.media.video import read_video

    with av.open(str(path), metadata_errors="replace") as container:
        if not container.streams.video:
            raise InputError(f"{path} holds no video")
        stream = container.streams.video[0]
        if stream.width * stream.height > settings["pixels"]:
            raise InputError(
                f"{path} has frames of {stream.width} x {stream.height} pixels; at most {settings['pixels'] / 1e6:g} megapixels"
            )
        num = 0
        for packet in container.demux(stream):
            num += packet.size > 0
            _check_frames(path, num, settings)
    next(read_video(path)[1], None)
    return num


def _check_frames(path: Path, num: int, settings: dict[str, Any]) -> None:
    if num > settings["frames"]:
        raise InputError(f"{path} has more than {settings['frames']} frames; shorten it first")
