# Every target sets up $(VENV) first, so a clone plus `make demo` or `make test` is all there is to do.
#   PYTHON=python3.12     the interpreter to build it with (3.11 or newer; found by itself if not given)
#   PIP_ARGS="..."        further arguments for pip. On Linux, PyPI's torch is a CUDA build of some
#                         gigabytes; without a GPU, take the small one:
#                         make test PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
#   ARGS="..."            further arguments for the demo, as in make demo ARGS="--from-scratch"

VENV ?= .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PYTHONS := $(or $(PYTHON),python3 python3.13 python3.12 python3.11)
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.PHONY: help venv demo quick test browser lint docs build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s%s\n", $$1, $$2}' Makefile

venv: $(STAMP) ## set up .venv with everything, exact versions from constraints.txt

demo: $(STAMP) ## run the main job, 5 minutes on two fast cores, 20 on slow ones, and write runs/demo/report.html
	$(VENV)/bin/bvae-rl demo $(ARGS)

quick: $(STAMP) ## all steps of the demo in under 2 minutes; the figures mean nothing
	$(VENV)/bin/bvae-rl demo --quick $(ARGS)

# Two workers of one thread each: tests/conftest.py sets the threads.
test: lint browser ## check the style, then run the tests
	$(PY) -m pytest -n 2 --dist worksteal

browser: ## install Chromium for the tests where it is missing, if apt-get is here and you are root
	@sh tests/browser/set_up.sh

lint: $(STAMP) ## check format, lint and types
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	@if command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' && \
	  npm ci --prefix tests/browser --silent --no-audit --no-fund; then \
	  npm run --prefix tests/browser --silent check; \
	else echo "the explorer's JavaScript is not checked: no npm of Node 20 or later here"; fi

docs: $(STAMP) ## build the documentation into site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict

build: $(STAMP) ## build the sdist and the wheel into dist/
	rm -rf build dist
	$(PY) -m build --no-isolation

clean: ## remove the environment, builds and caches; runs/ stays
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	@$(PY) -c 'import pip; $(NEW_ENOUGH)' 2>/dev/null || { \
	  for python in $(PYTHONS); do \
	    $$python -c '$(NEW_ENOUGH)' 2>/dev/null && break; \
	    python=; \
	  done; \
	  test -n "$$python" || { \
	    echo "error: Python 3.11 or newer is needed, tried $(PYTHONS); name one with PYTHON=..." >&2; \
	    exit 2; \
	  }; \
	  $$python -m venv $(VENV) && $(PY) -c 'import pip; $(NEW_ENOUGH)' || { \
	    echo "error: $$python cannot make $(VENV): on Debian and Ubuntu first" \
	      "'apt install python3-venv'; if $(VENV) is left from another Python, 'make clean'" >&2; \
	    exit 2; \
	  }; \
	}
# The headless build that an earlier set-up may have put in owns the same files as opencv-python.
	@$(PY) -m pip uninstall -qq --yes opencv-python-headless
	$(PY) -m pip install $(PIP_ARGS) -c constraints.txt -e '.[all,dev]'
	@reason=$$($(PY) -c 'import cv2' 2>&1) || case "$$reason" in \
	*"cannot open shared object file"*) \
	  echo "cv2 cannot load here ($${reason##*ImportError: }):" \
	    "putting opencv-python-headless in place of opencv-python"; \
	  $(PY) -m pip uninstall -qq --yes opencv-python && \
	  $(PY) -m pip install -q $(PIP_ARGS) -c constraints.txt opencv-python-headless;; \
	esac
	@$(PY) -c 'import cv2' || { echo "error: cv2 cannot be imported, see above" >&2; exit 2; }
	@touch $@
