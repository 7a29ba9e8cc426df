package environment

import "github.com/gallra/gallra/dataverse"

func SystemRequired(a *dataverse.Attribute) bool { return a.Required == "SystemRequired" }

func Required(a *dataverse.Attribute) bool {
	return SystemRequired(a) || a.Required == "ApplicationRequired"
}

// LargeText is the length from which on a text is not read only to see whether it is empty.
const LargeText = 1 << 20

func IsText(a *dataverse.Attribute) bool { return a.Type == "String" || a.Type == "Memo" }

func IsLookup(a *dataverse.Attribute) bool {
	return a.Type == "Lookup" || a.Type == "Customer" || a.Type == "Owner"
}
