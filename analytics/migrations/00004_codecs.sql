-- +goose Up

-- Amounts are whole cents and most vendors state whole seconds: what all values of a block have in common is taken out
-- first. What is stored already gets its new form as parts merge.
ALTER TABLE sales
    MODIFY COLUMN amount CODEC(GCD, T64('bit'), ZSTD(1)),
    MODIFY COLUMN occurred_at CODEC(GCD, T64, ZSTD(1)),
    MODIFY COLUMN currency CODEC(ZSTD(1));
