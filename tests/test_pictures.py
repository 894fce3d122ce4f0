"""Pictures in every format and state come out upright, in 8-bit sRGB; what is none is refused in one line."""

from __future__ import annotations

import contextlib
import io
import struct
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from limner.media.colour import ADOBE_TO_SRGB, adobe_to_srgb
from limner.media.pictures import read_picture, resize, write_png
from limner.media.video import read_tags
from limner.types import DependencyError, InputError


def smooth(height: int = 40, width: int = 60) -> np.ndarray:
    """A picture whose corners differ, so that a turn or a mirror shows."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 60)], -1).astype(np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "JPEG2000", "JPEG", "WEBP", "AVIF"])
def test_formats(kind: str, tmp_path: Path) -> None:
    pixels = smooth()
    path = tmp_path / "a.dat"  # the content decides, not the name
    Image.fromarray(pixels).save(path, format=kind, **({"quality": 95} if kind in ("JPEG", "WEBP", "AVIF") else {}))
    picture = read_picture(path)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.shape == pixels.shape
    assert picture.name == "a"
    assert picture.notes == ()
    assert np.abs(picture.pixels.astype(int) - pixels).mean() <= (2.0 if kind in ("JPEG", "WEBP", "AVIF") else 0)


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_orientation(turn: int, tmp_path: Path) -> None:
    undone = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[turn]  # EXIF 6: the camera was turned, so the stored rows run upwards on the right: stored = upright turned back by 90 degrees
    upright, exif = smooth(), Image.Exif()
    exif[0x0112] = turn
    for kind in ("PNG", "TIFF", "WEBP", "AVIF"):
        path = tmp_path / f"a.{kind}"
        Image.fromarray(np.ascontiguousarray(undone(upright))).save(path, format=kind, exif=exif, quality=95)
        assert np.abs(read_picture(path).pixels.astype(int) - upright).mean() < (3 if kind in ("WEBP", "AVIF") else 1e-9), kind


def test_broken_exif_is_no_reason_to_refuse(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.jpg", exif=b"Exif\0\0garbage that is no TIFF at all")
    assert read_picture(tmp_path / "a.jpg").pixels.shape == (40, 60, 3)


def test_alpha_is_laid_on_white(tmp_path: Path) -> None:
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[..., :3] = (10, 20, 30)
    rgba[0, :, 3] = (0, 255, 51)  # 51 / 255 = 0.2
    rgba[1, :, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert picture.pixels[0].tolist() == [[255, 255, 255], [10, 20, 30], [206, 208, 210]]  # 255 + 0.2 (c - 255)
    assert picture.notes == ("transparency laid on white",)
    rgba[..., 3] = 255
    assert read_picture(rgba).notes == ()
    rgba[..., 3] = 0
    assert read_picture(rgba).pixels[0, 0].tolist() == [10, 20, 30]  # a broken export, not a picture of nothing


def test_palette_with_transparency_and_other_modes(tmp_path: Path) -> None:
    palette = Image.new("P", (3, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.putdata([0, 1, 2])
    palette.save(tmp_path / "p.png", transparency=1)
    assert read_picture(tmp_path / "p.png").pixels[0].tolist() == [[255, 0, 0], [255, 255, 255], [0, 0, 255]]
    palette.save(tmp_path / "q.png", transparency=b"\xff\x00\x80")
    assert read_picture(tmp_path / "q.png").pixels[0, :2].tolist() == [[255, 0, 0], [255, 255, 255]]
    Image.new("1", (2, 2), 1).save(tmp_path / "b.png")
    assert (read_picture(tmp_path / "b.png").pixels == 255).all()
    Image.fromarray(smooth()[..., 0]).save(tmp_path / "l.png")
    assert np.array_equal(read_picture(tmp_path / "l.png").pixels, np.repeat(smooth()[..., :1], 3, 2))
    Image.fromarray(smooth()).convert("CMYK").save(tmp_path / "c.tif")
    assert np.abs(read_picture(tmp_path / "c.tif").pixels.astype(int) - smooth()).max() <= 1
    Image.fromarray(smooth()).convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    assert np.abs(read_picture(tmp_path / "c.jpg").pixels.astype(int) - smooth()).mean() < 3


def test_sixteen_bits(tmp_path: Path) -> None:
    import tifffile

    grey = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    wanted = np.arange(256).reshape(16, 16)
    Image.fromarray(grey).save(tmp_path / "g.png")
    tifffile.imwrite(tmp_path / "g.tif", grey, photometric="minisblack")
    tifffile.imwrite(tmp_path / "w.tif", grey, photometric="miniswhite")
    tifffile.imwrite(tmp_path / "f.tif", (grey / 65535).astype(np.float32), photometric="minisblack")
    for name in ("g.png", "g.tif", "f.tif"):
        assert np.array_equal(read_picture(tmp_path / name).pixels[..., 1], wanted), name
    assert np.array_equal(read_picture(tmp_path / "w.tif").pixels[..., 1], 255 - wanted)
    rgb = smooth().astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "rgb.tif", rgb, photometric="rgb")
    tifffile.imwrite(tmp_path / "planes.tif", rgb.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    tifffile.imwrite(tmp_path / "floats.tif", (rgb / 65535).astype(np.float32), photometric="rgb")
    (tmp_path / "rgb.png").write_bytes(png16(rgb))
    for name in ("rgb.tif", "planes.tif", "floats.tif", "rgb.png"):
        assert np.array_equal(read_picture(tmp_path / name).pixels, smooth()), name


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png16(rgb: np.ndarray) -> bytes:
    """(H, W, 3) uint16 -> a PNG of 16 bits a channel, which Pillow cannot write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rgb)
    head = struct.pack(">IIBBBBB", rgb.shape[1], rgb.shape[0], 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")


def test_animations_and_pages_give_the_first(tmp_path: Path) -> None:
    first, second = Image.fromarray(smooth()), Image.new("RGB", (60, 40), (1, 2, 3))
    for name, kind in (("a.webp", "WEBP"), ("a.png", "PNG"), ("a.tif", "TIFF"), ("a.gif", "GIF")):
        first.save(tmp_path / name, format=kind, save_all=True, append_images=[second], **({"lossless": True} if kind == "WEBP" else {}))
        picture = read_picture(tmp_path / name)
        assert np.abs(picture.pixels.astype(int) - smooth()).mean() < 8, name  # a GIF has 256 colours
        assert picture.notes[0] == f"the first of 2 {'pages' if kind == 'TIFF' else 'frames'}"


def test_a_pil_picture_at_its_second_frame_gives_the_first(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (9, 8, 7)).save(tmp_path / "a.png", save_all=True, append_images=[Image.new("RGB", (4, 4), (1, 2, 3))])
    with Image.open(tmp_path / "a.png") as image:
        image.seek(1)
        assert read_picture(image).pixels[0, 0].tolist() == [9, 8, 7]


def test_colour_profiles(tmp_path: Path) -> None:
    adobe = np.full((4, 4, 3), (0, 120, 0), np.uint8)
    # By hand, IEC 61966-2-1 and Adobe RGB (1998): (120/255)^2.19921875 of green, times the matrix, clipped below at 0.
    linear = np.array([0, (120 / 255) ** (563 / 256), 0]) @ np.array(ADOBE_TO_SRGB).T
    wanted = [0, round(255 * (1.055 * linear[1] ** (1 / 2.4) - 0.055)), 0]
    assert adobe_to_srgb(adobe)[0, 0].tolist() == wanted
    # the same by its EXIF alone, as cameras write it
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    Image.fromarray(adobe).save(tmp_path / "r03.jpg", exif=exif, quality=100)
    assert np.abs(read_picture(tmp_path / "r03.jpg").pixels[0, 0] - np.array(wanted)).max() <= 1
    # and by an ICC profile with the primaries of Adobe RGB: LittleCMS is the independent reference
    muted = (60 + np.random.default_rng(0).integers(0, 120, (32, 32, 3))).astype(np.uint8)
    Image.fromarray(muted).save(tmp_path / "icc.png", icc_profile=matrix_profile(ADOBE_TO_XYZ, 563 / 256))
    assert np.abs(read_picture(tmp_path / "icc.png").pixels.astype(int) - adobe_to_srgb(muted)).max() <= 2
    # an sRGB profile leaves the pixels alone, a broken one is left aside
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(smooth()).save(tmp_path / "s.png", icc_profile=srgb)
    assert np.array_equal(read_picture(tmp_path / "s.png").pixels, smooth())
    Image.fromarray(smooth()).save(tmp_path / "x.png", icc_profile=b"no profile")
    assert read_picture(tmp_path / "x.png").notes == ("a broken colour profile was left aside",)
    Image.fromarray(smooth()).save(tmp_path / "w.png", icc_profile=matrix_profile(P3_TO_XYZ, 2.2))
    moved = read_picture(tmp_path / "w.png").pixels.astype(int)
    assert moved[0, -1, 0] >= smooth()[0, -1, 0]  # the red of Display P3 is further out than that of sRGB
    assert not np.array_equal(moved, smooth())
    paper = matrix_profile(P3_TO_XYZ, 2.2, white=(0.85, 0.9, 0.5))  # a yellowish medium: its white is our white
    Image.new("RGB", (4, 4), (255, 255, 255)).save(tmp_path / "p.png", icc_profile=paper)
    assert read_picture(tmp_path / "p.png").pixels.min() >= 254
    grey = np.full((4, 4, 3), 100, np.uint8)  # white and grey keep their hue whatever the primaries
    Image.fromarray(grey).save(tmp_path / "n.png", icc_profile=matrix_profile(P3_TO_XYZ, 2.2))
    assert np.ptp(read_picture(tmp_path / "n.png").pixels[0, 0].astype(int)) <= 1


ADOBE_TO_XYZ = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])  # the same
P3_TO_XYZ = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])  # D50-adapted columns


