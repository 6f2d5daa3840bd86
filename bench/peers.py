# SPDX-License-Identifier: Apache-2.0
"""DuckDB, ClickHouse or Polars as a process of its own that stays ready between measurements.

In, one JSON object a line on standard input: first {"peer", "query", "form", "files" (table to path or glob), "threads",
"rules" (of the pack)}, then {"way"} for each run. Out, one line each: {"ways": [...], "version"}, then {"seconds", "cpu",
"rows"}, or {"error"} instead. The time is that from handing over the SQL until all rows are in the client; starting,
importing and connecting are not counted.
"""
import glob
import json
import os
import resource
import sys
import time

from pack import Rule
from pack_twins import SOURCES
from queries import QUERIES, needles
from tables import NETWORK, PROCESS, TABLES

DUCKDB_TYPES = {"datetime": "TIMESTAMP_NS", "string": "VARCHAR", "long": "BIGINT", "int": "INTEGER", "bool": "BOOLEAN"}
CLICKHOUSE_TYPES = {"datetime": "Nullable(DateTime64(7, \\'UTC\\'))", "string": "Nullable(String)",
                    "long": "Nullable(Int64)", "int": "Nullable(Int32)", "bool": "Nullable(Bool)"}

LINE_FORMS = ("ndjson", "ndjson.gz", "ndjson.zst")
ARROW_FORMS = ("arrow", "arrow-plain", "ingested")


class SqlPeer:
    """What DuckDB and ClickHouse share: SQL with FROM items filled in."""

    def __init__(self, spec):
        self.query, self.form, self.files = spec["query"], spec["form"], spec["files"]
        self.spec, self.rules = QUERIES[spec["query"]], [Rule(**rule) for rule in spec["rules"]]

    def statements(self, way):
        templates = self.spec[self.name][way]
        if not isinstance(templates, list):
            templates = templates(self.rules)
        reads, gives = self.spec["reads"], self.spec["gives"]
        items = {"source": self.source(PROCESS, reads[PROCESS]), "keys": self.source(PROCESS, ["DeviceId", "Timestamp"]),
                 "network": self.source(NETWORK, reads[NETWORK]) if NETWORK in reads else "",
                 "lines": self.lines(), "columns": ", ".join(gives),
                 "row": ", ".join(f"r.{name} AS {name}" for name in gives)}
        items |= {name: self.source(PROCESS, columns) for name, columns in SOURCES.items()}
        return [template.format(**items) for template in templates]


class DuckDB(SqlPeer):
    name = "duckdb"

    def __init__(self, spec):
        super().__init__(spec)
        import duckdb
        self.version = duckdb.__version__
        self.connection = duckdb.connect()
        self.connection.execute(f"SET threads={spec['threads']}; SET TimeZone='UTC'").fetchall()

    def lines(self):
        return ""

    def source(self, table, columns):
        if self.form in ("parquet", "snappy"):
            return f"read_parquet('{self.files[table]}')"
        if self.form in ARROW_FORMS:
            return table
        struct = ", ".join(f"{name} {DUCKDB_TYPES[TABLES[table][name]]}" for name in columns)
        fields = ", ".join(f"properties.{name} AS {name}" for name in columns)
        return f"(SELECT {fields} FROM read_ndjson('{self.files[table]}', columns={{properties: 'STRUCT({struct})'}}))"

    def register(self):
        import pyarrow
        for table, columns in self.spec["reads"].items():
            paths = sorted(glob.glob(self.files[table]))
            parts = [pyarrow.ipc.open_file(pyarrow.memory_map(path)).read_all() for path in paths]
            rows = pyarrow.concat_tables(parts, promote_options="permissive")
            for name in columns:  # an ingested chunk lacks the columns that have no value in it
                if name not in rows.column_names:
                    rows = rows.append_column(name, pyarrow.nulls(len(rows)))
            self.connection.register(table, rows)

    def run(self, way):
        if self.form in ARROW_FORMS:
            self.register()
        return [self.connection.sql(sql).to_arrow_table() for sql in self.statements(way)]

    @staticmethod
    def rows(tables):
        return [row for table in tables for row in arrow_rows(table)]


def arrow_rows(table):
    """Cells as JSON can hold them; datetimes as text with all of their decimals."""
    import pyarrow
    columns = []
    for column in table.columns:
        if pyarrow.types.is_timestamp(column.type):
            column = column.cast(pyarrow.timestamp("ns")).cast(pyarrow.string())
        columns.append(column.to_pylist())
    return [list(row) for row in zip(*columns)]


