"""What is published in git is what the models say, and every release ever made stays readable."""

import json
import re
import shutil
from typing import Any

import jsonschema
import pytest

from event_contracts import EVENT_TYPES, Topic, publish
from event_contracts.compatibility import incompatibilities
from event_contracts.envelope import decode
from event_contracts.samples import sample_events
from event_contracts.schemas import event_schema
from event_contracts.sources import SOURCES

RELEASES = publish.released()
CURRENT = {f"{name}.v{event.version}": event_schema(event) for name, event in EVENT_TYPES.items()}

_REMEDY = "run `python -m event_contracts.publish` and look at the difference"


def ids(releases):
    return [f"{release.event} revision {release.revision}" for release in releases]


def as_record(example):
    headers = [(name, value.encode()) for name, value in example["headers"].items()]
    return headers, json.dumps(example["value"]).encode()


def test_the_files_in_git_are_what_the_models_say():
    assert publish.stale_files() == [], _REMEDY


def test_every_current_schema_is_released():
    latest = {release.event: release.schema for release in RELEASES}
    assert latest == CURRENT, "run `python -m event_contracts.publish --release`: what is in git is used by readers"


@pytest.mark.parametrize("release", RELEASES, ids=ids(RELEASES))
def test_the_new_reader_understands_everything_ever_released(release):
    assert incompatibilities(reader=CURRENT[release.event], writer=release.schema) == []


@pytest.mark.parametrize("release", RELEASES, ids=ids(RELEASES))
def test_every_released_reader_understands_what_is_written_now(release):
    assert incompatibilities(reader=release.schema, writer=CURRENT[release.event]) == []


def keeps_all_of(written: Any, released: Any) -> bool:
    """Whether all that stands in the one document stands in the other, which may have more fields, at any depth."""
    if isinstance(released, dict):
        return all(name in written and keeps_all_of(written[name], value) for name, value in released.items())
    if isinstance(released, list):
        return len(written) == len(released) and all(map(keeps_all_of, written, released))
    return bool(written == released)


def test_a_document_that_lost_something_does_not_keep_all():
    assert keeps_all_of({"lines": [{"a": 1, "new": 0}], "more": 1}, {"lines": [{"a": 1}]})
    without: list[dict[str, Any]] = [{"lines": [{"new": 0}]}, {"lines": [{"a": 2}]}, {"lines": []}, {}]
    for lost in without:
        assert not keeps_all_of(lost, {"lines": [{"a": 1}]})


@pytest.mark.parametrize("release", RELEASES, ids=ids(RELEASES))
def test_every_golden_example_ever_released_still_decodes(release):
    event = decode(*as_record(release.example))
    assert f"{event.name}.v{event.type.version}" == release.event
    written = json.loads(event.value())
    assert keeps_all_of(written, release.example["value"])
    jsonschema.validate(release.example["value"], release.schema)


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_the_golden_example_is_the_sample_and_fills_every_field(name):
    sample = sample_events()[name]
    file = publish.EXAMPLES / f"{name}.v{sample.type.version}.json"
    example = json.loads(file.read_text())
    assert decode(*as_record(example)) == sample
    unfilled = {field for field in type(sample.payload).model_fields if field not in example["value"]}
    assert unfilled <= {"reason", "shipments", "po_lines"}


def test_every_topic_has_one_publisher_with_a_source_of_its_own():
    assert set(SOURCES) == set(Topic)
    assert len(set(SOURCES.values())) == len(Topic)
    assert all(re.fullmatch(r"/backorder/[a-z]+-service", source) for source in SOURCES.values())
    assert {event.type.topic: event.source for event in sample_events().values()} == SOURCES


def test_no_event_version_that_was_released_has_gone():
    assert {release.event for release in RELEASES} <= set(CURRENT)


def test_an_example_that_its_schema_refuses_would_be_noticed():
    release = RELEASES[0]
    broken = {key: value for key, value in release.example["value"].items() if key not in release.schema["required"]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, release.schema)


def test_a_change_of_a_model_is_noticed_and_written_by_the_generator(tmp_path, monkeypatch):
    home = tmp_path / "contracts"
    shutil.copytree(publish.HOME, home, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("SCHEMAS", "EXAMPLES", "RELEASED"):
        monkeypatch.setattr(publish, name, home / name.lower())
    monkeypatch.setattr(publish, "ASYNCAPI_FILE", home / "asyncapi.json")
    monkeypatch.setattr(publish, "HOME", home)
    schema = publish.SCHEMAS / "OrderPlaced.v1.json"
    schema.write_text(schema.read_text().replace('"minimum": 0', '"minimum": 1', 1))
    (publish.SCHEMAS / "Gone.v1.json").write_text("{}")
    assert publish.main(["--check"]) == 1
    assert publish.main([]) == 0
    assert publish.main(["--check"]) == 0
    assert not (publish.SCHEMAS / "Gone.v1.json").exists()
    assert publish.release() == []


class TestAsyncApi:
    document = json.loads(publish.asyncapi_text())

    def resolve(self, reference):
        assert reference.startswith("#/")
        node = self.document
        for part in reference[2:].split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return node

    def references(self, node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from self.references(value)
        elif isinstance(node, list):
            for value in node:
                yield from self.references(value)

    def test_it_is_version_3_with_all_its_parts(self):
        assert self.document["asyncapi"] == "3.0.0"
        assert set(self.document) == {
            "asyncapi", "info", "defaultContentType", "servers", "channels", "operations", "components",
        }  # fmt: skip
        assert {"title", "version"} <= set(self.document["info"])
        for server in self.document["servers"].values():
            assert {"host", "protocol"} <= set(server)

    def test_every_reference_leads_somewhere(self):
        references = list(self.references(self.document))
        assert references
        for reference in references:
            assert self.resolve(reference)

    def test_every_topic_is_a_channel_with_exactly_its_events(self):
        assert set(self.document["channels"]) == {topic.value for topic in Topic}
        for topic, channel in self.document["channels"].items():
            assert channel["address"] == topic
            assert set(channel["messages"]) == {n for n, event in EVENT_TYPES.items() if event.topic == topic}

    def test_every_operation_sends_messages_of_its_own_channel(self):
        for operation in self.document["operations"].values():
            assert operation["action"] in {"send", "receive"}
            prefix = operation["channel"]["$ref"] + "/messages/"
            for message in operation["messages"]:
                assert message["$ref"].startswith(prefix)

    @pytest.mark.parametrize("name", EVENT_TYPES)
    def test_every_example_fits_the_documented_schemas(self, name):
        message = self.document["components"]["messages"][name]
        for example in message["examples"]:
            for part in ("headers", "payload"):
                schema = {**message[part], "components": self.document["components"]}
                jsonschema.Draft202012Validator(schema).validate(example[part])
