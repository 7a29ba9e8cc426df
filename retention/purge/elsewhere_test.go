package purge_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/search"
)

// otherTypes answers the list of tables as an environment does in which some are elastic or virtual, and refuses their rows.
type otherTypes map[string]string

func (o otherTypes) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !strings.HasSuffix(r.URL.Path, "/EntityDefinitions") {
		return res, err
	}
	var body map[string]any
	b, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if err := json.Unmarshal(b, &body); err != nil {
		return nil, err
	}
	list, _ := body["value"].([]any)
	for _, x := range list {
		if t, _ := x.(map[string]any); o[t["LogicalName"].(string)] != "" {
			t["TableType"] = o[t["LogicalName"].(string)]
		}
	}
	b, _ = json.Marshal(body)
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	res.Header.Del("Content-Length")
	return res, nil
}

// Rows that are kept in another database are neither read nor deleted, whatever '*' says: each such table is named before a run,
// on the map and after it.
func TestTablesKeptElsewhereAreNamed(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"Elastic", "Virtual"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, "")
			s := &solution{world: w, Rand: rand.New(rand.NewPCG(1, 18)), prefix: "far"}
			s.publish(30000)
			sh := shape{Prefix: "far", Tables: []shapeTable{{Name: "reading", Lookups: []string{"contact>contact"}, Mail: "sendermail"}, {Name: "visit", Lookups: []string{"contact>contact"}}}}
			sh.build(s)
			s.belongings(s.person("anna", "contact"), solutionPerson{})
			w.advance(800)
			credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
			w.must(err)
			w.client, err = dataverse.New(dataverse.Options{URL: w.url, Credential: credential, Transport: otherTypes{"far_reading": kind}, Definitions: definitions})
			w.must(err)
			w.policy = w.starter(1)
			if strings.Contains(w.policy, "table: far_reading, link") || strings.Contains(w.policy, "table: far_reading, behind") {
				t.Errorf("init writes rules for rows that no run comes to:\n%s", w.policy)
			}
			checked := w.checked(w.client)
			m := checked.Subject("contact").Map
			for _, key := range []string{"far_reading.far_contact", "far_reading.far_sendermail"} {
				if p := m.Place(key); p == nil || p.Do != personmap.Unreachable {
					t.Errorf("%s: %+v", key, p)
				}
			}
			if !slices.ContainsFunc(checked.Warnings, func(x policy.Problem) bool {
				return strings.Contains(x.Message, "`far_reading`") && strings.Contains(x.Message, "no run comes to them")
			}) {
				t.Errorf("the check says nothing of it: %v", checked.Warnings)
			}
			before := len(w.dump("far_reading"))
			w.run()
			w.advance(62)
			sum := w.run()
			if sum.Purged() != 1 || len(w.dump("far_reading")) != before || len(w.dump("far_visit")) != 0 {
				t.Errorf("%d purged, %d rows elsewhere of %d, visits %v", sum.Purged(), len(w.dump("far_reading")), before, w.dump("far_visit"))
			}
			if !slices.ContainsFunc(sum.Unreachable, func(p search.Place) bool { return p.Key == search.KeptElsewhere && p.Detail == "far_reading" }) {
				t.Errorf("the run names %v", sum.Unreachable)
			}
			text := strings.Replace(w.policy, "- {table: '*', do: delete}", "- {table: far_reading, link: far_contact, do: delete}\n      - {table: '*', do: delete}", 1)
			if ps := w.problems(text); len(ps) != 1 || !strings.Contains(ps[0].Message, "own database") {
				t.Errorf("a rule for them: %v", ps)
			}
			text = strings.Replace(w.policy, "- {table: '*', do: delete}", "- {table: far_reading, do: leave, why: The sensors' own system deletes them}\n      - {table: '*', do: delete}", 1)
			if ps := w.problems(text); len(ps) > 0 {
				t.Errorf("left: %v", ps)
			}
		})
	}
}
