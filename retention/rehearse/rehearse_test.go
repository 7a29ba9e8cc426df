package rehearse_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/dataverse/emulator/sample"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/dataverse/snapshot"
	"github.com/gallra/gallra/internal/crmtest"
	"github.com/gallra/gallra/internal/words/wordstest"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/rehearse"
	"github.com/gallra/gallra/retention/take"
)

// seeds are how many worlds are lived through: GALLRA_SEEDS says how many more.
func seeds(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("GALLRA_SEEDS"))
	if err != nil {
		return 1
	}
	return n
}

// TestTheRehearsalForetellsTheYear holds a masked rehearsal against the same months lived in the environment itself.
func TestTheRehearsalForetellsTheYear(t *testing.T) {
	proven := []string{"purged", "vend_visit deleted", "vend_talk deleted", "vend_card freed", "customeraddress deleted"}
	happened := map[string]int{}
	skipped := 0
	for seed := range uint64(seeds(t)) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			server, c := crmtest.Company(t, 40, 20, seed)
			p := crmtest.Load(t, modelWith(own))
			path := snap(t, c, p, take.Options{})
			months, every := 12, 21 // nights that are far from each other: something falls due before each
			if seed%2 == 0 {
				months, every = 5, 8
			}
			rehearsed, head, err := rehearse.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := rehearse.Run(t.Context(), rehearsed, head, p, rehearse.Options{Months: months, Every: every, Ledger: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			skipped += got.Skipped
			want := live(t, c, p, t.TempDir(), months, every, server.SetClock)
			if d := cmp.Diff(want, told(got)); d != "" {
				t.Errorf("seed %d: (-lived +rehearsed)\n%s", seed, d)
			}
			for _, what := range proven {
				happened[what] += total(want, what)
			}
			if len(got.Unfit) > 0 || got.UnfitTexts > 0 {
				t.Errorf("seed %d: the snapshot was taken for the policy: %v, %d", seed, got.Unfit, got.UnfitTexts)
			}
		})
	}
	for _, what := range proven {
		if happened[what] == 0 {
			t.Errorf("nothing is proven of what is %s", what)
		}
	}
	if skipped == 0 {
		t.Error("every night was run: nothing is proven of those that are skipped")
	}
}

// TestSkippedNightsAreThoseInWhichNothingFallsDue rehearses the same nights twice: as they are, and each of them run. Rows with a period of
// their own fall due as persons do.
func TestSkippedNightsAreThoseInWhichNothingFallsDue(t *testing.T) {
	_, c := crmtest.Company(t, 12, 6, 5)
	text := strings.Replace(modelWith(own), "limits: {", "limits: {rows: 5000, rowShare: 100%, ", 1) +
		"rows:\n  - {table: vend_card, after: createdon, keep: 70 days, do: delete, evenIf: justified}\n"
	p := crmtest.Load(t, text)
	path := snap(t, c, p, take.Options{})
	var results [2]*rehearse.Result
	for i, lived := range []bool{false, true} {
		server, head, err := rehearse.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if results[i], err = rehearse.Run(t.Context(), server, head, p, rehearse.Options{Months: 4, Every: 2, Ledger: t.TempDir(), Lived: lived}); err != nil {
			t.Fatal(err)
		}
	}
	skipped, lived := results[0], results[1]
	ended := 0
	for _, m := range lived.Months {
		ended += m.EndedRows
	}
	if skipped.Skipped < skipped.Nights/4 || lived.Skipped != 0 || ended == 0 {
		t.Errorf("%d of %d nights were skipped, %d where none is to be; %d rows ended", skipped.Skipped, skipped.Nights, lived.Skipped, ended)
	}
	// A night that is left out counts as the one before it, and that may have asked a little more or less. What the waves were the
	// months say.
	if a, b := lived.Service.Operations, skipped.Service.Operations; a-b > 2*skipped.Skipped || b-a > 2*skipped.Skipped {
		t.Errorf("%d operations when every night is run, and %d with nights left out", a, b)
	}
	for i := range skipped.Diary {
		skipped.Diary[i].Skipped = false
	}
	skipped.Skipped, skipped.Service, skipped.First, skipped.Largest = 0, lived.Service, lived.First, lived.Largest
	if d := cmp.Diff(lived, skipped); d != "" {
		t.Errorf("(-every night run +with nights skipped)\n%s", d)
	}
}

