// Package ask puts a word to persons before their purge: a task in a queue, for staff or for a mail flow of the company's own.
// gallra sends nothing.
//
// The task bears the person's table and id as text, and nothing else of them: no lookup and no party leads from it to the person.
// So it counts for no ground, stands in no place of the person map, and no rule finds it. The ledger knows it by id, announced before it
// is written; its id follows from the person and the purge date, so that whatever is sent twice is refused the second time.
package ask

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Category stands on every task that gallra makes, for views and flows.
const Category = "gallra"

// atOnce is how many persons one request has asked.
const atOnce = 100

// Asker asks persons for a run.
type Asker struct {
	Client dataverse.Writer
	Ledger *ledger.Ledger
	Policy *compile.Policy
	Today  retention.Date
	// Send carries out parts and tells what became of each; a run that ends sends nothing new.
	Send func(context.Context, []dataverse.Part) []error
}

// Word is a person who is to be asked, and the announced date of their purge.
type Word struct {
	environment.Ref
	Class   int
	PurgeOn retention.Date
}

// Outcome is what became of a word that was not put: why, by person.
type Outcome struct {
	environment.Ref
	Err error
}

// Put asks persons, each announced in the ledger before. It answers how many were asked, and who could not be.
func (a *Asker) Put(ctx context.Context, all []Word) (asked int, failed []Outcome, err error) {
	if len(all) == 0 {
		return 0, nil, nil
	}
	text := words.In("ask", a.Policy.Policy.Language)
	for some := range slices.Chunk(all, atOnce) {
		if err := ctx.Err(); err != nil {
			return asked, failed, err
		}
		entries, parts := make([]ledger.Entry, len(some)), make([]dataverse.Part, len(some))
		for i, w := range some {
			task := TaskID(w.Ref, w.PurgeOn)
			entries[i] = entry(ledger.Asking, w.Ref, task)
			entries[i].PurgeOn, entries[i].Today = w.PurgeOn, a.Today
			parts[i].Set = a.task(text, w, task)
		}
		if err := a.Ledger.Append(entries...); err != nil {
			return asked, failed, err
		}
		var outcomes []ledger.Entry
		for i, err := range a.Send(ctx, parts) {
			e := entry(ledger.WasAsked, some[i].Ref, entries[i].Rows["task"][0])
			var unsure *dataverse.Uncertain
			switch {
			case err == nil, errors.Is(err, dataverse.ErrDuplicate): // the task is there: written by a run before
				e.Status = ledger.Done
				asked++
			case errors.As(err, &unsure), ctx.Err() != nil:
				continue // nobody knows: the next run finds out
			default:
				e.Status, e.Code = ledger.Failed, environment.Code(err)
				failed = append(failed, Outcome{some[i].Ref, err})
			}
			outcomes = append(outcomes, e)
		}
		if err := a.Ledger.Append(outcomes...); err != nil {
			return asked, failed, err
		}
	}
	return asked, failed, nil
}

// TaskID is the id of the task by which a person is asked before a purge date.
func TaskID(who environment.Ref, purgeOn retention.Date) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/gallra/gallra/ask/"+who.Table+"/"+who.ID.String()+"/"+purgeOn.String()))
}

func entry(kind ledger.Kind, who environment.Ref, task uuid.UUID) ledger.Entry {
	return ledger.Entry{Kind: kind, Table: who.Table, ID: who.ID, Rows: map[string][]uuid.UUID{"task": {task}}}
}

// task is a task with its place in the queue, in one transaction.
func (a *Asker) task(text *words.Words, w Word, task uuid.UUID) dataverse.ChangeSet {
	day := text.Date(w.PurgeOn.Time(), " ")
	subject := text.T("subject", day)
	y, m, d := w.PurgeOn.Time().Date()
	link := "main.aspx?pagetype=entityrecord&etn=" + w.Table + "&id=" + w.ID.String()
	if c, ok := a.Client.(interface{ URL() string }); ok {
		link = strings.TrimSuffix(c.URL(), "/") + "/" + link
	}
	rules := a.Policy.Subject(w.Table).For(w.Class)
	return dataverse.ChangeSet{
		{Method: http.MethodPost, Path: "tasks", Body: map[string]any{"activityid": task.String(), "subject": subject, "description": text.T("description", day, link),
			"category": Category, "subcategory": w.Table + " " + w.ID.String(), "scheduledend": time.Date(y, m, d, 12, 0, 0, 0, a.Policy.Policy.TimeZone).UTC().Format(time.RFC3339)}},
		{Method: http.MethodPost, Path: "queueitems", Body: map[string]any{"queueitemid": uuid.NewSHA1(task, []byte("queueitem")).String(), "title": subject,
			"objectid_task@odata.bind": "/tasks(" + task.String() + ")", "queueid@odata.bind": "/queues(" + rules.Ask.Queue.String() + ")"}},
	}
}

// Resume finds out what became of words that a cut run was about to put.
func (a *Asker) Resume(ctx context.Context) error {
	open := slices.DeleteFunc(a.Ledger.Asks(), func(x ledger.Ask) bool { return !x.Open })
	for some := range slices.Chunk(open, environment.MaxIDs) {
		there, err := a.read(ctx, some)
		if err != nil {
			return err
		}
		var entries []ledger.Entry
		for _, x := range some {
			e := entry(ledger.WasAsked, environment.Ref{Table: x.Table, ID: x.ID}, x.Task)
			e.Status = ledger.Done
			if there[x.Task] == nil {
				e.Status, e.Code = ledger.Skipped, ledger.NotBegun
			}
			entries = append(entries, e)
		}
		if err := a.Ledger.Append(entries...); err != nil {
			return err
		}
	}
	return nil
}

