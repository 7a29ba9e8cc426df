package report

import (
	"strings"

	"github.com/gallra/gallra/retention/purge/search"
)

// swedish are the sentences of a report in Swedish. The policy's own words, and the reason that stands on a row, are
// whatever language the policy was written in.
var swedish = map[string]string{
	"Retention report": "Gallringsrapport",
	"without names":    "utan namn",
	"organisation":     "organisation",
	"Whom nothing justifies keeping gets a purge date that stands on the row for %s before anything happens. Registering what is missing, a deal, an event, a consent, takes the date away again.": "Den som inget motiverar att behålla får ett gallringsdatum, som syns på raden i %s innan något händer. Registreras det som saknas, en affär, ett evenemang, ett samtycke, försvinner datumet igen.",
	"persons in the CRM": "personer i CRM",
	"purge is coming":    "ska gallras",
	"of them due now":    "varav nu",
	"of them new":        "varav nya",
	"rescued":            "räddade",
	"under a legal hold": "med rättsligt stopp",
	"A run would stop now, and purge nobody:": "En körning skulle stoppas nu och inte gallra någon:",
	"What is coming": "Vad som väntar",
	"Persons by the week of their purge date and by the last ground that they had.": "Personer efter gallringsdatumets vecka och den sista grund som gällde för dem.",
	"Nobody has a purge date.": "Ingen har ett gallringsdatum.",
	"By owner":                 "Per ägare",
	"Owner":                    "Ägare",
	"Without an owner":         "Utan ägare",
	"To be purged":             "Ska gallras",
	"First on":                 "Första dagen",
	"Rescued":                  "Räddad",
	"Legal hold":               "Rättsligt stopp",
	"The last run":             "Senaste körningen",
	"Run":                      "Körning",
	"Day":                      "Dag",
	"Outcome":                  "Utfall",
	"Acted as":                 "Kördes som",
	"Policy":                   "Policy",
	"policy":                   "policy",
	"Canary":                   "Första gruppen",
	"Audit history":            "Granskningshistorik",
	"%s entries deleted; to be looked for again: of %s persons": "%s poster borttagna; söks igen: för %s personer",
	"Begun": "Påbörjat",
	"%s purges have no outcome yet: the next run finishes them first": "%s gallringar saknar utfall: nästa körning avslutar dem först",
	"Left behind": "Kvarlämnat",
	"%s places that should be empty and are not; the run's log names the rows": "%s ställen som skulle vara tomma men inte är det; körningens logg anger raderna",
	"Guard rails stopped it:":              "Skyddsräcken stoppade den:",
	"Table":                                "Tabell",
	"Scheduled":                            "Schemalagda",
	"Moved later":                          "Flyttade framåt",
	"Deleted":                              "Borttagna",
	"Anonymised":                           "Anonymiserade",
	"Left alone":                           "Lämnade i fred",
	"Failed":                               "Misslyckade",
	"It had nothing to do.":                "Den hade inget att göra.",
	"Rows that belonged to the purged":     "Rader som hörde till de gallrade",
	"Kept":                                 "Behållna",
	"Freed":                                "Frikopplade",
	"Taken off":                            "Avförda",
	"Failed, or left alone":                "Misslyckade eller lämnade i fred",
	"Row":                                  "Rad",
	"What happened":                        "Vad som hände",
	"Cause":                                "Orsak",
	"and %s more, which report.xlsx lists": "och %s till, som finns i report.xlsx",
	"No run stands in the ledger yet.":     "Ingen körning finns i liggaren ännu.",
	"What justifies whom":                  "Vad som motiverar vem",
	"Ground":                               "Grund",
	"Why":                                  "Varför",
	"Lawful basis":                         "Rättslig grund",
	"Rows":                                 "Rader",
	"Persons":                              "Personer",
	"Persons: to whom this ground gives their date, be it past or to come. Other grounds may justify them as well.": "Personer: de vars datum kommer från grunden, passerat eller kommande. Andra grunder kan också gälla för dem.",
	"Gaps in the data": "Luckor i data",
	"These rows lack the date that their ground counts from. Mend them: nobody can tell how long they justify anybody.": "Dessa rader saknar det datum som grunden räknas från. Komplettera dem: annars går det inte att veta hur länge de motiverar någon.",
	"Missing date":       "Datum som saknas",
	"Until it is mended": "Tills det är rättat",
	"keeps the person":   "behålls personen",
	"counts for nothing": "räknas raden inte",
	"Every row has the date that its ground counts from.": "Varje rad har det datum som grunden räknas från.",
	"What stays after a purge":                            "Vad som finns kvar efter en gallring",
	"Kept by rule":                                        "Behålls enligt regel",
	"Of a":                                                "För",
	"Rows in":                                             "Rader i",
	"Out of reach, by hand":                               "Utom räckhåll, för hand",
	"Where":                                               "Var",
	"What to do":                                          "Vad som behöver göras",
	"The lists, owner by owner":                           "Listorna, ägare för ägare",
	"%s to be purged, the first on %s":                    "%s ska gallras, den första %s",
	"Nobody to be purged":                                 "Ingen ska gallras",
	"Purge on":                                            "Gallras den",
	"Person":                                              "Person",
	"E-mail":                                              "E-post",
	"State":                                               "Läge",
	"Reason":                                              "Anledning",
	"made on":                                             "skapad",
	"holds personal data: hand it to those whom it concerns, and delete it afterwards": "innehåller personuppgifter: lämna den till dem som berörs och radera den sedan",

	"Coming purges, week by week": "Kommande gallringar, vecka för vecka",
	"A bar for each week, with the number of persons whose purge date lies in it.": "En stapel per vecka med antalet personer vars gallringsdatum ligger i den.",
	"Other grounds": "Andra grunder",
	"Later":         "Senare",
	"1 person":      "1 person",
	"%s persons":    "%s personer",
	"something was left of the first that were purged: nobody else was": "något fanns kvar av de första som gallrades: ingen annan gallrades",
	"nobody was purged": "ingen gallrades",
	"the first went alone, and nothing was left of them": "de första gallrades ensamma, och inget fanns kvar av dem",
	"not known: the run did not come to its end":         "okänt: körningen kom inte till sitt slut",

	"Due now":          "Nu",
	"New":              "Ny",
	"Moves later":      "Flyttas framåt",
	"Announced":        "Aviserad",
	"No ground ever":   "Aldrig någon grund",
	"Extended by hand": "Förlängd för hand",
	"Contact":          "Kontakt",
	"Lead":             "Lead",

	"More persons would be purged than limits.purges allows":               "Fler personer skulle gallras än limits.purges tillåter",
	"A larger share of the table would be purged than limits.share allows": "En större andel av tabellen skulle gallras än limits.share tillåter",
	"A ground that used to match rows matches none":                        "En grund som brukade träffa rader träffar inga",
	"The canary: something was left of the first persons that were purged": "Första gruppen: något fanns kvar av de första som gallrades",

	"Purged: deleted":             "Gallrad: borttagen",
	"Purged: anonymised":          "Gallrad: anonymiserad",
	"Failed, stays scheduled":     "Misslyckades, fortsatt schemalagd",
	"Left alone at the last look": "Lämnad i fred vid sista kontrollen",

	"done": "klar", "failed": "misslyckades", "stopped by a guard rail": "stoppad av ett skyddsräcke", "done, with failures": "klar, med fel",
	"interrupted": "avbruten", "without an end": "utan slut",

	"(a) consent": "(a) samtycke", "(b) contract": "(b) avtal", "(c) legal obligation": "(c) rättslig förpliktelse", "(d) vital interests": "(d) grundläggande intressen",
	"(e) public task": "(e) allmänt intresse", "(f) legitimate interests": "(f) berättigat intresse",

	// The workbook's own.
	"Coming": "Väntar", "Last run": "Senaste körning", "Grounds": "Grunder", "Gaps": "Luckor", "What stays": "Vad som stannar", "About": "Om",
	"Noticed on": "Aviserad den", "Kept until": "Behålls till", "Link": "Länk", "Id": "Id", "What": "Vad", "Figure": "Uppgift", "Value": "Värde",
	"Began": "Började", "Ended": "Slutade", "Audit entries deleted": "Granskningsposter borttagna", "Audit still to sweep, persons": "Granskning kvar att söka, personer",
	"Purges begun": "Påbörjade gallringar", "Places left behind": "Kvarlämnade ställen", "Guard rail": "Skyddsräcke", "Environment": "Miljö",
	"Organisation": "Organisation", "As of": "Per den", "Made on": "Skapad", "Persons in the CRM": "Personer i CRM", "No run": "Ingen körning",
	"Rows of the purged": "Rader till de gallrade",
}

