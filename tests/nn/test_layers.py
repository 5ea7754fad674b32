from __future__ import annotations

import copy
import pickle

import pytest
import torch

from hadamrnn_ext import hadamard, nn
from hadamrnn_ext.errors import HadamardOrderError, InputError, ShapeError


def test_parameters_are_what_is_learned() -> None:
    one = nn.HadamRNN(3, 16, block_size=4)
    assert {name: tuple(p.shape) for name, p in one.named_parameters()} == {
        "weight_ih": (16, 3),
        "signs": (16,),
        "bias": (16,),
    }
    two = nn.HadamRNN(3, 16, num_layers=2, recurrence="modrelu")
    assert {name: tuple(p.shape) for name, p in two.named_parameters()} == {
        "weight_ih": (16, 3),
        "signs": (16,),
        "bias": (16,),
        "modrelu": (16,),
        "signs_l1": (16,),
        "bias_l1": (16,),
        "modrelu_l1": (16,),
        "input_signs_l1": (16, 16),
    }
    for rnn in (one, two):
        assert list(rnn.state_dict()) == [name for name, _ in rnn.named_parameters()]
    assert [p.shape for p in two.sign_parameters()] == [(16,), (16,), (16, 16)]


@pytest.mark.parametrize("recurrence", ["linear", "relu", "modrelu", "sign"])
def test_every_parameter_gets_a_gradient(recurrence: str) -> None:
    rnn = nn.HadamRNN(3, 16, num_layers=2, recurrence=recurrence)
    h, _ = rnn(torch.randn(2, 5, 3))
    h.pow(2).sum().backward() if recurrence != "sign" else h[..., ::2].sum().backward()
    assert all(p.grad is not None for p in rnn.parameters())


def test_state_dict_survives_training_and_a_second_instance() -> None:
    rnn = nn.HadamRNN(3, 16, num_layers=2, recurrence="modrelu")
    optimizer = torch.optim.Adam(rnn.parameters())
    x = torch.randn(4, 5, 3)
    for _ in range(3):
        rnn(x)[0].sum().backward()
        optimizer.step()
    other = nn.HadamRNN(3, 16, num_layers=2, recurrence="modrelu")
    assert not torch.equal(other(x)[0], rnn(x)[0])
    other.load_state_dict(rnn.state_dict())
    assert torch.equal(other(x)[0], rnn(x)[0])


def test_published_initialization() -> None:
    n, d = 512, 4
    rnn = nn.HadamRNN(d, n, recurrence="modrelu")
    bounds = {
        "weight_ih": (6 / (n + d)) ** 0.5,
        "signs": (6 / (n + 1)) ** 0.5,
        "bias": n**-0.5,
        "modrelu": 0.01,
    }
    for name, bound in bounds.items():
        values = getattr(rnn, name).detach().abs()
        assert 0.95 * bound < values.max() <= bound, name
        assert values.mean().item() == pytest.approx(bound / 2, rel=0.15), name
    square = nn.HadamRNN(n, n).weight_ih.detach()
    torch.testing.assert_close(square @ square.T, torch.eye(n), rtol=0, atol=1e-4)
    assert 0.3 < (nn.sign(rnn.signs) > 0).float().mean() < 0.7


def test_the_matrix_is_the_one_of_the_paper() -> None:
    """W = diag(u) (I_q (x) H_m) / sqrt(m), read off as the response to unit initial states."""
    n, m = 24, 12
    rnn = nn.HadamRNN(1, n, block_size=m, bias=False, dtype=torch.float64)
    u = nn.sign(rnn.signs).detach()
    blocks = torch.block_diag(*[torch.from_numpy(hadamard.matrix(m)).double()] * 2)
    w = u[:, None] * blocks / m**0.5
    for engine in ("loop", "native", "scan"):
        rnn.engine = engine
        h, _ = rnn(torch.zeros(n, 1, 1, dtype=torch.float64), torch.eye(n, dtype=torch.float64)[None])
        torch.testing.assert_close(h[:, 0].T, w)


def test_shapes_and_last_states() -> None:
    rnn = nn.HadamRNN(3, 8, num_layers=2)
    x, lengths = torch.randn(4, 6, 3), torch.tensor([6, 1, 3, 5])
    h, h_n = rnn(x, lengths=lengths)
    assert h.shape == (4, 6, 8)
    assert h_n.shape == (2, 4, 8)
    for i, length in enumerate(lengths):
        assert torch.equal(h[i, length - 1], h_n[1, i])
        assert not h[i, length:].any()
        alone, alone_n = rnn(x[i : i + 1, :length])
        torch.testing.assert_close(h[i, :length], alone[0])
        torch.testing.assert_close(h_n[:, i], alone_n[:, 0])


