"""The targets of the project: the smallest acceptable ratio of each record on a machine with AVX-512."""

from __future__ import annotations

from dataclasses import dataclass

from record import DeviceRecord, Record

__all__ = ["AT_MOST", "least", "target"]

AT_LEAST = {
    "pmnist_b1/torch_loop": 200,
    "pmnist_b1/onnxruntime": 75,
    "pmnist_b1/torch_lstm": 30,
    "copy_b1/torch_loop": 80,
    "stream_step/torch_step": 8,
    "pmnist_b100/torch_loop": 40,
    "pmnist_b100/torch_unrolled": 0.9,
    **{f"fwht_f32_n{2**k}/fht_cpu": 1.3 for k in range(6, 14)},
    "xnor_n512_k1/numpy": 40,
    "xnor_n512_k12/numpy": 3,
    "masked_add_n1024_d16/numpy": 8,
    "threads_2/threads_1": 1.8,
    **{f"int_step_n{n}_k12/float32": 1 / 1.2 for n in (64, 256, 1024)},
    **{f"int_step_n{n}_k12/float32": 1 / 1.6 for n in (128, 512)},
    "int_step_m32_k10/float32": 1.6,
    "stream_step_normalized/plain": 1 / 1.5,
    "streams_1000/infer": 1 / 1.3,
    "train_pmnist/loop": 200,
    "train_pmnist_m32/loop": 200,
    "train_copy/loop": 20,
    "train_imdb/loop": 5,
    "memory_copy_reversible/loop": 10,
}
AT_MOST = {
    "step_n64_to_n16384/n_log2_n": 2.0,
    "memory_copy_reversible/t1000": 2.0,
    "train_pmnist_busy/idle": 3.0,
    "infer_short/kernel": 4.0,  # microseconds
    "classify_short/kernel": 8.0,
}

# With AVX2 forced, the target is sixty per cent of a ratio to a peer. For scaling, training, and comparisons of ours with
# ours, the targets are the same for every instruction set.
AVX2_SHARE = 0.6
SAME_FOR_ALL = ("calls", "scaling", "edge", "training")


@dataclass(frozen=True)
class Limits:
    """The largest numbers of bytes, and the smallest ratio of the peer's instructions to ours (0 for no target)."""

    flash: int
    ram: int
    ratio: float = 0

    def met(self, record: DeviceRecord) -> bool:
        small = record.flash <= self.flash and record.ram <= self.ram
        return small and record.ratio >= self.ratio and record.logits_equal

    def __str__(self) -> str:
        ratio = f"{self.ratio:g}, " if self.ratio else ""
        return f"{ratio}{self.flash:,} B flash, {self.ram:,} B RAM, equal logits"


DEVICE = {
    "pmnist_m4": Limits(flash=10_000, ram=5_000, ratio=10),
    "copy_m0": Limits(flash=6_000, ram=2_000),
}


def target(record: Record) -> tuple[str, bool] | None:
    """The target as text and whether it is met; None without a target."""
    if isinstance(record, DeviceRecord):
        limits = DEVICE[record.id]
        return str(limits), limits.met(record)
    if record.key in AT_MOST:
        limit = AT_MOST[record.key]
        return f"at most {limit:g}", record.ratio <= limit
    lowest = least(record)
    return None if lowest is None else (f"{lowest:.3g}", record.ratio >= lowest)


def least(record: Record) -> float | None:
    """The smallest ratio to reach on the instruction set of the record; None without a target."""
    if record.key not in AT_LEAST:
        return None
    share = AVX2_SHARE if record.isa == "avx2" and record.suite not in SAME_FOR_ALL else 1
    return AT_LEAST[record.key] * share
