package retention

// Stage is how far a person is on the way to their purge, where a policy has stages, as the ledger has it.
type Stage struct {
	Done int  // how many stages are done
	Base Date // the day on which the last ground ended: what the stages count from
}

// Next is what decides about the next stage of a person: the day on which it may come at the earliest stands where otherwise the end
// of the grounds does, and no ground. A ground that lasts is one: whoever was archived is justified again. After is counted from the base.
func (s Stage) Next(t Term, after []Keeping, today Date) Term {
	if s.Done == 0 || s.Done >= len(after) || t.Until > today {
		return t
	}
	return Term{Until: after[s.Done].End(s.Base), Trigger: s.Base, Ground: NoGround}
}
