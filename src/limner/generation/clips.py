"""A store of clips in, a store of generated clips out: every clip's first frame is the neutral face, its label the wish.

    real clip -> first frame, label -> K motions -> K clips `<id>/mode_1` .. `<id>/mode_K`, of the same person and split

Real and generated clips are the same thing, so whatever reads the one reads the other. Shapes: T time, K = 68 points, H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from limner import geometry
from limner.generation.bodies import BodyMaker, moves_bodies
from limner.generation.films import Progress, silent
from limner.generation.motion import GUIDE, smooth_resample
from limner.generation.renderers import open_renderer
from limner.generation.smiles import model_identity, renderer_identity, synthetic
from limner.generation.whole_films import FilmMaker, makes_films
from limner.types import Clip, Face, InputError

if TYPE_CHECKING:
    from limner.data.store import Store

RECORDED, APART = "recorded", "translation"  # APART: where papers.whole trains the translation, in a run
OURS = "ours"
CLIPS_PER_SHARD = 32  # ours: a run that is cut loses some seconds of work
KIND, SOURCE = "transition", "limner.generate"


@dataclass(frozen=True, kw_only=True)
class GenerateSettings:
    """What is generated from each clip of a split.

    run: a run of `limner train`; "ours": what ships. A run of a renderer alone needs "recorded"; one that moves bodies (scgan) always takes
    that, and of what follows only split, seed and limit. One that makes whole films (video-gan, cra-net) takes split, label, modes (None:
    one), seed and limit.
    motion: "imagined", or "recorded": each clip's own points drive its first frame, one clip for each.
    label: the wish in place of each clip's own label; clips without one need it.
    renderer: as generation.renderers; None: the run's own where it has one, else the default. modes: how many; None: all that were trained.
    drive: what a translation is given of a model that imagines landmark images: "maps", these themselves, as in the paper, or "points";
    both brought to the length of the clip.
    conditional: beside the modes the Cond-LSTM's own sequence, `<id>/conditional`. seed: as of `limner smile`. limit: only so many clips.
    """

    run: str = OURS
    split: str = "test"
    motion: str = "imagined"
    label: str | None = None
    renderer: str | None = None
    modes: int | None = None
    drive: str = "maps"
    conditional: bool = False
    seed: int = 0
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.motion not in ("imagined", RECORDED):
            raise InputError(f"motion is {self.motion!r}; it can be imagined or {RECORDED}")
        if self.drive not in ("maps", "points"):
            raise InputError(f"drive is {self.drive!r}; it can be maps or points")
        for name, least in (("modes", 1), ("limit", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"{name} is {value}; it is at least {least}")


def generate(store: Store, out: Path, settings: GenerateSettings, *, force: bool = False, progress: Progress = silent) -> Store:
    """Fills the store `out` from the clips of a split; -> it. The same settings again: kept, or gone on with where a run was cut.

    InputError: no clip of that split, a run that is none, another store at `out` without `force`.
    """
    from limner.data.prepare import kept
    from limner.data.store import Store as StoreOf
    from limner.data.store import StoreWriter

    if out.resolve() == store.path.resolve():
        raise InputError(f"{out} is the store that is read; name another folder with --out")
    maker = maker_of(store, settings)
    rows = maker.rows()
    note = {**asdict(settings), "source": SOURCE, "data": store_identity(store), "model": maker.identity}
    wanted = len(rows) * maker.clips_per_row
    done = kept(out, note, force)
    if done < wanted:
        first, skip = divmod(done, maker.clips_per_row)
        with StoreWriter(out, clips_per_shard=CLIPS_PER_SHARD, note={"settings": note, "synthetic": synthetic()}, fresh=not done) as writer:
            for number, row in enumerate(rows[first:]):
                for clip in list(maker.clips(row))[0 if number else skip :]:
                    writer.add(clip)
                    done += 1
                    progress("generating", done, wanted)
    return StoreOf(out)


def maker_of(store: Store, settings: GenerateSettings) -> Maker | BodyMaker | FilmMaker:
    """What makes clips of this run: of faces, of bodies, which are always moved by the clips' own points, or whole films."""
    if settings.run != OURS and makes_films(settings.run):
        own = {name: getattr(settings, name) for name in ("split", "label", "modes", "seed", "limit")}
        return FilmMaker(store, settings.run, source=SOURCE, **own)
    if settings.run != OURS and moves_bodies(settings.run):
        return BodyMaker(store, settings.run, split=settings.split, seed=settings.seed, limit=settings.limit, source=SOURCE)
    return Maker(store, settings)


def store_identity(store: Store) -> str:
    """What a store's clips show, as 16 hexadecimal digits."""
    import hashlib

    return hashlib.sha256("".join(store.table["hash"].to_pylist()).encode()).hexdigest()[:16]


