"""Hooks on the parts of a network, which its fast paths would skip."""

from __future__ import annotations

from torch import nn
from torch.nn.modules import module as torch_module


def watched(*modules: nn.Module | None) -> bool:
    """Whether any hook is to be called when one of ``modules`` is called."""
    everywhere = torch_module._global_forward_hooks or torch_module._global_forward_pre_hooks
    return bool(everywhere) or any(
        m is not None and (m._forward_hooks or m._forward_pre_hooks) for m in modules
    )


def on_states(rnn: nn.Module) -> bool:
    """Whether a hook receives the output of ``rnn`` or its gradient; then the output must be all states, as in torch.nn.RNN."""
    return bool(rnn._forward_hooks or rnn._backward_hooks or rnn._backward_pre_hooks)


def settle(*modules: nn.Module | None) -> None:
    """Computes the weights that hooks of torch.nn.utils (pruning, weight norm) derive from other weights before each call."""
    for m in modules:
        if m is None or not m._forward_pre_hooks:
            continue
        for hook in list(m._forward_pre_hooks.values()):
            if type(hook).__module__.startswith("torch.nn.utils."):
                hook(m, ())
