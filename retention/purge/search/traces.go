package search

import (
	"context"
	"encoding/xml"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge/environment"
)

// What a person was called and reached by, searched for in rows that stay. All of it is mentioned and none of it residue:
// the plan said of none of these rows that they would go.

// The bounds of the search. It must not cost more than the purge, and a switchboard's number finds a whole company.
const (
	maxValues   = 50     // values that one query names for each column
	maxQuery    = 30_000 // characters of one query: of the 32,768 and 65,536 that pages name for a URL in a batch, the fewer have to do
	MaxFound    = 20_000 // rows of one query that are read
	maxMentions = 20     // of one kind for a person, beyond which they are only counted
	maxKept     = 500    // kept rows that are read for one person
	maxBodies   = 20     // rows that one query reads together with their long texts
)

// traces are how purged persons can be told from others in rows that stay.
type traces struct {
	addresses map[string][]ledger.Key // folded
	numbers   map[string][]numberOf   // by the tail
	spelled   map[string]bool         // numbers as they are looked for
	names     map[ledger.Key]string   // folded
	surnames  map[ledger.Key]string   // folded: in rows that led to the person they tell enough
}

// numberOf is a person's phone number.
type numberOf struct {
	number
	who ledger.Key
}

// tracesOf takes the traces of persons from their rows as they were before.
func tracesOf(subject *compile.Subject, t *dataverse.Table, done []Purged) *traces {
	s := &traces{addresses: make(map[string][]ledger.Key), numbers: make(map[string][]numberOf), spelled: make(map[string]bool), names: make(map[ledger.Key]string), surnames: make(map[ledger.Key]string)}
	mails, phones := addressColumns(t), phoneColumns(t)
	var countries []string // that anybody's number names
	var texts []string
	for i := range done {
		p := &done[i]
		if p.Before == nil || !p.Before.Null(subject.Own.AnonymizedOn) {
			continue // begun by a run before: nobody knows any more
		}
		who := p.key()
		if name := environment.Fold(p.Before.Text(subject.PrimaryName)); utf8.RuneCountInString(name) > 2 {
			s.names[who] = name
		}
		if name := environment.Fold(p.Before.Text("lastname")); utf8.RuneCountInString(name) > 2 {
			s.surnames[who] = name
		}
		for _, c := range mails {
			if a := environment.Fold(p.Before.Text(c)); a != "" {
				s.addresses[a] = with(s.addresses[a], who)
			}
		}
		for _, c := range phones {
			text := p.Before.Text(c)
			n, ok := readNumber(text)
			if !ok {
				continue
			}
			if !slices.ContainsFunc(s.numbers[n.tail()], func(o numberOf) bool { return o.who == who && o.digits == n.digits }) {
				s.numbers[n.tail()] = append(s.numbers[n.tail()], numberOf{n, who})
			}
			texts = append(texts, text)
			if n.country != "" && len(countries) < maxCountries && !slices.Contains(countries, n.country) {
				countries = append(countries, n.country)
			}
		}
	}
	for _, text := range texts {
		n, _ := readNumber(text)
		for _, spelled := range n.notations(text, countries) {
			s.spelled[environment.Fold(spelled)] = true
		}
	}
	return s
}

// maxCountries is how many countries a number is looked for in that names none.
const maxCountries = 2

// holders are the persons whose number a text is.
func (s *traces) holders(text string) []ledger.Key {
	n, ok := readNumber(text)
	if !ok {
		return nil
	}
	var out []ledger.Key
	for _, o := range s.numbers[n.tail()] {
		if n.same(o.number) {
			out = with(out, o.who)
		}
	}
	return out
}

func with(all []ledger.Key, who ledger.Key) []ledger.Key {
	if slices.Contains(all, who) {
		return all
	}
	return append(all, who)
}

func addressColumns(t *dataverse.Table) []string {
	return textColumns(t, func(a *dataverse.Attribute) bool {
		return dataverse.IsAddress(a.LogicalName, a.Format)
	})
}

func phoneColumns(t *dataverse.Table) []string {
	return textColumns(t, func(a *dataverse.Attribute) bool { return dataverse.IsNumber(a.LogicalName, a.Format) })
}

func textColumns(t *dataverse.Table, which func(*dataverse.Attribute) bool) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		if a := t.Attributes[name]; environment.IsText(a) && a.ForRead && !a.Secured && a.AttributeOf == "" && which(a) {
			out = append(out, name)
		}
	}
	return out
}

// mentioning mentions rows that carry an address or a number of a purged person, a lead beside the contact or the line of a kept
// e-mail, and what the kept rows still say about them: the first of each kind, and how many more.
func (s *Searcher) mentioning() func(Finding) {
	told := make(map[Finding]int)
	last := make(map[Finding]int)
	return func(f Finding) {
		kind := Finding{Person: f.Person, Where: f.Where}
		if told[kind]++; told[kind] > maxMentions {
			s.Left.Mentions[last[kind]].More++
			return
		}
		last[kind] = len(s.Left.Mentions)
		s.Mention(f)
	}
}

