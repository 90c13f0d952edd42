// Package catalogue holds the catalogues that come with Keywright: of each API whose clients can speak to it, the audiences
// and the scopes. They are data (data/*.json, each a keywright.Catalogue); an account adopts them.
package catalogue

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"

	"github.com/keywright/keywright"
)

//go:embed data/*.json
var data embed.FS

// All returns every catalogue, by name.
func All() ([]keywright.Catalogue, error) {
	files, err := fs.Glob(data, "data/*.json")
	if err != nil {
		return nil, err
	}
	all := make([]keywright.Catalogue, len(files))
	for i, file := range files {
		if all[i], err = read(file); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Find returns the catalogue of that name; without one it is keywright.ErrNotFound.
func Find(name string) (keywright.Catalogue, error) {
	all, err := All()
	if err != nil {
		return keywright.Catalogue{}, err
	}
	for _, c := range all {
		if c.Name == name {
			return c, nil
		}
	}
	return keywright.Catalogue{}, fmt.Errorf("catalogue %w", keywright.ErrNotFound)
}

func read(file string) (c keywright.Catalogue, err error) {
	text, err := data.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, fmt.Errorf("catalogue: %s: %w", file, err)
	}
	return c, nil
}
