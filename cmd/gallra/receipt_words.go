package main

// What a receipt says, by language.
var receiptWords = map[string]map[string]string{
	"en": {
		"title": "Receipt of the erasure of your personal data", "intro": "On your request the following was done with what was registered about you in the customer system. This page holds no personal data: what was erased is named by its number only.",
		"when": "When", "number": "Number of the erasure", "organization": "System",
		"erased": "What was erased", "nothing": "Nothing was erased.",
		"row-delete": "the entry about you: emptied and deleted", "row-anonymize": "the entry about you: emptied of everything that tells who you are",
		"deleted": "deleted", "anonymized": "emptied of what tells who you are", "taken-off": "you were taken off, since others are still on it", "freed": "no longer lead to you",
		"history": "History of changes", "not-erased": "not erased",
		"despite": "Grounds to keep your data that your request outweighed",
		"kept":    "What is kept, and why", "keptIntro": "These rows are kept because a law or a legitimate ground asks for it:", "keptNothing": "No related rows are kept.", "kept-why": "kept by the policy",
		"left": "What may still mention you", "mentions": "kept by the policy, or about others", "residue": "places that should have been emptied; they are being looked into",
		"pending":  "The system writes its history of changes with a delay; what it still writes is erased the next night.",
		"reach":    "What cannot be reached from the system, and when it ends",
		"evidence": "The evidence of this erasure is entry", "policy": "By the policy",
		"basis-consent": "your consent", "basis-contract": "a contract with you", "basis-legal-obligation": "a legal obligation", "basis-vital-interests": "vital interests", "basis-public-task": "a task in the public interest", "basis-legitimate-interests": "legitimate interests",
	},
	"sv": {
		"title": "Kvitto på radering av dina personuppgifter", "intro": "På din begäran har följande gjorts med det som var registrerat om dig i kundsystemet. Den här sidan innehåller inga personuppgifter: det som raderats anges bara med sitt nummer.",
		"when": "När", "number": "Raderingens nummer", "organization": "System",
		"erased": "Vad som har raderats", "nothing": "Inget har raderats.",
		"row-delete": "uppgifterna om dig: tömda och borttagna", "row-anonymize": "uppgifterna om dig: tömda på allt som visar vem du är",
		"deleted": "borttagna", "anonymized": "tömda på det som visar vem du är", "taken-off": "du har tagits bort, eftersom andra finns kvar där", "freed": "leder inte längre till dig",
		"history": "Ändringshistorik", "not-erased": "inte raderat",
		"despite": "Skäl att behålla dina uppgifter som din begäran vägde tyngre än",
		"kept":    "Vad som behålls, och varför", "keptIntro": "Följande behålls eftersom en lag eller ett berättigat skäl kräver det:", "keptNothing": "Inga uppgifter som hör till dig behålls.", "kept-why": "behålls enligt gallringsreglerna",
		"left": "Vad som fortfarande kan nämna dig", "mentions": "behålls enligt gallringsreglerna, eller handlar om andra", "residue": "ställen som borde ha tömts; de utreds",
		"pending":  "Systemet skriver sin ändringshistorik med fördröjning; det som tillkommer raderas nästa natt.",
		"reach":    "Vad som inte kan nås från systemet, och när det upphör",
		"evidence": "Beviset för raderingen är post", "policy": "Enligt gallringsreglerna",
		"basis-consent": "ditt samtycke", "basis-contract": "ett avtal med dig", "basis-legal-obligation": "en rättslig förpliktelse", "basis-vital-interests": "grundläggande intressen", "basis-public-task": "en uppgift av allmänt intresse", "basis-legitimate-interests": "berättigat intresse",
	},
}

// receiptTables name what most people have; other tables go by their own name.
var receiptTables = map[string]map[string]string{
	"en": {"contact": "Contact", "lead": "Lead", "email": "E-mails", "phonecall": "Phone calls", "task": "Tasks", "appointment": "Appointments", "letter": "Letters",
		"annotation": "Notes", "connection": "Connections", "listmember": "Places on marketing lists", "activitymimeattachment": "Attachments", "customeraddress": "Addresses",
		"opportunity": "Deals", "quote": "Quotes", "salesorder": "Orders", "invoice": "Invoices", "incident": "Cases", "msevtmgt_eventregistration": "Event registrations"},
	"sv": {"contact": "Kontakt", "lead": "Lead", "email": "E-postmeddelanden", "phonecall": "Telefonsamtal", "task": "Uppgifter", "appointment": "Möten", "letter": "Brev",
		"annotation": "Anteckningar", "connection": "Kopplingar", "listmember": "Platser på marknadsföringslistor", "activitymimeattachment": "Bilagor", "customeraddress": "Adresser",
		"opportunity": "Affärer", "quote": "Offerter", "salesorder": "Order", "invoice": "Fakturor", "incident": "Ärenden", "msevtmgt_eventregistration": "Anmälningar till evenemang"},
}

