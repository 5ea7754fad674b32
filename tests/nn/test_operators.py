"""The C++ engines are torch operators: torch.compile and torch.export see through them."""

from __future__ import annotations

import pytest
import torch

from hadamrnn_ext import nn
from hadamrnn_ext.nn.engines import fused, krylov, native


def tensor(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def signs(n: int) -> torch.Tensor:
    return nn.sign(torch.randn(n, dtype=torch.float64)).requires_grad_()


@pytest.mark.parametrize(
    ("recurrence", "h_0", "modrelu"),
    [("linear", False, False), ("relu", True, False), ("modrelu", True, True)],
)
def test_opcheck_of_the_recurrence(recurrence: str, h_0: bool, modrelu: bool) -> None:
    n = 12
    args = (
        signs(n),
        tensor(2, 3, n),
        tensor(2, n) if h_0 else None,
        tensor(n) if modrelu else None,
        n,
        recurrence,
    )
    torch.library.opcheck(native.recurrence, args)
    detached = [a.detach() if isinstance(a, torch.Tensor) else a for a in args]
    u, v, start, offset, *rest = detached
    torch.library.opcheck(native.recurrence_backward, (torch.ones_like(v), u, v, start, offset, *rest))


@pytest.mark.parametrize("driven", [2, 3])
def test_opcheck_of_krylov(driven: int) -> None:
    u, columns, inputs = signs(8), tensor(3, 8), tensor(6, driven * 5)
    torch.library.opcheck(krylov.krylov_last, (u, columns, inputs, 5, 4))
    h, powers = krylov.krylov_last(u.detach(), columns.detach(), inputs.detach(), 5, 4)
    torch.library.opcheck(krylov.krylov_last_backward, (h, u.detach(), inputs.detach(), powers, 4))


def single(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, requires_grad=True)


def arguments(*, gathered: bool) -> tuple[object, ...]:
    """Of the fused passes: an optional argument is there in one of the two cases, and not in the other."""
    u = nn.sign(torch.randn(8)).requires_grad_()
    if gathered:
        ids = torch.tensor([[1, 0, 1], [2, 2, 0]], dtype=torch.int32)
        return u, single(8), ids, single(3, 8), None, None, single(2, 8), "modrelu", 8, 2, "linear"
    lengths = torch.tensor([3, 1])
    return (
        u,
        None,
        torch.randn(2, 3, 2),
        single(8, 2),
        single(8),
        lengths,
        None,
        "linear",
        4,
        3,
        "clip",
    )


@pytest.mark.parametrize("gathered", [False, True])
def test_opcheck_of_the_last_state(gathered: bool) -> None:
    args = arguments(gathered=gathered)
    torch.library.opcheck(fused.last_state, args)
    detached = [a.detach() if isinstance(a, torch.Tensor) else a for a in args]
    torch.library.opcheck(fused.last_state_backward, (torch.randn(2, 8), *detached))


@pytest.mark.parametrize("gathered", [False, True])
def test_opcheck_of_the_mean(gathered: bool) -> None:
    args = arguments(gathered=gathered)
    torch.library.opcheck(fused.mean_state, args)
    detached = [a.detach() if isinstance(a, torch.Tensor) else a for a in args]
    torch.library.opcheck(fused.mean_state_backward, (torch.randn(2, 8), torch.randn(2, 8), *detached))


@pytest.mark.parametrize("gathered", [False, True])
def test_opcheck_of_a_pool(gathered: bool) -> None:
    args = *arguments(gathered=gathered), single(3, 8), True, gathered, 2 if gathered else 0
    torch.library.opcheck(fused.pool_state, args)
    detached = [a.detach() if isinstance(a, torch.Tensor) else a for a in args]
    grads = torch.randn(2, 48 if gathered else 24), torch.randn(2, 8)
    torch.library.opcheck(fused.pool_state_backward, (*grads, *detached))


@pytest.mark.parametrize("gathered", [False, True])
def test_opcheck_of_the_sequence_loss(gathered: bool) -> None:
    targets = torch.randn(2, 3, 4) if gathered else torch.tensor([[0, 3, -1], [2, -1, 1]])
    torch.library.opcheck(
        fused.sequence_loss, (*arguments(gathered=gathered), single(4, 8), single(4), targets, -1)
    )


@pytest.mark.parametrize("kind", [{"input_size": 2}, {"input_size": 9, "tokens": True, "embedding_size": 2}])
def test_compiled_loss(kind: dict) -> None:
    model = nn.SequenceModel(hidden_size=8, output_size=3, output="all", **kind)
    torch.compiler.reset()
    x = torch.randint(0, 9, (4, 5)) if model.tokens else torch.randn(4, 5, 2)
    y, lengths, grads = torch.randint(0, 3, (4, 5)), torch.tensor([5, 1, 3, 2]), []
    for loss in (model.loss, torch.compile(model.loss, fullgraph=True, backend="aot_eager")):
        model.zero_grad()
        value = loss(x, y, lengths)
        value.backward()
        grads.append([value.detach(), *(p.grad for p in model.parameters())])
    for eager, traced in zip(*grads, strict=True):
        torch.testing.assert_close(traced, eager)


@pytest.mark.parametrize(
    ("engine", "options", "lengths"),
    [
        ("native", {"recurrence": "modrelu", "num_layers": 2, "output": "all"}, torch.tensor([3, 1, 3, 2])),
        ("native", {}, None),
        ("native", {"output": "mean"}, torch.tensor([3, 1, 3, 2])),
        ("scan", {"output": "mean"}, None),
        ("krylov", {}, torch.tensor([3, 1, 3, 2])),
        ("scan", {}, None),
    ],
)
def test_compiled_training_step(engine: str, options: dict, lengths: torch.Tensor | None) -> None:
    model = nn.SequenceModel(2, 12, 3, 4, engine=engine, **options)
    torch.compiler.reset()  # each case starts with an empty cache
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    x = torch.randn(4, 3, 2)
    grads = []
    for forward in (model, compiled):
        model.zero_grad()
        y = forward(x, lengths)
        (y**2).sum().backward()
        grads.append([y.detach(), *(p.grad for p in model.parameters())])
    for eager, traced in zip(*grads, strict=True):
        torch.testing.assert_close(traced, eager)


@pytest.mark.parametrize("engine", ["native", "scan"])
def test_exported_program(engine: str) -> None:
    model = nn.SequenceModel(2, 12, 3, engine=engine).eval()
    x = torch.randn(4, 6, 2)
    with torch.no_grad():
        program = torch.export.export(model, (x,))
    torch.testing.assert_close(program.module()(x), model(x))


@pytest.mark.parametrize(
    ("engine", "options"),
    [
        ("native", {}),
        ("krylov", {}),
        ("scan", {}),
        ("native", {"output": "all"}),
        ("native", {"output": "mean"}),
    ],
)
def test_exported_training_step(engine: str, options: dict) -> None:
    class Step(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = nn.SequenceModel(2, 12, 3, engine=engine, **options)

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return self.model.loss(x, y)

    step, x = Step(), torch.randn(4, 6, 2)
    y = torch.randint(0, 3, (4, 6) if options == {"output": "all"} else (4,))
    exported = torch.export.export(step, (x, y)).module()
    for module in (step, exported):
        module(x, y).backward()
    gradients = {name: p.grad for name, p in exported.named_parameters()}
    for name, p in step.named_parameters():
        torch.testing.assert_close(gradients[name], p.grad)


def test_autocast_of_the_fused_loss() -> None:
    model = nn.SequenceModel(9, 64, 4, output="all", tokens=True, embedding_size=3)
    x, y = torch.randint(0, 9, (3, 400)), torch.randint(0, 4, (3, 400))
    expected = model.loss(x, y)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model.loss(x, y)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected, rtol=1e-2, atol=0)
    loss.backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("engine", ["loop", "native", "krylov", "scan"])
def test_autocast_keeps_the_recurrence_in_float32(engine: str) -> None:
    """400 steps in bfloat16 would be off by far more than the rounding of the input projection."""
    model = nn.SequenceModel(2, 64, 4, engine=engine)
    x = torch.randn(3, 400, 2)
    expected = model.rnn.last_state(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        h = model.rnn.last_state(x)
        loss = model(x).float().pow(2).sum()
    assert h.dtype == torch.float32
    assert ((h - expected).norm() / expected.norm()).item() < 1e-2
    loss.backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in model.parameters())
