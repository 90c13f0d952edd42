package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var static embed.FS

// files are the static files. Each is served under a name that holds its hash, so that a browser may keep it for good.
type files struct {
	names   map[string]string // as served, by the name on disk
	content map[string][]byte // by the name as served
}

func readFiles() (files, error) {
	f := files{map[string]string{}, map[string][]byte{}}
	all, err := fs.ReadDir(static, "static")
	if err != nil {
		return f, err
	}
	for _, entry := range all {
		content, err := fs.ReadFile(static, "static/"+entry.Name())
		if err != nil {
			return f, err
		}
		hash := sha256.Sum256(content)
		extension := path.Ext(entry.Name())
		served := strings.TrimSuffix(entry.Name(), extension) + "." + hex.EncodeToString(hash[:6]) + extension
		f.names[entry.Name()], f.content[served] = served, content
	}
	return f, nil
}

// asset is the URL of a static file.
func (s *site) asset(name string) string { return s.path("/static/" + s.files.names[name]) }

func (s *site) file(w http.ResponseWriter, r *http.Request) {
	content, ok := s.files.content[r.PathValue("name")]
	if !ok {
		s.nowhere(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(r.PathValue("name"))))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(content) // an error here is the client's going away
}
