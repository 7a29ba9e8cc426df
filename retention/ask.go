package retention

// Asking is how persons are asked before their purge whether they want to stay.
type Asking struct {
	Before   Period // how long before the purge date, at least
	Required Period // nobody goes who was not asked as long ago; zero: whoever could not be asked goes all the same
}

// Asked is what the ledger knows of the word to a person that stands.
type Asked struct {
	PurgeOn Date // the announced date that the word was about
	On      Date // the day on which it was put; zero: nobody has asked
}

// Due tells whether a person is to be asked on a day: the announced purge date has come near, and no word about it stands.
func (a Asking) Due(announced Date, asked Asked, today Date) bool {
	return !announced.IsZero() && today.Add(a.Before) >= announced && (asked.On.IsZero() || asked.PurgeOn != announced)
}

// On is the first day on which a person is asked about a purge date that was announced.
func (a Asking) On(announced Date) Date {
	day := announced.Sub(a.Before) - 10 // months of unequal length
	for day.Add(a.Before) < announced {
		day++
	}
	return day
}

// May tells whether a person may go on a day as far as asking is concerned.
func (a Asking) May(asked Asked, today Date) bool {
	return a.Required.IsZero() || !asked.On.IsZero() && asked.On.Add(a.Required) <= today
}
