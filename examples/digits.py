"""Handwritten digits, read pixel by pixel: what `make demo` shows. Needs the package alone, not torch."""

from __future__ import annotations

import sys
import time

import numpy as np

import hadamrnn_ext as hr


def picture(image: np.ndarray) -> str:
    """An image (height, width) of bytes as half blocks, two rows of pixels a line."""
    ink = image > 96
    halves = ink[0::2] + 2 * ink[1::2]
    return "\n".join("".join(" ▀▄█"[half] for half in line).rstrip() for line in halves).strip("\n")


def microseconds(model: hr.Model, x: np.ndarray) -> float:
    """Time of one sequence on one thread, without other work of the machine: the least of many runs."""
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
            f"{name}: {microseconds(model, images[0].reshape(784, 1)):.0f} microseconds a sequence of 784 pixels, "
            f"{costs.payload_bytes:,} bytes ({costs.kernel} on {costs.isa}, one thread)"
        )


if __name__ == "__main__":
    main()
