from __future__ import annotations

import pytest
import torch

from hadamrnn_ext.train.run import memory_errors


def test_the_end_of_memory_is_a_memory_error():
    with pytest.raises(MemoryError, match="allocate"), memory_errors():
        torch.empty(1 << 50)


def test_other_errors_of_torch_stay_what_they_are():
    with pytest.raises(RuntimeError, match="size of tensor"), memory_errors():
        torch.zeros(2) + torch.zeros(3)
