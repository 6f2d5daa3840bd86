# SPDX-License-Identifier: Apache-2.0
"""The pack of rules (Q6) in SQL and in Polars: the cleverest single query that each peer has for it, and one query a rule.

In: the rules. Out: for each way of a peer the SQL, or a function that makes a Polars frame. A row is the number of the
rule, the machine's id and name, first and last time, count.
"""
import re

from pack import COMMAND, COMPANY, PRODUCT
from tables import PROCESS

GIVES = ["DeviceId", "DeviceName", "FirstSeen", "LastSeen", "Count"]
BASE_READS = ["Timestamp", "DeviceId", "DeviceName"]
READS = BASE_READS + [COMPANY, PRODUCT, COMMAND]
# What one rule alone reads, by the name of the FROM item.
SOURCES = {"products": BASE_READS + [COMPANY, PRODUCT], "commands": BASE_READS + [COMMAND]}
GROUPS = "DeviceId, DeviceName, min(Timestamp), max(Timestamp), count(*)"


def matches(term, flags="(?i)"):
    """`has` of a term of ASCII letters, digits and signs as a regular expression without look-around."""
    term = term.lower()
    before = "(^|[^a-z0-9])" if term[0].isalnum() else ""
    after = "([^a-z0-9]|$)" if term[-1].isalnum() else ""
    return flags + before + escaped([term]) + after


def matches_by_word(term):
    """The same for hyperscan: that of ClickHouse 26.9 takes the 4 of `x34` for the sign that has to follow `x3`."""
    term = term.lower()
    before = r"(\b|_)" if term[0].isalnum() else ""
    after = r"(\b|_)" if term[-1].isalnum() else ""
    return "(?i)" + before + escaped([term]) + after


