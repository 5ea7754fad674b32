"""The recurrences of the networks for comparison. Each maps (B, T, d) to its states (B, T, n).

torch's LSTM and GRU return them as the first of two values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor
from torch import nn as layers

__all__ = ["CELLS", "CoRNN", "FastGRNN", "Orthogonal"]


class Orthogonal(layers.Module):
    """HadamRNN's recurrence without its structure: h_t = W h_{t-1} + U x_t + b.

    W is an orthogonal matrix of n^2 float32 numbers. It is its random initial value times the exponential of a
    learned skew-symmetric matrix.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input = layers.Linear(input_size, hidden_size)
        self.recurrent = layers.Linear(hidden_size, hidden_size, bias=False)
        layers.init.orthogonal_(self.recurrent.weight)
        layers.utils.parametrizations.orthogonal(self.recurrent)

    def forward(self, x: Tensor) -> Tensor:
        drive = self.input(x)
        transposed = self.recurrent.weight.t()  # made once: it is a matrix exponential
        states = [drive[:, 0]]
        for step in drive.unbind(1)[1:]:
            states.append(torch.addmm(step, states[-1], transposed))
        return torch.stack(states, 1)


class FastGRNN(layers.Module):
    """The gated recurrence of Kusupati et al. (2018), whose gate and update share W and U.

        z_t = sigmoid(W x_t + U h_{t-1} + b_z)
        c_t = tanh(W x_t + U h_{t-1} + b_h)
        h_t = (zeta (1 - z_t) + nu) c_t + z_t h_{t-1}

    The scalars zeta and nu are learned; each is the sigmoid of a parameter that starts, as published, at 1 and at -4.
    With an `input_rank` r, W is the product of an (n, r) and an (r, d) matrix, and likewise U with a `recurrent_rank`.
    The published models of a few kB have sparse matrices of bytes besides, which this network has not.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        input_rank: int | None = None,
        recurrent_rank: int | None = None,
    ) -> None:
        super().__init__()
        self.input = _matrix(input_size, hidden_size, input_rank)
        self.recurrent = _matrix(hidden_size, hidden_size, recurrent_rank)
        self.gate_bias = layers.Parameter(torch.ones(hidden_size))
        self.bias = layers.Parameter(torch.ones(hidden_size))
        self.zeta = layers.Parameter(torch.tensor(1.0))
        self.nu = layers.Parameter(torch.tensor(-4.0))

    def forward(self, x: Tensor) -> Tensor:
        zeta, nu = self.zeta.sigmoid(), self.nu.sigmoid()
        h = x.new_zeros(len(x), len(self.bias))
        states = []
        for drive in self.input(x).unbind(1):
            both = drive + self.recurrent(h)
            gate, update = (both + self.gate_bias).sigmoid(), (both + self.bias).tanh()
            h = (zeta * (1 - gate) + nu) * update + gate * h
            states.append(h)
        return torch.stack(states, 1)


def _matrix(columns: int, rows: int, rank: int | None) -> layers.Sequential:
    """A (rows, columns) matrix, or the product of two of that rank, with the published normal initial values."""
    sizes = (columns, rows) if rank is None else (columns, rank, rows)
    factors = [layers.Linear(a, b, bias=False) for a, b in pairwise(sizes)]
    for factor in factors:
        layers.init.normal_(factor.weight, std=0.1)
    return layers.Sequential(*factors)


class CoRNN(layers.Module):
    """The coupled oscillators of Rusch and Mishra (2021, equation 3), with explicit damping. The states are y_t.

        z_t = z_{t-1} + dt (tanh(W y_{t-1} + Z z_{t-1} + V x_t + b) - gamma y_{t-1} - epsilon z_{t-1})
        y_t = y_{t-1} + dt z_t

    The time step `dt`, the stiffness `gamma` and the damping `epsilon` are fixed numbers. Those of HAR-2 in the published
    code are the defaults.
    """

    DT, GAMMA, EPSILON = 0.1, 0.2, 6.4

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        dt: float | None = None,
        gamma: float | None = None,
        epsilon: float | None = None,
    ) -> None:
        super().__init__()
        self.dt = self.DT if dt is None else dt
        self.gamma = self.GAMMA if gamma is None else gamma
        self.epsilon = self.EPSILON if epsilon is None else epsilon
        self.input = layers.Linear(input_size, hidden_size)
        self.position = layers.Linear(hidden_size, hidden_size, bias=False)
        self.velocity = layers.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = z = x.new_zeros(len(x), self.input.out_features)
        states = []
        for drive in self.input(x).unbind(1):
            force = (drive + self.position(y) + self.velocity(z)).tanh()
            z = z + self.dt * (force - self.gamma * y - self.epsilon * z)
            y = y + self.dt * z
            states.append(y)
        return torch.stack(states, 1)


#: What makes the recurrence of each network from d, n and the fields of the recipe that are of this network alone.
CELLS: dict[str, Callable[..., layers.Module]] = {
    "lstm": partial(layers.LSTM, batch_first=True),
    "gru": partial(layers.GRU, batch_first=True),
    "orthogonal": Orthogonal,
    "fastgrnn": FastGRNN,
    "cornn": CoRNN,
}
