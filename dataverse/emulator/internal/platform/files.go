package platform

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// FileContent is where a fileattachment keeps, behind its columns, the file's bytes.
const FileContent = 1<<16 - 6 // []byte

// FileChunkSize is the size of a part that the service recommends.
const FileChunkSize = 4 << 20

// File is what a column holds.
type File struct {
	Name, Mime string
	Data       []byte
}

// tooLarge is the service's error for a file that the column does not take, nil if it does. Pages: file-column-data,
// image-column-data.
func tooLarge(c *schema.Column, size int) error {
	if size <= c.MaxKB()<<10 {
		return nil
	}
	if c.Kind == schema.KindImage {
		return wire.NewError(http.StatusBadRequest, "0x80072553", "Error occured when processing image. Reason: File size is too big. MaxSize: %d MB, Uploaded filesize: %d MB.", c.MaxKB()>>10, size>>20)
	}
	return wire.NewError(http.StatusBadRequest, "0x80044a02", "Attachment file size is too big.")
}

// mimeTypes are the types of files by extension; the machine's own list would differ from one to the next.
var mimeTypes = map[string]string{
	".txt": "text/plain", ".csv": "text/csv", ".htm": "text/html", ".html": "text/html", ".xml": "application/xml",
	".json": "application/json", ".pdf": "application/pdf", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
	".gif": "image/gif", ".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff", ".zip": "application/zip",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".eml": "message/rfc822",
}

