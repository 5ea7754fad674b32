"""What says that work goes on."""

from __future__ import annotations

import io
import sys
import time

import pytest

from hadamrnn_ext.cli import counter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("columns", "middle"),
    [(80, "       scored [###############               ]  5/10"), (30, "       scored [###    ]  5/10")],
)
def test_a_terminal_has_a_bar_that_fits(monkeypatch, columns, middle):
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("COLUMNS", str(columns))
    show = counter.counter("scored", 10)
    show(5)
    show(10)
    drawn = stderr.getvalue().split("\r")
    assert drawn[2] == middle
    assert drawn[1].endswith("0/10")
    assert drawn[3].endswith("] 10/10\n")
    assert max(len(line.rstrip()) for line in drawn) < columns


@pytest.mark.parametrize("columns", [1, 20])
def test_a_narrow_terminal_has_the_count_alone(monkeypatch, columns):
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("COLUMNS", str(columns))
    counter.counter("scored", 10)(5)
    assert stderr.getvalue().split("\r")[2] == "       scored  5/10"


def test_elsewhere_a_line_is_written_every_some_seconds(monkeypatch, capsys):
    show = counter.counter("scored", 10)
    show(1)
    monkeypatch.setattr(counter, "SECONDS", 0.0)
    show(2)
    show(10)  # the result follows
    assert capsys.readouterr().err == "scored 2/10\n"


def test_what_cannot_be_counted_is_told_while_it_lasts(monkeypatch, capsys):
    with counter.waiting("reading"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(counter, "SECONDS", 0.02)
    with counter.waiting("reading"):
        time.sleep(0.2)
    assert capsys.readouterr().err.startswith("reading, 0 s\nreading, 0 s\n")


def test_parts_of_work_have_bars_of_rich_on_a_terminal(monkeypatch):
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    with counter.stages() as show:
        show("designs", 1, 6)
        show("designs", 6, 6)
        show("sequences", 1024, 5000)
    text = stderr.getvalue()
    assert "designs" in text
    assert "6/6" in text
    assert "1024/5000" in text


def test_parts_of_work_without_rich_or_a_terminal_are_counted(monkeypatch):
    for module in ("rich", "rich.console", "rich.progress"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(counter, "SECONDS", 0.0)
    for stream, said in ((Terminal(), "  3/10"), (io.StringIO(), "sequences 3/10\n")):
        monkeypatch.setattr(sys, "stderr", stream)
        with counter.stages() as show:
            show("sequences", 3, 10)
        assert stream.getvalue().endswith(said)
