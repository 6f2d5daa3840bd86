# SPDX-License-Identifier: Apache-2.0
"""The queries that bench/compare runs, each with the exact twins in SQL, and the check of an answer.

In: rows as an engine gives them. Out: None where they are right, else what is wrong. Each peer has one or several ways
of writing a query that give KQL's answer exactly; bench/compare measures the fastest right one. A column `has` a term
where no letter or digit stands beside it, so the SQL twin is a regular expression, with and without a search for the
bare text in front; a plain LIKE would answer wrongly. The twins of the pack of rules (Q6) are in pack_twins.py.
"""
import datetime
import json

import pack
import pack_twins
from pack import COMMAND, COMPANY, PRODUCT
from pack_twins import clickhouse_field, clickhouse_text, matches
from tables import COLUMNS, NETWORK, NOW, PROCESS, TICKS, whole_row

ENCODED = r"(?i)-e(nc|ncodedcommand)?\s+[A-Za-z0-9+/=]{40,}"
ENCODED_IN_SQL = ENCODED.replace("{", "{{").replace("}", "}}")  # the SQL below goes through str.format
SEED_RULE = "rules/hunting/rmm_DistantDesktop_createproc.yaml"
SEED_COLUMNS = ["Timestamp", "DeviceId", "DeviceName", COMPANY, PRODUCT, "ReportId"]
START = "2026-05-27T00:00:00"  # five days before NOW
END = NOW[:-1]


def seed_sql(window, company, product, reports, source="{source}"):
    return [f"SELECT DeviceId, DeviceName, min(Timestamp), max(Timestamp), {reports}, count(*) FROM {source} "
            f"WHERE {window} AND {company} AND {product} GROUP BY DeviceId, DeviceName"]


def duckdb_seed():
    window = f"Timestamp BETWEEN TIMESTAMP '{START}' AND TIMESTAMP '{END}'"
    regex = [f"regexp_matches({column}, '{matches(term)}')"
             for column, term in ((COMPANY, "Distant Software"), (PRODUCT, "Distant Desktop"))]
    search = [f"(contains(lower({column}), '{term}') AND {match})" for column, term, match in
              ((COMPANY, "distant software", regex[0]), (PRODUCT, "distant desktop", regex[1]))]
    return {"regex": seed_sql(window, *regex, "list(DISTINCT ReportId)"),
            "contains, regex": seed_sql(window, *search, "list(DISTINCT ReportId)")}


def clickhouse_seed():
    window = f"Timestamp BETWEEN toDateTime64('{START}', 7, 'UTC') AND toDateTime64('{END}', 7, 'UTC')"
    regex = [f"match({column}, '{matches(term)}')"
             for column, term in ((COMPANY, "Distant Software"), (PRODUCT, "Distant Desktop"))]
    search = [f"(positionCaseInsensitive({column}, '{term}') > 0 AND {match})" for column, term, match in
              ((COMPANY, "distant software", regex[0]), (PRODUCT, "distant desktop", regex[1]))]
    # Whole lines first: only those with the needle, or with an escape that may hide it, are parsed.
    lines = ("(SELECT " + ", ".join(clickhouse_field(name) for name in SEED_COLUMNS[:5]) +
             ", JSONExtractInt(line, 'properties', 'ReportId') AS ReportId FROM {lines} "
             "WHERE positionCaseInsensitive(line, 'distant software') > 0 OR position(line, '\\\\u00') > 0)")
    reports = "groupUniqArray(ReportId)"
    return {"match": seed_sql(window, *regex, reports), "position, match": seed_sql(window, *search, reports),
            "raw lines": seed_sql(window, *regex, reports, lines)}


def encoded_sql(condition):
    return [f"SELECT Timestamp, DeviceName, {COMMAND} FROM {{source}} WHERE {condition}"]


LAST_ROWS = ("SELECT {columns} FROM {source} WHERE (DeviceId, Timestamp) IN "
             "(SELECT {key} FROM {keys} GROUP BY DeviceId)")
TOP = "SELECT FileName, count(*) AS n, {distinct} FROM {source} GROUP BY FileName ORDER BY n DESC LIMIT 10"
STEPS = ("SELECT FileName, CAST(sum(k) AS BIGINT) AS n, count(*) FROM (SELECT FileName, DeviceId, count(*) AS k FROM {source} "
         "GROUP BY FileName, DeviceId) GROUP BY FileName ORDER BY n DESC LIMIT 10")
DUCKDB_JOIN = ("SELECT n.RemoteUrl, count(*) FROM {source} p JOIN {network} n ON p.DeviceId = n.DeviceId AND {near} "
               "WHERE lower(p.FileName) = 'powershell.exe' GROUP BY n.RemoteUrl")
