"""What a user of torch would run instead. Everything that can be built once is; no gradients.

The loop is leaner than published code: one matrix product a step and nothing else, in the fastest of the forms that
torch offers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from timing import Candidate
from workloads import Dense, Workload

__all__ = ["compiled_loop", "loop", "lstm", "step", "unrolled"]

CHUNK = 28  # steps that torch.compile sees at once; compiling all of them would take many minutes


class Network:
    """A dense linear recurrence as tensors."""

    def __init__(self, dense: Dense) -> None:
        self.w, self.u, self.b, self.v, self.c = map(
            torch.from_numpy, (dense.w, dense.u, dense.b, dense.v, dense.c)
        )
        self.w_t = self.w.t().contiguous()
        self.table = (self.u.t() + self.b).contiguous()  # one row per token

    def inputs(self, x: Tensor) -> Tensor:
        """v = U x + b at every step, (T, B, n)."""
        if x.dtype == torch.int32:
            return self.table[x.t()]
        return F.linear(x, self.u, self.b).transpose(0, 1).contiguous()

    def readout(self, h: Tensor) -> Tensor:
        return F.linear(torch.relu(h), self.v, self.c)


Advance = Callable[[Network, Tensor, Tensor], Tensor]


def _linear(net: Network, h: Tensor, v: Tensor) -> Tensor:
    return F.linear(h, net.w) + v


def _addmm(net: Network, h: Tensor, v: Tensor) -> Tensor:
    return torch.addmm(v, h, net.w_t)


def _addmv(net: Network, h: Tensor, v: Tensor) -> Tensor:
    return torch.addmv(v, net.w, h)


def loop(work: Workload, threads: list[int]) -> list[Candidate]:
    """One matrix product per step, in every form that fits the batch."""
    forms: dict[str, Advance] = {"F.linear": _linear, "addmm": _addmm}
    if len(work.x) == 1:
        forms["addmv"] = _addmv  # uses a vector instead of a batch of one
    net, x, keep = Network(work.dense), torch.from_numpy(work.x), work.model.card.output == "all"

    @torch.inference_mode()
    def run(advance: Advance) -> Tensor:
        v = net.inputs(x)
        rows = (v[:, 0] if advance is _addmv else v).unbind(0)
        h = torch.zeros_like(rows[0])
        if not keep:
            for row in rows:
                h = advance(net, h, row)
            return net.readout(h)
        states = []
        for row in rows:
            h = advance(net, h, row)
            states.append(h)
        return net.readout(torch.stack(states))

    return _candidates(work, {name: partial(run, form) for name, form in forms.items()}, threads)


def compiled_loop(work: Workload, threads: list[int]) -> list[Candidate]:
    """torch.compile of a chunk of steps, for models with one output."""
    net, x = Network(work.dense), torch.from_numpy(work.x)

    @torch.compile(fullgraph=True, dynamic=False)
    def chunk(h: Tensor, rows: Tensor) -> Tensor:
        for row in rows.unbind(0):
            h = _linear(net, h, row)
        return h

    @torch.no_grad()
    def run() -> Tensor:
        v = net.inputs(x)
        h = torch.zeros_like(v[0])
        for rows in torch.split(v, CHUNK):
            h = chunk(h, rows)
        return net.readout(h)

    return _candidates(work, {"torch.compile": run}, threads)


def lstm(work: Workload, threads: list[int]) -> list[Candidate]:
    """torch.nn.LSTM(1, 128): another network of about the same accuracy, which torch runs in one call."""
    layer = torch.nn.LSTM(1, 128, batch_first=True)
    x = torch.from_numpy(work.x)

    @torch.inference_mode()
    def run() -> Tensor:
        output: Tensor = layer(x)[0]
        return output[:, -1]

    return [_candidate("LSTM", run, count) for count in threads]


def unrolled(work: Workload, threads: list[int]) -> list[Candidate]:
    """All steps as one product with K = [W^(T-1) U, .., U]."""
    net, x = Network(work.dense), torch.from_numpy(work.x)
    batch, steps, d = x.shape
    rows, constant, power = [], torch.zeros_like(net.b), torch.cat([net.u, net.b[:, None]], 1).double()
    for _ in range(steps):
        rows.append(power[:, :d].t())
        constant += power[:, d].float()
        power = net.w.double() @ power
    k = torch.cat(rows[::-1]).float().contiguous()

    @torch.inference_mode()
    def run() -> Tensor:
        return net.readout(torch.addmm(constant, x.view(batch, steps * d), k))

    return _candidates(work, {"addmm": run}, threads)


def step(work: Workload, threads: list[int]) -> list[Candidate]:
    """One step of a stream of tokens, with its logits."""
    net = Network(work.dense)
    rows = net.table.unbind(0)
    state = [torch.zeros_like(net.b)]

    @torch.inference_mode()
    def vector() -> Tensor:
        h = state[0] = torch.addmv(rows[3], net.w, state[0])
        return torch.addmv(net.c, net.v, torch.relu(h))

    @torch.inference_mode()
    def linear() -> Tensor:
        h = state[0] = F.linear(state[0], net.w, rows[3])
        return net.readout(h)

    return [
        _candidate(name, call, count)
        for count in threads
        for name, call in (("addmv", vector), ("F.linear", linear))
    ]


def _candidates(
    work: Workload, calls: dict[str, Callable[[], Tensor]], threads: list[int]
) -> list[Candidate]:
    """Every call at every number of threads, after checking what it computes."""
    for name, call in calls.items():
        work.check(f"torch {name}", call().numpy())
    return [_candidate(name, call, count) for count in threads for name, call in calls.items()]


def _candidate(name: str, call: Callable[[], Tensor], threads: int) -> Candidate:
    return Candidate(name, call, threads, lambda: torch.set_num_threads(threads))
