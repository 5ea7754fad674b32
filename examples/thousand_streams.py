"""Runs a thousand streams on one core: sequences join, step when their data arrives, and leave.

    python examples/thousand_streams.py [STREAMS] [TICKS]

In each tick of a server some of the streams have a new time step (here eight in ten), and one in fifty ends and another
begins. The program prints the time per step of one stream, and checks that the answers have the same bits as those of
`Model.infer`.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import hadamrnn_ext as hr


def main(count: int = 1000, ticks: int = 200) -> None:
    # It tells six activities from nine channels of a phone's sensors, 50 steps per second.
    model = hr.load("har6")
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(count, ticks, 9)).astype(np.float32)  # of the sequence at each place
    streams = model.streams(capacity=count)
    for _ in range(count):
        streams.join()

    watched: list[np.ndarray] = []  # what the stream at place 0 has read
    seconds, steps = 0.0, 0
    for tick in range(ticks):
        arrived = np.flatnonzero(rng.random(count) < 0.8)
        x = signals[arrived, tick]
        start = time.perf_counter()
        logits = streams.step(x, arrived)
        seconds += time.perf_counter() - start
        steps += len(arrived)
        for place in 1 + rng.permutation(count - 1)[: count // 50]:
            streams.leave(int(place))
            streams.join()  # takes the place that has just become free
        if arrived[0] == 0:
            watched.append(x[0])
            same = np.array_equal(logits[0], model.infer(np.stack(watched)))
            assert same, "a stream must answer as the model does"

    size = model.card.layers[0].hidden_size
    print(
        f"{count:,} streams of {size} units on one core ({model.isa}): {1e6 * seconds / steps:.2f} us per step of one stream,"
    )
    print(f"{1e3 * seconds / ticks:.2f} ms per tick; {steps / seconds:,.0f} steps per second")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
