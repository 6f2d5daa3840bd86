# SPDX-License-Identifier: Apache-2.0
"""The queries that bench/compare runs, each with the exact twins in SQL, and the check of an answer.

In: rows as an engine gives them. Out: None where they are right, else what is wrong. Each peer has one or several ways
of writing a query that give KQL's answer exactly; bench/compare measures the fastest right one. A column `has` a term
where no letter or digit stands beside it, so the SQL twin is a regular expression, with and without a search for the
bare text in front; a plain LIKE would answer wrongly.
"""
import datetime
import json

from archive import COLUMNS, NOW, TABLE, TICKS

COMPANY, PRODUCT, COMMAND = "ProcessVersionInfoCompanyName", "ProcessVersionInfoProductName", "ProcessCommandLine"
ENCODED = r"(?i)-e(nc|ncodedcommand)?\s+[A-Za-z0-9+/=]{40,}"
ENCODED_IN_SQL = ENCODED.replace("{", "{{").replace("}", "}}")  # the SQL below goes through str.format
SEED_RULE = "rules/hunting/rmm_DistantDesktop_createproc.yaml"
SEED_COLUMNS = ["Timestamp", "DeviceId", "DeviceName", COMPANY, PRODUCT, "ReportId"]
START = "2026-05-27T00:00:00"  # five days before NOW
END = NOW[:-1]


def has(term):
    return f"(?i)(^|[^a-z0-9]){term.lower()}([^a-z0-9]|$)"


def seed_sql(window, company, product, reports, source="{source}"):
    return (f"SELECT DeviceId, DeviceName, min(Timestamp), max(Timestamp), {reports}, count(*) FROM {source} "
            f"WHERE {window} AND {company} AND {product} GROUP BY DeviceId, DeviceName")


def duckdb_seed():
    window = f"Timestamp BETWEEN TIMESTAMP '{START}' AND TIMESTAMP '{END}'"
    regex = [f"regexp_matches({column}, '{has(term)}')"
             for column, term in ((COMPANY, "Distant Software"), (PRODUCT, "Distant Desktop"))]
    search = [f"(contains(lower({column}), '{term}') AND {match})" for column, term, match in
              ((COMPANY, "distant software", regex[0]), (PRODUCT, "distant desktop", regex[1]))]
    return {"regex": seed_sql(window, *regex, "list(DISTINCT ReportId)"),
            "contains, regex": seed_sql(window, *search, "list(DISTINCT ReportId)")}


def clickhouse_seed():
    window = f"Timestamp BETWEEN toDateTime64('{START}', 7, 'UTC') AND toDateTime64('{END}', 7, 'UTC')"
    regex = [f"match({column}, '{has(term)}')"
             for column, term in ((COMPANY, "Distant Software"), (PRODUCT, "Distant Desktop"))]
    search = [f"(positionCaseInsensitive({column}, '{term}') > 0 AND {match})" for column, term, match in
              ((COMPANY, "distant software", regex[0]), (PRODUCT, "distant desktop", regex[1]))]
    # Whole lines first: only those with the needle, or with an escape that may hide it, are parsed.
    field = "JSONExtractString(line, 'properties', '{}') AS {}".format
    lines = ("(SELECT " + ", ".join(field(name, name) for name in SEED_COLUMNS[1:5]) +
             ", parseDateTime64BestEffort(JSONExtractString(line, 'properties', 'Timestamp'), 7, 'UTC') AS Timestamp, "
             "JSONExtractInt(line, 'properties', 'ReportId') AS ReportId FROM {lines} "
             "WHERE positionCaseInsensitive(line, 'distant software') > 0 OR position(line, '\\\\u00') > 0)")
    reports = "groupUniqArray(ReportId)"
    return {"match": seed_sql(window, *regex, reports), "position, match": seed_sql(window, *search, reports),
            "raw lines": seed_sql(window, *regex, reports, lines)}