// TestASampleForetellsTheWave holds what a sample says of purges against the whole, within what chance allows: of N who go in the whole
// a share s of the persons has N·s, give or take 4·√(N·s·(1-s)) and the few who share an address.
func TestASampleForetellsTheWave(t *testing.T) {
	_, c := crmtest.Company(t, 240, 120, 9)
	p := crmtest.Load(t, modelWith(own))
	purged := func(share string) int {
		path, _ := crmtest.Taken(t, c, take.Options{Policy: crmtest.Compiled(t, c, p), Rows: crmtest.Rows(t, share)})
		server, head, err := rehearse.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := rehearse.Run(t.Context(), server, head, p, rehearse.Options{Months: 3, Every: 31, Ledger: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		return total(told(r), "purged")
	}
	all := float64(purged("all"))
	if all < 100 {
		t.Fatalf("only %.0f go", all)
	}
	for text, share := range map[string]float64{"10%": 0.1, "50%": 0.5} {
		got, bound := float64(purged(text)), 4*math.Sqrt(all*share*(1-share))+all*0.02
		if math.Abs(got-all*share) > bound {
			t.Errorf("%s of %.0f: %.0f, which is more than %.0f from %.0f", text, all, got, bound, all*share)
		}
	}
}

// modelWith is the model policy with further rules for related rows of contacts before its own.
func modelWith(rules string) string {
	at := strings.Index(gallra.ModelPolicy, "    related:\n") + len("    related:\n")
	return gallra.ModelPolicy[:at] + strings.TrimPrefix(rules, "\n") + gallra.ModelPolicy[at:]
}

// counts are by month, and within it by table and what was done.
type counts map[string]map[string]int

func (c counts) add(month, what string, n int) {
	if n == 0 {
		return
	}
	if c[month] == nil {
		c[month] = map[string]int{}
	}
	c[month][what] += n
}

func total(c counts, what string) int {
	n := 0
	for _, m := range c {
		n += m[what]
	}
	return n
}

// live is what happens in the environment itself.
func live(t *testing.T, c *dataverse.Client, p *policy.Policy, dir string, months, every int, set func(time.Time)) counts {
	t.Helper()
	out := counts{}
	checked, err := compile.Compile(t.Context(), p, c)
	if err != nil {
		t.Fatal(err)
	}
	what, err := checked.Provisioning(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	what.Role = provision.Role{}
	if _, err := provision.Run(t.Context(), c, what, false, func(provision.Step) {}); err != nil {
		t.Fatal(err)
	}
	who, err := c.WhoAmI(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := retention.DateOf(crmtest.Noon, p.TimeZone) + 1
	for on := first; on < first.Add(retention.Period{Months: months}); on += retention.Date(every) {
		y, m, d := on.Time().Date()
		set(time.Date(y, m, d, 3, 0, 0, 0, p.TimeZone))
		if _, err := c.WhoAmI(t.Context()); err != nil {
			t.Fatal(err)
		}
		checked, err := compile.Check(t.Context(), p, c)
		if err != nil {
			t.Fatal(err)
		}
		book, err := ledger.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		s, err := purge.Run(t.Context(), purge.Deps{Client: c, Ledger: book, Policy: checked, Today: on, Poll: time.Millisecond,
			Run: ledger.Run{ID: "n" + strconv.Itoa(int(on)), Verb: "run", Organization: checked.Organization, Actor: who.UserID, Version: "test"}})
		var stop *purge.StopError
		if err != nil && !errors.As(err, &stop) {
			t.Fatal(err)
		}
		month := on.String()[:7]
		for _, x := range s.Subjects {
			out.add(month, "scheduled", x.Decisions[retention.Schedule])
			out.add(month, "purged", x.Deleted+x.Anonymized+x.Bound)
			out.add(month, "bound", x.Bound)
		}
		out.add(month, "failed", s.Failed())
		for _, x := range s.Related {
			out.add(month, x.Table+" deleted", x.Deleted)
			out.add(month, x.Table+" anonymized", x.Anonymized)
			out.add(month, x.Table+" kept", x.Kept)
			out.add(month, x.Table+" freed", x.Freed)
			out.add(month, x.Table+" shared", x.Shared)
		}
	}
	return out
}

// told is what a rehearsal says.
func told(r *rehearse.Result) counts {
	out := counts{}
	for _, m := range r.Months {
		out.add(m.Month, "scheduled", m.Scheduled)
		out.add(m.Month, "purged", m.Purged)
		out.add(m.Month, "bound", m.Bound)
		out.add(m.Month, "failed", m.Failed)
		for _, x := range m.Tables {
			out.add(m.Month, x.Table+" deleted", x.Deleted)
			out.add(m.Month, x.Table+" anonymized", x.Anonymized)
			out.add(m.Month, x.Table+" kept", x.Kept)
			out.add(m.Month, x.Table+" freed", x.Freed)
			out.add(m.Month, x.Table+" shared", x.Shared)
		}
	}
	return out
}

func TestWhatDoesNotGoTogetherIsRefused(t *testing.T) {
	_, c := crmtest.Company(t, 6, 3, 1)
	p := crmtest.Load(t, modelWith(own))
	path := snap(t, c, p, take.Options{})
	server, head, err := rehearse.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	other := crmtest.Load(t, strings.Replace(modelWith(own), "d09f1406", "11111111", 1))
	if _, err := rehearse.Run(t.Context(), server, head, other, rehearse.Options{Months: 1, Ledger: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "of the organisation d09f1406") {
		t.Errorf("a policy of another organisation: %v", err)
	}
	head.Masking.Rows = snapshot.NoRows
	if _, err := rehearse.Run(t.Context(), server, head, p, rehearse.Options{Months: 1, Ledger: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no rows") {
		t.Errorf("a snapshot without rows: %v", err)
	}
}

// TestARehearsalTellsWhatStopsIt lives a policy whose limits are too low, with a snapshot that was taken for another one, and holds the
// rehearsal against the ledger of what then happens.
func TestARehearsalTellsWhatStopsIt(t *testing.T) {
	server, c := crmtest.Company(t, 30, 10, 2)
	p := crmtest.Load(t, modelWith(own))
	path := snap(t, c, p, take.Options{Keep: true})
	low := crmtest.Load(t, strings.Replace(strings.Replace(modelWith(own), "purges: 25000", "purges: 3", 1), "statecode eq 0 and customertypecode eq 3 ", "statecode eq 0 and customertypecode eq 3 and (name eq 'Zebra' or name ne null) ", 1))
	rehearsed, head, err := rehearse.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r, err := rehearse.Run(t.Context(), rehearsed, head, low, rehearse.Options{Months: 3, Every: 15, Ledger: dir})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Stops) != 1 || r.Stops[0].Rail != policy.TooMany || r.First == nil || r.First.Persons <= 3 || r.First.Shares["contact"] <= 0 {
		t.Errorf("stops %+v, first wave %+v", r.Stops, r.First)
	}
	if r.UnfitTexts != 1 {
		t.Errorf("%d texts that the snapshot was not taken for", r.UnfitTexts)
	}
	if len(r.Unexpected) == 0 || !strings.HasPrefix(r.Link, "http") {
		t.Errorf("whom nobody would expect: %v, opened by %q", r.Unexpected, r.Link)
	}
	var page strings.Builder
	for _, lang := range rehearse.Languages() {
		page.Reset()
		if err := r.WriteHTML(&page, "sales.yaml", lang, rehearse.Compare(r, r)); err != nil || !strings.Contains(page.String(), "<svg") || !strings.Contains(page.String(), `id="difference"`) || strings.Contains(page.String(), "{{") {
			t.Errorf("the page in %s: %v", lang, err)
		}
	}
	lived, actual := t.TempDir(), crmtest.Load(t, modelWith(own))
	live(t, c, actual, lived, 3, 15, server.SetClock)
	own, err := ledger.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	real, err := ledger.Open(lived)
	if err != nil {
		t.Fatal(err)
	}
	against, err := rehearse.Against(t.Context(), r, own, real)
	if err != nil {
		t.Fatal(err)
	}
	purged := 0
	for _, l := range against.Lines {
		if l.Foretold != l.Happened {
			t.Errorf("%s: %d foretold, %d happened", l.What, l.Foretold, l.Happened)
		}
		if strings.HasPrefix(l.What, "purged ") {
			purged += l.Happened
		}
	}
	if purged == 0 || !strings.Contains(strings.Join(against.Reasons, ";"), "another policy") {
		t.Errorf("%d purged, and the reasons are %v", purged, against.Reasons)
	}
}

func TestTheTextsOfThePage(t *testing.T) {
	wordstest.Check(t, "rehearsal", []string{"page.go", "*.html.tmpl"}, nil)
	wordstest.Said(t, "rehearsal", "*.html.tmpl")
}

// TestTheRehearsalForetellsTheSampleCompany does the same with the sample data, which has attachments, lists, merged rows and
// whatever else a CRM gathers.
func TestTheRehearsalForetellsTheSampleCompany(t *testing.T) {
	server := emulator.New(emulatortest.Options(emulator.Options{Token: rehearse.Token, JobStep: -1}, "read-only-quotes")) // a rehearsal cannot know of it
	server.SetClock(crmtest.Noon)
	if err := sample.Load(server); err != nil {
		t.Fatal(err)
	}
	c, p := crmtest.Connect(t, server, rehearse.Token), crmtest.Load(t, gallra.ModelPolicy)
	rehearsed, head, err := rehearse.Open(snap(t, c, p, take.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := rehearse.Run(t.Context(), rehearsed, head, p, rehearse.Options{Months: 3, Every: 21, Ledger: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	want := live(t, c, p, t.TempDir(), 3, 21, server.SetClock)
	if d := cmp.Diff(want, told(got)); d != "" || total(want, "purged") == 0 {
		t.Errorf("(-lived +rehearsed)\n%s", d)
	}
}

// TestTheLimitsThatAreNamedLetTheWaveThrough writes the limits that a rehearsal names into the policy, as they are printed, and lives it
// again: nothing stops it. Of 30 and 10 persons shares have no end behind the point.
func TestTheLimitsThatAreNamedLetTheWaveThrough(t *testing.T) {
	_, c := crmtest.Company(t, 31, 13, 2)
	p := crmtest.Load(t, modelWith(own))
	path := snap(t, c, p, take.Options{Keep: true})
	lived := func(policyText string) *rehearse.Result {
		t.Helper()
		server, head, err := rehearse.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := rehearse.Run(t.Context(), server, head, crmtest.Load(t, policyText), rehearse.Options{Months: 6, Every: 15, Ledger: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	limited := func(purges int, share string) string {
		text := strings.Replace(modelWith(own), "purges: 25000", fmt.Sprintf("purges: %d", purges), 1)
		return regexp.MustCompile(`share: [^,}]+`).ReplaceAllString(text, "share: "+share)
	}
	r := lived(limited(1, "1%"))
	purges, share := r.Limits()
	if len(r.Stops) == 0 || purges < 2 || share <= 0 || share >= 1 {
		t.Fatalf("stops %+v, limits %d and %v", r.Stops, purges, share)
	}
	named := policy.Percentage(share)
	if exact := fmt.Sprintf("%g%%", share*100); named == exact {
		t.Fatalf("a share of %s is not rounded: the test proves nothing", exact)
	}
	if again := lived(limited(purges, named)); len(again.Stops) > 0 {
		t.Errorf("purges: %d, share: %s are named, and %+v", purges, named, again.Stops)
	}
	if again := lived(limited(purges-1, named)); len(again.Stops) == 0 {
		t.Error("fewer purges let it through as well")
	}
}
