"""What requests carry besides what a scenario says: a session, the proof against CSRF, and a proxy's word for https."""

from harness.project import logins
from harness.project.logins import Carried
from harness.samples import joined
from harness.scenario.request import Request


def test_requests_of_somebody_carry_a_session_and_those_that_write_a_proof_in_one_line() -> None:
    carried = Carried({"alice": (("Cookie", "sessionid=s"),)}, (("Cookie", "csrftoken=t"),), (("X-Csrftoken", "t"),))
    read, write = (Request(path="/", method=method, login="alice") for method in ("GET", "POST"))
    assert joined(carried.by(read)) == {"Cookie": "sessionid=s; csrftoken=t"}
    assert joined(carried.by(write)) == {"Cookie": "sessionid=s; csrftoken=t", "X-Csrftoken": "t"}
    assert joined(carried.by(Request(path="/"))) == {"Cookie": "csrftoken=t"}


def test_the_proof_goes_by_the_names_that_the_project_gives_it() -> None:
    every, unsafe = logins.proofs(
        {"CSRF_COOKIE_NAME": "crumb", "CSRF_HEADER_NAME": "HTTP_X_CRUMB"}, "shop.example", "s3cret"
    )
    ((name, cookie),), ((header, token),) = every, unsafe
    assert (name, header, token) == ("Cookie", "X-Crumb", "s3cret")
    assert cookie == "crumb=s3cret"


def test_a_proxy_that_is_believed_says_https_and_what_writes_names_its_origin() -> None:
    told = {"SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTOCOL", "https"]}
    every, unsafe = logins.proofs(told, "shop.example:8000", "s3cret")
    assert ("X-Forwarded-Protocol", "https") in every
    assert ("Origin", "https://shop.example:8000") in unsafe
