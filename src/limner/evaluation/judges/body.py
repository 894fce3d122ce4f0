"""Who a body is: re-identification by what a person looks like, of which two pictures of one person lie close by.

It sees the square round the person, and of it what lies near the limbs, so that neither place nor background tells. It learns on real clips
of training people alone. Shapes: N pictures, T frames, K points, S side of a view, P people, V = 2 views, D features.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from limner import losses, raster
from limner.data.store import Store
from limner.evaluation.compare_bodies import person_box
from limner.evaluation.judges import files
from limner.geometry import unit_length
from limner.guides.body import GUIDE
from limner.media.pictures import resize
from limner.nn.face_embedding import FaceEmbedding
from limner.training.config import from_json, to_json
from limner.training.loop import Stage, accelerator_of, fit
from limner.types import Clip, InputError

LIMB_UNIT = 0.3  # ours: width of what is seen along each limb, of the torso
BATCH = 64  # ours: bounds memory


@dataclass(frozen=True, kw_only=True)
class BodyConfig:
    """Every number of the judge; all ours."""

    seed: int = 0
    size: int = 64  # ours
    channels: tuple[int, ...] = (16, 32, 48, 64)  # ours
    features: int = 64  # ours
    steps: int = 400  # ours
    people: int = 24  # ours: in a batch, two views each
    shots: int = 6  # ours: frames of a clip that are learned from
    rate: float = 2e-3  # ours
    weight_decay: float = 0.05  # ours
    temperature: float = 0.1  # Khosla et al. 2020
    bright: float = 0.15  # ours: log, of each view's brightness; a third of it for each channel
    noise: float = 0.03  # ours: of the range
    shift_px: int = 3  # ours


def body_views(frames_THW3: np.ndarray, points_TK2: np.ndarray, confidence_TK: np.ndarray, size: int) -> np.ndarray:
    """Frames with a body's points -> (T, 4, S, S) float32: red, green, blue in -1..1 where the person is, else 0; and where that is."""
    views = []
    for frame, points, known in zip(frames_THW3, points_TK2, confidence_TK):
        x0, y0, x1, y1 = person_box(points, known, (frame.shape[1], frame.shape[0]))
        picture = resize(np.ascontiguousarray(frame[y0:y1, x0:x1]), (size, size))
        at = (points - (x0, y0)) * (size / np.array([x1 - x0, y1 - y0]))
        at[known <= 0] = -1e3
        width = max(3.0, LIMB_UNIT * float(unit_length(at, GUIDE))) if (known > 0).all() else size / 12
        where = raster.draw(torch.from_numpy(at[None].astype(np.float32)), GUIDE.lines, size, width_px=min(width, size / 4))[0].numpy()
        views.append(np.concatenate([(picture.transpose(2, 0, 1) / 127.5 - 1) * where, where]).astype(np.float32))
    return np.stack(views)


