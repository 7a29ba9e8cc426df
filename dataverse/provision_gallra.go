package dataverse

// The names of the columns that gallra keeps on a person.
const (
	ColumnScheduledOn  = "gallra_purgescheduledon"
	ColumnNoticedOn    = "gallra_purgenoticedon"
	ColumnReason       = "gallra_purgereason"
	ColumnRetainUntil  = "gallra_retainuntil"
	ColumnRetainReason = "gallra_retainreason"
	ColumnLegalHold    = "gallra_legalhold"
	ColumnAnonymizedOn = "gallra_anonymizedon"
)

// GallraColumns are the seven columns that each subject table gets.
func GallraColumns() []Column {
	return []Column{
		{SchemaName: "gallra_PurgeScheduledOn", DisplayName: "Purge scheduled", Kind: DateColumn,
			Description: "The day from which the person may be purged."},
		{SchemaName: "gallra_PurgeNoticedOn", DisplayName: "Purge noticed", Kind: DateColumn,
			Description: "The day on which the coming purge was first visible."},
		{SchemaName: "gallra_PurgeReason", DisplayName: "Purge reason", Kind: TextColumn, MaxLength: 500,
			Description: "Why the person is to be purged: which ground ended and when."},
		{SchemaName: "gallra_RetainUntil", DisplayName: "Retain until", Kind: DateColumn,
			Description: "Keep the person until this day. Counts only together with a reason."},
		{SchemaName: "gallra_RetainReason", DisplayName: "Retain reason", Kind: TextColumn, MaxLength: 500,
			Description: "Why the person is kept longer."},
		{SchemaName: "gallra_LegalHold", DisplayName: "Legal hold", Kind: YesNoColumn,
			Description: "The person is not purged while this is set."},
		{SchemaName: "gallra_AnonymizedOn", DisplayName: "Anonymized", Kind: DateColumn,
			Description: "The day on which the row was anonymized. It is not evaluated any more."},
	}
}

// GallraViews are the system views that show the sales staff what is coming.
func GallraViews() []View {
	live := condition(ColumnAnonymizedOn, "null", "")
	columns := []ViewColumn{{ColumnScheduledOn, 120}, {ColumnReason, 400}, {"ownerid", 150}, {ColumnLegalHold, 80}}
	return []View{
		{
			Name:        "%s to be purged within 2 months",
			Description: "People whom nothing justifies keeping any more. Register what does, or extend with a reason, to keep them.",
			Columns:     columns,
			OrderBy:     ColumnScheduledOn,
			// next-x-months starts today, so that dates which have passed need conditions of their own.
			Filter: `<filter type="and">` + live + `<filter type="or">` + condition(ColumnScheduledOn, "next-x-months", "2") +
				condition(ColumnScheduledOn, "today", "") + condition(ColumnScheduledOn, "olderthan-x-days", "1") + `</filter></filter>`,
		},
		{
			Name:        "%s on legal hold",
			Description: "People who are not purged while the legal hold stands.",
			Columns:     []ViewColumn{{ColumnReason, 400}, {ColumnScheduledOn, 120}, {"ownerid", 150}},
			Filter:      `<filter type="and">` + condition(ColumnLegalHold, "eq", "1") + `</filter>`,
		},
	}
}

// GallraProvisioning is everything that gallra needs in an environment: publisher, solution, columns and views on the
// subject tables, and a role with the given rights for the user that the job runs as.
func GallraProvisioning(tables []string, privileges []Privilege) Provisioning {
	p := Provisioning{
		Publisher: Publisher{UniqueName: "gallra", Name: "gallra", Prefix: "gallra", OptionPrefix: 72720},
		Solution:  Solution{UniqueName: "gallra", Name: "gallra", Version: "1.0.0.0"},
	}
	for _, t := range tables {
		p.Tables = append(p.Tables, TableProvision{Table: t, Columns: GallraColumns(), Views: GallraViews()})
	}
	if len(privileges) > 0 {
		p.Role = Role{Name: "gallra", Privileges: privileges}
	}
	return p
}
