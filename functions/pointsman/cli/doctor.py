"""`doctor`: what is missing on this machine, what is there twice, and how to mend it."""

from __future__ import annotations

import msgspec

from pointsman.cli.diagnosis import examine
from pointsman.cli.options import AsJson, Name, home_of
from pointsman.cli.output import Output
from pointsman.errors import StackError


def doctor(name: Name = "", as_json: AsJson = False) -> None:
    """Check this machine; exit code 1 where something that `up` needs is missing."""
    out = Output(as_json)
    findings = examine(home_of(name))
    for finding in findings:
        mark = "ok     " if finding.ok else "absent " if finding.optional else "MISSING"
        text = f"{mark} {finding.check:<16} {finding.found}"
        if not finding.ok and finding.remedy:
            text += f"\n        mend it: {finding.remedy}"
        out.record(msgspec.to_builtins(finding), text)
    missing = [finding.check for finding in findings if not finding.ok and not finding.optional]
    if missing:
        raise StackError(f"not ready for `pointsman up`: {', '.join(missing)}")
    out.say("all that `pointsman up` needs is there")
