"""Settings: read from the environment, refused in one clear line when they cannot be meant."""

from __future__ import annotations

import pytest

from civic.config import SHORTEST_KEY, ConfigurationError, load_settings

GOOD = {"CIVIC_SECRET_KEY": "s" * 32, "CIVIC_DATA_KEY": "d" * 32}


def test_what_stands_without_any_setting(tmp_path):
    settings = load_settings({"CIVIC_DATA_DIR": str(tmp_path)})
    assert settings.database_url == f"sqlite:///{tmp_path / 'civic.db'}"
    assert (settings.locale, settings.timezone, settings.trusted_proxies, settings.limits_factor) == ("zh", "Asia/Shanghai", 0, 1.0)
    assert (settings.is_sqlite, settings.testing, settings.log_format, settings.data_keys) == (True, False, "text", ())


@pytest.mark.parametrize(
    ("missing", "line"),
    [
        ({"CIVIC_SECRET_KEY": ""}, "CIVIC_SECRET_KEY is not set"),
        ({"CIVIC_SECRET_KEY": "s" * (SHORTEST_KEY - 1)}, "too short: 31 characters, at least 32"),
        ({"CIVIC_DATA_KEY": ""}, "CIVIC_DATA_KEY is not set"),
        ({"CIVIC_DATA_KEY": " , "}, "CIVIC_DATA_KEY is not set"),
        ({"CIVIC_DATA_KEY": "d" * 32 + ",short"}, "a key of 5 characters, at least 32"),
    ],
)
def test_weak_keys_are_refused_without_telling_them(missing, line):
    settings = load_settings({**GOOD, **missing})
    with pytest.raises(ConfigurationError, match=line) as refusal:
        settings.require_keys()
    assert "short," not in str(refusal.value)
    assert "sss" not in str(refusal.value)


def test_good_keys_pass_and_the_first_writes():
    settings = load_settings({**GOOD, "CIVIC_DATA_KEY": " " + "a" * 32 + " , " + "b" * 32 + ","})
    settings.require_keys()
    assert settings.data_keys == ("a" * 32, "b" * 32)


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "http://x", "oracle:x", "postgresql+psycopg2://x/y", "civic.db"])
def test_another_database_is_refused(url):
    with pytest.raises(ConfigurationError, match="CIVIC_DATABASE_URL") as refusal:
        load_settings({"CIVIC_DATABASE_URL": url})
    assert "//x" not in str(refusal.value)  # an address may hold a password


@pytest.mark.parametrize("prefix", ["postgres://", "postgresql://", "postgresql+psycopg://"])
def test_every_spelling_of_postgresql_means_one_driver(prefix):
    assert load_settings({"CIVIC_DATABASE_URL": prefix + "u:p@h/d"}).database_url == "postgresql+psycopg://u:p@h/d"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CIVIC_TIMEZONE", "Asia/Panyu"),
        ("CIVIC_TIMEZONE", "../etc/passwd"),
        ("CIVIC_LOCALE", "fr"),
        ("CIVIC_LOG_FORMAT", "xml"),
        ("CIVIC_TRUSTED_PROXIES", "one"),
        ("CIVIC_TRUSTED_PROXIES", "-1"),
        ("CIVIC_TRUSTED_PROXIES", "nan"),
        ("CIVIC_TRUSTED_PROXIES", "inf"),
        ("CIVIC_LIMITS", "-0.5"),
        ("CIVIC_LIMITS", "many"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named(name, value):
    with pytest.raises(ConfigurationError, match=name):
        load_settings({name: value})


def test_keys_of_a_demonstration_are_read_last_and_only_for_its_own_database(tmp_path):
    (tmp_path / "keys.env").write_text("CIVIC_SECRET_KEY=from-the-file\nCIVIC_DATA_KEY=also\n")
    here = {"CIVIC_DATA_DIR": str(tmp_path)}
    assert load_settings(here).secret_key == "from-the-file"
    assert load_settings({**here, "CIVIC_SECRET_KEY": "mine"}).secret_key == "mine"
    elsewhere = {**here, "CIVIC_DATABASE_URL": f"sqlite:///{tmp_path / 'other' / 'x.db'}"}
    assert load_settings(elsewhere).secret_key == ""
    assert load_settings({**here, "CIVIC_DATABASE_URL": "postgresql://h/d"}).secret_key == ""


def test_the_file_in_the_working_folder_is_read_after_the_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("CIVIC_LOCALE=en\nCIVIC_BASE_URL=https://a.example/\n")
    monkeypatch.delenv("CIVIC_LOCALE", raising=False)
    monkeypatch.delenv("CIVIC_BASE_URL", raising=False)
    assert (load_settings().locale, load_settings().base_url) == ("en", "https://a.example")
    monkeypatch.setenv("CIVIC_LOCALE", "zh")
    assert load_settings().locale == "zh"
