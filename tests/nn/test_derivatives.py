"""Second derivatives, forward mode and the transforms of torch.func: right under "auto", refused by a named C++ engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from hadamrnn_ext import HadamRNNError, nn
from hadamrnn_ext.errors import DerivativeError
from hadamrnn_ext.nn import engines
from hadamrnn_ext.nn.engines import fused, krylov, loop, native

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated"
)  # by forward mode in torch itself

LENGTHS = torch.tensor([5, 1, 3, 2])
#: Each leads "auto" to another operator: krylov, a pass that keeps no states, the fused loss, or the recurrence.
NETWORKS = {
    "krylov": {"batch": 16},
    "krylov_lengths": {"batch": 16, "lengths": True},
    "last": {"recurrence": "relu"},
    "last_lengths": {"recurrence": "modrelu", "lengths": True},
    "last_small": {},
    "mean": {"output": "mean", "lengths": True},
    "mean_modrelu": {"output": "mean", "recurrence": "modrelu"},
    "all": {"output": "all"},
    "all_relu": {"output": "all", "recurrence": "relu", "lengths": True},
    "all_sign": {"output": "all", "recurrence": "sign"},
    "double": {"output": "all", "dtype": torch.float64, "recurrence": "modrelu", "lengths": True},
    "two_layers": {"num_layers": 2, "output": "mean"},
    "tokens": {"input_size": 9, "tokens": True, "recurrence": "relu", "output": "all"},
    "embedding": {"input_size": 9, "tokens": True, "embedding_size": 3},
    "blocks_of_12": {"hidden_size": 24, "block_size": 12},
}


FEATURES = pytest.mark.parametrize(
    "case", [name for name, options in NETWORKS.items() if "tokens" not in options], indirect=True
)


class Case:
    """One network on two engines, its input, and what is made of it."""

    def __init__(self, name: str) -> None:
        options = {"input_size": 2, "hidden_size": 8, "output_size": 3, **NETWORKS[name]}
        batch = options.pop("batch", 4)
        self.lengths = LENGTHS.repeat(batch // 4) if options.pop("lengths", False) else None
        self.dtype = options.get("dtype", torch.float32)
        self.model = nn.SequenceModel(**options)
        tokens = self.model.tokens
        self.x = torch.randint(9, (batch, 5)) if tokens else torch.randn(batch, 5, 2, dtype=self.dtype)
        steps = (5,) if self.model.output == "all" else ()
        self.y = torch.randint(3, (batch, *steps))

    def on(self, engine: str) -> Case:
        self.model.rnn.engine = engine
        return self

    def parameters(self) -> dict[str, Tensor]:
        return {name: p.detach() for name, p in self.model.named_parameters()}

    def call(self, parameters: dict[str, Tensor], x: Tensor, lengths: Tensor | None) -> Tensor:
        return torch.func.functional_call(self.model, parameters, (x, lengths))

    def total(self, parameters: dict[str, Tensor], x: Tensor, lengths: Tensor | None) -> Tensor:
        return self.call(parameters, x, lengths).pow(3).sum()


@pytest.fixture(params=NETWORKS)
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


def close(met: Any, expected: Any) -> None:
    for a, b in zip(flat(met), flat(expected), strict=True):
        tolerance = 1e-9 if a.dtype == torch.float64 else 2e-4
        assert a.shape == b.shape
        assert (a - b).abs().max() <= tolerance * b.abs().max().clamp(min=1e-3)


def flat(value: Any) -> list[Tensor]:
    leaves, _ = torch.utils._pytree.tree_flatten(value)
    assert leaves
    return [leaf.detach() for leaf in leaves]


def both(case: Case, compute: Callable[[Case], Any]) -> None:
    """``compute`` on the engine "auto" gives what it gives on the loop, and not zeros."""
    torch.manual_seed(1)
    expected = compute(case.on("loop"))
    torch.manual_seed(1)
    met = compute(case.on("auto"))
    close(met, expected)
    assert any(part.abs().max() > 0 for part in flat(met))


def directions(case: Case) -> dict[str, Tensor]:
    return {name: torch.randn_like(p) for name, p in case.parameters().items()}


def test_jvp_of_parameters(case: Case) -> None:
    def compute(case: Case) -> Any:
        p = case.parameters()
        return torch.func.jvp(lambda p: case.call(p, case.x, case.lengths), (p,), (directions(case),))

    both(case, compute)


@FEATURES
def test_jvp_of_input_through_a_module_with_gradients(case: Case) -> None:
    def compute(case: Case) -> Any:
        return torch.func.jvp(lambda x: case.model(x, case.lengths), (case.x,), (torch.randn_like(case.x),))

    both(case, compute)
    case.model.eval()
    with torch.no_grad():  # where it runs the native kernels
        both(case, compute)


def test_forward_mode_by_dual_numbers(case: Case) -> None:
    def compute(case: Case) -> Any:
        with forward_ad.dual_level():
            dual = {
                name: forward_ad.make_dual(p, torch.randn_like(p)) for name, p in case.parameters().items()
            }
            y, tangent = forward_ad.unpack_dual(case.call(dual, case.x, case.lengths))
            return y, tangent

    both(case, compute)


def test_gradients_of_each_example(case: Case) -> None:
    def compute(case: Case) -> Any:
        def one(p: dict[str, Tensor], x: Tensor, length: Tensor | None) -> Tensor:
            return case.total(p, x[None], None if length is None else length[None])

        dims = (None, 0, None if case.lengths is None else 0)
        return torch.func.vmap(torch.func.grad(one), dims)(case.parameters(), case.x, case.lengths)

    both(case, compute)
    alone = []
    for i in range(len(case.x)):
        case.model.zero_grad()
        lengths = None if case.lengths is None else case.lengths[i : i + 1]
        case.model(case.x[i : i + 1], lengths).pow(3).sum().backward()
        alone.append({name: p.grad.clone() for name, p in case.model.named_parameters()})
    met = compute(case)
    close(met, {name: torch.stack([each[name] for each in alone]) for name in met})


def test_an_ensemble_of_models(case: Case) -> None:
    def compute(case: Case) -> Any:
        p = case.parameters()
        several = {name: torch.stack([value, value.roll(1, 0)]) for name, value in p.items()}
        return torch.func.vmap(lambda p: case.call(p, case.x, case.lengths))(several)

    both(case, compute)
    assert torch.equal(compute(case)[0], compute(case)[0])
    close(compute(case)[0], case.model(case.x, case.lengths))


@pytest.mark.parametrize(
    "transform",
    [
        torch.func.grad,
        torch.func.hessian,
        lambda f: torch.func.grad(lambda b: torch.func.grad(f)(b).pow(2).sum()),
    ],
)
def test_transforms_one_in_another(transform: Callable[..., Any], case: Case) -> None:
    name = "rnn.bias"

    def compute(case: Case) -> Any:
        p = case.parameters()
        return transform(lambda b: case.total({**p, name: b}, case.x, case.lengths))(p[name])

    both(case, compute)


def second(case: Case, loss: Tensor, *more: Tensor) -> list[Tensor]:
    """Derivatives of the square of the gradient."""
    places = [*case.model.parameters(), *more]
    first = torch.autograd.grad(loss, places, create_graph=True, materialize_grads=True)
    penalty = sum(
        (g * torch.linspace(0.5, 1.5, g.numel(), dtype=g.dtype).view_as(g)).pow(2).sum() for g in first
    )
    assert isinstance(penalty, Tensor)
    return [*first, *torch.autograd.grad(penalty, places, materialize_grads=True)]


def test_the_gradient_of_a_gradient(case: Case) -> None:
    both(case, lambda case: second(case, case.model(case.x, case.lengths).pow(3).sum()))


@FEATURES
def test_the_gradient_of_a_gradient_of_features(case: Case) -> None:
    def compute(case: Case) -> Any:
        x = case.x.clone().requires_grad_()
        return second(case, case.model(x, case.lengths).pow(3).sum(), x)

    both(case, compute)


def test_the_second_derivative_of_the_loss(case: Case) -> None:
    both(case, lambda case: second(case, case.model.loss(case.x, case.y, case.lengths)))
    target = torch.randn_like(case.model(case.x))
    both(case, lambda case: second(case, case.model.loss(case.x, target, case.lengths)))


def test_an_initial_state(case: Case) -> None:
    layers = case.model.rnn.num_layers
    h_0 = torch.randn(layers, len(case.x), case.model.rnn.hidden_size, dtype=case.dtype, requires_grad=True)
    both(case, lambda case: second(case, case.model.loss(case.x, case.y, case.lengths, h_0=h_0), h_0))


def test_the_third_derivative(case: Case) -> None:
    def compute(case: Case) -> Any:
        b = case.model.rnn.bias
        d = case.model(case.x, case.lengths).pow(4).sum()
        for _ in range(2):
            (d,) = torch.autograd.grad(d, b, create_graph=True)
            d = d.pow(2).sum()
        return torch.autograd.grad(d, list(case.model.parameters()), materialize_grads=True)

    both(case, compute)


def test_many_gradients_at_once(case: Case) -> None:
    def compute(case: Case) -> Any:
        y = case.model(case.x, case.lengths)
        v = torch.randn(3, *y.shape, dtype=y.dtype)
        p = list(case.model.parameters())
        return torch.autograd.grad(y, p, v, is_grads_batched=True)

    both(case, compute)


def test_gradients_of_some_parameters_alone(case: Case) -> None:
    """And through an expanded, a transposed and a strided gradient of the output."""

    def compute(case: Case) -> Any:
        y = case.model(case.x, case.lengths)
        dense = torch.randn(*y.shape[::-1], dtype=y.dtype)
        for p, grad in itertools.product(
            case.model.parameters(),
            (torch.ones(1, dtype=y.dtype).expand_as(y), dense.movedim(0, -1).reshape(y.shape).mT.mT),
        ):
            yield torch.autograd.grad(y, p, grad, retain_graph=True)[0]

    def frozen(case: Case) -> Any:
        for chosen in case.model.parameters():
            for p in case.model.parameters():
                p.requires_grad_(p is chosen)
            yield torch.autograd.grad(case.model(case.x, case.lengths).pow(3).sum(), chosen)[0]
        case.model.requires_grad_()

    both(case, lambda case: list(compute(case)))
    both(case, lambda case: list(frozen(case)))


@pytest.mark.parametrize("recurrence", ["linear", "relu", "modrelu"])
@pytest.mark.parametrize("h_0", [False, True])
def test_the_recurrence_against_finite_differences_of_its_gradient(recurrence: str, h_0: bool) -> None:
    """u is +1 or -1: of its derivative there are no finite differences."""
    n = 12
    u = nn.sign(torch.randn(n, dtype=torch.float64))
    shapes = [(2, 4, n), (2, n), (n,)]
    v, start, a = (torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in shapes)
    if recurrence != "linear":
        v = (v.detach() + 3).requires_grad_()  # away from the kinks

    def states(v: Tensor, start: Tensor, a: Tensor) -> Tensor:
        offset = a if recurrence == "modrelu" else None
        return native.recurrence(u, v, start if h_0 else None, offset, n, recurrence, True).pow(3)

    assert torch.autograd.gradgradcheck(states, (v, start, a))


def test_krylov_against_finite_differences_of_its_gradient() -> None:
    u = nn.sign(torch.randn(12, dtype=torch.float64))
    for driven in (2, 3):
        columns, inputs = (
            torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in [(3, 12), (4, driven * 5)]
        )

        def last(columns: Tensor, inputs: Tensor) -> Tensor:
            return krylov.krylov_last(u, columns, inputs, 5, 4, True)[0].pow(3)

        assert torch.autograd.gradgradcheck(last, (columns, inputs))


@pytest.mark.parametrize(
    "recurrence", ["linear", "relu", "modrelu", "sign", "linear-8", "relu-8", "modrelu-8"]
)
def test_gradients_in_plain_torch_are_those_of_the_operator(recurrence: str) -> None:
    n, scale = 12, 60 if recurrence.endswith("8") else 1  # some integers of 8 bits are saturated
    geometry = engines.Geometry(n, 12, recurrence)
    u = nn.sign(torch.randn(n, dtype=torch.float64))
    v, grad = (scale * torch.randn(3, 5, n, dtype=torch.float64) for _ in range(2))
    start = (scale * torch.randn(3, n, dtype=torch.float64)).round()
    a = torch.randn(n, dtype=torch.float64).round() if recurrence.startswith("modrelu") else None
    inputs = [t.requires_grad_() for t in (u, v, start, a) if t is not None]
    h = native.recurrence(u, v, start, a, 12, recurrence)
    expected = torch.autograd.grad(loop.states(geometry, u, v, start, a), inputs, grad)
    met = loop.gradients(geometry, u, h, start, a, grad)
    close([g for g in met if g is not None], expected)
    close(torch.autograd.grad(h, inputs, grad), expected)


@pytest.mark.parametrize(
    ("engine", "output"), [("native", "last"), ("native", "mean"), ("native", "all"), ("krylov", "last")]
)
def test_a_named_engine_refuses(engine: str, output: str) -> None:
    model = nn.SequenceModel(2, 8, 3, engine=engine, output=output)
    x = torch.randn(16, 5, 2)
    p = {name: value.detach() for name, value in model.named_parameters()}

    def call(p: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(model, p, (x,)).sum()

    transforms: list[Callable[[], Any]] = [
        lambda: torch.func.jvp(model, (x,), (x,)),
        lambda: torch.func.jvp(call, (p,), (p,)),
        lambda: torch.func.grad(call)(p),
        lambda: torch.func.vmap(lambda x: model(x[None]))(x),
        lambda: torch.func.hessian(lambda x: model(x).sum())(x),
    ]
    for transform in transforms:
        with pytest.raises(DerivativeError, match=rf'"{engine}".*torch.func.*engine="loop".*engine="scan"'):
            transform()
    with forward_ad.dual_level(), pytest.raises(DerivativeError, match=r'forward mode.*engine="loop"'):
        model(forward_ad.make_dual(x, x))
    y = torch.zeros(16, *([5] if output == "all" else []), dtype=torch.int64)
    for loss in (model(x).sum(), model(x.clone().requires_grad_()).sum(), model.loss(x, y)):
        with pytest.raises(DerivativeError, match=r'no second derivative.*engine="loop"'):
            torch.autograd.grad(loss, model.rnn.bias, create_graph=True)
    assert issubclass(DerivativeError, HadamRNNError)
    assert issubclass(DerivativeError, RuntimeError)


def test_the_operators_themselves_refuse() -> None:
    """Whoever calls them without an engine."""
    u, v = nn.sign(torch.randn(8)), torch.randn(2, 3, 8)
    x, table, bias = torch.randn(2, 3, 2), torch.randn(8, 2), torch.randn(8)
    shared = (None, None, "linear", 8, 3, "linear")
    targets = torch.randint(3, (2, 3))
    head = (torch.randn(3, 8), torch.randn(3), targets, -1)
    calls: list[Callable[[Tensor], Any]] = [
        lambda u: native.recurrence(u, v, None, None, 8, "linear"),
        lambda u: krylov.krylov_last(u, torch.randn(2, 8), torch.randn(4, 6), 3, 8)[0],
        lambda u: fused.last_state(u, None, x, table, bias, *shared),
        lambda u: fused.mean_state(u, None, x, table, bias, *shared)[0],
        lambda u: fused.pool_state(u, None, x, table, bias, *shared, torch.zeros(1, 8), True, True, 0)[0],
        lambda u: fused.sequence_loss(u, None, x, table, bias, *shared, *head)[0],
    ]
    for call in calls:
        with pytest.raises(DerivativeError, match="forward mode"):
            torch.func.jvp(call, (u,), (u,))
        with forward_ad.dual_level(), pytest.raises(DerivativeError, match="forward mode"):
            call(forward_ad.make_dual(u, u))
        place = u.clone().requires_grad_()
        with pytest.raises(DerivativeError, match="second derivative"):
            torch.autograd.grad(call(place).sum(), place, create_graph=True)
    for operator in (fused.last_state, fused.mean_state):
        with pytest.raises(DerivativeError, match="gradient of features"):
            operator(u, None, x.clone().requires_grad_(), table, bias, *shared)


def test_targets_have_a_gradient() -> None:
    model = nn.SequenceModel(2, 8, 3, output="all")
    x, lengths = torch.randn(4, 5, 2), LENGTHS
    targets = torch.randn(4, 5, 3, requires_grad=True)
    grads = []
    for engine in ("native", "loop"):
        model.rnn.engine = engine
        grads.append(torch.autograd.grad(model.loss(x, targets, lengths), [targets, *model.parameters()]))
    close(grads[0], grads[1])
    assert grads[0][0].abs().max() > 0


def test_the_first_matrix_of_an_order_may_be_made_in_a_transform() -> None:
    model = nn.SequenceModel(2, 28, 3, 28)
    x = torch.randn(3, 5, 2)
    torch.func.grad(lambda x: model(x).sum())(x)
    model.rnn.engine = "loop"
    assert model(x).isfinite().all()


@pytest.mark.parametrize("batch", [4, 16])
def test_compiled_transforms(batch: int) -> None:
    torch.compiler.reset()
    model = nn.SequenceModel(2, 8, 3)
    x = torch.randn(batch, 5, 2)

    def jvp(x: Tensor) -> Any:
        return torch.func.jvp(model, (x,), (torch.ones_like(x),))

    close(torch.compile(jvp, backend="aot_eager", fullgraph=True)(x), jvp(x))
