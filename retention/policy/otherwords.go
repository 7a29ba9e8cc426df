package policy

import (
	"slices"
	"strings"
)

// otherWord is what people write who have not read the page, and how the language says it.
type otherWord struct {
	key, form string
}

// otherWords are words for keys of the language that no distance between letters leads to, in small letters. Of the keys that a word may
// mean the first that is known where it stands counts.
var otherWords = map[string][]otherWord{
	"from":        {{"keep", "the period says it itself: keep: 7 years from end of year"}, {"after", "the period says it itself: after: 6 years from end of year"}},
	"fiscalyear":  {{"yearEnds", "yearEnds: 31 March"}},
	"endofyear":   {{"yearEnds", "yearEnds: 31 March, and keep: 7 years from end of year"}},
	"period":      {{"keep", "keep: 2 years"}, {"before", "before: 30 days"}, {"after", "after: 3 years"}},
	"duration":    {{"keep", "keep: 2 years"}, {"before", "before: 30 days"}, {"after", "after: 3 years"}},
	"retention":   {{"keep", "keep: 2 years"}},
	"retain":      {{"keep", "keep: 2 years"}},
	"days":        {{"before", "before: 30 days"}, {"keep", "keep: 30 days"}, {"after", "after: 30 days"}},
	"keep":        {{"after", "after: 3 years, counted from the day on which the last ground ended"}, {"do", "do: keep"}},
	"max":         {{"atMost", "atMost: 5 years after createdon"}},
	"maximum":     {{"atMost", "atMost: 5 years after createdon"}},
	"cap":         {{"atMost", "atMost: 5 years after createdon"}},
	"fallback":    {{"missingDate", "missingDate: createdon"}},
	"orelse":      {{"missingDate", "missingDate: createdon"}},
	"ifmissing":   {{"missingDate", "missingDate: createdon"}},
	"filter":      {{"where", "where: statecode eq 0"}, {"for", "for: jobtitle eq 'Applicant'"}},
	"condition":   {{"where", "where: statecode eq 0"}, {"for", "for: jobtitle eq 'Applicant'"}},
	"when":        {{"where", "where: statecode eq 0"}, {"for", "for: jobtitle eq 'Applicant'"}},
	"where":       {{"for", "for: jobtitle eq 'Applicant'"}},
	"for":         {{"where", "where: statecode eq 0"}},
	"entity":      {{"table", "table: opportunity"}},
	"lookup":      {{"link", "link: parentcontactid"}},
	"via":         {{"link", "link: customerid/primarycontactid"}},
	"path":        {{"link", "link: customerid/primarycontactid"}},
	"reason":      {{"why", "why: Accounting records"}},
	"because":     {{"why", "why: Accounting records"}},
	"purpose":     {{"why", "why: Accounting records"}},
	"description": {{"why", "why: Accounting records"}},
	"legalbasis":  {{"basis", "basis: legal-obligation"}},
	"lawfulbasis": {{"basis", "basis: legal-obligation"}},
	"date":        {{"after", "after: createdon, with keep: 2 years"}, {"until", "until: new_keepuntil"}},
	"since":       {{"after", "after: createdon, with keep: 2 years"}},
	"name":        {{"id", "id: applicant"}},
	"owner":       {{"team", "team: Archive"}, {"queue", "queue: Retention"}},
	"assignto":    {{"team", "team: Archive"}},
	"team":        {{"queue", "queue: Retention"}},
	"to":          {{"queue", "queue: Retention"}, {"team", "team: Archive"}},
	"mailbox":     {{"queue", "queue: Retention"}},
	"mandatory":   {{"required", "required: 14 days"}},
	"must":        {{"required", "required: 14 days"}},
	"action":      {{"do", "do: delete"}},
	"disposition": {{"do", "do: delete"}, {"purge", "purge: anonymize"}},
	"columns":     {{"erase", "erase: [description, jobtitle]"}},
	"fields":      {{"erase", "erase: [description, jobtitle]"}},
	"empty":       {{"erase", "erase: [description, jobtitle]"}},
	"blank":       {{"erase", "erase: [description, jobtitle]"}},
	"regardless":  {{"evenIf", "evenIf: justified"}},
	"always":      {{"evenIf", "evenIf: justified"}},
	"force":       {{"evenIf", "evenIf: justified"}},
	"segments":    {{"classes", "classes: [{id: applicant, for: jobtitle eq 'Applicant', notice: 1 week}, {id: everybody-else}]"}},
	"groups":      {{"classes", "classes: [{id: applicant, for: jobtitle eq 'Applicant', notice: 1 week}, {id: everybody-else}]"}},
	"categories":  {{"classes", "classes: [{id: applicant, for: jobtitle eq 'Applicant', notice: 1 week}, {id: everybody-else}]"}},
	"steps":       {{"stages", "stages: [{do: archive, team: Archive}, {after: 6 years, do: purge}]"}},
	"phases":      {{"stages", "stages: [{do: archive, team: Archive}, {after: 6 years, do: purge}]"}},
	"archive":     {{"stages", "stages: [{do: archive, team: Archive}, {after: 6 years, do: purge}]"}},
	"confirm":     {{"ask", "ask: {before: 30 days, queue: Retention}"}},
	"consult":     {{"ask", "ask: {before: 30 days, queue: Retention}"}},
	"exclude":     {{"judged", "judged: false, with why"}},
	"excluded":    {{"judged", "judged: false, with why"}},
	"skip":        {{"judged", "judged: false, with why"}},
	"generalize":  {{"coarsen", "coarsen: {birthdate: year, address1_postalcode: 2}"}},
	"generalise":  {{"coarsen", "coarsen: {birthdate: year, address1_postalcode: 2}"}},
	"round":       {{"coarsen", "coarsen: {birthdate: year, address1_postalcode: 2}"}},
	"grace":       {{"notice", "notice: 2 months"}},
	"warning":     {{"notice", "notice: 2 months"}},
	"announce":    {{"notice", "notice: 2 months"}},
	"finally":     {{"then", "then: delete"}},
	"afterwards":  {{"then", "then: delete"}},
}

// inOtherWords is the hint for an unknown key that is another word for one of the known keys; empty if it is none.
func inOtherWords(key string, known []string) string {
	word := strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(key))
	for _, o := range otherWords[word] {
		if slices.Contains(known, o.key) {
			if strings.HasPrefix(o.form, "the period") {
				return o.form
			}
			return "here that is `" + o.key + "`, such as " + o.form
		}
	}
	return ""
}
