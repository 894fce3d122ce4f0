"""Bad input: one clear line, exit code 2, nothing half-written, the rest of a batch done. Through the real command."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from limner.media.motion import read_motion, write_motion

QUICK = ("--size", "128", "--frames", "6", "--modes", "1")


def save(folder: Path, name: str, pixels: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(folder / name)
    return folder / name


def left_in(out: Path) -> list[str]:
    return sorted(p.name for p in out.rglob("*")) if out.exists() else []


@pytest.fixture
def refused(limner, tmp_path: Path):
    """refused(said, *args): the command ends with 2, says one line that holds `said`, and leaves no output."""

    def check(said: str, *args: object, out: Path | None = None) -> None:
        out = tmp_path / "out" if out is None else out
        code, printed, errors = limner(*args, "--out", out)
        assert code == 2, (printed, errors)
        assert len(errors) == 1, errors
        assert errors[0].startswith("limner: ")
        assert said in errors[0]
        assert left_in(out) == []

    return check


# What is no photo


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("text.jpg", b"this is a letter", "is not a picture"),
        ("empty.png", b"", "is empty"),
        ("page.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        ("gone.png", None, "does not exist"),
    ],
)
def test_not_a_picture(refused, tmp_path: Path, name: str, content: bytes | None, said: str):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    refused(said, "smile", tmp_path / name)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_truncated(refused, astronaut: np.ndarray, tmp_path: Path, kind: str):
    path = save(tmp_path, f"cut.{kind}", astronaut)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused("damaged or cut short", "smile", path)


def test_a_video_given_as_a_photo(refused, astronaut: np.ndarray, tmp_path: Path):
    from limner.media.video import VideoWriter

    with VideoWriter(tmp_path / "clip.mp4", fps=Fraction(25), size=(64, 64)) as writer:
        writer.write(astronaut[:64, :64].copy())
    refused("is a video", "smile", tmp_path / "clip.mp4")


def test_a_loop_of_links_and_a_folder_without_pictures(refused, tmp_path: Path):
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    refused("loop", "smile", tmp_path / "loop.jpg")
    inner = tmp_path / "photos"
    inner.mkdir()
    (inner / "back").symlink_to(tmp_path)
    refused("is a folder without pictures", "smile", inner)


def test_over_100_megapixels(refused, tmp_path: Path):
    Image.new("1", (10_100, 10_000)).save(tmp_path / "huge.png")
    refused("megapixels", "smile", tmp_path / "huge.png")


def test_nothing_named_and_no_such_command(limner):
    assert limner("smile")[2] == ["limner: name at least one photo or folder: limner smile PHOTO"]
    code, _, errors = limner("smlie", "me.jpg")
    assert (code, errors) == (2, ["limner: no command 'smlie'; limner --help lists them"])
    assert limner("bench", "everything")[0] == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("smile", "x.jpg", "--frames", "many"), "--frames cannot be 'many'"),
        (("smile", "x.jpg", "--intensity", "much"), "--intensity cannot be 'much'"),
        (("smile", "x.jpg", "--seed"), "--seed needs a value"),
        (("smile", "x.jpg", "--qualty", "low"), "cannot make sense of --qualty; perhaps --quality"),
        (("smile", "--lop", "x.jpg", "--zzz"), "cannot make sense of --lop, --zzz; perhaps --loop"),
        (("render", "x.jpg", "y.json", "z"), "cannot make sense of z"),
        (("render", "x.jpg"), "missing: MOTION.json|VIDEO"),
        (("train", "cmmnet", "--data", "store"), "missing: --out"),
    ],
)
def test_options_that_cannot_be_read(limner, args: tuple[str, ...], said: str):
    command = args[0]
    assert limner(*args) == (2, "", [f"limner: {said} (limner {command} --help shows the options)"])


# Faces


def test_no_face(refused, tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    refused("no face found", "smile", save(tmp_path, "noise.png", noise))


def test_a_face_under_64_px(refused, astronaut: np.ndarray, tmp_path: Path):
    small = np.array(Image.fromarray(astronaut).resize((300, 300), Image.Resampling.LANCZOS))  # her face: 92 px of 512
    refused("64", "smile", save(tmp_path, "small.png", small))


def test_a_face_cut_by_the_border(refused, astronaut: np.ndarray, tmp_path: Path):
    refused("cut by the picture's left border", "smile", save(tmp_path, "cut.png", np.ascontiguousarray(astronaut[:300, 208:500])))


def test_no_such_face(refused, astronaut_png: Path):
    refused("there is no face 2", "smile", astronaut_png, "--face", 2)


def test_two_faces_the_largest_or_the_one_named(limner, astronaut: np.ndarray, tmp_path: Path):
    large = np.array(Image.fromarray(astronaut[:300, 80:380]).resize((420, 420), Image.Resampling.LANCZOS))
    pair = np.full((420, 800, 3), 200, np.uint8)
    pair[:, :420] = large
    pair[60:360, 470:770] = astronaut[:300, 80:380][:, ::-1]
    photo = save(tmp_path, "pair.png", pair)
    code, _, errors = limner("smile", photo, *QUICK, "--out", tmp_path / "one")
    assert code == 0
    assert any("2 faces found" in line for line in errors)
    assert limner("smile", photo, *QUICK, "--face", 2, "--out", tmp_path / "two")[0] == 0
    boxes = [json.loads((tmp_path / name / "pair" / "result.json").read_text())["photo"]["face_box_px"] for name in ("one", "two")]
    assert boxes[0][2] < 64 < boxes[1][0]  # of 128 pixels: left the first, right the second


def test_hard_but_usable_faces_go_on(limner, astronaut: np.ndarray, tmp_path: Path):
    """Sunglasses, a tilted head, a face drawn over in few colours: videos come out, with a warning at most."""
    close = Image.fromarray(astronaut[:300, 80:380])
    glasses = close.copy()
    for x in (124, 166):
        ImageDraw.Draw(glasses).ellipse((x - 17, 106, x + 17, 128), fill=(10, 10, 12))
    photos = tmp_path / "photos"
    save(photos, "glasses.png", np.array(glasses))
    save(photos, "tilted.png", np.array(close.rotate(30, Image.Resampling.BICUBIC, fillcolor=(180, 170, 170))))
    save(photos, "drawn.png", np.array(close.quantize(6).convert("RGB")))
    save(photos, "grey.png", np.array(close.convert("L")))
    code, said, errors = limner("smile", photos, *QUICK, "--out", tmp_path / "out")
    assert code == 0, errors
    assert "4 of 4 photos done" in said


def test_a_hidden_face_goes_on_and_is_said(limner, astronaut: np.ndarray, tmp_path: Path):
    hidden = astronaut.copy()
    hidden[80:190, 222:290] = (120, 110, 100)  # her left half
    code, _, errors = limner("smile", save(tmp_path, "half.png", hidden), *QUICK, "--out", tmp_path / "out")
    assert code == 0
    assert "limner: half.png: not sure this is a plain face" in errors[0]


# Settings


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--label", "happy"), "no label 'happy'; there are: posed, spontaneous"),
        (("--modes", "99"), "99 modes asked for, but"),
        (("--modes", "0"), "modes is 0"),
        (("--fps", "0"), "frame rate of '0' is out of range"),
        (("--fps", "one"), "'one' is no frame rate"),
        (("--fps", "200"), "fps is 200; it must lie between 1 and 120"),
        (("--frames", "100000"), "frames is 100000"),
        (("--size", "8"), "size is 8"),
        (("--intensity", "-1"), "intensity is -1"),
        (("--quality", "perfect"), "quality is 'perfect'"),
    ],
)
def test_settings(refused, astronaut_png: Path, options: tuple[str, ...], said: str):
    refused(said, "smile", astronaut_png, *options)


def test_what_no_photo_can_have_is_said_once(refused, astronaut_png: Path, tmp_path: Path):
    shutil.copy(astronaut_png, tmp_path / "other.png")
    refused("limner: no label 'happy'; there are: posed, spontaneous", "smile", astronaut_png, tmp_path / "other.png", "--label", "happy")


def test_two_photos_of_one_stem(limner, astronaut: np.ndarray, tmp_path: Path):
    one, two = save(tmp_path / "a", "me.png", astronaut), save(tmp_path / "b", "Me.jpg", astronaut)
    code, said, errors = limner("smile", one, two, one, *QUICK, "--out", tmp_path / "out")
    assert code == 2
    assert f"limner: {two} has the same name as {one}, and their results would share a folder" in errors[0]
    assert "1 of 2 photos done" in said
    assert (tmp_path / "out" / "me" / "mode_1.mp4").exists()


# Motion files


@pytest.fixture(scope="module")
def motion_text(astronaut: np.ndarray, engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    from limner import smile

    path = tmp_path_factory.mktemp("motion") / "good.motion.json"
    write_motion(path, smile(astronaut, frames=4, modes=1, size=128, engine=engine)[0].motion)
    return path.read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(guide="body"), "guide 'body'"),
        (lambda m: m.update(fps="0/5"), "frame rate"),
        (lambda m: m.update(fps="fast"), "no frame rate"),
        (lambda m: m["frames"][2].pop(), "frame 2"),
        (lambda m: m["frames"][1].__setitem__(7, [float("nan"), 1.0]), "frame 1, point 7"),
        (lambda m: m.update(frames=[]), "frame"),
        (lambda m: m.update(frames=[[]] * 1_000_000), "frames"),
        (lambda m: m.pop("size"), "'size'"),
    ],
)
def test_a_broken_motion_file(refused, astronaut_png: Path, motion_text: str, tmp_path: Path, change, said: str):
    content = json.loads(motion_text)
    change(content)
    (tmp_path / "bad.motion.json").write_text(json.dumps(content))
    refused(said, "render", astronaut_png, tmp_path / "bad.motion.json")


def test_a_motion_file_that_is_none(refused, astronaut_png: Path, motion_text: str, tmp_path: Path):
    for content, said in ((motion_text[:500], "cut short"), ("", "is empty"), ("[1, 2]", "not a motion file")):
        (tmp_path / "bad.json").write_text(content)
        refused(said, "render", astronaut_png, tmp_path / "bad.json")
    refused("does not exist", "render", astronaut_png, tmp_path / "none.json")
    refused("has a single frame, so nothing moves; --absolute", "render", astronaut_png, astronaut_png)


def test_a_video_of_another_kind(refused, astronaut_png: Path, tmp_path: Path):
    refused("name an .mp4 or a folder", "render", astronaut_png, tmp_path / "any.json", out=tmp_path / "video.mov")


# Checkpoints


def test_checkpoints(refused, astronaut_png: Path, tmp_path: Path):
    refused("no checkpoint at", "smile", astronaut_png, *QUICK, "--model", tmp_path / "nowhere")
    evil = tmp_path / "model.pt"
    evil.write_bytes(pickle.dumps({"weights": [1.0]}))
    refused("pickle", "smile", astronaut_png, *QUICK, "--model", evil)
    from limner.papers import load

    shipped = next(load.SHIPPED.glob("cmmnet*/config.json")).parent
    copy = tmp_path / "copy"
    shutil.copytree(shipped, copy)
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    refused("model.safetensors", "smile", astronaut_png, *QUICK, "--model", copy)


# The disk


def test_an_output_folder_that_cannot_be_written(refused, astronaut_png: Path, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        refused(f"cannot write into {out}", "smile", astronaut_png, *QUICK, out=out)
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator:
    """mounted(options): a tmpfs with these mount options; skips where this user may not mount."""
    folders: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"mount{len(folders)}"
        folder.mkdir()
        if (
            not shutil.which("mount")
            or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False).returncode
        ):
            pytest.skip("this user may not mount a small file system")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", "-l", folder], check=True)  # lazily: FFmpeg may hold a file open that it could not close


@pytest.mark.parametrize("size", ["8k", "64k"])
def test_a_full_disk(refused, mounted, astronaut_png: Path, size: str):
    refused("the disk is full", "smile", astronaut_png, "--frames", 12, out=mounted(f"size={size}") / "out")


def test_a_read_only_disk(refused, mounted, astronaut_png: Path):
    refused("read-only", "smile", astronaut_png, *QUICK, out=mounted("ro") / "out")


def test_a_limit_on_file_size(refused, astronaut_png: Path):
    """Where nothing can be mounted: writing fails in the middle of a file all the same."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))  # Python ignores the signal, so that write fails
    try:
        refused("the file grew larger than allowed", "smile", astronaut_png, "--frames", 12, "--start", "photo")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_read_only_home_and_no_standard_input(mounted, astronaut_png: Path, tmp_path: Path):
    home = mounted("ro")
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    environment.pop("MPLCONFIGDIR", None)
    done = subprocess.run(
        [
            "sh",
            "-c",
            'exec "$@" <&-',
            "sh",
            sys.executable,
            "-m",
            "limner",
            "smile",
            astronaut_png,
            *QUICK,
            "--start",
            "photo",
            "--out",
            tmp_path / "out",
        ],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.shared
def test_real_hard_faces_go_on(limner, shared: Path, tmp_path: Path):
    """Broad smiles of two validation people, one with a beard: done, and told that the videos begin at an estimated neutral face."""
    photos = [shared / "data" / "faces" / "london" / f"{person}_smiling.jpg" for person in ("009", "104")]
    code, _, errors = limner("smile", *photos, *QUICK, "--out", tmp_path)
    assert code == 0
    assert all("estimated neutral face" in line for line in errors)
    assert read_motion(tmp_path / "009_smiling" / "mode_1.motion.json").num_frames == 6
