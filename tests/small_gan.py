"""A generator and a critic in a few lines, trained in turns, for the tests of the training engine."""

from __future__ import annotations

import torch
from torch import nn

from limner.training.loop import Stage


class Gan(nn.Module):
    """norm: "none", "batch" (each batch's own statistics) or "frozen" (running statistics, whatever mode the module is in)."""

    def __init__(self, *, width: int = 6, norm: str = "none", drop: float = 0.0):
        super().__init__()
        torch.manual_seed(0)
        self.norm = norm
        self.generator = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), self._norm(width), nn.Tanh(), nn.Dropout(drop))
        self.out = nn.Conv2d(width, 1, 3, padding=1)
        self.critic = nn.Sequential(nn.Conv2d(2, width, 3, padding=1), self._norm(width), nn.Tanh(), nn.Conv2d(width, 1, 3))

    def _norm(self, width: int) -> nn.Module:
        return nn.Identity() if self.norm == "none" else nn.BatchNorm2d(width)

    def train(self, mode: bool = True) -> Gan:
        super().train(mode)
        if self.norm == "frozen":
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self


class Learn:
    """Critic, then generator, on the same batch; the fake is made once and used in both updates, as pix2pix does."""

    def __init__(self, net: Gan, *, sgd: bool = False, noise: float = 0.0, poison: bool = False):
        self.net, self.sgd, self.noise, self.poison = net.train(), sgd, noise, poison

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        parts = {"critic": self.net.critic.parameters(), "generator": [*self.net.generator.parameters(), *self.net.out.parameters()]}
        if self.sgd:  # a step of rate 1 is the gradient itself
            return {name: torch.optim.SGD(part, lr=1.0) for name, part in parts.items()}
        return {name: torch.optim.Adam(part, lr=1e-2) for name, part in parts.items()}

    def updates(self, batch, generator):
        x = batch["x"] + self.noise * torch.randn(batch["x"].shape, generator=generator)
        real = x.cumsum(-1) / x.shape[-1]
        fake = self.net.out(self.net.generator(x))
        on_real, on_fake = (self.net.critic(torch.cat([x, y], 1)) for y in (real, fake.detach()))
        yield "critic", {"critic": (on_real - 1).square().mean() + on_fake.square().mean()}, {"told": (on_real > on_fake).float().mean()}
        fool = (self.net.critic(torch.cat([x, fake], 1)) - 1).square().mean()
        l1 = (fake - real).abs().mean() * (float("nan") if self.poison and batch["x"].max() > 2 else 1)
        yield "generator", {"fool": fool, "l1": l1}, {}


def draw(generator: torch.Generator, *, num: int = 4, side: int = 8) -> dict[str, torch.Tensor]:
    return {"x": torch.rand(num, 1, side, side, generator=generator)}


def stages(net: Gan, steps: int = 3, **more) -> list[Stage]:
    """Two stages, so that a stop may fall into either, or between them."""
    learn = {key: more.pop(key) for key in ("sgd", "noise", "poison") if key in more}
    return [Stage(name=name, steps=steps, objective=Learn(net, **learn), **{"batch": draw, "clip": 1e9, **more}) for name in ("one", "two")]