// valueQuery is a query for values in columns of a table.
type valueQuery struct {
	table   *dataverse.Table
	columns []string
	where   string
	holders func(text string) []ledger.Key
	// at tells which of the queries like this one asks for a value. A row that several find is taken where the first does.
	at map[string]int
	n  int
}

// reached looks for the addresses and numbers in persons, in the parties of activities, and wherever else the person map
// says that addresses stand.
// Rows of tables other than the persons' are noted in found: something can hang on them.
func (s *Searcher) reached(ctx context.Context, subject *compile.Subject, of *traces, done []Purged, found map[environment.Ref][]ledger.Key, mention func(Finding)) error {
	var all []valueQuery
	var qs []dataverse.Query
	ask := func(t *dataverse.Table, where string, cols, values []string, holders func(string) []ledger.Key) {
		if len(cols) == 0 {
			return
		}
		at := make(map[string]int, len(values))
		for n, some := range valueGroups(t, cols, values) {
			for _, v := range some {
				at[v] = n
			}
			all = append(all, valueQuery{t, cols, where, holders, at, n})
			qs = append(qs, dataverse.Query{Table: t.LogicalName, FetchXML: valuesFetch(t, cols, some)})
		}
	}
	addresses, numbers := slices.Sorted(maps.Keys(of.addresses)), slices.Sorted(maps.Keys(of.spelled))
	byAddress := func(text string) []ledger.Key { return of.addresses[environment.Fold(text)] }
	places, err := s.valuePlaces(ctx, subject)
	if err != nil {
		return err
	}
	for _, p := range places {
		having, withNumber, known, err := s.having(ctx, p, of)
		if err != nil {
			return err
		}
		if known {
			read := func(where string, columns []string, ids []uuid.UUID, holders func(string) []ledger.Key) {
				if len(ids) > s.Most {
					ids = ids[:s.Most]
					s.unread(manyShare(p.table.LogicalName, s.Most))
				}
				for some := range slices.Chunk(ids, environment.MaxIDs) {
					all = append(all, valueQuery{table: p.table, columns: columns, where: where, holders: holders})
					qs = append(qs, dataverse.Query{Table: p.table.LogicalName, Set: p.table.EntitySet, Select: append([]string{p.table.PrimaryID}, columns...), Filter: environment.IDFilter(p.table.PrimaryID, some)})
				}
			}
			read("same-address", p.mails, having, byAddress)
			read("same-number", p.phones, withNumber, of.holders)
			continue
		}
		ask(p.table, "same-address", p.mails, addresses, byAddress)
		ask(p.table, "same-number", p.phones, numbers, of.holders)
	}
	if s.Tables.Exists("activityparty") {
		t, err := s.Tables.Table(ctx, "activityparty")
		if err != nil {
			return err
		}
		ask(t, "party", []string{"addressused"}, addresses, byAddress)
	}
	kept := make(map[environment.Ref]map[ledger.Key]bool) // told of by what they say
	for i := range done {
		for table, ids := range done[i].Kept {
			for _, id := range ids {
				r := environment.Ref{Table: table, ID: id}
				if kept[r] == nil {
					kept[r] = make(map[ledger.Key]bool)
				}
				kept[r][done[i].key()] = true
			}
		}
	}
	fresh := func(f Finding) {
		r := environment.Ref{Table: f.Table, ID: f.ID}
		if kept[r][f.Person] {
			return
		}
		if mention(f); !s.Tables.Persons[f.Table] && f.Table != "activityparty" {
			found[r] = with(found[r], f.Person)
		}
	}
	read := make([]int, len(all))
	return s.Reader.Each(ctx, qs, func(i int, row dataverse.Row) bool {
		if read[i]++; read[i] > s.Most {
			s.unread(manyShare(all[i].table.LogicalName, s.Most))
			return false
		}
		if a := &all[i]; a.first(row) {
			a.mention(row, fresh)
		}
		return true
	})
}

// manyShare is the place that is named where a value has too many rows.
func manyShare(table string, most int) Place {
	return Place{Key: SharedValues, Name: "Rows with the same address or number", Detail: table, Remedy: fmt.Sprintf("A search in %s was ended after %d rows, since so many people share a value: there may be more. "+
		"Look by hand for who else has the switchboard's number or the company's address.", table, most)}
}

// valuePlaces are the columns of persons, and of the tables that the person map names, in which addresses and numbers stand.
func (s *Searcher) valuePlaces(ctx context.Context, subject *compile.Subject) ([]valuePlace, error) {
	var places []valuePlace
	add := func(table string, columns func(*dataverse.Table) (mails, phones []string)) error {
		t, err := s.Tables.Table(ctx, table)
		if err != nil {
			return err
		}
		p := valuePlace{table: t}
		if p.mails, p.phones = columns(t); len(p.mails)+len(p.phones) > 0 {
			places = append(places, p)
		}
		return nil
	}
	for i := range s.Policy.Subjects {
		err := add(s.Policy.Subjects[i].Table, func(t *dataverse.Table) ([]string, []string) { return addressColumns(t), phoneColumns(t) })
		if err != nil {
			return nil, err
		}
	}
	values, err := s.Tables.Values(ctx, s.Reader, subject)
	if err != nil {
		return nil, err
	}
	for _, v := range values {
		if err := add(v.Table, func(*dataverse.Table) ([]string, []string) { return v.Mails, v.Numbers }); err != nil {
			return nil, err
		}
	}
	return places, nil
}

