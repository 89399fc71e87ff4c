# SPDX-License-Identifier: Apache-2.0
"""The worker: it counts the words of notes that nobody has counted yet."""

import signal
import threading

from django.core.management.base import BaseCommand

from notes.models import Note

PAUSE_S = 0.5


class Command(BaseCommand):
    """Run until TERM."""

    help = "count the words of new notes, until stopped"

    def handle(self, *args, **options):
        """Look for new notes, twice a second."""
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        while not stop.wait(PAUSE_S):
            for note in Note.objects.filter(words=None):
                note.words = len(note.text.split())
                note.save(update_fields=["words"])
                self.stdout.write(f"note {note.id} has {note.words} words")
                self.stdout.flush()
