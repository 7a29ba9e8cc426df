package retention

import (
	"strings"
)

// text is the starter policy as a file.
func (s *starter) text() string {
	w := &record{}
	w.line("# yaml-language-server: $schema=./policy.schema.json")
	w.line("#")
	w.line("# A starter policy, written by gallra policy init on %s from this environment's own tables.", s.options.Today)
	w.line("# As it stands it keeps everybody with any sign of life within %s, which is more than a purpose needs.", Period{Years: s.options.Years})
	w.line("# Narrow it: for each ground ask what it is for, on what lawful basis, and for how long that takes.")
	w.line("#   gallra policy check     finds mistakes and what is suspicious")
	w.line("#   gallra plan             shows whom it would schedule; nothing is written")
	w.line("#   gallra simulate NEW     shows what a change of yours would change")
	w.line("")
	w.line("version: 1")
	w.line("")
	w.line("environment:")
	w.line("  organization: %s   # every other one is refused", s.org.ID)
	if s.org.Production {
		w.line("  allowProduction: false   # this IS a production environment: say true once the policy was tried on a sandbox")
	} else {
		w.line("  allowProduction: false")
	}
	w.line("")
	w.line("timeZone: %-20s # whose calendar decides which day it is", s.options.TimeZone)
	w.line("notice: %-22s # how long a coming purge is visible before it happens", DefaultNotice)
	w.line("manualExtension: %-13s # the furthest ahead of today that staff can extend by hand", DefaultManualExtension)
	w.line("limits: {purges: %d, share: %s, canary: %d}   # a run that would purge more purges nobody", DefaultLimits.Purges, percentage(DefaultLimits.Share), DefaultLimits.Canary)
	w.line("")
	w.line("subjects:")
	for _, sub := range s.subjects {
		w.starterSubject(sub)
	}
	return w.String()
}

func (w *record) starterSubject(s starterSubject) {
	w.line("")
	w.line("  # %s", count(s.persons, "person"))
	w.line("  %s:", s.table)
	if s.table == "lead" {
		w.line("    purge: anonymize            # the person goes, the row stays for statistics: name under `retain` what these need")
	} else {
		w.line("    purge: delete")
		w.line("    whenBound: anonymize        # a person to whom a kept row stays bound is anonymised in place")
	}
	if s.identity != "" {
		w.line("    identity: %-17s # rows with one address are one human being: what keeps one keeps all", s.identity)
	}
	w.line("")
	w.line("    grounds:")
	for _, g := range s.grounds {
		w.starterGround(g)
	}
	if len(s.empty) > 0 {
		w.line("")
		w.line("      # These point at persons as well and hold no rows, or cannot be read, so nothing is said about them:")
		for _, name := range s.empty {
			w.line("      #   %s", name)
		}
	}
	if len(s.related) == 0 {
		return
	}
	w.line("")
	w.line("    # What happens to related rows. In order: the first rule that matches a row decides.")
	w.line("    related:")
	for i, r := range s.related {
		if i == 0 || s.related[i-1].comment != r.comment {
			w.line("      # %s", r.comment)
		}
		way := "link: " + r.Link
		if r.Party != "" {
			way = "party: " + r.Party
		}
		if r.Why != "" {
			w.line("      - {table: %s, %s, do: %s, why: %s}", r.Table, way, r.Do, quoted(r.Why))
		} else {
			w.line("      - {table: %s, %s, do: %s}", r.Table, way, r.Do)
		}
	}
	if s.table != "lead" {
		w.line("      # whatever else a delete takes along, rows of business excepted")
		w.line("      - {table: '*', do: delete}")
	}
}

func (w *record) starterGround(g starterGround) {
	w.line("")
	for line := range strings.SplitSeq(g.comment, "\n") {
		if line != "" {
			w.line("      # %s", line)
		}
	}
	w.line("      - id: %-40s # %s", g.ID, count(g.rows, "row"))
	w.line("        basis: %s", g.Basis)
	w.line("        why: %s", quoted(g.Why))
	for _, kv := range [][2]string{{"trigger", quotedIf(g.Trigger)}, {"table", g.Table}, {"link", g.Link}, {"party", g.Party}, {"where", g.Where}, {"after", g.After}, {"until", g.Until}} {
		if kv[1] != "" {
			w.line("        %s: %s", kv[0], kv[1])
		}
	}
	if !g.Keep.IsZero() {
		w.line("        keep: %s", g.Keep)
	}
	if g.MayBeEmpty {
		w.line("        mayBeEmpty: true")
	}
}

// quoted is a text as YAML takes it whatever it holds: names of tables and columns are the customer's.
func quoted(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || r == '\u0085' || r == '\ufeff' {
			return ' '
		}
		return r
	}, s)) + `"`
}

func quotedIf(s string) string {
	if s == "" {
		return ""
	}
	return quoted(s)
}
