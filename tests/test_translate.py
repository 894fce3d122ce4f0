"""The translation as a renderer: the whole picture back together, a clip's own crop as the network says, decoded maps as the driver."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import torch

from limner import geometry
from limner.data.clips import crop, crop_matrix
from limner.detect.face import FaceDetector
from limner.generation.renderers import open_renderer
from limner.generation.translate import TranslatorRenderer
from limner.papers.recipes import recipe
from limner.papers.translation import Translation
from limner.training.checkpoint import write_json
from limner.types import Face, InputError


@pytest.fixture(scope="module")
def model() -> Translation:
    """An untrained network: what it says means nothing, where it is laid does."""
    torch.manual_seed(0)
    return Translation(settings=asdict(recipe("translation-tiny"))).eval()


@pytest.fixture(scope="module")
def face(astronaut) -> Face:
    return FaceDetector().faces(astronaut)[0]


def opened(points: np.ndarray) -> np.ndarray:
    """The mouth opens by a tenth of the face, in three frames."""
    moving = np.repeat(points[None], 3, 0)
    moving[:, 55:60, 1] += np.arange(3)[:, None] * 6
    moving[:, 65:68, 1] += np.arange(3)[:, None] * 6
    return moving


def test_the_first_frame_is_the_photo_and_the_rest_of_the_picture_stays(model, astronaut, face):
    frames = list(TranslatorRenderer(astronaut, face, neutral_points=face.points, model=model).render(opened(face.points)))
    np.testing.assert_array_equal(frames[0], astronaut)
    back = geometry.invert_affine(crop_matrix(face.points, model.settings.size))
    size = model.settings.size
    corners = geometry.apply_affine(back, np.array([[0.0, 0.0], [size, size]]))
    (x0, y0), (x1, y1) = np.floor(corners[0]).astype(int), np.ceil(corners[1]).astype(int)
    outside = np.ones(astronaut.shape[:2], bool)
    outside[max(y0, 0) : y1, max(x0, 0) : x1] = False
    changed = np.abs(frames[2].astype(int) - astronaut).max(-1)
    assert changed[outside].max() == 0
    assert changed[~outside].max() > 0


def test_a_clip_of_the_networks_size_is_what_the_network_says(model, astronaut, face):
    size = model.settings.size
    matrix = crop_matrix(face.points, size)
    picture, points = crop(astronaut, matrix, size), geometry.apply_affine(matrix, face.points)
    at = Face(points=points, box=(0.0, 0.0, 1.0, 1.0), confidence=1.0)
    renderer = TranslatorRenderer(picture, at, neutral_points=points, model=model)
    moving = opened(points)
    np.testing.assert_array_equal(np.stack(list(renderer.render(moving))), model.translate(moving, picture))
    maps = model.draw(torch.from_numpy(moving).float())[:, 0]
    np.testing.assert_array_equal(np.stack(list(renderer.render_maps(maps))), np.stack(list(renderer.render(moving))))
    with pytest.raises(InputError, match="landmark images of"):
        next(renderer.render_maps(torch.zeros(2, 8, 8)))


def test_a_run_is_opened_by_its_folder(model, astronaut, face, tmp_path):
    model.save_pretrained(tmp_path / "run" / "model")
    write_json(tmp_path / "run" / "config.json", {})
    renderer = open_renderer(str(tmp_path / "run"))(astronaut, face, neutral_points=face.points)
    direct = TranslatorRenderer(astronaut, face, neutral_points=face.points, model=model)
    moving = opened(face.points)
    np.testing.assert_array_equal(list(renderer.render(moving))[2], list(direct.render(moving))[2])


def test_points_that_are_no_face_are_refused(model, astronaut, face):
    with pytest.raises(InputError, match="points on one another"):
        TranslatorRenderer(astronaut, face, neutral_points=np.full((68, 2), 7.0), model=model)
