"""A command of the hub in a process of its own, without the two seconds of processor time that its imports take.

One process imports the hub and never runs it; each command is a fork of that one, with words, environment and output
of its own. From there on it is what ``python -m hub`` is: it listens, writes, starts children, and can be killed. The
demo, the wheel and the fleet that is killed at random are started as a site starts them.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["hub.cli", __name__])


class Forked:
    """A running command. `output` gets what it prints; `errors` too, where no other file is given."""

    def __init__(
        self, words: Sequence[str], environment: Mapping[str, str], output: Path, errors: Path | None = None
    ) -> None:
        for file in (output, errors or output):
            file.touch()  # whoever looks while it starts finds a file
        given = (list(words), dict(environment), str(output), str(errors or output))
        self._process = _CONTEXT.Process(target=_run, args=given)
        self._process.start()

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Its status once it has ended, the negative number of the signal where one ended it; None while it runs."""
        return self._process.exitcode

    def wait(self, seconds: float) -> int:
        """Its status. Raises TimeoutError where it does not end in time."""
        self._process.join(seconds)
        status = self.poll()
        if status is None:
            raise TimeoutError(f"it still runs after {seconds} s")
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """As a power cut would: no line of it runs after this."""
        self.send_signal(signal.SIGKILL)


def _run(words: list[str], environment: dict[str, str], output: str, errors: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for name, number in ((output, 1), (errors, 2)):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["hub", *words]
    from hub.cli import main  # the fork's own: tests that only look at processes need not import the hub

    main()
