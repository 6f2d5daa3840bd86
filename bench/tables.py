# SPDX-License-Identifier: Apache-2.0
"""The two tables of the benchmark's archive: their columns with KQL types, and the times they span.

LogonID of DeviceProcessEvents is left out: it differs from LogonId by case alone, which DuckDB cannot hold.
"""
import json

PROCESS, NETWORK = "DeviceProcessEvents", "DeviceNetworkEvents"
TICKS = 10_000_000  # a second; datetimes count 100 ns since 1970 here
END = 1_780_272_000  # 2026-06-01T00:00:00Z, the query time; seconds since 1970
SPAN = 6 * 86_400  # seconds that the archive spans; the seed rule looks at the last five days
NOW = "2026-06-01T00:00:00Z"
WINDOW_START = (END - 5 * 86_400) * TICKS
HOUR = 3_600 * TICKS

INITIATING_IMAGE = {
    "InitiatingProcessFileName": "string", "InitiatingProcessFolderPath": "string", "InitiatingProcessSHA1": "string",
    "InitiatingProcessSHA256": "string", "InitiatingProcessMD5": "string", "InitiatingProcessFileSize": "long",
    "InitiatingProcessVersionInfoCompanyName": "string", "InitiatingProcessVersionInfoProductName": "string",
    "InitiatingProcessVersionInfoProductVersion": "string",
    "InitiatingProcessVersionInfoInternalFileName": "string",
    "InitiatingProcessVersionInfoOriginalFileName": "string",
    "InitiatingProcessVersionInfoFileDescription": "string",
}
INITIATING_ACCOUNT = {
    "InitiatingProcessAccountDomain": "string", "InitiatingProcessAccountName": "string",
    "InitiatingProcessAccountSid": "string", "InitiatingProcessAccountUpn": "string",
    "InitiatingProcessAccountObjectId": "string",
}
INITIATING_RIGHTS = {"InitiatingProcessIntegrityLevel": "string", "InitiatingProcessTokenElevation": "string"}
INITIATING_PARENT = {
    "InitiatingProcessId": "long", "InitiatingProcessCommandLine": "string",
    "InitiatingProcessCreationTime": "datetime", "InitiatingProcessParentId": "long",
    "InitiatingProcessParentFileName": "string", "InitiatingProcessParentCreationTime": "datetime",
}
REPORT = {"ReportId": "long", "AppGuardContainerId": "string", "AdditionalFields": "string"}
INITIATING_SESSION = {
    "InitiatingProcessSessionId": "long", "IsInitiatingProcessRemoteSession": "bool",
    "InitiatingProcessRemoteSessionDeviceName": "string", "InitiatingProcessRemoteSessionIP": "string",
}
# Every column and its KQL type, in the order of the export.
TABLES = {
    PROCESS: {
        "Timestamp": "datetime", "DeviceId": "string", "DeviceName": "string", "ActionType": "string",
        "FileName": "string", "FolderPath": "string", "SHA1": "string", "SHA256": "string", "MD5": "string",
        "FileSize": "long", "ProcessVersionInfoCompanyName": "string", "ProcessVersionInfoProductName": "string",
        "ProcessVersionInfoProductVersion": "string", "ProcessVersionInfoInternalFileName": "string",
        "ProcessVersionInfoOriginalFileName": "string", "ProcessVersionInfoFileDescription": "string",
        "ProcessId": "long", "ProcessCommandLine": "string", "ProcessIntegrityLevel": "string",
        "ProcessTokenElevation": "string", "ProcessCreationTime": "datetime", "AccountDomain": "string",
        "AccountName": "string", "AccountSid": "string", "AccountUpn": "string", "AccountObjectId": "string",
        "LogonId": "long", **INITIATING_ACCOUNT, "InitiatingProcessLogonId": "long", **INITIATING_RIGHTS,
        **INITIATING_IMAGE, **INITIATING_PARENT, "InitiatingProcessSignerType": "string",
        "InitiatingProcessSignatureStatus": "string", **REPORT, **INITIATING_SESSION,
        "CreatedProcessSessionId": "long", "IsProcessRemoteSession": "bool",
        "ProcessRemoteSessionDeviceName": "string", "ProcessRemoteSessionIP": "string", "ProcessUniqueId": "string",
        "InitiatingProcessUniqueId": "string",
    },
    NETWORK: {
        "Timestamp": "datetime", "DeviceId": "string", "DeviceName": "string", "ActionType": "string",
        "RemoteIP": "string", "RemotePort": "int", "RemoteUrl": "string", "LocalIP": "string", "LocalPort": "int",
        "Protocol": "string", "LocalIPType": "string", "RemoteIPType": "string", **INITIATING_IMAGE,
        **INITIATING_PARENT, **INITIATING_ACCOUNT, **INITIATING_RIGHTS, **REPORT, **INITIATING_SESSION,
        "InitiatingProcessUniqueId": "string", "LogonID": "long",
    },
}
COLUMNS = TABLES[PROCESS]
ROW_BYTES = 3_650  # mean bytes of a process event as NDJSON, CRLF included: turns a size into a number of rows


def whole_row(table, values):
    """One row of all columns with one spelling of each value; a string is never null in KQL."""
    result = []
    for (name, kind), value in zip(TABLES[table].items(), values):
        if name == "AdditionalFields":  # dynamic for kqlc, the same JSON as text for the others
            value = value if not isinstance(value, str) else json.loads(value or "null")
        elif kind == "string":
            value = value or ""
        result.append(value)
    return result
