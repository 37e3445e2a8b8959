-- The places of what must count and does not yet, for the registry.
INSERT INTO sale_keys (vendor, object, kind, sale_key, source_hour, version)
{{template "remap.sql" .}}
SELECT {{.Vendor}}, unit, place.1, if(family = '', place.2, ''), place.3, {{.Version}}
FROM changed
ARRAY JOIN if(empty(contents), [('', '', toUInt32(0))], arrayMap(one -> (one.1::String, one.2, one.15), contents)) AS place
