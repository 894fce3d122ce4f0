"""A hundred uploads that no server may take: bombs, lies, halves and other things than photos; `uploads(photo)` makes always the same.

Each is (what it is, path of the request, Content-Type, body).
"""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np

Upload = tuple[str, str, str, bytes]
SMILE, MOTIONS = "/v1/smile?modes=1", "/v1/motions"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes, *, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG that says it has those sides, whatever its data."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def encoded(kind: str, size: tuple[int, int] = (200, 200), **options) -> bytes:
    """A noisy picture as a file of that kind."""
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as into:
        into.writestr("photo.jpg", bytes(10_000_000))
        into.writestr("../../etc/passwd", "root")
    return file.getvalue()


def video(seconds: int, size: int = 32) -> bytes:
    """A true video, 25 frames a second, every one the same."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = size  # type: ignore[union-attr]
        stream.pix_fmt = "yuv420p"  # type: ignore[union-attr]
        frame = av.VideoFrame.from_ndarray(np.zeros((size, size, 3), np.uint8), format="rgb24")
        for t in range(25 * seconds):
            frame.pts = t
            container.mux(stream.encode(frame))  # type: ignore[union-attr]
        container.mux(stream.encode(None))  # type: ignore[union-attr]
    return file.getvalue()


def bombs() -> Iterator[Upload]:
    """Little to send, much to decode."""
    zeros = zlib.compress(bytes(30_000_000), 9)
    for side in (30_000, 65_000, 2**31 - 1):
        yield f"a PNG of {side} x {side}", SMILE, "image/png", png(side, side, zeros)
    yield "a PNG of 1 x 100,000,000", SMILE, "image/png", png(1, 100_000_000, zeros)
    yield "a PNG of 16 bits, 20,000 x 20,000", SMILE, "image/png", png(20_000, 20_000, zeros, depth=16)
    yield "a PNG without sides", SMILE, "image/png", png(0, 0, zeros)
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9))
    whole = png(64, 64, zlib.compress(b"\0" * (64 * 193)))
    yield "a PNG whose text inflates to 200 MB", SMILE, "image/png", whole[:33] + text + whole[33:-40] + b"cut"
    for side in (30_000, 65_535):
        head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
        yield (
            f"a GIF of {side} x {side}",
            SMILE,
            "image/gif",
            head + b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x4c\x01\0;",
        )
        bmp = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
        yield f"a BMP of {side} x {side}", SMILE, "image/bmp", b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + bmp
        jpeg = encoded("JPEG")
        at = jpeg.index(b"\xff\xc0") + 5
        yield f"a JPEG that says {side} x {side}", SMILE, "image/jpeg", jpeg[:at] + struct.pack(">HH", side, side) + jpeg[at + 4 :]
    sides = [(256, 4, 1, 60_000), (257, 4, 1, 60_000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags = [*sides, (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 60_000), (279, 4, 1, 100)]
    ifd = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    yield "a TIFF of 60,000 x 60,000", SMILE, "image/tiff", b"II*\0" + struct.pack("<I", 8) + ifd
    yield "a PPM of 50,000 x 50,000", SMILE, "image/x-portable-pixmap", b"P6 50000 50000 255\n" + bytes(100)
    yield "a picture of 30,000 x 3,000", SMILE, "image/png", png(30_000, 3_000, zeros)


def small() -> Iterator[Upload]:
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"):
        yield f"one pixel of {kind}", SMILE, f"image/{kind.lower()}", encoded(kind, (1, 1))
    yield "a line of 2,000 x 1", SMILE, "image/png", encoded("PNG", (2000, 1))


def halves() -> Iterator[Upload]:
    """Cut short, or with bytes changed."""
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"):
        whole = encoded(kind)
        for part in (12, len(whole) // 3, len(whole) * 2 // 3):
            yield f"{part} of {len(whole)} bytes of a {kind}", SMILE, f"image/{kind.lower()}", whole[:part]
    rng = random.Random(0)
    for number in range(6):
        broken = bytearray(encoded("PNG"))
        for _ in range(200):
            broken[rng.randrange(40, len(broken))] ^= 255
        yield f"a PNG with 200 bytes wrong, {number}", SMILE, "image/png", bytes(broken)


def others() -> Iterator[Upload]:
    """Other things, called photos."""
    svg = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    lol = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "' + b"&a;" * 100 + b'">]><svg>&b;</svg>'
    kinds = {
        "nothing": b"",
        "one byte": b"\0",
        "zeros": bytes(100_000),
        "noise": random.Random(1).randbytes(100_000),
        "text": b"a photo, honestly\n" * 100,
        "HTML": b"<!doctype html><script>alert(1)</script>",
        "an SVG": svg,
        "an SVG of entities": lol,
        "a zip": archive(),
        "a zip bomb": archive() * 3,
        "gzip": b"\x1f\x8b\x08\0" + zlib.compress(bytes(1_000_000)),
        "a PDF": b"%PDF-1.7\n%\xe2\xe3\n1 0 obj<<>>endobj",
        "PostScript": b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file",
        "an EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\nshowpage",
        "a DOS EPS": b"\xc5\xd0\xd3\xc6" + bytes(100),
        "an ELF": b"\x7fELF" + bytes(500),
        "a Windows program": b"MZ" + bytes(500),
        "a pickle": b"\x80\x04\x95\x1e\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
        "an NPY": b"\x93NUMPY\x01\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), }" + bytes(60),
        "a path": b"/etc/passwd",
        "an address": b"http://127.0.0.1:1/photo.jpg",
        "a FITS": b"SIMPLE  =                    T" + bytes(3000),
        "a WMF": b"\xd7\xcd\xc6\x9a" + bytes(100),
        "an icon of nothing": b"\0\0\1\0\1\0" + bytes(16),
        "PNG's first bytes": b"\x89PNG\r\n\x1a\n",
        "JPEG's first bytes": b"\xff\xd8\xff\xe0",
        "a video": video(1),
        "a HEIC of nothing": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100),
        "an AVIF of nothing": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(100),
        "a JPEG 2000 of nothing": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100),
        "a PSD of nothing": b"8BPS\0\1" + bytes(100),
        "a QOI of 60,000 x 60,000": b"qoif" + struct.pack(">IIBB", 60_000, 60_000, 3, 0) + bytes(100),
    }
    for what, body in kinds.items():
        yield what, SMILE, "image/jpeg", body


def motions() -> Iterator[Upload]:
    frames = [[[1.0, 2.0]] * 68] * 3
    told = {"format": "limner-motion", "version": 1, "guide": "face", "fps": 25, "size": [100, 100], "frames": frames}
    for what, change in {
        "a motion of no guide": {"guide": "../../etc"},
        "a motion of too many frames": {"frames": [[[1, 2]] * 68] * 2000},
        "a motion with NaN": {"frames": [[[float("nan"), 2.0]] * 68] * 3},
        "a motion of a billion pixels": {"size": [10**9, 10**9]},
        "a motion at no rate": {"fps": "1e99999999"},
    }.items():
        yield what, MOTIONS, "application/json", json.dumps({**told, **change}).encode()
    yield "brackets", MOTIONS, "application/json", b'{"a":' + b"[" * 100_000
    yield "JSON of something else", MOTIONS, "application/json", b'{"frames": 3}'
    yield "half a motion", MOTIONS, "application/json", json.dumps(told).encode()[:-200]
    yield "a video too long", MOTIONS, "video/mp4", video(70)
    yield "half a video", MOTIONS, "video/mp4", video(2)[:600]
    yield "a playlist", MOTIONS, "video/mp4", b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"
    yield "a list for concat", MOTIONS, "video/mp4", b"ffconcat version 1.0\nfile '/etc/passwd'\n"
    yield "a DASH", MOTIONS, "video/mp4", b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>'
    yield "MP4's first bytes", MOTIONS, "video/mp4", b"\0\0\0\x18ftypmp42" + bytes(2000)
    yield "Matroska's first bytes", MOTIONS, "video/x-matroska", b"\x1aE\xdf\xa3" + bytes(2000)


def wrong_requests(photo: bytes) -> Iterator[Upload]:
    """A good photo, asked for wrongly."""
    for kind in ("text/html", "application/zip", "image", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", ""):
        yield f"a photo sent as {kind!r}", SMILE, kind, photo
    queries = "modes=0 modes=1000000 modes=two label=angry intensity=nan intensity=-1 size=1 size=99999999 seed=-1 fps=0 duration=1e9"
    for query in [*queries.split(), "renderer=/etc/passwd", "renderer=../../x", "face=0", "modes=8&duration=60"]:
        yield f"a photo with {query}", f"/v1/smile?{query}", "image/png", photo
    for motion in ("../../etc/passwd", "/etc/passwd", "nothing-of-that-name", "a" * 1000, "%00"):
        yield f"a photo moved by {motion[:30]}", f"/v1/move?motion={motion}", "image/png", photo
    yield "a photo rendered by a motion that ships", "/v1/render?motion=walking", "image/png", photo
    yield "a photo rendered by nothing", "/v1/render", "image/png", photo


def uploads(photo: bytes) -> list[Upload]:
    """All of them. photo: a good one, for requests that are wrong otherwise."""
    return [*bombs(), *small(), *halves(), *others(), *motions(), *wrong_requests(photo)]