CLICKHOUSE_JOIN = ("SELECT n.RemoteUrl, count() FROM {network} AS n JOIN (SELECT DeviceId, Timestamp FROM {source} "
                   "WHERE lower(FileName) = 'powershell.exe') AS p ON p.DeviceId = n.DeviceId {near} GROUP BY n.RemoteUrl")
NEAR = "n.Timestamp >= p.Timestamp AND n.Timestamp <= p.Timestamp + INTERVAL 1 HOUR"


PAIRS = ("SELECT FileName, count(*), max(newest) FROM (SELECT FileName, DeviceId, count(*) AS n, max(Timestamp) AS newest "
         "FROM {source} GROUP BY FileName, DeviceId) WHERE n = 1 GROUP BY FileName")


def duckdb_join():
    exact = "epoch_ns(n.Timestamp) BETWEEN epoch_ns(p.Timestamp) AND epoch_ns(p.Timestamp) + 3600000000000"
    return {"interval": [DUCKDB_JOIN.replace("{near}", NEAR)], "nanoseconds": [DUCKDB_JOIN.replace("{near}", exact)]}


def polars_seed(pl, source, rules):
    start, end = (pl.lit(datetime.datetime.fromisoformat(text)).cast(pl.Datetime("ns")) for text in (START, END))
    return (source(PROCESS, SEED_COLUMNS)
            .filter(pl.col(COMPANY).str.contains(matches("Distant Software")),
                    pl.col(PRODUCT).str.contains(matches("Distant Desktop")))
            .filter(pl.col("Timestamp").is_between(start, end))
            .group_by("DeviceId", "DeviceName")
            .agg(pl.col("Timestamp").min().alias("FirstSeen"), pl.col("Timestamp").max().alias("LastSeen"),
                 pl.col("ReportId").unique().alias("Report"), pl.len().cast(pl.Int64).alias("Count")))


def polars_top(pl, source, rules):
    return (source(PROCESS, ["FileName", "DeviceId"]).group_by("FileName", "DeviceId").agg(pl.len().alias("k"))
            .group_by("FileName").agg(pl.col("k").sum().cast(pl.Int64).alias("count_"),
                                      pl.len().cast(pl.Int64).alias("dcount_DeviceId"))
            .sort("count_", descending=True).head(10))


def polars_regex(pl, source, rules):
    return source(PROCESS, ["Timestamp", "DeviceName", COMMAND]).filter(pl.col(COMMAND).str.contains(ENCODED))


def polars_last(pl, source, rules):
    newest = source(PROCESS, ["DeviceId", "Timestamp"]).group_by("DeviceId").agg(pl.col("Timestamp").max())
    return source(PROCESS, list(COLUMNS)).join(newest, on=["DeviceId", "Timestamp"], how="semi")


def polars_starts(pl, source):
    return (source(PROCESS, ["Timestamp", "DeviceId", "FileName"])
            .filter(pl.col("FileName").str.to_lowercase() == "powershell.exe").select("DeviceId", T="Timestamp"))


def polars_join(pl, source, rules):
    connections = source(NETWORK, ["Timestamp", "DeviceId", "RemoteUrl"])
    hour = pl.duration(hours=1, time_unit="ns")
    return (polars_starts(pl, source).join(connections, on="DeviceId")
            .filter(pl.col("Timestamp") >= pl.col("T"), pl.col("Timestamp") <= pl.col("T") + hour)
            .group_by("RemoteUrl").agg(pl.len().cast(pl.Int64).alias("count_")))


def polars_join_where(pl, source, rules):
    connections = source(NETWORK, ["Timestamp", "DeviceId", "RemoteUrl"])
    starts = polars_starts(pl, source).with_columns(U=pl.col("T") + pl.duration(hours=1, time_unit="ns")).rename({"DeviceId": "D"})
    return (starts.join_where(connections, pl.col("D") == pl.col("DeviceId"), pl.col("Timestamp") >= pl.col("T"),
                              pl.col("Timestamp") <= pl.col("U"))
            .group_by("RemoteUrl").agg(pl.len().cast(pl.Int64).alias("count_")))


def polars_pairs(pl, source, rules):
    return (source(PROCESS, ["Timestamp", "DeviceId", "FileName"]).group_by("FileName", "DeviceId")
            .agg(pl.len().alias("n"), pl.col("Timestamp").max()).filter(pl.col("n") == 1)
            .group_by("FileName").agg(pl.len().cast(pl.Int64).alias("Machines"), pl.col("Timestamp").max().alias("Newest")))


def kql_of_pack(rules):
    """The whole pack as one text: kqlc answers several statements with as many tables, in order."""
    return [";\n".join(rule.kql() for rule in rules)]


