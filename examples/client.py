"""A client of `limner serve`, with Python's own library: a photo in, its smiles out.

    python examples/client.py me.jpg --server http://127.0.0.1:8760 --out smiles

A token, where the server asks for one, is taken from LIMNER_TOKEN.
"""

import argparse
import json
import mimetypes
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

WAIT_S = 0.5


def ask(method: str, url: str, body: bytes | None = None, kind: str = "") -> bytes:
    """The reply's body; SystemExit with the server's own line where it refuses. Comes again when the queue is full."""
    headers = {"Content-Type": kind} if body is not None else {}
    if token := os.environ.get("LIMNER_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=60) as reply:
                return reply.read()
        except urllib.error.HTTPError as error:
            if error.code == 429:
                time.sleep(float(error.headers.get("Retry-After", 1)))
                continue
            raise SystemExit(f"{error.code}: {json.loads(error.read())['error']}") from None


def smiles(server: str, photo: Path, out: Path, **settings: object) -> list[Path]:
    """Sends the photo, waits, fetches every file -> their paths."""
    kind = mimetypes.guess_type(photo.name)[0] or "application/octet-stream"
    query = urllib.parse.urlencode(settings)
    job = json.loads(ask("POST", f"{server}/v1/smile?{query}", photo.read_bytes(), kind))
    while job["state"] in ("queued", "running"):
        time.sleep(WAIT_S)
        job = json.loads(ask("GET", f"{server}/v1/jobs/{job['id']}"))
        print(job["state"], job["stage"], f"{job['done']} of {job['total']}", flush=True)
    if job["state"] != "done":
        raise SystemExit(f"{job['state']}: {job['error']}")
    out.mkdir(parents=True, exist_ok=True)
    for file in job["files"]:
        (out / file["name"]).write_bytes(ask("GET", server + file["url"]))
    ask("DELETE", f"{server}/v1/jobs/{job['id']}")  # nothing of the photo stays there
    return [out / file["name"] for file in job["files"]]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--server", default="http://127.0.0.1:8760")
    parser.add_argument("--out", type=Path, default=Path("smiles"))
    parser.add_argument("--label", default="spontaneous")
    parser.add_argument("--modes", type=int, default=3)
    parser.add_argument("--size", type=int, default=512)
    asked = parser.parse_args()
    for path in smiles(asked.server, asked.photo, asked.out, label=asked.label, modes=asked.modes, size=asked.size):
        print(path)
