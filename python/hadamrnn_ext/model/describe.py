"""The cost of a model: its sizes, bytes, operations per step, kernel and instruction set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from numpy.typing import NDArray

from .. import _core, hadamard
from ..file.card import Card, LayerCard
from ..file.integer_card import IntegerBlocks, IntegerLayer
from ..file.pool import Pool

__all__ = ["Description", "Operations", "describe", "summary"]


@dataclass(frozen=True)
class Operations:
    """Numbers of arithmetic operations. ``words`` counts the 64-bit words that the xnor kernel combines."""

    adds: int
    multiplies: int
    words: int = 0

    def __add__(self, other: Operations) -> Operations:
        return Operations(
            self.adds + other.adds, self.multiplies + other.multiplies, self.words + other.words
        )

    @property
    def count(self) -> int:
        """The total number of operations."""
        return self.adds + self.multiplies + self.words

    def __str__(self) -> str:
        text = f"{self.adds:,} adds, {self.multiplies:,} multiplies"
        return f"{text}, {self.words:,} words of XOR and popcount" if self.words else text


@dataclass(frozen=True)
class Description:
    """The result of ``Model.describe()``, which prints as a small table.

    payload: the bytes of each tensor in the file.
    step: the operations of one time step without the readout.
    readout: the operations of one readout, which comes once for output "last" and "mean", and after every step for "all".
    """

    card: Card
    payload: dict[str, int]
    file_bytes: int
    step: Operations
    readout: Operations
    kernel: str
    kernel_reason: str
    isa: str

    @property
    def payload_bytes(self) -> int:
        """The bytes of all tensors together."""
        return sum(self.payload.values())

    def __str__(self) -> str:
        card = self.card
        rows = [("input", _input_text(card))]
        rows += [(f"layer {i}", _layer_text(layer)) for i, layer in enumerate(card.layers)]
        if card.bidirectional:
            rows.append(("", "and a second network that reads backwards in time"))
        if card.decays:
            rows.append(("forgets", "with a decay per block"))
        if card.drawn is not None:
            rows.append(("drawn", str(card.drawn)))
        if card.pool is not None:
            rows.append(("reads", str(card.pool)))
        if card.integer is not None:
            rows += [("integers", _integer_text(layer)) for layer in card.integer.states]
        rows += [
            ("output", f"{card.output_size} logits {_WHEN[card.output]}"),
            ("weights", f"{_bits(card.weight_bits)} input, {_bits(card.output_weight_bits)} output"),
            ("payload", f"{self.payload_bytes:,} bytes in a file of {self.file_bytes:,}"),
        ]
        rows += [("", f"{size:>9,}  {name}") for name, size in self.payload.items()]
        rows += [
            ("step", str(self.step)),
            ("readout", str(self.readout)),
            ("kernel", f"{self.kernel} on {self.isa}: {self.kernel_reason}"),
        ]
        if card.labels is not None:
            rows.append(("labels", _cut(", ".join(card.labels))))
        if card.training is not None:
            rows.append(("trained", _training_text(card)))
        if card.data is not None:
            rows.append(("files", _cut(str(card.data))))
        return "\n".join(f"{title:<9}{text}" for title, text in rows)


_WHEN = {"last": "after the last step", "all": "at every step", "mean": "of the mean over all steps"}


def summary(card: Card) -> str:
    """A network in one line."""
    layers = ", ".join(f"{layer.hidden_size}/{layer.block_size} {layer.recurrence}" for layer in card.layers)
    if card.integer is not None:
        layers += f", {card.integer.states[0].state_bits}-bit state"
    layers += ", both directions" if card.bidirectional else ""
    return (
        f"{card.input} {card.input_size} -> {layers} -> {card.output} {card.output_size}, "
        f"bits {card.weight_bits}/{card.output_weight_bits}"
    )


def describe(
    card: Card, core: _core.Model, tensors: Mapping[str, NDArray[Any]], file_bytes: int
) -> Description:
    """The description of a model; see ``Model.describe``."""
    return Description(
        card=card,
        payload={name: tensor.nbytes for name, tensor in sorted(tensors.items())},
        file_bytes=file_bytes,
        step=_step(card, core.kernel),
        readout=_readout(card),
        kernel=core.kernel,
        kernel_reason=core.kernel_reason,
        isa=core.isa,
    )


def _step(card: Card, kernel: str) -> Operations:
    n, width = card.layers[0].hidden_size, card.input_width
    one_hot = card.input == "tokens" and card.embedding_size is None
    total = (
        Operations(n, n if card.integer is not None else 0) if one_hot else Operations(n * width, n * width)
    )  # U x + b
    for below, layer in pairwise(card.layers):  # a sum of +-relu(h), scaled, plus b
        total += Operations(layer.hidden_size * (below.hidden_size + 1), layer.hidden_size)
    for layer in card.layers:
        total += _product(layer, kernel) + Operations(layer.hidden_size, layer.hidden_size)  # su * acc + v
    if card.output == "mean":
        total += Operations(card.layers[-1].hidden_size, 0)
    if card.input_activation is not None:
        total += Operations(n * (2 if card.input_activation == "clip" else 1), 0)  # comparisons
    if card.pool is not None:
        total += _pooling(card.pool, card.layers[-1].hidden_size)
    return total + total if card.bidirectional else total


def _pooling(pool: Pool, n: int) -> Operations:
    """One subtraction per threshold, and for each feature an addition or the operations of a running mean."""
    running = pool.time_constant is not None
    return Operations(n * (pool.thresholds + pool.groups * (2 if running else 1)), n * pool.groups * running)


def _readout(card: Card) -> Operations:
    n, o = card.output_width, card.output_size
    total = Operations(o * (n + 1), o * n)
    if card.output == "mean" or (card.pool is not None and card.pool.time_constant is None):
        total += Operations(0, n)  # divisions by the number of steps
    return total + total if card.bidirectional else total


def _product(layer: LayerCard, kernel: str) -> Operations:
    """(I_q (x) H_m) h."""
    n, m = layer.hidden_size, layer.block_size
    if kernel == "fwht":
        base, stages = hadamard.factor(m)
        return Operations(n * (stages + base - 1), 0)
    if kernel == "xnor":
        return Operations(n, n, words=n * -(-m // 64))
    return Operations(n * m, n * n if kernel == "dense" else 0)


def _integer_text(layer: IntegerLayer | IntegerBlocks) -> str:
    noise = "no noise" if layer.snr is None else f"{layer.snr:.1f} dB above its noise"
    if layer.state_bits == 1:
        return f"1-bit state, {noise}"
    step = "a step per block" if isinstance(layer, IntegerBlocks) else f"step {layer.state_scale:.3g}"
    return f"{layer.state_bits}-bit state of {step}, {layer.saturation:.2%} saturated, {noise}"


def _input_text(card: Card) -> str:
    if card.input == "tokens" and card.integer is not None:
        return f"tokens 0 .. {card.input_size - 1}, rows of a table"
    if card.input == "tokens":
        how = "one-hot" if card.embedding_size is None else f"embedded in {card.embedding_size}"
        how += "" if card.embedding_bits is None else f" of {card.embedding_bits} bits"
        return f"tokens 0 .. {card.input_size - 1}, {how}"
    steps, extras = card.preprocess, []
    if steps.uint8_scale is not None:
        extras.append(f"uint8 scaled by {steps.uint8_scale:.6g}")
    if steps.normalization is not None:
        extras.append("normalized")
    if steps.permutation is not None:
        extras.append(f"{steps.permutation.size} time steps permuted")
    if card.integer is not None and card.integer.input is not None:
        extras.append(f"{card.integer.input.bits}-bit integers")
    if card.differences:
        extras.append("and its change since the previous step")
    if card.input_activation is not None:
        extras.append(f"{card.input_activation} of U x + b")
    width = f"{card.input_size} feature{'s' * (card.input_size > 1)} per step"
    return ", ".join([width, *extras])


def _layer_text(layer: LayerCard) -> str:
    blocks = layer.hidden_size // layer.block_size
    matrix = f"H_{layer.block_size} ({layer.construction})"
    return f"{layer.hidden_size} units, {blocks} x {matrix}, {layer.recurrence}"


def _bits(bits: int | None) -> str:
    return "float32" if bits is None else "ternary" if bits == 1 else f"{bits}-bit"


def _training_text(card: Card) -> str:
    training = card.training
    assert training is not None
    named = ((name, getattr(training, name)) for name in ("task", "preset", "seed", "epochs"))
    facts = [f"{name} {value}" for name, value in named if value is not None]
    return _cut(", ".join(facts + [f"{name} {value:.6g}" for name, value in training.metrics.items()]))


def _cut(text: str) -> str:
    return text if len(text) <= 90 else text[:87] + "..."
