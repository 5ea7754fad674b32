from __future__ import annotations

import os

import pytest
import torch

from hadamrnn_ext.train import checkpoint
from hadamrnn_ext.train.checkpoint import CheckpointError, Progress


def test_round_trip(tmp_path):
    path = tmp_path / "checkpoint.pt"
    progress = Progress(epoch=3, step=7, loss_sum=0.1, best_scores={"loss": 1 / 3}, log_size=99)
    checkpoint.save(
        path, config={"lr": 1e-3, "block_size": None}, progress=progress, state={"w": torch.arange(3)}
    )
    config, again, state = checkpoint.load(path)
    assert config == {"lr": 1e-3, "block_size": None}
    assert again == progress
    assert torch.equal(state["w"], torch.arange(3))
    assert [item.name for item in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, config={}, progress=Progress(epoch=1), state={})

    def fail(descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save(path, config={}, progress=Progress(epoch=2), state={})
    assert checkpoint.load(path)[1].epoch == 1
    assert len(list(tmp_path.iterdir())) == 1


class Trap:
    """An object whose unpickling would call a function."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_loading_runs_no_code_from_the_file(tmp_path):
    trap = tmp_path / "sprung"
    torch.save(
        {"format": 1, "config": {}, "progress": {}, "state": Trap(str(trap))}, tmp_path / "checkpoint.pt"
    )
    with pytest.raises(CheckpointError, match="not a checkpoint, or a damaged one"):
        checkpoint.load(tmp_path / "checkpoint.pt")
    assert not trap.exists()


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_a_cut_file_is_an_error_of_ours(tmp_path, length):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, config={}, progress=Progress(), state={"w": torch.zeros(100)})
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt"):
        checkpoint.load(path)


def test_a_flipped_bit_is_an_error_of_ours_or_changes_nothing(tmp_path):
    path = tmp_path / "checkpoint.pt"
    weights = torch.arange(300.0)
    checkpoint.save(path, config={"lr": 0.5}, progress=Progress(epoch=3), state={"w": weights})
    data, refused = path.read_bytes(), 0
    for position in range(0, len(data), 7):
        path.write_bytes(data[:position] + bytes([data[position] ^ 16]) + data[position + 1 :])
        try:
            config, progress, state = checkpoint.load(path)
        except CheckpointError:
            refused += 1
        else:
            assert (config, progress) == ({"lr": 0.5}, Progress(epoch=3))
            assert torch.equal(state["w"], weights)
    assert refused > 1200 // 7  # at least those in the weights


@pytest.mark.parametrize("content", [[1, 2], {"format": 2}, {"format": 1}, {"format": 1, "config": {}}])
def test_other_content_is_an_error_of_ours(tmp_path, content):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="format"):
        checkpoint.load(tmp_path / "other.pt")
