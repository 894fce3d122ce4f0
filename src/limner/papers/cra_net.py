"""CRA-Net, CMM-Net's second baseline: Wang, Alameda-Pineda, Xu, Ricci & Sebe, "Learning How to Smile", IEEE TMM 2020 (spec A8).

That the paper's CRA-Net is this one is inferred, and of this one public text gives the abstract alone:
(1) an image generator, "GAN combined with VAE", on faces, no landmarks:       L1 + KL + E log D(z) + E log(1 - D(w))
(2) a label-conditioned recurrent net emits a smooth sequence of codes, which the image generator decodes frame by frame, with an
    identity adversarial loss:                                                 E log D_id([z_0, z_t]) + E log(1 - D_id([z_0, w_t]))
No layer, weight or rate is readable: all of them are `spec A8` (its defaults) or `ours`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn

from limner import guides
from limner.models.conditional import to_bytes, to_signed
from limner.models.cra_net import CodeSequences, LearnPictures, LearnSequences, Weights
from limner.nn.critic import PatchCritic
from limner.nn.pictures import PictureDecoder, PictureEncoder
from limner.nn.recurrent import CondLSTM
from limner.papers.cmmnet import halved
from limner.papers.first_frame import asked
from limner.papers.monitor import moved_films
from limner.training.config import from_json
from limner.training.loop import Stage, generator_of


@dataclass(frozen=True, kw_only=True)
class CraNetConfig:
    """Every number of a run."""

    recipe: str = "cra-net"
    seed: int = 0
    guide: str = "face"  # slides: of faces
    size: int = 64  # slides
    num_frames: int = 32  # slides
    widths: tuple[int, ...] = (64, 128, 256, 512)  # ours: DCGAN's, 64 -> 4; spec A8: Larsen-style
    latent: int = 256  # spec A8: 128-256
    norm: str = "batch"  # Larsen et al. 2016; not of the critics' first layer
    hidden: int = 256  # ours: as the latent
    label_features: int = 16  # spec A2: as CMM-Net's
    residual: bool = True  # ours: the recurrent net emits what changes in the code, so that a sequence begins at the face's own
    critic_widths: tuple[int, ...] = (64, 128, 256)  # ours: as the translation's
    critic_strided: int = 2  # ours: patches of 34 x 34
    adversarial: str = "gan"  # spec A8; the generator's half in the non-saturating form
    critic_weight: float = 0.2  # ours: as the translation's, beside an L1 of 100
    who_weight: float = 0.2  # ours
    l1_weight: float = 100.0  # spec A4: as pix2pix
    kl_weight: float = 1.0  # ours: KL over the number of values in a picture
    code_weight: float = 1.0  # ours: L1 of the codes against those of the true frames
    rate: float = 1e-3  # spec A5: of VAE and LSTM
    finetune_rate: float = 2e-4  # ours
    critic_rate: float = 2e-4  # spec A5
    betas: tuple[float, ...] = (0.5, 0.999)  # spec A5
    clip: float = 1000.0  # ours: this only catches what would blow up
    batch_images: int = 64  # spec A5: 16-64
    batch: int = 16  # ours: films
    moments: int = 4  # ours: frames of each film decoded in a step, drawn afresh
    steps: tuple[int, ...] = (6000, 6000)  # ours: VAE-GAN, sequences
    flip: bool = True  # ours
    jitter: int = 2  # ours: pixels
    precision: str = "bf16"  # ours: "no" for float32 throughout
    accumulate: int = 1  # ours: micro-batches a step, each of `batch`
    monitor_every: int = 100  # ours
    best: bool = True  # ours: the weights kept are those with the best SSIM on validation people, in either phase

    def __post_init__(self) -> None:
        if len(self.steps) != 2:
            raise ValueError("steps are two numbers: VAE-GAN, sequences")
        if self.size % 2 ** len(self.widths):
            raise ValueError(f"size must be divisible by {2 ** len(self.widths)}: each of the {len(self.widths)} widths halves it")
        if self.moments > self.num_frames:
            raise ValueError(f"moments are at most num_frames, {self.num_frames}")
        if self.norm not in ("batch", "instance", "none"):
            raise ValueError(f"no norm {self.norm!r}; there are: batch, instance, none")
        if self.adversarial not in ("gan", "lsgan", "hinge"):
            raise ValueError(f"no adversarial loss {self.adversarial!r}; there are: gan, lsgan, hinge")


class CraNet(nn.Module, PyTorchModelHubMixin, library_name="limner", license="apache-2.0", tags=["image-to-video", "face"]):
    """Image generator, recurrent net and both critics: save_pretrained, from_pretrained, film."""

    family = "cra-net"
    max_modes = 64  # each a sample of h_0

    def __init__(self, *, settings: dict[str, Any], label_names: list[str]):
        super().__init__()
        c = self.settings = from_json(CraNetConfig, settings)
        self.guide, self.label_names = guides.load(c.guide), tuple(label_names)
        shape: dict[str, Any] = {"size": c.size, "widths": c.widths, "latent": c.latent, "norm": c.norm}
        critic: dict[str, Any] = {"widths": c.critic_widths, "strided": c.critic_strided, "norm": c.norm}
        self.net = CodeSequences(
            encoder=PictureEncoder(in_channels=3, **shape),
            decoder=PictureDecoder(out_channels=3, **shape),
            recurrent=CondLSTM(
                latent=c.latent, hidden=c.hidden, num_labels=len(label_names), label_features=c.label_features, residual=c.residual
            ),
            critic=PatchCritic(in_channels=3, **critic),
            who=PatchCritic(in_channels=6, **critic),
            num_frames=c.num_frames,
        )

    @torch.no_grad()
    def film(self, first: np.ndarray, *, label: str, seed: int = 0) -> np.ndarray:
        """The first frame (S, S, 3) uint8 and a label -> (T, S, S, 3) uint8. seed 0 takes the mean for h_0, any other draws it from
        q(h | z_0). InputError: another size or label."""
        x, number = asked(self, first, label)
        net = self.net.eval()
        h_0, _, _ = net.encode(x, generator_of("h_0", seed) if seed else None)
        made = net.decode(net.codes(h_0, torch.tensor([number], device=x.device)))[0]
        return to_bytes(made).permute(0, 2, 3, 1).cpu().contiguous().numpy()

    @torch.no_grad()
    def rebuilt(self, pictures: np.ndarray) -> np.ndarray:
        """(N, S, S, 3) uint8 through the VAE's mean and back."""
        net, device = self.net.eval(), next(self.parameters()).device
        x = to_signed(torch.from_numpy(np.array(pictures))).permute(0, 3, 1, 2).to(device)
        return to_bytes(net.decoder(net.encode(x)[0])).permute(0, 2, 3, 1).cpu().contiguous().numpy()


