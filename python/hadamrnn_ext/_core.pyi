"""The C++ core. Arrays must have exactly the dtype, shape and C order said here: nothing is converted."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

F32: TypeAlias = NDArray[np.float32]
F64: TypeAlias = NDArray[np.float64]
I8: TypeAlias = NDArray[np.int8]
Real: TypeAlias = NDArray[np.floating[Any]]
_At: TypeAlias = NDArray[np.int64] | int | None  # places (k,), one place, or those of all sequences

def isa_available() -> list[str]: ...
def isa_active() -> str: ...
def isa_use(name: str) -> None: ...
def first_nonfinite(x: F32) -> int: ...
def probabilities(logits: F32) -> F32: ...
def most_probable(logits: F32, top: int) -> tuple[NDArray[np.int64], F32] | None:
    """Classes and probabilities (..., top) of (..., o); None if a logit is not finite."""

class Features:
    """Raw numbers (..., size) -> the float32 that a model reads; float32 is read as it is where that is plain."""

    def __init__(
        self,
        size: int,
        *,
        pixels: bool = False,
        byte_scale: float = 0.0,
        offset: F64 | None = None,
        scale: F64 | None = None,
        fine: bool = False,
    ) -> None: ...
    @property
    def plain(self) -> bool: ...
    def read(self, x: NDArray[Any], out: F32) -> int:
        """The first position that is not finite, or -1. x of a model of pixels is float, or bytes that are scaled."""

class Layer:
    """One recurrent layer: signs, bias and Hadamard geometry. Immutable."""

    def __init__(
        self,
        *,
        block_size: int,
        core: I8,
        signs: I8,
        bias: F32,
        recurrence: str,
        modrelu: F32 | None = None,
        input_signs: I8 | None = None,
        decays: NDArray[np.uint8] | None = None,
    ) -> None: ...

class Model:
    """Immutable network bound to one kernel and one instruction set; may be shared by threads."""

    def __init__(
        self,
        layers: list[Layer],
        *,
        input_weight: F32,
        embedding: F32 | None,
        tokens: bool,
        output_weight: F32,
        output_bias: F32,
        output: str,
        kernel: str = "auto",
        input_activation: str = "linear",
        differences: bool = False,
        thresholds: F32 | None = None,
        excess: bool = True,
        share: bool = True,
        time_constant: int = 0,
    ) -> None: ...
    @property
    def kernel(self) -> str: ...
    @property
    def kernel_reason(self) -> str: ...
    @property
    def isa(self) -> str: ...
    def features(
        self, x: NDArray[Any], lengths: NDArray[np.int64] | None, out: F32, num_threads: int
    ) -> None: ...
    def infer(
        self,
        x: NDArray[Any],
        lengths: NDArray[np.int64] | None,
        out: F32,
        num_threads: int,
        check_finite: bool = False,
    ) -> tuple[int, int] | None:
        """With check_finite the sequence and the step at which it left the finite numbers, of the first such."""

    def answer(self, x: Any, features: Features | None, check_finite: bool) -> F32 | None:
        """Logits of one raw sequence; None unless it is short and valid, its array of NumPy's own and in C order."""

class IntegerLayer:
    """A Layer, whose floats are not read, and the integers of a step (golden/integers.py)."""

    def __init__(
        self,
        *,
        layer: Layer,
        state_bits: int,
        state_scale: float,
        fraction_bits: int,
        multiplier: int,
        input_multiplier: int,
        input_shift: int,
        narrow: bool,
        bias: NDArray[np.int32],
        modrelu: NDArray[np.int32] | None = None,
    ) -> None: ...

class IntegerBlocks:
    """A Layer that forgets, whose floats are not read, and its integers (golden/forgetting.py): those of blocks are (q,).

    Of features input_multiplier (q,), bias (n,) and perhaps input_bound (q,); thresholds (K, n) or None. is_short where
    integer/block_bounds.py proves that a step is exact in lanes of 16 bits.
    """

    def __init__(
        self,
        *,
        layer: Layer,
        state_bits: int,
        fraction_bits: int,
        product_shift: int,
        is_short: bool,
        scale: F32,
        multiplier: NDArray[np.int32],
        input_multiplier: NDArray[np.int32] | None,
        input_bound: NDArray[np.int32] | None,
        bias: NDArray[np.int32] | None,
        input_shift: NDArray[np.int32],
        rectified: bool,
        differences: bool,
        thresholds: NDArray[np.int32] | None,
        excess: bool,
        share: bool,
        time_constant: int,
    ) -> None: ...

def integer_model(
    layers: list[IntegerLayer],
    *,
    blocks: IntegerBlocks | None = None,
    codes: I8,
    multipliers: NDArray[np.int32] | None,
    input_scale: float,
    input_low: int,
    input_high: int,
    output_weight: F32 | I8,
    output_bias: F32 | NDArray[np.int32],
    logit_scale: float,
    output: str,
    kernel: str = "auto",
) -> Model:
    """A Model of codes (n, d) of features, or (V, n) with multipliers (V,) of tokens; the readout is in integers
    where output_weight is int8 and output_bias int32. Of a network that forgets blocks, and no layers. No sum may
    overflow: integer/bounds.py, integer/block_bounds.py."""

