package build

import (
	"bytes"
	"fmt"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// SBOM lists what a binary is made of, as CycloneDX JSON. Versions and module sums are those that the binary itself bears.
func SBOM(version, goVersion string, t Target, at time.Time, modules []Module) ([]byte, error) {
	if len(modules) == 0 {
		return nil, errNoModules
	}
	root := "pkg:golang/github.com/gallra/gallra@" + version
	var components []cdx.Component
	var refs []string
	add := func(name, version, sum string) {
		ref := "pkg:golang/" + name + "@" + version
		c := cdx.Component{Type: cdx.ComponentTypeLibrary, BOMRef: ref, PackageURL: ref, Name: name, Version: version, Scope: cdx.ScopeRequired}
		if sum != "" {
			// A module's sum is over its files, not over one file: CycloneDX has no hash of that kind.
			c.Properties = &[]cdx.Property{{Name: "go:sum", Value: sum}}
		}
		components = append(components, c)
		refs = append(refs, ref)
	}
	add("std", goVersion, "")
	for _, m := range modules {
		add(m.Path, m.Version, m.Sum)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Timestamp: at.Format(time.RFC3339),
		Component: &cdx.Component{
			Type: cdx.ComponentTypeApplication, BOMRef: root, PackageURL: root, Name: "gallra", Version: version,
			Licenses:   &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
			Properties: &[]cdx.Property{{Name: "go:target", Value: t.String()}},
		},
	}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: root, Dependencies: &refs}}
	var b bytes.Buffer
	e := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true)
	if err := e.Encode(bom); err != nil {
		return nil, fmt.Errorf("write the list of parts: %w", err)
	}
	return b.Bytes(), nil
}
