"""DIFFERENCES.md: what a reference builder makes otherwise, and why.

A line that is indented by four spaces lists differences:

    BUILDER CASE: DIFFERENCE

as the runner prints them, `*` standing for any text (`\\*` for itself). Each line must be under a heading with a
reason, and must occur.
"""

import re

LINE = re.compile(r"^    (buildkit|buildah) (\S+): (.+)$")


class Differences:
    """What is listed, and what of it has occurred."""

    def __init__(self, text, builder):
        self.rows = []
        reason = ""
        for number, line in enumerate(text.splitlines(), 1):
            found = LINE.match(line)
            if line.startswith("#"):
                reason = ""
            elif found:
                if not reason.strip():
                    raise ValueError(f"DIFFERENCES.md:{number}: no reason is given for this")
                if found.group(1) == builder:
                    self.rows.append(_Row(number, line.strip(), found))
            elif line.startswith("    "):
                raise ValueError(f"DIFFERENCES.md:{number}: not BUILDER CASE: DIFFERENCE")
            else:
                reason += line

    def is_listed(self, case, difference):
        """Whether a difference is listed. All lines that fit it have then occurred."""
        fitting = [row for row in self.rows if row.fits(case, difference)]
        for row in fitting:
            row.occurred = True
        return bool(fitting)

    def stale(self, cases):
        """The lines of these cases that have not occurred."""
        return [
            f"DIFFERENCES.md:{row.number}: does not occur: {row.line}"
            for row in self.rows
            if not row.occurred and row.is_decided_by(cases)
        ]


class _Row:
    def __init__(self, number, line, found):
        self.number, self.line, self.occurred = number, line, False
        self.cases = _pattern(found.group(2))
        self.any_case = "*" in found.group(2)
        self.difference = _pattern(found.group(3))

    def fits(self, case, difference):
        return self.cases.fullmatch(case) and self.difference.fullmatch(difference)

    def is_decided_by(self, cases):
        """A line for many cases can only be judged when all were run."""
        if self.any_case:
            return cases is None
        return cases is None or any(self.cases.fullmatch(case) for case in cases)


def _pattern(text):
    parts = re.split(r"(?<!\\)\*", text)
    return re.compile(".*".join(re.escape(part.replace(r"\*", "*")) for part in parts), re.S)
