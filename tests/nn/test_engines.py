"""Every engine computes the same states and the same gradients."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from hadamrnn_ext import nn
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.nn import engines

RECURRENCES = ["linear", "relu", "modrelu", "sign"]
# Orders 12, 20 and 28 are not symmetric: a backward pass that used H for its transpose would be seen.
SIZES = [(16, 16), (16, 4), (24, 12), (20, 20), (56, 28), (6, 1), (24, 24)]
LENGTHS = torch.tensor([1, 4, 7, 6, 2])


def run_forward(
    rnn: nn.HadamRNN, engine: str, x: Tensor, h_0: Tensor | None, lengths: Tensor | None
) -> list[Tensor]:
    rnn.engine = engine
    inputs = [t for t in (x, h_0) if t is not None]
    h, h_n = rnn(x, h_0, lengths)
    loss = (h * torch.linspace(-1, 1, h.numel(), dtype=h.dtype).view_as(h)).sum() + (h_n**3).sum()
    return [h, h_n, *torch.autograd.grad(loss, [*rnn.parameters(), *inputs])]


def run_last(rnn: nn.HadamRNN, engine: str, x: Tensor, lengths: Tensor | None) -> list[Tensor]:
    rnn.engine = engine
    h = rnn.last_state(x, lengths)
    return [h, *torch.autograd.grad((h**3).sum(), [*rnn.parameters(), x])]


def run_mean(rnn: nn.HadamRNN, engine: str, x: Tensor, h_0: Tensor, lengths: Tensor | None) -> list[Tensor]:
    rnn.engine = engine
    mean, h_n = nn.stack.read(rnn, x, h_0, lengths, "mean")
    loss = (mean**2).sum() + (h_n**3).sum()
    return [mean, h_n, *torch.autograd.grad(loss, [*rnn.parameters(), x, h_0])]


def run_states(
    engine: str,
    geometry: engines.Geometry,
    signs: Tensor,
    v: Tensor,
    h_0: Tensor | None,
    modrelu: Tensor | None,
) -> Tensor:
    """The states that v (B, T, n) itself drives."""
    inputs = engines.Inputs(v, torch.eye(v.shape[2], dtype=v.dtype), None)
    return engines.read(engine, engines.Recurrence(geometry, signs, inputs, h_0, modrelu), "all", None)[0]


@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_engines_agree_on_all_states(
    recurrence: str, n: int, m: int, num_layers: int, with_lengths: bool
) -> None:
    rnn = nn.HadamRNN(3, n, block_size=m, num_layers=num_layers, recurrence=recurrence, dtype=torch.float64)
    x = torch.randn(5, 7, 3, dtype=torch.float64, requires_grad=True)
    h_0 = torch.randn(num_layers, 5, n, dtype=torch.float64, requires_grad=True) if with_lengths else None
    lengths = LENGTHS if with_lengths else None
    expected = run_forward(rnn, "loop", x, h_0, lengths)
    for engine in ["native", "auto", *(["scan"] if recurrence == "linear" else [])]:
        met = run_forward(rnn, engine, x, h_0, lengths)
        for a, b in zip(met, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_engines_agree_on_the_last_state(
    recurrence: str, n: int, m: int, num_layers: int, with_lengths: bool
) -> None:
    rnn = nn.HadamRNN(3, n, block_size=m, num_layers=num_layers, recurrence=recurrence, dtype=torch.float64)
    x = torch.randn(5, 7, 3, dtype=torch.float64, requires_grad=True)
    lengths = LENGTHS if with_lengths else None
    expected = run_last(rnn, "loop", x, lengths)
    others = ["native", "auto"]
    if recurrence == "linear":
        others += ["scan"] if num_layers == 2 else ["scan", "krylov"]
    for engine in others:
        for a, b in zip(run_last(rnn, engine, x, lengths), expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize(("n", "m"), [(16, 4), (20, 20)])
@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_engines_agree_on_the_mean(
    recurrence: str, n: int, m: int, num_layers: int, lengths: Tensor | None
) -> None:
    rnn = nn.HadamRNN(3, n, block_size=m, num_layers=num_layers, recurrence=recurrence, dtype=torch.float64)
    x = torch.randn(5, 7, 3, dtype=torch.float64, requires_grad=True)
    h_0 = torch.randn(num_layers, 5, n, dtype=torch.float64, requires_grad=True)
    expected = run_mean(rnn, "loop", x, h_0, lengths)
    for engine in ["native", "auto", *(["scan"] if recurrence == "linear" else [])]:
        for a, b in zip(run_mean(rnn, engine, x, h_0, lengths), expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("steps", range(1, 18))
def test_scan_at_every_length(steps: int) -> None:
    """Odd and even lengths take different branches at each level of the doubling."""
    rnn = nn.HadamRNN(2, 8, block_size=4, dtype=torch.float64)
    x = torch.randn(2, steps, 2, dtype=torch.float64, requires_grad=True)
    for a, b in zip(
        run_forward(rnn, "scan", x, None, None), run_forward(rnn, "loop", x, None, None), strict=True
    ):
        torch.testing.assert_close(a, b)
    for a, b in zip(run_last(rnn, "scan", x, None), run_last(rnn, "loop", x, None), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("engine", "recurrence"),
    [("scan", "linear"), *itertools.product(["loop", "native"], ["linear", "relu", "modrelu"])],
)
@pytest.mark.parametrize(("n", "m"), [(8, 4), (12, 12)])
def test_states_against_finite_differences(engine: str, recurrence: str, n: int, m: int) -> None:
    """The sign recurrence has no derivative: there the engines are compared with each other alone."""
    geometry = engines.Geometry(n, m, recurrence)
    signs = nn.sign(torch.randn(n, dtype=torch.float64))
    v, h_0, a = (
        torch.randn(*shape, n, dtype=torch.float64, requires_grad=True) for shape in [(2, 4), (2,), ()]
    )

    def states(v: Tensor, h_0: Tensor, a: Tensor) -> Tensor:
        return run_states(engine, geometry, signs, v, h_0, a if recurrence == "modrelu" else None)

    assert torch.autograd.gradcheck(states, (v, h_0, a))


@pytest.mark.parametrize(("n", "m"), [(8, 4), (12, 12)])
def test_signs_against_finite_differences(n: int, m: int) -> None:
    """dL/du, u taken as real numbers; the loop is the oracle of the engines that need u in {-1, +1}."""
    geometry = engines.Geometry(n, m, "linear")
    u = nn.sign(torch.randn(n, dtype=torch.float64)).requires_grad_()
    v = torch.randn(2, 4, n, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda u: run_states("loop", geometry, u, v, None, None), (u,))


@pytest.mark.parametrize("bias", [True, False])
def test_krylov_against_finite_differences(bias: bool) -> None:
    geometry = engines.Geometry(12, 12, "linear")
    signs = nn.sign(torch.randn(12, dtype=torch.float64))
    weight, b, x = (
        torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in [(12, 2), (12,), (3, 5, 2)]
    )

    def last(weight: Tensor, b: Tensor, x: Tensor) -> Tensor:
        lengths = torch.tensor([5, 1, 3])
        inputs = engines.Inputs(x, weight, b if bias else None)
        return engines.krylov.last(geometry, signs, inputs, lengths)

    assert torch.autograd.gradcheck(last, (weight, b, x))


@pytest.mark.parametrize("engine", ["loop", "native", "krylov", "scan"])
def test_float32_stays_close_to_float64_over_many_steps(engine: str) -> None:
    rnn = nn.HadamRNN(1, 64, block_size=16, engine=engine)
    x = torch.randn(4, 784, 1)
    h = rnn.last_state(x)
    exact = rnn.double().last_state(x.double())
    assert h.dtype == torch.float32
    assert ((h - exact).norm() / exact.norm()).item() < 1e-5


@pytest.mark.parametrize("engine", ["loop", "native", "scan"])
def test_state_norm_is_kept_without_input(engine: str) -> None:
    """W is orthogonal, also where latent signs are exactly zero."""
    rnn = nn.HadamRNN(1, 24, block_size=12, bias=False, engine=engine)
    with torch.no_grad():
        rnn.signs[::3] = 0.0
        h_0 = torch.randn(1, 3, 24)
        h, _ = rnn(torch.zeros(3, 50, 1), h_0)
    torch.testing.assert_close(h.norm(dim=-1), h_0[0].norm(dim=-1)[:, None].expand(3, 50))


@pytest.mark.parametrize("engine", ["loop", "native", "krylov", "scan"])
def test_a_zero_latent_is_plus_one(engine: str) -> None:
    rnn = nn.HadamRNN(2, 16, engine=engine)
    x = torch.randn(3, 6, 2)
    with torch.no_grad():
        rnn.signs[:5] = 0.0
        zero = rnn.last_state(x)
        rnn.signs[:5] = 1.0
        assert torch.equal(zero, rnn.last_state(x))
        rnn.signs[:5] = -1.0
        assert not torch.allclose(zero, rnn.last_state(x))


def test_non_contiguous_inputs_and_expanded_gradients() -> None:
    rnn = nn.HadamRNN(3, 8, dtype=torch.float64, weight_bits=None)
    x = torch.randn(3, 6, 4, dtype=torch.float64).permute(2, 1, 0).requires_grad_()
    h_0 = torch.randn(8, 4, 1, dtype=torch.float64).permute(2, 1, 0)
    grads = []
    for engine in ("loop", "native", "scan"):
        rnn.engine = engine
        grads.append(
            torch.autograd.grad(rnn(x, h_0)[0].sum(), [x, *rnn.parameters()])
        )  # sum: an expanded gradient
    for other in grads[1:]:
        for a, b in zip(other, grads[0], strict=True):
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize("engine", ["native", "krylov"])
def test_bits_do_not_depend_on_luck(engine: str) -> None:
    """The same bits again and again for one number of threads; the native states have them for every number."""
    rnn = nn.HadamRNN(3, 64, block_size=16, engine=engine)
    x = torch.randn(7, 40, 3, requires_grad=True)
    states = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        once, again = run_last(rnn, engine, x, None), run_last(rnn, engine, x, None)
        assert all(map(torch.equal, once, again))
        states.append(once[0])
    if engine == "native":
        assert all(torch.equal(h, states[0]) for h in states)


@pytest.mark.parametrize("engine", ["loop", "native", "krylov", "scan"])
def test_an_empty_batch(engine: str) -> None:
    rnn = nn.HadamRNN(3, 8, engine=engine)
    h = rnn.last_state(torch.zeros(0, 4, 3))
    assert h.shape == (0, 8)
    h.sum().backward()
    assert not rnn.signs.grad.any()


def test_auto_takes_krylov_where_it_pays() -> None:
    few, many = nn.HadamRNN(1, 16), nn.HadamRNN(64, 16)
    assert few.engine_for(100, last=True) == "krylov"
    assert few.engine_for(100, last=False) == "native"
    assert few.engine_for(1, last=True) == "native"
    assert many.engine_for(20, last=True) == "native"
    assert many.engine_for(100, last=True) == "krylov"
    assert (
        nn.HadamRNN(512, 16).engine_for(10_000, last=True) == "native"
    )  # powers of 512 columns fill the memory
    assert nn.HadamRNN(1, 16, recurrence="relu").engine_for(100, last=True) == "native"
    assert nn.HadamRNN(1, 16, num_layers=2).engine_for(100, last=True) == "native"
    assert nn.HadamRNN(1, 16, dtype=torch.bfloat16).engine_for(100, last=True) == "scan"
    assert nn.HadamRNN(1, 16, recurrence="relu", device="meta").engine_for(100, last=True) == "loop"
    assert nn.HadamRNN(1, 16, engine="loop").engine_for(100, last=True) == "loop"


def test_engines_refuse_what_they_cannot_run() -> None:
    with pytest.raises(InputError, match=r"'fast'.*auto, loop, native, krylov, scan"):
        nn.HadamRNN(1, 16, engine="fast")
    for engine in ("scan", "krylov"):
        with pytest.raises(InputError, match="linear"):
            nn.HadamRNN(1, 16, recurrence="relu", engine=engine)
    with pytest.raises(InputError, match="single layer"):
        nn.HadamRNN(1, 16, num_layers=2, engine="krylov")
    with pytest.raises(InputError, match="last_state"):
        nn.HadamRNN(1, 16, engine="krylov")(torch.zeros(2, 3, 1))
