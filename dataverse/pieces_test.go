package dataverse

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What is done for each part of a batch is done by hand. These tests hold it against the standard library.

func TestHeadersAreReadAsTextprotoDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		for range rapid.IntRange(0, 4).Draw(t, "lines") {
			text.WriteString(rapid.OneOf(rapid.SampledFrom([]string{"Content-ID", "content-type", "OData-EntityId", "ODATA-VERSION", "Preference-Applied", "X-a-B"}), rapid.StringMatching(`[A-Za-z0-9 _\t-]{0,6}`)).Draw(t, "name"))
			text.WriteString(rapid.SampledFrom([]string{": ", ":", ":  ", " : ", ""}).Draw(t, "colon"))
			text.WriteString(rapid.OneOf(rapid.SampledFrom([]string{"7", "application/json; odata.metadata=minimal", "a:b "}), rapid.StringMatching(`[ -~\t\x00ä]{0,8}`)).Draw(t, "value"))
			text.WriteString(rapid.SampledFrom([]string{"\r\n", "\r\n", "\r\n", "\n", "\r\n "}).Draw(t, "end"))
		}
		text.WriteString(rapid.SampledFrom([]string{"\r\n", "\r\n", "", "\n"}).Draw(t, "end of all"))
		text.WriteString(rapid.StringMatching(`[a-z\r\n]{0,5}`).Draw(t, "body"))
		header, rest, plain := plainHeader([]byte(text.String()))
		if !plain {
			return
		}
		in := newHead([]byte(text.String()))
		want, err := in.ReadMIMEHeader()
		if err != nil {
			t.Fatalf("%q is read as %v, and is wrong: %v", text.String(), header, err)
		}
		if d := cmp.Diff(want, header); d != "" || !bytes.Equal(rest, in.rest()) {
			t.Fatalf("%q (-want +got)\n%s\nrest %q, want %q", text.String(), d, rest, in.rest())
		}
	})
}

func TestUsualHeadersNeedNoReader(t *testing.T) {
	for _, text := range []string{
		"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 12\r\n\r\nHTTP/1.1 204 No Content\r\n",
		"OData-EntityId: https://org.crm.dynamics.com/api/data/v9.2/contacts(3f2c)\r\nOData-Version: 4.0\r\n\r\n",
	} {
		header, _, plain := plainHeader([]byte(text))
		want, err := textproto.NewReader(bufio.NewReader(strings.NewReader(text))).ReadMIMEHeader()
		if d := cmp.Diff(want, header); !plain || err != nil || d != "" {
			t.Errorf("plain %v, %v\n%s", plain, err, d)
		}
	}
}

func TestPagesAreReadAsEncodingJSONDoes(t *testing.T) {
	text := rapid.OneOf(rapid.SampledFrom([]string{`"a"`, `""`, `"ü\u00e4\n\"\\"`, `"\ud800"`, "\"\xff\"", `null`, `true`, `false`, `0`, `-1.50`, `1e3`, `12345678901234567890`, `[]`, `{}`, `[1,"x",null,{"a":[2]}]`, `{"name":"x","name":"y"}`, `nul`, `01`, `{"a"}`}),
		rapid.StringMatching(`"[a-z\\u{}0-9]{0,6}"`))
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		b.WriteString(rapid.SampledFrom([]string{`{"@odata.context":"c","value":[`, `{ "value" : [`, `{"@odata.nextLink":"https://x","value":[`, `{"@Microsoft.Dynamics.CRM.morerecords":true,"value":[`}).Draw(t, "head"))
		for i := range rapid.IntRange(0, 3).Draw(t, "rows") {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(`{"@odata.etag":"W/\"1\""`)
			for range rapid.IntRange(0, 3).Draw(t, "columns") {
				b.WriteString("," + rapid.SampledFrom([]string{`"name"`, `"_ownerid_value"`, `"n\u0061me"`, `""`}).Draw(t, "column") + ":" + text.Draw(t, "value"))
			}
			b.WriteString("}")
		}
		b.WriteString(rapid.SampledFrom([]string{`]}`, `]}`, `]`, `,null]}`, `,7]}`}).Draw(t, "tail"))
		var want struct {
			Value []Row  `json:"value"`
			Next  string `json:"@odata.nextLink"`
			More  bool   `json:"@Microsoft.Dynamics.CRM.morerecords"`
		}
		d := json.NewDecoder(strings.NewReader(b.String()))
		d.UseNumber()
		wrong := d.Decode(&want)
		got, err := ReadPage([]byte(b.String()))
		if (err != nil) != (wrong != nil) {
			t.Fatalf("%s: %v, and encoding/json says %v", b.String(), err, wrong)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(want.Value, got.Rows); diff != "" || got.More != (want.Next != "" || want.More) {
			t.Fatalf("%s: more %v (-want +got)\n%s", b.String(), got.More, diff)
		}
	})
	for _, text := range []string{`{}`, `[]`, `{"value":null}`, `{"value":{}}`, `{"value":[1]}`, `{"value":[],"@odata.nextLink":1}`, ``, `null`} {
		if _, err := ReadPage([]byte(text)); err == nil {
			t.Errorf("%s is no page", text)
		}
	}
}

func TestAddressesOfPartsAreThoseOfRequests(t *testing.T) {
	c, err := New(Options{URL: "https://org.crm.dynamics.com", Credential: staticToken("t")})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.OneOf(rapid.SampledFrom([]string{"contacts", "contacts(3f2c9c1e-0000-4000-8000-000000000001)", "contacts(3f2c)/parentcustomerid_account/$ref", "/leads", "a/../b", "a//b", "accounts(name='O%27Neil')", "x;y", "$1/x", "$batch", "contacts(a=1,b='ü')"}), rapid.StringMatching(`[a-z(/.%$' =;\\]{1,6}`)).Draw(t, "path")
		if rapid.Bool().Draw(t, "asks") {
			path += "?" + rapid.OneOf(rapid.SampledFrom([]string{"", "$select=a,b&$filter=a%20eq%201", "$filter=name eq 'ü#?'", "a=%zz", "x=\"\\^`{|}<>"}), rapid.StringMatching(`[ -~]{0,8}`)).Draw(t, "query")
		}
		got, failed := c.partTarget(path)
		u, err := c.address(path)
		if strings.HasPrefix(path, "$1") {
			return
		}
		if (failed != nil) != (err != nil) || err == nil && got != u.RequestURI() {
			t.Fatalf("%q: %q %v, and a request goes to %v %v", path, got, failed, u, err)
		}
	})
}

func TestValuesAreEscapedAsNetURLDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.StringMatching(`[\x00-\xff]{0,8}`)).Draw(t, "value")
		if got, want := string(AppendEscaped(nil, value)), strings.ReplaceAll(url.QueryEscape(value), "+", "%20"); got != want {
			t.Fatalf("%q becomes %q, want %q", value, got, want)
		}
	})
}
