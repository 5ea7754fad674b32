"""What is measured, in words: one entry for each case, with its peers and what is to be reached against them.

A new record needs an entry here and nothing else: tables, pictures and ``run.py --list`` take their words from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from record import Record

__all__ = ["CASES", "PEERS", "Case", "Target", "case", "kernel", "listing", "peer"]


class Target(NamedTuple):
    """The smallest acceptable ratio on a machine with AVX-512, or the largest."""

    limit: float
    at_most: bool = False


@dataclass(frozen=True)
class Case:
    """``peers`` names what ours is compared with (``PEERS``), each with its target or None.

    ``ratio`` says what the ratio of the record is, if it is not the peer's time over ours.
    """

    suite: str
    id: str
    what: str
    peers: Mapping[str, Target | None]
    ratio: str = "times faster"


#: Peers in words. Those of `OTHER` compute something else, or are our own code, and are no rivals of the others of a case.
PEERS = {
    "torch_loop": "torch, a dense product per step",
    "torch_compile": "torch.compile of that loop",
    "torch_lstm": "torch.nn.LSTM of 128 units",
    "torch_unrolled": "the same product in torch",
    "torch_step": "torch, a dense product",
    "onnxruntime": "onnxruntime, its RNN operator",
    "numpy": "NumPy, float32 products",
    "fht_cpu": "fht_cpu",
    "loop": "torch, a dense product per step",
    "dense_int8": "a dense network in int8, plain C",
    "float32": "our float32 model",
    "plain": "ours without normalization",
    "kernel": "the kernel alone",
    "infer": "one infer of 1,000 sequences",
    "threads_1": "ours on one thread",
    "one_by_one": "ours, one after another",
    "idle": "ours beside no other process",
    "t1000": "ours with 1,000 steps",
    "n_log2_n": "",
}


def at_least(limit: float) -> Target:
    return Target(limit)


def at_most(limit: float) -> Target:
    return Target(limit, at_most=True)


DIGIT = "a digit of 784 pixels, one by one, 512 units"
CASES = (
    Case(
        "inference",
        "pmnist_b1",
        f"{DIGIT}: one sequence",
        {"torch_loop": at_least(200), "onnxruntime": at_least(75), "numpy": None, "torch_compile": None},
    ),
    Case("inference", "pmnist_b1", f"{DIGIT}: one sequence, beside an LSTM", {"torch_lstm": at_least(30)}),
    Case("inference", "pmnist_b100", f"{DIGIT}: a batch of 100", {"torch_loop": at_least(40)}),
    Case(
        "inference",
        "pmnist_b100",
        f"{DIGIT}: a batch of 100 as one matrix product (unroll)",
        {"torch_unrolled": at_least(0.9)},
    ),
    Case(
        "inference",
        "copy_b1",
        "1,000 tokens, 128 units, nine logits at every step: one sequence",
        {"torch_loop": at_least(80), "numpy": None},
    ),
    Case(
        "inference",
        "stream_step",
        "one step of a stream from Python, 128 units, with its logits",
        {"torch_step": at_least(8)},
    ),
    Case(
        "calls",
        "stream_step_normalized",
        "one step of a stream from Python, nine sensors, normalized and checked",
        {"plain": at_least(1 / 1.5)},
        "times as fast",
    ),
    Case(
        "calls",
        "infer_short",
        "infer of two steps from Python, nine sensors",
        {"kernel": at_most(4)},
        "µs beyond the kernel",
    ),
    Case(
        "calls",
        "classify_short",
        "classify of two steps from Python, nine sensors",
        {"kernel": at_most(8)},
        "µs",
    ),
    Case(
        "calls",
        "streams_1000",
        "one step of 1,000 streams, nine sensors, 128 units, one thread",
        {"infer": at_least(1 / 1.3)},
        "times as fast",
    ),
    *(
        Case(
            "edge",
            f"int_step_n{n}_k12",
            f"an integer model, 4,096 pixels, {n:,} units of 12 bits",
            {"float32": at_least(1 / limit)},
            "times as fast",
        )
        for n, limit in ((64, 1.2), (128, 1.6), (256, 1.2), (512, 1.6), (1024, 1.2))
    ),
    Case(
        "edge",
        "int_step_m32_k10",
        "an integer model, 4,096 pixels, 512 units of 10 bits in blocks of 32",
        {"float32": at_least(1.6)},
        "times as fast",
    ),
    Case(
        "edge",
        "pmnist_m4",
        "a step of the model of digits on a Cortex-M4, 1,024 units",
        {"dense_int8": None},
        "times fewer instructions",
    ),
    Case(
        "edge",
        "copy_m0",
        "a step of the copy model on a Cortex-M0+, 128 units, with nine logits",
        {"dense_int8": None},
        "times fewer instructions",
    ),
    Case(
        "training", "train_pmnist", "a training step: 100 digits of 784 pixels, 512 units", {"loop": at_least(200)}
    ),
    Case(
        "training",
        "train_pmnist_m32",
        "a training step: the same in blocks of 32",
        {"loop": at_least(200)},
    ),
    Case(
        "training",
        "train_copy",
        "a training step: 128 sequences of 1,000 tokens, 128 units, answers at every step",
        {"loop": at_least(20)},
    ),
    Case(
        "training",
        "train_imdb",
        "a training step: 100 texts of 500 words, 10,000 embeddings included",
        {"loop": at_least(5)},
    ),
    Case(
        "training",
        "train_pmnist_busy",
        "a training step of 100 digits beside as many busy processes as CPUs",
        {"idle": at_most(3)},
        "times the idle step",
    ),
    Case(
        "training",
        "memory_copy_reversible",
        "memory of a training step on 1,000 tokens, memory='reversible'",
        {"loop": at_least(10)},
        "times less memory",
    ),
    Case(
        "training",
        "memory_copy_reversible",
        "memory of a training step on 10,000 tokens, memory='reversible'",
        {"t1000": at_most(2)},
        "times the memory",
    ),
    *(
        Case(
            "kernels",
            f"fwht_f32_n{2**k}",
            f"Hadamard transforms of {2**k:,} numbers (64 kB)",
            {"fht_cpu": at_least(1.3)},
        )
        for k in range(6, 14)
    ),
    Case(
        "kernels", "xnor_n512_k1", "512 × 512 signs times 512 signs", {"numpy": at_least(40)}
    ),
    Case(
        "kernels", "xnor_n512_k12", "512 × 512 signs times 512 integers of 12 bits", {"numpy": at_least(3)}
    ),
    Case(
        "kernels",
        "masked_add_n1024_d16",
        "1,024 × 1,024 signs in 16 diagonal blocks times 1,024 numbers",
        {"numpy": at_least(8)},
    ),
    Case(
        "scaling",
        "step_n64_to_n16384",
        "the time of a step over n log2 n, from 64 to 16,384 units",
        {"n_log2_n": at_most(2)},
        "largest over smallest",
    ),
    *(
        Case(
            "scaling",
            f"lanes_n{n}",
            f"a batch of 32 digits of 784 pixels, {n} units, one thread",
            {"one_by_one": at_least(limit)},
        )
        for n, limit in ((64, 1.5), (128, 1.5), (256, 1.5), (512, 1.3))
    ),
    Case("scaling", "threads_2", f"{DIGIT}: a batch of 100 on two threads", {"threads_1": at_least(1.8)}),
)  # fmt: skip

_BY_KEY = {f"{case.id}/{peer}": case for case in CASES for peer in case.peers}

#: Cases of the C++ program, which timing.hpp's ids name: a kind, and numbers after letters.
_KERNELS = {
    "step": "a step of {n} units",
    "fwht_f32": "a Hadamard transform of {n} numbers",
    "fwht_i32": "a Hadamard transform of {n} integers",
    "xnor": "{n} × {n} signs times {n} numbers, {k}-bit",
    "masked_add": "{n} × {n} signs in {d} diagonal blocks",
    "readout": "{o} outputs of {n} units",
    "project": "{d} inputs to {n} units",
}


def case(record: Record) -> Case | None:
    """What a record is of; None for a kernel alone (`kernel`) and for what has no words yet."""
    return _BY_KEY.get(record.key)


def kernel(id: str) -> str:
    """A case of the C++ program in words, such as "a step of 512 units"; the id itself if it has none."""
    kind, *rest = re.split(r"_(?=[nkdo]\d)", id)
    numbers = {part[0]: f"{int(part[1:]):,}" for part in rest}
    try:
        return _KERNELS[kind].format(**numbers) + (
            f", {numbers['d']} inputs" if kind == "step" and "d" in numbers else ""
        )
    except (KeyError, ValueError):
        return id


def peer(record: Record) -> str:
    """The peer of a record in words."""
    return PEERS.get(record.peer, record.peer)


def listing() -> str:
    """All cases, a line each: suite, key and words."""
    rows = [
        (case.suite, key, f"{case.what}; {PEERS[key.split('/')[1]]}".rstrip("; "))
        for key, case in _BY_KEY.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{suite:<{widths[0]}}  {key:<{widths[1]}}  {words}" for suite, key, words in rows)
