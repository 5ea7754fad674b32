"""Sample inputs for the bundled models, with the right answers. They are real where the licence permits, else made up."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnknownModelError
from .bundled import pretrained

__all__ = ["samples"]

Samples = tuple[Any, NDArray[np.int64]]


def samples(name: str = "smnist") -> Samples:
    """Inputs for a bundled model and the right answers. Except for images, ``infer`` takes the inputs as they are.

    An integer model ``NAME-int12`` or ``NAME-int8``, and a model for streams, ``NAME-stream``, have the samples of ``NAME``;
    ``digits-stream`` gives the right answer at the last frame, and ``har2-stream`` has none of the made-up walking, which it
    takes for walking upstairs.

    * ``smnist``, ``pmnist``, ``pmnist-large``, ``block-pmnist``: test digits of MNIST, images (k, 28, 28) uint8 and
      digits (k,); ``images.reshape(k, 784, 1)`` is what ``infer`` takes. ``fashion``: test images of Fashion-MNIST.
    * ``digits``: spoken digits, log-mel frames (k, 64, 32) float32, of test recordings of FSDD.
    * ``copy``, ``copy-5000``: tokens (k, T), and the classes of every step (k, T).
    * ``har2``, ``har2-small``, ``har6``: made-up windows (k, 128, 9) float32, as of a phone at the waist of somebody who walks, sits, stands
      and lies.
    * ``imdb``, ``sst2``: made-up sentences; 1 is praise.

    Raises:
        UnknownModelError: there are no samples of that name.

    Examples:
        >>> images, digits = hr.zoo.samples("smnist")
        >>> hr.load("smnist").classify(images.reshape(3, 784, 1)).labels[:, 0].tolist(), digits.tolist()
        (['7', '2', '1'], [7, 2, 1])
    """
    float_name = name.removesuffix("-int12").removesuffix("-int8")
    make = _KINDS.get(float_name, _KINDS.get(float_name.removesuffix("-stream")))
    if make is None:
        raise UnknownModelError(
            f"there are no samples for {ascii(name)[:80]}; expected one of {', '.join(_KINDS)}"
        )
    return make()


def _arrays(file: str) -> dict[str, NDArray[Any]]:
    content = (pretrained() / file).read_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def _images(file: str) -> Samples:
    arrays = _arrays(file)
    return arrays["images"], arrays["labels"]


def _spoken() -> Samples:
    from .. import audio
    from ..data import fsdd  # imported only if it is needed

    arrays = _arrays("spoken.npz")
    sounds = (arrays[f"sound_{i}"].astype(np.float32) / np.float32(1 << 15) for i in range(len(arrays) - 1))
    return np.stack([audio.log_mel(sound, fsdd.RATE, fsdd.STEPS) for sound in sounds]), arrays["labels"]


def _copy(length: int) -> Samples:
    from ..data import copy

    return copy.sequences(copy.symbols(3, seed=1000), length)


def _windows(answers: list[int], people: slice = slice(None)) -> Samples:
    """Windows of some of four people. Gravity (in g) is along x if they are upright; a walking step takes half a second."""
    seconds = np.arange(128) / 50
    swing = np.stack([np.sin(4 * np.pi * seconds + phase) for phase in range(3)], 1)
    postures = [
        ((0.98, -0.2, -0.1), 1.0),
        ((0.9, 0.1, 0.3), 0.0),
        ((1.01, -0.2, 0.0), 0.0),
        ((0.1, 0.7, 0.7), 0.0),
    ]
    windows = [
        np.concatenate(
            [0.25 * moves * swing, 0.4 * moves * swing[:, [1, 2, 0]], gravity + 0.25 * moves * swing], 1
        )
        for gravity, moves in postures[people]
    ]
    return np.stack(windows).astype(np.float32), np.array(answers[people])


def _texts() -> Samples:
    texts = ["a warm, funny and wonderful film", "a dull and tedious mess", "the best film of the year"]
    return texts, np.array([1, 0, 1])


_KINDS: dict[str, Callable[[], Samples]] = {
    **dict.fromkeys(("smnist", "pmnist", "pmnist-large", "block-pmnist"), lambda: _images("digits.npz")),
    "fashion": lambda: _images("fashion.npz"),
    "digits": _spoken,
    "copy": lambda: _copy(1000),
    "copy-5000": lambda: _copy(5000),
    **dict.fromkeys(("har2", "har2-small"), lambda: _windows([0, 1, 0, 1])),
    "har2-stream": lambda: _windows([0, 1, 0, 1], slice(1, None)),
    "har6": lambda: _windows([0, 3, 4, 5]),
    **dict.fromkeys(("imdb", "sst2"), _texts),
}
