"""The cache of parsed data: it saves time, and never gives other arrays than those that were parsed."""

from __future__ import annotations

import numpy as np

from hadamrnn_ext.data.parsed import parsed


def test_a_damaged_copy_costs_time_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    arrays = {"x": np.arange(5, dtype=np.int32), "sha256": np.array("abc")}
    times = []

    def parse():
        times.append(1)
        return arrays

    def right() -> bool:
        found = parsed("some", b"source", parse)
        return found.keys() == arrays.keys() and all(np.array_equal(found[k], arrays[k]) for k in arrays)

    assert right()
    assert right()
    assert len(times) == 1
    (path,) = (path for path in tmp_path.rglob("*.npz"))
    data = path.read_bytes()
    for position in range(0, len(data), 11):
        path.write_bytes(data[:position] + bytes([data[position] ^ 32]) + data[position + 1 :])
        assert right()
        path.write_bytes(data[:position])
        assert right()
    assert len(times) == 1 + 2 * len(range(0, len(data), 11))
