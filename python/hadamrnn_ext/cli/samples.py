"""`hadamrnn infer` without a file: shows a bundled model's samples, its answers, the truth, and what they cost."""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import zoo
from ..model import Model
from .options import print_json

__all__ = ["show"]

SHOWN = 10  # answers per sequence, for a model that answers at every step
RAMP = np.array(list(" .:-=+*#%@"))


def show(arguments: argparse.Namespace, model: Model, num_threads: int | None) -> int:
    inputs, answers = zoo.samples(arguments.model)
    images = inputs if _are_images(inputs) else None
    x = inputs if images is None else images.reshape(len(images), -1, 1)
    start = time.perf_counter()
    labels, probabilities = model.classify(x, num_threads=num_threads)
    seconds = (time.perf_counter() - start) / len(x)
    names = answers if model.card.labels is None else np.array(model.card.labels)[answers]
    results = [
        {"labels": label.tolist(), "probabilities": share.tolist(), "truth": truth.tolist()}
        for label, share, truth in zip(labels, probabilities, names, strict=True)
    ]
    if arguments.json:
        print_json({"model": arguments.model, "results": results, "seconds_per_sequence": seconds})
        return 0
    for number, (label, share, truth) in enumerate(zip(labels, probabilities, names, strict=True)):
        print(picture(images[number]) if images is not None else _describe(inputs[number]))
        if model.card.output == "all":
            print(f"the last {SHOWN} answers {_line(label[:, 0])}, truth {_line(truth)}\n")
        else:
            print(f"answer {label[0]} (probability {share[0]:.3f}), truth {truth}\n")
    steps = f" of {x.shape[1]} steps" if isinstance(x, np.ndarray) else ""
    size = model.describe().file_bytes
    print(f"{1e6 * seconds:.0f} us a sequence{steps}; the model's file has {size:,} bytes")
    return 0


def _are_images(inputs: Any) -> bool:
    return isinstance(inputs, np.ndarray) and inputs.dtype == np.uint8 and inputs.ndim == 3


def _describe(sample: Any) -> str:
    if isinstance(sample, str):
        return f'"{sample}"'
    if sample.ndim == 1:
        return f"{len(sample)} tokens: {_line(sample[:SHOWN], end=False)} .."
    return f"{sample.shape[0]} steps of {sample.shape[1]} features"


def _line(values: NDArray[Any], end: bool = True) -> str:
    return " ".join(str(value) for value in (values[-SHOWN:] if end else values))


def picture(image: NDArray[np.uint8]) -> str:
    """An image (height, width) of bytes as lines of characters. Two rows make a line, since characters are tall."""
    rows = image[: len(image) // 2 * 2].reshape(-1, 2, image.shape[1]).mean(axis=1)
    shades = (rows * (len(RAMP) - 1) / 255).round().astype(int)
    return "\n".join("".join(line).rstrip() for line in RAMP[shades])
