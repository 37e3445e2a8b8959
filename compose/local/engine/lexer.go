package engine

import "strings"

// lexer splits a statement into tokens, as far as it takes to tell keywords from what stands in strings,
// quoted names and comments (https://clickhouse.com/docs/sql-reference/syntax).
type lexer struct {
	text string
	at   int
}

type tokenKind int

const (
	tokenEnd         tokenKind = iota
	tokenWord                  // keyword, bare name or number
	tokenQuoted                // quoted name
	tokenString                // string literal or heredoc
	tokenPunctuation           // any other byte
)

type token struct {
	kind       tokenKind
	text       string
	start, end int
}

// is says whether the token is the keyword word, which is written in upper case.
func (t token) is(word string) bool { return t.kind == tokenWord && strings.EqualFold(t.text, word) }

// next returns the next token. An unterminated string or comment reaches to the end of the text.
func (l *lexer) next() token {
	l.skipBlank()
	start := l.at
	if start >= len(l.text) {
		return token{kind: tokenEnd, start: start, end: start}
	}
	kind := tokenPunctuation
	switch c := l.text[start]; {
	case isWordByte(c):
		kind = tokenWord
		for l.at < len(l.text) && isWordByte(l.text[l.at]) {
			l.at++
		}
	case c == '\'':
		kind = tokenString
		l.skipQuoted(c)
	case c == '`' || c == '"':
		kind = tokenQuoted
		l.skipQuoted(c)
	case c == '$':
		kind = l.skipHeredoc()
	default:
		l.at++
	}
	return token{kind: kind, text: l.text[start:l.at], start: start, end: l.at}
}

func (l *lexer) skipBlank() {
	for l.at < len(l.text) {
		rest := l.text[l.at:]
		switch {
		case strings.IndexByte(" \t\n\r\f\v", rest[0]) >= 0:
			l.at++
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "#!"), strings.HasPrefix(rest, "# "):
			l.skipPast("\n")
		case strings.HasPrefix(rest, "/*"):
			l.at += 2
			l.skipPast("*/")
		default:
			return
		}
	}
}

// skipPast moves behind the next mark, or to the end.
func (l *lexer) skipPast(mark string) {
	if i := strings.Index(l.text[l.at:], mark); i >= 0 {
		l.at += i + len(mark)
		return
	}
	l.at = len(l.text)
}

// skipQuoted moves behind a quoted text, in which a backslash escapes and a doubled quote is a quote.
func (l *lexer) skipQuoted(quote byte) {
	for l.at++; l.at < len(l.text); l.at++ {
		switch l.text[l.at] {
		case '\\':
			l.at++
		case quote:
			l.at++
			if l.at >= len(l.text) || l.text[l.at] != quote {
				return
			}
		}
	}
	l.at = len(l.text)
}

// skipHeredoc moves behind $tag$ … $tag$, or behind a lone dollar.
func (l *lexer) skipHeredoc() tokenKind {
	end := l.at + 1
	for end < len(l.text) && isWordByte(l.text[end]) {
		end++
	}
	if end >= len(l.text) || l.text[end] != '$' {
		l.at++
		return tokenPunctuation
	}
	tag := l.text[l.at : end+1]
	l.at = end + 1
	l.skipPast(tag)
	return tokenString
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
