package query

import "github.com/gallra/gallra/dataverse/emulator/internal/wire"

// unpublished reads the drafts of components, such as views and forms. Changes are in force at once here, so that a draft is
// never other than what is published. Reference: RetrieveUnpublished, RetrieveUnpublishedMultiple.
func (s *Service) unpublished(read wire.Handler) wire.Handler {
	return func(c *wire.Call) (*wire.Answer, error) {
		t, err := wire.TableBySet(c.View().Schema, c.Path.Segments[0].Name)
		if err != nil {
			return nil, err
		}
		if t.Column("componentstate") == nil {
			return nil, wire.NoSegment(c.Path.Segments[1].Name)
		}
		of := *c
		of.Path.Segments = c.Path.Segments[:1]
		return read(&of)
	}
}
