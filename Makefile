# `make help` lists the targets. Everything is installed into .venv; nothing outside this folder is changed.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test longtest check bench format lock wheel clean

# The Python that .venv is made with: `make setup PYTHON=/path/to/python3.12`.
PYTHON ?=
PYTHONS := $(or $(PYTHON),python3.13 python3.12 python3.11 python3)

BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## install what the hub needs into .venv, and the GraphiQL page from npm where there is one
	@$(BIN)/python -m hub.api.fetch_graphiql

demo: setup ## start the hub on a small county of fictional people
	@$(BIN)/hub demo

test: setup ## run the tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile

check: setup ## formatting, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

longtest: setup ## run the tests that take their time: whole commands, foreign clients, kills
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m long

bench: setup ## measure against the floors
	@$(BIN)/python -m pytest -m bench tests/bench tests/acceptance/test_kill.py -s

format: setup ## format, and fix what ruff can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: ## write requirements.lock from pyproject.toml; `make lock UPGRADE=1` takes the newest of everything
	@$(find_python); folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	"$$python" -m venv "$$folder" && "$$folder/bin/pip" install --quiet --disable-pip-version-check uv && \
	"$$folder/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) \
		--group dev pyproject.toml -o requirements.lock
	@echo "requirements.lock is written; \`make setup\` installs it."

wheel: setup ## build a wheel into dist/
	@$(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

clean: ## remove caches and built wheels; .venv and the data in var/ stay
	@rm -rf dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -path ./.venv -prune -o -path ./var -prune -o -name __pycache__ -type d -exec rm -rf {} +

# Installs what is locked, hash by hash, and then this checkout in place. Again only when one of the two changed.
$(READY): requirements.lock pyproject.toml
	@if ! $(BIN)/python -c '' 2>/dev/null; then \
		$(find_python); \
		echo "Making .venv with $$("$$python" --version)"; \
		rm -rf .venv; "$$python" -m venv .venv; \
	fi
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@echo "Installing the packages of requirements.lock (about a minute the first time)"
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "Ready."

# Sets $$python to the first that is new enough and can make an environment. A name on the PATH is not enough:
# it is run, because version managers leave names that lead nowhere, and Debian splits venv into its own package.
define find_python
python=; bare=; \
for name in $(PYTHONS); do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	if "$$name" -c 'import ensurepip, venv' 2>/dev/null; then python=$$name; break; fi; \
	bare=$${bare:-$$name}; \
done; \
if [ -z "$$python" ] && [ -n "$$bare" ]; then \
	echo "$$bare cannot make an environment: its venv module is missing. On Debian and Ubuntu:" >&2; \
	echo "  apt install $$("$$bare" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >&2; \
	exit 1; \
fi; \
if [ -z "$$python" ]; then \
	echo "Python 3.11 or newer is needed; none of these is: $(PYTHONS)." >&2; \
	echo "Install one (on Debian: apt install python3 python3-venv), or name it: make setup PYTHON=/path" >&2; \
	exit 1; \
fi
endef
