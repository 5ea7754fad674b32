#!/usr/bin/env bash
# Cross-compiles the wheel for AArch64 Linux and tests it under qemu: check_wheel.py, then tests of the runtime.
# Python for AArch64 comes from Debian, NumPy and safetensors from PyPI, all into a folder of their own.
# Usage: tools/aarch64_wheel.sh [FOLDER [TEST ...]]     (default: build/aarch64_wheel; the wheel is in FOLDER/dist)
# Needs g++-aarch64-linux-gnu, qemu-user-static and apt-get. PYTHON (default: python3) has pip and build, and is of the
# version that Debian has.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(realpath -m "${1:-build/aarch64_wheel}")
tests=("${@:2}")
[ "${#tests[@]}" -gt 0 ] || tests=(tests/test_{traces,model,stream,integer,format,threads}.py)
python=$(command -v "${PYTHON:-python3}")
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
root=$folder/root
mkdir -p "$folder"

# Debian's packages, downloaded by an apt that knows nothing of this system, and unpacked.
debian_python() {
    [ -e "$root/usr/bin/python$version" ] && return
    local state=$folder/apt
    mkdir -p "$state"/{lists/partial,archives/partial,debs}
    touch "$state/status"
    local apt=(apt-get -qq -o "Dir::State=$state" -o "Dir::State::status=$state/status" -o "Dir::Cache=$state"
        -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root -o Acquire::Languages=none)
    "${apt[@]}" update
    (cd "$state/debs" && "${apt[@]}" download "python$version-minimal" "libpython$version"{,-minimal,-stdlib,-dev} \
        libc6 libgcc-s1 libstdc++6 libcrypt1 zlib1g libexpat1 libssl3 libffi8 libbz2-1.0 liblzma5 libsqlite3-0)
    for package in "$state"/debs/*.deb; do dpkg -x "$package" "$root"; done
}

build() {
    local include=$root/usr/include/python$version suffix=.cpython-${version/./}-aarch64-linux-gnu.so
    cp "$root/usr/include/aarch64-linux-gnu/python$version/pyconfig.h" "$include/pyconfig.h"
    local options="-DCMAKE_TOOLCHAIN_FILE=$PWD/cmake/aarch64-linux-gnu.cmake"
    options+=";-DPython_INCLUDE_DIR=$include;-DPYTHON_MODULE_EXTENSION=$suffix"
    _PYTHON_HOST_PLATFORM=linux-aarch64 SETUPTOOLS_EXT_SUFFIX=$suffix \
        "$python" -m build --wheel --outdir "$folder/dist" -Ccmake.args="$options" >"$folder/build.log" 2>&1 ||
        { cat "$folder/build.log" && return 1; }
}

# install FOLDER OPTION_OR_PACKAGE ..: wheels of that platform
install() {
    "$python" -m pip install --quiet --upgrade --only-binary=:all: --python-version "$version" \
        --platform manylinux2014_aarch64 --platform manylinux_2_28_aarch64 --platform linux_aarch64 --target "$@"
}

# emulated PYTHONPATH ARGUMENT ..
emulated() {
    PYTHONHOME=$root/usr PYTHONPATH=$1 qemu-aarch64-static -L "$root" "$root/usr/bin/python$version" "${@:2}"
}

debian_python
build
install "$folder/site" "$folder"/dist/hadamrnn_ext-*.whl
install "$folder/tests" pytest hypothesis
cp tools/check_wheel.py "$folder"
(cd "$folder" && emulated "$folder/site" check_wheel.py)
# A new interpreter that Python itself starts runs outside the emulator, unless the system knows to use it (binfmt_misc).
emulated "$folder/site:$folder/tests" -m pytest -q -p no:cacheprovider "${tests[@]}" \
    --deselect 'tests/test_threads.py::test_processes[spawn]'
