"""What is found in one clip and its imitations: numbers of each pair, and what the measures of sets need. Nothing of the pixels is kept.

Shapes: T time, J judged moments, H W pixels, K = 68 points, D features, C classes, U = 2 action units.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np

from limner import measures
from limner.evaluation.compare import DETECT_PX, Seen
from limner.evaluation.compare_bodies import person_box
from limner.evaluation.detections import Detections
from limner.geometry import resample
from limner.measures.frames import SIDE, likeness, sharpness
from limner.measures.perceptual import lpips
from limner.measures.points import displacements
from limner.types import Clip

JUDGED = 8  # ours: frames of each clip that networks see, evenly from the second to the last; neighbours are all but alike
PORTRAITS = 4  # ours: frames that the identity judge sees; aligning a face costs more than all other scores of a frame
CURVE = 32  # paper: T = 32
MOVED = 8  # ours: moments of a motion that are kept to compare it with others


@dataclass(kw_only=True)
class Look:
    """Of one real clip, or of the clips that imitate it. values: means over the modes. frames, films, classes: network -> (n, D) rows.
    curves: (32, 2) AU6 and AU12 of each clip; moved: mode -> (8, 68, 2) displacements, units; lost: clips whose face the detector lost."""

    of: str
    person: str
    label: str | None
    clips: int = 1
    values: dict[str, float] = field(default_factory=dict)
    frames: dict[str, np.ndarray] = field(default_factory=dict)
    classes: dict[str, np.ndarray] = field(default_factory=dict)
    films: dict[str, np.ndarray] = field(default_factory=dict)
    curves: list[np.ndarray] = field(default_factory=list)
    moved: dict[str, np.ndarray] = field(default_factory=dict)
    lost: int = 0


@dataclass(kw_only=True)
class Shown:
    """One clip as it is judged: at the common size, and what a detector and the identity judge saw of it."""

    clip: Clip
    mode: str = ""
    seen: Seen | None = None
    vectors: np.ndarray | None = None


@dataclass(kw_only=True)
class Looker:
    """Everything that looks. detections: None where points are taken as stored, or nothing is detected. frame_nets and film_nets: name of
    the network's scores (frames, inception, films, i3d) -> network. identity: a judge of faces, or a function of clips for bodies.
    version: all of these by their weights, as data."""

    faces: bool
    frame_nets: dict[str, Any]
    film_nets: dict[str, Any]
    lpips_nets: dict[str, Any]
    detections: Detections | None = None
    stored_points: bool = False
    identity: Any = None
    recogniser: Any = None
    version: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    def real(self, shown: Shown) -> Look:
        """What a real clip has of its own."""
        look = Look(of=shown.clip.id, person=shown.clip.subject, label=shown.clip.label)
        self.see(shown)
        self._own(look, [shown], shown)
        return look

    def made(self, shown: Sequence[Shown], real: Shown | None, real_layers: dict[str, Any] | None = None) -> Look:
        """What the imitations of a real clip have of their own and against it; real None: what a clip has of its own."""
        first = real or shown[0]
        look = Look(of=first.clip.id, person=first.clip.subject, label=first.clip.label, clips=len(shown))
        for one in shown:
            self.see(one)
        self._own(look, shown, real or shown[0])
        if real is not None:
            with self.timed("pixels"):
                self._pixels(look, shown, real)
            with self.timed("networks"):
                self._perceived(look, shown, real_layers or {})
            self._points(look, shown, real)
            with self.timed("identity"):
                self._identity(look, shown, real)
        return look

    def layers(self, shown: Shown) -> dict[str, Any]:
        """The real clip's layers, for LPIPS."""
        if shown.clip.frames is None:
            return {}
        with self.timed("networks"):
            return {name: net.layers(judged(shown.clip)) for name, net in self.lpips_nets.items()}

    def see(self, shown: Shown) -> None:
        """Its points, as the detector sees them or as stored."""
        clip = shown.clip
        if self.stored_points and self.faces:
            shown.seen = Seen(points=clip.points, au=measures.action_units(clip.points, clip.points[0]))
        elif self.detections is not None and clip.frames is not None:
            with self.timed("detector and its cache"):
                shown.seen = self.detections.of(clip)

    def _own(self, look: Look, shown: Sequence[Shown], first: Shown) -> None:
        clips = [one.clip for one in shown if one.clip.frames is not None]
        if clips:
            with self.timed("pixels"):
                mean_of(look, "sharpness", [sharpness(clip.frames).mean() for clip in clips])
                mean_of(look, "flicker", [measures.flicker(clip.frames) for clip in clips if clip.num_frames > 2])
                mean_of(look, "frame_difference", [measures.frame_difference(clip.frames) for clip in clips if clip.num_frames > 1])
            with self.timed("networks"):
                frames = np.concatenate([judged(clip) for clip in clips])
                for name, net in self.frame_nets.items():
                    look.frames[name], look.classes[name] = net.looked(frames)
                for name, net in self.film_nets.items():
                    look.films[name] = net.features([clip.frames for clip in clips])
        if self.faces and (self.detections is not None or self.stored_points):
            look.lost = sum(one.seen is None for one in shown)
        for one in shown:
            if one.seen is not None:
                look.curves.append(resample(one.seen.au.astype(np.float64), CURVE))
                moved = displacements(one.seen.points)
                look.moved[one.mode] = resample(moved, MOVED).astype(np.float32)
        mean_of(look, "jitter", [100 * measures.jitter(s.seen.points) for s in shown if s.seen is not None and len(s.seen.points) > 2])
        if self.recogniser is not None:
            with self.timed("recognition"):
                right = [self.recogniser.right(one.clip, one.seen) for one in shown]
                mean_of(look, "recognised", [100.0 * known for known in right if known is not None])
        if len(shown) == 1 and first is shown[0] and self.identity is not None and shown[0].clip.frames is not None:
            with self.timed("identity"):
                self._identity(look, shown, first)

    def _pixels(self, look: Look, shown: Sequence[Shown], real: Shown) -> None:
        truth = real.clip
        pairs = [(one.clip, _like(truth, one.clip)) for one in shown if one.clip.frames is not None and truth.frames is not None]
        if not pairs or min(truth.size) < SIDE:
            return
        later = [(later_of(clip.frames), later_of(true.frames)) for clip, true in pairs]
        boxes = None if self.faces else [person_box(*one, truth.size) for one in zip(later_of(truth.points), later_of(truth.confidence))]
        alike = [likeness(a, b, boxes) for a, b in later]
        each = [float(one.ssim.mean()) for one in alike]
        mean_of(look, "ssim", each)
        if len(pairs) > 1:
            look.values["ssim_best"] = max(each)
        mean_of(look, "ms_ssim", [one.ms_ssim.mean() for one in alike])
        mean_of(look, "psnr", [one.psnr.mean() for one in alike])
        if self.faces:
            points = later_of(truth.points)
            mean_of(look, "mouth_ssim", [measures.mouth_ssim_frames(a, b, points).mean() for a, b in later])
        else:
            mean_of(look, "body_ssim", [one.inside.mean() for one in alike if one.inside is not None])
        if len({clip.num_frames for clip, _ in pairs}) == 1 < len(pairs):
            look.values["modes_apart_px"] = measures.mode_distance_px([clip.frames for clip, _ in pairs], _lips(pairs[0][1], self.faces))

    def _perceived(self, look: Look, shown: Sequence[Shown], real_layers: dict[str, Any]) -> None:
        for name, layers in real_layers.items():
            net, found = self.lpips_nets[name], []
            for one in shown:
                if one.clip.frames is not None:
                    found.append(float(lpips(net.layers(judged(one.clip)), layers, net.lpips_weights).mean()))
            mean_of(look, "lpips" if name == "frames" else f"lpips_{name}", found)

    def _points(self, look: Look, shown: Sequence[Shown], real: Shown) -> None:
        seen = [one.seen for one in shown if one.seen is not None]
        if real.seen is None or not seen:
            return
        true = real.seen
        same = [s for s in seen if len(s.points) == len(true.points)]
        mean_of(look, "landmark_error", [100 * measures.landmark_error(s.points, true.points) for s in same])
        mean_of(look, "au_clip", [measures.au_clip_distance(s.au, true.au) for s in seen])
        mean_of(look, "au_clip_dtw", [measures.au_clip_dtw(s.au, true.au) for s in seen])
        if len(seen) > 1:
            look.values["modes_apart"] = 100 * measures.mode_distance([s.points for s in seen])

    def _identity(self, look: Look, shown: Sequence[Shown], real: Shown) -> None:
        if self.identity is None or real.clip.frames is None:
            return
        true, similar, apart = self._vectors(real), [], []
        for one in shown:
            if one.clip.frames is None or one.clip.num_frames < 2:
                continue
            own = true if one is real else self._vectors(one)
            similar.append(float((own[1:] @ true[0]).mean()))
            if one is not real and len(own) == len(true):
                apart.append(float(np.linalg.norm(own[1:] - true[1:], axis=1).mean()))
        mean_of(look, "identity", similar)
        mean_of(look, "aed", apart)

    def _vectors(self, shown: Shown) -> np.ndarray:
        """(n, D) of the first frame and the judged ones."""
        if shown.vectors is not None:
            return shown.vectors
        clip = shown.clip
        assert clip.frames is not None
        at = np.concatenate([[0], moments(clip.num_frames, PORTRAITS)])
        points = clip.points if shown.seen is None else shown.seen.points * (clip.size[0] / max(clip.size[0], DETECT_PX))
        if self.stored_points:
            points = clip.points
        vectors = self.identity(clip, at, points[at])
        shown.vectors = vectors
        return vectors


def moments(num: int, most: int = JUDGED) -> np.ndarray:
    """Which of `num` frames networks see: `most` of them, evenly from the second to the last."""
    return np.unique(np.linspace(min(1, num - 1), num - 1, most).round().astype(int))


def judged(clip: Clip) -> np.ndarray:
    """(J, H, W, 3)."""
    assert clip.frames is not None
    return clip.frames[moments(clip.num_frames)]


def later_of(values: Any) -> Any:
    """Without the first frame, which was given; all of it where there is no other."""
    return values[1:] if len(values) > 1 else values


def mean_of(look: Look, name: str, values: Sequence[Any]) -> None:
    """Their mean as the look's value; nothing where there is none."""
    if len(values):
        look.values[name] = fmean(map(float, values))


def _like(truth: Clip, clip: Clip) -> Clip:
    assert clip.frames is not None and truth.frames is not None  # noqa: PT018
    if truth.frames.shape != clip.frames.shape:
        raise AssertionError(f"{clip.id}: {clip.frames.shape} is not fitted to {truth.frames.shape}")
    return truth


def _lips(true: Clip, faces: bool) -> list[tuple[int, int, int, int]] | None:
    return [measures.lip_box(points, true.size) for points in true.points] if faces else None
