"""Names -> whole configs. A variant calls and replaces; nothing else decides a number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from limner.papers.baselines import cra_net, cra_net_small, cra_net_tiny, video_gan, video_gan_small, video_gan_tiny, warp_refine_small
from limner.papers.cmmnet import CMMNetConfig
from limner.papers.cmmnet_points import CMMNetPointsConfig
from limner.papers.scgan import ScganConfig
from limner.papers.translation import TranslationConfig
from limner.papers.warp_refine import WarpRefineConfig
from limner.types import InputError


def cmmnet() -> CMMNetConfig:
    """The landmark half of CMM-Net, faithful: maps of 64 x 64, T = 32, K = 3, three phases, push and pull."""
    return CMMNetConfig()


def cmmnet_small() -> CMMNetConfig:
    """Ours: a quarter of the widths, as the other small recipes, and a translation as small."""
    return replace(
        cmmnet(),
        recipe="cmmnet-small",
        channels=(8, 16, 32, 64),  # ours
        latent=64,  # ours: half; 68 points ask for more than 32 numbers
        hidden=64,  # ours: as the latent
        mode_hidden=64,  # ours
        reader_channels=(8, 16, 32, 64),  # ours
        batch_images=32,  # spec A5: 16-64
        batch=16,  # ours
        translation="translation-small",
    )


def cmmnet_tiny() -> CMMNetConfig:
    """Seconds on one core: for tests."""
    return replace(
        cmmnet(),
        recipe="cmmnet-tiny",
        size=32,
        num_frames=8,
        channels=(4, 8, 8),
        latent=8,
        hidden=12,
        mode_hidden=12,
        label_features=4,
        batch_images=8,
        batch=4,
        moments=2,
        sequences=12,
        steps=(4, 4, 4, 3),
        reader_channels=(4, 8),
        translation="translation-tiny",
    )


def cmmnet_points() -> CMMNetPointsConfig:
    """Exact points, multiple-choice learning, true durations (ours); what `limner smile` uses."""
    return CMMNetPointsConfig()


def cmmnet_points_6() -> CMMNetPointsConfig:
    """The same with six modes."""
    return replace(cmmnet_points(), recipe="cmmnet-points-6", modes=6, style_spread=0.65)  # ours: finer modes need smaller styles


def cmmnet_points_tiny() -> CMMNetPointsConfig:
    """Seconds on one core: for tests."""
    return replace(
        cmmnet_points(),
        recipe="cmmnet-points-tiny",
        steps=(4, 6, 10),
        batch=8,
        hidden=16,
        mode_hidden=8,
        bend=16,
        num_frames=8,
        smile_frames=10,
    )


def translation() -> TranslationConfig:
    """CMM-Net's landmark images to pixels, 64 x 64: a U-Net, its critic, L1; what `cmmnet` trains last."""
    return TranslationConfig()


def translation_small() -> TranslationConfig:
    """Ours: a quarter of the widths."""
    return replace(
        translation(),
        recipe="translation-small",
        widths=(8, 16, 32, 48, 48),  # ours
        critic_widths=(16, 32, 64),  # ours
        best=True,  # ours: as the baselines
    )


def translation_128() -> TranslationConfig:
    """The same at 128 x 128."""
    return replace(
        translation(),
        recipe="translation-128",
        size=128,  # ours: twice the paper's
        widths=(32, 64, 128, 192, 192, 192),  # ours: one layer more
        most_flow_px=16.0,  # ours
        critic_widths=(64, 128, 256, 512),  # ours: pix2pix's own critic
        critic_strided=3,  # ours: 70 x 70, half the face again
        jitter=4,  # ours
    )


def translation_256() -> TranslationConfig:
    """The same at 256 x 256."""
    return replace(
        translation_128(),
        recipe="translation-256",
        size=256,  # ours: pix2pix's size
        widths=(32, 64, 128, 192, 192, 192, 192),  # ours: one layer more
        most_flow_px=32.0,  # ours
        jitter=8,  # ours
    )


def translation_pix2pix() -> TranslationConfig:
    """The same with the layers, rates and dropout of pix2pix (spec A4 and A5): every frame is drawn anew."""
    return replace(
        translation(),
        recipe="translation-pix2pix",
        net="pix2pix",
        adversarial_weight=1.0,  # slides
        steps=(3000,),  # ours: what an hour of one CPU core gives
        widths=(64, 128, 256, 512, 512, 512),  # spec A4: six layers down to 1 x 1
        rate=2e-4,  # spec A5
        betas=(0.5, 0.999),  # spec A5: b1; pix2pix: b2
        warm_up=0.0,  # pix2pix
        ema=None,  # pix2pix
    )


def translation_tiny() -> TranslationConfig:
    """Seconds on one core: for tests."""
    return replace(
        translation(),
        recipe="translation-tiny",
        size=32,
        widths=(8, 16, 16),
        critic_widths=(8, 16),
        critic_strided=1,
        batch=4,
        steps=(6,),
    )


def warp_refine() -> WarpRefineConfig:
    """What a warp cannot know, laid on it (ours); what `limner smile` renders with, where it ships."""
    return WarpRefineConfig()


