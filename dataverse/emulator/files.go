package emulator

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// A fileattachment keeps the file's bytes behind its columns.
const fileContent = 1<<16 - 6 // []byte

// fileChunk is the size of a part that the service recommends.
const fileChunk = 4 << 20

// file is what a column holds.
type file struct {
	name, mime string
	data       []byte
}

// tooLarge is the service's error for a file that the column does not take, nil if it does. Pages: file-column-data,
// image-column-data.
func (c *column) tooLarge(size int) error {
	if size <= c.maxKB()<<10 {
		return nil
	}
	if c.kind == kindImage {
		return newFault(http.StatusBadRequest, "0x80072553", "Error occured when processing image. Reason: File size is too big. MaxSize: %d MB, Uploaded filesize: %d MB.", c.maxKB()>>10, size>>20)
	}
	return newFault(http.StatusBadRequest, "0x80044a02", "Attachment file size is too big.")
}

// mimeTypes are the types of files by extension; the machine's own list would differ from one to the next.
var mimeTypes = map[string]string{
	".txt": "text/plain", ".csv": "text/csv", ".htm": "text/html", ".html": "text/html", ".xml": "application/xml",
	".json": "application/json", ".pdf": "application/pdf", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
	".gif": "image/gif", ".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff", ".zip": "application/zip",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".eml": "message/rfc822",
}

func mimeOf(name string) string {
	if m := mimeTypes[strings.ToLower(filepath.Ext(name))]; m != "" {
		return m
	}
	return "application/octet-stream"
}

// imageKinds are the first bytes of the images that an image column takes. Page: image-column-data.
var imageKinds = []struct{ mime, start string }{
	{"image/gif", "GIF87a"}, {"image/gif", "GIF89a"}, {"image/jpeg", "\xff\xd8\xff"}, {"image/png", "\x89PNG\r\n\x1a\n"},
	{"image/tiff", "II*\x00"}, {"image/tiff", "MM\x00*"}, {"image/bmp", "BM"},
}

func imageType(b []byte) string {
	for _, k := range imageKinds {
		if bytes.HasPrefix(b, []byte(k.start)) {
			return k.mime
		}
	}
	return ""
}

// checkFiles checks the files among a row's values: images, and those of notes and attachments.
func (w *writer) checkFiles(t *table, id uuid.UUID, creating bool, v values) error {
	if err := w.checkNote(t, v); err != nil {
		return err
	}
	return w.setImages(t, id, creating, v)
}

// setImages checks the images among a row's values and sets what goes with them: id, time stamp and address. Page:
// image-column-data.
func (w *writer) setImages(t *table, id uuid.UUID, creating bool, v values) error {
	var images []*column
	for i := range v {
		if i < len(t.Columns) && t.Columns[i].kind == kindImage {
			images = append(images, t.Columns[i])
		}
	}
	for _, c := range images {
		text, _ := v[c.index].(string)
		if text == "" {
			v[c.index] = nil
			v.set(t, c.Name+"id", nil)
			v.set(t, c.Name+"_timestamp", nil)
			v.set(t, c.Name+"_url", nil)
			continue
		}
		if creating && c.Name != t.primaryImage() {
			return newFault(http.StatusBadRequest, "0x80090487", "Non-primary image attribute %s of entity %s is not allowed to upload during Create operation.", c.Name, t.Name)
		}
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil || imageType(data) == "" {
			return newFault(http.StatusBadRequest, "0x80072553", "Error occured when processing image. Reason: Update image properties failed for objectid: %s, logicalName: %s, attribute: %s", id, t.Name, c.Name)
		}
		if err := c.tooLarge(len(data)); err != nil {
			return err
		}
		image, stamp := uuid.New(), int64(w.now)*1e7+621355968000000000 // in ticks since the year 1
		v.set(t, c.Name+"id", image)
		v.set(t, c.Name+"_timestamp", stamp)
		v.set(t, c.Name+"_url", "/Image/download.aspx?Entity="+t.Name+"&Attribute="+c.Name+"&Id="+image.String()+"&Timestamp="+strconv.FormatInt(stamp, 10))
	}
	return nil
}

// checkNote refuses the file of a note or an attachment that is larger than the organisation allows, counted in base64.
// Page: attachment-annotation-files.
func (w *writer) checkNote(t *table, v values) error {
	body := noteBodies[t.Name]
	if body == "" || !v.has(t, body) {
		return nil
	}
	s, _ := v.of(t, nil, body).(string)
	org := w.schema.tables["organization"]
	limit := org.int(w.data[org.Name].get(w.engine.organizationID), "maxuploadfilesize")
	if int64(len(s)) > limit {
		return newFault(http.StatusBadRequest, "0x80044a02", "Attachment file size is too big.")
	}
	name, _ := v.of(t, nil, "filename").(string)
	return w.checkExtension(name)
}

// noteBodies are the columns that hold the file of a note or of an attachment.
var noteBodies = map[string]string{"annotation": "documentbody", "activitymimeattachment": "body"}

