"""Mutates the corpus for a while, in a process of its own under a memory limit: `python fuzz/run.py --help`.

Counts what was tried and accepted, and reports crashes, hangs, over-allocations and everything wrong, each with the
input that does it, as a file in fuzz/findings. With --coverage atheris chooses the inputs, by the branches they take.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import mmap
import os
import random
import resource
import signal
import struct
import sys
import time
import traceback
import types
from pathlib import Path

import targets
from hadamrnn_ext.errors import HadamRNNError
from hadamrnn_ext.file import format

EXTRA_MEMORY = 512 << 20  # bytes above what the process has when it begins
SECONDS_EACH = 10  # of the processor; what takes longer hangs
COVERED = {"hadamrnn_ext", "targets", "zipfile", "tarfile", "gzip", "csv"}
FINDINGS = Path(__file__).parent / "findings"
WORDS = (
    0,
    1,
    7,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    1 << 20,
    0x7FFFFFFF,
    0xFFFFFFFF,
    (1 << 63) - 1,
    (1 << 64) - 1,
)
TEXTS = (b"\0", b"\n", b"\t", b"..", b"/", b"-1", b"NaN", b"1e999", b"null", b"[[", b'"', b"\xff", b"9" * 40)


def mutate(random: random.Random, seeds: list[bytes]) -> bytes:
    """One of the seeds after one to eight changes."""
    data = bytearray(random.choice(seeds))
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        at = random.randrange(len(data) + 1)
        match random.randrange(9):
            case 0 if at < len(data):
                data[at] ^= 1 << random.randrange(8)
            case 1 if at < len(data):
                data[at] = random.randrange(256)
            case 2:
                del data[at:]
            case 3:
                del data[at : at + random.randrange(1, 9)]
            case 4:
                data[at:at] = random.randbytes(random.randrange(1, 9))
            case 5:
                size = random.choice((1, 2, 4, 8))
                word = random.choice(WORDS) & (1 << 8 * size) - 1
                data[at : at + size] = word.to_bytes(size, random.choice(("little", "big")))
            case 6:
                text = random.choice(TEXTS)
                data[at : at + random.choice((0, len(text)))] = text
            case 7:
                end = at + random.randrange(64)
                data[at:at] = data[at:end] * random.choice((1, 1, 100))
            case 8:
                other = random.choice(seeds)
                data[at:] = other[random.randrange(len(other) + 1) :]
    return bytes(data)


class Campaign:
    """One target; its counters are shared with the process that tries."""

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.seed = name, seed
        self.target, self.seeds = targets.TARGETS[name], targets.seeds(name)
        self.counters = mmap.mmap(-1, 24)  # tried, accepted, refused
        self.findings: list[str] = []

    @property
    def counts(self) -> tuple[int, int, int]:
        return struct.unpack("3q", self.counters[:])

    def input(self, number: int) -> bytes:
        return mutate(random.Random(f"{self.name} {self.seed} {number}"), self.seeds)

    def run(self, seconds: float, most: int) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.counts[0] < most:
            child = os.fork()
            if not child:
                self._try(end, most)
                os._exit(0)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if status:
                number = self.counts[0] - 1
                what = {-signal.SIGPROF: "hang", 2: "wrong", 3: "over-allocation"}.get(
                    status, f"crash ({status})"
                )
                self._report(what, self.input(number))

    def _try(self, end: float, most: int) -> None:
        _limit_memory()
        tried, accepted, refused = self.counts
        while tried < most and time.monotonic() < end:
            data = self.input(tried)
            tried += 1
            self.counters[:] = struct.pack("3q", tried, accepted, refused)
            signal.setitimer(signal.ITIMER_PROF, SECONDS_EACH)
            try:
                accepted += self.target(data)
            except HadamRNNError:
                refused += 1
            except MemoryError:
                os._exit(3)
            except BaseException as error:  # noqa: BLE001  # whatever it is, it is a finding
                last = traceback.extract_tb(error.__traceback__)[-1]
                print(
                    f"  {type(error).__name__}: {str(error)[:100]} ({last.filename}:{last.lineno})",
                    flush=True,
                )
                os._exit(2)
        signal.setitimer(signal.ITIMER_PROF, 0)
        self.counters[:] = struct.pack("3q", tried, accepted, refused)

    def _report(self, what: str, data: bytes) -> None:
        FINDINGS.mkdir(exist_ok=True)
        path = FINDINGS / f"{self.name}-{len(self.findings)}"
        path.write_bytes(data)
        self.findings.append(f"{what}: {path}")
        print(f"{self.name}: {self.findings[-1]}", flush=True)


def _limit_memory() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE
    resource.setrlimit(resource.RLIMIT_AS, (used + EXTRA_MEMORY, used + EXTRA_MEMORY))


def cover(name: str, seconds: float) -> None:
    """Fuzzing by coverage: atheris has to be installed."""
    import atheris

    for function in gc.get_objects():  # instrument_all, which takes all of NumPy too, takes minutes
        ours = isinstance(function, types.FunctionType) and str(function.__module__).split(".")[0] in COVERED
        if ours and function is not format.loads:  # which compares digests: atheris would see the right one
            atheris.instrument_func(function)

    def once(data: bytes) -> None:
        with contextlib.suppress(HadamRNNError):
            targets.TARGETS[name](data)

    arguments = [
        sys.argv[0],
        f"-max_total_time={int(seconds)}",
        "-rss_limit_mb=2048",
        f"-timeout={SECONDS_EACH}",
    ]
    FINDINGS.mkdir(exist_ok=True)
    corpus = FINDINGS / f"corpus-{name}"
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(targets.seeds(name)):
        (corpus / f"seed-{number}").write_bytes(data)
    atheris.Setup([*arguments, f"-artifact_prefix={FINDINGS}/{name}-", str(corpus)], once)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "targets", nargs="*", default=list(targets.TARGETS), help=f"of {', '.join(targets.TARGETS)}"
    )
    parser.add_argument("--seconds", type=float, default=60, help="in all; the targets share them")
    parser.add_argument("--tries", type=int, default=1 << 62, help="at most, of each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--coverage", action="store_true", help="of one target, with atheris")
    parser.add_argument("--replay", type=Path, help="a finding of one target, to see its traceback")
    arguments = parser.parse_args()
    if arguments.replay:
        _limit_memory()
        print(
            "accepted"
            if targets.TARGETS[arguments.targets[0]](arguments.replay.read_bytes())
            else "not accepted"
        )
        return 0
    if arguments.coverage:
        cover(arguments.targets[0], arguments.seconds)
    failed, totals = False, [0, 0, 0]
    for name in arguments.targets:
        campaign = Campaign(name, arguments.seed)
        campaign.run(arguments.seconds / len(arguments.targets), arguments.tries)
        print(
            f"{name:10} {campaign.counts[0]:9} tried {campaign.counts[1]:8} accepted, {len(campaign.findings)} findings",
            flush=True,
        )
        failed |= bool(campaign.findings)
        totals = [a + b for a, b in zip(totals, campaign.counts, strict=True)]
    print(f"{totals[0]} tried, {totals[1]} accepted, {totals[2]} refused")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
