package emulator_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// gif is a picture of one point.
const gif = "GIF89a\x01\x00\x01\x00\x00\x00\x00,"

// fileSite is a site whose contacts have a file column new_letter of at most 64 KB and a second picture, new_badge.
func fileSite(t *testing.T, o emulator.Options) (*site, string) {
	t.Helper()
	s := newSite(t, o)
	for _, c := range []struct{ typ, name string }{{"File", "new_Letter"}, {"Image", "new_Badge"}} {
		b, _ := json.Marshal(define(c.typ, c.name, map[string]any{"MaxSizeInKB": 64}))
		s.do("POST", "EntityDefinitions(LogicalName='contact')/Attributes", string(b)).want(204)
	}
	return s, s.create("contacts", `{"lastname":"Maria"}`)
}

func (o *site) binary(path, name, data string, more ...string) *response {
	o.t.Helper()
	return o.do("PATCH", path, data, append([]string{"Content-Type", "application/octet-stream", "x-ms-file-name", name}, more...)...)
}

func TestFileColumn(t *testing.T) {
	// file-column-data: "Upload a file in a single request using Web API", "Download a file in a single request", "in
	// chunks", "Behavior when retrieving", "Delete Files".
	o, id := fileSite(t, emulator.Options{})
	column := "contacts(" + id + ")/new_letter"
	o.do("GET", column+"/$value", "").want(204)
	o.binary(column, "maria.txt", "Dear Maria, yours truly").want(204)
	row := o.row("contacts", id)
	fileID, _ := row["new_letter"].(string)
	if len(fileID) != 36 || row["new_letter_name"] != "maria.txt" {
		t.Fatalf("the row shows %v %v", row["new_letter"], row["new_letter_name"])
	}
	r := o.do("GET", column+"/$value", "").want(200)
	// Page image-column-data: "you must append this parameter to the URL: ?size=full".
	if x := o.do("GET", column+"/$value?size=full", "").want(200); x.text != r.text || x.header.Get("x-ms-file-name") != r.header.Get("x-ms-file-name") {
		t.Errorf("%q", x.text)
	}
	if x := o.do("GET", column+"?size=full", "").want(200); !strings.Contains(x.text, `"value":"`+base64.StdEncoding.EncodeToString([]byte(r.text))+`"`) || x.header.Get("x-ms-file-name") != r.header.Get("x-ms-file-name") {
		t.Errorf("%q", x.text)
	}
	for _, path := range []string{column + "/$value?size=thumbnail", column + "?size=", column + "/$value?$select=name"} {
		o.do("GET", path, "").want(400)
	}
	if r.text != "Dear Maria, yours truly" || r.header.Get("x-ms-file-size") != "23" || r.header.Get("x-ms-file-name") != "maria.txt" || r.header.Get("mimetype") != "text/plain" ||
		!strings.Contains(r.header.Get("Access-Control-Expose-Headers"), "x-ms-file-name") {
		t.Errorf("%q %v", r.text, r.header)
	}
	r = o.do("GET", column+"/$value", "", "Range", "bytes=5-9").want(206)
	if r.text != "Maria" || r.header.Get("x-ms-chunk-size") != "4194304" || r.header.Get("x-ms-file-size") != "23" {
		t.Errorf("%q %v", r.text, r.header)
	}
	if r := o.do("GET", column+"/$value", "", "Range", "bytes=18-4194303").want(206); r.text != "truly" {
		t.Errorf("%q", r.text)
	}
	o.do("GET", column+"/$value", "", "Range", "bytes=23-30").want(416)
	o.do("GET", "contacts("+id+")?$select=contactid&$expand=contact_FileAttachments($select=filename,mimetype,filesizeinbytes,regardingfieldname)", "").
		want(200, fileID, `"filename":"maria.txt"`, `"filesizeinbytes":23`, `"regardingfieldname":"new_letter"`)
	if places := o.server.Find("yours truly"); len(places) != 1 || places[0].Table != "fileattachment" {
		t.Errorf("found in %v", places)
	}

	o.binary(column, "second.txt", "another").want(204)
	if places := o.server.Find("yours truly"); len(places) != 0 {
		t.Errorf("the file before is still in %v", places)
	}
	o.do("DELETE", column, "").want(204)
	if row := o.row("contacts", id); row["new_letter"] != nil || row["new_letter_name"] != nil {
		t.Errorf("deleted: %v %v", row["new_letter"], row["new_letter_name"])
	}
	o.binary(column, "third.txt", "third").want(204)
	fileID = o.row("contacts", id)["new_letter"].(string)
	o.do("POST", "DeleteFile", `{"FileId":"`+fileID+`"}`).want(204)
	o.do("GET", column+"/$value", "").want(204)
	o.do("POST", "DeleteFile", `{"FileId":"`+fileID+`"}`).want(404, "0x80040217")

	// getfilesasurl: the files of deleted rows are kept with them.
	o.binary(column, "last.txt", "kept with the row").want(204)
	o.do("DELETE", "contacts("+id+")", "").want(204)
	if places := o.server.Find("kept with the row"); len(places) != 1 || places[0].Where != "bin" {
		t.Errorf("found in %v", places)
	}
}

