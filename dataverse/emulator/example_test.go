package emulator_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

// A test has a Dataverse of its own: put rows in, call the Web API, look at the rows.
func Example() {
	server := emulator.New(emulator.Options{Token: "secret"})
	web := httptest.NewServer(server)
	defer web.Close()

	r, _ := http.NewRequest("POST", web.URL+"/api/data/v9.2/contacts", strings.NewReader(`{"firstname":"Ida","lastname":"Berg"}`))
	r.Header.Set("Authorization", "Bearer secret")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		panic(err)
	}
	defer answer.Body.Close()
	fmt.Println(answer.StatusCode, server.Rows("contact")[0].Values["fullname"])
	// Output: 204 Ida Berg
}

// Rows are loaded as if they had always been there, with dates and states that the Web API would not let a create set.
func ExampleServer_Load() {
	server := emulator.New(emulator.Options{})
	acme := uuid.New()
	err := server.Load(
		emulator.Record{Table: "contact", Values: map[string]any{"lastname": "Berg", "createdon": "2019-05-06T07:08:09Z", "statecode": "Inactive",
			"parentcustomerid": emulator.Ref("account", acme)}},
		emulator.Record{Table: "account", ID: acme, Values: map[string]any{"name": "Acme"}})
	fmt.Println(err, len(server.Rows("contact")), server.Row("account", acme).Values["name"])
	// Output: <nil> 1 Acme
}

// A plug-in that refuses each delete of a contact, in its own words.
func ExampleServer_AddHooks() {
	server := emulator.New(emulator.Options{})
	web := httptest.NewServer(server)
	defer web.Close()
	ida := uuid.New()
	if err := server.Load(emulator.Record{Table: "contact", ID: ida, Values: map[string]any{"lastname": "Berg"}}); err != nil {
		panic(err)
	}
	if err := server.AddHooks(emulator.Hook{Table: "contact", Message: "Delete", Refuse: &emulator.Refusal{Message: "{lastname} stays."}}); err != nil {
		panic(err)
	}
	r, _ := http.NewRequest("DELETE", web.URL+"/api/data/v9.2/contacts("+ida.String()+")", nil)
	r.Header.Set("Authorization", "Bearer emulator")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		panic(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	fmt.Println(answer.StatusCode, string(text))
	fmt.Println(server.Hooks()[0].Hits, "hit")
	// Output:
	// 400 {"error":{"code":"0x80040265","message":"Berg stays."}}
	// 1 hit
}

// What goes wrong between a client and the service: here the first read is answered 503.
func ExampleServer_SetFaults() {
	server := emulator.New(emulator.Options{})
	web := httptest.NewServer(server)
	defer web.Close()
	if err := server.SetFaults(emulator.Fault{Route: "GET contacts", Status: 503, Count: 1}); err != nil {
		panic(err)
	}
	for range 2 {
		r, _ := http.NewRequest("GET", web.URL+"/api/data/v9.2/contacts", nil)
		r.Header.Set("Authorization", "Bearer emulator")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			panic(err)
		}
		fmt.Println(answer.StatusCode)
		answer.Body.Close()
	}
	// Output:
	// 503
	// 200
}