class BodyIdentity:
    """`BodyIdentity.train(store)` on its training people, then `of_clip` on any. held_out: how it did on people it never saw."""

    name = "limner body identity"

    def __init__(self, config: BodyConfig, *, held_out: dict[str, Any] | None = None):
        self.config, self.held_out = config, held_out or {}
        torch.manual_seed(config.seed)
        self.net = FaceEmbedding(size=config.size, in_channels=4, channels=config.channels, features=config.features)

    @classmethod
    def train(cls, store: Store, *, out: Path, config: BodyConfig | None = None, show: bool = False) -> BodyIdentity:
        """On the store's training people; out: where the loop keeps its checkpoints. InputError: no two people with two clips."""
        config = config or BodyConfig()
        people: dict[str, list[np.ndarray]] = {}
        for row in store.select(split="train", where=lambda row: row["encoding"] != "none"):
            people.setdefault(store.row(row)["subject"], []).append(_shots(store[row], config))
        clips = [own for _, own in sorted(people.items()) if len(own) > 1]
        if len(clips) < 2:
            raise InputError(f"store {store.path}: a judge of identity learns from two clips with pixels of each of two people or more")
        judge = cls(config)

        def draw(generator: torch.Generator) -> dict[str, torch.Tensor]:
            some = torch.randperm(len(clips), generator=generator)[: config.people].tolist()
            return {"views": torch.from_numpy(np.stack([_pair(clips[person], generator) for person in some]))}

        stage = Stage(name="body identity", steps=config.steps, objective=_Learn(judge.net, config), batch=draw)
        judge.net.train()
        fit(judge.net, [stage], out=out, seed=config.seed, accelerator=accelerator_of(cpu=True), save_every=config.steps, show=show)
        judge.net.eval()
        return judge

    @torch.no_grad()
    def of_clip(self, clip: Clip) -> np.ndarray:
        """(T, D) unit vectors of a clip's frames. InputError where it has no pixels or is of another guide."""
        if clip.frames is None or clip.points.shape[1] != GUIDE.num_points:
            raise InputError(f"clip {clip.id!r} has no pixels, or no body; who it is cannot be judged")
        views = torch.from_numpy(body_views(clip.frames, clip.points, clip.confidence, self.config.size))
        return torch.cat([self.net.eval()(some) for some in views.split(BATCH)]).numpy()

    def save(self, folder: Path) -> None:
        """Writes weights and config."""
        files.save(folder, self.net, judge=self.name, held_out=self.held_out, config=to_json(self.config))

    @classmethod
    def load(cls, folder: Path) -> BodyIdentity:
        """The judge that `save` wrote. InputError where it is missing, not whole or another's."""
        content = files.config_of(folder, cls.name, "bodies' identity", "config")
        judge = cls(from_json(BodyConfig, content["config"]), held_out=content.get("held_out"))
        files.load_net(folder, judge.net)
        return judge


@dataclass
class _Learn:
    """The supervised contrastive loss on views whose light, place and side are changed."""

    net: FaceEmbedding
    config: BodyConfig

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"adam": torch.optim.AdamW(self.net.parameters(), lr=self.config.rate, weight_decay=self.config.weight_decay)}

    def updates(self, batch: Any, generator: torch.Generator) -> Iterator:
        c, views = self.config, batch["views"].flatten(0, 1)
        num = len(views)
        light = c.bright * torch.randn(num, 1, 1, 1, generator=generator) + c.bright / 3 * torch.randn(num, 3, 1, 1, generator=generator)
        colours = (views[:, :3] + views[:, 3:]) * light.exp().to(views) - views[:, 3:]  # 0 is black before it is scaled
        colours = (colours + c.noise * torch.randn(colours.shape, generator=generator).to(views)) * views[:, 3:]
        views = torch.cat([colours, views[:, 3:]], 1)
        flips = torch.rand(num, generator=generator) < 0.5
        shifts = torch.randint(-c.shift_px, c.shift_px + 1, (num, 2), generator=generator).tolist()
        moved = [(view.flip(-1) if flip else view).roll(shift, (-2, -1)) for view, flip, shift in zip(views, flips, shifts)]
        embeddings = self.net(torch.stack(moved)).view(*batch["views"].shape[:2], -1)
        yield "adam", {"contrastive": losses.contrastive(embeddings, c.temperature)}, {}


def _shots(clip: Clip, config: BodyConfig) -> np.ndarray:
    """(shots, 4, S, S) views of frames spread over a clip."""
    at = np.unique(np.linspace(0, clip.num_frames - 1, config.shots).round().astype(int))
    assert clip.frames is not None
    return body_views(clip.frames[at], clip.points[at], clip.confidence[at], config.size)


def _pair(clips: Sequence[np.ndarray], generator: torch.Generator) -> np.ndarray:
    """(2, 4, S, S): a view of each of two different clips of a person."""
    two = torch.randperm(len(clips), generator=generator)[:2].tolist()
    return np.stack([clips[clip][int(torch.randint(len(clips[clip]), (), generator=generator))] for clip in two])
