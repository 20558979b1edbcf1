"""The load generator. The only place that imports locust; it runs in its own process, under gevent."""
