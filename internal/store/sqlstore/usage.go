package sqlstore

import (
	"context"
	"fmt"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// AddUsage adds counts up and moves last uses forward, once for each batch.
func (s *Store) AddUsage(ctx context.Context, batch store.UsageBatch) error {
	_, err := s.writer.write(ctx, func(t *tx) error {
		fresh, err := t.exec(ctx, `INSERT INTO usage_batches (writer, number, at) VALUES ($1, $2, $3)
			ON CONFLICT (writer) DO UPDATE SET number = excluded.number, at = excluded.at WHERE usage_batches.number < excluded.number`,
			batch.Writer, batch.Number, batch.At)
		if err != nil || fresh == 0 {
			return err
		}
		sums := usageSums{}
		for i := range batch.Uses {
			if err := t.addUsage(ctx, &batch.Uses[i], sums); err != nil {
				return fmt.Errorf("keep usage: %w", err)
			}
		}
		return sums.add(ctx, t)
	})
	return err
}

// addUsage begins with the token: where there is none, it is gone.
func (t *tx) addUsage(ctx context.Context, u *store.Usage, sums usageSums) error {
	known, at := false, usagePlace{}
	err := t.each(ctx, func(r *row) { known, at = true, usagePlace{r.text(), r.text(), r.int()} },
		"SELECT account, space, kind FROM tokens WHERE id = $1", u.Token)
	if err == nil && known {
		err = t.addUses(ctx, u)
	}
	if err != nil || !known {
		return err
	}
	for _, c := range u.Counts {
		sums.note(at, c)
		if err := t.post(ctx, addToHour[c.Hour%24], u.Token, c.Hour/24, c.Reason.String(), c.Door, c.N); err != nil {
			return err
		}
	}
	for _, scope := range u.Scopes {
		err := t.post(ctx, `INSERT INTO token_scopes (token, scope, last_hour) VALUES ($1, $2, $3)
			ON CONFLICT (token, scope) DO UPDATE SET last_hour = excluded.last_hour WHERE token_scopes.last_hour < excluded.last_hour`,
			u.Token, scope.String(), u.Hour)
		if err != nil {
			return err
		}
	}
	return nil
}

// usageSums is what is added to the sums of places, for many tokens at once.
type usageSums map[usageSum]int64

// usageSum is a row of usage_days.
type usageSum struct {
	usagePlace
	day    int64
	reason keywright.Reason
	door   string
}

// usagePlace is what tokens are summed up by.
type usagePlace struct {
	account, space string
	kind           int64
}

// allSpaces is the name under which all spaces of an account are summed up; none has it.
const allSpaces = ""

func (s usageSums) note(at usagePlace, c store.Count) {
	sum := usageSum{at, c.Hour / 24, c.Reason, c.Door}
	s[sum] += c.N
	sum.space = allSpaces
	s[sum] += c.N
}

func (s usageSums) add(ctx context.Context, t *tx) error {
	for sum, n := range s {
		err := t.post(ctx, `INSERT INTO usage_days (account, space, day, reason, door, kind, total) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (account, space, day, reason, door, kind) DO UPDATE SET total = usage_days.total + excluded.total`,
			sum.account, sum.space, sum.day, sum.reason.String(), sum.door, sum.kind, n)
		if err != nil {
			return fmt.Errorf("sum up usage: %w", err)
		}
	}
	return nil
}

// later is true where the attempt ($3) is later than the last one on file.
const later = "(last_used_at < $3 OR last_used_at IS NULL AND $3 IS NOT NULL)"

const addUses = `UPDATE token_usage SET uses = uses + $2,
	last_used_from = CASE WHEN ` + later + ` THEN $4 ELSE last_used_from END,
	last_used_agent = CASE WHEN ` + later + ` THEN $5 ELSE last_used_agent END,
	last_used_door = CASE WHEN ` + later + ` THEN $6 ELSE last_used_door END,
	last_used_at = CASE WHEN ` + later + ` THEN $3 ELSE last_used_at END,
	told_hour = CASE WHEN told_hour < $7 THEN $7 ELSE told_hour END
	WHERE token = $1`

func (t *tx) addUses(ctx context.Context, u *store.Usage) error {
	from, told := "", int64(0)
	if u.From.IsValid() {
		from = u.From.String()
	}
	if u.Told {
		told = u.Hour
	}
	return t.post(ctx, addUses, u.Token, u.Accepted(), u.At, from, u.UserAgent, u.Door, told)
}

// addToHour are the statements that add to each hour of a day.
var addToHour = func() (all [24]string) {
	for h := range all {
		all[h] = fmt.Sprintf(`INSERT INTO token_days (token, day, reason, door, total, h%[1]d) VALUES ($1, $2, $3, $4, $5, $5)
			ON CONFLICT (token, day, reason, door) DO UPDATE SET total = token_days.total + excluded.total, h%[1]d = token_days.h%[1]d + excluded.h%[1]d`, h)
	}
	return all
}()
