package engine

import "strings"

// statement is what must be known of a statement before the engine sees it.
type statement struct {
	text   string // up to where the data of an INSERT begins
	insert string // format of the data that follows; empty unless the statement is an INSERT with data
	head   string // of such an INSERT, the text before its FORMAT or VALUES
	data   int    // where the data begins, an offset into the text that was parsed
	format string // format of the rows that the statement names, if any
}

// parseStatement finds the data of an INSERT and the FORMAT of a result. Data cannot be left to the engine: it
// looks for the end of a statement in it, and takes a blank line for one.
//
// This is no parser of SQL: a statement that it cannot follow goes to the engine as it is, which says what is
// wrong with it.
func parseStatement(text string) statement {
	s := statement{text: text}
	lex := lexer{text: text}
	first := lex.next()
	if !first.is("INSERT") {
		s.format = outputFormat(lex)
		return s
	}
	t := lex.next()
	if t.is("INTO") {
		t = lex.next()
	}
	if t.is("TABLE") || t.is("FUNCTION") {
		t = lex.next()
	}
	for t.kind == tokenWord || t.kind == tokenQuoted { // the name, in one or more parts
		if t = lex.next(); t.kind != tokenPunctuation || t.text != "." {
			break
		}
		t = lex.next()
	}
	for depth := 0; t.kind != tokenEnd; t = lex.next() {
		switch {
		case t.text == "(":
			depth++
		case t.text == ")":
			depth--
		case t.is("SELECT") || t.is("WITH") || t.is("WATCH") || t.is("INFILE"):
			return s
		case depth > 0:
		case t.is("VALUES"):
			s.insert, s.head, s.data = "Values", text[:t.start], t.end
			s.text = text[:s.data]
			return s
		case t.is("FORMAT"):
			name := lex.next()
			if name.kind != tokenWord {
				return s
			}
			s.insert, s.head, s.data = name.text, text[:t.start], skipLine(text, name.end)
			s.text = text[:s.data]
			return s
		}
	}
	return s
}

// empty says whether there is nothing but blanks and comments.
func (s *statement) empty() bool { return (&lexer{text: s.text}).next().kind == tokenEnd }

// skipLine returns where data begins that follows a format's name: after blanks and at most one line end.
func skipLine(text string, at int) int {
	for at < len(text) && strings.IndexByte(" \t\f\r", text[at]) >= 0 {
		at++
	}
	if at < len(text) && text[at] == '\n' {
		at++
	}
	return at
}

// outputFormat returns the name in the FORMAT clause that ends the statement, or "".
func outputFormat(lex lexer) string {
	var format string
	for t := lex.next(); t.kind != tokenEnd; t = lex.next() {
		switch {
		case t.is("FORMAT"):
			after := lex
			if name := after.next(); name.kind == tokenWord {
				format, lex = name.text, after
				continue
			}
			format = ""
		case t.is("SETTINGS") && format != "":
			return format
		case t.text != ";":
			format = ""
		}
	}
	return format
}
