"""Training with the state of an integer model: the values of the golden integer model, gradients straight through."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hadamrnn_ext import isa, nn
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.golden import integers as golden_integer

KINDS = {
    "linear": {"hidden_size": 64, "block_size": 16},
    "full": {"hidden_size": 32},
    "paley": {"hidden_size": 48, "block_size": 12},
    "relu": {"hidden_size": 32, "recurrence": "relu"},
    "modrelu": {"hidden_size": 40, "block_size": 20, "recurrence": "modrelu"},
    "layers": {"hidden_size": 16, "num_layers": 2},
    "one-hot": {"hidden_size": 32, "tokens": True, "weight_bits": None},
    "embedding": {"hidden_size": 32, "tokens": True, "embedding_size": 5, "bias_bits": 8},
}


def make(kind, engine="native", output="all"):
    torch.manual_seed(1)
    fields = dict(KINDS[kind])
    size = fields.pop("hidden_size")
    block = fields.pop("block_size", None)
    return nn.SequenceModel(7, size, 3, block, output=output, engine=engine, **fields).train()


def draw(model, batch=3, steps=20):
    if model.tokens:
        return torch.randint(0, 7, (batch, steps))
    return torch.randn(batch, steps, 7)


@pytest.mark.parametrize("engine", ["native", "loop"])
@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("kind", KINDS)
def test_values_are_those_of_the_integer_model(integer_network, kind, bits, engine):
    model = make(kind, engine)
    x = draw(model)
    model.simulate_integers(x.numpy(), bits)
    integers = model.to_integer(x.numpy())
    assert integers.card.integer.layers[0].state_scale == model.rnn.integer.layers[0].state_scale
    assert integers.card.integer.input == model.rnn.integer.input
    h, _ = nn.stack.read(model.rnn, x, None, None, "all", model.embedding)
    simulated = (h.detach().numpy() / integers.card.integer.layers[-1].state_scale).round()
    golden = golden_integer.hidden(integer_network(integers), x.numpy())[-1]
    # Sums in float32 may fall on the other side of a half, a few in a million, and a step of one unit then spreads.
    assert (simulated == golden).mean() > 0.98
    assert np.abs(simulated - golden).max() <= 2
    step = (
        model.output_weight.detach().abs().sum(1).max().item() * integers.card.integer.layers[-1].state_scale
    )
    np.testing.assert_allclose(model(x).detach().numpy(), integers.infer(x.numpy()), atol=2 * step)


@pytest.mark.parametrize("readout", ["float", "integer"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_is_that_of_the_integer_model(kind, readout):
    """Up to the states that a half in float32 moves by a unit, and the rounding of the mean to 16 bits."""
    model = make(kind, output="mean")
    x, lengths = draw(model), torch.tensor([20, 1, 13])
    model.simulate_integers(x.numpy(), 10)
    integers = model.to_integer(x.numpy(), readout)
    step = (
        integers.card.integer.layers[-1].state_scale * model.output_weight.detach().abs().sum(1).max().item()
    )
    met = model(x, lengths).detach().numpy()
    np.testing.assert_allclose(met, integers.infer(x.numpy(), lengths.numpy()), atol=2 * step)


@pytest.mark.parametrize("kind", KINDS)
def test_rounding_is_there(kind):
    model = make(kind)
    x = draw(model)
    exact = model(x)
    model.simulate_integers(x.numpy(), 8)
    assert not torch.allclose(model(x), exact, atol=1e-5)


@pytest.mark.parametrize("output", ["last", "all", "mean"])
@pytest.mark.parametrize("kind", ["linear", "full", "relu", "modrelu", "layers", "embedding"])
def test_gradients_are_those_of_the_loop(kind, output):
    gradients = []
    for engine in ("native", "loop"):
        model = make(kind, engine, output)
        x = draw(model)
        model.simulate_integers(x.numpy(), 8, percentile=95)  # so that some states saturate
        y = torch.randint(0, 3, (3, 20) if output == "all" else (3,))
        model.loss(x, y).backward()
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    for name, gradient in gradients[0].items():
        scale = gradients[1][name].abs().max()
        torch.testing.assert_close(gradient / scale, gradients[1][name] / scale, rtol=0, atol=0.02)


def test_no_gradient_goes_through_a_saturated_state():
    model = make("full", output="last")
    x = draw(model)
    model.simulate_integers(x.numpy(), 8)
    model.rnn.bias.data.fill_(1e3)
    model.loss(x, torch.zeros(3, dtype=torch.int64)).backward()
    assert not model.rnn.bias.grad.any()
    assert not model.rnn.weight_ih.grad.any()
    assert model.output_weight.grad.any()


def test_one_step_learns():
    model = make("linear", output="last")
    x, y = draw(model, 30), torch.randint(0, 3, (30,))
    model.simulate_integers(x.numpy(), 8)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = model.loss(x, y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_what_cannot_be_simulated():
    model = nn.SequenceModel(1, 8, 2, recurrence="sign")
    with pytest.raises(InputError, match="1 bit already"):
        model.simulate_integers(np.zeros((1, 3, 1)), 8)
    with pytest.raises(InputError, match="linear recurrence only, not 'linear-8'"):
        nn.SequenceModel(1, 8, 2, engine="krylov").simulate_integers(np.zeros((1, 3, 1)), 8)
    with pytest.raises(InputError, match="expected simulate_integers"):
        nn.SequenceModel(1, 8, 2).to_integer(np.zeros((1, 3, 1)))


@pytest.mark.parametrize("kind", KINDS)
def test_from_native_gives_the_same_model(kind):
    native = make(kind).to_native()
    again = nn.from_native(native).to_native()
    assert again.card == native.card
    for name, values in native.parameters().items():
        np.testing.assert_allclose(again.parameters()[name], values, rtol=1e-6)
    with pytest.raises(InputError, match="integer model"):
        nn.from_native(native.quantize(draw(make(kind)).numpy()))


@pytest.mark.parametrize("kind", ["linear", "paley", "modrelu"])
def test_every_instruction_set_gives_the_same_states(kind):
    before, found = isa.active(), []
    try:
        for name in isa.available():
            isa.use(name)
            model = make(kind)
            x = draw(model)
            model.simulate_integers(x.numpy(), 8)
            found.append(model.rnn(x)[0].detach().numpy())
    finally:
        isa.use(before)
    for states in found[1:]:
        np.testing.assert_array_equal(states, found[0])


@pytest.mark.parametrize("output", ["last", "all"])
def test_features_have_a_gradient_straight_through_their_rounding(output):
    model = make("linear", output=output)
    x = draw(model)
    model.simulate_integers(x.numpy(), 12)
    scale, high = model.rnn.integer.input.scale, model.rnn.integer.input.range[1]
    x[0, 3, 2] = 1.5 * high * scale  # saturated
    grads = []
    for engine in ("loop", "native"):
        model.rnn.engine = engine
        given = x.clone().requires_grad_()
        grads.append(torch.autograd.grad(model(given).sum(), given)[0])
    torch.testing.assert_close(grads[1], grads[0], rtol=1e-3, atol=1e-5)
    assert grads[0][0, 3, 2] == 0
    integer, model.rnn.integer = model.rnn.integer, None
    given = x.clone().requires_grad_()
    exact = torch.autograd.grad(model(given).sum(), given)[0]
    exact[0, 3, 2] = 0
    assert integer is not None
    assert ((grads[0] - exact).norm() / exact.norm()).item() < 0.2
