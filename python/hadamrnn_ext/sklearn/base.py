"""What estimators of scikit-learn have in common: their settings, series of any form, and both ways of fitting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..closed_form import Running, fit
from ..data.reader import Reader
from ..data.series import ragged, sequences
from ..data.targets import Kind
from ..errors import InputError, ShapeError
from ..model import Model

__all__ = ["Estimator"]

REAL = (np.float64, np.float32)  # what is neither becomes the first: a model centres it before it is float32


class Estimator(BaseEstimator):  # type: ignore[misc]
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
        from .. import train

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
