from __future__ import annotations

import sys

import pytest

from hadamrnn_ext import train
from hadamrnn_ext.train.log import records


def test_a_run_says_at_once_that_tensorboard_is_missing(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        train.run(small(), tmp_path, tensorboard=True)
    assert not (tmp_path / "log.jsonl").exists()


def test_the_events_are_the_records_of_the_log(small, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train.run(small(epochs=1), tmp_path, tensorboard=True)
    train.run(small(epochs=2), tmp_path, tensorboard=True)  # goes on
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    lines = [record for record in records(tmp_path / "log.jsonl") if record["event"] == "epoch"]
    for tag, name in (
        ("loss/train", "loss"),
        ("loss/validation", "val_loss"),
        ("symbols/validation", "val_symbols"),
        ("signs/flips", "flips"),
        ("rate/sign_lr", "sign_lr"),
    ):
        points = [(event.step, event.value) for event in events.Scalars(tag)]
        assert points == [(line["epoch"], pytest.approx(line[name], rel=1e-6)) for line in lines]
