"""warp-refine: the photo at rest is the photo, nothing outside the face changes, a slow smile does not flicker, it learns."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction

import numpy as np
import pytest
import torch

from limner import geometry
from limner.data.clips import crop, crop_matrix
from limner.data.pairs import load_pairs
from limner.data.store import Store, StoreWriter
from limner.detect.face import FaceDetector
from limner.generation.refine import RefineRenderer, warps
from limner.generation.render import WarpRenderer
from limner.generation.renderers import open_renderer
from limner.guides.face import GUIDE
from limner.measures import flicker
from limner.models import refine
from limner.models.learn_refine import LearnRefine, ssim_map
from limner.nn.refine import Refined, RefineNet
from limner.papers.monitor import refined_faces
from limner.papers.recipes import recipe
from limner.papers.warp_refine import WarpRefine, prepare
from limner.types import Clip, Face


@pytest.fixture(scope="module")
def model() -> WarpRefine:
    """An untrained network that changes much: what it says means nothing, where and when it is laid does."""
    torch.manual_seed(0)
    net = WarpRefine(settings=asdict(recipe("warp-refine-tiny")))
    with torch.no_grad():
        net.net.paint.weight.normal_(std=0.2)
        net.net.flow.weight.normal_(std=0.2)
    return net.eval()


@pytest.fixture(scope="module")
def face(astronaut) -> Face:
    return FaceDetector().faces(astronaut)[0]


def smiling(points: np.ndarray, num: int) -> np.ndarray:
    """The lip corners go out and up by up to a twelfth of the inter-ocular distance."""
    unit = float(np.linalg.norm(points[45] - points[36]))
    moving = np.repeat(points[None].astype(np.float64), num, 0)
    for corner, way in ((48, -1), (60, -1), (54, 1), (64, 1)):
        moving[:, corner] += np.linspace(0, 1, num)[:, None] * unit / 12 * np.array([way, -0.7])
    return moving


def test_the_photos_own_points_give_the_photo_exactly(model, astronaut, face):
    frames = list(RefineRenderer(astronaut, face, model=model).render(np.repeat(face.points[None], 3, 0)))
    for frame in frames:
        np.testing.assert_array_equal(frame, astronaut)


def test_only_the_faces_surroundings_change_and_they_do(model, astronaut, face):
    points = smiling(face.points, 3)
    made = list(RefineRenderer(astronaut, face, model=model).render(points))[2].astype(int)
    warped = list(WarpRenderer(astronaut, face).render(points))[2].astype(int)
    back = geometry.invert_affine(refine.to_work(points[2:], model.settings.size))[0]
    size = model.settings.size
    corners = geometry.apply_affine(back, np.array([[0.0, 0.0], [size, 0.0], [0.0, size], [size, size]]))
    low, high = corners.min(0), corners.max(0)
    inside = np.zeros(astronaut.shape[:2], bool)
    inside[max(int(low[1]) - 1, 0) : int(high[1]) + 2, max(int(low[0]) - 1, 0) : int(high[0]) + 2] = True
    assert np.abs(made - warped)[~inside].max() == 0
    assert np.abs(made - warped)[inside].max() > 10


def test_the_gate_is_closed_at_rest_and_opens_without_a_step():
    own = geometry.align(np.asarray(refine.GUIDE.canonical, np.float64), refine.GUIDE)
    points = own + np.linspace(0, 0.02, 41)[:, None, None] * np.array([1.0, 0.5])
    opened = refine.gate(own[None], points, 32)[:, 0, 20, 16].numpy()
    assert opened[0] == 0
    assert opened[-1] == pytest.approx(1)
    assert (np.diff(opened) >= 0).all()
    assert np.diff(opened).max() < 0.1


def test_what_is_laid_on_by_hand():
    warped = torch.rand(1, 3, 8, 8)
    nothing = torch.zeros(1, 6, 8, 8)
    torch.testing.assert_close(refine.laid_on(warped, nothing), warped)
    shifted = nothing.clone()
    shifted[:, 4] = 1.0  # colours come from one pixel to the right
    torch.testing.assert_close(refine.laid_on(warped, shifted)[..., :-1], warped[..., 1:], atol=1e-5, rtol=0)
    said = Refined(torch.full((1, 3, 8, 8), 0.1), torch.full((1, 3, 8, 8), 0.5), torch.ones(1, 1, 8, 8), torch.zeros(1, 2, 2, 2))
    replaced = refine.laid_on(warped, refine.gated(said, torch.ones(1, 1, 8, 8)))
    assert float(replaced.std()) < 1e-5  # a full mask: the network's own colour alone
    torch.testing.assert_close(refine.laid_on(warped, refine.gated(said, torch.zeros(1, 1, 8, 8))), warped)


def test_ssim_as_scikit_image():
    from skimage.metrics import structural_similarity

    a, b = torch.rand(2, 1, 3, 24, 30)
    ours = float(ssim_map(a, b).mean())
    theirs = structural_similarity(
        a[0].permute(1, 2, 0).double().numpy(), b[0].permute(1, 2, 0).double().numpy(), channel_axis=2, data_range=1.0
    )
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_every_parameter_moves_with_and_without_a_critic():
    for name in ("warp-refine-tiny", "warp-refine-plain"):
        torch.manual_seed(1)
        net = RefineNet(fine=refine.FINE, smooth=refine.SMOOTH, widths=(8, 12, 16), depths=(1, 1, 1), most_flow_px=4.0)
        critic = WarpRefine(settings=asdict(recipe(name)), critic=name == "warp-refine-tiny").critic
        weights = {"ssim": 1.0, "mouth": 1.0, "l1": 1.0, "gradient": 0.1, "adversarial": 0.1, "match": 0.1}
        objective = LearnRefine(net, critic, weights=weights, rate=1e-3, critic_rate=1e-3, critic_side=32)
        optimizers = objective.optimizers()
        batch = {
            "fine": torch.rand(2, refine.FINE, 48, 48), "smooth": torch.rand(2, refine.SMOOTH, 24, 24), "gate": torch.ones(2, 1, 48, 48),
            "warped": torch.rand(2, 3, 48, 48), "truth": torch.rand(2, 3, 48, 48), "mouth": torch.zeros(2, 1, 48, 48),
        }  # fmt: skip
        batch["mouth"][..., 20:40, 10:40] = 1
        for _ in range(2):  # the second convolution of a block begins at 0: what comes before it moves from the second step on
            for owner, losses, _ in objective.updates(batch, torch.Generator().manual_seed(0)):
                optimizers[owner].zero_grad()
                sum(losses.values()).backward()
                optimizers[owner].step()
        still = [key for key, p in net.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
        assert not still
        weights_of = [] if critic is None else [p for p in critic.parameters() if p.ndim > 1]  # the head's bias: real and fake cancel
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in weights_of)


@pytest.fixture(scope="module")
def store(astronaut, face, tmp_path_factory) -> Store:
    matrix = crop_matrix(face.points, 96)
    frame, points = crop(astronaut, matrix, 96), geometry.apply_affine(matrix, face.points)
    moving = smiling(points, 3)
    with StoreWriter(tmp_path_factory.mktemp("refine") / "store") as writer:
        frames = warps(frame, points.astype(np.float64), moving)
        for name, split in (("a", "train"), ("b", "val")):
            clip = Clip(
                id=name, source="test", subject=name, split=split, points=moving.astype(np.float32),
                confidence=np.ones((3, 68), np.float32), frames=frames, fps=Fraction(25), duration_s=0.1, size=(96, 96),
            )  # fmt: skip
            writer.add(clip)
    return Store(writer.path)


def test_pairs_go_both_ways_and_their_warps_meet_the_truth(store):
    pairs = load_pairs(store, warps, split="train", targets=2, jitter_unit=0.0, copies=0, rng=np.random.default_rng(0))
    assert [pair.forward for pair in pairs] == [True, True, False, False]
    assert np.abs(pairs[1].warped.astype(int) - pairs[1].truth).max() <= 1  # the truth is that very warp, its points rounded to float32
    assert np.abs(pairs[2].warped.astype(int) - pairs[2].truth).mean() < 3


def test_the_monitor_says_what_is_gained_over_the_warp_by_hand():
    rng = np.random.default_rng(0)
    reference, warped, truth = rng.integers(0, 256, (3, 2, 64, 64, 3)).astype(np.uint8)
    points = geometry.apply_affine(geometry.unit_to_map(GUIDE, 64), GUIDE.canonical)[None].repeat(2, 0)
    nothing = refined_faces(reference, warped, truth, points, lambda: warped)()
    assert (nothing["ssim_over_warp"], nothing["mouth_ssim_over_warp"]) == (0, 0)
    perfect = refined_faces(reference, warped, truth, points, lambda: truth)()
    assert perfect["ssim"] == pytest.approx(1)
    assert perfect["ssim_over_warp"] == pytest.approx(1 - nothing["ssim"])
    assert perfect["mouth_ssim_over_warp"] == pytest.approx(1 - nothing["mouth_ssim"])
    for column, pictures in enumerate((reference, warped, truth, truth)):
        np.testing.assert_array_equal(perfect["sheet"][64:, 64 * column : 64 * (column + 1)], pictures[1])


def test_it_is_watched_on_people_held_out(store):
    model, (stage,) = prepare(recipe("warp-refine-tiny"), store, warps)
    assert stage.monitor is not None
    found = stage.monitor()
    side = model.settings.size
    assert found["sheet"].shape == (side, 4 * side, 3)
    _, warped, _, truth = np.split(found["sheet"].astype(int), 4, axis=1)
    assert np.abs(warped - truth).max() <= 4  # here the truth is that very warp
    assert found["ssim"] - found["ssim_over_warp"] > 0.99
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.net.parameters():
            parameter.normal_(0, 0.5)
    spoilt = stage.monitor()  # it sees the model as it stands
    assert spoilt["ssim_over_warp"] < -0.05
    assert spoilt["ssim"] - spoilt["ssim_over_warp"] == pytest.approx(found["ssim"] - found["ssim_over_warp"])


def test_it_trains_through_the_command_and_renders(limner, store, tmp_path, astronaut, face):
    run = tmp_path / "run"
    code, _, errors = limner("train", "warp-refine-tiny", "--data", store.path, "--out", run)
    assert code == 0, errors
    renderer = open_renderer(str(run))(astronaut, face, neutral_points=face.points)
    frames = list(renderer.render(smiling(face.points, 3)))
    np.testing.assert_array_equal(frames[0], astronaut)
    assert frames[2].shape == astronaut.shape


def test_a_slow_smile_flickers_no_more_than_the_warp_does(astronaut, face):
    from limner.generation.renderers import REFINE, has_weights

    if not has_weights(REFINE):
        pytest.skip("no refiner ships yet")
    points = smiling(face.points, 24)
    maker = open_renderer(REFINE)(astronaut, face, neutral_points=face.points)
    made, warped = (np.stack(list(r.render(points)))[:, 60:240, 150:320] for r in (maker, WarpRenderer(astronaut, face)))
    assert flicker(made) < flicker(warped) + 0.15  # of 255; the real frames of smile_single_face flicker by 2
