"""Alerts: a figure that is watched goes bad, somebody is called once, and once again when it is well.

``thresholds`` say where an alert begins and ends, ``rhythm`` what a source's usual pause is, ``readings`` hold the
figures against both, ``judging`` tells what begins and what is over, ``telling`` puts it into words. All of it pure:
`hub.alerting` looks at the figures, `hub.webhooks` delivers.
"""

from hub.alerts.judging import Verdict, judge
from hub.alerts.kinds import UNITS, Alert, Kind
from hub.alerts.readings import Reading
from hub.alerts.telling import next_step, sentence, tell
from hub.alerts.thresholds import Thresholds, load_thresholds

__all__ = [
    "UNITS",
    "Alert",
    "Kind",
    "Reading",
    "Thresholds",
    "Verdict",
    "judge",
    "load_thresholds",
    "next_step",
    "sentence",
    "tell",
]
