package policy

import "fmt"

// dates reads what a ground says of its date besides `after`, `until` and `keep`.
func (l *loader) dates(f *fileGround, g *Ground, whole string, bad func(key, message, hint string)) {
	dated := f.has("after") && f.After != Lost || f.has("until")
	for _, key := range []string{"missingDate", "atMost"} {
		if f.has(key) && !dated && (whole != "fetchXml" || key != "missingDate") && (whole == "" || key != "atMost") {
			bad(key, fmt.Sprintf("`%s` needs `after` or `until`", key), "")
		}
	}
	if g.MissingDate != MissingKeeps && g.MissingDate != MissingIgnored {
		g.InsteadOf, g.MissingDate = string(g.MissingDate), MissingKeeps
		if hint := DidYouMean(g.InsteadOf, []string{string(MissingKeeps), string(MissingIgnored)}); hint != "" {
			bad("missingDate", fmt.Sprintf("`missingDate` cannot be `%s`", g.InsteadOf), hint)
		}
		if whole == "fetchXml" {
			bad("missingDate", fmt.Sprintf("`missingDate` cannot be `%s` beside `fetchXml`", g.InsteadOf), "one of keep, ignore; a query counts from one date")
		}
	}
	g.Keep.YearEnds = l.policy.YearEnds
	if f.has("yearEnds") {
		g.Keep.YearEnds = f.YearEnds
	}
}
