"""Estimators of scikit-learn: its own checks on tables, and what it has no checks for, arrays (N, T, d)."""

from __future__ import annotations

import os
import pickle
import signal
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
from hadamrnn_ext.train import trainer

pytestmark = pytest.mark.filterwarnings("ignore")  # those of scikit-learn's checks

CLOSED = {"hidden_size": 32, "n_jobs": 1}
QUICK = {
    "method": "gradient",
    "hidden_size": 16,
    "epochs": 5,
    "lr": 3e-2,
    "recipe": {"batch_size": 16},
    "n_jobs": 1,
}
CLASSIFIER, REGRESSOR = HadamRNNClassifier(**QUICK), HadamRNNRegressor(**QUICK)
EXPECTED_FAILURES: dict[str, str] = {}


def checks():
    for estimator in (HadamRNNClassifier(**CLOSED), HadamRNNRegressor(**CLOSED), CLASSIFIER, REGRESSOR):
        for instance, check in estimator_checks_generator(
            estimator, expected_failed_checks=EXPECTED_FAILURES, mark="skip"
        ):
            name = getattr(check, "func", check).__name__
            yield pytest.param(instance, check, id=f"{type(estimator).__name__}-{estimator.method}-{name}")


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


def test_closed_form_is_the_default_and_takes_both_layouts(rng):
    x, y = bumps(rng)
    fitted = HadamRNNClassifier(**CLOSED).fit(x[:80], y[:80])
    assert fitted.method == "closed_form"
    assert fitted.score(x[80:], y[80:]) > 0.9
    assert fitted.report_.metrics["loo_accuracy"] > 0.9
    assert fitted.classes_.tolist() == list(fitted.model_.card.labels) == ["left", "right"]
    first = HadamRNNClassifier(**CLOSED, channels_first=True).fit(x[:80].transpose(0, 2, 1), y[:80])
    assert first.model_ == fitted.model_
    parts = [series[: 13 + i % 3] for i, series in enumerate(x)]
    assert HadamRNNClassifier(**CLOSED).fit(parts[:80], y[:80]).score(parts[80:], y[80:]) > 0.9
    values = x[:, :, 0].mean(1)
    assert HadamRNNRegressor(**CLOSED).fit(x[:80], values[:80]).score(x[80:], values[80:]) > 0.8
    small = HadamRNNClassifier(n_jobs=1, max_bytes=4096).fit(x, y)
    assert len(small.model_.to_bytes()) <= 4096


def test_partial_fit_goes_on_without_the_old_data(rng):
    x, y = bumps(rng, 300)
    going = HadamRNNClassifier(**CLOSED).partial_fit(x[:60], y[:60], classes=["left", "right"])
    first = going.score(x[200:], y[200:])
    pickled = pickle.loads(pickle.dumps(going))
    for estimator in (going, pickled):
        estimator.partial_fit(x[60:200], y[60:200])
    assert going.model_ == pickled.model_
    assert going.score(x[200:], y[200:]) >= first
    assert going.report_.sequences == 200
    with pytest.raises(hr.InputError, match=r"y\[1\] is 'up'"):
        going.partial_fit(x[:2], ["left", "up"])
    assert going.partial_fit(x[:2], y[:2], classes=["right", "left"]).report_.sequences == 202
    with pytest.raises(hr.InputError, match=r"expected \['left', 'right'\] as in the first call"):
        going.partial_fit(x[:2], y[:2], classes=["left", "up"])
    with pytest.raises(hr.ShapeError, match="expected 2 channels"):
        going.partial_fit(x[:2, :, :1], y[:2])
    assert going.fit(x[:60], y[:60]).partial_fit(x[:60], y[:60]).report_.sequences == 60  # begun anew
    assert not hasattr(CLASSIFIER, "partial_fit")
    values = 50 + 10 * x[:, :, 0].mean(1)
    regressor = HadamRNNRegressor(**CLOSED).partial_fit(x[:100], values[:100])
    assert regressor.partial_fit(x[100:200], values[100:200]).score(x[200:], values[200:]) > 0.8


def test_a_single_class_is_named_plainly(rng):
    x, _ = bumps(rng, 10)
    for call in (HadamRNNClassifier(**CLOSED).fit, HadamRNNClassifier(**CLOSED).partial_fit):
        with pytest.raises(ValueError, match="y holds one class, 0; expected at least two"):
            call(x, np.zeros(10, int))