def clickhouse_text(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


LAST_ROWS = ("SELECT {columns} FROM {source} WHERE (DeviceId, Timestamp) IN "
             "(SELECT {key} FROM {keys} GROUP BY DeviceId)")
TOP = "SELECT FileName, count(*) AS n, {distinct} FROM {source} GROUP BY FileName ORDER BY n DESC LIMIT 10"
STEPS = ("SELECT FileName, CAST(sum(k) AS BIGINT) AS n, count(*) FROM (SELECT FileName, DeviceId, count(*) AS k FROM {source} "
         "GROUP BY FileName, DeviceId) GROUP BY FileName ORDER BY n DESC LIMIT 10")

def polars_seed(pl, source):
    start, end = (pl.lit(datetime.datetime.fromisoformat(text)).cast(pl.Datetime("ns")) for text in (START, END))
    return (source(SEED_COLUMNS)
            .filter(pl.col(COMPANY).str.contains(has("Distant Software")), pl.col(PRODUCT).str.contains(has("Distant Desktop")))
            .filter(pl.col("Timestamp").is_between(start, end))
            .group_by("DeviceId", "DeviceName")
            .agg(pl.col("Timestamp").min().alias("FirstSeen"), pl.col("Timestamp").max().alias("LastSeen"),
                 pl.col("ReportId").unique().alias("Report"), pl.len().cast(pl.Int64).alias("Count")))


def polars_top(pl, source):
    return (source(["FileName", "DeviceId"]).group_by("FileName", "DeviceId").agg(pl.len().alias("k"))
            .group_by("FileName").agg(pl.col("k").sum().cast(pl.Int64).alias("count_"),
                                      pl.len().cast(pl.Int64).alias("dcount_DeviceId"))
            .sort("count_", descending=True).head(10))


def polars_regex(pl, source):
    return source(["Timestamp", "DeviceName", COMMAND]).filter(pl.col(COMMAND).str.contains(ENCODED))


def polars_last(pl, source):
    newest = source(["DeviceId", "Timestamp"]).group_by("DeviceId").agg(pl.col("Timestamp").max())
    return source(list(COLUMNS)).join(newest, on=["DeviceId", "Timestamp"], how="semi")


# name -> what it asks, its KQL (None: the seed rule), the columns a reader needs, the columns of the answer, and the
# ways of each peer: SQL, or for Polars a function of the module and of a reader of columns. {source} is a FROM item with those columns, {keys} one with DeviceId and Timestamp alone, {lines}
# the raw lines of the file (such a way exists for NDJSON only).
QUERIES = {
    "Q1": {"title": "the seed rule", "kql": None, "reads": SEED_COLUMNS,
           "gives": ["DeviceId", "DeviceName", "FirstSeen", "LastSeen", "Report", "Count"],
           "duckdb": duckdb_seed(), "clickhouse": clickhouse_seed(),
           "polars": {"regex": polars_seed, "raw lines": polars_seed}},
    "Q2": {"title": "the ten most frequent programs and their machines",
           "kql": f"{TABLE} | summarize count(), dcount(DeviceId) by FileName | top 10 by count_",
           "reads": ["FileName", "DeviceId"], "gives": ["FileName", "count_", "dcount_DeviceId"],
           "duckdb": {"count distinct": TOP.replace("{distinct}", "count(DISTINCT DeviceId)"),
                      "two steps": STEPS},
           "clickhouse": {"uniqExact": TOP.replace("{distinct}", "uniqExact(DeviceId)"),
                          "two steps": STEPS},
           "polars": {"two steps": polars_top}},
    "Q3": {"title": "encoded commands by regular expression",
           "kql": f"{TABLE} | where {COMMAND} matches regex @'{ENCODED}' | project Timestamp, DeviceName, {COMMAND}",
           "reads": ["Timestamp", "DeviceName", COMMAND], "gives": ["Timestamp", "DeviceName", COMMAND],
           "duckdb": {"regex": f"SELECT Timestamp, DeviceName, {COMMAND} FROM {{source}} WHERE "
                               f"regexp_matches({COMMAND}, '{ENCODED_IN_SQL}')"},
           "clickhouse": {"match": f"SELECT Timestamp, DeviceName, {COMMAND} FROM {{source}} WHERE "
                                   f"match({COMMAND}, {clickhouse_text(ENCODED_IN_SQL)})"},
           "polars": {"regex": polars_regex}},
    "Q4": {"title": "the last row of each machine, all columns",
           "kql": f"{TABLE} | summarize arg_max(Timestamp, *) by DeviceId",
           "reads": list(COLUMNS), "gives": ["DeviceId"] + [name for name in COLUMNS if name != "DeviceId"],
           "duckdb": {"semi join": LAST_ROWS.replace("{key}", "(DeviceId, max(Timestamp))"),
                      "arg_max": "SELECT {row} FROM (SELECT arg_max(t, Timestamp) AS r FROM {source} t GROUP BY DeviceId)"},
           "clickhouse": {"semi join": LAST_ROWS.replace("{key}", "DeviceId, max(Timestamp)"),
                          "limit by": "SELECT {columns} FROM {source} ORDER BY Timestamp DESC LIMIT 1 BY DeviceId"},
           "polars": {"semi join": polars_last}},
}


def ticks(value):
    """Ticks since 1970 of a datetime as text, T or a space in the middle, Z or not, any number of decimals."""
    base, _, fraction = value.replace(" ", "T").rstrip("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(base).replace(tzinfo=datetime.timezone.utc).timestamp()
    return int(seconds) * TICKS + int((fraction + "0000000")[:7])


def number_list(value):
    return sorted(int(item) for item in (json.loads(value) if isinstance(value, str) else value))


def whole_row(values):
    """One row of Q4 with one spelling of each value; a string is never null in KQL."""
    result = []
    for (name, kind), value in zip(COLUMNS.items(), values):
        if kind == "datetime":
            result.append(ticks(value))
        elif name == "AdditionalFields":  # dynamic for kqlc, the same JSON as text for the others
            result.append(value if not isinstance(value, str) else json.loads(value or "null"))
        elif kind == "string":
            result.append(value or "")
        else:
            result.append(None if value is None else bool(value) if kind == "bool" else int(value))
    return result


def canonical(query, rows):
    """Rows of an engine, columns in the order of `gives`, as the answers are kept: sorted, datetimes as ticks."""
    if query == "Q1":
        return sorted([row[0], row[1], ticks(row[2]), ticks(row[3]), number_list(row[4]), int(row[5])] for row in rows)
    if query == "Q2":
        return sorted(([row[0], int(row[1]), int(row[2])] for row in rows), key=lambda row: (-row[1], row[0]))
    if query == "Q3":
        return sorted([ticks(row[0]), row[1], row[2]] for row in rows)
    places = [QUERIES["Q4"]["gives"].index(name) for name in COLUMNS]
    return sorted((whole_row([row[place] for place in places]) for row in rows), key=lambda row: row[1])


def difference(query, rows, answer):
    """None where `rows` are the right answer, else a sentence with an example."""
    got = canonical(query, rows)
    want = [[*row] for row in answer]
    if query == "Q4":
        want = sorted((whole_row([row[name] for name in COLUMNS]) for row in answer), key=lambda row: row[1])
    if query == "Q2":  # any of the rows that tie for the last places will do
        if len(got) == min(10, len(want)) and [row[1] for row in got] == [row[1] for row in want[:10]]:
            want = [row for row in want if row in got]
    if got == want:
        return None
    extra = [row for row in got if row not in want]
    missing = [row for row in want if row not in got]
    example = str((extra or missing or got)[0])[:200]
    return f"{len(got)} rows for {len(want)}, {len(missing)} missing or different, {len(extra)} too many; for example {example}"
