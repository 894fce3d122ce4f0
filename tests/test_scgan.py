"""Skeleton-aided generation: the three structures and Table II's critic by number, the four losses, noise, resuming, what is refused."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from drawn_bodies import drawn_bodies
from drawn_faces import drawn_store
from limner import losses
from limner.data.frames import Frames
from limner.data.store import Store, StoreWriter
from limner.guides.body import GUIDE
from limner.measures import ssim
from limner.models.conditional import to_signed
from limner.models.skeleton import drawn_on, pose
from limner.papers import whole
from limner.papers.load import load_renderer
from limner.papers.recipes import recipe
from limner.papers.scgan import Scgan, build, critic_of, prepare
from limner.training import checkpoint
from limner.training.config import override
from limner.training.loop import generator_of
from limner.types import InputError

STRUCTURES = ("siamese", "stacked1", "stacked2")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return drawn_bodies(tmp_path_factory.mktemp("scgan") / "store", people=5)


def tiny(structure="siamese", **changes):
    return replace(recipe(f"scgan-{structure}-tiny"), **changes)


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def step(stage, batch, number, optimizers):
    seen = {}
    for owner, terms, _ in stage.objective.updates(batch, generator_of(number)):
        optimizers[owner].zero_grad()
        sum(terms.values()).backward()
        optimizers[owner].step()
        seen[owner] = {name: float(value.detach()) for name, value in terms.items()}
    return seen


def test_table_i_as_it_can_be_meant():
    widths = [64, 128, 256, 512, 512, 512, 512, 512]
    down = {n: 16 * (n * 64 + sum(a * b for a, b in itertools.pairwise(widths))) + 64 + 512 + 2 * sum(widths[1:-1]) for n in (3, 6)}
    outs = [512, 512, 512, 512, 256, 128, 64, 3]  # not the slide's 1024s, which are what goes in

    def up(code, skips):
        into = [code, *(out + skips * width for out, width in zip(outs, widths[-2::-1]))]
        return 16 * sum(a * b for a, b in zip(into, outs)) + 3 + 2 * sum(outs[:-1])

    counts = {name: parameters(build(recipe(f"scgan-{name}")).generator) for name in STRUCTURES}
    assert counts == {"siamese": 2 * down[3] + up(1024, 2), "stacked1": down[6] + up(512, 1), "stacked2": down[3] + up(512, 1)}
    assert counts == {"siamese": 93_485_571, "stacked1": 54_417_603, "stacked2": 54_414_531}
    generator = build(recipe("scgan-siamese")).generator
    assert [up.conv.in_channels for up in generator.decoder] == [1024, *[512 * 3] * 3, 512 * 3, 256 * 3, 128 * 3, 64 * 3]
    assert [up.drop for up in generator.decoder] == [0.5] * 3 + [0.0] * 5
    literal = build(replace(recipe("scgan-stacked1"), drop_layers=8)).generator
    assert [up.drop for up in literal.decoder] == [0.5] * 7 + [0.0]  # never the picture


def test_table_ii_ends_in_one_number_and_pix2pix_in_patches():
    slides = critic_of(recipe("scgan-siamese"))
    assert [(conv.out_channels, conv.stride) for conv in slides.body if isinstance(conv, torch.nn.Conv2d)] == [
        (width, (2, 2)) for width in (64, 128, 256, 512, 512, 512)
    ]
    triples = torch.rand(1, 9, 256, 256, requires_grad=True)
    assert slides.eval().features(triples).shape == (1, 512, 4, 4)
    number = slides(triples)
    assert number.shape == (1, 1, 1, 1)
    number.sum().backward()
    assert (triples.grad.abs().sum((0, 1)) > 0).all()  # it sees the whole triple
    assert parameters(slides) == 16 * (9 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 2 * 512 * 512 + 512) + 64 + 1 + 2 * (128 + 256 + 3 * 512)
    other = critic_of(replace(recipe("scgan-siamese"), critic="pix2pix286", norm="none"))
    wide = torch.rand(1, 9, 512, 512, requires_grad=True)
    patches = other(wide)
    patches[0, 0, patches.shape[2] // 2, patches.shape[3] // 2].backward()
    rows = wide.grad.abs().sum((0, 1, 3)).nonzero()[:, 0]
    assert (rows[-1] - rows[0] + 1).item() == 286


def test_smaller_sizes_take_the_first_layers():
    for size in (64, 128):
        config = override(recipe("scgan-siamese"), {"size": size})
        critic = critic_of(config).eval()
        assert critic.features(torch.rand(1, 9, size, size)).shape[2:] == (4, 4)
        assert critic(torch.rand(1, 9, size, size)).shape == (1, 1, 1, 1)
        generator = build(replace(config, widths=tuple(width // 16 for width in config.widths))).generator.eval()
        assert generator(torch.rand(1, 3, size, size), torch.rand(1, 3, size, size)).shape == (1, 3, size, size)
    with pytest.raises(InputError, match="size is a power of two from 16 to 256, as 8 widths allow; not 96"):
        override(recipe("scgan-siamese"), {"size": 96})
    with pytest.raises(InputError, match=r"no losses 'l2'; there are: l1, gan, l1\+gan, l1\+gan\+triplet"):
        override(recipe("scgan-siamese"), {"losses": "l2"})
    with pytest.raises(InputError, match="with triplets the batch is a multiple of 3, not 8"):
        override(recipe("scgan-siamese"), {"batch": 8})
    assert override(recipe("scgan-siamese"), {"batch": 8, "losses": "l1+gan"}).batch == 8


@pytest.mark.parametrize("structure", [*STRUCTURES, "limbs"])
def test_every_parameter_learns(store, structure):
    model, (stage,) = prepare(tiny(structure), store)
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimizers = stage.objective.optimizers()
    for number in range(3):
        step(stage, stage.batch(generator_of(number)), number, optimizers)
    assert not {name for name, value in model.named_parameters() if torch.equal(value, before[name])}


def test_what_each_structure_is_shown():
    x, s = torch.full((1, 3, 4, 4), 0.5), torch.full((1, 3, 4, 4), -1.0)
    s[0, 1, 2, 3] = 1.0  # one green pixel of a limb
    on = drawn_on(x, s)
    assert on[0, :, 2, 3].tolist() == [-1, 1, -1]
    assert (on == 0.5).sum() == 3 * 15
    given = []

    def spy(*pictures, noise):
        given.append(pictures)

    for structure in STRUCTURES:
        pose(spy, structure, x, s)  # type: ignore[arg-type]
    assert [[picture.shape[1] for picture in pictures] for pictures in given] == [[3, 3], [6], [3]]
    assert torch.equal(given[0][0], s)
    assert torch.equal(given[0][1], x)
    with pytest.raises(ValueError, match="no structure 'twin'"):
        pose(spy, "twin", x, s)  # type: ignore[arg-type]


def test_where_the_reference_is_kept_by_hand(store):
    said = torch.zeros(1, 4, 1, 3)  # mid-grey
    said[0, 3, 0] = torch.tensor([-1.0, 0.0, 1.0])  # keep, half, paint
    made = pose(lambda *_, noise: said, "siamese", torch.full((1, 3, 1, 3), 0.8), torch.zeros(1, 3, 1, 3), keep=True)  # type: ignore[arg-type]
    torch.testing.assert_close(made[0, 0, 0], torch.tensor([0.8, 0.4, 0.0]))
    model, (stage,) = prepare(tiny(keep=True), store)
    step(stage, stage.batch(generator_of(0)), 0, stage.objective.optimizers())
    assert model.move(store[0].points, store[0].frames[0]).shape == (10, 32, 32, 3)


def test_where_limbs_are_carried_by_hand(store):
    x, s, hints = torch.full((1, 3, 1, 2), 0.8), torch.zeros(1, 3, 1, 2), torch.full((1, 6, 1, 2), 0.4)
    said, given = torch.zeros(1, 3, 1, 2), []
    said[0, :, 0] = torch.tensor([[-0.5, 0.1]])  # darker, lighter

    def net(*pictures, noise):
        given.extend(picture.shape[1] for picture in pictures)
        return said

    made = pose(net, "siamese", x, s, hints_N6HW=hints)  # type: ignore[arg-type]
    assert given == [3, 9]
    torch.testing.assert_close(made[0, 0, 0], torch.tensor([-0.6, 0.6]))
    with pytest.raises(ValueError, match="limbs are carried for a siamese generator that keeps nothing else, not for stacked1"):
        pose(net, "stacked1", x, s, hints_N6HW=hints)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="carry is for structure siamese, neither tied"):
        override(recipe("scgan-limbs-tiny"), {"tied": True})
    clip, model = store[0], build(recipe("scgan-limbs-tiny"))
    with pytest.raises(ValueError, match="give the reference's own skeleton"):
        model.move(clip.points, clip.frames[0])
    moved = model.move(clip.points, clip.frames[0], own=clip.points[0])
    assert np.abs(moved.astype(int) - model.move(clip.points, clip.frames[0], own=clip.points[0], batch=3)).max() <= 1


def test_a_references_own_skeleton_is_flipped_and_shifted_with_it(store):
    frames = Frames(store, split="train", size=32, guide=GUIDE, kinds=None)
    plain = frames.draw_pairs(20, generator_of(2))
    assert not torch.equal(plain["own_points"], plain["points"])
    moved = frames.draw_pairs(20, generator_of(2), flip=True)
    flipped = [not torch.equal(a, b) for a, b in zip(plain["reference"], moved["reference"])]
    assert 0 < sum(flipped) < 20
    for before, after, turned in zip(plain["own_points"], moved["own_points"], flipped):
        wanted = before[list(GUIDE.mirror)] * torch.tensor([-1.0, 1.0]) + torch.tensor([32.0, 0.0]) if turned else before
        torch.testing.assert_close(after, wanted)
    shifts = [frames.draw_pairs(20, generator_of(2), jitter=jitter) for jitter in (0, 3)]
    by = shifts[1]["own_points"] - shifts[0]["own_points"]
    torch.testing.assert_close(by, (shifts[1]["points"] - shifts[0]["points"]))
    assert by.abs().max().item() == pytest.approx(3, abs=1e-4)


def test_tied_encoders_share_their_weights_and_skips_can_be_of_one(store):
    free, tied = (parameters(build(tiny(tied=tied)).generator) for tied in (False, True))
    encoder = parameters(build(tiny()).generator.encoders[0])
    assert free - tied == encoder
    model, (stage,) = prepare(tiny(tied=True, skips="appearance"), store)
    assert model.generator.decoder[1].conv.in_channels == 2 * 16
    step(stage, stage.batch(generator_of(0)), 0, stage.objective.optimizers())


@pytest.mark.parametrize(
    ("switch", "critic", "terms"),
    [
        ("l1", False, {"l1"}),
        ("gan", True, {"fool"}),
        ("l1+gan", True, {"l1", "fool"}),
        ("l1+gan+triplet", True, {"l1", "fool", "triplet"}),
    ],
)
def test_one_switch_for_the_columns_of_table_iii(store, switch, critic, terms):
    _, (stage,) = prepare(tiny(losses=switch), store)
    seen = step(stage, stage.batch(generator_of(0)), 0, stage.objective.optimizers())
    assert ("critic" in seen) == critic
    assert set(seen["generator"]) == terms


@pytest.mark.parametrize("feature", ["disc", "pixels"])
def test_the_terms_are_the_papers_by_hand(store, feature):
    model, (stage,) = prepare(tiny(drop=0.0, norm="none", l1_weight=7.0, triplet_weight=3.0, margin=0.4, feature=feature), store)
    batch = stage.batch(generator_of(0))
    x, s, y = (to_signed(batch[name]) for name in ("reference", "skeletons", "frames"))
    made = model.generator(s, x)
    updates = stage.objective.updates(batch, generator_of(1))
    _, critic, _ = next(updates)
    real, fake = (torch.sigmoid(model.critic(torch.cat([x, s, picture], 1))) for picture in (y, made))
    torch.testing.assert_close(critic["critic"], -(real.log().mean() + (1 - fake).log().mean()))
    _, generator, _ = next(updates)
    torch.testing.assert_close(generator["l1"], 7 * (y - made).abs().mean())
    torch.testing.assert_close(generator["fool"], -fake.log().mean())
    shown = model.critic.features(torch.cat([x, s, made], 1)) if feature == "disc" else made
    t = torch.nn.functional.normalize(shown.flatten(1), dim=1)
    by_hand = [((t[i] - t[i + 1]) ** 2).sum() - ((t[i] - t[i + 2]) ** 2).sum() + 0.4 for i in (0, 3)]
    torch.testing.assert_close(generator["triplet"], 3 * sum(h.clamp_min(0) for h in by_hand) / 2)


def test_triplet_by_hand_and_which_way_it_pulls():
    a, p, n = (torch.tensor([[value, 0.0]], requires_grad=True) for value in (0.0, 1.0, 2.0))
    assert losses.triplet(a, p, n, margin=0.5).item() == 0  # 1 - 4 + 0.5 < 0
    loss = losses.triplet(a, p, n, margin=4.0)
    assert loss.item() == pytest.approx(1 - 4 + 4)
    loss.backward()
    assert p.grad[0, 0] > 0  # down the gradient the positive comes nearer to the anchor
    assert n.grad[0, 0] < 0  # and the negative goes away
    both = losses.triplet(torch.zeros(2, 1), torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0], [1.0]]), margin=0.0)
    assert both.item() == pytest.approx((0 + 8) / 2)
    with pytest.raises(ValueError, match="of one shape"):
        losses.triplet(torch.zeros(2, 1), torch.zeros(2, 1), torch.zeros(1, 1), margin=0.0)


def numbered(store):
    """Training frames whose first pixel says their row, and what reads it."""
    frames = Frames(store, split="train", size=32, guide=GUIDE, kinds=None)
    frames.pixels[:, 0, 0, 0] = np.arange(len(frames))
    return frames, lambda pictures: pictures[:, 0, 0, 0].long().numpy().reshape(-1, 3)


def test_triplets_are_a_frame_the_next_and_a_distant_one_of_one_clip(store):
    frames, rows_of = numbered(store)
    drawn = frames.draw_triplets(40, generator_of(0), gap=4)
    rows = rows_of(drawn["frames"])
    assert (frames.first[rows] == frames.first[rows[:, :1]]).all()
    assert (rows[:, 1] == rows[:, 0] + 1).all()
    apart = np.abs(rows[:, 2] - rows[:, 0])
    assert apart.min() == 4
    assert apart.max() > 6
    references = rows_of(drawn["reference"])
    assert (references == references[:, :1]).all()
    assert (frames.first[references[:, 0]] == frames.first[rows[:, 0]]).all()
    assert len(set((references[:, 0] - frames.first[rows[:, 0]]).tolist())) > 5  # not the first alone
    far = frames.draw_triplets(20, generator_of(1), gap=50)  # clips of ten frames have none: the farthest
    rows = rows_of(far["frames"])
    assert (np.abs(rows[:, 2] - rows[:, 0]) >= 5).all()


def test_only_frames_whose_joints_are_seen_are_learned_from(store, tmp_path):
    with StoreWriter(tmp_path / "half", encoding="raw") as writer:
        for row in (0, 1):
            known = np.ones((10, 18), np.float32)
            known[5:] = 0.1
            writer.add(replace(store[row], confidence=known))
    half = Store(tmp_path / "half")
    frames = Frames(half, split="train", size=32, guide=GUIDE, kinds=None, least_confidence=0.3)
    assert frames.usable.tolist() == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    assert (frames.draw_pairs(50, generator_of(0))["confidence"] == 1).all()
    with pytest.raises(InputError, match="no frame of split 'train' has points of mean confidence 2 or more"):
        Frames(half, split="train", size=32, guide=GUIDE, kinds=None, least_confidence=2.0)
    _, (stage,) = prepare(tiny(), half)  # nobody is held out, so nothing is shown of the run
    assert stage.monitor is None


def test_a_mirrored_triplet_is_mirrored_whole(store):
    frames = Frames(store, split="train", size=32, guide=GUIDE, kinds=None)
    plain, moved = (frames.draw_triplets(20, generator_of(5), gap=3, flip=flip) for flip in (False, True))
    flipped = [torch.equal(a.flip(-1), b) and not torch.equal(a, b) for a, b in zip(plain["frames"], moved["frames"])]
    kept = [torch.equal(a, b) for a, b in zip(plain["frames"], moved["frames"])]
    assert all(a or b for a, b in zip(flipped, kept))
    assert {tuple(flipped[i : i + 3]) for i in range(0, 60, 3)} == {(True,) * 3, (False,) * 3}


def test_it_overfits_one_batch(store):
    model, (stage,) = prepare(tiny(losses="l1", rate=4e-3, drop=0.0), store)
    optimizers, batch = stage.objective.optimizers(), stage.batch(generator_of(0))
    seen = [step(stage, batch, number, optimizers)["generator"]["l1"] for number in range(250)]
    assert np.mean(seen[-10:]) < 0.3 * seen[0]
    with torch.no_grad():
        made = pose(model.generator, "siamese", to_signed(batch["reference"]), to_signed(batch["skeletons"]))
    truth = to_signed(batch["frames"])
    assert ssim(made.numpy(), truth.numpy(), data_range=2.0, channels_last=False) > 0.8


def test_noise_is_a_clips_own_and_does_not_flicker(store):
    model, clip = build(tiny(norm="none")), store[0]
    with torch.no_grad():
        for parameter in model.generator.parameters():
            parameter.mul_(5)  # untrained layers would pass on hardly anything
    still = np.repeat(clip.points[:1], 5, 0)
    noisy = model.move(still, clip.frames[0], seed=3)
    assert noisy.shape == (5, 32, 32, 3)
    assert (noisy == noisy[:1]).all()
    assert not np.array_equal(noisy, model.move(still, clip.frames[0], seed=None))
    assert not np.array_equal(noisy, model.move(still, clip.frames[0], seed=4))
    assert np.abs(noisy.astype(int) - model.move(still, clip.frames[0], seed=3, batch=2)).max() <= 1


def test_a_missing_joint_takes_its_limbs_with_it(store):
    model, clip = build(tiny()), store[0]
    known = clip.confidence.copy()
    known[:, 4] = 0
    whole_one, without = model.draw(torch.from_numpy(clip.points)), model.draw(torch.from_numpy(clip.points), torch.from_numpy(known))
    assert (without > 0).any(1).sum() < (whole_one > 0).any(1).sum()
    moved = clip.points.copy()
    moved[:, 4] = 3.0  # where a missing joint is said to lie means nothing
    assert torch.equal(model.draw(torch.from_numpy(moved), torch.from_numpy(known)), without)


def test_stopped_and_gone_on_is_straight_bitwise(store, tmp_path):
    whole.train("scgan-siamese-tiny", store.path, tmp_path / "straight", show=False)
    assert whole.train("scgan-siamese-tiny", store.path, tmp_path / "broken", stop_after=4, show=False) is None
    whole.train("scgan-siamese-tiny", store.path, tmp_path / "broken", show=False)
    first, second = (checkpoint.read_tensors(tmp_path / run / "model" / "model.safetensors") for run in ("straight", "broken"))
    assert not [name for name in first if not torch.equal(first[name], second[name])]
    assert load_renderer(tmp_path / "straight").family == "scgan"


def test_what_does_not_fit_is_one_line(store, tmp_path):
    with pytest.raises(InputError, match=r"has 68 points; 'body' has 18"):
        whole.train("scgan-siamese-tiny", drawn_store(tmp_path / "faces").path, tmp_path / "run", show=False)
    with pytest.raises(InputError, match="the guide 'face' has no flesh, so that scgan-limbs-tiny cannot carry its limbs"):
        whole.train("scgan-limbs-tiny", store.path, tmp_path / "run", {"guide": "face"})
    with pytest.raises(InputError, match="are 32 pixels large, the recipe asks for 64"):
        whole.train("scgan-siamese-tiny", store.path, tmp_path / "run", {"size": 64, "widths": "4,4,4,4,4,4", "critic_widths": "4,4,4,4"})
    assert not (tmp_path / "run").exists()
    model = Scgan(settings=vars(tiny()))
    with pytest.raises(InputError, match=r"is of 18 points \(body\), not \(10, 68, 2\)"):
        model.move(np.zeros((10, 68, 2)), np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(InputError, match="is of 32 pixels; a reference of"):
        model.move(np.zeros((10, 18, 2)), np.zeros((64, 64, 3), np.uint8))


def test_a_store_without_validation_people_is_trained_unwatched(tmp_path):
    few = drawn_bodies(tmp_path / "few", people=2)
    _, (stage,) = prepare(tiny(), Store(few.path))
    assert stage.monitor is None


def test_the_monitor_shows_true_frames_above_moved_ones(store):
    _, (stage,) = prepare(tiny(), Store(store.path))
    found = stage.monitor()
    assert found["sheet"].shape == (8 * 32, 3 * 32, 3)
    assert 0 < found["ssim"] < 1
    assert found["psnr"] > 5