def matrix_profile(to_xyz: np.ndarray, gamma: float, white: tuple[float, float, float] = (0.9642, 1, 0.8249)) -> bytes:
    """An ICC v2 matrix profile, written out by hand (ICC.1:2001-04)."""

    def fixed(v: float) -> bytes:
        return struct.pack(">i", round(v * 65536))

    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 11) + b"Wide gamut\0" + bytes(78),
        b"wtpt": b"XYZ " + bytes(4) + b"".join(map(fixed, white)),
    }
    tags[b"cprt"] = b"text" + bytes(4) + b"none\0"
    for k, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ")):
        tags[name] = b"XYZ " + bytes(4) + b"".join(fixed(v) for v in to_xyz[:, k])
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        tags[name] = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + fixed(0.9642) + fixed(1) + fixed(0.8249) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


def test_heic_by_its_extra_or_a_line_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    try:
        import pillow_heif  # type: ignore[import-not-found]
    except ImportError:
        path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
        with pytest.raises(DependencyError, match=r"HEIC.*pip install 'limner\[heic\]'"):
            read_picture(path)
        return
    pillow_heif.from_pillow(Image.fromarray(smooth())).save(path, quality=95)
    assert np.abs(read_picture(path).pixels.astype(int) - smooth()).mean() < 4


