"""The engine of a ClickHouse of today behind the part of its HTTP interface that the tests use.

chDB has the engine and no port. Statements come as the body of a POST; rows come as the body, with the INSERT behind
`?query=`, and are handed over by way of a file.
"""

import os
import re
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from chdb import session

SESSION = session.Session(sys.argv[2])
INSERT = re.compile(r"INSERT INTO `(\w+)`\.`(\w+)` \((.*)\) FORMAT RowBinary$")


def ask(sql):
    return SESSION.query(sql, "TabSeparated").bytes()


def insert(database, table, columns, body):
    types = dict(
        line.split("\t")
        for line in ask(
            f"SELECT name, type FROM system.columns WHERE database = '{database}' AND table = '{table}' "
            "FORMAT TabSeparatedRaw"
        ).decode().splitlines()
    )
    names = [name.strip("`") for name in columns.split(",")]
    structure = ", ".join(f"`{name}` {types[name]}" for name in names).replace("'", "\\'")
    with tempfile.NamedTemporaryFile(suffix=".bin") as rows:
        rows.write(body)
        rows.flush()
        ask(
            f"INSERT INTO `{database}`.`{table}` ({columns}) "
            f"SELECT * FROM file('{rows.name}', 'RowBinary', '{structure}')"
        )
    return b""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        query = parse_qs(urlsplit(self.path).query).get("query", [""])[0]
        found = INSERT.match(query)
        try:
            answer, status = (insert(*found.groups(), body) if found else ask((query or body.decode()))), 200
        except Exception as error:  # whatever the engine says is the answer
            answer, status = str(error).encode(), 500
        self.send_response(status)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
