"""What a script printed, as people read it."""


def last_lines(text: str, most_lines: int, most_characters: int = 2000) -> str:
    """Return the end of what was printed, without empty lines at its end; "" of nothing."""
    lines = text[-20 * most_characters :].replace("\r", "\n").rstrip().split("\n")
    return "\n".join(lines[-most_lines:])[-most_characters:].strip()
