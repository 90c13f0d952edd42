package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
)

// savedContexts is the file contexts.json: the instances a person works with.
type savedContexts struct {
	Current  string                  `json:"current"`
	Contexts map[string]savedContext `json:"contexts"`
}

// savedContext is one instance and who the person is there. Session is a secret.
type savedContext struct {
	URL       string    `json:"url"`
	Username  string    `json:"username"`
	Session   string    `json:"session,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

func (h *host) contextsPath() (string, error) {
	if h.ConfigDir == "" {
		return "", errors.New("there is no directory for settings: set HOME or XDG_CONFIG_HOME")
	}
	return filepath.Join(h.ConfigDir, "contexts.json"), nil
}

// loadContexts reads the file; without one there are no contexts.
func (h *host) loadContexts() (savedContexts, error) {
	saved := savedContexts{Contexts: map[string]savedContext{}}
	path, err := h.contextsPath()
	if err != nil {
		return saved, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return saved, nil
	}
	if err != nil {
		return saved, err
	}
	defer f.Close()
	if err := onlyOwner(f); err != nil {
		return saved, err
	}
	if err := json.NewDecoder(f).Decode(&saved); err != nil {
		return saved, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	return saved, nil
}

// onlyOwner refuses a file that somebody else on the machine can read or write:
// it holds sessions. Windows has no such bits.
func onlyOwner(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s holds sessions and others on this machine can get at it (mode %04o): chmod 600 %[1]s",
			f.Name(), info.Mode().Perm())
	}
	return nil
}

// changeContexts applies change to the file, under a lock, so that two logins at
// once do not lose one of them.
func (h *host) changeContexts(change func(*savedContexts) error) error {
	path, err := h.contextsPath()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	defer lock.Unlock()
	saved, err := h.loadContexts()
	if err != nil {
		return err
	}
	if err := change(&saved); err != nil {
		return err
	}
	return saved.write(path)
}

// write replaces the file as a whole; it is never there half written, nor with a looser mode.
func (s savedContexts) write(path string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".contexts-*") // made 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// pick returns the context of that name or, without one, the current.
func (s savedContexts) pick(name string) (string, savedContext, error) {
	if name == "" {
		name = s.Current
	}
	if name == "" {
		return "", savedContext{}, signInError("you are not signed in anywhere")
	}
	c, ok := s.Contexts[name]
	if !ok {
		return "", savedContext{}, usagef("there is no context %q: see keywright context list", name)
	}
	return name, c, nil
}

// instanceURL checks an address given for an instance. One with a user or password
// in it is refused: it would stand in the process list and the shell's history.
func instanceURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, usagef("the address of the server must look like https://keys.example.com")
	case u.User != nil:
		return nil, usagef("the address of the server must not hold a user or password")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, usagef("the address of the server must not have a query or fragment")
	}
	return u, nil
}

// exposed reports whether what is sent to u can be read on the way.
func exposed(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}
