package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/rehearse"
)

type rehearseOptions struct {
	snapshot string
	months   int
	every    int
	html     string
	lang     string
	against  string
	ledger   string
	beside   string
}

func newRehearse(h *Host) *cobra.Command {
	o := rehearseOptions{}
	c := &cobra.Command{
		Use:   "rehearse",
		Short: "Live the coming months on a snapshot of your CRM, and show what would happen",
		Long: `Opens a snapshot (gallra snapshot --rows all) in the embedded emulator and lives the coming months there by the code of the
real run: provision, the first notice, the wave when the notice is over, the ordinary nights. Shows by month who would be
scheduled, rescued and purged, by ground and class; what becomes of the rows in every place; which guard rails would stop and
which limits the first wave needs; what it asks of the service; what the search finds; who cannot be purged and why; and
persons of whom nobody would expect it. Nothing real is touched, and no environment is asked.

Nothing changes in a rehearsal but by gallra: no deal comes in, and nobody is rescued by the staff. The ledger begins empty.

With --beside another policy lives the same nights, and the two are held side by side: A is --policy, B the other one.

With --against the rehearsal is held against what has happened since, by the real ledger.

EXIT STATUS: 0 done, 1 failed, 2 wrong usage or policy, or a snapshot that is refused.`,
		Example: `  gallra rehearse --snapshot crm.gallra --months 12
  gallra rehearse --snapshot crm.gallra --every 7 --html rehearsal.html
  gallra rehearse --snapshot crm.gallra --policy sales.yaml --beside shorter.yaml
  gallra rehearse --snapshot crm.gallra --against ledger`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return h.rehearse(cmd.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.snapshot, "snapshot", "", "the file that gallra snapshot --rows made")
	f.IntVar(&o.months, "months", 12, "how many months are lived, up to 120")
	f.IntVar(&o.every, "every", 1, "nights from one run to the next: 7 is faster, and coarser")
	f.StringVar(&o.html, "html", "", "write the report as a page with pictures into this file")
	config.WritesFile(f, "html")
	f.StringVar(&o.lang, "lang", "en", "language of the page")
	f.StringVar(&o.beside, "beside", "", "rehearse this policy as well, and show the two side by side")
	f.StringVar(&o.against, "against", "", "hold the rehearsal against this ledger of real runs")
	f.StringVar(&o.ledger, "keep-ledger", "", "keep the rehearsal's own ledger in this folder")
	config.WritesFolder(f, "keep-ledger")
	return c
}

func (o *rehearseOptions) check(h *Host) error {
	switch {
	case o.snapshot == "":
		return h.Usage("--snapshot names no file", "gallra snapshot --out crm.gallra --rows all makes one")
	case o.months < 1 || o.months > 120:
		return h.Usage("--months is from 1 to 120", "")
	case o.every < 1 || o.every > 31:
		return h.Usage("--every is from 1 to 31 nights", "")
	case o.beside != "" && o.against != "":
		return h.Usage("--beside compares two policies, and --against one with what has happened", "one after the other")
	case !slices.Contains(rehearse.Languages(), o.lang):
		return h.Usage(fmt.Sprintf("--lang: %q is not a language of the page: %s", o.lang, strings.Join(rehearse.Languages(), " or ")), "")
	}
	return nil
}

func (h *Host) rehearse(ctx context.Context, o rehearseOptions) error {
	if err := o.check(h); err != nil {
		return err
	}
	p, err := h.Policy()
	if err != nil {
		return h.Problems(err)
	}
	var other *policy.Policy
	if o.beside != "" {
		if other, err = h.PolicyOf(o.beside); err != nil {
			return h.Problems(err)
		}
		if err := h.goesBeside(ctx, o, p, other); err != nil {
			return err
		}
	}
	book := o.ledger
	if book == "" {
		if book, err = os.MkdirTemp("", "gallra-rehearsal-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(book) }()
	} else if entries, err := os.ReadDir(book); err == nil && len(entries) > 0 {
		return h.Usage("--keep-ledger: "+book+" is not empty", "a rehearsal begins with a ledger of its own")
	}
	r, err := h.live(ctx, o, p, book)
	if err != nil {
		return err
	}
	var b *rehearse.Result
	var d *rehearse.Difference
	if other != nil {
		second, err := os.MkdirTemp("", "gallra-rehearsal-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(second) }()
		if b, err = h.live(ctx, o, other, second); err != nil {
			return err
		}
		d = rehearse.Compare(r, b)
	}
	if o.against != "" {
		real, err := h.Ledger(ctx, o.against)
		if err != nil {
			return err
		}
		own, err := h.Ledger(ctx, book)
		if err != nil {
			return err
		}
		if r.Against, err = rehearse.Against(ctx, r, own, real); err != nil {
			return err
		}
	}
	if o.html != "" {
		if err := writePage(o.html, r, d, h.PolicyFile(), o.lang); err != nil {
			return err
		}
	}
	if h.JSON() {
		return h.encode(r, b, d)
	}
	if d == nil {
		h.told(r)
	} else {
		h.beside(r, b, d, o.beside)
	}
	if o.html != "" {
		fmt.Fprintf(h.Out, "\nthe page is %s\n", o.html)
	}
	return nil
}

// live opens the snapshot and rehearses a policy on it.
// noSnapshot says what to do about a snapshot that cannot be read.
func (h *Host) noSnapshot(err error) error {
	var unreadable *fs.PathError
	if errors.As(err, &unreadable) {
		return h.Usage("--snapshot: "+err.Error(), "gallra snapshot --out crm.gallra --rows all makes one")
	}
	return err
}

// goesBeside tells what is wrong with the second policy before the months are lived by the first.
func (h *Host) goesBeside(ctx context.Context, o rehearseOptions, p, other *policy.Policy) error {
	if _, _, err := rehearse.Peek(o.snapshot, p); err != nil {
		return h.noSnapshot(err)
	}
	err := rehearse.Check(ctx, o.snapshot, other)
	var unfit *rehearse.UnfitError
	if errors.As(err, &unfit) {
		return &rehearse.UnfitError{Why: "--beside " + o.beside + ": " + unfit.Why, Remedy: unfit.Remedy}
	}
	if err != nil {
		return h.Problems(err)
	}
	return nil
}

func (h *Host) live(ctx context.Context, o rehearseOptions, p *policy.Policy, book string) (*rehearse.Result, error) {
	server, head, err := rehearse.Open(o.snapshot)
	if err != nil {
		return nil, h.noSnapshot(err)
	}
	bar := h.Progress("rehearse")
	defer bar.Done()
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	roomy(spareMemory())
	r, err := rehearse.Run(ctx, server, head, p, rehearse.Options{Months: o.months, Every: o.every, Ledger: book, Progress: func(night retention.Date, done, of int) {
		bar.Set("rehearse "+night.String(), done, of)
		roomy(spareMemory())
	}})
	bar.Done()
	if err != nil {
		return nil, h.Problems(err)
	}
	return r, nil
}

func writePage(path string, r *rehearse.Result, d *rehearse.Difference, policy, lang string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = r.WriteHTML(f, filepath.Base(policy), lang, d)
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// told prints a rehearsal for people.
func (h *Host) told(r *rehearse.Result) {
	say, section := h.speech()
	number := strconv.Itoa
	say("%d nights from %s to %s on a snapshot of %s (rows: %s)", r.Nights, r.From.Words(), r.To.Words(), r.Taken, r.Sample)
	if r.Skipped > 0 {
		say("in %d of them nothing could fall due: they count as the quiet one before them", r.Skipped)
	}
	say("nothing changes in a rehearsal but by gallra: no deal comes in, and nobody is rescued by the staff")
	if r.Unapproved {
		say("the policy asks for an approval before anybody is purged: the rehearsal takes it for given")
	}
	if r.UnfitTexts > 0 || len(r.Unfit) > 0 {
		say("the snapshot was not taken for this policy, and what it decides by is masked: %s", strings.Join(append(slices.Clone(r.Unfit), fmt.Sprintf("%d texts", r.UnfitTexts)), ", "))
		say("take it again with this policy, or take what follows with care")
	}
	for _, t := range r.Persons {
		say("  %s: %d before, %d after", t.Table, t.Before, t.After)
	}
	section("Month by month")
	var rows [][]string
	for _, m := range r.Months {
		rows = append(rows, []string{m.Month, number(m.Scheduled), number(m.Moved), number(m.Rescued), number(m.Purged), number(m.Deleted), number(m.Anonymized), number(m.Bound), number(m.EndedRows), number(m.Failed)})
	}
	say("%s", h.Table([]string{"month", "scheduled", "moved", "rescued", "purged", "deleted", "anonymised", "in place", "rows ended", "failed"}, rows))
	section("By what kept them last")
	say("%s", h.Table([]string{"table", "class", "ground", "scheduled", "rescued", "purged"}, groupRows(r)))
	section("What becomes of the rows, by place")
	rows = nil
	for _, p := range r.Places {
		if p.Tally.Deleted+p.Tally.Anonymized+p.Tally.Kept+p.Tally.Freed+p.Tally.Shared == 0 {
			continue
		}
		there := "?"
		if p.Rows >= 0 {
			there = number(p.Rows)
		}
		rows = append(rows, []string{p.Place, there, number(p.Tally.Deleted), number(p.Tally.Anonymized), number(p.Tally.Kept), number(p.Tally.Freed), number(p.Tally.Shared)})
	}
	say("%s", h.Table([]string{"place", "rows at first", "deleted", "anonymised", "kept", "freed", "taken off"}, rows))
	h.rails(r, section, say)
	if w := r.Largest; w != nil {
		section("What it asks of the service")
		say("  the whole time: %d requests, %d operations; an ordinary night: %d operations", r.Service.Requests, r.Service.Operations, r.Service.PerNight)
		say("  the largest night: %d requests, %d operations", w.Requests, w.Operations)
		say("  at 6,000 requests in 5 minutes for a user and server: at least %.1f hours; of the 500,000 operations a day that application users share: %.2f days", r.Service.Hours, r.Service.Days)
		say("  how long the service takes for them (20 minutes of its time in 5) no rehearsal can know")
	}
	section("What the search found of those who were purged")
	if len(r.Found) == 0 {
		say("  nothing")
	}
	for _, f := range r.Found {
		word := "may be there"
		if f.Left {
			word = "should be gone"
		}
		say("  %d in %s (%s): %s", f.Count, f.Table, f.Where, word)
	}
	say("  free text is not in a snapshot: what it says of a person is found in the real CRM only")
	if len(r.Failed) > 0 {
		section("Who could not be purged")
		for _, f := range r.Failed {
			say("  %d of %s: %s (%s)", f.Count, f.Table, f.Code, h.person(r, f.Table, f.IDs[0].String()))
		}
	}
	section("Whom nobody would expect: look at them")
	if len(r.Unexpected) == 0 {
		say("  nobody")
	}
	why := map[string]string{rehearse.PrimaryContact: "primary contact of a customer with %d deals, quotes, orders and invoices", rehearse.RecentActivity: "took part in %d activities of the month before"}
	for _, u := range r.Unexpected[:min(len(r.Unexpected), 20)] {
		say("  %s  %s", h.person(r, u.Table, u.ID.String()), fmt.Sprintf(why[u.Why], u.Weight))
	}
	if r.Link == "" && len(r.Unexpected) > 0 {
		say("  ids are mapped: take the snapshot with --keep-ids to open them in the CRM")
	}
	if r.Against != nil {
		h.against(r.Against, section, say)
	}
}

// person is a person as people open them.
func (h *Host) person(r *rehearse.Result, table, id string) string {
	if r.Link == "" {
		return table + " " + id
	}
	return r.Link + "&etn=" + table + "&id=" + id
}

func groupRows(r *rehearse.Result) (rows [][]string) {
	for _, g := range r.Groups() {
		ground, class := g.Ground, g.Class
		if ground == "" {
			ground = "none ever"
		}
		if class == "" {
			class = "-"
		}
		rows = append(rows, []string{g.Table, class, ground, strconv.Itoa(g.Scheduled), strconv.Itoa(g.Rescued), strconv.Itoa(g.Purged)})
	}
	return rows
}

func (h *Host) rails(r *rehearse.Result, section func(string), say func(string, ...any)) {
	section("Guard rails, and limits for the first wave")
	for _, s := range r.Stops {
		nights := "1 night,"
		if s.Nights > 1 {
			nights = fmt.Sprintf("%d nights, first", s.Nights)
		}
		say("  %s stopped %s that of %s: %s", s.Rail, nights, s.First.Words(), s.Sentence)
		say("    %s", s.Remedy)
	}
	if len(r.Stops) == 0 {
		say("  none would stop a night")
	}
	if w := r.First; w != nil {
		share := 0.0
		for _, s := range r.Largest.Shares {
			share = max(share, s)
		}
		say("  the first wave is in the night of %s: %d persons; the largest, of %s: %d persons, %s of a table", w.On.Words(), w.Persons, r.Largest.On.Words(), r.Largest.Persons, policy.Percentage(share))
		purges, most := r.Limits()
		say("  limits that let it through: purges: %d, share: %s", purges, policy.Percentage(most))
	}
}

func (h *Host) against(a *rehearse.Comparison, section func(string), say func(string, ...any)) {
	section("Held against what has happened")
	say("  until %s, by a ledger of %d runs", a.Until.Words(), a.Runs)
	var rows [][]string
	for _, l := range a.Lines {
		rows = append(rows, []string{l.What, strconv.Itoa(l.Foretold), strconv.Itoa(l.Happened), strconv.Itoa(l.Happened - l.Foretold)})
	}
	say("%s", h.Table([]string{"what", "foretold", "happened", "difference"}, rows))
	for _, e := range a.Reasons {
		say("  %s", e)
	}
}
