"""Secrets at rest: encrypted, readable with old keys too, and as they were without any."""

import pytest

from notification_service.adapters.secret_box import SecretBox, SecretUnreadable

OLD, NEW = "o" * 40, "n" * 40
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def test_what_is_stored_does_not_contain_the_secret_and_differs_each_time():
    box = SecretBox([NEW])
    first, second = box.seal(SECRET), box.seal(SECRET)
    assert SECRET not in first
    assert first != second
    assert (box.open(first), box.open(second)) == (SECRET, SECRET)
    assert [first.startswith(mark) for mark in box.marks] == [True]


def test_a_change_of_keys_reads_old_secrets_and_marks_them_as_old():
    stored = SecretBox([OLD]).seal(SECRET)
    box = SecretBox([NEW, OLD])
    assert box.open(stored) == SECRET
    assert [stored.startswith(mark) for mark in box.marks] == [False, True]
    assert [box.seal(SECRET).startswith(mark) for mark in box.marks] == [True, False]
    assert SecretBox([NEW, NEW]).marks == SecretBox([NEW]).marks


def test_what_was_stored_without_a_key_is_read_as_it_is():
    assert SecretBox([NEW]).open(SECRET) == SECRET
    assert SecretBox().seal(SECRET) == SECRET
    assert SecretBox().marks == []


@pytest.mark.parametrize("spoil", [lambda text: text[:-4] + "AAA=", lambda text: text.replace("enc1", "enc1:x")])
def test_what_cannot_be_read_is_left_out_and_the_others_are_there(spoil):
    box = SecretBox([NEW])
    spoiled = spoil(box.seal("other"))
    with pytest.raises(SecretUnreadable):
        box.open(spoiled)
    with pytest.raises(SecretUnreadable):
        SecretBox([OLD]).open(box.seal(SECRET))
    assert box.open_all([spoiled, box.seal(SECRET)]) == (SECRET,)
