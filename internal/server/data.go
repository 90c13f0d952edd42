package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"github.com/keywright/keywright/internal/keyring"
)

// The files of a data directory.
const (
	databaseFile  = "keywright.db"
	masterKeyFile = "master.key"
	lockFile      = "keywright.lock"
)

// openData makes the directory if need be, checks that nobody else may read it, and
// locks it: two processes on one database would each verify from its own memory.
func openData(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := private(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, lockFile)
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("the data directory %s is in use by process %s: stop it, or choose another directory with --data", dir, holder(path))
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the data directory: %w", err), lock.Unlock())
	}
	return lock, nil
}

func holder(path string) string {
	text, err := os.ReadFile(path)
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return pid
	}
	return "unknown"
}

// private refuses what others than the owner may read or write. Windows keeps no such bits.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		want := "600"
		if info.IsDir() {
			want = "700"
		}
		return fmt.Errorf("%s can be read by others than its owner (mode %03o): run chmod %s %s", path, mode, want, path)
	}
	return nil
}

// masterKey reads the instance's master key from where the configuration says, or
// makes one for a data directory that has no database yet. made is the file it wrote, if it did.
// known is the database that a master key belongs to already; empty: none is there.
func masterKey(cfg Config, known string) (ring *keyring.Ring, made string, err error) {
	if cfg.MasterKey.Reveal() != "" && cfg.MasterKeyFile != "" {
		return nil, "", errors.New("the master key is given twice, by value and by file: give one")
	}
	if text := cfg.MasterKey.Reveal(); text != "" {
		if ring, err = keyring.Parse(text); err != nil {
			return nil, "", fmt.Errorf("the master key that was given: %w", err)
		}
		return ring, "", nil
	}
	path := cfg.MasterKeyFile
	if path == "" {
		path = filepath.Join(cfg.Data, masterKeyFile)
		if made, err = ensureMasterKey(path, known, cfg.Random); err != nil {
			return nil, "", err
		}
	}
	ring, err = readMasterKey(path)
	return ring, made, err
}

func readMasterKey(path string) (*keyring.Ring, error) {
	if err := private(path); err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	ring, err := keyring.Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("master key file %s: %w", path, err)
	}
	return ring, nil
}

// ensureMasterKey makes the master key file unless it is there. A database whose key
// is gone is left alone: a new key would open nothing in it.
func ensureMasterKey(path, known string, random io.Reader) (made string, err error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if known != "" {
		return "", fmt.Errorf("the database %s is there but its master key file %s is not: bring it back, or give the key with --master-key-file or KEYWRIGHT_MASTER_KEY", known, path)
	}
	text, err := keyring.Generate(random)
	if err != nil {
		return "", err
	}
	if err := writeDurably(path, text); err != nil {
		return "", fmt.Errorf("master key: %w", err)
	}
	return path, nil
}

// writeDurably writes a file that is there whole, or not at all, whenever the machine stops.
func writeDurably(path, text string) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.WriteString(text)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// absolute is a path that a person can use from anywhere.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// existing is the path of a file, if it is there.
func existing(path string) (string, error) {
	_, err := os.Stat(path)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	}
	return "", err
}
