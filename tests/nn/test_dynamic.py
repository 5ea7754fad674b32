"""Graphs of torch.export and torch.compile that take any batch and any number of steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch._dynamo.testing import CompileCounter
from torch.export import Dim, export

from hadamrnn_ext import nn

B, T = Dim("B", min=1, max=4096), Dim("T", min=1, max=8192)
SHAPES = [(1, 1), (33, 17), (2, 100)]
OPTIONS = {
    "last": {},
    "mean": {"output": "mean"},
    "all": {"output": "all"},
    "two_layers": {"num_layers": 2, "recurrence": "modrelu"},
    "one_hot": {"tokens": True, "input_size": 9},
    "embedding": {"tokens": True, "input_size": 9, "embedding_size": 3},
    "both_directions": {"bidirectional": True},
    "double": {"dtype": torch.float64},
    "krylov": {"engine": "krylov"},
}


def make(name: str) -> nn.SequenceModel:
    return nn.SequenceModel(**{"input_size": 2, "hidden_size": 8, "output_size": 3, **OPTIONS[name]})


def batch(model: nn.SequenceModel, size: int, steps: int) -> Tensor:
    if model.tokens:
        return torch.randint(0, model.input_size, (size, steps))
    return torch.randn(size, steps, 2, dtype=model.output_bias.dtype)


@pytest.mark.parametrize(
    ("name", "with_lengths", "strict"),
    [*((name, name != "all", False) for name in OPTIONS), ("last", False, True), ("all", True, True)],
)
def test_an_exported_model(name: str, with_lengths: bool, strict: bool) -> None:
    model = make(name)
    dims = {"x": {0: B, 1: T}, **({"lengths": {0: B}} if with_lengths else {})}

    def inputs(size: int, steps: int) -> tuple[Tensor, ...]:
        lengths = (torch.randint(1, steps + 1, (size,)),) if with_lengths else ()
        return batch(model, size, steps), *lengths

    exported = export(model, inputs(4, 6), dynamic_shapes=dims, strict=strict).module()
    for shape in SHAPES:
        given = inputs(*shape)
        torch.testing.assert_close(exported(*given), model(*given))


def test_an_exported_layer_with_a_state() -> None:
    rnn = nn.HadamRNN(2, 8, num_layers=2)
    given = torch.randn(4, 6, 2), torch.randn(2, 4, 8), torch.tensor([6, 1, 2, 3])
    dims = {"x": {0: B, 1: T}, "h_0": {1: B}, "lengths": {0: B}}
    exported = export(rnn, given, dynamic_shapes=dims).module()
    for size, steps in SHAPES:
        given = torch.randn(size, steps, 2), torch.randn(2, size, 8), torch.randint(1, steps + 1, (size,))
        torch.testing.assert_close(exported(*given), rnn(*given))


@pytest.mark.parametrize("engine", ["loop", "scan"])
def test_plain_torch_is_exported_for_any_batch(engine: str) -> None:
    """Its graph is one of so many steps."""
    model = nn.SequenceModel(2, 8, 3, engine=engine)
    exported = export(model, (torch.randn(4, 6, 2),), dynamic_shapes={"x": {0: B}}).module()
    for size in (1, 9):
        x = torch.randn(size, 6, 2)
        torch.testing.assert_close(exported(x), model(x))


@pytest.mark.parametrize("name", ["last", "mean", "all", "krylov"])
def test_an_exported_training_step(name: str) -> None:
    class Step(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = make(name)

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return self.model.loss(x, y)

    step = Step()
    steps = {1: T} if name == "all" else {}

    def inputs(size: int, steps: int) -> tuple[Tensor, Tensor]:
        return torch.randn(size, steps, 2), torch.randint(0, 3, (size, steps) if name == "all" else (size,))

    dims = {"x": {0: B, 1: T}, "y": {0: B, **steps}}
    exported = export(step, inputs(4, 6), dynamic_shapes=dims).module()
    gradients = dict(exported.named_parameters())
    for shape in SHAPES:
        given = inputs(*shape)
        for module in (step, exported):
            module.zero_grad()
            module(*given).backward()
        for parameter, p in step.named_parameters():
            torch.testing.assert_close(gradients[parameter].grad, p.grad)


@pytest.mark.parametrize("name", ["last", "mean", "all", "embedding", "two_layers", "both_directions"])
def test_a_dynamic_model_is_compiled_once(name: str) -> None:
    torch.compiler.reset()
    model, counter = make(name), CompileCounter()
    compiled = torch.compile(model, fullgraph=True, backend=counter, dynamic=True)
    for shape in [(4, 6), (5, 7), (33, 9), (2, 40), (100, 12)]:  # some of which krylov would be chosen for
        x = batch(model, *shape)
        torch.testing.assert_close(compiled(x), model(x))
    assert counter.frame_count == 1


def test_a_dynamic_loss() -> None:
    torch.compiler.reset()
    model = make("all")
    compiled = torch.compile(model.loss, fullgraph=True, backend="aot_eager", dynamic=True)
    for size, steps in [(4, 6), (5, 7), (33, 9)]:
        x, y = torch.randn(size, steps, 2), torch.randint(0, 3, (size, steps))
        gradients = []
        for loss in (model.loss, compiled):
            model.zero_grad()
            loss(x, y).backward()
            gradients.append([p.grad for p in model.parameters()])
        torch.testing.assert_close(*gradients)