def clickhouse_text(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def clickhouse_field(name):
    """A column out of a raw line."""
    text = f"JSONExtractString(line, 'properties', '{name}')"
    return f"parseDateTime64BestEffort({text}, 7, 'UTC') AS Timestamp" if name == "Timestamp" else f"{text} AS {name}"


def terms_of(rules):
    return sorted({term.lower() for rule in rules for term in rule.terms})


def companies_of(rules):
    return sorted({rule.company.lower() for rule in rules if not rule.terms})


def needles_of(rules):
    """Texts of which a row that any rule matches has one."""
    return companies_of(rules) + terms_of(rules)


def escaped(texts):
    return "|".join(re.sub(r"([.+*?()|\[\]{}^$\\])", r"\\\1", text) for text in texts)


def duckdb_condition(rule):
    term = lambda text: f"(contains(lower({COMMAND}), '{text.lower()}') AND regexp_matches({COMMAND}, '{matches(text)}'))"
    if rule.terms:
        return "(" + " OR ".join(map(term, rule.terms)) + ")"
    return (f"(regexp_matches({COMPANY}, '{matches(rule.company)}') AND "
            f"regexp_matches({PRODUCT}, '{matches(rule.product)}'))")


def duckdb_one_alternation(rule):
    if not rule.terms:
        return duckdb_condition(rule)
    return f"regexp_matches({COMMAND}, '(?i)({'|'.join(matches(term, '') for term in rule.terms)})')"


def duckdb_pack(rules, prefilter):
    cases = ", ".join(f"CASE WHEN {duckdb_condition(rule)} THEN {rule.number} END" for rule in rules)
    only = ""
    if prefilter:
        only = (f" WHERE regexp_matches({COMPANY}, '(?i)({escaped(companies_of(rules))})') OR "
                f"regexp_matches({COMMAND}, '(?i)({escaped(terms_of(rules))})')")
    return [f"SELECT rule, {GROUPS} FROM (SELECT DeviceId, DeviceName, Timestamp, unnest(list_filter([{cases}], "
            f"lambda x: x IS NOT NULL)) AS rule FROM {{source}}{only}) GROUP BY rule, DeviceId, DeviceName"]


def source_of(rule):
    return "commands" if rule.terms else "products"


def each(rules, condition):
    return [f"SELECT {rule.number}, {GROUPS} FROM {{{source_of(rule)}}} WHERE {condition(rule)} "
            "GROUP BY DeviceId, DeviceName" for rule in rules]


DUCKDB = {"pack, prefilter": lambda rules: duckdb_pack(rules, True), "pack": lambda rules: duckdb_pack(rules, False)}
DUCKDB_EACH = {"contains, regex": lambda rules: each(rules, duckdb_condition),
               "alternation": lambda rules: each(rules, duckdb_one_alternation)}


def clickhouse_condition(rule):
    has = lambda column, text: (f"(positionCaseInsensitive({column}, {clickhouse_text(text.lower())}) > 0 AND "
                                f"match({column}, {clickhouse_text(matches(text))}))")
    if rule.terms:
        return "(" + " OR ".join(has(COMMAND, term) for term in rule.terms) + ")"
    return f"({has(COMPANY, rule.company)} AND {has(PRODUCT, rule.product)})"


def clickhouse_hyperscan(rule):
    if not rule.terms:
        return clickhouse_condition(rule)
    expressions = ", ".join(clickhouse_text(matches_by_word(term)) for term in rule.terms)
    return f"multiMatchAny(ifNull({COMMAND}, ''), [{expressions}])"


def clickhouse_matching(rules):
    """An array of the numbers of the rules that a row matches: the terms of all rules in one search by hyperscan."""
    products = ", ".join(f"if({clickhouse_condition(rule)}, {rule.number}, -1)" for rule in rules if not rule.terms)
    companies = ", ".join(map(clickhouse_text, companies_of(rules)))
    terms = [(rule.number, term) for rule in rules for term in rule.terms]
    expressions = ", ".join(clickhouse_text(matches_by_word(term)) for _, term in terms)
    numbers = ", ".join(str(number) for number, _ in terms)
    return (f"arrayConcat(if(multiSearchAnyCaseInsensitive(ifNull({COMPANY}, ''), [{companies}]), "
            f"arrayFilter(x -> x >= 0, [{products}]), []), arrayDistinct(arrayMap(i -> [{numbers}][i], "
            f"multiMatchAllIndices(ifNull({COMMAND}, ''), [{expressions}]))))")


def clickhouse_pack(rules, source="{source}"):
    return [f"SELECT rule, {GROUPS} FROM (SELECT DeviceId, DeviceName, Timestamp, arrayJoin({clickhouse_matching(rules)}) "
            f"AS rule FROM {source}) GROUP BY rule, DeviceId, DeviceName"]


def clickhouse_lines(rules):
    """Whole lines first: only those with a needle, or with an escape that may hide one, are parsed."""
    expressions = ", ".join(clickhouse_text("(?i)" + escaped([needle])) for needle in needles_of(rules))
    lines = (f"(SELECT {', '.join(map(clickhouse_field, READS))} FROM {{lines}} WHERE multiMatchAny(line, "
             f"[{expressions}, '{chr(92) * 4}u00']))")
    return clickhouse_pack(rules, lines)


CLICKHOUSE = {"hyperscan": clickhouse_pack, "raw lines": clickhouse_lines}
CLICKHOUSE_EACH = {"position, match": lambda rules: each(rules, clickhouse_condition),
                   "hyperscan": lambda rules: each(rules, clickhouse_hyperscan)}


def polars_contains(pl, column, texts):
    return pl.col(column).str.contains_any([text.lower() for text in texts], ascii_case_insensitive=True)


def polars_condition(pl, rule):
    has = lambda column, term: pl.col(column).str.contains(matches(term))
    if rule.terms:
        return polars_contains(pl, COMMAND, rule.terms) & pl.any_horizontal(has(COMMAND, term) for term in rule.terms)
    return has(COMPANY, rule.company) & has(PRODUCT, rule.product)


def polars_rule(pl, frame, rule):
    return (frame.filter(polars_condition(pl, rule)).group_by("DeviceId", "DeviceName")
            .agg(pl.col("Timestamp").min().alias("FirstSeen"), pl.col("Timestamp").max().alias("LastSeen"),
                 pl.len().cast(pl.Int64).alias("Count")).select(pl.lit(rule.number).alias("rule"), *GIVES))


def polars_pack(pl, source, rules):
    """Rows with any needle first, then all rules over those that are left."""
    only = polars_contains(pl, COMMAND, terms_of(rules)) | polars_contains(pl, COMPANY, companies_of(rules))
    rows = source(PROCESS, READS).filter(only).collect(engine="streaming")
    return pl.concat(pl.collect_all([polars_rule(pl, rows.lazy(), rule) for rule in rules]))


def polars_each(pl, source, rules):
    return pl.concat([polars_rule(pl, source(PROCESS, SOURCES[source_of(rule)]), rule).collect(engine="streaming")
                      for rule in rules])


POLARS = {"prefilter": polars_pack, "raw lines": polars_pack}
POLARS_EACH = {"regex": polars_each}
