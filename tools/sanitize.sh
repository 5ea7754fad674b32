#!/bin/sh
# Tests under sanitizers. First of memory and undefined behaviour (ASan, UBSan): the C++ tests, then the Python tests of
# what runs models, with an extension of its own. Then of races (TSan): the C++ tests, whose pool and shared models
# have threads. Any finding ends a test at once.
# Usage: tools/sanitize.sh [BUILD_DIR]     (default: build/sanitize; relative to the repository)
# PYTHON (default: python3) needs pybind11, numpy, safetensors, pytest and hypothesis.

set -eu
cd "$(dirname "$0")/.."
python=$(command -v "${PYTHON:-python3}")
mkdir -p "${1:-build/sanitize}"
build=$(cd "${1:-build/sanitize}" && pwd)
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-2}"
export UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
isas=scalar
if grep -qw avx2 /proc/cpuinfo 2>/dev/null; then isas="scalar avx2"; fi

# built NAME SANITIZERS [CMAKE_OPTION ...]
built() {
    echo "== $1: -fsanitize=$2"
    name=$1
    flags="-fsanitize=$2 -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -DHADAMRNN_SANITIZE"
    shift 2
    cmake -S . -B "$build/$name" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DHADAMRNN_TESTS=ON -DCMAKE_CXX_FLAGS="$flags" "$@" \
        >"$build/$name.log" 2>&1 || { cat "$build/$name.log" && exit 1; }
    cmake --build "$build/$name" >"$build/$name.log" 2>&1 || { tail -50 "$build/$name.log" && exit 1; }
}

built memory address,undefined -DHADAMRNN_PYTHON=ON -DPython_EXECUTABLE="$python" \
    -Dpybind11_DIR="$("$python" -m pybind11 --cmakedir)"
# shellcheck disable=SC2086
"$build/memory/cpp/tests/hadamrnn_tests" tests/traces/golden.txt $isas

rm -rf "$build/package"
mkdir "$build/package"
cp -r python/hadamrnn_ext "$build/package/"
rm -f "$build"/package/hadamrnn_ext/_core*.so
cp "$build"/memory/_core*.so "$build/package/hadamrnn_ext/"
# The interpreter is not instrumented: the sanitizer comes first, and what Python never frees is no leak of ours.
LD_PRELOAD="$(${CXX:-c++} -print-file-name=libasan.so) $(${CXX:-c++} -print-file-name=libubsan.so)" \
    ASAN_OPTIONS=detect_leaks=0 PYTHONPATH="$build/package" "$python" -m pytest -q -p no:cacheprovider \
    tests/test_model.py tests/test_stream.py tests/test_streams.py tests/test_integer.py tests/test_threads.py \
    tests/test_traces.py tests/test_format_damage.py tests/test_hadamard.py tests/test_forgetting.py \
    tests/test_windows.py tests/test_integer_forgetting.py

built races thread -DHADAMRNN_PYTHON=OFF
"$build/races/cpp/tests/hadamrnn_tests" tests/traces/golden.txt scalar
