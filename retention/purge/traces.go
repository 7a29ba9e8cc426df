package purge

import (
	"context"
	"encoding/xml"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

// What a person was called and reached by, searched for in rows that stay. All of it is mentioned and none of it residue:
// the plan said of none of these rows that they would go.

// The bounds of the search. It must not cost more than the purge, and a switchboard's number finds a whole company.
const (
	maxValues   = 50  // values that one query names for each column
	maxFound    = 500 // rows that one query answers
	maxMentions = 20  // of one kind for a person
	maxKept     = 500 // kept rows that are read for one person
	maxBodies   = 20  // rows that one query reads together with their long texts
)

// traces are how purged persons can be told from others in rows that stay.
type traces struct {
	addresses map[string][]ledger.Key // folded
	numbers   map[string][]ledger.Key // digits only
	spelled   map[string]bool         // numbers as they are looked for
	names     map[ledger.Key]string   // folded
}

// tracesOf takes the traces of persons from their rows as they were before.
func tracesOf(subject *retention.CheckedSubject, t *dataverse.Table, done []*work) *traces {
	s := &traces{addresses: make(map[string][]ledger.Key), numbers: make(map[string][]ledger.Key), spelled: make(map[string]bool), names: make(map[ledger.Key]string)}
	mails, phones := addressColumns(t), phoneColumns(t)
	for _, w := range done {
		if w.row == nil || !w.row.Null(subject.Own.AnonymizedOn) {
			continue // begun by a run before: nobody knows any more
		}
		who := ledger.Key{Table: w.table, ID: w.id}
		if name := fold(w.row.Text(subject.PrimaryName)); utf8.RuneCountInString(name) > 2 {
			s.names[who] = name
		}
		for _, c := range mails {
			if a := fold(w.row.Text(c)); a != "" {
				s.addresses[a] = with(s.addresses[a], who)
			}
		}
		for _, c := range phones {
			text := strings.TrimSpace(w.row.Text(c))
			if n := digits(text); len(n) > 5 {
				s.numbers[n] = with(s.numbers[n], who)
				s.spelled[text], s.spelled[n] = true, true
				if text[0] == '+' {
					s.spelled["+"+n] = true
				}
			}
		}
	}
	return s
}

func with(all []ledger.Key, who ledger.Key) []ledger.Key {
	if slices.Contains(all, who) {
		return all
	}
	return append(all, who)
}

func addressColumns(t *dataverse.Table) []string {
	return textColumns(t, func(a *dataverse.Attribute) bool {
		return a.Format == "Email" || strings.HasPrefix(a.LogicalName, "emailaddress")
	})
}

func phoneColumns(t *dataverse.Table) []string {
	return textColumns(t, func(a *dataverse.Attribute) bool { return a.Format == "Phone" })
}

func textColumns(t *dataverse.Table, which func(*dataverse.Attribute) bool) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		if a := t.Attributes[name]; isText(a) && a.ForRead && !a.Secured && a.AttributeOf == "" && which(a) {
			out = append(out, name)
		}
	}
	return out
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// mentions looks for rows that carry an address or a number of a purged person, a lead beside the contact or the line of a
// kept e-mail, and for what the kept rows still say about them.
func (r *runner) mentions(ctx context.Context, subject *retention.CheckedSubject, done []*work) error {
	t, err := r.tables.table(ctx, subject.Table)
	if err != nil {
		return err
	}
	s := tracesOf(subject, t, done)
	told := make(map[Finding]int)
	mention := func(f Finding) {
		kind := Finding{Person: f.Person, Where: f.Where}
		if told[kind]++; told[kind] <= maxMentions {
			r.summary.Mentions = append(r.summary.Mentions, f)
		}
	}
	if err := r.reached(ctx, s, mention); err != nil {
		return err
	}
	if err := r.kept(ctx, s, done, mention); err != nil {
		return err
	}
	if err := r.feeds(ctx, s, mention); err != nil {
		return err
	}
	return r.jobs(ctx, s, done, mention)
}

