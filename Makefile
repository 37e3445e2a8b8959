# The commands of this project. `make help` lists them.
BIN     := bin/hookline
LAB     := bin/lab
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TOOL    := go tool -modfile=internal/tools/tools.mod
LINT    := $(TOOL) golangci-lint
# apart from the other tools, which need another version of the library that it reads YAML with
ACTIONLINT := go tool -modfile=internal/tools/actionlint.mod actionlint

# What the binary may be made of. segmentio/asm is MIT-0, which the tool does not know.
LICENSES := Apache-2.0,BSD-2-Clause,BSD-3-Clause,ISC,MIT

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/hookline, and bin/hookline-engine, which 'hookline local' runs
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN) .
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $(BIN)-engine ./compose/local/engine/hookline-engine

.PHONY: lab
lab: build ## build bin/lab: benchmarks and chaos, a module of its own
	cd lab && go build -trimpath -ldflags "-X main.version=$(VERSION)" -o ../$(LAB) .

.PHONY: run
run: build ## start everything on this machine, with demo traffic (no Docker; KAFKA=apache for Apache Kafka; ARGS="--help" for its flags)
	$(BIN) local --demo $(if $(KAFKA),--kafka=$(KAFKA)) $(ARGS)

.PHONY: up
up: ## start everything with Docker (HA=1: two or three of each; ALERT_WEBHOOK_URL=…: where alerts go)
	@HOOKLINE_VERSION=$(VERSION) HA=$(HA) ALERT_WEBHOOK_URL='$(ALERT_WEBHOOK_URL)' compose/stack.sh up

.PHONY: down
down: ## stop what 'make up' started; the data stays
	@HOOKLINE_VERSION=$(VERSION) HA=$(HA) compose/stack.sh down

.PHONY: demo
demo: build ## send 100 000 deliveries and compare every total (CRASH=1: while processes are killed)
	$(BIN) demo $(if $(CRASH),--crash) $(if $(KAFKA),--kafka=$(KAFKA)) $(ARGS)

.PHONY: chaos
chaos: lab ## kill, hang, cut, fill up and poison everything under load, then look for what was lost (FAULTS=n SEED=n KAFKA=apache OUTAGE=10m)
	$(LAB) chaos $(if $(OUTAGE),--outage=$(OUTAGE)) $(if $(FAULTS),--faults=$(FAULTS)) $(if $(SEED),--seed=$(SEED)) $(if $(KAFKA),--kafka=$(KAFKA)) $(ARGS)

ROWS ?= 5000000

.PHONY: bench-analytics
bench-analytics: lab ## what the figures cost: ROWS=100000000 sales take up to 12 GB of disk for a while (ARGS="--help" for its flags)
	$(LAB) bench-analytics --rows=$(ROWS) $(ARGS)

# By default the race detector has every process that it watches wait for a second before it ends, and the tests start
# and stop hundreds. 'go vet' is make lint's.
.PHONY: test
test: export GORACE := atexit_sleep_ms=20 $(GORACE)
test: ## all tests, race detector on
	go test -race -vet=off -timeout 20m ./...
	go test -race -vet=off -timeout 10m -tags synctests ./processor/sim
	go test -vet=off -count=1 -run Allocations ./ingest/signature # skipped above: pools do not hold under the race detector

.PHONY: check
check: lint ## what every commit passes, in under two minutes: lint, tidy modules, generated files, short tests
	go test -short -vet=off ./schemas/... ./ingest/signature/... ./internal/... ./processor/mapping/... ./dashboards .

.PHONY: tidy
tidy: ## see that go.mod and go.sum are tidy
	go mod tidy -diff
	cd lab && go mod tidy -diff

.PHONY: checks
checks: ## vendors' own libraries against our signatures; what is shipped, read by what will read it: Docker compose, Kubernetes, Prometheus, HAProxy
	cd lab && go test -timeout 10m ./...
	cd lab/checks && go mod tidy -diff && go test -timeout 10m $(if $(SKIP),-skip '$(SKIP)') ./...

