package ingest

import "time"

var StatusOf = statusOf

var NewListener = newListener

func (l *listener) Look(now time.Time) { l.look(now) }
