"""MediaPipe's face models behind one small interface, without their chatter: `mp.solutions` where it exists, the Tasks API otherwise.

Both give detections (boxes with eyes and a score) and a mesh of 478 points of the one face in a crop. Pictures are (H, W, 3) uint8 RGB.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import warnings
import weakref
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from limner.media.quiet import quiet as without
from limner.types import DependencyError, InputError
from limner.weights.fetch import fetch

# Google's float16/1 face landmarker: 478 points and 52 blendshapes, Apache-2.0.
MODEL_NAME = "face_landmarker.task"
MODEL_URL = "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task"
MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
MODEL_VARIABLE = "LIMNER_FACE_MODEL"
NUM_DENSE = 478
# What the models are asked for at least; the real decisions are taken on the scores by detect/face.py.
MIN_DETECTION, MIN_MESH = 0.25, 0.2  # ours
CHATTER = re.compile(rb"^(INFO: Created TensorFlow|WARNING: All log messages before absl|[IWEF]\d{4} .*\.(cc|h):\d+\]|I0000|W0000)")


@dataclass(frozen=True, kw_only=True)
class Detection:
    """A face as the short detector sees it: box (x0, y0, x1, y1), the eyes' centres (2, 2) as (right, left) of the person, score 0..1."""

    box: tuple[float, float, float, float]
    eyes: np.ndarray
    score: float


class Backend(Protocol):
    """What a detector of faces must do. Pictures are (H, W, 3) uint8; all places in pixels of the picture handed in.

    detect: every face it sees. score: the same by the detector whose score says how sure a crop shows a whole, plain face.
    mesh: (478, 3) points of the one face in a crop: x, y, and z in the same scale, away from the camera positive; None where it sees none.
    """

    name: str

    def detect(self, pixels: np.ndarray) -> list[Detection]: ...

    def score(self, pixels: np.ndarray) -> list[Detection]: ...

    def mesh(self, pixels: np.ndarray) -> np.ndarray | None: ...


class Solutions:
    """`mp.solutions` of mediapipe < 0.10.15 or so: its models lie inside the wheel."""

    name = "mediapipe solutions"

    def __init__(self) -> None:
        with quiet():
            from mediapipe.python.solutions.face_detection import FaceDetection
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._near: Any = FaceDetection(min_detection_confidence=MIN_DETECTION, model_selection=0)
            self._far: Any = FaceDetection(min_detection_confidence=MIN_DETECTION, model_selection=1)
            self._mesh: Any = FaceMesh(
                static_image_mode=True,
                max_num_faces=1,
                refine_landmarks=True,
                min_detection_confidence=MIN_MESH,
                min_tracking_confidence=MIN_MESH,
            )
            for graph in (self._near, self._far, self._mesh):  # a first run makes them speak while nobody hears
                graph.process(np.zeros((64, 64, 3), np.uint8))

    def detect(self, pixels: np.ndarray) -> list[Detection]:
        """By both detectors: the one for faces near (half the picture and more) and the one for faces far away."""
        return self._run(self._far, pixels) + self._run(self._near, pixels)

    def score(self, pixels: np.ndarray) -> list[Detection]:
        """By the detector for near faces alone."""
        return self._run(self._near, pixels)

    def mesh(self, pixels: np.ndarray) -> np.ndarray | None:
        result = hushed(self._mesh.process, np.ascontiguousarray(pixels))
        return _dense(result.multi_face_landmarks[0].landmark, pixels) if result.multi_face_landmarks else None

    @staticmethod
    def _run(graph: Any, pixels: np.ndarray) -> list[Detection]:
        found = hushed(graph.process, np.ascontiguousarray(pixels)).detections or []
        height, width = pixels.shape[:2]
        detections = []
        for item in found:
            box, keys = item.location_data.relative_bounding_box, item.location_data.relative_keypoints
            corners = (box.xmin * width, box.ymin * height, (box.xmin + box.width) * width, (box.ymin + box.height) * height)
            eyes = np.array([[key.x * width, key.y * height] for key in keys[:2]])
            detections.append(Detection(box=corners, eyes=eyes, score=float(item.score[0])))
        return detections


