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
    """The base class of all errors that this package raises on purpose.

    Examples:
        >>> try:
        ...     hr.load("har6").infer(np.zeros((128, 3)))
        ... except hr.HadamRNNError as error:
        ...     print(error)
        x has shape (128, 3); expected (T, 9) or (B, T, 9)
    """


class ShapeError(HadamRNNError, ValueError):
    """An array has the wrong rank or a wrong dimension.

    Examples:
        >>> hr.load("har6").infer(np.zeros((128, 3)))
        Traceback (most recent call last):
            ...
        hadamrnn_ext.errors.ShapeError: x has shape (128, 3); expected (T, 9) or (B, T, 9)
    """


class InputError(HadamRNNError, ValueError):
    """An array has the right shape but a wrong type or wrong values, such as complex numbers, NaN or a token out of range.

    Examples:
        >>> hr.load("copy").infer([1, 2, 10])
        Traceback (most recent call last):
            ...
        hadamrnn_ext.errors.InputError: x[2] is 10; expected tokens 0 .. 9
    """


class ModelFormatError(HadamRNNError, ValueError):
    """A model file, or the arrays of which a model is made, do not follow the format.

    Examples:
        >>> hr.LayerCard(hidden_size=100, block_size=16)
        Traceback (most recent call last):
            ...
        hadamrnn_ext.errors.ModelFormatError: hidden_size 100 is not a multiple of block_size 16
    """


class HadamardOrderError(HadamRNNError, ValueError):
    """There is no Hadamard matrix of this order, or this package constructs none.

    Examples:
        >>> hr.hadamard.matrix(6)
        Traceback (most recent call last):
            ...
        hadamrnn_ext.errors.HadamardOrderError: there is no Hadamard matrix of order 6: orders are 1, 2 and multiples of 4; ...
    """


class UnknownModelError(HadamRNNError, ValueError):
    """A name is neither a bundled model nor a model file.

    Examples:
        >>> hr.zoo.samples("unheard")
        Traceback (most recent call last):
            ...
        hadamrnn_ext.errors.UnknownModelError: there are no samples for 'unheard'; expected one of smnist, pmnist, ...
    """


class IsaError(HadamRNNError, ValueError):
    """An instruction set is unknown, or this machine does not have it.

    Examples:
        >>> hr.isa.use("mmx")
        Traceback (most recent call last):
            ...
        hadamrnn_ext.errors.IsaError: instruction set 'mmx' is unknown or not supported here; expected one of scalar...
    """


class KernelError(HadamRNNError, ValueError):
    """A kernel is unknown, or cannot run this kind of model.

    Examples:
        >>> hr.load("har6").unroll(128)
        Traceback (most recent call last):
            ...
        hadamrnn_ext.errors.KernelError: unroll takes a linear recurrence of one layer over features with output 'last', and this one ...
    """


class DataError(HadamRNNError):
    """A data set or a file is missing, incomplete or in a wrong format.

    Examples:
        >>> from hadamrnn_ext.data import files
        >>> files.read("notes.pdf")
        Traceback (most recent call last):
            ...
        hadamrnn_ext.errors.DataError: notes.pdf: cannot be read ([Errno 2] No such file or directory: 'notes.pdf')
    """


class DerivativeError(HadamRNNError, NotImplementedError):
    """An operator in C++ lacks a derivative, or a transform of torch.func. This is a ``RuntimeError`` as well.

    Examples:
        >>> import torch
        >>> from hadamrnn_ext import nn
        >>> net = nn.HadamRNN(3, 16, engine="native")
        >>> torch.func.vmap(lambda x: net(x)[0])(torch.zeros(2, 1, 5, 3))
        Traceback (most recent call last):
            ...
        hadamrnn_ext.errors.DerivativeError: engine="native" runs in C++, which has no transforms of torch.func ...
    """
