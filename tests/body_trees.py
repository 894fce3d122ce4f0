"""Raw trees of people in action in the exact layouts of KTH and Human3.6M, with real encoded small videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np

KTH_LINES = (  # as 00sequences.txt writes them: blanks and tabs mixed, CRLF, one missing, three ranges, a typing error, past the end
    "Sequences of the KTH action database",
    "",
    "person01_walking_d1\t\tframes\t1-8, 12-20",
    "person01_boxing_d1    \t\tframes\t1-6, 7-12, 13-18",
    "",
    "person13_handclapping_d3\t*missing*",
    "person16_handwaving_d4\t\tframes\t1-6, 7-12, 9-30",
    "person22_walking_d2\t\tframes\t1-20",
    "person11_running_d1\t\tframes\t14-20, 1-10",
)


def write_video(path: Path, frames: np.ndarray, fps: int, codec: str = "mpeg4") -> Path:
    """(T, H, W, 3) uint8 -> a real file of that codec, in the container that its suffix names."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"  # pyright: ignore
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))  # pyright: ignore
        container.mux(stream.encode(None))  # pyright: ignore
    return path


def steps(num: int, size: tuple[int, int] = (160, 120)) -> np.ndarray:
    """Plain frames, each a little lighter than the one before, dark again after white."""
    return np.stack([np.full((size[1], size[0], 3), (10 + 8 * t) % 240, np.uint8) for t in range(num)])


def kth(root: Path, lines: tuple[str, ...] = KTH_LINES, num: int = 20) -> Path:
    """KTH with a video of `num` frames for each line, in its action's folder, but for those that are missing."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "00sequences.txt").write_bytes("\r\n".join(lines).encode())
    for line in lines:
        if line.startswith("person") and "missing" not in line:
            name = line.split()[0]
            write_video(root / name.split("_")[1] / f"{name}_uncomp.avi", steps(num), 25)
    return root


def human36m(
    root: Path, people: tuple[str, ...] = ("S1", "S9"), actions: tuple[str, ...] = ("Walking 1", "Photo"), num: int = 40, form: str = "cdf"
) -> Path:
    """Human3.6M at 100x100 pixels, one camera: joints in 2-D that walk to the right by a pixel a frame. One frame fewer than joints."""
    for person in people:
        for action in actions:
            name = f"{action}.54138969"
            write_video(root / person / "Videos" / f"{name}.mp4", steps(num - 1, (100, 100)) // 2, 50, "libx264")
            write_joints(root / person / "MyPoseFeatures" / "D2_Positions", name, walking_joints(num), form)
    return root


def walking_joints(num: int) -> np.ndarray:
    """(T, 32, 2) pixels: joint k at (20 + k + t, 10 + 2 k)."""
    k, t = np.arange(32), np.arange(num)[:, None]
    return np.stack([20 + k + t, np.broadcast_to(10 + 2 * k, (num, 32))], -1).astype(np.float64)


def write_joints(folder: Path, name: str, joints: np.ndarray, form: str) -> Path:
    """form: cdf (the data set's own), mat (a cell `data`), h5."""
    folder.mkdir(parents=True, exist_ok=True)
    table = joints.reshape(len(joints), 64)
    if form == "cdf":
        from cdflib.cdfwrite import CDF

        path = folder / f"{name}.cdf"
        spec = {"Variable": "Pose", "Data_Type": 44, "Num_Elements": 1, "Rec_Vary": True, "Dim_Sizes": list(table.shape)}
        with CDF(str(path), cdf_spec={"Compressed": 0}, delete=True) as file:
            file.write_var(spec, var_data=table[None].astype(np.float32))
        return path
    if form == "mat":
        from scipy.io import savemat

        path = folder / f"{name}.cdf.mat"
        cell = np.empty((1, 1), object)
        cell[0, 0] = table
        savemat(path, {"data": cell})
        return path
    import h5py

    path = folder / f"{name}.h5"
    with h5py.File(path, "w") as file:
        file["2d_positions"] = table
    return path


def write_masks(folder: Path, name: str, masks: np.ndarray) -> Path:
    """(T, H, W) bool as MATLAB writes HDF5: columns first."""
    import h5py

    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / f"{name}.mat", "w") as file:
        file["Masks"] = masks.transpose(0, 2, 1).astype(np.uint8)
    return folder / f"{name}.mat"
