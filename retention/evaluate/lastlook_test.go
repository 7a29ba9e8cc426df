package evaluate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/naive"
	"github.com/gallra/gallra/retention/plan"
)

// generated is a random CRM, served.
func generated(t *testing.T, seed uint64, contacts, leads int) (today time.Time, url string, server *emulator.Server) {
	t.Helper()
	today, err := time.Parse(time.DateOnly, todays[seed%uint64(len(todays))])
	if err != nil {
		t.Fatal(err)
	}
	server = newCRM(t, today, append(newRandomCRM(seed, today, contacts, leads).rows, keptView)...)
	return today, serve(t, server), server
}

// judged is all that an evaluation says about one person.
type judged struct {
	Row      evaluate.PersonRow
	Ground   string
	Decision retention.Decision
}

func judge(c *compile.Policy, e *evaluate.Evaluation, o evaluate.EvaluateOptions) map[string]judged {
	out := map[string]judged{}
	for p := range e.Persons(o) {
		j := judged{Row: p, Decision: retention.Decide(p.Person, c.Policy.Rules(), o.Today)}
		if g := e.GroundOf(p); g != nil {
			j.Ground = g.ID
		}
		out[p.Table+" "+p.ID.String()] = j
	}
	return out
}

var sameJudgement = cmpopts.IgnoreUnexported(evaluate.PersonRow{})

// The last look at any of the persons says of each of them what the evaluation of everybody says.
func TestLastLookSaysWhatTheEvaluationSaid(t *testing.T) {
	t.Parallel()
	for seed := *firstSeed; seed < *firstSeed+max(1, *seeds/2); seed++ {
		today, url, _ := generated(t, seed, 90, 50)
		c := connect(t, url)
		_, traces := ledgerOf(seed, today, naive.Download(t.Context(), t, url+"/api/data/v9.2/", "t"))
		o := evaluate.EvaluateOptions{Today: dateAt(today), Traces: traces}
		r := rand.New(rand.NewPCG(seed, 10))
		for _, path := range policies(t) {
			policy := checked(t, c, path)
			everybody, err := evaluate.Evaluate(t.Context(), c, policy, o)
			if err != nil {
				t.Fatal(err)
			}
			all := judge(policy, everybody, o)
			for _, s := range policy.Subjects {
				var ids []uuid.UUID
				for _, j := range all {
					if j.Row.Table == s.Table {
						ids = append(ids, j.Row.ID)
					}
				}
				slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
				for _, n := range []int{1, 2, 7, len(ids)} {
					r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
					some, err := evaluate.EvaluatePersons(t.Context(), c, policy, s.Table, append(ids[:n:n], uuid.New()), o)
					if err != nil {
						t.Fatal(err)
					}
					got := judge(policy, some, o)
					for _, id := range ids[:n] {
						if _, ok := got[s.Table+" "+id.String()]; !ok {
							t.Errorf("seed %d, %s: the last look did not find the %s %s", seed, path, s.Table, id)
						}
					}
					for who, g := range got {
						if diff := cmp.Diff(all[who], g, sameJudgement); diff != "" {
							t.Fatalf("seed %d, %s: %s among %d (-everybody +last look):\n%s", seed, path, who, n, diff)
						}
					}
				}
			}
		}
	}
}

// A look at somebody whose address is spelled with other blanks and in another case finds what was found by all of them.
func TestLastLookFindsAddressesAsPeopleTypeThem(t *testing.T) {
	today := judgementDay
	spellings := []string{"anna%d@nord.example", "Anna%d@Nord.Example", "anna%d@nord.example ", " anna%d@nord.example", "\tanna%d@nord.example", "\u00a0anna%d@nord.example\u00a0"}
	type pair struct{ person, consent string }
	var cases []pair
	var rows []emulator.Record
	for _, person := range spellings {
		for _, consent := range spellings {
			n := len(cases)
			c := pair{fmt.Sprintf(person, n), fmt.Sprintf(consent, n)}
			cases = append(cases, c)
			name := fmt.Sprint(n)
			rows = append(rows,
				record("contact", name, "emailaddress1", c.person), record("lead", name, "statecode", 2, "emailaddress2", c.consent),
				record("msdynmkt_contactpointconsent4", name, "msdynmkt_contactpointvalue", c.consent, "msdynmkt_value", 534120001, "modifiedon", today.AddDate(0, -1, 0)))
		}
	}
	c := connect(t, serve(t, newCRM(t, today, rows...)))
	policy := checked(t, c, "../../testdata/policies/values.yaml")
	o := evaluate.EvaluateOptions{Today: dateAt(today)}
	all, err := evaluate.Evaluate(t.Context(), c, policy, o)
	if err != nil {
		t.Fatal(err)
	}
	for n, spelled := range cases {
		for _, table := range []string{"contact", "lead"} {
			id := idOf(table, fmt.Sprint(n))
			some, err := evaluate.EvaluatePersons(t.Context(), c, policy, table, []uuid.UUID{id}, o)
			if err != nil {
				t.Fatal(err)
			}
			for by, e := range map[string]*evaluate.Evaluation{"the evaluation": all, "the last look": some} {
				if p, ok := e.Person(table, id, o); !ok || p.Until.String() != "2028-10-24" {
					t.Errorf("%s with %q, consent for %q: %s says %s, want 2028-10-24", table, spelled.person, spelled.consent, by, p.Until)
				}
			}
			if got := some.Count("contact") + some.Count("lead"); got != 2 {
				t.Errorf("the last look at %q brought %d rows along, want those of one human being", spelled.person, got)
			}
		}
	}
}

