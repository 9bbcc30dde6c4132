"""Where the embedded API server knowingly differs: by promise, what it does instead, and why.

The one table of them. A test asserts each on both servers through `Api.either`; one that is not declared here, or that is
gone, fails. docs/conformance.md shows it.
"""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """What the embedded API server does instead, and why it may."""

    instead: str
    why: str


DIFFERENCES: dict[str, Difference] = {
    "kinds_that_are_lacking": Difference(
        "Groups and kinds that nothing acts on here are a 501 with a hint.",
        "It is a stage for pylb, not a Kubernetes; nobody shall mistake silence for success.",
    ),
    "pod_subresources_that_are_lacking": Difference(
        "`log`, `exec`, `attach`, `portforward`, `eviction` and `binding` are a 501 with a hint, for any pod name.",
        "Its pods are objects only; the lab runs their processes.",
    ),
    "openapi_of_built_in_kinds": Difference(
        "Built-in kinds have a schema without fields.",
        "The real one's are several megabytes; kubectl then leaves the checking to the server.",
    ),
    "explain": Difference(
        "`kubectl explain` knows the kind and none of its fields.",
        "It follows from the schemas without fields.",
    ),
    "protobuf_of_an_unknown_kind": Difference(
        "A protobuf body of a kind that it does not read is a 415 that says how to send it.",
        "It reads the messages that kubectl sends; a client may try JSON after a 415.",
    ),
    "yaml_answers": Difference(
        "Who accepts YAML alone gets a 406.",
        "kubectl and pylb ask for JSON.",
    ),
    "unknown_fields_of_built_in_kinds": Difference(
        "They are stored as they come, without a warning.",
        "It has no schemas of built-in kinds.",
    ),
    "strict_validation_of_built_in_kinds": Difference(
        "The unknown field is stored.",
        "It has no schemas of built-in kinds.",
    ),
    "apply_of_unknown_fields_of_built_in_kinds": Difference(
        "The unknown field is stored.",
        "It has no schemas of built-in kinds.",
    ),
    "managed_fields": Difference(
        "There are none.",
        "Ownership of fields is a large machine, and nothing of pylb reads it.",
    ),
    "apply_conflicts": Difference(
        "The last apply wins.",
        "It does not track who owns which field; pylb writes by merge patches.",
    ),
    "apply_of_the_same_value": Difference(
        "What a manager leaves out goes, even if another manager applied it, too.",
        "It does not track who owns which field.",
    ),
    "what_a_new_namespace_brings": Difference(
        "Neither is made.",
        "Nothing in it asks for tokens.",
    ),
    "foreground_deletion": Difference(
        "Dependents go at once, and the owner with them.",
        "It collects garbage within the delete.",
    ),
    "pages_are_a_snapshot": Difference(
        "Each page shows the objects as they are now.",
        "It keeps changes for watches, and no old states.",
    ),
    "watch_from_no_version": Difference(
        "It is a 400, as it is for lists on both.",
        "A client's mistake is no fault of the server.",
    ),
    "when_bookmarks_come": Difference(
        "A watch that asked for bookmarks ends with one, and has one now and then before.",
        "pylb relies on none; tests of it want to see them.",
    ),
    "wide_columns_of_workloads": Difference(
        "`-o wide` shows fewer columns.",
        "People look at the others.",
    ),
    "replica_sets": Difference(
        "A Deployment owns its pods itself, and ReplicaSets are a 501.",
        "One controller less; the names of pods are as if there were one.",
    ),
    "endpoints_objects": Difference(
        "There is none.",
        "Deprecated; pylb reads EndpointSlices.",
    ),
}
