package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store/pgtest"
)

// cluster measures what several servers on one PostgreSQL cost: how long a revocation takes until it holds at all of them and at all
// followers.
func cluster(ctx context.Context, w io.Writer, p plan) error {
	database, err := pgtest.Run()
	if errors.Is(err, pgtest.ErrNotInstalled) {
		fmt.Fprintf(w, "\n## Several servers on one PostgreSQL\n\nPostgreSQL is not installed where this was measured.\n")
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(measureCluster(ctx, w, p, database), leases(ctx, w, p, database), coldStart(ctx, w, p, database), database.End())
}

func measureCluster(ctx context.Context, w io.Writer, p plan, database *pgtest.Server) error {
	c := &nodes{ctx: ctx, dir: filepath.Join(p.dir, "cluster"), database: database.URL("postgres")}
	defer c.stop()
	if err := c.build(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n## From revoke to return, until it holds everywhere (PostgreSQL on the same machine, leases of 3 s)\n\n")
	fmt.Fprintf(w, "Each revocation by itself, through the first server, as its client sees it. All servers and followers share this machine's processors.\n\n")
	fmt.Fprintf(w, "| servers | followers | p50 | p99 | longest |\n| --- | --- | --- | --- | --- |\n")
	revocations := 40 * p.rounds
	for n := 1; n <= 3; n++ {
		if err := c.add(); err != nil {
			return err
		}
		if err := c.report(w, strconv.Itoa(n), "0", revocations); err != nil {
			return err
		}
	}
	for _, n := range []int{1, 10, 100} {
		if err := c.followed(w, n, revocations); err != nil {
			return err
		}
	}
	if err := c.dead(w, p.rounds); err != nil {
		return err
	}
	return c.watched(w, revocations)
}

// nodes are servers on one database.
type nodes struct {
	ctx      context.Context
	dir      string
	program  string
	database string
	all      []server
	session  string
}

func (c *nodes) build() error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	c.program = filepath.Join(c.dir, "keywright")
	if out, err := exec.CommandContext(c.ctx, "go", "build", "-o", c.program, "./cmd/keywright").CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	return nil
}

func (c *nodes) stop() {
	for _, s := range c.all {
		s.stop()
	}
}

// add starts one more server and waits until it remembers.
func (c *nodes) add() error {
	listen, err := freePort()
	if err != nil {
		return err
	}
	data := filepath.Join(c.dir, strconv.Itoa(len(c.all)))
	cmd := exec.CommandContext(c.ctx, c.program, "serve", "--data", data, "--listen", listen, "--log-level", "warn")
	cmd.Env = append(os.Environ(), "KEYWRIGHT_ADMIN_PASSWORD="+adminPassword, "KEYWRIGHT_DATABASE="+c.database)
	if len(c.all) > 0 {
		cmd.Env = append(cmd.Env, "KEYWRIGHT_MASTER_KEY_FILE="+filepath.Join(c.dir, "0", "master.key"))
	}
	s, err := start(c.ctx, cmd, listen)
	if err != nil {
		return err
	}
	c.all = append(c.all, s)
	if c.session == "" {
		session, err := keywright.NewClient(s.url, "").Login(c.ctx, "admin", keywright.NewSecret(adminPassword))
		if err != nil {
			return err
		}
		c.session = session.Token.Reveal()
	}
	time.Sleep(time.Second) // it begins in a hundredth of that
	return nil
}

func (c *nodes) admin() *keywright.Client { return keywright.NewClient(c.all[0].url, c.session) }

// revoke makes a token, has every server remember it, and revokes it.
func (c *nodes) revoke() (took time.Duration, err error) {
	issued, err := c.admin().CreateToken(c.ctx, keywright.NewToken{Scopes: []string{"invoices:read"}}, "")
	if err != nil {
		return 0, err
	}
	for _, s := range c.all {
		if _, err := keywright.NewClient(s.url, issued.APIKey.Reveal()).Verify(c.ctx, keywright.VerifyRequest{}); err != nil {
			return 0, err
		}
	}
	begin := time.Now()
	_, err = c.admin().RevokeToken(c.ctx, issued.Token.ID, "")
	return time.Since(begin), err
}

func (c *nodes) report(w io.Writer, servers, followers string, revocations int) error {
	took := make([]time.Duration, 0, revocations)
	for range revocations {
		one, err := c.revoke()
		if err != nil {
			return err
		}
		took = append(took, one)
	}
	slices.Sort(took)
	fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", servers, followers, quantile(took, 0.5).Round(10*time.Microsecond),
		quantile(took, 0.99).Round(10*time.Microsecond), took[len(took)-1].Round(10*time.Microsecond))
	return nil
}

