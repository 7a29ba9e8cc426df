package purge

import (
	"github.com/gallra/gallra/dataverse"
)

func systemRequired(a *dataverse.Attribute) bool { return a.Required == "SystemRequired" }

func required(a *dataverse.Attribute) bool {
	return systemRequired(a) || a.Required == "ApplicationRequired"
}

// largeText is the length from which on a text is not read only to see whether it is empty.
const largeText = 1 << 20

func isText(a *dataverse.Attribute) bool { return a.Type == "String" || a.Type == "Memo" }

func isLookup(a *dataverse.Attribute) bool {
	return a.Type == "Lookup" || a.Type == "Customer" || a.Type == "Owner"
}
