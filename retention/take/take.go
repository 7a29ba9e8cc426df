package take

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/snapshot"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
)

// Options are what is asked of a snapshot.
type Options struct {
	Path  string // of the file
	Rows  Rows
	Keep  bool // ids stay as they are
	Shift bool // dates move, all by one offset that nobody is told
	// Policy tells which tables to take beside those that every person can stand in, which columns decide, and what texts they are
	// compared with. Nil: contacts and leads, and nothing is compared.
	Policy   *compile.Policy
	Version  string                   // of gallra
	Progress func(what string, n int) // nil: nobody watches
}

// Rows says how many rows are taken: none, all, those of a share of the persons, or those of so many persons.
type Rows struct {
	share   float64 // of the persons
	persons int
}

// ParseRows reads none, all, a percentage or a number of persons.
func ParseRows(text string) (Rows, error) {
	switch text {
	case snapshot.NoRows, "":
		return Rows{}, nil
	case snapshot.AllRows:
		return Rows{share: 1}, nil
	}
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		if n, err := strconv.ParseFloat(percent, 64); err == nil && n > 0 && n <= 100 {
			return Rows{share: n / 100}, nil
		}
	} else if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return Rows{persons: n}, nil
	}
	return Rows{}, fmt.Errorf("%q is neither none, all, a number of persons nor a percentage", text)
}

// None tells that no row is taken.
func (r Rows) None() bool { return r.share == 0 && r.persons == 0 }

// String is how a head tells it.
func (r Rows) String() string {
	switch {
	case r.None():
		return snapshot.NoRows
	case r.share >= 1:
		return snapshot.AllRows
	case r.persons > 0:
		return strconv.Itoa(r.persons)
	}
	return strconv.FormatFloat(r.share*100, 'g', -1, 64) + "%"
}

// Result is what was taken.
type Result struct {
	Head    snapshot.Head
	Defined int            // tables
	Rows    map[string]int // by table; of this process, where it went on with a snapshot that was cut
	Resumed bool
	Bytes   int64
}

type taker struct {
	client  *dataverse.Client
	out     *snapshot.Writer
	mask    *masker
	tables  []dataverse.TableSummary
	persons map[string]bool
	reads   map[string][]string
	hidden  map[string]bool // as table.column
	share   float64
	scratch []byte
	watch   func(string, int)
}

func (t *taker) progress(what string, n int) {
	if t.watch != nil && n > 0 {
		t.watch(what, n)
	}
}

// ErrOtherOptions says that a snapshot that was cut had been begun otherwise.
var ErrOtherOptions = errors.New("a snapshot that was cut is there, and was begun for another environment, policy or with other options")

// Take reads the environment into the file.
func Take(ctx context.Context, client *dataverse.Client, o Options) (*Result, error) {
	t := &taker{client: client, persons: personmap.Persons(), reads: map[string][]string{}, hidden: map[string]bool{}, watch: o.Progress}
	var texts []string
	if o.Policy != nil {
		t.reads, texts = o.Policy.ColumnsRead(), o.Policy.TextsCompared()
		for i := range o.Policy.Subjects {
			t.persons[o.Policy.Subjects[i].Table] = true
		}
	}
	var err error
	if t.tables, err = client.Tables(ctx); err != nil {
		return nil, err
	}
	if o.Policy == nil { // an environment without sales has no leads
		for name := range t.persons {
			if !slices.ContainsFunc(t.tables, func(s dataverse.TableSummary) bool { return s.LogicalName == name }) {
				delete(t.persons, name)
			}
		}
	}
	resumed := false
	if t.out, resumed, err = snapshot.Begin(o.Path); err != nil {
		return nil, err
	}
	defer func() { _ = t.out.Close() }()
	shift := 0
	key := t.out.Secret()
	if o.Shift {
		shift = int(binary.BigEndian.Uint16(newMasker(key, true, 0, nil).digest("shift", ""))%361) - 180
	}
	t.mask = newMasker(key, o.Keep, shift, texts)
	if t.share, err = t.sample(ctx, o.Rows); err != nil {
		return nil, err
	}
	head, err := t.head(ctx, o, texts)
	if err != nil {
		return nil, err
	}
	names, err := t.reach(ctx)
	if err != nil {
		return nil, err
	}
	// Who may do what, and the views that people made for themselves, are nothing that a rehearsal needs: an administrator does it.
	head.Gaps = append(head.Gaps, snapshot.Gap{Table: "role", Kind: snapshot.NotCarried, What: "roles and teams"}, snapshot.Gap{Table: "userquery", Kind: snapshot.NotCarried, What: "personal views"})
	var defined []snapshot.Table
	for _, name := range names {
		d, err := t.define(ctx, name)
		if err != nil {
			return nil, err
		}
		defined = append(defined, d)
		head.Gaps = append(head.Gaps, gaps(&d)...)
		head.Masking.Whole = append(head.Masking.Whole, t.whole(&d)...)
		t.progress("definitions", 1)
	}
	if resumed {
		began, err := t.out.Head()
		if err != nil || began.Organization != head.Organization || began.URL != head.URL || !sameMasking(began.Masking, head.Masking) {
			return nil, &snapshot.FileError{Path: o.Path, Why: ErrOtherOptions.Error(), Remedy: "delete " + o.Path + ".partial and " + o.Path + ".resume to begin anew"}
		}
		head = began
	}
	result := &Result{Head: head, Defined: len(defined), Rows: map[string]int{}, Resumed: resumed}
	if err := t.write(ctx, head, defined, o, result); err != nil {
		return result, err
	}
	result.Bytes = t.out.Size()
	return result, t.out.Finish()
}

