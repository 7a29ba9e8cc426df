package rehearse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/snapshot"
)

// Why somebody is on the list of those whom nobody expects to go.
const (
	PrimaryContact = "primary-contact"
	RecentActivity = "recent-activity"
)

const largestCustomers = 50

// unexpected notes of whom people would not expect that they go, before anything is done: the primary contacts of the customers with
// most business, and whoever took part in an activity of the month before. Whoever is not scheduled comes off the list at the end.
func (l *life) unexpected(ctx context.Context, head snapshot.Head) error {
	seen := map[uuid.UUID]bool{}
	add := func(table string, id uuid.UUID, why string, weight int) {
		if l.policy.Subject(table) != nil && id != uuid.Nil && !seen[id] {
			seen[id] = true
			l.rec.Unexpected = append(l.rec.Unexpected, Unexpected{Table: table, ID: id, Why: why, Weight: weight})
		}
	}
	business := map[uuid.UUID]int{} // what weighs in a company's favour: no list of places, which is the person map
	for _, q := range []struct{ table, lookup string }{{"opportunity", "_parentaccountid_value"}, {"quote", "_customerid_value"}, {"salesorder", "_customerid_value"}, {"invoice", "_customerid_value"}} {
		err := l.scan(ctx, dataverse.Query{Table: q.table}, []string{q.lookup}, func(row []dataverse.Value) {
			if id, ok := row[0].GUID(); ok {
				business[id]++
			}
		})
		if err != nil {
			return err
		}
	}
	type customer struct {
		primary uuid.UUID
		rows    int
	}
	var customers []customer
	err := l.scan(ctx, dataverse.Query{Table: "account", Filter: "_primarycontactid_value ne null"}, []string{"accountid", "_primarycontactid_value"}, func(row []dataverse.Value) {
		account, _ := row[0].GUID()
		primary, _ := row[1].GUID()
		if n := business[account]; n > 0 {
			customers = append(customers, customer{primary, n})
		}
	})
	if err != nil {
		return err
	}
	slices.SortFunc(customers, func(a, b customer) int {
		return cmp.Or(b.rows-a.rows, slices.Compare(a.primary[:], b.primary[:]))
	})
	for _, c := range customers[:min(len(customers), largestCustomers)] {
		add("contact", c.primary, PrimaryContact, c.rows)
	}
	since := head.Taken.AddDate(0, -1, 0).UTC().Format(time.RFC3339)
	recent := map[uuid.UUID]bool{}
	err = l.scan(ctx, dataverse.Query{Table: "activitypointer", Filter: "modifiedon ge " + since}, []string{"activityid"}, func(row []dataverse.Value) {
		if id, ok := row[0].GUID(); ok {
			recent[id] = true
		}
	})
	if err != nil || len(recent) == 0 {
		return err
	}
	type party struct {
		table string
		n     int
	}
	parties := map[uuid.UUID]*party{}
	var order []uuid.UUID
	cols := []string{"_activityid_value", "_partyid_value", "_partyid_value@Microsoft.Dynamics.CRM.lookuplogicalname"}
	err = l.scan(ctx, dataverse.Query{Table: "activityparty", Filter: "_partyid_value ne null"}, cols, func(row []dataverse.Value) {
		activity, _ := row[0].GUID()
		id, ok := row[1].GUID()
		table := row[2].String()
		if !ok || !recent[activity] || l.policy.Subject(table) == nil {
			return
		}
		if parties[id] == nil {
			parties[id] = &party{table: table}
			order = append(order, id)
		}
		parties[id].n++
	})
	slices.SortFunc(order, func(a, b uuid.UUID) int { return cmp.Or(parties[b].n-parties[a].n, slices.Compare(a[:], b[:])) })
	for _, id := range order {
		add(parties[id].table, id, RecentActivity, parties[id].n)
	}
	return err
}

// scan reads rows of a table that the environment may lack.
func (l *life) scan(ctx context.Context, q dataverse.Query, cols []string, take func([]dataverse.Value)) error {
	all, err := l.client.Tables(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(t dataverse.TableSummary) bool { return t.LogicalName == q.Table }) {
		return nil
	}
	err = l.client.Scan(ctx, q, cols, func(row []dataverse.Value) error { take(row); return nil })
	if err != nil {
		return fmt.Errorf("read %s: %w", q.Table, err)
	}
	return nil
}
