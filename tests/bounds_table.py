"""What bounds each container that outlives a call and is grown somewhere: read by tests/test_bounds.py.

A row says what cannot grow further, and the constant or setting with its place where there is one.
"""

from __future__ import annotations

ONE_MESSAGE = "calls of one script on one message: MAX_EDITS of runner/worker/outcome.py ends such an exec"
ONE_COMMAND = "the text of one old configuration, read once by a command that then ends"
NO_CONTAINER = "no container of ours: "

BOUNDS: dict[tuple[str, str], str] = {
    ("kamailio/app_mono.py", "sys.path"): "one directory, once for each process of Kamailio",
    ("kamailio/app_mono.py", "_busy"): "one number",
    ("kamailio/app_mono_kemi.py", "_Host.done"): "the functions that Kamailio has",
    ("runner/mcs.py", "mono_version (cache)"): "the compilers that settings and options name: one",
    ("runner/runtimes/java.py", "_version (cache)"): "the compilers that are named: one",
    ("kamailio/played.py", "sys.path"): "one directory, once",
    ("kamailio/played.py", "_Lease.record"): "the names of the record",
    ("runner/hosts/recorded.py", "Recorded.calls"): ONE_MESSAGE,
    ("runner/cli/profile.py", "TimedHost._spent"): "the names of the calls: CALLS",
    (
        "runner/scripts/store.py",
        "Store._released",
    ): "generations that ended since the last copy was made or looked for",
    ("runner/scripts/store.py", "Store._uses"): "the files of the generations that are alive",
    ("runner/daemon/borrower.py", "Client.rejected"): "MAX_REJECTED, in reject",
    (
        "runner/control/connection.py",
        "Control._lines",
    ): "the lines of one read, READ_BYTES; no other read while there are some",
    ("runner/control/connection.py", "Control._rest.data"): "MAX_LINE_BYTES, looked at after each read",
    ("runner/control/connection.py", "last.data"): "the same",
    (
        "runner/control/connection.py",
        "last.descriptors",
    ): "MAX_DESCRIPTORS, looked at after each read; close closes them",
    ("runner/worker/holdings.py", "Holdings.loaded"): "MAX_LOADED, in add",
    ("runner/daemon/loans.py", "client.ended"): "MAX_LOANS, the deque's own maxlen",
    ("runner/daemon/sharing.py", "Sharing._wanted"): "the users of the system, for WANTED_S",
    ("runner/daemon/verdicts.py", "Verdicts._runner.scripts"): NO_CONTAINER + "CurrentScripts.extend",
    ("runner/pool/warming.py", "Warming._builds"): "MOST_BUILDS, in _build, but for those under way",
    ("runner/pool/warming.py", "Warming._build(generation, user).beginning"): (
        "one for each worker that runs it; each is over at its time, in _is_idle"
    ),
    ("runner/pool/warming.py", "build.warming"): "a share of the workers, in is_late",
    (
        "runner/worker/conversation.py",
        "Conversation._plans",
    ): "builds in Holdings.loaded, with one plan for each entry",
    (
        "runner/worker/conversation.py",
        "Conversation.holdings",
    ): "no container: it adds what is loaded to one, see there",
    ("runner/worker/holdings.py", "Holdings.bound"): "helpers of what is loaded: a load for each, so max_loads",
    ("runner/worker/conversation.py", "Conversation.holdings.ran"): "generations that are loaded: MAX_LOADED",
    ("runner/worker/conversation.py", "holdings.ran"): "generations that are loaded: MAX_LOADED",
    ("runner/worker/host_calls.py", "outcome.asked"): "MAX_KEPT_QUESTIONS, in _answer",
    ("runner/worker/outcome.py", "Profile._spent"): "four words",
    (
        "runner/worker/stderr.py",
        "Drain._todo",
    ): "starts and ends of workers since the thread looked last; it is woken for each",
    ("runner/worker/stderr.py", "Tail._kept"): "KEPT_LINES, the deque's own maxlen",
    ("runner/scripts/foresight.py", "Foresight._of"): "the entries of one build: MAX_ENTRIES of runner/wire/session.py",
    ("runner/scripts/foresight.py", "Foresight._edits"): "MAX_EDITS, in _note",
    ("runner/scripts/foresight.py", "Foresight._once"): "MAX_ONCE, in _note",
    ("runner/scripts/foresight.py", "Foresight._unused"): "MAX_READS, in _note",
    ("runner/sip/edits.py", "Edits.edits"): ONE_MESSAGE,
    ("runner/daemon/first_runs.py", "loan.slot.living.holdings.ran"): "scripts that are loaded there: MAX_LOADED",
    ("runner/hosts/kamailio/variables.py", "_logged"): "_MOST_LOGGED, in log_once",
    (
        "runner/hosts/kamailio/bounds.py",
        "Values._sizes",
    ): "names of long values: each takes of the share",
    ("runner/hosts/kamailio/exports.py", "Exports._confirmed"): "names in the tables of the modules that are loaded",
    ("runner/hosts/kamailio/exports.py", "_libc (cache)"): "one library",
    ("runner/hosts/kamailio/exports.py", "Exports._modules"): "names in the tables of the modules that are loaded",
    ("runner/hosts/kamailio/host.py", "KamailioHost.hdr"): NO_CONTAINER + "KSR.hdr, a module of Kamailio",
    ("runner/hosts/kamailio/ksr_bytes.py", "host.hdr"): NO_CONTAINER + "KSR.hdr, a module of Kamailio",
    ("runner/hosts/kamailio/ksr_guards.py", "host.iterators"): "calls of one exec, each of which is a turn",
    ("runner/hosts/kamailio/ksr_guards.py", "_made_names"): "_MOST_MADE, in _made",
    ("runner/hosts/kamailio/ksr.py", "plain"): "functions that only read: those that a table names",
    ("runner/hosts/kamailio/ksr_guards.py", "_routes"): "_MOST_ROUTES, in _callback",
    ("runner/hosts/embedded/host.py", "MessageHost.context.edits"): ONE_MESSAGE,
    ("runner/hosts/embedded/host.py", "MessageHost.context.reply_headers"): ONE_MESSAGE,
    (
        "runner/hosts/embedded/host.py",
        "MessageHost.logs",
    ): "MAX_TEXTS, and a line for each ModF that is unknown: MAX_EDITS",
    ("runner/hosts/embedded/host.py", "MessageHost.replies"): ONE_MESSAGE,
    ("runner/hosts/embedded/modf.py", "context.edits"): ONE_MESSAGE,
    ("runner/hosts/embedded/modf.py", "context.reply_headers"): ONE_MESSAGE,
    ("runner/hosts/embedded/pv/avp.py", "access.context.avps"): ONE_MESSAGE,
    ("runner/hosts/embedded/pv/htable.py", "access.context.process.hash_tables"): (
        "the tables of the environment; the listener has none. Their keys are one script's on one message: MAX_EDITS"
    ),
    ("runner/hosts/embedded/pv/identity.py", "context.identities"): "two keys, each with the addresses of its headers",
    ("runner/hosts/embedded/pv/parties.py", "_Target.edits"): ONE_MESSAGE,
    ("runner/hosts/embedded/pv/registry.py", "_VARIABLES"): "filled while the modules are imported",
    ("runner/hosts/embedded/pv/scriptvars.py", "access.context.process.script_variables"): (
        "MAX_VARIABLES of the listener, after each message; elsewhere a process ends with its message"
    ),
    ("runner/hosts/embedded/pv/scriptvars.py", "access.context.process.shared_variables"): "MAX_VARIABLES, the same",
    ("runner/hosts/embedded/pv/select.py", "Node.rows"): "filled while the modules are imported",
    ("runner/hosts/embedded/pv/transform.py", "_TRANSFORMATIONS"): "filled while the modules are imported",
    ("runner/hosts/embedded/pv/xavp.py", "node.value"): ONE_MESSAGE,
    ("runner/hosts/embedded/record_route.py", "context.edits"): ONE_MESSAGE,
    ("runner/hosts/embedded/routing.py", "context.branches"): "MAX_BRANCHES, in append_branch",
    ("runner/client/known.py", "Known._learned"): "LEARNED_GENERATIONS, in with_lessons",
    ("runner/client/known.py", "Known.scripts"): "MOST_SCRIPTS, in add",
    ("runner/client/known.py", "Refusals.until"): "MAX_REFUSED, in add; dropped before that when their time is over",
    ("runner/client/lease.py", "within.running"): "MAX_DEPTH of runner/wire/session.py",
    ("runner/client/within.py", "Within.running"): "MAX_DEPTH of runner/wire/session.py",
    ("runner/wire/session.py", "Session._outer"): "MAX_DEPTH, in exec",
    ("runner/client/lease.py", "Lease._known"): NO_CONTAINER + "Known.add",
    ("runner/client/lease.py", "Lease._refusals"): NO_CONTAINER + "Refusals.add",
    ("runner/control/messages.py", "cls._kinds"): "the members that one class of messages has",
    (
        "runner/client/lease.py",
        "holdings.loaded",
    ): "what one answer of the daemon names: MAX_LINE_BYTES of connection.py",
    ("runner/daemon/loans.py", "Loans._outdated"): "scripts of workers that came back, taken by each upkeep",
    ("runner/daemon/loans.py", "Loans.clients"): "the setting max_clients, where the daemon accepts",
    ("runner/daemon/loans.py", "client.loans"): "the setting max_workers: a loan is a worker",
    ("runner/listener.py", "Listener._waiting"): "the queue's own size, from the number of threads",
    ("runner/migrate/change.py", "Change._edits"): ONE_COMMAND,
    ("runner/migrate/change.py", "Change._has_script_line"): ONE_COMMAND,
    ("runner/migrate/change.py", "Change.findings"): ONE_COMMAND,
    ("runner/migrate/change.py", "Change.wanted.loads"): ONE_COMMAND,
    ("runner/migrate/change.py", "Change.wanted.paths"): ONE_COMMAND,
    ("runner/migrate/change.py", "loaded.own_scripts"): ONE_COMMAND,
    ("runner/migrate/change.py", "loaded.places"): ONE_COMMAND,
    ("runner/migrate/names.py", "Names.from_environment"): ONE_COMMAND,
    ("runner/migrate/names.py", "Names.rules"): ONE_COMMAND,
    ("runner/migrate/names.py", "Names.sources"): ONE_COMMAND,
    ("runner/migrate/names.py", "Names.unread_rules"): ONE_COMMAND,
    ("runner/scripts/poison.py", "Poison._lost"): "MAX_COUNTED, in _count",
    ("runner/scripts/poison.py", "Poison._until"): "MAX_REFUSED, the same",
    ("runner/pool/queue.py", "Queue.requests"): "the setting max_queue_size, in enter",
    ("runner/pool/slots.py", "Slots.all"): "the setting max_workers, in reserve",
    ("runner/pool/slots.py", "Slots.recent"): "RECENT_SCRIPTS, in use",
    (
        "runner/pool/slots.py",
        "Slots.retired",
    ): "workers that were retired since the last tick: each was one of max_workers",
    ("runner/daemon/daemon.py", "Daemon._ends"): "requests to end it, of which the first one does",
    ("runner/wire/session.py", "Session._rest"): "MAX_LINE_BYTES, in _received",
    ("runner/scripts/stamps.py", "Stamps._absent"): "the files of one script, when it is made",
    ("runner/scripts/watch.py", "Watch._files"): "MOST_SCRIPTS, in cover",
    ("runner/scripts/watch.py", "Watch._stale"): "directories in Watch._watches",
    ("runner/scripts/watch.py", "Watch._watches"): "the directories of what is in Watch._files",
    ("runner/scripts/files.py", "Files._known"): "MOST_PARTS, in part",
    ("runner/scripts/files.py", "Look._held"): "the files of one script, for one look at them: MOST_HELPERS and a few",
    ("runner/scripts/files.py", "Look._store"): NO_CONTAINER + "Store.put; Store has rows of its own",
    ("runner/scripts/files.py", "look.links"): "MOST_LINKS, in Place",
    ("runner/scripts/files.py", "look.stamps"): "as Look._held",
    ("runner/scripts/current.py", "CurrentScripts._scripts"): "MOST_SCRIPTS, in _script",
    ("runner/scripts/current.py", "CurrentScripts._seen"): "MOST_NAMES, in _remember",
    ("runner/scripts/builds.py", "look.stamps"): "as Look._held in files.py",
    ("runner/scripts/builds.py", "script.gone"): "the files of one script",
    ("runner/worker/remove.py", "_Later._waiting"): "WAITING, looked at before it grows",
    ("runner/worker/remove.py", "_Removal._next"): "REMEMBERED, the deque's own maxlen",
    ("runner/trust.py", "Place._passed"): "MOST_DIRECTORIES for each of MOST_LINKS",
    ("runner/trust.py", "Place._steps"): "MOST_DIRECTORIES, in _enter",
    ("runner/trust.py", "Place.links"): "MOST_LINKS, in _walk",
}

