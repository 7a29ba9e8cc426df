package search

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge/environment"
)

// System jobs outlive the rows that they ran for (their relationship does not cascade), and keep names, messages and the
// context that they were given. A bulk delete job keeps its queries: whoever searched by a name left it there.

// maxJobTexts is how much of the newest bulk delete jobs' names and queries is read, once a run.
const maxJobTexts = 4 << 20

// jobTexts are the names and queries of bulk delete jobs.
type jobTexts struct {
	turn environment.Turn
	read bool
	rows []jobText
}

type jobText struct {
	id   uuid.UUID
	text string // folded
}

// jobsUnread is the place that is named where the user may not read system jobs.
var jobsUnread = Place{Key: SystemJobs, Name: "System jobs", Remedy: "They were not searched, because the user may not read all of them: look under Settings, System Jobs and Bulk Record Deletion for jobs that name the person, and delete them."}

// jobsMore is the place that is named where there are more bulk delete jobs than are read.
var jobsMore = Place{Key: BulkDeleteJobs, Name: "Bulk delete jobs", Remedy: "There are so many that only the newest were searched for names and addresses in their queries: look under Settings, Bulk Record Deletion, and delete jobs that have ended."}

// jobs looks for system jobs that ran for purged persons, and for bulk delete jobs that name them.
func (s *Searcher) jobs(ctx context.Context, by *traces, done []Purged, mention func(Finding)) error {
	if !s.Tables.Exists("asyncoperation") {
		return nil
	}
	of := make(map[uuid.UUID]ledger.Key)
	var persons []uuid.UUID
	for i := range done {
		of[done[i].ID] = done[i].key()
		persons = append(persons, done[i].ID)
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(persons, environment.MaxIDs) {
		qs = append(qs, dataverse.Query{Table: "asyncoperation", Select: []string{"asyncoperationid", "_regardingobjectid_value"}, Filter: environment.IDFilter("_regardingobjectid_value", some)})
	}
	answers, err := s.Reader.Queries(ctx, qs)
	if errors.Is(err, dataverse.ErrForbidden) {
		s.unread(jobsUnread)
		return nil
	}
	if err != nil {
		return err
	}
	for _, row := range slices.Concat(answers...) {
		mention(Finding{Person: of[row.ID("regardingobjectid")], Where: "job", Table: "asyncoperation", ID: row.ID("asyncoperationid")})
	}
	return s.bulkJobs(ctx, by, mention)
}

func (s *Searcher) bulkJobs(ctx context.Context, by *traces, mention func(Finding)) error {
	if !s.Tables.Exists("bulkdeleteoperation") {
		return nil
	}
	texts := &s.Known.jobs
	end, err := texts.turn.Take(ctx)
	if err != nil {
		return err
	}
	defer end()
	if !texts.read {
		q := dataverse.Query{Table: "bulkdeleteoperation", Select: []string{"bulkdeleteoperationid", "name", "orderedquerysetxml"},
			Filter: "name eq null or not startswith(name," + odata.Quote(environment.JobName) + ")", OrderBy: "createdon desc"} // our own name rows by their ids only
		size := 0
		for row, err := range s.Client.Rows(ctx, q) {
			if errors.Is(err, dataverse.ErrForbidden) {
				s.unread(jobsUnread)
				break
			}
			if err != nil {
				texts.rows = nil
				return err
			}
			text := environment.Fold(row.Text("name") + " " + row.Text("orderedquerysetxml"))
			if size += len(text); size > maxJobTexts {
				s.unread(jobsMore)
				break
			}
			texts.rows = append(texts.rows, jobText{row.ID("bulkdeleteoperationid"), text})
		}
		texts.read = true
	}
	for _, job := range texts.rows {
		for who, name := range by.names {
			if containsWord(job.text, name) {
				mention(Finding{Person: who, Where: "job", Table: "bulkdeleteoperation", ID: job.id})
			}
		}
		for address, holders := range by.addresses {
			if !containsWord(job.text, address) {
				continue
			}
			for _, who := range holders {
				if by.names[who] == "" || !containsWord(job.text, by.names[who]) {
					mention(Finding{Person: who, Where: "job", Table: "bulkdeleteoperation", ID: job.id})
				}
			}
		}
	}
	return nil
}
