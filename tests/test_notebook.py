"""The notebook runs, as somebody runs it who has just cloned it, and shows what it has printed and drawn before."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

import hadamrnn_ext

NOTEBOOK = Path(__file__).resolve().parents[1] / "examples" / "first_steps.ipynb"


def kinds(cell: Any) -> list[tuple[str, list[str]]]:
    """What a cell has shown: of each output its type, and the forms in which it is there. What is printed comes in one
    piece or several, as time has it."""
    shown = [(output["output_type"], sorted(output.get("data", ()))) for output in cell["outputs"]]
    return [each for i, each in enumerate(shown) if i == 0 or each != shown[i - 1] or each[0] != "stream"]


def cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_outputs_are_stored_and_tell_of_no_machine():
    text = NOTEBOOK.read_text(encoding="utf-8")
    notebook = json.loads(text)
    shown = [kind for cell in cells(notebook) for kind in kinds(cell)]
    assert [cell["execution_count"] for cell in cells(notebook)] == list(range(1, len(cells(notebook)) + 1))
    assert len(shown) >= len(cells(notebook))
    assert sum("image/png" in forms for _, forms in shown) >= 2
    assert {name for name, _ in shown} <= {"stream", "display_data", "execute_result"}
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert all(not cell["metadata"] for cell in notebook["cells"])
    assert not re.search(r"/(home|root|tmp|usr|work|Users)/|[A-Z]:\\\\", text)
    assert len(text) < 300_000


def test_the_notebook_runs(tmp_path, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    for library in ("ipykernel", "matplotlib"):
        pytest.importorskip(library)
    monkeypatch.setenv("PYTHONPATH", str(Path(hadamrnn_ext.__file__).parents[1]))
    stored, ran = (nbformat.read(NOTEBOOK, as_version=4) for _ in range(2))
    for cell in cells(ran):
        cell["outputs"] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the client's own libraries
        nbclient.NotebookClient(ran, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for before, now in zip(cells(stored), cells(ran), strict=True):
        assert kinds(now) == kinds(before), now["source"]
