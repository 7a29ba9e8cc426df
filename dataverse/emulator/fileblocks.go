package emulator

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/google/uuid"
)

// upload is a file on its way in, or out: the messages with blocks, and uploads in chunks.
type upload struct {
	user   uuid.UUID
	target ref    // the row, uuid.Nil for a note or attachment that the commit makes
	column string // "" for a note or attachment
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

// transfer is the open transfer that an action's body names.
func (s *messageService) transfer(c *call, body map[string]any, out bool) (*upload, string, error) {
	token, given := body["FileContinuationToken"].(string)
	if !given {
		return nil, "", missingArgument("FileContinuationToken", c.path.segments[0].name)
	}
	u := s.uploads.get(token, c.user)
	if u == nil || u.out != out {
		return nil, "", badArgument("The file continuation token is not valid.")
	}
	return u, token, nil
}

func (c *call) response(more map[string]any) *answer {
	body := map[string]any{"@odata.context": c.base + "/$metadata#" + crmNamespace + c.path.segments[0].name + "Response"}
	maps.Copy(body, more)
	return ok(body)
}

// texts reads text parameters that an action cannot do without.
func (c *call) texts(body map[string]any, names ...string) ([]string, error) {
	out := make([]string, len(names))
	for i, name := range names {
		s, ok := body[name].(string)
		if !ok || s == "" {
			return nil, missingArgument(name, c.path.segments[0].name)
		}
		out[i] = s
	}
	return out, nil
}

// fileArgument is the row and the column that Target and FileAttributeName name.
func (w *writer) fileArgument(c *call, body map[string]any) (*table, *row, *column, error) {
	if body["Target"] == nil {
		return nil, nil, nil, missingArgument("Target", c.path.segments[0].name)
	}
	names, err := c.texts(body, "FileAttributeName")
	if err != nil {
		return nil, nil, nil, err
	}
	of, _, err := w.entityArgument(body["Target"])
	if err != nil {
		return nil, nil, nil, err
	}
	return w.uploadTarget(&upload{target: of, column: names[0]})
}

// initializeFileUpload begins an upload in blocks to a file or image column. Page: file-column-data.
func (s *messageService) initializeFileUpload(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	var token string
	err = s.change(c, func(w *writer) error {
		t, r, column, err := w.fileArgument(c, body)
		if err != nil {
			return err
		}
		names, err := c.texts(body, "FileName")
		if err != nil {
			return err
		}
		if err := w.allowFile(t, r, column); err != nil {
			return err
		}
		token = s.uploads.open(&upload{user: c.user, target: ref{t.Name, r.id}, column: column.Name, name: names[0], blocks: map[string][]byte{}})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c.response(map[string]any{"FileContinuationToken": token}), nil
}

// uploadBlock takes one block. Page: file-column-data.
func (s *messageService) uploadBlock(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	u, _, err := s.transfer(c, body, false)
	if err != nil {
		return nil, err
	}
	texts, err := c.texts(body, "BlockId", "BlockData")
	if err != nil {
		return nil, err
	}
	id, err := base64.StdEncoding.DecodeString(texts[0])
	if err != nil || len(id) > 64 {
		return nil, badArgument("A BlockId must be the Base64 encoding of at most 64 bytes.")
	}
	data, err := base64.StdEncoding.DecodeString(texts[1])
	if err != nil || len(data) > fileChunk {
		return nil, badArgument("BlockData must be the Base64 encoding of at most 4 MB.")
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	size := len(data)
	for other, block := range u.blocks {
		if len(other) != len(texts[0]) {
			return nil, badArgument("The BlockId of every block of a file must have the same length.")
		}
		size += len(block)
	}
	if size > maxBody {
		return nil, newFault(http.StatusBadRequest, "0x80044a02", "Attachment file size is too big.")
	}
	if u.blocks == nil {
		return nil, badArgument("The file continuation token is not valid.")
	}
	u.blocks[texts[0]] = data
	return noContent(), nil
}

// assemble puts the blocks together in the order of a BlockList.
func (u *upload) assemble(c *call, body map[string]any) ([]byte, error) {
	list, given := body["BlockList"].([]any)
	if !given {
		return nil, missingArgument("BlockList", c.path.segments[0].name)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	var data []byte
	for _, v := range list {
		id, _ := v.(string)
		block, found := u.blocks[id]
		if !found || len(data) > maxBody {
			return nil, badArgument("The BlockList names a block that was not uploaded.")
		}
		data = append(data, block...)
	}
	return data, nil
}

// commitFileUpload ends an upload. Page: file-column-data.
func (s *messageService) commitFileUpload(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	u, token, err := s.transfer(c, body, false)
	if err != nil {
		return nil, err
	}
	texts, err := c.texts(body, "FileName", "MimeType")
	if err != nil {
		return nil, err
	}
	if u.column == "" {
		return nil, badArgument("The file continuation token is not valid.")
	}
	data, err := u.assemble(c, body)
	if err != nil {
		return nil, err
	}
	var id uuid.UUID
	err = s.change(c, func(w *writer) error {
		t, r, column, err := w.uploadTarget(u)
		if err == nil {
			id, err = w.putFile(t, r, column, file{name: texts[0], mime: texts[1], data: data})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.uploads.close(token)
	return c.response(map[string]any{"FileId": id, "FileSizeInBytes": len(data)}), nil
}

// initializeFileDownload begins a download in blocks. Pages: file-column-data, image-column-data.
func (s *messageService) initializeFileDownload(c *call) (*answer, error) {
	return s.initializeDownload(c, func(w *writer, body map[string]any) (*file, error) {
		t, r, column, err := w.fileArgument(c, body)
		if err != nil {
			return nil, err
		}
		if err := w.allow("Read", t, r); err != nil {
			return nil, err
		}
		f := w.fileIn(t, r, column)
		if f == nil {
			return nil, newFault(http.StatusNotFound, "0x80040217", "No FileAttachment records found for attribute: %s of %s record with id %s.", column.Name, t.Name, r.id)
		}
		return f, nil
	}, map[string]any{"IsChunkingSupported": true})
}

func (s *messageService) initializeDownload(c *call, find func(*writer, map[string]any) (*file, error), more map[string]any) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	maps.Copy(out, more)
	err = s.change(c, func(w *writer) error {
		f, err := find(w, body)
		if err != nil {
			return err
		}
		out["FileSizeInBytes"], out["FileName"] = len(f.data), f.name
		out["FileContinuationToken"] = s.uploads.open(&upload{user: c.user, out: true, data: f.data})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c.response(out), nil
}

// downloadBlock gives out one block. Page: file-column-data.
func (s *messageService) downloadBlock(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	u, _, err := s.transfer(c, body, true)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Offset", "BlockLength"} {
		if _, isNumber := body[name].(json.Number); !isNumber {
			return nil, missingArgument(name, "DownloadBlock")
		}
	}
	from, err1 := intMember(body, "Offset", 0)
	n, err2 := intMember(body, "BlockLength", 0)
	if err1 != nil || err2 != nil || from < 0 || n < 1 || from > len(u.data) {
		return nil, badArgument("Offset and BlockLength do not lie within the file.")
	}
	return c.response(map[string]any{"Data": base64.StdEncoding.EncodeToString(u.data[from:min(from+n, len(u.data))])}), nil
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
func (w *writer) noteTarget(c *call, body map[string]any) (*table, map[string]any, error) {
	t := w.schema.tables[noteTable(c.path.segments[0].name)]
	target, ok := body["Target"].(map[string]any)
	if !ok {
		return nil, nil, missingArgument("Target", c.path.segments[0].name)
	}
	kind, _ := target["@odata.type"].(string)
	if strings.TrimPrefix(strings.TrimPrefix(kind, "#"), crmNamespace) != t.Name {
		return nil, nil, badArgument("The Target must be of the type %s.", t.Name)
	}
	return t, target, nil
}

func (s *messageService) initializeNoteUpload(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	err = s.change(c, func(w *writer) error {
		t, target, err := w.noteTarget(c, body)
		if err != nil {
			return err
		}
		if err := w.allow("Create", t, nil); err != nil {
			return err
		}
		_, err = w.readBody(t, target, true)
		return err
	})
	if err != nil {
		return nil, err
	}
	u := &upload{user: c.user, target: ref{Table: noteTable(c.path.segments[0].name)}, blocks: map[string][]byte{}}
	return c.response(map[string]any{"FileContinuationToken": s.uploads.open(u)}), nil
}

func (s *messageService) commitNoteUpload(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	u, token, err := s.transfer(c, body, false)
	if err != nil {
		return nil, err
	}
	if u.column != "" || u.target.Table != noteTable(c.path.segments[0].name) {
		return nil, badArgument("The file continuation token is not valid.")
	}
	data, err := u.assemble(c, body)
	if err != nil {
		return nil, err
	}
	var made uuid.UUID
	err = s.change(c, func(w *writer) error {
		t, target, err := w.noteTarget(c, body)
		if err != nil {
			return err
		}
		target = maps.Clone(target)
		target[noteBodies[t.Name]] = base64.StdEncoding.EncodeToString(data)
		var r *row
		if text, given := target[t.ID].(string); given && t.Name == "annotation" {
			if id, err := uuid.Parse(text); err == nil {
				r = w.data[t.Name].get(id)
			}
		}
		if r != nil {
			r, err = w.patch(t, r, target, rowKey{})
		} else {
			r, err = w.create(t, target)
		}
		if err == nil {
			made = r.id
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
	return c.response(map[string]any{key: made, "FileSizeInBytes": len(data)}), nil
}

func (s *messageService) initializeNoteDownload(c *call) (*answer, error) {
	return s.initializeDownload(c, func(w *writer, body map[string]any) (*file, error) {
		t, _, err := w.noteTarget(c, body)
		if err != nil {
			return nil, err
		}
		of, _, err := w.entityArgument(body["Target"])
		if err != nil {
			return nil, err
		}
		r := w.data[t.Name].get(of.ID)
		if r == nil {
			return nil, noRow(t.Name, of.ID.String())
		}
		if err := w.allow("Read", t, r); err != nil {
			return nil, err
		}
		data, err := base64.StdEncoding.DecodeString(t.text(r, noteBodies[t.Name]))
		if err != nil || len(data) == 0 {
			return nil, newFault(http.StatusNotFound, "0x80040217", "The %s with id %s has no file.", t.Name, r.id)
		}
		return &file{name: t.text(r, "filename"), data: data}, nil
	}, nil)
}
