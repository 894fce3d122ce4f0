"""Video-GAN and CRA-Net: the layers of spec A8, what each step minimises, that they learn, resume, keep their best, generate."""

from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from drawn_faces import drawn_store
from limner import losses
from limner.data.films import Films, held_out_films
from limner.data.store import Store, StoreWriter
from limner.generation.clips import GenerateSettings, generate
from limner.guides.face import GUIDE
from limner.models.conditional import to_signed
from limner.models.video_gan import said, told
from limner.nn.recurrent import CondLSTM
from limner.papers.cra_net import CraNet
from limner.papers.load import load_film_model, load_motion_model, load_renderer
from limner.papers.recipes import recipe
from limner.papers.train import prepare, train
from limner.papers.video_gan import VideoGan
from limner.training import checkpoint
from limner.training.best import best_of
from limner.training.loop import generator_of
from limner.types import InputError

LABELS = ["posed", "spontaneous"]
TINY = ("video-gan-tiny", "cra-net-tiny")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return drawn_store(tmp_path_factory.mktemp("baselines") / "store", people=20)


@pytest.fixture(scope="module")
def runs(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    return {name: train(name, store.path, out / name, show=False).parent for name in TINY}  # type: ignore[union-attr]


def tensors(run):
    return checkpoint.read_tensors(run / "model" / "model.safetensors")


def step(stage, batch, number, optimizers):
    seen = []
    for owner, terms, notes in stage.objective.updates(batch, generator_of(number)):
        optimizers[owner].zero_grad()
        sum(terms.values()).backward()
        optimizers[owner].step()
        seen.append((owner, {name: float(value.detach()) for name, value in terms.items()}, notes))
    return seen


def by_hand(widths, taps):
    """Parameters of convolutions of so many taps along the widths, with their biases, and of norms (two a channel) on all but the first."""
    convolutions = sum(a * b * taps + b for a, b in pairwise(widths))
    return convolutions + 2 * sum(widths[2:])


def test_video_gan_is_the_papers_at_its_width():
    with torch.device("meta"):
        model = VideoGan(settings={}, label_names=LABELS)
        generator, critic = model.generators[0], model.critics[0]
        code = generator.encoder(torch.empty(2, 3, 64, 64))  # type: ignore[operator]
        assert code.shape == (2, 1024, 4, 4)
        assert [tuple(x.shape[1:]) for x in halfway(generator.streams.moving, code[:, :, None])] == [  # type: ignore[union-attr]
            (1024, 2, 4, 4), (512, 4, 8, 8), (256, 8, 16, 16), (128, 16, 32, 32),
        ]  # fmt: skip
        film = generator(torch.empty(2, 3, 64, 64), torch.zeros(2, dtype=torch.long))
        assert film.shape == (2, 3, 32, 64, 64)
        assert critic(film).shape == (2, 2)
    assert len(model.generators) == len(model.critics) == 2  # one model a class
    encoder = by_hand((3, 128, 256, 512, 1024), 16)
    back = (1024, 512, 256, 128)
    still = by_hand((0, *back), 16) - 1024 + 128 * 3 * 16 + 3  # without the made-up first layer, with the last
    moving = (1024 * 1024 * 2 + 1024 + 2 * 1024) + (by_hand((0, *back), 64) - 1024) + 128 * 4 * 64 + 4
    assert sum(p.numel() for p in generator.parameters()) == encoder + still + moving
    assert sum(p.numel() for p in critic.parameters()) == by_hand((3, 128, 256, 512, 1024), 64) + 1024 * 2 * 2 * 4 * 4 + 2
    assert sum(p.numel() for p in model.parameters()) == 2 * (68_216_455 + 44_135_810)


def halfway(body, x):
    """What each ReLU of a sequence of layers gives."""
    for layer in body:
        x = layer(x)
        if isinstance(layer, torch.nn.ReLU):
            yield x


def test_cra_net_is_counted_at_its_width():
    with torch.device("meta"):
        net = CraNet(settings={}, label_names=LABELS).net
        mean, _ = net.encoder(torch.empty(2, 3, 64, 64))
        assert mean.shape == (2, 256)
        assert net.decode(net.recurrent(mean, torch.zeros(2, dtype=torch.long), 32)).shape == (2, 32, 3, 64, 64)
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in net.named_children()}
    assert counts["encoder"] == by_hand((3, 64, 128, 256, 512), 16) + 512 * 16 * 512 + 512
    assert counts["recurrent"] == 2 * 16 + 4 * 256 * (256 + 16 + 256 + 2) + 256 * 256 + 256
    assert counts == {"encoder": 6_953_152, "decoder": 4_863_299, "recurrent": 608_544, "critic": 663_361, "who": 666_433}


