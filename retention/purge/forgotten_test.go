package purge_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/search"
)

// relabelled tells of some columns other than the service does, so that the purge passes them over.
type relabelled struct {
	dataverse.Writer
	table  string
	change map[string]func(*dataverse.Attribute)
}

func (r *relabelled) Table(ctx context.Context, name string) (*dataverse.Table, error) {
	t, err := r.Writer.Table(ctx, name)
	if err != nil || name != r.table {
		return t, err
	}
	other := *t
	other.Attributes = maps.Clone(t.Attributes)
	for column, change := range r.change {
		a := *t.Attributes[column]
		change(&a)
		other.Attributes[column] = &a
	}
	return &other, nil
}

func fixed(a *dataverse.Attribute) { a.ForUpdate = false }

// The purge passes over columns that it takes for something else than a person's. The search finds what is in them all the
// same, each kind.
func TestSearchFindsWhatThePurgeForgets(t *testing.T) {
	kinds := map[string]func(*dataverse.Attribute){
		"traversedpath": func(*dataverse.Attribute) {},                               // one of those that say nothing of a person
		"jobtitle":      fixed,                                                       // one that only a create writes
		"websiteurl":    func(a *dataverse.Attribute) { a.AttributeOf = "lastname" }, // one that stands for another
		"companyname":   func(a *dataverse.Attribute) { a.ForUpdate, a.AttributeOf = false, "gone" },
		"entityimage":   fixed, // a picture
	}
	w := newWorld(t, pol)
	w.create("lead", "rene", row{"firstname": "Rene", "lastname": "Leader", "traversedpath": "Rene Leader", "jobtitle": "Fire eater", "websiteurl": "https://rene.example.com",
		"companyname": "Leader & Daughters", "entityimage": "R0lGODlhAQABAAAAACw="})
	pass := func(d *purge.Deps) { d.Client = &relabelled{d.Client, "lead", kinds} }
	w.run(pass)
	w.advance(60)
	s, _ := w.tryRun(pass)
	if r := w.get("lead", "rene"); r.Text("lastname") == "Leader" || r.Text("jobtitle") != "Fire eater" || r.Text("entityimage_url") == "" {
		t.Fatalf("the purge was to forget columns: %v", r)
	}
	if len(s.Residue) != 1 || s.Residue[0].Where != "column" || s.Residue[0].Count != len(kinds) {
		t.Errorf("found: %+v, want %d columns", s.Residue, len(kinds))
	}
}

// In the recycle bin as well.
func TestSearchFindsInTheBinWhatThePurgeForgets(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.create("annotation", "note", row{"subject": "About Yvonne McKay", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
	pass := func(d *purge.Deps) {
		d.Client = &relabelled{d.Client, "contact", map[string]func(*dataverse.Attribute){"description": fixed}}
		d.Client = &relabelled{d.Client, "annotation", map[string]func(*dataverse.Attribute){"subject": fixed}}
	}
	w.run(pass)
	w.advance(60)
	s, _ := w.tryRun(pass)
	var found []string
	for _, f := range s.Residue {
		found = append(found, f.Where+" "+f.Table)
	}
	slices.Sort(found)
	if got := strings.Join(found, ", "); got != "bin annotation, bin contact" {
		t.Errorf("found: %s", got)
	}
}

// The picture of a lead stands beside the column that the metadata calls its own: it goes with the rest.
func TestPictureOfALeadGoes(t *testing.T) {
	w := newWorld(t, pol)
	w.create("lead", "rene", row{"lastname": "Leader", "entityimage": "R0lGODlhAQABAAAAACw="})
	if w.get("lead", "rene").Text("entityimage_url") == "" {
		t.Fatal("there is no picture")
	}
	if s := w.purgeAll(); s.Purged() != 1 || len(s.Residue) != 0 {
		t.Fatalf("%d purged, residue %v", s.Purged(), s.Residue)
	}
	if r := w.get("lead", "rene"); r.Text("entityimage_url") != "" {
		t.Errorf("the picture is still there: %v", r["entityimage_url"])
	}
}

// A column that the user is not shown may be empty or not: that is said.
func TestColumnsThatCannotBeReadAreNamed(t *testing.T) {
	w := newWorld(t, pol)
	w.create("lead", "rene", row{"lastname": "Leader", "jobtitle": "Fire eater"})
	hidden := func(d *purge.Deps) {
		d.Client = &relabelled{d.Client, "lead", map[string]func(*dataverse.Attribute){"jobtitle": func(a *dataverse.Attribute) { a.ForRead = false }}}
	}
	w.run(hidden)
	w.advance(60)
	s := w.run(hidden)
	if !slices.ContainsFunc(s.Unread, func(p search.Place) bool {
		return p.Name == "Columns that cannot be read" && strings.Contains(p.Remedy, "lead.jobtitle")
	}) {
		t.Errorf("it is not said: %v", s.Unread)
	}
}