ONE_LINE = "one line of the runner: MaxLineBytes"

BRIDGE_BOUNDS: dict[tuple[str, str], str] = {
    ("Calls.cs", "Levels"): "the levels of the log, once",
    ("Callers.cs", "_suspended"): "MaxDepth, in Questions",
    ("Script.cs", "_entries"): "MostEntries, in Entry.AllOf",
    ("Copies.cs", "_own"): "the bridge itself, once",
    ("ExecRequest.cs", "Values"): "values of one plan: MAX_READS of runner/scripts/foresight.py",
    ("ExecRequest.cs", "_values"): "the same list",
    ("Foresight.cs", "_values"): "the same list",
    ("InternalCalls.cs", "Registered"): "the calls, once",
    ("JsonObject.cs", "_names"): ONE_LINE,
    ("JsonObject.cs", "_values"): ONE_LINE,
    ("JsonReader.cs", "_text"): ONE_LINE,
    ("JsonWriter.cs", "Bytes"): (
        "six bytes for each character of one call, of which there are MaxLineBytes at most; notices and edits that "
        "wait are sent at HoldNoticesBytes"
    ),
    ("Loader.cs", "_bound"): "assemblies that mono never frees: a worker is replaced at max_loads",
    ("Loader.cs", "_generationOf"): "scripts of one worker: the same",
    ("Loader.cs", "_scripts"): "one generation of each script: the same",
    ("Wire.cs", "_in"): "twice MaxLineBytes, in NextLine",
}

