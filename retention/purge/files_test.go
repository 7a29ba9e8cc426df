package purge_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

// One file can be attached to e-mails of several persons. The purge of one neither empties nor deletes it while another's e-mail
// shows it; with the last it goes.
func TestFilesThatSeveralEmailsShow(t *testing.T) {
	file := base64.StdEncoding.EncodeToString([]byte("Terms for everybody"))
	for _, tt := range []struct{ name, rule string }{
		{"deleted", ""},
		{"blanked by a rule", "      - {table: activitymimeattachment, link: objectid_email/regardingobjectid, do: anonymize, erase: [body, filename]}\n"},
	} {
		for _, bin := range []bool{true, false} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, strings.Replace(pol, "      - table: email\n", tt.rule+"      - table: email\n", 1))
				if !bin {
					w.bin("activitymimeattachment", false)
				}
				w.create("contact", "anna", row{"firstname": "Anna", "lastname": "Gone", "emailaddress1": "anna@example.com"})
				w.create("contact", "kim", row{"firstname": "Kim", "lastname": "Stays", "emailaddress1": "kim@example.com"})
				w.create("account", "firm", row{"name": "Firm", "primarycontactid@odata.bind": bindTo("contacts", "kim")})
				w.attach("anna", "first", row{"filename": "terms.txt", "body": file})
				shown := w.get("activitymimeattachment", "first file").ID("attachmentid")
				w.attach("kim", "second", row{"attachmentid@odata.bind": "attachments(" + shown.String() + ")"})
				w.attach("anna", "own", row{"filename": "anna.txt", "body": base64.StdEncoding.EncodeToString([]byte("Of Anna alone"))})
				if second := w.get("activitymimeattachment", "second file"); second.Text("body") != file {
					t.Fatalf("the second e-mail shows %v", second)
				}
				s := w.purgeAll()
				if s.Purged() != 1 || len(s.Failures) > 0 || len(s.Residue) > 0 {
					t.Errorf("%d purged, failures %v, residue %v", s.Purged(), s.Failures, s.Residue)
				}
				second := w.get("activitymimeattachment", "second file")
				if second == nil || second.Text("body") != file || second.Text("filename") != "terms.txt" {
					t.Errorf("of who stays: %v", second)
				}
				if tt.rule != "" { // the rows stay, and so do their files
					if own := w.get("activitymimeattachment", "own file"); own.Text("body") != "" {
						t.Errorf("of who is purged: %v", own)
					}
					return
				}
				if n := len(w.dump("attachment")); n != 1 {
					t.Errorf("%d files stand, want the shared one", n)
				}
				w.call(http.MethodDelete, "emails("+id("second").String()+")", nil)
				if n := len(w.dump("attachment")); n != 0 {
					t.Errorf("%d files stand after the last e-mail", n)
				}
			})
		}
	}
}

// attach sends a person an e-mail with a file.
func (w *world) attach(to, name string, file row) {
	w.t.Helper()
	w.create("email", name, row{"subject": "Terms", "regardingobjectid_contact_email@odata.bind": bindTo("contacts", to)})
	file["objectid_email@odata.bind"] = bindTo("emails", name)
	file["objecttypecode"] = "email"
	w.create("activitymimeattachment", name+" file", file)
}
