from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from hadamrnn_ext import train
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


class Clock:
    """`time` whose seconds pass by hand."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_a_long_epoch_has_lines_of_its_steps(monkeypatch):
    clock, stderr = Clock(), io.StringIO()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr(sys, "stderr", stderr)
    reporter = progress.reporter()
    reporter.start("copy", 1000, 3)
    for step in range(1, 31):
        clock.now += 1
        reporter.step(0, step, 0.5)
    lines = stderr.getvalue().splitlines()
    assert lines == [f"epoch   1/3  step {step}/1000  loss 0.5000" for step in (10, 20, 30)]


def test_short_epochs_are_told_every_some_seconds_and_at_the_end(monkeypatch):
    clock, stderr = Clock(), io.StringIO()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr(sys, "stderr", stderr)
    reporter = progress.reporter(every=10)
    reporter.start("custom", 5, 28)
    for epoch in range(1, 29):
        clock.now += 1
        reporter.epoch({**RECORD, "epoch": epoch})
    assert [line.split()[1] for line in stderr.getvalue().splitlines()] == ["10/28", "20/28", "28/28"]


@pytest.mark.parametrize(
    ("terminal", "asked", "shown"),
    [(True, None, True), (False, None, False), (True, False, False), (False, True, True)],
)
def test_fit_shows_how_far_it_is(monkeypatch, terminal, asked, shown):
    stderr = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("COLUMNS", "140")
    x = np.random.default_rng(0).normal(size=(40, 6))
    train.fit(x, x[:, -1] > 0, hidden_size=8, epochs=3, progress=asked)
    assert ("epoch   3/3  loss" in stderr.getvalue()) == shown


def test_a_reporter_of_ones_own_is_told_instead(capsys):
    class Epochs(progress.Silent):
        told = 0

        def epoch(self, record):
            self.told += 1

    own, x = Epochs(), np.random.default_rng(0).normal(size=(40, 6))
    train.fit(x, x[:, -1] > 0, hidden_size=8, epochs=3, progress=True, reporter=own)
    assert (own.told, capsys.readouterr().err) == (3, "")
