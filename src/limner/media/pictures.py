"""Pictures in: any common format -> upright 8-bit sRGB, or one line that says why not. And out: PNG with text."""

from __future__ import annotations

import contextlib
import os
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from limner.media.colour import over_ground, scale_to_8_bit, to_srgb, top_of
from limner.media.files import atomic_write, reason_of
from limner.media.quiet import quiet
from limner.media.signatures import HEIF_BRANDS, TIFF_STARTS, unreadable
from limner.types import DependencyError, InputError, Picture

MAX_PIXELS = 100_000_000  # ours: the limit; three bytes a pixel decoded
# What Pillow may decode: raster formats with a signature in their content (never EPS, which would start Ghostscript).
FORMATS = ["JPEG", "MPO", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "DIB", "TIFF", "JPEG2000", "ICO", "PPM", "QOI", "PSD"]
# What to look for in a folder; what a file is, its content says.
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".avif", ".heic", ".heif", ".hif", ".gif", ".bmp", ".dib"})
SUFFIXES |= {".tif", ".tiff", ".jp2", ".ico", ".ppm", ".pgm", ".qoi", ".psd"}
SUBFILE_TYPE, BITS_PER_SAMPLE, PLANAR, ICC_PROFILE, DNG_VERSION = 254, 258, 284, 34675, 50706  # TIFF tags
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # EXIF 2.32, tag 0x0112


def read_picture(source: str | Path | Image.Image | np.ndarray, name: str | None = None) -> Picture:
    """A file, a PIL picture or an array -> Picture: (H, W, 3) uint8 sRGB, upright, with notes on what was done on the way.

    The content decides, not the name. Animations and pages: the first. Alpha: laid on white. Arrays: (H, W), (H, W, 1 | 3 | 4), integers of
    8 or 16 bits, booleans, or floats in 0..1. A PIL picture is set to its first frame. name: as whose the picture goes on; by default the
    file's stem, or "picture".
    InputError, one line that names the file: missing, a folder, empty, not a picture, a video, damaged or truncated, over 100 MP.
    DependencyError where its format needs a package that is not there.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata are not the user's business
        if isinstance(source, np.ndarray):
            return _finish(_from_array(source), name or "picture", "the array")
        if isinstance(source, Image.Image):
            return _from_pil(source, name)
        path, head = _check_file(source)
        _allow_heif(path, head)
        Image.init()  # registers every format, so that the list below can be asked for
        formats = [f for f in FORMATS if f in Image.OPEN]
        try:
            with path.open("rb") as file:
                if head[:4] in TIFF_STARTS and _needs_tifffile(path, file, head):
                    return _finish(_read_tiff(path), name or path.stem, str(path))
                image = Image.open(file, formats=formats)
                return _finish(image, name or path.stem, str(path))
        except InputError:
            raise
        except Image.DecompressionBombError as error:
            raise InputError(f"{path} has over {MAX_PIXELS // 1_000_000} megapixels; make it smaller first") from error
        except OSError as error:
            if error.errno:
                raise InputError(f"cannot read {path}: {reason_of(error)}") from error
            raise unreadable(path, head) from error
        except Exception as error:  # a decoder fed with foreign bytes fails in any way it likes; all mean the same to the user
            raise unreadable(path, head) from error


def write_png(path: str | Path, pixels: np.ndarray, text: dict[str, str] | None = None) -> None:
    """Writes (H, W, 3) or (H, W) uint8 pixels as PNG, whole or not at all, with `text` in its text chunks. InputError as `atomic_write`."""
    from PIL import PngImagePlugin

    chunks = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        chunks.add_itxt(key, str(value))
    with atomic_write(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG", pnginfo=chunks, compress_level=6)


def resize(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) or (H, W) uint8 -> the same at size (width, height): Lanczos, widened when shrinking, so that nothing aliases."""
    if (pixels.shape[1], pixels.shape[0]) == tuple(size):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _from_pil(image: Image.Image, name: str | None) -> Picture:
    """An opened PIL picture, whose file may still turn out to be damaged or closed, -> Picture. InputError where it cannot be read."""
    file = os.fsdecode(getattr(image, "filename", "") or "")
    try:
        return _finish(image, name or (Path(file).stem if file else "picture"), file or "the picture")
    except InputError:
        raise
    except Exception as error:  # whatever its decoder meets
        raise InputError(f"{file or 'the picture'} cannot be read: it is closed, damaged or cut short ({error})") from error


def _check_file(source: str | Path) -> tuple[Path, bytes]:
    """The path and first bytes of a regular file with something in it. InputError otherwise."""
    if str(source).startswith(("http://", "https://")):
        raise InputError(f"{source} is a web address; download the picture first")
    path = Path(source)
    try:
        path = path.expanduser()
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path} is a folder, not a picture")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path} is not a file that can be read as a picture")
        if status.st_size == 0:
            raise InputError(f"{path} is empty")
        with path.open("rb") as file:
            return path, file.read(64)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path} is a link to nothing" if path.is_symlink() else f"{path} does not exist") from error
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"cannot read {path}: {reason_of(error)}") from error


