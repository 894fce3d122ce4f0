"""What a file is by its first bytes: why one that no decoder of pictures could read is refused."""

from __future__ import annotations

from pathlib import Path

from limner.types import DependencyError, InputError

TIFF_STARTS = (b"II*\0", b"MM\0*")
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
PICTURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"8BPS": "PSD",
    b"\0\0\0\x0cjP": "JPEG 2000",
}
VIDEOS = {
    b"\x1aE\xdf\xa3": "Matroska or WebM",
    b"FLV": "FLV",
    b"OggS": "Ogg",
    b"\x30\x26\xb2\x75": "Windows Media",
    b"\0\0\1\xba": "MPEG",
}
OTHERS = {  # what it is, and what to do
    b"<svg": "an SVG drawing; save it as PNG first",
    b"%PDF": "a PDF; save its picture as PNG or JPEG first",
    b"%!PS": "a PostScript file; save it as PNG first",
    b"\xff\x0a": "a JPEG XL picture, which limner cannot read; save it as JPEG or PNG first",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture, which limner cannot read; save it as JPEG or PNG first",
    b"FUJIFILMCCD-RAW": "a camera's raw file; develop it to JPEG or TIFF first",
    b"IIU\0": "a camera's raw file; develop it to JPEG or TIFF first",
    b"IIRO": "a camera's raw file; develop it to JPEG or TIFF first",
}
FEATURES = {"WebP": "webp", "AVIF": "avif", "JPEG 2000": "jpg_2000"}  # what Pillow can be built without


def unreadable(path: Path, head: bytes) -> InputError:
    """The refusal of a file that begins with `head` (64 bytes) and could not be decoded: damaged, a video, or something else."""
    from PIL import features

    if kind := _picture_kind(head):
        if kind in FEATURES and not features.check(FEATURES[kind]):
            return DependencyError(
                f"{path} is a picture in {kind}, which the Pillow installed here cannot read; try pip install --upgrade pillow"
            )
        return InputError(f"{path} is damaged or cut short (it begins as a {kind} picture)")
    if head[4:12] == b"ftypcrx ":
        return InputError(f"{path} is a camera's raw file; develop it to JPEG or TIFF first")
    if kind := video_kind(head):
        return InputError(f"{path} is a video ({kind}), not a photo; take a still from it first")
    if what := _start_of(head.lstrip(), OTHERS) or (OTHERS[b"<svg"] if b"<svg" in head.lower() else None):
        return InputError(f"{path} is {what}")
    return InputError(f"{path} is not a picture that limner can read (JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF, BMP ...)")


def _picture_kind(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp" and (head[8:12] in HEIF_BRANDS or head[8:12] in (b"avif", b"avis")):
        return "AVIF" if b"avi" in head[8:64] else "HEIC"
    return _start_of(head, PICTURES)


def video_kind(head: bytes) -> str | None:
    """Which container of videos begins with these bytes; None: none that limner knows."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "QuickTime" if head[8:10] == b"qt" or head[4:8] != b"ftyp" else "MP4"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "AVI"
    return _start_of(head, VIDEOS)


def _start_of(head: bytes, starts: dict[bytes, str]) -> str | None:
    return next((what for start, what in starts.items() if head.startswith(start)), None)
