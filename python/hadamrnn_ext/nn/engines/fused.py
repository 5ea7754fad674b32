"""The C++ passes that project, recur and come back at once, and write nothing of size (B, T, n): CPU, float32.

Of the forward pass they keep nothing. The backward pass computes the states again, ``segment`` steps at a time from
snapshots, by the same operations in the same order: the same bits, so nothing drifts, whatever the recurrence. (To
run W^T backwards, as an orthogonal W allows, rounds anew at each step and needs the linear recurrence.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ... import _core
from . import core, derivatives, plain
from .geometry import Geometry
from .inputs import Drive, Recurrence

SCHEMA = (
    "Tensor signs, Tensor? modrelu, Tensor x, Tensor table, Tensor? bias, Tensor? lengths, Tensor? h_0, "
    "str recurrence, SymInt block_size, SymInt segment"
)

_PLACES = ("signs", "modrelu", "table", "bias", "h_0")

#: Of ``Arguments.places``. Not a list, which vmap could not take apart where gradients are batched.
GRADIENTS = f"({', '.join(['Tensor'] * len(_PLACES))})"


class Arguments(NamedTuple):
    """What every operator here takes: signs (n,), modrelu (n,); x, table and bias of a ``Drive``, lengths (B,), h_0 (B, n).

    ``segment`` is the number of steps whose states a thread keeps; all of them need no snapshot but h_0.
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

    @classmethod
    def of(cls, r: Recurrence, lengths: Tensor | None, segment: int | None) -> Arguments:
        x, table, bias = r.drive
        if bias is None and not r.drive.is_gathered:
            bias = table.new_zeros(table.shape[0])
        _, block_size, name = r.geometry
        return cls(
            r.signs, r.modrelu, x, table, bias, lengths, r.h_0, name, block_size, segment or x.shape[1]
        )

    def by_plain_torch(self, *places: Tensor | None) -> tuple[str, Recurrence]:
        """An engine of plain torch and what it runs, with ``places`` instead of the tensors that have gradients."""
        signs, modrelu, table, bias, h_0 = places
        assert signs is not None
        assert table is not None
        geometry = Geometry(signs.shape[0], self.block_size, self.recurrence)
        r = Recurrence(geometry, signs, Drive(self.x, table, bias), h_0, modrelu)
        return plain.engine(self.recurrence), r

    @property
    def places(self) -> tuple[Tensor | None, ...]:
        """The arguments that have gradients."""
        return self.signs, self.modrelu, self.table, self.bias, self.h_0

    def problem(self) -> _core.TrainInput:
        x, table = core.array(self.x), core.array(self.table)
        gathered = {"ids": x, "rows": table}
        return _core.TrainInput(
            core.recurrence(self.signs.shape[0], self.block_size, self.recurrence),
            signs=core.array(self.signs),
            modrelu=core.optional(self.modrelu),
            lengths=core.optional(self.lengths),
            h0=core.optional(self.h_0),
            **(
                {"x": x, "weight": table, "bias": core.optional(self.bias)}
                if self.x.is_floating_point()
                else gathered
            ),
        )

    def gradients(self, found: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Of ``places``; an operator cannot return None, so those of absent ones are empty."""
        names = ("signs", "modrelu", "weight" if self.x.is_floating_point() else "rows", "bias", "h0")
        return tuple(torch.from_numpy(found[name]) if name in found else torch.empty(0) for name in names)

    def empty_gradients(self) -> tuple[Tensor, ...]:
        return tuple(self.signs.new_empty(0 if a is None else a.shape) for a in self.places)


#: How many arguments of an operator these are; others may follow.
COUNT = len(Arguments._fields)


def runs(drive: Drive) -> bool:
    """Whether these passes can be used: there is no gradient of features."""
    tensors = [drive.table] if drive.is_gathered else [drive.table, drive.x]
    single = all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors)
    return single and not drive.x.requires_grad


def last(r: Recurrence, lengths: Tensor | None, segment: int | None) -> Tensor:
    """The state (B, n) after each sequence's own last step; segment None: all steps."""
    derivatives.refuse_transforms()
    h: Tensor = last_state(*Arguments.of(r, lengths, segment), r.twice)
    return h


@torch.library.custom_op(
    "hadamrnn::last_state",
    mutates_args=(),
    device_types="cpu",
    schema=f"({SCHEMA}, bool twice=False) -> Tensor",
)
def last_state(*args: Any) -> Tensor:
    derivatives.refuse_transforms()
    return torch.from_numpy(Arguments(*args[:COUNT]).problem().last(torch.get_num_threads()))


@torch.library.custom_op(
    "hadamrnn::last_state_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor grad, {SCHEMA}) -> {GRADIENTS}",
)
def last_state_backward(grad: Tensor, *args: Any) -> tuple[Tensor, ...]:
    derivatives.refuse_transforms()
    a = Arguments(*args)
    return a.gradients(a.problem().last_backward(core.array(grad), None, a.segment, torch.get_num_threads()))


@last_state.register_fake
def _(*args: Any) -> Tensor:
    a = Arguments(*args[:COUNT])
    return a.signs.new_empty(a.x.shape[0], a.signs.shape[0])


@last_state_backward.register_fake
def _(grad: Tensor, *args: Any) -> tuple[Tensor, ...]:
    return Arguments(*args).empty_gradients()


def save(ctx: Any, inputs: tuple[Any, ...], *more: Tensor) -> None:
    """Keeps ``Arguments``, at the beginning of the inputs of an operator, and ``more`` for its backward pass."""
    *tensors, ctx.recurrence, ctx.block_size, ctx.segment = inputs[:COUNT]
    if ctx.needs_input_grad[Arguments._fields.index("x")]:
        raise derivatives.refused("no gradient of features from a pass that keeps no states")
    ctx.twice = inputs[-1]
    ctx.save_for_backward(*tensors, *more)


def saved(ctx: Any) -> tuple[Arguments, tuple[Tensor, ...]]:
    """What ``save`` was given."""
    tensors = ctx.saved_tensors
    own = COUNT - 3
    return Arguments._make((*tensors[:own], ctx.recurrence, ctx.block_size, ctx.segment)), tensors[own:]


def wanted(ctx: Any) -> list[bool]:
    """Which of ``Arguments.places`` need a gradient."""
    return [ctx.needs_input_grad[Arguments._fields.index(name)] for name in _PLACES]


def in_place(ctx: Any, gradients: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Gradients of ``Arguments.places`` where autograd expects those of ``Arguments``, None for what needs none."""
    placed = dict(zip(_PLACES, gradients, strict=True))
    needed = zip(Arguments._fields, ctx.needs_input_grad, strict=False)
    return [placed[name] if name in placed and wanted else None for name, wanted in needed]


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    save(ctx, inputs)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    a, _ = saved(ctx)
    if not derivatives.again(ctx.twice):
        return *in_place(ctx, last_state_backward(grad, *a)), None

    def run(*places: Tensor | None) -> Tensor:
        return plain.last(*a.by_plain_torch(*places), a.lengths)

    return *in_place(ctx, derivatives.gradients(run, a.places, wanted(ctx), (grad,))), None


last_state.register_autograd(_backward, setup_context=_save)
