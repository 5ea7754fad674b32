"""Kills processes with SIGKILL at random moments and looks at what they leave: `python fuzz/kill.py --help`.

train     a run that writes a checkpoint every step: taken up again until it ends, it ends with the bits of one that
          nobody disturbed; each checkpoint and model on the way is whole, and no later one is behind an earlier one
save      two processes that save two models to one path: it holds one of the two
cache     parsed data that is written to the cache: read again, it is what was parsed
download  MNIST from a server on this machine: files are whole or absent, and the next try completes them
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.server
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np

import hadamrnn_ext as hr
from hadamrnn_ext import cli
from hadamrnn_ext.data import copy, mnist
from hadamrnn_ext.data.parsed import parsed
from hadamrnn_ext.train import checkpoint, curves, log

Body = Callable[[], object]


class Lost(Exception):
    """Something is not as it was promised."""


def fork(body: Body) -> int:
    child = os.fork()
    if not child:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
            os._exit(bool(body()))
        except BaseException:  # noqa: BLE001  # the parent tells
            os._exit(99)
    return child


def ended(child: int) -> bool:
    """Whether a child ended by itself, and well."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, -signal.SIGKILL):
        raise Lost(f"a process ended with {code}")
    return code == 0


def kill(seconds: float, *bodies: Body) -> bool:
    """Whether all of them ended before they were killed, so many seconds after they began."""
    children = [fork(body) for body in bodies]
    time.sleep(seconds)
    for child in children:
        os.kill(child, signal.SIGKILL)
    return all(list(map(ended, children)))


def check(holds: bool, what: str) -> None:
    if not holds:
        raise Lost(what)


def train(folder: Path, random: random.Random) -> Iterator[int]:
    """A whole run to compare with, then one run after another, with kills until it ends."""
    copy.SIZES.update(validation=200, test=200)
    sizes = {"length": 24, "hidden-size": 16, "batch-size": 16, "epochs": 3, "limit-train": 80, "threads": 1}
    options = [f"--{name}={value}" for name, value in sizes.items()]

    @mock.patch.object(curves, "draw")  # the picture at the end takes longer than all the rest
    def hadamrnn(out: Path, _: object) -> int:
        return cli.main(["train", "copy", *options, "--checkpoint-seconds=0", f"--out={out}"])

    def run(out: Path) -> Body:
        return lambda: hadamrnn(out)

    def result(out: Path) -> tuple[bytes, list[dict[str, object]]]:
        lines = [
            {name: value for name, value in line.items() if not name.endswith("seconds")}
            for line in log.records(out / "log.jsonl")
        ]
        return (out / "model.safetensors").read_bytes(), lines

    begin = time.monotonic()
    check(ended(fork(run(folder / "whole"))), "the undisturbed run failed")
    seconds = time.monotonic() - begin
    expected = result(folder / "whole")
    for number in range(1 << 30):
        out, place = folder / str(number), (0, 0)
        while not kill(random.uniform(0, random.choice((0.3, 1.2)) * seconds), run(out)):
            if (out / "checkpoint.pt").exists():
                progress = checkpoint.load(out / "checkpoint.pt")[1]
                check((progress.epoch, progress.step) >= place, "a checkpoint is behind an earlier one")
                place = progress.epoch, progress.step
            if (out / "model.safetensors").exists():
                hr.load(out / "model.safetensors")
            yield 1
        check(result(out) == expected, f"{out} ended in other bits")


def save(folder: Path, random: random.Random) -> Iterator[int]:
    models, path = (hr.load("smnist"), hr.load("sst2")), folder / "m.safetensors"

    def forever(model: hr.Model) -> Body:
        def body() -> None:
            while True:
                model.save(path)

        return body

    models[0].save(path)
    while True:
        kill(random.uniform(0, 0.05), *map(forever, models))
        check(hr.load(path) in models, "the file is neither")
        yield 2


def cache(folder: Path, random: random.Random) -> Iterator[int]:
    arrays = {"x": np.arange(1 << 18), "y": np.arange(9.0)}

    def reads(source: bytes) -> Body:
        def body() -> None:
            parsed("kill", source, lambda: arrays)

        return body

    with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(folder)):
        for number in range(1 << 30):
            source = str(number // 4).encode()
            done = kill(random.uniform(0, 0.02), reads(source))
            found = parsed("kill", source, lambda: arrays)
            check(all(np.array_equal(found[name], array) for name, array in arrays.items()), "other arrays")
            yield not done


class Server(http.server.BaseHTTPRequestHandler):
    """Answers any path with its random bytes as an IDX file, in small parts."""

    @staticmethod
    def content(name: str) -> bytes:
        body = random.Random(name).randbytes(30_000)
        return bytes([0, 0, 8, 1]) + len(body).to_bytes(4, "big") + body

    def do_GET(self) -> None:
        content = self.content(self.path.strip("/").removesuffix(".gz"))
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked was killed
            for part in range(0, len(content), 3000):
                self.wfile.write(content[part : part + 3000])
                time.sleep(0.0005)

    def log_message(self, *_: object) -> None: ...


def download(folder: Path, random: random.Random) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    contents = {name: Server.content(name) for name in mnist.FILES}
    sums = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    with (
        mock.patch.dict(os.environ, XDG_CACHE_HOME=str(folder)),
        mock.patch.object(mnist, "MIRRORS", [url]),
        mock.patch.dict(mnist.FILES, sums),
    ):
        while True:
            while not kill(random.uniform(0, 0.1), lambda: mnist.download() and 0):
                for path in (folder / "hadamrnn_ext" / "mnist").glob("[!.]*"):
                    check(path.read_bytes() == contents[path.stem], f"{path} is not whole")
                yield 1
            for name, content in contents.items():
                path = folder / "hadamrnn_ext" / "mnist" / f"{name}.gz"
                check(path.read_bytes() == content, f"{name} is not what was sent")
                path.unlink()


VICTIMS = {"train": train, "save": save, "cache": cache, "download": download}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("victims", nargs="*", default=list(VICTIMS))
    parser.add_argument("--seconds", type=float, default=60, help="of each (default: 60)")
    parser.add_argument("--seed", type=int, default=None, help="of the moments (default: another each time)")
    arguments = parser.parse_args()
    seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed
    failed = False
    for name in arguments.victims:
        kills, what = 0, "nothing lost"
        with tempfile.TemporaryDirectory() as folder:
            end = time.monotonic() + arguments.seconds
            try:
                for count in VICTIMS[name](Path(folder), random.Random(seed)):
                    kills += count
                    if time.monotonic() > end:
                        break
            except (Lost, OSError, hr.HadamRNNError) as error:
                failed, what = True, f"LOST: {type(error).__name__}: {error}"
        print(f"{name:9} {kills:6} killed, {what} (seed {seed})", flush=True)
    return int(failed)


if __name__ == "__main__":
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    sys.exit(main())