def test_a_pillow_without_a_format_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.avif")
    monkeypatch.setattr("PIL.AvifImagePlugin.SUPPORTED", False)
    monkeypatch.setitem(sys.modules, "PIL._avif", None)
    with pytest.raises(DependencyError, match=r"a\.avif is a picture in AVIF, which the Pillow installed here cannot read"):
        read_picture(tmp_path / "a.avif")


def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    jpeg = io.BytesIO()
    Image.fromarray(smooth()).save(jpeg, format="JPEG")
    tiff = io.BytesIO()
    Image.fromarray(smooth()).save(tiff, format="TIFF", tiffinfo={50706: b"\x01\x04\0\0"})
    link, loop = tmp_path / "link.jpg", tmp_path / "loop.jpg"
    link.symlink_to(tmp_path / "gone.jpg")
    loop.symlink_to(loop)
    cases: list[tuple[bytes | Path | str, str]] = [
        (zipped_tiff()[:-20] + bytes(20), "is damaged or cut short"),  # libtiff would say so itself, in its own words
        (b"", "is empty"),
        (b"just some words", "is not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "is an SVG drawing"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(50), r"is a video \(MP4\), not a photo"),
        (b"\x1aE\xdf\xa3" + bytes(50), r"is a video \(Matroska or WebM\)"),
        (b"RIFF\0\0\0\0AVI LIST", r"is a video \(AVI\)"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is a PostScript file; save it as PNG first"),
        (b"%PDF-1.7\n", "is a PDF"),
        (b"\xff\x0a" + bytes(60), "is a JPEG XL picture, which limner cannot read"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(40), "is a camera's raw file"),
        (b"FUJIFILMCCD-RAW 0201FF", "is a camera's raw file"),
        (jpeg.getvalue()[:-40], "is damaged or cut short"),
        (jpeg.getvalue()[:20], "is damaged or cut short"),
        (b"II*\0\x08\0\0\0\x01\0\0\x01\x04\0\x01\0\0\0\x09\0\0\0" + bytes(8), "is damaged or cut short"),
        (tiff.getvalue(), "is a camera's raw file"),
        (tmp_path, "is a folder, not a picture"),
        (tmp_path / "none.jpg", "does not exist"),
        (link, "is a link to nothing"),
        (loop, "cannot read .*loop"),
        (Path("/dev/null"), "is not a file"),
        ("https://example.org/a.jpg", "is a web address"),
        ("a\0b", "cannot read"),
        ("~nobody-of-that-name/a.jpg", "cannot read"),
    ]
    for content, message in cases:
        path = tmp_path / "x.jpg" if isinstance(content, bytes) else content
        if isinstance(content, bytes):
            (tmp_path / "x.jpg").write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            read_picture(path)
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")  # no decoder speaks past us


def zipped_tiff() -> bytes:
    """Noise as a deflated TIFF, its pixels last in the file."""
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.random.default_rng(0).integers(0, 255, (50, 60), np.uint8), compression="zlib")
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM"])
def test_truncated_pictures(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (50, 60, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a", format=kind)
    whole = (tmp_path / "a").read_bytes()
    for share in (0.01, 0.5, 0.9):
        (tmp_path / "b").write_bytes(whole[: max(12, int(len(whole) * share))])
        with pytest.raises(InputError, match=r"damaged or cut short|not a picture"):
            read_picture(tmp_path / "b")
    assert capfd.readouterr() == ("", "")


def test_huge_pictures_are_refused_by_their_header(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for width, height, message in ((12_000, 10_000, r"120 megapixels \(12000 x 10000\)"), (60_000, 60_000, "over 100 megapixels")):
        head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"IDAT", zlib.compress(bytes(100))) + png_chunk(b"IEND", b""))
        start = time.perf_counter()
        with pytest.raises(InputError, match=message):
            read_picture(path)
        assert time.perf_counter() - start < 0.5


def test_arrays_and_pil_pictures() -> None:
    pixels = smooth()
    assert np.array_equal(read_picture(pixels).pixels, pixels)
    assert read_picture(pixels, name="me").name == "me"
    assert np.array_equal(read_picture(Image.fromarray(pixels)).pixels, pixels)
    assert np.array_equal(read_picture(pixels / 255.0).pixels, pixels)
    assert np.array_equal(read_picture(pixels.astype(np.uint16) * 257).pixels, pixels)
    assert read_picture(pixels[..., 0] > 100).pixels.max() == 255
    assert read_picture(np.zeros((1, 1, 3), np.uint8)).pixels.shape == (1, 1, 3)
    for bad in (pixels[None], pixels[..., :2], pixels.astype(np.int64), pixels * 1.0, pixels[:0], np.full((2, 2), np.nan)):
        with pytest.raises(InputError):
            read_picture(bad)


def test_a_pil_picture_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-40])
    with (
        Image.open(tmp_path / "b.jpg") as cut,
        pytest.raises(InputError, match=r"b\.jpg cannot be read: it is closed, damaged or cut short"),
    ):
        read_picture(cut)
    with Image.open(tmp_path / "a.jpg") as closed:
        pass
    with pytest.raises(InputError, match="it is closed"):
        read_picture(closed)