// reached looks for the addresses and numbers in persons and in the parties of activities.
func (r *runner) reached(ctx context.Context, s *traces, mention func(Finding)) error {
	type search struct {
		table   *dataverse.Table
		columns []string
		where   string
		holders map[string][]ledger.Key
		form    func(string) string
	}
	var all []search
	var qs []dataverse.Query
	ask := func(table, where string, columns func(*dataverse.Table) []string, values []string, holders map[string][]ledger.Key, form func(string) string) error {
		t, err := r.tables.table(ctx, table)
		if err != nil {
			return err
		}
		cols := columns(t)
		if len(cols) == 0 {
			return nil
		}
		for some := range slices.Chunk(values, maxValues) {
			all = append(all, search{t, cols, where, holders, form})
			qs = append(qs, dataverse.Query{Table: table, FetchXML: valuesFetch(t, cols, some)})
		}
		return nil
	}
	addresses, numbers := slices.Sorted(maps.Keys(s.addresses)), slices.Sorted(maps.Keys(s.spelled))
	for i := range r.Policy.Subjects {
		table := r.Policy.Subjects[i].Table
		if err := ask(table, "same-address", addressColumns, addresses, s.addresses, fold); err != nil {
			return err
		}
		if err := ask(table, "same-number", phoneColumns, numbers, s.numbers, digits); err != nil {
			return err
		}
	}
	if r.tables.exists("activityparty") {
		used := func(*dataverse.Table) []string { return []string{"addressused"} }
		if err := ask("activityparty", "party", used, addresses, s.addresses, fold); err != nil {
			return err
		}
	}
	answers, err := batched{r.Client}.queries(ctx, qs)
	if err != nil {
		return err
	}
	seen := make(map[Finding]bool)
	for i, rows := range answers {
		a := all[i]
		for _, row := range rows {
			id := row.ID(a.table.PrimaryID)
			for _, c := range a.columns {
				for _, who := range a.holders[a.form(row.Text(c))] {
					f := Finding{Person: who, Where: a.where, Table: a.table.LogicalName, ID: id}
					if id != who.ID && !seen[f] {
						seen[f] = true
						mention(f)
					}
				}
			}
		}
	}
	return nil
}

// valuesFetch asks for rows of which one of the columns has one of the values.
func valuesFetch(t *dataverse.Table, columns, values []string) string {
	var in, b strings.Builder
	for _, v := range values {
		in.WriteString("<value>")
		_ = xml.EscapeText(&in, []byte(v))
		in.WriteString("</value>")
	}
	b.WriteString(`<fetch top="500"><entity name="` + t.LogicalName + `"><attribute name="` + t.PrimaryID + `"/>`)
	for _, c := range columns {
		b.WriteString(`<attribute name="` + c + `"/>`)
	}
	b.WriteString(`<filter type="or">`)
	for _, c := range columns {
		b.WriteString(`<condition attribute="` + c + `" operator="in">` + in.String() + `</condition>`)
	}
	b.WriteString(`</filter></entity></fetch>`)
	return b.String()
}

// kept reads what stays by the rules and counts the columns that still tell who it was: by name, by address, by number.
func (r *runner) kept(ctx context.Context, s *traces, done []*work, mention func(Finding)) error {
	owners := make(map[ref][]ledger.Key)
	for _, w := range done {
		who := ledger.Key{Table: w.table, ID: w.id}
		n := 0
		for _, table := range slices.Sorted(maps.Keys(w.stays)) {
			for _, id := range w.stays[table] {
				if n++; n <= maxKept {
					owners[ref{table, id}] = with(owners[ref{table, id}], who)
				}
			}
		}
		if n > maxKept {
			mention(Finding{Person: who, Where: "kept-unread", Table: w.table, ID: w.id, Count: n - maxKept})
		}
	}
	tables := byTable(owners)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		t, err := r.tables.table(ctx, table)
		if err != nil {
			return err
		}
		size := maxIDs
		columns := textColumns(t, func(a *dataverse.Attribute) bool {
			if a.MaxLength >= largeText {
				if table != "email" || a.LogicalName != "description" {
					return false // documents: bodies of attachments
				}
				size = maxBodies
			}
			return true
		})
		phones := phoneColumns(t)
		for group := range slices.Chunk(tables[table], size) {
			// One query a request: bodies can be long.
			q := dataverse.Query{Table: table, Select: append([]string{t.PrimaryID}, columns...), Filter: idFilter(t.PrimaryID, group)}
			for row, err := range r.Client.Rows(ctx, q) {
				if err != nil {
					return err
				}
				id := row.ID(t.PrimaryID)
				for _, who := range owners[ref{table, id}] {
					for where, n := range s.in(row, columns, phones, who) {
						mention(Finding{Person: who, Where: where, Table: table, ID: id, Count: n})
					}
				}
			}
		}
	}
	return nil
}

// in counts the columns of a row in which a person can be told, by what.
func (s *traces) in(row dataverse.Row, columns, phones []string, who ledger.Key) map[string]int {
	found := make(map[string]int)
	name := s.names[who]
	for _, c := range columns {
		text := fold(row.Text(c))
		if text == "" {
			continue
		}
		if name != "" && containsWord(text, name) {
			found["kept-name"]++
		}
		for a, holders := range s.addresses {
			if slices.Contains(holders, who) && containsWord(text, a) {
				found["kept-address"]++
				break
			}
		}
		if slices.Contains(phones, c) && slices.Contains(s.numbers[digits(text)], who) {
			found["kept-number"]++
		}
	}
	return found
}

// containsWord finds a word, or several, that is not part of a longer one.
func containsWord(text, word string) bool {
	letter := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(text[:at+i])
		after, _ := utf8.DecodeRuneInString(text[at+i+len(word):])
		if !letter(before) && !letter(after) {
			return true
		}
		at += i + len(word)
	}
}
