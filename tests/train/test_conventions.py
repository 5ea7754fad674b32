"""Series as aeon and sktime have them, (N, channels, T), in the pipelines of both, by `channels_first`."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from hadamrnn_ext.sklearn import HadamRNNClassifier, HadamRNNRegressor

SETTINGS = {"channels_first": True, "hidden_size": 32, "n_jobs": 1}


def series(rng, count=60, channels=3, steps=30):
    """(N, channels, T), the first of which swings faster in one class."""
    y = np.arange(count) % 2
    x = rng.normal(size=(count, channels, steps))
    x[:, 0] = np.sin(np.arange(steps) * (0.3 + 0.3 * y)[:, None] + rng.uniform(0, 6, (count, 1)))
    return x, np.array(["slow", "fast"])[y]


@pytest.mark.filterwarnings("ignore")  # those of aeon about its own parts
def test_pipelines_of_aeon(rng):
    pytest.importorskip("aeon")
    from aeon import pipeline
    from aeon.transformations.collection import Normalizer
    from aeon.transformations.collection.unequal_length import Truncator

    x, y = series(rng)
    fitted = make_pipeline(Normalizer(), HadamRNNClassifier(**SETTINGS)).fit(x[:40], y[:40])
    assert fitted.score(x[40:], y[40:]) > 0.9
    assert fitted[-1].n_features_in_ == 3
    # aeon's own pipelines give estimators of scikit-learn series of one channel alone
    one = pipeline.make_pipeline(Normalizer(), HadamRNNClassifier(**SETTINGS)).fit(x[:40, :1], y[:40])
    assert (one.predict(x[40:, :1]) == y[40:]).mean() > 0.9
    unequal = [part[:, : 20 + i % 10] for i, part in enumerate(x)]
    fitted = HadamRNNClassifier(**SETTINGS).fit(unequal[:40], y[:40])
    assert fitted.score(unequal[40:], y[40:]) > 0.9
    cut = make_pipeline(Truncator(), HadamRNNClassifier(**SETTINGS)).fit(unequal[:40], y[:40])
    assert cut.score(unequal[40:], y[40:]) > 0.9
    assert (
        cross_val_score(make_pipeline(Normalizer(), HadamRNNClassifier(**SETTINGS)), x, y, cv=3).min() > 0.8
    )
    steepness = x[:, 0].std(axis=1)
    assert make_pipeline(Normalizer(), HadamRNNRegressor(**SETTINGS)).fit(x, steepness).predict(x).shape == (
        60,
    )


@pytest.mark.filterwarnings("ignore")
def test_pipelines_of_sktime(rng):
    pytest.importorskip("sktime")
    from sktime.datatypes import convert
    from sktime.pipeline import make_pipeline as of_sktime
    from sktime.transformations.series.exponent import ExponentTransformer

    x, y = series(rng)
    fitted = of_sktime(ExponentTransformer(power=1), HadamRNNClassifier(**SETTINGS)).fit(x[:40], y[:40])
    assert (fitted.predict(x[40:]) == y[40:]).mean() > 0.9
    frames = convert(x, "numpy3D", "df-list")  # of (T, channels) each, as no flag needs to say
    settings = {**SETTINGS, "channels_first": False}
    as_frames = HadamRNNClassifier(**settings).fit(frames[:40], y[:40])
    assert as_frames.model_ == HadamRNNClassifier(**SETTINGS).fit(x[:40], y[:40]).model_.with_card(
        as_frames.model_.card
    )
    assert as_frames.score(frames[40:], y[40:]) > 0.9
