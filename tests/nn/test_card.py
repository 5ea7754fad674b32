"""The card of a network in training, and the network of a card."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

import hadamrnn_ext as hr
from hadamrnn_ext import nn

NETWORKS = [
    {"input_size": 3},
    {"input_size": 3, "bias_bits": 8, "recurrence": "modrelu", "num_layers": 2, "output": "all"},
    {"input_size": 9, "tokens": True, "output": "mean", "weight_bits": None, "output_weight_bits": 2},
    {"input_size": 9, "tokens": True, "embedding_size": 5, "embedding_bits": 8, "bidirectional": True},
    {"input_size": 1, "labels": ["one", "two"]},
]


@pytest.mark.parametrize("options", NETWORKS)
def test_a_card_and_its_network(options):
    model = nn.SequenceModel(hidden_size=24, output_size=2, block_size=12, **options)
    card = model.card
    assert card == model.to_native().card
    assert card.labels == model.labels
    other = nn.SequenceModel.from_card(card)
    assert other.card == card
    assert {name: p.shape for name, p in other.named_parameters()} == {
        name: p.shape for name, p in model.named_parameters()
    }


def test_what_a_card_does_not_say():
    card = nn.SequenceModel(2, 8, 3, num_layers=2).card
    model = nn.SequenceModel.from_card(
        card, engine="loop", freeze_signs=True, dropout=0.5, dtype=torch.float64
    )
    assert model.rnn.engine == "loop"
    assert model.rnn.dropout == 0.5
    assert model.output_weight.dtype == torch.float64
    assert not model.rnn.signs.requires_grad


def test_what_a_card_says_is_not_given_again():
    card = nn.SequenceModel(2, 8, 3).card
    with pytest.raises(
        hr.InputError, match=r"^hidden_size, weight_bits: given, and the card says it already"
    ):
        nn.SequenceModel.from_card(card, weight_bits=4, hidden_size=64, engine="loop")


def test_the_network_of_every_bundled_model():
    for name in hr.zoo.models():
        card = hr.load(name).card
        if card.integer is not None:
            with pytest.raises(hr.InputError, match="integer model"):
                nn.SequenceModel.from_card(card)
        else:
            met = nn.SequenceModel.from_card(card).card
            assert (met.layers, met.preprocess, met.labels) == (card.layers, card.preprocess, card.labels)


def test_a_wrong_instruction_set_is_an_error_of_the_family():
    code = """
import torch
from hadamrnn_ext import IsaError, nn
model = nn.SequenceModel(2, 8, 3, engine="native")
for use in (model, model.rnn.last_state):
    try:
        use(torch.randn(4, 5, 2))
    except IsaError as error:
        print(error)
"""
    environment = os.environ | {"HADAMRNN_ISA": "sse9"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, env=environment, capture_output=True, text=True
    )
    assert done.stdout.count("HADAMRNN_ISA names the unknown instruction set 'sse9'; available: ") == 2, (
        done.stderr
    )
