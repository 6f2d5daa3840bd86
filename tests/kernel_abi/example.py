#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# A rule from a shared object, used from Python with pyarrow and nothing else of ours. In: the path of the .so that
# `kqlc build` made of rule.kql. Out: its rows as lines "account count". The structs of runtime/exec/kernel_abi.h are
# described to ctypes; batches and the result cross as Arrow's C structs. Needs: pip install pyarrow cffi
import ctypes as c
import datetime
import sys

import pyarrow as pa
from pyarrow.cffi import ffi

POINTER = c.c_void_p


class Options(c.Structure):  # struct KqlcOptions
    _fields_ = [("size", c.c_uint64), ("now", c.c_int64), ("memory_limit", c.c_uint64), ("time_unit", c.c_int32)]


SIGNATURES = {
    "kqlc_kernel_create": [POINTER, c.POINTER(Options), c.POINTER(POINTER), c.c_char_p, c.c_size_t],
    "kqlc_kernel_destroy": [POINTER],
    "kqlc_state_create": [POINTER, c.POINTER(POINTER)],
    "kqlc_state_bind_input": [POINTER, c.c_uint32, POINTER],
    "kqlc_state_consume": [POINTER, c.c_uint32, POINTER, c.c_uint64, POINTER],
    "kqlc_state_end_input": [POINTER, c.c_uint32],
    "kqlc_state_finish": [POINTER, c.c_uint32, POINTER],
    "kqlc_state_error": [POINTER],
    "kqlc_state_destroy": [POINTER],
}


def ticks(time):
    """A datetime with a zone as ticks of 100 ns since year 1, which is what KqlcOptions.now counts in."""
    since = time - datetime.datetime(1, 1, 1, tzinfo=datetime.timezone.utc)
    return (since.days * 86400 + since.seconds) * 10_000_000 + since.microseconds * 10


def address(pointer):
    return int(ffi.cast("uintptr_t", pointer))


def run(library, symbol, batches, now):
    """Feeds record batches to the rule's one input and returns its rows as a table."""
    for name, arguments in SIGNATURES.items():
        getattr(library, name).argtypes = arguments
    library.kqlc_state_error.restype = c.c_char_p
    code = c.addressof(c.c_char.in_dll(library, symbol))  # a constant struct KqlcKernelCode
    options, kernel, state = Options(c.sizeof(Options), ticks(now), 0, 0), POINTER(), POINTER()
    error = c.create_string_buffer(256)
    if library.kqlc_kernel_create(code, c.byref(options), c.byref(kernel), error, len(error)) != 0:
        raise RuntimeError(error.value.decode())

    def call(status):
        if status > 1:  # neither KQLC_OK nor KQLC_DONE
            raise RuntimeError(library.kqlc_state_error(state).decode())

    call(library.kqlc_state_create(kernel, c.byref(state)))
    position = 0
    for batch in batches:
        schema, array = ffi.new("struct ArrowSchema*"), ffi.new("struct ArrowArray*")
        batch._export_to_c(address(array), address(schema))
        call(library.kqlc_state_bind_input(state, 0, address(schema)))
        call(library.kqlc_state_consume(state, 0, address(array), position, None))
        pa.RecordBatch._import_from_c(address(array), address(schema))  # takes back what was lent, and frees it
        position += batch.num_rows
    call(library.kqlc_state_end_input(state, 0))
    stream = ffi.new("struct ArrowArrayStream*")
    call(library.kqlc_state_finish(state, 0, address(stream)))
    table = pa.RecordBatchReader._import_from_c(address(stream)).read_all()  # the stream outlives the state
    library.kqlc_state_destroy(state)
    library.kqlc_kernel_destroy(kernel)
    return table


def main():
    rows = range(2000)
    events = pa.table({"FileName": ["svchost.exe" if n % 7 else "PowerShell.exe" for n in rows],
                       "AccountName": [f"user{n % 3}" for n in rows]})
    result = run(c.CDLL(sys.argv[1]), "kqlc_rule_rule", events.to_batches(max_chunksize=1000),
                 datetime.datetime(2023, 7, 20, tzinfo=datetime.timezone.utc))
    for account, count in zip(*(column.to_pylist() for column in result.columns)):
        print(account, count)


if __name__ == "__main__":
    main()
