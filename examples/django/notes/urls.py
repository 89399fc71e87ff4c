# SPDX-License-Identifier: Apache-2.0
"""Which address is which view."""

from django.urls import path

from notes import views

urlpatterns = [
    path("", views.index),
    path("notes", views.notes),
    path("files/<str:name>", views.file),
]