// swedishPlaces are the places out of reach, by their English names; of the recycle bin the number of days stays.
var swedishPlaces = map[string]search.Place{
	"Backups of the environment":                                       {Name: "Säkerhetskopior av miljön", Remedy: "Inget kan tas ur en säkerhetskopia: den försvinner efter 7 till 28 dagar. Efter en återställning är de gallrade tillbaka: kör gallra reapply innan administrationsläget avslutas."},
	"Copies of the environment":                                        {Name: "Kopior av miljön", Remedy: "Kör gallra i varje kopia som gjorts med data, eller ta bort kopian."},
	"Mailboxes and calendars (Exchange, Outlook)":                      {Name: "Brevlådor och kalendrar (Exchange, Outlook)", Remedy: "E-post, avtalade tider och kontakter som har synkroniserats ligger kvar i brevlådorna: ta bort dem där, eller med en bevarandeprincip i Microsoft Purview."},
	"Documents in SharePoint and OneNote":                              {Name: "Dokument i SharePoint och OneNote", Remedy: "Dataverse tar bort platsen, inte mappen: ta bort mappar med personens namn i SharePoint."},
	"Data lakes and reports (Synapse Link, Fabric, Power BI, exports)": {Name: "Datasjöar och rapporter (Synapse Link, Fabric, Power BI, exporter)", Remedy: "En datasjö som bara växer behåller varje version: ta bort där med radernas id ur liggaren."},
	"Microsoft Purview's audit log":                                    {Name: "Microsoft Purviews granskningslogg", Remedy: "Den försvinner med sin egen bevarandetid."},
	"Power Automate's run history and approvals":                       {Name: "Power Automates körningshistorik och godkännanden", Remedy: "Historiken försvinner efter 28 dagar. Godkännanden är rader i åtta tabeller (msdyn_flow_approval med flera): ta bort dem som nämner personen."},
	"Uploaded import files":                                            {Name: "Uppladdade importfiler", Remedy: "Ett importjobb behåller varje rad i sin fil: ta bort gamla importjobb, med en massborttagning av jobb av typen Import, och deras filer."},
	"Logs of workflows, business processes and plug-ins":               {Name: "Loggar från arbetsflöden, affärsprocesser och plugin-program", Remedy: "Låt Dataverse ta bort slutförda jobb av sig själv (arbetsflödets inställning); spårningar från plugin-program försvinner efter ett dygn om ingen har stängt av det jobbet."},
	"Sales Insights, Customer Insights":                                {Name: "Sales Insights och Customer Insights", Remedy: "Profiler, segment och interaktioner ligger utanför Dataverse: uppdatera källorna och allt som följer av dem, och gör om statiska segment."},
	"Dataverse search and mobile devices":                              {Name: "Dataverse-sökning och mobila enheter", Remedy: "Sökindexet följer efter en stund, och en enhet som arbetar frånkopplat vid nästa synkronisering."},
	"Activity feeds (posts)":                                           {Name: "Aktivitetsflöden (inlägg)", Remedy: "De genomsöktes inte till slutet, eftersom användaren inte får läsa dem eller tjänsten inte svarade i tid: sök i tidslinjerna efter personens namn och ta bort inläggen."},
	"System jobs":                                                      {Name: "Systemjobb", Remedy: "De genomsöktes inte, eftersom användaren inte får läsa alla: titta under Inställningar, Systemjobb och Massborttagning efter jobb som nämner personen, och ta bort dem."},
	"Text of others":                                                   {Name: "Andras texter", Remedy: "Vad kollegor har skrivit om en person på andras rader (en anteckning, texten i ett behållet e-brev) hittas bara av Dataverse-sökning."},
	"The recycle bin of Dataverse":                                     {Name: "Dataverse papperskorg", Remedy: "Borttagna rader tömdes innan de togs bort och ligger kvar, utan personuppgifter, i %d dagar."},
}

// PlaceName is what a place out of reach is called.
func (l Lang) PlaceName(p search.Place) string {
	if t, ok := swedishPlaces[p.Name]; ok && l == Swedish {
		return t.Name
	}
	return p.Name
}

// PlaceRemedy is what can be done about it.
func (l Lang) PlaceRemedy(p search.Place) string {
	t, ok := swedishPlaces[p.Name]
	if !ok || l != Swedish {
		return p.Remedy
	}
	if before, after, found := strings.Cut(t.Remedy, "%d"); found {
		return before + number(p.Remedy) + after
	}
	return t.Remedy
}

// number is the first number in a text.
func number(s string) string {
	digit := func(r rune) bool { return r >= '0' && r <= '9' }
	i := strings.IndexFunc(s, digit)
	if i < 0 {
		return ""
	}
	s = s[i:]
	if j := strings.IndexFunc(s, func(r rune) bool { return !digit(r) }); j >= 0 {
		s = s[:j]
	}
	return s
}
