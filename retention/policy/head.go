package policy

import "strings"

// Head says who answers for the policy: what a record of processing (article 30 GDPR) begins with.
type Head struct {
	Controller string   // the company, with its address
	Contact    string   // where people ask
	Officer    string   // the data protection officer
	Recipients []string // who receives the data
	Transfers  []string // to countries outside the EEA, and on what they rest
	Security   string   // what protects the data
	Owner      string   // who looks after the policy
	Version    string
	Date       string // as people write it
}

type fileRecord struct {
	placed     `yaml:"-"`
	Controller string   `yaml:"controller" jsonschema:"description=The company that answers for the data\\, with its address."`
	Contact    string   `yaml:"contact" jsonschema:"description=Where people ask about their data."`
	Officer    string   `yaml:"dataProtectionOfficer" jsonschema:"description=The data protection officer and how to reach them."`
	Recipients []string `yaml:"recipients" jsonschema:"description=Who receives the data\\, such as processors."`
	Transfers  []string `yaml:"transfers" jsonschema:"description=Transfers to countries outside the EEA and what they rest on."`
	Security   string   `yaml:"security" jsonschema:"description=What protects the data."`
	Owner      string   `yaml:"owner" jsonschema:"description=Who looks after this policy."`
	Version    string   `yaml:"version" jsonschema:"description=The policy's version\\, as the company counts."`
	Date       string   `yaml:"date" jsonschema:"description=The day on which it was decided\\, as people write it."`
}

func (fileRecord) kind() string { return "`record`" }

func (f *fileRecord) head() Head {
	return Head{Controller: f.Controller, Contact: f.Contact, Officer: f.Officer, Recipients: f.Recipients, Transfers: f.Transfers,
		Security: f.Security, Owner: f.Owner, Version: f.Version, Date: f.Date}
}

// parties are the lines of the head that the policy fills in, with the keys of what they are called.
func (h *Head) parties() (lines [][2]string) {
	for _, line := range [][2]string{{"who.controller", h.Controller}, {"who.contact", h.Contact}, {"who.officer", h.Officer},
		{"who.recipients", strings.Join(h.Recipients, "; ")}, {"who.transfers", strings.Join(h.Transfers, "; ")}, {"who.security", h.Security},
		{"who.owner", h.Owner}, {"who.version", h.Version}, {"who.date", h.Date}} {
		if line[1] != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// parties is the head as a table; nothing where the policy has none.
func (r *Prose) parties(h *Head) {
	lines := h.parties()
	if len(lines) == 0 {
		return
	}
	r.Line("| | |")
	r.Line("|---|---|")
	for _, line := range lines {
		r.Line("| %s | %s |", r.say.T(line[0]), cell(line[1]))
	}
	r.Line("")
}

// signature is where whoever decides the policy signs it.
func (r *Prose) signature() {
	r.Line("")
	r.line("## ", "sign")
	r.Line("")
	r.line("", "sign.text")
	r.Line("")
	r.head("sign.role", "sign.name", "sign.date", "sign.signature")
	for _, role := range []string{r.say.T("sign.controller"), r.say.T("who.officer")} {
		r.Line("| %s | | | |", cell(role))
	}
}
