package schema

// IsFile tells whether the column holds a file or an image.
func (c *Column) IsFile() bool { return c.Kind == KindFile || c.Kind == KindImage }

// The sizes in KB that file and image columns take where their definition does not say, and at most. Pages:
// file-attributes, image-attributes.
const (
	FileKB, MaxFileKB   = 32768, 10485760
	ImageKB, MaxImageKB = 10240, 30720
)

// MaxKB is how large a file the column takes.
func (c *Column) MaxKB() int {
	switch {
	case c.Max != nil:
		return int(*c.Max)
	case c.Kind == KindImage:
		return ImageKB
	}
	return FileKB
}

// PrimaryImage is the image column that a create may set, "" if the table has none.
func (t *Table) PrimaryImage() string {
	first := ""
	for _, c := range t.Columns {
		if c.Kind != KindImage {
			continue
		}
		if c.Primary {
			return c.Name
		}
		if first == "" {
			first = c.Name
		}
	}
	return first
}
