package messages

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// The states of a job. Page: asynchronous operation states.
const (
	jobReady     = 0
	jobSuspended = 1
	jobLocked    = 2
	jobCompleted = 3

	jobWaiting    = 10
	jobInProgress = 20
	jobSucceeded  = 30
	jobFailed     = 31
	jobCanceled   = 32
)

// How long a step of a job takes where the options do not say, and how many rows it deletes.
const (
	jobStep  = 5 * time.Millisecond
	jobChunk = 100
)

// stepDuration is how long a step of a job takes, by the emulator's clock.
func stepDuration(e *store.Engine) time.Duration {
	switch d := e.Options.JobStep; {
	case d < 0:
		return 0
	case d == 0:
		return jobStep
	default:
		return d
	}
}

// jobDue is when a job of that start time begins to run: a step after it may.
func jobDue(e *store.Engine, start store.Instant) time.Time {
	at := e.Clock.Now()
	if later := start.Time(); later.After(at) {
		at = later
	}
	return at.Add(stepDuration(e))
}

// waitFor sets the state of a job that waits for its time: suspended until then, or ready for when the service has
// resources.
func waitFor(w *platform.Writer, t *schema.Table, v store.Values, start store.Instant) {
	v.Set(t, "statecode", int64(jobReady))
	v.Set(t, "statuscode", int64(0))
	v.Set(t, "postponeuntil", start)
	if start > w.Now {
		v.Set(t, "statecode", int64(jobSuspended))
		v.Set(t, "statuscode", int64(jobWaiting))
	}
}

// RunJobs runs the steps of every job that are due by the clock.
func (s *Service) RunJobs(now time.Time) {
	sn := s.Store.View()
	t := sn.Schema.Tables["asyncoperation"]
	var due []uuid.UUID
	sn.Data[t.Name].Scan(uuid.Nil, func(r *store.Row) bool {
		if job, ok := r.Get(jobContent).(*bulkJob); ok && !job.due.After(now) && !job.held {
			due = append(due, r.ID)
		}
		return true
	})
	for _, id := range due {
		for s.stepJob(id, now) {
		}
	}
}

// stepJob takes one step of a bulk delete job, as its owner: it starts, deletes some rows, or ends. It reports whether
// the next step is due too.
func (s *Service) stepJob(id uuid.UUID, now time.Time) bool {
	w := s.PlatformWriter()
	defer func() {
		w.Commit()
		s.Meter.Wrote(w.Written)
	}()
	t := w.Schema.Tables["asyncoperation"]
	r := w.Data[t.Name].Get(id)
	if r == nil {
		return false // deleted in the meantime
	}
	old, ok := r.Get(jobContent).(*bulkJob)
	if !ok || old.due.After(now) || old.held {
		return false // another request was faster
	}
	next := *old
	job := &next
	job.due = job.due.Add(stepDuration(s.Engine))
	w.User, w.Unbinned, w.Unaudited, w.Job = job.user, job.unbinned || job.fast, job.fast, &id
	state := store.Values{}
	switch {
	case !job.running:
		if err := startJob(w, job); err != nil {
			endJob(w, t, r, job, jobFailed, err)
			return false
		}
		state.Set(t, "startedon", w.Now)
	case len(job.left) > 0:
		deleteChunk(w, job)
	default:
		endJob(w, t, r, job, jobSucceeded, nil)
		return false
	}
	state[jobContent] = job
	state.Set(t, "statecode", int64(jobLocked))
	state.Set(t, "statuscode", int64(jobInProgress))
	state.Set(t, "modifiedon", w.Now)
	w.Put(t, w.NextRow(t, w.Data[t.Name].Get(id), state))
	reportProgress(w, job, jobLocked, jobInProgress)
	return !job.due.After(now)
}

// startJob looks up what the job deletes: "It only deletes records that were created before the job starts to run."
// Without the rights it fails. Page: delete-data-bulk.
func startJob(w *platform.Writer, job *bulkJob) error {
	job.running, job.deleted, job.failed = true, 0, 0
	if err := w.CheckPrivilege("prvBulkDelete"); err != nil {
		return err
	}
	for i, q := range job.queries {
		t := w.Schema.Tables[q.table]
		if t == nil {
			return wire.NoTable(http.StatusBadRequest, "0x80041102", q.table)
		}
		if err := w.CheckRight("Delete", t, nil); err != nil {
			return err
		}
		if ids := matchingIDs(w, q, t); len(ids) > 0 {
			job.left = append(job.left, foundRows{i, ids})
		}
	}
	return nil
}

// matchingIDs are the rows that a query of a job finds now, as far as its owner may read them.
func matchingIDs(w *platform.Writer, q *bulkQuery, t *schema.Table) []uuid.UUID {
	var ids []uuid.UUID
	from := w.Data
	if q.retained {
		from = w.Retained
	}
	q.where.rows(from[t.Name], t, func(r *store.Row) {
		if w.CheckRight("Read", t, r) != nil {
			return
		}
		if since, ok := store.Value(t, r, "createdon").(store.Instant); !ok || since <= w.Now {
			ids = append(ids, r.ID)
		}
	})
	return ids
}

// deleteChunk deletes the next rows. It records those that cannot be deleted, and goes on.
func deleteChunk(w *platform.Writer, job *bulkJob) {
	c := job.left[0]
	q := job.queries[c.query]
	n := min(jobChunk, len(c.ids))
	rest := c.ids[n:]
	job.left = job.left[1:]
	if len(rest) > 0 {
		job.left = append([]foundRows{{c.query, rest}}, job.left...)
	}
	t := w.Schema.Tables[q.table]
	if t == nil {
		return // the table was deleted under the job
	}
	for _, id := range c.ids[:n] {
		deleteByJob(w, job, q, c.query, t, id)
	}
}

