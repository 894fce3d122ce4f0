"""Any picture mode and colour profile -> 8-bit sRGB, on Pillow and LittleCMS."""

from __future__ import annotations

import io
from typing import Any, cast

import numpy as np
from PIL import Image

ADOBE_RGB_GAMMA = 563 / 256  # Adobe RGB (1998) colour image encoding, 4.3.4.2
# Linear Adobe RGB (1998) -> linear sRGB, both with white D65 (from the two sets of primaries).
ADOBE_TO_SRGB = np.array([[1.398357, -0.398357, 0.0], [0.0, 1.0, 0.0], [0.0, -0.042929, 1.042929]], np.float32)
TIFF_PHOTOMETRIC, TIFF_BITS = 262, 258
EXIF_INTEROP_IFD, EXIF_INTEROP_INDEX = 0xA005, 1


def to_srgb(image: Image.Image) -> tuple[Image.Image, Image.Image | None, list[str]]:
    """A loaded picture of any Pillow mode -> (RGB picture in sRGB, alpha as mode L or None, notes on what was done)."""
    notes: list[str] = []
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bit(image)
        notes.append("16-bit or float values scaled to 8 bits")
    alpha = None
    if "A" in image.mode.upper().replace("LAB", "") or "transparency" in image.info:
        colours = "L" if image.mode.startswith("L") and image.mode != "LAB" else "RGB"  # kept, so that a profile for greys fits
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert(colours)
    elif image.mode in ("1", "P", "HSV", "YCbCr", "RGBX"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if profile:
        image, note = _apply_profile(image, profile)
        notes += [note] if note else []
    elif image.mode == "LAB":
        from PIL import ImageCms

        image, _ = _apply_profile(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes())
    elif image.mode == "RGB" and _says_adobe_rgb(image):
        image = Image.fromarray(adobe_to_srgb(np.asarray(image)))
        notes.append("Adobe RGB (by its EXIF) brought to sRGB")
    if image.mode == "CMYK":
        notes.append("CMYK brought to RGB without a profile")
    return image.convert("RGB"), alpha, notes


def over_ground(rgb: Image.Image, alpha: Image.Image, ground: tuple[int, int, int] = (255, 255, 255)) -> tuple[Image.Image, str | None]:
    """A picture with alpha laid on a ground; -> (RGB picture, note). White, as on a page, is what viewers show (ours).

    An alpha that is zero everywhere is a broken export, not a picture of nothing: it is ignored.
    """
    low, high = alpha.getextrema()
    if low == 255:
        return rgb, None
    if high == 0:
        return rgb, "an alpha of zero everywhere was ignored"
    base = Image.new("RGB", rgb.size, ground)
    base.paste(rgb, mask=alpha)
    return base, "transparency laid on white"


def scale_to_8_bit(values: np.ndarray, top: float) -> np.ndarray:
    """Numbers in 0..top -> uint8 0..255, rounded; what is not a number becomes 0."""
    clean = np.nan_to_num(np.asarray(values, np.float32), nan=0.0, posinf=top, neginf=0.0)
    return np.clip(clean * (255.0 / top) + 0.5, 0, 255).astype(np.uint8)


def top_of(values: np.ndarray) -> float:
    """The value that means white in an array that does not say: 1, 255 or 65535 by what it holds, or its own largest value above that."""
    finite = values[np.isfinite(values)]
    largest = float(finite.max()) if finite.size else 1.0
    return next((top for top in (1.0, 255.0, 65535.0) if largest <= top * 1.0001), largest)


def adobe_to_srgb(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 Adobe RGB (1998) -> uint8 sRGB (IEC 61966-2-1), out-of-gamut values clipped."""
    linear_256 = (np.arange(256, dtype=np.float32) / 255) ** np.float32(ADOBE_RGB_GAMMA)
    steps = np.arange(4097, dtype=np.float32) / 4096
    encoded = np.where(steps <= 0.0031308, 12.92 * steps, 1.055 * steps ** (1 / 2.4) - 0.055)
    encode = (encoded * 255 + 0.5).astype(np.uint8)
    out = np.empty_like(pixels)
    for rows in range(0, len(pixels), 256):  # bounds memory
        linear = linear_256[pixels[rows : rows + 256]] @ ADOBE_TO_SRGB.T
        out[rows : rows + 256] = encode[(linear.clip(0, 1) * 4096 + 0.5).astype(np.int32)]
    return out


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Modes I, I;16*, F -> L. The white of a TIFF of 16 bits is 65535, of 12 bits 4095; 0 is white where its tag says so."""
    values = np.asarray(image)
    tags = getattr(image, "tag_v2", {})
    bits = (tags.get(TIFF_BITS) or (16,))[0]
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        top = float(2**bits - 1) if bits in (12, 16) else 65535.0
    else:
        top = top_of(values)
    grey = scale_to_8_bit(values, top)
    return Image.fromarray(255 - grey if tags.get(TIFF_PHOTOMETRIC) == 0 else grey)


def _apply_profile(image: Image.Image, profile: bytes) -> tuple[Image.Image, str | None]:
    """The picture in sRGB by its ICC profile (relative colorimetric, black point compensated). A broken one is left aside, noted."""
    from PIL import ImageCms

    try:
        source = cast(Any, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
        name = ImageCms.getProfileDescription(source).strip()
        space = source.profile.xcolor_space.strip()
        if "srgb" in name.lower() and "linear" not in name.lower():
            return image, None
        if space == "RGB" and image.mode != "RGB":
            image = image.convert("RGB")
        if {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}.get(space) != image.mode:
            return image, f"colour profile {name!r} left aside: it is for {space}, the picture is {image.mode}"
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        moved = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), intent, "RGB", flags=flags)
        assert moved is not None
        return moved, f"colour profile {name!r} brought to sRGB"
    except (ImageCms.PyCMSError, OSError, ValueError, AttributeError):
        return image, "a broken colour profile was left aside"


def _says_adobe_rgb(image: Image.Image) -> bool:
    """Whether EXIF says Adobe RGB (interoperability index R03, DCF 2.0), as cameras do that embed no profile."""
    try:
        return image.getexif().get_ifd(EXIF_INTEROP_IFD).get(EXIF_INTEROP_INDEX) == "R03"
    except Exception:  # foreign EXIF can be broken in any way; the picture is still a picture
        return False
