"""How fast the main job is: a 1 MP photo to three written videos of 32 frames at 512 px, in one process and cold from the shell.

By the default renderer, and by the warp alone (`--renderer warp`), which the default refines.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SIDE = 1000  # the issue: a 1 MP photo
SIZE, FRAMES, MODES = 512, 32, 3  # the issue
WARM_S, COLD_S, MEMORY_GB = 5.0, 15.0, 1.5  # the issues' targets, on 2 CPU cores
RENDER_FPS = {"warp-refine": 8.0, "warp": 60.0}  # the issues' targets at 512 px
REPEATS = 5  # ours: the median of so many


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure and what it must reach: at most `target`, or at least it. target None: for information."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.target is None or (self.value >= self.target if self.at_least else self.value <= self.target)

    def line(self) -> str:
        sign = ">=" if self.at_least else "<="
        goal = "" if self.target is None else f"   (target {sign} {self.target:g} {self.unit}: {'met' if self.met else 'MISSED'})"
        return f"{self.name:44}{self.value:8.2f} {self.unit}{goal}"


def portrait() -> np.ndarray:
    """The 1 MP photo: scikit-image's astronaut, enlarged; (1000, 1000, 3) uint8."""
    from skimage import data

    from limner.media.pictures import resize

    return resize(np.asarray(data.astronaut()), (SIDE, SIDE))


def cold(photo: Path, out: Path) -> tuple[float, float]:
    """The command from the shell, once: (seconds, peak memory in GB)."""
    options = ["--size", str(SIZE), "--frames", str(FRAMES), "--modes", str(MODES), "--out", str(out)]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "limner", "smile", str(photo), *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    said = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"limner smile ended with {process.returncode}: {said.strip()}")
    return seconds, _gigabytes(usage)


def _gigabytes(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9  # macOS counts bytes, Linux KiB


def warm(photo: Path, out: Path, renderer: str, repeats: int = REPEATS) -> tuple[float, dict[str, float]]:
    """The same job again in one process, the first call not counted: (median seconds, seconds of each stage in the median run)."""
    from limner.generation.reference import read_photo
    from limner.generation.settings import SmileSettings
    from limner.generation.smiles import Engine, make_smiles

    engine, settings = Engine(), SmileSettings(size=SIZE, frames=FRAMES, modes=MODES, renderer=renderer)
    runs: list[tuple[float, dict[str, float]]] = []
    for _ in range(1 + repeats):
        start = time.perf_counter()
        outcome = make_smiles(read_photo(photo), out, settings, engine, force=True)
        seconds = time.perf_counter() - start
        stages = dict(outcome.result["timings_s"])
        stages["everything else"] = seconds - sum(stages.values())
        runs.append((seconds, stages))
    return sorted(runs[1:], key=lambda run: run[0])[repeats // 2]


def renderer_speed(photo: np.ndarray, name: str, num_frames: int = 64) -> tuple[float, float]:
    """Frames a second of a renderer on a 512 px picture, and of bare grid_sample calls of one 512x512 picture, in turn."""
    import torch

    from limner.generation.reference import open_reference, read_photo
    from limner.generation.settings import MotionSettings
    from limner.generation.smiles import Engine, imagined

    engine, settings = Engine(), MotionSettings(frames=num_frames, modes=1)
    reference = open_reference(read_photo(photo), engine.detector, size=SIZE)
    points = imagined(reference, engine, settings)[0].points
    renderer = engine.renderer(reference, name)
    picture = torch.rand(1, 3, SIZE, SIZE)
    grid = torch.nn.functional.affine_grid(torch.tensor([[[0.98, 0.02, 0.0], [-0.02, 0.98, 0.0]]]), [1, 3, SIZE, SIZE], align_corners=False)
    render_s, sample_s = [], []
    for _ in range(1 + REPEATS):
        render_s.append(_seconds(lambda: [None for _ in renderer.render(points)]) / num_frames)
        sample_s.append(_seconds(lambda: [torch.nn.functional.grid_sample(picture, grid, align_corners=False) for _ in range(16)]) / 16)
    return 1 / statistics.median(render_s[1:]), 1 / statistics.median(sample_s[1:])


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def figures() -> Iterator[Figure | str]:
    """Measures one figure after the other; a str is a line to print between them."""
    from limner.media.pictures import write_png

    pixels = portrait()
    with tempfile.TemporaryDirectory(prefix="limner-speed-") as folder:
        photo = Path(folder) / "portrait.png"
        write_png(photo, pixels)
        yield f"{SIDE}x{SIDE} photo -> {MODES} written videos of {FRAMES} frames at {SIZE} px, comparison, sheet and curves"
        seconds, memory = cold(photo, Path(folder) / "cold")
        yield Figure(name="cold from the shell", value=seconds, unit="s", target=COLD_S)
        yield Figure(name="its peak memory", value=memory, unit="GB", target=MEMORY_GB)
        for name in RENDER_FPS:
            seconds, stages = warm(photo, Path(folder) / name, name)
            yield Figure(name=f"again in one process, median of {REPEATS}, {name}", value=seconds, unit="s", target=WARM_S)
            for stage, spent in stages.items():
                yield f"    {stage:40}{spent:8.2f} s {100 * spent / seconds:4.0f} %"
    for name, target in RENDER_FPS.items():
        render, sample = renderer_speed(pixels, name)
        yield Figure(name=f"{name} at {SIZE} px", value=render, unit="frames/s", target=target, at_least=True)
        yield Figure(name=f"bare grid_sample of {SIZE}x{SIZE}, same run", value=sample, unit="frames/s")
        yield Figure(name="the renderer's share of that", value=render / sample, unit="")


def run() -> None:
    """`limner bench speed`: prints every figure with its target."""
    for item in figures():
        print(item if isinstance(item, str) else item.line(), flush=True)
