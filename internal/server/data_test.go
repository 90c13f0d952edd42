package server

// The data directory is its owner's alone and one process's alone; its master key is
// made once, whole, and never over a database that has another.

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/keyring"
)

func TestDataDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	lock, err := openData(dir)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, lockFile): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	_, err = openData(dir)
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second one: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := openData(dir)
	if err != nil {
		t.Fatalf("after the first has gone: %v", err)
	}
	_ = again.Close()
}

func TestDataDirectoryOfOthers(t *testing.T) {
	t.Parallel()
	for _, mode := range []os.FileMode{0o750, 0o705, 0o770, 0o777, 0o711} {
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := openData(dir); err == nil || !strings.Contains(err.Error(), "chmod 700") {
			t.Errorf("%o: %v", mode, err)
		}
	}
}

func TestMasterKey(t *testing.T) {
	t.Parallel()
	text, err := keyring.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, mode os.FileMode) func(string) string {
		return func(dir string) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(text), mode); err != nil {
				t.Fatal(err)
			}
			return path
		}
	}
	for name, tt := range map[string]struct {
		given  string
		files  []func(string) string // the last is --master-key-file, if byFile
		byFile bool
		made   bool
		err    string
	}{
		"first start":                 {made: true},
		"later start":                 {files: []func(string) string{write(masterKeyFile, 0o600), write(databaseFile, 0o600)}},
		"key but no database yet":     {files: []func(string) string{write(masterKeyFile, 0o600)}},
		"database without its key":    {files: []func(string) string{write(databaseFile, 0o600)}, err: "bring it back"},
		"by value":                    {given: text},
		"by value, beside a database": {given: text, files: []func(string) string{write(databaseFile, 0o600)}},
		"by value, malformed":         {given: "secret-nonsense", err: "master key"},
		"by file":                     {files: []func(string) string{write("elsewhere", 0o400)}, byFile: true},
		"by file, for others":         {files: []func(string) string{write("elsewhere", 0o640)}, byFile: true, err: "chmod 600"},
		"by value and by file":        {given: text, files: []func(string) string{write("elsewhere", 0o600)}, byFile: true, err: "twice"},
		"readable by others":          {files: []func(string) string{write(masterKeyFile, 0o644)}, err: "chmod 600"},
	} {
		cfg := Config{Data: t.TempDir(), MasterKey: keywright.NewSecret(tt.given), Random: rand.Reader}
		for _, file := range tt.files {
			path := file(cfg.Data)
			if tt.byFile {
				cfg.MasterKeyFile = path
			}
		}
		known, err := existing(filepath.Join(cfg.Data, databaseFile))
		if err != nil {
			t.Fatal(err)
		}
		ring, made, err := masterKey(cfg, known)
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "nonsense") {
				t.Errorf("%s: %v, want %q", name, err, tt.err)
			}
		case err != nil || len(ring.IDs()) != 1 || (made != "") != tt.made:
			t.Errorf("%s: %v, %q", name, err, made)
		case tt.made:
			if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v %v", name, info.Mode(), err)
			}
		}
	}
}

// A named file that is not there is a mistake, not a wish for a new key.
func TestMasterKeyFileMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, _, err := masterKey(Config{Data: dir, MasterKeyFile: filepath.Join(dir, "none"), Random: rand.Reader}, ""); err == nil {
		t.Error("made up a key")
	}
}
