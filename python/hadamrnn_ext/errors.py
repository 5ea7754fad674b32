"""The exceptions of this package: one small family.

Each text gives the value or shape that was met and the one that was expected. Those that are
about a wrong argument are also a ``ValueError``, so code that knows nothing of this package can catch them.
"""

from __future__ import annotations

__all__ = [
    "DataError",
    "DerivativeError",
    "HadamRNNError",
    "HadamardOrderError",
    "InputError",
    "IsaError",
    "KernelError",
    "ModelFormatError",
    "ShapeError",
    "UnknownModelError",
]


class HadamRNNError(Exception):
    """Base of every error this package raises on purpose."""


class ShapeError(HadamRNNError, ValueError):
    """An array has the wrong rank or a wrong dimension."""


class InputError(HadamRNNError, ValueError):
    """An array has the right shape, but a wrong type or wrong values: complex, NaN, a token out of range."""


class ModelFormatError(HadamRNNError, ValueError):
    """A model file, or the arrays a model is made of, do not follow the format."""


class HadamardOrderError(HadamRNNError, ValueError):
    """There is no Hadamard matrix of this order, or none that this package constructs."""


class UnknownModelError(HadamRNNError, ValueError):
    """A name is neither a bundled model nor a model file."""


class IsaError(HadamRNNError, ValueError):
    """An instruction set is unknown, or this machine does not have it."""


class KernelError(HadamRNNError, ValueError):
    """A kernel is unknown, or does not run this kind of model."""


class DataError(HadamRNNError):
    """A data set is missing, incomplete or not in the format it should have."""


class DerivativeError(HadamRNNError, NotImplementedError):
    """A derivative or a transform of torch.func that an operator in C++ does not have; a ``RuntimeError`` as well."""
