"""runner.cluster.names: subjects of NATS."""

from __future__ import annotations

from runner.cluster import names


def test_each_id_is_another_one_and_part_of_a_subject() -> None:
    made = {names.new_id() for _ in range(100)}

    assert len(made) == 100
    assert all(id_ == names.token(id_) for id_ in made)


def test_a_runtime_of_any_name_is_one_part_of_a_subject() -> None:
    assert names.lease("mono") == "appmono.v1.lease.mono"
    assert names.lease("my own.>*") == "appmono.v1.lease.my_own___"
    assert names.lease("") == "appmono.v1.lease._"


def test_what_goes_to_a_node_is_no_subject_of_a_daemon() -> None:
    assert names.node("a", "*") != names.host("a", "*")
    assert names.leases_of("a") not in {names.node("a", "*"), names.host("a", "*")}
