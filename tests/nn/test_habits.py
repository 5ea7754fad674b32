"""What users of torch.nn.RNN do: hooks, pruning, profilers, one sequence, packed ones, state dicts, NumPy's scalars."""

from __future__ import annotations

import copy
import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.utils import parametrize, prune
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from torch.utils.module_tracker import ModuleTracker

from hadamrnn_ext import nn
from hadamrnn_ext.errors import InputError, ShapeError

LENGTHS = torch.tensor([2, 5, 1, 5])
OUTPUTS = ["last", "mean", "all"]


def targets(model: nn.SequenceModel, size: int = 4, steps: int = 5) -> Tensor:
    return torch.randint(0, model.output_size, (size, steps) if model.output == "all" else (size,))


# Arguments


def test_the_third_argument_is_no_block_size() -> None:
    """It is the number of layers of torch.nn.RNN."""
    with pytest.raises(TypeError, match="positional"):
        nn.HadamRNN(3, 16, 2)
    assert nn.HadamRNN(3, 16, num_layers=2, bias=True, batch_first=True, dropout=0.1).num_layers == 2
    with pytest.raises(InputError, match=r"batch_first is False; expected True"):
        nn.HadamRNN(3, 16, batch_first=False)


@pytest.mark.parametrize("value", [-0.1, 1.5, True, "half", float("nan")])
def test_a_dropout_that_is_no_probability(value: Any) -> None:
    with pytest.raises(InputError, match=r"dropout is .*; expected a probability"):
        nn.HadamRNN(3, 16, num_layers=2, dropout=value)


def test_dropout_is_between_layers_in_training() -> None:
    rnn = nn.HadamRNN(3, 16, num_layers=2, dropout=1.0)
    same = nn.HadamRNN(3, 16, num_layers=2)
    same.load_state_dict(rnn.state_dict())
    x = torch.randn(4, 5, 3)
    h, h_n = rnn(x)
    assert torch.equal(rnn.eval()(x)[0], same(x)[0])
    assert torch.equal(h_n[0], same(x)[1][0])  # of the layer below, nothing is dropped
    biases = nn.HadamRNN(3, 16, num_layers=2)
    biases.load_state_dict(rnn.state_dict())
    with torch.no_grad():
        biases.bias.zero_()
        biases.weight_ih.zero_()
    assert torch.equal(h, biases(x)[0])  # the layer above has met zeros
    half = nn.HadamRNN(3, 16, num_layers=2, dropout=0.5)
    half.load_state_dict(rnn.state_dict())
    mean = torch.stack([half(x)[0] for _ in range(2000)]).mean(0)
    assert ((mean - same(x)[0]).norm() / same(x)[0].norm()).item() < 0.1
    assert "dropout=0.5" in repr(half)
    with pytest.warns(UserWarning, match="no effect in a single layer"):
        nn.HadamRNN(3, 16, dropout=0.5)
    assert nn.SequenceModel(3, 16, 2, num_layers=2, dropout=0.5).rnn.dropout == 0.5


def test_scalars_of_numpy_are_settings() -> None:
    model = nn.SequenceModel(
        np.int64(3),
        np.int32(16),
        np.uint8(2),
        np.int16(4),
        output=np.str_("all"),
        num_layers=np.int64(2),
        recurrence=np.str_("relu"),
        weight_bits=np.int8(3),
        output_weight_bits=np.int64(5),
        bias_bits=np.int64(8),
        dropout=np.float32(0.25),
        bidirectional=np.bool_(False),
        engine=np.str_("auto"),
        freeze_signs=np.bool_(True),
    )
    rnn = model.rnn
    settings = [model.input_size, model.output_size, rnn.hidden_size, rnn.block_size, rnn.num_layers]
    settings += [rnn.weight_bits, model.output_weight_bits, rnn.bias_bits, rnn.dropout, rnn.bidirectional]
    assert settings == [3, 2, 16, 4, 2, 3, 5, 8, 0.25, False]
    assert {type(value) for value in settings} == {int, float, bool}
    x = torch.randn(4, 5, 3)
    model.loss(x, targets(model)).backward()
    with torch.no_grad():
        expected = torch.from_numpy(model.eval().to_native().infer(x.numpy()))
        assert torch.equal(model(x), expected)
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    model.load_state_dict(torch.load(buffer, weights_only=True))
    words = nn.SequenceModel(
        np.int64(9), 8, 2, tokens=np.bool_(True), embedding_size=np.int64(4), embedding_bits=np.int64(8)
    )
    assert words.to_native(epochs=np.int64(3)).card.training.epochs == 3


