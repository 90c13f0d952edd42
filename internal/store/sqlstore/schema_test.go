package sqlstore_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/keywright/keywright/internal/store/pgtest"
)

// TestSameTables: both engines have the same tables, columns and indexes, and are at the same version.
func TestSameTables(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	openPostgres(t, url)
	pg, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close()
	lite := newBench(t, 0).db()
	for _, q := range []struct{ what, lite, pg string }{
		{"version", "SELECT MAX(version_id) FROM goose_db_version", "SELECT MAX(version_id) FROM goose_db_version"},
		// A primary key is not null, whatever SQLite says of it.
		{"columns", `SELECT m.name || '.' || c.name || ' ' ||
				CASE c.type WHEN 'INTEGER' THEN 'bigint' WHEN 'BLOB' THEN 'bytea' WHEN 'TEXT' THEN 'text C' ELSE c.type END ||
				CASE WHEN c."notnull" = 1 OR c.pk > 0 THEN ' NOT NULL' ELSE '' END
			FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) c
			WHERE m.type = 'table' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite%' ORDER BY 1`,
			`SELECT table_name || '.' || column_name || ' ' || data_type || COALESCE(' ' || collation_name, '') ||
				CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
			FROM information_schema.columns
			WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%'
			AND NOT (table_name IN ('writes', 'nodes') OR table_name = 'head' AND column_name = 'writes') -- of several nodes
			ORDER BY (table_name || '.' || column_name || ' ' || data_type) COLLATE "C"`},
		{"indexes", `SELECT m.tbl_name || '.' || m.name || ': ' || (SELECT GROUP_CONCAT(c.name, ', ') FROM pragma_index_info(m.name) c) ||
				CASE WHEN m.sql LIKE '% WHERE %' THEN ' in part' ELSE '' END
			FROM sqlite_schema m WHERE m.type = 'index' AND m.sql IS NOT NULL ORDER BY 1`,
			`SELECT t.relname || '.' || i.relname || ': ' || (SELECT STRING_AGG(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = i.oid) ||
				CASE WHEN x.indpred IS NULL THEN '' ELSE ' in part' END
			FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
			WHERE n.nspname = 'public' AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.oid)
			ORDER BY (t.relname || '.' || i.relname) COLLATE "C"`},
	} {
		want, got := strings.Join(all(t, lite, q.lite), "\n"), strings.Join(all(t, pg, q.pg), "\n")
		if diff := cmp.Diff(want, got); diff != "" || want == "" {
			t.Errorf("%s of SQLite (-) and PostgreSQL (+): every migration of the one needs its like in the other\n%s", q.what, diff)
		}
	}
}

func all(t *testing.T, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
