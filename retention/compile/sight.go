package compile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// Dataverse hides silently: rows beyond the depth of a right to read are left out of an answer, and a column that the
// reader may not see is null. Either makes a ground vanish that is there, so before anybody is judged the user has to be
// proven to see everything that the policy reads.

// BlindError says that the user does not see, or cannot be proven to see, everything that the policy judges by. Nothing
// may be written on such a judgement.
type BlindError struct {
	User  uuid.UUID
	Spots []BlindSpot
}

// BlindSpot is one table or column that is hidden, or may be.
type BlindSpot struct {
	Table    string
	Column   string // "": rows
	Sentence words.Said
	Remedy   words.Said
	Err      error // what the service answered where it was asked and did not tell
}

func (e *BlindError) Error() string { return e.Said().String() }

// Said is what the error says.
func (e *BlindError) Said() words.Said {
	var all []words.Said
	for _, s := range e.Spots {
		all = append(all, s.Sentence)
	}
	return words.Say("sight.blind", words.List(all, "; "))
}

// Hint tells what mends it.
func (e *BlindError) Hint() string { return e.Remedy().String() }

// Remedy is what mends it.
func (e *BlindError) Remedy() words.Said {
	var all []words.Said
	for _, s := range e.Spots {
		if !slices.ContainsFunc(all, func(other words.Said) bool { return other.String() == s.Remedy.String() }) {
			all = append(all, s.Remedy)
		}
	}
	return words.List(all, "; ")
}

// Unwrap are the answers of the service that did not tell.
func (e *BlindError) Unwrap() []error {
	var all []error
	for _, s := range e.Spots {
		if s.Err != nil {
			all = append(all, s.Err)
		}
	}
	return all
}

// ExitCode is that of wrong usage, settings or policy: nothing was written.
func (e *BlindError) ExitCode() int { return 2 }

const ()

// Prove asks the service whether the signed-in user sees all rows of every table and every secured column that persons,
// grounds, related rules and what a purge reaches are read from. It answers who that user is. The error is a [*BlindError]
// where that cannot be proven, and something else where the service did not answer.
func (c *Policy) Prove(ctx context.Context, r dataverse.Reader) (uuid.UUID, error) {
	who, err := r.WhoAmI(ctx)
	if err != nil {
		return uuid.Nil, fmt.Errorf("ask who is signed in: %w", err)
	}
	var rows, columns []BlindSpot
	group, side := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		rows, err = c.hiddenRows(side, r, who.UserID)
		return err
	})
	group.Go(func() (err error) {
		columns, err = c.hiddenColumns(side, r, who.UserID)
		return err
	})
	if err := group.Wait(); err != nil {
		return uuid.Nil, err
	}
	spots := append(rows, columns...)
	if len(spots) == 0 {
		return who.UserID, nil
	}
	administrator, err := dataverse.Administrator(ctx, r, who.UserID)
	if err != nil {
		return uuid.Nil, err
	}
	if administrator { // may read everything, whatever is granted
		return who.UserID, nil
	}
	return uuid.Nil, &BlindError{User: who.UserID, Spots: spots}
}

// hiddenRows are the tables of which the user does not see every row.
func (c *Policy) hiddenRows(ctx context.Context, r dataverse.Reader, user uuid.UUID) ([]BlindSpot, error) {
	tables, err := c.readTables(ctx, r)
	if err != nil {
		return nil, err
	}
	all, err := r.Tables(ctx)
	if err != nil {
		return nil, err
	}
	// The right to read a custom table is called after it, so that its definition need not be read where the user has that right.
	rights, named := map[string]map[string]bool{}, map[string]string{}
	for _, t := range all {
		if tables[t.LogicalName] && t.Custom && !t.Activity && !t.Intersect && !t.Elsewhere && t.SchemaName != "" {
			named[t.LogicalName] = "prvRead" + t.SchemaName
			rights[named[t.LogicalName]] = map[string]bool{t.LogicalName: true}
		}
	}
	unnamed := func() error { return addReadRights(ctx, r, tables, named, rights) }
	if err := unnamed(); err != nil {
		return nil, err
	}
	depths, err := dataverse.EffectiveDepths(ctx, r, user, slices.Sorted(maps.Keys(rights)))
	before := len(named)
	for table, right := range named {
		if err == nil && depths[right] < dataverse.Global { // by its definition the right may be another
			delete(named, table)
			delete(rights, right)
		}
	}
	if err == nil && len(named) < before {
		if err := unnamed(); err != nil {
			return nil, err
		}
		depths, err = dataverse.EffectiveDepths(ctx, r, user, slices.Sorted(maps.Keys(rights)))
	}
	if refused(err) {
		return []BlindSpot{{Sentence: words.Say("sight.untold", err), Remedy: words.Say("sight.role.do"), Err: err}}, nil
	}
	if err != nil {
		return nil, err
	}
	var spots []BlindSpot
	for _, right := range slices.Sorted(maps.Keys(rights)) {
		depth, has := depths[right]
		if has && depth >= dataverse.Global {
			continue
		}
		tables := slices.Sorted(maps.Keys(rights[right]))
		s := BlindSpot{Table: tables[0], Remedy: words.Say("sight.role.do")}
		if has {
			s.Sentence = words.Say("sight.narrow", inTicks(tables), words.Say(reaches[depth]), right, depth)
		} else {
			s.Sentence = words.Say("sight.forbidden", inTicks(tables), right)
		}
		spots = append(spots, s)
	}
	return spots, nil
}

