package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/dataverse/snapshot"
	"github.com/gallra/gallra/retention/take"
)

type snapshotOptions struct {
	out   string
	rows  string
	keep  bool
	shift bool
}

func newSnapshot(h *Host) *cobra.Command {
	o := snapshotOptions{}
	c := &cobra.Command{
		Use:   "snapshot",
		Short: "Take an environment's definitions, and masked rows if you want, into a file to rehearse on",
		Long: `Reads the definitions of every table that a person can stand in, of the organisation's settings and of its views into a
file; with --rows also the rows, masked on the way: ids become others, texts mean nothing, free text and files are not read
at all, and what was equal stays equal. Nothing is written to Dataverse. A policy, if one is set, adds the tables that it
reads, and the texts that it compares with stay.

The file is readable by you alone. It is there once it is whole; one that was cut goes on with the same command. The key of
the masking is deleted with the last part.

EXIT STATUS: 0 done, 1 failed, 2 wrong usage, settings or policy, 130 or 143 interrupted.`,
		Example: `  gallra snapshot --out crm.gallra
  gallra snapshot --out crm.gallra --rows all
  gallra snapshot --out crm.gallra --rows 10% --keep-ids`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return h.snapshot(cmd.Context(), o) },
	}
	c.Flags().StringVar(&o.out, "out", "", "the file, such as crm.gallra")
	config.WritesNewFile(c.Flags(), "out", "a snapshot is not written over")
	c.Flags().StringVar(&o.rows, "rows", "none", "none, all, those of a share of the persons (10%), or of so many persons")
	c.Flags().BoolVar(&o.keep, "keep-ids", false, "keep ids as they are, so that persons can be opened in the CRM from a rehearsal")
	c.Flags().BoolVar(&o.shift, "shift-dates", false, "move all dates by one offset that nobody is told")
	c.AddCommand(newInspect(h))
	return c
}

func (h *Host) snapshot(ctx context.Context, o snapshotOptions) error {
	if o.out == "" {
		return h.Usage("--out names no file", "gallra snapshot --out crm.gallra")
	}
	rows, err := take.ParseRows(o.rows)
	if err != nil {
		return h.Usage("--rows: "+err.Error(), "")
	}
	client, checked, err := h.Connect(ctx)
	if err != nil {
		return h.Problems(err)
	}
	bar := h.Progress("snapshot")
	defer bar.Done()
	r, err := take.Take(ctx, client, take.Options{Path: o.out, Rows: rows, Keep: o.keep, Shift: o.shift, Policy: checked, Version: h.Version, Progress: bar.Add})
	bar.Done()
	if err != nil {
		if _, there := os.Stat(o.out + ".resume"); there == nil {
			err = fmt.Errorf("the snapshot is not whole, and the same command goes on with it: %w", err)
		}
		return err
	}
	all := 0
	for _, n := range r.Rows {
		all += n
	}
	info, err := os.Stat(o.out)
	if err != nil {
		return err
	}
	if h.JSON() {
		return json.NewEncoder(h.Out).Encode(map[string]any{"kind": "snapshot", "file": o.out, "organization": r.Head.Organization, "tables": r.Defined, "rows": all, "bytes": info.Size(),
			"resumed": r.Resumed, "operations": client.Operations(), "masking": r.Head.Masking, "gaps": len(r.Head.Gaps)})
	}
	fmt.Fprintf(h.Out, "%s: %d tables, %d rows, %.1f MB\n", o.out, r.Defined, all, float64(info.Size())/1e6)
	if r.Resumed {
		fmt.Fprintln(h.Out, "it went on with a snapshot that had been cut; the rows are those read by this command")
	}
	h.gaps(r.Head.Gaps)
	fmt.Fprintf(h.Out, "\ngallra snapshot inspect %s shows what is in it\n", o.out)
	return nil
}

// shownGaps are how many of a kind are listed.
const shownGaps = 10

// gaps names what the emulator does not hold as the environment does.
func (h *Host) gaps(all []snapshot.Gap) {
	says := map[string]string{
		snapshot.NotHeld:    "the emulator does not have",
		snapshot.ReadOnly:   "keep the value that they had",
		snapshot.NotCarried: "are not in the file",
	}
	for _, kind := range []string{snapshot.NotHeld, snapshot.ReadOnly, snapshot.NotCarried} {
		var names []string
		for _, g := range all {
			if g.Kind != kind {
				continue
			}
			name := g.Table
			if g.Column != "" {
				name += "." + g.Column
			}
			names = append(names, name+" ("+g.What+")")
		}
		if len(names) == 0 {
			continue
		}
		fmt.Fprintf(h.Out, "\n%s: %d\n", says[kind], len(names))
		for _, name := range names[:min(len(names), shownGaps)] {
			fmt.Fprintf(h.Out, "  %s\n", name)
		}
		if more := len(names) - shownGaps; more > 0 {
			fmt.Fprintf(h.Out, "  and %d more; --json lists them in gallra snapshot inspect\n", more)
		}
	}
}