@pytest.mark.parametrize("value", [16.0, np.float32(16), True, "16", None])
def test_sizes_are_whole_numbers(value: Any) -> None:
    with pytest.raises(InputError, match=r"hidden_size is .*; expected a whole number"):
        nn.HadamRNN(3, value)


# One sequence


@pytest.mark.parametrize("num_layers", [1, 2])
def test_one_sequence_as_torch_has_it(num_layers: int) -> None:
    ours = nn.HadamRNN(3, 8, num_layers=num_layers)
    theirs = torch.nn.RNN(3, 8, num_layers=num_layers, batch_first=True)
    x, h_0 = torch.randn(5, 3), torch.randn(num_layers, 8)
    for start in (None, h_0):
        (h, h_n), (his, his_n) = ours(x, start), theirs(x, start)
        assert (h.shape, h_n.shape) == (his.shape, his_n.shape)
        batched, batched_n = ours(x[None], None if start is None else start[:, None])
        assert torch.equal(h, batched[0])
        assert torch.equal(h_n, batched_n[:, 0])
    assert torch.equal(ours.last_state(x), ours.last_state(x[None])[0])
    assert torch.equal(ours(x, lengths=torch.tensor(2))[1], ours(x[:2])[1])
    tokens = torch.randint(0, 3, (5,))
    assert torch.equal(ours(tokens)[0], ours(tokens[None])[0][0])
    with pytest.raises(ShapeError, match=r"h_0 has shape \(1, 1, 8\); expected 2 dimensions"):
        ours(x, torch.zeros(1, 1, 8))
    with pytest.raises(ShapeError, match=r"h_0 has shape \(4, 5, 8\)"):
        ours(torch.zeros(5, 5, 3), torch.zeros(4, 5, 8))


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("options", [{}, {"tokens": True}, {"tokens": True, "embedding_size": 4}])
def test_one_sequence_into_a_model(options: dict, output: str) -> None:
    model = nn.SequenceModel(3, 8, 2, output=output, **options)
    x = torch.randint(0, 3, (5,)) if model.tokens else torch.randn(5, 3)
    y = torch.randint(0, 2, (5,) if output == "all" else ())
    assert torch.equal(model(x), model(x[None])[0])
    torch.testing.assert_close(model.loss(x, y), model.loss(x[None], y[None]))
    _, state = model.loss(x, y, return_state=True)
    assert state.shape == (1, 8)
    model.loss(x, y, h_0=state).backward()
    with torch.no_grad():
        assert torch.equal(model.eval()(x), torch.from_numpy(model.to_native().infer(x.numpy())))
    per_sequence = torch.func.vmap(model)(torch.stack([x, x]))
    torch.testing.assert_close(per_sequence, model(torch.stack([x, x])), rtol=1e-4, atol=1e-5)


# Packed sequences


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("enforce_sorted", [False, True])
def test_packed_sequences_into_a_model(output: str, enforce_sorted: bool) -> None:
    model = nn.SequenceModel(3, 8, 2, output=output)
    x, y = torch.randn(4, 5, 3), targets(model)
    lengths = LENGTHS.sort(descending=True).values if enforce_sorted else LENGTHS
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=enforce_sorted)
    expected, met = model(x, lengths), model(packed)
    if output == "all":
        assert isinstance(met, PackedSequence)
        assert torch.equal(met.batch_sizes, packed.batch_sizes)
        met, ends = pad_packed_sequence(met, batch_first=True)
        assert torch.equal(ends, lengths)
    torch.testing.assert_close(met, expected)
    torch.testing.assert_close(model.loss(packed, y), model.loss(x, y, lengths))
    if output == "all":
        packed_y = pack_padded_sequence(y, lengths, batch_first=True, enforce_sorted=enforce_sorted)
        torch.testing.assert_close(model.loss(packed, packed_y), model.loss(x, y, lengths))
        with pytest.raises(InputError, match="targets are packed and x is not"):
            model.loss(x, packed_y)
        with pytest.raises(
            InputError, match=r"x has lengths \[5, 1\] and targets have \[3, 1\]; expected the same"
        ):
            model.loss(
                pack_padded_sequence(x[:2], [5, 1], batch_first=True),
                pack_padded_sequence(y[:2, :3], [3, 1], batch_first=True),
            )
    with torch.no_grad():
        found = model.eval()(packed)
        values = pad_packed_sequence(found, batch_first=True)[0] if output == "all" else found
        assert torch.equal(values, torch.from_numpy(model.to_native().infer(x.numpy(), lengths.numpy())))
    with pytest.raises(InputError, match="lengths of its own"):
        model(packed, lengths)
    with pytest.raises(InputError, match="lengths of its own"):
        model.loss(packed, y, lengths)


