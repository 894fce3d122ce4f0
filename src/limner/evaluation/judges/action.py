"""What a body does in a clip: a small 3-D CNN on its pixels, the judge of Yan et al. (ACM MM 2017), Table III; theirs is unknown (spec B4).

It learns on real clips of training people alone, never on generated ones. It looks at 16 moments of about 1.3 seconds, grey, and at how
each differs from the mean of them, so that what moves counts rather than where it is.

Shapes: N clips, T frames, M moments, S side of a view, L labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from limner.data.store import Store
from limner.evaluation.judges import files
from limner.media.pictures import resize
from limner.nn.conv3d import FilmClassifier
from limner.training.config import from_json, to_json
from limner.training.loop import Stage, accelerator_of, fit
from limner.types import Clip, InputError

CHANNELS_IN = 2  # grey, and grey less its mean over the moments
WINDOWS = 3  # ours: of a clip are judged, at its beginning, middle and end; their mean counts
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601 luma


@dataclass(frozen=True, kw_only=True)
class ActionConfig:
    """Every number of the judge; all ours."""

    seed: int = 0
    size: int = 64  # ours: the least size of a clip
    moments: int = 16  # ours
    rate_fps: float = 12.5  # ours: half of KTH's; 16 moments are a stride and more
    channels: tuple[int, ...] = (16, 32, 48, 64)  # ours
    steps: int = 500  # ours
    batch: int = 16  # ours
    rate: float = 2e-3  # ours
    weight_decay: float = 0.02  # ours
    dropout: float = 0.3  # ours
    noise: float = 0.03  # ours: of the range, so that the judge hangs on no finer detail
    contrast: float = 0.25  # ours: log
    shift_px: int = 4  # ours


def grey_film(clip: Clip, size: int) -> np.ndarray:
    """The clip's frames as grey (T, S, S) float32 in 0..1. InputError where it has no pixels."""
    if clip.frames is None:
        raise InputError(f"clip {clip.id!r} has no pixels; what it shows cannot be judged")
    frames = clip.frames if clip.size == (size, size) else np.stack([resize(frame, (size, size)) for frame in clip.frames])
    return frames.astype(np.float32) @ GREY / 255


def window(num_frames: int, fps: float, config: ActionConfig, start: float) -> np.ndarray:
    """(M,) frame numbers: moments at about the judge's rate, the `start` of the way (0..1) through the windows that fit; a clip that is too
    short is taken whole."""
    step = max(1, round(fps / config.rate_fps))
    while step > 1 and (config.moments - 1) * step >= num_frames:
        step -= 1
    span = (config.moments - 1) * step
    if span >= num_frames:
        return np.linspace(0, num_frames - 1, config.moments).round().astype(int)
    return round(start * (num_frames - 1 - span)) + step * np.arange(config.moments)


def seen(films_NMSS: torch.Tensor) -> torch.Tensor:
    """(N, M, S, S) grey 0..1 -> (N, 2, M, S, S): what the network looks at."""
    centred = films_NMSS - films_NMSS.mean((1, 2, 3), keepdim=True)
    return torch.stack([centred, films_NMSS - films_NMSS.mean(1, keepdim=True)], 1) * 4  # ours: to a spread of about 1


