"""A second recurrence that reads from the end, with the shapes and the order of torch.nn.RNN."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from hadamrnn_ext import Model, nn
from hadamrnn_ext.errors import InputError, ShapeError
from hadamrnn_ext.golden import floats as golden
from hadamrnn_ext.nn.engines import reverse

LENGTHS = torch.tensor([7, 1, 4, 6])
ENGINES = ["loop", "native", "scan", "auto"]


def flipped(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Row by row, by Python."""
    ends = [x.shape[1]] * len(x) if lengths is None else lengths.tolist()
    return torch.stack([torch.cat([row[:end].flip(0), row[end:]]) for row, end in zip(x, ends, strict=True)])


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("shape", [(4, 7), (4, 7, 3)])
def test_reverse(shape: tuple[int, ...], lengths: Tensor | None) -> None:
    x = torch.randint(0, 100, shape)
    assert torch.equal(reverse(x, lengths), flipped(x, lengths))
    assert torch.equal(reverse(reverse(x, lengths), lengths), x)


def one_way(rnn: nn.HadamRNN, direction: str) -> nn.HadamRNN:
    """A layer that has the weights of one direction of a single bidirectional layer."""
    other = nn.HadamRNN(
        rnn.input_size,
        rnn.hidden_size,
        block_size=rnn.block_size,
        recurrence=rnn.recurrence,
        engine=rnn.engine,
    ).to(rnn.signs.dtype)
    state = {name: rnn.state_dict()[name + direction] for name in other.state_dict()}
    other.load_state_dict(state)
    return other


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("recurrence", ["linear", "modrelu"])
@pytest.mark.parametrize("engine", ["loop", "native", "auto"])
def test_it_is_two_recurrences(engine: str, recurrence: str, lengths: Tensor | None) -> None:
    rnn = nn.HadamRNN(
        3, 8, block_size=4, bidirectional=True, recurrence=recurrence, engine=engine, dtype=torch.float64
    )
    x, h_0 = torch.randn(4, 7, 3, dtype=torch.float64), torch.randn(2, 4, 8, dtype=torch.float64)
    h, h_n = rnn(x, h_0, lengths)
    forwards, ends = one_way(rnn, "")(x, h_0[:1], lengths)
    backwards, starts = one_way(rnn, "_reverse")(flipped(x, lengths), h_0[1:], lengths)
    torch.testing.assert_close(h, torch.cat([forwards, flipped(backwards, lengths)], 2))
    torch.testing.assert_close(h_n, torch.cat([ends, starts]))
    torch.testing.assert_close(rnn.last_state(x, lengths, h_0), torch.cat([ends[0], starts[0]], 1))


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_engines_agree(lengths: Tensor | None, num_layers: int) -> None:
    rnn = nn.HadamRNN(3, 12, bidirectional=True, num_layers=num_layers, dtype=torch.float64)
    x = torch.randn(4, 7, 3, dtype=torch.float64, requires_grad=True)
    found = []
    for engine in ENGINES:
        rnn.engine = engine
        h, h_n = rnn(x, lengths=lengths)
        mean, _ = nn.stack.read(rnn, x, None, lengths, "mean")
        loss = (h**3).sum() + (h_n**2).sum() + (mean**3).sum() + (rnn.last_state(x, lengths) ** 3).sum()
        found.append([h, h_n, mean, *torch.autograd.grad(loss, [x, *rnn.parameters()])])
    for other in found[1:]:
        for a, b in zip(other, found[0], strict=True):
            torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("num_layers", [1, 2])
def test_the_interface_is_that_of_torch(num_layers: int) -> None:
    options = {"num_layers": num_layers, "bidirectional": True, "batch_first": True}
    ours, theirs = nn.HadamRNN(3, 8, **options), torch.nn.RNN(3, 8, **options)
    x, h_0 = torch.randn(4, 7, 3), torch.randn(2 * num_layers, 4, 8)
    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    for given, start in [(x, None), (x, h_0), (x[0], None), (x[0], h_0[:, 0]), (packed, None), (packed, h_0)]:
        (mine, mine_n), (his, his_n) = ours(given, start), theirs(given, start)
        assert mine_n.shape == his_n.shape
        if given is packed:
            assert torch.equal(mine.batch_sizes, his.batch_sizes)
            mine, his = mine.data, his.data
        assert mine.shape == his.shape
    h, h_n = ours(x)
    ends = h_n.view(num_layers, 2, 4, 8)[-1]  # as the documentation of torch.nn.RNN takes it apart
    assert torch.equal(ends[0], h[:, -1, :8])
    assert torch.equal(ends[1], h[:, 0, 8:])
    padded, _ = pad_packed_sequence(ours(packed)[0], batch_first=True)
    torch.testing.assert_close(padded, ours(x, lengths=LENGTHS)[0])