// receiptPlaces say for a data subject what purge.Unreachable says for an administrator.
var receiptPlaces = map[string]map[string]struct{ What, How string }{
	"en": {
		"Backups of the environment":                                       {"Backups", "Nothing can be taken out of a backup; it ends after 7 to 28 days. If one is ever put back, you are erased again."},
		"Copies of the environment":                                        {"Copies for tests", "They are erased in the same way, or deleted."},
		"Mailboxes and calendars (Exchange, Outlook)":                      {"Mailboxes and calendars", "E-mails and appointments in colleagues' mailboxes end by the rules for those."},
		"Documents in SharePoint and OneNote":                              {"Documents", "Documents beside the system are deleted by hand."},
		"Data lakes and reports (Synapse Link, Fabric, Power BI, exports)": {"Reports and exports", "They are cleaned by the numbers above."},
		"Microsoft Purview's audit log":                                    {"The provider's log", "It ends by its own retention."},
		"Power Automate's run history and approvals":                       {"Logs of automatic flows", "They end after 28 days; approvals that name you are deleted by hand."},
		"Uploaded import files":                                            {"Uploaded files", "Files by which people were brought into the system are deleted by hand."},
		"Logs of workflows, business processes and plug-ins":               {"Logs of the system", "They end by the system's own rules."},
		"Sales Insights, Customer Insights":                                {"Profiles and statistics", "They are made anew from what the system still holds."},
		"Dataverse search and mobile devices":                              {"The search index and telephones", "They follow by themselves after a while."},
		"Activity feeds (posts)":                                           {"Posts of colleagues", "They are looked through by hand."},
		"Text of others":                                                   {"What others wrote", "A text about somebody else that mentions you is found by search only."},
		"Long-term retained rows":                                          {"The archive", "What was moved into the system's archive is looked for by hand."},
		"System jobs":                                                      {"Logs of the system's own jobs", "They are looked through by hand."},
		"Bulk delete jobs":                                                 {"Logs of the system's own jobs", "They are looked through by hand."},
		"Rows with the same address or number":                             {"Others with the same number or address", "So many share it that they are looked through by hand."},
		"The recycle bin of Dataverse":                                     {"The recycle bin", "It holds the emptied rows, without personal data, until they end."},
	},
	"sv": {
		"Backups of the environment":                                       {"Säkerhetskopior", "Inget kan tas ur en säkerhetskopia; den upphör efter 7 till 28 dagar. Om en läses tillbaka raderas du igen."},
		"Copies of the environment":                                        {"Kopior för test", "De raderas på samma sätt, eller tas bort."},
		"Mailboxes and calendars (Exchange, Outlook)":                      {"Brevlådor och kalendrar", "E-post och möten i kollegors brevlådor upphör enligt reglerna för dessa."},
		"Documents in SharePoint and OneNote":                              {"Dokument", "Dokument vid sidan av systemet tas bort för hand."},
		"Data lakes and reports (Synapse Link, Fabric, Power BI, exports)": {"Rapporter och utdrag", "De rensas med hjälp av numren ovan."},
		"Microsoft Purview's audit log":                                    {"Leverantörens logg", "Den upphör enligt sina egna regler."},
		"Power Automate's run history and approvals":                       {"Loggar från automatiska flöden", "De upphör efter 28 dagar; godkännanden som nämner dig tas bort för hand."},
		"Uploaded import files":                                            {"Uppladdade filer", "Filer med vilka personer lästes in i systemet tas bort för hand."},
		"Logs of workflows, business processes and plug-ins":               {"Systemets loggar", "De upphör enligt systemets egna regler."},
		"Sales Insights, Customer Insights":                                {"Profiler och statistik", "De görs om från det som systemet har kvar."},
		"Dataverse search and mobile devices":                              {"Sökindex och telefoner", "De följer efter av sig själva."},
		"Activity feeds (posts)":                                           {"Kollegors inlägg", "De gås igenom för hand."},
		"Text of others":                                                   {"Vad andra har skrivit", "En text om någon annan som nämner dig hittas bara genom sökning."},
		"Long-term retained rows":                                          {"Arkivet", "Det som har flyttats till systemets arkiv letas upp för hand."},
		"System jobs":                                                      {"Loggar från systemets egna jobb", "De gås igenom för hand."},
		"Bulk delete jobs":                                                 {"Loggar från systemets egna jobb", "De gås igenom för hand."},
		"Rows with the same address or number":                             {"Andra med samma nummer eller adress", "Så många delar det att de gås igenom för hand."},
		"The recycle bin of Dataverse":                                     {"Papperskorgen", "Den innehåller de tömda raderna, utan personuppgifter, tills de upphör."},
	},
}
