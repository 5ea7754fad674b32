"""Ways to classify series: ours, MiniRocket, an echo state network with ridge, and a GRU.

Whatever is to be chosen of a peer is chosen on the training data alone.
"""

from __future__ import annotations

import importlib
import pickle
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import hadamrnn_ext as hr
from fit_data import Part
from hadamrnn_ext.data import holdout
from hadamrnn_ext.data.targets import targets

__all__ = ["PEERS", "Fitted", "Way", "ours"]

#: The echo state network: units, and the leaks and scales of the input of which the leave-one-out error chooses on at most
#: so many series.
ESN_UNITS, ESN_LEAKS, ESN_SCALES, ESN_SERIES = 500, (0.1, 0.3, 1.0), (0.1, 1.0), 300
#: The GRU: units; learning rates, of which a fifth of the training data chooses after so many seconds each; then the seconds,
#: and passes over the data that the fit has at most: a minute of one processor in all.
GRU_UNITS, GRU_RATES, GRU_TRIAL, GRU_SECONDS, GRU_EPOCHS = 64, (1e-3, 3e-3, 1e-2), 5.0, 45.0, 200


class Fitted(NamedTuple):
    """The result of a fit: a function from series to their classes, how many bytes it needs, and what was chosen."""

    classify: Callable[[Part], NDArray[Any]]
    bytes: int
    note: str = ""


Way = Callable[[Part, int], Fitted]


def ours(train: Part, seed: int, max_bytes: int | None = None) -> Fitted:
    model, report = hr.fit(train.x, train.y, groups=train.groups, seed=seed, max_bytes=max_bytes)

    def classify(part: Part) -> NDArray[Any]:
        lengths = np.array([len(one) for one in part.x])
        return model.classify(part.padded(), lengths=lengths).labels[:, 0]

    return Fitted(classify, report.file_bytes)


def minirocket(train: Part, seed: int) -> Fitted:
    """MiniRocket of Dempster, Schmidt and Webb (2021, arXiv 2012.08791) in the version of aeon, whose ridge regression chooses
    its penalty by leave-one-out errors."""
    kind = importlib.import_module("aeon.classification.convolution_based").MiniRocketClassifier
    steps = max(9, *map(len, train.x))
    model = kind(random_state=seed).fit(_channels_first(train, steps), train.y)
    return Fitted(lambda part: model.predict(_channels_first(part, steps)), len(pickle.dumps(model)))


def echo_state(train: Part, seed: int) -> Fitted:
    """A reservoir of reservoirpy, whose mean state and last state are read by ridge regression."""
    reservoir_kind = importlib.import_module("reservoirpy.nodes").Reservoir
    ridge_kind = importlib.import_module("sklearn.linear_model").RidgeClassifierCV
    values = np.concatenate(train.x)
    mean, deviation = values.mean(0), values.std(0) + 1e-6

    def features(reservoir: Any, series: list[NDArray[np.float32]]) -> NDArray[np.float64]:
        rows = []
        for one in series:
            if reservoir.initialized:
                reservoir.reset()
            states = reservoir.run((one - mean) / deviation)
            rows.append(np.concatenate([states.mean(0), states[-1]]))
        return np.stack(rows)

    def fitted(leak: float, scale: float, rows: NDArray[np.int64]) -> tuple[float, Any, Any, Any]:
        reservoir = reservoir_kind(units=ESN_UNITS, lr=leak, sr=0.9, input_scaling=scale, seed=seed)
        found = features(reservoir, [train.x[i] for i in rows])
        unit = found.std(0) + 1e-9
        ridge = ridge_kind(alphas=np.logspace(-3, 4, 15)).fit(found / unit, train.y[rows])
        return float(ridge.best_score_), reservoir, ridge, unit

    everything = np.arange(len(train.x))
    some = np.sort(np.random.default_rng(seed).permutation(everything)[:ESN_SERIES])
    leak, scale = max(product(ESN_LEAKS, ESN_SCALES), key=lambda how: fitted(how[0], how[1], some)[0])
    _, reservoir, ridge, unit = fitted(leak, scale, everything)
    return Fitted(
        lambda part: ridge.predict(features(reservoir, part.x) / unit),
        len(pickle.dumps((reservoir, ridge, unit))),
        f"leak {leak:g}, input times {scale:g}",
    )


def gru(train: Part, seed: int) -> Fitted:
    """A GRU whose mean output is read, by Adam."""
    answers = targets(train.y.astype(str), len(train.y), "classes")
    groups = None if train.groups is None else holdout.groups_of(train.groups, len(train.y))
    kept, held = (
        Part([train.x[i] for i in rows], train.y[rows]) for rows in holdout.split(answers, 0.2, seed, groups)
    )

    torch: Any = importlib.import_module("torch")
    names = np.unique(train.y.astype(str))

    def loss(rate: float) -> float:
        logits, *_ = _trained_gru(kept, names, seed, rate, GRU_TRIAL)
        wanted = torch.from_numpy(np.searchsorted(names, held.y.astype(str)))
        return float(torch.nn.functional.cross_entropy(logits(held), wanted))

    rate = min(GRU_RATES, key=loss)
    logits, parameters, epochs = _trained_gru(train, names, seed, rate, GRU_SECONDS)
    return Fitted(
        lambda part: np.asarray(names[logits(part).argmax(1).numpy()]),
        4 * parameters,
        f"learning rate {rate:g}, {epochs} epochs",
    )


def _trained_gru(
    train: Part, names: NDArray[Any], seed: int, rate: float, seconds: float
) -> tuple[Callable[[Part], Any], int, int]:
    """The logits of series, how many parameters there are, and how many times all data were seen."""
    torch: Any = importlib.import_module("torch")
    torch.manual_seed(seed)
    values = np.concatenate(train.x)
    mean, deviation = values.mean(0), values.std(0) + 1e-6
    cell = torch.nn.GRU(values.shape[1], GRU_UNITS, batch_first=True)
    readout = torch.nn.Linear(GRU_UNITS, len(names))
    weights = [*cell.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(weights, lr=rate)
    inputs = torch.from_numpy((train.padded() - mean) / deviation)
    classes = torch.from_numpy(np.searchsorted(names, train.y.astype(str)))
    end, epochs = time.thread_time() + seconds, 0
    while epochs < GRU_EPOCHS and time.thread_time() < end:
        for rows in torch.randperm(len(inputs)).split(32):
            loss = torch.nn.functional.cross_entropy(readout(cell(inputs[rows])[0].mean(1)), classes[rows])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            if time.thread_time() > end:
                break
        epochs += 1

    def logits(part: Part) -> Any:
        with torch.inference_mode():
            x = torch.from_numpy((part.padded() - mean) / deviation)
            return torch.cat([readout(cell(some)[0].mean(1)) for some in x.split(512)])

    return logits, sum(weight.numel() for weight in weights), epochs


def _channels_first(part: Part, steps: int) -> NDArray[np.float32]:
    return part.padded(steps).transpose(0, 2, 1)


PEERS: dict[str, Way] = {
    "ours_4096": partial(ours, max_bytes=4096),
    "minirocket": minirocket,
    "esn": echo_state,
    "gru": gru,
}
