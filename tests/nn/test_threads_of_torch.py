"""torch's own operations on one thread, while the engines in C++ take several, and what it leaves as it was."""

from __future__ import annotations

import pytest
import torch

from hadamrnn_ext import InputError, nn
from hadamrnn_ext.nn.engines import threads


@pytest.fixture
def three():
    torch.set_num_threads(3)  # and 1 again after the test, by the fixture of the folder


def test_the_core_takes_the_threads_that_torch_had(three):
    assert threads.core() == 3
    with nn.torch_on_one_thread():
        assert (torch.get_num_threads(), threads.core()) == (1, 3)
        with nn.torch_on_one_thread():
            assert (torch.get_num_threads(), threads.core()) == (1, 3)
        with nn.torch_on_one_thread(2):
            assert (torch.get_num_threads(), threads.core()) == (1, 2)
        assert (torch.get_num_threads(), threads.core()) == (1, 3)
    assert (torch.get_num_threads(), threads.core()) == (3, 3)


def test_an_error_inside_leaves_the_numbers_as_they_were(three):
    with pytest.raises(ZeroDivisionError), nn.torch_on_one_thread(2):
        1 / 0  # noqa: B018
    assert (torch.get_num_threads(), threads.core()) == (3, 3)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True, 2000])
def test_a_wrong_number_is_refused_before_anything_changes(three, wrong):
    with (
        pytest.raises(InputError, match=r"threads is .*; expected an integer 1 .. 1024"),
        nn.torch_on_one_thread(wrong),
    ):
        pass
    assert (torch.get_num_threads(), threads.core()) == (3, 3)


def test_large_work_takes_all_threads(three):
    with nn.torch_on_one_thread():
        with threads.all_for(99, 100):
            assert torch.get_num_threads() == 1
        with threads.all_for(100, 100):
            assert torch.get_num_threads() == 3
        assert torch.get_num_threads() == 1
    with threads.all_for(100, 100):
        assert torch.get_num_threads() == 3


def trained(net, x, y):
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(3):
        optimizer.zero_grad()
        net.loss(x, y).backward()
        optimizer.step()
    return [parameter.detach().clone() for parameter in net.parameters()]


@pytest.mark.parametrize("engine", ["native", "krylov"])
def test_a_step_gives_the_same_bits(engine, monkeypatch):
    """Those of torch on one thread, and of large products on the threads of the core too, of which there is one here."""

    def run():
        torch.manual_seed(0)
        net = nn.SequenceModel(2, 64, 3, engine=engine)
        return trained(net, torch.randn(20, 30, 2), torch.arange(20) % 3)

    expected = run()
    monkeypatch.setattr(threads, "LARGE_PRODUCT", 1)
    with nn.torch_on_one_thread():
        found = run()
    assert all(map(torch.equal, found, expected))


@pytest.mark.parametrize("bits", [None, 8])
def test_the_table_of_an_embedding_has_the_same_values_and_gradients(bits, monkeypatch):
    """First and second derivatives, with torch's own product and with the one that may take all threads."""

    def run():
        torch.manual_seed(0)
        options = {"tokens": True, "embedding_size": 8, "embedding_bits": bits}
        net = nn.SequenceModel(50, 16, 3, **options)
        x, y = torch.randint(1, 50, (6, 9)), torch.arange(6) % 3
        weights = [p for p in net.parameters() if p.requires_grad]
        grads = torch.autograd.grad(net.loss(x, y), weights, create_graph=True)
        twice = torch.autograd.grad(sum(g.square().sum() for g in grads), weights, allow_unused=True)
        return [*grads, *(g for g in twice if g is not None)]

    expected = run()
    monkeypatch.setattr(threads, "LARGE_PRODUCT", 1)
    torch.set_num_threads(2)
    with nn.torch_on_one_thread():
        found = run()
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
