package purge

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/search"
)

// searcher is the search of this run. It is told what should be gone, not how.
func (r *session) searcher() *search.Searcher {
	return &search.Searcher{Client: r.Client, Reader: environment.Batched{Client: r.Client}, Policy: r.Policy, Tables: r.tables, Known: r.searched, Actor: r.Run.Actor, Most: r.most, Log: r.Log}
}

// found takes over what a search has found.
func (s *Summary) found(l search.Left) {
	s.Residue, s.Mentions = append(s.Residue, l.Residue...), append(s.Mentions, l.Mentions...)
	s.unread(l.Unread)
}

// verify looks for what is left of persons whom a chunk has purged.
func (r *runner) verify(ctx context.Context, subject *compile.Subject, done []*work) error {
	persons := make([]search.Purged, len(done))
	for i, w := range done {
		persons[i] = search.Purged{Ref: w.Ref, Before: w.Row, Stands: w.do != policy.Delete, Gone: w.gone, Binned: w.binned, Touched: w.rows, Kept: r.texts(w),
			Blanked: w.blanked, Off: w.off, Actors: r.writers(w)}
	}
	s := r.searcher()
	defer func() { r.summary.found(s.Left) }()
	return s.PurgedPersons(ctx, subject, persons)
}

// made tells of rows that plug-ins made of the run's own writes, and that name whom it has purged.
func (r *runner) made(ctx context.Context) error {
	s := r.searcher()
	defer func() { r.summary.found(s.Left) }()
	return s.Made(ctx, r.began)
}

// refilled tells of the rows that were anonymised in place and written to since.
func (r *runner) refilled(ctx context.Context) error {
	var tables []string
	for i := range r.Policy.Subjects {
		if t := r.Policy.Subjects[i].Table; r.Ledger.InPlace(t) || slices.Contains(r.marked, t) {
			tables = append(tables, t)
		}
	}
	s := r.searcher()
	defer func() { r.summary.found(s.Left) }()
	return s.Anonymised(ctx, tables, r.summary.Mentions)
}

// Unreachable lists the places, by what this environment has.
func Unreachable(s dataverse.Settings, checked *compile.Policy) []search.Place {
	places := []search.Place{
		{Key: search.Backups, Name: "Backups of the environment", Remedy: "Nothing can be taken out of a backup: it expires after 7 to 28 days. After a restore whoever was purged is back: run gallra reapply before administration mode is lifted."},
		{Key: search.Copies, Name: "Copies of the environment", Remedy: "Run gallra in each copy that was made with data, or delete the copy."},
		{Key: search.Mailboxes, Name: "Mailboxes and calendars (Exchange, Outlook)", Remedy: "E-mails, appointments and contacts that were synchronised stay in the mailboxes: delete them there, or by a retention policy in Microsoft Purview."},
		{Key: search.Documents, Name: "Documents in SharePoint and OneNote", Remedy: "Dataverse deletes the location, not the folder: delete folders named after the person in SharePoint."},
		{Key: search.DataLakes, Name: "Data lakes and reports (Synapse Link, Fabric, Power BI, exports)", Remedy: "An append-only lake keeps every version: delete there by the row ids in the ledger."},
		{Key: search.PurviewAudit, Name: "Microsoft Purview's audit log", Remedy: "It expires by its own retention."},
		{Key: search.PowerAutomate, Name: "Power Automate's run history and approvals", Remedy: "The history expires after 28 days. Approvals are rows of eight tables (msdyn_flow_approval and others): delete those that name the person."},
		{Key: search.ImportFiles, Name: "Uploaded import files", Remedy: "An import job keeps every line of its file: delete old import jobs, by a bulk delete of jobs of the type Import, and their files with them."},
		{Key: search.ProcessLogs, Name: "Logs of workflows, business processes and plug-ins", Remedy: "Let Dataverse delete completed jobs by itself (the setting of each workflow); plug-in traces expire after a day unless somebody has switched that job off."},
		{Key: search.Insights, Name: "Sales Insights, Customer Insights", Remedy: "Profiles, segments and interactions are kept outside Dataverse: refresh the sources and everything that follows from them, and renew static segments."},
		{Key: search.SearchAndDevices, Name: "Dataverse search and mobile devices", Remedy: "The search index follows with a delay, and a device that works offline at its next synchronisation."},
		{Key: search.TextOfOthers, Name: "Text of others", Remedy: "What colleagues wrote about a person in rows of other people (a note, the body of an e-mail, which no query can search) is found by Dataverse search only."},
	}
	if s.RecycleBin {
		places = append(places, search.Place{Key: search.RecycleBin, Name: "The recycle bin of Dataverse", Detail: strconv.Itoa(s.RecycleBinDays),
			Remedy: fmt.Sprintf("Deleted rows were emptied before their delete and stay, without personal data, for %d days.", s.RecycleBinDays)})
	}
	var elsewhere []string
	for _, s := range checked.Judged() {
		if m := s.Map; m != nil {
			elsewhere = append(elsewhere, m.Elsewhere()...)
		}
	}
	if slices.Sort(elsewhere); len(elsewhere) > 0 {
		names := strings.Join(slices.Compact(elsewhere), ", ")
		places = append(places, search.Place{Key: search.KeptElsewhere, Name: "Tables whose rows are kept outside Dataverse's own database", Detail: names,
			Remedy: fmt.Sprintf("Rows of these tables (elastic or virtual) lead to persons and were neither read nor deleted: %s. Delete there, in the system that keeps them, what names the person.", names)})
	}
	return places
}
