# SPDX-License-Identifier: Apache-2.0
"""DuckDB, ClickHouse or Polars as a process of its own that stays ready between measurements.

In, one JSON object a line on standard input: first {"peer", "query", "form", "file", "threads"}, then {"way"} for each
run. Out, one line each: {"ways": [...], "version"}, then {"seconds", "cpu", "rows"}, or {"error"} instead. The time is
that from handing over the SQL until all rows are in the client; starting, importing and connecting are not counted.
"""
import glob
import json
import os
import resource
import sys
import time

from archive import COLUMNS
from queries import QUERIES

DUCKDB_TYPES = {"datetime": "TIMESTAMP_NS", "string": "VARCHAR", "long": "BIGINT", "bool": "BOOLEAN"}
CLICKHOUSE_TYPES = {"datetime": "Nullable(DateTime64(7, \\'UTC\\'))", "string": "Nullable(String)",
                    "long": "Nullable(Int64)", "bool": "Nullable(Bool)"}


class DuckDB:
    def __init__(self, spec):
        import duckdb
        self.form, self.file, self.version = spec["form"], spec["file"], duckdb.__version__
        self.connection = duckdb.connect()
        self.connection.execute(f"SET threads={spec['threads']}; SET TimeZone='UTC'").fetchall()

    def source(self, columns):
        if self.form == "parquet":
            return f"read_parquet('{self.file}')"
        if self.form == "arrow":
            return "events"
        struct = ", ".join(f"{name} {DUCKDB_TYPES[COLUMNS[name]]}" for name in columns)
        fields = ", ".join(f"properties.{name} AS {name}" for name in columns)
        return f"(SELECT {fields} FROM read_ndjson('{self.file}', columns={{properties: 'STRUCT({struct})'}}))"

    def run(self, query, way):
        if self.form == "arrow":
            import pyarrow
            tables = [pyarrow.ipc.open_file(pyarrow.memory_map(path)).read_all() for path in sorted(glob.glob(self.file))]
            table = pyarrow.concat_tables(tables, promote_options="permissive")
            for name in QUERIES[query]["reads"]:  # an ingested chunk lacks the columns that have no value in it
                if name not in table.column_names:
                    table = table.append_column(name, pyarrow.nulls(len(table)))
            self.connection.register("events", table)
        spec = QUERIES[query]
        sql = spec["duckdb"][way].format(
            source=self.source(spec["reads"]), keys=self.source(["DeviceId", "Timestamp"]),
            columns=", ".join(spec["gives"]), row=", ".join(f"r.{name} AS {name}" for name in spec["gives"]))
        return self.connection.sql(sql).to_arrow_table()

    @staticmethod
    def rows(table):
        """Cells as JSON can hold them; datetimes as text with all of their decimals."""
        import pyarrow
        columns = []
        for column in table.columns:
            if pyarrow.types.is_timestamp(column.type):
                column = column.cast(pyarrow.timestamp("ns")).cast(pyarrow.string())
            columns.append(column.to_pylist())
        return [list(row) for row in zip(*columns)]


class ClickHouse:
    SETTINGS = ["input_format_json_ignore_unknown_keys_in_named_tuple=1", "date_time_input_format='best_effort'",
                "input_format_skip_unknown_fields=1", "use_query_condition_cache=0",
                "output_format_json_quote_64bit_integers=0"]

    def __init__(self, spec):
        from chdb import session
        self.form, self.file = spec["form"], spec["file"]
        self.session = session.Session()
        for setting in self.SETTINGS + [f"max_threads={spec['threads']}"]:
            self.session.query("SET " + setting)
        self.version = str(self.session.query("SELECT version()", "TabSeparated")).strip()

    def source(self, columns):
        if self.form == "parquet":
            return f"file('{self.file}', 'Parquet')"
        if self.form == "arrow":  # by name and type: a chunk lacks the columns that have no value in it
            fields = ", ".join(f"{name} {CLICKHOUSE_TYPES[COLUMNS[name]]}" for name in columns)
            return f"file('{self.file}', 'Arrow', '{fields}')"
        fields = ", ".join(f"{name} {CLICKHOUSE_TYPES[COLUMNS[name]]}" for name in columns)
        if "Timestamp" in columns:  # is never null, and a plain type is compared faster
            fields = fields.replace("Timestamp Nullable(DateTime64(7, \\'UTC\\'))", "Timestamp DateTime64(7, \\'UTC\\')")
        names = ", ".join(f"properties.{name} AS {name}" for name in columns)
        return f"(SELECT {names} FROM file('{self.file}', 'JSONEachRow', 'properties Tuple({fields})'))"

    def run(self, query, way):
        spec = QUERIES[query]
        sql = spec["clickhouse"][way].format(
            source=self.source(spec["reads"]), keys=self.source(["DeviceId", "Timestamp"]),
            columns=", ".join(spec["gives"]), lines=f"file('{self.file}', 'LineAsString')")
        return self.session.query(sql, "JSONCompactEachRow")

    @staticmethod
    def rows(result):
        return [json.loads(line) for line in str(result).splitlines() if line.strip()]


