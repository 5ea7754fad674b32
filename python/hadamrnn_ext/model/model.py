"""An immutable model: a card, packed tensors, and the C++ network made from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core, disk
from ..errors import InputError, ModelFormatError
from ..file import format
from ..file.card import Card
from ..file.integer_card import IntegerCard
from ..file.tensors import pack_parameters, unpack_parameters, validate
from ..integer.bounds import check as check_bounds
from ..integer.calibrate import Calibrating
from ..integer.convert import Options
from . import inputs
from .bidirectional import add_backwards, backwards
from .classify import Classes, Classification
from .describe import Description, describe, summary
from .network import build
from .quantized import quantized, quantized_embedding
from .reader import Reader, Ready
from .stream import Stream
from .streams import Streams
from .unroll import Unrolled
from .windows import Windows

__all__ = ["Model"]

Kernel = Literal["auto", "fwht", "xnor", "masked_add", "dense"]


class Model:
    """A HadamRNN ready to run. Immutable, and may be shared by threads; equal when the files would be.

    Made by ``load``, ``from_parameters`` or ``nn.SequenceModel.to_native``.

    Args:
        card: sizes, kinds, quantization, preprocessing, provenance.
        tensors: packed, as docs/format.md lists them.
        kernel: how the recurrent product is computed; "auto" follows a rule over the model's shape alone.

    Raises:
        ModelFormatError: the tensors are not those of the card.
        KernelError: the kernel is unknown or does not run this model.
        IsaError: HADAMRNN_ISA names an instruction set that this machine cannot run.
    """

    def __init__(self, card: Card, tensors: Mapping[str, NDArray[Any]], kernel: str = "auto") -> None:
        validate(card, tensors)
        self._card = card
        self._tensors = {name: _frozen(tensor) for name, tensor in tensors.items()}
        self._requested_kernel = kernel
        parameters = unpack_parameters(card, self._tensors)
        if card.integer is not None:
            check_bounds(card, parameters)
        self._core = build(card, parameters, kernel)
        self._reverse = build(card, backwards(card, parameters), kernel) if card.bidirectional else None
        self._reader = Reader(card)
        self._classes = Classes(card)
        # The short way of `infer`; time steps in another order, and in both, take the long one.
        self._answers = card.preprocess.permutation is None and not card.bidirectional

    @classmethod
    def from_parameters(cls, card: Card, parameters: Mapping[str, ArrayLike], kernel: str = "auto") -> Model:
        """A model from float parameters, quantized and packed as the card says.

        Args:
            card: the model's card.
            parameters: "input.weight" (n, d), "embedding.weight" (V, e), "layers.{i}.signs" (n,) latent,
                "layers.{i}.bias" (n,), "layers.{i}.modrelu" (n,), "layers.{i}.input_signs" (n, n_below) latent,
                "layers.{i}.decays" (q,) codes of 8 bits, see ``golden.decay``, "pool.thresholds" (K, n),
                "output.weight" (o, n), "output.bias" (o,): those that the card implies. A latent >= 0 is +1. Of a
                bidirectional model also "reverse.NAME" for each but the embedding and the last.
            kernel: as in ``Model``.

        Raises:
            InputError, ShapeError: a parameter is missing, unknown, not finite or of another shape.
        """
        if card.integer is not None:
            raise InputError(
                "the card is that of an integer model; expected a float model, to be quantized afterwards"
            )
        return cls(card, pack_parameters(card, parameters), kernel)

    @classmethod
    def load(cls, path: str | os.PathLike[str], kernel: str = "auto") -> Model:
        """Read a model file.

        Raises:
            ModelFormatError: the file, which the message names, is not a valid model.
            OSError: it cannot be read.
        """
        try:
            return cls.from_bytes(format.read(path), kernel)
        except ModelFormatError as error:
            raise ModelFormatError(f"{os.fsdecode(path)}: {error}") from error

    @classmethod
    def from_bytes(cls, data: bytes, kernel: str = "auto") -> Model:
        """The model of a model file's bytes. Raises ModelFormatError."""
        card, tensors = format.loads(data)
        return cls(card, tensors, kernel)

    def to_bytes(self) -> bytes:
        """The bytes of this model's file; equal models give equal bytes."""
        return format.dumps(self._card, self._tensors)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file, atomically: a reader sees the old file or the new one (``disk.whole``). Raises OSError."""
        disk.write(path, self.to_bytes())

    @property
    def card(self) -> Card:
        """Everything about the model that is not a weight."""
        return self._card

    @property
    def tensors(self) -> Mapping[str, NDArray[Any]]:
        """The packed tensors of the file, read-only."""
        return MappingProxyType(self._tensors)

    @property
    def kernel(self) -> str:
        """The kernel in use, never "auto"."""
        return self._core.kernel

    @property
    def kernel_reason(self) -> str:
        """Why this kernel is in use."""
        return self._core.kernel_reason

    @property
    def isa(self) -> str:
        """The instruction set in use."""
        return self._core.isa

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the tensors and the card, as in the file."""
        stored: str = format.document(self._card, self._tensors)["digest"]
        return stored

    def parameters(self) -> dict[str, NDArray[Any]]:
        """What the network computes with: names of ``from_parameters``, dequantized float32, signs int8 of +1, -1."""
        return unpack_parameters(self._card, self._tensors)

    @property
    def core(self) -> _core.Model:
        """The C++ network, which takes preprocessed input only."""
        return self._core

    @property
    def classes(self) -> Classes:
        """The names of the classes, and which of them logits speak for."""
        return self._classes

    def with_card(self, card: Card) -> Model:
        """The same weights under another card (labels, provenance, preprocessing). Raises ModelFormatError."""
        return Model(card, self._tensors, self._requested_kernel)

    def infer(
        self,
        x: ArrayLike,
        lengths: ArrayLike | None = None,
        num_threads: int | None = None,
        check_finite: bool = True,
        out: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Logits of raw input: the card's preprocessing, then the network.

        Args:
            x: features (T, d) or (B, T, d), array-likes of real numbers, converted to float32; or tokens (T,) or
                (B, T), integers 0 .. V-1. A model of pixels scales uint8 0..255 and takes other numbers as they are.
                A model with a vocabulary takes a text as well, or several, each as long as it is: a list, tuple, array
                or pandas Series of strings.
            lengths: (B,) integers 1 .. T; "last" and "mean" end with each sequence, "all" is zero past it. What lies
                there in x may be anything.
            num_threads: default HADAMRNN_NUM_THREADS, else the CPUs this process may use. No effect on the bits.
            check_finite: refuse NaN and infinity, in x and as what becomes of it, naming the position. Without it they
                pass to the logits.
            out: float32, C-contiguous, of the result's exact shape, not overlapping x; written and returned.

        Returns:
            (o,) or (B, o) for output "last" and "mean", (T, o) or (B, T, o) for "all", float32.

        Raises:
            ShapeError: a rank, dimension or shape that does not fit, or an empty sequence or text.
            InputError: values or dtypes that are refused; numbers so large that the state or the logits leave the finite
                numbers; text where there is no vocabulary.
        """
        if lengths is None and num_threads is None and out is None and self._answers:
            logits = self._core.answer(x, self._reader.features, check_finite)
            if logits is not None:
                return logits
        ready = self.prepare(x, lengths, check_finite)
        batch, steps = ready.values.shape[:2]
        time = (steps,) if self._card.output == "all" else ()
        shape = ((batch,) if ready.batched else ()) + (*time, self._card.output_size)
        result = inputs.output(out, shape, ready.raw)
        num_threads = inputs.threads(num_threads, batch)
        if batch:
            logits = result if ready.batched else result[None]
            read = ready.values, ready.lengths, logits, num_threads, check_finite
            overflow = self._core.infer(*read)
            if overflow is None and self._reverse is not None:
                overflow = add_backwards(self._reverse, *read)
            if overflow is not None:
                raise self._reader.overflow(ready, *overflow)
        return result

    def prepare(self, x: ArrayLike, lengths: ArrayLike | None = None, check_finite: bool = True) -> Ready:
        """Raw input as the network itself reads it, always with a batch axis; arguments and errors as in ``infer``."""
        return self._reader.prepare(x, lengths, check_finite)

    def classify(
        self,
        x: ArrayLike,
        top: int = 1,
        *,
        lengths: ArrayLike | None = None,
        num_threads: int | None = None,
        check_finite: bool = True,
    ) -> Classification:
        """The ``top`` most probable classes, the most probable first: (labels, probabilities).

        Probabilities are the softmax of the logits, or for a single output the sigmoid of it and its complement.

        Args:
            x: as in ``infer``.
            top: how many classes.
            lengths, num_threads, check_finite: as in ``infer``.

        Returns:
            labels (..., top), the card's names or class numbers, and probabilities (..., top) float32, where ... is
            () or (B,) for output "last" and "mean", (T,) or (B, T) for "all".

        Raises:
            ShapeError, InputError: as ``infer``; ``top`` is not 1 .. number of classes.
        """
        return self._classes.best(self.infer(x, lengths, num_threads, check_finite), top)

    def stream(
        self, batch_size: int | None = None, *, raw: bool = False, check_finite: bool = True
    ) -> Stream:
        """A new state at h_0 = 0, to be fed step by step.

        Args:
            batch_size: number of sequences in parallel; None for one, without the batch axis.
            raw: steps are what the network itself reads (no scaling, normalization or permutation).
            check_finite: refuse NaN and infinity, as ``infer`` does.

        Raises:
            InputError: the model reads time steps in a permuted order, and ``raw`` is not set; or backwards too; or a
                batch size below 1.
        """
        return Stream(self, batch_size, raw, check_finite)

    def streams(
        self,
        capacity: int = 1024,
        *,
        limit: int | None = None,
        raw: bool = False,
        check_finite: bool = True,
    ) -> Streams:
        """A state for many sequences that join, step when their data arrives, and leave: see ``Streams``.

        Args:
            capacity: for how many there is room at first; it doubles when they have become more.
            limit: how many there may be at once; None: 2**24.
            raw, check_finite: as of ``stream``.

        Raises:
            InputError: as ``stream``; a capacity below 1 or above the limit.
        """
        return Streams(self, capacity, limit, raw, check_finite)

    def windows(
        self, length: int, hop: int | None = None, *, raw: bool = False, check_finite: bool = True
    ) -> Windows:
        """Answers for the last ``length`` steps of an endless sequence, every ``hop`` steps: see ``Windows``.

        Args:
            length: steps of a window, as many as the model was trained on.
            hop: steps from one beginning to the next, at most ``length``, which is also the default.
            raw, check_finite: as of ``stream``.

        Raises:
            InputError: as ``stream``; a length below 1; a hop that is not 1 .. ``length``.
        """
        return Windows(self, length, length if hop is None else hop, raw, check_finite)

    def unroll(self, steps: int) -> Unrolled:
        """This model for sequences of exactly ``steps`` steps as one matrix product, for large batches.

        Builds 4 T d n bytes of matrix once; ``Unrolled.nbytes`` tells. Results are those of ``infer`` up to rounding.

        Args:
            steps: T, the length of every sequence.

        Raises:
            KernelError: the model is not a linear recurrence of one layer over features with output "last".
            InputError, ShapeError: a number of steps that is not positive, that the model does not permute, or that
                takes more than a gibibyte.
        """
        return Unrolled(self._card, self.parameters(), steps)

    def quantize(
        self,
        calibration: Calibrating,
        state_bits: int = 12,
        input_bits: int | None = None,
        readout: Literal["float", "integer"] = "float",
        *,
        power_of_two: bool = False,
        percentile: float | Literal["best"] | None = None,
        scales: IntegerCard | None = None,
        progress: Callable[[int], object] = lambda done: None,
    ) -> Model:
        """This model with an integer state: no float from the quantized input to the readout.

        What it computes is defined in golden/integers.py, to the same bits on every kernel and instruction set; its
        card says how it went (``card.integer.layers``: share of saturated states, signal-to-noise ratio).

        Args:
            calibration: usual input, which sets the scales: an array as ``infer`` takes it, or an iterable of
                batches, each an array or a pair (x, lengths), read once. Few hundred sequences do.
            state_bits: k of the state, 8 .. 16. States of a sign recurrence have 1 bit.
            input_bits: of the features, 2 .. 16; None is 8, and 12 for states of more than 12 bits. The bytes of a
                model of pixels have 8 and enter as they are.
            readout: "float": V relu(s_h z) + c in float32; "integer": logits are integers times one scale, as
                exported code needs it. Float weights become 8-bit codes.
            power_of_two: enlarge the scales, by less than 2, until each input multiplier is a power of two.
            percentile: scale by this percentile of all magnitudes instead of the largest, and let what is larger
                saturate; "best" tries some and keeps that of the best signal-to-noise ratio.
            scales: take those of this integer model's card, and the calibration only for the report.
            progress: is called with the number of sequences calibrated so far.

        Raises:
            InputError: an argument out of range, no sequences, or sums that do not fit the integers of a step.
            ShapeError, InputError: as ``infer``, for a batch.
        """
        options = Options(state_bits, input_bits, readout, power_of_two)
        kernel = self._requested_kernel if self._requested_kernel != "dense" else "auto"
        card, tensors = quantized(self, kernel, calibration, options, percentile, scales, progress)
        return Model(card, tensors, kernel)

    def quantize_embedding(self) -> Model:
        """This model with its embedding in 8 bits, a scale for each row; all else stays as it is.

        Raises InputError if it has no float32 embedding.
        """
        return Model(*quantized_embedding(self._card, self._tensors), self._requested_kernel)

    def describe(self) -> Description:
        """Sizes, bytes, operations a step, kernel and instruction set; prints well."""
        return describe(self._card, self._core, self._tensors, len(self.to_bytes()))

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Model) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    def __copy__(self) -> Model:
        return self  # nobody can tell it from another

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Model.from_bytes, (self.to_bytes(), self._requested_kernel)

    def __repr__(self) -> str:
        return f"Model({summary(self._card)}, {self.kernel} on {self.isa})"


def _frozen(tensor: NDArray[Any]) -> NDArray[Any]:
    """A copy that nobody can write to."""
    copy = np.array(tensor, order="C")
    copy.flags.writeable = False
    return copy