class Maker:
    """The models of a run, and the clips they make of one row. identity: the models by content. InputError where the run is none."""

    def __init__(self, store: Store, settings: GenerateSettings) -> None:
        from limner.papers.load import load_motion_model

        self.store, self.settings = store, settings
        own = None if settings.run == OURS else settings.run
        if own and settings.motion != RECORDED and renders_alone(own):
            raise InputError(
                f"{own} renders and imagines no motion: --motion recorded moves clips by their own points, or name it --renderer"
            )
        self.model = None if settings.motion == RECORDED else load_motion_model(own, modes=settings.modes or 3)
        renderer = settings.renderer or (own if own and has_renderer(own) else None)
        self.renderer = open_renderer(renderer)
        self.modes = 1 if self.model is None else settings.modes or self.model.max_modes
        self.clips_per_row = self.modes + (settings.conditional and self.model is not None)
        self.identity = f"{'' if self.model is None else model_identity(own)} {renderer_identity(renderer)}".strip()

    def rows(self) -> list[int]:
        """The clips that are imitated, in the store's order. InputError where there is none."""
        store, settings = self.store, self.settings
        rows = store.select(split=settings.split, kind=KIND)
        if not rows:
            splits = ", ".join(sorted(set(store.table["split"].to_pylist()))) or "none"
            raise InputError(f"store {store.path} has no {KIND} of split {settings.split!r}; its splits are: {splits} (--split)")
        bare = [store.row(i)["id"] for i in rows if store.row(i)["label"] is None]
        if bare and settings.label is None and settings.motion != RECORDED:
            raise InputError(f"clip {bare[0]!r} of store {store.path} has no label; say which smile is wished with --label")
        return rows[: settings.limit]

    def clips(self, row: int) -> Iterator[Clip]:
        """The generated clips of one real one."""
        real = self.store.read(row, slice(0, 1) if self.model is not None else slice(None))
        renderer = None if real.frames is None else self.renderer(real.frames[0], face_of(real.points[0]), neutral_points=real.points[0])
        for name, points, duration_s, maps in self._motions(real, self.store.row(row)["num_frames"], renderer):
            frames = None
            if renderer is not None:
                frames = np.stack(list(renderer.render(points) if maps is None else renderer.render_maps(maps)))  # type: ignore[attr-defined]
            label = self.settings.label or real.label
            yield made(replace(real, label=label), name, points, frames, duration_s)

    def _motions(self, real: Clip, num: int, renderer: Any) -> Iterator[tuple[str, np.ndarray, float, Any]]:
        """Name, (T, 68, 2) points in the clip's pixels, seconds, and decoded landmark images (T, S, S) where these drive the renderer."""
        if self.model is None:
            yield RECORDED, real.points, real.duration_s, None
            return
        label = self.settings.label or real.label
        if label not in self.model.label_names:
            raise InputError(f"the model knows no label {label!r} (clip {real.id!r}); it knows {', '.join(self.model.label_names)}")
        to_unit = geometry.to_unit(real.points[0].astype(np.float64), GUIDE)
        neutral = geometry.apply_affine(to_unit, real.points[0].astype(np.float64)).astype(np.float32)
        kinds: list[tuple[str, int | str]] = [
            ("mode", self.modes),
            *([("conditional", "conditional")] if self.settings.conditional else []),
        ]
        for name, modes in kinds:
            decoded: Any = [None] * self.modes
            if self.settings.drive == "maps" and hasattr(self.model, "maps") and hasattr(renderer, "render_maps"):
                decoded = self.model.maps(neutral, label=label, modes=modes, seed=self.settings.seed)  # type: ignore[attr-defined]
            for motion, maps in zip(self.model.generate(neutral, label=label, modes=modes, seed=self.settings.seed), decoded):
                units = smooth_resample(np.asarray(motion.points_unit, np.float64), num)
                points = geometry.apply_affine(geometry.invert_affine(to_unit), units).astype(np.float32)
                points[0] = real.points[0]
                driver = None if maps is None else between(maps, num)
                yield f"mode_{motion.mode + 1}" if name == "mode" else name, points, motion.duration_s, driver


def between(maps_TSS: torch.Tensor, num: int) -> torch.Tensor:
    """Landmark images (T, S, S) -> (num, S, S) at evenly spaced times, first and last kept: the two nearest, blended (ours)."""
    at = torch.linspace(0, len(maps_TSS) - 1, num, dtype=torch.float64)
    low = at.long().clamp(max=max(len(maps_TSS) - 2, 0))
    part = (at - low)[:, None, None].to(maps_TSS)
    return torch.lerp(maps_TSS[low], maps_TSS[(low + 1).clamp(max=len(maps_TSS) - 1)], part)


def made(real: Clip, name: str, points: np.ndarray, frames: np.ndarray | None, duration_s: float) -> Clip:
    """A generated clip of the person of a real one."""
    from limner.measures import action_units

    return replace(
        real,
        id=f"{real.id}/{name}",
        source=SOURCE,
        points=points,
        confidence=np.ones(points.shape[:2], np.float32),
        frames=frames,
        au=action_units(points, real.points[0]),
        au_names=("AU06", "AU12"),
        duration_s=float(duration_s),
        fps=Fraction((len(points) - 1) / duration_s).limit_denominator(1001),
    )


def has_renderer(run: str) -> bool:
    """Whether a run holds a network that renders, finished or not. InputError where it is no run."""
    return renders_alone(run) or (Path(run) / APART).is_dir()


def renders_alone(run: str) -> bool:
    """Whether a run is one of a renderer, with no motion model in it. InputError where it is no run."""
    from limner.papers.load import RENDERERS, recipe_of_run

    return recipe_of_run(run).startswith(tuple(RENDERERS))


def face_of(points: np.ndarray) -> Face:
    """The face of a clip's frame, known by its points alone."""
    low, high = points.min(0), points.max(0)
    return Face(points=points.astype(np.float32), box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])), confidence=1.0)
