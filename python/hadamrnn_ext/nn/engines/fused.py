"""C++ passes that project, recur and differentiate without writing anything of size (B, T, n), in float32 on the CPU.

The forward pass saves no states. The backward pass recomputes them from snapshots, ``segment`` steps at a time, by the same
operations in the same order. This gives the same bits, so nothing drifts, whatever the recurrence. (Running W^T backwards,
which an orthogonal W allows, would round again in each step and work only for the linear recurrence.)

The loss over all steps is computed together with its gradients, while the states of a few steps are in the cache; its
backward pass only scales these gradients. Writing all states and reading them back would cost more than the recurrence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from . import derivatives, plain, threads
from .arguments import COUNT, GRADIENTS, SCHEMA, Arguments, in_place, save, saved, wanted
from .geometry import Inputs, Recurrence, mask_past
from .native import array
from .pool import Pooling, What


def runs(inputs: Inputs) -> bool:
    """Whether these passes can be used: float32 on the CPU, and no gradient of the features."""
    tensors = [inputs.table] if inputs.is_gathered else [inputs.table, inputs.x]
    single = all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors)
    return single and not inputs.x.requires_grad


def read(r: Recurrence, what: What, lengths: Tensor | None, segment: int | None) -> tuple[Tensor, Tensor]:
    """The result of ``engines.read`` for "last", "mean" and pools; segment None stands for all steps."""
    derivatives.refuse_transforms()
    arguments = Arguments.of(r, lengths, segment)
    if isinstance(what, Pooling):
        *pool, time_constant = what
        features, last = pool_state(*arguments, *pool, time_constant or 0, r.twice)
        return features, last
    if what == "mean":
        mean, last = mean_state(*arguments, r.twice)
        return mean, last
    last = last_state(*arguments, r.twice)
    return last, last


_POOL = "Tensor thresholds, bool excess, bool share, int time_constant"


@torch.library.custom_op(
    "hadamrnn::last_state",
    mutates_args=(),
    device_types="cpu",
    schema=f"({SCHEMA}, bool twice=False) -> Tensor",
)
def last_state(*args: Any) -> Tensor:
    """The state (B, n) after the last step of each sequence."""
    derivatives.refuse_transforms()
    return torch.from_numpy(Arguments(*args[:COUNT]).problem().last(threads.core()))


@torch.library.custom_op(
    "hadamrnn::mean_state",
    mutates_args=(),
    device_types="cpu",
    schema=f"({SCHEMA}, bool twice=False) -> (Tensor, Tensor)",
)
def mean_state(*args: Any) -> tuple[Tensor, Tensor]:
    """The mean of relu(h_t) over the steps of each sequence, and the state after its last step, (B, n) each."""
    derivatives.refuse_transforms()
    a = Arguments(*args[:COUNT])
    return _pooled(a, _mean(a))


@torch.library.custom_op(
    "hadamrnn::pool_state",
    mutates_args=(),
    device_types="cpu",
    schema=f"({SCHEMA}, {_POOL}, bool twice=False) -> (Tensor, Tensor)",
)
def pool_state(*args: Any) -> tuple[Tensor, Tensor]:
    """The features (B, F) of a ``Pooling`` over the steps of each sequence, and the state (B, n) after its last step."""
    derivatives.refuse_transforms()
    return _pooled(Arguments(*args[:COUNT]), _pool(args))


def _pooled(a: Arguments, pool: Pooling) -> tuple[Tensor, Tensor]:
    read, last = a.problem(pool).pooled(threads.core())
    return torch.from_numpy(read), torch.from_numpy(last)


def _pool(args: Sequence[Any]) -> Pooling:
    """The pool in the arguments of an operator, where it follows ``Arguments``."""
    return Pooling(*args[COUNT : COUNT + 4])  # a time constant of 0 stands for none


def _mean(a: Arguments) -> Pooling:
    """The mean of relu(h_t) as a pool: the excess over a threshold of zero."""
    return Pooling(a.signs.new_zeros(1, a.signs.shape[0]), True, False, None)


@torch.library.custom_op(
    "hadamrnn::last_state_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor grad, {SCHEMA}) -> {GRADIENTS}",
)
def last_state_backward(grad: Tensor, *args: Any) -> tuple[Tensor, ...]:
    a = Arguments(*args)
    return a.gradients(_backward(a, grad))


@torch.library.custom_op(
    "hadamrnn::mean_state_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor grad_mean, Tensor grad_last, {SCHEMA}) -> {GRADIENTS}",
)
def mean_state_backward(grad_mean: Tensor, grad_last: Tensor, *args: Any) -> tuple[Tensor, ...]:
    a = Arguments(*args)
    return a.gradients(_backward(a, grad_last, grad_mean, _mean(a)))


@torch.library.custom_op(
    "hadamrnn::pool_state_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor grad_features, Tensor grad_last, {SCHEMA}, {_POOL}) -> {GRADIENTS[:-1]}, Tensor)",
)
def pool_state_backward(grad_features: Tensor, grad_last: Tensor, *args: Any) -> tuple[Tensor, ...]:
    """The gradients of ``Arguments.places`` and of the thresholds."""
    a = Arguments(*args[:COUNT])
    found = _backward(a, grad_last, grad_features, _pool(args), of_thresholds=True)
    return *a.gradients(found), torch.from_numpy(found["thresholds"])


def _backward(
    a: Arguments,
    grad_last: Tensor,
    grad_features: Tensor | None = None,
    pool: Pooling | None = None,
    of_thresholds: bool = False,
) -> dict[str, Any]:
    """Gradients, keyed by the names that the core gives to the tensors."""
    derivatives.refuse_transforms()
    features = None if grad_features is None else array(grad_features)
    return a.problem(pool).last_backward(array(grad_last), features, a.segment, threads.core(), of_thresholds)


@last_state.register_fake
def _(*args: Any) -> Tensor:
    a = Arguments(*args[:COUNT])
    return a.signs.new_empty(a.x.shape[0], a.signs.shape[0])


@mean_state.register_fake
def _(*args: Any) -> tuple[Tensor, Tensor]:
    a = Arguments(*args[:COUNT])
    shape = a.x.shape[0], a.signs.shape[0]
    return a.signs.new_empty(shape), a.signs.new_empty(shape)


@pool_state.register_fake
def _(*args: Any) -> tuple[Tensor, Tensor]:
    a, pool = Arguments(*args[:COUNT]), _pool(args)
    groups = pool.thresholds.shape[0] * (pool.excess + pool.share)
    batch, n = a.x.shape[0], a.signs.shape[0]
    return a.signs.new_empty(batch, groups * n), a.signs.new_empty(batch, n)


@last_state_backward.register_fake
def _(grad: Tensor, *args: Any) -> tuple[Tensor, ...]:
    return Arguments(*args).empty_gradients()


@mean_state_backward.register_fake
def _(grad_mean: Tensor, grad_last: Tensor, *args: Any) -> tuple[Tensor, ...]:
    return Arguments(*args).empty_gradients()


@pool_state_backward.register_fake
def _(grad_features: Tensor, grad_last: Tensor, *args: Any) -> tuple[Tensor, ...]:
    return *Arguments(*args[:COUNT]).empty_gradients(), torch.empty_like(_pool(args).thresholds)


def _save_state(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    save(ctx, inputs)


def _last_state_back(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    return _back(ctx, "last", last_state_backward, grad)


def _mean_state_back(ctx: Any, grad_mean: Tensor, grad_last: Tensor) -> tuple[Tensor | None, ...]:
    return _back(ctx, "mean", mean_state_backward, grad_mean, grad_last)


def _back(ctx: Any, what: str, operator: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
    a, _ = saved(ctx)
    if not derivatives.again(ctx.twice):
        return *in_place(ctx, operator(*grads, *a)), None

    def run(*places: Tensor | None) -> tuple[Tensor, ...]:
        return plain.read(*a.by_plain_torch(*places), what, a.lengths)[: len(grads)]

    return *in_place(ctx, derivatives.gradients(run, a.places, wanted(ctx), grads)), None


def _save_pool(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    thresholds, *ctx.pool = inputs[COUNT : COUNT + 4]
    save(ctx, inputs, thresholds)


def _pool_state_back(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
    a, (thresholds,) = saved(ctx)
    found: Sequence[Tensor | None]
    if derivatives.again(ctx.twice):

        def run(*places: Tensor) -> tuple[Tensor, ...]:
            what = Pooling(places[-1], *ctx.pool)
            return plain.read(*a.by_plain_torch(*places[:-1]), what, a.lengths)

        needs = (*wanted(ctx), ctx.needs_input_grad[COUNT])
        found = derivatives.gradients(run, (*a.places, thresholds), needs, grads)
    else:
        found = pool_state_backward(*grads, *a, thresholds, *ctx.pool)
    return *in_place(ctx, found[:-1]), found[-1], None, None, None, None


last_state.register_autograd(_last_state_back, setup_context=_save_state)
mean_state.register_autograd(_mean_state_back, setup_context=_save_state)
pool_state.register_autograd(_pool_state_back, setup_context=_save_pool)


def loss(
    r: Recurrence,
    lengths: Tensor | None,
    segment: int | None,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    ignore_index: int,
) -> tuple[Tensor, Tensor]:
    """The mean loss of y_t = weight relu(h_t) + bias over all steps, and the last states (B, n), detached.

    For integer targets (B, T) it is the cross-entropy, without those equal to ``ignore_index``; for float targets (B, T, o)
    the squared error.
    """
    derivatives.refuse_transforms()
    targets = targets.to(weight.dtype if targets.is_floating_point() else torch.int64)
    arguments = Arguments.of(r, lengths, segment)
    total, count, h_n, _ = sequence_loss(*arguments, weight, bias, targets, ignore_index, r.twice)
    return total / count, h_n


_HEAD = "Tensor weight, Tensor output_bias, Tensor targets, int ignore_index"


@torch.library.custom_op(
    "hadamrnn::sequence_loss",
    mutates_args=(),
    device_types="cpu",
    schema=f"({SCHEMA}, {_HEAD}, bool twice=False) -> (Tensor, Tensor, Tensor, Tensor[])",
)
def sequence_loss(*args: Any) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    """Sum and number of the losses, last states, and gradients of the sum with respect to arguments, weight and output_bias."""
    derivatives.refuse_transforms()
    a, (weight, output_bias, targets, ignore_index) = Arguments(*args[:COUNT]), args[COUNT : COUNT + 4]
    classes = None if targets.is_floating_point() else array(targets)
    total, count, h_n, gradients = a.problem().sequence(
        array(weight),
        array(output_bias),
        classes=classes,
        values=array(targets) if classes is None else None,
        ignore_index=ignore_index,
        segment=a.segment,
        num_threads=threads.core(),
    )
    head = [torch.from_numpy(gradients[name]) for name in ("output_weight", "output_bias")]
    found = [*a.gradients(gradients), *head]
    return weight.new_tensor(total), torch.tensor(count), torch.from_numpy(h_n), found


@sequence_loss.register_fake
def _(*args: Any) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    a, (weight, output_bias) = Arguments(*args[:COUNT]), args[COUNT : COUNT + 2]
    h_n = a.signs.new_empty(a.x.shape[0], a.signs.shape[0])
    head = [torch.empty_like(weight), torch.empty_like(output_bias)]
    count = a.signs.new_empty((), dtype=torch.int64)
    return a.signs.new_empty(()), count, h_n, [*a.empty_gradients(), *head]


def _save_loss(
    ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor, list[Tensor]]
) -> None:
    _, count, h_n, gradients = output
    ctx.mark_non_differentiable(count, h_n, *gradients)
    ctx.set_materialize_grads(False)  # otherwise gradients of zeros would be allocated for all outputs
    weight, output_bias, targets, ctx.ignore_index = inputs[COUNT : COUNT + 4]
    if ctx.needs_input_grad[COUNT + 2]:
        raise derivatives.refused("no gradient of targets")
    save(ctx, inputs, weight, output_bias, targets, *gradients)


def _loss_back(ctx: Any, grad: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:
    count = len(ctx.needs_input_grad)  # the dispatcher drops a last argument that has its default value
    if grad is None:
        return (None,) * count
    a, (weight, output_bias, targets, *gradients) = saved(ctx)
    found: Sequence[Tensor | None]
    if derivatives.again(ctx.twice):  # the saved gradients would count as constants

        def run(*places: Tensor) -> Tensor:
            h = plain.states(*a.by_plain_torch(*places[:-2]))
            return _total(h, a.lengths, places[-2], places[-1], targets, ctx.ignore_index)

        needs = (*wanted(ctx), *ctx.needs_input_grad[COUNT : COUNT + 2])
        found = derivatives.gradients(run, (*a.places, weight, output_bias), needs, (grad,))
    else:
        found = [gradient * grad for gradient in gradients]
    return (*in_place(ctx, found[:-2]), *found[-2:], None, None, None)[:count]


def _total(
    h: Tensor, lengths: Tensor | None, weight: Tensor, bias: Tensor, targets: Tensor, ignore_index: int
) -> Tensor:
    """The sum of the losses, computed in plain torch."""
    y = mask_past(F.linear(h.relu(), weight, bias), lengths)
    if targets.is_floating_point():
        return (y - targets).square().sum()
    return F.cross_entropy(y.flatten(0, 1), targets.flatten(), ignore_index=ignore_index, reduction="sum")


sequence_loss.register_autograd(_loss_back, setup_context=_save_loss)
