#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small, real web app: a page, and files that people upload.

It knows nothing of dynos. It listens on $PORT and keeps what it is given in uploads/ beside itself, the way many a first
app does; in a dyno those files live as long as the dyno.

    GET  /                what is here
    PUT  /upload/NAME     keep the request's body as NAME
    POST /upload?name=NAME  the same; an HTML form may send multipart/form-data
    GET  /uploads/        the names, one a line
    GET  /uploads/NAME    the file
    GET  /health          "ok"
"""

import email.parser
import email.policy
import html
import http.server
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import threading
import urllib.parse

UPLOADS = pathlib.Path(__file__).resolve().parent / "uploads"
FORM_LIMIT = 16 << 20
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>{title}</title>
<style>body {{ font: 18px/1.5 sans-serif; max-width: 40em; margin: 3em auto; }}</style>
<h1>Hello from {dyno}</h1>
<p>I listen on port {port} and keep what you upload in <code>{uploads}</code>.</p>
<form method="post" action="/upload" enctype="multipart/form-data">
  <input type="file" name="file"> <button>Upload</button>
</form>
<h2>{count} file(s)</h2>
<ul>{items}</ul>
"""


class BadRequest(Exception):
    """The client asked for something that cannot be: its text is the answer."""


def clean_name(name):
    """The name if it is a plain file name, nothing that could leave the directory."""
    if not NAME.fullmatch(name):
        raise BadRequest("a file name is 1 to 100 of A-Z a-z 0-9 . _ - and does not begin with . or -")
    return name


def uploaded():
    """The uploaded files, by name."""
    return sorted(p for p in UPLOADS.glob("[!.]*") if p.is_file())


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server_version = "example-web/1"
    timeout = 30

    def answer(self, status, body, kind="text/plain; charset=utf-8"):
        """Send a whole answer."""
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def do_GET(self):  # noqa: N802 - the name is the library's
        """Pages and files."""
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        if path == "/":
            self.answer(200, self.page(), "text/html; charset=utf-8")
        elif path == "/health":
            self.answer(200, "ok\n")
        elif path in ("/uploads", "/uploads/"):
            self.answer(200, "".join(f"{p.name}\n" for p in uploaded()))
        elif path.startswith("/uploads/"):
            self.send_file(path.removeprefix("/uploads/"))
        else:
            self.answer(404, "no such page\n")

    do_HEAD = do_GET

    def do_PUT(self):  # noqa: N802
        """PUT /upload/NAME: the body is the file."""
        self.upload()

    def do_POST(self):  # noqa: N802
        """POST /upload: a form, or a bare body with ?name=."""
        self.upload()

    def page(self):
        """The HTML of the front page."""
        items = "".join(f'<li><a href="/uploads/{urllib.parse.quote(p.name)}">{html.escape(p.name)}</a> '
                        f"{p.stat().st_size} bytes" for p in uploaded())
        dyno = html.escape(os.environ.get("DYNO", "no dyno at all"))
        return PAGE.format(title=dyno, dyno=dyno, port=self.server.server_port, uploads=html.escape(str(UPLOADS)),
                           count=len(uploaded()), items=items)

    def send_file(self, name):
        """One uploaded file."""
        try:
            with open(UPLOADS / clean_name(name), "rb") as file:
                self.send_response(200)
                self.send_header("Content-Type", "application/octet-stream")
                self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
                self.end_headers()
                if self.command != "HEAD":
                    shutil.copyfileobj(file, self.wfile)
        except (BadRequest, OSError):
            self.answer(404, "no such file\n")

    def upload(self):
        """Keep a file; any answer but 201 closes the connection, for the body may not have been read."""
        try:
            name, size = self.receive()
            self.answer(201, f"stored {name} ({size} bytes)\n")
        except (BadRequest, OSError) as error:
            self.close_connection = True
            full = isinstance(error, OSError)
            self.answer(507 if full else 400, f"{error.strerror if full else error}\n")

    def receive(self):
        """Read the body into a file. Return: its name and size."""
        url = urllib.parse.urlsplit(self.path)
        if url.path != "/upload" and not url.path.startswith("/upload/"):
            raise BadRequest("files go to /upload")
        try:
            length = int(self.headers["Content-Length"])
        except (TypeError, ValueError):
            raise BadRequest("no Content-Length") from None
        if self.headers.get_content_type() == "multipart/form-data":
            return self.receive_form(length)
        query = urllib.parse.parse_qs(url.query)
        name = clean_name(urllib.parse.unquote(url.path.removeprefix("/upload").strip("/"))
                          or query.get("name", [""])[0])
        return name, self.store(name, self.rfile, length)

    def receive_form(self, length):
        """The first file of an HTML form."""
        if length > FORM_LIMIT:
            raise BadRequest(f"a form may hold {FORM_LIMIT >> 20} MiB; use PUT /upload/NAME for more")
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.rfile.read(length))
        for part in form.iter_parts() if form.is_multipart() else ():
            if part.get_filename():
                body = part.get_payload(decode=True) or b""
                name = clean_name(re.sub(r"[^A-Za-z0-9._-]", "_", part.get_filename()).lstrip(".-"))
                with tempfile.TemporaryFile() as file:
                    file.write(body)
                    file.seek(0)
                    return name, self.store(name, file, len(body))
        raise BadRequest("the form has no file")

    def store(self, name, source, length):
        """Copy exactly length bytes to a file that appears whole or not at all."""
        UPLOADS.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=UPLOADS, prefix=".part-", delete=False) as part:
            try:
                left = length
                while left > 0:
                    block = source.read(min(left, 1 << 16))
                    if not block:
                        raise BadRequest(f"the body ended {left} bytes early")
                    part.write(block)
                    left -= len(block)
                part.flush()
                os.replace(part.name, UPLOADS / name)
            except BaseException:
                os.unlink(part.name)
                raise
        return length


def main():
    """Serve until SIGTERM, which is how a dyno is told to stop."""
    port = int(os.environ.get("PORT", "8000"))
    server = http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler)
    # shutdown() waits for serve_forever(), so it may not run in the thread that it interrupts
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listening on port {server.server_port} as {os.environ.get('DYNO', 'nobody in particular')}", flush=True)
    server.serve_forever()
    server.server_close()
    print("bye", flush=True)


if __name__ == "__main__":
    sys.exit(main())
