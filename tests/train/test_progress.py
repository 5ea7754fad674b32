from __future__ import annotations

import io
import sys

import pytest

from hadamrnn_ext.train import progress

RECORD = {
    "event": "epoch",
    "epoch": 2,
    "loss": 0.25,
    "val_loss": 0.5,
    "val_accuracy": 0.75,
    "best": True,
    "flips": 12,
    "lr": 1e-3,
    "seconds": 1.5,
}
LINE = "epoch   2/3  loss 0.2500  val loss 0.5000  val accuracy 0.7500  flips 12  lr 1.00e-03  1.5 s  *"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "REFRESH", 0.0)
    reporter = progress.reporter()
    reporter.start("copy", 10, 3)
    reporter.step(1, 5, 0.125)
    reporter.epoch(RECORD)
    reporter.note("all done")
    reporter.close()
    return stream.getvalue()


def test_a_pipe_gets_a_line_an_epoch(monkeypatch):
    assert show(io.StringIO(), monkeypatch) == f"{LINE}\nall done\n"


def test_a_terminal_gets_a_bar(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    text = show(Terminal(), monkeypatch)
    assert LINE in text
    assert "all done" in text
    assert "20/30" in text  # steps of all epochs


def test_a_terminal_without_rich_gets_lines(monkeypatch):
    for module in ("rich", "rich.console", "rich.progress"):
        monkeypatch.setitem(sys.modules, module, None)
    assert show(Terminal(), monkeypatch) == f"{LINE}\nall done\n"
