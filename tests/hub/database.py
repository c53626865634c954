# SPDX-License-Identifier: Apache-2.0
"""What must survive a restart besides git objects and xorb files: one SQLite file."""

import json
import sqlite3
import threading

SCHEMA = """
CREATE TABLE IF NOT EXISTS document(kind TEXT, key TEXT, json TEXT, PRIMARY KEY(kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS xorb(hash BLOB PRIMARY KEY, length INT, chunk_hashes BLOB, ends BLOB, raw_ends BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS file(hash BLOB PRIMARY KEY, size INT, terms TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sha(sha256 TEXT PRIMARY KEY, file BLOB, size INT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS access(repo TEXT, file BLOB, PRIMARY KEY(repo, file)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS xorb_access(scope TEXT, xorb BLOB, PRIMARY KEY(scope, xorb)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dedup(chunk BLOB PRIMARY KEY, xorb BLOB) WITHOUT ROWID;
"""


class Database:
    """A connection that any thread may use, one at a time."""

    def __init__(self, path):
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + SCHEMA)

    def run(self, sql, *args):
        """One statement; returns all rows."""
        with self._lock:
            return self._db.execute(sql, args).fetchall()

    def many(self, statements):
        """Statements as (sql, args) in one transaction."""
        with self._lock:
            self._db.execute("BEGIN")
            try:
                for sql, args in statements:
                    self._db.execute(sql, args)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def put(self, kind, key, value):
        """Store a document."""
        self.run("INSERT OR REPLACE INTO document VALUES(?,?,?)", kind, key, json.dumps(value))

    def put_many(self, kind, pairs):
        """Store many documents in one transaction."""
        rows = [(kind, key, json.dumps(value)) for key, value in pairs]
        with self._lock:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR REPLACE INTO document VALUES(?,?,?)", rows)
            self._db.execute("COMMIT")

    def drop(self, kind, key):
        """Delete a document."""
        self.run("DELETE FROM document WHERE kind=? AND key=?", kind, key)

    def all(self, kind):
        """All documents of a kind by key."""
        return {key: json.loads(text) for key, text in self.run("SELECT key, json FROM document WHERE kind=?", kind)}

    def close(self):
        """Close the file."""
        with self._lock:
            self._db.close()
