"""Human3.6M (Ionescu, Papava, Olaru, Sminchisescu, PAMI 2014): actors, four cameras, 50 fps, joints by motion capture.

    S1/Videos/Walking 1.54138969.mp4
    S1/MyPoseFeatures/D2_Positions/Walking 1.54138969.cdf          variable Pose, (1, T, 64): 32 joints in pixels; copies: .cdf.mat, .h5
    S1/MySegmentsMat/ground_truth_bs/Walking 1.54138969.mat        HDF5, variable Masks; or .mp4: for people without a background

Layout as public loaders have it (spec B3). Reading .cdf needs cdflib, .h5 and masks h5py: the extra `h36m`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from limner.data.sources.raw import entries, existing, found, inside, some
from limner.data.sources.raw_actions import Joints, RawAction
from limner.media.poses.imports import settle
from limner.media.poses.layouts import convert
from limner.types import DependencyError, InputError

SOURCE = "human36m"
CAMERAS = ("54138969", "55011271", "58860488", "60457274")
TEST = frozenset({"S9", "S11"})  # paper-field convention (spec B3): S1, S5, S6, S7, S8 train
RENAMED = {"photo": "taking-photo", "takingphoto": "taking-photo", "walkdog": "walking-dog", "walkingdog": "walking-dog",
           "walktogether": "walking-together", "walkingtogether": "walking-together", "sittingdown": "sitting-down"}  # fmt: skip
NUM_JOINTS = 32
NAME = rf"(.+?)(?: (\d))?\.({'|'.join(CAMERAS)})"
EXTRA = "pip install 'limner[h36m]'"


def index(
    root: str | Path,
    *,
    actions: tuple[str, ...] = ("walking",),
    cameras: tuple[str, ...] = CAMERAS,
    background: bool = True,
    partial: bool = False,
) -> list[RawAction]:
    """Every video of these actions and cameras in a tree, root the folder of S1, S5 ...; actions: none named means all of them.

    paper: walking. background: False asks for the masks too. partial: leaves out what has no joints or no mask. S11's Directions is left
    out: its video is damaged. InputError: nothing to take, joints or masks that are missing."""
    root = existing(root, "Human3.6M")
    subjects = [path for path in inside(root, r"S(?:1|5|6|7|8|9|11)") if path.is_dir()]
    wanted = {label_of(name) for name in actions}
    clips, lacking, labels = [], [], set()
    for subject in subjects:
        for path in (path for folder in inside(subject, "Videos") for path in entries(folder)):
            match = re.fullmatch(NAME + r"\.(?:mp4|avi)", path.name)
            if not match or match[3] not in cameras:
                continue
            label, stem = label_of(match[1]), path.stem
            labels.add(label)
            if (wanted and label not in wanted) or (subject.name.upper() == "S11" and label == "directions"):
                continue
            joints = _beside(subject, ("MyPoseFeatures", "D2_Positions"), stem, (".cdf", ".cdf.mat", ".mat", ".h5"))
            masks = None if background else _beside(subject, ("MySegmentsMat", "ground_truth_bs"), stem, (".mat", ".h5", ".mp4"))
            if joints is None or not (background or masks):
                lacking.append(f"{subject.name}/{stem} ({'joints' if joints is None else 'masks'})")
                continue
            clips.append(
                RawAction(
                    id=f"{subject.name.upper()}_{stem.replace(' ', '_').replace('.', '_')}", source=SOURCE, path=path,
                    subject=subject.name.upper(), split="test" if subject.name.upper() in TEST else "train", label=label, joints=joints,
                    masks=masks,
                )
            )  # fmt: skip
    if lacking and not partial:
        raise InputError(f"{root}: Human3.6M is half-unpacked, missing for {len(lacking)} videos: {some(lacking)}; or say --partial")
    if not clips:
        had = f"; its actions: {some(sorted(labels), 20)}" if labels else f"; {found(root)}"
        raise InputError(f"{root}: no video of Human3.6M to take; looked for S1/Videos/Walking 1.{CAMERAS[0]}.mp4 and the like{had}")
    return sorted(clips, key=lambda clip: clip.id)


def label_of(action: str) -> str:
    """ "Walking 1", "WalkDog", "walking-dog" -> "walking", "walking-dog", "walking-dog": the data set's copies differ in their words."""
    word = re.sub(r"[ _-]*\d*$", "", action.strip())
    plain = re.sub(r"[ _-]", "", word).casefold()
    return RENAMED.get(plain) or re.sub(r"(?<=[a-z])(?=[A-Z])|[ _]+", "-", word).casefold()


