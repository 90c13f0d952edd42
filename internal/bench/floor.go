package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// serveFloor is the process that ours is compared with: handlers that do no more
// than net/http makes everybody do (POST /bare?n=), or that and one signature
// (POST /sign?n=), or that without any body (GET /head). n is how many bytes to answer.
func serveFloor(listen string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key},
		(&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", "floor"))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /bare/{n}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, nil)
	})
	mux.HandleFunc("GET /head/{n}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /sign/{n}", func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		signed, err := jwt.Signed(signer).Claims(jwt.Claims{
			Issuer: "http://127.0.0.1:8080", Subject: "0199a1b2-0000-7000-8000-000000000000", ID: "0123456789abcdef0123",
			Audience: jwt.Audience{"http://127.0.0.1:8080"}, IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(5 * time.Minute)),
		}).Serialize()
		if err != nil {
			http.Error(w, "sign", http.StatusInternalServerError)
			return
		}
		answer(w, r, []byte(signed))
	})
	fmt.Fprintln(os.Stderr, "floor listens on", listen)
	return (&http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 5 * time.Second}).ListenAndServe()
}

var bodies = sync.Pool{New: func() any { b := make([]byte, 4096); return &b }}

// answer reads the whole body and writes n bytes, begin first.
func answer(w http.ResponseWriter, r *http.Request, begin []byte) {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n > 4096 {
		http.Error(w, "n", http.StatusBadRequest)
		return
	}
	buffer := bodies.Get().(*[]byte)
	defer bodies.Put(buffer)
	for {
		if _, err := r.Body.Read(*buffer); err == io.EOF {
			break
		} else if err != nil {
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(max(n, len(begin))))
	w.Write(begin)
	if rest := n - len(begin); rest > 0 {
		w.Write((*buffer)[:rest])
	}
}