func deleteByJob(w *platform.Writer, job *bulkJob, q *bulkQuery, index int, t *schema.Table, id uuid.UUID) {
	if q.retained {
		if purgeRetained(w, t, id) {
			job.deleted++
		}
		return
	}
	r := w.Data[t.Name].Get(id)
	switch {
	case r == nil:
		return // gone with another one
	case t.Name == "audit":
		w.Remove(t, id)
		job.deleted++
		return
	}
	before := w.Savepoint()
	err := w.CheckRight("Delete", t, r)
	if err == nil {
		err = w.DeleteRow(t, r)
	}
	if err != nil {
		w.Tx.RollbackTo(before)
		noteFailure(w, job, index, t, r, err)
		job.failed++
		return
	}
	w.Release(before)
	job.deleted++
}

// reportProgress shows the job's counts and state in its bulkdeleteoperation.
func reportProgress(w *platform.Writer, job *bulkJob, state, status int64) {
	t := w.Schema.Tables["bulkdeleteoperation"]
	r := w.Data[t.Name].Get(job.operation)
	if r == nil {
		return
	}
	at := len(job.queries)
	if len(job.left) > 0 {
		at = job.left[0].query
	}
	v := store.Values{}
	v.Set(t, "statecode", state)
	v.Set(t, "statuscode", status)
	v.Set(t, "successcount", job.deleted)
	v.Set(t, "failurecount", job.failed)
	v.Set(t, "processingqeindex", int64(at))
	v.Set(t, "modifiedon", w.Now)
	w.Put(t, w.NextRow(t, r, v))
}

// endJob ends a run: for good, or until its time comes again.
func endJob(w *platform.Writer, t *schema.Table, r *store.Row, job *bulkJob, status int64, why error) {
	r = w.Data[t.Name].Get(r.ID)
	v := store.Values{jobContent: nil}
	v.Set(t, "statecode", int64(jobCompleted))
	v.Set(t, "statuscode", status)
	v.Set(t, "completedon", w.Now)
	v.Set(t, "modifiedon", w.Now)
	var refusal *wire.Error
	if errors.As(why, &refusal) {
		code, _ := strconv.ParseUint(wire.TrimHex(refusal.Code), 16, 32)
		v.Set(t, "errorcode", int64(int32(code)))
		v.SetText(t, "message", refusal.Message)
	}
	at, again := job.again.next(job.start, w.Now)
	again = again && status != jobCanceled
	job.left = nil
	reportProgress(w, job, jobCompleted, status)
	b := w.Schema.Tables["bulkdeleteoperation"]
	o := w.Data[b.Name].Get(job.operation)
	if again {
		job.running, job.due = false, jobDue(w.Engine, at)
		v[jobContent] = job
		waitFor(w, t, v, at)
		if o != nil {
			next := store.Values{}
			next.Set(b, "nextrun", at)
			waitFor(w, b, next, at)
			w.Put(b, w.NextRow(b, o, next))
		}
	} else if o != nil {
		w.Put(b, w.NextRow(b, o, store.Values{b.Column("nextrun").Index: nil}))
	}
	w.Put(t, w.NextRow(t, r, v))
}

// moveJob checks what an update asks of a job: it can be canceled, put off and taken up again, until it has ended. Pages:
// asynchronous operation states, web-service-error-codes.
func moveJob(from, to, status int64) error {
	switch {
	case from == jobCompleted && to == jobSuspended:
		return wire.NewError(http.StatusBadRequest, "0x80044f01", "This system job cannot be paused.")
	case from == jobCompleted:
		return wire.NewError(http.StatusBadRequest, "0x80044f00", "This system job cannot be canceled.")
	case to == jobLocked && from != jobLocked, to == jobCompleted && status != jobCanceled:
		return wire.BadArgument("The state of a system job can only be set to Ready, Suspended, or Completed as Canceled.")
	}
	return nil
}

// followJob applies to the job what an update of its row says: put off, resumed, canceled.
func followJob(w *platform.Writer, t *schema.Table, before, after *store.Row) {
	old, ok := after.Get(jobContent).(*bulkJob)
	if !ok {
		return
	}
	next := *old
	job := &next
	from, to := store.Int(t, before, "statecode"), store.Int(t, after, "statecode")
	switch {
	case to == jobCompleted:
		endJob(w, t, after, job, jobCanceled, nil)
		return
	case from == to && store.Value(t, before, "postponeuntil") == store.Value(t, after, "postponeuntil"):
		return
	}
	until, _ := store.Value(t, after, "postponeuntil").(store.Instant)
	job.held = to == jobSuspended && until <= w.Now
	if to == jobReady {
		until = w.Now
	}
	job.due = jobDue(w.Engine, until)
	v := store.Values{jobContent: job}
	w.Put(t, w.NextRow(t, after, v))
	reportProgress(w, job, to, store.Int(t, after, "statuscode"))
}

// deletableJob refuses the delete of a job that is not over.
func deletableJob(t *schema.Table, r *store.Row) error {
	if store.Int(t, r, "statecode") != jobCompleted {
		return wire.NewError(http.StatusBadRequest, "0x8004416a", "Cannot delete async operation unless it is in Completed state.")
	}
	return nil
}
