"""Options that have no effect in a call are refused, each with its reason; and no option is left out of this."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import pytest

from commands import parsers

#: Options that have an effect in every call of a command; the others are in the table below.
ALWAYS = {
    "train": "preset --out --model --seed --from --threads --limit-train --engine --device --resume --restart "
    "--checkpoint-seconds --json --epochs --batch-size --hidden-size --num-layers --recurrence --block-size "
    "--weight-bits --output-weight-bits --bias-bits --output --state-bits --lr --schedule --warmup --freeze-signs "
    "--grad-clip --average --search-lr --decays --input-activation --thresholds "
    # where they do not fit the rest, they are refused as wrong values
    "--tokenizer --embedding-bits --token-dropout --input-rank --recurrent-rank --dt --gamma --epsilon",
    "fit": "file --test --out --seed --hidden-size --state-bits --every-step --no-every-step --group --targets --balanced --label --id --time --features --delimiter --decimal "
    "--threads --json",
    "eval": "model --kernel --test --threads --json",
    "infer": "file --text --model --kernel --threads --json",
    "info": "model --kernel --json",
    "models": "--json",
    "plot": "what model --out",
    "quantize": "model --test --embedding --out --threads --json",
    "export": "model --c --onnx --web --json",
    "data": "name --json",
    "report": "runs --output",
    "bench": "--seconds --plot --threads --json",
    "doctor": "--json",
}

COLUMNS = "--label x --id x --time x --features x --delimiter , --decimal ."
IDLE = {
    "train smnist": "--train x --test x --method gradient COLUMNS --group x --impute last --tokens --no-tokens --targets values "
    "--no-normalize --balanced --validation 0.2",
    "train copy": "--data x --no-verify --time-shift 3 --input-noise 0.1 --image-jitter 1 --embedding-scale 2 "
    "--differences --joined 3 --longest 9 --pooled share --time-constant 4",
    "train copy --freeze-signs": "--sign-lr 0.1 --sign-schedule step --sign-decay 0.5 --sign-margin 0.1",
    "train copy --schedule cosine": "--decay 0.5 --sign-decay 0.5",
    "train copy --schedule cosine --sign-schedule step --sign-decay 0.9": "--decay 0.5",
    "train copy --weight-bits float": "--weight-clip 2",
    "train copy --search-lr": "--lr 0.1",
    "train copy --from copy": "--positive-signs 0.5 --embedding-scale 0.5",
    "train custom --train own.npz": "--data x --no-verify --length 5 COLUMNS --group x --embedding-size 4 "
    "--sign-lr 1 --noise 2 --silence --unknown x",
    "train custom --train own.npz --method closed_form": "--validation 0.2 --resume --restart --checkpoint-seconds 9 --epochs 2 "
    "--batch-size 4 --block-size 8 --lr 0.1 --model gru --device cpu --from copy --output mean --recurrence relu",
    "train custom --train values.npz": "--label-smoothing 0.1",
    "train custom --train tokens.npz": "--impute last --no-normalize --time-shift 1",
    "train custom --train texts.npz": "--tokens --no-tokens",
    "fit own.npz --hidden-size 16": "--max-bytes 9000",
    "fit own.npz": "--noise 2 --silence --unknown x",
    "fit tokens.npz": "--impute last --no-normalize",
    "fit texts.npz": "--tokens --no-tokens",
    "eval copy --length 20": "COLUMNS --impute last --data x --no-verify",
    "eval har6 --test own.npz": "--task har6 --split test --length 20 --data x --no-verify COLUMNS",
    "eval sst2 --test texts.npz": "--impute mean",
    "infer": "--top 1 --logits --follow --window 9 --hop 3 --format csv --out a.csv COLUMNS --impute last",
    "infer x.npy": "--window 9 --hop 3 COLUMNS",
    "infer x.npy --logits": "--top 1",
    "infer x.npy --json": "--format text --out a.csv",
    "infer x.npy --model copy": "--impute last",
    "infer --model sst2 --text good": "COLUMNS --impute last",
    "infer - --follow --model har6": "--hop 3 COLUMNS --impute last --json --threads 2",
    "plot spectrum har6 --out x.png": "--text good --number 0 x.npy COLUMNS --impute last",
    "plot reading har6 --out x.png": "COLUMNS --impute last",
    "plot reading sst2 --text good --out x.png": "--number 0 x.npy --id x",
    "quantize imdb --embedding --data copy": "--bits 8 --input-bits 8 --readout float --power-of-two --percentile best "
    "--calibrate 5",
    "quantize copy --length 20": "--directory x --no-verify --input-bits 8 COLUMNS --impute last",
    "quantize har6 --train own.npz": "--length 5 --directory x --no-verify",
    "quantize har6 --train own.npz --test own.npz": "COLUMNS",
    "quantize imdb --embedding --test texts.npz": "--data imdb --train own.npz --impute last",
    "export har6 --c library": "--no-preprocess --lengths --step",
    "export har6 --onnx x.onnx": "--transform fwht --name x --resolution 1 --longest 9 --windows 9,3",
    "export copy --onnx x.onnx": "--no-preprocess",
    "export har6 --web page": "--transform fwht --resolution 1 --no-preprocess --lengths --step",
    "report runs": "--svg",
}


def options(text: str) -> Iterator[list[str]]:
    """ "--top 3 --logits": each option with its value; a word alone is a positional."""
    group: list[str] = []
    for word in text.replace("COLUMNS", COLUMNS).split():
        if word.startswith("--"):
            group = [word]
            yield group
        elif len(group) == 1:
            group.append(word)
        else:
            yield [word]


CASES = [(command, option) for command, text in IDLE.items() for option in list(options(text))]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 6, 9))
    words = ["a fine film", "a dull film", "good", "bad"] * 10
    np.save("x.npy", np.zeros((784, 1), np.float32))
    np.savez("own.npz", X=x, y=np.arange(40) % 2)
    np.savez("values.npz", X=x, y=x[:, -1, 0])
    np.savez("tokens.npz", X=rng.integers(0, 5, (40, 6)), y=np.arange(40) % 2)
    np.savez("texts.npz", X=np.array(words), y=np.arange(40) % 2)


@pytest.mark.parametrize(
    ("command", "option"), CASES, ids=[f"{command} {' '.join(option)}" for command, option in CASES]
)
def test_an_option_without_effect_is_refused(run, files, tmp_path, command, option):
    before, words = set(tmp_path.iterdir()), command.split()
    words = [*words, *option] if option[0].startswith("--") else [*words[:3], *option, *words[3:]]
    code, stdout, stderr = run(*words)
    told = [line for line in stderr.splitlines() if line.startswith("hadamrnn")]
    assert (code, stdout, len(told)) == (1, "", 1)
    name = option[0].replace("--no-tokens", "--tokens") if option[0].startswith("--") else "file"
    assert f"{name} has no effect here: " in told[0]
    assert set(tmp_path.iterdir()) == before  # nothing has been written


@pytest.mark.parametrize("command", ALWAYS)
def test_every_option_has_an_effect_always_or_is_refused_somewhere(command):
    known = set(ALWAYS[command].split())
    for line, text in IDLE.items():
        if line.split()[0] == command:
            known.update(option[0] if option[0].startswith("--") else "file" for option in options(text))
    names = {
        action.option_strings[0] if action.option_strings else action.dest
        for action in parsers()[command]._actions
        if not isinstance(action, argparse._HelpAction)
    }
    assert names <= known
    assert {name for name in known if not name.startswith("--no-")} <= names


def test_a_default_that_is_said_is_refused_as_any_other_value(run, files):
    assert run("infer", "x.npy", "--logits")[0] == 0
    assert run("infer", "x.npy", "--logits", "--top", 1)[0] == 1
    assert run("infer", "x.npy", "--logits", "--to", 1)[0] == 1  # argparse takes abbreviations
