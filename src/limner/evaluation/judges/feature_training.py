"""How limner's own feature networks learn: to tell who it is, what it does, and what was done to the picture or the film.

From synthetic faces and bodies, training people alone. "what": of a face how far it smiles (AU12 in steps; in films posed or spontaneous),
of a body its action. "harm": which disturbance, if any, so that features notice blur, noise or frames out of order; the kinds are general
ones and no generator's. Shapes: N pictures or films, T time, S side, M moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from limner.data.store import Store
from limner.evaluation.judges.action import seen
from limner.evaluation.judges.features import MOMENTS, SIZE, WHAT, ClipJudge, FrameJudge, film_of, of_size, pictures_of
from limner.nn.feature_net import FeatureNet
from limner.training.loop import Stage, accelerator_of, fit
from limner.types import Clip, InputError

AU12_STEPS = (0.5, 1.5, 2.5)  # ours: of 0..5; a face's classes are rest, slight, half, full
FACES = ("face at rest", "slight smile", "half smile", "full smile")
PICTURE_HARMS = ("none", "noise", "blur", "blocks", "colour", "patch")
FILM_HARMS = ("none", "noise", "blur", "shuffled", "frozen", "reversed", "jumps")
SHOTS, MOST_CLIPS = 3, 400  # ours: frames of each clip, and clips of each store, that are learned from


@dataclass(frozen=True, kw_only=True)
class FeatureConfig:
    """Every number of a judge; all ours."""

    seed: int = 0
    channels: tuple[int, ...] = (16, 32, 48, 64)  # ours: about 0.15 M parameters, so that a clip takes milliseconds
    features: int = 64  # ours: few, so that a covariance can be told from some hundred frames
    steps: int = 600  # ours: a minute of one core
    batch: int = 32  # ours
    rate: float = 2e-3  # ours
    weight_decay: float = 0.02  # ours
    precision: str = "no"


FRAMES = FeatureConfig()
CLIPS = FeatureConfig(channels=(12, 24, 40, 64), features=32, batch=12, steps=400)


@dataclass(kw_only=True)
class Examples:
    """What is learned from or asked about. items: (N, ...) uint8 pictures, or float32 films; labels: head -> (N,) class, -1 unknown."""

    items: np.ndarray
    labels: dict[str, np.ndarray]
    names: dict[str, Sequence[str]]


def what_of(clip: Clip, t: int | None) -> str:
    """The class of a clip's frame t, or of the whole clip (None)."""
    if clip.points.shape[1] != 68:
        return str(clip.label)
    if t is None:
        return str(clip.label)
    if clip.au is None or "AU12" not in clip.au_names:
        raise InputError(f"clip {clip.id!r} has no AU12 to learn from")
    return FACES[int(np.searchsorted(AU12_STEPS, clip.au[t, clip.au_names.index("AU12")]))]


