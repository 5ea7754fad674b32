"""Models of data sets that come with packages, compared by accuracy, seconds to fit and to classify, and bytes."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

import hadamrnn_ext as hr
from fit_data import DataSet, Part, data_sets
from fit_peers import PEERS, Way, ours
from record import FitRecord
from session import Session

__all__ = ["run"]

SEEDS = 5
#: What --quick runs: two small sets and one seed.
QUICK = ["GunPoint", "ItalyPowerDemand"]
ALONE = 20  # series that are classified one by one, to time a single one


class Outcome(NamedTuple):
    """The results over all seeds."""

    accuracies: list[float]
    fit_s: float  # the median, without what a first fit compiles
    classify_s: float  # per series
    bytes: int


def run(session: Session) -> None:
    """Every way gets the same series and seeds; the test series serve only for the accuracy."""
    seeds = range(1 if session.quick else SEEDS)
    for data in data_sets(QUICK if session.quick else None):
        us = outcome(ours, data, seeds)
        for name, way in PEERS.items():
            try:
                them = outcome(way, data, seeds)
            except ImportError as missing:
                session.say(f"{name} left out: {missing}")
                continue
            session.append(record(session, data.name, name, us, them))


def outcome(way: Way, data: DataSet, seeds: range) -> Outcome:
    few = np.union1d(np.unique(data.train.y, return_index=True)[1], np.arange(min(20, len(data.train.y))))
    way(Part([data.train.x[i] for i in few], data.train.y[few]), 0)  # compiles whatever a first fit compiles
    accuracies, times, fitted = [], [], None
    for seed in seeds:
        start = time.perf_counter()
        fitted = way(data.train, seed)
        times.append(time.perf_counter() - start)
        accuracies.append(float((fitted.classify(data.test) == data.test.y.astype(str)).mean()))
    assert fitted is not None
    one = [Part([series], data.test.y[:1]) for series in data.test.x[:ALONE]]
    fitted.classify(one[0])
    alone = []
    for part in one:
        start = time.perf_counter()
        fitted.classify(part)
        alone.append(time.perf_counter() - start)
    return Outcome(accuracies, float(np.median(times)), float(np.median(alone)), fitted.bytes)


def record(session: Session, id: str, peer: str, us: Outcome, them: Outcome) -> FitRecord:
    accuracy = " / ".join(f"{100 * np.mean(each.accuracies):.1f}" for each in (us, them))
    alone = " / ".join(f"{1e6 * each.classify_s:.0f}" for each in (us, them))
    return FitRecord(
        suite=session.suite,
        id=id,
        peer=peer,
        ours_s=us.fit_s,
        peer_s=them.fit_s,
        ratio=them.fit_s / us.fit_s,
        isa=hr.isa.active(),
        threads="all / all",
        note=f"accuracy {accuracy} %, one series {alone} us, {us.bytes:,} / {them.bytes:,} bytes",
        accuracy=(us.accuracies, them.accuracies),
        classify_s=(us.classify_s, them.classify_s),
        bytes=(us.bytes, them.bytes),
    )
