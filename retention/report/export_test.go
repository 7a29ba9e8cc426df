package report

// Untranslated hears of every sentence that a report in Swedish has in English only.
func Untranslated(fn func(english string)) { untranslated = fn }
