package main

import (
	"strings"
	"testing"
)

func TestShow(t *testing.T) {
	const run = `{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Test":"TestGood","Output":"    good_test.go:1: said\n"}
{"Action":"pass","Package":"p","Test":"TestGood","Elapsed":2}
{"Action":"output","Package":"p","Test":"TestBad/case","Output":"    bad_test.go:7: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestBad/case","Elapsed":1}
{"Action":"output","Package":"p","Test":"TestBad","Output":"--- FAIL: TestBad\n"}
{"Action":"fail","Package":"p","Test":"TestBad","Elapsed":3}
{"Action":"output","Package":"p","Test":"TestCut","Output":"panic: cut\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t3.0s\n"}
{"Action":"fail","Package":"p","Elapsed":3}
# q
q/q.go:1: syntax error
`
	var b strings.Builder
	tests := show(strings.NewReader(run), &b)
	const want = "    bad_test.go:7: wrong\n--- FAIL: TestBad\nFAIL\tp\t3.0s\n# q\nq/q.go:1: syntax error\npanic: cut\n"
	if b.String() != want {
		t.Errorf("shown:\n%s\nwant:\n%s", b.String(), want)
	}
	b.Reset()
	summarize(&b, tests)
	if got := b.String(); !strings.Contains(got, "of 2 tests") || strings.Index(got, "TestBad") > strings.Index(got, "TestGood") {
		t.Errorf("summary:\n%s", got)
	}
}

func TestCoverageOfSeveralBinariesIsPutTogether(t *testing.T) {
	const profile = `mode: set
m/a/x.go:1.2,3.4 2 0
m/a/x.go:5.2,6.4 1 1
m/b/y.go:1.2,3.4 4 0
mode: set
m/a/x.go:1.2,3.4 2 1
m/a/x.go:5.2,6.4 1 0
`
	got, err := byPackage(strings.NewReader(profile))
	if err != nil || got["m/a"] != (statements{3, 3}) || got["m/b"] != (statements{4, 0}) || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := byPackage(strings.NewReader("m/a/x.go:1.2,3.4 two 0\n")); err == nil {
		t.Error("a broken profile is taken")
	}
}
