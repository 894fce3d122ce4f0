"""`limner doctor`: each part of the installation is really used once; what fails comes with what to do about it."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from limner.types import InputError

REINSTALL = "install limner anew: pip install --force-reinstall limner-*.whl; from a checkout, rm -rf .venv && make setup"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One finding. detail: what is there, or what is wrong. cure: what to do; empty where all is well."""

    name: str
    ok: bool
    detail: str
    cure: str = ""


def check_python() -> Check:
    good = (3, 10) <= sys.version_info[:2] < (3, 14)
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check(name="python", ok=good, detail=detail, cure="" if good else "limner needs Python 3.10 to 3.13")


def check_torch() -> Check:
    import torch

    total = float((torch.arange(6.0).reshape(2, 3) @ torch.ones(3, 2)).sum())  # 0 + ... + 5, each counted twice
    good = total == 30.0
    return Check(
        name="torch",
        ok=good,
        detail=f"{torch.__version__}, {torch.get_num_threads()} threads" if good else f"multiplies wrongly: {total} for 30",
        cure="" if good else REINSTALL,
    )


def check_device() -> Check:
    """Which device computes: a GPU that is there but fails is worth knowing; none at all is fine."""
    import torch

    if not torch.cuda.is_available():
        return Check(name="device", ok=True, detail=f"CPU, {os.cpu_count()} cores; no GPU is needed")
    name = torch.cuda.get_device_name()
    value = float(torch.ones(4, device="cuda").sum())
    good = value == 4.0
    return Check(
        name="device", ok=good, detail=name if good else f"{name} computes wrongly", cure="" if good else "update the GPU's driver"
    )


def check_cv2() -> Check:
    """mediapipe brings cv2; a second wheel of OpenCV beside it breaks both."""
    from importlib.metadata import distributions

    import cv2

    wheels = sorted({dist.metadata["Name"] for dist in distributions() if (dist.metadata["Name"] or "").lower().startswith("opencv")})
    if len(wheels) > 1:
        cure = f"keep one: pip uninstall -y {' '.join(wheels)} && pip install 'opencv-contrib-python<5'"
        return Check(name="cv2", ok=False, detail=f"several OpenCV packages share one folder: {', '.join(wheels)}", cure=cure)
    return Check(name="cv2", ok=True, detail=f"{cv2.__version__} ({', '.join(wheels) or 'not from a wheel'})")


def check_detector() -> Check:
    """Finds the face in the portrait that ships inside scikit-image."""
    from skimage import data

    from limner.detect.face import FaceDetector

    faces = FaceDetector().faces(np.asarray(data.astronaut()))
    if not faces:
        return Check(
            name="detector", ok=False, detail="finds no face in scikit-image's portrait", cure="pip install --force-reinstall mediapipe"
        )
    x0, y0, x1, y1 = faces[0].box
    good = 150 < (x0 + x1) / 2 < 300 and 60 < (y0 + y1) / 2 < 200  # the astronaut's face lies about (222, 125)
    detail = f"finds the portrait's face, confidence {faces[0].confidence:.2f}" if good else "finds the portrait's face in the wrong place"
    return Check(name="detector", ok=good, detail=detail, cure="" if good else "pip install --force-reinstall mediapipe")


