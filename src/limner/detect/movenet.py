"""MoveNet (Google, Apache-2.0) as a second opinion on a body's joints, run by MediaPipe's own graph: no further package.

The model file is the user's to give: `movenet_single_pose_lightning_ptq.tflite`, 192 x 192 pixels in, 17 COCO joints out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from limner.detect.backends import quiet
from limner.detect.search import cut
from limner.geometry import apply_affine
from limner.media.poses.layouts import convert
from limner.types import DependencyError, InputError

SIDE_PX = 192
GRAPH = """
input_stream: "picture"
output_stream: "numbers"
node {
  calculator: "ImageToTensorCalculator" input_stream: "IMAGE:picture" output_stream: "TENSORS:tensor"
  options { [mediapipe.ImageToTensorCalculatorOptions.ext] {
    output_tensor_width: 192 output_tensor_height: 192 output_tensor_uint_range { min: 0 max: 255 } } }
}
node {
  calculator: "InferenceCalculator" input_stream: "TENSORS:tensor" output_stream: "TENSORS:joints"
  options { [mediapipe.InferenceCalculatorOptions.ext] { model_path: "MODEL" delegate { tflite {} } } }
}
node { calculator: "TensorsToFloatsCalculator" input_stream: "TENSORS:joints" output_stream: "FLOATS:numbers" }
"""


class MoveNet:
    """Reads the joints of the one person in a square of a picture. Opens its model on first use."""

    def __init__(self, model: Path) -> None:
        self.model = Path(model)
        self._graph: Any = None
        self._out: list[list[float]] = []
        self._number = 0

    def read(self, pixels: np.ndarray, centre: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray]:
        """(H, W, 3) uint8 and the square to look at, pixels -> points (18, 2) pixels, confidence (18,) 0..1, float64.

        InputError: the model cannot be read; DependencyError: this mediapipe cannot run it."""
        import mediapipe as mp
        from mediapipe.python import packet_creator

        graph = self._opened()
        crop, matrix = cut(pixels, np.asarray(centre, np.float64), float(side), 0.0, SIDE_PX)
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(crop))
        self._number += 1
        try:
            with quiet():
                graph.add_packet_to_input_stream("picture", packet_creator.create_image(image).at(self._number))
                graph.wait_until_idle()
        except RuntimeError as error:  # the model is loaded with the first picture
            self._graph = None
            raise InputError(f"{self.model} is no TensorFlow Lite model of MoveNet: {' '.join(str(error).split())[-80:]}") from error
        rows = np.array(self._out.pop()).reshape(17, 3)
        return convert("coco-17", apply_affine(matrix, rows[:, 1::-1] * SIDE_PX), rows[:, 2])

    def _opened(self) -> Any:
        if self._graph is None:
            try:
                import mediapipe as mp
                from mediapipe.python import packet_getter

                if not self.model.is_file():
                    raise InputError(f"{self.model} is not there; name MoveNet's .tflite file")
                with quiet():
                    graph = mp.CalculatorGraph(graph_config=GRAPH.replace("MODEL", str(self.model.absolute())))
                    graph.observe_output_stream("numbers", lambda _, packet: self._out.append(packet_getter.get_float_list(packet)))
                    graph.start_run()
            except (AttributeError, ImportError) as error:
                raise DependencyError("this mediapipe cannot run MoveNet; try: pip install 'mediapipe==0.10.14'") from error
            except (RuntimeError, ValueError) as error:
                if isinstance(error, InputError):
                    raise
                raise InputError(
                    f"{self.model} is no TensorFlow Lite model that can be run: {' '.join(str(error).split())[:80]}"
                ) from error
            self._graph = graph
        return self._graph