// followed measures with followers, who poll the servers in turn.
func (c *nodes) followed(w io.Writer, n, revocations int) error {
	verifier, err := c.admin().CreateToken(c.ctx, keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}}, "")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(c.ctx)
	defer stop()
	var polls, first sync.WaitGroup
	for i := range n {
		id, err := newID()
		if err != nil {
			return err
		}
		follower := keywright.NewClient(c.all[i%len(c.all)].url, verifier.APIKey.Reveal())
		first.Add(1)
		polls.Go(func() { poll(ctx, follower, keywright.ChangesQuery{Follower: id}, first.Done) })
	}
	first.Wait()
	err = c.report(w, strconv.Itoa(len(c.all)), strconv.Itoa(n), revocations)
	stop()
	polls.Wait()
	time.Sleep(3 * time.Second) // their leases
	return err
}

// poll follows until ctx ends. begun is called once, when the first answer is there or nothing will come.
func poll(ctx context.Context, c *keywright.Client, q keywright.ChangesQuery, begun func()) {
	once := sync.OnceFunc(begun)
	defer once()
	for ctx.Err() == nil {
		news, err := c.Changes(ctx, q, nil)
		if err != nil {
			continue
		}
		q.Since = news.Revision
		once()
	}
}

// dead measures the first revocation after one of three servers has died.
func (c *nodes) dead(w io.Writer, rounds int) error {
	var took []time.Duration
	for range rounds {
		last := len(c.all) - 1
		_ = c.all[last].cmd.Process.Signal(syscall.SIGKILL)
		_ = c.all[last].cmd.Wait()
		c.all = c.all[:last]
		one, err := c.revoke()
		if err != nil {
			return err
		}
		took = append(took, one)
		if err := c.add(); err != nil {
			return err
		}
	}
	slices.Sort(took)
	fmt.Fprintf(w, "| 3, of which one died the moment before | 0 | %s | | %s |\n",
		quantile(took, 0.5).Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	return nil
}

// watched measures when a token was accepted last, by clients that ask every server about it without a pause while it is revoked.
func (c *nodes) watched(w io.Writer, revocations int) error {
	verifier, err := c.admin().CreateToken(c.ctx, keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}}, "")
	if err != nil {
		return err
	}
	var returned, accepted []time.Duration
	late := 0
	for range revocations {
		took, last, err := c.lastAccepted(verifier.APIKey.Reveal())
		if err != nil {
			return err
		}
		if returned, accepted = append(returned, took), append(accepted, last); last > took {
			late++
		}
	}
	slices.Sort(returned)
	slices.Sort(accepted)
	fmt.Fprintf(w, "\nAnd when a token was accepted last, counted from when its revocation was asked for, by clients that ask all %d servers about it without a pause:\n\n", len(c.all))
	fmt.Fprintf(w, "| revocations | returned after, p50 | p99 | asked and accepted last after, p50 | p99 | asked after the return, and accepted |\n| --- | --- | --- | --- | --- | --- |\n")
	fmt.Fprintf(w, "| %d | %s | %s | %s | %s | %d |\n", revocations, quantile(returned, 0.5).Round(10*time.Microsecond), quantile(returned, 0.99).Round(10*time.Microsecond),
		quantile(accepted, 0.5).Round(10*time.Microsecond), quantile(accepted, 0.99).Round(10*time.Microsecond), late)
	return nil
}

// lastAccepted revokes a token and returns after how long that returned, and after how long the last question was asked that was
// answered with yes.
func (c *nodes) lastAccepted(verifier string) (took, last time.Duration, err error) {
	issued, err := c.admin().CreateToken(c.ctx, keywright.NewToken{Scopes: []string{"invoices:read"}}, "")
	if err != nil {
		return 0, 0, err
	}
	var watching, warm sync.WaitGroup
	ends := make([]time.Time, len(c.all)) // when each was asked last, and said yes
	failures := make([]error, len(c.all))
	for i, s := range c.all {
		warm.Add(1)
		watching.Go(func() {
			client, begun := keywright.NewClient(s.url, verifier), sync.OnceFunc(warm.Done)
			defer begun()
			for {
				asked := time.Now()
				v, err := client.Verify(c.ctx, keywright.VerifyRequest{Token: issued.APIKey.Reveal()})
				if err != nil || !v.Valid {
					failures[i] = err
					return
				}
				ends[i] = asked
				begun()
			}
		})
	}
	warm.Wait()
	begin := time.Now()
	_, err = c.admin().RevokeToken(c.ctx, issued.Token.ID, "")
	took = time.Since(begin)
	watching.Wait()
	return took, max(0, slices.MaxFunc(ends, time.Time.Compare).Sub(begin)), errors.Join(append(failures, err)...)
}
