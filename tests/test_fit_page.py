"""The section of docs/results.md on own data is what docs/fit.json says."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"


@pytest.fixture
def fit_page(monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(BENCH)
    return importlib.import_module("fit_page")


def test_the_section_is_made_of_what_was_measured(fit_page):
    text = fit_page.PAGE.read_text(encoding="utf-8")
    known = json.loads(fit_page.KEPT.read_text())
    assert fit_page.page(text, known) == text, "run python bench/fit_page.py"


def test_a_page_that_is_made_anew_gets_the_section_before_the_next(fit_page):
    known = {}
    record = {"id": "GunPoint", "peer": "gru", "accuracy": [[1.0, 0.5], []], "bytes": [10, 20]}
    fit_page.add(known, {**record, "ours_s": None, "peer_s": None, "classify_s": None})
    fit_page.add(known, {**record, "accuracy": [[], [0.5]], "ours_s": 2.0, "peer_s": 4.0, "classify_s": None})
    assert known == {
        "GunPoint": {
            "ours": {"accuracy": [1.0, 0.5], "bytes": 10, "fit_s": 2.0},
            "gru": {"accuracy": [0.5], "bytes": 20, "fit_s": 4.0},
        }
    }
    made = fit_page.page("before\n\n## The tasks of the paper\nafter\n", known)
    assert made.startswith("before\n\n<!-- made by")
    assert "| GunPoint | 75.0 ± 35.4 | - | - | - | 50.0 |" in made
    assert "| GRU | 20 | 4 | 2 | - | - |" in made
    assert made.endswith("## The tasks of the paper\nafter\n")
    assert fit_page.page(made, known) == made