// partyLines finds party lines of purged persons on activities that no rule covers: they stay when the person is deleted,
// with the name and the address of that day. Those with an address of the person are found by it.
func (s *Searcher) partyLines(ctx context.Context, by *traces, done []Purged, mention func(Finding)) error {
	if !s.Tables.Exists("activityparty") {
		return nil
	}
	t, err := s.Tables.Table(ctx, "activityparty")
	if err != nil {
		return err
	}
	columns := []string{"activitypartyid", "_partyid_value", "addressused"}
	name := t.Attributes["partyidname"]
	if name != nil && name.ForRead && name.AttributeOf == "" {
		columns = append(columns, "partyidname")
	} else {
		name = nil
	}
	of := make(map[uuid.UUID]ledger.Key)
	var ids []uuid.UUID
	for i := range done {
		of[done[i].ID] = done[i].key()
		ids = append(ids, done[i].ID)
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, environment.MaxIDs) {
		qs = append(qs, dataverse.Query{Table: "activityparty", Select: columns, Filter: environment.IDFilter("_partyid_value", some)})
	}
	return s.Reader.Each(ctx, qs, func(_ int, row dataverse.Row) bool {
		who := of[row.ID("partyid")]
		address := environment.Fold(row.Text("addressused"))
		byAddress := slices.Contains(by.addresses[address], who)
		anonymous := address == "" && name != nil && (row.Text("partyidname") == "" || strings.Contains(row.Text("partyidname"), "purged"))
		if !byAddress && !anonymous && who.ID != uuid.Nil {
			mention(Finding{Person: who, Where: "party", Table: "activityparty", ID: row.ID("activitypartyid")})
		}
		return true
	})
}

// first tells whether no query before this one has found the row.
func (a *valueQuery) first(row dataverse.Row) bool {
	for _, c := range a.columns {
		if at, asked := a.at[environment.Fold(row.Text(c))]; asked && at < a.n {
			return false
		}
	}
	return true
}

// mention tells of whose values a row has.
func (a *valueQuery) mention(row dataverse.Row, mention func(Finding)) {
	id := row.ID(a.table.PrimaryID)
	var told []ledger.Key
	for _, c := range a.columns {
		for _, who := range a.holders(row.Text(c)) {
			if id != who.ID && !slices.Contains(told, who) {
				told = append(told, who)
				mention(Finding{Person: who, Where: a.where, Table: a.table.LogicalName, ID: id})
			}
		}
	}
}

// valueGroups are the values in as many groups as queries need: each names a value once for each column, and has to stay short.
func valueGroups(t *dataverse.Table, columns, values []string) (groups [][]string) {
	sent := func(text string) int { return len(url.QueryEscape(text)) + 2*strings.Count(text, " ") }
	room := 0
	for _, v := range values {
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(v))
		need := len(columns) * sent("<value>"+b.String()+"</value>")
		if n := len(groups); n == 0 || len(groups[n-1]) == maxValues || need > room {
			groups, room = append(groups, nil), maxQuery-sent(valuesFetch(t, columns, nil))
		}
		n := len(groups) - 1
		groups[n], room = append(groups[n], v), room-need
	}
	return groups
}

// valuesFetch asks for rows with one of the values in one of the columns.
func valuesFetch(t *dataverse.Table, columns, values []string) string {
	var in, b strings.Builder
	for _, v := range values {
		in.WriteString("<value>")
		_ = xml.EscapeText(&in, []byte(v))
		in.WriteString("</value>")
	}
	b.WriteString(`<fetch><entity name="` + t.LogicalName + `"><attribute name="` + t.PrimaryID + `"/>`)
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

// in counts the columns of a row in which a person can be told, by what.
func (s *traces) in(row dataverse.Row, columns, phones []string, who ledger.Key) map[string]int {
	found := make(map[string]int)
	name, surname := s.names[who], s.surnames[who]
	for _, c := range columns {
		text := environment.Fold(row.Text(c))
		if text == "" {
			continue
		}
		if name != "" && containsWord(text, name) || surname != "" && containsWord(text, surname) {
			found["kept-name"]++
		}
		for a, holders := range s.addresses {
			if slices.Contains(holders, who) && containsWord(text, a) {
				found["kept-address"]++
				break
			}
		}
		if slices.Contains(phones, c) && slices.Contains(s.holders(text), who) {
			found["kept-number"]++
		}
	}
	return found
}

// tells tells whether a text bears the name of a person, or an address or a number of theirs.
func (s *traces) tells(text string, who ledger.Key) bool {
	folded := environment.Fold(text)
	if name := s.names[who]; name != "" && containsWord(folded, name) || slices.Contains(s.holders(text), who) {
		return true
	}
	for a, holders := range s.addresses {
		if slices.Contains(holders, who) && containsWord(folded, a) {
			return true
		}
	}
	return false
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