func TestFileRefusals(t *testing.T) {
	// file-column-data ("You can't directly set the values in a create or update operation", "Check maximum file size"),
	// file-attributes ("Block certain types of files").
	o, id := fileSite(t, emulator.Options{})
	column := "contacts(" + id + ")/new_letter"
	o.do("PATCH", "contacts("+id+")", `{"new_letter":"aGVsbG8="}`).want(400, "0x80040203")
	o.do("PUT", column, `{"value":"aGVsbG8="}`).want(405)
	o.binary(column, "", "x").want(400, "x-ms-file-name")
	o.binary(column, "a.txt", "x", "Content-Type", "application/json").want(415)
	o.binary(column, "a.exe", "x").want(400, "0x80043e09")
	o.binary(column, "a.txt", strings.Repeat("x", 65537)).want(400, "0x80044a02", "Attachment file size is too big.")
	o.binary("contacts("+id+")/lastname", "a.txt", "x").want(400, "not a file")
	o.binary("contacts("+id+")/nosuch", "a.txt", "x").want(404)
	o.binary("contacts("+missing+")/new_letter", "a.txt", "x").want(404)
	o.do("GET", column+"/$value", "").want(204)
	u := newOrg(t, emulator.Options{})
	reader, _ := u.user(u.unit(), "prvReadContact Global")
	contact := u.must("POST", "contacts", map[string]any{"lastname": "x"}, "Prefer", "return=representation").at("contactid").(string)
	u.must("POST", "EntityDefinitions(LogicalName='contact')/Attributes", define("File", "new_Letter", nil))
	reader.refused(403, "0x80040220", "prvWriteContact", "PATCH", "contacts("+contact+")/new_letter", nil, "x-ms-file-name", "a.txt", "Content-Type", "application/octet-stream")
}

func TestFileInChunks(t *testing.T) {
	// file-column-data: "Upload the file in chunks using Web API".
	o, id := fileSite(t, emulator.Options{})
	r := o.do("PATCH", "contacts("+id+")/new_letter?x-ms-file-name=parts.txt", "", "x-ms-transfer-mode", "chunked").want(200)
	if r.header.Get("x-ms-chunk-size") != "4194304" || r.header.Get("Accept-Ranges") != "bytes" || r.header.Get("Access-Control-Expose-Headers") != "x-ms-chunk-size" {
		t.Errorf("%v", r.header)
	}
	at := r.header.Get("Location")
	part := func(data, span string) *response {
		return o.binary(at, "parts.txt", data, "Content-Range", span)
	}
	part("bbbb", "bytes 4-7/10").want(400) // not the next one
	part("aaaa", "bytes 0-3/10").want(206)
	part("bbb", "bytes 4-7/10").want(400)
	part("bbbb", "bytes 4-7").want(400, "Content-Range")
	part("bbbb", "bytes 4-7/10").want(206)
	o.do("GET", "contacts("+id+")/new_letter/$value", "").want(204)
	part("cc", "bytes 8-9/10").want(204)
	if r := o.do("GET", "contacts("+id+")/new_letter/$value", "").want(200); r.text != "aaaabbbbcc" {
		t.Errorf("%q", r.text)
	}
	part("cc", "bytes 8-9/10").want(400, "session token")
}

