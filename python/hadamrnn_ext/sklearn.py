"""Estimators of scikit-learn: they fit as `hadamrnn_ext.fit` does, and go into its pipelines, searches and metrics.

    from hadamrnn_ext.sklearn import HadamRNNClassifier
    classifier = HadamRNNClassifier().fit(X, y)  # X (N, T, d), or (N, T) of one channel
    classifier.predict_proba(X_test)
    classifier.model_.save("mine.safetensors")

Needs the `sklearn` extra; with ``method="gradient"``, which is training as of `train.fit`, fitting needs `train` as well.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .closed_form import Running, fit
from .data.reader import Reader
from .data.series import ragged, sequences
from .data.targets import Kind, named, targets
from .errors import InputError, ShapeError
from .model import Model
from .model.classify import probabilities

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_array, check_consistent_length, check_random_state
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
except ImportError as missing:
    from .machine import hint

    raise ImportError(f"hadamrnn_ext.sklearn needs scikit-learn 1.6 or newer: {hint('sklearn')}") from missing

__all__ = ["HadamRNNClassifier", "HadamRNNRegressor"]

REAL = (np.float64, np.float32)  # what is neither becomes the first: a model centres it before it is float32


class _HadamRNN(BaseEstimator):  # type: ignore[misc]
    """What both have in common: series in, and a trained model kept as `model_`."""

    model_: Model
    running_: Running | None
    table_: bool  # whether X of fit was a table, whose columns are its steps
    n_features_in_: int
    # Of estimators that were pickled before they had these.
    output: Literal["last", "mean"] | None = None
    method: Literal["closed_form", "gradient"] = "gradient"
    max_bytes: int | None = None
    start: Any = None

    def __init__(
        self,
        hidden_size: int | None = None,
        epochs: int | None = None,
        lr: float | None = None,
        recipe: Mapping[str, Any] | None = None,
        channels_first: bool = False,
        normalize: bool = True,
        impute: Literal["mean", "last"] | None = None,
        validation: float = 0.1,
        random_state: Any = 0,
        device: str = "cpu",
        n_jobs: int | None = None,
        output: Literal["last", "mean"] | None = None,
        method: Literal["closed_form", "gradient"] = "closed_form",
        max_bytes: int | None = None,
        start: Any = None,
    ) -> None:
        self.hidden_size = hidden_size
        self.epochs = epochs
        self.lr = lr
        self.recipe = recipe
        self.channels_first = channels_first
        self.normalize = normalize
        self.impute = impute
        self.validation = validation
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs
        self.output = output
        self.method = method
        self.max_bytes = max_bytes
        self.start = start

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self.impute is not None
        return tags

    def _series(self, X: Any, fitting: bool = False) -> NDArray[Any] | list[NDArray[Any]]:
        """X as (N, T, d), or a list of (T_i, d). As a table (N, T) it has T features that every other must have; else as
        many as channels."""
        parts = ragged(X)
        finite = True if self.impute is None else "allow-nan"
        if parts is not None:
            return self._lists(parts, fitting)
        if getattr(X, "ndim", 2) != 3:
            one_channel = not fitting and not self.table_ and self.n_features_in_ == 1
            if one_channel:
                table = check_array(X, dtype=REAL, ensure_all_finite=finite)
            else:
                table = validate_data(self, X, dtype=REAL, ensure_all_finite=finite, reset=fitting)
            if fitting:
                self.table_ = True
            elif not self.table_ and not one_channel:
                raise ShapeError(f"X has shape {np.shape(X)}; expected 3 dimensions, as in fit")
            return np.ascontiguousarray(table)[..., None]
        series = check_array(X, dtype=REAL, ensure_all_finite=finite, allow_nd=True)
        if self.channels_first:
            series = series.transpose(0, 2, 1)
        if 0 in series.shape:
            raise ShapeError(f"X has shape {np.shape(X)}; expected at least one step and one channel")
        self._check_channels(series.shape[2], f"X has shape {np.shape(X)}", fitting)
        return np.ascontiguousarray(series)

    def _lists(self, parts: list[Any], fitting: bool) -> list[NDArray[Any]]:
        """Series of any lengths, (T_i, d) each; those of a single channel may be (T_i,)."""
        turned = [
            np.asarray(part).T if self.channels_first and np.ndim(part) == 2 else part for part in parts
        ]
        found = sequences(turned)
        values = found.values.reshape(len(found.values), -1)
        self._check_channels(values.shape[1], f"X[0] has shape {np.shape(parts[0])}", fitting)
        return np.split(values, found.starts[1:])

    def _check_channels(self, channels: int, met: str, fitting: bool) -> None:
        if fitting:
            self.n_features_in_, self.table_ = channels, False
        elif self.table_ or channels != self.n_features_in_:
            expected = "a table (N, T)" if self.table_ else f"{self.n_features_in_} channels"
            raise ShapeError(f"{met}; expected {expected}, as in fit")

    def _fitted(
        self, x: NDArray[Any] | list[NDArray[Any]], y: NDArray[Any], groups: Any, kind: Kind, balanced: bool
    ) -> Model:
        """The model of series and targets, by the method that is asked for. Raises InputError for one that there is not."""
        self.running_ = None  # what partial_fit has begun is over
        self._refuse_idle_settings()
        if self.method == "closed_form":
            model, self.report_ = fit(x, y, groups=groups, kind=kind, balanced=balanced, **self._options())
            return model
        return self._trained(x, y, groups=groups, kind=kind, balanced=balanced)

    def _begins(self) -> bool:
        """Whether `partial_fit` has nothing to go on from."""
        return getattr(self, "running_", None) is None

    def _went_on(
        self, x: Any, y: NDArray[Any], kind: Kind, classes: Any = None, balanced: bool = False
    ) -> Model:
        """The model after more series and targets."""
        if self._begins():
            self._refuse_idle_settings()
            self.running_ = Running(x, y, classes=classes, balanced=balanced, kind=kind, **self._options())
        else:
            assert self.running_ is not None
            self.running_.add(x, y)
        model, self.report_ = self.running_.fitted()
        return model

    def _options(self) -> dict[str, Any]:
        return {
            "hidden_size": self.hidden_size,
            "max_bytes": self.max_bytes,
            "every_step": False,  # as many values as steps are values of the whole series
            "num_threads": self._threads,
            "seed": int(check_random_state(self.random_state).randint(2**31 - 1)),
            "impute": self.impute,
            "normalize": self.normalize,
        }

    def _refuse_idle_settings(self) -> None:
        """What the method has no use for is not passed over in silence. Raises InputError."""
        gradient = dict.fromkeys(("epochs", "lr", "recipe", "output", "start")) | {
            "validation": 0.1,
            "device": "cpu",
        }
        idle = {"closed_form": ("gradient", gradient), "gradient": ("closed_form", {"max_bytes": None})}
        if self.method not in idle:
            raise InputError(f"method is {self.method!r}; expected 'closed_form' or 'gradient'")
        other, unused = idle[self.method]
        for name, default in unused.items():
            value = getattr(self, name)
            if value is not default and (default is None or value != default):
                raise InputError(
                    f"{name} is {value!r}, which is for method={other!r}; method is {self.method!r}"
                )

    def _trained(self, x: Any, y: NDArray[Any], **meaning: Any) -> Model:
        """By gradients, which need torch."""
        from . import train

        recipe = {**(self.recipe or {})}
        chosen = {name: getattr(self, name) for name in ("hidden_size", "epochs", "lr", "output")}
        recipe |= {name: value for name, value in chosen.items() if value is not None}
        model, summary = train.fit(
            x,
            y,
            start=self.start,
            validation=self.validation,
            device=self.device,
            progress=False,
            threads=self._threads,
            seed=int(check_random_state(self.random_state).randint(2**31 - 1)),
            impute=self.impute,
            normalize=self.normalize,
            **meaning,
            **recipe,
        )
        self.summary_ = summary
        self.n_iter_ = int(summary["epochs"])
        return model

    @property
    def _threads(self) -> int | None:
        return self.n_jobs if self.n_jobs is None or self.n_jobs > 0 else None

    def _logits(self, X: Any) -> NDArray[np.float32]:
        check_is_fitted(self, "model_")
        reader = Reader.of_model(self.model_.card, None, None)  # what is missing is filled in as in fit
        found = reader.read(self._series(X))
        values, _, *ends = reader.series(found, np.zeros(len(found.lengths))).raw(slice(None))
        return self.model_.infer(values, ends[0] if ends else None, self._threads)


class HadamRNNClassifier(ClassifierMixin, _HadamRNN):  # type: ignore[misc]
    """Classes of whole series, (N, T, d), a list of N of any lengths (T_i, d) or (T_i,), or a table (N, T) of one channel.

    Args:
        hidden_size: units; None: the most that `max_bytes` allow, or of gradients what suits the data.
        epochs, lr, recipe, validation, device, output: of gradients, refused otherwise; None: what suits the data.
            recipe: other fields of `train.Preset`, such as {"recurrence": "relu", "batch_size": 50}. validation: share of
            the examples, of each class, that chooses the epoch that is kept. output: read the "last" state (None: the
            same) or the "mean" of all, which suits what occurs at any time.
        channels_first: X is (N, d, T), as sktime and aeon have it, instead of (N, T, d); or a list of (d, T_i).
        normalize: subtract each channel's mean and divide by its deviation; both travel in the model.
        impute: missing values (NaN) become the channel's "mean" in the data of fit, or the "last" value before, when
            predicting too; None refuses them.
        random_state: of what is drawn.
        n_jobs: threads; None or -1: all CPUs that this process may use.
        balanced: weigh the errors of a class by the inverse of its frequency.
        method: "closed_form", `hadamrnn_ext.fit`, in seconds and without torch; or "gradient", `train.fit`.
        max_bytes: of the model file, in closed form; None: 16,384.
        start: of gradients: what they start from, "closed_form" or a model, see `train.fit`; None: random weights.

    Attributes:
        classes_ (k,); model_, a `Model` to stream, export or save; n_features_in_, the channels, or the columns of a table;
        report_ of the closed form; of gradients summary_, that of `train.run`, and n_iter_, epochs.

    Raises:
        ShapeError, InputError (both ValueError): X or y are no such data.
    """

    def __init__(
        self,
        hidden_size: int | None = None,
        epochs: int | None = None,
        lr: float | None = None,
        recipe: Mapping[str, Any] | None = None,
        channels_first: bool = False,
        normalize: bool = True,
        impute: Literal["mean", "last"] | None = None,
        validation: float = 0.1,
        random_state: Any = 0,
        device: str = "cpu",
        n_jobs: int | None = None,
        balanced: bool = False,
        output: Literal["last", "mean"] | None = None,
        method: Literal["closed_form", "gradient"] = "closed_form",
        max_bytes: int | None = None,
        start: Any = None,
    ) -> None:
        super().__init__(
            hidden_size,
            epochs,
            lr,
            recipe,
            channels_first,
            normalize,
            impute,
            validation,
            random_state,
            device,
            n_jobs,
            output,
            method,
            max_bytes,
            start,
        )
        self.balanced = balanced

    def fit(self, X: Any, y: Any, groups: Any = None) -> HadamRNNClassifier:
        """Fits series X and classes y (N,): numbers, booleans or strings, bytes too; of `groups` (N,), such as people, whole
        ones choose the model by being left out. Returns itself."""
        series = self._series(X, fitting=True)
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        labels = column_or_1d(named(y), warn=True)
        check_consistent_length(series, labels)
        if (labels == labels[:1]).all():
            raise ValueError(f"y holds one class, {labels[:1].tolist()[0]!r}; expected at least two")
        codes = targets(labels, len(labels), "classes").values
        check_classification_targets(labels)
        self.classes_ = np.unique(labels)
        model = self._fitted(series, codes, groups, "classes", self.balanced)
        names = tuple(map(str, self.classes_.tolist()))
        self.model_ = model.with_card(dataclasses.replace(model.card, labels=names))
        return self

    @available_if(lambda self: self.method == "closed_form")  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> HadamRNNClassifier:
        """Goes on with more series, without those before: their sums are kept. In closed form alone.

        The first call, after which `fit` has not been called, chooses the network; it wants all `classes` that there will
        ever be, unless y has them all. Returns itself.
        """
        first = self._begins()
        series, labels = self._series(X, fitting=first), column_or_1d(named(y), warn=True)
        check_consistent_length(series, labels)
        if first:
            self.classes_ = np.unique(named(labels if classes is None else classes))
            if len(self.classes_) < 2:
                one = self.classes_.tolist()[0]
                raise ValueError(f"y holds one class, {one!r}; expected at least two, or classes")
        elif classes is not None and not np.array_equal(np.unique(named(classes)), self.classes_):
            raise InputError(
                f"classes is {classes!r}; expected {self.classes_.tolist()} as in the first call"
            )
        codes = np.searchsorted(self.classes_, labels)
        if (unknown := self.classes_[np.minimum(codes, len(self.classes_) - 1)] != labels).any():
            raise InputError(
                f"y[{int(np.argmax(unknown))}] is {labels[unknown].tolist()[0]!r}; expected one of `classes`"
            )
        model = self._went_on(
            series, codes, "classes", classes=range(len(self.classes_)), balanced=self.balanced
        )
        names = tuple(map(str, self.classes_.tolist()))
        self.model_ = model.with_card(dataclasses.replace(model.card, labels=names))
        return self

    def decision_function(self, X: Any) -> NDArray[np.float32]:
        """Logits: (N,) of two classes, that of the second; (N, k) of more."""
        logits = self._logits(X)
        return logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Probabilities (N, k) of the classes, in the order of `classes_`."""
        return probabilities(self._logits(X), every_step=False)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of series whose class `predict` gives."""
        return float(super().score(X, named(y), sample_weight))

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each series, (N,)."""
        best = self.predict_proba(X).argmax(1)
        classes: NDArray[Any] = self.classes_[best]
        return classes


class HadamRNNRegressor(RegressorMixin, _HadamRNN):  # type: ignore[misc]
    """One or several numbers of each whole series; arguments and attributes as of `HadamRNNClassifier`."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, groups: Any = None) -> HadamRNNRegressor:
        """Fits series X and values y, (N,) or (N, o); `groups` as of a classifier. Returns itself."""
        series = self._series(X, fitting=True)
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        values = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", ensure_all_finite=False)
        check_consistent_length(series, values)
        self.outputs_ = values.shape[1:]
        self.model_ = self._fitted(series, values, groups, "values", False)
        return self

    @available_if(lambda self: self.method == "closed_form")  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any) -> HadamRNNRegressor:
        """Goes on with more series, as that of a classifier. Returns itself."""
        series = self._series(X, fitting=self._begins())
        values = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", ensure_all_finite=False)
        check_consistent_length(series, values)
        self.outputs_ = values.shape[1:]
        self.model_ = self._went_on(series, values, "values")
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Values (N,) or (N, o), as y had them."""
        return self._logits(X).astype(np.float64).reshape(-1, *self.outputs_)
