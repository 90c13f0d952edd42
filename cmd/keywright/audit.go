package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/auditlog"
	"github.com/keywright/keywright/internal/server"
)

// auditCmd holds the commands of the audit trail as evidence.
type auditCmd struct {
	List       eventsCmd          `cmd:"" aliases:"ls" help:"List events, newest first."`
	Export     auditExportCmd     `cmd:"" help:"Write events out, oldest first, as JSON Lines or CSV."`
	Checkpoint auditCheckpointCmd `cmd:"" help:"Print the signed state of the log, to be kept elsewhere."`
	Key        auditKeyCmd        `cmd:"" help:"Print the key that verifies checkpoints, to be kept elsewhere."`
	Verify     auditVerifyCmd     `cmd:"" help:"Find the first event that was changed, dropped, inserted or swapped."`
}

type auditExportCmd struct {
	remote
	eventFilter
	Format string `enum:"jsonl,csv" default:"jsonl" help:"jsonl, which can be verified, or csv, for spreadsheets."`
}

// Help says which export can be verified.
func (auditExportCmd) Help() string {
	return "With --all-accounts alone it is the whole log: keywright audit verify then finds also what is missing. Any other export is a " +
		"selection, whose events each come with a proof that the log holds them."
}

// Run streams the export to standard output.
func (c *auditExportCmd) Run(ctx context.Context, h *host) error {
	filter, err := c.filter(h)
	if err != nil {
		return err
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(h.Stdout)
	return errors.Join(client.ExportEvents(ctx, filter, c.Format, out), out.Flush())
}

type auditCheckpointCmd struct {
	remote
	Size int64 `placeholder:"N" help:"Of the log when it had N events (default: now)."`
}

// Run prints a signed note as it is.
func (c *auditCheckpointCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	signed, err := client.Checkpoint(ctx, c.Size)
	if err != nil {
		return err
	}
	_, err = io.WriteString(h.Stdout, signed)
	return err
}

type auditKeyCmd struct {
	remote
	output
}

// Run prints the verifier key.
func (c *auditKeyCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	key, err := client.AuditKey(ctx)
	if err != nil {
		return err
	}
	return c.print(h, key, func(w io.Writer) { fmt.Fprintln(w, key.Verifier) })
}

type auditVerifyCmd struct {
	remote
	output
	Export     string   `arg:"" optional:"" placeholder:"EXPORT" help:"What keywright audit export wrote; - is standard input."`
	Data       string   `placeholder:"DIR" help:"Verify the database in this data directory, offline; the server may be running."`
	Database   string   `placeholder:"URL" help:"Likewise with a PostgreSQL database; '-' takes KEYWRIGHT_DATABASE."`
	Checkpoint []string `placeholder:"FILE" sep:"none" help:"A checkpoint that was kept elsewhere; repeat for more."`
	Key        string   `placeholder:"KEY" help:"The verifier key that was kept elsewhere (default: what the instance or the database says, which proves less)."`
}

// Help says what can be verified.
func (auditVerifyCmd) Help() string {
	return "An export is verified by itself, --data and --database a database, without a server. With --checkpoint alone the server is asked to prove that its " +
		"log begins with the one that was kept. The exit code is 0 if all is as it was written and 1 if it is not."
}

// verified is what a verification found.
type verified struct {
	OK        bool   `json:"ok"`
	Events    int64  `json:"events"`
	Selection bool   `json:"selection"`         // some events of a log, not all
	Signed    bool   `json:"signed"`            // the signature of the newest checkpoint was checked
	Root      string `json:"root,omitempty"`    // of the whole log
	HeldBy    int64  `json:"checkpoint"`        // size of the newest checkpoint that holds them; 0: none
	Ignored   int    `json:"not_compared"`      // checkpoints from which nothing was learnt
	Fault     string `json:"fault,omitempty"`   // what was done
	First     int64  `json:"first,omitempty"`   // the first bad event
	Last      int64  `json:"last,omitempty"`    // it is one of First to Last
	Message   string `json:"message,omitempty"` // for people
}

// Run verifies what the flags name.
func (c *auditVerifyCmd) Run(ctx context.Context, h *host) error {
	kept, err := c.checkpoints()
	if err != nil {
		return err
	}
	var report auditlog.Report
	switch {
	case c.Data != "" && c.Export != "" || c.Database != "" && (c.Data != "" || c.Export != ""):
		return usagef("give one of an export, --data and --database")
	case c.Database != "":
		report, err = c.database(ctx, kept)
	case c.Data != "":
		report, err = server.VerifyTrail(ctx, c.Data, c.Key, kept)
	case c.Export != "":
		report, err = c.export(h, kept)
	case len(kept) > 0:
		report, err = c.remotely(ctx, h, kept)
	default:
		return usagef("give an export, --data, --database, or --checkpoint")
	}
	return c.tell(h, report, err)
}

func (c *auditVerifyCmd) database(ctx context.Context, kept []string) (auditlog.Report, error) {
	given := c.Database
	if given == "-" {
		given = os.Getenv(databaseVariable)
	}
	url, err := databaseURL("--database", given)
	if err != nil {
		return auditlog.Report{}, err
	}
	return server.VerifyPostgresTrail(ctx, url, c.Key, kept)
}

func (c *auditVerifyCmd) checkpoints() ([]string, error) {
	kept := make([]string, len(c.Checkpoint))
	for i, path := range c.Checkpoint {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, usagef("%s", err)
		}
		kept[i] = string(text)
	}
	return kept, nil
}