func TestFileInBlocks(t *testing.T) {
	// file-column-data: "Use Dataverse messages to upload a file", "to download a file".
	o, id := fileSite(t, emulator.Options{})
	target := `"Target":{"contactid":"` + id + `","@odata.type":"Microsoft.Dynamics.CRM.contact"},"FileAttributeName":"new_letter"`
	token := o.do("POST", "InitializeFileBlocksUpload", `{`+target+`,"FileName":"b.pdf"}`).want(200, "InitializeFileBlocksUploadResponse").object()["FileContinuationToken"].(string)
	block := func(id, data string) *response {
		return o.do("POST", "UploadBlock", fmt.Sprintf(`{"BlockId":%q,"BlockData":%q,"FileContinuationToken":%q}`,
			base64.StdEncoding.EncodeToString([]byte(id)), base64.StdEncoding.EncodeToString([]byte(data)), token))
	}
	block("two", "world").want(204)
	block("one", "hello ").want(204)
	block("three", "x").want(400, "same length")
	block(strings.Repeat("x", 65), "x").want(400, "64 bytes")
	commit := func(ids ...string) *response {
		var list []string
		for _, id := range ids {
			list = append(list, base64.StdEncoding.EncodeToString([]byte(id)))
		}
		b, _ := json.Marshal(map[string]any{"FileName": "b.pdf", "MimeType": "application/pdf", "BlockList": list, "FileContinuationToken": token})
		return o.do("POST", "CommitFileBlocksUpload", string(b))
	}
	commit("one", "six").want(400, "BlockList")
	done := commit("one", "two").want(200, "CommitFileBlocksUploadResponse", `"FileSizeInBytes":11`).object()
	if done["FileId"] != o.row("contacts", id)["new_letter"] {
		t.Errorf("%v", done)
	}
	commit("one", "two").want(400)

	down := o.do("POST", "InitializeFileBlocksDownload", `{`+target+`}`).want(200, `"FileSizeInBytes":11`, `"FileName":"b.pdf"`, `"IsChunkingSupported":true`).object()["FileContinuationToken"].(string)
	get := func(offset, length int) *response {
		return o.do("POST", "DownloadBlock", fmt.Sprintf(`{"Offset":%d,"BlockLength":%d,"FileContinuationToken":%q}`, offset, length, down))
	}
	get(6, 100).want(200, base64.StdEncoding.EncodeToString([]byte("world")))
	get(12, 1).want(400)
	o.do("POST", "DownloadBlock", `{"Offset":0,"BlockLength":1,"FileContinuationToken":"`+token+`"}`).want(400)
	o.do("DELETE", "contacts("+id+")/new_letter", "").want(204)
	o.do("POST", "InitializeFileBlocksDownload", `{`+target+`}`).want(404, "0x80040217")
}

func TestImageColumn(t *testing.T) {
	// image-column-data: "Download URL", "Image file types", "Maximum image size", "Only primary images can be set for
	// create", "Delete images".
	o, id := fileSite(t, emulator.Options{})
	encoded := base64.StdEncoding.EncodeToString([]byte(gif))
	o.do("POST", "contacts", `{"lastname":"x","new_badge":"`+encoded+`"}`).want(400, "0x80090487", "new_badge")
	second := o.create("contacts", `{"lastname":"x","entityimage":"`+encoded+`"}`)
	if o.row("contacts", second)["entityimage_url"] == nil {
		t.Error("a create sets the primary image")
	}
	o.do("PATCH", "contacts("+id+")", `{"new_badge":"`+encoded+`"}`).want(204)
	row := o.do("GET", "contacts("+id+")?$select=new_badge,new_badgeid,new_badge_timestamp,new_badge_url", "").want(200).object()
	url, _ := row["new_badge_url"].(string)
	if row["new_badge"] != encoded || !strings.HasPrefix(url, "/Image/download.aspx?Entity=contact&Attribute=new_badge&Id="+fmt.Sprint(row["new_badgeid"])+"&Timestamp=") {
		t.Errorf("%v", row)
	}
	if r := o.do("GET", "contacts("+id+")/new_badge/$value?size=full", "").want(200); r.text != gif || r.header.Get("mimetype") != "image/gif" {
		t.Errorf("%q %v", r.text, r.header)
	}
	o.do("PATCH", "contacts("+id+")", `{"new_badge":"`+base64.StdEncoding.EncodeToString([]byte("no picture"))+`"}`).want(400, "0x80072553")
	o.binary("contacts("+id+")/new_badge", "b.gif", gif+strings.Repeat("x", 70000)).want(400, "0x80072553", "too big")
	for _, clear := range []func(){
		func() { o.do("PATCH", "contacts("+id+")", `{"new_badge":null}`).want(204) },
		func() { o.do("PUT", "contacts("+id+")/new_badge", `{"value":null}`).want(204) },
		func() { o.do("DELETE", "contacts("+id+")/new_badge", "").want(204) },
	} {
		o.binary("contacts("+id+")/new_badge", "b.gif", gif).want(204)
		clear()
		if row := o.row("contacts", id); row["new_badge_url"] != nil || row["new_badgeid"] != nil {
			t.Errorf("%v", row["new_badge_url"])
		}
		o.do("GET", "contacts("+id+")/new_badge/$value", "").want(204)
	}
	o.do("GET", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='new_badge')/Microsoft.Dynamics.CRM.ImageAttributeMetadata?$select=MaxSizeInKB,IsPrimaryImage", "").
		want(200, `"MaxSizeInKB":64`, `"IsPrimaryImage":false`)
}

