// Package sample is the CRM of a fictitious company, Nord: the companies and people that Dynamics 365 trial environments
// are known for, and a case for everything that a retention policy has to decide. Dates are relative to the day of
// loading, so that the story holds on any day; for one day the rows are always the same.
package sample

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

//go:embed data/*.yaml
var files embed.FS

// ID is the id of a row by its table and its key in the data files: ID("contact", "yvonne").
func ID(table, key string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://nord.example/"+table+"/"+key))
}

// Load puts the sample data into an emulator, with the company's own columns.
func Load(s *emulator.Server) error {
	if err := s.AddColumns("nord", emulator.CompanyColumns()...); err != nil {
		return err
	}
	records, err := Records(s.Now())
	if err != nil {
		return err
	}
	if err := s.Load(records...); err != nil {
		return err
	}
	return s.Load(roles(s, records)...)
}

// roles give the company's staff the role that everybody there has: who has none could own nothing new.
func roles(s *emulator.Server, records []emulator.Record) []emulator.Record {
	var basic uuid.UUID
	for _, r := range s.Rows("role") {
		if r.Values["name"] == "Basic User" {
			basic = r.ID
		}
	}
	var all []emulator.Record
	for _, r := range records {
		if r.Table == "systemuser" {
			all = append(all, emulator.Record{Table: "systemuserroles", ID: ID("systemuserroles", r.ID.String()), Values: map[string]any{"systemuserid": r.ID, "roleid": basic}})
		}
	}
	return all
}

// Records are the sample's rows as they are on the day of now.
func Records(now time.Time) ([]emulator.Record, error) {
	names, err := fs.Glob(files, "data/*.yaml")
	if err != nil {
		return nil, err
	}
	r := reader{today: now.UTC().Truncate(24 * time.Hour)}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var tables yaml.MapSlice
		if err := yaml.UnmarshalWithOptions(b, &tables, yaml.UseOrderedMap()); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := r.file(tables); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r.records, nil
}

// reader makes records of the data files. A value is a scalar, {table: key} for a row of the sample, {ago: …} or
// {in: …} for a day, or a list of rows and addresses.
type reader struct {
	today   time.Time
	records []emulator.Record
}

func (r *reader) file(tables yaml.MapSlice) error {
	for _, t := range tables {
		table, rows := fmt.Sprint(t.Key), yaml.MapSlice(nil)
		rows, ok := t.Value.(yaml.MapSlice)
		if !ok {
			return fmt.Errorf("%s: no rows", table)
		}
		for _, row := range rows {
			key := fmt.Sprint(row.Key)
			columns, ok := row.Value.(yaml.MapSlice)
			if !ok {
				return fmt.Errorf("%s %s: no columns", table, key)
			}
			values := make(map[string]any, len(columns))
			for _, c := range columns {
				v, err := r.value(c.Value)
				if err != nil {
					return fmt.Errorf("%s %s, %v: %w", table, key, c.Key, err)
				}
				values[fmt.Sprint(c.Key)] = v
			}
			r.add(table, key, values)
		}
	}
	return nil
}

// add takes a row. A connection is two rows: each record sees the other one.
func (r *reader) add(table, key string, values map[string]any) {
	id := ID(table, key)
	if table != "connection" {
		r.records = append(r.records, emulator.Record{Table: table, ID: id, Values: values})
		return
	}
	mirrored := make(map[string]any, len(values))
	for name, v := range values {
		switch {
		case strings.HasPrefix(name, "record1"):
			name = "record2" + name[7:]
		case strings.HasPrefix(name, "record2"):
			name = "record1" + name[7:]
		}
		mirrored[name] = v
	}
	other := ID(table, key+"/mirrored")
	values["ismaster"], mirrored["ismaster"] = true, false
	values["relatedconnectionid"], mirrored["relatedconnectionid"] = emulator.Ref(table, other), emulator.Ref(table, id)
	r.records = append(r.records,
		emulator.Record{Table: table, ID: id, Values: values}, emulator.Record{Table: table, ID: other, Values: mirrored})
}

func (r *reader) value(v any) (any, error) {
	switch v := v.(type) {
	case yaml.MapSlice:
		if len(v) != 1 {
			return nil, fmt.Errorf("%v is neither a row nor a day", v)
		}
		name, text := fmt.Sprint(v[0].Key), fmt.Sprint(v[0].Value)
		switch name {
		case "ago":
			return r.day(text, -1)
		case "in":
			return r.day(text, 1)
		}
		return emulator.Ref(name, ID(name, text)), nil
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			value, err := r.value(x)
			if err != nil {
				return nil, err
			}
			list[i] = value
		}
		return list, nil
	case uint64:
		return int64(v), nil
	default:
		return v, nil
	}
}

// day is the day that lies so far from today: "3 months", "4 years 1 month". It is at nine o'clock, UTC.
func (r *reader) day(text string, sign int) (any, error) {
	words := strings.Fields(text)
	day := r.today
	for i := 0; i+1 < len(words); i += 2 {
		n, err := strconv.Atoi(words[i])
		if err != nil {
			return nil, fmt.Errorf("%q is no span of time", text)
		}
		n *= sign
		switch strings.TrimSuffix(words[i+1], "s") {
		case "day":
			day = day.AddDate(0, 0, n)
		case "week":
			day = day.AddDate(0, 0, 7*n)
		case "month":
			day = addMonths(day, n)
		case "year":
			day = addMonths(day, 12*n)
		default:
			return nil, fmt.Errorf("%q is no span of time", text)
		}
	}
	if len(words) == 0 || len(words)%2 != 0 {
		return nil, fmt.Errorf("%q is no span of time", text)
	}
	return day.Add(9 * time.Hour), nil
}

// addMonths is so many calendar months on: a day that the month does not have becomes its last.
func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}
