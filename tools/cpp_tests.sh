#!/bin/sh
# Builds and runs the C++ tests: on this processor, with AVX-512 emulated, and for AArch64 under qemu; and
# checks that no AVX instruction gets into code that runs before dispatch.
# Usage: tools/cpp_tests.sh [BUILD_DIR]     (default: build/cpp; relative to the repository)
# What cannot run for want of a tool is skipped, with a line that says so; if HADAMRNN_CI is set it is an
# error. PYTHON (default: python3) is the interpreter that the bindings are built for, to be checked as well.

set -eu
cd "$(dirname "$0")/.."
build=${1:-build/cpp}
python=${PYTHON:-python3}
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-2}"

missing() { # WHAT PACKAGE
    if [ -n "${HADAMRNN_CI:-}" ]; then
        echo "error: $1; install $2" >&2
        exit 1
    fi
    echo "SKIPPED: $1; install $2"
}

# configure_and_test DIR [CMake options]
configure_and_test() {
    dir=$1
    shift
    echo "== $dir"
    cmake -S . -B "$dir" -DCMAKE_BUILD_TYPE=Release -DHADAMRNN_TESTS=ON -DHADAMRNN_WERROR=ON "$@" >"$dir.log" 2>&1 ||
        { cat "$dir.log" && exit 1; }
    cmake --build "$dir" >"$dir.log" 2>&1 || { cat "$dir.log" && exit 1; }
    ctest --test-dir "$dir" --output-on-failure --no-tests=error >"$dir.log" 2>&1 || { cat "$dir.log" && exit 1; }
    sed -n '/^Output:/,/^<end of output>/{/^[a-z0-9]/p;}' "$dir/Testing/Temporary/LastTest.log"
}

mkdir -p "$build"
build=$(cd "$build" && pwd)
emulated=OFF bindings=ON x86=
case $(uname -m) in x86_64 | amd64) x86=yes ;; esac
if [ -n "$x86" ]; then
    if echo '#include <simde/x86/avx512.h>' | ${CXX:-c++} -E -x c++ - >/dev/null 2>&1; then
        emulated=ON
    else
        missing "the AVX-512 kernels are not tested: no SIMDe headers" libsimde-dev
    fi
fi
if ! pybind11=$("$python" -m pybind11 --cmakedir 2>/dev/null); then
    if "$python" -m venv "$build/venv" && "$build/venv/bin/python" -m pip install --quiet 'pybind11>=3'; then
        python=$build/venv/bin/python
        pybind11=$("$python" -m pybind11 --cmakedir)
    else
        missing "the bindings are not checked: $python has no pybind11 and cannot get it" "pybind11 with pip"
        bindings=OFF
    fi
fi
configure_and_test "$build/native" -DHADAMRNN_TESTS_EMULATED=$emulated -DHADAMRNN_PYTHON=$bindings -DHADAMRNN_SHARED=ON \
    -DPython_EXECUTABLE="$(command -v "$python")" -Dpybind11_DIR="${pybind11:-}"

# The libraries as others use them: installed, found by CMake and linked with the example; and called by ctypes, which
# compares with Python.
if "$python" -c 'import hadamrnn_ext' 2>/dev/null; then
    example=$build/example
    echo "== $example"
    {
        cmake --install "$build/native" --prefix "$build/installed" &&
            cmake -S examples/cpp -B "$example" -DCMAKE_PREFIX_PATH="$build/installed" -DCMAKE_BUILD_TYPE=Release &&
            cmake --build "$example"
    } >"$example.log" 2>&1 || { cat "$example.log" && exit 1; }
    "$python" - "$example" <<'END'
import sys
import hadamrnn_ext as hr
hr.load("smnist").save(f"{sys.argv[1]}/smnist.safetensors")
hr.zoo.samples()[0][0].tofile(f"{sys.argv[1]}/digit.bin")
END
    "$example/classify" "$example/smnist.safetensors" "$example/digit.bin" | tee "$example.log"
    grep -q "^the image is a $("$python" -c 'import hadamrnn_ext as hr; print(hr.zoo.samples()[1][0])')\$" "$example.log"
    "$python" examples/c_library.py "$(find "$build/installed" -name 'libhadamrnn.so' -o -name 'libhadamrnn.dylib')"
else
    missing "the installed C++ library is not tried: $python has no hadamrnn_ext" "the package with pip"
fi

if [ -z "$x86" ]; then
    echo "not an x86-64 machine: no AVX-512 to emulate, no AVX to check for"
elif command -v objdump >/dev/null && command -v "$python" >/dev/null; then
    "$python" tools/check_baseline.py "$build/native"
else
    missing "no check for AVX before dispatch: objdump or $python is missing" "binutils and python3"
fi

if ! command -v aarch64-linux-gnu-g++ >/dev/null; then
    missing "AArch64 is not tested: no cross compiler" g++-aarch64-linux-gnu
elif ! command -v qemu-aarch64-static >/dev/null; then
    missing "AArch64 is not tested: no qemu-aarch64-static" qemu-user-static
else
    configure_and_test "$build/aarch64" -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-linux-gnu.cmake -DHADAMRNN_PYTHON=OFF \
        "-DHADAMRNN_TESTS_REQUIRE=scalar;neon"
fi
