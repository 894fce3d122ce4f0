"""ArcFace, or any face recogniser of its kind, from the user's own ONNX file: the second opinion beside limner's small judge.

Conventions of InsightFace (github.com/deepinsight/insightface, python-package: utils/face_align.py, model_zoo/arcface_onnx.py): a
similarity brings five points (eyes, nose tip, mouth corners) onto fixed places of a 112 x 112 picture; channels in the order RGB;
(x - 127.5) / 127.5, or as it is where the model itself begins by subtracting and multiplying (as exports of MXNet do). Its weights are
for research only; limner ships none.

Shapes: N faces, H W pixels, K = 68 points, D features.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from limner import geometry
from limner.evaluation.judges.face_view import sample
from limner.evaluation.judges.identity import views_of
from limner.types import DependencyError, InputError
from limner.weights.fetch import sha256_of

SIZE = 112
# InsightFace's arcface_src, pixels of 112 x 112: the person's right eye (left in the picture), left eye, nose tip, right and left corner
FIVE = np.array([(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)])
EYES, NOSE_TIP, CORNERS = (range(36, 42), range(42, 48)), 30, (48, 54)  # iBUG: an eye's middle is the mean of its six points
BATCH = 16  # ours
EARLY = 8  # InsightFace looks for the model's own normalisation among its first 8 nodes


def five_points(points: np.ndarray) -> np.ndarray:
    """(68, 2) -> (5, 2): the middles of the eyes, the nose tip, the corners of the mouth."""
    return np.stack([*(points[list(eye)].mean(0) for eye in EYES), points[NOSE_TIP], *(points[corner] for corner in CORNERS)])


def aligned(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(H, W, 3) picture 0..255 and its (68, 2) points -> (3, 112, 112) float32 0..255, as ArcFace was trained on."""
    if picture.ndim != 3 or picture.shape[2] != 3 or points.shape != (68, 2) or not np.isfinite(points).all():
        raise ValueError(f"a picture (H, W, 3) and finite points (68, 2) are needed, not {picture.shape} and {points.shape}")
    # InsightFace's places count pixels from their centres at integers; ours lie half a pixel further
    onto = geometry.fit_similarity(five_points(points.astype(np.float64)), FIVE + 0.5)
    return sample(picture, geometry.invert_affine(onto), SIZE)


class ArcFace:
    """A recogniser in an ONNX file: input (N, 3, 112, 112), output (N, D). Runs in onnxruntime on the CPU.

    DependencyError where onnxruntime is not installed; InputError where the file is missing, no ONNX model, or has other inputs or outputs.
    """

    def __init__(self, path: Path):
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path} is not there; name the ONNX file of an ArcFace model (w600k_r50.onnx, say)")
        try:
            import onnxruntime  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise DependencyError("an ONNX judge needs one more package: pip install 'limner[export]'") from None
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what it has to say of a file that is no model, we say
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors share no class but this
            raise InputError(f"{path} is no ONNX model that onnxruntime can open ({str(error).splitlines()[0][:120]})") from None
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        fits = len(inputs) == 1 and len(inputs[0].shape) == 4 and list(inputs[0].shape[1:]) == [3, SIZE, SIZE]
        if not fits or inputs[0].type != "tensor(float)" or len(outputs) != 1:
            what = ", ".join(f"{one.name} {one.shape} {one.type}" for one in inputs)
            raise InputError(f"{path} is no face recogniser: it takes {what or 'nothing'}, not one float picture (N, 3, {SIZE}, {SIZE})")
        self.input, self.fixed = inputs[0].name, isinstance(inputs[0].shape[0], int)
        self.name, self.version = f"ArcFace {path.name}", sha256_of(path)[:12]
        self.mean, self.spread = (0.0, 1.0) if _normalises(path) else (127.5, 127.5)

    def embed(self, pictures: Iterable[np.ndarray], points: Sequence[Any]) -> np.ndarray:
        """As `IdentityJudge.embed`."""
        faces = (views_of(pictures, points, aligned) - self.mean) / self.spread
        step = 1 if self.fixed else BATCH
        found = [self.session.run(None, {self.input: faces[i : i + step].astype(np.float32)})[0] for i in range(0, len(faces), step)]
        vectors = np.concatenate([np.asarray(rows) for rows in found]).reshape(len(faces), -1).astype(np.float32)
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(length).all() or (length == 0).any():
            raise InputError(f"{self.name} gives no vectors that point anywhere: it is no face recogniser")
        return vectors / length

    def record(self) -> dict[str, Any]:
        return {"name": self.name, "version": self.version, "held_out": {}}


def _normalises(path: Path) -> bool:
    """Whether the model itself begins by subtracting and multiplying: InsightFace's rule, by the names of its first nodes, or by what they
    do where they have no names. DependencyError where the package onnx, which reads that, is not installed."""
    try:
        import onnx  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise DependencyError("an ONNX judge needs one more package: pip install 'limner[export]'") from None
    nodes = onnx.load(str(path), load_external_data=False).graph.node[:EARLY]
    names = [node.name or node.op_type for node in nodes]
    return any(name.startswith(("Sub", "_minus")) for name in names) and any(name.startswith(("Mul", "_mul")) for name in names)
