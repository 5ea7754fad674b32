"""Processes that are killed with SIGKILL, taken up again, and compared with one that nobody disturbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from hadamrnn_ext.train import checkpoint
from hadamrnn_ext.train.log import records

# For each line [out, seconds, event, epoch, step], one process that trains. It kills itself at a step, or when an epoch
# is in the log and not yet in the checkpoint. Forked from one that has imported everything and computed nothing.
PROCESSES = """
import dataclasses, json, os, signal, sys
from hadamrnn_ext import train
from hadamrnn_ext.data import copy
from hadamrnn_ext.train.progress import Silent

class Killer(Silent):
    def __init__(self, event, *place):
        self.event, self.place = event, place

    def step(self, epoch, step, loss):
        if (self.event, self.place) == ("step", (epoch, step)):
            os.kill(os.getpid(), signal.SIGKILL)

    def epoch(self, record):
        if (self.event, self.place) == ("epoch", (record["epoch"], 0)):
            os.kill(os.getpid(), signal.SIGKILL)

copy.SIZES.update(validation=200, test=200)
preset = dataclasses.replace(
    train.get_preset("copy"), length=24, hidden_size=16, batch_size=16, epochs=4, lr=3e-2, sign_lr=1e-2
)
config = train.Config(preset, seed=11, limit_train=80)
for line in sys.stdin:
    out, seconds, *when = json.loads(line)
    child = os.fork()
    if not child:
        train.run(config, out, threads=1, checkpoint_seconds=seconds, reporter=Killer(*when))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def process() -> Iterator[Callable[..., int]]:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }  # a lone thread forks safely
    with subprocess.Popen(
        [sys.executable, "-c", PROCESSES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as parent:

        def run(out: Path, seconds: float, event: str = "none", epoch: int = 0, step: int = 0) -> int:
            assert parent.stdin is not None
            assert parent.stdout is not None
            print(json.dumps([str(out), seconds, event, epoch, step]), file=parent.stdin, flush=True)
            return int(parent.stdout.readline())

        yield run


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_a_run_killed_again_and_again_ends_with_the_same_bits(process, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert process(whole, 1e9) == 0
    assert process(killed, 0, "step", 0, 3) == -signal.SIGKILL
    place = checkpoint.load(killed / "checkpoint.pt")[1]
    assert (place.epoch, place.step) == (0, 2)  # saved every step; the third was lost
    assert process(killed, 1e9, "step", 1, 4) == -signal.SIGKILL
    place = checkpoint.load(killed / "checkpoint.pt")[1]
    assert (place.epoch, place.step) == (1, 0)  # nothing within the epoch was saved
    assert process(killed, 0, "epoch", 3) == -signal.SIGKILL
    assert [record["epoch"] for record in records(killed / "log.jsonl")] == [1, 2, 3]
    assert checkpoint.load(killed / "checkpoint.pt")[1].epoch == 2  # the log knows more than the checkpoint
    assert process(killed, 0) == 0

    assert (killed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    lines = [
        [
            {name: value for name, value in record.items() if not name.endswith("seconds")}
            for record in records(out / "log.jsonl")
        ]
        for out in (whole, killed)
    ]
    assert lines[0] == lines[1]
    assert len(lines[0]) == 5
    (_, _, first), (_, _, second) = (checkpoint.load(out / "checkpoint.pt") for out in (whole, killed))
    for name, value in first["model"].items():
        assert torch.equal(value, second["model"][name])
    for index, state in first["optimizer"]["state"].items():
        assert all(
            torch.equal(value, second["optimizer"]["state"][index][name]) for name, value in state.items()
        )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_nothing_is_lost_in_a_moment():
    kill = Path(__file__).parents[2] / "fuzz" / "kill.py"
    command = [sys.executable, str(kill), "--seconds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("nothing lost") == 4
