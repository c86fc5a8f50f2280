"""Time zones are known by their IANA names."""

import pytest
from pydantic import TypeAdapter, ValidationError

from service_kit.http.fields import TimeZone


def test_a_zone_is_known_by_its_iana_name_or_is_refused_with_the_remedy():
    zone = TypeAdapter(TimeZone)
    assert zone.validate_python("America/New_York") == "America/New_York"
    for name in ("America/Gotham", "america/new_york", "+02:00", ""):
        with pytest.raises(ValidationError) as refused:
            zone.validate_python(name)
        assert name == "" or "IANA name of a time zone" in str(refused.value)