.PHONY: sim
sim: ## the processor in virtual time: SEEDS=2000 schedules of crashes and faults (SEED=s: that one, TIMES=50 times; LOG=1)
	go test -count=1 -timeout 30m -tags synctests -v -run 'TestSim$$' ./processor/sim -args \
		-seeds=$(or $(SEEDS),$(if $(SEED),1,2000)) -seed=$(or $(SEED),1) -times=$(or $(TIMES),$(if $(SEED),$(if $(SEEDS),1,50),1)) $(if $(LOG),-log)

.PHONY: test-kafka
test-kafka: build ## the broker suites on Apache Kafka, three nodes (needs Java 17+ and Maven; fetches 43 MB once)
	@$(BIN) apache-kafka --fetch
	HOOKLINE_TEST_KAFKA=apache go test -count=1 -p 1 -timeout 20m \
		$$(grep -rlE --include='*_test.go' --exclude-dir=broker --exclude-dir=preview 'testkit\.(Broker|OnApache)\(' . | xargs -n1 dirname | sort -u)
	cd lab/checks && HOOKLINE_TEST_KAFKA=apache go test -count=1 -timeout 10m -run 'Kafka|Compose|Losing' ./...

.PHONY: test-cluster
test-cluster: ## setup, redeliveries, reprocess and audit on three ClickHouse shards
	go test -count=1 -timeout 20m -tags cluster -run '^TestCluster$$' -v ./processor

.PHONY: bench
bench: lab ## measure ingest, processor and the whole path next to their floors (8 minutes on a quiet machine; ARGS=--quick for 2)
	$(LAB) bench $(ARGS)

.PHONY: bench-compare
bench-compare: ## compare this tree with another revision, in alternation (BASE=main; WHOLE=1 to measure whole processes, too)
	lab/bench/compare.sh $(BASE)

.PHONY: screenshots
screenshots: ## take the pictures of the boards in docs/img again (needs chromium and prometheus; takes ten minutes)
	go test ./dashboards/preview -run TestPictures -count=1 -timeout 20m -args -pictures $(CURDIR)/docs/img

.PHONY: lint
lint: tidy ## vet and lint, workflows, module files and boards too
	go vet ./...
	go test -vet=off ./dashboards/lint
	$(LINT) run
	cd lab && go vet ./...
	$(ACTIONLINT)

.PHONY: generate
generate: build ## write the dashboards and the other generated files
	$(BIN) dashboards generate
	go generate ./...

PLATFORMS := linux/amd64 linux/arm64 darwin/arm64

.PHONY: release
release: ## build what a release has into dist/: archives, SBOMs, checksums; publishes nothing
	compose/release.sh $(VERSION) "$(PLATFORMS)"

IMAGE := ghcr.io/hookline-io/hookline:$(VERSION)

.PHONY: image
image: ## build the image for two platforms, with SBOM and provenance (needs docker buildx; PUSH=1 publishes it)
	docker buildx build -f compose/Dockerfile --platform linux/amd64,linux/arm64 --sbom=true --provenance=mode=max \
		--build-arg VERSION=$(VERSION) --tag $(IMAGE) $(if $(PUSH),--push) .

.PHONY: licenses
licenses: ## see that everything in the binary has a licence that goes with ours
	$(TOOL) go-licenses check . --allowed_licenses=$(LICENSES) --ignore=github.com/segmentio/asm

.PHONY: vulncheck
vulncheck: ## look for known vulnerabilities in what the binary calls (asks vuln.go.dev)
	@$(TOOL) govulncheck ./...; status=$$?; \
	if [ $$status -ne 0 ] && [ $$status -ne 3 ]; then \
		echo "vulncheck: nothing was checked: the database could not be read (GOVULNDB=file:///path names a copy)" >&2; \
	fi; exit $$status
