package preview

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// nasty are names that break a page or a query which is careless with them.
var nasty = []string{
	`O'Brien & Sons`, `'; DROP TABLE sales --`, `back\slash\`, `\' OR 1=1 --`, `"quoted"`, "`tick`",
	`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `100% €uro 🦊 café`, `a,b;c|d`, `{a,b}`, `$__fromTime`,
	`${currency:raw}`, `v=1&v=2`, `*`, `null`, "line\nbreak", `  spaced  `, `日本語株式会社`, strings.Repeat("x", 200), `../../etc`,
	`=1+1`, `__proto__`, `%27%20OR%201`,
}

func TestInterpolate(t *testing.T) {
	choices := Choices{
		"one":  {Values: []string{"EUR"}, Texts: []string{"Euro"}},
		"many": {Values: []string{"a b", "c'd"}, Texts: []string{"A", "C"}, Multi: true},
		"solo": {Values: []string{"a"}, Texts: []string{"A"}, Multi: true},
		"all":  {Values: []string{"a", "b"}, Texts: []string{"A", "B"}, Multi: true, All: true},
		"star": {Values: []string{"a", "b"}, Multi: true, All: true, AllValue: "*"},
		"none": {Multi: true},
	}
	for in, want := range map[string]string{
		"no variables, 5 $ and ${ }":                 "no variables, 5 $ and ${ }",
		"$unknown ${unknown} [[unknown]]":            "$unknown ${unknown} [[unknown]]",
		"$one ${one} [[one]] ${one:glob}":            "EUR EUR EUR EUR",
		"${one:text}, ${many:text}, ${all:text}":     "Euro, A + C, All",
		"${many}":                                    "{a b,c'd}",
		"${one:percentencode} ${many:percentencode}": "EUR %7Ba%20b%2Cc%27d%7D",
		"${solo:percentencode}":                      "%7Ba%7D",
		"${one:queryparam}&${many:queryparam}":       "var-one=EUR&var-many=a%20b&var-many=c%27d",
		"${all:queryparam}":                          "var-all=%24__all",
		"${many:customqueryparam:v}":                 "v=a%20b&v=c%27d",
		"${many:customqueryparam:p-x:y-}":            "p-x=y-a%20b&p-x=y-c%27d",
		"${many:customqueryparam}":                   "many=a%20b&many=c%27d",
		"${all:customqueryparam:v}":                  "v=a&v=b",
		"${star:customqueryparam:v} ${star}":         "* *",
		"'${none:customqueryparam:v}'":               "''",
	} {
		got, err := choices.Interpolate(in)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", in, got, err, want)
		}
	}
	if got, err := choices.Interpolate("${one:sqlstring}"); err == nil {
		t.Errorf("an unknown format gave %q", got)
	}
}

func TestChoicesAreNotLookedAtAgain(t *testing.T) {
	choices := Choices{"a": {Values: []string{"$b ${b}"}}, "b": {Values: []string{"secret"}}}
	if got, _ := choices.Interpolate("$a"); got != "$b ${b}" {
		t.Errorf("a value was taken for a reference: %s", got)
	}
}

// What reaches SQL between quotes must not end them, escape them or hold a macro.
func FuzzEncodedChoicesAreHarmless(f *testing.F) {
	for _, name := range nasty {
		f.Add(name, "other")
	}
	harmless := regexp.MustCompile(`^v=[A-Za-z0-9._~%-]*&v=[A-Za-z0-9._~%-]*$`)
	f.Fuzz(func(t *testing.T, first, second string) {
		choices := Choices{"vendor": {Values: []string{first, second}, Multi: true}}
		got, err := choices.Interpolate("${vendor:customqueryparam:v}")
		if err != nil || !harmless.MatchString(got) {
			t.Fatalf("%q, %q became %s, %v", first, second, got, err)
		}
		back, err := url.ParseQuery(got)
		if err != nil || len(back["v"]) != 2 || back["v"][0] != first || back["v"][1] != second {
			t.Fatalf("%q, %q became %s and came back as %q, %v", first, second, got, back["v"], err)
		}
	})
}
