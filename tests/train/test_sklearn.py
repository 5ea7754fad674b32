"""Estimators of scikit-learn: its own checks on tables, and what it has no checks for, arrays (N, T, d)."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

import hadamrnn_ext as hr

sklearn = pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import estimator_checks_generator

from hadamrnn_ext.sklearn import HadamRNNClassifier, HadamRNNRegressor

pytestmark = pytest.mark.filterwarnings("ignore")  # those of scikit-learn's checks

QUICK = {"hidden_size": 16, "epochs": 5, "lr": 3e-2, "recipe": {"batch_size": 16}, "n_jobs": 1}
CLASSIFIER, REGRESSOR = HadamRNNClassifier(**QUICK), HadamRNNRegressor(**QUICK)
EXPECTED_FAILURES: dict[str, str] = {}


def checks():
    for estimator in (CLASSIFIER, REGRESSOR):
        for instance, check in estimator_checks_generator(
            estimator, expected_failed_checks=EXPECTED_FAILURES, mark="skip"
        ):
            name = getattr(check, "func", check).__name__
            yield pytest.param(instance, check, id=f"{type(estimator).__name__}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_check(estimator, check):
    check(estimator)


def bumps(rng, count=120):
    """(count, 15, 2): which channel has the bump?"""
    y = rng.integers(2, size=count)
    x = rng.normal(size=(count, 15, 2)).astype(np.float32)
    x[np.arange(count), 12, y] += 6
    return x, np.array(["left", "right"])[y]


def test_series_of_channels_in_both_layouts(rng):
    x, y = bumps(rng)
    settings = {**QUICK, "epochs": 15}
    fitted = HadamRNNClassifier(**settings).fit(x[:80], y[:80])
    assert fitted.score(x[80:], y[80:]) > 0.9
    assert fitted.classes_.tolist() == list(fitted.model_.card.labels) == ["left", "right"]
    assert fitted.n_features_in_ == 2
    proba = fitted.predict_proba(x[80:])
    assert proba.shape == (40, 2)
    np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-6)
    assert np.array_equal(fitted.decision_function(x[80:]) > 0, proba[:, 1] > 0.5)
    first = HadamRNNClassifier(**settings, channels_first=True).fit(x[:80].transpose(0, 2, 1), y[:80])
    assert first.model_ == fitted.model_
    assert np.array_equal(first.predict_proba(x[80:].transpose(0, 2, 1)), proba)
    longer = np.concatenate([x[80:], x[80:]], 1)  # a recurrent network takes any length
    assert fitted.predict(longer).shape == (40,)
    with pytest.raises(hr.ShapeError, match=r"\(3, 15, 4\); expected 2 channels"):
        fitted.predict(np.zeros((3, 15, 4)))
    with pytest.raises(hr.ShapeError, match="expected 3 dimensions, as in fit"):
        fitted.predict(np.zeros((3, 2)))


def test_what_is_read_is_a_parameter(rng):
    x, y = bumps(rng, 60)
    assert clone(CLASSIFIER).fit(x, y).model_.card.output == "last"
    search = GridSearchCV(clone(CLASSIFIER), {"output": ["last", "mean"]}, cv=2).fit(x, y)
    assert search.best_estimator_.model_.card.output == search.best_params_["output"]
    values = x[:, :, 0].mean(1)
    assert clone(REGRESSOR).set_params(output="mean").fit(x, values).model_.card.output == "mean"


def test_a_search_over_sizes(rng):
    x, y = bumps(rng, 60)
    search = GridSearchCV(clone(CLASSIFIER), {"hidden_size": [8, 16]}, cv=2).fit(x, y)
    assert set(search.cv_results_["param_hidden_size"]) == {8, 16}
    assert search.predict(x).shape == (60,)


def test_several_values(rng):
    x = rng.normal(size=(120, 8, 1))
    y = np.stack([100 + 30 * x[:, -1, 0], x[:, -1, 0] - x[:, -2, 0]], 1)
    regressor = HadamRNNRegressor(**{**QUICK, "hidden_size": 32, "epochs": 30}).fit(x, y)
    assert regressor.predict(x).shape == (120, 2)
    assert regressor.score(x, y) > 0.7


def test_missing_values_are_refused_or_imputed(rng):
    x, y = bumps(rng, 40)
    x[3, 4, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        clone(CLASSIFIER).fit(x, y)
    clone(CLASSIFIER).set_params(impute="mean").fit(x, y)


def test_a_fitted_one_predicts_elsewhere_without_torch(rng, tmp_path):
    x, y = bumps(rng, 40)
    fitted = clone(CLASSIFIER).fit(x, y)
    (tmp_path / "fitted.pickle").write_bytes(pickle.dumps(fitted))
    np.save(tmp_path / "x.npy", x)
    code = """if True:
        import pickle, sys
        import numpy as np
        fitted = pickle.load(open("fitted.pickle", "rb"))
        np.save("answers.npy", fitted.predict_proba(np.load("x.npy")))
        assert "torch" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert np.array_equal(np.load(tmp_path / "answers.npy"), fitted.predict_proba(x))


def test_a_signal_on_a_large_offset_is_not_rounded_away(rng):
    x, y = bumps(rng)
    x = 1.7e9 + x.astype(np.float64)
    fitted = HadamRNNClassifier(**{**QUICK, "epochs": 15}).fit(x[:80], y[:80])
    assert fitted.score(x[80:], y[80:]) > 0.9
    table = x[:, :, 0]
    assert clone(CLASSIFIER).fit(table, y).model_.card.preprocess.normalization.offset[0] == pytest.approx(
        1.7e9
    )


@pytest.mark.parametrize("missing", [None, float("nan"), "", "pd.NA"])
def test_a_missing_class_is_none(rng, missing):
    x, y = bumps(rng, 12)
    missing = pytest.importorskip("pandas").NA if missing == "pd.NA" else missing
    with pytest.raises(hr.InputError, match=r"y\[3\] is .*, a missing target"):
        clone(CLASSIFIER).fit(x, [*y[:3], missing, *y[4:]])
    fitted = clone(CLASSIFIER).fit(x, [label.encode() for label in y])
    assert fitted.classes_.tolist() == ["left", "right"]
