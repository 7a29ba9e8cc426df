package metadata

import (
	"encoding/xml"
	"slices"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// transitions are the statuses after a body has said which may follow which. What it does not say of a status stays. Page:
// define-custom-state-model-transitions, which has the form of the XML; that a definition's PUT carries it is ours.
func transitions(options []schema.Option, body map[string]any) ([]schema.Option, error) {
	set, _ := body["OptionSet"].(map[string]any)
	list, _ := set["Options"].([]any)
	out := slices.Clone(options)
	for _, x := range list {
		m, _ := x.(map[string]any)
		data, sent := m["TransitionData"]
		if !sent {
			continue
		}
		i := hasOption(out, wholeNumber(m["Value"], -1))
		if i < 0 {
			return nil, noOption(m)
		}
		text, _ := data.(string)
		next, err := readTransitions(out, out[i].Value, text)
		if err != nil {
			return nil, err
		}
		out[i].TransitionData, out[i].Next = text, next
	}
	return out, nil
}

// readTransitions are the statuses that may follow one.
func readTransitions(options []schema.Option, from int, text string) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	var read struct {
		XMLName xml.Name `xml:"allowedtransitions"`
		Allowed []struct {
			From int `xml:"sourcestatusid,attr"`
			To   int `xml:"tostatusid,attr"`
		} `xml:"allowedtransition"`
	}
	if err := xml.Unmarshal([]byte(text), &read); err != nil {
		return nil, wire.BadArgument("The TransitionData of the status %d is not valid: %v.", from, err)
	}
	var next []int
	for _, a := range read.Allowed {
		if a.From != from || hasOption(options, a.To) < 0 {
			return nil, wire.BadArgument("The TransitionData of the status %d leads from %d to %d, which is not one of its transitions.", from, a.From, a.To)
		}
		next = append(next, a.To)
	}
	return next, nil
}
