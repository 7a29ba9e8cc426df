package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/provision/formxml"
)

// solution makes the publisher and the solution, and reads the solution's components: nothing else is ever changed.
func (r *provisioner) solution(ctx context.Context) error {
	p, s := r.p.Publisher, r.p.Solution
	var publisher uuid.UUID
	findPublisher := func(ctx context.Context) (bool, error) {
		row, err := one(ctx, r.c, dataverse.Query{Set: "publishers", Select: []string{"publisherid", "customizationprefix"}, Filter: "uniquename eq " + quote(p.UniqueName)})
		if row == nil || err != nil {
			return false, err
		}
		publisher = row.ID("publisherid")
		if prefix := row.Text("customizationprefix"); !strings.EqualFold(prefix, p.Prefix) {
			return false, fmt.Errorf("exists with the prefix %q, and must have %q: somebody else made it", prefix, p.Prefix)
		}
		return true, nil
	}
	_, err := r.ensure(ctx, "publisher "+p.UniqueName, findPublisher, func(ctx context.Context) (err error) {
		publisher, err = r.c.Create(ctx, "publishers", map[string]any{
			"friendlyname": p.Name, "uniquename": p.UniqueName, "description": p.Name,
			"customizationprefix": p.Prefix, "customizationoptionvalueprefix": p.OptionPrefix,
		}, nil)
		return err
	})
	if err != nil {
		return err
	}
	findSolution := func(ctx context.Context) (bool, error) {
		row, err := one(ctx, r.c, dataverse.Query{Set: "solutions", Select: []string{"solutionid", "description", "ismanaged", "_publisherid_value"}, Filter: "uniquename eq " + quote(s.UniqueName)})
		if row == nil || err != nil {
			return false, err
		}
		switch {
		case row.ID("publisherid") != publisher:
			return false, fmt.Errorf("exists with another publisher than %s: somebody else made it", p.UniqueName)
		case row.Bool("ismanaged"):
			return false, fmt.Errorf("is a managed solution, which takes no components: it is kept up to date by importing it again")
		}
		r.solutionID, r.marks = row.ID("solutionid"), readMarks(row.Text("description"))
		return true, nil
	}
	step, err := r.ensure(ctx, "solution "+s.UniqueName, findSolution, func(ctx context.Context) (err error) {
		r.solutionID, err = r.c.Create(ctx, "solutions", map[string]any{
			"friendlyname": s.Name, "uniquename": s.UniqueName, "version": s.Version,
			"publisherid@odata.bind": "publishers(" + publisher.String() + ")",
		}, nil)
		return err
	})
	if err != nil || !step.Present {
		return err
	}
	r.own = map[uuid.UUID]bool{}
	components, err := components(ctx, r.c, r.solutionID)
	for _, k := range components {
		r.own[k.id] = true
	}
	return err
}

// The types of components that gallra makes, as the service numbers them.
const (
	tableComponent  = 1
	columnComponent = 2
	roleComponent   = 20
	viewComponent   = 26
	chartComponent  = 59
	formComponent   = 60
)

type solutionComponent struct {
	id   uuid.UUID
	kind int
}

// components are those of a solution.
func components(ctx context.Context, c *dataverse.Client, solution uuid.UUID) ([]solutionComponent, error) {
	var list []solutionComponent
	q := dataverse.Query{Set: "solutioncomponents", Select: []string{"objectid", "componenttype"}, Filter: "_solutionid_value eq " + solution.String()}
	for row, err := range c.Rows(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("read the solution's components: %w", err)
		}
		kind, _ := row.Int("componenttype")
		id, _ := uuid.Parse(row.Text("objectid")) // an id that cannot be read is nobody's
		list = append(list, solutionComponent{id, int(kind)})
	}
	return list, nil
}

// mark writes down what provisioning has to remember, and leaves the rest of the note as it is now.
func (r *provisioner) mark(ctx context.Context) error {
	n, err := ReadNote(ctx, r.c)
	if err != nil {
		return err
	}
	n.marks.Published, n.marks.Given = r.marks.Published, r.marks.Given
	_, err = n.Write(ctx, r.c, n.marks.Run)
	return err
}

// fingerprint stands for everything that a publication makes visible.
func (r *provisioner) fingerprint(ctx context.Context) (string, error) {
	h := sha256.New()
	if !r.inEnglishAlone() {
		fmt.Fprintln(h, r.languages)
	}
	for _, t := range r.p.Tables {
		table, err := r.c.Table(ctx, t.Table)
		if err != nil {
			return "", err
		}
		plural, err := r.plural(ctx, t.Table)
		if err != nil {
			return "", err
		}
		for _, c := range t.Columns {
			fmt.Fprintln(h, t.Table, c.SchemaName, c.Mapped)
		}
		for _, v := range t.Views {
			fmt.Fprintln(h, v.named(plural, r.lang), v.fetch(table), v.layout(table))
		}
		for _, c := range t.Charts {
			fmt.Fprintln(h, c.data(table))
		}
		for _, c := range t.Section.Cells {
			fmt.Fprintln(h, c.Role, c.Column)
		}
		for _, d := range t.Dashboards {
			fmt.Fprintln(h, d.id(t.Table))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// publication publishes the tables, once for what they are to hold. Publishing twice is as good as once.
func (r *provisioner) publication(ctx context.Context) error {
	if len(r.p.Tables) == 0 {
		return nil
	}
	// A table's definition from before the columns were made would give another fingerprint than the next run's.
	r.c.Schema.Forget()
	now, err := r.fingerprint(ctx)
	if err != nil {
		return err
	}
	// In a dry run the columns that are missing are missing in the views as well; so is the publication then.
	changed := r.changed() || r.dryRun && slices.ContainsFunc(r.steps, func(s Step) bool { return !s.Done })
	there := func(context.Context) (bool, error) { return !changed && r.marks.Published == now, nil }
	var names []string
	var dashboards []uuid.UUID
	for _, t := range r.p.Tables {
		names = append(names, t.Table)
		for _, d := range t.Dashboards {
			dashboards = append(dashboards, d.id(t.Table))
		}
	}
	_, err = r.ensure(ctx, "publication of "+strings.Join(names, ", "), there, func(ctx context.Context) error {
		if err := publish(ctx, r.c, names, dashboards); err != nil {
			return err
		}
		r.marks.Published = now
		return r.mark(ctx)
	})
	return err
}

// publish makes what was changed of the tables, their views, charts and forms, and of dashboards visible.
func publish(ctx context.Context, c *dataverse.Client, tables []string, dashboards []uuid.UUID) error {
	var xml strings.Builder
	xml.WriteString("<importexportxml><entities>")
	for _, t := range tables {
		xml.WriteString("<entity>" + t + "</entity>")
	}
	xml.WriteString("</entities>")
	if len(dashboards) > 0 {
		xml.WriteString("<dashboards>")
		for _, id := range dashboards {
			xml.WriteString("<dashboard>" + formxml.Braced(id) + "</dashboard>")
		}
		xml.WriteString("</dashboards>")
	}
	xml.WriteString("</importexportxml>")
	return c.Do(ctx, dataverse.Operation{Method: http.MethodPost, Path: "PublishXml", Body: map[string]string{"ParameterXml": xml.String()}, Repeatable: true}, nil)
}
