"""CMM-Net's translation: what each step minimises, that it learns, resumes bit for bit, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from drawn_faces import drawn_clips, drawn_store
from limner import losses
from limner.data.prepare import prepare_smiles
from limner.data.store import Store, StoreWriter
from limner.measures import ssim
from limner.models.conditional import to_bytes, to_signed
from limner.papers import whole
from limner.papers.load import load_motion_model, load_renderer
from limner.papers.recipes import recipe
from limner.papers.train import prepare, resolve
from limner.papers.train import train as train_one
from limner.papers.translation import Translation, fading
from limner.training import checkpoint
from limner.training.loop import generator_of
from limner.types import InputError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return drawn_store(tmp_path_factory.mktemp("translation") / "store", people=20)


@pytest.fixture(scope="module")
def clip(store):
    return store[store.select(split="test")[0]]


def tiny(**changes):
    return replace(recipe("translation-tiny"), **changes)


def tensors(run):
    return checkpoint.read_tensors(run / "model" / "model.safetensors")


def assert_same(first, second):
    assert first.keys() == second.keys()
    assert not [name for name in first if not torch.equal(first[name], second[name])]


def step(stage, batch, number, optimizers, seen=None):
    for owner, terms, _ in stage.objective.updates(batch, generator_of(number)):
        optimizers[owner].zero_grad()
        sum(terms.values()).backward()
        optimizers[owner].step()
        if seen is not None:
            seen.append((owner, {name: float(value.detach()) for name, value in terms.items()}))


def test_bytes_and_signed_are_inverse():
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_bytes(to_signed(every)), every)
    assert to_signed(every).min() == -1
    assert to_signed(every).max() == 1


def test_the_critic_steps_first_then_the_generator_and_each_moves_its_own(store):
    model, (stage,) = prepare(tiny(), store)
    optimizers, batch, seen = stage.objective.optimizers(), stage.batch(generator_of(0)), []
    moved = []
    for owner, terms, _ in stage.objective.updates(batch, generator_of(1)):
        before = {name: value.clone() for name, value in model.named_parameters()}
        optimizers[owner].zero_grad()
        sum(terms.values()).backward()
        optimizers[owner].step()
        moved.append({name.partition(".")[0] for name, value in model.named_parameters() if not torch.equal(value, before[name])})
        seen.append((owner, set(terms)))
    assert seen == [("critic", {"critic"}), ("generator", {"l1", "fool"})]
    assert moved == [{"critic"}, {"generator"}]
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert stage.clip == 1000


def test_every_parameter_learns(store):
    model, (stage,) = prepare(tiny(), store)
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimizers = stage.objective.optimizers()
    for number in range(3):
        step(stage, stage.batch(generator_of(number)), number, optimizers)
    still = {name for name, value in model.named_parameters() if torch.equal(value, before[name])}
    assert not still


def test_the_terms_are_the_papers_by_hand(store):
    model, (stage,) = prepare(tiny(drop=0.0, norm="none", l1_weight=7.0, adversarial_weight=3.0), store)
    batch = stage.batch(generator_of(0))
    updates = stage.objective.updates(batch, generator_of(1))
    z_0, z_t = to_signed(batch["neutral"]), to_signed(batch["frames"])
    w_t = model.generator(torch.cat([batch["maps"].float(), z_0], 1))
    _, critic, _ = next(updates)
    real, fake = torch.sigmoid(model.critic(torch.cat([z_0, z_t], 1))), torch.sigmoid(model.critic(torch.cat([z_0, w_t], 1)))
    torch.testing.assert_close(critic["critic"], -(real.log().mean() + (1 - fake).log().mean()))  # D does not see the landmark image
    _, generator, notes = next(updates)
    torch.testing.assert_close(generator["l1"], 7 * (z_t - w_t).abs().mean())
    torch.testing.assert_close(generator["fool"], -3 * fake.log().mean())
    torch.testing.assert_close(notes["l1_of_255"], 127.5 * (z_t - w_t).abs().mean())


def test_l1_alone_knows_no_critic(store):
    _, (stage,) = prepare(tiny(adversarial_weight=0.0), store)
    assert set(stage.objective.optimizers()) == {"generator"}
    assert [(owner, set(terms)) for owner, terms, _ in stage.objective.updates(stage.batch(generator_of(0)), generator_of(1))] == [
        ("generator", {"l1"})
    ]


def test_it_overfits_one_batch(store):
    model, (stage,) = prepare(tiny(rate=2e-3, widths=(16, 32, 32)), store)
    optimizers, batch, seen = stage.objective.optimizers(), stage.batch(generator_of(0)), []
    for number in range(150):
        step(stage, batch, number, optimizers, seen)
    l1 = [terms["l1"] for owner, terms in seen if owner == "generator"]
    assert np.mean(l1[-10:]) < 0.3 * np.mean(l1[:3])
    made = model.translate(batch["maps"][:, 0].float(), batch["neutral"][0].permute(1, 2, 0).numpy())
    assert ssim(made[0], batch["frames"][0].permute(1, 2, 0).numpy()) > 0.8


def test_rate_fades_after_half_the_way():
    assert [fading(part) for part in (0, 0.25, 0.5, 0.75, 1.0)] == [1, 1, 1, 0.5, 0]
    assert [fading(part, warm_up=0.2) for part in (0, 0.1, 0.2, 0.75)] == [0.05, 0.55, 1, 0.5]


def test_a_translation_is_driven_by_points_or_by_maps(clip):
    model = Translation(settings=vars(tiny()))
    frames = model.translate(clip.points, clip.frames[0])
    assert frames.shape == (8, 32, 32, 3)
    assert frames.dtype == np.uint8
    drawn = model.draw(torch.from_numpy(clip.points))
    assert set(drawn.unique().tolist()) == {0, 1}
    assert np.array_equal(model.translate(drawn[:, 0], clip.frames[0]), frames)
    assert np.abs(model.translate(clip.points, clip.frames[0], batch=3).astype(int) - frames).max() <= 1
    soft = 0.4 * drawn[:, 0]
    hard = Translation(settings=vars(tiny(maps="hard")))
    hard.load_state_dict(model.state_dict())
    assert not np.array_equal(model.translate(soft, clip.frames[0]), frames)
    assert np.array_equal(hard.translate(0.6 * drawn[:, 0], clip.frames[0]), frames)
    assert np.array_equal(hard.translate(soft, clip.frames[0]), model.translate(0 * soft, clip.frames[0]))


def test_noise_is_a_clips_own_and_does_not_flicker(clip):
    model = Translation(settings=vars(tiny(net="pix2pix")))
    still = np.repeat(clip.points[:1], 5, 0)
    noisy = model.translate(still, clip.frames[0], seed=3)
    assert (noisy == noisy[:1]).all()
    assert not np.array_equal(noisy, model.translate(still, clip.frames[0]))
    assert not np.array_equal(noisy, model.translate(still, clip.frames[0], seed=4))
    assert np.array_equal(noisy, model.translate(still, clip.frames[0], seed=3))


def test_what_does_not_fit_a_model_is_one_line(clip):
    model = Translation(settings=vars(tiny()))
    with pytest.raises(InputError, match=r"is of 68 points \(face\), not \(8, 18, 2\)"):
        model.translate(clip.points[:, :18], clip.frames[0])
    with pytest.raises(InputError, match="is of 32 pixels; a neutral face of"):
        model.translate(clip.points, np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(InputError, match="is of 32 pixels; landmark images of"):
        model.translate(np.zeros((2, 64, 64)), clip.frames[0])


def test_stopped_and_gone_on_is_straight_bitwise(store, tmp_path):
    whole.train("translation-tiny", store.path, tmp_path / "straight", show=False)
    for stop in (2, 5):
        assert whole.train("translation-tiny", store.path, tmp_path / "broken", stop_after=stop, show=False) is None
    with pytest.raises(InputError, match="is a run that is not finished"):
        load_renderer(tmp_path / "broken")
    whole.train("translation-tiny", store.path, tmp_path / "broken", show=False)
    assert_same(tensors(tmp_path / "straight"), tensors(tmp_path / "broken"))
    assert load_renderer(tmp_path / "broken").family == "translation"


def test_cmmnet_ends_with_its_translation_and_goes_on_through_both(store, tmp_path, limner):
    assert limner("train", "cmmnet-tiny", "--data", store.path, "--out", tmp_path / "straight")[0] == 0
    for stop in (3, 15, 18):  # in the landmark half, exactly at its end, in the translation
        assert whole.train("cmmnet-tiny", store.path, tmp_path / "broken", stop_after=stop, show=False) is None
    assert (tmp_path / "broken" / "translation" / "checkpoints" / "step_00000003").is_dir()
    assert limner("train", "cmmnet-tiny", "--data", store.path, "--out", tmp_path / "broken")[0] == 0
    for folder in ("", "translation"):
        assert_same(tensors(tmp_path / "straight" / folder), tensors(tmp_path / "broken" / folder))
    assert load_motion_model(tmp_path / "straight").max_modes == 3
    assert load_renderer(tmp_path / "straight").family == "translation"


def test_a_store_without_frames_trains_the_landmark_half_and_says_so(tmp_path, limner):
    prepare_smiles(tmp_path / "points", people=10, seed=0, quiet=True)
    code, _, said = limner("train", "cmmnet-tiny", "--data", tmp_path / "points", "--out", tmp_path / "run")
    assert code == 0
    assert sum("has no frames: cmmnet-tiny learns motion alone, no translation" in line for line in said) == 1
    assert not (tmp_path / "run" / "translation").exists()
    code, _, said = limner("train", "translation-tiny", "--data", tmp_path / "points", "--out", tmp_path / "other")
    assert code == 2
    assert "a translation learns from pixels" in said[-1]
    assert not (tmp_path / "other").exists()


def test_what_a_run_refuses_before_it_trains(store, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(InputError, match="draws landmark images of 64 pixels, translation translates 32"):
        whole.train("cmmnet", store.path, out, {"translation.size": 32, "translation.widths": "8,8"}, show=False)
    with pytest.raises(InputError, match=r"are 32 pixels large, the recipe asks for 64"):
        whole.train("cmmnet", store.path, out, show=False)
    with pytest.raises(InputError, match=r"trains no translation, so there is no setting translation\.steps"):
        whole.train("cmmnet-points", store.path, out, {"translation.steps": 3}, show=False)
    with pytest.raises(InputError, match="no setting 'step'; there are: recipe, seed, guide"):
        whole.train("cmmnet-tiny", store.path, out, {"translation.step": 3}, show=False)
    with pytest.raises(InputError, match="that recipe is none of a translation"):
        whole.train("cmmnet-tiny", store.path, out, {"translation": "cmmnet"}, show=False)
    with pytest.raises(InputError, match="size must be divisible by 64: each of the 6 widths halves it"):
        whole.train("translation-pix2pix", store.path, out, {"size": 32}, show=False)
    assert not out.exists()


def test_settings_of_the_translation_are_its_own(store):
    first, second = whole.parts("cmmnet-tiny", {"seed": 3, "translation.l1_weight": "10"})
    assert first.config.seed == 3
    assert (second.config.seed, second.config.l1_weight, second.folder) == (0, 10.0, "translation")
    assert len(whole.parts("cmmnet-tiny", {"translation": ""})) == 1


def test_the_recipes_are_of_the_sizes_their_names_say():
    for name, size in (("translation", 64), ("translation-128", 128), ("translation-256", 256)):
        config = recipe(name)
        assert config.size == size == 2 ** (len(config.widths) + 1)
        model = Translation(settings=vars(config))
        with torch.no_grad():
            maps = model.maps_of(np.full((1, 68, 2), size / 2, np.float32))
            assert model.generator.eval()(torch.cat([maps, torch.zeros(1, 3, size, size)], 1)).shape == (1, 3, size, size)
    for name, parameters in (("translation", 3_556_894), ("translation-pix2pix", 29_245_635)):
        assert sum(p.numel() for p in Translation(settings=vars(recipe(name))).generator.parameters()) == parameters
    assert recipe("translation-pix2pix").size == 2 ** len(recipe("translation-pix2pix").widths)


def test_the_monitor_shows_true_frames_above_translated_ones(store):
    _, (stage,) = prepare(tiny(), store)
    found = stage.monitor()
    assert found["sheet"].shape == (8 * 32, 2 * 32, 3)  # four moments twice, of the two held-out people
    assert 0 < found["ssim"] < 1
    assert losses.distance(torch.zeros(2, 2), torch.ones(2, 2), keep=0) == 1


def test_a_store_without_validation_people_is_trained_unwatched(tmp_path, limner):
    """As of a folder of a few people's videos, whom a hash divides."""
    drawn_store(tmp_path / "few", people=3)
    code, _, said = limner("train", "cmmnet-tiny", "--data", tmp_path / "few", "--out", tmp_path / "run")
    assert code == 0
    assert f"limner: {tmp_path / 'few'} has nobody in split 'val': the training is watched on nobody" in said
    assert {path.name for path in (tmp_path / "run" / "translation").iterdir()} >= {"model", "config.json"}
    with StoreWriter(tmp_path / "other") as writer:
        for clip in drawn_clips(10, 32):
            if clip.split != "train":
                writer.add(clip)
    with pytest.raises(InputError, match="no clip with frames in split 'train'"):
        prepare(tiny(), Store(tmp_path / "other"))


