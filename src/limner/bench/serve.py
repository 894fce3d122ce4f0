"""Whether the API holds: many clients at once, each sending photos and asking how their jobs stand, for some minutes on loopback.

    limner bench serve

Each client has an address of its own (127.0.0.2 and on, where the system has them), so that the queue's turns can be seen. What a client is
told to try again (429) it tries again. Light calls are those that do no work: a job's state, the health of the server.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from limner.media.files import write_text

ASK_S = 0.25  # how often a client asks how its job stands
PATIENCE_S = 600.0  # for jobs still open when the time is up
PHOTO = "/v1/smile?modes=1&size=128&renderer=warp"


def run(*, clients: int = 20, seconds: float = 120.0, out: Path | None = None) -> dict[str, Any]:
    """Prints and returns the figures. DependencyError without the extra `serve`."""
    from limner.web import require

    require("serve", "fastapi", "uvicorn")
    photo = small_photo()
    server = subprocess.Popen(
        [sys.executable, "-m", "limner", "serve", "--port", "0", "--queue", str(2 * clients)], stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stderr is not None
        line = server.stderr.readline()
        if "http://" not in line:
            raise RuntimeError(f"the server did not start: {line.strip()}")
        port = int(line.partition("http://")[2].split()[0].rpartition(":")[2])
        crowd = [Client(port, number, photo, time.monotonic() + seconds) for number in range(clients)]
        threads = [threading.Thread(target=client.run, daemon=True) for client in crowd]
        before = memory_mb(server.pid)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = memory_mb(server.pid)
    finally:
        server.terminate()
        server.communicate(timeout=60)
    found = figures(crowd, seconds) | {"server_mb_before": before, "server_mb_after": after, "load_average": os.getloadavg()[1]}
    print(said(found))
    if out is not None:
        write_text(out, json.dumps(found, indent=1) + "\n")
    return found


def small_photo() -> bytes:
    """The portrait that scikit-image brings, 256 pixels wide, as PNG."""
    from PIL import Image
    from skimage import data

    file = io.BytesIO()
    Image.fromarray(data.astronaut()[:300, 80:380]).resize((256, 256)).save(file, "PNG")
    return file.getvalue()


def memory_mb(process: int) -> float | None:
    """Resident memory of a process; None where the system does not tell."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), None)


@dataclass
class Client:
    """One client. ended: state -> how many of its jobs; light_s, upload_s: how long its calls took; statuses: of all replies."""

    port: int
    number: int
    photo: bytes
    until: float
    ended: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    light_s: list[float] = field(default_factory=list)
    upload_s: list[float] = field(default_factory=list)
    lost: int = 0
    fault: str = ""

    def run(self) -> None:
        try:
            while time.monotonic() < self.until:
                self._one()
        except Exception as error:  # told by the one that waits for all
            self.fault = f"{type(error).__name__}: {error}"

    def _one(self) -> None:
        """A photo, its job, one of its files, and the job's end."""
        status, job = self._ask("POST", PHOTO, self.photo, self.upload_s)
        if status == 429:
            time.sleep(ASK_S)
            return
        end = time.monotonic() + PATIENCE_S
        while job.get("state") in ("queued", "running"):
            if time.monotonic() > end:
                self.lost += 1
                return
            time.sleep(ASK_S)
            status, job = self._ask("GET", f"/v1/jobs/{job['id']}", None, self.light_s)
            self._ask("GET", "/v1/health", None, self.light_s)
        if status != 200:
            self.lost += 1
            return
        self.ended[job["state"]] += 1
        videos = [file["url"] for file in job["files"] if file["name"] == "mode_1.mp4"]
        if job["state"] == "done" and (not videos or self._ask("GET", videos[0], None, [])[0] != 200):
            self.lost += 1
        self._ask("DELETE", f"/v1/jobs/{job['id']}", None, [])

    def _ask(self, method: str, path: str, body: bytes | None, took: list[float]) -> tuple[int, dict[str, Any]]:
        source = (f"127.0.0.{self.number % 200 + 2}", 0) if sys.platform == "linux" else None
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120, source_address=source)
        start = time.perf_counter()
        try:
            connection.request(method, path, body, {"Content-Type": "image/png"} if body is not None else {})
            reply = connection.getresponse()
            content = reply.read()
        finally:
            connection.close()
        took.append(time.perf_counter() - start)
        self.statuses[reply.status] += 1
        return reply.status, json.loads(content) if (reply.headers["content-type"] or "").startswith("application/json") else {}


def figures(crowd: list[Client], seconds: float) -> dict[str, Any]:
    """What all clients together met."""
    statuses, ended = sum((client.statuses for client in crowd), Counter()), sum((client.ended for client in crowd), Counter())
    light, upload = (np.array([s for client in crowd for s in getattr(client, name)]) * 1000 for name in ("light_s", "upload_s"))
    each = [sum(client.ended.values()) for client in crowd]
    return {
        "clients": len(crowd),
        "seconds": seconds,
        "jobs": dict(ended),
        "jobs_per_client": [min(each), max(each)],
        "lost": sum(client.lost for client in crowd),
        "faults": [client.fault for client in crowd if client.fault],
        "statuses": {str(status): number for status, number in sorted(statuses.items())},
        "server_errors": sum(number for status, number in statuses.items() if status >= 500),
        "light_calls": len(light),
        "light_p50_ms": float(np.quantile(light, 0.5)) if len(light) else None,
        "light_p95_ms": float(np.quantile(light, 0.95)) if len(light) else None,
        "upload_p95_ms": float(np.quantile(upload, 0.95)) if len(upload) else None,
    }


def said(found: dict[str, Any]) -> str:
    """The figures in words."""
    low, high = found["jobs_per_client"]
    lines = [
        f"{found['clients']} clients for {found['seconds']:g} s: {sum(found['jobs'].values())} jobs ended {found['jobs']}, "
        f"{found['lost']} lost, {found['server_errors']} replies of 5xx, {len(found['faults'])} broken connections",
        f"jobs of a client: {low} to {high}",
        f"replies: {found['statuses']}",
    ]
    if found["light_calls"]:
        lines.append(
            f"{found['light_calls']} light calls: {found['light_p50_ms']:.0f} ms (median), {found['light_p95_ms']:.0f} ms (95 %); "
            f"uploads {found['upload_p95_ms']:.0f} ms (95 %)"
        )
    if found["server_mb_after"]:
        lines.append(f"the server's own memory: {found['server_mb_before']:.0f} MB, afterwards {found['server_mb_after']:.0f} MB")
    lines.append(f"load average of the machine: {found['load_average']:.1f}")
    return "\n".join(lines)
