"""The arguments and results of the C++ passes over whole sequences (``fused``), and how autograd saves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ... import _core
from . import derivatives, native, plain
from .geometry import Geometry, Inputs, Recurrence
from .pool import Pooling

SCHEMA = (
    "Tensor signs, Tensor? modrelu, Tensor x, Tensor table, Tensor? bias, Tensor? lengths, Tensor? h_0, "
    "str recurrence, SymInt block_size, SymInt segment, str input_activation"
)

_PLACES = ("signs", "modrelu", "table", "bias", "h_0")

#: The schema of the gradients of ``Arguments.places``. It is no list, which vmap could not split for batched gradients.
GRADIENTS = f"({', '.join(['Tensor'] * len(_PLACES))})"


class Arguments(NamedTuple):
    """The arguments of every operator: signs (n,), modrelu (n,), the fields of ``Inputs``, lengths (B,), h_0 (B, n), settings.

    ``segment`` is the number of steps whose states a thread keeps. If it keeps all steps, h_0 is the only snapshot.
    """

    signs: Tensor
    modrelu: Tensor | None
    x: Tensor
    table: Tensor
    bias: Tensor | None
    lengths: Tensor | None
    h_0: Tensor | None
    recurrence: str
    block_size: int
    segment: int
    input_activation: str

    @classmethod
    def of(cls, r: Recurrence, lengths: Tensor | None, segment: int | None) -> Arguments:
        x, table, bias, phi = r.inputs
        if bias is None and not r.inputs.is_gathered:
            bias = table.new_zeros(table.shape[0])
        _, block_size, name = r.geometry
        tensors = r.signs, r.modrelu, x, table, bias, lengths, r.h_0
        return cls(*tensors, name, block_size, segment or x.shape[1], phi or "linear")

    def by_plain_torch(self, *places: Tensor | None) -> tuple[str, Recurrence]:
        """A plain torch engine and the recurrence it runs, with ``places`` in place of the tensors that have gradients."""
        signs, modrelu, table, bias, h_0 = places
        assert signs is not None
        assert table is not None
        geometry = Geometry(signs.shape[0], self.block_size, self.recurrence)
        phi = None if self.input_activation == "linear" else self.input_activation
        r = Recurrence(geometry, signs, Inputs(self.x, table, bias, phi), h_0, modrelu)
        return plain.engine(self.recurrence), r

    @property
    def places(self) -> tuple[Tensor | None, ...]:
        """The arguments that have gradients."""
        return self.signs, self.modrelu, self.table, self.bias, self.h_0

    def problem(self, pool: Pooling | None = None) -> _core.TrainInput:
        """The arguments as the core takes them, with the pool that it reads, if any."""
        x, table = native.array(self.x), native.array(self.table)
        more: dict[str, Any] = {"ids": x, "rows": table}
        if self.x.is_floating_point():
            more = {"x": x, "weight": table, "bias": native.optional(self.bias)}
        if pool is not None:
            more |= {**pool._asdict(), "thresholds": native.array(pool.thresholds)}
            more["time_constant"] = pool.time_constant or 0
        return _core.TrainInput(
            native.core(self.signs.shape[0], self.block_size, self.recurrence),
            signs=native.array(self.signs),
            modrelu=native.optional(self.modrelu),
            lengths=native.optional(self.lengths),
            h0=native.optional(self.h_0),
            input_activation=self.input_activation,
            **more,
        )

    def gradients(self, found: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """The gradients of ``places``. An operator cannot return None, so an absent argument has an empty gradient."""
        names = ("signs", "modrelu", "weight" if self.x.is_floating_point() else "rows", "bias", "h0")
        return tuple(torch.from_numpy(found[name]) if name in found else torch.empty(0) for name in names)

    def empty_gradients(self) -> tuple[Tensor, ...]:
        return tuple(self.signs.new_empty(0 if a is None else a.shape) for a in self.places)


#: How many arguments of an operator are ``Arguments``; others may follow.
COUNT = len(Arguments._fields)
_TENSORS = Arguments._fields.index("recurrence")


def save(ctx: Any, inputs: tuple[Any, ...], *more: Tensor) -> None:
    """Saves for the backward pass the ``Arguments`` with which the inputs of an operator begin, and ``more``."""
    tensors, ctx.settings = inputs[:_TENSORS], inputs[_TENSORS:COUNT]
    if ctx.needs_input_grad[Arguments._fields.index("x")]:
        raise derivatives.refused("no gradient of features from a pass that keeps no states")
    ctx.twice = inputs[-1]
    ctx.save_for_backward(*tensors, *more)


def saved(ctx: Any) -> tuple[Arguments, tuple[Tensor, ...]]:
    """The ``Arguments`` and the further tensors that ``save`` was given."""
    tensors = ctx.saved_tensors
    return Arguments._make((*tensors[:_TENSORS], *ctx.settings)), tensors[_TENSORS:]


def wanted(ctx: Any) -> list[bool]:
    """Which of ``Arguments.places`` need a gradient."""
    return [ctx.needs_input_grad[Arguments._fields.index(name)] for name in _PLACES]


def in_place(ctx: Any, gradients: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Gradients of ``Arguments.places`` at their positions in ``Arguments``, and None where none is needed."""
    placed = dict(zip(_PLACES, gradients, strict=True))
    needed = zip(Arguments._fields, ctx.needs_input_grad, strict=False)
    return [placed[name] if name in placed and wanted else None for name, wanted in needed]