// Forget lets nobody count as asked whose task is gone: a backup has none that came after it, and an answer is gone with it.
func (a *Asker) Forget(ctx context.Context) error {
	var entries []ledger.Entry
	for some := range slices.Chunk(a.Ledger.Asks(), environment.MaxIDs) {
		there, err := a.read(ctx, some)
		if err != nil {
			return err
		}
		for _, x := range some {
			if there[x.Task] == nil {
				entries = append(entries, entry(ledger.Unasked, environment.Ref{Table: x.Table, ID: x.ID}, x.Task))
			}
		}
	}
	return a.Ledger.Append(entries...)
}

// Adopt finds tasks of which a ledger that is new, or older than the environment was, does not know. That a task is gallra's its id
// proves: it follows from the person and the date that the task bears, and nobody else makes it. Since nobody knows when the person
// was asked, the day counts as today.
func (a *Asker) Adopt(ctx context.Context) error {
	known := make(map[uuid.UUID]bool)
	for _, x := range a.Ledger.Asks() {
		known[x.Task] = true
	}
	var entries []ledger.Entry
	for row, err := range a.Client.Rows(ctx, dataverse.Query{Table: "task", Select: []string{"activityid", "subcategory", "scheduledend"}, Filter: "category eq '" + Category + "'"}) {
		if err != nil {
			return fmt.Errorf("look for tasks by which persons were asked: %w", err)
		}
		table, text, _ := strings.Cut(row.Text("subcategory"), " ")
		at, there := row.Time("scheduledend")
		id, err := uuid.Parse(text)
		task := row.ID("activityid")
		who, on := environment.Ref{Table: table, ID: id}, retention.DateOf(at, a.Policy.Policy.TimeZone)
		if err != nil || !there || known[task] || TaskID(who, on) != task {
			continue
		}
		asking, asked := entry(ledger.Asking, who, task), entry(ledger.WasAsked, who, task)
		asking.PurgeOn, asking.Today, asked.Status = on, a.Today, ledger.Done
		entries = append(entries, asking, asked)
	}
	return a.Ledger.Append(entries...)
}

// read are the tasks that are there.
func (a *Asker) read(ctx context.Context, some []ledger.Ask) (map[uuid.UUID]dataverse.Row, error) {
	ids := make([]uuid.UUID, len(some))
	for i, x := range some {
		ids[i] = x.Task
	}
	rows := make(map[uuid.UUID]dataverse.Row)
	for row, err := range a.Client.Rows(ctx, dataverse.Query{Table: "task", Select: []string{"activityid", "statecode"}, Filter: environment.IDFilter("activityid", ids)}) {
		if err != nil {
			return nil, fmt.Errorf("read the tasks by which persons are asked: %w", err)
		}
		rows[row.ID("activityid")] = row
	}
	return rows, nil
}

// gone are the operations by which a task goes. One that people have completed is opened to be emptied.
func gone(task uuid.UUID, row dataverse.Row) (ops []dataverse.Operation) {
	path := environment.RowPath("tasks", task)
	if state, _ := row.Int("statecode"); state != 0 {
		ops = append(ops, dataverse.Operation{Method: http.MethodPatch, Path: path, Body: map[string]any{"statecode": 0}, IfMatch: "*"})
	}
	return append(ops,
		dataverse.Operation{Method: http.MethodPatch, Path: path, Body: map[string]any{"subject": environment.Placeholder, "description": nil, "category": nil, "subcategory": nil}, IfMatch: "*"},
		dataverse.Operation{Method: http.MethodDelete, Path: path})
}

// Stand tells what has become of a person who was asked.
type Stand int

const (
	Near    Stand = iota // the purge comes on the date that the word was about
	Rescued              // something justifies them again, or the date is another one
	Gone                 // purged, or away
)

// TakeBack takes back the words to persons whose purge does not come on that date any more. A task that people have completed stays
// with somebody who was rescued, until their purge: it may be all that says how they answered. It answers how many tasks went, and how many could not be taken back yet.
func (a *Asker) TakeBack(ctx context.Context, stand func(ledger.Ask) Stand) (taken, left int, err error) {
	asks := slices.DeleteFunc(a.Ledger.Asks(), func(x ledger.Ask) bool { return x.Open || stand(x) == Near })
	asks = slices.DeleteFunc(asks, func(x ledger.Ask) bool { return x.Answered && stand(x) == Rescued })
	for some := range slices.Chunk(asks, environment.MaxIDs) {
		there, err := a.read(ctx, some)
		if err != nil {
			return taken, left, err
		}
		var entries []ledger.Entry
		var parts []dataverse.Part
		var going []ledger.Entry
		for _, x := range some {
			e := entry(ledger.Unasked, environment.Ref{Table: x.Table, ID: x.ID}, x.Task)
			row := there[x.Task]
			if row == nil {
				entries = append(entries, e)
				continue
			}
			ops := gone(x.Task, row)
			if state, _ := row.Int("statecode"); stand(x) == Rescued {
				if state != 0 {
					e.Status = ledger.Skipped
					entries = append(entries, e)
					continue
				}
				ops[0].IfMatch = row.ETag() // unless it is completed in this moment
			}
			parts, going = append(parts, dataverse.Part{Set: ops}), append(going, e)
		}
		if len(parts) > 0 {
			for i, err := range a.Send(ctx, parts) {
				if err == nil || errors.Is(err, dataverse.ErrNotFound) {
					entries = append(entries, going[i])
					taken++
				} else {
					left++
				}
			}
		}
		if err := a.Ledger.Append(entries...); err != nil {
			return taken, left, err
		}
	}
	return taken, left, nil
}
