"""Reads handwritten digits pixel by pixel; `make demo` runs this. It needs only the package, not torch."""

from __future__ import annotations

import sys
import time

import numpy as np

import hadamrnn_ext as hr


def picture(image: np.ndarray) -> str:
    """An image (height, width) of bytes as half blocks: each line of text holds two rows of pixels."""
    ink = image > 96
    halves = ink[0::2] + 2 * ink[1::2]
    return "\n".join("".join(" ▀▄█"[half] for half in line).rstrip() for line in halves).strip("\n")


def microseconds(model: hr.Model, x: np.ndarray) -> float:
    """The time of one sequence on one thread: the least of many runs, since other work on the machine only adds to it."""
    times = []
    for _ in range(50):
        start = time.perf_counter()
        model.infer(x, num_threads=1)
        times.append(time.perf_counter() - start)
    return 1e6 * min(times)


def main() -> None:
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may lack the blocks
    images, truth = hr.zoo.samples()
    models = {name: hr.load(name) for name in ("smnist", "pmnist")}
    for image, digit in zip(images, truth, strict=True):
        print(picture(image))
        for name, model in models.items():
            labels, probabilities = model.classify(image.reshape(784, 1))
            print(f"{name} reads {labels[0]} (probability {probabilities[0]:.3f})")
        print(f"it is {digit}\n")
    for name, model in models.items():
        costs = model.describe()
        print(
            f"{name}: {microseconds(model, images[0].reshape(784, 1)):.0f} microseconds per sequence of 784 pixels, "
            f"{costs.file_bytes:,} bytes ({costs.kernel} on {costs.isa}, one thread)"
        )


if __name__ == "__main__":
    main()
