"""A thousand streams on one core: sequences that join, step when their data arrives, and leave.

    python examples/thousand_streams.py [STREAMS] [TICKS]

In each tick of a server some of the streams have a new time step, here eight in ten; one in fifty ends, and another begins.
Prints the time for a step of one stream, and checks that the answers are those of the model alone, to the same bits.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import hadamrnn_ext as hr


def main(count: int = 1000, ticks: int = 200) -> None:
    model = hr.load(
        "har6"
    )  # which of six activities is it: 9 channels of a phone's sensors, 50 steps a second
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(count, ticks, 9)).astype(np.float32)  # of whoever has the place
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
            streams.join()  # the place that has just been left
        if arrived[0] == 0:
            watched.append(x[0])
            same = np.array_equal(logits[0], model.infer(np.stack(watched)))
            assert same, "a stream answers as the model does"

    size = model.card.layers[0].hidden_size
    print(
        f"{count:,} streams of {size} units on one core ({model.isa}): {1e6 * seconds / steps:.2f} us a step of one,"
    )
    print(f"{1e3 * seconds / ticks:.2f} ms a tick; {steps / seconds:,.0f} steps a second")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
