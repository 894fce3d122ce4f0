"""`limner prepare folder | uva-nemo | disfa | disfa-plus`: raw videos of faces in, a store of neutral-to-smile clips out; and `kth |
human36m | strips | folder --guide body`: of people in action, a store of actions out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, UseAppendAction, arg

from limner.cli.session import FAULT, OK, parse
from limner.cli.work import parse_overrides
from limner.types import InputError

if TYPE_CHECKING:
    from limner.data.sources.raw import RawClip
    from limner.data.sources.raw_actions import RawAction

MOST_WORKERS = 8  # ours: each holds the detector's models, some 300 MB


@dataclass(frozen=True, kw_only=True)
class Videos:
    """What the sources share."""

    raw: Annotated[Positional[Path], arg(metavar="RAW")]
    """The folder of the recordings."""
    store: Annotated[Positional[Path], arg(metavar="STORE")]
    """The folder of the clip store; its report.json says of each recording what was kept, what was not, and why."""
    size: int = 64
    """Side of the frames, pixels."""
    workers: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Processes; without it one a core, at most 8. The store is the same for any number."""
    limit: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Only the first N recordings."""
    partial: Annotated[bool, arg(help_behavior_hint="")] = False
    """Take what there is of a data set that is not whole."""
    force: Annotated[bool, arg(help_behavior_hint="")] = False
    """Replace a store made with other settings or of other recordings."""


@dataclass(frozen=True, kw_only=True)
class Smiles(Videos):
    """What the sources of faces share."""

    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE", help_behavior_hint="")] = ()
    """Change what counts as a smile: least_apex=1.8, rest, rest_frames, least_rise_frames ...; can be given several times."""


@dataclass(frozen=True, kw_only=True)
class Folder(Smiles):
    """Your own videos: sub-folders named posed or spontaneous are the label, others the person; or a table of file, label, subject."""

    table: Annotated[Path | None, arg(metavar="CSV", help_behavior_hint="")] = None
    """The table; without it RAW/labels.csv, where it is there."""
    fps: Annotated[str | None, arg(metavar="RATE", help_behavior_hint="")] = None
    """Frames a second of folders of pictures; a video says its own."""
    guide: Annotated[str, arg(metavar="face|body")] = "face"
    """body: people in action, RAW/anna/walking/1.mp4; frames of 256 pixels unless --size says otherwise."""


@dataclass(frozen=True, kw_only=True)
class UvaNemo(Smiles):
    """UvA-NEMO: posed and spontaneous smiles of 400 people. RAW holds its videos and its table of files."""


@dataclass(frozen=True, kw_only=True)
class Disfa(Smiles):
    """DISFA: spontaneous expressions of 27 people, every frame AU-coded. RAW holds its videos and its ActionUnit_Labels."""

    camera: Annotated[str, arg(metavar="left|right|both")] = "left"
    """Which camera."""
    fold: Annotated[int, arg(metavar="1|2|3")] = 3
    """Which of the three folds is the test split."""


@dataclass(frozen=True, kw_only=True)
class DisfaPlus(Smiles):
    """DISFA+: posed expressions of 9 people of DISFA, every frame AU-coded. RAW holds Images and Labels."""

    fold: Annotated[int, arg(metavar="1|2|3")] = 3
    """Which of DISFA's three folds is the test split."""


def folder(args: Sequence[str]) -> int:
    """The command `limner prepare folder`."""
    asked = parse(Folder, "prepare folder", args)
    from limner.data.sources import folder
    from limner.media.video import parse_fps

    if asked.guide == "body":
        if asked.set:
            raise InputError("--set is for faces: it changes what counts as a smile")
        size = {} if any(word.split("=")[0] == "--size" for word in args) else {"size": ActionVideos.size}
        return _prepare_actions(replace(asked, **size), folder.index_actions(asked.raw), ActionVideos.sure, None)
    if asked.guide != "face":
        raise InputError(f"--guide {asked.guide}: there are face and body")
    fps = None if asked.fps is None else parse_fps(asked.fps)
    return _prepare(asked, folder.index(asked.raw, table=asked.table, fps=fps, partial=asked.partial))


def uva_nemo(args: Sequence[str]) -> int:
    """The command `limner prepare uva-nemo`."""
    asked = parse(UvaNemo, "prepare uva-nemo", args)
    from limner.data.sources import uva_nemo

    return _prepare(asked, uva_nemo.index(asked.raw, partial=asked.partial))


