"""What the refiner of warped faces minimises: likeness to the real face, the mouth once more, as sharp as it, and a critic of patches.

    L = w_ssim (1 - SSIM) + w_mouth (1 - SSIM in the mouth box) + w_l1 |y - t| + w_grad |log g(y) / g(t)| + w_adv L_adv + w_match L_match
    g: mean gradient magnitude of a patch; L_match: the critic's features of both, L1 (Wang et al. 2018, pix2pixHD)

SSIM is that of the protocol for real faces (7 x 7 uniform window). L1 and SSIM alone smooth: the gradient term and the critic answer that.
Shapes: N batch, H W pixels of a window of the working frame. A batch: `fine`, `smooth`, `gate` (models.refine.inputs), `warped`, `truth`
(N, 3, H, W) in 0..1, `mouth` (N, 1, H, W) 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F

from limner import losses
from limner.models.conditional import still
from limner.models.refine import gated, laid_on
from limner.nn.critic import PatchCritic
from limner.nn.refine import RefineNet

C1, C2 = 0.01**2, 0.03**2  # Wang et al. 2004, range 1
SIDE = 7  # the protocol's window
BORDER = 6  # ours: of a window, left out: its pixels see less round them than in a whole frame
PATCH = 16  # ours: pixels, of the gradient term
FLOOR = 0.004  # ours: flat skin has no gradient to match


def ssim_map(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(N, 3, H, W) in 0..1 -> (N, 3, H - 6, W - 6): SSIM of every whole 7 x 7 window, sample covariance as in scikit-image."""
    unbiased = SIDE**2 / (SIDE**2 - 1)
    stack = F.avg_pool2d(torch.cat([a, b, a * a, b * b, a * b], 1), SIDE, 1)
    mean_a, mean_b, aa, bb, ab = stack.chunk(5, 1)
    var_a, var_b, cov = (unbiased * (m - p) for m, p in ((aa, mean_a**2), (bb, mean_b**2), (ab, mean_a * mean_b)))
    return (2 * mean_a * mean_b + C1) * (2 * cov + C2) / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))  # eq. 13


def gradient(pictures: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) -> (N, C, H - 2, W - 2) magnitude of the central differences."""
    dx = (pictures[..., 1:-1, 2:] - pictures[..., 1:-1, :-2]) / 2
    dy = (pictures[..., 2:, 1:-1] - pictures[..., :-2, 1:-1]) / 2
    return (dx * dx + dy * dy + 1e-6).sqrt()


def within(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of (N, C, H, W) over where (N, 1, H, W) is 1."""
    return (values * mask).sum() / (values.shape[1] * mask.sum() + 1)


class LearnRefine:
    """The refiner's step, then, where there is a critic, the critic's on the same pictures."""

    def __init__(
        self,
        net: RefineNet,
        critic: PatchCritic | None,
        *,
        weights: Mapping[str, float],
        rate: float,
        critic_rate: float,
        critic_side: int,
    ):
        self.net, self.critic, self.weights = net, critic, dict(weights)
        self.rate, self.critic_rate, self.critic_side = rate, critic_rate, critic_side

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        found: dict[str, torch.optim.Optimizer] = {
            "refine": torch.optim.Adam(self.net.parameters(), lr=self.rate, betas=(0.9, 0.99), fused=True)
        }
        if self.critic is not None:
            found["critic"] = torch.optim.Adam(self.critic.parameters(), lr=self.critic_rate, betas=(0.5, 0.99), fused=True)
        return found

    def updates(self, batch: Mapping[str, torch.Tensor], generator: torch.Generator) -> Iterator:
        truth, warped = batch["truth"], batch["warped"]
        refined = self.net(*(batch[name].contiguous(memory_format=torch.channels_last) for name in ("fine", "smooth")))
        made = laid_on(warped, gated(refined, batch["gate"]))
        terms = self._likeness(made, truth, batch["mouth"])
        notes = {"mask": refined.mask.detach().mean(), "l1_of_255": 255 * (made.detach() - truth).abs().mean()}
        if self.critic is None:
            yield "refine", terms, notes
            return
        seen = [self._windows(picture, batch["mouth"], generator) for picture in (made, truth, warped)]
        with still(self.critic):
            fake = self.critic.features(torch.cat([seen[0], seen[2]], 1))
            with torch.no_grad():
                real = self.critic.features(torch.cat([seen[1], seen[2]], 1))
            terms["fool"] = self.weights["adversarial"] * losses.generator_adversarial(self.critic.head(fake), "hinge")
            terms["match"] = self.weights["match"] * (fake.float() - real.float()).abs().mean()
            yield "refine", terms, notes
        on_real = self.critic(torch.cat([seen[1], seen[2]], 1))
        on_fake = self.critic(torch.cat([seen[0].detach(), seen[2]], 1))
        yield "critic", {"critic": losses.critic_adversarial(on_real, on_fake, "hinge")}, {}

    def _likeness(self, made: torch.Tensor, truth: torch.Tensor, mouth: torch.Tensor) -> dict[str, torch.Tensor]:
        inner = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
        made, truth, mouth = made[inner], truth[inner], mouth[inner]
        alike, off = ssim_map(made, truth), (made - truth).abs()
        half = SIDE // 2
        where = mouth[..., half:-half, half:-half]
        patches = [F.avg_pool2d(gradient(picture), PATCH, PATCH // 2) + FLOOR for picture in (made, truth)]
        ratio = (patches[0] / patches[1]).log().abs()
        near = F.avg_pool2d(mouth[..., 1:-1, 1:-1], PATCH, PATCH // 2)
        w = self.weights
        return {
            "ssim": w["ssim"] * (1 - alike.mean()),
            "mouth": w["mouth"] * (within(1 - alike, where)),
            "l1": w["l1"] * (off.mean() + within(off, mouth)),
            "gradient": w["gradient"] * (ratio.mean() + within(ratio, near)),
        }

    def _windows(self, pictures: torch.Tensor, mouth: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(N, C, side, side): round each mouth, where the texture is hardest."""
        side, height, width = self.critic_side, pictures.shape[-2], pictures.shape[-1]
        cut = []
        for picture, where in zip(pictures, mouth[:, 0]):
            rows, columns = where.nonzero(as_tuple=True)
            y, x = (int(v.float().mean()) if len(v) else n // 2 for v, n in ((rows, height), (columns, width)))
            top, left = min(max(y - side // 2, 0), height - side), min(max(x - side // 2, 0), width - side)
            cut.append(picture[:, top : top + side, left : left + side])
        return torch.stack(cut)