def _beside(subject: Path, folders: tuple[str, ...], stem: str, suffixes: tuple[str, ...]) -> Path | None:
    """The file of that name in a subject's sub-folder; some copies leave the take's number out, or write the other word for the action."""
    places = [subject]
    for name in folders:
        places = [path for place in places for path in inside(place, name) if path.is_dir()]
    files = {path.name: path for place in places for path in entries(place)}
    match = re.fullmatch(NAME, stem)
    assert match
    key = (label_of(match[1]), match[2] or "", match[3])
    alike = []
    for name, path in files.items():
        for suffix in suffixes:
            other = re.fullmatch(NAME, name.removesuffix(suffix)) if name.endswith(suffix) else None
            if other and (label_of(other[1]), other[2] or "", other[3]) == key:
                alike.append((suffixes.index(suffix), name, path))
    return min(alike)[2] if alike else None


def read_joints(path: Path) -> Joints:
    """The 18 joints of a file of D2 positions: .cdf, .cdf.mat or .h5. InputError: damaged, or of another form; DependencyError."""
    kind = "".join(path.suffixes[-2:]).casefold()
    read = _read_cdf if kind.endswith(".cdf") else _read_mat if kind.endswith(".mat") else _read_h5
    try:
        poses = np.asarray(read(path), np.float64)
    except (InputError, DependencyError):
        raise
    except Exception as error:  # a decoder fed with foreign bytes fails in any way it likes
        raise InputError(f"{path} cannot be read, it is damaged or of another form: {' '.join(str(error).split())[:100]}") from error
    poses = poses.reshape(-1, poses.shape[-1]) if poses.ndim > 1 and poses.shape[-1] == 2 * NUM_JOINTS else poses
    if poses.ndim != 2 or poses.shape[1] != 2 * NUM_JOINTS or not len(poses) or not np.isfinite(poses).all():
        raise InputError(f"{path}: expected positions of {NUM_JOINTS} joints in pixels, (T, {2 * NUM_JOINTS}); found {poses.shape}")
    points, confidence = convert("human36m-32", poses.reshape(len(poses), NUM_JOINTS, 2))
    return Joints(points=settle(points, confidence), confidence=confidence)


def _read_cdf(path: Path) -> Any:
    cdflib = _needed("cdflib", path)
    return cdflib.CDF(str(path)).varget("Pose")


def _read_mat(path: Path) -> Any:
    from scipy.io import loadmat

    if _is_hdf5(path):
        return _read_h5(path)
    held = loadmat(str(path))
    data = held.get("data", held.get("Pose"))
    return data[0, 0] if data is not None and data.dtype == object else data  # a cell


def _read_h5(path: Path) -> Any:
    """The only table of 64 columns in it, or of 64 rows as MATLAB writes it."""
    h5py = _needed("h5py", path)
    with h5py.File(path, "r") as file:
        tables = _tables(file, h5py)
        fitting = [table for table in tables if 2 * NUM_JOINTS in table.shape and table.ndim in (2, 3)]
        if len(fitting) != 1:
            raise InputError(
                f"{path}: expected one table of {2 * NUM_JOINTS} columns; it holds {some([t.shape for t in tables]) or 'none'}"
            )
        table = np.array(fitting[0])
    return table if table.shape[-1] == 2 * NUM_JOINTS else np.moveaxis(table, 0, -1)


def _tables(file: Any, h5py: Any) -> list[Any]:
    tables: list[Any] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiub":
            tables.append(item)

    file.visititems(note)
    return tables


def read_masks(path: Path, size: tuple[int, int]) -> tuple[int, Callable[[int], np.ndarray]]:
    """A file of masks of frames of `size` (width, height) -> how many there are, and (t) -> (H, W) bool. Errors as read_joints."""
    if path.suffix.casefold() == ".mp4":
        from limner.media.video import read_video

        video = [frame[..., 1] > 127 for frame in read_video(path)[1]]
        return len(video), lambda t: video[t]
    h5py = _needed("h5py", path)
    try:
        with h5py.File(path, "r") as file:
            tables = [table for table in _tables(file, h5py) if table.ndim == 3]
            held = np.array(tables[0]) > 0 if len(tables) == 1 else None
    except OSError as error:
        raise InputError(f"{path} cannot be read, it is damaged or no HDF5 file") from error
    width, height = size
    if held is not None and held.shape[1:] == (width, height):  # MATLAB counts columns first
        held = held.transpose(0, 2, 1)
    if held is None or held.shape[1:] != (height, width):
        raise InputError(f"{path}: expected masks of {width} x {height} pixels; found {None if held is None else held.shape}")
    masks = held
    return len(masks), lambda t: masks[t]


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(520)
    return head.startswith(b"\x89HDF") or head[512:].startswith(b"\x89HDF")


def _needed(package: str, path: Path) -> Any:
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise DependencyError(f"reading {path.name} needs {package}; try: {EXTRA}") from error
