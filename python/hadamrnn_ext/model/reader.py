"""Converts raw input to what the network of a model reads: checked, scaled and normalized. Errors name the place."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..data.texts import is_texts, read_texts
from ..errors import InputError, ShapeError
from ..file.card import Card
from ..file.resolution import check_differences
from . import inputs

__all__ = ["Reader", "Ready", "overflow_error"]

Array = NDArray[Any]
Int64 = NDArray[np.int64]
Bools = NDArray[np.bool_]
F32, U8 = np.dtype(np.float32), np.dtype(np.uint8)


class Ready(NamedTuple):
    """The result of ``Model.prepare``: input as the core takes it, (B, T, d) or (B, T)."""

    values: Array
    lengths: Int64 | None
    batched: bool  # whether the caller's input has a batch axis
    raw: Array


class Reader:
    """Reads features (..., d) or tokens (...) as a card says, or with ``raw`` as the network does, already preprocessed.

    C++ (``Features``) does all of the arithmetic in one pass. The fast paths of ``Model`` and ``Stream`` call it directly.
    """

    __slots__ = ("_card", "_fine", "_pixels", "_raw", "features")

    def __init__(self, card: Card, raw: bool = False) -> None:
        self._card, self._raw = card, raw
        self._pixels = card.preprocess.uint8_scale is not None
        normalization = None if raw else card.preprocess.normalization
        self._fine = None if normalization is None or normalization.fine is None else normalization
        self.features = _features(card, raw) if card.input == "features" else None

    @property
    def inner(self) -> tuple[int, ...]:
        """The shape of one time step."""
        return () if self.features is None else (self._card.input_size,)

    def prepare(self, x: Any, lengths: ArrayLike | None, check_finite: bool) -> Ready:
        """Read sequences or texts as ``Model.infer`` takes them. Raises the same errors."""
        # For a model without vocabulary, an array of text is an array of the wrong dtype.
        texts = self._card.preprocess.vocabulary is not None or isinstance(x, (list, tuple))
        if isinstance(x, str) or (texts and is_texts(x)):
            if lengths is not None:
                raise InputError(
                    "lengths is given with text; expected None, since each text has its own length"
                )
            x, lengths = read_texts(x, self._card)
        raw = inputs.read_array(x)
        batched = self._is_batched(raw)
        batch, steps = raw.shape[:2] if batched else (1, len(raw))
        ends = inputs.lengths(lengths, batch, steps, batched)
        values = self.read(raw, check_finite, ends)
        values = inputs.permute(values if batched else values[None], ends, self._card)
        return Ready(values, ends, batched, raw)

    def overflow(self, ready: Ready, sequence: int, step: int) -> InputError:
        """The error for a network that overflowed at this step of a sequence, in the order in which the network reads."""
        permutation = self._card.preprocess.permutation
        at = step if permutation is None else int(permutation.indices()[step])
        return overflow_error(ready.raw, (sequence, at) if ready.batched else (at,))

    def read(self, x: Array, check_finite: bool = True, ends: Int64 | None = None) -> Array:
        """float32 features or int32 tokens of the same shape, in C order.

        Args:
            x: real numbers, (..., d) or (...).
            check_finite: refuse features that the network would read as NaN or infinity.
            ends: the lengths (B,) of sequences (B, T, ..), or the length of one (T, ..). The padding after them may hold
                anything; where it would be refused, it is read as 0.

        Raises:
            InputError: a number or the dtype is refused.
        """
        values, certain = self.convert(x, check_finite)
        self.check_differences(x)
        if certain:
            return values
        refused = self.refused(x, values, check_finite)
        if ends is not None and refused.any():
            steps = refused.shape[-1 if self.features is None else -2]
            padding = (np.arange(steps) >= ends[:, None]).reshape(
                refused.shape[: refused.ndim - len(self.inner)]
            )
            padding = padding.reshape(*padding.shape, *(1 for _ in self.inner))
            values = np.where(refused & padding, values.dtype.type(0), values)
            refused &= ~padding
        if refused.any():
            raise self.error(x, values, np.unravel_index(int(refused.argmax()), x.shape))
        return values

    def convert(self, x: Array, check_finite: bool = True) -> tuple[Array, bool]:
        """The values that ``read`` returns, and whether it is certain that none of them is refused.

        Raises InputError for a dtype that is refused.
        """
        self.check_dtype(x)
        if self.features is None:
            certain = not x.size or (x.min() >= 0 and x.max() < self._card.input_size)
            return np.require(x, np.int32, ["C_CONTIGUOUS", "ALIGNED"]), bool(certain)
        values, position = self._converted(x, self.features)
        unscaled = self._pixels and x.dtype.kind in "iu" and not self._scaled(x)
        return values, not unscaled and (position < 0 or not (check_finite or self._card.integer))

    def check_dtype(self, x: Array, name: str = "x") -> None:
        """Raises InputError for a dtype that is refused. Tokens must be integers, and a signal that float32 cannot hold must
        be float64.
        """
        if self.features is None and x.dtype.kind not in "iu":
            expected = f"integer tokens 0 .. {self._card.input_size - 1}"
            raise InputError(f"{name} has dtype {x.dtype}; expected {expected}")
        if self._fine is not None:
            self._fine.apply(x.reshape(-1, *self.inner)[:0])

    def check_differences(self, x: Array) -> None:
        """Raises InputError if the model does not normalize and float32 would lose the changes of x (.., T, d) over time."""
        if self.features is not None and self.features.plain:
            check_differences(x)

    def refused(self, x: Array, values: Array, check_finite: bool = True) -> Bools:
        """Where numbers of x are refused. ``values`` are the same numbers, converted."""
        if self.features is None:
            return np.asarray((x < 0) | (x >= self._card.input_size))
        if check_finite:
            refused = ~np.isfinite(values)
        else:  # there is no integer for NaN
            refused = np.isnan(values) if self._card.integer else np.zeros(x.shape, bool)
        if self._pixels and x.dtype.kind in "iu" and not self._scaled(x):
            refused |= (x < 0) | (x > 1)
        return refused

    def error(self, x: Array, values: Array, index: Any, name: str = "x") -> InputError:
        """The error for x[index], which is refused."""
        index = tuple(map(int, index))
        met, at = x[index], f"{name}{list(index)}" if index else name
        if self.features is None:
            return InputError(f"{at} is {met}; expected tokens 0 .. {self._card.input_size - 1}")
        if np.isfinite(values[index]):
            # Integers of other types are not scaled, like floats, so 253 is a pixel that the caller forgot to scale.
            expected = "numbers 0 .. 1 (raw steps are scaled already)" if self._raw else _PIXELS
            return InputError(f"{at} is {met} of dtype {x.dtype}; this model takes {expected}")
        if self._card.integer and np.isnan(values[index]):
            return InputError(f"{at} is {met}; expected numbers: this model computes with integers")
        detail = (
            f", which is {values[index]} as the float32 that the network reads" if np.isfinite(met) else ""
        )
        return InputError(
            f"{at} is {met}{detail}; expected finite numbers (check_finite=False skips this check)"
        )

    def _is_batched(self, x: Array) -> bool:
        """Whether x has a batch axis. Raises ShapeError for a wrong rank, a wrong last dimension, or T = 0."""
        d = self._card.input_size
        if self.features is not None:
            if x.ndim not in (2, 3) or x.shape[-1] != d:
                hint = "; x[:, None] makes a series a column" if x.ndim == 1 and d == 1 else ""
                raise ShapeError(f"x has shape {x.shape}; expected (T, {d}) or (B, T, {d}){hint}")
            batched, steps = x.ndim == 3, x.shape[-2]
        else:
            if x.ndim not in (1, 2):
                raise ShapeError(f"x has shape {x.shape}; expected tokens of shape (T,) or (B, T)")
            batched, steps = x.ndim == 2, x.shape[-1]
        if steps == 0:
            raise ShapeError(f"x has shape {x.shape}: an empty sequence; expected at least one time step")
        return batched

    def _scaled(self, x: Array) -> bool:
        return x.dtype == U8 and not self._raw

    def _converted(self, x: Array, features: _core.Features) -> tuple[NDArray[np.float32], int]:
        """The features in float32, and the position of the first one that is not finite, or -1."""
        with np.errstate(over="ignore"):
            if x.dtype.kind == "f" and x.dtype.itemsize not in (4, 8):
                x = x.astype(F32 if x.dtype.itemsize < 4 else np.float64)
            elif self._pixels and x.dtype.kind in "iu" and not self._scaled(x):
                x = x.astype(F32)
        x = np.require(x, x.dtype.newbyteorder("="), ["C_CONTIGUOUS", "ALIGNED"])
        if x.dtype == F32 and features.plain:
            return x, _core.first_nonfinite(x)
        values = np.empty(x.shape, F32)
        return values, features.read(x, values)


def overflow_error(x: Array, index: tuple[int, ...], name: str = "x") -> InputError:
    """The error for finite input after whose step x[index] the state or the logits of the network are not finite."""
    step = np.asarray(x[index])
    at = f"{name}[{', '.join(map(str, index))}]" if index else name
    met = f"numbers of up to {np.abs(step.astype(np.float64)).max():.3g}" if step.ndim else f"{step}"
    return InputError(
        f"the network leaves the finite numbers of float32 at {at}, {met}; expected input that it can add up "
        "(check_finite=False skips this check)"
    )


_PIXELS = "uint8 0 .. 255, or numbers 0 .. 1"


def _features(card: Card, raw: bool) -> _core.Features:
    scale, normalization = card.preprocess.uint8_scale, None if raw else card.preprocess.normalization
    return _core.Features(
        card.input_size,
        pixels=scale is not None,
        byte_scale=0.0 if raw or scale is None else scale,
        offset=None if normalization is None else np.array(normalization.offset, np.float64),
        scale=None if normalization is None else np.array(normalization.scale, np.float64),
        fine=normalization is not None and normalization.fine is not None,
    )