def test_estimators_that_were_pickled_before_settings_came_are_read():
    state = HadamRNNClassifier(**QUICK).__getstate__()
    for name in ("output", "method", "max_bytes"):
        state.pop(name)
    old = HadamRNNClassifier.__new__(HadamRNNClassifier)
    old.__setstate__(state)
    assert old.get_params() == HadamRNNClassifier(**QUICK).get_params()
    assert "HadamRNNClassifier(" in repr(old)
    assert not hasattr(old, "partial_fit")


def test_groups_choose_by_strangers(rng):
    x, y = bumps(rng, 60)
    fitted = HadamRNNClassifier(**CLOSED).fit(x, y, groups=np.arange(60) % 6)
    assert fitted.report_.groups == 6
    assert clone(CLASSIFIER).fit(x, y, groups=np.arange(60) % 6).summary_["epochs"] > 0


@pytest.mark.parametrize(
    "setting",
    [
        {"epochs": 3},
        {"lr": 0.1},
        {"recipe": {}},
        {"recipe": np.arange(3)},
        {"output": "mean"},
        {"start": "closed_form"},
        {"validation": 0.2},
        {"device": "cuda"},
    ],
)
def test_settings_of_gradients_are_not_passed_over(rng, setting):
    x, y = bumps(rng, 20)
    with pytest.raises(hr.InputError, match=f"{next(iter(setting))} is .*method='gradient'"):
        HadamRNNClassifier(**CLOSED, **setting).fit(x, y)
    with pytest.raises(hr.InputError, match="method is 'magic'"):
        HadamRNNClassifier(method="magic").fit(x, y)
    with pytest.raises(hr.InputError, match="max_bytes is 9000, which is for method='closed_form'"):
        clone(CLASSIFIER).set_params(hidden_size=None, max_bytes=9000).fit(x, y)


def test_gradients_start_from_a_closed_form(rng):
    x, y = bumps(rng, 60)
    fitted = HadamRNNClassifier(hidden_size=32, epochs=2, method="gradient", start="closed_form").fit(x, y)
    assert fitted.model_.card.decays
    assert fitted.score(x, y) > 0.8
    closed = HadamRNNClassifier(hidden_size=32).fit(x, y).model_
    assert (
        clone(fitted).set_params(hidden_size=None, start=closed).fit(x, y).model_.card.pool
        == closed.card.pool
    )


