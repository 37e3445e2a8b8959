CREATE OR REPLACE VIEW sales_per_month_converted
(
    zone     LowCardinality(String) COMMENT 'Reporting time zone: filter by exactly one.',
    month    Date COMMENT 'First day of the month in the zone; 1970-01-01 for undated.',
    undated  Bool COMMENT 'true for sales whose vendor states no time: they belong to no month.',
    vendor   LowCardinality(String) COMMENT 'Third party, as vendors.yaml names it.',
    currency LowCardinality(String) COMMENT 'Currency that the amounts were converted to, one that exchange_rates has as target: filter by exactly one.',
    gross    Nullable(Decimal(38, 4)) COMMENT 'Sum of sales, each day at the rate of that day, rounded to 4 decimals a day; NULL where a rate is missing.',
    refunds  Nullable(Decimal(38, 4)) COMMENT 'The same for refunds, positive.',
    net      Nullable(Decimal(38, 4)) COMMENT 'gross - refunds.',
    missing  Array(String) COMMENT 'Currencies without a rate on a day with sales or refunds.'
)
{{definer}}
AS SELECT
    zone, toStartOfMonth(day) AS month, undated, vendor, target AS currency,
    if(empty(missing), sum(round(daily.gross * rate, 4))::Decimal(38, 4), NULL) AS gross,
    if(empty(missing), sum(round(daily.refunds * rate, 4))::Decimal(38, 4), NULL) AS refunds,
    gross - refunds AS net,
    arraySort(groupUniqArrayIf(toString(original), rate = 0)) AS missing
FROM
(
    SELECT
        sales.zone AS zone, sales.day AS day, sales.undated AS undated, sales.vendor AS vendor, sales.currency AS original,
        sales.gross AS gross, sales.refunds AS refunds, sales.target AS target,
        -- Undated sales have no day to take a rate of.
        multiIf(original = target, toDecimal128(1, 12), undated, toDecimal128(0, 12), rates.rate) AS rate
    FROM (SELECT * FROM sales_daily CROSS JOIN (SELECT DISTINCT target FROM exchange_rates) AS targets) AS sales
    ASOF LEFT JOIN (SELECT currency, target, day AS since, rate FROM exchange_rates FINAL) AS rates
        ON rates.currency = sales.currency AND rates.target = sales.target AND rates.since <= sales.day
) AS daily
GROUP BY zone, month, undated, vendor, target
COMMENT 'Sales per month and vendor in one currency, by the rates that you load into exchange_rates.'
