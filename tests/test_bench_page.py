"""The results in bench/README.md are what bench/measured.json says, and records are told in words."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"
EMPTY = """before
<!-- made by bench/page.py: the table -->
<!-- to here -->
between
<!-- made by bench/page.py: kernels alone -->
<!-- to here -->
after
"""


@pytest.fixture
def bench(monkeypatch):
    """The modules of the bench by name."""
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(BENCH)
    return importlib.import_module


@pytest.fixture
def run(bench):
    """A run of one suite, with records (id, peer, ours_s, peer_s, ratio)."""
    record = bench("record")
    machine = {
        "cpu": "A processor",
        "cpus": 2,
        "load": 0.1,
        "isa": "avx512",
        "python": "3.11",
        "versions": {"numpy": "2.0"},
    }

    def make(suite, *rows, **changed):
        records = [record.Record(suite, *row, "avx512", "1 / 1") for row in rows]
        return record.Run(suite, {**machine, **changed}, False, records)

    return make


DIGIT = ("pmnist_b1", "torch_loop", 1e-4, 2e-2, 200.0)


def test_the_page_is_made_of_what_was_measured(bench):
    page = bench("page")
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.page(text, page.kept()) == text, "run python bench/page.py"


def test_of_several_peers_the_table_has_the_fastest(bench, run):
    page = bench("page")
    rows = DIGIT, ("pmnist_b1", "onnxruntime", 1e-4, 1e-2, 74.0), ("pmnist_b1", "numpy", 1e-4, 3e-2, 300.0)
    made = page.page(EMPTY, [run("inference", *rows)])
    (line,) = [line for line in made.splitlines() if line.startswith("| a digit")]
    what = "a digit of 784 pixels, one by one, 512 units: one sequence"
    assert line == f"| {what} | 100 µs | onnxruntime, its RNN operator | 10 ms | 74 | 75: missed |"
    said = "A processor, 2 CPUs, instruction set avx512, load 0.1 at the start; Python 3.11, numpy 2.0."
    assert f"<!-- made by bench/page.py: the table -->\n## Results\n\n{said}\n" in made
    assert "kernels alone -->\n<!-- to here -->\nafter" in made  # none was measured
    assert page.page(made, [run("inference", *rows)]) == made


def test_a_ratio_that_is_no_speed_says_what_it_is(bench, run):
    rows = ("train_pmnist_busy", "idle", 1e-2, 4e-3, 2.5), ("no_words_yet", "numpy", 1e-6, 2e-6, 2.0)
    made = bench("report").markdown(run("training", *rows))
    assert "| 10 ms | ours beside no other process | 4 ms | 2.5 times the idle step | at most 3 |" in made
    assert "| no_words_yet | 1 µs | NumPy, float32 products | 2 µs | 2 |  |" in made


def test_kernels_alone_are_told_with_their_share_of_the_additions(bench, run):
    rows = ("step_n512", "cycles", 1e-7, None, 352.0), ("step_n512_d9", "cycles", 1e-7, None, 608.0)
    made = bench("page").page(EMPTY, [run("kernels", *rows)])
    assert "| a step of 512 units | 100 ns | 352 | 16.00 adds, 29.09 bytes | 50 % |" in made
    assert "| a step of 512 units, 9 inputs | 100 ns | 608 | 16.00 adds, 43.79 bytes | 50 % |" in made


def test_a_new_run_replaces_that_of_its_suite_and_those_of_other_machines(bench, run):
    together = bench("page").together
    old = [run("inference", DIGIT), run("training"), run("calls", cpu="Another one")]
    (inference, training) = together(old, [run("inference")])
    assert (inference.records, training.suite) == ([], "training")
    assert [one.suite for one in together(old, [run("calls", cpu="Another one")])] == ["calls"]
    with pytest.raises(ValueError, match=r"several machines: A processor.* and of Another one"):
        bench("page").page(EMPTY, old)


def test_a_run_survives_its_file(bench, run, tmp_path):
    record = bench("record")
    device = {"flash": 1, "ram": 2, "instructions_per_step": 3.0, "logits_equal": True}
    kept = run("edge", DIGIT)
    values = dataclasses.asdict(kept.records[0])
    kept = dataclasses.replace(kept, records=[*kept.records, record.DeviceRecord(**values, **device)])
    record.write(tmp_path / "edge.json", kept)
    assert record.run_of(json.loads((tmp_path / "edge.json").read_text())) == kept


def test_every_record_has_words(bench):
    """Those of the suites' own text; the numbers in an id are put in as in cases.py."""
    cases = bench("cases")
    known = {case.id for case in cases.CASES}
    for suite in ("inference", "calls", "edge", "training", "kernels", "scaling"):
        text = (BENCH / f"suite_{suite}.py").read_text()
        for id in re.findall(r'(?:compare|append|add|step|_microseconds)\(\s*session, "(\w+)"', text):
            assert id in known, f"{id} of suite_{suite}.py has no entry in cases.py"
        for id in re.findall(r'compare\(\s*"(\w+)"', text):
            assert id in known, f"{id} of suite_{suite}.py has no entry in cases.py"
    assert all(set(case.peers) <= set(cases.PEERS) for case in cases.CASES)
    ids = re.findall(
        r'"((?:readout|project|xnor|masked_add|fwht_i32)_n\w+)"', (BENCH / "cases.hpp").read_text()
    )
    assert ids
    assert not [id for id in ids if cases.kernel(id) == id]