def _allow_heif(path: Path, head: bytes) -> None:
    """Makes Pillow able to read HEIC where the extra is installed. DependencyError where it is not and the file needs it."""
    if head[4:8] != b"ftyp" or head[8:12] not in HEIF_BRANDS or b"avif" in head[8:64]:
        return
    try:
        # it registers itself by being imported
        from pillow_heif import HeifImagePlugin  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise DependencyError(
            f"{path} is a HEIC picture, which needs one more package: pip install 'limner[heic]' (or save the photo as JPEG)"
        ) from error


def _needs_tifffile(path: Path, file: Any, head: bytes) -> bool:
    """Whether a TIFF is of a kind that Pillow cannot read, or reads wrongly: several channels of 16 bits in planes, or of floats.

    InputError for the raw files of cameras, which are TIFFs whose first page is but a small preview.
    """
    try:
        tags = Image.open(file, formats=["TIFF"]).tag_v2  # type: ignore[attr-defined]
        if DNG_VERSION in tags or head[8:10] == b"CR" or int(tags.get(SUBFILE_TYPE, 0)) & 1:
            raise InputError(f"{path} is a camera's raw file; develop it to JPEG or TIFF first")
        bits, planar = tags.get(BITS_PER_SAMPLE) or (1,), tags.get(PLANAR, 1)
        return len(bits) > 1 and max(bits) > 8 and planar == 2
    except UnidentifiedImageError:
        return True
    finally:
        file.seek(0)


def _read_tiff(path: Path) -> Image.Image:
    """The first page of a TIFF by tifffile (which scikit-image brings)."""
    import logging

    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it has to say of damaged files, we say
    with tifffile.TiffFile(path) as pages:
        page: Any = pages.pages[0]
        turn, profile = (page.tags[tag].value if tag in page.tags else None for tag in (ExifTags.Base.Orientation, ICC_PROFILE))
        shape = page.shape[1:] if page.planarconfig == 2 and len(page.shape) == 3 else page.shape[:2]
        if shape[0] * shape[1] > MAX_PIXELS:
            raise InputError(f"{path} has {shape[0] * shape[1] / 1e6:.0f} megapixels; the limit is {MAX_PIXELS // 1_000_000}")
        array = page.asarray()
        if page.planarconfig == 2 and array.ndim == 3:
            array = np.moveaxis(array, 0, -1)
    if array.size == 0:
        raise InputError(f"{path} is damaged or cut short (it begins as a TIFF picture)")
    if np.issubdtype(array.dtype, np.floating):
        array = scale_to_8_bit(array, top_of(array))
    image = _from_array(array[..., :4] if array.ndim == 3 else array)
    image.getexif()[ExifTags.Base.Orientation] = int(turn or 1)
    if profile:
        image.info["icc_profile"] = profile
    return image


def _finish(image: Image.Image, name: str, title: str) -> Picture:
    """An opened picture -> Picture; decodes only after the header's size was checked."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(f"{title} has {width * height / 1e6:.0f} megapixels ({width} x {height}); the limit is {MAX_PIXELS // 1_000_000}")
    if width == 0 or height == 0:
        raise InputError(f"{title} has no pixels")
    notes = []
    if image.format not in ("MPO", "ICO") and (num := _num_frames(image)) > 1:
        notes.append(f"the first of {num} {'pages' if image.format in ('TIFF', 'PSD') else 'frames'}")
        if image.tell() != 0:
            image.seek(0)
    with quiet() if image.format == "TIFF" else contextlib.nullcontext():  # libtiff tells the terminal what is damaged
        image.load()
    turn = _orientation(image)  # after loading: Pillow turns TIFFs by itself, and then takes the tag away
    rgb, alpha, more = to_srgb(image)
    notes += more
    if alpha is not None:
        rgb, note = over_ground(rgb, alpha)
        notes += [note] if note else []
    if turn in TURNS:
        rgb = rgb.transpose(TURNS[turn])
        notes.append("turned upright by its EXIF tag")
    return Picture(pixels=np.array(rgb), name=name, notes=tuple(notes))


def _num_frames(image: Any) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # a broken later page does not spoil the first
        return 1


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken EXIF: the picture as it lies
        return 1


def _from_array(array: np.ndarray) -> Image.Image:
    """An array of pixels -> PIL picture of 8 bits. InputError on shapes and types that are no picture."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise InputError(f"an array of shape {array.shape} is no picture; expected (H, W, 3), (H, W, 4) or (H, W)")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    elif array.dtype == np.uint16:
        array = scale_to_8_bit(array, 65535.0)
    elif np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            raise InputError("the array holds NaN or infinite values")
        top = top_of(array)
        if top > 1.0:
            raise InputError(f"a picture of floats must lie in 0..1; the array reaches {float(array.max()):g}")
        array = scale_to_8_bit(array, 1.0)
    elif array.dtype != np.uint8:
        raise InputError(f"an array of {array.dtype} is no picture; expected uint8, uint16, bool, or floats in 0..1")
    return Image.fromarray(np.ascontiguousarray(array))
