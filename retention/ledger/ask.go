package ledger

import (
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
)

// Ask is a word to a person before their purge: a task in a queue.
type Ask struct {
	Key
	retention.Asked
	Task uuid.UUID
	// Open tells that a run was about to write the task, and nobody knows whether it did.
	Open bool
	// Answered tells that the person was rescued, and that people had completed the task: it stays until their purge.
	Answered bool
}

// asks notes what became of words to a person.
func (s *state) ask(k Key, r Record) {
	var task uuid.UUID
	for _, ids := range r.Rows {
		task = ids[0]
	}
	all := s.asks[k]
	i := slices.IndexFunc(all, func(a Ask) bool { return a.Task == task })
	switch {
	case r.Kind == Asking && i < 0:
		s.asks[k] = append(all, Ask{Key: k, Asked: retention.Asked{PurgeOn: r.PurgeOn, On: r.Today}, Task: task, Open: true})
	case r.Kind == Asking:
		all[i].Asked, all[i].Open, all[i].Answered = retention.Asked{PurgeOn: r.PurgeOn, On: r.Today}, true, false
	case i < 0:
	case r.Kind == WasAsked && r.Status == Done:
		all[i].Open = false
	case r.Kind == Unasked && r.Status == Skipped:
		all[i].Answered = true
	default: // it was not written, or was taken back
		if all = slices.Delete(all, i, i+1); len(all) == 0 {
			delete(s.asks, k)
		} else {
			s.asks[k] = all
		}
	}
}

// unask forgets the words to a person whose tasks have gone with them.
func (s *state) unask(k Key, tasks []uuid.UUID) {
	left := slices.DeleteFunc(s.asks[k], func(a Ask) bool { return slices.Contains(tasks, a.Task) })
	if s.asks[k] = left; len(left) == 0 {
		delete(s.asks, k)
	}
}

// Asked is the latest word to a person that stands.
func (l *Ledger) Asked(table string, id uuid.UUID) (latest retention.Asked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.state.asks[Key{table, id}] {
		if !a.Open && !a.Answered && a.On >= latest.On {
			latest = a.Asked
		}
	}
	return latest
}

// AskTasks are the tasks by which a person was asked, whatever became of them since.
func (l *Ledger) AskTasks(table string, id uuid.UUID) (tasks []uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.state.asks[Key{table, id}] {
		tasks = append(tasks, a.Task)
	}
	return tasks
}

// Asks are the words to persons that stand, and those of which nobody knows, ordered by table and id of the person.
func (l *Ledger) Asks() []Ask {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Ask
	for _, all := range l.state.asks {
		out = append(out, all...)
	}
	slices.SortStableFunc(out, func(a, b Ask) int { return a.Compare(b.Key) })
	return out
}