class ActionJudge:
    """`ActionJudge.train(...)` on real clips, then `predict` on any. held_out: how it did on clips it never saw."""

    name = "limner action"

    def __init__(self, config: ActionConfig, labels: Sequence[str], *, held_out: dict[str, Any] | None = None):
        self.config, self.labels, self.held_out = config, tuple(labels), held_out or {}
        torch.manual_seed(config.seed)
        shape: dict[str, Any] = {"size": config.size, "moments": config.moments, "channels": config.channels}
        self.net = FilmClassifier(in_channels=CHANNELS_IN, num_labels=len(self.labels), **shape)

    @classmethod
    def train(cls, clips: Iterable[Clip], *, out: Path, config: ActionConfig | None = None, show: bool = False) -> ActionJudge:
        """clips: real ones of training people, with labels and pixels. out: where the loop keeps its checkpoints, and goes on from.

        InputError: no clips, one label alone, or one without pixels."""
        config = config or ActionConfig()
        films = [(grey_film(clip, config.size), float(clip.fps), clip.label) for clip in clips]
        labels = sorted({str(label) for _, _, label in films if label is not None})
        if len(labels) < 2:
            raise InputError(f"a judge of actions learns from clips of two labels or more; these have {', '.join(labels) or 'none'}")
        judge = cls(config, labels)
        of = [[(film, fps) for film, fps, label in films if label == one] for one in labels]

        def draw(generator: torch.Generator) -> dict[str, torch.Tensor]:
            chosen = torch.randint(len(labels), (config.batch,), generator=generator)
            places = torch.rand(config.batch, 2, generator=generator).tolist()
            drawn = [_drawn(of[int(y)], which, start, config) for y, (which, start) in zip(chosen, places)]
            return {"films": torch.from_numpy(np.stack(drawn)), "labels": chosen}

        stage = Stage(name="action judge", steps=config.steps, objective=_Learn(judge.net, config), batch=draw, learning_rate=_fading)
        judge.net.train()
        fit(judge.net, [stage], out=out, seed=config.seed, accelerator=accelerator_of(cpu=True), save_every=config.steps, show=show)
        judge.net.eval()
        return judge

    @torch.no_grad()
    def logits(self, clip: Clip) -> np.ndarray:
        """(L,) of one clip: the mean over its windows."""
        film, c = grey_film(clip, self.config.size), self.config
        starts = np.linspace(0, 1, WINDOWS)
        views = torch.from_numpy(np.stack([film[window(len(film), float(clip.fps), c, start)] for start in starts]))
        return self.net.eval()(seen(views)).mean(0).numpy()

    def predict(self, clips: Iterable[Clip]) -> list[str]:
        """The label of each clip."""
        return [self.labels[int(self.logits(clip).argmax())] for clip in clips]

    def save(self, folder: Path) -> None:
        """Writes weights and config."""
        files.save(folder, self.net, judge=self.name, labels=list(self.labels), held_out=self.held_out, config=to_json(self.config))

    @classmethod
    def load(cls, folder: Path) -> ActionJudge:
        """The judge that `save` wrote. InputError where it is missing, not whole or another's."""
        content = files.config_of(folder, cls.name, "actions", "labels", "config")
        judge = cls(from_json(ActionConfig, content["config"]), content["labels"], held_out=content.get("held_out"))
        files.load_net(folder, judge.net)
        return judge

    def record(self) -> dict[str, Any]:
        """What a report must say of the judge."""
        return {"name": self.name, "labels": self.labels, "held_out": self.held_out, **asdict(self.config)}


@dataclass
class _Learn:
    """Cross-entropy, with the films' contrast, place and noise changed, mirrored, and dropout."""

    net: FilmClassifier
    config: ActionConfig

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"adam": torch.optim.AdamW(self.net.parameters(), lr=self.config.rate, weight_decay=self.config.weight_decay)}

    def updates(self, batch: Any, generator: torch.Generator) -> Iterator:
        c, films = self.config, batch["films"]
        gain = torch.exp(c.contrast * torch.randn(len(films), 1, 1, 1, generator=generator))
        films = films * gain.to(films) + c.noise * torch.randn(films.shape, generator=generator).to(films)
        flips = torch.rand(len(films), generator=generator) < 0.5
        shifts = torch.randint(-c.shift_px, c.shift_px + 1, (len(films), 2), generator=generator).tolist()
        moved = [film.flip(-1) if flip else film for film, flip in zip(films, flips)]
        films = torch.stack([film.roll(shift, (-2, -1)) for film, shift in zip(moved, shifts)])
        keep = (torch.rand(len(films), self.net.head.in_features, generator=generator) >= c.dropout).to(films) / (1 - c.dropout)
        logits = self.net(seen(films), keep)
        right = (logits.argmax(1) == batch["labels"]).float().mean()
        yield "adam", {"cross_entropy": torch.nn.functional.cross_entropy(logits, batch["labels"])}, {"right": right}


def _drawn(films: list[tuple[np.ndarray, float]], which: float, start: float, config: ActionConfig) -> np.ndarray:
    film, fps = films[int(which * len(films))]
    return film[window(len(film), fps, config, start)]


def _fading(part: float) -> float:
    """ours: up over the first twentieth, then linearly down."""
    return min(part / 0.05 + 0.01, 1.0) * (1.02 - part)


def labelled(store: Store, *, split: str | None, labels: Sequence[str] | None = None) -> list[int]:
    """The rows of a store's clips with pixels and one of the labels (None: any). split: None: all. InputError where there is none."""
    rows = [
        i
        for i in range(len(store))
        if (split is None or store.row(i)["split"] == split)
        and store.row(i)["encoding"] != "none"
        and store.row(i)["label"] is not None
        and (labels is None or store.row(i)["label"] in labels)
    ]
    if not rows:
        what = "any label" if labels is None else " or ".join(labels)
        raise InputError(f"store {store.path} has no clip with pixels and {what} in " + (f"split {split!r}" if split else "any split"))
    return rows
