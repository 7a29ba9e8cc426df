package policy

import (
	"strings"
	"testing"
)

func TestDidYouMean(t *testing.T) {
	known := []string{"opportunity", "opportunityclose", "quote", "msevtmgt_name", "msevtmgt_eventenddate", "statecode", "statuscode"}
	for name, want := range map[string]string{
		"oportunity": "opportunity", "Quote": "quote", "qoute": "quote", "msevtmgt_enddate": "msevtmgt_eventenddate",
		"stetecode": "statecode", "x": "", "invoice": "", "msevtmgt_zzz": "",
	} {
		if got := strings.TrimSuffix(strings.TrimPrefix(DidYouMean(name, known), "did you mean `"), "`?"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