def test_a_profile_for_greys_fits_a_grey_picture_with_alpha(tmp_path: Path) -> None:
    grey = matrix_profile(ADOBE_TO_XYZ, 2.2).replace(b"mntrRGB ", b"mntrGRAY").replace(b"rTRC", b"kTRC")
    Image.new("LA", (4, 4), (100, 255)).save(tmp_path / "a.png", icc_profile=grey)
    picture = read_picture(tmp_path / "a.png")
    assert "brought to sRGB" in picture.notes[0]
    assert np.ptp(picture.pixels[0, 0].astype(int)) == 0


def test_spoilt_pictures_give_a_picture_or_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Bytes changed at random, most of them in the head: whatever the decoders meet, nothing else comes out."""
    rng, kinds = np.random.default_rng(0), ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "ICO")
    for kind in kinds:
        buffer = io.BytesIO()
        Image.fromarray(smooth()).save(buffer, format=kind)
        for _ in range(40):
            data = np.frombuffer(buffer.getvalue(), np.uint8).copy()
            places = rng.integers(0, min(len(data), rng.choice([60, 400, 10**6])), rng.integers(1, 20))
            data[places] = rng.integers(0, 256, len(places))
            (tmp_path / "a").write_bytes(data.tobytes())
            with contextlib.suppress(InputError):
                assert read_picture(tmp_path / "a").pixels.dtype == np.uint8
    assert capfd.readouterr() == ("", "")


def test_png_and_resize(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", smooth(), {"comment": "Synthetic, by limner ✓"})
    assert np.array_equal(read_picture(tmp_path / "a.png").pixels, smooth())
    assert read_tags(tmp_path / "a.png")["comment"] == "Synthetic, by limner ✓"
    checks = np.indices((64, 64)).sum(0)[..., None].repeat(3, 2) % 2 * 255
    small = resize(checks.astype(np.uint8), (9, 9))
    assert small.shape == (9, 9, 3)
    assert np.abs(small.astype(int) - 127).max() < 20  # nothing aliases
    assert resize(small, (9, 9)) is small
