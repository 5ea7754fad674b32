"""The parameters of the recurrent layers in each direction, and the kind of layers that they are."""

from __future__ import annotations

import math
import sys
import warnings
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from .. import hadamard
from ..errors import InputError, ShapeError
from ..file.codes import code_range
from ..file.integer_card import IntegerCard
from ..scalars import plain, whole
from . import engines, initialize
from .decays import initialize as initialize_decays
from .structure import Described


class Layer(NamedTuple):
    """The parameters of one layer of the stack in one direction."""

    signs: Tensor
    bias: Tensor | None
    modrelu: Tensor | None
    decays: Tensor | None
    input_signs: Tensor | None


class LayerParameters(Described):
    """The parts of ``HadamRNN``, and the checks of its arguments, which are documented there."""

    described = ("block_size", "recurrence", "input_activation", "differences")
    weight_ih: Tensor
    signs: Tensor
    bias: Tensor | None
    input_activation: str | None = None  # these three are for modules that were pickled before they existed
    differences: bool = False
    time_constants: tuple[float, float] = (1.0, 100.0)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        block_size: int | None = None,
        num_layers: int = 1,
        recurrence: str = "linear",
        weight_bits: int | None = 4,
        bias_bits: int | None = None,
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        engine: str = "auto",
        freeze_signs: bool = False,
        decays: bool | None = None,
        time_constants: tuple[float, float] | None = None,
        freeze_decays: bool = False,
        input_activation: str | None = None,
        differences: bool | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not batch_first:
            raise InputError(
                "batch_first is False; expected True: input is (B, T, d), see torch.Tensor.transpose"
            )
        input_size, hidden_size = whole("input_size", input_size), whole("hidden_size", hidden_size)
        num_layers = whole("num_layers", num_layers)
        block_size = hidden_size if block_size is None else whole("block_size", block_size)
        dropout = plain(dropout)
        if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout <= 1:
            raise InputError(f"dropout is {ascii(dropout)[:40]}; expected a probability, 0 to 1")
        if dropout and num_layers == 1:
            warnings.warn("dropout has no effect in a single layer: it is between layers", stacklevel=3)
        recurrence, engine = plain(recurrence), plain(engine)
        if min(input_size, hidden_size, num_layers) < 1:
            sizes = f"input_size {input_size}, hidden_size {hidden_size}, num_layers {num_layers}"
            raise ShapeError(f"{sizes}: expected at least 1 each")
        hadamard.factor(block_size)
        if hidden_size % block_size:
            raise ShapeError(f"hidden_size {hidden_size} is not a multiple of block_size {block_size}")
        if recurrence not in engines.RECURRENCES:
            known = ", ".join(engines.RECURRENCES)
            raise InputError(f"unknown recurrence {recurrence!r}; expected one of {known}")
        input_activation = plain(input_activation)
        if input_activation not in (None, *engines.INPUT_ACTIVATIONS):
            known = ", ".join(map(repr, engines.INPUT_ACTIVATIONS))
            raise InputError(
                f"unknown input_activation {input_activation!r}; expected None or one of {known}"
            )
        if bidirectional and (decays or input_activation or differences):
            raise InputError(
                "decays, input_activation and differences are for networks of one direction; expected bidirectional=False"
            )
        if not decays and (freeze_decays or time_constants is not None):
            given = "time_constants is given" if not freeze_decays else "freeze_decays is True"
            raise InputError(f"{given} for a network without decays; expected decays=True")
        engines.check(engine, recurrence, num_layers, input_activation)
        for bits in (weight_bits, bias_bits):
            if bits is not None:
                code_range(bits)
        self.dropout, self.bidirectional = float(dropout), bool(bidirectional)
        self.input_size, self.hidden_size, self.block_size = input_size, hidden_size, block_size
        self.num_layers, self.recurrence, self.engine = num_layers, recurrence, engine
        self.weight_bits, self.bias_bits = plain(weight_bits), plain(bias_bits)
        if time_constants is not None:
            self.time_constants = _time_constants(time_constants)
        self.input_activation, self.differences = input_activation, bool(differences)
        self.integer: IntegerCard | None = None

        def parameter(*shape: int, learned: bool = True) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype), requires_grad=learned)

        n = hidden_size
        for direction in self.directions:
            self.register_parameter(f"weight_ih{direction}", parameter(n, self.input_width))
            for i, suffix in enumerate(self._suffixes(direction)):
                self.register_parameter(f"signs{suffix}", parameter(n, learned=not freeze_signs))
                self.register_parameter(f"bias{suffix}", parameter(n) if bias else None)
                self.register_parameter(f"modrelu{suffix}", parameter(n) if recurrence == "modrelu" else None)
                forgets = parameter(n // block_size, learned=not freeze_decays) if decays else None
                self.register_parameter(f"decays{suffix}", forgets)
                below = parameter(n, n * len(self.directions)) if i > 0 else None
                self.register_parameter(f"input_signs{suffix}", below)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The published initialization: Xavier-uniform u (as a 1 x n matrix) and U (orthogonal when square)."""
        for direction in self.directions:
            initialize.projection(self.weight(direction))
            for layer in self.layers(direction):
                initialize.signs(layer.signs)
                if layer.input_signs is not None:
                    initialize.signs(layer.input_signs)
                if layer.bias is not None:
                    # as for torch.nn.Linear(n, n), which is the shape of the recurrence
                    initialize.uniform(layer.bias, 1 / math.sqrt(self.hidden_size))
                if layer.modrelu is not None:
                    initialize.uniform(layer.modrelu, 0.01)
                if layer.decays is not None:
                    initialize_decays(layer.decays, *self.time_constants)

    @property
    def input_width(self) -> int:
        """The number of columns of U, which doubles with differences."""
        return self.input_size * (2 if self.differences else 1)

    @property
    def directions(self) -> tuple[str, ...]:
        """The suffixes of parameter names for the directions in time: forwards and, if bidirectional, backwards."""
        return ("", "_reverse") if self.bidirectional else ("",)

    def _suffixes(self, direction: str) -> list[str]:
        return [(f"_l{i}" if i else "") + direction for i in range(self.num_layers)]

    def weight(self, direction: str = "") -> Tensor:
        """U, of shape (n, d), or (n, 2 d) with differences."""
        return cast(Tensor, getattr(self, f"weight_ih{direction}"))

    def layers(self, direction: str = "") -> list[Layer]:
        """The parameters of each layer, starting at the input."""
        return [
            Layer(*(cast(Any, getattr(self, name + suffix, None)) for name in Layer._fields))
            for suffix in self._suffixes(direction)
        ]

    def all_layers(self) -> list[Layer]:
        """The layers of all directions."""
        return [layer for direction in self.directions for layer in self.layers(direction)]

    def sign_parameters(self) -> list[Tensor]:
        """The latent weights of which the network sees only the signs: u of each layer and the binary matrices."""
        return [p for name, p in self.named_parameters() if name.startswith(("signs", "input_signs"))]

    @property
    def geometry(self) -> engines.Geometry:
        """Sizes and recurrence of the layers, with the bits of the states if ``simulate_integers`` was called."""
        bits = "" if self.integer is None else f"-{self.integer.layers[0].state_bits}"
        return engines.Geometry(self.hidden_size, self.block_size, self.recurrence + bits)

    def engine_for(self, batch: int, *, last: bool) -> str:
        """The engine that runs the top layer on ``batch`` sequences.

        last: whether only the last state is needed, of features and starting from zeros.
        """
        return self.choose(batch, last=last).engine

    def choose(self, batch: int, *, last: bool) -> engines.Choice:
        """The engine of ``engine_for``, with a short reason."""
        few = last and self.num_layers == 1 and self.input_activation is None
        features = self.input_width if few else None
        kind = self.geometry.recurrence
        return engines.choose(self.engine, kind, self.signs, batch=batch, features=features)

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.block_size != self.hidden_size:
            parts.append(f"block_size={self.block_size}")
        if self.num_layers > 1:
            parts.append(f"num_layers={self.num_layers}")
        parts += [
            f"recurrence={self.recurrence!r}, weight_bits={self.weight_bits}, engine={self._engine_repr()}"
        ]
        if self.dropout:
            parts.append(f"dropout={self.dropout}")
        if self.bidirectional:
            parts.append("bidirectional=True")
        if self.bias is None:
            parts.append("bias=False")
        elif self.bias_bits is not None:
            parts.append(f"bias_bits={self.bias_bits}")
        if self.integer is not None:
            parts.append(f"state_bits={self.integer.layers[0].state_bits}")
        if not self.signs.requires_grad:
            parts.append("freeze_signs=True")
        if (decays := self.layers()[0].decays) is not None:
            parts.append("decays=True" if decays.requires_grad else "decays=True, freeze_decays=True")
        if self.input_activation is not None:
            parts.append(f"input_activation={self.input_activation!r}")
        if self.differences:
            parts.append("differences=True")
        return ", ".join(parts)

    def _engine_repr(self) -> str:
        """The engine as given, followed by what it resolves to if it is "auto"."""
        if self.engine != "auto":
            return repr(self.engine)
        usual = self.choose(0, last=False).engine
        least = engines.krylov_from(self.input_width)
        if self.choose(sys.maxsize, last=True).engine != "krylov":
            return f"'auto' ({usual})"
        return f"'auto' ({usual}; krylov for the last states of {math.ceil(least)} sequences or more)"


def _time_constants(given: tuple[float, float]) -> tuple[float, float]:
    """The shortest and the longest time constant, in steps. Raises InputError."""
    try:
        shortest, longest = map(float, given)
    except (TypeError, ValueError):
        shortest = longest = math.nan
    if not 0 < shortest <= longest < math.inf:
        raise InputError(
            f"time_constants are {ascii(given)[:60]}; expected the shortest and the longest, positive numbers of steps"
        )
    return shortest, longest
