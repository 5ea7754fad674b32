"""The C++ passes that project, recur and come back at once, and write nothing of size (B, T, n): CPU, float32.

Of the forward pass they keep nothing. The backward pass computes the states again, ``segment`` steps at a time from
snapshots, by the same operations in the same order: the same bits, so nothing drifts, whatever the recurrence. (To
run W^T backwards, as an orthogonal W allows, rounds anew at each step and needs the linear recurrence.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ... import _core
from . import core
from .drive import Drive, Recurrence

SCHEMA = (
    "Tensor signs, Tensor? modrelu, Tensor x, Tensor table, Tensor? bias, Tensor? lengths, Tensor? h_0, "
    "str recurrence, int block_size, int segment"
)


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
            bias = table.new_zeros(len(table))
        _, block_size, name = r.geometry
        return cls(
            r.signs, r.modrelu, x, table, bias, lengths, r.h_0, name, block_size, segment or x.shape[1]
        )

    def problem(self) -> _core.TrainInput:
        x, table = core.array(self.x), core.array(self.table)
        gathered = {"ids": x, "rows": table}
        return _core.TrainInput(
            core.recurrence(len(self.signs), self.block_size, self.recurrence),
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

    def gradients(self, found: Mapping[str, Any]) -> list[Tensor]:
        """In the order of the arguments; an operator cannot return None, so those of absent ones are empty."""
        names = ("signs", "modrelu", "weight" if self.x.is_floating_point() else "rows", "bias", "h0")
        return [torch.from_numpy(found[name]) if name in found else torch.empty(0) for name in names]

    def empty_gradients(self) -> list[Tensor]:
        arguments = (self.signs, self.modrelu, self.table, self.bias, self.h_0)
        return [self.signs.new_empty(0 if a is None else a.shape) for a in arguments]


def runs(drive: Drive) -> bool:
    """Whether these passes can be used: there is no gradient of features."""
    tensors = [drive.table] if drive.is_gathered else [drive.table, drive.x]
    single = all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors)
    return single and not drive.x.requires_grad


def last(r: Recurrence, lengths: Tensor | None, segment: int | None) -> Tensor:
    """The state (B, n) after each sequence's own last step; segment None: all steps."""
    h: Tensor = last_state(*Arguments.of(r, lengths, segment))
    return h


@torch.library.custom_op(
    "hadamrnn::last_state", mutates_args=(), device_types="cpu", schema=f"({SCHEMA}) -> Tensor"
)
def last_state(*args: Any) -> Tensor:
    return torch.from_numpy(Arguments(*args).problem().last(torch.get_num_threads()))


@torch.library.custom_op(
    "hadamrnn::last_state_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor grad, {SCHEMA}) -> Tensor[]",
)
def last_state_backward(grad: Tensor, *args: Any) -> list[Tensor]:
    a = Arguments(*args)
    return a.gradients(a.problem().last_backward(core.array(grad), None, a.segment, torch.get_num_threads()))


@last_state.register_fake
def _(*args: Any) -> Tensor:
    a = Arguments(*args)
    return a.signs.new_empty(a.x.shape[0], a.signs.shape[0])


@last_state_backward.register_fake
def _(grad: Tensor, *args: Any) -> list[Tensor]:
    return Arguments(*args).empty_gradients()


def in_place(ctx: Any, gradients: list[Tensor]) -> list[Tensor | None]:
    """``gradients`` where autograd expects those of ``Arguments``, None for what needs none."""
    names = ("signs", "modrelu", "table", "bias", "h_0")
    placed = dict(zip(names, gradients, strict=True))
    needed = zip(Arguments._fields, ctx.needs_input_grad, strict=False)
    return [placed[name] if name in placed and wanted else None for name, wanted in needed]


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.recurrence, ctx.block_size, ctx.segment = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    a = Arguments._make((*ctx.saved_tensors, ctx.recurrence, ctx.block_size, ctx.segment))
    return tuple(in_place(ctx, last_state_backward(grad, *a)))


last_state.register_autograd(_backward, setup_context=_save)
