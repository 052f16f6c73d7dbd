"""A headless Chromium that tests drive, over the pipe of its DevTools protocol: no further package.

Chromium reads commands as JSON from file descriptor 3 and writes to 4, each ended by a zero byte.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Runs in the child: the two ends become 3 and 4, whatever their numbers were.
LAUNCH = (
    "import fcntl, os, sys; "
    "ends = [fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3]]; "
    "os.dup2(ends[0], 3); os.dup2(ends[1], 4); os.execv(sys.argv[3], sys.argv[3:])"
)
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
PATIENCE = 60.0  # seconds, for any answer: other processes may want the machine


def chromium_path() -> str:
    """The browser; the test is skipped with a reason where there is none."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    pytest.skip("no chromium here (Debian: apt install chromium), so no page can be driven")


READ_BACK = "Canvas2D: Multiple readback"  # the tests read canvases that the page only draws


class Page:
    """One page of a browser: what it shows, says and asks for."""

    def __init__(self, to: int, answers: int) -> None:
        self._to, self._from, self._rest, self._last = to, answers, b"", 0
        self.events: list[dict[str, Any]] = []
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        attached = self._send("Target.attachToTarget", targetId=target, flatten=True)
        self._session: str | None = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            self.send(f"{domain}.enable")
        self.send("Performance.enable", timeDomain="threadTicks")
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)

    _session: str | None = None

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol, and its result; RuntimeError with its error."""
        return self._send(method, **params)

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        command = {"id": self._last, "method": method, "params": params}
        if self._session is not None:
            command["sessionId"] = self._session
        os.write(self._to, json.dumps(command).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == command["id"]:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)

    def _read(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            if not select.select([self._from], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError(f"chromium said nothing for {PATIENCE:g} seconds")
            part = os.read(self._from, 1 << 20)
            if not part:
                raise RuntimeError("chromium ended; start it by hand to see why")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        return json.loads(line)

    def open(self, path: Path) -> None:
        """Load a file and wait until the page says that it is ready, and has drawn."""
        self.events.clear()
        self.send("Page.navigate", url=path.resolve().as_uri())
        self.wait("document.documentElement?.dataset.ready === 'yes'")
        self.run(DRAWN)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression, waited for; AssertionError with what it threw."""
        result = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            thrown = result["exceptionDetails"]
            raise AssertionError(thrown.get("exception", {}).get("description", thrown["text"]))
        return result["result"].get("value")

    def seconds(self) -> float:
        """What the page took of a core until now, whatever else runs on the machine."""
        metrics = self.send("Performance.getMetrics")["metrics"]
        return next(one["value"] for one in metrics if one["name"] == "TaskDuration")

    def heap(self) -> float:
        """Bytes that the page's objects take, after what is needed no more was given back."""
        self.send("HeapProfiler.collectGarbage")
        return float(self.send("Runtime.getHeapUsage")["usedSize"])

    def wait(self, condition: str) -> None:
        """Until a JavaScript condition holds."""
        until = time.monotonic() + PATIENCE
        while not self.run(f"!!({condition})"):
            if time.monotonic() > until:
                raise TimeoutError(f"never true: {condition}; the page said {self.faults()}")
            time.sleep(0.02)

    def faults(self) -> list[str]:
        """Errors, warnings and uncaught exceptions since the page was opened."""
        self.run("0")  # what was said until now has then arrived
        found = []
        for event in self.events:
            params = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(params["exceptionDetails"])[:500])
            elif event["method"] == "Log.entryAdded":
                if not params["entry"]["text"].startswith(READ_BACK):
                    found.append(params["entry"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled":
                found.append(f"{params['type']}: {params['args']}")
        return found

    def requests(self) -> list[str]:
        """Addresses asked for since the page was opened, without the page and ``data:``."""
        self.run("0")
        urls = [
            event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
            and event["params"].get("type") != "Document"
        ]
        return [url for url in urls if not url.startswith("data:")]

    def key(self, name: str, code: int) -> None:
        """Press and release a key that writes nothing, as an arrow."""
        key = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="rawKeyDown", **key)
        self.send("Input.dispatchKeyEvent", type="keyUp", **key)

    def mouse(self, kind: str, x: float, y: float) -> None:
        """``mousePressed``, ``mouseMoved`` or ``mouseReleased``, with the left button."""
        self.send(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1
        )

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """The window, in CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, mobile=phone,
            deviceScaleFactor=1,
        )  # fmt: skip

    def scheme(self, name: str) -> None:
        """What the system prefers, "light" or "dark"."""
        wanted = [{"name": "prefers-color-scheme", "value": name}]
        self.send("Emulation.setEmulatedMedia", features=wanted)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """A PNG of the window, or of the whole page."""
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """A page in a Chromium of its own, whose profile is in ``folder``; closed afterwards."""
    path = chromium_path()
    command_out, command_in = os.pipe()
    answer_out, answer_in = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-IS", "-c", LAUNCH, str(command_out), str(answer_in), path,
         "--headless=new", "--no-sandbox",
         "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-extensions", "--disable-background-networking", "--force-color-profile=srgb",
         f"--user-data-dir={folder}", "about:blank"],
        pass_fds=(command_out, answer_in), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(command_out)
    os.close(answer_in)
    try:
        yield Page(command_in, answer_out)
    finally:
        os.close(command_in)
        os.close(answer_out)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
