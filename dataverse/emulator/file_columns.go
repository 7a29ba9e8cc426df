package emulator

// isFile tells whether the column holds a file or an image.
func (c *column) isFile() bool { return c.kind == kindFile || c.kind == kindImage }

// The sizes in KB that file and image columns take where their definition does not say, and at most. Pages:
// file-attributes, image-attributes.
const (
	fileKB, maxFileKB   = 32768, 10485760
	imageKB, maxImageKB = 10240, 30720
)

// maxKB is how large a file the column takes.
func (c *column) maxKB() int {
	switch {
	case c.Max != nil:
		return int(*c.Max)
	case c.kind == kindImage:
		return imageKB
	}
	return fileKB
}

// primaryImage is the image column that a create may set, "" if the table has none.
func (t *table) primaryImage() string {
	for _, c := range t.Columns {
		if c.kind == kindImage {
			return c.Name
		}
	}
	return ""
}