var reaches = map[dataverse.Depth]string{
	dataverse.Basic: "sight.own", dataverse.Local: "sight.unit", dataverse.Deep: "sight.below",
}

func inTicks(names []string) string {
	return "`" + strings.Join(names, "`, `") + "`"
}

// readTables are the tables that the policy needs the right to read.
func (c *Policy) readTables(ctx context.Context, r dataverse.Reader) (map[string]bool, error) {
	tables := map[string]bool{}
	add := func(table string) {
		if table != "" && table != policy.AnyTable {
			tables[table] = true
		}
	}
	err := c.judged(ctx, r, func(table string, kinds ...string) {
		if slices.Contains(kinds, "Read") {
			add(table)
		}
	})
	if err != nil {
		return nil, err
	}
	for table := range c.seen {
		add(table)
	}
	for i := range c.Subjects {
		for _, rule := range c.Subjects[i].Related {
			if rule.Do != policy.Leave {
				add(rule.Table)
			}
		}
	}
	return tables, nil
}

// addReadRights adds the rights to read tables, each with its tables, by the definitions of those whose right is not known by name.
func addReadRights(ctx context.Context, r dataverse.Reader, tables map[string]bool, named map[string]string, rights map[string]map[string]bool) error {
	var open []string
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		if named[table] == "" {
			open = append(open, table)
		}
	}
	readAhead(ctx, r, open)
	for _, table := range open {
		name, err := readRight(ctx, r, table)
		if err != nil {
			return err
		}
		if name == "" {
			continue
		}
		if rights[name] == nil {
			rights[name] = map[string]bool{}
		}
		rights[name][table] = true
	}
	return nil
}

// readRight is the right to read a table's rows, "" where the environment lacks the table or asks for none.
func readRight(ctx context.Context, r dataverse.Reader, table string) (string, error) {
	t, err := r.Table(ctx, table)
	if errors.Is(err, dataverse.ErrNoTable) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the rights of %s: %w", table, err)
	}
	for _, p := range t.Privileges {
		if p.Type == "Read" {
			return p.Name, nil
		}
	}
	if parent := personmap.RightsOf(table); parent != "" {
		return readRight(ctx, r, parent)
	}
	return "", nil
}

// secured are the columns that decisions rest on and that have column security now, as table.column.
func (c *Policy) secured(ctx context.Context, r dataverse.Reader) ([][2]string, error) {
	var tables []string
	readAhead(ctx, r, slices.Collect(maps.Keys(c.seen)))
	for _, table := range slices.Sorted(maps.Keys(c.seen)) {
		switch _, err := r.Table(ctx, table); {
		case err == nil:
			tables = append(tables, table)
		case !errors.Is(err, dataverse.ErrNoTable):
			return nil, err
		}
	}
	found, err := dataverse.SecuredColumns(ctx, r, tables)
	if err != nil {
		return nil, err
	}
	var out [][2]string
	for _, table := range tables {
		slices.Sort(found[table])
		for _, column := range found[table] {
			if c.seen[table][column] {
				out = append(out, [2]string{table, column})
			}
		}
	}
	return out, nil
}

// hiddenColumns are the secured columns that the user cannot be proven to read.
func (c *Policy) hiddenColumns(ctx context.Context, r dataverse.Reader, user uuid.UUID) ([]BlindSpot, error) {
	secured, err := c.secured(ctx, r)
	if err != nil || len(secured) == 0 {
		return nil, err
	}
	readable, err := dataverse.ReadableColumns(ctx, r, user)
	untold := refused(err)
	if err != nil && !untold {
		return nil, err
	}
	var spots []BlindSpot
	for _, at := range secured {
		s := BlindSpot{Table: at[0], Column: at[1], Remedy: words.Say("sight.profile.do")}
		switch {
		case untold:
			s.Sentence = words.Say("sight.secured.untold", at[1], at[0])
			s.Remedy = words.Say("sight.secured.untold.do")
		case readable[at[0]+"."+at[1]]:
			continue
		default:
			s.Sentence = words.Say("sight.secured", at[1], at[0])
		}
		spots = append(spots, s)
	}
	return spots, nil
}

// refused tells whether the service understood and would not answer: asking again does not help.
func refused(err error) bool {
	var e *dataverse.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusNotImplemented:
		return true
	}
	return false
}
