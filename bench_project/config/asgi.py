"""The ASGI application: `uvicorn config.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

from config import collector
from config.counting import counted_asgi

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = counted_asgi(get_asgi_application())

collector.set_up()
