"""runner.scripts.builds: what belongs to one build of a script, and files that are gone for a moment."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from runner.errors import ScriptNotFound
from tests.scripts.builds import Builds, Clock, Make, later


def test_config_and_symbols_that_appear_make_a_new_generation(make: Make, script: Path) -> None:
    scripts = make(clock_ns=later)
    bare = scripts.current(str(script))
    Path(f"{script}.config").write_text("<configuration/>")
    configured = scripts.current(str(script))
    script.with_suffix(".pdb").write_bytes(b"symbols")

    full = scripts.current(str(script))

    assert len({bare.id, configured.id, full.id}) == 3
    params = full.load_params()
    assert params["config"] == sha256(b"<configuration/>").hexdigest()
    assert params["symbols"] == sha256(b"symbols").hexdigest()
    assert bare.load_params() == {
        "path": str(script),
        "generation": bare.id,
        "file": bare.file.hash,
        "symbols": None,
        "config": None,
        "helpers": {},
    }


def test_helpers_are_looked_for_as_dll_then_exe_and_remembered(make: Make, script: Path, builds: Builds) -> None:
    scripts = make(clock_ns=later)
    here = script.parent
    (here / "H.dll").write_bytes(builds["h"])
    (here / "H.exe").write_bytes(builds["a"])
    (here / "I.exe").write_bytes(builds["i"])
    (here / "SR.dll").write_bytes(builds["i"])

    no_names = ("../x", "\ud800", "\udc80", "a\0b", "x" * 5000, "")
    generation = scripts.extend(scripts.current(str(script)), ("H", "I", "Gone", "SR", *no_names))

    helpers = generation.helpers
    assert helpers["H"] is not None
    assert helpers["H"].path == str(here / "H.dll")
    assert helpers["I"] is not None
    assert helpers["I"].path == str(here / "I.exe")
    assert {helpers[name] for name in ("Gone", "SR", *no_names)} == {None}
    assert generation.load_params()["helpers"]["H"]["path"] == str(here / "H.dll")
    assert scripts.current(str(script)) is generation


def test_a_changed_or_new_helper_makes_a_new_generation(make: Make, script: Path, builds: Builds) -> None:
    scripts = make()
    first = scripts.extend(scripts.current(str(script)), ("H",))
    (script.parent / "H.dll").write_bytes(builds["h"])
    second = scripts.current(str(script))
    (script.parent / "H.dll").write_bytes(builds["i"])

    third = scripts.current(str(script))

    assert len({first.id, second.id, third.id}) == 3
    assert first.file.hash == third.file.hash


def test_a_config_that_is_half_written_leaves_the_last_good_generation_serving(make: Make, script: Path) -> None:
    config = Path(f"{script}.config")
    config.write_text("<configuration></configuration>")
    scripts = make()
    good = scripts.current(str(script))
    scripts.accept(good)

    config.write_text("<configuration>")

    assert scripts.current(str(script)) is good


def test_a_deleted_script_serves_for_its_grace_and_no_longer(make: Make, script: Path, clock: Clock) -> None:
    scripts = make()
    good = scripts.current(str(script))
    scripts.accept(good)
    script.unlink()

    assert scripts.current(str(script)) is good
    clock.now += 4.9
    assert scripts.current(str(script)) is good
    clock.now += 0.2
    with pytest.raises(ScriptNotFound, match="no such file"):
        scripts.current(str(script))


def test_a_helper_that_is_deleted_and_written_again_is_never_seen_missing(
    make: Make, script: Path, builds: Builds, clock: Clock
) -> None:
    helper = script.parent / "H.dll"
    helper.write_bytes(builds["h"])
    scripts = make()
    good = scripts.extend(scripts.current(str(script)), ("H",))
    scripts.accept(good)

    helper.unlink()
    assert scripts.current(str(script)) is good
    helper.write_bytes(builds["i"])
    assert scripts.current(str(script)).id != good.id
    helper.unlink()
    scripts.current(str(script))
    clock.now += 6

    assert scripts.current(str(script)).helpers == {"H": None}
