"""Which ARP frames are answered, with which bytes, and what an announcement looks like on the wire."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from pylb.speaker.arp import (
    BROADCAST,
    Claim,
    Drop,
    DropReason,
    Heard,
    Reply,
    Templates,
    classify,
    format_mac,
    gratuitous,
    hear,
    heard_claim,
    request,
)

MAC = bytes.fromhex("02000a4d000b")
ASKER = bytes.fromhex("02000a4d0005")
OWNED = IPv4Address("10.77.0.100")
OTHER = IPv4Address("10.77.0.101")
CLIENT = IPv4Address("10.77.0.5")
QUESTION = request(OWNED, CLIENT, ASKER)


def edited(at: int, new: bytes, frame: bytes = QUESTION) -> bytes:
    return frame[:at] + new + frame[at + len(new) :]


def test_a_request_is_answered_by_unicast_with_the_interfaces_own_mac() -> None:
    expected = (
        "02000a4d0005 02000a4d000b 0806"  # to the asker, from us
        "0001 0800 06 04 0002"  # Ethernet, IPv4, a reply
        "02000a4d000b 0a4d0064"  # the owned address is at our MAC
        "02000a4d0005 0a4d0005"
    )
    assert classify(QUESTION, MAC, {OWNED}) == Reply(OWNED, bytes.fromhex(expected))


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(edited(0, MAC), id="unicast to our MAC"),
        pytest.param(request(OWNED, IPv4Address("0.0.0.0"), ASKER), id="a probe of RFC 5227"),
        pytest.param(request(OWNED, OWNED, ASKER), id="an announcement by somebody else"),
        pytest.param(QUESTION + b"\x00" * 18, id="padded to the minimum of Ethernet"),
    ],
)
def test_these_are_answered_too(frame: bytes) -> None:
    assert isinstance(classify(frame, MAC, {OWNED}), Reply)
    prepared = Templates(MAC, {OWNED}).answer(frame)
    assert prepared is not None
    assert Reply(*prepared) == classify(frame, MAC, {OWNED})


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", DropReason.TOO_SHORT),
        (QUESTION[:41], DropReason.TOO_SHORT),
        (edited(12, b"\x08\x00"), DropReason.NOT_ARP),
        (QUESTION[:12] + b"\x81\x00\x00\x05" + QUESTION[12:], DropReason.NOT_ARP),  # a VLAN tag
        (edited(14, b"\x00\x06"), DropReason.NOT_IPV4),
        (edited(16, b"\x86\xdd"), DropReason.NOT_IPV4),
        (edited(18, b"\x08"), DropReason.NOT_IPV4),
        (edited(19, b"\x10"), DropReason.NOT_IPV4),
        (edited(20, b"\x00\x02"), DropReason.NOT_REQUEST),
        (edited(20, b"\x01\x01"), DropReason.NOT_REQUEST),
        (edited(0, ASKER), DropReason.OTHER_DESTINATION),
        (edited(0, b"\x01\x00\x5e\x00\x00\x01"), DropReason.OTHER_DESTINATION),
        (request(OWNED, CLIENT, MAC), DropReason.OWN_FRAME),
        (edited(6, MAC), DropReason.OWN_FRAME),
        (edited(22, MAC), DropReason.OWN_FRAME),
        (request(OTHER, CLIENT, ASKER), DropReason.NOT_OWNED),
    ],
)
def test_a_frame_that_is_not_answered_has_its_reason(frame: bytes, reason: DropReason) -> None:
    assert classify(frame, MAC, {OWNED}) == Drop(reason)
    assert Templates(MAC, {OWNED}).answer(frame) is None


def test_nothing_is_answered_when_nothing_is_owned() -> None:
    assert classify(QUESTION, MAC, ()) == Drop(DropReason.NOT_OWNED)


def test_announcements_have_the_forms_that_linux_takes_within_its_locktime() -> None:
    head = "ffffffffffff 02000a4d000b 0806 0001 0800 06 04"
    assert gratuitous(OWNED, MAC) == (
        bytes.fromhex(head + "0001 02000a4d000b 0a4d0064 000000000000 0a4d0064"),
        bytes.fromhex(head + "0002 02000a4d000b 0a4d0064 02000a4d000b 0a4d0064"),
    )


@pytest.mark.parametrize("form", [0, 1], ids=["request", "reply"])
def test_another_macs_announcement_of_an_owned_address_is_a_claim(form: int) -> None:
    assert heard_claim(gratuitous(OWNED, ASKER)[form], MAC, {OWNED}) == Claim(OWNED, ASKER)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(gratuitous(OWNED, MAC)[0], id="our own announcement, come back"),
        pytest.param(gratuitous(OTHER, ASKER)[0], id="of an address that is not owned"),
        pytest.param(QUESTION, id="a plain question"),
        pytest.param(gratuitous(OWNED, ASKER)[0][:41], id="cut short"),
        pytest.param(edited(20, b"\x00\x08", gratuitous(OWNED, ASKER)[0]), id="another operation"),
    ],
)
def test_these_are_no_claims(frame: bytes) -> None:
    assert heard_claim(frame, MAC, {OWNED}) is None


STATION = bytes.fromhex("02000a4d000c")  # an owner that is stood in for


def test_a_stand_ins_answer_names_the_owner_and_comes_from_itself() -> None:
    expected = (
        "02000a4d0005 02000a4d000b 0806"  # from us: no switch learns the owner's MAC at our port
        "0001 0800 06 04 0002"
        "02000a4d000c 0a4d0064"  # but the address is at the owner's MAC
        "02000a4d0005 0a4d0005"
    )
    verdict = classify(QUESTION, MAC, (), {OWNED: STATION})
    assert verdict == Reply(OWNED, bytes.fromhex(expected))
    assert Templates(MAC, (), {OWNED: STATION}).answer(QUESTION) == (OWNED, bytes.fromhex(expected))


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        pytest.param(edited(0, STATION), DropReason.OTHER_DESTINATION, id="by unicast to the owner"),
        pytest.param(gratuitous(OWNED, ASKER)[0], DropReason.CLAIMED, id="an announcement by who takes it over"),
        pytest.param(gratuitous(OWNED, STATION)[0], DropReason.CLAIMED, id="an announcement by the owner"),
    ],
)
def test_a_stand_in_is_silent_on_these(frame: bytes, reason: DropReason) -> None:
    assert classify(frame, MAC, (), {OWNED: STATION}) == Drop(reason)
    assert Templates(MAC, (), {OWNED: STATION}).answer(frame) is None


def test_a_stand_in_answers_the_owners_own_probe() -> None:
    frame = request(OWNED, IPv4Address("0.0.0.0"), STATION)
    verdict = classify(frame, MAC, (), {OWNED: STATION})
    assert isinstance(verdict, Reply)
    assert verdict.frame[22:28] == STATION  # "mine, stood in"


def test_what_is_owned_is_not_stood_in_for() -> None:
    assert classify(QUESTION, MAC, {OWNED}, {OWNED: STATION}) == classify(QUESTION, MAC, {OWNED})
    assert Templates(MAC, {OWNED}, {OWNED: STATION}).answer(QUESTION) == Templates(MAC, {OWNED}).answer(QUESTION)


def test_the_owners_mac_is_no_claim_to_what_is_stood_in_for_but_anothers_is() -> None:
    standing = {OWNED: STATION}
    for frame in (*gratuitous(OWNED, STATION), *gratuitous(OWNED, STATION, ASKER)):
        assert heard_claim(frame, MAC, (), standing) is None
    assert heard_claim(gratuitous(OWNED, ASKER)[1], MAC, (), standing) == Claim(OWNED, ASKER)
    assert heard_claim(gratuitous(OTHER, ASKER)[1], MAC, (), standing) is None


def test_a_stand_ins_announcement_differs_in_its_ethernet_source_alone() -> None:
    for ours, theirs in zip(gratuitous(OWNED, STATION, MAC), gratuitous(OWNED, STATION), strict=True):
        assert ours == edited(6, MAC, theirs)


def test_a_question_by_unicast_differs_in_its_destination_alone() -> None:
    assert request(OWNED, CLIENT, ASKER, STATION) == edited(0, STATION)


REPLY = bytes.fromhex("02000a4d000b 02000a4d000c 0806 0001080006040002 02000a4d000c 0a4d0064 02000a4d000b 0a4d0005")


@pytest.mark.parametrize(
    ("frame", "heard"),
    [
        pytest.param(REPLY, Heard(OWNED, STATION, True, True), id="a reply"),
        pytest.param(edited(6, ASKER, REPLY), Heard(OWNED, STATION, False, True), id="a stand-in's reply"),
        pytest.param(edited(0, BROADCAST, REPLY), Heard(OWNED, STATION, True, False), id="a reply to all"),
        pytest.param(gratuitous(OWNED, ASKER)[0], Heard(OWNED, ASKER, True, False), id="an announcement"),
        pytest.param(request(OWNED, IPv4Address(0), ASKER), None, id="another's probe"),
        pytest.param(QUESTION, Heard(CLIENT, ASKER, True, False), id="a question tells of the asker"),
        pytest.param(request(OWNED, CLIENT, MAC), None, id="our own question"),
        pytest.param(edited(6, MAC, REPLY), None, id="our own frame"),
        pytest.param(edited(28, bytes(4), REPLY), None, id="a reply about nothing"),
        pytest.param(REPLY[:41], None, id="cut short"),
        pytest.param(edited(20, b"\x00\x08", REPLY), None, id="another operation"),
    ],
)
def test_what_a_frame_tells_of_an_address(frame: bytes, heard: Heard | None) -> None:
    assert hear(frame, MAC) == heard


def test_a_mac_is_written_with_colons() -> None:
    assert format_mac(MAC) == "02:00:0a:4d:00:0b"
    assert format_mac(BROADCAST) == "ff:ff:ff:ff:ff:ff"
