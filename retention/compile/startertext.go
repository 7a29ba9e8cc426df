package compile

import (
	"github.com/gallra/gallra/retention/policy"
)

// Text is the policy by the answers, as a file.
func (s *Starter) Text(a Answers) string {
	w := &policy.Prose{}
	w.Line("# yaml-language-server: $schema=./policy.schema.json")
	w.Line("#")
	w.Line("# Written by gallra policy init on %s, from this environment's own tables and what was answered.", s.options.Today)
	w.Line("# For each ground ask what it is for, on what lawful basis, and for how long that takes.")
	w.Line("#   gallra policy check     finds mistakes and what is suspicious")
	w.Line("#   gallra plan             shows whom it would schedule; nothing is written")
	w.Line("#   gallra policy record    says it in words, for whoever has to sign it")
	w.Line("")
	w.Line("version: 1")
	w.Line("")
	w.Line("environment:")
	w.Line("  organization: %s   # every other one is refused", s.org.ID)
	if s.org.Production {
		w.Line("  allowProduction: false   # this IS a production environment: say true once the policy was tried on a sandbox")
	} else {
		w.Line("  allowProduction: false")
	}
	w.Line("")
	w.Line("timeZone: %-20s # whose calendar decides which day it is", s.options.TimeZone)
	w.Line("notice: %-22s # how long a coming purge is visible before it happens", s.options.Notice)
	w.Line("manualExtension: %-13s # the furthest ahead of today that staff can extend by hand", policy.DefaultManualExtension)
	w.Line("limits: {purges: %d, share: %s, canary: %d}   # a run that would purge more purges nobody", policy.DefaultLimits.Purges, policy.Percentage(policy.DefaultLimits.Share), policy.DefaultLimits.Canary)
	w.Line("")
	w.Line("subjects:")
	for i := range s.subjects {
		writeSubject(w, &s.subjects[i], a)
	}
	return w.String()
}

func writeSubject(w *policy.Prose, s *starterSubject, a Answers) {
	w.Line("")
	w.Line("  # %s", policy.Count(s.persons, "person"))
	w.Line("  %s:", s.table)
	if s.table == "lead" {
		w.Line("    purge: anonymize            # the person goes, the row stays for statistics: name under `retain` what these need")
	} else {
		w.Line("    purge: delete")
		w.Line("    whenBound: anonymize        # a person to whom a kept row stays bound is anonymised in place")
	}
	if s.identity != "" {
		w.Line("    identity: %-17s # rows with one address are one human being: what keeps one keeps all", s.identity)
	}
	w.Line("")
	w.Line("    grounds:")
	grounds, left := s.chosen(a)
	for _, g := range grounds {
		writeGround(w, g)
	}
	if len(left) > 0 {
		w.Line("")
		w.Line("      # These have rows as well, and justify nobody:")
		for _, name := range left {
			w.Line("      #   %s", name)
		}
	}
	if len(s.related) == 0 {
		return
	}
	w.Line("")
	w.Line("    # What happens to related rows. In order: the first rule that matches a row decides.")
	w.Line("    related:")
	for i, r := range s.related {
		if i == 0 || s.related[i-1].comment != r.comment {
			w.Line("      # %s", r.comment)
		}
		w.Line("      - %s", r.Text())
	}
	w.Line("      # whatever else leads to the person, rows of business excepted")
	w.Line("      - {table: '*', do: delete}")
}

func writeGround(w *policy.Prose, g starterGround) {
	w.Line("")
	w.Line("      - id: %-40s # %s", g.ID, policy.Count(g.rows, "row"))
	w.Line("        basis: %s", g.Basis)
	w.Line("        why: %s", policy.Quoted(g.Why))
	for _, kv := range [][2]string{{"trigger", quotedIf(g.Trigger)}, {"table", g.Table}, {"link", g.Link}, {"party", g.Party}, {"where", g.Where}, {"after", g.After}, {"until", g.Until}} {
		if kv[1] != "" {
			w.Line("        %s: %s", kv[0], kv[1])
		}
	}
	if !g.Keep.IsZero() {
		w.Line("        keep: %s", g.Keep)
	}
	if g.rows < fewRows {
		w.Line("        mayBeEmpty: true")
	}
}

func quotedIf(s string) string {
	if s == "" {
		return ""
	}
	return policy.Quoted(s)
}

// fewRows is below how many rows a ground may come to match none by itself: more that are gone at once are a mistake somewhere.
const fewRows = 10
