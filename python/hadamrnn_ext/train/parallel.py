"""One run on several processes, as torchrun starts them. The same code runs on a single process.

Every process holds the same model and takes its part of the same batches that a single process would take. So the number
of processes changes only the rounding of sums, and scores of the same weights are the same. A difference in rounding can
still grow, where a sign flips, where a 4-bit code changes, or over many time steps. Runs on one and on two processes then
diverge as two runs on one process do that order the examples of each batch differently. On 5,000 images of pmnist with
frozen signs and 4 bits, the losses of the first epoch differ by 2.1e-3 (validation 1.1e-2) in the first case and by
1.2e-3 (9.0e-3) in the second. With float weights they differ by 2.0e-5 (3.2e-4) and 3.4e-5 (6.6e-4).
"""

from __future__ import annotations

import atexit
import gc
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from ..errors import HadamRNNError, InputError
from ..machine import cpus

__all__ = ["PeerError", "Workers", "connected", "device_of", "fair_threads", "is_main"]

T = TypeVar("T")


class PeerError(HadamRNNError):
    """Another process of the run has ended, which ends this one.

    Examples:
        >>> from hadamrnn_ext import train
        >>> issubclass(train.PeerError, hr.HadamRNNError)
        True
    """


@dataclass(frozen=True)
class Workers:
    """The processes of a run: this one has the number `rank` out of `size`. Only the first one, `main`, writes files."""

    rank: int = 0
    size: int = 1

    @property
    def main(self) -> bool:
        return self.rank == 0

    def parallel(self, module: torch.nn.Module) -> torch.nn.Module:
        """`module`, wrapped so that its gradients become means over all processes."""
        return module if self.size == 1 else DistributedDataParallel(module)

    def share(self, index: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """This process's part of `index`, and how many of its elements count.

        All of them count, unless there are fewer elements than processes. A process that would get none is given the
        first element, which does not count, so that every process takes part in the joint operations.
        """
        part = np.array_split(index, self.size)[self.rank]
        return (part, len(part)) if len(part) else (index[:1], 0)

    def gather(self, *values: float) -> list[list[float]]:
        """The values of every process, one row each. Every process gets the same rows."""
        if self.size == 1:
            return [list(values)]
        mine = torch.tensor(values, dtype=torch.float64)
        rows = [torch.empty_like(mine) for _ in range(self.size)]
        distributed.all_gather(rows, mine)
        return [row.tolist() for row in rows]

    def mean(self, means: dict[str, float], count: int) -> dict[str, float]:
        """The means over the examples of all processes, from this process's `means` over `count` examples."""
        rows = self.gather(count, *(value * count for value in means.values()))
        total, *sums = (sum(column) for column in zip(*rows, strict=True))
        return {name: value / total for name, value in zip(means, sums, strict=True)}

    def from_main(self, make: Callable[[], T]) -> T:
        """What `make` returns in the main process, which is the only one that calls it."""
        if self.size == 1:
            return make()
        values = [make() if self.main else None]
        distributed.broadcast_object_list(values, src=0)
        return values[0]  # type: ignore[return-value]


@contextmanager
def connected(device: str = "cpu") -> Iterator[Workers]:
    """Connects this process to the others of the run, if it was started as one of several.

    Numbers and CPU tensors are exchanged by gloo, CUDA tensors by nccl. A process group that exists already is used. One
    that is made here serves all later runs of the process. Raises `PeerError` when another process has ended early.
    """
    if not _several():
        yield Workers()
        return
    if not distributed.is_initialized():
        distributed.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo")
        atexit.register(_disconnect)
    try:
        yield Workers(distributed.get_rank(), distributed.get_world_size())
    except RuntimeError as error:
        # gloo raises a bare RuntimeError in whichever joint operation comes next.
        if isinstance(error, distributed.DistError) or "/gloo/" in str(error):
            raise PeerError("another process of this run has ended, and so does this one") from error
        raise


def _disconnect() -> None:
    # A DistributedDataParallel that outlives its process group would end the group later. It would then hold the GIL
    # while it waits for threads of gloo, which may themselves wait for the GIL: a deadlock, seen in torch 2.13.
    gc.collect()
    distributed.destroy_process_group()


def is_main() -> bool:
    """Whether this is the process that reports: the first one that torchrun started, or the only one.

    Examples:
        >>> from hadamrnn_ext import train
        >>> train.is_main()
        True
    """
    return not _several() or os.environ.get("RANK", "0") == "0"


def fair_threads() -> int | None:
    """The number of threads for each of the processes that share a machine's cores. torchrun would give each only one.

    None for a single process, for which torch's own number is right.
    """
    if not _several():
        return None
    return max(1, cpus() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def device_of(name: str) -> torch.device:
    """The device `name`: the CPU, or for "cuda" this process's own GPU. Raises InputError if there is no such GPU."""
    if name != "cuda":
        return torch.device(name)
    with warnings.catch_warnings(record=True) as told:  # torch may warn of a driver that it cannot use
        warnings.simplefilter("always")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    number = int(os.environ.get("LOCAL_RANK", "0"))
    if number >= count:
        why = f" ({told[-1].message})" if told else ""
        found = "no GPU" if count == 0 else f"{count} of the GPUs of {number + 1} processes"
        raise InputError(f"device is 'cuda', but torch finds {found} here{why}; expected 'cpu'")
    return torch.device(name, number)


def _several() -> bool:
    return distributed.is_available() and int(os.environ.get("WORLD_SIZE", "1")) > 1
