package messages

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// upload is a file being uploaded or downloaded: in blocks by messages, or in chunks.
type upload struct {
	user   uuid.UUID
	target store.Ref // the row, uuid.Nil for a note or attachment that the commit makes
	column string    // "" for a note or attachment
	name   string

	mu     sync.Mutex
	blocks map[string][]byte // what has come, by BlockId
	data   []byte            // what has come in chunks, or what goes out
	out    bool
}

// maxUploads is how many transfers may be open. No page says; the oldest would have run out long before.
const maxUploads = 1000

// uploads are the open transfers by their token.
type uploads struct {
	mu      sync.Mutex
	byToken map[string]*upload
	order   []string
}

func (u *uploads) open(x *upload) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byToken == nil {
		u.byToken = map[string]*upload{}
	}
	token := base64.RawURLEncoding.EncodeToString([]byte(uuid.NewString()))
	u.byToken[token] = x
	u.order = append(u.order, token)
	for len(u.order) > maxUploads {
		delete(u.byToken, u.order[0])
		u.order = u.order[1:]
	}
	return token
}

// get is the transfer of a token, nil if there is none of that user's.
func (u *uploads) get(token string, user uuid.UUID) *upload {
	u.mu.Lock()
	defer u.mu.Unlock()
	if x := u.byToken[token]; x != nil && x.user == user {
		return x
	}
	return nil
}

func (u *uploads) close(token string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.byToken, token)
}

// openTransfer is the open transfer that an action's body names.
func (s *Service) openTransfer(c *wire.Call, body map[string]any, out bool) (*upload, string, error) {
	token, given := body["FileContinuationToken"].(string)
	if !given {
		return nil, "", wire.MissingArgument("FileContinuationToken", c.Path.Segments[0].Name)
	}
	u := s.uploads.get(token, c.User)
	if u == nil || u.out != out {
		return nil, "", wire.BadArgument("The file continuation token is not valid.")
	}
	return u, token, nil
}

