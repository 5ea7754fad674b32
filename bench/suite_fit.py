"""Models of data sets that come with packages, compared by accuracy, seconds to fit and to classify, and bytes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

import hadamrnn_ext as hr
from fit_data import DataSet, Part, data_sets
from fit_peers import PEERS, Fitted, Way, ours
from record import FitRecord
from session import Session

__all__ = ["run"]

#: Seeds of a way on a set: so many, but after `LEAST` of them no more than these seconds have room for.
SEEDS, LEAST, SECONDS = 5, 2, 60.0
#: Seeds of ways that take a minute each.
SEEDS_OF = {"gru": 2}
#: What --quick runs: two small sets and one seed.
QUICK = ["GunPoint", "ItalyPowerDemand"]
#: Fits of a way that are timed, in turns with the others; of one that takes longer than `LONG` seconds a single one.
ROUNDS, LONG = 5, 20.0
ALONE = 20  # series that are classified one by one, to time a single one


@dataclass
class Outcome:
    """What is measured of a way on a set."""

    accuracies: list[float] = field(default_factory=list)
    fit_s: list[float] = field(default_factory=list)
    classify_s: list[float] = field(default_factory=list)  # of a series each
    fitted: Fitted | None = None


def run(session: Session) -> None:
    """Every way gets the same series and seeds; the test series serve only for the accuracy."""
    for data in data_sets(session.sets or (QUICK if session.quick else None)):
        peers = PEERS if session.peers is None else {name: PEERS[name] for name in session.peers}
        ways = {"ours": ours, **peers}
        outcomes = {name: Outcome() for name in ways}
        for name, way in list(ways.items()):
            try:
                if "accuracy" in session.what:
                    score(way, data, outcomes[name], 1 if session.quick else SEEDS_OF.get(name, SEEDS))
                else:
                    warm(way, data)
            except (ImportError, hr.InputError) as missing:  # a package, or a network as small as that
                session.say(f"{name} left out of {data.name}: {missing}")
                del ways[name]
        if "times" in session.what:
            take_times(ways, data, outcomes, 1 if session.quick else ROUNDS)
        for name in list(ways)[1:]:
            session.append(record(session, data.name, name, outcomes["ours"], outcomes[name]))


def score(way: Way, data: DataSet, outcome: Outcome, seeds: int) -> None:
    begin = time.perf_counter()
    for seed in range(seeds):
        spent = time.perf_counter() - begin
        if seed >= LEAST and spent * (seed + 1) / seed > SECONDS:
            break
        outcome.fitted = way(data.train, seed)
        right = outcome.fitted.classify(data.test) == data.test.y.astype(str)
        outcome.accuracies.append(float(right.mean()))


def warm(way: Way, data: DataSet) -> None:
    """Compiles whatever a first fit compiles."""
    few = np.union1d(np.unique(data.train.y, return_index=True)[1], np.arange(min(20, len(data.train.y))))
    way(Part([data.train.x[i] for i in few], data.train.y[few]), 0)


def take_times(ways: Mapping[str, Way], data: DataSet, outcomes: Mapping[str, Outcome], rounds: int) -> None:
    """Of fits and of single series, in turns, so that a change in the speed of the machine affects all."""
    for number in range(rounds):
        for name, way in ways.items():
            outcome = outcomes[name]
            if not outcome.fit_s or outcome.fit_s[0] < LONG:
                start = time.perf_counter()
                outcome.fitted = way(data.train, number)
                outcome.fit_s.append(time.perf_counter() - start)
    one = [Part([series], data.test.y[:1]) for series in data.test.x[:ALONE]]
    for part in [one[0], *one]:  # the first one twice, of which the first time is not counted
        for name in ways:
            outcome = outcomes[name]
            assert outcome.fitted is not None
            start = time.perf_counter()
            outcome.fitted.classify(part)
            outcome.classify_s.append(time.perf_counter() - start)


def record(session: Session, id: str, peer: str, us: Outcome, them: Outcome) -> FitRecord:
    assert us.fitted is not None
    assert them.fitted is not None
    both = us, them
    notes = [f"{us.fitted.bytes:,} / {them.fitted.bytes:,} bytes", them.fitted.note]
    if us.accuracies:
        notes.insert(0, f"accuracy {' / '.join(f'{100 * np.mean(one.accuracies):.1f}' for one in both)} %")
    fit_s = [statistics.median(one.fit_s) if one.fit_s else None for one in both]
    classify_s = None
    if us.classify_s:
        classify_s = statistics.median(us.classify_s[1:]), statistics.median(them.classify_s[1:])
        notes.append(f"one series {' / '.join(f'{1e6 * seconds:.0f}' for seconds in classify_s)} us")
    return FitRecord(
        suite=session.suite,
        id=id,
        peer=peer,
        ours_s=fit_s[0],
        peer_s=fit_s[1],
        ratio=fit_s[1] / fit_s[0] if fit_s[0] and fit_s[1] else 0.0,
        isa=hr.isa.active(),
        threads="all / all",
        note=", ".join(note for note in notes if note),
        accuracy=(us.accuracies, them.accuracies),
        classify_s=classify_s,
        bytes=(us.fitted.bytes, them.fitted.bytes),
    )