# Hooks


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("train", [True, False])
def test_hooks_of_the_layer_see_all_states(output: str, train: bool) -> None:
    model = nn.SequenceModel(3, 8, 2, output=output).train(train)
    x, y = torch.randn(4, 5, 3), targets(model)
    with torch.set_grad_enabled(train):
        expected = model(x, LENGTHS)
        loss = model.loss(x, y, LENGTHS)
        h, h_n = model.rnn(x, lengths=LENGTHS)
        seen: list[tuple[Any, Any]] = []
        before: list[Any] = []
        handles = [
            model.rnn.register_forward_hook(lambda module, given, found: seen.append((given, found))),
            model.rnn.register_forward_pre_hook(lambda module, given: before.append(given)),
        ]
        torch.testing.assert_close(model(x, LENGTHS), expected, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(model.loss(x, y, LENGTHS), loss, rtol=1e-4, atol=1e-6)
    assert len(seen) == len(before) == 2
    for given, (states, last) in seen:
        assert torch.equal(given[0], x)
        torch.testing.assert_close(last, h_n)
        for i, length in enumerate(LENGTHS):
            torch.testing.assert_close(states[i, :length], h[i, :length])
    for handle in handles:
        handle.remove()
    with torch.set_grad_enabled(train):
        assert torch.equal(model(x, LENGTHS), expected)
    assert len(seen) == 2


@pytest.mark.parametrize("output", OUTPUTS)
def test_what_a_hook_returns_is_read(output: str) -> None:
    model = nn.SequenceModel(3, 8, 2, output=output, bidirectional=output != "all")
    model.rnn.register_forward_hook(lambda module, given, found: (torch.zeros_like(found[0]), found[1]))
    y = model(torch.randn(4, 5, 3))
    assert torch.equal(y, model.output_bias.expand_as(y))


def test_backward_hooks_and_the_embedding() -> None:
    model = nn.SequenceModel(3, 8, 2, output="all")
    grads: list[tuple[Any, Any]] = []
    model.rnn.register_full_backward_hook(
        lambda module, of_input, of_output: grads.append((of_input, of_output))
    )
    x = torch.randn(4, 5, 3, requires_grad=True)
    model.loss(x, targets(model)).backward()
    (of_input, (of_states, _)) = grads[0]
    assert torch.equal(of_input[0], x.grad)
    assert of_states.shape == (4, 5, 8)

    model, calls = nn.SequenceModel(9, 8, 2, tokens=True, embedding_size=3), []
    model.embedding.register_forward_hook(lambda *a: calls.append("embedding"))
    x = torch.randint(0, 9, (4, 5))
    model(x)
    with torch.no_grad():
        model.eval()(x)
    assert calls == ["embedding"] * 2
    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    rnn, calls = nn.HadamRNN(9, 8), []
    rnn.register_forward_hook(lambda *a: calls.append("rnn"))
    rnn(packed)
    rnn(x[0])
    rnn.last_state(x)
    assert calls == ["rnn"] * 3


def test_a_hook_on_all_modules_is_called() -> None:
    model = nn.SequenceModel(3, 8, 2).eval()
    names: list[str] = []
    handle = torch.nn.modules.module.register_module_forward_hook(
        lambda m, *a: names.append(type(m).__name__)
    )
    try:
        with torch.no_grad():
            model(torch.randn(4, 5, 3))
    finally:
        handle.remove()
    assert names == ["HadamRNN", "SequenceModel"]


def test_a_profiler_knows_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    model, original = nn.SequenceModel(3, 8, 2), nn.stack.read
    inside: list[set[str]] = []
    with ModuleTracker() as tracker:
        monkeypatch.setattr(
            nn.stack, "read", lambda *a, **k: inside.append(set(tracker.parents)) or original(*a, **k)
        )
        model(torch.randn(4, 5, 3))
    assert inside == [{"Global", "SequenceModel", "SequenceModel.rnn"}]


@pytest.mark.parametrize("output", OUTPUTS)
def test_pruning(output: str) -> None:
    model = nn.SequenceModel(3, 16, 2, output=output, weight_bits=None)
    prune.random_unstructured(model.rnn, "weight_ih", amount=0.5)
    prune.l1_unstructured(model, "output_weight", amount=0.5)
    mask = model.rnn.weight_ih_mask.bool()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    x, y = torch.randn(4, 5, 3), targets(model)
    for _ in range(3):
        optimizer.zero_grad()
        model.loss(x, y).backward()
        optimizer.step()
    assert not model.rnn.weight_ih_orig.grad[~mask].any()
    expected = model.rnn.weight_ih_orig * mask
    trained = model(x)
    assert torch.equal(model.rnn.weight_ih, expected)
    optimizer.step()  # nothing has been called since
    native = model.to_native()
    np.testing.assert_array_equal(
        native.parameters()["input.weight"], (model.rnn.weight_ih_orig * mask).detach().numpy()
    )
    assert (native.parameters()["output.weight"] == 0).mean() == 0.5
    with torch.no_grad():
        torch.testing.assert_close(
            model.eval()(x), torch.from_numpy(native.infer(x.numpy())), rtol=1e-4, atol=1e-5
        )
    assert not torch.equal(model(x), trained)
    prune.remove(model.rnn, "weight_ih")
    prune.remove(model, "output_weight")
    with torch.no_grad():
        assert torch.equal(model(x), torch.from_numpy(model.to_native().infer(x.numpy())))


def test_parametrizations() -> None:
    class Doubled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("factor", torch.tensor(2.0))

        def forward(self, weight: Tensor) -> Tensor:
            return self.factor * weight

    model = nn.SequenceModel(3, 8, 2, weight_bits=None)
    x = torch.randn(4, 5, 3)
    parametrize.register_parametrization(model.rnn, "weight_ih", Doubled())
    model.loss(x, targets(model)).backward()
    assert model.rnn.parametrizations.weight_ih.original.grad.any()
    model.eval()
    with torch.no_grad():
        for factor in (2.0, 3.0):  # a buffer decides, which is no parameter
            model.rnn.parametrizations.weight_ih[0].factor.fill_(factor)
            assert torch.equal(model(x), torch.from_numpy(model.to_native().infer(x.numpy())))


# State dicts


def reloaded(state: Any) -> Any:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.parametrize("through", [lambda state: state, copy.deepcopy, reloaded])
def test_another_network_is_not_loaded(through: Any) -> None:
    rnn = nn.HadamRNN(3, 16, block_size=4)
    state = through(rnn.state_dict())
    nn.HadamRNN(3, 16, block_size=4).load_state_dict(state)
    other = nn.HadamRNN(3, 16, block_size=8)
    before = copy.deepcopy(other.state_dict())
    with pytest.raises(RuntimeError, match="block_size is 4 in the state_dict and 8 in this network"):
        other.load_state_dict(state)
    assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())
    with pytest.raises(RuntimeError, match="recurrence is 'linear' in the state_dict and 'relu'"):
        nn.HadamRNN(3, 16, block_size=4, recurrence="relu").load_state_dict(state, strict=False)
    model = nn.SequenceModel(3, 16, 2, recurrence="relu", bidirectional=True)
    state = through(torch.nn.Sequential(model).state_dict())
    assert set(state) == {f"0.{name}" for name, _ in model.named_parameters()}
    torch.nn.Sequential(copy.deepcopy(model)).load_state_dict(state)
    signs = torch.nn.Sequential(nn.SequenceModel(3, 16, 2, recurrence="sign", bidirectional=True))
    with pytest.raises(RuntimeError, match="recurrence is 'relu' in the state_dict and 'sign'"):
        signs.load_state_dict(state)


