"""Derivatives that the C++ operators lack and the engines of plain torch have.

The operators have a first derivative in reverse mode only. Transforms of torch.func (vmap, grad, jvp, hessian, ..) and
forward mode are detected before an engine runs, and "auto" then takes loop or scan. A second derivative shows only in the
backward pass (``create_graph=True``): if "auto" chose the operator, plain torch computes that pass, so that it can be
differentiated again. An operator that was asked for by name refuses all of these. None returns zero for a derivative that
it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ...errors import DerivativeError


def in_forward_mode() -> bool:
    """Whether tensors may have tangents, as inside ``forward_ad.dual_level`` or ``torch.func.jvp``."""
    return forward_ad._current_level >= 0


def transformed() -> bool:
    """Whether a transform of torch.func or forward mode is active."""
    return torch._C._are_functorch_transforms_active() or in_forward_mode()


def refused(what: str, engine: str = "native") -> DerivativeError:
    """The error that says what an operator lacks, and which engines have it."""
    return DerivativeError(
        f'engine="{engine}" runs in C++, which has {what}; engine="loop" has it, for a linear recurrence engine="scan" '
        'too, and engine="auto" takes them by itself'
    )


def refuse_transforms(engine: str = "native") -> None:
    """Raises DerivativeError where an operator would be transformed or differentiated in forward mode."""
    if transformed():
        raise refused(
            "no transforms of torch.func (vmap, grad, jvp, ..) and no derivative in forward mode", engine
        )


def again(twice: bool, engine: str = "native") -> bool:
    """Whether this backward pass will itself be differentiated; raises DerivativeError if so and ``twice`` is not set."""
    if torch.is_grad_enabled() and not twice:
        raise refused("no second derivative (create_graph=True)", engine)
    return torch.is_grad_enabled()


def gradients(
    run: Callable[..., Tensor | tuple[Tensor, ...]],
    inputs: Sequence[Tensor | None],
    wanted: Sequence[bool],
    grads: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Gradients of ``run(*inputs)`` with respect to the ``wanted`` inputs; they can be differentiated again.

    run is plain torch; grads are the gradients of its outputs, None for an output on which nothing depends.
    """
    with torch.enable_grad():
        places = [None if t is None else t.view_as(t) for t in inputs]  # one tensor may be several inputs
        outputs = run(*places)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    reached = [
        (y, grad) for y, grad in zip(outputs, grads, strict=True) if grad is not None and y.requires_grad
    ]
    chosen = [t for t, want in zip(places, wanted, strict=True) if want and t is not None]
    found = iter(
        torch.autograd.grad(
            [y for y, _ in reached],
            chosen,
            [grad for _, grad in reached],
            create_graph=True,
            materialize_grads=True,
        )
    )
    return [next(found) if want and t is not None else None for t, want in zip(places, wanted, strict=True)]
