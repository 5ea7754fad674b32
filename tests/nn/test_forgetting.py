"""Networks that forget, in training: decays, an input activation, differences and pools, in all engines and their gradients."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import hadamrnn_ext as hr
from hadamrnn_ext import nn
from hadamrnn_ext.file.pool import Pool
from hadamrnn_ext.golden import floats
from hadamrnn_ext.nn import decays, engines

STEPS = 19
LENGTHS = torch.tensor([19, 1, 7, 12])
SIZES = [(24, 8), (24, 24), (40, 20), (6, 1), (12, 12)]
POOLS = [
    None,
    Pool(1),
    Pool(3),
    Pool(2, share=False, time_constant=3),
    Pool(2, excess=False),
    Pool(1, excess=False, time_constant=1),
]
FORGETS: dict[str, Any] = {"decays": True, "time_constants": (0.5, 30)}


def make(n: int = 24, m: int = 8, **options: Any) -> nn.SequenceModel:
    model = nn.SequenceModel(3, n, 4, m, **{**FORGETS, **options})
    with torch.no_grad():
        model.rnn.weight_ih *= 3  # so that some of it is clipped
        if model.thresholds is not None:
            model.thresholds.uniform_(-1, 1)
    return model


def draw(model: nn.SequenceModel) -> Tensor:
    if model.tokens:
        return torch.randint(0, model.input_size, (4, STEPS))
    return torch.randn(4, STEPS, model.input_size, dtype=model.output_weight.dtype)


@pytest.mark.parametrize("engine", ["loop", "scan", "native"])
@pytest.mark.parametrize("output", ["last", "all"])
@pytest.mark.parametrize("pool", POOLS, ids=str)
@pytest.mark.parametrize("phi", [None, "relu", "clip"])
def test_training_computes_what_the_golden_model_says(golden_network, phi, pool, output, engine):
    for (n, m), differences in zip(SIZES, itertools.cycle([True, False]), strict=False):
        model = make(
            n, m, input_activation=phi, pool=pool, output=output, differences=differences, engine=engine
        )
        x = draw(model)
        expected = floats.forward(golden_network(model), x.numpy(), LENGTHS.numpy())
        met = model.train()(x, LENGTHS).detach().numpy()
        np.testing.assert_allclose(met, expected, rtol=1e-4, atol=3e-5)


#: Signs of zero, which relu makes many of, depend on the order of the additions.
KINDS = [
    kind
    for kind in itertools.product(["linear", "relu", "modrelu", "sign"], [None, "relu", "clip"])
    if kind != ("sign", "relu")
]


@pytest.mark.parametrize(("recurrence", "phi"), KINDS)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("what", ["all", "last", "mean"])
def test_engines_agree_on_values_and_gradients(phi, what, num_layers, recurrence):
    for (n, m), lengths in zip(SIZES, itertools.cycle([None, LENGTHS]), strict=False):
        rnn = nn.HadamRNN(
            2,
            n,
            block_size=m,
            num_layers=num_layers,
            recurrence=recurrence,
            input_activation=phi,
            differences=True,
            dtype=torch.float64,
            **FORGETS,
        )
        x = torch.randn(4, STEPS, 2, dtype=torch.float64, requires_grad=True)
        h_0 = torch.randn(num_layers, 4, n, dtype=torch.float64, requires_grad=True)
        found = {}
        for engine in ["loop", "native", "auto", *(["scan"] if recurrence == "linear" else [])]:
            rnn.engine = engine
            h, h_n = nn.stack.read(rnn, x, h_0, lengths, what)
            h = engines.mask_past(h, lengths) if what == "all" else h
            loss = (h * torch.linspace(-1, 1, h.numel(), dtype=h.dtype).view_as(h)).sum() + (h_n**3).sum()
            found[engine] = [h, h_n, *torch.autograd.grad(loss, [*rnn.parameters(), x, h_0])]
        for other in found.values():
            for a, b in zip(other, found["loop"], strict=True):
                torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_krylov_forgets(n, m, lengths):
    rnn = nn.HadamRNN(2, n, block_size=m, differences=True, dtype=torch.float64, **FORGETS)
    x = torch.randn(4, STEPS, 2, dtype=torch.float64, requires_grad=True)
    found = []
    for engine in ("krylov", "loop"):
        rnn.engine = engine
        h = rnn.last_state(x, lengths)
        found.append([h, *torch.autograd.grad((h**3).sum(), [*rnn.parameters(), x])])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("pool", POOLS[1:], ids=str)
@pytest.mark.parametrize("output", ["last", "all"])
def test_engines_agree_on_the_loss_of_a_pool(output, pool, lengths):
    model = make(40, 20, pool=pool, output=output, input_activation="clip", differences=True)
    x = draw(model)
    y = torch.randint(0, 4, (4, STEPS) if output == "all" else (4,))
    found = []
    for engine in ("loop", "scan", "native"):
        model.rnn.engine = engine
        loss = model.loss(x, y, lengths)
        found.append([loss, *torch.autograd.grad(loss, list(model.parameters()))])
    for other in found[1:]:
        for a, b in zip(other, found[0], strict=True):
            assert (a - b).abs().max() <= 3e-5 * max(b.abs().max(), 1e-3)
    assert all(g.abs().max() > 0 for g in found[0])


@pytest.mark.parametrize(("recurrence", "phi"), KINDS)
@pytest.mark.parametrize("output", ["last", "mean", "all"])
@pytest.mark.parametrize("input_size", [1, 3])
def test_the_passes_that_keep_no_states(recurrence, input_size, output, phi):
    """float32 in one pass, with snapshots and without, against the loop."""
    model = nn.SequenceModel(
        input_size, 40, 4, 20, output=output, input_activation=phi, recurrence=recurrence, **FORGETS
    )
    with torch.no_grad():
        model.rnn.weight_ih *= 3
    x = torch.randn(4, 300, input_size)
    y = torch.randint(0, 4, (4, 300) if output == "all" else (4,))
    lengths = torch.tensor([300, 1, 257, 31])
    found = {}
    for engine, memory in (("loop", "stored"), ("native", "stored"), ("native", "reversible")):
        model.rnn.engine = engine
        loss = model.loss(x, y, lengths, memory=memory)
        found[engine, memory] = [loss, *torch.autograd.grad(loss, list(model.parameters()))]
    for a, b in zip(found["native", "stored"], found["loop", "stored"], strict=True):
        assert (a - b).abs().max() <= 1e-4 * max(b.abs().max(), 1e-4)
    assert all(map(torch.equal, found["native", "stored"], found["native", "reversible"]))


@pytest.mark.parametrize("embedding_size", [None, 5])
@pytest.mark.parametrize("phi", [None, "relu", "clip"])
@pytest.mark.parametrize("output", ["last", "all"])
def test_tokens(golden_network, output, phi, embedding_size):
    model = nn.SequenceModel(
        7,
        24,
        4,
        12,
        tokens=True,
        embedding_size=embedding_size,
        input_activation=phi,
        output=output,
        pool=Pool(2),
        **FORGETS,
    )
    x = draw(model)
    expected = floats.forward(golden_network(model), x.numpy(), LENGTHS.numpy())
    for engine in ("loop", "scan", "native"):
        model.rnn.engine = engine
        np.testing.assert_allclose(model(x, LENGTHS).detach().numpy(), expected, rtol=1e-4, atol=3e-5)


@pytest.mark.parametrize("engine", ["loop", "scan", "native", "krylov"])
@pytest.mark.parametrize(("n", "m"), [(8, 4), (12, 12)])
def test_inputs_against_finite_differences(engine, n, m):
    geometry = engines.Geometry(n, m, "linear")
    signs = nn.sign(torch.randn(n, dtype=torch.float64)) * torch.rand(n, dtype=torch.float64).add(0.1)
    table, bias, x = (
        torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in [(n, 2), (n,), (3, 5, 2)]
    )

    def last(signs: Tensor, table: Tensor, bias: Tensor, x: Tensor) -> Tensor:
        r = engines.Recurrence(geometry, signs, engines.Inputs(x, table, bias), None, None)
        return engines.read(engine, r, "last", torch.tensor([5, 1, 3]))[0]

    assert torch.autograd.gradcheck(last, (signs.requires_grad_(), table, bias, x))


@pytest.mark.parametrize("engine", ["loop", "scan", "native"])
@pytest.mark.parametrize("phi", ["relu", "clip"])
def test_activations_against_finite_differences(engine, phi):
    geometry = engines.Geometry(12, 4, "linear")
    signs = torch.randn(12, dtype=torch.float64)
    table, bias, x = (
        torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in [(12, 2), (12,), (3, 5, 2)]
    )
    thresholds = torch.randn(2, 12, dtype=torch.float64, requires_grad=True)

    def excess(table: Tensor, bias: Tensor, x: Tensor, thresholds: Tensor) -> Tensor:
        r = engines.Recurrence(geometry, signs, engines.Inputs(x, table, bias, phi), None, None)
        pooling = engines.Pooling(thresholds, True, False, 2)
        return engines.read(engine, r, pooling, torch.tensor([5, 1, 3]))[0]

    assert torch.autograd.gradcheck(excess, (table, bias, x, thresholds))


def test_the_gradient_of_a_share_is_that_of_a_smooth_step():
    h = torch.linspace(-3, 3, 24, dtype=torch.float64).view(1, 2, 12).requires_grad_()
    theta = torch.full((1, 12), 0.25, dtype=torch.float64, requires_grad=True)
    share = engines.Pooling(theta, False, True, None).at_the_end(h, None)
    assert torch.equal(share, (h > 0.25).double().mean(1))
    dh, dtheta = torch.autograd.grad(share.sum(), [h, theta])
    expected = 1 / (2 * (1 + (h - 0.25).abs()) ** 2) / 2
    torch.testing.assert_close(dh, expected)
    torch.testing.assert_close(dtheta, -expected.sum(1))


@pytest.mark.parametrize("time_constant", [None, 1, 3])
@pytest.mark.parametrize("steps", [1, 2, 3, 16, 19])
def test_a_mean_so_far(steps, time_constant):
    values = torch.randn(2, steps, 3, dtype=torch.float64)
    pooling = engines.Pooling(torch.zeros(1, 3, dtype=torch.float64), True, False, time_constant)
    means, total = [], torch.zeros(2, 3, dtype=torch.float64)
    for t in range(steps):
        if time_constant is None:
            total = total + values[:, t]
            means.append(total / (t + 1))
        else:
            total = total + (values[:, t] - total) * 2.0**-time_constant
            means.append(total)
    torch.testing.assert_close(pooling.over_time(values), torch.stack(means, 1))


def test_a_decay_is_seen_as_the_nearest_code():
    codes = torch.arange(256, dtype=torch.uint8)
    latent = decays.latent(codes)
    assert torch.equal(decays.codes(latent), codes)
    assert torch.equal(decays.seen(latent).double(), torch.from_numpy(floats.decay(codes.numpy())))
    latent = (3 * torch.randn(1000, dtype=torch.float64)).requires_grad_()
    seen, exact = decays.seen(latent), torch.sigmoid(latent)
    every = torch.from_numpy(floats.decay(codes.numpy()))
    assert torch.equal(seen, every[(every - exact[:, None]).abs().argmin(1)])
    (grad,) = torch.autograd.grad(seen.sum(), latent)
    torch.testing.assert_close(grad, (exact * (1 - exact)).detach())


def test_time_constants_are_drawn_between_the_two():
    rnn = nn.HadamRNN(1, 4096, block_size=1, decays=True, time_constants=(2.0, 50.0))
    tau = -1 / torch.log(torch.sigmoid(rnn.decays.double()))
    assert 1.99 < tau.min() < 2.1
    assert 48 < tau.max() < 50.1
    assert abs(tau.log().mean() - np.log(10)) < 0.05


@pytest.mark.parametrize("output", ["last", "all"])
@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_there_and_back(pool, output):
    model = make(pool=pool, output=output, input_activation="clip", differences=True, bias_bits=8)
    native = model.to_native()
    assert native.card == model.card
    again = nn.from_native(native)
    assert again.to_native() == native
    x = draw(model)
    expected = torch.from_numpy(native.infer(x.numpy(), LENGTHS.numpy()))
    with torch.no_grad():
        for module in (model, again):
            assert torch.equal(module.eval()(x, LENGTHS), expected)


def test_gradients_go_on_where_the_closed_form_ends():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 40, 2)).cumsum(1).astype(np.float32)
    y = (x[:, -1, 0] > x[:, 10, 1]).astype(int)
    fitted = hr.fit(x, y).model
    model = nn.from_native(fitted, freeze_decays=True)
    prepared = torch.from_numpy(fitted.prepare(x).values)
    with torch.no_grad():
        assert torch.equal(model.eval()(prepared), torch.from_numpy(fitted.infer(x)))
    model.train()
    before = model.loss(prepared, torch.from_numpy(y)).item()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model.loss(prepared, torch.from_numpy(y)).backward()
        optimizer.step()
    assert model.loss(prepared, torch.from_numpy(y)).item() < 0.9 * before
    assert np.array_equal(model.to_native().tensors["layers.0.decays"], fitted.tensors["layers.0.decays"])


def test_everything_is_learned():
    model = make(pool=Pool(2), input_activation="clip", recurrence="modrelu", num_layers=2)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    x, y = draw(model), torch.tensor([0, 1, 2, 3])
    first = model.loss(x, y).item()
    for _ in range(30):
        optimizer.zero_grad()
        model.loss(x, y).backward()
        optimizer.step()
    assert model.loss(x, y).item() < first / 2
    for name, p in model.named_parameters():
        assert not torch.equal(p, before[name]), name


def test_hooks_see_all_states():
    for output in ("last", "all"):
        model = make(pool=Pool(2), output=output)
        x = draw(model)
        expected = model(x, LENGTHS)
        seen = []
        model.rnn.register_forward_hook(lambda m, i, o, seen=seen: seen.append(o[0].shape))
        torch.testing.assert_close(model(x, LENGTHS), expected)
        assert seen == [(4, STEPS, 24)]


def test_second_derivatives_go_through_plain_torch():
    found = []
    for engine in ("auto", "loop"):
        torch.manual_seed(0)
        model = make(pool=Pool(1, share=False), input_activation="clip", engine=engine, weight_bits=None)
        x = torch.randn(4, STEPS, 3, generator=torch.Generator().manual_seed(1))
        (grad,) = torch.autograd.grad(
            model.loss(x, torch.tensor([0, 1, 2, 3])), model.rnn.bias, create_graph=True
        )
        found.append(
            [grad, *torch.autograd.grad(grad.square().sum(), [model.rnn.weight_ih, model.rnn.decays])]
        )
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-6)


def test_what_does_not_go_together_is_refused():
    with pytest.raises(hr.InputError, match="linear input only, not 'clip'"):
        make(input_activation="clip", engine="krylov")
    with pytest.raises(hr.InputError, match="what a pool reads"):
        make(pool=Pool(1), engine="krylov")
    with pytest.raises(hr.InputError, match="unknown input_activation 'tanh'"):
        make(input_activation="tanh")
    with pytest.raises(hr.InputError, match="of one direction"):
        make(bidirectional=True)
    with pytest.raises(hr.InputError, match="a pool is read of one direction"):
        make(pool=Pool(1), output="mean")
    with pytest.raises(hr.InputError, match="only features have a change"):
        make(differences=True, tokens=True)
    with pytest.raises(hr.InputError, match="are for features"):
        nn.HadamRNN(4, 8, differences=True)(torch.zeros(2, 3, dtype=torch.int64))
    for wrong in ((3, 2), (0, 1), (1,), "ab", (1, float("inf"))):
        with pytest.raises(hr.InputError, match="positive numbers of steps"):
            nn.HadamRNN(1, 8, decays=True, time_constants=wrong)
    for idle in (
        {"freeze_decays": True},
        {"time_constants": (1.0, 100.0)},
        {"freeze_decays": True, "decays": False},
    ):
        with pytest.raises(hr.InputError, match="for a network without decays; expected decays=True"):
            nn.SequenceModel(3, 8, 2, **idle)
    for wrong in (2, {"thresholds": 2}, "share"):
        with pytest.raises(hr.InputError, match=r"^pool is .*; expected None or a Pool"):
            nn.SequenceModel(3, 8, 2, pool=wrong)
    with pytest.raises(hr.InputError, match="integers of a network that forgets cannot be simulated"):
        make().simulate_integers(torch.randn(4, STEPS, 3).numpy(), 8)
    with pytest.raises(RuntimeError, match="input_activation is 'clip' in the state_dict and None"):
        make().load_state_dict(make(input_activation="clip").state_dict())
    with pytest.raises(
        RuntimeError, match=r"pool is 'excess over 2 .* and 'share over 2 .*' in this network"
    ):
        make(pool=Pool(2, excess=False)).load_state_dict(make(pool=Pool(2, share=False)).state_dict())


def test_a_state_dict_goes_through_a_file(tmp_path):
    model, other = make(pool=Pool(2)), make(pool=Pool(2))
    torch.save(model.state_dict(), tmp_path / "state.pt")
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert other.to_native() == model.to_native()


def test_auto_knows_what_krylov_does_not_do():
    assert nn.HadamRNN(1, 16, decays=True).engine_for(100, last=True) == "krylov"
    assert nn.HadamRNN(1, 16, input_activation="clip").engine_for(100, last=True) == "native"
    assert nn.SequenceModel(1, 16, 2, pool=Pool(1)).engine_for(100) == "native"


def test_a_network_that_uses_none_of_it_is_as_before():
    plain = nn.SequenceModel(3, 24, 4, 8)
    assert [name for name, _ in plain.named_parameters()] == [
        "output_weight",
        "output_bias",
        "rnn.weight_ih",
        "rnn.signs",
        "rnn.bias",
    ]
    assert not plain.card.forgets
    assert b'format_version\\":1' in plain.to_native().to_bytes()
