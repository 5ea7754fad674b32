#!/bin/sh
# Checks what `make demo` and `make test` cannot install by themselves: Python 3.10 or newer with venv and
# headers, and a C++17 compiler. One line for each thing that is missing, and what to do about it.
# Usage: tools/prerequisites.sh [python3]

python=${1:-python3}
status=0

missing() {
    echo "error: $1" >&2
    status=1
}

if ! command -v "$python" >/dev/null; then
    missing "there is no $python: apt install python3 python3-venv python3-dev"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    missing "$("$python" --version) is too old: 3.10 or newer is needed (make PYTHON=python3.11 ... takes another)"
else
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        missing "$python cannot make virtual environments: apt install python3-venv"
    "$python" -c 'import os, sysconfig; os.stat(os.path.join(sysconfig.get_path("include"), "Python.h"))' 2>/dev/null ||
        missing "$python has no header files (Python.h): apt install python3-dev"
fi

# The names that CMake tries.
for compiler in ${CXX:-c++ g++ clang++}; do
    command -v "$compiler" >/dev/null && break
done
if ! command -v "$compiler" >/dev/null; then
    missing "there is no C++ compiler: apt install g++"
elif ! echo '#include <optional>' | "$compiler" -std=c++17 -x c++ -fsyntax-only - 2>/dev/null; then
    missing "$compiler does not compile C++17: apt install g++ (version 9 or newer)"
fi

exit $status
