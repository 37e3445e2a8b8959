-- +goose Up

DROP TABLE IF EXISTS sales_rollup SYNC;