// blockedExtensions are those that an environment blocks until it says otherwise. Page: settings-privacy-security-tab.
const blockedExtensions = "ade;adp;app;asa;ashx;asmx;asp;bas;bat;cdx;cer;chm;class;cmd;com;config;cnt;cpl;crt;csh;der;dll;exe;fxp;hlp;hta;htr;htw;ida;idc;idq;inf;ins;isp;its;jar;js;jse;ksh;lnk;mad;maf;mag;mam;maq;mar;mas;mat;mau;mav;maw;mda;mdb;mde;mdt;mdw;mdz;msc;msh;msh1;msh1xml;msh2;msh2xml;mshxml;msi;msp;mst;ops;pcd;pif;prf;prg;printer;pst;reg;rem;scf;scr;sct;shb;shs;shtm;shtml;soap;stm;svc;tmp;url;vb;vbe;vbs;vsmacros;vss;vst;vsw;ws;wsc;wsf;wsh"

// checkExtension refuses a file of a kind that the organisation blocks. Page: file-attributes.
func (w *writer) checkExtension(name string) error {
	extension := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
	org := w.schema.tables["organization"]
	blocked := strings.Split(org.text(w.data[org.Name].get(w.engine.organizationID), "blockedattachments"), ";")
	if extension != "" && slices.Contains(blocked, extension) {
		return newFault(http.StatusBadRequest, "0x80043e09", "The attachment is either not a valid type or is too large. It cannot be uploaded or downloaded.")
	}
	return nil
}

// fileColumn is the file or image column that a path or an action names.
func (t *table) fileColumn(name string) (*column, error) {
	c := t.column(name)
	if c == nil {
		return nil, noSegment(name)
	}
	if c.kind != kindFile && c.kind != kindImage {
		return nil, badArgument("The attribute '%s' of entity '%s' is not a file or image attribute.", c.Name, t.Name)
	}
	return c, nil
}

// allowFile refuses whoever may not change the column of the row.
func (w *writer) allowFile(t *table, r *row, c *column) error {
	if err := t.accepts("Update"); err != nil {
		return err
	}
	if c.NoUpdate {
		return newFault(http.StatusBadRequest, "0x80040203", "The attribute '%s' of entity '%s' cannot be updated.", c.Name, t.Name)
	}
	if err := w.allow("Write", t, r); err != nil {
		return err
	}
	return w.allowValues(t, r, values{c.index: nil})
}

// putFile puts a file into a column, in place of the one that is there. Pages: file-column-data, image-column-data.
func (w *writer) putFile(t *table, r *row, c *column, f file) (uuid.UUID, error) {
	if err := w.allowFile(t, r, c); err != nil {
		return uuid.Nil, err
	}
	if err := c.tooLarge(len(f.data)); err != nil {
		return uuid.Nil, err
	}
	if c.kind == kindImage {
		r, err := w.update(t, r, values{c.index: base64.StdEncoding.EncodeToString(f.data)})
		if err != nil {
			return uuid.Nil, err
		}
		id, _ := t.get(r, c.Name+"id").(uuid.UUID)
		return id, nil
	}
	if err := w.checkExtension(f.name); err != nil {
		return uuid.Nil, err
	}
	w.dropFile(r, c)
	a := w.schema.tables["fileattachment"]
	v := values{fileContent: f.data}
	v.setText(a, "filename", f.name)
	v.setText(a, "mimetype", f.mime)
	v.set(a, "filesizeinbytes", int64(len(f.data)))
	v.set(a, "objectid", ref{t.Name, r.id})
	v.set(a, "objecttypecode", t.Name)
	v.set(a, "regardingfieldname", c.Name)
	v.set(a, "iscommitted", true)
	id := w.platformRow(a, v).id
	v = values{c.index: id}
	v.setText(t, c.Name+"_name", f.name)
	_, err := w.update(t, r, v)
	return id, err
}

// dropFile forgets the file of a column. It does not go to the recycle bin, as a row that is deleted with its files does.
func (w *writer) dropFile(r *row, c *column) {
	if id, ok := r.get(c.index).(uuid.UUID); ok {
		w.remove(w.schema.tables["fileattachment"], id)
	}
}

// clearFile takes a file out of its column.
func (w *writer) clearFile(t *table, r *row, c *column) error {
	if err := w.allowFile(t, r, c); err != nil {
		return err
	}
	w.dropFile(r, c)
	v := values{c.index: nil}
	v.set(t, c.Name+"_name", nil)
	_, err := w.update(t, r, v)
	return err
}

// fileIn is the file that a column of a row holds, nil if there is none.
func (s *snapshot) fileIn(t *table, r *row, c *column) *file {
	if c.kind == kindImage {
		text, _ := r.get(c.index).(string)
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(data) == 0 {
			return nil
		}
		return &file{name: c.Name, mime: imageType(data), data: data}
	}
	id, ok := r.get(c.index).(uuid.UUID)
	if !ok {
		return nil
	}
	a := s.schema.tables["fileattachment"]
	x := s.data[a.Name].get(id)
	if x == nil {
		return nil
	}
	data, _ := x.get(fileContent).([]byte)
	return &file{name: a.text(x, "filename"), mime: a.text(x, "mimetype"), data: data}
}