def examples(stores: Sequence[Store], split: str, *, films: bool, names: dict[str, Sequence[str]] | None = None) -> Examples:
    """The frames or films of one split. names: the classes of the training split; None: those that occur.

    InputError where a store has no clip with pixels and a label in the split."""
    items, people, whats = [], [], []
    for store in stores:
        rows = store.select(split=split, where=lambda row: row["encoding"] != "none" and row["label"] is not None)
        if not rows:
            raise InputError(f"store {store.path} has no labelled clip with pixels in split {split!r}")
        rows = rows[:: -(-len(rows) // MOST_CLIPS)]  # spread over the people
        for row in rows:
            num = store.row(row)["num_frames"]
            if films:
                clip = store[row]
                assert clip.frames is not None
                items.append((film_of(clip.frames) * 255).round().astype(np.uint8))
                whats.append(what_of(clip, None))
                people.append(clip.subject)
                continue
            for t in np.linspace(0, num - 1, SHOTS).round().astype(int).tolist():
                clip = store.read(row, slice(t, t + 1))
                assert clip.frames is not None
                items.append(of_size(clip.frames, SIZE)[0])
                whats.append(what_of(clip, 0))
                people.append(clip.subject)
    names = names or {WHAT: sorted(set(whats)), "who": sorted(set(people))}
    labels = {}
    for head, values in ((WHAT, whats), ("who", people)):
        number = {name: i for i, name in enumerate(names[head])}
        labels[head] = np.array([number.get(value, -1) for value in values])
    return Examples(items=np.stack(items), labels=labels, names=names)


def train(stores: Sequence[Store], *, films: bool, out: Path, config: FeatureConfig | None = None, show: bool = False) -> Any:
    """A FrameJudge, or with `films` a ClipJudge, of the stores' training people; asked about their test people at the end."""
    config = config or (CLIPS if films else FRAMES)
    known = examples(stores, "train", films=films)
    harms = FILM_HARMS if films else PICTURE_HARMS
    heads = {WHAT: list(known.names[WHAT]), "who": len(known.names["who"]), "harm": list(harms)}
    kind = ClipJudge if films else FrameJudge
    content = {"channels": list(config.channels), "features": config.features, "heads": heads, "trained_on": trained_on(stores)}
    torch.manual_seed(config.seed)
    net = kind.build(content)
    objective = _Learn(net, config, films)

    def draw(generator: torch.Generator) -> dict[str, torch.Tensor]:
        rows = torch.randint(len(known.items), (config.batch,), generator=generator)
        harmed = torch.randint(len(harms), (config.batch,), generator=generator)
        harmed[torch.rand(config.batch, generator=generator) < 0.4] = 0
        shown = [harm(known.items[int(row)], int(kind_of), films, generator) for row, kind_of in zip(rows, harmed)]
        labels = {head: torch.from_numpy(values[rows.numpy()]) for head, values in known.labels.items()}
        return {"shown": torch.from_numpy(np.stack(shown)), "harm": harmed, **labels}

    name = "clip judge" if films else "frame judge"
    stage = Stage(name=name, steps=config.steps, objective=objective, batch=draw, learning_rate=_fading)
    net.train()
    fit(net, [stage], out=out, seed=config.seed, accelerator=accelerator_of(config.precision, cpu=True), save_every=200, show=show)
    content |= scale(net.eval(), known.items, films)
    content["held_out"] = held_out(net.eval(), examples(stores, "test", films=films, names=known.names), films)
    return kind(net, content)


@torch.no_grad()
def scale(net: FeatureNet, items: np.ndarray, films: bool) -> dict[str, Any]:
    """centre: the mean of the features of some of the items; spread: the root of their mean square about it, over all features."""
    features_ND = torch.cat([net.features(_input(part, films)) for part in np.array_split(items[:: -(-len(items) // 400)], 20)])
    centre = features_ND.mean(0)
    return {
        "centre": [round(value, 4) for value in centre.tolist()],
        "spread": round(float((features_ND - centre).square().mean().sqrt()), 4),
    }


def trained_on(stores: Sequence[Store]) -> dict[str, int]:
    """How many training people each store lent."""
    return {str(store.row(0)["source"]): len({store.row(row)["subject"] for row in store.select(split="train")}) for store in stores}


def held_out(net: FeatureNet, asked: Examples, films: bool) -> dict[str, Any]:
    """How often `what` and `harm` are named right on people never seen, with what guessing the commonest class would give."""
    harms = FILM_HARMS if films else PICTURE_HARMS
    generator = torch.Generator().manual_seed(1)
    told: dict[str, list[bool]] = {WHAT: [], "harm": []}
    for number, item in enumerate(asked.items):
        kind = number % len(harms)
        with torch.no_grad():
            plain = net(_input(item[None], films))[1][WHAT].argmax(1).item()
            harmed = net(_input(harm(item, kind, films, generator)[None], films))[1]["harm"].argmax(1).item()
        told[WHAT].append(plain == asked.labels[WHAT][number])
        told["harm"].append(harmed == kind)
    counts = np.bincount(asked.labels[WHAT][asked.labels[WHAT] >= 0])
    return {
        "clips" if films else "frames": len(asked.items),
        "what": round(float(np.mean(told[WHAT])), 4),
        "what_by_chance": round(float(counts.max() / len(asked.items)), 4),
        "harm": round(float(np.mean(told["harm"])), 4),
        "harm_by_chance": round(1 / len(harms), 4),
    }


@dataclass
class _Learn:
    """Cross-entropy of each head; who it is counts half, as features should not hang on it alone."""

    net: FeatureNet
    config: FeatureConfig
    films: bool

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"adam": torch.optim.AdamW(self.net.parameters(), lr=self.config.rate, weight_decay=self.config.weight_decay)}

    def updates(self, batch: Any, generator: torch.Generator) -> Iterator:
        _, logits = self.net(_input(batch["shown"].numpy(), self.films))
        loss = torch.nn.functional.cross_entropy
        unharmed = batch["harm"] == 0
        ordered = unharmed | torch.tensor(self.films is False)
        told = {
            WHAT: loss(logits[WHAT][ordered], batch[WHAT][ordered]) if ordered.any() else logits[WHAT].sum() * 0,
            "who": 0.5 * loss(logits["who"], batch["who"]),
            "harm": loss(logits["harm"], batch["harm"]),
        }
        right = (logits["harm"].argmax(1) == batch["harm"]).float().mean()
        yield "adam", told, {"harm_right": right}


def _input(items: np.ndarray, films: bool) -> torch.Tensor:
    if films:
        return seen(torch.from_numpy(items.astype(np.float32) / 255))
    return pictures_of(items)


def harm(item: np.ndarray, kind: int, films: bool, generator: torch.Generator) -> np.ndarray:
    """A picture (S, S, 3) or film (M, S, S) uint8, its light changed a little (that is no harm), then disturbed in one way."""

    def some(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    value = item.astype(np.float32) * some(0.85, 1.15) + some(-12, 12)
    if some(0, 1) < 0.5:
        value = value[..., ::-1] if films else value[:, ::-1]
    name = (FILM_HARMS if films else PICTURE_HARMS)[kind]
    value = _order(value, name, generator) if films else value
    value = _pixels(value, name, films, some, generator)
    return np.ascontiguousarray(value.clip(0, 255).round().astype(np.uint8))


def _order(film: np.ndarray, name: str, generator: torch.Generator) -> np.ndarray:
    """The film's moments in another order."""
    if name == "shuffled":
        return film[torch.randperm(MOMENTS, generator=generator).numpy()]
    if name == "frozen":
        first = int(torch.randint(0, MOMENTS // 2, (), generator=generator))
        at = np.arange(MOMENTS)
        at[first : first + MOMENTS // 2] = first
        return film[at]
    if name == "reversed":
        return film[::-1]
    if name == "jumps":  # every other moment is lost, the one before it shown again
        return film[np.arange(MOMENTS) // 2 * 2]
    return film


def _pixels(value: np.ndarray, name: str, films: bool, some: Any, generator: torch.Generator) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    if name == "noise":
        return value + some(5, 40) * torch.randn(value.shape, generator=generator).numpy()
    if name == "blur":
        sigma = some(0.7, 3)
        return gaussian_filter(value, (0, sigma, sigma) if films else (sigma, sigma, 0))
    if name == "blocks":
        side = (2, 4, 8)[int(some(0, 2.999))]
        coarse = value.reshape(SIZE // side, side, SIZE // side, side, 3).mean((1, 3))
        return coarse.repeat(side, 0).repeat(side, 1)
    if name == "colour":
        return value * np.array([some(0.6, 1.4) for _ in range(3)], np.float32)
    if name == "patch":
        side = int(some(8, 28))
        x, y = int(some(0, SIZE - side)), int(some(0, SIZE - side))
        value = value.copy()
        value[y : y + side, x : x + side] = [some(0, 255) for _ in range(3)]
    return value


def _fading(part: float) -> float:
    """ours: up over the first twentieth, then linearly down."""
    return min(part / 0.05 + 0.01, 1.0) * (1.02 - part)
