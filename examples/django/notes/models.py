# SPDX-License-Identifier: Apache-2.0
"""What is kept in the database."""

from django.db import models


class Note(models.Model):
    """A note; its words are counted by the worker."""

    text = models.TextField()
    words = models.IntegerField(null=True)
    made = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "notes"
        ordering = ["id"]