func TestNoteFiles(t *testing.T) {
	// attachment-annotation-files: "File size limits", counted in Base64; "These messages can only be used to create a new
	// attachment".
	o := newSite(t, emulator.Options{})
	id := o.create("contacts", `{"lastname":"Maria"}`)
	org := o.do("GET", "organizations?$select=maxuploadfilesize", "").want(200, `"maxuploadfilesize":5242880`).object()["value"].([]any)[0].(map[string]any)["organizationid"].(string)
	o.do("PATCH", "organizations("+org+")", `{"maxuploadfilesize":1000}`, "If-Match", "*").want(204)
	note := func(size int, name string) *response {
		return o.do("POST", "annotations", `{"subject":"n","filename":"`+name+`","documentbody":"`+base64.StdEncoding.EncodeToString(make([]byte, size))+`","objectid_contact@odata.bind":"/contacts(`+id+`)"}`)
	}
	note(750, "a.pdf").want(204)
	note(751, "a.pdf").want(400, "0x80044a02")
	note(10, "a.exe").want(400, "0x80043e09")

	send := func(kind, target string) (string, string) {
		t.Helper()
		target = `"Target":{` + target + `,"@odata.type":"Microsoft.Dynamics.CRM.` + kind + `"}`
		name := map[string]string{"annotation": "Annotation", "activitymimeattachment": "Attachment"}[kind]
		token := o.do("POST", "Initialize"+name+"BlocksUpload", `{`+target+`}`).want(200).object()["FileContinuationToken"].(string)
		o.do("POST", "UploadBlock", `{"BlockId":"AAAA","BlockData":"aGVsbG8=","FileContinuationToken":"`+token+`"}`).want(204)
		made := o.do("POST", "Commit"+name+"BlocksUpload", `{`+target+`,"BlockList":["AAAA"],"FileContinuationToken":"`+token+`"}`).want(200, `"FileSizeInBytes":5`).object()
		for _, key := range []string{"AnnotationId", "ActivityMimeAttachmentId"} {
			if id, ok := made[key].(string); ok {
				down := o.do("POST", "Initialize"+name+"BlocksDownload", `{"Target":{"`+strings.ToLower(key)+`":"`+id+`","@odata.type":"Microsoft.Dynamics.CRM.`+kind+`"}}`).want(200, `"FileSizeInBytes":5`).object()["FileContinuationToken"].(string)
				o.do("POST", "DownloadBlock", `{"Offset":0,"BlockLength":5,"FileContinuationToken":"`+down+`"}`).want(200, `"Data":"aGVsbG8="`)
				return id, made[key].(string)
			}
		}
		t.Fatalf("%v", made)
		return "", ""
	}
	made, _ := send("annotation", `"subject":"blocks","filename":"h.txt","mimetype":"text/plain","objectid_contact@odata.bind":"/contacts(`+id+`)"`)
	if r := o.do("GET", "annotations("+made+")/documentbody/$value", "").want(200); r.text != "aGVsbG8=" {
		t.Errorf("%q", r.text)
	}
	again, _ := send("annotation", `"annotationid":"`+made+`","subject":"changed","filename":"h.txt"`)
	if again != made || o.row("annotations", made)["subject"] != "changed" {
		t.Error("a note that is there gets the file")
	}
	mail := o.create("emails", `{"subject":"m"}`)
	send("activitymimeattachment", `"objectid_email@odata.bind":"emails(`+mail+`)","objecttypecode":"email","subject":"s","filename":"h.txt","mimetype":"text/plain"`)
}