func sameMasking(a, b snapshot.Masking) bool {
	return a.Rows == b.Rows && a.Ids == b.Ids && a.Shifted == b.Shifted && slices.Equal(a.Whole, b.Whole) && slices.Equal(a.Texts, b.Texts) && slices.Equal(a.Persons, b.Persons)
}

// write writes the parts that are not there yet.
func (t *taker) write(ctx context.Context, head snapshot.Head, defined []snapshot.Table, o Options, result *Result) error {
	if err := t.out.Part("head", func() error { return t.out.WriteHead(head) }); err != nil {
		return err
	}
	err := t.out.Part("definitions", func() error {
		for _, d := range defined {
			if err := t.out.WriteTable(d); err != nil {
				return err
			}
		}
		for name := range sorted(t.persons) {
			views, err := t.views(ctx, name)
			if err != nil {
				return err
			}
			for _, v := range views {
				if err := t.out.WriteView(v); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil || o.Rows.None() {
		return err
	}
	slices.SortStableFunc(defined, func(a, b snapshot.Table) int { // activities come before what points at them
		switch {
		case a.Activity == b.Activity:
			return 0
		case a.Activity:
			return -1
		}
		return 1
	})
	for i := range defined {
		d := &defined[i]
		if !t.carries(d) {
			continue
		}
		err := t.out.Part("rows of "+d.Name, func() (err error) {
			result.Rows[d.Name], err = t.rows(ctx, d)
			return err
		})
		if err != nil {
			return fmt.Errorf("take the rows of %s: %w", d.Name, err)
		}
	}
	return nil
}

// carries tells whether the rows of a table are taken: not those that the service keeps by itself or elsewhere, nor those of the
// platform, but for what the policy reads.
func (t *taker) carries(d *snapshot.Table) bool {
	switch name := d.Name; {
	case d.Type != "", personmap.Is(name, personmap.Common):
		return false
	case t.reads[name] != nil, name == "activityparty", name == "connectionrole":
		return name != "organization" && name != "savedquery"
	default:
		return !personmap.Skipped(name) && !personmap.Is(name, personmap.Keeper)
	}
}

// sample is the share of the persons that is taken.
func (t *taker) sample(ctx context.Context, r Rows) (float64, error) {
	if r.persons == 0 {
		return r.share, nil
	}
	all := 0
	for name := range sorted(t.persons) {
		n, err := t.client.Count(ctx, dataverse.Query{Table: name})
		if err != nil {
			return 0, fmt.Errorf("count the persons of %s: %w", name, err)
		}
		all += n
	}
	return min(1, float64(r.persons)/max(1, float64(all))), nil
}

func (t *taker) head(ctx context.Context, o Options, texts []string) (snapshot.Head, error) {
	org, err := t.client.Organization(ctx)
	if err != nil {
		return snapshot.Head{}, err
	}
	settings, err := t.client.Settings(ctx)
	if err != nil {
		return snapshot.Head{}, err
	}
	h := snapshot.Head{Gallra: o.Version, Organization: org.ID, Type: org.Type, Taken: t.mask.moved(t.client.Now()).UTC(),
		Settings: snapshot.Settings{Audited: settings.Audited, AuditDays: settings.AuditDays, Bin: settings.RecycleBin, BinDays: settings.RecycleBinDays, BinByTable: map[string]int{}},
		Masking:  snapshot.Masking{Rows: o.Rows.String(), Ids: snapshot.MappedIDs, Shifted: o.Shift}}
	for _, b := range settings.RecycleBinByTable {
		h.Settings.BinByTable[b.Table] = b.Days
	}
	if o.Keep {
		h.Masking.Ids, h.URL = snapshot.KeptIDs, t.client.URL()
	}
	for _, text := range texts {
		h.Masking.Texts = append(h.Masking.Texts, TextDigest(text))
	}
	slices.Sort(h.Masking.Texts)
	for name := range sorted(t.persons) {
		h.Masking.Persons = append(h.Masking.Persons, name)
	}
	for _, s := range t.tables {
		kind := ""
		if s.Elsewhere {
			kind = "Elsewhere"
		}
		h.Tables = append(h.Tables, snapshot.Summary{Name: s.LogicalName, Type: kind})
	}
	return h, nil
}

// computed are the words for columns whose values the service works out.
var computed = map[int]string{1: "calculated", 2: "rollup", 3: "formula"}

// gaps are what the emulator does not hold of a table as the environment does.
func gaps(d *snapshot.Table) (out []snapshot.Gap) {
	if d.Type != "" {
		out = append(out, snapshot.Gap{Table: d.Name, Kind: snapshot.NotHeld, What: strings.ToLower(d.Type)})
	}
	for i := range d.Columns {
		c := &d.Columns[i]
		switch {
		case c.Source != 0:
			what := computed[c.Source]
			if what == "" {
				what = "computed"
			}
			out = append(out, snapshot.Gap{Table: d.Name, Column: c.Name, Kind: snapshot.ReadOnly, What: what})
		case !held[c.Type]:
			out = append(out, snapshot.Gap{Table: d.Name, Column: c.Name, Kind: snapshot.NotHeld, What: strings.ToLower(c.Type)})
		case c.Type == "File", c.Type == "Image":
			out = append(out, snapshot.Gap{Table: d.Name, Column: c.Name, Kind: snapshot.NotCarried, What: "file"})
		}
	}
	return out
}

// held are the types of columns that the emulator has.
var held = map[string]bool{"String": true, "Memo": true, "Lookup": true, "Customer": true, "Owner": true, "Picklist": true, "State": true, "Status": true,
	"Boolean": true, "DateTime": true, "Integer": true, "BigInt": true, "Decimal": true, "Double": true, "Money": true, "Uniqueidentifier": true, "Image": true,
	"File": true, "MultiSelectPicklist": true, "PartyList": true, "EntityName": true, "Virtual": true}

// whole are the columns of a table that are carried as they are, or as masked text, since the policy reads them.
func (t *taker) whole(d *snapshot.Table) (out []string) {
	for i := range d.Columns {
		c := &d.Columns[i]
		if slices.Contains(t.reads[d.Name], c.Name) && personal(d.Name, c.Name, c.Type, c.Custom) {
			out = append(out, d.Name+"."+c.Name)
		}
	}
	return out
}

// personal tells of which columns no more than a trace is taken, unless the policy reads them.
func personal(table, column, kind string, custom bool) bool {
	switch kind {
	case "Memo":
		return true
	case "DateTime":
		return birthdays[column]
	case "Integer", "Decimal", "Double", "Money":
		return personmap.PersonalNumber(table, &dataverse.Attribute{LogicalName: column, Custom: custom})
	}
	return false
}

// Unfit are the columns, as table.column, and how many texts a policy decides by that a snapshot does not hold: it was taken with
// another policy.
func Unfit(ctx context.Context, h snapshot.Head, c *compile.Policy, client dataverse.Reader) (columns []string, texts int, err error) {
	if h.Masking.Rows == snapshot.NoRows {
		return nil, 0, nil
	}
	reads := c.ColumnsRead()
	for table := range sorted(reads) {
		d, err := client.Table(ctx, table)
		if err != nil {
			return nil, 0, err
		}
		for _, name := range reads[table] {
			a := d.Attributes[name]
			if a != nil && personal(table, name, a.Type, a.Custom) && !slices.Contains(h.Masking.Whole, table+"."+name) {
				columns = append(columns, table+"."+name)
			}
		}
	}
	for _, text := range c.TextsCompared() {
		if !slices.Contains(h.Masking.Texts, TextDigest(text)) {
			texts++
		}
	}
	return columns, texts, nil
}