class Polars:
    TYPES = {"datetime": "String", "string": "String", "long": "Int64", "bool": "Boolean"}

    def __init__(self, spec):
        os.environ["POLARS_MAX_THREADS"] = str(spec["threads"])  # read when it is imported
        import polars
        self.pl, self.form, self.file, self.version = polars, spec["form"], spec["file"], polars.__version__

    def source(self, columns):
        pl = self.pl
        if self.form == "ndjson":
            fields = pl.Struct({name: getattr(pl, self.TYPES[COLUMNS[name]]) for name in columns})
            return self.timed(pl.scan_ndjson(self.file, schema={"properties": fields}).unnest("properties"), columns)
        if self.form == "parquet":
            return pl.scan_parquet(self.file).select(columns)
        frame = pl.scan_ipc(self.file)
        held = frame.collect_schema()
        forms = {"string": lambda column: column.cast(pl.String),  # dictionaries, which it compares slowly or not
                 "datetime": lambda column: column.dt.replace_time_zone(None)}
        same = lambda column: column
        return frame.select(forms.get(COLUMNS[name], same)(pl.col(name)) if name in held
                            else pl.lit(None).alias(name) for name in columns)

    def timed(self, frame, columns):
        stamps = [name for name in columns if COLUMNS[name] == "datetime"]
        return frame.with_columns(
            self.pl.col(stamps).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="ns", strict=False))

    def lines(self, columns):
        """Rows of those lines that hold the seed rule's needle or an escape that may hide it."""
        pl = self.pl
        fields = pl.Struct({"properties": pl.Struct(
            {name: getattr(pl, self.TYPES[COLUMNS[name]]) for name in columns})})
        text = pl.scan_csv(self.file, has_header=False, separator="\x01", quote_char=None, schema={"line": pl.String})
        kept = text.filter(pl.col("line").str.contains(r"(?i-u)distant software|\\u00"))
        row = pl.col("line").str.json_decode(fields).struct.field("properties")
        return self.timed(kept.select(row).unnest("properties"), columns)

    def run(self, query, way):
        build = QUERIES[query]["polars"][way]
        source = self.lines if way == "raw lines" else self.source
        return build(self.pl, source).select(QUERIES[query]["gives"]).collect(engine="streaming").to_arrow()

    @staticmethod
    def rows(table):
        return DuckDB.rows(table)


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
        peer = {"duckdb": DuckDB, "clickhouse": ClickHouse, "polars": Polars}[spec["peer"]](spec)
    except Exception as error:  # a library's own, of any kind
        say({"error": f"{type(error).__name__}: {error}"})
        return
    ways = [way for way in QUERIES[spec["query"]][spec["peer"]] if way != "raw lines" or spec["form"] == "ndjson"]
    say({"ways": ways, "version": peer.version})
    for line in sys.stdin:
        try:
            cpu, start = cpu_seconds(), time.perf_counter()
            result = peer.run(spec["query"], json.loads(line)["way"])
            seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
            say({"seconds": seconds, "cpu": cpu, "rows": peer.rows(result)})
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"[:500]})


if __name__ == "__main__":
    main()
