package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/keywright/keywright"
)

func newID() (keywright.ID, error) { return keywright.NewID(time.Now(), rand.Reader) }

// growth measures verification as tokens pile up, and what remembering them takes.
func growth(ctx context.Context, w io.Writer, p plan) error {
	fmt.Fprintf(w, "\n## Verification as tokens pile up\n\n")
	fmt.Fprintf(w, "In process; cold reads the database, warm reads memory. Memory is the growth of the live heap.\n\n")
	fmt.Fprintf(w, "| tokens on file | warm p50 | warm p99 | cold p50 | cold p99 | bytes a remembered token |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, size := range p.sizes {
		if err := grown(ctx, w, p, size); err != nil {
			return err
		}
	}
	return nil
}

func grown(ctx context.Context, w io.Writer, p plan, size int) error {
	in, err := open(ctx, filepath.Join(p.dir, fmt.Sprintf("growth-%d.db", size)), 200_000)
	if err != nil {
		return err
	}
	defer in.store.Close()
	sample, err := fill(ctx, in, size, min(size, 100_000))
	if err != nil {
		return err
	}
	before := liveHeap()
	cold, err := verifyAll(ctx, in, sample)
	if err != nil {
		return err
	}
	remembered := liveHeap() - before
	picks := make([]keywright.Credential, 50_000)
	for i := range picks {
		picks[i] = sample[mathrand.IntN(len(sample))]
	}
	warm, err := verifyAll(ctx, in, picks)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "| %d | %s | %s | %s | %s | %d |\n", size, quantile(warm, 0.5), quantile(warm, 0.99),
		quantile(cold, 0.5), quantile(cold, 0.99), max(0, remembered)/int64(len(sample)))
	return nil
}

// fill issues size tokens and returns some of their credentials, evenly spread and shuffled.
func fill(ctx context.Context, in *instance, size, sampled int) ([]keywright.Credential, error) {
	var sample []keywright.Credential
	batch := make([]keywright.NewToken, min(1000, size))
	for i := range batch {
		batch[i] = keywright.NewToken{Label: "growth", Scopes: []string{"invoices:read"}}
	}
	every := max(1, size/sampled)
	for done := 0; done < size; done += len(batch) {
		issued, err := in.IssueBatch(ctx, in.caller, batch, "")
		if err != nil {
			return nil, err
		}
		for i := 0; i < len(issued); i += every {
			credential, err := in.ParseCredential(issued[i].APIKey.Reveal())
			if err != nil {
				return nil, err
			}
			sample = append(sample, credential)
		}
	}
	mathrand.Shuffle(len(sample), func(i, j int) { sample[i], sample[j] = sample[j], sample[i] })
	return sample, nil
}

func verifyAll(ctx context.Context, in *instance, list []keywright.Credential) ([]time.Duration, error) {
	scopes, err := keywright.ParseScopes("invoices:read")
	if err != nil {
		return nil, err
	}
	took := make([]time.Duration, 0, len(list))
	for _, c := range list {
		begin := time.Now()
		v, err := in.Verify(ctx, c, keywright.Access{Scopes: scopes})
		took = append(took, time.Since(begin))
		if err == nil && !v.Allowed() {
			err = errors.New("refused: " + v.Decision.Reason.String())
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(took)
	return took, nil
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