@pytest.mark.parametrize("engine", ["loop", "native", "scan"])
def test_a_sequence_in_two_parts(engine: str) -> None:
    rnn = nn.HadamRNN(3, 12, num_layers=2, engine=engine)
    x = torch.randn(4, 9, 3)
    whole, whole_n = rnn(x)
    first, state = rnn(x[:, :4])
    second, state = rnn(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(state, whole_n)


@pytest.mark.parametrize("engine", ["loop", "native", "krylov", "scan"])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_integer_input_is_one_hot(engine: str, dtype: torch.dtype) -> None:
    rnn = nn.HadamRNN(7, 8, engine=engine)
    tokens = torch.randint(0, 7, (3, 5), dtype=dtype)
    one_hot = torch.nn.functional.one_hot(tokens.long(), 7).float()
    torch.testing.assert_close(rnn.last_state(tokens), rnn.last_state(one_hot))


def test_frozen_signs_do_not_move() -> None:
    rnn = nn.HadamRNN(3, 8, freeze_signs=True)
    rnn(torch.randn(2, 4, 3))[0].sum().backward()
    assert rnn.signs.grad is None
    assert rnn.bias.grad is not None
    assert "signs" in rnn.state_dict()


def test_copies_pickles_and_moves() -> None:
    rnn = nn.HadamRNN(3, 8, block_size=4, num_layers=2)
    x = torch.randn(2, 4, 3)
    expected = rnn(x)[0]
    for other in (copy.deepcopy(rnn), pickle.loads(pickle.dumps(rnn)), rnn.share_memory()):
        assert torch.equal(other(x)[0], expected)
    assert rnn.signs.is_shared()
    double = copy.deepcopy(rnn).to(torch.float64)
    assert {p.dtype for p in double.parameters()} == {torch.float64}
    torch.testing.assert_close(double(x.double())[0].float(), expected)
    meta = nn.HadamRNN(3, 8, device="meta")
    assert meta.signs.device.type == "meta"
    assert len(pickle.dumps(nn.HadamRNN(1, 256))) < 10_000  # 770 numbers, and no n x n matrix


def test_extra_repr() -> None:
    text = "HadamRNN(3, 8, recurrence='linear', weight_bits=4, engine='auto' ({}))"
    krylov = "native; krylov for the last states of 12 sequences or more"
    assert repr(nn.HadamRNN(3, 8)) == text.format(krylov)
    assert repr(nn.HadamRNN(3, 8, recurrence="sign")) == text.replace("linear", "sign").format("native")
    assert repr(nn.HadamRNN(3, 8, device="meta")) == text.format("scan")
    assert "engine='loop')" in repr(nn.HadamRNN(3, 8, engine="loop"))
    text = repr(
        nn.HadamRNN(3, 8, block_size=4, num_layers=2, bias=False, freeze_signs=True, weight_bits=None)
    )
    for part in ("block_size=4", "num_layers=2", "bias=False", "freeze_signs=True", "weight_bits=None"):
        assert part in text


def test_options_that_make_no_network_are_refused() -> None:
    with pytest.raises(HadamardOrderError, match="24"):
        nn.HadamRNN(1, 22)
    with pytest.raises(ShapeError, match="not a multiple of block_size 8"):
        nn.HadamRNN(1, 12, block_size=8)
    with pytest.raises(ShapeError, match="at least 1"):
        nn.HadamRNN(0, 8)
    with pytest.raises(InputError, match=r"'tanh'.*linear, relu, modrelu, sign"):
        nn.HadamRNN(1, 8, recurrence="tanh")
    with pytest.raises(InputError, match="9"):
        nn.HadamRNN(1, 8, weight_bits=9)


@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        (torch.zeros(4, 5), ShapeError, r"\(4, 5\).*\(B, T, 3\) or \(T, 3\)"),
        (torch.zeros(2, 4, 5), ShapeError, r"\(2, 4, 5\).*\(B, T, 3\)"),
        (torch.zeros(2, 0, 3), ShapeError, "at least one time step"),
        (torch.zeros(2, 4, 3, dtype=torch.complex64), InputError, "complex64"),
        (torch.zeros(2, 4, dtype=torch.bool), InputError, "bool"),
        (torch.zeros(2, 4, 3, dtype=torch.uint8), ShapeError, "uint8.*tokens"),
        (torch.tensor([[0, 3]]), InputError, "0 to 3; expected 0 to 2"),
        (torch.tensor([[0, -1]]), InputError, "-1 to 0; expected 0 to 2"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(x: torch.Tensor, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        nn.HadamRNN(3, 8)(x)


@pytest.mark.parametrize(
    ("lengths", "error", "text"),
    [
        (torch.tensor([0, 4]), InputError, "from 0 to 4; expected 1 to 4"),
        (torch.tensor([1, 5]), InputError, "from 1 to 5; expected 1 to 4"),
        (torch.tensor([1.0, 2.0]), InputError, "float32"),
        (torch.tensor([1, 2, 3]), ShapeError, r"\(3,\); expected \(2,\)"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(
    lengths: torch.Tensor, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        nn.HadamRNN(3, 8)(torch.zeros(2, 4, 3), lengths=lengths)


def test_an_initial_state_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(2, 8\); expected \(1, 2, 8\)"):
        nn.HadamRNN(3, 8)(torch.zeros(2, 4, 3), torch.zeros(2, 8))
