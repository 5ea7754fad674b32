"""The whole model: its torch form, its native form, and the native kernels it evaluates on."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch

from hadamrnn_ext import nn
from hadamrnn_ext.errors import InputError, ShapeError
from hadamrnn_ext.file.preprocess import Permutation, Preprocess
from hadamrnn_ext.golden import floats as golden

OPTIONS = {
    "plain": {},
    "all": {"output": "all"},
    "mean": {"output": "mean"},
    "mean_order_12": {"hidden_size": 24, "block_size": 12, "output": "mean", "bias_bits": 8},
    "mean_two_modrelu_layers": {"num_layers": 2, "recurrence": "modrelu", "output": "mean"},
    "mean_embedding": {"tokens": True, "embedding_size": 5, "output": "mean"},
    "blocks": {"block_size": 4, "weight_bits": 2},
    "order_12": {"hidden_size": 24, "block_size": 12, "output": "all"},
    "ternary": {"weight_bits": 1, "output_weight_bits": 8},
    "float": {"weight_bits": None, "output": "all"},
    "float_v": {"output_weight_bits": None},
    "bias_8": {"bias_bits": 8},
    "bias_8_two_layers": {"bias_bits": 8, "num_layers": 2},
    "bias_3_two_layers": {"bias_bits": 3, "num_layers": 2},
    "bias_ternary": {"bias_bits": 1},
    "relu": {"recurrence": "relu", "output": "all"},
    "modrelu": {"recurrence": "modrelu"},
    "sign": {"recurrence": "sign", "output": "all"},
    "two_layers": {"num_layers": 2, "output": "all"},
    "two_modrelu_layers": {"num_layers": 2, "recurrence": "modrelu", "hidden_size": 24},
    "one_hot": {"tokens": True, "output": "all"},
    "embedding": {"tokens": True, "embedding_size": 5},
}


def make(name: str, **more: object) -> nn.SequenceModel:
    return nn.SequenceModel(**{"input_size": 6, "hidden_size": 16, "output_size": 3, **OPTIONS[name], **more})


def batch(model: nn.SequenceModel, size: int = 4, steps: int = 9) -> torch.Tensor:
    if model.tokens:
        return torch.randint(0, model.input_size, (size, steps))
    return torch.randn(size, steps, model.input_size)


def same_bits(met: torch.Tensor, expected: np.ndarray | torch.Tensor) -> bool:
    expected = torch.as_tensor(expected)
    return met.shape == expected.shape and torch.equal(met.view(torch.int32), expected.view(torch.int32))


@pytest.mark.parametrize("lengths", [None, torch.tensor([9, 1, 4, 8])])
@pytest.mark.parametrize("name", OPTIONS)
def test_evaluation_gives_the_golden_bits(
    name: str, lengths: torch.Tensor | None, golden_network: Callable[[nn.SequenceModel], golden.Network]
) -> None:
    model = make(name).eval()
    x = batch(model)
    array, sizes = x.numpy(), None if lengths is None else lengths.numpy()
    with torch.no_grad():
        y = model(x, lengths)
    assert same_bits(y, golden.forward(golden_network(model), array, sizes))
    assert same_bits(y, model.to_native().infer(array, sizes))


@pytest.mark.parametrize("name", [name for name in OPTIONS if name.startswith("mean")])
def test_the_mean_is_over_the_own_steps_of_a_sequence(
    name: str, golden_network: Callable[[nn.SequenceModel], golden.Network]
) -> None:
    model = make(name)
    x, lengths = batch(model), torch.tensor([9, 1, 4, 8])
    for ends in (None, lengths):
        expected = golden.forward(golden_network(model), x.numpy(), None if ends is None else ends.numpy())
        torch.testing.assert_close(model(x, ends).detach(), torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("lengths", [None, torch.tensor([9, 1, 4, 8])])
@pytest.mark.parametrize("name", OPTIONS)
def test_training_and_evaluation_compute_the_same(name: str, lengths: torch.Tensor | None) -> None:
    model = make(name)
    x = batch(model)
    trained = model(x, lengths)
    assert trained.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(x, lengths), trained, rtol=1e-4, atol=1e-5)


def test_outputs_past_the_length_are_zero() -> None:
    model = make("all")
    y = model(batch(model), torch.tensor([9, 1, 4, 8]))
    for row, length in zip(y, (9, 1, 4, 8), strict=True):
        assert not row[length:].any()
        assert row[:length].all()


def changed_by_an_optimizer(model: nn.SequenceModel) -> None:
    model.train()
    model(batch(model)).square().sum().backward()
    torch.optim.Adam(model.parameters(), lr=0.1).step()
    model.eval()


def changed_by_loading(model: nn.SequenceModel) -> None:
    model.load_state_dict(make("embedding").state_dict())


def changed_through_data(model: nn.SequenceModel) -> None:
    model.output_bias.data[1] += 0.5


def changed_by_a_flipped_sign(model: nn.SequenceModel) -> None:
    model.rnn.signs.data[3] *= -1


def changed_in_the_embedding(model: nn.SequenceModel) -> None:
    model.embedding.weight.data[1:] += 0.25


def changed_by_a_new_parameter(model: nn.SequenceModel) -> None:
    model.output_weight = torch.nn.Parameter(torch.randn_like(model.output_weight))


@pytest.mark.parametrize(
    "change",
    [
        changed_by_an_optimizer,
        changed_by_loading,
        changed_through_data,
        changed_by_a_flipped_sign,
        changed_in_the_embedding,
        changed_by_a_new_parameter,
    ],
)
def test_a_changed_parameter_is_seen_at_once(change: Callable[[nn.SequenceModel], None]) -> None:
    model = make("embedding").eval()
    x = batch(model)
    with torch.no_grad():
        before = model(x)
    change(model)
    with torch.no_grad():
        after = model(x)
    assert not torch.equal(after, before)
    assert same_bits(after, model.to_native().infer(x.numpy()))


def test_an_unchanged_model_is_packed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = []
    model = make("plain").eval()
    x = batch(model)
    original = nn.export.Model.from_parameters
    monkeypatch.setattr(nn.export.Model, "from_parameters", lambda *a: packed.append(1) or original(*a))
    with torch.no_grad():
        for _ in range(3):
            model(x)
        assert len(packed) == 1
        model.rnn.bias.data[0] = -model.rnn.bias.data[0]
        model(x)
        assert len(packed) == 2


def runs_natively(model: nn.SequenceModel, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> bool:
    calls = []
    original = nn.export.PackedCopy.infer
    with monkeypatch.context() as patch:
        patch.setattr(nn.export.PackedCopy, "infer", lambda *a: calls.append(1) or original(*a))
        model(x)
    return bool(calls)


def test_where_the_native_kernels_run(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make("plain")
    x = batch(model)
    assert not runs_natively(model, x, monkeypatch)
    with torch.no_grad():
        assert not runs_natively(model, x, monkeypatch)
        model.eval()
        assert runs_natively(model, x, monkeypatch)
        double = copy.deepcopy(model).double()
        assert not runs_natively(double, x.double(), monkeypatch)
    assert not runs_natively(model, x, monkeypatch)
    with torch.inference_mode():
        assert runs_natively(model, x, monkeypatch)


def test_weights_that_are_not_finite_run_in_torch() -> None:
    model = make("plain").eval()
    x = batch(model)
    with torch.no_grad():
        finite = model(x)
        bias = model.output_bias.data.clone()
        model.output_bias.data[0] = torch.nan
        y = model(x)
        assert y[:, 0].isnan().all()
        torch.testing.assert_close(y[:, 1:], finite[:, 1:])
        model.output_bias.data.copy_(bias)
        assert same_bits(model(x), finite)


def test_nan_in_the_input_is_never_hidden() -> None:
    """Evaluation by the native kernels refuses it, as ``infer`` does."""
    model = make("plain")
    x = batch(model)
    x[1, 2, 0] = torch.nan
    assert model(x)[1].isnan().all()
    with torch.no_grad(), pytest.raises(InputError, match=r"1, 2, 0"):
        model.eval()(x)


def test_copies_and_pickles_evaluate_alike() -> None:
    model = make("embedding").eval()
    x = batch(model)
    with torch.no_grad():
        expected = model(x)
        loaded = make("embedding").eval()
        loaded.load_state_dict(model.state_dict())
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), loaded, model.share_memory()):
            assert same_bits(other(x), expected)
        assert all(p.is_shared() for p in model.parameters())
        model.output_bias += 1  # in the shared memory: the packed copy of the weights is made again
        torch.testing.assert_close(model(x), expected + 1)


def test_preprocess_labels_and_provenance_go_into_the_card() -> None:
    preprocess = Preprocess(uint8_scale=1 / 255, permutation=Permutation(seed=92916, size=9))
    model = nn.SequenceModel(1, 16, 3, preprocess=preprocess, labels=["a", "b", "c"]).eval()
    native = model.to_native(task="toy", preset="tiny", seed=3, epochs=2, metrics={"accuracy": 0.5}, lr=0.1)
    assert native.card.preprocess == preprocess
    assert native.card.labels == ("a", "b", "c")
    training = native.card.training
    assert (training.task, training.preset, training.seed, training.epochs) == ("toy", "tiny", 3, 2)
    assert (training.metrics, training.settings) == ({"accuracy": 0.5}, {"lr": 0.1})
    raw = torch.rand(2, 9, 1)
    order = torch.from_numpy(np.random.RandomState(92916).permutation(9))
    with torch.no_grad():
        assert same_bits(model(raw[:, order]), native.infer(raw.numpy()))  # forward takes prepared input


def test_the_native_model_shares_no_memory() -> None:
    model = make("float")
    x = batch(model)
    native = model.to_native()
    before = native.infer(x.numpy())
    for p in model.parameters():
        p.data.fill_(1.0)
    np.testing.assert_array_equal(native.infer(x.numpy()), before)


def test_without_a_recurrent_bias() -> None:
    model = make("plain")
    model.rnn = nn.HadamRNN(6, 16, bias=False)
    x = batch(model)
    trained = model(x)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(x), trained)


def test_row_zero_of_the_embedding_is_padding() -> None:
    model = make("embedding")
    assert not model.embedding.weight[0].any()
    changed_by_an_optimizer(model)
    assert not model.embedding.weight[0].any()
    assert model.embedding.weight[1:].any()


def test_parameter_names_and_groups() -> None:
    model = make("embedding", num_layers=2)
    names = dict(model.named_parameters())
    assert list(names) == [
        "output_weight",
        "output_bias",
        "embedding.weight",
        "rnn.weight_ih",
        "rnn.signs",
        "rnn.bias",
        "rnn.signs_l1",
        "rnn.bias_l1",
        "rnn.input_signs_l1",
    ]
    assert list(model.state_dict()) == list(names)
    signs = [names[f"rnn.{name}"] for name in ("signs", "signs_l1", "input_signs_l1")]
    assert all(a is b for a, b in zip(model.sign_parameters(), signs, strict=True))
    assert len(model.other_parameters()) == len(names) - 3
    assert model.output_bias.abs().max() <= 16**-0.5


def test_engine_of_a_batch() -> None:
    assert nn.SequenceModel(1, 16, 3).engine_for(100) == "krylov"
    assert nn.SequenceModel(1, 16, 3, output="all").engine_for(100) == "native"
    assert nn.SequenceModel(1, 16, 3, output="mean").engine_for(100) == "native"
    assert nn.SequenceModel(10_000, 16, 3, tokens=True, embedding_size=64).engine_for(50) == "native"


def test_the_repr_says_what_it_is() -> None:
    text = repr(make("one_hot", weight_bits=2))
    for part in ("6, 16, 3", "output='all'", "tokens=True", "output_weight_bits=2", "HadamRNN(6, 16"):
        assert part in text


def test_what_makes_no_model_is_refused() -> None:
    with pytest.raises(InputError, match="'first'"):
        make("plain", output="first")
    for output in ("all", "mean"):
        with pytest.raises(InputError, match=f"krylov.*'{output}'"):
            make("plain", output=output, engine="krylov")
    with pytest.raises(InputError, match="embedding_size"):
        make("plain", embedding_size=4)
    with pytest.raises(ShapeError, match="output_size is 0"):
        make("plain", output_size=0)
    with pytest.raises(InputError, match="12"):
        make("plain", output_weight_bits=12)
    with pytest.raises(InputError, match="12"):
        make("plain", bias_bits=12)


@pytest.mark.parametrize("training", [True, False])
def test_inputs_that_do_not_fit_are_refused(training: bool) -> None:
    features, tokens = make("plain").train(training), make("embedding").train(training)
    with torch.set_grad_enabled(training):
        with pytest.raises(ShapeError, match=r"\(4, 9, 5\).*\(B, T, 6\)"):
            features(torch.zeros(4, 9, 5))
        with pytest.raises(InputError, match="float32; expected integer tokens"):
            tokens(torch.zeros(4, 9))
        with pytest.raises(InputError, match="0 to 6; expected 0 to 5"):
            tokens(torch.tensor([[0, 6]]))
        with pytest.raises(InputError, match="from 1 to 10; expected 1 to 9"):
            features(torch.zeros(2, 9, 6), torch.tensor([1, 10]))
