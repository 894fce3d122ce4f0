"""Who a face is: judges that turn an aligned face into a unit vector, of which two of one person lie close by.

`FaceIdentity` ships with limner (weights/identity, its card says how good it is); `arcface.ArcFace` takes a user's own ONNX file. Both
judge by the face alone, found by its 68 points; `similarity` is the cosine, 1 for the same picture, near 0 for two people.

Shapes: N faces, H W pixels, K = 68 points, D features.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from limner.evaluation.judges.face_view import SIZE, even_light, face_view
from limner.nn.face_embedding import FaceEmbedding
from limner.training.checkpoint import load_weights, read_json, read_tensors, write_json
from limner.types import InputError
from limner.weights.fetch import sha256_of

SHIPPED = Path(__file__).parents[2] / "weights" / "identity"
WEIGHTS, CONFIG = "model.safetensors", "config.json"
VIEW = "even light"  # what the network was shown; one trained on other views judges nothing here
BATCH = 64  # ours: faces at once, which bounds memory; the vectors do not depend on it


class IdentityJudge(Protocol):
    """What a measure of identity needs of a judge."""

    name: str

    def embed(self, pictures: Iterable[np.ndarray], points: Sequence[Any]) -> np.ndarray:
        """N pictures (H, W, 3) uint8, of any sizes, and (N, 68, 2) pixel points of their faces -> (N, D) float32 vectors of length 1."""
        ...

    def record(self) -> dict[str, Any]:
        """What a report must say of the judge: name, version (of the weights), and how it did on people it never saw."""
        ...


class FaceIdentity:
    """limner's own judge: a small network on 64 x 64 views of the face's inside, exposure, tint and slow light taken out (`face_view`)."""

    name = "limner identity"

    def __init__(self, net: FaceEmbedding, *, version: str, held_out: dict[str, Any] | None = None):
        self.net, self.version, self.held_out = net.eval(), version, held_out or {}

    @classmethod
    def load(cls, folder: Path | None = None) -> FaceIdentity:
        """The judge that ships, or the one in a folder that `save` wrote. InputError where it is missing, not whole or another's."""
        folder = Path(folder or SHIPPED)
        content = read_json(folder / CONFIG)
        try:
            shape = {"channels": tuple(content["channels"]), "features": int(content["features"])}
            net = FaceEmbedding(size=SIZE, in_channels=3, **shape)
            if content["view"] != VIEW:
                raise ValueError(f"its view is {content['view']!r}, not {VIEW!r}")
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{folder / CONFIG} is no config of an identity judge of this limner ({error})") from None
        load_weights(net, read_tensors(folder / WEIGHTS), folder)
        return cls(net, version=sha256_of(folder / WEIGHTS)[:12], held_out=content.get("held_out"))

    def save(self, folder: Path, **content: Any) -> None:
        """Writes weights (float16) and config, with `content` beside what the network needs and what is known of its accuracy."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in self.net.state_dict().items()}
        save_file({name: tensor.contiguous() for name, tensor in half.items()}, folder / WEIGHTS)
        (folder / WEIGHTS).chmod(0o644)
        channels = [layer.out_channels for layer in self.net.body if isinstance(layer, torch.nn.Conv2d)][:-1]
        shape = {"channels": channels, "features": self.net.head.out_features}
        write_json(folder / CONFIG, {**content, **shape, "view": VIEW, "held_out": self.held_out})

    def embed(self, pictures: Iterable[np.ndarray], points: Sequence[Any]) -> np.ndarray:
        """As `IdentityJudge.embed`. InputError where there is no picture or not as many sets of points."""
        views = views_of(pictures, points, face_view)
        return np.concatenate([self.of_views(views[start : start + BATCH]) for start in range(0, len(views), BATCH)])

    @torch.no_grad()
    def of_views(self, views_N4SS: np.ndarray | torch.Tensor) -> np.ndarray:
        """(N, 4, 64, 64) views of `face_view` -> (N, D) float32 unit vectors."""
        return self.net(even_light(torch.as_tensor(views_N4SS))).numpy()

    def record(self) -> dict[str, Any]:
        return {"name": self.name, "version": self.version, "held_out": self.held_out}


def views_of(pictures: Iterable[np.ndarray], points: Sequence[Any], view: Any) -> np.ndarray:
    """Each picture through `view(picture, points)`, stacked. InputError where there is none, or pictures and points are not as many."""
    try:
        views = [view(np.asarray(picture), np.asarray(own)) for picture, own in zip(pictures, points, strict=True)]
    except ValueError as error:
        raise InputError(f"an identity judge cannot look at these faces: {error}") from None
    if not views:
        raise InputError("an identity judge needs at least one face")
    return np.stack(views)


def similarity(judge: IdentityJudge, pictures: Any, points: Any, others: Any, other_points: Any) -> np.ndarray:
    """Cosine of each of N faces with its counterpart, (N,) float, in [-1, 1]; higher is more alike. One counterpart serves all."""
    first, second = judge.embed(pictures, points), judge.embed(others, other_points)
    if len(second) not in (1, len(first)):
        raise InputError(f"{len(first)} faces cannot be compared with {len(second)}; give one counterpart, or one for each")
    return (first * second).sum(1)
