"""The search for a learning rate: on validation data, over the same grid for every network."""

from __future__ import annotations

import dataclasses

import pytest

from hadamrnn_ext import cli, train
from hadamrnn_ext.recipe.preset import RATES
from hadamrnn_ext.train import as_baseline, rates
from hadamrnn_ext.train.log import RATES_LOG, records


def at(config, lr, epochs):
    return dataclasses.replace(config, preset=dataclasses.replace(config.preset, lr=lr, epochs=epochs))


def test_the_best_rate_of_the_grid_trains_the_model(small, tmp_path):
    config = small(epochs=4)
    config = dataclasses.replace(config, preset=as_baseline(config.preset, "gru"))
    summary = train.run(config, tmp_path / "searched", search_lr=True)
    lines = list(records(tmp_path / "searched" / RATES_LOG))
    assert [line["lr"] for line in lines] == list(RATES)
    assert {line["epochs"] for line in lines} == {2}  # a third of 4, rounded up
    assert {line["seed"] for line in lines} == {config.seed}
    assert not any(name.startswith("test_") for line in lines for name in line)
    best = min(lines, key=lambda line: line["val_loss"])  # by which the copy task chooses
    assert len({line["val_loss"] for line in lines}) == len(RATES)
    # A line is what the short run says of itself, and the long run is what a command with this rate makes.
    short = train.run(at(config, best["lr"], 2), tmp_path / "short")
    assert (short["val_loss"], short["best_epoch"]) == (best["val_loss"], best["best_epoch"])
    plain = train.run(at(config, best["lr"], 4), tmp_path / "plain")
    assert (summary["lr"], summary["test_loss"]) == (best["lr"], plain["test_loss"])


def test_a_rate_that_was_tried_is_not_tried_again(small, tmp_path, monkeypatch):
    config, log, tried = small(), tmp_path / RATES_LOG, []
    attempt = rates._tried

    def counted(short, *rest):
        tried.append(short.preset.lr)
        return attempt(short, *rest)

    monkeypatch.setattr(rates, "_tried", counted)
    first = train.run(config, tmp_path, search_lr=True)
    text = log.read_text()
    assert tried == list(RATES)
    log.write_text("".join(text.splitlines(keepends=True)[:3]))  # a search that was stopped goes on
    assert train.run(config, tmp_path, search_lr=True)["lr"] == first["lr"]
    assert (tried[4:], log.read_text()) == (list(RATES[3:]), text)
    del tried[:]
    train.run(config, tmp_path, search_lr=True, resume=False)
    assert (tried, log.read_text()) == (list(RATES), text)
    (tmp_path / "checkpoint.pt").unlink()
    train.run(dataclasses.replace(config, seed=1), tmp_path, search_lr=True)
    assert tried == 2 * list(RATES)  # those of another seed do not count


def test_a_rate_that_diverges_loses(small, tmp_path, monkeypatch):
    monkeypatch.setattr(rates, "RATES", (1e30, 1e-2))
    assert train.run(small(), tmp_path / "one", search_lr=True)["lr"] == 1e-2
    diverged, good = records(tmp_path / "one" / RATES_LOG)
    assert "val_loss" in good
    assert "val_loss" not in diverged
    monkeypatch.setattr(rates, "RATES", (1e30, 1e29))
    with pytest.raises(train.DivergedError, match=r"with every learning rate of 1e\+30, 1e\+29"):
        train.run(small(), tmp_path / "none", search_lr=True)


def test_the_command_searches(tmp_path, capsys):
    options = (
        "--length 24 --hidden-size 16 --batch-size 16 --limit-train 80 --epochs 1 --model gru --search-lr"
    )
    command = ["train", "copy", *options.split(), "--out", str(tmp_path)]
    assert cli.main(command) == 0
    best = min(records(tmp_path / RATES_LOG), key=lambda line: line["val_loss"])["lr"]
    assert list(records(tmp_path / "log.jsonl"))[-1]["lr"] == best
    assert f"lr {best:g} is the best in validation" in capsys.readouterr().err
    assert cli.main([*command, "--lr", "0.1"]) == 1
    assert "--lr has no effect here: --search-lr finds the learning rate" in capsys.readouterr().err