def test_closed_form_needs_no_torch():
    code = """if True:
        import sys
        import numpy as np
        from hadamrnn_ext.sklearn import HadamRNNClassifier
        x, y = np.random.default_rng(0).normal(size=(20, 9, 1)), [0, 1] * 10
        HadamRNNClassifier(hidden_size=32).fit(x, y).predict(x)
        assert "torch" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True)


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


def test_as_many_values_as_steps_are_of_whole_series(rng):
    x = rng.normal(size=(30, 3, 1))
    fitted = HadamRNNRegressor(**CLOSED).fit(x, x[..., 0])
    assert fitted.predict(x).shape == (30, 3)
    assert HadamRNNRegressor(**CLOSED).partial_fit(x, x[..., 0]).predict(x[:4]).shape == (4, 3)


def test_missing_values_are_refused_or_imputed(rng):
    x, y = bumps(rng, 40)
    x[3, 4, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        clone(CLASSIFIER).fit(x, y)
    clone(CLASSIFIER).set_params(impute="mean").fit(x, y)


@pytest.mark.parametrize("estimator", [HadamRNNClassifier(**CLOSED), CLASSIFIER], ids=lambda e: e.method)
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("impute", ["mean", "last"])
def test_what_is_missing_is_filled_in_when_predicting_as_in_fit(rng, estimator, impute, normalize):
    x, y = bumps(rng, 40)
    x += 5
    x[3, 4, 1] = x[7, 0, 0] = np.nan
    kept = {"validation": 0.0} if estimator.method == "gradient" else {}
    fitted = clone(estimator).set_params(impute=impute, normalize=normalize, **kept).fit(x, y)
    gaps = bumps(rng, 6)[0] + 5
    gaps[2, 3:5, 0] = gaps[4, 0, 1] = np.nan
    means = np.nanmean(x.astype(np.float64), axis=(0, 1))
    filled = gaps.copy()
    filled[2, 3:5, 0] = means[0] if impute == "mean" else gaps[2, 2, 0]
    filled[4, 0, 1] = means[1]  # nothing was before
    np.testing.assert_allclose(fitted.predict_proba(gaps), fitted.predict_proba(filled), rtol=1e-4)
    np.testing.assert_allclose(
        fitted.predict_proba(list(gaps)), fitted.predict_proba(gaps), rtol=1e-6
    )  # a list of arrays
    assert fitted.__sklearn_tags__().input_tags.allow_nan
    assert pickle.loads(pickle.dumps(fitted)).predict(gaps).shape == (6,)
    with pytest.raises(ValueError, match="infinity"):
        fitted.predict(np.where(np.isnan(gaps), np.inf, gaps))


def test_a_table_with_gaps(rng):
    x = rng.normal(size=(60, 9))
    y = (x[:, 8] > 0).astype(int)
    gaps = np.where(rng.random(x.shape) < 0.05, np.nan, x)
    fitted = clone(CLASSIFIER).set_params(impute="last").fit(gaps, y)
    assert fitted.predict(gaps).shape == (60,)
    plain = clone(CLASSIFIER).fit(x, y)
    assert not plain.__sklearn_tags__().input_tags.allow_nan
    with pytest.raises(ValueError, match="NaN"):
        plain.predict(gaps)
    regressor = clone(REGRESSOR).set_params(impute="mean").fit(gaps, x[:, 8])
    assert np.isfinite(regressor.predict(gaps)).all()


def ragged(rng, count=90):
    """Of 10 to 20 steps and two channels: which has the bump, three steps before its end?"""
    y = rng.integers(2, size=count)
    x = [rng.normal(size=(rng.integers(10, 21), 2)) for _ in y]
    for series, channel in zip(x, y, strict=True):
        series[-3, channel] += 6
    return x, np.array(["left", "right"])[y]


def test_series_of_any_lengths(rng):
    x, y = ragged(rng)
    settings = {**QUICK, "epochs": 15}
    fitted = HadamRNNClassifier(**settings).fit(x[:60], y[:60])
    assert fitted.score(x[60:], y[60:]) > 0.85
    assert fitted.n_features_in_ == 2
    proba = fitted.predict_proba(x)
    alone = np.concatenate([fitted.predict_proba(series[None]) for series in x])
    np.testing.assert_array_equal(proba, alone)
    objects = np.empty(90, object)
    objects[:] = x
    for other in (tuple(x), objects, [series.tolist() for series in x]):
        np.testing.assert_array_equal(fitted.predict_proba(other), proba)
    first = HadamRNNClassifier(**settings, channels_first=True).fit([series.T for series in x[:60]], y[:60])
    assert first.model_ == fitted.model_
    np.testing.assert_array_equal(first.predict_proba([series.T for series in x]), proba)
    values = [series[-3, 0] for series in x]
    assert clone(REGRESSOR).fit(x, values).predict(x).shape == (90,)
    search = GridSearchCV(clone(CLASSIFIER), {"hidden_size": [8, 16]}, cv=2, error_score="raise").fit(x, y)
    assert search.predict(x).shape == (90,)
    with pytest.raises(hr.ShapeError, match=r"X\[0\] has shape \(9, 3\); expected 2 channels, as in fit"):
        fitted.predict([np.zeros((9, 3)), np.zeros((7, 3))])
    with pytest.raises(hr.ShapeError, match=r"X\[1\] has shape \(8, 3\), and X\[0\] \(9, 2\)"):
        fitted.predict([np.zeros((9, 2)), np.zeros((8, 3))])
    x[5][2, 1] = np.nan
    for call in (lambda: fitted.predict(x), lambda: clone(CLASSIFIER).fit(x, y)):
        with pytest.raises(hr.InputError, match=r"X\[5\]\[2, 1\] is nan"):
            call()


def test_series_of_one_channel_and_any_length(rng):
    x = [np.cumsum(rng.normal(size=rng.integers(5, 12))) for _ in range(60)]
    y = np.array([series[-1] > 0 for series in x])
    fitted = clone(CLASSIFIER).fit(x, y)
    assert fitted.n_features_in_ == 1
    assert fitted.classes_.tolist() == [False, True]
    proba = fitted.predict_proba(x)
    for i in (0, 7):  # one alone looks like a table
        np.testing.assert_array_equal(fitted.predict_proba([x[i]])[0], proba[i])
        np.testing.assert_array_equal(fitted.predict_proba([x[i][:, None]])[0], proba[i])
    table = clone(CLASSIFIER).fit(rng.normal(size=(20, 6)), [0, 1] * 10)
    with pytest.raises(hr.ShapeError, match=r"X\[0\] has shape .*; expected a table \(N, T\), as in fit"):
        table.predict(x)


def test_bytes_are_names_of_classes(rng):
    x, y = bumps(rng, 60)
    fitted = clone(CLASSIFIER).fit(x, np.char.encode(y))
    assert fitted.classes_.tolist() == ["left", "right"]
    assert fitted.model_ == clone(CLASSIFIER).fit(x, y).model_
    assert fitted.score(x, np.char.encode(y)) == fitted.score(x, y) == np.mean(fitted.predict(x) == y)


@pytest.mark.parametrize("y", [[0.0, 1.0, np.nan, 1.0], ["a", "b", None, "b"], [0.5, 1, 2, np.inf]])
def test_a_missing_target_is_named_by_its_place_among_all(rng, y):
    x, place = rng.normal(size=(40, 5, 1)), 2
    y = y * 10
    kinds = [CLASSIFIER] if isinstance(y[0], str) else [REGRESSOR] if y[0] == 0.5 else [CLASSIFIER, REGRESSOR]
    place += y[0] == 0.5
    for estimator in kinds:
        with pytest.raises(hr.InputError, match=rf"y\[{place}\] is (nan|None|inf)"):
            clone(estimator).set_params(validation=0.5).fit(x, y)


def test_settings_may_be_scalars_of_numpy(rng):
    x, y = bumps(rng, 40)
    plain = clone(CLASSIFIER).fit(x, y)
    given = {
        "method": "gradient",
        "hidden_size": np.int64(16),
        "epochs": np.int32(5),
        "lr": np.float64(3e-2),
        "recipe": {"batch_size": np.uint8(16)},
        "n_jobs": np.int64(1),
        "validation": np.float64(0.1),
        "random_state": np.int64(0),
        "normalize": np.bool_(True),
        "balanced": np.bool_(False),
        "channels_first": np.bool_(False),
    }
    fitted = HadamRNNClassifier(**given).fit(x, y)
    assert fitted.model_ == plain.model_
    assert np.array_equal(fitted.predict_proba(x), plain.predict_proba(x))
    scalars = HadamRNNClassifier(hidden_size=np.int64(32), n_jobs=np.int32(1))
    assert scalars.fit(x, y).model_ == HadamRNNClassifier(**CLOSED).fit(x, y).model_
    limited = HadamRNNClassifier(max_bytes=np.int64(9000), n_jobs=np.int32(1))
    assert limited.fit(x, y).model_ == HadamRNNClassifier(max_bytes=9000, n_jobs=1).fit(x, y).model_
    with pytest.raises(hr.InputError, match="max_bytes is 9000 and hidden_size is 32"):
        HadamRNNClassifier(hidden_size=32, max_bytes=9000).fit(x, y)


def test_ctrl_c_ends_a_search(rng, monkeypatch):
    """And is no failed candidate of it."""
    x, y = bumps(rng, 40)
    steps = []
    original = trainer.Trainer._step

    def step(self, *arguments):
        steps.append(1)
        if len(steps) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self, *arguments)

    monkeypatch.setattr(trainer.Trainer, "_step", step)
    with pytest.raises(KeyboardInterrupt, match="stopped at epoch"):
        GridSearchCV(clone(CLASSIFIER), {"hidden_size": [8, 16, 32]}, cv=3).fit(x, y)
    assert len(steps) <= 4


def test_the_random_state_of_torch_stays(rng):
    torch = pytest.importorskip("torch")
    before = torch.get_rng_state()
    clone(CLASSIFIER).fit(*bumps(rng, 20))
    assert torch.equal(torch.get_rng_state(), before)


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
