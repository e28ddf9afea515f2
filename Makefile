# Everything a developer does. `make` alone says what there is.

# Another name would be run by a shell of the user's choice.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

BOOTSTRAP := node tools/bootstrap/main.mjs
JEST := npm run --silent jest --
# How many tests passed in all, added up over the runs of one `make test`.
TEST_TALLY := $(CURDIR)/.test/tally.json

.PHONY: help
help: ## Shows this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: dev
dev: have-node ## Starts the whole system locally and shows its log. DETACH=1 returns when all is ready; STACK=native|compose chooses how.
	@$(BOOTSTRAP) dev $(if $(DETACH),--detach)

.PHONY: dev-down
dev-down: have-node ## Stops the local system and keeps its data.
	@$(BOOTSTRAP) dev-down

.PHONY: dev-reset
dev-reset: have-node ## Stops the local system and drops its data.
	@$(BOOTSTRAP) dev-down --reset

.PHONY: test
test: export TEST_TALLY := $(TEST_TALLY)
test: have-node ## Installs what is missing, then lint, unit tests, and the tests with a Kafka and a PostgreSQL of their own.
	@rm -f $(TEST_TALLY)
	@$(BOOTSTRAP) install
	@npm run --silent lint
	@npm run --silent types:test
	@$(JEST) --selectProjects unit
	@$(JEST) --selectProjects int e2e

.PHONY: test-unit
test-unit: have-node ## Runs the tests that need no server.
	@$(BOOTSTRAP) install
	@$(JEST) --selectProjects unit

.PHONY: lint
lint: have-node ## Checks style, dead code and the types of the tests.
	@$(BOOTSTRAP) install
	@npm run --silent lint
	@npm run --silent types:test

.PHONY: build
build: have-node ## Installs what is missing and compiles everything.
	@$(BOOTSTRAP) install

.PHONY: chart
chart: have-node ## Writes the generated files of the Helm chart: schema, README, facts of the contracts.
	@$(BOOTSTRAP) chart-cli

.PHONY: migrate
migrate: have-node ## Migrates the database of the local system, or of DATABASE_ADMIN_URL and DATABASE_URL.
	@$(BOOTSTRAP) database migrate

.PHONY: seed
seed: have-node ## Adds the demo orgs acme and globex to that database; refused when NODE_ENV is production.
	@$(BOOTSTRAP) database seed

.PHONY: budgets-check
budgets-check: have-node ## Checks that every budget is the sum of its ledger, in the local system or the database of DATABASE_URL.
	@$(BOOTSTRAP) database budgets-check

.PHONY: budgets-soak
budgets-soak: build ## Proves the budgets at length: 100,000 decisions replayed, and 200 callers with 50 holds each.
	@REPLAY_DECISIONS=100000 $(JEST) services/budget-tracker/src/consumers/replay --selectProjects int
	@HOLD_ROUNDS=50 $(JEST) services/budget-tracker/src/holds/load --selectProjects int

.PHONY: dlq-list
dlq-list: build ## Lists dead letters of the local system, or of KAFKA_BROKERS.
	@npm run --silent admin -- dlq-list

.PHONY: dlq-redrive
dlq-redrive: build ## Sends those dead letters back to the topics they came from.
	@npm run --silent admin -- dlq-redrive

.PHONY: chaos
chaos: build ## Breaks the whole system under load in every way, for three seeds; CHAOS="--seed N --only NAME" repeats a part.
	@node --enable-source-maps tests/chaos/dist/chaos-cli.js $(CHAOS)

.PHONY: subscribers
subscribers: build ## Breaks two push-gateways under 2,000 subscribers, each held to every seq; SUBSCRIBERS="--seed N" repeats, "--stalled" measures slow readers.
	@node --enable-source-maps tests/subscribers/dist/subscribers-cli.js $(SUBSCRIBERS)

.PHONY: bench
bench: build ## Measures everything on this machine, in some 20 minutes. SCENARIO="NAME…" measures a part; BENCH=--help says more.
	@node --enable-source-maps bench/dist/bench-cli.js $(SCENARIO:%=--scenario %) $(BENCH)

.PHONY: bench-peers
bench-peers: build ## Measures what a user would take instead, where it can be had: a Go push server, Socket.IO, a naive service.
	@node --enable-source-maps bench/dist/bench-cli.js --scenario peers $(BENCH)

.PHONY: bench-growth
bench-growth: build ## Measures recording and queries with five million decisions stored.
	@node --enable-source-maps bench/dist/bench-cli.js --scenario growth-5m $(BENCH)

.PHONY: profile
profile: build ## Profiles the services in one scenario: make profile SCENARIO=pipeline.
	@node --enable-source-maps bench/dist/bench-cli.js --profile $(if $(SCENARIO),$(SCENARIO:%=--scenario %),--help)

.PHONY: images
images: ## Builds the container images and says how big they are. TAG, REGISTRY, NODE_IMAGE and RUNTIME_IMAGE choose.
	@tools/k8s/images.sh

.PHONY: k8s-up
k8s-up: ## Brings the whole system up in the cluster KUBECONFIG names, or in a new one made by kind.
	@tools/k8s/up.sh

.PHONY: k8s-test
k8s-test: ## Installs, upgrades, breaks and removes the chart in that cluster, under load, and counts every decision.
	@tools/k8s/test.sh

.PHONY: have-node
have-node:
	@command -v node >/dev/null || { echo 'Node.js is missing: install Node.js 20.19 or later, for instance from https://nodejs.org.' >&2; exit 1; }
