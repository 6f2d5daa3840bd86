# SPDX-License-Identifier: Apache-2.0
"""DuckDB or ClickHouse as a process of its own that stays ready between measurements.

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
            self.connection.register("events", pyarrow.concat_tables(tables, promote_options="permissive"))
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
        if self.form != "ndjson":
            return f"file('{self.file}', '{'Parquet' if self.form == 'parquet' else 'Arrow'}')"
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
        peer = {"duckdb": DuckDB, "clickhouse": ClickHouse}[spec["peer"]](spec)
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
