"""The pretrained models in this package."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import isa
from ..errors import UnknownModelError
from ..file.format import SUFFIX
from ..model import Model

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["DEFAULT", "infer", "load", "models", "pretrained"]

DEFAULT = "smnist"


@lru_cache(maxsize=1)
def pretrained() -> Traversable:
    """The folder of the bundled models, and of samples for them."""
    from importlib import resources  # which imports the modules of archives

    return resources.files(__package__) / "pretrained"


@lru_cache(maxsize=1)
def _names() -> tuple[str, ...]:
    return tuple(
        sorted(
            file.name.removesuffix(SUFFIX) for file in pretrained().iterdir() if file.name.endswith(SUFFIX)
        )
    )


def models() -> list[str]:
    """The names of the pretrained models in this package.

    Examples:
        >>> "har6" in hr.models()
        True
    """
    return list(_names())


def load(source: str | os.PathLike[str] = DEFAULT, kernel: str = "auto") -> Model:
    """A bundled model by name, or a model file by path. A bundled model takes precedence over a file of the same name.

    Raises:
        UnknownModelError: there is neither a bundled model nor a file of this name.
        ModelFormatError: the file is not a valid model.
        KernelError: the kernel is unknown or does not run this model.

    Examples:
        >>> hr.load("har6").describe().file_bytes
        6340
        >>> hr.load("har6").card.labels[:3]
        ('walking', 'walking upstairs', 'walking downstairs')
    """
    if isinstance(source, str) and source in _names():
        return _bundled(source, kernel, isa.active())
    if isinstance(source, (str, os.PathLike)) and source:
        try:
            is_file = Path(source).exists() and not Path(source).is_dir()  # a pipe is accepted
        except (OSError, ValueError):  # the path is too long, or contains a NUL
            is_file = False
        if is_file:
            return Model.load(source, kernel)
    raise UnknownModelError(
        f"{ascii(source)[:200]} is neither a bundled model ({', '.join(_names()) or 'there are none'}) nor a model file"
    )


@lru_cache(maxsize=32)
def _bundled(name: str, kernel: str, isa_name: str) -> Model:
    """A bundled model, cached for ``infer``, for each instruction set, since a model keeps the one it was made with."""
    return Model.from_bytes((pretrained() / f"{name}{SUFFIX}").read_bytes(), kernel)


def infer(
    seq: ArrayLike,
    model: str | os.PathLike[str] | Model | None = None,
    *,
    lengths: ArrayLike | None = None,
    num_threads: int | None = None,
    check_finite: bool = True,
) -> NDArray[np.float32]:
    """The logits of a sequence or a batch: ``load(model).infer(seq, ...)``, see ``Model.infer``.

    Args:
        seq: features (T, d) or (B, T, d), tokens (T,) or (B, T), or a text or texts for a model with a vocabulary.
        model: a Model, a bundled name, a path (read again at every call), or None for the default, ``smnist``.
        lengths, num_threads, check_finite: as in ``Model.infer``.

    Raises:
        UnknownModelError, ModelFormatError: as in ``load``. ShapeError, InputError: as in ``Model.infer``.

    Examples:
        >>> hr.infer("a wonderful film", model="sst2").shape
        (1,)
    """
    if not isinstance(model, Model):
        model = load(DEFAULT if model is None else model)
    return model.infer(seq, lengths, num_threads, check_finite)
