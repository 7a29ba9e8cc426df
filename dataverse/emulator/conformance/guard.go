package conformance

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// batchLine is a request line in the body of a batch, or one that could be read as one.
var batchLine = regexp.MustCompile(`(?mi)^[ \t]*(GET|HEAD|POST|PUT|PATCH|DELETE|MERGE|OPTIONS)[ \t]+(\S+)`)

// onlyReads refuses every request that could change something: what is neither GET nor a batch of them.
func onlyReads(r request) error {
	switch r.method {
	case http.MethodGet, http.MethodHead:
		return nil
	case http.MethodPost:
		if r.path != "$batch" {
			break
		}
		for _, line := range batchLine.FindAllStringSubmatch(r.body, -1) {
			if line[1] != http.MethodGet {
				return fmt.Errorf("a case that must only read has %s in a batch", line[1])
			}
		}
		return nil
	}
	return fmt.Errorf("a case that must only read sends %s", r.method)
}

// ownWrites lets writes go to the suite's own tables alone.
func ownWrites(r request) error {
	if onlyReads(r) == nil || r.path != "$batch" && ownPath(r.path) {
		return nil
	}
	if r.method != http.MethodPost || r.path != "$batch" {
		return fmt.Errorf("%s would write outside the suite's own tables", r.method)
	}
	for _, line := range batchLine.FindAllStringSubmatch(r.body, -1) {
		path := line[2]
		if i := strings.Index(path, apiPath); i >= 0 {
			path = path[i+len(apiPath):]
		}
		if line[1] != http.MethodGet && !ownPath(path) && !strings.HasPrefix(path, "$") {
			return fmt.Errorf("%s in a batch would write outside the suite's own tables", line[1])
		}
	}
	return nil
}

func ownPath(path string) bool { return strings.HasPrefix(path, prefix+"_") }

// definesOwn lets the fixture be made and removed: its two tables with what belongs to them, its publisher, its solution.
func definesOwn(r request) error {
	if ownWrites(r) == nil {
		return nil
	}
	named := strings.Contains(r.body, `"SchemaName":"`+prefix+`_`)
	switch {
	case strings.HasPrefix(r.path, "EntityDefinitions(LogicalName='"+prefix+"_"):
		return nil
	case r.method == http.MethodPost && named && (r.path == "EntityDefinitions" || r.path == "RelationshipDefinitions"):
		return nil
	case r.method == http.MethodPost && (r.path == "publishers" || r.path == "solutions") && strings.Contains(r.body, `"uniquename":"`+publisher+`"`):
		return nil
	case r.method == http.MethodDelete && (strings.HasPrefix(r.path, "publishers(") || strings.HasPrefix(r.path, "solutions(")):
		return nil // removeOne asks for the row by its unique name
	}
	return fmt.Errorf("%s is no part of making or removing the suite's own tables", r.method)
}
