"""The U-Net and the critic of pix2pix as shapes: sizes, receptive fields, gradients, and where the noise comes from."""

import pytest
import torch

from limner.nn.critic import PatchCritic
from limner.nn.layers import dropout, norm_layer
from limner.nn.unet import UNet

WIDTHS = (64, 128, 256, 512, 512, 512)  # spec A4
SMALL = {"size": 16, "out_channels": 3, "widths": (4, 8, 8, 8)}


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def assert_all_learn(net, output):
    output.square().sum().backward()
    still = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not still, f"no gradient: {still}"


def seeds(*numbers):
    return [torch.Generator().manual_seed(n) for n in numbers]


def test_the_papers_u_net_has_so_many_parameters():
    net = UNet(size=64, in_channels=(4,), out_channels=3, widths=WIDTHS)
    down = 16 * (4 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 512 + 512 * 512) + 64 + 512  # biases of the two without a norm
    up = 16 * (512 * 512 + 1024 * 512 + 1024 * 256 + 512 * 128 + 256 * 64 + 128 * 3) + 3
    norms = 2 * (128 + 256 + 512 + 512) + 2 * (512 + 512 + 256 + 128 + 64)
    assert parameters(net) == down + up + norms
    pictures = net(torch.rand(2, 4, 64, 64))
    assert pictures.shape == (2, 3, 64, 64)
    assert pictures.abs().max() <= 1


def test_no_norm_on_the_first_layer_the_one_pixel_bottleneck_and_the_last():
    net = UNet(size=64, in_channels=(4,), out_channels=3, widths=WIDTHS)
    plain = [isinstance(down.norm, torch.nn.Identity) for down in net.encoders[0]]
    assert plain == [True, False, False, False, False, True]
    assert [isinstance(up.norm, torch.nn.Identity) for up in net.decoder] == [False] * 5 + [True]
    assert [up.drop for up in net.decoder] == [0.5, 0.5, 0.5, 0, 0, 0]
    wide = UNet(size=32, in_channels=(4,), out_channels=3, widths=(4, 4))
    assert [isinstance(down.norm, torch.nn.Identity) for down in wide.encoders[0]] == [True, False]


def test_every_parameter_gets_a_gradient():
    for norm in ("batch", "instance", "none"):
        net = UNet(in_channels=(4,), norm=norm, **SMALL)
        assert_all_learn(net, net(torch.rand(3, 4, 16, 16), noise=torch.Generator()))
    critic = PatchCritic(in_channels=6, widths=(4, 8, 8), strided=2)
    assert_all_learn(critic, critic(torch.rand(3, 6, 16, 16)))


@pytest.mark.parametrize(("skips", "handed"), [(None, 2), ((0,), 1), ((1,), 1), ((), 0)])
def test_two_encoders_meet_at_the_bottleneck_and_hand_over_what_is_asked(skips, handed):
    net = UNet(in_channels=(3, 3), skips=skips, **SMALL)
    assert net.decoder[0].conv.in_channels == 2 * 8
    assert net.decoder[1].conv.in_channels == 8 * (1 + handed)
    assert_all_learn(net, net(torch.rand(3, 3, 16, 16), torch.rand(3, 3, 16, 16)))


def test_the_second_papers_generator_is_the_same_file():
    net = UNet(size=256, in_channels=(3, 3), out_channels=3, widths=(64, 128, 256, 512, 512, 512, 512, 512), drop_layers=8)
    assert net.decoder[0].conv.weight.shape == (1024, 512, 4, 4)  # spec B2: two codes joined
    assert net.decoder[1].conv.weight.shape[0] == 512 + 1024  # skips of both
    assert [up.conv.out_channels for up in net.decoder] == [512, 512, 512, 512, 256, 128, 64, 3]
    assert [up.drop for up in net.decoder] == [0.5] * 7 + [0]  # never the picture itself


def test_every_pixel_of_the_output_sees_the_whole_input():
    net = UNet(in_channels=(4,), **SMALL).eval()
    picture = torch.rand(1, 4, 16, 16, requires_grad=True)
    net(picture)[0, 0, 3, 12].backward()
    assert (picture.grad.abs().sum(1) > 0).all()


@pytest.mark.parametrize(("widths", "strided", "sees"), [((8, 8, 8, 8), 3, 70), ((8, 8, 8), 2, 34), ((8, 8), 1, 16)])
def test_a_patch_sees_what_pix2pix_says(widths, strided, sees):
    critic = PatchCritic(in_channels=2, widths=widths, strided=strided, norm="none")
    pictures = torch.rand(1, 2, 128, 128, requires_grad=True)
    patches = critic(pictures)
    patches[0, 0, patches.shape[2] // 2, patches.shape[3] // 2].backward()
    seen = pictures.grad.abs().sum((0, 1))
    rows, columns = (seen.sum(axis).nonzero()[:, 0] for axis in (0, 1))
    assert (rows[-1] - rows[0] + 1).item() == (columns[-1] - columns[0] + 1).item() == sees


def test_the_critics_are_the_papers_size():
    small = PatchCritic(in_channels=6, widths=(64, 128, 256), strided=2)
    assert small(torch.rand(2, 6, 64, 64)).shape == (2, 1, 14, 14)
    assert parameters(small) == 16 * (6 * 64 + 64 * 128 + 128 * 256 + 256) + 64 + 1 + 2 * (128 + 256)
    table_2 = PatchCritic(in_channels=9, widths=(64, 128, 256, 512, 512, 512), strided=6, head_padding=0)  # spec B2
    pictures = torch.rand(2, 9, 256, 256)
    assert table_2.features(pictures).shape == (2, 512, 4, 4)
    assert table_2(pictures).shape == (2, 1, 1, 1)


def test_noise_is_the_samples_own():
    net = UNet(in_channels=(4,), **SMALL).eval()
    pictures = torch.rand(3, 4, 16, 16)
    assert torch.equal(net(pictures), net(pictures))  # none unless it is given
    drawn = net(pictures, noise=seeds(1, 2, 3))
    assert torch.equal(drawn, net(pictures, noise=seeds(1, 2, 3)))
    assert not torch.allclose(drawn, net(pictures, noise=seeds(1, 2, 4)))
    torch.testing.assert_close(drawn[1:2], net(pictures[1:2], noise=seeds(2)))  # whatever the batch
    torch.testing.assert_close(net(pictures)[1:2], net(pictures[1:2]))
    with pytest.raises(ValueError, match="3 samples need as many generators, not 2"):
        net(pictures, noise=seeds(1, 2))


def test_dropout_by_hand():
    kept = dropout(torch.ones(1, 1, 100, 100), 0.25, torch.Generator().manual_seed(0))
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (kept == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert torch.equal(dropout(torch.ones(2, 1, 1, 1), 0.5, None), torch.ones(2, 1, 1, 1))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="4 layers halve a size that is a multiple of 16, not 24"):
        UNet(in_channels=(4,), **(SMALL | {"size": 24}))
    with pytest.raises(ValueError, match="name an encoder that is not there; there are 1"):
        UNet(in_channels=(4,), skips=(1,), **SMALL)
    with pytest.raises(ValueError, match="expected 1 pictures of 16 x 16"):
        UNet(in_channels=(4,), **SMALL)(torch.rand(1, 4, 32, 32))
    with pytest.raises(ValueError, match="there are: batch, instance, none"):
        norm_layer("layer", 4)
