"""Losses: values worked out by hand, and which way their gradients go."""

import math

import pytest
import torch

from limner import losses


def test_bce_is_the_negative_log_likelihood_summed_over_pixels():
    logits = torch.tensor([0.0, math.log(3.0)]).view(1, 1, 1, 2)  # x = 1/2, 3/4
    target = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    assert losses.bce(logits, target).item() == pytest.approx(math.log(2) + math.log(4))
    assert losses.bce(logits.expand(5, 1, 1, 2), target.expand(5, 1, 1, 2)).item() == pytest.approx(math.log(8))


def test_bce_of_mean_needs_only_the_average_to_be_right():
    sure = 20.0
    logits = torch.tensor([sure, -sure]).view(1, 2, 1, 1, 1, 1)  # two modes: 1 and 0; their mean is 1/2
    half = torch.full((1, 1, 1, 1, 1), 0.5)
    assert losses.bce_of_mean(logits, half).item() == pytest.approx(math.log(2), abs=1e-4)
    assert losses.pull_maps("mean_bce", logits, half) == losses.bce_of_mean(logits, half)
    assert losses.pull_maps("per_mode_bce", logits, half).item() == pytest.approx(2 * sure / 2, rel=1e-3)


def test_kl_by_hand():
    assert losses.kl(torch.zeros(3, 4), torch.zeros(3, 4)).item() == 0
    mean, log_variance = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, math.log(4.0)]])
    assert losses.kl(mean, log_variance).item() == pytest.approx(0.5 + 0.5 * (4 - math.log(4) - 1))


def test_push_is_k_log_k_for_a_phi_that_knows_nothing_and_nears_0_for_one_that_knows():
    assert losses.push(torch.zeros(7, 3, 3)).item() == pytest.approx(3 * math.log(3))
    assert losses.push(torch.zeros(7, 3, 5, 3)).item() == pytest.approx(3 * math.log(3))
    assert losses.push(50 * torch.eye(3).expand(7, 3, 3)).item() == pytest.approx(0, abs=1e-6)


def test_push_moves_modes_apart_and_pull_brings_the_pattern_nearer():
    modes = torch.tensor([[0.1], [-0.1]], requires_grad=True)  # two modes of one number; phi reads its sign
    losses.push(torch.stack([modes, -modes], -1).view(1, 2, 2)).backward()
    apart = (modes - 0.1 * modes.grad).detach()
    assert (apart[0] - apart[1]).item() > 0.2
    for kind in ("mean_bce", "per_mode_bce"):
        points = torch.zeros(1, 2, 3, 4, requires_grad=True)
        target = torch.ones(1, 3, 4)
        losses.pull_points(kind, points, target).backward()
        nearer = (points - 0.5 * points.grad).detach()
        assert losses.pull_points(kind, nearer, target) < losses.pull_points(kind, points, target)
    codes, common = torch.ones(1, 2, 3, 4, requires_grad=True), torch.zeros(1, 3, 4)
    assert losses.pull_embedding(codes, common).item() == pytest.approx(2 * 4)
    losses.pull_embedding(codes, common).backward()
    assert (codes.grad > 0).all()


def test_pull_of_points_by_hand():
    modes = torch.tensor([1.0, 3.0]).view(1, 2, 1, 1)
    target = torch.full((1, 1, 1), 2.0)
    assert losses.pull_points("mean_bce", modes, target).item() == 0
    assert losses.pull_points("per_mode_bce", modes, target).item() == pytest.approx(2)
    assert losses.pull_points("per_mode_bce", 2 * modes, target, "l2").item() == pytest.approx(2 * (0 + 16) / 2)
    with pytest.raises(ValueError, match="there are: mean_bce, per_mode_bce"):
        losses.pull_points("embed_l2", modes, target)
    with pytest.raises(ValueError, match="no pull loss 'median' on maps"):
        losses.pull_maps("median", modes, target)


