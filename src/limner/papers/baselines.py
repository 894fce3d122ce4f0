"""The baselines' whole configs, for `recipes`: at the paper's width, a quarter of it, and for tests; and a small refiner beside them."""

from __future__ import annotations

from dataclasses import replace

from limner.papers.cra_net import CraNetConfig
from limner.papers.video_gan import VideoGanConfig
from limner.papers.warp_refine import WarpRefineConfig


def video_gan() -> VideoGanConfig:
    """Video-GAN, conditional, one model per class, at the paper's width: for a GPU."""
    return VideoGanConfig()


def video_gan_small() -> VideoGanConfig:
    """Ours: a quarter of the paper's widths, one model told the label, an L1 of all frames: what minutes of a CPU core can train."""
    return replace(
        video_gan(),
        recipe="video-gan-small",
        labels="told",  # ours: twice the films for each weight
        widths=(32, 64, 128, 256),  # ours
        film_weight=10.0,  # ours: as the first frame's; without it a few hundred steps leave the later frames grey
        rate=1e-3,  # ours
        batch=4,  # ours
        steps=(1500,),  # ours
        monitor_every=25,  # ours
    )


def video_gan_tiny() -> VideoGanConfig:
    """Seconds on one core: for tests."""
    return replace(video_gan(), recipe="video-gan-tiny", size=32, num_frames=8, widths=(4, 8), batch=2, steps=(3,), monitor_every=2)


def cra_net() -> CraNetConfig:
    """CRA-Net: VAE-GAN of faces, label-conditioned codes, a critic of who it is."""
    return CraNetConfig()


def cra_net_small() -> CraNetConfig:
    """Ours: a quarter of those widths: what minutes of a CPU core can train."""
    return replace(
        cra_net(),
        recipe="cra-net-small",
        widths=(16, 32, 64, 128),  # ours
        latent=128,  # spec A8
        hidden=128,  # ours
        critic_widths=(16, 32, 64),  # ours
        batch_images=32,  # spec A5: 16-64
        batch=8,  # ours
        steps=(3000, 2000),  # ours
        monitor_every=100,  # ours
    )


def cra_net_tiny() -> CraNetConfig:
    """Seconds on one core: for tests."""
    return replace(
        cra_net(),
        recipe="cra-net-tiny",
        size=32,
        num_frames=8,
        widths=(4, 8, 8),
        latent=8,
        hidden=12,
        label_features=4,
        critic_widths=(4, 8),
        critic_strided=1,
        batch_images=4,
        batch=2,
        moments=2,
        steps=(3, 3),
        monitor_every=2,
    )


def warp_refine_small() -> WarpRefineConfig:
    """Ours: warp-refine in a frame of 64 x 64, an eighth of the work; for stores of that size."""
    return replace(
        WarpRefineConfig(),
        recipe="warp-refine-small",
        size=64,  # slides: of the frames
        window=64,  # ours: the whole frame
        critic_side=48,  # ours
        targets=4,  # ours
        copies=0,  # ours
        steps=(800,),  # ours
    )
