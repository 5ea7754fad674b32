"""What the C++ operators do not differentiate, and the engines of plain torch do.

They have one derivative, in reverse mode. The transforms of torch.func (vmap, grad, jvp, hessian, ..) and forward mode
are seen before an engine runs, and "auto" then takes loop or scan. A second derivative shows in the backward pass alone
(``create_graph=True``): where "auto" chose the operator, that pass is computed by plain torch, which differentiates it
again. An operator that was asked for by name refuses all of these; none gives a zero for what it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ...errors import DerivativeError


def in_forward_mode() -> bool:
    """Whether tensors may have tangents: inside ``forward_ad.dual_level`` or ``torch.func.jvp``."""
    return forward_ad._current_level >= 0


def transformed() -> bool:
    """Whether a transform of torch.func is at work, or forward mode."""
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
    """Whether this backward pass is to be differentiated; raises DerivativeError unless ``twice`` allows it."""
    if torch.is_grad_enabled() and not twice:
        raise refused("no second derivative (create_graph=True)", engine)
    return torch.is_grad_enabled()


def gradients(
    run: Callable[..., Tensor | tuple[Tensor, ...]],
    inputs: Sequence[Tensor | None],
    wanted: Sequence[bool],
    grads: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Gradients of ``run(*inputs)`` for those inputs that are ``wanted``, which can be differentiated again.

    run is plain torch; grads are those of its outputs, None for one that nothing depends on.
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