// shuffled answers as the emulator does, but with pages of a size of its own and the rows of each page in any order.
type shuffled struct {
	http.Handler
	page int
	mu   sync.Mutex
	rand *rand.Rand
}

var pageSize = regexp.MustCompile(`odata\.maxpagesize=\d+`)

func (s *shuffled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := r.Header.Get("Prefer"); pageSize.MatchString(p) {
		r.Header.Set("Prefer", pageSize.ReplaceAllString(p, fmt.Sprintf("odata.maxpagesize=%d", s.page)))
	}
	rec := httptest.NewRecorder()
	s.Handler.ServeHTTP(rec, r)
	body := rec.Body.Bytes()
	var answer map[string]json.RawMessage
	var rows []json.RawMessage
	if json.Unmarshal(body, &answer) == nil && json.Unmarshal(answer["value"], &rows) == nil && len(rows) > 1 {
		s.mu.Lock()
		s.rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		s.mu.Unlock()
		answer["value"], _ = json.Marshal(rows)
		body, _ = json.Marshal(answer)
	}
	h := w.Header()
	for k, v := range rec.Header() {
		h[k] = v
	}
	if h.Get("Content-Length") != "" {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(rec.Code)
	_, _ = io.Copy(w, bytes.NewReader(body))
}

// Whatever size pages have and in whatever order rows come: the plan is the same.
func TestOrderOfPagesDoesNotMatter(t *testing.T) {
	t.Parallel()
	today, url, server := generated(t, 3, 60, 30)
	plain := connect(t, url)
	for _, path := range policies(t) {
		plan := func(c dataverse.Reader) *plan.Plan {
			policy := checked(t, c, path)
			e, err := evaluate.Evaluate(t.Context(), c, policy, evaluate.EvaluateOptions{Today: dateAt(today)})
			if err != nil {
				t.Fatal(err)
			}
			return plan.NewPlan(policy, e, plan.PlanOptions{All: true})
		}
		want := plan(plain)
		for _, page := range []int{5, 38} {
			got := plan(connect(t, serve(t, &shuffled{Handler: server, page: page, rand: rand.New(rand.NewPCG(uint64(page), 11))})))
			if diff := differences(verdicts(want), verdicts(got)); diff != "" {
				t.Errorf("%s in pages of %d:\n%s", path, page, diff)
			}
			if diff := cmp.Diff(want.Grounds, got.Grounds); diff != "" {
				t.Errorf("%s in pages of %d:\n%s", path, page, diff)
			}
			for i := range want.Decisions {
				if want.Decisions[i].Reason() != got.Decisions[i].Reason() {
					t.Errorf("%s in pages of %d: %q, %q", path, page, want.Decisions[i].Reason(), got.Decisions[i].Reason())
				}
			}
		}
	}
}

// What the server leaves out because it has ended changes nothing that is decided: neither what is done nor when.
func TestLeavingOutWhatHasEndedNeverChangesADecision(t *testing.T) {
	t.Parallel()
	decided, purges := 0, 0
	for seed := *firstSeed; seed < *firstSeed+max(1, *seeds/2); seed++ {
		today, url, _ := generated(t, seed, 60, 30)
		c := connect(t, url)
		_, traces := ledgerOf(seed, today, naive.Download(t.Context(), t, url+"/api/data/v9.2/", "t"))
		whole := evaluate.EvaluateOptions{Today: dateAt(today), Traces: traces}
		lasting := whole
		lasting.Lasting = true
		for _, path := range policies(t) {
			policy := checked(t, c, path)
			everybody, err := evaluate.Evaluate(t.Context(), c, policy, whole)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range policy.Subjects {
				var ids []uuid.UUID
				for p := range everybody.Persons(whole) {
					if p.Table == s.Table {
						ids = append(ids, p.ID)
					}
				}
				some, err := evaluate.EvaluatePersons(t.Context(), c, policy, s.Table, ids, lasting)
				if err != nil {
					t.Fatal(err)
				}
				for _, id := range ids {
					all, _ := everybody.Person(s.Table, id, whole)
					less, found := some.Person(s.Table, id, lasting)
					if !found {
						t.Fatalf("seed %d, %s: %s %s is missing", seed, path, s.Table, id)
					}
					a := retention.Decide(all.Person, policy.Policy.Rules(), whole.Today)
					b := retention.Decide(less.Person, policy.Policy.Rules(), whole.Today)
					if a.Action != b.Action || a.PurgeOn != b.PurgeOn || a.NoticedOn != b.NoticedOn {
						t.Errorf("seed %d, %s: %s %s: %s %s with everything, %s %s with what lasts", seed, path, s.Table, id, a.Action, a.PurgeOn, b.Action, b.PurgeOn)
					}
					decided++
					if a.Action == retention.Purge {
						purges++
					}
				}
			}
		}
	}
	if decided < 500 || purges == 0 {
		t.Errorf("%d decisions, %d of them purges: that proves little", decided, purges)
	}
}