def warp_refine_plain() -> WarpRefineConfig:
    """The same without a critic: what likeness alone gives."""
    return replace(warp_refine(), recipe="warp-refine-plain", adversarial_weight=0.0, match_weight=0.0)


def warp_refine_tiny() -> WarpRefineConfig:
    """Seconds on one core: for tests."""
    return replace(
        warp_refine(),
        recipe="warp-refine-tiny",
        size=64,
        window=48,
        widths=(8, 12, 16),
        depths=(1, 1, 1),
        critic_widths=(8, 16),
        critic_side=32,
        batch=2,
        steps=(4,),
        targets=2,
        copies=0,
    )


def scgan_siamese() -> ScganConfig:
    """Skeleton-aided motion, the paper's final model: an encoder for the skeleton, one for the reference, 256 x 256; `--set size=64`."""
    return ScganConfig()


def scgan_stacked1() -> ScganConfig:
    """The same, skeleton and reference stacked as six channels."""
    return replace(scgan_siamese(), recipe="scgan-stacked1", structure="stacked1")


def scgan_stacked2() -> ScganConfig:
    """The same, the skeleton drawn on the reference."""
    return replace(scgan_siamese(), recipe="scgan-stacked2", structure="stacked2")


def scgan_limbs() -> ScganConfig:
    """Ours: siamese, shown beside the reference the same with its limbs already carried to where the skeleton has them."""
    return replace(scgan_siamese(), recipe="scgan-limbs", carry=True, losses="l1+gan")


def scgan_siamese_small() -> ScganConfig:
    """Ours: 64 x 64, a quarter of the paper's widths, the reference kept where it stands still; what minutes of one CPU core can train."""
    return replace(
        scgan_siamese(),
        recipe="scgan-siamese-small",
        size=64,
        keep=True,  # ours
        widths=(16, 32, 64, 128, 128, 128),  # ours
        critic_widths=(16, 32, 64, 128),  # ours
        drop_layers=1,  # ours: with three, half of a code of 128 numbers is noise
        batch=12,  # ours: the statistics of six frames swing from batch to batch
        rate=5e-4,  # ours
        steps=(4000,),  # ours: 8 minutes of one core
        precision="no",  # ours: nets this narrow gain nothing from bf16
    )


def scgan_stacked1_small() -> ScganConfig:
    """The same, stacked as six channels."""
    return replace(scgan_siamese_small(), recipe="scgan-stacked1-small", structure="stacked1")


def scgan_stacked2_small() -> ScganConfig:
    """The same, the skeleton drawn on the reference."""
    return replace(scgan_siamese_small(), recipe="scgan-stacked2-small", structure="stacked2")


def scgan_limbs_small() -> ScganConfig:
    """The same, which is also shown the reference with its limbs already carried to where the skeleton has them."""
    return replace(scgan_siamese_small(), recipe="scgan-limbs-small", keep=False, carry=True, losses="l1+gan")


def scgan_siamese_tiny() -> ScganConfig:
    """Seconds on one core: for tests."""
    return replace(
        scgan_siamese(),
        recipe="scgan-siamese-tiny",
        size=32,
        widths=(8, 16, 16, 16, 16),
        critic_widths=(8, 16, 16),
        batch=6,
        gap=2,
        steps=(6,),
    )


def scgan_stacked1_tiny() -> ScganConfig:
    """Seconds on one core: for tests."""
    return replace(scgan_siamese_tiny(), recipe="scgan-stacked1-tiny", structure="stacked1")


def scgan_stacked2_tiny() -> ScganConfig:
    """Seconds on one core: for tests."""
    return replace(scgan_siamese_tiny(), recipe="scgan-stacked2-tiny", structure="stacked2")


def scgan_limbs_tiny() -> ScganConfig:
    """Seconds on one core: for tests."""
    return replace(scgan_siamese_tiny(), recipe="scgan-limbs-tiny", carry=True, losses="l1+gan")


RECIPES = {
    function.__name__.replace("_", "-"): function
    for function in (
        cmmnet,
        cmmnet_small,
        cmmnet_tiny,
        cmmnet_points,
        cmmnet_points_6,
        cmmnet_points_tiny,
        translation,
        translation_small,
        translation_128,
        translation_256,
        translation_pix2pix,
        translation_tiny,
        warp_refine,
        warp_refine_plain,
        warp_refine_small,
        warp_refine_tiny,
        scgan_siamese,
        scgan_stacked1,
        scgan_stacked2,
        scgan_siamese_small,
        scgan_stacked1_small,
        scgan_stacked2_small,
        scgan_limbs,
        scgan_limbs_small,
        scgan_siamese_tiny,
        scgan_stacked1_tiny,
        scgan_stacked2_tiny,
        scgan_limbs_tiny,
        video_gan,
        video_gan_small,
        video_gan_tiny,
        cra_net,
        cra_net_small,
        cra_net_tiny,
    )
}


def recipe(name: str) -> Any:
    """The config of that name. InputError that lists the recipes."""
    if name not in RECIPES:
        raise InputError(f"no recipe {name!r}; there are: {', '.join(RECIPES)}")
    return RECIPES[name]()