# name -> what it asks; its KQL, as a list or a function of the rules (None: the seed rule); the columns a reader needs
# of each table; the columns of the answer (with `rules`: after the number of the rule); and the ways of each peer: a
# list of SQL or a function of the rules that gives one, and for Polars a function of the module, a reader of columns and
# the rules. In SQL {source} is a FROM item with those columns, {keys} one with DeviceId and Timestamp alone, {network} the
# connections, {lines} the raw lines of the file (a way called "raw lines" exists for NDJSON only).
QUERIES = {
    "Q1": {"title": "the seed rule", "kql": None, "reads": {PROCESS: SEED_COLUMNS},
           "gives": ["DeviceId", "DeviceName", "FirstSeen", "LastSeen", "Report", "Count"],
           "duckdb": duckdb_seed(), "clickhouse": clickhouse_seed(),
           "polars": {"regex": polars_seed, "raw lines": polars_seed}},
    "Q2": {"title": "the ten most frequent programs and their machines",
           "kql": [f"{PROCESS} | summarize count(), dcount(DeviceId) by FileName | top 10 by count_"],
           "reads": {PROCESS: ["FileName", "DeviceId"]}, "gives": ["FileName", "count_", "dcount_DeviceId"],
           "duckdb": {"count distinct": [TOP.replace("{distinct}", "count(DISTINCT DeviceId)")], "two steps": [STEPS]},
           "clickhouse": {"uniqExact": [TOP.replace("{distinct}", "uniqExact(DeviceId)")], "two steps": [STEPS]},
           "polars": {"two steps": polars_top}},
    "Q3": {"title": "encoded commands by regular expression",
           "kql": [f"{PROCESS} | where {COMMAND} matches regex @'{ENCODED}' | project Timestamp, DeviceName, {COMMAND}"],
           "reads": {PROCESS: ["Timestamp", "DeviceName", COMMAND]}, "gives": ["Timestamp", "DeviceName", COMMAND],
           "duckdb": {"regex": encoded_sql(f"regexp_matches({COMMAND}, '{ENCODED_IN_SQL}')"),
                      "contains, regex": encoded_sql(f"contains(lower({COMMAND}), '-e') AND "
                                                     f"regexp_matches({COMMAND}, '{ENCODED_IN_SQL}')")},
           "clickhouse": {"match": encoded_sql(f"match({COMMAND}, {clickhouse_text(ENCODED_IN_SQL)})"),
                          "position, match": encoded_sql(f"positionCaseInsensitive({COMMAND}, '-e') > 0 AND "
                                                         f"match({COMMAND}, {clickhouse_text(ENCODED_IN_SQL)})")},
           "polars": {"regex": polars_regex}},
    "Q4": {"title": "the last row of each machine, all columns",
           "kql": [f"{PROCESS} | summarize arg_max(Timestamp, *) by DeviceId"],
           "reads": {PROCESS: list(COLUMNS)},
           "gives": ["DeviceId"] + [name for name in COLUMNS if name != "DeviceId"],
           "duckdb": {"semi join": [LAST_ROWS.replace("{key}", "(DeviceId, max(Timestamp))")],
                      "arg_max": ["SELECT {row} FROM (SELECT arg_max(t, Timestamp) AS r FROM {source} t GROUP BY DeviceId)"]},
           "clickhouse": {"semi join": [LAST_ROWS.replace("{key}", "DeviceId, max(Timestamp)")],
                          "limit by": ["SELECT {columns} FROM {source} ORDER BY Timestamp DESC LIMIT 1 BY DeviceId"]},
           "polars": {"semi join": polars_last}},
    "Q5": {"title": "hosts connected to within an hour after PowerShell started on the machine",
           "kql": [f"{PROCESS} | where FileName =~ 'powershell.exe' | project DeviceId, T=Timestamp | join kind=inner "
                   f"({NETWORK} | project DeviceId, N=Timestamp, RemoteUrl) on DeviceId "
                   "| where N between (T .. (T + 1h)) | summarize count() by RemoteUrl"],
           "reads": {PROCESS: ["Timestamp", "DeviceId", "FileName"], NETWORK: ["Timestamp", "DeviceId", "RemoteUrl"]},
           "gives": ["RemoteUrl", "count_"], "duckdb": duckdb_join(),
           "clickhouse": {"where": [CLICKHOUSE_JOIN.replace("{near}", "WHERE " + NEAR)],
                          "on": [CLICKHOUSE_JOIN.replace("{near}", "AND " + NEAR)]},
           "polars": {"join, filter": polars_join, "join_where": polars_join_where}},
    "Q6": {"title": "a hundred rules in one pass", "kql": kql_of_pack, "rules": lambda rules: rules,
           "reads": {PROCESS: pack_twins.READS}, "gives": pack_twins.GIVES, "duckdb": pack_twins.DUCKDB,
           "clickhouse": pack_twins.CLICKHOUSE, "polars": pack_twins.POLARS},
    "Q6each": {"title": "ten of the hundred rules, one query a rule", "kql": lambda rules: [rule.kql() for rule in rules],
               "rules": pack.one_query_each, "reads": {PROCESS: pack_twins.READS}, "gives": pack_twins.GIVES,
               "duckdb": pack_twins.DUCKDB_EACH, "clickhouse": pack_twins.CLICKHOUSE_EACH,
               "polars": pack_twins.POLARS_EACH},
    "Q7": {"title": "programs that ran once on a machine: many groups",
           "kql": [f"{PROCESS} | summarize Seen=count(), Newest=max(Timestamp) by FileName, DeviceId | where Seen == 1 "
                   "| summarize Machines=count(), Newest=max(Newest) by FileName"],
           "reads": {PROCESS: ["Timestamp", "DeviceId", "FileName"]}, "gives": ["FileName", "Machines", "Newest"],
           "duckdb": {"two steps": [PAIRS]}, "clickhouse": {"two steps": [PAIRS]}, "polars": {"two steps": polars_pairs}},
}


