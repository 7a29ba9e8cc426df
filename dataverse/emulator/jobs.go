package emulator

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
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

// step is how long a step of a job takes, by the emulator's clock.
func (e *engine) jobStep() time.Duration {
	switch d := e.options.JobStep; {
	case d < 0:
		return 0
	case d == 0:
		return jobStep
	default:
		return d
	}
}

// jobDue is when a job of that start time begins to run: a step after it may.
func (e *engine) jobDue(start instant) time.Time {
	at := e.clock.now()
	if later := start.time(); later.After(at) {
		at = later
	}
	return at.Add(e.jobStep())
}

// waitFor sets the state of a job that waits for its time: suspended until then, or ready for when the service has
// resources.
func (w *writer) waitFor(t *table, v values, start instant) {
	v.set(t, "statecode", int64(jobReady))
	v.set(t, "statuscode", int64(0))
	v.set(t, "postponeuntil", start)
	if start > w.now {
		v.set(t, "statecode", int64(jobSuspended))
		v.set(t, "statuscode", int64(jobWaiting))
	}
}

// runJobs takes every job as far as the clock says.
func (s *messageService) runJobs(now time.Time) {
	sn := s.store.view()
	t := sn.schema.tables["asyncoperation"]
	var due []uuid.UUID
	sn.data[t.Name].scan(uuid.Nil, func(r *row) bool {
		if job, ok := r.get(jobContent).(*bulkJob); ok && !job.due.After(now) && !job.held {
			due = append(due, r.id)
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
func (s *messageService) stepJob(id uuid.UUID, now time.Time) bool {
	w := s.platformWriter()
	defer func() {
		w.commit()
		s.meter.wrote(w.written)
	}()
	t := w.schema.tables["asyncoperation"]
	r := w.data[t.Name].get(id)
	if r == nil {
		return false // deleted in the meantime
	}
	old, ok := r.get(jobContent).(*bulkJob)
	if !ok || old.due.After(now) || old.held {
		return false // another request was faster
	}
	next := *old
	job := &next
	job.due = job.due.Add(s.jobStep())
	w.user, w.unbinned, w.unaudited, w.job = job.user, job.unbinned || job.fast, job.fast, &id
	state := values{}
	switch {
	case !job.running:
		if err := w.startJob(job); err != nil {
			w.endJob(t, r, job, jobFailed, err)
			return false
		}
		state.set(t, "startedon", w.now)
	case len(job.left) > 0:
		w.deleteChunk(job)
	default:
		w.endJob(t, r, job, jobSucceeded, nil)
		return false
	}
	state[jobContent] = job
	state.set(t, "statecode", int64(jobLocked))
	state.set(t, "statuscode", int64(jobInProgress))
	state.set(t, "modifiedon", w.now)
	w.put(t, w.next(t, w.data[t.Name].get(id), state))
	w.progress(job, jobLocked, jobInProgress)
	return !job.due.After(now)
}

// startJob looks up what the job deletes: "It only deletes records that were created before the job starts to run."
// Without the rights it fails. Page: delete-data-bulk.
func (w *writer) startJob(job *bulkJob) error {
	job.running, job.deleted, job.failed = true, 0, 0
	if err := w.holds("prvBulkDelete"); err != nil {
		return err
	}
	for i, q := range job.queries {
		t := w.schema.tables[q.table]
		if t == nil {
			return newFault(http.StatusBadRequest, "0x80041102", "The entity with a name = '%s' was not found in the MetadataCache.", q.table)
		}
		if err := w.allow("Delete", t, nil); err != nil {
			return err
		}
		if ids := w.matching(q, t); len(ids) > 0 {
			job.left = append(job.left, condemned{i, ids})
		}
	}
	return nil
}

// matching are the rows that a query of a job finds now, as far as its owner may read them.
func (w *writer) matching(q *bulkQuery, t *table) []uuid.UUID {
	var ids []uuid.UUID
	from := w.data
	if q.retained {
		from = w.retained
	}
	q.where.rows(from[t.Name], t, func(r *row) {
		if w.allow("Read", t, r) != nil {
			return
		}
		if since, ok := t.get(r, "createdon").(instant); !ok || since <= w.now {
			ids = append(ids, r.id)
		}
	})
	return ids
}

// deleteChunk deletes the next rows. What cannot be deleted is written down and left.
func (w *writer) deleteChunk(job *bulkJob) {
	c := job.left[0]
	q := job.queries[c.query]
	n := min(jobChunk, len(c.ids))
	rest := c.ids[n:]
	job.left = job.left[1:]
	if len(rest) > 0 {
		job.left = append([]condemned{{c.query, rest}}, job.left...)
	}
	t := w.schema.tables[q.table]
	if t == nil {
		return // the table was deleted under the job
	}
	for _, id := range c.ids[:n] {
		w.deleteByJob(job, q, c.query, t, id)
	}
}

func (w *writer) deleteByJob(job *bulkJob, q *bulkQuery, index int, t *table, id uuid.UUID) {
	if q.retained {
		if w.purgeRetained(t, id) {
			job.deleted++
		}
		return
	}
	r := w.data[t.Name].get(id)
	switch {
	case r == nil:
		return // gone with another one
	case t.Name == "audit":
		w.remove(t, id)
		job.deleted++
		return
	}
	before := w.savepoint()
	err := w.allow("Delete", t, r)
	if err == nil {
		err = w.erase(t, r)
	}
	if err != nil {
		w.tx.restore(before)
		w.fail(job, index, t, r, err)
		job.failed++
		return
	}
	job.deleted++
}

// progress shows the job's counts and state in its bulkdeleteoperation.
func (w *writer) progress(job *bulkJob, state, status int64) {
	t := w.schema.tables["bulkdeleteoperation"]
	r := w.data[t.Name].get(job.operation)
	if r == nil {
		return
	}
	at := len(job.queries)
	if len(job.left) > 0 {
		at = job.left[0].query
	}
	v := values{}
	v.set(t, "statecode", state)
	v.set(t, "statuscode", status)
	v.set(t, "successcount", job.deleted)
	v.set(t, "failurecount", job.failed)
	v.set(t, "processingqeindex", int64(at))
	v.set(t, "modifiedon", w.now)
	w.put(t, w.next(t, r, v))
}

// endJob ends a run: for good, or until its time comes again.
func (w *writer) endJob(t *table, r *row, job *bulkJob, status int64, why error) {
	r = w.data[t.Name].get(r.id)
	v := values{jobContent: nil}
	v.set(t, "statecode", int64(jobCompleted))
	v.set(t, "statuscode", status)
	v.set(t, "completedon", w.now)
	v.set(t, "modifiedon", w.now)
	var refusal *fault
	if errors.As(why, &refusal) {
		code, _ := strconv.ParseUint(trimHex(refusal.code), 16, 32)
		v.set(t, "errorcode", int64(int32(code)))
		v.setText(t, "message", refusal.message)
	}
	at, again := job.again.next(job.start, w.now)
	again = again && status != jobCanceled
	job.left = nil
	w.progress(job, jobCompleted, status)
	b := w.schema.tables["bulkdeleteoperation"]
	o := w.data[b.Name].get(job.operation)
	if again {
		job.running, job.due = false, w.engine.jobDue(at)
		v[jobContent] = job
		w.waitFor(t, v, at)
		if o != nil {
			next := values{}
			next.set(b, "nextrun", at)
			w.waitFor(b, next, at)
			w.put(b, w.next(b, o, next))
		}
	} else if o != nil {
		w.put(b, w.next(b, o, values{b.column("nextrun").index: nil}))
	}
	w.put(t, w.next(t, r, v))
}

// moveJob checks what an update asks of a job: it can be canceled, put off and taken up again, until it has ended. Pages:
// asynchronous operation states, web-service-error-codes.
func moveJob(from, to, status int64) error {
	switch {
	case from == jobCompleted && to == jobSuspended:
		return newFault(http.StatusBadRequest, "0x80044f01", "This system job cannot be paused.")
	case from == jobCompleted:
		return newFault(http.StatusBadRequest, "0x80044f00", "This system job cannot be canceled.")
	case to == jobLocked && from != jobLocked, to == jobCompleted && status != jobCanceled:
		return badArgument("The state of a system job can only be set to Ready, Suspended, or Completed as Canceled.")
	}
	return nil
}

// followJob carries the change of a job's state on to the job.
func (w *writer) followJob(t *table, before, after *row) {
	old, ok := after.get(jobContent).(*bulkJob)
	if !ok {
		return
	}
	next := *old
	job := &next
	from, to := t.int(before, "statecode"), t.int(after, "statecode")
	switch {
	case to == jobCompleted:
		w.endJob(t, after, job, jobCanceled, nil)
		return
	case from == to && t.get(before, "postponeuntil") == t.get(after, "postponeuntil"):
		return
	}
	until, _ := t.get(after, "postponeuntil").(instant)
	job.held = to == jobSuspended && until <= w.now
	if to == jobReady {
		until = w.now
	}
	job.due = w.engine.jobDue(until)
	v := values{jobContent: job}
	w.put(t, w.next(t, after, v))
	w.progress(job, to, t.int(after, "statuscode"))
}

// deletableJob refuses the delete of a job that is not over.
func deletableJob(t *table, r *row) error {
	if t.int(r, "statecode") != jobCompleted {
		return newFault(http.StatusBadRequest, "0x8004416a", "Cannot delete async operation unless it is in Completed state.")
	}
	return nil
}
