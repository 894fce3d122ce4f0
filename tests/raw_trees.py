"""Small trees in the exact layouts of the raw data sets, with real videos and pictures in them; and what the tests of adapters share."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limner.media.video import VideoWriter
from limner.types import InputError

NEMO_TABLE = "UvA-NEMO_Smile_Database_File_Details.txt"
NEMO_HEADER = (
    "UvA-NEMO Smile Database\r\nFile details\r\n\r\nFile name\tSubject\tGender\tAge\tSmile type\r\n----\t----\t----\t----\t----\r\n"
)
DISFA_AUS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)


def pixels(index: int, size: tuple[int, int] = (32, 24)) -> np.ndarray:
    """A grey frame, brighter from one to the next by 20 of 255, dark again after white."""
    return np.full((size[1], size[0], 3), (20 + 20 * index) % 256, np.uint8)


def write_mp4(path: Path, num: int = 3, fps: int = 50) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, fps=Fraction(fps), size=(32, 24), threads=1) as writer:
        for index in range(num):
            writer.write(pixels(index))
    return path


def write_avi(path: Path, num: int = 3, fps: int = 20) -> Path:
    """A real AVI (MPEG-4 part 2), as DISFA's compressed videos are."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for index in range(num):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels(index), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def write_frames(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        Image.fromarray(pixels(index)).save(folder / name)


def uva_nemo(root: Path, rows: list[tuple[str, str, str, str, str]], *, tail: str = "\r\n") -> Path:
    """UvA-NEMO_SMILE_DATABASE with a video and a row (file, person, gender, age, type) each."""
    base = root / "UvA-NEMO_SMILE_DATABASE"
    for name, *_ in rows:
        write_mp4(base / "videos" / name)
    (base / NEMO_TABLE).write_bytes((NEMO_HEADER + "".join("\t".join(row) + "\r\n" for row in rows) + tail).encode())
    return base


def disfa(root: Path, people: dict[str, dict[int, list[int]]], *, first: int = 1) -> Path:
    """DISFA with both cameras and, of each person, {AU: intensities} (the AUs not given: all 0)."""
    base = root / "DISFA"
    for person, given in people.items():
        num = len(next(iter(given.values())))
        write_avi(base / "Videos_LeftCamera" / f"LeftVideo{person}_comp.avi", num)
        write_avi(base / "Video_RightCamera" / f"RightVideo{person}_Comp.avi", num)  # the names' cases differ, and Video from Videos
        folder = base / "ActionUnit_Labels" / person
        folder.mkdir(parents=True)
        for au in DISFA_AUS:
            values = given.get(au, [0] * num)
            (folder / f"{person}_au{au}.txt").write_text("".join(f"{first + i},{value}\n" for i, value in enumerate(values)))
    return base


def disfa_plus(root: Path, trials: dict[tuple[str, str], dict[int, list[int]]], names: list[str]) -> Path:
    """DISFA+ with pictures of these names and, of each (person, trial), {AU: intensities} in the order of the names (not given: all 0)."""
    base = root / "DISFAPlusDataset"
    for (person, trial), given in trials.items():
        write_frames(base / "Images" / person / trial, names)
        folder = base / "Labels" / person / trial
        folder.mkdir(parents=True)
        for au in DISFA_AUS:
            values = given.get(au, [0] * len(names))
            rows = "".join(f"{name}{' ' * (8 + i % 3)}{value}\n" for i, (name, value) in enumerate(zip(names, values, strict=True)))
            (folder / f"AU{au}.txt").write_text(f"# Action unit {au}\nImage name     Intensity\n" + rows)
    return base


def refused(call, *parts: str) -> str:
    """The one line that the call is refused with; it holds every part."""
    with pytest.raises(InputError) as error:
        call()
    line = str(error.value)
    assert "\n" not in line
    assert not [part for part in parts if part not in line], line
    return line
