# SPDX-License-Identifier: Apache-2.0
"""Settings: everything that differs from one place to another comes from config vars."""

import os
import pathlib

import dj_database_url

BASE_DIR = pathlib.Path(__file__).resolve().parent.parent

SECRET_KEY = os.environ["SECRET_KEY"]
DEBUG = False
# Who may ask is the business of what stands in front of the dyno
ALLOWED_HOSTS = ["*"]

INSTALLED_APPS = ["notes"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "notes.urls"
WSGI_APPLICATION = "notes.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# DATABASE_URL
DATABASES = {"default": dj_database_url.config(conn_max_age=60)}

# On the dyno's own disk: they live as long as the dyno
MEDIA_ROOT = BASE_DIR / "uploads"

USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
