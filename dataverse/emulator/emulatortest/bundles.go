package emulatortest

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// factor is an option of [Others] with what it can be set to; an empty setting is its default.
type factor struct {
	name     string
	settings []string
}

func factors() (all []factor) {
	for _, setting := range Others {
		name, _, _ := strings.Cut(setting, "=")
		at := slices.IndexFunc(all, func(f factor) bool { return f.name == name })
		if at < 0 {
			at, all = len(all), append(all, factor{name, []string{""}})
		}
		all[at].settings = append(all[at].settings, setting)
	}
	return all
}

// pair are settings of two options, by their places in factors.
type pair struct{ f, g, i, j int }

// Bundles are lists of settings in which every two settings of two options stand together somewhere, defaults included. The first is
// the defaults alone, the second has every option at something else. They are few: two settings are the most that has ever been
// needed for a difference to show, and all lists would be some hundred millions.
func Bundles() []string {
	all := factors()
	open := map[pair]bool{}
	for f := range all {
		for g := f + 1; g < len(all); g++ {
			for i := range all[f].settings {
				for j := range all[g].settings {
					open[pair{f, g, i, j}] = true
				}
			}
		}
	}
	var bundles []string
	take := func(chosen []int) {
		var settings []string
		for f, i := range chosen {
			for g := f + 1; g < len(chosen); g++ {
				delete(open, pair{f, g, i, chosen[g]})
			}
			if i > 0 {
				settings = append(settings, all[f].settings[i])
			}
		}
		bundles = append(bundles, strings.Join(settings, " "))
	}
	take(make([]int, len(all)))
	take(slices.Repeat([]int{1}, len(all)))
	r := rand.New(rand.NewPCG(1, 1970)) // the same bundles every time
	for len(open) > 0 {
		var best []int
		most := 0
		for range 40 {
			if chosen, closes := next(all, open, r); closes > most {
				best, most = chosen, closes
			}
		}
		take(best)
	}
	return bundles
}

// next is a list that has the first of the open pairs, and of each further option, in an order by chance, the setting that closes the
// most; closes is how many it closes in all.
func next(all []factor, open map[pair]bool, r *rand.Rand) (chosen []int, closes int) {
	first := slices.MinFunc(slices.Collect(maps.Keys(open)), func(a, b pair) int {
		return slices.Compare([]int{a.f, a.g, a.i, a.j}, []int{b.f, b.g, b.i, b.j})
	})
	chosen = slices.Repeat([]int{-1}, len(all))
	chosen[first.f], chosen[first.g], closes = first.i, first.j, 1
	for _, f := range r.Perm(len(all)) {
		if chosen[f] >= 0 {
			continue
		}
		most := -1
		for _, i := range r.Perm(len(all[f].settings)) {
			n := 0
			for g, j := range chosen {
				if j >= 0 && (f < g && open[pair{f, g, i, j}] || g < f && open[pair{g, f, j, i}]) {
					n++
				}
			}
			if n > most {
				most, chosen[f] = n, i
			}
		}
		closes += most
	}
	return chosen, closes
}

// Drawn is a list of settings by chance, the same of the same seed: half of the options stay at their default. It leaves out the options
// that are named.
func Drawn(seed uint64, without ...string) string {
	r := rand.New(rand.NewPCG(seed, 1971))
	var settings []string
	for _, f := range factors() {
		i := 0
		if r.IntN(2) == 0 {
			i = 1 + r.IntN(len(f.settings)-1)
		}
		if i > 0 && !slices.Contains(without, f.name) {
			settings = append(settings, f.settings[i])
		}
	}
	return strings.Join(settings, " ")
}
