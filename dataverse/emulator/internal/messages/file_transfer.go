package messages

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// patchProperty uploads a file to a file or image column: in one request, or in chunks. Page: file-column-data.
func (s *Service) patchProperty(c *wire.Call) (*wire.Answer, error) {
	if token := c.Query.Get("sessiontoken"); token != "" {
		return s.uploadChunk(c, token)
	}
	name := c.Header.Get("x-ms-file-name") // "If the header is used, it will take precedence"
	if name == "" {
		name = c.Query.Get("x-ms-file-name")
	}
	chunked := c.Header.Get("x-ms-transfer-mode") == "chunked"
	a := wire.NoContent()
	err := s.Change(c, func(w *platform.Writer) error {
		t, r, err := w.FindRow(c.Path.Segments[0])
		if err != nil {
			return err
		}
		column, err := platform.FileColumn(t, c.Path.Segments[1].Name)
		if err != nil {
			return err
		}
		if err := c.Precondition().Check(t, r, nil); err != nil {
			return err
		}
		if name == "" {
			return wire.BadArgument("The name of the file is missing: it is expected in the header or query parameter x-ms-file-name.")
		}
		if chunked {
			if err := w.CheckFileRight(t, r, column); err != nil {
				return err
			}
			token := s.uploads.open(&upload{user: c.User, target: store.Ref{Table: t.Name, ID: r.ID}, column: column.Name, name: name})
			a = &wire.Answer{Status: http.StatusOK}
			a.SetHeader("Location", c.Base+"/"+t.Set+"("+r.ID.String()+")/"+column.Name+"?sessiontoken="+token)
			a.SetHeader("Accept-Ranges", "bytes").SetHeader("x-ms-chunk-size", strconv.Itoa(platform.FileChunkSize)).SetHeader("Access-Control-Expose-Headers", "x-ms-chunk-size")
			return nil
		}
		if kind, _, _ := strings.Cut(c.Header.Get("Content-Type"), ";"); kind != "application/octet-stream" {
			return wire.NewError(http.StatusUnsupportedMediaType, "0x80060888", "The content type of a file must be application/octet-stream.")
		}
		_, err = w.PutFile(t, r, column, platform.File{Name: name, Mime: platform.MimeType(name), Data: c.Body})
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// uploadChunk takes the next part of a file; the last one completes it.
func (s *Service) uploadChunk(c *wire.Call, token string) (*wire.Answer, error) {
	u := s.uploads.get(token, c.User)
	if u == nil || u.column != c.Path.Segments[1].Name {
		return nil, wire.BadArgument("The session token is not valid.")
	}
	from, to, size, err := contentRange(c.Header.Get("Content-Range"))
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case to-from+1 != len(c.Body):
		return nil, wire.BadArgument("The Content-Range says %d bytes, the body has %d.", to-from+1, len(c.Body))
	case from != len(u.data):
		return nil, wire.BadArgument("The part begins at byte %d; the next one expected begins at %d.", from, len(u.data))
	case size > wire.MaxBody:
		return nil, wire.NewError(http.StatusBadRequest, "0x80044a02", "Attachment file size is too big.")
	}
	u.data = append(u.data, c.Body...)
	if len(u.data) < size {
		return &wire.Answer{Status: http.StatusPartialContent}, nil
	}
	defer s.uploads.close(token)
	return wire.NoContent(), s.Change(c, func(w *platform.Writer) error {
		t, r, column, err := uploadTarget(w, u)
		if err != nil {
			return err
		}
		_, err = w.PutFile(t, r, column, platform.File{Name: u.name, Mime: platform.MimeType(u.name), Data: u.data})
		return err
	})
}

// uploadTarget is the column that an upload goes to, if it is still there.
func uploadTarget(w *platform.Writer, u *upload) (*schema.Table, *store.Row, *schema.Column, error) {
	t := w.Schema.Tables[u.target.Table]
	r := w.Data[u.target.Table].Get(u.target.ID)
	if t == nil || r == nil {
		return nil, nil, nil, wire.NoRow(u.target.Table, u.target.ID.String())
	}
	c, err := platform.FileColumn(t, u.column)
	return t, r, c, err
}

// contentRange reads "bytes 0-4194303/25870370".
func contentRange(text string) (from, to, size int, err error) {
	if n, err := fmt.Sscanf(text, "bytes %d-%d/%d", &from, &to, &size); err != nil || n != 3 || from < 0 || to < from || size <= to {
		return 0, 0, 0, wire.BadArgument("The Content-Range '%s' is not valid.", text)
	}
	return from, to, size, nil
}

// FileProperty reads a file or image column: as it is, or as a property.
func (s *Service) FileProperty(c *wire.Call, t *schema.Table, r *store.Row, col *schema.Column, property bool) (*wire.Answer, error) {
	if property {
		return s.wrappedFile(c, t, r, col)
	}
	return s.fullSize(c, t, r, col)
}

// fullSize is a download from a property: "To download the full-sized image, you must append this parameter to the URL:
// ?size=full." Without it is the thumbnail, which here is the image itself. Page: image-column-data.
func (s *Service) fullSize(c *wire.Call, t *schema.Table, r *store.Row, col *schema.Column) (*wire.Answer, error) {
	o, err := wire.ReadOptions(c, "size")
	if err != nil {
		return nil, err
	}
	if o.Has("size") && o.Values["size"] != "full" {
		return nil, wire.BadQuery("Invalid value '%s' for size query option found.", o.Values["size"])
	}
	if store.ColumnValue(t, r, col) == nil || col.NoRead || o.Has("size") && !platform.FullImage(t, r, col) {
		return wire.NoContent(), nil
	}
	c.CountRead(1)
	return s.download(c, t, r, col)
}

// wrappedFile is the same without /$value: the bytes as Base64 in JSON. No page has it, but dynamics-web-api downloads from
// the service like this.
func (s *Service) wrappedFile(c *wire.Call, t *schema.Table, r *store.Row, col *schema.Column) (*wire.Answer, error) {
	a, err := s.fullSize(c, t, r, col)
	if err != nil || a.Body == nil {
		return a, err
	}
	data, _ := a.Body.([]byte)
	a.Body = map[string]any{"@odata.context": c.Base + "/$metadata#" + t.Set + "(" + r.ID.String() + ")/" + col.Name, "value": data}
	return a.SetHeader("Content-Type", "application/json; odata.metadata=minimal"), nil
}

// download answers with the file of a column, or a part of it. Page: file-column-data.
func (s *Service) download(c *wire.Call, t *schema.Table, r *store.Row, column *schema.Column) (*wire.Answer, error) {
	f := platform.ReadFile(c.View(), t, r, column)
	if f == nil {
		return wire.NoContent(), nil
	}
	a := &wire.Answer{Status: http.StatusOK, Body: f.Data}
	expose := []string{"x-ms-file-size", "x-ms-file-name"}
	a.SetHeader("Content-Type", "application/octet-stream").SetHeader("Content-Disposition", `attachment; filename="`+strings.ReplaceAll(f.Name, `"`, "_")+`"`)
	a.SetHeader("x-ms-file-size", strconv.Itoa(len(f.Data))).SetHeader("x-ms-file-name", f.Name).SetHeader("mimetype", f.Mime)
	if text := c.Header.Get("Range"); text != "" {
		from, to, ok := byteRange(text, len(f.Data))
		if !ok {
			return nil, wire.NewError(http.StatusRequestedRangeNotSatisfiable, "0x80040203", "The range '%s' is not valid for a file of %d bytes.", text, len(f.Data))
		}
		a.Status, a.Body = http.StatusPartialContent, f.Data[from:to+1]
		a.SetHeader("x-ms-chunk-size", strconv.Itoa(platform.FileChunkSize))
		a.SetHeader("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(f.Data)))
		expose = append(expose, "x-ms-chunk-size")
	}
	return a.SetHeader("Access-Control-Expose-Headers", strings.Join(append(expose, "mimetype"), "; ")), nil
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
func (s *Service) deleteFile(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	text, given := body["FileId"].(string)
	if !given {
		return nil, wire.MissingArgument("FileId", "DeleteFile")
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, wire.BadArgument("The FileId is not an id.")
	}
	return wire.NoContent(), s.Change(c, func(w *platform.Writer) error {
		a := w.Schema.Tables["fileattachment"]
		x := w.Data[a.Name].Get(id)
		if x == nil {
			return wire.NoRow(a.Name, id.String())
		}
		of := store.Lookup(a, x, "objectid")
		t := w.Schema.Tables[of.Table]
		r := w.Data[of.Table].Get(of.ID)
		if t == nil || r == nil {
			return wire.NoRow(of.Table, of.ID.String())
		}
		column, err := platform.FileColumn(t, store.Text(a, x, "regardingfieldname"))
		if err != nil {
			return err
		}
		return w.ClearFile(t, r, column)
	})
}
