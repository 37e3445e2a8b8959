-- +goose Up

ALTER TABLE events
    MODIFY COMMENT 'Every verified event, each once, with its payload. Query it with FINAL, or through the view current_events; event_journal has the whole life of one.';

ALTER TABLE rejections
    COMMENT COLUMN reason 'Why they were refused, such as signature_mismatch, timestamp_outside_window or body_too_large: the reason in the answer.';
