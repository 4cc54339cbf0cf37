"""Fields under the data key: bound to their use, guarded against change, readable while keys rotate."""

from __future__ import annotations

import dataclasses

import pytest

from civic.core import crypto


@pytest.fixture
def keys(site):
    """Set the keys this site holds, the writing one first."""
    state = site.extensions["civic"]
    before = state.settings

    def hold(*names: str) -> None:
        state.settings = dataclasses.replace(before, data_keys=tuple(name * 40 for name in names))

    hold("a")
    yield hold
    state.settings = before


def test_a_text_comes_back(keys):
    assert crypto.decrypt(crypto.encrypt("身份证 𠮷", "name"), "name") == "身份证 𠮷"


def test_equal_texts_look_different(keys):
    assert crypto.encrypt("x", "name") != crypto.encrypt("x", "name")


def test_the_first_key_writes_and_every_key_reads(keys):
    old = crypto.encrypt("x", "name")
    keys("b", "a")
    new = crypto.encrypt("x", "name")
    assert [crypto.decrypt(old, "name"), crypto.decrypt(new, "name")] == ["x", "x"]
    assert (old.split(".")[1], new.split(".")[1]) == tuple(reversed(crypto.fingerprints()))
    keys("b")
    with pytest.raises(crypto.UnknownKey, match="not held"):
        crypto.decrypt(old, "name")


def test_a_text_sealed_for_one_use_opens_for_no_other(keys):
    with pytest.raises(crypto.UnknownKey, match="altered or sealed for another"):
        crypto.decrypt(crypto.encrypt("x", "name"), "phone")


def test_every_altered_letter_is_refused(keys):
    sealed = crypto.encrypt("x", "name")
    body = sealed.rindex(".") + 1
    for place in range(body, len(sealed.rstrip("=")) - 1):  # the last letter holds bits that are no part of the bytes
        for letter in ("A", "-", "!"):
            if sealed[place] != letter:
                with pytest.raises(crypto.UnknownKey):
                    crypto.decrypt(sealed[:place] + letter + sealed[place + 1 :], "name")


@pytest.mark.parametrize("sealed", ["", "x", "g1", "g1.0", "g1.00000000.", "g2.{id}.AAAA", "g1.{id}.", "g1.{id}.AAAA", "g1.{id}.é"])
def test_what_was_never_sealed_here_is_refused_in_one_way(keys, sealed):
    with pytest.raises(crypto.UnknownKey):
        crypto.decrypt(sealed.format(id=crypto.fingerprints()[0]), "name")


def test_equal_values_have_equal_hashes_only_for_one_use_and_key(keys):
    first = crypto.keyed_hash("13800138000", "phone")
    assert first == crypto.keyed_hash("13800138000", "phone")
    assert first != crypto.keyed_hash("13800138000", "login")
    keys("b", "a")
    assert first != crypto.keyed_hash("13800138000", "phone")
    assert crypto.keyed_hashes("13800138000", "phone") == [crypto.keyed_hash("13800138000", "phone"), first]


def test_the_name_of_a_key_does_not_tell_it(keys):
    assert crypto.fingerprints() == [crypto.key_id("a" * 40)]
    assert "a" * 8 not in crypto.fingerprints()[0]


def test_without_a_key_nothing_is_sealed(keys):
    keys()
    with pytest.raises(crypto.UnknownKey, match="not set"):
        crypto.encrypt("x", "name")


def test_a_token_is_found_by_its_hash():
    assert crypto.token_hash("t") == crypto.token_hash("t") != crypto.token_hash("u")