class Tasks:
    """The Tasks API with a `face_landmarker.task` file, which bundles detector, mesh and blendshapes. InputError if the file is none."""

    name = "mediapipe tasks"

    def __init__(self, model: Path) -> None:
        detector = _detector_of(model)
        try:
            self._open(detector, model.read_bytes())
        except (RuntimeError, ValueError) as error:  # what MediaPipe makes of bytes that are no model
            raise InputError(f"{model} is not a MediaPipe face landmarker (a .task file), or is damaged") from error

    def _open(self, detector: bytes, landmarker: bytes) -> None:
        with quiet():
            from mediapipe.tasks.python import BaseOptions, vision

            self._detector: Any = vision.FaceDetector.create_from_options(
                vision.FaceDetectorOptions(base_options=BaseOptions(model_asset_buffer=detector), min_detection_confidence=MIN_DETECTION)
            )
            self._landmarker: Any = vision.FaceLandmarker.create_from_options(
                vision.FaceLandmarkerOptions(
                    base_options=BaseOptions(model_asset_buffer=landmarker),
                    num_faces=1,
                    min_face_detection_confidence=MIN_MESH,
                    min_face_presence_confidence=MIN_MESH,
                    output_face_blendshapes=True,
                )
            )
            weakref.finalize(self, _close, self._detector, self._landmarker)
            for model_task in (self._detector, self._landmarker):
                model_task.detect(_image(np.zeros((64, 64, 3), np.uint8)))

    def detect(self, pixels: np.ndarray) -> list[Detection]:
        height, width = pixels.shape[:2]
        detections = []
        for item in hushed(self._detector.detect, _image(pixels)).detections:
            box = item.bounding_box
            eyes = np.array([[key.x * width, key.y * height] for key in item.keypoints[:2]])
            corners = (box.origin_x, box.origin_y, box.origin_x + box.width, box.origin_y + box.height)
            detections.append(Detection(box=corners, eyes=eyes, score=float(item.categories[0].score)))
        return detections

    score = detect

    def mesh(self, pixels: np.ndarray) -> np.ndarray | None:
        result = hushed(self._landmarker.detect, _image(pixels))
        return _dense(result.face_landmarks[0], pixels) if result.face_landmarks else None

    def blendshapes(self, pixels: np.ndarray) -> dict[str, float] | None:
        """The 52 ARKit-like expression strengths 0..1 of the one face in a crop, by name; None where the model sees no face."""
        result = hushed(self._landmarker.detect, _image(pixels))
        return {item.category_name: float(item.score) for item in result.face_blendshapes[0]} if result.face_blendshapes else None


def open_backend(model: Path | None = None) -> Backend:
    """Tasks if a model is given (here or by LIMNER_FACE_MODEL), else solutions where mediapipe has them, else Tasks, its model fetched.

    DependencyError, saying what to do: mediapipe is not installed or does not load, or the model is neither here nor to be had.
    """
    given = model or (Path(os.environ[MODEL_VARIABLE]) if os.environ.get(MODEL_VARIABLE) else None)
    if given is not None and not Path(given).is_file():
        raise InputError(f"the face model {given} does not exist")
    try:
        import mediapipe  # noqa: F401
    except Exception as error:  # a foreign package in pieces fails in any way it likes
        raise _does_not_load(error) from error
    if given is not None:
        return Tasks(Path(given))
    try:
        return Solutions()
    except ImportError as error:
        if not (error.name or "").startswith("mediapipe.python"):  # something else is missing, which fetching a model would not bring
            raise _does_not_load(error) from error
        return Tasks(fetch(MODEL_NAME, MODEL_URL, MODEL_SHA256, variable=MODEL_VARIABLE))


def _does_not_load(error: Exception) -> DependencyError:
    why = str(error).partition("\n")[0]
    return DependencyError(f"mediapipe, which finds faces, does not load ({why}); try: pip install --force-reinstall mediapipe")


def _detector_of(model: Path) -> bytes:
    """The face detector inside a `.task` bundle."""
    try:
        with zipfile.ZipFile(io.BytesIO(model.read_bytes())) as bundle:
            return bundle.read("face_detector.tflite")
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise InputError(f"{model} is not a MediaPipe face landmarker (a .task file), or is damaged") from error


def _dense(landmarks: Any, pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    points = np.array([(point.x * width, point.y * height, point.z * width) for point in landmarks])
    assert points.shape == (NUM_DENSE, 3), points.shape
    return points


def _image(pixels: np.ndarray) -> Any:
    from mediapipe import Image, ImageFormat

    return Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(pixels))


def _close(*tasks: Any) -> None:
    """Closes task objects before they are deleted: at the interpreter's end mediapipe 0.10.35 can no longer, and says so at length."""
    for task in tasks:
        with contextlib.suppress(RuntimeError):
            task.close()
        if getattr(task, "_handle", None) is not None:
            task._handle = None


def hushed(call: Callable[[Any], Any], argument: Any) -> Any:
    """A call into mediapipe without protobuf's remarks on its own deprecated functions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(argument)


def quiet() -> contextlib.AbstractContextManager[None]:
    """Keeps back, meanwhile, what C++ writes to file descriptor 2, but only the known chatter of absl and TFLite."""
    return without(CHATTER)
