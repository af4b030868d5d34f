"""
The tables of the settings, and the kinds of values that they share with the others.

Must not know how a setting is carried out.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from runner.directives import MOST_FILES, NAME
from runner.reviewed import fault_of

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
SomeSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _suffix(text: str) -> str:
    if not re.fullmatch(r"\.[a-z0-9_.+-]{1,20}", text.lower()):
        raise ValueError(f'expected the end of a name, such as ".lua", but {text!r:.80} came')
    return text.lower()


Suffix = Annotated[str, AfterValidator(_suffix)]


def _refused(entry: str) -> str:
    fault = fault_of(entry)
    if fault is not None:
        raise ValueError(fault)
    return entry


RefusedFunction = Annotated[str, AfterValidator(_refused)]


def _reply(line: str) -> str:
    if not re.fullmatch(r"[3-6][0-9]{2} [^\0-\x1f\x7f]+", line):
        raise ValueError(f"expected a code from 300 to 699 and a reason, but {line!r:.80} came")
    return line


ReplyLine = Annotated[str, AfterValidator(_reply)]


def _table(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]+", name):
        raise ValueError(f"expected a name of letters, digits and _, but {name!r:.80} came")
    return name


HashTable = Annotated[str, AfterValidator(_table)]


def _beside(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f'expected the name of a file beside the script, such as "numbers.txt", but {name!r:.80} came')
    return name


def _files(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) > MOST_FILES:
        raise ValueError(f"expected at most {MOST_FILES} files, got {len(set(names))}")
    return tuple(dict.fromkeys(names))


FilesBeside = Annotated[tuple[Annotated[str, AfterValidator(_beside)], ...], AfterValidator(_files)]


def _nats(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in {"nats", "tls"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right:  # the URL itself is not shown: it may have a password
        raise ValueError(
            "expected a URL such as nats://sip:PASSWORD@n1:4222, or one with tls://; after it n2:4222 will do"
        )
    return url


def _of_the_first(urls: Any) -> Any:
    """What the first URL says of all servers: an entry without a scheme has its scheme, and its user."""
    if isinstance(urls, str):  # as --nats has it; and it may have a password, so that it is not to be shown
        urls = urls.split(",")
    if not isinstance(urls, list | tuple) or not all(isinstance(url, str) for url in urls):
        return urls
    scheme, is_url, rest = urls[0].partition("://") if urls else ("", "", "")
    user, at, _ = rest.rpartition("@")

    def whole(entry: str) -> str:
        return entry if "://" in entry else f"{scheme}://{entry}" if "@" in entry else f"{scheme}://{user}{at}{entry}"

    return [whole(url) for url in urls] if is_url else urls


def _one_user(urls: tuple[str, ...]) -> tuple[str, ...]:
    if len(users := sorted({urlsplit(url).username or "" for url in urls})) > 1:
        raise ValueError(f"expected the same user in all URLs, but {', '.join(map(repr, users))} came")
    return urls


NatsUrls = Annotated[
    tuple[Annotated[str, AfterValidator(_nats)], ...], BeforeValidator(_of_the_first), AfterValidator(_one_user)
]


def host_and_port(text: str) -> tuple[str, int] | None:
    """The IP address and the port of "127.0.0.1:9464" or "[::1]:9464"; None where it is none."""
    host, _, port = text.rpartition(":")
    try:
        found = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    is_right = (found.version == 6) == host.startswith("[") and re.fullmatch("[0-9]{1,5}", port)  # noqa: PLR2004 - IPv6
    return (str(found), int(port)) if is_right and 0 < int(port) < 1 << 16 else None


def _http(text: str) -> str:
    if text and not text.startswith("/") and host_and_port(text) is None:
        raise ValueError(
            f'expected an IP address and a port, such as "127.0.0.1:9464", or a path, but {text!r:.80} came'
        )
    return text


HttpAddress = Annotated[str, AfterValidator(_http)]


def _by_full_name(table: Any) -> Any:
    """TOML reads ``tm.t_relay = 1`` without quotes as a table ``tm``."""
    if not isinstance(table, dict):
        return table
    found: dict[str, Any] = {}
    for name, value in table.items():
        found |= (
            {f"{name}.{below}": each for below, each in value.items()} if isinstance(value, dict) else {name: value}
        )
    return found


def _answer(value: Any) -> Any:
    if value is not None and type(value) not in {bool, int, str}:
        raise ValueError(f'expected a number, a text, true, false or "null", but {value!r:.80} came')
    return None if value == "null" else value


Answers = Annotated[
    dict[str, Annotated[bool | int | str | None, BeforeValidator(_answer)]], BeforeValidator(_by_full_name)
]


class ScriptSettings(BaseModel):
    """What a failure of one script is to the routing script, and which files belong to its build."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on_error: bool | None = None
    """As ``on_error`` for all scripts."""
    on_timeout: bool | None = None
    """As ``on_timeout`` for all scripts."""
    on_busy: bool | None = None
    """As ``on_busy`` for all scripts."""
    files: FilesBeside = ()
    """Names of files beside the script that it reads, ["numbers.txt"]: as ``-file`` in a source, see scripts.md, for
    scripts whose source cannot say so, for example an old ``.exe`` or a ``.jar``. Counts after ``app-mono reload``."""


class ListenerSettings(BaseModel):
    """What the SIP listener (``app-mono serve --sip``) does with a request, by the result of its script."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on_true: str = "forward"
    """When the script returned true: "forward" (to $du if set, else to the R-URI), "drop", or "reply:CODE:REASON", in
    which pseudo-variables are replaced."""
    on_false: str = "reply:403:Forbidden"
    """The same for false, and for a script that failed."""


class RuntimeSettings(BaseModel):
    """
    Workers of one runtime: ``mono``, ``python``, ``node``, ``java``, or one of your own.

    What is not said here is as for all, but ``num_workers`` is 0: a runtime without scripts costs no process.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: tuple[str, ...] = ()
    """The program and its options, before the bridge; of a runtime of your own the whole worker, which speaks
    protocol.md. ["/srv/venv/bin/python3"] gives scripts in Python the packages of that environment."""
    suffixes: tuple[Suffix, ...] = ()
    """How the names of its scripts end, beside those that it has already: [".lua"]."""
    num_workers: Count | None = None
    """As ``num_workers`` for all."""
    max_workers: Annotated[int, Field(ge=1)] | None = None
    """As ``max_workers`` for all."""
    spare_workers: Count | None = None
    """As ``spare_workers`` for all; they are kept as soon as it has a script."""
    start_timeout_s: SomeSeconds | None = None
    """As ``start_timeout_s`` for all."""
    max_open_files: Count | None = None
    """As ``max_open_files`` for all."""
    max_address_space_mib: Count | None = None
    """As ``max_address_space_mib`` for all; 0 for node, which reserves far more than it uses."""
    max_processes: Count | None = None
    """As ``max_processes`` for all."""
    max_worker_memory_mib: Count | None = None
    """As ``max_worker_memory_mib`` for all."""

    def of_workers(self) -> dict[str, Any]:
        """What it says that is a setting for all, too; None: nothing."""
        return self.model_dump(exclude={"command", "suffixes"})
