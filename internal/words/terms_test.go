package words

import (
	"regexp"
	"strings"
	"testing"
)

// terms are what one thing is called in each language, as the beginning of a word, by what it is called in English. Receipts and notices
// are for the people themselves, who get other words.
var terms = map[string]map[string]string{
	`legal hold`:             {"sv": `juridisk`, "da": `slettestop`, "nb": `slettestopp`, "fi": `poistokiel`, "de": `Löschsperre`},
	`purge date`:             {"sv": `gallringsdatum`, "da": `slettedato`, "nb": `slettedato`, "fi": `poistopäiv`, "de": `Löschdat`},
	`\bthe ledger|ledger of`: {"sv": `liggare`, "da": `journal`, "nb": `journal`, "fi": `\blok`, "de": `Journal`},
	`guard rail`:             {"sv": `skyddsräck`, "da": `sikkerhedsgrænse`, "nb": `sikkerhetsgrense`, "fi": `turvaraj`, "de": `Sicherheitsgrenze`},
	`whole notice`:           {"sv": `varseltid`, "da": `varsl`, "nb": `varsel`, "fi": `ilmoitusa`, "de": `Ankündigungsfrist`},
	`anonymi[sz]ed`:          {"sv": `anonymis`, "da": `anonymis`, "nb": `anonymis`, "fi": `anonymis`, "de": `anonymis`},
	`audit history`:          {"sv": `granskning`, "da": `overvågningshistorik`, "nb": `overvåkingslogg`, "fi": `valvontahistoria`, "de": `Überwachungsverlauf`},
	`\bown period`:           {"sv": `frist`, "da": `frist`, "nb": `frist`, "fi": `säilytysai|säilytysaja`, "de": `Frist`},
	`period counts from`:     {"sv": `frist`, "da": `frist`, "nb": `frist`, "fi": `säilytysaika`, "de": `Frist`},
	`\bthe policy\b`:         {"sv": `policy`, "da": `politik`, "nb": `policy`, "fi": `käytän|sääntö`, "de": `Löschregel`},
}

// One thing has one name in each language, whichever page says it.
func TestOneNameForOneThing(t *testing.T) {
	found := map[string]int{}
	for subject, languages := range read() {
		if subject == "receipt" || subject == "privacy" || subject == "ask" {
			continue
		}
		for key, text := range languages[source].texts {
			for english, names := range terms {
				if !regexp.MustCompile(`(?i)` + english).MatchString(text) {
					continue
				}
				found[english]++
				for lang, name := range names {
					if said, ok := languages[lang].texts[key]; ok && !regexp.MustCompile(`(?i)`+name).MatchString(said) {
						t.Errorf("%s.%s: %s calls it something else than %s: %s", subject, lang, key, strings.TrimPrefix(name, `\b`), said)
					}
				}
			}
		}
	}
	for english := range terms {
		if found[english] < 3 {
			t.Errorf("%q stands in %d texts only", english, found[english])
		}
	}
}

// misleading are words that say something else to a native reader than what is meant, and those of which another is the term.
var misleading = map[string]string{
	"sv": `(?i)flytta\w* framåt|doktor|följdriktig|\bsandbox|insticksprogram|schemalagd|ändringshistorik|Går i morgon`,
	"da": `(?i)flytte\w* frem|\blæge|sandkasse|ændringshistorik|genskab|bedømme|konsistent|“`,
	"nb": `(?i)flytte\w* frem|\blegen\b|sandkasse|endringshistorikk|revisjonslogg|bedømme|konsistent|\bHøyst antall`,
	"fi": `(?i)lääkäri|hiekkalaatik|muutoshistoria|ei oikeuta ketään|lisäosi|kuuluu poistetu|ajoitett`,
	"de": `(?i)doktor|\bsandbox|Änderungsverlauf|Geht morgen|angesetzt|Löschkonzept|in Gang\b|geleert von|letzten? Blick`,
}

// No text says something else than is meant. What customers get has words of its own, and Microsoft's names stand as they are.
func TestNothingMisleads(t *testing.T) {
	for subject, languages := range read() {
		if subject == "receipt" || subject == "privacy" {
			continue
		}
		for lang, wrong := range misleading {
			wrong := regexp.MustCompile(wrong)
			for key, text := range languages[lang].texts {
				if subject == "report" && key == "place.purview-audit" {
					continue
				}
				if said := wrong.FindString(text); said != "" {
					t.Errorf("%s.%s: %s says %q: %s", subject, lang, key, said, text)
				}
			}
		}
	}
}