def test_small_recipes_are_a_quarter_as_wide():
    for name, fields in (("video-gan", ("widths",)), ("cra-net", ("widths", "critic_widths"))):
        whole, small = recipe(name), recipe(f"{name}-small")
        for field in fields:
            assert tuple(4 * width for width in getattr(small, field)) == getattr(whole, field)


def test_a_film_is_background_where_the_mask_is_not():
    model = VideoGan(settings=asdict(recipe("video-gan-tiny")), label_names=LABELS)
    streams = model.generators[0].streams
    with torch.no_grad():
        streams.mask.weight.zero_()
        streams.mask.bias.fill_(-40.0)
    film = model.film(np.full((32, 32, 3), 90, np.uint8), label="posed")
    assert (film == film[:1]).all()
    with torch.no_grad():
        streams.mask.bias.fill_(40.0)
        streams.film.weight.zero_()
        streams.film.bias.copy_(torch.tensor([20.0, 0.0, -20.0]))
    film = model.film(np.full((32, 32, 3), 90, np.uint8), label="posed")
    assert (film.reshape(-1, 3) == [255, 128, 0]).all()


def test_a_label_is_told_as_channels():
    x = torch.rand(2, 3, 4, 5, 6)
    with_label = told(x, torch.tensor([1, 0]), 2)
    assert torch.equal(with_label[:, :3], x)
    assert with_label[0, 3:].flatten(1).mean(1).tolist() == [0, 1]
    assert with_label[1, 3:].flatten(1).mean(1).tolist() == [1, 0]
    assert told(x, torch.tensor([1, 0]), 0) is x


def test_a_residual_sequence_begins_where_the_code_is():
    net = CondLSTM(latent=3, hidden=4, num_labels=2, label_features=2, residual=True)
    with torch.no_grad():
        net.out.weight.zero_()
        net.out.bias.fill_(0.5)
    made = net(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([0]), 4)
    assert made[0].tolist() == [[1.5, 2.5, 3.5], [2, 3, 4], [2.5, 3.5, 4.5], [3, 4, 5]]


@pytest.mark.parametrize(
    ("name", "updates"),
    [
        ("video-gan-tiny", [[("critic", {"critic"}), ("generator", {"fool", "first"})]] * 2),
        (
            "cra-net-tiny",
            [
                [("critic", {"critic"}), ("vae", {"l1", "kl", "fool"})],
                [("critics", {"critic", "who"}), ("net", {"l1", "kl", "code", "fool", "fool_who"})],
            ],
        ),
    ],
)
def test_every_parameter_learns_and_the_critics_step_first(name, updates, store):
    model, stages = prepare(recipe(name), store)
    still = {key for key, _ in model.named_parameters()}
    before = {key: value.clone() for key, value in model.named_parameters()}
    for stage, expected in zip(stages, updates, strict=True):
        optimizers = stage.objective.optimizers()
        for number in range(3):
            seen = step(stage, stage.batch(generator_of(number)), number, optimizers)
            assert [(owner, set(terms)) for owner, terms, _ in seen] == expected
        still -= {key for key, value in model.named_parameters() if not torch.equal(value, before[key])}
    assert not still
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_terms_of_video_gan_are_the_papers_by_hand(store):
    model, (stage, _) = prepare(replace(recipe("video-gan-tiny"), film_weight=3.0), store)
    batch = stage.batch(generator_of(0))
    assert set(batch["labels"].tolist()) == {0}  # one model a class
    updates = stage.objective.updates(batch, generator_of(1))
    film, x = to_signed(batch["films"]).transpose(1, 2), to_signed(batch["first"])
    assert torch.equal(film[:, :, 0], x)
    _, critic, _ = next(updates)
    on_real, on_made = (model.critics[0](one).softmax(1) for one in (film, model.generators[0](x, batch["labels"])))
    torch.testing.assert_close(critic["critic"], -(on_real[:, 1].log().mean() + on_made[:, 0].log().mean()))
    _, generator, _ = next(updates)
    made = model.generators[0](x, batch["labels"])
    torch.testing.assert_close(generator["first"], 10 * (made[:, :, 0] - x).abs().mean())
    torch.testing.assert_close(generator["film"], 3 * (made - film).abs().mean())
    torch.testing.assert_close(generator["fool"], -model.critics[0](made).softmax(1)[:, 1].log().mean())
    assert float(said(torch.zeros(4, 2), 0)) == pytest.approx(np.log(2))


