# SPDX-License-Identifier: Apache-2.0
"""Notes go to the database, files to the disk.

    GET  /             how many of both
    GET  /notes        the notes, as JSON
    POST /notes        add the request's body as a note
    PUT  /files/NAME   keep the request's body as NAME
    GET  /files/NAME   the file
"""

import os
import re

from django.conf import settings
from django.http import FileResponse, HttpResponse, HttpResponseBadRequest, HttpResponseNotAllowed, JsonResponse

from notes.models import Note

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def index(request):
    """Say how many notes and files there are, and which dyno says so."""
    files = len(list(settings.MEDIA_ROOT.iterdir())) if settings.MEDIA_ROOT.is_dir() else 0
    return HttpResponse(f"{Note.objects.count()} notes, {files} files, on {os.environ['DYNO']}\n", content_type="text/plain")


def notes(request):
    """List the notes, or add one."""
    if request.method == "POST":
        Note.objects.create(text=request.body.decode())
        return HttpResponse(status=201)
    return JsonResponse({"notes": list(Note.objects.values("id", "text", "words"))})


def file(request, name):
    """Keep a file, or give it back."""
    if not NAME.fullmatch(name):
        return HttpResponseBadRequest("no name for a file\n")
    path = settings.MEDIA_ROOT / name
    if request.method == "PUT":
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(request.body)
        return HttpResponse(status=201)
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET", "PUT"])
    return FileResponse(path.open("rb")) if path.is_file() else HttpResponse("no such file\n", status=404)
