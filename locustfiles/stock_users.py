"""Locust's own two clients, as its documentation shows them, for bench_client.py."""

from locust import FastHttpUser, HttpUser, task


class FastUser(FastHttpUser):
    @task
    def call(self) -> None:
        self.client.get("/")


class SlowUser(HttpUser):
    @task
    def call(self) -> None:
        self.client.get("/")
