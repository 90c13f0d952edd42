//go:build !unix

package pgtest

import (
	"os"
	"syscall"
)

const (
	crash = syscall.SIGKILL
	fast  = syscall.SIGKILL
)

var _ os.Signal = crash

func unprivileged() *syscall.SysProcAttr { return nil }
func apart() *syscall.SysProcAttr        { return nil }