def test_parameters() -> None:
    rnn = nn.HadamRNN(3, 16, num_layers=2, bidirectional=True, recurrence="modrelu", freeze_signs=True)
    shapes = {name: tuple(p.shape) for name, p in rnn.named_parameters()}
    assert shapes["weight_ih_reverse"] == (16, 3)
    assert shapes["input_signs_l1"] == shapes["input_signs_l1_reverse"] == (16, 32)
    assert {name.removesuffix("_reverse") for name in shapes} == set(
        dict(nn.HadamRNN(3, 16, num_layers=2, recurrence="modrelu").named_parameters())
    )
    assert len(shapes) == 2 * 8
    assert not rnn.signs_reverse.requires_grad
    assert [p.shape for p in rnn.sign_parameters()] == [(16,), (16,), (16, 32)] * 2
    assert "bidirectional=True" in repr(rnn)
    x = torch.randn(2, 5, 3)
    nn.HadamRNN(3, 16, num_layers=2, bidirectional=True)(x)[0].square().sum().backward()
    with pytest.raises(ShapeError, match=r"\(2, 2, 16\); expected \(4, 2, 16\) \(2 num_layers, B, n\)"):
        rnn(x, torch.zeros(2, 2, 16))


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("output", ["last", "mean", "all"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"block_size": 4, "recurrence": "modrelu", "bias_bits": 8},
        {"tokens": True},
        {"tokens": True, "embedding_size": 5},
        {"weight_bits": 2, "output_weight_bits": None},
    ],
)
def test_the_native_model(options: dict, output: str, lengths: Tensor | None, golden_network) -> None:
    model = nn.SequenceModel(6, 16, 3, bidirectional=True, output=output, **options)
    x = torch.randint(0, 6, (4, 7)) if model.tokens else torch.randn(4, 7, 6)
    ends = None if lengths is None else lengths.numpy()
    trained = model(x, lengths)
    native = model.to_native()
    y = torch.from_numpy(native.infer(x.numpy(), ends))
    torch.testing.assert_close(y, trained, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        assert torch.equal(model.eval()(x, lengths), y)
    assert torch.equal(torch.from_numpy(golden.forward(golden_network(model), x.numpy(), ends)), y)
    again = nn.from_native(Model.from_bytes(native.to_bytes()))
    assert again.to_native() == native
    torch.testing.assert_close(again(x, lengths), trained, rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match="infer takes the whole sequence"):
        native.stream()


@pytest.mark.parametrize("output", ["last", "mean", "all"])
def test_the_loss(output: str) -> None:
    model = nn.SequenceModel(2, 8, 3, bidirectional=True, output=output)
    x = torch.randn(4, 7, 2)
    y = torch.randint(0, 3, (4, 7) if output == "all" else (4,))
    found = []
    for engine in ("loop", "auto"):
        model.rnn.engine = engine
        loss = model.loss(x, y, LENGTHS)
        found.append([loss, *torch.autograd.grad(loss, list(model.parameters()))])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert all(g.abs().max() > 0 for g in found[1][1:])
    assert len(model.quantized_parameters()) == 3
    assert len(model.sign_parameters()) == 2


def test_several_layers_train_and_do_not_deploy() -> None:
    model = nn.SequenceModel(2, 8, 3, bidirectional=True, num_layers=2)
    x = torch.randn(4, 7, 2)
    y = model(x)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(x), y)
    with pytest.raises(InputError, match=r"2 layers in both directions.*num_layers=1"):
        model.to_native()
    with pytest.raises(InputError, match="no integer models of both directions"):
        nn.SequenceModel(2, 8, 3, bidirectional=True).simulate_integers([x.numpy()], 12)


def test_it_learns_what_only_the_end_tells() -> None:
    """At the first step the answer is the last step's sign, which one direction alone cannot know."""
    shares = []
    for bidirectional in (True, False):
        model = nn.SequenceModel(
            1, 32, 1, bidirectional=bidirectional, output="all", freeze_signs=True, weight_bits=None
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(300):
            x = torch.randn(64, 6, 1)
            optimizer.zero_grad()
            model.loss(x, (x[:, -1:, 0] > 0).long().expand(-1, 6)).backward()
            optimizer.step()
        x = torch.randn(500, 6, 1)
        right = (model(x)[:, 0, 0] > 0) == (x[:, -1, 0] > 0)
        shares.append(right.float().mean().item())
    assert shares[0] > 0.85
    assert shares[1] < 0.6
