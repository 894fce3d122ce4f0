"""The networks of others: their parameters' number and names, what of a file is refused; with real weights, parity with their own code.

`pytest -m weights` with LIMNER_WEIGHTS naming a folder of the published files (judges.standard) runs the latter."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from limner.evaluation.judges import standard
from limner.nn.alexnet import AlexLayers
from limner.nn.i3d import I3D, same
from limner.nn.inception import Inception
from limner.types import InputError


def count(net):
    return sum(parameter.numel() for parameter in net.parameters())


@torch.no_grad()
def test_layers_are_those_of_the_published_networks():
    with torch.device("meta"):  # shapes alone: nothing is computed
        inception, i3d, alexnet = Inception().eval(), I3D().eval(), AlexLayers().eval()
        features, logits = inception(torch.zeros(1, 3, 299, 299))
        kinetics = i3d(torch.zeros(1, 3, 9, 224, 224))
        layers = alexnet(torch.zeros(1, 3, 64, 64))
    # torchvision's Inception v3 without auxiliary head has 23,834,568, 8 classes fewer; its AlexNet's convolutions 2,469,696
    assert count(inception) == 23_834_568 + 8 * 2049
    assert count(alexnet) == 2_469_696
    assert {"Mixed_7c.branch3x3dbl_3b.bn.running_var", "fc.weight"} <= set(inception.state_dict())
    assert {"Mixed_5c.b1b.conv3d.weight", "Mixed_3b.b0.bn.weight", "logits.conv3d.bias"} <= set(i3d.state_dict())
    assert (features.shape, logits.shape, kinetics.shape) == ((1, 2048), (1, 1008), (1, 400))
    assert [layer.shape[1] for layer in layers] == [64, 192, 384, 256, 256]


def test_padding_is_tensorflows_same():
    assert same(torch.zeros(1, 1, 9, 224, 224), (7, 7, 7), (2, 2, 2)).shape[2:] == (15, 229, 229)
    padded = same(torch.ones(1, 1, 1, 1, 2), (1, 1, 3), (1, 1, 2))  # one place is missing: behind
    assert padded.flatten().tolist() == [1, 1, 0]


def test_only_the_published_file_is_opened(tmp_path):
    wrong = tmp_path / "weights.pth"
    torch.save({"fc.weight": torch.zeros(2)}, wrong)
    with pytest.raises(InputError, match="is not the checkpoint it should be"):
        standard.InceptionJudge(str(wrong))
    with pytest.raises(InputError, match="does not exist"):
        standard.I3DJudge(str(tmp_path / "none.pt"))
    lacking = standard.File(name="alexnet.pth", url="", sha256=hashlib.sha256(wrong.read_bytes()).hexdigest())
    os.environ["LIMNER_CACHE"] = str(tmp_path)
    try:
        tensors = standard.tensors_of(lacking, str(wrong))
    finally:
        del os.environ["LIMNER_CACHE"]
    with pytest.raises(InputError, match="does not fit its network"):
        standard.filled(AlexLayers(), tensors, lacking)


def folder():
    path = Path(os.environ.get("LIMNER_WEIGHTS", ""))
    if not os.environ.get("LIMNER_WEIGHTS"):
        pytest.skip("LIMNER_WEIGHTS names no folder of published weights")
    return path


@pytest.mark.weights
def test_inception_agrees_with_torch_fidelity():
    fidelity = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    path = folder() / standard.INCEPTION.name
    theirs = fidelity.FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(path))
    frames = np.random.default_rng(0).integers(0, 256, (4, 299, 299, 3)).astype(np.uint8)
    features, _ = standard.InceptionJudge(str(path)).looked(frames)
    expected = theirs(torch.from_numpy(frames.transpose(0, 3, 1, 2)))[0].numpy()
    # torch-fidelity scales by 1/128, pytorch-fid and limner by 2/255: a thousandth of the range
    np.testing.assert_allclose(features, expected, atol=0.02)


@pytest.mark.weights
def test_lpips_agrees_with_its_authors():
    theirs = pytest.importorskip("lpips").LPIPS(net="alex")
    from limner.measures.perceptual import lpips

    judge = standard.AlexJudge(str(folder() / standard.ALEXNET.name))
    frames = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    planes = torch.from_numpy(frames.transpose(0, 3, 1, 2)).float() / 127.5 - 1
    found = lpips(judge.layers(frames[:1]), judge.layers(frames[1:]), judge.lpips_weights)
    assert found.item() == pytest.approx(theirs(planes[:1], planes[1:]).item(), abs=1e-4)


@pytest.mark.weights
def test_i3d_opens_its_weights():
    features = standard.I3DJudge(str(folder() / standard.I3D_RGB.name)).features([np.zeros((16, 64, 64, 3), np.uint8)])
    assert features.shape == (1, 400)
    assert np.isfinite(features).all()
