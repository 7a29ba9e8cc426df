package report

import (
	"fmt"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/gallra/gallra/retention"
)

// persons writes persons, one a row, on as many sheets as they need.
func (b *book) persons(name string, owners bool, all func(yield func(*Person) error) error) error {
	columns := []column{{"Purge on", 12}, {"Person", 28}}
	if !b.Mask {
		columns = append(columns, column{"E-mail", 30})
	}
	columns = append(columns, column{"Owner", 24}, column{"Table", 10}, column{"State", 14}, column{"Ground", 24}, column{"Reason", 60},
		column{"Noticed on", 12}, column{"Kept until", 12}, column{"Id", 38}, column{"Link", 40})
	if owners { // the owner first: the sheet is theirs
		columns = append(append([]column{{"Owner", 24}}, columns[:len(columns)-9]...), columns[len(columns)-8:]...)
	}
	links := len(b.Coming.Persons) <= linkedPersons
	s, err := b.sheet(name, columns...)
	if err != nil {
		return err
	}
	s.links = links
	part := 1
	cells := make([]any, 0, len(columns))
	err = all(func(p *Person) error {
		if s.rows == excelize.TotalRows {
			if err := s.end(); err != nil {
				return err
			}
			part++
			if s, err = b.sheet(fmt.Sprintf("%s %d", b.Lang.T(name), part), columns...); err != nil {
				return err
			}
		}
		owner := b.CalledOwner(b.Coming.OwnerOf(p))
		address := b.Link(b.Coming.TableOf(p), p.ID)
		at := 2
		cells = cells[:0]
		if owners {
			at = 3
			cells = append(cells, owner)
		}
		person, err := s.linked(at, b.Called(p), address)
		if err != nil {
			return err
		}
		cells = append(cells, p.PurgeOn, person)
		if !b.Mask {
			cells = append(cells, p.Email)
		}
		if !owners {
			cells = append(cells, owner)
		}
		cells = append(cells, b.Lang.TableWord(b.Coming.TableOf(p)), b.Lang.ActionWord(p.Action), b.Lang.GroundName(b.Coming.GroundOf(p)), b.Why(p),
			p.NoticedOn, p.Until, p.ID, address)
		return s.row(cells...)
	})
	if err != nil {
		return err
	}
	return s.end()
}

