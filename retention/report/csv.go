package report

import (
	"encoding/csv"
	"io"
	"strconv"

	"github.com/gallra/gallra/internal/workbook"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/plan"
)

// WriteCSV writes the decisions as comma-separated values for a spreadsheet, by id as they come, with a link for whoever may see
// the person in Dynamics 365.
func WriteCSV(to io.Writer, p *plan.Plan, url string) error {
	w := csv.NewWriter(to)
	_ = w.Write([]string{"table", "id", "action", "purgeOn", "noticedOn", "retainUntil", "ground", "class", "stuck", "unapproved", "reason", "link"})
	date := func(d retention.Date) string {
		if d.IsZero() || d == retention.Open {
			return ""
		}
		return d.String()
	}
	for i := range p.Decisions {
		d := &p.Decisions[i]
		row := []string{d.Person.Table, d.Person.ID.String(), string(d.Action), date(d.PurgeOn), date(d.NoticedOn), date(d.Until), d.GroundID(), d.Class, d.Stuck,
			strconv.FormatBool(d.Unapproved), d.Reason(), (&Report{URL: url}).Link(d.Person.Table, d.Person.ID)}
		for j := range row {
			row[j] = workbook.Guarded(row[j])
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