def needles(query, rules):
    """Texts of which one stands in each line that matters, where "raw lines" looks for them."""
    return ["distant software"] if query == "Q1" else pack_twins.needles_of(rules)


def kql(query, rules):
    """The texts of a query whose KQL stands here."""
    texts = QUERIES[query]["kql"]
    return texts if isinstance(texts, list) else texts(rules)


def ticks(value):
    """Ticks since 1970 of a datetime as text, T or a space in the middle, Z or not, any number of decimals."""
    base, _, fraction = value.replace(" ", "T").rstrip("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(base).replace(tzinfo=datetime.timezone.utc).timestamp()
    return int(seconds) * TICKS + int((fraction + "0000000")[:7])


def number_list(value):
    return sorted(int(item) for item in (json.loads(value) if isinstance(value, str) else value))


TYPED = {"datetime": ticks, "long": int, "int": int, "bool": bool, "string": str}


def last_row(row):
    """A row of Q4 in the order of the table's columns."""
    named = dict(zip(QUERIES["Q4"]["gives"], row))
    return whole_row(PROCESS, [value if value is None or name == "AdditionalFields" else TYPED[kind](value)
                               for (name, kind), value in zip(COLUMNS.items(), map(named.get, COLUMNS))])


def hosts(rows):
    """Q5: a missing host is "" in KQL and null elsewhere."""
    return sorted([row[0] or "", int(row[1])] for row in rows)


def canonical(query, rows):
    """Rows of an engine, columns in the order of `gives`, as the answers are kept: sorted, datetimes as ticks."""
    if query == "Q1":
        return sorted([row[0], row[1], ticks(row[2]), ticks(row[3]), number_list(row[4]), int(row[5])] for row in rows)
    if query == "Q2":
        return sorted(([row[0], int(row[1]), int(row[2])] for row in rows), key=lambda row: (-row[1], row[0]))
    if query == "Q3":
        return sorted([ticks(row[0]), row[1], row[2]] for row in rows)
    if query == "Q4":
        return sorted(map(last_row, rows), key=lambda row: row[1])
    if query == "Q5":
        return hosts(rows)
    if query == "Q7":
        return sorted([row[0], int(row[1]), ticks(row[2])] for row in rows)
    return sorted([int(row[0]), row[1], row[2], ticks(row[3]), ticks(row[4]), int(row[5])] for row in rows)


def answer_of(query, answers, rules):
    """The right rows of a query; those of Q6each are the part of Q6's that its rules have."""
    if query != "Q6each":
        return answers[query]
    numbers = {rule.number for rule in rules}
    return [row for row in answers["Q6"] if row[0] in numbers]


def difference(query, rows, want):
    """None where `rows` are the right answer, else a sentence with an example."""
    got = canonical(query, rows)
    if query == "Q2":  # any of the rows that tie for the last places will do
        if len(got) == min(10, len(want)) and [row[1] for row in got] == [row[1] for row in want[:10]]:
            want = [row for row in want if row in got]
    if got == want:
        return None
    spelled = lambda part: {json.dumps(row) for row in part}
    extra, missing = sorted(spelled(got) - spelled(want)), sorted(spelled(want) - spelled(got))
    example = (extra or missing or [json.dumps(got[:1])])[0][:200]
    return f"{len(got)} rows for {len(want)}, {len(missing)} missing or different, {len(extra)} too many; for example {example}"
