"""The one place where the parts meet: profiles, mappings and adapters become listeners, doors and a worker."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import BaseRoute

from adapters.fhir.endpoint import Outcome
from adapters.hl7v2.listener import MllpListener
from hub.alerting import Watcher
from hub.alerts import load_thresholds
from hub.anatomy import Anatomist
from hub.api.routes import create_routes
from hub.checking import CheckingProcess
from hub.collecting import Collector
from hub.entering import Entering
from hub.events import EventFeed
from hub.followups import load_ladder
from hub.intake import Desk
from hub.keeping import Keeper
from hub.likeness import load_matcher
from hub.message import Message, Source
from hub.metrics import Metrics
from hub.policy import load_programme, policy_folders
from hub.profiles import Profiles
from hub.programme.happened import Happened
from hub.programme.reactions import Due, reactions
from hub.settings import Settings
from hub.sources import SourceBook
from hub.tallying import Tally
from hub.timekeeping import Timekeeper
from hub.tokens import Keyring
from hub.webhooks import Postman, open_key, read_receivers
from hub.wiring.collecting import Collecting
from hub.wiring.doors import Behind, Doors, record_door, sender_by
from hub.wiring.matching import SiteNames, open_matcher
from hub.wiring.outcomes import Outcomes
from hub.wiring.profiles import profile_places, read_named_files, sample_eyes, sender_to
from hub.wiring.reading import Reader
from hub.worker import Worker

__all__ = [
    "Behind",
    "Doors",
    "Hub",
    "Outcome",
    "open_matcher",
    "profile_places",
    "read_named_files",
    "sample_eyes",
    "sender_to",
]


class Hub:
    """Everything that reads, keeps and merges, over one database and one folder of profiles."""

    def __init__(self, settings: Settings, engine: AsyncEngine, doors: AsyncEngine | None = None) -> None:
        self.settings = settings
        self.engine = engine
        places = profile_places(settings)
        self.kinds = places.base.kinds
        self.profiles = Profiles(places)
        self.programme = load_programme(settings.region, policy_folders(settings.config_dir))
        self.ladder = load_ladder(policy_folders(settings.config_dir), settings.region)
        self.keyring = Keyring.open(settings.home / "keys")
        self.feed = EventFeed(engine)
        self.keeper = Keeper(doors or engine)  # readers who hold every connection must not make the doors deaf
        self.checking = CheckingProcess()
        self.reader = Reader(self.profiles, self.checking, engine, settings.validate_share)
        self.conformance = self.reader.conformance
        outcomes = Outcomes(engine, self.feed)
        sender = sender_by(self.keyring, self.profiles)
        self.metrics = Metrics(engine, lambda: self.sources.by_name)
        keep = self.metrics.watching(self.keeper.keep)
        behind = Behind(keep=keep, wait=outcomes.wait, find=outcomes.find, sender=sender)
        self.doors = Doors(settings, self.profiles, self.checking, behind)
        fetching = Collecting(settings, self.profiles, self.checking, engine, self.doors, keep)
        self.collector = Collector(lambda: self.profiles.now.book.by_name, fetching.begin)
        self._reactions = self.profiles.made(lambda of: reactions(self.programme, self.ladder, of.organisations))
        self.tally = Tally(engine)
        self.names = SiteNames(engine)
        self.matcher = load_matcher(self.kinds, settings.config_dir, self.names)
        self.entering = Entering(engine, self.matcher, lambda name: self.sources.by_name.get(name))
        self.desk = Desk(
            kinds=self.kinds,
            matcher=self.matcher,
            source_of=self.reader.source_of,
            read=self.reader.read,
            reactions=[self._react],
            unread=self.tally.add,
        )
        self.worker = Worker(engine, self.desk, self.keeper.kept, on_batch=self.metrics.count_batch)
        due = self.profiles.made(lambda of: Due(self.ladder, of.organisations))
        acts = (Due.agreements, Due.follow_ups, Due.slots, Due.referrals)
        self.timekeeper = Timekeeper(engine, [due.calling(act) for act in acts])
        key, receivers = open_key(settings.home / "keys"), read_receivers(settings.alert_webhooks)
        self.postman = Postman(engine, receivers, key, on_attempt=self.metrics.count_webhook)
        thresholds = load_thresholds(settings.config_dir)
        self.watcher = Watcher(engine, lambda: self.sources.by_name, thresholds, settings.home, self.postman.places)

    @property
    def sources(self) -> SourceBook:
        """Who may send, as the profiles stand now."""
        return self.profiles.now.book

    @property
    def listener(self) -> MllpListener:
        """The MLLP listener; every frame is kept before it is acknowledged."""
        return self.doors.listener

    @property
    def anatomist(self) -> Anatomist:
        """Takes messages apart for whoever looks at them."""
        return self.reader.anatomist

    def source_of(self, message: Message) -> Source:
        """Who sent a kept message. Raises Refused (unknown-source)."""
        return self.reader.source_of(message)

    def routes(self) -> Sequence[BaseRoute]:
        """The routes of GraphQL, of the way out by FHIR, and of the doors."""
        graphql = create_routes(
            engine=self.engine,
            keyring=self.keyring,
            feed=self.feed,
            kinds=self.kinds,
            programme=self.programme,
            ladder=self.ladder,
            matcher=self.matcher,
            kept=self.keeper.kept,
            anatomist=self.reader.anatomist,
            library=lambda: self.profiles.now,
        )
        out = record_door(self.engine, self.keyring)
        return [*graphql, *out.routes(), *self.doors.routes()]

    async def _react(self, happened: Happened) -> None:
        for reaction in self._reactions():
            await reaction(happened)

    def close(self) -> None:
        """End the checking process."""
        self.checking.close()
