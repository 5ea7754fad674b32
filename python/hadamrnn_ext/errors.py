"""The exceptions of this package.

Each message gives the value or shape that was met and the one that was expected. Exceptions about a wrong argument are also
``ValueError``s, so that code that does not know this package can catch them.
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
    """The base class of all errors that this package raises on purpose."""


class ShapeError(HadamRNNError, ValueError):
    """An array has the wrong rank or a wrong dimension."""


class InputError(HadamRNNError, ValueError):
    """An array has the right shape but a wrong type or wrong values, such as complex numbers, NaN or a token out of range."""


class ModelFormatError(HadamRNNError, ValueError):
    """A model file, or the arrays of which a model is made, do not follow the format."""


class HadamardOrderError(HadamRNNError, ValueError):
    """There is no Hadamard matrix of this order, or this package constructs none."""


class UnknownModelError(HadamRNNError, ValueError):
    """A name is neither a bundled model nor a model file."""


class IsaError(HadamRNNError, ValueError):
    """An instruction set is unknown, or this machine does not have it."""


class KernelError(HadamRNNError, ValueError):
    """A kernel is unknown, or cannot run this kind of model."""


class DataError(HadamRNNError):
    """A data set or a file is missing, incomplete or in a wrong format."""


class DerivativeError(HadamRNNError, NotImplementedError):
    """An operator in C++ lacks a derivative, or a transform of torch.func. This is a ``RuntimeError`` as well."""
