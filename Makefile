# One word each. Everything runs in .venv, made on first use.
PY := .venv/bin/python
.PHONY: run test lint bench docs schema lock clean

.venv/installed: pyproject.toml
	python3 -m venv .venv
	$(PY) -m pip install -q -e '.[dev]'
	@touch $@

run: .venv/installed
	.venv/bin/engine demo

test: .venv/installed
	$(PY) -m pytest

lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy engine capture tests bench
	.venv/bin/lint-imports

bench: .venv/installed
	$(PY) -m bench.run_all

docs: .venv/installed
	$(PY) docs/generate.py

schema: .venv/installed
	.venv/bin/engine schema --out rules/schema.json

lock: .venv/installed
	$(PY) -m pip install -q uv
	.venv/bin/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --extra dev pyproject.toml -o requirements.lock
