package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/keywright/keywright"
)

// nodeCmd holds the commands about the servers of an instance.
type nodeCmd struct {
	List nodeListCmd `cmd:"" aliases:"ls" help:"List the servers that answer now, and the guards that follow them; for operators."`
}

type nodeListCmd struct {
	remote
	output
}

// Run lists nodes.
func (c *nodeListCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	got, err := client.Nodes(ctx)
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) {
		nodeTable(w, got)
		guardTable(w, got)
	})
}

func nodeTable(w io.Writer, got keywright.Nodes) {
	rows := make([][]string, len(got.Items))
	for i, n := range got.Items {
		lease, this := "-", ""
		if n.LeaseMS > 0 {
			lease = n.Lease().Round(100 * time.Millisecond).String()
		}
		if n.Self {
			this = "this one"
		}
		rows[i] = []string{
			printable(n.Name), orDash(printable(n.Version)), instant(n.StartedAt), lease, fmt.Sprint(n.Acknowledged), fmt.Sprint(n.Behind), fmt.Sprint(n.FollowerCount), this,
		}
	}
	table(w, []string{"NODE", "VERSION", "STARTED", "LEASE", "REVISION", "BEHIND", "GUARDS", ""}, rows)
}

func guardTable(w io.Writer, got keywright.Nodes) {
	var rows [][]string
	for _, n := range got.Items {
		for _, f := range n.Followers {
			rows = append(rows, []string{orDash(short(f.Label, 30)), orDash(short(f.Account, 30)), printable(n.Name), fmt.Sprint(f.Acknowledged), fmt.Sprint(f.Behind), f.Run.String()})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
		table(w, []string{"GUARD", "ACCOUNT", "FOLLOWS", "REVISION", "BEHIND", "RUN"}, rows)
	}
}
