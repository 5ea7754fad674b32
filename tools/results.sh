#!/usr/bin/env bash
# Trains everything that docs/results.md reports and makes its tables anew: every recipe below with each of its seeds, as
# many runs at a time as there are processors, a thread each. Two hours on two (Zen 5). Stopped, it goes on when it is
# called again.
# Usage: tools/results.sh [PATTERN]     (of the names of recipes, as for grep -E; default: all of them)
# RUNS (default: runs): the folder of models, logs, and what the runs say. The logs are kept in docs/runs.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUNS=${RUNS:-runs} HADAMRNN_NUM_THREADS=1

images="--batch-size 200 --epochs 40 --lr 2.5e-3 --schedule cosine --grad-clip 1 --average 0.999 --freeze-signs"
images+=" --output-weight-bits 3 --weight-clip 2.5 --image-jitter 1"
words="--schedule cosine --token-dropout 0.5"
texts="$words --freeze-signs --embedding-scale 0.05 --embedding-bits 8"
copy="copy --schedule cosine --sign-margin 0.01"
short="copy --length 200 --epochs 4 --limit-train 64000 --lr 2e-3 --schedule cosine --grad-clip 1 --freeze-signs"

# NAME SEEDS TASK OPTIONS
recipes() {
    cat <<END
copy             3 $copy --lr 2e-3 --sign-lr 1e-4 --grad-clip 1 --limit-train 128000 --epochs 5
copy-5000        3 $copy --length 5000 --lr 1e-3 --sign-lr 3e-5 --grad-clip 0.1 --limit-train 25600 --epochs 50 --warmup 2 --average 0.99
copy-5000-frozen 3 copy --schedule cosine --freeze-signs --length 5000 --lr 1e-3 --grad-clip 0.1 --limit-train 25600 --epochs 50 --warmup 2 --average 0.99
smnist           3 smnist --hidden-size 1536 --bias-bits 6 $images
pmnist           3 pmnist --hidden-size 1024 --bias-bits 5 $images
pmnist-large     3 pmnist --hidden-size 1536 --bias-bits 6 $images
block-pmnist     3 pmnist --hidden-size 1536 --bias-bits 6 --block-size 512 $images
fashion          3 fashion --hidden-size 1536 --bias-bits 6 $images
imdb             3 imdb --epochs 12 --embedding-size 32 --lr 7e-4 --average 0.998 --positive-signs 0.5 $texts
sst2             3 sst2 --epochs 8 --embedding-size 16 --lr 2.5e-4 --average 0.999 --label-smoothing 0.1 --positive-signs 1 $texts
har2             3 har2
har6             3 har6
digits           3 digits
published-copy   3 copy
published-smnist 3 smnist
published-pmnist 3 pmnist
published-imdb   3 imdb
published-sst2   3 sst2
END
    for model in lstm gru orthogonal; do
        float="--model $model --hidden-size 64"
        cat <<END
$model-pmnist    1 pmnist $float --epochs 3
$model-imdb      1 imdb --epochs 6 --embedding-size 32 --lr 2e-3 --average 0.99 $words $float
$model-sst2      1 sst2 --epochs 6 --embedding-size 16 --lr 2e-3 --average 0.99 --label-smoothing 0.1 $words $float
$model-har2-last 1 har2 $float --output last
$model-har6-last 1 har6 $float --output last
$model-digits-last 1 digits $float
END
    done
    # The rates are those that --search-lr finds with seed 0; what it tried lies beside the log of that seed.
    while read -r model task epochs rate; do
        echo "$model-$task 3 $task --model $model --hidden-size 64 --output mean --epochs $epochs --lr $rate"
    done <<END
fastgrnn har2 12 0.03
cornn har2 12 0.03
gru har2 12 0.03
lstm har2 12 0.03
orthogonal har2 12 0.003
gru digits 20 0.01
lstm digits 20 0.03
fastgrnn digits 20 0.03
cornn digits 20 0.03
orthogonal digits 20 0.01
gru har6 12 0.03
lstm har6 12 0.03
fastgrnn har6 12 0.03
END
    echo "fastgrnn-har2-25 2 har2 --model fastgrnn --hidden-size 64 --lr 0.01"
    for recurrence in linear relu modrelu; do
        echo "copy-$recurrence 3 $short --recurrence $recurrence"
        echo "digits-$recurrence 3 digits --block-size 512 --recurrence $recurrence"
    done
    for bits in 1 2 3 6 8 float; do echo "digits-p$bits 3 digits --block-size 512 --weight-bits $bits"; done
    for order in 2 32 128 256; do echo "digits-m$order 3 digits --block-size $order"; done
    for size in 128 256 1024; do echo "digits-n$size 3 digits --hidden-size $size --block-size $size"; done
    echo "digits-signs 3 digits --block-size 512 --no-freeze-signs"
    echo "digits-slow-signs 3 digits --block-size 512 --no-freeze-signs --sign-lr 1e-4 --sign-margin 0.01"
}

# The runs, a line each: the folder, and what `hadamrnn train` is called with. First seeds come first.
runs() {
    local seed name seeds command
    for seed in 0 1 2; do
        recipes | while read -r name seeds command; do
            if [ "$seed" -lt "$seeds" ] && [[ $name =~ ${1:-} ]]; then echo "$name-$seed $command --seed $seed"; fi
        done
    done
}

# train FOLDER TASK OPTIONS: one run, unless it has finished.
train() {
    local log=$RUNS/$1/log.jsonl
    if ! grep -qs '"summary"' "$log"; then
        echo "$1: hadamrnn train ${*:2}"
        mkdir -p "$RUNS/$1"
        hadamrnn train "${@:2}" --out "$RUNS/$1" >"$RUNS/$1/output.txt" 2>&1 || { tail "$RUNS/$1/output.txt" && return 1; }
    fi
    mkdir -p "docs/runs/$1"
    cp "$log" "docs/runs/$1"
}
export -f train

runs "${1:-}" | xargs -P "$(nproc)" -I{} bash -c 'train {}'
hadamrnn report docs/runs --output docs/all_runs.md
python tools/results_tables.py # the tables of docs/results.md