def test_who_sees_the_first_frame_beside_the_made_one(store):
    model, (_, stage) = prepare(replace(recipe("cra-net-tiny"), norm="none"), store)
    batch = stage.batch(generator_of(0))
    updates = stage.objective.updates(batch, generator_of(1))
    _, critics, _ = next(updates)
    net, x = model.net, to_signed(batch["first"])
    h_0, mean, log_variance = net.encode(x, generator_of(1))
    made = net.decode(net.codes(h_0, batch["labels"])[:, batch["moments"]]).flatten(0, 1)
    real, beside = to_signed(batch["films"]).flatten(0, 1), x.repeat_interleave(2, 0)
    on_real, on_made = (torch.sigmoid(net.who(torch.cat([beside, one], 1))) for one in (real, made))
    torch.testing.assert_close(critics["who"], -(on_real.log().mean() + (1 - on_made).log().mean()))
    _, own, _ = next(updates)
    torch.testing.assert_close(own["l1"], 100 * (made - real).abs().mean())
    torch.testing.assert_close(own["kl"], losses.kl(mean, log_variance) / (3 * 32 * 32))
    torch.testing.assert_close(own["fool_who"], -0.2 * torch.sigmoid(net.who(torch.cat([beside, made], 1))).log().mean())


@pytest.mark.parametrize(
    ("name", "changes", "number", "steps"),
    [
        ("video-gan-tiny", {"widths": (16, 32), "rate": 3e-3, "film_weight": 10.0}, 0, 60),
        ("cra-net-tiny", {"widths": (8, 16, 16), "rate": 3e-3, "finetune_rate": 3e-3, "latent": 16}, 1, 80),
    ],
)
def test_it_overfits_one_batch(name, changes, number, steps, store):
    _, stages = prepare(replace(recipe(name), **changes), store)
    stage = stages[number]
    optimizers, batch, off = stage.objective.optimizers(), stage.batch(generator_of(0)), []
    for count in range(steps):
        off.append(float(step(stage, batch, count, optimizers)[-1][2]["l1_of_255"]))
    assert np.mean(off[-5:]) < 0.35 * np.mean(off[:2])


@pytest.mark.parametrize("name", TINY)
def test_stopped_and_gone_on_is_straight_bitwise_and_ends_with_its_best(name, store, runs, tmp_path):
    for stop in (1, 3, 5):  # inside the first stage, at its end, inside the second
        assert train(name, store.path, tmp_path / "broken", stop_after=stop, show=False) is None
    with pytest.raises(InputError, match="is a run that is not finished"):
        load_film_model(tmp_path / "broken")
    train(name, store.path, tmp_path / "broken", show=False)
    straight, broken = tensors(runs[name]), tensors(tmp_path / "broken")
    assert straight.keys() == broken.keys()
    assert not [key for key in straight if not torch.equal(straight[key], broken[key])]
    kept = checkpoint.latest(runs[name] / "best" / "1")
    assert kept is not None
    best = checkpoint.read_tensors(kept / "model.safetensors")
    assert not [key for key in straight if not torch.equal(straight[key], best[key])]
    assert best_of(runs[name], 1)["done"] in (4, 6)  # type: ignore[index]
    assert best_of(tmp_path / "broken", 1) == best_of(runs[name], 1)


