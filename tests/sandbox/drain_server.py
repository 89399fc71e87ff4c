#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A receiver of HTTPS drains on loopback: makes a certificate of its own in DIR, and prints what it is sent.

    drain_server.py DIR [STATUS...]         the first requests are answered with these, all others with 204
"""
import http.server
import ssl
import subprocess
import sys

directory, statuses = sys.argv[1], [int(word) for word in sys.argv[2:]]


class Receiver(http.server.BaseHTTPRequestHandler):
    """Prints one line for each request, and its messages."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Read the body by its own counts, which have to agree with the headers."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        messages, rest = [], body
        while rest:
            count, rest = rest.split(b" ", 1)
            messages.append(rest[:int(count)])
            rest = rest[int(count):]
        status = statuses.pop(0) if statuses else 204
        print("status=%d path=%s type=%s counted=%s frame=%s token=%s auth=%s bounded=%s" % (
            status, self.path, self.headers["Content-Type"],
            int(self.headers["Logplex-Msg-Count"]) == len(messages), self.headers["Logplex-Frame-Id"],
            self.headers["Logplex-Drain-Token"][:2], self.headers["Authorization"], len(body) <= 256 << 10))
        for message in messages if status == 204 else []:
            print("got", message[:300].decode(errors="replace"))
        print("end", flush=True)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        """Standard error is for what goes wrong."""


subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", directory + "/key.pem",
                "-out", directory + "/cert.pem"], check=True, stderr=subprocess.DEVNULL)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(directory + "/cert.pem", directory + "/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print("port=%d" % server.server_port, flush=True)
server.serve_forever()
