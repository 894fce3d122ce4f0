"""Networks as shapes: sizes, receptive fields, gradients, and that a batch's size changes nothing."""

import pytest
import torch

from limner.nn.recurrent import CondLSTM, ModeClassifier, ModeLSTMs
from limner.nn.vae import MapDecoder, MapEncoder, VectorDecoder, VectorEncoder, sample

SHAPE = {"size": 64, "channels": (32, 64, 128, 256), "latent": 128}


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def assert_all_learn(net, output):
    output.square().sum().backward()
    still = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not still, f"no gradient: {still}"


def test_the_map_vae_is_the_papers_size():
    encoder, decoder = MapEncoder(**SHAPE), MapDecoder(**SHAPE)
    assert parameters(encoder) == 32 * 17 + 64 * (32 * 16 + 1) + 128 * (64 * 16 + 1) + 256 * (128 * 16 + 1) + 256 * (4096 + 1)
    assert parameters(decoder) == 4096 * 129 + 128 * (256 * 16) + 128 + 64 * (128 * 16) + 64 + 32 * (64 * 16) + 32 + 32 * 16 + 1
    mean, log_variance = encoder(torch.rand(2, 1, 64, 64))
    assert mean.shape == log_variance.shape == (2, 128)
    assert decoder(mean).shape == (2, 1, 64, 64)


def test_every_parameter_gets_a_gradient():
    small = {"size": 16, "channels": (4, 8), "latent": 6}
    encoder = MapEncoder(**small)
    assert_all_learn(encoder, torch.cat(encoder(torch.rand(3, 1, 16, 16)), -1))
    decoder = MapDecoder(**small)
    assert_all_learn(decoder, decoder(torch.randn(3, 6)))
    vectors = VectorEncoder(features=10, hidden=8, latent=3)
    assert_all_learn(vectors, torch.cat(vectors(torch.randn(4, 5, 10)), -1))
    back = VectorDecoder(features=10, hidden=8, latent=3, context=2)
    assert_all_learn(back, back(torch.randn(4, 3), torch.randn(4, 2)))
    cond = CondLSTM(latent=5, hidden=7, num_labels=2, label_features=3)
    assert_all_learn(cond, cond(torch.randn(4, 5), torch.tensor([0, 1, 1, 0]), 6))
    modes = ModeLSTMs(latent=5, hidden=7, num_modes=3, condition=2)
    assert_all_learn(modes, modes(torch.randn(4, 6, 5), torch.randn(4, 2)))


def test_an_encoder_unit_sees_46_pixels_and_a_code_sees_all():
    encoder = MapEncoder(**SHAPE)
    maps = torch.rand(1, 1, 64, 64, requires_grad=True)
    encoder.body[:-1](maps)[0, :, 1, 1].sum().backward()
    seen = maps.grad[0, 0].abs().sum(0).nonzero()[:, 0]
    assert (seen[-1] - seen[0] + 1).item() == 46  # 1 + 3 (1 + 2 + 4 + 8)
    maps.grad = None
    encoder(maps)[0][0, 0].backward()
    assert (maps.grad != 0).float().mean() > 0.99


def test_the_label_reaches_every_step_and_time_only_runs_forward():
    cond = CondLSTM(latent=5, hidden=7, num_labels=2, label_features=3)
    start = torch.randn(1, 5)
    posed, spontaneous = cond(start, torch.tensor([0]), 6), cond(start, torch.tensor([1]), 6)
    assert (posed != spontaneous).any(-1).all()
    assert torch.equal(cond(start, torch.tensor([0]), 3), posed[:, :3])
    modes = ModeLSTMs(latent=5, hidden=7, num_modes=2)
    codes = torch.randn(1, 6, 5)
    changed = codes.clone()
    changed[:, 4] += 1
    before, after = modes(codes), modes(changed)
    assert torch.equal(before[:, :, :4], after[:, :, :4])
    assert (before[:, :, 4:] != after[:, :, 4:]).any()


def test_mode_lstms_share_nothing():
    modes = ModeLSTMs(latent=5, hidden=7, num_modes=3)
    codes = torch.randn(2, 6, 5)
    modes(codes)[:, 1].sum().backward()
    assert all(p.grad is None or not p.grad.abs().sum() for k in (0, 2) for p in modes.lstms[k].parameters())
    assert torch.equal(modes(codes)[:, 1], modes.one(1, codes))


def test_batch_size_does_not_matter():
    torch.manual_seed(0)
    encoder, maps = MapEncoder(size=16, channels=(4, 8), latent=6), torch.rand(5, 1, 16, 16)
    torch.testing.assert_close(encoder(maps)[0][2:3], encoder(maps[2:3])[0])
    cond, start, labels = CondLSTM(latent=5, hidden=7, num_labels=2, label_features=3), torch.randn(4, 5), torch.tensor([0, 1, 0, 1])
    torch.testing.assert_close(cond(start, labels, 5)[1:2], cond(start[1:2], labels[1:2], 5))


@pytest.mark.parametrize(("pool", "shape"), [("flat", (2, 3, 3)), ("mean", (2, 3, 3)), ("last", (2, 3, 3)), ("per_step", (2, 3, 6, 3))])
def test_phi_takes_one_vector_a_sequence_and_mode(pool, shape):
    phi = ModeClassifier(latent=5, num_steps=6, num_modes=3, pool=pool)
    codes = torch.randn(2, 3, 6, 5)
    assert phi(codes).shape == shape
    early = codes.clone()
    early[:, :, 0] += 1
    assert torch.equal(phi(early), phi(codes)) == (pool == "last")


def test_phi_refuses_unknown_pooling():
    with pytest.raises(ValueError, match="there are: flat, mean, last, per_step"):
        ModeClassifier(latent=5, num_steps=6, num_modes=3, pool="max")


def test_a_sample_is_mean_plus_sigma_noise():
    mean, log_variance = torch.tensor([1.0]), torch.tensor([2.0]).log() * 2
    assert sample(mean, log_variance, torch.tensor([0.0])).item() == 1
    assert sample(mean, log_variance, torch.tensor([1.5])).item() == pytest.approx(4.0)
