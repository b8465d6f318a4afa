# `make demo` shows it at work, `make test` proves it. Both set up what they need.

.DEFAULT_GOAL := help
SHELL := /bin/bash -eu -o pipefail
export HOMECOMING_KAFKA_LIBS ?= $(CURDIR)/.tools/kafka/libs
CARGO := cargo
DEMO_ARGS ?=
PAGE_ARGS ?=

.PHONY: help
help: ## What there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: demo
demo: build-tools ## Everything in one process, nothing to install: DEMO_ARGS="--for 60s --speed 1d"
	@$(CARGO) build --locked
	@target/debug/homecoming demo $(DEMO_ARGS)

.PHONY: test
test: setup ## All tests, those against a real Kafka broker included
	@$(MAKE) --no-print-directory check
	$(CARGO) test --locked --quiet --test kafka -- --test-threads=5

.PHONY: check
check: build-tools ## The quick part: format, lints, dependencies, the core's tests
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --quiet -- --deny warnings
	python3 deploy/grafana/generate.py --check
	python3 tests/deploy/quick.py
	$(CARGO) test --locked --quiet --lib --test scenarios --test properties --test levels --test tallies --test api --test rates --test report --test http --test support_outcomes --test simulation --test wire --test schemas --test architecture --test history --test predictions --test dependencies

.PHONY: audit
audit: ## Known vulnerabilities, licences and sources by cargo-deny, which it needs installed, with its database
	cargo deny --all-features check

.PHONY: core
core: ## The core's tests alone: seconds
	$(CARGO) test --locked --quiet --lib --test scenarios --test properties --test levels --test wire --test architecture

SEEDS ?= 1000
SEED ?= 1
.PHONY: simulate
simulate: build-tools ## The service on a simulated Kafka: SEEDS=n from SEED=first; a seed that fails tells its story
	HOMECOMING_SEEDS=$(SEEDS) HOMECOMING_SEED=$(SEED) CARGO_PROFILE_DEV_OPT_LEVEL=3 $(CARGO) test --locked --quiet --test simulation nothing_is -- --nocapture

ROUNDS ?= 20
.PHONY: chaos
chaos: setup ## Faults on a real broker under 5,000 events/s, from a seed: ROUNDS=20 SEED=1
	ROUNDS=$(ROUNDS) SEED=$(SEED) $(CARGO) test --locked --test kafka -- --ignored --nocapture chaos::

.PHONY: configuration
configuration: build-tools ## Writes docs/configuration.md from the options in the code
	HOMECOMING_WRITE_DOCS=1 $(CARGO) test --locked --quiet --lib config::reference

.PHONY: test-rolling
test-rolling: setup ## Rolling restarts under load on a real broker: how long partitions stand still, against the bound
	$(CARGO) test --locked --test kafka -- --ignored --nocapture standstill::

.PHONY: test-outage
test-outage: setup ## A broker that stands still for three minutes in the middle of transactions: nobody looks dead
	$(CARGO) test --locked --test kafka -- --ignored --nocapture outages::

.PHONY: test-schemas
test-schemas: ## What others make of the schemas: AsyncAPI's parser and Python's jsonschema; needs Node and Python
	tests/schemas/validate.sh

.PHONY: test-openapi
test-openapi: build-tools ## The API's description: linted, made into a TypeScript client, that one used on the demo; needs Node
	tests/openapi/run.sh

.PHONY: test-dashboards
test-dashboards: ## Rules, alerts and dashboards on a real Prometheus, drawn in Chromium; needs prometheus, chromium, Node
	tests/dashboards/run.sh

.PHONY: test-page
test-page: ## The live page in a real Chromium; needs Node and npm, and fetches the rest: PAGE_ARGS="--broker --pictures", PAGE_ARGS=--hour
	tests/page/run.sh $(PAGE_ARGS)

.PHONY: test-consumers
test-consumers: setup ## The example consumers against a real broker; needs Node, npm, Python, Go, Maven, curl
	tests/consumers/run.sh

.PHONY: test-deploy
test-deploy: setup ## Chart, manifests and image: linted, on a real API server, run by runc; needs Go, root, a release build
	tests/deploy/run.sh

.PHONY: test-quickstart
test-quickstart: setup ## docs/quickstart.md followed word for word, but for what needs Docker or a cluster; needs Python
	tests/quickstart/run.py

.PHONY: test-ranking
test-ranking: ## Who returns, on whole histories: HOMECOMING_HISTORIES names a folder with cdnow_full.csv and grocery_elog.csv
	$(CARGO) test --locked --test predictions --test rates -- --ignored --nocapture

.PHONY: bench
bench: setup ## The stream thread alone and end to end; see benches/RESULTS.md
	$(CARGO) bench --locked --bench stream_thread
	benches/end-to-end.sh
	benches/latency.sh
	benches/state.sh

.PHONY: setup
setup: build-tools ## Java, Maven and the broker's jars, for the tests
	@tests/broker/setup.sh

.PHONY: build-tools
build-tools: ## A C compiler, make and perl, for the Kafka client and its TLS
	@tests/build-tools.sh
