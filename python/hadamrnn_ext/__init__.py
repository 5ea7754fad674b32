"""HadamRNN: recurrent networks with binary and sparse ternary orthogonal weights.

Needs NumPy and safetensors only. Training lives in ``hadamrnn_ext.nn``, which needs the ``train`` extra (torch) and
is imported only by those who want it. All examples begin with ``import numpy as np`` and ``import hadamrnn_ext as hr``.

Examples:
    >>> windows, _ = hr.zoo.samples("har6")  # 128 steps of nine signals of a phone, four times
    >>> hr.load("har6").classify(windows).labels[:, 0].tolist()
    ['walking', 'sitting', 'standing', 'laying']
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

# The core comes first: it refuses subinterpreters, before NumPy is imported in one, which would spoil it for the process.
from . import _core, audio, hadamard, isa, zoo  # noqa: F401
from .errors import (
    DataError,
    DerivativeError,
    HadamardOrderError,
    HadamRNNError,
    InputError,
    IsaError,
    KernelError,
    ModelFormatError,
    ShapeError,
    UnknownModelError,
)
from .file.card import Card, LayerCard, Training
from .file.preprocess import Normalization, Permutation, Preprocess, Vocabulary
from .model import Model
from .model.stream import Stream
from .model.streams import Streams
from .model.unroll import Unrolled
from .model.windows import Windows
from .zoo import infer, load, models

# Modules that classes of earlier pickles lie in, and where those classes are now.
_MOVED = {
    "card": "file.card",
    "classify": "model.classify",
    "data_card": "file.data_card",
    "describe": "model.describe",
    "integer.card": "file.integer_card",
    "pool": "file.pool",
    "preprocess": "file.preprocess",
    "stream": "model.stream",
    "streams": "model.streams",
}
sys.modules.update({f"{__name__}.{old}": sys.modules[f"{__name__}.{new}"] for old, new in _MOVED.items()})

__version__: str
if TYPE_CHECKING:
    from . import export
    from .closed_form import fit

__all__ = [
    "Card",
    "DataError",
    "DerivativeError",
    "HadamRNNError",
    "HadamardOrderError",
    "InputError",
    "IsaError",
    "KernelError",
    "LayerCard",
    "Model",
    "ModelFormatError",
    "Normalization",
    "Permutation",
    "Preprocess",
    "ShapeError",
    "Stream",
    "Streams",
    "Training",
    "UnknownModelError",
    "Unrolled",
    "Vocabulary",
    "Windows",
    "audio",
    "export",
    "fit",
    "hadamard",
    "infer",
    "isa",
    "load",
    "models",
    "zoo",
]

if not TYPE_CHECKING:  # for a type checker, every name that is not here would be one that is

    def __getattr__(name):
        """`export`, `fit` and `__version__`, once somebody asks: what they import takes as long as half of the package."""
        if name == "export":
            return import_module(".export", __name__)
        if name == "fit":
            from .closed_form import fit

            return fit
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version(__name__)
        except PackageNotFoundError:  # a source tree that nobody has installed
            return "0+unknown"

    def __dir__():
        return sorted({*globals(), *__all__})
