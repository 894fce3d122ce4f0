"""A reference and a skeleton -> the person so posed: the three generators of Yan et al. (ACM MM 2017) behind one call (spec B2).

    y_hat = G(x, s, z):  stacked1: x and s as six channels;  stacked2: s drawn on x;  siamese: an encoder each for s and for x
    D sees x, s and y (or y_hat) as nine channels; z is the decoder's dropout
    ours:  siamese, whose second encoder is shown x, x with its limbs carried to where s has them, and x's own skeleton

Shapes: N batch, H W pixels. x: reference, y: frame, s: the coloured skeleton, each (N, 3, H, W). A batch: `reference`, `frames`,
`skeletons` uint8, of ours also `hints` (N, 6, H, W) uint8, the carried picture and the reference's skeleton. Where the frames come from
clips by threes, those three share their noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from limner.models.conditional import FRAMES, LearnConditional, to_signed
from limner.nn.critic import PatchCritic
from limner.nn.layers import Noise
from limner.nn.unet import UNet

STRUCTURES = ("siamese", "stacked1", "stacked2")
IN_CHANNELS: dict[str, tuple[int, ...]] = {"siamese": (3, 3), "stacked1": (6,), "stacked2": (3,)}  # paper: Table I, "256x256x6(3)"
CARRY_CHANNELS = (3, 9)  # ours: the second encoder's are reference, carried picture and the reference's skeleton
BLACK = -1.0  # what is no limb of a skeleton


def pose(
    generator: UNet,
    structure: str,
    reference_N3HW: torch.Tensor,
    skeleton_N3HW: torch.Tensor,
    noise: Noise = None,
    *,
    keep: bool = False,
    hints_N6HW: torch.Tensor | None = None,
) -> torch.Tensor:
    """Reference and skeleton in -1..1 (black where there is no limb) -> y_hat (N, 3, H, W) in -1..1.

    keep: the generator's fourth channel says where it paints, y_hat = (1 - m) x + m G (ours), so that a place that stands still need not be
    drawn afresh. hints: for siamese: the carried picture c and the reference's skeleton, in -1..1; the generator then says what is wrong
    with c, y_hat = c + 2 G: behind a gate it would learn nothing where it is shut, and c leaves it shut. ValueError: no such structure,
    hints with `keep` or for another structure."""
    if hints_N6HW is not None and (keep or structure != "siamese"):
        raise ValueError(f"limbs are carried for a siamese generator that keeps nothing else, not for {structure}")
    if structure == "siamese":
        shown = reference_N3HW if hints_N6HW is None else torch.cat([reference_N3HW, hints_N6HW], 1)
        made = generator(skeleton_N3HW, shown, noise=noise)
    elif structure == "stacked1":
        made = generator(torch.cat([skeleton_N3HW, reference_N3HW], 1), noise=noise)
    elif structure == "stacked2":
        made = generator(drawn_on(reference_N3HW, skeleton_N3HW), noise=noise)
    else:
        raise ValueError(f"no structure {structure!r}; there are: {', '.join(STRUCTURES)}")
    if hints_N6HW is not None:
        return hints_N6HW[:, :3] + 2 * made.to(hints_N6HW)
    if not keep:
        return made
    return torch.lerp(reference_N3HW, made[:, :3].to(reference_N3HW), (made[:, 3:].to(reference_N3HW) + 1) / 2)


def drawn_on(reference_N3HW: torch.Tensor, skeleton_N3HW: torch.Tensor) -> torch.Tensor:
    """The skeleton's limbs over the reference."""
    return torch.where((skeleton_N3HW > BLACK).any(1, keepdim=True), skeleton_N3HW, reference_N3HW)


def learn_pose(
    generator: UNet, critic: PatchCritic, *, structure: str, by_clip: bool, keep: bool = False, **weights: Any
) -> LearnConditional:
    """What such a generator minimises; weights and rates as of LearnConditional. by_clip: three frames of a clip follow one another. keep:
    as of `pose`."""

    def make(batch: Mapping[str, torch.Tensor], noise: torch.Generator) -> torch.Tensor:
        x, s = to_signed(batch["reference"]), to_signed(batch["skeletons"])
        hints = to_signed(batch["hints"]) if "hints" in batch else None
        return pose(generator, structure, x, s, by_threes(noise, len(x)) if by_clip else noise, keep=keep, hints_N6HW=hints)

    def told(batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return torch.cat([to_signed(batch["reference"]), to_signed(batch["skeletons"])], 1)

    def real(batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return to_signed(batch["frames"])

    return LearnConditional(generator, critic, make=make, told=told, real=real, **weights)


def by_threes(noise: torch.Generator, num: int) -> list[torch.Generator]:
    """A generator for each of `num` samples, the same for each three that follow one another."""
    seeds = torch.randint(2**62, (num // FRAMES,), generator=noise).tolist()
    return [torch.Generator().manual_seed(seed) for seed in seeds for _ in range(FRAMES)]
