"""Runs small enough to train in a test: the copy task on 24 steps, which needs no data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest
import torch

from hadamrnn_ext.data import copy
from hadamrnn_ext.train import Config, curves, get_preset


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Few examples to validate and test on, no picture, and one thread, since runs as small as these gain by no other."""
    monkeypatch.setitem(copy.SIZES, "validation", 200)
    monkeypatch.setitem(copy.SIZES, "test", 200)
    monkeypatch.setattr(curves, "available", lambda: False)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def small() -> Callable[..., Config]:
    return _small


def _small(*, seed: int = 3, engine: str = "auto", limit_train: int = 80, **recipe: object) -> Config:
    """Five steps an epoch, three epochs, unless said otherwise."""
    defaults = {"length": 24, "hidden_size": 16, "batch_size": 16, "epochs": 3, "lr": 1e-2}
    preset = dataclasses.replace(get_preset("copy"), **{**defaults, **recipe})
    return Config(preset, seed=seed, engine=engine, limit_train=limit_train)
