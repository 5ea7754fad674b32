"""The card of a model: everything about it that is not a weight."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Literal

from .. import hadamard
from ..errors import ModelFormatError
from .data_card import DataCard
from .drawn import BITS, Drawn
from .integer_card import IntegerCard
from .pool import Pool
from .preprocess import Preprocess
from .record import Record, within

__all__ = ["TRAINED_STEPS", "Card", "LayerCard", "Training"]

#: The entry of `Training.settings` that says how many steps the longest sequence had that a model was trained on.
TRAINED_STEPS = "trained_steps"

# Limits of the declared sizes, so that no file makes a reader allocate much more memory than the file has bytes.
MAX_LAYERS = 16
MAX_UNITS = 1 << 20  # hidden size of a layer
MAX_BLOCK = 1 << 16
MAX_BASE_ORDER = 1 << 12  # r of m = r·2^k: its matrix is stored whole
MAX_WIDTH = 1 << 24  # inputs, tokens, outputs
MAX_ELEMENTS = 1 << 26  # of any one matrix


@dataclass(frozen=True)
class LayerCard(Record):
    """One recurrent layer: n = hidden_size units in blocks of the Hadamard order m = block_size.

    ``construction`` names the Hadamard matrix (``hadamard.construction``). It is filled in if it is empty and checked
    otherwise, so that a model is never run with another matrix of the same order.

    Raises:
        HadamardOrderError: this package constructs no Hadamard matrix of this order.
        ModelFormatError: m does not divide n, or this package constructs the matrix differently.

    Examples:
        >>> hr.LayerCard(hidden_size=128, block_size=16).construction
        'sylvester'
    """

    hidden_size: int
    block_size: int
    recurrence: Literal["linear", "relu", "modrelu", "sign"] = "linear"
    construction: str = ""

    def check(self) -> None:
        within("LayerCard.hidden_size", self.hidden_size, 1, MAX_UNITS)
        within("LayerCard.block_size", self.block_size, 1, MAX_BLOCK)
        if self.hidden_size % self.block_size:
            raise ModelFormatError(
                f"hidden_size {self.hidden_size} is not a multiple of block_size {self.block_size}"
            )
        base, _ = hadamard.factor(self.block_size)
        within(f"the base order of block_size {self.block_size}", base, 1, MAX_BASE_ORDER)
        known = hadamard.construction(self.block_size)
        if not self.construction:
            object.__setattr__(self, "construction", known)
        elif self.construction != known:
            raise ModelFormatError(
                f"the Hadamard matrix of order {self.block_size} is built as {self.construction!r}; expected {known!r}"
            )


@dataclass(frozen=True)
class Training(Record):
    """How a model was trained. ``settings`` holds everything else that the trainer records.

    Examples:
        >>> import dataclasses
        >>> card = hr.load("har6").card
        >>> mine = dataclasses.replace(card, training=hr.Training(task="my phone", seed=1))
        >>> hr.load("har6").with_card(mine).card.training.task
        'my phone'
    """

    task: str | None = None
    preset: str | None = None
    seed: int | None = None
    epochs: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    settings: dict[str, bool | int | float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Card(Record):
    """Sizes, kinds, quantization, preprocessing and training of a model.

    Attributes:
        output: whether the logits are those of the last state ("last"), of the state after every step ("all"), or of the mean
            of the rectified states of all steps ("mean").
        input_size: the number of features d, or for token input the number of tokens V.
        embedding_size: the width of the float embedding of tokens; None if tokens are one-hot (columns of U).
        weight_bits, output_weight_bits, bias_bits: 1 (ternary) .. 8, or None for float32.
        embedding_bits: None (float32), or 8 with a scale for each row.
        labels: one name per output, or two names for a single (sigmoid) output.
        decays: whether each block of every layer has a decay (tensors "layers.{i}.decays"), so that old input fades.
        input_activation: phi, applied to the input U x + b of the first layer; "clip" clips to -1 .. 1; None applies nothing.
        differences: whether the first layer reads x_t - x_(t-1) as well as x_t, so that U has twice as many columns.
        pool: the features that are read instead of a state, once for output "last" and after every step for "all".
        kind, integer: "float" and None; or "integer" and the scales and multipliers of an integer model, whose weight_bits are
            those of its input codes or token table, and whose tokens have no embedding.
        bidirectional: True if a second recurrence reads each sequence from its end to its beginning, else None.
        data: how the files of the training data were read, so that later files are read in the same way.
        drawn: the seed of signs, input weights, decays and biases, which the file then does not hold.

    Raises:
        ModelFormatError: sizes, bits, labels or preprocessing do not fit together.

    Examples:
        >>> layers = (hr.LayerCard(hidden_size=4, block_size=4),)
        >>> card = hr.Card("features", "last", 1, 1, layers, weight_bits=None, output_weight_bits=None)
        >>> signs, ones = [1, -1, 1, 1], np.ones((4, 1))
        >>> given = {"input.weight": ones, "layers.0.signs": signs, "layers.0.bias": np.zeros(4)}
        >>> model = hr.Model.from_parameters(card, {**given, "output.weight": ones.T, "output.bias": [0]})
        >>> model.parameters()["layers.0.signs"].tolist()
        [1, -1, 1, 1]
        >>> model.infer([[1], [0]])  # relu(W (1, 1, 1, 1)) = (2, 0, 0, 0)
        array([2.], dtype=float32)
    """

    optional: ClassVar[tuple[str, ...]] = (
        *("bidirectional", "data"),
        *("decays", "input_activation", "differences", "pool", "drawn"),
    )

    input: Literal["features", "tokens"]
    output: Literal["last", "all", "mean"]
    input_size: int
    output_size: int
    layers: tuple[LayerCard, ...]
    embedding_size: int | None = None
    weight_bits: int | None = 4
    output_weight_bits: int | None = 4
    bias_bits: int | None = None
    preprocess: Preprocess = field(default_factory=Preprocess)
    labels: tuple[str, ...] | None = None
    training: Training | None = None
    kind: Literal["float", "integer"] = "float"
    integer: IntegerCard | None = None
    embedding_bits: int | None = None
    bidirectional: bool | None = None
    data: DataCard | None = None
    decays: bool | None = None
    input_activation: Literal["relu", "clip"] | None = None
    differences: bool | None = None
    pool: Pool | None = None
    drawn: Drawn | None = None

    @property
    def input_width(self) -> int:
        """Columns of U: the features (twice as many with differences), one-hot tokens, or the embedding's width."""
        return (self.embedding_size or self.input_size) * (2 if self.differences else 1)

    @property
    def forgets(self) -> bool:
        """Whether the network has decays, an input activation, differences or a pool, which the paper's network lacks."""
        return bool(self.decays or self.input_activation or self.differences or self.pool)

    @property
    def endless(self) -> bool:
        """Whether answers stay good on a stream without an end: every state forgets, and so does what is read of it."""
        lasting = self.output == "mean" if self.pool is None else self.pool.time_constant is None
        return bool(self.decays) and not lasting

    @property
    def trained_steps(self) -> int | None:
        """How many steps the longest sequence had that the model was trained on; None if its file does not say."""
        said = None if self.training is None else self.training.settings.get(TRAINED_STEPS)
        return said if type(said) is int and said > 0 else None

    @property
    def output_width(self) -> int:
        """Columns of V: the units of the last layer, or the features of the pool."""
        return self.layers[-1].hidden_size * (1 if self.pool is None else self.pool.groups)

    def check(self) -> None:
        within("Card.input_size", self.input_size, 1, MAX_WIDTH)
        within("Card.output_size", self.output_size, 1, MAX_WIDTH)
        within("number of layers", len(self.layers), 1, MAX_LAYERS)
        for name in ("weight_bits", "output_weight_bits", "bias_bits"):
            if (bits := getattr(self, name)) is not None:
                within(f"Card.{name}", bits, 1, 8)
        if self.embedding_size is not None:
            within("Card.embedding_size", self.embedding_size, 1, MAX_WIDTH)
            if self.input != "tokens":
                raise ModelFormatError(
                    "Card.embedding_size is given for features; only tokens have an embedding"
                )
        if self.embedding_bits is not None and (self.embedding_bits != 8 or self.embedding_size is None):
            raise ModelFormatError(
                f"Card.embedding_bits is {self.embedding_bits} with embedding_size {self.embedding_size}; "
                "expected None, or 8 with an embedding"
            )
        if self.differences and self.input == "tokens":
            raise ModelFormatError("Card.differences is for features; tokens have none")
        if self.pool is not None and self.output == "mean":
            raise ModelFormatError(
                "Card.pool is given with output 'mean', which pools as well; expected 'last' or 'all'"
            )
        self._check_elements()
        self._check_labels()
        self._check_preprocess()
        for name in ("bidirectional", "decays", "differences"):
            if not getattr(self, name):
                object.__setattr__(
                    self, name, None
                )  # False and None mean the same; a file has only one of them
        if self.forgets and self.bidirectional:
            raise ModelFormatError(
                "decays, an input activation, differences and a pool are for models of one direction"
            )
        if self.bidirectional and (self.kind == "integer" or len(self.layers) > 1):
            raise ModelFormatError("a bidirectional model is a float model of one layer")
        if self.data is not None:
            self.data.check_width(self.input_size if self.input == "features" else 1)
        if self.drawn is not None:
            self.drawn.check_size(self.layers[0].hidden_size, self.input_width)
            self._check_drawn()
        if self.integer is not None or self.kind == "integer":
            self._check_integer()

    def _check_drawn(self) -> None:
        table = self.kind == "integer" and self.input == "tokens"
        if len(self.layers) > 1 or self.embedding_size is not None or not self.decays:
            raise ModelFormatError("Card.drawn is for one layer with decays and without an embedding")
        if (self.weight_bits, self.bias_bits) != (BITS, 1) and not table:
            raise ModelFormatError(
                f"Card.drawn is given with weight_bits {self.weight_bits} and bias_bits {self.bias_bits}; expected {BITS} and 1"
            )

    def _check_integer(self) -> None:
        integer = self.integer
        if integer is None:
            raise ModelFormatError("Card.kind is 'integer' without Card.integer")
        if self.kind != "integer":
            raise ModelFormatError(f"Card.kind is {self.kind!r} with Card.integer; expected 'integer'")
        if self.weight_bits is None or self.embedding_size is not None:
            raise ModelFormatError("an integer model has weight_bits, and no embedding_size")
        if self.bias_bits is not None and not (self.forgets and self.input == "features"):
            raise ModelFormatError(
                "bias_bits of an integer model are for one that forgets and reads features"
            )
        if integer.readout == "integer" and self.output_weight_bits is None:
            raise ModelFormatError("an integer readout needs output_weight_bits")
        if (integer.input is None) != (self.input == "tokens"):
            raise ModelFormatError("IntegerCard.input is required for features, and only for features")
        if self.forgets != (integer.blocks is not None):
            raise ModelFormatError("IntegerCard.blocks is for networks that forget, and those need it")
        if integer.blocks is not None:
            self._check_blocks(integer)
        else:
            self._check_layers(integer)

    def _check_layers(self, integer: IntegerCard) -> None:
        if len(integer.layers) != len(self.layers):
            raise ModelFormatError(
                f"IntegerCard has {len(integer.layers)} layers; expected {len(self.layers)}"
            )
        for i, (constants, layer) in enumerate(zip(integer.layers, self.layers, strict=True)):
            if (constants.state_bits == 1) != (layer.recurrence == "sign"):
                raise ModelFormatError(
                    f"layer {i} has {constants.state_bits} state bits with recurrence {layer.recurrence!r}; "
                    "expected 1 bit for 'sign', and only there"
                )
            if (constants.input_multiplier is None) != (i == 0 and self.input == "tokens"):
                raise ModelFormatError(
                    f"layer {i}: every layer has an input multiplier, except the first layer for tokens"
                )

    def _check_blocks(self, integer: IntegerCard) -> None:
        if integer.layers or len(self.layers) != 1 or self.layers[0].recurrence not in ("linear", "relu"):
            raise ModelFormatError(
                f"an integer model that forgets has {len(self.layers)} layers, the first of which is "
                f"{self.layers[0].recurrence}; expected one that is linear or relu, and IntegerBlocks alone"
            )
        largest = integer.largest_input * (2 if self.differences else 1)
        if largest >= 1 << 15:
            raise ModelFormatError(
                f"IntegerInput.bits is {integer.input and integer.input.bits}; expected inputs, and their differences, "
                "of 16 bits"
            )

    def _check_elements(self) -> None:
        sizes = [layer.hidden_size for layer in self.layers]
        matrices = {"U": (sizes[0], self.input_width), "V": (self.output_size, self.output_width)}
        if self.embedding_size is not None:
            matrices["the embedding"] = (self.input_size, self.embedding_size)
        for i, (below, size) in enumerate(pairwise(sizes), start=1):
            matrices[f"B of layer {i}"] = (size, below)
        for name, (rows, columns) in matrices.items():
            within(f"number of elements of {name} ({rows} x {columns})", rows * columns, 1, MAX_ELEMENTS)

    def _check_labels(self) -> None:
        expected = 2 if self.output_size == 1 else self.output_size
        if self.labels is not None and len(self.labels) != expected:
            raise ModelFormatError(
                f"Card.labels has {len(self.labels)} names; expected {expected} for {self.output_size} outputs"
            )

    def _check_preprocess(self) -> None:
        steps = self.preprocess
        if self.input == "features" and steps.vocabulary is not None:
            raise ModelFormatError(
                "Preprocess.vocabulary is given for features; only tokens have a vocabulary"
            )
        if self.input == "tokens" and (steps.uint8_scale is not None or steps.normalization is not None):
            raise ModelFormatError(
                "Preprocess.uint8_scale and normalization are for features, not for tokens"
            )
        if steps.normalization is not None and len(steps.normalization.offset) != self.input_size:
            raise ModelFormatError(
                f"Normalization has {len(steps.normalization.offset)} channels; expected {self.input_size}"
            )
        if steps.vocabulary is not None and len(steps.vocabulary.words) > self.input_size:
            raise ModelFormatError(
                f"Vocabulary has {len(steps.vocabulary.words)} words; expected at most {self.input_size} tokens"
            )
