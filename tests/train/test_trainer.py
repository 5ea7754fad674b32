from __future__ import annotations

import dataclasses
import os
import random
import signal
import threading

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hadamrnn_ext import train
from hadamrnn_ext.data import tasks
from hadamrnn_ext.data.task import evaluate
from hadamrnn_ext.model import Model
from hadamrnn_ext.train import checkpoint
from hadamrnn_ext.train.checkpoint import CheckpointError
from hadamrnn_ext.train.initial import build
from hadamrnn_ext.train.log import records
from hadamrnn_ext.train.progress import Silent
from hadamrnn_ext.train.trainer import epoch_order


class Recorder(Silent):
    """Keeps the loss of every step, and may do something at one of them."""

    def __init__(self, at=None, act=None):
        self.losses, self.at, self.act = [], at, act

    def step(self, epoch, step, loss):
        self.losses.append(loss)
        if (epoch, step) == self.at:
            self.act()


def by_hand(config):
    """The published recipe written out: Adam, StepLR by epoch, cross-entropy over all steps. Losses, model, flips."""
    preset = config.preset
    task = tasks.load("copy", length=preset.length)
    examples = task.train.take(slice(config.limit_train))
    torch.manual_seed(config.seed)
    model = build(config, task)
    adam = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=preset.lr)
    scheduler = torch.optim.lr_scheduler.StepLR(adam, step_size=1, gamma=preset.decay)
    losses, flips = [], []
    for epoch in range(preset.epochs):
        flips.append(0)
        for chosen in np.split(
            epoch_order(len(examples), config.seed, epoch), len(examples) // preset.batch_size
        ):
            x, y = (torch.from_numpy(array) for array in examples.batch(chosen))
            before = model.rnn.signs.detach().clone()
            loss = F.cross_entropy(model(x).transpose(1, 2), y)
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.item())
            flips[-1] += int(((before >= 0) != (model.rnn.signs >= 0)).sum())
        scheduler.step()
    return losses, model, flips


def test_training_is_the_published_recipe(small, tmp_path):
    config = small()
    recorder = Recorder()
    train.run(config, tmp_path, reporter=recorder)
    losses, model, flips = by_hand(config)
    np.testing.assert_allclose(recorder.losses, losses, rtol=1e-4)
    _, progress, state = checkpoint.load(tmp_path / "checkpoint.pt")
    assert progress.epoch == 3
    for name, value in model.state_dict().items():
        torch.testing.assert_close(state["model"][name], value, rtol=1e-3, atol=1e-5)
    lines = [record for record in records(tmp_path / "log.jsonl") if record["event"] == "epoch"]
    assert [line["flips"] for line in lines] == flips
    assert sum(flips) > 0
    assert [line["lr"] for line in lines] == pytest.approx([1e-2, 0.98e-2, 0.98**2 * 1e-2])
    assert [line["loss"] for line in lines] == pytest.approx(
        np.mean(np.reshape(losses, (3, 5)), axis=1), rel=1e-4
    )


def test_the_model_file_is_the_best_epoch_and_its_card_tells_the_truth(small, tmp_path):
    config = small(epochs=4, lr=3e-2)
    summary = train.run(config, tmp_path)
    lines = list(records(tmp_path / "log.jsonl"))
    assert [line["event"] for line in lines] == ["epoch"] * 4 + ["summary"]
    assert lines[-1] == summary
    best = min(lines[:4], key=lambda line: line["val_loss"])
    assert summary["best_epoch"] == best["epoch"]
    model = Model.load(tmp_path / "model.safetensors")
    task = tasks.load("copy", length=24)
    for split, prefix in ((task.validation, "val_"), (task.test, "test_")):
        for name, value in evaluate(model.infer, task, split, raw=True).items():
            assert summary[prefix + name] == pytest.approx(value, rel=1e-6)
            assert model.card.training.metrics[prefix + name] == summary[prefix + name]
    training = model.card.training
    assert (training.task, training.preset, training.seed, training.epochs) == ("copy", "copy", 3, 4)
    assert training.settings["lr"] == 3e-2
    assert training.settings["best_epoch"] == summary["best_epoch"]
    assert summary["payload_bytes"] == model.describe().payload_bytes
    assert summary["file_bytes"] == (tmp_path / "model.safetensors").stat().st_size