def test_choice_is_the_cheapest_assignment_and_starves_no_mode():
    cost = torch.tensor([[0.0, 1.0], [0.1, 0.3], [0.0, 5.0], [0.2, 0.9]])
    assert losses.choose(cost, slack=2.0).tolist() == [0, 0, 0, 0]  # no limit: each its nearest
    assert losses.choose(cost, slack=1.0).tolist() == [0, 1, 0, 1]  # two places a mode: the ones that lose least move over
    assert losses.choose(torch.rand(50, 3), slack=1.2).bincount(minlength=3).max() <= 20


def test_choice_ignores_what_lies_between_modes():
    cost = torch.tensor([[0.0, 1.0], [0.4, 0.5], [1.0, 0.0], [0.55, 0.45]])
    chosen = losses.choose(cost, slack=2.0)
    assert chosen.tolist() == [0, 0, 1, 1]
    teach = losses.sure(cost, chosen, 0.5)
    assert teach.tolist() == [True, False, True, False]
    assert losses.multiple_choice(cost, chosen).item() == pytest.approx((0 + 0.4 + 0 + 0.45) / 4)
    assert losses.multiple_choice(cost, chosen, teach_N=teach).item() == 0
    assert losses.multiple_choice(cost, chosen, relax=1.0).item() == pytest.approx(cost.mean().item())
    assert losses.sure(cost[:, :1], torch.zeros(4, dtype=torch.long), 0.5).all()


def test_only_the_chosen_mode_learns():
    cost = torch.tensor([[0.2, 0.4], [0.9, 0.1]], requires_grad=True)
    losses.multiple_choice(cost, torch.tensor([0, 1])).backward()
    assert cost.grad.tolist() == [[0.5, 0.0], [0.0, 0.5]]


def test_adversarial_losses_by_hand():
    real, fake = torch.tensor([math.log(3.0), 0.0]), torch.tensor([0.0, -math.log(3.0)])  # D = 3/4, 1/2 and 1/2, 1/4
    assert losses.critic_adversarial(real, fake).item() == pytest.approx(-(math.log(3 / 4) + 2 * math.log(1 / 2) + math.log(3 / 4)) / 2)
    assert losses.generator_adversarial(fake).item() == pytest.approx(-(math.log(1 / 2) + math.log(1 / 4)) / 2)
    assert losses.critic_adversarial(torch.zeros(3), torch.zeros(3)).item() == pytest.approx(2 * math.log(2))  # knows nothing
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-2.0, 0.5])
    assert losses.critic_adversarial(real, fake, "lsgan").item() == pytest.approx((1 + 0.25) / 2 + (4 + 0.25) / 2)
    assert losses.generator_adversarial(fake, "lsgan").item() == pytest.approx((9 + 0.25) / 2)
    assert losses.critic_adversarial(real, fake, "hinge").item() == pytest.approx(0.5 / 2 + 1.5 / 2)
    assert losses.generator_adversarial(fake, "hinge").item() == pytest.approx(0.75)


@pytest.mark.parametrize("kind", ["gan", "lsgan", "hinge"])
def test_critic_and_generator_pull_in_opposite_ways(kind):
    fake = torch.tensor([0.3], requires_grad=True)
    losses.critic_adversarial(torch.tensor([0.3]), fake, kind).backward()
    down = fake.grad.item()
    fake.grad = None
    losses.generator_adversarial(fake, kind).backward()
    assert down > 0 > fake.grad.item()
    real = torch.tensor([0.3], requires_grad=True)
    losses.critic_adversarial(real, torch.tensor([0.3]), kind).backward()
    assert real.grad.item() < 0


def test_a_sure_critic_leaves_the_generator_a_gradient():
    fake = torch.tensor([-10.0], requires_grad=True)  # D(fake) = 4.5e-5: log(1 - D) would have a slope of 4.5e-5
    losses.generator_adversarial(fake).backward()
    assert fake.grad.item() == pytest.approx(-1, abs=1e-4)


def test_an_unknown_adversarial_loss_is_refused():
    for loss in (
        lambda: losses.critic_adversarial(torch.zeros(1), torch.zeros(1), "w"),
        lambda: losses.generator_adversarial(torch.zeros(1), "w"),
    ):
        with pytest.raises(ValueError, match="there are: gan, lsgan, hinge"):
            loss()
