# SPDX-License-Identifier: Apache-2.0
"""Archives that stay on disk between runs: made when they are first asked for, in the forms that are asked for.

In: a folder, a number of rows, a seed, forms. Out: an Archive: its files, rows and right answers.
"""
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys

import forms

SOURCES = ["tables.py", "world.py", "archive.py", "pack.py", "truth.py", "forms.py"]
FORMS = [*forms.ENDINGS, "ingested"]


class ArchiveError(Exception):
    """A form that cannot be made; the text says why."""


def digest():
    """Of the programs that make archives: another text may make another archive."""
    result = hashlib.sha256()
    for name in SOURCES:
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), "rb") as file:
            result.update(file.read())
    return result.hexdigest()


def into_page_cache(paths):
    for path in paths:
        with open(path, "rb") as file:
            while file.read(1 << 24):
                pass


class Archive:
    def __init__(self, folder, rows, seed):
        self.folder, self.rows, self.seed = os.path.join(folder, f"{rows}-{seed}"), rows, seed
        self.facts = os.path.join(self.folder, "answers.json")
        self.made, self.answers = set(), None
        if os.path.exists(self.facts):
            with open(self.facts) as file:
                known = json.load(file)
            if known["digest"] == digest():
                self.made, self.answers = set(known["forms"]), known["answers"]
        if not self.made:
            shutil.rmtree(self.folder, ignore_errors=True)  # with what was made by another generator
            os.makedirs(self.folder)

    def make(self, wanted):
        """Writes the forms that are not there yet, in one go."""
        missing = [form for form in forms.ENDINGS if form in wanted and form not in self.made]
        if not missing:
            return
        print(f"making {', '.join(missing)} of {self.rows:,} rows in {self.folder}", file=sys.stderr)
        self.answers = forms.make(self.folder, self.rows, self.seed, missing)
        self.made |= set(missing)
        with open(self.facts + ".part", "w") as file:
            json.dump({"digest": digest(), "forms": sorted(self.made), "answers": self.answers}, file)
        os.rename(self.facts + ".part", self.facts)

    def ingest(self, program):
        """Lets `kqlc ingest` convert the NDJSON files, where it has not yet. Raises ArchiveError."""
        self.make(["ndjson"])
        place = os.path.join(self.folder, "ingested")
        if os.path.exists(place):
            return
        lines = [forms.pattern(self.folder, table, "ndjson") for table in (forms.PROCESS, forms.NETWORK)]
        shutil.rmtree(place + ".part", ignore_errors=True)
        done = subprocess.run([program, "ingest", *lines, "--output", place + ".part"], capture_output=True, text=True)
        if done.returncode:
            raise ArchiveError("kqlc ingest: " + done.stderr[-300:])
        os.rename(place + ".part", place)

    def pattern(self, table, form):
        """The files of a table as a glob, which the peers take."""
        if form == "ingested":
            return os.path.join(self.folder, form, table, "*.arrow")
        return forms.pattern(self.folder, table, form)

    def paths(self, table, form):
        return sorted(glob.glob(self.pattern(table, form)))

    def given(self, table, form):
        """What kqlc is given: the glob, or the folder that it made itself."""
        return os.path.dirname(self.pattern(table, form)) if form == "ingested" else self.pattern(table, form)

    def size(self, tables, form):
        """Bytes of the files of the tables, which are read into the page cache."""
        paths = [path for table in tables for path in self.paths(table, form)]
        into_page_cache(paths)
        return sum(map(os.path.getsize, paths))
