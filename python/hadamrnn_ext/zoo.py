"""The pretrained models in this package, and real inputs to try them on."""

from __future__ import annotations

import io
import os
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import isa
from .errors import UnknownModelError
from .model import Model

__all__ = ["DEFAULT", "infer", "load", "models", "samples"]

DEFAULT = "smnist"
SUFFIX = ".safetensors"
_PRETRAINED = resources.files(__package__) / "pretrained"
_SAMPLES = {"smnist": "digits.npz", "pmnist": "digits.npz"}


@lru_cache(maxsize=1)
def _names() -> tuple[str, ...]:
    return tuple(
        sorted(file.name.removesuffix(SUFFIX) for file in _PRETRAINED.iterdir() if file.name.endswith(SUFFIX))
    )


def models() -> list[str]:
    """Names of the bundled pretrained models."""
    return list(_names())


def load(source: str | os.PathLike[str] = DEFAULT, kernel: str = "auto") -> Model:
    """A bundled model by name, or a model file by path. A bundled name wins over a file of the same name.

    Raises:
        UnknownModelError: neither a bundled name nor a file.
        ModelFormatError: the file is not a valid model.
        KernelError: the kernel is unknown or does not run this model.
    """
    if isinstance(source, str) and source in _names():
        return _bundled(source, kernel, isa.active())
    if isinstance(source, (str, os.PathLike)) and source:
        try:
            is_file = Path(source).is_file()
        except (OSError, ValueError):  # too long for a path, or a zero byte in it
            is_file = False
        if is_file:
            return Model.load(source, kernel)
    raise UnknownModelError(
        f"{ascii(source)[:200]} is neither a bundled model ({', '.join(_names()) or 'there are none'}) nor a model file"
    )


@lru_cache(maxsize=32)
def _bundled(name: str, kernel: str, isa_name: str) -> Model:
    """Kept, since ``infer`` asks at every call; one for each instruction set, which a model captures when it is made."""
    return Model.from_bytes((_PRETRAINED / f"{name}{SUFFIX}").read_bytes(), kernel)


def infer(
    seq: ArrayLike,
    model: str | os.PathLike[str] | Model | None = None,
    *,
    lengths: ArrayLike | None = None,
    num_threads: int | None = None,
    check_finite: bool = True,
) -> NDArray[np.float32]:
    """Logits of a sequence or a batch: ``load(model).infer(seq, ...)``, which see.

    Args:
        seq: features (T, d) or (B, T, d), tokens (T,) or (B, T), or of a model with a vocabulary a text or texts.
        model: a Model, a bundled name, a path (read again at every call), or None for the default, ``smnist``.
        lengths, num_threads, check_finite: as in ``Model.infer``.

    Raises:
        UnknownModelError, ModelFormatError: as ``load``. ShapeError, InputError: as ``Model.infer``.
    """
    if not isinstance(model, Model):
        model = load(DEFAULT if model is None else model)
    return model.infer(seq, lengths, num_threads, check_finite)


def samples(name: str = DEFAULT) -> tuple[NDArray[Any], NDArray[Any]]:
    """Real test inputs of a bundled model and their right answers, to try it on.

    For ``smnist`` and ``pmnist``: MNIST test digits, images (k, 28, 28) uint8 and labels (k,) int64;
    ``images.reshape(k, 784, 1)`` is what ``infer`` takes.

    Raises:
        UnknownModelError: there are no samples of that name.
    """
    if name not in _SAMPLES:
        raise UnknownModelError(
            f"there are no samples for {ascii(name)[:80]}; expected one of {', '.join(_SAMPLES)}"
        )
    with np.load(io.BytesIO((_PRETRAINED / _SAMPLES[name]).read_bytes()), allow_pickle=False) as arrays:
        return arrays["images"], arrays["labels"]