def test_digits_train_and_the_model_takes_raw_pixels(digits_dir, tmp_path):
    preset = dataclasses.replace(
        train.get_preset("pmnist"), hidden_size=32, block_size=8, batch_size=20, epochs=2
    )
    summary = train.run(train.Config(preset), tmp_path, data=digits_dir, verify=False)
    model = Model.load(tmp_path / "model.safetensors")
    task = tasks.load("pmnist", digits_dir, verify=False)
    images, labels = task.test.raw(slice(None))
    assert summary["test_accuracy"] == np.mean(model.infer(images).argmax(1) == labels)
    assert model.card.labels == tuple("0123456789")
    prepared = task.test.batch(slice(None))[0]
    plain = dataclasses.replace(
        model.card, preprocess=dataclasses.replace(model.card.preprocess, permutation=None)
    )
    np.testing.assert_array_equal(model.with_card(plain).infer(prepared), model.infer(images))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(small, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        train.run(small(seed=seed, epochs=1), tmp_path / name)
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_the_run_goes_on_to_the_same_bytes(small, tmp_path, signum):
    config = small()
    train.run(config, tmp_path / "whole")
    recorder = Recorder((1, 2), lambda: os.kill(os.getpid(), signum))
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(train.Interrupted, match="epoch 2, step 3") as caught:  # noticed in the step after
        train.run(config, tmp_path / "cut", reporter=recorder)
    assert caught.value.signum == signum
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert checkpoint.load(tmp_path / "cut" / "checkpoint.pt")[1].step == 3
    rest = Recorder()
    train.run(config, tmp_path / "cut", resume=True, reporter=rest)
    assert len(rest.losses) == 15 - 8
    whole, cut = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut"))
    assert whole == cut


def test_a_signal_while_the_last_epoch_is_validated_is_not_lost(small, tmp_path):
    class Stopping(Silent):
        def epoch(self, record):
            if record["epoch"] == 3:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(train.Interrupted, match=r"epoch 4, step 0.*goes on from") as caught:
        train.run(small(), tmp_path, reporter=Stopping())
    assert isinstance(caught.value, KeyboardInterrupt)
    assert not isinstance(caught.value, Exception)  # which whoever tries many things would pass over
    assert not (tmp_path / "model.safetensors").exists()
    train.run(small(), tmp_path, resume=True)
    assert (tmp_path / "model.safetensors").exists()


def test_the_random_state_of_others_stays(small, tmp_path):
    torch.manual_seed(99)
    torch.rand(3)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    train.run(small(epochs=1, embedding_size=2, token_dropout=0.5), tmp_path)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert random.getstate() == before[2]


def test_scalars_of_numpy_make_the_same_run(small, tmp_path):
    recipe = {
        "hidden_size": 16,
        "lr": 0.25,
        "epochs": 1,
        "batch_size": 16,
        "bias_bits": 8,
        "freeze_signs": True,
    }
    types = (np.int64, np.float32, np.int32, np.uint8, np.int16, np.bool_)
    others = {name: kind(value) for (name, value), kind in zip(recipe.items(), types, strict=True)}
    plain, given = small(**recipe), small(seed=np.int64(3), limit_train=np.int32(80), **others)
    assert given == plain
    assert repr(given) == repr(plain)
    train.run(plain, tmp_path / "plain")
    train.run(given, tmp_path / "given", checkpoint_seconds=0.0)
    train.run(given, tmp_path / "given", resume=True)
    model, same = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("plain", "given"))
    assert model == same


