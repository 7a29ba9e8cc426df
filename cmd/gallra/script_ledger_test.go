package main

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

// ledgerOf makes a ledger of another organisation, in which a run wrote a purge date on somebody's row: ledger-of ORGANIZATION
// FOLDER TABLE ID.
func ledgerOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: ledger-of ORGANIZATION FOLDER TABLE ID")
	}
	l, err := ledger.Open(ts.MkAbs(args[1]))
	ts.Check(err)
	day := retention.DateOf(crm(ts).Now(), time.UTC)
	ts.Check(l.Begin(context.Background(), ledger.Run{ID: "elsewhere", Verb: "run", Organization: uuid.MustParse(args[0]), Actor: uuid.UUID{15: 1},
		Today: day, Version: "development", Now: crm(ts).Now}))
	ts.Check(l.Append(ledger.Entry{Kind: ledger.Seen, Table: args[2], ID: uuid.MustParse(args[3]), PurgeOn: day, NoticedOn: day.Add(retention.Period{Months: -3})}))
	ts.Check(l.End(ledger.Done, nil))
}

// slowRoute lets the answers of a route come late: slow DELAY ROUTE.
func slowRoute(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: slow DELAY ROUTE")
	}
	ts.Check(crm(ts).SetFaults(emulator.Fault{Delay: args[0], Route: args[1]}))
}
