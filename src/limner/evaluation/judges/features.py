"""limner's own feature networks: what the metrics of sets (FID, KID, IS, FVD) and LPIPS look through where no larger network is given.

`FrameJudge` sees single frames, `ClipJudge` films. Both ship (weights/judges, the cards say how good they are); both were trained on
synthetic people alone, never on generated clips, never on people kept apart. Figures by them compare with one another, not with those of
Inception or I3D.

Shapes: N pictures or clips, T time, H W pixels, M moments, D features, L classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch

from limner.evaluation.judges import files
from limner.evaluation.judges.action import GREY, seen
from limner.media.pictures import resize
from limner.nn.conv3d import FilmClassifier
from limner.nn.feature_net import FeatureNet, PictureTrunk
from limner.weights.fetch import sha256_of

SHIPPED = Path(__file__).parents[2] / "weights" / "judges"
SIZE = 64  # ours: the least size of a clip
MOMENTS = 16  # ours: of a film
WHAT = "what"  # the head whose classes an Inception Score is of
BATCH = 64  # ours: bounds memory; what comes out does not depend on it


class FrameNetwork(Protocol):
    """What metrics of frames need of a network."""

    name: str
    size: int

    def features(self, frames: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 of any size -> (N, D) float32."""
        ...

    def classes(self, frames: np.ndarray) -> np.ndarray:
        """-> (N, L) probabilities."""
        ...

    def layers(self, frames: np.ndarray) -> list[torch.Tensor]:
        """-> per layer (N, C, h, w), for LPIPS."""
        ...

    def record(self) -> dict[str, Any]:
        """What a report must say of it: name, version, what it sees, held-out accuracy."""
        ...


