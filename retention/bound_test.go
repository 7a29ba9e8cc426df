package retention_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
)

// rowsOf are the ids of the rows that a query answers.
func rowsOf(t *testing.T, c *dataverse.Client, r retention.Read) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for row, err := range c.Rows(t.Context(), dataverse.Query{Table: r.Table, Set: r.Set, Select: r.Select, Expand: r.Expand, Filter: r.Filter}) {
		if err != nil {
			t.Fatal(err)
		}
		ids[row.ID(string(r.ID)).String()] = true
	}
	return ids
}

// What a time bound leaves out on the server has ended by then, or lacks a date that is ignored: it never changes who is
// to be kept.
func TestTimeBoundLeavesOutOnlyWhatHasEnded(t *testing.T) {
	left := 0
	for seed := *firstSeed; seed < *firstSeed+max(1, *seeds/2); seed++ {
		today, url, _ := generated(t, seed, 80, 60)
		c := connect(t, url)
		crm := download(t.Context(), t, url+"/api/data/v9.2/", "t")
		for _, path := range policies(t) {
			policy, naive := checked(t, c, path), readNaivePolicy(t, path)
			for _, s := range policy.Subjects {
				for i := range s.Grounds {
					g := &s.Grounds[i]
					column := g.After + g.Until
					if column == "" {
						continue
					}
					all, bounded := rowsOf(t, c, g.All()), rowsOf(t, c, g.Reading(dateAt(today)))
					for id := range all {
						if bounded[id] {
							delete(bounded, id)
							continue
						}
						left++
						text, _ := crm.value(crm.byID[id], column).(string)
						if text == "" {
							if g.MissingDate != retention.MissingIgnored {
								t.Errorf("seed %d, %s, %s: a row without its date was left out", seed, path, g.ID)
							}
							continue
						}
						until := plus(t, naive.day(t, column[strings.LastIndex(column, "/")+1:], text), g.Keep.String())
						if until.After(today) {
							t.Errorf("seed %d, %s, %s: a row that holds until %s was left out on %s", seed, path, g.ID, until.Format(time.DateOnly), today.Format(time.DateOnly))
						}
					}
					if len(bounded) > 0 {
						t.Errorf("seed %d, %s, %s: the time bound found %d rows more", seed, path, g.ID, len(bounded))
					}
				}
			}
		}
	}
	if left == 0 {
		t.Error("the time bounds left nothing out")
	}
}