@pytest.mark.parametrize("name", TINY)
def test_generate_fills_a_store(name, store, runs, tmp_path, limner):
    assert limner("generate", runs[name], "--data", store.path, "--out", tmp_path / "made")[0] == 0
    made = Store(tmp_path / "made")
    made.verify()
    real = [store.row(row)["id"] for row in store.select(split="test")]
    assert [clip.id for clip in made] == [f"{one}/mode_1" for one in real]
    for clip in made:
        assert clip.frames is not None
        assert clip.frames.shape == (8, 32, 32, 3)
        assert (clip.confidence[1:] == 0).all()  # such a run knows no landmarks
        assert clip.confidence[0].min() > 0
        assert clip.au is None
    model = load_film_model(runs[name])
    first = store[store.select(split="test")[0]]
    assert first.frames is not None
    np.testing.assert_array_equal(made[0].frames, model.film(first.frames[0], label=str(first.label)))
    if name.startswith("cra-net"):  # three steps from Video-GAN's first weights all is still grey
        assert not np.array_equal(model.film(first.frames[0], label="posed"), model.film(first.frames[0], label="spontaneous"))


def test_modes_are_samples_of_cra_net_and_video_gan_has_one(store, runs, tmp_path, limner):
    made = generate(store, tmp_path / "made", GenerateSettings(run=str(runs["cra-net-tiny"]), modes=3, limit=1))
    films = [clip.frames for clip in made]
    assert len(films) == 3
    assert not np.array_equal(films[0], films[1])
    assert not np.array_equal(films[1], films[2])
    code, _, errors = limner("generate", runs["video-gan-tiny"], "--data", store.path, "--out", tmp_path / "no", "--modes", 2)
    assert code == 2
    assert "video-gan makes 1 of a face and a label; leave --modes out" in errors[0]


def test_what_a_run_of_films_is_not(runs):
    with pytest.raises(InputError, match="no config of a motion model"):
        load_motion_model(runs["video-gan-tiny"])
    with pytest.raises(InputError, match="no config of a renderer"):
        load_renderer(runs["cra-net-tiny"])
    model = load_film_model(runs["video-gan-tiny"])
    with pytest.raises(InputError, match="is of 32 pixels; a frame of"):
        model.film(np.zeros((64, 64, 3), np.uint8), label="posed")
    with pytest.raises(InputError, match="knows no label 'sad'; it knows posed, spontaneous"):
        model.film(np.zeros((32, 32, 3), np.uint8), label="sad")


def test_films_are_whole_clips_of_each_label_alike(store, tmp_path):
    films = Films(store, split="train", size=32, num_frames=4, guide=GUIDE)
    assert films.film(0).shape == (4, 32, 32, 3)
    clip = store[int(films.frames.clips[films.rows[0, 0]])]
    assert clip.frames is not None
    np.testing.assert_array_equal(films.film(0), clip.frames[[0, 2, 5, 7]])
    drawn = films.draw(200, generator_of(0), moments=2)
    assert drawn["films"].shape == (200, 2, 3, 32, 32)
    assert 60 < int(drawn["labels"].sum()) < 140
    flipped = films.draw(8, generator_of(1), label=1, flip=True, jitter=3)
    assert flipped["labels"].tolist() == [1] * 8
    assert torch.equal(flipped["films"][:, 0], flipped["first"])  # a film is flipped and shifted whole
    with StoreWriter(tmp_path / "few") as writer:
        for clip in store:
            if clip.label == "posed" or clip.split == "test":
                writer.add(clip)
    few = Store(tmp_path / "few")
    assert held_out_films(few, size=32, num_frames=4, guide=GUIDE) is None
    with pytest.raises(InputError, match="no clip with frames labelled 'spontaneous' of split 'train'"):
        Films(few, split="train", size=32, num_frames=4, guide=GUIDE)