def test_a_state_dict_that_does_not_say_is_loaded() -> None:
    """Those of earlier versions, and plain dicts."""
    rnn = nn.HadamRNN(3, 16, block_size=4)
    state = rnn.state_dict()
    for name in state._metadata:
        state._metadata[name] = {"version": 1}
    nn.HadamRNN(3, 16, block_size=8).load_state_dict(state)
    nn.HadamRNN(3, 16, block_size=8).load_state_dict(dict(rnn.state_dict()))
    assert all(isinstance(value, Tensor) for value in rnn.state_dict().values())


@pytest.mark.parametrize(
    "h_0", [torch.zeros(1, 4, 8, dtype=torch.complex64), torch.zeros(1, 4, 8, dtype=torch.bool)]
)
def test_an_initial_state_of_another_kind_of_number(h_0: Tensor) -> None:
    with pytest.raises(InputError, match=r"h_0 has dtype .*; expected real numbers"):
        nn.HadamRNN(3, 8)(torch.zeros(4, 5, 3), h_0)


def test_views_with_a_lazy_minus() -> None:
    """The imaginary part of a conjugate is a view whose sign nobody has written yet."""
    z = torch.complex(torch.randn(4, 5, 3), torch.randn(4, 5, 3))
    x = z.conj().imag
    assert x.is_neg()
    model = nn.SequenceModel(3, 8, 2).eval()
    with torch.no_grad():
        assert torch.equal(model(x), model(x.resolve_neg()))
    torch.testing.assert_close(model(x), model(x.resolve_neg()))
