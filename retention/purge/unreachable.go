package purge

import (
	"fmt"

	"github.com/gallra/gallra/dataverse"
)

// Unreachable lists the places, by what this environment has.
func Unreachable(s dataverse.Settings) []Place {
	places := []Place{
		{"Backups of the environment", "Nothing can be taken out of a backup: it expires after 7 to 28 days. After a restore whoever was purged is back: run gallra reapply before administration mode is lifted."},
		{"Copies of the environment", "Run gallra in each copy that was made with data, or delete the copy."},
		{"Mailboxes and calendars (Exchange, Outlook)", "E-mails, appointments and contacts that were synchronised stay in the mailboxes: delete them there, or by a retention policy in Microsoft Purview."},
		{"Documents in SharePoint and OneNote", "Dataverse deletes the location, not the folder: delete folders named after the person in SharePoint."},
		{"Data lakes and reports (Synapse Link, Fabric, Power BI, exports)", "An append-only lake keeps every version: delete there by the row ids in the ledger."},
		{"Microsoft Purview's audit log", "It expires by its own retention."},
		{"Power Automate's run history and approvals", "The history expires after 28 days. Approvals are rows of eight tables (msdyn_flow_approval and others): delete those that name the person."},
		{"Uploaded import files", "An import job keeps every line of its file: delete old import jobs, by a bulk delete of jobs of the type Import, and their files with them."},
		{"Logs of workflows, business processes and plug-ins", "Let Dataverse delete completed jobs by itself (the setting of each workflow); plug-in traces expire after a day unless somebody has switched that job off."},
		{"Sales Insights, Customer Insights", "Profiles, segments and interactions are kept outside Dataverse: refresh the sources and everything that follows from them, and renew static segments."},
		{"Dataverse search and mobile devices", "The search index follows with a delay, and a device that works offline at its next synchronisation."},
		{"Text of others", "What colleagues wrote about a person in rows of other people (a note, the body of an e-mail, which no query can search) is found by Dataverse search only."},
	}
	if s.RecycleBin {
		places = append(places, Place{"The recycle bin of Dataverse",
			fmt.Sprintf("Deleted rows were emptied before their delete and stay, without personal data, for %d days.", s.RecycleBinDays)})
	}
	return places
}