def prepare(config: CraNetConfig, store: Any) -> tuple[CraNet, list[Stage]]:
    """A model for this config, ready to train, and its two stages. InputError as data.films.Films."""
    from limner.data.films import Films, held_out_films

    shape: dict[str, Any] = {"size": config.size, "num_frames": config.num_frames, "guide": guides.load(config.guide)}
    films, watched = Films(store, split="train", **shape), held_out_films(store, **shape)
    model = build(config, films.label_names)
    return model, stages(config, model, films, watched)


def build(config: CraNetConfig, label_names: tuple[str, ...]) -> CraNet:
    """A model ready to train."""
    torch.manual_seed(config.seed)  # the initial weights
    return CraNet(settings=asdict(config), label_names=list(label_names))


def stages(config: CraNetConfig, model: CraNet, films: Any, watched: Any) -> list[Stage]:
    """The VAE-GAN on single frames, then all of it on sequences."""
    c = config
    own: dict[str, Any] = {name: getattr(c, f"{name}_weight") for name in ("l1", "kl", "critic", "who", "code")}
    weights = Weights(**own, adversarial=c.adversarial)  # type: ignore[arg-type]
    learn: dict[str, Any] = {"weights": weights, "rate": c.rate, "critic_rate": c.critic_rate, "betas": (c.betas[0], c.betas[1])}
    augment: dict[str, Any] = {"flip": c.flip, "jitter": c.jitter}

    def images(generator: torch.Generator) -> dict[str, torch.Tensor]:
        return {"frames": films.frames.draw(c.batch_images, generator, **augment)["frames"]}

    def sequences(generator: torch.Generator) -> dict[str, torch.Tensor]:
        return films.draw(c.batch, generator, moments=c.moments, **augment)

    seen = None if watched is None else (moved_films(watched, model, None, model.rebuilt), moved_films(watched, model, None))
    keep: dict[str, Any] = {"clip": c.clip, "best": "ssim" if c.best and seen else None, "learning_rate": halved}
    return [
        Stage(
            name="1 VAE-GAN", steps=c.steps[0], objective=LearnPictures(model.net, **learn), batch=images, monitor=seen and seen[0], **keep
        ),
        Stage(
            name="2 sequences",
            steps=c.steps[1],
            objective=LearnSequences(model.net, finetune_rate=c.finetune_rate, **learn),
            batch=sequences,
            monitor=seen and seen[1],
            **keep,
        ),
    ]