func responseAnswer(c *wire.Call, more map[string]any) *wire.Answer {
	body := map[string]any{"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + c.Path.Segments[0].Name + "Response"}
	maps.Copy(body, more)
	return wire.OK(body)
}

// textArguments reads text parameters that an action cannot do without.
func textArguments(c *wire.Call, body map[string]any, names ...string) ([]string, error) {
	out := make([]string, len(names))
	for i, name := range names {
		s, ok := body[name].(string)
		if !ok || s == "" {
			return nil, wire.MissingArgument(name, c.Path.Segments[0].Name)
		}
		out[i] = s
	}
	return out, nil
}

// fileArgument is the row and the column that Target and FileAttributeName name.
func fileArgument(w *platform.Writer, c *wire.Call, body map[string]any) (*schema.Table, *store.Row, *schema.Column, error) {
	if body["Target"] == nil {
		return nil, nil, nil, wire.MissingArgument("Target", c.Path.Segments[0].Name)
	}
	names, err := textArguments(c, body, "FileAttributeName")
	if err != nil {
		return nil, nil, nil, err
	}
	of, _, err := wire.EntityArgument(&w.Tx.Snapshot, body["Target"])
	if err != nil {
		return nil, nil, nil, err
	}
	return uploadTarget(w, &upload{target: of, column: names[0]})
}

// initializeFileUpload begins an upload in blocks to a file or image column. Page: file-column-data.
func (s *Service) initializeFileUpload(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	var token string
	err = s.Change(c, func(w *platform.Writer) error {
		t, r, column, err := fileArgument(w, c, body)
		if err != nil {
			return err
		}
		names, err := textArguments(c, body, "FileName")
		if err != nil {
			return err
		}
		if err := w.CheckFileRight(t, r, column); err != nil {
			return err
		}
		token = s.uploads.open(&upload{user: c.User, target: store.Ref{Table: t.Name, ID: r.ID}, column: column.Name, name: names[0], blocks: map[string][]byte{}})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return responseAnswer(c, map[string]any{"FileContinuationToken": token}), nil
}

// uploadBlock takes one block. Page: file-column-data.
func (s *Service) uploadBlock(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	u, _, err := s.openTransfer(c, body, false)
	if err != nil {
		return nil, err
	}
	texts, err := textArguments(c, body, "BlockId", "BlockData")
	if err != nil {
		return nil, err
	}
	id, err := base64.StdEncoding.DecodeString(texts[0])
	if err != nil || len(id) > 64 {
		return nil, wire.BadArgument("A BlockId must be the Base64 encoding of at most 64 bytes.")
	}
	data, err := base64.StdEncoding.DecodeString(texts[1])
	if err != nil || len(data) > platform.FileChunkSize {
		return nil, wire.BadArgument("BlockData must be the Base64 encoding of at most 4 MB.")
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	size := len(data)
	for other, block := range u.blocks {
		if len(other) != len(texts[0]) {
			return nil, wire.BadArgument("The BlockId of every block of a file must have the same length.")
		}
		size += len(block)
	}
	if size > wire.MaxBody {
		return nil, wire.NewError(http.StatusBadRequest, "0x80044a02", "Attachment file size is too big.")
	}
	if u.blocks == nil {
		return nil, wire.BadArgument("The file continuation token is not valid.")
	}
	u.blocks[texts[0]] = data
	return wire.NoContent(), nil
}

// assemble puts the blocks together in the order of a BlockList.
func (u *upload) assemble(c *wire.Call, body map[string]any) ([]byte, error) {
	list, given := body["BlockList"].([]any)
	if !given {
		return nil, wire.MissingArgument("BlockList", c.Path.Segments[0].Name)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	var data []byte
	for _, v := range list {
		id, _ := v.(string)
		block, found := u.blocks[id]
		if !found || len(data) > wire.MaxBody {
			return nil, wire.BadArgument("The BlockList names a block that was not uploaded.")
		}
		data = append(data, block...)
	}
	return data, nil
}

// commitFileUpload ends an upload. Page: file-column-data.
func (s *Service) commitFileUpload(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	u, token, err := s.openTransfer(c, body, false)
	if err != nil {
		return nil, err
	}
	texts, err := textArguments(c, body, "FileName", "MimeType")
	if err != nil {
		return nil, err
	}
	if u.column == "" {
		return nil, wire.BadArgument("The file continuation token is not valid.")
	}
	data, err := u.assemble(c, body)
	if err != nil {
		return nil, err
	}
	var id uuid.UUID
	err = s.Change(c, func(w *platform.Writer) error {
		t, r, column, err := uploadTarget(w, u)
		if err == nil {
			id, err = w.PutFile(t, r, column, platform.File{Name: texts[0], Mime: texts[1], Data: data})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.uploads.close(token)
	return responseAnswer(c, map[string]any{"FileId": id, "FileSizeInBytes": len(data)}), nil
}

// initializeFileDownload begins a download in blocks. Pages: file-column-data, image-column-data.
func (s *Service) initializeFileDownload(c *wire.Call) (*wire.Answer, error) {
	return s.initializeDownload(c, func(w *platform.Writer, body map[string]any) (*platform.File, error) {
		t, r, column, err := fileArgument(w, c, body)
		if err != nil {
			return nil, err
		}
		if err := w.CheckRight("Read", t, r); err != nil {
			return nil, err
		}
		f := platform.ReadFile(&w.Tx.Snapshot, t, r, column)
		if f != nil && !platform.FullImage(t, r, column) {
			return nil, wire.NewError(http.StatusNotFound, "0x80040217", "No FileAttachment records found for imagedescriptorId: %s for image attribute: %s of %s record with id %s", store.Value(t, r, column.Name+"id"), column.Name, t.Name, r.ID)
		}
		if f == nil {
			return nil, wire.NewError(http.StatusNotFound, "0x80040217", "No FileAttachment records found for attribute: %s of %s record with id %s.", column.Name, t.Name, r.ID)
		}
		return f, nil
	}, map[string]any{"IsChunkingSupported": true})
}

func (s *Service) initializeDownload(c *wire.Call, find func(*platform.Writer, map[string]any) (*platform.File, error), more map[string]any) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	maps.Copy(out, more)
	err = s.Change(c, func(w *platform.Writer) error {
		f, err := find(w, body)
		if err != nil {
			return err
		}
		out["FileSizeInBytes"], out["FileName"] = len(f.Data), f.Name
		out["FileContinuationToken"] = s.uploads.open(&upload{user: c.User, out: true, data: f.Data})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return responseAnswer(c, out), nil
}

// downloadBlock gives out one block. Page: file-column-data.
func (s *Service) downloadBlock(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	u, _, err := s.openTransfer(c, body, true)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Offset", "BlockLength"} {
		if _, isNumber := body[name].(json.Number); !isNumber {
			return nil, wire.MissingArgument(name, "DownloadBlock")
		}
	}
	from, err1 := wire.IntMember(body, "Offset", 0)
	n, err2 := wire.IntMember(body, "BlockLength", 0)
	if err1 != nil || err2 != nil || from < 0 || n < 1 || from > len(u.data) {
		return nil, wire.BadArgument("Offset and BlockLength do not lie within the file.")
	}
	return responseAnswer(c, map[string]any{"Data": base64.StdEncoding.EncodeToString(u.data[from:min(from+n, len(u.data))])}), nil
}

// The files of notes and attachments: the commit makes the row, or gives a note that is there its file. Page:
// attachment-annotation-files.

// noteTable is the table that InitializeAnnotationBlocksUpload and kin are about.
func noteTable(operation string) string {
	if strings.Contains(operation, "Annotation") {
		return "annotation"
	}
	return "activitymimeattachment"
}

// noteTarget reads the Target of such an action.
func noteTarget(w *platform.Writer, c *wire.Call, body map[string]any) (*schema.Table, map[string]any, error) {
	t := w.Schema.Tables[noteTable(c.Path.Segments[0].Name)]
	target, ok := body["Target"].(map[string]any)
	if !ok {
		return nil, nil, wire.MissingArgument("Target", c.Path.Segments[0].Name)
	}
	kind, _ := target["@odata.type"].(string)
	if strings.TrimPrefix(strings.TrimPrefix(kind, "#"), wire.CRMNamespace) != t.Name {
		return nil, nil, wire.BadArgument("The Target must be of the type %s.", t.Name)
	}
	return t, target, nil
}

func (s *Service) initializeNoteUpload(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	err = s.Change(c, func(w *platform.Writer) error {
		t, target, err := noteTarget(w, c, body)
		if err != nil {
			return err
		}
		if err := w.CheckRight("Create", t, nil); err != nil {
			return err
		}
		_, err = w.ReadBody(t, target, true)
		return err
	})
	if err != nil {
		return nil, err
	}
	u := &upload{user: c.User, target: store.Ref{Table: noteTable(c.Path.Segments[0].Name)}, blocks: map[string][]byte{}}
	return responseAnswer(c, map[string]any{"FileContinuationToken": s.uploads.open(u)}), nil
}

func (s *Service) commitNoteUpload(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	u, token, err := s.openTransfer(c, body, false)
	if err != nil {
		return nil, err
	}
	if u.column != "" || u.target.Table != noteTable(c.Path.Segments[0].Name) {
		return nil, wire.BadArgument("The file continuation token is not valid.")
	}
	data, err := u.assemble(c, body)
	if err != nil {
		return nil, err
	}
	var made uuid.UUID
	err = s.Change(c, func(w *platform.Writer) error {
		t, target, err := noteTarget(w, c, body)
		if err != nil {
			return err
		}
		target = maps.Clone(target)
		target[platform.NoteBodies[t.Name]] = base64.StdEncoding.EncodeToString(data)
		var r *store.Row
		if text, given := target[t.ID].(string); given && t.Name == "annotation" {
			if id, err := uuid.Parse(text); err == nil {
				r = w.Data[t.Name].Get(id)
			}
		}
		if r != nil {
			r, err = w.Patch(t, r, target, wire.RowKey{})
		} else {
			r, err = w.Create(t, target)
		}
		if err == nil {
			made = r.ID
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.uploads.close(token)
	key := "ActivityMimeAttachmentId"
	if u.target.Table == "annotation" {
		key = "AnnotationId"
	}
	return responseAnswer(c, map[string]any{key: made, "FileSizeInBytes": len(data)}), nil
}

func (s *Service) initializeNoteDownload(c *wire.Call) (*wire.Answer, error) {
	return s.initializeDownload(c, func(w *platform.Writer, body map[string]any) (*platform.File, error) {
		t, _, err := noteTarget(w, c, body)
		if err != nil {
			return nil, err
		}
		of, _, err := wire.EntityArgument(&w.Tx.Snapshot, body["Target"])
		if err != nil {
			return nil, err
		}
		r := w.Data[t.Name].Get(of.ID)
		if r == nil {
			return nil, wire.NoRow(t.Name, of.ID.String())
		}
		if err := w.CheckRight("Read", t, r); err != nil {
			return nil, err
		}
		data, err := base64.StdEncoding.DecodeString(store.Text(t, r, platform.NoteBodies[t.Name]))
		if err != nil || len(data) == 0 {
			return nil, wire.NewError(http.StatusNotFound, "0x80040217", "The %s with id %s has no file.", t.Name, r.ID)
		}
		return &platform.File{Name: store.Text(t, r, "filename"), Data: data}, nil
	}, nil)
}