func newInspect(h *Host) *cobra.Command {
	var search []string
	c := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what is in a snapshot, and prove what is not",
		Long: `Reads a snapshot to its end, which proves that it is whole, and tells which tables and rows it holds, and which columns
hold values of what kind. With --search it is searched for a text, whatever its case: in every value of its rows and in its
definitions.

EXIT STATUS: 0 done, 1 failed, or a text that was searched for is in the file, 2 the file is refused.`,
		Example: `  gallra snapshot inspect crm.gallra
  gallra snapshot inspect crm.gallra --search "Ada Lovelace"`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return h.inspect(args[0], search) },
	}
	c.Flags().StringArrayVar(&search, "search", nil, "look for this text; repeatable")
	return c
}

// foundError says that what was searched for is in the file.
type foundError struct{ texts, lines int }

func (e *foundError) Error() string {
	return fmt.Sprintf("%d of the texts are in the file, on %d lines", e.texts, e.lines)
}

func (h *Host) inspect(path string, search []string) error {
	i, err := snapshot.Inspect(path, search)
	if err != nil {
		return err
	}
	hits, texts := 0, 0
	for _, n := range i.Found {
		if hits += n; n > 0 {
			texts++
		}
	}
	if h.JSON() {
		if err := json.NewEncoder(h.Out).Encode(map[string]any{"kind": "contents", "head": i.Head, "tables": i.Tables, "views": i.Views, "found": i.Found}); err != nil {
			return err
		}
	} else {
		h.contents(path, i)
	}
	if hits > 0 {
		return &foundError{texts, hits}
	}
	return nil
}

func (h *Host) contents(path string, i *snapshot.Contents) {
	head := &i.Head
	fmt.Fprintf(h.Out, "%s: format %d, written by gallra %s\norganisation %s (%s), taken %s\n", path, head.Format, head.Gallra, head.Organization, head.Type, head.Taken.Format("2006-01-02 15:04 MST"))
	m := &head.Masking
	ids := "ids are mapped to others"
	if m.Ids == snapshot.KeptIDs {
		ids = "ids are as they were"
	}
	if m.Shifted {
		ids += ", dates are moved by one offset"
	}
	fmt.Fprintf(h.Out, "rows: %s; %s\n\n", m.Rows, ids)
	var rows [][]string
	plain := 0
	for _, t := range i.Tables {
		if t.Rows == 0 {
			plain++
			continue
		}
		row := []string{t.Name, strconv.Itoa(t.Rows)}
		for _, mask := range masks {
			row = append(row, strconv.Itoa(t.Masks[mask]))
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		head := []string{"table", "rows"}
		for _, mask := range masks {
			head = append(head, maskWords[mask])
		}
		fmt.Fprintln(h.Out, h.Table(head, rows))
	}
	fmt.Fprintf(h.Out, "%d tables are defined without a row, and %d views\n", plain, i.Views)
	if len(m.Whole) > 0 {
		fmt.Fprintf(h.Out, "the policy reads these columns of persons, which are therefore there: %d\n", len(m.Whole))
		for _, c := range m.Whole {
			fmt.Fprintf(h.Out, "  %s\n", c)
		}
	}
	if len(m.Texts) > 0 {
		fmt.Fprintf(h.Out, "texts that the policy compares with stay where they stood: %d\n", len(m.Texts))
	}
	h.gaps(head.Gaps)
	for _, text := range slices.Sorted(maps.Keys(i.Found)) {
		fmt.Fprintf(h.Out, "%q: on %d lines\n", text, i.Found[text])
	}
}

var masks = []snapshot.Mask{snapshot.Kept, snapshot.ID, snapshot.Text, snapshot.Zero, snapshot.OnlyDay, snapshot.Whole}

// maskWords head the columns of how many columns of a table hold what.
var maskWords = map[snapshot.Mask]string{snapshot.Kept: "as they are", snapshot.ID: "ids", snapshot.Text: "texts", snapshot.Zero: "zero", snapshot.OnlyDay: "years", snapshot.Whole: "for the policy"}
