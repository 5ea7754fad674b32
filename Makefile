# Two commands for newcomers, `make demo` and `make test`; the rest is for those who change the code.
# Each installs the package into a virtual environment of its own, and again when a source has changed.

.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
TEST := .venv-test/bin
# Without isolation the objects in build/ stay valid, and only what has changed is compiled.
INSTALL := SKBUILD_BUILD_DIR='build/{wheel_tag}' $(TEST)/pip install --no-build-isolation
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell nproc 2>/dev/null || echo 2)

# What an installation is made from. Folders are listed as well: they change when a file comes or goes.
SOURCES := $(shell find cpp/include cpp/src cpp/bindings python CMakeLists.txt pyproject.toml README.md LICENSE NOTICE \
	-name __pycache__ -prune -o -not -name '*.so' -print)
CPP := $(shell find bench cpp -name '*.[ch]pp')

.PHONY: help
help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: .venv-demo/installed ## Build, and classify real digits with the bundled models.
	@.venv-demo/bin/python examples/digits.py

.PHONY: test
test: .venv-test/installed ## Build, and run all tests.
	$(TEST)/python -m pytest $(PYTEST_ARGS)

.PHONY: cpp-tests
cpp-tests: .venv-test/installed ## Run the C++ tests, on emulated instruction sets too.
	PATH="$(CURDIR)/$(TEST):$$PATH" PYTHON=$(TEST)/python tools/cpp_tests.sh

.PHONY: sanitize
sanitize: .venv-test/installed ## Run C++ and Python tests with sanitizers of memory, undefined behaviour and races; a quarter of an hour.
	PATH="$(CURDIR)/$(TEST):$$PATH" PYTHON=$(TEST)/python tools/sanitize.sh

.PHONY: lower-bounds
lower-bounds: .venv-test/installed ## Test the runtime with the oldest NumPy and safetensors that are allowed, without torch.
	SKBUILD_BUILD_DIR='build/{wheel_tag}' PYTHON=$(TEST)/python tools/lower_bounds.sh $(PYTEST_ARGS)

.PHONY: lint
lint: .venv-test/installed ## Check Python with ruff and C++ with clang-format.
	$(TEST)/ruff check
	$(TEST)/ruff format --check
	$(TEST)/clang-format --dry-run -Werror $(CPP)

.PHONY: format
format: .venv-test/installed ## Format Python and C++.
	$(TEST)/ruff check --fix-only --quiet
	$(TEST)/ruff format
	$(TEST)/clang-format -i $(CPP)

.PHONY: typecheck
typecheck: .venv-test/installed ## Check types with mypy --strict.
	$(TEST)/mypy
	for folder in tools bench examples fuzz; do (cd $$folder && MYPYPATH=../python:.:../tools \
	    ../$(TEST)/mypy --config-file ../pyproject.toml $$(git ls-files '*.py')) || exit 1; done

# Seconds of each engine. The core needs clang and its libFuzzer (Debian: clang libclang-rt-14-dev).
FUZZ_SECONDS ?= 60
FUZZ := build/cpp/fuzz
.PHONY: fuzz
fuzz: .venv-test/installed ## Feed hostile input to everything that reads it; FUZZ_SECONDS=60 each of Python and C++.
	$(TEST)/python fuzz/run.py --seconds $(FUZZ_SECONDS) --seed $$$$
	PATH="$(CURDIR)/$(TEST):$$PATH" CC=clang CXX=clang++ cmake -S . -B $(FUZZ) -GNinja -DHADAMRNN_PYTHON=OFF \
	    -DHADAMRNN_TESTS=ON -DHADAMRNN_FUZZ=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo \
	    -DCMAKE_CXX_FLAGS="-O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all"
	PATH="$(CURDIR)/$(TEST):$$PATH" cmake --build $(FUZZ) --target hadamrnn_fuzz_model hadamrnn_fuzz_file
	mkdir -p $(FUZZ)/found
	$(FUZZ)/cpp/tests/hadamrnn_fuzz_file -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 $(FUZZ)/found \
	    tests/golden_files
	$(FUZZ)/cpp/tests/hadamrnn_fuzz_model -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10

.PHONY: soak
soak: .venv-test/installed ## Ten million steps over a thousand streams, twice: the same bits, and flat memory.
	$(TEST)/python tools/soak.py

.PHONY: bench
bench: .venv-test/installed ## Measure against what could be used instead; BENCH_ARGS=--quick is short.
	$(INSTALL) '.[bench]'
	for suite in kernels inference calls scaling edge training; do PATH="$(CURDIR)/$(TEST):$$PATH" \
	    python bench/run.py $$suite --json bench/results/$$suite.json $(BENCH_ARGS) || exit 1; done

.PHONY: results
results: .venv-test/installed ## Train everything that docs/results.md reports, in hours; RESULTS_ARGS='^har' is a part.
	PATH="$(CURDIR)/$(TEST):$$PATH" tools/results.sh $(RESULTS_ARGS)

.PHONY: pictures
pictures: .venv-test/installed ## Draw the pictures of docs/images, and those and the tables of results from docs/runs and docs/fit.json.
	$(TEST)/python tools/pictures.py
	$(TEST)/python tools/results_tables.py
	$(TEST)/hadamrnn report docs/runs --output docs/all_runs.md
	$(TEST)/python bench/fit_page.py

.PHONY: docs
docs: .venv-test/installed ## Build the documentation as a site in build/docs, with the reference of all docstrings.
	$(INSTALL) '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(TEST)/mkdocs build --quiet --strict
	$(TEST)/python tools/check_site.py build/docs

.PHONY: web
web: .venv-test/installed ## Build a site of three models that run in the browser, in build/web.
	$(TEST)/python examples/web/build.py build/web

.PHONY: wheel
wheel: .venv-test/installed ## Build dist/*.tar.gz, and dist/*.whl from it, and check what they tell the package index.
	rm -rf dist
	$(TEST)/python -m build
	$(TEST)/twine check --strict dist/*

.PHONY: clean
clean: ## Remove everything that was built or installed here.
	rm -rf .venv-demo .venv-test build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv-demo/installed: .venv-demo/created $(SOURCES)
	.venv-demo/bin/pip install .
	@touch $@

.venv-test/installed: .venv-test/created $(SOURCES)
	$(TEST)/pip install scikit-build-core pybind11 hatch-fancy-pypi-readme cmake ninja
	$(INSTALL) '.[dev]'
	@touch $@

.venv-demo/created .venv-test/created: .venv-%/created:
	@tools/prerequisites.sh $(PYTHON)
	rm -rf .venv-$*
	$(PYTHON) -m venv .venv-$*
	@touch $@
