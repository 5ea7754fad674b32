"""Runs small enough to train in a test: the copy task on 24 steps, which needs no data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from hadamrnn_ext.train import Config, get_preset


@pytest.fixture
def small() -> Callable[..., Config]:
    return _small


def _small(*, seed: int = 3, engine: str = "auto", limit_train: int = 80, **recipe: object) -> Config:
    """Five steps an epoch, three epochs, unless said otherwise."""
    defaults = {"length": 24, "hidden_size": 16, "batch_size": 16, "epochs": 3, "lr": 1e-2}
    preset = dataclasses.replace(get_preset("copy"), **{**defaults, **recipe})
    return Config(preset, seed=seed, engine=engine, limit_train=limit_train)
