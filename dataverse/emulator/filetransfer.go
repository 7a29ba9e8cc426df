package emulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// patchProperty uploads a file to a file or image column: in one request, or in chunks. Page: file-column-data.
func (s *messageService) patchProperty(c *call) (*answer, error) {
	if token := c.query.Get("sessiontoken"); token != "" {
		return s.uploadChunk(c, token)
	}
	name := c.header.Get("x-ms-file-name") // "If the header is used, it will take precedence"
	if name == "" {
		name = c.query.Get("x-ms-file-name")
	}
	chunked := c.header.Get("x-ms-transfer-mode") == "chunked"
	a := noContent()
	err := s.change(c, func(w *writer) error {
		t, r, err := w.existing(c.path.segments[0])
		if err != nil {
			return err
		}
		column, err := t.fileColumn(c.path.segments[1].name)
		if err != nil {
			return err
		}
		if err := c.precondition().check(r, nil); err != nil {
			return err
		}
		if name == "" {
			return badArgument("The name of the file is missing: it is expected in the header or query parameter x-ms-file-name.")
		}
		if chunked {
			if err := w.allowFile(t, r, column); err != nil {
				return err
			}
			token := s.uploads.open(&upload{user: c.user, target: ref{t.Name, r.id}, column: column.Name, name: name})
			a = &answer{status: http.StatusOK}
			a.set("Location", c.base+"/"+t.Set+"("+r.id.String()+")/"+column.Name+"?sessiontoken="+token)
			a.set("Accept-Ranges", "bytes").set("x-ms-chunk-size", strconv.Itoa(fileChunk)).set("Access-Control-Expose-Headers", "x-ms-chunk-size")
			return nil
		}
		if kind, _, _ := strings.Cut(c.header.Get("Content-Type"), ";"); kind != "application/octet-stream" {
			return newFault(http.StatusUnsupportedMediaType, "0x80060888", "The content type of a file must be application/octet-stream.")
		}
		_, err = w.putFile(t, r, column, file{name: name, mime: mimeOf(name), data: c.body})
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// uploadChunk takes the next part of a file; the last one completes it.
func (s *messageService) uploadChunk(c *call, token string) (*answer, error) {
	u := s.uploads.get(token, c.user)
	if u == nil || u.column != c.path.segments[1].name {
		return nil, badArgument("The session token is not valid.")
	}
	from, to, size, err := contentRange(c.header.Get("Content-Range"))
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case to-from+1 != len(c.body):
		return nil, badArgument("The Content-Range says %d bytes, the body has %d.", to-from+1, len(c.body))
	case from != len(u.data):
		return nil, badArgument("The part begins at byte %d; the next one expected begins at %d.", from, len(u.data))
	case size > maxBody:
		return nil, newFault(http.StatusBadRequest, "0x80044a02", "Attachment file size is too big.")
	}
	u.data = append(u.data, c.body...)
	if len(u.data) < size {
		return &answer{status: http.StatusPartialContent}, nil
	}
	defer s.uploads.close(token)
	return noContent(), s.change(c, func(w *writer) error {
		t, r, column, err := w.uploadTarget(u)
		if err != nil {
			return err
		}
		_, err = w.putFile(t, r, column, file{name: u.name, mime: mimeOf(u.name), data: u.data})
		return err
	})
}

// uploadTarget is the column that an upload goes to, if it is still there.
func (w *writer) uploadTarget(u *upload) (*table, *row, *column, error) {
	t := w.schema.tables[u.target.Table]
	r := w.data[u.target.Table].get(u.target.ID)
	if t == nil || r == nil {
		return nil, nil, nil, noRow(u.target.Table, u.target.ID.String())
	}
	c, err := t.fileColumn(u.column)
	return t, r, c, err
}

// contentRange reads "bytes 0-4194303/25870370".
func contentRange(text string) (from, to, size int, err error) {
	if n, err := fmt.Sscanf(text, "bytes %d-%d/%d", &from, &to, &size); err != nil || n != 3 || from < 0 || to < from || size <= to {
		return 0, 0, 0, badArgument("The Content-Range '%s' is not valid.", text)
	}
	return from, to, size, nil
}

// fileProperty reads a file or image column: as it is, or as a property.
func (s *messageService) fileProperty(c *call, t *table, r *row, col *column, property bool) (*answer, error) {
	if property {
		return s.wrappedFile(c, t, r, col)
	}
	return s.fullSize(c, t, r, col)
}

// fullSize is a download from a property: "To download the full-sized image, you must append this parameter to the URL:
// ?size=full." Without it is the thumbnail, which here is the image itself. Page: image-column-data.
func (s *messageService) fullSize(c *call, t *table, r *row, col *column) (*answer, error) {
	o, err := readOptions(c, "size")
	if err != nil {
		return nil, err
	}
	if o.has("size") && o.values["size"] != "full" {
		return nil, badQuery("Invalid value '%s' for size query option found.", o.values["size"])
	}
	if t.value(r, col) == nil || col.NoRead {
		return noContent(), nil
	}
	c.readRows(1)
	return s.download(c, t, r, col)
}

// wrappedFile is the same without /$value: the bytes as Base64 in JSON. No page has it, but dynamics-web-api downloads from
// the service like this.
func (s *messageService) wrappedFile(c *call, t *table, r *row, col *column) (*answer, error) {
	a, err := s.fullSize(c, t, r, col)
	if err != nil || a.body == nil {
		return a, err
	}
	data, _ := a.body.([]byte)
	a.body = map[string]any{"@odata.context": c.base + "/$metadata#" + t.Set + "(" + r.id.String() + ")/" + col.Name, "value": data}
	return a.set("Content-Type", "application/json; odata.metadata=minimal"), nil
}

// download answers with the file of a column, or a part of it. Page: file-column-data.
func (s *messageService) download(c *call, t *table, r *row, column *column) (*answer, error) {
	f := c.view().fileIn(t, r, column)
	if f == nil {
		return noContent(), nil
	}
	a := &answer{status: http.StatusOK, body: f.data}
	expose := []string{"x-ms-file-size", "x-ms-file-name"}
	a.set("Content-Type", "application/octet-stream").set("Content-Disposition", `attachment; filename="`+strings.ReplaceAll(f.name, `"`, "_")+`"`)
	a.set("x-ms-file-size", strconv.Itoa(len(f.data))).set("x-ms-file-name", f.name).set("mimetype", f.mime)
	if text := c.header.Get("Range"); text != "" {
		from, to, ok := byteRange(text, len(f.data))
		if !ok {
			return nil, newFault(http.StatusRequestedRangeNotSatisfiable, "0x80040203", "The range '%s' is not valid for a file of %d bytes.", text, len(f.data))
		}
		a.status, a.body = http.StatusPartialContent, f.data[from:to+1]
		a.set("x-ms-chunk-size", strconv.Itoa(fileChunk))
		a.set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(f.data)))
		expose = append(expose, "x-ms-chunk-size")
	}
	return a.set("Access-Control-Expose-Headers", strings.Join(append(expose, "mimetype"), "; ")), nil
}

