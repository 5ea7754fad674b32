from __future__ import annotations

import struct
import zlib

import pytest

from hadamrnn_ext import train
from hadamrnn_ext.train import curves
from hadamrnn_ext.train.log import records


def epoch(number, **values):
    common = {
        "event": "epoch",
        "epoch": number,
        "loss": 2.0 / number,
        "val_loss": 2.5 / number,
        "best": number == 2,
    }
    return {**common, "val_accuracy": 0.5, "flips": 1000, "flipped": 3, "lr": 1e-3, "sign_lr": 1e-3, **values}


SUMMARY = {"event": "summary", "preset": "pmnist", "seed": 4, "best_epoch": 2, "test_accuracy": 0.9488}


@pytest.fixture
def panels():
    pytest.importorskip("matplotlib")

    def panels(*lines):
        """Title, and each panel's title, scale and curves by their label; the best epoch's line is left out."""
        figure = curves.figure(lines)
        return figure.get_suptitle(), [
            (
                axes.get_title(loc="left"),
                axes.get_yscale(),
                {line.get_label(): list(line.get_ydata()) for line in axes.get_lines()[:-1]},
            )
            for axes in figure.axes
        ]

    return panels


def test_the_panels_show_what_the_log_says(panels):
    lines = [epoch(1), epoch(2, flips=20, val_accuracy=0.75), epoch(3, sign_lr=5e-4)]
    title, (loss, scores, signs, rates) = panels(*lines, SUMMARY)
    assert title == "pmnist, seed 4, best epoch 2: test accuracy 0.9488"
    assert loss == ("loss", "linear", {"training": [2, 1, 2 / 3], "validation": [2.5, 1.25, 2.5 / 3]})
    assert scores == ("validation accuracy", "linear", {"accuracy": [0.5, 0.75, 0.5]})
    assert signs[1:] == (
        "symlog",
        {"all": [1000, 20, 1000], "still changed at its end": [3, 3, 3]},
    )
    assert rates == ("learning rate", "linear", {"weights": [1e-3] * 3, "signs": [1e-3, 1e-3, 5e-4]})


def test_one_epoch_one_rate_no_flips_and_several_scores(panels):
    line = epoch(1, best=True, flips=0, flipped=0, loss=20.0, val_recall=0.25)
    title, (loss, scores, signs, rates) = panels(line)
    assert title == "epoch 1"
    assert loss[1] == "log"
    assert scores == ("validation scores", "linear", {"accuracy": [0.5], "recall": [0.25]})
    assert signs[1] == "linear"
    assert rates == ("learning rate", "linear", {"weights": [1e-3]})


def test_a_run_leaves_a_png_where_matplotlib_is_installed(small, tmp_path, monkeypatch):
    train.run(small(epochs=1), tmp_path / "without")
    assert not (tmp_path / "without" / "curves.png").exists()
    pytest.importorskip("matplotlib")
    monkeypatch.undo()  # what conftest changed
    train.run(small(epochs=1), tmp_path)
    content = (tmp_path / "curves.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert (width, height) == (1500, 960)
    assert content[-12:] == struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
    curves.draw(records(tmp_path / "log.jsonl"), tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == content
