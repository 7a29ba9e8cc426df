package rehearse

import (
	"cmp"
	"slices"
	"strings"
)

// Difference holds two rehearsals of the same nights of one snapshot side by side, by two policies.
type Difference struct {
	Months []MonthPair
	Groups []GroupPair // by table, class and ground; a ground that only one policy has is of that one alone
}

// MonthPair is a calendar month by either policy.
type MonthPair struct {
	Month string
	A, B  Month
}

// GroupPair is the persons of a table and class whom a ground kept last, by either policy.
type GroupPair struct {
	Table, Class, Ground string
	A, B                 Group
}

// Differs tells whether the policies differ in the month.
func (p *MonthPair) Differs() bool {
	return p.A.Scheduled != p.B.Scheduled || p.A.Rescued != p.B.Rescued || p.A.Purged != p.B.Purged
}

// Differs tells whether the policies differ about the group.
func (p *GroupPair) Differs() bool {
	return p.A.Scheduled != p.B.Scheduled || p.A.Rescued != p.B.Rescued || p.A.Purged != p.B.Purged
}

// Compare holds two rehearsals side by side.
func Compare(a, b *Result) *Difference {
	d := &Difference{}
	for i, r := range []*Result{a, b} {
		for _, m := range r.Months {
			at := slices.IndexFunc(d.Months, func(p MonthPair) bool { return p.Month == m.Month })
			if at < 0 {
				at = len(d.Months)
				d.Months = append(d.Months, MonthPair{Month: m.Month})
			}
			if i == 0 {
				d.Months[at].A = m
			} else {
				d.Months[at].B = m
			}
		}
		for _, g := range r.Groups() {
			at := slices.IndexFunc(d.Groups, func(p GroupPair) bool { return p.Table == g.Table && p.Class == g.Class && p.Ground == g.Ground })
			if at < 0 {
				at = len(d.Groups)
				d.Groups = append(d.Groups, GroupPair{Table: g.Table, Class: g.Class, Ground: g.Ground})
			}
			if i == 0 {
				d.Groups[at].A = g
			} else {
				d.Groups[at].B = g
			}
		}
	}
	slices.SortFunc(d.Months, func(x, y MonthPair) int { return strings.Compare(x.Month, y.Month) })
	slices.SortFunc(d.Groups, func(x, y GroupPair) int {
		return cmp.Or(strings.Compare(x.Table, y.Table), strings.Compare(x.Class, y.Class), strings.Compare(x.Ground, y.Ground))
	})
	return d
}
