package policy

import (
	"encoding/json"
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/gallra/gallra/retention"
)

// PolicySchema is the JSON Schema of a policy file, for editors: completion, and red lines under what the strict reader
// would refuse by its looks.
func PolicySchema() ([]byte, error) {
	r := &jsonschema.Reflector{
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		ExpandedStruct:             true,
		Namer: func(t reflect.Type) string {
			return map[string]string{"fileInclude": "Include", "fileRecord": "Head", "fileEnvironment": "Environment", "fileLimits": "Limits", "filePurge": "Purge", "fileColumns": "Columns",
				"fileSubject": "Subject", "fileClass": "Class", "fileStage": "Stage", "fileAsk": "Ask", "fileGround": "Ground", "fileRelated": "RelatedRule", "fileRow": "RowRule"}[t.Name()]
		},
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			switch t {
			case reflect.TypeFor[retention.Period]():
				return &jsonschema.Schema{Type: "string", Pattern: `^\s*[0-9]{1,4}\s+(day|week|month|year)s?(\s+[0-9]{1,4}\s+(day|week|month|year)s?)*\s*$`, Examples: []any{"6 months", "1 year 6 months"}}
			case reflect.TypeFor[retention.Keeping]():
				return &jsonschema.Schema{Type: "string", Pattern: `^\s*[0-9]{1,4}\s+(day|week|month|year)s?(\s+[0-9]{1,4}\s+(day|week|month|year)s?)*(\s+from\s+(the\s+)?end\s+of\s+(the\s+)?(month|quarter|year))?\s*$`, Examples: []any{"6 months", "7 years from end of year"}}
			case reflect.TypeFor[retention.YearEnd]():
				return &jsonschema.Schema{Type: "string", Pattern: `^\s*[0-9]{1,2}\s+[A-Za-z]{3,9}\s*$`, Examples: []any{"31 March"}}
			case reflect.TypeFor[AtMost]():
				return &jsonschema.Schema{Type: "string", Pattern: `^\s*[0-9]{1,4}\s+(day|week|month|year)s?(\s+[0-9]{1,4}\s+(day|week|month|year)s?)*(\s+after\s+\S+)?\s*$`, Examples: []any{"5 years after createdon"}}
			case reflect.TypeFor[coarsen]():
				return &jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{OneOf: []*jsonschema.Schema{
					{Type: "string", Enum: []any{"month", "quarter", "year", "decade"}}, {Type: "integer", Minimum: "1"}}}}
			case reflect.TypeFor[percent]():
				return &jsonschema.Schema{Type: "string", Pattern: `^\s*[0-9]+(\.[0-9]+)?\s*%\s*$`, Examples: []any{"5%"}}
			}
			return nil
		},
	}
	s := r.Reflect(&filePolicy{})
	s.ID = "https://github.com/gallra/gallra/testdata/policy/policy.schema.json"
	s.Title = "gallra policy"
	s.Description = "Whom a company keeps in its CRM, why, and for how long."
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}
