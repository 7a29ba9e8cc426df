package report

import (
	"fmt"
	"time"

	"github.com/gallra/gallra/internal/workbook"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// persons writes persons, one a row, on as many sheets of that title as they need.
func (b *workbookSheets) persons(title string, owners bool, all func(yield func(*Person) error) error) error {
	columns := []column{{"purge-on", 12}, {"person", 28}}
	if !b.Mask {
		columns = append(columns, column{"e-mail", 30})
	}
	columns = append(columns, column{"owner", 24}, column{"table", 10}, column{"state", 14}, column{"ground", 24}, column{"reason", 60},
		column{"noticed-on", 12}, column{"kept-until", 12}, column{"id", 38}, column{"link", 40})
	if owners { // the owner first: the sheet is theirs
		columns = append(append([]column{{"owner", 24}}, columns[:len(columns)-9]...), columns[len(columns)-8:]...)
	}
	links := len(b.Coming.Persons) <= linkedPersons
	s, err := b.sheet(b.sheetName(title, ""), columns...)
	if err != nil {
		return err
	}
	part := 1
	cells := make([]any, 0, len(columns))
	err = all(func(p *Person) error {
		if s.Rows() == workbook.MaxRows {
			if err := s.End(); err != nil {
				return err
			}
			part++
			if s, err = b.sheet(b.sheetName(title, fmt.Sprintf(" %d", part)), columns...); err != nil {
				return err
			}
		}
		owner := b.CalledOwner(b.Coming.OwnerOf(p))
		address := b.Link(b.Coming.TableOf(p), p.ID)
		cells = cells[:0]
		if owners {
			cells = append(cells, owner)
		}
		var person any = b.Called(p)
		if address != "" && links {
			person = workbook.Link{Text: Plain(b.Called(p)), Address: address}
		}
		cells = append(cells, p.PurgeOn, person)
		if !b.Mask {
			cells = append(cells, p.Email)
		}
		if !owners {
			cells = append(cells, owner)
		}
		cells = append(cells, b.TableCalled(b.Coming.TableOf(p)), b.Lang.StateWords(p), b.Lang.GroundName(b.Coming.GroundOf(p)), b.Why(p),
			p.NoticedOn, p.Until, p.ID, address)
		return s.row(cells...)
	})
	if err != nil {
		return err
	}
	return s.End()
}

func (b *workbookSheets) coming() error {
	return b.persons(b.Lang.T("sheet.coming"), false, func(yield func(*Person) error) error {
		for i := range b.Coming.Persons {
			if err := yield(&b.Coming.Persons[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// byOwner is everybody by owner, on one sheet or on one for each.
func (b *workbookSheets) byOwner() error {
	if b.EachOwner {
		for _, l := range b.Coming.ByOwner() {
			if err := b.owner(l); err != nil {
				return err
			}
		}
		return nil
	}
	return b.persons(b.Lang.T("by-owner"), true, func(yield func(*Person) error) error {
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

func (b *workbookSheets) owner(l OwnerList) error {
	return b.persons(b.CalledOwner(l.Owner), true, func(yield func(*Person) error) error {
		for _, p := range l.Persons {
			if err := yield(p); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *workbookSheets) lastRun() error {
	s, err := b.sheet(b.Lang.T("sheet.last"), column{"what", 34}, column{"table", 18}, column{"value", 14}, column{"id", 38}, column{"cause", 22})
	if err != nil {
		return err
	}
	t := b.Lang.T
	if b.Last == nil {
		if err := s.row(t("no-run")); err != nil {
			return err
		}
		return s.End()
	}
	r := b.Last
	rows := [][]any{
		{t("run"), "", "", r.ID}, {t("day"), "", r.Today}, {t("outcome"), "", b.Lang.StatusWord(string(r.Status))},
		{t("began"), "", stamp(r.Began)}, {t("ended"), "", stamp(r.Ended)}, {t("acted-as"), "", "", r.Actor}, {t("canary"), "", b.canary()},
		{t("audit-entries-deleted"), "", r.Audit}, {t("audit-still-to-sweep-persons"), "", r.ToSweep}, {t("purges-begun"), "", r.Begun}, {t("places-left-behind"), "", r.Residue}, {t("operations-asked"), "", r.Asked},
	}
	if r.Waiting > 0 {
		rows = append(rows, []any{t("waiting-for-approval"), "", r.Waiting})
	}
	if r.Unasked > 0 {
		rows = append(rows, []any{t("unasked"), "", r.Unasked})
	}
	for _, x := range r.Stopped {
		rows = append(rows, []any{t("guard-rail") + ": " + b.Lang.RailWords(x.Rail), b.TableCalled(x.Table), x.Ground})
	}
	for _, x := range r.Tables {
		for _, figure := range []struct {
			what string
			n    int
		}{{"scheduled", x.Scheduled}, {"moved-later", x.Moved}, {"rescued", x.Rescued}, {"legal-hold", x.Held}, {"deleted", x.Deleted}, {"anonymised", x.Anonymized},
			{"left-alone", x.LeftAlone}, {"failed", x.Failed}} {
			rows = append(rows, []any{t(figure.what), b.TableCalled(x.Table), figure.n})
		}
	}
	for _, x := range r.Rows {
		for _, figure := range []struct {
			what string
			n    int
		}{{"deleted", x.Deleted}, {"anonymised", x.Anonymized}, {"left-alone", x.LeftAlone}, {"failed", x.Failed}} {
			rows = append(rows, []any{t("ended-rows") + ": " + t(figure.what), b.TableCalled(x.Table), figure.n, x.Rule})
		}
	}
	for _, row := range rows {
		if err := s.row(row...); err != nil {
			return err
		}
	}
	for _, e := range r.Events {
		if err := s.row(b.Lang.WhatWords(e.What), b.TableCalled(e.Table), 1, e.ID, e.Code); err != nil {
			return err
		}
	}
	return s.End()
}

// stamp is a moment as a cell: UTC, by its own name.
func stamp(t time.Time) any {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 MST")
}

func (b *workbookSheets) related() error {
	s, err := b.sheet(b.Lang.T("sheet.related"), column{"place", 44}, column{"deleted", 12}, column{"anonymised", 12}, column{"kept", 12}, column{"freed", 12}, column{"taken-off", 12})
	if err != nil {
		return err
	}
	if b.Last != nil {
		for _, x := range b.Last.Related {
			if err := s.row(b.PlaceCalled(x.Place), x.Deleted, x.Anonymized, x.Kept, x.Freed, x.Shared); err != nil {
				return err
			}
		}
	}
	return s.End()
}

func (b *workbookSheets) grounds() error {
	s, err := b.sheet(b.Lang.T("sheet.grounds"), column{"table", 14}, column{"ground", 28}, column{"why", 60}, column{"lawful-basis", 26}, column{"rows", 12}, column{"persons", 12})
	if err != nil {
		return err
	}
	for _, j := range b.Facts.Justified {
		if err := s.row(b.TableCalled(j.Table), j.called(), j.Why, b.Lang.BasisWord(j.Basis), j.Rows, j.Persons); err != nil {
			return err
		}
	}
	return s.End()
}

func (b *workbookSheets) gaps() error {
	s, err := b.sheet(b.Lang.T("sheet.gaps"), column{"table", 14}, column{"ground", 28}, column{"missing-date", 34}, column{"rows", 12}, column{"gaps.until", 24})
	if err != nil {
		return err
	}
	for _, j := range b.Facts.Gaps() {
		until := b.Lang.T("gaps.nothing")
		if j.GapsKeep {
			until = b.Lang.T("gaps.keep")
		}
		if err := s.row(b.TableCalled(j.Table), j.called(), j.DateColumn, j.Gaps, until); err != nil {
			return err
		}
	}
	return s.End()
}

func (b *workbookSheets) stays() error {
	s, err := b.sheet(b.Lang.T("sheet.stays"), column{"what", 24}, column{"where", 60}, column{"what-to-do", 110})
	if err != nil {
		return err
	}
	for _, k := range b.Facts.Kept {
		if err := s.row(b.Lang.T("kept-by-rule"), b.TableCalled(k.Subject)+": "+b.TableCalled(k.Table), policy.Reason(string(b.Lang), k.Why)); err != nil {
			return err
		}
	}
	for _, k := range b.Facts.Left {
		if err := s.row(b.Lang.T("left-by-rule"), b.TableCalled(k.Subject)+": "+b.TableCalled(k.Table), policy.Reason(string(b.Lang), k.Why)); err != nil {
			return err
		}
	}
	for _, p := range b.Places {
		if err := s.row(b.Lang.T("out-of-reach-by-hand"), b.Lang.PlaceName(p), b.Lang.PlaceRemedy(p)); err != nil {
			return err
		}
	}
	return s.End()
}

func (b *workbookSheets) about() error {
	s, err := b.sheet(b.Lang.T("sheet.about"), column{"figure", 30}, column{"value", 60})
	if err != nil {
		return err
	}
	t, c := b.Lang.T, b.Coming
	rows := [][]any{{t("as-of"), c.AsOf}, {t("organisation"), c.Organization}, {t("policy"), c.Policy}, {t("made-on"), stamp(b.Made)},
		{t("everybody"), c.Everybody()}, {t("to-be-purged"), c.Due()}}
	if b.Name != "" {
		rows = append([][]any{{t("environment"), b.Name}}, rows...)
	}
	for _, a := range []retention.Action{retention.Purge, Stuck, retention.Schedule, retention.Move, retention.Wait, retention.Clear, retention.Hold} {
		rows = append(rows, []any{b.Lang.ActionWord(a), c.Count(a)})
	}
	for _, rail := range b.Rails {
		rows = append(rows, []any{t("guard-rail"), b.Lang.RailWords(rail.Rail)})
	}
	for _, row := range rows {
		if err := s.row(row...); err != nil {
			return err
		}
	}
	return s.End()
}
