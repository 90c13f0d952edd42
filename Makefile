# make run    the server, with its data in ./keywright-data
# make test   every check there is; on Debian, as root, it installs what they need
# make bench  the figures of docs/performance.md, measured here

.PHONY: run build test bench

run:
	go run ./cmd/keywright serve

build:
	CGO_ENABLED=0 go build -trimpath -o bin/keywright ./cmd/keywright

test:
	scripts/test

bench:
	scripts/bench
