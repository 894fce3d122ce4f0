"""What an evaluation looks with, opened once: networks, detector, judges; and what is said where one cannot be had."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.evaluation.detections import Detections
from limner.evaluation.judges.files import version_of
from limner.evaluation.looks import Looker
from limner.guides.face import GUIDE as FACE
from limner.types import Clip, InputError

if TYPE_CHECKING:
    from limner.data.store import Store
    from limner.evaluation.evaluate import Networks
    from limner.evaluation.looking import Found, Progress


def looker_of(real: Store, fakes: Sequence[Store], networks: Networks, found: Found, progress: Progress) -> Looker:
    """Everything that looks, and its records in `found`. progress: of what a judge of labels learns from."""
    from limner.evaluation.judges.features import ClipJudge, FrameJudge

    faces = real.row(0)["num_points"] == FACE.num_points
    pixels = [all(encoding != "none" for encoding in store.table["encoding"].to_pylist()) for store in (real, *fakes)]
    stored = faces and not all(pixels)
    if not all(pixels):
        bare = ", ".join(store.path.name for store, has in zip((real, *fakes), pixels) if not has)
        found.notes.append(f"{bare}: clips without pixels" + ("; every store's points are taken as stored, not detected" if faces else ""))
    looker = Looker(faces=faces, frame_nets={}, film_nets={}, lpips_nets={}, stored_points=stored)
    if any(pixels):
        frames, films = FrameJudge.load(), ClipJudge.load()
        looker.frame_nets, looker.film_nets, looker.lpips_nets = {"frames": frames}, {"films": films}, {"frames": frames}
        found.records |= {"frames": frames.record(), "films": films.record()}
    _standard(looker, networks, found)
    if faces and not stored and networks.detector:
        looker.detections = Detections(cache=networks.cache)
        found.records["points"] = {"name": "MediaPipe face mesh, 68 points", "sees": "frames enlarged to 256 pixels"}
    elif faces and stored:
        found.records["points"] = {"name": "points as stored"}
    if networks.identity:
        looker.identity = _identity(faces, networks, found)
    if networks.recognition:
        _recogniser(looker, real, networks, found, progress)
    looker.version = _version(looker, networks, found)
    return looker


def _version(looker: Looker, networks: Networks, found: Found) -> dict[str, Any]:
    """All that looks, by its weights where it has some: what a look hangs on beside the clips."""
    return {
        "faces": looker.faces,
        "stored points": looker.stored_points,
        "detector": None if looker.detections is None else looker.detections.version,
        "networks": found.records,
        "recogniser": None if looker.recogniser is None else looker.recogniser.version,
        "identity": looker.identity is not None,
        "body judge": None if looker.faces or networks.body_judge is None else version_of(Path(networks.body_judge)),
    }


def _standard(looker: Looker, networks: Networks, found: Found) -> None:
    """The networks of others, where asked for."""
    asked = {name: getattr(networks, name) for name in ("inception", "alexnet", "i3d") if getattr(networks, name) is not None}
    if not asked:
        return
    from limner.evaluation.judges import standard

    kinds = {"inception": standard.InceptionJudge, "alexnet": standard.AlexJudge, "i3d": standard.I3DJudge}
    places = {"inception": looker.frame_nets, "alexnet": looker.lpips_nets, "i3d": looker.film_nets}
    for name, given in asked.items():
        places[name][name] = kinds[name](given)
        found.records[name] = places[name][name].record()


def _identity(faces: bool, networks: Networks, found: Found) -> Any:
    """(clip, moments, points of these) -> (n, D) unit vectors; None where nobody can tell."""
    if faces:
        from limner.evaluation.judges.identity import FaceIdentity

        judge = FaceIdentity.load()
        found.records["identity"] = judge.record()
        return lambda clip, at, points: judge.embed(clip.frames[at], points)
    if networks.body_judge is None:
        found.notes.append("who the people are was not judged: --body-judge names a judge, which limner bench bodies makes")
        return None
    from limner.evaluation.judges.body import BodyIdentity

    body = BodyIdentity.load(Path(networks.body_judge))
    found.records["identity"] = {"name": body.name, "held_out": body.held_out}
    return lambda clip, at, points: body.of_clip(_some(clip, at))


def _some(clip: Clip, at: np.ndarray) -> Clip:
    from dataclasses import replace

    assert clip.frames is not None
    return replace(clip, points=clip.points[at], confidence=clip.confidence[at], frames=clip.frames[at], au=None)


def _recogniser(looker: Looker, real: Store, networks: Networks, found: Found, progress: Progress) -> None:
    from limner.evaluation.recognition import recogniser_of

    try:
        looker.recogniser = recogniser_of(real, looker, networks, progress)
        found.records["labels"] = looker.recogniser.record()
    except InputError as error:
        found.notes.append(f"labels were not recognised: {' '.join(str(error).split())}")
