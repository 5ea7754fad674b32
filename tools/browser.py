"""A headless Chromium that opens folders as a web server serves them, spoken to over a pipe in its DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["Page", "browser", "chromium", "served"]

SECONDS = 120  # that anything may take


def chromium() -> str | None:
    """The command of the browser, if there is one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class _Silent(http.server.SimpleHTTPRequestHandler):
    """A plain web server that prints nothing."""

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a folder is served."""
    handler = functools.partial(_Silent, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Page:
    """One page of the browser. ``problems`` has what it has told the console as an error, and what it could not load."""

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer, self._rest = reader, writer, b""
        self._numbers, self._session = itertools.count(1), None
        self.problems: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """The result of a method of the protocol."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while True:
            got = self._next()
            if got.get("id") == number:
                assert "error" not in got, (method, got["error"])
                return got["result"]
            self._note(got)

    def open(self, address: str) -> None:
        """Opens an address, and waits until its scripts say that they are ready or tell of a problem."""
        self.call("Page.navigate", url=address)
        self.wait(
            "document.documentElement?.dataset.ready !== undefined || document.getElementById('problem')?.textContent"
        )
        assert not (told := self.text("problem")), told

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript, or of the promise that it is."""
        done = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Waits until an expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({condition})"):
            assert time.monotonic() < end, (
                condition,
                self.problems,
                self.evaluate("document.body.innerText"),
            )
            time.sleep(0.05)

    def text(self, element: str) -> str:
        """The text of the element of this id."""
        found: str = self.evaluate(f"document.getElementById({element!r})?.textContent ?? ''")
        return found

    def draw(self, lines: list[list[tuple[float, float]]], element: str = "drawing") -> None:
        """Draws lines with the mouse; their points are shares of the width and height of an element."""
        box = self.evaluate(
            f"(() => {{ const b = document.getElementById({element!r}).getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; }})()"
        )
        for line in lines:
            for i, (across, down) in enumerate([line[0], *line, line[-1]]):
                kind = "mousePressed" if i == 0 else "mouseReleased" if i > len(line) else "mouseMoved"
                place = {"x": box[0] + across * box[2], "y": box[1] + down * box[3]}
                self.call(
                    "Input.dispatchMouseEvent", type=kind, button="left", buttons=1, clickCount=1, **place
                )

    def choose(self, element: str, file: Path) -> None:
        """Gives a file to the input of this id."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=f"#{element}")["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def look(self, width: int, height: int = 800, dark: bool = False) -> None:
        """Gives the page a size, and light or dark colors."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, clip: dict[str, float] | None = None) -> bytes:
        """The page, or a part of it, as PNG."""
        part = {} if clip is None else {"clip": {"scale": 1, **clip}}
        return base64.b64decode(
            self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, **part)["data"]
        )

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._reader], [], [], SECONDS)[0], "the browser does not answer"
            self._rest += (got := os.read(self._reader, 1 << 16))
            assert got, "the browser has ended"
        message, self._rest = self._rest.split(b"\0", 1)
        found: dict[str, Any] = json.loads(message)
        return found

    def _note(self, event: dict[str, Any]) -> None:
        method, told = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.problems.append(json.dumps(told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.problems.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        elif method == "Network.requestWillBeSent":
            address = told["request"]["url"]
            if not address.startswith(("http://127.0.0.1:", "data:", "blob:", "about:")):
                self.problems.append(f"asks for {address}")


@contextlib.contextmanager
def browser(*options: str) -> Iterator[Page]:
    """A page of a browser without a profile, which ends with the block."""
    command = chromium()
    assert command is not None
    to_browser, from_us = os.pipe()
    to_us, from_browser = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        arguments = (
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
            *("--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={profile}"),
        )
        # The browser reads commands from descriptor 3 and writes answers to 4. Not every sh knows descriptors above 9.
        process = subprocess.Popen(
            [
                "bash",
                "-c",
                f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}',
                command,
                *arguments,
                *options,
            ],
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        try:
            page = Page(to_us, from_us)
            yield page
            with contextlib.suppress(AssertionError, OSError):
                page._session = None
                page.call("Browser.close")
            process.wait(20)
        finally:
            process.kill()
            process.wait()
            os.close(from_us)
            os.close(to_us)
