#!/usr/bin/env bash
# Tests the runtime with the oldest versions of its dependencies that pyproject.toml allows, in an environment without
# torch. Left out is what is long and the same with every version: kernels, faults, scores of the bundled models.
# Usage: tools/lower_bounds.sh [PYTEST_ARGUMENT ...]
# PYTHON (default: python3) has what builds the package, and is of a version that those dependencies have wheels for.
set -euo pipefail
shopt -s extglob
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
folder=$PWD/build/lower_bounds

mapfile -t oldest < <(sed -n 's/^dependencies = //p' pyproject.toml | grep -o '"[^"]*"' | tr -d '"' | sed 's/>=/==/')
[ "${#oldest[@]}" -gt 0 ] || { echo "error: no dependencies in pyproject.toml" >&2 && exit 1; }
rm -rf "$folder"
"$python" -m venv "$folder"
"$python" -m pip wheel --quiet --no-build-isolation --no-deps --wheel-dir "$folder" .
"$folder/bin/python" -m pip install --quiet --only-binary=:all: "${oldest[@]}" "$folder"/hadamrnn_ext-*.whl pytest hypothesis
echo "with ${oldest[*]}"
"$folder/bin/python" -m pytest -q -p no:cacheprovider tests/test_!(kernels|faults|pretrained).py \
    tests/closed_form tests/data/test_{files,idx}.py tests/cli/test_infer.py "$@"