def disfa(args: Sequence[str]) -> int:
    """The command `limner prepare disfa`."""
    asked = parse(Disfa, "prepare disfa", args)
    from limner.data.sources import disfa

    return _prepare(asked, disfa.index(asked.raw, camera=asked.camera, fold=asked.fold, partial=asked.partial))


def disfa_plus(args: Sequence[str]) -> int:
    """The command `limner prepare disfa-plus`."""
    asked = parse(DisfaPlus, "prepare disfa-plus", args)
    from limner.data.sources import disfa_plus

    return _prepare(asked, disfa_plus.index(asked.raw, fold=asked.fold, partial=asked.partial))


@dataclass(frozen=True, kw_only=True)
class ActionVideos(Videos):
    """What the sources of people in action share."""

    size: int = 256
    """Side of the frames, pixels; they are kept as JPEG."""
    actions: Annotated[str, arg(metavar="A,B", help_behavior_hint="")] = ""
    """Only these actions, with commas between; without it all."""
    sure: float = 0.5
    """Frames whose arms and legs are seen less surely than this, 0 to 1, are left out."""
    movenet: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """movenet_single_pose_lightning_ptq.tflite: a second opinion on every joint."""


@dataclass(frozen=True, kw_only=True)
class Kth(ActionVideos):
    """KTH: six actions of 25 people. RAW holds 00sequences.txt and the videos."""


@dataclass(frozen=True, kw_only=True)
class Human36m(ActionVideos):
    """Human3.6M: RAW holds S1, S5 ... with Videos and MyPoseFeatures."""

    actions: Annotated[str, arg(metavar="A,B")] = "walking"
    """Which actions, with commas between; all: every one."""
    background: Annotated[bool, arg(help_behavior_hint="")] = True
    """--no-background: by the data set's masks."""


@dataclass(frozen=True, kw_only=True)
class Strips(ActionVideos):
    """Pictures of frames side by side, action_01.png, such as the 64x64 crops of Weizmann."""

    size: int = 64
    """Side of the frames, pixels."""
    test: Annotated[str | None, arg(metavar="PERSON", help_behavior_hint="")] = None
    """The person who is left out for the test split, such as 03; without it the last one."""


def kth(args: Sequence[str]) -> int:
    """The command `limner prepare kth`."""
    asked = parse(Kth, "prepare kth", args)
    from limner.data.sources import kth

    return _prepare_actions(asked, kth.index(asked.raw, actions=_names(asked.actions), partial=asked.partial), asked.sure, asked.movenet)


def human36m(args: Sequence[str]) -> int:
    """The command `limner prepare human36m`."""
    asked = parse(Human36m, "prepare human36m", args)
    from limner.data.sources import human36m

    names = () if asked.actions == "all" else _names(asked.actions)
    raws = human36m.index(asked.raw, actions=names, background=asked.background, partial=asked.partial)
    return _prepare_actions(asked, raws, asked.sure, asked.movenet)


def strips(args: Sequence[str]) -> int:
    """The command `limner prepare strips`."""
    asked = parse(Strips, "prepare strips", args)
    from limner.data.sources import strips

    raws = strips.index(asked.raw, test=asked.test, actions=_names(asked.actions))
    return _prepare_actions(asked, raws, asked.sure, asked.movenet)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _prepare_actions(asked: Videos, raws: list[RawAction], sure: float, movenet: Path | None) -> int:
    from limner.data import actions, clips, videos

    workers = min(os.cpu_count() or 1, MOST_WORKERS) if asked.workers is None else asked.workers
    work = actions.work(actions.ActionConfig(size=asked.size, sure=sure, second=movenet))
    report = videos.prepare_videos(raws, asked.store, size=asked.size, work=work, workers=workers, limit=asked.limit, force=asked.force)
    for line in actions.coverage(report):
        print(line)
    return FAULT if any(entry["reason"] == clips.FAULT for entry in report) else OK


def _prepare(asked: Smiles, raws: list[RawClip]) -> int:
    from limner.data import clips, transitions, videos
    from limner.training.config import override

    work = videos.smiles(asked.size, override(transitions.TransitionConfig(), parse_overrides(asked.set)))
    workers = min(os.cpu_count() or 1, MOST_WORKERS) if asked.workers is None else asked.workers
    report = videos.prepare_videos(raws, asked.store, size=asked.size, work=work, workers=workers, limit=asked.limit, force=asked.force)
    return FAULT if any(entry["reason"] == clips.FAULT for entry in report) else OK
