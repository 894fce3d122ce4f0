"""A user's own ONNX recogniser as a judge: its alignment, its numbers, and what is refused."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from limner.evaluation.judges import arcface
from limner.geometry import apply_affine, invert_affine, unit_to_map
from limner.guides.face import GUIDE
from limner.types import DependencyError, InputError

HERE = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))
needs_onnx = pytest.mark.skipif(not HERE, reason="onnx and onnxruntime are not installed: pip install 'limner[export]'")
POINTS = apply_affine(unit_to_map(GUIDE, 300), GUIDE.canonical.astype(np.float64))


def test_the_five_points_come_to_their_places():
    """A bright spot at each of the five points is found where InsightFace's template has it, for a face that has its proportions."""
    found = arcface.five_points(POINTS)
    np.testing.assert_allclose(found[0], POINTS[36:42].mean(0))
    assert found[0, 0] < found[1, 0]  # the right eye lies left in the picture
    onto = arcface.geometry.fit_similarity(found, arcface.FIVE + 0.5)
    place = invert_affine(onto)
    points = POINTS.copy()
    wanted = apply_affine(place, arcface.FIVE + 0.5)  # where a face of exactly the template's proportions has them
    for eye, at in zip((range(36, 42), range(42, 48)), wanted[:2]):
        points[list(eye)] += at - points[list(eye)].mean(0)
    points[[30, 48, 54]] = wanted[2:]
    for number, at in enumerate(wanted):
        y, x = np.mgrid[:300, :300] + 0.5
        spot = 255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 30)
        view = arcface.aligned(np.repeat(spot[..., None], 3, -1), points)
        brightest = np.unravel_index(view[0].argmax(), view[0].shape)
        np.testing.assert_allclose(brightest[::-1], arcface.FIVE[number], atol=0.75)


def test_a_missing_file_and_a_missing_package_are_one_line_each(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"w\.onnx is not there"):
        arcface.ArcFace(tmp_path / "w.onnx")
    (tmp_path / "w.onnx").write_bytes(b"nothing")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DependencyError, match=r"limner\[export\]"):
        arcface.ArcFace(tmp_path / "w.onnx")


def model(path, *, shape=("N", 3, 112, 112), normalises=False):
    """A tiny recogniser: the mean of each channel, over what comes in (as it is, or normalised by the model itself)."""
    import onnx
    from onnx import TensorProto, helper

    numbers = lambda name, value: helper.make_tensor(name, TensorProto.FLOAT, [1], [value])  # noqa: E731
    nodes, last = [], "data"
    if normalises:
        nodes += [helper.make_node("Sub", ["data", "mean"], ["a"]), helper.make_node("Mul", ["a", "scale"], ["b"])]
        last = "b"
    nodes += [helper.make_node("GlobalAveragePool", [last], ["pooled"]), helper.make_node("Flatten", ["pooled"], ["out"])]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numbers("mean", 127.5), numbers("scale", 1 / 127.5)] if normalises else [],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


@needs_onnx
@pytest.mark.parametrize("normalises", [False, True])
def test_channels_are_rgb_and_normalised_once(tmp_path, normalises):
    judge = arcface.ArcFace(model(tmp_path / "tiny.onnx", normalises=normalises))
    reddish = np.tile(np.array([255, 127.5, 63.75]), (300, 300, 1))
    found = judge.embed([reddish, reddish], [POINTS, POINTS])
    wanted = np.array([1.0, 0.0, -0.5]) / np.linalg.norm([1.0, 0.0, -0.5])
    np.testing.assert_allclose(found, [wanted, wanted], atol=1e-5)
    assert judge.record()["name"] == "ArcFace tiny.onnx"


@needs_onnx
def test_what_is_no_recogniser_is_refused(tmp_path):
    (tmp_path / "text.onnx").write_text("a letter")
    with pytest.raises(InputError, match="is no ONNX model"):
        arcface.ArcFace(tmp_path / "text.onnx")
    with pytest.raises(InputError, match="is no face recogniser: it takes data"):
        arcface.ArcFace(model(tmp_path / "other.onnx", shape=("N", 3, 224, 224)))
    black = arcface.ArcFace(model(tmp_path / "tiny.onnx"))
    grey = np.full((300, 300, 3), 127.5)
    with pytest.raises(InputError, match="point anywhere"):
        black.embed([grey], [POINTS])


@needs_onnx
def test_a_model_of_one_picture_at_a_time_takes_many(tmp_path):
    judge = arcface.ArcFace(model(tmp_path / "one.onnx", shape=(1, 3, 112, 112)))
    assert judge.embed([np.full((300, 300, 3), 200, np.uint8)] * 3, [POINTS] * 3).shape == (3, 3)