func (b *book) coming() error {
	return b.persons("Coming", false, func(yield func(*Person) error) error {
		for i := range b.Coming.Persons {
			if err := yield(&b.Coming.Persons[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *book) byOwner() error {
	return b.persons("By owner", true, func(yield func(*Person) error) error {
		for _, l := range b.Coming.ByOwner() {
			for _, p := range l.Persons {
				if err := yield(p); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (b *book) lastRun() error {
	s, err := b.sheet("Last run", column{"What", 34}, column{"Table", 18}, column{"Value", 14}, column{"Id", 38}, column{"Cause", 22})
	if err != nil {
		return err
	}
	t := b.Lang.T
	if b.Last == nil {
		if err := s.row(t("No run")); err != nil {
			return err
		}
		return s.end()
	}
	r := b.Last
	rows := [][]any{
		{t("Run"), "", "", r.ID}, {t("Day"), "", r.Today}, {t("Outcome"), "", b.Lang.StatusWord(string(r.Status))},
		{t("Began"), "", stamp(r.Began)}, {t("Ended"), "", stamp(r.Ended)}, {t("Acted as"), "", "", r.Actor}, {t("Canary"), "", b.canary()},
		{t("Audit entries deleted"), "", r.Audit}, {t("Audit still to sweep, persons"), "", r.ToSweep}, {t("Purges begun"), "", r.Begun}, {t("Places left behind"), "", r.Residue},
	}
	for _, x := range r.Stopped {
		rows = append(rows, []any{t("Guard rail") + ": " + b.Lang.RailWords(x.Rail), x.Table, x.Ground})
	}
	for _, x := range r.Tables {
		for _, figure := range []struct {
			what string
			n    int
		}{{"Scheduled", x.Scheduled}, {"Moved later", x.Moved}, {"Rescued", x.Rescued}, {"Legal hold", x.Held}, {"Deleted", x.Deleted}, {"Anonymised", x.Anonymized},
			{"Left alone", x.LeftAlone}, {"Failed", x.Failed}} {
			rows = append(rows, []any{t(figure.what), x.Table, figure.n})
		}
	}
	for _, row := range rows {
		if err := s.row(row...); err != nil {
			return err
		}
	}
	for _, e := range r.Events {
		if err := s.row(b.Lang.WhatWords(e.What), e.Table, 1, e.ID, e.Code); err != nil {
			return err
		}
	}
	return s.end()
}

// stamp is a moment as a cell: UTC, by its own name.
func stamp(t time.Time) any {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 MST")
}

func (b *book) related() error {
	s, err := b.sheet("Rows of the purged", column{"Table", 30}, column{"Deleted", 12}, column{"Anonymised", 12}, column{"Kept", 12}, column{"Freed", 12}, column{"Taken off", 12})
	if err != nil {
		return err
	}
	if b.Last != nil {
		for _, x := range b.Last.Related {
			if err := s.row(x.Table, x.Deleted, x.Anonymized, x.Kept, x.Freed, x.Shared); err != nil {
				return err
			}
		}
	}
	return s.end()
}

func (b *book) grounds() error {
	s, err := b.sheet("Grounds", column{"Table", 14}, column{"Ground", 28}, column{"Why", 60}, column{"Lawful basis", 26}, column{"Rows", 12}, column{"Persons", 12})
	if err != nil {
		return err
	}
	for _, j := range b.Facts.Justified {
		if err := s.row(j.Table, j.Ground, j.Why, b.Lang.BasisWord(j.Basis), j.Rows, j.Persons); err != nil {
			return err
		}
	}
	return s.end()
}

func (b *book) gaps() error {
	s, err := b.sheet("Gaps", column{"Table", 14}, column{"Ground", 28}, column{"Missing date", 34}, column{"Rows", 12}, column{"Until it is mended", 24})
	if err != nil {
		return err
	}
	for _, j := range b.Facts.Gaps() {
		until := b.Lang.T("counts for nothing")
		if j.GapsKeep {
			until = b.Lang.T("keeps the person")
		}
		if err := s.row(j.Table, j.Ground, j.DateColumn, j.Gaps, until); err != nil {
			return err
		}
	}
	return s.end()
}

func (b *book) stays() error {
	s, err := b.sheet("What stays", column{"What", 24}, column{"Where", 60}, column{"What to do", 110})
	if err != nil {
		return err
	}
	for _, k := range b.Facts.Kept {
		if err := s.row(b.Lang.T("Kept by rule"), k.Subject+": "+k.Table, k.Why); err != nil {
			return err
		}
	}
	for _, p := range b.Places {
		if err := s.row(b.Lang.T("Out of reach, by hand"), b.Lang.PlaceName(p), b.Lang.PlaceRemedy(p)); err != nil {
			return err
		}
	}
	return s.end()
}

func (b *book) about() error {
	s, err := b.sheet("About", column{"Figure", 30}, column{"Value", 60})
	if err != nil {
		return err
	}
	t, c := b.Lang.T, b.Coming
	rows := [][]any{{t("As of"), c.AsOf}, {t("Organisation"), c.Organization}, {t("Policy"), c.Policy}, {t("Made on"), stamp(b.Made)},
		{t("Persons in the CRM"), c.Everybody()}, {t("To be purged"), c.Due()}}
	if b.Name != "" {
		rows = append([][]any{{t("Environment"), b.Name}}, rows...)
	}
	for _, a := range []retention.Action{retention.Purge, retention.Schedule, retention.Move, retention.Wait, retention.Clear, retention.Hold} {
		rows = append(rows, []any{b.Lang.ActionWord(a), c.Count(a)})
	}
	for _, rail := range b.Rails {
		rows = append(rows, []any{t("Guard rail"), b.Lang.RailWords(rail.Rail)})
	}
	for _, row := range rows {
		if err := s.row(row...); err != nil {
			return err
		}
	}
	return s.end()
}
