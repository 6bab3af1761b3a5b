"""What goes wrong on purpose, and the settings of the stand-in: both set over HTTP by a test."""

import threading
from dataclasses import asdict, dataclass, field, fields
from typing import Optional


class ControlError(Exception):
    """A rule or setting that makes no sense."""


# Where a fault strikes, and what it can do there.
PLACES = {
    "call": ("error", "delay", "disconnect"),  # before an API call is handled
    "answer": ("error", "delay", "disconnect"),  # after it took effect, instead of its answer
    "statement": ("fail", "delay", "kill"),  # before the statement of this number runs (1 is the first)
    "commit": ("fail", "delay", "kill"),  # before the commit
    "committed": ("fail", "delay"),  # after it: the rows stand, whatever DescribeStatement says
}

SERIALIZABLE = ("1023 DETAIL: Serializable isolation violation on table - 100201, transactions forming the cycle are: "
                "2301, 2302 (pid:1073775083)")

STATUSES = {"InternalServerException": 500, "InternalFailure": 500, "ServiceUnavailableException": 503}


@dataclass
class Rule:
    at: str
    do: str
    action: Optional[str] = None  # of `call` and `answer`; any when absent
    database: Optional[str] = None  # any when absent
    number: Optional[int] = None  # of `statement`
    skip: int = 0  # lets this many pass first
    times: Optional[int] = 1  # null: for ever
    seconds: float = 0  # of `delay`
    error: str = "InternalServerException"  # code of `error`; status 400 unless listed in STATUSES
    status: Optional[int] = None
    message: str = "injected by the rig"
    text: str = "injected by the rig"  # of `fail`: what follows `ERROR: `; `serializable` stands for error 1023

    def __post_init__(self):
        if self.do not in PLACES.get(self.at, ()):
            raise ControlError(f"no fault does {self.do!r} at {self.at!r}; there are {PLACES}")
        if (self.number is None) != (self.at != "statement"):
            raise ControlError("`number` belongs to faults at `statement`, and only there")
        if self.text == "serializable":
            self.text = SERIALIZABLE

    @property
    def http_status(self):
        return self.status or STATUSES.get(self.error, 400)


@dataclass
class Settings:
    workgroups: list = field(default_factory=lambda: ["rig"])
    clusters: list = field(default_factory=lambda: ["rig-cluster"])
    denied_actions: list = field(default_factory=list)  # DescribeStatement…: no IAM permission
    denied_roles: list = field(default_factory=list)  # attached, but S3 says Access Denied
    unattached_roles: list = field(default_factory=list)  # not attached to the namespace (`default` too)
    wait: str = "honoured"  # WaitTimeSeconds: honoured, ignored, refused
    isolation: str = "snapshot"  # or serializable
    active_limit: int = 500  # statements not yet ended, of all callers
    page_rows: int = 1000
    paused: bool = False  # statements stay SUBMITTED
    clock_ahead_seconds: float = 0  # for what ends with time: results after 24 h, client tokens after 8 h

    def update(self, given):
        known = {each.name: type(getattr(self, each.name)) for each in fields(self)}
        for key, value in given.items():
            if key not in known:
                raise ControlError(f"no setting {key!r}; there are {sorted(known)}")
            if known[key] is float and isinstance(value, int):
                value = float(value)
            if not isinstance(value, (known[key], float) if known[key] is float else known[key]):
                raise ControlError(f"setting {key!r} takes a {known[key].__name__}, not {value!r}")
            setattr(self, key, value)
        if self.wait not in ("honoured", "ignored", "refused") or self.isolation not in ("snapshot", "serializable"):
            raise ControlError(f"wait {self.wait!r} or isolation {self.isolation!r} is none of the choices")


class Faults:
    def __init__(self):
        self.lock = threading.Lock()
        self.rules = []

    def set(self, given, database=None):
        """Replaces all rules, or those of one database by rules for that database."""
        try:
            rules = [Rule(**(each if database is None else each | {"database": database})) for each in given]
        except TypeError as error:
            raise ControlError(str(error)) from None
        with self.lock:
            self.rules = rules + [rule for rule in self.rules if database is not None and rule.database != database]

    def take(self, at, **facts):
        """The rule that strikes now, used up once; None when none does."""
        with self.lock:
            for rule in self.rules:
                if rule.at != at or rule.times == 0:
                    continue
                if any(getattr(rule, name) not in (None, value) for name, value in facts.items()):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                if rule.times is not None:
                    rule.times -= 1
                return rule
            return None

    def left(self):
        with self.lock:
            return [asdict(rule) for rule in self.rules]
