"""Bundled models: what their cards claim is what they score on the data, and together they are small."""

from __future__ import annotations

from pathlib import Path

import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.data import folders, tasks
from hadamrnn_ext.data.task import evaluate
from hadamrnn_ext.errors import DataError

MOST_BYTES = 200_000  # of all parameters together, but for embeddings
MOST_FILES = 1_050_000  # of all files, which also hold vocabularies


@pytest.mark.parametrize("name", hr.models())
def test_the_scores_on_the_card_are_those_on_the_test_data(data_dir, name, monkeypatch):
    # Not as an argument of `load`, which would be the only place: a system may have some of them.
    monkeypatch.setenv(folders.ENVIRONMENT, str(data_dir))
    model = hr.load(name)
    training = model.card.training
    try:
        task = tasks.load(training.task, length=training.settings.get("length"))
    except DataError as error:
        pytest.skip(str(error))
    assert model.card.labels == task.labels
    assert model.card.preprocess == task.preprocess
    scores = evaluate(model.infer, task, task.test, raw=True)
    for score, value in scores.items():
        assert training.metrics[f"test_{score}"] == pytest.approx(value, rel=1e-5), score


def test_together_they_are_small():
    descriptions = [hr.load(name).describe() for name in hr.models()]
    parameters = [
        size
        for description in descriptions
        for name, size in description.payload.items()
        if not name.startswith("embedding")
    ]
    assert sum(parameters) < MOST_BYTES
    assert sum(description.file_bytes for description in descriptions) < MOST_FILES


def test_every_model_is_in_the_notice():
    notice = (Path(__file__).resolve().parents[1] / "NOTICE").read_text()
    assert [
        name for name in hr.models() if name.removesuffix("-int12").removesuffix("-int8") not in notice
    ] == []
