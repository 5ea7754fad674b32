"""Two real processes, as torchrun starts them, against one."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hadamrnn_ext import train
from hadamrnn_ext.data import copy, tasks
from hadamrnn_ext.model import Model
from hadamrnn_ext.train import checkpoint, parallel
from hadamrnn_ext.train.initial import build
from hadamrnn_ext.train.log import records
from hadamrnn_ext.train.parallel import Workers
from hadamrnn_ext.train.progress import Silent
from hadamrnn_ext.train.trainer import Trainer

# Each process of this script trains to the end; then again, and one of them is sent SIGTERM on the way, and goes on;
# then again, and one of them fails.
SCRIPT = """
import dataclasses, json, os, signal, sys
from pathlib import Path
from torch import distributed
from hadamrnn_ext import train
from hadamrnn_ext.data import copy
from hadamrnn_ext.errors import DataError, HadamRNNError
from hadamrnn_ext.train import trainer
from hadamrnn_ext.train.progress import Silent

out, recipe = Path(sys.argv[1]), json.loads(sys.argv[2])
copy.SIZES.update(validation=201, test=200)
distributed.init_process_group("gloo")
rank, pids = distributed.get_rank(), [None, None]
distributed.all_gather_object(pids, os.getpid())
config = train.Config(dataclasses.replace(train.get_preset("copy"), **recipe), seed=3, limit_train=81)

class Disturber(Silent):
    def step(self, epoch, step, loss):
        if (epoch, step) == (1, 2):
            os.kill(pids[1], signal.SIGTERM)

train.run(config, out / "whole", threads=1)
try:
    train.run(config, out / "cut", threads=1, reporter=Disturber())
except train.Interrupted as error:
    place = [error.signum, str(error)]
summary = train.run(config, out / "cut", threads=1, resume=True)
(out / f"told-{rank}.json").write_text(json.dumps([*place, summary]))

if rank == 1:
    def fail(count, seed, epoch, order=trainer.epoch_order):
        if epoch == 1:
            raise DataError("no more of it")
        return order(count, seed, epoch)
    trainer.epoch_order = fail
try:
    train.run(config, out / "failed", threads=1)
except HadamRNNError as error:
    (out / f"failed-{rank}").write_text(type(error).__name__)
os._exit(0)  # connections are cut, as when a process is killed
"""


def torchrun(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.run(
        [*command, *map(str, arguments)], check=False, timeout=300, capture_output=True, text=True
    )


def curve(folder: Path) -> np.ndarray:
    """Training and validation loss of each epoch."""
    lines = [record for record in records(folder / "log.jsonl") if record["event"] == "epoch"]
    return np.array([[line["loss"], line["val_loss"]] for line in lines])


def test_two_processes_train_as_one_stop_as_one_and_fail_as_one(small, tmp_path, monkeypatch):
    # 81 examples in batches of 16: the last batch holds a single one, and one process none.
    config = small(limit_train=81, average=0.8, sign_schedule="constant", grad_clip=1.0)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    recipe = {name: value for name, value in dataclasses.asdict(config.preset).items() if name != "name"}
    done = torchrun(script, tmp_path, json.dumps(recipe))
    assert done.returncode == 0, done.stderr

    monkeypatch.setitem(copy.SIZES, "validation", 201)
    train.run(config, tmp_path / "one")
    np.testing.assert_allclose(curve(tmp_path / "whole"), curve(tmp_path / "one"), rtol=0, atol=1e-4)
    names = sorted(path.name for path in (tmp_path / "whole").iterdir() if path.suffix != ".png")
    assert names == ["checkpoint.pt", "log.jsonl", "model.safetensors"]
    assert len(list(records(tmp_path / "whole" / "log.jsonl"))) == 3 + 1

    # The scores of the same weights, from one process.
    task = tasks.load("copy", length=config.preset.length)
    alone = Trainer(config, task, build(config, task), tmp_path / "whole", Silent(), Workers())
    alone.restore()
    *_, last, _ = records(tmp_path / "whole" / "log.jsonl")
    for name, value in alone.validate().items():
        assert value == pytest.approx(last[f"val_{name}"], rel=1e-9), name

    told = [json.loads((tmp_path / f"told-{rank}.json").read_text()) for rank in (0, 1)]
    assert told[0] == told[1]
    signum, message, summary = told[0]
    assert signum == 15
    assert "stopped at epoch 2, step " in message
    assert (summary["processes"], summary["threads"]) == (2, 1)
    first, second = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut"))
    assert first == second

    assert (tmp_path / "failed-0").read_text() == "PeerError"
    assert (tmp_path / "failed-1").read_text() == "DataError"
    assert checkpoint.load(tmp_path / "failed" / "checkpoint.pt")[1].epoch == 1

    # One process takes up the run of two.
    longer = dataclasses.replace(config, preset=dataclasses.replace(config.preset, epochs=5))
    train.run(longer, tmp_path / "whole", resume=True)
    train.run(longer, tmp_path / "one", resume=True)
    np.testing.assert_allclose(curve(tmp_path / "whole"), curve(tmp_path / "one"), rtol=0, atol=1e-4)


def test_the_command_under_torchrun_tells_once(tmp_path):
    options = (
        "--length 24 --hidden-size 16 --batch-size 16 --limit-train 80 --lr 0.01 --epochs 2 --json --out"
    )
    done = torchrun("-m", "hadamrnn_ext", "train", "copy", *options.split(), tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)  # one of them
    assert summary["processes"] == 2
    assert done.stderr.count("epoch   1/2") == 1
    assert (
        Model.load(tmp_path / "model.safetensors").card.training.metrics["test_loss"] == summary["test_loss"]
    )


def test_a_batch_has_an_example_for_every_process(small, tmp_path):
    config, task = small(batch_size=2), tasks.load("copy", length=24)
    with pytest.raises(train.PresetError, match="batch_size is 2, fewer than the 3 processes"):
        Trainer(config, task, build(config, task), tmp_path, Silent(), Workers(0, 3))


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_parts_make_up_the_whole_and_nobody_has_none(count, size):
    index = np.random.default_rng(0).permutation(count)
    shares = [Workers(rank, size).share(index) for rank in range(size)]
    counted = np.concatenate([part[:number] for part, number in shares])
    np.testing.assert_array_equal(counted, index)
    assert all(len(part) >= 1 for part, _ in shares)


def test_means_are_those_of_all_examples(monkeypatch):
    rows = iter([[[2.0, 2 * 0.5, 2 * 3.0], [6.0, 6 * 1.5, 6 * 1.0]]])
    monkeypatch.setattr(Workers, "gather", lambda self, *values: next(rows))
    assert Workers(0, 2).mean({"accuracy": 0.5, "loss": 3.0}, 2) == {"accuracy": 1.25, "loss": 1.5}


def test_processes_of_a_machine_share_its_cores(monkeypatch):
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert parallel.fair_threads() is None
    monkeypatch.setenv("WORLD_SIZE", "6")
    for local, threads in (("3", 2), ("6", 1), ("16", 1)):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", local)
        assert parallel.fair_threads() == threads
    assert parallel.is_main()
    monkeypatch.setenv("RANK", "4")
    assert not parallel.is_main()
