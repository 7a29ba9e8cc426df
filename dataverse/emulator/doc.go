// Package emulator is a fake Dataverse: the Web API of Microsoft Dataverse and Dynamics 365 Sales, in memory, over real
// HTTP. A test wraps a [Server] in httptest.NewServer; the command gallra emulator puts it behind a listener.
//
// # What it promises
//
// What it covers it answers as the service does, with the service's status codes, error codes and shapes, as far as
// Microsoft's public documentation says them. Where the documentation is silent or contradicts itself, the stricter
// answer is the default. What it does not cover it refuses by name with 501 and counts under /emulator/stats; it never
// answers with an empty list instead.
//
// Rows are typed by the schema in the schema folder. Every write is a transaction, a change set is one; readers work on
// an immutable snapshot and never wait for a writer.
//
// # Clock
//
// The clock runs with the machine's until the control plane sets it. It stands in the Date header of every answer,
// dates createdon and the audit history, and decides relative dates in queries.
package emulator
