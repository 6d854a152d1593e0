"""``hub demo``: a fictional county sends real messages over MLLP and HTTP, and its teams do their work over GraphQL.

opening (directory, a year of messages, the record) ---> today (a discharge, a visit, a referral) ---> addresses
"""

from hub.demo.opening import run

__all__ = ["run"]
