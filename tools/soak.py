"""Ten million steps over a thousand streams, twice: the same bits, and memory that does not grow. Then a million steps in one call.

python tools/soak.py            # ten million steps; --steps says otherwise
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import time
from pathlib import Path

import numpy as np

import hadamrnn_ext as hr

STREAMS = 1000


def resident() -> int:
    """Bytes of memory in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def soak(model: hr.Model, steps: int) -> tuple[str, int]:
    """SHA-256 of all logits, and how many bytes memory grew from a tenth of the steps to the end."""
    streams = [model.stream() for _ in range(STREAMS)]
    tokens = np.random.default_rng(1).integers(0, model.card.input_size, (64, STREAMS)).tolist()
    rounds, sha, before = steps // STREAMS, hashlib.sha256(), 0
    for i in range(rounds):
        for stream, token in zip(streams, tokens[i % 64], strict=True):
            sha.update(stream.step(token).data)
        if i == rounds // 10:
            before = resident()
    return sha.hexdigest(), resident() - before


def long_sequence(model: hr.Model, steps: int) -> bool:
    """Whether one call of `infer` ends in the same bits as a stream in chunks of 777."""
    x = np.random.default_rng(2).integers(0, model.card.input_size, steps).astype(np.int32)
    stream = model.stream()
    chunks = [stream.run(x[at : at + 777]) for at in range(0, steps, 777)]
    return np.array_equal(model.infer(x)[-1], chunks[-1][-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=10_000_000)
    arguments = parser.parse_args()
    model = hr.load("copy")
    digests = []
    for run in (1, 2):
        begin = time.monotonic()
        digest, growth = soak(model, arguments.steps)
        digests.append(digest)
        seconds = time.monotonic() - begin
        print(
            f"run {run}: {arguments.steps} steps over {STREAMS} streams, {seconds:.0f} s, memory grew by {growth} bytes",
            flush=True,
        )
        assert growth < 1 << 20, growth
    assert digests[0] == digests[1], digests
    print(f"the same bits: {digests[0]}")
    assert long_sequence(model, min(arguments.steps, 1_000_000))
    print("a million steps in one call: the bits of a stream in chunks")


if __name__ == "__main__":
    main()
