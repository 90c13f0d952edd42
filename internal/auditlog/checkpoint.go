package auditlog

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Checkpoint is the state of a log at one size (C2SP tlog-checkpoint).
type Checkpoint struct {
	Origin string // the log's name
	Size   int64
	Root   Hash
}

// String is the checkpoint's text, without signature.
func (c Checkpoint) String() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

// GenerateKey makes an Ed25519 key for a log of the name: signer is secret, verifier is published. The name has
// neither spaces nor plus signs.
func GenerateKey(random io.Reader, name string) (signer, verifier string, err error) {
	return note.GenerateKey(random, name)
}

// Sign returns the checkpoint as a note signed by the key (C2SP signed-note).
func Sign(c Checkpoint, signer string) (string, error) {
	key, err := note.NewSigner(signer)
	if err != nil {
		return "", fmt.Errorf("the audit trail's key: %w", err)
	}
	c.Origin = key.Name()
	signed, err := note.Sign(&note.Note{Text: c.String()}, key)
	return string(signed), err
}

// Open reads a checkpoint that the key with this verifier has signed. Signatures of others beside it (witnesses) do
// not count.
func Open(signed, verifier string) (Checkpoint, error) {
	key, err := note.NewVerifier(strings.TrimSpace(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the verifier key cannot be read: want NAME+HASH+KEY: %w", err)
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(key))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the checkpoint is not signed by %s: %w", key.Name(), err)
	}
	c, err := parse(opened.Text)
	if err == nil && c.Origin != key.Name() {
		err = fmt.Errorf("the checkpoint is of the log %q, the key of %q", c.Origin, key.Name())
	}
	return c, err
}

var errCheckpoint = errors.New("the signed note is no checkpoint: want the lines origin, size and root hash")

// parse reads the text of a checkpoint. Lines after the third are extensions.
func parse(text string) (c Checkpoint, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] == "" {
		return c, errCheckpoint
	}
	c.Origin = lines[0]
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return c, errCheckpoint
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(c.Root) {
		return c, errCheckpoint
	}
	copy(c.Root[:], root)
	return c, nil
}
