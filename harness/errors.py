"""Errors and exit codes.

A UserError is something the user can fix: it is printed as one message (what, where, what to do)
without a traceback. Anything else that is raised is a bug and keeps its traceback.
"""

from typing import Final

EXIT_MENDABLE: Final = 1

EXIT_INVALID: Final = 3

EXIT_FAILED: Final = 4
"""A claim or a gate failed."""

EXIT_OPEN: Final = 5
"""A gate can neither pass nor fail: the intervals still hold the limit."""

EXIT_INTERRUPTED: Final = 130


class UserError(Exception):
    """Lower case, one line per problem: what, where, what to do."""


class Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP: unwinds every `with`, and is never caught as an Exception. args[0] is the signal's name."""
