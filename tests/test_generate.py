"""`limner generate`: from the first frames of a store to a store of generated clips."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from limner import geometry
from limner.data.clips import crop, crop_matrix
from limner.data.store import Store, StoreWriter
from limner.detect.face import FaceDetector
from limner.generation.clips import GenerateSettings, between, face_of, generate
from limner.generation.render import WarpRenderer
from limner.generation.renderers import open_renderer
from limner.guides.face import GUIDE
from limner.papers.cmmnet import CMMNet
from limner.papers.recipes import recipe
from limner.papers.translation import Translation
from limner.types import Clip, Face, InputError

NUM = 6


@pytest.fixture(scope="module")
def real(astronaut, tmp_path_factory) -> Store:
    """A store of one real face at 64 px: two clips, labelled and not, whose mouth opens by hand-made points."""
    face = FaceDetector().faces(astronaut)[0]
    matrix = crop_matrix(face.points, 64)
    frame, points = crop(astronaut, matrix, 64), geometry.apply_affine(matrix, face.points)
    moving = np.repeat(points[None], NUM, 0)
    moving[:, 55:60, 1] += np.linspace(0, 2, NUM)[:, None]  # the lower lip goes down by two pixels
    with StoreWriter(tmp_path_factory.mktemp("store") / "real") as writer:
        for name, label in (("labelled", "posed"), ("bare", None)):
            writer.add(
                Clip(
                    id=name, source="test", subject=name, split="test" if label else "val", label=label, size=(64, 64), fps=Fraction(25),
                    duration_s=0.2, points=moving.astype(np.float32), confidence=np.ones((NUM, 68), np.float32),
                    frames=np.repeat(frame[None], NUM, 0),
                )
            )  # fmt: skip
    return Store(writer.path)


def test_a_clip_for_every_mode_of_the_same_person_and_split(real, tmp_path):
    made = generate(real, tmp_path / "out", GenerateSettings(modes=2, conditional=True, renderer="warp"))
    assert [clip.id for clip in made] == ["labelled/mode_1", "labelled/mode_2", "labelled/conditional"]
    for clip in made:
        assert (clip.subject, clip.split, clip.label, clip.kind) == ("labelled", "test", "posed", "transition")
        np.testing.assert_array_equal(clip.points[0], real[0].points[0])
        np.testing.assert_array_equal(clip.frames[0], real[0].frames[0])  # a motion begins at the real first frame
        assert clip.num_frames == NUM
        assert clip.duration_s == pytest.approx((NUM - 1) / float(clip.fps), rel=0.01)
        assert np.abs(clip.frames[-1].astype(int) - clip.frames[0]).max() > 20
    assert np.abs(made[0].points - made[1].points).max() > 0.1  # modes differ
    assert "Synthetic" in made.note["synthetic"]
    made.verify()


def test_recorded_points_drive_the_first_frame(real, tmp_path):
    made = generate(real, tmp_path / "out", GenerateSettings(motion="recorded", renderer="warp"))
    clip, first = made[0], real[0]
    np.testing.assert_array_equal(clip.points, first.points)
    low, high = first.points[0].min(0), first.points[0].max(0)
    face = Face(points=first.points[0], box=(low[0], low[1], high[0], high[1]), confidence=1.0)
    direct = WarpRenderer(first.frames[0], face, neutral_points=first.points[0]).render(first.points)
    np.testing.assert_array_equal(clip.frames, np.stack(list(direct)))


def test_landmark_images_are_brought_to_the_length_of_the_clip(real, tmp_path):
    """The models are untrained: what they draw means nothing, how many frames there are and what each was drawn from does."""
    torch.manual_seed(0)
    motion = CMMNet(settings=asdict(recipe("cmmnet-tiny")), label_names=["posed", "spontaneous"])
    size = motion.settings.size
    assert motion.settings.num_frames != NUM
    translation = Translation(settings={**asdict(recipe("translation-tiny")), "size": size})
    motion.save_pretrained(tmp_path / "run" / "model")
    translation.save_pretrained(tmp_path / "run" / "translation" / "model")
    clip = generate(real, tmp_path / "out", GenerateSettings(run=str(tmp_path / "run"), modes=2))[1]
    assert len(clip.frames) == len(clip.points) == NUM
    first = real[0]
    unit = geometry.apply_affine(geometry.to_unit(first.points[0].astype(np.float64), GUIDE), first.points[0].astype(np.float64))
    maps = motion.maps(unit.astype(np.float32), label="posed", modes=2)[1]
    assert first.frames is not None
    assert clip.frames is not None
    renderer: Any = open_renderer(str(tmp_path / "run"))(first.frames[0], face_of(first.points[0]), neutral_points=first.points[0])
    for frame, at in ((0, 0), (NUM - 1, len(maps) - 1)):  # the ends are the model's own
        np.testing.assert_array_equal(clip.frames[frame], next(iter(renderer.render_maps(maps[at : at + 1]))))


def test_a_run_whose_translation_is_not_finished_is_refused_and_one_of_a_renderer_says_what_it_needs(real, tmp_path):
    motion = CMMNet(settings=asdict(recipe("cmmnet-tiny")), label_names=["posed", "spontaneous"])
    motion.save_pretrained(tmp_path / "run" / "model")
    (tmp_path / "run" / "translation" / "checkpoints").mkdir(parents=True)
    (tmp_path / "run" / "translation" / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"translation is a run that is not finished; go on with the same `limner train` command"):
        generate(real, tmp_path / "out", GenerateSettings(run=str(tmp_path / "run")))
    Translation(settings=asdict(recipe("translation-tiny"))).save_pretrained(tmp_path / "alone" / "model")
    with pytest.raises(InputError, match="alone renders and imagines no motion: --motion recorded"):
        generate(real, tmp_path / "out", GenerateSettings(run=str(tmp_path / "alone")))


def test_between_two_landmark_images_lies_their_blend():
    maps = torch.stack([torch.zeros(2, 2), torch.ones(2, 2), torch.full((2, 2), 0.5)])
    assert between(maps, 5)[:, 0, 0].tolist() == [0.0, 0.5, 1.0, 0.75, 0.5]
    assert between(maps, 2)[:, 0, 0].tolist() == [0.0, 0.5]
    assert torch.equal(between(maps, 3), maps)
    assert torch.equal(between(maps[:1], 4), maps[:1].expand(4, 2, 2))  # a single one stands


def test_the_same_again_is_kept_and_a_cut_run_goes_on(real, tmp_path, monkeypatch):
    settings = GenerateSettings(modes=3, renderer="warp")
    whole = generate(real, tmp_path / "whole", settings)
    monkeypatch.setattr("limner.generation.clips.CLIPS_PER_SHARD", 2)
    broken = tmp_path / "broken"

    def cut(stage: str, done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(real, broken, settings, progress=cut)
    assert len(Store(broken)) == 2  # the shard that was finished
    assert generate(real, broken, settings).table["hash"] == whole.table["hash"]
    stamp = (broken / "manifest.parquet").stat().st_mtime_ns
    generate(real, broken, settings)
    assert (broken / "manifest.parquet").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ours", "--split", "train"), "has no transition of split 'train'; its splits are: test, val"),
        (("ours", "--split", "val"), "clip 'bare' of store .* has no label; say which smile is wished with --label"),
        (("ours", "--label", "sad"), "the model knows no label 'sad' .* it knows posed, spontaneous"),
        (("nowhere",), "no checkpoint at nowhere"),
        (("ours", "--modes", "9"), "9 modes asked for, but 6 were trained"),
        (("ours", "--renderer", "nothing"), "no renderer 'nothing'"),
        (("ours", "--modes", "0"), "modes is 0; it is at least 1"),
    ],
)
def test_what_cannot_be_made_is_one_line(limner, real, tmp_path: Path, arguments, said):
    import re

    code, _, errors = limner("generate", *arguments, "--data", real.path, "--out", tmp_path / "out")
    assert code == 2
    assert len(errors) == 1
    assert re.search(said, errors[0]), errors[0]


def test_other_settings_and_the_store_itself_are_refused(limner, real, tmp_path):
    out = tmp_path / "out"
    assert limner("generate", "ours", "--data", real.path, "--out", out, "--modes", 1, "--renderer", "warp")[0] == 0
    code, _, errors = limner("generate", "ours", "--data", real.path, "--out", out, "--modes", 2, "--renderer", "warp")
    assert code == 2
    assert "other settings" in errors[0]
    with pytest.raises(InputError, match="is the store that is read"):
        generate(real, real.path, GenerateSettings())
