"""The configuration page is what the settings models say."""

from docs.generate_configuration import PAGE, page


def test_page_is_what_the_generator_makes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m docs.generate_configuration"
