package main

import (
	"testing"
	"time"
)

func TestNextAfter(t *testing.T) {
	day := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	at := func(hours ...int) (all []time.Time) {
		for _, h := range hours {
			all = append(all, day.Add(time.Duration(h)*time.Hour))
		}
		return all
	}
	tests := []struct {
		name  string
		began []time.Time
		want  time.Time
	}{
		{"two runs show no rhythm", at(0, 24), time.Time{}},
		{"nightly", at(0, 24, 48), at(72)[0]},
		{"nightly with one by hand", at(0, 24, 29, 48, 72, 96), at(120)[0]},
		{"what was long ago does not matter", at(0, 1, 2, 3, 4, 5, 6, 168, 336, 504, 672, 840, 1008, 1176), at(1344)[0]},
	}
	for _, tt := range tests {
		if got := nextAfter(tt.began); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