def test_a_label_that_no_training_person_shows_is_named(tmp_path):
    with StoreWriter(tmp_path / "store") as writer:
        for clip in drawn_clips(10, 32):
            if clip.split != "train" or clip.label == "posed":
                writer.add(clip)
    with pytest.raises(InputError, match="no transition labelled 'spontaneous' of split 'train'"):
        prepare(recipe("cmmnet-tiny"), Store(tmp_path / "store"))


def test_a_refused_training_leaves_its_folder_to_other_settings(store, tmp_path):
    with pytest.raises(InputError, match="has 68 points; 'body' has 18"):
        train_one("translation-tiny", store.path, tmp_path / "run", {"guide": "body"}, show=False)
    assert train_one("translation-tiny", store.path, tmp_path / "run", show=False) is not None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": 0}, "batch is at least 1, not 0"),
        ({"rate": "nan"}, "rate is a finite number, not nan"),
        ({"rate": -1}, r"rate is at least 0, not -1\.0"),
        ({"betas": 0.5}, "betas are two numbers from 0 to below 1"),
        ({"steps": -1}, "steps are at least 0"),
        ({"norm": "layer"}, "no norm 'layer'; there are: batch, instance, none"),
        ({"widths": 8}, "the net moving has at least two widths, not 1"),
    ],
)
def test_numbers_that_cannot_be_are_named(changes, said):
    with pytest.raises(InputError, match=said):
        resolve("translation-tiny", changes)
