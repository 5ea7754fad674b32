"""SequenceModel.loss: one pass with all gradients gives what torch's parts give, in float32."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from hadamrnn_ext import nn
from hadamrnn_ext.errors import InputError, ShapeError
from hadamrnn_ext.nn import engines

BATCH, STEPS, CLASSES = 3, 71, 5
LENGTHS = torch.tensor([71, 1, 40])
INPUTS = {
    "one_feature": {"input_size": 1},
    "features": {"input_size": 4},
    "one_hot": {"input_size": 6, "tokens": True},
    "many_one_hot": {"input_size": 60, "tokens": True},
    "embedding": {"input_size": 6, "tokens": True, "embedding_size": 3},
    "large_embedding": {"input_size": 60, "tokens": True, "embedding_size": 3},
}


def make(kind: str, output: str = "all", size: int = CLASSES, **more: object) -> nn.SequenceModel:
    options = {"block_size": 8, "output": output, **INPUTS[kind], **more}
    return nn.SequenceModel(hidden_size=24, output_size=size, **options)


def batch(model: nn.SequenceModel) -> Tensor:
    if model.tokens:
        return torch.randint(0, model.input_size, (BATCH, STEPS))
    return torch.randn(BATCH, STEPS, model.input_size)


def classes(model: nn.SequenceModel) -> Tensor:
    return torch.randint(0, max(model.output_size, 2), (BATCH, STEPS) if model.output == "all" else (BATCH,))


def gradients(loss: Tensor, model: nn.SequenceModel, *more: Tensor) -> list[Tensor]:
    return [loss.detach(), *torch.autograd.grad(loss, [*model.parameters(), *more])]


def check_close(met: list[Tensor], expected: list[Tensor]) -> None:
    for a, b in zip(met, expected, strict=True):
        assert (a - b).abs().max() <= max(
            2e-5 * b.abs().max(), 1e-20
        )  # below is a gradient that has vanished


@pytest.fixture
def fused_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each loss that was computed in one pass."""
    calls: list[int] = []
    original = engines.sequence_loss
    monkeypatch.setattr(engines, "sequence_loss", lambda *a: calls.append(1) or original(*a))
    return calls


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize(
    ("output", "kind"),
    [
        *(("all", kind) for kind in INPUTS),
        *((output, kind) for output in ("last", "mean") for kind in ("features", "large_embedding")),
        ("mean", "one_feature"),
    ],
)
@pytest.mark.parametrize("recurrence", ["linear", "relu", "modrelu", "sign"])
def test_the_loss_and_its_gradients(
    recurrence: str, kind: str, lengths: Tensor | None, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the plain loop; states computed again from snapshots have the bits of stored ones."""
    monkeypatch.setattr(engines, "SEGMENT", 32)
    model = make(kind, output, recurrence=recurrence)
    x, y = batch(model), classes(model)
    y[0] = 3
    y[-1] = -100
    h_0 = torch.randn(1, BATCH, 24, requires_grad=True) if lengths is None else None
    runs = {}
    for engine, memory in (("loop", "stored"), ("native", "stored"), ("native", "reversible")):
        model.rnn.engine = engine
        loss, state = model.loss(x, y, lengths, memory=memory, h_0=h_0, return_state=True)
        runs[engine, memory] = [*gradients(loss, model, *([] if h_0 is None else [h_0])), state]
        assert not state.requires_grad
    check_close(runs["native", "stored"], runs["loop", "stored"])
    assert all(map(torch.equal, runs["native", "stored"], runs["native", "reversible"]))


def test_which_losses_are_fused(fused_calls: list[int]) -> None:
    def is_fused(model: nn.SequenceModel, x: Tensor | None = None) -> bool:
        fused_calls.clear()
        model.loss(batch(model) if x is None else x, classes(model))
        return bool(fused_calls)

    assert is_fused(make("features"))
    assert is_fused(make("embedding"))
    assert not is_fused(make("features", "last"))
    assert not is_fused(make("features", "mean"))
    assert not is_fused(make("features", num_layers=2))
    assert not is_fused(make("features", engine="loop"))
    assert not is_fused(make("one_hot", dtype=torch.float64))
    assert not is_fused(make("features"), torch.randn(BATCH, STEPS, 4, requires_grad=True))
    with torch.no_grad():
        assert not is_fused(make("features"))


def test_a_gradient_of_features_is_there() -> None:
    model = make("features")
    x, y = batch(model).requires_grad_(), classes(model)
    whole = gradients(model.loss(x, y), model, x)
    model.rnn.engine = "loop"
    check_close(whole, gradients(model.loss(x, y), model, x))


def test_the_value_is_that_of_torch() -> None:
    model = make("features")
    x, y = batch(model), classes(model)
    y[:, ::3] = 2
    expected = F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=2)
    torch.testing.assert_close(model.loss(x, y, ignore_index=2), expected)
    for output in ("last", "mean"):
        once = make("features", output)
        y_once = classes(once)
        torch.testing.assert_close(once.loss(x, y_once), F.cross_entropy(once(x), y_once))
    assert model.loss(x, torch.full((BATCH, STEPS), -100)).isnan()  # the mean of nothing, as in torch


@pytest.mark.parametrize("engine", ["native", "loop"])
def test_without_gradients_the_value_is_the_same(engine: str) -> None:
    model = make("one_hot", engine=engine)
    x, y = batch(model), classes(model)
    expected = model.loss(x, y, LENGTHS).detach()
    with torch.no_grad():
        torch.testing.assert_close(model.loss(x, y, LENGTHS), expected)
        torch.testing.assert_close(model.eval().loss(x, y, LENGTHS), expected)


@pytest.mark.parametrize("output", ["all", "last", "mean"])
def test_squared_errors(output: str, fused_calls: list[int]) -> None:
    model = make("features", output)
    x = batch(model)
    targets = torch.randn_like(model(x))
    met = gradients(model.loss(x, targets, LENGTHS), model)
    assert len(fused_calls) == (output == "all")
    error = (model(x, LENGTHS) - targets).square()
    if output == "all":
        inside = torch.arange(STEPS) < LENGTHS[:, None]
        error = error[inside]
    check_close(met, gradients(error.mean(), model))


@pytest.mark.parametrize("output", ["all", "last", "mean"])
def test_one_logit_is_the_logit_of_class_one(output: str) -> None:
    model = make("embedding", output, size=1)
    x, y = batch(model), classes(model)
    logits = model(x).squeeze(-1)
    expected = F.binary_cross_entropy_with_logits(logits, y.float())
    check_close(gradients(model.loss(x, y), model), gradients(expected, model))


@pytest.mark.parametrize("recurrence", ["linear", "sign"])
def test_ten_thousand_steps_from_snapshots(recurrence: str) -> None:
    model = nn.SequenceModel(1, 16, 2, output="all", recurrence=recurrence)
    x, y = torch.randn(2, 10_000, 1), torch.randint(0, 2, (2, 10_000))
    stored, again = (gradients(model.loss(x, y, memory=m), model) for m in ("stored", "reversible"))
    assert all(map(torch.equal, stored, again))
    model.rnn.engine = "native" if recurrence == "sign" else "scan"
    exact = gradients(model.double().loss(x.double(), y), model)
    for a, b in zip(stored, exact, strict=True):
        assert (a - b).norm() <= 1e-3 * b.norm()


def test_the_same_bits_for_the_same_number_of_threads() -> None:
    model = make("large_embedding")
    x, y = batch(model), classes(model)
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        once, again = (gradients(model.loss(x, y), model) for _ in range(2))
        assert all(map(torch.equal, once, again))


def test_nothing_of_the_size_of_all_states_is_kept() -> None:
    model = make("features")
    x, y, kept = batch(model), classes(model), []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        model.loss(x, y)
    assert kept
    assert max(kept) < BATCH * STEPS * 24
    kept.clear()
    for output in ("last", "mean"):
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
            make("features", output, engine="native").loss(x, y[:, 0])
    assert max(kept) < BATCH * STEPS * 24


def test_truncated_back_propagation() -> None:
    """Parts with the state handed on give the losses of the whole; the gradient stops between them."""
    model = make("one_hot")
    x, y = batch(model), classes(model)
    whole = model.loss(x, y)
    first, state = model.loss(x[:, :20], y[:, :20], return_state=True)
    second = model.loss(x[:, 20:], y[:, 20:], h_0=state)
    torch.testing.assert_close((20 * first + 51 * second) / 71, whole)
    assert not all(map(torch.allclose, gradients(first + second, model)[1:], gradients(whole, model)[1:]))


def test_back_propagation_through_a_state_handed_on() -> None:
    rnn = nn.HadamRNN(3, 24, block_size=8, recurrence="modrelu", num_layers=2)
    x, w = torch.randn(BATCH, 9, 3), torch.randn(BATCH, 9, 24)
    whole = torch.autograd.grad((rnn(x)[0] * w).sum(), list(rnn.parameters()))
    first, state = rnn(x[:, :4])
    second, _ = rnn(x[:, 4:], state)
    parts = torch.autograd.grad((torch.cat([first, second], 1) * w).sum(), list(rnn.parameters()))
    for a, b in zip(parts, whole, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("recurrence", ["linear", "relu", "modrelu", "sign"])
@pytest.mark.parametrize("output", ["all", "last", "mean"])
def test_nan_reaches_the_loss(recurrence: str, output: str) -> None:
    """Though relu and the comparison of a sign make a number of it."""
    places = ("x", "rnn.weight_ih", "rnn.bias", "output_weight", "output_bias")
    for place in places:
        model = make("features", output, recurrence=recurrence, engine="native")
        x = batch(model)
        with torch.no_grad():
            (x if place == "x" else model.get_parameter(place)).view(-1)[1] = torch.nan
        assert model.loss(x, classes(model)).isnan(), place


def test_frozen_signs_and_no_bias() -> None:
    model = make("features", freeze_signs=True)
    model.rnn.bias = None
    x, y = batch(model), classes(model)
    model.loss(x, y).backward()
    assert model.rnn.signs.grad is None
    met = [p.grad.clone() for p in model.parameters() if p.requires_grad]
    model.zero_grad()
    model.rnn.engine = "loop"
    model.loss(x, y).backward()
    check_close(met, [p.grad for p in model.parameters() if p.requires_grad])


def test_a_second_derivative_is_refused() -> None:
    model = make("features", engine="native")
    loss = model.loss(batch(model), classes(model))
    with pytest.raises(RuntimeError, match="second derivative"):
        torch.autograd.grad(loss, model.output_bias, create_graph=True)


def test_targets_past_a_length_may_be_anything() -> None:
    model = make("features")
    x, y = batch(model), classes(model)
    expected = model.loss(x, y, LENGTHS)
    y[1, 1:] = -1
    assert torch.equal(model.loss(x, y, LENGTHS), expected)


@pytest.mark.parametrize(
    ("output", "targets", "error", "text"),
    [
        ("all", torch.zeros(BATCH, STEPS, dtype=torch.bool), InputError, "bool"),
        ("all", torch.zeros(BATCH, dtype=torch.int64), ShapeError, r"\(3,\).*\(3, 71\)"),
        ("last", torch.zeros(BATCH, STEPS, dtype=torch.int64), ShapeError, r"\(3, 71\).*\(3,\)"),
        ("all", torch.zeros(BATCH, STEPS), ShapeError, r"\(3, 71\).*\(3, 71, 5\)"),
        ("all", torch.full((BATCH, STEPS), 5), InputError, "class 5 is outside 0 to 4"),
        ("last", torch.tensor([0, -100, -1]), InputError, "class -1 is outside 0 to 4"),
        ("mean", torch.zeros(BATCH, STEPS, dtype=torch.int64), ShapeError, r"\(3, 71\).*\(3,\)"),
    ],
)
def test_targets_that_do_not_fit_are_refused(
    output: str, targets: Tensor, error: type[Exception], text: str
) -> None:
    model = make("features", output)
    with pytest.raises(error, match=text):
        model.loss(batch(model), targets)


def test_options_that_make_no_sense_are_refused() -> None:
    model = make("features")
    x, y = batch(model), classes(model)
    with pytest.raises(InputError, match=r"'constant'.*'stored' or 'reversible'"):
        model.loss(x, y, memory="constant")
    with pytest.raises(ShapeError, match=r"\(3, 24\); expected \(1, 3, 24\)"):
        model.loss(x, y, h_0=torch.zeros(3, 24))
    krylov = make("features", "last", engine="krylov")
    with pytest.raises(InputError, match="starts from zeros"):
        krylov.loss(x, classes(krylov), h_0=torch.zeros(1, BATCH, 24))