def test_training_works_outside_the_main_thread(small, tmp_path):
    thread = threading.Thread(target=train.run, args=(small(epochs=1), tmp_path))
    thread.start()
    thread.join()
    assert (tmp_path / "model.safetensors").exists()


def test_a_finished_run_is_finished_again_to_the_same_files_and_can_be_prolonged(small, tmp_path):
    train.run(small(epochs=2), tmp_path)
    model, log = (tmp_path / "model.safetensors").read_bytes(), list(records(tmp_path / "log.jsonl"))
    train.run(small(epochs=2), tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == model
    again = list(records(tmp_path / "log.jsonl"))
    again[-1]["inference_seconds"] = log[-1]["inference_seconds"]  # which is measured again
    assert again == log
    train.run(small(epochs=3), tmp_path)
    assert [line.get("epoch") for line in records(tmp_path / "log.jsonl")] == [1, 2, 3, None]
    train.run(small(epochs=3), tmp_path.parent / "at once")
    assert (tmp_path / "model.safetensors").read_bytes() == (
        tmp_path.parent / "at once" / "model.safetensors"
    ).read_bytes()


def test_resuming_refuses_another_run_and_a_missing_one(small, tmp_path):
    with pytest.raises(CheckpointError, match="nothing to resume"):
        train.run(small(), tmp_path, resume=True)
    train.run(small(epochs=1), tmp_path)
    with pytest.raises(CheckpointError, match=r"lr was 0\.01 and is now 0\.02.*--restart"):
        train.run(small(epochs=1, lr=2e-2), tmp_path)
    summary = train.run(small(epochs=1, lr=2e-2), tmp_path, resume=False)
    assert summary["lr"] == 2e-2
    assert len(list(records(tmp_path / "log.jsonl"))) == 2


def test_divergence_stops_with_a_diagnosis(small, tmp_path):
    with pytest.raises(train.DivergedError, match=r"epoch \d.*lr 1\.00e\+30.*--grad-clip"):
        train.run(small(lr=1e30), tmp_path)
    assert not (tmp_path / "model.safetensors").exists()


def start_and_end(small, tmp_path, **recipe):
    config = small(epochs=2, **recipe)
    torch.manual_seed(config.seed)
    start = build(config, tasks.load("copy", length=24)).state_dict()
    train.run(config, tmp_path)
    return start, checkpoint.load(tmp_path / "checkpoint.pt")[2]["model"]


def test_frozen_signs_stay_while_the_rest_learns(small, tmp_path):
    start, end = start_and_end(small, tmp_path, freeze_signs=True)
    assert torch.equal(start["rnn.signs"], end["rnn.signs"])
    assert all(not torch.equal(start[name], end[name]) for name in start if name != "rnn.signs")
    assert all(line["flips"] == 0 for line in records(tmp_path / "log.jsonl") if line["event"] == "epoch")


def test_signs_have_a_learning_rate_of_their_own(small, tmp_path):
    start, end = start_and_end(small, tmp_path, sign_lr=1e-6)
    moved = {name: float((start[name] - end[name]).abs().max()) for name in start}
    assert 0 < moved["rnn.signs"] <= 11e-6  # Adam moves about its rate a step, and there are ten
    assert moved["rnn.weight_ih"] > 1e-3


def test_the_gradient_is_clipped(small, tmp_path):
    start, end = start_and_end(small, tmp_path, grad_clip=1e-12)
    # Adam divides by the root of the squared gradient plus 1e-8: a gradient of 1e-12 moves next to nothing.
    assert max(float((start[name] - end[name]).abs().max()) for name in start) < 1e-4


def test_the_rates_of_weights_and_signs_follow_their_own_schedules(small, tmp_path):
    train.run(small(schedule="cosine", sign_lr=2e-3, sign_schedule="step", sign_decay=0.5), tmp_path)
    lines = [record for record in records(tmp_path / "log.jsonl") if record["event"] == "epoch"]
    assert [line["lr"] for line in lines] == pytest.approx([1e-2, 0.75e-2, 0.25e-2])
    assert [line["sign_lr"] for line in lines] == pytest.approx([2e-3, 1e-3, 0.5e-3])


def test_label_smoothing_is_what_torch_means_by_it(small, tmp_path):
    config = small(epochs=1, limit_train=16, label_smoothing=0.2)
    recorder = Recorder()
    train.run(config, tmp_path, reporter=recorder)
    task = tasks.load("copy", length=24)
    torch.manual_seed(config.seed)
    logits = build(config, task)(torch.from_numpy(task.train.batch(slice(16))[0])).log_softmax(-1)
    targets = torch.from_numpy(task.train.batch(slice(16))[1])
    right = logits.gather(-1, targets[..., None])[..., 0]
    assert recorder.losses == [pytest.approx(-(0.8 * right + 0.2 * logits.mean(-1)).mean().item(), rel=1e-5)]


def test_a_run_with_all_features_is_taken_up_again_to_the_same_bits(small, tmp_path):
    recipe = {"epochs": 5, "lr": 3e-2, "average": 0.9, "warmup": 2, "label_smoothing": 0.1}
    recipe |= {
        "sign_lr": 2e-2,
        "sign_schedule": "step",
        "sign_decay": 0.7,
        "schedule": "cosine",
        "grad_clip": 1.0,
        "embedding_size": 2,
        "token_dropout": 0.7,
    }
    config = small(**recipe)
    whole = train.run(config, tmp_path / "whole")
    for place in ((0, 3), (2, 5), (whole["last_epoch"] - 1, 2)):
        act = Recorder(place, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(train.Interrupted):
            train.run(config, tmp_path / "cut", reporter=act)
    cut = train.run(config, tmp_path / "cut", resume=True)
    times = {"seconds": 0, "inference_seconds": 0}
    assert {**cut, **times} == {**whole, **times}
    bytes_of = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert bytes_of[0] == bytes_of[1]
    settings = Model.load(tmp_path / "cut" / "model.safetensors").card.training.settings
    assert {name: settings[name] for name in recipe if name != "epochs"} == {
        name: value for name, value in recipe.items() if name != "epochs"
    }
    for name, value in (("average", 0.8), ("sign_schedule", "constant"), ("label_smoothing", 0.0)):
        with pytest.raises(CheckpointError, match=f"{name} was {recipe[name]} and is now {value}"):
            train.run(small(**{**recipe, name: value}), tmp_path / "cut")


def test_the_average_is_what_is_validated_and_saved(small, tmp_path):
    config = small(epochs=1, average=0.5)
    states = []

    class Follower(Silent):
        def step(self, epoch, step, loss):
            state = checkpoint.load(tmp_path / "checkpoint.pt")[2]["model"]
            states.append({name: value.double() for name, value in state.items()})

    train.run(config, tmp_path, checkpoint_seconds=0, reporter=Follower())
    _, _, last = checkpoint.load(tmp_path / "checkpoint.pt")
    # A checkpoint is written after the reporter hears of a step: the first is of the untrained model.
    states = [*states, {name: value.double() for name, value in last["model"].items()}]
    average = states[0]
    for step, state in enumerate(states[1:]):
        decay = min(0.5, (1 + step) / (10 + step))
        average = {name: decay * average[name] + (1 - decay) * state[name] for name in state}
    for name, value in average.items():
        torch.testing.assert_close(last["average"][name].double(), value, rtol=1e-5, atol=1e-7)
        assert torch.equal(last["best"][name], last["average"][name])
    model = Model.load(tmp_path / "model.safetensors")
    averaged = build(config, tasks.load("copy", length=24))
    averaged.load_state_dict(last["average"])
    inputs, _ = tasks.load("copy", length=24).test.raw(slice(20))
    np.testing.assert_array_equal(model.infer(inputs), averaged.to_native().infer(inputs))
