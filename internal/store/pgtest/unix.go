//go:build unix

package pgtest

import (
	"os"
	"syscall"
)

const (
	crash = syscall.SIGQUIT
	fast  = syscall.SIGINT
)

// unprivileged runs a program as somebody else than root, in a group of its own: an interrupt of the tests is not its.
func unprivileged() *syscall.SysProcAttr {
	attributes := apart()
	if os.Getuid() != 0 {
		return attributes
	}
	if uid, gid, err := nobody(); err == nil {
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return attributes
}

func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