func (c *auditVerifyCmd) export(h *host, notes []string) (auditlog.Report, error) {
	if len(notes) > 0 && c.Key == "" {
		return auditlog.Report{}, usagef("--checkpoint needs --key, which tells whether it is genuine")
	}
	kept, err := openAll(notes, c.Key)
	if err != nil {
		return auditlog.Report{}, err
	}
	file, _, err := h.open(c.Export)
	if err != nil {
		return auditlog.Report{}, err
	}
	defer file.Close()
	return auditlog.VerifyExport(file, c.Key, kept...)
}

func openAll(notes []string, key string) ([]auditlog.Checkpoint, error) {
	kept := make([]auditlog.Checkpoint, len(notes))
	for i, signed := range notes {
		var err error
		if kept[i], err = auditlog.Open(signed, key); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// remotely has the server prove that its log begins with those that were kept.
func (c *auditVerifyCmd) remotely(ctx context.Context, h *host, notes []string) (report auditlog.Report, err error) {
	client, err := c.dial(h)
	if err != nil {
		return report, err
	}
	key := c.Key
	if key == "" {
		answer, err := client.AuditKey(ctx)
		if err != nil {
			return report, err
		}
		key = answer.Verifier
	}
	kept, err := openAll(notes, key)
	if err != nil {
		return report, err
	}
	signed, err := client.Checkpoint(ctx, 0)
	if err != nil {
		return report, err
	}
	now, err := auditlog.Open(signed, key)
	if err != nil {
		return report, err
	}
	report = auditlog.Report{Events: now.Size, Root: now.Root, Held: []auditlog.Checkpoint{now}, Signed: true}
	for _, was := range kept {
		if err := consistent(ctx, client, was, now); err != nil {
			return report, err
		}
	}
	return report, nil
}

func consistent(ctx context.Context, client *keywright.Client, was, now auditlog.Checkpoint) error {
	if was.Size > now.Size {
		return auditlog.Truncated(now.Size, was)
	}
	proof, err := client.ProveConsistency(ctx, was.Size, now.Size)
	if err != nil {
		return err
	}
	hashes, err := auditlog.Hashes(proof.Proof)
	if err == nil {
		err = auditlog.CheckConsistency(hashes, was, now)
	}
	if err != nil {
		return &auditlog.Fault{Kind: auditlog.Rehashed, First: 1, Last: was.Size,
			Why: fmt.Sprintf("the server's log does not begin with the %d events of the checkpoint that was kept", was.Size)}
	}
	return nil
}

// tell prints what was found. A fault is an answer, not a failure to give one.
func (c *auditVerifyCmd) tell(h *host, r auditlog.Report, err error) error {
	fault, bad := errors.AsType[*auditlog.Fault](err)
	if err != nil && !bad {
		return err
	}
	v := verified{OK: !bad, Events: r.Events, Selection: r.Selection, Signed: r.Signed, Ignored: len(r.Later)}
	if len(r.Held) > 0 {
		v.HeldBy = r.Held[len(r.Held)-1].Size
	}
	if bad {
		v.Fault, v.First, v.Last, v.Message = string(fault.Kind), fault.First, fault.Last, fault.Error()
	} else if !r.Selection {
		v.Root = r.Root.String()
	}
	if err := c.print(h, v, func(w io.Writer) { showVerified(w, v) }); err != nil {
		return err
	}
	return verdictCode(v.OK)
}

func showVerified(w io.Writer, v verified) {
	if !v.OK {
		fmt.Fprintln(w, "NOT as it was written:", printable(v.Message))
		return
	}
	switch {
	case v.Selection:
		fmt.Fprintf(w, "as they were written: %d events, each in the log of the checkpoint of %d; whether any is left out cannot be told\n", v.Events, v.HeldBy)
	default:
		fmt.Fprintf(w, "as it was written: all %d events, %d of them under a checkpoint\n", v.Events, v.HeldBy)
	}
	if v.Ignored > 0 {
		fmt.Fprintf(w, "not compared: %d checkpoints of another size\n", v.Ignored)
	}
	if !v.Signed {
		fmt.Fprintln(w, "Who made the checkpoint was not checked: give --key.")
	}
}
