"""Text files in sections, each begun by a line `-- WORDS --`; what stands above is a comment."""

import re
from dataclasses import dataclass

HEADER = re.compile(r"^-- (.+) --$")


@dataclass
class Section:
    """A section: the words of its header, its text, and the number of its first line."""

    words: list
    text: str
    line: int


def read(text, name):
    """The sections of a text."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        header = HEADER.match(line)
        if header:
            found.append(Section(header.group(1).split(), "", number))
        elif found:
            found[-1].text += line + "\n"
        elif line and not line.startswith("#"):
            raise ValueError(f"{name}:{number}: this stands in no section: {line!r}")
    for section in found[-1:]:
        # The text ends with a newline, after which there is no line.
        section.text = section.text[:-1]
    return found


def preamble(text):
    """The comments above the first section."""
    at = re.search(r"^-- .+ --$", text, re.M)
    return text[: at.start()] if at else text
