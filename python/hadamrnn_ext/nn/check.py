"""Checks of the arguments of a module, with errors worded like those of the rest of the package."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InputError, ShapeError
from .engines import mask_past
from .engines.derivatives import transformed


def check_input(x: Tensor, input_size: int, *, tokens: bool) -> None:
    """Raises unless x is float (B, T, input_size) or, with ``tokens``, integer (B, T) with values 0 to input_size - 1."""
    if x.is_complex() or x.dtype == torch.bool or (tokens and x.is_floating_point()):
        expected = "integer tokens" if tokens else "real numbers"
        raise InputError(f"input has dtype {x.dtype}; expected {expected}")
    expected = "(B, T) or (T,) of integer tokens" if tokens else f"(B, T, {input_size}) or (T, {input_size})"
    if x.dim() != (2 if tokens else 3) or (not tokens and x.shape[2] != input_size):
        raise ShapeError(f"input has shape {tuple(x.shape)} and dtype {x.dtype}; expected {expected}")
    if x.shape[1] == 0:
        raise ShapeError(f"input has shape {tuple(x.shape)}; expected at least one time step")
    if tokens and x.numel() and _values_at_hand(x):
        low, high = _range(x)
        if low < 0 or high >= input_size:
            raise InputError(f"tokens go from {low} to {high}; expected 0 to {input_size - 1}")


def check_lengths(lengths: Tensor | None, x: Tensor) -> Tensor | None:
    """``lengths`` as int64 on the device of x (B, T, ..); raises unless they are whole numbers (B,) from 1 to T."""
    if lengths is None:
        return None
    batch, steps = x.shape[:2]
    lengths = torch.as_tensor(lengths)
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise InputError(f"lengths have dtype {lengths.dtype}; expected whole numbers")
    if lengths.shape != (batch,):
        raise ShapeError(f"lengths have shape {tuple(lengths.shape)}; expected ({batch},)")
    if batch and _values_at_hand(lengths):
        low, high = _range(lengths)
        if low < 1 or high > steps:
            raise InputError(f"lengths go from {low} to {high}; expected 1 to {steps} (time steps)")
    return lengths.to(device=x.device, dtype=torch.int64)


def check_targets(
    targets: Tensor, x: Tensor, lengths: Tensor | None, output: str, output_size: int, ignore_index: int
) -> Tensor:
    """``targets`` for x (B, T, ..), replaced past each length by ``ignore_index`` (classes) or zero (values).

    Raises unless they are integer classes of shape (B,), or (B, T) for output "all", or real values with a last axis (o,).
    """
    if targets.is_complex() or targets.dtype == torch.bool:
        raise InputError(f"targets have dtype {targets.dtype}; expected integer classes or real values")
    classes = not targets.is_floating_point()
    expected = (*x.shape[: 2 if output == "all" else 1], *(() if classes else (output_size,)))
    if targets.shape != expected:
        kind = "classes" if classes else "values"
        met = f"targets have shape {tuple(targets.shape)} and dtype {targets.dtype}"
        raise ShapeError(f"{met}; expected {expected} of such {kind}")
    if lengths is not None and output == "all":
        targets = mask_past(targets, lengths, ignore_index if classes else 0)
    if classes and targets.numel() and _values_at_hand(targets):
        classes_in_all = max(output_size, 2)  # a single logit stands for two classes
        low, high = _range(targets)
        if low < 0 or high >= classes_in_all:
            wrong = (targets < 0) | (targets >= classes_in_all)
            for value in targets[wrong & (targets != ignore_index)][:1].tolist():
                raise InputError(f"class {value} is outside 0 to {classes_in_all - 1} and is not ignored")
    return targets


def _range(tensor: Tensor) -> tuple[int, int]:
    """The smallest and the largest of whole numbers whose values can be read.

    This uses NumPy, because torch would split a large tensor among its threads, which then spin for milliseconds on the
    cores that the threads of the engine need.
    """
    values = tensor.detach().resolve_neg().numpy()
    return int(values.min()), int(values.max())


def _values_at_hand(tensor: Tensor) -> bool:
    """Whether values can be read without stopping a GPU or breaking a compiled graph or a transformed function."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling() and not transformed()
