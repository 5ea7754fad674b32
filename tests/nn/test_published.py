"""Checkpoints of the paper's code, against that model written anew from the paper, with its parameter names."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import parametrize

from hadamrnn_ext import nn
from hadamrnn_ext.errors import InputError, ShapeError

ENGINES = ["loop", "native", "krylov", "scan"]


class StraightThrough(torch.autograd.Function):
    """Any function of the weight in the forward pass, the identity in the backward pass."""

    @staticmethod
    def forward(ctx, weight, function):
        return function(weight)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


class Quantized(torch.nn.Module):
    """p-bit weights (paper, section 3.3): levels of alpha / 2^(p-1), alpha the largest absolute weight."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def forward(self, weight: Tensor) -> Tensor:
        k = 2.0 ** (self.bits - 1)
        alpha = float(weight.detach().abs().max())
        top = 1.0 if self.bits == 1 else k - 1
        return StraightThrough.apply(weight, lambda w: (w * (k / alpha)).round().clamp(-k, top) * (alpha / k))


class SignedHadamard(torch.nn.Module):
    """diag(sign(latent)) times a block-diagonal Hadamard matrix: ignores the weight it stands for."""

    def __init__(self, sign_vector: torch.nn.Parameter, block_size: int) -> None:
        super().__init__()
        self.sign_vector = sign_vector
        h = torch.ones(1, 1)
        while len(h) < block_size:
            h = torch.cat([torch.cat([h, h], 1), torch.cat([h, -h], 1)])
        n = sign_vector.numel()
        self.kernel = torch.block_diag(*[h / block_size**0.5] * (n // block_size))

    def forward(self, weight: Tensor) -> Tensor:
        signs = StraightThrough.apply(self.sign_vector, torch.sign)
        return torch.diag(signs.view(-1)) @ self.kernel


class Published(torch.nn.Module):
    def __init__(
        self,
        d: int,
        n: int,
        o: int,
        m: int,
        bits: int | None,
        output: str,
        quantized_v: bool,
        vocabulary: int | None,
    ) -> None:
        super().__init__()
        self.output = output
        if vocabulary is not None:
            self.word_embedding = torch.nn.Embedding(vocabulary, d, padding_idx=0)
        self.input_layer = torch.nn.Linear(d, n, bias=False)
        self.recurrent_layer = torch.nn.Linear(n, n)
        self.recurrent_layer.sign_vector = torch.nn.Parameter(torch.empty(1, n))
        self.output_layer = torch.nn.Linear(n, o)
        for weight in (self.input_layer.weight, self.recurrent_layer.sign_vector, self.output_layer.weight):
            torch.nn.init.xavier_uniform_(weight)
        hadamard = SignedHadamard(self.recurrent_layer.sign_vector, m)
        parametrize.register_parametrization(self.recurrent_layer, "weight", hadamard)
        if bits is not None:
            parametrize.register_parametrization(self.input_layer, "weight", Quantized(bits))
            if quantized_v:
                parametrize.register_parametrization(self.output_layer, "weight", Quantized(bits))

    def forward(self, x: Tensor) -> Tensor:
        if hasattr(self, "word_embedding"):
            x = self.word_embedding(x)
        with parametrize.cached():
            h, outputs = torch.zeros(len(x), self.recurrent_layer.out_features), []
            for x_t in x.unbind(1):
                h = self.recurrent_layer(h) + self.input_layer(x_t)
                if self.output == "all":
                    outputs.append(self.output_layer(h.relu()))
            return torch.stack(outputs, 1) if outputs else self.output_layer(h.relu())


CASES = {
    "pmnist": {
        "d": 1,
        "n": 64,
        "o": 10,
        "m": 64,
        "bits": 4,
        "output": "last",
        "quantized_v": True,
        "vocabulary": None,
    },
    "block": {
        "d": 3,
        "n": 64,
        "o": 5,
        "m": 16,
        "bits": 2,
        "output": "last",
        "quantized_v": True,
        "vocabulary": None,
    },
    "copy": {
        "d": 10,
        "n": 32,
        "o": 9,
        "m": 32,
        "bits": 4,
        "output": "all",
        "quantized_v": True,
        "vocabulary": None,
    },
    "float_v": {
        "d": 2,
        "n": 32,
        "o": 4,
        "m": 8,
        "bits": 4,
        "output": "last",
        "quantized_v": False,
        "vocabulary": None,
    },
    "float": {
        "d": 2,
        "n": 32,
        "o": 4,
        "m": 8,
        "bits": None,
        "output": "all",
        "quantized_v": False,
        "vocabulary": None,
    },
    "imdb": {
        "d": 16,
        "n": 32,
        "o": 1,
        "m": 32,
        "bits": 4,
        "output": "last",
        "quantized_v": True,
        "vocabulary": 50,
    },
    "ternary": {
        "d": 4,
        "n": 16,
        "o": 3,
        "m": 4,
        "bits": 1,
        "output": "last",
        "quantized_v": True,
        "vocabulary": None,
    },
}
PAIRS = [
    (name, e) for name, case in CASES.items() for e in ENGINES if e != "krylov" or case["output"] == "last"
]


def batch(case: dict, size: int = 8, steps: int = 30) -> Tensor:
    if case["vocabulary"] is not None:
        return torch.randint(0, case["vocabulary"], (size, steps))
    return torch.rand(size, steps, case["d"])


def imported(case: dict, state: dict[str, Tensor], engine: str = "auto") -> nn.SequenceModel:
    return nn.from_published_state_dict(
        state, block_size=case["m"], weight_bits=case["bits"], output=case["output"], engine=engine
    )


def relative(met: Tensor, expected: Tensor) -> float:
    return float((met - expected).detach().norm() / expected.detach().norm())


def test_the_re_creation_has_the_published_keys() -> None:
    assert set(Published(**CASES["imdb"]).state_dict()) == {
        "word_embedding.weight",
        "input_layer.parametrizations.weight.original",
        "recurrent_layer.bias",
        "recurrent_layer.sign_vector",
        "recurrent_layer.parametrizations.weight.0.sign_vector",
        "recurrent_layer.parametrizations.weight.original",
        "output_layer.bias",
        "output_layer.parametrizations.weight.original",
    }


@pytest.mark.parametrize(("name", "engine"), PAIRS)
def test_outputs(name: str, engine: str) -> None:
    case = CASES[name]
    theirs = Published(**case)
    ours = imported(case, theirs.state_dict(), engine)
    x = batch(case)
    assert relative(ours(x), theirs(x)) < 1e-4


@pytest.mark.parametrize("name", CASES)
def test_outputs_of_the_native_model(name: str) -> None:
    case = CASES[name]
    theirs = Published(**case)
    ours = imported(case, theirs.state_dict())
    x = batch(case)
    y = torch.from_numpy(ours.to_native().infer(x.numpy()))
    assert relative(y, theirs(x).detach()) < 1e-4


@pytest.mark.parametrize(("name", "engine"), PAIRS)
def test_losses_of_five_adam_steps(name: str, engine: str) -> None:
    case = CASES[name]
    theirs = Published(**case)
    ours = imported(case, theirs.state_dict(), engine)
    optimizers = [torch.optim.Adam(model.parameters(), lr=1e-3) for model in (theirs, ours)]
    losses: tuple[list[float], list[float]] = [], []
    for _ in range(5):
        x = batch(case)
        target = torch.randint(0, case["o"], (len(x), x.shape[1]))
        for model, optimizer, log in zip((theirs, ours), optimizers, losses, strict=True):
            y = model(x)
            if case["o"] == 1:
                loss = F.binary_cross_entropy_with_logits(
                    y[:, 0], (target[:, 0] + x[:, 0]).remainder(2).float()
                )
            elif case["output"] == "all":
                loss = F.cross_entropy(y.flatten(0, 1), target.flatten())
            else:
                loss = F.cross_entropy(y, target[:, 0])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            log.append(loss.item())
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert losses[0][0] != losses[0][-1]


def test_a_float_v_beside_a_quantized_u_is_recognised() -> None:
    model = imported(CASES["float_v"], Published(**CASES["float_v"]).state_dict())
    assert (model.rnn.weight_bits, model.output_weight_bits) == (4, None)


def test_a_single_copy_of_the_signs_is_enough() -> None:
    state = Published(**CASES["pmnist"]).state_dict()
    whole = imported(CASES["pmnist"], state)
    for name in ("recurrent_layer.sign_vector", "recurrent_layer.parametrizations.weight.original"):
        del state[name]
    assert torch.equal(imported(CASES["pmnist"], state).rnn.signs, whole.rnn.signs)


def test_the_import_is_a_copy() -> None:
    state = Published(**CASES["pmnist"]).state_dict()
    model = imported(CASES["pmnist"], state)
    with torch.no_grad():
        model.rnn.bias.fill_(7.0)
    assert not (state["recurrent_layer.bias"] == 7.0).any()


def test_what_is_no_published_state_dict_is_refused() -> None:
    state = Published(**CASES["pmnist"]).state_dict()
    with pytest.raises(InputError, match="encoder"):
        imported(CASES["pmnist"], {**state, "encoder.weight": torch.ones(2)})
    with pytest.raises(InputError, match=r"recurrent_layer\.bias"):
        imported(CASES["pmnist"], {k: v for k, v in state.items() if k != "recurrent_layer.bias"})
    with pytest.raises(ShapeError, match=r"\(63,\)"):
        imported(CASES["pmnist"], {**state, "recurrent_layer.bias": torch.ones(63)})
    with pytest.raises(ShapeError, match="multiple"):
        nn.from_published_state_dict(state, block_size=128)
