package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// migrate brings the tables up to date, by the migrations in a folder. A database of a newer program is refused; name
// is what to call it.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, folder, name string, log *slog.Logger) error {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true), goose.WithSlog(log))
	if err != nil {
		return fmt.Errorf("read the database's migrations: %w", err)
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the database %s: %w", name, err)
	}
	if have > want {
		return fmt.Errorf("the database %s was made by a newer keywright (its tables are version %d, this program knows %d): run that one, or restore a backup", name, have, want)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring the database %s up to date: %w", name, err)
	}
	return nil
}
