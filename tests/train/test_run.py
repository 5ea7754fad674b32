from __future__ import annotations

import dataclasses

import pytest
import torch

from hadamrnn_ext import train
from hadamrnn_ext.nn.engines import threads
from hadamrnn_ext.train.progress import Silent
from hadamrnn_ext.train.run import memory_errors


def test_the_end_of_memory_is_a_memory_error():
    with pytest.raises(MemoryError, match="allocate"), memory_errors():
        torch.empty(1 << 50)


def test_other_errors_of_torch_stay_what_they_are():
    with pytest.raises(RuntimeError, match="size of tensor"), memory_errors():
        torch.zeros(2) + torch.zeros(3)


class Threads(Silent):
    """Notes after every step how many threads torch and the core have."""

    def __init__(self):
        self.found = set()

    def step(self, epoch, step, loss):
        self.found.add((torch.get_num_threads(), threads.core()))


@pytest.mark.parametrize(
    ("given", "engine", "model", "expected"),
    [
        (None, "auto", "hadamrnn", (1, 3)),
        (2, "auto", "hadamrnn", (1, 2)),
        (2, "loop", "hadamrnn", (2, 2)),  # torch does the work, and so it keeps its threads
        (2, "auto", "gru", (2, 2)),
    ],
)
def test_threads_go_to_whoever_does_the_work(small, tmp_path, given, engine, model, expected):
    config, told = small(engine=engine), Threads()
    if model != "hadamrnn":
        config = dataclasses.replace(config, preset=train.as_baseline(config.preset, model))
    torch.set_num_threads(3)
    summary = train.run(config, tmp_path, threads=given, reporter=told)
    assert told.found == {expected}
    assert summary["threads"] == expected[1]
    assert (torch.get_num_threads(), threads.core()) == (3, 3)  # as before
