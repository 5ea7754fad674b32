"""Estimators of scikit-learn: they fit as `hadamrnn_ext.fit` does, and go into its pipelines, searches and metrics.

Needs the `sklearn` extra; with ``method="gradient"``, which is training as of `train.fit`, fitting needs `train` as well.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..data.targets import named, targets
from ..errors import InputError
from ..model.classify import probabilities

try:
    from sklearn.base import ClassifierMixin, RegressorMixin
    from sklearn.utils import check_array, check_consistent_length
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import column_or_1d

    from .base import Estimator
except ImportError as missing:
    from ..machine import hint

    raise ImportError(f"hadamrnn_ext.sklearn needs scikit-learn 1.6 or newer: {hint('sklearn')}") from missing

__all__ = ["HadamRNNClassifier", "HadamRNNRegressor"]


class HadamRNNClassifier(ClassifierMixin, Estimator):  # type: ignore[misc]
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

    Examples:
        >>> from hadamrnn_ext.sklearn import HadamRNNClassifier
        >>> y = np.repeat(["low", "high"], 20)
        >>> x = np.random.default_rng(0).normal(size=(40, 20)) + (y == "high")[:, None]
        >>> classifier = HadamRNNClassifier(hidden_size=16).fit(x[::2], y[::2])
        >>> classifier.predict(x[[0, -1]]).tolist(), classifier.score(x[1::2], y[1::2]) > 0.8
        (['low', 'high'], True)
        >>> classifier.predict_proba(x).shape, classifier.decision_function(x).shape
        ((40, 2), (40,))
        >>> classifier.partial_fit(x, y).partial_fit(x, y).report_.sequences
        80
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


class HadamRNNRegressor(RegressorMixin, Estimator):  # type: ignore[misc]
    """One or several numbers of each whole series; arguments and attributes as of `HadamRNNClassifier`.

    Examples:
        >>> from hadamrnn_ext.sklearn import HadamRNNRegressor
        >>> x = np.random.default_rng(0).normal(size=(60, 20)).cumsum(axis=1)
        >>> regressor = HadamRNNRegressor(hidden_size=16).fit(x, x[:, -1])
        >>> regressor.predict(x[:3]).shape
        (3,)
        >>> regressor.partial_fit(x, x[:, -1]).model_.card.output_size
        1
    """

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
