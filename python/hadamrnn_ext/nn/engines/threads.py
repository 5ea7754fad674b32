"""How many threads the C++ passes take, and how many torch's own operations.

torch shares even a small operation among threads that then wait for each other in a loop. Where another process has taken
the processor of one of them, all wait until the scheduler gives it back, many times in a training step. The threads of the
C++ core do not wait like that: a thread that is not running has not taken any work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...model.inputs import MAX_THREADS, count

#: Multiply-adds of a product, or numbers that an optimizer updates, that take one thread some milliseconds: about as long as
#: a scheduler lets a thread wait. Larger work gains more from several threads than it loses by waiting for them.
LARGE_PRODUCT = 1 << 28
LARGE_UPDATE = 1 << 21

_core: int | None = None  # for the whole process, as torch's own number is


def core() -> int:
    """The number of threads for a C++ pass: that of the innermost ``torch_on_one_thread``, or else torch's own."""
    return torch.get_num_threads() if _core is None else _core


@contextmanager
def torch_on_one_thread(threads: int | None = None) -> Iterator[None]:
    """Inside the block torch's own operations take one thread, while the engines in C++ take ``threads``.

    A training loop of one's own gains by this on a machine that is not idle, where a step of torch's small operations on
    several threads can take twenty times as long. On an idle machine little is lost, for the engines do most of the work.
    Large products of the engines take all threads even so. ``hadamrnn_ext.train`` does this by itself.

    It holds for the whole process, as torch's number of threads does, and ends with the block. It is not for networks whose
    steps torch computes (``engine_for`` says "loop" or "scan"): they need torch's threads.

    Args:
        threads: of the C++ passes; None stands for as many as they had before the block, which is torch's number.

    Raises:
        InputError: ``threads`` is not an integer from 1 to 1024.

    Examples:
        >>> import torch
        >>> from hadamrnn_ext import nn
        >>> net = nn.SequenceModel(3, 16, 2)
        >>> optimizer = torch.optim.Adam(net.parameters())
        >>> with nn.torch_on_one_thread():
        ...     for _ in range(3):
        ...         optimizer.zero_grad()
        ...         net.loss(torch.randn(8, 20, 3), torch.arange(8) % 2).backward()
        ...         optimizer.step()
    """
    global _core
    chosen = core() if threads is None else count(threads, "threads", MAX_THREADS)
    before = _core, torch.get_num_threads()
    torch.set_num_threads(1)
    _core = chosen
    try:
        yield
    finally:
        _core = before[0]
        torch.set_num_threads(before[1])


@contextmanager
def all_for(work: int, large: int) -> Iterator[None]:
    """Inside the block torch may use the threads of the core, if ``work`` is ``large``."""
    before = torch.get_num_threads()
    if work < large or before >= core():
        yield
        return
    torch.set_num_threads(core())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """x weight^T for x (rows, d) and weight (n, d). It and its gradients take the threads of the core if they are large."""
    if torch.compiler.is_compiling() or _core is None or torch.is_autocast_enabled():
        return F.linear(x, weight)
    y: Tensor = _Linear.apply(x, weight)  # type: ignore[no-untyped-call]
    return y


class _Linear(torch.autograd.Function):
    """``linear`` with a backward pass of its own, because autograd's runs when no block of ours is open."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        with all_for(x.numel() * len(weight), LARGE_PRODUCT):
            return F.linear(x, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        with all_for(x.numel() * len(weight), LARGE_PRODUCT):
            return grad @ weight, grad.t() @ x