// MimeType is the type that a file's extension says.
func MimeType(name string) string {
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
func (w *Writer) checkFiles(t *schema.Table, id uuid.UUID, creating bool, v store.Values) error {
	if err := w.checkNote(t, v); err != nil {
		return err
	}
	return w.setImages(t, id, creating, v)
}

// setImages checks the images among a row's values and sets what goes with them: id, time stamp and address. Page:
// image-column-data.
func (w *Writer) setImages(t *schema.Table, id uuid.UUID, creating bool, v store.Values) error {
	var images []*schema.Column
	for i := range v {
		if i < len(t.Columns) && t.Columns[i].Kind == schema.KindImage {
			images = append(images, t.Columns[i])
		}
	}
	for _, c := range images {
		text, _ := v[c.Index].(string)
		if text == "" {
			v[c.Index] = nil
			v.Set(t, c.Name+"id", nil)
			v.Set(t, c.Name+"_timestamp", nil)
			v.Set(t, c.Name+"_url", nil)
			continue
		}
		if creating && c.Name != t.PrimaryImage() {
			return wire.NewError(http.StatusBadRequest, "0x80090487", "Non-primary image attribute %s of entity %s is not allowed to upload during Create operation.", c.Name, t.Name)
		}
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil || imageType(data) == "" {
			return wire.NewError(http.StatusBadRequest, "0x80072553", "Error occured when processing image. Reason: Update image properties failed for objectid: %s, logicalName: %s, attribute: %s", id, t.Name, c.Name)
		}
		if err := tooLarge(c, len(data)); err != nil {
			return err
		}
		image, stamp := uuid.New(), int64(w.Now)*1e7+621355968000000000 // in ticks since the year 1
		if c.Thumbnail {
			image[6] = image[6]&0x0f | thumbnailVersion<<4
		}
		v.Set(t, c.Name+"id", image)
		v.Set(t, c.Name+"_timestamp", stamp)
		v.Set(t, c.Name+"_url", "/Image/download.aspx?Entity="+t.Name+"&Attribute="+c.Name+"&Id="+image.String()+"&Timestamp="+strconv.FormatInt(stamp, 10))
	}
	return nil
}

// checkNote refuses the file of a note or an attachment that is larger than the organisation allows, counted in base64.
// Page: attachment-annotation-files.
func (w *Writer) checkNote(t *schema.Table, v store.Values) error {
	body := NoteBodies[t.Name]
	if body == "" || !v.Has(t, body) {
		return nil
	}
	s, _ := v.After(t, nil, body).(string)
	org := w.Schema.Tables["organization"]
	limit := store.Int(org, w.Data[org.Name].Get(w.Engine.OrganizationID), "maxuploadfilesize")
	if int64(len(s)) > limit {
		return wire.NewError(http.StatusBadRequest, "0x80044a02", "Attachment file size is too big.")
	}
	name, _ := v.After(t, nil, "filename").(string)
	return w.checkExtension(name)
}

// NoteBodies are the columns that hold the file of a note or of an attachment.
var NoteBodies = map[string]string{"annotation": "documentbody", "activitymimeattachment": "body"}

// blockedExtensions are those that an environment blocks until it says otherwise. Page: settings-privacy-security-tab.
const blockedExtensions = "ade;adp;app;asa;ashx;asmx;asp;bas;bat;cdx;cer;chm;class;cmd;com;config;cnt;cpl;crt;csh;der;dll;exe;fxp;hlp;hta;htr;htw;ida;idc;idq;inf;ins;isp;its;jar;js;jse;ksh;lnk;mad;maf;mag;mam;maq;mar;mas;mat;mau;mav;maw;mda;mdb;mde;mdt;mdw;mdz;msc;msh;msh1;msh1xml;msh2;msh2xml;mshxml;msi;msp;mst;ops;pcd;pif;prf;prg;printer;pst;reg;rem;scf;scr;sct;shb;shs;shtm;shtml;soap;stm;svc;tmp;url;vb;vbe;vbs;vsmacros;vss;vst;vsw;ws;wsc;wsf;wsh"

// checkExtension refuses a file of a kind that the organisation blocks. Page: file-attributes.
func (w *Writer) checkExtension(name string) error {
	extension := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
	org := w.Schema.Tables["organization"]
	blocked := strings.Split(store.Text(org, w.Data[org.Name].Get(w.Engine.OrganizationID), "blockedattachments"), ";")
	if extension != "" && slices.Contains(blocked, extension) {
		return wire.NewError(http.StatusBadRequest, "0x80043e09", "The attachment is either not a valid type or is too large. It cannot be uploaded or downloaded.")
	}
	return nil
}

// FileColumn is the file or image column that a path or an action names.
func FileColumn(t *schema.Table, name string) (*schema.Column, error) {
	c := t.Column(name)
	if c == nil {
		return nil, wire.NoSegment(name)
	}
	if c.Kind != schema.KindFile && c.Kind != schema.KindImage {
		return nil, wire.BadArgument("The attribute '%s' of entity '%s' is not a file or image attribute.", c.Name, t.Name)
	}
	return c, nil
}

// CheckFileRight refuses a caller who may not change the column of the row.
func (w *Writer) CheckFileRight(t *schema.Table, r *store.Row, c *schema.Column) error {
	if err := CheckMessage(t, "Update"); err != nil {
		return err
	}
	if c.NoUpdate {
		return wire.NewError(http.StatusBadRequest, "0x80040203", "The attribute '%s' of entity '%s' cannot be updated.", c.Name, t.Name)
	}
	if err := w.CheckRight("Write", t, r); err != nil {
		return err
	}
	return w.checkValueRights(t, r, store.Values{c.Index: nil})
}

// PutFile puts a file into a column, in place of the one that is there. Pages: file-column-data, image-column-data.
func (w *Writer) PutFile(t *schema.Table, r *store.Row, c *schema.Column, f File) (uuid.UUID, error) {
	if err := w.CheckFileRight(t, r, c); err != nil {
		return uuid.Nil, err
	}
	if err := tooLarge(c, len(f.Data)); err != nil {
		return uuid.Nil, err
	}
	if c.Kind == schema.KindImage {
		r, err := w.Update(t, r, store.Values{c.Index: base64.StdEncoding.EncodeToString(f.Data)})
		if err != nil {
			return uuid.Nil, err
		}
		id, _ := store.Value(t, r, c.Name+"id").(uuid.UUID)
		return id, nil
	}
	if err := w.checkExtension(f.Name); err != nil {
		return uuid.Nil, err
	}
	w.dropFile(r, c)
	a := w.Schema.Tables["fileattachment"]
	v := store.Values{FileContent: f.Data}
	v.SetText(a, "filename", f.Name)
	v.SetText(a, "mimetype", f.Mime)
	v.Set(a, "filesizeinbytes", int64(len(f.Data)))
	v.Set(a, "objectid", store.Ref{Table: t.Name, ID: r.ID})
	v.Set(a, "objecttypecode", t.Name)
	v.Set(a, "regardingfieldname", c.Name)
	v.Set(a, "iscommitted", true)
	id := w.PutPlatformRow(a, v).ID
	v = store.Values{c.Index: id}
	v.SetText(t, c.Name+"_name", f.Name)
	_, err := w.Update(t, r, v)
	return id, err
}

// dropFile forgets the file of a column. It does not go to the recycle bin, as a row that is deleted with its files does.
func (w *Writer) dropFile(r *store.Row, c *schema.Column) {
	if id, ok := r.Get(c.Index).(uuid.UUID); ok {
		w.Remove(w.Schema.Tables["fileattachment"], id)
	}
}

// ClearFile takes a file out of its column.
func (w *Writer) ClearFile(t *schema.Table, r *store.Row, c *schema.Column) error {
	if err := w.CheckFileRight(t, r, c); err != nil {
		return err
	}
	w.dropFile(r, c)
	v := store.Values{c.Index: nil}
	v.Set(t, c.Name+"_name", nil)
	_, err := w.Update(t, r, v)
	return err
}

// thumbnailVersion marks the ids of images of which there is only the small one, because they came while CanStoreFullImage was
// false: the version of a UUID that is free for such uses. So the mark goes wherever the image goes. Page: image-operations sample.
const thumbnailVersion = 8

// FullImage tells whether a column of a row that has an image has more than the small one.
func FullImage(t *schema.Table, r *store.Row, c *schema.Column) bool {
	id, _ := store.Value(t, r, c.Name+"id").(uuid.UUID)
	return id.Version() != thumbnailVersion
}

// ReadFile is the file that a column of a row holds, nil if there is none.
func ReadFile(s *store.Snapshot, t *schema.Table, r *store.Row, c *schema.Column) *File {
	if c.Kind == schema.KindImage {
		text, _ := r.Get(c.Index).(string)
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(data) == 0 {
			return nil
		}
		return &File{Name: c.Name, Mime: imageType(data), Data: data}
	}
	id, ok := r.Get(c.Index).(uuid.UUID)
	if !ok {
		return nil
	}
	a := s.Schema.Tables["fileattachment"]
	x := s.Data[a.Name].Get(id)
	if x == nil {
		return nil
	}
	data, _ := x.Get(FileContent).([]byte)
	return &File{Name: store.Text(a, x, "filename"), Mime: store.Text(a, x, "mimetype"), Data: data}
}
