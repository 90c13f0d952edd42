# make run    the server, with its data in ./keywright-data
# make test   every check there is; on Debian, as root, it installs what they need
# make prove  the long runs of what make test proves in a short form: an hour and more
# make bench  the figures of docs/performance.md, measured here
# make pictures  those of docs/console.md, and how Lighthouse scores the console here

.PHONY: run build test prove bench pictures

run:
	go run ./cmd/keywright serve

build:
	CGO_ENABLED=0 go build -trimpath -o bin/keywright ./cmd/keywright

test:
	scripts/test

prove:
	scripts/need spin=spin cc=gcc,libc6-dev
	docs/model/check.sh
	KEYWRIGHT_PROVE_CLUSTER=10m KEYWRIGHT_PROVE_REPORT=$(CURDIR)/docs/proof.md go test -count=1 -timeout 3h -run TestProof -v ./internal/clustertest
	KEYWRIGHT_PROVE_PAIRS=1000000 go test -count=1 -timeout 4h -run TestAuthorityNeverWidens -v ./internal/authority

bench:
	scripts/bench

pictures:
	scripts/need chromium=chromium node=nodejs npm=npm
	npm ci --prefix internal/console/browser/testdata/npm --ignore-scripts --no-audit --no-fund --silent
	KEYWRIGHT_CONSOLE_DOCS=$(CURDIR)/docs go test -count=1 -timeout 30m -run 'TestLighthouse|TestPictures' -v ./internal/console/browser
