"""An immutable model: a card, packed tensors, and the C++ network built from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core, disk
from ..buffers import read_only
from ..errors import InputError, ModelFormatError
from ..file import format
from ..file.card import Card
from ..file.integer_card import IntegerCard
from ..file.tensors import pack_parameters, quantized_embedding, unpack_parameters, validate
from ..integer.bounds import check as check_bounds
from . import inputs
from .bidirectional import add_backwards, backwards
from .classify import Classes, Classification
from .describe import Description, describe, summary
from .network import build
from .reader import Reader, Ready
from .stream import Stream
from .streams import Streams
from .unroll import Unrolled
from .windows import Windows

if TYPE_CHECKING:
    from ..integer.calibrate import Calibrating

__all__ = ["Model"]


class Model:
    """A HadamRNN that is ready to run. It is immutable and may be shared by threads; models are equal if their files would be.

    Made by ``load``, ``from_parameters`` or ``nn.SequenceModel.to_native``.

    Args:
        card: sizes, kinds, quantization, preprocessing and provenance.
        tensors: the packed tensors that docs/format.md lists.
        kernel: how the recurrent product is computed; "auto" follows a rule that depends only on the shape of the model.

    Raises:
        ModelFormatError: the tensors do not match the card.
        KernelError: the kernel is unknown or cannot run this model.
        IsaError: HADAMRNN_ISA names an instruction set that this machine cannot run.

    Examples:
        >>> model, (windows, _) = hr.load("har6"), hr.zoo.samples("har6")  # windows are (4, 128, 9)
        >>> model.classify(windows).labels[:, 0].tolist()
        ['walking', 'sitting', 'standing', 'laying']
        >>> logits = model.infer(windows)  # (4, 6)
        >>> model.save("mine.safetensors")
        >>> model == hr.Model.load("mine.safetensors") == hr.Model.from_bytes(model.to_bytes())
        True
    """

    def __init__(self, card: Card, tensors: Mapping[str, NDArray[Any]], kernel: str = "auto") -> None:
        validate(card, tensors)
        self._card = card
        self._tensors = {name: read_only(tensor) for name, tensor in tensors.items()}
        self._requested_kernel = kernel
        parameters = unpack_parameters(card, self._tensors)
        if card.integer is not None:
            check_bounds(card, parameters)
        self._core = build(card, parameters, kernel)
        self._reverse = build(card, backwards(card, parameters), kernel) if card.bidirectional else None
        self._reader = Reader(card)
        self._classes = Classes(card)
        # Whether `infer` may take the fast path, which cannot permute or reverse time steps.
        self._answers = card.preprocess.permutation is None and not card.bidirectional

    @classmethod
    def from_parameters(cls, card: Card, parameters: Mapping[str, ArrayLike], kernel: str = "auto") -> Model:
        """A model from float parameters, quantized and packed as the card says.

        Args:
            card: the model's card.
            parameters: "input.weight" (n, d), "embedding.weight" (V, e), "layers.{i}.signs" (n,) latent,
                "layers.{i}.bias" (n,), "layers.{i}.modrelu" (n,), "layers.{i}.input_signs" (n, n_below) latent,
                "layers.{i}.decays" (q,) codes of 8 bits, see ``golden.decay``, "pool.thresholds" (K, n),
                "output.weight" (o, n), "output.bias" (o,), as far as the card implies them. A latent value >= 0 means +1. A
                bidirectional model also has "reverse.NAME" for each of them except the embedding and the last.
            kernel: as in ``Model``.

        Raises:
            InputError, ShapeError: a parameter is missing, unknown, not finite, or has another shape.
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
            ModelFormatError: the file is not a valid model; the message names the file.
            OSError: the file cannot be read.
        """
        try:
            return cls.from_bytes(format.read(path), kernel)
        except ModelFormatError as error:
            raise ModelFormatError(f"{os.fsdecode(path)}: {error}") from error

    @classmethod
    def from_bytes(cls, data: bytes, kernel: str = "auto") -> Model:
        """The model in the bytes of a model file. Raises ModelFormatError."""
        card, tensors = format.loads(data)
        return cls(card, tensors, kernel)

    def to_bytes(self) -> bytes:
        """The bytes of this model's file; equal models give equal bytes."""
        return format.dumps(self._card, self._tensors)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file atomically, so that a reader sees either the old file or the new one. Raises OSError."""
        disk.write(path, self.to_bytes())

    @property
    def card(self) -> Card:
        """Everything about the model except its weights."""
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
        """The SHA-256 of tensors and card that the file contains."""
        stored: str = format.document(self._card, self._tensors)["digest"]
        return stored

    def parameters(self) -> dict[str, NDArray[Any]]:
        """What the network computes with, named as in ``from_parameters``: dequantized float32, and signs +1 and -1 as int8."""
        return unpack_parameters(self._card, self._tensors)

    @property
    def core(self) -> _core.Model:
        """The C++ network, which takes only preprocessed input."""
        return self._core

    @property
    def classes(self) -> Classes:
        """The names of the classes, and which of them the logits favour."""
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
        """Logits of raw input, which is preprocessed as the card says and then run through the network.

        Args:
            x: features (T, d) or (B, T, d), an array-like of real numbers that is converted to float32; or tokens (T,) or
                (B, T), integers 0 .. V-1. A model of pixels scales uint8 values 0..255 and takes other numbers unchanged.
                A model with a vocabulary also takes a text, or several texts of any length: a list, tuple, array or
                pandas Series of strings.
            lengths: (B,) integers 1 .. T. "last" and "mean" stop at the end of each sequence, and "all" is zero past it;
                values of x past the end are ignored.
            num_threads: the default is HADAMRNN_NUM_THREADS, or else the number of CPUs that this process may use. It does
                not affect the bits.
            check_finite: refuse NaN and infinity, in x and in what is computed from it, and name the position. Without
                this check they propagate to the logits.
            out: a C-contiguous float32 array of the exact shape of the result that does not overlap x; it is written and
                returned.

        Returns:
            (o,) or (B, o) for output "last" and "mean", (T, o) or (B, T, o) for "all", float32.

        Raises:
            ShapeError: a rank, dimension or shape does not fit, or a sequence or text is empty.
            InputError: a value or dtype is refused; numbers are so large that the state or the logits overflow; or there is
                text but no vocabulary.
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
        """Raw input as the network itself reads it, always with a batch axis. Arguments and errors are as in ``infer``."""
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

        Probabilities are the softmax of the logits; for a single output they are its sigmoid and the complement.

        Args:
            x: as in ``infer``.
            top: the number of classes to return.
            lengths, num_threads, check_finite: as in ``infer``.

        Returns:
            labels (..., top), which are names from the card or class numbers, and probabilities (..., top) float32, where ...
            is () or (B,) for output "last" and "mean", and (T,) or (B, T) for "all".

        Raises:
            ShapeError, InputError: as for ``infer``, or ``top`` is not from 1 to the number of classes.
        """
        return self._classes.best(self.infer(x, lengths, num_threads, check_finite), top)

    def stream(
        self, batch_size: int | None = None, *, raw: bool = False, check_finite: bool = True
    ) -> Stream:
        """A new state at h_0 = 0, to be fed step by step.

        Args:
            batch_size: the number of sequences in parallel; None for a single one without a batch axis.
            raw: whether steps are what the network itself reads, without scaling, normalization or permutation.
            check_finite: refuse NaN and infinity, as ``infer`` does.

        Raises:
            InputError: the model reads time steps in a permuted order and ``raw`` is not set; or it is bidirectional; or the
                batch size is below 1.
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
        """A state for many sequences that join, step when their data arrives, and leave; see ``Streams``.

        Args:
            capacity: how many sequences there is room for at first; it doubles when more join.
            limit: the largest number of sequences at once; None for 2**24.
            raw, check_finite: as for ``stream``.

        Raises:
            InputError: as for ``stream``, or the capacity is below 1 or above the limit.
        """
        return Streams(self, capacity, limit, raw, check_finite)

    def windows(
        self, length: int, hop: int | None = None, *, raw: bool = False, check_finite: bool = True
    ) -> Windows:
        """Answers for the last ``length`` steps of an endless sequence, every ``hop`` steps; see ``Windows``.

        Args:
            length: the number of steps of a window, which should be the length that the model was trained on.
            hop: the number of steps from the start of one window to the next; at most ``length``, which is the default.
            raw, check_finite: as for ``stream``.

        Raises:
            InputError: as for ``stream``, or the length is below 1, or the hop is not from 1 to ``length``.
        """
        return Windows(self, length, length if hop is None else hop, raw, check_finite)

    def unroll(self, steps: int) -> Unrolled:
        """This model as a single matrix product, for large batches of sequences of exactly ``steps`` steps.

        The matrix of 4 T d n bytes is built once; ``Unrolled.nbytes`` gives its size. Results equal those of ``infer`` up to
        rounding.

        Args:
            steps: T, the length of every sequence.

        Raises:
            KernelError: the model is not a linear recurrence of one layer over features with output "last".
            InputError, ShapeError: the number of steps is not positive, does not match the permutation of the model, or
                needs more than a gibibyte.
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
        """This model with an integer state, which uses no floats from the quantized input to the readout.

        golden/integers.py defines what it computes, and every kernel and instruction set gives the same bits. Its card says
        how good it is (``card.integer.layers``: share of saturated states, signal-to-noise ratio).

        Args:
            calibration: typical input, which sets the scales: an array as for ``infer``, or an iterable of batches, each an
                array or a pair (x, lengths), which is read once. A few hundred sequences are enough.
            state_bits: the number of bits k of the state, 8 .. 16. States of a sign recurrence have 1 bit.
            input_bits: the number of bits of the features, 2 .. 16. None stands for 8, or for 12 if states have more than 12
                bits. The bytes of a model of pixels have 8 bits and are read unchanged.
            readout: "float" computes V relu(s_h z) + c in float32. "integer" gives logits that are integers times one
                scale, as exported code needs; float weights then become 8-bit codes.
            power_of_two: enlarge the scales, by a factor below 2, so that each input multiplier is a power of two.
            percentile: scale by this percentile of all magnitudes instead of by the largest one, so that larger values
                saturate; "best" tries several and keeps the one with the best signal-to-noise ratio.
            scales: the scales of an integer model's card, to use instead; the calibration then serves only the report.
            progress: called with the number of sequences calibrated so far.

        Raises:
            InputError: an argument is out of range, there are no sequences, or sums do not fit the integers of a step.
            ShapeError, InputError: as for ``infer``, for a batch.
        """
        from .quantized import Options, quantized  # here, as few programs convert models

        options = Options(state_bits, input_bits, readout, power_of_two)
        kernel = self._requested_kernel if self._requested_kernel != "dense" else "auto"
        return Model(*quantized(self, kernel, calibration, options, percentile, scales, progress), kernel)

    def quantize_embedding(self) -> Model:
        """This model with its embedding in 8 bits and one scale per row; everything else stays unchanged.

        Raises InputError if the model has no float32 embedding.
        """
        return Model(*quantized_embedding(self._card, self._tensors), self._requested_kernel)

    def describe(self) -> Description:
        """Sizes, bytes, operations per step, kernel and instruction set, in a form that prints well."""
        held = format.held(self._card, self._tensors)
        return describe(self._card, self._core, held, len(self.to_bytes()))

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Model) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    def __copy__(self) -> Model:
        return self  # a copy of an immutable model would be indistinguishable

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Model.from_bytes, (self.to_bytes(), self._requested_kernel)

    def __repr__(self) -> str:
        return f"Model({summary(self._card)}, {self.kernel} on {self.isa})"