class Stream:
    """State of `batch` parallel sequences of one Model; of one sequence without a batch axis where batch is None.

    They lie at the places 0 .. batch - 1. `at` are the places (k,) of a call, or one as an int; None: those of all
    sequences there are.
    """

    def __init__(
        self, model: Model, batch: int | None, check_finite: bool = True, features: Features | None = None
    ) -> None: ...
    def step(self, x: Any, at: Any = None) -> F32 | None:
        """Logits (o,) or (B, o) after a raw step; None, and nothing done, for what needs a look: input that is no array in
        C order or list of numbers, that is refused or leaves the finite numbers, places without a sequence."""

    def run(
        self,
        x: NDArray[Any],
        out: F32,
        at: _At = None,
        starts: NDArray[np.int64] | None = None,
        lengths: NDArray[np.int64] | None = None,
        each: bool = False,
    ) -> list[tuple[int, int]]:
        """Prepared chunks (k, T, ..), or (1, S, ..) with where each starts and how long it is, and logits likewise. The
        sequences and steps that left the finite numbers: those, or with each=False all, are as they were."""

    def logits(self, at: _At = None) -> F32: ...
    def get_state(self, at: _At = None) -> list[F32 | F64]: ...
    def set_state(self, state: list[F32 | F64], at: _At = None) -> None: ...
    def reset(self, at: _At = None) -> None: ...
    def leave(self, at: _At = None) -> None: ...
    def join(self, at: _At) -> None: ...
    def grow(self, capacity: int) -> None: ...
    @property
    def capacity(self) -> int: ...
    @property
    def places(self) -> NDArray[np.int64]: ...

class Recurrence:
    """Geometry of one recurrence, for training; float32 or float64 arrays in natural order."""

    def __init__(self, *, hidden_size: int, block_size: int, core: I8, recurrence: str) -> None: ...
    def forward(
        self,
        signs: Real,
        v: Real,
        h0: Real | None,
        modrelu: Real | None,
        h_out: Real,
        num_threads: int,
    ) -> None: ...
    def backward(
        self,
        signs: Real,
        h: Real,
        h0: Real | None,
        modrelu: Real | None,
        grad_h: Real,
        dv_out: Real,
        dh0_out: Real | None,
        dsigns_out: Real,
        dmodrelu_out: Real | None,
        num_threads: int,
    ) -> None: ...
    def powers(self, signs: Real, columns: Real, out: Real, num_threads: int) -> None: ...
    def powers_backward(
        self,
        signs: Real,
        powers: Real,
        grad: Real,
        dcolumns_out: Real,
        dsigns_out: Real,
        num_threads: int,
    ) -> None: ...
    def transform(self, x: Real, out: Real, transpose: bool, num_threads: int) -> None: ...

class TrainInput:
    """One batch for the fused training passes, float32: features x through weight and bias, or rows by ids.

    signs (n,), times the decays, modrelu (n,), x (B, T, d), weight (n, d), bias (n,), ids (B, T) int32, rows (count, n),
    lengths (B,), h0 (B, n); input_activation of features: "linear", "relu" or "clip"; thresholds (K, n) of a pool with these
    features, a time constant of 0 for the mean over all steps.
    """

    def __init__(
        self,
        recurrence: Recurrence,
        *,
        signs: F32,
        modrelu: F32 | None = None,
        x: F32 | None = None,
        weight: F32 | None = None,
        bias: F32 | None = None,
        ids: NDArray[np.int32] | None = None,
        rows: F32 | None = None,
        lengths: NDArray[np.int64] | None = None,
        h0: F32 | None = None,
        input_activation: str = "linear",
        thresholds: F32 | None = None,
        excess: bool = True,
        share: bool = False,
        time_constant: int = 0,
    ) -> None: ...
    def last(self, num_threads: int) -> F32:
        """States (B, n) after each sequence's last step."""

    def pooled(self, num_threads: int) -> tuple[F32, F32]:
        """Features (B, F) of the pool, of each sequence's own steps, and states (B, n) after its last one."""

    def last_backward(
        self,
        grad: F32,
        grad_features: F32 | None,
        segment: int,
        num_threads: int,
        of_thresholds: bool = False,
    ) -> dict[str, F32]:
        """Gradients by name (signs, modrelu, weight, bias, rows, h0, thresholds) from those of last states and features."""

    def sequence(
        self,
        weight: F32,
        bias: F32,
        *,
        classes: NDArray[np.int64] | None = None,
        values: F32 | None = None,
        ignore_index: int,
        segment: int,
        num_threads: int,
    ) -> tuple[float, int, F32, dict[str, F32]]:
        """Sum and number of the losses of the readout (o, n), (o,); last states (B, n); gradients of the sum, by name."""