class ClickHouse(SqlPeer):
    name = "clickhouse"
    SETTINGS = ["input_format_json_ignore_unknown_keys_in_named_tuple=1", "date_time_input_format='best_effort'",
                "input_format_skip_unknown_fields=1", "use_query_condition_cache=0",
                "output_format_json_quote_64bit_integers=0", "max_query_size=10000000", "max_ast_elements=1000000",
                "max_expanded_ast_elements=2000000"]

    def __init__(self, spec):
        super().__init__(spec)
        from chdb import session
        self.session = session.Session()
        for setting in self.SETTINGS + [f"max_threads={spec['threads']}"]:
            self.session.query("SET " + setting)
        self.version = str(self.session.query("SELECT version()", "TabSeparated")).strip()

    def lines(self):
        return f"file('{self.files[PROCESS]}', 'LineAsString')"

    def source(self, table, columns):
        path = self.files[table]
        if self.form in ("parquet", "snappy"):
            return f"file('{path}', 'Parquet')"
        if self.form in ("arrow", "arrow-plain"):
            return f"file('{path}', 'Arrow')"
        fields = ", ".join(f"{name} {CLICKHOUSE_TYPES[TABLES[table][name]]}" for name in columns)
        if self.form == "ingested":  # by name and type: a chunk lacks the columns that have no value in it
            return f"file('{path}', 'Arrow', '{fields}')"
        if "Timestamp" in columns:  # is never null, and a plain type is compared faster
            fields = fields.replace("Timestamp Nullable(DateTime64(7, \\'UTC\\'))", "Timestamp DateTime64(7, \\'UTC\\')")
        names = ", ".join(f"properties.{name} AS {name}" for name in columns)
        return f"(SELECT {names} FROM file('{path}', 'JSONEachRow', 'properties Tuple({fields})'))"

    def run(self, way):
        return [self.session.query(sql, "JSONCompactEachRow") for sql in self.statements(way)]

    @staticmethod
    def rows(results):
        return [json.loads(line) for result in results for line in str(result).splitlines() if line.strip()]


class Polars:
    name = "polars"
    TYPES = {"datetime": "String", "string": "String", "long": "Int64", "int": "Int32", "bool": "Boolean"}

    def __init__(self, spec):
        os.environ["POLARS_MAX_THREADS"] = str(spec["threads"])  # read when it is imported
        import polars
        self.pl, self.query, self.form, self.files = polars, spec["query"], spec["form"], spec["files"]
        self.rules, self.version = [Rule(**rule) for rule in spec["rules"]], polars.__version__

    def struct(self, table, columns):
        return self.pl.Struct({name: getattr(self.pl, self.TYPES[TABLES[table][name]]) for name in columns})

    def source(self, table, columns):
        pl, path = self.pl, self.files[table]
        if self.form in LINE_FORMS:
            frame = pl.scan_ndjson(path, schema={"properties": self.struct(table, columns)}).unnest("properties")
            return self.timed(frame, table, columns)
        if self.form in ("parquet", "snappy"):
            return pl.scan_parquet(path).select(columns)
        frame = pl.scan_ipc(path)
        held = frame.collect_schema()
        forms = {"string": lambda column: column.cast(pl.String),  # dictionaries, which it compares slowly or not
                 "datetime": lambda column: column.dt.replace_time_zone(None)}
        same = lambda column: column
        return frame.select(forms.get(TABLES[table][name], same)(pl.col(name)) if name in held
                            else pl.lit(None).alias(name) for name in columns)

    def timed(self, frame, table, columns):
        stamps = [name for name in columns if TABLES[table][name] == "datetime"]
        return frame.with_columns(
            self.pl.col(stamps).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="ns", strict=False))

    def lines(self, table, columns):
        """Rows of those lines that hold a needle of the query or an escape that may hide it."""
        pl, texts = self.pl, needles(self.query, self.rules)
        text = pl.scan_csv(self.files[table], has_header=False, separator="\x01", quote_char=None,
                           schema={"line": pl.String})
        line = pl.col("line")
        found = (line.str.contains(rf"(?i-u){texts[0]}|\\u00") if len(texts) == 1 else
                 line.str.contains_any(texts + ["\\u00"], ascii_case_insensitive=True))
        row = line.str.json_decode(pl.Struct({"properties": self.struct(table, columns)})).struct.field("properties")
        return self.timed(text.filter(found).select(row).unnest("properties"), table, columns)

    def run(self, way):
        source = self.lines if way == "raw lines" else self.source
        frame = QUERIES[self.query]["polars"][way](self.pl, source, self.rules)
        if isinstance(frame, self.pl.LazyFrame):
            frame = frame.select(QUERIES[self.query]["gives"]).collect(engine="streaming")
        return [frame.to_arrow()]

    rows = staticmethod(DuckDB.rows)


PEERS = {peer.name: peer for peer in (DuckDB, ClickHouse, Polars)}


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print to standard output at will

    def say(message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    spec = json.loads(sys.stdin.readline())
    try:
        peer = PEERS[spec["peer"]](spec)
    except Exception as error:  # a library's own, of any kind
        say({"error": f"{type(error).__name__}: {error}"})
        return
    ways = [way for way in QUERIES[spec["query"]][spec["peer"]] if way != "raw lines" or spec["form"] == "ndjson"]
    say({"ways": ways, "version": peer.version})
    for line in sys.stdin:
        try:
            cpu, start = cpu_seconds(), time.perf_counter()
            result = peer.run(json.loads(line)["way"])
            seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
            say({"seconds": seconds, "cpu": cpu, "rows": peer.rows(result)})
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"[:500]})


if __name__ == "__main__":
    main()