JAVA_BOUNDS: dict[tuple[str, str], str] = {
    ("Calls.java", "LEVELS"): "the levels of the log, once",
    ("Compiler.java", "OPTIONS"): "its options, once",
    ("Compiler.java", "made"): "the classes of one build; it ends with the load",
    ("Compiler.java", "units"): "the sources of one build; the same",
    ("Exec.java", "values"): "values of one plan: MAX_READS of runner/scripts/foresight.py",
    ("ExecRequest.java", "values"): "the same list",
    ("ExecRequest.java", "plan"): ONE_LINE,
    ("Generation.java", "compiled"): "the classes of one build",
    ("Generation.java", "known"): "the helpers of one build",
    ("Generation.java", "places"): "its jars",
    ("Generation.java", "misses"): "classes that are missing while one build is loaded; the load ends in its time",
    ("JsonWriter.java", "bytes"): (
        "six bytes for each character of one call, of which there are MaxLineBytes at most; notices and edits that "
        "wait are sent at HOLD_BYTES"
    ),
    ("ClassNames.java", "others"): "the constants of one class file: 65535",
    ("Loader.java", "generationOf"): "scripts of one worker, which is replaced at max_loads",
    ("Loader.java", "scripts"): "one generation of each script: the same",
    ("Script.java", "entries"): "MOST_ENTRIES",
    ("Script.java", "types"): "the classes of one source",
    ("Wire.java", "bytes"): "twice maxLineBytes, in next",
}
