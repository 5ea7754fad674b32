"""Ways to classify series: ours, MiniRocket, an echo state network with ridge, and a GRU."""

from __future__ import annotations

import importlib
import pickle
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import hadamrnn_ext as hr
from fit_data import Part

__all__ = ["PEERS", "Fitted", "ours"]

ESN_UNITS, GRU_UNITS, GRU_SECONDS = 500, 64, 60.0


class Fitted(NamedTuple):
    """The result of a fit: a function from series to their classes, and how many bytes it needs."""

    classify: Callable[[Part], NDArray[Any]]
    bytes: int


Way = Callable[[Part, int], Fitted]


def ours(train: Part, seed: int) -> Fitted:
    model, report = hr.fit(train.x, train.y, groups=train.groups, seed=seed)

    def classify(part: Part) -> NDArray[Any]:
        lengths = np.array([len(one) for one in part.x])
        return model.classify(part.padded(), lengths=lengths).labels[:, 0]

    return Fitted(classify, report.file_bytes)


def minirocket(train: Part, seed: int) -> Fitted:
    """MiniRocket of Dempster, Schmidt and Webb (2021, arXiv 2012.08791) in the version of aeon."""
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
    reservoir = reservoir_kind(units=ESN_UNITS, lr=0.3, sr=0.9, seed=seed)

    def features(part: Part) -> NDArray[np.float64]:
        rows = []
        for one in part.x:
            reservoir.reset() if reservoir.initialized else None
            states = reservoir.run((one - mean) / deviation)
            rows.append(np.concatenate([states.mean(0), states[-1]]))
        return np.stack(rows)

    found = features(train)
    unit = found.std(0) + 1e-9
    ridge = ridge_kind(alphas=np.logspace(-3, 4, 15)).fit(found / unit, train.y)
    return Fitted(
        lambda part: ridge.predict(features(part) / unit), len(pickle.dumps((reservoir, ridge, unit)))
    )


def gru(train: Part, seed: int) -> Fitted:
    """A GRU of 64 units that reads the mean of its outputs, trained by Adam for at most a minute."""
    torch: Any = importlib.import_module("torch")
    torch.manual_seed(seed)
    names = np.unique(train.y)
    values = np.concatenate(train.x)
    mean, deviation = values.mean(0), values.std(0) + 1e-6
    cell = torch.nn.GRU(values.shape[1], GRU_UNITS, batch_first=True)
    readout = torch.nn.Linear(GRU_UNITS, len(names))
    weights = [*cell.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(weights, lr=3e-3)
    inputs = torch.from_numpy((train.padded() - mean) / deviation)
    classes = torch.from_numpy(np.searchsorted(names, train.y))
    end, epochs = time.perf_counter() + GRU_SECONDS, 0
    while time.perf_counter() < end and epochs < 200:
        for rows in torch.randperm(len(inputs)).split(32):
            loss = torch.nn.functional.cross_entropy(readout(cell(inputs[rows])[0].mean(1)), classes[rows])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
        epochs += 1

    def classify(part: Part) -> NDArray[Any]:
        with torch.inference_mode():
            x = torch.from_numpy((part.padded() - mean) / deviation)
            found: NDArray[Any] = names[readout(cell(x)[0].mean(1)).argmax(1).numpy()]
            return found

    return Fitted(classify, 4 * sum(weight.numel() for weight in weights))


def _channels_first(part: Part, steps: int) -> NDArray[np.float32]:
    return part.padded(steps).transpose(0, 2, 1)


PEERS: dict[str, Way] = {"minirocket": minirocket, "esn": echo_state, "gru": gru}
