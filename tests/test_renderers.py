"""The door to the renderers: what ships by name, runs by folder, anything else in one line."""

import json

import numpy as np
import pytest

from limner.api import smile
from limner.generation.render import WarpRenderer
from limner.generation.renderers import open_renderer
from limner.papers.load import SHIPPED
from limner.types import InputError


def test_an_unknown_renderer_is_one_line():
    with pytest.raises(InputError, match=r"no renderer 'wrap': there are warp, .*"):
        open_renderer("wrap")


def test_a_motion_model_is_no_renderer():
    with pytest.raises(InputError, match=r"no config of a renderer of limner \(its recipe is 'cmmnet-points'\)"):
        open_renderer(str(SHIPPED / "cmmnet_points"))


def test_a_folder_without_a_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"settings": {}}))
    with pytest.raises(InputError, match="no config of a renderer of limner"):
        open_renderer(str(tmp_path))


def test_the_warp_by_its_name_is_the_warp(astronaut, engine):
    clip = smile(astronaut, modes=1, frames=3, size=128, renderer="warp", engine=engine)[0]
    photo = clip.reference
    direct = list(WarpRenderer(photo.pixels, photo.face, neutral_points=photo.neutral).render(clip.points))
    assert np.array_equal(clip.frames, np.stack(direct))


def test_the_copy_is_the_photo_whatever_the_points(astronaut, engine):
    clip = smile(astronaut, modes=1, frames=3, size=128, renderer="copy", engine=engine)[0]
    assert (clip.frames == clip.reference.pixels).all()


def test_a_renderer_that_is_none_stops_a_smile(astronaut, engine):
    with pytest.raises(InputError, match="no renderer 'nothing'"):
        next(iter(smile(astronaut, modes=1, frames=3, size=128, renderer="nothing", engine=engine)[0]))
