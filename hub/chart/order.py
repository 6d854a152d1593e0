"""Where what has no time stands among what has one."""

from datetime import UTC, datetime

NEVER = datetime.min.replace(tzinfo=UTC)
"""Before every time: the undated come last where the newest comes first."""
LAST = 1e18
"""Behind every time, in seconds, turned round."""
