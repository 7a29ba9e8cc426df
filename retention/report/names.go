package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
)

// NamesOptions are what reading names takes.
type NamesOptions struct {
	// Mask leaves out everything that names a person: only who owns whom is read, and what owners are called.
	Mask bool
	// Companies reads whose persons are at as well.
	Companies bool
	// Progress is called with how many more rows were read; nil: nobody watches.
	Progress func(table string, rows int)
}

// The annotations of a lookup.
const (
	formatted  = "@OData.Community.Display.V1.FormattedValue"
	lookupKind = "@Microsoft.Dynamics.CRM.lookuplogicalname"
)

// ReadNames adds the owners and, unless they are to be left out, names, addresses and the staff's own reasons of
// extensions. Persons who have a date already are read by that; others by their ids, or where they are many with all of
// their table, whichever takes fewer requests. A person whom nobody finds any more keeps an empty name.
func (c *Coming) ReadNames(ctx context.Context, r dataverse.Reader, checked *compile.Policy, o NamesOptions) error {
	n := names{Coming: c, NamesOptions: o, reader: r, owners: map[uuid.UUID]int32{uuid.Nil: 0}}
	for i := range checked.Subjects {
		if err := n.table(ctx, &checked.Subjects[i]); err != nil {
			return fmt.Errorf("read the names of %s: %w", checked.Subjects[i].Table, err)
		}
	}
	c.sortOwners()
	return nil
}

// names is a reading of names.
type names struct {
	*Coming
	NamesOptions
	reader dataverse.Reader
	owners map[uuid.UUID]int32
}

// nameColumns are the columns of a subject table that tell who somebody is; empty where the table has none such.
type nameColumns struct{ id, name, email, company, owner, note, purgeOn string }

// CompanyColumn is the column of a subject table that says whose a person is at, as queries name it: a lookup whose name the service
// tells, or a text. Empty where the table has none.
func CompanyColumn(table *dataverse.Table) string {
	for _, name := range []string{"parentcustomerid", "parentaccountid", "companyname"} {
		a := table.Attributes[name]
		switch {
		case a == nil || !a.ForRead || a.Secured:
		case a.Type == "String":
			return name
		default:
			return "_" + name + "_value"
		}
	}
	return ""
}

func (n *names) columns(ctx context.Context, s *compile.Subject) (nameColumns, error) {
	k := nameColumns{id: s.PrimaryID, purgeOn: s.Own.PurgeScheduledOn}
	table, err := n.reader.Table(ctx, s.Table)
	if err != nil {
		return k, err
	}
	if table.Attributes["ownerid"] != nil {
		k.owner = "_ownerid_value"
	}
	if n.Mask {
		return k, nil
	}
	k.name, k.note = s.PrimaryName, s.Own.RetainReason
	for _, email := range []string{s.Identity, "emailaddress1"} {
		if a := table.Attributes[email]; a != nil && a.ForRead && strings.EqualFold(a.Format, "Email") {
			k.email = email
			break
		}
	}
	if n.Companies {
		k.company = CompanyColumn(table)
	}
	return k, nil
}

func (n *names) table(ctx context.Context, s *compile.Subject) error {
	t := slices.IndexFunc(n.Tables, func(t Table) bool { return t.Name == s.Table })
	if t < 0 {
		return nil
	}
	wanted := map[uuid.UUID]int32{}
	for i := range n.Persons {
		if int(n.Persons[i].Table) == t {
			wanted[n.Persons[i].ID] = int32(i)
		}
	}
	k, err := n.columns(ctx, s)
	if err != nil || len(wanted) == 0 || k.owner == "" && n.Mask {
		return err
	}
	if k.purgeOn != "" {
		if err := n.read(ctx, s, k, k.purgeOn+" ne null", wanted); err != nil || len(wanted) == 0 {
			return err
		}
	}
	if all := 1 + n.Tables[t].Persons/5000; (len(wanted)+compile.MaxPersons-1)/compile.MaxPersons > all {
		return n.read(ctx, s, k, "", wanted)
	}
	ids := make([]uuid.UUID, 0, len(wanted))
	for id := range wanted {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	for chunk := range slices.Chunk(ids, compile.MaxPersons) {
		terms := make([]string, len(chunk))
		for i, id := range chunk {
			terms[i] = s.PrimaryID + " eq " + id.String()
		}
		if err := n.read(ctx, s, k, strings.Join(terms, " or "), wanted); err != nil {
			return err
		}
	}
	return nil
}

// progressEvery is how many rows pass before they are told of.
const progressEvery = 1000

// read takes what the filter finds into the persons that are wanted, and these out of wanted.
func (n *names) read(ctx context.Context, s *compile.Subject, k nameColumns, filter string, wanted map[uuid.UUID]int32) error {
	cols := []string{k.id}
	place := func(name string) int {
		if name == "" {
			return -1
		}
		cols = append(cols, name)
		return len(cols) - 1
	}
	name, email, note, owner := place(k.name), place(k.email), place(k.note), place(k.owner)
	company := place(k.company)
	if strings.HasPrefix(k.company, "_") {
		company = place(k.company + formatted)
	}
	kind, title := -1, -1
	if owner >= 0 {
		kind, title = place(k.owner+lookupKind), place(k.owner+formatted)
	}
	unheard := 0
	err := n.reader.Scan(ctx, dataverse.Query{Table: s.Table, Set: s.EntitySet, Filter: filter}, cols, func(row []dataverse.Value) error {
		if unheard++; unheard == progressEvery && n.Progress != nil {
			n.Progress(s.Table, unheard)
			unheard = 0
		}
		id, ok := row[0].GUID()
		if !ok {
			return dataverse.ErrAnswer
		}
		at, ok := wanted[id]
		if !ok {
			return nil
		}
		delete(wanted, id)
		p := &n.Persons[at]
		p.Name, p.Email, p.Note = text(row, name), text(row, email), text(row, note)
		p.Company = text(row, company)
		if owner < 0 {
			return nil
		}
		if who, ok := row[owner].GUID(); ok {
			index, known := n.owners[who]
			if !known {
				index = int32(len(n.Owners))
				n.owners[who] = index
				n.Owners = append(n.Owners, Owner{ID: who, Table: text(row, kind), Name: text(row, title)})
			}
			p.Owner = index
		}
		return nil
	})
	if err == nil && unheard > 0 && n.Progress != nil {
		n.Progress(s.Table, unheard)
	}
	return err
}

// text is the column's text, fit to be shown; empty where it was not asked for.
func text(row []dataverse.Value, at int) string {
	if at < 0 {
		return ""
	}
	return Plain(row[at].String())
}

// sortOwners brings the owners into the order of their names, whoever has none first.
func (c *Coming) sortOwners() {
	order := make([]int, len(c.Owners))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &c.Owners[a], &c.Owners[b]
		return cmp.Or(cmp.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)), slices.Compare(x.ID[:], y.ID[:]))
	})
	sorted, place := make([]Owner, len(order)), make([]int32, len(order))
	for to, from := range order {
		sorted[to], place[from] = c.Owners[from], int32(to)
	}
	c.Owners = sorted
	for i := range c.Persons {
		c.Persons[i].Owner = place[c.Persons[i].Owner]
	}
}