def check_codecs() -> Check:
    """Writes a few frames as H.264 and reads them back: colours within 2 of 255."""
    from limner.media.video import VideoWriter, read_video

    colours = np.array([[200, 60, 40], [40, 160, 80], [60, 80, 200], [230, 230, 230]], np.uint8)
    picture = np.repeat(np.repeat(colours.reshape(2, 2, 3), 32, 0), 32, 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "check.mp4"
        with VideoWriter(path, fps=Fraction(25), size=(64, 64)) as writer:
            for _ in range(3):
                writer.write(picture)
        frames = list(read_video(path)[1])
    centres = [frame[16::32, 16::32].astype(int) for frame in frames]
    off = max(int(np.abs(c - picture[16::32, 16::32]).max()) for c in centres) if len(frames) == 3 else 255
    good = off <= 2
    detail = (
        "H.264 written and read back, colours true" if good else f"3 frames written, {len(frames)} read back, colours off by {off} of 255"
    )
    return Check(name="codecs", ok=good, detail=detail, cure="" if good else "pip install --force-reinstall av")


def check_weights() -> Check:
    """Loads every shipped motion model and lets it move the canonical face; opens the identity judge."""
    from limner import guides
    from limner.evaluation.judges.identity import FaceIdentity
    from limner.papers.load import SHIPPED, load_motion_model

    models = [load_motion_model(path.parent) for path in sorted(SHIPPED.glob("cmmnet*/config.json"))]
    FaceIdentity.load()
    if not models:
        return Check(name="weights", ok=False, detail="no model is there", cure=REINSTALL)
    neutral = guides.load("face").canonical
    still = []
    for model in models:
        mode = model.generate(neutral, label=model.label_names[0], modes=1, seed=0)[0]
        moved = float(np.abs(np.asarray(mode.points_unit) - neutral).max())
        if not (np.isfinite(moved) and moved > 0.01):  # ours: a hundredth of the eyes' distance is no smile
            still.append(f"the model of {model.max_modes} modes does not move the face")
    labels, most = ", ".join(models[0].label_names), max(model.max_modes for model in models)
    detail = ", ".join(still) or f"the shipped models smile; labels {labels}; up to {most} modes"
    return Check(name="weights", ok=not still, detail=detail, cure=REINSTALL if still else "")


def check_writing() -> Check:
    """The working folder, where limner-out goes, can be written and has room."""
    import shutil

    from limner.media.files import write_text

    here = Path.cwd()
    probe = here / f".limner-doctor-{os.getpid()}"
    write_text(probe, "limner doctor\n")
    probe.unlink()
    free_mb = shutil.disk_usage(here).free / 1e6
    good = free_mb > 100  # ours: three short videos take a few MB; less than this fills at once
    detail = f"{here} can be written, {free_mb / 1e3:.1f} GB free" if good else f"{here} has only {free_mb:.0f} MB free"
    return Check(name="folder", ok=good, detail=detail, cure="" if good else "free some space, or name another folder with --out")


def check_cache() -> Check:
    """Where a foreign model would be kept, should one have to be fetched."""
    from limner.weights.fetch import cache_folder

    return Check(name="cache", ok=True, detail=f"{cache_folder()} can be written")


CHECKS: tuple[tuple[str, Callable[[], Check], str], ...] = (
    ("python", check_python, "limner needs Python 3.10 to 3.13"),
    ("torch", check_torch, REINSTALL),
    ("device", check_device, "update the GPU's driver, or hide it: CUDA_VISIBLE_DEVICES="),
    ("cv2", check_cv2, "pip install --force-reinstall 'opencv-contrib-python<5' (a server may also lack libGL: apt-get install libgl1)"),
    ("detector", check_detector, "pip install --force-reinstall 'mediapipe>=0.10.14,<0.11'"),
    ("codecs", check_codecs, "pip install --force-reinstall av"),
    ("weights", check_weights, REINSTALL),
    ("cache", check_cache, "name a folder that can be written: LIMNER_CACHE=..."),
    ("folder", check_writing, "work in a folder that can be written, or name one with --out"),
)


def examine(checks: tuple[tuple[str, Callable[[], Check], str], ...] = CHECKS) -> Iterator[Check]:
    """Each finding in turn; a part that fails in its own way is a finding too, never the end of the examination."""
    for name, check, cure in checks:
        try:
            yield check()
        except Exception as error:
            words = " ".join(str(error).split()) or type(error).__name__
            detail = words if isinstance(error, InputError) else f"{type(error).__name__}: {words}"
            yield Check(name=name, ok=False, detail=detail, cure=cure)


def report(finding: Check) -> str:
    """'ok    torch     2.13.0', or 'WRONG torch     no module ... -> what to do'."""
    line = f"{'ok' if finding.ok else 'WRONG':6}{finding.name:10}{finding.detail}"
    return line if finding.ok else f"{line}\n{'':16}-> {finding.cure}"
