"""The preprocessing of raw input, which is stored in the model file.

uint8 scaling comes first, then the normalization of each channel, then the permutation of the time steps. The vocabulary
converts text to tokens.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, ModelFormatError
from .record import Record, within
from .resolution import is_wide, too_fine

__all__ = ["Normalization", "Permutation", "Preprocess", "Vocabulary"]

MAX_STEPS = 1 << 24  # of a permutation, which is generated, so that the size of the file does not limit it


@dataclass(frozen=True)
class Permutation(Record):
    """A fixed order of the time steps, stored as the rule that generates it.

    The rule "numpy.RandomState" is ``numpy.random.RandomState(seed).permutation(size)``, whose results NumPy promises never
    to change. Seed 92916 and size 784 give the permuted MNIST of the HadamRNN paper.

    Examples:
        >>> hr.Permutation(seed=92916, size=784).indices()[:5].tolist()
        [319, 576, 323, 107, 355]
    """

    seed: int
    size: int
    rule: Literal["numpy.RandomState"] = "numpy.RandomState"

    def check(self) -> None:
        if not 0 <= self.seed < 1 << 32:
            raise ModelFormatError(f"Permutation.seed is {self.seed}; expected 0 .. 2**32 - 1")
        within("Permutation.size", self.size, 1, MAX_STEPS)

    def indices(self) -> NDArray[np.int64]:
        """(size,), read-only. Step t of the network reads step ``indices()[t]`` of the input."""
        return _random_state_permutation(self.seed, self.size)


@lru_cache(maxsize=8)
def _random_state_permutation(seed: int, size: int) -> NDArray[np.int64]:
    indices: NDArray[np.int64] = np.random.RandomState(seed).permutation(size).astype(np.int64)
    indices.flags.writeable = False
    return indices


@dataclass(frozen=True)
class Normalization(Record):
    """``(x - offset) / scale``, where offset and scale have one number per channel.

    It is computed in float32 for float32 and for types that float32 holds exactly (float16, booleans, integers of up to 16
    bits). For wider types (float64, longer integers) it is ``float32((float64(x) - offset) / scale)``, so that a small
    signal on a large offset is centred before it is rounded.

    Examples:
        >>> normalization = hr.Normalization(offset=(10.0,), scale=(2.0,))
        >>> x = normalization.apply(np.array([[10.0], [14.0]]))
        >>> x.tolist(), normalization.invert(x).tolist()
        ([[0.0], [2.0]], [[10.0], [14.0]])
    """

    offset: tuple[float, ...]
    scale: tuple[float, ...]

    def check(self) -> None:
        if len(self.offset) != len(self.scale):
            raise ModelFormatError(
                f"Normalization has {len(self.offset)} offsets and {len(self.scale)} scales; expected as many"
            )
        for name in ("offset", "scale"):
            with np.errstate(over="ignore"):
                numbers = np.array(getattr(self, name), np.float32)
            if not np.isfinite(numbers).all() or (name == "scale" and (numbers <= 0).any()):
                raise ModelFormatError(
                    f"Normalization.{name} must be finite in float32, and a scale positive"
                )

    def apply(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Normalize x (..., d) of any real type. Returns a new float32 array of the same shape, in C order.

        Raises:
            InputError: x is float32 or narrower, and float32 cannot hold this model's signal at its offset.
        """
        wide = is_wide(x.dtype)
        if self.fine is not None and not wide:
            offset, scale = self.offset[self.fine], self.scale[self.fine]
            raise InputError(
                f"x is {x.dtype}; expected float64: channel {self.fine} varies by {scale:.3g} about {offset:.12g}, where float32 "
                f"has steps of {np.spacing(np.float32(abs(offset))):.3g}"
            )
        kind = np.float64 if wide else np.float32
        offsets, scales = self._constants[kind]
        shifted: NDArray[Any] = np.subtract(x, offsets, dtype=kind, order="C")
        np.divide(shifted, scales, out=shifted)
        return np.asarray(shifted, np.float32)

    @cached_property
    def fine(self) -> int | None:
        """The first channel whose signal float32 cannot hold (see ``resolution``), so that input must be float64."""
        lost = too_fine(self.offset, self.scale)
        return int(np.argmax(lost)) if lost.any() else None

    @cached_property
    def _constants(self) -> dict[type, tuple[NDArray[Any], NDArray[Any]]]:
        kinds: tuple[type, ...] = (np.float32, np.float64)
        return {kind: (np.array(self.offset, kind), np.array(self.scale, kind)) for kind in kinds}

    def invert(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """The inverse of `apply` for x (..., d) float32, up to rounding."""
        return x * np.array(self.scale, np.float32) + np.array(self.offset, np.float32)


@dataclass(frozen=True)
class Vocabulary(Record):
    """Converts text to tokens: runs of letters, digits and apostrophes, in lower case, are words; token i is ``words[i]``.

    A word that is not listed becomes the token ``unknown``. With ``length``, only the last ``length`` words are kept, and
    shorter texts are filled with token 0 on the left.

    Examples:
        >>> vocabulary = hr.Vocabulary(("", "?", "a", "film"), length=4)
        >>> vocabulary.split("A fine film"), vocabulary.tokens("A fine film").tolist()
        (['a', 'fine', 'film'], [0, 2, 1, 3])
    """

    words: tuple[str, ...]
    unknown: int = 1
    length: int | None = None
    rule: Literal["words"] = "words"

    def check(self) -> None:
        if not 0 <= self.unknown < len(self.words):
            raise ModelFormatError(
                f"Vocabulary.unknown is {self.unknown}; expected the index of one of {len(self.words)} words"
            )
        if len(set(self.words)) != len(self.words):
            raise ModelFormatError("Vocabulary.words lists a word twice")
        if self.length is not None and not 1 <= self.length <= MAX_STEPS:
            raise ModelFormatError(f"Vocabulary.length is {self.length}; expected None or 1 .. {MAX_STEPS}")

    @staticmethod
    def split(text: str) -> list[str]:
        """The words of a text."""
        return _WORD.findall(text.lower())

    def tokens(self, text: str) -> NDArray[np.int32]:
        """The tokens (T,) int32 of a text. Without ``length``, T may be 0."""
        index = _word_index(self.words)
        found = [index.get(word, self.unknown) for word in self.split(text)]
        if self.length is not None:
            found = [0] * (self.length - len(found)) + found[-self.length :]
        return np.array(found, np.int32)


_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


@lru_cache(maxsize=8)
def _word_index(words: tuple[str, ...]) -> dict[str, int]:
    return {word: token for token, word in enumerate(words)}


@dataclass(frozen=True)
class Preprocess(Record):
    """How raw input becomes the network's input. Every part may be absent.

    uint8_scale: uint8 input becomes ``float32(byte) * float32(uint8_scale)``; float input is not scaled.

    Examples:
        >>> hr.load("pmnist").card.preprocess.permutation
        Permutation(seed=92916, size=784, rule='numpy.RandomState')
    """

    uint8_scale: float | None = None
    permutation: Permutation | None = None
    normalization: Normalization | None = None
    vocabulary: Vocabulary | None = None

    def check(self) -> None:
        scale, float32 = self.uint8_scale, np.finfo(np.float32)
        if scale is not None and not float(float32.tiny) <= scale <= float(float32.max) / 255:
            raise ModelFormatError(
                f"Preprocess.uint8_scale is {scale}; expected a positive number whose product with 255 is a float32"
            )
