"""torch.export of one step with the state outside, which is what ExecuTorch runs on phones: standard operators alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.export import export

from hadamrnn_ext import nn

OPTIONS = {
    "linear": {},
    "layers": {"num_layers": 2, "recurrence": "modrelu", "weight_bits": None},
    "embedding": {"tokens": True, "input_size": 9, "embedding_size": 3},
    "forgets": {"decays": True, "input_activation": "clip", "recurrence": "relu"},
    "paley": {"hidden_size": 24, "block_size": 12},
}


class Step(torch.nn.Module):
    """x (B, d) or (B,) and the state (num_layers, B, n) to the logits of the sequence so far and the next state."""

    def __init__(self, model: nn.SequenceModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.run(x[:, None], h_0=state)


@pytest.mark.filterwarnings("ignore:.isinstance.treespec:FutureWarning")  # torch's own
@pytest.mark.parametrize("kind", OPTIONS)
def test_a_step_is_exported_and_streams(kind: str) -> None:
    options = {"input_size": 2, "hidden_size": 16, "output_size": 3, "engine": "loop", **OPTIONS[kind]}
    model = nn.SequenceModel(**options)
    torch.manual_seed(1)
    x = torch.randint(0, 9, (1, 100)) if model.tokens else torch.randn(1, 100, 2)
    state = torch.zeros(model.rnn.num_layers, 1, options["hidden_size"])
    program = export(Step(model).eval(), (x[:, 0], state)).run_decompositions()
    calls = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert calls
    assert {getattr(target, "namespace", "aten") for target in calls} == {"aten"}
    step, stream = program.module(), model.to_native().stream(1)
    for t in range(100):
        logits, state = step(x[:, t], state)
        expected = torch.from_numpy(stream.step(x[:, t].numpy()))
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-4 * max(1, expected.abs().max().item()))
