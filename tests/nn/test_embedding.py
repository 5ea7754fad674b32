"""An embedding whose rows are seen in 8 bits: the same values as in the model file, on every engine."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hadamrnn_ext import nn
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.file.codes import dequantize_rows, quantize_rows


def words(**options):
    return nn.SequenceModel(
        11, 16, 3, tokens=True, embedding_size=6, **{"embedding_bits": 8, "weight_bits": None, **options}
    )


@pytest.mark.parametrize("engine", ["loop", "native", "scan"])
@pytest.mark.parametrize("output", ["last", "all"])
def test_training_sees_the_values_of_the_file(engine, output):
    model, x = words(engine=engine, output=output), torch.randint(0, 11, (5, 7))
    native = model.to_native()
    table = dequantize_rows(*quantize_rows(model.embedding.weight.detach().numpy()))
    np.testing.assert_array_equal(native.parameters()["embedding.weight"], table)
    np.testing.assert_array_equal(model.embedding(torch.arange(11)).detach().numpy(), table)
    np.testing.assert_allclose(model.train()(x).detach().numpy(), native.infer(x.numpy()), atol=1e-5)
    with torch.no_grad():
        np.testing.assert_array_equal(model.eval()(x).numpy(), native.infer(x.numpy()))


@pytest.mark.parametrize("engine", ["loop", "native"])
def test_the_gradient_goes_straight_through(engine):
    model, plain = words(engine=engine), words(engine=engine, embedding_bits=None)
    plain.load_state_dict(model.state_dict())
    with torch.no_grad():
        plain.embedding.weight.copy_(model.embedding(torch.arange(11)))
    x, targets = torch.randint(0, 11, (5, 7)), torch.tensor([0, 1, 2, 1, 0])
    gradients = []
    for module in (model, plain):
        module.loss(x, targets).backward()
        gradients.append(module.embedding.weight.grad)
    torch.testing.assert_close(*gradients)
    assert gradients[0].abs().sum() > 0
    assert not gradients[0][0].any()


def test_a_model_of_a_file_goes_on_with_8_bits():
    native = words().to_native()
    again = nn.from_native(native)
    assert again.embedding_bits == 8
    np.testing.assert_allclose(
        again.to_native().parameters()["embedding.weight"], native.parameters()["embedding.weight"], rtol=1e-6
    )
    assert np.array_equal(again.to_native().tensors["embedding.codes"], native.tensors["embedding.codes"])


@pytest.mark.parametrize("options", [{"embedding_bits": 4}, {"embedding_size": None}])
def test_other_bits_and_no_embedding_are_refused(options):
    with pytest.raises(InputError, match="embedding_bits is"):
        nn.SequenceModel(11, 16, 3, tokens=True, **{"embedding_size": 6, "embedding_bits": 8, **options})
