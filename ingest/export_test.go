package ingest

var StatusOf = statusOf