// byteRange reads "bytes=0-4194303"; the end may lie behind the file's, or be left out.
func byteRange(text string, size int) (from, to int, ok bool) {
	first, last, found := strings.Cut(strings.TrimPrefix(text, "bytes="), "-")
	from, err := strconv.Atoi(first)
	if !strings.HasPrefix(text, "bytes=") || !found || err != nil || from < 0 || from >= size {
		return 0, 0, false
	}
	if to = size - 1; last != "" {
		n, err := strconv.Atoi(last)
		if err != nil || n < from {
			return 0, 0, false
		}
		to = min(to, n)
	}
	return from, to, true
}

// deleteFile is the action DeleteFile: by the id that a file column holds. Page: file-column-data.
func (s *messageService) deleteFile(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	text, given := body["FileId"].(string)
	if !given {
		return nil, missingArgument("FileId", "DeleteFile")
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, badArgument("The FileId is not an id.")
	}
	return noContent(), s.change(c, func(w *writer) error {
		a := w.schema.tables["fileattachment"]
		x := w.data[a.Name].get(id)
		if x == nil {
			return noRow(a.Name, id.String())
		}
		of := a.ref(x, "objectid")
		t := w.schema.tables[of.Table]
		r := w.data[of.Table].get(of.ID)
		if t == nil || r == nil {
			return noRow(of.Table, of.ID.String())
		}
		column, err := t.fileColumn(a.text(x, "regardingfieldname"))
		if err != nil {
			return err
		}
		return w.clearFile(t, r, column)
	})
}
