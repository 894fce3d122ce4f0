"""The public API, pinned: what code that uses limner may rely on. A line that changes here belongs into CHANGELOG.md."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import limner

NAMES = ["InputError", "Motion", "RenderedClip", "__version__", "render", "smile"]

# name -> its parameters; a trailing "=" where there is a default, "*" before those that must be named
PARAMETERS = {
    "smile": "photo * label= modes= frames= fps= duration= intensity= start= hold= returns= loop= seed= size= face= "
    "model= renderer= engine=",
    "render": "photo motion * size= face= absolute= intensity= renderer= engine=",
    "RenderedClip.save": "self path * quality= progress=",
    "Motion": "* guide points confidence fps size label= mode= seed= provenance=",
}
CLIP = {"motion", "reference", "how", "engine", "renderer", "sound", "notes", "frames", "au", "points", "neutral", "fps", "label", "mode"}
CLIP |= {"warnings", "save"}

# rooms whose front doors the documentation names: module -> names
DOORS = {
    "limner.media.motion": ("read_motion", "write_motion"),
    "limner.data.store": ("Store", "StoreWriter"),
    "limner.guides": ("load", "names"),
    "limner.papers.load": ("load_motion_model", "load_renderer"),
    "limner.generation.smiles": ("Engine",),
    "limner.generation.moves": ("BodyEngine", "MoveSettings", "make_move", "open_motion"),
    "limner.generation.clips": ("generate",),
    "limner.evaluation.evaluate": ("evaluate",),
    "limner.media.pictures": ("read_picture",),
}


def parameters(name: str) -> str:
    found = limner
    for part in name.split("."):
        found = getattr(found, part)
    words = []
    for p in inspect.signature(found).parameters.values():
        if p.kind is p.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        words.append(p.name + ("=" if p.default is not p.empty else ""))
    return " ".join(words)


def test_the_names():
    assert sorted(limner.__all__) == sorted(NAMES)
    assert set(NAMES) <= set(dir(limner))
    for name in NAMES:
        assert getattr(limner, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'frown'"):
        limner.frown  # noqa: B018


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_parameters(name: str):
    assert parameters(name) == PARAMETERS[name]


def test_what_a_clip_has():
    from dataclasses import fields

    has = {f.name for f in fields(limner.RenderedClip)} | {name for name in vars(limner.RenderedClip) if not name.startswith("_")}
    assert has == CLIP


def test_the_reference_names_every_front_door_and_no_other():
    told = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
    listed = set(re.findall(r"^::: limner\.([\w.]+)$", told, flags=re.M))
    doors = {f"{module}.{name}".removeprefix("limner.") for module, names in DOORS.items() for name in names}
    ours = set(NAMES) - {"__version__"}
    assert listed == doors | ours | {"types.Clip", "types.Guide", "geometry", "raster", "warp", "losses", "measures"}


@pytest.mark.parametrize("module", DOORS)
def test_front_doors(module: str):
    import importlib

    for name in DOORS[module]:
        found = getattr(importlib.import_module(module), name)
        assert inspect.getdoc(found), f"{module}.{name} has no docstring"


def test_refusals_are_value_errors_and_cost_nothing_to_name():
    assert issubclass(limner.InputError, ValueError)
    code = "import sys, limner; limner.InputError, limner.__version__; print('torch' in sys.modules, 'mediapipe' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
