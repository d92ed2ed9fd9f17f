# Start with `make run` and `make test`; `make help` lists the rest.
PYTHON ?= python3
PORT ?= 8080
FUZZ_S ?= 60
VENV := .venv
BIN := $(VENV)/bin
PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
# With it, every start of the function would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 18

# One environment. It is created anew for another Python version, and updated when a lock file changes.
$(VENV)/python-$(PYTHON_VERSION):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	  || { echo "Python 3.11 to 3.13 is needed, '$(PYTHON)' is $$($(PYTHON) --version 2>&1); try make PYTHON=python3.13" >&2; exit 1; }
	$(PYTHON) -m venv --clear --upgrade-deps $(VENV)
	touch $@

$(VENV)/training: $(VENV)/python-$(PYTHON_VERSION) requirements-training.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-training.txt
	touch $@

$(VENV)/dev: $(VENV)/python-$(PYTHON_VERSION) requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@ $(VENV)/training

.PHONY: venv
venv: $(VENV)/dev  ## create .venv with everything for development

# Beam needs older versions of what the rest uses, so it has an environment of its own.
.venv-beam/ready: requirements-beam.txt
	$(PYTHON) -m venv --clear --upgrade-deps .venv-beam
	.venv-beam/bin/pip install --quiet --disable-pip-version-check -r requirements-beam.txt
	touch $@

.PHONY: beam
beam: .venv-beam/ready  ## create .venv-beam, which runs `python -m predictor.beam`

.PHONY: model
model: $(VENV)/training  ## train and publish to artifacts/, unless a model is there
	@compgen -G 'artifacts/*/manifest.json' >/dev/null || $(BIN)/python -m predictor train --to artifacts

.PHONY: run
run: model  ## serve `predict` on PORT (8080)
	@printf '\nServing on http://localhost:%s: a page to try it, and /docs. Or:\n\n' '$(PORT)'
	@printf "  curl http://localhost:%s/predict -H 'Content-Type: application/json' -d '%s'\n\n" '$(PORT)' \
	  '{"bill_length_mm": 39.1, "bill_depth_mm": 18.7, "flipper_length_mm": 181.0, "body_mass_g": 3750.0, "sex": "male", "island": "Torgersen"}'
	@exec $(BIN)/functions-framework --source main.py --target predict --port $(PORT)

.PHONY: run-events
run-events: model  ## serve `score` on PORT (8080); results and rejects go to the log
	@printf '\nServing on http://localhost:%s. Try:\n\n' '$(PORT)'
	@printf "  curl -i http://localhost:%s -H 'Content-Type: application/json' -H 'ce-specversion: 1.0' -H 'ce-id: 1' -H 'ce-source: //field' -H 'ce-type: penguin.seen' -d '%s'\n\n" '$(PORT)' \
	  '{"bill_length_mm": 39.1, "bill_depth_mm": 18.7, "flipper_length_mm": 181.0, "body_mass_g": 3750.0, "sex": "male", "island": "Torgersen"}'
	@exec $(BIN)/functions-framework --source main.py --target score --port $(PORT)

.PHONY: demo-events
demo-events: model  ## send the whole data set through gcloud's Pub/Sub emulator
	@$(BIN)/python examples/events_demo.py

# Most tests wait for processes, so there are two workers per processor.
PYTEST = $(BIN)/python -m pytest --numprocesses $$(($$($(BIN)/python -c 'import os; print(os.cpu_count())') * 2)) --dist worksteal

# Counting lines takes as long again as the unit tests, so only CI does it each time.
COUNT_LINES = --cov=predictor --cov-fail-under=95

.PHONY: test
test: $(VENV)/dev  ## run the test suite
	$(PYTEST) -m 'not slow' $(if $(CI),$(COUNT_LINES)) tests/

.PHONY: coverage
coverage: $(VENV)/dev  ## run the test suite and count which lines it runs; fails under 95 %, as in CI
	$(PYTEST) -m 'not slow' $(COUNT_LINES) tests/

.PHONY: test-slow
test-slow: $(VENV)/dev  ## more of the same: failing releases, rollback, more kinds of pickled models
	$(PYTEST) -m slow tests/

.PHONY: hostile
hostile: $(VENV)/dev  ## all attacks with their full counts, some minutes; REFRESH=1 writes the figures into the docs
	HOSTILE=full $(BIN)/python -m pytest -s tests/hostile

.PHONY: faults
faults: $(VENV)/dev  ## every fault of the store; REFRESH=1 writes the table into the docs
	HOSTILE=full $(BIN)/python -m pytest tests/faults

