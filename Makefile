# Two commands do everything: `make demo` runs the main job, `make test` passes the tests.
# Neither needs an activated environment; both may be run again at any time.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

# An activated environment or a PYTHONPATH of the caller's must not leak into ours.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.PHONY: app demo test slow check browser clean

demo: $(VENV)/.base
	@$(BIN)/python examples/demo.py

app: $(VENV)/.ui
	@$(BIN)/python -m som app

# A process for each core; the tests of one file share their servers and browsers, so they stay together.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile

test: $(VENV)/.full browser
	$(PYTEST)

slow: $(VENV)/.full browser
	$(PYTEST) -m slow

check: $(VENV)/.full
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist out .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing; install it: sudo apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The light base: no torch, no browser.
$(VENV)/.base: pyproject.toml | $(BIN)/python
	@echo "Installing the base packages into $(VENV) ..."
	@$(PIP) install -e .
	@touch $@

# The light base and the web app; an agent in it needs a browser besides (make browser).
$(VENV)/.ui: $(VENV)/.base
	@echo "Installing the web app into $(VENV) ..."
	@$(PIP) install -e ".[ui,browser]"
	@touch $@

# Everything. The headless build of OpenCV is written over the plain one, which needs libGL.
$(VENV)/.full: requirements.txt $(VENV)/.base
	@echo "Installing everything in requirements.txt into $(VENV) (about 3.5 GB) ..."
	@$(PIP) install -r requirements.txt
	@$(PIP) install --force-reinstall --no-deps $$(grep '^opencv-python-headless==' requirements.txt)
	@touch $@

# Tests that need a browser, a desktop or Korean OCR skip, and say so, where none can be had.
browser: $(VENV)/.full
	@command -v xdotool >/dev/null && command -v Xvfb >/dev/null && command -v tesseract >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
		  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		  xvfb xdotool tesseract-ocr tesseract-ocr-kor >/dev/null; } || \
		echo "No Xvfb, xdotool and Tesseract could be installed; tests that need them will be skipped."
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
		  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; } || \
		$(BIN)/playwright install chromium || \
		echo "No browser could be installed; the tests that need one will be skipped."
