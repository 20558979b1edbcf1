"""The WSGI application: `gunicorn config.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

from config import collector
from config.counting import counted_wsgi

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = counted_wsgi(get_wsgi_application())

collector.set_up()