.PHONY: fuzz
fuzz: $(VENV)/dev  ## fuzz every parser for FUZZ_S (60) seconds
	$(BIN)/python -m tests.hostile.fuzz --seconds $(FUZZ_S)

.PHONY: lint
lint: $(VENV)/dev  ## check style, types, import contracts, spelling, shell scripts, workflows, insecure code, licences
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/shellcheck --check-sourced $(wildcard .ci/* *.sh)
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(wildcard .github/workflows/*.yml)
	$(BIN)/zizmor --offline --quiet --no-progress .github/workflows
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml main.py predictor ops
	$(BIN)/pip-licenses --summary --packages $$(sed -nE 's/^([a-z0-9._-]+)(\[|=).*/\1/p' requirements.txt)

.PHONY: audit
audit: $(VENV)/dev  ## look up known vulnerabilities of all locked packages; needs the network
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
	  --requirement requirements.txt --requirement requirements-training.txt

.PHONY: sbom
sbom: model $(VENV)/dev  ## write SBOM and ML-BOM to build/sbom; SBOM='--model gs://... --digest sha256:...' chooses the model
	$(BIN)/python -m ops.bom build/sbom $(SBOM)

.PHONY: format
format: $(VENV)/dev  ## fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: model $(VENV)/dev  ## compare with the platform, the replaced service and peers; BENCH='--only ours,echo' for less
	$(BIN)/python -m benchmarks $(BENCH)

.PHONY: load
load: model $(VENV)/dev  ## run locust's scenarios, here or at URL=https://...; LOAD='spike mix' chooses, LOAD=--help lists
	$(BIN)/python -m benchmarks.load $(if $(URL),--url '$(URL)' --identity-token) $(LOAD)

.PHONY: profile
profile: model $(VENV)/dev  ## where the CPU time goes, by package; PROFILE='--rows 1000' for batches
	$(BIN)/python -m benchmarks.profile $(PROFILE)

.PHONY: bench-files
bench-files: model $(VENV)/dev  ## score a million rows in a bucket; compare with pandas and scikit-learn
	$(BIN)/python -m benchmarks.event_files

.PHONY: page-audit
page-audit: model $(VENV)/dev  ## Lighthouse's scores of the page, and when its first prediction is seen; needs chromium, npm
	$(BIN)/python -m benchmarks.page

SOAK ?= 60s
.PHONY: soak
soak: $(VENV)/dev  ## mixed traffic under faults for SOAK (60s; 10m, 2h): lost or wrong answers, memory, latency
	$(BIN)/python -m benchmarks.soak $(SOAK)

.PHONY: bench-beam
bench-beam: model .venv-beam/ready $(VENV)/dev  ## score a million rows with Apache Beam: 1 and 2 workers, and `predict FILE`
	$(BIN)/python -m benchmarks.beam

.PHONY: bench-trust
bench-trust: model $(VENV)/dev  ## what the trust fields are worth and cost; TRUST=--quick for a look
	$(BIN)/python -m benchmarks.trust $(TRUST)

.PHONY: bench-drift
bench-drift: $(VENV)/dev  ## how often changed and unchanged traffic raises an alarm; BENCH='--seeds 20 --years 5' for less
	$(BIN)/python -m benchmarks.drift $(BENCH)

.PHONY: lock
lock: $(VENV)/dev  ## refresh the locked requirements from pyproject.toml
	for set in '' training beam dev; do \
	  $(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
	    --custom-compile-command 'make lock' $${set:+--extra $$set} --output-file requirements$${set:+-$$set}.txt; \
	done
	for input in tests/clients/*/requirements.in; do \
	  $(BIN)/uv pip compile "$$input" --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-strip-extras --custom-compile-command 'make lock' --output-file "$${input%.in}.txt"; \
	done

.PHONY: screenshot
screenshot: model $(VENV)/dev  ## take the README's picture of the page again; needs chromium
	$(BIN)/python -m examples.screenshot

.PHONY: swagger-ui
swagger-ui:  ## refresh Swagger UI's files from the npm package swagger-ui-dist
	folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	tar -xzf "$$(cd "$$folder" && echo "$$folder/$$(npm pack --silent swagger-ui-dist)")" -C "$$folder"; \
	cd "$$folder/package" && cp swagger-ui.css swagger-ui-bundle.js LICENSE NOTICE '$(CURDIR)/predictor/web/swagger_ui/'; \
	sed -i -E "s/(swagger-ui-dist\` )[0-9.]+/\1$$(sed -nE 's/.*"version": "([^"]+)".*/\1/p' package.json)/" '$(CURDIR)/predictor/web/swagger_ui/README.md'