class FilmNetwork(Protocol):
    """What FVD needs of a network."""

    name: str

    def features(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """N clips (T, H, W, 3) uint8 -> (N, D) float32."""
        ...

    def record(self) -> dict[str, Any]: ...


def of_size(frames: np.ndarray, size: int) -> np.ndarray:
    """(N, H, W, 3) uint8 -> (N, size, size, 3): Lanczos, without aliasing (media.pictures.resize); as they are where they have the size."""
    frames = np.asarray(frames)
    if frames.ndim != 4 or frames.shape[-1] != 3 or not len(frames):
        raise ValueError(f"a judge looks at frames (N, H, W, 3), not {frames.shape}")
    if frames.dtype != np.uint8:
        if not np.isfinite(frames).all():
            raise ValueError("a frame holds what is no number")
        frames = frames.round().clip(0, 255).astype(np.uint8)
    if frames.shape[1:3] == (size, size):
        return frames
    return np.stack([resize(np.ascontiguousarray(frame), (size, size)) for frame in frames])


class FrameJudge:
    """A small convolutional network on 64 x 64 frames; `FrameJudge.load()` opens the one that ships."""

    name = "limner frames"
    size = SIZE

    def __init__(self, net: FeatureNet, config: dict[str, Any], *, version: str = ""):
        self.net, self.config, self.version = net.eval(), config, version

    @staticmethod
    def build(config: dict[str, Any]) -> FeatureNet:
        """The network of a config, untrained: channels, features, heads (name -> classes)."""
        shape = {"channels": tuple(config["channels"]), "features": int(config["features"])}
        return FeatureNet(PictureTrunk(size=SIZE, in_channels=3, **shape), features=shape["features"], heads=_counts(config))

    @classmethod
    def load(cls, folder: Path | None = None) -> FrameJudge:
        """The judge that ships, or one that `save` wrote. InputError where it is missing, not whole or another's."""
        return _opened(cls, "frames", folder)

    def save(self, folder: Path) -> None:
        """Writes weights (float16) and config."""
        files.save(folder, _half(self.net), **{**self.config, "judge": self.name})

    @torch.no_grad()
    def features(self, frames: np.ndarray) -> np.ndarray:
        return scaled(np.concatenate([self.net.features(part).numpy() for part in self._batches(frames)]), self.config)

    @torch.no_grad()
    def looked(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features and classes in one go."""
        found = [self.net(part) for part in self._batches(frames)]
        features = np.concatenate([features.numpy() for features, _ in found])
        return scaled(features, self.config), np.concatenate([logits[WHAT].softmax(1).numpy() for _, logits in found])

    def classes(self, frames: np.ndarray) -> np.ndarray:
        return self.looked(frames)[1]

    @torch.no_grad()
    def layers(self, frames: np.ndarray) -> list[torch.Tensor]:
        trunk = self.net.trunk
        assert isinstance(trunk, PictureTrunk)
        found = [trunk.layers(part) for part in self._batches(frames)]
        return [torch.cat(layer) for layer in zip(*found)]

    lpips_weights = None  # every channel counts alike: nobody asked people which distortions they see

    def record(self) -> dict[str, Any]:
        return _record(self)

    def _batches(self, frames: np.ndarray):
        shown = of_size(frames, SIZE)
        for start in range(0, len(shown), BATCH):
            yield pictures_of(shown[start : start + BATCH])


class ClipJudge:
    """A small 3-D convolutional network on 16 moments of 64 x 64 grey pixels, spread over the clip; the one that ships by `load()`."""

    name = "limner clips"

    def __init__(self, net: FeatureNet, config: dict[str, Any], *, version: str = ""):
        self.net, self.config, self.version = net.eval(), config, version

    @staticmethod
    def build(config: dict[str, Any]) -> FeatureNet:
        """As `FrameJudge.build`."""
        features, channels = int(config["features"]), tuple(config["channels"])
        trunk = FilmClassifier(in_channels=2, size=SIZE, moments=MOMENTS, channels=channels, num_labels=features)
        return FeatureNet(trunk, features=features, heads=_counts(config))

    @classmethod
    def load(cls, folder: Path | None = None) -> ClipJudge:
        """As `FrameJudge.load`."""
        return _opened(cls, "clips", folder)

    def save(self, folder: Path) -> None:
        """As `FrameJudge.save`."""
        files.save(folder, _half(self.net), **{**self.config, "judge": self.name})

    @torch.no_grad()
    def features(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        films = [film_of(clip) for clip in clips]
        found = [self.net.features(seen(torch.from_numpy(np.stack(films[start : start + 8])))) for start in range(0, len(films), 8)]
        if not found:
            raise ValueError("a judge needs at least one clip")
        return scaled(torch.cat(found).numpy(), self.config)

    def record(self) -> dict[str, Any]:
        return _record(self)


def scaled(features_ND: np.ndarray, config: dict[str, Any]) -> np.ndarray:
    """Features about the training clips' mean, in their spread: so that distances are of the order of 1 whatever the network."""
    return (features_ND - np.array(config.get("centre", 0.0), np.float32)) / np.float32(config.get("spread", 1.0))


def pictures_of(frames_N3: np.ndarray) -> torch.Tensor:
    """(N, S, S, 3) uint8 -> (N, 3, S, S) float32 in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(frames_N3.transpose(0, 3, 1, 2))).float() / 127.5 - 1


def film_of(frames: np.ndarray) -> np.ndarray:
    """(T, H, W, 3) -> (16, 64, 64) float32 grey in 0..1: the nearest frames at 16 moments from first to last."""
    at = np.linspace(0, len(frames) - 1, MOMENTS).round().astype(int)
    return of_size(frames[at], SIZE).astype(np.float32) @ GREY / 255


J = TypeVar("J", "FrameJudge", "ClipJudge")


def _opened(judge: type[J], kind: str, folder: Path | None) -> J:
    """The judge of a folder; None: the one of that kind that ships."""
    folder = Path(folder or SHIPPED / kind)
    config = files.config_of(folder, judge.name, kind, "channels", "features", "heads")
    net = judge.build(config)
    files.load_net(folder, net)
    return judge(net, config, version=sha256_of(folder / files.WEIGHTS)[:12])


def _counts(config: dict[str, Any]) -> dict[str, int]:
    return {name: classes if isinstance(classes, int) else len(classes) for name, classes in config["heads"].items()}


def _half(net: torch.nn.Module) -> torch.nn.Module:
    """A copy with float16 weights."""
    import copy

    return copy.deepcopy(net).half()


def _record(judge: FrameJudge | ClipJudge) -> dict[str, Any]:
    what = {key: judge.config[key] for key in ("heads", "held_out", "trained_on", "features") if key in judge.config}
    return {"name": judge.name, "version": judge.version, **what}
