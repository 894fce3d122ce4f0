"""How the identity judge learns: people's photos and source clips in, an embedding in which one person's views lie together out.

Never on generated pictures, never on people kept for validation or test. Shapes: P people, V = 2 views, W pixels of a view with margin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from limner import losses
from limner.data.store import Store
from limner.evaluation.judges.disturb import MARGIN_PX, as_jpeg, disturb, other_people
from limner.evaluation.judges.face_view import SIZE, even_light, face_view
from limner.nn.face_embedding import FaceEmbedding
from limner.training.loop import Stage, accelerator_of, fit, generator_of
from limner.types import InputError

JPEG_QUALITY = (25, 70)  # ours: of the second copy kept of every view


@dataclass(frozen=True, kw_only=True)
class IdentityConfig:
    """Every number of the judge; all ours."""

    seed: int = 0
    channels: tuple[int, ...] = (24, 40, 80, 96)  # ours: 0.43 M parameters, 0.9 MB as float16
    features: int = 128  # ours
    steps: int = 1500  # ours
    people: int = 32  # ours: of each source in a batch, two views each
    rate: float = 2e-3  # ours
    weight_decay: float = 0.05  # ours
    temperature: float = 0.1  # Khosla et al. 2020
    margin: float = 0.1  # ours: CosFace has 0.35 where classes are many
    nobody_share: float = 0.8  # ours: of the people of a batch, changed into people who are nobody
    blend: float = 0.5  # ours: most of another person in them
    bend_px: float = 4.0  # ours: most that their features lie elsewhere, of 64
    precision: str = "bf16"  # ours: a third faster on a CPU


@dataclass
class Portraits:
    """People by source. people[source][person] is a list of shots, each an array (2, 4, W, W) uint8: the view, and it as a JPEG left it;
    the mask, fourth, in 0..255."""

    people: dict[str, dict[str, list[np.ndarray]]] = field(default_factory=dict)

    def add(self, source: str, person: str, picture: np.ndarray, points: np.ndarray) -> None:
        """A picture (H, W, 3) uint8 with its face's (68, 2) points."""
        shots = self.people.setdefault(source, {}).setdefault(person, [])
        view = face_view(picture, points, margin_px=MARGIN_PX)
        view[3] *= 255
        low, high = JPEG_QUALITY
        quality = low + int(torch.randint(high - low, (), generator=generator_of(source, person, len(shots))))
        shots.append(np.stack([view, as_jpeg(view, quality)]).round().clip(0, 255).astype(np.uint8))

    def add_store(self, store: Store, *, split: str, most_people: int, shots: int = 8) -> None:
        """So many people of one split of a store with pixels, and so many frames of each, spread over their clips.

        InputError where the split has no two people whose clips have frames.
        """
        rows: dict[str, list[int]] = {}
        for index in store.select(split=split):
            if store.row(index)["encoding"] != "none":
                rows.setdefault(store.row(index)["subject"], []).append(index)
        if len(rows) < 2:
            raise InputError(f"store {store.path} has no two people with frames in its split {split}; prepare one with pixels")
        for person in sorted(rows)[:most_people]:
            own = rows[person]
            for number in range(shots):
                row = own[number % len(own)]
                last = store.row(row)["num_frames"] - 1
                t = round(last * number / max(shots - 1, 1))
                clip = store.read(row, slice(t, t + 1))
                assert clip.frames is not None
                self.add(str(store.path.name), person, clip.frames[0], clip.points[0])


@dataclass
class _Learn:
    """The supervised contrastive loss on disturbed views."""

    net: FaceEmbedding
    config: IdentityConfig

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"adam": torch.optim.AdamW(self.net.parameters(), lr=self.config.rate, weight_decay=self.config.weight_decay)}

    def updates(self, batch, generator: torch.Generator) -> Iterator:
        c = self.config
        views = other_people(batch["views"], generator, c.nobody_share, c.blend, c.bend_px).flatten(0, 1)
        shown = even_light(disturb(views, generator)).to(memory_format=torch.channels_last)
        embeddings = self.net(shown).float().view(*batch["views"].shape[:2], -1)
        loss = losses.contrastive(embeddings, c.temperature, c.margin)
        yield "adam", {"contrastive": loss}, {}


def build(config: IdentityConfig) -> FaceEmbedding:
    """The network, untrained, its first weights drawn by the seed."""
    torch.manual_seed(config.seed)
    net = FaceEmbedding(size=SIZE, in_channels=3, channels=config.channels, features=config.features)
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def train(config: IdentityConfig, portraits: Portraits, *, out: Path, show: bool = False) -> FaceEmbedding:
    """The judge's network after all steps; `out` keeps the loop's checkpoints, and the same call goes on from there.

    InputError where no person of a source has two shots.
    """
    people = [_with_two(source, shots) for source, shots in portraits.people.items()]
    net = build(config)

    def draw(generator: torch.Generator) -> dict[str, torch.Tensor]:
        pairs = [pair for own in people for pair in _pairs(own, config.people, generator)]
        return {"views": torch.from_numpy(np.stack(pairs)).float() * torch.tensor([1, 1, 1, 1 / 255]).view(4, 1, 1)}

    stage = Stage(name="identity", steps=config.steps, objective=_Learn(net, config), batch=draw, learning_rate=warm_cosine)
    net.train()
    accelerator = accelerator_of(config.precision, cpu=True)
    fit(net, [stage], out=out, seed=config.seed, accelerator=accelerator, save_every=500, monitor_every=config.steps, show=show)
    return net.eval()


def warm_cosine(part: float) -> float:
    """ours: up over the first twentieth, then down along a cosine."""
    return min(part / 0.05 + 0.01, 1.0) * 0.5 * (1 + float(np.cos(np.pi * part)))


def _with_two(source: str, people: dict[str, list[np.ndarray]]) -> list[list[np.ndarray]]:
    enough = [shots for _, shots in sorted(people.items()) if len(shots) >= 2]
    if len(enough) < 2:
        raise InputError(f"the judge learns from two pictures of each of two people or more; {source} has none")
    return enough


def _pairs(people: Sequence[list[np.ndarray]], num: int, generator: torch.Generator) -> Iterator[np.ndarray]:
    """Two different shots of each of `num` people drawn without repeat, (2, 4, W, W) each."""
    for person in torch.randperm(len(people), generator=generator)[:num].tolist():
        shots = people[person]
        two = torch.randperm(len(shots), generator=generator)[:2].tolist()
        copies = torch.randint(2, (2,), generator=generator).tolist()
        yield np.stack([shots[shot][copy] for shot, copy in zip(two, copies)])
