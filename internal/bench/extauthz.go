package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// extAuthz measures Envoy's gRPC door against a handler of the same library that answers the same message without
// looking. A gRPC client takes as much of a processor as the server does, so that what counts is not how many calls get through but
// how many the server answers in a second of its own processor's time.
func extAuthz(ctx context.Context, w io.Writer, p plan) error {
	ours, floor, asked, err := prepareChecks(ctx, p)
	if err != nil {
		return err
	}
	defer ours.stop()
	defer floor.stop()
	var a, b series
	var last checkLoad
	for range p.rounds {
		f, err := checkRate(ctx, p, floor, asked)
		if err != nil {
			return err
		}
		o, err := checkRate(ctx, p, ours, asked)
		if err != nil {
			return err
		}
		a, b, last = append(a, o.rate), append(b, f.rate), o
	}
	fmt.Fprintf(w, "\n## Envoy's ext_authz, against a bare gRPC handler with the same messages\n\n")
	fmt.Fprintf(w, "Calls for each second that the server's processor was busy, 4 connections with 4 callers each.\n\n")
	fmt.Fprintf(w, "| door | calls/s | floor | ratio %% | target %% | p50 | p99 |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	fmt.Fprintf(w, "| Check, API key | %s | %s | %s | >= 85 | %s | %s |\n", a, b, ratios(a, b), last.P50, last.P99)
	return nil
}

// prepareChecks starts both servers. asked names a file with the question, and the floor answers as ours did.
func prepareChecks(ctx context.Context, p plan) (ours, floor server, asked string, err error) {
	dir, err := os.MkdirTemp(p.dir, "extauthz-")
	if err != nil {
		return ours, floor, "", err
	}
	listen, err := freePort()
	if err != nil {
		return ours, floor, "", err
	}
	if ours, err = startKeywright(ctx, dir, "--ext-authz", listen); err != nil {
		return ours, floor, "", err
	}
	key, _, _, err := makeToken(ctx, ours.url, "invoices:read")
	if err != nil {
		return ours, floor, "", err
	}
	ours.url = listen
	question := &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Id: "1", Method: "GET", Path: "/invoices/7?page=2", Host: "api.example", Scheme: "http", Protocol: "HTTP/1.1",
			Headers: map[string]string{"authorization": "Bearer " + key, "accept": "*/*", "user-agent": "bench", ":method": "GET", ":path": "/invoices/7?page=2", "x-request-id": "0123456789"},
		}},
		ContextExtensions: map[string]string{"keywright": "scope/invoices:read"},
	}}
	answer, err := check(ctx, listen, question)
	if err != nil {
		return ours, floor, "", err
	}
	asked, answered := filepath.Join(dir, "question"), filepath.Join(dir, "answer")
	if err := errors.Join(keep(asked, question), keep(answered, answer)); err != nil {
		return ours, floor, "", err
	}
	floor, err = startCheckFloor(ctx, answered)
	return ours, floor, asked, err
}

func check(ctx context.Context, address string, question *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	answer, err := authv3.NewAuthorizationClient(conn).Check(ctx, question, grpc.WaitForReady(true))
	if err == nil && answer.GetOkResponse() == nil {
		err = fmt.Errorf("the door refuses: %v", answer)
	}
	return answer, err
}

func keep(file string, m proto.Message) error {
	b, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

func startCheckFloor(ctx context.Context, answer string) (server, error) {
	self, err := os.Executable()
	if err != nil {
		return server{}, err
	}
	listen, err := freePort()
	if err != nil {
		return server{}, err
	}
	floor, err := start(ctx, pinned(ctx, "0", self, "floor-extauthz", listen, answer), listen)
	floor.url = listen
	return floor, err
}

// same answers every question with one message.
type same struct {
	authv3.UnimplementedAuthorizationServer
	answer *authv3.CheckResponse
}

// Check answers without looking.
func (s same) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return s.answer, nil
}

func serveCheckFloor(listen, answer string) error {
	b, err := os.ReadFile(answer)
	if err != nil {
		return err
	}
	s := same{answer: new(authv3.CheckResponse)}
	if err := proto.Unmarshal(b, s.answer); err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	bare := grpc.NewServer()
	authv3.RegisterAuthorizationServer(bare, s)
	return bare.Serve(l)
}

// checkLoad is what a generator of load measured.
type checkLoad struct {
	Calls    int
	P50, P99 string
	rate     float64 // calls for each second that the server was busy
}

// checkRate has one server asked by another process for a round.
func checkRate(ctx context.Context, p plan, s server, asked string) (l checkLoad, err error) {
	self, err := os.Executable()
	if err != nil {
		return l, err
	}
	before, err := busy(s.cmd.Process.Pid)
	if err != nil {
		return l, err
	}
	said, err := pinned(ctx, "1", self, "load-extauthz", s.url, asked, strconv.Itoa(p.seconds)).Output()
	if err != nil {
		return l, fmt.Errorf("load: %w: %s", err, said)
	}
	after, err := busy(s.cmd.Process.Pid)
	if err != nil {
		return l, err
	}
	err = json.Unmarshal(said, &l)
	l.rate = float64(l.Calls) / (after - before).Seconds()
	return l, err
}

// busy is how long a process has had a processor: fields 14 and 15 of its stat, in hundredths of a second.
func busy(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), ") ") // the name may have spaces
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, errors.New("/proc has no processor time")
	}
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// loadChecks asks for some seconds, and prints what came of it.
func loadChecks(address, asked, seconds string) error {
	b, err := os.ReadFile(asked)
	if err != nil {
		return err
	}
	question := new(authv3.CheckRequest)
	if err := proto.Unmarshal(b, question); err != nil {
		return err
	}
	n, err := strconv.Atoi(seconds)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(n)*time.Second)
	defer cancel()
	took, err := askOften(ctx, address, question)
	if err != nil {
		return err
	}
	slices.Sort(took)
	return json.NewEncoder(os.Stdout).Encode(checkLoad{Calls: len(took), P50: took[len(took)/2].String(), P99: took[len(took)*99/100].String()})
}

// askOften asks until ctx ends, by 16 callers on 4 connections, and returns how long each answer took.
func askOften(ctx context.Context, address string, question *authv3.CheckRequest) (took []time.Duration, failed error) {
	var mu sync.Mutex
	var callers sync.WaitGroup
	for range 4 {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		for range 4 {
			callers.Go(func() {
				own, err := askOne(ctx, authv3.NewAuthorizationClient(conn), question)
				mu.Lock()
				defer mu.Unlock()
				took, failed = append(took, own...), errors.Join(failed, err)
			})
		}
	}
	callers.Wait()
	if failed == nil && len(took) == 0 {
		failed = errors.New("no answer came")
	}
	return took, failed
}

func askOne(ctx context.Context, client authv3.AuthorizationClient, question *authv3.CheckRequest) (took []time.Duration, err error) {
	for ctx.Err() == nil {
		begun := time.Now()
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second) // as Envoy does; the last ones are waited for
		answer, err := client.Check(within, question)
		cancel()
		if err != nil || answer.GetOkResponse() == nil {
			return took, fmt.Errorf("%v, %w", answer, err)
		}
		took = append(took, time.Since(begun))
	}
	return took, nil
}
