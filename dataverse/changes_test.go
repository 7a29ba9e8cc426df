package dataverse_test

import (
	"encoding/binary"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
)

// TestChanges follows the changes of tables over more pages than one: rows written and deleted, each once, and nothing twice.
func TestChanges(t *testing.T) {
	t.Parallel()
	server := emulator.New(emulatortest.Options(emulator.Options{Token: "t"}))
	c := clientOf(t, server)
	account := tableOf(t, c, "account")
	number := 0
	load := func(n int) (ids []uuid.UUID) {
		records := make([]emulator.Record, n)
		for i := range records {
			var id uuid.UUID
			number++
			binary.BigEndian.PutUint32(id[:], uint32(number))
			ids = append(ids, id)
			records[i] = emulator.Record{Table: "account", ID: id, Values: map[string]any{"name": "Berg"}}
		}
		if err := server.Load(records...); err != nil {
			t.Fatal(err)
		}
		return ids
	}
	changes := func(link string) dataverse.Changed {
		t.Helper()
		all, err := c.Changes(t.Context(), []dataverse.Since{{Table: account, Link: link}})
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	there := load(5100)
	first := changes("")
	if first.Err != nil || first.Link == "" || len(first.Written)+len(first.Gone) > 0 {
		t.Fatalf("the first answer: %v, %d written, %d gone", first.Err, len(first.Written), len(first.Gone))
	}
	if again := changes(first.Link); again.Err != nil || len(again.Written)+len(again.Gone) > 0 {
		t.Errorf("nothing has changed: %+v", again)
	}
	made := load(5200)
	for _, id := range there[:3] {
		if err := c.Call(t.Context(), http.MethodDelete, "accounts("+id.String()+")", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	before := server.Stats().Requests.Total
	second := changes(first.Link)
	if asked := server.Stats().Requests.Total - before; asked != 2 {
		t.Errorf("two pages were read by %d requests", asked)
	}
	if !same(second.Written, made) || !same(second.Gone, there[:3]) {
		t.Errorf("%d were written and %d are gone; want %d and 3", len(second.Written), len(second.Gone), len(made))
	}
	if third := changes(second.Link); len(third.Written)+len(third.Gone) > 0 {
		t.Errorf("nothing has changed since: %+v", third)
	}
	server.Advance(8 * 24 * time.Hour)
	if late := changes(second.Link); late.Err == nil || late.Link != "" {
		t.Errorf("a link of eight days ago gave %+v", late)
	}
}

func same(a, b []uuid.UUID) bool {
	order := func(x, y uuid.UUID) int { return slices.Compare(x[:], y[:]) }
	return slices.Equal(slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order))
}

// A refusal is of the one table, and a link that leads elsewhere is not followed.
func TestChangesThatAreNotTold(t *testing.T) {
	t.Parallel()
	c := clientOf(t, emulator.New(emulatortest.Options(emulator.Options{Token: "t"})))
	account, party := tableOf(t, c, "account"), tableOf(t, c, "activityparty")
	if !account.Tracked || party.Tracked {
		t.Errorf("tracked: account %t, activityparty %t", account.Tracked, party.Tracked)
	}
	all, err := c.Changes(t.Context(), []dataverse.Since{{Table: party}, {Table: account}})
	if err != nil || all[0].Err == nil || all[1].Err != nil || all[1].Link == "" {
		t.Fatalf("%+v, %v", all, err)
	}
	link := all[1].Link
	if all, err = c.Changes(t.Context(), []dataverse.Since{{Table: account, Link: strings.Replace(link, "%21", "x", 1)}, {Table: account, Link: link}}); err != nil || all[0].Err == nil || all[1].Err != nil {
		t.Errorf("beside a broken link: %+v, %v", all, err)
	}
	for _, elsewhere := range []string{"https://evil.example/api/data/v9.2/accounts?$deltatoken=1", strings.Replace(link, "/accounts", "/../accounts", 1), "accounts"} {
		if _, err := c.Changes(t.Context(), []dataverse.Since{{Table: account, Link: elsewhere}}); !errors.Is(err, dataverse.ErrAnswer) {
			t.Errorf("%s was followed: %v", elsewhere, err)
		}
	}
}

func clientOf(t *testing.T, server *emulator.Server) *dataverse.Client {
	t.Helper()
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := dataverse.New(dataverse.Options{URL: listener.URL, Credential: credential, RetryWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func tableOf(t *testing.T, c *dataverse.Client, name string) *dataverse.Table {
	t.Helper()
	table, err := c.Table(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return table
}
